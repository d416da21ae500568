//! From what is on disk to what the log holds: plain facts, a pure decision, then action.

mod act;
mod aside;
#[cfg(feature = "sharded")]
pub mod checkpoints;
mod claim;
mod decide;
mod describe;
mod ends;
mod facts;
mod frontier;
mod heads;
mod identity;
mod losses;
mod observe;
mod proof;
mod scan;
mod survey;
#[cfg(test)]
mod tests;
mod torn;
mod verdict;

pub use act::Recovered;
pub use act::RecoveredSegment;
pub use act::act;
pub use act::leave_alone;
pub use aside::UNFINISHED_COPY;
#[cfg(feature = "sharded")]
pub use aside::copy_aside;
#[cfg(feature = "sharded")]
pub use aside::name_aside;
pub use decide::decide;
pub use describe::describe;
pub use describe::describe_refusal;
pub use describe::refusal_error;
#[cfg(test)]
pub use facts::HEADERS_LOOKED_AT;
pub use facts::StreamFacts;
pub use identity::log_around;
pub use identity::read_identity;
pub use observe::Observer;
pub use scan::Depth;
pub use scan::good_frames;
pub use survey::complete_end;
pub use survey::survey;
pub use verdict::Decision;
pub use verdict::Finding;
pub use verdict::KeptState;
pub use verdict::Next;
