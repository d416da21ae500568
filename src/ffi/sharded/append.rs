//! How C appends to a sharded log.

#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::Error;
use crate::error::memory;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::sharded::ShardedHandle;
use crate::ffi::sharded::ironwal_sharded;
use crate::ffi::status::ironwal_status;

/// An entry of a batch: `value` goes to the shard of `key`. The key is not stored.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_keyed_slice {
    /// What the entry is routed by.
    pub key: ironwal_slice,
    /// The entry.
    pub value: ironwal_slice,
}

/// Appends one entry to the shard of its key; returns the shard and the entry's id in it. The key is
/// not stored.
///
/// - NULL: `key` and `data` may be NULL if their length is 0; the outputs may be NULL.
/// - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
/// - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
///   power loss after a sync, a flush or a checkpoint.
/// - Errors: those of ironwal_stream_append(); ::IRONWAL_E_CORRUPT for a shard that was found lost
///   or damaged at opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_append(
    sharded: *const ironwal_sharded,
    key: *const c_void,
    key_len: usize,
    data: *const c_void,
    len: usize,
    out_shard: *mut u32,
    out_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let key = boundary::bytes(key, key_len, "key")?;
            let data = boundary::bytes(data, len, "data")?;
            let (shard, id) = handle.sharded.append(key, data)?;
            boundary::write_out(out_shard, u32::from(shard));
            boundary::write_out(out_id, id);
            Ok(())
        })
    }
}

/// Appends several entries to the shards of their keys. `out_shards` and `out_ids` are arrays of
/// `entry_count` elements and get the shard and the id of each entry, in the order of `entries`.
/// Within a shard the batch is atomic; over several shards it is not. No entries: nothing happens.
///
/// - Owns: the entries are copied; the arrays stay the caller's and are written on success only.
/// - NULL: `out_shards` and `out_ids` may be NULL.
/// - Blocks: until the disk has it (fsync, all shards at once), except under ::IRONWAL_SYNC_ASYNC.
/// - Durable: on return, except under ::IRONWAL_SYNC_ASYNC.
/// - Errors: ::IRONWAL_E_BATCH_INCOMPLETE where some shards hold their part, which
///   ironwal_error_committed_part() reports, and others do not; those of ironwal_sharded_append()
///   where none does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_append_batch(
    sharded: *const ironwal_sharded,
    entries: *const ironwal_keyed_slice,
    entry_count: usize,
    out_shards: *mut u32,
    out_ids: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let entries = keyed_entries(entries, entry_count)?;
            let places = handle.sharded.append_borrowed(&entries)?;
            write_places(places, out_shards, out_ids);
            Ok(())
        })
    }
}

/// As ironwal_sharded_append_batch(), but all or nothing over all shards, after any crash. The limits are those
/// of ironwal_append_atomic(), with a part for each shard that gets an entry.
///
/// - Owns: the entries are copied; the arrays stay the caller's and are written on success only.
/// - NULL: `out_shards` and `out_ids` may be NULL.
/// - Blocks: until the disk has it (one fsync, of the commit journal, whatever the commit path is).
/// - Durable: on return, in every sync mode.
/// - Errors: those of ironwal_append_atomic(), with nothing appended anywhere; ::IRONWAL_E_CORRUPT for a shard
///   that was found lost or damaged at opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_append_batch_atomic(
    sharded: *const ironwal_sharded,
    entries: *const ironwal_keyed_slice,
    entry_count: usize,
    out_shards: *mut u32,
    out_ids: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let entries = keyed_entries(entries, entry_count)?;
            let places = handle.sharded.append_borrowed_atomic(&entries)?;
            write_places(places, out_shards, out_ids);
            Ok(())
        })
    }
}

/// Entries, each behind its key.
type KeyedEntries<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The entries of an array, each with its key.
///
/// # Safety
/// As `boundary::array`, for the array and for the bytes of each key and value.
unsafe fn keyed_entries<'a>(
    entries: *const ironwal_keyed_slice,
    entry_count: usize,
) -> Result<KeyedEntries<'a>, Failure> {
    // SAFETY: as demanded of the caller.
    unsafe {
        let given = boundary::array(entries, entry_count, "entries")?;
        let mut entries = Vec::new();
        memory::reserve(&mut entries, given.len()).map_err(Error::Io)?;
        for ironwal_keyed_slice { key, value } in given {
            entries.push((
                boundary::bytes(key.data, key.len, "key")?,
                boundary::bytes(value.data, value.len, "value")?,
            ));
        }
        Ok(entries)
    }
}

/// Writes where each entry is.
///
/// # Safety
/// Each of the arrays is NULL, or has a writable element for each place.
unsafe fn write_places(places: Vec<(u16, u64)>, out_shards: *mut u32, out_ids: *mut u64) {
    for (at, (shard, id)) in places.into_iter().enumerate() {
        // SAFETY: as demanded of the caller; a NULL array stays NULL at every index.
        unsafe {
            if !out_shards.is_null() {
                boundary::write_out(out_shards.add(at), u32::from(shard));
            }
            if !out_ids.is_null() {
                boundary::write_out(out_ids.add(at), id);
            }
        }
    }
}

/// Appends several entries to the shard of one key as one: their ids go from `out_first_id` up to
/// and without `out_end_id`. No entries: nothing happens, and both ids are 0.
///
/// - NULL: `key` may be NULL if `key_len` is 0, `entries` if `entry_count` is 0; the outputs may be
///   NULL.
/// - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
/// - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
///   not at all.
/// - Errors: those of ironwal_sharded_append().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_append_batch_for_key(
    sharded: *const ironwal_sharded,
    key: *const c_void,
    key_len: usize,
    entries: *const ironwal_slice,
    entry_count: usize,
    out_shard: *mut u32,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let key = boundary::bytes(key, key_len, "key")?;
            let entries = boundary::slices(entries, entry_count, "entries")?;
            let places = handle.sharded.append_batch_for_key(key, &entries)?;
            let ids = match (places.first(), places.last()) {
                (Some((_, first)), Some((_, last))) => *first..last + 1,
                _ => 0..0,
            };
            boundary::write_out(out_shard, u32::from(handle.sharded.shard_of(key)));
            boundary::write_out(out_first_id, ids.start);
            boundary::write_out(out_end_id, ids.end);
            Ok(())
        })
    }
}
