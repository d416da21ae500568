//! How is a log opened read-only, while another process may write it?
//!
//! Opening takes no lock and changes nothing on disk, nor does anything later. Each stream collects
//! facts and decides as recovery does, but applies nothing. Afterwards it is refreshed when a
//! reader reaches its known end (`stream/follower.rs`).

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::is_stream_dir_name;
use crate::format::key_from_dir_name;
use crate::format::stream_dir_name;
use crate::options::CorruptionPolicy;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::platform::HashMap;
use crate::platform::HashSet;
use crate::primitives::WorkerPool;
use crate::primitives::resume_first_panic;
use crate::recovery::Decision;
use crate::recovery::JournalSeen;
use crate::recovery::LiveCollector;
use crate::recovery::WriterLock;
use crate::recovery::look_at_journal;
use crate::recovery::refusal_error;
use crate::storage::DirEntry;
use crate::storage::EntryKind;
use crate::storage::FollowedDisk;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::stream::BackgroundTasks;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::StreamState;
use crate::wal::Wal;
use crate::wal::background::BackgroundThreads;
use crate::wal::recovery_report::RecoveryReport;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;

impl Wal {
    /// Opens the log at `options.root_path` for reading only, while another process, or this one,
    /// may have it open for writing. Nothing on disk is changed: nothing is recovered, created or
    /// locked. Every call that writes returns [`Error::ReadOnly`].
    ///
    /// The log follows the writer: iterators at their end, `get` of an id past the last,
    /// [`Stream::next_id`], [`Stream::durable_end`], [`Stream::wait_durable`] and [`Wal::streams`]
    /// read the files again. Truncated segments and deleted streams disappear once this log
    /// notices, at the latest by [`Wal::refresh`]; until then open files stay readable.
    ///
    /// If the log was not closed and no writer has recovered it, what its commit journal holds is shown as if it were in
    /// the streams' files; [`Wal::refresh`] looks for such a journal again.
    ///
    /// `options.sync_mode`, or what [`WalOptions::for_streams`] says for a stream, selects the visible
    /// entries. `Strict` (the default): entries that are known to be durable. The other modes: all entries that are written, including those that a
    /// power failure may lose, and those that the writer rolls back after a failed write.
    ///
    /// Errors: `Io` if the directory does not exist; `Config`; under [`CorruptionPolicy::Error`]
    /// `Corruption`, listing all damage.
    ///
    /// [`Stream::next_id`]: crate::Stream::next_id
    /// [`Stream::durable_end`]: crate::Stream::durable_end
    /// [`Stream::wait_durable`]: crate::Stream::wait_durable
    pub fn open_read_only(options: WalOptions) -> Result<Self> {
        Self::open_read_only_logging(
            options,
            Arc::new(|level, message| log::log!(level, "{message}")),
        )
    }

    /// Like [`Wal::open_read_only`], with a sink for the log's messages.
    pub fn open_read_only_logging(options: WalOptions, sink: LogSink) -> Result<Self> {
        let log = open_read_only(options, Arc::new(RealDisk), sink)?;
        Ok(Wal::of(Arc::new(log)))
    }

    /// Opens a log on the simulated disk for reading only.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_read_only_simulated(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
    ) -> Result<Self> {
        let sink: LogSink = Arc::new(|_, _| ());
        let log = open_read_only(options, Arc::new(disk.clone()), sink)?;
        Ok(Wal::of(Arc::new(log)))
    }

    /// Whether the log was opened with [`Wal::open_read_only`].
    pub fn is_read_only(&self) -> bool {
        self.log.context.read_only
    }

    /// Reads the state of all streams again: new and deleted streams, truncated and new segments.
    /// Reads refresh what they need; this call refreshes everything now. Without effect in a log
    /// that is open for writing.
    pub fn refresh(&self) -> Result<()> {
        self.log.enter()?;
        if !self.is_read_only() {
            return Ok(());
        }
        self.log.forget_failed();
        self.log.delivering(|| {
            self.log.discover()?;
            for stream in self.log.known_streams() {
                stream.resurvey()?;
            }
            self.log.drop_deleted();
            Ok(())
        })
    }
}

