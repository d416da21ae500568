//! How does C read one stream by its handle?

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use crate::ffi::boundary;
use crate::ffi::bytes::PinHandle;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::bytes::ironwal_view_pin;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_BUFFER_TOO_SMALL;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// Reads one entry into memory of the library's.
///
/// - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
///   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
///   ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_get(
    stream: *const ironwal_stream,
    id: u64,
    out_buffer: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_buffer, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_buffer = boundary::non_null(out_buffer, "out_buffer")?;
            let entry = handle
                .stream
                .get(id)?
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_buffer, ironwal_buffer::owning(entry));
            Ok(())
        })
    }
}

/// Reads the last visible entry into memory of the library's. Ids that were lost to damage behind it are
/// passed over.
///
/// - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
/// - NULL: `out_id` may be NULL.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where nothing is kept, or nothing is visible yet;
///   ::IRONWAL_E_CRC_MISMATCH and ::IRONWAL_E_CORRUPT where it is damaged; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_last(
    stream: *const ironwal_stream,
    out_id: *mut u64,
    out_buffer: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_buffer, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_buffer = boundary::non_null(out_buffer, "out_buffer")?;
            let last = handle.stream.last()?;
            let (id, entry) = last.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_id, id);
            boundary::write_out(out_buffer, ironwal_buffer::owning(entry));
            Ok(())
        })
    }
}

/// Writes 16 bytes to `out_digest` that two streams share if they have the same entries from `first_id`
/// (inclusive) to `end_id` (exclusive), however these are batched, compressed and split into segments:
/// SipHash-2-4-128 with the key 0, over the id and the length of each entry (little-endian uint64_t)
/// and its bytes. For comparing replicas; no defence against forgery. Reads and checks every entry.
///
/// - Owns: `out_digest` points to 16 bytes of the caller's, which are written on success only.
/// - Errors: ::IRONWAL_E_SEGMENT_NOT_FOUND where an id is truncated, lost or not visible;
///   ::IRONWAL_E_CONFIG where the range runs backwards; ::IRONWAL_E_CRC_MISMATCH and
///   ::IRONWAL_E_CORRUPT for damage; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_digest(
    stream: *const ironwal_stream,
    first_id: u64,
    end_id: u64,
    out_digest: *mut u8,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_digest = boundary::non_null(out_digest, "out_digest")?;
            let digest = handle.stream.digest(first_id..end_id)?;
            boundary::write_out(out_digest.cast::<[u8; 16]>(), digest);
            Ok(())
        })
    }
}

/// Reads one entry into the caller's memory. One that does not fit is not copied at all; `*out_len`
/// is the size needed then.
///
/// - Owns: `buffer` stays the caller's; it is written on success only, and only the entry's length.
/// - Errors: ::IRONWAL_E_BUFFER_TOO_SMALL (an answer), ::IRONWAL_E_NOT_FOUND (an answer: unknown
///   stream, pruned, or not yet appended); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
///   ::IRONWAL_E_SEGMENT_NOT_FOUND for damage; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_get_into(
    stream: *const ironwal_stream,
    id: u64,
    buffer: *mut c_void,
    capacity: usize,
    out_len: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_len = boundary::non_null(out_len, "out_len")?;
            let buffer = boundary::buffer(buffer, capacity, "buffer")?;
            let Some(entry_len) = handle.stream.get_into(id, buffer)? else {
                return Err(Failure::Answer(IRONWAL_E_NOT_FOUND));
            };
            boundary::write_out(out_len, entry_len);
            if entry_len > capacity {
                return Err(Failure::Answer(IRONWAL_E_BUFFER_TOO_SMALL));
            }
            Ok(())
        })
    }
}

/// Reads one entry without copying it. The bytes stay where they are until the pin is freed,
/// whatever happens to the stream and the log.
///
/// - Owns: free `*out_pin` with ironwal_view_pin_free(); `*out_view` ends with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
///   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
///   ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_view(
    stream: *const ironwal_stream,
    id: u64,
    out_view: *mut ironwal_view,
    out_pin: *mut *mut ironwal_view_pin,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_view, ironwal_view::EMPTY);
        boundary::write_out(out_pin, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_view = boundary::non_null(out_view, "out_view")?;
            let out_pin = boundary::non_null(out_pin, "out_pin")?;
            let Some(entry) = handle.stream.view(id)? else {
                return Err(Failure::Answer(IRONWAL_E_NOT_FOUND));
            };
            let view = ironwal_view::of(&entry);
            boundary::write_out(out_pin, boundary::into_handle(PinHandle { _entry: entry }));
            boundary::write_out(out_view, view);
            Ok(())
        })
    }
}

/// The id of the first entry of the segment that appends go to.
///
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) before the first append;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_current_segment_start_id(
    stream: *const ironwal_stream,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            let first_id = handle.stream.current_segment_start_id()?;
            let first_id = first_id.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_id, first_id);
            Ok(())
        })
    }
}
