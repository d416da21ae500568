//! Which calls does a log have, on streams by key and on all of them?

use std::ops::Range;
use std::sync::Arc;

use crate::append::Append;
use crate::append::Appended;
use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::notification::View;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::storage::RealDisk;
use crate::storage::Storage;
#[cfg(feature = "sharded")]
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::wal::RecoveryReport;
use crate::wal::Stream;
use crate::wal::TxnWriter;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;
use crate::wal::WalRevIterator;
use crate::wal::open::open;
#[cfg(feature = "sharded")]
use crate::wal::registry::CloseBlocker;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;

/// A write-ahead log: a root directory with many streams of entries.
///
/// Cheap to clone, usable from any number of threads at once. Dropping the last clone (streams and
/// transactions count as clones) closes it like [`Wal::close`]; a failure is logged.
///
/// Stream keys are 1 to 255 bytes without NUL; anything else is [`Error::Config`].
#[derive(Clone)]
pub struct Wal {
    pub(crate) log: Arc<WalInner>,
}

impl Wal {
    pub(super) fn of(log: Arc<WalInner>) -> Self {
        Wal { log }
    }

    /// Opens the log at `options.root_path` and creates it if it does not exist (not its parents).
    /// Recovers all streams and locks the log against other writers.
    ///
    /// Errors: `Locked`; `Config`; `Io`; under [`CorruptionPolicy::Error`] `Corruption`, listing
    /// all damage. Under `Truncate` calls on a damaged stream return its error later.
    ///
    /// [`CorruptionPolicy::Error`]: crate::CorruptionPolicy::Error
    pub fn new(options: WalOptions) -> Result<Self> {
        Self::open_logging(
            options,
            Arc::new(|level, message| log::log!(level, "{message}")),
        )
    }

    /// Like [`Wal::new`], with a sink for the log's messages (recovery, damage, failures) instead
    /// of the `log` crate.
    pub fn open_logging(options: WalOptions, sink: LogSink) -> Result<Self> {
        Self::open_on(Arc::new(RealDisk), options, sink)
    }

    /// Opens a log on any disk, for tests.
    #[doc(hidden)]
    pub(crate) fn open_on(
        storage: Arc<dyn Storage>,
        options: WalOptions,
        sink: LogSink,
    ) -> Result<Self> {
        options.check()?;
        Ok(Wal::of(Arc::new(open(options, storage, sink, false)?)))
    }

