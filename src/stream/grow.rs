//! Where does room come from: blocks behind the tail, new segments?
//!
//! No id is given before the frame's bytes have blocks, so running out of space fails an append
//! and nothing else. A stretch of the file belongs to whoever secures it, under the upkeep lock,
//! until `secured` moves past it: appends never reach into it before.
//!
//! A crash while room is made leaves zeros behind the tail, or a temporary file; both are cleaned
//! up at open.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::PreparedFrame;
use crate::format::SegmentHeader;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::recovery::Next;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_segment;
use crate::segment::footer_reserve;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::is_out_of_space;
use crate::stream::StreamCore;
use crate::stream::catalogue::Part;
use crate::stream::leftovers::Leftovers;
use crate::stream::mapped::Mapped;
use crate::stream::seldom::Seldom;
use crate::stream::tail::Room;
use crate::stream::tail::Tail;
use crate::sync::atomic::Ordering;

/// The least and the most that is secured at once, beyond what a frame needs.
pub(super) const LEAST_STEP: u64 = 16 << 10;
pub(super) const MOST_STEP: u64 = 4 << 20;

/// The same where no zeros are written: an append that needs blocks waits for a sync under way.
const MOST_STEP_OF_BLOCKS: u64 = 16 << 20;

/// At most this part of the free space is taken ahead of need.
const FREE_SHARE: u64 = 16;

/// What only making room touches.
pub struct Upkeep {
    /// The generation of new segments.
    pub generation: u64,
    /// What all segments of the stream tell it from earlier ones of its key by. `None`: it has no
    /// segment yet.
    pub incarnation: Option<u64>,
    /// The stream's directory is there.
    pub dir_exists: bool,
    /// The next segment's file, made ahead.
    pub spare: Spare,
    /// Files that are no part of the stream any more and could not be removed.
    pub leftovers: Seldom<Leftovers>,
}

/// Whether the file of the next segment stands ready, closed, under its temporary name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spare {
    /// No.
    #[default]
    None,
    /// It is being made. Whoever makes it asks before it counts whether this still stands.
    Begun,
    /// Yes, with this length.
    Ready(u64),
}

