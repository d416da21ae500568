//! How a C caller says how many shards there are, and when checkpoints are made by the log itself.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::ShardedOptions;
use crate::sharded::AutomaticCheckpoints;
use crate::sharded::CheckpointIds;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::Outcome;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::log_callback::CallbackContext;
use crate::ffi::status::IRONWAL_E_CONFIG;
use crate::ffi::status::IRONWAL_E_INVALID_ARG;
use crate::ffi::status::ironwal_status;

/// The longest id of a checkpoint, in bytes.
pub const IRONWAL_CHECKPOINT_ID_MAX: i32 = 65535;

/// What a sharded log is opened with beside its ::ironwal_options. Made by
/// ironwal_sharded_options_new(), changed by setters, freed with ironwal_sharded_options_free().
pub enum ironwal_sharded_options {}

/// What stands behind an `ironwal_sharded_options`.
pub(in crate::ffi) struct ShardedOptionsHandle {
    pub(in crate::ffi) options: ShardedOptions,
}

impl Handle for ShardedOptionsHandle {
    type Opaque = ironwal_sharded_options;
    const MAGIC: u64 = 0x6972_6F6E_736F_7031;
    const NAME: &'static str = "sharded_options";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Makes the id of an automatic checkpoint: writes it to `buffer`, which takes `capacity`
/// bytes (::IRONWAL_CHECKPOINT_ID_MAX), and returns its length. `number` is greater than that of any
/// checkpoint there is or was; one whose checkpoint failed may come again. 0, or more than
/// `capacity`, fails that checkpoint, which is tried again when the next one is due.
///
/// Called on a thread of the library's, one call at a time per log, with no lock held: it may use the
/// log, and make and remove checkpoints. Only ironwal_sharded_close() is refused from within it, with
/// ::IRONWAL_E_INVALID_ARG. It must return, must not throw or longjmp, and must not free handles of
/// the log.
pub type ironwal_checkpoint_id_fn = Option<
    unsafe extern "C" fn(
        ctx: CallbackContext,
        number: u64,
        buffer: *mut u8,
        capacity: usize,
    ) -> usize,
>;

/// A number of shards or of a shard as C passes it: wider than needed, so that one out of range is
/// refused and not cut off.
pub(in crate::ffi) fn narrow(number: u32, what: &str) -> Result<u16, Failure> {
    u16::try_from(number).map_err(|_| {
        let message = format!("{what} {number} is out of range, the greatest is 65535");
        Failure::Refused(IRONWAL_E_CONFIG, message)
    })
}

/// How many shards there are.
pub(in crate::ffi) fn shard_count_of(shard_count: u32) -> Result<u16, Failure> {
    match narrow(shard_count, "shard_count")? {
        0 => refused("shard_count is 0, the least is 1"),
        shard_count => Ok(shard_count),
    }
}

fn refused<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::Refused(IRONWAL_E_CONFIG, what.to_owned()))
}

/// Makes options for a log of `shard_count` shards, without automatic checkpoints. The count, 1 to
/// 65,535, is recorded when the log is made and fixed from then on.
///
/// - Owns: free `*out_options` with ironwal_sharded_options_free().
/// - Durable: options are not stored; the count is when the log is opened.
/// - Errors: ::IRONWAL_E_CONFIG for a count of 0 or above 65,535.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_new(
    shard_count: u32,
    out_options: *mut *mut ironwal_sharded_options,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_options, ptr::null_mut());
        boundary::call(out_error, || {
            let out_options = boundary::non_null(out_options, "out_options")?;
            let options = ShardedOptions::new(shard_count_of(shard_count)?);
            let handle = boundary::into_handle(ShardedOptionsHandle { options });
            boundary::write_out(out_options, handle);
            Ok(())
        })
    }
}

/// Frees options. Logs that were opened with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_free(options: *mut ironwal_sharded_options) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the options up.
    boundary::call_void(|| drop(unsafe { boundary::take::<ShardedOptionsHandle>(options) }));
}

/// Has the log make a checkpoint whenever `entries` more entries were appended, over all shards. At
/// opening those count that no checkpoint holds yet.
///
/// - Errors: ::IRONWAL_E_CONFIG for 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_set_checkpoint_every_entries(
    options: *mut ironwal_sharded_options,
    entries: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |automatic| {
            if entries == 0 {
                return refused("entries is 0, the least is 1");
            }
            automatic.every_entries = Some(entries);
            Ok(())
        })
    }
}

