//! How does C copy a log, as it is at one moment, into another directory?

#![allow(unsafe_code)]

use std::ffi::c_char;

use crate::SnapshotMode;
use crate::SnapshotReport;

use crate::ffi::boundary;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::options::path_of;
use crate::ffi::sharded::ShardedHandle;
use crate::ffi::sharded::ironwal_sharded;
use crate::ffi::sharded::maintenance::fits;
use crate::ffi::sharded::maintenance::give_sized;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// Sealed segments get a second name (a hard link) where the file system can, and are copied where it
/// cannot. They take no space of their own, and share the fate of the disk.
pub const IRONWAL_SNAPSHOT_LINK: i32 = 1101;
/// Everything is copied: for a backup on other hardware, or on a file system of its own.
pub const IRONWAL_SNAPSHOT_COPY: i32 = 1102;

/// What a snapshot holds. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_snapshot_stats {
    /// How many streams it holds.
    pub streams: u64,
    /// How many segments got a second name.
    pub segments_linked: u64,
    /// How many were copied, whole or up to the end of their stream.
    pub segments_copied: u64,
    /// Bytes copied.
    pub bytes_copied: u64,
    /// 1: all streams are as they were at one moment. 0 only after a call that does not demand that.
    pub is_one_moment: u64,
}

fn mode_of(constant: i32) -> Result<SnapshotMode, Failure> {
    match constant {
        IRONWAL_SNAPSHOT_LINK => Ok(SnapshotMode::Link),
        IRONWAL_SNAPSHOT_COPY => Ok(SnapshotMode::Copy),
        other => Err(Failure::argument(format!(
            "mode is {other}, which is no IRONWAL_SNAPSHOT constant"
        ))),
    }
}

fn stats_of(report: &SnapshotReport) -> ironwal_snapshot_stats {
    ironwal_snapshot_stats {
        streams: report.streams.len() as u64,
        segments_linked: report.segments_linked as u64,
        segments_copied: report.segments_copied as u64,
        bytes_copied: report.bytes_copied,
        is_one_moment: u64::from(report.is_one_moment),
    }
}

/// Puts a copy of the log, as it is at one moment, into the new directory `dir`: it opens without
/// recovery. If one append returned before another was called, the snapshot never holds the second
/// without the first, whatever their streams. The archive is not included. `mode` is one of the
/// IRONWAL_SNAPSHOT constants.
///
/// A log that is open read-only takes the snapshot beside the writer, which waits for nothing. It holds what was
/// written, also what is not yet durable in the log. The moment is one at which no stream but one grew while
/// the ends of all were read, and read again. What the writer truncated since may be missing.
///
/// - NULL: `out_stats` may be NULL.
/// - Threads: any, at the same time; truncation, deletion and close wait.
/// - Blocks: until the disk has it (fsync); copies files.
/// - Durable: on return, and so is everything that the snapshot holds.
/// - Errors: ::IRONWAL_E_CONFIG where `dir` exists or lies in the log, a sharded log has this one open, or
///   the log is sharded and open read-only; those of a stream that is damaged or poisoned: a snapshot is
///   whole or is not; ::IRONWAL_E_TIMEOUT where a log that is open read-only finds no such moment for ten seconds;
///   ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE. `dir` does not exist then, unless the last sync failed: then
///   it is whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_snapshot_to(
    wal: *const ironwal_wal,
    dir: *const c_char,
    dir_len: usize,
    mode: i32,
    out_stats: *mut ironwal_snapshot_stats,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            fits(out_stats, out_stats_size)?;
            let dir = path_of(dir, dir_len)?;
            let report = handle.wal.snapshot_to(&dir, mode_of(mode)?)?;
            give_sized(out_stats, out_stats_size, stats_of(&report));
            Ok(())
        })
    }
}

/// As ironwal_wal_snapshot_to(), also where a log that is open read-only finds no moment at which the writer
/// pauses: `is_one_moment` of the result says whether it found one. If not, each stream is as it was at a
/// moment of its own during the call, a prefix of its entries. Their ends are read in the reverse order of
/// their keys: if one append returned before another was called, and the key of the first one's stream sorts
/// before that of the second one's, the snapshot never holds the second without the first.
///
/// - NULL: `out_stats` may be NULL.
/// - Threads: any, at the same time; truncation, deletion and close wait.
/// - Blocks: until the disk has it (fsync); copies files.
/// - Durable: on return, and so is everything that the snapshot holds.
/// - Errors: those of ironwal_wal_snapshot_to(); ::IRONWAL_E_TIMEOUT where a stream is cut, reset or deleted
///   again and again while it is copied, for ten seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_snapshot_streams_to(
    wal: *const ironwal_wal,
    dir: *const c_char,
    dir_len: usize,
    mode: i32,
    out_stats: *mut ironwal_snapshot_stats,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            fits(out_stats, out_stats_size)?;
            let dir = path_of(dir, dir_len)?;
            let report = handle.wal.snapshot_streams_to(&dir, mode_of(mode)?)?;
            give_sized(out_stats, out_stats_size, stats_of(&report));
            Ok(())
        })
    }
}

/// As ironwal_wal_snapshot_to(), with the checkpoints: each one in the snapshot can be loaded there.
///
/// - NULL: `out_stats` may be NULL.
/// - Threads: any, at the same time; truncation, deletion, checkpoints and close wait.
/// - Blocks: until the disk has it (fsync); copies files.
/// - Durable: on return, and so is everything that the snapshot holds.
/// - Errors: ::IRONWAL_E_CHECKPOINT_CORRUPTED where the checkpoints cannot be used; those of
///   ironwal_wal_snapshot_to().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_snapshot_to(
    sharded: *const ironwal_sharded,
    dir: *const c_char,
    dir_len: usize,
    mode: i32,
    out_stats: *mut ironwal_snapshot_stats,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            fits(out_stats, out_stats_size)?;
            let dir = path_of(dir, dir_len)?;
            let report = handle.sharded.snapshot_to(&dir, mode_of(mode)?)?;
            give_sized(out_stats, out_stats_size, stats_of(&report));
            Ok(())
        })
    }
}
