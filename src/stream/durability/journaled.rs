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
use crate::format::SECTOR_LEN;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::journal::Journal;
use crate::journal::OwnedItems;
use crate::journal::WriteBack;
use crate::journal::WrittenBack;
use crate::options::CommitPath;
use crate::primitives::atomic::Ordering;
use crate::primitives::now;
use crate::segment::PropertyPoint;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::storage::read_exact_at;
use crate::stream::StreamInner;
use crate::stream::durability::round_state::DurableAt;
use crate::stream::durability::round_state::RoundState;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::tail::StagedWrite;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::UnsealedSegment;

/// More than this is synced in place.
const MAX_RANGE: u64 = 64 << 10;

/// The same of what was written before a part of a batch over several streams.
pub(in crate::stream) const MAX_BESIDE: u64 = 4 << 10;

/// What a round writes into the journal, as it was read from the stream's file.
pub(in crate::stream) struct JournalRange {
    unsealed: UnsealedSegment,
    properties: PropertyPoint,
    file: Arc<dyn StorageFile>,
    from: FileOffset,
    bytes: Vec<u8>,
    /// The header of the file, where that, or its name, may not be durable.
    header: Option<Box<[u8; SECTOR_LEN]>>,
    /// What is stored into the file afterwards. `None`: the segment before it has no footer yet, and no newer
    /// slot may be stored before it has.
    slot: Option<Slot>,
}

/// A frontier slot, where it goes, and as it is stored.
struct Slot {
    frontier: FrontierSlot,
    index: usize,
    sector: Box<[u8; SECTOR_LEN]>,
}

/// What a round has written into a file: so it need not read that back.
pub(super) struct WrittenCopy {
    /// The first id of the segment.
    segment: EntryId,
    at: FileOffset,
    bytes: Vec<u8>,
}

impl WrittenCopy {
    /// A copy of these frames. `None`: they are too long for the journal, or there is no memory.
    pub(super) fn of(part: &StreamSegment, batch: &StagedWrite) -> Option<Self> {
        let written = batch.bytes();
        if written.len() as u64 > MAX_RANGE {
            return None;
        }
        let mut bytes = Vec::new();
        memory::reserve(&mut bytes, written.len()).ok()?;
        bytes.extend_from_slice(written);
        Some(WrittenCopy {
            segment: part.segment.first_id(),
            at: batch.at,
            bytes,
        })
    }

    /// The bytes from there to the end of the segment, if they are these.
    fn bytes_of(self, unsealed: &UnsealedSegment, from: FileOffset) -> Option<Vec<u8>> {
        let is_it = self.segment == unsealed.part.segment.first_id()
            && self.at == from
            && self.at + self.bytes.len() as u64 == unsealed.end.offset;
        is_it.then_some(self.bytes)
    }
}

/// Where a range of the active segment begins that may go into the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) struct RangeStart {
    from: FileOffset,
    with_slot: bool,
}

impl JournalRange {
    /// Whether a slot is stored for it. Otherwise the stream is to be synced in place soon: that seals the segment
    /// before it.
    pub(in crate::stream) fn has_slot(&self) -> bool {
        self.slot.is_some()
    }

    /// What goes into a record.
    pub(in crate::stream) fn items(&self) -> Vec<JournalItem<'_>> {
        let header = &self.unsealed.part.segment.header;
        let frames = JournalItem {
            kind: JournalItemKind::Bytes,
            key: &header.key,
            incarnation: header.incarnation,
            first_id: header.first_id,
            generation: header.generation,
            offset: self.from,
            bytes: &self.bytes,
        };
        let slot = self.slot.as_ref().map(|slot| JournalItem {
            kind: JournalItemKind::Slot,
            offset: slot_offset(slot.index),
            bytes: FrontierSlot::shortened(&slot.sector),
            ..frames
        });
        let header = self.header.as_ref().map(|header| JournalItem {
            offset: FileOffset(0),
            bytes: &header[..],
            ..frames
        });
        header.into_iter().chain([frames]).chain(slot).collect()
    }
}

