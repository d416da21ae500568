//! How a suffix of a stream, or all of it, is replaced in one step.
//!
//! P is the segment that holds the id before the cut, Q the new one, which begins at the cut. A reset
//! has no P. Void are the segments that Q replaces. What a crash right after each step leaves:
//!
//! 1. no thread appends, leads or makes segments; everything written is durable: nothing is cut;
//! 2. the frame with the id before the cut is found in P and checked: nothing is cut;
//! 3. Q is made whole under a temporary name, with its entries, and a slot that says that they are
//!    durable; it is synced: a temporary file, which open removes;
//! 4. Q gets its name, in place of a file that had it: the old stream or the new one, each whole. Open
//!    takes the new one where it finds Q's header, and syncs the directory before anything else;
//! 5. the directory is synced, of a new stream the root too: **the commit point**: the new stream;
//! 6. memory: readers and appends go on in the new stream;
//! 7. P, if it was the active segment, is sealed as ending at the cut; void and truncated files are
//!    removed: the same stream, with fewer remains.
//!
//! No order of removals can leave a hole: all that Q replaces is void, or lies below the first kept id,
//! from 5 on, whichever files are still there.
//!
//! Failure: up to 3 nothing has changed, and the stream goes on. After a failed renaming the header
//! under the name says which of both streams is there. Where that cannot be read, and where 5 fails,
//! either may survive a crash: the stream is poisoned, and serves the ids that both have. Failures of
//! 7 are reported to the log's receiver: a void file is in the way of nothing.

use std::sync::Arc;

use crate::append::Append;
use crate::append::Appended;
use crate::append::Durability;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::lifecycle::cut_plan::Wanted;
use crate::stream::lifecycle::empty_stream::Waiting;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;

/// What came of it.
pub(super) enum Outcome {
    /// The stream was cut: so many ids are gone.
    Done(Appended, u64),
    /// Nothing is to be cut: the stream ends there.
    AtEnd,
}

impl StreamInner {
    /// Replaces the ids from `from_id` on by the entries. Durable on return.
    pub fn replace_suffix(&self, from_id: u64, append: &Append<'_>) -> Result<Appended> {
        let from = EntryId(from_id);
        self.check_replacement(from, append)?;
        let at_end = Append {
            expected_id: Some(from_id),
            durability: Durability::Durable,
            ..*append
        };
        loop {
            match self.cut(Wanted::Suffix(from), append)? {
                Outcome::Done(appended, _) => return Ok(appended),
                Outcome::AtEnd => {}
            }
            match self.append_with(&at_end) {
                // Another thread has appended since: that is cut.
                Err(Error::SequenceMismatch { found, .. }) if found > from_id => {}
                appended => return appended,
            }
        }
    }

    /// Removes the ids from `from_id` on, and returns how many there were. Durable on return.
    pub fn truncate_suffix(&self, from_id: u64) -> Result<u64> {
        match self.cut(Wanted::Suffix(EntryId(from_id)), &Append::default())? {
            Outcome::Done(_, count) => Ok(count),
            Outcome::AtEnd => Ok(0),
        }
    }

    /// Replaces all ids by the entries, the first of which gets `next_id`. Durable on return. Begins
    /// the stream, if there is none.
    pub fn reset(&self, next_id: u64, append: &Append<'_>) -> Result<Appended> {
        let first_id = EntryId(next_id);
        self.check_replacement(first_id, append)?;
        match self.cut(Wanted::All(first_id), append)? {
            Outcome::Done(appended, _) => Ok(appended),
            Outcome::AtEnd => Err(self.poisoned_or_closed()),
        }
    }

    /// No reset ends there.
    fn poisoned_or_closed(&self) -> Error {
        self.check_poisoned().err().unwrap_or(Error::Closed)
    }

    fn check_replacement(&self, first_id: EntryId, append: &Append<'_>) -> Result<()> {
        match append.expected_id {
            Some(expected) if expected != first_id.0 => Err(Error::SequenceMismatch {
                expected,
                found: first_id.0,
            }),
            _ => Ok(()),
        }
    }

    fn cut(&self, wanted: Wanted, append: &Append<'_>) -> Result<Outcome> {
        // A snapshot is taken of what is there at one moment.
        let _removals = self.context.removals.read();
        let mut alloc = self.alloc.lock();
        let (cut, detached_maps) = self.group_commit.exclusive(|| {
            let cut = self.cut_alone(&mut alloc, wanted, append);
            (cut, self.tail.lock().take_detached_maps())
        });
        drop(alloc);
        drop(detached_maps);
        cut.inspect_err(|error| self.latch_if_detached(error))
    }

    /// The steps, while no thread leads or makes segments.
    fn cut_alone(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        append: &Append<'_>,
    ) -> Result<Outcome> {
        // 1.
        let _waiting = self.hold_for_cut()?;
        self.cut_held(alloc, wanted, append)
    }

    /// The steps, while appends wait.
    pub(super) fn cut_held(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        append: &Append<'_>,
    ) -> Result<Outcome> {
        self.settle_held()?;
        // 2.
        let (frame, properties) = self.first_frame_of_cut(append)?;
        let Some(plan) = self.plan_cut(alloc, wanted, (frame.as_ref(), properties))? else {
            return Ok(Outcome::AtEnd);
        };
        let ids = self.carry_out(alloc, &plan)?;
        let mark = self.mark_of(self.tail.lock().written_place());
        let gone = plan.next_id.0.saturating_sub(plan.first_id.0);
        Ok(Outcome::Done(Appended { ids, mark }, gone))
    }

    /// Returns once appends wait. They go on when what it returns is dropped.
    fn hold_for_cut(&self) -> Result<Waiting<'_>> {
        self.context.check_root()?;
        self.hold_appends(true)?;
        Ok(Waiting(self))
    }

    /// Step 1: returns once appends wait and everything written is durable. Appends go on when what it
    /// returns is dropped. The caller leads the group alone.
    pub(in crate::stream) fn settle_for_cut(&self) -> Result<Waiting<'_>> {
        let waiting = self.hold_for_cut()?;
        self.settle_held()?;
        Ok(waiting)
    }

    /// Makes durable all that is written, while appends wait.
    fn settle_held(&self) -> Result<()> {
        self.make_written_durable()
            .map_err(|error| error.duplicate())?;
        // A slot that could not be stored has latched, whatever the round answers.
        self.check_poisoned()?;
        self.check_sealed()?;
        self.settle_empty_segment()
    }

    /// A segment that was made for an append that then failed is void from now on. Its header must
    /// say so, whatever the power failure leaves that comes before it is removed.
    fn settle_empty_segment(&self) -> Result<()> {
        let active = self.tail.lock().active().cloned();
        let is_new = |active: &Arc<StreamSegment>| !active.name_synced.load(Ordering::Acquire);
        let Some(active) = active.filter(is_new) else {
            return Ok(());
        };
        let (file, _) = self.write_file(&active)?;
        file.sync_all().map_err(|error| {
            let error = Arc::new(Error::io(error, active.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        })
    }
}
