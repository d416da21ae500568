//! How does a C caller build the options that a log is opened with?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;

use crate::BackgroundSync;
use crate::CommitPath;
use crate::CompressionType;
use crate::CorruptionPolicy;
use crate::LogSink;
use crate::ReadStrategy;
use crate::SyncMode;
use crate::WalOptions;
use crate::WriteStrategy;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::Outcome;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::log_callback;
use crate::ffi::log_callback::CallbackContext;
use crate::ffi::log_callback::Listener;
use crate::ffi::log_callback::ironwal_log_fn;
use crate::ffi::log_callback::ironwal_release_fn;
use crate::ffi::status::IRONWAL_E_CONFIG;
use crate::ffi::status::ironwal_status;

/// The options of a log. Made with defaults by ironwal_options_new(), changed by setters,
/// freed with ironwal_options_free(). None of it is stored: options may differ from one opening
/// to the next.
pub enum ironwal_options {}

/// What stands behind an `ironwal_options`.
#[derive(Clone)]
pub(super) struct OptionsHandle {
    pub(super) options: WalOptions,
    listener: Option<Arc<Listener>>,
    least_level: LevelFilter,
}

impl OptionsHandle {
    /// What receives the messages of a log that is opened with these options.
    pub(super) fn sink(&self) -> Option<LogSink> {
        let listener = self.listener.as_ref()?;
        Some(log_callback::sink(listener, self.least_level))
    }
}

impl Handle for OptionsHandle {
    type Opaque = ironwal_options;
    const MAGIC: u64 = 0x6972_6F6E_6F70_7431;
    const NAME: &'static str = "options";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Makes options for the log in the directory `path`, with the defaults for everything else. The
/// directory is created when the log is opened; its parent must exist then.
///
/// - Owns: `path` is copied; free `*out_options` with ironwal_options_free().
/// - Errors: ::IRONWAL_E_CONFIG where the path is empty, not UTF-8 or holds a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_new(
    path: *const c_char,
    path_len: usize,
    out_options: *mut *mut ironwal_options,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_options, std::ptr::null_mut());
        boundary::call(out_error, || {
            let out_options = boundary::non_null(out_options, "out_options")?;
            let options = WalOptions::new(path_of(path, path_len)?);
            options.check()?;
            let handle = boundary::into_handle(OptionsHandle {
                options,
                listener: None,
                least_level: LevelFilter::Trace,
            });
            boundary::write_out(out_options, handle);
            Ok(())
        })
    }
}

/// Frees options. Logs that were opened with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_free(options: *mut ironwal_options) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the options up.
    boundary::call_void(|| drop(unsafe { boundary::take::<OptionsHandle>(options) }));
}

/// Copies options, with their callback.
///
/// - Owns: free `*out_options` with ironwal_options_free().
/// - Threads: one at a time per `options`.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_clone(
    options: *const ironwal_options,
    out_options: *mut *mut ironwal_options,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_options, std::ptr::null_mut());
        boundary::call_on::<OptionsHandle>(options, out_error, |handle| {
            let out_options = boundary::non_null(out_options, "out_options")?;
            boundary::write_out(out_options, boundary::into_handle(handle.clone()));
            Ok(())
        })
    }
}

/// Changes the options that `text` names, as `name=value` with `;` or line breaks between them, such as
/// `sync_mode=async; max_segment_size=64M; background_sync=5ms,1M`. The text may come from a configuration or
/// from getenv(); the library itself reads no variable.
///
/// The names are those of the setters; values of constants are written in lower case (`batch_only`, `lz4`,
/// `standard_io`), flags as `true` or `false`. Numbers of bytes take `K`, `M`, `G` or `T` (powers of 1024),
/// times need one of `ns`, `us`, `ms`, `s`, `min`, `h`, `d`. `background_sync` is `INTERVAL,BYTES` or `none`.
/// `retention_max_bytes`, `retention_max_age` (or `none`) and `retention_keep_cursors` are the arguments of
/// ironwal_options_set_retention(). The directory of the log and the callback cannot be given.
///
/// - Errors: ::IRONWAL_E_CONFIG for an unknown name, a value out of bounds or of another form, named in the
///   message, and for text that is not UTF-8; no option has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_parse(
    options: *mut ironwal_options,
    text: *const c_char,
    text_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            let text = boundary::utf8(text, text_len, "text")?;
            if text.contains('\0') {
                let message = "text holds a NUL".into();
                return Err(Failure::Refused(IRONWAL_E_CONFIG, message));
            }
            Ok(options.apply(text)?)
        })
    }
}

