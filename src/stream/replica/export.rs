//! Which frames does a replica get next?
//!
//! `packet_start` finds where its packet begins, and `export_source` how far frames may leave. Every frame is
//! checked on the way. Frames behind a cut, which are void, go along: the replica's file has them too.
//!
//! A cut, or a truncation, may change names while this reads: it begins again then.

use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FramePosition;
use crate::format::HEADER_AREA_LEN;
use crate::format::Kept;
use crate::format::PacketBuilder;
use crate::format::check_payload;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::Damage;
use crate::segment::ReadBuffer;
use crate::segment::damage_error;
use crate::segment::header_at;
use crate::stream::StreamInner;
use crate::stream::replica::export_source::ExportEnd;
use crate::stream::replica::export_source::SourceSegment;
use crate::stream::replica::packet_start::Start;
use crate::stream::segment_list::SegmentList;

/// How much is read at once where frames are small.
const READ_AHEAD: usize = 64 << 10;

impl StreamInner {
    /// A packet of the frames behind a replica's position: at least one frame, more while the packet has
    /// at most `max_bytes`. Empty: there is no more for now. `written`: of all that are written, not only of
    /// durable ones.
    pub fn export_frames(
        &self,
        from: &FramePosition,
        max_bytes: u64,
        written: bool,
    ) -> Result<Vec<u8>> {
        self.refresh()?;
        loop {
            if self.is_deleted() {
                return Err(self.deleted_error());
            }
            let (cuts, version) = (self.cuts.settled(), self.segments.version());
            let exported = self.export_once(from, max_bytes, written);
            let was_cut = self.cuts.settled() != cuts;
            match exported {
                Ok(packet) if !was_cut => return Ok(packet),
                Err(error) if !was_cut && self.segments.version() == version => return Err(error),
                _ => {}
            }
        }
    }

    fn export_once(&self, from: &FramePosition, max_bytes: u64, written: bool) -> Result<Vec<u8>> {
        // Read first: a truncation makes durable what it hides, so no first kept id in the list lies behind the
        // durable frames that a packet with it may hold.
        let segments = self.segments();
        let end = self.export_end(written)?;
        match self.start_for(&segments, end, from)? {
            Start::Nowhere => Ok(Vec::new()),
            Start::InSegment(i) => {
                let source = self.source(&segments, i, end)?;
                let place = (from.offset, from.next_id, from.link);
                let header = &source.part.segment.header;
                let io = |error| Error::io(error, source.part.segment.context());
                let packet = PacketBuilder::new(header, (from.offset, from.link), None);
                let mut packet = packet.map_err(io)?;
                let is_whole = self.add_frames(&mut packet, &source, place, max_bytes)?;
                let has_frames = packet.len_with(0) > PacketBuilder::EMPTY_LEN;
                let is_newest = i + 1 == segments.parts.len();
                let is_kept = is_whole && is_newest && segments.truncation_epoch > from.epoch;
                if is_kept {
                    packet.set_kept(Kept {
                        first_kept_id: segments.first_kept,
                        epoch: segments.truncation_epoch,
                    });
                }
                Ok(match has_frames || is_kept {
                    true => packet.finish(),
                    false => Vec::new(),
                })
            }
            Start::Next(i) => self.first_packet(&segments, i, end, (Some(i - 1), max_bytes)),
            Start::Anew(i) => {
                let is_cut = segments
                    .parts
                    .get(i)
                    .is_some_and(|p| p.segment.header.is_cut());
                let before = i.checked_sub(1).filter(|_| is_cut && !from.is_start());
                self.first_packet(&segments, i, end, (before, max_bytes))
            }
        }
    }

