//! How do many streams share one sync? The commit journal: one file into which each group commit writes
//! what is new in the streams that wait, so that one sync makes it durable.
//!
//! | file | the question it answers |
//! |---|---|
//! | `commit_path` | how does a stream's round hand its range over, and what comes back? |
//! | `batch` | how do the parts of a batch over streams get into one record? |
//! | `ring` | which file takes the next record, and which streams need which file? |
//! | `turn` | how does a file begin, and how does it become empty? |
//! | `aside` | how does a file become empty that holds what a poisoned stream needs? |
//! | `upkeep` | what do the log's helper and its close do for the journal? |
//! | `scan` | what do the files on disk hold? |
//!
//! Invariants:
//!
//! 1. **Kernel first.** What a record holds stands in the stream's own file by then, in the kernel at least.
//!    So a record that could not be written costs nothing: the stream is synced in place.
//! 2. **Sequence.** A record is written only once the one before it is durable.
//! 3. **Recycling.** A file is used again only when all that its records hold is durable in place, or, of
//!    poisoned streams, in a file aside.
//! 4. **One latch.** After a failed write the journal takes no more until the log is opened anew. All
//!    streams go on in place.
//!
//! What a crash leaves is laid over the streams' files by `recovery/journal`, before any stream is judged.

mod aside;
mod batch;
mod commit_path;
mod ring;
mod scan;
mod turn;
mod upkeep;

pub use batch::Room;
pub use batch::WriteFault;
pub use ring::OwnedItems;
pub use ring::WriteBack;
pub use ring::WrittenBack;
pub use scan::JournalFacts;
pub use scan::JournalFinding;
pub use scan::OwnedItem;
pub use scan::read_headers;
pub use scan::scan_journal;
pub use turn::make_empty;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::commit::GroupCommit;
use crate::commit::LeaderFault;
use crate::commit::Reached;
use crate::error::Error;
use crate::format::JOURNAL_DIR;
use crate::format::LogId;
use crate::journal::ring::Ring;
use crate::primitives::Mutex;
use crate::stats::JournalStats;
use crate::storage::Storage;

/// The number of the first record since the log was opened.
const FIRST_RECORD: u64 = 1;

/// The commit journal of a log that is open for writing.
pub struct Journal {
    storage: Arc<dyn Storage>,
    root: PathBuf,
    dir: PathBuf,
    log: LogId,
    /// The greatest length of one of its files.
    max_file_len: u64,
    /// Rounds write records: a position is the number of a record.
    group: GroupCommit<u64, u64, Arc<Error>>,
    ring: Mutex<Ring>,
    /// Held while files are made and emptied.
    upkeep: Mutex<()>,
}

impl Journal {
    /// The journal of the log at `root`. No file is there yet: opening has made those empty that were. Its
    /// files take at most `size` bytes.
    pub fn new(storage: Arc<dyn Storage>, root: &Path, log: LogId, size: u64) -> Self {
        let start = Reached {
            point: FIRST_RECORD,
            end_id: FIRST_RECORD,
        };
        Journal {
            storage,
            root: root.to_path_buf(),
            dir: root.join(JOURNAL_DIR),
            log,
            max_file_len: size / 2,
            group: GroupCommit::new(start, broken_round),
            ring: Mutex::new(Ring::new(FIRST_RECORD)),
            upkeep: Mutex::new(()),
        }
    }
}

impl Journal {
    /// What it reports about itself.
    pub fn stats(&self) -> JournalStats {
        self.ring.lock().stats()
    }
}

/// The error of a round that did not end as rounds do.
fn broken_round(fault: LeaderFault) -> Arc<Error> {
    let what = match fault {
        LeaderFault::LeaderPanicked => "a thread panicked while it wrote the commit journal",
        LeaderFault::NoProgress => "a record of the commit journal made nothing durable",
    };
    Arc::new(Error::Io(std::io::Error::other(what)))
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}
