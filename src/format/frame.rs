//! What stands at this offset, and does it belong here?
//!
//! A frame is a header of 36 bytes and its stored payload. Nothing of it is aligned.
//!
//! ```text
//!   0           4             8          16      20       24           28         32     33      34
//!   ┌───────────┬─────────────┬──────────┬───────┬────────┬────────────┬──────────┬──────┬───────┬──────┐
//!   │ header    │ payload CRC │ first id │ entry │ stored │uncompressed│ previous │ kind │ codec │ zero │
//!   │ CRC       │             │          │ count │ length │ length     │ length   │      │       │      │
//!   └───────────┴─────────────┴──────────┴───────┴────────┴────────────┴──────────┴──────┴───────┴──────┘
//!               └── what the header CRC covers, after the seed and the file offset of the frame ────────┘
//! ```

use std::fmt;
use std::ops::Range;

use crate::format::fields::all_zeros;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::segment_header::HEADER_AREA_LEN;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const HEADER_CRC_AT: usize = 0;
/// What the header CRC covers: four times eight bytes.
const COVERED_AT: usize = HEADER_CRC_AT + 4;
const PAYLOAD_CRC_AT: usize = COVERED_AT;
const FIRST_ID_AT: usize = PAYLOAD_CRC_AT + 4;
const ENTRY_COUNT_AT: usize = FIRST_ID_AT + 8;
const STORED_LEN_AT: usize = ENTRY_COUNT_AT + 4;
const UNCOMPRESSED_LEN_AT: usize = STORED_LEN_AT + 4;
const PREVIOUS_LEN_AT: usize = UNCOMPRESSED_LEN_AT + 4;
const KIND_AT: usize = PREVIOUS_LEN_AT + 4;
const CODEC_AT: usize = KIND_AT + 1;
const RESERVED_AT: usize = CODEC_AT + 1;

/// The length of every frame header.
pub const FRAME_HEADER_LEN: usize = RESERVED_AT + 2;
const _: () = assert!(FRAME_HEADER_LEN == COVERED_AT + 4 * 8);
/// The greatest length of a frame, header included, stored and decompressed.
pub const MAX_FRAME_LEN: u64 = 1 << 30;
/// The greatest length of a payload, stored and decompressed.
pub const MAX_PAYLOAD_LEN: u64 = MAX_FRAME_LEN - FRAME_HEADER_LEN as u64;
/// The length of a row of the entry table of a frame of many.
pub const TABLE_ROW_LEN: usize = 8;

/// An LZ4 block grows by less than this factor: each byte adds at most 255 to a match length
/// (LZ4 block format description, "Match length").
const LZ4_MAX_GROWTH: u64 = 255;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// One entry, which is the payload.
    Single,
    /// A table, then the entries: appended, and readable, all or none.
    Many,
    /// The footer of a sealed segment.
    Footer,
    /// As `Many`, with entries or without, and with the properties of the stream behind them.
    ManyWithProperties,
}

/// How a payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    None,
    /// As one LZ4 block, without a length before it.
    Lz4,
}

impl FrameKind {
    fn to_byte(self) -> u8 {
        match self {
            FrameKind::Single => 1,
            FrameKind::Many => 2,
            FrameKind::Footer => 3,
            FrameKind::ManyWithProperties => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(FrameKind::Single),
            2 => Some(FrameKind::Many),
            3 => Some(FrameKind::Footer),
            4 => Some(FrameKind::ManyWithProperties),
            _ => None,
        }
    }
}

impl Codec {
    fn to_byte(self) -> u8 {
        match self {
            Codec::None => 0,
            Codec::Lz4 => 1,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Codec::None, Codec::Lz4]
            .into_iter()
            .find(|codec| codec.to_byte() == byte)
    }
}

/// A decoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The checksum of the payload; `payload` defines what it covers.
    pub payload_crc: u32,
    /// The id of the first entry. Of a footer: the end id of the segment.
    pub first_id: EntryId,
    /// How many entries. Of a footer: how many index points.
    pub entry_count: u32,
    /// The length of the payload as it is stored.
    pub stored_len: u32,
    /// The length of the payload once decompressed.
    pub uncompressed_len: u32,
    /// The length of the frame before, header included. 0: this is the first of the segment.
    pub previous_len: u32,
    /// The kind of the frame.
    pub kind: FrameKind,
    /// How its payload is stored.
    pub codec: Codec,
}

