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
use crate::storage::is_out_of_space;
use crate::storage::read_exact_at;
use crate::stream::StreamInner;
use crate::stream::durability::round_state::RoundState;
use crate::stream::state::StreamState;
use crate::stream::writer::tail::UnsealedSegment;

/// More than this is synced in place.
const MAX_RANGE: u64 = 64 << 10;

/// What a round writes into the journal.
struct Range {
    unsealed: UnsealedSegment,
    from: FileOffset,
    /// The name of the file may not be durable.
    with_header: bool,
    properties: PropertyPoint,
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
        if !self.chooses_journal(state) {
            return Ok(None);
        }
        let Some(range) = self.range_for_journal(state) else {
            return Ok(None);
        };
        let UnsealedSegment {
            part, end, place, ..
        } = &range.unsealed;
        let context = || part.segment.context();
        let (file, _) = self.write_file(part)?;
        let mut bytes = vec![0; (end.offset - range.from) as usize];
        read_exact_at(&*file, range.from.0, &mut bytes).in_context(context)?;
        let slot = self.slot_for(end, &range.unsealed.properties);
        let index = state.unsynced_slot.unwrap_or(state.next_slot);
        let sector = slot.encode(part.segment.seed, index);
        if !self.commit_to(journal, &range, (&bytes, index, &sector)) {
            self.keep_journal_up(journal);
            return Ok(None);
        }
        self.keep_journal_up(journal);
        state.durable_at = Some((part.segment.first_id(), (end.offset, end.next_id)));
        state.is_in_journal = true;
        state.properties = range.properties;
        let reached = Reached {
            point: *place,
            end_id: end.next_id,
        };
        match store_slot(&*file, part.segment.seed, index, &slot) {
            Ok(()) => {
                if state.unsynced_slot.is_none() {
                    state.next_slot ^= 1;
                }
                state.unsynced_slot = Some(index);
                state.note_frontier(slot);
                state.stored = true;
            }
            Err(error) if is_out_of_space(&error) => {
                state.slot_refused = Some(Arc::new(Error::io(error, context())));
            }
            Err(error) => {
                self.group_commit.advance(reached);
                self.poison(Arc::new(Error::io(error, context())));
            }
        }
        Ok(Some(reached))
    }

    /// Whether a record is worth it, as far as is known without a look at the tail.
    fn chooses_journal(&self, state: &RoundState) -> bool {
        if state.is_void_in_journal {
            return false;
        }
        match self.context.options.commit_path {
            CommitPath::InPlace => false,
            CommitPath::Journal => true,
            // A stream with many callers is synced in place, unless others are, at this moment.
            CommitPath::Auto => {
                self.context.rounds_under_way() > 1 || !self.group_commit.is_contended()
            }
        }
    }

    /// What is to be written. `None`: not into the journal.
    fn range_for_journal(&self, state: &RoundState) -> Option<Range> {
        let mut tail = self.tail.lock();
        if tail.has_unsealed() {
            return None;
        }
        let unsealed = tail.active_end()?;
        let (part, end) = (&unsealed.part, &unsealed.end);
        end.last_frame?;
        let with_header = !part.name_synced.load(Ordering::Acquire);
        let from = match state.durable_at {
            Some((first_id, (offset, _))) if first_id == part.segment.first_id() => offset,
            // Nothing of it is durable: it is new, and its header is to be in the record.
            None if with_header && !part.stays_empty => FileOffset(HEADER_AREA_LEN),
            _ => return None,
        };
        let len = end.offset.0.checked_sub(from.0)?;
        if len == 0 || len > MAX_RANGE {
            return None;
        }
        tail.begin_round();
        let properties = tail.written_properties().clone();
        Some(Range {
            unsealed,
            from,
            with_header,
            properties,
        })
    }

    fn commit_to(
        &self,
        journal: &Journal,
        range: &Range,
        (bytes, slot, sector): (&[u8], usize, &[u8]),
    ) -> bool {
        let header = &range.unsealed.part.segment.header;
        let frames = JournalItem {
            kind: JournalItemKind::Bytes,
            key: &self.key,
            incarnation: header.incarnation,
            first_id: header.first_id,
            generation: header.generation,
            offset: range.from,
            bytes,
        };
        let sector_at = |offset, sector: &'_ [u8]| (offset, sector.len() - zeros_at_end(sector));
        let (slot_at, slot_len) = sector_at(slot_offset(slot), sector);
        let slot = JournalItem {
            kind: JournalItemKind::Sector,
            offset: slot_at,
            bytes: &sector[..slot_len],
            ..frames
        };
        let owner: Weak<dyn WriteBack> = self.weak_self.clone();
        let owner = (self.opening, &owner);
        if !range.with_header {
            return journal.commit(&[frames, slot], owner);
        }
        let header = header.encode();
        let header = JournalItem {
            kind: JournalItemKind::Sector,
            offset: FileOffset(0),
            bytes: &header,
            ..frames
        };
        journal.commit(&[header, frames, slot], owner)
    }

    /// Has a helper work for the journal, where there is something to do.
    fn keep_journal_up(&self, journal: &Journal) {
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

fn zeros_at_end(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == 0).count()
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
