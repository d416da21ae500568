//! When is the active segment mapped, so that appends are stored instead of written?
//!
//! Under [`WriteStrategy::Mmap`] from the first frame on; under `Auto` in mode `Async`, where no
//! store can raise a signal, once a segment holds more than a few entries. Stores go to pages that
//! were made ready: they have blocks, and a helper, or an appender who outran it, has made them writable. What does not fit there
//! is written, as ever; both ways lead to the same bytes, and the kernel shows each what the other
//! did (mmap(2), `MAP_SHARED`).
//!
//! A map belongs to the opening of the file it was made from: what a sync of that opening tells
//! covers what was stored. When that file is closed the map is not used any more, and the bytes
//! are unproven like any other's.
//!
//! Failure: where mapping or making ready fails, appends are written. A failed sync ends it with
//! the stream. Close, rotation, and an interval of background syncing without an append take the map
//! away; it is dropped without a lock, since that takes long.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::options::WriteStrategy;
use crate::segment::SegmentEnd;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::WritableMap;
use crate::stream::Environment;
use crate::stream::StreamCore;
use crate::stream::catalogue::Part;
use crate::stream::grow::LEAST_STEP;
use crate::stream::tail::Tail;
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering;

/// Larger frames are written, under `Mmap` and under `Auto`. From about 2 KiB on `write(2)` costs
/// the appender little more than the copy, and nobody the zeros and the faults.
const MOST_STORED: u64 = 64 << 10;
const MOST_STORED_BY_CHOICE: u64 = 2 << 10;

/// How much of a segment is mapped at once: all of it, by default, whatever lies before its frames
/// or reaches beyond its end. While one map takes the place of another, appends have none.
const MAP_LEN: u64 = if cfg!(target_pointer_width = "64") {
    66 << 20
} else {
    8 << 20
};

/// How much is made ready ahead of the tail at most, and in one go.
const MOST_AHEAD: u64 = 2 << 20;
const STEP: u64 = 256 << 10;

/// How much of a new segment is made ready on the thread that makes it.
const FIRST_STEP: u64 = 64 << 10;

/// How much an appender makes ready, beyond what it needs, that the helper has not come to: some
/// microseconds' work, and what dozens of small frames would cost to write.
const STEP_OF_APPENDER: u64 = 16 << 10;

const PAGE: u64 = 4096;

/// A part of the active segment, mapped for storing.
pub struct Mapped {
    map: Arc<dyn WritableMap>,
    /// The opening of the file that it was made from.
    opening: u64,
    _counted: Counted,
}

/// One of the maps that are there at once.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Mapped {
    /// Whether the file it was made from is still the part's.
    #[inline]
    pub fn is_of(&self, part: &Part) -> bool {
        part.write_slot.openings() == self.opening
    }

    /// Stores bytes. False: they do not lie in what was made ready.
    #[inline]
    pub fn store(&self, at: FileOffset, bytes: &[u8]) -> bool {
        self.map.store(at.0, bytes)
    }

    /// What an appender makes ready for a frame from `at` to `end`, and a little more: the map, and
    /// the range. Nothing where the frame does not fit there, or appends have left the map behind.
    pub fn to_make_ready(
        &self,
        at: FileOffset,
        end: FileOffset,
        secured: FileOffset,
    ) -> Option<(Arc<dyn WritableMap>, Range<u64>)> {
        let from = self.map.ready_to();
        let most = secured.0.min(self.map.range().end);
        let to = (end.0 + STEP_OF_APPENDER).min(most);
        let follows = at.0 <= from + PAGE && from < end.0 && end.0 <= to;
        follows.then(|| (Arc::clone(&self.map), from..to))
    }

    /// Notes that the part has unsynced bytes.
    #[inline]
    pub fn note_written(&self, part: &Part) {
        part.write_slot.wrote_through(self.opening);
    }

    /// The map, for a sync of what was stored and written since, if that is cheaper than a sync of
    /// the whole file opened as `opening`.
    pub fn for_ranges(&self, opening: u64) -> Option<Arc<dyn WritableMap>> {
        let is_same = self.opening == opening && self.map.syncs_ranges();
        is_same.then(|| Arc::clone(&self.map))
    }
}

