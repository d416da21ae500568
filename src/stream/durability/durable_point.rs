//! When the durable point is stored, and what a sync of a range may leave out.
//!
//! A frontier slot is stored after each round, and made durable by the *next* sync: a slot never
//! says more than was durable when it was written, and the other slot is durable by then, so a
//! crash never finds both torn.
//!
//! The slot lies in another page than the frames, so it costs each sync a second page. Stored less
//! often it would let recovery take damage to acknowledged entries for a torn tail: never.

use std::sync::Arc;

use crate::commit::Reached;
use crate::error::Error;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SlotProperties;
use crate::options::SyncMode;
use crate::segment::SegmentEnd;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::stream::StreamInner;
use crate::stream::durability::round_state::RoundState;
use crate::stream::writer::tail::UnsealedSegment;

impl StreamInner {
    /// The durable point as a slot.
    pub(in crate::stream) fn slot_for(
        &self,
        end: &SegmentEnd,
        properties: &SlotProperties,
    ) -> FrontierSlot {
        let segments = self.segments();
        FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: segments.first_kept,
            truncation_epoch: segments.truncation_epoch,
            properties: properties.clone(),
        }
    }

    /// Starts writing the slot back now: the next sync of a lone caller finds it on its way. Where
    /// several callers share rounds the next round begins at once, and takes the slot with it; where
    /// other streams are in rounds the disk is busy, and early write-back costs CPU and gains nothing.
    fn start_slot_writeback(&self, file: &dyn StorageFile) {
        let waits_for_syncs = self.settings.sync_mode != SyncMode::Async;
        let is_alone = || self.context.rounds_under_way() == 1 && !self.group_commit.is_contended();
        if waits_for_syncs && is_alone() {
            file.start_writeback(0, HEADER_AREA_LEN);
        }
    }

    /// Stores the durable point. If that fails, what was made durable is acknowledged all the
    /// same, and the stream takes no more; for lack of space it goes on, and the slot is stored later.
    pub(super) fn store_frontier(
        &self,
        state: &mut RoundState,
        unsealed: &UnsealedSegment,
        file: &dyn StorageFile,
    ) {
        let UnsealedSegment {
            part, end, place, ..
        } = unsealed;
        let slot = self.slot_for(end, &unsealed.properties);
        if state.frontier.as_deref() == Some(&slot) {
            return;
        }
        match store_slot(file, part.segment.seed, state.next_slot, &slot) {
            Ok(()) => {
                self.start_slot_writeback(file);
                state.unsynced_slot = Some(state.next_slot);
                state.next_slot ^= 1;
                state.note_frontier(slot);
                state.stored = true;
            }
            // The other slot stands; the next round stores this one. A slot lies in one page, which
            // the disk has space for or not: it is never there in part.
            Err(error) if is_out_of_space(&error) => {
                let refused = Error::io(error, part.segment.context());
                state.slot_refused = Some(Arc::new(refused));
            }
            Err(error) => {
                self.group_commit.advance(Reached {
                    point: *place,
                    end_id: end.next_id,
                });
                self.poison(Arc::new(Error::io(error, part.segment.context())));
            }
        }
    }
}
