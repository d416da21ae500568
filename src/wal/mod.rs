//! The log: one root directory, many streams.
//!
//! | file | the question it answers |
//! |---|---|
//! | `open` | how does a log come up: root, lock, recovery of all streams? |
//! | `log` | what do all clones of a `Wal` share, and how does it end? |
//! | `background_threads` | who syncs and makes room behind the caller's back? |
//! | `parallel` | how is work on many streams shared out? |
//! | `read_only` | how is a log read that somebody else writes? |
//! | `repair` | how is a healthy copy made of a damaged log? |
//! | `by_name` | what can be done to a stream by its key? |
//! | `handle` | what can be done through a stream's handle? |
//! | `iterate` | how are entries read in order? |
//! | `transaction` | how are entries gathered and appended as one? |

mod background;
mod iterator;
mod open;
mod read_only;
mod registry;
mod stream;
mod transaction;
mod wal;

pub use iterator::WalIdIterator;
pub use iterator::WalIterator;
pub use stream::Stream;
pub use transaction::TxnWriter;
pub use wal::Wal;
