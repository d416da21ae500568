//! How do the messages of a log reach its C host?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::Arc;

use log::Level;
use log::LevelFilter;

use crate::LogSink;
use crate::platform::CancellationGuard;

use crate::ffi::error::CText;

/// Data was lost or a request was refused.
pub const IRONWAL_LOG_ERROR: i32 = 501;
/// Something was damaged and dealt with.
pub const IRONWAL_LOG_WARN: i32 = 502;
/// Logs opened, recovered and closed.
pub const IRONWAL_LOG_INFO: i32 = 503;
/// Diagnostics.
pub const IRONWAL_LOG_DEBUG: i32 = 504;
/// Everything.
pub const IRONWAL_LOG_TRACE: i32 = 505;

/// A number or an address of the caller's, given back with every callback.
pub type CallbackContext = usize;

/// Takes one message of a log: the `ctx` it was registered with, one of the IRONWAL_LOG levels,
/// and `len` bytes of UTF-8 that end with the call (a NUL byte follows them).
///
/// Called on any thread, the library's included, several at a time, and under no lock of the
/// library. It may read from the same log, with handles of its own, and ask for ids and streams.
/// It must return, must not throw or longjmp, and must not close or free handles of that log, nor
/// append, sync, wait for durability, truncate, delete, or make or remove checkpoints: these may wait
/// for the very thread that calls it.
pub type ironwal_log_fn = Option<
    unsafe extern "C" fn(ctx: CallbackContext, level: i32, message: *const c_char, len: usize),
>;

/// Takes the `ctx` of a callback that will not be called any more, once, on any thread. It must not call the
/// library, throw or longjmp.
pub type ironwal_release_fn = Option<unsafe extern "C" fn(ctx: CallbackContext)>;

/// A callback of the caller's with its context, which is released with the last log and the last options
/// that hold it.
pub(super) struct Listener {
    callback: unsafe extern "C" fn(CallbackContext, i32, *const c_char, usize),
    ctx: CallbackContext,
    release: ironwal_release_fn,
}

impl Listener {
    /// `None` without a callback: then nothing holds the context, and it is released at once.
    pub(super) fn new(
        callback: ironwal_log_fn,
        ctx: CallbackContext,
        release: ironwal_release_fn,
    ) -> Option<Arc<Listener>> {
        match callback {
            Some(callback) => Some(Arc::new(Listener {
                callback,
                ctx,
                release,
            })),
            None => {
                release_context(release, ctx);
                None
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        release_context(self.release, self.ctx);
    }
}

fn release_context(release: ironwal_release_fn, ctx: CallbackContext) {
    if let Some(release) = release {
        let _uncancelled = CancellationGuard::enter();
        // SAFETY: the caller registered a function that keeps to the contract above.
        unsafe { release(ctx) };
    }
}

/// The levels that a constant lets through.
pub(super) fn least_level(level: i32) -> Option<LevelFilter> {
    Some(match level {
        IRONWAL_LOG_ERROR => LevelFilter::Error,
        IRONWAL_LOG_WARN => LevelFilter::Warn,
        IRONWAL_LOG_INFO => LevelFilter::Info,
        IRONWAL_LOG_DEBUG => LevelFilter::Debug,
        IRONWAL_LOG_TRACE => LevelFilter::Trace,
        _ => return None,
    })
}

/// The engine's sink that calls back into C.
pub(super) fn sink(listener: &Arc<Listener>, least: LevelFilter) -> LogSink {
    let listener = Arc::clone(listener);
    Arc::new(move |level: Level, message: &str| {
        if level > least {
            return;
        }
        let message = CText::new(message);
        let text = message.as_text();
        if !text.data.is_null() {
            // The callback prints, most likely: its calls must not cancel a thread inside the engine.
            let _uncancelled = CancellationGuard::enter();
            // SAFETY: the caller registered a function that keeps to the contract above; the text
            // lives until it returns.
            unsafe { (listener.callback)(listener.ctx, number_of(level), text.data, text.len) };
        }
    })
}

fn number_of(level: Level) -> i32 {
    match level {
        Level::Error => IRONWAL_LOG_ERROR,
        Level::Warn => IRONWAL_LOG_WARN,
        Level::Info => IRONWAL_LOG_INFO,
        Level::Debug => IRONWAL_LOG_DEBUG,
        Level::Trace => IRONWAL_LOG_TRACE,
    }
}
