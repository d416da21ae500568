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

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::format::MAX_FRAME_LEN;
use crate::format::PreparedFrame;
use crate::format::Unprepared;
use crate::format::header_crc_of;
use crate::ids::FileOffset;
use crate::options::CompressionType;
use crate::options::SyncMode;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::failure::panicked;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::erase::FrameLocation;
use crate::stream::writer::erase::erase_range;
use crate::stream::writer::tail::Admission;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::WriterPhase;

impl StreamInner {
    /// Appends one entry, gathered from parts. Durable on return if `durable`.
    #[inline]
    pub fn append(&self, parts: &[&[u8]], durable: bool) -> Result<u64> {
        let frame = PreparedFrame::single(parts, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        self.append_frame(&frame, durable).map(|ids| ids.start)
    }

    /// Appends entries as one frame. Durable on return if `durable`.
    pub fn append_batch(&self, entries: &[&[u8]], durable: bool) -> Result<Range<u64>> {
        if entries.is_empty() {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            let next = tail.written.next_id.0;
            return Ok(next..next);
        }
        let frame = PreparedFrame::many(entries, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        self.append_frame(&frame, durable)
    }

    /// Writes entries, which are not none, as one frame. Nothing is acknowledged yet: for callers
    /// that make several streams durable at once, by [`StreamInner::acknowledge_batch`].
    #[cfg(feature = "sharded")]
    pub fn write_batch(&self, entries: &[&[u8]]) -> Result<Range<u64>> {
        let frame = PreparedFrame::many(entries, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        self.write_frame(&frame)
    }

    /// Makes durable what [`StreamInner::write_batch`] wrote up to `end`; from now on it is served
    /// whatever happens.
    #[cfg(feature = "sharded")]
    pub fn acknowledge_batch(&self, end: u64) -> Result<()> {
        self.make_durable(end)?;
        self.acknowledge(end);
        Ok(())
    }

    fn unprepared(&self, error: Unprepared) -> Error {
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

    #[inline]
    fn append_frame(&self, frame: &PreparedFrame<'_>, durable: bool) -> Result<Range<u64>> {
        let ids = self.append_once(frame, durable);
        if ids.is_err() {
            self.erase_after_failure();
        }
        ids
    }

    #[inline]
    fn append_once(&self, frame: &PreparedFrame<'_>, durable: bool) -> Result<Range<u64>> {
        let placed = self.place_frame(frame, durable);
        let placed = placed.inspect_err(|error| self.latch_if_detached(error))?;
        let ids = placed.ids.clone();
        match placed.staged {
            Some(staged) => self.make_staged_durable(ids.end, &staged)?,
            None if durable => self.make_durable(ids.end)?,
            None => {}
        }
        self.acknowledge(ids.end);
        Ok(ids)
    }

    /// Returns once a frame that was left staged is durable, or was rolled back.
    fn make_staged_durable(&self, end: u64, staged: &PendingFrame) -> Result<()> {
        let failure = RefCell::new(None);
        // Ids that were rolled back are given again: only the ticket identifies the frame.
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
        let answer = self.make_durable_unless(end, is_void);
        // Also when another entry of that id is durable, or the stream is poisoned.
        match is_void().then(|| failure.take()).flatten() {
            Some(error) => Err(error.duplicate()),
            None => answer,
        }
    }

    /// Writes a frame.
    #[cfg(feature = "sharded")]
    fn write_frame(&self, frame: &PreparedFrame<'_>) -> Result<Range<u64>> {
        let placed = self.place_frame(frame, false);
        let placed = placed.inspect_err(|error| self.latch_if_detached(error))?;
        Ok(placed.ids)
    }

    pub(in crate::stream) fn acknowledge(&self, end: u64) {
        if self.context.options.sync_mode == SyncMode::BatchOnly {
            self.acknowledged_end.fetch_max(end, Ordering::AcqRel);
        }
    }

    pub(in crate::stream) fn compress_from(&self) -> Option<usize> {
        match self.context.options.compression {
            CompressionType::None => None,
            #[cfg(feature = "compression")]
            CompressionType::Lz4 => Some(self.context.options.min_compression_size),
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

    /// Gives a frame its ids and stores or writes it, or leaves it staged if `defers` and that is
    /// possible.
    #[inline]
    fn place_frame(&self, frame: &PreparedFrame<'_>, defers: bool) -> Result<Appended> {
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            if tail.phase == WriterPhase::Rotating {
                self.tail_changed.wait(&mut tail);
                continue;
            }
            match tail.check_space(frame, &self.context.options) {
                Admission::Fits => {}
                lacking => {
                    self.make_space(&mut tail, frame, lacking)?;
                    continue;
                }
            }
            if let Some(ids) = self.store(&mut tail, frame) {
                return Ok(Appended::written(ids));
            }
            if self.populate_for(&mut tail, frame) {
                continue;
            }
            if let Some(placed) = self.stage_or_write(&mut tail, frame, defers)? {
                return Ok(placed);
            }
        }
    }

    /// Makes space for a frame, without the tail's lock. The caller checks again.
    #[inline(never)]
    fn make_space(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
        lacking: Admission,
    ) -> Result<()> {
        MutexGuard::unlocked(tail, || match lacking {
            Admission::Fits => Ok(()),
            Admission::IdsExhausted => Err(Error::TooLarge {
                size_bytes: frame.frame_len(),
                limit_bytes: 0,
            }),
            Admission::Rotate => self.open_segment(frame),
            Admission::NeedsErasing => self.erase_dirty(),
            Admission::Allocate => self.ensure_allocated(frame.frame_len()),
        })
    }

    /// Stages a frame that fits and cannot be stored, and writes what is staged unless `defers`. A
    /// frame larger than the buffer is written alone. `None`: the lock was released before the frame
    /// had ids, and the caller checks again.
    #[inline(never)]
    fn stage_or_write(
        &self,
        tail: &mut MutexGuard<'_, Tail>,
        frame: &PreparedFrame<'_>,
        defers: bool,
    ) -> Result<Option<Appended>> {
        let Some(active) = tail.active.clone() else {
            return Ok(None);
        };
        let most_staged = self.context.options.write_buffer_size as u64;
        if tail.staged_len() + frame.frame_len() > most_staged {
            if tail.phase == WriterPhase::Writing {
                self.tail_changed.wait(tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(tail);
            } else {
                let ids = self.write_unbuffered(tail, &active, frame)?;
                return Ok(Some(Appended::written(ids)));
            }
            return Ok(None);
        }
        let io = |error| Error::io(error, active.segment.context());
        let (ids, ticket) = tail.stage(&active, frame).map_err(io)?;
        if defers {
            let staged = PendingFrame {
                ticket,
                rollback_count_before: self.rollback_count.load(Ordering::Acquire),
            };
            return Ok(Some(Appended {
                ids,
                staged: Some(staged),
            }));
        }
        loop {
            match tail.take_result(ticket) {
                Some(Ok(())) => return Ok(Some(Appended::written(ids))),
                Some(Err(error)) => return Err(error.duplicate()),
                None if tail.phase == WriterPhase::Writing => self.tail_changed.wait(tail),
                None => self.write_staged(tail),
            }
        }
    }

    /// Writes what is staged, for a round. What fails is rolled back and reported to its appenders.
    pub(in crate::stream) fn flush_staged(&self) {
        let mut tail = self.tail.lock();
        while tail.phase == WriterPhase::Writing {
            self.tail_changed.wait(&mut tail);
        }
        if tail.staged_len() > 0 {
            self.write_staged(&mut tail);
        }
    }

    /// Writes everything staged. No other thread is writing.
    pub(in crate::stream) fn write_staged(&self, tail: &mut MutexGuard<'_, Tail>) {
        let Some(active) = tail.active.clone() else {
            return;
        };
        let batch = tail.take_staged();
        let written = self.with_tail_unlocked(tail, || {
            self.write_at_tail(&active, batch.at, &[IoSlice::new(batch.bytes())])
        });
        match written {
            Ok(opening) => {
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
    ) -> Result<Range<u64>> {
        let (at, first_id) = (tail.reserved.offset, tail.reserved.next_id);
        let (seed, previous_len) = (active.segment.seed, tail.reserved.last_frame_len);
        // The lock is held for the checksum of an entry table only, not for the payload.
        // All memory is allocated before ids are given.
        let io = |error| Error::io(error, active.segment.context());
        let parts = frame.parts(seed, at, first_id, previous_len);
        let (header, prefix, rest) = parts.map_err(io)?;
        let mut slices = Vec::new();
        memory::reserve(&mut slices, rest.len() + 1).map_err(io)?;
        slices.push(IoSlice::new(&prefix));
        slices.extend(rest.into_iter().map(IoSlice::new));
        let link = prefix.first_chunk().map_or(0, header_crc_of);
        let (ids, ticket) = tail.reserve(&header, link);
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
            _ => Ok(ids),
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
    fn write_at_tail(
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

    fn after_publish(
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
        self.schedule_background(tail);
    }

    fn after_failed_write(&self, tail: &mut MutexGuard<'_, Tail>, failed: FailedWrite) {
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

/// A frame that has its ids.
struct Appended {
    ids: Range<u64>,
    /// `None`: it is in the kernel.
    staged: Option<PendingFrame>,
}

impl Appended {
    fn written(ids: Range<u64>) -> Self {
        Appended { ids, staged: None }
    }
}

/// Identifies a staged frame, to learn whether it was rolled back.
struct PendingFrame {
    ticket: u64,
    rollback_count_before: u64,
}

struct FailedWrite {
    error: Error,
    place: FrameLocation,
}
