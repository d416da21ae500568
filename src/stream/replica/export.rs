//! Which frames does a replica get next?
//!
//! The replica says where it stands, frame by frame. Either its segment is one of ours, and its last frame
//! is the one that stands there: then the frames behind it follow, or else the next segment. Or its segment
//! is gone: a cut has replaced it, and the segment that cut follows; or a truncation has removed it. Every
//! frame is checked on the way. Frames behind a cut, which are void, go along: the replica's file has them
//! too.
//!
//! Only durable frames leave, unless written ones are asked for. If the primary loses its tail to a power
//! failure, no replica has more of it. A replica of written frames may have more: what it holds then is
//! compared with what the primary has, and refused where they differ. After a failed sync written frames do
//! not leave either: nothing proves what the disk holds of them.
//!
//! A cut, or a truncation, may change names while this reads: it begins again then.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FramePosition;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Kept;
use crate::format::PacketBuilder;
use crate::format::Replaces;
use crate::format::TRAILER_LEN;
use crate::format::check_payload;
use crate::format::decode_trailer;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::Damage;
use crate::segment::ReadBuffer;
use crate::segment::SegmentBytes;
use crate::segment::damage_error;
use crate::segment::header_at;
use crate::segment::known_properties;
use crate::stream::StreamInner;
use crate::stream::reader::look::newest_slot;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// How much is read at once where frames are small.
const READ_AHEAD: usize = 64 << 10;

/// Which frames leave.
#[derive(Clone, Copy)]
enum ExportEnd {
    /// All that are written.
    Written,
    /// Those before this offset of the segment with this first id.
    Durable(EntryId, FileOffset),
    /// Those whose ids are durable, or that a slot covers.
    DurableIds,
}

/// Where the packet begins.
enum Start {
    /// Behind the replica's last frame.
    InSegment(usize),
    /// With this segment, which follows the replica's.
    Next(usize),
    /// With this segment, before which the replica needs nothing.
    Anew(usize),
    /// There is no more.
    Nowhere,
}

