//! Where does a sealed segment end, and where are its frames?
//!
//! The footer is the last frame of a sealed segment: of kind `Footer`, linked back like any other.
//! Its payload is a sparse index and, as the last bytes of the file, the trailer, which alone
//! holds all that an open needs.
//!
//! ```text
//!                       ┌─────────────── payload ───────────────────────┐
//!   ┌──────────────┬────┬─────────┬─────────┬───┬───────────────────────┐
//!   │ frame header │    │ point 0 │ point 1 │ … │        trailer        │ end of file
//!   └──────────────┴────┴─────────┴─────────┴───┴───────────────────────┘
//!   point:    0    8        16
//!             │ id │ offset │
//!   trailer:  0       4             8               16       24           32     36    40
//!             │ magic │ point count │ footer offset │ end id │ last frame │ link │ CRC │
//! ```

use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frame::MAX_PAYLOAD_LEN;
use crate::format::payload::check_payload;
use crate::format::segment_header::HEADER_AREA_LEN;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const MAGIC: u32 = u32::from_le_bytes(*b"IWtr");

const MAGIC_AT: usize = 0;
const POINT_COUNT_AT: usize = MAGIC_AT + 4;
const FOOTER_OFFSET_AT: usize = POINT_COUNT_AT + 4;
const END_ID_AT: usize = FOOTER_OFFSET_AT + 8;
const LAST_FRAME_AT: usize = END_ID_AT + 8;
const LINK_AT: usize = LAST_FRAME_AT + 8;
const CRC_AT: usize = LINK_AT + 4;
/// The length of the trailer, the last bytes of a sealed segment's file.
pub const TRAILER_LEN: usize = CRC_AT + 4;

const POINT_ID_AT: usize = 0;
const POINT_OFFSET_AT: usize = POINT_ID_AT + 8;
/// The length of an index point.
pub const POINT_LEN: usize = POINT_OFFSET_AT + 8;

/// More points than this are thinned out: the footer obeys the frame limit like any frame.
const MAX_POINTS: usize = (MAX_PAYLOAD_LEN as usize - TRAILER_LEN) / POINT_LEN;

/// A frame to start a search from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPoint {
    /// The first id of the frame.
    pub id: EntryId,
    /// Where the frame starts.
    pub offset: FileOffset,
}

/// The end of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the footer frame starts: the end of the data frames.
    pub footer_offset: FileOffset,
    /// The id after the last entry of the segment.
    pub end_id: EntryId,
    /// Where the last data frame starts.
    pub last_frame: FileOffset,
    /// The header CRC of the last data frame. The successor's header repeats it.
    pub link: u32,
    /// How many index points the footer holds.
    pub point_count: u32,
}

/// The length of the payload of a footer with `stored_count` points in it.
fn footer_payload_len(stored_count: u64) -> u64 {
    stored_count * POINT_LEN as u64 + TRAILER_LEN as u64
}

/// Every how many points one is stored, so that the footer obeys the frame limit.
fn stride(point_count: usize) -> usize {
    point_count.div_ceil(MAX_POINTS).max(1)
}

/// The length of the footer frame for `point_count` points, header included.
#[inline]
pub fn footer_len(point_count: usize) -> u64 {
    let stored_count = point_count.div_ceil(stride(point_count));
    FRAME_HEADER_LEN as u64 + footer_payload_len(stored_count as u64)
}

/// The whole footer frame to store at `at`, the end of the data frames, of which the last one
/// starts at `last_frame`, is `previous_len` long and has the header CRC `link`. With more points
/// than a frame may hold (a segment of a tebibyte) every n-th is stored.
pub fn encode_footer(
    seed: SegmentSeed,
    at: FileOffset,
    end_id: EntryId,
    last_frame: FileOffset,
    link: u32,
    previous_len: u32,
    points: &[IndexPoint],
) -> Vec<u8> {
    let stored = points.iter().step_by(stride(points.len()));
    let payload_len = footer_payload_len(stored.len() as u64);
    let trailer = Trailer {
        footer_offset: at,
        end_id,
        last_frame,
        link,
        // At most MAX_POINTS.
        point_count: stored.len() as u32,
    };
    let mut footer = vec![0; FRAME_HEADER_LEN];
    footer.reserve_exact(payload_len as usize);
    for point in stored {
        footer.extend_from_slice(&encode_point(point));
    }
    let trailer_at = at + footer.len() as u64;
    footer.extend_from_slice(&trailer.encode(seed, trailer_at));
    let header = FrameHeader {
        payload_crc: crc32fast::hash(&footer[FRAME_HEADER_LEN..]),
        first_id: end_id,
        entry_count: trailer.point_count,
        stored_len: payload_len as u32,
        uncompressed_len: payload_len as u32,
        previous_len,
        kind: FrameKind::Footer,
        codec: Codec::None,
    };
    footer[..FRAME_HEADER_LEN].copy_from_slice(&header.encode(seed, at));
    footer
}

