//! How is one entry found and checked?
//!
//! Nothing here takes a lock that an append or a sync holds for long: the catalogue is copied, the
//! segment's published end is read, and everything below that end never changes. Most look-ups take
//! no shared lock at all: they find the file, and the place in it, in a room (`rooms`).

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::Codec;
use crate::ids::EntryId;
use crate::segment::Buffers;
use crate::segment::Damage;
use crate::segment::FrameAt;
use crate::segment::Place;
use crate::segment::Places;
use crate::segment::Readable;
use crate::segment::STRIDE_BYTES;
use crate::segment::Segment;
use crate::segment::Source;
use crate::segment::Window;
use crate::segment::check_entry;
use crate::segment::damage_error;
use crate::segment::header_at;
use crate::segment::locate;
use crate::segment::locate_passing;
use crate::segment::pass_rest_of_stride;
use crate::segment::single_in;
use crate::storage::prefetch;
use crate::stream::EntryView;
use crate::stream::StreamCore;
use crate::stream::catalogue::Holder;
use crate::stream::catalogue::Part;
use crate::stream::rooms::Held;
use crate::stream::rooms::InRoom;
use crate::stream::rooms::Kept;
use crate::stream::tail::Life;
use crate::stream::unpacked::Unpacked;
use crate::sync::thread_local;

/// How much a look-up reads at once: enough for some dozens of small frames.
const LOOKUP_READ_AHEAD: usize = 8 << 10;

/// How often a reader of a log that somebody else writes looks for a file that is gone.
pub(super) const MOST_LOOKS: u32 = 16;

/// How many cache lines of a frame are asked for at once; behind them the processor sees where it
/// goes.
const LINES_FETCHED: usize = 8;

thread_local! {
    /// One set of buffers a thread, so that a look-up allocates nothing but its answer.
    static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers::new()) };
}

