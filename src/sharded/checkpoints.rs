//! How are checkpoints created and loaded?
//!
//! Creation, compaction and pruning exclude each other; loading and listing wait for none of them.
//! A checkpoint is created in this order:
//!
//! 1. the consistent cut is taken and made durable: nothing refers to it yet;
//! 2. its record is appended to `checkpoints.log`, durably: the checkpoint exists;
//! 3. it is inserted into the index: readers find it;
//! 4. its id is written to `HEAD`, a hint for people and scripts that this library never reads.
//!
//! In a log that is open read-only there is a follower instead of the writer (`checkpoint_follower`). Loading and
//! listing look at the file first.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::error::Error;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::HEAD_FILE;
use crate::format::MAX_CHECKPOINT_ID_LEN;
use crate::format::RecordKind;
use crate::format::SHARDS_FILE;
use crate::options::CorruptionPolicy;
use crate::primitives::Mutex;
use crate::primitives::MutexGuard;
use crate::primitives::RwLock;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLog;
use crate::sharded::checkpoint_follower::CheckpointFollower;
use crate::sharded::checkpoint_index::CheckpointBody;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::checkpoint_index::PendingRollback;
use crate::sharded::checkpoint_index::display_id;
use crate::sharded::checkpoint_recovery::Recovered;
use crate::sharded::checkpoint_view::Published;
use crate::sharded::head_file::Hint;
use crate::sharded::live_checkpoints::Tail;
use crate::sharded::live_snapshot::snapshot_beside_writer;
use crate::sharded::router::shard_stream_name;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;
use crate::stream::LogContext;
use crate::wal::SnapshotMode;
use crate::wal::SnapshotReport;

/// A checkpoint: one position per shard, all taken at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointData {
    /// The next id of each shard: replay starts there.
    pub offsets: Vec<u64>,
    /// When it was created, in nanoseconds since 1970. It does not order checkpoints.
    pub timestamp: u64,
    /// The number of shards.
    pub shard_count: u16,
}

/// Entries that no shard may lack, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredEntries {
    /// The id of the checkpoint, for messages.
    pub checkpoint: String,
    /// Each shard holds all ids below its offset.
    pub offsets: Vec<u64>,
    /// The shards are still to be cut to the offsets.
    pub is_rolling_back: bool,
}

impl RequiredEntries {
    /// Says that a shard ends below its offset, and what can be done.
    pub fn lost_shard(&self, key: &str, next_id: u64, offset: u64) -> String {
        let id = &self.checkpoint;
        if self.is_rolling_back {
            return format!(
                "{key} ends at {next_id}, but an unfinished rollback to checkpoint {id} needs all ids below {offset} \
                 of it: restore the shard's directory from a copy and open again. Without a copy, move \
                 {CHECKPOINTS_FILE} away: that gives up all checkpoints and the rollback, and some shards may \
                 be rolled back already"
            );
        }
        format!(
            "{key} ends at {next_id}, but checkpoint {id} refers to all ids below {offset}: restore the \
             shard's directory from a copy, or discard all checkpoints with compact_checkpoints(0)"
        )
    }
}

/// The checkpoints of a log.
pub struct Checkpoints {
    source: Source,
    /// What readers see. Locked for look-ups only.
    view: RwLock<Published>,
    format: CheckpointFormat,
}

/// Where checkpoints come from.
// One per log.
#[allow(clippy::large_enum_variant)]
enum Source {
    /// This log makes them.
    Writer {
        /// Locked while a checkpoint is created, and while any are removed.
        log: Mutex<RecordLog<CheckpointFormat>>,
        /// Locked by the thread that has locked the log.
        hint: Mutex<Hint>,
    },
    /// Another process does: this log is open read-only.
    Follower(CheckpointFollower),
}

impl Checkpoints {
    /// The checkpoints that recovery found.
    pub fn new(recovered: Recovered) -> Self {
        Checkpoints {
            view: RwLock::new(Published {
                index: recovered.index,
                file: recovered.log.file().cloned(),
                tail: Tail::default(),
                refused: recovered.refused,
            }),
            format: *recovered.log.format(),
            source: Source::Writer {
                log: Mutex::new(recovered.log),
                hint: Mutex::default(),
            },
        }
    }

