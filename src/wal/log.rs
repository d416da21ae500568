//! What do all clones of a `Wal` share, and how does it end?

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::check_key;
use crate::format::stream_dir_name;
use crate::storage::fork_generation;
use crate::stream::Environment;
use crate::stream::Life;
use crate::stream::StreamCore;
use crate::stream::remove_remains;
use crate::sync::Mutex;
use crate::sync::RwLock;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering;
use crate::wal::helpers::Helpers;
use crate::wal::parallel::for_each;

/// A stream as the log knows it.
#[derive(Clone)]
pub enum Known {
    /// It is served.
    Stream(Arc<StreamCore>),
    /// It could not be opened; this is why.
    Broken(Arc<Error>),
}

/// Below so many streams it is not worth looking for those that can be dropped.
const FEWEST_SWEPT: usize = 64;

/// An open log. Closed when the last handle goes.
pub struct Log {
    pub environment: Arc<Environment>,
    pub helpers: Arc<Helpers>,
    /// Streams by key.
    pub known: RwLock<HashMap<Arc<str>, Known>>,
    /// Where so many streams are known, those that nobody uses and that do not exist are dropped.
    sweep_at: AtomicUsize,
    /// Directories of streams that could not be opened and whose key nothing tells: a key that
    /// leads there must not find an empty stream.
    unnamed: HashMap<PathBuf, Arc<Error>>,
    closed: AtomicBool,
    /// Held while a stream is deleted: who finds one deleted under it waits here.
    pub deletions: Mutex<()>,
    /// Held while the log is closed, and by who keeps it from being closed.
    closing: Mutex<()>,
    fork_generation: u64,
}

/// While this lives the log is not closed and its writer lock is held.
#[cfg(feature = "sharded")]
pub type HeldOpen<'a> = crate::sync::MutexGuard<'a, ()>;

impl Log {
    pub fn new(
        environment: Arc<Environment>,
        helpers: Arc<Helpers>,
        known: HashMap<Arc<str>, Known>,
        unnamed: HashMap<PathBuf, Arc<Error>>,
    ) -> Self {
        Log {
            environment,
            helpers,
            known: RwLock::new(known),
            sweep_at: AtomicUsize::new(0),
            unnamed,
            closed: AtomicBool::new(false),
            deletions: Mutex::new(()),
            closing: Mutex::new(()),
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
        match self.environment.read_only {
            true => Err(Error::ReadOnly),
            false => Ok(()),
        }
    }

    /// Keeps a close that begins now waiting until the guard goes. For who changes names:
    /// `Detached` where the root is not this log's any more.
    #[cfg(feature = "sharded")]
    pub fn hold_open(&self) -> Result<HeldOpen<'_>> {
        self.enter()?;
        let open = self.closing.lock();
        self.enter()?;
        self.environment.check_root()?;
        Ok(open)
    }

    /// The stream, if anything was ever appended to it or somebody holds a handle.
    pub fn find(&self, key: &str) -> Result<Option<Arc<StreamCore>>> {
        self.enter()?;
        check_key(key).map_err(|what| Error::Config(format!("stream key {key:?}: {what}")))?;
        if self.environment.read_only {
            return self.find_watched(key);
        }
        match self.known.read().get(key) {
            Some(Known::Stream(stream)) => Ok(Some(Arc::clone(stream))),
            Some(Known::Broken(error)) => Err(error.duplicate()),
            None if self.unnamed.is_empty() => Ok(None),
            None => match self.unnamed.get(&self.stream_dir(key)) {
                Some(error) => Err(error.duplicate()),
                None => Ok(None),
            },
        }
    }

    /// The stream, known from now on.
    pub fn find_or_add(&self, key: &str) -> Result<Arc<StreamCore>> {
        if let Some(stream) = self.find(key)? {
            return Ok(stream);
        }
        if self.environment.read_only {
            return self.add_watched(key);
        }
        let mut known = self.known.write();
        // A close that began meanwhile has taken its list of streams under this lock.
        self.enter()?;
        match known.get(key) {
            Some(Known::Stream(stream)) => Ok(Arc::clone(stream)),
            Some(Known::Broken(error)) => Err(error.duplicate()),
            None => {
                self.drop_unused(&mut known);
                let dir = self.stream_dir(key);
                let stream = StreamCore::absent(&self.environment, key, dir);
                known.insert(Arc::clone(&stream.key), Known::Stream(Arc::clone(&stream)));
                Ok(stream)
            }
        }
    }

    /// Forgets streams that were asked for, never appended to, and that nobody holds any more.
    /// Looks at all only where their number has doubled since, so that adding stays cheap.
    pub(super) fn drop_unused(&self, known: &mut HashMap<Arc<str>, Known>) {
        if known.len() < self.sweep_at.load(Ordering::Relaxed) {
            return;
        }
        // With `known` locked nobody finds a stream. Who found one before holds it and counts; a
        // helper that has it in its queue still finds nothing to do in it.
        let is_read_only = self.environment.read_only;
        known.retain(|_, known| match known {
            // A writer takes a deleted stream out itself, once nothing of it is there.
            Known::Stream(stream) if stream.is_deleted() => !is_read_only,
            Known::Stream(stream) => Arc::strong_count(stream) > 1 || !stream.is_untouched(),
            Known::Broken(_) => true,
        });
        let next = known.len().saturating_mul(2).max(FEWEST_SWEPT);
        self.sweep_at.store(next, Ordering::Relaxed);
    }

