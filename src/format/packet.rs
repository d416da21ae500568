//! How do frames travel from a stream to its replica?
//!
//! ```text
//!  0        8     10      12     16       24        32        40       48      52     64       576
//!  ┌────────┬─────┬───────┬──────┬────────┬─────────┬─────────┬────────┬───────┬──────┬────────┬────────┬────────┬─────┐
//!  │ magic  │ver. │ flags │ zero │ offset │ frames' │ first   │ cut    │ link  │ zero │ header │ slot,  │ frames │ CRC │
//!  │        │     │       │      │        │ length  │ kept id │ epoch  │       │      │ sector │ if any │        │     │
//!  └────────┴─────┴───────┴──────┴────────┴─────────┴─────────┴────────┴───────┴──────┴────────┴────────┴────────┴─────┘
//! ```
//!
//! The CRC covers all before it. It shows an accident on the way; whether the frames are those of this
//! place, their own checksums show.

use std::fmt;
use std::io;

use crate::checksum::crc32;
use crate::error::memory;
use crate::format::fields::all_zeros;
use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::SlotState;
use crate::format::segment_header::HEADER_AREA_LEN;
use crate::format::segment_header::HeaderFault;
use crate::format::segment_header::SECTOR_LEN;
use crate::format::segment_header::SegmentHeader;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const MAGIC: [u8; 8] = [0x89, b'I', b'W', b'P', b'K', 0x0D, 0x0A, 0x1A];
const VERSION: u16 = 1;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 8;
const FLAGS_AT: usize = VERSION_AT + 2;
const RESERVED_AT: usize = FLAGS_AT + 2;
const OFFSET_AT: usize = RESERVED_AT + 4;
const FRAMES_LEN_AT: usize = OFFSET_AT + 8;
const FIRST_KEPT_AT: usize = FRAMES_LEN_AT + 8;
const EPOCH_AT: usize = FIRST_KEPT_AT + 8;
const LINK_AT: usize = EPOCH_AT + 8;
const RESERVED_END_AT: usize = LINK_AT + 4;
const HEADER_AT: usize = RESERVED_END_AT + 12;
const BODY_AT: usize = HEADER_AT + SECTOR_LEN;
const CRC_LEN: usize = 4;

/// No stream has had so many cuts or truncations, and no log so many deletions. A stream here that took over
/// greater numbers could not count on.
const MOST_COUNTED: u64 = u64::MAX / 2;

const FLAG_SLOT: u16 = 1;
const FLAG_KEPT: u16 = 2;

/// The first id that a stream keeps, and the epoch of the truncation that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Ids below were truncated.
    pub first_kept_id: EntryId,
    /// Counts the changes of it, and the cuts.
    pub epoch: u64,
}

/// A packet: frames of one segment, and what a replica needs to put them into the same place.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// The header of the segment.
    pub header: SegmentHeader,
    /// Where in the segment's file the first frame starts.
    pub offset: FileOffset,
    /// The header CRC of the frame before it; 0 at the start of the segment.
    pub link: u32,
    /// What the stream keeps.
    pub kept: Option<Kept>,
    /// The sector of slot 0 of the segment before this one, which is sealed.
    slot_before: Option<&'a [u8]>,
    /// Whole frames.
    pub frames: &'a [u8],
}

/// Why bytes are no packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PacketFault {
    /// Too short, or not as long as it says.
    Length,
    /// The magic is not that of a packet.
    Unrecognized,
    /// Of this newer version.
    Newer(u16),
    /// The CRC does not match.
    Crc {
        /// The CRC stored.
        expected: u32,
        /// The CRC of what came.
        actual: u32,
    },
    /// The CRC is good, and yet this field, which is named, holds what no writer stores.
    Field(&'static str),
}

impl fmt::Display for PacketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketFault::Length => f.write_str("it is cut short, or longer than it says"),
            PacketFault::Unrecognized => f.write_str("it does not begin like a packet"),
            PacketFault::Newer(version) => write!(f, "it has format version {version}"),
            PacketFault::Crc { expected, actual } => write!(
                f,
                "it changed on the way: checksum {actual:#010x}, stored {expected:#010x}"
            ),
            PacketFault::Field(field) => write!(f, "impossible: {field}"),
        }
    }
}

