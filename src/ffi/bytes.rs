//! How do bytes cross the boundary: slices in, owned buffers, pinned views and lists of entries out?

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::EntryView;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;

/// Bytes that go in: `len` bytes from `data` on. {NULL, 0} is empty. Read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_slice {
    /// The first byte, or NULL where `len` is 0.
    pub data: *const c_void,
    /// Length in bytes.
    pub len: usize,
}

/// Bytes owned by the caller, released with ironwal_buffer_free().
/// Empty is {NULL, 0}.
#[repr(C)]
pub struct ironwal_buffer {
    /// The first byte, or NULL where `len` is 0.
    pub data: *mut u8,
    /// Length in bytes. Never change it: the library frees by it.
    pub len: usize,
}

impl ironwal_buffer {
    pub(super) const EMPTY: ironwal_buffer = ironwal_buffer {
        data: ptr::null_mut(),
        len: 0,
    };

    /// Hands bytes to C.
    pub(super) fn owning(bytes: Vec<u8>) -> ironwal_buffer {
        if bytes.is_empty() {
            return ironwal_buffer::EMPTY;
        }
        // A boxed slice has no capacity beyond its length, so (data, len) frees it exactly.
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        ironwal_buffer {
            data: bytes.cast(),
            len: bytes.len(),
        }
    }
}

/// Frees the bytes of a buffer and resets it to {NULL, 0}, so that a second call does nothing.
///
/// - Owns: takes the bytes; the struct itself stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_buffer_free(buffer: *mut ironwal_buffer) {
    if buffer.is_null() {
        return;
    }
    boundary::call_void(|| {
        // SAFETY: not NULL; the caller passes a buffer that this library filled, or an empty one.
        let taken = unsafe { buffer.replace(ironwal_buffer::EMPTY) };
        if !taken.data.is_null() {
            let bytes = ptr::slice_from_raw_parts_mut(taken.data, taken.len);
            // SAFETY: `owning` made it from a boxed slice of exactly this length.
            drop(unsafe { Box::from_raw(bytes) });
        }
    });
}

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

    /// The bytes.
    ///
    /// # Safety
    /// They are where they were when the view was made, and stay there as long as the slice is used.
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        match self.len {
            0 => &[],
            // SAFETY: not empty, so made of a slice; the caller answers for its bytes.
            len => unsafe { std::slice::from_raw_parts(self.data, len) },
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_view_pin_free(pin: *mut ironwal_view_pin) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the pin up.
    boundary::call_void(|| drop(unsafe { boundary::take::<PinHandle>(pin) }));
}

/// What ironwal_get_batch() found, in the order of the ids asked for. Freed with
/// ironwal_entry_list_free().
pub enum ironwal_entry_list {}

/// What stands behind an `ironwal_entry_list`.
pub(super) struct EntriesHandle(pub(super) Vec<Option<Vec<u8>>>);

impl Handle for EntriesHandle {
    type Opaque = ironwal_entry_list;
    const MAGIC: u64 = 0x6972_6F6E_656E_7431;
    const NAME: &'static str = "entries";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// How many ids were asked for.
///
/// - NULL: NULL has 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_entry_list_count(entries: *const ironwal_entry_list) -> usize {
    let mut count = 0;
    // SAFETY: the caller passes NULL or live entries; NULL is refused, which leaves the 0.
    unsafe {
        boundary::call_on::<EntriesHandle>(entries, ptr::null_mut(), |entries| {
            count = entries.0.len();
            Ok(())
        })
    };
    count
}

/// The entry for the id that was the `index`-th asked for.
///
/// - Owns: the view belongs to `entries` and ends with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where there was no such entry;
///   ::IRONWAL_E_INVALID_ARG for an index past the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_entry_list_get(
    entries: *const ironwal_entry_list,
    index: usize,
    out_view: *mut ironwal_view,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_view, ironwal_view::EMPTY);
        boundary::call_on::<EntriesHandle>(entries, out_error, |handle| {
            let out_view = boundary::non_null(out_view, "out_view")?;
            let Some(entry) = handle.0.get(index) else {
                let count = handle.0.len();
                return Err(Failure::argument(format!(
                    "index {index} of {count} entries"
                )));
            };
            let entry = entry
                .as_deref()
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_view, ironwal_view::of(entry));
            Ok(())
        })
    }
}

/// Frees what was found, and the bytes that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_entry_list_free(entries: *mut ironwal_entry_list) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the entries up.
    boundary::call_void(|| drop(unsafe { boundary::take::<EntriesHandle>(entries) }));
}
