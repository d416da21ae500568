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
use crate::stream::StreamCore;
use crate::stream::archive::archive_segment;
use crate::stream::archive::restore_segment;
use crate::stream::catalogue::Catalogue;
use crate::stream::catalogue::Part;
use crate::stream::grow::Upkeep;
use crate::stream::tail::Life;

impl StreamCore {
    /// Takes out the segments that lie entirely below `safe_id`; the active one only where that
    /// gives room back (`emptied`). Durable on return. Returns how many.
    ///
    /// An error may also mean that a file could not be removed. The segments are taken out then,
    /// the files of all others are gone, and the next call tries again; it succeeds once no file
    /// of a truncated segment is left.
    pub fn truncate(&self, safe_id: u64) -> Result<usize> {
        self.alone_with_all_durable(|upkeep, newest| {
            match self.empty(upkeep, newest, EntryId(safe_id))? {
                0 => self.truncate_alone(upkeep, newest, EntryId(safe_id)),
                emptied => Ok(emptied),
            }
        })
    }

    /// Runs `work` with the newest segment that holds entries, while no segment is made and nobody
    /// leads a round. All that was written before is durable then, and what is full is sealed.
    fn alone_with_all_durable(
        &self,
        work: impl FnOnce(&mut Upkeep, &Arc<Part>) -> Result<usize>,
    ) -> Result<usize> {
        let mut upkeep = self.upkeep.lock();
        self.durability.exclusive(|| {
            self.environment.check_root()?;
            // What recovery made durable and could not cut takes no appends, so nothing was written
            // since. This needs no room, and may make some.
            if !self.is_blocked() || self.life() != Life::Open {
                self.admit(&self.tail.lock())?;
                let reached = self.round().map_err(|error| error.duplicate())?;
                self.durability.advance(reached);
            }
            self.sync_state.lock().check_sealed()?;
            let newest = {
                let tail = self.tail.lock();
                match (&tail.active, tail.last_unsealed()) {
                    (Some(active), None) => Some(Arc::clone(active)),
                    (_, Some((full, _))) => Some(Arc::clone(full)),
                    (None, None) => None,
                }
            };
            // After a loss there is no such segment before the next append.
            newest.map_or(Ok(0), |newest| work(&mut upkeep, &newest))
        })
    }

    fn truncate_alone(
        &self,
        upkeep: &mut Upkeep,
        newest: &Arc<Part>,
        safe_id: EntryId,
    ) -> Result<usize> {
        let catalogue = self.catalogue();
        let count = catalogue
            .parts
            .iter()
            .take_while(|part| !Arc::ptr_eq(part, newest) && part.segment.end_id() <= safe_id)
            .count();
        if count == 0 {
            // Perhaps what earlier calls could not remove.
            return self.remove_files(upkeep, []).map(|()| 0);
        }
        let out: Vec<_> = catalogue.parts.iter().take(count).cloned().collect();
        let mut kept = catalogue.parts.clone();
        kept.drop_front(count);
        let Some(first) = kept.first().map(|part| part.segment.first_id()) else {
            return Ok(0);
        };
        if let Some(archive) = self.archive_dir() {
            for part in &out {
                upkeep.reuse(&archive.join(segment_file_name(part.segment.first_id())));
            }
            self.link_into_archive(&archive, &out)?;
        }
        let next = Catalogue {
            first_kept: first,
            cut_epoch: catalogue.cut_epoch + 1,
            parts: kept,
        };
        self.commit_cut(newest, next)?;
        self.remove_parts(upkeep, &out)?;
        Ok(count)
    }

    /// Removes the files of segments that are not in the catalogue any more.
    pub(super) fn remove_parts(&self, upkeep: &mut Upkeep, out: &[Arc<Part>]) -> Result<()> {
        for part in out {
            self.environment.read_files.forget(&part.read_slot);
            self.environment.write_files.forget(&part.write_slot);
        }
        self.remove_files(upkeep, out.iter().map(|part| part.segment.path()))
    }

