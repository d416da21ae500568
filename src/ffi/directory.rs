//! How does C verify a directory and read its entries, with no log open?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ops::ControlFlow;
use std::ptr;

use crate::Error;
use crate::tools;
use crate::tools::DumpedEntry;
use crate::tools::EntryVisitor;
use crate::tools::LogDir;
use crate::tools::Progress;
use crate::tools::Selection;
use crate::tools::StreamStat;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::error::CText;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::error::ironwal_str;
use crate::ffi::log_callback::CallbackContext;
use crate::ffi::options::path_of;
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;
use crate::ffi::status::status_of;
use crate::ffi::verify::ReportHandle;
use crate::ffi::verify::ironwal_verify_report;

/// Takes how far an inspection of a directory is: the `ctx` it was given with, `done` of `total`, in the unit that
/// the function states. `done` never falls; the first call has 0, and the last one of an inspection that was not
/// cancelled has `total`. Returns 0 to go on, anything else to cancel: then no callback follows, and the
/// function returns ::IRONWAL_E_CANCELLED.
///
/// Called on the thread of the inspection, under no lock of the library. It may call the library, also for other
/// logs. It must return, must not throw or longjmp.
pub type ironwal_progress_fn =
    Option<unsafe extern "C" fn(ctx: CallbackContext, done: u64, total: u64) -> i32>;

/// One entry of a directory, or a run of ids that cannot be read. Later versions may add fields at the end.
#[repr(C)]
pub struct ironwal_dumped_entry {
    /// The stream.
    pub stream: ironwal_str,
    /// The segment's file.
    pub path: ironwal_str,
    /// The entry's bytes, checked; empty where `status` is not 0.
    pub data: ironwal_view,
    /// Why the ids cannot be read; {NULL, 0} where `status` is 0.
    pub message: ironwal_str,
    /// Where the frame starts, or the damage, in bytes.
    pub offset: u64,
    /// The entry's id, or the first id that cannot be read.
    pub first_id: u64,
    /// One past the last: `first_id` + 1 of an entry.
    pub end_id: u64,
    /// 1: the frame was compressed. 0 otherwise.
    pub compressed: u64,
    /// ::IRONWAL_OK: an entry. Otherwise the status that reading these ids gives.
    pub status: ironwal_status,
    /// Zero.
    pub reserved: i32,
}

/// Takes one entry and the `ctx` it was given with. The struct and all it points to end with the call; `size` is
/// its sizeof in the library. Returns 0 to go on, anything else to stop: then no callback follows, and the
/// function returns ::IRONWAL_OK.
///
/// Called on the thread of the inspection, under no lock of the library. It may call the library, also for other
/// logs. It must return, must not throw or longjmp.
pub type ironwal_entry_fn = Option<
    unsafe extern "C" fn(
        ctx: CallbackContext,
        entry: *const ironwal_dumped_entry,
        size: usize,
    ) -> i32,
>;

/// Reports to a callback of the caller's; without one it goes on.
pub(super) fn report_to(
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    done: u64,
    total: u64,
) -> ControlFlow<()> {
    // SAFETY: the caller's function, called as its type states, while the caller waits.
    match progress.map_or(0, |progress| unsafe { progress(ctx, done, total) }) {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}

/// The stream to inspect; `None`: all.
///
/// # Safety
/// As `boundary::utf8`.
pub(super) unsafe fn selected(
    stream: *const c_char,
    stream_len: usize,
) -> Result<Selection, Failure> {
    let mut selection = Selection::default();
    if !stream.is_null() || stream_len > 0 {
        // SAFETY: as demanded of the caller.
        let key = unsafe { boundary::utf8(stream, stream_len, "stream")? };
        selection.stream = Some(key.to_owned());
    }
    Ok(selection)
}

/// Reads and checks all that is stored in the directory of a log or a sharded log, as ironwal_wal_verify() does,
/// with no log open. Changes nothing and takes no lock, so another process, or this one, may have the log open.
/// Then what is written meanwhile is not looked at. `stream` NULL and `stream_len` 0: all streams, and the files
/// beside them.
///
/// `progress` gets bytes of segment files: at the beginning, about every mebibyte, and at the end. The first
/// call comes after the headers of all streams were read.
///
/// - Owns: free `*out_report` with ironwal_verify_report_free().
/// - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0.
/// - Blocks: reads all segments that are selected; never for a sync.
/// - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, or the path or the name is not UTF-8;
///   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_IO where the directory cannot be listed. All
///   else that cannot be read is a finding, also a file of a newer version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_verify_directory(
    path: *const c_char,
    path_len: usize,
    stream: *const c_char,
    stream_len: usize,
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    out_report: *mut *mut ironwal_verify_report,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_report, ptr::null_mut());
        boundary::call(out_error, || {
            let out_report = boundary::non_null(out_report, "out_report")?;
            let path = path_of(path, path_len)?;
            let selection = selected(stream, stream_len)?;
            let place = LogDir::new(&path)?;
            let report = tools::verify_until(&place, &selection, &mut |now| {
                report_to(progress, ctx, now.bytes_done, now.bytes_total)
            })?;
            let report = ReportHandle::of(report);
            boundary::write_out(out_report, boundary::into_handle(report));
            Ok(())
        })
    }
}