    /// Opens a log on the simulated disk.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_simulated(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
    ) -> Result<Self> {
        Self::open_simulated_logging(disk, options, Arc::new(|_, _| ()))
    }

    /// Opens a log on the simulated disk, with a sink for its messages.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_simulated_logging(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
        sink: LogSink,
    ) -> Result<Self> {
        options.check_simulated()?;
        let log = open(options, Arc::new(disk.clone()), sink, false)?;
        Ok(Wal::of(Arc::new(log)))
    }

    /// The same in stepped mode: background work runs only in [`Wal::step_helpers`], so the log is
    /// deterministic.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_simulated_stepped(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
        sink: LogSink,
    ) -> Result<Self> {
        options.check_simulated()?;
        let log = Arc::new(open(options, Arc::new(disk.clone()), sink, true)?);
        Ok(Wal { log })
    }

    /// Does all queued background work, due or not, on the calling thread.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn step_helpers(&self) {
        self.log.background_threads.step();
    }

    /// Appends one entry (possibly empty) and returns its id. The stream exists from its first
    /// append on. Durable on return under `Strict`; in the kernel in every mode.
    pub fn append(&self, stream: &str, entry: &[u8]) -> Result<u64> {
        self.log.enter_to_write()?;
        self.log.append_to(stream, |stream| {
            stream.append(&[entry], stream.settings.waits_for_single())
        })
    }

    /// Appends entries as one frame and returns their ids: after any crash all exist or none.
    /// Durable on return under `Strict` and `BatchOnly`. Empty: returns the next id twice and
    /// creates nothing.
    pub fn append_batch(&self, stream: &str, entries: &[&[u8]]) -> Result<Range<u64>> {
        self.log.enter_to_write()?;
        if entries.is_empty() {
            let next = self.log.find(stream)?.map_or(0, |stream| stream.next_id());
            return Ok(next..next);
        }
        self.log.append_to(stream, |stream| {
            stream.append_batch(entries, stream.settings.waits_for_batches())
        })
    }

    /// [`Stream::append_at`], by key. A stream that does not exist is at id 0.
    pub fn append_at(&self, stream: &str, expected_id: u64, entry: &[u8]) -> Result<u64> {
        self.log.enter_to_write()?;
        self.log.append_to(stream, |stream| {
            stream.append_at(
                Some(expected_id),
                &[entry],
                stream.settings.waits_for_single(),
            )
        })
    }

    /// [`Stream::append_batch_at`], by key. A stream that does not exist is at id 0; without entries
    /// it is not created.
    pub fn append_batch_at(
        &self,
        stream: &str,
        expected_id: u64,
        entries: &[&[u8]],
    ) -> Result<Range<u64>> {
        self.log.enter_to_write()?;
        self.log.append_to(stream, |stream| {
            stream.append_batch_at(
                Some(expected_id),
                entries,
                stream.settings.waits_for_batches(),
            )
        })
    }

    /// [`Stream::append_with`], by key. A stream that does not exist is at id 0; without entries it
    /// is not created. The mark belongs to the stream as it is now: a stream that is created under
    /// the key after a deletion refuses it.
    pub fn append_with(&self, stream: &str, append: &Append<'_>) -> Result<Appended> {
        self.log.enter_to_write()?;
        self.log
            .append_to(stream, |stream| stream.append_with(append))
    }

    /// [`Stream::replace_suffix`], by key. A stream that does not exist is at id 0.
    pub fn replace_suffix(
        &self,
        stream: &str,
        from_id: u64,
        append: &Append<'_>,
    ) -> Result<Appended> {
        self.log.enter_to_write()?;
        self.log
            .append_to(stream, |stream| stream.replace_suffix(from_id, append))
    }

    /// [`Stream::truncate_suffix`], by key. Unknown stream: `StreamNotFound`.
    pub fn truncate_suffix(&self, stream: &str, from_id: u64) -> Result<u64> {
        self.log.enter_to_write()?;
        let stream = self.existing(stream)?;
        self.log.delivering(|| stream.truncate_suffix(from_id))
    }

    /// [`Stream::reset`], by key. A stream that does not exist begins at `next_id`.
    pub fn reset(&self, stream: &str, next_id: u64, append: &Append<'_>) -> Result<Appended> {
        self.log.enter_to_write()?;
        self.log
            .append_to(stream, |stream| stream.reset(next_id, append))
    }

    /// [`Stream::reset_to`], by key.
    pub fn reset_to(&self, stream: &str, next_id: u64) -> Result<()> {
        self.reset(stream, next_id, &Append::default()).map(drop)
    }

    /// [`Stream::truncate_prefix`], by key. Unknown stream: `StreamNotFound`.
    pub fn truncate_prefix(&self, stream: &str, first_id: u64) -> Result<usize> {
        self.log.enter_to_write()?;
        let stream = self.existing(stream)?;
        self.log.delivering(|| stream.truncate_prefix(first_id))
    }

    /// A transaction on a stream: collects entries and appends them as one frame.
    pub fn writer(&self, stream: &str) -> TxnWriter {
        TxnWriter::new(self.clone(), stream)
    }

    /// A handle of a stream, which need not exist yet: the first append creates it.
    pub fn stream(&self, stream: &str) -> Result<Stream> {
        Ok(Stream::new(
            Arc::clone(&self.log),
            self.log.delivering(|| self.log.find_or_add(stream))?,
        ))
    }

    /// A copy of the entry. `None`: the stream is unknown, or the id is below the first kept id, or
    /// at or past the visible end. Damage is an error, never `None`.
    pub fn get(&self, stream: &str, id: u64) -> Result<Option<Vec<u8>>> {
        self.log
            .with_stream_for_read(stream, |stream| stream.get(id))
    }

    /// Several entries, in the order of `ids`, which may repeat; each as [`Wal::get`] returns it. A
    /// call decompresses each compressed frame once, for any number and order of its entries.
    /// Single reads decompress it each time, unless it is in the block cache
    /// ([`WalOptions::block_cache_size`]).
    pub fn get_batch(&self, stream: &str, ids: &[u64]) -> Result<Vec<Option<Vec<u8>>>> {
        let found = self
            .log
            .with_stream_for_read(stream, |stream| stream.get_batch(ids).map(Some))?;
        match found {
            Some(entries) => Ok(entries),
            None => Ok(memory::collected(ids.iter().map(|_| None))?),
        }
    }

    /// Entries in order, from `start` or the first kept id, whichever is later. Empty for an
    /// unknown stream.
    pub fn iter(&self, stream: &str, start: u64) -> Result<WalIterator> {
        Ok(WalIterator::new(self.for_reading(stream)?, start))
    }

    /// Like [`Wal::iter`], with the ids.
    pub fn iter_with_ids(&self, stream: &str, start: u64) -> Result<WalIdIterator> {
        Ok(WalIdIterator::new(
            self.for_reading(stream)?,
            start,
            View::ByMode,
        ))
    }

    /// Entries backwards, with their ids; as [`Stream::iter_rev`]. An unknown stream has none.
    pub fn iter_rev(&self, stream: &str, from: Option<u64>) -> Result<WalRevIterator> {
        Ok(WalRevIterator::new(self.for_reading(stream)?, from))
    }

    /// The stream, or an empty one that is not registered.
    fn for_reading(&self, key: &str) -> Result<Arc<StreamInner>> {
        self.log.delivering(|| self.find_for_reading(key))
    }

    fn find_for_reading(&self, key: &str) -> Result<Arc<StreamInner>> {
        if self.log.context.read_only {
            // Registered from now on: the iterator sees the stream once it exists.
            let stream = match self.log.find(key)? {
                Some(stream) => stream,
                None => self.log.find_or_add(key)?,
            };
            stream.refresh()?;
            return Ok(stream);
        }
        match self.log.find(key)? {
            Some(stream) => Ok(stream),
            None => Ok(StreamInner::absent(
                &self.log.context,
                key,
                Default::default(),
            )),
        }
    }

    /// Removes the segments that lie entirely below `safe_id`: moves them to `archive_path` if that
    /// is set, otherwise deletes them. The active segment stays, unless nothing of the stream is
    /// kept (`safe_id` is its next id or greater), it holds 16 KiB or more, and there is no
    /// archive: then it is removed too, and ids continue. Durable on return, and so are all entries
    /// appended before. Returns the number of segments. Unknown stream: `StreamNotFound`. An
    /// archive that belongs to another log, or lies in a log: `Config`.
    ///
    /// A file that cannot be removed does not prevent the removal of others: the rest is done, the
    /// first failure is returned, and each later call tries again. So after an error the entries
    /// may be truncated already; success means that no file of a truncated segment is left.
    pub fn truncate(&self, stream: &str, safe_id: u64) -> Result<usize> {
        self.log.enter_to_write()?;
        let stream = self.existing(stream)?;
        self.log.delivering(|| stream.truncate(safe_id))
    }

    /// Restores the archived segments that directly precede the first kept id. Durable on return.
    /// Returns the number of segments; 0 without an archive. An error may also mean that they are
    /// restored but a file in the archive could not be removed: each later call, and each
    /// truncation, tries again.
    pub fn restore_archived(&self, stream: &str) -> Result<usize> {
        self.log.enter_to_write()?;
        match self.log.find(stream)? {
            Some(stream) => self.log.delivering(|| stream.restore_archived()),
            None => Ok(0),
        }
    }

    /// Deletes a stream. Durable on return, idempotent, all or nothing after a crash. A later
    /// append by name starts a new stream at id 0. A file that cannot be removed does not prevent
    /// the removal of others: the stream is gone, the first failure is returned, and deleting it
    /// again tries again. `Poisoned` where the commit journal alone holds entries of a poisoned stream:
    /// it is deleted once the log is opened again.
    pub fn delete_stream(&self, stream: &str) -> Result<()> {
        self.log.enter_to_write()?;
        self.log.delete(stream)
    }

    /// The first id of the active segment; `None` before the first append, or if the stream cannot
    /// be used.
    pub fn current_segment_start_id(&self, stream: &str) -> Option<u64> {
        self.try_current_segment_start_id(stream).ok().flatten()
    }

    /// The keys of all streams, sorted, including those that could not be opened.
    pub fn streams(&self) -> Result<Vec<String>> {
        self.log.enter()?;
        if self.log.context.read_only {
            self.log.delivering(|| self.log.discover())?;
        }
        let registered = self.log.registered.read();
        let exists = |registered: &RegistryEntry| match registered {
            RegistryEntry::Open(stream) => stream.exists(),
            RegistryEntry::Failed(_) => true,
        };
        let mut keys: Vec<String> = registered
            .iter()
            .filter(|(_, registered)| exists(registered))
            .map(|(key, _)| key.to_string())
            .collect();
        drop(registered);
        keys.sort_unstable();
        Ok(keys)
    }

    /// What opening this log found, lost and removed: see [`RecoveryReport`]. Ask before acting on
    /// the log as complete, in a consensus engine before the first vote. Empty for a read-only log,
    /// which recovers nothing; for one of the whole files see `ironwalctl verify`.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.log.recovery
    }

    /// Makes everything appended to a stream so far durable. Unknown stream: `StreamNotFound`.
    pub fn sync(&self, stream: &str) -> Result<()> {
        self.log.enter_to_write()?;
        let stream = self.existing(stream)?;
        self.log.syncing(|| stream.sync())
    }

    /// Makes everything appended so far durable, in all streams. Attempts all streams, then returns
    /// the first failure. Streams that could not be opened have no appends and are skipped.
    pub fn sync_all(&self) -> Result<()> {
        self.log.enter_to_write()?;
        self.log.context.check_root()?;
        let streams = open_streams(&self.log.registered.read());
        let streams = self.log.syncing(|| StreamInner::sync_together(&streams));
        let mut result = Ok(());
        for stream in streams {
            let synced = match self.log.delivering(|| stream.sync_attached()) {
                // Deleted meanwhile: nothing is left to make durable.
                Err(Error::StreamNotFound(_)) => Ok(()),
                synced => synced,
            };
            result = result.and(synced);
        }
        result
    }

    /// Closes the log for all clones: makes everything durable, trims active files to their exact
    /// length, joins threads, releases the lock. Later calls return `Closed`. After a failure the
    /// rest is still done; the first failure is returned.
    pub fn close(self) -> Result<()> {
        self.log.close()
    }

    /// [`Stream::append_vectored`], by key.
    #[cfg(feature = "capi")]
    pub(crate) fn append_vectored(&self, stream: &str, parts: &[&[u8]]) -> Result<u64> {
        self.log.enter_to_write()?;
        self.log.append_to(stream, |stream| {
            stream.append(parts, stream.settings.waits_for_single())
        })
    }

    /// [`Stream::get_into`], by key.
    #[cfg(feature = "capi")]
    pub(crate) fn get_into(
        &self,
        stream: &str,
        id: u64,
        target: &mut [u8],
    ) -> Result<Option<usize>> {
        self.log
            .with_stream_for_read(stream, |stream| stream.get_into(id, target))
    }

    /// [`Wal::current_segment_start_id`], with the reason why the stream cannot be used.
    pub(crate) fn try_current_segment_start_id(&self, stream: &str) -> Result<Option<u64>> {
        let Some(stream) = self.log.delivering(|| self.log.find(stream))? else {
            return Ok(None);
        };
        self.log.delivering(|| stream.refresh())?;
        Ok(stream.current_segment_start_id())
    }

    /// The context of the streams; the sharded log keeps its own files in the same root.
    #[cfg(feature = "sharded")]
    pub(crate) fn context(&self) -> &Arc<LogContext> {
        &self.log.context
    }

    /// Whether the log can be used: `Closed` or `Forked` otherwise.
    #[cfg(feature = "sharded")]
    pub(crate) fn enter(&self) -> Result<()> {
        self.log.enter()
    }

    /// The same, for calls that write: `ReadOnly` for a log that is open read-only.
    #[cfg(feature = "sharded")]
    pub(crate) fn enter_to_write(&self) -> Result<()> {
        self.log.enter_to_write()
    }

    /// Prevents the log from being closed, and its lock from being released, until the guard is
    /// dropped.
    #[cfg(feature = "sharded")]
    pub(crate) fn block_close(&self) -> Result<CloseBlocker<'_>> {
        self.log.block_close()
    }

    fn existing(&self, key: &str) -> Result<Arc<StreamInner>> {
        match self.log.find(key)? {
            Some(stream) if stream.exists() => Ok(stream),
            _ => Err(Error::StreamNotFound(key.to_owned())),
        }
    }
}

impl std::fmt::Debug for Wal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wal")
            .field("root", &self.log.context.root)
            .finish_non_exhaustive()
    }
}
