//! How does the 0.6 crate lay out a frame and the entries in it? (`docs/FORMAT_06.md`)
//!
//! ```text
//!   0       4     8          16      20     21            25                  29      32
//!   ┌───────┬─────┬──────────┬───────┬──────┬─────────────┬───────────────────┬───────┬─────────┐
//!   │ magic │ CRC │ first id │ count │ kind │ stored size │ uncompressed size │ zeros │ payload │
//!   └───────┴─────┴──────────┴───────┴──────┴─────────────┴───────────────────┴───────┴─────────┘
//! ```
//!
//! All numbers are little-endian. The CRC covers first id, count, kind, stored size and the payload. A
//! payload, once decompressed, is a length of four bytes and the entry, for each entry.

use std::io;

use crate::error::memory;

/// The length of a header in bytes.
pub const HEADER_LEN: usize = ZEROS_AT + 3;
/// What a frame begins with.
pub const MAGIC: [u8; 4] = *b"LAWL";
/// A payload that is stored as it is.
pub const KIND_RAW: u8 = 0;
/// A payload that is an LZ4 frame.
pub const KIND_LZ4: u8 = 1;

const MAGIC_AT: usize = 0;
const CRC_AT: usize = MAGIC_AT + 4;
const FIRST_ID_AT: usize = CRC_AT + 4;
const COUNT_AT: usize = FIRST_ID_AT + 8;
const KIND_AT: usize = COUNT_AT + 4;
const STORED_LEN_AT: usize = KIND_AT + 1;
const UNCOMPRESSED_LEN_AT: usize = STORED_LEN_AT + 4;
const ZEROS_AT: usize = UNCOMPRESSED_LEN_AT + 4;
const COVERED_LEN: usize = UNCOMPRESSED_LEN_AT - FIRST_ID_AT;

const ENTRY_LEN_LEN: usize = 4;

/// A header, as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header06 {
    /// The first four bytes are those of a frame.
    pub has_magic: bool,
    /// The checksum that it states.
    pub crc: u32,
    /// The id of its first entry.
    pub first_id: u64,
    /// How many entries it has.
    pub count: u32,
    /// How the payload is stored.
    pub kind: u8,
    /// The length of the payload in the file.
    pub stored_len: u32,
    /// The length of the payload once decompressed. No checksum covers it.
    pub uncompressed_len: u32,
    /// The last three bytes are zeros.
    pub has_zeros: bool,
}

impl Header06 {
    /// Reads a header of [`HEADER_LEN`] bytes; `None` where there are fewer.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Header06 {
            has_magic: bytes.get(MAGIC_AT..CRC_AT)? == MAGIC,
            crc: u32_at(bytes, CRC_AT)?,
            first_id: u64_at(bytes, FIRST_ID_AT)?,
            count: u32_at(bytes, COUNT_AT)?,
            kind: *bytes.get(KIND_AT)?,
            stored_len: u32_at(bytes, STORED_LEN_AT)?,
            uncompressed_len: u32_at(bytes, UNCOMPRESSED_LEN_AT)?,
            has_zeros: bytes.get(ZEROS_AT..HEADER_LEN)? == [0; HEADER_LEN - ZEROS_AT],
        })
    }

    /// What the checksum covers in front of the payload.
    pub fn covered(&self) -> [u8; COVERED_LEN] {
        let mut covered = [0; COVERED_LEN];
        let at = |field: usize| field - FIRST_ID_AT;
        covered[..at(COUNT_AT)].copy_from_slice(&self.first_id.to_le_bytes());
        covered[at(COUNT_AT)..at(KIND_AT)].copy_from_slice(&self.count.to_le_bytes());
        covered[at(KIND_AT)] = self.kind;
        covered[at(STORED_LEN_AT)..].copy_from_slice(&self.stored_len.to_le_bytes());
        covered
    }

    /// The id behind its last entry; `None` for a frame that no log can hold.
    pub fn end_id(&self) -> Option<u64> {
        let end = self.first_id.checked_add(u64::from(self.count))?;
        let is_possible = self.count > 0 && end <= MAX_ID;
        is_possible.then_some(end)
    }

    /// The length of the frame in the file.
    pub fn frame_len(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.stored_len)
    }
}

/// Greater ids come from damage only: no log has counted that far.
pub const MAX_ID: u64 = 1 << 62;

/// The entries of a decompressed payload; `None` where it does not hold exactly `count`.
pub fn entries(payload: &[u8], count: u32) -> io::Result<Option<Vec<&[u8]>>> {
    let count = count as usize;
    if payload.len() / ENTRY_LEN_LEN < count {
        return Ok(None);
    }
    let mut entries = Vec::new();
    memory::reserve(&mut entries, count)?;
    let mut at = 0;
    while entries.len() < count {
        let Some(len) = u32_at(payload, at) else {
            return Ok(None);
        };
        let start = at + ENTRY_LEN_LEN;
        let entry = start.checked_add(len as usize).map(|end| start..end);
        let Some(entry) = entry.and_then(|range| payload.get(range)) else {
            return Ok(None);
        };
        at = start + entry.len();
        entries.push(entry);
    }
    Ok((at == payload.len()).then_some(entries))
}

/// Two bytes, little-endian; `None` where they are not there.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    bytes.try_into().ok().map(u16::from_le_bytes)
}

/// Four bytes, little-endian; `None` where they are not there.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// Eight bytes, little-endian; `None` where they are not there.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}
