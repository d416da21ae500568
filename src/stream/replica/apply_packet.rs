//! Where do the frames of a packet go, and what else does it change?
//!
//! | the packet | and the replica | what is done |
//! |---|---|---|
//! | goes on in a segment | has that segment, and ends there | the frames are written behind the tail |
//! | begins a segment, with the slot of the one before | ends where the header says, with that link | what the slot says was truncated; a new segment with that header; the frames |
//! | begins a segment that replaces a suffix, or all | is of a lower generation, and holds the frame behind which is cut | `apply_cut` |
//! | begins a segment, without such a slot, and says that all before it was truncated | does not exist, or ends where the header says | `apply_cut` |
//! | says what is kept | | last, what the primary truncated since is truncated |
//!
//! Anything else is refused, and nothing is changed. What a crash right after each step leaves: a prefix
//! of the frames, as with an append; a new segment without a frame, which open removes; a truncation that
//! was done or not. Applying goes on from the position that the stream then has.
//!
//! Failure: as of an append, a truncation, a cut. Close: a call that has begun finishes.

use std::ops::Range;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FramePosition;
use crate::format::FrontierSlot;
use crate::format::Kept;
use crate::format::Packet;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::options::SyncMode;
use crate::segment::SegmentEnd;
use crate::stream::StreamInner;
use crate::stream::replica::checked_packet::CheckedPacket;
use crate::stream::writer::tail::Tail;

/// What a packet is for this stream.
enum Use {
    /// Frames behind the tail, or none.
    GoesOn,
    /// A new segment behind the active one; what the slots of that one will say, if it is still there in
    /// the primary.
    Rotates(Option<FrontierSlot>),
    /// A new segment in place of a suffix, or of all.
    Replaces,
}

impl StreamInner {
    /// Where the stream stands, for the stream that it is a replica of. Counts what is written.
    pub fn frame_position(&self) -> Result<FramePosition> {
        let tail = self.tail_at_rest()?;
        let segments = self.segments();
        let Some(active) = tail.active() else {
            return match segments.parts.is_empty() && tail.written().next_id == EntryId(0) {
                true => Ok(FramePosition::default()),
                false => Err(self.begin_anew("it has lost entries to damage")),
            };
        };
        let (header, end) = (&active.segment.header, tail.written());
        Ok(FramePosition {
            segment: header.first_id,
            generation: header.generation,
            incarnation: header.incarnation,
            offset: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame.unwrap_or_default(),
            first_kept_id: segments.first_kept,
            epoch: segments.truncation_epoch,
            link: end.link,
            last_frame_len: end.last_frame_len,
        })
    }

    /// Writes the frames of a packet where they were, and does what else it says. Returns their ids.
    pub fn apply_frames(&self, bytes: &[u8]) -> Result<Range<u64>> {
        let checked = CheckedPacket::of(bytes, &self.key)?;
        let packet = &checked.packet;
        let used = {
            let tail = self.tail_at_rest()?;
            self.use_of(&checked, &tail)?
        };
        if let Some(kept) = &packet.kept {
            self.check_kept(kept)?;
        }
        let ids = match used {
            Use::GoesOn => self.append_checked(&checked)?,
            Use::Rotates(slot) => {
                if let Some(slot) = slot {
                    let kept = Kept {
                        first_kept_id: slot.first_kept_id,
                        epoch: slot.truncation_epoch,
                    };
                    self.check_kept(&kept)?;
                    // The segment is sealed with what was truncated by then, as the primary's was.
                    self.follow_truncation(kept)?;
                }
                let check = |tail: &Tail| match self.use_of(&checked, tail)? {
                    Use::Rotates(_) => Ok(()),
                    Use::GoesOn | Use::Replaces => Err(self.not_there(&checked, tail)),
                };
                let len = packet.frames.len() as u64;
                self.open_segment_of(&packet.header, len, check)?;
                self.append_checked(&checked)?
            }
            Use::Replaces => self.replace_by(&checked)?,
        };
        if let Some(kept) = packet.kept {
            self.follow_truncation(kept)?;
        }
        Ok(ids)
    }

