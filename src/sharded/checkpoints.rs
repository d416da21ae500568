//! How are checkpoints created and loaded?
//!
//! Creating, compacting and pruning exclude each other; loading and listing wait for none of them.
//! A checkpoint is created in these steps:
//!
//! 1. a consistent cut is taken and made durable: nothing refers to it yet;
//! 2. its record is appended to `checkpoints.log`, durably: it exists;
//! 3. the index receives it: it is served;
//! 4. its id is written to `HEAD`, a hint for people and scripts that the engine never reads.

use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::format::CheckpointRecord;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::HEAD_FILE;
use crate::format::MAX_CHECKPOINT_ID_LEN;
use crate::format::RecordKind;
use crate::format::checkpoint_record::checkpoint_seed;
use crate::format::checkpoint_record::is_record_header;
use crate::primitives::Mutex;
use crate::primitives::RwLock;
use crate::sharded::checkpoint_file::CheckpointFile;
use crate::sharded::checkpoint_index::CheckpointBody;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::checkpoint_index::RecordLocation;
use crate::sharded::checkpoint_index::display_id;
use crate::sharded::checkpoint_recovery::Recovered;
use crate::sharded::head_file::Hint;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;

/// A checkpoint: one position per shard, all taken at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointData {
    /// The next id of each shard: replay starts there.
    pub offsets: Vec<u64>,
    /// When it was created, in nanoseconds since 1970. Checkpoints are not ordered by it.
    pub timestamp: u64,
    /// The number of shards.
    pub shard_count: u16,
}

/// The checkpoints of a log.
pub struct Checkpoints {
    /// Locked while a checkpoint is created or removed.
    pub writer: Mutex<CheckpointFile>,
    /// The checkpoints that are served. Locked for look-ups only.
    view: RwLock<Published>,
    refused: Option<Error>,
    shard_count: u16,
    /// Used under the writer lock.
    hint: Mutex<Hint>,
}

struct Published {
    index: CheckpointIndex,
    file: Option<Arc<dyn StorageFile>>,
}

impl Checkpoints {
    /// The checkpoints that recovery found.
    pub fn new(recovered: Recovered) -> Self {
        Checkpoints {
            view: RwLock::new(Published {
                index: recovered.index,
                file: recovered.file.file.clone(),
            }),
            shard_count: recovered.file.shard_count(),
            writer: Mutex::new(recovered.file),
            refused: recovered.refused,
            hint: Mutex::default(),
        }
    }

    /// An error if the file cannot be used.
    pub fn check_usable(&self) -> Result<()> {
        match &self.refused {
            Some(error) => Err(error.duplicate()),
            None => Ok(()),
        }
    }

    /// Queries the index.
    pub fn look<R>(&self, look: impl FnOnce(&CheckpointIndex) -> R) -> R {
        look(&self.view.read().index)
    }

    /// Changes the index.
    pub fn change(
        &self,
        file: &Option<Arc<dyn StorageFile>>,
        change: impl FnOnce(&mut CheckpointIndex),
    ) {
        let mut view = self.view.write();
        change(&mut view.index);
        view.file.clone_from(file);
    }

    /// The record of the checkpoint that `find` returns.
    pub fn read<T>(
        &self,
        find: impl FnOnce(&CheckpointIndex) -> Result<(T, RecordLocation)>,
    ) -> Result<(T, RecordLocation, CheckpointRecord)> {
        self.check_usable()?;
        let (found, place, file) = {
            let view = self.view.read();
            let (found, place) = find(&view.index)?;
            (found, place, view.file.clone())
        };
        // A file that is replaced meanwhile stays readable while this reference lives.
        let record = self.read_record(file, &place)?;
        Ok((found, place, record))
    }

    /// The content of the checkpoint whose id and location `find` returns; from the cache if it is
    /// there.
    pub fn load<T: AsRef<[u8]>>(
        &self,
        find: impl FnOnce(&CheckpointIndex) -> Result<(T, RecordLocation)>,
    ) -> Result<(T, CheckpointBody)> {
        self.check_usable()?;
        let (id, place, file) = {
            let view = self.view.read();
            let (id, place) = find(&view.index)?;
            if let Some(kept) = view.index.kept(id.as_ref()) {
                return Ok((id, kept));
            }
            (id, place, view.file.clone())
        };
        let record = self.read_record(file, &place)?;
        let content = CheckpointBody {
            offsets: record.offsets.into(),
            timestamp_ns: record.timestamp_ns,
        };
        // It may have been superseded or removed meanwhile: then it is not cached.
        let index = &mut self.view.write().index;
        index.keep(id.as_ref(), &place, &content.offsets);
        Ok((id, content))
    }

