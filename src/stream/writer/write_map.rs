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
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::segment::SegmentEnd;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::WriteMapping;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::MIN_STEP;
use crate::stream::writer::tail::Tail;

/// Larger frames are written, under `Mmap` and under `Auto`. From about 2 KiB on `write(2)` costs
/// the appender little more than the copy, and nobody the zeros and the faults.
const MAX_MAPPED_FRAME: u64 = 64 << 10;
const MAX_MAPPED_FRAME_AUTO: u64 = 2 << 10;

/// How much of a segment is mapped at once: all of it, by default, whatever lies before its frames
/// or reaches beyond its end. While one map takes the place of another, appends have none.
const MAP_LEN: u64 = if cfg!(target_pointer_width = "64") {
    66 << 20
} else {
    8 << 20
};

/// How much is made ready ahead of the tail at most, and in one go.
const MAX_AHEAD: u64 = 2 << 20;
const STEP: u64 = 256 << 10;

/// How much of a new segment is made ready on the thread that makes it.
const FIRST_STEP: u64 = 64 << 10;

/// How much an appender makes ready, beyond what it needs, that the helper has not come to: some
/// microseconds' work, and what dozens of small frames would cost to write.
const APPENDER_POPULATE_BYTES: u64 = 16 << 10;

const PAGE: u64 = 4096;

/// A part of the active segment, mapped for storing.
pub struct WriteMap {
    map: Arc<dyn WriteMapping>,
    /// The opening of the file that it was made from.
    opening: u64,
    _counted: MapPermit,
}

/// One of the maps that are there at once.
struct MapPermit(Arc<AtomicUsize>);

impl Drop for MapPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl WriteMap {
    /// Whether the file it was made from is still the part's.
    #[inline]
    pub fn is_of(&self, part: &StreamSegment) -> bool {
        part.write_slot.open_count_of_file() == self.opening
    }

    /// Stores bytes. False: they do not lie in what was made ready.
    #[inline]
    pub fn store(&self, at: FileOffset, bytes: &[u8]) -> bool {
        self.map.store(at.0, bytes)
    }

    /// What an appender makes ready for a frame from `at` to `end`, and a little more: the map, and
    /// the range. Nothing where the frame does not fit there, or appends have left the map behind.
    pub fn missing_pages(
        &self,
        at: FileOffset,
        end: FileOffset,
        allocated_end: FileOffset,
    ) -> Option<(Arc<dyn WriteMapping>, Range<u64>)> {
        let from = self.map.populated_end();
        let most = allocated_end.0.min(self.map.range().end);
        let to = (end.0 + APPENDER_POPULATE_BYTES).min(most);
        let follows = at.0 <= from + PAGE && from < end.0 && end.0 <= to;
        follows.then(|| (Arc::clone(&self.map), from..to))
    }

    /// Notes that the part has unsynced bytes.
    #[inline]
    pub fn note_written(&self, part: &StreamSegment) {
        part.write_slot.mark_dirty(self.opening);
    }

    /// The map, for a sync of what was stored and written since, if that is cheaper than a sync of
    /// the whole file opened as `with_fd_retry`.
    pub fn for_ranges(&self, opening: u64) -> Option<Arc<dyn WriteMapping>> {
        let is_same = self.opening == opening && self.map.syncs_ranges();
        is_same.then(|| Arc::clone(&self.map))
    }
}

/// What a helper found about the tail.
struct TailSnapshot {
    active: Arc<StreamSegment>,
    offset: FileOffset,
    used: u64,
    allocated_end: FileOffset,
    map: Option<Arc<dyn WriteMapping>>,
}

impl LogContext {
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
    pub(in crate::stream) fn fits_map(&self, frame_len: u64) -> bool {
        let most = match self.options.write_strategy {
            WriteStrategy::Mmap => MAX_MAPPED_FRAME,
            WriteStrategy::Auto => MAX_MAPPED_FRAME_AUTO,
            WriteStrategy::StandardIo => 0,
        };
        frame_len <= most
    }

    /// Whether they may be: what only the disk knows.
    fn may_map(&self) -> bool {
        let forced = self.options.write_strategy == WriteStrategy::Mmap;
        self.maps_by_choice() && (forced || self.map_stores_cannot_fault())
    }

    /// Asked once. A question that failed is no answer: it is asked again.
    fn map_stores_cannot_fault(&self) -> bool {
        if let Some(answer) = self.map_stores_cannot_fault.get() {
            return *answer;
        }
        let answer = self.storage.map_stores_cannot_fault(&self.root);
        answer.is_ok_and(|answer| *self.map_stores_cannot_fault.get_or_init(|| answer))
    }

    /// Maps are bounded like files that are open for writing.
    fn count_map(&self) -> Option<MapPermit> {
        let counted = MapPermit(Arc::clone(&self.maps));
        let before = self.maps.fetch_add(1, Ordering::AcqRel);
        (before < self.options.max_open_segments).then_some(counted)
    }
}

