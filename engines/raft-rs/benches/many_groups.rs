//! How many durable writes do 64 groups of one log make, beside raft-engine?
//!
//! `cargo bench`. Entries of 256 bytes and the hard state with them, in batches of 1 and 16, on the disk of the
//! current directory. *A thread a group*: each writes and waits, as fast as it can. *One thread*: it gathers a
//! batch of every group, writes all, and waits for all: raft-engine takes them as one write of its own, ironwal
//! as one write a group and 64 callbacks, with 16 threads that sync. *One group*: the first of 64, alone.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use ironwal::Wal;
use ironwal_raft_rs::Group;
use ironwal_raft_rs::Update;
use raft::eraftpb::Entry;
use raft::eraftpb::HardState;
use raft_engine::Config;
use raft_engine::Engine;
use raft_engine::LogBatch;
use raft_engine::MessageExt;

const GROUPS: u64 = 64;
/// How many streams ironwal syncs at once for those that wait by callback.
const SYNC_THREADS: usize = 16;
const ENTRY_BYTES: usize = 256;
const FOR: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

struct Types;

impl MessageExt for Types {
    type Entry = Entry;

    fn index(entry: &Entry) -> u64 {
        entry.index
    }
}

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    println!("medians of {ROUNDS} interleaved rounds\n");
    println!("| writers | batch | ironwal, writes/s | raft-engine, writes/s |");
    println!("|---|---|---|---|");
    for (name, run) in [
        ("one group", one_group as fn(&dyn Log, u64) -> u64),
        ("64 groups, a thread a group", thread_a_group),
        ("64 groups, one thread", one_thread),
    ] {
        for batch in [1, 16] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for round in 0..ROUNDS {
                let path = dir.path().join(format!("{name}-{batch}-{round}"));
                std::fs::create_dir(&path).expect("made");
                ours.push(rate(&Ironwal::open(&path.join("ours")), run, batch));
                theirs.push(rate(&RaftEngine::open(&path.join("theirs")), run, batch));
                std::fs::remove_dir_all(&path).expect("removed");
            }
            println!(
                "| {name} | {batch} | {:.0} | {:.0} |",
                median(ours),
                median(theirs)
            );
        }
    }
}

/// What both logs do.
trait Log: Sync {
    /// Writes entries of a group, durable on return.
    fn write(&self, group: u64, entries: &[Entry]);
    /// Writes entries of all groups from one thread, durable on return.
    fn write_all(&self, entries: &[Entry]);
}

struct Ironwal {
    groups: Vec<Group>,
    _wal: Wal,
}

impl Ironwal {
    fn open(path: &Path) -> Self {
        let mut options = ironwal_raft_rs::options(path);
        options.sync_threads = SYNC_THREADS;
        let wal = Wal::new(options).expect("opens");
        let groups = (0..GROUPS).map(|group| {
            Group::open(&wal, &format!("group-{group}"), |_, _| unreachable!()).expect("opens")
        });
        Ironwal {
            groups: groups.collect(),
            _wal: wal,
        }
    }
}

impl Log for Ironwal {
    fn write(&self, group: u64, entries: &[Entry]) {
        let update = Update {
            entries,
            hard_state: Some(&hard_state(entries)),
            must_sync: true,
            ..Update::default()
        };
        let group = &self.groups[group as usize];
        group.write_update(&update).expect("writes");
    }

    fn write_all(&self, entries: &[Entry]) {
        let (tx, rx) = mpsc::channel();
        let hard = hard_state(entries);
        for group in &self.groups {
            let update = Update {
                entries,
                hard_state: Some(&hard),
                must_sync: true,
                ..Update::default()
            };
            let tx = tx.clone();
            let done = move |result: raft::Result<()>| tx.send(result).expect("waits");
            group.write_update_then(&update, done).expect("writes");
        }
        for _ in &self.groups {
            rx.recv().expect("called").expect("durable");
        }
    }
}

struct RaftEngine(Engine);

impl RaftEngine {
    fn open(path: &Path) -> Self {
        let config = Config {
            dir: path.to_str().expect("UTF-8").to_owned(),
            ..Config::default()
        };
        RaftEngine(Engine::open(config).expect("opens"))
    }

    fn add(batch: &mut LogBatch, group: u64, entries: &[Entry]) {
        let added = batch.add_entries::<Types>(group, entries);
        added.expect("adds");
        let put = batch.put_message(group, b"hard".to_vec(), &hard_state(entries));
        put.expect("puts");
    }
}

impl Log for RaftEngine {
    fn write(&self, group: u64, entries: &[Entry]) {
        let mut batch = LogBatch::default();
        // It takes no group 0.
        Self::add(&mut batch, group + 1, entries);
        self.0.write(&mut batch, true).expect("writes");
    }

    fn write_all(&self, entries: &[Entry]) {
        let mut batch = LogBatch::default();
        for group in 0..GROUPS {
            Self::add(&mut batch, group + 1, entries);
        }
        self.0.write(&mut batch, true).expect("writes");
    }
}

/// Writes of a group per second.
fn rate(log: &dyn Log, run: fn(&dyn Log, u64) -> u64, batch: u64) -> f64 {
    let start = Instant::now();
    let writes = run(log, batch);
    writes as f64 / start.elapsed().as_secs_f64()
}

fn one_group(log: &dyn Log, batch: u64) -> u64 {
    write_for_a_while(log, 0, batch)
}

fn thread_a_group(log: &dyn Log, batch: u64) -> u64 {
    std::thread::scope(|scope| {
        let threads =
            (0..GROUPS).map(|group| scope.spawn(move || write_for_a_while(log, group, batch)));
        let threads: Vec<_> = threads.collect();
        let writes = threads
            .into_iter()
            .map(|thread| thread.join().expect("runs"));
        writes.sum()
    })
}

fn write_for_a_while(log: &dyn Log, group: u64, batch: u64) -> u64 {
    let start = Instant::now();
    let mut writes = 0;
    while start.elapsed() < FOR {
        log.write(group, &entries(1 + writes * batch, batch));
        writes += 1;
    }
    writes
}

fn one_thread(log: &dyn Log, batch: u64) -> u64 {
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < FOR {
        log.write_all(&entries(1 + rounds * batch, batch));
        rounds += 1;
    }
    rounds * GROUPS
}

fn entries(first: u64, count: u64) -> Vec<Entry> {
    let entry = |index| Entry {
        index,
        term: 1,
        data: vec![b'x'; ENTRY_BYTES].into(),
        ..Entry::default()
    };
    (first..first + count).map(entry).collect()
}

fn hard_state(entries: &[Entry]) -> HardState {
    HardState {
        term: 1,
        vote: 1,
        commit: entries[0].index - 1,
        ..HardState::default()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
