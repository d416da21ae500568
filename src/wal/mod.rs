//! The log: one root directory, many streams.
//!
//! | file | the question it answers |
//! |---|---|
//! | `wal` | which calls does a log have? |
//! | `atomic` | which calls append over several streams, all of it or nothing? |
//! | `stream` | which calls does a handle of a stream have? |
//! | `durable` | how does a task wait until a mark is durable? |
//! | `events` | how does a program that polls descriptors learn that a stream has grown? |
//! | `follow` | how does a caller wait for the next entry of an iteration? |
//! | `properties` | which calls read and change the properties of a stream? |
//! | `iterator` | how does a caller iterate over entries? |
//! | `transaction` | how are entries collected and appended as one frame? |
//! | `open` | how is a log opened: root, lock, recovery of all streams? |
//! | `journal` | how does the commit journal of a log begin and end? |
//! | `read_only` | how is a log opened read-only, beside a writer? |
//! | `recovery_report` | what did opening find, lose and remove? |
//! | `snapshot` | how is a log copied while it is written? |
//! | `retention` | how is a retention applied to streams, by a call or once a minute? |
//! | `stats` | what does a log report about itself? |
//! | `reverse` | how does a caller iterate over entries backwards? |
//! | `replica` | which calls keep a stream of another log equal to this one? |
//! | `live_snapshot` | how is it copied while another process writes it? |
//! | `registry` | what do all clones of a `Wal` share, and how is it closed? |
//! | `background` | which work of streams runs in the background, and on which threads? |

mod atomic;
mod background;
mod durable;
#[cfg(unix)]
mod events;
mod follow;
mod iterator;
mod journal;
mod live_snapshot;
mod open;
mod properties;
mod read_only;
mod recovery_report;
mod registry;
mod replica;
mod retention;
mod reverse;
mod snapshot;
mod stats;
mod stream;
mod transaction;
// The file is named after the type it holds.
#[allow(clippy::module_inception)]
mod wal;

pub use atomic::AtomicBatch;
pub use durable::Durable;
#[cfg(unix)]
pub use events::Events;
pub use follow::Canceller;
pub use iterator::WalIdIterator;
pub use iterator::WalIterator;
#[cfg(feature = "sharded")]
pub use live_snapshot::RootFiles;
pub use recovery_report::RecoveryFinding;
pub use recovery_report::RecoveryReport;
pub use recovery_report::StreamRecovery;
pub use reverse::WalRevIterator;
#[cfg(feature = "sharded")]
pub use snapshot::Moment;
pub use snapshot::SnapshotMode;
pub use snapshot::SnapshotReport;
pub use stream::Stream;
pub use transaction::TxnWriter;
pub use wal::Wal;
