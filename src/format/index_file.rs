//! Which segments did the stream have when it was last closed, and how is the active one indexed?
//!
//! `segments.idx` is derived: an absent or bad file is made anew, and it never counts more than the
//! segments themselves.
//!
//! ```text
//!   0       8         10        12     16              24            32
//!   ┌───────┬─────────┬─────────┬──────┬───────────────┬─────────────┬──────────┬────────┬─────┬─────┐
//!   │ magic │ version │ key len │ zero │ segment count │ point count │ segments │ points │ key │ CRC │
//!   └───────┴─────────┴─────────┴──────┴───────────────┴─────────────┴──────────┴────────┴─────┴─────┘
//!   segment:  0          8        16            24      32
//!             │ first id │ end id │ frames end  │ flags │
//! ```

use crate::format::fields::put_u16;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::footer::IndexPoint;
use crate::format::footer::POINT_LEN;
use crate::format::footer::decode_point;
use crate::format::footer::encode_point;
use crate::format::names::MAX_KEY_LEN;
use crate::format::names::check_key;
use crate::ids::EntryId;

const MAGIC: [u8; 8] = [0x89, b'I', b'W', b'I', b'X', 0x0D, 0x0A, 0x1A];
const VERSION: u16 = 1;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 8;
const KEY_LEN_AT: usize = VERSION_AT + 2;
const RESERVED_AT: usize = KEY_LEN_AT + 2;
const SEGMENT_COUNT_AT: usize = RESERVED_AT + 4;
const POINT_COUNT_AT: usize = SEGMENT_COUNT_AT + 8;
const SEGMENTS_AT: usize = POINT_COUNT_AT + 8;
const CRC_LEN: usize = 4;

const SEGMENT_FIRST_AT: usize = 0;
const SEGMENT_END_AT: usize = SEGMENT_FIRST_AT + 8;
const SEGMENT_FRAMES_END_AT: usize = SEGMENT_END_AT + 8;
const SEGMENT_FLAGS_AT: usize = SEGMENT_FRAMES_END_AT + 8;
const SEGMENT_LEN: usize = SEGMENT_FLAGS_AT + 8;

const FLAG_SEALED: u64 = 1;

/// A segment as it was when the index was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedSegment {
    /// The id of its first entry.
    pub first_id: EntryId,
    /// The id after its last entry.
    pub end_id: EntryId,
    /// Where its frames end, in bytes from the start of the file.
    pub frames_end: u64,
    /// Whether it had a footer.
    pub sealed: bool,
}

/// The content of `segments.idx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// The stream's key, as `check_key` admits it.
    pub key: String,
    /// The segments, oldest first.
    pub segments: Vec<IndexedSegment>,
    /// The sparse index of the active segment, which has no footer yet.
    pub active_points: Vec<IndexPoint>,
}

impl IndexFile {
    /// The whole file. The key must have passed `check_key`.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(
            check_key(&self.key).is_ok(),
            "keys are checked before they get here"
        );
        let key = self.key.as_bytes();
        let key = &key[..key.len().min(MAX_KEY_LEN)];
        let mut bytes = vec![0; SEGMENTS_AT];
        bytes[MAGIC_AT..VERSION_AT].copy_from_slice(&MAGIC);
        put_u16(&mut bytes, VERSION_AT, VERSION);
        put_u16(&mut bytes, KEY_LEN_AT, key.len() as u16);
        put_u64(&mut bytes, SEGMENT_COUNT_AT, self.segments.len() as u64);
        put_u64(&mut bytes, POINT_COUNT_AT, self.active_points.len() as u64);
        for segment in &self.segments {
            bytes.extend_from_slice(&segment.encode());
        }
        for point in &self.active_points {
            bytes.extend_from_slice(&encode_point(point));
        }
        bytes.extend_from_slice(key);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a whole file. `None`: not one of ours, of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Option<IndexFile> {
        let covered_len = bytes.len().checked_sub(CRC_LEN)?;
        let covered = &bytes[..covered_len];
        let is_ours = covered_len >= SEGMENTS_AT
            && covered.starts_with(&MAGIC)
            && u16_at(covered, VERSION_AT) == VERSION
            && u32_at(covered, RESERVED_AT) == 0;
        if !is_ours || crc32fast::hash(covered) != u32_at(bytes, covered_len) {
            return None;
        }
        let segments_len = section_len(u64_at(covered, SEGMENT_COUNT_AT), SEGMENT_LEN)?;
        let points_len = section_len(u64_at(covered, POINT_COUNT_AT), POINT_LEN)?;
        let (segments, rest) = covered[SEGMENTS_AT..].split_at_checked(segments_len)?;
        let (points, key) = rest.split_at_checked(points_len)?;
        let key = std::str::from_utf8(key).ok()?;
        check_key(key).ok()?;
        if key.len() != usize::from(u16_at(covered, KEY_LEN_AT)) {
            return None;
        }
        Some(IndexFile {
            key: key.to_owned(),
            segments: segments
                .chunks_exact(SEGMENT_LEN)
                .map(IndexedSegment::decode)
                .collect::<Option<_>>()?,
            active_points: points.chunks_exact(POINT_LEN).map(decode_point).collect(),
        })
    }
}

/// The length of a section whose count is not to be trusted.
fn section_len(count: u64, item_len: usize) -> Option<usize> {
    usize::try_from(count).ok()?.checked_mul(item_len)
}

impl IndexedSegment {
    fn encode(&self) -> [u8; SEGMENT_LEN] {
        let mut bytes = [0; SEGMENT_LEN];
        put_u64(&mut bytes, SEGMENT_FIRST_AT, self.first_id.0);
        put_u64(&mut bytes, SEGMENT_END_AT, self.end_id.0);
        put_u64(&mut bytes, SEGMENT_FRAMES_END_AT, self.frames_end);
        put_u64(
            &mut bytes,
            SEGMENT_FLAGS_AT,
            if self.sealed { FLAG_SEALED } else { 0 },
        );
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<IndexedSegment> {
        let flags = u64_at(bytes, SEGMENT_FLAGS_AT);
        let segment = IndexedSegment {
            first_id: EntryId(u64_at(bytes, SEGMENT_FIRST_AT)),
            end_id: EntryId(u64_at(bytes, SEGMENT_END_AT)),
            frames_end: u64_at(bytes, SEGMENT_FRAMES_END_AT),
            sealed: flags == FLAG_SEALED,
        };
        (flags <= FLAG_SEALED && segment.first_id <= segment.end_id).then_some(segment)
    }
}
