//! How do calls that find all they need in memory do without what only others need?
//!
//! Holding off cancellation takes longer than some calls. What calls no point of cancellation (POSIX,
//! "Thread Cancellation": about all that may block) need not: a request stays pending meanwhile. So
//! such a call is tried first, and the long way is gone where it cannot answer.

#![allow(unsafe_code)]

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::ptr;

use crate::ffi::boundary::Handle;
use crate::ffi::boundary::HandleBox;
use crate::ffi::boundary::Outcome;
use crate::ffi::boundary::call;
use crate::ffi::boundary::call_on;
use crate::ffi::boundary::call_on_mut;
use crate::ffi::boundary::enter;
use crate::ffi::boundary::tagged;
use crate::ffi::boundary::write_out;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;

/// `boundary::call_on` where `quick` may do it: true. False: nothing was done, and `body` does it.
///
/// # Safety
/// As `call_on`.
pub(super) unsafe fn call_on_fast<H: Handle>(
    handle: *const H::Opaque,
    out_error: *mut *mut ironwal_error,
    quick: impl FnOnce(&H) -> bool,
    body: impl FnOnce(&H) -> Outcome,
) -> ironwal_status {
    let attempt = || {
        // SAFETY: as demanded of the caller; a live handle is only borrowed for the call.
        let tagged = unsafe { &*tagged::<H>(handle)? };
        let mut done = false;
        enter(tagged.gate.as_deref(), || {
            done = quick(&tagged.value);
            Ok(())
        })?;
        Ok(done)
    };
    // SAFETY: as demanded of the caller.
    unsafe { first(attempt, out_error, || call_on(handle, out_error, body)) }
}

/// `call_on_fast` for a handle that one thread at a time may use.
///
/// # Safety
/// As `call_on_mut`.
pub(super) unsafe fn call_on_mut_fast<H: Handle>(
    handle: *mut H::Opaque,
    out_error: *mut *mut ironwal_error,
    quick: impl FnOnce(&mut H) -> bool,
    body: impl FnOnce(&mut H) -> Outcome,
) -> ironwal_status {
    let attempt = || {
        // SAFETY: as demanded of the caller: the borrow is the only one.
        let tagged = unsafe {
            tagged::<H>(handle)?;
            &mut *handle.cast::<HandleBox<H>>()
        };
        let mut done = false;
        enter(tagged.gate.as_deref(), || {
            done = quick(&mut tagged.value);
            Ok(())
        })?;
        Ok(done)
    };
    // SAFETY: as demanded of the caller.
    unsafe { first(attempt, out_error, || call_on_mut(handle, out_error, body)) }
}

/// Makes the quick attempt, and goes the long way where that did nothing, which then tells what it
/// was refused for.
///
/// # Safety
/// `out_error` is NULL or writable.
unsafe fn first(
    attempt: impl FnOnce() -> Result<bool, Failure>,
    out_error: *mut *mut ironwal_error,
    long_way: impl FnOnce() -> ironwal_status,
) -> ironwal_status {
    match catch_unwind(AssertUnwindSafe(|| attempt().unwrap_or(false))) {
        Ok(true) => {
            // SAFETY: as demanded of the caller.
            unsafe { write_out(out_error, ptr::null_mut()) };
            IRONWAL_OK
        }
        Ok(false) => long_way(),
        // SAFETY: as demanded of the caller.
        Err(payload) => unsafe { call(out_error, || resume_unwind(payload)) },
    }
}
