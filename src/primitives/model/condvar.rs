//! Waiting for a condition, with and without a deadline.

use std::sync::LockResult;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use shuttle::rand::Rng;
use shuttle::rand::thread_rng;
use shuttle::sync;
use shuttle::thread;

use crate::primitives::model::MutexGuard;
use crate::primitives::model::clock;

/// A wait that times out lasts at most this many turns of other threads.
const MAX_TURNS: usize = 6;

/// See `parking_lot::Condvar`.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

/// Whether a wait ended at its deadline.
#[derive(Clone, Copy, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether it did.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    /// No thread waits.
    #[track_caller]
    pub const fn new() -> Self {
        Condvar(sync::Condvar::new())
    }

    /// Waits for a notification.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect("the lock is held");
        let held = self.0.wait(held).unwrap_or_else(PoisonError::into_inner);
        guard.held = Some(held);
    }

    /// Waits for a notification or until the deadline. If time passes, always for the latter: as if
    /// the deadline passed at once and the lock was contended.
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        if clock::passes() {
            clock::advance_to(deadline);
            MutexGuard::unlocked(guard, let_others_run);
            return WaitTimeoutResult(true);
        }
        self.wait(guard);
        WaitTimeoutResult(false)
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

fn let_others_run() {
    (0..thread_rng().gen_range(0..=MAX_TURNS)).for_each(|_| thread::yield_now());
}

/// See `std::sync::Condvar`; deadlines as above.
#[derive(Debug, Default)]
pub struct CommitCondvar(sync::Condvar);

impl CommitCondvar {
    /// No thread waits.
    #[track_caller]
    pub const fn new() -> Self {
        CommitCondvar(sync::Condvar::new())
    }

    /// Waits for a notification.
    pub fn wait<'a, T>(
        &self,
        guard: sync::MutexGuard<'a, T>,
    ) -> LockResult<sync::MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// Waits for a notification, or until `left` has passed.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: sync::MutexGuard<'a, T>,
        left: Duration,
    ) -> LockResult<(sync::MutexGuard<'a, T>, WaitTimeoutResult)> {
        if !clock::passes() {
            let held = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
            return Ok((held, WaitTimeoutResult(false)));
        }
        // A spurious wake-up is possible; the caller reads the clock again.
        if thread_rng().gen_bool(0.5) {
            clock::advance_to(clock::now() + left);
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}
