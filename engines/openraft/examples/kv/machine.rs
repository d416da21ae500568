//! What does the replicated state consist of, and how does it survive a restart?
//!
//! The state is in memory. A snapshot is a file, durable before openraft learns of it, and so before
//! any entry that it holds is purged: it is written and synced under another name, renamed, and its
//! directory synced. A crash before the rename leaves the old snapshot. Entries behind the snapshot
//! are applied again from the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use futures_util::Stream;
use futures_util::TryStreamExt;
use openraft_0_10::EntryPayload;
use openraft_0_10::OptionalSend;
use openraft_0_10::storage::EntryResponder;
use openraft_0_10::storage::RaftSnapshotBuilder;
use openraft_0_10::storage::RaftStateMachine;
use serde::Deserialize;
use serde::Serialize;

use crate::types::Entry;
use crate::types::LogId;
use crate::types::Membership;
use crate::types::Snapshot;
use crate::types::SnapshotMeta;
use crate::types::Types;
use crate::types::WriteId;

/// Everything that entries change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    applied: Option<LogId>,
    membership: Membership,
    values: BTreeMap<u32, WriteId>,
    /// The numbers of the writes applied, by writer, as ranges: first number and the one behind the
    /// last. So a lost write is found even if another has replaced its value.
    writes: BTreeMap<u32, BTreeMap<u64, u64>>,
    /// Over all entries applied, in order.
    history: u64,
}

/// What nodes with the same state agree on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Digests {
    /// Index of the last entry applied.
    pub applied: Option<u64>,
    /// Over all entries since the first, in order.
    pub history: u64,
    pub values: BTreeMap<u32, WriteId>,
    pub writes: BTreeMap<u32, BTreeMap<u64, u64>>,
}

impl State {
    fn apply(&mut self, entry: &Entry) {
        self.history = digest(self.history, entry);
        self.applied = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(set) => {
                self.values.insert(set.key, set.value);
                let writes = self.writes.entry(set.value.writer).or_default();
                insert(writes, set.value.number);
            }
            EntryPayload::Membership(membership) => {
                self.membership = Membership::new(Some(entry.log_id), membership.clone());
            }
        }
    }
}

/// Adds a number to a set of ranges. Writers count up, so it nearly always extends the last range.
fn insert(ranges: &mut BTreeMap<u64, u64>, number: u64) {
    let before = ranges.range(..=number).next_back();
    let start = match before {
        Some((_, &end)) if number < end => return,
        Some((&start, &end)) if number == end => start,
        _ => number,
    };
    let end = ranges.remove(&(number + 1)).unwrap_or(number + 1);
    ranges.insert(start, end);
}

/// Whether a set of ranges holds the number.
pub fn holds(ranges: &BTreeMap<u64, u64>, number: u64) -> bool {
    let before = ranges.range(..=number).next_back();
    before.is_some_and(|(_, &end)| number < end)
}

/// The digest of a sequence of entries: that of all but the last, and the last.
pub fn digest(before: u64, entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    before.hash(&mut hasher);
    let bytes = postcard::to_stdvec(entry).expect("entries can be encoded");
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The state machine of one node. Clones share it.
#[derive(Debug, Clone)]
pub struct Machine {
    state: Arc<Mutex<State>>,
    /// The directory of the snapshot.
    dir: PathBuf,
    /// How far the stored snapshot goes. Held while one is stored: a snapshot that took long to
    /// build must not replace a newer one that was installed meanwhile.
    saved: Arc<Mutex<Option<LogId>>>,
}

impl Machine {
    /// The state of the last snapshot, or an empty one.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let machine = Machine {
            state: Arc::default(),
            dir: dir.to_owned(),
            saved: Arc::default(),
        };
        if let Some((meta, state)) = machine.load()? {
            *machine.lock() = decode(&state)?;
            *lock(&machine.saved) = meta.last_log_id;
        }
        Ok(machine)
    }

    /// The value of a key in the state as it is now.
    pub fn get(&self, key: u32) -> Option<WriteId> {
        self.lock().values.get(&key).copied()
    }

    pub fn digests(&self) -> Digests {
        let state = self.lock();
        Digests {
            applied: state.applied.map(|id| id.index),
            history: state.history,
            values: state.values.clone(),
            writes: state.writes.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Stores a snapshot durably in the place of the one before, unless that goes further.
    fn save(&self, meta: &SnapshotMeta, state: &[u8]) -> io::Result<()> {
        let mut saved = lock(&self.saved);
        if meta.last_log_id < *saved {
            return Ok(());
        }
        let bytes = postcard::to_stdvec(&(meta, state)).map_err(io::Error::other)?;
        let new = self.dir.join("snapshot.new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, self.dir.join("snapshot"))?;
        File::open(&self.dir)?.sync_all()?;
        *saved = meta.last_log_id;
        Ok(())
    }

    fn load(&self) -> io::Result<Option<(SnapshotMeta, Vec<u8>)>> {
        match std::fs::read(self.dir.join("snapshot")) {
            Ok(bytes) => Ok(Some(decode(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let state = self.lock().clone();
        let meta = SnapshotMeta {
            last_log_id: state.applied,
            last_membership: state.membership.clone(),
        };
        let machine = self.clone();
        let saved = tokio::task::spawn_blocking(move || {
            let snapshot = postcard::to_stdvec(&state).map_err(io::Error::other)?;
            machine.save(&meta, &snapshot)?;
            Ok(Snapshot { meta, snapshot })
        });
        saved.await?
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        let state = self.lock();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.lock().apply(&entry);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Vec<u8>,
    ) -> Result<(), io::Error> {
        let state: State = decode(&snapshot)?;
        let (machine, meta) = (self.clone(), meta.clone());
        tokio::task::spawn_blocking(move || machine.save(&meta, &snapshot)).await??;
        *self.lock() = state;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let loaded = self.load()?;
        Ok(loaded.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_numbers_holds_what_was_added_and_joins_its_ranges() {
        let mut ranges = BTreeMap::new();
        for number in [0, 1, 2, 7, 5, 6, 5, 1] {
            insert(&mut ranges, number);
        }
        assert_eq!(ranges, BTreeMap::from([(0, 3), (5, 8)]));
        let held: Vec<u64> = (0..10).filter(|&number| holds(&ranges, number)).collect();
        assert_eq!(held, [0, 1, 2, 5, 6, 7]);
    }
}
