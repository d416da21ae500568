//! How is a stream on disk described in one line of a test?
//!
//! All frames here hold one entry and are 100 bytes long: the frame of the n-th entry of a segment
//! stands at `1536 + 100 * n`.

use std::path::PathBuf;

use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::ClipState;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::FoundProperties;
use crate::recovery::facts::Frontier;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Rank;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::frontier;
use crate::recovery::frontier::rank;
use crate::segment::SegmentEnd;
use crate::segment::newer_slot;

pub const KEY: &str = "s";
const FRAME_LEN: u64 = 100;
const FOOTER_LEN: u64 = 76;

/// The link of a segment whose last entry is `end_id - 1`.
pub fn link(end_id: u64) -> u32 {
    (end_id * 7 + 1) as u32
}

/// Where the frames of a segment end that holds the ids `first..end_id`.
pub fn end(first: u64, end_id: u64) -> SegmentEnd {
    let count = end_id - first;
    if count == 0 {
        return SegmentEnd::empty(EntryId(first));
    }
    let offset = HEADER_AREA_LEN + FRAME_LEN * count;
    SegmentEnd {
        offset: FileOffset(offset),
        next_id: EntryId(end_id),
        last_frame: Some(FileOffset(offset - FRAME_LEN)),
        last_frame_len: FRAME_LEN as u32,
        link: link(end_id),
    }
}

pub fn header(first: u64) -> SegmentHeader {
    SegmentHeader {
        key: KEY.into(),
        first_id: EntryId(first),
        generation: 0,
        predecessor: (first > 0).then(|| Predecessor {
            end_id: EntryId(first),
            link: link(first),
        }),
        lost_from: EntryId(first),
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
        incarnation: 0,
        replaces: Replaces::Nothing,
    }
}

pub fn slot(first: u64, end_id: u64) -> SlotState {
    SlotState::Valid(FrontierSlot {
        end: end(first, end_id).offset,
        next_id: EntryId(end_id),
        last_frame: end(first, end_id).last_frame,
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
        properties: SlotProperties::None,
    })
}

/// A segment file with good frames for `first..end_id`, no slot, no footer, nothing behind.
pub fn open_segment(first: u64, end_id: u64) -> SegmentFacts {
    SegmentFacts {
        name_id: EntryId(first),
        file_len: end(first, end_id).offset.0,
        head: HeaderState::Valid(header(first)),
        slots: [SlotState::Never, SlotState::Never],
        trailer: None,
        tail: Some(Scan {
            from: (FileOffset(HEADER_AREA_LEN), EntryId(first)),
            end: end(first, end_id),
            stop: ScanStop::EndOfData,
        }),
        ending: None,
        rank: Rank::InLine,
        clip: None,
        properties: None,
    }
}

/// A sealed segment.
pub fn sealed(first: u64, end_id: u64) -> SegmentFacts {
    let end = end(first, end_id);
    let mut segment = open_segment(first, end_id);
    segment.file_len += FOOTER_LEN;
    segment.slots = [slot(first, end_id), slot(first, end_id)];
    segment.trailer = Some(Trailer {
        footer_offset: end.offset,
        end_id: end.next_id,
        last_frame: end.last_frame.unwrap_or_default(),
        link: end.link,
        point_count: 0,
    });
    segment.tail = segment.tail.map(|tail| Scan {
        stop: ScanStop::Footer,
        ..tail
    });
    segment
}

/// A segment that took the place of all others once they were truncated.
pub fn emptied(first: u64) -> SegmentFacts {
    let mut segment = open_segment(first, first);
    segment.slots[0] = SlotState::Valid(FrontierSlot {
        end: FileOffset(HEADER_AREA_LEN),
        next_id: EntryId(first),
        last_frame: None,
        first_kept_id: EntryId(first),
        truncation_epoch: 1,
        properties: SlotProperties::None,
    });
    segment
}

/// The segment that replaced all ids from `first` on, and holds the ids `first..end_id` since. The
/// one before it begins at `before`. One of its slots was never stored.
pub fn cut(before: u64, first: u64, end_id: u64, generation: u64) -> SegmentFacts {
    let clip_end = end(before, first).offset;
    let mut segment = open_segment(first, end_id).with_header(|header| {
        header.generation = generation;
        header.truncation_epoch = generation;
        header.replaces = Replaces::Suffix {
            clip_frame: FileOffset(clip_end.0 - FRAME_LEN),
        };
    });
    segment.clip = Some(ClipState::Good { end: clip_end });
    segment.slots = [of_epoch(slot(first, end_id), generation), SlotState::Never];
    segment.tail = segment.tail.map(|tail| Scan {
        from: (tail.end.offset, tail.end.next_id),
        ..tail
    });
    segment
}

/// The segment that replaced all ids there were, and holds the ids `first..end_id` since.
pub fn reset(first: u64, end_id: u64, generation: u64) -> SegmentFacts {
    let mut segment = cut(first.saturating_sub(1), first, end_id, generation);
    segment.head = match segment.head {
        HeaderState::Valid(header) => HeaderState::Valid(SegmentHeader {
            predecessor: None,
            first_kept_id: EntryId(first),
            replaces: Replaces::All,
            ..header
        }),
        head => head,
    };
    if let SlotState::Valid(slot) = &mut segment.slots[0] {
        slot.first_kept_id = EntryId(first);
    }
    segment.clip = None;
    segment
}

/// A slot as it is stored once the first kept id changed so often, or a cut was made.
fn of_epoch(slot: SlotState, epoch: u64) -> SlotState {
    match slot {
        SlotState::Valid(slot) => SlotState::Valid(FrontierSlot {
            truncation_epoch: epoch,
            ..slot
        }),
        other => other,
    }
}

