//! What one round of group commit does.
//!
//! First the staged frames are written. Everything written then becomes durable, oldest first (D1).
//! Rotated segments are sealed on the way. For each, in this order, and what a crash right after leaves:
//!
//! 1. its frames are synced: a whole segment without a footer, a tail; open scans it;
//! 2. its successor's header and frames are synced, then the directory that names it: the chain is
//!    whole, open finishes the seal;
//! 3. footer and slots are written, the file is trimmed to its exact length and synced, twice so that
//!    a crash never tears both slots: sealed. A footer so proves that a successor with entries
//!    durably existed.
//!
//! Then the active segment is synced, and the durable point moves. Then a frontier slot is stored
//! (`durable_point`).
//!
//! Where the log has a commit journal, a round may write into that instead (`journaled`).

use std::io;
use std::sync::Arc;

use crate::commit::Reached;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::primitives::atomic::Ordering;
use crate::primitives::now;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;
use crate::segment::rewrite_verified;
use crate::segment::seal;
use crate::storage::StorageFile;
use crate::storage::WriteMapping;
use crate::stream::StreamInner;
use crate::stream::durability::journaled::WrittenCopy;
use crate::stream::durability::round_state::RoundState;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::tail::UnsealedSegment;
use crate::stream::writer::write_map::covers;

/// So many segments are worked on at once, each with a descriptor that stays open meanwhile: there
/// may be thousands where segments are small and syncs are rare.
const MAX_AT_ONCE: usize = 16;

/// Where a round writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Into the commit journal, where that pays.
    ByChoice,
    /// Into the stream's own files.
    InPlace,
}

/// What a round makes durable: the oldest segments that are not sealed, the active one last.
struct SyncSet {
    parts: Vec<UnsealedSegment>,
    /// The files, in the same order, held open; and whether their bytes must be written again.
    files: Vec<SyncTarget>,
    /// The end of the stream, which the parts need not reach, and the properties there.
    stream_end: Place,
    properties: PropertyPoint,
}

/// A file held open.
struct SyncTarget {
    file: Arc<dyn StorageFile>,
    opening: u64,
    /// Its unsynced bytes are unproven.
    unproven: bool,
    /// It is mapped, and a sync of a range of it will do.
    map: Option<Arc<dyn WriteMapping>>,
}

/// The part that a round came to, and its file.
type SyncedTo<'a> = (&'a UnsealedSegment, &'a Arc<dyn StorageFile>);

impl StreamInner {
    /// One round, as the leader of the group or while no thread leads. Returns the new durable
    /// end, as a place and in ids. A failure latches before it is returned.
    pub(super) fn round(&self) -> std::result::Result<Reached<Place, EntryId>, Arc<Error>> {
        self.round_on(Path::ByChoice)
    }

    /// The same, in the stream's own files.
    pub(super) fn round_in_place(
        &self,
    ) -> std::result::Result<Reached<Place, EntryId>, Arc<Error>> {
        self.round_on(Path::InPlace)
    }

    fn round_on(&self, path: Path) -> std::result::Result<Reached<Place, EntryId>, Arc<Error>> {
        let _under_way = self.context.begin_round();
        self.try_round(path).map_err(|error| {
            let error = Arc::new(error);
            self.poison(Arc::clone(&error));
            error
        })
    }