impl StreamInner {
    /// Whether a helper should map the active segment, or make more of it ready, or drop what was
    /// mapped. Called after every append.
    pub(in crate::stream) fn wants_map(&self, tail: &Tail) -> bool {
        if tail.detached_maps.get().is_some() {
            return true;
        }
        let context = &self.context;
        let used = tail.used_since_rest();
        let populated_end = tail.mapped.as_ref().map_or(0, |m| m.map.populated_end());
        populated_end < tail.written.offset.0 + ahead_of(used) / 2
            && populated_end < self.last_offset().0
            && used >= MIN_STEP
            && tail.last_frame_fits_map
            && context.maps_by_choice()
            && tail.map_failed_at != Some(tail.allocated_end)
    }

    /// Where the frames of the active segment end at the latest, unless one is larger.
    fn last_offset(&self) -> FileOffset {
        let most = self.context.options.max_segment_size;
        FileOffset(HEADER_AREA_LEN.saturating_add(most))
    }

    /// Makes more of the active segment ready. For a helper.
    pub(in crate::stream) fn extend_write_map(&self) -> Result<()> {
        let detached_maps = self.tail.lock().detached_maps.take();
        drop(detached_maps);
        if !self.context.may_map() {
            let mut tail = self.tail.lock();
            tail.map_failed_at = Some(tail.allocated_end);
            return Ok(());
        }
        loop {
            let alloc = self.alloc.lock();
            let goes_on = self.extend_write_map_step();
            crate::primitives::MutexGuard::unlock_fair(alloc);
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    let mut tail = self.tail.lock();
                    tail.map_failed_at = Some(tail.allocated_end);
                    return Err(error);
                }
            }
        }
    }

    /// One step, under the alloc lock; whether there is more to do.
    fn extend_write_map_step(&self) -> Result<bool> {
        let Some(found) = self.snapshot_tail()? else {
            return Ok(false);
        };
        let used = found.used;
        let goal = (found.offset + ahead_of(used)).min(self.last_offset());
        let here = found.offset.0 / PAGE * PAGE;
        let populated_end = found.map.as_ref().map_or(0, |map| map.populated_end());
        if populated_end >= goal.0 || used < MIN_STEP {
            return Ok(false);
        }
        if let Some(map) = &found.map {
            map.release_before(here.saturating_sub(MAX_AHEAD));
        }
        let from = populated_end.max(here);
        let wanted = goal.min(FileOffset(from + STEP));
        let mut allocated_end = found.allocated_end;
        if wanted > allocated_end {
            allocated_end = self.zero_to(&found, wanted)?;
        }
        let to = wanted.min(allocated_end);
        if to.0 <= from {
            let mut tail = self.tail.lock();
            tail.map_failed_at = Some(tail.allocated_end);
            return Ok(false);
        }
        // Where appends have overtaken the map, or come to its end, another one takes its place.
        let goes_on =
            |map: &Arc<dyn WriteMapping>| populated_end >= here && to.0 <= map.range().end;
        match found.map.filter(goes_on) {
            Some(map) => self.populate(&found.active, &*map, from, to)?,
            None => {
                // From the tail on, so that stores go on in the new map at once.
                let Some(mapped) = self.map_segment(&found.active, here, to)? else {
                    let mut tail = self.tail.lock();
                    tail.map_failed_at = Some(tail.allocated_end);
                    return Ok(false);
                };
                let mut tail = self.tail.lock();
                self.check_writable(&tail)?;
                let is_active = |active: &Arc<StreamSegment>| Arc::ptr_eq(active, &found.active);
                if tail.active.as_ref().is_some_and(is_active) {
                    tail.detach_map();
                    self.attach_map(&mut tail, Some(mapped));
                }
            }
        }
        Ok(true)
    }

    fn snapshot_tail(&self) -> Result<Option<TailSnapshot>> {
        let tail = self.tail.lock();
        self.check_writable(&tail)?;
        let active = tail.active.clone().filter(|_| tail.last_frame_fits_map);
        let Some(active) = active else {
            return Ok(None);
        };
        let opening = active.write_slot.open_count_of_file();
        let mapped = tail.mapped.as_ref().filter(|m| m.opening == opening);
        Ok(Some(TailSnapshot {
            offset: tail.written.offset,
            used: tail.used_since_rest(),
            allocated_end: tail.allocated_end,
            map: mapped.map(|m| Arc::clone(&m.map)),
            active,
        }))
    }

    /// Writes zeros up to `wanted`, or as far as the share of free space goes, and secures that.
    fn zero_to(&self, found: &TailSnapshot, wanted: FileOffset) -> Result<FileOffset> {
        let allocated_end = found.allocated_end;
        let to = wanted.min(self.preallocation_target(found.used, allocated_end));
        if to <= allocated_end {
            return Ok(allocated_end);
        }
        let io = |error| {
            Error::io(
                error,
                found.active.segment.context().offset(allocated_end.0),
            )
        };
        let file = self.file_for_zeros(&found.active)?;
        file.allocate(allocated_end.0, to - allocated_end)
            .map_err(io)?;
        file.write_zeros(allocated_end.0, to - allocated_end)
            .map_err(io)?;
        self.tail.lock().allocated_end = to;
        Ok(to)
    }

    /// A descriptor of its own: the kernel tells a lost write once per descriptor, and a round
    /// that syncs at this moment must not miss it because it was told here.
    pub(in crate::stream) fn file_for_zeros(
        &self,
        part: &Arc<StreamSegment>,
    ) -> Result<Arc<dyn StorageFile>> {
        let (storage, path) = (&self.context.storage, part.segment.path());
        self.context
            .with_fd_retry(|| storage.open_file(&path, Access::ReadWrite))
            .map_err(|error| Error::io(error, part.segment.context()))
    }

    /// Maps the part from the page of `from` on, ready up to `to`. `None`: there are as many maps
    /// as there may be.
    fn map_segment(
        &self,
        part: &Arc<StreamSegment>,
        from: u64,
        to: FileOffset,
    ) -> Result<Option<WriteMap>> {
        let Some(counted) = self.context.count_map() else {
            return Ok(None);
        };
        let (file, opening) = self.write_file(part)?;
        // Some of what lies before is mapped as well, so that a sync of what was written before
        // finds it in the map.
        let start = from.saturating_sub(MAX_AHEAD) / PAGE * PAGE;
        let map = file
            .map_writable(start, MAP_LEN)
            .map_err(|error| Error::io(error, part.segment.context().offset(from)))?;
        self.populate(part, &*map, from, to)?;
        Ok(Some(WriteMap {
            map,
            opening,
            _counted: counted,
        }))
    }

    fn populate(
        &self,
        part: &StreamSegment,
        map: &dyn WriteMapping,
        from: u64,
        to: FileOffset,
    ) -> Result<()> {
        map.populate(from, to.0)
            .map_err(|error| Error::io(error, part.segment.context().offset(from)))
    }

    /// Maps a segment that was just made, where the one before it was mapped or where that was
    /// asked for. What fails here fails nothing else.
    pub(in crate::stream) fn map_new_segment(
        &self,
        part: &Arc<StreamSegment>,
        allocated_end: FileOffset,
    ) -> Option<WriteMap> {
        let forced = self.context.options.write_strategy == WriteStrategy::Mmap;
        let follows = self.context.maps_by_choice() && self.tail.lock().mapped.is_some();
        if !forced && !follows {
            return None;
        }
        let to = allocated_end.min(FileOffset(HEADER_AREA_LEN + FIRST_STEP));
        let mapped = self.map_segment(part, HEADER_AREA_LEN, to);
        self.log_map_failure(mapped).flatten()
    }

    /// Makes ready what was just allocated_end by an appender, if the segment is mapped.
    pub(in crate::stream) fn populate_allocated(
        &self,
        part: &Arc<StreamSegment>,
        allocated_end: FileOffset,
    ) {
        let found = {
            let tail = self.tail.lock();
            let mapped = tail.mapped.as_ref().filter(|m| m.is_of(part));
            mapped.map(|m| (Arc::clone(&m.map), tail.written.offset))
        };
        let Some((map, offset)) = found else {
            return;
        };
        let to = allocated_end
            .min(offset + FIRST_STEP)
            .min(FileOffset(map.range().end));
        let from = map.populated_end();
        if to.0 > from && from >= offset.0 / PAGE * PAGE {
            self.log_map_failure(self.populate(part, &*map, from, to));
        }
    }

    fn log_map_failure<T>(&self, result: Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                let message = format!("a segment is written, not mapped: {error}");
                self.context.note(log::Level::Debug, message);
            })
            .ok()
    }

    /// Has appends stored from now on, and the background_threads look whether there are any. The last append
    /// may have been before: nobody else would.
    pub(in crate::stream) fn attach_map(&self, tail: &mut Tail, mapped: Option<WriteMap>) {
        tail.mapped = mapped;
        if tail.mapped.is_some() && !tail.sync_scheduled {
            tail.sync_scheduled = true;
            self.schedule_sync();
        }
    }

    /// Takes the map away from a stream that nobody appended to since this was called last; whether
    /// it is one.
    pub(in crate::stream) fn unmap_if_idle(&self) -> bool {
        let mut tail = self.tail.lock();
        let idle = tail.idle_check_end == tail.written.offset;
        tail.idle_check_end = tail.written.offset;
        if idle {
            tail.detach_map();
        }
        let detached_maps = tail.detached_maps.take();
        drop(tail);
        drop(detached_maps);
        idle
    }

    /// Ends storing, for whoever ends the stream.
    pub(in crate::stream) fn unmap(&self) {
        let detached_maps = {
            let mut tail = self.tail.lock();
            tail.detach_map();
            tail.detached_maps.take()
        };
        drop(detached_maps);
    }
}

/// How far ahead of the tail to be ready in a segment that holds so many bytes.
fn ahead_of(used: u64) -> u64 {
    used.clamp(MIN_STEP, MAX_AHEAD)
}

/// Whether a sync of the frames from `from` to `end` can go through the map.
pub(in crate::stream) fn covers(
    map: &dyn WriteMapping,
    from: FileOffset,
    end: &SegmentEnd,
) -> bool {
    let range = map.range();
    range.start <= from.0 && from <= end.offset && end.offset.0 <= range.end
}
