//! Does anything read standard output still? A program that waits for something to print would not notice otherwise.

#![allow(unsafe_code)]

/// Whether standard output is a pipe or a socket whose other end is closed. On Windows always false: the next write
/// fails there.
pub fn is_output_closed() -> bool {
    #[cfg(unix)]
    return is_closed(libc::STDOUT_FILENO);
    #[cfg(not(unix))]
    return false;
}

#[cfg(unix)]
fn is_closed(descriptor: libc::c_int) -> bool {
    let mut polled = libc::pollfd {
        fd: descriptor,
        events: 0,
        revents: 0,
    };
    // SAFETY: one descriptor, which lives through the call; with a timeout of 0 the call does not wait.
    let count = unsafe { libc::poll(&raw mut polled, 1, 0) };
    count == 1 && polled.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn an_output_is_closed_once_nothing_reads_it() {
        use std::os::unix::net::UnixStream;
        let (reader, writer) = UnixStream::pair().expect("a socket");
        assert!(!is_closed(writer.as_raw_fd()));
        drop(reader);
        assert!(is_closed(writer.as_raw_fd()));
    }
}
