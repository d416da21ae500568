//! How does one stream get into a snapshot while another process writes it?
//!
//! The stream's end is what the follower found ([`StreamInner::live_end`]). The files go into the snapshot
//! newest first:
//!
//! 1. segments before the one with the end: those behind which an entry is known to be durable get a second
//!    name; a frontier passes a segment only once it is synced with its footer, so nothing of them is
//!    unsynced. All others are copied, and the copies synced. A segment without a footer gets one in
//!    its copy;
//! 2. the segment with the end is copied up to it, both slots stating that end;
//! 3. the directory is synced.
//!
//! The writer waits for nothing. So each file is recognised by its header before and after the copy, and
//! frames that were not yet durable are checked in the copy. A segment that is missing was truncated, with all
//! before it: the follower looks again, and the snapshot begins where the stream begins now. Whatever
//! else has changed, the caller begins again. Failure: the caller removes the directory.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SECTOR_LEN;
use crate::format::SLOT_COUNT;
use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::ids::EntryId;
use crate::recovery::CheckDepth;
use crate::recovery::good_frames;
use crate::recovery::load_last_frame;
use crate::segment::PropertyPoint;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::seal;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::remove_file_if_there;
use crate::stream::StreamInner;
use crate::stream::follower::FullSegment;
use crate::stream::lifecycle::copy_progress::CopyProgress;
use crate::stream::lifecycle::copy_progress::StreamProgress;
use crate::stream::lifecycle::snapshot::SnapshotCounts;
use crate::stream::lifecycle::snapshot::copy_bytes;
use crate::stream::reader::look::newest_slot;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// Where a stream that another process writes ended when it was looked at.
pub struct LiveEnd {
    segments: Arc<SegmentList>,
    newest: (Arc<StreamSegment>, SegmentEnd),
    properties: PropertyPoint,
    /// Segments before the newest one without a footer.
    full: Vec<FullSegment>,
    /// One past the last id known to be durable.
    durable_end: EntryId,
}

/// Where a stream goes in a snapshot.
struct SnapshotTarget<'a> {
    dir: &'a Path,
    /// Segments get a second name where that is safe and the file system can.
    links: bool,
    counts: SnapshotCounts,
    progress: StreamProgress<'a>,
}

/// The first id kept, and the number of the truncation that said so.
type FirstKept = (EntryId, u64);

impl LiveEnd {
    /// One past the last entry.
    pub fn next_id(&self) -> u64 {
        self.newest.1.next_id.0
    }

    /// The bytes of the stream, up to its end.
    pub fn bytes(&self) -> u64 {
        let parts = self.segments.parts.iter();
        parts.map(|part| self.end_offset(part)).sum()
    }

    /// How many bytes of a segment belong to the stream.
    fn end_offset(&self, part: &Arc<StreamSegment>) -> u64 {
        let (newest, newest_end) = &self.newest;
        let full = || self.full.iter().find(|full| Arc::ptr_eq(&full.part, part));
        match Arc::ptr_eq(newest, part) {
            true => newest_end.offset.0,
            false => full().map_or(part.segment.limit().0.0, |full| full.end.offset.0),
        }
    }

    /// Whether the stream was the same at both looks.
    pub fn is_same(&self, other: &Self) -> bool {
        is_same_list(&self.segments, &other.segments)
            && Arc::ptr_eq(&self.newest.0, &other.newest.0)
            && self.newest.1 == other.newest.1
    }
}

impl StreamInner {
    /// Where the stream ends now, of a log that is open read-only. `None`: it does not exist.
    pub fn live_end(&self) -> Result<Option<LiveEnd>> {
        let Some(follower) = &self.follower else {
            return Ok(None);
        };
        self.refresh()?;
        let looks = follower.looks.lock();
        if !looks.damage.is_empty() {
            return Err(Error::Corruption(looks.damage.join("; ")));
        }
        if !self.exists() {
            return Ok(None);
        }
        let Some(newest) = looks.newest.clone() else {
            let what = "the end of the stream is not known";
            let context = ErrorContext::at(&self.dir).stream(&self.key);
            return Err(Error::corruption(what, context));
        };
        Ok(Some(LiveEnd {
            segments: self.segments(),
            newest,
            properties: looks.properties.clone(),
            full: looks.full.clone(),
            durable_end: EntryId(self.durable_end()),
        }))
    }

