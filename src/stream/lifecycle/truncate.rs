//! How old segments are taken out of a stream.
//!
//! Truncation, and what a crash right after each step leaves:
//!
//! 1. everything written is synced, which seals what is full: nothing changed;
//! 2. with an archive: each segment gets a second name there (`archive`), and those names are made
//!    durable: the segments are in both places;
//! 3. a frontier slot with the new first id and the next epoch is stored and synced: **the commit
//!    point**: open removes what is below it;
//! 4. the files are removed and the directory is synced.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::Kept;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::rotate::AllocState;

impl StreamInner {
    /// Takes out the segments that lie entirely below `safe_id`; the active one only where that
    /// gives space back (`empty_stream`). Durable on return. Returns how many.
    ///
    /// An error may also mean that a file could not be removed. The segments are taken out then,
    /// the files of all others are gone, and the next call tries again; it succeeds once no file
    /// of a truncated segment is left.
    pub fn truncate(&self, safe_id: u64) -> Result<usize> {
        self.with_exclusive_sync(|alloc, newest| {
            match self.empty(alloc, newest, EntryId(safe_id))? {
                0 => self.truncate_locked(alloc, newest, EntryId(safe_id)),
                emptied => Ok(emptied),
            }
        })
    }

    /// Runs `work` with the newest segment that holds entries, while no segment is made and no
    /// other thread leads a round. All that was written before is durable then, and what is full is sealed.
    pub(in crate::stream) fn with_exclusive_sync(
        &self,
        work: impl FnOnce(&mut AllocState, &Arc<StreamSegment>) -> Result<usize>,
    ) -> Result<usize> {
        let _removals = self.context.removals.read();
        let mut alloc = self.alloc.lock();
        self.group_commit.exclusive(|| {
            self.context.check_root()?;
            // A stream that recovery made durable and could not trim takes no appends, so nothing
            // was written since. This needs no space, and may make some.
            if !self.is_blocked() || self.state() != StreamState::Open {
                self.check_writable(&self.tail.lock())?;
                self.make_written_durable()
                    .map_err(|error| error.duplicate())?;
            }
            self.check_sealed()?;
            let newest = self.tail.lock().newest_segment().cloned();
            // After a loss there is no such segment before the next append.
            newest.map_or(Ok(0), |newest| work(&mut alloc, &newest))
        })
    }

    /// Hides the ids below `first_id` and takes out the segments that hold no other. Durable on
    /// return. Returns how many. For a file that cannot be removed see [`StreamInner::truncate`].
    pub fn truncate_prefix(&self, first_id: u64) -> Result<usize> {
        let first_id = EntryId(first_id);
        let mut has_segment = false;
        let removed = self.with_exclusive_sync(|alloc, newest| {
            has_segment = true;
            self.hide_below(alloc, newest, first_id)
        })?;
        if has_segment || first_id <= self.segments().first_kept {
            return Ok(removed);
        }
        match self.tail.lock().written().next_id {
            // Nothing was ever appended, and nothing is hidden.
            next_id if first_id > next_id => Err(self.mismatch(first_id, next_id)),
            // No segment can record it: the newest entries are lost, and nothing was appended since.
            _ => Err(Error::SegmentNotFound(first_id.0)),
        }
    }

    fn hide_below(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        first_id: EntryId,
    ) -> Result<usize> {
        let next_id = self.tail.lock().written().next_id;
        if first_id > next_id {
            return Err(self.mismatch(first_id, next_id));
        }
        let segments = self.segments();
        if first_id <= segments.first_kept {
            // Perhaps what earlier calls could not remove.
            return self.remove_files(alloc, []).map(|()| 0);
        }
        if first_id.0 > self.durable_end() {
            // Appended since the round. No id is hidden that a crash could free to be given again.
            self.make_written_durable()
                .map_err(|error| error.duplicate())?;
            self.check_sealed()?;
        }
        match self.empty(alloc, newest, first_id)? {
            0 => {
                let epoch = self.segments().truncation_epoch + 1;
                self.take_out(alloc, newest, first_id, (first_id, epoch))
            }
            emptied => Ok(emptied),
        }
    }