    /// Writes the frames behind the tail, as durable as a batch.
    fn append_checked(&self, checked: &CheckedPacket<'_>) -> Result<Range<u64>> {
        let check = |tail: &Tail| match self.use_of(checked, tail)? {
            Use::GoesOn => Ok(()),
            Use::Rotates(_) | Use::Replaces => Err(self.not_there(checked, tail)),
        };
        let frames = &checked.frames;
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
            let tail = self.tail_at_rest()?;
            check(&tail)?;
            let next = tail.written().next_id.0;
            return Ok(next..next);
        };
        let ids = first.header.first_id.0..last.header.end_id().0;
        let place = self.write_verbatim(frames, checked.packet.frames, check);
        let place = place.inspect_err(|error| self.latch_if_detached(error))?;
        if self.settings.sync_mode != SyncMode::Async {
            self.make_place_durable(place)?;
        }
        self.acknowledge(ids.end);
        Ok(ids)
    }

    /// What a packet is for the stream that ends like this. Refuses what does not fit.
    fn use_of(&self, checked: &CheckedPacket<'_>, tail: &Tail) -> Result<Use> {
        let packet = &checked.packet;
        let header = &packet.header;
        let end = tail.written();
        let Some(active) = tail.active() else {
            let exists = !self.segments().parts.is_empty() || end.next_id != EntryId(0);
            return match (exists, packet.is_start() && packet.kept.is_some()) {
                (true, _) => Err(self.begin_anew("it has lost entries to damage")),
                (false, true) => Ok(Use::Replaces),
                (false, false) => Err(self.not_there(checked, tail)),
            };
        };
        let ours = &active.segment.header;
        if ours.incarnation != header.incarnation {
            return Err(self.begin_anew(
                "the packet is of another stream of that key, which was deleted or begun since",
            ));
        }
        if ours == header {
            return match is_behind(checked, &end) {
                true => Ok(Use::GoesOn),
                false => Err(self.not_there(checked, tail)),
            };
        }
        if !packet.is_start() {
            return Err(self.not_there(checked, tail));
        }
        if header.is_cut() {
            return match header.generation > ours.generation {
                true => Ok(Use::Replaces),
                false => Err(self.not_there(checked, tail)),
            };
        }
        let follows = header.predecessor.is_some_and(|before| {
            let is_last = before.end_id == end.next_id && before.link == end.link;
            is_last && end.last_frame.is_some()
        });
        // A segment without entries has the name of the one that would follow it.
        let is_next = header.generation == ours.generation
            && header.first_id == end.next_id
            && header.first_id > ours.first_id;
        if !follows || !is_next || header.lost_from != header.first_id {
            return Err(self.not_there(checked, tail));
        }
        let removes_ours = !packet.has_slot_before() && {
            let epoch = self.segments().truncation_epoch;
            packet.kept.is_some_and(|kept| kept.epoch > epoch)
        };
        if removes_ours {
            return Ok(Use::Replaces);
        }
        let Some(first) = checked.frames.first() else {
            return Err(self.not_there(checked, tail));
        };
        let carries = tail.written_properties().in_new_segment();
        if first.properties.is_none() && carries.to_carry().is_some() {
            return Err(self.begin_anew("the properties of the two differ"));
        }
        // Opening believes the newest of slots and headers. A header is older than the slots before it.
        let is_known = |epoch: u64| header.truncation_epoch <= epoch;
        let known_here = is_known(self.segments().truncation_epoch);
        if !packet.has_slot_before() {
            return match known_here {
                true => Ok(Use::Rotates(None)),
                false => Err(self.not_there(checked, tail)),
            };
        }
        let slot = packet.slot_before(active.segment.seed).filter(|slot| {
            let is_end = (slot.end, slot.next_id, slot.last_frame)
                == (end.offset, end.next_id, end.last_frame);
            is_end && (known_here || is_known(slot.truncation_epoch))
        });
        match slot {
            Some(slot) => Ok(Use::Rotates(Some(slot))),
            None => Err(self.not_there(checked, tail)),
        }
    }

    /// Refuses a packet that replaces nothing of the stream that ends like this.
    pub(super) fn check_replaces(&self, checked: &CheckedPacket<'_>, tail: &Tail) -> Result<()> {
        match self.use_of(checked, tail)? {
            Use::Replaces => Ok(()),
            Use::GoesOn | Use::Rotates(_) => Err(self.not_there(checked, tail)),
        }
    }

    /// Refuses a first kept id that is lower than ours: what was removed here is not in the packet.
    pub(super) fn check_kept(&self, kept: &Kept) -> Result<()> {
        let segments = self.segments();
        let is_newer = kept.epoch > segments.truncation_epoch;
        if is_newer && kept.first_kept_id < segments.first_kept {
            return Err(self.begin_anew("the primary has restored archived segments"));
        }
        Ok(())
    }

    /// The error of a packet that does not go where the stream ends.
    pub(super) fn not_there(&self, checked: &CheckedPacket<'_>, tail: &Tail) -> Error {
        let packet = &checked.packet;
        let found = tail.written().next_id;
        if let Some(expected) = checked.first_id().filter(|expected| *expected != found) {
            return self.mismatch(expected, found);
        }
        let at = describe(packet);
        let ours = match tail.active() {
            Some(active) => {
                let (segment, end) = (&active.segment.header, tail.written());
                format!(
                    "segment {} of generation {}, offset {}",
                    segment.first_id, segment.generation, end.offset
                )
            }
            None => "no segment".to_owned(),
        };
        self.begin_anew(&format!(
            "it stands at id {found} as the packet does, with another history: {at}; here {ours}"
        ))
    }

    /// The error of a stream that is no replica of the other any more.
    pub(super) fn begin_anew(&self, why: &str) -> Error {
        let what = format!(
            "the stream {:?} is no replica of the other ({why}): export from its own position, or \
             delete it and begin with the first packet",
            self.key
        );
        Error::Config(what).remembering(ErrorContext::at(&self.dir).stream(&self.key))
    }
}

/// Whether the packet's frames go right behind this end.
fn is_behind(checked: &CheckedPacket<'_>, end: &SegmentEnd) -> bool {
    let packet = &checked.packet;
    let is_next = checked.frames.is_empty() || checked.first_id() == Some(end.next_id);
    let previous_len = checked.previous_len().unwrap_or(end.last_frame_len);
    let place: (FileOffset, u32, u32) = (packet.offset, packet.link, previous_len);
    is_next && place == (end.offset, end.link, end.last_frame_len)
}

fn describe(packet: &Packet<'_>) -> String {
    let header = &packet.header;
    format!(
        "the packet has segment {} of generation {}, offset {}",
        header.first_id, header.generation, packet.offset
    )
}
