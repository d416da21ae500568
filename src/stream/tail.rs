//! What the appending side of a stream knows, under its lock: where the next frame goes.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::HEADER_AREA_LEN;
use crate::format::PreparedFrame;
use crate::format::header_crc_of;
use crate::ids::FileOffset;
use crate::options::WalOptions;
use crate::recovery::Next;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::footer_reserve;
use crate::stream::catalogue::Part;
use crate::stream::frames::Buffers;
use crate::stream::frames::Frames;
use crate::stream::frames::NotedFrame;
use crate::stream::frames::keep_buffers;
use crate::stream::frames::kept_buffers;
use crate::stream::mapped::Mapped;
use crate::stream::seldom::Seldom;

/// Whether a stream takes appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Open,
    /// The log was closed.
    Closed,
    /// The stream was deleted.
    Deleted,
    /// Somebody else writes it; see `watch`.
    ReadOnly,
}

/// Frames that were taken back, and who has not been told yet.
struct TakenBack {
    tickets: Range<u64>,
    untold: u64,
    error: Arc<Error>,
}

/// The appending side.
///
/// Invariants: `written` ≤ `reserved`; the bytes between them are in `staged`, or in the hands of
/// the one writer while `writing`; `reserved` plus room for a footer lies within `secured`.
pub struct Tail {
    /// Whether appends are taken.
    pub life: Life,
    /// The active segment; `None` before the first append and after a loss.
    pub active: Option<Arc<Part>>,
    /// What the next segment's header tells when there is no active one; otherwise it continues.
    pub next: Option<Box<Next>>,
    /// Rotated segments whose footers are missing, oldest first.
    pub unsealed: Seldom<VecDeque<(Arc<Part>, SegmentEnd)>>,
    /// The end of the frames that have ids.
    pub reserved: SegmentEnd,
    /// The end of the frames that are in the kernel.
    pub written: SegmentEnd,
    /// Up to here the file has blocks.
    pub secured: FileOffset,
    /// From `written` up to here a failed write may have left bytes; nothing is reserved before
    /// they are erased.
    pub dirty_to: Option<FileOffset>,
    /// Frames that are in no file yet, from `staged_at` on; noted for the index.
    staged: Buffers,
    /// Where the staged frames go.
    pub staged_at: FileOffset,
    /// Buffers to use again; kept only while frames are staged.
    spare: Buffers,
    /// Somebody is writing, without the lock.
    pub writing: bool,
    /// A new segment is being made: nobody may reserve.
    pub rotating: bool,
    /// Room ahead was asked for and has not been made.
    pub preparing: bool,
    /// The next segment's file was made ahead, or could not be; asked again after a rotation.
    pub spare_tried: bool,
    /// The next segment's file is being made: closing waits.
    pub making_spare: bool,
    /// No zeros could be written ahead when this much was secured.
    pub ahead_refused_at: Option<FileOffset>,
    /// Bytes written since the last round looked.
    pub unsynced_bytes: u64,
    /// A background sync was asked for since the last round looked: later, or at once.
    pub sync_planned: bool,
    /// See above.
    pub sync_urgent: bool,
    /// The last frame was of a length that is stored, where that can be.
    pub stores: bool,
    /// The active segment, mapped for storing.
    pub mapped: Option<Mapped>,
    /// Maps that are not used any more; dropped by whoever finds them, without the lock.
    pub retired: Seldom<Vec<Mapped>>,
    /// The active segment is not mapped: it could not be, or no zeros could be written ahead when
    /// this much was secured.
    pub map_refused_at: Option<FileOffset>,
    /// How far the stream was written when a helper last looked whether it is in use.
    pub seen_at: FileOffset,
    /// How far the segment was written when room ahead was last given back.
    pub rested_at: FileOffset,
    /// A helper was asked to look, later, whether the stream is idle.
    pub rest_planned: bool,
    next_ticket: u64,
    resolved: u64,
    taken_back: Seldom<Vec<TakenBack>>,
}

/// Whether a frame can be reserved now.
pub enum Room {
    /// Yes.
    Ready,
    /// Not before a new segment is made.
    NeedsSegment,
    /// Not before what a failed write left is erased.
    NeedsErasing,
    /// Not before more blocks are secured.
    NeedsSpace,
    /// Never: the stream has too few ids left.
    NoIds,
}

impl Tail {
    /// The tail of a stream whose next entry goes where `next` says.
    pub fn new(active: Option<Arc<Part>>, end: SegmentEnd, next: Next) -> Self {
        Tail {
            life: Life::Open,
            active,
            next: (next != Next::Continue).then(|| Box::new(next)),
            unsealed: Seldom::default(),
            reserved: end,
            written: end,
            secured: end.offset,
            dirty_to: None,
            staged: None,
            staged_at: end.offset,
            spare: None,
            writing: false,
            rotating: false,
            preparing: false,
            spare_tried: false,
            making_spare: false,
            ahead_refused_at: None,
            unsynced_bytes: 0,
            sync_planned: false,
            sync_urgent: false,
            stores: false,
            mapped: None,
            retired: Seldom::default(),
            map_refused_at: None,
            seen_at: end.offset,
            rested_at: FileOffset(HEADER_AREA_LEN),
            rest_planned: false,
            next_ticket: 0,
            resolved: 0,
            taken_back: Seldom::default(),
        }
    }

