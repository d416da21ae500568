//! Which stream, which ids and which format version is this segment file?
//!
//! The first sector of the file answers. It is stored once and never changes.
//!
//! ```text
//!   0        8    10   12      16        24          32              40
//!   ┌────────┬────┬────┬───────┬─────────┬───────────┬───────────────┬──────────┐
//!   │ magic  │ver.│key │ zero  │first id │generation │ predecessor's │ its link │
//!   │        │    │len │       │         │           │    end id     │          │
//!   └────────┴────┴────┴───────┴─────────┴───────────┴───────────────┴──────────┘
//!  44        48           56              64          72         72+len  488           496          504     508
//!   ┌────────┬────────────┬───────────────┬───────────┬────────────┬───────┬─────────────┬────────────┬───────┬─────┐
//!   │ flags  │ lost from  │ first kept id │ cut epoch │ key, UTF-8 │ zeros │ incarnation │ clip frame │ zeros │ CRC │
//!   └────────┴────────────┴───────────────┴───────────┴────────────┴───────┴─────────────┴────────────┴───────┴─────┘
//! ```

use std::sync::Arc;

use crate::format::fields::all_zeros;
use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::names::MAX_KEY_LEN;
use crate::format::names::check_key;
use crate::ids::EntryId;
use crate::ids::FileOffset;

pub use crate::format::seed::SegmentSeed;

/// The unit that a disk stores whole or not at all. The header and each frontier slot own one.
pub const SECTOR_LEN: usize = 512;
/// The header and two frontier slots. The first frame starts here.
pub const HEADER_AREA_LEN: u64 = 3 * SECTOR_LEN as u64;
/// The version this crate writes. Newer ones are refused, older ones are readable for ever.
pub const FORMAT_VERSION: u16 = 1;

/// Not text, and damaged visibly by a transfer that rewrites line ends or strips the eighth bit.
const MAGIC: [u8; 8] = [0x89, b'I', b'W', b'A', b'L', 0x0D, 0x0A, 0x1A];
/// How a segment (in truth: its first frame) of the 0.6 crate begins.
const MAGIC_06: [u8; 4] = *b"LAWL";

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 8;
const KEY_LEN_AT: usize = VERSION_AT + 2;
const RESERVED_AT: usize = KEY_LEN_AT + 2;
const FIRST_ID_AT: usize = RESERVED_AT + 4;
const GENERATION_AT: usize = FIRST_ID_AT + 8;
const PREDECESSOR_END_AT: usize = GENERATION_AT + 8;
const PREDECESSOR_LINK_AT: usize = PREDECESSOR_END_AT + 8;
const FLAGS_AT: usize = PREDECESSOR_LINK_AT + 4;
const LOST_FROM_AT: usize = FLAGS_AT + 4;
const FIRST_KEPT_AT: usize = LOST_FROM_AT + 8;
const CUT_EPOCH_AT: usize = FIRST_KEPT_AT + 8;
const KEY_AT: usize = CUT_EPOCH_AT + 8;
const INCARNATION_AT: usize = 488;
const CLIP_FRAME_AT: usize = INCARNATION_AT + 8;
const CRC_AT: usize = SECTOR_LEN - 4;
const _: () = assert!(KEY_AT + MAX_KEY_LEN <= INCARNATION_AT);
const _: () = assert!(CLIP_FRAME_AT + 8 <= CRC_AT);

const FLAG_HAS_PREDECESSOR: u32 = 1;
const FLAG_CUT: u32 = 2;

