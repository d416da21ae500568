//! The real ones.

use std::time::Instant;

pub use parking_lot::Condvar;
pub use parking_lot::Mutex;
pub use parking_lot::MutexGuard;
pub use parking_lot::RwLock;
pub use parking_lot::RwLockReadGuard;
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
