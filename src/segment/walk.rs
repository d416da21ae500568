//! Where is the frame that holds an id, and where do good frames go on behind damage?
//!
//! Frames are found by walking: from the start or an index point, header to header. A header that
//! does not validate ends the walk. Reading goes on only from an *anchor* (an index point, the
//! last frame) and from there backwards along the back links towards the damage, never by
//! searching the bytes for something that looks like a frame: payloads may hold images of one.

use std::io;
use std::ops::Range;

use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameFault;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::HEADER_AREA_LEN;
use crate::format::IndexPoint;
use crate::format::TRAILER_LEN;
use crate::format::decode_points;
use crate::format::decode_trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentReader;
use crate::segment::SparseIndex;
use crate::segment::sparse_index::STRIDE_BYTES;

/// A frame and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocatedFrame {
    /// Where its header starts.
    pub offset: FileOffset,
    /// What the header says; its checksum is good.
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
    /// Which.
    pub ids: Range<u64>,
    /// Where the damage begins in the file.
    pub offset: FileOffset,
    /// What is wrong there.
    pub fault: FrameFault,
}

/// What stands at a place where a frame is expected.
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

/// Decodes the header at `offset`, all of whose frame must lie below `limit`.
pub fn header_at(
    segment: &Segment,
    source: &SegmentBytes,
    window: &mut ReadBuffer,
    offset: FileOffset,
    read_ahead: usize,
    limit: FileOffset,
) -> io::Result<Result<FrameHeader, FrameFault>> {
    let Some(bytes) = window.bytes(source, offset, FRAME_HEADER_LEN, read_ahead, limit)? else {
        return Ok(Err(FrameFault::Short));
    };
    Ok(match FrameHeader::decode(bytes, segment.seed, offset) {
        Ok(header) if header.kind == FrameKind::Footer => {
            Err(FrameFault::Field("a footer among the frames"))
        }
        Ok(header) if (offset + header.len()) > limit => Err(FrameFault::Short),
        decoded => decoded,
    })
}

/// Looks at the frame at `offset`, which must hold `expected` as its first id.
pub fn step(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    (offset, expected): (FileOffset, EntryId),
    read_ahead: usize,
    limit: (FileOffset, EntryId),
) -> io::Result<Step> {
    let fault = match header_at(segment, &file.source, window, offset, read_ahead, limit.0)? {
        Ok(header) if header.first_id == expected => {
            return Ok(Step::Frame(LocatedFrame { offset, header }));
        }
        Ok(_) => FrameFault::Field("first id"),
        Err(fault) => fault,
    };
    ensure_index(segment, file)?;
    let resume = resume_behind(segment, file, window, (offset, expected), limit)?;
    let end = resume.map_or(limit.1, |(_, id)| id);
    let damage = Damage {
        ids: expected.0..end.0,
        offset,
        fault,
    };
    Ok(Step::Damaged { damage, resume })
}

/// Finds the frame that holds `id`, which lies below the limit's id and not below the first.
pub fn locate(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    id: EntryId,
    read_ahead: usize,
    limit: (FileOffset, EntryId),
) -> io::Result<Result<LocatedFrame, Damage>> {
    locate_passing(segment, file, window, id, read_ahead, limit, |_| ())
}

/// Finds the frame that holds `id` and shows it, and all frames it comes by, to `pass`.
pub fn locate_passing(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    id: EntryId,
    read_ahead: usize,
    limit: (FileOffset, EntryId),
    mut pass: impl FnMut(&LocatedFrame),
) -> io::Result<Result<LocatedFrame, Damage>> {
    ensure_index(segment, file)?;
    let start = file
        .index
        .read()
        .at_or_before(id)
        .filter(|point| point.offset < limit.0);
    let start = start.unwrap_or(IndexPoint {
        id: segment.first_id(),
        offset: FileOffset(HEADER_AREA_LEN),
    });
    let mut place = (start.offset, start.id);
    let mut previous = None;
    let mut seen = Vec::new();
    let found = loop {
        match step(segment, file, window, place, read_ahead, limit)? {
            Step::Frame(frame) => {
                pass(&frame);
                if previous.is_some() && SparseIndex::is_point(previous, frame.offset) {
                    seen.push((previous, frame.offset, frame.header.first_id));
                }
                if id < frame.header.end_id() {
                    break Ok(frame);
                }
                previous = Some(frame.offset);
                place = (frame.end(), frame.header.end_id());
            }
            Step::Damaged { damage, resume } => match resume {
                Some(resume) if resume.1 <= id => {
                    previous = None;
                    place = resume;
                }
                _ => break Err(damage),
            },
        }
    };
    // A long walk went through frames that the index does not know: the next one is shorter.
    if file
        .index
        .read()
        .gap()
        .is_some_and(|gap| start.offset < gap.end)
    {
        let mut index = file.index.write();
        for (previous, offset, first_id) in seen {
            index.note(previous, offset, first_id);
        }
    }
    Ok(found)
}

