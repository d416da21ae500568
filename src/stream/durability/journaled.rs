//! What does a round do that writes into the commit journal?
//!
//! What is new in the stream since its durable point stands in its file, in the kernel at least. A record of
//! the journal gets the same bytes, and the frontier slot that is stored afterwards; and the header sector,
//! where the name of the file is not durable yet. One sync makes the record durable, with those of all other
//! streams that wait. Then the durable point moves, and the slot is stored into the file. The file itself is
//! synced later ([`WriteBack`]).
//!
//! What a crash right after each step leaves:
//!
//! 1. the record is written, not durable: the frames, or none, as after any append that was not
//!    acknowledged;
//! 2. it is durable: recovery lays it over the file;
//! 3. the slot is stored: the same. A slot may be torn if two are stored without a sync between, so the slot
//!    of the round before is stored once more until the file is synced, never the other one.
//!
//! Not into the journal go: a segment that follows a full one, for the seal needs the files synced; what is
//! long, for it would be written twice.

use std::sync::Arc;
use std::sync::Weak;

use crate::commit::Reached;
use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::JournalItem;
use crate::format::JournalItemKind;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::journal::Journal;
use crate::journal::WriteBack;
use crate::options::CommitPath;
use crate::primitives::atomic::Ordering;
use crate::segment::PropertyPoint;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::storage::read_exact_at;
use crate::stream::StreamInner;
use crate::stream::durability::round_state::RoundState;
use crate::stream::state::StreamState;
use crate::stream::writer::tail::UnsealedSegment;

/// More than this is synced in place.
const MAX_RANGE: u64 = 64 << 10;

/// What a round writes into the journal, as it was read from the stream's file.
pub(super) struct Range {
    unsealed: UnsealedSegment,
    properties: PropertyPoint,
    file: Arc<dyn StorageFile>,
    from: FileOffset,
    bytes: Vec<u8>,
    /// The name of the file may not be durable.
    with_header: bool,
    /// What is stored into the file afterwards, and in which slot.
    slot: FrontierSlot,
    slot_index: usize,
}

impl StreamInner {
    /// Makes everything written durable by a record of the journal. `None`: it is to be synced in place.
    pub(super) fn round_in_journal(
        &self,
        state: &mut RoundState,
    ) -> Result<Option<Reached<Place, EntryId>>> {
        let Some(journal) = self.context.journal() else {
            return Ok(None);
        };
        if !self.chooses_journal() {
            return Ok(None);
        }
        let Some(range) = self.range_for_journal(state)? else {
            return Ok(None);
        };
        let record = self.add_to_journal(journal, &range);
        let is_durable = record.is_some_and(|record| journal.make_durable(record).is_ok());
        self.keep_journal_up(journal);
        Ok(is_durable.then(|| self.note_journaled(state, range)))
    }

    /// The range is durable: moves the durable point, and stores the slot.
    pub(super) fn note_journaled(
        &self,
        state: &mut RoundState,
        range: Range,
    ) -> Reached<Place, EntryId> {
        let UnsealedSegment {
            part, end, place, ..
        } = &range.unsealed;
        state.durable_at = Some((part.segment.first_id(), (end.offset, end.next_id)));
        state.is_in_journal = true;
        state.properties = range.properties;
        let reached = Reached {
            point: *place,
            end_id: end.next_id,
        };
        match store_slot(
            &*range.file,
            part.segment.seed,
            range.slot_index,
            &range.slot,
        ) {
            Ok(()) => {
                if state.unsynced_slot.is_none() {
                    state.next_slot ^= 1;
                }
                state.unsynced_slot = Some(range.slot_index);
                state.note_frontier(range.slot);
                state.stored = true;
            }
            Err(error) if is_out_of_space(&error) => {
                let refused = Error::io(error, part.segment.context());
                state.slot_refused = Some(Arc::new(refused));
            }
            Err(error) => {
                self.group_commit.advance(reached);
                self.poison(Arc::new(Error::io(error, part.segment.context())));
            }
        }
        reached
    }

    /// Whether a record is worth it, as far as is known without a look at the tail.
    fn chooses_journal(&self) -> bool {
        match self.context.options.commit_path {
            CommitPath::InPlace => false,
            CommitPath::Journal => true,
            // A stream with many callers is synced in place, unless others are, at this moment.
            CommitPath::Auto => {
                self.context.rounds_under_way() > 1 || !self.group_commit.is_contended()
            }
        }
    }

