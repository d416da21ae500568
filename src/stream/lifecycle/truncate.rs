//! How are old segments taken out of a stream, and brought back?
//!
//! Truncation, and what a crash right after each step leaves:
//!
//! 1. everything written is synced, which seals what is full: nothing changed;
//! 2. with an archive: each segment gets a second name there (`archive`), and those names are made
//!    durable: the segments are in both places;
//! 3. a frontier slot with the new first id and the next epoch is stored and synced — **the commit
//!    point**: open removes what is below it;
//! 4. the files are removed and the directory is synced.
//!
//! Restoring goes the other way: names back into the stream and made durable, a slot with the old
//! first id and the next epoch (the commit point), then the archive's names are removed.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::TRAILER_LEN;
use crate::format::decode_trailer;
use crate::format::parse_segment_file_name;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::is_out_of_space;
use crate::storage::read_exact_at;
use crate::stream::StreamInner;
use crate::stream::lifecycle::archive::archive_segment;
use crate::stream::lifecycle::archive::restore_segment;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::tail::StreamState;

impl StreamInner {
    /// Takes out the segments that lie entirely below `safe_id`; the active one only where that
    /// gives slot back (`emptied`). Durable on return. Returns how many.
    ///
    /// An error may also mean that a file could not be removed. The segments are taken out then,
    /// the files of all others are gone, and the next call tries again; it succeeds once no file
    /// of a truncated segment is left.
    pub fn truncate(&self, safe_id: u64) -> Result<usize> {
        self.with_exclusive_sync(|alloc, newest| {
            match self.empty(alloc, newest, EntryId(safe_id))? {
                0 => self.truncate_locked(alloc, newest, EntryId(safe_id)),
                emptied => Ok(emptied),
            }
        })
    }

    /// Runs `work` with the newest segment that holds entries, while no segment is made and nobody
    /// leads a round. All that was written before is durable then, and what is full is sealed.
    fn with_exclusive_sync(
        &self,
        work: impl FnOnce(&mut AllocState, &Arc<StreamSegment>) -> Result<usize>,
    ) -> Result<usize> {
        let mut alloc = self.alloc.lock();
        self.group_commit.exclusive(|| {
            self.context.check_root()?;
            // What recovery made durable and could not cut takes no appends, so nothing was written
            // since. This needs no slot, and may make some.
            if !self.is_blocked() || self.state() != StreamState::Open {
                self.check_writable(&self.tail.lock())?;
                let reached = self.round().map_err(|error| error.duplicate())?;
                self.group_commit.advance(reached);
            }
            self.round_state.lock().check_sealed()?;
            let newest = {
                let tail = self.tail.lock();
                match (&tail.active, tail.last_unsealed()) {
                    (Some(active), None) => Some(Arc::clone(active)),
                    (_, Some((full, _))) => Some(Arc::clone(full)),
                    (None, None) => None,
                }
            };
            // After a loss there is no such segment before the next append.
            newest.map_or(Ok(0), |newest| work(&mut alloc, &newest))
        })
    }

    fn truncate_locked(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        safe_id: EntryId,
    ) -> Result<usize> {
        let segments = self.segments();
        let count = segments
            .parts
            .iter()
            .take_while(|part| !Arc::ptr_eq(part, newest) && part.segment.end_id() <= safe_id)
            .count();
        if count == 0 {
            // Perhaps what earlier calls could not remove.
            return self.remove_files(alloc, []).map(|()| 0);
        }
        let out: Vec<_> = segments.parts.iter().take(count).cloned().collect();
        let mut kept = segments.parts.clone();
        kept.drop_front(count);
        let Some(first) = kept.first().map(|part| part.segment.first_id()) else {
            return Ok(0);
        };
        if let Some(archive) = self.archive_dir() {
            for part in &out {
                alloc.reuse(&archive.join(segment_file_name(part.segment.first_id())));
            }
            self.link_into_archive(&archive, &out)?;
        }
        let next = SegmentList {
            first_kept: first,
            truncation_epoch: segments.truncation_epoch + 1,
            parts: kept,
        };
        self.commit_truncation(newest, next)?;
        self.remove_parts(alloc, &out)?;
        Ok(count)
    }