/// Shows the frames behind `from` to `pass`, up to the next point of the index: those that the walk
/// to `from` would pass if it were asked for them. Ends early at whatever is not good.
pub fn pass_rest_of_stride(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    from: LocatedFrame,
    limit: (FileOffset, EntryId),
    mut pass: impl FnMut(&LocatedFrame),
) {
    let mut last = from;
    let read_ahead = STRIDE_BYTES as usize;
    while last.end() < limit.0 && !SparseIndex::is_point(Some(from.offset), last.end()) {
        let offset = last.end();
        match header_at(segment, &file.source, window, offset, read_ahead, limit.0) {
            Ok(Ok(header)) if header.first_id == last.header.end_id() => {
                last = LocatedFrame { offset, header };
                pass(&last);
            }
            _ => return,
        }
    }
}

/// The first good frame behind the damage at `damaged`, as far as anchors and back links prove.
fn resume_behind(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    damaged: (FileOffset, EntryId),
    limit: (FileOffset, EntryId),
) -> io::Result<Option<(FileOffset, EntryId)>> {
    let mut behind = damaged.0;
    loop {
        let point = file.index.read().behind(behind);
        let anchor = match point.filter(|point| point.offset < limit.0) {
            Some(point) => (point.offset, Some(point.id)),
            None => match segment.last_frame() {
                Some(last) if last > behind && last < limit.0 => (last, None),
                _ => return Ok(None),
            },
        };
        behind = anchor.0;
        let Ok(header) = header_at(
            segment,
            &file.source,
            window,
            anchor.0,
            FRAME_HEADER_LEN,
            limit.0,
        )?
        else {
            continue;
        };
        if anchor.1.is_some_and(|id| id != header.first_id) || header.first_id < damaged.1 {
            continue;
        }
        let frame = LocatedFrame {
            offset: anchor.0,
            header,
        };
        return walk_back(segment, file, window, frame, damaged).map(Some);
    }
}

/// Follows the back links from a good frame towards the damage.
fn walk_back(
    segment: &Segment,
    file: &SegmentReader,
    window: &mut ReadBuffer,
    from: LocatedFrame,
    damaged: (FileOffset, EntryId),
) -> io::Result<(FileOffset, EntryId)> {
    let mut good = from;
    loop {
        let here = (good.offset, good.header.first_id);
        let back = u64::from(good.header.previous_len);
        let Some(offset) = good.offset.0.checked_sub(back).map(FileOffset) else {
            return Ok(here);
        };
        if back == 0 || offset <= damaged.0 {
            return Ok(here);
        }
        match header_at(
            segment,
            &file.source,
            window,
            offset,
            FRAME_HEADER_LEN,
            good.offset,
        )? {
            Ok(header)
                if offset + header.len() == good.offset
                    && header.end_id() == good.header.first_id
                    && header.first_id >= damaged.1 =>
            {
                good = LocatedFrame { offset, header };
            }
            _ => return Ok(here),
        }
    }
}

/// Reads the index out of the footer if that has not been done.
fn ensure_index(segment: &Segment, file: &SegmentReader) -> io::Result<()> {
    if !file.index.read().is_in_footer() {
        return Ok(());
    }
    let points = read_points(segment, &file.source)?;
    file.index.write().load(points, segment.limit().0);
    Ok(())
}

fn read_points(segment: &Segment, source: &SegmentBytes) -> io::Result<Option<Vec<IndexPoint>>> {
    let mut window = ReadBuffer::new();
    let file_len = match source.file() {
        Some(file) => file.len()?,
        None => source.mapped().len() as u64,
    };
    let end = FileOffset(file_len);
    let Some(start) = file_len.checked_sub(TRAILER_LEN as u64) else {
        return Ok(None);
    };
    let trailer = window.bytes(source, FileOffset(start), TRAILER_LEN, TRAILER_LEN, end)?;
    let Some(trailer) = trailer.and_then(|t| decode_trailer(t, segment.seed, file_len)) else {
        return Ok(None);
    };
    let Some(len) = file_len.checked_sub(trailer.footer_offset.0) else {
        return Ok(None);
    };
    let Ok(len) = usize::try_from(len) else {
        return Ok(None);
    };
    let footer = window.bytes(source, trailer.footer_offset, len, len, end)?;
    Ok(footer.and_then(|footer| decode_points(footer, &trailer, segment.seed)))
}