/// What a helper found about the tail.
struct Found {
    active: Arc<Part>,
    offset: FileOffset,
    used: u64,
    secured: FileOffset,
    map: Option<Arc<dyn WritableMap>>,
}

impl Environment {
    /// Whether active segments are to be mapped, as far as the options tell.
    fn maps_by_choice(&self) -> bool {
        match self.options.write_strategy {
            WriteStrategy::StandardIo => false,
            WriteStrategy::Mmap => true,
            WriteStrategy::Auto => self.options.sync_mode == SyncMode::Async,
        }
    }

    /// Whether a frame of this length is stored rather than written, where that can be.
    #[inline]
    pub(super) fn stores(&self, frame_len: u64) -> bool {
        let most = match self.options.write_strategy {
            WriteStrategy::Mmap => MOST_STORED,
            WriteStrategy::Auto => MOST_STORED_BY_CHOICE,
            WriteStrategy::StandardIo => 0,
        };
        frame_len <= most
    }

    /// Whether they may be: what only the disk knows.
    fn may_map(&self) -> bool {
        let forced = self.options.write_strategy == WriteStrategy::Mmap;
        self.maps_by_choice() && (forced || self.stores_are_safe())
    }

    /// Asked once. A question that failed is no answer: it is asked again.
    fn stores_are_safe(&self) -> bool {
        if let Some(answer) = self.stores_are_safe.get() {
            return *answer;
        }
        let answer = self.storage.stores_are_safe(&self.root);
        answer.is_ok_and(|answer| *self.stores_are_safe.get_or_init(|| answer))
    }

    /// Maps are bounded like files that are open for writing.
    fn count_map(&self) -> Option<Counted> {
        let counted = Counted(Arc::clone(&self.maps));
        let before = self.maps.fetch_add(1, Ordering::AcqRel);
        (before < self.options.max_open_segments).then_some(counted)
    }
}

impl StreamCore {
    /// Whether a helper should map the active segment, or make more of it ready, or drop what was
    /// mapped. Called after every append.
    pub(super) fn wants_map(&self, tail: &Tail) -> bool {
        if tail.retired.get().is_some() {
            return true;
        }
        let environment = &self.environment;
        let used = tail.used_since_rest();
        let ready_to = tail.mapped.as_ref().map_or(0, |m| m.map.ready_to());
        ready_to < tail.written.offset.0 + ahead_of(used) / 2
            && ready_to < self.last_offset().0
            && used >= LEAST_STEP
            && tail.stores
            && environment.maps_by_choice()
            && tail.map_refused_at != Some(tail.secured)
    }

    /// Where the frames of the active segment end at the latest, unless one is larger.
    fn last_offset(&self) -> FileOffset {
        let most = self.environment.options.max_segment_size;
        FileOffset(HEADER_AREA_LEN.saturating_add(most))
    }

