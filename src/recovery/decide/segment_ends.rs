//! Where do the frames of a segment begin and end according to slots, footers and headers?

use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::ClipState;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::SegmentFacts;
use crate::segment::SegmentEnd;
use crate::segment::newer_slot;

/// The end that a good footer records.
pub fn end_with_footer(trailer: &Trailer) -> SegmentEnd {
    SegmentEnd {
        offset: trailer.footer_offset,
        next_id: trailer.end_id,
        last_frame: Some(trailer.last_frame),
        last_frame_len: (trailer.footer_offset - trailer.last_frame) as u32,
        link: trailer.link,
    }
}

/// The best estimate of the end of a sealed segment whose footer cannot be read.
pub fn end_without_footer(
    segment: &SegmentFacts,
    header: &SegmentHeader,
    next: Option<&SegmentHeader>,
) -> SegmentEnd {
    let slot = newer_slot(&segment.slots);
    let recorded = next.map(|next| match next.predecessor {
        Some(predecessor) => (predecessor.end_id, predecessor.link),
        None => (next.first_id, 0),
    });
    let (next_id, link) = recorded
        .or(slot.map(|slot| (slot.next_id, 0)))
        .unwrap_or((header.first_id, 0));
    match slot.filter(|slot| slot.next_id == next_id) {
        Some(slot) => SegmentEnd {
            offset: FileOffset(slot.end.0.min(segment.file_len)),
            next_id,
            last_frame: slot.last_frame,
            last_frame_len: 0,
            link,
        },
        None => SegmentEnd {
            offset: FileOffset(segment.file_len),
            next_id,
            last_frame: None,
            last_frame_len: 0,
            link,
        },
    }
}

/// Where a segment ends of which a suffix was cut, and whether its footer says the same. `next`
/// holds the ids from the cut on.
pub fn end_at_cut(segment: &SegmentFacts, next: &SegmentFacts) -> (SegmentEnd, bool) {
    let recorded = match &next.head {
        HeaderState::Valid(header) => header.predecessor.map(|stated| (header.replaces, stated)),
        _ => None,
    };
    let Some((Replaces::Suffix { clip_frame }, stated)) = recorded else {
        // The header that says so is damaged, or its segment lost. A cut of an active segment has left
        // a footer that says it too.
        let footer = segment.trailer.as_ref();
        return match footer.filter(|footer| footer.end_id <= next.name_id) {
            Some(footer) => (end_with_footer(footer), true),
            None => (read_to(segment, next.name_id, None, 0), false),
        };
    };
    let Some(ClipState::Good { end: offset }) = next.clip else {
        return (read_to(segment, next.name_id, None, stated.link), false);
    };
    let agrees = |footer: &&Trailer| {
        footer.end_id == stated.end_id
            && footer.link == stated.link
            && footer.last_frame == clip_frame
    };
    if let Some(footer) = segment.trailer.as_ref().filter(agrees) {
        return (end_with_footer(footer), true);
    }
    let mut end = read_to(segment, next.name_id, Some(clip_frame), stated.link);
    (end.offset, end.last_frame_len) = (offset, (offset - clip_frame) as u32);
    (end, false)
}

/// The end of a segment whose frames are read up to an id, wherever that lies in the file.
fn read_to(
    segment: &SegmentFacts,
    next_id: EntryId,
    last_frame: Option<FileOffset>,
    link: u32,
) -> SegmentEnd {
    SegmentEnd {
        offset: FileOffset(segment.file_len),
        next_id,
        last_frame,
        last_frame_len: 0,
        link,
    }
}

/// Where the frames of a segment start.
pub fn start_of(header: &SegmentHeader) -> (FileOffset, EntryId) {
    (SegmentEnd::empty(header.first_id).offset, header.first_id)
}

/// Whether a segment directly follows frames that end like this.
pub fn follows(header: &SegmentHeader, end: &SegmentEnd) -> bool {
    match header.predecessor {
        // Its own ids must not begin before that end, whatever it records: no id is given twice.
        Some(before) => {
            before.end_id == end.next_id
                && before.link == end.link
                && header.first_id >= end.next_id
        }
        // A reconstructed header has no predecessor.
        None => header.first_id == end.next_id,
    }
}

/// Whether a segment was created to go on behind a loss that includes `id`.
pub fn records_loss_of(header: &SegmentHeader, id: EntryId) -> bool {
    header.lost_from <= id && id < header.first_id
}
