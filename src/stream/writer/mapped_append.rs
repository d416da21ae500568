//! How does a frame get into a mapped segment?
//!
//! If the active segment is mapped and its pages are populated (`write_map`), an append is a checksum, a
//! short lock and a copy. It makes no system call, except to wake a helper thread. A frame that cannot be
//! stored is staged or written instead (`append`).

use crate::format::PreparedFrame;
use crate::ids::EntryId;
use crate::primitives::MutexGuard;
use crate::stream::StreamInner;
use crate::stream::writer::tail::Tail;

impl StreamInner {
    /// Copies a frame that fits the allocated space into the write map, if there is one. Returns
    /// its first id: in a register, where a range would go through memory.
    #[inline]
    pub(in crate::stream) fn store(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
    ) -> Option<EntryId> {
        tail.last_frame_fits_map = self.settings.fits_map(frame.frame_len());
        let first_id = tail.store(frame)?;
        self.after_store(tail);
        Some(first_id)
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