    /// The packet that begins a segment.
    fn first_packet(
        &self,
        segments: &SegmentList,
        i: usize,
        end: ExportEnd,
        (before, max_bytes): (Option<usize>, u64),
    ) -> Result<Vec<u8>> {
        let source = self.source(segments, i, end)?;
        let header = &source.part.segment.header;
        let io = |error| Error::io(error, source.part.segment.context());
        let slot_before = match before {
            Some(before) => self.slot_of(segments, before, end)?,
            None => None,
        };
        let rotates = before.is_some() && !header.is_cut();
        if rotates && slot_before.is_none() {
            // Full, and there was no space for its footer yet.
            return Ok(Vec::new());
        }
        if rotates && header.lost_from < header.first_id {
            return Err(self.lost_error(header.lost_from, header.first_id));
        }
        let seed_before = before.and_then(|before| segments.parts.get(before));
        let seed_before = seed_before.map(|part| part.segment.seed);
        let slot_before = slot_before.as_ref().zip(seed_before);
        let start = FileOffset(HEADER_AREA_LEN);
        let mut packet = PacketBuilder::new(header, (start, 0), slot_before).map_err(io)?;
        let empty_len = packet.len_with(0);
        // A segment that replaces others is begun with its first frame, in one step.
        let most = if rotates { max_bytes } else { 0 };
        let place = (start, header.first_id, 0);
        let is_whole = self.add_frames(&mut packet, &source, place, most)?;
        if rotates && packet.len_with(0) == empty_len {
            return Ok(Vec::new());
        }
        let is_newest = i + 1 == segments.parts.len();
        if before.is_none() && !header.is_cut()
            || segments
                .parts
                .first()
                .is_some_and(|first| Arc::ptr_eq(first, &source.part))
        {
            packet.set_kept(first_kept_of(segments, header.first_id));
        } else if is_whole && is_newest {
            packet.set_kept(Kept {
                first_kept_id: segments.first_kept,
                epoch: segments.truncation_epoch,
            });
        }
        Ok(packet.finish())
    }

    /// Adds frames from a place on: one, and more while the packet has at most `max_bytes`. Returns whether
    /// those that may leave end there.
    fn add_frames(
        &self,
        packet: &mut PacketBuilder,
        source: &SourceSegment,
        (mut at, mut next_id, _): (FileOffset, EntryId, u32),
        max_bytes: u64,
    ) -> Result<bool> {
        let segment = &source.part.segment;
        let mut window = ReadBuffer::new();
        let read_ahead = READ_AHEAD.min(usize::try_from(max_bytes).unwrap_or(READ_AHEAD));
        let mut is_first = true;
        loop {
            let is_durable = source
                .durable_end
                .is_none_or(|durable_end| next_id < durable_end);
            if at >= source.end || !(is_durable || at < source.slot_end) {
                return Ok(true);
            }
            let context = || segment.context().offset(at.0);
            let (len, end) = (FRAME_HEADER_LEN, source.end);
            let header = header_at(
                segment,
                &source.source,
                &mut window,
                at,
                len.max(read_ahead),
                end,
            );
            let frame = header.in_context(context)?.map_err(|fault| {
                let ids = next_id.0..segment.end_id().0.max(next_id.0);
                let offset = at;
                damage_error(segment, &Damage { ids, offset, fault })
            })?;
            let is_durable = source
                .durable_end
                .is_none_or(|durable_end| next_id < durable_end && frame.end_id() <= durable_end);
            let is_durable = is_durable || at + frame.len() <= source.slot_end;
            if frame.first_id != next_id || !is_durable {
                return match is_durable {
                    true => Err(Error::corruption(
                        "a frame begins with another id",
                        context(),
                    )),
                    false => Ok(true),
                };
            }
            if !is_first && packet.len_with(frame.len()) > max_bytes {
                return Ok(false);
            }
            let payload_at = at + len as u64;
            let payload_len = frame.stored_len as usize;
            let payload = window.bytes(
                &source.source,
                payload_at,
                payload_len,
                payload_len,
                source.end,
            );
            let payload = payload.in_context(context)?;
            let payload = payload.ok_or_else(|| {
                Error::corruption(
                    "the file ends inside a frame",
                    segment.context().offset(at.0),
                )
            })?;
            if check_payload(&frame, segment.seed, payload).is_err() {
                let context = segment.context().offset(at.0).ids(frame.ids());
                return Err(Error::corruption(
                    "a stored payload does not match its checksum",
                    context,
                ));
            }
            let encoded = frame.encode(segment.seed, at);
            packet.add(&encoded, payload).in_context(context)?;
            (at, next_id) = (at + frame.len(), frame.end_id());
            is_first = false;
        }
    }
}

/// What a replica keeps that begins with the first segment. Where entries at the start of it are hidden,
/// the replica hides them when it has come to the end, with the epoch behind this one.
fn first_kept_of(segments: &SegmentList, first_id: EntryId) -> Kept {
    match segments.first_kept > first_id {
        true => Kept {
            first_kept_id: first_id,
            epoch: segments.truncation_epoch.saturating_sub(1),
        },
        false => Kept {
            first_kept_id: segments.first_kept,
            epoch: segments.truncation_epoch,
        },
    }
}
