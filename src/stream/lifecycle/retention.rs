//! Which segments may go by a stream's retention, and which must stay?
//!
//! They go through truncation (`truncate`), with its argument for a crash at every step. What is new here is
//! how far: whole segments from the oldest on, as long as they exceed a limit, and none at or behind
//!
//! 1. the newest segment that holds entries: truncation stops there;
//! 2. the offset of the oldest live checkpoint of a sharded log, which the sharded layer sets. A checkpoint that
//!    is created meanwhile lies behind the tail, so behind all that may go;
//! 3. the lowest cursor, if asked. It is read from the *durable* properties: were it read from those in the
//!    kernel, a power failure could bring back an older cursor whose entries are gone.
//!
//! Truncation takes `LogContext::removals`, so a snapshot under way holds it off. Failure: nothing has
//! changed, or as of a truncation.

use std::io;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::ids::EntryId;
use crate::primitives::atomic::Ordering;
use crate::retention::Retention;
use crate::segment::PropertyPoint;
use crate::segment::known_properties;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// The keys of properties that are cursors begin with this.
const CURSOR_PREFIX: &[u8] = b"cursor/";

impl StreamInner {
    /// Removes the segments that the retention does not keep. Durable on return. Returns how many. A look
    /// that finds none syncs nothing.
    pub fn apply_retention(&self, retention: &Retention) -> Result<usize> {
        if retention.keep_cursors {
            let written = self.tail.lock().written_properties().clone();
            self.lowest_cursor(&written)?;
        }
        if self.exceeding_end(retention)? == EntryId(0) {
            return Ok(0);
        }
        self.check_checkpoints_known()?;
        self.with_exclusive_sync(|alloc, newest| {
            // Once more: a cut may have replaced segments since.
            let mut end = self.exceeding_end(retention)?;
            end = end.min(EntryId(self.checkpoint_floor.load(Ordering::Acquire)));
            if retention.keep_cursors {
                end = end.min(self.lowest_cursor(&self.durable_properties())?);
            }
            self.truncate_locked(alloc, newest, end)
        })
    }

    /// One past the last id of the oldest segments that exceed a limit; 0: none does.
    fn exceeding_end(&self, retention: &Retention) -> Result<EntryId> {
        let mut end = EntryId(0);
        if !retention.has_limit() {
            return Ok(end);
        }
        let segments = self.segments();
        let len_of = |part: &StreamSegment| part.segment.limit().0.0;
        let mut bytes: u64 = segments.parts.iter().map(|part| len_of(part)).sum();
        let all_but_newest = segments.parts.len().saturating_sub(1);
        for part in segments.parts.iter().take(all_but_newest) {
            let exceeds = retention.max_bytes.is_some_and(|most| bytes > most)
                || self.is_too_old(part, &segments, retention)?;
            if !exceeds {
                break;
            }
            bytes -= len_of(part);
            end = part.segment.end_id();
        }
        Ok(end)
    }

    fn is_too_old(
        &self,
        part: &StreamSegment,
        segments: &SegmentList,
        retention: &Retention,
    ) -> Result<bool> {
        let Some(max_age) = retention.max_age else {
            return Ok(false);
        };
        let storage = &self.context.storage;
        match storage.modified(&part.segment.path()) {
            // A file of the future is young.
            Ok(changed) => Ok(storage
                .wall_clock()
                .duration_since(changed)
                .is_ok_and(|age| age > max_age)),
            // Removed by hand: nothing is there to be kept. Where no file is there, the directory is not: a disk
            // that is not mounted now.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && self.has_any_file(segments) =>
            {
                Ok(true)
            }
            Err(error) => Err(Error::io(error, part.segment.context())),
        }
    }

    fn has_any_file(&self, segments: &SegmentList) -> bool {
        let mut paths = segments.parts.iter().map(|part| part.segment.path());
        paths.any(|path| matches!(self.context.storage.kind(&path), Ok(Some(_))))
    }

    /// The lowest of the cursors among the properties; the greatest id without any.
    fn lowest_cursor(&self, properties: &PropertyPoint) -> Result<EntryId> {
        let context = ErrorContext::at(&self.dir).stream(&self.key);
        let properties = known_properties(properties, context)?;
        let mut lowest = u64::MAX;
        for (key, value) in properties.iter() {
            if !key.starts_with(CURSOR_PREFIX) {
                continue;
            }
            let Ok(next_id) = value.try_into().map(u64::from_le_bytes) else {
                return Err(Error::Config(format!(
                    "the property {:?} of stream {:?} is no cursor: its value has {} bytes, not the 8 of an \
                     id; correct or remove it, or do not keep cursors",
                    String::from_utf8_lossy(key),
                    self.key,
                    value.len()
                )));
            };
            lowest = lowest.min(next_id);
        }
        Ok(EntryId(lowest))
    }

    /// Refuses where the log has checkpoints that nothing here knows: they may need what would go.
    fn check_checkpoints_known(&self) -> Result<()> {
        let path = self.context.root.join(CHECKPOINTS_FILE);
        let found = self.context.storage.kind(&path);
        let is_there = found.map_err(|error| Error::io(error, ErrorContext::at(&path)))?;
        if is_there.is_none() || self.context.knows_checkpoints() {
            return Ok(());
        }
        Err(Error::Config(format!(
            "{} holds checkpoints, which may need old entries: open the log as a sharded log before a \
             retention is applied",
            path.display()
        )))
    }
}

#[cfg(feature = "sharded")]
impl StreamInner {
    /// The oldest live checkpoint needs the ids from here on; `u64::MAX`: there is none.
    pub fn set_checkpoint_floor(&self, offset: u64) {
        self.checkpoint_floor.store(offset, Ordering::Release);
    }
}