/// A packet that is being made.
pub struct PacketBuilder {
    bytes: Vec<u8>,
}

impl PacketBuilder {
    /// The length of a packet without frames and without a slot.
    pub const EMPTY_LEN: u64 = (BODY_AT + CRC_LEN) as u64;

    /// A packet without frames; of a `link` of 0 at the start of a segment. `slot_before`: that of the
    /// segment before this one, and that segment's seed.
    pub fn new(
        header: &SegmentHeader,
        (offset, link): (FileOffset, u32),
        slot_before: Option<(&FrontierSlot, SegmentSeed)>,
    ) -> io::Result<Self> {
        let mut bytes = Vec::new();
        memory::reserve(&mut bytes, BODY_AT + SECTOR_LEN + CRC_LEN)?;
        bytes.resize(HEADER_AT, 0);
        bytes[MAGIC_AT..VERSION_AT].copy_from_slice(&MAGIC);
        put_u16(&mut bytes, VERSION_AT, VERSION);
        put_u64(&mut bytes, OFFSET_AT, offset.0);
        put_u32(&mut bytes, LINK_AT, link);
        bytes.extend_from_slice(&header.encode());
        let mut builder = PacketBuilder { bytes };
        if let Some((slot, seed)) = slot_before {
            builder.set_flag(FLAG_SLOT);
            builder.bytes.extend_from_slice(&slot.encode(seed, 0));
        }
        Ok(builder)
    }

    /// The length that the packet has with so many bytes of frames behind those it has.
    pub fn len_with(&self, frames_len: u64) -> u64 {
        (self.bytes.len() + CRC_LEN) as u64 + frames_len
    }

    /// Adds a frame: its header and its payload.
    pub fn add(&mut self, header: &[u8], payload: &[u8]) -> io::Result<()> {
        let needed = header.len() + payload.len() + CRC_LEN;
        if self.bytes.capacity() - self.bytes.len() < needed {
            // Twice as much each time: a packet may hold thousands of frames.
            let more = needed.max(self.bytes.len());
            memory::reserve(&mut self.bytes, more)?;
        }
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        let frames_len = u64_at(&self.bytes, FRAMES_LEN_AT) + (header.len() + payload.len()) as u64;
        put_u64(&mut self.bytes, FRAMES_LEN_AT, frames_len);
        Ok(())
    }

    /// Adds what the stream keeps.
    pub fn set_kept(&mut self, kept: Kept) {
        self.set_flag(FLAG_KEPT);
        put_u64(&mut self.bytes, FIRST_KEPT_AT, kept.first_kept_id.0);
        put_u64(&mut self.bytes, EPOCH_AT, kept.epoch);
    }

    /// The whole packet.
    pub fn finish(mut self) -> Vec<u8> {
        let crc = crc32(&self.bytes);
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.bytes
    }

    fn set_flag(&mut self, flag: u16) {
        let flags = u16_at(&self.bytes, FLAGS_AT) | flag;
        put_u16(&mut self.bytes, FLAGS_AT, flags);
    }
}

