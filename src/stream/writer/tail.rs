//! The tail: where the next frame goes, and what else appends change under the tail lock.

mod staged_frames;

pub use staged_frames::StagedWrite;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::commit::Signal;
use crate::error::Error;
use crate::format::FrameHeader;
use crate::format::HEADER_AREA_LEN;
use crate::format::PreparedFrame;
use crate::format::SlotProperties;
use crate::format::Unprepared;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::options::StreamSettings;
use crate::primitives::now;
use crate::recovery::NextAppend;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;
use crate::segment::footer_reserve;
use crate::stats::Histogram;
use crate::storage::WriteMapping;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::preallocate::SpaceFacts;
use crate::stream::writer::staging::StagingSlot;
use crate::stream::writer::tail::staged_frames::advanced;
use crate::stream::writer::watchers::Watchers;
use crate::stream::writer::write_map::WriteMap;

/// What the writer of a stream does at this moment, perhaps without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterPhase {
    /// Nothing.
    Idle,
    /// One thread writes frames, without the lock. Others may stage more.
    Writing,
    /// A new segment is made: frames are not staged before it is there.
    Rotating,
}

/// What becomes of the next segment's file in the active segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextFile {
    /// It was not prepared yet.
    Untried,
    /// A helper prepares it: closing waits.
    InProgress,
    /// A helper still prepares it, and a rotation came first: it is to be tried again.
    Overtaken,
    /// It is prepared, or could not be.
    Tried,
}

impl NextFile {
    /// A helper is at work on it.
    pub fn is_in_progress(self) -> bool {
        matches!(self, NextFile::InProgress | NextFile::Overtaken)
    }

    /// No further try is due in this segment.
    #[inline]
    pub fn was_tried(self) -> bool {
        matches!(self, NextFile::InProgress | NextFile::Tried)
    }

    /// It is to be tried again.
    pub fn try_again(&mut self) {
        *self = match self.is_in_progress() {
            true => NextFile::Overtaken,
            false => NextFile::Untried,
        };
    }

    /// The helper has finished.
    pub fn finish(&mut self) {
        *self = match *self {
            NextFile::InProgress => NextFile::Tried,
            NextFile::Overtaken => NextFile::Untried,
            other => other,
        };
    }
}

/// Which background sync was requested since the last round began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncRequest {
    /// None.
    None,
    /// One after the interval of background syncs.
    Later,
    /// One as soon as a helper is free.
    Now,
}

/// What is known about space ahead of the tail.
pub struct AheadState {
    /// A helper was asked for space, and has not come yet.
    pub is_scheduled: bool,
    /// The next segment's file.
    pub next_file: NextFile,
    /// Where making space failed; it is tried again once `allocated_end` has moved.
    pub failed: FailureMarks,
}

/// The `allocated_end` at which making space ahead failed, by kind.
#[derive(Default)]
pub struct FailureMarks {
    /// No blocks could be allocated, or no zeros be written.
    pub blocks: Option<FileOffset>,
    /// The segment could not be mapped, or no more of it be populated.
    pub map: Option<FileOffset>,
}

/// What the check for idle streams remembers.
pub struct IdleCheck {
    /// The written end at the last check.
    pub written_end: FileOffset,
    /// The written end when space was last released.
    pub released_at: FileOffset,
    /// A helper was asked to check the stream later.
    pub is_scheduled: bool,
}

/// Frames that have ids and are in no file yet.
struct Staging {
    /// The frames, and which of them the sparse index gets.
    frames: StagingSlot,
    /// Where they go.
    offset: FileOffset,
    /// Buffers to use again; kept only while frames are staged.
    spare: StagingSlot,
}

/// The order of staged frames, by which an appender learns what became of its own.
#[derive(Default)]
struct Tickets {
    next: u64,
    /// Frames below this ticket are in the kernel, or were rolled back.
    completed_end: u64,
    // Rarely present: boxed, so that an idle stream pays one pointer.
    #[allow(clippy::box_collection)]
    rolled_back: Option<Box<Vec<RolledBack>>>,
}

