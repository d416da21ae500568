//! How is a log copied while it is written: all streams as they are at one moment?
//!
//! | step | a crash right after leaves |
//! |---|---|
//! | 1. the ends of all streams are read while all tails are locked, in the order of their keys | nothing |
//! | 2. each stream is made durable up to its end | durable entries |
//! | 3. `{dir}#new` is made; each stream is put into it, files and directories synced (`stream/lifecycle/snapshot`); then `{dir}#new` itself is synced | an unfinished directory, which the next snapshot of that name removes |
//! | 4. it is renamed to `dir`, and the parent is synced | **commit point**: the snapshot, whole; before the sync either of both names |
//!
//! Appends, rotation and reading go on. Truncation, deletion and close wait until it is done: no segment may
//! leave a stream between steps 1 and 3. On failure what was made is removed, best effort.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::NEW_SUFFIX;
use crate::format::is_snapshot_file_name;
use crate::format::is_stream_dir_name;
use crate::primitives::WorkerPool;
use crate::primitives::resume_first_panic;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::copy::copy_range;
use crate::stream::SnapshotEnd;
use crate::stream::StreamInner;
use crate::wal::Wal;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;

/// How segments get into a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotMode {
    /// Sealed segments get a second name (a hard link) where the file system can, and are copied where it
    /// cannot. They take no space of their own, and share the fate of the disk.
    #[default]
    Link,
    /// Everything is copied: for a backup on other hardware, or on a file system of its own.
    Copy,
}

/// What a snapshot from a log that is open read-only has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The state of all streams at one moment.
    One,
    /// The same if one is found at once; otherwise that of each stream at a moment of its own.
    OnePerStream,
}

/// What [`Wal::snapshot_to`] made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Each stream's key, and one past its last entry in the snapshot; sorted by key.
    pub streams: Vec<(String, u64)>,
    /// How many segments got a second name.
    pub segments_linked: usize,
    /// How many were copied, whole or up to the end of their stream.
    pub segments_copied: usize,
    /// Bytes copied.
    pub bytes_copied: u64,
    /// All streams are as they were at one moment. False only after [`Wal::snapshot_streams_to`] or the
    /// like, where the writer did not pause.
    pub is_one_moment: bool,
}

impl Wal {
    /// Puts a copy of the log, as it is at one moment, into the new directory `dir`: it opens without
    /// recovery, under [`CorruptionPolicy::Error`](crate::CorruptionPolicy::Error) too. If one append returned before another was called, the
    /// snapshot never holds the second without the first, whatever their streams.
    ///
    /// Durable on return, and so is everything that the snapshot holds. Appends and reads go on
    /// meanwhile; truncation, deletion and close wait. `dir` must not exist and its parent must. What is
    /// not included: the archive, and files set aside by recovery (`#cut`). Checkpoints of a
    /// sharded log are not included: use `ShardedWal::snapshot_to`.
    ///
    /// A log that is open read-only takes the snapshot beside the writer, which waits for nothing and
    /// whose log is not changed. It holds what was written, also what is not yet durable in the log. The
    /// moment is one at which no stream but one grew while the ends of all were read, and read again; if
    /// there is none for ten seconds, the call fails with `Timeout` ([`Wal::snapshot_streams_to`] does
    /// not). What the writer truncated since that moment may be missing.
    ///
    /// Errors: `Config` if `dir` exists or lies in the log, if a sharded log has this one open, or if the
    /// log is sharded and open read-only; the error of a stream that is damaged or poisoned: a snapshot is
    /// whole or is not; `Timeout`; `Io`. After an error `dir` does not exist, unless the error concerns the
    /// last sync: then it is whole.
    pub fn snapshot_to(&self, dir: &Path, mode: SnapshotMode) -> Result<SnapshotReport> {
        self.snapshot_of(dir, mode, Moment::One)
    }

    /// As [`Wal::snapshot_to`], also where a log that is open read-only finds no moment at which the writer
    /// pauses: [`SnapshotReport::is_one_moment`] says whether it found one. If not, each stream is as it
    /// was at a moment of its own during the call, a prefix of its entries.
    ///
    /// What then holds between streams: their ends are read in the reverse order of their keys. So if one
    /// append returned before another was called, and the key of the first one's stream sorts before that of
    /// the second one's, the snapshot never holds the second without the first.
    ///
    /// Errors: those of [`Wal::snapshot_to`]; `Timeout` if a stream is cut, reset or deleted again and again while
    /// it is copied, for ten seconds.
    pub fn snapshot_streams_to(&self, dir: &Path, mode: SnapshotMode) -> Result<SnapshotReport> {
        self.snapshot_of(dir, mode, Moment::OnePerStream)
    }

