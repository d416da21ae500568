//! What the first sectors of a segment say right now that another process writes.

use std::io;

use crate::format::FrontierSlot;
use crate::format::SECTOR_LEN;
use crate::format::SLOT_COUNT;
use crate::format::SegmentHeader;
use crate::format::SlotState;
use crate::format::slot_offset;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::stream::reader::side::ReaderSide;
use crate::stream::segment_list::StreamSegment;

impl ReaderSide {
    /// Whether what stood under the stream's name just now is what was looked at, or ours. `file` was
    /// opened there under the part's name.
    pub(in crate::stream) fn is_same_directory(
        &self,
        part: &StreamSegment,
        file: &dyn StorageFile,
    ) -> io::Result<bool> {
        let Some(watched) = &self.follower else {
            // A deletion empties the segments before another stream can get the name: as long as
            // it is not empty, what was found there was this stream's.
            return Ok(!self.is_deleted() || self.exists());
        };
        // Inode numbers are reused; the header distinguishes one stream from the next.
        Ok(self.is_known_dir(watched)? && !is_of_another(part, file)?)
    }

    /// Whether the part's file is still there, and this stream's.
    pub(in crate::stream) fn has_in_place(&self, part: &StreamSegment) -> io::Result<bool> {
        let (context, path) = (&self.context, part.segment.path());
        match context.with_fd_retry(|| context.storage.open_file(&path, Access::Read)) {
            Ok(file) => self.is_same_directory(part, &*file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether a file that was opened under the part's name is of a stream of another incarnation, or of
/// a cut that has replaced the part.
fn is_of_another(part: &StreamSegment, file: &dyn StorageFile) -> io::Result<bool> {
    let mut sector = [0; SECTOR_LEN];
    let read = file.read_at(0, &mut sector)?;
    let ours = &part.segment.header;
    // A damaged header proves nothing.
    let found = SegmentHeader::decode(&sector[..read]);
    Ok(found.is_ok_and(|found| {
        let is_same = found.incarnation == ours.incarnation && found.generation == ours.generation;
        !is_same && found.key == ours.key
    }))
}

/// The slot that counts, of those that are readable right now: the writer may be overwriting one.
pub(in crate::stream) fn newest_slot(
    segment: &Segment,
    source: &SegmentBytes,
) -> io::Result<Option<FrontierSlot>> {
    let mut newest: Option<FrontierSlot> = None;
    for slot in 0..SLOT_COUNT {
        let mut window = ReadBuffer::new();
        let (at, len) = (slot_offset(slot), SECTOR_LEN);
        let bytes = window.bytes(source, at, len, len, at + len as u64)?;
        let state = bytes.map(|bytes| FrontierSlot::decode(bytes, segment.seed, slot));
        match state {
            Some(SlotState::Valid(slot))
                if newest
                    .as_ref()
                    .is_none_or(|newest| slot.order() > newest.order()) =>
            {
                newest = Some(slot);
            }
            _ => {}
        }
    }
    Ok(newest)
}
