//! Which locks, and which clock, does group commit run on when it is searched for races?
//!
//! The twin of `src/commit/primitives.rs`.

use std::time::Instant;

use shuttle::rand::Rng;
use shuttle::rand::thread_rng;
use shuttle::thread;

pub(super) use shuttle::sync::Condvar;
pub(super) use shuttle::sync::Mutex;
pub(super) use shuttle::sync::MutexGuard;
pub(super) use shuttle::sync::atomic::AtomicBool;
pub(super) use shuttle::sync::atomic::AtomicU64;
pub(super) use shuttle::sync::atomic::Ordering;
pub(super) use shuttle::thread::ThreadId;

/// Lets the checker choose which thread goes on.
pub(super) fn yield_now() {
    thread::yield_now();
}

/// The calling thread.
pub(super) fn thread_id() -> ThreadId {
    thread::current().id()
}

/// Returns lengths of time that grow as the checker likes.
pub(super) struct Stopwatch(AtomicU64);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Stopwatch(AtomicU64::new(0))
    }

    pub(super) fn elapsed_ns(&self) -> u64 {
        let step = thread_rng().gen_range(1..400);
        self.0.fetch_add(step, Ordering::SeqCst) + step
    }
}

/// Time passes as the checker likes: any deadline may have come.
pub(super) fn has_passed(_deadline: Instant) -> bool {
    thread_rng().gen_bool(0.25)
}

/// A clock thread ends the wait at some step, unless it is notified before.
pub(super) fn wait_until<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    _deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let (over, rung) = (AtomicBool::new(false), AtomicBool::new(false));
    let steps_left = thread_rng().gen_range(0..12);
    let guard = thread::scope(|scope| {
        scope.spawn(|| {
            (0..steps_left).for_each(|_| thread::yield_now());
            while !over.load(Ordering::SeqCst) {
                rung.store(true, Ordering::SeqCst);
                condvar.notify_all();
                thread::yield_now();
            }
        });
        let guard = condvar.wait(guard).unwrap();
        over.store(true, Ordering::SeqCst);
        guard
    });
    (guard, rung.load(Ordering::SeqCst))
}
