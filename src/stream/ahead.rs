//! What is made ahead of need, off the appending threads: zeros behind the tail, and the file of
//! the next segment? (What is mapped ahead: see `mapped`.)
//!
//! Under `Strict` zeros are written and synced before they are needed, so that later syncs overwrite
//! blocks instead of growing the file; in the other modes blocks are allocated. Their range belongs to the zeroer, who holds the upkeep lock. The
//! next segment's file is filled without that lock: neither appends nor a rotation wait for it. A
//! rotation that comes first takes its name away, and it comes to nothing.
//!
//! Failure: nothing depends on any of this, appends secure their own room; except that a failed
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
use crate::segment::create_spare;
use crate::segment::fill_spare;
use crate::segment::pieces;
use crate::storage::StorageFile;
use crate::stream::StreamCore;
use crate::stream::catalogue::Part;
use crate::stream::grow::MOST_STEP;
use crate::stream::grow::Spare;
use crate::stream::tail::Life;
use crate::stream::tail::Tail;

/// Segments at least this large get their successor prepared ahead.
const SPARE_FROM: u64 = 1 << 20;

/// Segments that hold so much get blocks ahead where zeros are not wanted: allocating may wait for
/// a sync that is under way, and an appender should not.
const BLOCKS_FROM: u64 = 1 << 20;

impl StreamCore {
    /// Whether a helper should make room now. Called after every append: no I/O.
    pub(super) fn wants_room_ahead(&self, tail: &Tail) -> bool {
        let options = &self.environment.options;
        let used = tail.written.offset.0 - HEADER_AREA_LEN;
        let left = tail.secured.0.saturating_sub(tail.written.offset.0);
        let step = self.step(tail.used_since_rest());
        let to_come = options.max_segment_size.saturating_sub(used);
        let is_strict = options.sync_mode == SyncMode::Strict;
        let blocks = (is_strict || (used >= BLOCKS_FROM && tail.mapped.is_none()))
            && left < step / 2
            && left < to_come
            && tail.ahead_refused_at != Some(tail.secured);
        blocks || (!tail.spare_tried && self.wants_spare(used)) || self.wants_map(tail)
    }

    fn wants_spare(&self, used: u64) -> bool {
        let most = self.environment.options.max_segment_size;
        (SPARE_FROM..u64::MAX / 2).contains(&most) && used > most / 4 * 3
    }

    /// Makes room ahead of the tail, off the appending threads. One thread at a time.
    pub fn prepare(&self) {
        let mut told = self.secure_ahead();
        if let Err(error) = self.map_ahead() {
            self.environment
                .note(log::Level::Debug, format!("not mapped: {error}"));
        }
        let wants_spare = {
            let mut tail = self.tail.lock();
            tail.preparing = false;
            if told.is_err() {
                tail.ahead_refused_at = Some(tail.secured);
            }
            let used = tail.written.offset.0 - HEADER_AREA_LEN;
            let wanted = tail.life == Life::Open && self.wants_spare(used);
            let tried = std::mem::replace(&mut tail.spare_tried, wanted);
            // Set while the stream is open, so that closing it waits.
            tail.making_spare = wanted && !tried && told.is_ok();
            tail.making_spare
        };
        if wants_spare {
            let _ended = SpareEnded(self);
            told = self.make_spare();
        }
        if let Err(error) = told {
            // Nothing depends on it: appends secure their own room.
            self.environment
                .note(log::Level::Debug, format!("no room made ahead: {error}"));
        }
        // The last append may have been before.
        self.plan_rest(&mut self.tail.lock());
    }

    /// Piece by piece, each under the upkeep lock: an append that needs room, a rotation, closing
    /// wait for one of them.
    fn secure_ahead(&self) -> Result<()> {
        let mut goal = None;
        loop {
            let upkeep = self.upkeep.lock();
            let goes_on = self.secure_piece(&mut goal);
            crate::sync::MutexGuard::unlock_fair(upkeep);
            if !goes_on? {
                return Ok(());
            }
        }
    }

