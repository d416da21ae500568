//! How does C hold one stream, append to it, read it and make it durable?

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
use crate::ffi::bytes::PinHandle;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::bytes::ironwal_view_pin;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_BUFFER_TOO_SMALL;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
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
