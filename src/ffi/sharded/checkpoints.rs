//! How C makes, loads and lists the checkpoints of a sharded log.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::CheckpointData;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::sharded::ShardedHandle;
use crate::ffi::sharded::ironwal_sharded;
use crate::ffi::status::IRONWAL_E_CONFIG;
use crate::ffi::status::ironwal_status;

/// A checkpoint that was loaded: for each shard the id from which replay starts. A copy that
/// outlives the log. Freed with ironwal_checkpoint_free().
pub enum ironwal_checkpoint {}

/// What stands behind an `ironwal_checkpoint`.
struct CheckpointHandle {
    id: Vec<u8>,
    data: CheckpointData,
}

impl Handle for CheckpointHandle {
    type Opaque = ironwal_checkpoint;
    const MAGIC: u64 = 0x6972_6F6E_6370_7431;
    const NAME: &'static str = "checkpoint";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// The ids and times of the checkpoints of a log, oldest first. A copy that outlives the log. Freed
/// with ironwal_checkpoint_list_free().
pub enum ironwal_checkpoint_list {}

/// What stands behind an `ironwal_checkpoint_list`.
struct CheckpointListHandle(Vec<(Vec<u8>, u64)>);

impl Handle for CheckpointListHandle {
    type Opaque = ironwal_checkpoint_list;
    const MAGIC: u64 = 0x6972_6F6E_6370_6C31;
    const NAME: &'static str = "list";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Makes a checkpoint, a consistent cut through all shards: if one append returned before another
/// was called, no checkpoint holds the second without the first. Appends wait only while the next
/// ids are read. An older checkpoint of the same id is superseded.
///
/// - NULL: `id` must have 1 to 65,535 bytes, of any content.
/// - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
/// - Blocks: until the disk has it (fsync).
/// - Durable: the checkpoint and everything below its offsets, in every sync mode.
/// - Errors: ::IRONWAL_E_INVALID_CHECKPOINT_ID; ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_STREAM_NOT_FOUND and ::IRONWAL_E_CORRUPT of any shard. There
///   is no such checkpoint then, except that where making checkpoints returns ::IRONWAL_E_POISONED
///   from then on, one may show after the next opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_create_checkpoint(
    sharded: *const ironwal_sharded,
    id: *const c_void,
    id_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let id = boundary::bytes(id, id_len, "id")?;
            Ok(handle.sharded.create_checkpoint(id)?)
        })
    }
}

/// Loads the checkpoint of an id.
///
/// - Owns: free `*out_checkpoint` with ironwal_checkpoint_free(); it outlives the log.
/// - NULL: `id` must have 1 to 65,535 bytes.
/// - Durable: the checkpoint and everything below its offsets is.
/// - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED where entries it
///   counts on were removed; ::IRONWAL_E_CHECKPOINT_CORRUPTED; ::IRONWAL_E_INVALID_CHECKPOINT_ID;
///   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_load_checkpoint(
    sharded: *const ironwal_sharded,
    id: *const c_void,
    id_len: usize,
    out_checkpoint: *mut *mut ironwal_checkpoint,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_checkpoint, ptr::null_mut());
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_checkpoint = boundary::non_null(out_checkpoint, "out_checkpoint")?;
            let id = boundary::bytes(id, id_len, "id")?;
            let data = handle.sharded.load_checkpoint(id)?;
            let id = id.to_vec();
            let loaded = boundary::into_handle(CheckpointHandle { id, data });
            boundary::write_out(out_checkpoint, loaded);
            Ok(())
        })
    }
}

/// Loads the newest checkpoint, in the order in which they were made.
///
/// - Owns: free `*out_checkpoint` with ironwal_checkpoint_free(); it outlives the log.
/// - Durable: the checkpoint and everything below its offsets is.
/// - Errors: ::IRONWAL_E_NO_CHECKPOINTS; ::IRONWAL_E_CHECKPOINT_CORRUPTED where the newest is
///   damaged, since an older one is loaded by its id only; ::IRONWAL_E_CHECKPOINT_PRUNED;
///   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_load_latest_checkpoint(
    sharded: *const ironwal_sharded,
    out_checkpoint: *mut *mut ironwal_checkpoint,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_checkpoint, ptr::null_mut());
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_checkpoint = boundary::non_null(out_checkpoint, "out_checkpoint")?;
            let (id, data) = handle.sharded.load_latest_checkpoint()?;
            let loaded = boundary::into_handle(CheckpointHandle { id, data });
            boundary::write_out(out_checkpoint, loaded);
            Ok(())
        })
    }
}

/// How many checkpoints can be loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_checkpoint_count(
    sharded: *const ironwal_sharded,
    out_count: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_count = boundary::non_null(out_count, "out_count")?;
            boundary::write_out(out_count, handle.sharded.checkpoint_count());
            Ok(())
        })
    }
}

