//! How a file gets more room: the size limit of the process, preallocation, zeros.

#![allow(unsafe_code)]

use super::file::write_all_at;
use std::fs::File;
use std::io;
use std::io::IoSlice;

/// Zeros are written in pieces of this size, aligned to it: one page, one block.
const ZERO_WRITE_BYTES: usize = 4096;
static ZEROS: [u8; ZERO_WRITE_BYTES] = [0; ZERO_WRITE_BYTES];

/// Refuses, with `EFBIG`, to touch what lies beyond `RLIMIT_FSIZE` or beyond what a file offset
/// can say. The kernel would answer the same, but not before it has sent SIGXFSZ, whose default
/// ends the host. Asked each time, because the host may change the limit at any time.
pub(super) fn check_size_limit(offset: u64, len: u64) -> io::Result<()> {
    let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
    let end = offset.checked_add(len).ok_or_else(too_large)?;
    if i64::try_from(end).is_err() {
        return Err(too_large());
    }
    // SAFETY: rlimit is plain data and getrlimit writes only to it.
    let limit = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) != 0 {
            return Err(io::Error::last_os_error());
        }
        limit.rlim_cur
    };
    // The type differs between systems.
    #[allow(clippy::unnecessary_cast)]
    if limit != libc::RLIM_INFINITY && end > limit as u64 {
        return Err(too_large());
    }
    Ok(())
}

/// Secures blocks for the range. Where the file system cannot preallocate, zeros are written, but
/// only beyond the end of the file: below it there may be content.
pub(super) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    match preallocate(file, offset, len) {
        Err(error) if is_unsupported(&error) => allocate_by_writing(file, offset, len),
        result => result,
    }
}

/// `EINVAL`: ZFS and some of FUSE.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL)
    )
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn preallocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let too_large = |_| io::Error::from_raw_os_error(libc::EFBIG);
    let offset = libc::off_t::try_from(offset).map_err(too_large)?;
    let len = libc::off_t::try_from(len).map_err(too_large)?;
    loop {
        // SAFETY: works on an open descriptor, touches no memory.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, offset, len) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn preallocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
}

pub(super) fn allocate_by_writing(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let file_end = file.metadata()?.len();
    let start = offset.max(file_end);
    write_zeros(file, start, (offset + len).saturating_sub(start))
}

/// Writes zeros in pieces that end on page boundaries.
pub(super) fn write_zeros(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let end = offset + len;
    let mut at = offset;
    while at < end {
        let to_boundary = ZERO_WRITE_BYTES as u64 - at % ZERO_WRITE_BYTES as u64;
        let count = to_boundary.min(end - at);
        write_all_at(file, at, &[IoSlice::new(&ZEROS[..count as usize])])?;
        at += count;
    }
    Ok(())
}
