//! How does C make a healthy copy of a damaged log, with no log open?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use crate::CompressionType;
use crate::tools;
use crate::tools::RepairReport;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::directory::ironwal_progress_fn;
use crate::ffi::directory::report_to;
use crate::ffi::error::CText;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::error::ironwal_str;
use crate::ffi::log_callback::CallbackContext;
use crate::ffi::option_choices::IRONWAL_COMPRESSION_LZ4;
use crate::ffi::option_choices::IRONWAL_COMPRESSION_NONE;
use crate::ffi::options::path_of;
use crate::ffi::sharded::maintenance::fits;
use crate::ffi::sharded::maintenance::give_sized;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;

/// What a repair copied and what was lost. Freed with ironwal_repair_report_free().
pub enum ironwal_repair_report {}

/// A repair in numbers. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_repair_totals {
    /// The streams of the old log.
    pub streams: u64,
    /// Entries copied.
    pub entries: u64,
    /// Ids that the copy lacks.
    pub lost_ids: u64,
    /// Streams that could not be copied at all.
    pub unreadable_streams: u64,
    /// Pieces of damage in the commit journal: entries that only that part held are not in the copy.
    pub journal_damage: u64,
    /// 1: the copy holds all that the old log held. 0 otherwise.
    pub complete: u64,
}

/// What became of one stream. The texts belong to the report. Later versions may add fields at the end, so pass
/// its sizeof.
#[repr(C)]
pub struct ironwal_repaired_stream {
    /// Its name.
    pub stream: ironwal_str,
    /// Why it could not be copied at all; {NULL, 0} where it was.
    pub message: ironwal_str,
    /// Entries copied.
    pub entries: u64,
    /// The first id of the copy.
    pub first_id: u64,
    /// The id that the next append to the copy gets.
    pub next_id: u64,
    /// The id that the next append to the old log would have got. If it is greater than `next_id`, entries were
    /// lost at the end, and their ids are free again in the copy.
    pub old_next_id: u64,
    /// How many runs of lost ids ironwal_repair_report_get_lost() has of it.
    pub lost_runs: u64,
    /// 1: damage took the newest properties; those of the copy are lost too, until they are replaced.
    pub properties_lost: u64,
}

/// A run of ids that the copy lacks. The text belongs to the report. Later versions may add fields at the end, so
/// pass its sizeof.
#[repr(C)]
pub struct ironwal_lost_ids {
    /// Why.
    pub why: ironwal_str,
    /// The first id.
    pub first_id: u64,
    /// One past the last id.
    pub end_id: u64,
}

/// What stands behind an `ironwal_repair_report`.
struct RepairHandle {
    report: RepairReport,
    streams: Vec<StreamTexts>,
}

/// The texts of one stream.
struct StreamTexts {
    key: CText,
    message: CText,
    why: Vec<CText>,
}

impl Handle for RepairHandle {
    type Opaque = ironwal_repair_report;
    const MAGIC: u64 = 0x6972_6F6E_6669_7831;
    const NAME: &'static str = "report";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

impl RepairHandle {
    fn of(report: RepairReport) -> RepairHandle {
        let texts = report.streams.iter().map(|stream| StreamTexts {
            key: CText::new(&stream.key),
            message: CText::new(stream.error.as_deref().unwrap_or_default()),
            why: stream
                .lost
                .iter()
                .map(|lost| CText::new(&lost.why))
                .collect(),
        });
        let streams = texts.collect();
        RepairHandle { report, streams }
    }

