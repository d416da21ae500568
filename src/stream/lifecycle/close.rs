//! How a stream is closed.
//!
//! Appends that have ids finish; later ones are refused. One last round makes everything durable.
//! Then both slots get the final frontier, one after the other with a sync between, and the file is
//! trimmed to its exact length, so that the same calls leave the same bytes.
//!
//! A crash anywhere in this leaves what a crash after the last round leaves: nothing to trim but
//! zeros. Close: a stream that is poisoned, or whose root is detached, is left to recovery.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::UnsealedSegment;

impl StreamInner {
    /// Ends the stream's use: durable, trimmed to its exact length, files closed. Idempotent. A stream
    /// that is poisoned, or whose root is detached, is left as it is, for recovery, and returns the error.
    pub fn close(&self) -> Result<()> {
        if !self.stop_appends(StreamState::Closed) {
            return Ok(());
        }
        let mut alloc = self.alloc.lock();
        self.unmap();
        let closed = self.group_commit.exclusive(|| {
            self.context.refuse_detached()?;
            self.check_poisoned()?;
            let (unsealed, written) = {
                let tail = self.tail.lock();
                (tail.has_unsealed(), tail.written_place())
            };
            let is_durable = written <= self.group_commit.committed();
            if unsealed || !is_durable || self.is_in_journal() {
                self.make_written_durable()
                    .map_err(|error| error.duplicate())?;
            }
            self.truncate_to_exact_len()
        });
        self.group_commit.close();
        let has_spare = std::mem::take(&mut alloc.spare) != NextSegmentFile::Absent;
        if has_spare && self.context.refuse_detached().is_ok() {
            self.remove_next_file();
        }
        self.close_files();
        closed
    }

    fn truncate_to_exact_len(&self) -> Result<()> {
        // Otherwise left as after a crash: the next open seals.
        self.check_sealed()?;
        let (newest, end, properties, allocated_end) = {
            let tail = self.tail.lock();
            let properties = tail.written_properties().slot();
            let active = tail.active().cloned();
            let active = active.map(|active| (active, tail.written()));
            match (active, tail.last_unsealed().cloned()) {
                (Some((active, end)), full) if end.last_frame.is_none() && !active.stays_empty => {
                    drop(tail);
                    return self.remove_empty(&active, full);
                }
                (Some((active, end)), _) => (active, end, properties, tail.allocated_end()),
                (None, _) => return Ok(()),
            }
        };
        if !self.slot_was_stored() && allocated_end == end.offset {
            return Ok(());
        }
        self.finalize_file(&newest, &end, &properties)?;
        let index = newest.segment.index();
        let index = index.read();
        // Only when none is missing: a footer made from them later must not depend on what was
        // read meanwhile.
        let points = if index.gap().is_none() {
            index.points().to_vec()
        } else {
            Vec::new()
        };
        drop(index);
        self.write_index_file(&points);
        Ok(())
    }

    /// A segment that was made for an append that then failed holds nothing: the one before it,
    /// if there is one, is the newest again.
    fn remove_empty(
        &self,
        empty: &Arc<StreamSegment>,
        full: Option<UnsealedSegment>,
    ) -> Result<()> {
        self.context.write_files.forget(&empty.write_slot);
        self.context.read_files.forget(&empty.read_slot);
        let storage = &self.context.storage;
        let io = |error| Error::io(error, empty.segment.context());
        storage.remove_file(&empty.segment.path()).map_err(io)?;
        storage.sync_dir(&self.dir).map_err(io)?;
        match full {
            Some(full) => self.finalize_file(&full.part, &full.end, &full.properties),
            None => Ok(()),
        }
    }

    fn close_files(&self) {
        let segments = self.segments();
        let used = segments.parts.iter();
        for part in used.filter(|part| !part.write_slot.is_untouched()) {
            self.context.write_files.forget(&part.write_slot);
        }
    }
}
