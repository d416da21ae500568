//! Where exactly do frames start that a walk has met?
//!
//! The sparse index leads to within a stride of a frame; from there a look-up walks from header to
//! header. What it passes on the way is noted here, so that the next look-up goes straight to its
//! frame. Only places that a walk from an anchor came to are noted: a guess, however good what
//! stands there looks, could be led to a forgery inside a payload. The bytes below a published end
//! never change, so a position once true stays true. The bytes read there are checked all the same.
//!
//! Ids are noted in blocks. A block of frames of one length takes nothing but its start.

use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::LocatedFrame;

/// How many ids make a block.
const BLOCK_IDS: usize = 64;

/// Of a frame of many, only ids this near the one looked for are noted.
const BATCH_NEIGHBOURS: u64 = 1024;

/// No walk has met it.
const UNKNOWN: u32 = u32::MAX;

/// The places of frames of one segment, as far as they are known.
#[derive(Debug, Default)]
pub struct OffsetCache {
    first_id: EntryId,
    blocks: Vec<Chunk>,
    listed_count: usize,
}

/// Where the frames are that hold a run of [`BLOCK_IDS`] ids. Offsets past 4 GiB are not noted.
#[derive(Debug)]
enum Chunk {
    Unknown,
    /// One frame for each id, all of one length.
    Uniform {
        first: u32,
        step: u32,
    },
    /// Anything else.
    Table(Box<List>),
}

#[derive(Debug)]
struct List {
    /// For each id the start of the frame that holds it, and the end of the last one.
    starts: [u32; BLOCK_IDS + 1],
    /// How many of them are unknown.
    unknown: usize,
}

/// Where a frame starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLocation {
    /// Its first byte.
    pub offset: FileOffset,
    /// Its length, where it holds one entry and the frame behind it is known too; otherwise 0.
    pub len: usize,
}

impl OffsetCache {
    /// Nothing is known yet about the segment that starts at this id.
    pub fn new(first_id: EntryId) -> Self {
        OffsetCache {
            first_id,
            ..Default::default()
        }
    }

    /// What this takes in memory.
    pub fn size_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Chunk>() + self.listed_count * size_of::<List>()
    }

    /// The frame that holds `id`, if it is known.
    #[inline]
    pub fn of(&self, id: EntryId) -> Option<FrameLocation> {
        let (block, place) = self.block_of(id)?;
        let (offset, len) = match self.blocks.get(block)? {
            Chunk::Unknown => return None,
            Chunk::Uniform { first, step } => (first + place as u32 * step, *step),
            Chunk::Table(list) => {
                let starts = &list.starts;
                let (start, next) = (starts[place], starts[place + 1]);
                if start == UNKNOWN {
                    return None;
                }
                // Of a frame of many the next id, or the one before, starts where this one does.
                let before = match place.checked_sub(1) {
                    Some(before) => starts[before],
                    None => self.last_start_before(block),
                };
                let alone = ![start, UNKNOWN].contains(&before) && next != UNKNOWN;
                (start, if alone { next - start } else { 0 })
            }
        };
        Some(FrameLocation {
            offset: FileOffset(u64::from(offset)),
            len: len as usize,
        })
    }

    /// Where the frame starts that holds the id in front of a block; 0 in front of all.
    fn last_start_before(&self, block: usize) -> u32 {
        let before = block.checked_sub(1).map(|before| &self.blocks[before]);
        match before {
            None => 0,
            Some(Chunk::Unknown) => UNKNOWN,
            // Each of its frames holds one id: whichever is as good for comparing.
            Some(Chunk::Uniform { first, .. }) => *first,
            Some(Chunk::Table(list)) => list.starts[BLOCK_IDS - 1],
        }
    }

    /// Notes a frame that a walk from an anchor came to, looking for `wanted`.
    pub fn note(&mut self, frame: &LocatedFrame, wanted: EntryId) {
        let (Ok(start), Ok(end)) = (u32::try_from(frame.offset.0), u32::try_from(frame.end().0))
        else {
            return;
        };
        let ids = frame.header.ids();
        let near =
            wanted.0.saturating_sub(BATCH_NEIGHBOURS)..wanted.0.saturating_add(BATCH_NEIGHBOURS);
        for id in ids.start.max(near.start)..ids.end.min(near.end) {
            let is_last = id + 1 == ids.end;
            self.note_id(EntryId(id), start, is_last.then_some(end));
        }
    }

    fn note_id(&mut self, id: EntryId, start: u32, end: Option<u32>) {
        let Some((block, place)) = self.block_of(id) else {
            return;
        };
        if block >= self.blocks.len() {
            self.blocks.resize_with(block + 1, || Chunk::Unknown);
        }
        let block = &mut self.blocks[block];
        if matches!(block, Chunk::Unknown) {
            *block = Chunk::Table(Box::new(List {
                starts: [UNKNOWN; BLOCK_IDS + 1],
                unknown: BLOCK_IDS + 1,
            }));
            self.listed_count += 1;
        }
        let Chunk::Table(list) = block else {
            return;
        };
        list.set(place, start);
        if let (true, Some(end)) = (place + 1 == BLOCK_IDS, end) {
            list.set(BLOCK_IDS, end);
        }
        if let Some((first, step)) = list.even() {
            *block = Chunk::Uniform { first, step };
            self.listed_count -= 1;
        }
    }

    #[inline]
    fn block_of(&self, id: EntryId) -> Option<(usize, usize)> {
        let nth = usize::try_from(id.0.checked_sub(self.first_id.0)?).ok()?;
        Some((nth / BLOCK_IDS, nth % BLOCK_IDS))
    }
}

