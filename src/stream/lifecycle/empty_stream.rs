//! How a stream of which no entry is kept gives the space of its active segment back.
//!
//! A segment without an entry takes the place of all others; its header and one of its slots keep
//! the next id. Appends wait meanwhile. What a crash right after each step leaves:
//!
//! 1. everything written is durable: nothing changed;
//! 2. the new segment is made, without space for frames; it is synced, then the directory: a segment
//!    without an entry, which no slot speaks for: open removes it;
//! 3. a slot is stored in it, which says that it has no frame yet, that ids below its first one
//!    are truncated, and the next epoch; it is synced: **the commit point**: open removes all
//!    other segments and continues in this one;
//! 4. `segments.idx` is written, which lists the next id only, and the files of the others are
//!    removed and the directory is synced.
//!
//! Failure: in 2 the file is removed and the stream goes on as before. In 3 it is unknown what the
//! next open will find: the stream is poisoned. In 4 see `unremoved_files`.
//!
//! Not done where it would free next to nothing, and not with an archive, which takes sealed
//! segments only: a footer says that a successor with an entry was there.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::atomic::Ordering;
use crate::recovery::NextAppend;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_segment;
use crate::storage::StorageFile;
use crate::storage::remove_file_if_there;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::preallocate::MIN_STEP;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::NextSegmentFile;

/// An active segment that holds less is left: it goes with a later truncation, and three syncs are
/// too much for so little space.
const EMPTIED_FROM: u64 = MIN_STEP;

/// Appends wait as long as this is there.
pub(in crate::stream) struct Waiting<'a>(pub(in crate::stream) &'a StreamInner);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.tail.lock().end_rotation();
        self.0.tail_changed.notify_all();
    }
}

impl StreamInner {
    /// Takes all segments out if they lie below `safe_id`, the active one included, where that is
    /// worth it. No thread leads a round, and all was durable a moment ago. Returns how many; 0: it
    /// was not done.
    pub(in crate::stream) fn empty(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        safe_id: EntryId,
    ) -> Result<usize> {
        if self.is_blocked() {
            // Behind its tail lie bytes to be quarantined.
            return Ok(0);
        }
        let end = {
            let mut tail = self.tail.lock();
            let end = tail.written();
            let is_active = |active: &Arc<StreamSegment>| Arc::ptr_eq(active, newest);
            let is_wanted = tail.active().is_some_and(is_active)
                && end.next_id <= safe_id
                && end.offset.0 - HEADER_AREA_LEN >= EMPTIED_FROM
                && self.context.options.archive_path.is_none();
            // A thread appends at this moment: the stream keeps something.
            let is_durable = tail.written_place() <= self.group_commit.committed();
            let is_at_rest = tail.is_at_rest() && is_durable;
            if !is_wanted || !is_at_rest {
                return Ok(0);
            }
            self.check_writable(&tail)?;
            tail.begin_rotation();
            end
        };
        let _waiting = Waiting(self);
        let before = self.segments();
        let (part, file) = self.make_empty(alloc, end)?;
        self.commit_empty(&part, &*file, end, before.truncation_epoch + 1)?;
        // It may be long, and lists what is gone. What it lists now is durable, as it has to be.
        self.write_index_file(&[]);
        let out: Vec<_> = before.parts.iter().cloned().collect();
        self.remove_parts(alloc, &out)?;
        Ok(out.len())
    }

    /// Begins a stream that has never been appended to as one whose ids below `next_id` are all
    /// truncated; `truncation_epoch` says by which truncation. Its directory is durable once the stream is closed.
    #[cfg(feature = "cli")]
    pub fn begin_empty(&self, next_id: EntryId, truncation_epoch: u64) -> Result<()> {
        let mut alloc = self.alloc.lock();
        self.make_directory(&mut alloc)?;
        let end = SegmentEnd::empty(next_id);
        let (part, file) = self.make_empty(&mut alloc, end)?;
        self.commit_empty(&part, &*file, end, truncation_epoch)
    }

    /// Makes the segment that goes on behind `end`, durably.
    fn make_empty(
        &self,
        alloc: &mut AllocState,
        end: SegmentEnd,
    ) -> Result<(Arc<StreamSegment>, Arc<dyn StorageFile>)> {
        // Made for a stream that grows; its name is used now.
        alloc.spare = NextSegmentFile::Absent;
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let header = self.header_for_next(alloc, end, NextAppend::Continue, true);
        let make = || create_segment(storage, &self.dir, &header, false, 0);
        let file = self.context.with_fd_retry(make).map_err(io)?;
        let empty = SegmentEnd::empty(header.first_id);
        let dir = Arc::clone(&self.dir);
        let segment = Segment::new(header, dir, &empty, false, SparseIndex::empty());
        let part = StreamSegment::without_entry(segment);
        let synced = file
            .sync_all()
            .and_then(|()| self.context.with_fd_retry(|| storage.sync_dir(&self.dir)));
        if let Err(error) = synced {
            if let Err(left) = remove_file_if_there(storage, &part.segment.path()) {
                // It must not stand between the segments to come.
                self.poison(Arc::new(Error::io(left, part.segment.context())));
            }
            return Err(io(error));
        }
        Ok((part, file))
    }

    fn commit_empty(
        &self,
        part: &Arc<StreamSegment>,
        file: &dyn StorageFile,
        end: SegmentEnd,
        truncation_epoch: u64,
    ) -> Result<()> {
        let empty = SegmentEnd::empty(end.next_id);
        // Invariant: no round begins between the two.
        let state = self.store_first_slot(part, file, truncation_epoch)?;
        let mut tail = self.tail.lock();
        tail.continue_in(part, FileOffset(HEADER_AREA_LEN));
        self.attach_map(&mut tail, None);
        *self.segments.write() = Arc::new(SegmentList {
            first_kept: empty.next_id,
            truncation_epoch,
            parts: [Arc::clone(part)].into_iter().collect(),
        });
        self.written_end.store(empty.next_id.0, Ordering::Release);
        let detached_maps = tail.take_detached_maps();
        drop((tail, state));
        drop(detached_maps);
        Ok(())
    }
}