    /// Makes a new catalogue the stream's, durably: by a slot in the newest segment. The slot that
    /// was stored last is made durable first, so that never both can be torn.
    fn commit_cut(&self, newest: &Arc<Part>, next: Catalogue) -> Result<()> {
        let mut state = self.sync_state.lock();
        let (file, _) = self.write_file(newest)?;
        let latch = |error: io::Error| {
            // What is in the slot is unknown now, and so is what the next open will keep.
            let error = Arc::new(Error::io(error, newest.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        };
        file.sync_data().map_err(latch)?;
        let Some(mut slot) = state.frontier.as_deref().copied() else {
            // The round could not store it, and has latched why; or there was no room.
            self.refuse_poisoned()?;
            return Err(match &state.slot_refused {
                Some(error) => error.duplicate(),
                None => Error::Io(io::Error::other("a round left no frontier behind")),
            });
        };
        slot.first_kept_id = next.first_kept;
        slot.cut_epoch = next.cut_epoch;
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
        *self.catalogue.write() = Arc::new(next);
        Ok(())
    }

    fn sync_stream_dir(&self) -> Result<()> {
        let synced = self.environment.storage.sync_dir(&self.dir);
        synced.map_err(|error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key)))
    }

    pub(super) fn archive_dir(&self) -> Option<PathBuf> {
        let archive = self.environment.options.archive_path.as_ref()?;
        Some(archive.join(self.dir.file_name()?))
    }

    fn link_into_archive(&self, archive: &Path, out: &[Arc<Part>]) -> Result<()> {
        let storage = &*self.environment.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if let Some(root) = archive.parent() {
            self.environment.take_archive(root, archive)?;
        }
        for part in out {
            let target = archive.join(segment_file_name(part.segment.first_id()));
            archive_segment(&self.environment, &part.segment.path(), &target).map_err(io)?;
        }
        storage.sync_dir(archive).map_err(io)
    }

    /// Brings back what truncation moved to the archive, as far as it joins on to the first id
    /// kept. Durable on return. Tells how many segments.
    pub fn restore_archived(&self) -> Result<usize> {
        let Some(archive) = self.archive_dir() else {
            return Ok(0);
        };
        self.alone_with_all_durable(|upkeep, newest| self.restore_alone(upkeep, newest, &archive))
    }

    fn restore_alone(
        &self,
        upkeep: &mut Upkeep,
        newest: &Arc<Part>,
        archive: &Path,
    ) -> Result<usize> {
        let storage = &*self.environment.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if storage.kind(archive).map_err(io)? != Some(EntryKind::Directory) {
            return Ok(0);
        }
        if let Some(root) = archive.parent() {
            self.environment.check_archive(root, archive)?;
        }
        let catalogue = self.catalogue();
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
        let mut first_kept = catalogue.first_kept;
        let mut successor = catalogue.parts.first().cloned();
        let mut back = Vec::new();
        for first_id in archived
            .into_iter()
            .rev()
            .filter(|id| *id < catalogue.first_kept)
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
            let part = Part::new(segment, true);
            successor = Some(Arc::clone(&part));
            back.push(part);
        }
        if back.is_empty() {
            return Ok(0);
        }
        back.reverse();
        let mut back_again = Vec::new();
        if let Err(error) = self.link_back(upkeep, archive, &back, &mut back_again) {
            // Below the first id kept, they are no part of the stream.
            let _ = self.remove_files(upkeep, back_again);
            return Err(error);
        }
        let parts = back.iter().chain(catalogue.parts.iter());
        let next = Catalogue {
            first_kept,
            cut_epoch: catalogue.cut_epoch + 1,
            parts: parts.cloned().collect(),
        };
        self.commit_cut(newest, next)?;
        let name_of = |part: &Arc<Part>| segment_file_name(part.segment.first_id());
        let archived = back.iter().map(|part| archive.join(name_of(part)));
        self.remove_files(upkeep, archived)?;
        Ok(back.len())
    }

    /// Gives segments in the archive their names in the stream's directory, durably. `back_again`: the
    /// names given so far.
    fn link_back(
        &self,
        upkeep: &mut Upkeep,
        archive: &Path,
        back: &[Arc<Part>],
        back_again: &mut Vec<PathBuf>,
    ) -> Result<()> {
        for part in back {
            let target = part.segment.path();
            let io = |error| Error::io(error, part.segment.context());
            let name = segment_file_name(part.segment.first_id());
            upkeep.reuse(&target);
            let linked = restore_segment(&self.environment, &archive.join(name), &target);
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
        let file = match self.environment.storage.open_file(&path, Access::Read) {
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