/// Sends the messages of every log opened with these options to `callback`, which gets `ctx` back
/// each time. It may be called until the last handle of the log is gone.
///
/// - Owns: the object behind `ctx` stays the caller's and must outlive the log.
/// - NULL: a NULL `callback`, the default, sends nothing.
/// - Threads: one at a time per `options`; the callback runs on any thread, several at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_log(
    options: *mut ironwal_options,
    callback: ironwal_log_fn,
    ctx: CallbackContext,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on_mut::<OptionsHandle>(options, out_error, |handle| {
            handle.listener = Listener::new(callback, ctx, None);
            Ok(())
        })
    }
}

/// As ironwal_options_set_log(), with a context that the library releases: `release` gets it once, when
/// neither options nor an open log hold the callback any more, or when this call fails.
///
/// - Owns: takes what is behind `ctx`, also when it fails.
/// - NULL: `callback` as above, then `ctx` is released at once; `release` may be NULL.
/// - Threads: one at a time per `options`; the callback and `release` run on any thread.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_log_owned(
    options: *mut ironwal_options,
    callback: ironwal_log_fn,
    ctx: CallbackContext,
    release: ironwal_release_fn,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    let listener = Listener::new(callback, ctx, release);
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on_mut::<OptionsHandle>(options, out_error, |handle| {
            handle.listener = listener;
            Ok(())
        })
    }
}

/// The least severe level of which messages reach the callback: one of IRONWAL_LOG. The default is
/// ::IRONWAL_LOG_TRACE, everything. Holds for logs that are opened afterwards.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where the level is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_log_level(
    options: *mut ironwal_options,
    level: i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on_mut::<OptionsHandle>(options, out_error, |handle| {
            let Some(least) = log_callback::least_level(level) else {
                return unknown("log_level", level);
            };
            handle.least_level = least;
            Ok(())
        })
    }
}

/// Applies one setter; a value out of bounds is refused and leaves the options as they were.
///
/// # Safety
/// `options` is NULL or live and used by this thread only, `out_error` is NULL or writable.
pub(super) unsafe fn change(
    options: *mut ironwal_options,
    out_error: *mut *mut ironwal_error,
    set: impl FnOnce(&mut WalOptions) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller.
    unsafe {
        boundary::call_on_mut::<OptionsHandle>(options, out_error, |handle| {
            let mut changed = handle.options.clone();
            set(&mut changed)?;
            changed.check()?;
            handle.options = changed;
            Ok(())
        })
    }
}

/// `change` for a value that only the check of the options refuses.
///
/// # Safety
/// As `change`.
unsafe fn set(
    options: *mut ironwal_options,
    out_error: *mut *mut ironwal_error,
    set: impl FnOnce(&mut WalOptions),
) -> ironwal_status {
    let set = |options: &mut WalOptions| {
        set(options);
        Ok(())
    };
    // SAFETY: as demanded of the caller.
    unsafe { change(options, out_error, set) }
}

/// A path as C passes it.
///
/// # Safety
/// Unless refused here, `path` points to `path_len` readable bytes.
pub(super) unsafe fn path_of(path: *const c_char, path_len: usize) -> Result<PathBuf, Failure> {
    // SAFETY: as demanded of the caller.
    let path = unsafe { boundary::utf8(path, path_len, "path")? };
    match path.contains('\0') {
        true => Err(Failure::Refused(
            IRONWAL_E_CONFIG,
            "path holds a NUL".into(),
        )),
        false => Ok(PathBuf::from(path)),
    }
}

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

fn unknown(option: &str, mode: i32) -> Outcome {
    Err(Failure::argument(format!(
        "{option}: {mode} is none of its values; each option has constants of its own"
    )))
}

/// A segment is rotated before the frame that would take it past this many bytes; a single larger
/// frame is stored alone. 1 to UINT64_MAX, default 64 MiB.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_max_segment_size(
    options: *mut ironwal_options,
    bytes: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.max_segment_size = bytes
        })
    }
}

