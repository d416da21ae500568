//! Making a stream durable. The seam is this file: callers name a place, or a mark.
//!
//! | file | what it answers |
//! |---|---|
//! | `round` | what does one round of group commit do? |
//! | `journaled` | what does a round do that writes into the commit journal? |
//! | `together` | how are many streams made durable by one record of the journal? |
//! | `round_state` | what do rounds know from one to the next? |
//! | `durable_point` | when is the durable point stored? |
//! | `commit_slot` | which slots are stored outside of rounds? |
//! | `wait` | how does a caller learn that an entry is durable? |
//! | `listen` | how does a caller learn that a mark is durable without waiting for it? |
//! | `watch` | how is a caller signalled that a stream has grown or ended? |
//! | `background` | what does a helper do when a sync is due? |

mod background;
mod commit_slot;
mod durable_point;
mod journaled;
mod listen;
mod round;
mod round_state;
mod together;
mod wait;
mod watch;

pub(in crate::stream) use journaled::JournalRange;
pub(in crate::stream) use journaled::MAX_BESIDE;
pub(in crate::stream) use journaled::RangeStart;
pub use listen::is_in_callback;
pub use round_state::RoundState;
pub use watch::Watch;

use std::sync::Arc;

use crate::append::Mark;
use crate::commit::CommitError;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::segment::PropertyPoint;
use crate::stream::StreamInner;

impl StreamInner {
    /// Returns once everything in front of the mark, which is one of this stream's, is durable.
    pub fn make_durable(&self, mark: Mark) -> Result<()> {
        debug_assert_eq!(mark.opening, self.opening, "a mark of another stream");
        self.make_place_durable(mark.place)
    }

    /// Whether everything in front of the mark is durable. Waits for nothing.
    ///
    /// Errors: `Config` for a mark of another stream or of an earlier opening; what latched, if
    /// that keeps the mark from ever becoming durable.
    pub fn is_durable(&self, mark: Mark) -> Result<bool> {
        self.check_mark(mark)?;
        if self.group_commit.committed() >= mark.place {
            return Ok(true);
        }
        let tail = self.tail.lock();
        // A round may have ended since.
        match self.group_commit.committed() >= mark.place {
            true => Ok(true),
            false => self.check_writable(&tail).map(|()| false),
        }
    }

    /// The mark behind all that is in the kernel.
    pub fn mark(&self) -> Result<Mark> {
        match self.follower {
            Some(_) => Err(Error::ReadOnly),
            None => Ok(self.mark_of(self.tail.lock().written_place())),
        }
    }

    /// The mark at a place of this stream.
    pub fn mark_of(&self, place: Place) -> Mark {
        let opening = self.opening;
        Mark { opening, place }
    }

    /// Returns once everything below the place is durable.
    pub(in crate::stream) fn make_place_durable(&self, place: Place) -> Result<()> {
        self.make_durable_unless(place, || false)
    }

    /// The same for a frame that is not written yet; also returns once it is void.
    pub(in crate::stream) fn make_durable_unless(
        &self,
        place: Place,
        is_void: impl Fn() -> bool,
    ) -> Result<()> {
        let done = self.group_commit.commit(place, is_void, || self.round());
        self.answer(done)
    }

    /// The same as [`StreamInner::make_place_durable`], in the stream's own files where this thread leads.
    pub(super) fn make_place_durable_in_place(&self, place: Place) -> Result<()> {
        let round = || self.round_in_place();
        let done = self.group_commit.commit(place, || false, round);
        self.answer(done)
    }

    fn answer(&self, done: std::result::Result<(), CommitError<Arc<Error>>>) -> Result<()> {
        done.map_err(|error| match error {
            CommitError::Poisoned(cause) => {
                // A round that panicked has latched in the group only.
                self.poison(Arc::clone(&cause));
                cause.duplicate()
            }
            CommitError::Closed => Error::Closed,
            CommitError::Timeout => Error::Timeout,
        })
    }

    /// Makes everything written so far durable.
    pub fn sync(&self) -> Result<()> {
        self.context.check_root()?;
        self.sync_attached()
    }

    /// The same for a caller that has just checked that the log's root is attached.
    pub fn sync_attached(&self) -> Result<()> {
        let written = {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            tail.written_place()
        };
        self.make_place_durable(written)
    }

    /// Makes everything written durable in the stream's own files, for the thread that leads the group
    /// alone. A failure latches.
    pub(in crate::stream) fn make_written_durable(&self) -> std::result::Result<(), Arc<Error>> {
        self.round_in_place()
            .map(|reached| self.group_commit.advance(reached))
    }

    /// Reports why a full segment has no footer yet, for what relies on footers.
    pub(in crate::stream) fn check_sealed(&self) -> Result<()> {
        self.round_state.lock().check_sealed()
    }

    /// Where the durable frames end: in the segment with this first id, at this offset. `None`: no round
    /// has made any durable since the stream was opened, and no segment is active. Waits for a round
    /// under way.
    pub(in crate::stream) fn durable_point(&self) -> Option<(EntryId, FileOffset)> {
        let durable_at = self.round_state.lock().durable_at;
        durable_at.map(|(segment, (offset, _))| (segment, offset))
    }

    /// Whether something of the stream is durable in the commit journal only.
    pub(in crate::stream) fn is_in_journal(&self) -> bool {
        self.round_state.lock().is_in_journal
    }

    /// The properties at the durable point.
    pub(in crate::stream) fn durable_properties(&self) -> PropertyPoint {
        self.round_state.lock().properties.clone()
    }

    /// Whether a slot was stored since the stream was opened, or the segment made.
    pub(in crate::stream) fn slot_was_stored(&self) -> bool {
        self.round_state.lock().stored
    }
}