    /// The checkpoints of another process. Damage is logged, or an error under [`CorruptionPolicy::Error`]; so
    /// is a file that cannot be read, which loading reports.
    pub fn followed(context: &Arc<LogContext>, shard_count: u16) -> Result<Self> {
        let format = CheckpointFormat { shard_count };
        let checkpoints = Checkpoints {
            source: Source::Follower(CheckpointFollower::new(context, format)),
            view: RwLock::default(),
            format,
        };
        let mut found = Vec::new();
        if let Err(error) = checkpoints.look_for(|damage| found = damage) {
            context.note(log::Level::Error, error.to_string());
            checkpoints.view.write().refused = Some(error.duplicate());
            found.push(error);
        }
        let is_strict = context.options.on_corruption == CorruptionPolicy::Error;
        match found.len() {
            0 => Ok(checkpoints),
            _ if !is_strict => Ok(checkpoints),
            1 => Err(found.remove(0)),
            _ => {
                let found: Vec<String> = found.iter().map(Error::to_string).collect();
                Err(Error::Corruption(found.join("; ")))
            }
        }
    }

    /// In a log that is open read-only: looks at the file, and shows what it holds now.
    pub fn look(&self) -> Result<()> {
        self.look_for(|_| ())
    }

    fn look_for(&self, damage: impl FnOnce(Vec<Error>)) -> Result<()> {
        match &self.source {
            Source::Writer { .. } => Ok(()),
            Source::Follower(follower) => follower.look(|look| {
                *self.view.write() = look.published;
                damage(look.damage);
            }),
        }
    }

