//! From what is on disk to what the log holds: plain facts, a pure decision, then action.

mod apply;
#[cfg(feature = "sharded")]
pub mod checkpoints;
mod collect;
mod collect_live;
mod decide;
mod facts;
mod frontier;
mod identity;
mod index_evidence;
mod messages;
mod quarantine;
mod read_headers;
mod scan;
#[cfg(test)]
mod tests;
mod verdict;

pub use apply::Recovered;
pub use apply::RecoveredSegment;
pub use apply::apply;
pub use apply::view_only;
pub use collect::load_last_frame;
pub use collect::survey;
pub use collect_live::LiveCollector;
pub use decide::decide;
#[cfg(test)]
pub use facts::HEADERS_LOOKED_AT;
pub use facts::StreamFacts;
pub use identity::log_around;
pub use identity::read_identity;
pub use messages::describe;
pub use messages::describe_refusal;
pub use messages::refusal_error;
pub use quarantine::UNFINISHED_COPY;
#[cfg(feature = "sharded")]
pub use quarantine::copy_aside;
#[cfg(feature = "sharded")]
pub use quarantine::name_aside;
pub use scan::CheckDepth;
pub use scan::good_frames;
pub use verdict::Decision;
pub use verdict::Finding;
pub use verdict::KeptState;
pub use verdict::NextAppend;
