//! How C has a log verified, and reads the report.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::Severity;
use crate::VerifyFinding;
use crate::VerifyReport;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::error::CText;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::error::ironwal_str;
use crate::ffi::sharded::maintenance::fits;
use crate::ffi::sharded::maintenance::give_sized;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// No damage: remains of a crash that the next open cleans up, quarantined bytes, a recorded loss,
/// a derived file that will be rebuilt.
pub const IRONWAL_SEVERITY_NOTE: i32 = 601;
/// Durable data is damaged or missing.
pub const IRONWAL_SEVERITY_DAMAGE: i32 = 602;
/// A file could not be checked: a read error, a newer format, an unrecognised file.
pub const IRONWAL_SEVERITY_UNREADABLE: i32 = 603;

/// What a verification read, and what it found. Freed with ironwal_verify_report_free().
pub enum ironwal_verify_report {}

/// What a verification read. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_verify_report_totals {
    /// Streams looked at.
    pub streams: u64,
    /// Their segments.
    pub segments: u64,
    /// Good frames in them.
    pub frames: u64,
    /// Good entries that the streams keep.
    pub entries: u64,
    /// Bytes of segments read.
    pub bytes: u64,
    /// Good records of a sharded log's checkpoints.
    pub checkpoints: u64,
    /// How many findings there are, notes included.
    pub findings: u64,
    /// 1: no finding is worse than a note. 0 otherwise.
    pub clean: u64,
    /// Those of the frames that hold the properties of their stream, with entries or without.
    pub property_frames: u64,
    /// Frames behind a cut, not counted in `frames`: they are no part of the stream any more, so their
    /// payloads were not checked.
    pub void_frames: u64,
}

/// One thing that a verification found. The texts belong to the report. Later versions may add
/// fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_finding {
    /// The stream, {NULL, 0} where it concerns none.
    pub stream: ironwal_str,
    /// The file or directory.
    pub path: ironwal_str,
    /// What was found.
    pub what: ironwal_str,
    /// The place in the file, in bytes; UINT64_MAX where it has none.
    pub offset: u64,
    /// The first id concerned.
    pub first_id: u64,
    /// One past the last id concerned; equal to `first_id` where none are known.
    pub end_id: u64,
    /// One of IRONWAL_SEVERITY_...; a later version may add worse ones.
    pub severity: i32,
    /// Zero.
    pub reserved: i32,
}

/// What stands behind an `ironwal_verify_report`.
pub(super) struct ReportHandle {
    report: VerifyReport,
    /// The texts of each finding: stream, path, what.
    texts: Vec<[CText; 3]>,
}

impl Handle for ReportHandle {
    type Opaque = ironwal_verify_report;
    const MAGIC: u64 = 0x6972_6F6E_7265_7031;
    const NAME: &'static str = "report";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Reads everything that is stored and checks it: headers, slots, frames, payloads, footers, the
/// chain of segments, index files, and the checkpoints of a sharded log. Changes nothing, and no call
/// waits for it. Beside a writer what is written meanwhile is not looked at.
///
/// - Owns: free `*out_report` with ironwal_verify_report_free(); it outlives the log.
/// - Blocks: reads all segments; never for a sync.
/// - Errors: ::IRONWAL_E_IO where the directory cannot be listed; all else that cannot be read is a
///   finding.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_verify(
    wal: *const ironwal_wal,
    out_report: *mut *mut ironwal_verify_report,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_report, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_report = boundary::non_null(out_report, "out_report")?;
            let report = ReportHandle::of(handle.wal.verify()?);
            boundary::write_out(out_report, boundary::into_handle(report));
            Ok(())
        })
    }
}

impl ReportHandle {
    pub(super) fn of(report: VerifyReport) -> ReportHandle {
        let texts = report.findings.iter().map(texts_of).collect();
        ReportHandle { report, texts }
    }
}

fn texts_of(finding: &VerifyFinding) -> [CText; 3] {
    [
        CText::new(finding.stream.as_deref().unwrap_or_default()),
        CText::new(&finding.path.to_string_lossy()),
        CText::new(&finding.what),
    ]
}

/// What was read, and whether it is clean.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of
///   ::ironwal_verify_report_totals.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_verify_report_get_totals(
    report: *const ironwal_verify_report,
    out_totals: *mut ironwal_verify_report_totals,
    out_totals_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ReportHandle>(report, out_error, |handle| {
            let out_totals = boundary::non_null(out_totals, "out_totals")?;
            fits(out_totals, out_totals_size)?;
            let report = &handle.report;
            let totals = ironwal_verify_report_totals {
                streams: report.streams,
                segments: report.segments,
                frames: report.frames,
                entries: report.entries,
                bytes: report.bytes,
                checkpoints: report.checkpoints,
                findings: report.findings.len() as u64,
                clean: u64::from(report.is_clean()),
                property_frames: report.property_frames,
                void_frames: report.void_frames,
            };
            give_sized(out_totals, out_totals_size, totals);
            Ok(())
        })
    }
}

/// The finding at `index`, from 0.
///
/// - Owns: `out_finding` stays the caller's; its texts belong to `report` and end with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
///   `out_finding_size` is not a known size of ::ironwal_finding.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_verify_report_get_finding(
    report: *const ironwal_verify_report,
    index: usize,
    out_finding: *mut ironwal_finding,
    out_finding_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<ReportHandle>(report, out_error, |handle| {
            let out_finding = boundary::non_null(out_finding, "out_finding")?;
            fits(out_finding, out_finding_size)?;
            let found = handle.report.findings.get(index);
            let found = found.zip(handle.texts.get(index));
            let (finding, texts) = found.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let [stream, path, what] = texts;
            let ids = finding.ids.clone().unwrap_or_default();
            let finding = ironwal_finding {
                stream: stream.as_text(),
                path: path.as_text(),
                what: what.as_text(),
                offset: finding.offset.unwrap_or(u64::MAX),
                first_id: ids.start,
                end_id: ids.end,
                severity: severity_of(finding.severity),
                reserved: 0,
            };
            give_sized(out_finding, out_finding_size, finding);
            Ok(())
        })
    }
}

fn severity_of(severity: Severity) -> i32 {
    match severity {
        Severity::Note => IRONWAL_SEVERITY_NOTE,
        Severity::Damage => IRONWAL_SEVERITY_DAMAGE,
        Severity::Unreadable => IRONWAL_SEVERITY_UNREADABLE,
    }
}

/// Frees a report and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_verify_report_free(report: *mut ironwal_verify_report) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the report up.
    boundary::call_void(|| drop(unsafe { boundary::take::<ReportHandle>(report) }));
}