/// Frames that were rolled back, and how many of their appenders do not know yet.
struct RolledBack {
    tickets: Range<u64>,
    unreported: u64,
    error: Arc<Error>,
}

/// By how much places run ahead of ids, wrapping: a frame without entries has a place and no id, and
/// a cut gives ids again at new places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shift(u64);

impl Shift {
    /// The place behind an id range with this end.
    #[inline]
    fn place(self, end_id: EntryId) -> Place {
        Place(end_id.0.wrapping_add(self.0))
    }

    /// Counts a frame.
    #[inline]
    fn count(&mut self, header: &FrameHeader) {
        self.0 = self.0.wrapping_add(u64::from(header.ids().is_empty()));
    }
}

/// The appending side of a stream. Its fields belong to `writer/`.
///
/// Invariants: `written` ≤ `reserved`; the bytes between them are staged, or with the one thread that
/// writes (`WriterPhase::Writing`); `reserved` plus the space of a footer lies within `allocated_end`.
// Rarely present: boxed, so that an idle stream pays one pointer for each.
#[allow(clippy::box_collection)]
pub struct Tail {
    /// Whether appends are taken.
    pub(super) life: StreamState,
    /// The active segment; `None` before the first append and after a loss.
    pub(super) active: Option<Arc<StreamSegment>>,
    /// What the next segment's header records when there is no active one; otherwise it continues.
    pub(super) next: Option<Box<NextAppend>>,
    /// Rotated segments whose footers are missing, oldest first.
    pub(super) unsealed: Option<Box<VecDeque<UnsealedSegment>>>,
    /// The end of the frames that have ids.
    pub(super) reserved: SegmentEnd,
    /// The end of the frames that are in the kernel.
    pub(super) written: SegmentEnd,
    /// What leads from ids to places, at the reserved end and at the written one.
    reserved_shift: Shift,
    written_shift: Shift,
    /// The properties of the stream at both ends.
    reserved_properties: PropertyPoint,
    written_properties: PropertyPoint,
    /// The end of the last frame whose appender does not wait until it is durable; under `Strict`,
    /// where a background sync is due for no other.
    unwaited_end: Place,
    /// Up to here the file has blocks.
    pub(super) allocated_end: FileOffset,
    /// From `written` up to here a failed write may have left bytes; nothing is reserved before
    /// they are erased.
    pub(super) dirty_to: Option<FileOffset>,
    /// What the writer does now.
    pub(super) phase: WriterPhase,
    /// Appends wait for a cut or a reset.
    pub(super) is_being_cut: bool,
    staging: Staging,
    tickets: Tickets,
    /// Space ahead of the tail.
    pub(super) ahead: AheadState,
    /// The check for idle streams.
    pub(super) idle: IdleCheck,
    /// What was written since the stream was opened.
    totals: WrittenTotals,
    /// How many bytes of it were written when the last round began.
    round_began_at_bytes: u64,
    /// How long appends took, where they are measured.
    append_times: Option<Box<Histogram>>,
    /// The background sync that was requested since then.
    pub(super) sync_request: SyncRequest,
    /// The last frame was small enough for a mapped append.
    pub(super) last_frame_fits_map: bool,
    /// The write map of the active segment.
    pub(super) mapped: Option<WriteMap>,
    /// Callers that learn of every write.
    watchers: Option<Box<Watchers>>,
    /// Maps that are not used any more; dropped by the next thread that takes them, without the lock.
    pub(super) detached_maps: Option<Box<Vec<WriteMap>>>,
}

