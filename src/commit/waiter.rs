//! Where does one waiting thread sleep, and what is it told when it is woken?
//!
//! Every waiter has a spot of its own, so that waking one thread disturbs no other: a finished
//! round wakes exactly those it means, and they do not meet again at a common lock.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Instant;

use super::primitives;

/// What a waiter is woken for. It is told at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wakeup {
    /// It leads now: leadership has been passed to it, nobody else has it.
    Lead,
    /// Its answer is known: the point has reached its target, or never will.
    Settled,
}

/// The parking spot of one thread.
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

    /// Sleeps until signalled or until `deadline`. Which of the two is for the caller to find out:
    /// a signal may come while it does.
    pub(super) fn park_until(&self, deadline: Instant) {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        let mut timed_out = false;
        while signal.is_none() && !timed_out {
            (signal, timed_out) = primitives::wait_until(&self.signalled, signal, deadline);
        }
    }

    /// Wakes the thread, or keeps it from falling asleep.
    pub(super) fn wake(&self, why: Wakeup) {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(signal.is_none(), "a waiter is told at most once");
        *signal = Some(why);
        drop(signal);
        self.signalled.notify_one();
    }
}
