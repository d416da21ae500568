//! A mutex without poisoning, like `parking_lot`'s.

use std::ops::Deref;
use std::ops::DerefMut;
use std::sync::PoisonError;
use std::sync::TryLockError;

use shuttle::sync;

/// See `parking_lot::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T>(sync::Mutex<T>);

/// See `parking_lot::MutexGuard`.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    // Invariant: empty only while `unlocked` runs or a condition is waited for.
    pub(super) held: Option<sync::MutexGuard<'a, T>>,
    lock: &'a sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// An unlocked lock.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Mutex(sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let mut guard = MutexGuard {
            held: None,
            lock: &self.0,
        };
        guard.take();
        guard
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard {
            held: Some(held),
            lock: &self.0,
        })
    }
}

impl<T> MutexGuard<'_, T> {
    fn take(&mut self) {
        self.held = Some(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Releases the lock, runs `work`, and takes the lock again, also after a panic.
    pub fn unlocked<R>(guard: &mut Self, work: impl FnOnce() -> R) -> R {
        struct Again<'a, 'b, T>(&'a mut MutexGuard<'b, T>);
        impl<T> Drop for Again<'_, '_, T> {
            fn drop(&mut self) {
                self.0.take();
            }
        }
        let again = Again(guard);
        again.0.held = None;
        work()
    }

    /// Releases the lock; the checker chooses the next owner.
    pub fn unlock_fair(guard: Self) {
        drop(guard);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("the lock is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("the lock is held")
    }
}
