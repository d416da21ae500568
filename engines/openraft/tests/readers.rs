//! Does a reader beside cuts, appends and purges see one state of the log, and never an error?
//!
//! Each entry names the cut that it was appended behind. If a reader saw entries of cut `n` or later,
//! then cut `n` had happened, and nothing older may stand at or behind the index it cut at.

mod support;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use futures_util::StreamExt;
use ironwal::Wal;
use openraft_0_10::EntryPayload;
use openraft_0_10::alias::EntryOf;
use openraft_0_10::entry::RaftEntry;
use openraft_0_10::impls::leader_id_adv::LeaderId;
use openraft_0_10::storage::IOFlushed;
use openraft_0_10::storage::LeaderBoundedStreamError;
use openraft_0_10::storage::RaftLogReader;
use openraft_0_10::storage::RaftLogStorage;
use support::Log;
use support::LogId;
use support::Random;
use support::Types;
use support::Vote;
use support::block_on;
use support::rounds;

fn entry(cut: u64, index: u64) -> EntryOf<Types> {
    let leader = LeaderId {
        term: cut,
        node_id: 1,
    };
    let data = EntryPayload::Normal("x".repeat((index % 300) as usize));
    EntryOf::<Types>::new(LogId::new(leader, index), data)
}

/// Where each cut was made, by its number; noted before it is made.
type Cuts = Arc<Mutex<Vec<u64>>>;

fn assert_one_state(entries: &[EntryOf<Types>], cuts: &Cuts) {
    let cuts = cuts.lock().unwrap();
    for pair in entries.windows(2) {
        assert_eq!(pair[0].log_id.index + 1, pair[1].log_id.index, "a hole");
    }
    let cut_of = |entry: &EntryOf<Types>| entry.log_id.leader_id.term as usize;
    let newest = entries.iter().map(cut_of).max().unwrap_or(0);
    for entry in entries {
        let (cut, index) = (cut_of(entry), entry.log_id.index);
        assert!(
            cuts[cut + 1..=newest].iter().all(|&at| index < at),
            "entry {index} of cut {cut} beside entries of cut {newest}"
        );
    }
}

#[test]
fn readers_beside_cuts_and_purges_see_one_state_of_the_log() {
    let time = Duration::from_millis(rounds("READERS_MILLIS", 2_000));
    let dir = tempfile::tempdir().unwrap();
    let mut options = ironwal_openraft::options(dir.path().join("raft"));
    options.max_segment_size = 4_000;
    let wal = Wal::new(options).unwrap();
    let mut log = Log::open(&wal, "group").unwrap();
    let cuts: Cuts = Arc::new(Mutex::new(vec![0]));
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (mut log, cuts, is_over) = (log.clone(), Arc::clone(&cuts), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let mut reads = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let entries = block_on(log.try_get_log_entries(..)).unwrap();
                    assert_one_state(&entries, &cuts);
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    let start = Instant::now();
    let mut random = Random::new(3);
    let (mut first, mut next, mut steps) = (0, 0, 0);
    while start.elapsed() < time {
        steps += 1;
        block_on(async {
            match random.below(6) {
                0 if next > first + 1 => {
                    let at = first + 1 + random.below(next - first - 1);
                    cuts.lock().unwrap().push(at);
                    let kept = entry(0, at - 1).log_id;
                    log.truncate_after(Some(kept)).await.unwrap();
                    next = at;
                }
                1 if next > first + 20 => {
                    first += random.below(10);
                    log.purge(entry(u64::from(u32::MAX) + steps, first).log_id)
                        .await
                        .unwrap();
                    first += 1;
                }
                _ => {
                    let cut = cuts.lock().unwrap().len() as u64 - 1;
                    let end = next + 1 + random.below(8);
                    let entries: Vec<_> = (next..end).map(|index| entry(cut, index)).collect();
                    log.append(entries, IOFlushed::noop()).await.unwrap();
                    next = end;
                }
            }
        });
    }
    is_over.store(true, Ordering::Relaxed);
    let reads: u64 = readers.into_iter().map(|r| r.join().unwrap()).sum();
    println!(
        "{steps} steps, {} cuts, {reads} reads",
        cuts.lock().unwrap().len()
    );
    assert!(reads > 10 && steps > 10);
}

#[test]
fn a_stream_for_a_leader_ends_with_an_error_once_another_vote_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::new(ironwal_openraft::options(dir.path().join("raft"))).unwrap();
    let mut log = Log::open(&wal, "group").unwrap();
    block_on(async {
        let vote = Vote::new_committed(1, 1);
        log.save_vote(&vote).await.unwrap();
        // More than one step of the stream.
        let long = |index| {
            let data = EntryPayload::Normal("x".repeat(100_000));
            EntryOf::<Types>::new(entry(1, index).log_id, data)
        };
        log.append((0..40).map(long), IOFlushed::noop())
            .await
            .unwrap();
        let mut reader = log.get_log_reader().await;
        let mut entries = Box::pin(reader.leader_bounded_stream(vote.leader_id, 0..40).await);
        for index in 0..5 {
            let entry = entries.next().await.unwrap().unwrap();
            assert_eq!(entry.log_id.index, index);
        }
        log.save_vote(&Vote::new(2, 2)).await.unwrap();
        let rest: Vec<_> = entries.collect().await;
        assert!(rest.len() < 30, "the steps already read, and an error");
        assert!(matches!(
            rest.last(),
            Some(Err(LeaderBoundedStreamError::LeaderChanged(_)))
        ));
    });
}
