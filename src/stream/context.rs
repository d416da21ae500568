//! What all streams of a log share: the disk, the options, the bounded caches, the helpers.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::BlockCache;
use crate::cache::OpenFiles;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::journal::Journal;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::primitives::Mutex;
use crate::primitives::OnceLock;
use crate::primitives::RwLock;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::primitives::locks_held;
use crate::segment::SegmentReader;
use crate::storage::FollowedDisk;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use crate::storage::is_out_of_descriptors;
use crate::stream::LogIdentity;
use crate::stream::StreamInner;
use crate::stream::attachment::Attachment;
use crate::stream::counters::LogCounters;
use crate::stream::lifecycle::linked_dir::OwnedTarget;
use crate::stream::reader::slots::ReaderSlots;

/// Works for the streams off the threads that append. A request returns at once, and says whether a
/// thread is there for it. If not, the request is kept, and the caller calls [`BackgroundTasks::attend`]
/// once it holds no lock.
pub trait BackgroundTasks: Send + Sync {
    /// Sync the stream when this time has passed.
    fn sync_after(&self, stream: &Arc<StreamInner>, delay: Duration) -> bool;
    /// Sync the stream soon.
    fn sync_now(&self, stream: &Arc<StreamInner>) -> bool;
    /// Whether a thread is there that syncs.
    fn has_thread_for_syncs(&self, stream: &Arc<StreamInner>) -> bool;
    /// Make space ahead of the stream's tail.
    fn preallocate(&self, stream: &Arc<StreamInner>) -> bool;
    /// Keep the commit journal up: see [`Journal::keep_up`].
    fn keep_journal(&self) -> bool;
    /// Starts the thread that serves listeners, if there is none.
    fn ensure_notifier(&self) -> io::Result<()>;
    /// Serve the stream's listeners soon. The stream stays until then.
    fn serve_listeners(&self, stream: &Arc<StreamInner>);
    /// Starts the threads that are missing. Where one cannot be started, a sync that is due is done
    /// on this thread: one stream's a call. The caller holds no lock.
    fn attend(&self) -> Attended;
    /// Deterministic mode, for tests: background work runs only when stepped.
    #[cfg(feature = "sharded")]
    fn is_stepped(&self) -> bool {
        false
    }
}

/// What came of [`BackgroundTasks::attend`].
#[derive(Default)]
pub struct Attended {
    /// Work is kept that no thread is there for.
    pub is_short_of_threads: bool,
    /// Warnings for the log's receiver.
    pub warnings: Vec<String>,
}

/// What all streams of a log share.
pub struct LogContext {
    /// The disk.
    pub storage: Arc<dyn Storage>,
    /// How the log was opened.
    pub options: WalOptions,
    /// The log's directory, absolute and without links.
    pub root: PathBuf,
    /// Files open for writing.
    pub write_files: OpenFiles<Arc<dyn StorageFile>>,
    /// Files open for reading.
    pub read_files: OpenFiles<SegmentReader>,
    /// What threads keep between look-ups.
    pub reader_slots: Arc<ReaderSlots>,
    /// Decompressed frames.
    pub blocks: Option<BlockCache>,
    /// Where messages go.
    pub log: LogSink,
    /// Another process writes the log: nothing on disk is changed from here.
    pub read_only: bool,
    /// `storage`, where the log is read-only: over which the commit journal is laid.
    pub followed: Option<Arc<FollowedDisk>>,
    /// The writer lock.
    attachment: Attachment,
    /// Which log this is.
    pub identity: LogIdentity,
    /// The directories of streams that are links, by their path in the root, and the locks on what
    /// they lead to.
    pub(super) owned: Mutex<BTreeMap<PathBuf, OwnedTarget>>,
    /// The commit journal, where the log has one. Set by opening.
    pub journal: OnceLock<Arc<Journal>>,
    /// Set once the helpers run.
    pub background_tasks: OnceLock<Arc<dyn BackgroundTasks>>,
    /// A helper was asked for something, and its thread does not run.
    unattended: AtomicBool,
    /// Messages for the log's receiver, from threads that held a lock; and whether there are any.
    noted: Mutex<Vec<(log::Level, String)>>,
    has_noted: AtomicBool,
    /// Whether a mapped segment can be stored into without a signal; asked once.
    pub(super) map_stores_cannot_fault: OnceLock<bool>,
    /// How many segments are mapped for storing.
    pub(super) maps: Arc<AtomicUsize>,
    /// Held for reading while segments or streams are removed, and for writing by a snapshot, which
    /// waits for these and holds off later ones. Taken before all locks of streams.
    pub removals: RwLock<()>,
    /// A sharded log writes its checkpoints here.
    #[cfg(feature = "sharded")]
    claimed: AtomicBool,
    /// Streams know what the live checkpoints need, if there are any.
    knows_checkpoints: AtomicBool,
    /// How many streams are in a round of syncing.
    rounds: AtomicUsize,
    /// Deletions that renamed a directory and did not sync the root since.
    unsynced_renames: AtomicUsize,
    /// What the log counts, besides what each stream does.
    pub counters: LogCounters,
    streams_made: AtomicU64,
    /// How many directories of streams were made, and how many of the first of these have durable
    /// names.
    dirs_made: AtomicU64,
    dirs_durable: Mutex<u64>,
}

