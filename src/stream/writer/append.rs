//! How a frame gets its ids and reaches the kernel.
//!
//! Happy path, where the active segment is mapped (`write_map`): under the lock the frame gets its ids
//! and is copied into the map (`mapped_append`). Otherwise the frame gets its ids under the lock and
//! is copied behind the staged ones. One thread (an appender, or the one that syncs, truncates or
//! closes) then writes everything staged, without the lock, and publishes the new end. Every appender
//! returns when its own frame is published, so our heap never holds an acknowledged byte.
//! An appender that needs durability leaves the writing to its round (`durability/round`): one write
//! and one sync for all that wait. Frames larger than the buffer are written from the caller's memory,
//! alone.
//!
//! Failure: what could not be written is rolled back. The place is zeroed, the ids are free again, and
//! every appender whose frame was in it or behind it gets the error. If zeroing finds no space, the
//! place is recorded (`erase`); if it fails otherwise, the stream is poisoned. Close: appends that have
//! ids finish, later ones are refused.

use std::cell::RefCell;
use std::io::IoSlice;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use crate::append::Append;
use crate::append::Appended;
use crate::append::Durability;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::format::MAX_FRAME_LEN;
use crate::format::PreparedFrame;
use crate::format::Unprepared;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::options::CompressionType;
use crate::options::SyncMode;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::primitives::now;
use crate::segment::PropertyPoint;
use crate::stream::StreamInner;
use crate::stream::failure::panicked;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::erase::FrameLocation;
use crate::stream::writer::erase::erase_range;
use crate::stream::writer::tail::Admission;
use crate::stream::writer::tail::StagedWrite;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::WriterPhase;

/// What an appender waits for, once its frame is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) enum WaitFor {
    /// Its frame is durable. It may stay staged: the appender's round writes it.
    Durable,
    /// It is in the kernel.
    Written,
    /// It is in the kernel; then the caller makes it durable, with those of other streams.
    #[cfg(feature = "sharded")]
    WrittenFirst,
}

/// What is asked for a frame, besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::stream) struct FrameTerms<'a> {
    /// The id that its first entry must get; `None`: any.
    expected_id: Option<EntryId>,
    wait_for: WaitFor,
    /// The properties that its own are made from; `None`: they are made from nothing.
    made_from: Option<&'a PropertyPoint>,
    /// When the append began, if it is measured.
    began: Option<Instant>,
}

/// Why a frame got no place.
pub(in crate::stream) enum Unplaced {
    /// Its properties were made from others than those before it.
    MadeFromOthers,
    /// It failed, or was refused.
    Failed(Error),
}

impl From<Error> for Unplaced {
    fn from(error: Error) -> Self {
        Unplaced::Failed(error)
    }
}

impl From<Unplaced> for Error {
    fn from(unplaced: Unplaced) -> Self {
        match unplaced {
            Unplaced::Failed(error) => error,
            // Only for a frame with properties, whose appender makes it anew.
            Unplaced::MadeFromOthers => Error::Io(std::io::Error::other(
                "the properties were changed meanwhile",
            )),
        }
    }
}

impl<'a> FrameTerms<'a> {
    /// The same for a frame whose properties are made from these.
    pub(in crate::stream) fn made_from(&self, properties: &'a PropertyPoint) -> Self {
        FrameTerms {
            made_from: Some(properties),
            ..*self
        }
    }

    pub(in crate::stream) fn new(expected_id: Option<u64>, durable: bool) -> Self {
        FrameTerms {
            expected_id: expected_id.map(EntryId),
            wait_for: match durable {
                true => WaitFor::Durable,
                false => WaitFor::Written,
            },
            made_from: None,
            began: None,
        }
    }

    /// The same for an append that began then, if it is measured.
    pub(in crate::stream) fn measured_from(self, began: Option<Instant>) -> Self {
        FrameTerms { began, ..self }
    }
}

impl StreamInner {
    /// Appends one entry, gathered from parts. Durable on return if `durable`.
    #[inline(always)]
    pub fn append(&self, parts: &[&[u8]], durable: bool) -> Result<u64> {
        self.append_at(None, parts, durable)
    }

