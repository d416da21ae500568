//! Whether the log's root is still the directory that it locked.
//!
//! Another process may move the root away, remove it, put another directory in its place, or remove
//! `LOCK`, all while the log is open. The log asks the lock before each change of names, on `sync` and
//! on `close` (two system calls), and at times before it acknowledges entries as durable. Once it was
//! found detached it stays so: nothing is appended and no name is changed until the log is opened anew.
//!
//! Failure: where the question cannot be answered (no permission, an I/O error) the log goes on, for it
//! reaches its files through the directory that it holds open.

use std::io;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::error::Error;
use crate::error::Result;
use crate::options::WalOptions;
use crate::primitives::RwLock;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::primitives::now;
use crate::storage::StorageLock;

/// Entries are not acknowledged as durable for longer than this in a directory that is gone; for
/// shorter, where background syncs are more frequent.
const MAX_BETWEEN: Duration = Duration::from_secs(1);

/// The writer lock of a log, and whether its names still stand for what was locked.
pub(super) struct Attachment {
    /// Taken out when the log is closed, never there when it is read-only.
    // Invariant: locked for reading while the lock is asked, so that it is released when `release`
    // returns.
    lock: RwLock<Option<Box<dyn StorageLock>>>,
    is_lost: AtomicBool,
    between: Duration,
    opened: Instant,
    /// When the lock was asked last, in nanoseconds since `opened`.
    asked_ns: AtomicU64,
}

impl Attachment {
    /// Of a log without a lock.
    pub(super) fn new(options: &WalOptions) -> Self {
        let interval = options.shortest_sync_interval();
        Attachment {
            lock: RwLock::new(None),
            is_lost: AtomicBool::new(false),
            between: interval.map_or(MAX_BETWEEN, |interval| interval.min(MAX_BETWEEN)),
            opened: now(),
            asked_ns: AtomicU64::new(0),
        }
    }

    /// Holds the lock from now on.
    pub(super) fn hold(&self, lock: Box<dyn StorageLock>) {
        *self.lock.write() = Some(lock);
    }

    /// From now on others can see that the lock is held. `Unsupported` where they cannot.
    pub(super) fn announce(&self) -> io::Result<()> {
        match &*self.lock.read() {
            Some(lock) => lock.announce(),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Releases the lock.
    pub(super) fn release(&self) {
        *self.lock.write() = None;
    }

    /// Refuses once the root was found detached. No system call.
    #[inline]
    pub(super) fn refuse_lost(&self, root: &Path) -> Result<()> {
        match self.is_lost.load(Ordering::Acquire) {
            true => Err(Error::Detached(root.to_path_buf())),
            false => Ok(()),
        }
    }

    /// Asks the lock, and refuses where the root is detached.
    pub(super) fn check(&self, root: &Path) -> Result<()> {
        self.refuse_lost(root)?;
        self.asked_ns.store(self.elapsed_ns(), Ordering::Relaxed);
        let answer = {
            let lock = self.lock.read();
            lock.as_ref().map(|lock| lock.is_attached())
        };
        if let Some(Ok(false)) = answer {
            self.is_lost.store(true, Ordering::Release);
        }
        self.refuse_lost(root)
    }

    /// The same, if the lock was not asked lately.
    pub(super) fn check_at_times(&self, root: &Path) -> Result<()> {
        let last_ns = self.asked_ns.load(Ordering::Relaxed);
        let since_ns = self.elapsed_ns().saturating_sub(last_ns);
        if Duration::from_nanos(since_ns) < self.between {
            return self.refuse_lost(root);
        }
        self.check(root)
    }

    fn elapsed_ns(&self) -> u64 {
        let elapsed = now().saturating_duration_since(self.opened);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}
