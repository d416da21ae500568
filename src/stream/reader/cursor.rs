//! How entries are read one after the other.
//!
//! A cursor walks frames, one segment at a time, and keeps the file it is in open: truncation and
//! deletion do not disturb it before that file's end. It sees what becomes visible while it runs;
//! at the visible end it answers `None` and may be asked again. A run of damaged ids is one error,
//! and so are the ids that a truncation took before the cursor came to them; behind it the cursor
//! goes on. A failing disk and the deletion of the stream end it, and so does a cut of what it has
//! shown; of a cut further on it notices nothing (`cuts`).

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::cache::Block;
use crate::error::Error;
use crate::error::Result;
use crate::format::Codec;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::notification::View;
use crate::segment::EntryPlace;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffers;
use crate::segment::SegmentReader;
use crate::segment::Step;
use crate::segment::cached_one_of_many;
use crate::segment::cached_single_at;
use crate::segment::check_entry;
use crate::segment::damage_error;
use crate::segment::entry_in_block;
use crate::segment::locate;
use crate::segment::step;
use crate::stream::StreamInner;
use crate::stream::reader::found::Found;
use crate::stream::reader::found::unreadable;
use crate::stream::reader::get::MAX_REFRESHES;
use crate::stream::reader::get::is_not_found;
use crate::stream::segment_list::SegmentFor;
use crate::stream::segment_list::StreamSegment;

/// Reads the entries of a stream in order.
pub struct Cursor {
    stream: Arc<StreamInner>,
    /// Where it was asked to start.
    start: EntryId,
    /// What it shows.
    view: View,
    /// The id to read next.
    next: EntryId,
    /// The last cut of the stream that it knows: all it has shown is of the history behind that.
    cuts: u64,
    started: bool,
    /// An entry was shown, or an error in its place.
    has_moved: bool,
    /// How often files that were gone were looked for.
    looked: u32,
    ended: bool,
    segment: Option<OpenSegment>,
    buffers: ReadBuffers,
    /// A run of damaged ids that has not been returned yet.
    damage: Option<(Error, Range<u64>)>,
    /// Where the bytes of the entry read last are.
    current: EntryLocation,
}

/// The segment that the cursor is in.
struct OpenSegment {
    part: Arc<StreamSegment>,
    file: SegmentReader,
    /// Where the frame behind the current one starts, and its first id; an id that no frame has
    /// where that is unknown.
    next_frame: (FileOffset, EntryId),
    frame: Option<LocatedFrame>,
    block: Option<Block>,
}

const UNKNOWN: (FileOffset, EntryId) = (FileOffset(0), EntryId(u64::MAX));

enum EntryLocation {
    InFile(EntryPlace),
    InBlock(Range<usize>),
}

impl Cursor {
    /// A cursor that starts at `start`, or at the first id kept if that is later.
    pub fn new(stream: Arc<StreamInner>, start: u64, view: View) -> Self {
        Cursor {
            cuts: stream.cuts.settled(),
            stream,
            start: EntryId(start),
            view,
            next: EntryId(start),
            started: false,
            has_moved: false,
            looked: 0,
            ended: false,
            segment: None,
            buffers: ReadBuffers::new(),
            damage: None,
            current: EntryLocation::InBlock(0..0),
        }
    }

    /// The stream that it reads.
    pub fn stream(&self) -> &Arc<StreamInner> {
        &self.stream
    }

    /// What it shows.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether an error has ended it.
    pub fn has_ended(&self) -> bool {
        self.ended && self.damage.is_none()
    }

    /// Whether it has an entry, or an error in its place, to show. Nothing is read.
    pub fn is_ready(&self) -> bool {
        let next = match self.started {
            true => self.next,
            false => self.next.max(self.stream.segments().first_kept),
        };
        self.damage.is_some() || next < self.stream.end_in(self.view) || self.is_cut()
    }

    /// Whether ids that it has shown were cut since it looked last.
    fn is_cut(&self) -> bool {
        let cuts = &self.stream.cuts;
        cuts.settled() != self.cuts && self.has_moved && self.next > cuts.lowest_since(self.cuts)
    }

