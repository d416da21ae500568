//! How is a record appended to a record log, and when is it durable?
//!
//! One appender at a time. A crash right after each step leaves:
//!
//! 1. a slot that embeds the record is written over the older slot: nothing, or an unacknowledged
//!    record in the slot;
//! 2. the record is written behind the last one: the same, and perhaps a torn tail; slot and record
//!    may each be on the disk or not, and the slot alone proves the record;
//! 3. the file is synced — **the commit point**: the record exists twice, so recovery distinguishes
//!    damage to it from a torn tail, and repairs it from the slot.
//!
//! A record that is too long for a slot takes two syncs:
//!
//! 1. the record is written behind the last one: a torn tail, or an unacknowledged record;
//! 2. the file is synced — **the commit point**;
//! 3. a slot with the new end is written over the older slot and synced: from now on recovery
//!    distinguishes damage to the record from a torn tail.
//!
//! The append returns after the last step. A write that fails before the commit point is rolled
//! back. A later failure latches: the state of the disk is unknown until the log is opened again.
//! Closing writes a slot that embeds nothing, so that the next open finds nothing to do.

use std::io;
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::RecordFormat;
use crate::format::SegmentSeed;
use crate::format::record_slot::encode_embedding;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::record_log::RecordLocation;
use crate::record_log::items::empty_log;
use crate::record_log::items::end_after;
use crate::record_log::items::previous_len;
use crate::segment::store_slot;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// A record log that is open for writing.
pub struct RecordLog<F: RecordFormat> {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) path: PathBuf,
    pub(super) format: F,
    pub(super) seed: SegmentSeed,
    /// `None`: the first append creates it.
    pub(super) file: Option<Arc<dyn StorageFile>>,
    /// A file exists in which nothing can be believed. It is quarantined before a new log replaces
    /// it.
    pub(super) is_unreadable: bool,
    /// The durable end.
    pub(super) end: FrontierSlot,
    /// The older slot, which the next write replaces.
    pub(super) next_slot: usize,
    /// The newer slot embeds the last record.
    pub(super) slot_embeds_record: bool,
    /// The failure after which nothing is written.
    pub(super) latched: Option<Arc<Error>>,
}

/// A record as it is written.
pub(super) struct EncodedRecord {
    pub(super) bytes: Vec<u8>,
    pub(super) location: RecordLocation,
    /// The end of the log behind it.
    pub(super) end: FrontierSlot,
}

impl<F: RecordFormat> RecordLog<F> {
    /// A log whose file does not exist yet.
    pub fn absent(storage: &Arc<dyn Storage>, path: PathBuf, format: F) -> Self {
        RecordLog {
            storage: Arc::clone(storage),
            path,
            seed: format.seed(),
            format,
            file: None,
            is_unreadable: false,
            end: empty_log(),
            next_slot: 0,
            slot_embeds_record: false,
            latched: None,
        }
    }

    /// A log whose file exists, but holds nothing that can be believed.
    pub fn unreadable(storage: &Arc<dyn Storage>, path: PathBuf, format: F) -> Self {
        RecordLog {
            is_unreadable: true,
            ..Self::absent(storage, path, format)
        }
    }

    /// The format it was opened with.
    pub fn format(&self) -> &F {
        &self.format
    }

    /// The file that holds the records; `None` before the first append.
    pub fn file(&self) -> Option<&Arc<dyn StorageFile>> {
        self.file.as_ref()
    }

    /// The first id of the next record. Never reused, not even after a rewrite.
    pub fn next_id(&self) -> EntryId {
        self.end.next_id
    }

    /// Refuses after a failure has latched.
    pub fn check_usable(&self) -> Result<()> {
        match &self.latched {
            Some(cause) => Err(Error::Poisoned {
                stream: self.format.name().to_owned(),
                cause: Arc::clone(cause),
            }),
            None => Ok(()),
        }
    }

    /// Writes nothing any more until the log is opened again, for this reason.
    pub fn latch(&mut self, error: Error) -> Error {
        let returned = error.duplicate();
        self.latched.get_or_insert(Arc::new(error));
        returned
    }

