//! How C takes old entries out of a stream, and whole streams out of a log.

#![allow(unsafe_code)]

use std::ffi::c_char;

use crate::ffi::boundary;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// Removes segments whose entries are all below `safe_id`, and returns their number. With an archive
/// path they are moved there, otherwise deleted. The active one stays, unless nothing of the stream
/// is kept (`safe_id` is its next id or more), it holds 16 KiB or more, and there is no archive:
/// then it goes too, and ids go on.
///
/// A file that cannot be removed keeps no other: the rest is done, the first failure is reported,
/// and each later call tries again. So after ::IRONWAL_E_IO the entries may be truncated already;
/// ::IRONWAL_OK means that no file of a truncated segment is left.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO; ::IRONWAL_E_CONFIG where the archive belongs
///   to another log, or lies in a log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_truncate(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    safe_id: u64,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let segments = handle.wal.truncate(key, safe_id)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// Restores the segments of a stream that pruning moved to the archive, and returns their number.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_CORRUPT; ::IRONWAL_E_CONFIG where the archive belongs to
///   another log, or lies in a log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_restore_archived(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let segments = handle.wal.restore_archived(key)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// Deletes a stream with all its entries. Deleting what is not there succeeds. Handles of the
/// stream return ::IRONWAL_E_STREAM_NOT_FOUND afterwards; a later append by name begins a new
/// stream at id 0.
///
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_IO; ::IRONWAL_E_POISONED where the commit journal alone holds entries of a poisoned
///   stream: it is deleted once the log is opened again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_delete_stream(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let key = boundary::utf8(stream, stream_len, "stream")?;
            handle.wal.delete_stream(key)?;
            Ok(())
        })
    }
}

/// The id of the first entry of the segment that appends go to.
///
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) before the first append.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_current_segment_start_id(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let first_id = handle.wal.try_current_segment_start_id(key)?;
            boundary::write_out(
                out_id,
                first_id.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?,
            );
            Ok(())
        })
    }
}
