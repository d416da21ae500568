//! One stream: its ids, appends, durability, reads and truncation.
//!
//! | file | what it answers |
//! |---|---|
//! | `mod` | what does a stream consist of, and in which order are its locks taken? |
//! | `atomic` | how is a batch over several streams appended, all of it or nothing? |
//! | `state` | where does the stream begin and end, does it exist, what do readers see? |
//! | `failure` | how does a failure latch? |
//! | `context` | what do all streams of a log share? |
//! | `attachment` | is the log's root still the directory that it locked? |
//! | `counters` | what is counted, and what does a stream report about itself? |
//! | `identity` | which log is this, and which incarnation does a new stream get? |
//! | `segment_list`, `shared_list` | which segments make up the stream, and how is a long list changed without a copy? |
//! | `segment_files` | how is a segment's file opened for writing? |
//! | `follower` | how does a read-only stream follow what another process writes? |
//! | `writer/` | ids, staging, the active segment, space ahead of the tail |
//! | `durability/` | rounds of group commit, the durable point, waiting for it |
//! | `reader/` | single entries, batches, iteration, views |
//! | `replica/` | frames that leave as they are, and get into another stream |
//! | `lifecycle/` | construction from recovery, truncation, archive, close, deletion |

mod atomic;
mod attachment;
mod context;
mod counters;
mod durability;
mod failure;
mod follower;
mod identity;
mod lifecycle;
mod reader;
mod replica;
mod segment_files;
mod segment_list;
mod shared_list;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub use atomic::AtomicPart;
pub use atomic::NotAppended;
pub use atomic::append_atomic;
pub use context::Attended;
pub use context::BackgroundTasks;
#[cfg(feature = "sharded")]
pub use context::CheckpointOwner;
pub use context::LogContext;
pub use durability::Watch;
pub use durability::is_in_callback;
pub use identity::LogIdentity;
pub use lifecycle::archive_owner::resolve_archive;
pub use lifecycle::copy_progress::CopyProgress;
pub use lifecycle::copy_progress::NoProgress;
pub use lifecycle::copy_progress::Progress;
pub use lifecycle::delete::remove_remains;
pub use lifecycle::delete::remove_tombstone;
#[cfg(feature = "sharded")]
pub use lifecycle::held_stream::HeldStream;
pub use lifecycle::live_snapshot::LiveEnd;
pub use lifecycle::snapshot::SnapshotEnd;
pub use reader::cursor::Cursor;
pub use reader::reverse_cursor::ReverseCursor;
pub use reader::view::EntryView;
pub use state::StreamState;
#[cfg(feature = "capi")]
pub use writer::staging::free_buffers_at_thread_end;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::Weak;

use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::stream::counters::SyncCounter;
use crate::stream::durability::RoundState;
use crate::stream::reader::side::ReaderSide;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::tail::Tail;

/// One stream.
///
/// Locks, in the order in which they may be taken: `alloc`, then leadership of `group_commit`, then
/// `round_state`, then `tail`. `segments` is held for a copy only. No I/O happens under `tail`.
pub struct StreamInner {
    reader: ReaderSide,
    weak_self: Weak<StreamInner>,
    tail: Mutex<Tail>,
    /// Something about the tail changed: written, rolled back, rotated, closed.
    tail_changed: Condvar,
    /// How often a write failed and was rolled back.
    rollback_count: AtomicU64,
    /// The syncs of rounds.
    sync_counter: SyncCounter,
    /// It is poisoned because recovery could not quarantine something, which nothing may overwrite.
    /// No write and no sync failed: all visible entries are durable, and may be truncated.
    blocked: AtomicBool,
    /// The number of the stream's directory among those made since the log was opened; 0: it was
    /// there before.
    dir_number: AtomicU64,
    /// The number of this opening of the stream, which its marks carry.
    opening: u64,
    /// A checkpoint of a sharded log counts on the ids below: none of them is cut.
    cut_floor: AtomicU64,
    /// The oldest live checkpoint needs the ids from here on: no retention removes them. `u64::MAX`: there
    /// is none.
    checkpoint_floor: AtomicU64,
    alloc: Mutex<AllocState>,
    round_state: Mutex<RoundState>,
    /// The last round went into the commit journal: zeros ahead of the tail would serve nothing.
    goes_by_journal: AtomicBool,
}

/// A stream is its reading side, and a writer that publishes there.
impl Deref for StreamInner {
    type Target = ReaderSide;

    #[inline]
    fn deref(&self) -> &ReaderSide {
        &self.reader
    }
}

impl StreamInner {
    fn arc(&self) -> Option<Arc<StreamInner>> {
        self.weak_self.upgrade()
    }
}

impl std::fmt::Debug for StreamInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamInner")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
