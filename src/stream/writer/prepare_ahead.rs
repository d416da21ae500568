//! The helper's pass: blocks and zeros behind the tail, and the next segment's file.
//!
//! Under `Strict` zeros are written and synced before they are needed, so that later syncs overwrite
//! blocks instead of growing the file; in the other modes blocks are allocated, and where rounds go into
//! the commit journal. Their range belongs to
//! the helper, which holds the alloc lock. The next segment's file is filled without that lock: neither
//! appends nor a rotation wait for it. A rotation that starts meanwhile removes its temporary name;
//! the fill then has no effect. Sizes are decided in `preallocate`, pages are populated by `write_map`.
//!
//! Failure: nothing depends on any of this, because appends make their own space; except that a failed
//! sync of the active segment latches, since it holds entries too. Close waits for what is under
//! way: nothing is created after it.
//!
//! A crash leaves zeros behind the tail, or a temporary file; both are cleaned up at open.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::format::NEXT_SEGMENT_FILE;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::primitives::atomic::Ordering;
use crate::segment::create_next_file;
use crate::segment::fill_next_file;
use crate::segment::pieces;
use crate::storage::StorageFile;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::preallocate::MAX_STEP;
use crate::stream::writer::preallocate::SpaceLimits;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::NextFile;

impl StreamInner {
    /// What the options of the stream say about space.
    #[inline]
    pub(in crate::stream) fn space_limits(&self) -> SpaceLimits {
        let options = &self.settings;
        SpaceLimits {
            writes_zeros: options.sync_mode == SyncMode::Strict
                && !self.goes_by_journal.load(Ordering::Relaxed),
            maps: options.maps_by_choice(),
            max_segment_size: options.max_segment_size,
        }
    }

    /// How far to allocate ahead of need, given what is free on the disk now.
    pub(in crate::stream) fn preallocation_target(
        &self,
        used: u64,
        allocated_end: FileOffset,
    ) -> FileOffset {
        let free = self.context.storage.available_bytes(&self.dir).unwrap_or(0);
        self.space_limits().target(used, allocated_end, free)
    }

    /// Makes space ahead of the tail, off the appending threads. One thread at a time.
    pub fn preallocate(&self) {
        let mut made = self.preallocate_ahead();
        if let Err(error) = self.extend_write_map() {
            self.context
                .note(log::Level::Debug, format!("not mapped: {error}"));
        }
        let wants_next_file = {
            let mut tail = self.tail.lock();
            tail.ahead.is_scheduled = false;
            if made.is_err() {
                tail.mark_blocks_failed();
            }
            let held = tail.space_facts().held();
            let is_wanted =
                tail.life == StreamState::Open && self.space_limits().wants_next_file(held);
            let is_due = is_wanted && !tail.ahead.next_file.was_tried() && made.is_ok();
            // Set while the stream is open, so that closing it waits.
            tail.ahead.next_file = match (is_wanted, is_due) {
                (_, true) => NextFile::InProgress,
                (true, false) => NextFile::Tried,
                (false, false) => NextFile::Untried,
            };
            is_due
        };
        if wants_next_file {
            let _ended = PreparingGuard(self);
            made = self.prepare_next_file();
        }
        if let Err(error) = made {
            // Nothing depends on it: appends make their own space.
            self.context
                .note(log::Level::Debug, format!("no space made ahead: {error}"));
        }
        // The last append may have been before.
        self.plan_rest(&mut self.tail.lock());
    }

    /// Piece by piece, each under the alloc lock: an append that needs space, a rotation, closing
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

    /// Whether there is more to do. `goal`: which segment gets blocks, and how far.
    fn preallocate_piece(
        &self,
        goal: &mut Option<(Arc<StreamSegment>, FileOffset)>,
    ) -> Result<bool> {
        let limits = self.space_limits();
        let is_strict = limits.writes_zeros;
        let (active, facts) = {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            // A mapped segment is populated by `write_map`.
            let is_left = is_strict || tail.mapped.is_none();
            let Some(active) = tail.active.clone().filter(|_| is_left) else {
                return Ok(false);
            };
            (active, tail.space_facts())
        };
        let allocated_end = facts.allocated_end;
        let io = |error| Error::io(error, active.segment.context().offset(allocated_end.0));
        let begins = goal.is_none();
        if begins {
            if !limits.lacks_blocks(&facts) {
                return Ok(false);
            }
            let to = self.preallocation_target(facts.used, allocated_end);
            if to <= allocated_end {
                self.tail.lock().ahead.failed.blocks = Some(allocated_end);
                return Ok(false);
            }
            *goal = Some((Arc::clone(&active), to));
        }
        let Some((part, to)) = goal else {
            return Ok(false);
        };
        // Rotated meanwhile, or an append has allocated as much itself.
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

    /// Creates the file, empty, and returns how long it is to be.
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
        let is_strict = self.settings.sync_mode == SyncMode::Strict;
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
        let path = self.dir.join(NEXT_SEGMENT_FILE);
        // Where this fails it is removed by the next try, or at open.
        let _ = self.context.storage.remove_file(&path);
    }

    fn next_file_error(&self, error: std::io::Error) -> Error {
        Error::io(error, ErrorContext::at(&self.dir).stream(&self.key))
    }
}

/// Wakes the threads that wait for the end of preparing the next segment's file, however it ends.
pub(in crate::stream) struct PreparingGuard<'a>(pub(in crate::stream) &'a StreamInner);

impl Drop for PreparingGuard<'_> {
    fn drop(&mut self) {
        self.0.tail.lock().ahead.next_file.finish();
        self.0.tail_changed.notify_all();
    }
}
