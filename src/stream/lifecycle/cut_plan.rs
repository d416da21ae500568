//! What a cut is to do: the segment and the frame that it ends at, and the header, frame and slot of
//! the new segment.
//!
//! P, Q and the steps are those of `cut`. A plan is made while no thread appends, leads or makes segments,
//! with everything written durable. Making it reads, and changes nothing: where it fails, the stream
//! goes on as before.

use std::sync::Arc;

use crate::append::Append;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FrameParts;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::PreparedFrame;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::atomic::Ordering;
use crate::segment::LocatedFrame;
use crate::segment::PropertyPoint;
use crate::segment::ReadBuffer;
use crate::segment::SegmentEnd;
use crate::segment::footer_reserve;
use crate::segment::locate;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentFor;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::tail::UnsealedSegment;

/// How much is read to find the frame before the cut.
const READ_AHEAD: usize = 8 << 10;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// The ids from here on are replaced.
    Suffix(EntryId),
    /// All ids are, and this is the next one.
    All(EntryId),
}

/// The frame behind which is cut, in P.
pub(in crate::stream) struct Clip {
    pub(super) part: Arc<StreamSegment>,
    /// Where P's frames end, if it has no footer yet.
    pub(in crate::stream) written: Option<UnsealedSegment>,
    pub(in crate::stream) frame: LocatedFrame,
    /// Its header CRC.
    pub(in crate::stream) link: u32,
    /// What P's footer and slots say, where it is sealed as another stream's was.
    pub(in crate::stream) sealed_as: Option<(FrontierSlot, u32)>,
}

impl Clip {
    /// P.
    pub(in crate::stream) fn part(&self) -> &Arc<StreamSegment> {
        &self.part
    }

    /// Whether this is P.
    pub(in crate::stream) fn is_in(&self, part: &Arc<StreamSegment>) -> bool {
        Arc::ptr_eq(&self.part, part)
    }
}

/// The stream before and after.
pub(in crate::stream) struct Plan<'a> {
    pub(in crate::stream) before: Arc<SegmentList>,
    /// The id behind its last one.
    pub(in crate::stream) next_id: EntryId,
    /// The first id of Q.
    pub(in crate::stream) first_id: EntryId,
    pub(in crate::stream) clip: Option<Clip>,
    pub(in crate::stream) header: SegmentHeader,
    /// Q's frame, if it has one.
    pub(in crate::stream) frame: Option<FrameParts<'a>>,
    /// Where Q's frames end.
    pub(in crate::stream) end: SegmentEnd,
    /// The properties there.
    pub(in crate::stream) properties: PropertyPoint,
    pub(in crate::stream) slot: FrontierSlot,
    /// So many of the oldest segments lie below the first kept id that the slot says.
    pub(in crate::stream) truncated: usize,
}

impl Plan<'_> {
    /// Up to where Q's file has blocks.
    pub(super) fn allocated_end(&self) -> FileOffset {
        self.end.offset + footer_reserve(self.end.offset)
    }

    /// The segments that stay as they are, P included.
    pub(super) fn kept(&self) -> impl Iterator<Item = Arc<StreamSegment>> + '_ {
        let parts = self.before.parts.iter().take(self.stays());
        parts.skip(self.truncated).cloned()
    }

    /// How many parts lie in front of Q, P included.
    pub(super) fn stays(&self) -> usize {
        match self.clip {
            Some(_) => self
                .before
                .parts
                .partition_point(|part| part.segment.first_id() < self.first_id),
            None => 0,
        }
    }

    /// One past the last id that both streams have.
    pub(super) fn common_end(&self) -> EntryId {
        match self.clip {
            Some(_) => self.first_id,
            None => self.before.first_kept,
        }
    }
}