    /// Removes the files of segments that are not in the segments any more.
    pub(in crate::stream) fn remove_parts(
        &self,
        alloc: &mut AllocState,
        out: &[Arc<StreamSegment>],
    ) -> Result<()> {
        for part in out {
            self.context.read_files.forget(&part.read_slot);
            self.context.write_files.forget(&part.write_slot);
        }
        self.remove_files(alloc, out.iter().map(|part| part.segment.path()))
    }

    /// Makes a new segments the stream's, durably: by a slot in the newest segment. The slot that
    /// was stored last is made durable first, so that never both can be torn.
    fn commit_truncation(&self, newest: &Arc<StreamSegment>, next: SegmentList) -> Result<()> {
        let mut state = self.round_state.lock();
        let (file, _) = self.write_file(newest)?;
        let latch = |error: io::Error| {
            // What is in the slot is unknown now, and so is what the next open will keep.
            let error = Arc::new(Error::io(error, newest.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        };
        file.sync_data().map_err(latch)?;
        let Some(mut slot) = state.frontier.as_deref().copied() else {
            // The round could not store it, and has latched why; or there was no slot.
            self.check_poisoned()?;
            return Err(match &state.slot_refused {
                Some(error) => error.duplicate(),
                None => Error::Io(io::Error::other("a round left no frontier behind")),
            });
        };
        slot.first_kept_id = next.first_kept;
        slot.truncation_epoch = next.truncation_epoch;
        if let Err(error) = store_slot(&*file, newest.segment.seed, state.next_slot, &slot) {
            // The other slot stands, and what is stored next takes the place of this one.
            return Err(match is_out_of_space(&error) {
                true => Error::io(error, newest.segment.context()),
                false => latch(error),
            });
        }
        file.sync_data().map_err(latch)?;
        state.next_slot ^= 1;
        state.note_frontier(slot);
        *self.segments.write() = Arc::new(next);
        Ok(())
    }

    fn sync_stream_dir(&self) -> Result<()> {
        let synced = self.context.storage.sync_dir(&self.dir);
        synced.map_err(|error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key)))
    }

    pub(in crate::stream) fn archive_dir(&self) -> Option<PathBuf> {
        let archive = self.context.options.archive_path.as_ref()?;
        Some(archive.join(self.dir.file_name()?))
    }

    fn link_into_archive(&self, archive: &Path, out: &[Arc<StreamSegment>]) -> Result<()> {
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if let Some(root) = archive.parent() {
            self.context.take_archive(root, archive)?;
        }
        for part in out {
            let target = archive.join(segment_file_name(part.segment.first_id()));
            archive_segment(&self.context, &part.segment.path(), &target).map_err(io)?;
        }
        storage.sync_dir(archive).map_err(io)
    }

    /// Brings back what truncation moved to the archive, as far as it joins on to the first id
    /// kept. Durable on return. Tells how many segments.
    pub fn restore_archived(&self) -> Result<usize> {
        let Some(archive) = self.archive_dir() else {
            return Ok(0);
        };
        self.with_exclusive_sync(|alloc, newest| self.restore_locked(alloc, newest, &archive))
    }

