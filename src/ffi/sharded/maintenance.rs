//! How C removes what no checkpoint needs any more, and learns what became of automatic
//! checkpoints.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::mem;
use std::ptr;

use crate::ffi::boundary;
use crate::ffi::boundary::Outcome;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::sharded::ShardedHandle;
use crate::ffi::sharded::ironwal_sharded;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;

/// What a pruning removed. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_prune_stats {
    /// In how many shards segments were removed.
    pub shards_pruned: u64,
    /// How many segments were removed, in all shards.
    pub segments_deleted: u64,
}

/// What a compaction removed. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_compaction_stats {
    /// How many checkpoints could be loaded before.
    pub checkpoints_before: u64,
    /// How many can be loaded now.
    pub checkpoints_after: u64,
    /// How much shorter the log of checkpoints is, in bytes.
    pub bytes_reclaimed: u64,
}

/// Counts of automatic checkpoints created and failed since the log was opened. Later versions may
/// add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_automatic_status {
    /// How many were made. One is counted when the retention after it has been applied too, so a
    /// new checkpoint may be listed a moment before.
    pub created: u64,
    /// How often making one, or removing what was to be removed after it, failed.
    pub failed: u64,
}

/// Removes the segments that hold only entries below the checkpoint's offsets, as
/// ironwal_truncate() does in each shard; all shards are tried, and the first failure is reported.
/// Older checkpoints are pruned by it, durably and before anything is removed. With an archive path
/// segments are moved there.
///
/// - NULL: `id` must have 1 to 65,535 bytes; `out_stats` may be NULL.
/// - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
/// - Blocks: until the directories are on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED where entries were
///   removed up to a later checkpoint; ::IRONWAL_E_CHECKPOINT_CORRUPTED;
///   ::IRONWAL_E_INVALID_CHECKPOINT_ID; ::IRONWAL_E_INVALID_ARG where `out_stats_size` is not a known size
///   of ::ironwal_prune_stats; ::IRONWAL_E_STREAM_NOT_FOUND and ::IRONWAL_E_CORRUPT of any shard,
///   after all were tried; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_prune_before_checkpoint(
    sharded: *const ironwal_sharded,
    id: *const c_void,
    id_len: usize,
    out_stats: *mut ironwal_prune_stats,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            fits(out_stats, out_stats_size)?;
            let id = boundary::bytes(id, id_len, "id")?;
            let stats = handle.sharded.prune_before_checkpoint(id)?;
            let stats = ironwal_prune_stats {
                shards_pruned: u64::from(stats.shards_pruned),
                segments_deleted: stats.segments_deleted as u64,
            };
            give_sized(out_stats, out_stats_size, stats);
            Ok(())
        })
    }
}

/// Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step: after any crash
/// all of it has happened or nothing. The next entry of each shard gets the id that is the shard's offset
/// in the checkpoint, which itself stays. Iterators behind the offsets end with ::IRONWAL_E_SUFFIX_CUT.
/// Entries removed are not archived.
///
/// - NULL: `id` must have 1 to 65,535 bytes.
/// - Threads: any, at the same time; appends to all shards and calls that make or remove checkpoints wait.
/// - Blocks: until the disk has it (fsync), some syncs per shard.
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED, also where a shard was truncated
///   beyond the checkpoint; ::IRONWAL_E_CHECKPOINT_CORRUPTED; ::IRONWAL_E_INVALID_CHECKPOINT_ID; those of
///   a shard that is poisoned, lost or damaged right before its offset. Then nothing has changed. After
///   ::IRONWAL_E_IO and ::IRONWAL_E_NO_SPACE either nothing has changed, or all shards return
///   ::IRONWAL_E_POISONED: then the next open as a sharded log finishes the rollback if it was committed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_rollback_to_checkpoint(
    sharded: *const ironwal_sharded,
    id: *const c_void,
    id_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let id = boundary::bytes(id, id_len, "id")?;
            Ok(handle.sharded.rollback_to_checkpoint(id)?)
        })
    }
}

/// Removes all checkpoints but the newest `keep_latest_n`, 0 included, and what superseded, pruned
/// and damaged ones took in the file. Removes no entries.
///
/// - NULL: `out_stats` may be NULL.
/// - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
/// - Blocks: until the file and its directory are on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_CHECKPOINT_CORRUPTED where the newest checkpoint is damaged, unless none is
///   to be kept; ::IRONWAL_E_INVALID_ARG if `out_stats_size` is not a known size of
///   ::ironwal_compaction_stats; ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_compact_checkpoints(
    sharded: *const ironwal_sharded,
    keep_latest_n: usize,
    out_stats: *mut ironwal_compaction_stats,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            fits(out_stats, out_stats_size)?;
            let stats = handle.sharded.compact_checkpoints(keep_latest_n)?;
            let stats = ironwal_compaction_stats {
                checkpoints_before: stats.checkpoints_before as u64,
                checkpoints_after: stats.checkpoints_after as u64,
                bytes_reclaimed: stats.bytes_reclaimed,
            };
            give_sized(out_stats, out_stats_size, stats);
            Ok(())
        })
    }
}

/// Counts of automatic checkpoints created and failed, and the error of a failed last attempt.
///
/// - Owns: release `*out_last_error`, UTF-8 without a NUL, with ironwal_buffer_free(); what was in
///   it before is overwritten. `out_status` stays the caller's.
/// - NULL: `out_status` and `out_last_error` may be NULL. `*out_last_error` is {NULL, 0} after a
///   failure, and where the last attempt succeeded.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the log was opened without automatic
///   checkpoints; ::IRONWAL_E_INVALID_ARG if `out_status_size` is not a known size of
///   ::ironwal_automatic_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_automatic_status(
    sharded: *const ironwal_sharded,
    out_status: *mut ironwal_automatic_status,
    out_status_size: usize,
    out_last_error: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_last_error, ironwal_buffer::EMPTY);
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            fits(out_status, out_status_size)?;
            let status = handle.sharded.automatic_status();
            let status = status.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let counts = ironwal_automatic_status {
                created: status.created,
                failed: status.failed,
            };
            give_sized(out_status, out_status_size, counts);
            let asked = !out_last_error.is_null();
            if let Some(text) = status.last_error.filter(|_| asked) {
                boundary::write_out(out_last_error, ironwal_buffer::owning(text.into_bytes()));
            }
            Ok(())
        })
    }
}

/// Refuses a size that no version of the struct ever had: this is the first, so smaller ones.
pub(in crate::ffi) fn fits<T>(out: *mut T, size: usize) -> Outcome {
    match out.is_null() || size >= mem::size_of::<T>() {
        true => Ok(()),
        false => Err(Failure::argument(format!(
            "the size of the struct is {size}, pass its sizeof"
        ))),
    }
}

/// Writes a struct to one of a caller whose header may be newer: what we do not know becomes 0.
///
/// # Safety
/// `out` is NULL or points to `size` writable bytes; `fits` let the size pass.
pub(in crate::ffi) unsafe fn give_sized<T>(out: *mut T, size: usize, value: T) {
    if out.is_null() {
        return;
    }
    // SAFETY: not NULL; the size is at least that of `T`, and the caller says all of it is writable.
    unsafe {
        let known = mem::size_of::<T>();
        ptr::write_bytes(out.cast::<u8>().add(known), 0, size - known);
        out.write(value);
    }
}