    fn snapshot_of(
        &self,
        dir: &Path,
        mode: SnapshotMode,
        moment: Moment,
    ) -> Result<SnapshotReport> {
        self.log.enter()?;
        if self.is_read_only() {
            let log = &self.log;
            return log.delivering(|| log.streams_beside_writer(dir, mode, moment));
        }
        if self.log.context.has_checkpoint_owner() {
            let what = "a sharded log has this log open: take the snapshot there";
            return Err(Error::Config(what.to_owned()));
        }
        self.log.delivering(|| self.log.snapshot_to(dir, mode, &[]))
    }

    /// The same with these files of the root, which nothing changes meanwhile. The caller, which may
    /// hold locks, delivers messages.
    #[cfg(feature = "sharded")]
    pub(crate) fn snapshot_with(
        &self,
        dir: &Path,
        mode: SnapshotMode,
        files: &[&str],
    ) -> Result<SnapshotReport> {
        self.log.snapshot_to(dir, mode, files)
    }
}

impl WalInner {
    /// Puts all streams, and the files of the root named in `others`, into the new directory `dir`.
    pub(crate) fn snapshot_to(
        &self,
        dir: &Path,
        mode: SnapshotMode,
        others: &[&str],
    ) -> Result<SnapshotReport> {
        let _open = self.block_close()?;
        // Waits for truncations and deletions under way, and holds off later ones.
        let _removals = self.context.removals.write();
        let storage = Arc::clone(&self.context.storage);
        let (dir, unfinished) = places(&*storage, dir, &self.context.root)?;
        remove_unfinished(&*storage, &unfinished)?;
        let streams = self.streams_for_snapshot()?;
        let ends = ends_at_one_moment(&streams)?;
        let parts: Vec<(Arc<StreamInner>, SnapshotEnd)> = streams.into_iter().zip(ends).collect();
        let filled = self.fill(&unfinished, parts, mode, others);
        publish(&*storage, &unfinished, &dir, filled)
    }

    /// The streams on disk, sorted by key; the error of one that cannot be used.
    fn streams_for_snapshot(&self) -> Result<Vec<Arc<StreamInner>>> {
        let registered = self.registered.read();
        let failed = registered.values().find_map(|entry| match entry {
            RegistryEntry::Failed(error) => Some(error),
            RegistryEntry::Open(_) => None,
        });
        if let Some(error) = failed.or_else(|| self.failed_dirs().next()) {
            return Err(error.duplicate());
        }
        let mut streams = open_streams(&registered);
        streams.retain(|stream| stream.exists());
        Ok(streams)
    }

    fn fill(
        &self,
        unfinished: &Path,
        parts: Vec<(Arc<StreamInner>, SnapshotEnd)>,
        mode: SnapshotMode,
        others: &[&str],
    ) -> Result<SnapshotReport> {
        let storage = &*self.context.storage;
        storage.create_dir(unfinished).at(unfinished)?;
        let pool = WorkerPool::for_cheap_items();
        let into = unfinished.to_path_buf();
        let filled = pool.for_each(parts, move |(stream, end)| -> Result<_> {
            stream.make_durable(end.mark)?;
            let counts = stream.snapshot_into(&end, &into, mode == SnapshotMode::Link)?;
            Ok((stream.key.to_string(), end.next_id, counts))
        });
        let mut report = SnapshotReport {
            is_one_moment: true,
            ..SnapshotReport::default()
        };
        for filled in resume_first_panic(filled) {
            let (key, next_id, counts) = filled?;
            report.streams.push((key, next_id));
            report.segments_linked += counts.linked;
            report.segments_copied += counts.copied;
            report.bytes_copied += counts.copied_bytes;
        }
        for name in others {
            let (from, to) = (self.context.root.join(name), unfinished.join(name));
            report.bytes_copied += copy_file(storage, &from, &to)?;
        }
        storage.sync_dir(unfinished).at(unfinished)?;
        Ok(report)
    }
}

/// 4. Gives a snapshot that was made its name, durably. One that could not be made is removed.
pub(super) fn publish(
    storage: &dyn Storage,
    unfinished: &Path,
    dir: &Path,
    filled: Result<SnapshotReport>,
) -> Result<SnapshotReport> {
    let made = filled.and_then(|report| {
        storage.rename(unfinished, dir).at(dir)?;
        Ok(report)
    });
    let report = match made {
        Ok(report) => report,
        Err(error) => {
            // What is left, the next snapshot of this name removes.
            let _ = remove_unfinished(storage, unfinished);
            return Err(error);
        }
    };
    match dir.parent() {
        Some(parent) => storage.sync_dir(parent).at(parent)?,
        None => return Err(Error::Config("a snapshot needs a name".to_owned())),
    }
    Ok(report)
}

