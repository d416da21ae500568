//! How do debug builds detect that the host is called under a lock of the engine?
//!
//! The locks of `parking_lot`, with a count per thread of the live guards. Code that calls a
//! function of the host asserts that the count is zero, because the function may take any of these
//! locks. Release builds use the locks without the count.

use std::cell::Cell;
use std::ops::Deref;
use std::ops::DerefMut;
use std::time::Instant;

use parking_lot::WaitTimeoutResult;

std::thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// How many locks of the engine the calling thread holds.
pub fn locks_held() -> usize {
    HELD.get()
}

/// One live guard.
#[derive(Debug)]
struct Counted;

impl Counted {
    fn new() -> Self {
        HELD.set(HELD.get() + 1);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        HELD.set(HELD.get() - 1);
    }
}

/// See `parking_lot::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

/// See `parking_lot::MutexGuard`.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    held: parking_lot::MutexGuard<'a, T>,
    counted: Counted,
}

impl<T> Mutex<T> {
    /// An unlocked lock.
    pub const fn new(value: T) -> Self {
        Mutex(parking_lot::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let (held, counted) = (self.0.lock(), Counted::new());
        MutexGuard { held, counted }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = self.0.try_lock()?;
        let counted = Counted::new();
        Some(MutexGuard { held, counted })
    }
}

impl<T> MutexGuard<'_, T> {
    /// Releases the lock, runs `work`, and takes the lock again, also after a panic.
    pub fn unlocked<R>(guard: &mut Self, work: impl FnOnce() -> R) -> R {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                HELD.set(HELD.get() + 1);
            }
        }
        HELD.set(HELD.get() - 1);
        let _again = Again;
        parking_lot::MutexGuard::unlocked(&mut guard.held, work)
    }

    /// Releases the lock to a waiting thread, if there is one.
    pub fn unlock_fair(guard: Self) {
        let MutexGuard { held, counted } = guard;
        parking_lot::MutexGuard::unlock_fair(held);
        drop(counted);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

/// See `parking_lot::Condvar`.
#[derive(Debug, Default)]
pub struct Condvar(parking_lot::Condvar);

impl Condvar {
    /// No thread waits.
    pub const fn new() -> Self {
        Condvar(parking_lot::Condvar::new())
    }

    /// Waits for a notification.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(&mut guard.held);
    }

    /// Waits for a notification or until the deadline.
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.0.wait_until(&mut guard.held, deadline)
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

/// See `parking_lot::RwLock`.
#[derive(Debug, Default)]
pub struct RwLock<T>(parking_lot::RwLock<T>);

/// See `parking_lot::RwLockReadGuard`.
#[derive(Debug)]
pub struct RwLockReadGuard<'a, T> {
    held: parking_lot::RwLockReadGuard<'a, T>,
    _counted: Counted,
}

/// See `parking_lot::RwLockWriteGuard`.
#[derive(Debug)]
pub struct RwLockWriteGuard<'a, T> {
    held: parking_lot::RwLockWriteGuard<'a, T>,
    _counted: Counted,
}

impl<T> RwLock<T> {
    /// An unlocked lock.
    pub const fn new(value: T) -> Self {
        RwLock(parking_lot::RwLock::new(value))
    }

    /// Waits until no thread writes.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        let (held, _counted) = (self.0.read(), Counted::new());
        RwLockReadGuard { held, _counted }
    }

    /// Waits until no thread reads or writes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        let (held, _counted) = (self.0.write(), Counted::new());
        RwLockWriteGuard { held, _counted }
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    #[test]
    fn every_guard_counts_as_long_as_it_lives_and_not_while_its_lock_is_given_back() {
        let (mutex, other, rw) = (Mutex::new(0), Mutex::new(0), RwLock::new(0));
        assert_eq!(locks_held(), 0);
        let mut guard = mutex.lock();
        assert!(mutex.try_lock().is_none());
        assert_eq!(locks_held(), 1);
        let second = other.try_lock().expect("is free");
        let reading = rw.read();
        assert_eq!(locks_held(), 3);
        assert_eq!(MutexGuard::unlocked(&mut guard, locks_held), 2);
        drop(reading);
        MutexGuard::unlock_fair(second);
        assert_eq!(locks_held(), 1);
        let panics = || MutexGuard::unlocked(&mut guard, || panic!("on purpose"));
        let panicked = catch_unwind(AssertUnwindSafe(panics));
        assert!(panicked.is_err() && locks_held() == 1);
        drop((guard, rw.write()));
        assert_eq!(locks_held(), 0);
    }
}
