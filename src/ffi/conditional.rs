//! How does C append at an expected id, and entries together with properties?

#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::Append;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::durability;
use crate::ffi::durability::ironwal_mark;
use crate::ffi::durability::mark_to_c;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::properties::changes;
use crate::ffi::properties::ironwal_property;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// No id is expected: the entries get the next ones.
pub const IRONWAL_ANY_ID: u64 = u64::MAX;

/// Appends one entry if it gets the id `expected_id`; otherwise nothing is appended, and
/// ironwal_error_sequence() returns the id that it would have got. Of several threads that try the same
/// id exactly one succeeds.
///
/// - NULL: `out_id` may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync.
/// - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH; ::IRONWAL_E_INVALID_ARG for ::IRONWAL_ANY_ID; those of
///   ironwal_stream_append().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_append_at(
    stream: *const ironwal_stream,
    expected_id: u64,
    data: *const c_void,
    len: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let data = boundary::bytes(data, len, "data")?;
            if expected_id == IRONWAL_ANY_ID {
                return Err(Failure::argument(
                    "expected_id is IRONWAL_ANY_ID; use ironwal_stream_append() for any id",
                ));
            }
            let id = handle.stream.append_at(expected_id, data)?;
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Appends entries and changes properties as one: after any crash all of it is there or nothing. The
/// entries get ids from `out_first_id` (inclusive) to `out_end_id` (exclusive), from `expected_id` on
/// unless that is ::IRONWAL_ANY_ID. Properties change in the order of the array. Without entries both
/// outputs are the next id, and `expected_id` is compared all the same; without entries and properties
/// nothing is written.
///
/// `*out_mark` is the place behind the append: see ironwal_stream_is_durable().
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH, with nothing appended; those of
///   ironwal_stream_set_properties() and ironwal_stream_append_batch().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_append_with(
    stream: *const ironwal_stream,
    expected_id: u64,
    entries: *const ironwal_slice,
    entry_count: usize,
    properties: *const ironwal_property,
    property_count: usize,
    durability: i32,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let appended = handle.stream.append_with(&Append {
                entries: &entries,
                expected_id: (expected_id != IRONWAL_ANY_ID).then_some(expected_id),
                properties: &properties,
                durability: durability::of_constant(durability)?,
            })?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            boundary::write_out(out_mark, mark_to_c(appended.mark));
            Ok(())
        })
    }
}