/// What the writer of a stream has done since the stream was opened.
// Only grows. Counted under the tail lock, which every append holds anyway.
#[derive(Clone, Copy, Debug, Default)]
pub struct WrittenTotals {
    /// Appends that are in the kernel.
    pub appends: u64,
    /// Their entries.
    pub entries: u64,
    /// Bytes of frames, those included that carry properties into a new segment.
    pub bytes: u64,
    /// Segments that followed a full one.
    pub rotations: u64,
    /// Cuts and resets.
    pub cuts: u64,
}

/// A segment without a footer.
#[derive(Clone)]
pub struct UnsealedSegment {
    /// The segment.
    pub part: Arc<StreamSegment>,
    /// Where its frames end.
    pub end: SegmentEnd,
    /// The place of that end.
    pub place: Place,
    /// What a slot says of the properties there.
    pub properties: SlotProperties,
}

/// Whether a frame can be reserved now.
pub enum Admission {
    /// Yes.
    Fits,
    /// Not before a new segment is made.
    Rotate,
    /// Not before what a failed write left is erased.
    NeedsErasing,
    /// Not before more blocks are allocated.
    Allocate,
    /// Never: the stream has too few ids left.
    IdsExhausted,
}

impl Tail {
    /// The tail of a stream whose next entry goes where `next` says.
    pub fn new(
        active: Option<Arc<StreamSegment>>,
        end: SegmentEnd,
        next: NextAppend,
        properties: PropertyPoint,
    ) -> Self {
        Tail {
            life: StreamState::Open,
            active,
            next: (next != NextAppend::Continue).then(|| Box::new(next)),
            unsealed: None,
            reserved: end,
            written: end,
            reserved_shift: Shift(0),
            written_shift: Shift(0),
            reserved_properties: properties.clone(),
            written_properties: properties,
            unwaited_end: Place(0),
            allocated_end: end.offset,
            dirty_to: None,
            phase: WriterPhase::Idle,
            is_being_cut: false,
            staging: Staging {
                frames: None,
                offset: end.offset,
                spare: None,
            },
            tickets: Tickets::default(),
            ahead: AheadState {
                is_scheduled: false,
                next_file: NextFile::Untried,
                failed: FailureMarks::default(),
            },
            idle: IdleCheck {
                written_end: end.offset,
                released_at: FileOffset(HEADER_AREA_LEN),
                is_scheduled: false,
            },
            totals: WrittenTotals::default(),
            round_began_at_bytes: 0,
            append_times: None,
            sync_request: SyncRequest::None,
            last_frame_fits_map: false,
            mapped: None,
            watchers: None,
            detached_maps: None,
        }
    }

    /// Adds full segments that recovery found without a footer, oldest first. Places are counted
    /// from `first` on, which no end that group commit hears of lies below.
    pub fn with_unsealed(
        mut self,
        first: EntryId,
        unsealed: Vec<(Arc<StreamSegment>, SegmentEnd, SlotProperties)>,
    ) -> Self {
        self.written_shift = Shift(first.0.wrapping_neg());
        self.reserved_shift = self.written_shift;
        if !unsealed.is_empty() {
            let shift = self.written_shift;
            let unsealed = unsealed.into_iter();
            let unsealed = unsealed.map(|(part, end, properties)| UnsealedSegment {
                part,
                end,
                place: shift.place(end.next_id),
                properties,
            });
            self.unsealed = Some(Box::new(unsealed.collect()));
        }
        self
    }

    /// Adds a watcher: the number by which it is removed.
    pub fn add_watcher(&mut self, wants_sync: bool, on_write: Option<Signal>) -> u64 {
        let watchers = self.watchers.get_or_insert_default();
        watchers.add(wants_sync, on_write)
    }

    /// Removes a watcher; returns its signal, to be dropped without the lock.
    pub fn remove_watcher(&mut self, id: u64) -> Option<Signal> {
        self.watchers.as_mut()?.remove(id)
    }

