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
use crate::recovery::NextAppend;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::footer_reserve;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::staging::IndexCandidate;
use crate::stream::writer::staging::StagingBuffer;
use crate::stream::writer::staging::StagingSlot;
use crate::stream::writer::staging::keep_buffers;
use crate::stream::writer::staging::kept_buffers;
use crate::stream::writer::write_map::WriteMap;

/// Whether a stream takes appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It does.
    Open,
    /// The log was closed.
    Closed,
    /// The stream was deleted.
    Deleted,
    /// Somebody else writes it; see `watch`.
    ReadOnly,
}

/// StagingBuffer that were taken back, and who has not been told yet.
struct RolledBack {
    tickets: Range<u64>,
    untold: u64,
    error: Arc<Error>,
}

/// The appending side.
///
/// Invariants: `written` ≤ `reserved`; the bytes between them are in `staged`, or in the hands of
/// the one writer while `writing`; `reserved` plus slot for a footer lies within `allocated_end`.
pub struct Tail {
    /// Whether appends are taken.
    pub life: StreamState,
    /// The active segment; `None` before the first append and after a loss.
    pub active: Option<Arc<StreamSegment>>,
    /// What the next segment's header tells when there is no active one; otherwise it continues.
    pub next: Option<Box<NextAppend>>,
    /// Rotated segments whose footers are missing, oldest first.
    pub unsealed: Option<Box<VecDeque<(Arc<StreamSegment>, SegmentEnd)>>>,
    /// The end of the frames that have ids.
    pub reserved: SegmentEnd,
    /// The end of the frames that are in the kernel.
    pub written: SegmentEnd,
    /// Up to here the file has blocks.
    pub allocated_end: FileOffset,
    /// From `written` up to here a failed write may have left bytes; nothing is reserved before
    /// they are erased.
    pub dirty_to: Option<FileOffset>,
    /// StagingBuffer that are in no file yet, from `staged_offset` on; noted for the index.
    staged: StagingSlot,
    /// Where the staged frames go.
    pub staged_offset: FileOffset,
    /// StagingSlot to use again; kept only while frames are staged.
    spare: StagingSlot,
    /// Somebody is writing, without the lock.
    pub writing: bool,
    /// A new segment is being made: nobody may reserve.
    pub rotating: bool,
    /// Admission ahead was asked for and has not been made.
    pub prealloc_scheduled: bool,
    /// The next segment's file was made ahead, or could not be; asked again after a rotation.
    pub next_file_tried: bool,
    /// The next segment's file is being made: closing waits.
    pub next_file_in_progress: bool,
    /// No zeros could be written ahead when this much was allocated_end.
    pub prealloc_failed_at: Option<FileOffset>,
    /// Bytes written since the last round looked.
    pub unsynced_bytes: u64,
    /// A background sync was asked for since the last round looked: later, or at once.
    pub sync_scheduled: bool,
    /// See above.
    pub sync_now_requested: bool,
    /// The last frame was of a length that is stored, where that can be.
    pub last_frame_fits_map: bool,
    /// The active segment, mapped for storing.
    pub mapped: Option<WriteMap>,
    /// Maps that are not used any more; dropped by whoever finds them, without the lock.
    pub detached_maps: Option<Box<Vec<WriteMap>>>,
    /// The active segment is not mapped: it could not be, or no zeros could be written ahead when
    /// this much was allocated_end.
    pub map_failed_at: Option<FileOffset>,
    /// How far the stream was written when a helper last looked whether it is in use.
    pub idle_check_end: FileOffset,
    /// How far the segment was written when slot ahead was last given back.
    pub rested_at: FileOffset,
    /// A helper was asked to look, later, whether the stream is idle.
    pub rest_planned: bool,
    next_ticket: u64,
    completed_tickets: u64,
    rolled_back: Option<Box<Vec<RolledBack>>>,
}

/// Whether a frame can be reserved now.
pub enum Admission {
    /// Yes.
    Fits,
    /// Not before a new segment is made.
    Rotate,
    /// Not before what a failed write left is erased.
    NeedsErasing,
    /// Not before more blocks are allocated_end.
    Allocate,
    /// Never: the stream has too few ids left.
    IdsExhausted,
}

impl Tail {
    /// The tail of a stream whose next entry goes where `next` says.
    pub fn new(active: Option<Arc<StreamSegment>>, end: SegmentEnd, next: NextAppend) -> Self {
        Tail {
            life: StreamState::Open,
            active,
            next: (next != NextAppend::Continue).then(|| Box::new(next)),
            unsealed: None,
            reserved: end,
            written: end,
            allocated_end: end.offset,
            dirty_to: None,
            staged: None,
            staged_offset: end.offset,
            spare: None,
            writing: false,
            rotating: false,
            prealloc_scheduled: false,
            next_file_tried: false,
            next_file_in_progress: false,
            prealloc_failed_at: None,
            unsynced_bytes: 0,
            sync_scheduled: false,
            sync_now_requested: false,
            last_frame_fits_map: false,
            mapped: None,
            detached_maps: None,
            map_failed_at: None,
            idle_check_end: end.offset,
            rested_at: FileOffset(HEADER_AREA_LEN),
            rest_planned: false,
            next_ticket: 0,
            completed_tickets: 0,
            rolled_back: None,
        }
    }

