//! How does a program that runs until it is interrupted end in its own time?
//!
//! A handler for SIGINT and SIGTERM sets a flag, which the program looks at between two steps. A second signal ends
//! the process as if there were no handler, so a step that does not end cannot hold it. For programs only: a library
//! must not touch the handlers of its host.

#![allow(unsafe_code)]

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
#[cfg(unix)]
use std::sync::atomic::Ordering;

#[cfg(unix)]
static IS_RAISED: AtomicBool = AtomicBool::new(false);

/// The signals that ask a program to end. On Windows they end it at once.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt(());

impl Interrupt {
    /// From now on the signals are noted, and the process goes on.
    pub fn catch() -> Interrupt {
        #[cfg(unix)]
        for signal in [libc::SIGINT, libc::SIGTERM] {
            catch_once(signal);
        }
        Interrupt(())
    }

    /// Whether one came.
    pub fn is_raised(self) -> bool {
        #[cfg(unix)]
        return IS_RAISED.load(Ordering::Relaxed);
        #[cfg(not(unix))]
        return false;
    }
}

#[cfg(unix)]
extern "C" fn note(_signal: libc::c_int) {
    IS_RAISED.store(true, Ordering::Relaxed);
}

/// Installs the handler, for one signal to come. Calls that the signal interrupts go on.
#[cfg(unix)]
fn catch_once(signal: libc::c_int) {
    let handler: extern "C" fn(libc::c_int) = note;
    // SAFETY: an all-zero sigaction is a valid one (no flags, an empty mask, SIG_DFL). The pointers are to locals that
    // live through the calls. The handler stores to an atomic and does nothing else, which signal-safety(7) allows
    // at any point.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        // Fails for signals that do not exist only: then nothing is caught, and the signal ends the process.
        let _ = libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}
