//! How does C remove entries of one stream, or the stream, by its handle?

#![allow(unsafe_code)]

use crate::ffi::boundary;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// Removes the segments that lie entirely below `safe_id`, and returns how many: as
/// ironwal_truncate() does by name.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO, ::IRONWAL_E_READ_ONLY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_truncate(
    stream: *const ironwal_stream,
    safe_id: u64,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let segments = handle.stream.truncate(safe_id)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// Brings back the segments of the stream that truncation moved to the archive, and returns how many.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO;
///   ::IRONWAL_E_CORRUPT; ::IRONWAL_E_READ_ONLY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_restore_archived(
    stream: *const ironwal_stream,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let segments = handle.stream.restore_archived()?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// Deletes the stream with all its entries. The handle stays, to be freed; every handle of the
/// stream then returns ::IRONWAL_E_STREAM_NOT_FOUND. A later append by name starts a new stream at id
/// 0, which this handle never deletes. After ::IRONWAL_E_IO ironwal_delete_stream() tries again to
/// remove what is left.
///
/// - Blocks: until the directory is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted before; ::IRONWAL_E_IO;
///   ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_POISONED where the commit journal alone holds entries of a poisoned
///   stream: it is deleted once the log is opened again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_delete(
    stream: *const ironwal_stream,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            handle.stream.delete()?;
            Ok(())
        })
    }
}
