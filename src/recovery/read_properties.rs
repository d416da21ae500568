//! Which properties do the frontier slot and the frames of a segment hold?
//!
//! A short map is read from the slot alone. For a longer one, the frame that the slot names is read.
//! Failure: a read error is `Io`. Damage is a fact, and decided on later.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrontierSlot;
use crate::format::Properties;
use crate::format::SlotProperties;
use crate::format::segment_file_name;
use crate::ids::FileOffset;
use crate::recovery::facts::FoundProperties;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::StreamFacts;
use crate::segment::LocatedFrame;
use crate::segment::PropertyPoint;
use crate::segment::ReadBuffer;
use crate::segment::ReadBuffers;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::header_at;
use crate::segment::newer_slot;
use crate::segment::read_properties;
use crate::storage::Access;
use crate::storage::Storage;

/// The properties at the frontier, according to the slot that is the frontier.
pub(super) fn properties_at_frontier(
    storage: &dyn Storage,
    facts: &StreamFacts,
) -> Result<FrontierProperties> {
    let Some(segment) = facts.segments.get(facts.frontier.segment) else {
        return Ok(FrontierProperties::Unstated);
    };
    let end = facts.frontier.end;
    let slot = newer_slot(&segment.slots)
        .filter(|slot| slot.end == end.offset && slot.next_id == end.next_id);
    let (Some(slot), Some(header)) = (slot, segment.head.header()) else {
        return Ok(FrontierProperties::Unstated);
    };
    if let Some(stated) = stated_by(slot) {
        return Ok(stated);
    }
    let path = facts.dir.join(segment_file_name(segment.name_id));
    let file = storage.open_file(&path, Access::Read).at(&path)?;
    let (start, dir) = (SegmentEnd::empty(header.first_id), Arc::clone(&facts.dir));
    let segment = Segment::new(header.clone(), dir, &start, false, SparseIndex::empty());
    properties_of_slot(&segment, &SegmentBytes::File(file), slot)
}

/// What the slot says by itself. `None`: it names a frame, and repeats no map.
fn stated_by(slot: &FrontierSlot) -> Option<FrontierProperties> {
    match &slot.properties {
        SlotProperties::None => Some(FrontierProperties::None),
        SlotProperties::Lost => Some(FrontierProperties::Lost),
        SlotProperties::Held { frame, copy } => {
            let map = Some(copy.clone()?);
            let frame = *frame;
            Some(FrontierProperties::Held(FoundProperties { map, frame }))
        }
    }
}

/// The properties that a slot repeats, or those of the frame that it names.
pub fn properties_of_slot(
    segment: &Segment,
    source: &SegmentBytes,
    slot: &FrontierSlot,
) -> Result<FrontierProperties> {
    let stated = stated_by(slot);
    let (None, SlotProperties::Held { frame, .. }) = (&stated, &slot.properties) else {
        return Ok(stated.unwrap_or_default());
    };
    let (offset, limit) = (*frame, slot.end);
    let mut window = ReadBuffer::new();
    let header = header_at(
        segment,
        source,
        &mut window,
        offset,
        FRAME_HEADER_LEN,
        limit,
    );
    let header = header.in_context(|| segment.context().offset(offset.0))?;
    let found = match header {
        Ok(header) => properties_of_good_frame(segment, source, &LocatedFrame { offset, header })?,
        Err(_) => damaged(offset),
    };
    Ok(FrontierProperties::Held(found))
}

impl FrontierProperties {
    /// The same without its source; what is damaged is lost.
    pub fn into_point(self) -> PropertyPoint {
        match self {
            FrontierProperties::Unstated | FrontierProperties::None => PropertyPoint::NONE,
            FrontierProperties::Lost => PropertyPoint::lost(),
            FrontierProperties::Held(found) => found.into_point(),
        }
    }
}

impl FoundProperties {
    /// The same; what is damaged is lost.
    pub fn into_point(self) -> PropertyPoint {
        match self.map {
            Some(map) => PropertyPoint::held(map, self.frame),
            None => PropertyPoint::lost(),
        }
    }
}

fn damaged(frame: FileOffset) -> FoundProperties {
    FoundProperties { map: None, frame }
}

/// The properties that a frame holds whose header is good.
pub fn properties_of_good_frame(
    segment: &Segment,
    source: &SegmentBytes,
    frame: &LocatedFrame,
) -> Result<FoundProperties> {
    let read = read_properties(segment, source, &mut ReadBuffers::new(), frame);
    Ok(FoundProperties {
        map: undamaged(read)?,
        frame: frame.offset,
    })
}

/// `None`: damage. Every other error is returned.
fn undamaged(read: Result<Properties>) -> Result<Option<Properties>> {
    match read {
        Ok(map) => Ok(Some(map)),
        Err(Error::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(Error::Io(error))
        }
        Err(error @ Error::UnsupportedVersion(_)) => Err(error),
        Err(_) => Ok(None),
    }
}
