//! What do all clones of a `Wal` share, and how does it end?

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
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::storage::StorageLock;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::StreamState;
use crate::stream::remove_remains;
use crate::wal::background::BackgroundThreads;
use crate::wal::parallel::for_each;

/// A stream as the log knows it.
#[derive(Clone)]
pub enum RegistryEntry {
    /// It is served.
    Open(Arc<StreamInner>),
    /// It could not be opened; this is why.
    Failed(Arc<Error>),
}

/// Below so many streams it is not worth looking for those that can be dropped.
const MIN_SWEPT: usize = 64;

/// An open log. Closed when the last handle goes.
pub struct WalInner {
    pub context: Arc<LogContext>,
    pub background_threads: Arc<BackgroundThreads>,
    /// Streams by key.
    pub registered: RwLock<HashMap<Arc<str>, RegistryEntry>>,
    /// Where so many streams are registered, those that nobody uses and that do not exist are dropped.
    evict_at_len: AtomicUsize,
    /// Directories of streams that could not be opened and whose key nothing tells: a key that
    /// leads there must not find an empty stream.
    failed_dirs: HashMap<PathBuf, Arc<Error>>,
    closed: AtomicBool,
    /// Held while a stream is deleted: who finds one deleted under it waits here.
    pub delete_lock: Mutex<()>,
    /// The writer lock; taken out when the log is closed, never there when it is read-only.
    lock: Mutex<Option<Box<dyn StorageLock>>>,
    fork_generation: u64,
}

/// While this lives the log is not closed and its writer lock is held.
#[cfg(feature = "sharded")]
pub type CloseBlocker<'a> = crate::primitives::MutexGuard<'a, Option<Box<dyn StorageLock>>>;

impl WalInner {
    pub fn new(
        context: Arc<LogContext>,
        background_threads: Arc<BackgroundThreads>,
        registered: HashMap<Arc<str>, RegistryEntry>,
        failed_dirs: HashMap<PathBuf, Arc<Error>>,
        lock: Option<Box<dyn StorageLock>>,
    ) -> Self {
        WalInner {
            context,
            background_threads,
            registered: RwLock::new(registered),
            evict_at_len: AtomicUsize::new(0),
            failed_dirs,
            closed: AtomicBool::new(false),
            delete_lock: Mutex::new(()),
            lock: Mutex::new(lock),
            fork_generation: fork_generation(),
        }
    }

    #[inline]
    fn is_forked(&self) -> bool {
        self.fork_generation != fork_generation()
    }

    /// Every call passes here first.
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

    /// Keeps a close that begins now waiting until the guard goes.
    #[cfg(feature = "sharded")]
    pub fn block_close(&self) -> Result<CloseBlocker<'_>> {
        self.enter()?;
        let lock = self.lock.lock();
        self.enter()?;
        Ok(lock)
    }

    /// The stream, if anything was ever appended to it or somebody holds a handle.
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

    /// Forgets streams that were asked for, never appended to, and that nobody holds any more.
    /// Looks at all only where their number has doubled since, so that adding stays cheap.
    pub(super) fn evict_unused(&self, registered: &mut HashMap<Arc<str>, RegistryEntry>) {
        if registered.len() < self.evict_at_len.load(Ordering::Relaxed) {
            return;
        }
        // With `registered` locked nobody finds a stream. Who found one before holds it and counts; a
        // helper that has it in its queue still finds nothing to do in it.
        let is_read_only = self.context.read_only;
        registered.retain(|_, registered| match registered {
            // A writer takes a deleted stream out itself, once nothing of it is there.
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

    /// Runs what holds locks on its way and may have messages for the log's receiver, and sends
    /// them then.
    pub fn telling<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = work();
        self.context.deliver();
        done
    }

    /// Runs an append on the stream of that name. A stream deleted meanwhile is looked up again, so
    /// the work lands before the deletion or in the new stream.
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

    /// Reads from the stream of that name; `None` where there is none. A read that fails because
    /// the stream is being deleted under it is answered once the deletion is over: from what is
    /// there then.
    pub fn with_stream_for_read<R>(
        &self,
        key: &str,
        mut read: impl FnMut(&StreamInner) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        loop {
            let Some(stream) = self.telling(|| self.find(key))? else {
                return Ok(None);
            };
            match self.telling(|| read(&stream)) {
                Err(_) if stream.state() == StreamState::Deleted => drop(self.delete_lock.lock()),
                done => return done,
            }
        }
    }

    /// Deletes a stream. Durable on return.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.telling(|| self.delete_alone(key))
    }

    fn delete_alone(&self, key: &str) -> Result<()> {
        let _deletions = self.delete_lock.lock();
        let Some(stream) = self.find(key)? else {
            // Perhaps a deletion whose durability was not told: make it so.
            let (root, storage) = (&self.context.root, &*self.context.storage);
            let synced = storage.sync_dir(root);
            synced.map_err(|e| Error::io(e, crate::error::ErrorContext::at(root)))?;
            return remove_remains(storage, &self.stream_dir(key));
        };
        self.delete_registered(&stream)
    }

    /// Deletes this stream, and no other of its name. Durable on return.
    pub fn delete_stream(&self, stream: &StreamInner) -> Result<()> {
        self.telling(|| {
            // Under the lock nobody else deletes it, so it is the one registered by its name.
            let _deletions = self.delete_lock.lock();
            self.enter()?;
            match stream.is_deleted() {
                true => Err(Error::StreamNotFound(stream.key.to_string())),
                false => self.delete_registered(stream),
            }
        })
    }

    /// The caller holds the lock of deletions.
    fn delete_registered(&self, stream: &StreamInner) -> Result<()> {
        let deleted = stream.delete();
        if stream.state() == StreamState::Deleted {
            self.registered.write().remove(&*stream.key);
        }
        deleted
    }

    /// The streams that are served, by key: so the same calls reach the disk in the same order.
    pub fn open_streams(
        &self,
        registered: &HashMap<Arc<str>, RegistryEntry>,
    ) -> Vec<Arc<StreamInner>> {
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

    /// Closes the log: everything durable, files at their exact length, threads joined, lock
    /// released. The first failure is told; the rest is done all the same. Idempotent.
    pub fn close(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        self.telling(|| self.close_once())
    }

    fn close_once(&self) -> Result<()> {
        // Who comes second waits for the first and finds nothing left to do.
        let mut lock = self.lock.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
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
        let streams = self.open_streams(&self.registered.write());
        let closed = for_each(streams, |stream| stream.close());
        // A deletion that began before is not cut short by closing: without the lock it would
        // rename what another process has opened meanwhile.
        drop(self.delete_lock.lock());
        let failed = closed.into_iter().find(Result::is_err);
        *lock = None;
        failed.unwrap_or(Ok(()))
    }
}

impl Drop for WalInner {
    fn drop(&mut self) {
        if self.is_forked() {
            // The parent's log: nothing of it may be synced, cut, joined or released here.
            self.background_threads.leak_after_fork();
            return;
        }
        if let Err(error) = self.close() {
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
    fn streams_asked_for_and_never_appended_to_are_forgotten_when_nobody_holds_them() {
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
