//! How entries are read one after the other, backwards.
//!
//! A cursor walks the back links of frames, one segment at a time, from its first id down to the first
//! kept one, and keeps the file it is in open: a truncation does not disturb it before that file's start.
//! In front of damage, and at the end of a segment, the index finds the next frame down. Memory holds one
//! buffer, and of a compressed frame its entries.
//!
//! A run of damaged or lost ids is one error; below it the cursor goes on. A failing disk and the deletion
//! of the stream end it, and so does a cut of what it has shown, as of a cursor that moves forward
//! (`cursor`).

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::cache::Block;
use crate::error::Error;
use crate::error::Result;
use crate::format::Codec;
use crate::format::FRAME_HEADER_LEN;
use crate::format::HEADER_AREA_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::EntryPlace;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffers;
use crate::segment::SegmentReader;
use crate::segment::check_entry;
use crate::segment::damage_error;
use crate::segment::entry_in_block;
use crate::segment::header_at;
use crate::segment::locate;
use crate::stream::StreamInner;
use crate::stream::reader::found::Found;
use crate::stream::reader::found::unreadable;
use crate::stream::reader::get::MAX_REFRESHES;
use crate::stream::reader::get::is_not_found;
use crate::stream::segment_list::SegmentFor;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// Reads the entries of a stream backwards.
pub struct ReverseCursor {
    stream: Arc<StreamInner>,
    /// One past the id where it was asked to start.
    start: EntryId,
    /// One past the id to read next.
    end: EntryId,
    /// One past the greatest id that it has shown.
    shown_end: Option<EntryId>,
    /// The last cut of the stream that it knows.
    cuts: u64,
    started: bool,
    ended: bool,
    /// How often a file that was gone was looked for.
    looked: u32,
    segment: Option<OpenedSegment>,
    buffers: ReadBuffers,
    /// A run of damaged ids that has not been returned yet.
    damage: Option<(Error, Range<u64>)>,
    current: EntryLocation,
}

/// The segment that the cursor is in.
struct OpenedSegment {
    part: Arc<StreamSegment>,
    file: SegmentReader,
    /// The first id of it to show.
    first_id: EntryId,
    frame: Option<LocatedFrame>,
    block: Option<Block>,
}

enum EntryLocation {
    InFile(EntryPlace),
    InBlock(Range<usize>),
}

impl ReverseCursor {
    /// A cursor that starts in front of `end`, or with the last visible entry if that is before.
    pub fn new(stream: Arc<StreamInner>, end: u64) -> Self {
        ReverseCursor {
            cuts: stream.cuts.settled(),
            stream,
            start: EntryId(end),
            end: EntryId(end),
            shown_end: None,
            started: false,
            ended: false,
            looked: 0,
            segment: None,
            buffers: ReadBuffers::new(),
            damage: None,
            current: EntryLocation::InBlock(0..0),
        }
    }

    /// Moves to the entry before and returns its id. `None`: there is none.
    pub fn retreat(&mut self) -> Option<Result<u64>> {
        let found = self.retreat_by_reading();
        self.stream.deliver();
        found
    }

    /// The bytes of the entry that [`ReverseCursor::retreat`] moved to.
    pub fn bytes(&self) -> &[u8] {
        let Some(open) = &self.segment else {
            return &[];
        };
        match (&self.current, &open.block) {
            (EntryLocation::InFile(place), _) => {
                let frames = &self.buffers.frames;
                frames.held(&open.file.source, place.offset, place.len)
            }
            (EntryLocation::InBlock(range), Some(block)) => &block[range.clone()],
            (EntryLocation::InBlock(_), None) => &[],
        }
    }

    /// The entry that it moved to cannot be handed out: the end, and the error that says why.
    pub fn fail(&mut self, error: io::Error) -> Error {
        self.ended = true;
        self.segment = None;
        self.stream.io_error(self.end, error)
    }

    fn retreat_by_reading(&mut self) -> Option<Result<u64>> {
        loop {
            if self.ended {
                return self.take_damage();
            }
            match self.look() {
                Found::Entry if self.damage.is_some() => return self.take_damage(),
                Found::Entry => {
                    self.note_shown();
                    self.end = EntryId(self.end.0 - 1);
                    return Some(Ok(self.end.0));
                }
                Found::Nothing | Found::Overtaken(_) => {
                    self.ended = true;
                    self.segment = None;
                }
                Found::Damaged(error, ids) => {
                    let before = self.take_damage_apart_from(&ids);
                    self.note_shown();
                    self.end = EntryId(ids.start);
                    match &mut self.damage {
                        Some((_, run)) => run.start = ids.start,
                        None => self.damage = Some((error, ids)),
                    }
                    if before.is_some() {
                        return before;
                    }
                }
                Found::End(error) => {
                    self.ended = true;
                    self.segment = None;
                    let before = self.take_damage();
                    return before.or(Some(Err(error)));
                }
            }
        }
    }

