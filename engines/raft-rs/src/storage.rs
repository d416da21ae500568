//! How does a group of raft-rs live in a stream of ironwal?
//!
//! | raft-rs | ironwal |
//! |---|---|
//! | index of an entry | id of an entry |
//! | hard state, configuration | properties `hard`, `conf` |
//! | the last entry compacted | property `start`: its index and term |
//! | compaction | `start`, then `truncate_prefix` |
//! | installation of a snapshot | `reset` behind it, with `start`, `conf` and `hard`, in one step |
//!
//! Compaction takes two steps, and a crash may come between them:
//! 1. The property `start` is written, not synced, and a commit index that is at least as great.
//! 2. `truncate_prefix` makes everything written so far durable, the property included, and only then hides
//!    entries. It is durable on return.
//!
//! A crash before 2 leaves the entries, and the old property or the new one. Opening repeats step 2 for
//! the property found. No crash leaves entries hidden without the property that explains it.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use ironwal::Append;
use ironwal::CorruptionPolicy;
use ironwal::Durability;
use ironwal::Mark;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use raft::GetEntriesContext;
use raft::RaftState;
use raft::Storage;
use raft::StorageError;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::HardState;
use raft::eraftpb::Snapshot;

use crate::codec::Point;
use crate::codec::decode_conf_state;
use crate::codec::decode_entry;
use crate::codec::decode_hard_state;
use crate::codec::decode_point;
use crate::codec::decode_term;
use crate::codec::encode_conf_state;
use crate::codec::encode_hard_state;
use crate::codec::encode_point;
use crate::codec::invalid;
use crate::terms::Terms;

/// The hard state that was written last.
pub(crate) const HARD: &[u8] = b"hard";
/// The configuration as of the entries that were applied.
pub(crate) const CONF: &[u8] = b"conf";
/// The last entry that was compacted, or that a snapshot took the place of.
pub(crate) const START: &[u8] = b"start";

/// The options of a log that groups live in, at `path`.
///
/// Appends do not wait for the disk by themselves (`SyncMode::Async`): each write says how durable it is.
/// A damaged log is not opened (`CorruptionPolicy::Error`): a node that lost durable entries must not vote
/// as if it had them. All other options may be changed.
pub fn options(path: impl Into<std::path::PathBuf>) -> WalOptions {
    WalOptions {
        sync_mode: SyncMode::Async,
        on_corruption: CorruptionPolicy::Error,
        ..WalOptions::new(path)
    }
}

/// Makes a snapshot of the state machine: at least up to the first number, for the peer with the second.
type Snapshots = dyn Fn(u64, u64) -> raft::Result<Snapshot> + Send + Sync;

/// The storage of one group: a stream of a [`Wal`]. Clones are the same storage.
///
/// One thread writes: the one that runs the group's `RawNode`. Any thread may read and compact.
#[derive(Clone)]
pub struct Group {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) stream: Stream,
    snapshots: Box<Snapshots>,
    /// Held by each write, for as long as the disk takes.
    writer: Mutex<()>,
    /// Changes behind a write that succeeded, at once. No call to the disk is made under it, so a callback may
    /// read while a write waits.
    state: Mutex<State>,
}

/// What a look at the disk would show, kept in memory.
pub(crate) struct State {
    pub(crate) start: Point,
    pub(crate) terms: Terms,
    /// The index that the next entry gets.
    pub(crate) next: u64,
    pub(crate) hard: HardState,
    /// The place of the last write that must be durable before a later one counts as persisted.
    pub(crate) synced: Option<Mark>,
    /// An append was seen to be readable when it returned.
    pub(crate) reads_written: bool,
}