/// Opens a log on a disk for reading only.
pub fn open_read_only(
    options: WalOptions,
    storage: Arc<dyn Storage>,
    sink: LogSink,
) -> Result<WalInner> {
    options.check()?;
    let policy = options.on_corruption;
    let io = |error| Error::io(error, ErrorContext::at(&options.root_path));
    let asked = std::path::absolute(&options.root_path).map_err(io)?;
    let root = storage.canonical(&asked).map_err(io)?;
    let background_threads = BackgroundThreads::new(false, 1);
    let followed = Arc::new(FollowedDisk::new(storage));
    let storage: Arc<dyn Storage> = followed.clone();
    let mut context = LogContext::new(storage, options, root, sink);
    context.read_only = true;
    context.followed = Some(followed);
    let context = Arc::new(context);
    let background_tasks: Arc<dyn BackgroundTasks> = background_threads.clone();
    // Set once, here.
    let _ = context.background_tasks.set(background_tasks);
    let log = WalInner::new(
        context,
        background_threads,
        HashMap::default(),
        HashMap::default(),
        RecoveryReport::default(),
    );
    let mut damage = lay_journal_over(&log.context)?;
    log.delivering(|| log.discover())?;
    if policy == CorruptionPolicy::Error {
        let registered = log.registered.read();
        damage.extend(
            registered
                .values()
                .filter_map(|registered| match registered {
                    RegistryEntry::Failed(error) => Some(error.to_string()),
                    RegistryEntry::Open(_) => None,
                }),
        );
        if !damage.is_empty() {
            damage.sort_unstable();
            return Err(Error::Corruption(damage.join("; ")));
        }
    }
    Ok(log)
}

/// Lays what the commit journal holds over the streams' files, as long as no writer has recovered the log
/// (`recovery/unrecovered`). What is damaged in it.
fn lay_journal_over(context: &LogContext) -> Result<Vec<String>> {
    let Some(followed) = &context.followed else {
        return Ok(Vec::new());
    };
    let root = &context.root;
    let is_laid_over = followed.is_laid_over();
    if is_laid_over.map_err(|error| Error::io(error, ErrorContext::at(root)))? {
        return Ok(Vec::new());
    }
    let below = followed.below();
    let read_ahead = context.options.read_buffer_size;
    let seen = look_at_journal(&**below, root, read_ahead, WriterLock::NotHeld)?;
    let JournalSeen::Unrecovered(journal) = seen else {
        followed.lay_over(None);
        return Ok(Vec::new());
    };
    followed.lay_over(Some(journal.over(Arc::clone(below))));
    let damage = journal.damage();
    for what in &damage {
        context.log(log::Level::Error, what);
    }
    Ok(damage)
}

impl WalInner {
    /// A stream that could not be read may be readable now.
    pub(super) fn forget_failed(&self) {
        self.registered
            .write()
            .retain(|_, registered| !matches!(registered, RegistryEntry::Failed(_)));
    }

    /// Finds new and deleted streams, in a read-only log.
    pub(super) fn discover(&self) -> Result<()> {
        lay_journal_over(&self.context)?;
        let root = &self.context.root;
        let listing = self.context.storage.list_dir(root);
        let listing = listing.map_err(|error| Error::io(error, ErrorContext::at(root)))?;
        self.drop_absent(&listing);
        let mut known_dirs = HashSet::default();
        for (key, registered) in self.registered.read().iter() {
            if !is_gone(registered) {
                known_dirs.insert(stream_dir_name(key));
            }
            // A directory whose key is unknown is registered by its own name.
            if matches!(registered, RegistryEntry::Failed(_)) {
                known_dirs.insert(key.to_string());
            }
        }
        let dirs: Vec<PathBuf> = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory)
            .filter(|entry| is_stream_dir_name(&entry.name) && !known_dirs.contains(&entry.name))
            .map(|entry| root.join(&entry.name))
            .collect();
        let context = Arc::clone(&self.context);
        let pool = WorkerPool::for_cheap_items();
        let found = pool.for_each(dirs, move |dir| follow_stream(&context, &dir));
        let found = resume_first_panic(found);
        let mut registered = self.registered.write();
        // A close that began meanwhile has stopped the streams registered then.
        self.enter()?;
        for (key, stream) in found.into_iter().flatten() {
            if registered.get(&key).is_none_or(is_gone) {
                registered.insert(key, stream);
            }
        }
        drop(registered);
        self.drop_deleted();
        Ok(())
    }

    /// Checks whether each registered stream's directory is still the one it was found in, and
    /// drops the streams that are gone.
    fn drop_absent(&self, listing: &[DirEntry]) {
        let dirs = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory);
        let listed: HashSet<&str> = dirs.map(|entry| entry.name.as_str()).collect();
        for stream in self.known_streams() {
            // A stream that cannot be checked now stays registered.
            let _ = stream.look_at_place();
        }
        self.registered
            .write()
            .retain(|key, registered| match registered {
                RegistryEntry::Open(_) => !is_gone(registered),
                // A directory whose key is unknown is registered by its own name.
                RegistryEntry::Failed(_) => {
                    listed.contains(&**key) || listed.contains(&*stream_dir_name(key))
                }
            });
    }

    fn known_streams(&self) -> Vec<Arc<StreamInner>> {
        open_streams(&self.registered.read())
    }

    /// Drops the streams that are known to be deleted.
    pub(super) fn drop_deleted(&self) {
        self.registered
            .write()
            .retain(|_, registered| !is_gone(registered));
    }

    /// The stream of that key in a read-only log, if it exists now.
    pub(super) fn find_followed(&self, key: &str) -> Result<Option<Arc<StreamInner>>> {
        match self.registered.read().get(key) {
            Some(RegistryEntry::Failed(error)) => return Err(error.duplicate()),
            Some(RegistryEntry::Open(stream)) if stream.state() != StreamState::Deleted => {
                return Ok(Some(Arc::clone(stream)));
            }
            Some(RegistryEntry::Open(_)) | None => {}
        }
        let dir = self.context.root.join(stream_dir_name(key));
        let kind = self.context.storage.kind(&dir);
        let kind = kind.map_err(|error| Error::io(error, ErrorContext::at(&dir)))?;
        if kind != Some(EntryKind::Directory) {
            let mut registered = self.registered.write();
            if registered.get(key).is_some_and(is_gone) {
                registered.remove(key);
            }
            return Ok(None);
        }
        let stream = self.follow(key)?;
        Ok(stream.exists().then_some(stream))
    }

    /// The stream of that key, which is registered from now on whether or not it exists.
    pub(super) fn follow(&self, key: &str) -> Result<Arc<StreamInner>> {
        let dir = self.context.root.join(stream_dir_name(key));
        let stream = StreamInner::followed(&self.context, key, dir)?;
        let mut registered = self.registered.write();
        // A close that began meanwhile has stopped the streams registered then.
        self.enter()?;
        match registered.get(key) {
            Some(RegistryEntry::Open(present)) if present.state() != StreamState::Deleted => {
                Ok(Arc::clone(present))
            }
            _ => {
                self.evict_unused(&mut registered);
                registered.insert(
                    Arc::clone(&stream.key),
                    RegistryEntry::Open(Arc::clone(&stream)),
                );
                Ok(stream)
            }
        }
    }
}

