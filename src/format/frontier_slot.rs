//! Up to where was this segment file proven durable?
//!
//! Two slots, a sector each, stored in turn: the older one is overwritten, so a torn store never
//! takes both. The greater one by [`FrontierSlot::order`] is valid.
//!
//! ```text
//!   0       4      8             16        24           32              40          48
//!   ┌───────┬──────┬─────────────┬─────────┬────────────┬───────────────┬───────────┐
//!   │ magic │ zero │ end offset  │ next id │ last frame │ first kept id │ cut epoch │
//!   └───────┴──────┴─────────────┴─────────┴────────────┴───────────────┴───────────┘
//!   48           56            58     60                        508
//!   ┌────────────┬─────────────┬──────┬───────────────────┬─────┬─────┐
//!   │ property   │ length of   │ zero │ a copy of the map │zeros│ CRC │
//!   │ frame      │ the copy    │      │                   │     │     │
//!   └────────────┴─────────────┴──────┴───────────────────┴─────┴─────┘
//! ```
//!
//! The slot also says which properties the stream has at the end: none, those of a frame below the
//! end, or that they were lost. A map of at most 448 bytes is repeated here, so that opening the
//! stream reads no frame for it, and it survives damage to that frame.

use crate::format::fields::all_zeros;
use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u64_at;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::properties::Properties;
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
/// Where the fields end that the slots of all files have.
pub(super) const FIELDS_LEN: usize = CUT_EPOCH_AT + 8;
const PROPERTY_FRAME_AT: usize = FIELDS_LEN;
const COPY_LEN_AT: usize = PROPERTY_FRAME_AT + 8;
const COPY_AT: usize = COPY_LEN_AT + 2 + 2;
pub(super) const CRC_AT: usize = SECTOR_LEN - 4;
/// The longest map that a slot repeats.
pub const MAX_COPY_LEN: usize = CRC_AT - COPY_AT;
const _: () = assert!(MAX_COPY_LEN == 448);

/// In place of the offset of a property frame: the stream has no properties.
const NO_PROPERTIES: u64 = 0;
/// In place of the offset of a property frame: the properties were lost to damage. No frame starts
/// there.
const PROPERTIES_LOST: u64 = 1;

/// How many slots a segment has.
pub const SLOT_COUNT: usize = 2;

/// Which properties a stream has at the end that a slot names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SlotProperties {
    /// None.
    #[default]
    None,
    /// They were lost to damage, and not replaced since.
    Lost,
    /// Those of a frame.
    Held {
        /// Where the newest frame with properties below the end starts.
        frame: FileOffset,
        /// Its map, if that is short enough for the slot.
        copy: Option<Properties>,
    },
}

impl SlotProperties {
    /// What a slot says that ends at `end`, in front of the end of this one: where the newest frame lies
    /// behind that, no older map counts in its place.
    pub fn below(self, end: FileOffset) -> Self {
        match self {
            SlotProperties::Held { frame, .. } if frame >= end => SlotProperties::Lost,
            other => other,
        }
    }

    /// The statement that the newest frame with properties, at `frame`, holds this map.
    pub fn held(frame: FileOffset, map: &Properties) -> Self {
        let fits = map.encoded().len() <= MAX_COPY_LEN;
        match map.is_empty() {
            true => SlotProperties::None,
            false => SlotProperties::Held {
                frame,
                copy: fits.then(|| map.clone()),
            },
        }
    }

    fn put(&self, sector: &mut [u8; SECTOR_LEN]) {
        match self {
            SlotProperties::None => put_u64(sector, PROPERTY_FRAME_AT, NO_PROPERTIES),
            SlotProperties::Lost => put_u64(sector, PROPERTY_FRAME_AT, PROPERTIES_LOST),
            SlotProperties::Held { frame, copy } => {
                put_u64(sector, PROPERTY_FRAME_AT, frame.0);
                let copy = copy.as_ref().map_or(&[][..], Properties::encoded);
                debug_assert!(copy.len() <= MAX_COPY_LEN, "a longer map is not repeated");
                put_u16(sector, COPY_LEN_AT, copy.len() as u16);
                sector[COPY_AT..COPY_AT + copy.len()].copy_from_slice(copy);
            }
        }
    }

    /// `None`: nothing possible. What is reserved is checked by encoding it again.
    fn get(sector: &[u8; SECTOR_LEN]) -> Option<Self> {
        let len = usize::from(u16_at(sector, COPY_LEN_AT));
        let copy = sector.get(COPY_AT..COPY_AT + len)?;
        Some(match u64_at(sector, PROPERTY_FRAME_AT) {
            NO_PROPERTIES => SlotProperties::None,
            PROPERTIES_LOST => SlotProperties::Lost,
            frame if len > MAX_COPY_LEN || frame < HEADER_AREA_LEN => return None,
            frame => SlotProperties::Held {
                frame: FileOffset(frame),
                copy: match len {
                    0 => None,
                    _ => Some(Properties::decode(copy)?),
                },
            },
        })
    }
}

/// One statement of a durable point.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The properties at the end. The slots of other files than segments name none.
    pub properties: SlotProperties,
}

/// The state of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        self.properties.put(&mut sector);
        let crc = seed.checksum(slot_offset(slot), &sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        sector
    }

    /// The sector without its checksum and the zeros before it: what the commit journal holds of it.
    pub fn shortened(sector: &[u8; SECTOR_LEN]) -> &[u8] {
        let stated = &sector[..CRC_AT];
        let zeros = stated.iter().rev().take_while(|byte| **byte == 0).count();
        &stated[..CRC_AT - zeros]
    }

    /// The sector that was shortened to these bytes. `None`: they are too long.
    pub fn restored(shortened: &[u8], seed: SegmentSeed, slot: usize) -> Option<[u8; SECTOR_LEN]> {
        let mut sector = [0; SECTOR_LEN];
        sector[..CRC_AT]
            .get_mut(..shortened.len())?
            .copy_from_slice(shortened);
        let crc = seed.checksum(slot_offset(slot), &sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        Some(sector)
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
            properties: SlotProperties::get(sector)?,
        };
        // Encoding it again checks the CRC, the magic, and that all else is zero.
        let whole = frontier.encode(seed, slot) == *sector;
        (whole && frontier.is_possible()).then_some(frontier)
    }

    /// Readers subtract these offsets; a slot that would make them underflow is invalid.
    fn is_possible(&self) -> bool {
        let property_frame = match &self.properties {
            SlotProperties::Held { frame, .. } => Some(*frame),
            SlotProperties::None | SlotProperties::Lost => None,
        };
        if property_frame.is_some() && property_frame > self.last_frame {
            return false;
        }
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
