//! Which frame stands next in a segment: the frame walk, in the only copy there is.
//!
//! Frames are found from header to header, from the start of the segment or from an index point.
//! Each step checks the header's checksum, its limit and its first id.
//!
//! - [`FrameWalk`] and [`step`], for what was durable: a bad header is damage, and the walk goes on
//!   at the next frame that `resume` proves.
//! - [`chained_frame`], for recovery: each frame must also repeat the length of the frame before
//!   it. The first one that does not ends the walk.
//! - [`frame_in`], for bytes that the caller has read.

use std::io;
use std::ops::Range;

use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameFault;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::SegmentSeed;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SegmentReader;
use crate::segment::lookup::ensure_index;
use crate::segment::resume::resume_behind;

/// A frame and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocatedFrame {
    /// Where its header starts.
    pub offset: FileOffset,
    /// Its header; the header's checksum is good.
    pub header: FrameHeader,
}

impl LocatedFrame {
    /// One past the frame's last byte.
    pub fn end(&self) -> FileOffset {
        self.offset + self.header.len()
    }
}

/// A run of ids that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The ids.
    pub ids: Range<u64>,
    /// Where the damage begins in the file.
    pub offset: FileOffset,
    /// What is wrong there.
    pub fault: FrameFault,
}

/// What stands where a frame is expected.
#[derive(Clone, Debug)]
pub enum Step {
    /// The frame.
    Frame(LocatedFrame),
    /// Damage. `resume` is the first good frame behind it, with its first id.
    Damaged {
        /// What is lost.
        damage: Damage,
        /// Where to go on.
        resume: Option<(FileOffset, EntryId)>,
    },
}

/// Decodes the header of a frame in `bytes`, which begin at `offset` of the file. The frame must
/// end at or before `limit`.
#[inline]
fn decode_header(
    seed: SegmentSeed,
    bytes: &[u8],
    offset: FileOffset,
    limit: FileOffset,
) -> Result<FrameHeader, FrameFault> {
    match FrameHeader::decode(bytes, seed, offset) {
        Ok(header) if header.kind == FrameKind::Footer => {
            Err(FrameFault::Field("a footer among the frames"))
        }
        Ok(header) if offset + header.len() > limit => Err(FrameFault::Short),
        decoded => decoded,
    }
}

/// The frame whose header starts `bytes`. It must hold `expected` as its first id.
pub fn frame_in(
    seed: SegmentSeed,
    bytes: &[u8],
    (offset, expected): (FileOffset, EntryId),
    limit: FileOffset,
) -> Result<LocatedFrame, FrameFault> {
    let header = decode_header(seed, bytes, offset, limit)?;
    with_first_id(offset, header, expected)
}

#[inline]
fn with_first_id(
    offset: FileOffset,
    header: FrameHeader,
    expected: EntryId,
) -> Result<LocatedFrame, FrameFault> {
    match header.first_id == expected {
        true => Ok(LocatedFrame { offset, header }),
        false => Err(FrameFault::Field("first id")),
    }
}

/// Reads the header at `offset`. The frame must end at or before `limit`; its first id is not
/// checked.
pub fn header_at(
    segment: &Segment,
    source: &SegmentBytes,
    window: &mut ReadBuffer,
    offset: FileOffset,
    read_ahead: usize,
    limit: FileOffset,
) -> io::Result<Result<FrameHeader, FrameFault>> {
    let bytes = window.bytes(source, offset, FRAME_HEADER_LEN, read_ahead, limit)?;
    Ok(match bytes {
        Some(bytes) => decode_header(segment.seed, bytes, offset, limit),
        None => Err(FrameFault::Short),
    })
}

/// Reads the header at `offset`, which must hold `expected` as its first id.
#[inline]
pub(super) fn frame_at(
    segment: &Segment,
    source: &SegmentBytes,
    window: &mut ReadBuffer,
    (offset, expected): (FileOffset, EntryId),
    read_ahead: usize,
    limit: FileOffset,
) -> io::Result<Result<LocatedFrame, FrameFault>> {
    let header = header_at(segment, source, window, offset, read_ahead, limit)?;
    Ok(header.and_then(|header| with_first_id(offset, header, expected)))
}

/// Reads the frame at an offset, which must hold the expected first id, or finds where readable
/// frames go on behind it.
pub fn step(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    expected: (FileOffset, EntryId),
    read_ahead: usize,
    limit: (FileOffset, EntryId),
) -> io::Result<Step> {
    let found = frame_at(segment, &file.source, window, expected, read_ahead, limit.0)?;
    let fault = match found {
        Ok(frame) => return Ok(Step::Frame(frame)),
        Err(fault) => fault,
    };
    ensure_index(segment, file)?;
    let resume = resume_behind(segment, file, window, expected, limit)?;
    let (offset, first_id) = expected;
    // Behind a cut lie void frames, whose ids another segment holds.
    let end = resume.map_or(limit.1, |(_, id)| id).min(limit.1);
    let damage = Damage {
        ids: first_id.0..end.0,
        offset,
        fault,
    };
    Ok(Step::Damaged { damage, resume })
}

