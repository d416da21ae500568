//! Which bytes of a frame are one entry, and are they good?

use std::io;
use std::ops::Range;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
#[cfg(feature = "compression")]
use crate::error::memory;
use crate::format::Codec;
use crate::format::EntryRow;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::MAX_PROPERTIES_LEN;
use crate::format::PayloadFault;
use crate::format::Properties;
use crate::format::decompress;
use crate::format::entry_check;
use crate::format::entry_range;
use crate::format::entry_row;
use crate::format::properties_index;
use crate::format::table_rows_range;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::platform::prefetch;
use crate::segment::Damage;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;

/// How many bytes of a frame's entry table are read along with the rows asked for.
const ROWS_READ_AHEAD: usize = 4096;

/// How far ahead of a scan memory is prefetched: processors do not prefetch into the next page by
/// themselves. A fixed number of cache lines for each entry costs least.
const FETCHED_AHEAD: usize = 2048;
const LINES_FETCHED: usize = 5;

/// The buffers of a reader of one file: one over frames and entries, and one over entry tables,
/// which lie apart from their entries in large frames.
#[derive(Debug, Default)]
pub struct ReadBuffers {
    /// Frames and entries.
    pub frames: ReadBuffer,
    rows: ReadBuffer,
}

impl ReadBuffers {
    /// Empty buffers.
    pub const fn new() -> Self {
        ReadBuffers {
            frames: ReadBuffer::new(),
            rows: ReadBuffer::new(),
        }
    }

    /// Discards what was read: the next use may be of another file.
    pub fn reset(&mut self) {
        self.frames.reset();
        self.rows.reset();
    }
}

/// Where the checked bytes of an entry lie in a file; [`ReadBuffer::held`] hands them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPlace {
    /// Where the first byte is.
    pub offset: FileOffset,
    /// How many bytes.
    pub len: usize,
}

/// Reads entry `id`, which the uncompressed `frame` holds, into the buffer over frames and checks
/// it there.
pub fn check_entry(
    segment: &Segment,
    source: &SegmentBytes,
    buffers: &mut ReadBuffers,
    (frame, id): (&LocatedFrame, EntryId),
    read_ahead: usize,
) -> Result<EntryPlace> {
    let header = &frame.header;
    let index = (id - header.first_id) as u32;
    let context = || frame_context(segment, frame, id.0..id.0 + 1);
    let payload_at = frame.offset + FRAME_HEADER_LEN as u64;
    let row = match header.kind {
        FrameKind::Single => EntryRow {
            range: 0..header.stored_len as usize,
            check: header.payload_crc,
        },
        _ => {
            let range = table_rows_range(index);
            let at = payload_at + range.start as u64;
            let end = frame.end();
            let rows = match buffers.frames.held(source, at, range.len()) {
                [] => buffers
                    .rows
                    .bytes(source, at, range.len(), ROWS_READ_AHEAD, end)
                    .in_context(context)?,
                at_hand => Some(at_hand),
            };
            match rows.and_then(|rows| entry_row(header, rows, index)) {
                Some(row) => row,
                None => return Err(broken_table(segment, frame, id)),
            }
        }
    };
    let place = EntryPlace {
        offset: payload_at + row.range.start as u64,
        len: row.range.len(),
    };
    let limit = segment.limit().0.max(frame.end());
    let entry = buffers
        .frames
        .bytes(source, place.offset, place.len, read_ahead, limit);
    let Some(entry) = entry.in_context(context)? else {
        return Err(cut_short(segment, frame, id));
    };
    let actual = entry_check(header, segment.seed, index, entry);
    if actual != row.check {
        return Err(crc_mismatch(
            segment,
            frame,
            id.0..id.0 + 1,
            (row.check, actual),
        ));
    }
    Ok(place)
}

