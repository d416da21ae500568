//! Where does one waiting thread sleep, and which signal wakes it?
//!
//! Every waiter has its own lock and condition, so that waking one thread disturbs no other: a
//! finished round wakes exactly the callers it covers, and they do not contend for a common lock.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Instant;

use super::primitives;

/// Why a waiter is woken. Each waiter is signalled at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wakeup {
    /// It leads now: the lead was handed to it.
    Lead,
    /// Its answer is known: the point has reached its target, or never will; or it is to look
    /// again.
    Settled,
}

/// Where one thread sleeps.
pub(super) struct Waiter {
    signal: primitives::Mutex<Option<Wakeup>>,
    signalled: primitives::Condvar,
}

impl Waiter {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Waiter {
            signal: primitives::Mutex::new(None),
            signalled: primitives::Condvar::new(),
        })
    }

    /// Sleeps until signalled.
    pub(super) fn park(&self) -> Wakeup {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(signal) = *signal {
                return signal;
            }
            signal = self
                .signalled
                .wait(signal)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sleeps until signalled or until `deadline`, and returns whether it was signalled. A signal
    /// may still arrive after that.
    pub(super) fn park_until(&self, deadline: Instant) -> bool {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        let mut timed_out = false;
        while signal.is_none() && !timed_out {
            (signal, timed_out) = primitives::wait_until(&self.signalled, signal, deadline);
        }
        signal.is_some()
    }

    /// Wakes the thread, or prevents it from falling asleep.
    pub(super) fn wake(&self, why: Wakeup) {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(signal.is_none(), "a waiter is signalled at most once");
        *signal = Some(why);
        drop(signal);
        self.signalled.notify_one();
    }
}
