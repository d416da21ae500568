//! How is `pthread_cancel` deferred while a host's thread runs engine code?

#![allow(unsafe_code)]

use std::marker::PhantomData;

/// While it lives, `pthread_cancel` does not take effect in the calling thread. A cancellation
/// inside a system call would unwind or end the thread with locks held and waiters waiting. The
/// request stays pending and takes effect after the guard is dropped. Guards nest. Without effect
/// on platforms without cancellation.
#[derive(Debug)]
pub struct CancellationGuard {
    #[cfg(target_os = "linux")]
    previous: libc::c_int,
    /// The state is per thread, so the guard must stay on its thread.
    _not_send: PhantomData<*const ()>,
}

#[cfg(target_os = "linux")]
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
    pub fn enter() -> Self {
        #[cfg(target_os = "linux")]
        {
            let mut previous = 0;
            // SAFETY: the state is a valid constant and `previous` is writable; this cannot fail.
            unsafe { pthread::pthread_setcancelstate(pthread::DISABLE, &mut previous) };
            Self {
                previous,
                _not_send: PhantomData,
            }
        }
        #[cfg(not(target_os = "linux"))]
        Self {
            _not_send: PhantomData,
        }
    }
}

impl Drop for CancellationGuard {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        // SAFETY: `previous` came from the same call on this same thread (the guard is not Send).
        unsafe {
            pthread::pthread_setcancelstate(self.previous, std::ptr::null_mut());
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
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