    /// Puts the stream up to `end` into the snapshot `root`, in a directory of its own, durably but for the
    /// name of that directory. `None`: it has changed so that this is not possible. `links`: segments get
    /// a second name where that is safe and the file system can. `progress` learns of [`LiveEnd::bytes`].
    pub fn live_snapshot_into(
        &self,
        end: &LiveEnd,
        root: &Path,
        links: bool,
        progress: &dyn CopyProgress,
    ) -> Result<Option<SnapshotCounts>> {
        let storage = &*self.context.storage;
        let dir = &root.join(self.dir.file_name().unwrap_or_default());
        let io = |error| Error::io(error, ErrorContext::at(dir).stream(&self.key));
        storage.create_dir(dir).map_err(io)?;
        let mut target = SnapshotTarget {
            dir,
            links,
            counts: SnapshotCounts::default(),
            progress: StreamProgress::new(progress, end.bytes()),
        };
        let mut first_kept = (end.segments.first_kept, end.segments.truncation_epoch);
        let (newest, newest_end) = &end.newest;
        let parts: Vec<_> = end.segments.parts.iter().collect();
        let older = parts.iter().rev().filter(|part| !Arc::ptr_eq(part, newest));
        // 1.
        for part in older {
            let put = self.put_older(end, part, first_kept, &mut target)?;
            if put {
                continue;
            }
            match self.truncated_since(end, part.segment.first_id())? {
                Some(now) => first_kept = now,
                None => return Ok(None),
            }
            break;
        }
        self.remove_truncated(&parts, dir, first_kept.0)?;
        // 2.
        let properties = end.properties.slot();
        let slot = slot_at(newest_end, properties, first_kept);
        match self.copy_frames(newest, newest_end, &slot, &mut target)? {
            Some((copy, _)) => copy.sync_all().map_err(io)?,
            None => return Ok(None),
        }
        let SnapshotTarget {
            mut counts,
            progress,
            ..
        } = target;
        counts.copied += 1;
        counts.copied_bytes += newest_end.offset.0;
        // 3.
        storage.sync_dir(dir).map_err(io)?;
        progress.complete();
        Ok(Some(counts))
    }

    /// Puts a segment before the newest one into the directory. False: it is gone.
    fn put_older(
        &self,
        end: &LiveEnd,
        part: &Arc<StreamSegment>,
        first_kept: FirstKept,
        target: &mut SnapshotTarget<'_>,
    ) -> Result<bool> {
        let io = |error| Error::io(error, part.segment.context());
        let full = end.full.iter().find(|full| Arc::ptr_eq(&full.part, part));
        if let Some(full) = full {
            let slot = slot_at(&full.end, full.properties.clone(), first_kept);
            let Some((copy, segment)) = self.copy_frames(part, &full.end, &slot, target)? else {
                return Ok(false);
            };
            if let Some(refused) = seal(&segment, &copy, &full.end, &full.end, &slot)? {
                return Err(refused);
            }
            target.counts.copied += 1;
            target.counts.copied_bytes += full.end.offset.0;
            return Ok(true);
        }
        let segment = &part.segment;
        let path = segment.path();
        let copy_path = target.dir.join(path.file_name().unwrap_or_default());
        let storage = &*self.context.storage;
        let is_durable = segment.is_sealed() && segment.end_id() < end.durable_end;
        if target.links && is_durable {
            match storage.link_or_copy(&path, &copy_path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                linked => linked.map_err(io)?,
            }
            // Another file may have had the name.
            let linked = storage.open_file(&copy_path, Access::Read).map_err(io)?;
            if !is_of(part, &*linked).map_err(io)? {
                storage.remove_file(&copy_path).map_err(io)?;
                return Ok(false);
            }
            target.counts.linked += 1;
            target.progress.add(end.end_offset(part));
            return Ok(true);
        }
        let Some(source) = self.open_live(part)? else {
            return Ok(false);
        };
        let len = source.len().map_err(io)?;
        let copy = storage.create_file(&copy_path).map_err(io)?;
        let progress = &mut target.progress;
        copy_bytes(&*source, 0, len, &*copy, &mut |bytes| progress.add(bytes)).map_err(io)?;
        copy.sync_all().map_err(io)?;
        target.counts.copied += 1;
        target.counts.copied_bytes += len;
        Ok(true)
    }

