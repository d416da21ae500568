//! How is a `Ready` written?
//!
//! | a `Ready` with | ironwal |
//! |---|---|
//! | entries behind the last one | `append_with` at the expected id, the hard state in the same frame |
//! | entries from an index on that is in the log | `replace_suffix`, the hard state in the same step |
//! | a hard state alone | `set_properties` |
//! | a snapshot, perhaps with entries behind it | `reset`, all in one step |
//!
//! All writes of a group go to one stream and reach the disk in their order. So a `Ready` is persisted when
//! everything up to its place is durable, and then all in front of it are: `on_persist_ready` asks for that
//! order. A `Ready` that need not be synced counts as persisted with the last one in front of it that must.

use ironwal::Append;
use ironwal::Durability;
use ironwal::Mark;
use raft::LightReady;
use raft::Ready;
use raft::eraftpb::Entry;
use raft::eraftpb::HardState;
use raft::eraftpb::Snapshot;

use crate::codec::Point;
use crate::codec::encode_entry;
use crate::codec::encode_hard_state;
use crate::codec::invalid;
use crate::storage::Group;
use crate::storage::HARD;
use crate::storage::to_raft;

/// What a [`Ready`] has to persist.
#[derive(Debug, Clone, Copy, Default)]
pub struct Update<'a> {
    /// A snapshot whose data the state machine has stored durably; its metadata takes the place of all
    /// entries.
    pub snapshot: Option<&'a Snapshot>,
    /// Entries whose indexes follow each other. What is in the log from their first index on goes.
    pub entries: &'a [Entry],
    /// The hard state, if it has changed.
    pub hard_state: Option<&'a HardState>,
    /// Whether it must be durable before the `Ready` counts as persisted.
    pub must_sync: bool,
}

impl<'a> Update<'a> {
    /// What the `Ready` has to persist.
    pub fn of(ready: &'a Ready) -> Self {
        Update {
            snapshot: (!ready.snapshot().is_empty()).then(|| ready.snapshot()),
            entries: ready.entries(),
            hard_state: ready.hs(),
            must_sync: ready.must_sync(),
        }
    }
}

impl Group {
    /// Persists the `Ready`: durable on return where it must be. Then messages may be sent, and
    /// `RawNode::advance` and its families called.
    pub fn write(&self, ready: &Ready) -> raft::Result<()> {
        self.write_update(&Update::of(ready))
    }

    /// Persists an update: durable on return where it must be.
    pub fn write_update(&self, update: &Update<'_>) -> raft::Result<()> {
        let durability = match update.must_sync {
            true => Durability::Durable,
            false => Durability::Written,
        };
        self.apply(update, durability).map(drop)
    }

    /// Writes the `Ready` without waiting for the disk, except to cut entries off or to install a snapshot.
    /// Readable on return: `RawNode::advance_append_async` may be called. For a `Ready` with a snapshot use
    /// [`Group::write`] and `RawNode::advance`: raft-rs counts the snapshot as applied at once, and refuses
    /// that before it is persisted.
    ///
    /// `persisted` is called once, with the number of the `Ready`, when it and all in front of it are
    /// durable, or with the error that keeps them from becoming so: hand it to the group's thread, which
    /// calls `on_persist_ready` and sends the persisted messages. It runs on a thread of ironwal, or at once
    /// on this one, must return soon and may read, but not write to a group. If an error is returned it is
    /// not called.
    pub fn write_then(
        &self,
        ready: &Ready,
        persisted: impl FnOnce(u64, raft::Result<()>) + Send + 'static,
    ) -> raft::Result<()> {
        let number = ready.number();
        self.write_update_then(&Update::of(ready), move |result| persisted(number, result))
    }

    /// As [`Group::write_then`], for an update.
    pub fn write_update_then(
        &self,
        update: &Update<'_>,
        persisted: impl FnOnce(raft::Result<()>) + Send + 'static,
    ) -> raft::Result<()> {
        let Some(mark) = self.apply(update, Durability::Written)? else {
            // Nothing that must be durable was ever written.
            persisted(Ok(()));
            return Ok(());
        };
        let stream = &self.shared.stream;
        let complete = |result: ironwal::Result<()>| persisted(result.map_err(to_raft));
        stream.on_durable(mark, complete).map(drop).map_err(to_raft)
    }