    /// Takes out the segments that lie entirely below `safe_id`, but for the newest one with entries. For
    /// the work of [`StreamInner::with_exclusive_sync`].
    pub(in crate::stream) fn truncate_locked(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        safe_id: EntryId,
    ) -> Result<usize> {
        let segments = self.segments();
        let is_below = |part: &&Arc<StreamSegment>| part.segment.end_id() <= safe_id;
        if !segments
            .parts
            .first()
            .iter()
            .any(|first| is_below(first) && !Arc::ptr_eq(first, newest))
        {
            // Perhaps what earlier calls could not remove.
            return self.remove_files(alloc, []).map(|()| 0);
        }
        let epoch = segments.truncation_epoch + 1;
        self.take_out(alloc, newest, safe_id, (EntryId(0), epoch))
    }

    /// Does what a truncation of the primary did, with its epoch: takes out what lies below the first
    /// kept id. Nothing is done where the stream has come as far already.
    pub(in crate::stream) fn follow_truncation(&self, kept: Kept) -> Result<()> {
        if kept.epoch <= self.segments().truncation_epoch {
            return Ok(());
        }
        let followed = self.with_exclusive_sync(|alloc, newest| {
            let next_id = self.tail.lock().written().next_id;
            if kept.first_kept_id > next_id {
                return Err(self.mismatch(kept.first_kept_id, next_id));
            }
            let stated = (kept.first_kept_id, kept.epoch);
            self.take_out(alloc, newest, kept.first_kept_id, stated)
        });
        followed.map(drop)
    }

    /// Takes out the segments below `safe_id`, and stores this epoch. The first kept id is that of the
    /// first one that stays, or `first_kept`, if that is greater.
    fn take_out(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        safe_id: EntryId,
        (first_kept, epoch): (EntryId, u64),
    ) -> Result<usize> {
        let segments = self.segments();
        let count = segments
            .parts
            .iter()
            .take_while(|part| !Arc::ptr_eq(part, newest) && part.segment.end_id() <= safe_id)
            .count();
        let out: Vec<_> = segments.parts.iter().take(count).cloned().collect();
        let mut kept = segments.parts.clone();
        kept.drop_front(count);
        let Some(first) = kept.first().map(|part| part.segment.first_id()) else {
            return Ok(0);
        };
        if let Some(archive) = self.archive_dir().filter(|_| count > 0) {
            for part in &out {
                alloc.reuse(&archive.join(segment_file_name(part.segment.first_id())));
            }
            self.link_into_archive(&archive, &out)?;
        }
        let next = SegmentList {
            first_kept: first.max(first_kept).max(segments.first_kept),
            truncation_epoch: epoch,
            parts: kept,
        };
        self.commit_truncation(newest, next)?;
        self.remove_parts(alloc, &out)?;
        Ok(count)
    }

    /// Removes the files of segments that are not in the segments any more.
    pub(in crate::stream) fn remove_parts(
        &self,
        alloc: &mut AllocState,
        out: &[Arc<StreamSegment>],
    ) -> Result<()> {
        for part in out {
            self.context.read_files.forget(&part.read_slot);
            self.context.write_files.forget(&part.write_slot);
        }
        self.remove_files(alloc, out.iter().map(|part| part.segment.path()))
    }

    /// Makes a new list of segments the stream's, durably: by a slot in the newest segment.
    pub(in crate::stream) fn commit_truncation(
        &self,
        newest: &Arc<StreamSegment>,
        next: SegmentList,
    ) -> Result<()> {
        self.store_first_kept(newest, next.first_kept, next.truncation_epoch)?;
        *self.segments.write() = Arc::new(next);
        Ok(())
    }
}