/// Reads the trailer off the last `TRAILER_LEN` bytes of a file of `file_len` bytes. `None`: the
/// segment is not sealed, or its end is damaged.
pub fn decode_trailer(bytes: &[u8], seed: SegmentSeed, file_len: u64) -> Option<Trailer> {
    let bytes: &[u8; TRAILER_LEN] = bytes.try_into().ok()?;
    let at = FileOffset(file_len.checked_sub(TRAILER_LEN as u64)?);
    let trailer = Trailer {
        footer_offset: FileOffset(u64_at(bytes, FOOTER_OFFSET_AT)),
        end_id: EntryId(u64_at(bytes, END_ID_AT)),
        last_frame: FileOffset(u64_at(bytes, LAST_FRAME_AT)),
        link: u32_at(bytes, LINK_AT),
        point_count: u32_at(bytes, POINT_COUNT_AT),
    };
    // Encoding it again checks the CRC and the magic.
    let whole = trailer.encode(seed, at) == *bytes;
    (whole && trailer.fits(file_len)).then_some(trailer)
}

/// Reads the index off the whole footer frame, the bytes from `trailer.footer_offset` to the end
/// of the file. `None`: the footer is damaged; the trailer stays true.
pub fn decode_points(
    footer: &[u8],
    trailer: &Trailer,
    seed: SegmentSeed,
) -> Option<Vec<IndexPoint>> {
    let header = FrameHeader::decode(footer, seed, trailer.footer_offset).ok()?;
    let payload = &footer[FRAME_HEADER_LEN..];
    check_payload(&header, seed, payload).ok()?;
    let is_this_footer = header.kind == FrameKind::Footer
        && header.first_id == trailer.end_id
        && header.entry_count == trailer.point_count
        && u64::from(header.stored_len) == footer_payload_len(u64::from(trailer.point_count));
    if !is_this_footer {
        return None;
    }
    let points: Vec<IndexPoint> = payload[..payload.len() - TRAILER_LEN]
        .chunks_exact(POINT_LEN)
        .map(decode_point)
        .collect();
    points_are_possible(&points, trailer).then_some(points)
}

impl Trailer {
    fn encode(&self, seed: SegmentSeed, at: FileOffset) -> [u8; TRAILER_LEN] {
        let mut bytes = [0; TRAILER_LEN];
        put_u32(&mut bytes, MAGIC_AT, MAGIC);
        put_u32(&mut bytes, POINT_COUNT_AT, self.point_count);
        put_u64(&mut bytes, FOOTER_OFFSET_AT, self.footer_offset.0);
        put_u64(&mut bytes, END_ID_AT, self.end_id.0);
        put_u64(&mut bytes, LAST_FRAME_AT, self.last_frame.0);
        put_u32(&mut bytes, LINK_AT, self.link);
        let crc = seed.checksum(at, &bytes[..CRC_AT]);
        put_u32(&mut bytes, CRC_AT, crc);
        bytes
    }

    /// Whether footer and last frame lie where they can in a file of this length.
    fn fits(&self, file_len: u64) -> bool {
        let footer_len = FRAME_HEADER_LEN as u64 + footer_payload_len(u64::from(self.point_count));
        let before_footer = self.footer_offset.0.checked_sub(self.last_frame.0);
        self.last_frame.0 >= HEADER_AREA_LEN
            && before_footer.is_some_and(|len| len >= FRAME_HEADER_LEN as u64)
            && self.footer_offset.0.checked_add(footer_len) == Some(file_len)
    }
}

/// An index point's bytes.
pub(super) fn encode_point(point: &IndexPoint) -> [u8; POINT_LEN] {
    let mut bytes = [0; POINT_LEN];
    put_u64(&mut bytes, POINT_ID_AT, point.id.0);
    put_u64(&mut bytes, POINT_OFFSET_AT, point.offset.0);
    bytes
}

/// The index point in `POINT_LEN` bytes.
pub(super) fn decode_point(bytes: &[u8]) -> IndexPoint {
    IndexPoint {
        id: EntryId(u64_at(bytes, POINT_ID_AT)),
        offset: FileOffset(u64_at(bytes, POINT_OFFSET_AT)),
    }
}

/// Ascending in ids and offsets, all of them among the data frames.
fn points_are_possible(points: &[IndexPoint], trailer: &Trailer) -> bool {
    let ascending = points
        .windows(2)
        .all(|pair| pair[0].id < pair[1].id && pair[0].offset < pair[1].offset);
    let first_fits = points
        .first()
        .is_none_or(|first| first.offset.0 >= HEADER_AREA_LEN);
    let last_fits = points
        .last()
        .is_none_or(|last| last.id < trailer.end_id && last.offset <= trailer.last_frame);
    ascending && first_fits && last_fits
}