    /// The first id that the stream keeps by now, if nothing but a truncation has removed the segment that
    /// begins with `missing`.
    fn truncated_since(&self, end: &LiveEnd, missing: EntryId) -> Result<Option<FirstKept>> {
        self.resurvey()?;
        let now = self.segments();
        let Some(first) = now.parts.first().map(|part| part.segment.first_id()) else {
            return Ok(None);
        };
        let mut kept = end.segments.parts.iter();
        let is_kept = kept.all(|part| {
            let found = now.part_at(part.segment.first_id());
            let is_same = |found: Arc<StreamSegment>| found.segment.header == part.segment.header;
            part.segment.first_id() < first || found.is_some_and(is_same)
        });
        let is_truncation = is_kept
            && missing < first
            && first <= end.newest.0.segment.first_id()
            && now.first_kept <= end.newest.1.next_id;
        Ok(is_truncation.then_some((now.first_kept, now.truncation_epoch)))
    }

    /// Removes from the snapshot what a truncation during the snapshot has taken.
    fn remove_truncated(
        &self,
        parts: &[&Arc<StreamSegment>],
        dir: &Path,
        first_kept: EntryId,
    ) -> Result<()> {
        for pair in parts.windows(2) {
            let [part, next] = pair else { continue };
            if next.segment.first_id() > first_kept {
                break;
            }
            let path = part.segment.path();
            let target = dir.join(path.file_name().unwrap_or_default());
            remove_file_if_there(&*self.context.storage, &target)
                .map_err(|error| Error::io(error, ErrorContext::at(&target)))?;
        }
        Ok(())
    }

    /// Copies the frames of a segment up to `end`, with slots that state it. The copy is not synced. `None`:
    /// the segment is gone, or its frames are not there any more.
    fn copy_frames(
        &self,
        part: &Arc<StreamSegment>,
        end: &SegmentEnd,
        slot: &FrontierSlot,
        target: &mut SnapshotTarget<'_>,
    ) -> Result<Option<(Arc<dyn StorageFile>, Segment)>> {
        let segment = &part.segment;
        let io = |error| Error::io(error, segment.context());
        let Some(source) = self.open_live(part)? else {
            return Ok(None);
        };
        // Read before the bytes: what it states does not change any more.
        let bytes = SegmentBytes::File(Arc::clone(&source));
        let durable = newest_slot(segment, &bytes).map_err(io)?;
        let path = segment.path();
        let path = target.dir.join(path.file_name().unwrap_or_default());
        let io_there = |error| Error::io(error, ErrorContext::at(&path).stream(&self.key));
        let copy = self.context.storage.create_file(&path).map_err(io_there)?;
        copy.write_at(0, &[IoSlice::new(&segment.header.encode())])
            .map_err(io_there)?;
        for place in 0..SLOT_COUNT {
            store_slot(&*copy, segment.seed, place, slot).map_err(io_there)?;
        }
        target.progress.add(HEADER_AREA_LEN);
        let progress = &mut target.progress;
        let copied = copy_bytes(
            &*source,
            HEADER_AREA_LEN,
            end.offset.0,
            &*copy,
            &mut |bytes| progress.add(bytes),
        );
        match copied {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            copied => copied.map_err(io)?,
        }
        let start = SegmentEnd::empty(segment.first_id());
        let dir: Arc<Path> = Arc::from(target.dir);
        let index = SparseIndex::empty();
        let copied = Segment::new(segment.header.clone(), dir, &start, false, index);
        let is_whole = self.check_frames(&copied, &copy, end, durable.as_ref())?;
        Ok(is_whole.then_some((copy, copied)))
    }

