//! How one entry is found and checked.
//!
//! Nothing here takes a lock that an append or a sync holds for long: the segment list is copied, the
//! segment's published end is read, and everything below that end never changes. Most look-ups take
//! no shared lock at all: they find the file, and the frame in it, in the thread's cache slot (`slots`).

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::Codec;
use crate::ids::EntryId;
use crate::platform::prefetch;
use crate::primitives::thread_local;
use crate::segment::Damage;
use crate::segment::FrameLocation;
use crate::segment::LocatedFrame;
use crate::segment::OffsetCache;
use crate::segment::ReadBuffer;
use crate::segment::ReadBuffers;
use crate::segment::STRIDE_BYTES;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentReader;
use crate::segment::check_entry;
use crate::segment::damage_error;
use crate::segment::header_at;
use crate::segment::locate;
use crate::segment::locate_passing;
use crate::segment::pass_rest_of_stride;
use crate::segment::single_in;
use crate::stream::EntryView;
use crate::stream::reader::side::ReaderSide;
use crate::stream::reader::slots::CachedSegment;
use crate::stream::reader::slots::SlotGuard;
use crate::stream::reader::slots::SlotState;
use crate::stream::reader::unpacked::Unpacked;
use crate::stream::segment_list::SegmentFor;
use crate::stream::segment_list::StreamSegment;

/// How much a look-up reads at once: enough for some dozens of small frames.
const LOOKUP_READ_AHEAD: usize = 8 << 10;

/// How often a reader of a read-only log refreshes because a file is gone.
pub(in crate::stream) const MAX_REFRESHES: u32 = 16;

/// How many cache lines of a frame are asked for at once; behind them the processor sees where it
/// goes.
const LINES_FETCHED: usize = 8;

thread_local! {
    /// One set of buffers a thread, so that a look-up allocates nothing but its answer.
    static BUFFERS: Cell<ReadBuffers> = const { Cell::new(ReadBuffers::new()) };
}

