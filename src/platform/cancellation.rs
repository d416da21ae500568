//! How does a host's `pthread_cancel` not end a thread inside the engine?
//!
//! A cancelled thread unwinds at its next cancellation point (POSIX, "Thread Cancellation") through
//! frames of Rust, which aborts the process, or leaves locks held. So each kind of cancellation point
//! runs under a [`CancellationGuard`], in one place:
//!
//! - file calls: `storage/posix/retry.rs`, which every fallible call passes; closing:
//!   `storage/posix/open_file.rs`, and `fork.rs` for the lock file;
//! - sleeping, joining and counting processors: `thread.rs`;
//! - drawing the keys of a hash map (`getrandom`): `hash.rs`;
//! - the host's log callback: `ffi/log_callback.rs`.
//!
//! No cancellation points, and not guarded: locks, condition variables and parking (`parking_lot`
//! and `std` enter the futex by `syscall(2)`, which neither glibc nor musl makes a cancellation
//! point), `mmap`, `munmap`, `madvise`, `flock`, the clock, `pthread_create` and the allocator. Not
//! covered: a panic hook that writes a message, which only a defect of the library calls, and
//! asynchronous cancelability, under which POSIX permits almost no call.
//!
//! The guard has an effect on Linux with the feature `capi` only: without it no C host calls.

#![allow(unsafe_code)]

use std::marker::PhantomData;

/// While it lives, `pthread_cancel` does not take effect in the calling thread. The request stays
/// pending and takes effect at the first cancellation point of the host. Nests.
#[derive(Debug)]
pub struct CancellationGuard {
    #[cfg(all(feature = "capi", target_os = "linux"))]
    previous: libc::c_int,
    /// The state belongs to a thread, so the guard must not leave it.
    _not_send: PhantomData<*const ()>,
}

#[cfg(all(feature = "capi", target_os = "linux"))]
mod pthread {
    // pthread.h of glibc and of musl: both define PTHREAD_CANCEL_DISABLE as 1.
    pub const DISABLE: libc::c_int = 1;

    unsafe extern "C" {
        /// POSIX; the libc crate does not declare it.
        pub fn pthread_setcancelstate(
            state: libc::c_int,
            previous: *mut libc::c_int,
        ) -> libc::c_int;
    }
}

impl CancellationGuard {
    /// Disables cancellation for the calling thread until the guard is dropped.
    #[inline]
    pub fn enter() -> Self {
        #[cfg(all(feature = "capi", target_os = "linux"))]
        {
            let mut previous = 0;
            // SAFETY: the state is a valid constant and `previous` is writable; this cannot fail.
            unsafe { pthread::pthread_setcancelstate(pthread::DISABLE, &mut previous) };
            Self {
                previous,
                _not_send: PhantomData,
            }
        }
        #[cfg(not(all(feature = "capi", target_os = "linux")))]
        Self {
            _not_send: PhantomData,
        }
    }
}

impl Drop for CancellationGuard {
    #[inline]
    fn drop(&mut self) {
        #[cfg(all(feature = "capi", target_os = "linux"))]
        // SAFETY: `previous` came from the same call on this same thread (the guard is not Send).
        unsafe {
            pthread::pthread_setcancelstate(self.previous, std::ptr::null_mut());
        }
    }
}

#[cfg(all(test, feature = "capi", target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_cancellation_guard_disables_nests_and_restores() {
        const ENABLE: libc::c_int = 0;

        /// Asking means setting: the state that was found is put back.
        fn state() -> libc::c_int {
            let mut found = -1;
            // SAFETY: valid states and a writable place.
            unsafe {
                pthread::pthread_setcancelstate(pthread::DISABLE, &mut found);
                pthread::pthread_setcancelstate(found, std::ptr::null_mut());
            }
            found
        }

        assert_eq!(state(), ENABLE);
        let outer = CancellationGuard::enter();
        assert_eq!(state(), pthread::DISABLE);
        drop(CancellationGuard::enter());
        assert_eq!(
            state(),
            pthread::DISABLE,
            "the inner guard restores what it found"
        );
        drop(outer);
        assert_eq!(state(), ENABLE);
    }
}
