//! Faults that Raft logs of others had, as cases here: each loses power at every storage call from the one
//! that matters on, and looks for what went wrong there. `docs/RAFT.md`
//! says what each of them was.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::options;

/// How the disk treats names that were not synced.
const MODELS: [DirectoryModel; 2] = [DirectoryModel::Strict, DirectoryModel::Ordered];

/// A log with four entries a segment, which refuses to open with damage.
fn open(disk: &SimulatedDisk) -> Wal {
    let mut options = options(Path::new("/"), SyncMode::Async);
    options.max_entries_per_segment = 4;
    options.on_corruption = CorruptionPolicy::Error;
    options.background_sync = None;
    Wal::open_simulated(disk, options).expect("opens")
}

/// An entry as engines store it: its term and its index.
fn of_term(term: u64, id: u64) -> Vec<u8> {
    format!("{id}/{term}").into_bytes()
}

fn entries(term: u64, ids: std::ops::Range<u64>) -> Vec<(u64, Vec<u8>)> {
    ids.map(|id| (id, of_term(term, id))).collect()
}

/// Appends entries of a term, durably.
fn append(wal: &Wal, term: u64, ids: std::ops::Range<u64>) {
    let bytes: Vec<Vec<u8>> = ids.clone().map(|id| of_term(term, id)).collect();
    for (id, entry) in ids.zip(&bytes) {
        let entry = [&entry[..]];
        let append = Append::new(&entry).expecting(id).durable();
        wal.append_with("log", &append).expect("appends");
    }
}

/// The disk after a loss of power at each call from `from` on, in several ways, and after the death of
/// the process there. `is_over`: all calls of the test had returned.
fn each_end(disk: &SimulatedDisk, from: u64, mut check: impl FnMut(&SimulatedDisk, bool, &str)) {
    let end = disk.op_count();
    for at in from..=end {
        for model in MODELS {
            for seed in 0..8 {
                let after = disk.crash_at(at, seed, model);
                let case = format!("power lost at call {at} of {end}, seed {seed}, {model:?}");
                check(&after, at == end, &case);
            }
        }
    }
    let mut replay = disk.replay();
    while replay.step() {
        if replay.op_index() >= from {
            let case = format!("killed at call {} of {end}", replay.op_index());
            check(&replay.kill(), replay.op_index() == end, &case);
        }
    }
}

#[test]
fn braft_pr_119_a_cut_over_several_segments_leaves_no_hole() {
    // In the middle of a segment, at its first id, in the one that is full and about to be sealed.
    for from_id in [2, 4, 8, 15, 16] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk);
        append(&wal, 1, 0..17);
        let before = disk.op_count();
        wal.truncate_suffix("log", from_id).expect("cuts");
        append(&wal, 2, from_id..from_id + 3);
        let (mut whole, mut cut) = (0, 0);
        each_end(&disk, before, |after, is_over, case| {
            let wal = open(after);
            let found = all_entries(&wal, "log");
            if found == entries(1, 0..17) {
                assert!(!is_over, "{case}: the cut was durable");
                whole += 1;
            } else {
                let kept = from_id as usize;
                assert_eq!(found[..kept], entries(1, 0..from_id), "{case}");
                let behind = &found[kept..];
                let new = entries(2, from_id..from_id + 3);
                assert_eq!(behind, &new[..behind.len()], "{case}");
                assert!(!is_over || behind.len() == 3, "{case}");
                cut += 1;
            }
            // It goes on, without a hole, and opens again.
            let next = found.len() as u64;
            append(&wal, 3, next..next + 1);
            wal.close().expect("closes");
            assert_eq!(all_entries(&open(after), "log").len() as u64, next + 1);
        });
        assert!(whole > 0 && cut > 0, "both were seen");
    }
}

#[test]
fn etcd_22442_entries_that_were_overwritten_do_not_come_back_behind_a_snapshot() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    wal.reset_to("log", 1).expect("begins at 1");
    append(&wal, 1, 1..6);
    let new = [of_term(2, 3), of_term(2, 4)];
    let new = [&new[0][..], &new[1][..]];
    let replaced = wal.replace_suffix("log", 3, &Append::new(&new));
    assert_eq!(replaced.expect("replaces").ids, 3..5);
    let before = disk.op_count();
    // A snapshot up to 4: all entries go, and the overwritten 5 of term 1 lay above.
    wal.truncate_prefix("log", 5).expect("truncates");
    each_end(&disk, before, |after, is_over, case| {
        let wal = open(after);
        let stream = wal.stream("log").expect("a handle");
        let last = stream.last().expect("reads");
        assert_eq!(stream.next_id().expect("reads"), 5, "{case}");
        match last {
            None => assert_eq!(stream.first_id().expect("reads"), 5, "{case}"),
            Some(last) => {
                assert_eq!(last, (4, of_term(2, 4)), "{case}");
                assert!(!is_over, "{case}: the truncation was durable");
            }
        }
        append(&wal, 3, 5..6);
        assert_eq!(stream.get(5).expect("reads"), Some(of_term(3, 5)), "{case}");
    });
}