/// Lists the checkpoints that can be loaded as they are now, oldest first.
///
/// - Owns: free `*out_list` with ironwal_checkpoint_list_free(); it outlives the log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_list_checkpoints(
    sharded: *const ironwal_sharded,
    out_list: *mut *mut ironwal_checkpoint_list,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_list, ptr::null_mut());
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_list = boundary::non_null(out_list, "out_list")?;
            let list = CheckpointListHandle(handle.sharded.list_checkpoints());
            boundary::write_out(out_list, boundary::into_handle(list));
            Ok(())
        })
    }
}

/// The id of the checkpoint.
///
/// - Owns: the view belongs to `checkpoint` and ends with it.
/// - NULL: a NULL checkpoint gives {NULL, 0}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_id(
    checkpoint: *const ironwal_checkpoint,
) -> ironwal_view {
    // SAFETY: the caller passes NULL or a live checkpoint.
    unsafe {
        ask::<CheckpointHandle, _>(checkpoint, ironwal_view::EMPTY, |handle| {
            ironwal_view::of(&handle.id)
        })
    }
}

/// When the checkpoint was made, in nanoseconds since 1970. The order of checkpoints does not
/// follow it.
///
/// - NULL: a NULL checkpoint gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_timestamp_ns(
    checkpoint: *const ironwal_checkpoint,
) -> u64 {
    // SAFETY: the caller passes NULL or a live checkpoint.
    unsafe { ask::<CheckpointHandle, _>(checkpoint, 0, |handle| handle.data.timestamp) }
}

/// How many shards the checkpoint goes through.
///
/// - NULL: a NULL checkpoint gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_shard_count(
    checkpoint: *const ironwal_checkpoint,
) -> u32 {
    // SAFETY: the caller passes NULL or a live checkpoint.
    unsafe {
        ask::<CheckpointHandle, _>(checkpoint, 0, |handle| u32::from(handle.data.shard_count))
    }
}

/// The next id of a shard at the time of the checkpoint: the checkpoint holds what is below it, and
/// replay starts there.
///
/// - Errors: ::IRONWAL_E_CONFIG where there is no such shard.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_offset(
    checkpoint: *const ironwal_checkpoint,
    shard: u32,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<CheckpointHandle>(checkpoint, out_error, |handle| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            let offsets = &handle.data.offsets;
            let Some(offset) = usize::try_from(shard).ok().and_then(|at| offsets.get(at)) else {
                let count = offsets.len();
                let message = format!("shard {shard} is out of range, there are {count}");
                return Err(Failure::Refused(IRONWAL_E_CONFIG, message));
            };
            boundary::write_out(out_id, *offset);
            Ok(())
        })
    }
}

/// Frees a checkpoint that was loaded, and the bytes of its id. The log keeps its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_free(checkpoint: *mut ironwal_checkpoint) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the checkpoint up.
    boundary::call_void(|| drop(unsafe { boundary::take::<CheckpointHandle>(checkpoint) }));
}

/// How many checkpoints are listed.
///
/// - NULL: a NULL list has 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_list_count(
    list: *const ironwal_checkpoint_list,
) -> usize {
    // SAFETY: the caller passes NULL or a live list.
    unsafe { ask::<CheckpointListHandle, _>(list, 0, |list| list.0.len()) }
}

/// The id and the time, in nanoseconds since 1970, of the checkpoint at `index`.
///
/// - Owns: the view belongs to `list` and ends with it.
/// - NULL: `out_timestamp_ns` may be NULL.
/// - Errors: ::IRONWAL_E_INVALID_ARG for an index past the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_list_get(
    list: *const ironwal_checkpoint_list,
    index: usize,
    out_id: *mut ironwal_view,
    out_timestamp_ns: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_id, ironwal_view::EMPTY);
        boundary::call_on::<CheckpointListHandle>(list, out_error, |list| {
            let out_id = boundary::non_null(out_id, "out_id")?;
            let Some((id, timestamp_ns)) = list.0.get(index) else {
                let count = list.0.len();
                let message = format!("index {index} of {count} checkpoints");
                return Err(Failure::argument(message));
            };
            boundary::write_out(out_id, ironwal_view::of(id));
            boundary::write_out(out_timestamp_ns, *timestamp_ns);
            Ok(())
        })
    }
}

/// Frees a list of checkpoints and the ids that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_checkpoint_list_free(list: *mut ironwal_checkpoint_list) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the list up.
    boundary::call_void(|| drop(unsafe { boundary::take::<CheckpointListHandle>(list) }));
}

/// Reads something that cannot fail; `absent` where the handle is NULL or of another kind.
///
/// # Safety
/// `handle` is NULL or a live handle.
unsafe fn ask<H: Handle, T>(handle: *const H::Opaque, absent: T, read: impl FnOnce(&H) -> T) -> T {
    let mut answer = absent;
    // SAFETY: as demanded of the caller; NULL is refused, which leaves `absent`.
    unsafe {
        boundary::call_on::<H>(handle, ptr::null_mut(), |handle| {
            answer = read(handle);
            Ok(())
        })
    };
    answer
}
