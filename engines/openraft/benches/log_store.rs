//! How many entries does the log take, seen from openraft, and how long is one append under way?
//!
//! `cargo bench --bench log_store`. Entries of 256 bytes, in batches of 1, 16 and 64, with one append
//! and with 64 appends outstanding, through `RaftLogStorage::append` until its callback: ironwal on the
//! disk of the current directory, and beside it the memory log that openraft tests with, which syncs
//! nothing and encodes as JSON. Below: a vote, and what it is made of, a lone `Strict` append.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ironwal::Wal;
use ironwal::WalOptions;
use ironwal_openraft::v0_10::LogStore;
use openraft_0_10::EntryPayload;
use openraft_0_10::Vote;
use openraft_0_10::alias::EntryOf;
use openraft_0_10::alias::LogIdOf;
use openraft_0_10::entry::RaftEntry;
use openraft_0_10::impls::leader_id_adv::LeaderId;
use openraft_0_10::storage::IOFlushed;
use openraft_0_10::storage::RaftLogStorage;
use openraft_0_10::type_config::TypeConfigExt;
use openraft_memstore::ClientRequest;
use openraft_memstore::TypeConfig;

const ROUNDS: usize = 5;
const FOR: Duration = Duration::from_millis(400);
const ENTRY_BYTES: usize = 256;

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    println!("medians of {ROUNDS} interleaved rounds\n");
    println!("| batch | outstanding | log | entries/s | append p50 | append p99 |");
    println!("|---|---|---|---|---|---|");
    for batch in [1, 16, 64] {
        for outstanding in [1, 64] {
            let mut ours = Vec::new();
            let mut memory = Vec::new();
            for round in 0..ROUNDS {
                let path = dir.path().join(format!("{batch}-{outstanding}-{round}"));
                let (_wal, log) = open(&path);
                ours.push(runtime.block_on(append(log, batch, outstanding)));
                let (log, _) = openraft_memstore::new_mem_store();
                memory.push(runtime.block_on(append(log, batch, outstanding)));
            }
            for (name, runs) in [("ironwal", ours), ("memory", memory)] {
                let median = |part: fn(&Run) -> f64| median(runs.iter().map(part));
                println!(
                    "| {batch} | {outstanding} | {name} | {:.0} | {:.1} µs | {:.1} µs |",
                    median(|run| run.entries_per_second),
                    median(|run| run.p50.as_secs_f64() * 1e6),
                    median(|run| run.p99.as_secs_f64() * 1e6),
                );
            }
        }
    }
    println!();
    let (mut votes, mut strict) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (_wal, log) = open(&dir.path().join(format!("vote-{round}")));
        votes.push(runtime.block_on(save_votes(log)));
        strict.push(append_strict(&dir.path().join(format!("strict-{round}"))));
    }
    let (vote, lone) = (median(votes.into_iter()), median(strict.into_iter()));
    println!("save_vote {vote:.1} µs, a lone Strict append of 64 bytes {lone:.1} µs");
}

fn open(path: &Path) -> (Wal, LogStore<TypeConfig>) {
    let wal = Wal::new(ironwal_openraft::options(path)).expect("opens");
    let log = LogStore::open(&wal, "group").expect("opens");
    (wal, log)
}

struct Run {
    entries_per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Appends for a while, never waiting before `outstanding` appends are under way.
async fn append(mut log: impl RaftLogStorage<TypeConfig>, batch: u64, outstanding: usize) -> Run {
    let mut index = 0;
    let mut under_way = VecDeque::new();
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < FOR {
        let entries: Vec<_> = (index..index + batch).map(entry).collect();
        index += batch;
        let (tx, rx) = TypeConfig::oneshot();
        let called = Instant::now();
        let appended = log.append(entries, IOFlushed::signal(tx)).await;
        appended.expect("appends");
        under_way.push_back((called, rx));
        if under_way.len() == outstanding {
            let (called, rx) = under_way.pop_front().expect("one");
            rx.await.expect("called").expect("durable");
            latencies.push(called.elapsed());
        }
    }
    for (called, rx) in under_way {
        rx.await.expect("called").expect("durable");
        latencies.push(called.elapsed());
    }
    let took = start.elapsed();
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    Run {
        entries_per_second: index as f64 / took.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    }
}

fn entry(index: u64) -> EntryOf<TypeConfig> {
    let id = LogIdOf::<TypeConfig>::new(leader(), index);
    let request = ClientRequest {
        client: String::new(),
        serial: index,
        status: "x".repeat(ENTRY_BYTES - 16),
    };
    EntryOf::<TypeConfig>::new(id, EntryPayload::Normal(request))
}

fn leader() -> LeaderId<u64, u64> {
    LeaderId {
        term: 1,
        node_id: 1,
    }
}

/// Microseconds for one vote.
async fn save_votes(mut log: LogStore<TypeConfig>) -> f64 {
    let start = Instant::now();
    let mut saved = 0;
    while start.elapsed() < FOR {
        saved += 1;
        log.save_vote(&Vote::new(saved, 1)).await.expect("saves");
    }
    start.elapsed().as_secs_f64() * 1e6 / saved as f64
}

/// Microseconds for one durable append.
fn append_strict(path: &Path) -> f64 {
    let wal = Wal::new(WalOptions::new(path)).expect("opens");
    let stream = wal.stream("lone").expect("a stream");
    let start = Instant::now();
    let mut appended = 0;
    while start.elapsed() < FOR {
        appended += 1;
        stream.append(&[0; 64]).expect("appends");
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(appended)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
