//! How do entries become a frame with as little as possible done under the stream's lock?
//!
//! Outside the lock everything that needs neither id nor place: lengths, checksums, compression.
//! Under it the header, a copy, and for a frame of many one mask per row.

use std::io;

use crate::checksum::crc32;
use crate::checksum::crc32_parts;
use crate::error::memory;
use crate::format::fields::put_u32;
use crate::format::fields::u32_at;
use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frame::MAX_PAYLOAD_LEN;
use crate::format::frame::TABLE_ROW_LEN;
use crate::format::frame::header_crc_of;
use crate::format::payload::ROW_CHECK_AT;
use crate::format::payload::ROW_END_AT;
use crate::format::properties::Properties;
use crate::format::seed::Masks;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// A frame as it is written without a copy: its header, the bytes that come first, and the
/// slices behind them, in order.
pub type FrameParts<'a> = (FrameHeader, Vec<u8>, Vec<&'a [u8]>);

/// A frame whose content is ready but whose ids and place are not: made without any lock.
pub struct PreparedFrame<'a> {
    kind: FrameKind,
    codec: Codec,
    entry_count: u32,
    payload_crc: u32,
    stored_len: u32,
    uncompressed_len: u32,
    /// The rows of an uncompressed frame of many, not masked yet. Empty in all others.
    table: Vec<u8>,
    content: Content<'a>,
    /// The properties that it holds; of a compressed frame they are in the block too.
    properties: Option<Properties>,
}

/// The payload behind the header and the table.
enum Content<'a> {
    /// The caller's bytes, one slice after the other, and behind them the properties.
    Slices(&'a [&'a [u8]]),
    /// One compressed block.
    Packed(Vec<u8>),
}

/// Why entries cannot become a frame.
#[derive(Debug)]
pub enum Unprepared {
    /// It would pass the limit of 1 GiB.
    TooLarge {
        /// The frame's length before compression, header included; `u64::MAX` if more.
        size_bytes: u64,
    },
    /// There is no memory for its table, or to compress it.
    NoMemory(io::Error),
}

impl Unprepared {
    /// The error of a frame that is known to be within the limit.
    pub fn into_io(self) -> io::Error {
        match self {
            Unprepared::TooLarge { .. } => io::ErrorKind::InvalidInput.into(),
            Unprepared::NoMemory(error) => error,
        }
    }
}

impl From<io::Error> for Unprepared {
    fn from(error: io::Error) -> Self {
        Unprepared::NoMemory(error)
    }
}