impl StreamCore {
    /// The entry, in memory of its own. `None`: truncated, or not visible (yet).
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let id = EntryId(id);
        match self.at_hand(id, |_, bytes| self.copied(id, bytes)) {
            Some(entry) => entry.map(Some),
            None => {
                let entry = self.find_and_read(id, |_, _, bytes| self.copied(id, bytes))?;
                entry.transpose()
            }
        }
    }

    /// The entry's length; the entry is copied if it fits.
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        match self.get_into_at_hand(id, target) {
            Some(len) => Ok(Some(len)),
            None => self.find_and_read(EntryId(id), |_, _, bytes| copy_if_it_fits(bytes, target)),
        }
    }

    /// As [`StreamCore::get_into`], where it takes no call of the system. `None`: nothing was done.
    #[inline]
    pub fn get_into_at_hand(&self, id: u64, target: &mut [u8]) -> Option<usize> {
        self.at_hand(EntryId(id), |_, bytes| copy_if_it_fits(bytes, target))
    }

    /// The entry where it lies: in the mapped file or the cached block; otherwise a copy.
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        let id = EntryId(id);
        let view = self.find_and_read(id, |source, unpacked, bytes| {
            let block = unpacked.map(|unpacked| &unpacked.block);
            let in_block = block.and_then(|block| Some((block, place_within(block, bytes)?)));
            if let Some((block, range)) = in_block {
                return Ok(EntryView::in_block(Arc::clone(block), range));
            }
            if let Some(view) = view_into(source, bytes) {
                return Ok(view);
            }
            self.copied(id, bytes).map(EntryView::owned)
        })?;
        view.transpose()
    }

    /// As [`StreamCore::view`], where it takes no call of the system. `None`: nothing was done.
    #[inline]
    pub fn view_at_hand(&self, id: u64) -> Option<EntryView> {
        self.at_hand(EntryId(id), view_into)?
    }

    /// Reads an entry if this thread has its place in its room, and it is mapped and good: without
    /// a lock that others want or a call of the system.
    #[inline(always)]
    pub(super) fn at_hand<R>(
        &self,
        id: EntryId,
        then: impl FnOnce(&Source, &[u8]) -> R,
    ) -> Option<R> {
        if id >= self.visible_end() {
            return None;
        }
        let version = self.catalogue.version();
        let room = self.environment.rooms.enter()?;
        let held = &room.held[room.find(self.number, id)?];
        if held.version != version {
            return None;
        }
        let entry = known_and_mapped(held, id)?;
        held.part.read_slot.touch();
        Some(then(&held.file.source, entry))
    }

    /// Reads an entry wherever it is.
    #[inline(never)]
    pub(super) fn find_and_read<R>(
        &self,
        id: EntryId,
        then: impl FnOnce(&Source, Option<&Unpacked>, &[u8]) -> R,
    ) -> Result<Option<R>> {
        // The visible end is read before the catalogue: what is visible is in it then.
        if id >= self.visible_end() {
            self.look_again()?;
            if self.watched.is_some() && self.is_deleted() {
                return Err(self.gone());
            }
            if id >= self.visible_end() {
                return Ok(None);
            }
        }
        if let Some(mut room) = self.environment.rooms.enter() {
            return self.read_in_room(&mut room, id, then);
        }
        let Some(found) = self.find_part(id)? else {
            return Ok(None);
        };
        // Taken out for the call and put back, where the thread still has them: a host may call
        // while the thread's locals are being torn down, from a destructor of its own.
        let kept = BUFFERS.try_with(|kept| kept.replace(Buffers::new()));
        let mut buffers = kept.unwrap_or_else(|_| Buffers::new());
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

    /// Looks an entry up with what this thread has kept of earlier look-ups, and keeps more.
    fn read_in_room<R>(
        &self,
        room: &mut InRoom<'_>,
        id: EntryId,
        then: impl FnOnce(&Source, Option<&Unpacked>, &[u8]) -> R,
    ) -> Result<Option<R>> {
        let version = self.catalogue.version();
        let known = room.find(self.number, id).filter(|&place| {
            let held = &room.held[place];
            held.version == version && id < held.part.segment.end_id()
        });
        let place = match known {
            Some(place) => place,
            None => match self.find_part(id)? {
                Some(found) => room.put(self.number, found.ids.clone(), found.held(version)),
                None => return Ok(None),
            },
        };
        let kept: &mut Kept = room;
        let (buffers, held) = (&mut kept.buffers, &mut kept.held[place]);
        held.part.read_slot.touch();
        buffers.reset();
        let place_of_frame = held.places.of(id);
        if let Some(known) = place_of_frame {
            if known.offset.0 >= held.file.source.mapped().len() as u64 {
                self.map_more(held);
            }
            if let Some(entry) = known_single(held, &mut buffers.frames, known, id) {
                return Ok(Some(then(&held.file.source, None, entry)));
            }
        }
        let known =
            place_of_frame.and_then(|known| known_frame(held, &mut buffers.frames, known, id));
        let frame = match known {
            Some(frame) => frame,
            None => {
                let frame = self.learn(held, &mut buffers.frames, id);
                room.bound_places();
                frame?
            }
        };
        let kept: &mut Kept = room;
        let (buffers, held) = (&mut kept.buffers, &kept.held[place]);
        self.read_entry(buffers, &held.part, &held.file, (frame, id), then)
            .map(Some)
    }

    /// Finds a frame by walking, and notes those it comes by.
    fn learn(&self, held: &mut Held, window: &mut Window, id: EntryId) -> Result<FrameAt> {
        self.map_more(held);
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
            let catalogue = self.catalogue();
            let part = match catalogue.holder(id) {
                Holder::Truncated => return Ok(None),
                Holder::Lost { .. } if self.life() == Life::Deleted => return Err(self.gone()),
                Holder::Lost { resumes } => {
                    return Err(self.lost(id, resumes.min(self.visible_end())));
                }
                Holder::Part(part) => part,
            };
            let closings = part.read_slot.closings();
            match self.readable(&part) {
                Ok(file) => {
                    return Ok(Some(FoundPart {
                        ids: catalogue.ids_of_holder(id),
                        part,
                        file,
                        closings,
                    }));
                }
                // The writer truncated, deleted or recovered since the last look.
                Err(error)
                    if self.watched.is_some() && is_not_found(&error) && looked < MOST_LOOKS =>
                {
                    looked += 1;
                    self.look_at_all()?;
                }
                // A truncation may have overtaken us.
                Err(error) if is_not_found(&error) && self.was_replaced(&part, id) => {}
                // The directory is renamed before the catalogue is emptied.
                Err(error) if is_not_found(&error) && self.life() == Life::Deleted => {
                    return Err(self.gone());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn was_replaced(&self, part: &Arc<Part>, id: EntryId) -> bool {
        match self.catalogue().holder(id) {
            Holder::Part(now) => !Arc::ptr_eq(&now, part),
            _ => true,
        }
    }

    /// The error for whatever is asked of a deleted stream.
    pub(super) fn gone(&self) -> Error {
        Error::StreamNotFound(self.key.to_string())
    }

    /// The error for an id that was lost with its segment.
    pub(super) fn lost(&self, id: EntryId, resumes: EntryId) -> Error {
        let context = crate::error::ErrorContext::at(&self.dir).stream(&self.key);
        Error::SegmentNotFound(id.0).remembering(context.ids(id.0..resumes.0))
    }

    fn read_entry<R>(
        &self,
        buffers: &mut Buffers,
        part: &Arc<Part>,
        file: &Readable,
        (frame, id): (FrameAt, EntryId),
        then: impl FnOnce(&Source, Option<&Unpacked>, &[u8]) -> R,
    ) -> Result<R> {
        let segment = &part.segment;
        let source = &file.source;
        if frame.header.codec == Codec::None {
            let place = check_entry(segment, source, buffers, (&frame, id), 0)?;
            let entry = buffers.frames.held(source, place.offset, place.len);
            return Ok(then(source, None, entry));
        }
        let unpacked = Unpacked {
            block: self.block(buffers, part, source, &frame)?,
            part: Arc::clone(part),
            frame,
        };
        let entry = unpacked.entry(id)?;
        Ok(then(source, Some(&unpacked), entry))
    }
}

/// A part that holds an id, open for reading.
struct FoundPart {
    part: Arc<Part>,
    file: Readable,
    /// How often the file had been closed before it was opened.
    closings: u64,
    /// The ids to look for in this part.
    ids: Range<u64>,
}

impl FoundPart {
    fn held(self, version: u64) -> Held {
        Held {
            version,
            places: Places::new(self.part.segment.first_id()),
            part: self.part,
            file: Held::own(self.file),
            closings: self.closings,
            mapped_when: 0,
        }
    }
}

/// A view of bytes that lie in what is mapped.
#[inline]
fn view_into(source: &Source, bytes: &[u8]) -> Option<EntryView> {
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

/// The same as [`known_single`] of what is mapped.
#[inline(always)]
fn known_and_mapped(held: &Held, id: EntryId) -> Option<&[u8]> {
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

/// The entry `id` in a frame of its own that a walk has come by, if it is good.
#[inline]
fn known_single<'a>(
    held: &'a Held,
    window: &'a mut Window,
    known: Place,
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
fn known_frame(held: &Held, window: &mut Window, known: Place, id: EntryId) -> Option<FrameAt> {
    let (segment, source) = (&held.part.segment, &held.file.source);
    let (offset, limit) = (known.offset, segment.limit().0);
    let header = header_at(segment, source, window, offset, LOOKUP_READ_AHEAD, limit);
    let header = header.ok()?.ok()?;
    let holds = header.ids().contains(&id.0);
    holds.then_some(FrameAt { offset, header })
}

fn frame_or_error(
    segment: &Segment,
    id: EntryId,
    located: io::Result<std::result::Result<FrameAt, Damage>>,
) -> Result<FrameAt> {
    located
        .map_err(|error| Error::io(error, segment.context().ids(id.0..id.0 + 1)))?
        .map_err(|damage| damage_error(segment, &damage))
}

pub(super) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Where in `whole` the bytes of `part` lie; `None`: elsewhere.
fn place_within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    (range.end <= whole.len()).then_some(range)
}
