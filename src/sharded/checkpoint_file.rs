//! How does a record get into `checkpoints.log`?
//!
//! One writer at a time. ItemKind a crash right after each step leaves:
//!
//! 1. a frontier slot that carries the record is stored into the older of the two slots: nothing,
//!    or a record that nobody was told of, in the slot;
//! 2. the record is written behind the last one: the same, and perhaps a torn tail; either of the
//!    two may be on the disk, and the slot proves the record by itself;
//! 3. the file is synced — **the commit point**: the checkpoint exists. Damage to the record is
//!    told from a torn tail, and mended: the slot has it once more.
//!
//! A record that is too long for a slot takes two syncs:
//!
//! 1. the record is written behind the last one: a torn tail, or a record nobody was told of;
//! 2. the file is synced — **the commit point**;
//! 3. a frontier slot is stored into the older of the two slots, and synced: from now on damage to
//!    the record is told from a torn tail.
//!
//! Only then is it acknowledged. A write that fails before the commit point is taken back. ItemKind
//! fails later latches: what the disk holds is unknown until the log is opened anew. A clean close
//! stores a slot that carries nothing, so that the next open finds nothing to do.

use std::io;
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointRecord;
use crate::format::FrontierSlot;
use crate::format::SegmentSeed;
use crate::format::ShardCountSector;
use crate::format::checkpoint_record::checkpoint_seed;
use crate::format::checkpoint_slot::encode_carrying;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::checkpoints::empty_log;
use crate::recovery::checkpoints::previous_len;
use crate::recovery::name_aside;
use crate::segment::store_slot;
use crate::sharded::checkpoint_index::LogDir;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::replace::ReplaceOutcome;
use crate::storage::replace::numbered_name;
use crate::storage::replace::replace_durably;

/// Ends the name under which a file is kept in which nothing could be trusted.
const DAMAGED_SUFFIX: &str = "#damaged";
/// Records gathered into one write when a log is rewritten.
const WRITE_BYTES: usize = 128 << 10;

/// The log, for its writer.
pub struct CheckpointFile {
    storage: Arc<dyn Storage>,
    /// Where it stands.
    pub path: PathBuf,
    shard_count: u16,
    seed: SegmentSeed,
    /// `None`: made by the first checkpoint.
    pub file: Option<Arc<dyn StorageFile>>,
    /// ItemKind stands under the name is kept aside before a new log takes its place.
    pub is_garbage: bool,
    /// The durable end.
    pub end: FrontierSlot,
    /// The slot that may be overwritten.
    pub next_slot: usize,
    /// The other one carries the last record.
    is_carried: bool,
    /// The failure after which nothing is written any more.
    pub latched: Option<Arc<Error>>,
}

impl CheckpointFile {
    /// A log without a file.
    pub fn absent(storage: &Arc<dyn Storage>, path: PathBuf, shard_count: u16) -> Self {
        CheckpointFile {
            storage: Arc::clone(storage),
            path,
            shard_count,
            seed: checkpoint_seed(shard_count),
            file: None,
            is_garbage: false,
            end: empty_log(),
            next_slot: 0,
            is_carried: false,
            latched: None,
        }
    }

    /// The shard count it was opened with.
    pub fn shard_count(&self) -> u16 {
        self.shard_count
    }

    /// Refuses when a failure has latched.
    pub fn check_usable(&self) -> Result<()> {
        match &self.latched {
            Some(cause) => Err(Error::Poisoned {
                stream: CHECKPOINTS_FILE.to_owned(),
                cause: Arc::clone(cause),
            }),
            None => Ok(()),
        }
    }

    fn latch(&mut self, error: Error) -> Error {
        let told = error.duplicate();
        self.latched.get_or_insert(Arc::new(error));
        told
    }

    fn io(&self, error: io::Error, at: FileOffset) -> Error {
        Error::io(error, ErrorContext::at(&self.path).offset(at.0))
    }

