//! How does C open a log, for writing or for reading only, sync, list and close it?

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use log::Level;

use crate::LogSink;
use crate::Wal;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::error::CText;
use crate::ffi::error::ironwal_error;
use crate::ffi::error::ironwal_str;
use crate::ffi::options::OptionsHandle;
use crate::ffi::options::ironwal_options;
use crate::ffi::status::ironwal_status;

/// An open log: the only writer of its directory. Closed with ironwal_wal_close(), which returns
/// whether everything reached the disk.
pub enum ironwal_wal {}

/// What stands behind an `ironwal_wal`.
pub(super) struct WalHandle {
    pub(super) keeper: Arc<OpenRef>,
    pub(super) wal: Wal,
    /// Receives the messages of the engine, and from here that the log was opened and closed.
    pub(super) sink: Option<LogSink>,
}

impl Handle for WalHandle {
    type Opaque = ironwal_wal;
    const MAGIC: u64 = 0x6972_6F6E_7761_6C31;
    const NAME: &'static str = "wal";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.keeper.gate)
    }
}

/// Opens the log, creating or recovering it.
///
/// - Owns: `options` is copied and stays the caller's. End `*out_wal` with ironwal_wal_close().
/// - Blocks: reads, and after an unclean end rewrites and syncs, what was written last (fsync).
/// - Durable: everything that can be read after a successful return is.
/// - Errors: ::IRONWAL_E_LOCKED where another writer has the log; ::IRONWAL_E_CORRUPT under
///   ::IRONWAL_CORRUPTION_ERROR; ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_INVALID_FILENAME;
///   ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_open(
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
            let sink = handle.sink();
            let opened = format!("opened {}", options.root_path.display());
            let wal = match &sink {
                Some(sink) => Wal::open_logging(options, Arc::clone(sink))?,
                None => Wal::new(options)?,
            };
            report(sink.as_ref(), &opened);
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

/// Closes the log for all its handles: makes everything durable, ends the library's threads and
/// releases the lock. Streams, transactions and iterators of it then return ::IRONWAL_E_CLOSED and
/// are still to be freed; pinned views stay readable.
///
/// - Owns: takes `wal`, also when it fails, but for the refusal below.
/// - Threads: any; no other call may be using `wal` itself. Calls on its children may run.
/// - Blocks: until all is on the disk (fsync).
/// - Durable: everything, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE and ::IRONWAL_E_POISONED where something could
///   not be made durable; ::IRONWAL_E_FORKED in a forked child, where nothing else is done;
///   ::IRONWAL_E_INVALID_ARG from within a ::ironwal_durable_fn, where nothing is done at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_close(
    wal: *mut ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header and gives the handle up.
    unsafe {
        boundary::call(out_error, || {
            boundary::outside_of_callback()?;
            let handle = boundary::take::<WalHandle>(wal)?;
            handle.keeper.gate.close();
            handle.wal.close()?;
            report(handle.sink.as_ref(), "closed; all is durable");
            Ok(())
        })
    }
}

/// Reports what the C layer did.
pub(super) fn report(sink: Option<&LogSink>, message: &str) {
    if let Some(sink) = sink {
        sink(Level::Info, message);
    }
}

/// Releases the handle without reporting errors. The log itself is closed when its last stream and
/// transaction are freed too. Prefer ironwal_wal_close().
///
/// - Blocks: as ironwal_wal_close() where it is the last handle; in a forked child never.
/// - Durable: everything, but a failure is not reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_free(wal: *mut ironwal_wal) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the handle up.
    boundary::call_void(|| drop(unsafe { boundary::take::<WalHandle>(wal) }));
}

/// Makes every stream durable.
///
/// - Blocks: until the disk has it (fsync).
/// - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
/// - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_sync_all(
    wal: *const ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { boundary::call_on::<WalHandle>(wal, out_error, |handle| Ok(handle.wal.sync_all()?)) }
}

/// A list of stream names, sorted. Freed with ironwal_name_list_free().
pub enum ironwal_name_list {}

/// What stands behind an `ironwal_name_list`.
struct NamesHandle(Vec<CText>);

impl Handle for NamesHandle {
    type Opaque = ironwal_name_list;
    const MAGIC: u64 = 0x6972_6F6E_6E61_6D31;
    const NAME: &'static str = "names";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Lists the streams of the log as they are now.
///
/// - Owns: free `*out_names` with ironwal_name_list_free(); it outlives the log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_streams(
    wal: *const ironwal_wal,
    out_names: *mut *mut ironwal_name_list,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_names, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_names = boundary::non_null(out_names, "out_names")?;
            let names = handle
                .wal
                .streams()?
                .iter()
                .map(|name| CText::new(name))
                .collect();
            boundary::write_out(out_names, boundary::into_handle(NamesHandle(names)));
            Ok(())
        })
    }
}

/// How many names there are.
///
/// - NULL: a NULL list has 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_name_list_count(names: *const ironwal_name_list) -> usize {
    let mut count = 0;
    // SAFETY: the caller passes NULL or a live list; NULL is refused, which leaves the 0.
    unsafe {
        boundary::call_on::<NamesHandle>(names, ptr::null_mut(), |names| {
            count = names.0.len();
            Ok(())
        })
    };
    count
}

/// The name at `index`, {NULL, 0} past the end.
///
/// - Owns: the text belongs to `names` and ends with it.
/// - NULL: a NULL list gives {NULL, 0}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_name_list_get(
    names: *const ironwal_name_list,
    index: usize,
) -> ironwal_str {
    let mut text = ironwal_str::EMPTY;
    // SAFETY: the caller passes NULL or a live list; NULL is refused, which leaves the empty text.
    unsafe {
        boundary::call_on::<NamesHandle>(names, ptr::null_mut(), |names| {
            text = names
                .0
                .get(index)
                .map_or(ironwal_str::EMPTY, CText::as_text);
            Ok(())
        })
    };
    text
}

/// Frees a list of names and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_name_list_free(names: *mut ironwal_name_list) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the list up.
    boundary::call_void(|| drop(unsafe { boundary::take::<NamesHandle>(names) }));
}

/// Opens the log for reading only, while another process, or this one, may have it open for
/// writing. Nothing on disk is changed or locked. The handle is used like one of
/// ironwal_wal_open(); calls that write return ::IRONWAL_E_READ_ONLY.
///
/// What it shows follows the writer: iterators at their end, reading an id behind the last,
/// ironwal_stream_next_id(), ironwal_stream_durable_end(), ironwal_stream_wait_durable() and
/// ironwal_wal_streams() look at the files again. The sync mode of the options chooses what is shown:
/// with ::IRONWAL_SYNC_STRICT (the default) entries that are known to be durable, otherwise all that
/// is written, also what a power cut may take.
///
/// - Owns: `options` is copied and stays the caller's. End `*out_wal` with ironwal_wal_close().
/// - Blocks: never for a sync; reads what was written last.
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
            let sink = handle.sink();
            let opened = format!("opened {} read-only", options.root_path.display());
            let wal = match &sink {
                Some(sink) => Wal::open_read_only_logging(options, Arc::clone(sink))?,
                None => Wal::open_read_only(options)?,
            };
            report(sink.as_ref(), &opened);
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
/// - Blocks: never for a sync; reads what was written last.
/// - Errors: ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_refresh(
    wal: *const ironwal_wal,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe { boundary::call_on::<WalHandle>(wal, out_error, |handle| Ok(handle.wal.refresh()?)) }
}
