//! What do all clones of a `Wal` share, and how is it closed?

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::check_key;
use crate::format::stream_dir_name;
use crate::platform::HashMap;
use crate::platform::fork_generation;
use crate::primitives::Mutex;
use crate::primitives::RwLock;
use crate::primitives::WorkerPool;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::primitives::resume_first_panic;
use crate::primitives::thread;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::StreamState;
use crate::stream::is_in_callback;
use crate::stream::remove_remains;
use crate::wal::background::BackgroundThreads;
use crate::wal::journal::end_journal;
use crate::wal::recovery_report::RecoveryReport;

/// The registry's entry for a stream key.
#[derive(Clone)]
pub enum RegistryEntry {
    /// It is served.
    Open(Arc<StreamInner>),
    /// It could not be opened, for this reason.
    Failed(Arc<Error>),
}

/// Streams by key.
pub type Registered = HashMap<Arc<str>, RegistryEntry>;

/// The streams that are served, sorted by key: so the order of calls to the disk is deterministic.
pub fn open_streams(registered: &Registered) -> Vec<Arc<StreamInner>> {
    let mut streams: Vec<Arc<StreamInner>> = registered
        .values()
        .filter_map(|registered| match registered {
            RegistryEntry::Open(stream) => Some(Arc::clone(stream)),
            RegistryEntry::Failed(_) => None,
        })
        .collect();
    streams.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    streams
}

/// With fewer streams the registry is not swept for unused ones.
const MIN_SWEPT: usize = 64;

/// An open log. Closed when the last handle is dropped.
pub struct WalInner {
    pub context: Arc<LogContext>,
    pub background_threads: Arc<BackgroundThreads>,
    /// Streams by key. Helpers hold it weakly.
    pub registered: Arc<RwLock<Registered>>,
    /// At this number of streams, unused ones that do not exist are dropped.
    evict_at_len: AtomicUsize,
    /// Directories of streams that could not be opened and whose key is unknown: a key that maps to
    /// one must not get an empty stream.
    failed_dirs: HashMap<PathBuf, Arc<Error>>,
    /// What opening found and did.
    pub recovery: RecoveryReport,
    closed: AtomicBool,
    /// Locked while a stream is deleted: a caller whose stream is deleted during its call waits
    /// here.
    pub delete_lock: Mutex<()>,
    /// Locked while the log is closed, and by callers that block a close.
    closing: Mutex<()>,
    fork_generation: u64,
}

/// While this lives the log is not closed and its writer lock is held.
pub type CloseBlocker<'a> = crate::primitives::MutexGuard<'a, ()>;

impl WalInner {
    pub fn new(
        context: Arc<LogContext>,
        background_threads: Arc<BackgroundThreads>,
        registered: Registered,
        failed_dirs: HashMap<PathBuf, Arc<Error>>,
        recovery: RecoveryReport,
    ) -> Self {
        WalInner {
            context,
            background_threads,
            registered: Arc::new(RwLock::new(registered)),
            evict_at_len: AtomicUsize::new(0),
            failed_dirs,
            recovery,
            closed: AtomicBool::new(false),
            delete_lock: Mutex::new(()),
            closing: Mutex::new(()),
            fork_generation: fork_generation(),
        }
    }

    #[inline]
    pub(super) fn is_forked(&self) -> bool {
        self.fork_generation != fork_generation()
    }

    /// The first check of every call: `Forked` or `Closed`.
    #[inline]
    pub fn enter(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// The same, for calls that write.
    pub fn enter_to_write(&self) -> Result<()> {
        self.enter()?;
        match self.context.read_only {
            true => Err(Error::ReadOnly),
            false => Ok(()),
        }
    }

    /// Makes a close that begins now wait until the guard is dropped. For callers that change
    /// names: returns `Detached` if the root is no longer this log's.
    pub fn block_close(&self) -> Result<CloseBlocker<'_>> {
        self.enter()?;
        let open = match is_in_callback() {
            false => self.closing.lock(),
            true => self.block_close_from_callback()?,
        };
        self.enter()?;
        self.context.check_root()?;
        Ok(open)
    }