    /// Makes more of the active segment ready. For a helper.
    pub(super) fn map_ahead(&self) -> Result<()> {
        let retired = self.tail.lock().retired.take();
        drop(retired);
        if !self.environment.may_map() {
            let mut tail = self.tail.lock();
            tail.map_refused_at = Some(tail.secured);
            return Ok(());
        }
        loop {
            let upkeep = self.upkeep.lock();
            let goes_on = self.map_step();
            crate::sync::MutexGuard::unlock_fair(upkeep);
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    let mut tail = self.tail.lock();
                    tail.map_refused_at = Some(tail.secured);
                    return Err(error);
                }
            }
        }
    }

    /// One step, under the upkeep lock; whether there is more to do.
    fn map_step(&self) -> Result<bool> {
        let Some(found) = self.look_at_tail()? else {
            return Ok(false);
        };
        let used = found.used;
        let goal = (found.offset + ahead_of(used)).min(self.last_offset());
        let here = found.offset.0 / PAGE * PAGE;
        let ready_to = found.map.as_ref().map_or(0, |map| map.ready_to());
        if ready_to >= goal.0 || used < LEAST_STEP {
            return Ok(false);
        }
        if let Some(map) = &found.map {
            map.let_go_before(here.saturating_sub(MOST_AHEAD));
        }
        let from = ready_to.max(here);
        let wanted = goal.min(FileOffset(from + STEP));
        let mut secured = found.secured;
        if wanted > secured {
            secured = self.zero_to(&found, wanted)?;
        }
        let to = wanted.min(secured);
        if to.0 <= from {
            let mut tail = self.tail.lock();
            tail.map_refused_at = Some(tail.secured);
            return Ok(false);
        }
        // Where appends have overtaken the map, or come to its end, another one takes its place.
        let goes_on = |map: &Arc<dyn WritableMap>| ready_to >= here && to.0 <= map.range().end;
        match found.map.filter(goes_on) {
            Some(map) => self.make_ready(&found.active, &*map, from, to)?,
            None => {
                // From the tail on, so that stores go on in the new map at once.
                let Some(mapped) = self.map_part(&found.active, here, to)? else {
                    let mut tail = self.tail.lock();
                    tail.map_refused_at = Some(tail.secured);
                    return Ok(false);
                };
                let mut tail = self.tail.lock();
                self.admit(&tail)?;
                let is_active = |active: &Arc<Part>| Arc::ptr_eq(active, &found.active);
                if tail.active.as_ref().is_some_and(is_active) {
                    tail.retire_map();
                    self.use_map(&mut tail, Some(mapped));
                }
            }
        }
        Ok(true)
    }

    fn look_at_tail(&self) -> Result<Option<Found>> {
        let tail = self.tail.lock();
        self.admit(&tail)?;
        let active = tail.active.clone().filter(|_| tail.stores);
        let Some(active) = active else {
            return Ok(None);
        };
        let opening = active.write_slot.openings();
        let mapped = tail.mapped.as_ref().filter(|m| m.opening == opening);
        Ok(Some(Found {
            offset: tail.written.offset,
            used: tail.used_since_rest(),
            secured: tail.secured,
            map: mapped.map(|m| Arc::clone(&m.map)),
            active,
        }))
    }

    /// Writes zeros up to `wanted`, or as far as the share of free space goes, and secures that.
    fn zero_to(&self, found: &Found, wanted: FileOffset) -> Result<FileOffset> {
        let secured = found.secured;
        let to = wanted.min(self.step_ahead(found.used, secured));
        if to <= secured {
            return Ok(secured);
        }
        let io = |error| Error::io(error, found.active.segment.context().offset(secured.0));
        let file = self.file_for_zeros(&found.active)?;
        file.allocate(secured.0, to - secured).map_err(io)?;
        file.write_zeros(secured.0, to - secured).map_err(io)?;
        self.tail.lock().secured = to;
        Ok(to)
    }

    /// A descriptor of its own: the kernel tells a lost write once per descriptor, and a round
    /// that syncs at this moment must not miss it because it was told here.
    pub(super) fn file_for_zeros(&self, part: &Arc<Part>) -> Result<Arc<dyn StorageFile>> {
        let (storage, path) = (&self.environment.storage, part.segment.path());
        self.environment
            .opening(|| storage.open_file(&path, Access::ReadWrite))
            .map_err(|error| Error::io(error, part.segment.context()))
    }

    /// Maps the part from the page of `from` on, ready up to `to`. `None`: there are as many maps
    /// as there may be.
    fn map_part(&self, part: &Arc<Part>, from: u64, to: FileOffset) -> Result<Option<Mapped>> {
        let Some(counted) = self.environment.count_map() else {
            return Ok(None);
        };
        let (file, opening) = self.write_file(part)?;
        // Some of what lies before is mapped as well, so that a sync of what was written before
        // finds it in the map.
        let start = from.saturating_sub(MOST_AHEAD) / PAGE * PAGE;
        let map = file
            .map_writable(start, MAP_LEN)
            .map_err(|error| Error::io(error, part.segment.context().offset(from)))?;
        self.make_ready(part, &*map, from, to)?;
        Ok(Some(Mapped {
            map,
            opening,
            _counted: counted,
        }))
    }

    fn make_ready(
        &self,
        part: &Part,
        map: &dyn WritableMap,
        from: u64,
        to: FileOffset,
    ) -> Result<()> {
        map.make_ready(from, to.0)
            .map_err(|error| Error::io(error, part.segment.context().offset(from)))
    }

    /// Maps a segment that was just made, where the one before it was mapped or where that was
    /// asked for. What fails here fails nothing else.
    pub(super) fn map_new(&self, part: &Arc<Part>, secured: FileOffset) -> Option<Mapped> {
        let forced = self.environment.options.write_strategy == WriteStrategy::Mmap;
        let follows = self.environment.maps_by_choice() && self.tail.lock().mapped.is_some();
        if !forced && !follows {
            return None;
        }
        let to = secured.min(FileOffset(HEADER_AREA_LEN + FIRST_STEP));
        let mapped = self.map_part(part, HEADER_AREA_LEN, to);
        self.tell_unmapped(mapped).flatten()
    }

    /// Makes ready what was just secured by an appender, if the segment is mapped.
    pub(super) fn map_secured(&self, part: &Arc<Part>, secured: FileOffset) {
        let found = {
            let tail = self.tail.lock();
            let mapped = tail.mapped.as_ref().filter(|m| m.is_of(part));
            mapped.map(|m| (Arc::clone(&m.map), tail.written.offset))
        };
        let Some((map, offset)) = found else {
            return;
        };
        let to = secured
            .min(offset + FIRST_STEP)
            .min(FileOffset(map.range().end));
        let from = map.ready_to();
        if to.0 > from && from >= offset.0 / PAGE * PAGE {
            self.tell_unmapped(self.make_ready(part, &*map, from, to));
        }
    }

    fn tell_unmapped<T>(&self, result: Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                let message = format!("a segment is written, not mapped: {error}");
                self.environment.note(log::Level::Debug, message);
            })
            .ok()
    }

    /// Has appends stored from now on, and the helpers look whether there are any. The last append
    /// may have been before: nobody else would.
    pub(super) fn use_map(&self, tail: &mut Tail, mapped: Option<Mapped>) {
        tail.mapped = mapped;
        self.note_whether_mapped(tail);
        if tail.mapped.is_some() && !tail.sync_planned {
            tail.sync_planned = true;
            self.plan_sync();
        }
    }

    /// For those who would do something in vain where there is no map. What is told may be old.
    fn note_whether_mapped(&self, tail: &Tail) {
        let is_mapped = tail.mapped.is_some();
        self.is_mapped.store(is_mapped, Ordering::Relaxed);
    }

    /// Takes the map away from a stream that nobody appended to since this was called last; whether
    /// it is one.
    pub(super) fn unmap_if_idle(&self) -> bool {
        let mut tail = self.tail.lock();
        let idle = tail.seen_at == tail.written.offset;
        tail.seen_at = tail.written.offset;
        if idle {
            tail.retire_map();
            self.note_whether_mapped(&tail);
        }
        let retired = tail.retired.take();
        drop(tail);
        drop(retired);
        idle
    }

    /// Ends storing, for whoever ends the stream.
    pub(super) fn unmap(&self) {
        let retired = {
            let mut tail = self.tail.lock();
            tail.retire_map();
            self.note_whether_mapped(&tail);
            tail.retired.take()
        };
        drop(retired);
    }
}

/// How far ahead of the tail to be ready in a segment that holds so many bytes.
fn ahead_of(used: u64) -> u64 {
    used.clamp(LEAST_STEP, MOST_AHEAD)
}

/// Whether a sync of the frames from `from` to `end` can go through the map.
pub(super) fn covers(map: &dyn WritableMap, from: FileOffset, end: &SegmentEnd) -> bool {
    let range = map.range();
    range.start <= from.0 && from <= end.offset && end.offset.0 <= range.end
}
