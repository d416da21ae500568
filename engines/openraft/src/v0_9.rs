//! How are the storage traits of openraft 0.9 served?
//!
//! As in `v0_10`, whose head says what blocks; here on the blocking threads of tokio, the only
//! runtime that 0.9 comes with.

use std::fmt;
use std::fmt::Debug;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::ops::RangeBounds;

use ironwal::Wal;
use openraft_0_9::AnyError;
use openraft_0_9::LogId;
use openraft_0_9::LogState;
use openraft_0_9::OptionalSend;
use openraft_0_9::RaftLogId;
use openraft_0_9::RaftLogReader;
use openraft_0_9::RaftTypeConfig;
use openraft_0_9::StorageError;
use openraft_0_9::StorageIOError;
use openraft_0_9::Vote;
use openraft_0_9::storage::LogFlushed;
use openraft_0_9::storage::RaftLogStorage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::READ_BYTES;
use crate::codec::Layout;
use crate::codec::at_its_index;
use crate::flushed::Flushed;
use crate::half_open;
use crate::store::COMMITTED;
use crate::store::PURGED;
use crate::store::Store;
use crate::store::VOTE;

/// Values written under 0.9.
const LAYOUT: Layout = Layout(0x09);

/// The log of one group, for `Raft::new`. It promises what `v0_10::LogStore` promises.
pub struct LogStore<C> {
    store: Store,
    config: PhantomData<fn() -> C>,
}

impl<C: RaftTypeConfig> LogStore<C> {
    /// Opens the log of the group `name`, which need not exist yet, and finishes a purge that a
    /// crash interrupted. The `wal` must have been opened with [`crate::options`], and nothing else
    /// may write to its stream `name`. Blocks on the disk.
    pub fn open(wal: &Wal, name: &str) -> io::Result<Self> {
        let store = Store::open(wal, name)?;
        let log = LogStore {
            store,
            config: PhantomData,
        };
        if let Some(purged) = log.saved::<LogId<C::NodeId>>(PURGED)? {
            log.store.finish_purge(purged.index)?;
        }
        Ok(log)
    }
}

impl<C> LogStore<C> {
    fn saved<T: DeserializeOwned>(&self, key: &[u8]) -> io::Result<Option<T>> {
        let value = self.store.property(key)?;
        value.map(|bytes| LAYOUT.decode(&bytes)).transpose()
    }
}

impl<C: RaftTypeConfig> LogStore<C>
where
    C::Entry: Serialize + DeserializeOwned,
{
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        self.store.read(range, max_bytes, |id, bytes| {
            let entry: C::Entry = LAYOUT.decode(bytes)?;
            at_its_index(entry.get_log_id().index, id)?;
            Ok(entry)
        })
    }

    fn state(&self) -> io::Result<LogState<C>> {
        let last_purged_log_id: Option<LogId<C::NodeId>> = self.saved(PURGED)?;
        let ids = self.store.ids()?;
        let last = match ids.is_empty() {
            true => None,
            false => self.read(ids.end - 1..ids.end, usize::MAX)?.pop(),
        };
        let last_log_id = match last {
            Some(entry) => Some(entry.get_log_id().clone()),
            None => last_purged_log_id.clone(),
        };
        Ok(LogState {
            last_purged_log_id,
            last_log_id,
        })
    }

    async fn persist_vote(&self, vote: &Vote<C::NodeId>) -> io::Result<()> {
        let vote = LAYOUT.encode(vote)?;
        let mark = self.store.set_property(VOTE, Some(&vote))?;
        self.store.durable(mark).await
    }

    fn persist_committed(&self, committed: Option<LogId<C::NodeId>>) -> io::Result<()> {
        let committed = committed.map(|id| LAYOUT.encode(&id)).transpose()?;
        let mark = self.store.set_property(COMMITTED, committed.as_deref());
        mark.map(drop)
    }

    async fn append_entries(
        &self,
        entries: impl IntoIterator<Item = C::Entry>,
        flushed: Flushed<impl FnOnce(io::Result<()>) + Send + 'static>,
    ) -> io::Result<()> {
        let entries = entries.into_iter();
        let run = LAYOUT.encode_run(entries.map(|entry| (entry.get_log_id().index, entry)))?;
        match run {
            None => flushed.complete(Ok(())),
            Some(run) if self.store.append_blocks(&run)? => {
                let store = self.store.clone();
                blocking(move || store.append(&run, flushed)).await?;
            }
            Some(run) => self.store.append(&run, flushed)?,
        }
        Ok(())
    }

    async fn purge_up_to(&self, log_id: LogId<C::NodeId>) -> io::Result<()> {
        let purged: Option<LogId<C::NodeId>> = self.saved(PURGED)?;
        if purged.as_ref() >= Some(&log_id) {
            return Ok(());
        }
        let value = LAYOUT.encode(&log_id)?;
        let store = self.store.clone();
        blocking(move || store.purge(log_id.index, &value)).await
    }
}

/// Runs a call that waits for the disk on a blocking thread.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await?
}

impl<C: RaftTypeConfig> RaftLogReader<C> for LogStore<C>
where
    C::Entry: Serialize + DeserializeOwned,
{
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        let entries = self.read(half_open(&range), usize::MAX);
        entries.map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        let entries = self.read(start..end, READ_BYTES);
        entries.map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }
}

impl<C: RaftTypeConfig> RaftLogStorage<C> for LogStore<C>
where
    C::Entry: Serialize + DeserializeOwned,
{
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, StorageError<C::NodeId>> {
        self.state()
            .map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let saved = self.persist_vote(vote).await;
        saved.map_err(|error| StorageIOError::write_vote(AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<C::NodeId>>, StorageError<C::NodeId>> {
        self.saved(VOTE)
            .map_err(|error| StorageIOError::read_vote(AnyError::new(&error)).into())
    }

    async fn save_committed(
        &mut self,
        committed: Option<LogId<C::NodeId>>,
    ) -> Result<(), StorageError<C::NodeId>> {
        self.persist_committed(committed)
            .map_err(|error| StorageIOError::write(AnyError::new(&error)).into())
    }

    async fn read_committed(
        &mut self,
    ) -> Result<Option<LogId<C::NodeId>>, StorageError<C::NodeId>> {
        self.saved(COMMITTED)
            .map_err(|error| StorageIOError::read(AnyError::new(&error)).into())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<C>,
    ) -> Result<(), StorageError<C::NodeId>>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let flushed = Flushed::new(move |result| callback.log_io_completed(result));
        let appended = self.append_entries(entries, flushed).await;
        appended.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
    }

    async fn truncate(&mut self, log_id: LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let store = self.store.clone();
        let cut = blocking(move || store.truncate_suffix(log_id.index)).await;
        cut.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
    }

    async fn purge(&mut self, log_id: LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let purged = self.purge_up_to(log_id).await;
        purged.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
    }
}

impl<C> Clone for LogStore<C> {
    fn clone(&self) -> Self {
        LogStore {
            store: self.store.clone(),
            config: PhantomData,
        }
    }
}

impl<C> Debug for LogStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogStore").field(&self.store).finish()
    }
}
