//! Making a stream durable. The seam is this file: callers name an end.
//!
//! | file | what it answers |
//! |---|---|
//! | `round` | what does one round of group commit do? |
//! | `round_state` | what do rounds know from one to the next? |
//! | `durable_point` | when is the durable point stored? |
//! | `commit_slot` | which slots are stored outside of rounds? |
//! | `wait` | how does a caller learn that an entry is durable? |
//! | `background` | what does a helper do when a sync is due? |

mod background;
mod commit_slot;
mod durable_point;
mod round;
mod round_state;
mod wait;

pub use round_state::RoundState;

use std::sync::Arc;

use crate::commit::CommitError;
use crate::error::Error;
use crate::error::Result;
use crate::stream::StreamInner;

impl StreamInner {
    /// Returns once everything below `end` is durable.
    pub fn make_durable(&self, end: u64) -> Result<()> {
        self.make_durable_unless(end, || false)
    }

    /// The same for a frame that is not written yet; also returns once it is void.
    pub(in crate::stream) fn make_durable_unless(
        &self,
        end: u64,
        is_void: impl Fn() -> bool,
    ) -> Result<()> {
        self.group_commit
            .commit(end, is_void, || self.round())
            .map_err(|error| match error {
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
        {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
        }
        self.make_durable(self.written_end())
    }

    /// Makes everything written durable, for the thread that leads the group alone. A failure
    /// latches.
    pub(in crate::stream) fn make_written_durable(&self) -> std::result::Result<(), Arc<Error>> {
        self.round()
            .map(|reached| self.group_commit.advance(reached))
    }

    /// Reports why a full segment has no footer yet, for what relies on footers.
    pub(in crate::stream) fn check_sealed(&self) -> Result<()> {
        self.round_state.lock().check_sealed()
    }

    /// Whether a slot was stored since the stream was opened, or the segment made.
    pub(in crate::stream) fn slot_was_stored(&self) -> bool {
        self.round_state.lock().stored
    }
}
