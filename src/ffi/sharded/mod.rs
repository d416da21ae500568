//! How C opens, closes and flushes a sharded log, and reads its shards.

#![allow(unsafe_code)]

pub mod append;
mod checkpoints;
pub mod maintenance;
pub mod options;

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::LogSink;
use crate::ShardedWal;
use crate::Wal;
use crate::sharded::route;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::error::ironwal_error;
use crate::ffi::iterator;
use crate::ffi::iterator::ironwal_iter;
use crate::ffi::options::OptionsHandle;
use crate::ffi::options::ironwal_options;
use crate::ffi::sharded::options::ShardedOptionsHandle;
use crate::ffi::sharded::options::ironwal_sharded_options;
use crate::ffi::sharded::options::narrow;
use crate::ffi::sharded::options::outside_of_id_callback;
use crate::ffi::sharded::options::shard_count_of;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;
use crate::ffi::wal::report;

/// An open log of many shards: entries go to the shard of their key, in order within it, and
/// checkpoints are consistent cuts through all shards. Closed with ironwal_sharded_close(), which
/// returns whether everything reached the disk.
pub enum ironwal_sharded {}

/// What stands behind an `ironwal_sharded`.
pub(super) struct ShardedHandle {
    keeper: Arc<OpenRef>,
    pub(super) sharded: ShardedWal,
    sink: Option<LogSink>,
}

impl Handle for ShardedHandle {
    type Opaque = ironwal_sharded;
    const MAGIC: u64 = 0x6972_6F6E_7368_6431;
    const NAME: &'static str = "sharded";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.keeper.gate)
    }
}

/// The shard of a key among `shard_count` shards: SipHash-1-3 with key 0 over the length of the key
/// as a little-endian uint64_t and then the key, modulo `shard_count`. For programs in other
/// languages that route by themselves: docs/FORMAT.md spells it out, with test vectors.
///
/// - Errors: ::IRONWAL_E_CONFIG for a count of 0 or above 65,535.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_route(
    key: *const c_void,
    key_len: usize,
    shard_count: u32,
    out_shard: *mut u32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call(out_error, || {
            let out_shard = boundary::non_null(out_shard, "out_shard")?;
            let key = boundary::bytes(key, key_len, "key")?;
            let shard_count = shard_count_of(shard_count)?;
            boundary::write_out(out_shard, u32::from(route(key, shard_count)));
            Ok(())
        })
    }
}

/// Opens a sharded log, creating or recovering it. The number of shards is recorded durably before
/// this returns, and compared at every later opening. A number above max_open_segments is reported to
/// the callback of ironwal_options_set_log() as a warning.
///
/// - Owns: both options are copied and stay the caller's. End `*out_sharded` with
///   ironwal_sharded_close().
/// - Blocks: as ironwal_wal_open() (fsync).
/// - Durable: everything that can be read after a successful return is.
/// - Errors: those of ironwal_wal_open(); ::IRONWAL_E_SHARD_COUNT_MISMATCH; ::IRONWAL_E_CORRUPT
///   where the record of the count is damaged, or missing beside existing shards, and under
///   ::IRONWAL_CORRUPTION_ERROR for damaged checkpoints; ::IRONWAL_E_IO also where checkpoints.log cannot be
///   read, or a rollback that was interrupted cannot be finished; ::IRONWAL_E_CONFIG for automatic
///   checkpoints that are neither due by entries nor by time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_open(
    options: *const ironwal_options,
    sharded_options: *const ironwal_sharded_options,
    out_sharded: *mut *mut ironwal_sharded,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_sharded, ptr::null_mut());
        // Copied first: two handles cannot both be borrowed by one boundary.
        let mut wanted = None;
        let copied =
            boundary::call_on::<ShardedOptionsHandle>(sharded_options, out_error, |handle| {
                wanted = Some(handle.options.clone());
                Ok(())
            });
        let Some(wanted) = wanted else {
            return copied;
        };
        boundary::call_on::<OptionsHandle>(options, out_error, |handle| {
            let out_sharded = boundary::non_null(out_sharded, "out_sharded")?;
            let options = handle.options.clone();
            let sink = handle.sink();
            let opened = format!("opened {}", options.root_path.display());
            let sharded = match &sink {
                None => ShardedWal::with_options(options, wanted)?,
                Some(sink) => {
                    wanted.check()?;
                    ShardedWal::on(Wal::open_logging(options, Arc::clone(sink))?, wanted)?
                }
            };
            report(sink.as_ref(), &opened);
            let handle = ShardedHandle {
                keeper: Arc::new(OpenRef {
                    gate: LogGate::new(),
                }),
                sharded,
                sink,
            };
            boundary::write_out(out_sharded, boundary::into_handle(handle));
            Ok(())
        })
    }
}

