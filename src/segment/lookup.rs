//! Which frame holds an id? The walk to it starts at the nearest point of the sparse index.
//!
//! A walk through frames that the index does not know adds points, so that the next look-up is
//! shorter. The index of a sealed segment is read from its footer when it is first needed. Failure:
//! a damaged footer leaves an empty index, and look-ups walk from the segment's start.

use std::io;

use crate::format::FrameFault;
use crate::format::HEADER_AREA_LEN;
use crate::format::IndexPoint;
use crate::format::TRAILER_LEN;
use crate::format::decode_points;
use crate::format::decode_trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::Damage;
use crate::segment::FrameWalk;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentReader;
use crate::segment::SparseIndex;
use crate::segment::WalkItem;
use crate::segment::sparse_index::STRIDE_BYTES;
use crate::segment::walk::frame_at;

/// Finds the frame that holds `id`. The id must lie below the limit's and not below the first.
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

/// Finds the frame that holds `id`, and hands it and all frames on the way to `pass`.
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
    let mut walk = FrameWalk::new((start.offset, start.id), limit, read_ahead);
    let mut seen = Vec::new();
    let found = loop {
        match walk.advance(segment, file, window)? {
            WalkItem::Frame { frame, previous } => {
                pass(&frame);
                let may_be_point = previous.is_some() && frame.header.may_be_point();
                if may_be_point && SparseIndex::is_point(previous, frame.offset) {
                    seen.push((previous, frame.offset, frame.header.first_id));
                }
                if id < frame.header.end_id() {
                    break Ok(frame);
                }
            }
            WalkItem::Damaged(damage) if damage.ids.end <= id.0 => {}
            WalkItem::Damaged(damage) => break Err(damage),
            // Only for an id that does not lie below the limit.
            WalkItem::End => {
                break Err(Damage {
                    ids: id.0..id.0.saturating_add(1),
                    offset: limit.0,
                    fault: FrameFault::Short,
                });
            }
        }
    };
    let is_in_gap = |gap: std::ops::Range<FileOffset>| start.offset < gap.end;
    if file.index.read().gap().is_some_and(is_in_gap) {
        let mut index = file.index.write();
        for (previous, offset, first_id) in seen {
            index.note(previous, offset, first_id);
        }
    }
    Ok(found)
}

/// Hands the frames behind `from` to `pass`, up to the next point of the index. A walk to `from`
/// would meet the same frames if it went on. Ends early at the first frame that is not good.
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
        let expected = (last.end(), last.header.end_id());
        match frame_at(segment, &file.source, window, expected, read_ahead, limit.0) {
            Ok(Ok(frame)) => {
                last = frame;
                pass(&last);
            }
            _ => return,
        }
    }
}

/// Reads the index from the footer unless that has been done.
pub(super) fn ensure_index(segment: &Segment, file: &SegmentReader) -> io::Result<()> {
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
