//! How are entries and checkpoints removed that are no longer needed?
//!
//! **Prune.** The record "pruned before C" is appended to `checkpoints.log`, durably; then the shards
//! are truncated. A crash in between leaves entries that no loadable checkpoint needs; pruning again,
//! to the same checkpoint or a later one, removes them.
//!
//! **Compact.** The retained records are written to a new log, which replaces the old one. A crash
//! leaves the old or the new.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::RecordKind;
use crate::record_log::RecordLog;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::checkpoints::check_id;
use crate::sharded::checkpoints::now_ns;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;

/// Automatic retention rewrites `checkpoints.log` when it holds more dead records than this: rare
/// enough to be cheap, frequent enough to keep the file short.
const MAX_DEAD_RECORDS: usize = 16;

/// Which ids the live checkpoints need.
enum Floors {
    /// Those from these offsets on, by shard.
    At(Arc<[u64]>),
    /// None: there is no checkpoint.
    Free,
    /// The oldest checkpoint cannot be read: perhaps all.
    Unknown,
}

/// What a pruning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneStats {
    /// The shards in which segments were removed.
    pub shards_pruned: u16,
    /// The segments removed, over all shards.
    pub segments_deleted: usize,
}

/// What a compaction removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactionStats {
    /// Checkpoints that could be loaded before.
    pub checkpoints_before: usize,
    /// Checkpoints that can be loaded now.
    pub checkpoints_after: usize,
    /// By how much `checkpoints.log` is shorter, in bytes.
    pub bytes_reclaimed: u64,
}

impl ShardedWal {
    /// Removes the segments that hold only entries below the checkpoint's offsets, as
    /// [`crate::Wal::truncate`] does in each shard. Older checkpoints are pruned by it, durably and
    /// before anything is removed: loading one, or pruning to one, returns `CheckpointPruned`. With
    /// an archive, segments are moved.
    pub fn prune_before_checkpoint(&self, user_id: &[u8]) -> Result<PruneStats> {
        self.log().delivering(|log| log.prune_before(user_id))
    }

    /// Removes all checkpoints except the newest `keep_latest_n` (0 is allowed), and the records of
    /// superseded, pruned and damaged ones. Removes no entries. Refused with `CheckpointCorrupted`
    /// if the newest checkpoint is damaged, unless `keep_latest_n` is 0.
    pub fn compact_checkpoints(&self, keep_latest_n: usize) -> Result<CompactionStats> {
        self.log().delivering(|log| log.compact(keep_latest_n))
    }
}

impl ShardedInner {
    /// See [`ShardedWal::prune_before_checkpoint`].
    pub fn prune_before(&self, user_id: &[u8]) -> Result<PruneStats> {
        self.wal.enter()?;
        check_id(user_id)?;
        let mut writer = self.checkpoints.writer.lock();
        writer.check_usable()?;
        self.prune_locked(&mut writer, user_id)
    }

    /// Retains the newest `keep` checkpoints, and the entries from the oldest of them on. If there are
    /// fewer, all of them and all entries are retained.
    pub fn retain(&self, keep: usize) -> Result<()> {
        self.wal.enter()?;
        let mut writer = self.checkpoints.writer.lock();
        writer.check_usable()?;
        let kept = self.checkpoints.query(|index| index.newest(keep));
        let pruned = match kept.first() {
            Some((oldest, _)) if kept.len() == keep => self.prune_locked(&mut writer, oldest),
            _ => Ok(PruneStats::default()),
        };
        if self.checkpoints.query(CheckpointIndex::dead_records) > MAX_DEAD_RECORDS {
            self.compact_locked(&mut writer, keep)?;
        }
        pruned.map(drop)
    }

    /// Has each shard know from which id on the oldest live checkpoint needs it. To be called while the
    /// writer is locked, whenever the checkpoints have changed. The cut of a new one has lowered the
    /// floors already.
    pub fn note_floors(&self) {
        let floors = self.floors();
        for (place, shard) in self.shards.iter().enumerate() {
            if let Ok(core) = shard.core() {
                core.set_checkpoint_floor(match &floors {
                    Floors::At(offsets) => offsets.get(place).copied().unwrap_or(0),
                    Floors::Free => u64::MAX,
                    Floors::Unknown => 0,
                });
            }
        }
    }

