//! How does a replica take over a cut, a reset, or its first segment?
//!
//! By the steps of a cut (`lifecycle/cut`), with the primary's header and its first frame in place of
//! ones of its own: the new segment is whole and synced before it gets its name, and its name commits.
//! A crash leaves the stream before or behind the cut, each whole.
//!
//! Before a suffix is cut, the frame behind which is cut is found here too, at the same offset and with
//! the same header CRC, so the two agree up to there. The segment before the cut is sealed with the slots
//! that the primary's has.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameParts;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Kept;
use crate::format::Replaces;
use crate::format::header_crc_of;
use crate::ids::FileOffset;
use crate::segment::PropertyPoint;
use crate::segment::ReadBuffer;
use crate::segment::SegmentEnd;
use crate::segment::header_at;
use crate::stream::StreamInner;
use crate::stream::lifecycle::cut_plan::Clip;
use crate::stream::lifecycle::cut_plan::Plan;
use crate::stream::replica::checked_packet::CheckedPacket;
use crate::stream::segment_list::SegmentList;
use crate::stream::writer::rotate::AllocState;

impl StreamInner {
    /// Replaces a suffix, or all, by the segment that the packet begins. Durable on return.
    pub(super) fn replace_by(&self, checked: &CheckedPacket<'_>) -> Result<Range<u64>> {
        // A packet that does not fit is refused before anything is written, a slot included. What changes
        // before this thread is alone, the plan that it then makes shows.
        self.plan_replacement(&self.segments(), checked)?;
        let _removals = self.context.removals.read();
        let mut alloc = self.alloc.lock();
        let (replaced, detached_maps) = self.group_commit.exclusive(|| {
            let replaced = self.replace_alone(&mut alloc, checked);
            (replaced, self.tail.lock().take_detached_maps())
        });
        drop(alloc);
        drop(detached_maps);
        replaced.inspect_err(|error| self.latch_if_detached(error))
    }

    fn replace_alone(
        &self,
        alloc: &mut AllocState,
        checked: &CheckedPacket<'_>,
    ) -> Result<Range<u64>> {
        let header = &checked.packet.header;
        let _waiting = self.settle_for_cut()?;
        // What was found before appends waited may have changed: another call may have applied the same packet
        // and those behind it, whose frames are acknowledged.
        self.check_replaces(checked, &self.tail.lock())?;
        let before = self.segments();
        let begins = before.parts.is_empty();
        let generation = alloc.generation;
        let is_newer = match header.is_cut() {
            true => header.generation > generation,
            false => header.generation == generation,
        };
        if !begins && !is_newer {
            return Err(self.not_there(checked, &self.tail.lock()));
        }
        let plan = self.plan_replacement(&before, checked)?;
        if begins {
            // The number of later streams here is above that of this one, before anything of it is there.
            let identity = &self.context.identity;
            identity.raise_to(&self.context, header.incarnation)?;
        }
        let ids = self.carry_out(alloc, &plan)?;
        alloc.incarnation = Some(header.incarnation);
        Ok(ids)
    }