/// Why bytes are not the frame header of this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// Fewer than 36 bytes.
    Short,
    /// 36 zeros: not written.
    Zeros,
    /// The header CRC does not match the bytes and this place.
    Crc {
        /// The CRC stored.
        expected: u32,
        /// The CRC of what was read.
        actual: u32,
    },
    /// The CRC is good, and yet this field, which is named, holds what no writer stores.
    Field(&'static str),
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameFault::Short => f.write_str("the file ends inside a frame"),
            FrameFault::Zeros => f.write_str("zeros where a frame was written"),
            FrameFault::Crc { expected, actual } => write!(
                f,
                "frame header damaged: checksum {actual:#010x}, stored {expected:#010x}"
            ),
            FrameFault::Field(field) => write!(f, "frame header impossible: {field}"),
        }
    }
}

/// The stored CRC of an encoded header. That of a segment's last frame is the link of the chain.
#[inline]
pub fn header_crc_of(encoded: &[u8; FRAME_HEADER_LEN]) -> u32 {
    u32_at(encoded, HEADER_CRC_AT)
}

impl FrameHeader {
    /// The bytes to store at `at`.
    #[inline]
    pub fn encode(&self, seed: SegmentSeed, at: FileOffset) -> [u8; FRAME_HEADER_LEN] {
        let words = self.words();
        let crc = seed.checksum_of_words(at, words);
        let mut bytes = [0; FRAME_HEADER_LEN];
        put_u32(&mut bytes, HEADER_CRC_AT, crc);
        for (word, place) in words.iter().zip([0, 8, 16, 24]) {
            put_u64(&mut bytes, COVERED_AT + place, *word);
        }
        bytes
    }

    /// The bytes behind the CRC, eight by eight. They are put together here, in registers: fields
    /// stored one by one could not be read again, as blocks, before they had left for the cache.
    #[inline]
    fn words(&self) -> [u64; 4] {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let id = self.first_id.0;
        let kinds = u32::from(self.kind.to_byte()) | u32::from(self.codec.to_byte()) << 8;
        [
            pair(self.payload_crc, id as u32),
            pair((id >> 32) as u32, self.entry_count),
            pair(self.stored_len, self.uncompressed_len),
            pair(self.previous_len, kinds),
        ]
    }

    /// Reads the header off the bytes at `at`; more than 36 may be given. A good result has
    /// bounded lengths: `stored_len` may be read and `uncompressed_len` allocated.
    #[inline(always)]
    pub fn decode(
        bytes: &[u8],
        seed: SegmentSeed,
        at: FileOffset,
    ) -> Result<FrameHeader, FrameFault> {
        let Some(bytes) = bytes.first_chunk::<FRAME_HEADER_LEN>() else {
            return Err(FrameFault::Short);
        };
        let expected = header_crc_of(bytes);
        if expected == 0 && all_zeros(bytes) {
            return Err(FrameFault::Zeros);
        }
        let actual = header_crc(bytes, seed, at);
        if expected != actual {
            return Err(FrameFault::Crc { expected, actual });
        }
        if u16_at(bytes, RESERVED_AT) != 0 {
            return Err(FrameFault::Field("reserved"));
        }
        let header = FrameHeader {
            payload_crc: u32_at(bytes, PAYLOAD_CRC_AT),
            first_id: EntryId(u64_at(bytes, FIRST_ID_AT)),
            entry_count: u32_at(bytes, ENTRY_COUNT_AT),
            stored_len: u32_at(bytes, STORED_LEN_AT),
            uncompressed_len: u32_at(bytes, UNCOMPRESSED_LEN_AT),
            previous_len: u32_at(bytes, PREVIOUS_LEN_AT),
            kind: FrameKind::from_byte(bytes[KIND_AT]).ok_or(FrameFault::Field("kind"))?,
            codec: Codec::from_byte(bytes[CODEC_AT]).ok_or(FrameFault::Field("codec"))?,
        };
        match header.impossible_field(at) {
            Some(field) => Err(FrameFault::Field(field)),
            None => Ok(header),
        }
    }

    /// The length of the whole frame, header included.
    #[inline]
    pub fn len(&self) -> u64 {
        FRAME_HEADER_LEN as u64 + u64::from(self.stored_len)
    }

