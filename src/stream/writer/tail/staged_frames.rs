//! How frames get ids, leave for the kernel together, and are published or rolled back.
//!
//! All under the tail lock; the write itself happens without it, between `take_staged` and `publish` or
//! `roll_back`. The ticket of a frame leads its appender to the result.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::PreparedFrame;
use crate::format::Properties;
use crate::format::Unprepared;
use crate::format::header_crc_of;
use crate::ids::FileOffset;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::staging::IndexCandidate;
use crate::stream::writer::staging::StagingBuffer;
use crate::stream::writer::staging::keep_buffers;
use crate::stream::writer::staging::kept_buffers;
use crate::stream::writer::tail::RolledBack;
use crate::stream::writer::tail::Shift;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::WriterPhase;

impl Tail {
    /// Gives a frame its ids and its place, and copies it behind the staged ones. Without memory for
    /// the copy nothing is done.
    pub fn stage(
        &mut self,
        active: &StreamSegment,
        frame: &PreparedFrame<'_>,
    ) -> io::Result<(Range<u64>, u64)> {
        let carried = self.carried_before(frame);
        let carried = carried.transpose().map_err(Unprepared::into_io)?;
        let frames = self.staging.frames.get_or_insert_with(kept_buffers);
        let start = frames.bytes.len();
        let encoded = carried
            .as_ref()
            .map(|carried| encode_behind(&mut frames.bytes, active, &self.reserved, carried))
            .transpose()
            .and_then(|carried| {
                let before = match &carried {
                    Some((header, link)) => advanced(&self.reserved, header, *link).0,
                    None => self.reserved,
                };
                let own = encode_behind(&mut frames.bytes, active, &before, frame)?;
                Ok((carried, own))
            });
        let (before, (header, link)) = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                frames.bytes.truncate(start);
                let frames = &mut self.staging.frames;
                *frames = frames.take_if(|frames| !frames.bytes.is_empty());
                return Err(error);
            }
        };
        if let (Some((header, link)), Some(carried)) = (before, &carried) {
            self.reserve_carried(&header, link, carried.properties());
        }
        Ok(self.reserve(&header, link, frame.properties()))
    }

    /// Moves the reserved end past a frame; with the properties that it holds.
    pub fn reserve(
        &mut self,
        header: &FrameHeader,
        link: u32,
        properties: Option<&Properties>,
    ) -> (Range<u64>, u64) {
        self.reserve_carried(header, link, properties);
        let ticket = self.tickets.next;
        self.tickets.next += 1;
        (header.ids(), ticket)
    }

    /// The same for a frame that no appender asks for: it has no ticket.
    pub fn reserve_carried(
        &mut self,
        header: &FrameHeader,
        link: u32,
        properties: Option<&Properties>,
    ) {
        if let Some(map) = properties {
            self.reserved_properties = PropertyPoint::held(map.clone(), self.reserved.offset);
        }
        let (end, noted) = advanced(&self.reserved, header, link);
        self.reserved = end;
        self.reserved_shift.count(header);
        if let Some(noted) = noted {
            let frames = self.staging.frames.get_or_insert_with(kept_buffers);
            frames.noted.push(noted);
        }
    }

    /// Takes everything staged, for writing.
    pub fn take_staged(&mut self) -> StagedWrite {
        let spare = self.staging.spare.take();
        let batch = StagedWrite {
            frames: std::mem::replace(&mut self.staging.frames, spare).unwrap_or_default(),
            at: self.staging.offset,
            end: self.reserved,
            shift: self.reserved_shift,
            properties: self.reserved_properties.clone(),
            tickets_end: self.tickets.next,
        };
        self.staging.offset = self.reserved.offset;
        self.phase = WriterPhase::Writing;
        batch
    }

    /// The batch is in the kernel: lets readers see it.
    pub fn publish(&mut self, active: &StreamSegment, mut batch: StagedWrite) {
        self.phase = WriterPhase::Idle;
        self.totals.appends += batch.tickets_end - self.tickets.completed_end;
        self.totals.entries += batch.end.next_id - self.written.next_id;
        self.totals.bytes += batch.end.offset - self.written.offset;
        self.written = batch.end;
        self.written_shift = batch.shift;
        self.written_properties = std::mem::take(&mut batch.properties);
        self.tickets.completed_end = batch.tickets_end;
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
            self.staging.spare = Some(batch.frames);
        }
    }

    /// The batch could not be written: it and everything staged behind it never happened.
    pub fn roll_back(&mut self, error: Arc<Error>) {
        self.phase = WriterPhase::Idle;
        let tickets = self.tickets.completed_end..self.tickets.next;
        let unreported = tickets.end - tickets.start;
        self.tickets
            .rolled_back
            .get_or_insert_default()
            .push(RolledBack {
                tickets,
                unreported,
                error,
            });
        self.tickets.completed_end = self.tickets.next;
        self.reserved = self.written;
        self.reserved_shift = self.written_shift;
        self.reserved_properties = self.written_properties.clone();
        self.unwaited_end = self.unwaited_end.min(self.written_place());
        self.staging.offset = self.written.offset;
        self.release_buffers();
    }

    /// What became of the frame with this ticket; `None`: nothing yet. Each ticket asks until it
    /// has an answer, and takes it once.
    pub fn take_result(&mut self, ticket: u64) -> Option<Result<(), Arc<Error>>> {
        if ticket >= self.tickets.completed_end {
            return None;
        }
        let is_it = |batch: &RolledBack| batch.tickets.contains(&ticket);
        let Some(rolled_back) = &mut self.tickets.rolled_back else {
            return Some(Ok(()));
        };
        let Some(place) = rolled_back.iter().position(is_it) else {
            return Some(Ok(()));
        };
        let batch = &mut rolled_back[place];
        let error = Arc::clone(&batch.error);
        batch.unreported -= 1;
        if batch.unreported == 0 {
            rolled_back.swap_remove(place);
        }
        Some(Err(error))
    }

    /// Drops what is staged, and gives back all memory of it.
    fn release_buffers(&mut self) {
        self.staging.frames = None;
        self.staging.spare = None;
    }
}

