//! What do the first sectors of a segment say right now that another process writes?

use std::io;

use crate::format::FrontierSlot;
use crate::format::SECTOR_LEN;
use crate::format::SLOT_COUNT;
use crate::format::SegmentHeader;
use crate::format::SlotState;
use crate::format::slot_offset;
use crate::segment::Segment;
use crate::segment::Source;
use crate::segment::Window;
use crate::storage::StorageFile;
use crate::stream::catalogue::Part;

/// Whether a file that was opened under the part's name is of a stream of another incarnation.
pub(super) fn is_of_another(part: &Part, file: &dyn StorageFile) -> io::Result<bool> {
    let mut sector = [0; SECTOR_LEN];
    let read = file.read_at(0, &mut sector)?;
    let ours = &part.segment.header;
    // A header that is damaged tells nothing.
    let found = SegmentHeader::decode(&sector[..read]);
    Ok(found.is_ok_and(|found| found.incarnation != ours.incarnation && found.key == ours.key))
}

/// The slot that counts, of those that are readable right now: one may be under the pen.
pub(super) fn newest_slot(segment: &Segment, source: &Source) -> io::Result<Option<FrontierSlot>> {
    let mut newest: Option<FrontierSlot> = None;
    for slot in 0..SLOT_COUNT {
        let mut window = Window::new();
        let (at, len) = (slot_offset(slot), SECTOR_LEN);
        let bytes = window.bytes(source, at, len, len, at + len as u64)?;
        let state = bytes.map(|bytes| FrontierSlot::decode(bytes, segment.seed, slot));
        match state {
            Some(SlotState::Valid(slot))
                if newest.is_none_or(|newest| slot.order() > newest.order()) =>
            {
                newest = Some(slot);
            }
            _ => {}
        }
    }
    Ok(newest)
}
