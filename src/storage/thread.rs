//! How our threads start, and how the host's threads are kept whole while they are inside us.

#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::thread::Builder;
use std::thread::JoinHandle;

/// Starts a named helper thread that handles none of the host's signals: it inherits, from its
/// first instruction on, a mask that blocks all but the signals a fault raises in the faulting
/// thread itself (blocking those would only take the host's crash reporter out of the way).
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let _blocked = BlockedSignals::block();
    Builder::new().name(name.to_owned()).spawn(body)
}

/// Blocks the calling thread's signals until dropped.
#[cfg(unix)]
struct BlockedSignals {
    previous: libc::sigset_t,
}

#[cfg(unix)]
impl BlockedSignals {
    /// The signals that a thread's own instruction raises.
    const SYNCHRONOUS: [libc::c_int; 6] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGTRAP,
        libc::SIGSYS,
    ];

    fn block() -> Self {
        // SAFETY: sigset_t is plain data for which zeros are a valid value; sigfillset and
        // sigdelset write only to it; pthread_sigmask reads one live set and writes the other,
        // and cannot fail with SIG_SETMASK.
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            let mut previous: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut blocked);
            for signal in Self::SYNCHRONOUS {
                libc::sigdelset(&mut blocked, signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, &mut previous);
            Self { previous }
        }
    }
}

#[cfg(unix)]
impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: `previous` is the mask that pthread_sigmask stored for this thread.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.previous, std::ptr::null_mut()) };
    }
}

#[cfg(not(unix))]
struct BlockedSignals;

#[cfg(not(unix))]
impl BlockedSignals {
    fn block() -> Self {
        Self
    }
}

/// While it lives, `pthread_cancel` does not take effect in the calling thread: a cancellation
/// that unwound or ended the thread inside a system call of ours would leave locks held and
/// waiters waiting. The request stays pending and takes effect later, outside. Nests. No effect
/// where there is no cancellation.
#[derive(Debug)]
pub struct CancellationGuard {
    #[cfg(target_os = "linux")]
    previous: libc::c_int,
    /// The state belongs to a thread, so the guard must not leave it.
    _not_send: PhantomData<*const ()>,
}

#[cfg(target_os = "linux")]
mod cancellation {
    // pthread.h of glibc and of musl: both define PTHREAD_CANCEL_DISABLE as 1.
    pub(super) const DISABLE: libc::c_int = 1;

    unsafe extern "C" {
        /// POSIX; the libc crate does not declare it.
        pub(super) fn pthread_setcancelstate(
            state: libc::c_int,
            previous: *mut libc::c_int,
        ) -> libc::c_int;
    }
}

impl CancellationGuard {
    /// Disables cancellation for the calling thread until the guard is dropped.
    pub fn enter() -> Self {
        #[cfg(target_os = "linux")]
        {
            let mut previous = 0;
            // SAFETY: the state is a valid constant and `previous` is writable; this cannot fail.
            unsafe { cancellation::pthread_setcancelstate(cancellation::DISABLE, &mut previous) };
            Self {
                previous,
                _not_send: PhantomData,
            }
        }
        #[cfg(not(target_os = "linux"))]
        Self {
            _not_send: PhantomData,
        }
    }
}

impl Drop for CancellationGuard {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        // SAFETY: `previous` came from the same call on this same thread (the guard is not Send).
        unsafe {
            cancellation::pthread_setcancelstate(self.previous, std::ptr::null_mut());
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