    /// Moves to the next entry and returns its id. `None`: nothing more is visible now.
    #[inline]
    pub fn advance(&mut self) -> Option<Result<u64>> {
        if self.damage.is_none() && self.take_cached() {
            self.next += 1;
            return Some(Ok(self.next.0 - 1));
        }
        let found = self.advance_by_reading();
        self.stream.deliver();
        found
    }

    /// Moves to the next entry if it is in memory and good. False: nothing was done.
    #[inline]
    fn take_cached(&mut self) -> bool {
        let next = self.next;
        let Some(open) = &mut self.segment else {
            return false;
        };
        if next >= self.stream.end_in(self.view) {
            return false;
        }
        let segment = &open.part.segment;
        // Behind a cut stand frames that are the stream's no more.
        if next >= segment.end_id() {
            return false;
        }
        let (source, window) = (&open.file.source, &self.buffers.frames);
        let place = match &open.frame {
            _ if open.next_frame.1 == next => {
                let place = cached_single_at(segment, source, window, open.next_frame);
                if let Some(place) = place {
                    let end = place.offset + place.len as u64;
                    open.next_frame = (end, next + 1);
                }
                place
            }
            Some(frame) if is_plain_batch(frame) && frame.header.ids().contains(&next.0) => {
                cached_one_of_many(segment, source, window, (frame, next))
            }
            _ => None,
        };
        match place {
            Some(place) => {
                self.current = EntryLocation::InFile(place);
                true
            }
            None => false,
        }
    }

    #[cold]
    fn advance_by_reading(&mut self) -> Option<Result<u64>> {
        loop {
            if self.ended {
                return self.take_damage();
            }
            match self.look() {
                Found::Entry => {
                    if self.damage.is_some() {
                        return self.take_damage();
                    }
                    self.next += 1;
                    self.has_moved = true;
                    self.looked = 0;
                    return Some(Ok(self.next.0 - 1));
                }
                Found::Nothing => return self.take_damage(),
                Found::Damaged(error, ids) => {
                    self.next = EntryId(ids.end);
                    match &mut self.damage {
                        Some((_, run)) if run.end == ids.start => run.end = ids.end,
                        None => self.damage = Some((error, ids)),
                        Some(_) => {
                            let damage = self.take_damage();
                            self.damage = Some((error, ids));
                            return damage;
                        }
                    }
                }
                // An error of its own: these ids are not damaged.
                Found::Overtaken(_) if self.damage.is_some() => return self.take_damage(),
                Found::Overtaken(ids) => {
                    let end = EntryId(ids.end);
                    let error = self.stream.lost_error(self.next, end);
                    self.next = end;
                    (self.has_moved, self.looked) = (true, 0);
                    return Some(Err(error));
                }
                Found::End(error) => {
                    self.ended = true;
                    let damage = self.take_damage();
                    return damage.or(Some(Err(error)));
                }
            }
        }
    }