impl Group {
    /// Opens the group `name`, which need not exist yet.
    ///
    /// `snapshots` makes snapshots of the state machine, as [`Storage::snapshot`] asks for them. The data of
    /// a snapshot is the state machine's; this storage keeps only its index, term and configuration.
    pub fn open(
        wal: &Wal,
        name: &str,
        snapshots: impl Fn(u64, u64) -> raft::Result<Snapshot> + Send + Sync + 'static,
    ) -> raft::Result<Self> {
        let stream = wal.stream(name).map_err(to_raft)?;
        let property = |key: &[u8]| stream.property(key).map_err(to_raft);
        let start = property(START)?.map(|bytes| decode_point(&bytes));
        let start = start.transpose()?.unwrap_or_default();
        let hard = property(HARD)?.map(|bytes| decode_hard_state(&bytes));
        let hard = hard.transpose()?.unwrap_or_default();
        let first = stream.first_id().map_err(to_raft)?;
        let next = stream.next_id().map_err(to_raft)?;
        let wanted = start.index + 1;
        if wanted > next {
            // A new stream begins at 0. All else is reset together with its `start`.
            if next > 0 {
                return Err(invalid(format!(
                    "the entries end at {next}, but {start:?} was compacted"
                )));
            }
            stream.reset_to(wanted).map_err(to_raft)?;
        } else if wanted > first {
            // Step 2 of a compaction that a crash interrupted.
            stream.truncate_prefix(wanted).map_err(to_raft)?;
        }
        let first = stream.first_id().map_err(to_raft)?;
        let next = stream.next_id().map_err(to_raft)?;
        if first != wanted {
            return Err(invalid(format!(
                "the entries begin at {first}, but {start:?} was compacted"
            )));
        }
        let terms = Terms::search(first, next, |index| {
            let entry = stream.get(index).map_err(to_raft)?;
            decode_term(&entry.ok_or_else(|| invalid(format!("entry {index} is missing")))?)
        })?;
        Ok(Group {
            shared: Arc::new(Shared {
                stream,
                snapshots: Box::new(snapshots),
                writer: Mutex::new(()),
                state: Mutex::new(State {
                    start,
                    terms,
                    next,
                    hard,
                    synced: None,
                    reads_written: false,
                }),
            }),
        })
    }

    /// Whether nothing was ever stored in the group.
    pub fn is_new(&self) -> raft::Result<bool> {
        let has_conf = self.conf_state()?.is_some();
        let state = self.state();
        let is_empty = state.next == 1 && state.start == Point::default();
        Ok(is_empty && state.hard == HardState::default() && !has_conf)
    }

    /// Stores the first configuration of a new group, on each of its first members: raft-rs begins behind an
    /// entry with index 1 and term 1 that all of them count as committed. Durable on return.
    pub fn bootstrap(&self, conf: &ConfState) -> raft::Result<()> {
        let _writer = self.writer();
        if !self.is_new()? {
            return Err(invalid("the group has a state already"));
        }
        let start = Point { index: 1, term: 1 };
        let hard = HardState {
            term: 1,
            commit: 1,
            ..HardState::default()
        };
        self.restart(start, &hard, conf, &[])
    }

    /// Stores the configuration that `apply_conf_change` has returned. Durable on return.
    ///
    /// The state machine must not count the entry as applied before: raft-rs would apply no change to it
    /// again after a crash.
    pub fn set_conf_state(&self, conf: &ConfState) -> raft::Result<()> {
        let bytes = encode_conf_state(conf);
        let set = self
            .shared
            .stream
            .set_properties(&[(CONF, Some(&bytes))], Durability::Durable);
        set.map(drop).map_err(to_raft)
    }

    fn conf_state(&self) -> raft::Result<Option<ConfState>> {
        let bytes = self.shared.stream.property(CONF).map_err(to_raft)?;
        bytes.map(|bytes| decode_conf_state(&bytes)).transpose()
    }

    /// Removes the entries up to `index`, which must be in the log, or compacted already. They must be applied,
    /// and in a snapshot that the state machine has made. Durable on return.
    pub fn compact(&self, index: u64) -> raft::Result<()> {
        let _writer = self.writer();
        let start = match self.term(index) {
            Err(raft::Error::Store(StorageError::Compacted)) => return Ok(()),
            term => Point { index, term: term? },
        };
        if start == self.state().start {
            return Ok(());
        }
        // raft-rs need not have written the commit index, and begins at no older one than `start`.
        let hard = committed(&self.state().hard, index);
        let properties = [
            (START, Some(&encode_point(start)[..])),
            (HARD, Some(&encode_hard_state(&hard)[..])),
        ];
        let stream = &self.shared.stream;
        stream
            .set_properties(&properties, Durability::Written)
            .map_err(to_raft)?;
        stream.truncate_prefix(index + 1).map_err(to_raft)?;
        let mut state = self.state();
        state.start = start;
        state.hard = hard;
        state.terms.compact(index + 1);
        Ok(())
    }

