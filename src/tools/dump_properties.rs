//! How did the properties of each stream change, as far as its segments still show it?
//!
//! Every frame with properties holds the whole map. A frame that repeats the map before it carries it
//! into a new segment, and is no change. Frames behind a cut hold changes that the stream kept, but they
//! are void: the segment of the cut repeats the map that it found.

use std::ops::ControlFlow;
use std::path::Path;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::Properties;
use crate::ids::EntryId;
use crate::recovery::Decision;
use crate::recovery::RecoveredSegment;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::segment::WalkItem;
use crate::tools::segment_walk::SegmentWalk;
use crate::tools::survey::Gone;
use crate::tools::survey::LogDir;
use crate::tools::survey::Selection;
use crate::tools::survey::Surveyed;
use crate::tools::survey::survey_all;

/// The keys and values of a stream's properties, by key.
pub type PropertyMap = Vec<(Vec<u8>, Vec<u8>)>;

/// The properties of a stream from one frame on, or why that frame does not show them.
#[derive(Debug)]
#[non_exhaustive]
pub struct DumpedProperties<'a> {
    /// The stream's key.
    pub stream: &'a str,
    /// The segment's file.
    pub path: &'a Path,
    /// Where the frame starts, in bytes.
    pub offset: u64,
    /// The id behind the entries that were appended with the change or before it.
    pub next_id: u64,
    /// The whole map, checked; empty where the last property was removed.
    pub map: std::result::Result<PropertyMap, &'a Error>,
}

type Visit<'a> = &'a mut dyn FnMut(DumpedProperties<'_>) -> ControlFlow<()>;

/// Passes the properties of the selected streams to `visit`, each time they changed, until it returns
/// `Break`. The ids of the selection do not matter.
///
/// A stream that cannot be read at all is an error, returned after all others were passed.
pub fn dump_properties(place: &LogDir, selection: &Selection, visit: Visit<'_>) -> Result<()> {
    let mut result = Ok(());
    place.check_journal()?;
    for stream in survey_all(place, selection)? {
        match dump_stream(place, stream, visit) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

/// The keys and values of a map.
pub(super) fn pairs_of(map: &Properties) -> PropertyMap {
    let pairs = map.iter();
    pairs
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect()
}

fn dump_stream(place: &LogDir, stream: Surveyed, visit: Visit<'_>) -> Result<ControlFlow<()>> {
    let (facts, decision) = stream.found?;
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => return Err(refusal_error(&stream.key, &facts, &refusal)),
    };
    let found = view_only(&facts, verdict);
    let mut gone = Gone::new(place, &stream.dir);
    let mut shown = None;
    for segment in &found.segments {
        let first_id = segment.segment.first_id();
        if gone.knows(first_id) {
            continue;
        }
        match dump_segment(place, &stream.key, segment, &mut shown, visit) {
            Ok(ControlFlow::Continue(())) => {}
            Err(error) if gone.explains(&error, first_id) => {}
            done => return done,
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Passes each map of a segment that differs from the one that was shown last.
fn dump_segment(
    place: &LogDir,
    key: &str,
    found: &RecoveredSegment,
    shown: &mut Option<Properties>,
    visit: Visit<'_>,
) -> Result<ControlFlow<()>> {
    let segment = &found.segment;
    let path = segment.path();
    let context = || segment.context();
    let (storage, ahead) = (&*place.storage, place.read_ahead);
    let opened = SegmentWalk::open(storage, segment, &found.end, EntryId(0), ahead);
    let mut walk = opened.in_context(context)?;
    if let Some(last_frame) = found.end.last_frame {
        walk.go_to_last_frame(last_frame);
    }
    loop {
        let frame = match walk.advance().in_context(context)? {
            WalkItem::Frame { frame, .. } if frame.header.has_properties() => frame,
            // What is wrong with frames is for `verify` and `dump` to show.
            WalkItem::Frame { .. } | WalkItem::Damaged(_) => continue,
            WalkItem::End => return Ok(ControlFlow::Continue(())),
        };
        let map = match walk.properties(&frame) {
            Err(error @ Error::Io(_)) => return Err(error),
            Ok(map) if shown.as_ref() == Some(&map) => continue,
            map => map,
        };
        let passed = visit(DumpedProperties {
            stream: key,
            path: &path,
            offset: frame.offset.0,
            next_id: frame.header.ids().end.min(found.end.next_id.0),
            map: map.as_ref().map(pairs_of),
        });
        if passed.is_break() {
            return Ok(passed);
        }
        *shown = map.ok();
    }
}
