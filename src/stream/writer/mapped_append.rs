//! How does a frame get into a mapped segment?
//!
//! Where the active segment is mapped and its pages are populated (`write_map`), an append is a
//! checksum, a short lock and a copy: no system call, but for waking a helper thread. A frame that
//! cannot be stored is staged or written instead (`append`).

use std::ops::Range;

use crate::format::PreparedFrame;
use crate::primitives::MutexGuard;
use crate::stream::StreamInner;
use crate::stream::writer::tail::Tail;

impl StreamInner {
    /// Stores a frame for which there is space, if the active segment is mapped and takes it.
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

    /// Populates the pages that a frame for which there is space needs, where only the helper has
    /// fallen behind: it shares the processors with the appenders. True: storing may succeed now.
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
        // Beside the helper, perhaps: pages that both populate are populated.
        MutexGuard::unlocked(tail, move || {
            // Moved in: if it is the last one it must not be dropped under the lock.
            let made = map.populate(range.start, range.end);
            made.is_ok() && map.populated_end() > range.start
        })
    }
}