    fn note_shown(&mut self) {
        self.shown_end.get_or_insert(self.end);
        self.looked = 0;
    }

    fn take_damage(&mut self) -> Option<Result<u64>> {
        let (error, ids) = self.damage.take()?;
        let context = error.context().ids(ids);
        Some(Err(error.remembering(context)))
    }

    /// The run so far, if these ids do not continue it downwards.
    fn take_damage_apart_from(&mut self, ids: &Range<u64>) -> Option<Result<u64>> {
        let continues = self
            .damage
            .as_ref()
            .is_none_or(|(_, run)| run.start == ids.end);
        if continues { None } else { self.take_damage() }
    }

    /// Looks at the entry before, without moving to it.
    fn look(&mut self) -> Found {
        loop {
            let number = self.stream.cuts.settled();
            if number != self.cuts {
                let lowest = self.stream.cuts.lowest_since(self.cuts);
                self.cuts = number;
                self.segment = None;
                self.buffers.reset();
                match self.shown_end {
                    Some(shown_end) if shown_end > lowest => {
                        self.damage = None;
                        return Found::End(Error::SuffixCut { from_id: lowest.0 });
                    }
                    Some(_) => {}
                    None => (self.end, self.started) = (self.start, false),
                }
            }
            let found = self.look_before();
            // Otherwise it may be of either history, or damage that is none.
            if self.stream.cuts.number() == self.cuts {
                return found;
            }
        }
    }

    fn look_before(&mut self) -> Found {
        if !self.started {
            self.started = true;
            self.end = self.end.min(self.stream.visible_end());
        }
        let in_segment = self
            .segment
            .as_ref()
            .is_some_and(|open| self.end > open.first_id);
        if !in_segment {
            if let Some(found) = self.open_segment() {
                return found;
            }
        }
        if let Some(found) = self.find_frame() {
            return found;
        }
        self.check_entry()
    }

    /// Opens the segment that holds the id before. `None`: done.
    fn open_segment(&mut self) -> Option<Found> {
        self.segment = None;
        self.buffers.reset();
        loop {
            let segments = self.stream.segments();
            let Some(id) = self.end.0.checked_sub(1).map(EntryId) else {
                return Some(Found::Nothing);
            };
            let part = match segments.holder(id) {
                SegmentFor::Segment(part) => part,
                _ if self.stream.is_deleted() => {
                    return Some(Found::End(self.stream.deleted_error()));
                }
                SegmentFor::Truncated => return Some(Found::Nothing),
                SegmentFor::Lost { .. } => return Some(self.lost_down_to(&segments)),
            };
            let first_id = part.segment.first_id().max(segments.first_kept);
            match self.stream.open_reader(&part) {
                Ok(file) => {
                    self.segment = Some(OpenedSegment {
                        part,
                        file,
                        first_id,
                        frame: None,
                        block: None,
                    });
                    return None;
                }
                Err(error) if is_not_found(&error) => {
                    self.looked += 1;
                    let is_watched = self.stream.follower.is_some();
                    if is_watched && self.looked <= MAX_REFRESHES {
                        if let Err(error) = self.stream.resurvey() {
                            return Some(Found::End(error));
                        }
                        continue;
                    }
                    // A truncation changes the segments before it removes a file.
                    let now = self.stream.segments().holder(id);
                    if matches!(now, SegmentFor::Segment(now) if Arc::ptr_eq(&now, &part)) {
                        return Some(match self.stream.is_deleted() {
                            true => Found::End(self.stream.deleted_error()),
                            false => self.lost_from(first_id),
                        });
                    }
                }
                Err(error) => return Some(Found::End(error)),
            }
        }
    }

    /// The ids below are lost, down to the end of the segment in front of the hole.
    fn lost_down_to(&self, segments: &SegmentList) -> Found {
        let behind = segments
            .parts
            .partition_point(|part| part.segment.first_id() < self.end);
        let before = behind.checked_sub(1).and_then(|at| segments.parts.get(at));
        let start = before.map_or(EntryId(0), |part| part.segment.end_id());
        self.lost_from(start.max(segments.first_kept))
    }

    fn lost_from(&self, start: EntryId) -> Found {
        let start = start.min(EntryId(self.end.0 - 1));
        Found::Damaged(self.stream.lost_error(start, self.end), start.0..self.end.0)
    }

