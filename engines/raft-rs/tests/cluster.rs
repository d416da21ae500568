//! Do three nodes agree on what they have applied, while messages are lost, nodes are cut off, and the power
//! of nodes is cut?
//!
//! The nodes run in one thread and exchange messages over queues. Each has its log on a simulated disk, which
//! after a power cut holds what was synced and some choice of the rest. An entry that one node has applied
//! is committed: no node may ever apply another one at its index, and in the end each node must have
//! applied all. `CLUSTER_ROUNDS` sets how many clusters there are.

mod support;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;

use ironwal::Wal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal_raft_rs::Group;
use raft::Config;
use raft::RawNode;
use raft::SnapshotStatus;
use raft::StateRole;
use raft::Storage;
use raft::StorageError;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;
use raft::eraftpb::Snapshot;
use support::Random;
use support::rounds;
use support::snapshot;

const NODES: u64 = 3;
const TURNS: u64 = 3_000;
/// A node with more entries than this makes a snapshot, and keeps the last few.
const KEPT: u64 = 40;

/// The snapshots of a state machine, by index: what a node has beside its log, and keeps when the power is
/// cut. Data is the number of values, and their sum.
type Snapshots = Arc<Mutex<BTreeMap<u64, Snapshot>>>;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Machine {
    applied: u64,
    values: u64,
    sum: u64,
}

impl Machine {
    fn of(snapshot: &Snapshot) -> Self {
        let numbers = snapshot.data.chunks_exact(8);
        let mut numbers = numbers.map(|n| u64::from_le_bytes(n.try_into().unwrap()));
        Machine {
            applied: snapshot.get_metadata().index,
            values: numbers.next().unwrap(),
            sum: numbers.next().unwrap(),
        }
    }

    fn snapshot(self, term: u64) -> Snapshot {
        let mut made = snapshot(self.applied, term, &[1, 2, 3]);
        let numbers = [self.values, self.sum].map(u64::to_le_bytes);
        made.data = numbers.concat().into();
        made
    }
}

struct Node {
    id: u64,
    disk: SimulatedDisk,
    snapshots: Snapshots,
    _wal: Wal,
    group: Group,
    raft: RawNode<Group>,
    machine: Machine,
    /// Numbers of persisted `Ready`s, and whether that succeeded.
    done: mpsc::Sender<(u64, bool)>,
    persisted: mpsc::Receiver<(u64, bool)>,
    /// Messages that wait until their `Ready` is persisted, with its number.
    waiting: VecDeque<(u64, Vec<Message>)>,
}

