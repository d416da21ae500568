//! How does a C caller set the sizes, limits and intervals of a log, and its archive?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::time::Duration;

use crate::BackgroundSync;

use crate::ffi::error::ironwal_error;
use crate::ffi::options::change;
use crate::ffi::options::ironwal_options;
use crate::ffi::options::path_of;
use crate::ffi::options::set;
use crate::ffi::status::ironwal_status;

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
