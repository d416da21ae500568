//! One open file of the real disk: positional reads and writes, and syncs.
//!
//! Failure: reads and writes continue after interruptions and short counts, syncs after
//! interruptions (`retry` argues why). Any other error is returned with the part before it done. A
//! failed sync is never repeated: the kernel reports a write-back error once. Close: without sync.

#![allow(unsafe_code)]

use crate::platform::retry::is_missing;
use crate::platform::retry::retry;
use crate::platform::retry::retry_call;
use crate::storage::MappedBytes;
use crate::storage::StorageFile;
#[cfg(target_os = "linux")]
use crate::storage::WriteMapping;
use crate::storage::posix::open_file::OpenFile;
use crate::storage::posix::preallocate;
use crate::storage::posix::read_map::PosixReadMapping;
#[cfg(target_os = "linux")]
use crate::storage::posix::write_map::PosixWriteMapping;
use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// `IOV_MAX` of Linux and of the BSDs; POSIX allows as few as 16.
const MAX_PARTS: usize = 1024;

/// A regular file.
#[derive(Debug)]
pub(super) struct PosixFile {
    file: OpenFile,
}

impl PosixFile {
    pub(super) fn new(file: OpenFile) -> Self {
        Self { file }
    }
}

impl StorageFile for PosixFile {
    fn len(&self) -> io::Result<u64> {
        Ok(retry(|| self.file.metadata())?.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        read_all_with(offset, buf, |at, rest| self.file.read_at(rest, at))
    }

    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        if length == 0 {
            return Ok(());
        }
        preallocate::check_size_limit(offset, length)?;
        write_all_at(&self.file, offset, parts)
    }

    #[cfg(target_os = "linux")]
    fn write_durably_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        preallocate::check_size_limit(offset, length)?;
        match write_all_with(offset, parts, |at, parts| {
            write_durably_once(&self.file, at, parts)
        }) {
            // Nothing failed to reach the disk: the system has no such call, or not for this file.
            Err(error) if is_without_ranges(&error) => {
                write_all_at(&self.file, offset, parts)?;
                sync_data(&self.file)
            }
            result => result,
        }
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        preallocate::check_size_limit(offset, len)?;
        preallocate::allocate(&self.file, offset, len)
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        preallocate::check_size_limit(offset, len)?;
        preallocate::write_zeros(&self.file, offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.len()? {
            preallocate::check_size_limit(0, len)?;
        }
        retry(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        sync_data(&self.file)
    }

    fn sync_all(&self) -> io::Result<()> {
        sync_all(&self.file)
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>> {
        // A load past the end of the file raises SIGBUS: refuse it here.
        let end = self.len()?;
        if len > end {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{len} bytes cannot be mapped, the file ends at {end}"),
            ));
        }
        Ok(Arc::new(PosixReadMapping::new(&self.file, len)?))
    }

    #[cfg(target_os = "linux")]
    fn map_writable(&self, from: u64, len: u64) -> io::Result<Arc<dyn WriteMapping>> {
        Ok(Arc::new(PosixWriteMapping::new(&self.file, from, len)?))
    }

    #[cfg(target_os = "linux")]
    fn start_writeback(&self, offset: u64, len: u64) {
        // Without a flag that waits the kernel does not mark an error of an earlier write as
        // reported (fs/sync.c), so the next sync still reports it.
        let _ = writeback_and_wait(&self.file, offset, len, libc::SYNC_FILE_RANGE_WRITE);
    }

    #[cfg(target_os = "linux")]
    fn writeback_and_wait(&self, ranges: &[(u64, u64)]) -> io::Result<()> {
        let start = libc::SYNC_FILE_RANGE_WRITE;
        let finish = libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        // All writes are started before the first wait.
        for steps in [start, finish] {
            for &(offset, len) in ranges {
                match writeback_and_wait(&self.file, offset, len, steps) {
                    Err(error) if is_without_ranges(&error) => {
                        return Err(io::ErrorKind::Unsupported.into());
                    }
                    result => result?,
                }
            }
        }
        Ok(())
    }
}

/// Writes dirty pages out, and waits for them if `steps` say so. Does not flush the disk's cache:
/// see the contract.
#[cfg(target_os = "linux")]
fn writeback_and_wait(file: &File, offset: u64, len: u64, steps: libc::c_uint) -> io::Result<()> {
    let too_large = |_| io::Error::from_raw_os_error(libc::EFBIG);
    let offset = libc::off64_t::try_from(offset).map_err(too_large)?;
    let len = libc::off64_t::try_from(len).map_err(too_large)?;
    // SAFETY: works on an open descriptor, touches no memory.
    let call = || unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, steps) };
    retry_call(call).map(drop)
}

/// Whether ranges cannot be written back or synced here: the call is missing (WSL 1), filtered, or
/// not for this file. An I/O error is not among these.
#[cfg(target_os = "linux")]
pub(super) fn is_without_ranges(error: &io::Error) -> bool {
    let not_here = [libc::EOPNOTSUPP, libc::EINVAL, libc::ESPIPE];
    is_missing(error)
        || error
            .raw_os_error()
            .is_some_and(|code| not_here.contains(&code))
}

