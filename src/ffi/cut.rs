//! How does C cut the end of a stream, replace it, reset a stream, and hide its beginning exactly?

#![allow(unsafe_code)]

use crate::Append;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::error::ironwal_error;
use crate::ffi::properties::changes;
use crate::ffi::properties::ironwal_property;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// Replaces the ids from `from_id` on by these entries, which get ids from `out_first_id` (`from_id`)
/// to `out_end_id` (exclusive), and changes properties in the same step. After any crash the stream is
/// the old one or the new one, each whole. At the next id it is an append. Properties that the array
/// does not name stay.
///
/// Appends meanwhile wait, and get ids behind the entries. Views keep their bytes. An iterator that has
/// returned an id that is cut ends with ::IRONWAL_E_SUFFIX_CUT; any other goes on.
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode, and so is all that was appended before.
/// - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where `from_id` lies behind the next id or below the first kept
///   one; ::IRONWAL_E_CONFIG below the offset of a live checkpoint; those of ironwal_stream_set_properties()
///   for the properties; ::IRONWAL_E_TOO_LARGE; what reading the entry before `from_id` returns where that is damaged;
///   ::IRONWAL_E_POISONED; ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
///   deleted. After these nothing has changed. ::IRONWAL_E_IO and ::IRONWAL_E_NO_SPACE leave the old
///   stream, unless it is poisoned then: either may be there once the log is opened again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_replace_suffix(
    stream: *const ironwal_stream,
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
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let append = Append::new(&entries).with_properties(&properties);
            let appended = handle.stream.replace_suffix(from_id, &append)?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            Ok(())
        })
    }
}

/// Removes the ids from `from_id` on, and returns how many there were. The next append gets `from_id`.
/// Otherwise as ironwal_stream_replace_suffix() without entries.
///
/// - NULL: `out_cut` may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode, and so is all that was appended before.
/// - Errors: those of ironwal_stream_replace_suffix().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_truncate_suffix(
    stream: *const ironwal_stream,
    from_id: u64,
    out_cut: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let cut = handle.stream.truncate_suffix(from_id)?;
            boundary::write_out(out_cut, cut);
            Ok(())
        })
    }
}

/// Removes all entries, and appends these from `next_id` on, which may be any id and is the first kept
/// one then. One step with the changes of properties, as ironwal_stream_replace_suffix(); without entries
/// the next append gets `next_id`. Begins a stream that does not exist, and works on one whose entries are
/// damaged or lost. What it removes is not archived.
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return, in every sync mode.
/// - Errors: ::IRONWAL_E_CONFIG while a sharded log has a live checkpoint; those of
///   ironwal_stream_replace_suffix().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_reset(
    stream: *const ironwal_stream,
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
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let properties = changes(properties, property_count)?;
            let append = Append::new(&entries).with_properties(&properties);
            let appended = handle.stream.reset(next_id, &append)?;
            boundary::write_out(out_first_id, appended.ids.start);
            boundary::write_out(out_end_id, appended.ids.end);
            Ok(())
        })
    }
}

/// Hides the ids below `first_id`, exactly, and removes the segments that hold no other id, whose number
/// it returns; `first_id` is the first kept id from now on. All entries may be hidden: ids go on. A
/// segment that is hidden whole while it is the newest one goes later, and to no archive. At or below
/// the first kept id nothing is done.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the disk has it (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where `first_id` lies behind the next id; those of
///   ironwal_truncate().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_truncate_prefix(
    stream: *const ironwal_stream,
    first_id: u64,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let segments = handle.stream.truncate_prefix(first_id)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}
