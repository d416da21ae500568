//! The questions about a stream as a whole: its ends, its ids, whether it exists, what readers see.

use crate::ids::EntryId;
use crate::options::SyncMode;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::writer::tail::StreamState;

impl StreamInner {
    /// One past the last id in the kernel.
    pub(super) fn written_end(&self) -> u64 {
        self.written_end.load(Ordering::Acquire)
    }

    /// One past the last id that may be read: under `Strict` what is durable, otherwise what is
    /// written.
    #[inline]
    pub fn visible_end(&self) -> EntryId {
        EntryId(match self.context.options.sync_mode {
            SyncMode::Strict => self.group_commit.committed(),
            // A batch that could not be made durable is not served, unless entries behind it are.
            SyncMode::BatchOnly if self.is_poisoned() => {
                let acknowledged = self.acknowledged_end.load(Ordering::Acquire);
                acknowledged.max(self.group_commit.committed())
            }
            SyncMode::BatchOnly | SyncMode::Async => self.written_end(),
        })
    }

    /// One past the last durable id.
    pub fn durable_end(&self) -> u64 {
        self.group_commit.committed()
    }

    /// The id that the next append gets.
    pub fn next_id(&self) -> u64 {
        self.tail.lock().written().next_id.0
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

    /// The first id that truncation left. Below [`StreamInner::first_id`] only where a loss followed.
    #[cfg(feature = "sharded")]
    pub fn first_kept(&self) -> u64 {
        self.segments.read().first_kept.0
    }

    /// Whether anything was ever appended (and the stream not deleted since), also where all of it
    /// is lost.
    pub fn exists(&self) -> bool {
        !self.segments.read().parts.is_empty() || (self.written_end() > 0 && !self.is_deleted())
    }

    /// Whether there is nothing of this stream on disk and nothing to remember about it.
    pub fn is_untouched(&self) -> bool {
        let on_disk = self.alloc.lock().dir_exists;
        let tail = self.tail.lock();
        let has_ids = tail.written().next_id.0 > 0 || tail.active().is_some();
        let is_usable = matches!(tail.life(), StreamState::Open | StreamState::ReadOnly);
        !on_disk && !has_ids && is_usable && !self.is_poisoned() && !self.exists()
    }

    /// The first id of the segment that appends go to.
    pub fn current_segment_start_id(&self) -> Option<u64> {
        let tail = self.tail.lock();
        if let Some(active) = tail.active() {
            return Some(active.segment.first_id().0);
        }
        drop(tail);
        self.segments()
            .parts
            .last()
            .map(|part| part.segment.first_id().0)
    }

    /// Whether the stream was deleted or closed.
    pub fn state(&self) -> StreamState {
        self.tail.lock().life()
    }

    /// Whether the stream was deleted.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}
