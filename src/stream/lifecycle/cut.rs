//! How a suffix of a stream, or all of it, is replaced in one step.
//!
//! P is the segment that holds the id before the cut, Q the new one, which begins at the cut. A reset
//! has no P. Void are the segments that Q replaces. What a crash right after each step leaves:
//!
//! 1. no thread appends, leads or makes segments; everything written is durable: nothing is cut;
//! 2. the frame with the id before the cut is found in P and checked: nothing is cut;
//! 3. Q is made whole under a temporary name, with its entries, and a slot that says that they are
//!    durable; it is synced: a temporary file, which open removes;
//! 4. Q gets its name, in place of a file that had it: the old stream or the new one, each whole. Open
//!    takes the new one where it finds Q's header, and syncs the directory before anything else;
//! 5. the directory is synced, of a new stream the root too: **the commit point**: the new stream;
//! 6. memory: readers and appends go on in the new stream;
//! 7. P, if it was the active segment, is sealed as ending at the cut; void and truncated files are
//!    removed: the same stream, with fewer remains.
//!
//! No order of removals can leave a hole: all that Q replaces is void, or lies below the first kept id,
//! from 5 on, whichever files are still there.
//!
//! Failure: up to 3 nothing has changed, and the stream goes on. After a failed renaming the header
//! under the name says which of both streams is there. Where that cannot be read, and where 5 fails,
//! either may survive a crash: the stream is poisoned, and serves the ids that both have. Failures of
//! 7 are reported to the log's receiver: a void file is in the way of nothing.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use crate::append::Append;
use crate::append::Appended;
use crate::append::Durability;
use crate::commit::Reached;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FrameParts;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::PreparedFrame;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
#[cfg(feature = "sharded")]
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::segment::LocatedFrame;
use crate::segment::Naming;
use crate::segment::PropertyPoint;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_whole;
use crate::segment::footer_reserve;
use crate::segment::locate;
use crate::segment::name_whole;
use crate::segment::older_slot;
use crate::segment::read_slots;
use crate::segment::seal;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::stream::StreamInner;
use crate::stream::lifecycle::empty_stream::Waiting;
use crate::stream::reader::cuts::CutGuard;
use crate::stream::segment_list::SegmentFor;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::UnsealedSegment;

/// How much is read to find the frame before the cut.
const READ_AHEAD: usize = 8 << 10;

/// What is asked for.
#[derive(Clone, Copy)]
enum Wanted {
    /// The ids from here on are replaced.
    Suffix(EntryId),
    /// All ids are, and this is the next one.
    All(EntryId),
}

/// What came of it.
enum Outcome {
    /// The stream was cut: so many ids are gone.
    Done(Appended, u64),
    /// Nothing is to be cut: the stream ends there.
    AtEnd,
}

/// The frame behind which is cut, in P.
pub(in crate::stream) struct Clip {
    part: Arc<StreamSegment>,
    /// Where P's frames end, if it has no footer yet.
    pub(in crate::stream) written: Option<UnsealedSegment>,
    pub(in crate::stream) frame: LocatedFrame,
    /// Its header CRC.
    pub(in crate::stream) link: u32,
    /// What P's footer and slots say, where it is sealed as another stream's was.
    pub(in crate::stream) sealed_as: Option<(FrontierSlot, u32)>,
}

impl Clip {
    /// P.
    pub(in crate::stream) fn part(&self) -> &Arc<StreamSegment> {
        &self.part
    }

    /// Whether this is P.
    pub(in crate::stream) fn is_in(&self, part: &Arc<StreamSegment>) -> bool {
        Arc::ptr_eq(&self.part, part)
    }
}

