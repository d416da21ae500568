//! How is `pthread_cancel` deferred while a host's thread runs engine code?
//!
//! A cancelled thread unwinds at its next cancellation point (POSIX, "Thread Cancellation"). Through
//! frames of Rust that aborts the process, or leaves locks held and waiters waiting. So each kind of
//! cancellation point that the engine reaches runs under a [`CancellationGuard`], in one place:
//!
//! - file calls: `platform/retry.rs`, which each of them passes;
//! - closing a file: `storage/posix/open_file.rs`, and `platform/fork.rs` for descriptors that a
//!   forked child closes;
//! - sleeping, joining a thread and counting processors: `platform/thread.rs`;
//! - the random keys of a hash map (`getrandom`): `platform/hash.rs`;
//! - the host's log callback: `ffi/log_callback.rs`.
//!
//! Not cancellation points, and not guarded: locks and condition variables (`parking_lot` enters the
//! futex by `syscall(2)`, which neither glibc nor musl makes a cancellation point), `mmap`, `munmap`,
//! `madvise`, `flock`, the clock, `pthread_create` and the allocator. Not covered: a panic hook that
//! prints, which only a defect of the library calls, and asynchronous cancelability, under which POSIX
//! permits almost no call.
//!
//! The guard has an effect on Linux with the feature `capi` only: without it no C host calls.

#![allow(unsafe_code)]

use std::marker::PhantomData;

/// While it lives, `pthread_cancel` does not take effect in the calling thread. The request stays
/// pending and takes effect at the host's next cancellation point. Guards nest.
#[derive(Debug)]
pub struct CancellationGuard {
    #[cfg(all(feature = "capi", target_os = "linux"))]
    previous: libc::c_int,
    /// The state is per thread, so the guard must stay on its thread.
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

    #[cfg(all(feature = "capi", target_os = "linux"))]
    #[test]
    fn the_cancellation_guard_disables_nests_and_restores() {
        const ENABLE: libc::c_int = 0;

        /// The only query is a set: this sets the state and restores it.
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
