//! Threads that commit through the journal, write it back, rotate, sync together, append batches over streams and
//! delete: whatever the order, a power failure at any call loses nothing acknowledged, shows no batch in part, and
//! brings no deleted stream back.

use std::collections::BTreeMap;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;

/// What was acknowledged: the call after which it is durable, the stream, the id, the bytes.
type Acknowledged = Vec<(u64, &'static str, u64, Vec<u8>)>;

fn journaled(mode: SyncMode, entries_per_segment: u64) -> WalOptions {
    let mut options = options(mode, entries_per_segment);
    options.commit_path = any_of(&[CommitPath::Journal, CommitPath::Auto]);
    options.journal_size = 128 << 10;
    options
}

/// Stepped: the order in which helpers work is a thread's of the model.
fn open_stepped(disk: &SimulatedDisk, options: &WalOptions) -> Wal {
    let sink: LogSink = std::sync::Arc::new(|_, _: &str| ());
    Wal::open_simulated_stepped(disk, options.clone(), sink).expect("opens")
}

fn append(wal: &Wal, disk: &SimulatedDisk, author: u32) -> Acknowledged {
    let mut acknowledged = Vec::new();
    for number in 0..2 {
        let key = any_of(&["a", "b"]);
        let bytes = entry(key, author, number, 20);
        let id = wal.append(key, &bytes).expect("appends");
        acknowledged.push((disk.op_count(), key, id, bytes));
    }
    acknowledged
}

fn append_to_both(wal: &Wal, disk: &SimulatedDisk) -> Acknowledged {
    let streams = ["a", "b"].map(|key| (key, wal.stream(key).expect("a handle")));
    let bytes = ["a", "b"].map(|key| entry(key, 9, 0, 20));
    let ids = wal
        .batch()
        .add(&streams[0].1, Append::new(&[&bytes[0]]))
        .add(&streams[1].1, Append::new(&[&bytes[1]]))
        .commit()
        .expect("appends to both");
    let at = disk.op_count();
    let each = streams.iter().zip(ids).zip(bytes);
    each.map(|(((key, _), ids), bytes)| (at, *key, ids.start, bytes))
        .collect()
}

#[test]
fn what_is_acknowledged_through_the_journal_survives_whatever_threads_do_beside_it() {
    explore("what_is_acknowledged_through", Time::Stands, 500, || {
        let disk = SimulatedDisk::new();
        let options = journaled(SyncMode::Strict, any_of(&[2, 100]));
        let wal = open_stepped(&disk, &options);
        for key in ["a", "b", "gone"] {
            wal.append(key, b"first").expect("appends");
            wal.step_helpers();
        }
        let (acknowledged, deleted_at) = thread::scope(|scope| {
            let one = scope.spawn(|| append(&wal, &disk, 1));
            let both = scope.spawn(|| append_to_both(&wal, &disk));
            let other = scope.spawn(|| {
                match any_of(&[0, 1, 2]) {
                    0 => wal.step_helpers(),
                    1 => wal.sync_all().expect("syncs"),
                    _ => {
                        wal.append("gone", b"second").expect("appends");
                        wal.delete_stream("gone").expect("deletes");
                        return Some(disk.op_count());
                    }
                }
                None
            });
            let mut acknowledged = one.join().expect("returns");
            acknowledged.extend(both.join().expect("returns"));
            (acknowledged, other.join().expect("returns"))
        });
        disk.kill();
        drop(wal);
        let end = disk.op_count();
        let at = any_of(&[end, end, end.saturating_sub(3), end * 3 / 4, end / 2]);
        let crashed = disk.crash_at(
            at,
            at % 8,
            any_of(&[DirectoryModel::Strict, DirectoryModel::Ordered]),
        );
        let wal = open(&crashed, &options);
        for (durable_at, key, id, bytes) in &acknowledged {
            if *durable_at <= at {
                let found = wal.get(key, *id).expect("reads");
                assert_eq!(found.as_ref(), Some(bytes), "{key} {id} at {at}");
            }
        }
        // The batch over both is in both or in none.
        let mut found = BTreeMap::new();
        for key in ["a", "b"] {
            let batch = entry(key, 9, 0, 20);
            let entries = wal.iter(key, 0).expect("iterates");
            let is_there = entries
                .map(|found| found.expect("an entry"))
                .any(|found| found[..] == batch[..]);
            found.insert(key, is_there);
        }
        assert_eq!(found["a"], found["b"], "half a batch at {at}");
        if deleted_at.is_some_and(|deleted_at| deleted_at <= at) {
            let streams = wal.streams().expect("lists");
            assert!(!streams.iter().any(|key| key == "gone"), "it is back");
        }
    });
}

#[test]
fn batches_over_streams_in_any_order_meet_cuts_and_closes_without_a_deadlock() {
    explore("batches_over_streams_in_any", Time::Stands, 400, || {
        let disk = SimulatedDisk::new();
        let options = journaled(any_of(&[SyncMode::Strict, SyncMode::Async]), 3);
        let wal = open_stepped(&disk, &options);
        let [a, b] = ["a", "b"].map(|key| wal.stream(key).expect("a handle"));
        for stream in [&a, &b] {
            stream.append(b"0").expect("appends");
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let batch = wal.batch().add(&a, Append::new(&[b"1"]));
                let batch = batch.add(&b, Append::new(&[b"1"]));
                batch.commit().expect("appends");
            });
            scope.spawn(|| {
                let batch = wal.batch().add(&b, Append::new(&[b"2"]));
                let batch = batch.add(&a, Append::new(&[b"2"]));
                batch.commit().expect("appends");
            });
            scope.spawn(|| match any_of(&[0, 1, 2, 3]) {
                0 => drop(a.truncate_suffix(1).expect("cuts")),
                1 => wal.sync_all().expect("syncs"),
                2 => wal.step_helpers(),
                _ => drop(b.truncate_prefix(1).expect("truncates")),
            });
        });
        let ends = [&a, &b].map(|stream| stream.next_id().expect("is known"));
        assert_eq!(ends[1], 3);
        assert!((1..=3).contains(&ends[0]));
        drop((a, b));
        wal.close().expect("closes");
    });
}
