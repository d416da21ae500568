//! How several streams are cut at one moment: each is held, and then cut, by the steps of `cut`.
//!
//! Appends to a held stream wait. Once all are held, no stream gets an entry before the last one is cut.
//! A cut that fails leaves its stream as `cut` says. Appends go on when the hold is dropped.

use std::sync::Arc;

use crate::append::Append;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::lifecycle::cut_plan::Wanted;
use crate::stream::lifecycle::empty_stream::Waiting;
use crate::stream::writer::rotate::AllocState;

/// A stream whose appends wait, as long as this is there: for cuts of several streams at one moment. The
/// caller holds `removals` for reading. All else in the library holds the locks of one stream at most,
/// so several may be held, in any order.
pub struct HeldStream<'a> {
    // Dropped in this order: appends go on, then segments are made again.
    waiting: Waiting<'a>,
    alloc: MutexGuard<'a, AllocState>,
}

impl StreamInner {
    /// Makes appends wait, once those under way are in the kernel. Refused when the stream is poisoned,
    /// closed or deleted.
    pub fn hold(&self) -> Result<HeldStream<'_>> {
        let alloc = self.alloc.lock();
        self.hold_appends(true)?;
        let waiting = Waiting(self);
        Ok(HeldStream { waiting, alloc })
    }
}

impl HeldStream<'_> {
    /// Refuses if the ids from `from_id` on cannot be removed: the one before is damaged or lost.
    pub fn check_cut(&self, from_id: u64) -> Result<()> {
        let stream = self.waiting.0;
        let from = EntryId(from_id);
        let is_inside = stream.first_id() < from_id && from < stream.tail.lock().written().next_id;
        if is_inside {
            stream.frame_before(&stream.segments(), from)?;
        }
        Ok(())
    }

    /// Removes the ids from `from_id` on, durably, also where a checkpoint counted on them until now.
    pub fn cut(&mut self, from_id: u64) -> Result<()> {
        let (stream, alloc) = (self.waiting.0, &mut *self.alloc);
        stream.cut_floor.store(from_id, Ordering::Release);
        let next_id = stream.tail.lock().written().next_id;
        if next_id <= EntryId(from_id) {
            return Ok(());
        }
        let wanted = Wanted::Suffix(EntryId(from_id));
        let (cut, detached_maps) = stream.group_commit.exclusive(|| {
            let cut = stream.cut_held(alloc, wanted, &Append::default());
            (cut, stream.tail.lock().take_detached_maps())
        });
        drop(detached_maps);
        cut.map(drop)
    }

    /// Refuses appends until the log is opened again, for this reason.
    pub fn poison(&self, cause: &Arc<Error>) {
        self.waiting.0.poison(Arc::clone(cause));
    }
}
