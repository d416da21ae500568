//! A log of checked records in one file: `checkpoints.log` today.

mod appender;
mod scanner;

use crate::ids::EntryId;
use crate::ids::FileOffset;

pub use appender::CheckpointFile;
pub use scanner::Foreign;
pub use scanner::ItemKind;
pub use scanner::RecordLogFacts;
pub use scanner::RecordLogItem;
pub use scanner::RecordLogState;
pub use scanner::Scanner;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLocation {
    /// Its first id: later records have greater ones.
    pub number: EntryId,
    /// Where it starts in the file.
    pub offset: FileOffset,
    /// Its length.
    pub len: u64,
}
