//! How does C hold one stream, append to it and make it durable?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::Stream;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// One stream of an open log. Freed with ironwal_stream_free(), before or after its log is closed.
pub enum ironwal_stream {}

/// What stands behind an `ironwal_stream`.
pub(super) struct StreamHandle {
    pub(super) keeper: Arc<OpenRef>,
    pub(super) stream: Stream,
}

impl Handle for StreamHandle {
    type Opaque = ironwal_stream;
    const MAGIC: u64 = 0x6972_6F6E_7374_7231;
    const NAME: &'static str = "stream";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.keeper.gate)
    }
}

/// Makes a handle of a stream, for many calls on it without a look-up each. The stream itself is
/// created by its first append.
///
/// - Owns: free `*out_stream` with ironwal_stream_free(); it keeps the log open until then, unless
///   that is closed.
/// - Errors: ::IRONWAL_E_CONFIG for a bad name; damage of the stream found at opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_open(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_stream: *mut *mut ironwal_stream,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_stream, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_stream = boundary::non_null(out_stream, "out_stream")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let stream = handle.wal.stream(key)?;
            let handle = StreamHandle {
                keeper: Arc::clone(&handle.keeper),
                stream,
            };
            boundary::write_out(out_stream, boundary::into_handle(handle));
            Ok(())
        })
    }
}

/// Releases the handle. The stream and its entries stay.
///
/// - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
/// - Durable: everything, where it is the last handle of the log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_free(stream: *mut ironwal_stream) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the handle up.
    boundary::call_void(|| drop(unsafe { boundary::take::<StreamHandle>(stream) }));
}

/// Appends one entry to the stream, which its first append creates, and returns its id.
///
/// - NULL: `out_id` may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync.
/// - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
///   deleted. The entry may exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_append(
    stream: *const ironwal_stream,
    data: *const c_void,
    len: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let data = boundary::bytes(data, len, "data")?;
            let id = handle.stream.append(data)?;
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
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
///   deleted. The entry may exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_append_batch(
    stream: *const ironwal_stream,
    entries: *const ironwal_slice,
    entry_count: usize,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let ids = handle.stream.append_batch(&entries)?;
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
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
///   deleted. The entry may exist after reopening where the disk failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_append_vectored(
    stream: *const ironwal_stream,
    parts: *const ironwal_slice,
    part_count: usize,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let parts = boundary::slices(parts, part_count, "parts")?;
            let id = handle.stream.append_vectored(&parts)?;
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Makes the stream durable.
///
/// - Blocks: until the disk has it (fsync).
/// - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_sync(
    stream: *const ironwal_stream,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            handle.stream.sync()?;
            Ok(())
        })
    }
}

/// Waits until the entry `id`, which need not be appended yet, is durable, at most `timeout_ns`
/// nanoseconds; 0 only asks, UINT64_MAX waits for ever. It asks a thread of the library for a sync, so
/// nothing else has to sync.
///
/// - Blocks: at most as long as given, until the entry is appended and that sync is done (fsync). Where
///   the system lets the library start no thread the call syncs itself, for as long as that takes.
/// - Durable: the entry and all before it, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_TIMEOUT (an answer), ::IRONWAL_E_POISONED, ::IRONWAL_E_STREAM_NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_wait_durable(
    stream: *const ironwal_stream,
    id: u64,
    timeout_ns: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            handle
                .stream
                .wait_durable(id, Duration::from_nanos(timeout_ns))?;
            Ok(())
        })
    }
}

/// The first id that is kept: those below were pruned.
///
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_first_id(
    stream: *const ironwal_stream,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            boundary::write_out(out_id, handle.stream.first_id()?);
            Ok(())
        })
    }
}

/// The id that the next append gets.
///
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_next_id(
    stream: *const ironwal_stream,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            boundary::write_out(out_id, handle.stream.next_id()?);
            Ok(())
        })
    }
}

/// The end of what is durable: every entry below this id is.
///
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_durable_end(
    stream: *const ironwal_stream,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            boundary::write_out(out_id, handle.stream.durable_end()?);
            Ok(())
        })
    }
}