/// The stream before and after.
pub(in crate::stream) struct Plan<'a> {
    pub(in crate::stream) before: Arc<SegmentList>,
    /// The id behind its last one.
    pub(in crate::stream) next_id: EntryId,
    /// The first id of Q.
    pub(in crate::stream) first_id: EntryId,
    pub(in crate::stream) clip: Option<Clip>,
    pub(in crate::stream) header: SegmentHeader,
    /// Q's frame, if it has one.
    pub(in crate::stream) frame: Option<FrameParts<'a>>,
    /// Where Q's frames end.
    pub(in crate::stream) end: SegmentEnd,
    /// The properties there.
    pub(in crate::stream) properties: PropertyPoint,
    pub(in crate::stream) slot: FrontierSlot,
    /// So many of the oldest segments lie below the first kept id that the slot says.
    pub(in crate::stream) truncated: usize,
}

impl Plan<'_> {
    /// Up to where Q's file has blocks.
    fn allocated_end(&self) -> FileOffset {
        self.end.offset + footer_reserve(self.end.offset)
    }

    /// The segments that stay as they are, P included.
    fn kept(&self) -> impl Iterator<Item = Arc<StreamSegment>> + '_ {
        let parts = self.before.parts.iter().take(self.stays());
        parts.skip(self.truncated).cloned()
    }

    /// How many parts lie in front of Q, P included.
    fn stays(&self) -> usize {
        match self.clip {
            Some(_) => self
                .before
                .parts
                .partition_point(|part| part.segment.first_id() < self.first_id),
            None => 0,
        }
    }

    /// One past the last id that both streams have.
    fn common_end(&self) -> EntryId {
        match self.clip {
            Some(_) => self.first_id,
            None => self.before.first_kept,
        }
    }
}

impl StreamInner {
    /// Replaces the ids from `from_id` on by the entries. Durable on return.
    pub fn replace_suffix(&self, from_id: u64, append: &Append<'_>) -> Result<Appended> {
        let from = EntryId(from_id);
        self.check_replacement(from, append)?;
        let at_end = Append {
            expected_id: Some(from_id),
            durability: Durability::Durable,
            ..*append
        };
        loop {
            match self.cut(Wanted::Suffix(from), append)? {
                Outcome::Done(appended, _) => return Ok(appended),
                Outcome::AtEnd => {}
            }
            match self.append_with(&at_end) {
                // Another thread has appended since: that is cut.
                Err(Error::SequenceMismatch { found, .. }) if found > from_id => {}
                appended => return appended,
            }
        }
    }

    /// Removes the ids from `from_id` on, and returns how many there were. Durable on return.
    pub fn truncate_suffix(&self, from_id: u64) -> Result<u64> {
        match self.cut(Wanted::Suffix(EntryId(from_id)), &Append::default())? {
            Outcome::Done(_, count) => Ok(count),
            Outcome::AtEnd => Ok(0),
        }
    }

    /// Replaces all ids by the entries, the first of which gets `next_id`. Durable on return. Begins
    /// the stream, if there is none.
    pub fn reset(&self, next_id: u64, append: &Append<'_>) -> Result<Appended> {
        let first_id = EntryId(next_id);
        self.check_replacement(first_id, append)?;
        match self.cut(Wanted::All(first_id), append)? {
            Outcome::Done(appended, _) => Ok(appended),
            Outcome::AtEnd => Err(self.poisoned_or_closed()),
        }
    }

    /// No reset ends there.
    fn poisoned_or_closed(&self) -> Error {
        self.check_poisoned().err().unwrap_or(Error::Closed)
    }

    fn check_replacement(&self, first_id: EntryId, append: &Append<'_>) -> Result<()> {
        match append.expected_id {
            Some(expected) if expected != first_id.0 => Err(Error::SequenceMismatch {
                expected,
                found: first_id.0,
            }),
            _ => Ok(()),
        }
    }

    fn cut(&self, wanted: Wanted, append: &Append<'_>) -> Result<Outcome> {
        // A snapshot is taken of what is there at one moment.
        let _removals = self.context.removals.read();
        let mut alloc = self.alloc.lock();
        let (cut, detached_maps) = self.group_commit.exclusive(|| {
            let cut = self.cut_alone(&mut alloc, wanted, append);
            (cut, self.tail.lock().take_detached_maps())
        });
        drop(alloc);
        drop(detached_maps);
        cut.inspect_err(|error| self.latch_if_detached(error))
    }

