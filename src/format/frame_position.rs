//! Where do the frames of a replica end, in the form that the primary gets?
//!
//! ```text
//!  0       4       6      8           16           24            32       40        48        56        64     72     76     80        92
//!  ┌───────┬───────┬──────┬───────────┬────────────┬─────────────┬────────┬─────────┬─────────┬─────────┬──────┬──────┬──────┬─────────┬─────┐
//!  │ magic │version│ zero │ first id  │ generation │ incarnation │ offset │ next id │ last    │ first   │ cut  │ link │ last │ zero    │ CRC │
//!  │       │       │      │ of segment│            │             │        │         │ frame   │ kept id │epoch │      │ len  │         │     │
//!  └───────┴───────┴──────┴───────────┴────────────┴─────────────┴────────┴─────────┴─────────┴─────────┴──────┴──────┴──────┴─────────┴─────┘
//! ```

use crate::checksum::crc32;
use crate::error::Error;
use crate::error::Result;
use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::segment_header::HEADER_AREA_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const MAGIC: [u8; 4] = *b"IWps";
const VERSION: u16 = 1;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 4;
const FIRST_ID_AT: usize = VERSION_AT + 4;
const GENERATION_AT: usize = FIRST_ID_AT + 8;
const INCARNATION_AT: usize = GENERATION_AT + 8;
const OFFSET_AT: usize = INCARNATION_AT + 8;
const NEXT_ID_AT: usize = OFFSET_AT + 8;
const LAST_FRAME_AT: usize = NEXT_ID_AT + 8;
const FIRST_KEPT_AT: usize = LAST_FRAME_AT + 8;
const EPOCH_AT: usize = FIRST_KEPT_AT + 8;
const LINK_AT: usize = EPOCH_AT + 8;
const LAST_LEN_AT: usize = LINK_AT + 4;
const CRC_AT: usize = FramePosition::LEN - 4;
const _: () = assert!(LAST_LEN_AT + 4 <= CRC_AT);

/// Where a stream stands, frame by frame: for the stream that it is a replica of.
///
/// A replica sends it to the primary, whose
/// [`Stream::export_frames`](crate::Stream::export_frames) goes on from there. The default is the
/// position of a stream that does not exist: a replica begins with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramePosition {
    /// The segment, by its first id.
    pub(crate) segment: EntryId,
    pub(crate) generation: u64,
    pub(crate) incarnation: u64,
    /// Where in its file the next frame goes. 0: there is no segment.
    pub(crate) offset: FileOffset,
    pub(crate) next_id: EntryId,
    /// Where the last frame starts; 0: the segment has none yet.
    pub(crate) last_frame: FileOffset,
    pub(crate) first_kept_id: EntryId,
    pub(crate) epoch: u64,
    /// The header CRC of the last frame.
    pub(crate) link: u32,
    /// Its length.
    pub(crate) last_frame_len: u32,
}

impl FramePosition {
    /// The length of an encoded position, in bytes.
    pub const LEN: usize = 96;

    /// Whether the stream does not exist yet.
    pub(crate) fn is_start(&self) -> bool {
        self.offset.0 == 0
    }

    /// The bytes to send. They mean the same on all machines.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[MAGIC_AT..VERSION_AT].copy_from_slice(&MAGIC);
        put_u16(&mut bytes, VERSION_AT, VERSION);
        put_u64(&mut bytes, FIRST_ID_AT, self.segment.0);
        put_u64(&mut bytes, GENERATION_AT, self.generation);
        put_u64(&mut bytes, INCARNATION_AT, self.incarnation);
        put_u64(&mut bytes, OFFSET_AT, self.offset.0);
        put_u64(&mut bytes, NEXT_ID_AT, self.next_id.0);
        put_u64(&mut bytes, LAST_FRAME_AT, self.last_frame.0);
        put_u64(&mut bytes, FIRST_KEPT_AT, self.first_kept_id.0);
        put_u64(&mut bytes, EPOCH_AT, self.epoch);
        put_u32(&mut bytes, LINK_AT, self.link);
        put_u32(&mut bytes, LAST_LEN_AT, self.last_frame_len);
        let crc = crc32(&bytes[..CRC_AT]);
        put_u32(&mut bytes, CRC_AT, crc);
        bytes
    }

    /// Reads what [`FramePosition::to_bytes`] made. No bytes at all are the position of a stream that
    /// does not exist.
    ///
    /// Errors: `Corruption` if they are anything else; `UnsupportedVersion` if a newer version made
    /// them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(FramePosition::default());
        }
        let broken = || Error::Corruption("these bytes are no position of a replica".to_owned());
        let is_ours = bytes.len() >= Self::LEN && bytes.starts_with(&MAGIC);
        if !is_ours {
            return Err(broken());
        }
        let version = u16_at(bytes, VERSION_AT);
        let (covered, crc) = bytes.split_at(bytes.len() - 4);
        if u32_at(crc, 0) == crc32(covered) && version > VERSION {
            let what = format!("a position of a replica has format version {version}");
            return Err(Error::UnsupportedVersion(what));
        }
        let position = FramePosition {
            segment: EntryId(u64_at(bytes, FIRST_ID_AT)),
            generation: u64_at(bytes, GENERATION_AT),
            incarnation: u64_at(bytes, INCARNATION_AT),
            offset: FileOffset(u64_at(bytes, OFFSET_AT)),
            next_id: EntryId(u64_at(bytes, NEXT_ID_AT)),
            last_frame: FileOffset(u64_at(bytes, LAST_FRAME_AT)),
            first_kept_id: EntryId(u64_at(bytes, FIRST_KEPT_AT)),
            epoch: u64_at(bytes, EPOCH_AT),
            link: u32_at(bytes, LINK_AT),
            last_frame_len: u32_at(bytes, LAST_LEN_AT),
        };
        // Encoding it again checks the CRC, the version, and that all else is zero.
        match position.to_bytes() == *bytes && position.is_possible() {
            true => Ok(position),
            false => Err(broken()),
        }
    }

    /// Whether offset and last frame agree.
    fn is_possible(&self) -> bool {
        let behind_last = self.last_frame.0.checked_add(self.last_frame_len.into());
        match (self.offset.0, self.last_frame.0) {
            (0, _) => *self == FramePosition::default(),
            (HEADER_AREA_LEN, 0) => {
                self.last_frame_len == 0 && self.link == 0 && self.next_id == self.segment
            }
            (offset, last) => last >= HEADER_AREA_LEN && behind_last == Some(offset),
        }
    }
}