/// Copies a frame behind those in `bytes`, which end like this. Returns its header, and the header's
/// checksum.
fn encode_behind(
    bytes: &mut Vec<u8>,
    active: &StreamSegment,
    end: &SegmentEnd,
    frame: &PreparedFrame<'_>,
) -> io::Result<(FrameHeader, u32)> {
    let (start, seed) = (bytes.len(), active.segment.seed);
    let header = frame.encode_into(bytes, seed, end.offset, end.next_id, end.last_frame_len)?;
    let encoded = &bytes[start..start + FRAME_HEADER_LEN];
    Ok((header, encoded.first_chunk().map_or(0, header_crc_of)))
}

/// The end behind a frame that starts at this one; and the frame, if the index is to know it.
#[inline]
pub(super) fn advanced(
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
    let is_point = SparseIndex::is_point(previous, at) && header.may_be_point();
    let noted = is_point.then_some(IndexCandidate {
        previous,
        offset: at,
        id: header.first_id,
    });
    (end, noted)
}

/// Frames on their way to the kernel.
pub struct StagedWrite {
    frames: Box<StagingBuffer>,
    /// Where they go.
    pub at: FileOffset,
    /// Where they end.
    pub end: SegmentEnd,
    shift: Shift,
    properties: PropertyPoint,
    tickets_end: u64,
}

impl StagedWrite {
    /// The properties behind them.
    pub fn properties(&self) -> &PropertyPoint {
        &self.properties
    }

    /// The frames, as they go into the file.
    pub fn bytes(&self) -> &[u8] {
        &self.frames.bytes
    }
}