    /// Replaces all entries by these, behind a snapshot whose data the state machine has stored. One step,
    /// durable on return. Under the writer's lock.
    pub(crate) fn restart(
        &self,
        start: Point,
        hard: &HardState,
        conf: &ConfState,
        entries: &[Entry],
    ) -> raft::Result<()> {
        let first = start.index + 1;
        let run = crate::ready::Run::of(first, entries)?;
        let hard = committed(hard, start.index);
        let append = Append {
            entries: &run.entries(),
            properties: &[
                (START, Some(&encode_point(start))),
                (HARD, Some(&encode_hard_state(&hard))),
                (CONF, Some(&encode_conf_state(conf))),
            ],
            ..Append::default()
        };
        let stream = &self.shared.stream;
        let appended = stream.reset(first, &append).map_err(to_raft)?;
        let mut state = self.state();
        state.start = start;
        state.hard = hard;
        state.next = appended.ids.end;
        state.terms = Terms::default();
        state
            .terms
            .replace(first, entries.iter().map(|entry| entry.term));
        state.synced = Some(appended.mark);
        Ok(())
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, ()> {
        // Guards no data: nothing is inconsistent after a panic.
        let writer = self.shared.writer.lock();
        writer.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hard state with a commit index of at least `index`.
fn committed(hard: &HardState, index: u64) -> HardState {
    HardState {
        commit: hard.commit.max(index),
        ..hard.clone()
    }
}

impl Storage for Group {
    fn initial_state(&self) -> raft::Result<RaftState> {
        let conf = self.conf_state()?.unwrap_or_default();
        Ok(RaftState::new(self.state().hard.clone(), conf))
    }

    /// Never asks to be called again later: entries that are not cached block the caller for as long as the
    /// disk takes.
    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let next = self.state().next;
        if high > next {
            return Err(StorageError::Unavailable.into());
        }
        let mut left = max_size.into().unwrap_or(u64::MAX);
        let mut entries = Vec::new();
        self.refuse_compacted(low)?;
        let stream = &self.shared.stream;
        let mut iterator = stream.iter_with_ids(low).map_err(to_raft)?;
        for index in low..high {
            let entry = match iterator.next_entry() {
                Some(Ok((id, bytes))) if id == index => {
                    let size = bytes.len() as u64;
                    if size > left && !entries.is_empty() {
                        break;
                    }
                    left = left.saturating_sub(size);
                    decode_entry(index, bytes)?
                }
                // The reason may be a compaction meanwhile.
                Some(Ok(_)) | None => {
                    self.refuse_compacted(low)?;
                    return Err(invalid(format!("entry {index} is missing")));
                }
                Some(Err(error)) => {
                    self.refuse_compacted(low)?;
                    return Err(to_raft(error));
                }
            };
            entries.push(entry);
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        let state = self.state();
        if index == state.start.index {
            return Ok(state.start.term);
        }
        if index < state.start.index {
            return Err(StorageError::Compacted.into());
        }
        let term = (index < state.next).then(|| state.terms.at(index));
        term.flatten()
            .ok_or_else(|| StorageError::Unavailable.into())
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.state().start.index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.state().next - 1)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        (self.shared.snapshots)(request_index, to)
    }
}

impl Group {
    /// The stream is asked too: a compaction that is under way has hidden entries before `start` follows.
    fn refuse_compacted(&self, index: u64) -> raft::Result<()> {
        let is_compacted = index <= self.state().start.index
            || index < self.shared.stream.first_id().map_err(to_raft)?;
        match is_compacted {
            true => Err(StorageError::Compacted.into()),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Group")
            .field("stream", &self.shared.stream.key())
            .field("start", &state.start)
            .field("next", &state.next)
            .field("hard", &state.hard)
            .finish()
    }
}

/// Keeps the text of an error, with its advice.
pub fn to_raft(error: ironwal::Error) -> raft::Error {
    StorageError::Other(Box::new(error)).into()
}
