//! Which properties does a stream have at one of its ends, and in which frame are they?

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::Properties;
use crate::format::SlotProperties;
use crate::format::TABLE_ROW_LEN;
use crate::ids::FileOffset;

/// The properties of a stream at one of its ends. Takes one pointer; nothing more where there are
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyPoint(Option<Arc<State>>);

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// A map that is not empty.
    Held {
        map: Properties,
        /// The newest frame of this segment that holds it. `None`: the segment has no frame yet, and
        /// its first one has to hold the map.
        frame: Option<FileOffset>,
    },
    /// They were lost to damage, and not replaced since.
    Lost,
}

impl PropertyPoint {
    /// There are no properties.
    pub const NONE: PropertyPoint = PropertyPoint(None);

    /// Damage took them.
    pub fn lost() -> Self {
        PropertyPoint(Some(Arc::new(State::Lost)))
    }

    /// The map that the frame at this place of the segment holds.
    pub fn held(map: Properties, frame: FileOffset) -> Self {
        let frame = Some(frame);
        let held = (!map.is_empty()).then(|| Arc::new(State::Held { map, frame }));
        PropertyPoint(held)
    }

    /// The same properties in a segment that has no frame yet.
    pub fn in_new_segment(&self) -> Self {
        match self.0.as_deref() {
            Some(State::Held { map, .. }) => PropertyPoint(Some(Arc::new(State::Held {
                map: map.clone(),
                frame: None,
            }))),
            Some(State::Lost) | None => self.clone(),
        }
    }

    /// Whether damage took them.
    #[cfg(feature = "inspection")]
    pub fn is_lost(&self) -> bool {
        matches!(self.0.as_deref(), Some(State::Lost))
    }

    /// The map; `None`: damage took it.
    pub fn map(&self) -> Option<Properties> {
        match self.0.as_deref() {
            None => Some(Properties::default()),
            Some(State::Held { map, .. }) => Some(map.clone()),
            Some(State::Lost) => None,
        }
    }

    /// Whether both say the same of the properties, wherever they are held.
    pub fn is_same_map(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(mine), Some(theirs)) if Arc::ptr_eq(mine, theirs) => true,
            _ => self.map() == other.map(),
        }
    }

    /// The map that the first frame of the segment has to hold, if the segment has none yet.
    pub fn to_carry(&self) -> Option<&Properties> {
        match self.0.as_deref() {
            Some(State::Held { map, .. }) => Some(map),
            Some(State::Lost) | None => None,
        }
    }

    /// The length of the frame of [`PropertyPoint::to_carry`]; 0: there is none.
    pub fn carried_len(&self) -> u64 {
        let overhead = FRAME_HEADER_LEN + TABLE_ROW_LEN;
        self.to_carry()
            .map_or(0, |map| (overhead + map.encoded().len()) as u64)
    }

    /// What a slot says of them.
    pub fn slot(&self) -> SlotProperties {
        match self.0.as_deref() {
            None => SlotProperties::None,
            Some(State::Held {
                map,
                frame: Some(frame),
            }) => SlotProperties::held(*frame, map),
            // No slot is stored for a segment without a frame that has to hold the map. If one were, it
            // must not say that there is none.
            Some(State::Held { frame: None, .. } | State::Lost) => SlotProperties::Lost,
        }
    }
}

/// The error of a stream whose properties damage took.
pub fn properties_lost(context: ErrorContext) -> Error {
    let what = "the properties of the stream are lost to damage: replace all of them";
    Error::corruption(what, context)
}

/// Refuses where damage took the properties.
pub fn known_properties(point: &PropertyPoint, context: ErrorContext) -> Result<Properties> {
    point.map().ok_or_else(|| properties_lost(context))
}