    fn stream_dir(&self, key: &str) -> PathBuf {
        self.environment.root.join(stream_dir_name(key))
    }

    /// Runs what holds locks on its way and may have messages for the log's receiver, and sends
    /// them then.
    pub fn telling<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = work();
        self.environment.deliver();
        done
    }

    /// Runs an append on the stream of that name. A stream deleted meanwhile is looked up again, so
    /// the work lands before the deletion or in the new stream.
    pub fn append_to<R>(&self, key: &str, append: impl Fn(&StreamCore) -> Result<R>) -> Result<R> {
        loop {
            let stream = self.find_or_add(key)?;
            let done = append(&stream);
            self.environment.attend();
            match done {
                Err(Error::StreamNotFound(_)) if stream.life() == Life::Deleted => {
                    drop(self.deletions.lock());
                }
                done => return done,
            }
        }
    }

    /// Reads from the stream of that name; `None` where there is none. A read that fails because
    /// the stream is being deleted under it is answered once the deletion is over: from what is
    /// there then.
    pub fn in_stream<R>(
        &self,
        key: &str,
        mut read: impl FnMut(&StreamCore) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        loop {
            let Some(stream) = self.telling(|| self.find(key))? else {
                return Ok(None);
            };
            match self.telling(|| read(&stream)) {
                Err(_) if stream.life() == Life::Deleted => drop(self.deletions.lock()),
                done => return done,
            }
        }
    }

    /// Deletes a stream. Durable on return.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.telling(|| self.delete_alone(key))
    }

    fn delete_alone(&self, key: &str) -> Result<()> {
        let _deletions = self.deletions.lock();
        self.environment.check_root()?;
        let Some(stream) = self.find(key)? else {
            // Perhaps a deletion whose durability was not told: make it so.
            let (root, storage) = (&self.environment.root, &*self.environment.storage);
            let synced = storage.sync_dir(root);
            synced.map_err(|e| Error::io(e, crate::error::ErrorContext::at(root)))?;
            return remove_remains(&self.environment, &self.stream_dir(key));
        };
        let deleted = stream.delete();
        if stream.life() == Life::Deleted {
            self.known.write().remove(key);
        }
        deleted
    }

    /// The streams that are served, by key: so the same calls reach the disk in the same order.
    pub fn served(&self, known: &HashMap<Arc<str>, Known>) -> Vec<Arc<StreamCore>> {
        let mut streams: Vec<Arc<StreamCore>> = known
            .values()
            .filter_map(|known| match known {
                Known::Stream(stream) => Some(Arc::clone(stream)),
                Known::Broken(_) => None,
            })
            .collect();
        streams.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        streams
    }

    /// Closes the log: everything durable, files at their exact length, threads joined, lock
    /// released. The first failure is told; the rest is done all the same. Idempotent. A log whose
    /// root is detached leaves all files as they are, for recovery, and says so.
    pub fn close(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        self.telling(|| self.close_once())
    }

    fn close_once(&self) -> Result<()> {
        // Who comes second waits for the first and finds nothing left to do.
        let _closing = self.closing.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let attached = self.environment.check_root();
        if !self.helpers.stop() {
            let message = "a helper thread panicked".to_owned();
            self.environment.note(log::Level::Error, message);
        }
        if self.environment.read_only {
            for known in self.known.write().values() {
                if let Known::Stream(stream) = known {
                    stream.stop_looking();
                }
            }
            return Ok(());
        }
        let streams = self.served(&self.known.write());
        let closed = for_each(streams, |stream| stream.close());
        // A deletion that began before is not cut short by closing: without the lock it would
        // rename what another process has opened meanwhile.
        drop(self.deletions.lock());
        let failed = closed.into_iter().find(Result::is_err);
        self.environment.release_lock();
        attached.and(failed.unwrap_or(Ok(())))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.is_forked() {
            // The parent's log: nothing of it may be synced, cut, joined or released here.
            self.helpers.abandon();
            return;
        }
        if let Err(error) = self.close() {
            let message = format!("closing {}: {error}", self.environment.root.display());
            self.environment.tell(log::Level::Error, &message);
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
        for number in 0..10 * FEWEST_SWEPT {
            log.find_or_add(&format!("absent {number}")).expect("adds");
        }
        let count = log.known.read().len();
        assert!(count <= FEWEST_SWEPT, "{count} streams are known");
        assert!(log.find("kept").expect("finds").is_some());
        let found = log.find("held").expect("finds").expect("is known");
        assert!(Arc::ptr_eq(&found, &held));
    }
}
