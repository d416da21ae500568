//! How a planned cut is carried out: steps 3 to 7 of `cut`, which says what a crash or a failure after
//! each leaves.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use crate::commit::Reached;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::ids::EntryId;
use crate::primitives::atomic::Ordering;
use crate::segment::Naming;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_whole;
use crate::segment::name_whole;
use crate::segment::older_slot;
use crate::segment::read_slots;
use crate::segment::seal;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::stream::StreamInner;
use crate::stream::lifecycle::cut_plan::Clip;
use crate::stream::lifecycle::cut_plan::Plan;
use crate::stream::reader::cuts::CutGuard;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::NextSegmentFile;

impl StreamInner {
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
