//! Slots that are stored outside of rounds: by truncation, by close, in a segment without an entry.
//!
//! Each caller leads the group alone. A slot that fails in the middle poisons the stream: what the
//! next open will find is unknown.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::SlotProperties;
use crate::ids::EntryId;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::stream::StreamInner;
use crate::stream::durability::round_state::RoundState;
use crate::stream::segment_list::StreamSegment;

impl StreamInner {
    /// Stores a new first id and epoch in a slot of the newest segment, durably. The slot that was
    /// stored last is made durable first, so that never both can be torn.
    pub(in crate::stream) fn store_first_kept(
        &self,
        newest: &Arc<StreamSegment>,
        first_kept: EntryId,
        truncation_epoch: u64,
    ) -> Result<()> {
        let mut state = self.round_state.lock();
        let (file, _) = self.write_file(newest)?;
        let latch = |error: io::Error| {
            // What is in the slot is unknown now, and so is what the next open will keep.
            let error = Arc::new(Error::io(error, newest.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        };
        file.sync_data().map_err(latch)?;
        let Some(mut slot) = state.frontier.as_deref().cloned() else {
            // The round could not store it, and has latched why; or there was no space.
            self.check_poisoned()?;
            return Err(match &state.slot_refused {
                Some(error) => error.duplicate(),
                None => Error::Io(io::Error::other("a round left no frontier behind")),
            });
        };
        slot.first_kept_id = first_kept;
        slot.truncation_epoch = truncation_epoch;
        if let Err(error) = store_slot(&*file, newest.segment.seed, state.next_slot, &slot) {
            // The other slot stands, and what is stored next takes the place of this one.
            return Err(match is_out_of_space(&error) {
                true => Error::io(error, newest.segment.context()),
                false => latch(error),
            });
        }
        file.sync_data().map_err(latch)?;
        state.next_slot ^= 1;
        state.unsynced_slot = None;
        state.note_frontier(slot);
        Ok(())
    }

    /// Trims the file of the newest segment to its exact length and gives both slots the durable
    /// point, one after the other with a sync between: nothing is left to recovery.
    pub(in crate::stream) fn finalize_file(
        &self,
        part: &Arc<StreamSegment>,
        end: &SegmentEnd,
        properties: &SlotProperties,
    ) -> Result<()> {
        let mut state = self.round_state.lock();
        let io = |error| Error::io(error, part.segment.context());
        let (file, _) = self.write_file(part)?;
        let slot = self.slot_for(end, properties);
        // The slot stored last is made durable by this sync, before the other one is touched.
        file.set_len(end.offset.0).map_err(io)?;
        file.sync_all().map_err(io)?;
        store_slot(&*file, part.segment.seed, state.next_slot, &slot).map_err(io)?;
        file.sync_data().map_err(io)?;
        // The last round stored it already, and the first of these syncs made it durable, mostly.
        if !state.stored || state.frontier.as_deref() != Some(&slot) {
            store_slot(&*file, part.segment.seed, state.next_slot ^ 1, &slot).map_err(io)?;
            file.sync_data().map_err(io)?;
            state.note_frontier(slot);
        }
        Ok(())
    }

    /// Stores and syncs the first slot of a segment without an entry, which ends here: ids below its
    /// first one are truncated. Returns the guard under which the tail moves there.
    pub(in crate::stream) fn store_first_slot(
        &self,
        part: &StreamSegment,
        file: &dyn StorageFile,
        (end, properties): (&SegmentEnd, &PropertyPoint),
        truncation_epoch: u64,
    ) -> Result<MutexGuard<'_, RoundState>> {
        let slot = FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: end.next_id,
            truncation_epoch,
            properties: properties.slot(),
        };
        let latch = |error: io::Error| {
            let error = Arc::new(Error::io(error, part.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        };
        let mut state = self.round_state.lock();
        store_slot(file, part.segment.seed, 0, &slot)
            .and_then(|()| file.sync_data())
            .map_err(latch)?;
        state.next_slot = 1;
        state.unsynced_slot = None;
        state.note_frontier(slot);
        state.stored = true;
        state.set_synced(Some((end.next_id, (end.offset, end.next_id))));
        state.properties = properties.clone();
        Ok(state)
    }

    /// Makes the stream's own name durable, unless it is known to be.
    pub(in crate::stream) fn sync_own_name(&self) -> Result<()> {
        let mut state = self.round_state.lock();
        if !state.dir_synced {
            let number = self.dir_number.load(Ordering::Acquire);
            self.context.sync_root_for(number)?;
            state.dir_synced = true;
        }
        Ok(())
    }

    /// Rounds go on in a segment that a cut has made, which is durable up to `end`: its first slot
    /// says so.
    pub(in crate::stream) fn note_cut(
        &self,
        part: &StreamSegment,
        slot: FrontierSlot,
        (end, properties): (&SegmentEnd, &PropertyPoint),
    ) {
        let mut state = self.round_state.lock();
        state.next_slot = 1;
        state.unsynced_slot = None;
        state.note_frontier(slot);
        state.stored = true;
        state.seal_refused = None;
        state.slot_refused = None;
        let place = (end.offset, end.next_id);
        state.set_synced(Some((part.segment.first_id(), place)));
        state.properties = properties.clone();
    }
}
