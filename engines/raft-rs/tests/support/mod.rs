//! A model of what raft-rs may ask of a group's storage, and random steps on it.
//!
//! Each step changes the model and the group alike. All writes of a group reach the disk in the order of the
//! calls, so after any crash the group must be as the model was after some number of steps: no fewer than
//! were acknowledged as durable, no more than were begun.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use ironwal::Wal;
use ironwal_raft_rs::Group;
use ironwal_raft_rs::Update;
use raft::GetEntriesContext;
use raft::Storage;
use raft::StorageError;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::HardState;
use raft::eraftpb::Snapshot;

/// What a group holds, as raft-rs sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Index and term of the last entry that was compacted.
    pub start: (u64, u64),
    /// Term and data by index.
    pub entries: BTreeMap<u64, (u64, String)>,
    /// Term, vote and commit.
    pub hard: (u64, u64, u64),
    pub voters: Vec<u64>,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Entries and perhaps a hard state, from one `Ready`.
    Write(Vec<Entry>, Option<(u64, u64, u64)>),
    /// A hard state that differs in the commit index only.
    Commit(u64),
    /// A snapshot with its index, term and voters, and entries behind it.
    Install(u64, u64, Vec<u64>, Vec<Entry>),
    Compact(u64),
    SetConf(Vec<u64>),
}

impl Step {
    /// Whether the step is durable once it is acknowledged.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Step::Commit(_))
    }
}

impl Model {
    pub fn next(&self) -> u64 {
        let last = self.entries.keys().next_back().copied();
        last.unwrap_or(self.start.0) + 1
    }

    fn entries(&self, first: u64, number: u64, random: &mut Random) -> Vec<Entry> {
        let term = self.hard.0.max(1);
        let entries = first..=first + random.below(4);
        entries
            .map(|index| {
                let long = "x".repeat(random.below(300) as usize);
                entry(
                    index,
                    term,
                    &format!("entry {index} of step {number} {long}"),
                )
            })
            .collect()
    }

    /// A step that raft-rs might take, the `number`th of its run.
    pub fn random_step(&self, number: u64, random: &mut Random) -> Step {
        let (term, vote, commit) = self.hard;
        let next = self.next();
        let held = next - 1 - self.start.0;
        loop {
            return match random.below(10) {
                0..=3 => {
                    let hard = (random.below(2) == 0).then_some((term.max(1), vote, commit));
                    Step::Write(self.entries(next, number, random), hard)
                }
                4 | 5 if held > 0 => {
                    // A new leader's entries take the place of some.
                    let from = self.start.0 + 1 + random.below(held);
                    let mut model = self.clone();
                    model.hard.0 = term + 1;
                    let hard = (term + 1, 0, commit);
                    Step::Write(model.entries(from, number, random), Some(hard))
                }
                6 => Step::Write(Vec::new(), Some((term + 1, 1 + random.below(3), commit))),
                7 => Step::Commit(commit + 1),
                8 if held > 0 => Step::Compact(self.start.0 + 1 + random.below(held)),
                9 => match random.below(3) {
                    0 => Step::SetConf((1..2 + random.below(4)).collect()),
                    _ => {
                        let index = self.start.0 + 1 + random.below(held + 5);
                        let behind = match random.below(2) {
                            0 => Vec::new(),
                            _ => self.entries(index + 1, number, random),
                        };
                        Step::Install(index, term.max(1), vec![1, 2, 3 + number], behind)
                    }
                },
                _ => continue,
            };
        }
    }

