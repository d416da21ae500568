//! How is a system call made that a signal may interrupt and a cancellation may end?
//!
//! Each call of the real disk that opens, reads, writes, syncs, names or locks a file passes here.
//! Nearly all of them are cancellation points or may be (pthreads(7): `open`, `pread`, `pwrite`,
//! `fsync`, `fdatasync`, `msync`, `fcntl`), so all run under a [`CancellationGuard`].
//!
//! A host may have signal handlers without `SA_RESTART`, and FUSE and NFS interrupt calls that
//! local file systems do not. EINTR means that a call ended early, not that it failed: it is
//! repeated, here and nowhere else. That is also correct for syncs. POSIX, fsync(): "the
//! fsync() function was interrupted by a signal" is an error of its own, apart from [EIO], an I/O
//! error. On Linux, a write-back error waits in the mapping's error sequence (`errseq_t`) until
//! a call reports it to this opening of the file (`file_check_and_advance_wb_err`). That call is
//! then answered with the write-back error, which is never EINTR; a wait that a signal ended
//! before it has consumed nothing, so the repeated call still reports the error
//! (mm/filemap.c, Documentation/core-api/errseq.rst).
//!
//! Names: a rename, a removal or a creation that was interrupted may have happened on the server
//! of a network file system. The repeated call then reports that the name is gone or exists,
//! which the engine handles as any error of that call.
//!
//! `close` is not repeated (`storage/posix/open_file.rs`): on Linux the descriptor is free even after EINTR (close(2)).

use crate::platform::CancellationGuard;
use std::io;

/// Repeats a call until it returns something other than EINTR.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let _uncancelled = CancellationGuard::enter();
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// The same for a call of libc that returns -1 on failure and sets `errno`.
pub fn retry_call<N: PartialEq + From<i8>>(mut call: impl FnMut() -> N) -> io::Result<N> {
    retry(|| {
        let answer = call();
        if answer == N::from(-1) {
            return Err(io::Error::last_os_error());
        }
        Ok(answer)
    })
}

/// Whether the system lacks a call, or a filter of system calls (seccomp) refuses it: the caller
/// uses another one.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interruptions_are_called_again() {
        let mut answers = [libc::EINTR, libc::EINTR, libc::EIO].into_iter();
        let error = retry(|| -> io::Result<()> {
            Err(io::Error::from_raw_os_error(
                answers.next().expect("one more answer"),
            ))
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EIO));
        assert_eq!(answers.next(), None);
    }
}