    /// The same from within a callback. A close may wait for that one to return, with the lock held.
    fn block_close_from_callback(&self) -> Result<CloseBlocker<'_>> {
        loop {
            if let Some(open) = self.closing.try_lock() {
                return Ok(open);
            }
            self.enter()?;
            thread::yield_now();
        }
    }

    /// Why directories whose key is unknown could not be opened.
    pub fn failed_dirs(&self) -> impl Iterator<Item = &Arc<Error>> {
        self.failed_dirs.values()
    }

    /// The stream, if it has ever had an append or a handle of it exists.
    pub fn find(&self, key: &str) -> Result<Option<Arc<StreamInner>>> {
        self.enter()?;
        check_key(key).map_err(|what| Error::Config(format!("stream key {key:?}: {what}")))?;
        if self.context.read_only {
            return self.find_followed(key);
        }
        match self.registered.read().get(key) {
            Some(RegistryEntry::Open(stream)) => Ok(Some(Arc::clone(stream))),
            Some(RegistryEntry::Failed(error)) => Err(error.duplicate()),
            None if self.failed_dirs.is_empty() => Ok(None),
            None => match self.failed_dirs.get(&self.stream_dir(key)) {
                Some(error) => Err(error.duplicate()),
                None => Ok(None),
            },
        }
    }

    /// The stream, registered from now on.
    pub fn find_or_add(&self, key: &str) -> Result<Arc<StreamInner>> {
        if let Some(stream) = self.find(key)? {
            return Ok(stream);
        }
        if self.context.read_only {
            return self.follow(key);
        }
        let mut registered = self.registered.write();
        // A close that began meanwhile has taken its list of streams under this lock.
        self.enter()?;
        match registered.get(key) {
            Some(RegistryEntry::Open(stream)) => Ok(Arc::clone(stream)),
            Some(RegistryEntry::Failed(error)) => Err(error.duplicate()),
            None => {
                self.evict_unused(&mut registered);
                let dir = self.stream_dir(key);
                let stream = StreamInner::absent(&self.context, key, dir);
                registered.insert(
                    Arc::clone(&stream.key),
                    RegistryEntry::Open(Arc::clone(&stream)),
                );
                Ok(stream)
            }
        }
    }

    /// Drops streams that were looked up, never appended to, and have no handle any more. Sweeps
    /// only when the number of streams has doubled since the last sweep, so that adding stays
    /// cheap.
    pub(super) fn evict_unused(&self, registered: &mut Registered) {
        if registered.len() < self.evict_at_len.load(Ordering::Relaxed) {
            return;
        }
        // While `registered` is locked no caller finds a stream. A caller that found one before
        // holds a counted reference; a helper that still has it queued finds nothing to do in it.
        let is_read_only = self.context.read_only;
        registered.retain(|_, registered| match registered {
            // In a log open for writing, `delete` removes the stream itself.
            RegistryEntry::Open(stream) if stream.is_deleted() => !is_read_only,
            RegistryEntry::Open(stream) => Arc::strong_count(stream) > 1 || !stream.is_untouched(),
            RegistryEntry::Failed(_) => true,
        });
        let next = registered.len().saturating_mul(2).max(MIN_SWEPT);
        self.evict_at_len.store(next, Ordering::Relaxed);
    }

    fn stream_dir(&self, key: &str) -> PathBuf {
        self.context.root.join(stream_dir_name(key))
    }

    /// Runs work that may note messages under locks, then delivers them to the log's sink.
    pub fn delivering<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = work();
        self.context.deliver();
        done
    }

    /// The same for a sync, which may ask for a helper that was not started yet.
    pub fn syncing<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = work();
        self.context.attend();
        done
    }

    /// Runs an append on the stream of that key. If the stream is deleted meanwhile, it is looked
    /// up again: the append happens before the deletion or in the new stream.
    pub fn append_to<R>(&self, key: &str, append: impl Fn(&StreamInner) -> Result<R>) -> Result<R> {
        loop {
            let stream = self.find_or_add(key)?;
            let done = append(&stream);
            self.context.attend();
            match done {
                Err(Error::StreamNotFound(_)) if stream.state() == StreamState::Deleted => {
                    drop(self.delete_lock.lock());
                }
                done => return done,
            }
        }
    }

    /// Reads from the stream of that key; `None` if there is none. A read that fails because the
    /// stream is being deleted waits for the deletion and is repeated on the state after it.
    pub fn with_stream_for_read<R>(
        &self,
        key: &str,
        mut read: impl FnMut(&StreamInner) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        loop {
            let Some(stream) = self.delivering(|| self.find(key))? else {
                return Ok(None);
            };
            match self.delivering(|| read(&stream)) {
                Err(_) if stream.state() == StreamState::Deleted => drop(self.delete_lock.lock()),
                done => return done,
            }
        }
    }

    /// Deletes a stream. Durable on return.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.delivering(|| self.delete_alone(key))
    }

    fn delete_alone(&self, key: &str) -> Result<()> {
        let _deletions = self.delete_lock.lock();
        self.context.check_root()?;
        let Some(stream) = self.find(key)? else {
            // An earlier deletion may have failed after its rename: sync the root now.
            let (root, storage) = (&self.context.root, &*self.context.storage);
            let synced = storage.sync_dir(root);
            synced.map_err(|e| Error::io(e, crate::error::ErrorContext::at(root)))?;
            return remove_remains(&self.context, &self.stream_dir(key));
        };
        self.delete_registered(&stream)
    }

    /// Deletes this stream, never a later one of the same key. Durable on return.
    pub fn delete_stream(&self, stream: &StreamInner) -> Result<()> {
        self.delivering(|| {
            // While this lock is held no other thread deletes the stream, so until it is deleted
            // here it is the one registered under its key.
            let _deletions = self.delete_lock.lock();
            self.enter()?;
            if stream.is_deleted() {
                return Err(Error::StreamNotFound(stream.key.to_string()));
            }
            self.context.check_root()?;
            self.delete_registered(stream)
        })
    }

    /// Deletes a registered stream. The caller holds `delete_lock`.
    fn delete_registered(&self, stream: &StreamInner) -> Result<()> {
        let deleted = stream.delete();
        if stream.state() == StreamState::Deleted {
            let stats = stream.stats();
            // In one step: a sum over all streams counts them with the stream or with what is kept.
            let mut registered = self.registered.write();
            if registered.remove(&*stream.key).is_some() {
                self.context.counters.keep(&stats);
            }
        }
        deleted
    }

    /// Closes the log: makes everything durable, trims files to their exact length, joins threads,
    /// releases the lock. After a failure the rest is still done; the first failure is returned.
    /// Idempotent. If the root is detached, all files stay as they are, for recovery, and the error
    /// is `Detached`.
    ///
    /// All callbacks have run when it returns; so a callback cannot close: that is `Config`.
    pub fn close(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        if is_in_callback() {
            let what =
                "a callback cannot close the log: closing waits until all callbacks returned";
            return Err(Error::Config(what.to_owned()));
        }
        self.close_and_notify()
    }

    fn close_and_notify(&self) -> Result<()> {
        let closed = self.delivering(|| self.close_once());
        // Without the lock: callbacks may call what a close blocks.
        self.background_threads.finish_notifying();
        closed
    }

    fn close_once(&self) -> Result<()> {
        // A concurrent second close blocks here, then returns.
        let _closing = self.closing.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let attached = self.context.check_root();
        if !self.background_threads.stop() {
            let message = "a helper thread panicked".to_owned();
            self.context.note(log::Level::Error, message);
        }
        if self.context.read_only {
            for registered in self.registered.write().values() {
                if let RegistryEntry::Open(stream) = registered {
                    stream.close_follower();
                }
            }
            return Ok(());
        }
        let streams = open_streams(&self.registered.write());
        let pool = WorkerPool::for_cheap_items();
        let kept = streams.clone();
        let closed = pool.for_each(streams, |stream| stream.close());
        drop(pool);
        // A deletion that began before must finish first: without the writer lock it could rename a
        // directory that another process has opened meanwhile.
        drop(self.delete_lock.lock());
        let mut closed = resume_first_panic(closed);
        // A stream whose deletion failed goes on, and the first attempt found it being deleted.
        // Closing it twice does nothing.
        closed.extend(kept.iter().map(|stream| stream.close()));
        let failed = closed.into_iter().find(Result::is_err);
        let closed = attached.and(failed.unwrap_or(Ok(())));
        let ended = end_journal(&self.context, closed.is_ok());
        let closed = closed.and(ended);
        self.context.release_lock();
        closed
    }
}

