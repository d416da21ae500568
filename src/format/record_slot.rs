//! Up to where was a record log proven durable, and which record was appended last?
//!
//! A slot holds a frontier, as in segments (`frontier_slot`), or a frontier that embeds the last
//! frame below it:
//!
//! ```text
//!   0       4                   48                            508
//!   ┌───────┬───────────────────┬──────────────────────┬───────┬─────┐
//!   │ magic │ as in a frontier  │ the last frame       │ zeros │ CRC │
//!   └───────┴───────────────────┴──────────────────────┴───────┴─────┘
//! ```
//!
//! The second form states: everything before the last frame is durable, and this frame follows. The
//! frame need not be whole at its own offset, because open writes it there. So frame and slot reach
//! the disk with one sync, in any order, and each of them proves the record alone.

use crate::format::fields::all_zeros;
use crate::format::fields::put_u32;
use crate::format::frontier_slot::CRC_AT;
use crate::format::frontier_slot::FIELDS_LEN;
use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::MAGIC_AT;
use crate::format::frontier_slot::MAGIC_LEN;
use crate::format::frontier_slot::SlotProperties;
use crate::format::frontier_slot::SlotState;
use crate::format::frontier_slot::slot_offset;
use crate::format::segment_header::SECTOR_LEN;
use crate::format::segment_header::SegmentSeed;

const MAGIC: [u8; MAGIC_LEN] = *b"IWfc";
const FRAME_AT: usize = FIELDS_LEN;
/// The longest frame that a slot can embed.
const MAX_EMBEDDED: usize = CRC_AT - FRAME_AT;

/// The content of a record log's slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSlot {
    /// The frontier; it lies behind the embedded frame.
    pub state: SlotState,
    /// The last frame, if the slot embeds it. It is as long as the frontier says; its content is
    /// not checked.
    pub embedded: Option<Vec<u8>>,
}

/// The sector to write at `slot_offset(slot)`. It embeds `frame`, the last one below the frontier.
/// `None`: the frame is too long.
pub fn encode_embedding(
    frontier: &FrontierSlot,
    frame: &[u8],
    seed: SegmentSeed,
    slot: usize,
) -> Option<[u8; SECTOR_LEN]> {
    debug_assert_eq!(last_frame_len(frontier), Some(frame.len()));
    if frame.len() > MAX_EMBEDDED {
        return None;
    }
    let mut sector = frontier.encode(seed, slot);
    sector[FRAME_AT..FRAME_AT + frame.len()].copy_from_slice(frame);
    sector[MAGIC_AT..MAGIC_AT + MAGIC_LEN].copy_from_slice(&MAGIC);
    seal(&mut sector, seed, slot);
    Some(sector)
}

impl RecordSlot {
    /// Decodes the bytes at `slot_offset(slot)`; fewer than 512 if the file ends there.
    pub fn decode(bytes: &[u8], seed: SegmentSeed, slot: usize) -> Self {
        let embedding = bytes.first_chunk().filter(|sector| has_magic(sector));
        match embedding {
            None => RecordSlot {
                state: match FrontierSlot::decode(bytes, seed, slot) {
                    // Only the slots of segments say that.
                    SlotState::Valid(slot) if slot.properties != SlotProperties::None => {
                        SlotState::Damaged
                    }
                    state => state,
                },
                embedded: None,
            },
            Some(sector) => match decode_embedding(sector, seed, slot) {
                Some((frontier, frame)) => RecordSlot {
                    state: SlotState::Valid(frontier),
                    embedded: Some(frame.to_vec()),
                },
                None => RecordSlot {
                    state: SlotState::Damaged,
                    embedded: None,
                },
            },
        }
    }
}

fn has_magic(sector: &[u8; SECTOR_LEN]) -> bool {
    sector[MAGIC_AT..].starts_with(&MAGIC)
}

