//! The shortcut of small entries into a mapped segment: a checksum, a short lock and a copy.
//!
//! Tried first where the active segment is mapped and populated (`write_map`). It contains no
//! cancellation point (`ffi/fast_path.rs`): a helper is woken here, never started. Where anything else
//! is needed it does nothing, and `append` continues.

use std::ops::Range;

use crate::format::PreparedFrame;
use crate::options::SyncMode;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::writer::tail::Admission;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::WriterPhase;

impl StreamInner {
    /// Appends one entry, if it can be stored at once and need not be durable on return, and gets
    /// the expected id, if there is one. `None`: nothing was done.
    #[inline]
    pub fn try_append_mapped(&self, expected_id: Option<u64>, entry: &[u8]) -> Option<u64> {
        let options = &self.context.options;
        let compresses = || self.compress_from().is_some_and(|from| entry.len() >= from);
        // Its checksum is worth computing only if it is stored.
        let may_be_stored =
            self.is_mapped.load(Ordering::Relaxed) && self.context.fits_map(entry.len() as u64);
        if options.sync_mode == SyncMode::Strict || !may_be_stored || compresses() {
            return None;
        }
        // A thread is missing: appends see to that at their end.
        if self.context.wants_attention() {
            return None;
        }
        let parts = [entry];
        let frame = PreparedFrame::single(&parts, None).ok()?;
        let mut tail = self.tail.lock();
        self.check_writable(&tail).ok()?;
        if expected_id.is_some_and(|id| id != tail.reserved.next_id.0) {
            return None;
        }
        if tail.phase == WriterPhase::Rotating
            || !matches!(tail.check_space(&frame, options), Admission::Fits)
        {
            return None;
        }
        let ids = self.store(&mut tail, &frame)?;
        drop(tail);
        self.acknowledge(ids.end);
        Some(ids.start)
    }

    /// Copies a frame that fits the allocated space into the write map, if there is one.
    #[inline]
    pub(in crate::stream) fn store(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
    ) -> Option<Range<u64>> {
        tail.last_frame_fits_map = self.context.fits_map(frame.frame_len());
        let ids = tail.store(frame)?;
        self.after_store(tail);
        Some(ids)
    }

    /// Populates the pages that a frame needs, where only the helper has fallen behind: it shares
    /// the processors with the appenders. Returns whether another try is worth it.
    pub(in crate::stream) fn populate_for(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
    ) -> bool {
        let (at, allocated_end) = (tail.reserved.offset, tail.allocated_end);
        let end = at + frame.frame_len();
        let missing = tail
            .map_in_use()
            .and_then(|mapped| mapped.missing_pages(at, end, allocated_end));
        let Some((map, range)) = missing else {
            return false;
        };
        // Perhaps beside the helper: populating a page twice does no harm.
        MutexGuard::unlocked(tail, move || {
            // Moved in: if it is the last one it must not be dropped under the lock.
            let made = map.populate(range.start, range.end);
            made.is_ok() && map.populated_end() > range.start
        })
    }
}
