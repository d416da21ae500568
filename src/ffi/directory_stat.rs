//! How does C learn what a directory holds, in numbers, with no log open?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use crate::tools;
use crate::tools::LogDir;
use crate::tools::LogStat;
use crate::tools::SegmentState;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::directory::ironwal_progress_fn;
use crate::ffi::directory::report_to;
use crate::ffi::directory::selected;
use crate::ffi::error::CText;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::error::ironwal_str;
use crate::ffi::log_callback::CallbackContext;
use crate::ffi::options::path_of;
use crate::ffi::sharded::maintenance::fits;
use crate::ffi::sharded::maintenance::give_sized;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;

/// The segment has its footer and never changes again.
pub const IRONWAL_SEGMENT_SEALED: i32 = 1301;
/// Appends go to the segment, or it is about to be sealed.
pub const IRONWAL_SEGMENT_OPEN: i32 = 1302;
/// The segment is durable and its end is damaged: it is read as far as it goes.
pub const IRONWAL_SEGMENT_END_LOST: i32 = 1303;

/// What a directory holds, in numbers. Freed with ironwal_stat_report_free().
pub enum ironwal_stat_report {}

/// A log in numbers. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_stat_totals {
    /// Streams.
    pub streams: u64,
    /// Their segment files.
    pub segments: u64,
    /// Those that are sealed.
    pub sealed_segments: u64,
    /// Bytes of segment files, zeros ahead of the tail included.
    pub bytes: u64,
    /// Streams that cannot be opened.
    pub unreadable_streams: u64,
    /// Pieces of damage that opening the log would report.
    pub damage: u64,
    /// 1: the log has a commit journal, and all streams were selected. 0 otherwise; then the next are 0.
    pub has_journal: u64,
    /// Files of the journal.
    pub journal_files: u64,
    /// Their bytes.
    pub journal_bytes: u64,
    /// Good records in it.
    pub journal_records: u64,
    /// Pieces of damage in it.
    pub journal_damage: u64,
    /// 1: a writer has the log open and uses the journal. 0: none does.
    pub journal_in_use: u64,
}

/// A stream in numbers; payloads are not read. The texts belong to the report. Later versions may add fields at
/// the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_stat_stream {
    /// Its name, or the name of its directory where that is unknown.
    pub stream: ironwal_str,
    /// Its directory.
    pub path: ironwal_str,
    /// Why it cannot be opened; {NULL, 0} where it can. Then all but `segments` and `bytes` may be 0.
    pub message: ironwal_str,
    /// Segment files.
    pub segments: u64,
    /// Those that are sealed.
    pub sealed_segments: u64,
    /// How many segments ironwal_stat_report_get_segment() has of it.
    pub listed_segments: u64,
    /// Bytes of segment files, zeros ahead of the tail included.
    pub bytes: u64,
    /// The first id kept.
    pub first_id: u64,
    /// The id that the next append gets.
    pub next_id: u64,
    /// One past the last id known to be durable.
    pub durable_end: u64,
    /// Ids between the first and the next that no segment holds.
    pub lost_ids: u64,
    /// Properties of the stream.
    pub properties: u64,
    /// 1: damage took the properties, and they were not replaced since. 0 otherwise.
    pub properties_lost: u64,
    /// Pieces of damage that opening the log would report.
    pub damage: u64,
}

/// A segment in numbers. The text belongs to the report. Later versions may add fields at the end, so pass its
/// sizeof.
#[repr(C)]
pub struct ironwal_stat_segment {
    /// Its file.
    pub path: ironwal_str,
    /// The first id that the stream keeps in it.
    pub first_id: u64,
    /// One past its last id.
    pub end_id: u64,
    /// Ids directly before it that no segment holds.
    pub lost_before: u64,
    /// Bytes of the file, zeros ahead of the tail included.
    pub bytes: u64,
    /// Where its frames end, in bytes.
    pub frames_end: u64,
    /// One of IRONWAL_SEGMENT_...
    pub state: i32,
    /// Zero.
    pub reserved: i32,
}

/// What stands behind an `ironwal_stat_report`.
struct StatHandle {
    log: LogStat,
    streams: Vec<StreamTexts>,
}

/// The texts of one stream.
struct StreamTexts {
    key: CText,
    path: CText,
    message: CText,
    segments: Vec<CText>,
}

impl Handle for StatHandle {
    type Opaque = ironwal_stat_report;
    const MAGIC: u64 = 0x6972_6F6E_7374_6131;
    const NAME: &'static str = "report";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

impl StatHandle {
    fn of(log: LogStat) -> StatHandle {
        let texts = log.streams.iter().map(|stream| {
            let segments = stream.segment_list.iter();
            StreamTexts {
                key: CText::new(&stream.key),
                path: CText::new(&stream.directory.to_string_lossy()),
                message: CText::new(stream.error.as_deref().unwrap_or_default()),
                segments: segments
                    .map(|segment| CText::new(&segment.path.to_string_lossy()))
                    .collect(),
            }
        });
        let streams = texts.collect();
        StatHandle { log, streams }
    }

