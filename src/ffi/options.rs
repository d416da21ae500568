//! How a C caller builds the options that a log is opened with.

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;

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
use crate::ffi::log_callback::ironwal_log_fn;
use crate::ffi::status::IRONWAL_E_CONFIG;
use crate::ffi::status::ironwal_status;

/// The options of a log. Made with defaults by ironwal_options_new(), changed by setters,
/// freed with ironwal_options_free(). None of it is stored: options may differ from one opening
/// to the next.
pub enum ironwal_options {}

/// What stands behind an `ironwal_options`.
pub(super) struct OptionsHandle {
    pub(super) options: WalOptions,
    pub(super) sink: Option<LogSink>,
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
/// - NULL: `path` and `out_options` are required. `*out_options` is NULL after a failure.
/// - Threads: any.
/// - Blocks: never.
/// - Durable: options are not stored.
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
                sink: None,
            });
            boundary::write_out(out_options, handle);
            Ok(())
        })
    }
}

/// Frees options. Logs that were opened with them are not affected.
///
/// - Owns: takes `options`.
/// - NULL: does nothing.
/// - Threads: any; once.
/// - Blocks: never.
/// - Durable: options are not stored.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_options_free(options: *mut ironwal_options) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the options up.
    boundary::call_void(|| drop(unsafe { boundary::take::<OptionsHandle>(options) }));
}

/// Sends the messages of every log opened with these options to `callback`, which gets `ctx` back
/// each time. It may be called until the last handle of the log is gone.
///
/// - Owns: the object behind `ctx` stays the caller's and must outlive the log.
/// - NULL: `options` is required; a NULL `callback`, the default, sends nothing.
/// - Threads: one at a time per `options`; the callback runs on any thread, several at a time.
/// - Blocks: never.
/// - Durable: options are not stored.
/// - Errors: none but for a NULL `options`.
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
            handle.sink = log_callback::sink(callback, ctx);
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
