//! The model checker's primitives, with the interfaces of the real ones. For `tests/engine_model`
//! only.
//!
//! Before each use of a lock or an atomic the checker may run another thread. It models
//! sequentially consistent atomics only; weaker orderings are argued where they are used.

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
// Code that initializes one of these lets no other thread run meanwhile.
pub use std::sync::OnceLock;

/// The locks of group commit, which pass guards by value.
pub mod commit {
    pub use super::condvar::CommitCondvar as Condvar;
    pub use shuttle::sync::Mutex;
    pub use shuttle::sync::MutexGuard;
}

/// How many locks of the engine the calling thread holds. Not counted under the checker.
pub fn locks_held() -> usize {
    0
}

/// The id of the calling thread within the execution.
pub fn model_thread_id() -> Option<usize> {
    Some(thread::current().id().into())
}