/// The entry in `bytes`, which begin where a frame does, if that is the frame of the one entry `id`,
/// uncompressed, whole and good. Everything else is for
/// [`step`](crate::segment::step) and [`check_entry`] to judge.
#[inline(always)]
pub fn single_in<'a>(
    segment: &Segment,
    bytes: &'a [u8],
    (offset, id): (FileOffset, EntryId),
) -> Option<&'a [u8]> {
    let header = FrameHeader::decode(bytes, segment.seed, offset).ok()?;
    let is_plain = header.kind == FrameKind::Single && header.codec == Codec::None;
    if !is_plain || header.first_id != id {
        return None;
    }
    let entry = bytes[FRAME_HEADER_LEN..].get(..header.stored_len as usize)?;
    let actual = entry_check(&header, segment.seed, 0, entry);
    (actual == header.payload_crc).then_some(entry)
}

/// The frame of one uncompressed entry at `place`, if it is in memory, whole and good.
#[inline]
pub fn cached_single_at(
    segment: &Segment,
    source: &SegmentBytes,
    window: &ReadBuffer,
    place: (FileOffset, EntryId),
) -> Option<EntryPlace> {
    let bytes = window.in_buffer(source, place.0);
    prefetch(
        bytes.get(FETCHED_AHEAD..).unwrap_or_default(),
        LINES_FETCHED,
    );
    let entry = single_in(segment, bytes, place)?;
    Some(EntryPlace {
        offset: place.0 + FRAME_HEADER_LEN as u64,
        len: entry.len(),
    })
}

/// Entry `id` of an uncompressed frame of many, if it and its rows are in memory and good.
#[inline]
pub fn cached_one_of_many(
    segment: &Segment,
    source: &SegmentBytes,
    window: &ReadBuffer,
    (frame, id): (&LocatedFrame, EntryId),
) -> Option<EntryPlace> {
    let header = &frame.header;
    let index = (id - header.first_id) as u32;
    let payload_at = frame.offset + FRAME_HEADER_LEN as u64;
    let payload = window.in_buffer(source, payload_at);
    let payload = payload.get(..header.stored_len as usize)?;
    let row = entry_row(header, payload.get(table_rows_range(index))?, index)?;
    let entry = payload.get(row.range.clone())?;
    let good = entry_check(header, segment.seed, index, entry) == row.check;
    let offset = payload_at + row.range.start as u64;
    let len = entry.len();
    good.then_some(EntryPlace { offset, len })
}

/// Where entry `id` lies in the decompressed payload of `frame`.
pub fn entry_in_block(
    segment: &Segment,
    frame: &LocatedFrame,
    block: &[u8],
    id: EntryId,
) -> Result<Range<usize>> {
    let index = (id - frame.header.first_id) as u32;
    let row = entry_range(&frame.header, block, index);
    match row.filter(|row| block.get(row.range.clone()).is_some()) {
        Some(row) => Ok(row.range),
        None => Err(broken_table(segment, frame, id)),
    }
}

/// Reads, checks and decompresses the payload of a compressed frame.
pub fn read_block(
    segment: &Segment,
    source: &SegmentBytes,
    buffers: &mut ReadBuffers,
    frame: &LocatedFrame,
) -> Result<Vec<u8>> {
    debug_assert!(frame.header.codec != Codec::None);
    let ids = frame.header.ids();
    let stored = stored_payload(source, &mut buffers.frames, frame)
        .in_context(|| frame_context(segment, frame, ids.clone()))?;
    let Some(stored) = stored else {
        return Err(cut_short(segment, frame, frame.header.first_id));
    };
    decompress(&frame.header, stored).map_err(|fault| payload_error(segment, frame, fault))
}

