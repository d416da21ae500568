//! Up to where was the stream known to be durable?

use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SlotState;
use crate::ids::FileOffset;
use crate::recovery::facts::Frontier;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Rank;
use crate::recovery::facts::SegmentFacts;
use crate::segment::SegmentEnd;

/// Notes which segments are void, and which are cuts.
///
/// Only a cut makes the generation greater. So a segment of a lower generation than one in front of
/// it is void. A generation that is greater than all in front of it replaces what they hold from
/// its first id on, whether its header says so, or is damaged, or the segment that said so is lost.
pub fn rank(segments: &mut [SegmentFacts]) {
    let mut greatest: Option<u64> = None;
    for segment in segments {
        segment.rank = Rank::InLine;
        let Some(header) = segment.head.header() else {
            continue;
        };
        let generation = header.generation;
        let grows = greatest.is_some_and(|greatest| generation > greatest);
        segment.rank = match &segment.head {
            _ if greatest.is_some_and(|greatest| generation < greatest) => Rank::Void,
            HeaderState::Valid(header) if header.is_cut() => Rank::Cut,
            _ if grows => Rank::Cut,
            _ => Rank::InLine,
        };
        greatest = greatest.max(Some(generation));
    }
}

/// The greatest valid slot of all segments that are not void, or the start of the segment behind
/// the last seal, or that of the last cut. Last-frame details and `intact` are filled in later, as
/// that takes reads.
pub fn frontier(segments: &[SegmentFacts]) -> Frontier {
    let slot = greatest_slot(segments);
    let sealed = behind_last_seal(segments);
    // A cut gets its name only once its file is whole: whatever stood there before is replaced.
    let cut = segments.iter().rposition(SegmentFacts::is_cut);
    let start = sealed.max(cut);
    match slot {
        // A sealed segment's slots name its end, which is also the start of the next segment.
        Some((segment, slot)) if start.is_none_or(|next| segment >= next) => Frontier {
            segment,
            end: SegmentEnd::of_slot(slot),
            // A slot of a segment that has no frame yet promises none.
            intact: slot.last_frame.is_none() && slot.end == FIRST_FRAME,
            known: true,
            name_synced: true,
        },
        _ => {
            let segment = start.unwrap_or(0);
            let first_id = segments.get(segment).map(first_id).unwrap_or_default();
            let unreadable = segments
                .get(segment..)
                .unwrap_or_default()
                .iter()
                .any(|s| !s.is_void() && s.slots.contains(&SlotState::Damaged));
            Frontier {
                segment,
                end: SegmentEnd::empty(first_id),
                intact: true,
                known: !unreadable,
                // A footer is written only once the name of the next segment is durable. The name of
                // a cut is synced before anything relies on it.
                name_synced: start.is_some(),
            }
        }
    }
}

/// The record of the newest truncation: the first id that the stream keeps, and its epoch.
pub fn first_kept(segments: &[SegmentFacts]) -> (crate::ids::EntryId, u64) {
    let in_line = || segments.iter().filter(|segment| !segment.is_void());
    let headers = in_line().filter_map(|s| match &s.head {
        HeaderState::Valid(header) => Some((header.truncation_epoch, header.first_kept_id)),
        _ => None,
    });
    let slots = in_line()
        .flat_map(valid_slots)
        .map(|s| (s.truncation_epoch, s.first_kept_id));
    let (epoch, first_kept) = headers.chain(slots).max().unwrap_or_default();
    (first_kept, epoch)
}

/// The segment behind this one, passing over those that are void.
pub fn successor(segments: &[SegmentFacts], i: usize) -> Option<&SegmentFacts> {
    segments[i + 1..].iter().find(|segment| !segment.is_void())
}

fn greatest_slot(segments: &[SegmentFacts]) -> Option<(usize, &FrontierSlot)> {
    let in_line = segments.iter().enumerate().filter(|(_, s)| !s.is_void());
    in_line
        .flat_map(|(i, segment)| valid_slots(segment).map(move |slot| (i, slot)))
        .max_by_key(|(i, slot)| (generation(&segments[*i]), slot.order(), *i))
}

fn generation(segment: &SegmentFacts) -> u64 {
    segment.head.header().map_or(0, |header| header.generation)
}

fn valid_slots(segment: &SegmentFacts) -> impl Iterator<Item = &FrontierSlot> + '_ {
    segment.slots.iter().filter_map(SlotState::valid)
}

/// The segment behind the last sealed one that has a successor.
fn behind_last_seal(segments: &[SegmentFacts]) -> Option<usize> {
    let mut before: Option<&SegmentFacts> = None;
    let mut behind = None;
    for (i, segment) in segments.iter().enumerate() {
        if segment.is_void() {
            continue;
        }
        let is_behind_seal = before.is_some_and(|before| before.trailer.is_some());
        if is_behind_seal && segment.head.header().is_some() {
            behind = Some(i);
        }
        before = Some(segment);
    }
    behind
}

fn first_id(segment: &SegmentFacts) -> crate::ids::EntryId {
    segment
        .head
        .header()
        .map_or(segment.name_id, |header| header.first_id)
}

/// Where frames begin.
pub const FIRST_FRAME: FileOffset = FileOffset(HEADER_AREA_LEN);
