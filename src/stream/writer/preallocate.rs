//! What is made ahead of need, off the appending threads: zeros behind the tail, and the file of
//! the next segment? (What is mapped ahead: see `mapped`.)
//!
//! Under `Strict` zeros are written and synced before they are needed, so that later syncs overwrite
//! blocks instead of growing the file; in the other modes blocks are allocated. Their range belongs to the zeroer, who holds the alloc lock. The
//! next segment's file is filled without that lock: neither appends nor a rotation wait for it. A
//! rotation that comes first takes its name away, and it comes to nothing.
//!
//! Failure: nothing depends on any of this, appends secure their own slot; except that a failed
//! sync of the active segment latches, since it holds entries too. Close waits for what is under
//! way: nothing is created after it.
//!
//! A crash leaves zeros behind the tail, or a temporary file; both are cleaned up at open.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::segment::TEMPORARY_NAME;
use crate::segment::create_next_file;
use crate::segment::fill_next_file;
use crate::segment::pieces;
use crate::storage::StorageFile;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::MAX_STEP;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::StreamState;
use crate::stream::writer::tail::Tail;

/// Segments at least this large get their successor prepared ahead.
const SPARE_FROM: u64 = 1 << 20;

/// Segments that hold so much get blocks ahead where zeros are not wanted: allocating may wait for
/// a sync that is under way, and an appender should not.
const BLOCKS_FROM: u64 = 1 << 20;

impl StreamInner {
    /// Whether a helper should make slot now. Called after every append: no I/O.
    pub(in crate::stream) fn wants_room_ahead(&self, tail: &Tail) -> bool {
        let options = &self.context.options;
        let used = tail.written.offset.0 - HEADER_AREA_LEN;
        let left = tail.allocated_end.0.saturating_sub(tail.written.offset.0);
        let step = self.growth_step(tail.used_since_rest());
        let to_come = options.max_segment_size.saturating_sub(used);
        let is_strict = options.sync_mode == SyncMode::Strict;
        let blocks = (is_strict || (used >= BLOCKS_FROM && tail.mapped.is_none()))
            && left < step / 2
            && left < to_come
            && tail.prealloc_failed_at != Some(tail.allocated_end);
        blocks || (!tail.next_file_tried && self.wants_next_file(used)) || self.wants_map(tail)
    }

    fn wants_next_file(&self, used: u64) -> bool {
        let most = self.context.options.max_segment_size;
        (SPARE_FROM..u64::MAX / 2).contains(&most) && used > most / 4 * 3
    }

    /// Makes slot ahead of the tail, off the appending threads. One thread at a time.
    pub fn preallocate(&self) {
        let mut told = self.preallocate_ahead();
        if let Err(error) = self.extend_write_map() {
            self.context
                .note(log::Level::Debug, format!("not mapped: {error}"));
        }
        let wants_next_file = {
            let mut tail = self.tail.lock();
            tail.prealloc_scheduled = false;
            if told.is_err() {
                tail.prealloc_failed_at = Some(tail.allocated_end);
            }
            let used = tail.written.offset.0 - HEADER_AREA_LEN;
            let wanted = tail.life == StreamState::Open && self.wants_next_file(used);
            let tried = std::mem::replace(&mut tail.next_file_tried, wanted);
            // Set while the stream is open, so that closing it waits.
            tail.next_file_in_progress = wanted && !tried && told.is_ok();
            tail.next_file_in_progress
        };
        if wants_next_file {
            let _ended = PreparingGuard(self);
            told = self.prepare_next_file();
        }
        if let Err(error) = told {
            // Nothing depends on it: appends secure their own slot.
            self.context
                .note(log::Level::Debug, format!("no slot made ahead: {error}"));
        }
        // The last append may have been before.
        self.plan_rest(&mut self.tail.lock());
    }

    /// Piece by piece, each under the alloc lock: an append that needs slot, a rotation, closing
    /// wait for one of them.
    fn preallocate_ahead(&self) -> Result<()> {
        let mut goal = None;
        loop {
            let alloc = self.alloc.lock();
            let goes_on = self.preallocate_piece(&mut goal);
            crate::primitives::MutexGuard::unlock_fair(alloc);
            if !goes_on? {
                return Ok(());
            }
        }
    }