#[test]
fn clickhouse_112101_a_replacement_in_an_earlier_segment_never_keeps_the_log_from_opening() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    append(&wal, 1, 0..15);
    let before = disk.op_count();
    let new = of_term(2, 5);
    let new = [&new[..]];
    wal.replace_suffix("log", 5, &Append::new(&new))
        .expect("replaces");
    let returned = disk.op_count();
    // The files of what was replaced may still go while later appends are acknowledged.
    append(&wal, 2, 6..9);
    each_end(&disk, before, |after, is_over, case| {
        let wal = open(after);
        assert!(wal.recovery().is_complete(), "{case}: {:?}", wal.recovery());
        let found = all_entries(&wal, "log");
        if found == entries(1, 0..15) {
            assert!(!is_over, "{case}");
            return;
        }
        assert_eq!(found[..5], entries(1, 0..5), "{case}");
        let behind = &found[5..];
        assert!(!behind.is_empty(), "{case}: a cut without what replaces it");
        assert_eq!(behind, &entries(2, 5..9)[..behind.len()], "{case}");
    });
    for seed in 0..16 {
        let after = disk.crash_at(returned, seed, DirectoryModel::Strict);
        let found = all_entries(&open(&after), "log");
        assert_eq!(found.last(), Some(&(5, of_term(2, 5))), "acknowledged");
    }
}

/// A way to learn that the entry behind a mark is durable.
type Learn = fn(&Stream, &Appended);

#[test]
fn hiqlite_pr_361_and_d_engine_446_nothing_is_reported_durable_before_the_disk_has_it() {
    const LONG: Duration = Duration::from_secs(60);
    let ways: [(&str, Learn); 5] = [
        ("a callback", |stream, appended| {
            let (sender, answers) = mpsc::channel();
            let registered = stream.on_durable(appended.mark, move |answer| {
                sender.send(answer).expect("is received");
            });
            registered.expect("registers");
            let answer = answers.recv_timeout(LONG).expect("it runs");
            answer.expect("durable");
        }),
        ("wait_durable", |stream, appended| {
            let last = appended.ids.end - 1;
            stream.wait_durable(last, LONG).expect("durable");
        }),
        ("the durable end", |stream, appended| {
            let listening = stream.on_durable(appended.mark, |_| ());
            listening.expect("registers");
            while stream.durable_end().expect("reads") < appended.ids.end {
                std::thread::yield_now();
            }
        }),
        ("is_durable", |stream, appended| {
            let listening = stream.on_durable(appended.mark, |_| ());
            listening.expect("registers");
            while !stream.is_durable(appended.mark).expect("reads") {
                std::thread::yield_now();
            }
        }),
        ("a durable view", |stream, appended| {
            let id = appended.ids.end - 1;
            let mut entries = stream.follow(id, View::Durable).expect("follows");
            assert!(entries.wait(LONG).expect("waits"));
            let shown = entries.next().expect("one").expect("reads");
            assert_eq!(shown.0, id);
        }),
    ];
    for write_strategy in [WriteStrategy::StandardIo, WriteStrategy::Mmap] {
        for (way, learn) in ways {
            let disk = SimulatedDisk::new();
            let mut options = options(Path::new("/"), SyncMode::Async);
            options.write_strategy = write_strategy;
            options.max_entries_per_segment = 4;
            let wal = Wal::open_simulated(&disk, options).expect("opens");
            let stream = wal.stream("log").expect("a handle");
            for id in 0..10 {
                let entry = of_term(1, id);
                let entry = [&entry[..]];
                let vote = format!("vote {id}");
                let vote: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(vote.as_bytes()))];
                let append = Append::new(&entry).with_properties(&vote).written();
                let appended = stream.append_with(&append).expect("appends");
                learn(&stream, &appended);
                for seed in 0..8 {
                    let case = format!("{way}, {write_strategy:?}, id {id}, seed {seed}");
                    let after = open(&disk.crash(seed, DirectoryModel::Strict));
                    let found = after.get("log", id).expect("reads");
                    assert_eq!(found, Some(of_term(1, id)), "{case}");
                    let vote = after.property("log", b"vote").expect("reads");
                    assert_eq!(vote, Some(format!("vote {id}").into_bytes()), "{case}");
                }
            }
        }
    }
}

/// A way to empty the log.
type Empty = fn(&Wal);

#[test]
fn tidwall_wal_20_an_emptied_log_keeps_its_next_index() {
    let ways: [(&str, Empty, u64); 4] = [
        (
            "the prefix is truncated up to the end",
            |wal| {
                wal.truncate_prefix("log", 10).expect("truncates");
            },
            10,
        ),
        (
            "behind a snapshot that is further",
            |wal| wal.reset_to("log", 500).expect("resets"),
            500,
        ),
        (
            "all kept entries are cut",
            |wal| {
                wal.truncate_prefix("log", 7).expect("truncates");
                wal.truncate_suffix("log", 7).expect("cuts");
            },
            7,
        ),
        (
            "emptied twice",
            |wal| {
                wal.truncate_prefix("log", 10).expect("truncates");
                append(wal, 2, 10..12);
                wal.truncate_prefix("log", 12).expect("truncates");
            },
            12,
        ),
    ];
    for (way, empty, next) in ways {
        let disk = SimulatedDisk::new();
        let wal = open(&disk);
        append(&wal, 1, 0..10);
        let before = disk.op_count();
        empty(&wal);
        each_end(&disk, before, |after, is_over, case| {
            let wal = open(after);
            let stream = wal.stream("log").expect("a handle");
            let found = stream.next_id().expect("reads");
            let least = next.min(10);
            assert!(found >= least, "{way}, {case}: the next id is {found}");
            if !is_over {
                return;
            }
            assert_eq!(found, next, "{way}, {case}");
            assert_eq!(stream.first_id().expect("reads"), next, "{way}, {case}");
            assert_eq!(stream.last().expect("reads"), None, "{way}, {case}");
            // Again, and once more after it was closed empty.
            drop(stream);
            wal.close().expect("closes");
            append(&open(after), 3, next..next + 1);
            assert_eq!(all_entries(&open(after), "log"), entries(3, next..next + 1));
        });
    }
}
