//! How does C say what a log keeps?

#![allow(unsafe_code)]

use std::time::Duration;

use crate::Retention;

use crate::ffi::boundary;
use crate::ffi::error::ironwal_error;
use crate::ffi::options::change;
use crate::ffi::options::ironwal_options;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// For `max_bytes` and `max_age_ns` of a retention: any number of bytes, any age.
pub const IRONWAL_NO_LIMIT: u64 = u64::MAX;

fn retention_of(max_bytes: u64, max_age_ns: u64, keep_cursors: bool) -> Retention {
    let limit = |value: u64| (value != IRONWAL_NO_LIMIT).then_some(value);
    let mut retention = Retention::new();
    retention.max_bytes = limit(max_bytes);
    retention.max_age = limit(max_age_ns).map(Duration::from_nanos);
    retention.keep_cursors = keep_cursors;
    retention
}

/// Removes old segments of a stream, whole ones and oldest first, as long as it has more than `max_bytes` bytes
/// of segments, or the oldest was last changed more than `max_age_ns` ago by the clock of the file system;
/// returns their number. ::IRONWAL_NO_LIMIT for either sets no such limit. They go as by ironwal_truncate().
///
/// Stays: the newest segment; what a live checkpoint of a sharded log needs; with `keep_cursors` what a cursor has
/// not read. A cursor is a property with a key that begins with "cursor/"; its value is the next id to read, as
/// 8 bytes, the lowest first.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directory is on the disk (fsync), where something is removed; while a snapshot is taken.
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_CONFIG for a cursor whose value is not 8 bytes, in a log with checkpoints that is not open
///   as a sharded log, and as of ironwal_truncate(); ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO,
///   ::IRONWAL_E_READ_ONLY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_apply_retention(
    stream: *const ironwal_stream,
    max_bytes: u64,
    max_age_ns: u64,
    keep_cursors: bool,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let retention = retention_of(max_bytes, max_age_ns, keep_cursors);
            let segments = handle.stream.apply_retention(&retention)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// As ironwal_stream_apply_retention(), for each stream of a log. Attempts all streams, then returns the first
/// failure.
///
/// - NULL: `out_segments` may be NULL.
/// - Blocks: until the directories are on the disk (fsync), where something is removed; while a snapshot is taken.
/// - Durable: on return.
/// - Errors: those of ironwal_stream_apply_retention(), ::IRONWAL_E_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_apply_retention(
    wal: *const ironwal_wal,
    max_bytes: u64,
    max_age_ns: u64,
    keep_cursors: bool,
    out_segments: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let retention = retention_of(max_bytes, max_age_ns, keep_cursors);
            let segments = handle.wal.apply_retention(&retention)?;
            boundary::write_out(out_segments, segments);
            Ok(())
        })
    }
}

/// Applies a retention to all streams once a minute, on a thread of the log, as ironwal_wal_apply_retention()
/// does. A failure goes to the log callback, and stops no other stream. Not for a log of replicas, which are
/// truncated as their primary is. Both limits ::IRONWAL_NO_LIMIT, the default: no retention is applied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_retention(
    options: *mut ironwal_options,
    max_bytes: u64,
    max_age_ns: u64,
    keep_cursors: bool,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            let retention = retention_of(max_bytes, max_age_ns, keep_cursors);
            options.retention = retention.has_limit().then_some(retention);
            Ok(())
        })
    }
}
