//! Where do readable frames go on behind damage?
//!
//! Only an *anchor* proves that: an index point, or the last frame. From the anchor the search
//! follows the back links towards the damage. Bytes are never searched for something that looks
//! like a frame, as payloads may hold images of one.

use std::io;

use crate::format::FRAME_HEADER_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentReader;
use crate::segment::walk::header_at;

/// The first good frame behind the damage at `damaged`, as far as anchors and back links prove.
pub(super) fn resume_behind(
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
