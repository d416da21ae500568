//! Which locks and which clock does group commit use?
//!
//! Everything here has a twin in `tests/commit_model/primitives.rs`, built on a model checker's
//! primitives; the rest of the module works on either. The common interface is that of `std::sync`.

use std::sync::PoisonError;
use std::time::Instant;

use crate::primitives::commit;
use crate::primitives::now;
use crate::primitives::thread;

pub(super) use crate::primitives::atomic::AtomicU64;
pub(super) use crate::primitives::atomic::Ordering;
pub(super) use commit::Condvar;
pub(super) use commit::Mutex;
pub(super) use commit::MutexGuard;
pub(super) use thread::ThreadId;

/// Lets other threads run.
pub(super) fn yield_now() {
    thread::yield_now();
}

/// The calling thread.
pub(super) fn thread_id() -> ThreadId {
    thread::current().id()
}

/// Measures elapsed time.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Stopwatch(now())
    }

    pub(super) fn elapsed_ns(&self) -> u64 {
        u64::try_from(now().saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Whether the deadline has passed.
pub(super) fn has_passed(deadline: Instant) -> bool {
    now() >= deadline
}

/// Waits on `condvar` until it is notified or `deadline` passes; may wake spuriously. The flag is
/// true if the deadline had passed.
pub(super) fn wait_until<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let left = deadline.saturating_duration_since(now());
    if left.is_zero() {
        return (guard, true);
    }
    let (guard, _) = condvar
        .wait_timeout(guard, left)
        .unwrap_or_else(PoisonError::into_inner);
    (guard, false)
}
