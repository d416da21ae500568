//! A file mapped for reading.

#![allow(unsafe_code)]

use crate::storage::MappedBytes;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// A shared, read-only mapping; unmapped on drop.
#[derive(Debug)]
pub(super) struct PosixReadMapping {
    start: NonNull<u8>,
    length_bytes: usize,
}

// SAFETY: the memory is only read, and munmap may run on any thread.
unsafe impl Send for PosixReadMapping {}
// SAFETY: as above.
unsafe impl Sync for PosixReadMapping {}

impl PosixReadMapping {
    /// Maps the first `len` bytes; the caller has checked that the file is that long.
    pub(super) fn new(file: &File, len: u64) -> io::Result<Self> {
        let length_bytes = usize::try_from(len)
            .ok()
            .filter(|&len| isize::try_from(len).is_ok())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        if length_bytes == 0 {
            // mmap refuses empty ranges.
            return Ok(Self {
                start: NonNull::dangling(),
                length_bytes,
            });
        }
        // SAFETY: a fresh mapping at an address of the kernel's choosing overlaps nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length_bytes,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Self {
            start,
            length_bytes,
        })
    }
}

// SAFETY: the mapping stays until the value is dropped, also where that is moved. The contract of
// StorageFile::map: nobody cuts the file while it lives, and the engine never changes a byte below
// a published end.
unsafe impl MappedBytes for PosixReadMapping {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping covers length_bytes (at most isize::MAX) and lives as long as self;
        // see above for what it maps.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length_bytes) }
    }
}

impl Drop for PosixReadMapping {
    fn drop(&mut self) {
        if self.length_bytes > 0 {
            // SAFETY: exactly the range that mmap returned; no borrow of it outlives self.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.length_bytes) };
        }
    }
}
