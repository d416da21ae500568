//! What a read of several entries gives to C.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::view::ironwal_view;

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
/// - Owns: `entries` stays the caller's.
/// - NULL: NULL has 0.
/// - Threads: any, at the same time.
/// - Blocks: never.
/// - Durable: nothing is written.
/// - Errors: none.
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
/// - NULL: `entries` and `out_view` are required. `*out_view` is {NULL, 0} after a failure.
/// - Threads: any, at the same time.
/// - Blocks: never.
/// - Durable: nothing is written.
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
///
/// - Owns: takes `entries`.
/// - NULL: does nothing.
/// - Threads: any; once.
/// - Blocks: never.
/// - Durable: nothing is written.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_entry_list_free(entries: *mut ironwal_entry_list) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the entries up.
    boundary::call_void(|| drop(unsafe { boundary::take::<EntriesHandle>(entries) }));
}
