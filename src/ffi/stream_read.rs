//! How C reads one entry of a stream it holds: into its memory, into ours, or in place.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use crate::ffi::boundary;
use crate::ffi::buffer::ironwal_buffer;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::fast_path;
use crate::ffi::status::IRONWAL_E_BUFFER_TOO_SMALL;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::view::PinHandle;
use crate::ffi::view::ironwal_view;
use crate::ffi::view::ironwal_view_pin;

/// Reads one entry into memory of the library's.
///
/// - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
/// - NULL: `stream` is required; `out_buffer` is required, and {NULL, 0} after a failure.
/// - Threads: any, at the same time.
/// - Blocks: never for a sync.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
///   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
///   ::IRONWAL_E_IO; ::IRONWAL_E_CLOSED.
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

/// Reads one entry into the caller's memory. One that does not fit is not copied at all; `*out_len`
/// then tells the size needed.
///
/// - Owns: `buffer` stays the caller's; it is written on success only, and only the entry's length.
/// - NULL: `stream` is required; `buffer` may be NULL if `capacity` is 0; `out_len` is required.
/// - Threads: any, at the same time.
/// - Blocks: never for a sync.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_BUFFER_TOO_SMALL (an answer), ::IRONWAL_E_NOT_FOUND (an answer: unknown
///   stream, pruned, or not yet appended); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
///   ::IRONWAL_E_SEGMENT_NOT_FOUND for damage; ::IRONWAL_E_IO; ::IRONWAL_E_CLOSED.
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
        let cached = |handle: &StreamHandle| {
            if out_len.is_null() {
                return false;
            }
            let Ok(target) = boundary::buffer(buffer, capacity, "buffer") else {
                return false;
            };
            match handle.stream.try_cached_get_into(id, target) {
                Some(entry_len) if entry_len <= capacity => {
                    boundary::write_out(out_len, entry_len);
                    true
                }
                _ => false,
            }
        };
        fast_path::call_on_fast::<StreamHandle>(stream, out_error, cached, |handle| {
            let out_len = boundary::non_null(out_len, "out_len")?;
            let buffer = boundary::buffer(buffer, capacity, "buffer")?;
            let entry_len = handle
                .stream
                .get_into(id, buffer)?
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
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
/// - NULL: `stream`, `out_view` and `out_pin` are required. `*out_view` is {NULL, 0} and `*out_pin`
///   NULL after a failure.
/// - Threads: any, at the same time.
/// - Blocks: never for a sync.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
///   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
///   ::IRONWAL_E_IO; ::IRONWAL_E_CLOSED.
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
        let cached = |handle: &StreamHandle| {
            if out_view.is_null() || out_pin.is_null() {
                return false;
            }
            let Some(entry) = handle.stream.try_cached_view(id) else {
                return false;
            };
            let view = ironwal_view::of(&entry);
            boundary::write_out(out_pin, boundary::into_handle(PinHandle { _entry: entry }));
            boundary::write_out(out_view, view);
            true
        };
        fast_path::call_on_fast::<StreamHandle>(stream, out_error, cached, |handle| {
            let out_view = boundary::non_null(out_view, "out_view")?;
            let out_pin = boundary::non_null(out_pin, "out_pin")?;
            let entry = handle
                .stream
                .view(id)?
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let view = ironwal_view::of(&entry);
            boundary::write_out(out_pin, boundary::into_handle(PinHandle { _entry: entry }));
            boundary::write_out(out_view, view);
            Ok(())
        })
    }
}
