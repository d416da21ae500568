//! How one stream gets into a snapshot: a directory that opens without recovery.
//!
//! The stream's end is read first, together with the ends of all other streams, and made durable
//! (`wal/snapshot` does both). Then:
//!
//! 1. segments before the one that holds the end are sealed, and never change: they get a second name in
//!    the snapshot, or a copy;
//! 2. the segment that holds the end is copied up to it. Both slots of the copy state that end, as a clean
//!    close at that moment would have left them. It is never linked: the stream goes on in the original.
//!
//! Appends, rotation and reading go on meanwhile: bytes below a published end do not change. No segment
//! leaves the stream, because the caller holds off truncation and deletion.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::append::Mark;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SLOT_COUNT;
use crate::ids::EntryId;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::copy::for_each_chunk;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::tail::UnsealedSegment;
use crate::stream::writer::tail_guard::TailGuard;

/// Where a stream ends in a snapshot.
pub struct SnapshotEnd {
    /// One past the last entry.
    pub next_id: u64,
    /// The place behind the last frame.
    pub mark: Mark,
    /// The segment that holds the end, and where it is in there. `None`: the stream has no segment to
    /// append to (it has none, or its newest one was lost).
    newest: Option<UnsealedSegment>,
}

/// What was put into a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotCounts {
    /// Segments with a second name.
    pub linked: usize,
    /// Segments that were copied, whole or up to the end.
    pub copied: usize,
    /// Bytes copied.
    pub copied_bytes: u64,
}

impl TailGuard<'_> {
    /// Where the stream ends now. Refused as by [`TailGuard::next_id`].
    pub fn snapshot_end(&self) -> Result<SnapshotEnd> {
        let next_id = self.next_id()?;
        let newest = match (self.active_end(), self.last_unsealed()) {
            // A segment without an entry that close would remove is left out.
            (Some(active), full) if active.end.last_frame.is_none() && !active.part.stays_empty => {
                full
            }
            (active, _) => active,
        };
        Ok(SnapshotEnd {
            next_id,
            mark: self.mark(),
            newest,
        })
    }
}

impl StreamInner {
    /// Puts the stream up to `end`, which is durable, into the snapshot `root`, in a directory of its own.
    /// The files and that directory are durable on return, the name of the directory is not. `links`: sealed
    /// segments get a second name where the file system can.
    pub fn snapshot_into(
        &self,
        end: &SnapshotEnd,
        root: &Path,
        links: bool,
    ) -> Result<SnapshotCounts> {
        // Otherwise a full segment lacks its footer, for lack of space.
        self.check_sealed()?;
        let storage = &*self.context.storage;
        let dir = &root.join(self.dir.file_name().unwrap_or_default());
        let io = |error| Error::io(error, ErrorContext::at(dir).stream(&self.key));
        storage.create_dir(dir).map_err(io)?;
        let mut counts = SnapshotCounts::default();
        let segments = self.segments();
        for part in segments.parts.iter() {
            let target = dir.join(part.segment.path().file_name().unwrap_or_default());
            match &end.newest {
                Some(newest) if Arc::ptr_eq(&newest.part, part) => {
                    counts.copied_bytes += self.copy_up_to(newest, &target)?;
                    counts.copied += 1;
                    // What follows was made since.
                    break;
                }
                // Made for entries that came since: the stream had none behind `end`.
                None if part.segment.first_id() >= EntryId(end.next_id) => break,
                _ if links => {
                    let linked = storage.link_or_copy(&part.segment.path(), &target);
                    linked.map_err(|error| Error::io(error, part.segment.context()))?;
                    counts.linked += 1;
                }
                _ => {
                    counts.copied_bytes += self.copy_whole(part, &target)?;
                    counts.copied += 1;
                }
            }
        }
        storage.sync_dir(dir).map_err(io)?;
        Ok(counts)
    }

    /// Copies a sealed segment.
    fn copy_whole(&self, part: &StreamSegment, target: &Path) -> Result<u64> {
        let io = |error| Error::io(error, part.segment.context());
        let source = self.open_for_copy(part)?;
        let len = source.len().map_err(io)?;
        let copy = self.context.storage.create_file(target).map_err(io)?;
        copy_bytes(&*source, 0, len, &*copy, &mut |_| ()).map_err(io)?;
        copy.sync_all().map_err(io)?;
        Ok(len)
    }

    /// Copies a segment up to `end`, with slots that state it.
    fn copy_up_to(&self, newest: &UnsealedSegment, target: &Path) -> Result<u64> {
        let UnsealedSegment { part, end, .. } = newest;
        let io = |error| Error::io(error, part.segment.context());
        let source = self.open_for_copy(part)?;
        let copy = self.context.storage.create_file(target).map_err(io)?;
        copy.write_at(0, &[IoSlice::new(&part.segment.header.encode())])
            .map_err(io)?;
        let slot: FrontierSlot = self.slot_for(end, &newest.properties);
        for place in 0..SLOT_COUNT {
            store_slot(&*copy, part.segment.seed, place, &slot).map_err(io)?;
        }
        let end_offset = end.offset.0;
        copy_bytes(&*source, HEADER_AREA_LEN, end_offset, &*copy, &mut |_| ()).map_err(io)?;
        copy.sync_all().map_err(io)?;
        Ok(end.offset.0)
    }

    fn open_for_copy(&self, part: &StreamSegment) -> Result<Arc<dyn StorageFile>> {
        let path = part.segment.path();
        self.context
            .with_fd_retry(|| self.context.storage.open_file(&path, Access::Read))
            .map_err(|error| Error::io(error, part.segment.context()))
    }
}

/// Copies the bytes from `from` to `to` to the same place of another file. Calls `copied` with the length
/// of each piece.
pub(super) fn copy_bytes(
    source: &dyn StorageFile,
    from: u64,
    to: u64,
    target: &dyn StorageFile,
    copied: &mut dyn FnMut(u64),
) -> std::io::Result<()> {
    for_each_chunk(source, from..to, |at, chunk| {
        target.write_at(at, &[IoSlice::new(chunk)])?;
        copied(chunk.len() as u64);
        Ok(())
    })
}
