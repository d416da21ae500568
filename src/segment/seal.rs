//! How is a full segment sealed: its footer written, its length made exact?

use std::io;
use std::io::IoSlice;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::encode_footer;
use crate::format::footer_len;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::FrameWalk;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SegmentReader;
use crate::segment::WalkItem;
use crate::segment::slots::older_slot;
use crate::segment::slots::read_slots;
use crate::segment::slots::store_slot;
use crate::segment::sparse_index::STRIDE_BYTES;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;

/// How many bytes the footer of a segment may need whose frames end at `end`. They are allocated
/// before the frames get their ids, so that sealing works on a full disk.
#[inline]
pub fn footer_reserve(end: FileOffset) -> u64 {
    footer_len((end.0 / STRIDE_BYTES) as usize + 1)
}

/// Step 4 of a rotation: writes footer and slots, trims the file to its exact length and syncs it.
///
/// The slots are stored one after the other with a sync between, the older one first. With one
/// sync for both, a crash may tear both. If the footer is torn as well, nothing proves that the
/// frames were durable, and recovery would trim damage among them like a torn tail.
///
/// `written` is where the frames end, and the footer goes; `stated` is the end that the footer
/// records. They differ where a suffix was cut: the frames between are void, and stay.
///
/// The caller promises that all frames, and the newer slot, are durable and that a successor
/// durably exists. `Ok(Some(error))`: the disk is full. Nothing is lost, and sealing may be tried
/// again.
pub fn seal(
    segment: &Segment,
    file: &std::sync::Arc<dyn StorageFile>,
    written: &SegmentEnd,
    stated: &SegmentEnd,
    frontier: &FrontierSlot,
) -> Result<Option<Error>> {
    let context = || segment.context().offset(written.offset.0);
    let is_refused = |written: io::Result<()>| match written {
        Err(error) if is_out_of_space(&error) => Ok(Some(Error::io(error, context()))),
        written => written.map(|()| None).in_context(context),
    };
    let source = SegmentBytes::File(std::sync::Arc::clone(file));
    let index = segment.index();
    let readable = SegmentReader { source, index };
    fill_gap(segment, &readable, (written.offset, stated.next_id)).in_context(context)?;
    let index = readable.index.read();
    let points = index.points();
    let kept = points.partition_point(|point| point.id < stated.next_id);
    let footer = encode_footer(
        segment.seed,
        written.offset,
        stated.next_id,
        stated.last_frame.unwrap_or_default(),
        stated.link,
        written.last_frame_len,
        &points[..kept],
    );
    drop(index);
    let older = older_slot(&read_slots(&**file, segment.seed).in_context(context)?);
    let written = file
        .write_at(written.offset.0, &[IoSlice::new(&footer)])
        .and_then(|()| store_slot(&**file, segment.seed, older, frontier))
        .and_then(|()| file.set_len(written.offset.0 + footer.len() as u64));
    if let Some(refused) = is_refused(written)? {
        return Ok(Some(refused));
    }
    file.sync_all().in_context(context)?;
    let stored = store_slot(&**file, segment.seed, older ^ 1, frontier);
    if let Some(refused) = is_refused(stored)? {
        return Ok(Some(refused));
    }
    file.sync_data().in_context(context)?;
    segment.set_sealed();
    Ok(None)
}

/// Adds the frames to the index that no walk has met since the segment was opened: the footer
/// needs all points.
fn fill_gap(
    segment: &Segment,
    file: &SegmentReader,
    limit: (FileOffset, EntryId),
) -> io::Result<()> {
    let Some(gap) = file.index.read().gap() else {
        return Ok(());
    };
    let start = file
        .index
        .read()
        .points()
        .iter()
        .find(|p| p.offset == gap.start)
        .map(|p| p.id);
    let start = (gap.start, start.unwrap_or(segment.first_id()));
    let mut window = ReadBuffer::new();
    let mut walk = FrameWalk::new(start, limit, STRIDE_BYTES as usize);
    let mut seen = Vec::new();
    while walk.next_offset().is_some_and(|at| at < gap.end) {
        match walk.advance(segment, file, &mut window)? {
            WalkItem::Frame { frame, previous }
                if previous.is_some() && frame.header.may_be_point() =>
            {
                seen.push((previous, frame.offset, frame.header.first_id));
            }
            // The first frame of the gap is in the index already, or is no point; nor is one without
            // entries. Behind damage,
            // the frame before is unknown.
            WalkItem::Frame { .. } | WalkItem::Damaged(_) => {}
            WalkItem::End => break,
        }
    }
    let mut index = file.index.write();
    for (previous, offset, id) in seen {
        index.note(previous, offset, id);
    }
    index.close_gap();
    Ok(())
}
