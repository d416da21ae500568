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
//! | `meter` | how far is an inspection, and did its caller cancel it? |
//! | `load` | how is a new log made of entries that come one after the other? |
//! | `salvage` | how is a healthy copy made of a damaged log? |
//! | `import` | how is a root of the 0.6 crate made into a log? |
//! | `stream_copy` | how is a stream put into a new log under the ids that it has elsewhere? |
//! | `new_log` | how is a new log made, so that it is whole or not there? |
//!
//! Facts come from `recovery`, frames from `segment`: the format is read in one place only.

#[cfg(feature = "inspection")]
mod dump;
#[cfg(feature = "inspection")]
mod dump_journal;
#[cfg(feature = "inspection")]
mod dump_properties;
#[cfg(feature = "inspection")]
mod import;
#[cfg(feature = "inspection")]
mod inspect;
#[cfg(feature = "inspection")]
mod load;
mod meter;
#[cfg(feature = "inspection")]
mod new_log;
mod report;
#[cfg(feature = "inspection")]
mod salvage;
mod segment_walk;
#[cfg(feature = "inspection")]
mod stat;
#[cfg(feature = "inspection")]
mod stream_copy;
mod survey;
mod verify;
mod verify_files;
mod verify_segment;

#[cfg(feature = "inspection")]
pub use crate::platform::Interrupt;
#[cfg(feature = "inspection")]
pub use crate::platform::is_output_closed;
#[cfg(feature = "inspection")]
pub use crate::stream::Progress;
#[cfg(feature = "inspection")]
pub use dump::DumpedEntry;
#[cfg(feature = "inspection")]
pub use dump::EntryVisitor;
#[cfg(feature = "inspection")]
pub use dump::dump;
#[cfg(feature = "inspection")]
pub use dump::visit_entries;
#[cfg(feature = "inspection")]
pub use dump_journal::JournalPiece;
#[cfg(feature = "inspection")]
pub use dump_journal::JournalPieceItem;
#[cfg(feature = "inspection")]
pub use dump_journal::dump_journal;
#[cfg(feature = "inspection")]
pub use dump_properties::DumpedProperties;
#[cfg(feature = "inspection")]
pub use dump_properties::PropertyMap;
#[cfg(feature = "inspection")]
pub use dump_properties::dump_properties;
#[cfg(feature = "inspection")]
pub use import::ImportOptions;
#[cfg(feature = "inspection")]
pub use import::ImportReport;
#[cfg(feature = "inspection")]
pub use import::ImportedStream;
#[cfg(feature = "inspection")]
pub use import::import_06;
#[cfg(feature = "inspection")]
pub use inspect::inspect;
#[cfg(feature = "inspection")]
pub use load::LoadRecord;
#[cfg(feature = "inspection")]
pub use load::LoadReport;
#[cfg(feature = "inspection")]
pub use load::LoadedStream;
#[cfg(feature = "inspection")]
pub use load::load;
#[cfg(feature = "inspection")]
pub(crate) use new_log::NewPlace;
pub use report::Severity;
pub use report::VerifyFinding;
pub use report::VerifyReport;
#[cfg(feature = "inspection")]
pub use salvage::LostIds;
#[cfg(feature = "inspection")]
pub use salvage::RepairReport;
#[cfg(feature = "inspection")]
pub use salvage::RepairedStream;
#[cfg(feature = "inspection")]
pub use salvage::repair;
#[cfg(feature = "inspection")]
pub use salvage::repair_until;
#[cfg(feature = "inspection")]
pub(crate) use segment_walk::SegmentWalk;
#[cfg(feature = "inspection")]
pub use stat::JournalStat;
#[cfg(feature = "inspection")]
pub use stat::LogStat;
#[cfg(feature = "inspection")]
pub use stat::SegmentStat;
#[cfg(feature = "inspection")]
pub use stat::SegmentState;
#[cfg(feature = "inspection")]
pub use stat::StreamStat;
#[cfg(feature = "inspection")]
pub use stat::stat;
#[cfg(feature = "inspection")]
pub use stat::stat_until;
#[cfg(feature = "inspection")]
pub(crate) use stream_copy::StreamCopy;
#[cfg(feature = "inspection")]
pub use survey::LogDir;
#[cfg(feature = "inspection")]
pub use survey::Selection;
#[cfg(feature = "inspection")]
pub(crate) use survey::Surveyed;
#[cfg(feature = "inspection")]
pub(crate) use survey::survey_all;
#[cfg(feature = "inspection")]
pub use verify::verify;
#[cfg(feature = "inspection")]
pub use verify::verify_until;