/// The header of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The stream's key, as `check_key` admits it.
    pub key: Arc<str>,
    /// The id of the first entry. The file's name repeats it.
    pub first_id: EntryId,
    /// Grows when a suffix is cut and its ids are given again: the greater one is valid.
    pub generation: u64,
    /// The segment before this one, unless this is the first of the stream.
    pub predecessor: Option<Predecessor>,
    /// The ids `lost_from..first_id` are lost to damage. Equal to `first_id`: nothing is.
    pub lost_from: EntryId,
    /// Ids below were truncated, as known when the header was made.
    pub first_kept_id: EntryId,
    /// Counts the changes of `first_kept_id`, up (truncation) and down (restoring).
    pub truncation_epoch: u64,
    /// Distinguishes this stream from earlier ones of its key, which were deleted: the same in all its
    /// segments. 0 until the log deletes a stream.
    pub incarnation: u64,
    /// What of the stream this segment replaces.
    pub replaces: Replaces,
}

/// What a segment records of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// The id after its last entry.
    pub end_id: EntryId,
    /// The header CRC of its last frame.
    pub link: u32,
}

/// What of a stream a segment replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replaces {
    /// Nothing: it goes on behind its predecessor.
    #[default]
    Nothing,
    /// All ids from its first one on: a cut.
    Suffix {
        /// Where in the predecessor the frame starts that holds the id before the first one. The
        /// predecessor's link is the header CRC of that frame.
        clip_frame: FileOffset,
    },
    /// All ids there were: a reset. It has no predecessor.
    All,
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// Fewer than 512 bytes, and what there is begins like ours or is zeros: an interrupted creation.
    Short,
    /// 512 zeros: the header was never stored.
    Zeros,
    /// A file of the 0.6 crate, whatever its length.
    Version06,
    /// Written by this newer version of the format.
    Newer(u16),
    /// The magic is not ours.
    Unrecognized,
    /// Our magic, but a bad CRC, or (`expected == actual`) a field that no writer stores.
    Damaged {
        /// The CRC stored.
        expected: u32,
        /// The CRC of what was read.
        actual: u32,
    },
}