    /// Appends a record, durably, and tells where it stands.
    pub fn append(&mut self, record: &CheckpointRecord) -> Result<LogDir> {
        self.check_usable()?;
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.make()?,
        };
        let (at, number) = (self.end.end, self.end.next_id);
        let bytes = record.encode(self.seed, at, number, previous_len(&self.end) as u32);
        let bytes = bytes.map_err(|error| self.io(error, at))?;
        let after = self.end_behind(&self.end, &bytes, number);
        let slot = encode_carrying(&after, &bytes, self.seed, self.next_slot);
        match &slot {
            Some(slot) => self.write_carried(&*file, &bytes, slot)?,
            None => self.write_alone(&*file, &bytes, &after)?,
        }
        self.end = after;
        self.next_slot ^= 1;
        self.is_carried = slot.is_some();
        Ok(LogDir {
            number,
            offset: at,
            len: bytes.len() as u64,
        })
    }

    /// Writes a record that the slot carries.
    fn write_carried(&mut self, file: &dyn StorageFile, record: &[u8], slot: &[u8]) -> Result<()> {
        let at = self.end.end;
        // 1. The slot. Before the record: half a slot with nothing behind the end is no damage.
        let mut written = file.write_at(slot_offset(self.next_slot).0, &[IoSlice::new(slot)]);
        // 2. The record.
        if written.is_ok() {
            written = file.write_at(at.0, &[IoSlice::new(record)]);
        }
        if let Err(error) = written {
            let error = self.io(error, at);
            // The slot proves the record until it is durably another one again.
            let taken_back = file
                .set_len(at.0)
                .and_then(|()| store_slot(file, self.seed, self.next_slot, &self.end))
                .and_then(|()| file.sync_data());
            return Err(match taken_back {
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
        // 2. The commit point. 3. The frontier.
        let synced = file
            .sync_data()
            .and_then(|()| store_slot(file, self.seed, self.next_slot, after))
            .and_then(|()| file.sync_data());
        synced.map_err(|error| self.latch(self.io(error, at)))
    }

    /// Stores a frontier that carries nothing, so that the next open has nothing to make durable.
    /// Nothing depends on it. Does nothing where that is so already, and after a failure.
    pub fn checkpoint_slot_clean(&mut self) -> Result<()> {
        let Some(file) = self.file.clone().filter(|_| self.is_carried) else {
            return Ok(());
        };
        if self.latched.is_some() {
            return Ok(());
        }
        // All below is durable, and so is the other slot.
        let stored = store_slot(&*file, self.seed, self.next_slot, &self.end);
        if let Err(error) = stored.and_then(|()| file.sync_data()) {
            let error = self.io(error, slot_offset(self.next_slot));
            return Err(self.latch(error));
        }
        self.next_slot ^= 1;
        self.is_carried = false;
        Ok(())
    }

    fn end_behind(&self, before: &FrontierSlot, frame: &[u8], number: EntryId) -> FrontierSlot {
        FrontierSlot {
            end: before.end + frame.len() as u64,
            next_id: number + 2,
            last_frame: Some(before.end),
            ..*before
        }
    }

    /// Makes the file, without a record.
    fn make(&mut self) -> Result<Arc<dyn StorageFile>> {
        if self.is_garbage {
            let name = |number| numbered_name(&self.path, DAMAGED_SUFFIX, number);
            let kept = match name_aside(&*self.storage, &self.path, name) {
                Ok((aside, false)) => self.storage.link_or_copy(&self.path, &aside),
                // An attempt before this one failed behind that.
                found => found.map(drop),
            };
            kept.map_err(|error| self.io(error, FileOffset(0)))?;
            // The copy's name is durable before the log's name stands for something else.
            if let Some(root) = self.path.parent() {
                let synced = self.storage.sync_dir(root);
                synced.map_err(|error| self.io(error, FileOffset(0)))?;
            }
        }
        let written = self.write_new(&[], empty_log());
        match written {
            (ReplaceOutcome::Durable(file), end, _) => {
                self.adopt(&file, end);
                Ok(file)
            }
            (ReplaceOutcome::Unchanged(error), ..) => Err(error),
            (ReplaceOutcome::Uncertain(_, error), ..) => Err(self.latch(error)),
        }
    }

    fn adopt(&mut self, file: &Arc<dyn StorageFile>, end: FrontierSlot) {
        self.file = Some(Arc::clone(file));
        self.end = end;
        self.next_slot = 0;
        self.is_carried = false;
        self.is_garbage = false;
    }

    /// Replaces the log by one that holds these records only, with their numbers. Tells where they
    /// stand, and how many bytes shorter it is. A failure changes nothing, or latches.
    pub fn rewrite(
        &mut self,
        records: &[(EntryId, CheckpointRecord)],
    ) -> (Result<u64>, Option<Vec<LogDir>>) {
        let old_len = match self.len_to_rewrite() {
            Ok(Some(len)) => len,
            Ok(None) => return (Ok(0), Some(Vec::new())),
            Err(error) => return (Err(error), None),
        };
        let next_id = self.end.next_id;
        let start = FrontierSlot {
            next_id,
            ..empty_log()
        };
        match self.write_new(records, start) {
            (ReplaceOutcome::Durable(file), end, places) => {
                self.adopt(&file, end);
                (Ok(old_len.saturating_sub(end.end.0)), Some(places))
            }
            (ReplaceOutcome::Unchanged(error), ..) => (Err(error), None),
            // The new file stands in the directory, and is as good as the old one to read from.
            (ReplaceOutcome::Uncertain(Some(file), error), end, places) => {
                self.adopt(&file, end);
                (Err(self.latch(error)), Some(places))
            }
            (ReplaceOutcome::Uncertain(None, error), ..) => (Err(self.latch(error)), None),
        }
    }

    /// The length of the file, once what cannot be trusted is out of the way. `None`: there is none.
    fn len_to_rewrite(&mut self) -> Result<Option<u64>> {
        self.check_usable()?;
        if self.is_garbage {
            self.make()?;
        }
        let len = self.file.as_ref().map(|file| file.len()).transpose();
        len.map_err(|error| self.io(error, FileOffset(0)))
    }

    /// Writes a new log beside the old one and puts it in its place.
    fn write_new(
        &self,
        records: &[(EntryId, CheckpointRecord)],
        start: FrontierSlot,
    ) -> (ReplaceOutcome, FrontierSlot, Vec<LogDir>) {
        let mut places = Vec::with_capacity(records.len());
        let mut end = start;
        let replaced = replace_durably(&*self.storage, &self.path, |file| {
            let write = |at: FileOffset, bytes: &[u8]| {
                file.write_at(at.0, &[IoSlice::new(bytes)])
                    .map_err(|error| self.io(error, at))
            };
            write(
                FileOffset(0),
                &ShardCountSector::Checkpoints.encode(self.shard_count),
            )?;
            let mut gathered = Vec::new();
            let mut gathered_at = end.end;
            for (number, record) in records {
                let at = end.end;
                let previous = previous_len(&end) as u32;
                let bytes = record.encode(self.seed, at, *number, previous);
                let bytes = bytes.map_err(|error| self.io(error, at))?;
                places.push(LogDir {
                    number: *number,
                    offset: at,
                    len: bytes.len() as u64,
                });
                end = self.end_behind(&end, &bytes, *number);
                gathered.extend_from_slice(&bytes);
                if gathered.len() >= WRITE_BYTES {
                    write(gathered_at, &gathered)?;
                    gathered.clear();
                    gathered_at = end.end;
                }
            }
            write(gathered_at, &gathered)?;
            // Numbers are never given twice, those of removed records included.
            end.next_id = end.next_id.max(start.next_id);
            for slot in 0..2 {
                store_slot(file, self.seed, slot, &end)
                    .map_err(|error| self.io(error, FileOffset(0)))?;
            }
            file.set_len(end.end.0)
                .map_err(|error| self.io(error, end.end))
        });
        (replaced, end, places)
    }
}

#[cfg(all(test, unix, feature = "simulation"))]
mod tests {
    use super::*;
    use crate::format::RecordKind;
    use crate::storage::simulated::SimulatedDisk;

    /// The rows of the worked example in docs/FORMAT.md, computed by an independent program.
    fn documented() -> Vec<String> {
        let page = include_str!("../../docs/FORMAT.md");
        let example = page
            .split("### A worked example")
            .nth(1)
            .unwrap_or_default();
        let block = example.split("```").nth(1).unwrap_or_default();
        let rows = block.lines().skip(1).map(|row| row.trim_end().to_owned());
        rows.collect()
    }

    fn dumped(bytes: &[u8]) -> Vec<String> {
        let rows = bytes.chunks(16).enumerate();
        rows.filter(|(_, row)| row.iter().any(|byte| *byte != 0))
            .map(|(number, row)| {
                let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = row.iter().map(|&byte| match byte {
                    32..127 => char::from(byte),
                    _ => '.',
                });
                let text: String = text.collect();
                let row = format!("{:04x}  {:47}  {text}", number * 16, digits.join(" "));
                row.trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn two_records_give_the_worked_example_of_the_format_page() {
        let disk = SimulatedDisk::new();
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        let path = PathBuf::from("/checkpoints.log");
        let mut log = CheckpointFile::absent(&storage, path.clone(), 2);
        let created = CheckpointRecord {
            kind: RecordKind::Created,
            user_id: b"daily-1".to_vec(),
            timestamp_ns: 1_700_000_000_000_000_000,
            offsets: vec![5, 7],
        };
        let pruned = CheckpointRecord {
            kind: RecordKind::PrunedBefore,
            timestamp_ns: created.timestamp_ns + 1,
            ..created.clone()
        };
        log.append(&created).expect("appends");
        log.append(&pruned).expect("appends");
        log.checkpoint_slot_clean().expect("settles");
        assert_eq!(dumped(&disk.contents(&path).expect("a file")), documented());
    }
}