impl StreamCore {
    /// Makes the segment that the next frame goes to: the first one, or a new one behind one that
    /// is full.
    pub(super) fn open_segment(&self, frame: &PreparedFrame<'_>) -> Result<()> {
        let mut upkeep = self.upkeep.lock();
        let mut tail = self.tail.lock();
        loop {
            self.admit(&tail)?;
            if !matches!(
                tail.room_for(frame, &self.environment.options),
                Room::NeedsSegment
            ) {
                return Ok(());
            }
            if tail.writing {
                self.progress.wait(&mut tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(&mut tail);
            } else {
                break;
            }
        }
        tail.rotating = true;
        let made = {
            let next = tail.next.as_deref().cloned();
            let (end, next) = (tail.written, next.unwrap_or(Next::Continue));
            let rotated = tail.active.is_some();
            self.beside_tail(&mut tail, || {
                self.make_segment(&mut upkeep, frame.frame_len(), end, next, rotated)
            })
        };
        tail.rotating = false;
        self.progress.notify_all();
        let (part, secured, mapped) = made?;
        self.install(&mut tail, part, secured);
        self.use_map(&mut tail, mapped);
        Ok(())
    }

    fn make_segment(
        &self,
        upkeep: &mut Upkeep,
        frame_len: u64,
        end: SegmentEnd,
        next: Next,
        rotated: bool,
    ) -> Result<(Arc<Part>, FileOffset, Option<Mapped>)> {
        self.environment.check_root()?;
        let is_first = !upkeep.dir_exists;
        self.make_directory(upkeep)?;
        let header = self.next_header(upkeep, end, next, rotated);
        let start = FileOffset(HEADER_AREA_LEN);
        let frame_end = start + frame_len;
        let needed = (frame_end + footer_reserve(frame_end)) - start;
        let ready = match std::mem::take(&mut upkeep.spare) {
            Spare::Ready(len) => Some(len),
            // One that is begun is overtaken: its file is removed, and its maker finds out.
            Spare::Begun | Spare::None => None,
        };
        let wanted = needed.max(LEAST_STEP.min(self.environment.options.max_segment_size));
        let room = ready
            .map_or(wanted, |len| len - HEADER_AREA_LEN)
            .max(needed);
        let storage = &*self.environment.storage;
        // For the first try only: a try that fails has used it up.
        let mut spare = ready.is_some();
        let path = self.dir.join(segment_file_name(header.first_id));
        let file = self
            .environment
            .opening(|| {
                let spare = std::mem::take(&mut spare);
                let file = create_segment(storage, &self.dir, &header, spare, room)?;
                self.check_descriptors(&path, 1 + usize::from(rotated))?;
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
        let part = Part::new(segment, false);
        self.environment.write_files.admit(&part.write_slot, file);
        // Where ids were lost, the file may be the only record of them before this segment is durable.
        let records_loss = part.segment.header.lost_from < part.segment.first_id();
        if (is_first || self.catalogue.read().parts.is_empty()) && !records_loss {
            self.write_index_file(&[]);
        }
        let mapped = self.map_new(&part, start + room);
        Ok((part, start + room, mapped))
    }

    /// The round that makes a new segment durable opens its directory, and the segment before it
    /// if that was closed. Without descriptors for that it would fail for good; so the append
    /// fails now, which costs nothing.
    fn check_descriptors(&self, path: &Path, count: usize) -> io::Result<()> {
        let storage = &self.environment.storage;
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

    pub(super) fn make_directory(&self, upkeep: &mut Upkeep) -> Result<()> {
        if upkeep.dir_exists {
            return Ok(());
        }
        let storage = &self.environment.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        match storage.create_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if storage.kind(&self.dir).map_err(io)? != Some(EntryKind::Directory) {
                    let what = format!("{} is not a directory", self.dir.display());
                    return Err(Error::InvalidFilename(what));
                }
                if storage.is_link(&self.dir).map_err(io)? {
                    self.environment.own_linked(&self.dir, &self.key)?;
                }
            }
            made => made.map_err(io)?,
        }
        upkeep.dir_exists = true;
        self.dir_made
            .store(self.environment.count_dir(), Ordering::Release);
        Ok(())
    }

    pub(super) fn next_header(
        &self,
        upkeep: &mut Upkeep,
        end: SegmentEnd,
        next: Next,
        rotated: bool,
    ) -> SegmentHeader {
        let given = || self.environment.identity.incarnation();
        let (first_id, lost_from, predecessor) = match next {
            Next::Fresh {
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
        let catalogue = self.catalogue();
        SegmentHeader {
            key: Arc::clone(&self.key),
            first_id,
            generation: upkeep.generation,
            predecessor,
            lost_from,
            first_kept_id: catalogue.first_kept,
            cut_epoch: catalogue.cut_epoch,
            incarnation: *upkeep.incarnation.get_or_insert_with(given),
        }
    }

    fn install(&self, tail: &mut Tail, part: Arc<Part>, secured: FileOffset) {
        if let Some(full) = tail.active.take() {
            tail.unsealed.get_mut().push_back((full, tail.written));
        }
        let end = SegmentEnd::empty(part.segment.first_id());
        tail.reserved = end;
        tail.written = end;
        tail.staged_at = end.offset;
        tail.secured = secured;
        tail.rested_at = end.offset;
        tail.retire_map();
        tail.next = None;
        tail.active = Some(Arc::clone(&part));
        // Copied if a reader holds it: a node on each level of the list, however long that is.
        Arc::make_mut(&mut self.catalogue.write()).parts.push(part);
        // What failed for one segment is tried again for the next.
        tail.spare_tried = false;
        tail.ahead_refused_at = None;
        tail.map_refused_at = None;
        self.written_end.store(end.next_id.0, Ordering::Release);
    }

    /// Secures blocks for one more frame of this length, and some to come.
    pub(super) fn secure_space(&self, frame_len: u64) -> Result<()> {
        let _upkeep = self.upkeep.lock();
        let (active, needed, secured, used) = {
            let tail = self.tail.lock();
            // The log may have been closed on the way here: its files are another's by now.
            self.admit(&tail)?;
            let Some(active) = tail.active.clone() else {
                return Ok(());
            };
            let needed = tail.needed_for(frame_len);
            if needed <= tail.secured {
                return Ok(());
            }
            let used = tail.reserved.offset.0.saturating_sub(tail.rested_at.0);
            (active, needed, tail.secured, used)
        };
        let io = |error| Error::io(error, active.segment.context().offset(secured.0));
        let (file, _) = self.write_file(&active)?;
        let ahead = self.step_ahead(used, secured).max(needed);
        let mut to = ahead;
        if let Err(error) = file.allocate(secured.0, ahead - secured) {
            if ahead == needed || !is_out_of_space(&error) {
                return Err(io(error));
            }
            to = needed;
            file.allocate(secured.0, needed - secured).map_err(io)?;
        }
        self.map_secured(&active, to);
        self.tail.lock().secured = to;
        Ok(())
    }

    /// What is secured at once in a segment that holds so many bytes.
    pub(super) fn step(&self, used: u64) -> u64 {
        let writes_zeros = self.environment.options.sync_mode == SyncMode::Strict;
        let most = if writes_zeros {
            MOST_STEP
        } else {
            MOST_STEP_OF_BLOCKS
        };
        used.clamp(LEAST_STEP, most)
    }

    /// How far to secure ahead of need: a share of what was appended, of what the segment may hold,
    /// and of what is free.
    pub(super) fn step_ahead(&self, used: u64, secured: FileOffset) -> FileOffset {
        let free = self
            .environment
            .storage
            .available_bytes(&self.dir)
            .unwrap_or(0);
        let step = self.step(used).min(free / FREE_SHARE);
        let full =
            FileOffset(HEADER_AREA_LEN.saturating_add(self.environment.options.max_segment_size));
        let most = FileOffset(
            full.0
                .saturating_add(footer_reserve(full.min(FileOffset(1 << 40)))),
        );
        (secured + step).min(most).max(secured)
    }
}