    /// Finds the frame that holds the id before. `None`: done.
    fn find_frame(&mut self) -> Option<Found> {
        let id = EntryId(self.end.0.checked_sub(1)?);
        let open = self.segment.as_mut()?;
        let known = open.frame;
        if known.is_some_and(|frame| frame.header.ids().contains(&id.0)) {
            return None;
        }
        open.block = None;
        let most = self.stream.context.options.read_buffer_size as u64;
        let linked = known.filter(|frame| frame.header.first_id == self.end);
        let found = match linked.map(|frame| step_back(open, &mut self.buffers, frame, most)) {
            Some(Ok(Some(frame))) => Ok(Ok(frame)),
            Some(Err(error)) => Err(error),
            // The index finds it, or says what is damaged.
            Some(Ok(None)) | None => {
                let (segment, window) = (&open.part.segment, &mut self.buffers.frames);
                let read_ahead = usize::try_from(most).unwrap_or(usize::MAX);
                locate(segment, &open.file, window, id, read_ahead, segment.limit())
            }
        };
        match found {
            Ok(Ok(frame)) => {
                open.frame = Some(frame);
                None
            }
            Ok(Err(damage)) => {
                open.frame = None;
                let start = damage.ids.start.max(open.first_id.0).min(id.0);
                let error = damage_error(&open.part.segment, &damage);
                Some(Found::Damaged(error, start..self.end.0))
            }
            Err(error) => {
                let context = open.part.segment.context().ids(id.0..self.end.0);
                Some(Found::End(Error::io(error, context)))
            }
        }
    }

    fn check_entry(&mut self) -> Found {
        let Some(open) = self.segment.as_mut() else {
            return Found::Nothing;
        };
        let (Some(frame), Some(id)) = (open.frame, self.end.0.checked_sub(1).map(EntryId)) else {
            return Found::Nothing;
        };
        let (segment, source) = (&open.part.segment, &open.file.source);
        if frame.header.codec == Codec::None {
            let checked = check_entry(segment, source, &mut self.buffers, (&frame, id), 0);
            return match checked {
                Ok(place) => {
                    self.current = EntryLocation::InFile(place);
                    Found::Entry
                }
                Err(error) => unreadable(error, id.0..self.end.0),
            };
        }
        if open.block.is_none() {
            match self
                .stream
                .block(&mut self.buffers, &open.part, source, &frame)
            {
                Ok(block) => open.block = Some(block),
                Err(error) => {
                    let start = frame.header.first_id.max(open.first_id).min(id);
                    return unreadable(error, start.0..self.end.0);
                }
            }
        }
        let block = open.block.as_ref().map_or(&[][..], |block| block);
        match entry_in_block(segment, &frame, block, id) {
            Ok(range) => {
                self.current = EntryLocation::InBlock(range);
                Found::Entry
            }
            Err(error) => unreadable(error, id.0..self.end.0),
        }
    }
}

/// The frame with entries in front of this one, by its back link. `None`: the link leads to no such frame.
fn step_back(
    open: &OpenedSegment,
    buffers: &mut ReadBuffers,
    from: LocatedFrame,
    most: u64,
) -> io::Result<Option<LocatedFrame>> {
    let (segment, source) = (&open.part.segment, &open.file.source);
    let mut behind = from;
    loop {
        let back = u64::from(behind.header.previous_len);
        let offset = behind.offset.0.checked_sub(back).map(FileOffset);
        let Some(offset) = offset.filter(|offset| back > 0 && offset.0 >= HEADER_AREA_LEN) else {
            return Ok(None);
        };
        let window = &mut buffers.frames;
        if window.held(source, offset, FRAME_HEADER_LEN).is_empty() && source.file().is_some() {
            // What lies in front of it is wanted next, as far as one buffer takes it.
            let end = behind.offset.0.min(offset.0 + most);
            let start = end.saturating_sub(most).clamp(HEADER_AREA_LEN, offset.0);
            let len = usize::try_from(end - start).unwrap_or(usize::MAX);
            window.bytes(source, FileOffset(start), len, 0, behind.offset)?;
        }
        let header = header_at(
            segment,
            source,
            window,
            offset,
            FRAME_HEADER_LEN,
            behind.offset,
        )?;
        let frame = match header {
            Ok(header) => LocatedFrame { offset, header },
            Err(_) => return Ok(None),
        };
        let is_before =
            frame.end() == behind.offset && frame.header.end_id() == behind.header.first_id;
        match (is_before, frame.header.ids().is_empty()) {
            (true, false) => return Ok(Some(frame)),
            // Properties alone.
            (true, true) => behind = frame,
            (false, _) => return Ok(None),
        }
    }
}

impl std::fmt::Debug for ReverseCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReverseCursor")
            .field("stream", &self.stream.key)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
