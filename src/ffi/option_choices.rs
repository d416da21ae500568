//! How does a C caller choose among the values of an option?

#![allow(unsafe_code)]

use crate::CommitPath;
use crate::CompressionType;
use crate::CorruptionPolicy;
use crate::ReadStrategy;
use crate::SyncMode;
use crate::WriteStrategy;

use crate::ffi::error::ironwal_error;
use crate::ffi::options::change;
use crate::ffi::options::ironwal_options;
use crate::ffi::options::unknown;
use crate::ffi::status::ironwal_status;

// The families of constants (these, log levels, severities) share no value, and none has 0: a
// constant of the wrong family, or an int that was never set, is refused, not taken for a weaker
// mode. `ffi-tests/calls/options.c` gives every constant of the header to every setter.

/// Every append, batch and transaction is durable when it returns. The default.
pub const IRONWAL_SYNC_STRICT: i32 = 1;
/// Batches and transactions are durable when they return; single appends survive the process.
pub const IRONWAL_SYNC_BATCH_ONLY: i32 = 2;
/// Nothing waits for the disk; what was appended survives the death of the process.
pub const IRONWAL_SYNC_ASYNC: i32 = 3;

/// Stored as given. The default.
pub const IRONWAL_COMPRESSION_NONE: i32 = 301;
/// LZ4 blocks, where that makes a payload smaller.
pub const IRONWAL_COMPRESSION_LZ4: i32 = 302;

/// Positional reads. The default.
pub const IRONWAL_READ_STANDARD_IO: i32 = 101;
/// Sealed segments, and what is durable of the newest one, are memory-mapped; a failing disk can
/// then raise SIGBUS in the reading thread.
pub const IRONWAL_READ_MMAP: i32 = 102;

/// The library chooses: stores into the mapped active segment in mode asynchronous, where neither a
/// failing nor a full disk makes a store raise a signal (ext4 that does not journal data, tmpfs; a file
/// that another program shortens still does); positional writes everywhere else. The default.
pub const IRONWAL_WRITE_AUTO: i32 = 201;
/// Positional writes.
pub const IRONWAL_WRITE_STANDARD_IO: i32 = 202;
/// Stores into the mapped active segment, always; a failing or full disk can then raise SIGBUS in
/// the appending thread on file systems other than ext4 and tmpfs.
pub const IRONWAL_WRITE_MMAP: i32 = 203;

/// The library chooses for each sync: the commit journal where several streams are synced at once, or a caller
/// waits alone; the stream's own file otherwise.
pub const IRONWAL_COMMIT_AUTO: i32 = 1201;
/// The stream's own file, always. No journal is made. The default.
pub const IRONWAL_COMMIT_IN_PLACE: i32 = 1202;
/// The commit journal, wherever what is to be synced is short enough: one file that all streams share, so that
/// one sync makes many of them durable. The streams' own files are synced later.
pub const IRONWAL_COMMIT_JOURNAL: i32 = 1203;

/// Keep what is good and report what is not. The default.
pub const IRONWAL_CORRUPTION_TRUNCATE: i32 = 401;
/// Refuse to open a damaged log, with one error that lists the damage.
pub const IRONWAL_CORRUPTION_ERROR: i32 = 402;

/// When appends are made durable: one of IRONWAL_SYNC.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_sync_mode(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.sync_mode = match mode {
                IRONWAL_SYNC_STRICT => SyncMode::Strict,
                IRONWAL_SYNC_BATCH_ONLY => SyncMode::BatchOnly,
                IRONWAL_SYNC_ASYNC => SyncMode::Async,
                _ => return unknown("sync_mode", mode),
            };
            Ok(())
        })
    }
}

/// How frames are compressed: one of IRONWAL_COMPRESSION.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_compression(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.compression = match mode {
                IRONWAL_COMPRESSION_NONE => CompressionType::None,
                IRONWAL_COMPRESSION_LZ4 => CompressionType::Lz4,
                _ => return unknown("compression", mode),
            };
            Ok(())
        })
    }
}

/// How segments are read: one of IRONWAL_READ.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_read_strategy(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.read_strategy = match mode {
                IRONWAL_READ_STANDARD_IO => ReadStrategy::StandardIo,
                IRONWAL_READ_MMAP => ReadStrategy::Mmap,
                _ => return unknown("read_strategy", mode),
            };
            Ok(())
        })
    }
}

/// How the active segment is written: one of IRONWAL_WRITE.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_write_strategy(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.write_strategy = match mode {
                IRONWAL_WRITE_AUTO => WriteStrategy::Auto,
                IRONWAL_WRITE_STANDARD_IO => WriteStrategy::StandardIo,
                IRONWAL_WRITE_MMAP => WriteStrategy::Mmap,
                _ => return unknown("write_strategy", mode),
            };
            Ok(())
        })
    }
}

/// Where what a sync makes durable is written first: one of IRONWAL_COMMIT. The next opening may use another: a
/// journal that a crash left is written back by any.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_commit_path(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.commit_path = match mode {
                IRONWAL_COMMIT_AUTO => CommitPath::Auto,
                IRONWAL_COMMIT_IN_PLACE => CommitPath::InPlace,
                IRONWAL_COMMIT_JOURNAL => CommitPath::Journal,
                _ => return unknown("commit_path", mode),
            };
            Ok(())
        })
    }
}

/// The policy for damage below the durable end, found at open: one of IRONWAL_CORRUPTION.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_on_corruption(
    options: *mut ironwal_options,
    mode: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.on_corruption = match mode {
                IRONWAL_CORRUPTION_TRUNCATE => CorruptionPolicy::Truncate,
                IRONWAL_CORRUPTION_ERROR => CorruptionPolicy::Error,
                _ => return unknown("on_corruption", mode),
            };
            Ok(())
        })
    }
}