    fn read_record(
        &self,
        file: Option<Arc<dyn StorageFile>>,
        place: &RecordLocation,
    ) -> Result<CheckpointRecord> {
        let damaged = |reason: String| Error::CheckpointCorrupted {
            offset: place.offset.0,
            reason,
        };
        let Some(file) = file else {
            return Err(damaged("its file is gone".to_owned()));
        };
        // The length was checked when the record was indexed.
        let mut bytes = memory::zeroed(place.len as usize)?;
        match read_exact_at(&*file, place.offset.0, &mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(damaged(error.to_string()));
            }
            read => read?,
        }
        let seed = checkpoint_seed(self.shard_count);
        let header = FrameHeader::decode(&bytes, seed, place.offset)
            .ok()
            .filter(|header| is_record_header(header) && header.first_id == place.number);
        let record = header.and_then(|header| {
            let payload = &bytes[FRAME_HEADER_LEN..];
            CheckpointRecord::decode(&header, seed, payload, self.shard_count).ok()
        });
        record.ok_or_else(|| damaged("the record does not match its checksum any more".to_owned()))
    }

    /// The newest readable checkpoint and its offsets.
    pub fn newest_readable(&self) -> Option<(String, Vec<u64>)> {
        let newest = self.look(|index| index.newest(1)).pop()?;
        let (_, _, record) = self.read(|_| Ok(((), newest.1))).ok()?;
        Some((display_id(&newest.0), record.offsets))
    }
}

impl ShardedWal {
    /// Creates a checkpoint: a consistent cut through all shards. If one append returned before
    /// another was called, no checkpoint holds the second without the first. On return the
    /// checkpoint is durable, and so is everything below its offsets, in every sync mode. Appends
    /// wait only while the ids are read.
    ///
    /// The id has 1 to 65,535 bytes of any content (`InvalidCheckpointId`). An older checkpoint of
    /// the same id is superseded. After an error the checkpoint does not exist; but if later calls
    /// return `Poisoned`, it may exist after the next open.
    pub fn create_checkpoint(&self, user_id: &[u8]) -> Result<()> {
        self.log().telling(|log| log.create_checkpoint(user_id))
    }

    /// The checkpoint of this id. Errors: `CheckpointNotFound`, `CheckpointPruned`,
    /// `CheckpointCorrupted`. Recently created or loaded ones come from memory (1 MiB of offsets),
    /// others from the file.
    pub fn load_checkpoint(&self, user_id: &[u8]) -> Result<CheckpointData> {
        self.log().load_checkpoint(user_id)
    }

    /// The newest checkpoint and its id. Errors: `NoCheckpoints`; `CheckpointCorrupted` if the
    /// newest one is damaged. An older one is loaded by its id only.
    pub fn load_latest_checkpoint(&self) -> Result<(Vec<u8>, CheckpointData)> {
        let log = self.log();
        log.wal.enter()?;
        let (id, content) = log.checkpoints.load(CheckpointIndex::latest)?;
        Ok((id.to_vec(), log.checked(&id, &content)?))
    }

    /// The ids and timestamps of all checkpoints that can be loaded, oldest first. Empty in a
    /// forked child, and if `checkpoints.log` cannot be used: loading one returns the reason.
    pub fn list_checkpoints(&self) -> Vec<(Vec<u8>, u64)> {
        match self.log().is_forked() {
            true => Vec::new(),
            false => self.log().checkpoints.look(CheckpointIndex::list),
        }
    }

    /// The number of checkpoints that can be loaded, as listed.
    pub fn checkpoint_count(&self) -> usize {
        match self.log().is_forked() {
            true => 0,
            false => self.log().checkpoints.look(CheckpointIndex::len),
        }
    }
}