fn is_gone(registered: &RegistryEntry) -> bool {
    matches!(registered, RegistryEntry::Open(stream) if stream.state() == StreamState::Deleted)
}

/// Opens a stream's directory read-only for the first time. `None`: it holds no stream.
fn follow_stream(context: &Arc<LogContext>, dir: &Path) -> Option<(Arc<str>, RegistryEntry)> {
    let name = dir.file_name()?.to_str()?;
    let key = match key_from_dir_name(name) {
        Some(key) => Ok(key),
        None => key_from_segments(context, dir),
    };
    let watched = key.and_then(|key| {
        let stream = StreamInner::followed(context, &key, dir.to_path_buf());
        stream.map(|stream| (Arc::clone(&stream.key), stream))
    });
    match watched {
        Ok((key, stream)) => stream
            .exists()
            .then_some((key, RegistryEntry::Open(stream))),
        Err(error) => {
            let key = key_from_dir_name(name).unwrap_or_else(|| name.to_owned());
            context.log(log::Level::Error, &format!("stream {key:?}: {error}"));
            Some((key.into(), RegistryEntry::Failed(Arc::new(error))))
        }
    }
}

/// The key of a stream whose directory's name is a hash: its segments record it.
fn key_from_segments(context: &LogContext, dir: &Path) -> Result<String> {
    let options = &context.options;
    let mut observer = LiveCollector::new(
        Arc::clone(&context.storage),
        dir.to_path_buf(),
        options.read_buffer_size,
        options.on_corruption,
    );
    let name = || dir.file_name().unwrap_or_default().to_string_lossy();
    match observer.look()? {
        Some((facts, Decision::Refuse(refusal))) => Err(refusal_error(&name(), &facts, &refusal)),
        Some((facts, Decision::Serve(_))) => {
            let key = facts.key.map(|key| key.to_string());
            Ok(key.unwrap_or_else(|| name().into_owned()))
        }
        None => Ok(name().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::open::open;

    #[test]
    fn streams_that_were_deleted_since_are_forgotten_though_no_caller_asks_for_the_list() {
        // Each stayed in the registry until `streams` or `refresh` was called.
        let place = tempfile::tempdir().expect("a directory");
        let sink: LogSink = Arc::new(|_, _: &str| ());
        let options = WalOptions::new(place.path());
        let disk: Arc<dyn Storage> = Arc::new(RealDisk);
        let writer = open(options.clone(), Arc::clone(&disk), Arc::clone(&sink), false);
        let writer = writer.expect("opens");
        let reader = open_read_only(options, disk, sink).expect("opens");
        for number in 0..300 {
            let key = format!("s{number}");
            let append = |stream: &StreamInner| stream.append(&[b"x"], false);
            writer.append_to(&key, append).expect("appends");
            let stream = reader.find(&key).expect("finds").expect("is there");
            writer.delete(&key).expect("deletes");
            stream.refresh().expect("looks");
            assert!(stream.is_deleted());
        }
        let count = reader.registered.read().len();
        assert!(count <= 64, "{count} streams are registered");
    }
}
