//! The reading side of a stream: what it shares with the writer, and how far readers see.

use std::path::Path;
use std::sync::Arc;

use crate::commit::GroupCommit;
use crate::error::Error;
use crate::ids::EntryId;
use crate::ids::Place;
use crate::notification::View;
use crate::options::StreamSettings;
use crate::options::SyncMode;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::stream::LogContext;
use crate::stream::follower::Follower;
use crate::stream::reader::cuts::Cuts;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::SegmentListCell;

/// What readers need of a stream: its segments, its ends and, where another process writes it, the
/// follower. It knows nothing of the writer, which publishes here.
pub struct ReaderSide {
    /// The stream's key.
    pub key: Arc<str>,
    /// What the options say for this stream. It never changes while the log is open: views, maps and zeros
    /// ahead of the tail depend on it.
    pub settings: StreamSettings,
    pub(in crate::stream) stream_id: u64,
    pub(in crate::stream) dir: Arc<Path>,
    pub(in crate::stream) context: Arc<LogContext>,
    pub(in crate::stream) segments: SegmentListCell,
    /// The cuts since it was opened.
    pub(in crate::stream) cuts: Cuts,
    /// It commits places, and knows the durable end.
    pub(in crate::stream) group_commit: GroupCommit<Place, EntryId, Arc<Error>>,
    /// One past the last id in the kernel.
    pub(in crate::stream) written_end: AtomicU64,
    /// Under `BatchOnly`: one past the last id whose append returned without an error.
    pub(in crate::stream) acknowledged_end: AtomicU64,
    pub(in crate::stream) deleted: AtomicBool,
    pub(in crate::stream) poisoned: AtomicBool,
    /// In a log that is open read-only.
    pub(in crate::stream) follower: Option<Box<Follower>>,
}

impl ReaderSide {
    pub(in crate::stream) fn segments(&self) -> Arc<SegmentList> {
        Arc::clone(&self.segments.read())
    }

    /// Sends pending messages to the log's receiver. The caller holds no lock.
    pub fn deliver(&self) {
        self.context.deliver();
    }

    /// One past the last id in the kernel.
    #[inline]
    pub(in crate::stream) fn written_end(&self) -> u64 {
        self.written_end.load(Ordering::Acquire)
    }

    /// One past the last id that may be read: under `Strict` what is durable, otherwise what is
    /// written.
    #[inline]
    pub fn visible_end(&self) -> EntryId {
        match self.settings.sync_mode {
            SyncMode::Strict => self.group_commit.durable_end(),
            // A batch that could not be made durable is not served, unless entries behind it are.
            SyncMode::BatchOnly if self.is_poisoned() => {
                let acknowledged = EntryId(self.acknowledged_end.load(Ordering::Acquire));
                acknowledged.max(self.group_commit.durable_end())
            }
            SyncMode::BatchOnly | SyncMode::Async => EntryId(self.written_end()),
        }
    }

    /// One past the last id that an iteration with this view shows.
    #[inline]
    pub fn end_in(&self, view: View) -> EntryId {
        match view {
            View::ByMode => self.visible_end(),
            View::Written => EntryId(self.written_end()),
            View::Durable => self.group_commit.durable_end(),
        }
    }

    /// One past the last durable id.
    pub fn durable_end(&self) -> u64 {
        self.group_commit.durable_end().0
    }

    /// The first id kept.
    pub fn first_id(&self) -> u64 {
        let segments = self.segments();
        let first = segments.parts.first().map(|part| part.segment.first_id());
        first
            .unwrap_or(segments.first_kept)
            .max(segments.first_kept)
            .0
    }

    /// The first id that truncation left. Below [`ReaderSide::first_id`] only where a loss followed.
    #[cfg(feature = "sharded")]
    pub fn first_kept(&self) -> u64 {
        self.segments.read().first_kept.0
    }

    /// Whether another process writes the stream, so that nothing signals what it appends.
    pub fn follower_is_polled(&self) -> bool {
        self.follower.is_some()
    }

    /// Whether anything was ever appended (and the stream not deleted since), also where all of it
    /// is lost.
    pub fn exists(&self) -> bool {
        !self.segments.read().parts.is_empty() || (self.written_end() > 0 && !self.is_deleted())
    }

    /// Whether the stream was deleted.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Whether a failure has latched.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// The error for whatever is asked of a deleted stream.
    pub(in crate::stream) fn deleted_error(&self) -> Error {
        Error::StreamNotFound(self.key.to_string())
    }

    /// The error for an id that was lost with its segment.
    pub(in crate::stream) fn lost_error(&self, id: EntryId, resumes: EntryId) -> Error {
        let context = crate::error::ErrorContext::at(&self.dir).stream(&self.key);
        Error::SegmentNotFound(id.0).remembering(context.ids(id.0..resumes.0))
    }
}