    /// Writes the commit index of a `LightReady`, if it has one, without waiting for the disk: after a power
    /// failure it may be an older one, as raft-rs allows.
    pub fn write_commit(&self, light: &LightReady) -> raft::Result<()> {
        let Some(commit) = light.commit_index() else {
            return Ok(());
        };
        let hard = HardState {
            commit,
            ..self.state().hard.clone()
        };
        self.write_update(&Update {
            hard_state: Some(&hard),
            ..Update::default()
        })
    }

    /// Writes an update. Returns the place that must be durable for it to count as persisted.
    fn apply(&self, update: &Update<'_>, durability: Durability) -> raft::Result<Option<Mark>> {
        let _writer = self.writer();
        let written = self.state().hard.clone();
        let hard = update.hard_state.unwrap_or(&written);
        if let Some(snapshot) = update.snapshot {
            let meta = snapshot.get_metadata();
            let start = Point {
                index: meta.index,
                term: meta.term,
            };
            self.restart(start, hard, meta.get_conf_state(), update.entries)?;
            return Ok(self.state().synced);
        }
        let encoded = update.hard_state.map(encode_hard_state);
        let property = encoded.as_ref().map(|hard| (HARD, Some(&hard[..])));
        let properties = property.as_slice();
        let mark = match update.entries.is_empty() {
            false => Some(self.write_entries(update.entries, properties, durability)?),
            true if properties.is_empty() => None,
            true => {
                let set = self.shared.stream.set_properties(properties, durability);
                Some(set.map_err(to_raft)?)
            }
        };
        let mut state = self.state();
        state.hard = hard.clone();
        if update.must_sync && mark.is_some() {
            state.synced = mark;
        }
        Ok(state.synced)
    }

    /// Writes at least one entry; under the writer's lock.
    fn write_entries(
        &self,
        entries: &[Entry],
        properties: &[(&[u8], Option<&[u8]>)],
        durability: Durability,
    ) -> raft::Result<Mark> {
        let first = entries[0].index;
        let (start, next) = {
            let state = self.state();
            (state.start.index + 1, state.next)
        };
        if first < start || first > next {
            return Err(invalid(format!(
                "entries from {first} on do not follow: the log holds those from {start} to {next}"
            )));
        }
        let run = Run::of(first, entries)?;
        let append = Append {
            entries: &run.entries(),
            expected_id: Some(first),
            properties,
            durability,
        };
        let stream = &self.shared.stream;
        let appended = match first == next {
            true => stream.append_with(&append),
            false => stream.replace_suffix(first, &append),
        };
        let appended = appended.map_err(to_raft)?;
        let reads_written = {
            let mut state = self.state();
            state.next = appended.ids.end;
            let terms = entries.iter().map(|entry| entry.term);
            state.terms.replace(first, terms);
            std::mem::replace(&mut state.reads_written, true)
        };
        // Under another mode than `Async` raft-rs would find a hole.
        if !reads_written && stream.get(first).map_err(to_raft)?.is_none() {
            return Err(invalid(
                "the log must be opened with SyncMode::Async; see options()",
            ));
        }
        Ok(appended.mark)
    }
}

/// Encoded entries, in one allocation.
pub(crate) struct Run {
    bytes: Vec<u8>,
    /// Where each entry ends in `bytes`.
    ends: Vec<usize>,
}

impl Run {
    /// The entries, whose indexes must go from `first` on.
    pub(crate) fn of(first: u64, entries: &[Entry]) -> raft::Result<Self> {
        let mut run = Run {
            bytes: Vec::new(),
            ends: Vec::with_capacity(entries.len()),
        };
        for (expected, entry) in (first..).zip(entries) {
            if entry.index != expected {
                return Err(invalid(format!(
                    "an entry with index {} where {expected} belongs",
                    entry.index
                )));
            }
            encode_entry(&mut run.bytes, entry)?;
            run.ends.push(run.bytes.len());
        }
        Ok(run)
    }

    pub(crate) fn entries(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends);
        ranges
            .map(|(start, &end)| &self.bytes[start..end])
            .collect()
    }
}
