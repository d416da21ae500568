//! Where frames of a segment are that was not scanned at open.
//!
//! A clean close notes the sparse index of the active segment in `segments.idx`. It is derived and
//! not believed: every point is looked up in the segment, and one that is no frame with that id
//! makes all of them void. Without it the first look-up walks the segment once. A missing file is
//! made at open, a bad one is replaced when the stream is next closed after a change: it would not
//! help earlier.

use std::io;
use std::sync::Arc;

use crate::error::memory;
use crate::format::FRAME_HEADER_LEN;
use crate::format::INDEX_FILE;
use crate::format::IndexFile;
use crate::format::IndexPoint;
use crate::ids::FileOffset;
use crate::segment::ReadBuffer;
use crate::segment::SegmentBytes;
use crate::segment::SharedIndex;
use crate::segment::header_at;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::stream::reader::side::ReaderSide;
use crate::stream::segment_list::StreamSegment;

/// An index file larger than this is not ours.
const MAX_BYTES: u64 = 64 << 20;

impl ReaderSide {
    /// Gives the part's index the points noted at the last clean close, if they are true.
    pub(in crate::stream) fn load_saved_index(
        &self,
        part: &StreamSegment,
        file: &Arc<dyn StorageFile>,
        index: &SharedIndex,
    ) -> io::Result<()> {
        // Absent or unreadable, it is as if there were none.
        let Ok(Some(noted)) = self.read_index_file() else {
            return Ok(());
        };
        let newest = noted.segments.last().map(|segment| segment.first_id);
        if noted.key != *self.key || newest != Some(part.segment.first_id()) {
            return Ok(());
        }
        let source = SegmentBytes::File(Arc::clone(file));
        if all_are_frames(part, &source, &noted.active_points)? {
            index.write().load_saved_index(noted.active_points);
        }
        Ok(())
    }

    fn read_index_file(&self) -> io::Result<Option<IndexFile>> {
        let path = self.dir.join(INDEX_FILE);
        let file = self.context.storage.open_file(&path, Access::Read)?;
        let len = file.len()?;
        if len > MAX_BYTES {
            return Ok(None);
        }
        let mut bytes = memory::zeroed(len as usize)?;
        let read = file.read_at(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(IndexFile::decode(&bytes))
    }
}

fn all_are_frames(
    part: &StreamSegment,
    source: &SegmentBytes,
    points: &[IndexPoint],
) -> io::Result<bool> {
    let segment = &part.segment;
    let (limit, _) = segment.limit();
    let mut window = ReadBuffer::new();
    let mut previous = FileOffset(0);
    for point in points {
        if point.offset <= previous || point.offset >= limit {
            return Ok(false);
        }
        previous = point.offset;
        let header = header_at(
            segment,
            source,
            &mut window,
            point.offset,
            FRAME_HEADER_LEN,
            limit,
        )?;
        if !header.is_ok_and(|header| header.first_id == point.id) {
            return Ok(false);
        }
    }
    Ok(true)
}
