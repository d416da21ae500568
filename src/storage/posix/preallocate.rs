//! How does a file get more space? The size limit of the process, preallocation, zeros.

#![allow(unsafe_code)]

use crate::platform::retry::is_missing;
use crate::platform::retry::retry;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::platform::retry::retry_call;
use crate::storage::posix::file::write_all_at;
use std::fs;
use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::sync::OnceLock;

/// Zeros are written in pieces of this size, aligned to it: one page, one block.
const ZERO_WRITE_BYTES: usize = 4096;
static ZEROS: [u8; ZERO_WRITE_BYTES] = [0; ZERO_WRITE_BYTES];

/// Returns `EFBIG` for ranges beyond `RLIMIT_FSIZE` or beyond the greatest file offset. The kernel
/// would return the same, but first send SIGXFSZ, whose default action ends the host. The limit is
/// read each time, because the host may change it at any time.
pub(super) fn check_size_limit(offset: u64, len: u64) -> io::Result<()> {
    let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
    let end = offset.checked_add(len).ok_or_else(too_large)?;
    if i64::try_from(end).is_err() {
        return Err(too_large());
    }
    if size_limit().is_some_and(|limit| end > limit) {
        return Err(too_large());
    }
    Ok(())
}

/// `RLIMIT_FSIZE`, if there is a limit.
fn size_limit() -> Option<u64> {
    // SAFETY: rlimit is plain data and getrlimit writes only to it.
    let (done, limit) = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        let done = libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit);
        (done, limit.rlim_cur)
    };
    if done != 0 {
        return size_limit_of_proc();
    }
    // The type differs between systems.
    #[allow(clippy::unnecessary_cast)]
    let bytes = limit as u64;
    (limit != libc::RLIM_INFINITY).then_some(bytes)
}

/// The same where a filter refuses the call. Read once: a process that may not read the limit may
/// not set it.
fn size_limit_of_proc() -> Option<u64> {
    static LIMIT: OnceLock<Option<u64>> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let limits = retry(|| fs::read_to_string("/proc/self/limits")).ok()?;
        size_limit_among(&limits)
    })
}

/// Parses `limits` of proc(5): the name of each limit, then the soft limit.
fn size_limit_among(limits: &str) -> Option<u64> {
    let of_sizes = |line: &'_ str| line.strip_prefix("Max file size").map(str::to_owned);
    let limit = limits.lines().find_map(of_sizes)?;
    limit.split_whitespace().next()?.parse().ok()
}

/// Allocates blocks for the range. Where the file system cannot preallocate, zeros are written, but
/// only beyond the end of the file: below it there may be content.
pub(super) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    match preallocate(file, offset, len) {
        Err(error) if is_unsupported(&error) => allocate_by_writing(file, offset, len),
        result => result,
    }
}

/// `EINVAL`: ZFS and some of FUSE.
fn is_unsupported(error: &io::Error) -> bool {
    is_missing(error) || matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EINVAL))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn preallocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let too_large = |_| io::Error::from_raw_os_error(libc::EFBIG);
    let offset = libc::off_t::try_from(offset).map_err(too_large)?;
    let len = libc::off_t::try_from(len).map_err(too_large)?;
    // SAFETY: works on an open descriptor, touches no memory.
    retry_call(|| unsafe { libc::fallocate(file.as_raw_fd(), 0, offset, len) }).map(drop)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn preallocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
}

pub(super) fn allocate_by_writing(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let file_end = retry(|| file.metadata())?.len();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_limit_is_read_from_proc() {
        let limits = |size: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max cpu time              unlimited            unlimited            seconds\n\
                 Max file size             {size}            unlimited            bytes\n\
                 Max data size             7            unlimited            bytes\n"
            )
        };
        assert_eq!(size_limit_among(&limits("10000")), Some(10_000));
        assert_eq!(size_limit_among(&limits("unlimited")), None);
        assert_eq!(size_limit_among(""), None);
    }
}