    fn totals(&self) -> ironwal_repair_totals {
        let streams = &self.report.streams;
        let lost = streams.iter().flat_map(|stream| &stream.lost);
        ironwal_repair_totals {
            streams: streams.len() as u64,
            entries: streams.iter().map(|stream| stream.entries).sum(),
            lost_ids: lost.map(|lost| lost.ids.end - lost.ids.start).sum(),
            unreadable_streams: streams.iter().filter(|s| s.error.is_some()).count() as u64,
            journal_damage: self.report.journal_damage.len() as u64,
            complete: u64::from(self.report.is_complete()),
        }
    }
}

/// Makes a healthy copy of the log or sharded log in the directory `from`, with no log open, in the new directory
/// `to`, which must not exist: every entry that can be read, under its old id, in frames compressed by
/// `compression` (one of IRONWAL_COMPRESSION). Ids that cannot be read are recorded there as lost. The old log is
/// locked against writers meanwhile, and not changed. The copy is made beside `to` and gets its name when it is
/// whole and durable; after a failure or a cancellation nothing of it is left.
///
/// `progress` gets bytes of segment files: at the beginning, about every mebibyte, and when all is read. The
/// last call can still cancel.
///
/// - Owns: free `*out_report` with ironwal_repair_report_free().
/// - NULL: `progress` may be NULL.
/// - Blocks: reads all segments, writes the copy, and waits until it is on the disk (fsync).
/// - Durable: on return.
/// - Errors: ::IRONWAL_E_LOCKED while a writer has the old log open; ::IRONWAL_E_CONFIG where `from` holds no log,
///   where `to` exists or lies in `from`, where the remains of an interrupted copy are in the way, and where a path
///   is not UTF-8; ::IRONWAL_E_INVALID_FILENAME where a link stands for a file to copy; ::IRONWAL_E_INVALID_ARG for
///   another `compression`; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_repair_directory(
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
    compression: i32,
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    out_report: *mut *mut ironwal_repair_report,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_report, ptr::null_mut());
        boundary::call(out_error, || {
            let out_report = boundary::non_null(out_report, "out_report")?;
            let (from, to) = (path_of(from, from_len)?, path_of(to, to_len)?);
            let compression = match compression {
                IRONWAL_COMPRESSION_NONE => CompressionType::None,
                IRONWAL_COMPRESSION_LZ4 => CompressionType::Lz4,
                other => {
                    let what = format!("{other} is none of IRONWAL_COMPRESSION");
                    return Err(Failure::argument(what));
                }
            };
            let report = tools::repair_until(&from, &to, compression, &mut |now| {
                report_to(progress, ctx, now.bytes_done, now.bytes_total)
            })?;
            let report = RepairHandle::of(report);
            boundary::write_out(out_report, boundary::into_handle(report));
            Ok(())
        })
    }
}

/// The numbers over all streams.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of ::ironwal_repair_totals.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_repair_report_get_totals(
    report: *const ironwal_repair_report,
    out_totals: *mut ironwal_repair_totals,
    out_totals_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RepairHandle>(report, out_error, |handle| {
            let out_totals = boundary::non_null(out_totals, "out_totals")?;
            fits(out_totals, out_totals_size)?;
            give_sized(out_totals, out_totals_size, handle.totals());
            Ok(())
        })
    }
}

/// The stream at `index`, from 0, in the order of the names of their directories.
///
/// - Owns: `out_stream` stays the caller's; its texts belong to `report` and end with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
///   `out_stream_size` is not a known size of ::ironwal_repaired_stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_repair_report_get_stream(
    report: *const ironwal_repair_report,
    index: usize,
    out_stream: *mut ironwal_repaired_stream,
    out_stream_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RepairHandle>(report, out_error, |handle| {
            let out_stream = boundary::non_null(out_stream, "out_stream")?;
            fits(out_stream, out_stream_size)?;
            let found = handle
                .report
                .streams
                .get(index)
                .zip(handle.streams.get(index));
            let (stream, texts) = found.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let stream = ironwal_repaired_stream {
                stream: texts.key.as_text(),
                message: texts.message.as_text(),
                entries: stream.entries,
                first_id: stream.first_id,
                next_id: stream.next_id,
                old_next_id: stream.old_next_id,
                lost_runs: stream.lost.len() as u64,
                properties_lost: u64::from(stream.properties_lost),
            };
            give_sized(out_stream, out_stream_size, stream);
            Ok(())
        })
    }
}

/// The run of lost ids at `index` of the stream at `stream_index`, both from 0, by id.
///
/// - Owns: `out_lost` stays the caller's; its text belongs to `report` and ends with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
///   `out_lost_size` is not a known size of ::ironwal_lost_ids.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_repair_report_get_lost(
    report: *const ironwal_repair_report,
    stream_index: usize,
    index: usize,
    out_lost: *mut ironwal_lost_ids,
    out_lost_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RepairHandle>(report, out_error, |handle| {
            let out_lost = boundary::non_null(out_lost, "out_lost")?;
            fits(out_lost, out_lost_size)?;
            let (streams, texts) = (&handle.report.streams, &handle.streams);
            let lost = streams.get(stream_index).and_then(|s| s.lost.get(index));
            let why = texts.get(stream_index).and_then(|s| s.why.get(index));
            let found = lost.zip(why).ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND));
            let (lost, why) = found?;
            let lost = ironwal_lost_ids {
                why: why.as_text(),
                first_id: lost.ids.start,
                end_id: lost.ids.end,
            };
            give_sized(out_lost, out_lost_size, lost);
            Ok(())
        })
    }
}

/// Frees a report and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_repair_report_free(report: *mut ironwal_repair_report) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the report up.
    boundary::call_void(|| drop(unsafe { boundary::take::<RepairHandle>(report) }));
}
