//! Are these the bytes that were appended, and where among them is an entry?
//!
//! There are two ways to an entry. A reader with the whole payload checks it whole. A reader that
//! needs one entry of an uncompressed frame of many reads one or two rows of its table, then the
//! entry, and compares the row's check. Nothing here trusts a row before that comparison.

use std::ops::Range;

use crate::checksum::crc32;
#[cfg(feature = "compression")]
use crate::error::memory;
use crate::format::fields::put_u32;
use crate::format::fields::u32_at;
use crate::format::frame::Codec;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frame::TABLE_ROW_LEN;
use crate::format::payload::ROW_CHECK_AT;
use crate::format::payload::ROW_END_AT;
use crate::format::seed::Masks;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;

/// How a payload differs from what was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFault {
    /// The checksum in the header does not match, or (`expected == actual`) the length.
    Crc {
        /// The checksum in the header.
        expected: u32,
        /// The checksum of what was read.
        actual: u32,
    },
    /// The rows are not ascending or lead out of the payload.
    Table,
    /// One entry does not match the check in its row.
    Entry {
        /// Which entry of the frame, counted from 0.
        index: u32,
        /// The check in the row.
        expected: u32,
        /// The check of what was read.
        actual: u32,
    },
    /// The checksum is good, but the block does not decompress to the length in the header.
    Decompress,
    /// There is no memory for what it decompresses to.
    #[cfg(feature = "compression")]
    NoMemory {
        /// How many bytes that is.
        bytes: usize,
    },
    /// The payload is compressed, and this build lacks the feature `compression`.
    #[cfg(not(feature = "compression"))]
    NoCodec,
}

/// One row of the table of a frame of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Where the entry lies within the decompressed payload.
    pub range: Range<usize>,
    /// What [`entry_check`] must give for these bytes.
    pub check: u32,
}

/// Checks a whole stored payload against its header: of an uncompressed frame of many the table
/// and every entry, of all others the stored bytes.
pub fn check_payload(
    header: &FrameHeader,
    seed: SegmentSeed,
    payload: &[u8],
) -> Result<(), PayloadFault> {
    let expected = header.payload_crc;
    let is_table = header.row_count() > 0 && header.codec == Codec::None;
    let covered = if is_table {
        payload.get(..table_len(header))
    } else {
        Some(payload)
    };
    let (Some(covered), true) = (covered, payload.len() == header.stored_len as usize) else {
        return Err(PayloadFault::Crc {
            expected,
            actual: crc32(payload),
        });
    };
    let actual = if is_table {
        let mut table = TableCheck::new(header, seed);
        table.update(covered);
        table.crc()
    } else {
        crc32(covered)
    };
    if expected != actual {
        return Err(PayloadFault::Crc { expected, actual });
    }
    if is_table {
        check_entries(header, seed, payload)
    } else {
        Ok(())
    }
}

/// The decompressed payload of an LZ4 frame, whose stored bytes are checked first. Allocates
/// `uncompressed_len`, which a decoded header bounds to 1 GiB and to 255 times the stored bytes.
/// A frame that is not compressed has nothing to decompress: `Decompress`.
pub fn decompress(header: &FrameHeader, stored: &[u8]) -> Result<Vec<u8>, PayloadFault> {
    if header.codec == Codec::None {
        return Err(PayloadFault::Decompress);
    }
    let (expected, actual) = (header.payload_crc, crc32(stored));
    if expected != actual || stored.len() != header.stored_len as usize {
        return Err(PayloadFault::Crc { expected, actual });
    }
    unpack(stored, header.uncompressed_len as usize)
}

/// Which row of the table is that of the properties; `None`: the frame has none.
pub fn properties_index(header: &FrameHeader) -> Option<u32> {
    header.has_properties().then_some(header.entry_count)
}

/// Which bytes of the payload of an uncompressed frame of many hold the one or two rows that
/// locate entry `index`.
pub fn table_rows_range(index: u32) -> Range<usize> {
    let row = index as usize * TABLE_ROW_LEN;
    row.saturating_sub(TABLE_ROW_LEN)..row + TABLE_ROW_LEN
}

/// What `rows`, the bytes of [`table_rows_range`], say about entry `index` of a frame of many; about
/// its properties at [`properties_index`]. `None`: nothing possible.
pub fn entry_row(header: &FrameHeader, rows: &[u8], index: u32) -> Option<EntryRow> {
    if u64::from(index) >= header.row_count() || rows.len() != table_rows_range(index).len() {
        return None;
    }
    let row_at = rows.len() - TABLE_ROW_LEN;
    let start = if index == 0 {
        0
    } else {
        u32_at(rows, ROW_END_AT)
    };
    let end = u32_at(rows, row_at + ROW_END_AT);
    let entries_len = header
        .uncompressed_len
        .checked_sub(u32::try_from(table_len(header)).ok()?)?;
    let is_last = u64::from(index) + 1 == header.row_count();
    if start > end || end > entries_len || (is_last && end != entries_len) {
        return None;
    }
    let entries_at = table_len(header);
    Some(EntryRow {
        range: entries_at + start as usize..entries_at + end as usize,
        check: u32_at(rows, row_at + ROW_CHECK_AT),
    })
}