/// Passes entries to the caller's function.
struct Visitor {
    visit: unsafe extern "C" fn(CallbackContext, *const ironwal_dumped_entry, usize) -> i32,
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    stream: CText,
    is_cancelled: bool,
}

impl EntryVisitor for Visitor {
    fn stream(&mut self, stream: &StreamStat) -> ControlFlow<()> {
        self.stream = CText::new(&stream.key);
        ControlFlow::Continue(())
    }

    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()> {
        let path = CText::new(&entry.path.to_string_lossy());
        let (data, message, status) = match entry.data {
            Ok(bytes) => (ironwal_view::of(bytes), CText::default(), IRONWAL_OK),
            Err(error) => {
                let message = CText::new(&error.to_string());
                (ironwal_view::EMPTY, message, status_of(error))
            }
        };
        let passed = ironwal_dumped_entry {
            stream: self.stream.as_text(),
            path: path.as_text(),
            data,
            message: message.as_text(),
            offset: entry.offset,
            first_id: entry.ids.start,
            end_id: entry.ids.end,
            compressed: u64::from(entry.compressed),
            status,
            reserved: 0,
        };
        // SAFETY: the caller's function, called as its type states, while the caller waits.
        match unsafe { (self.visit)(self.ctx, &raw const passed, size_of_val(&passed)) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    fn progress(&mut self, now: Progress) -> ControlFlow<()> {
        let answer = report_to(self.progress, self.ctx, now.bytes_done, now.bytes_total);
        self.is_cancelled |= answer.is_break();
        answer
    }
}

/// Passes the entries in the directory of a log or a sharded log to `visit`, stream by stream in the order of the
/// names of their directories, and by id: those from `from_id` on and below `end_id`, of all streams or of one
/// (`stream` NULL and `stream_len` 0: all). Runs of ids that are lost or damaged are passed with their status.
/// Changes nothing and takes no lock, as ironwal_verify_directory().
///
/// `progress` gets bytes of segment files: at the beginning, about every mebibyte, and at the end, unless `visit`
/// stopped it. Needs memory for the largest frame.
///
/// - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0; `visit` must not.
/// - Blocks: reads the segments that are selected; never for a sync.
/// - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, the path or the name is not UTF-8, or `from_id` is
///   above `end_id`; ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED. Of a stream that cannot be read at all
///   its error, after all others were passed: ::IRONWAL_E_UNSUPPORTED_VERSION, ::IRONWAL_E_CORRUPT,
///   ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_dump_directory(
    path: *const c_char,
    path_len: usize,
    stream: *const c_char,
    stream_len: usize,
    from_id: u64,
    end_id: u64,
    visit: ironwal_entry_fn,
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call(out_error, || {
            let visit = visit.ok_or_else(|| Failure::argument("visit is NULL".to_owned()))?;
            let path = path_of(path, path_len)?;
            let mut selection = selected(stream, stream_len)?;
            if from_id > end_id {
                let what = format!("from_id {from_id} is above end_id {end_id}");
                return Err(Error::Config(what).into());
            }
            (selection.from_id, selection.end_id) = (from_id, Some(end_id));
            let place = LogDir::new(&path)?;
            let mut visitor = Visitor {
                visit,
                progress,
                ctx,
                stream: CText::default(),
                is_cancelled: false,
            };
            let dumped = tools::visit_entries(&place, &selection, &mut visitor);
            match visitor.is_cancelled {
                true => Err(Error::Cancelled.into()),
                false => Ok(dumped?),
            }
        })
    }
}