/// What the frames of one segment are read from.
struct SourceSegment {
    part: Arc<StreamSegment>,
    source: SegmentBytes,
    /// Its frames that may leave end here at the latest.
    end: FileOffset,
    /// Where only ids are known to be durable: frames from this one on are not, unless a slot says so.
    durable_end: Option<EntryId>,
    /// Frames up to here are durable, whatever ids they have.
    slot_end: FileOffset,
    is_sealed: bool,
}

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

    /// Where the packet for a replica begins.
    fn start_for(
        &self,
        segments: &SegmentList,
        end: ExportEnd,
        from: &FramePosition,
    ) -> Result<Start> {
        let parts = &segments.parts;
        let Some(first) = parts.first() else {
            return match from.is_start() {
                true => Ok(Start::Nowhere),
                false => Err(self.not_ours(from, "this stream has no entries")),
            };
        };
        if from.is_start() {
            return Ok(Start::Anew(0));
        }
        if first.segment.header.incarnation != from.incarnation {
            return Err(self.not_ours(from, "it was begun from another stream of that key"));
        }
        let i = parts.partition_point(|part| part.segment.first_id() < from.segment);
        let ours = parts.get(i).filter(|part| {
            let header = &part.segment.header;
            header.first_id == from.segment && header.generation == from.generation
        });
        if ours.is_some() {
            return self.start_in(segments, i, end, from);
        }
        let is_newer = |part: &Arc<StreamSegment>| part.segment.header.generation > from.generation;
        let Some(cut) = parts.iter().position(is_newer) else {
            return self.start_behind_truncation(segments, from);
        };
        let header = parts.get(cut).map(|part| &part.segment.header);
        match header.map(|header| (header.replaces, header.first_id)) {
            Some((Replaces::All, _)) => Ok(Start::Anew(cut)),
            // What replaced the replica's segment: the two agree up to there.
            Some((Replaces::Suffix { .. }, first_id)) if first_id <= from.segment => {
                Ok(Start::Anew(cut))
            }
            _ => Err(self.gone(segments, from)),
        }
    }

    /// The same where the replica's segment is the part `i`.
    fn start_in(
        &self,
        segments: &SegmentList,
        i: usize,
        end: ExportEnd,
        from: &FramePosition,
    ) -> Result<Start> {
        let next = segments.parts.get(i + 1);
        let next_cuts = next.is_some_and(|next| next.segment.header.is_cut());
        let source = self.source(segments, i, end)?;
        let is_end = from.offset >= source.end;
        if from.offset > source.end && !next_cuts {
            let found = match end {
                ExportEnd::Written => self.written_end(),
                ExportEnd::Durable(..) | ExportEnd::DurableIds => self.durable_end(),
            };
            return Err(self.mismatch(from.next_id, EntryId(found)));
        }
        if from.offset <= source.end && from.last_frame.0 > 0 {
            self.check_last_frame(&source, from)?;
        }
        match next {
            Some(_) if is_end => Ok(Start::Next(i + 1)),
            _ => Ok(Start::InSegment(i)),
        }
    }

    /// Refuses a replica whose last frame is not the one that stands there.
    fn check_last_frame(&self, source: &SourceSegment, from: &FramePosition) -> Result<()> {
        let segment = &source.part.segment;
        let (mut window, at) = (ReadBuffer::new(), from.last_frame);
        let len = FRAME_HEADER_LEN;
        let header = header_at(segment, &source.source, &mut window, at, len, from.offset);
        let header = header.in_context(|| segment.context())?;
        let is_it = header.is_ok_and(|header| {
            let link = header_crc_of(&header.encode(segment.seed, at));
            let end = (at + header.len(), header.end_id());
            link == from.link && end == (from.offset, from.next_id)
        });
        match is_it {
            true => Ok(()),
            false => Err(self.not_ours(from, "its last frame is another than the one here")),
        }
    }

    /// The same where a truncation has removed the replica's segment.
    fn start_behind_truncation(
        &self,
        segments: &SegmentList,
        from: &FramePosition,
    ) -> Result<Start> {
        let Some(first) = segments.parts.first() else {
            return Ok(Start::Nowhere);
        };
        let header = &first.segment.header;
        let before = header.predecessor.filter(|_| !header.is_cut());
        let follows = before.is_some_and(|before| {
            (before.end_id, before.link) == (from.next_id, from.link)
                && header.first_id == from.next_id
                && header.generation == from.generation
        });
        match follows {
            true => Ok(Start::Anew(0)),
            // Also where it lacks no entry, but a frame without entries.
            false if header.first_id >= from.next_id => Err(self.gone(segments, from)),
            false => Err(self.not_ours(from, "no segment here is the one it stands in")),
        }
    }

    /// The error for a replica that needs what was truncated here.
    fn gone(&self, segments: &SegmentList, from: &FramePosition) -> Error {
        let resumes = segments.parts.first().map(|part| part.segment.first_id());
        let resumes = resumes.unwrap_or(segments.first_kept).max(from.next_id);
        self.lost_error(from.next_id, resumes)
    }

    fn not_ours(&self, from: &FramePosition, why: &str) -> Error {
        let what = format!(
            "the replica at id {} of segment {}, generation {}, is none of the stream {:?} ({why}): \
             delete it and begin it again",
            from.next_id, from.segment, from.generation, self.key
        );
        Error::Config(what).remembering(ErrorContext::at(&self.dir).stream(&self.key))
    }

    /// How far frames leave. May wait for a sync under way.
    fn export_end(&self, written: bool) -> Result<ExportEnd> {
        let properties = match &self.follower {
            Some(follower) => self.followed_properties(follower),
            None => self.tail.lock().written_properties().clone(),
        };
        // A replica would keep an older map.
        let context = ErrorContext::at(&self.dir).stream(&self.key);
        known_properties(&properties, context)?;
        if written && !self.is_poisoned() {
            return Ok(ExportEnd::Written);
        }
        let durable = match &self.follower {
            Some(_) => None,
            None => self.durable_point(),
        };
        Ok(durable.map_or(ExportEnd::DurableIds, |(segment, offset)| {
            ExportEnd::Durable(segment, offset)
        }))
    }

    /// The part `i`, for reading its frames.
    fn source(&self, segments: &SegmentList, i: usize, end: ExportEnd) -> Result<SourceSegment> {
        let Some(part) = segments.parts.get(i).cloned() else {
            return Err(Error::SegmentNotFound(segments.first_kept.0));
        };
        let segment = &part.segment;
        let source = self.open_reader(&part)?.source;
        let io = |error| Error::io(error, segment.context());
        let footer = match i + 1 < segments.parts.len() {
            true => footer_offset(&part, &source).map_err(io)?,
            false => None,
        };
        let written = segment.limit().0;
        let first_id = segment.first_id();
        let (end, durable_end) = match (footer, end) {
            (Some(footer), _) => (footer, None),
            (None, ExportEnd::Durable(newest, end)) if newest == first_id => {
                (end.min(written), None)
            }
            (None, ExportEnd::Durable(newest, _)) if newest < first_id => {
                (FileOffset(HEADER_AREA_LEN), None)
            }
            (None, ExportEnd::Durable(..) | ExportEnd::Written) => (written, None),
            (None, ExportEnd::DurableIds) => (written, Some(EntryId(self.durable_end()))),
        };
        // Frames without entries behind the last one are durable where a slot says so.
        let slot = match durable_end {
            Some(_) => newest_slot(segment, &source).map_err(io)?,
            None => None,
        };
        Ok(SourceSegment {
            is_sealed: footer.is_some(),
            part,
            source,
            end,
            durable_end,
            slot_end: slot.map_or(FileOffset(0), |slot| slot.end),
        })
    }

    /// What the slots of the part `i` say, if it is sealed.
    fn slot_of(
        &self,
        segments: &SegmentList,
        i: usize,
        end: ExportEnd,
    ) -> Result<Option<FrontierSlot>> {
        let sealed = self.source(segments, i, end)?;
        if !sealed.is_sealed {
            return Ok(None);
        }
        let segment = &sealed.part.segment;
        newest_slot(segment, &sealed.source).in_context(|| segment.context())
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

/// Where the footer of a sealed segment starts.
fn footer_offset(
    part: &StreamSegment,
    source: &SegmentBytes,
) -> std::io::Result<Option<FileOffset>> {
    let file_len = match source.file() {
        Some(file) => file.len()?,
        None => source.mapped().len() as u64,
    };
    let Some(at) = file_len.checked_sub(TRAILER_LEN as u64) else {
        return Ok(None);
    };
    let mut window = ReadBuffer::new();
    let (at, end) = (FileOffset(at), FileOffset(file_len));
    let trailer = window.bytes(source, at, TRAILER_LEN, TRAILER_LEN, end)?;
    let trailer = trailer.and_then(|bytes| decode_trailer(bytes, part.segment.seed, file_len));
    Ok(trailer.map(|trailer| trailer.footer_offset))
}
