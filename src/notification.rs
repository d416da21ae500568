//! What does a caller ask of notifications, and what does it get?
//!
//! Plain data, below `stream` and `wal`, which both use it.

use crate::ids::Place;

/// Names a callback that was registered with [`Stream::on_durable`](crate::Stream::on_durable), to
/// cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The number of the stream's opening in this process.
    pub(crate) opening: u64,
    pub(crate) place: Place,
    pub(crate) listener: u64,
}