/// Opens a sharded log for reading only, while another process, or this one, may have it open for
/// writing. Nothing on disk is changed, recovered or locked. The handle is used like one of
/// ironwal_sharded_open(); calls that change something answer ::IRONWAL_E_READ_ONLY.
/// `shard_count` is compared with the recorded count; 0 takes that one.
///
/// Shards follow the writer as the streams of ironwal_wal_open_read_only() do, the sync mode of the options
/// included; ironwal_sharded_wal() reads, follows and watches them. Calls that load, count and
/// list checkpoints look at the file first. A checkpoint is there once its record is written, up to two
/// syncs before ironwal_sharded_create_checkpoint() returns; if that fails then, or power does, it
/// disappears again. All that is below its offsets is durable in any case. While a rollback is under way,
/// and after one that was interrupted, shards may still show entries that it removes.
///
/// - Owns: `options` is copied and stays the caller's. End `*out_sharded` with
///   ironwal_sharded_close().
/// - Blocks: never for a sync; reads what was written last.
/// - Errors: those of ironwal_wal_open_read_only(); ::IRONWAL_E_IO also where no shard count is
///   recorded yet; ::IRONWAL_E_SHARD_COUNT_MISMATCH; ::IRONWAL_E_CONFIG for a count above 65,535;
///   ::IRONWAL_E_CORRUPT where the record of the count is damaged, or missing beside existing
///   shards, and under ::IRONWAL_CORRUPTION_ERROR for damaged checkpoints and lost shards;
///   ::IRONWAL_E_UNSUPPORTED_VERSION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_open_read_only(
    options: *const ironwal_options,
    shard_count: u32,
    out_sharded: *mut *mut ironwal_sharded,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_sharded, ptr::null_mut());
        boundary::call_on::<OptionsHandle>(options, out_error, |handle| {
            let out_sharded = boundary::non_null(out_sharded, "out_sharded")?;
            let expected = match shard_count {
                0 => None,
                count => Some(shard_count_of(count)?),
            };
            let options = handle.options.clone();
            let sink = handle.sink();
            let opened = format!("opened {} read-only", options.root_path.display());
            let sharded = match &sink {
                None => ShardedWal::open_read_only(options, expected)?,
                Some(sink) => {
                    let wal = Wal::open_read_only_logging(options, Arc::clone(sink))?;
                    ShardedWal::on_read_only(wal, expected)?
                }
            };
            report(sink.as_ref(), &opened);
            let handle = ShardedHandle {
                keeper: Arc::new(OpenRef {
                    gate: LogGate::new(),
                }),
                sharded,
                sink,
            };
            boundary::write_out(out_sharded, boundary::into_handle(handle));
            Ok(())
        })
    }
}

/// Looks at all shards and checkpoints again in a sharded log that is open read-only. Reading and loading
/// do so where they have to. Does nothing in a log open for writing.
///
/// - Blocks: never for a sync; reads what was written last.
/// - Errors: ::IRONWAL_E_IO; ::IRONWAL_E_SHARD_COUNT_MISMATCH and ::IRONWAL_E_CORRUPT where another log is
///   in the directory by now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_refresh(
    sharded: *const ironwal_sharded,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            Ok(handle.sharded.refresh()?)
        })
    }
}

