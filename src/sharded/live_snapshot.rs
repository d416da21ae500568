//! Which files of the root does a snapshot of a sharded log need beside its streams, while another process
//! writes them?
//!
//! The checkpoints are read before the ends of the shards. So the shards hold all that the checkpoints refer
//! to: what a checkpoint refers to is durable before its record is there. Behind the ends the file is read
//! again: a rollback since may have cut what an earlier checkpoint refers to, and then the steps begin again. A
//! record that was appended or pruned since is left out, a compaction too.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::HEADER_AREA_LEN;
use crate::format::RecordFormat;
use crate::format::SECTOR_LEN;
use crate::format::SHARDS_FILE;
use crate::format::SLOT_COUNT;
use crate::format::ShardCountSector;
use crate::platform::sleep;
#[cfg(feature = "inspection")]
use crate::primitives::Mutex;
use crate::segment::store_slot;
use crate::sharded::live_checkpoints::LiveCheckpoints;
use crate::sharded::live_checkpoints::LiveState;
use crate::sharded::live_checkpoints::PAUSE;
use crate::sharded::live_checkpoints::TRIES;
use crate::sharded::live_checkpoints::damage_error;
use crate::sharded::live_checkpoints::read_live;
use crate::sharded::router::shard_stream_name;
use crate::sharded::shard_count::recorded_count;
use crate::storage::StorageFile;
use crate::storage::copy::for_each_chunk;
use crate::stream::CopyProgress;
use crate::stream::LogContext;
use crate::stream::NoProgress;
#[cfg(feature = "inspection")]
use crate::stream::Progress;
use crate::wal::Moment;
use crate::wal::RootFiles;
use crate::wal::SnapshotMode;
use crate::wal::SnapshotReport;
use crate::wal::Wal;

/// Puts a copy of a log that is open read-only into the new directory `dir`, as
/// [`Wal::snapshot_streams_to`] does, whether it is sharded or not. Of a sharded one all checkpoints are
/// included, and each can be loaded there. They are consistent cuts also where the streams are not as they were at
/// one moment: roll the copy back to one of them, or replay it from there.
///
/// Errors: those of [`Wal::snapshot_streams_to`]; `Config` if the log is open for writing, or if a rollback to a
/// checkpoint was interrupted and is not finished; `Corruption` if `shards.meta` or `checkpoints.log` is damaged.
pub fn snapshot_beside_writer(wal: &Wal, dir: &Path, mode: SnapshotMode) -> Result<SnapshotReport> {
    snapshot_reporting(wal, dir, mode, Arc::new(NoProgress))
}

/// As [`snapshot_beside_writer`], and calls `report` with the progress, from the threads that copy but from
/// one at a time. A segment that gets a second name counts as copied. Where the steps begin anew because the
/// writer removed what was being copied, so does the progress. `report` must not use the log.
#[cfg(feature = "inspection")]
pub fn snapshot_beside_writer_with_progress(
    wal: &Wal,
    dir: &Path,
    mode: SnapshotMode,
    report: impl FnMut(Progress) + Send + 'static,
) -> Result<SnapshotReport> {
    let progress = Progress {
        bytes_done: 0,
        bytes_total: 0,
    };
    let reporter = ProgressReporter(Mutex::new((progress, report)));
    snapshot_reporting(wal, dir, mode, Arc::new(reporter))
}

/// The progress, and the function to call with it.
#[cfg(feature = "inspection")]
struct ProgressReporter<F>(Mutex<(Progress, F)>);

#[cfg(feature = "inspection")]
impl<F: FnMut(Progress) + Send> CopyProgress for ProgressReporter<F> {
    fn begin(&self, bytes_total: u64) {
        let (progress, report) = &mut *self.0.lock();
        *progress = Progress {
            bytes_done: 0,
            bytes_total,
        };
        report(*progress);
    }

    fn add(&self, bytes: u64) {
        let (progress, report) = &mut *self.0.lock();
        progress.bytes_done += bytes;
        report(*progress);
    }
}

fn snapshot_reporting(
    wal: &Wal,
    dir: &Path,
    mode: SnapshotMode,
    progress: Arc<dyn CopyProgress>,
) -> Result<SnapshotReport> {
    wal.enter()?;
    if !wal.is_read_only() {
        let what = "the log is open for writing: take the snapshot with snapshot_to";
        return Err(Error::Config(what.to_owned()));
    }
    let context = wal.context();
    let meta = context.root.join(SHARDS_FILE);
    let is_sharded = context.storage.kind(&meta).at(&meta)?.is_some();
    let mut files = is_sharded.then(|| ShardedFiles::new(context));
    let files = files.as_mut().map(|files| files as &mut dyn RootFiles);
    wal.snapshot_beside_writer_with((dir, mode), Moment::OnePerStream, files, &progress)
}

