//! How does C read what opening a log found, lost and removed?

#![allow(unsafe_code)]

use std::path::Path;
use std::ptr;
use std::sync::Arc;

use crate::RecoveryFinding;
use crate::RecoveryReport;
use crate::StreamRecovery;

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
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;
use crate::ffi::status::status_of;
use crate::ffi::verify::IRONWAL_SEVERITY_DAMAGE;
use crate::ffi::verify::IRONWAL_SEVERITY_NOTE;
use crate::ffi::verify::ironwal_finding;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// What opening a log found and did. A copy that outlives the log. Freed with
/// ironwal_recovery_report_free().
pub enum ironwal_recovery_report {}

/// What opening found. Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_recovery_report_totals {
    /// How many streams the log had on disk, damaged ones included.
    pub streams: u64,
    /// How many of them the report lists: those with damage, with remains of a crash, or that could not be
    /// opened. All others were recovered whole.
    pub reported: u64,
    /// How long opening took, in nanoseconds.
    pub duration_ns: u64,
    /// 1: nothing that was durable is missing or unreadable, as far as opening can know, which does not
    /// read every payload. 0 otherwise.
    pub complete: u64,
}

/// What opening found and did in one stream. The texts belong to the report. Later versions may add
/// fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_recovered_stream {
    /// The name; that of the directory where the name is unknown.
    pub stream: ironwal_str,
    /// Why the stream is not served, or takes no appends; {NULL, 0} where it does both.
    pub message: ironwal_str,
    /// One past the last id that was known to be durable before. Entries behind it may have been
    /// recovered too.
    pub durable_end_before: u64,
    /// The id of the next append.
    pub next_id: u64,
    /// How many findings there are.
    pub findings: u64,
    /// 1: nothing that was durable is missing or unreadable, as far as opening can know. 0 otherwise.
    pub complete: u64,
    /// The status that belongs to `message`; 0 where there is none.
    pub status: i32,
    /// Zero.
    pub reserved: i32,
}

/// A finding as C gets it.
struct Found {
    path: CText,
    what: CText,
    offset: u64,
    ids: (u64, u64),
    severity: i32,
}

/// A stream as C gets it.
struct RecoveredStream {
    stream: CText,
    message: CText,
    status: ironwal_status,
    durable_end_before: u64,
    next_id: u64,
    is_complete: bool,
    findings: Vec<Found>,
}

/// What stands behind an `ironwal_recovery_report`.
struct RecoveryHandle {
    totals: [u64; 3],
    streams: Vec<RecoveredStream>,
}

impl Handle for RecoveryHandle {
    type Opaque = ironwal_recovery_report;
    const MAGIC: u64 = 0x6972_6F6E_7265_6331;
    const NAME: &'static str = "report";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

impl RecoveryHandle {
    fn of(report: &RecoveryReport) -> RecoveryHandle {
        let duration_ns = u64::try_from(report.duration.as_nanos()).unwrap_or(u64::MAX);
        let is_complete = u64::from(report.is_complete());
        RecoveryHandle {
            totals: [report.stream_count as u64, duration_ns, is_complete],
            streams: report.streams.iter().map(RecoveredStream::of).collect(),
        }
    }
}

impl RecoveredStream {
    fn of(stream: &StreamRecovery) -> RecoveredStream {
        let damage = stream.damage.iter();
        let damage = damage.map(|finding| Found::of(finding, IRONWAL_SEVERITY_DAMAGE));
        let remains = stream.remains.iter();
        let remains = remains.map(|finding| Found::of(finding, IRONWAL_SEVERITY_NOTE));
        let quarantined = stream.quarantined.iter().map(|path| Found::set_aside(path));
        let error = stream.error.as_deref();
        RecoveredStream {
            stream: CText::new(&stream.stream),
            message: CText::new(&error.map(ToString::to_string).unwrap_or_default()),
            status: error.map_or(IRONWAL_OK, status_of),
            durable_end_before: stream.durable_end_before,
            next_id: stream.next_id,
            is_complete: stream.is_complete(),
            findings: damage.chain(remains).chain(quarantined).collect(),
        }
    }
}

impl Found {
    fn of(finding: &RecoveryFinding, severity: i32) -> Found {
        let ids = finding.ids.clone().unwrap_or_default();
        Found {
            path: CText::new(&finding.path.to_string_lossy()),
            what: CText::new(finding.what),
            offset: finding.offset.unwrap_or(u64::MAX),
            ids: (ids.start, ids.end),
            severity,
        }
    }