    /// How many bytes were appended to the active segment since slot ahead was last given back: by
    /// this, slot is made.
    pub fn used_since_rest(&self) -> u64 {
        self.written.offset.0.saturating_sub(self.rested_at.0)
    }

    /// Whether a frame fits. Depends on logical bytes and entries only, never on timing.
    #[inline]
    pub fn check_space(&self, frame: &PreparedFrame<'_>, options: &WalOptions) -> Admission {
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
        let entries = self.reserved.next_id - active.segment.first_id();
        let overflows = used.saturating_add(frame.frame_len()) > options.max_segment_size
            || entries.saturating_add(count) > options.max_entries_per_segment;
        if used > 0 && overflows {
            return Admission::Rotate;
        }
        if self.required_end(frame.frame_len()) > self.allocated_end {
            return Admission::Allocate;
        }
        Admission::Fits
    }

    /// How far blocks must be allocated_end for a frame of this length and the footer behind it.
    #[inline]
    pub fn required_end(&self, frame_len: u64) -> FileOffset {
        let end = self.reserved.offset + frame_len;
        end + footer_reserve(end)
    }

    /// Gives a frame its ids and its place, and copies it behind the staged ones. Without memory for
    /// the copy nothing is done.
    pub fn stage(
        &mut self,
        active: &StreamSegment,
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
    pub fn last_unsealed(&self) -> Option<&(Arc<StreamSegment>, SegmentEnd)> {
        self.unsealed.as_ref()?.back()
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
        self.staged_offset = end.offset;
        self.completed_tickets = self.next_ticket;
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
    pub fn map_in_use(&self) -> Option<&WriteMap> {
        let (mapped, active) = (self.mapped.as_ref()?, self.active.as_ref()?);
        let in_order = !self.writing && self.staged_len() == 0;
        (in_order && self.last_frame_fits_map && mapped.is_of(active)).then_some(mapped)
    }

    /// The active segment is not stored into any more.
    pub fn detach_map(&mut self) {
        if let Some(mapped) = self.mapped.take() {
            self.detached_maps.get_or_insert_default().push(mapped);
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
    pub fn take_staged(&mut self) -> StagedWrite {
        let spare = self.spare.take();
        let batch = StagedWrite {
            frames: std::mem::replace(&mut self.staged, spare).unwrap_or_default(),
            at: self.staged_offset,
            end: self.reserved,
            tickets_end: self.next_ticket,
        };
        self.staged_offset = self.reserved.offset;
        self.writing = true;
        batch
    }

    /// The batch is in the kernel: lets readers see it.
    pub fn publish(&mut self, active: &StreamSegment, mut batch: StagedWrite) {
        self.writing = false;
        self.unsynced_bytes += batch.end.offset - self.written.offset;
        self.written = batch.end;
        self.completed_tickets = batch.tickets_end;
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
    pub fn roll_back(&mut self, error: Arc<Error>) {
        self.writing = false;
        let tickets = self.completed_tickets..self.next_ticket;
        let untold = tickets.end - tickets.start;
        self.rolled_back.get_or_insert_default().push(RolledBack {
            tickets,
            untold,
            error,
        });
        self.completed_tickets = self.next_ticket;
        self.reserved = self.written;
        self.staged_offset = self.written.offset;
        self.release_buffers();
    }

    /// What became of the frame with this ticket; `None`: nothing yet. Each ticket asks until it
    /// has an answer, and takes it once.
    pub fn take_result(&mut self, ticket: u64) -> Option<Result<(), Arc<Error>>> {
        if ticket >= self.completed_tickets {
            return None;
        }
        let is_it = |batch: &RolledBack| batch.tickets.contains(&ticket);
        let Some(rolled_back) = &mut self.rolled_back else {
            return Some(Ok(()));
        };
        let Some(place) = rolled_back.iter().position(is_it) else {
            return Some(Ok(()));
        };
        let batch = &mut rolled_back[place];
        let error = Arc::clone(&batch.error);
        batch.untold -= 1;
        if batch.untold == 0 {
            rolled_back.swap_remove(place);
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
fn advanced(
    end: &SegmentEnd,
    header: &FrameHeader,
    link: u32,
) -> (SegmentEnd, Option<IndexCandidate>) {
    let (at, previous) = (end.offset, end.last_frame);
    let end = SegmentEnd {
        offset: at + header.len(),
        next_id: header.end_id(),
        last_frame: Some(at),
        last_frame_len: header.len() as u32,
        link,
    };
    let noted = SparseIndex::is_point(previous, at).then_some(IndexCandidate {
        previous,
        offset: at,
        id: header.first_id,
    });
    (end, noted)
}

/// StagingBuffer on their way to the kernel.
pub struct StagedWrite {
    frames: Box<StagingBuffer>,
    /// Where they go.
    pub at: FileOffset,
    /// Where they end.
    pub end: SegmentEnd,
    tickets_end: u64,
}

impl StagedWrite {
    /// The frames, as they go into the file.
    pub fn bytes(&self) -> &[u8] {
        &self.frames.bytes
    }
}