    fn plan_replacement<'a>(
        &self,
        before: &Arc<SegmentList>,
        checked: &'a CheckedPacket<'a>,
    ) -> Result<Plan<'a>> {
        let header = checked.packet.header.clone();
        let first_id = header.first_id;
        let is_reset = !before.parts.is_empty() && header.replaces == Replaces::All;
        self.check_cut_floor(first_id, is_reset)?;
        let next_id = self.tail.lock().written().next_id;
        let clip = match before.parts.is_empty() || is_all(checked) {
            true => None,
            false => Some(self.clip_of(before, checked)?),
        };
        // A map that is not empty is in the first frame of every segment, also of one that cuts.
        let (frame, end, properties) = first_frame(checked)?;
        let kept = self.kept_behind(before, checked);
        if clip.is_some() {
            self.check_kept(&kept)?;
        }
        let slot = FrontierSlot {
            end: end.offset,
            next_id: end.next_id,
            last_frame: end.last_frame,
            first_kept_id: kept.first_kept_id,
            truncation_epoch: kept.epoch,
            properties: properties.slot(),
        };
        let truncated = match &clip {
            // What an earlier truncation left, the primary has left, too.
            Some(clip) if kept.first_kept_id > before.first_kept => before
                .parts
                .iter()
                .take_while(|part| part.segment.end_id() <= kept.first_kept_id && !clip.is_in(part))
                .count(),
            _ => 0,
        };
        Ok(Plan {
            before: Arc::clone(before),
            next_id,
            first_id,
            clip,
            header,
            frame,
            end,
            properties,
            slot,
            truncated,
        })
    }

    /// What the stream keeps from then on.
    fn kept_behind(&self, before: &SegmentList, checked: &CheckedPacket<'_>) -> Kept {
        let (packet, header) = (&checked.packet, &checked.packet.header);
        let stated = match packet.kept {
            // Without the segments before it, only the packet says what was truncated.
            Some(kept) if before.parts.is_empty() || is_all(checked) => kept,
            _ => Kept {
                first_kept_id: header.first_kept_id,
                epoch: header.truncation_epoch,
            },
        };
        let ours = Kept {
            first_kept_id: match is_all(checked) {
                true => before.first_kept.max(header.first_id),
                false => before.first_kept,
            },
            epoch: before.truncation_epoch,
        };
        match before.parts.is_empty() || stated.epoch > ours.epoch {
            true => stated,
            false => ours,
        }
    }

    /// The frame behind which is cut, if it is the one that the header names.
    fn clip_of(&self, before: &SegmentList, checked: &CheckedPacket<'_>) -> Result<Clip> {
        let (packet, header) = (&checked.packet, &checked.packet.header);
        let (Replaces::Suffix { clip_frame }, Some(predecessor)) =
            (header.replaces, header.predecessor)
        else {
            return Err(self.not_there(checked, &self.tail.lock()));
        };
        let next_id = self.tail.lock().written().next_id;
        if header.first_id > next_id || header.first_id.0 <= self.first_id() {
            return Err(self.mismatch(header.first_id, next_id));
        }
        let mut clip = self.frame_before(before, header.first_id)?;
        if (clip.frame.offset, clip.link) != (clip_frame, predecessor.link) {
            return Err(self.begin_anew("the frame behind which the primary cut is another here"));
        }
        if let Some(written) = &clip.written {
            if packet.has_slot_before() {
                let slot = packet.slot_before(written.part.segment.seed);
                let slot = slot.filter(|slot| slot.end == written.end.offset);
                let Some(slot) = slot else {
                    return Err(self.begin_anew("the segment before the cut ends elsewhere"));
                };
                let link = self.link_at(&clip, slot.last_frame, &written.end)?;
                clip.sealed_as = Some((slot, link));
            }
        }
        Ok(clip)
    }

    /// The header CRC of the frame of P that its footer will name as the last one.
    fn link_at(&self, clip: &Clip, frame: Option<FileOffset>, end: &SegmentEnd) -> Result<u32> {
        let Some(at) = frame else {
            return Err(self.begin_anew("the segment before the cut has no last frame"));
        };
        if frame == end.last_frame {
            return Ok(end.link);
        }
        let part = clip.part();
        let (segment, file) = (&part.segment, self.open_reader(part)?);
        let mut window = ReadBuffer::new();
        let len = FRAME_HEADER_LEN;
        let header = header_at(segment, &file.source, &mut window, at, len, end.offset);
        let header = header.map_err(|error| Error::io(error, segment.context()))?;
        match header {
            Ok(header) => Ok(header_crc_of(&header.encode(segment.seed, at))),
            Err(_) => Err(self.begin_anew("the segment before the cut has another last frame")),
        }
    }
}

/// Whether nothing that the stream holds is the primary's any more: it was reset, or has truncated all in
/// front of this segment.
fn is_all(checked: &CheckedPacket<'_>) -> bool {
    let (header, kept) = (&checked.packet.header, &checked.packet.kept);
    match header.replaces {
        Replaces::All | Replaces::Nothing => true,
        Replaces::Suffix { .. } => kept.is_some_and(|kept| kept.first_kept_id >= header.first_id),
    }
}

/// The frame of a packet that begins a segment in one step, where its frames end, and the properties there.
fn first_frame<'a>(
    checked: &'a CheckedPacket<'a>,
) -> Result<(Option<FrameParts<'a>>, SegmentEnd, PropertyPoint)> {
    let empty = SegmentEnd::empty(checked.packet.header.first_id);
    let frame = match checked.frames.as_slice() {
        [] => return Ok((None, empty, PropertyPoint::NONE)),
        [frame] => frame,
        // Not made by an export: a cut and its first frame are one step.
        [..] => {
            let what = "a packet that begins a stream or cuts it has more than one frame";
            return Err(Error::Config(what.to_owned()));
        }
    };
    let (prefix, payload) = checked.packet.frames.split_at(FRAME_HEADER_LEN);
    let at = FileOffset(HEADER_AREA_LEN);
    let end = SegmentEnd {
        offset: at + frame.header.len(),
        next_id: frame.header.end_id(),
        last_frame: Some(at),
        last_frame_len: frame.header.len() as u32,
        link: frame.link,
    };
    let properties = match &frame.properties {
        Some(map) => PropertyPoint::held(map.clone(), at),
        None => PropertyPoint::NONE,
    };
    let parts = (frame.header, prefix.to_vec(), vec![payload]);
    Ok((Some(parts), end, properties))
}
