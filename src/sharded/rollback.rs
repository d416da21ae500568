//! How are all shards rolled back to a checkpoint?
//!
//! Creation, pruning and compaction of checkpoints wait, and so do appends to all shards. What a crash
//! right after each step leaves:
//!
//! 1. appends under way are in the kernel, and it is checked that each shard can be cut: nothing changed;
//! 2. the record "rolling back to C" is appended to `checkpoints.log`, durably — **the commit point**: the
//!    next open cuts the shards, as from step 3 on;
//! 3. each shard is cut to its offset in C (`stream/lifecycle/cut`): some shards are cut; a shard that is
//!    cut already stays as it is, because no entry is appended to any before step 4;
//! 4. the record "rolled back to C" is appended, durably: nothing is left to do;
//! 5. appends go on.
//!
//! Failure: up to 1 nothing changed. If it is unknown whether the record of step 2 is on the disk, and
//! after 2, all shards and the checkpoint log are poisoned, also by a panic: an entry acknowledged now would be
//! cut by the next open, which finishes the rollback.

use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::RecordKind;
use crate::primitives::atomic::Ordering;
use crate::record_log::RecordLog;
use crate::sharded::checkpoint_index::display_id;
use crate::sharded::checkpoints::check_id;
use crate::sharded::checkpoints::now_ns;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;
use crate::stream::HeldStream;

impl ShardedWal {
    /// Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step: after any
    /// crash all of it has happened or nothing. Durable on return. The next entry of each shard gets
    /// the id that is the shard's offset in the checkpoint, which itself stays.
    ///
    /// Appends to all shards wait meanwhile: each happens before, and is removed, or after. So do checkpoints.
    /// Iterators behind the offsets return `SuffixCut`. Entries removed are not archived.
    ///
    /// Errors: those of loading the checkpoint (`CheckpointPruned` also if a shard was truncated beyond it); those of a
    /// shard that is poisoned, lost or damaged right before its offset. Then nothing has changed. After
    /// `Io` either nothing has changed, or all shards return `Poisoned`: then the next open as a
    /// sharded log finishes the rollback if it was committed. Until then do not append to the shards.
    pub fn rollback_to_checkpoint(&self, user_id: &[u8]) -> Result<()> {
        self.log().delivering(|log| log.roll_back_to(user_id))
    }
}

impl ShardedInner {
    /// See [`ShardedWal::rollback_to_checkpoint`].
    fn roll_back_to(&self, user_id: &[u8]) -> Result<()> {
        self.wal.enter_to_write()?;
        check_id(user_id)?;
        self.checkpoints.check_usable()?;
        let mut writer = self.checkpoints.writer()?;
        writer.check_usable()?;
        // Refused before any append waits.
        self.load_checkpoint(user_id)?;
        let _open = self.wal.block_close()?;
        let _removals = self.wal.context().removals.read();
        // 1.
        let mut held = self.hold_shards()?;
        self.wal.context().check_root()?;
        // Once more: a shard may have been truncated beyond the checkpoint since. No longer from here on.
        let offsets = self.load_checkpoint(user_id)?.offsets;
        for (shard, offset) in held.iter().zip(&offsets) {
            shard.check_cut(*offset)?;
        }
        let record = CheckpointRecord {
            kind: RecordKind::RollingBack,
            user_id: user_id.to_vec(),
            timestamp_ns: now_ns(),
            offsets,
        };
        or_poison(&mut writer, &mut held, |writer, held| {
            // 2.
            if let Err(error) = writer.append(&record) {
                // Latched: it may be there after the next open.
                if writer.check_usable().is_err() {
                    poison(held, &error);
                }
                return Err(error);
            }
            self.checkpoints
                .change(writer, |index| index.roll_back_to(user_id));
            // 3. and 4.
            self.finish_held(writer, held, record)
        })?;
        drop(held);
        self.write_head(user_id);
        Ok(())
    }