    /// The id after the frame's last entry. Of a footer: its `first_id`.
    #[inline]
    pub fn end_id(&self) -> EntryId {
        EntryId(self.ids().end)
    }

    /// The ids of the frame's entries; none in a footer.
    #[inline]
    pub fn ids(&self) -> Range<u64> {
        // Invariant: no sum of these overflows. The decoder checks it (`impossible_field`), and
        // so does the appender.
        self.first_id.0..self.first_id.0 + self.id_count()
    }

    /// Whether a suffix that begins with `end_id` may be cut behind this frame: it holds the id before.
    pub fn is_clip(&self, end_id: EntryId) -> bool {
        let last_id = end_id.0.checked_sub(1);
        last_id.is_some_and(|last_id| self.ids().contains(&last_id))
    }

    fn id_count(&self) -> u64 {
        match self.kind {
            FrameKind::Single | FrameKind::Many | FrameKind::ManyWithProperties => {
                u64::from(self.entry_count)
            }
            FrameKind::Footer => 0,
        }
    }

    /// How many rows the payload's table has: one for each entry of a frame of many, and one for the
    /// properties.
    #[inline]
    pub fn row_count(&self) -> u64 {
        match self.kind {
            FrameKind::Single | FrameKind::Footer => 0,
            FrameKind::Many => u64::from(self.entry_count),
            FrameKind::ManyWithProperties => u64::from(self.entry_count) + 1,
        }
    }

    /// Whether the frame holds the properties of the stream.
    #[inline]
    pub fn has_properties(&self) -> bool {
        self.kind == FrameKind::ManyWithProperties
    }

    /// Whether the sparse index may have this frame. One without entries begins with the id of the
    /// frame behind it, so it has none of its own.
    #[inline]
    pub fn may_be_point(&self) -> bool {
        self.entry_count > 0
    }

    #[inline]
    fn table_len(&self) -> u64 {
        self.row_count() * TABLE_ROW_LEN as u64
    }

    /// The field that no writer would have stored in a frame at `at`, if there is one.
    #[inline]
    fn impossible_field(&self, at: FileOffset) -> Option<&'static str> {
        let stored = u64::from(self.stored_len);
        let uncompressed = u64::from(self.uncompressed_len);
        let lengths_agree = match self.codec {
            Codec::None => stored == uncompressed,
            Codec::Lz4 => stored < uncompressed && uncompressed <= stored * LZ4_MAX_GROWTH,
        };
        let count = u64::from(self.entry_count);
        let count_fits = match self.kind {
            FrameKind::Single => count == 1,
            FrameKind::Many => count >= 1 && self.table_len() <= uncompressed,
            FrameKind::ManyWithProperties => self.table_len() <= uncompressed,
            // `footer` checks the length of a footer with so many points.
            FrameKind::Footer => true,
        };
        if stored > MAX_PAYLOAD_LEN {
            Some("stored_len")
        } else if uncompressed > MAX_PAYLOAD_LEN || !lengths_agree {
            Some("uncompressed_len")
        } else if self.kind == FrameKind::Footer && self.codec != Codec::None {
            Some("codec")
        } else if !count_fits {
            Some("entry_count")
        } else if self.first_id.0.checked_add(self.id_count()).is_none() {
            Some("first_id")
        } else if !self.previous_len_fits(at) {
            Some("previous_len")
        } else {
            None
        }
    }

    /// Back links are followed by subtraction: each must lead to a frame of this segment, and
    /// only the first frame has none.
    #[inline]
    fn previous_len_fits(&self, at: FileOffset) -> bool {
        let previous = u64::from(self.previous_len);
        match at.0.checked_sub(HEADER_AREA_LEN) {
            None => false,
            Some(0) => previous == 0,
            Some(before) => {
                let limit = MAX_FRAME_LEN.min(before);
                (FRAME_HEADER_LEN as u64..=limit).contains(&previous)
            }
        }
    }
}

/// CRC-32 over the seed, the frame's offset and the header's bytes behind the CRC.
#[inline]
fn header_crc(bytes: &[u8; FRAME_HEADER_LEN], seed: SegmentSeed, at: FileOffset) -> u32 {
    let word = |place| u64_at(bytes, COVERED_AT + place);
    seed.checksum_of_words(at, [word(0), word(8), word(16), word(24)])
}