fn decode_embedding(
    sector: &[u8; SECTOR_LEN],
    seed: SegmentSeed,
    slot: usize,
) -> Option<(FrontierSlot, &[u8])> {
    let mut sealed = *sector;
    seal(&mut sealed, seed, slot);
    if sealed != *sector {
        return None;
    }
    // Without the frame the sector is a frontier slot, and is checked as one.
    let mut plain = [0; SECTOR_LEN];
    plain[..FRAME_AT].copy_from_slice(&sector[..FRAME_AT]);
    plain[MAGIC_AT..MAGIC_AT + MAGIC_LEN].copy_from_slice(&FrontierSlot::MAGIC);
    seal(&mut plain, seed, slot);
    let SlotState::Valid(frontier) = FrontierSlot::decode(&plain, seed, slot) else {
        return None;
    };
    let (frame, rest) = sector[FRAME_AT..CRC_AT].split_at_checked(last_frame_len(&frontier)?)?;
    all_zeros(rest).then_some((frontier, frame))
}

/// The length of the last frame below a frontier.
fn last_frame_len(frontier: &FrontierSlot) -> Option<usize> {
    let last = frontier.last_frame?;
    usize::try_from(frontier.end.0.checked_sub(last.0)?).ok()
}

fn seal(sector: &mut [u8; SECTOR_LEN], seed: SegmentSeed, slot: usize) {
    let crc = seed.checksum(slot_offset(slot), &sector[..CRC_AT]);
    put_u32(sector, CRC_AT, crc);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::HEADER_AREA_LEN;
    use crate::format::tests::for_each_flip;
    use crate::ids::EntryId;
    use crate::ids::FileOffset;

    fn log_seed() -> SegmentSeed {
        SegmentSeed::new("a.log", EntryId(0), 2)
    }

    fn frontier(len: usize) -> FrontierSlot {
        FrontierSlot {
            end: FileOffset(HEADER_AREA_LEN + len as u64),
            next_id: EntryId(2),
            last_frame: Some(FileOffset(HEADER_AREA_LEN)),
            first_kept_id: EntryId(0),
            truncation_epoch: 0,
            properties: SlotProperties::None,
        }
    }

    #[test]
    fn a_frame_up_to_the_longest_comes_back_and_a_longer_one_is_refused() {
        let seed = log_seed();
        for len in [36, 205, MAX_EMBEDDED, MAX_EMBEDDED + 1] {
            let frame = vec![0xa5; len];
            let sector = encode_embedding(&frontier(len), &frame, seed, 1);
            assert_eq!(sector.is_some(), len <= MAX_EMBEDDED, "{len}");
            let Some(sector) = sector else { continue };
            let found = RecordSlot::decode(&sector, seed, 1);
            assert_eq!(found.state, SlotState::Valid(frontier(len)));
            assert_eq!(found.embedded, Some(frame));
            // To a segment it is no frontier, and in the other slot it is none.
            let state = FrontierSlot::decode(&sector, seed, 1);
            assert_eq!(state, SlotState::Damaged);
            let elsewhere = RecordSlot::decode(&sector, seed, 0);
            assert_eq!(elsewhere.state, SlotState::Damaged);
        }
    }

    #[test]
    fn a_frontier_is_read_as_ever() {
        let seed = log_seed();
        let sector = frontier(92).encode(seed, 0);
        let found = RecordSlot::decode(&sector, seed, 0);
        assert_eq!(found.state, SlotState::Valid(frontier(92)));
        assert_eq!(found.embedded, None);
        let never = RecordSlot::decode(&[0; SECTOR_LEN], seed, 0);
        assert_eq!(never.state, SlotState::Never);
    }

    #[test]
    fn a_flipped_bit_or_a_missing_byte_makes_it_damaged() {
        let seed = log_seed();
        let frame = [0xa5; 92];
        let sector = encode_embedding(&frontier(92), &frame, seed, 0).expect("fits");
        let state = |bytes: &[u8]| RecordSlot::decode(bytes, seed, 0).state;
        for_each_flip(&sector, |bit, flipped| {
            assert_eq!(state(flipped), SlotState::Damaged, "bit {bit}");
        });
        for len in 1..SECTOR_LEN {
            assert_eq!(state(&sector[..len]), SlotState::Damaged, "length {len}");
        }
    }
}
