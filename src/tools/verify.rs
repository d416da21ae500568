//! Is everything that was stored still there and whole?
//!
//! Happy path: the survey of recovery checks headers, slots, trailers and the chain of all streams.
//! Then every segment is read, frame by frame, with its payloads and its footer; then the files
//! beside them. Nothing is changed.
//!
//! Beside a live writer: only bytes below the ends that the survey found are checked, and those
//! never change. Segments that are truncated or deleted meanwhile are skipped. Failure: a file that
//! cannot be read is a finding; only the root must be readable.

use std::ops::ControlFlow;
use std::path::Path;

use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::recovery::Decision;
use crate::recovery::Finding;
use crate::recovery::RecoveredSegment;
use crate::recovery::StreamFacts;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::stream::Progress;
use crate::tools::meter::Meter;
use crate::tools::report::Severity;
use crate::tools::report::VerifyFinding;
use crate::tools::report::VerifyReport;
use crate::tools::segment_walk::SegmentWalk;
use crate::tools::survey::Gone;
use crate::tools::survey::LogDir;
use crate::tools::survey::Selection;
use crate::tools::survey::Surveyed;
use crate::tools::survey::survey_all;
use crate::tools::verify_files::check_root;
use crate::tools::verify_files::check_stream_dir;
use crate::tools::verify_segment::check_segment;
use crate::wal::Wal;

impl Wal {
    /// Reads everything that is stored and checks it: headers, slots, frames, payloads, footers, the
    /// chain of segments, the index file, and the checkpoints of a sharded log. Reports what is
    /// wrong, with file, offset and ids. Changes nothing and blocks no other call. Entries that are
    /// written meanwhile are not checked.
    ///
    /// Errors: `Io` where the root cannot be listed. All else that cannot be read is a finding.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.log.enter()?;
        let context = &self.log.context;
        let place = LogDir::on(
            Arc::clone(&context.storage),
            context.root.clone(),
            context.options.read_buffer_size,
        );
        verify(&place, &Selection::default(), &mut |_| ())
    }
}

/// Reads everything that is selected and reports what is wrong.
pub fn verify(
    place: &LogDir,
    selection: &Selection,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport> {
    verify_until(place, selection, &mut |now| {
        progress(now);
        ControlFlow::Continue(())
    })
}

/// As [`verify`]; `progress` cancels by `Break`. It is called on this thread: before the first byte, about
/// every mebibyte, and when all is done, with bytes of segment files. No call follows a `Break`.
///
/// Errors: those of `verify`; `Cancelled`.
pub fn verify_until(
    place: &LogDir,
    selection: &Selection,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<VerifyReport> {
    let surveyed = survey_all(place, selection)?;
    verify_all(place, surveyed, selection, progress)
}

/// The same, of streams that are surveyed already.
pub(super) fn verify_all(
    place: &LogDir,
    surveyed: Vec<Surveyed>,
    selection: &Selection,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let lengths = surveyed
        .iter()
        .filter_map(|stream| stream.found.as_ref().ok());
    let total = lengths.flat_map(|(facts, _)| facts.segments.iter().map(|s| s.file_len));
    let mut meter = Meter::begin(total.sum(), progress)?;
    for stream in surveyed {
        verify_stream(place, stream, &mut meter, &mut report);
        meter.check()?;
    }
    if selection.stream.is_none() {
        check_root(place, &mut report)?;
    }
    meter.end()?;
    Ok(report)
}

fn verify_stream(
    place: &LogDir,
    stream: Surveyed,
    meter: &mut Meter<'_>,
    report: &mut VerifyReport,
) {
    report.streams += 1;
    let Surveyed { key, dir, found } = stream;
    let (facts, decision) = match found {
        Ok(found) => found,
        Err(error) => return report.findings.push(unreadable(&key, &dir, &error)),
    };
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            let error = refusal_error(&key, &facts, &refusal);
            return report.findings.push(unreadable(&key, &dir, &error));
        }
    };
    let is_reported = !verdict.findings.is_empty();
    for found in &verdict.findings {
        let finding = finding(&key, &facts, found, Severity::Damage, found.what);
        report.findings.push(finding);
    }
    for note in &verdict.notes {
        let what = format!(
            "left by a crash and removed at the next open, or being written: {}",
            note.what
        );
        let finding = finding(&key, &facts, note, Severity::Note, &what);
        report.findings.push(finding);
    }
    let stream = view_only(&facts, verdict);
    if stream.properties.map().is_none() && !is_reported {
        let what = "the properties are lost, on record: replace all of them";
        let note = VerifyFinding::new(Severity::Note, dir.clone(), what);
        report.findings.push(note.of(&key));
    }
    let mut gone = Gone::new(place, &dir);
    let first_kept = stream.first_kept.0;
    for (number, found) in stream.segments.iter().enumerate() {
        let next = stream.segments.get(number + 1);
        let is_cut = next.is_some_and(|next| next.segment.header.is_cut());
        let header = &found.segment.header;
        if header.lost_from < header.first_id {
            let what = "ids lost before this segment are on record";
            let note = VerifyFinding::new(Severity::Note, found.segment.path(), what).of(&key);
            let lost = header.lost_from.0..header.first_id.0;
            report.findings.push(note.ids(lost));
        }
        let first_id = found.segment.first_id();
        if gone.knows(first_id) {
            continue;
        }
        match verify_segment(place, (found, first_kept, is_cut), meter, report) {
            Err(error) if !gone.explains(&error, first_id) => {
                let path = found.segment.path();
                report.findings.push(unreadable(&key, &path, &error));
            }
            _ => {}
        }
        if meter.check().is_err() {
            return;
        }
    }
    check_stream_dir(place, &key, &dir, &facts, report);
}

