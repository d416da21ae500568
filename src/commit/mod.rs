//! Group commit: how do many callers that need durability share one sync? Knows no files.
//!
//! - `answer`: why a caller does not get what it asked for.
//! - `group`: commit, wait, poison, close, exclusive.
//! - `batching_delay`: how long a leader waits for more callers. Plain data, no lock.
//! - `queue`: which caller waits for which position, and which leads next. Plain data, no lock.
//! - `listeners`: which callbacks and wakers wait, and which are due. Plain data, no lock.
//! - `notify`: registering them, and running those that are due.
//! - `waiter`: where one thread sleeps.
//! - `position`: what callers wait for, and what it means in ids.
//! - `primitives`: the locks and the clock, in one place, so that `tests/commit_model` can replace
//!   them by those of a model checker. It compiles the files above unchanged, so these name each
//!   other through `super`.

mod answer;
mod batching_delay;
mod group;
mod listeners;
mod notify;
mod position;
mod primitives;
mod queue;
#[cfg(test)]
mod tests;
mod waiter;

pub use answer::CommitError;
pub use group::ExclusiveTurn;
pub use group::GroupCommit;
pub use group::LeaderFault;
pub use group::Waited;
pub use listeners::ListenerId;
pub use listeners::Signal;
pub use notify::Panic;
pub use position::Position;
pub use position::Reached;

use crate::ids::EntryId;
use crate::ids::Place;

impl Position for EntryId {
    fn from_u64(number: u64) -> Self {
        EntryId(number)
    }
    fn to_u64(self) -> u64 {
        self.0
    }
}

impl Position for Place {
    fn from_u64(number: u64) -> Self {
        Place(number)
    }
    fn to_u64(self) -> u64 {
        self.0
    }
}
