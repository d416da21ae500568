//! How does a C caller give streams options of their own, and ask which sync mode a stream has?

#![allow(unsafe_code)]

use std::ffi::c_char;

use crate::StreamOptions;
use crate::StreamPattern;
use crate::SyncMode;

use crate::ffi::boundary;
use crate::ffi::error::ironwal_error;
use crate::ffi::option_choices::IRONWAL_SYNC_ASYNC;
use crate::ffi::option_choices::IRONWAL_SYNC_BATCH_ONLY;
use crate::ffi::option_choices::IRONWAL_SYNC_STRICT;
use crate::ffi::options::change;
use crate::ffi::options::ironwal_options;
use crate::ffi::options::unknown;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// The stream with this key.
pub const IRONWAL_MATCH_EXACT: i32 = 1401;
/// All streams whose keys begin with this text; with the empty one, all.
pub const IRONWAL_MATCH_PREFIX: i32 = 1402;

/// Gives the stream with this key, or all whose keys begin with it, options of their own, such as
/// `sync_mode=async; max_segment_size=64M`; `match_by` is one of IRONWAL_MATCH. Of several patterns with a key one
/// holds, whole: the exact key, else the longest prefix. A pattern that is given again replaces the earlier one.
///
/// The form is that of ironwal_options_parse(), the names are `sync_mode`, `max_segment_size`,
/// `max_entries_per_segment`, `compression`, `min_compression_size`, `write_strategy`, `commit_path` and
/// `background_sync`. What the text leaves out is as the log has it. An open log keeps what it was opened with.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG where `match_by` is none of these; ::IRONWAL_E_CONFIG for a key that no stream
///   can have, a name that no stream has, a value out of bounds or of another form, and for text that is not
///   UTF-8; no option has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_set_stream(
    options: *mut ironwal_options,
    match_by: i32,
    key: *const c_char,
    key_len: usize,
    text: *const c_char,
    text_len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        change(options, out_error, |options| {
            let key = boundary::utf8(key, key_len, "key")?.to_owned();
            let pattern = match match_by {
                IRONWAL_MATCH_EXACT => StreamPattern::Exact(key),
                IRONWAL_MATCH_PREFIX => StreamPattern::Prefix(key),
                other => return unknown("match_by", other),
            };
            let mut own = StreamOptions::default();
            own.apply(boundary::utf8(text, text_len, "text")?)?;
            options.set_for_streams(pattern, own);
            Ok(())
        })
    }
}

/// When appends to the stream are made durable: one of IRONWAL_SYNC. The same as long as the log is open.
///
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_sync_mode(
    stream: *const ironwal_stream,
    out_mode: *mut i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_mode = boundary::non_null(out_mode, "out_mode")?;
            let mode = match handle.stream.sync_mode() {
                SyncMode::Strict => IRONWAL_SYNC_STRICT,
                SyncMode::BatchOnly => IRONWAL_SYNC_BATCH_ONLY,
                SyncMode::Async => IRONWAL_SYNC_ASYNC,
            };
            boundary::write_out(out_mode, mode);
            Ok(())
        })
    }
}