impl StreamInner {
    /// What is to be done; `None`: the stream ends where the suffix begins.
    pub(super) fn plan_cut<'a>(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        (frame, properties): (Option<&'a PreparedFrame<'_>>, PropertyPoint),
    ) -> Result<Option<Plan<'a>>> {
        let before = self.segments();
        let next_id = self.tail.lock().written().next_id;
        let (first_id, clip) = match wanted {
            Wanted::All(first_id) => (first_id, None),
            Wanted::Suffix(from) if from > next_id => {
                return Err(self.mismatch(from, next_id));
            }
            Wanted::Suffix(from) if from == next_id => return Ok(None),
            Wanted::Suffix(from) if from < before.first_kept => {
                return Err(self.mismatch(from, before.first_kept));
            }
            Wanted::Suffix(from) if from.0 <= self.first_id() => (from, None),
            Wanted::Suffix(from) => (from, Some(self.frame_before(&before, from)?)),
        };
        let is_reset = matches!(wanted, Wanted::All(_));
        self.check_cut_floor(first_id, is_reset)?;
        let count = frame.map_or(0, |frame| u64::from(frame.entry_count()));
        if first_id.0.checked_add(count).is_none() {
            return Err(Error::TooLarge {
                size_bytes: frame.map_or(0, |frame| frame.frame_len()),
                limit_bytes: 0,
            });
        }
        let given = || self.context.identity.incarnation();
        let replaces = match &clip {
            Some(clip) => Replaces::Suffix {
                clip_frame: clip.frame.offset,
            },
            None => Replaces::All,
        };
        let header = SegmentHeader {
            key: Arc::clone(&self.key),
            first_id,
            generation: alloc.generation + 1,
            predecessor: clip.as_ref().map(|clip| Predecessor {
                end_id: first_id,
                link: clip.link,
            }),
            lost_from: first_id,
            first_kept_id: match clip {
                Some(_) => before.first_kept,
                None => first_id,
            },
            truncation_epoch: before.truncation_epoch + 1,
            incarnation: *alloc.incarnation.get_or_insert_with(given),
            replaces,
        };
        let at = FileOffset(HEADER_AREA_LEN);
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let frame = frame
            .map(|frame| frame.parts(header.seed(), at, first_id, 0))
            .transpose()
            .map_err(io)?;
        let end = first_end(first_id, frame.as_ref());
        let slot = FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: header.first_kept_id,
            truncation_epoch: header.truncation_epoch,
            properties: properties.slot(),
        };
        Ok(Some(Plan {
            before,
            next_id,
            first_id,
            clip,
            header,
            frame,
            end,
            properties,
            slot,
            truncated: 0,
        }))
    }

    /// The frame that Q begins with, if it needs one, and the properties behind it: what the stream has,
    /// with the changes that are asked for.
    pub(super) fn first_frame_of_cut<'a>(
        &self,
        append: &Append<'a>,
    ) -> Result<(Option<PreparedFrame<'a>>, PropertyPoint)> {
        let point = self.tail.lock().written_properties().clone();
        let map = match append.properties {
            [] => point.to_carry().cloned(),
            changes => Some(self.changed_properties(&point, changes)?),
        };
        let compress_from = self.compress_from();
        let frame = match (map, append.entries) {
            (Some(map), entries) => {
                let at = FileOffset(HEADER_AREA_LEN);
                let held = PropertyPoint::held(map.clone(), at);
                let frame = PreparedFrame::with_properties(entries, map, compress_from);
                return match frame {
                    Ok(frame) => Ok((Some(frame), held)),
                    Err(error) => Err(self.unprepared(error)),
                };
            }
            (None, []) => None,
            (None, entries) => Some(
                PreparedFrame::many(entries, compress_from)
                    .map_err(|error| self.unprepared(error))?,
            ),
        };
        // None, or lost.
        Ok((frame, point))
    }

    /// Refuses to cut what a checkpoint counts on.
    pub(in crate::stream) fn check_cut_floor(
        &self,
        first_id: EntryId,
        is_reset: bool,
    ) -> Result<()> {
        let floor = self.cut_floor.load(Ordering::Acquire);
        if first_id.0 < floor || (is_reset && floor > 0) {
            let what = format!("a checkpoint counts on ids below {floor} of {:?}", self.key);
            return Err(Error::Config(what));
        }
        Ok(())
    }

    /// The frame that holds the id before the cut; the entry is read and checked.
    pub(in crate::stream) fn frame_before(
        &self,
        segments: &SegmentList,
        from: EntryId,
    ) -> Result<Clip> {
        let last = EntryId(from.0 - 1);
        let part = match segments.holder(last) {
            SegmentFor::Segment(part) => part,
            SegmentFor::Lost { .. } | SegmentFor::Truncated => {
                return Err(self.lost_error(last, from));
            }
        };
        if self.read(last, |_, _, _| Ok(()))?.is_none() {
            return Err(self.lost_error(last, from));
        }
        let (segment, file) = (&part.segment, self.open_reader(&part)?);
        let limit = segment.limit();
        let mut window = ReadBuffer::new();
        let located = locate(segment, &file, &mut window, last, READ_AHEAD, limit);
        let frame = located
            .map_err(|error| Error::io(error, segment.context()))?
            .map_err(|damage| crate::segment::damage_error(segment, &damage))?;
        let link = header_crc_of(&frame.header.encode(segment.seed, frame.offset));
        let unsealed = self.tail.lock().oldest_unsealed(usize::MAX);
        let mut unsealed = unsealed.into_iter();
        let written = unsealed.find(|one| Arc::ptr_eq(&one.part, &part));
        Ok(Clip {
            part,
            written,
            frame,
            link,
            sealed_as: None,
        })
    }
}

/// Where the frames of a segment end that holds at most this one.
fn first_end(first_id: EntryId, frame: Option<&FrameParts<'_>>) -> SegmentEnd {
    let empty = SegmentEnd::empty(first_id);
    let Some((header, prefix, _)) = frame else {
        return empty;
    };
    SegmentEnd {
        offset: empty.offset + header.len(),
        next_id: header.end_id(),
        last_frame: Some(empty.offset),
        last_frame_len: header.len() as u32,
        link: prefix.first_chunk().map_or(0, header_crc_of),
    }
}