    /// Finishes the rollback that a crash interrupted, if there is one. An error if it cannot be finished.
    pub fn finish_rollback(&self) -> Result<()> {
        let Some(pending) = self.checkpoints.query(|index| index.rolling_back()) else {
            return Ok(());
        };
        let mut writer = self.checkpoints.writer()?;
        writer.check_usable()?;
        let checkpoint = self.checkpoints.read_pending(&pending)?;
        self.check_none_lost()?;
        let _open = self.wal.block_close()?;
        let _removals = self.wal.context().removals.read();
        let mut held = self.hold_shards()?;
        let id = display_id(&pending.user_id);
        // All of them before the first is cut.
        self.check_pending(&held, &checkpoint.offsets, &id)?;
        or_poison(&mut writer, &mut held, |writer, held| {
            self.finish_held(writer, held, checkpoint)
        })?;
        drop(held);
        self.write_head(&pending.user_id);
        if let Some(appended) = &self.appended {
            // All that was there behind the checkpoint is gone.
            appended.store(0, Ordering::Relaxed);
        }
        let message = format!("a rollback to checkpoint {id} was interrupted; it is finished now");
        self.wal.context().note(log::Level::Warn, message);
        Ok(())
    }

    /// Names all shards that cannot be cut.
    fn check_none_lost(&self) -> Result<()> {
        let unusable = self.shards.iter().filter_map(|shard| shard.stream().err());
        let mut unusable: Vec<Error> = unusable.collect();
        match unusable.len() {
            0 => Ok(()),
            1 => Err(unusable.remove(0)),
            _ => {
                let all: Vec<String> = unusable.iter().map(Error::to_string).collect();
                Err(Error::Corruption(all.join("; ")))
            }
        }
    }

    /// Refuses if a shard cannot be cut: the entry before its offset is lost or damaged.
    fn check_pending(&self, held: &[HeldStream<'_>], offsets: &[u64], id: &str) -> Result<()> {
        for ((shard, held), offset) in self.shards.iter().zip(held).zip(offsets) {
            let lost = match held.check_cut(*offset) {
                Ok(()) => continue,
                Err(error @ Error::Io(_)) => return Err(error),
                Err(lost) => lost,
            };
            let key = shard.stream()?.key();
            let what = format!(
                "{key}: {lost}; an unfinished rollback to checkpoint {id} cuts behind the id before {offset}: restore \
                 the shard's directory from a copy and open again"
            );
            return Err(Error::Corruption(what).remembering(lost.context()));
        }
        Ok(())
    }

    fn hold_shards(&self) -> Result<Vec<HeldStream<'_>>> {
        let mut held = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            held.push(shard.core()?.hold()?);
        }
        Ok(held)
    }

    /// 3. and 4. The record names the checkpoint.
    fn finish_held(
        &self,
        writer: &mut RecordLog<CheckpointFormat>,
        held: &mut [HeldStream<'_>],
        record: CheckpointRecord,
    ) -> Result<()> {
        let cut = held
            .iter_mut()
            .zip(&record.offsets)
            .try_for_each(|(shard, offset)| shard.cut(*offset));
        let finished = CheckpointRecord {
            kind: RecordKind::RolledBack,
            timestamp_ns: now_ns(),
            ..record
        };
        let done = cut.and_then(|()| writer.append(&finished).map(drop));
        if let Err(error) = done {
            poison(held, &error);
            // No other record may follow that of step 2.
            return Err(writer.latch(error));
        }
        self.checkpoints.change(writer, |index| index.rolled_back());
        Ok(())
    }
}

/// Runs steps from the second one on. A panic there is a failure too: it is unknown what the next open
/// cuts. It continues in the caller's thread.
fn or_poison<'a>(
    writer: &mut RecordLog<CheckpointFormat>,
    held: &mut [HeldStream<'a>],
    steps: impl FnOnce(&mut RecordLog<CheckpointFormat>, &mut [HeldStream<'a>]) -> Result<()>,
) -> Result<()> {
    let done = catch_unwind(AssertUnwindSafe(|| steps(writer, held)));
    done.unwrap_or_else(|panic| {
        let what = "a thread panicked while it rolled the shards back";
        let error = writer.latch(Error::Io(io::Error::other(what)));
        poison(held, &error);
        resume_unwind(panic)
    })
}

fn poison(held: &[HeldStream<'_>], error: &Error) {
    let cause = Arc::new(error.duplicate());
    for shard in held {
        shard.poison(&cause);
    }
}
