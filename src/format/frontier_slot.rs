//! Up to where was this segment file proven durable?
//!
//! Two slots, a sector each, stored in turn: the older one is overwritten, so a torn store never
//! takes both. The greater one by [`FrontierSlot::order`] is valid.
//!
//! ```text
//!   0       4      8             16        24           32              40          48    508
//!   ┌───────┬──────┬─────────────┬─────────┬────────────┬───────────────┬───────────┬─────┬─────┐
//!   │ magic │ zero │ end offset  │ next id │ last frame │ first kept id │ cut epoch │zeros│ CRC │
//!   └───────┴──────┴─────────────┴─────────┴────────────┴───────────────┴───────────┴─────┴─────┘
//! ```

use crate::format::fields::all_zeros;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u64_at;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::segment_header::HEADER_AREA_LEN;
use crate::format::segment_header::SECTOR_LEN;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

pub(super) const MAGIC_AT: usize = 0;
pub(super) const MAGIC_LEN: usize = 4;
const RESERVED_AT: usize = MAGIC_AT + MAGIC_LEN;
const END_AT: usize = RESERVED_AT + 4;
const NEXT_ID_AT: usize = END_AT + 8;
const LAST_FRAME_AT: usize = NEXT_ID_AT + 8;
const FIRST_KEPT_AT: usize = LAST_FRAME_AT + 8;
const CUT_EPOCH_AT: usize = FIRST_KEPT_AT + 8;
/// Where the fields end, and zeros begin.
pub(super) const FIELDS_LEN: usize = CUT_EPOCH_AT + 8;
pub(super) const CRC_AT: usize = SECTOR_LEN - 4;
const _: () = assert!(FIELDS_LEN <= CRC_AT);

/// How many slots a segment has.
pub const SLOT_COUNT: usize = 2;

/// One statement of a durable point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontierSlot {
    /// All frames below are durable. At least `HEADER_AREA_LEN`.
    pub end: FileOffset,
    /// The id after the last durable entry.
    pub next_id: EntryId,
    /// Where the last durable frame of this segment starts. `None`: it has none yet.
    pub last_frame: Option<FileOffset>,
    /// Ids below were truncated.
    pub first_kept_id: EntryId,
    /// Counts the changes of `first_kept_id`.
    pub truncation_epoch: u64,
}

/// The state of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Zeros, or past the end of the file: never stored.
    Never,
    /// A statement with a good checksum.
    Valid(FrontierSlot),
    /// Torn, rotten, or of another place.
    Damaged,
}

impl SlotState {
    /// The statement, if its checksum is good.
    pub fn valid(&self) -> Option<&FrontierSlot> {
        match self {
            SlotState::Valid(slot) => Some(slot),
            SlotState::Never | SlotState::Damaged => None,
        }
    }
}

/// Where slot 0 or 1 stands in the file.
pub fn slot_offset(slot: usize) -> FileOffset {
    debug_assert!(slot < SLOT_COUNT);
    FileOffset((SECTOR_LEN * (1 + slot)) as u64)
}

impl FrontierSlot {
    pub(super) const MAGIC: [u8; MAGIC_LEN] = *b"IWfr";

    /// The sector to store at `slot_offset(slot)`.
    pub fn encode(&self, seed: SegmentSeed, slot: usize) -> [u8; SECTOR_LEN] {
        let mut sector = [0; SECTOR_LEN];
        sector[MAGIC_AT..RESERVED_AT].copy_from_slice(&Self::MAGIC);
        put_u64(&mut sector, END_AT, self.end.0);
        put_u64(&mut sector, NEXT_ID_AT, self.next_id.0);
        put_u64(
            &mut sector,
            LAST_FRAME_AT,
            self.last_frame.map_or(0, |offset| offset.0),
        );
        put_u64(&mut sector, FIRST_KEPT_AT, self.first_kept_id.0);
        put_u64(&mut sector, CUT_EPOCH_AT, self.truncation_epoch);
        let crc = seed.checksum(slot_offset(slot), &sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        sector
    }

    /// Reads a slot off the bytes at `slot_offset(slot)`; fewer than 512 if the file ends there.
    pub fn decode(bytes: &[u8], seed: SegmentSeed, slot: usize) -> SlotState {
        let sector = &bytes[..bytes.len().min(SECTOR_LEN)];
        if all_zeros(sector) {
            return SlotState::Never;
        }
        match sector
            .first_chunk()
            .and_then(|sector| Self::from_sector(sector, seed, slot))
        {
            Some(frontier) => SlotState::Valid(frontier),
            None => SlotState::Damaged,
        }
    }

    /// The order of two valid slots: the greater one is the newer statement.
    pub fn order(&self) -> (u64, EntryId, FileOffset) {
        (self.truncation_epoch, self.next_id, self.end)
    }

    fn from_sector(
        sector: &[u8; SECTOR_LEN],
        seed: SegmentSeed,
        slot: usize,
    ) -> Option<FrontierSlot> {
        let last_frame = FileOffset(u64_at(sector, LAST_FRAME_AT));
        let frontier = FrontierSlot {
            end: FileOffset(u64_at(sector, END_AT)),
            next_id: EntryId(u64_at(sector, NEXT_ID_AT)),
            last_frame: (last_frame != FileOffset(0)).then_some(last_frame),
            first_kept_id: EntryId(u64_at(sector, FIRST_KEPT_AT)),
            truncation_epoch: u64_at(sector, CUT_EPOCH_AT),
        };
        // Encoding it again checks the CRC, the magic, and that all else is zero.
        let whole = frontier.encode(seed, slot) == *sector;
        (whole && frontier.is_possible()).then_some(frontier)
    }

    /// Readers subtract these offsets; a slot that would make them underflow is invalid.
    fn is_possible(&self) -> bool {
        let frames = self.end.0.checked_sub(HEADER_AREA_LEN);
        match (frames, self.last_frame) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(_), Some(last)) => {
                let len = self.end.0.checked_sub(last.0);
                last.0 >= HEADER_AREA_LEN && len.is_some_and(|len| len >= FRAME_HEADER_LEN as u64)
            }
        }
    }
}
