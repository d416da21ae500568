//! How does the engine start threads that do not handle the host's signals?

#![allow(unsafe_code)]

#[cfg(feature = "simulation")]
use std::cell::Cell;
use std::io;

use crate::primitives::thread::Builder;
use crate::primitives::thread::JoinHandle;

/// Linux cuts longer names, and `top` or a debugger then shows only their beginning.
const MAX_NAME_LEN: usize = 15;

/// Starts a named thread that handles none of the host's signals. The thread inherits a mask that
/// blocks all signals from its first instruction on, except those that a fault raises in the
/// faulting thread itself: blocking these would only disable the host's crash reporter. The name has
/// at most `MAX_NAME_LEN` bytes.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    debug_assert!(name.len() <= MAX_NAME_LEN, "{name} would be cut");
    #[cfg(feature = "simulation")]
    if REFUSES.get() {
        REFUSED.set(REFUSED.get() + 1);
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let _blocked = BlockedSignals::block();
    Builder::new().name(name.to_owned()).spawn(body)
}

#[cfg(feature = "simulation")]
std::thread_local! {
    static REFUSES: Cell<bool> = const { Cell::new(false) };
    static REFUSED: Cell<usize> = const { Cell::new(0) };
}

/// How many starts on the calling thread have been refused so far.
#[cfg(feature = "simulation")]
pub fn threads_refused() -> usize {
    REFUSED.get()
}

/// Sets whether the calling thread's starts fail, as on a system that has no threads left.
#[cfg(feature = "simulation")]
pub fn refuse_threads(refuses: bool) {
    REFUSES.set(refuses);
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

#[cfg(all(test, unix))]
mod tests;
