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

/// Which entries an iteration shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Those that reads show in the log's [`SyncMode`](crate::SyncMode): durable ones under
    /// `Strict`, otherwise all that are in the kernel.
    #[default]
    ByMode,
    /// All that are in the kernel, under `Strict` too. A power failure may take back what no sync has
    /// covered, and its ids are given again.
    Written,
    /// Durable ones only, in every mode.
    Durable,
}

/// What makes an event descriptor readable: see [`Stream::events`](crate::Stream::events).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// More entries are durable.
    Durable,
    /// More entries are in the kernel.
    Written,
}