    /// How many bytes were appended to the active segment since room ahead was last given back: by
    /// this, room is made.
    pub fn used_since_rest(&self) -> u64 {
        self.written.offset.0.saturating_sub(self.rested_at.0)
    }

    /// Whether a frame fits. Depends on logical bytes and entries only, never on timing.
    #[inline]
    pub fn room_for(&self, frame: &PreparedFrame<'_>, options: &WalOptions) -> Room {
        let count = u64::from(frame.entry_count());
        if self.reserved.next_id.0.checked_add(count).is_none() {
            return Room::NoIds;
        }
        let Some(active) = &self.active else {
            return Room::NeedsSegment;
        };
        if self.dirty_to.is_some() {
            return Room::NeedsErasing;
        }
        let used = self.reserved.offset.0 - HEADER_AREA_LEN;
        let entries = self.reserved.next_id - active.segment.first_id();
        let overflows = used.saturating_add(frame.frame_len()) > options.max_segment_size
            || entries.saturating_add(count) > options.max_entries_per_segment;
        if used > 0 && overflows {
            return Room::NeedsSegment;
        }
        if self.needed_for(frame.frame_len()) > self.secured {
            return Room::NeedsSpace;
        }
        Room::Ready
    }

    /// How far blocks must be secured for a frame of this length and the footer behind it.
    #[inline]
    pub fn needed_for(&self, frame_len: u64) -> FileOffset {
        let end = self.reserved.offset + frame_len;
        end + footer_reserve(end)
    }

    /// Gives a frame its ids and its place, and copies it behind the staged ones. Without memory for
    /// the copy nothing is done.
    pub fn stage(
        &mut self,
        active: &Part,
        frame: &PreparedFrame<'_>,
    ) -> io::Result<(Range<u64>, u64)> {
        let (at, first_id) = (self.reserved.offset, self.reserved.next_id);
        let bytes = &mut self.staged.get_or_insert_with(kept_buffers).bytes;
        let place = bytes.len();
        let seed = active.segment.seed;
        let previous_len = self.reserved.last_frame_len;
        let encoded = frame.encode_into(bytes, seed, at, first_id, previous_len);
        let header = match encoded {
            Ok(header) => header,
            Err(error) => {
                self.staged = self.staged.take_if(|staged| !staged.bytes.is_empty());
                return Err(error);
            }
        };
        let encoded = &bytes[place..place + FRAME_HEADER_LEN];
        let link = encoded.first_chunk().map_or(0, header_crc_of);
        Ok(self.reserve(&header, link))
    }

    /// Whether a rotated segment has no footer yet.
    pub fn has_unsealed(&self) -> bool {
        self.last_unsealed().is_some()
    }

    /// The newest of those.
    pub fn last_unsealed(&self) -> Option<&(Arc<Part>, SegmentEnd)> {
        self.unsealed.get().and_then(VecDeque::back)
    }

    /// How many bytes are staged.
    #[inline]
    pub fn staged_len(&self) -> u64 {
        self.staged
            .as_ref()
            .map_or(0, |staged| staged.bytes.len() as u64)
    }

    /// What the buffers take: bytes, and notes.
    #[cfg(test)]
    pub fn buffer_sizes(&self) -> (usize, usize) {
        let all = [&self.staged, &self.spare];
        let sizes = all.into_iter().flatten();
        sizes.fold((0, 0), |(bytes, notes), frames| {
            (
                bytes + frames.bytes.capacity(),
                notes + frames.noted.capacity(),
            )
        })
    }

    /// Stores a frame into the mapped active segment and publishes it: two copies and no system
    /// call. `None`, and nothing given away: it has to be written.
    #[inline]
    pub fn store(&mut self, frame: &PreparedFrame<'_>) -> Option<Range<u64>> {
        self.map_in_use()?;
        let (mapped, active) = (self.mapped.as_ref()?, self.active.as_ref()?);
        let (at, first_id) = (self.reserved.offset, self.reserved.next_id);
        let previous_len = self.reserved.last_frame_len;
        let put = |at: FileOffset, bytes: &[u8]| mapped.store(at, bytes);
        let (header, link) =
            frame.put_header_last(active.segment.seed, at, first_id, previous_len, put)?;
        mapped.note_written(active);
        let (end, noted) = advanced(&self.reserved, &header, link);
        self.unsynced_bytes += header.len();
        self.reserved = end;
        self.written = end;
        self.staged_at = end.offset;
        self.resolved = self.next_ticket;
        if let Some(frame) = noted {
            let index = active.segment.index();
            let mut index = index.write();
            index.note(frame.previous, frame.offset, frame.id);
        }
        active.segment.publish(&end);
        Some(header.ids())
    }