impl<'a> PreparedFrame<'a> {
    /// A frame of one entry, which is gathered from `parts`. Payloads of at least `compress_from`
    /// bytes are compressed if that makes them smaller; `None`: never.
    #[inline]
    pub fn single(parts: &'a [&'a [u8]], compress_from: Option<usize>) -> Result<Self, Unprepared> {
        let len = bounded_len(0, parts)?;
        if let Some(packed) = pack(&[], parts, &[], len, compress_from)? {
            return Ok(Self::from_packed(FrameKind::Single, 1, len, packed));
        }
        Ok(PreparedFrame {
            kind: FrameKind::Single,
            codec: Codec::None,
            entry_count: 1,
            payload_crc: crc32_parts(parts),
            stored_len: len,
            uncompressed_len: len,
            table: Vec::new(),
            content: Content::Slices(parts),
            properties: None,
        })
    }

    /// A frame of all `entries`, of which there must be at least one. A lone one becomes a frame
    /// of kind `Single`. `compress_from` as in [`PreparedFrame::single`], judged with the table.
    pub fn many(entries: &'a [&'a [u8]], compress_from: Option<usize>) -> Result<Self, Unprepared> {
        debug_assert!(
            !entries.is_empty(),
            "the caller answers an empty batch itself"
        );
        match entries {
            // Refused rather than turned into an entry that no caller appended.
            [] => return Err(Unprepared::TooLarge { size_bytes: 0 }),
            [_] => return Self::single(entries, compress_from),
            _ => {}
        }
        Self::with_table(entries, None, compress_from)
    }

    /// A frame of all `entries`, perhaps none, and of the properties that the stream has from this
    /// frame on. `compress_from` as in [`PreparedFrame::many`].
    pub fn with_properties(
        entries: &'a [&'a [u8]],
        properties: Properties,
        compress_from: Option<usize>,
    ) -> Result<Self, Unprepared> {
        Self::with_table(entries, Some(properties), compress_from)
    }

    fn with_table(
        entries: &'a [&'a [u8]],
        properties: Option<Properties>,
        compress_from: Option<usize>,
    ) -> Result<Self, Unprepared> {
        let kind = match properties {
            Some(_) => FrameKind::ManyWithProperties,
            None => FrameKind::Many,
        };
        let behind = properties.as_ref().map(Properties::encoded);
        // Bounded before the table is allocated: the number of entries may be hostile.
        let row_count = entries.len() as u64 + u64::from(behind.is_some());
        let rows_len = row_count.saturating_mul(TABLE_ROW_LEN as u64);
        let behind_len = behind.map_or(0, <[u8]>::len) as u64;
        let len = bounded_len(rows_len.saturating_add(behind_len), entries)?;
        let entry_count = entries.len() as u32;
        let table = table_of(entries, behind)?;
        let last = behind.unwrap_or_default();
        if let Some(packed) = pack(&table, entries, last, len, compress_from)? {
            let frame = Self::from_packed(kind, entry_count, len, packed);
            return Ok(PreparedFrame {
                properties,
                ..frame
            });
        }
        Ok(PreparedFrame {
            kind,
            codec: Codec::None,
            entry_count,
            payload_crc: crc32(&table),
            stored_len: len,
            uncompressed_len: len,
            table,
            content: Content::Slices(entries),
            properties,
        })
    }

    /// The properties that the stream has from this frame on; `None`: those that it had before.
    #[inline]
    pub fn properties(&self) -> Option<&Properties> {
        self.properties.as_ref()
    }

    /// What stands behind the slices.
    #[inline]
    fn behind_slices(&self) -> &[u8] {
        self.properties
            .as_ref()
            .map_or(&[], |properties| properties.encoded())
    }

    /// The frame's length in the file, header included.
    #[inline]
    pub fn frame_len(&self) -> u64 {
        FRAME_HEADER_LEN as u64 + u64::from(self.stored_len)
    }

    /// How many ids the frame takes.
    #[inline]
    pub fn entry_count(&self) -> u32 {
        self.entry_count
    }

    /// Appends the whole frame to `out`. `previous_len`: the length of the frame before it in the
    /// segment, 0 if it is the first. Called under the stream's lock. Without memory for it nothing
    /// is appended.
    pub fn encode_into(
        &self,
        out: &mut Vec<u8>,
        seed: SegmentSeed,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
    ) -> io::Result<FrameHeader> {
        // The length was bounded by the frame limit when the frame was made.
        let len = self.frame_len() as usize;
        let reserved = out.try_reserve(len);
        let reserved = reserved.or_else(|_| out.try_reserve_exact(len));
        reserved.map_err(|_| memory::out_of_memory(out.len() + len))?;
        let header = self.put_header_and_table(out, seed, at, first_id, previous_len);
        match &self.content {
            Content::Slices(slices) => {
                slices.iter().for_each(|slice| out.extend_from_slice(slice));
                out.extend_from_slice(self.behind_slices());
            }
            Content::Packed(packed) => out.extend_from_slice(packed),
        }
        Ok(header)
    }

    /// Hands the frame to `put` piece by piece, each with its place; the header comes last, so that
    /// a process which dies on the way leaves a place that was not written. False from `put` ends
    /// it: `None`. Otherwise the header, and its own check. Allocates nothing.
    #[inline]
    pub fn put_header_last(
        &self,
        seed: SegmentSeed,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
        mut put: impl FnMut(FileOffset, &[u8]) -> bool,
    ) -> Option<(FrameHeader, u32)> {
        let header = self.header(first_id, previous_len);
        // Encoded first: what was just stored in pieces is read slowly as a whole, and slower still
        // while stores to memory that is not cached wait before it.
        let encoded = header.encode(seed, at);
        let mut place = at + FRAME_HEADER_LEN as u64;
        let mut next = |bytes: &[u8]| {
            let done = bytes.is_empty() || put(place, bytes);
            place += bytes.len() as u64;
            done.then_some(())
        };
        let mut masks = seed.masks(self.payload_crc, first_id);
        let mut rows = [0; 64 * TABLE_ROW_LEN];
        for chunk in self.table.chunks(rows.len()) {
            let rows = &mut rows[..chunk.len()];
            rows.copy_from_slice(chunk);
            mask_rows(rows, &mut masks);
            next(rows)?;
        }
        match &self.content {
            Content::Slices(slices) => {
                slices.iter().try_for_each(|slice| next(slice))?;
                next(self.behind_slices())?;
            }
            Content::Packed(packed) => next(packed)?,
        }
        put(at, &encoded).then(|| (header, header_crc_of(&encoded)))
    }

    /// The same frame for a caller that writes it without copying it: the header, the bytes to
    /// write first (header and table), and the slices to write behind them, in order.
    pub fn parts(
        &self,
        seed: SegmentSeed,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
    ) -> io::Result<FrameParts<'_>> {
        let mut prefix = Vec::new();
        memory::reserve(&mut prefix, FRAME_HEADER_LEN + self.table.len())?;
        let header = self.put_header_and_table(&mut prefix, seed, at, first_id, previous_len);
        let rest = match &self.content {
            Content::Slices(slices) => {
                let mut rest = Vec::new();
                memory::reserve(&mut rest, slices.len() + 1)?;
                rest.extend_from_slice(slices);
                rest.extend(Some(self.behind_slices()).filter(|bytes| !bytes.is_empty()));
                rest
            }
            Content::Packed(packed) => vec![packed.as_slice()],
        };
        Ok((header, prefix, rest))
    }

    fn from_packed(kind: FrameKind, entry_count: u32, len: u32, packed: Vec<u8>) -> Self {
        PreparedFrame {
            kind,
            codec: Codec::Lz4,
            entry_count,
            payload_crc: crc32(&packed),
            stored_len: packed.len() as u32,
            uncompressed_len: len,
            table: Vec::new(),
            content: Content::Packed(packed),
            properties: None,
        }
    }

    #[inline]
    fn header(&self, first_id: EntryId, previous_len: u32) -> FrameHeader {
        FrameHeader {
            payload_crc: self.payload_crc,
            first_id,
            entry_count: self.entry_count,
            stored_len: self.stored_len,
            uncompressed_len: self.uncompressed_len,
            previous_len,
            kind: self.kind,
            codec: self.codec,
        }
    }

    fn put_header_and_table(
        &self,
        out: &mut Vec<u8>,
        seed: SegmentSeed,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
    ) -> FrameHeader {
        let header = self.header(first_id, previous_len);
        out.extend_from_slice(&header.encode(seed, at));
        let table_at = out.len();
        out.extend_from_slice(&self.table);
        let mut masks = seed.masks(self.payload_crc, first_id);
        mask_rows(&mut out[table_at..], &mut masks);
        header
    }
}

