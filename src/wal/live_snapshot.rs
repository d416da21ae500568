//! How is a log copied while another process writes it, and nothing is asked of that process?
//!
//! | step | a crash right after leaves |
//! |---|---|
//! | 1. files of the root that depend on the streams are read (checkpoints of a sharded log) | nothing |
//! | 2. the ends of all streams are read, in the reverse order of keys, again and again until they show one moment | nothing |
//! | 3. `{dir}#new` is made; each stream is put into it, durably (`stream/lifecycle/live_snapshot`), then the files of step 1; `{dir}#new` is synced | an unfinished directory, which the next snapshot of that name removes |
//! | 4. it is renamed to `dir`, and the parent is synced | **commit point**: the snapshot, whole |
//!
//! **One moment.** Each pass over the streams notes the state in which it found each. If a pass found every stream
//! as the pass before did, all streams were in these states from the end of the one pass to the beginning of the
//! other. One stream may grow: if the same single stream is all that three passes in a row disagree on,
//! each other stream was in its state from before the second pass looked at that one until after it did, so
//! the states of the second pass are those of that moment. A stream that is not there has no state that only grows:
//! it may be begun and deleted again between two looks. So the directories are listed in front of a pass and behind it,
//! and a pass between two different lists shows no moment. What is left is a stream that is begun, and deleted
//! again with both syncs that this takes, while a pass waits for the processor.
//!
//! If the writer changes a stream in step 3 so that the states of step 2 cannot be copied any more (a deletion, a
//! cut, a truncation beyond them), the steps are repeated, for ten seconds at most. On failure
//! what was made is removed, best effort.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::SHARDS_FILE;
use crate::format::is_stream_dir_name;
use crate::platform::sleep;
use crate::primitives::WorkerPool;
use crate::primitives::now;
use crate::primitives::resume_first_panic;
use crate::storage::EntryKind;
use crate::stream::CopyProgress;
use crate::stream::LiveEnd;
use crate::stream::NoProgress;
use crate::stream::StreamInner;
#[cfg(feature = "sharded")]
use crate::wal::Wal;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;
use crate::wal::snapshot::Moment;
use crate::wal::snapshot::SnapshotMode;
use crate::wal::snapshot::SnapshotReport;
use crate::wal::snapshot::places;
use crate::wal::snapshot::publish;
use crate::wal::snapshot::remove_unfinished;

/// How long a moment is sought, and how long the steps are repeated.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many passes are made where a moment is welcome, but not necessary.
const PASSES: usize = 8;

/// The pause after three passes that did not show a moment.
const PAUSE: Duration = Duration::from_micros(200);

/// The state of all streams as one pass found it.
struct Pass {
    /// The directories of streams.
    dirs: Vec<String>,
    /// Behind the pass they were the same, and those without a stream still had none.
    is_settled: bool,
    /// In the reverse order of keys.
    ends: Vec<(Arc<StreamInner>, LiveEnd)>,
}

/// In what two passes differ.
enum Difference {
    Nothing,
    /// This stream only.
    One(Arc<str>),
    More,
}

/// Files of the root that belong into a snapshot, and depend on the streams.
pub trait RootFiles {
    /// Reads the files. Called before the ends of the streams are read.
    fn read(&mut self) -> Result<()>;
    /// Whether what was read fits streams with these ends, by key.
    fn fits(&self, ends: &[(&str, u64)]) -> Result<bool>;
    /// Writes what was read into a directory, durably but for the names. Returns how many bytes.
    fn write_into(&self, dir: &Path) -> Result<u64>;
}

/// There are none.
struct NoFiles;

impl RootFiles for NoFiles {
    fn read(&mut self) -> Result<()> {
        Ok(())
    }

    fn fits(&self, _: &[(&str, u64)]) -> Result<bool> {
        Ok(true)
    }

    fn write_into(&self, _: &Path) -> Result<u64> {
        Ok(0)
    }
}

