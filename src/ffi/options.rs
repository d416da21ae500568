//! How does a C caller make options, read them from text and say where messages go?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;

use log::LevelFilter;

use crate::LogSink;
use crate::WalOptions;

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
pub(super) unsafe fn set(
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

/// The error for a value of another option, or of none.
pub(super) fn unknown(option: &str, mode: i32) -> Outcome {
    Err(Failure::argument(format!(
        "{option}: {mode} is none of its values; each option has constants of its own"
    )))
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