/// What was read of the root.
struct ShardedFiles {
    context: Arc<LogContext>,
    format: CheckpointFormat,
    checkpoints: Option<Box<LiveCheckpoints>>,
}

impl ShardedFiles {
    fn new(context: &Arc<LogContext>) -> Self {
        ShardedFiles {
            context: Arc::clone(context),
            format: CheckpointFormat { shard_count: 0 },
            checkpoints: None,
        }
    }

    /// The checkpoint log, once no rollback is under way.
    fn read_checkpoints(&self) -> Result<Option<Box<LiveCheckpoints>>> {
        let context = &*self.context;
        let path = context.root.join(CHECKPOINTS_FILE);
        let mut tries = 0;
        loop {
            tries += 1;
            let log = match read_live(context, &self.format)? {
                None => return Ok(None),
                Some((_, LiveState::Log(log))) => log,
                Some((_, LiveState::Unreadable(what))) => {
                    return Err(Error::corruption(what, ErrorContext::at(&path)));
                }
                Some((_, LiveState::Foreign(_))) => {
                    let what = "it was written by another version, or for another shard count";
                    return Err(Error::corruption(what, ErrorContext::at(&path)));
                }
            };
            if let Some(damage) = log.damage.first() {
                return Err(damage_error(context, *damage));
            }
            if log.index.rolling_back().is_none() {
                return Ok(Some(log));
            }
            if tries >= TRIES {
                let what = "a rollback to a checkpoint was interrupted: open the log for writing, \
                            which finishes it";
                return Err(Error::Config(what.to_owned()));
            }
            // The writer is at work.
            sleep(PAUSE);
        }
    }

    fn create(&self, dir: &Path, name: &str) -> Result<(PathBuf, Arc<dyn StorageFile>)> {
        let path = dir.join(name);
        let file = self.context.storage.create_file(&path).at(&path)?;
        Ok((path, file))
    }
}

impl RootFiles for ShardedFiles {
    fn read(&mut self) -> Result<()> {
        let Some(shard_count) = recorded_count(&self.context)? else {
            let path = self.context.root.join(SHARDS_FILE);
            return Err(io::Error::from(io::ErrorKind::NotFound)).at(&path);
        };
        self.format = CheckpointFormat { shard_count };
        self.checkpoints = self.read_checkpoints()?;
        Ok(())
    }

    fn fits(&self, ends: &[(&str, u64)]) -> Result<bool> {
        let Some(before) = &self.checkpoints else {
            return Ok(true);
        };
        let Some(now) = self.read_checkpoints()? else {
            return Ok(false);
        };
        // A compaction may have removed the records of a rollback.
        let is_continued = now.records.starts_with(&before.records);
        // A rollback removes the newest one, unless it is to that one, or has been followed by others.
        let rollbacks = |log: &LiveCheckpoints| log.index.rollbacks();
        if !is_continued || rollbacks(&now) != rollbacks(before) {
            return Ok(false);
        }
        let Some((_, location)) = before.index.newest(1).pop() else {
            return Ok(true);
        };
        let path = self.context.root.join(CHECKPOINTS_FILE);
        let Some(newest) = before.record(&self.format, &location).at(&path)? else {
            return Ok(false);
        };
        let end_of = |shard: u16| {
            let name = shard_stream_name(shard);
            let found = ends.iter().find(|(key, _)| *key == name);
            found.map_or(0, |(_, end)| *end)
        };
        let mut offsets = newest.offsets.iter().zip(0..);
        Ok(offsets.all(|(offset, shard)| end_of(shard) >= *offset))
    }

    fn write_into(&self, dir: &Path) -> Result<u64> {
        let (path, file) = self.create(dir, SHARDS_FILE)?;
        let sector = ShardCountSector::Shards.encode(self.format.shard_count);
        file.write_at(0, &[IoSlice::new(&sector)]).at(&path)?;
        file.sync_all().at(&path)?;
        let Some(log) = &self.checkpoints else {
            return Ok(SECTOR_LEN as u64);
        };
        let (path, file) = self.create(dir, CHECKPOINTS_FILE)?;
        let seed = self.format.seed();
        file.write_at(0, &[IoSlice::new(&self.format.header_sector())])
            .at(&path)?;
        for slot in 0..SLOT_COUNT {
            store_slot(&*file, seed, slot, &log.end).at(&path)?;
        }
        let durable = HEADER_AREA_LEN..log.durable.end.0;
        for_each_chunk(&*log.file, durable, |at, chunk| {
            file.write_at(at, &[IoSlice::new(chunk)])
        })
        .at(&path)?;
        file.write_at(log.durable.end.0, &[IoSlice::new(log.tail.bytes())])
            .at(&path)?;
        file.sync_all().at(&path)?;
        Ok(SECTOR_LEN as u64 + log.end.end.0)
    }
}