impl Pass {
    fn difference(&self, later: &Pass) -> Difference {
        let are_settled = self.is_settled && later.is_settled;
        if !are_settled || self.dirs != later.dirs || self.ends.len() != later.ends.len() {
            return Difference::More;
        }
        let pairs = self.ends.iter().zip(&later.ends);
        let mut different = pairs.filter(|((stream, end), (other, later_end))| {
            !Arc::ptr_eq(stream, other) || !end.is_same(later_end)
        });
        match (different.next(), different.next()) {
            (None, _) => Difference::Nothing,
            (Some(((stream, _), (other, _))), None) if Arc::ptr_eq(stream, other) => {
                Difference::One(Arc::clone(&stream.key))
            }
            _ => Difference::More,
        }
    }

    fn ends(&self) -> Vec<(&str, u64)> {
        let ends = self.ends.iter();
        ends.map(|(stream, end)| (&*stream.key, end.next_id()))
            .collect()
    }
}

#[cfg(feature = "sharded")]
impl Wal {
    /// Puts all streams, and these files of the root, into the new directory `dir`. For a log that is open
    /// read-only. `None`: for one that is not sharded, and has no such files.
    pub(crate) fn snapshot_beside_writer_with(
        &self,
        (dir, mode): (&Path, SnapshotMode),
        moment: Moment,
        files: Option<&mut dyn RootFiles>,
        progress: &Arc<dyn CopyProgress>,
    ) -> Result<SnapshotReport> {
        let mut none = NoFiles;
        let files = files.unwrap_or(&mut none);
        let log = &self.log;
        log.delivering(|| log.snapshot_beside_writer((dir, mode), moment, files, progress))
    }
}

impl WalInner {
    /// Puts all streams into the new directory `dir`. For a log that is open read-only. Refuses a sharded
    /// one: checkpoints have to be read before the ends of the streams.
    pub(super) fn streams_beside_writer(
        &self,
        dir: &Path,
        mode: SnapshotMode,
        moment: Moment,
    ) -> Result<SnapshotReport> {
        let path = self.context.root.join(SHARDS_FILE);
        if self.context.storage.kind(&path).at(&path)?.is_some() {
            let what = "this log is sharded: take the snapshot from a ShardedWal";
            return Err(Error::Config(what.to_owned()));
        }
        let progress: Arc<dyn CopyProgress> = Arc::new(NoProgress);
        self.snapshot_beside_writer((dir, mode), moment, &mut NoFiles, &progress)
    }

    /// Puts all streams, and files of the root, into the new directory `dir`. For a log that is open
    /// read-only.
    fn snapshot_beside_writer(
        &self,
        (dir, mode): (&Path, SnapshotMode),
        moment: Moment,
        files: &mut dyn RootFiles,
        progress: &Arc<dyn CopyProgress>,
    ) -> Result<SnapshotReport> {
        let _open = self.block_close()?;
        // One snapshot at a time: two of one name would remove each other's files.
        let _alone = self.context.removals.write();
        let storage = &*self.context.storage;
        let (dir, unfinished) = places(storage, dir, &self.context.root)?;
        let deadline = now() + PATIENCE;
        loop {
            remove_unfinished(storage, &unfinished)?;
            files.read()?;
            let (pass, is_one_moment) = self.ends_beside_writer(moment)?;
            let filled = match files.fits(&pass.ends())? {
                true => self.fill_beside_writer(&unfinished, pass, mode, files, progress),
                false => Ok(None),
            };
            let filled = match filled {
                Ok(None) if now() < deadline => {
                    sleep(PAUSE);
                    continue;
                }
                Ok(None) => Err(Error::Timeout),
                Ok(Some(report)) => Ok(SnapshotReport {
                    is_one_moment,
                    ..report
                }),
                Err(error) => Err(error),
            };
            return publish(storage, &unfinished, &dir, filled);
        }
    }