    /// The bytes of the entry that [`Cursor::advance`] moved to.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let Some(segment) = &self.segment else {
            return &[];
        };
        match (&self.current, &segment.block) {
            (EntryLocation::InFile(place), _) => {
                self.buffers
                    .frames
                    .held(&segment.file.source, place.offset, place.len)
            }
            (EntryLocation::InBlock(range), Some(block)) => &block[range.clone()],
            (EntryLocation::InBlock(_), None) => &[],
        }
    }

    /// The entry that it moved to cannot be handed out: the end, and the error that says why.
    pub fn fail(&mut self, error: io::Error) -> Error {
        self.ended = true;
        self.segment = None;
        self.next = EntryId(self.next.0.saturating_sub(1));
        self.stream.io_error(self.next, error)
    }

    fn take_damage(&mut self) -> Option<Result<u64>> {
        let (error, ids) = self.damage.take()?;
        (self.has_moved, self.looked) = (true, 0);
        let context = error.context().ids(ids);
        Some(Err(error.remembering(context)))
    }

    /// Looks at the next id, without moving past it.
    fn look(&mut self) -> Found {
        loop {
            let number = self.stream.cuts.settled();
            if number != self.cuts {
                if let Some(found) = self.pass_cuts(number) {
                    return found;
                }
            }
            let found = self.look_at_next();
            // Otherwise it may be of either history, or damage that is none.
            if self.stream.cuts.number() == self.cuts {
                return found;
            }
        }
    }

    /// The stream was cut. `None`: this cursor has shown nothing of what was.
    fn pass_cuts(&mut self, number: u64) -> Option<Found> {
        let lowest = self.stream.cuts.lowest_since(self.cuts);
        self.cuts = number;
        self.segment = None;
        self.buffers.reset();
        if !self.has_moved {
            (self.next, self.started) = (self.start, false);
            return None;
        }
        if self.next <= lowest {
            return None;
        }
        self.damage = None;
        Some(Found::End(Error::SuffixCut { from_id: lowest.0 }))
    }

    fn look_at_next(&mut self) -> Found {
        if self.next >= self.stream.end_in(self.view) {
            if let Err(error) = self.stream.refresh() {
                return Found::End(error);
            }
            if self.stream.follower.is_some() && self.stream.is_deleted() {
                return Found::End(self.stream.deleted_error());
            }
            if self.next >= self.stream.end_in(self.view) {
                return Found::Nothing;
            }
        }
        let in_segment = self
            .segment
            .as_ref()
            .is_some_and(|s| self.next < s.part.segment.end_id());
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

    /// Opens the segment that holds the next id. `None`: done.
    fn open_segment(&mut self) -> Option<Found> {
        self.segment = None;
        self.buffers.reset();
        loop {
            let segments = self.stream.segments();
            if !self.started {
                self.next = self.next.max(segments.first_kept);
                self.started = true;
                if self.next >= self.stream.end_in(self.view) {
                    return Some(Found::Nothing);
                }
            }
            let next = self.next;
            let part = match segments.holder(next) {
                SegmentFor::Segment(part) => part,
                _ if self.stream.is_deleted() => return Some(self.deleted()),
                SegmentFor::Truncated => {
                    return Some(Found::Overtaken(next.0..segments.first_kept.0));
                }
                SegmentFor::Lost { resumes } => return Some(self.lost_to(resumes)),
            };
            match self.stream.open_reader(&part) {
                Ok(file) => {
                    self.segment = Some(OpenSegment {
                        part,
                        file,
                        next_frame: UNKNOWN,
                        frame: None,
                        block: None,
                    });
                    return None;
                }
                Err(error) if is_not_found(&error) => {
                    if let Some(found) = self.look_for(&part) {
                        return Some(found);
                    }
                }
                Err(error) => return Some(Found::End(error)),
            }
        }
    }

    /// The part's file is gone: what has become of it? `None`: the segments may say so now.
    fn look_for(&mut self, part: &Arc<StreamSegment>) -> Option<Found> {
        self.looked += 1;
        let is_watched = self.stream.follower.is_some();
        if is_watched && self.looked <= MAX_REFRESHES {
            if let Err(error) = self.stream.resurvey() {
                return Some(Found::End(error));
            }
        }
        // The directory is renamed before the segment list is emptied.
        if self.stream.is_deleted() {
            return Some(self.deleted());
        }
        // A truncation changes the segments before it removes a file.
        let holder = self.stream.segments().holder(self.next);
        let is_listed = matches!(holder, SegmentFor::Segment(now) if Arc::ptr_eq(&now, part));
        if is_listed && !(is_watched && self.looked <= MAX_REFRESHES) {
            return Some(self.lost_to(part.segment.end_id()));
        }
        // Where nothing was shown yet, the first id kept is where it begins.
        self.started = self.has_moved || self.damage.is_some();
        None
    }

    fn deleted(&self) -> Found {
        Found::End(self.stream.deleted_error())
    }

    /// The ids from the next one to `end`, as far as they are visible, are lost.
    fn lost_to(&self, end: EntryId) -> Found {
        let end = end.min(self.stream.end_in(self.view)).max(self.next + 1);
        Found::Damaged(self.stream.lost_error(self.next, end), self.next.0..end.0)
    }

    /// Finds the frame that holds the next id. `None`: done.
    fn find_frame(&mut self) -> Option<Found> {
        let open = self.segment.as_mut()?;
        let segment = &open.part.segment;
        if open
            .frame
            .is_some_and(|frame| frame.header.ids().contains(&self.next.0))
        {
            return None;
        }
        let limit = segment.limit();
        let read_ahead = self.stream.context.options.read_buffer_size;
        let window = &mut self.buffers.frames;
        let found = loop {
            let place = open.next_frame;
            if place.1 != self.next {
                break locate(segment, &open.file, window, self.next, read_ahead, limit);
            }
            let found = step(segment, &open.file, window, place, read_ahead, limit);
            match found {
                // Properties alone.
                Ok(Step::Frame(frame)) if frame.header.ids().is_empty() => {
                    open.next_frame = (frame.end(), self.next);
                }
                Ok(Step::Frame(frame)) => break Ok(Ok(frame)),
                // A frame without entries is damaged: no id is concerned.
                Ok(Step::Damaged {
                    damage,
                    resume: Some(resume),
                }) if damage.ids.is_empty() => open.next_frame = resume,
                Ok(Step::Damaged { damage, .. }) => break Ok(Err(damage)),
                Err(error) => break Err(error),
            }
        };
        open.block = None;
        match found {
            Ok(Ok(frame)) => {
                open.next_frame = (frame.end(), frame.header.end_id());
                open.frame = Some(frame);
                None
            }
            Ok(Err(damage)) => {
                open.frame = None;
                open.next_frame = UNKNOWN;
                let visible = self.stream.end_in(self.view).0;
                let ids = self.next.0..damage.ids.end.min(visible).max(self.next.0 + 1);
                let error = damage_error(segment, &damage);
                Some(Found::Damaged(error, ids))
            }
            Err(error) => {
                let context = segment.context().ids(self.next.0..self.next.0 + 1);
                Some(Found::End(Error::io(error, context)))
            }
        }
    }

    fn check_entry(&mut self) -> Found {
        let Some(open) = self.segment.as_mut() else {
            return Found::Nothing;
        };
        let Some(frame) = open.frame else {
            return Found::Nothing;
        };
        let segment = &open.part.segment;
        let id = self.next;
        if frame.header.codec == Codec::None {
            let read_ahead = self.stream.context.options.read_buffer_size;
            if frame.header.len() <= read_ahead as u64 {
                // Whole, so that the entries behind this one are in memory. A failure comes back
                // where the entry is read.
                let len = frame.header.len() as usize;
                let (window, source) = (&mut self.buffers.frames, &open.file.source);
                let _ = window.bytes(source, frame.offset, len, read_ahead, segment.limit().0);
            }
            let checked = check_entry(
                segment,
                &open.file.source,
                &mut self.buffers,
                (&frame, id),
                read_ahead,
            );
            return match checked {
                Ok(place) => {
                    self.current = EntryLocation::InFile(place);
                    Found::Entry
                }
                Err(error) => unreadable(error, id.0..id.0 + 1),
            };
        }
        if open.block.is_none() {
            match self
                .stream
                .block(&mut self.buffers, &open.part, &open.file.source, &frame)
            {
                Ok(block) => open.block = Some(block),
                Err(error) => {
                    // The rest of the frame may be cut.
                    let end = frame.header.end_id().min(segment.end_id());
                    return unreadable(error, id.0..end.max(id + 1).0);
                }
            }
        }
        let block = open.block.as_ref().map_or(&[][..], |block| block);
        match entry_in_block(segment, &frame, block, id) {
            Ok(range) => {
                self.current = EntryLocation::InBlock(range);
                Found::Entry
            }
            Err(error) => unreadable(error, id.0..id.0 + 1),
        }
    }
}

fn is_plain_batch(frame: &LocatedFrame) -> bool {
    frame.header.row_count() > 0 && frame.header.codec == Codec::None
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor")
            .field("stream", &self.stream.key)
            .field("next", &self.next)
            .finish()
    }
}
