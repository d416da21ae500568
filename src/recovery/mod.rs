//! From what is on disk to what the log holds: plain facts, a pure decision, then action.

mod apply;
#[cfg(feature = "sharded")]
pub mod checkpoints;
mod collect;
mod collect_live;
mod decide;
mod facts;
mod frontier;
mod messages;
mod read_headers;
mod scan;
#[cfg(test)]
mod tests;
mod verdict;

pub use apply::Recovered;
pub use apply::RecoveredSegment;
pub use apply::act;
pub use apply::leave_alone;
pub use collect::complete_end;
pub use collect::survey;
pub use collect_live::Observer;
pub use decide::decide;
#[cfg(test)]
pub use facts::HEADERS_LOOKED_AT;
pub use facts::StreamFacts;
pub use messages::describe;
pub use messages::describe_refusal;
pub use messages::refusal_error;
pub use scan::Depth;
pub use scan::good_frames;
pub use verdict::Decision;
pub use verdict::Finding;
pub use verdict::KeptState;
pub use verdict::Next;