/// Turns the checks of whole rows into the stored checks.
fn mask_rows(rows: &mut [u8], masks: &mut Masks) {
    for row in rows.chunks_exact_mut(TABLE_ROW_LEN) {
        let check = u32_at(row, ROW_CHECK_AT);
        put_u32(row, ROW_CHECK_AT, check ^ masks.next_mask());
    }
}

/// The length of a table and all slices, if a payload may be that long.
#[inline]
fn bounded_len(table_len: u64, slices: &[&[u8]]) -> Result<u32, Unprepared> {
    // Slices may overlap, so their lengths may add up to more than the address space.
    let len = slices.iter().fold(table_len, |sum, slice| {
        sum.saturating_add(slice.len() as u64)
    });
    if len > MAX_PAYLOAD_LEN {
        return Err(Unprepared::TooLarge {
            size_bytes: len.saturating_add(FRAME_HEADER_LEN as u64),
        });
    }
    // MAX_PAYLOAD_LEN is below 2^30.
    Ok(len as u32)
}

/// The rows of entries, and of what stands behind them, whose lengths were bounded together; not
/// masked yet.
fn table_of(entries: &[&[u8]], behind: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let row_count = entries.len() + usize::from(behind.is_some());
    let mut table = memory::zeroed(row_count * TABLE_ROW_LEN)?;
    let mut end = 0;
    let entries = entries.iter().copied().chain(behind);
    for (row, entry) in table.chunks_exact_mut(TABLE_ROW_LEN).zip(entries) {
        end += entry.len() as u32;
        put_u32(row, ROW_END_AT, end);
        put_u32(row, ROW_CHECK_AT, crc32(entry));
    }
    Ok(table)
}

/// Table, slices and what stands behind them as one LZ4 block, if that is wanted and smaller.
#[cfg(feature = "compression")]
fn pack(
    table: &[u8],
    slices: &[&[u8]],
    behind: &[u8],
    len: u32,
    compress_from: Option<usize>,
) -> io::Result<Option<Vec<u8>>> {
    if compress_from.is_none_or(|min_len| (len as usize) < min_len) {
        return Ok(None);
    }
    let packed = match (table, slices) {
        ([], [only]) => compress(only)?,
        _ => {
            let mut gathered = Vec::new();
            memory::reserve(&mut gathered, len as usize)?;
            gathered.extend_from_slice(table);
            slices
                .iter()
                .for_each(|slice| gathered.extend_from_slice(slice));
            gathered.extend_from_slice(behind);
            compress(&gathered)?
        }
    };
    Ok(packed.filter(|packed| packed.len() < len as usize))
}

/// One LZ4 block, which may be longer than the input. Where the block would not fit what is the most
/// that a block takes, there is none.
#[cfg(feature = "compression")]
fn compress(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut packed = memory::zeroed(lz4_flex::block::get_maximum_output_size(bytes.len()))?;
    Ok(match lz4_flex::block::compress_into(bytes, &mut packed) {
        Ok(len) => {
            packed.truncate(len);
            Some(packed)
        }
        Err(_) => None,
    })
}

/// Without the feature `compression` nothing is ever compressed.
#[cfg(not(feature = "compression"))]
fn pack(
    _table: &[u8],
    _slices: &[&[u8]],
    _behind: &[u8],
    _len: u32,
    _compress_from: Option<usize>,
) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}
