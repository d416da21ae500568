//! What can be done through a stream's handle?

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::options::SyncMode;
use crate::stream::EntryView;
use crate::stream::StreamInner;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;
use crate::wal::registry::WalInner;

/// One stream of a log, without the look-up by name: for hot paths.
///
/// Cheap to clone, usable from any number of threads at once. Counts as a clone of the `Wal`: the
/// log stays open while it lives. Once the stream is deleted, every call answers
/// [`Error::StreamNotFound`]; a stream of the same name made since needs a new handle.
#[derive(Clone)]
pub struct Stream {
    log: Arc<WalInner>,
    core: Arc<StreamInner>,
}

impl Stream {
    pub(super) fn new(log: Arc<WalInner>, core: Arc<StreamInner>) -> Self {
        Stream { log, core }
    }

    fn enter(&self) -> Result<&StreamInner> {
        self.log.enter()?;
        Ok(&self.core)
    }

    fn enter_existing(&self) -> Result<&StreamInner> {
        let core = self.enter()?;
        match core.is_deleted() {
            true => Err(Error::StreamNotFound(core.key.to_string())),
            false => Ok(core),
        }
    }

    fn enter_to_change(&self) -> Result<&StreamInner> {
        self.log.enter_to_write()?;
        self.enter_existing()
    }

    /// The same; where another process writes the stream, as it is now.
    fn enter_current(&self) -> Result<&StreamInner> {
        let core = self.enter_existing()?;
        self.log.telling(|| core.refresh())?;
        self.enter_existing()
    }

    /// Appends; then sees to what the append left to do.
    fn appending<R>(&self, append: impl FnOnce(&StreamInner) -> Result<R>) -> Result<R> {
        let done = append(self.enter()?);
        self.log.context.attend();
        done
    }

    /// Reads; a failure of a stream that is deleted meanwhile is that it is not there.
    fn reading<R>(&self, read: impl FnOnce(&StreamInner) -> Result<R>) -> Result<R> {
        let core = self.enter_existing()?;
        self.log
            .telling(|| read(core))
            .or_else(|error| self.enter_existing().and(Err(error)))
    }

    /// The stream behind the handle, for the sharded log.
    #[cfg(feature = "sharded")]
    pub(crate) fn core(&self) -> &Arc<StreamInner> {
        &self.core
    }

    /// The stream's key.
    pub fn key(&self) -> &str {
        &self.core.key
    }

    /// Appends one entry (possibly empty) and returns its id. Durable on return under `Strict`.
    pub fn append(&self, entry: &[u8]) -> Result<u64> {
        self.append_vectored(&[entry])
    }

    /// Appends one entry gathered from several parts. Durable on return under `Strict`.
    pub fn append_vectored(&self, parts: &[&[u8]]) -> Result<u64> {
        let durable = self.log.context.options.sync_mode == SyncMode::Strict;
        self.appending(|core| core.append(parts, durable))
    }

    /// Appends entries as one frame and returns their ids: after any crash all are there or none.
    /// Durable on return under `Strict` and `BatchOnly`. Empty: the next id twice.
    pub fn append_batch(&self, entries: &[&[u8]]) -> Result<Range<u64>> {
        let durable = self.log.context.options.sync_mode != SyncMode::Async;
        self.appending(|core| core.append_batch(entries, durable))
    }

    /// The entry, in memory of its own. `None`: below the first id kept, or not visible (yet).
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.reading(|core| core.get(id))
    }

    /// Copies the entry to the start of `target` and returns its length. An entry longer than
    /// `target` is not copied at all; its length is returned all the same.
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.reading(|core| core.get_into(id, target))
    }

    /// The entry where it lies, without copying it where that is possible: under
    /// `ReadStrategy::Mmap` in sealed segments and in what is durable of the newest one, and in
    /// cached decompressed frames.
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        self.reading(|core| core.view(id))
    }

    /// Entries in order, from `start` or the first id kept, whichever is later.
    pub fn iter(&self, start: u64) -> Result<WalIterator> {
        self.enter_current()?;
        Ok(WalIterator::new(Arc::clone(&self.core), start))
    }

    /// Entries in order, with their ids.
    pub fn iter_with_ids(&self, start: u64) -> Result<WalIdIterator> {
        self.enter_current()?;
        Ok(WalIdIterator::new(Arc::clone(&self.core), start))
    }

    /// The first id kept.
    pub fn first_id(&self) -> Result<u64> {
        Ok(self.enter_current()?.first_id())
    }

    /// The id that the next append gets, if nobody else appends before.
    pub fn next_id(&self) -> Result<u64> {
        Ok(self.enter_current()?.next_id())
    }

    /// One past the last durable id: everything below it survives a power cut.
    pub fn durable_end(&self) -> Result<u64> {
        Ok(self.enter_current()?.durable_end())
    }

    /// The first id of the segment that appends go to; `None` before the first append.
    pub fn current_segment_start_id(&self) -> Result<Option<u64>> {
        Ok(self.enter_current()?.current_segment_start_id())
    }

    /// Removes the segments below `safe_id`, as [`Wal::truncate`](crate::Wal::truncate) does by name.
    /// Before the first append: `StreamNotFound`.
    pub fn truncate(&self, safe_id: u64) -> Result<usize> {
        let core = self.enter_to_change()?;
        match core.exists() {
            true => self.log.telling(|| core.truncate(safe_id)),
            false => Err(Error::StreamNotFound(core.key.to_string())),
        }
    }

    /// Brings back the archived segments that join on to the first id kept, as
    /// [`Wal::restore_archived`](crate::Wal::restore_archived) does by name.
    pub fn restore_archived(&self) -> Result<usize> {
        let core = self.enter_to_change()?;
        self.log.telling(|| core.restore_archived())
    }

    /// Deletes this stream. Durable on return, all or nothing after a crash. Every handle of it,
    /// this one included, then answers [`Error::StreamNotFound`]; a later append by name starts a new
    /// stream, which this handle never deletes. A file that cannot be removed keeps no other: the
    /// stream is gone, the first failure is reported, and
    /// [`Wal::delete_stream`](crate::Wal::delete_stream) tries again.
    pub fn delete(&self) -> Result<()> {
        self.log.enter_to_write()?;
        self.log.delete_stream(&self.core)
    }

    /// Makes everything appended so far durable.
    pub fn sync(&self) -> Result<()> {
        let core = self.enter_existing()?;
        self.log.telling(|| core.sync())
    }

    /// Waits until entry `id`, which need not be appended yet, is durable; at most `timeout`, then
    /// [`Error::Timeout`]. Zero only asks. A helper thread syncs, not this one; only where the
    /// system gives us no thread this one does, for as long as that takes.
    pub fn wait_durable(&self, id: u64, timeout: Duration) -> Result<()> {
        let core = self.enter_existing()?;
        self.log.telling(|| core.wait_durable(id, timeout))
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