impl List {
    fn set(&mut self, place: usize, offset: u32) {
        if std::mem::replace(&mut self.starts[place], offset) == UNKNOWN {
            self.unknown -= 1;
        }
    }

    /// The start and the step of a list that is complete and rises evenly.
    fn even(&self) -> Option<(u32, u32)> {
        if self.unknown > 0 {
            return None;
        }
        let step = (self.starts[BLOCK_IDS] - self.starts[0]) / BLOCK_IDS as u32;
        let mut steps = self.starts.windows(2).map(|pair| pair[1] - pair[0]);
        (step > 0 && steps.all(|this| this == step)).then_some((self.starts[0], step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Codec;
    use crate::format::FRAME_HEADER_LEN;
    use crate::format::FrameHeader;
    use crate::format::FrameKind;

    fn frame(offset: u64, first_id: u64, count: u32, len: u64) -> LocatedFrame {
        let payload_len = (len - FRAME_HEADER_LEN as u64) as u32;
        let header = FrameHeader {
            payload_crc: 0,
            first_id: EntryId(first_id),
            entry_count: count,
            stored_len: payload_len,
            uncompressed_len: payload_len,
            previous_len: 0,
            kind: if count == 1 {
                FrameKind::Single
            } else {
                FrameKind::Many
            },
            codec: Codec::None,
        };
        LocatedFrame {
            offset: FileOffset(offset),
            header,
        }
    }

    fn place(offset: u64, len: usize) -> Option<FrameLocation> {
        let offset = FileOffset(offset);
        Some(FrameLocation { offset, len })
    }

    #[test]
    fn frames_of_one_length_take_no_list_in_whatever_order_they_are_noted() {
        let mut places = OffsetCache::new(EntryId(1000));
        let frames: Vec<LocatedFrame> = (0..300)
            .map(|i| frame(1536 + i * 292, 1000 + i, 1, 292))
            .collect();
        for range in [200..300, 100..200, 0..100] {
            for frame in &frames[range] {
                places.note(frame, frame.header.first_id);
            }
        }
        for (i, frame) in frames.iter().enumerate() {
            let len = if i < 299 { 292 } else { 0 };
            assert_eq!(places.of(frame.header.first_id), place(frame.offset.0, len));
        }
        assert_eq!(places.of(EntryId(999)), None);
        assert_eq!(places.of(EntryId(1300)), None);
        assert_eq!(places.listed_count, 1, "only the last block is incomplete");
        let unread = OffsetCache::new(EntryId(0));
        assert_eq!((unread.of(EntryId(0)), unread.size_bytes()), (None, 0));
    }

    #[test]
    fn frames_of_any_length_and_of_many_entries_are_found_where_they_start() {
        let mut places = OffsetCache::new(EntryId(0));
        let (mut offset, mut id, mut frames) = (1536, 0, Vec::new());
        for i in 0..200u64 {
            let count = if i % 7 == 3 { 1 + i as u32 % 90 } else { 1 };
            let frame = frame(offset, id, count, 36 + 8 * u64::from(count) + i % 100);
            (offset, id) = (frame.end().0, frame.header.end_id().0);
            frames.push(frame);
        }
        for frame in frames.iter().rev() {
            places.note(frame, frame.header.first_id);
        }
        for frame in &frames {
            for id in frame.header.ids() {
                let found = places.of(EntryId(id)).expect("was noted");
                assert_eq!(found.offset, frame.offset, "entry {id}");
                let exact = frame.header.entry_count == 1 && found.len as u64 == frame.header.len();
                assert!(found.len == 0 || exact, "entry {id}: {found:?}");
            }
        }
    }

    #[test]
    fn of_a_frame_of_a_million_entries_few_are_noted_and_offsets_past_4_gib_are_not() {
        let mut places = OffsetCache::new(EntryId(0));
        places.note(&frame(1536, 0, 1_000_000, 100_000_000), EntryId(500_000));
        assert_eq!(places.of(EntryId(500_500)), place(1536, 0));
        assert_eq!(places.of(EntryId(0)), None);
        assert_eq!(places.of(EntryId(999_999)), None);
        places.note(&frame(1 << 32, 1_000_000, 1, 100), EntryId(1_000_000));
        assert_eq!(places.of(EntryId(1_000_000)), None);
    }
}