    /// Locks what writes the checkpoints. `ReadOnly` if that is another process.
    pub fn writer(&self) -> Result<MutexGuard<'_, RecordLog<CheckpointFormat>>> {
        match &self.source {
            Source::Writer { log, .. } => Ok(log.lock()),
            Source::Follower(_) => Err(Error::ReadOnly),
        }
    }

    /// Refuses if the file belongs to another log or version.
    pub fn check_usable(&self) -> Result<()> {
        self.view.read().check_usable()
    }

    /// Queries the index.
    pub fn query<R>(&self, query: impl FnOnce(&CheckpointIndex) -> R) -> R {
        query(&self.view.read().index)
    }

    /// Changes the index, and takes over the file of the writer, which the caller has locked.
    pub fn change(
        &self,
        writer: &RecordLog<CheckpointFormat>,
        change: impl FnOnce(&mut CheckpointIndex),
    ) {
        let mut view = self.view.write();
        change(&mut view.index);
        view.file = writer.file().cloned();
    }

    /// The record at the location that `find` returns.
    pub fn read<T>(
        &self,
        find: impl FnOnce(&CheckpointIndex) -> Result<(T, RecordLocation)>,
    ) -> Result<(T, RecordLocation, CheckpointRecord)> {
        let (found, location, place) = {
            let view = self.view.read();
            view.check_usable()?;
            let (found, location) = find(&view.index)?;
            (found, location, view.place(&location))
        };
        // A file that a compaction replaces keeps its bytes while it is open.
        let record = place.read(&self.format, &location)?;
        Ok((found, location, record))
    }

    /// The body of the checkpoint whose id and location `find` returns. A cached one reads no file.
    pub fn load<T: AsRef<[u8]>>(
        &self,
        find: impl FnOnce(&CheckpointIndex) -> Result<(T, RecordLocation)>,
    ) -> Result<(T, CheckpointBody)> {
        let (id, location, place) = {
            let view = self.view.read();
            view.check_usable()?;
            let (id, location) = find(&view.index)?;
            if let Some(cached) = view.index.cached(id.as_ref()) {
                return Ok((id, cached));
            }
            (id, location, view.place(&location))
        };
        let record = place.read(&self.format, &location)?;
        let content = CheckpointBody {
            offsets: record.offsets.into(),
            timestamp_ns: record.timestamp_ns,
        };
        // Not cached if it was superseded or removed meanwhile.
        let index = &mut self.view.write().index;
        index.cache(id.as_ref(), &location, &content.offsets);
        Ok((id, content))
    }

    /// What the shards must hold: the offsets of an unfinished rollback, otherwise those of the newest checkpoint
    /// that can be read.
    pub fn required(&self) -> Option<RequiredEntries> {
        if let Some(pending) = self.query(CheckpointIndex::rolling_back) {
            if let Ok(record) = self.read_pending(&pending) {
                return Some(RequiredEntries {
                    checkpoint: display_id(&pending.user_id),
                    offsets: record.offsets,
                    is_rolling_back: true,
                });
            }
        }
        let newest = |index: &CheckpointIndex| index.newest(1).pop().ok_or(Error::NoCheckpoints);
        let (id, _, record) = self.read(newest).ok()?;
        Some(RequiredEntries {
            checkpoint: display_id(&id),
            offsets: record.offsets,
            is_rolling_back: false,
        })
    }

    /// The checkpoint to which the shards are still to be cut.
    pub fn read_pending(&self, pending: &PendingRollback) -> Result<CheckpointRecord> {
        // The offsets are in two records: either may be damaged.
        let ((), _, record) = self
            .read(|_| Ok(((), pending.location)))
            .or_else(|_| self.read(|index| Ok(((), index.find(&pending.user_id)?))))?;
        Ok(record)
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
        self.log().delivering(|log| log.create_checkpoint(user_id))
    }

    /// The checkpoint of this id. `CheckpointNotFound`, `CheckpointPruned`, `CheckpointCorrupted`.
    /// Those created or loaded last are returned from memory (1 MiB of offsets), others are read.
    pub fn load_checkpoint(&self, user_id: &[u8]) -> Result<CheckpointData> {
        self.log().delivering(|log| log.load_checkpoint(user_id))
    }

    /// The newest checkpoint and its id. Errors: `NoCheckpoints`; `CheckpointCorrupted` if the
    /// newest one is damaged. An older one is loaded by its id only.
    pub fn load_latest_checkpoint(&self) -> Result<(Vec<u8>, CheckpointData)> {
        self.log().delivering(|log| {
            log.wal.enter()?;
            log.checkpoints.look()?;
            let (id, content) = log.checkpoints.load(CheckpointIndex::latest)?;
            Ok((id.to_vec(), log.checked(&id, &content)?))
        })
    }

    /// The ids and timestamps of all checkpoints that can be loaded, oldest first. None in a forked
    /// child, and if `checkpoints.log` belongs to another log or version: loading returns the reason. In a
    /// log that is open read-only and cannot read the file now, the list is as it was before;
    /// [`ShardedWal::refresh`] returns the reason.
    pub fn list_checkpoints(&self) -> Vec<(Vec<u8>, u64)> {
        self.log()
            .delivering(|log| log.listed(CheckpointIndex::list))
    }

    /// As [`Wal::snapshot_to`](crate::Wal::snapshot_to), with the checkpoints: each one in the snapshot can be loaded there. Creating,
    /// pruning and compacting checkpoints wait too. Additional errors: those of loading a checkpoint if
    /// `checkpoints.log` cannot be used. Of a log that is open read-only: see [`snapshot_beside_writer`].
    pub fn snapshot_to(&self, dir: &Path, mode: SnapshotMode) -> Result<SnapshotReport> {
        if self.inner().is_read_only() {
            return snapshot_beside_writer(self.inner(), dir, mode);
        }
        self.log().delivering(|log| {
            log.wal.enter()?;
            log.checkpoints.check_usable()?;
            // No checkpoint is made from here on: all there are lie below the ends of the snapshot.
            let writer = log.checkpoints.writer()?;
            writer.check_usable()?;
            let files = [SHARDS_FILE, CHECKPOINTS_FILE];
            log.wal.snapshot_with(dir, mode, &files)
        })
    }

    /// The number of checkpoints that can be loaded, as listed.
    pub fn checkpoint_count(&self) -> usize {
        self.log()
            .delivering(|log| log.listed(CheckpointIndex::len))
    }
}

impl ShardedInner {
    /// See [`ShardedWal::create_checkpoint`].
    pub fn create_checkpoint(&self, user_id: &[u8]) -> Result<()> {
        self.wal.enter_to_write()?;
        check_id(user_id)?;
        self.checkpoints.check_usable()?;
        let mut writer = self.checkpoints.writer()?;
        writer.check_usable()?;
        // 1. The cut.
        let offsets = self.durable_cut()?;
        let record = CheckpointRecord {
            kind: RecordKind::Created,
            user_id: user_id.to_vec(),
            timestamp_ns: now_ns(),
            offsets,
        };
        // 2. The record. No other process can have locked the log meanwhile.
        let open = self.wal.block_close()?;
        let location = writer.append(&record)?;
        // 3. The index.
        self.checkpoints.change(&writer, |index| {
            // An unreadable file has been quarantined, and a new one created.
            if location.first_id.0 == 0 {
                *index = CheckpointIndex::default();
            }
            index.created(user_id, location, record.timestamp_ns);
            index.cache(user_id, &location, &record.offsets.into());
        });
        self.note_floors();
        // 4. The hint.
        self.write_head(user_id);
        drop(open);
        Ok(())
    }

