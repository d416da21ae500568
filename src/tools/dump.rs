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
use crate::tools::segment_walk::SegmentWalk;
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

type Visit<'a> = &'a mut dyn FnMut(DumpedEntry<'_>) -> ControlFlow<()>;

/// Passes the selected entries, stream by stream, to `visit`, until it returns `Break`.
///
/// A stream that cannot be read at all is an error, returned after all others were passed.
pub fn dump(place: &LogDir, selection: &Selection, visit: Visit<'_>) -> Result<()> {
    let mut result = Ok(());
    for stream in survey_all(place, selection)? {
        match dump_stream(place, stream, selection, visit) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

fn dump_stream(
    place: &LogDir,
    stream: Surveyed,
    selection: &Selection,
    visit: Visit<'_>,
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
            if !hole.is_empty() && visit(damaged(&stream.key, &path, 0, hole, &error)).is_break() {
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
    visit: Visit<'_>,
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
                if frame.header.end_id().0 >= wanted.end {
                    return Ok(ControlFlow::Continue(()));
                }
            }
            WalkItem::Damaged(damage) => {
                let error = damage_error(segment, &damage);
                let ids = clip(&damage.ids, wanted);
                let shown = damaged(key, &path, damage.offset.0, ids.clone(), &error);
                if !ids.is_empty() && visit(shown).is_break() {
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
    visit: Visit<'_>,
) -> Result<ControlFlow<()>> {
    let entry = walk.entry(frame, EntryId(id));
    if let Err(error @ Error::Io(_)) = entry {
        return Err(error);
    }
    Ok(visit(DumpedEntry {
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