/// Reads, checks and decodes the properties that `frame` holds. Every error but damage to them is
/// `Io` or `UnsupportedVersion`.
pub fn read_properties(
    segment: &Segment,
    source: &SegmentBytes,
    buffers: &mut ReadBuffers,
    frame: &LocatedFrame,
) -> Result<Properties> {
    let (header, end) = (&frame.header, frame.end());
    let context = || segment.context().offset(frame.offset.0);
    let broken = || Error::corruption("the properties in a frame are damaged", context());
    let index = properties_index(header).ok_or_else(broken)?;
    if header.codec != Codec::None {
        let block = read_block(segment, source, buffers, frame)?;
        let row = entry_range(header, &block, index).ok_or_else(broken)?;
        let bytes = block.get(row.range);
        return bytes.and_then(Properties::decode).ok_or_else(broken);
    }
    let payload_at = frame.offset + FRAME_HEADER_LEN as u64;
    let rows = table_rows_range(index);
    let at = payload_at + rows.start as u64;
    let rows = buffers.rows.bytes(source, at, rows.len(), rows.len(), end);
    let rows = rows.in_context(context)?.ok_or_else(broken)?;
    let row = entry_row(header, rows, index).ok_or_else(broken)?;
    let (at, len) = (payload_at + row.range.start as u64, row.range.len());
    if len > MAX_PROPERTIES_LEN {
        return Err(broken());
    }
    let bytes = buffers.frames.bytes(source, at, len, len, end);
    let bytes = bytes.in_context(context)?.ok_or_else(broken)?;
    let (expected, actual) = (row.check, entry_check(header, segment.seed, index, bytes));
    if expected != actual {
        let offset = frame.offset.0;
        return Err(Error::CrcMismatch {
            expected,
            actual,
            offset,
        }
        .remembering(context()));
    }
    Properties::decode(bytes).ok_or_else(broken)
}

fn stored_payload<'a>(
    source: &'a SegmentBytes,
    window: &'a mut ReadBuffer,
    frame: &LocatedFrame,
) -> io::Result<Option<&'a [u8]>> {
    let at: FileOffset = frame.offset + FRAME_HEADER_LEN as u64;
    let len = frame.header.stored_len as usize;
    window.bytes(source, at, len, len, frame.end())
}

/// The error for a run of ids behind a damaged header.
pub fn damage_error(segment: &Segment, damage: &Damage) -> Error {
    let context = segment
        .context()
        .offset(damage.offset.0)
        .ids(damage.ids.clone());
    Error::corruption(damage.fault, context)
}

fn payload_error(segment: &Segment, frame: &LocatedFrame, fault: PayloadFault) -> Error {
    let ids = frame.header.ids();
    match fault {
        PayloadFault::Crc { expected, actual }
        | PayloadFault::Entry {
            expected, actual, ..
        } => crc_mismatch(segment, frame, ids, (expected, actual)),
        PayloadFault::Table => broken_table(segment, frame, frame.header.first_id),
        PayloadFault::Decompress => {
            let context = frame_context(segment, frame, ids);
            Error::corruption("a compressed payload cannot be unpacked", context)
        }
        #[cfg(feature = "compression")]
        PayloadFault::NoMemory { bytes } => {
            let context = frame_context(segment, frame, ids);
            Error::io(memory::out_of_memory(bytes), context)
        }
        #[cfg(not(feature = "compression"))]
        PayloadFault::NoCodec => {
            let what = "the entry is compressed, and this build lacks the feature `compression`";
            Error::UnsupportedVersion(format!("{what} ({})", frame_context(segment, frame, ids)))
        }
    }
}

fn crc_mismatch(
    segment: &Segment,
    frame: &LocatedFrame,
    ids: Range<u64>,
    (expected, actual): (u32, u32),
) -> Error {
    let offset = frame.offset.0;
    Error::CrcMismatch {
        expected,
        actual,
        offset,
    }
    .remembering(frame_context(segment, frame, ids))
}

fn broken_table(segment: &Segment, frame: &LocatedFrame, id: EntryId) -> Error {
    let context = frame_context(segment, frame, id.0..id.0 + 1);
    Error::corruption("an entry table row is damaged", context)
}

fn cut_short(segment: &Segment, frame: &LocatedFrame, id: EntryId) -> Error {
    let context = frame_context(segment, frame, id.0..frame.header.end_id().0);
    Error::corruption("the file ends inside a frame", context)
}

fn frame_context(segment: &Segment, frame: &LocatedFrame, ids: Range<u64>) -> ErrorContext {
    segment.context().offset(frame.offset.0).ids(ids)
}