    fn try_round(&self, path: Path) -> Result<Reached<Place, EntryId>> {
        // What is made durable in a directory that is gone is not to be acknowledged.
        self.context.check_root_at_times()?;
        let journal = match path {
            Path::ByChoice => self.journal_by_choice(),
            Path::InPlace => None,
        };
        let mut copy = None;
        // What is written later may be covered, but does not keep the round from ending.
        let target = match journal {
            Some(_) => self.flush_staged_and(|part, batch| copy = WrittenCopy::of(part, batch)),
            None => self.flush_staged(),
        };
        let mut state = self.round_state.lock();
        let reached = match journal {
            Some(journal) => self.round_in_journal(journal, &mut state, copy)?,
            None => None,
        };
        if path == Path::ByChoice {
            self.goes_by_journal
                .store(reached.is_some(), Ordering::Relaxed);
        }
        if let Some(reached) = reached {
            return Ok(reached);
        }
        state.seal_refused = None;
        state.slot_refused = None;
        loop {
            let work = self.collect()?;
            let Some((synced, file)) = self.sync_oldest(&mut state, &work)? else {
                return Ok(self.group_commit.reached());
            };
            let UnsealedSegment {
                part, end, place, ..
            } = synced;
            // Otherwise the oldest of many segments are sealed now, and others wait behind them.
            if work.parts.len() < MAX_AT_ONCE || *place >= target {
                state.set_synced(Some((part.segment.first_id(), (end.offset, end.next_id))));
                state.is_in_journal = false;
                state.unsynced_slot = None;
                if *place >= work.stream_end {
                    state.properties = work.properties.clone();
                }
                if state.seal_refused.is_none() {
                    self.store_frontier(&mut state, synced, &**file);
                }
                return Ok(Reached {
                    point: *place,
                    end_id: end.next_id,
                });
            }
            // So many full segments, and no space for a footer: those behind them cannot be reached.
            state.check_sealed()?;
        }
    }

