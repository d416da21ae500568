//! How C reads a log that another process writes.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::Wal;

use crate::ffi::boundary;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::error::ironwal_error;
use crate::ffi::options::OptionsHandle;
use crate::ffi::options::ironwal_options;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;
use crate::ffi::wal::tell;

/// Opens the log for reading only, while another process, or this one, may have it open for
/// writing. Nothing on disk is changed or locked. The handle is used like one of
/// ironwal_wal_open(); calls that write answer ::IRONWAL_E_READ_ONLY.
///
/// What it shows follows the writer: iterators at their end, reading an id behind the last,
/// ironwal_stream_next_id(), ironwal_stream_durable_end(), ironwal_stream_wait_durable() and
/// ironwal_wal_streams() look at the files again. The sync mode of the options chooses what is shown:
/// with ::IRONWAL_SYNC_STRICT (the default) entries that are known to be durable, otherwise all that
/// is written, also what a power cut may take.
///
/// - Owns: `options` is copied and stays the caller's. End `*out_wal` with ironwal_wal_close().
/// - NULL: `options` and `out_wal` are required. `*out_wal` is NULL after a failure.
/// - Threads: any.
/// - Blocks: never for a sync; reads what was written last.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_IO where there is no such directory; ::IRONWAL_E_CORRUPT under
///   ::IRONWAL_CORRUPTION_ERROR.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_open_read_only(
    options: *const ironwal_options,
    out_wal: *mut *mut ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_wal, ptr::null_mut());
        boundary::call_on::<OptionsHandle>(options, out_error, |handle| {
            let out_wal = boundary::non_null(out_wal, "out_wal")?;
            let options = handle.options.clone();
            let sink = handle.sink.clone();
            let opened = format!("opened {} read-only", options.root_path.display());
            let wal = match &sink {
                Some(sink) => Wal::open_read_only_logging(options, Arc::clone(sink))?,
                None => Wal::open_read_only(options)?,
            };
            tell(sink.as_ref(), &opened);
            let handle = WalHandle {
                keeper: Arc::new(OpenRef {
                    gate: LogGate::new(),
                }),
                wal,
                sink,
            };
            boundary::write_out(out_wal, boundary::into_handle(handle));
            Ok(())
        })
    }
}

/// Returns whether the log was opened with ironwal_wal_open_read_only().
///
/// - Owns: nothing.
/// - NULL: `wal` and `out_read_only` are required.
/// - Threads: any, at the same time.
/// - Blocks: never.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_is_read_only(
    wal: *const ironwal_wal,
    out_read_only: *mut bool,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_read_only = boundary::non_null(out_read_only, "out_read_only")?;
            boundary::write_out(out_read_only, handle.wal.is_read_only());
            Ok(())
        })
    }
}

/// Looks at everything again in a log that is open read-only: new streams, deleted ones, truncated
/// and new segments. Reading does so where it has to. Does nothing in a log open for writing.
///
/// - Owns: nothing.
/// - NULL: `wal` is required.
/// - Threads: any, at the same time.
/// - Blocks: never for a sync; reads what was written last.
/// - Durable: nothing is written.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_refresh(
    wal: *const ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { boundary::call_on::<WalHandle>(wal, out_error, |handle| Ok(handle.wal.refresh()?)) }
}
