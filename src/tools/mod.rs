//! How is a log's directory inspected without changing it, also beside a live writer?
//!
//! | file | the question it answers |
//! |---|---|
//! | `survey` | which streams are there, and what would recovery decide on each? |
//! | `segment_walk` | which frames and entries does a segment hold, good and bad? |
//! | `verify` | is everything that was stored still there and whole? |
//! | `verify_segment` | is everything in one segment whole? |
//! | `verify_files` | are the files beside the segments whole? |
//! | `report` | what did a verification find? |
//! | `stat` | what does a log hold, in numbers? |
//! | `inspect` | what does it hold, and is it whole, both at one moment? |
//! | `dump` | which entries does a log hold, one after the other? |
//! | `dump_journal` | which records does a file of the commit journal hold? |
//! | `dump_properties` | how did the properties of each stream change? |
//! | `load` | how is a new log made of entries that come one after the other? |
//! | `salvage` | how is a healthy copy made of a damaged log? |
//! | `import` | how is a root of the 0.6 crate made into a log? |
//! | `stream_copy` | how is a stream put into a new log under the ids that it has elsewhere? |
//! | `new_log` | how is a new log made, so that it is whole or not there? |
//!
//! Facts come from `recovery`, frames from `segment`: the format is read in one place only.

#[cfg(feature = "cli")]
mod dump;
#[cfg(feature = "cli")]
mod dump_journal;
#[cfg(feature = "cli")]
mod dump_properties;
#[cfg(feature = "cli")]
mod import;
#[cfg(feature = "cli")]
mod inspect;
#[cfg(feature = "cli")]
mod load;
#[cfg(feature = "cli")]
mod new_log;
mod report;
#[cfg(feature = "cli")]
mod salvage;
mod segment_walk;
#[cfg(feature = "cli")]
mod stat;
#[cfg(feature = "cli")]
mod stream_copy;
mod survey;
mod verify;
mod verify_files;
mod verify_segment;

#[cfg(feature = "cli")]
pub use crate::platform::Interrupt;
#[cfg(feature = "cli")]
pub use crate::platform::is_output_closed;
#[cfg(feature = "cli")]
pub use crate::stream::Progress;
#[cfg(feature = "cli")]
pub use dump::DumpedEntry;
#[cfg(feature = "cli")]
pub use dump::EntryVisitor;
#[cfg(feature = "cli")]
pub use dump::dump;
#[cfg(feature = "cli")]
pub use dump::visit_entries;
#[cfg(feature = "cli")]
pub use dump_journal::JournalPiece;
#[cfg(feature = "cli")]
pub use dump_journal::JournalPieceItem;
#[cfg(feature = "cli")]
pub use dump_journal::dump_journal;
#[cfg(feature = "cli")]
pub use dump_properties::DumpedProperties;
#[cfg(feature = "cli")]
pub use dump_properties::PropertyMap;
#[cfg(feature = "cli")]
pub use dump_properties::dump_properties;
#[cfg(feature = "cli")]
pub use import::ImportOptions;
#[cfg(feature = "cli")]
pub use import::ImportReport;
#[cfg(feature = "cli")]
pub use import::ImportedStream;
#[cfg(feature = "cli")]
pub use import::import_06;
#[cfg(feature = "cli")]
pub use inspect::inspect;
#[cfg(feature = "cli")]
pub use load::LoadRecord;
#[cfg(feature = "cli")]
pub use load::LoadReport;
#[cfg(feature = "cli")]
pub use load::LoadedStream;
#[cfg(feature = "cli")]
pub use load::load;
#[cfg(feature = "cli")]
pub(crate) use new_log::NewPlace;
pub use report::Severity;
pub use report::VerifyFinding;
pub use report::VerifyReport;
#[cfg(feature = "cli")]
pub use salvage::LostIds;
#[cfg(feature = "cli")]
pub use salvage::RepairReport;
#[cfg(feature = "cli")]
pub use salvage::RepairedStream;
#[cfg(feature = "cli")]
pub use salvage::repair;
#[cfg(feature = "cli")]
pub(crate) use segment_walk::SegmentWalk;
#[cfg(feature = "cli")]
pub use stat::JournalStat;
#[cfg(feature = "cli")]
pub use stat::LogStat;
#[cfg(feature = "cli")]
pub use stat::SegmentStat;
#[cfg(feature = "cli")]
pub use stat::SegmentState;
#[cfg(feature = "cli")]
pub use stat::StreamStat;
#[cfg(feature = "cli")]
pub use stat::stat;
#[cfg(feature = "cli")]
pub(crate) use stream_copy::StreamCopy;
#[cfg(feature = "cli")]
pub use survey::LogDir;
#[cfg(feature = "cli")]
pub use survey::Selection;
#[cfg(feature = "cli")]
pub(crate) use survey::Surveyed;
#[cfg(feature = "cli")]
pub(crate) use survey::survey_all;
#[cfg(feature = "cli")]
pub use verify::verify;