impl Node {
    fn start(id: u64, disk: SimulatedDisk, snapshots: Snapshots) -> Self {
        let mut options = ironwal_raft_rs::options("/raft");
        options.max_segment_size = 4_000;
        let wal = Wal::open_simulated(&disk, options).unwrap();
        let newest = snapshots.clone();
        let group = Group::open(&wal, "group", move |request, _to| {
            let all = newest.lock().unwrap();
            let newest = all
                .values()
                .next_back()
                .filter(|newest| newest.get_metadata().index >= request);
            let none = || StorageError::SnapshotTemporarilyUnavailable.into();
            newest.cloned().ok_or_else(none)
        })
        .unwrap();
        if group.is_new().unwrap() {
            let all: Vec<u64> = (1..=NODES).collect();
            group.bootstrap(&ConfState::from((all, vec![]))).unwrap();
        }
        // The snapshot that the log goes with: one that was being installed may be newer.
        let commit = group.initial_state().unwrap().hard_state.commit;
        let machine = {
            let all = snapshots.lock().unwrap();
            let last = all.range(..=commit).next_back();
            last.map_or(
                Machine {
                    applied: 1,
                    ..Machine::default()
                },
                |(_, last)| Machine::of(last),
            )
        };
        let config = Config {
            id,
            election_tick: 10,
            heartbeat_tick: 2,
            applied: machine.applied,
            max_size_per_msg: 2_000,
            max_inflight_msgs: 16,
            check_quorum: true,
            pre_vote: id == 2,
            ..Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let raft = RawNode::new(&config, group.clone(), &logger).unwrap();
        let (done, persisted) = mpsc::channel();
        Node {
            id,
            disk,
            snapshots,
            _wal: wal,
            group,
            raft,
            machine,
            done,
            persisted,
            waiting: VecDeque::new(),
        }
    }

    /// Cuts the power, and starts the node on what is left.
    fn cut_power(self, choice: u64) -> Self {
        let left = self.disk.crash(choice, DirectoryModel::Strict);
        Node::start(self.id, left, self.snapshots.clone())
    }

    /// Does what there is to do without waiting.
    fn work(&mut self, cluster: &mut Cluster) {
        while let Ok((number, ok)) = self.persisted.try_recv() {
            assert!(ok);
            self.raft.on_persist_ready(number);
            while self
                .waiting
                .front()
                .is_some_and(|&(first, _)| first <= number)
            {
                let (_, messages) = self.waiting.pop_front().unwrap();
                self.send(messages, cluster);
            }
        }
        // One node waits for the disk, the others do not.
        while self.raft.has_ready() {
            let mut ready = self.raft.ready();
            self.send(ready.take_messages(), cluster);
            let has_snapshot = !ready.snapshot().is_empty();
            if has_snapshot {
                // The data first; then the log begins behind it.
                let installed = ready.snapshot().clone();
                self.machine = Machine::of(&installed);
                let index = installed.get_metadata().index;
                self.snapshots.lock().unwrap().insert(index, installed);
                cluster.installed += 1;
            }
            let held_back = ready.take_persisted_messages();
            if self.id == 1 || has_snapshot {
                self.group.write(&ready).unwrap();
                self.send(held_back, cluster);
                self.apply(ready.take_committed_entries(), cluster);
                let mut light = self.raft.advance(ready);
                self.group.write_commit(&light).unwrap();
                self.send(light.take_messages(), cluster);
                self.apply(light.take_committed_entries(), cluster);
            } else {
                self.waiting.push_back((ready.number(), held_back));
                let done = self.done.clone();
                self.group
                    .write_then(&ready, move |number, result| {
                        // The node may have lost its power since.
                        let _gone = done.send((number, result.is_ok()));
                    })
                    .unwrap();
                self.apply(ready.take_committed_entries(), cluster);
                self.raft.advance_append_async(ready);
            }
            self.raft.advance_apply();
        }
        let first = self.group.first_index().unwrap();
        if self.machine.applied > first + KEPT {
            let term = self.group.term(self.machine.applied).unwrap();
            let made = self.machine.snapshot(term);
            self.snapshots
                .lock()
                .unwrap()
                .insert(self.machine.applied, made);
            self.group.compact(self.machine.applied - KEPT / 4).unwrap();
            cluster.compacted += 1;
        }
    }

    fn send(&mut self, messages: Vec<Message>, cluster: &mut Cluster) {
        for message in messages {
            if message.get_msg_type() == MessageType::MsgSnapshot {
                self.raft
                    .report_snapshot(message.to, SnapshotStatus::Finish);
            }
            cluster.messages.push(message);
        }
    }

    fn apply(&mut self, entries: Vec<Entry>, cluster: &mut Cluster) {
        for entry in entries {
            assert_eq!(entry.index, self.machine.applied + 1, "node {}", self.id);
            let value = match entry.data.len() {
                0 => 0, // a new leader's
                _ => u64::from_le_bytes(entry.data[..].try_into().unwrap()),
            };
            let first = *cluster.committed.entry(entry.index).or_insert(value);
            assert_eq!(
                first, value,
                "node {} applies another entry {}",
                self.id, entry.index
            );
            self.machine.applied = entry.index;
            self.machine.values += u64::from(value > 0);
            self.machine.sum += value;
        }
    }
}

#[derive(Default)]
struct Cluster {
    messages: Vec<Message>,
    /// The value of each entry that a node has applied; 0 for those of new leaders.
    committed: BTreeMap<u64, u64>,
    cut_off: Option<u64>,
    installed: u64,
    compacted: u64,
}

impl Cluster {
    /// Delivers some of the messages, in any order, and loses some.
    fn deliver(&mut self, nodes: &mut [Node], random: &mut Random, loss: u64) {
        for _ in 0..self.messages.len() {
            let which = random.below(self.messages.len() as u64) as usize;
            if random.below(4) == 0 {
                continue; // later
            }
            let message = self.messages.swap_remove(which);
            let lost = random.below(100) < loss;
            let cut_off = self
                .cut_off
                .is_some_and(|id| id == message.to || id == message.from);
            if !lost && !cut_off {
                // A refusal is the node's affair: raft-rs sends again.
                let _refused = nodes[message.to as usize - 1].raft.step(message);
            }
        }
    }
}

#[test]
fn nodes_whose_power_is_cut_agree_on_every_entry_that_one_has_applied() {
    for seed in 0..rounds("CLUSTER_ROUNDS", 3) {
        let mut random = Random::new(seed);
        let mut cluster = Cluster::default();
        let start = |id| Node::start(id, SimulatedDisk::new(), Snapshots::default());
        let mut nodes: Vec<Node> = (1..=NODES).map(start).collect();
        let (mut proposed, mut cuts) = (0, 0);
        let mut turn = 0;
        loop {
            turn += 1;
            let is_over = turn > TURNS;
            if random.below(3) == 0 {
                for node in &mut nodes {
                    node.raft.tick();
                }
            }
            for node in &mut nodes {
                let may_propose = proposed < TURNS / 2 || is_over;
                if node.raft.raft.state == StateRole::Leader && may_propose && random.below(2) == 0
                {
                    let value: u64 = proposed + 1;
                    let accepted = node.raft.propose(vec![], value.to_le_bytes().to_vec());
                    proposed += u64::from(accepted.is_ok());
                }
            }
            cluster.deliver(&mut nodes, &mut random, if is_over { 0 } else { 3 });
            for node in &mut nodes {
                node.work(&mut cluster);
            }
            if !is_over && random.below(60) == 0 {
                let which = random.below(NODES) as usize;
                let node = nodes.remove(which);
                nodes.insert(which, node.cut_power(random.below(1 << 20)));
                cuts += 1;
            }
            if random.below(80) == 0 {
                cluster.cut_off = (random.below(2) == 0).then(|| 1 + random.below(NODES));
            }
            if is_over {
                cluster.cut_off = None;
                let last = nodes[0].machine;
                let is_same = nodes.iter().all(|node| node.machine == last);
                if is_same && turn > TURNS + 300 {
                    break;
                }
                assert!(
                    turn < TURNS * 10,
                    "seed {seed}: the nodes do not come together"
                );
                std::thread::yield_now();
            }
        }
        let machine = nodes[0].machine;
        let behind = cluster.committed.range(..=machine.applied);
        let (mut values, mut sum) = (0, 0);
        for (_, value) in behind {
            values += u64::from(*value > 0);
            sum += value;
        }
        assert_eq!((machine.values, machine.sum), (values, sum), "seed {seed}");
        println!(
            "seed {seed}: {proposed} proposed, {values} applied, {cuts} power cuts, \
             {} compactions, {} snapshots installed",
            cluster.compacted, cluster.installed
        );
        assert!(values > 100 && cuts > 10 && cluster.compacted > 0);
    }
}
