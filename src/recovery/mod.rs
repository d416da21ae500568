//! What does the log hold after a crash? Recovery collects facts, decides, and then acts.
//!
//! | file | the question it answers |
//! |---|---|
//! | `collect`, `collect_live` | what is on disk of a stream, alone or beside a live writer? |
//! | `read_headers` | what identifies each segment file? |
//! | `scan` | how far are the frames of a file good? |
//! | `frontier` | up to where was the stream known to be durable? |
//! | `journal_replay` | what does the commit journal add to the streams' files? |
//! | `unrecovered` | does it add anything, while no process has the log open for writing? |
//! | `index_evidence`, `identity` | what do `segments.idx` and the identity files record? |
//! | `facts`, `verdict` | the data that goes into the decision and comes out of it |
//! | `decide` | what follows from the facts? A pure function, table by table |
//! | `apply`, `quarantine` | how is the verdict carried out? |
//! | `read_properties` | which properties do the slot and the frames hold? |
//! | `messages` | how does a finding read? |

mod apply;
mod collect;
mod collect_live;
mod decide;
mod facts;
mod frontier;
mod identity;
mod index_evidence;
mod journal_replay;
mod messages;
mod quarantine;
mod read_headers;
mod read_properties;
mod scan;
#[cfg(test)]
mod tests;
mod unrecovered;
mod verdict;

pub use apply::Recovered;
pub use apply::RecoveredSegment;
pub use apply::apply;
pub use apply::view_only;
pub use collect::load_last_frame;
pub use collect::survey;
pub use collect_live::LiveCollector;
pub use decide::decide;
#[cfg(all(test, feature = "simulation"))]
pub use facts::HEADERS_LOOKED_AT;
pub use facts::StreamFacts;
pub use identity::log_around;
pub use identity::read_identity;
pub use journal_replay::Replay;
pub use journal_replay::plan_replay;
pub use messages::describe;
pub use messages::describe_refusal;
pub use messages::path_of_finding;
pub use messages::refusal_error;
pub use read_properties::properties_of_good_frame;
pub use read_properties::properties_of_slot;
pub use scan::CheckDepth;
pub use scan::good_frames;
pub use unrecovered::JournalSeen;
pub use unrecovered::WriterLock;
pub use unrecovered::look_at_journal;
pub use unrecovered::read_journal_in_use;
pub use verdict::Decision;
pub use verdict::Finding;
pub use verdict::KeptState;
pub use verdict::NextAppend;
pub use verdict::Verdict;

#[cfg(feature = "sharded")]
pub use crate::storage::copy::copy_aside;
#[cfg(feature = "sharded")]
pub use crate::storage::copy::name_aside;
