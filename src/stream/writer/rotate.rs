//! Where space comes from when an append needs it: new segments, blocks behind the tail.
//!
//! No id is given before the frame's bytes have blocks, so running out of space fails an append
//! and nothing else. The file behind `allocated_end` belongs to the thread that holds the alloc lock,
//! until `allocated_end` moves past it: appends never reach into it before.
//!
//! A crash while space is made leaves zeros behind the tail, or a temporary file; both are cleaned
//! up at open.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::PreparedFrame;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::Ordering;
use crate::recovery::NextAppend;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_segment;
use crate::segment::footer_reserve;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::is_out_of_space;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::append::FrameTerms;
use crate::stream::writer::tail::Admission;
use crate::stream::writer::tail::FailureMarks;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::UnsealedSegment;
use crate::stream::writer::tail::WriterPhase;
use crate::stream::writer::write_map::WriteMap;

/// Files that left the stream and could not be removed (`stream/lifecycle/unremoved_files.rs`).
pub type Leftovers = BTreeSet<PathBuf>;

/// What only the thread that makes space touches.
pub struct AllocState {
    /// The generation of new segments.
    pub generation: u64,
    /// The incarnation, which distinguishes the stream from earlier ones of its key. `None`: it has no
    /// segment yet.
    pub incarnation: Option<u64>,
    /// The stream's directory is there.
    pub dir_exists: bool,
    /// The next segment's file, prepared ahead.
    pub spare: NextSegmentFile,
    /// Files that are no part of the stream any more and could not be removed.
    pub leftovers: Option<Box<Leftovers>>,
}

/// Whether the file of the next segment stands ready, closed, under its temporary name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextSegmentFile {
    /// No.
    #[default]
    Absent,
    /// A helper prepares it, and checks this again before the file counts.
    Preparing,
    /// Yes, with this length.
    Ready(u64),
}

/// A new segment, up to where its file has blocks, and its map.
type MadeSegment = (Arc<StreamSegment>, FileOffset, Option<WriteMap>);

impl StreamInner {
    /// Makes the segment that the next frame goes to: the first one, or a new one behind one that
    /// is full.
    pub(in crate::stream) fn open_segment(
        &self,
        frame: &PreparedFrame<'_>,
        terms: &FrameTerms<'_>,
    ) -> Result<()> {
        let mut alloc = self.alloc.lock();
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            self.check_expected(&tail, terms)?;
            if !matches!(tail.check_space(frame, &self.settings), Admission::Rotate) {
                return Ok(());
            }
            if tail.phase == WriterPhase::Writing {
                self.tail_changed.wait(&mut tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(&mut tail);
            } else {
                break;
            }
        }
        tail.begin_rotation();
        let made = {
            let next = tail.next.as_deref().cloned();
            let (end, next) = (tail.written, next.unwrap_or(NextAppend::Continue));
            let rotated = tail.active.is_some();
            let first_len = tail.first_len(frame);
            self.with_tail_unlocked(&mut tail, || {
                self.make_segment(&mut alloc, first_len, end, next, rotated)
            })
        };
        self.end_opening(&mut tail, made)
    }

    /// Makes the segment that this header, a primary's, describes, behind the active one: a replica
    /// rotates where the primary did. `check` refuses where the stream does not end as it must; the tail
    /// is at rest then.
    pub(in crate::stream) fn open_segment_of(
        &self,
        header: &SegmentHeader,
        frames_len: u64,
        check: impl Fn(&Tail) -> Result<()>,
    ) -> Result<()> {
        let mut alloc = self.alloc.lock();
        let mut tail = self.tail_at_rest()?;
        check(&tail)?;
        tail.begin_rotation();
        let made = self.with_tail_unlocked(&mut tail, || {
            self.context.check_root()?;
            self.make_segment_of(&mut alloc, header.clone(), frames_len, (false, true))
        });
        self.end_opening(&mut tail, made)
    }