    /// A number greater than that of any checkpoint that ever existed. The next checkpoint gets it,
    /// or a greater one.
    pub fn next_checkpoint_number(&self) -> Result<u64> {
        self.wal.enter_to_write()?;
        self.checkpoints.check_usable()?;
        let writer = self.checkpoints.writer()?;
        writer.check_usable()?;
        Ok(writer.next_id().0)
    }

    /// Closes the checkpoint log so that the next open has nothing to make durable. Has no effect if
    /// the log is closed, if it is open read-only, and in a forked child.
    pub fn close_checkpoints(&self) -> Result<()> {
        if self.wal.enter_to_write().is_err() {
            return Ok(());
        }
        let mut writer = self.checkpoints.writer()?;
        match self.wal.block_close() {
            Ok(_open) => writer.close(),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn write_head(&self, user_id: &[u8]) {
        let Source::Writer { hint, .. } = &self.checkpoints.source else {
            return;
        };
        let context = self.wal.context();
        let path = context.root.join(HEAD_FILE);
        let left = hint.lock().write(&*context.storage, &path, user_id);
        if let Err(error) = left {
            let message = format!("{} not written: {error}", path.display());
            context.note(log::Level::Debug, message);
        }
    }

    /// See [`ShardedWal::load_checkpoint`].
    pub fn load_checkpoint(&self, user_id: &[u8]) -> Result<CheckpointData> {
        self.wal.enter()?;
        check_id(user_id)?;
        self.checkpoints.look()?;
        let (_, content) = self
            .checkpoints
            .load(|index| Ok((user_id, index.find(user_id)?)))?;
        self.checked(user_id, &content)
    }

    /// A statement about the checkpoints that never fails.
    fn listed<R: Default>(&self, query: impl FnOnce(&CheckpointIndex) -> R) -> R {
        if self.is_forked() {
            return R::default();
        }
        if let Err(error) = self.checkpoints.look() {
            let message = format!("the checkpoints are listed as they were: {error}");
            self.wal.context().note(log::Level::Warn, message);
        }
        self.checkpoints.query(query)
    }

    /// The checkpoint, unless a shard was truncated past it by a call that does not know checkpoints.
    fn checked(&self, user_id: &[u8], content: &CheckpointBody) -> Result<CheckpointData> {
        // The number comes second: none lies behind that of the last of 65,535 shards.
        for (offset, shard) in content.offsets.iter().zip(0..) {
            // Reading a lost shard reports it. Reading lost ids reports them too; only truncated ones prune the
            // checkpoint.
            let Ok(first_kept) = self.first_kept(shard, *offset) else {
                continue;
            };
            if first_kept > *offset {
                let shard = shard_stream_name(shard);
                return Err(Error::CheckpointPruned {
                    id: display_id(user_id),
                    pruned_before: format!("id {first_kept} of {shard}"),
                });
            }
            // A reader finds what was lost when it reads the shard.
            let Ok(stream) = self.stream(shard) else {
                continue;
            };
            let (core, next_id) = (stream.core(), stream.core().next_id());
            // One that is poisoned may hold more than it serves; appends to a deleted one report it.
            if next_id < *offset && !core.is_poisoned() && !core.is_deleted() {
                return self.checked_again(user_id, content, (stream.key(), *offset, next_id));
            }
        }
        Ok(CheckpointData {
            shard_count: content.offsets.len() as u16,
            offsets: content.offsets.to_vec(),
            timestamp: content.timestamp_ns,
        })
    }

    /// The answer where a shard ends below the offset of the checkpoint that was read.
    fn checked_again(
        &self,
        user_id: &[u8],
        content: &CheckpointBody,
        (shard, offset, next_id): (&str, u64, u64),
    ) -> Result<CheckpointData> {
        let find = |index: &CheckpointIndex| Ok((user_id, index.find(user_id)?));
        // A rollback removes checkpoints before it cuts shards.
        let (_, now) = self.checkpoints.load(find)?;
        if now != *content {
            return self.checked(user_id, &now);
        }
        let (_, location) = self.checkpoints.query(find)?;
        Err(Error::CheckpointCorrupted {
            offset: location.offset.0,
            reason: format!(
                "checkpoint {} refers to all ids below {offset} of {shard}, which ends at {next_id}; \
                 perhaps damage hides the record of a rollback",
                display_id(user_id)
            ),
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

/// The time in nanoseconds since 1970. A clock outside the range of `u64` gives its nearest end.
pub fn now_ns() -> u64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}