impl SegmentHeader {
    /// The sector to store. The key must have passed `check_key`.
    pub fn encode(&self) -> [u8; SECTOR_LEN] {
        debug_assert!(
            check_key(&self.key).is_ok(),
            "keys are checked before they get here"
        );
        let key = self.key.as_bytes();
        let key = &key[..key.len().min(MAX_KEY_LEN)];
        let mut sector = [0; SECTOR_LEN];
        sector[MAGIC_AT..VERSION_AT].copy_from_slice(&MAGIC);
        put_u16(&mut sector, VERSION_AT, FORMAT_VERSION);
        put_u16(&mut sector, KEY_LEN_AT, key.len() as u16);
        put_u64(&mut sector, FIRST_ID_AT, self.first_id.0);
        put_u64(&mut sector, GENERATION_AT, self.generation);
        let mut flags = 0;
        if let Some(predecessor) = self.predecessor {
            put_u64(&mut sector, PREDECESSOR_END_AT, predecessor.end_id.0);
            put_u32(&mut sector, PREDECESSOR_LINK_AT, predecessor.link);
            flags |= FLAG_HAS_PREDECESSOR;
        }
        match self.replaces {
            Replaces::Nothing => {}
            Replaces::All => flags |= FLAG_CUT,
            Replaces::Suffix { clip_frame } => {
                flags |= FLAG_CUT;
                put_u64(&mut sector, CLIP_FRAME_AT, clip_frame.0);
            }
        }
        put_u32(&mut sector, FLAGS_AT, flags);
        put_u64(&mut sector, LOST_FROM_AT, self.lost_from.0);
        put_u64(&mut sector, FIRST_KEPT_AT, self.first_kept_id.0);
        put_u64(&mut sector, CUT_EPOCH_AT, self.truncation_epoch);
        put_u64(&mut sector, INCARNATION_AT, self.incarnation);
        sector[KEY_AT..KEY_AT + key.len()].copy_from_slice(key);
        let crc = crc32fast::hash(&sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        sector
    }

    /// Reads the header off the first bytes of a file; more than 512 may be given.
    pub fn decode(bytes: &[u8]) -> Result<SegmentHeader, HeaderFault> {
        if bytes.starts_with(&MAGIC_06) {
            return Err(HeaderFault::Version06);
        }
        let Some(sector) = bytes.first_chunk::<SECTOR_LEN>() else {
            let common = bytes.len().min(MAGIC.len());
            let like_ours = bytes[..common] == MAGIC[..common];
            let creation_cut_short = like_ours || all_zeros(bytes);
            return Err(if creation_cut_short {
                HeaderFault::Short
            } else {
                HeaderFault::Unrecognized
            });
        };
        if all_zeros(sector) {
            return Err(HeaderFault::Zeros);
        }
        if !sector.starts_with(&MAGIC) {
            return Err(HeaderFault::Unrecognized);
        }
        // Every version keeps the magic, the version and this CRC where they are, so the version
        // counts only under a good CRC: a flipped bit is damage, not a newer format.
        let expected = u32_at(sector, CRC_AT);
        let actual = crc32fast::hash(&sector[..CRC_AT]);
        let damaged = HeaderFault::Damaged { expected, actual };
        if expected != actual {
            return Err(damaged);
        }
        let version = u16_at(sector, VERSION_AT);
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        Self::from_checked(sector).ok_or(damaged)
    }

    /// What binds every checksum in this file to this file.
    pub fn seed(&self) -> SegmentSeed {
        SegmentSeed::new(&self.key, self.first_id, self.generation)
    }

    /// Whether this segment replaces a part of the stream, or all of it.
    pub fn is_cut(&self) -> bool {
        self.replaces != Replaces::Nothing
    }

    /// Whether what the header says of a cut can be: ids are given again only under a greater
    /// generation, and a cut loses none.
    fn cut_is_possible(&self) -> bool {
        let is_new = self.generation > 0 && self.lost_from == self.first_id;
        match (self.replaces, self.predecessor) {
            (Replaces::Nothing, _) => true,
            (Replaces::All, None) => is_new,
            (Replaces::Suffix { clip_frame }, Some(before)) => {
                is_new && before.end_id == self.first_id && clip_frame.0 >= HEADER_AREA_LEN
            }
            (Replaces::All, Some(_)) | (Replaces::Suffix { .. }, None) => false,
        }
    }

    /// The fields of a sector whose CRC is good; `None` if a field is impossible.
    fn from_checked(sector: &[u8; SECTOR_LEN]) -> Option<SegmentHeader> {
        let key_len = usize::from(u16_at(sector, KEY_LEN_AT));
        if key_len > MAX_KEY_LEN {
            return None;
        }
        let key = std::str::from_utf8(&sector[KEY_AT..KEY_AT + key_len]).ok()?;
        check_key(key).ok()?;
        let flags = u32_at(sector, FLAGS_AT);
        let has_predecessor = flags & FLAG_HAS_PREDECESSOR != 0;
        let replaces = match (flags & FLAG_CUT != 0, has_predecessor) {
            (false, _) => Replaces::Nothing,
            (true, false) => Replaces::All,
            (true, true) => Replaces::Suffix {
                clip_frame: FileOffset(u64_at(sector, CLIP_FRAME_AT)),
            },
        };
        let header = SegmentHeader {
            key: Arc::from(key),
            first_id: EntryId(u64_at(sector, FIRST_ID_AT)),
            generation: u64_at(sector, GENERATION_AT),
            predecessor: has_predecessor.then(|| Predecessor {
                end_id: EntryId(u64_at(sector, PREDECESSOR_END_AT)),
                link: u32_at(sector, PREDECESSOR_LINK_AT),
            }),
            lost_from: EntryId(u64_at(sector, LOST_FROM_AT)),
            first_kept_id: EntryId(u64_at(sector, FIRST_KEPT_AT)),
            truncation_epoch: u64_at(sector, CUT_EPOCH_AT),
            incarnation: u64_at(sector, INCARNATION_AT),
            replaces,
        };
        // Encoding it again shows that reserved bytes, unknown flags and padding are zero.
        let possible = header.lost_from <= header.first_id
            && header.cut_is_possible()
            && header.encode() == *sector;
        possible.then_some(header)
    }
}
