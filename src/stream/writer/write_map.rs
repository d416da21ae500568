//! When the active segment is mapped, so that appends copy into pages instead of calling the kernel.
//!
//! Under [`WriteStrategy::Mmap`] from the first frame on; under `Auto` in mode `Async`, where no
//! store can raise a signal, once a segment holds more than a few entries. Frames are copied to pages
//! that were populated: they have blocks, and the helper, or an appender ahead of it, has prefaulted
//! them. A frame that does not fit there is written; both ways lead to the same bytes, and the kernel
//! keeps them coherent (mmap(2), `MAP_SHARED`).
//!
//! A map belongs to the opening of the file it was made from: a sync of that opening covers what was
//! copied. When that file is closed the map is not used any more, and its bytes are unproven like any
//! other's.
//!
//! Failure: where mapping or populating fails, appends are written. A failed sync ends the map with
//! the stream. Close, rotation, and an interval of background syncing without an append detach the
//! map; it is dropped without a lock, since that takes long.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::options::StreamSettings;
use crate::options::SyncMode;
use crate::options::WriteStrategy;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::segment::SegmentEnd;
use crate::storage::WriteMapping;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::preallocate::APPENDER_POPULATE_BYTES;
use crate::stream::writer::preallocate::FIRST_MAP_STEP;
use crate::stream::writer::preallocate::MAX_MAP_AHEAD;
use crate::stream::writer::preallocate::PAGE;
use crate::stream::writer::tail::SyncRequest;
use crate::stream::writer::tail::Tail;

/// Larger frames are written, under `Mmap` and under `Auto`. From about 2 KiB on `write(2)` costs
/// the appender little more than the copy, and saves the zeros and the page faults.
const MAX_MAPPED_FRAME: u64 = 64 << 10;
const MAX_MAPPED_FRAME_AUTO: u64 = 2 << 10;

/// How much of a segment is mapped at once: all of it, by default, whatever lies before its frames
/// or reaches beyond its end. While one map takes the place of another, appends have none.
const MAP_LEN: u64 = if cfg!(target_pointer_width = "64") {
    66 << 20
} else {
    8 << 20
};

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

    /// Copies bytes into the map. False: they lie outside of the populated pages.
    #[inline]
    pub fn store(&self, at: FileOffset, bytes: &[u8]) -> bool {
        self.map.store(at.0, bytes)
    }

    /// What an appender populates for a frame from `at` to `end`, and a little more: the map, and
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

    /// Up to where its pages are populated.
    #[inline]
    pub fn populated_end(&self) -> u64 {
        self.map.populated_end()
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

impl StreamSettings {
    /// Whether active segments are to be mapped, as far as the options say.
    #[inline]
    pub(super) fn maps_by_choice(&self) -> bool {
        match self.write_strategy {
            WriteStrategy::StandardIo => false,
            WriteStrategy::Mmap => true,
            WriteStrategy::Auto => self.sync_mode == SyncMode::Async,
        }
    }

    /// Whether a frame of this length is stored rather than written, where that can be.
    #[inline]
    pub(in crate::stream) fn fits_map(&self, frame_len: u64) -> bool {
        let most = match self.write_strategy {
            WriteStrategy::Mmap => MAX_MAPPED_FRAME,
            WriteStrategy::Auto => MAX_MAPPED_FRAME_AUTO,
            WriteStrategy::StandardIo => 0,
        };
        frame_len <= most
    }
}

impl LogContext {
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
    /// Whether active segments may be mapped: what the options say, and what only the disk knows.
    fn may_map(&self) -> bool {
        let forced = self.settings.write_strategy == WriteStrategy::Mmap;
        self.settings.maps_by_choice() && (forced || self.context.map_stores_cannot_fault())
    }

    /// Makes more of the active segment ready. For a helper.
    pub(in crate::stream) fn extend_write_map(&self) -> Result<()> {
        let detached_maps = self.tail.lock().detached_maps.take();
        drop(detached_maps);
        if !self.may_map() {
            self.tail.lock().mark_map_failed();
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
                    self.tail.lock().mark_map_failed();
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
        let populated_end = found.map.as_ref().map_or(0, |map| map.populated_end());
        let limits = self.space_limits();
        let Some(step) = limits.map_step(found.offset, found.used, populated_end) else {
            return Ok(false);
        };
        let (here, from, wanted) = (step.tail_page, step.from, step.to);
        if let Some(map) = &found.map {
            map.release_before(here.saturating_sub(MAX_MAP_AHEAD));
        }
        let mut allocated_end = found.allocated_end;
        if wanted > allocated_end {
            allocated_end = self.zero_to(&found, wanted)?;
        }
        let to = wanted.min(allocated_end);
        if to.0 <= from {
            self.tail.lock().mark_map_failed();
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
                    self.tail.lock().mark_map_failed();
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
            used: tail.used_since_release(),
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
        let start = from.saturating_sub(MAX_MAP_AHEAD) / PAGE * PAGE;
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
        let forced = self.settings.write_strategy == WriteStrategy::Mmap;
        let follows = self.settings.maps_by_choice() && self.tail.lock().mapped.is_some();
        if !forced && !follows {
            return None;
        }
        let to = allocated_end.min(FileOffset(HEADER_AREA_LEN + FIRST_MAP_STEP));
        let mapped = self.map_segment(part, HEADER_AREA_LEN, to);
        self.log_map_failure(mapped).flatten()
    }

    /// Populates what an appender has just allocated, if the segment is mapped.
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
            .min(offset + FIRST_MAP_STEP)
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

    /// Attaches the map and schedules an idle check: without it, a stream mapped after its last
    /// append would keep the map for ever.
    pub(in crate::stream) fn attach_map(&self, tail: &mut Tail, mapped: Option<WriteMap>) {
        tail.mapped = mapped;
        if tail.mapped.is_some() && tail.sync_request == SyncRequest::None {
            tail.sync_request = SyncRequest::Later;
            self.schedule_sync();
        }
    }

    /// Detaches the map of a stream without an append since the last call; returns whether
    /// it is one.
    pub(in crate::stream) fn unmap_if_idle(&self) -> bool {
        let mut tail = self.tail.lock();
        let idle = tail.idle.written_end == tail.written.offset;
        tail.idle.written_end = tail.written.offset;
        if idle {
            tail.detach_map();
        }
        let detached_maps = tail.detached_maps.take();
        drop(tail);
        drop(detached_maps);
        idle
    }

    /// Drops the map, for the thread that ends the stream.
    pub(in crate::stream) fn unmap(&self) {
        let detached_maps = {
            let mut tail = self.tail.lock();
            tail.detach_map();
            tail.detached_maps.take()
        };
        drop(detached_maps);
    }
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