    pub(super) fn io(&self, error: io::Error, at: FileOffset) -> Error {
        Error::io(error, ErrorContext::at(&self.path).offset(at.0))
    }

    /// Appends a record durably and returns its location.
    pub fn append(&mut self, record: &F::Record) -> Result<RecordLocation> {
        self.check_usable()?;
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.create()?,
        };
        let next = self.encode(&self.end, self.end.next_id, record)?;
        let slot = encode_embedding(&next.end, &next.bytes, self.seed, self.next_slot);
        match &slot {
            Some(slot) => self.write_embedded(&*file, &next.bytes, slot)?,
            None => self.write_alone(&*file, &next.bytes, &next.end)?,
        }
        self.end = next.end;
        self.next_slot ^= 1;
        self.slot_embeds_record = slot.is_some();
        Ok(next.location)
    }

    /// Encodes the record that follows this end.
    pub(super) fn encode(
        &self,
        before: &FrontierSlot,
        first_id: EntryId,
        record: &F::Record,
    ) -> Result<EncodedRecord> {
        let at = before.end;
        let bytes = self
            .format
            .encode(record, at, first_id, previous_len(before) as u32)
            .map_err(|error| self.io(error, at))?;
        let len = bytes.len() as u64;
        Ok(EncodedRecord {
            bytes,
            location: RecordLocation {
                first_id,
                offset: at,
                len,
            },
            end: end_after(before, len, first_id + u64::from(F::ENTRY_COUNT)),
        })
    }

    /// Writes a record that the slot embeds.
    fn write_embedded(&mut self, file: &dyn StorageFile, record: &[u8], slot: &[u8]) -> Result<()> {
        let at = self.end.end;
        // 1. The slot. It comes first: half a slot with nothing behind the end is no damage.
        let mut written = file.write_at(slot_offset(self.next_slot).0, &[IoSlice::new(slot)]);
        // 2. The record.
        if written.is_ok() {
            written = file.write_at(at.0, &[IoSlice::new(record)]);
        }
        if let Err(error) = written {
            let error = self.io(error, at);
            // The slot proves the record until it is durably overwritten.
            let rolled_back = file
                .set_len(at.0)
                .and_then(|()| store_slot(file, self.seed, self.next_slot, &self.end))
                .and_then(|()| file.sync_data());
            return Err(match rolled_back {
                Ok(()) => error,
                Err(_) => self.latch(error),
            });
        }
        // 3. The commit point.
        let synced = file.sync_data();
        synced.map_err(|error| self.latch(self.io(error, at)))
    }

    /// Writes a record that is too long for a slot.
    fn write_alone(
        &mut self,
        file: &dyn StorageFile,
        record: &[u8],
        after: &FrontierSlot,
    ) -> Result<()> {
        let at = self.end.end;
        // 1. The record.
        if let Err(error) = file.write_at(at.0, &[IoSlice::new(record)]) {
            let error = self.io(error, at);
            return Err(match file.set_len(at.0) {
                Ok(()) => error,
                Err(_) => self.latch(error),
            });
        }
        // 2. The commit point. 3. The slot.
        let synced = file
            .sync_data()
            .and_then(|()| store_slot(file, self.seed, self.next_slot, after))
            .and_then(|()| file.sync_data());
        synced.map_err(|error| self.latch(self.io(error, at)))
    }

    /// Writes a slot that embeds nothing, so that the next open has nothing to make durable. Nothing
    /// depends on it. Has no effect if the newer slot is such a one, or after a failure.
    pub fn close(&mut self) -> Result<()> {
        let Some(file) = self.file.clone().filter(|_| self.slot_embeds_record) else {
            return Ok(());
        };
        if self.latched.is_some() {
            return Ok(());
        }
        // The promise of `store_slot` holds: everything below the end is durable, and so is the
        // other slot.
        let stored = store_slot(&*file, self.seed, self.next_slot, &self.end);
        if let Err(error) = stored.and_then(|()| file.sync_data()) {
            let error = self.io(error, slot_offset(self.next_slot));
            return Err(self.latch(error));
        }
        self.next_slot ^= 1;
        self.slot_embeds_record = false;
        Ok(())
    }
}