    /// Whether there is more to do. `goal`: which segment is being allocated_end, and how far.
    fn preallocate_piece(
        &self,
        goal: &mut Option<(Arc<StreamSegment>, FileOffset)>,
    ) -> Result<bool> {
        let is_strict = self.context.options.sync_mode == SyncMode::Strict;
        let (active, allocated_end, offset, used) = {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            // What is mapped is made ready elsewhere.
            let is_left = is_strict || tail.mapped.is_none();
            let Some(active) = tail.active.clone().filter(|_| is_left) else {
                return Ok(false);
            };
            let used = tail.used_since_rest();
            (active, tail.allocated_end, tail.written.offset, used)
        };
        let io = |error| Error::io(error, active.segment.context().offset(allocated_end.0));
        let begins = goal.is_none();
        if begins {
            let left = allocated_end.0.saturating_sub(offset.0);
            let enough = left >= self.growth_step(used) / 2;
            if enough || (!is_strict && offset.0 - HEADER_AREA_LEN < BLOCKS_FROM) {
                return Ok(false);
            }
            let to = self.preallocation_target(used, allocated_end);
            if to <= allocated_end {
                self.tail.lock().prealloc_failed_at = Some(allocated_end);
                return Ok(false);
            }
            *goal = Some((Arc::clone(&active), to));
        }
        let Some((part, to)) = goal else {
            return Ok(false);
        };
        // Rotated, or an append has allocated_end as much itself, meanwhile.
        if !Arc::ptr_eq(part, &active) || allocated_end >= *to {
            return Ok(false);
        }
        let to = *to;
        let file = self.file_for_zeros(&active)?;
        if begins {
            file.allocate(allocated_end.0, to - allocated_end)
                .map_err(io)?;
        }
        if !is_strict {
            self.tail.lock().allocated_end = to;
            return Ok(false);
        }
        let Some(piece) = pieces(allocated_end.0..to.0).next() else {
            return Ok(false);
        };
        file.write_zeros(piece.start, piece.end - piece.start)
            .map_err(io)?;
        if let Err(error) = file.sync_data() {
            // The file holds entries too.
            let error = Arc::new(io(error));
            self.poison(Arc::clone(&error));
            return Err(error.duplicate());
        }
        self.tail.lock().allocated_end = FileOffset(piece.end);
        Ok(piece.end < to.0)
    }

    fn prepare_next_file(&self) -> Result<()> {
        match self.create_next_file()? {
            Some((file, len)) => self.publish_next_file(&*file, len),
            None => Ok(()),
        }
    }

    /// Creates the file, empty, and tells how long it is to be.
    pub(in crate::stream) fn create_next_file(
        &self,
    ) -> Result<Option<(Arc<dyn StorageFile>, u64)>> {
        let start = FileOffset(HEADER_AREA_LEN);
        let slot = (self.preallocation_target(MAX_STEP, start) - start).min(MAX_STEP);
        let mut alloc = self.alloc.lock();
        if alloc.spare != NextSegmentFile::Absent {
            return Ok(None);
        }
        self.context.check_root()?;
        let file = create_next_file(&*self.context.storage, &self.dir)
            .map_err(|error| self.next_file_error(error))?;
        alloc.spare = NextSegmentFile::Preparing;
        Ok(Some((file, HEADER_AREA_LEN + slot)))
    }

    /// Fills the file, and lets it count unless a rotation came first.
    pub(in crate::stream) fn publish_next_file(
        &self,
        file: &dyn StorageFile,
        len: u64,
    ) -> Result<()> {
        let is_strict = self.context.options.sync_mode == SyncMode::Strict;
        let is_wanted = || {
            let begun = self.alloc.lock().spare == NextSegmentFile::Preparing;
            begun && self.tail.lock().life == StreamState::Open
        };
        let filled = fill_next_file(file, len, is_strict, is_wanted);
        let mut alloc = self.alloc.lock();
        // Otherwise the name is gone, or another's.
        if alloc.spare == NextSegmentFile::Preparing {
            alloc.spare = NextSegmentFile::Ready(len);
            if filled.is_err() {
                alloc.spare = NextSegmentFile::Absent;
                self.remove_next_file();
            }
        }
        filled.map_err(|error| self.next_file_error(error))
    }

    /// Removes the next segment's file.
    pub(in crate::stream) fn remove_next_file(&self) {
        let path = self.dir.join(TEMPORARY_NAME);
        // Where this fails it is removed by the next try, or at open.
        let _ = self.context.storage.remove_file(&path);
    }

    fn next_file_error(&self, error: std::io::Error) -> Error {
        Error::io(error, ErrorContext::at(&self.dir).stream(&self.key))
    }
}

/// Lets those go on who wait for the end of making a spare, however it ends.
pub(in crate::stream) struct PreparingGuard<'a>(pub(in crate::stream) &'a StreamInner);

impl Drop for PreparingGuard<'_> {
    fn drop(&mut self) {
        self.0.tail.lock().next_file_in_progress = false;
        self.0.tail_changed.notify_all();
    }
}