impl StreamInner {
    /// Makes everything written durable by a record of the journal. `None`: it is to be synced in place.
    pub(super) fn round_in_journal(
        &self,
        journal: &Journal,
        state: &mut RoundState,
        copy: Option<WrittenCopy>,
    ) -> Result<Option<Reached<Place, EntryId>>> {
        let Some(range) = self.range_for_journal(state, copy)? else {
            return Ok(None);
        };
        let record = self.add_to_journal(journal, &range);
        let began = now();
        let is_durable = record.is_some_and(|record| journal.make_durable(record).is_ok());
        if is_durable {
            self.count_sync(now().saturating_duration_since(began));
        }
        self.keep_journal_up(journal);
        Ok(is_durable.then(|| self.note_journaled(state, range)))
    }

    /// The range is durable: moves the durable point, and stores the slot.
    pub(in crate::stream) fn note_journaled(
        &self,
        state: &mut RoundState,
        range: JournalRange,
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
        let Some(slot) = range.slot else {
            return reached;
        };
        match store_slot(&*range.file, part.segment.seed, slot.index, &slot.frontier) {
            Ok(()) => {
                if state.unsynced_slot.is_none() {
                    state.next_slot ^= 1;
                }
                state.unsynced_slot = Some(slot.index);
                state.note_frontier(slot.frontier);
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

    /// The journal, if a record is worth it, as far as is known without a look at the tail.
    pub(super) fn journal_by_choice(&self) -> Option<&Journal> {
        let journal = self.context.journal()?;
        let is_worth_it = match self.settings.commit_path {
            CommitPath::InPlace => false,
            CommitPath::Journal => true,
            // A stream with many callers is synced in place, unless others are, at this moment.
            CommitPath::Auto => {
                self.context.rounds_under_way() > 1 || !self.group_commit.is_contended()
            }
        };
        is_worth_it.then_some(journal)
    }

    /// What is to be written. `None`: nothing, or not into the journal. The caller leads the group alone. `copy`:
    /// what it wrote into the file last.
    pub(super) fn range_for_journal(
        &self,
        state: &RoundState,
        copy: Option<WrittenCopy>,
    ) -> Result<Option<JournalRange>> {
        if state.is_void_in_journal {
            return Ok(None);
        }
        let Some((unsealed, properties, start)) = self.what_is_new(state) else {
            return Ok(None);
        };
        let copied = copy.and_then(|copy| copy.bytes_of(&unsealed, start.from));
        self.journal_range(state, unsealed, (properties, start), (copied, &[]))
            .map(Some)
    }

    /// A range: what stands in the file from its start on, and `behind`, which ends the range. The first part is read
    /// from the file, unless the caller has a copy in `at_hand`.
    fn journal_range(
        &self,
        state: &RoundState,
        unsealed: UnsealedSegment,
        (properties, start): (PropertyPoint, RangeStart),
        (at_hand, behind): (Option<Vec<u8>>, &[u8]),
    ) -> Result<JournalRange> {
        let (part, end) = (&unsealed.part, &unsealed.end);
        let from = start.from;
        let (file, _) = self.write_file(part)?;
        let context = || part.segment.context();
        let bytes = match at_hand {
            Some(bytes) => bytes,
            None => {
                let in_file = (end.offset - from) as usize - behind.len();
                let mut bytes = Vec::new();
                memory::reserve(&mut bytes, in_file + behind.len()).in_context(context)?;
                bytes.resize(in_file, 0);
                read_exact_at(&*file, from.0, &mut bytes).in_context(context)?;
                bytes.extend_from_slice(behind);
                bytes
            }
        };
        // The name may be durable by now, and the header not.
        let is_fresh = from == FileOffset(HEADER_AREA_LEN);
        let slot = start.with_slot.then(|| {
            let frontier = self.slot_for(end, &unsealed.properties);
            let index = state.unsynced_slot.unwrap_or(state.next_slot);
            let sector = Box::new(frontier.encode(part.segment.seed, index));
            Slot {
                frontier,
                index,
                sector,
            }
        });
        Ok(JournalRange {
            header: is_fresh.then(|| Box::new(part.segment.header.encode())),
            slot,
            unsealed,
            properties,
            file,
            from,
            bytes,
        })
    }

    /// Where the stream ends, the properties there, and from where on it is not durable yet.
    fn what_is_new(
        &self,
        state: &RoundState,
    ) -> Option<(UnsealedSegment, PropertyPoint, RangeStart)> {
        let mut tail = self.tail.lock();
        if tail.has_unsealed() {
            return None;
        }
        let unsealed = tail.active_end()?;
        let (part, end) = (&unsealed.part, &unsealed.end);
        end.last_frame?;
        let start = self.first_unjournaled(state.durable_at, part)?;
        let len = end.offset.0.checked_sub(start.from.0)?;
        if len == 0 || len > MAX_RANGE {
            return None;
        }
        tail.begin_round();
        let properties = tail.written_properties().clone();
        Some((unsealed, properties, start))
    }

    /// Adds the range to the record that gathers: its number. `None`: there is no room.
    pub(super) fn add_to_journal(&self, journal: &Journal, range: &JournalRange) -> Option<u64> {
        journal.add(&range.items(), (self.opening, &self.owner()))
    }

    /// By what the journal has the stream written back.
    fn owner(&self) -> Weak<dyn WriteBack> {
        self.weak_self.clone()
    }

    /// The range, and the stream that it belongs to, as a record gets them.
    pub(in crate::stream) fn items_of<'a>(&self, range: &'a JournalRange) -> OwnedItems<'a> {
        (range.items(), (self.opening, self.owner()))
    }

    /// Whether something of the stream may be in the journal.
    pub(in crate::stream) fn may_be_in_journal(&self) -> bool {
        !self.round_state.lock().is_void_in_journal
    }

    /// Makes durable in place what is too much for a record beside something else, or spans segments. The caller
    /// leads the group alone.
    pub(in crate::stream) fn settle_for_journal(&self) -> Result<()> {
        self.flush_staged();
        let is_short = {
            let state = self.round_state.lock();
            let tail = self.tail.lock();
            let fits = |unsealed: UnsealedSegment| {
                let start = self.first_unjournaled(state.durable_at, &unsealed.part)?;
                Some(unsealed.end.offset.0.checked_sub(start.from.0)? <= MAX_BESIDE)
            };
            let is_empty = |unsealed: &UnsealedSegment| unsealed.end.last_frame.is_none();
            !tail.has_unsealed()
                && tail
                    .active_end()
                    .is_none_or(|unsealed| is_empty(&unsealed) || fits(unsealed) == Some(true))
        };
        if !is_short {
            self.make_written_durable()
                .map_err(|error| error.duplicate())?;
        }
        self.name_fresh_segment()
    }

    /// Up to where the stream is durable, in its files or in the journal. The caller leads the group alone.
    pub(in crate::stream) fn durable_at_rest(&self) -> Option<DurableAt> {
        self.round_state.lock().durable_at
    }

    /// Where a range of the active segment begins: up to there it is durable. `None`: it takes a sync in place.
    fn first_unjournaled(
        &self,
        durable_at: Option<DurableAt>,
        active: &StreamSegment,
    ) -> Option<RangeStart> {
        let from = match durable_at {
            Some((first_id, (offset, _))) if first_id == active.segment.first_id() => offset,
            // Nothing of it is durable: its header is to be in the record.
            None if !active.stays_empty && self.may_begin_in_journal(active) => {
                FileOffset(HEADER_AREA_LEN)
            }
            _ => return None,
        };
        Some(RangeStart {
            from,
            with_slot: true,
        })
    }

    /// Whether the journal would bring a file of this name back after a power failure: its name is durable, or it is
    /// the first of a new stream, and no other file or directory can come back under the names.
    fn may_begin_in_journal(&self, segment: &StreamSegment) -> bool {
        let is_new_stream = self.dir_number.load(Ordering::Acquire) != 0;
        segment.name_synced.load(Ordering::Acquire)
            || (is_new_stream && !self.context.has_unsynced_renames())
    }

    /// Makes the names of a segment without a frame durable, where the journal would not bring it back.
    fn name_fresh_segment(&self) -> Result<()> {
        let fresh = {
            let tail = self.tail.lock();
            let fresh = tail.active_end().filter(|active| {
                active.end.last_frame.is_none()
                    && !active.part.stays_empty
                    && !active.part.name_synced.load(Ordering::Acquire)
            });
            fresh.map(|active| (active.part, tail.has_unsealed()))
        };
        let Some((part, follows)) = fresh else {
            return Ok(());
        };
        if !follows && self.may_begin_in_journal(&part) {
            return Ok(());
        }
        let storage = &self.context.storage;
        self.context
            .with_fd_retry(|| storage.sync_dir(&self.dir))
            .at(&self.dir)?;
        self.sync_own_name()?;
        part.name_synced.store(true, Ordering::Release);
        Ok(())
    }

    /// Where a range begins that ends behind all that is written, if it may go into a record: it lies in the active
    /// segment, and all before it is durable.
    pub(in crate::stream) fn range_start(
        &self,
        durable_at: Option<DurableAt>,
        tail: &Tail,
    ) -> Option<RangeStart> {
        let active = tail.active()?;
        if !tail.has_unsealed() {
            return self.first_unjournaled(durable_at, active);
        }
        // The first frame behind a full segment, all of which is durable.
        let unsealed = tail.oldest_unsealed(3);
        let [full, active] = &unsealed[..] else {
            return None;
        };
        let full_end = (
            full.part.segment.first_id(),
            (full.end.offset, full.end.next_id),
        );
        let is_named = active.part.name_synced.load(Ordering::Acquire);
        let is_first = active.end.last_frame.is_none() && !active.part.stays_empty;
        (durable_at == Some(full_end) && is_first && is_named).then_some(RangeStart {
            from: FileOffset(HEADER_AREA_LEN),
            with_slot: false,
        })
    }

    /// The range from there to the end of a batch that is in no file yet. The caller leads the group alone.
    pub(in crate::stream) fn range_behind(
        &self,
        active: &Arc<StreamSegment>,
        (start, place): (RangeStart, Place),
        batch: &StagedWrite,
    ) -> Result<JournalRange> {
        let state = self.round_state.lock();
        let unsealed = UnsealedSegment {
            part: Arc::clone(active),
            end: batch.end,
            place,
            properties: batch.properties().slot(),
        };
        let properties = batch.properties().clone();
        self.journal_range(&state, unsealed, (properties, start), (None, batch.bytes()))
    }

    /// Has a helper work for the journal, where there is something to do.
    pub(in crate::stream) fn keep_journal_up(&self, journal: &Journal) {
        if !journal.has_chore() {
            return;
        }
        let background_tasks = self.context.background_tasks.get();
        if background_tasks.is_some_and(|tasks| !tasks.keep_journal()) {
            self.context.note_unattended();
        }
    }

    /// A part of a batch is durable in the journal, and could not be written into the stream's file.
    pub(in crate::stream) fn note_only_in_journal(&self) {
        self.round_state.lock().is_in_journal = true;
    }

    /// Nothing of the stream is written into the journal any more. The caller leads the group alone.
    pub(in crate::stream) fn keep_out_of_journal(&self) {
        self.round_state.lock().is_void_in_journal = true;
    }
}

impl WriteBack for StreamInner {
    fn key(&self) -> &Arc<str> {
        &self.key
    }

    fn write_back(&self) -> WrittenBack {
        self.group_commit.exclusive(|| {
            // One that is about to be deleted may go on: it is gone once it is void.
            let is_gone = self.state() == StreamState::Deleted && !self.may_be_in_journal();
            if is_gone || !self.is_in_journal() {
                return WrittenBack::InPlace;
            }
            if !self.is_poisoned() {
                // A failure latches.
                let _ = self.make_written_durable();
            }
            match (self.is_in_journal(), self.is_poisoned()) {
                (false, _) => WrittenBack::InPlace,
                (true, true) => WrittenBack::IsPoisoned,
                (true, false) => WrittenBack::Failed,
            }
        })
    }
}