    /// The steps, while no thread leads or makes segments.
    fn cut_alone(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        append: &Append<'_>,
    ) -> Result<Outcome> {
        // 1.
        let _waiting = self.hold_for_cut()?;
        self.cut_held(alloc, wanted, append)
    }

    /// The steps, while appends wait.
    fn cut_held(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        append: &Append<'_>,
    ) -> Result<Outcome> {
        self.settle_held()?;
        // 2.
        let (frame, properties) = self.first_frame_of_cut(append)?;
        let Some(plan) = self.plan_cut(alloc, wanted, (frame.as_ref(), properties))? else {
            return Ok(Outcome::AtEnd);
        };
        let ids = self.carry_out(alloc, &plan)?;
        let mark = self.mark_of(self.tail.lock().written_place());
        let gone = plan.next_id.0.saturating_sub(plan.first_id.0);
        Ok(Outcome::Done(Appended { ids, mark }, gone))
    }

    /// Returns once appends wait. They go on when what it returns is dropped.
    fn hold_for_cut(&self) -> Result<Waiting<'_>> {
        self.context.check_root()?;
        self.hold_appends()?;
        Ok(Waiting(self))
    }

    /// Step 1: returns once appends wait and everything written is durable. Appends go on when what it
    /// returns is dropped. The caller leads the group alone.
    pub(in crate::stream) fn settle_for_cut(&self) -> Result<Waiting<'_>> {
        let waiting = self.hold_for_cut()?;
        self.settle_held()?;
        Ok(waiting)
    }

    /// Makes durable all that is written, while appends wait.
    fn settle_held(&self) -> Result<()> {
        self.make_written_durable()
            .map_err(|error| error.duplicate())?;
        // A slot that could not be stored has latched, whatever the round answers.
        self.check_poisoned()?;
        self.check_sealed()?;
        self.settle_empty_segment()
    }

    /// Steps 3 to 7. Returns the ids of Q.
    pub(in crate::stream) fn carry_out(
        &self,
        alloc: &mut AllocState,
        plan: &Plan<'_>,
    ) -> Result<Range<u64>> {
        // 3.
        let file = self.make_cut_segment(alloc, plan)?;
        // 4. and 5.
        let mut guard = self.cuts.begin();
        self.name_cut_segment(plan, &mut guard)?;
        // 6.
        let part = self.switch_to(alloc, plan, file, &mut guard)?;
        drop(guard);
        // 7.
        self.clean_up(alloc, plan, &part);
        Ok(plan.first_id.0..plan.end.next_id.0)
    }

    /// The frame that Q begins with, if it needs one, and the properties behind it: what the stream has,
    /// with the changes that are asked for.
    fn first_frame_of_cut<'a>(
        &self,
        append: &Append<'a>,
    ) -> Result<(Option<PreparedFrame<'a>>, PropertyPoint)> {
        let point = self.tail.lock().written_properties().clone();
        let map = match append.properties {
            [] => point.to_carry().cloned(),
            changes => Some(self.changed_properties(&point, changes)?),
        };
        let compress_from = self.compress_from();
        let frame = match (map, append.entries) {
            (Some(map), entries) => {
                let at = FileOffset(HEADER_AREA_LEN);
                let held = PropertyPoint::held(map.clone(), at);
                let frame = PreparedFrame::with_properties(entries, map, compress_from);
                return match frame {
                    Ok(frame) => Ok((Some(frame), held)),
                    Err(error) => Err(self.unprepared(error)),
                };
            }
            (None, []) => None,
            (None, entries) => Some(
                PreparedFrame::many(entries, compress_from)
                    .map_err(|error| self.unprepared(error))?,
            ),
        };
        // None, or lost.
        Ok((frame, point))
    }

    /// A segment that was made for an append that then failed is void from now on. Its header must
    /// say so, whatever the power failure leaves that comes before it is removed.
    fn settle_empty_segment(&self) -> Result<()> {
        let active = self.tail.lock().active().cloned();
        let is_new = |active: &Arc<StreamSegment>| !active.name_synced.load(Ordering::Acquire);
        let Some(active) = active.filter(is_new) else {
            return Ok(());
        };
        let (file, _) = self.write_file(&active)?;
        file.sync_all().map_err(|error| {
            let error = Arc::new(Error::io(error, active.segment.context()));
            self.poison(Arc::clone(&error));
            error.duplicate()
        })
    }

    /// What is to be done; `None`: the stream ends where the suffix begins.
    fn plan_cut<'a>(
        &self,
        alloc: &mut AllocState,
        wanted: Wanted,
        (frame, properties): (Option<&'a PreparedFrame<'_>>, PropertyPoint),
    ) -> Result<Option<Plan<'a>>> {
        let before = self.segments();
        let next_id = self.tail.lock().written().next_id;
        let (first_id, clip) = match wanted {
            Wanted::All(first_id) => (first_id, None),
            Wanted::Suffix(from) if from > next_id => {
                return Err(self.mismatch(from, next_id));
            }
            Wanted::Suffix(from) if from == next_id => return Ok(None),
            Wanted::Suffix(from) if from < before.first_kept => {
                return Err(self.mismatch(from, before.first_kept));
            }
            Wanted::Suffix(from) if from.0 <= self.first_id() => (from, None),
            Wanted::Suffix(from) => (from, Some(self.frame_before(&before, from)?)),
        };
        let is_reset = matches!(wanted, Wanted::All(_));
        self.check_cut_floor(first_id, is_reset)?;
        let count = frame.map_or(0, |frame| u64::from(frame.entry_count()));
        if first_id.0.checked_add(count).is_none() {
            return Err(Error::TooLarge {
                size_bytes: frame.map_or(0, |frame| frame.frame_len()),
                limit_bytes: 0,
            });
        }
        let given = || self.context.identity.incarnation();
        let replaces = match &clip {
            Some(clip) => Replaces::Suffix {
                clip_frame: clip.frame.offset,
            },
            None => Replaces::All,
        };
        let header = SegmentHeader {
            key: Arc::clone(&self.key),
            first_id,
            generation: alloc.generation + 1,
            predecessor: clip.as_ref().map(|clip| Predecessor {
                end_id: first_id,
                link: clip.link,
            }),
            lost_from: first_id,
            first_kept_id: match clip {
                Some(_) => before.first_kept,
                None => first_id,
            },
            truncation_epoch: before.truncation_epoch + 1,
            incarnation: *alloc.incarnation.get_or_insert_with(given),
            replaces,
        };
        let at = FileOffset(HEADER_AREA_LEN);
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let frame = frame
            .map(|frame| frame.parts(header.seed(), at, first_id, 0))
            .transpose()
            .map_err(io)?;
        let end = first_end(first_id, frame.as_ref());
        let slot = FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: header.first_kept_id,
            truncation_epoch: header.truncation_epoch,
            properties: properties.slot(),
        };
        Ok(Some(Plan {
            before,
            next_id,
            first_id,
            clip,
            header,
            frame,
            end,
            properties,
            slot,
            truncated: 0,
        }))
    }

    /// Refuses to cut what a checkpoint counts on.
    pub(in crate::stream) fn check_cut_floor(
        &self,
        first_id: EntryId,
        is_reset: bool,
    ) -> Result<()> {
        let floor = self.cut_floor.load(Ordering::Acquire);
        if first_id.0 < floor || (is_reset && floor > 0) {
            let what = format!("a checkpoint counts on ids below {floor} of {:?}", self.key);
            return Err(Error::Config(what));
        }
        Ok(())
    }

    /// The frame that holds the id before the cut; the entry is read and checked.
    pub(in crate::stream) fn frame_before(
        &self,
        segments: &SegmentList,
        from: EntryId,
    ) -> Result<Clip> {
        let last = EntryId(from.0 - 1);
        let part = match segments.holder(last) {
            SegmentFor::Segment(part) => part,
            SegmentFor::Lost { .. } | SegmentFor::Truncated => {
                return Err(self.lost_error(last, from));
            }
        };
        if self.read(last, |_, _, _| Ok(()))?.is_none() {
            return Err(self.lost_error(last, from));
        }
        let (segment, file) = (&part.segment, self.open_reader(&part)?);
        let limit = segment.limit();
        let mut window = ReadBuffer::new();
        let located = locate(segment, &file, &mut window, last, READ_AHEAD, limit);
        let frame = located
            .map_err(|error| Error::io(error, segment.context()))?
            .map_err(|damage| crate::segment::damage_error(segment, &damage))?;
        let link = header_crc_of(&frame.header.encode(segment.seed, frame.offset));
        let unsealed = self.tail.lock().oldest_unsealed(usize::MAX);
        let mut unsealed = unsealed.into_iter();
        let written = unsealed.find(|one| Arc::ptr_eq(&one.part, &part));
        Ok(Clip {
            part,
            written,
            frame,
            link,
            sealed_as: None,
        })
    }

    /// 3. Makes Q whole under the temporary name.
    fn make_cut_segment(
        &self,
        alloc: &mut AllocState,
        plan: &Plan<'_>,
    ) -> Result<Arc<dyn StorageFile>> {
        self.make_directory(alloc)?;
        // Made for a stream that grows; its name is used now.
        alloc.spare = NextSegmentFile::Absent;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let mut slices = Vec::new();
        if let Some((_, prefix, rest)) = &plan.frame {
            crate::error::memory::reserve(&mut slices, rest.len() + 1).map_err(io)?;
            slices.push(IoSlice::new(prefix));
            slices.extend(rest.iter().map(|part| IoSlice::new(part)));
        }
        let (storage, len) = (&*self.context.storage, plan.allocated_end().0);
        let make = || create_whole(storage, &self.dir, &plan.header, &slices, &plan.slot, len);
        self.context.with_fd_retry(make).map_err(io)
    }

    /// 4. and 5. Gives Q its name, durably.
    fn name_cut_segment(&self, plan: &Plan<'_>, guard: &mut CutGuard<'_>) -> Result<()> {
        let storage = &*self.context.storage;
        let io = |error: io::Error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let is_ours = plan.before.part_at(plan.first_id).is_some();
        match name_whole(storage, &self.dir, &plan.header, is_ours) {
            Naming::Done => {}
            Naming::Refused(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let name = crate::format::segment_file_name(plan.first_id);
                let path = self.dir.join(name);
                return Err(Error::InvalidFilename(format!(
                    "{} is not ours",
                    path.display()
                )));
            }
            Naming::Refused(error) => return Err(io(error)),
            Naming::Unknown(error) => {
                return Err(self.serve_what_both_have(plan, guard, io(error)));
            }
        }
        let synced = self
            .context
            .with_fd_retry(|| storage.sync_dir(&self.dir))
            .map_err(io)
            .and_then(|()| self.sync_own_name());
        synced.map_err(|error| self.serve_what_both_have(plan, guard, error))
    }

    /// Which of both streams survives a crash is not known: nothing else is served.
    fn serve_what_both_have(
        &self,
        plan: &Plan<'_>,
        guard: &mut CutGuard<'_>,
        error: Error,
    ) -> Error {
        let common = plan.common_end();
        guard.change(common);
        self.hide_from(plan, common);
        let parts = plan.before.parts.iter().take(plan.stays()).cloned();
        *self.segments.write() = Arc::new(SegmentList {
            first_kept: plan.before.first_kept,
            truncation_epoch: plan.before.truncation_epoch,
            parts: parts.collect(),
        });
        let error = Arc::new(error);
        self.poison(Arc::clone(&error));
        error.duplicate()
    }

    /// Readers see no id from `end` on any more.
    fn hide_from(&self, plan: &Plan<'_>, end: EntryId) {
        let end = end.min(plan.next_id);
        self.written_end.store(end.0, Ordering::Release);
        let acknowledged = self.acknowledged_end.load(Ordering::Acquire);
        self.acknowledged_end
            .store(acknowledged.min(end.0), Ordering::Release);
        self.set_durable_in_turn(end);
        let stays = plan.stays();
        if let Some(clip) = &plan.clip {
            let frame = Some(clip.frame.offset);
            clip.part.segment.clip(plan.first_id, frame);
        }
        for part in plan.before.parts.iter().skip(stays) {
            part.segment.clip(EntryId(0), None);
        }
    }

    /// The durable end after a cut, at the place where the stream is.
    fn set_durable_in_turn(&self, end_id: EntryId) {
        let point = self.tail.lock().written_place();
        // A group that has failed keeps its values, and the stream is poisoned.
        let _ = self.group_commit.set_in_turn(Reached { point, end_id });
    }

    /// 6. Readers and appends go on in the new stream.
    fn switch_to(
        &self,
        alloc: &mut AllocState,
        plan: &Plan<'_>,
        file: Arc<dyn StorageFile>,
        guard: &mut CutGuard<'_>,
    ) -> Result<Arc<StreamSegment>> {
        let dir = Arc::clone(&self.dir);
        let index = SparseIndex::empty();
        let segment = Segment::new(plan.header.clone(), dir, &plan.end, false, index);
        let part = match plan.end.last_frame {
            Some(_) => StreamSegment::new(segment, true),
            None => StreamSegment::without_entry(segment),
        };
        self.context.write_files.insert(&part.write_slot, file);
        guard.change(plan.first_id);
        self.hide_from(plan, plan.first_id);
        *self.segments.write() = Arc::new(SegmentList {
            first_kept: plan.slot.first_kept_id,
            truncation_epoch: plan.slot.truncation_epoch,
            parts: plan.kept().chain([Arc::clone(&part)]).collect(),
        });
        self.note_cut(&part, plan.slot.clone(), (&plan.end, &plan.properties));
        let mut tail = self.tail.lock();
        tail.renumber(plan.first_id);
        tail.continue_at_cut(
            &part,
            plan.end,
            plan.properties.clone(),
            plan.allocated_end(),
        );
        let frame_bytes = plan.end.offset.0 - HEADER_AREA_LEN;
        tail.count_cut(plan.end.next_id - plan.first_id, frame_bytes);
        self.attach_map(&mut tail, None);
        drop(tail);
        alloc.generation = plan.header.generation;
        self.set_durable_in_turn(plan.end.next_id);
        self.written_end
            .store(plan.end.next_id.0, Ordering::Release);
        self.acknowledge(plan.end.next_id.0);
        Ok(part)
    }

    /// 7. Seals P, and removes what is void. Failures are reported: nothing depends on it but space.
    fn clean_up(&self, alloc: &mut AllocState, plan: &Plan<'_>, part: &Arc<StreamSegment>) {
        if let Some(clip) = &plan.clip {
            if let Err(error) = self.seal_clipped(plan, clip) {
                self.report_remains(&error);
            }
        }
        let path = part.segment.path();
        alloc.reuse(&path);
        let truncated = plan.before.parts.iter().take(plan.truncated);
        let void = plan.before.parts.iter().skip(plan.stays());
        let void: Vec<_> = truncated.chain(void).collect();
        for part in &void {
            self.context.read_files.forget(&part.read_slot);
            self.context.write_files.forget(&part.write_slot);
        }
        let files = void.iter().map(|part| part.segment.path());
        // Q has the name of one of them, perhaps.
        let files = files.filter(|void| *void != path);
        if let Err(error) = self.remove_files(alloc, files) {
            self.report_remains(&error);
        }
    }

    fn report_remains(&self, error: &Error) {
        let message = format!("stream {:?} was cut; remains are left: {error}", self.key);
        self.context.note(log::Level::Warn, message);
    }

    /// Writes the footer of P, if it has none: its frames end behind the cut, and the footer says that
    /// its ids do not.
    fn seal_clipped(&self, plan: &Plan<'_>, clip: &Clip) -> Result<()> {
        let segment = &clip.part.segment;
        let Some(written) = &clip.written else {
            return Ok(());
        };
        let context = || segment.context();
        let (slot, link) = clip.sealed_as.clone().unwrap_or_else(|| {
            let slot = FrontierSlot {
                end: written.end.offset,
                next_id: plan.first_id,
                last_frame: Some(clip.frame.offset),
                properties: written.properties.clone().below(clip.frame.end()),
                ..plan.slot.clone()
            };
            (slot, clip.link)
        });
        let stated = SegmentEnd {
            link,
            ..SegmentEnd::of_slot(&slot)
        };
        let (file, _) = self.write_file(&clip.part)?;
        // By its epoch readers in other processes learn of the cut, also where the disk is full.
        let older = older_slot(&read_slots(&*file, segment.seed).in_context(context)?);
        store_slot(&*file, segment.seed, older, &slot).in_context(context)?;
        let refused = seal(segment, &file, &written.end, &stated, &slot)?;
        self.context.write_files.forget(&clip.part.write_slot);
        self.context.read_files.forget(&clip.part.read_slot);
        refused.map_or(Ok(()), Err)
    }
}

