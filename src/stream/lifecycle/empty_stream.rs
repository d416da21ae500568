//! How a stream of which no entry is kept gives the space of its active segment back.
//!
//! A segment without an entry takes the place of all others; its header and one of its slots keep
//! the next id. Appends wait meanwhile. What a crash right after each step leaves:
//!
//! 1. everything written is durable: nothing changed;
//! 2. the new segment is made, without space for frames; if the stream has properties, its first frame
//!    holds them; it is synced, then the directory: a segment without an entry, which no slot speaks for.
//!    Open removes it; with a frame it keeps it, and all others too;
//! 3. a slot is stored in it, which says that it has no entry yet, that ids below its first one
//!    are truncated, and the next epoch; it is synced: **the commit point**: open removes all
//!    other segments and continues in this one;
//! 4. `segments.idx` is written, which lists the next id only, and the files of the others are
//!    removed and the directory is synced.
//!
//! Failure: in 2 the file is removed and the stream goes on as before. In 3 it is unknown what the
//! next open will find: the stream is poisoned. In 4 see `unremoved_files`.
//!
//! Not done where it would free next to nothing, and not with an archive, which takes sealed
//! segments only: a footer says that a successor with an entry was there.

use std::io::IoSlice;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::HEADER_AREA_LEN;
use crate::format::PreparedFrame;
use crate::format::SegmentHeader;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::primitives::atomic::Ordering;
use crate::recovery::NextAppend;
use crate::segment::PropertyPoint;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::create_segment;
use crate::storage::StorageFile;
use crate::storage::remove_file_if_there;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::preallocate::MIN_STEP;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::NextSegmentFile;

/// An active segment that holds less is left: it goes with a later truncation, and three syncs are
/// too much for so little space.
const EMPTIED_FROM: u64 = MIN_STEP;

/// A segment that takes the place of all others.
struct MadeEmpty {
    part: Arc<StreamSegment>,
    file: Arc<dyn StorageFile>,
    /// Behind its first frame, if it has one.
    end: SegmentEnd,
    properties: PropertyPoint,
}

/// Appends wait as long as this is there.
pub(in crate::stream) struct Waiting<'a>(pub(in crate::stream) &'a StreamInner);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.tail.lock().end_rotation();
        self.0.tail_changed.notify_all();
    }
}

impl StreamInner {
    /// Takes all segments out if they lie below `safe_id`, the active one included, where that is
    /// worth it. No thread leads a round, and all was durable a moment ago. Returns how many; 0: it
    /// was not done.
    pub(in crate::stream) fn empty(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        safe_id: EntryId,
    ) -> Result<usize> {
        if self.is_blocked() {
            // Behind its tail lie bytes to be quarantined.
            return Ok(0);
        }
        let (end, properties) = {
            let mut tail = self.tail.lock();
            let end = tail.written();
            let is_active = |active: &Arc<StreamSegment>| Arc::ptr_eq(active, newest);
            let is_wanted = tail.active().is_some_and(is_active)
                && end.next_id <= safe_id
                // A segment of frames without entries would have the name of the new one.
                && end.next_id > newest.segment.first_id()
                && end.offset.0 - HEADER_AREA_LEN >= EMPTIED_FROM
                && self.context.options.archive_path.is_none();
            // A thread appends at this moment: the stream keeps something.
            let is_durable = tail.written_place() <= self.group_commit.committed();
            let is_at_rest = tail.is_at_rest() && is_durable;
            if !is_wanted || !is_at_rest {
                return Ok(0);
            }
            self.check_writable(&tail)?;
            tail.begin_rotation();
            (end, tail.written_properties().in_new_segment())
        };
        let _waiting = Waiting(self);
        let before = self.segments();
        let made = self.make_empty(alloc, end, properties)?;
        let part = self.commit_empty(made, before.truncation_epoch + 1)?;
        debug_assert_eq!(part.segment.first_id(), end.next_id);
        // It may be long, and lists what is gone. What it lists now is durable, as it has to be.
        self.write_index_file(&[]);
        let out: Vec<_> = before.parts.iter().cloned().collect();
        self.remove_parts(alloc, &out)?;
        Ok(out.len())
    }