    fn floors(&self) -> Floors {
        match self.checkpoints.query(CheckpointIndex::oldest) {
            Ok(oldest) => match self.checkpoints.load(|_| Ok(oldest)) {
                Ok((_, body)) => Floors::At(body.offsets),
                Err(_) => Floors::Unknown,
            },
            Err(has_damage) if has_damage || self.checkpoints.check_usable().is_err() => {
                Floors::Unknown
            }
            Err(_) => Floors::Free,
        }
    }

    fn prune_locked(
        &self,
        writer: &mut RecordLog<CheckpointFormat>,
        user_id: &[u8],
    ) -> Result<PruneStats> {
        let ((), location, checkpoint) = self
            .checkpoints
            .read(|index| Ok(((), index.find(user_id)?)))?;
        if !self
            .checkpoints
            .query(|index| index.is_pruned_to(&location))
        {
            let record = CheckpointRecord {
                kind: RecordKind::PrunedBefore,
                timestamp_ns: now_ns(),
                ..checkpoint.clone()
            };
            let _open = self.wal.block_close()?;
            writer.append(&record)?;
            self.checkpoints
                .change(writer, |index| index.prune_before(user_id));
            self.note_floors();
        }
        self.truncate_shards(&checkpoint.offsets)
    }

    /// Truncates all shards, and returns the first failure once all were tried.
    fn truncate_shards(&self, offsets: &[u64]) -> Result<PruneStats> {
        let cores = self.shards.iter().map(|shard| shard.core().cloned());
        // A shard without entries has nothing to truncate, and may not exist.
        let truncations: Vec<_> = cores
            .zip(offsets.iter().copied())
            .filter(|(_, offset)| *offset > 0)
            .collect();
        let removed = self.for_each_shard(truncations, |(core, offset)| core?.truncate(offset));
        let mut stats = PruneStats::default();
        for segments in removed {
            let segments = segments?;
            stats.segments_deleted += segments;
            stats.shards_pruned += u16::from(segments > 0);
        }
        Ok(stats)
    }

    /// See [`ShardedWal::compact_checkpoints`].
    pub fn compact(&self, keep_latest_n: usize) -> Result<CompactionStats> {
        self.wal.enter()?;
        self.checkpoints.check_usable()?;
        let mut writer = self.checkpoints.writer.lock();
        writer.check_usable()?;
        self.compact_locked(&mut writer, keep_latest_n)
    }

    fn compact_locked(
        &self,
        writer: &mut RecordLog<CheckpointFormat>,
        keep_latest_n: usize,
    ) -> Result<CompactionStats> {
        let checkpoints_before = self.checkpoints.query(CheckpointIndex::len);
        // Behind a damaged record the newest checkpoints are unknown.
        match self.checkpoints.query(|index| index.latest().map(drop)) {
            Ok(()) | Err(Error::NoCheckpoints) => {}
            Err(_) if keep_latest_n == 0 => {}
            Err(error) => return Err(error),
        }
        let kept = self.checkpoints.query(|index| index.newest(keep_latest_n));
        let mut records = Vec::with_capacity(kept.len());
        for (_, location) in &kept {
            let (_, _, record) = self.checkpoints.read(|_| Ok(((), *location)))?;
            records.push((location.first_id, record));
        }
        let open = self.wal.block_close()?;
        let rewrite = writer.rewrite(&records);
        if let Some(locations) = rewrite.locations {
            self.checkpoints.change(writer, |index| {
                *index = CheckpointIndex::default();
                for ((_, record), location) in records.iter().zip(locations) {
                    index.created(&record.user_id, location, record.timestamp_ns);
                }
            });
        }
        drop(open);
        self.note_floors();
        Ok(CompactionStats {
            checkpoints_before,
            checkpoints_after: kept.len(),
            bytes_reclaimed: rewrite.reclaimed_bytes?,
        })
    }
}