    fn totals(&self) -> ironwal_stat_totals {
        let streams = &self.log.streams;
        let journal = self.log.journal.clone().unwrap_or_default();
        ironwal_stat_totals {
            streams: streams.len() as u64,
            segments: streams.iter().map(|stream| stream.segments).sum(),
            sealed_segments: streams.iter().map(|stream| stream.sealed_segments).sum(),
            bytes: streams.iter().map(|stream| stream.bytes).sum(),
            unreadable_streams: streams.iter().filter(|s| s.error.is_some()).count() as u64,
            damage: streams.iter().map(|stream| stream.damage).sum(),
            has_journal: u64::from(self.log.journal.is_some()),
            journal_files: journal.files,
            journal_bytes: journal.bytes,
            journal_records: journal.records,
            journal_damage: journal.damage,
            journal_in_use: u64::from(journal.in_use),
        }
    }
}

/// Collects the numbers of a log or a sharded log in a directory, with no log open, from headers, slots, trailers
/// and tails: payloads are not read. Changes nothing and takes no lock, so another process, or this one, may have
/// the log open. `stream` NULL and `stream_len` 0: all streams, and the commit journal.
///
/// `progress` gets directories of streams, not bytes: before the first and after each.
///
/// - Owns: free `*out_report` with ironwal_stat_report_free().
/// - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0.
/// - Blocks: reads the ends of all segments; never for a sync.
/// - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, or the path or the name is not UTF-8;
///   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_IO where the directory cannot be listed; those
///   of a commit journal that cannot be read. A stream that cannot be read has its message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stat_directory(
    path: *const c_char,
    path_len: usize,
    stream: *const c_char,
    stream_len: usize,
    progress: ironwal_progress_fn,
    ctx: CallbackContext,
    out_report: *mut *mut ironwal_stat_report,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_report, ptr::null_mut());
        boundary::call(out_error, || {
            let out_report = boundary::non_null(out_report, "out_report")?;
            let path = path_of(path, path_len)?;
            let mut selection = selected(stream, stream_len)?;
            selection.segments = true;
            let place = LogDir::new(&path)?;
            let log = tools::stat_until(&place, &selection, &mut |done, total| {
                report_to(progress, ctx, done, total)
            })?;
            let report = StatHandle::of(log);
            boundary::write_out(out_report, boundary::into_handle(report));
            Ok(())
        })
    }
}

/// The numbers over all streams, and of the commit journal.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of ::ironwal_stat_totals.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stat_report_get_totals(
    report: *const ironwal_stat_report,
    out_totals: *mut ironwal_stat_totals,
    out_totals_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StatHandle>(report, out_error, |handle| {
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
///   `out_stream_size` is not a known size of ::ironwal_stat_stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stat_report_get_stream(
    report: *const ironwal_stat_report,
    index: usize,
    out_stream: *mut ironwal_stat_stream,
    out_stream_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StatHandle>(report, out_error, |handle| {
            let out_stream = boundary::non_null(out_stream, "out_stream")?;
            fits(out_stream, out_stream_size)?;
            let found = handle.log.streams.get(index).zip(handle.streams.get(index));
            let (stream, texts) = found.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let stream = ironwal_stat_stream {
                stream: texts.key.as_text(),
                path: texts.path.as_text(),
                message: texts.message.as_text(),
                segments: stream.segments,
                sealed_segments: stream.sealed_segments,
                listed_segments: stream.segment_list.len() as u64,
                bytes: stream.bytes,
                first_id: stream.first_id,
                next_id: stream.next_id,
                durable_end: stream.durable_end,
                lost_ids: stream.lost_ids,
                properties: stream.properties,
                properties_lost: u64::from(stream.properties_lost),
                damage: stream.damage,
            };
            give_sized(out_stream, out_stream_size, stream);
            Ok(())
        })
    }
}

/// The segment at `index` of the stream at `stream_index`, both from 0, oldest first.
///
/// - Owns: `out_segment` stays the caller's; its text belongs to `report` and ends with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
///   `out_segment_size` is not a known size of ::ironwal_stat_segment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stat_report_get_segment(
    report: *const ironwal_stat_report,
    stream_index: usize,
    index: usize,
    out_segment: *mut ironwal_stat_segment,
    out_segment_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StatHandle>(report, out_error, |handle| {
            let out_segment = boundary::non_null(out_segment, "out_segment")?;
            fits(out_segment, out_segment_size)?;
            let (streams, texts) = (&handle.log.streams, &handle.streams);
            let segment = streams
                .get(stream_index)
                .and_then(|s| s.segment_list.get(index));
            let path = texts.get(stream_index).and_then(|s| s.segments.get(index));
            let found = segment
                .zip(path)
                .ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND));
            let (segment, path) = found?;
            let segment = ironwal_stat_segment {
                path: path.as_text(),
                first_id: segment.first_id,
                end_id: segment.end_id,
                lost_before: segment.lost_before,
                bytes: segment.bytes,
                frames_end: segment.frames_end,
                state: match segment.state {
                    SegmentState::Sealed => IRONWAL_SEGMENT_SEALED,
                    SegmentState::Open => IRONWAL_SEGMENT_OPEN,
                    SegmentState::EndLost => IRONWAL_SEGMENT_END_LOST,
                },
                reserved: 0,
            };
            give_sized(out_segment, out_segment_size, segment);
            Ok(())
        })
    }
}

/// Frees a report and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stat_report_free(report: *mut ironwal_stat_report) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the report up.
    boundary::call_void(|| drop(unsafe { boundary::take::<StatHandle>(report) }));
}
