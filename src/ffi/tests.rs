//! Does the boundary hold: are panics stopped, do they poison, are they reported?
//!
//! What a C caller can provoke is tested in `ffi-tests`; a panic is not among it.

#![allow(unsafe_code)]

mod header_compiles;

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::error::ironwal_error_free;
use crate::ffi::error::ironwal_error_message;
use crate::ffi::error::ironwal_error_status;
use crate::ffi::status::IRONWAL_E_CLOSED;
use crate::ffi::status::IRONWAL_E_INVALID_ARG;
use crate::ffi::status::IRONWAL_E_PANIC;
use crate::ffi::status::IRONWAL_E_POISONED;
use crate::ffi::status::IRONWAL_OK;

/// The opaque side of a handle made for these tests.
enum Opaque {}

struct Door(Arc<LogGate>);

impl Handle for Door {
    type Opaque = Opaque;
    const MAGIC: u64 = 1;
    const NAME: &'static str = "door";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.0)
    }
}

struct UnknownHandle;

impl Handle for UnknownHandle {
    type Opaque = Opaque;
    const MAGIC: u64 = 2;
    const NAME: &'static str = "stranger";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

fn message_of(error: *mut super::error::ironwal_error) -> String {
    // SAFETY: called with live errors only.
    let text = unsafe { ironwal_error_message(error) };
    // SAFETY: messages are followed by a NUL.
    unsafe { CStr::from_ptr(text.data) }
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_panic_becomes_a_status_and_shuts_the_gate_of_its_log_only() {
    let gate = LogGate::new();
    let panicking = boundary::into_handle(Door(Arc::clone(&gate)));
    let sibling = boundary::into_handle(Door(gate));
    let other_log = boundary::into_handle(Door(LogGate::new()));
    let mut error = ptr::null_mut();
    // SAFETY: live handles and a writable error.
    unsafe {
        let status =
            boundary::call_on::<Door>(panicking, &mut error, |_| panic!("out of {}", "cheese"));
        assert_eq!(status, IRONWAL_E_PANIC);
        assert_eq!(ironwal_error_status(error), IRONWAL_E_PANIC);
        assert!(
            message_of(error).contains("out of cheese"),
            "{}",
            message_of(error)
        );
        ironwal_error_free(error);
        let none = ptr::null_mut();
        for handle in [panicking, sibling] {
            assert_eq!(
                boundary::call_on::<Door>(handle, none, |_| Ok(())),
                IRONWAL_E_POISONED
            );
            assert_eq!(
                boundary::call_on_mut::<Door>(handle, none, |_| Ok(())),
                IRONWAL_E_POISONED
            );
        }
        assert_eq!(
            boundary::call_on::<Door>(other_log, none, |_| Ok(())),
            IRONWAL_OK
        );
        for handle in [panicking, sibling, other_log] {
            assert!(boundary::take::<Door>(handle).is_ok());
        }
    }
}

/// A payload whose drop panics must not get past the boundary either.
#[test]
fn a_payload_that_panics_when_dropped_is_leaked() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    // SAFETY: no error object is wanted.
    let status = unsafe { boundary::call(ptr::null_mut(), || std::panic::panic_any(Bomb)) };
    assert_eq!(status, IRONWAL_E_PANIC);
    boundary::call_void(|| std::panic::panic_any(Bomb));
}

#[test]
fn a_closed_gate_answers_closed_and_a_handle_of_another_kind_is_refused() {
    let door = boundary::into_handle(Door(LogGate::new()));
    let mut error = ptr::null_mut();
    // SAFETY: live handles and a writable error.
    unsafe {
        let none = ptr::null_mut();
        assert_eq!(
            boundary::call_on::<UnknownHandle>(door, &mut error, |_| Ok(())),
            IRONWAL_E_INVALID_ARG
        );
        assert!(message_of(error).contains("stranger"));
        ironwal_error_free(error);
        assert_eq!(
            boundary::call_on::<Door>(ptr::null(), none, |_| Ok(())),
            IRONWAL_E_INVALID_ARG
        );
        let status = boundary::call_on::<Door>(door, none, |door| {
            door.0.close();
            Ok(())
        });
        assert_eq!(status, IRONWAL_OK);
        assert_eq!(
            boundary::call_on::<Door>(door, &mut error, |_| Ok(())),
            IRONWAL_E_CLOSED
        );
        ironwal_error_free(error);
        assert_eq!(
            boundary::call_on::<Door>(door, &mut error, |_| Ok(())),
            IRONWAL_E_CLOSED
        );
        ironwal_error_free(error);
        assert!(boundary::take::<Door>(door).is_ok());
    }
}

#[test]
fn success_resets_the_error_pointer() {
    let mut error = ptr::dangling_mut();
    // SAFETY: a writable error pointer; what it holds is not looked at.
    let status = unsafe { boundary::call(&mut error, || Ok(())) };
    assert_eq!(status, IRONWAL_OK);
    assert!(error.is_null());
}

/// A misaligned or impossible array is refused before a slice is made of it.
#[test]
fn impossible_arrays_are_refused() {
    let four = [1_u64, 2, 3, 4];
    let first = four.as_ptr();
    // SAFETY: refused lengths and pointers are not followed; the last is a whole array.
    unsafe {
        assert!(boundary::array(first, usize::MAX / 8 + 1, "ids").is_err());
        assert!(boundary::array(first.byte_add(1), 1, "ids").is_err());
        assert!(boundary::array(ptr::null::<u64>(), 1, "ids").is_err());
        assert!(boundary::array(ptr::null::<u64>(), 0, "ids").is_ok_and(<[u64]>::is_empty));
        assert!(boundary::array(first, 4, "ids").is_ok_and(|ids| ids == four));
    }
}