impl LogContext {
    /// The context of a log at `root`.
    pub fn new(
        storage: Arc<dyn Storage>,
        options: WalOptions,
        root: PathBuf,
        log: LogSink,
    ) -> Self {
        let reader_slots = Arc::new(ReaderSlots::new());
        let closed = Arc::clone(&reader_slots);
        let read_files = OpenFiles::new(options.max_open_read_segments);
        LogContext {
            storage,
            write_files: OpenFiles::new(options.max_open_segments),
            read_files: read_files.on_close(move || closed.evict_closed()),
            reader_slots,
            blocks: options.block_cache_size.map(BlockCache::new),
            attachment: Attachment::new(&options),
            options,
            root,
            log,
            read_only: false,
            followed: None,
            identity: LogIdentity::default(),
            owned: Mutex::default(),
            journal: OnceLock::new(),
            background_tasks: OnceLock::new(),
            unattended: AtomicBool::new(false),
            noted: Mutex::default(),
            has_noted: AtomicBool::new(false),
            map_stores_cannot_fault: OnceLock::new(),
            maps: Arc::default(),
            removals: RwLock::new(()),
            #[cfg(feature = "sharded")]
            claimed: AtomicBool::new(false),
            knows_checkpoints: AtomicBool::new(false),
            rounds: AtomicUsize::new(0),
            unsynced_renames: AtomicUsize::new(0),
            counters: LogCounters::default(),
            streams_made: AtomicU64::new(0),
            dirs_made: AtomicU64::new(0),
            dirs_durable: Mutex::new(0),
        }
    }

    /// The commit journal, where the log has one.
    #[inline]
    pub(super) fn journal(&self) -> Option<&Arc<Journal>> {
        self.journal.get()
    }

    /// Holds the writer lock until it is released.
    pub fn hold_lock(&self, lock: Box<dyn StorageLock>) {
        self.attachment.hold(lock);
    }

    /// From now on [`Storage::is_announced`] is true of the writer lock.
    pub fn announce_lock(&self) -> std::io::Result<()> {
        self.attachment.announce()
    }

    /// Releases the writer lock, and before it those on what links lead to.
    pub fn release_lock(&self) {
        self.owned.lock().clear();
        self.attachment.release();
    }

    /// Refuses with `Detached` where the root, or `LOCK` in it, is not what this log locked any more.
    /// To be called before names are changed. Two system calls.
    pub fn check_root(&self) -> Result<()> {
        self.attachment.check(&self.root)
    }

    /// The same, where that was not asked for a second, or a shorter interval of background syncs.
    pub(super) fn check_root_at_times(&self) -> Result<()> {
        self.attachment.check_at_times(&self.root)
    }

    /// Refuses once the root was found detached. No system call.
    #[inline]
    pub(super) fn refuse_detached(&self) -> Result<()> {
        self.attachment.refuse_lost(&self.root)
    }

    /// A number for a stream that no other of this log has while it is open.
    pub fn next_stream_id(&self) -> u64 {
        self.streams_made.fetch_add(1, Ordering::Relaxed)
    }

    /// Claims the checkpoints of this log for one sharded log, until the claim is dropped. `None`:
    /// another has them.
    #[cfg(feature = "sharded")]
    pub fn claim_checkpoints(self: &Arc<Self>) -> Option<CheckpointOwner> {
        let was_claimed = self.claimed.swap(true, Ordering::AcqRel);
        (!was_claimed).then(|| CheckpointOwner(Arc::clone(self)))
    }

    /// Whether a sharded log writes its checkpoints here.
    pub fn has_checkpoint_owner(&self) -> bool {
        #[cfg(feature = "sharded")]
        return self.claimed.load(Ordering::Acquire);
        #[cfg(not(feature = "sharded"))]
        return false;
    }

    /// Whether each stream knows what the live checkpoints need of it.
    pub(super) fn knows_checkpoints(&self) -> bool {
        self.knows_checkpoints.load(Ordering::Acquire)
    }

    /// A stream's directory is about to be renamed.
    pub(super) fn begin_rename(&self) {
        self.unsynced_renames.fetch_add(1, Ordering::AcqRel);
    }

    /// The root was synced since. Not called where that failed: the directory may come back after a crash.
    pub(super) fn end_rename(&self) {
        self.unsynced_renames.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether a directory that was renamed may come back under its name.
    pub(super) fn has_unsynced_renames(&self) -> bool {
        self.unsynced_renames.load(Ordering::Acquire) > 0
    }

    /// Counts a round of a stream, as long as the guard is there.
    pub(super) fn begin_round(&self) -> RoundCounter<'_> {
        self.rounds.fetch_add(1, Ordering::Relaxed);
        RoundCounter(self)
    }