/// Has the log make a checkpoint every `interval_ns` nanoseconds, if there are entries that the last
/// one does not hold.
///
/// - Errors: ::IRONWAL_E_CONFIG for 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_set_checkpoint_interval(
    options: *mut ironwal_sharded_options,
    interval_ns: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |automatic| {
            if interval_ns == 0 {
                return refused("interval_ns is 0, the least is 1");
            }
            automatic.every = Some(Duration::from_nanos(interval_ns));
            Ok(())
        })
    }
}

/// Names automatic checkpoints `prefix` followed by 20 digits, which grow and are never used twice.
/// That is also the default, with the prefix "auto-".
///
/// - Errors: ::IRONWAL_E_INVALID_CHECKPOINT_ID for a prefix that leaves no space for the digits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_set_checkpoint_prefix(
    options: *mut ironwal_sharded_options,
    prefix: *const c_void,
    prefix_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |automatic| {
            let prefix = boundary::bytes(prefix, prefix_len, "prefix")?;
            let most = ID_MAX - 20;
            if prefix.len() > most {
                let what = format!("a prefix of {prefix_len} bytes, the most are {most}");
                return Err(Error::InvalidCheckpointId(what).into());
            }
            automatic.ids = CheckpointIds::Counter(prefix.to_vec());
            Ok(())
        })
    }
}

/// Calls automatic checkpoints as `callback` says, which gets `ctx` back each time. It may be
/// called until the sharded log is closed or freed.
///
/// - Owns: the object behind `ctx` stays the caller's and must outlive the log.
/// - Threads: one at a time per `options`; the callback runs on a thread of the library's.
/// - Errors: none but for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_set_checkpoint_ids(
    options: *mut ironwal_sharded_options,
    callback: ironwal_checkpoint_id_fn,
    ctx: CallbackContext,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |automatic| {
            if callback.is_none() {
                return Err(Failure::argument("callback is NULL"));
            }
            let make = move |number| made_by(callback, ctx, number);
            automatic.ids = CheckpointIds::Function(Arc::new(make));
            Ok(())
        })
    }
}

/// Has the log, after each automatic checkpoint, prune the entries before the oldest of the newest
/// `keep_latest` checkpoints, where there are so many, and the older checkpoints with them, those
/// made by hand included. Their space is reclaimed periodically.
///
/// - Errors: ::IRONWAL_E_CONFIG for 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_sharded_options_set_retention(
    options: *mut ironwal_sharded_options,
    keep_latest: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |automatic| {
            if keep_latest == 0 {
                return refused("keep_latest is 0, the least is 1");
            }
            automatic.keep_latest = Some(keep_latest);
            Ok(())
        })
    }
}

/// Applies one setter of automatic checkpoints; a refused one leaves the options as they were.
///
/// # Safety
/// `options` is NULL or live and used by this thread only, `out_error` is NULL or writable.
unsafe fn change(
    options: *mut ironwal_sharded_options,
    out_error: *mut *mut ironwal_error,
    set: impl FnOnce(&mut AutomaticCheckpoints) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller.
    unsafe {
        boundary::call_on_mut::<ShardedOptionsHandle>(options, out_error, |handle| {
            let automatic = handle.options.automatic.clone();
            let mut automatic = automatic.unwrap_or_else(|| AutomaticCheckpoints {
                every_entries: None,
                every: None,
                ids: CheckpointIds::Counter(b"auto-".to_vec()),
                keep_latest: None,
            });
            set(&mut automatic)?;
            handle.options.automatic = Some(automatic);
            Ok(())
        })
    }
}

const ID_MAX: usize = IRONWAL_CHECKPOINT_ID_MAX as usize;

thread_local! {
    /// Whether this thread is inside a callback that makes an id.
    static NAMING: Cell<bool> = const { Cell::new(false) };
}

/// Refuses to close from within a callback that makes an id: the thread would wait for its own end.
pub(in crate::ffi) fn outside_of_id_callback() -> Outcome {
    match NAMING.try_with(Cell::get).unwrap_or(false) {
        false => Ok(()),
        true => Err(Failure::Refused(
            IRONWAL_E_INVALID_ARG,
            "called from within the callback that makes the id of a checkpoint; call it from \
             another thread"
                .into(),
        )),
    }
}

/// The id that the callback makes. A length out of bounds is kept out of bounds: the engine
/// refuses it.
fn made_by(callback: ironwal_checkpoint_id_fn, ctx: CallbackContext, number: u64) -> Vec<u8> {
    let Some(callback) = callback else {
        return Vec::new();
    };
    let mut id = vec![0; ID_MAX];
    NAMING.set(true);
    // SAFETY: the caller registered a function that keeps to the contract above; the buffer is
    // writable for its whole length.
    let len = unsafe { callback(ctx, number, id.as_mut_ptr(), id.len()) };
    NAMING.set(false);
    id.resize(len.min(ID_MAX + 1), 0);
    id
}