impl ReaderSide {
    /// The entry, in memory of its own. `None`: truncated, or not visible (yet).
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let id = EntryId(id);
        self.read(id, |_, _, bytes| self.copied(id, bytes))
    }

    /// The entry's length; the entry is copied if it fits.
    #[inline]
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.read(EntryId(id), |_, _, bytes| {
            Ok(copy_if_it_fits(bytes, target))
        })
    }

    /// The entry where it lies: in the mapped file or the cached block; otherwise a copy.
    #[inline]
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        let id = EntryId(id);
        self.read(id, |source, unpacked, bytes| {
            let block = unpacked.map(|unpacked| &unpacked.block);
            let in_block = block.and_then(|block| Some((block, place_within(block, bytes)?)));
            if let Some((block, range)) = in_block {
                return Ok(EntryView::in_block(Arc::clone(block), range));
            }
            if let Some(view) = view_into(source, bytes) {
                return Ok(view);
            }
            self.copied(id, bytes).map(EntryView::owned)
        })
    }

    /// The last visible entry and its id. Ids behind it that were lost to damage are passed over.
    pub fn last(&self) -> Result<Option<(u64, Vec<u8>)>> {
        self.refresh()?;
        while let Some(id) = self.last_id() {
            if let Some(entry) = self.get(id.0)? {
                return Ok(Some((id.0, entry)));
            }
            // It was truncated since.
        }
        Ok(None)
    }

    fn last_id(&self) -> Option<EntryId> {
        let (end, segments) = (self.visible_end(), self.segments());
        let parts = (0..segments.parts.len()).rev();
        parts
            .filter_map(|place| segments.parts.get(place))
            .find_map(|part| {
                let end = part.segment.end_id().min(end);
                let is_kept = end > part.segment.first_id() && end > segments.first_kept;
                is_kept.then(|| EntryId(end.0 - 1))
            })
    }

    /// Reads an entry. What looks like a loss, damage or a missing id while the stream is cut is looked at
    /// again: a file may have been replaced, or an id given again.
    #[inline(always)]
    pub(in crate::stream) fn read<R>(
        &self,
        id: EntryId,
        then: impl FnOnce(&SegmentBytes, Option<&Unpacked>, &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        let mut then = Some(then);
        loop {
            let cuts = self.cuts.settled();
            let read = self.read_once(id, |source, unpacked, bytes| match then.take() {
                Some(then) => then(source, unpacked, bytes).map(Some),
                None => Ok(None),
            });
            if !matches!(read, Ok(Some(_))) && then.is_some() && self.cuts.number() != cuts {
                continue;
            }
            return read.map(Option::flatten);
        }
    }

    /// Reads an entry in one attempt: if this thread has its position in its cache slot, and it is mapped
    /// and good, without a lock that other threads want and without a system call. Otherwise
    /// `read_with_slot` continues with what the attempt found.
    #[inline(always)]
    fn read_once<R>(
        &self,
        id: EntryId,
        then: impl FnOnce(&SegmentBytes, Option<&Unpacked>, &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        // The visible end is read before the segments: what is visible is in them then.
        if id >= self.visible_end() && !self.becomes_visible(id)? {
            return Ok(None);
        }
        let version = self.segments.version();
        let Some(slot) = self.context.reader_slots.enter() else {
            return self.read_without_slot(id, then);
        };
        let place = slot.find(self.stream_id, id);
        let place = place.filter(|&place| slot.held[place].version == version);
        if let Some(place) = place {
            let held = &slot.held[place];
            if let Some(entry) = cached_mapped(held, id) {
                held.part.read_slot.touch();
                return then(&held.file.source, None, entry).map(Some);
            }
        }
        self.read_with_slot(slot, (version, place), id, then)
    }

    /// Whether an id at or behind the visible end is visible after a look at what another process
    /// wrote.
    #[inline(never)]
    fn becomes_visible(&self, id: EntryId) -> Result<bool> {
        self.refresh()?;
        if self.follower.is_some() && self.is_deleted() {
            return Err(self.deleted_error());
        }
        Ok(id < self.visible_end())
    }

    /// Reads an entry while another thread is in this thread's slot.
    #[inline(never)]
    fn read_without_slot<R>(
        &self,
        id: EntryId,
        then: impl FnOnce(&SegmentBytes, Option<&Unpacked>, &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        let Some(found) = self.find_part(id)? else {
            return Ok(None);
        };
        // Taken out for the call and put back, where the thread still has them: a host may call
        // while the thread's locals are being torn down, from a destructor of its own.
        let kept = BUFFERS.try_with(|kept| kept.replace(ReadBuffers::new()));
        let mut buffers = kept.unwrap_or_else(|_| ReadBuffers::new());
        buffers.reset();
        let (segment, window) = (&found.part.segment, &mut buffers.frames);
        let limit = segment.limit();
        let located = locate(segment, &found.file, window, id, LOOKUP_READ_AHEAD, limit);
        let read = frame_or_error(segment, id, located).and_then(|frame| {
            self.read_entry(&mut buffers, &found.part, &found.file, (frame, id), then)
        });
        let _ = BUFFERS.try_with(|kept| kept.set(buffers));
        read.map(Some)
    }

    /// Reads an entry with what this thread has cached of earlier look-ups, and caches more. `version`
    /// was read before `place` was found, which is a place of that version. The entry there is not
    /// mapped, or not good.
    #[inline(never)]
    fn read_with_slot<R>(
        &self,
        mut slot: SlotGuard<'_>,
        (version, place): (u64, Option<usize>),
        id: EntryId,
        then: impl FnOnce(&SegmentBytes, Option<&Unpacked>, &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        let known = place.filter(|&place| id < slot.held[place].part.segment.end_id());
        let was_known = known.is_some();
        let place = match known {
            Some(place) => place,
            None => match self.find_part(id)? {
                Some(found) => slot.put(self.stream_id, found.ids.clone(), found.held(version)),
                None => return Ok(None),
            },
        };
        let kept: &mut SlotState = &mut slot;
        let (buffers, held) = (&mut kept.buffers, &mut kept.held[place]);
        held.part.read_slot.touch();
        buffers.reset();
        let place_of_frame = held.places.of(id);
        if let Some(known) = place_of_frame {
            let mapped = held.file.source.mapped().len() as u64;
            if known.offset.0 >= mapped {
                self.extend_read_map(held);
            }
            // What was mapped at the attempt has failed its check.
            if !was_known || known.offset.0 + known.len as u64 > mapped {
                if let Some(entry) = cached_single(held, &mut buffers.frames, known, id) {
                    return then(&held.file.source, None, entry).map(Some);
                }
            }
        }
        let known =
            place_of_frame.and_then(|known| cached_frame(held, &mut buffers.frames, known, id));
        let frame = match known {
            Some(frame) => frame,
            None => {
                let frame = self.walk_and_remember(held, &mut buffers.frames, id);
                slot.enforce_memory_limit();
                frame?
            }
        };
        let kept: &mut SlotState = &mut slot;
        let (buffers, held) = (&mut kept.buffers, &kept.held[place]);
        self.read_entry(buffers, &held.part, &held.file, (frame, id), then)
            .map(Some)
    }

    /// Finds a frame by walking, and notes those it comes by.
    fn walk_and_remember(
        &self,
        held: &mut CachedSegment,
        window: &mut ReadBuffer,
        id: EntryId,
    ) -> Result<LocatedFrame> {
        self.extend_read_map(held);
        let (segment, file, places) = (&held.part.segment, &held.file, &mut held.places);
        let limit = segment.limit();
        let read_ahead = STRIDE_BYTES as usize;
        let located = locate_passing(segment, file, window, id, read_ahead, limit, |frame| {
            places.note(frame, id);
        });
        let frame = frame_or_error(segment, id, located)?;
        pass_rest_of_stride(segment, file, window, frame, limit, |frame| {
            places.note(frame, id);
        });
        Ok(frame)
    }

    /// The part that holds an id below the visible end, open for reading.
    fn find_part(&self, id: EntryId) -> Result<Option<FoundPart>> {
        let mut looked = 0;
        loop {
            let segments = self.segments();
            let part = match segments.holder(id) {
                SegmentFor::Truncated => return Ok(None),
                SegmentFor::Lost { .. } if self.is_deleted() => {
                    return Err(self.deleted_error());
                }
                SegmentFor::Lost { resumes } => {
                    return Err(self.lost_error(id, resumes.min(self.visible_end())));
                }
                SegmentFor::Segment(part) => part,
            };
            let close_count = part.read_slot.close_count();
            match self.open_reader(&part) {
                Ok(file) => {
                    return Ok(Some(FoundPart {
                        ids: segments.ids_of_holder(id),
                        part,
                        file,
                        close_count,
                    }));
                }
                // The writer truncated, deleted or recovered since the last look.
                Err(error)
                    if self.follower.is_some()
                        && is_not_found(&error)
                        && looked < MAX_REFRESHES =>
                {
                    looked += 1;
                    self.resurvey()?;
                }
                // A truncation may have overtaken us.
                Err(error) if is_not_found(&error) && self.was_replaced(&part, id) => {}
                // The directory is renamed before the segment list is emptied.
                Err(error) if is_not_found(&error) && self.is_deleted() => {
                    return Err(self.deleted_error());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn was_replaced(&self, part: &Arc<StreamSegment>, id: EntryId) -> bool {
        match self.segments().holder(id) {
            SegmentFor::Segment(now) => !Arc::ptr_eq(&now, part),
            _ => true,
        }
    }

    fn read_entry<R>(
        &self,
        buffers: &mut ReadBuffers,
        part: &Arc<StreamSegment>,
        file: &SegmentReader,
        (frame, id): (LocatedFrame, EntryId),
        then: impl FnOnce(&SegmentBytes, Option<&Unpacked>, &[u8]) -> Result<R>,
    ) -> Result<R> {
        let segment = &part.segment;
        let source = &file.source;
        if frame.header.codec == Codec::None {
            let place = check_entry(segment, source, buffers, (&frame, id), 0)?;
            let entry = buffers.frames.held(source, place.offset, place.len);
            return then(source, None, entry);
        }
        let unpacked = Unpacked {
            block: self.block(buffers, part, source, &frame)?,
            part: Arc::clone(part),
            frame,
        };
        let entry = unpacked.entry(id)?;
        then(source, Some(&unpacked), entry)
    }
}

/// A part that holds an id, open for reading.
struct FoundPart {
    part: Arc<StreamSegment>,
    file: SegmentReader,
    /// How often the file had been closed before it was opened.
    close_count: u64,
    /// The ids to look for in this part.
    ids: Range<u64>,
}

impl FoundPart {
    fn held(self, version: u64) -> CachedSegment {
        CachedSegment {
            version,
            places: OffsetCache::new(self.part.segment.first_id()),
            part: self.part,
            file: CachedSegment::own(self.file),
            close_count: self.close_count,
            mapped_at_durable_end: 0,
        }
    }
}

/// A view of bytes that lie in what is mapped.
#[inline]
fn view_into(source: &SegmentBytes, bytes: &[u8]) -> Option<EntryView> {
    let map = source.map()?;
    let range = place_within(map.bytes(), bytes)?;
    Some(EntryView::mapped(map.clone(), range))
}

#[inline]
fn copy_if_it_fits(bytes: &[u8], target: &mut [u8]) -> usize {
    if let Some(target) = target.get_mut(..bytes.len()) {
        target.copy_from_slice(bytes);
    }
    bytes.len()
}

/// The entry `id` in a frame of its own that a walk has come by, if it is mapped and good.
#[inline(always)]
fn cached_mapped(held: &CachedSegment, id: EntryId) -> Option<&[u8]> {
    let segment = &held.part.segment;
    let (end, end_id) = segment.limit();
    let known = held.places.of(id).filter(|known| known.len > 0)?;
    let start = usize::try_from(known.offset.0).ok()?;
    let frame = start..start + known.len;
    if id >= end_id || frame.end as u64 > end.0 {
        return None;
    }
    let bytes = held.file.source.mapped().get(frame)?;
    // Otherwise the entry is not asked for before the header has come from memory.
    prefetch(bytes, LINES_FETCHED);
    single_in(segment, bytes, (known.offset, id))
}

/// The same, wherever it is.
#[inline]
fn cached_single<'a>(
    held: &'a CachedSegment,
    window: &'a mut ReadBuffer,
    known: FrameLocation,
    id: EntryId,
) -> Option<&'a [u8]> {
    if known.len == 0 {
        return None;
    }
    let (segment, source) = (&held.part.segment, &held.file.source);
    let limit = segment.limit().0;
    let bytes = window.bytes(source, known.offset, known.len, known.len, limit);
    let bytes = bytes.ok()??;
    // Otherwise the entry is not asked for before the header has come from memory.
    prefetch(bytes, LINES_FETCHED);
    single_in(segment, bytes, (known.offset, id))
}

/// The frame that holds `id`, where a walk has come by it and it is still good. Whatever else there
/// is to say about it, a walk finds out.
fn cached_frame(
    held: &CachedSegment,
    window: &mut ReadBuffer,
    known: FrameLocation,
    id: EntryId,
) -> Option<LocatedFrame> {
    let (segment, source) = (&held.part.segment, &held.file.source);
    let (offset, limit) = (known.offset, segment.limit().0);
    let header = header_at(segment, source, window, offset, LOOKUP_READ_AHEAD, limit);
    let header = header.ok()?.ok()?;
    let holds = header.ids().contains(&id.0);
    holds.then_some(LocatedFrame { offset, header })
}

fn frame_or_error(
    segment: &Segment,
    id: EntryId,
    located: io::Result<std::result::Result<LocatedFrame, Damage>>,
) -> Result<LocatedFrame> {
    located
        .map_err(|error| Error::io(error, segment.context().ids(id.0..id.0 + 1)))?
        .map_err(|damage| damage_error(segment, &damage))
}

pub(in crate::stream) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Where in `whole` the bytes of `part` lie; `None`: elsewhere.
fn place_within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    (range.end <= whole.len()).then_some(range)
}
