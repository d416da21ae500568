//! How C appends and reads by the name of a stream.
//!
//! For the hot path there is the handle, which skips the look-up: see `stream.rs`.

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ffi::c_void;
use std::ptr;

use crate::ffi::boundary;
use crate::ffi::bytes::EntriesHandle;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::bytes::ironwal_entry_list;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_BUFFER_TOO_SMALL;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// Appends one entry to a stream, which its first append creates, and returns its id. Stream names
/// are 1 to 255 bytes of UTF-8 without a NUL.
///
/// - NULL: `out_id` may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync.
/// - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
///   exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
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
            let id = handle.wal.append(key, data)?;
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Appends several entries as one: ids `out_first_id` (inclusive) to `out_end_id` (exclusive).
/// No entries: both are the stream's next id, and nothing is created.
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
/// - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
///   not at all.
/// - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
///   exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append_batch(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    entries: *const ironwal_slice,
    entry_count: usize,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let ids = handle.wal.append_batch(key, &entries)?;
            boundary::write_out(out_first_id, ids.start);
            boundary::write_out(out_end_id, ids.end);
            Ok(())
        })
    }
}

/// Appends one entry that is gathered from several parts, and returns its id. No parts make an empty
/// entry.
///
/// - NULL: `out_id` may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync.
/// - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
///   exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append_vectored(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    parts: *const ironwal_slice,
    part_count: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let parts = boundary::slices(parts, part_count, "parts")?;
            let id = handle.wal.append_vectored(key, &parts)?;
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Reads one entry into memory of the library's.
///
/// - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
///   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
///   ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_get(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    id: u64,
    out_buffer: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_buffer, ironwal_buffer::EMPTY);
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_buffer = boundary::non_null(out_buffer, "out_buffer")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let entry = handle
                .wal
                .get(key, id)?
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_buffer, ironwal_buffer::owning(entry));
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
pub unsafe extern "C" fn ironwal_get_into(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    id: u64,
    buffer: *mut c_void,
    capacity: usize,
    out_len: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_len = boundary::non_null(out_len, "out_len")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let buffer = boundary::buffer(buffer, capacity, "buffer")?;
            let entry_len = handle
                .wal
                .get_into(key, id, buffer)?
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_len, entry_len);
            if entry_len > capacity {
                return Err(Failure::Answer(IRONWAL_E_BUFFER_TOO_SMALL));
            }
            Ok(())
        })
    }
}

/// Reads several entries of a stream, in the order of `ids`; an id may occur more than once. A
/// compressed batch is unpacked once, in whatever order its entries are asked for.
///
/// - Owns: free `*out_entries` with ironwal_entry_list_free(); it outlives the log.
/// - Errors: as ironwal_get(), and nothing is read then; ids that are not found are reported by
///   ironwal_entry_list_get().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_get_batch(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    ids: *const u64,
    id_count: usize,
    out_entries: *mut *mut ironwal_entry_list,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_entries, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_entries = boundary::non_null(out_entries, "out_entries")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let ids = boundary::array(ids, id_count, "ids")?;
            let entries = handle.wal.get_batch(key, ids)?;
            boundary::write_out(out_entries, boundary::into_handle(EntriesHandle(entries)));
            Ok(())
        })
    }
}

/// Makes one stream durable.
///
/// - Blocks: until the disk has it (fsync).
/// - Durable: everything appended to the stream before the call, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED,
///   ::IRONWAL_E_STREAM_NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sync(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            handle.wal.sync(key)?;
            Ok(())
        })
    }
}
