//! What does a stream give back that nobody appends to?
//!
//! Room is made ahead of need by the size of the stream, up to some MiB (`ahead`, `grow`). Of a
//! stream that had no append for an interval of background syncing a helper takes the map away,
//! cuts the active file behind its last frame, with room for a footer, and removes the file of the
//! next segment. Appends that come later find that no room is secured and make some, by what was
//! appended since: an entry now and then does not have megabytes of zeros written each time.
//!
//! What is cut off was never more than zeros, and no append can reach it: its end is moved first,
//! under the tail's lock. The cut is not synced: a crash may bring the zeros back, which open cuts.
//!
//! Failure: the file keeps its length, which is told to the log only.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::segment::footer_reserve;
use crate::stream::StreamCore;
use crate::stream::grow::LEAST_STEP;
use crate::stream::grow::Spare;
use crate::stream::tail::Life;
use crate::stream::tail::Tail;

/// Less room than this is left where it is.
const RELEASED_FROM: u64 = 2 * LEAST_STEP;

impl StreamCore {
    /// Where the active file may end: behind its last frame, with room for a footer.
    fn rest_at(tail: &Tail) -> FileOffset {
        tail.reserved.offset + footer_reserve(tail.reserved.offset)
    }

    /// Whether the stream has room that it should give back once it is idle.
    pub(super) fn has_room_to_release(&self, tail: &Tail) -> bool {
        let ahead = tail.secured.0.saturating_sub(Self::rest_at(tail).0);
        tail.active.is_some() && (ahead >= RELEASED_FROM || tail.spare_tried)
    }

    /// Has a helper look, an interval from now, whether the stream is idle. In the other modes its
    /// background syncs come by anyway.
    pub(super) fn plan_rest(&self, tail: &mut Tail) {
        let is_strict = self.environment.options.sync_mode == SyncMode::Strict;
        if is_strict && !tail.rest_planned && self.has_room_to_release(tail) {
            tail.rest_planned = true;
            self.plan_sync();
        }
    }

    /// Gives back what a stream that nobody appends to does not need. Called once an interval while
    /// there is something; the first call without an append since the last one does it.
    pub(super) fn rest_if_idle(&self) {
        if !self.unmap_if_idle() {
            return;
        }
        if let Err(error) = self.release_room() {
            let message = format!("room ahead not given back: {error}");
            self.environment.tell(log::Level::Debug, &message);
        }
    }

    fn release_room(&self) -> Result<()> {
        let mut upkeep = self.upkeep.lock();
        let (cut, has_spare) = {
            let mut tail = self.tail.lock();
            let is_at_rest = tail.life == Life::Open
                && !self.is_poisoned()
                && !tail.writing
                && !tail.rotating
                && tail.staged_len() == 0
                && tail.mapped.is_none()
                && tail.seen_at == tail.written.offset;
            if !is_at_rest {
                return Ok(());
            }
            let to = Self::rest_at(&tail);
            let is_worth_it = tail.secured.0.saturating_sub(to.0) >= RELEASED_FROM;
            let active = tail.active.as_ref().filter(|_| is_worth_it);
            let cut = active.map(|active| (Arc::clone(active), to));
            if cut.is_some() {
                // From here on no append reaches what is cut off: who needs it waits for `upkeep`.
                tail.secured = to;
                tail.rested_at = tail.written.offset;
                tail.ahead_refused_at = None;
                tail.map_refused_at = None;
            }
            let has_spare = matches!(upkeep.spare, Spare::Ready(_));
            // Asked for again by the next append; not while it is being made.
            tail.spare_tried &= !has_spare && upkeep.spare != Spare::None;
            (cut, has_spare)
        };
        if has_spare {
            upkeep.spare = Spare::None;
            self.remove_spare();
        }
        let Some((active, to)) = cut else {
            return Ok(());
        };
        let file = self.file_for_zeros(&active)?;
        file.set_len(to.0)
            .map_err(|error| Error::io(error, active.segment.context().offset(to.0)))
    }
}
