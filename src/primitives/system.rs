//! The primitives of normal builds.

use std::time::Instant;

#[cfg(debug_assertions)]
pub use crate::primitives::counted::*;
#[cfg(not(debug_assertions))]
pub use parking_lot::Condvar;
#[cfg(not(debug_assertions))]
pub use parking_lot::Mutex;
#[cfg(not(debug_assertions))]
pub use parking_lot::MutexGuard;
#[cfg(not(debug_assertions))]
pub use parking_lot::RwLock;
#[cfg(not(debug_assertions))]
pub use parking_lot::RwLockReadGuard;
#[cfg(not(debug_assertions))]
pub use parking_lot::RwLockWriteGuard;
pub use std::sync::OnceLock;
pub use std::sync::atomic;
pub use std::thread;
pub use std::thread_local;

/// The locks of group commit, which pass guards by value.
pub mod commit {
    pub use std::sync::Condvar;
    pub use std::sync::Mutex;
    pub use std::sync::MutexGuard;
}

/// How many locks of the engine the calling thread holds. Counted in debug builds only.
#[cfg(not(debug_assertions))]
pub fn locks_held() -> usize {
    0
}

/// The id of the calling thread within a checker's execution; `None` in normal builds.
#[inline]
pub fn model_thread_id() -> Option<usize> {
    None
}

/// The current time.
#[inline]
pub fn now() -> Instant {
    Instant::now()
}
