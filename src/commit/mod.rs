//! Group commit: how do many callers who need durability share one sync? Knows no files.
//!
//! - `group`: the meeting point: commit, wait, poison, close, exclusive.
//! - `gather`: whom a leader waits for before it begins. Plain data, no lock.
//! - `queue`: who waits for which position, and whose turn comes next. Plain data, no lock.
//! - `waiter`: the parking spot of one thread.
//! - `position`: what is counted.
//! - `sync`: the locks and the clock, in one place so that `tests/commit_model` can put a model
//!   checker's in their stead. It compiles the files above as they are, which is why they name each
//!   other through `super`.

mod batching_delay;
mod group;
mod position;
mod primitives;
mod queue;
#[cfg(test)]
mod tests;
mod waiter;

pub use group::CommitError;
pub use group::GroupCommit;
pub use group::LeaderFault;
pub use position::Position;

use crate::ids::EntryId;

impl Position for EntryId {
    fn from_u64(number: u64) -> Self {
        EntryId(number)
    }
    fn to_u64(self) -> u64 {
        self.0
    }
}