    /// What is to be written. `None`: nothing, or not into the journal. The caller leads the group alone.
    pub(super) fn range_for_journal(&self, state: &RoundState) -> Result<Option<Range>> {
        if state.is_void_in_journal {
            return Ok(None);
        }
        let Some((unsealed, properties, from)) = self.what_is_new(state) else {
            return Ok(None);
        };
        let (part, end) = (&unsealed.part, &unsealed.end);
        let (file, _) = self.write_file(part)?;
        let mut bytes = Vec::new();
        let context = || part.segment.context();
        memory::resize(&mut bytes, (end.offset - from) as usize).in_context(context)?;
        read_exact_at(&*file, from.0, &mut bytes).in_context(context)?;
        Ok(Some(Range {
            with_header: !part.name_synced.load(Ordering::Acquire),
            slot: self.slot_for(end, &unsealed.properties),
            slot_index: state.unsynced_slot.unwrap_or(state.next_slot),
            unsealed,
            properties,
            file,
            from,
            bytes,
        }))
    }

    /// Where the stream ends, the properties there, and from where on it is not durable yet.
    fn what_is_new(
        &self,
        state: &RoundState,
    ) -> Option<(UnsealedSegment, PropertyPoint, FileOffset)> {
        let mut tail = self.tail.lock();
        if tail.has_unsealed() {
            return None;
        }
        let unsealed = tail.active_end()?;
        let (part, end) = (&unsealed.part, &unsealed.end);
        end.last_frame?;
        let is_new = !part.name_synced.load(Ordering::Acquire);
        let from = match state.durable_at {
            Some((first_id, (offset, _))) if first_id == part.segment.first_id() => offset,
            // Nothing of it is durable: its header is to be in the record.
            None if is_new && !part.stays_empty => FileOffset(HEADER_AREA_LEN),
            _ => return None,
        };
        let len = end.offset.0.checked_sub(from.0)?;
        if len == 0 || len > MAX_RANGE {
            return None;
        }
        tail.begin_round();
        let properties = tail.written_properties().clone();
        Some((unsealed, properties, from))
    }

    /// Adds the range to the record that gathers: its number. `None`: there is no room.
    pub(super) fn add_to_journal(&self, journal: &Journal, range: &Range) -> Option<u64> {
        let segment = &range.unsealed.part.segment;
        let frames = JournalItem {
            kind: JournalItemKind::Bytes,
            key: &self.key,
            incarnation: segment.header.incarnation,
            first_id: segment.header.first_id,
            generation: segment.header.generation,
            offset: range.from,
            bytes: &range.bytes,
        };
        let sector = range.slot.encode(segment.seed, range.slot_index);
        let slot = JournalItem {
            kind: JournalItemKind::Slot,
            offset: slot_offset(range.slot_index),
            bytes: FrontierSlot::shortened(&sector),
            ..frames
        };
        let owner: Weak<dyn WriteBack> = self.weak_self.clone();
        let owner = (self.opening, &owner);
        if !range.with_header {
            return journal.add(&[frames, slot], owner);
        }
        let header = segment.header.encode();
        let header = JournalItem {
            offset: FileOffset(0),
            bytes: &header,
            ..frames
        };
        journal.add(&[header, frames, slot], owner)
    }

    /// Has a helper work for the journal, where there is something to do.
    pub(super) fn keep_journal_up(&self, journal: &Journal) {
        if !journal.has_chore() {
            return;
        }
        let background_tasks = self.context.background_tasks.get();
        if background_tasks.is_some_and(|tasks| !tasks.keep_journal()) {
            self.context.note_unattended();
        }
    }

    /// Nothing of the stream is written into the journal any more. The caller leads the group alone.
    pub(in crate::stream) fn keep_out_of_journal(&self) {
        self.round_state.lock().is_void_in_journal = true;
    }
}

impl WriteBack for StreamInner {
    fn write_back(&self) -> bool {
        self.group_commit.exclusive(|| {
            if self.state() == StreamState::Deleted || !self.is_in_journal() {
                return true;
            }
            !self.is_poisoned() && self.make_written_durable().is_ok() && !self.is_in_journal()
        })
    }
}