    /// The tail, once nothing is staged or under way.
    pub(in crate::stream) fn tail_at_rest(&self) -> Result<MutexGuard<'_, Tail>> {
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            if tail.phase != WriterPhase::Idle {
                self.tail_changed.wait(&mut tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(&mut tail);
            } else {
                return Ok(tail);
            }
        }
    }

    /// Appends go on, in the new segment if it was made.
    fn end_opening(&self, tail: &mut Tail, made: Result<MadeSegment>) -> Result<()> {
        tail.end_rotation();
        self.tail_changed.notify_all();
        let (part, allocated_end, mapped) = made?;
        self.activate_segment(tail, part, allocated_end);
        self.attach_map(tail, mapped);
        Ok(())
    }

    fn make_segment(
        &self,
        alloc: &mut AllocState,
        frame_len: u64,
        end: SegmentEnd,
        next: NextAppend,
        rotated: bool,
    ) -> Result<MadeSegment> {
        self.context.check_root()?;
        let is_first = !alloc.dir_exists;
        self.make_directory(alloc)?;
        let header = self.header_for_next(alloc, end, next, rotated);
        self.make_segment_of(alloc, header, frame_len, (is_first, rotated))
    }

    /// The same with this header, where the stream's directory is there.
    fn make_segment_of(
        &self,
        alloc: &mut AllocState,
        header: SegmentHeader,
        frame_len: u64,
        (is_first, rotated): (bool, bool),
    ) -> Result<MadeSegment> {
        let start = FileOffset(HEADER_AREA_LEN);
        let frame_end = start + frame_len;
        let needed = (frame_end + footer_reserve(frame_end)) - start;
        let ready = match std::mem::take(&mut alloc.spare) {
            NextSegmentFile::Ready(len) => Some(len),
            // One in preparation is overtaken: its file is removed, and the helper finds out.
            NextSegmentFile::Preparing | NextSegmentFile::Absent => None,
        };
        let prepared = ready.map(|len| len - HEADER_AREA_LEN);
        let len = self.space_limits().first_len(needed, prepared);
        let storage = &*self.context.storage;
        // For the first try only: a try that fails has used it up.
        let mut spare = ready.is_some();
        let path = self.dir.join(segment_file_name(header.first_id));
        // A void file of that name, which a cut could not remove, is replaced.
        alloc.reuse(&path);
        let file = self
            .context
            .with_fd_retry(|| {
                let spare = std::mem::take(&mut spare);
                let file = create_segment(storage, &self.dir, &header, spare, len)?;
                self.reserve_descriptors(&path, 1 + usize::from(rotated))?;
                Ok(file)
            })
            .map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    return Error::InvalidFilename(format!("{} is not ours", path.display()));
                }
                Error::io(error, ErrorContext::at(&self.dir).stream(&self.key))
            })?;
        let end = SegmentEnd::empty(header.first_id);
        let dir = Arc::clone(&self.dir);
        let segment = Segment::new(header, dir, &end, false, SparseIndex::empty());
        let part = StreamSegment::new(segment, false);
        self.context.write_files.insert(&part.write_slot, file);
        // Where ids were lost, the file may be the only record of them before this segment is durable.
        let records_loss = part.segment.header.lost_from < part.segment.first_id();
        if (is_first || self.segments.read().parts.is_empty()) && !records_loss {
            self.write_index_file(&[]);
        }
        let mapped = self.map_new_segment(&part, start + len);
        Ok((part, start + len, mapped))
    }

    /// The round that makes a new segment durable opens its directory, and the segment before it
    /// if that was closed. Without descriptors for that it would fail for good; so the append
    /// fails now, which costs nothing.
    fn reserve_descriptors(&self, path: &Path, count: usize) -> io::Result<()> {
        let storage = &self.context.storage;
        let mut opened = Vec::with_capacity(count);
        for _ in 0..count {
            match storage.open_file(path, Access::Read) {
                Ok(file) => opened.push(file),
                Err(error) => {
                    // What is left is replaced by the next try, or removed at open.
                    let _ = storage.remove_file(path);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    pub(in crate::stream) fn make_directory(&self, alloc: &mut AllocState) -> Result<()> {
        if alloc.dir_exists {
            return Ok(());
        }
        let storage = &self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        match storage.create_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if storage.kind(&self.dir).map_err(io)? != Some(EntryKind::Directory) {
                    let what = format!("{} is not a directory", self.dir.display());
                    return Err(Error::InvalidFilename(what));
                }
                if storage.is_link(&self.dir).map_err(io)? {
                    self.context.own_linked(&self.dir, &self.key)?;
                }
            }
            made => made.map_err(io)?,
        }
        alloc.dir_exists = true;
        self.dir_number
            .store(self.context.next_dir_number(), Ordering::Release);
        Ok(())
    }

    pub(in crate::stream) fn header_for_next(
        &self,
        alloc: &mut AllocState,
        end: SegmentEnd,
        next: NextAppend,
        rotated: bool,
    ) -> SegmentHeader {
        let given = || self.context.identity.incarnation();
        let (first_id, lost_from, predecessor) = match next {
            NextAppend::AfterLoss {
                first_id,
                lost_from,
                predecessor,
            } if !rotated => (first_id, lost_from, predecessor),
            _ if rotated => {
                let predecessor = Predecessor {
                    end_id: end.next_id,
                    link: end.link,
                };
                (end.next_id, end.next_id, Some(predecessor))
            }
            _ => (EntryId(0), EntryId(0), None),
        };
        let segments = self.segments();
        SegmentHeader {
            key: Arc::clone(&self.key),
            first_id,
            generation: alloc.generation,
            predecessor,
            lost_from,
            first_kept_id: segments.first_kept,
            truncation_epoch: segments.truncation_epoch,
            incarnation: *alloc.incarnation.get_or_insert_with(given),
            replaces: Replaces::Nothing,
        }
    }

    fn activate_segment(
        &self,
        tail: &mut Tail,
        part: Arc<StreamSegment>,
        allocated_end: FileOffset,
    ) {
        if let Some(full) = tail.active.take() {
            let full = UnsealedSegment {
                part: full,
                end: tail.written,
                place: tail.written_place(),
                properties: tail.written_properties().slot(),
            };
            tail.unsealed.get_or_insert_default().push_back(full);
            tail.count_rotation();
        }
        tail.continue_in(&part, allocated_end);
        // What failed for one segment is tried again for the next.
        tail.ahead.failed = FailureMarks::default();
        // Copied if a reader holds it: a node on each level of the list, however long that is.
        Arc::make_mut(&mut self.segments.write()).parts.push(part);
        let end_id = tail.written.next_id.0;
        self.written_end.store(end_id, Ordering::Release);
    }

    /// Secures blocks for one more frame of this length, and some to come.
    pub(in crate::stream) fn ensure_allocated(&self, frame_len: u64) -> Result<()> {
        let _upkeep = self.alloc.lock();
        let (active, needed, allocated_end, used) = {
            let tail = self.tail.lock();
            // The log may have been closed on the way here: its files are another's by now.
            self.check_writable(&tail)?;
            let Some(active) = tail.active.clone() else {
                return Ok(());
            };
            let needed = tail.required_end(frame_len);
            if needed <= tail.allocated_end {
                return Ok(());
            }
            let used = tail
                .reserved
                .offset
                .0
                .saturating_sub(tail.idle.released_at.0);
            (active, needed, tail.allocated_end, used)
        };
        let io = |error| Error::io(error, active.segment.context().offset(allocated_end.0));
        let (file, _) = self.write_file(&active)?;
        let ahead = self.preallocation_target(used, allocated_end).max(needed);
        let mut to = ahead;
        if let Err(error) = file.allocate(allocated_end.0, ahead - allocated_end) {
            if ahead == needed || !is_out_of_space(&error) {
                return Err(io(error));
            }
            to = needed;
            file.allocate(allocated_end.0, needed - allocated_end)
                .map_err(io)?;
        }
        self.populate_allocated(&active, to);
        self.tail.lock().allocated_end = to;
        Ok(())
    }
}