impl<'a> Packet<'a> {
    /// Reads a packet. Its frames are not checked.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PacketFault> {
        let common = bytes.len().min(MAGIC.len());
        if bytes[..common] != MAGIC[..common] {
            return Err(PacketFault::Unrecognized);
        }
        let body_len = bytes.len().checked_sub(CRC_LEN);
        let body_len = body_len.filter(|len| *len >= BODY_AT);
        let (body, crc) = bytes.split_at(body_len.ok_or(PacketFault::Length)?);
        // Every version keeps the magic, the version and this CRC where they are.
        let (expected, actual) = (u32_at(crc, 0), crc32(body));
        if expected != actual {
            return Err(PacketFault::Crc { expected, actual });
        }
        let version = u16_at(body, VERSION_AT);
        if version > VERSION {
            return Err(PacketFault::Newer(version));
        }
        let flags = u16_at(body, FLAGS_AT);
        let has = |flag: u16| flags & flag != 0;
        let slot_len = if has(FLAG_SLOT) { SECTOR_LEN } else { 0 };
        let frames_len = u64_at(body, FRAMES_LEN_AT);
        if (body.len() - BODY_AT) as u64 != frames_len.saturating_add(slot_len as u64) {
            return Err(PacketFault::Length);
        }
        let (slot, frames) = body[BODY_AT..].split_at(slot_len);
        let header = match SegmentHeader::decode(&body[HEADER_AT..BODY_AT]) {
            Ok(header) => header,
            Err(HeaderFault::Newer(version)) => return Err(PacketFault::Newer(version)),
            Err(_) => return Err(PacketFault::Field("segment header")),
        };
        let kept = Kept {
            first_kept_id: EntryId(u64_at(body, FIRST_KEPT_AT)),
            epoch: u64_at(body, EPOCH_AT),
        };
        let packet = Packet {
            header,
            offset: FileOffset(u64_at(body, OFFSET_AT)),
            link: u32_at(body, LINK_AT),
            kept: has(FLAG_KEPT).then_some(kept),
            slot_before: has(FLAG_SLOT).then_some(slot),
            frames,
        };
        let reserved = [RESERVED_AT..OFFSET_AT, RESERVED_END_AT..HEADER_AT];
        let is_start = packet.offset.0 == HEADER_AREA_LEN;
        if version != VERSION {
            Err(PacketFault::Field("version"))
        } else if flags & !(FLAG_SLOT | FLAG_KEPT) != 0 {
            Err(PacketFault::Field("flags"))
        } else if !reserved.into_iter().all(|part| all_zeros(&body[part])) {
            Err(PacketFault::Field("reserved"))
        } else if packet.kept.is_none() && (kept.first_kept_id.0, kept.epoch) != (0, 0) {
            Err(PacketFault::Field("first kept id"))
        } else if packet.offset.0 < HEADER_AREA_LEN
            || packet.offset.0.checked_add(frames_len).is_none()
        {
            Err(PacketFault::Field("offset"))
        } else if is_start && packet.link != 0 {
            Err(PacketFault::Field("link"))
        } else if !is_start && has(FLAG_SLOT) {
            Err(PacketFault::Field("slot"))
        } else if packet.header.first_kept_id > packet.header.first_id {
            Err(PacketFault::Field("first kept id of the segment"))
        } else if packet.greatest_count() > MOST_COUNTED {
            Err(PacketFault::Field("a number that no log has counted to"))
        } else if packet
            .kept
            .is_some_and(|kept| kept.epoch < packet.header.truncation_epoch)
        {
            Err(PacketFault::Field("cut epoch"))
        } else {
            Ok(packet)
        }
    }

    fn greatest_count(&self) -> u64 {
        let header = &self.header;
        let epoch = self.kept.map_or(0, |kept| kept.epoch);
        let counts = [
            header.generation,
            header.incarnation,
            header.truncation_epoch,
        ];
        counts.into_iter().fold(epoch, u64::max)
    }

    /// Whether the packet begins its segment.
    pub fn is_start(&self) -> bool {
        self.offset.0 == HEADER_AREA_LEN
    }

    /// Whether the packet says how the segment before this one was sealed.
    pub fn has_slot_before(&self) -> bool {
        self.slot_before.is_some()
    }

    /// The slot of the segment before this one, which has this seed. `None`: the packet has none, or
    /// it is none of that segment.
    pub fn slot_before(&self, seed: SegmentSeed) -> Option<FrontierSlot> {
        match FrontierSlot::decode(self.slot_before?, seed, 0) {
            SlotState::Valid(slot) => {
                Some(slot).filter(|slot| slot.truncation_epoch <= MOST_COUNTED)
            }
            SlotState::Never | SlotState::Damaged => None,
        }
    }
}
