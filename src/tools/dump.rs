//! Which entries does a log hold, one after the other?

use std::ops::ControlFlow;
use std::ops::Range;
use std::path::Path;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::Codec;
use crate::ids::EntryId;
use crate::recovery::Decision;
use crate::recovery::RecoveredSegment;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::segment::LocatedFrame;
use crate::segment::WalkItem;
use crate::segment::damage_error;
use crate::stream::Progress;
use crate::tools::segment_walk::SegmentWalk;
use crate::tools::stat::StreamStat;
use crate::tools::stat::stat_of;
use crate::tools::survey::Gone;
use crate::tools::survey::LogDir;
use crate::tools::survey::Selection;
use crate::tools::survey::Surveyed;
use crate::tools::survey::survey_all;

/// One entry, or a run of ids that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct DumpedEntry<'a> {
    /// The stream's key.
    pub stream: &'a str,
    /// The segment's file.
    pub path: &'a Path,
    /// Where the frame starts, or the damage, in bytes.
    pub offset: u64,
    /// The entry's id; of damage, all ids concerned.
    pub ids: Range<u64>,
    /// The ids of the frame that holds it; empty where no frame is readable.
    pub frame_ids: Range<u64>,
    /// The frame is compressed.
    pub compressed: bool,
    /// The entry's bytes, checked, or why they cannot be read.
    pub data: std::result::Result<&'a [u8], &'a Error>,
}

/// Receives the entries of a log. Each call returns whether to go on.
pub trait EntryVisitor {
    /// The next stream begins; its entries follow. Of a stream that cannot be opened, `error` is set, and none
    /// follow. Entries that a writer appends from now on are not passed.
    fn stream(&mut self, _stream: &StreamStat) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// An entry, or a run of ids that cannot be read.
    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()>;

    /// How far the reading is, in bytes of segment files; about every mebibyte, and at the end.
    /// Returns whether to go on.
    fn progress(&mut self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Passes the entries to a closure.
struct Closure<'a>(&'a mut dyn FnMut(DumpedEntry<'_>) -> ControlFlow<()>);

impl EntryVisitor for Closure<'_> {
    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()> {
        (self.0)(entry)
    }
}

/// A visitor, and how far the reading is.
struct Visit<'a> {
    visitor: &'a mut dyn EntryVisitor,
    progress: Progress,
    /// Bytes that were not reported yet.
    unreported: u64,
}

/// From one report of the progress to the next, in bytes: the visitor may write to a terminal.
const REPORT_EVERY: u64 = 1 << 20;

impl Visit<'_> {
    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.unreported += bytes;
        match self.unreported >= REPORT_EVERY {
            true => self.report(),
            false => ControlFlow::Continue(()),
        }
    }

    fn report(&mut self) -> ControlFlow<()> {
        let progress = &mut self.progress;
        // A writer may have appended to a file since its length was read.
        progress.bytes_done = progress
            .bytes_total
            .min(progress.bytes_done + self.unreported);
        self.unreported = 0;
        self.visitor.progress(self.progress)
    }
}

/// Passes the selected entries, stream by stream, to `visit`, until it returns `Break`.
///
/// A stream that cannot be read at all is an error, returned after all others were passed.
pub fn dump(
    place: &LogDir,
    selection: &Selection,
    visit: &mut dyn FnMut(DumpedEntry<'_>) -> ControlFlow<()>,
) -> Result<()> {
    visit_entries(place, selection, &mut Closure(visit))
}

/// Passes the selected streams and their entries to a visitor, until it returns `Break`. Needs no more memory
/// for entries than the largest frame does.
///
/// A stream that cannot be read at all is an error, returned after all others were passed.
pub fn visit_entries(
    place: &LogDir,
    selection: &Selection,
    visitor: &mut dyn EntryVisitor,
) -> Result<()> {
    place.check_journal()?;
    let surveyed = survey_all(place, selection)?;
    let bytes_of = |stream: &Surveyed| {
        let facts = stream.found.as_ref().ok();
        facts.map_or(0, |(facts, _)| {
            facts.segments.iter().map(|segment| segment.file_len).sum()
        })
    };
    let mut visit = Visit {
        visitor,
        progress: Progress {
            bytes_done: 0,
            bytes_total: surveyed.iter().map(bytes_of).sum(),
        },
        unreported: 0,
    };
    let mut result = Ok(());
    if visit.report().is_break() {
        return result;
    }
    for stream in surveyed {
        if visit.visitor.stream(&stat_of(&stream)).is_break() {
            return result;
        }
        match dump_stream(place, stream, selection, &mut visit) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return result,
            Err(error) => result = result.and(Err(error)),
        }
    }
    visit.progress.bytes_done = visit.progress.bytes_total;
    // Nothing is left to break off.
    let _ = visit.report();
    result
}

