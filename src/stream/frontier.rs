//! When is the durable point stored, and what may a sync of a range leave out?
//!
//! A frontier slot is stored after each round, and made durable by the *next* sync: a slot never
//! says more than was durable when it was written, and the other slot is durable by then, so a
//! crash never finds both torn.
//!
//! The slot lies in another page than the frames, so it costs each sync a second page. Stored less
//! often it would let recovery take damage to what was acknowledged for a torn tail: never.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::segment::SegmentEnd;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::stream::StreamCore;
use crate::stream::catalogue::Part;
use crate::stream::round::SyncState;
use crate::sync::atomic::Ordering;

impl SyncState {
    /// Notes what a slot of the newest segment says now.
    pub fn note_frontier(&mut self, slot: FrontierSlot) {
        match &mut self.frontier {
            Some(frontier) => **frontier = slot,
            None => self.frontier = Some(Box::new(slot)),
        }
    }

    /// Tells why a full segment has no footer yet, for what relies on footers.
    pub fn check_sealed(&self) -> Result<()> {
        match &self.seal_refused {
            Some(error) => Err(error.duplicate()),
            None => Ok(()),
        }
    }

    /// Up to where the part was made durable by earlier rounds on this opening of the stream, its
    /// header, name and length included.
    pub fn durable_before(&self, part: &Part) -> Option<FileOffset> {
        let is_settled = self.stored && part.name_durable.load(Ordering::Acquire);
        match self.durable_at {
            Some((first_id, (offset, _))) if first_id == part.segment.first_id() => {
                is_settled.then_some(offset)
            }
            _ => None,
        }
    }
}

impl StreamCore {
    /// The durable point as a slot.
    pub(super) fn slot_for(&self, end: &SegmentEnd) -> FrontierSlot {
        let catalogue = self.catalogue();
        FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: catalogue.first_kept,
            cut_epoch: catalogue.cut_epoch,
        }
    }

    /// Has the disk take the slot now: a lone caller's next sync, for which it will wait, finds it on
    /// its way. Where several share rounds the next one begins at once, and the slot with it; where
    /// other streams are in rounds, the disk is busy and the processors have better to do.
    fn hand_over_slot(&self, file: &dyn StorageFile) {
        let waits_for_syncs = self.environment.options.sync_mode != SyncMode::Async;
        let is_alone = || self.environment.rounds_under_way() == 1 && !self.durability.is_shared();
        if waits_for_syncs && is_alone() {
            file.start_write_back(0, HEADER_AREA_LEN);
        }
    }

    /// Stores the durable point. If that fails, what was made durable is acknowledged all the
    /// same, and the stream takes no more; for lack of room it goes on, and the slot is stored later.
    pub(super) fn store_frontier(
        &self,
        state: &mut SyncState,
        part: &Part,
        file: &dyn StorageFile,
        end: &SegmentEnd,
    ) {
        let slot = self.slot_for(end);
        if state.frontier.as_deref() == Some(&slot) {
            return;
        }
        match store_slot(file, part.segment.seed, state.next_slot, &slot) {
            Ok(()) => {
                self.hand_over_slot(file);
                state.next_slot ^= 1;
                state.note_frontier(slot);
                state.stored = true;
            }
            // The other slot stands; the next round stores this one. A slot lies in one page, which
            // the disk has room for or not: it is not there in part.
            Err(error) if is_out_of_space(&error) => {
                let refused = Error::io(error, part.segment.context());
                state.slot_refused = Some(Arc::new(refused));
            }
            Err(error) => {
                self.durability.advance(end.next_id.0);
                self.poison(Arc::new(Error::io(error, part.segment.context())));
            }
        }
    }
}