/// What the row of entry `index` must say of the bytes `entry`. Of a frame of one entry: what its
/// payload CRC must be; if that one is compressed, the CRC has been compared by [`decompress`]
/// and is returned as it is.
#[inline]
pub fn entry_check(header: &FrameHeader, seed: SegmentSeed, index: u32, entry: &[u8]) -> u32 {
    match (header.kind, header.codec) {
        (FrameKind::Many | FrameKind::ManyWithProperties, Codec::None) => {
            crc32(entry) ^ mask_of(header, seed, index)
        }
        (FrameKind::Many | FrameKind::ManyWithProperties, Codec::Lz4) => crc32(entry),
        (FrameKind::Single | FrameKind::Footer, Codec::None) => crc32(entry),
        (FrameKind::Single | FrameKind::Footer, Codec::Lz4) => header.payload_crc,
    }
}

/// Where entry `index` lies in a whole, decompressed payload, and its check, not compared yet.
/// `None`: no such entry, or the table is impossible.
pub fn entry_range(header: &FrameHeader, payload: &[u8], index: u32) -> Option<EntryRow> {
    if payload.len() != header.uncompressed_len as usize {
        return None;
    }
    match header.kind {
        FrameKind::Many | FrameKind::ManyWithProperties => {
            entry_row(header, payload.get(table_rows_range(index))?, index)
        }
        FrameKind::Single if index == 0 => Some(EntryRow {
            range: 0..payload.len(),
            check: header.payload_crc,
        }),
        FrameKind::Single | FrameKind::Footer => None,
    }
}

/// The length of the table of a frame of many. Below 2^30 for a header that was decoded.
pub(super) fn table_len(header: &FrameHeader) -> usize {
    let len = header.row_count().saturating_mul(TABLE_ROW_LEN as u64);
    usize::try_from(len).unwrap_or(usize::MAX)
}

fn mask_of(header: &FrameHeader, seed: SegmentSeed, index: u32) -> u32 {
    let id = header.first_id.0.wrapping_add(u64::from(index));
    seed.masks(header.payload_crc, EntryId(id)).next_mask()
}

/// The CRC-32 of a table as it was before its checks were masked.
pub(super) struct TableCheck {
    masks: Masks,
    hasher: crc32fast::Hasher,
}

impl TableCheck {
    /// Of the table of a frame of many.
    pub(super) fn new(header: &FrameHeader, seed: SegmentSeed) -> Self {
        TableCheck {
            masks: seed.masks(header.payload_crc, header.first_id),
            hasher: crc32fast::Hasher::new(),
        }
    }

    /// Goes on with whole rows.
    pub(super) fn update(&mut self, table: &[u8]) {
        const ROWS_AT_ONCE: usize = 128;
        let mut buffer = [0; ROWS_AT_ONCE * TABLE_ROW_LEN];
        for masked in table.chunks(buffer.len()) {
            let rows = &mut buffer[..masked.len()];
            rows.copy_from_slice(masked);
            for row in rows.chunks_exact_mut(TABLE_ROW_LEN) {
                let check = u32_at(row, ROW_CHECK_AT);
                put_u32(row, ROW_CHECK_AT, check ^ self.masks.next_mask());
            }
            self.hasher.update(rows);
        }
    }

    /// Of the rows so far.
    pub(super) fn crc(&self) -> u32 {
        self.hasher.clone().finalize()
    }
}

/// Checks every entry of an uncompressed frame of many whose table is good.
fn check_entries(
    header: &FrameHeader,
    seed: SegmentSeed,
    payload: &[u8],
) -> Result<(), PayloadFault> {
    let mut masks = seed.masks(header.payload_crc, header.first_id);
    // The payload is as long as its table, so there are far fewer rows.
    let row_count = u32::try_from(header.row_count()).unwrap_or(u32::MAX);
    for index in 0..row_count {
        let row = entry_range(header, payload, index).ok_or(PayloadFault::Table)?;
        let entry = payload.get(row.range).ok_or(PayloadFault::Table)?;
        let (expected, actual) = (row.check, crc32(entry) ^ masks.next_mask());
        if expected != actual {
            return Err(PayloadFault::Entry {
                index,
                expected,
                actual,
            });
        }
    }
    Ok(())
}

#[cfg(feature = "compression")]
fn unpack(stored: &[u8], uncompressed_len: usize) -> Result<Vec<u8>, PayloadFault> {
    let bytes = uncompressed_len;
    let payload = memory::zeroed(bytes);
    let mut payload = payload.map_err(|_| PayloadFault::NoMemory { bytes })?;
    match lz4_flex::block::decompress_into(stored, &mut payload) {
        Ok(len) if len == uncompressed_len => Ok(payload),
        _ => Err(PayloadFault::Decompress),
    }
}

#[cfg(not(feature = "compression"))]
fn unpack(_stored: &[u8], _uncompressed_len: usize) -> Result<Vec<u8>, PayloadFault> {
    Err(PayloadFault::NoCodec)
}
