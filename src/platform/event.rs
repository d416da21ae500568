//! How does the engine make a descriptor readable, for a program that polls?
//!
//! An `eventfd` on Linux, a pair of sockets elsewhere. Neither blocks, and both are closed by `exec`.
//! A forked child has copies; it must not read from them (`Events::drain` refuses).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsFd;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

/// A descriptor that is readable once it was signalled, until it is cleared.
#[derive(Debug)]
pub struct EventDescriptor {
    #[cfg(target_os = "linux")]
    descriptor: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    ends: [std::os::unix::net::UnixStream; 2],
}

#[cfg(target_os = "linux")]
impl EventDescriptor {
    /// Opens one that is not readable.
    pub fn open() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has just opened this descriptor, and nothing else owns it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { descriptor })
    }

    /// Makes it readable. Never blocks.
    pub fn signal(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the buffer is 8 readable bytes, and the descriptor is open. The call cannot fail but
        // for a counter that is full, which is readable; a signal cannot interrupt it.
        unsafe { libc::write(self.descriptor.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it not readable. Never blocks.
    pub fn clear(&self) {
        let mut count = [0_u8; 8];
        let len = count.len();
        // SAFETY: the buffer is 8 writable bytes, and the descriptor is open. The call fails only if
        // the counter is zero, that is if the descriptor is not readable.
        unsafe { libc::read(self.descriptor.as_raw_fd(), count.as_mut_ptr().cast(), len) };
    }

    /// The descriptor to poll.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(not(target_os = "linux"))]
impl EventDescriptor {
    /// Opens one that is not readable.
    pub fn open() -> io::Result<Self> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Self {
            ends: [read, write],
        })
    }

    /// Makes it readable. Never blocks.
    pub fn signal(&self) {
        // It fails only if the buffer is full: then it is readable.
        let _ = io::Write::write(&mut &self.ends[1], &[1]);
    }

    /// Makes it not readable. Never blocks.
    pub fn clear(&self) {
        let mut bytes = [0; 64];
        while matches!(io::Read::read(&mut &self.ends[0], &mut bytes), Ok(64)) {}
    }

    /// The descriptor to poll.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.ends[0].as_fd()
    }
}