    /// Whether the copy holds good frames up to `end`: those that were not durable when they were copied
    /// may have been rolled back. Adds all frames to the index.
    fn check_frames(
        &self,
        segment: &Segment,
        copy: &Arc<dyn StorageFile>,
        end: &SegmentEnd,
        durable: Option<&FrontierSlot>,
    ) -> Result<bool> {
        let io = |error| Error::io(error, segment.context());
        let bytes = SegmentBytes::File(Arc::clone(copy));
        let (start, read_ahead) = (
            SegmentEnd::empty(segment.first_id()),
            self.context.options.read_buffer_size,
        );
        let durable_end = durable
            .map_or(start.offset, |slot| slot.end)
            .min(end.offset);
        let depth = CheckDepth::Headers;
        let good = good_frames(segment, &bytes, &start, durable_end, read_ahead, depth);
        let mut from = good.map_err(io)?.end;
        if from.offset < durable_end {
            let what = "the header of a durable frame is damaged";
            let context = segment.context().offset(from.offset.0);
            return Err(Error::corruption(what, context));
        }
        if from.offset < end.offset {
            let depth = CheckDepth::Payloads;
            let good = good_frames(segment, &bytes, &from, end.offset, read_ahead, depth);
            from = good.map_err(io)?.end;
        }
        let mut last = *end;
        let is_there = load_last_frame(segment.seed, &bytes, &mut last, end.offset).map_err(io)?;
        Ok(is_there
            && last.link == end.link
            && (from.offset, from.next_id) == (end.offset, end.next_id))
    }

    /// The part's file. `None`: it is gone, or another has its name.
    fn open_live(&self, part: &StreamSegment) -> Result<Option<Arc<dyn StorageFile>>> {
        let (context, path) = (&self.context, part.segment.path());
        let io = |error| Error::io(error, part.segment.context());
        match context.with_fd_retry(|| context.storage.open_file(&path, Access::Read)) {
            Ok(file) => Ok(is_of(part, &*file).map_err(io)?.then_some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(error)),
        }
    }
}

/// Whether two lists, which may come from two surveys, have the same parts.
fn is_same_list(one: &Arc<SegmentList>, other: &Arc<SegmentList>) -> bool {
    let pairs = || one.parts.iter().zip(other.parts.iter());
    Arc::ptr_eq(one, other)
        || (one.first_kept == other.first_kept
            && one.truncation_epoch == other.truncation_epoch
            && one.parts.len() == other.parts.len()
            && pairs().all(|(one, other)| Arc::ptr_eq(one, other)))
}

/// Whether a file has the part's header.
fn is_of(part: &StreamSegment, file: &dyn StorageFile) -> io::Result<bool> {
    let mut sector = [0; SECTOR_LEN];
    let read = file.read_at(0, &mut sector)?;
    let found = SegmentHeader::decode(&sector[..read]);
    Ok(found.is_ok_and(|found| found == part.segment.header))
}

fn slot_at(end: &SegmentEnd, properties: SlotProperties, first_kept: FirstKept) -> FrontierSlot {
    FrontierSlot {
        end: end.offset,
        next_id: end.next_id,
        last_frame: end.last_frame,
        first_kept_id: first_kept.0,
        truncation_epoch: first_kept.1,
        properties,
    }
}