    fn restore_locked(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        archive: &Path,
    ) -> Result<usize> {
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if storage.kind(archive).map_err(io)? != Some(EntryKind::Directory) {
            return Ok(0);
        }
        if let Some(root) = archive.parent() {
            self.context.check_archive(root, archive)?;
        }
        let segments = self.segments();
        let listing = match storage.list_dir(archive) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            listed => listed.map_err(io)?,
        };
        let mut archived: Vec<EntryId> = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::File)
            .filter_map(|entry| parse_segment_file_name(&entry.name))
            .collect();
        archived.sort_unstable();
        let mut first_kept = segments.first_kept;
        let mut successor = segments.parts.first().cloned();
        let mut back = Vec::new();
        for first_id in archived
            .into_iter()
            .rev()
            .filter(|id| *id < segments.first_kept)
        {
            let told = successor
                .as_ref()
                .and_then(|s| s.segment.header.predecessor);
            let joins_on = |end: &SegmentEnd| {
                end.next_id == first_kept && told.is_some_and(|told| told.link == end.link)
            };
            let found = self.archived_part(archive, first_id)?;
            // A damaged header counts as what its neighbours tell, so this is known where any is.
            let incarnation = successor.as_ref().map(|s| s.segment.header.incarnation);
            let is_ours = |segment: &Segment| incarnation == Some(segment.header.incarnation);
            let Some((segment, end)) =
                found.filter(|(segment, end)| joins_on(end) && is_ours(segment))
            else {
                // Perhaps of a deleted stream that had this name.
                continue;
            };
            debug_assert!(end.next_id > first_id);
            first_kept = first_id;
            let part = StreamSegment::new(segment, true);
            successor = Some(Arc::clone(&part));
            back.push(part);
        }
        if back.is_empty() {
            return Ok(0);
        }
        back.reverse();
        let mut back_again = Vec::new();
        if let Err(error) = self.link_back(alloc, archive, &back, &mut back_again) {
            // Below the first id kept, they are no part of the stream.
            let _ = self.remove_files(alloc, back_again);
            return Err(error);
        }
        let parts = back.iter().chain(segments.parts.iter());
        let next = SegmentList {
            first_kept,
            truncation_epoch: segments.truncation_epoch + 1,
            parts: parts.cloned().collect(),
        };
        self.commit_truncation(newest, next)?;
        let name_of = |part: &Arc<StreamSegment>| segment_file_name(part.segment.first_id());
        let archived = back.iter().map(|part| archive.join(name_of(part)));
        self.remove_files(alloc, archived)?;
        Ok(back.len())
    }

    /// Gives segments in the archive their names in the stream's directory, durably. `back_again`: the
    /// names given so far.
    fn link_back(
        &self,
        alloc: &mut AllocState,
        archive: &Path,
        back: &[Arc<StreamSegment>],
        back_again: &mut Vec<PathBuf>,
    ) -> Result<()> {
        for part in back {
            let target = part.segment.path();
            let io = |error| Error::io(error, part.segment.context());
            let name = segment_file_name(part.segment.first_id());
            alloc.reuse(&target);
            let linked = restore_segment(&self.context, &archive.join(name), &target);
            linked.map_err(io)?;
            back_again.push(target);
        }
        self.sync_stream_dir()
    }

    /// A segment in the archive, if it is whole and this stream's.
    fn archived_part(
        &self,
        archive: &Path,
        first_id: EntryId,
    ) -> Result<Option<(Segment, SegmentEnd)>> {
        let path = archive.join(segment_file_name(first_id));
        let io = |error| Error::io(error, ErrorContext::at(&path).stream(&self.key));
        let file = match self.context.storage.open_file(&path, Access::Read) {
            // Listed just now: taken away since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(io)?,
        };
        let len = file.len().map_err(io)?;
        if len < (SECTOR_LEN * 3 + FRAME_HEADER_LEN + TRAILER_LEN) as u64 {
            return Ok(None);
        }
        let mut sector = [0; SECTOR_LEN];
        read_exact_at(&*file, 0, &mut sector).map_err(io)?;
        let mut trailer = [0; TRAILER_LEN];
        read_exact_at(&*file, len - TRAILER_LEN as u64, &mut trailer).map_err(io)?;
        let Ok(header) = SegmentHeader::decode(&sector) else {
            return Ok(None);
        };
        if *header.key != *self.key || header.first_id != first_id {
            return Ok(None);
        }
        let Some(trailer) = decode_trailer(&trailer, header.seed(), len) else {
            return Ok(None);
        };
        let end = SegmentEnd {
            offset: trailer.footer_offset,
            next_id: trailer.end_id,
            last_frame: Some(trailer.last_frame),
            last_frame_len: 0,
            link: trailer.link,
        };
        let dir = Arc::clone(&self.dir);
        let segment = Segment::new(header, dir, &end, true, SparseIndex::in_footer());
        Ok(Some((segment, end)))
    }
}
