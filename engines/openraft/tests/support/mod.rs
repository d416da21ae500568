//! A model of what openraft may ask of its log, and random steps on it.
//!
//! Each step changes the model and the log alike. All writes of a log reach the disk in the order of
//! the calls, so after any crash the log must be as the model was after some number of steps: no
//! fewer than were acknowledged, no more than were begun.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io;

use ironwal_openraft::v0_10::LogStore;
use openraft_0_10 as openraft;
use openraft_0_10::EntryPayload;
use openraft_0_10::alias::EntryOf;
use openraft_0_10::alias::LogIdOf;
use openraft_0_10::alias::VoteOf;
use openraft_0_10::entry::RaftEntry;
use openraft_0_10::impls::leader_id_adv::LeaderId;
use openraft_0_10::storage::IOFlushed;
use openraft_0_10::storage::RaftLogReader;
use openraft_0_10::storage::RaftLogStorage;
use openraft_0_10::type_config::TypeConfigExt;

openraft::declare_raft_types!(pub Types);

pub type Log = LogStore<Types>;
pub type LogId = LogIdOf<Types>;
pub type Vote = VoteOf<Types>;

/// What the log holds, as openraft sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub entries: BTreeMap<u64, (LogId, String)>,
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
}

#[derive(Debug, Clone)]
pub enum Step {
    Append(Vec<EntryOf<Types>>),
    SaveVote(Vote),
    SaveCommitted(Option<LogId>),
    TruncateAfter(Option<LogId>),
    Purge(LogId),
}

impl Step {
    /// Whether the step is durable once it is acknowledged.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Step::SaveCommitted(_))
    }
}

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderId { term, node_id: 1 }, index)
}

impl Model {
    fn next(&self) -> u64 {
        let last = self.entries.keys().next_back().copied();
        let purged = self.purged.map(|purged| purged.index);
        last.max(purged).map_or(0, |last| last + 1)
    }

    fn term(&self) -> u64 {
        self.vote.map_or(1, |vote| vote.leader_id.term)
    }

    /// A step that openraft might take, the `number`th of its run.
    pub fn random_step(&self, number: u64, random: &mut Random) -> Step {
        loop {
            if let Some(step) = self.step_of_kind(random.below(10), number, random) {
                return step;
            }
        }
    }

    fn step_of_kind(&self, kind: u64, number: u64, random: &mut Random) -> Option<Step> {
        let held = self
            .entries
            .keys()
            .next()
            .copied()
            .zip(self.entries.keys().next_back().copied());
        Some(match kind {
            0..=4 => {
                let may_begin_anywhere = self.entries.is_empty() && self.purged.is_none();
                let first = match may_begin_anywhere {
                    true => random.below(4),
                    false => self.next(),
                };
                let entries = (first..=first + random.below(4)).map(|index| {
                    let long = "x".repeat(random.below(300) as usize);
                    let data = format!("entry {index} of step {number} {long}");
                    EntryOf::<Types>::new(log_id(self.term(), index), EntryPayload::Normal(data))
                });
                Step::Append(entries.collect())
            }
            5 => Step::SaveVote(Vote::new(
                self.term() + random.below(2),
                1 + random.below(3),
            )),
            6 => {
                let (first, last) = held?;
                let committed = first + random.below(last - first + 1);
                Step::SaveCommitted(Some(self.entries[&committed].0))
            }
            7 | 8 => {
                let (first, last) = held?;
                let kept = first + random.below(last - first + 1);
                Step::TruncateAfter(match kept == first {
                    true => self.purged,
                    false => Some(self.entries[&(kept - 1)].0),
                })
            }
            _ => {
                let (first, last) = held?;
                let purged = first + random.below(last - first + 3);
                let held = self.entries.get(&purged).map(|(id, _)| *id);
                Step::Purge(held.unwrap_or(log_id(self.term(), purged)))
            }
        })
    }

    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Append(entries) => {
                for entry in entries {
                    let held = (entry.log_id, data(entry));
                    self.entries.insert(entry.log_id.index, held);
                }
            }
            Step::SaveVote(vote) => self.vote = Some(*vote),
            Step::SaveCommitted(committed) => self.committed = *committed,
            Step::TruncateAfter(last) => {
                let from = last.map_or(0, |last| last.index + 1);
                self.entries.retain(|&index, _| index < from);
            }
            Step::Purge(purged) => {
                self.purged = Some(*purged);
                self.entries.retain(|&index, _| index > purged.index);
            }
        }
    }

    /// What a log holds.
    pub async fn of(log: &mut Log) -> io::Result<Model> {
        let state = log.get_log_state().await?;
        let entries = log.try_get_log_entries(..).await?;
        let last = entries.last().map(|entry| entry.log_id);
        assert_eq!(state.last_log_id, last.or(state.last_purged_log_id));
        let held = |entry: &EntryOf<Types>| (entry.log_id.index, (entry.log_id, data(entry)));
        Ok(Model {
            entries: entries.iter().map(held).collect(),
            vote: log.read_vote().await?,
            committed: log.read_committed().await?,
            purged: state.last_purged_log_id,
        })
    }
}

fn data(entry: &EntryOf<Types>) -> String {
    match &entry.payload {
        EntryPayload::Normal(data) => data.clone(),
        other => panic!("not an entry of these tests: {other:?}"),
    }
}

/// Takes a step on a log, and waits until it is acknowledged.
pub async fn take(log: &mut Log, step: &Step) -> io::Result<()> {
    match step.clone() {
        Step::Append(entries) => {
            let (tx, rx) = Types::oneshot();
            let appended = log.append(entries, IOFlushed::signal(tx)).await;
            let flushed = rx.await.expect("the callback is completed");
            assert!(appended.is_ok() || flushed.is_err());
            appended.and(flushed)
        }
        Step::SaveVote(vote) => log.save_vote(&vote).await,
        Step::SaveCommitted(committed) => log.save_committed(committed).await,
        Step::TruncateAfter(last) => log.truncate_after(last).await,
        Step::Purge(log_id) => log.purge(log_id).await,
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let mut runtime = runtime;
    runtime.build().expect("a runtime").block_on(future)
}

/// Xorshift: the same seed makes the same steps.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// A number that an environment variable may raise for a longer run.
pub fn rounds(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |given| given.parse().expect("a number"))
}
