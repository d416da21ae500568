//! How are the storage traits of openraft 0.10 served?
//!
//! [`LogStore`] is the `RaftLogStorage` and its own `RaftLogReader`; clones share one log. Removals
//! (`truncate_after`, `purge`) and an append to an empty log that begins behind its end wait for the
//! disk on a blocking thread of the runtime; everything else returns from the page cache.

use std::fmt;
use std::fmt::Debug;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::ops::RangeBounds;

use futures_util::Stream;
use futures_util::stream;
use ironwal::Wal;

use openraft_0_10::OptionalSend;
use openraft_0_10::RaftTypeConfig;
use openraft_0_10::alias::LeaderIdOf;
use openraft_0_10::alias::LogIdOf;
use openraft_0_10::alias::VoteOf;
use openraft_0_10::entry::RaftEntry;
use openraft_0_10::errors::LeaderChanged;
use openraft_0_10::storage::IOFlushed;
use openraft_0_10::storage::LeaderBoundedStreamError;
use openraft_0_10::storage::LeaderBoundedStreamResult;
use openraft_0_10::storage::LogState;
use openraft_0_10::storage::RaftLogReader;
use openraft_0_10::storage::RaftLogStorage;
use openraft_0_10::type_config::TypeConfigExt;
use openraft_0_10::vote::RaftVote;
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

/// Values written under 0.10.
const LAYOUT: Layout = Layout(0x10);

/// The log of one group, for `Raft::new`.
///
/// An entry is readable when `append` returns, and durable when its callback is called: by a thread
/// of ironwal, once, with the error if the disk failed. The vote is durable when `save_vote`
/// returns. `save_committed` is in the kernel on return: it survives the death of the process, and
/// after a power failure an older value may be found, never one ahead of the entries. Removals are
/// durable on return.
///
/// After an error of the disk the log refuses appends until it is opened again.
pub struct LogStore<C> {
    store: Store,
    config: PhantomData<fn() -> C>,
}

