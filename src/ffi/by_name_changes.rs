//! How does C append at an expected id, change properties and cut, by the name of a stream?
//!
//! Each call looks the stream up and does what its namesake by handle does.

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ffi::c_void;
use std::ptr;

use crate::Append;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::conditional::IRONWAL_ANY_ID;
use crate::ffi::durability;
use crate::ffi::durability::ironwal_mark;
use crate::ffi::durability::mark_to_c;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::properties::changes;
use crate::ffi::properties::ironwal_property;
use crate::ffi::properties::ironwal_property_list;
use crate::ffi::properties::list_to_c;
use crate::ffi::properties::replacements;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// Appends one entry if it gets the id `expected_id`, as ironwal_stream_append_at(). A stream that does
/// not exist is begun at id 0.
///
/// - NULL: `out_id` may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync.
/// - Errors: those of ironwal_stream_append_at(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append_at(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    expected_id: u64,
    data: *const c_void,
    len: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let data = boundary::bytes(data, len, "data")?;
            if expected_id == IRONWAL_ANY_ID {
                return Err(Failure::argument(
                    "expected_id is IRONWAL_ANY_ID; use ironwal_append() for any id",
                ));
            }
            let id = handle.wal.append_at(key, expected_id, data)?;
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Appends entries and changes properties as one, as ironwal_stream_append_with().
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: those of ironwal_stream_append_with(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append_with(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
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
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let append = Append {
                entries: &entries,
                expected_id: (expected_id != IRONWAL_ANY_ID).then_some(expected_id),
                properties: &properties,
                durability: durability::of_constant(durability)?,
            };
            let appended = handle.wal.append_with(key, &append)?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            boundary::write_out(out_mark, mark_to_c(appended.mark));
            Ok(())
        })
    }
}

/// The value of a property, as ironwal_stream_property(). A stream that does not exist has none.
///
/// - Owns: release `*out_value` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the stream has no such property; those of
///   ironwal_stream_property(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_get_property(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    key: *const c_void,
    key_len: usize,
    out_value: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_value, ironwal_buffer::EMPTY);
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_value = boundary::non_null(out_value, "out_value")?;
            let stream = boundary::utf8(stream, stream_len, "stream")?;
            let key = boundary::bytes(key, key_len, "key")?;
            let value = handle.wal.property(stream, key)?;
            let value = value.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_value, ironwal_buffer::owning(value));
            Ok(())
        })
    }
}

/// Lists the properties of the stream, as ironwal_stream_properties(). A stream that does not exist has
/// none.
///
/// - Owns: free `*out_list` with ironwal_property_list_free(); it outlives the log.
/// - Errors: those of ironwal_stream_properties(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_get_properties(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_list: *mut *mut ironwal_property_list,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_list, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_list = boundary::non_null(out_list, "out_list")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let list = list_to_c(handle.wal.properties(key)?);
            boundary::write_out(out_list, list);
            Ok(())
        })
    }
}

/// Changes properties as one, as ironwal_stream_set_properties().
///
/// - NULL: `out_mark` may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: those of ironwal_stream_set_properties(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_set_properties(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    properties: *const ironwal_property,
    property_count: usize,
    durability: i32,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let changes = changes(properties, property_count)?;
            let durability = durability::of_constant(durability)?;
            let mark = handle.wal.set_properties(key, &changes, durability)?;
            boundary::write_out(out_mark, mark_to_c(mark));
            Ok(())
        })
    }
}

/// Replaces all properties as one, as ironwal_stream_replace_properties().
///
/// - NULL: `out_mark` may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: those of ironwal_stream_replace_properties(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_replace_properties(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    properties: *const ironwal_property,
    property_count: usize,
    durability: i32,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let durability = durability::of_constant(durability)?;
            let pairs = replacements(properties, property_count)?;
            let mark = handle.wal.replace_properties(key, &pairs, durability)?;
            boundary::write_out(out_mark, mark_to_c(mark));
            Ok(())
        })
    }
}

/// Replaces the ids from `from_id` on by these entries, in one step with the properties, as
/// ironwal_stream_replace_suffix().
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode, and so is all that was appended before.
/// - Errors: those of ironwal_stream_replace_suffix(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_replace_suffix(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    from_id: u64,
    entries: *const ironwal_slice,
    entry_count: usize,
    properties: *const ironwal_property,
    property_count: usize,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let append = Append::new(&entries).with_properties(&properties);
            let appended = handle.wal.replace_suffix(key, from_id, &append)?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            Ok(())
        })
    }
}

/// Removes the ids from `from_id` on, and returns how many there were, as
/// ironwal_stream_truncate_suffix().
///
/// - NULL: `out_cut` may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode, and so is all that was appended before.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND for an unknown stream; those of
///   ironwal_stream_replace_suffix(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_truncate_suffix(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    from_id: u64,
    out_cut: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let cut = handle.wal.truncate_suffix(key, from_id)?;
            boundary::write_out(out_cut, cut);
            Ok(())
        })
    }
}

/// Removes all entries, and appends these from `next_id` on, in one step with the properties, as
/// ironwal_stream_reset().
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode.
/// - Errors: those of ironwal_stream_reset(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_reset(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    next_id: u64,
    entries: *const ironwal_slice,
    entry_count: usize,
    properties: *const ironwal_property,
    property_count: usize,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let append = Append::new(&entries).with_properties(&properties);
            let appended = handle.wal.reset(key, next_id, &append)?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            Ok(())
        })
    }
}

/// Hides the ids below `first_id`, exactly, and returns the number of segments that it removes, as
/// ironwal_stream_truncate_prefix().
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND for an unknown stream; those of
///   ironwal_stream_truncate_prefix(); ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_truncate_prefix(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    first_id: u64,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let segments = handle.wal.truncate_prefix(key, first_id)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}
