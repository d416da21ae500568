//! From what are the frames for a replica read, and how far may they leave?
//!
//! Only durable frames leave, unless written ones are asked for. If the primary loses its tail to a power
//! failure, no replica has more of it. A replica of written frames may have more: what it holds then is
//! compared with what the primary has, and refused where they differ. After a failed sync written frames do
//! not leave either: nothing proves what the disk holds of them.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::TRAILER_LEN;
use crate::format::decode_trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::ReadBuffer;
use crate::segment::SegmentBytes;
use crate::segment::known_properties;
use crate::stream::StreamInner;
use crate::stream::reader::look::newest_slot;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// Which frames leave.
#[derive(Clone, Copy)]
pub(super) enum ExportEnd {
    /// All that are written.
    Written,
    /// Those before this offset of the segment with this first id.
    Durable(EntryId, FileOffset),
    /// Those whose ids are durable, or that a slot covers.
    DurableIds,
}

/// What the frames of one segment are read from.
pub(super) struct SourceSegment {
    pub(super) part: Arc<StreamSegment>,
    pub(super) source: SegmentBytes,
    /// Its frames that may leave end here at the latest.
    pub(super) end: FileOffset,
    /// Where only ids are known to be durable: frames from this one on are not, unless a slot says so.
    pub(super) durable_end: Option<EntryId>,
    /// Frames up to here are durable, whatever ids they have.
    pub(super) slot_end: FileOffset,
    pub(super) is_sealed: bool,
}

impl StreamInner {
    /// How far frames leave. May wait for a sync under way.
    pub(super) fn export_end(&self, written: bool) -> Result<ExportEnd> {
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
    pub(super) fn source(
        &self,
        segments: &SegmentList,
        i: usize,
        end: ExportEnd,
    ) -> Result<SourceSegment> {
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
    pub(super) fn slot_of(
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