impl ShardedInner {
    /// See [`ShardedWal::create_checkpoint`].
    pub fn create_checkpoint(&self, user_id: &[u8]) -> Result<()> {
        self.wal.enter()?;
        check_id(user_id)?;
        self.checkpoints.check_usable()?;
        let mut writer = self.checkpoints.writer.lock();
        writer.check_usable()?;
        // 1. The cut.
        let offsets = self.durable_cut()?;
        let record = CheckpointRecord {
            kind: RecordKind::Created,
            user_id: user_id.to_vec(),
            timestamp_ns: now_ns(),
            offsets,
        };
        // 2. The record. With close blocked, no other process can lock the log meanwhile.
        let open = self.wal.block_close()?;
        let place = writer.append(&record)?;
        // 3. The index.
        self.checkpoints.change(&writer.file, |index| {
            // The untrusted file has been quarantined.
            if place.number.0 == 0 {
                *index = CheckpointIndex::default();
            }
            index.created(user_id, place, record.timestamp_ns);
            index.keep(user_id, &place, &record.offsets.into());
        });
        // 4. The hint.
        self.write_head(user_id);
        drop(open);
        Ok(())
    }

    /// A number greater than that of any present or former checkpoint; the next one gets it or a
    /// greater one.
    pub fn next_checkpoint_number(&self) -> Result<u64> {
        self.wal.enter()?;
        self.checkpoints.check_usable()?;
        let writer = self.checkpoints.writer.lock();
        writer.check_usable()?;
        Ok(writer.end.next_id.0)
    }

    /// Writes a clean slot to `checkpoints.log`, so that the next open has nothing to make durable.
    /// Does nothing if the slot is clean, if the log is closed, and in a forked child.
    pub fn close_checkpoints(&self) -> Result<()> {
        if self.wal.enter().is_err() {
            return Ok(());
        }
        let mut writer = self.checkpoints.writer.lock();
        match self.wal.block_close() {
            Ok(_open) => writer.checkpoint_slot_clean(),
            Err(_) => Ok(()),
        }
    }

    fn write_head(&self, user_id: &[u8]) {
        let context = self.wal.context();
        let path = context.root.join(HEAD_FILE);
        let left = self
            .checkpoints
            .hint
            .lock()
            .write(&*context.storage, &path, user_id);
        if let Err(error) = left {
            let message = format!("{} not written: {error}", path.display());
            context.note(log::Level::Debug, message);
        }
    }

    /// See [`ShardedWal::load_checkpoint`].
    pub fn load_checkpoint(&self, user_id: &[u8]) -> Result<CheckpointData> {
        self.wal.enter()?;
        check_id(user_id)?;
        let (_, content) = self
            .checkpoints
            .load(|index| Ok((user_id, index.find(user_id)?)))?;
        self.checked(user_id, &content)
    }

    /// The checkpoint, unless a shard was truncated past it through the `Wal`.
    fn checked(&self, user_id: &[u8], content: &CheckpointBody) -> Result<CheckpointData> {
        for (shard, offset) in self.shards.iter().zip(&*content.offsets) {
            // A lost shard returns its error when it is read.
            let Ok(stream) = shard.stream() else {
                continue;
            };
            // Ids that were lost, not truncated, return their error when they are read.
            let first_kept = stream.core().first_kept();
            if first_kept > *offset {
                return Err(Error::CheckpointPruned {
                    id: display_id(user_id),
                    pruned_before: format!("id {first_kept} of {}", stream.key()),
                });
            }
        }
        Ok(CheckpointData {
            shard_count: content.offsets.len() as u16,
            offsets: content.offsets.to_vec(),
            timestamp: content.timestamp_ns,
        })
    }
}

/// Ids have 1 to 65,535 bytes.
pub fn check_id(user_id: &[u8]) -> Result<()> {
    match user_id.len() {
        0 => Err(Error::InvalidCheckpointId("it is empty".to_owned())),
        1..=MAX_CHECKPOINT_ID_LEN => Ok(()),
        len => Err(Error::InvalidCheckpointId(format!(
            "{len} bytes are too many, the maximum is {MAX_CHECKPOINT_ID_LEN}"
        ))),
    }
}

/// The time in nanoseconds since 1970. A clock before 1970 or after the year 2554 is clamped to the
/// nearest value that fits.
pub fn now_ns() -> u64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}