    /// Whether there is more to do. `goal`: which segment is being secured, and how far.
    fn secure_piece(&self, goal: &mut Option<(Arc<Part>, FileOffset)>) -> Result<bool> {
        let is_strict = self.environment.options.sync_mode == SyncMode::Strict;
        let (active, secured, offset, used) = {
            let tail = self.tail.lock();
            self.admit(&tail)?;
            // What is mapped is made ready elsewhere.
            let is_left = is_strict || tail.mapped.is_none();
            let Some(active) = tail.active.clone().filter(|_| is_left) else {
                return Ok(false);
            };
            let used = tail.used_since_rest();
            (active, tail.secured, tail.written.offset, used)
        };
        let io = |error| Error::io(error, active.segment.context().offset(secured.0));
        let begins = goal.is_none();
        if begins {
            let left = secured.0.saturating_sub(offset.0);
            let enough = left >= self.step(used) / 2;
            if enough || (!is_strict && offset.0 - HEADER_AREA_LEN < BLOCKS_FROM) {
                return Ok(false);
            }
            let to = self.step_ahead(used, secured);
            if to <= secured {
                self.tail.lock().ahead_refused_at = Some(secured);
                return Ok(false);
            }
            *goal = Some((Arc::clone(&active), to));
        }
        let Some((part, to)) = goal else {
            return Ok(false);
        };
        // Rotated, or an append has secured as much itself, meanwhile.
        if !Arc::ptr_eq(part, &active) || secured >= *to {
            return Ok(false);
        }
        let to = *to;
        let file = self.file_for_zeros(&active)?;
        if begins {
            file.allocate(secured.0, to - secured).map_err(io)?;
        }
        if !is_strict {
            self.tail.lock().secured = to;
            return Ok(false);
        }
        let Some(piece) = pieces(secured.0..to.0).next() else {
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
        self.tail.lock().secured = FileOffset(piece.end);
        Ok(piece.end < to.0)
    }

    fn make_spare(&self) -> Result<()> {
        match self.begin_spare()? {
            Some((file, len)) => self.end_spare(&*file, len),
            None => Ok(()),
        }
    }

    /// Creates the file, empty, and tells how long it is to be.
    pub(super) fn begin_spare(&self) -> Result<Option<(Arc<dyn StorageFile>, u64)>> {
        let start = FileOffset(HEADER_AREA_LEN);
        let room = (self.step_ahead(MOST_STEP, start) - start).min(MOST_STEP);
        let mut upkeep = self.upkeep.lock();
        if upkeep.spare != Spare::None {
            return Ok(None);
        }
        self.environment.check_root()?;
        let file = create_spare(&*self.environment.storage, &self.dir)
            .map_err(|error| self.spare_error(error))?;
        upkeep.spare = Spare::Begun;
        Ok(Some((file, HEADER_AREA_LEN + room)))
    }

    /// Fills the file, and lets it count unless a rotation came first.
    pub(super) fn end_spare(&self, file: &dyn StorageFile, len: u64) -> Result<()> {
        let is_strict = self.environment.options.sync_mode == SyncMode::Strict;
        let is_wanted = || {
            let begun = self.upkeep.lock().spare == Spare::Begun;
            begun && self.tail.lock().life == Life::Open
        };
        let filled = fill_spare(file, len, is_strict, is_wanted);
        let mut upkeep = self.upkeep.lock();
        // Otherwise the name is gone, or another's.
        if upkeep.spare == Spare::Begun {
            upkeep.spare = Spare::Ready(len);
            if filled.is_err() {
                upkeep.spare = Spare::None;
                self.remove_spare();
            }
        }
        filled.map_err(|error| self.spare_error(error))
    }

    /// Removes the next segment's file.
    pub(super) fn remove_spare(&self) {
        let path = self.dir.join(TEMPORARY_NAME);
        // Where this fails it is removed by the next try, or at open.
        let _ = self.environment.storage.remove_file(&path);
    }

    fn spare_error(&self, error: std::io::Error) -> Error {
        Error::io(error, ErrorContext::at(&self.dir).stream(&self.key))
    }
}

/// Lets those go on who wait for the end of making a spare, however it ends.
pub(super) struct SpareEnded<'a>(pub(super) &'a StreamCore);

impl Drop for SpareEnded<'_> {
    fn drop(&mut self) {
        self.0.tail.lock().making_spare = false;
        self.0.progress.notify_all();
    }
}
