//! The questions about a stream as a whole that need its writer: the next id, whether it takes appends.

use crate::stream::StreamInner;

/// Whether a stream takes appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It does.
    Open,
    /// The log was closed.
    Closed,
    /// The stream was deleted.
    Deleted,
    /// Another process writes it; see `follower`.
    ReadOnly,
}

impl StreamInner {
    /// The id that the next append gets.
    pub fn next_id(&self) -> u64 {
        match self.follower {
            Some(_) => self.written_end(),
            None => self.tail.lock().written().next_id.0,
        }
    }

    /// Whether there is nothing of this stream on disk and nothing to remember about it.
    pub fn is_untouched(&self) -> bool {
        let on_disk = self.alloc.lock().dir_exists;
        let tail = self.tail.lock();
        let has_ids = tail.written().next_id.0 > 0 || tail.active().is_some();
        let is_usable =
            matches!(tail.life(), StreamState::Open | StreamState::ReadOnly) && !self.is_deleted();
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
        match self.is_deleted() && self.follower.is_some() {
            true => StreamState::Deleted,
            false => self.tail.lock().life(),
        }
    }
}