/// A stream whose appends wait, as long as this is there: for cuts of several streams at one moment. The
/// caller holds `removals` for reading. All else in the library holds the locks of one stream at most,
/// so several may be held, in any order.
#[cfg(feature = "sharded")]
pub struct HeldStream<'a> {
    // Dropped in this order: appends go on, then segments are made again.
    waiting: Waiting<'a>,
    alloc: MutexGuard<'a, AllocState>,
}

#[cfg(feature = "sharded")]
impl StreamInner {
    /// Makes appends wait, once those under way are in the kernel. Refused when the stream is poisoned,
    /// closed or deleted.
    pub fn hold(&self) -> Result<HeldStream<'_>> {
        let alloc = self.alloc.lock();
        self.hold_appends()?;
        let waiting = Waiting(self);
        Ok(HeldStream { waiting, alloc })
    }
}

#[cfg(feature = "sharded")]
impl HeldStream<'_> {
    /// Refuses if the ids from `from_id` on cannot be removed: the one before is damaged or lost.
    pub fn check_cut(&self, from_id: u64) -> Result<()> {
        let stream = self.waiting.0;
        let from = EntryId(from_id);
        let is_inside = stream.first_id() < from_id && from < stream.tail.lock().written().next_id;
        if is_inside {
            stream.frame_before(&stream.segments(), from)?;
        }
        Ok(())
    }

    /// Removes the ids from `from_id` on, durably, also where a checkpoint counted on them until now.
    pub fn cut(&mut self, from_id: u64) -> Result<()> {
        let (stream, alloc) = (self.waiting.0, &mut *self.alloc);
        stream.cut_floor.store(from_id, Ordering::Release);
        let next_id = stream.tail.lock().written().next_id;
        if next_id <= EntryId(from_id) {
            return Ok(());
        }
        let wanted = Wanted::Suffix(EntryId(from_id));
        let (cut, detached_maps) = stream.group_commit.exclusive(|| {
            let cut = stream.cut_held(alloc, wanted, &Append::default());
            (cut, stream.tail.lock().take_detached_maps())
        });
        drop(detached_maps);
        cut.map(drop)
    }

    /// Refuses appends until the log is opened again, for this reason.
    pub fn poison(&self, cause: &Arc<Error>) {
        self.waiting.0.poison(Arc::clone(cause));
    }
}

/// Where the frames of a segment end that holds at most this one.
fn first_end(first_id: EntryId, frame: Option<&FrameParts<'_>>) -> SegmentEnd {
    let empty = SegmentEnd::empty(first_id);
    let Some((header, prefix, _)) = frame else {
        return empty;
    };
    SegmentEnd {
        offset: empty.offset + header.len(),
        next_id: header.end_id(),
        last_frame: Some(empty.offset),
        last_frame_len: header.len() as u32,
        link: prefix.first_chunk().map_or(0, header_crc_of),
    }
}