    /// 2. The ends of all streams, and whether they are those of one moment.
    fn ends_beside_writer(&self, moment: Moment) -> Result<(Pass, bool)> {
        let deadline = now() + PATIENCE;
        let mut first = self.look_at_all(None)?;
        let mut second = self.look_at_all(Some(&first))?;
        let mut difference = first.difference(&second);
        let mut passes = 2;
        loop {
            if let Difference::Nothing = difference {
                return Ok((first, true));
            }
            let third = self.look_at_all(Some(&second))?;
            passes += 1;
            let next = second.difference(&third);
            let is_one = match (&difference, &next) {
                (_, Difference::Nothing) => true,
                (Difference::One(key), Difference::One(other)) => key == other,
                _ => false,
            };
            if is_one {
                return Ok((second, true));
            }
            match moment {
                Moment::OnePerStream if passes >= PASSES => return Ok((third, false)),
                Moment::One if now() > deadline => return Err(Error::Timeout),
                Moment::One if passes % PASSES == 0 => sleep(PAUSE),
                _ => {}
            }
            (first, second, difference) = (second, third, next);
        }
    }

    /// One pass over all streams. `known`: the pass before.
    fn look_at_all(&self, known: Option<&Pass>) -> Result<Pass> {
        let dirs = self.stream_dirs()?;
        // A directory without a stream may by now hold the next stream of its key.
        let is_known =
            known.is_some_and(|known| known.dirs == dirs && known.ends.len() == dirs.len());
        if !is_known {
            self.forget_failed();
            self.discover()?;
        }
        let streams = {
            let registered = self.registered.read();
            let failed = registered.values().find_map(|entry| match entry {
                RegistryEntry::Failed(error) => Some(error.duplicate()),
                RegistryEntry::Open(_) => None,
            });
            if let Some(error) = failed {
                return Err(error);
            }
            open_streams(&registered)
        };
        let mut ends = Vec::with_capacity(streams.len());
        for stream in streams.into_iter().rev() {
            if let Some(end) = stream.live_end()? {
                ends.push((stream, end));
            }
        }
        self.drop_deleted();
        let mut is_settled = self.stream_dirs()? == dirs;
        if is_settled && ends.len() != dirs.len() {
            // The stream that was known there is deleted: another one may have been begun since.
            self.forget_failed();
            self.discover()?;
            is_settled = open_streams(&self.registered.read()).len() == ends.len();
        }
        Ok(Pass {
            dirs,
            is_settled,
            ends,
        })
    }

    /// The directories of streams, as they are now.
    fn stream_dirs(&self) -> Result<Vec<String>> {
        let root = &self.context.root;
        let listing = self.context.storage.list_dir(root).at(root)?;
        let is_stream = |name: &str, kind| kind == EntryKind::Directory && is_stream_dir_name(name);
        let streams = listing
            .into_iter()
            .filter(|entry| is_stream(&entry.name, entry.kind));
        Ok(streams.map(|entry| entry.name).collect())
    }

    /// 3. `None`: a stream has changed so that its state cannot be copied any more.
    fn fill_beside_writer(
        &self,
        unfinished: &Path,
        pass: Pass,
        mode: SnapshotMode,
        files: &dyn RootFiles,
        progress: &Arc<dyn CopyProgress>,
    ) -> Result<Option<SnapshotReport>> {
        let storage = &*self.context.storage;
        storage.create_dir(unfinished).at(unfinished)?;
        progress.begin(pass.ends.iter().map(|(_, end)| end.bytes()).sum());
        let pool = WorkerPool::for_cheap_items();
        let progress = Arc::clone(progress);
        let into: PathBuf = unfinished.to_path_buf();
        let filled = pool.for_each(pass.ends, move |(stream, end)| -> Result<_> {
            let links = mode == SnapshotMode::Link;
            let counts = stream.live_snapshot_into(&end, &into, links, &*progress)?;
            Ok(counts.map(|counts| (stream.key.to_string(), end.next_id(), counts)))
        });
        let mut report = SnapshotReport::default();
        for filled in resume_first_panic(filled) {
            let Some((key, next_id, counts)) = filled? else {
                return Ok(None);
            };
            report.streams.push((key, next_id));
            report.segments_linked += counts.linked;
            report.segments_copied += counts.copied;
            report.bytes_copied += counts.copied_bytes;
        }
        report.streams.reverse();
        report.bytes_copied += files.write_into(unfinished)?;
        storage.sync_dir(unfinished).at(unfinished)?;
        Ok(Some(report))
    }
}