impl<C: RaftTypeConfig> LogStore<C>
where
    LogIdOf<C>: Serialize + DeserializeOwned,
{
    /// Opens the log of the group `name`, which need not exist yet, and finishes a purge that a
    /// crash interrupted. The `wal` must have been opened with [`crate::options`], and nothing else
    /// may write to its stream `name`. Blocks on the disk.
    pub fn open(wal: &Wal, name: &str) -> io::Result<Self> {
        let store = Store::open(wal, name)?;
        let log = LogStore {
            store,
            config: PhantomData,
        };
        if let Some(purged) = log.saved::<LogIdOf<C>>(PURGED)? {
            log.store.finish_purge(purged.index())?;
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
    LogIdOf<C>: Serialize + DeserializeOwned,
    VoteOf<C>: Serialize + DeserializeOwned,
{
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        self.store.read(range, max_bytes, |id, bytes| {
            let entry: C::Entry = LAYOUT.decode(bytes)?;
            at_its_index(entry.index(), id)?;
            Ok(entry)
        })
    }

    /// The vote if it is no longer the established one of `leader`.
    fn changed_vote(&self, leader: &LeaderIdOf<C>) -> io::Result<Option<Option<VoteOf<C>>>> {
        let vote: Option<VoteOf<C>> = self.saved(VOTE)?;
        let is_same = |vote: &VoteOf<C>| vote.leader_id() == leader && vote.is_committed();
        Ok((!vote.as_ref().is_some_and(is_same)).then_some(vote))
    }

    /// The next entries of `range` under `leader`. The vote is looked at after reading: the entries
    /// of an established leader are not cut before another vote was saved, so what was read while
    /// the vote is the same belongs together.
    fn read_under(
        &self,
        leader: &LeaderIdOf<C>,
        range: Range<u64>,
    ) -> Result<Vec<C::Entry>, LeaderBoundedStreamError<C>> {
        let entries = self.read(range, READ_BYTES)?;
        match self.changed_vote(leader)? {
            None => Ok(entries),
            Some(vote) => Err(LeaderChanged::new(leader.clone(), vote).into()),
        }
    }
}

impl<C: RaftTypeConfig> RaftLogReader<C> for LogStore<C>
where
    C::Entry: Serialize + DeserializeOwned,
    LogIdOf<C>: Serialize + DeserializeOwned,
    VoteOf<C>: Serialize + DeserializeOwned,
{
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, io::Error> {
        self.read(half_open(&range), usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, io::Error> {
        self.read(start..end, READ_BYTES)
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        self.saved(VOTE)
    }

    /// Reads by steps of about 1 MiB, so a follower far behind costs little memory.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let log = self.clone();
        by_steps(half_open(&range), move |range| log.read(range, READ_BYTES))
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderIdOf<C>,
        range: RB,
    ) -> impl Stream<Item = LeaderBoundedStreamResult<C>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let log = self.clone();
        by_steps(half_open(&range), move |range| {
            log.read_under(&leader, range)
        })
    }
}

/// The entries of `range`, read step by step. Ends at an error, or where a step reads nothing.
///
/// Entries may be missing in front of the first step, if they were purged. What is purged between
/// two steps is an error: the reader would skip entries without noticing.
fn by_steps<T: RaftEntry, E: From<io::Error>>(
    range: Range<u64>,
    mut read: impl FnMut(Range<u64>) -> Result<Vec<T>, E>,
) -> impl Stream<Item = Result<T, E>> {
    let mut next_step = Some(range.clone());
    let steps = std::iter::from_fn(move || {
        let step = next_step.take()?;
        let entries = match read(step.clone()) {
            Ok(entries) => entries,
            Err(error) => return Some(Err(error)),
        };
        let first = entries.first()?.index();
        if step.start != range.start
            && let Err(hole) = at_its_index(first, step.start)
        {
            return Some(Err(hole.into()));
        }
        let next = first + entries.len() as u64;
        next_step = (next < step.end).then_some(next..step.end);
        Some(Ok(entries))
    });
    stream::iter(steps.flat_map(|step| match step {
        Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    }))
}

impl<C: RaftTypeConfig> RaftLogStorage<C> for LogStore<C>
where
    C::Entry: Serialize + DeserializeOwned,
    LogIdOf<C>: Serialize + DeserializeOwned,
    VoteOf<C>: Serialize + DeserializeOwned,
{
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let last_purged_log_id: Option<LogIdOf<C>> = self.saved(PURGED)?;
        let ids = self.store.ids()?;
        let last = match ids.is_empty() {
            true => None,
            false => self.read(ids.end - 1..ids.end, usize::MAX)?.pop(),
        };
        let last_log_id = match last {
            Some(entry) => Some(entry.log_id()),
            None => last_purged_log_id.clone(),
        };
        Ok(LogState {
            last_purged_log_id,
            last_log_id,
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        let vote = LAYOUT.encode(vote)?;
        let mark = self.store.set_property(VOTE, Some(&vote))?;
        self.store.durable(mark).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        let committed = committed.map(|id| LAYOUT.encode(&id)).transpose()?;
        self.store
            .set_property(COMMITTED, committed.as_deref())
            .map(drop)
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        self.saved(COMMITTED)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let flushed = Flushed::new(move |result| callback.io_completed(result));
        let entries = entries.into_iter().map(|entry| (entry.index(), entry));
        match LAYOUT.encode_run(entries)? {
            None => flushed.complete(Ok(())),
            Some(run) if self.store.append_blocks(&run)? => {
                let store = self.store.clone();
                C::spawn_blocking(move || store.append(&run, flushed)).await??;
            }
            Some(run) => self.store.append(&run, flushed)?,
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        let store = self.store.clone();
        C::spawn_blocking(move || match last_log_id {
            Some(last) => store.truncate_suffix(last.index().saturating_add(1)),
            None => store.truncate_suffix(store.ids()?.start),
        })
        .await?
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        let purged: Option<LogIdOf<C>> = self.saved(PURGED)?;
        if purged.as_ref() >= Some(&log_id) {
            return Ok(());
        }
        let value = LAYOUT.encode(&log_id)?;
        let store = self.store.clone();
        C::spawn_blocking(move || store.purge(log_id.index(), &value)).await?
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