impl Drop for WalInner {
    fn drop(&mut self) {
        if self.is_forked() {
            // The log belongs to the parent: this process must not sync, trim, join or release
            // anything of it.
            self.background_threads.leak_after_fork();
            return;
        }
        // Also where a callback dropped the last handle: the threads end by themselves then.
        if let Err(error) = self.close_and_notify() {
            let message = format!("closing {}: {error}", self.context.root.display());
            self.context.log(log::Level::Error, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::WalOptions;
    use crate::storage::RealDisk;
    use crate::wal::open::open;

    #[test]
    fn streams_asked_for_and_never_appended_to_are_forgotten_when_no_caller_holds_them() {
        // Each stayed as long as the log.
        let place = tempfile::tempdir().expect("a directory");
        let options = WalOptions::new(place.path());
        let sink = Arc::new(|_, _: &str| ());
        let log = open(options, Arc::new(RealDisk), sink, false).expect("opens");
        let append = |key: &str| log.append_to(key, |stream| stream.append(&[b"x"], false));
        append("kept").expect("appends");
        let held = log.find_or_add("held").expect("adds");
        for number in 0..10 * MIN_SWEPT {
            log.find_or_add(&format!("absent {number}")).expect("adds");
        }
        let count = log.registered.read().len();
        assert!(count <= MIN_SWEPT, "{count} streams are registered");
        assert!(log.find("kept").expect("finds").is_some());
        let found = log.find("held").expect("finds").expect("is registered");
        assert!(Arc::ptr_eq(&found, &held));
    }
}
