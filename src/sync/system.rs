//! The real ones.

use std::time::Instant;

#[cfg(debug_assertions)]
pub use super::counted::*;
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

/// The locks of group commit, whose guards are handed over and taken back.
pub mod commit {
    pub use std::sync::Condvar;
    pub use std::sync::Mutex;
    pub use std::sync::MutexGuard;
}

/// How many locks of the engine this thread holds, where they are counted: in debug builds.
#[cfg(not(debug_assertions))]
pub fn locks_held() -> usize {
    0
}

/// The number of this thread among those of an execution; there is none outside a checker's.
#[inline]
pub fn given_number() -> Option<usize> {
    None
}

/// The time.
#[inline]
pub fn now() -> Instant {
    Instant::now()
}
