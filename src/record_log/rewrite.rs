//! How is a record log's file created, and replaced by one with fewer records?
//!
//! 1. The new file is written under a temporary name and synced: a crash leaves the old log, and a
//!    temporary file that the next attempt replaces.
//! 2. It is renamed over the old one: the old log or the new, each whole.
//! 3. The directory is synced — **the commit point**: the new log.
//!
//! Before the first step a file in which nothing can be believed is linked or copied to a `#damaged`
//! name. Failure: before the rename nothing has changed; from the rename on the log latches.

use std::io::IoSlice;
use std::sync::Arc;

use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::RecordFormat;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLog;
use crate::record_log::items::empty_log;
use crate::recovery::name_aside;
use crate::segment::store_slot;
use crate::storage::StorageFile;
use crate::storage::replace::ReplaceOutcome;
use crate::storage::replace::numbered_name;
use crate::storage::replace::replace_durably;

/// Ends the name that keeps a file in which nothing could be believed.
const DAMAGED_SUFFIX: &str = "#damaged";
/// Records are gathered into writes of about this size.
const WRITE_BYTES: usize = 128 << 10;

/// The outcome of a rewrite.
pub struct Rewrite {
    /// By how many bytes the file is shorter.
    pub reclaimed_bytes: Result<u64>,
    /// Where the records stand in the file that is now in use. `None`: the old one still is.
    pub locations: Option<Vec<RecordLocation>>,
}

impl<F: RecordFormat> RecordLog<F> {
    /// Creates the file, without a record.
    pub(super) fn create(&mut self) -> Result<Arc<dyn StorageFile>> {
        if self.is_unreadable {
            self.quarantine_file()?;
        }
        match self.write_new(&[], empty_log()) {
            (ReplaceOutcome::Durable(file), end, _) => {
                self.adopt(&file, end);
                Ok(file)
            }
            (ReplaceOutcome::Unchanged(error), ..) => Err(error),
            (ReplaceOutcome::Uncertain(_, error), ..) => Err(self.latch(error)),
        }
    }

    /// Gives the whole file a second name.
    fn quarantine_file(&self) -> Result<()> {
        let name = |number| numbered_name(&self.path, DAMAGED_SUFFIX, number);
        let named = match name_aside(&*self.storage, &self.path, name) {
            Ok((aside, false)) => self.storage.link_or_copy(&self.path, &aside),
            // An earlier attempt failed after this step.
            found => found.map(drop),
        };
        named.map_err(|error| self.io(error, FileOffset(0)))?;
        // The second name is durable before the first one is reused.
        self.sync_directory()
    }

    pub(super) fn sync_directory(&self) -> Result<()> {
        match self.path.parent() {
            Some(dir) => {
                let synced = self.storage.sync_dir(dir);
                synced.map_err(|error| self.io(error, FileOffset(0)))
            }
            None => Ok(()),
        }
    }

    fn adopt(&mut self, file: &Arc<dyn StorageFile>, end: FrontierSlot) {
        self.file = Some(Arc::clone(file));
        self.end = end;
        self.next_slot = 0;
        self.slot_embeds_record = false;
        self.is_unreadable = false;
    }

    /// Replaces the log by one that holds these records only, with their ids. A failure changes
    /// nothing, or latches.
    pub fn rewrite(&mut self, records: &[(EntryId, F::Record)]) -> Rewrite {
        let old_len = match self.len_to_rewrite() {
            Ok(Some(len)) => len,
            Ok(None) => return Rewrite::new(Ok(0), Some(Vec::new())),
            Err(error) => return Rewrite::new(Err(error), None),
        };
        let start = FrontierSlot {
            next_id: self.end.next_id,
            ..empty_log()
        };
        match self.write_new(records, start) {
            (ReplaceOutcome::Durable(file), end, locations) => {
                let new_len = end.end.0;
                self.adopt(&file, end);
                Rewrite::new(Ok(old_len.saturating_sub(new_len)), Some(locations))
            }
            (ReplaceOutcome::Unchanged(error), ..) => Rewrite::new(Err(error), None),
            // The new file stands in the directory, and reads are as good from it.
            (ReplaceOutcome::Uncertain(Some(file), error), end, locations) => {
                self.adopt(&file, end);
                Rewrite::new(Err(self.latch(error)), Some(locations))
            }
            (ReplaceOutcome::Uncertain(None, error), ..) => {
                Rewrite::new(Err(self.latch(error)), None)
            }
        }
    }

    /// The length of the file, once an unreadable one is replaced. `None`: there is no file.
    fn len_to_rewrite(&mut self) -> Result<Option<u64>> {
        self.check_usable()?;
        if self.is_unreadable {
            self.create()?;
        }
        let len = self.file.as_ref().map(|file| file.len()).transpose();
        len.map_err(|error| self.io(error, FileOffset(0)))
    }

    /// Writes a new file beside the old one and renames it.
    fn write_new(
        &self,
        records: &[(EntryId, F::Record)],
        start: FrontierSlot,
    ) -> (ReplaceOutcome, FrontierSlot, Vec<RecordLocation>) {
        let mut locations = Vec::with_capacity(records.len());
        let first_id = start.next_id;
        let mut end = start;
        let replaced = replace_durably(&*self.storage, &self.path, |file| {
            self.write_records(file, records, &mut end, &mut locations)?;
            // Ids are never reused, those of removed records included.
            end.next_id = end.next_id.max(first_id);
            for slot in 0..2 {
                store_slot(file, self.seed, slot, &end)
                    .map_err(|error| self.io(error, FileOffset(0)))?;
            }
            file.set_len(end.end.0)
                .map_err(|error| self.io(error, end.end))
        });
        (replaced, end, locations)
    }

    fn write_records(
        &self,
        file: &dyn StorageFile,
        records: &[(EntryId, F::Record)],
        end: &mut FrontierSlot,
        locations: &mut Vec<RecordLocation>,
    ) -> Result<()> {
        let write = |at: FileOffset, bytes: &[u8]| -> Result<()> {
            file.write_at(at.0, &[IoSlice::new(bytes)])
                .map_err(|error| self.io(error, at))
        };
        write(FileOffset(0), &self.format.header_sector())?;
        let mut gathered = Vec::new();
        let mut gathered_at = end.end;
        for (first_id, record) in records {
            let next = self.encode(end, *first_id, record)?;
            locations.push(next.location);
            *end = next.end;
            gathered.extend_from_slice(&next.bytes);
            if gathered.len() >= WRITE_BYTES {
                write(gathered_at, &gathered)?;
                gathered.clear();
                gathered_at = end.end;
            }
        }
        write(gathered_at, &gathered)
    }
}

impl Rewrite {
    fn new(reclaimed_bytes: Result<u64>, locations: Option<Vec<RecordLocation>>) -> Self {
        Rewrite {
            reclaimed_bytes,
            locations,
        }
    }
}
