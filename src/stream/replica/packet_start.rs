//! Where does the packet for a replica begin?
//!
//! The replica says where it stands. Either its segment is one of ours, and its last frame is the one that
//! stands there: then the packet begins behind it, or with the next segment. Or its segment is gone: a cut has
//! replaced it, and the segment that cut follows; or a truncation has removed it.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FramePosition;
use crate::format::Replaces;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::segment::ReadBuffer;
use crate::segment::header_at;
use crate::stream::StreamInner;
use crate::stream::replica::export_source::ExportEnd;
use crate::stream::replica::export_source::SourceSegment;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// Where the packet begins.
pub(super) enum Start {
    /// Behind the replica's last frame.
    InSegment(usize),
    /// With this segment, which follows the replica's.
    Next(usize),
    /// With this segment, before which the replica needs nothing.
    Anew(usize),
    /// There is no more.
    Nowhere,
}

impl StreamInner {
    /// Where the packet for a replica begins.
    pub(super) fn start_for(
        &self,
        segments: &SegmentList,
        end: ExportEnd,
        from: &FramePosition,
    ) -> Result<Start> {
        let parts = &segments.parts;
        let Some(first) = parts.first() else {
            return match from.is_start() {
                true => Ok(Start::Nowhere),
                false => Err(self.not_ours(from, "this stream has no entries")),
            };
        };
        if from.is_start() {
            return Ok(Start::Anew(0));
        }
        if first.segment.header.incarnation != from.incarnation {
            return Err(self.not_ours(from, "it was begun from another stream of that key"));
        }
        let i = parts.partition_point(|part| part.segment.first_id() < from.segment);
        let ours = parts.get(i).filter(|part| {
            let header = &part.segment.header;
            header.first_id == from.segment && header.generation == from.generation
        });
        if ours.is_some() {
            return self.start_in(segments, i, end, from);
        }
        if let Some(newest) = parts.last() {
            let header = &newest.segment.header;
            if from.generation > header.generation {
                return Err(self.older_than(from, header.generation));
            }
            // The replica stands in a segment that begins behind all there is.
            let is_ahead = from.generation == header.generation
                && from.segment > header.first_id
                && from.segment.0 >= self.written_end();
            if is_ahead {
                return Err(self.behind(from, end));
            }
        }
        let is_newer = |part: &Arc<StreamSegment>| part.segment.header.generation > from.generation;
        let Some(cut) = parts.iter().position(is_newer) else {
            return self.start_behind_truncation(segments, from);
        };
        let header = parts.get(cut).map(|part| &part.segment.header);
        match header.map(|header| (header.replaces, header.first_id)) {
            Some((Replaces::All, _)) => Ok(Start::Anew(cut)),
            // What replaced the replica's segment: the two agree up to there.
            Some((Replaces::Suffix { .. }, first_id)) if first_id <= from.segment => {
                Ok(Start::Anew(cut))
            }
            _ => Err(self.gone(segments, from)),
        }
    }

    /// The same where the replica's segment is the part `i`.
    fn start_in(
        &self,
        segments: &SegmentList,
        i: usize,
        end: ExportEnd,
        from: &FramePosition,
    ) -> Result<Start> {
        let next = segments.parts.get(i + 1);
        let next_cuts = next.is_some_and(|next| next.segment.header.is_cut());
        let source = self.source(segments, i, end)?;
        let is_end = from.offset >= source.end;
        if from.offset > source.end && !next_cuts {
            return Err(self.behind(from, end));
        }
        if from.offset <= source.end && from.last_frame.0 > 0 {
            self.check_last_frame(&source, from)?;
        }
        match next {
            Some(_) if is_end => Ok(Start::Next(i + 1)),
            _ => Ok(Start::InSegment(i)),
        }
    }

    /// Refuses a replica whose last frame is not the one that stands there.
    fn check_last_frame(&self, source: &SourceSegment, from: &FramePosition) -> Result<()> {
        let segment = &source.part.segment;
        let (mut window, at) = (ReadBuffer::new(), from.last_frame);
        let len = FRAME_HEADER_LEN;
        let header = header_at(segment, &source.source, &mut window, at, len, from.offset);
        let header = header.in_context(|| segment.context())?;
        let is_it = header.is_ok_and(|header| {
            let link = header_crc_of(&header.encode(segment.seed, at));
            let end = (at + header.len(), header.end_id());
            link == from.link && end == (from.offset, from.next_id)
        });
        match is_it {
            true => Ok(()),
            false => Err(self.not_ours(from, "its last frame is another than the one here")),
        }
    }

    /// The same where a truncation has removed the replica's segment.
    fn start_behind_truncation(
        &self,
        segments: &SegmentList,
        from: &FramePosition,
    ) -> Result<Start> {
        let Some(first) = segments.parts.first() else {
            return Ok(Start::Nowhere);
        };
        let header = &first.segment.header;
        let before = header.predecessor.filter(|_| !header.is_cut());
        let follows = before.is_some_and(|before| {
            (before.end_id, before.link) == (from.next_id, from.link)
                && header.first_id == from.next_id
                && header.generation == from.generation
        });
        match follows {
            true => Ok(Start::Anew(0)),
            // Also where it lacks no entry, but a frame without entries.
            false if header.first_id >= from.next_id => Err(self.gone(segments, from)),
            false => Err(self.not_ours(from, "no segment here is the one it stands in")),
        }
    }

    /// The error for a replica that needs what was truncated here.
    fn gone(&self, segments: &SegmentList, from: &FramePosition) -> Error {
        let resumes = segments.parts.first().map(|part| part.segment.first_id());
        let resumes = resumes.unwrap_or(segments.first_kept).max(from.next_id);
        self.lost_error(from.next_id, resumes)
    }

    /// The error for a replica that has more than may leave here.
    fn behind(&self, from: &FramePosition, end: ExportEnd) -> Error {
        let found = match end {
            ExportEnd::Written => self.written_end(),
            ExportEnd::Durable(..) | ExportEnd::DurableIds => self.durable_end(),
        };
        self.mismatch(from.next_id, EntryId(found))
    }

    /// The error for a replica of a stream in which a suffix was cut that is still here.
    fn older_than(&self, from: &FramePosition, generation: u64) -> Error {
        let what = format!(
            "this log is older than the replica: the stream {:?} ends at id {} in generation {generation} here, and the \
             replica is at id {} in generation {}",
            self.key,
            self.written_end(),
            from.next_id,
            from.generation
        );
        Error::Config(what).remembering(ErrorContext::at(&self.dir).stream(&self.key))
    }

    fn not_ours(&self, from: &FramePosition, why: &str) -> Error {
        let what = format!(
            "the replica at id {} of segment {}, generation {}, is none of the stream {:?} ({why}): \
             delete it and begin it again",
            from.next_id, from.segment, from.generation, self.key
        );
        Error::Config(what).remembering(ErrorContext::at(&self.dir).stream(&self.key))
    }
}
