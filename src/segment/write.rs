//! What is written into a segment beside new frames: the frontier and the footer.

use std::io;
use std::io::IoSlice;

use crate::error::Error;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::SECTOR_LEN;
use crate::format::SLOT_COUNT;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::encode_footer;
use crate::format::footer_len;
use crate::format::slot_offset;
use crate::ids::FileOffset;
use crate::segment::Readable;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::Source;
use crate::segment::Step;
use crate::segment::Window;
use crate::segment::index::STRIDE_BYTES;
use crate::segment::step;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;

/// How many bytes the footer of a segment may need whose frames end at `end`. This room is
/// secured before the frames get their ids, so that sealing works on a full disk.
#[inline]
pub fn footer_reserve(end: FileOffset) -> u64 {
    footer_len((end.0 / STRIDE_BYTES) as usize + 1)
}

/// Stores a frontier slot. It reaches the disk with the next sync of the file.
///
/// The caller promises that what the slot says is durable now, and that the other slot is.
pub fn store_slot(
    file: &dyn StorageFile,
    seed: SegmentSeed,
    slot: usize,
    frontier: &FrontierSlot,
) -> io::Result<()> {
    file.write_at(
        slot_offset(slot).0,
        &[IoSlice::new(&frontier.encode(seed, slot))],
    )
}

/// Step 4 of a rotation: writes footer and slots, cuts the file to its exact length and syncs it.
///
/// The slots are stored one after the other with a sync between, the older one first. With one
/// sync for both a crash may tear both; if the footer is torn as well, nothing says any more that
/// the frames were durable, and damage among them would be cut like a tail.
///
/// The caller promises that all frames, and the newer slot, are durable and that a successor
/// durably exists. The error in the answer: there was no room to write this. Nothing was lost by
/// that, and sealing may be tried again.
pub fn seal(
    segment: &Segment,
    file: &std::sync::Arc<dyn StorageFile>,
    end: &SegmentEnd,
    frontier: &FrontierSlot,
) -> Result<Option<Error>> {
    let io = |error| Error::io(error, segment.context().offset(end.offset.0));
    let is_refused = |written: io::Result<()>| match written {
        Err(error) if is_out_of_space(&error) => Ok(Some(io(error))),
        written => written.map(|()| None).map_err(io),
    };
    let source = Source::File(std::sync::Arc::clone(file));
    let index = segment.index();
    let readable = Readable { source, index };
    fill_gap(segment, &readable, end).map_err(io)?;
    let last_frame = end.last_frame.unwrap_or_default();
    let footer = encode_footer(
        segment.seed,
        end.offset,
        end.next_id,
        last_frame,
        end.link,
        end.last_frame_len,
        readable.index.read().points(),
    );
    let older = older_slot(segment, &**file).map_err(io)?;
    let written = file
        .write_at(end.offset.0, &[IoSlice::new(&footer)])
        .and_then(|()| store_slot(&**file, segment.seed, older, frontier))
        .and_then(|()| file.set_len(end.offset.0 + footer.len() as u64));
    if let Some(refused) = is_refused(written)? {
        return Ok(Some(refused));
    }
    file.sync_all().map_err(io)?;
    let stored = store_slot(&**file, segment.seed, older ^ 1, frontier);
    if let Some(refused) = is_refused(stored)? {
        return Ok(Some(refused));
    }
    file.sync_data().map_err(io)?;
    segment.set_sealed();
    Ok(None)
}

/// Which slot may be torn: not the one that holds the newer statement.
fn older_slot(segment: &Segment, file: &dyn StorageFile) -> io::Result<usize> {
    let mut sectors = [0; SECTOR_LEN * SLOT_COUNT];
    let read = file.read_at(slot_offset(0).0, &mut sectors)?;
    let order = |slot: usize| {
        let sector = &sectors[SECTOR_LEN * slot..read.max(SECTOR_LEN * slot)];
        match FrontierSlot::decode(sector, segment.seed, slot) {
            SlotState::Valid(frontier) => Some(frontier.order()),
            SlotState::Never | SlotState::Damaged => None,
        }
    };
    Ok(usize::from(order(0) >= order(1) && order(0).is_some()))
}

/// Notes the frames that were never looked at since the segment was opened, for the footer.
fn fill_gap(segment: &Segment, file: &Readable, end: &SegmentEnd) -> io::Result<()> {
    let Some(gap) = file.index.read().gap() else {
        return Ok(());
    };
    let mut window = Window::new();
    let limit = (end.offset, end.next_id);
    let start = file
        .index
        .read()
        .points()
        .iter()
        .find(|p| p.offset == gap.start)
        .map(|p| p.id);
    let mut place = (gap.start, start.unwrap_or(segment.first_id()));
    let mut previous = None;
    let mut seen = Vec::new();
    while place.0 < gap.end && place.1 < limit.1 {
        match step(
            segment,
            file,
            &mut window,
            place,
            STRIDE_BYTES as usize,
            limit,
        )? {
            Step::Frame(frame) => {
                if previous.is_some() {
                    seen.push((previous, frame.offset, frame.header.first_id));
                }
                previous = Some(frame.offset);
                place = (frame.end(), frame.header.end_id());
            }
            Step::Damaged {
                resume: Some(resume),
                ..
            } => {
                previous = None;
                place = resume;
            }
            Step::Damaged { resume: None, .. } => break,
        }
    }
    let mut index = file.index.write();
    for (previous, offset, id) in seen {
        index.note(previous, offset, id);
    }
    index.close_gap();
    Ok(())
}