fn dump_stream(
    place: &LogDir,
    stream: Surveyed,
    selection: &Selection,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let (facts, decision) = stream.found?;
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => return Err(refusal_error(&stream.key, &facts, &refusal)),
    };
    let found = view_only(&facts, verdict);
    // Truncated ids may share a segment with kept ones.
    let first_kept = found.first_kept.0;
    let wanted = selection.from_id.max(first_kept.0)..selection.end_id.unwrap_or(u64::MAX);
    let mut held: Option<u64> = None;
    let mut gone = Gone::new(place, &stream.dir);
    for segment in &found.segments {
        let first_id = segment.segment.first_id().0;
        if let Some(lost) = held.filter(|end| *end < first_id) {
            // The same error that reading these ids gives.
            let error = Error::SegmentNotFound(lost);
            let hole = clip(&(lost..first_id), &wanted);
            let path = segment.segment.path();
            let shown = damaged(&stream.key, &path, 0, hole.clone(), &error);
            if !hole.is_empty() && visit.visitor.entry(shown).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        held = Some(segment.end.next_id.0);
        let ids = first_id..segment.end.next_id.0;
        if !clip(&ids, &wanted).is_empty() && !gone.knows(EntryId(first_id)) {
            match dump_segment(place, &stream.key, (segment, first_kept), &wanted, visit) {
                Ok(ControlFlow::Continue(())) => {}
                Err(error) if gone.explains(&error, EntryId(first_id)) => {}
                done => return done,
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn dump_segment(
    place: &LogDir,
    key: &str,
    (found, first_kept): (&RecoveredSegment, EntryId),
    wanted: &Range<u64>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let segment = &found.segment;
    let path = segment.path();
    let context = || segment.context();
    let (storage, ahead) = (&*place.storage, place.read_ahead);
    let opened = SegmentWalk::open(storage, segment, &found.end, first_kept, ahead);
    let mut walk = opened.in_context(context)?;
    walk.skip_to(EntryId(wanted.start)).in_context(context)?;
    loop {
        match walk.advance().in_context(context)? {
            WalkItem::Frame { frame, .. } => {
                for id in clip(&walk.ids(&frame), wanted) {
                    if dump_entry(&mut walk, key, &path, &frame, id, visit)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                if visit.read(frame.header.len()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                if frame.header.end_id().0 >= wanted.end {
                    return Ok(ControlFlow::Continue(()));
                }
            }
            WalkItem::Damaged(damage) => {
                let error = damage_error(segment, &damage);
                let ids = clip(&damage.ids, wanted);
                let shown = damaged(key, &path, damage.offset.0, ids.clone(), &error);
                if !ids.is_empty() && visit.visitor.entry(shown).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            WalkItem::End => return Ok(ControlFlow::Continue(())),
        }
    }
}

fn dump_entry(
    walk: &mut SegmentWalk<'_>,
    key: &str,
    path: &Path,
    frame: &LocatedFrame,
    id: u64,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let entry = walk.entry(frame, EntryId(id));
    if let Err(error @ Error::Io(_)) = entry {
        return Err(error);
    }
    Ok(visit.visitor.entry(DumpedEntry {
        stream: key,
        path,
        offset: frame.offset.0,
        ids: id..id + 1,
        frame_ids: frame.header.ids(),
        compressed: frame.header.codec != Codec::None,
        data: entry.as_ref().map(|bytes| *bytes),
    }))
}

fn damaged<'a>(
    key: &'a str,
    path: &'a Path,
    offset: u64,
    ids: Range<u64>,
    error: &'a Error,
) -> DumpedEntry<'a> {
    DumpedEntry {
        stream: key,
        path,
        offset,
        ids,
        frame_ids: 0..0,
        compressed: false,
        data: Err(error),
    }
}

fn clip(ids: &Range<u64>, wanted: &Range<u64>) -> Range<u64> {
    ids.start.max(wanted.start)..ids.end.min(wanted.end)
}