    /// How many streams are in a round now.
    pub(super) fn rounds_under_way(&self) -> usize {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Counts a stream's directory, which has just been made: the number to ask
    /// [`LogContext::sync_root_for`] for.
    pub fn next_dir_number(&self) -> u64 {
        self.dirs_made.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Returns once the name of the stream's directory with this number is durable. One sync of
    /// the root does for all directories that were made before it began; 0 is one of unknown age.
    pub fn sync_root_for(&self, number: u64) -> Result<()> {
        let mut durable = self.dirs_durable.lock();
        if (1..=*durable).contains(&number) {
            return Ok(());
        }
        // Counted only once it is there; so the sync that begins now covers all counted.
        let made = self.dirs_made.load(Ordering::Acquire);
        self.with_fd_retry(|| self.storage.sync_dir(&self.root))
            .map_err(|error| Error::io(error, ErrorContext::at(&self.root)))?;
        *durable = made;
        Ok(())
    }

    /// Runs `work`, which opens something. Where the process has no descriptor left, the files
    /// that can do without theirs are closed, and it is run once more.
    pub fn with_fd_retry<R>(&self, mut work: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        match work() {
            Err(error) if is_out_of_descriptors(&error) && self.close_clean() => work(),
            done => done,
        }
    }

    fn close_clean(&self) -> bool {
        let read = self.read_files.close_clean();
        self.write_files.close_clean() || read
    }

    /// Sends a message to the log's receiver, which may read from the log: the caller holds no lock.
    pub fn log(&self, level: log::Level, message: &str) {
        self.deliver();
        assert_no_lock_is_held();
        (self.log)(level, message);
    }

    /// Keeps a message for the log's receiver. For threads that may hold a lock; their
    /// callers call [`LogContext::deliver`] without one.
    pub fn note(&self, level: log::Level, message: String) {
        self.noted.lock().push((level, message));
        self.has_noted.store(true, Ordering::Release);
    }

    /// Notes why the commit journal takes no more.
    pub fn note_retired_journal(&self, error: &Error) {
        let message = format!("streams are synced in place from now on: {error}");
        self.note(log::Level::Warn, message);
    }

    /// Sends what was noted to the log's receiver. The caller holds no lock.
    #[inline]
    pub fn deliver(&self) {
        if self.has_noted.load(Ordering::Relaxed) {
            self.deliver_noted();
        }
    }

    #[cold]
    fn deliver_noted(&self) {
        assert_no_lock_is_held();
        self.has_noted.swap(false, Ordering::AcqRel);
        let noted = std::mem::take(&mut *self.noted.lock());
        for (level, message) in noted {
            (self.log)(level, &message);
        }
    }

    /// Records that a helper was asked for something, and its thread does not run.
    pub fn note_unattended(&self) {
        self.unattended.store(true, Ordering::Release);
    }

    /// Whether an appender has more to do than to append: see [`LogContext::attend`].
    #[inline]
    pub fn wants_attention(&self) -> bool {
        self.unattended.load(Ordering::Relaxed)
    }

    /// To be called at the end of every append, without any lock: has the helpers start the
    /// threads it lacks, or works in their stead; then sends what was noted.
    #[inline]
    pub fn attend(&self) {
        if self.wants_attention() {
            self.attend_now();
        }
        self.deliver();
    }

    #[cold]
    fn attend_now(&self) {
        assert_no_lock_is_held();
        let Some(background_tasks) = self.background_tasks.get() else {
            return;
        };
        // Cleared first: what is asked for from now on sets it again.
        self.unattended.swap(false, Ordering::AcqRel);
        let attended = background_tasks.attend();
        if attended.is_short_of_threads {
            self.note_unattended();
        }
        for warning in attended.warnings {
            self.note(log::Level::Warn, warning);
        }
    }
}

/// Invariant: no function of the host's is called under a lock of ours. It may read from the log.
#[inline]
pub(super) fn assert_no_lock_is_held() {
    debug_assert_eq!(locks_held(), 0, "the host is called under a lock");
}

/// The right to write the checkpoints of a log.
#[cfg(feature = "sharded")]
pub struct CheckpointOwner(Arc<LogContext>);

#[cfg(feature = "sharded")]
impl CheckpointOwner {
    /// Each stream knows what the live checkpoints need of it, as long as the claim lasts.
    pub fn note_checkpoints_known(&self) {
        self.0.knows_checkpoints.store(true, Ordering::Release);
    }
}

#[cfg(feature = "sharded")]
impl Drop for CheckpointOwner {
    fn drop(&mut self) {
        self.0.knows_checkpoints.store(false, Ordering::Release);
        self.0.claimed.store(false, Ordering::Release);
    }
}

/// One of the rounds under way.
pub(super) struct RoundCounter<'a>(&'a LogContext);

impl Drop for RoundCounter<'_> {
    fn drop(&mut self) {
        self.0.rounds.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for LogContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogContext")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
