//! Up to where was the stream known to be durable?

use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SlotState;
use crate::ids::FileOffset;
use crate::recovery::facts::Frontier;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::SegmentFacts;
use crate::segment::SegmentEnd;

/// The greatest valid slot of all segments, or the start of the segment behind the last seal.
/// Last-frame details and `intact` are filled in later, as that takes reads.
pub fn frontier(segments: &[SegmentFacts]) -> Frontier {
    let slot = greatest_slot(segments);
    let sealed = behind_last_seal(segments);
    match slot {
        // A sealed segment's slots name its end, which is also the start of the next segment.
        Some((segment, slot)) if sealed.is_none_or(|next| segment >= next) => Frontier {
            segment,
            end: SegmentEnd::of_slot(slot),
            // A slot of a segment that has no frame yet promises none.
            intact: slot.last_frame.is_none() && slot.end == FIRST_FRAME,
            known: true,
            name_synced: true,
        },
        _ => {
            let segment = sealed.unwrap_or(0);
            let first_id = segments.get(segment).map(first_id).unwrap_or_default();
            let unreadable = segments
                .get(segment..)
                .unwrap_or_default()
                .iter()
                .any(|s| s.slots.contains(&SlotState::Damaged));
            Frontier {
                segment,
                end: SegmentEnd::empty(first_id),
                intact: true,
                known: !unreadable,
                // A footer is written only once the name of the next segment is durable.
                name_synced: sealed.is_some(),
            }
        }
    }
}

/// The record of the newest truncation: the first id that the stream keeps, and its epoch.
pub fn first_kept(segments: &[SegmentFacts]) -> (crate::ids::EntryId, u64) {
    let headers = segments.iter().filter_map(|s| match &s.head {
        HeaderState::Valid(header) => Some((header.truncation_epoch, header.first_kept_id)),
        _ => None,
    });
    let slots = segments
        .iter()
        .flat_map(valid_slots)
        .map(|s| (s.truncation_epoch, s.first_kept_id));
    let (epoch, first_kept) = headers.chain(slots).max().unwrap_or_default();
    (first_kept, epoch)
}

fn greatest_slot(segments: &[SegmentFacts]) -> Option<(usize, &FrontierSlot)> {
    let slots = segments.iter().enumerate();
    slots
        .flat_map(|(i, segment)| valid_slots(segment).map(move |slot| (i, slot)))
        .max_by_key(|(i, slot)| (slot.order(), *i))
}

fn valid_slots(segment: &SegmentFacts) -> impl Iterator<Item = &FrontierSlot> + '_ {
    segment.slots.iter().filter_map(SlotState::valid)
}

/// The segment behind the last sealed one that has a successor.
fn behind_last_seal(segments: &[SegmentFacts]) -> Option<usize> {
    let pairs = segments.windows(2).enumerate();
    pairs
        .filter(|(_, pair)| pair[0].trailer.is_some() && pair[1].head.header().is_some())
        .map(|(i, _)| i + 1)
        .next_back()
}

fn first_id(segment: &SegmentFacts) -> crate::ids::EntryId {
    segment
        .head
        .header()
        .map_or(segment.name_id, |header| header.first_id)
}

/// Where frames begin.
pub const FIRST_FRAME: FileOffset = FileOffset(HEADER_AREA_LEN);
