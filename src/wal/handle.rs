//! What can be done through a stream's handle?

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::options::SyncMode;
use crate::stream::EntryView;
use crate::stream::StreamCore;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;
use crate::wal::log::Log;

/// One stream of a log, without the look-up by name: for hot paths.
///
/// Cheap to clone, usable from any number of threads at once. Counts as a clone of the `Wal`: the
/// log stays open while it lives. Once the stream is deleted, every call answers
/// [`Error::StreamNotFound`]; a stream of the same name made since needs a new handle.
#[derive(Clone)]
pub struct Stream {
    log: Arc<Log>,
    core: Arc<StreamCore>,
}

impl Stream {
    pub(super) fn new(log: Arc<Log>, core: Arc<StreamCore>) -> Self {
        Stream { log, core }
    }

    fn enter(&self) -> Result<&StreamCore> {
        self.log.enter()?;
        Ok(&self.core)
    }

    fn enter_existing(&self) -> Result<&StreamCore> {
        let core = self.enter()?;
        match core.is_deleted() {
            true => Err(Error::StreamNotFound(core.key.to_string())),
            false => Ok(core),
        }
    }

    /// The same; where somebody else writes the stream, as it is now.
    fn enter_current(&self) -> Result<&StreamCore> {
        let core = self.enter_existing()?;
        self.log.telling(|| core.look_again())?;
        self.enter_existing()
    }

    /// Appends; then sees to what the append left to do.
    fn appending<R>(&self, append: impl FnOnce(&StreamCore) -> Result<R>) -> Result<R> {
        let done = append(self.enter()?);
        self.log.environment.attend();
        done
    }

    /// Reads; a failure of a stream that is deleted meanwhile is that it is not there.
    fn reading<R>(&self, read: impl FnOnce(&StreamCore) -> Result<R>) -> Result<R> {
        let core = self.enter_existing()?;
        self.log
            .telling(|| read(core))
            .or_else(|error| self.enter_existing().and(Err(error)))
    }

    /// The stream behind the handle, for the sharded log.
    #[cfg(feature = "sharded")]
    pub(crate) fn core(&self) -> &Arc<StreamCore> {
        &self.core
    }

    /// The stream's key.
    pub fn key(&self) -> &str {
        &self.core.key
    }

    /// Appends one entry (possibly empty) and returns its id. Durable on return under `Strict`.
    pub fn append(&self, entry: &[u8]) -> Result<u64> {
        match self.enter()?.append_at_once(entry) {
            Some(id) => Ok(id),
            None => self.append_vectored(&[entry]),
        }
    }

    /// As `append`, where it takes no call of the system. `None`: nothing was done.
    #[cfg(feature = "capi")]
    pub(crate) fn append_at_once(&self, entry: &[u8]) -> Option<u64> {
        self.enter().ok()?.append_at_once(entry)
    }

    /// Appends one entry gathered from several parts. Durable on return under `Strict`.
    pub fn append_vectored(&self, parts: &[&[u8]]) -> Result<u64> {
        let durable = self.log.environment.options.sync_mode == SyncMode::Strict;
        self.appending(|core| core.append(parts, durable))
    }

    /// Appends entries as one frame and returns their ids: after any crash all are there or none.
    /// Durable on return under `Strict` and `BatchOnly`. Empty: the next id twice.
    pub fn append_batch(&self, entries: &[&[u8]]) -> Result<Range<u64>> {
        let durable = self.log.environment.options.sync_mode != SyncMode::Async;
        self.appending(|core| core.append_batch(entries, durable))
    }

    /// The entry, in memory of its own. `None`: below the first id kept, or not visible (yet).
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.reading(|core| core.get(id))
    }

    /// Copies the entry to the start of `target` and returns its length. An entry longer than
    /// `target` is not copied at all; its length is returned all the same.
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        match self.enter_existing()?.get_into_at_hand(id, target) {
            Some(len) => Ok(Some(len)),
            None => self.reading(|core| core.get_into(id, target)),
        }
    }

    /// The entry where it lies, without copying it where that is possible: under
    /// `ReadStrategy::Mmap` in sealed segments and in what is durable of the newest one, and in
    /// cached decompressed frames.
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        match self.enter_existing()?.view_at_hand(id) {
            Some(view) => Ok(Some(view)),
            None => self.reading(|core| core.view(id)),
        }
    }

    /// As `view`, where it takes no call of the system. `None`: nothing was done.
    #[cfg(feature = "capi")]
    #[inline]
    pub(crate) fn view_at_hand(&self, id: u64) -> Option<EntryView> {
        self.enter_existing().ok()?.view_at_hand(id)
    }

    /// As `get_into`, where it takes no call of the system. `None`: nothing was done.
    #[cfg(feature = "capi")]
    #[inline]
    pub(crate) fn get_into_at_hand(&self, id: u64, target: &mut [u8]) -> Option<usize> {
        self.enter_existing().ok()?.get_into_at_hand(id, target)
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