    pub fn apply(&mut self, step: &Step) {
        let mut insert = |entries: &[Entry]| {
            if let Some(first) = entries.first() {
                self.entries.retain(|&index, _| index < first.index);
            }
            for entry in entries {
                self.entries.insert(entry.index, held(entry));
            }
        };
        match step {
            Step::Write(entries, hard) => {
                insert(entries);
                self.hard = hard.unwrap_or(self.hard);
            }
            Step::Commit(commit) => self.hard.2 = *commit,
            Step::Install(index, term, voters, behind) => {
                self.entries.clear();
                self.start = (*index, *term);
                self.hard.2 = self.hard.2.max(*index);
                self.voters = voters.clone();
                for entry in behind {
                    self.entries.insert(entry.index, held(entry));
                }
            }
            Step::Compact(index) => {
                self.start = (*index, self.entries[index].0);
                self.hard.2 = self.hard.2.max(*index);
                self.entries.retain(|held, _| held > index);
            }
            Step::SetConf(voters) => self.voters = voters.clone(),
        }
    }

    /// What a group holds.
    pub fn of(group: &Group) -> raft::Result<Model> {
        let state = group.initial_state()?;
        let (first, last) = (group.first_index()?, group.last_index()?);
        let context = GetEntriesContext::empty(false);
        let entries = match first <= last {
            true => group.entries(first, last + 1, None, context)?,
            false => Vec::new(),
        };
        for entry in &entries {
            assert_eq!(group.term(entry.index)?, entry.term, "{group:?}");
        }
        assert_eq!(
            group.term(last + 1),
            Err(StorageError::Unavailable.into()),
            "{group:?}"
        );
        let hard = state.hard_state;
        Ok(Model {
            start: (first - 1, group.term(first - 1)?),
            entries: entries.iter().map(|e| (e.index, held(e))).collect(),
            hard: (hard.term, hard.vote, hard.commit),
            voters: state.conf_state.voters,
        })
    }
}

fn held(entry: &Entry) -> (u64, String) {
    let data = String::from_utf8(entry.data.to_vec());
    (entry.term, data.expect("text"))
}

pub fn entry(index: u64, term: u64, data: &str) -> Entry {
    Entry {
        index,
        term,
        data: data.as_bytes().to_vec().into(),
        ..Entry::default()
    }
}

pub fn hard_state((term, vote, commit): (u64, u64, u64)) -> HardState {
    HardState {
        term,
        vote,
        commit,
        ..HardState::default()
    }
}

pub fn snapshot(index: u64, term: u64, voters: &[u64]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let meta = snapshot.mut_metadata();
    meta.index = index;
    meta.term = term;
    meta.set_conf_state(ConfState::from((voters.to_vec(), vec![])));
    snapshot
}

/// Takes a step on a group, and waits until it is acknowledged. Every other one waits for a callback.
pub fn take(group: &Group, step: &Step, number: u64) -> raft::Result<()> {
    let write = |update: &Update| match number % 2 {
        0 => group.write_update(update),
        _ => {
            let (tx, rx) = mpsc::channel();
            group.write_update_then(update, move |result| tx.send(result).expect("waits"))?;
            rx.recv_timeout(Duration::from_secs(30)).expect("called")
        }
    };
    match step {
        Step::Write(entries, hard) => write(&Update {
            entries,
            hard_state: hard.map(hard_state).as_ref(),
            must_sync: true,
            ..Update::default()
        }),
        Step::Commit(commit) => {
            let hard = HardState {
                commit: *commit,
                ..group.initial_state()?.hard_state
            };
            group.write_update(&Update {
                hard_state: Some(&hard),
                ..Update::default()
            })
        }
        Step::Install(index, term, voters, behind) => write(&Update {
            snapshot: Some(&snapshot(*index, *term, voters)),
            entries: behind,
            must_sync: true,
            ..Update::default()
        }),
        Step::Compact(index) => group.compact(*index),
        Step::SetConf(voters) => group.set_conf_state(&ConfState::from((voters.clone(), vec![]))),
    }
}

/// The group `name`, whose state machine makes no snapshots.
pub fn group(wal: &Wal, name: &str) -> raft::Result<Group> {
    Group::open(wal, name, |_, _| {
        Err(StorageError::SnapshotTemporarilyUnavailable.into())
    })
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