    /// A file with bytes that this opening quarantined.
    fn set_aside(path: &Path) -> Found {
        Found {
            path: CText::new(&path.to_string_lossy()),
            what: CText::new("quarantined bytes"),
            offset: u64::MAX,
            ids: (0, 0),
            severity: IRONWAL_SEVERITY_NOTE,
        }
    }
}

/// What opening the log found and did. It does not change while the log is open. A consensus engine asks
/// it before it votes: a node that lost durable entries must not act as if its log were complete.
///
/// - Owns: free `*out_report` with ironwal_recovery_report_free(); it outlives the log.
/// - Errors: those of every call on a log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_recovery(
    wal: *const ironwal_wal,
    out_report: *mut *mut ironwal_recovery_report,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_report, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_report = boundary::non_null(out_report, "out_report")?;
            let report = RecoveryHandle::of(handle.wal.recovery());
            boundary::write_out(out_report, boundary::into_handle(report));
            Ok(())
        })
    }
}

/// What opening found, over all streams.
///
/// - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of
///   ::ironwal_recovery_report_totals.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_recovery_report_get_totals(
    report: *const ironwal_recovery_report,
    out_totals: *mut ironwal_recovery_report_totals,
    out_totals_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RecoveryHandle>(report, out_error, |handle| {
            let out_totals = boundary::non_null(out_totals, "out_totals")?;
            fits(out_totals, out_totals_size)?;
            let [streams, duration_ns, complete] = handle.totals;
            let totals = ironwal_recovery_report_totals {
                streams,
                reported: handle.streams.len() as u64,
                duration_ns,
                complete,
            };
            give_sized(out_totals, out_totals_size, totals);
            Ok(())
        })
    }
}

/// The stream at `index`, from 0, sorted by name.
///
/// - Owns: `out_stream` stays the caller's; its texts belong to `report` and end with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
///   `out_stream_size` is not a known size of ::ironwal_recovered_stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_recovery_report_get_stream(
    report: *const ironwal_recovery_report,
    index: usize,
    out_stream: *mut ironwal_recovered_stream,
    out_stream_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RecoveryHandle>(report, out_error, |handle| {
            let out_stream = boundary::non_null(out_stream, "out_stream")?;
            fits(out_stream, out_stream_size)?;
            let stream = handle.streams.get(index);
            let stream = stream.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let stream = ironwal_recovered_stream {
                stream: stream.stream.as_text(),
                message: stream.message.as_text(),
                durable_end_before: stream.durable_end_before,
                next_id: stream.next_id,
                findings: stream.findings.len() as u64,
                complete: u64::from(stream.is_complete),
                status: stream.status,
                reserved: 0,
            };
            give_sized(out_stream, out_stream_size, stream);
            Ok(())
        })
    }
}

/// The finding at `index` of the stream at `stream_index`, both from 0. First damage to what was durable
/// (::IRONWAL_SEVERITY_DAMAGE), then notes: what a crash left and recovery removed, none of which was ever
/// acknowledged as durable, and the files with bytes that were quarantined.
///
/// - Owns: `out_finding` stays the caller's; its texts belong to `report` and end with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
///   `out_finding_size` is not a known size of ::ironwal_finding.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_recovery_report_get_finding(
    report: *const ironwal_recovery_report,
    stream_index: usize,
    index: usize,
    out_finding: *mut ironwal_finding,
    out_finding_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<RecoveryHandle>(report, out_error, |handle| {
            let out_finding = boundary::non_null(out_finding, "out_finding")?;
            fits(out_finding, out_finding_size)?;
            let stream = handle.streams.get(stream_index);
            let found = stream.and_then(|stream| Some((stream, stream.findings.get(index)?)));
            let (stream, found) = found.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            let finding = ironwal_finding {
                stream: stream.stream.as_text(),
                path: found.path.as_text(),
                what: found.what.as_text(),
                offset: found.offset,
                first_id: found.ids.0,
                end_id: found.ids.1,
                severity: found.severity,
                reserved: 0,
            };
            give_sized(out_finding, out_finding_size, finding);
            Ok(())
        })
    }
}

/// Frees a report and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_recovery_report_free(report: *mut ironwal_recovery_report) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the report up.
    boundary::call_void(|| drop(unsafe { boundary::take::<RecoveryHandle>(report) }));
}