    /// Begins a stream that has never been appended to as one whose ids below `next_id` are all
    /// truncated; `truncation_epoch` says by which truncation. Its directory is durable once the stream is closed.
    #[cfg(feature = "inspection")]
    pub fn begin_empty(&self, next_id: EntryId, truncation_epoch: u64) -> Result<()> {
        let mut alloc = self.alloc.lock();
        self.make_directory(&mut alloc)?;
        let end = SegmentEnd::empty(next_id);
        let properties = self.tail.lock().written_properties().in_new_segment();
        let made = self.make_empty(&mut alloc, end, properties)?;
        self.commit_empty(made, truncation_epoch).map(drop)
    }

    /// Makes the segment that goes on behind `end`, durably.
    fn make_empty(
        &self,
        alloc: &mut AllocState,
        end: SegmentEnd,
        properties: PropertyPoint,
    ) -> Result<MadeEmpty> {
        // Made for a stream that grows; its name is used now.
        alloc.spare = NextSegmentFile::Absent;
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let header = self.header_for_next(alloc, end, NextAppend::Continue, true);
        let (first_frame, end, properties) = self.first_frame(&header, &properties)?;
        let frame_bytes = first_frame.len() as u64;
        let make = || create_segment(storage, &self.dir, &header, false, frame_bytes);
        let file = self.context.with_fd_retry(make).map_err(io)?;
        let dir = Arc::clone(&self.dir);
        let segment = Segment::new(header, dir, &end, false, SparseIndex::empty());
        let part = match end.last_frame {
            Some(_) => StreamSegment::new(segment, true),
            None => StreamSegment::without_entry(segment),
        };
        let written = match first_frame.is_empty() {
            true => Ok(()),
            false => file.write_at(HEADER_AREA_LEN, &[IoSlice::new(&first_frame)]),
        };
        let synced = written
            .and_then(|()| file.sync_all())
            .and_then(|()| self.context.with_fd_retry(|| storage.sync_dir(&self.dir)));
        if let Err(error) = synced {
            if let Err(left) = remove_file_if_there(storage, &part.segment.path()) {
                // It must not stand between the segments to come.
                self.poison(Arc::new(Error::io(left, part.segment.context())));
            }
            return Err(io(error));
        }
        Ok(MadeEmpty {
            part,
            file,
            end,
            properties,
        })
    }

    /// The frame that the first place of a segment has to hold: none without properties. Also returns
    /// the end behind it.
    fn first_frame(
        &self,
        header: &SegmentHeader,
        properties: &PropertyPoint,
    ) -> Result<(Vec<u8>, SegmentEnd, PropertyPoint)> {
        let start = SegmentEnd::empty(header.first_id);
        let Some(map) = properties.to_carry() else {
            return Ok((Vec::new(), start, properties.clone()));
        };
        let frame = PreparedFrame::with_properties(&[], map.clone(), None);
        let frame = frame.map_err(|error| self.unprepared(error))?;
        let (at, seed) = (start.offset, header.seed());
        let mut bytes = Vec::new();
        let encoded = frame.encode_into(&mut bytes, seed, at, header.first_id, 0);
        let encoded = encoded
            .map_err(|error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key)))?;
        let end = SegmentEnd {
            offset: at + encoded.len(),
            next_id: encoded.end_id(),
            last_frame: Some(at),
            last_frame_len: encoded.len() as u32,
            link: bytes.first_chunk().map_or(0, header_crc_of),
        };
        Ok((bytes, end, PropertyPoint::held(map.clone(), at)))
    }

    fn commit_empty(&self, made: MadeEmpty, truncation_epoch: u64) -> Result<Arc<StreamSegment>> {
        let MadeEmpty {
            part,
            file,
            end,
            properties,
        } = made;
        // Invariant: no round begins between the two.
        let stated = (&end, &properties);
        let state = self.store_first_slot(&part, &*file, stated, truncation_epoch)?;
        let mut tail = self.tail.lock();
        tail.continue_behind(&part, end, properties, end.offset);
        self.attach_map(&mut tail, None);
        *self.segments.write() = Arc::new(SegmentList {
            first_kept: end.next_id,
            truncation_epoch,
            parts: [Arc::clone(&part)].into_iter().collect(),
        });
        self.written_end.store(end.next_id.0, Ordering::Release);
        let detached_maps = tail.take_detached_maps();
        drop((tail, state));
        drop(detached_maps);
        Ok(part)
    }
}