    /// The same if the entry gets the expected id, if there is one; otherwise nothing is appended.
    #[inline(always)]
    pub fn append_at(
        &self,
        expected_id: Option<u64>,
        parts: &[&[u8]],
        durable: bool,
    ) -> Result<u64> {
        // A way of its own: otherwise an append that is not measured would ask twice.
        if self.context.options.latencies {
            return self.append_measured(expected_id, parts, durable);
        }
        let frame = PreparedFrame::single(parts, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        let terms = FrameTerms::new(expected_id, durable);
        Ok(self.append_frame(&frame, &terms)?.0.start)
    }

    #[inline(never)]
    fn append_measured(
        &self,
        expected_id: Option<u64>,
        parts: &[&[u8]],
        durable: bool,
    ) -> Result<u64> {
        let began = Some(now());
        let frame = PreparedFrame::single(parts, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        let terms = FrameTerms::new(expected_id, durable).measured_from(began);
        Ok(self.append_frame(&frame, &terms)?.0.start)
    }

    /// When an append that begins now began, if appends are measured.
    pub(in crate::stream) fn began_now(&self) -> Option<Instant> {
        self.context.options.latencies.then(now)
    }

    /// Appends entries as one frame. Durable on return if `durable`.
    pub fn append_batch(&self, entries: &[&[u8]], durable: bool) -> Result<Range<u64>> {
        self.append_batch_at(None, entries, durable)
    }

    /// The same if the first entry gets the expected id, if there is one.
    pub fn append_batch_at(
        &self,
        expected_id: Option<u64>,
        entries: &[&[u8]],
        durable: bool,
    ) -> Result<Range<u64>> {
        let terms = FrameTerms::new(expected_id, durable).measured_from(self.began_now());
        if entries.is_empty() {
            return self.append_nothing(&terms).map(|(ids, _)| ids);
        }
        let frame = PreparedFrame::many(entries, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        Ok(self.append_frame(&frame, &terms)?.0)
    }

    /// Appends what is asked for as one frame.
    pub fn append_with(&self, append: &Append<'_>) -> Result<Appended> {
        let is_batch = append.entries.len() != 1 || !append.properties.is_empty();
        let durable = self.waits_until_durable(append.durability, is_batch);
        let terms = FrameTerms::new(append.expected_id, durable).measured_from(self.began_now());
        let placed = match append.entries {
            _ if !append.properties.is_empty() => {
                self.append_with_properties(append.entries, append.properties, &terms)?
            }
            [] => {
                let (ids, place) = self.append_nothing(&terms)?;
                if append.durability == Durability::Durable {
                    self.make_place_durable(place)?;
                }
                (ids, place)
            }
            [entry] => {
                let parts = [*entry];
                let frame = PreparedFrame::single(&parts, self.compress_from())
                    .map_err(|error| self.unprepared(error))?;
                self.append_frame(&frame, &terms)?
            }
            entries => {
                let frame = PreparedFrame::many(entries, self.compress_from())
                    .map_err(|error| self.unprepared(error))?;
                self.append_frame(&frame, &terms)?
            }
        };
        Ok(self.appended(placed))
    }

    /// Whether an append is durable on return.
    pub(in crate::stream) fn waits_until_durable(
        &self,
        durability: Durability,
        is_batch: bool,
    ) -> bool {
        match durability {
            Durability::Written => false,
            Durability::Durable => true,
            Durability::ByMode => match self.settings.sync_mode {
                SyncMode::Strict => true,
                SyncMode::BatchOnly => is_batch,
                SyncMode::Async => false,
            },
        }
    }

    /// An append without entries: where it would be.
    fn append_nothing(&self, terms: &FrameTerms<'_>) -> Result<(Range<u64>, Place)> {
        let tail = self.tail.lock();
        self.check_writable(&tail)?;
        self.check_expected(&tail, terms)?;
        let next = tail.written.next_id.0;
        Ok((next..next, tail.written_place()))
    }

    pub(in crate::stream) fn appended(&self, (ids, place): (Range<u64>, Place)) -> Appended {
        let mark = self.mark_of(place);
        Appended { ids, mark }
    }

    /// Writes entries, which are not none, as one frame. Nothing is acknowledged yet: for callers
    /// that make several streams durable at once, by [`StreamInner::acknowledge_batch`].
    #[cfg(feature = "sharded")]
    pub fn write_batch(&self, entries: &[&[u8]]) -> Result<Appended> {
        let frame = PreparedFrame::many(entries, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        let terms = FrameTerms {
            expected_id: None,
            wait_for: WaitFor::WrittenFirst,
            made_from: None,
            began: None,
        };
        let placed = self.place_frame(&frame, &terms).map_err(Error::from);
        let placed = placed.inspect_err(|error| self.latch_if_detached(error))?;
        Ok(self.appended((placed.ids, placed.place)))
    }

    /// Makes durable what [`StreamInner::write_batch`] wrote; from now on it is served whatever
    /// happens.
    #[cfg(feature = "sharded")]
    pub fn acknowledge_batch(&self, written: &Appended) -> Result<()> {
        self.make_durable(written.mark)?;
        self.acknowledge(written.ids.end);
        Ok(())
    }

    pub(in crate::stream) fn unprepared(&self, error: Unprepared) -> Error {
        match error {
            Unprepared::TooLarge { size_bytes } => Error::TooLarge {
                size_bytes,
                limit_bytes: MAX_FRAME_LEN,
            },
            Unprepared::NoMemory(error) => {
                Error::io(error, ErrorContext::default().stream(&self.key))
            }
        }
    }

    #[inline(always)]
    pub(in crate::stream) fn append_frame(
        &self,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> std::result::Result<(Range<u64>, Place), Unplaced> {
        let placed = self.append_once(frame, terms);
        if placed.is_err() {
            self.erase_after_failure();
        }
        placed
    }

    #[inline(always)]
    fn append_once(
        &self,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> std::result::Result<(Range<u64>, Place), Unplaced> {
        let placed = self.place_frame(frame, terms).inspect_err(|unplaced| {
            if let Unplaced::Failed(error) = unplaced {
                self.latch_if_detached(error);
            }
        })?;
        match &placed.staged {
            Some(staged) => self.make_staged_durable(placed.place, staged)?,
            None if terms.wait_for == WaitFor::Durable => self.make_place_durable(placed.place)?,
            None => {}
        }
        self.acknowledge(placed.ids.end);
        if let (Some(began), WaitFor::Durable) = (terms.began, terms.wait_for) {
            self.tail.lock().count_time(began);
        }
        Ok((placed.ids, placed.place))
    }

    /// Returns once a frame that was left staged is durable, or was rolled back.
    fn make_staged_durable(&self, place: Place, staged: &PendingFrame) -> Result<()> {
        let failure = RefCell::new(None);
        // What was rolled back has its ids and its place given again: only the ticket identifies
        // the frame.
        let is_void = || {
            let may_be =
                self.rollback_count.load(Ordering::Acquire) != staged.rollback_count_before;
            if may_be && failure.borrow().is_none() {
                if let Some(Err(error)) = self.tail.lock().take_result(staged.ticket) {
                    failure.replace(Some(error));
                }
            }
            failure.borrow().is_some()
        };
        let answer = self.make_durable_unless(place, is_void);
        // Also when another entry of that id is durable, or the stream is poisoned.
        match is_void().then(|| failure.take()).flatten() {
            Some(error) => Err(error.duplicate()),
            None => answer,
        }
    }

    pub(in crate::stream) fn acknowledge(&self, end: u64) {
        if self.settings.sync_mode == SyncMode::BatchOnly {
            self.acknowledged_end.fetch_max(end, Ordering::AcqRel);
        }
    }

    pub(in crate::stream) fn compress_from(&self) -> Option<usize> {
        match self.settings.compression {
            CompressionType::None => None,
            #[cfg(feature = "compression")]
            CompressionType::Lz4 => Some(self.settings.min_compression_size),
        }
    }

    /// Refuses when the stream does not take appends.
    #[inline]
    pub(in crate::stream) fn check_writable(&self, tail: &Tail) -> Result<()> {
        if tail.life != StreamState::Open {
            return self.not_open(tail);
        }
        self.context.refuse_detached()?;
        self.check_poisoned()
    }

    /// The error of an append to a stream that is not open.
    #[cold]
    fn not_open(&self, tail: &Tail) -> Result<()> {
        match tail.life {
            StreamState::Open => Ok(()),
            StreamState::Closed => Err(Error::Closed),
            StreamState::Deleted => Err(self.deleted_error()),
            StreamState::ReadOnly if self.is_deleted() => Err(self.deleted_error()),
            StreamState::ReadOnly => Err(Error::ReadOnly),
        }
    }

    /// Refuses a frame that would not get the id that its appender expects: the next one behind all
    /// frames that have ids, written or not. Where one of those is rolled back, so is this frame.
    #[inline]
    pub(in crate::stream) fn check_expected(
        &self,
        tail: &Tail,
        terms: &FrameTerms<'_>,
    ) -> Result<()> {
        let found = tail.reserved.next_id;
        match terms.expected_id {
            Some(expected) if expected != found => Err(self.mismatch(expected, found)),
            _ => Ok(()),
        }
    }

    #[cold]
    pub(in crate::stream) fn mismatch(&self, expected: EntryId, found: EntryId) -> Error {
        let (expected, found) = (expected.0, found.0);
        let context = ErrorContext::default().stream(&self.key);
        Error::SequenceMismatch { expected, found }.remembering(context)
    }

    // Inlined into each kind of append, with its callers: a mapped append is a few hundred
    // instructions, of which calls and results in memory took a tenth.
    /// Gives a frame its ids and stores or writes it, or leaves it staged if its appender waits until
    /// it is durable and that is possible.
    #[inline(always)]
    fn place_frame(
        &self,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> std::result::Result<Placed, Unplaced> {
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            if tail.phase == WriterPhase::Rotating {
                self.tail_changed.wait(&mut tail);
                continue;
            }
            // Each time round: others append whenever the lock is free.
            self.check_expected(&tail, terms)?;
            if terms
                .made_from
                .is_some_and(|made_from| !made_from.is_same_map(tail.reserved_properties()))
            {
                return Err(Unplaced::MadeFromOthers);
            }
            match tail.check_space(frame, &self.settings) {
                Admission::Fits => {}
                lacking => {
                    self.make_space(&mut tail, frame, terms, lacking)?;
                    continue;
                }
            }
            if let Some(first_id) = self.store(&mut tail, frame) {
                let ids = first_id.0..first_id.0 + u64::from(frame.entry_count());
                if self.is_unwaited(terms) {
                    tail.note_unwaited();
                    self.schedule_background(&mut tail);
                }
                count_time_of_written(&mut tail, terms);
                return Ok(Placed::written(ids, tail.written_place()));
            }
            if self.populate_for(&mut tail, frame) {
                continue;
            }
            if let Some(placed) = self.stage_or_write(&mut tail, frame, terms)? {
                count_time_of_written(&mut tail, terms);
                return Ok(placed);
            }
        }
    }

    /// Makes space for a frame, without the tail's lock. The caller checks again.
    #[inline(never)]
    pub(in crate::stream) fn make_space(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
        lacking: Admission,
    ) -> Result<()> {
        let needed_len = tail.len_with_carried(frame);
        MutexGuard::unlocked(tail, || match lacking {
            Admission::Fits => Ok(()),
            Admission::IdsExhausted => Err(Error::TooLarge {
                size_bytes: frame.frame_len(),
                limit_bytes: 0,
            }),
            Admission::Rotate => self.open_segment(frame, terms),
            Admission::NeedsErasing => self.erase_dirty(),
            Admission::Allocate => self.ensure_allocated(needed_len),
        })
    }

    /// Stages a frame that fits and cannot be stored, and writes what is staged unless the appender
    /// waits until it is durable. A frame larger than the buffer is written alone. `None`: the lock was
    /// released before the frame had ids, and the caller checks again.
    #[inline(never)]
    fn stage_or_write(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> Result<Option<Placed>> {
        let Some(active) = tail.active.clone() else {
            return Ok(None);
        };
        let most_staged = self.context.options.write_buffer_size as u64;
        if tail.staged_len() + tail.len_with_carried(frame) > most_staged {
            if tail.phase == WriterPhase::Writing {
                self.tail_changed.wait(tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(tail);
            } else {
                return self.write_unbuffered(tail, &active, frame, terms).map(Some);
            }
            return Ok(None);
        }
        let io = |error| Error::io(error, active.segment.context());
        let (ids, ticket) = tail.stage(&active, frame).map_err(io)?;
        if self.is_unwaited(terms) {
            tail.note_unwaited();
        }
        let place = tail.reserved_place();
        if terms.wait_for == WaitFor::Durable {
            let staged = PendingFrame {
                ticket,
                rollback_count_before: self.rollback_count.load(Ordering::Acquire),
            };
            return Ok(Some(Placed {
                ids,
                place,
                staged: Some(staged),
            }));
        }
        loop {
            match tail.take_result(ticket) {
                Some(Ok(())) => return Ok(Some(Placed::written(ids, place))),
                Some(Err(error)) => return Err(error.duplicate()),
                None if tail.phase == WriterPhase::Writing => self.tail_changed.wait(tail),
                None => self.write_staged(tail),
            }
        }
    }

    /// Whether a background sync is due under `Strict` for a frame, because its appender does not
    /// wait until it is durable.
    #[inline]
    fn is_unwaited(&self, terms: &FrameTerms<'_>) -> bool {
        terms.wait_for == WaitFor::Written && self.settings.sync_mode == SyncMode::Strict
    }

    /// Writes what is staged, for a round, and returns the place behind all that is written. What
    /// fails is rolled back and reported to its appenders.
    pub(in crate::stream) fn flush_staged(&self) -> Place {
        self.flush_staged_and(|_, _| {})
    }

    /// The same. `written` gets what this call has written, before it is published.
    pub(in crate::stream) fn flush_staged_and(
        &self,
        written: impl FnOnce(&StreamSegment, &StagedWrite),
    ) -> Place {
        let mut tail = self.tail.lock();
        while tail.phase == WriterPhase::Writing {
            self.tail_changed.wait(&mut tail);
        }
        if tail.staged_len() > 0 {
            self.write_staged_and(&mut tail, written);
        }
        tail.written_place()
    }

    /// Writes everything staged. No other thread is writing.
    pub(in crate::stream) fn write_staged(&self, tail: &mut MutexGuard<'_, Tail>) {
        self.write_staged_and(tail, |_, _| {});
    }

    fn write_staged_and(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        written: impl FnOnce(&StreamSegment, &StagedWrite),
    ) {
        let Some(active) = tail.active.clone() else {
            return;
        };
        let batch = tail.take_staged();
        let result = self.with_tail_unlocked(tail, || {
            self.write_at_tail(&active, batch.at, &[IoSlice::new(batch.bytes())])
        });
        match result {
            Ok(opening) => {
                written(&active, &batch);
                tail.publish(&active, batch);
                self.after_publish(tail, &active, opening);
            }
            Err(error) => self.after_failed_write(tail, error),
        }
    }

    /// Writes one large frame from the caller's memory. Nothing is staged and no thread is writing.
    fn write_unbuffered(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        active: &Arc<StreamSegment>,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> Result<Placed> {
        let (at, seed) = (tail.reserved.offset, active.segment.seed);
        let first_id = tail.reserved.next_id;
        // The lock is held for the checksum of an entry table only, not for the payload.
        // All memory is allocated before ids are given.
        let io = |error| Error::io(error, active.segment.context());
        let carried = tail.carried_before(frame).transpose();
        let carried = carried.map_err(|error| self.unprepared(error))?;
        let mut before = Vec::new();
        let before_header = carried
            .as_ref()
            .map(|carried| carried.encode_into(&mut before, seed, at, first_id, 0))
            .transpose();
        let before_header = before_header.map_err(io)?;
        // Nothing stands before the first frame of a segment but the one that is carried.
        let previous_len = match &before_header {
            Some(_) => before.len() as u32,
            None => tail.reserved.last_frame_len,
        };
        let own_at = at + before.len() as u64;
        let parts = frame.parts(seed, own_at, first_id, previous_len);
        let (header, prefix, rest) = parts.map_err(io)?;
        let mut slices = Vec::new();
        memory::reserve(&mut slices, rest.len() + 2).map_err(io)?;
        slices.extend(carried.is_some().then(|| IoSlice::new(&before)));
        slices.push(IoSlice::new(&prefix));
        slices.extend(rest.into_iter().map(IoSlice::new));
        if let (Some(header), Some(carried)) = (&before_header, &carried) {
            let link = before.first_chunk().map_or(0, header_crc_of);
            tail.reserve_carried(header, link, carried.properties());
        }
        let link = prefix.first_chunk().map_or(0, header_crc_of);
        let (ids, ticket) = tail.reserve(&header, link, frame.properties());
        if self.is_unwaited(terms) {
            tail.note_unwaited();
        }
        let place = tail.reserved_place();
        let batch = tail.take_staged();
        let written = self.with_tail_unlocked(tail, || self.write_at_tail(active, at, &slices));
        match written {
            Ok(opening) => {
                tail.publish(active, batch);
                self.after_publish(tail, active, opening);
            }
            Err(error) => self.after_failed_write(tail, error),
        }
        match tail.take_result(ticket) {
            Some(Err(error)) => Err(error.duplicate()),
            _ => Ok(Placed::written(ids, place)),
        }
    }

    /// Runs `work` without the tail's lock, for the thread that set the phase. If it panics, no
    /// other thread would end the phase: the stream is latched, what was on its way is rolled back,
    /// and the panic goes on.
    pub(in crate::stream) fn with_tail_unlocked<R>(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        work: impl FnOnce() -> R,
    ) -> R {
        let panic = match MutexGuard::unlocked(tail, || catch_unwind(AssertUnwindSafe(work))) {
            Ok(done) => return done,
            Err(panic) => panic,
        };
        if tail.phase == WriterPhase::Rotating {
            tail.end_rotation();
        }
        let failed = FailedWrite {
            error: panicked("wrote"),
            place: FrameLocation::Unknown,
        };
        self.after_failed_write(tail, failed);
        resume_unwind(panic)
    }

    /// Puts bytes into the kernel; on failure rolls them back. Returns which opening was used.
    pub(in crate::stream) fn write_at_tail(
        &self,
        active: &Arc<StreamSegment>,
        at: FileOffset,
        slices: &[IoSlice<'_>],
    ) -> std::result::Result<u64, FailedWrite> {
        let io = |error| Error::io(error, active.segment.context().offset(at.0));
        let opened = self.write_file(active).map_err(|error| FailedWrite {
            error,
            place: FrameLocation::Clean,
        })?;
        let (file, opening) = opened;
        match file.write_at(at.0, slices) {
            Ok(()) => Ok(opening),
            Err(error) => {
                let len = slices.iter().map(|slice| slice.len() as u64).sum();
                let place = erase_range(&*file, at, len);
                Err(FailedWrite {
                    error: io(error),
                    place,
                })
            }
        }
    }

    pub(in crate::stream) fn after_publish(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        active: &Arc<StreamSegment>,
        opening: u64,
    ) {
        active.write_slot.mark_dirty(opening);
        self.after_store(tail);
    }

    pub(in crate::stream) fn after_store(&self, tail: &mut MutexGuard<'_, Tail>) {
        self.written_end
            .store(tail.written.next_id.0, Ordering::Release);
        self.tail_changed.notify_all();
        if tail.is_watched() {
            self.signal_written(tail);
        }
        self.schedule_background(tail);
    }

    pub(in crate::stream) fn after_failed_write(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        failed: FailedWrite,
    ) {
        let error = Arc::new(failed.error);
        match failed.place {
            FrameLocation::Clean => {}
            FrameLocation::Dirty(to) => tail.dirty_to = Some(to),
            FrameLocation::Unknown => self.latch(Arc::clone(&error)),
        }
        if tail.phase == WriterPhase::Writing {
            tail.roll_back(error);
            // Incremented before the ids are given again: a thread that sees a reused id durable also
            // sees this count.
            self.rollback_count.fetch_add(1, Ordering::AcqRel);
            self.group_commit.wake_to_recheck();
        }
        self.tail_changed.notify_all();
    }
}

/// Counts how long a measured append took that ends here, under the lock that it holds anyway. One that
/// waits until it is durable ends later.
#[inline]
fn count_time_of_written(tail: &mut Tail, terms: &FrameTerms<'_>) {
    match (terms.began, terms.wait_for) {
        (None, _) | (_, WaitFor::Durable) => {}
        (Some(began), _) => tail.count_time(began),
    }
}

/// A frame that has its ids.
pub(in crate::stream) struct Placed {
    pub(in crate::stream) ids: Range<u64>,
    /// The place behind it.
    pub(in crate::stream) place: Place,
    /// `None`: it is in the kernel.
    staged: Option<PendingFrame>,
}

impl Placed {
    fn written(ids: Range<u64>, place: Place) -> Self {
        let staged = None;
        Placed { ids, place, staged }
    }
}

/// Identifies a staged frame, to learn whether it was rolled back.
struct PendingFrame {
    ticket: u64,
    rollback_count_before: u64,
}

/// A write that failed, and what it left.
pub(in crate::stream) struct FailedWrite {
    pub(in crate::stream) error: Error,
    pub(in crate::stream) place: FrameLocation,
}