/// A walk from frame to frame, past damage.
#[derive(Clone, Debug)]
pub struct FrameWalk {
    /// Where the next frame is expected, and its first id. `None`: nothing readable follows.
    next: Option<(FileOffset, EntryId)>,
    /// The start of the frame before; `None` at the start of the walk and behind damage.
    previous: Option<FileOffset>,
    limit: (FileOffset, EntryId),
    read_ahead: usize,
    /// It also meets the frames without entries behind the last entry.
    is_to_last_frame: bool,
}

/// What a walk finds next.
#[derive(Clone, Debug)]
pub enum WalkItem {
    /// A frame; its payload is not checked. `previous` is the start of the frame before it, as far
    /// as this walk has seen one.
    Frame {
        /// The frame.
        frame: LocatedFrame,
        /// The frame before it.
        previous: Option<FileOffset>,
    },
    /// A run of ids that cannot be read. The walk goes on behind it.
    Damaged(Damage),
    /// The limit, or damage to the end.
    End,
}

impl FrameWalk {
    /// A walk from a frame's start, with its first id, to `limit`.
    pub fn new(
        start: (FileOffset, EntryId),
        limit: (FileOffset, EntryId),
        read_ahead: usize,
    ) -> Self {
        FrameWalk {
            next: Some(start),
            previous: None,
            limit,
            read_ahead,
            is_to_last_frame: false,
        }
    }

    /// The same walk, which goes on to the offset of the limit: it also meets frames without
    /// entries behind the last entry. That offset must be known to be the end of a frame.
    pub fn through_last_frame(self) -> Self {
        FrameWalk {
            is_to_last_frame: true,
            ..self
        }
    }

    /// Where the next frame is expected; `None` at the end.
    pub fn next_offset(&self) -> Option<FileOffset> {
        self.expected().map(|(offset, _)| offset)
    }

    #[inline]
    fn expected(&self) -> Option<(FileOffset, EntryId)> {
        self.next
            .filter(|next| next.1 < self.limit.1 || self.is_to_last_frame && next.0 < self.limit.0)
    }

    /// Finds the next frame.
    #[inline]
    pub fn advance(
        &mut self,
        segment: &Segment,
        file: &SegmentReader,
        window: &mut ReadBuffer,
    ) -> io::Result<WalkItem> {
        let Some(expected) = self.expected() else {
            return Ok(WalkItem::End);
        };
        let found = step(segment, file, window, expected, self.read_ahead, self.limit)?;
        Ok(match found {
            Step::Frame(frame) => {
                self.next = Some((frame.end(), frame.header.end_id()));
                let previous = self.previous.replace(frame.offset);
                WalkItem::Frame { frame, previous }
            }
            Step::Damaged { damage, resume } => {
                (self.next, self.previous) = (resume, None);
                WalkItem::Damaged(damage)
            }
        })
    }
}

/// What follows frames that end like a [`SegmentEnd`].
#[derive(Clone, Debug)]
pub enum Chained {
    /// A frame that continues the chain, and the end of the chain with it.
    Frame(LocatedFrame, SegmentEnd),
    /// A footer that continues the chain.
    Footer,
    /// Anything else.
    Broken,
}

/// Reads the frame behind `end`. It continues the chain if it begins with the next id, repeats the
/// length of the frame before it and ends at or before `limit`. Its payload is not checked.
pub fn chained_frame(
    segment: &Segment,
    source: &SegmentBytes,
    window: &mut ReadBuffer,
    end: &SegmentEnd,
    read_ahead: usize,
    limit: FileOffset,
) -> io::Result<Chained> {
    let offset = end.offset;
    let bytes = window.bytes(source, offset, FRAME_HEADER_LEN, read_ahead, limit)?;
    let Some(bytes) = bytes else {
        return Ok(Chained::Broken);
    };
    let Ok(header) = FrameHeader::decode(bytes, segment.seed, offset) else {
        return Ok(Chained::Broken);
    };
    let frame = LocatedFrame { offset, header };
    let continues = header.first_id == end.next_id && header.previous_len == end.last_frame_len;
    if !continues || frame.end() > limit {
        return Ok(Chained::Broken);
    }
    if header.kind == FrameKind::Footer {
        return Ok(Chained::Footer);
    }
    let end = SegmentEnd {
        offset: frame.end(),
        next_id: header.end_id(),
        last_frame: Some(offset),
        last_frame_len: header.len() as u32,
        link: bytes.first_chunk().map_or(0, header_crc_of),
    };
    Ok(Chained::Frame(frame, end))
}
