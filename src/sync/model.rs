//! The checker's, with the faces of the real ones. For `tests/engine_model` only.
//!
//! Each use of a lock or an atomic is a step before which the checker may let another thread run.
//! It knows only sequentially consistent atomics; weaker orderings are argued for where they stand.

mod clock;
mod condvar;
mod mutex;
mod rwlock;

pub use clock::begin;
pub use clock::now;
pub use condvar::Condvar;
pub use mutex::Mutex;
pub use mutex::MutexGuard;
pub use rwlock::RwLock;
pub use rwlock::RwLockReadGuard;
pub use rwlock::RwLockWriteGuard;
pub use shuttle::sync::atomic;
pub use shuttle::thread;
pub use shuttle::thread_local;
// Nobody who fills one of these lets another thread run meanwhile.
pub use std::sync::OnceLock;

/// The locks of group commit, whose guards are handed over and taken back.
pub mod commit {
    pub use super::condvar::CommitCondvar as Condvar;
    pub use shuttle::sync::Mutex;
    pub use shuttle::sync::MutexGuard;
}

/// How many locks of the engine this thread holds. They are not counted here.
pub fn locks_held() -> usize {
    0
}

/// The number of this thread among those of the execution.
pub fn given_number() -> Option<usize> {
    Some(thread::current().id().into())
}
