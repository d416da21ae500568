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
//! | `dump` | which entries does a log hold, one after the other? |
//! | `dump_properties` | how did the properties of each stream change? |
//! | `salvage` | how is a healthy copy made of a damaged log? |
//!
//! Facts come from `recovery`, frames from `segment`: the format is read in one place only.

#[cfg(feature = "cli")]
mod dump;
#[cfg(feature = "cli")]
mod dump_properties;
mod report;
#[cfg(feature = "cli")]
mod salvage;
mod segment_walk;
#[cfg(feature = "cli")]
mod stat;
mod survey;
mod verify;
mod verify_files;
mod verify_segment;

#[cfg(feature = "cli")]
pub use dump::DumpedEntry;
#[cfg(feature = "cli")]
pub use dump::dump;
#[cfg(feature = "cli")]
pub use dump_properties::DumpedProperties;
#[cfg(feature = "cli")]
pub use dump_properties::PropertyMap;
#[cfg(feature = "cli")]
pub use dump_properties::dump_properties;
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
pub use stat::LogStat;
#[cfg(feature = "cli")]
pub use stat::StreamStat;
#[cfg(feature = "cli")]
pub use stat::stat;
#[cfg(feature = "cli")]
pub use survey::LogDir;
#[cfg(feature = "cli")]
pub use survey::Selection;
#[cfg(feature = "cli")]
pub(crate) use survey::Surveyed;
#[cfg(feature = "cli")]
pub(crate) use survey::survey_all;
#[cfg(feature = "cli")]
pub use verify::Progress;
#[cfg(feature = "cli")]
pub use verify::verify;
