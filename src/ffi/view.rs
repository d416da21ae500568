//! Borrowed bytes: what they are, and the pin that keeps them.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::EntryView;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;

/// Bytes that come out and stay the library's: those of an iterator until its next call, those
/// given with a pin until the pin is freed. Empty is {NULL, 0}.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_view {
    /// The first byte, or NULL where `len` is 0.
    pub data: *const u8,
    /// Length in bytes.
    pub len: usize,
}

impl ironwal_view {
    pub(super) const EMPTY: ironwal_view = ironwal_view {
        data: ptr::null(),
        len: 0,
    };

    #[inline]
    pub(super) fn of(bytes: &[u8]) -> ironwal_view {
        match bytes.len() {
            0 => ironwal_view::EMPTY,
            len => ironwal_view {
                data: bytes.as_ptr(),
                len,
            },
        }
    }
}

/// Keeps the bytes of one view where they are, also while the stream is pruned, deleted or closed.
pub enum ironwal_view_pin {}

/// What stands behind an `ironwal_view_pin`.
pub(super) struct PinHandle {
    /// Held for its bytes alone.
    pub(super) _entry: EntryView,
}

impl Handle for PinHandle {
    type Opaque = ironwal_view_pin;
    const MAGIC: u64 = 0x6972_6F6E_7069_6E31;
    const NAME: &'static str = "pin";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Releases a view: its bytes must not be read any more.
///
/// - Owns: takes `pin`.
/// - NULL: does nothing.
/// - Threads: any; once.
/// - Blocks: never.
/// - Durable: nothing is written.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_view_pin_free(pin: *mut ironwal_view_pin) {
    // The last view of a file unmaps it and closes nothing, and munmap is no point of cancellation.
    // SAFETY: NULL and foreign handles are refused; the caller gives the pin up.
    boundary::call_void_fast(|| drop(unsafe { boundary::take::<PinHandle>(pin) }));
}