    /// The map, if frames may be stored into it as far as it is ready. What is staged, or on its
    /// way, comes first. A file that was closed since it was mapped may have lost an error: what is
    /// written behind its back is not noted by it.
    #[inline]
    pub fn map_in_use(&self) -> Option<&Mapped> {
        let (mapped, active) = (self.mapped.as_ref()?, self.active.as_ref()?);
        let in_order = !self.writing && self.staged_len() == 0;
        (in_order && self.stores && mapped.is_of(active)).then_some(mapped)
    }

    /// The active segment is not stored into any more.
    pub fn retire_map(&mut self) {
        if let Some(mapped) = self.mapped.take() {
            self.retired.get_mut().push(mapped);
        }
    }

    /// Moves the reserved end past a frame.
    pub fn reserve(&mut self, header: &FrameHeader, link: u32) -> (Range<u64>, u64) {
        let (end, noted) = advanced(&self.reserved, header, link);
        self.reserved = end;
        if let Some(noted) = noted {
            self.staged
                .get_or_insert_with(kept_buffers)
                .noted
                .push(noted);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        (header.ids(), ticket)
    }

    /// Takes everything staged, for writing.
    pub fn take_staged(&mut self) -> Batch {
        let spare = self.spare.take();
        let batch = Batch {
            frames: std::mem::replace(&mut self.staged, spare).unwrap_or_default(),
            at: self.staged_at,
            end: self.reserved,
            tickets_end: self.next_ticket,
        };
        self.staged_at = self.reserved.offset;
        self.writing = true;
        batch
    }

    /// The batch is in the kernel: lets readers see it.
    pub fn publish(&mut self, active: &Part, mut batch: Batch) {
        self.writing = false;
        self.unsynced_bytes += batch.end.offset - self.written.offset;
        self.written = batch.end;
        self.resolved = batch.tickets_end;
        let frames = &mut batch.frames;
        if !frames.noted.is_empty() {
            let index = active.segment.index();
            let mut index = index.write();
            for frame in frames.noted.drain(..) {
                index.note(frame.previous, frame.offset, frame.id);
            }
        }
        active.segment.publish(&batch.end);
        frames.bytes.clear();
        if self.staged_len() == 0 {
            // An idle stream keeps no buffers.
            self.release_buffers();
            keep_buffers(batch.frames);
        } else {
            self.spare = Some(batch.frames);
        }
    }

    /// The batch could not be written: it and everything staged behind it never happened.
    pub fn take_back(&mut self, error: Arc<Error>) {
        self.writing = false;
        let tickets = self.resolved..self.next_ticket;
        let untold = tickets.end - tickets.start;
        self.taken_back.get_mut().push(TakenBack {
            tickets,
            untold,
            error,
        });
        self.resolved = self.next_ticket;
        self.reserved = self.written;
        self.staged_at = self.written.offset;
        self.release_buffers();
    }

    /// What became of the frame with this ticket; `None`: nothing yet. Each ticket asks until it
    /// has an answer, and takes it once.
    pub fn outcome(&mut self, ticket: u64) -> Option<Result<(), Arc<Error>>> {
        if ticket >= self.resolved {
            return None;
        }
        let is_it = |batch: &TakenBack| batch.tickets.contains(&ticket);
        let taken_back = self.taken_back.get();
        let place = taken_back.and_then(|batches| batches.iter().position(is_it));
        let Some(place) = place else {
            return Some(Ok(()));
        };
        let taken_back = self.taken_back.get_mut();
        let batch = &mut taken_back[place];
        let error = Arc::clone(&batch.error);
        batch.untold -= 1;
        if batch.untold == 0 {
            taken_back.swap_remove(place);
        }
        Some(Err(error))
    }

    /// Drops what is staged, and gives back all memory of it.
    fn release_buffers(&mut self) {
        self.staged = None;
        self.spare = None;
    }
}

/// The end behind a frame that starts at this one; and the frame, if the index is to know it.
#[inline]
fn advanced(end: &SegmentEnd, header: &FrameHeader, link: u32) -> (SegmentEnd, Option<NotedFrame>) {
    let (at, previous) = (end.offset, end.last_frame);
    let end = SegmentEnd {
        offset: at + header.len(),
        next_id: header.end_id(),
        last_frame: Some(at),
        last_frame_len: header.len() as u32,
        link,
    };
    let noted = SparseIndex::is_point(previous, at).then_some(NotedFrame {
        previous,
        offset: at,
        id: header.first_id,
    });
    (end, noted)
}

/// Frames on their way to the kernel.
pub struct Batch {
    frames: Box<Frames>,
    /// Where they go.
    pub at: FileOffset,
    /// Where they end.
    pub end: SegmentEnd,
    tickets_end: u64,
}

impl Batch {
    /// The frames, as they go into the file.
    pub fn bytes(&self) -> &[u8] {
        &self.frames.bytes
    }
}