/// Where all streams end, at one moment: all tails are locked while the ends are read.
fn ends_at_one_moment(streams: &[Arc<StreamInner>]) -> Result<Vec<SnapshotEnd>> {
    let mut order: Vec<_> = streams.iter().enumerate().collect();
    order.sort_unstable_by_key(|(_, stream)| stream.place_in_order());
    let locked = order.into_iter();
    let mut tails: Vec<_> = locked
        .map(|(at, stream)| (at, stream.lock_tail_for_cut()))
        .collect();
    tails.sort_unstable_by_key(|(at, _)| *at);
    tails.iter().map(|(_, tail)| tail.snapshot_end()).collect()
}

/// The absolute path of a snapshot, and that under which it is made.
pub(super) fn places(storage: &dyn Storage, dir: &Path, root: &Path) -> Result<(PathBuf, PathBuf)> {
    let asked = std::path::absolute(dir).at(dir)?;
    let (Some(parent), Some(name)) = (asked.parent(), asked.file_name()) else {
        let what = format!("a snapshot cannot replace {}", asked.display());
        return Err(Error::Config(what));
    };
    if storage.kind(parent).at(parent)? != Some(EntryKind::Directory) {
        return Err(io::Error::from(io::ErrorKind::NotFound)).at(parent);
    }
    let parent = storage.canonical(parent).at(parent)?;
    if parent.starts_with(root) {
        let what = format!("a snapshot inside the log: {}", asked.display());
        return Err(Error::Config(what));
    }
    let dir = parent.join(name);
    if storage.kind(&dir).at(&dir)?.is_some() || storage.is_link(&dir).at(&dir)? {
        let what = format!("a snapshot cannot replace {}", dir.display());
        return Err(Error::Config(what));
    }
    let mut unfinished = name.to_os_string();
    unfinished.push(NEW_SUFFIX);
    let unfinished = parent.join(unfinished);
    Ok((dir, unfinished))
}

/// Removes what a snapshot of this name left that did not end. Refused if anything in it is not ours.
pub(super) fn remove_unfinished(storage: &dyn Storage, dir: &Path) -> Result<()> {
    match storage.kind(dir).at(dir)? {
        None => return Ok(()),
        Some(EntryKind::Directory) if !storage.is_link(dir).at(dir)? => {}
        Some(_) => return Err(not_ours(dir)),
    }
    let entries = storage.list_dir(dir).at(dir)?;
    for entry in &entries {
        let path = dir.join(&entry.name);
        let is_ours = match entry.kind {
            EntryKind::Directory => !entry.is_link && is_stream_dir_name(&entry.name),
            EntryKind::File => is_snapshot_file_name(&entry.name),
            EntryKind::Link | EntryKind::Other => false,
        };
        if !is_ours {
            return Err(not_ours(&path));
        }
        if entry.kind == EntryKind::Directory {
            for file in storage.list_dir(&path).at(&path)? {
                let path = path.join(&file.name);
                if file.kind != EntryKind::File || !is_snapshot_file_name(&file.name) {
                    return Err(not_ours(&path));
                }
            }
        }
    }
    for entry in &entries {
        let path = dir.join(&entry.name);
        match entry.kind {
            EntryKind::Directory => {
                for file in storage.list_dir(&path).at(&path)? {
                    storage.remove_file(&path.join(&file.name)).at(&path)?;
                }
                storage.remove_dir(&path).at(&path)?;
            }
            _ => storage.remove_file(&path).at(&path)?,
        }
    }
    storage.remove_dir(dir).at(dir)
}

/// Copies a file of the root, durably but for its name. A missing one is left out. Returns its length.
fn copy_file(storage: &dyn Storage, from: &Path, to: &Path) -> Result<u64> {
    let source = match storage.open_file(from, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened.at(from)?,
    };
    let len = source.len().at(from)?;
    let copy = storage.create_file(to).at(to)?;
    copy_range(&*source, 0..len, &*copy).at(to)?;
    copy.sync_all().at(to)?;
    Ok(len)
}

fn not_ours(path: &Path) -> Error {
    let what = format!(
        "{} is in the way of a snapshot and no part of one: move it away",
        path.display()
    );
    Error::Config(what)
}
