//! Which number stands for which outcome?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::io;

use crate::Error;

/// The outcome of a call. 0 is success, everything else is negative. Numbers are never reused or
/// given another meaning; a number unknown to you means what ::IRONWAL_E_OTHER means.
pub type ironwal_status = i32;

/// Success.
pub const IRONWAL_OK: ironwal_status = 0;
/// A failure that fits no other status.
pub const IRONWAL_E_OTHER: ironwal_status = -1;
/// A NULL that must not be, a length above PTRDIFF_MAX, an unknown enum value, a wrong handle.
pub const IRONWAL_E_INVALID_ARG: ironwal_status = -2;
/// Not an error: no such entry (unknown stream, pruned, or not yet appended).
pub const IRONWAL_E_NOT_FOUND: ironwal_status = -3;
/// Not an error: the iterator is at the current end of the log.
pub const IRONWAL_E_END: ironwal_status = -4;
/// Not an error: the buffer is too small; the required size is returned.
pub const IRONWAL_E_BUFFER_TOO_SMALL: ironwal_status = -5;
/// Not an error: the timeout expired.
pub const IRONWAL_E_TIMEOUT: ironwal_status = -6;
/// The operating system refused, or there was no memory (ENOMEM); the error object holds its code.
pub const IRONWAL_E_IO: ironwal_status = -7;
/// No space, quota or file size left. Nothing was lost; try again once there is space.
pub const IRONWAL_E_NO_SPACE: ironwal_status = -8;
/// The structure on disk is broken.
pub const IRONWAL_E_CORRUPT: ironwal_status = -9;
/// A stored payload does not match its checksum.
pub const IRONWAL_E_CRC_MISMATCH: ironwal_status = -10;
/// An option, a path or a stream name is out of its documented bounds.
pub const IRONWAL_E_CONFIG: ironwal_status = -11;
/// The entry was there once and its segment is gone: lost to damage, or pruned under an iterator.
pub const IRONWAL_E_SEGMENT_NOT_FOUND: ironwal_status = -12;
/// There is no such stream.
pub const IRONWAL_E_STREAM_NOT_FOUND: ironwal_status = -13;
/// A file stands where one of the log belongs and is not the log's.
pub const IRONWAL_E_INVALID_FILENAME: ironwal_status = -14;
/// A value cannot be stored in the format.
pub const IRONWAL_E_SERIALIZATION: ironwal_status = -15;
/// Another writer, in this process or another, has the log open.
pub const IRONWAL_E_LOCKED: ironwal_status = -16;
/// An earlier failure latched: no appends until the log is closed and opened again.
pub const IRONWAL_E_POISONED: ironwal_status = -17;
/// The frame would exceed the limit of 1 GiB.
pub const IRONWAL_E_TOO_LARGE: ironwal_status = -18;
/// The next id of the stream is not the expected one.
pub const IRONWAL_E_SEQUENCE_MISMATCH: ironwal_status = -19;
/// The log was closed.
pub const IRONWAL_E_CLOSED: ironwal_status = -20;
/// This process is a fork of the one that opened the log.
pub const IRONWAL_E_FORKED: ironwal_status = -21;
/// The file is of a format this version does not read.
pub const IRONWAL_E_UNSUPPORTED_VERSION: ironwal_status = -22;
/// A defect inside the library was caught; the log accepts no further calls but close and free.
pub const IRONWAL_E_PANIC: ironwal_status = -23;
/// The iterator has moved since this view was given out.
pub const IRONWAL_E_STALE_VIEW: ironwal_status = -24;
/// There is no checkpoint of this id.
pub const IRONWAL_E_CHECKPOINT_NOT_FOUND: ironwal_status = -25;
/// The checkpoint, or the file that holds it, is damaged.
pub const IRONWAL_E_CHECKPOINT_CORRUPTED: ironwal_status = -26;
/// The log was made with another number of shards.
pub const IRONWAL_E_SHARD_COUNT_MISMATCH: ironwal_status = -27;
/// An id of a checkpoint that is not 1 to 65,535 bytes long.
pub const IRONWAL_E_INVALID_CHECKPOINT_ID: ironwal_status = -28;
/// The log has no checkpoint.
pub const IRONWAL_E_NO_CHECKPOINTS: ironwal_status = -29;
/// The checkpoint counts on entries that were removed.
pub const IRONWAL_E_CHECKPOINT_PRUNED: ironwal_status = -30;
/// A batch over several shards is whole in some and absent from others; see
/// ironwal_error_committed_part().
pub const IRONWAL_E_BATCH_INCOMPLETE: ironwal_status = -31;
/// The log was opened read-only; see ironwal_wal_open_read_only().
pub const IRONWAL_E_READ_ONLY: ironwal_status = -32;
/// The log's directory, or LOCK in it, is not what this log locked any more: it was moved, removed or
/// replaced. Nothing at its path was changed, and nothing more can be appended.
pub const IRONWAL_E_DETACHED: ironwal_status = -33;
/// Ids that the iterator had returned were cut from the end of the stream, and may be other entries by
/// now; see ironwal_error_ids().
pub const IRONWAL_E_SUFFIX_CUT: ironwal_status = -34;
/// The wait was cancelled.
pub const IRONWAL_E_CANCELLED: ironwal_status = -35;

