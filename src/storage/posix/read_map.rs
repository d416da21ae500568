//! A file mapped for reading.

#![allow(unsafe_code)]

use crate::storage::MappedBytes;
use memmap2::Mmap;
use memmap2::MmapOptions;
use std::fs::File;
use std::io;

/// A shared, read-only mapping; unmapped on drop.
#[derive(Debug)]
pub(super) struct PosixReadMapping {
    map: Mmap,
}

impl PosixReadMapping {
    /// Maps the first `len` bytes; the caller has checked that the file is that long.
    pub(super) fn new(file: &File, len: u64) -> io::Result<Self> {
        let length_bytes = usize::try_from(len)
            .ok()
            .filter(|&len| isize::try_from(len).is_ok())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        // SAFETY: the contract of StorageFile::map. The file is not truncated while the mapping
        // lives, and the engine never changes a byte below a published end.
        let map = unsafe { MmapOptions::new().len(length_bytes).map(file) }?;
        Ok(Self { map })
    }
}

// SAFETY: the mapping stays at its address until the value is dropped, also where the value is
// moved. Its bytes do not change: see `new`.
unsafe impl MappedBytes for PosixReadMapping {
    fn bytes(&self) -> &[u8] {
        &self.map
    }
}
