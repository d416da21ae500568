//! A log of checked records in one file: a header sector, two slots, one frame per record.
//!
//! `checkpoints.log` is one. What a record says, and what the file is called, is the user's
//! [`crate::format::RecordFormat`].
//!
//! | file | the question it answers |
//! |---|---|
//! | `items` | what did a scan find in the file? |
//! | `scanner` | how is the file read without changing it? |
//! | `recover` | what of the file is served, and how does it become durable? |
//! | `appender` | how is a record appended, and when is it durable? |
//! | `rewrite` | how is the file created, and replaced by a shorter one? |

mod appender;
mod items;
mod recover;
mod rewrite;
mod scanner;
#[cfg(all(test, unix, feature = "simulation"))]
mod tests;

pub use appender::RecordLog;
pub use items::ItemKind;
pub use items::RecordLocation;
pub use items::RecordLogFacts;
pub use items::RecordLogItem;
pub use items::RecordLogState;
pub use recover::Recovery;
pub use recover::find;
pub use recover::preview;
pub use recover::recover;
pub use scanner::decode_record;
pub use scanner::read_record;
pub use scanner::scan;
pub use scanner::scan_behind;
