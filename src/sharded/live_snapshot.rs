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
use std::time::Duration;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::RecordFormat;
use crate::format::SECTOR_LEN;
use crate::format::SHARDS_FILE;
use crate::format::SLOT_COUNT;
use crate::format::ShardCountSector;
use crate::platform::sleep;
#[cfg(feature = "cli")]
use crate::primitives::Mutex;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLogState;
use crate::record_log::Recovery;
use crate::record_log::read_record;
use crate::record_log::scan;
use crate::segment::store_slot;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::router::shard_stream_name;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::copy::for_each_chunk;
use crate::stream::CopyProgress;
use crate::stream::LogContext;
use crate::stream::NoProgress;
#[cfg(feature = "cli")]
use crate::stream::Progress;
use crate::wal::Moment;
use crate::wal::RootFiles;
use crate::wal::SnapshotMode;
use crate::wal::SnapshotReport;
use crate::wal::Wal;

/// How often a file is read that the writer is changing, and the pause in between.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);

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
#[cfg(feature = "cli")]
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
#[cfg(feature = "cli")]
struct ProgressReporter<F>(Mutex<(Progress, F)>);

#[cfg(feature = "cli")]
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
    storage: Arc<dyn Storage>,
    root: PathBuf,
    read_ahead: usize,
    /// The sector of `shards.meta`.
    sector: Vec<u8>,
    checkpoints: Option<Checkpoints>,
}

/// The checkpoint log at one moment.
struct Checkpoints {
    format: CheckpointFormat,
    /// It stays readable when a compaction replaces it.
    file: Arc<dyn StorageFile>,
    /// Its records below were durable.
    durable: FrontierSlot,
    /// Whole records behind.
    tail_bytes: Vec<u8>,
    end: FrontierSlot,
    records: Vec<RecordLocation>,
    index: CheckpointIndex,
}

impl ShardedFiles {
    fn new(context: &LogContext) -> Self {
        ShardedFiles {
            storage: Arc::clone(&context.storage),
            root: context.root.clone(),
            read_ahead: context.options.read_buffer_size,
            sector: Vec::new(),
            checkpoints: None,
        }
    }

    /// The checkpoint log, once it is found whole and no rollback is under way.
    fn read_checkpoints(&self, shard_count: u16) -> Result<Option<Checkpoints>> {
        let path = self.root.join(CHECKPOINTS_FILE);
        let format = CheckpointFormat { shard_count };
        let mut tries = 0;
        loop {
            tries += 1;
            let file = match self.storage.open_file(&path, Access::Read) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.at(&path)?,
            };
            let found = match scan(&format, &file, self.read_ahead).at(&path)? {
                RecordLogState::Log(facts) if facts.damage().is_empty() => {
                    let mut facts = *facts;
                    let mut items = facts.items;
                    items.append(&mut facts.tail);
                    let records = items.iter().map(|item| item.location).collect();
                    let recovery = Recovery {
                        items,
                        lost: None,
                        unserved: Vec::new(),
                        quarantine: None,
                        failure: None,
                    };
                    Ok(Checkpoints {
                        format,
                        file,
                        durable: facts.frontier,
                        tail_bytes: facts.tail_bytes,
                        end: facts.tail_end,
                        records,
                        index: CheckpointIndex::of(&recovery),
                    })
                }
                RecordLogState::Log(facts) => {
                    let damage = facts.damage().into_iter().next();
                    let (offset, what) = damage.unwrap_or_default();
                    let context = ErrorContext::at(&path).offset(offset.0);
                    Err(Error::corruption(what, context))
                }
                RecordLogState::Unreadable(what) => {
                    Err(Error::corruption(what, ErrorContext::at(&path)))
                }
                RecordLogState::Foreign(_) => {
                    let what = "it was written by another version, or for another shard count";
                    Err(Error::corruption(what, ErrorContext::at(&path)))
                }
            };
            match found {
                Ok(found) if found.index.rolling_back().is_none() => return Ok(Some(found)),
                Err(error) if tries >= TRIES => return Err(error),
                Ok(_) if tries >= TRIES => {
                    let what = "a rollback to a checkpoint was interrupted: open the log for \
                                writing, which finishes it";
                    return Err(Error::Config(what.to_owned()));
                }
                // The writer is at work.
                _ => sleep(PAUSE),
            }
        }
    }

    fn create(&self, dir: &Path, name: &str) -> Result<(PathBuf, Arc<dyn StorageFile>)> {
        let path = dir.join(name);
        let file = self.storage.create_file(&path).at(&path)?;
        Ok((path, file))
    }
}

impl RootFiles for ShardedFiles {
    fn read(&mut self) -> Result<()> {
        let path = self.root.join(SHARDS_FILE);
        let file = self.storage.open_file(&path, Access::Read).at(&path)?;
        let mut sector = vec![0; SECTOR_LEN];
        let read = file.read_at(0, &mut sector).at(&path)?;
        let Ok(shard_count) = ShardCountSector::Shards.decode(&sector[..read]) else {
            let what = "the record of the shard count is damaged";
            return Err(Error::corruption(what, ErrorContext::at(&path)));
        };
        self.sector = sector;
        self.checkpoints = self.read_checkpoints(shard_count)?;
        Ok(())
    }

    fn fits(&self, ends: &[(&str, u64)]) -> Result<bool> {
        let Some(before) = &self.checkpoints else {
            return Ok(true);
        };
        let Some(now) = self.read_checkpoints(before.format.shard_count)? else {
            return Ok(false);
        };
        // A compaction may have removed the records of a rollback.
        let is_continued = now.records.starts_with(&before.records);
        // A rollback removes the newest one, unless it is to that one, or has been followed by others.
        let rollbacks = |log: &Checkpoints| log.index.rollbacks();
        if !is_continued || rollbacks(&now) != rollbacks(before) {
            return Ok(false);
        }
        let Some((_, location)) = before.index.newest(1).pop() else {
            return Ok(true);
        };
        let path = self.root.join(CHECKPOINTS_FILE);
        let Some(newest) = read_record(&before.format, &*before.file, &location).at(&path)? else {
            return Ok(false);
        };
        let end_of = |shard: u16| {
            let name = shard_stream_name(shard);
            let found = ends.iter().find(|(key, _)| *key == name);
            found.map_or(0, |(_, end)| *end)
        };
        Ok((0..)
            .zip(&newest.offsets)
            .all(|(shard, offset)| end_of(shard) >= *offset))
    }

    fn write_into(&self, dir: &Path) -> Result<u64> {
        let (path, file) = self.create(dir, SHARDS_FILE)?;
        file.write_at(0, &[IoSlice::new(&self.sector)]).at(&path)?;
        file.sync_all().at(&path)?;
        let Some(log) = &self.checkpoints else {
            return Ok(SECTOR_LEN as u64);
        };
        let (path, file) = self.create(dir, CHECKPOINTS_FILE)?;
        let seed = log.format.seed();
        file.write_at(0, &[IoSlice::new(&log.format.header_sector())])
            .at(&path)?;
        for slot in 0..SLOT_COUNT {
            store_slot(&*file, seed, slot, &log.end).at(&path)?;
        }
        let durable = HEADER_AREA_LEN..log.durable.end.0;
        for_each_chunk(&*log.file, durable, |at, chunk| {
            file.write_at(at, &[IoSlice::new(chunk)])
        })
        .at(&path)?;
        file.write_at(log.durable.end.0, &[IoSlice::new(&log.tail_bytes)])
            .at(&path)?;
        file.sync_all().at(&path)?;
        Ok(SECTOR_LEN as u64 + log.end.end.0)
    }
}