/// A segment that held `first..end_id` when a cut at `cut_at` sealed it.
pub fn sealed_at_cut(first: u64, end_id: u64, cut_at: u64) -> SegmentFacts {
    let (written, stated) = (end(first, end_id), end(first, cut_at));
    let mut segment = sealed(first, end_id);
    segment.trailer = segment.trailer.map(|trailer| Trailer {
        end_id: stated.next_id,
        last_frame: stated.last_frame.unwrap_or_default(),
        link: stated.link,
        ..trailer
    });
    let slot = SlotState::Valid(FrontierSlot {
        end: written.offset,
        next_id: stated.next_id,
        last_frame: stated.last_frame,
        first_kept_id: EntryId(0),
        truncation_epoch: 1,
        properties: SlotProperties::None,
    });
    segment.slots = [slot.clone(), slot];
    segment
}

/// A file that is empty, too short for a header, or all zeros.
pub fn unborn(name_id: u64) -> SegmentFacts {
    SegmentFacts {
        head: HeaderState::NeverWritten,
        file_len: 0,
        tail: None,
        ..open_segment(name_id, name_id)
    }
}

pub fn foreign(name_id: u64, foreign: Foreign) -> SegmentFacts {
    SegmentFacts {
        head: HeaderState::Foreign(foreign),
        tail: None,
        ..open_segment(name_id, name_id)
    }
}

impl SegmentFacts {
    /// With a frontier slot that says all up to `end_id` is durable.
    pub fn durable_to(mut self, end_id: u64) -> Self {
        let first = self.name_id.0;
        self.slots = [slot(first, end_id), SlotState::Never];
        if let Some(tail) = &mut self.tail {
            let end = end(first, end_id);
            tail.from = (end.offset, end.next_id);
        }
        self
    }

    /// With `bytes` more behind the good frames.
    pub fn then(mut self, bytes: u64, stop: ScanStop) -> Self {
        self.file_len += bytes;
        if let Some(tail) = &mut self.tail {
            tail.stop = stop;
        }
        self
    }

    pub fn without_footer(mut self) -> Self {
        self.trailer = None;
        self.file_len -= FOOTER_LEN;
        self.slots = [SlotState::Never, SlotState::Never];
        if let Some(tail) = &mut self.tail {
            tail.stop = ScanStop::EndOfData;
        }
        self
    }

    pub fn with_slots(mut self, slots: [SlotState; 2]) -> Self {
        self.slots = slots;
        self
    }

    pub fn with_header(mut self, change: impl FnOnce(&mut SegmentHeader)) -> Self {
        let mut header = header(self.name_id.0);
        change(&mut header);
        self.head = HeaderState::Valid(header);
        self
    }

    /// With both slots stored, as the first round after a cut leaves them.
    pub fn settled(mut self) -> Self {
        self.slots[1] = self.slots[0].clone();
        self
    }

    /// With another frame, or none, where it was cut.
    pub fn with_another_clip(mut self) -> Self {
        self.clip = Some(ClipState::Bad);
        self
    }

    /// A damaged header sector; the frames prove whose file it is.
    pub fn rotten(mut self) -> Self {
        let mut header = header(self.name_id.0);
        header.generation = self.head.header().map_or(0, |before| before.generation);
        self.clip = None;
        header.predecessor = None;
        self.head = HeaderState::Reconstructed(header);
        self
    }
}

/// What the slot that is the frontier says of the properties, if it repeats them.
fn stated_at(frontier: &Frontier, segments: &[SegmentFacts]) -> FrontierProperties {
    let slots = segments.get(frontier.segment).map(|segment| &segment.slots);
    let slot = slots.and_then(newer_slot);
    let slot = slot.filter(|slot| slot.end == frontier.end.offset);
    match slot.map(|slot| slot.properties.clone()) {
        None => FrontierProperties::Unstated,
        Some(SlotProperties::None) => FrontierProperties::None,
        Some(SlotProperties::Lost) => FrontierProperties::Lost,
        Some(SlotProperties::Held { frame, copy }) => {
            FrontierProperties::Held(FoundProperties { map: copy, frame })
        }
    }
}

/// A stream as `survey` describes it: the frontier is found, and what lies before it is not scanned.
pub fn stream(mut segments: Vec<SegmentFacts>) -> StreamFacts {
    rank(&mut segments);
    let mut frontier = frontier(&segments);
    for below in &mut segments[..frontier.segment] {
        below.tail = None;
    }
    if frontier.end.last_frame.is_some() {
        frontier.intact = true;
        frontier.end.last_frame_len = FRAME_LEN as u32;
        frontier.end.link = link(frontier.end.next_id.0);
    }
    StreamFacts {
        key: Some(KEY.into()),
        dir: PathBuf::from("/log/s").into(),
        temporary: false,
        index_file: false,
        claim: None,
        properties: stated_at(&frontier, &segments),
        frontier,
        segments,
    }
}

/// The same, but the last frame before the frontier is not in place; the frames are good up to
/// `good_to`.
pub fn stream_broken_at(segments: Vec<SegmentFacts>, good_to: u64) -> StreamFacts {
    let mut facts = stream(segments);
    facts.frontier.intact = false;
    let i = facts.frontier.segment;
    let segment = &mut facts.segments[i];
    let first = segment.name_id.0;
    segment.tail = Some(Scan {
        from: (FileOffset(HEADER_AREA_LEN), EntryId(first)),
        end: end(first, good_to),
        stop: ScanStop::BadFrame {
            later_frame_seen: false,
        },
    });
    facts
}