    /// Syncs the parts, oldest first, and seals all but the last that holds entries, unless there is
    /// no space for one of the footers: how far it came. `None`: no part holds an entry.
    fn sync_oldest<'a>(
        &self,
        state: &mut RoundState,
        work: &'a SyncSet,
    ) -> Result<Option<SyncedTo<'a>>> {
        let parts: Vec<_> = work.parts.iter().zip(&work.files).collect();
        let mut synced = 0;
        for (place, &(unsealed, opened)) in parts.iter().enumerate() {
            let UnsealedSegment { part, end, .. } = unsealed;
            let file = &opened.file;
            if end.last_frame.is_none() && !part.stays_empty {
                break;
            }
            // 1. Its frames.
            self.sync_frames(state, parts[place], place, &mut synced)?;
            let successor = parts
                .get(place + 1)
                .filter(|(next, _)| next.end.last_frame.is_some());
            let Some((next, _)) = successor else {
                // The active segment, the last of these, or a full one whose successor holds no
                // entry yet: that would prove nothing, so sealing waits.
                self.sync_directories(state, part)?;
                return Ok(Some((unsealed, file)));
            };
            // 2. The successor, and its name.
            self.sync_frames(state, parts[place + 1], place + 1, &mut synced)?;
            self.sync_directories(state, &next.part)?;
            // 3. The seal.
            if state.seal_refused.is_none() {
                self.seal(state, unsealed, file)?;
            }
        }
        Ok(None)
    }

    /// Syncs the part at `place`, once: `synced` counts those that are.
    fn sync_frames(
        &self,
        state: &RoundState,
        (UnsealedSegment { part, end, .. }, opened): (&UnsealedSegment, &SyncTarget),
        place: usize,
        synced: &mut usize,
    ) -> Result<()> {
        if place < *synced {
            return Ok(());
        }
        let file = &*opened.file;
        if opened.unproven {
            self.rewrite_unproven(state, part, file, end)?;
        }
        let began = now();
        let by_ranges = match opened.map.as_ref().zip(state.synced_before(part)) {
            Some((map, from)) if !opened.unproven && covers(&**map, from, end) => {
                // What lies before `from` is durable already, but for the slot stored since.
                file.writeback_and_wait(&[(0, HEADER_AREA_LEN), (from.0, end.offset - from)])
                    .and_then(|()| map.sync_range(from.0, end.offset.0))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        match by_ranges {
            // Nothing failed to reach the disk: the system has no calls for ranges.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => file.sync_data(),
            result => result,
        }
        .map_err(|error| Error::io(error, part.segment.context()))?;
        self.count_sync(now().saturating_duration_since(began));
        *synced = place + 1;
        Ok(())
    }

    /// What there is to make durable. Files are opened first and held, so that none is closed (and
    /// an error lost with it) between the look at the tail and the sync.
    fn collect(&self) -> Result<SyncSet> {
        loop {
            let chosen = self.tail.lock().oldest_unsealed(MAX_AT_ONCE);
            let mut files = Vec::with_capacity(chosen.len());
            for UnsealedSegment { part, .. } in &chosen {
                let (file, opening) = self.write_file(part)?;
                files.push(SyncTarget {
                    file,
                    opening,
                    unproven: false,
                    map: None,
                });
            }
            let mut tail = self.tail.lock();
            let parts = tail.oldest_unsealed(MAX_AT_ONCE);
            let are_same = parts.len() == chosen.len()
                && parts
                    .iter()
                    .zip(&chosen)
                    .all(|(a, b)| Arc::ptr_eq(&a.part, &b.part));
            if !are_same {
                continue;
            }
            for (UnsealedSegment { part, .. }, opened) in parts.iter().zip(&mut files) {
                opened.unproven = part.write_slot.clear_dirty();
                opened.map = tail.map_for_ranges(part, opened.opening);
            }
            tail.begin_round();
            let stream_end = tail.written_place();
            let properties = tail.written_properties().clone();
            return Ok(SyncSet {
                parts,
                files,
                stream_end,
                properties,
            });
        }
    }

    /// Bytes written through a descriptor that was closed since may have failed to reach the disk
    /// without an error: they are treated as recovery treats a tail.
    fn rewrite_unproven(
        &self,
        state: &RoundState,
        part: &StreamSegment,
        file: &dyn StorageFile,
        end: &SegmentEnd,
    ) -> Result<()> {
        let segment = &part.segment;
        let from = match state.synced_at {
            Some((first_id, place)) if first_id == segment.first_id() => place,
            _ => (FileOffset(HEADER_AREA_LEN), segment.first_id()),
        };
        if !part.name_synced.load(Ordering::Acquire) {
            let header = segment.header.encode();
            file.write_at(0, &[std::io::IoSlice::new(&header)])
                .map_err(|error| Error::io(error, segment.context()))?;
        }
        let chunk_len = self.context.options.read_buffer_size;
        rewrite_verified(segment, file, from, end, chunk_len)
    }

    /// Makes the part's name durable, and the stream's.
    fn sync_directories(&self, state: &mut RoundState, part: &StreamSegment) -> Result<()> {
        let storage = &self.context.storage;
        if !part.name_synced.load(Ordering::Acquire) {
            self.context
                .with_fd_retry(|| storage.sync_dir(&self.dir))
                .map_err(|error| Error::io(error, ErrorContext::at(&self.dir)))?;
            part.name_synced.store(true, Ordering::Release);
        }
        if !state.dir_synced {
            self.context
                .sync_root_for(self.dir_number.load(Ordering::Acquire))?;
            state.dir_synced = true;
        }
        Ok(())
    }

    fn seal(
        &self,
        state: &mut RoundState,
        unsealed: &UnsealedSegment,
        file: &Arc<dyn StorageFile>,
    ) -> Result<()> {
        let UnsealedSegment { part, end, .. } = unsealed;
        let slot = self.slot_for(end, &unsealed.properties);
        if let Some(refused) = seal(&part.segment, file, end, end, &slot)? {
            state.seal_refused = Some(Arc::new(refused));
            return Ok(());
        }
        state.set_synced(None);
        state.frontier = None;
        state.stored = false;
        state.next_slot = 0;
        state.unsynced_slot = None;
        self.tail.lock().remove_sealed();
        self.context.write_files.forget(&part.write_slot);
        // The next reader opens it as a sealed file, mapped if so chosen.
        self.context.read_files.forget(&part.read_slot);
        Ok(())
    }
}