/// Ends the automatic checkpoints and closes the log for all its handles, as ironwal_wal_close()
/// does. Checkpoints that were loaded stay readable.
///
/// - Owns: takes `sharded`, also when it fails, except from within the callback of
///   ironwal_sharded_options_set_checkpoint_ids().
/// - Threads: any; no other call may be using `sharded` itself. Calls on its children may run.
/// - Blocks: until all is on the disk (fsync), and for an automatic checkpoint under way.
/// - Durable: everything, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE and ::IRONWAL_E_POISONED where something could
///   not be made durable; ::IRONWAL_E_FORKED in a forked child, where nothing else is done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_close(
    sharded: *mut ironwal_sharded,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header and gives the handle up.
    unsafe {
        boundary::call(out_error, || {
            outside_of_id_callback()?;
            boundary::outside_of_callback()?;
            let handle = boundary::take::<ShardedHandle>(sharded)?;
            handle.keeper.gate.close();
            handle.sharded.close()?;
            report(handle.sink.as_ref(), "closed; all is durable");
            Ok(())
        })
    }
}

/// Releases the handle without reporting errors: automatic checkpoints end, and the log is closed
/// when the last handle of it is freed too. Prefer ironwal_sharded_close().
///
/// - Blocks: as ironwal_sharded_close() where it is the last handle; in a forked child never.
/// - Durable: everything, but a failure is not reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_free(sharded: *mut ironwal_sharded) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the handle up.
    boundary::call_void(|| drop(unsafe { boundary::take::<ShardedHandle>(sharded) }));
}

/// How many shards there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_shard_count(
    sharded: *const ironwal_sharded,
    out_shard_count: *mut u32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_shard_count = boundary::non_null(out_shard_count, "out_shard_count")?;
            boundary::write_out(out_shard_count, u32::from(handle.sharded.shard_count()));
            Ok(())
        })
    }
}

/// A handle of the log below, in which shard n is the stream "shard_%02u": for reading, syncing and
/// watching shards by ironwal_stream_open() and the like. It is unrestricted, so entries that
/// are appended or removed through it bypass routing and checkpoints: after
/// ironwal_delete_stream() the shard returns ::IRONWAL_E_STREAM_NOT_FOUND, and after the next
/// opening ::IRONWAL_E_CORRUPT where a checkpoint counts on it; a checkpoint below what
/// ironwal_truncate() left returns ::IRONWAL_E_CHECKPOINT_PRUNED.
///
/// - Owns: end `*out_wal` with ironwal_wal_free(); it keeps the log open until then, unless that is
///   closed. ironwal_wal_close() on it closes the sharded log too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_wal(
    sharded: *const ironwal_sharded,
    out_wal: *mut *mut ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_wal, ptr::null_mut());
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_wal = boundary::non_null(out_wal, "out_wal")?;
            let handle = WalHandle {
                keeper: Arc::clone(&handle.keeper),
                wal: handle.sharded.inner().clone(),
                sink: handle.sink.clone(),
            };
            boundary::write_out(out_wal, boundary::into_handle(handle));
            Ok(())
        })
    }
}

/// Begins to read a shard at `start_id`, or at the first id kept where that is later. A shard
/// without entries, and a start past its end, have none for now.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_CONFIG where there is no such shard; ::IRONWAL_E_STREAM_NOT_FOUND where
///   its stream was deleted; ::IRONWAL_E_CORRUPT where it was found lost or damaged at opening;
///   ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_iter_shard(
    sharded: *const ironwal_sharded,
    shard: u32,
    start_id: u64,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let shard = narrow(shard, "shard")?;
            let iterator = handle.sharded.iter_shard_with_ids(shard, start_id)?;
            boundary::write_out(out_iter, iterator::handle_of(&handle.keeper.gate, iterator));
            Ok(())
        })
    }
}

/// Makes everything appended to a shard so far durable, in every sync mode.
///
/// - Blocks: until the disk has it (fsync).
/// - Durable: everything appended to the shard before the call, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_CONFIG where there is no such shard; those of ironwal_stream_sync().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_flush_shard(
    sharded: *const ironwal_sharded,
    shard: u32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            let shard = narrow(shard, "shard")?;
            Ok(handle.sharded.flush_shard(shard)?)
        })
    }
}

/// Makes everything appended so far durable, in all shards at once and in every sync mode. The
/// first failure is reported after all were tried.
///
/// - Blocks: until the disk has it (fsync).
/// - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
/// - Errors: those of ironwal_stream_sync(), of any shard.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_flush_all(
    sharded: *const ironwal_sharded,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ShardedHandle>(sharded, out_error, |handle| {
            Ok(handle.sharded.flush_all()?)
        })
    }
}
