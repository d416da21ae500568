//! How does C keep a stream of another log equal to this one?

#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::FramePosition;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// Where a replica stands, as bytes for ironwal_stream_export() of its primary, which may be on another
/// machine. Counts everything written; after a power failure the position may be an earlier one.
///
/// - Owns: release `*out_position` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: ::IRONWAL_E_CONFIG where damage has taken entries: the stream can be no replica any
///   more; ::IRONWAL_E_POISONED; ::IRONWAL_E_READ_ONLY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_frame_position(
    stream: *const ironwal_stream,
    out_position: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_position, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_position = boundary::non_null(out_position, "out_position")?;
            let position = handle.stream.frame_position()?.to_bytes();
            boundary::write_out(out_position, ironwal_buffer::owning(position.to_vec()));
            Ok(())
        })
    }
}

/// A packet of the frames behind a replica's position, for ironwal_stream_apply() there: at least one
/// frame, more while the packet has at most `max_bytes` bytes. Empty: there is no more for now. No bytes
/// as the position begin a replica. Only durable frames leave; ironwal_stream_export_written() exports
/// all. Works in a log that is open read-only too.
///
/// A replica gets entries, batches, compression, properties, segments, cuts, resets and truncations as
/// they are in the files.
///
/// - Owns: release `*out_packet` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Blocks: may wait for a sync under way.
/// - Errors: ::IRONWAL_E_SEGMENT_NOT_FOUND where frames that the replica needs were truncated
///   here or lost: delete the replica's stream and begin it again; ::IRONWAL_E_CONFIG where the
///   replica is none of this stream, or has a cut that this log, an older copy, lacks;
///   ::IRONWAL_E_SEQUENCE_MISMATCH where it has more than is durable here, with both ids (in a log that
///   is open read-only the packet is empty where the same frames are written here);
///   ::IRONWAL_E_CORRUPT for a damaged position, for damage, and while the properties are lost;
///   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_export(
    stream: *const ironwal_stream,
    position: *const c_void,
    position_len: usize,
    max_bytes: usize,
    out_packet: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_packet, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_packet = boundary::non_null(out_packet, "out_packet")?;
            let position = boundary::bytes(position, position_len, "position")?;
            let position = FramePosition::from_bytes(position)?;
            let packet = handle.stream.export_frames(&position, max_bytes)?;
            boundary::write_out(out_packet, ironwal_buffer::owning(packet));
            Ok(())
        })
    }
}

/// As ironwal_stream_export(), of all frames that are written, also those that no sync has covered. For a
/// primary whose entries count as safe once replicas have them. A replica then reports to the primary
/// only what is durable there: the ids below ironwal_stream_durable_end() of the replica, not its position.
///
/// If the primary loses frames to a power failure, the replica keeps them. The primary then refuses it
/// as one that has more, or other frames: make that replica the primary, or delete its stream and begin it
/// again. The first frame of a segment leaves once the segment before is sealed, which the sync does
/// that covers it. After a failed sync only durable frames leave.
///
/// - Owns: release `*out_packet` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: those of ironwal_stream_export(); ::IRONWAL_E_SEQUENCE_MISMATCH where the replica has more
///   than is written here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_export_written(
    stream: *const ironwal_stream,
    position: *const c_void,
    position_len: usize,
    max_bytes: usize,
    out_packet: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_packet, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_packet = boundary::non_null(out_packet, "out_packet")?;
            let position = boundary::bytes(position, position_len, "position")?;
            let position = FramePosition::from_bytes(position)?;
            let packet = handle.stream.export_written_frames(&position, max_bytes)?;
            boundary::write_out(out_packet, ironwal_buffer::owning(packet));
            Ok(())
        })
    }
}

/// Writes the frames of a packet where they were in the primary. Their entries have the ids from
/// `out_first_id` (inclusive) to `out_end_id` (exclusive); both are equal where there are none. Cuts,
/// resets and truncations of the primary happen here too. Once both logs are closed the stream's
/// segments are equal to the byte. Nothing else may append to the stream meanwhile. Begins a
/// stream that does not exist. The packet is checked whole before anything is changed.
///
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync), except for plain frames under ::IRONWAL_SYNC_ASYNC.
/// - Durable: as a batch. A cut, a reset and a truncation are on return, in every mode.
/// - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where the packet begins at another id than the next one;
///   ::IRONWAL_E_CONFIG for a packet of another stream, or where the two have different histories;
///   ::IRONWAL_E_CORRUPT for bytes that are no whole packet; ::IRONWAL_E_UNSUPPORTED_VERSION; nothing
///   has changed after these. Also those of ironwal_stream_append_batch() and
///   ironwal_stream_replace_suffix(): some frames may be there then, and the position says which.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_apply(
    stream: *const ironwal_stream,
    packet: *const c_void,
    packet_len: usize,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let packet = boundary::bytes(packet, packet_len, "packet")?;
            let ids = handle.stream.apply_frames(packet)?;
            boundary::write_out(out_first_id, ids.start);
            boundary::write_out(out_end_id, ids.end);
            Ok(())
        })
    }
}
