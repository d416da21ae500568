//! What rounds of group commit know from one to the next: the slots, the durable point, refusals.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::atomic::Ordering;
use crate::segment::PropertyPoint;
use crate::stream::segment_list::StreamSegment;

/// The durable point: which segment (by first id), and how far in it.
pub type DurableAt = (EntryId, (FileOffset, EntryId));

/// What only the leader of a round touches.
#[derive(Debug)]
pub struct RoundState {
    /// The slot of the active segment that may be overwritten.
    pub(super) next_slot: usize,
    /// The slot that was stored since the file was last synced: it may be torn, so the other one must not be.
    pub(super) unsynced_slot: Option<usize>,
    /// The durable point in the newest segment, as a slot; `None` before the first round there.
    pub(super) frontier: Option<Box<FrontierSlot>>,
    /// Whether a slot was stored since the stream was opened, or the segment made.
    pub(super) stored: bool,
    /// The stream's own name in the root directory is durable.
    pub(super) dir_synced: bool,
    /// Why the oldest full segment has no footer though it could have one: there was no space. The
    /// next round tries again. Invariant: until then no slot is stored in a newer segment.
    pub(super) seal_refused: Option<Arc<Error>>,
    /// Why the last round stored no slot: there was no space.
    pub(super) slot_refused: Option<Arc<Error>>,
    /// The durable point: which segment (by first id), and how far in it.
    pub(super) durable_at: Option<DurableAt>,
    /// The same without what is durable in the commit journal only: up to where the file was synced.
    pub(super) synced_at: Option<DurableAt>,
    /// Something of the stream is durable in the commit journal only, or was when its file was last synced.
    pub(super) is_in_journal: bool,
    /// A void record of the journal says that the stream is deleted, and it goes on: nothing of it may be
    /// written there.
    pub(super) is_void_in_journal: bool,
    /// The properties at the durable point.
    pub(super) properties: PropertyPoint,
}

impl RoundState {
    /// The state of a stream as recovery left it.
    pub fn recovered(
        next_slot: usize,
        dir_synced: bool,
        durable_at: Option<DurableAt>,
        properties: PropertyPoint,
    ) -> Self {
        RoundState {
            next_slot,
            // Stored before, perhaps by a process that did not sync it.
            unsynced_slot: Some(next_slot ^ 1),
            frontier: None,
            stored: false,
            dir_synced,
            seal_refused: None,
            slot_refused: None,
            synced_at: durable_at,
            durable_at,
            is_in_journal: false,
            is_void_in_journal: false,
            properties,
        }
    }

    /// The file was synced up to there.
    pub(super) fn set_synced(&mut self, at: Option<DurableAt>) {
        self.durable_at = at;
        self.synced_at = at;
    }

    /// Records what a slot of the newest segment says now.
    pub(super) fn note_frontier(&mut self, slot: FrontierSlot) {
        match &mut self.frontier {
            Some(frontier) => **frontier = slot,
            None => self.frontier = Some(Box::new(slot)),
        }
    }

    /// Reports why a full segment has no footer yet, for what relies on footers.
    pub(super) fn check_sealed(&self) -> Result<()> {
        match &self.seal_refused {
            Some(error) => Err(error.duplicate()),
            None => Ok(()),
        }
    }

    /// Up to where the part was synced by earlier rounds on this opening of the stream, its
    /// header, name and length included.
    pub(super) fn synced_before(&self, part: &StreamSegment) -> Option<FileOffset> {
        let is_settled = self.stored && part.name_synced.load(Ordering::Acquire);
        match self.synced_at {
            Some((first_id, (offset, _))) if first_id == part.segment.first_id() => {
                is_settled.then_some(offset)
            }
            _ => None,
        }
    }
}
