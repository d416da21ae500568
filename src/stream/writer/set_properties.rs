//! How the properties of a stream change, and what readers see of them.
//!
//! Each change is a frame that holds the whole new map, perhaps behind entries: it is given its place as
//! any frame, is written, made durable and rolled back as one. The appender prepares the frame without
//! the lock, from the properties behind all frames that have ids. If other properties stand there once it
//! has the lock, it prepares the frame again: so no change is lost, and none is made of a change that is
//! rolled back, as this rolls back all frames behind it too.
//!
//! The first frame of a segment holds the map, if it is not empty: where the frame that opens the segment
//! has no properties, `Tail::stage` puts one without entries before it, in the same write.
//!
//! Failure: as of an append. Where damage took the properties, changes are refused until all properties
//! are replaced. A poisoned stream serves those that were durable last.

use std::ops::Range;

use crate::append::Durability;
use crate::append::Mark;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::format::MAX_PROPERTIES_LEN;
use crate::format::MAX_PROPERTY_KEY_LEN;
use crate::format::MAX_PROPERTY_VALUE_LEN;
use crate::format::PreparedFrame;
use crate::format::Properties;
use crate::format::PropertyChange;
use crate::format::PropertyFault;
use crate::ids::Place;
use crate::segment::PropertyPoint;
use crate::segment::known_properties;
use crate::stream::StreamInner;
use crate::stream::writer::append::FrameTerms;
use crate::stream::writer::append::Unplaced;

impl StreamInner {
    /// The properties: those of the last frame in the kernel, or as far as a follower has looked.
    pub fn properties(&self) -> Result<Properties> {
        let point = match &self.follower {
            Some(follower) => {
                self.refresh()?;
                match self.is_deleted() {
                    true => return Err(self.deleted_error()),
                    false => self.followed_properties(follower),
                }
            }
            // What failed to become durable is not served.
            None if self.is_poisoned() => self.durable_properties(),
            None => self.tail.lock().written_properties().clone(),
        };
        known_properties(&point, self.properties_context())
    }

    /// The value of one of them.
    pub fn property(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let properties = self.properties()?;
        properties
            .get(key)
            .map(memory::copied)
            .transpose()
            .map_err(|error| Error::io(error, self.properties_context()))
    }

    /// All of them, by key.
    pub fn all_properties(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let properties = self.properties()?;
        let pairs = properties.iter();
        Ok(pairs
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect())
    }

    /// The properties at this point, with these changes made.
    pub(in crate::stream) fn changed_properties(
        &self,
        point: &PropertyPoint,
        changes: &[PropertyChange<'_>],
    ) -> Result<Properties> {
        let known = known_properties(point, self.properties_context())?;
        known.with(changes).map_err(property_error)
    }

    fn properties_context(&self) -> ErrorContext {
        ErrorContext::at(&self.dir).stream(&self.key)
    }

    /// Appends entries, perhaps none, with changes of the properties, as one frame.
    pub(in crate::stream) fn append_with_properties(
        &self,
        entries: &[&[u8]],
        changes: &[PropertyChange<'_>],
        terms: &FrameTerms<'_>,
    ) -> Result<(Range<u64>, Place)> {
        loop {
            let before = {
                let tail = self.tail.lock();
                self.check_writable(&tail)?;
                self.check_expected(&tail, terms)?;
                tail.reserved_properties().clone()
            };
            let map = self.changed_properties(&before, changes)?;
            let frame = PreparedFrame::with_properties(entries, map, self.compress_from())
                .map_err(|error| self.unprepared(error))?;
            match self.append_frame(&frame, &terms.made_from(&before)) {
                Err(Unplaced::MadeFromOthers) => {}
                placed => return Ok(placed?),
            }
        }
    }

    /// Records that the properties are lost: those of the stream that this one is a copy of are.
    #[cfg(feature = "inspection")]
    pub fn lose_properties(&self) {
        self.tail.lock().lose_properties();
    }

    /// Replaces all properties, lost ones too.
    pub fn replace_properties(
        &self,
        pairs: &[(&[u8], &[u8])],
        durability: Durability,
    ) -> Result<Mark> {
        let began = self.began_now();
        let map = Properties::of(pairs).map_err(property_error)?;
        let frame = PreparedFrame::with_properties(&[], map, self.compress_from())
            .map_err(|error| self.unprepared(error))?;
        let durable = self.waits_until_durable(durability, true);
        let terms = FrameTerms::new(None, durable).measured_from(began);
        let (_, place) = self.append_frame(&frame, &terms)?;
        Ok(self.mark_of(place))
    }
}

fn property_error(fault: PropertyFault) -> Error {
    let (len, limit) = match fault {
        PropertyFault::Key(len) => {
            let what = format!("a property key has 1 to {MAX_PROPERTY_KEY_LEN} bytes, not {len}");
            return Error::Config(what);
        }
        PropertyFault::Value(len) => (len, MAX_PROPERTY_VALUE_LEN),
        PropertyFault::Map(len) => (len, MAX_PROPERTIES_LEN),
    };
    Error::TooLarge {
        size_bytes: len as u64,
        limit_bytes: limit as u64,
    }
}