/// A segment is rotated before the frame that would take it past this many entries; a single larger
/// batch is stored alone. 1 to UINT64_MAX, the default.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_max_entries_per_segment(
    options: *mut ironwal_options,
    entries: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.max_entries_per_segment = entries
        })
    }
}

/// How many files are kept open for writing, over all streams. At least 1, default 128.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_max_open_segments(
    options: *mut ironwal_options,
    files: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.max_open_segments = files
        })
    }
}

/// How many files are kept open (or mapped) for reading. At least 1, default 128.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_max_open_read_segments(
    options: *mut ironwal_options,
    files: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.max_open_read_segments = files
        })
    }
}

/// Bytes of appended frames that are gathered into one write; larger ones are written from the
/// caller's memory. 0 to 1 GiB, default 64 KiB.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_write_buffer_size(
    options: *mut ironwal_options,
    bytes: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.write_buffer_size = bytes
        })
    }
}

/// Bytes read ahead by iterators and by recovery. 1 byte to 1 GiB, default 128 KiB.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_read_buffer_size(
    options: *mut ironwal_options,
    bytes: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.read_buffer_size = bytes
        })
    }
}

/// How many bytes the files of the commit journal may take together. They begin with 1 MiB each at most, and grow
/// as they are used; an opening after a crash reads all of them. 256 KiB to 1 GiB, default 64 MiB. A batch over
/// several streams takes at most a quarter of it, and 256 KiB at most. What poisoned streams need stays in
/// further files until the log is opened again; these take as much again at most.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_journal_size(
    options: *mut ironwal_options,
    bytes: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { set(options, out_error, |options| options.journal_size = bytes) }
}

/// Bytes of decompressed frames kept in memory; 0, the default, keeps none, and a read of one entry
/// unpacks its whole frame. Iterators and ironwal_get_batch() unpack each frame once without it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_block_cache_size(
    options: *mut ironwal_options,
    bytes: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.block_cache_size = (bytes > 0).then_some(bytes)
        })
    }
}

/// Payloads below this many bytes are never compressed. Default 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_min_compression_size(
    options: *mut ironwal_options,
    bytes: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        set(options, out_error, |options| {
            options.min_compression_size = bytes
        })
    }
}

/// Syncs a stream in the background no later than `interval_ns` after its oldest unsynced
/// append, and as soon as `bytes` of it are unsynced. Both at least 1; default one second, 16 MiB.
/// Where the system lets the library start no thread, an append that finds a sync due does it at its
/// end; what is appended last then waits for a later append, a sync or the close.
///
/// - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_background_sync(
    options: *mut ironwal_options,
    interval_ns: u64,
    bytes: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            let interval = Duration::from_nanos(interval_ns);
            options.background_sync = Some(BackgroundSync { interval, bytes });
            Ok(())
        })
    }
}

/// Disables background sync; the operating system decides when to write back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_no_background_sync(
    options: *mut ironwal_options,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { set(options, out_error, |options| options.background_sync = None) }
}

/// How many threads sync in the background, each for its share of the streams: more than one where many
/// streams at once have entries whose durability is awaited by ironwal_stream_on_durable(), a descriptor
/// or a waiting iterator. A thread starts when it is first needed. Default 1.
///
/// - Errors: ::IRONWAL_E_CONFIG unless `threads` is 1 to 64; the option then keeps its value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_sync_threads(
    options: *mut ironwal_options,
    threads: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { set(options, out_error, |options| options.sync_threads = threads) }
}

/// Measures how long each append takes, by two looks at the clock, for ironwal_stream_stats() and
/// ironwal_wal_stats(). Default false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_latencies(
    options: *mut ironwal_options,
    measured: bool,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { set(options, out_error, |options| options.latencies = measured) }
}

/// Where pruning moves the segments that it removes, as a directory per stream, instead of deleting
/// them. Must lie outside of this log and all others, and belongs to the log that prunes into it first;
/// opening returns ::IRONWAL_E_CONFIG otherwise. `path` with `path_len` 0, the default: delete them.
///
/// - Errors: ::IRONWAL_E_CONFIG where the path is not UTF-8 or holds a NUL; it then keeps its
///   value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_archive_path(
    options: *mut ironwal_options,
    path: *const c_char,
    path_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            options.archive_path = match path_of(path, path_len)? {
                path if path.as_os_str().is_empty() => None,
                path => Some(path),
            };
            Ok(())
        })
    }
}