/// Calls `read_once` for the missing bytes until the buffer is full or the file ends.
pub(super) fn read_all_with(
    offset: u64,
    buf: &mut [u8],
    mut read_once: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut read = 0;
    while read < buf.len() {
        match retry(|| read_once(offset + read as u64, &mut buf[read..]))? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}

/// Writes all parts at `offset`.
pub(super) fn write_all_at(file: &File, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
    write_all_with(offset, parts, |at, parts| match parts {
        [part] => file.write_at(part, at),
        parts => match write_parts_once(file, at, parts) {
            Err(error) if is_missing(&error) => write_first_part(file, at, parts),
            result => result,
        },
    })
}

/// Calls `write_once` with the rest, at most [`MAX_PARTS`] parts at a time, until all is written.
pub(super) fn write_all_with(
    offset: u64,
    parts: &[IoSlice<'_>],
    mut write_once: impl FnMut(u64, &[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut at = offset;
    let mut rest = parts;
    // The number of bytes of the first part of `rest` that are written.
    let mut skip = 0;
    while let Some(first) = rest.first() {
        if skip >= first.len() {
            skip -= first.len();
            rest = &rest[1..];
            continue;
        }
        let written = retry(|| match skip {
            0 => write_once(at, &rest[..rest.len().min(MAX_PARTS)]),
            _ => write_once(at, &[IoSlice::new(&first[skip..])]),
        })?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        at += written as u64;
        skip += written;
    }
    Ok(())
}

/// One `pwritev`, which may write less than asked.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn write_parts_once(file: &File, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let offset =
        libc::off_t::try_from(offset).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: IoSlice is guaranteed to have the layout of iovec; the parts outlive the call and
    // there are at most MAX_PARTS of them.
    let written = unsafe {
        libc::pwritev(
            file.as_raw_fd(),
            parts.as_ptr().cast(),
            parts.len() as libc::c_int,
            offset,
        )
    };
    if written < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(written as usize)
    }
}

/// The same, durable on return: what is written, and the metadata needed to read it back.
#[cfg(target_os = "linux")]
fn write_durably_once(file: &File, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let offset =
        libc::off_t::try_from(offset).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: as in `write_parts_once`.
    let written = unsafe { pwritev2_dsync(file.as_raw_fd(), parts, offset) };
    if written < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(written as usize)
    }
}

/// # Safety
///
/// As of pwritev2(2): there are at most `MAX_PARTS` parts.
#[cfg(all(target_os = "linux", not(target_env = "musl")))]
unsafe fn pwritev2_dsync(
    descriptor: libc::c_int,
    parts: &[IoSlice<'_>],
    offset: libc::off_t,
) -> libc::ssize_t {
    // SAFETY: the caller's; IoSlice has the layout of iovec.
    unsafe {
        libc::pwritev2(
            descriptor,
            parts.as_ptr().cast(),
            parts.len() as libc::c_int,
            offset,
            libc::RWF_DSYNC,
        )
    }
}

/// By syscall(2), for musl has `pwritev2` since 1.2.5 only: with an older one no program would link.
///
/// # Safety
///
/// As of pwritev2(2): there are at most `MAX_PARTS` parts.
#[cfg(all(target_os = "linux", target_env = "musl"))]
unsafe fn pwritev2_dsync(
    descriptor: libc::c_int,
    parts: &[IoSlice<'_>],
    offset: libc::off_t,
) -> libc::ssize_t {
    // The offset in two halves, the low one first. Where a long has 64 bits the low one is all of it, and the kernel
    // ignores the other.
    // SAFETY: the caller's; IoSlice has the layout of iovec, and all arguments have the width of a long.
    let written = unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            libc::c_long::from(descriptor),
            parts.as_ptr(),
            parts.len() as libc::c_long,
            offset as libc::c_long,
            (offset >> 32) as libc::c_long,
            libc::c_long::from(libc::RWF_DSYNC),
        )
    };
    written as libc::ssize_t
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn write_parts_once(file: &File, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    write_first_part(file, offset, parts)
}

/// Writes the first part that is not empty; the caller continues with the rest.
fn write_first_part(file: &File, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let part = parts
        .iter()
        .find(|part| !part.is_empty())
        .map_or(&[][..], |part| part);
    file.write_at(part, offset)
}

/// Content, and the metadata needed to read it back.
fn sync_data(file: &File) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        // SAFETY: syncs an open descriptor, touches no memory.
        match retry_call(|| unsafe { libc::fdatasync(file.as_raw_fd()) }) {
            Err(error) if is_missing(&error) => sync_all(file),
            result => result.map(drop),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    sync_all(file)
}

/// Content and all metadata; directories too.
pub(super) fn sync_all(file: &File) -> io::Result<()> {
    // fsync of macOS leaves the data in the drive's cache (its fsync(2), "F_FULLFSYNC").
    #[cfg(target_vendor = "apple")]
    {
        // SAFETY: syncs an open descriptor, touches no memory.
        let flush = || unsafe { libc::fcntl(file.as_raw_fd(), libc::F_FULLFSYNC) };
        let Err(error) = retry_call(flush) else {
            return Ok(());
        };
        // Not every file system has it; those get fsync.
        if !matches!(
            error.raw_os_error(),
            Some(libc::ENOTSUP | libc::ENOTTY | libc::EINVAL)
        ) {
            return Err(error);
        }
    }
    // SAFETY: syncs an open descriptor, touches no memory.
    retry_call(|| unsafe { libc::fsync(file.as_raw_fd()) }).map(drop)
}