    /// Whether appenders signal their writes.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watchers.is_some()
    }

    /// The watchers; without any left, appenders signal no more.
    pub fn watchers(&mut self) -> Option<&Watchers> {
        self.watchers.take_if(|watchers| watchers.is_empty());
        self.watchers.as_deref()
    }

    /// What the writer does now.
    pub fn phase(&self) -> WriterPhase {
        self.phase
    }

    /// Whether appends are taken.
    pub fn life(&self) -> StreamState {
        self.life
    }

    /// Sets whether appends are taken.
    pub fn set_life(&mut self, life: StreamState) {
        self.life = life;
    }

    /// The active segment.
    pub fn active(&self) -> Option<&Arc<StreamSegment>> {
        self.active.as_ref()
    }

    /// The end of the frames that are in the kernel.
    #[inline]
    pub fn written(&self) -> SegmentEnd {
        self.written
    }

    /// The place behind all that is in the kernel.
    #[inline]
    pub fn written_place(&self) -> Place {
        self.written_place_of(self.written.next_id)
    }

    /// The place behind the written entries below `end_id`, or a later one: frames without entries
    /// that follow them count too. So it is never too small.
    #[inline]
    pub fn written_place_of(&self, end_id: EntryId) -> Place {
        self.written_shift.place(end_id)
    }

    /// The place behind all frames that have ids.
    #[inline]
    pub fn reserved_place(&self) -> Place {
        self.reserved_shift.place(self.reserved.next_id)
    }

    /// A cut or a reset gives ids from `next_id` on next: places go on where they are. To be called
    /// in its exclusive turn, with nothing staged, right before the tail moves there
    /// ([`Tail::continue_in`]).
    pub fn renumber(&mut self, next_id: EntryId) {
        debug_assert!(self.staged_len() == 0 && self.reserved == self.written);
        let place = self.written_place();
        self.written_shift = Shift(place.0.wrapping_sub(next_id.0));
        self.reserved_shift = self.written_shift;
    }

    /// The appender of the frame that was reserved last does not wait until it is durable.
    pub fn note_unwaited(&mut self) {
        self.unwaited_end = self.reserved_place();
    }

    /// The end of the last such frame.
    #[inline]
    pub fn unwaited_end(&self) -> Place {
        self.unwaited_end
    }

    /// Up to where the active file has blocks.
    pub fn allocated_end(&self) -> FileOffset {
        self.allocated_end
    }

    /// How many bytes the active segment got since space ahead was last released: space is made in
    /// proportion to it.
    pub fn used_since_release(&self) -> u64 {
        self.written
            .offset
            .0
            .saturating_sub(self.idle.released_at.0)
    }

    /// Whether nothing is staged or under way.
    pub fn is_at_rest(&self) -> bool {
        self.phase == WriterPhase::Idle && self.staged_len() == 0 && self.reserved == self.written
    }

    /// Makes appends wait until [`Tail::end_rotation`].
    pub fn begin_rotation(&mut self) {
        self.phase = WriterPhase::Rotating;
    }

    /// Appends go on.
    pub fn end_rotation(&mut self) {
        self.phase = WriterPhase::Idle;
        self.is_being_cut = false;
    }

    /// The segment whose slots speak for the stream: the newest one with a durable entry.
    pub fn newest_segment(&self) -> Option<&Arc<StreamSegment>> {
        match (&self.active, self.last_unsealed()) {
            (Some(active), None) => Some(active),
            (_, Some(full)) => Some(&full.part),
            (None, None) => None,
        }
    }

    /// The oldest segments without a footer, the active one last: at most `count`, and where each
    /// ends now.
    pub fn oldest_unsealed(&self, count: usize) -> Vec<UnsealedSegment> {
        let unsealed = self.unsealed.as_deref();
        let full = unsealed.map_or(0, VecDeque::len);
        let mut oldest = Vec::with_capacity(count.min(full + 1));
        oldest.extend(unsealed.into_iter().flatten().take(count).cloned());
        if full < count {
            oldest.extend(self.active_end());
        }
        oldest
    }

    /// The active segment, and where its frames in the kernel end.
    pub fn active_end(&self) -> Option<UnsealedSegment> {
        let active = self.active.as_ref()?;
        Some(UnsealedSegment {
            part: Arc::clone(active),
            end: self.written,
            place: self.written_place(),
            properties: self.written_properties.slot(),
        })
    }

    /// The oldest segment without a footer has one now.
    pub fn remove_sealed(&mut self) {
        if let Some(unsealed) = &mut self.unsealed {
            unsealed.pop_front();
        }
    }

    /// The write map, for a sync by ranges of this segment's file in this opening.
    pub fn map_for_ranges(
        &self,
        part: &Arc<StreamSegment>,
        opening: u64,
    ) -> Option<Arc<dyn WriteMapping>> {
        let active = self.active.as_ref();
        active.filter(|active| Arc::ptr_eq(active, part))?;
        self.mapped.as_ref()?.for_ranges(opening)
    }

    /// A round begins: what is written now is its work, and no request is pending.
    pub fn begin_round(&mut self) {
        self.round_began_at_bytes = self.totals.bytes;
        self.sync_request = SyncRequest::None;
    }

    /// Bytes written since the last round began.
    #[inline]
    pub fn unsynced_bytes(&self) -> u64 {
        self.totals.bytes - self.round_began_at_bytes
    }

    /// What was written since the stream was opened.
    pub fn totals(&self) -> WrittenTotals {
        self.totals
    }

    /// An append that began then has ended.
    pub fn count_time(&mut self, began: Instant) {
        let took = now().saturating_duration_since(began);
        self.append_times.get_or_insert_default().record(took);
    }

    /// How long appends took, where they are measured.
    pub fn append_times(&self) -> Histogram {
        let times = self.append_times.as_deref();
        times.cloned().unwrap_or_default()
    }

    /// A segment follows a full one.
    pub fn count_rotation(&mut self) {
        self.totals.rotations += 1;
    }

    /// A cut or a reset has brought this many entries in frames of this many bytes, which are durable.
    pub fn count_cut(&mut self, entries: u64, bytes: u64) {
        self.totals.cuts += 1;
        self.totals.appends += u64::from(entries > 0);
        self.totals.entries += entries;
        self.totals.bytes += bytes;
        self.round_began_at_bytes = self.totals.bytes;
    }

    /// Continues in a new segment, whose file has blocks up to `allocated_end`.
    pub fn continue_in(&mut self, part: &Arc<StreamSegment>, allocated_end: FileOffset) {
        let end = SegmentEnd::empty(part.segment.first_id());
        let properties = self.written_properties.in_new_segment();
        self.continue_behind(part, end, properties, allocated_end);
    }

    /// The same where the new segment has frames up to `end`, which are durable.
    pub fn continue_behind(
        &mut self,
        part: &Arc<StreamSegment>,
        end: SegmentEnd,
        properties: PropertyPoint,
        allocated_end: FileOffset,
    ) {
        self.reserved = end;
        self.written = end;
        self.reserved_properties = properties.clone();
        self.written_properties = properties;
        self.staging.offset = end.offset;
        self.allocated_end = allocated_end;
        self.idle.released_at = FileOffset(HEADER_AREA_LEN);
        self.detach_map();
        self.next = None;
        self.active = Some(Arc::clone(part));
        self.ahead.next_file.try_again();
    }

    /// The same in place of all that had no footer: the segments before it were cut.
    pub fn continue_at_cut(
        &mut self,
        part: &Arc<StreamSegment>,
        end: SegmentEnd,
        properties: PropertyPoint,
        allocated_end: FileOffset,
    ) {
        self.unsealed = None;
        self.dirty_to = None;
        self.ahead.failed = FailureMarks::default();
        self.continue_behind(part, end, properties, allocated_end);
    }

    /// What the preallocator needs to know.
    #[inline]
    pub fn space_facts(&self) -> SpaceFacts {
        SpaceFacts {
            written: self.written.offset,
            allocated_end: self.allocated_end,
            used: self.used_since_release(),
            populated_end: self.mapped.as_ref().map(WriteMap::populated_end),
            last_frame_fits_map: self.last_frame_fits_map,
            has_detached_maps: self.detached_maps.is_some(),
            next_file_tried: self.ahead.next_file.was_tried(),
            blocks_failed: self.ahead.failed.blocks == Some(self.allocated_end),
            map_failed: self.ahead.failed.map == Some(self.allocated_end),
        }
    }

    /// The segment cannot be mapped, or populated further, before more of it is allocated.
    pub fn mark_map_failed(&mut self) {
        self.ahead.failed.map = Some(self.allocated_end);
    }

    /// No space can be made behind this end.
    pub fn mark_blocks_failed(&mut self) {
        self.ahead.failed.blocks = Some(self.allocated_end);
    }

    /// Whether a frame fits. Depends on logical bytes and entries only, never on timing.
    // Without it, one more branch in the mapped append makes the compiler call this: 45 instructions.
    #[inline(always)]
    pub fn check_space(&self, frame: &PreparedFrame<'_>, settings: &StreamSettings) -> Admission {
        let count = u64::from(frame.entry_count());
        if self.reserved.next_id.0.checked_add(count).is_none() {
            return Admission::IdsExhausted;
        }
        let Some(active) = &self.active else {
            return Admission::Rotate;
        };
        if self.dirty_to.is_some() {
            return Admission::NeedsErasing;
        }
        let used = self.reserved.offset.0 - HEADER_AREA_LEN;
        // A segment without entries is never followed by another, whose name would be the same.
        let entries = self.reserved.next_id - active.segment.first_id();
        let overflows = used.saturating_add(frame.frame_len()) > settings.max_segment_size
            || entries.saturating_add(count) > settings.max_entries_per_segment;
        if entries > 0 && overflows {
            return Admission::Rotate;
        }
        if self.required_end(self.len_with_carried(frame)) > self.allocated_end {
            return Admission::Allocate;
        }
        Admission::Fits
    }

    /// The length of a frame, with that of the frame which has to stand before it in the segment.
    #[inline]
    pub fn len_with_carried(&self, frame: &PreparedFrame<'_>) -> u64 {
        match self.reserved.last_frame {
            Some(_) => frame.frame_len(),
            None => self.first_len(frame),
        }
    }

    /// The same at the start of a segment.
    pub fn first_len(&self, frame: &PreparedFrame<'_>) -> u64 {
        let carried = match frame.properties() {
            Some(_) => 0,
            None => self.reserved_properties.carried_len(),
        };
        frame.frame_len() + carried
    }

    /// The frame that has to stand before this one: the first frame of a segment holds the
    /// properties, if there are any.
    pub fn carried_before(
        &self,
        frame: &PreparedFrame<'_>,
    ) -> Option<Result<PreparedFrame<'static>, Unprepared>> {
        if self.reserved.last_frame.is_some() || frame.properties().is_some() {
            return None;
        }
        let map = self.reserved_properties.to_carry()?;
        Some(PreparedFrame::with_properties(&[], map.clone(), None))
    }

    /// The properties behind all frames that have ids.
    #[inline]
    pub fn reserved_properties(&self) -> &PropertyPoint {
        &self.reserved_properties
    }

    /// The properties are lost from here on.
    #[cfg(feature = "inspection")]
    pub fn lose_properties(&mut self) {
        self.reserved_properties = PropertyPoint::lost();
        self.written_properties = PropertyPoint::lost();
    }

    /// The properties behind all frames that are in the kernel.
    pub fn written_properties(&self) -> &PropertyPoint {
        &self.written_properties
    }

    /// How far blocks must be allocated for a frame of this length and the footer behind it.
    #[inline]
    pub fn required_end(&self, frame_len: u64) -> FileOffset {
        let end = self.reserved.offset + frame_len;
        end + footer_reserve(end)
    }

    /// Whether a rotated segment has no footer yet.
    pub fn has_unsealed(&self) -> bool {
        self.last_unsealed().is_some()
    }

    /// The newest of those.
    pub fn last_unsealed(&self) -> Option<&UnsealedSegment> {
        self.unsealed.as_ref()?.back()
    }

    /// How many bytes are staged.
    #[inline]
    pub fn staged_len(&self) -> u64 {
        let frames = self.staging.frames.as_ref();
        frames.map_or(0, |frames| frames.bytes.len() as u64)
    }

    /// What the buffers take: bytes, and notes.
    #[cfg(test)]
    pub fn buffer_sizes(&self) -> (usize, usize) {
        let all = [&self.staging.frames, &self.staging.spare];
        let sizes = all.into_iter().flatten();
        sizes.fold((0, 0), |(bytes, notes), frames| {
            (
                bytes + frames.bytes.capacity(),
                notes + frames.noted.capacity(),
            )
        })
    }

    /// Stores a frame into the mapped active segment and publishes it: two copies and no system
    /// call. `None`, and nothing given away: it has to be written. A frame with
    /// properties is staged, not stored: without entries it moves places ahead of ids.
    #[inline]
    pub fn store(&mut self, frame: &PreparedFrame<'_>) -> Option<EntryId> {
        self.map_in_use()?;
        // Where another frame comes first, both are written.
        let carries = || self.reserved_properties.to_carry().is_some();
        if frame.properties().is_some() || (self.reserved.last_frame.is_none() && carries()) {
            return None;
        }
        debug_assert!(frame.entry_count() > 0, "a frame without entries is staged");
        let (mapped, active) = (self.mapped.as_ref()?, self.active.as_ref()?);
        let (at, first_id) = (self.reserved.offset, self.reserved.next_id);
        let previous_len = self.reserved.last_frame_len;
        let put = |at: FileOffset, bytes: &[u8]| mapped.store(at, bytes);
        let (header, link) =
            frame.put_header_last(active.segment.seed, at, first_id, previous_len, put)?;
        mapped.note_written(active);
        let (end, noted) = advanced(&self.reserved, &header, link);
        self.totals.appends += 1;
        self.totals.entries += u64::from(header.entry_count);
        self.totals.bytes += header.len();
        self.reserved = end;
        self.written = end;
        self.staging.offset = end.offset;
        self.tickets.completed_end = self.tickets.next;
        if let Some(frame) = noted {
            let index = active.segment.index();
            let mut index = index.write();
            index.note(frame.previous, frame.offset, frame.id);
        }
        active.segment.publish(&end);
        Some(first_id)
    }

    /// The map, if frames may be copied into its populated pages. What is staged, or on its way,
    /// comes first. A file that was closed since it was mapped may have lost an error, and does not
    /// count what is copied as unsynced: its map is not used.
    #[inline]
    pub fn map_in_use(&self) -> Option<&WriteMap> {
        let (mapped, active) = (self.mapped.as_ref()?, self.active.as_ref()?);
        let in_order = self.phase != WriterPhase::Writing && self.staged_len() == 0;
        (in_order && self.last_frame_fits_map && mapped.is_of(active)).then_some(mapped)
    }

    /// The map of the active segment is not used any more.
    pub fn detach_map(&mut self) {
        if let Some(mapped) = self.mapped.take() {
            self.detached_maps.get_or_insert_default().push(mapped);
        }
    }

    /// The maps to drop, without the lock.
    #[allow(clippy::box_collection)]
    pub fn take_detached_maps(&mut self) -> Option<Box<Vec<WriteMap>>> {
        self.detached_maps.take()
    }
}
