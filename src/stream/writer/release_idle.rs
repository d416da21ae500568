//! What an idle stream gives back.
//!
//! Space is made ahead of need in proportion to the stream's size, up to some MiB (`preallocate`). Of a
//! stream without an append for an interval of background syncing a helper drops the map, trims the
//! active file behind its last frame, with space for a footer, and removes the next segment's file.
//! Later appends find no space allocated and make some in proportion to what was appended since: an
//! entry now and then does not have megabytes of zeros written each time.
//!
//! Only zeros are trimmed, and no append can reach them: `allocated_end` is moved first, under the
//! tail's lock. The trim is not synced: a crash may bring the zeros back, and open trims them.
//!
//! Failure: the file keeps its length, which is only logged.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::segment::footer_reserve;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;
use crate::stream::writer::preallocate::is_worth_releasing;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::FailureMarks;
use crate::stream::writer::tail::Tail;

impl StreamInner {
    /// Where the active file may end: behind its last frame, with space for a footer.
    fn rest_at(tail: &Tail) -> FileOffset {
        tail.reserved.offset + footer_reserve(tail.reserved.offset)
    }

    /// Whether the stream has space that it should release once it is idle.
    pub(in crate::stream) fn has_room_to_release(&self, tail: &Tail) -> bool {
        let is_worth_it = is_worth_releasing(tail.allocated_end, Self::rest_at(tail));
        tail.active.is_some() && (is_worth_it || tail.ahead.next_file.was_tried())
    }

    /// Has a helper look, an interval from now, whether the stream is idle. In the other modes its
    /// background syncs come by anyway.
    pub(in crate::stream) fn plan_rest(&self, tail: &mut Tail) {
        let is_strict = self.settings.sync_mode == SyncMode::Strict;
        if is_strict && !tail.idle.is_scheduled && self.has_room_to_release(tail) {
            tail.idle.is_scheduled = true;
            self.schedule_sync();
        }
    }

    /// Releases what an idle stream does not need. Called once an interval while
    /// there is something; the first call without an append since the last one does it.
    pub(in crate::stream) fn rest_if_idle(&self) {
        if !self.unmap_if_idle() {
            return;
        }
        if let Err(error) = self.release_room() {
            let message = format!("space ahead not released: {error}");
            self.context.log(log::Level::Debug, &message);
        }
    }

    fn release_room(&self) -> Result<()> {
        let mut alloc = self.alloc.lock();
        let (cut, has_spare) = {
            let mut tail = self.tail.lock();
            let is_at_rest = tail.life == StreamState::Open
                && !self.is_poisoned()
                && tail.is_at_rest()
                && tail.mapped.is_none()
                && tail.idle.written_end == tail.written.offset;
            if !is_at_rest {
                return Ok(());
            }
            let to = Self::rest_at(&tail);
            let is_worth_it = is_worth_releasing(tail.allocated_end, to);
            let active = tail.active.as_ref().filter(|_| is_worth_it);
            let cut = active.map(|active| (Arc::clone(active), to));
            if cut.is_some() {
                // From here on no append reaches what is trimmed: an append that needs it waits for
                // `alloc`.
                tail.allocated_end = to;
                tail.idle.released_at = tail.written.offset;
                tail.ahead.failed = FailureMarks::default();
            }
            let has_spare = matches!(alloc.spare, NextSegmentFile::Ready(_));
            // Prepared again after the next append; not while it is being prepared.
            if alloc.spare != NextSegmentFile::Preparing {
                tail.ahead.next_file.try_again();
            }
            (cut, has_spare)
        };
        if has_spare {
            alloc.spare = NextSegmentFile::Absent;
            self.remove_next_file();
        }
        let Some((active, to)) = cut else {
            return Ok(());
        };
        let file = self.file_for_zeros(&active)?;
        file.set_len(to.0)
            .map_err(|error| Error::io(error, active.segment.context().offset(to.0)))
    }
}