/// The name of a status, such as "IRONWAL_E_LOCKED".
///
/// - Owns: the text is static, never free it.
/// - NULL: never returned; any number is accepted, unknown ones give "IRONWAL_E_OTHER".
#[unsafe(no_mangle)]
pub extern "C" fn ironwal_status_name(status: ironwal_status) -> *const c_char {
    let name = match status {
        IRONWAL_OK => c"IRONWAL_OK",
        IRONWAL_E_OTHER => c"IRONWAL_E_OTHER",
        IRONWAL_E_INVALID_ARG => c"IRONWAL_E_INVALID_ARG",
        IRONWAL_E_NOT_FOUND => c"IRONWAL_E_NOT_FOUND",
        IRONWAL_E_END => c"IRONWAL_E_END",
        IRONWAL_E_BUFFER_TOO_SMALL => c"IRONWAL_E_BUFFER_TOO_SMALL",
        IRONWAL_E_TIMEOUT => c"IRONWAL_E_TIMEOUT",
        IRONWAL_E_IO => c"IRONWAL_E_IO",
        IRONWAL_E_NO_SPACE => c"IRONWAL_E_NO_SPACE",
        IRONWAL_E_CORRUPT => c"IRONWAL_E_CORRUPT",
        IRONWAL_E_CRC_MISMATCH => c"IRONWAL_E_CRC_MISMATCH",
        IRONWAL_E_CONFIG => c"IRONWAL_E_CONFIG",
        IRONWAL_E_SEGMENT_NOT_FOUND => c"IRONWAL_E_SEGMENT_NOT_FOUND",
        IRONWAL_E_STREAM_NOT_FOUND => c"IRONWAL_E_STREAM_NOT_FOUND",
        IRONWAL_E_INVALID_FILENAME => c"IRONWAL_E_INVALID_FILENAME",
        IRONWAL_E_SERIALIZATION => c"IRONWAL_E_SERIALIZATION",
        IRONWAL_E_LOCKED => c"IRONWAL_E_LOCKED",
        IRONWAL_E_POISONED => c"IRONWAL_E_POISONED",
        IRONWAL_E_TOO_LARGE => c"IRONWAL_E_TOO_LARGE",
        IRONWAL_E_SEQUENCE_MISMATCH => c"IRONWAL_E_SEQUENCE_MISMATCH",
        IRONWAL_E_CLOSED => c"IRONWAL_E_CLOSED",
        IRONWAL_E_FORKED => c"IRONWAL_E_FORKED",
        IRONWAL_E_UNSUPPORTED_VERSION => c"IRONWAL_E_UNSUPPORTED_VERSION",
        IRONWAL_E_PANIC => c"IRONWAL_E_PANIC",
        IRONWAL_E_STALE_VIEW => c"IRONWAL_E_STALE_VIEW",
        IRONWAL_E_CHECKPOINT_NOT_FOUND => c"IRONWAL_E_CHECKPOINT_NOT_FOUND",
        IRONWAL_E_CHECKPOINT_CORRUPTED => c"IRONWAL_E_CHECKPOINT_CORRUPTED",
        IRONWAL_E_SHARD_COUNT_MISMATCH => c"IRONWAL_E_SHARD_COUNT_MISMATCH",
        IRONWAL_E_INVALID_CHECKPOINT_ID => c"IRONWAL_E_INVALID_CHECKPOINT_ID",
        IRONWAL_E_NO_CHECKPOINTS => c"IRONWAL_E_NO_CHECKPOINTS",
        IRONWAL_E_CHECKPOINT_PRUNED => c"IRONWAL_E_CHECKPOINT_PRUNED",
        IRONWAL_E_BATCH_INCOMPLETE => c"IRONWAL_E_BATCH_INCOMPLETE",
        IRONWAL_E_READ_ONLY => c"IRONWAL_E_READ_ONLY",
        IRONWAL_E_DETACHED => c"IRONWAL_E_DETACHED",
        IRONWAL_E_SUFFIX_CUT => c"IRONWAL_E_SUFFIX_CUT",
        IRONWAL_E_CANCELLED => c"IRONWAL_E_CANCELLED",
        _ => c"IRONWAL_E_OTHER",
    };
    name.as_ptr()
}