/// Checks a segment of a stream that keeps no id below `first_kept`. Whether the next segment cut it.
fn verify_segment(
    place: &LogDir,
    (found, first_kept, is_cut): (&RecoveredSegment, EntryId, bool),
    meter: &mut Meter<'_>,
    report: &mut VerifyReport,
) -> Result<()> {
    let (segment, end) = (&found.segment, &found.end);
    let context = || segment.context();
    let (storage, ahead) = (&*place.storage, place.read_ahead);
    let opened = SegmentWalk::open(storage, segment, end, first_kept, ahead);
    let mut walk = opened.in_context(context)?;
    let mut reported = 0;
    let checked = check_segment(&mut walk, (end, is_cut), |read_to| {
        let read = read_to.0 - reported;
        reported = read_to.0;
        match meter.add(read) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    let checked = checked.in_context(context)?;
    meter.check()?;
    let len = walk.file_len().in_context(context)?;
    meter.add(len.saturating_sub(reported))?;
    report.segments += 1;
    report.frames += checked.frames;
    report.void_frames += checked.void_frames;
    report.property_frames += checked.property_frames;
    report.entries += checked.entries;
    report.bytes += len;
    report.findings.extend(checked.findings);
    Ok(())
}

/// A finding of recovery, as one of the report.
fn finding(
    key: &str,
    facts: &StreamFacts,
    found: &Finding,
    severity: Severity,
    what: &str,
) -> VerifyFinding {
    let path = match found.segment.and_then(|i| facts.segments.get(i)) {
        Some(segment) => facts.dir.join(segment_file_name(segment.name_id)),
        None => facts.dir.to_path_buf(),
    };
    VerifyFinding::new(severity, path, what)
        .of(key)
        .at(found.offset)
        .ids(found.ids.clone())
}

/// A finding for what could not be read.
pub(super) fn unreadable(key: &str, path: &Path, error: &Error) -> VerifyFinding {
    let context = error.context();
    let path = context.path.unwrap_or_else(|| path.to_path_buf());
    VerifyFinding::new(Severity::Unreadable, path, error.to_string())
        .of(key)
        .at(context.offset)
        .ids(context.ids)
}