/// The status of an engine error for a C caller.
pub(super) fn status_of(error: &Error) -> ironwal_status {
    match error {
        Error::Io(cause) => match cause.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => IRONWAL_E_NO_SPACE,
            _ => IRONWAL_E_IO,
        },
        Error::Corruption(_) => IRONWAL_E_CORRUPT,
        Error::CrcMismatch { .. } => IRONWAL_E_CRC_MISMATCH,
        Error::Config(_) => IRONWAL_E_CONFIG,
        Error::SegmentNotFound(_) => IRONWAL_E_SEGMENT_NOT_FOUND,
        Error::StreamNotFound(_) => IRONWAL_E_STREAM_NOT_FOUND,
        Error::InvalidFilename(_) => IRONWAL_E_INVALID_FILENAME,
        Error::Serialization(_) => IRONWAL_E_SERIALIZATION,
        Error::Locked(_) => IRONWAL_E_LOCKED,
        Error::Detached(_) => IRONWAL_E_DETACHED,
        Error::Poisoned { .. } => IRONWAL_E_POISONED,
        Error::TooLarge { .. } => IRONWAL_E_TOO_LARGE,
        Error::SequenceMismatch { .. } => IRONWAL_E_SEQUENCE_MISMATCH,
        Error::SuffixCut { .. } => IRONWAL_E_SUFFIX_CUT,
        Error::Closed => IRONWAL_E_CLOSED,
        Error::Timeout => IRONWAL_E_TIMEOUT,
        Error::Cancelled => IRONWAL_E_CANCELLED,
        Error::Forked => IRONWAL_E_FORKED,
        Error::ReadOnly => IRONWAL_E_READ_ONLY,
        Error::UnsupportedVersion(_) => IRONWAL_E_UNSUPPORTED_VERSION,
        Error::CheckpointNotFound(_) => IRONWAL_E_CHECKPOINT_NOT_FOUND,
        Error::CheckpointCorrupted { .. } => IRONWAL_E_CHECKPOINT_CORRUPTED,
        Error::ShardCountMismatch { .. } => IRONWAL_E_SHARD_COUNT_MISMATCH,
        Error::InvalidCheckpointId(_) => IRONWAL_E_INVALID_CHECKPOINT_ID,
        Error::NoCheckpoints => IRONWAL_E_NO_CHECKPOINTS,
        Error::CheckpointPruned { .. } => IRONWAL_E_CHECKPOINT_PRUNED,
        Error::BatchIncomplete { .. } => IRONWAL_E_BATCH_INCOMPLETE,
    }
}
