//! D1, D2 and D9: what is synced, in which order, before anything counts as durable; and that
//! nothing acknowledged is ever in our memory only.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::Op;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

fn open(disk: &SimulatedDisk, sync_mode: SyncMode, change: impl Fn(&mut WalOptions)) -> Wal {
    let mut options = options(Path::new("/"), sync_mode);
    change(&mut options);
    Wal::open_simulated(disk, options).expect("opens")
}

/// The calls since `since`, reduced to what matters for durability.
fn since(disk: &SimulatedDisk, since: u64) -> Vec<std::sync::Arc<Op>> {
    let ops = disk.ops();
    ops.into_iter().filter(|op| op.index > since).collect()
}

fn is_sync(kind: OpKind) -> bool {
    matches!(kind, OpKind::SyncData | OpKind::SyncAll | OpKind::SyncDir)
}

fn place_of(ops: &[std::sync::Arc<Op>], kind: OpKind, path: &str) -> Option<u64> {
    let found = ops
        .iter()
        .rfind(|op| op.kind == kind && op.path.as_ref() == Path::new(path));
    found.map(|op| op.index)
}

#[test]
fn both_directories_are_synced_before_the_first_durable_acknowledgement_in_a_new_stream() {
    type Durably = fn(&Wal);
    let ways: [(&str, SyncMode, Durably); 4] = [
        ("a strict append", SyncMode::Strict, |wal| {
            wal.append("s", b"x").map(drop).expect("appends");
        }),
        ("a batch", SyncMode::BatchOnly, |wal| {
            wal.append_batch("s", &[b"x"]).map(drop).expect("appends");
        }),
        ("a sync", SyncMode::Async, |wal| {
            wal.append("s", b"x").map(drop).expect("appends");
            wal.sync("s").expect("syncs");
        }),
        ("waiting", SyncMode::Async, |wal| {
            let stream = wal.stream("s").expect("a handle");
            stream.append(b"x").expect("appends");
            stream
                .wait_durable(0, Duration::from_secs(60))
                .expect("durable");
        }),
    ];
    for (name, mode, make_durable) in ways {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |_| ());
        let before = disk.op_count();
        make_durable(&wal);
        let ops = since(&disk, before);
        let segment = "/log/s/00000000000000000000.wal";
        let named = ops.iter().rfind(|op| op.kind == OpKind::Rename);
        let named = named.expect("the segment gets its name").index;
        let made = place_of(&ops, OpKind::CreateDir, "/log/s").expect("a directory");
        let written = place_of(&ops, OpKind::SyncData, segment);
        assert!(written.is_some(), "{name}: the frames are synced");
        assert!(
            place_of(&ops, OpKind::SyncDir, "/log/s") > Some(named),
            "{name}: the stream's directory is synced behind the new name"
        );
        assert!(
            place_of(&ops, OpKind::SyncDir, "/log") > Some(made),
            "{name}: the root is synced behind the new directory"
        );
        for seed in 0..8 {
            let after = disk.crash(seed, DirectoryModel::Strict);
            let wal = open(&after, mode, |_| ());
            let read = wal.get("s", 0).expect("reads");
            assert_eq!(read.as_deref(), Some(&b"x"[..]), "{name}, seed {seed}");
        }
    }
}

#[test]
fn one_sync_of_the_root_does_for_all_streams_made_before_it_and_for_no_later_one() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    let root_syncs = |since: u64| {
        let ops = disk.ops();
        let of_root = ops.iter().filter(|op| {
            op.index > since && op.kind == OpKind::SyncDir && op.path.as_ref() == Path::new("/log")
        });
        of_root.count()
    };
    let mut keys = Vec::new();
    for batch in 0..3 {
        for stream in 0..20 {
            let key = format!("{batch}-{stream}");
            wal.append(&key, key.as_bytes()).expect("appends");
            keys.push(key);
        }
        let before = disk.op_count();
        for key in keys.iter().rev() {
            wal.sync(key).expect("syncs");
        }
        assert_eq!(root_syncs(before), 1, "batch {batch}");
        for seed in 0..8 {
            let after = disk.crash(seed, DirectoryModel::Strict);
            let wal = open(&after, SyncMode::Async, |_| ());
            for key in &keys {
                let read = wal.get(key, 0).expect("reads");
                assert_eq!(read.as_deref(), Some(key.as_bytes()), "{key}, seed {seed}");
            }
        }
    }
}

#[test]
fn the_root_itself_is_durable_before_anything_in_it() {
    let disk = SimulatedDisk::new();
    drop(open(&disk, SyncMode::Strict, |_| ()));
    let ops = since(&disk, 0);
    let made = place_of(&ops, OpKind::CreateDir, "/log").expect("the root is made");
    assert!(place_of(&ops, OpKind::SyncDir, "/") > Some(made));
}

#[test]
fn the_directory_is_synced_before_the_first_durable_acknowledgement_in_a_new_segment() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict, |o| o.max_entries_per_segment = 2);
    for id in 0..2 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let before = disk.op_count();
    wal.append("s", &entry(2)).expect("appends");
    let ops = since(&disk, before);
    let named = ops.iter().rfind(|op| op.kind == OpKind::Rename);
    let named = named.expect("a second segment").index;
    assert!(place_of(&ops, OpKind::SyncDir, "/log/s") > Some(named));
    let root_synced = place_of(&ops, OpKind::SyncDir, "/log");
    assert_eq!(root_synced, None, "the stream's own name is durable since");
    let after = disk.crash(0, DirectoryModel::Strict);
    assert_eq!(
        all_entries(&open(&after, SyncMode::Strict, |_| ()), "s").len(),
        3
    );
}

#[test]
fn unsealed_segments_are_synced_oldest_first_and_sealed_only_behind_a_durable_successor() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |o| o.max_entries_per_segment = 3);
    for id in 0..20 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let before = disk.op_count();
    wal.sync("s").expect("syncs");
    let ops = since(&disk, before);
    let first_sync = |path: &str| {
        let found = ops
            .iter()
            .find(|op| op.kind == OpKind::SyncData && op.path.as_ref() == Path::new(path));
        found.expect("every segment is synced").index
    };
    let sealed = |path: &str| place_of(&ops, OpKind::SyncAll, path);
    let paths: Vec<String> = (0..20)
        .step_by(3)
        .map(|first| format!("/log/s/{first:020}.wal"))
        .collect();
    assert_eq!(paths.len(), 7);
    let named = ops
        .iter()
        .find(|op| op.kind == OpKind::SyncDir && op.path.as_ref() == Path::new("/log/s"))
        .expect("names are synced")
        .index;
    for pair in paths.windows(2) {
        let (older, newer) = (first_sync(&pair[0]), first_sync(&pair[1]));
        assert!(older < newer, "{} after {}", pair[0], pair[1]);
        let sealed = sealed(&pair[0]).expect("sealed");
        assert!(sealed > newer, "{} sealed before its successor", pair[0]);
        assert!(sealed > named, "{} sealed before the names", pair[0]);
    }
    assert_eq!(sealed(&paths[6]), None, "the active segment is not sealed");
}

#[test]
fn a_lone_strict_writer_pays_exactly_one_durable_operation_per_append() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict, |_| ());
    wal.append("s", &entry(0)).expect("appends");
    for id in 1..20 {
        let before = disk.op_count();
        wal.append("s", &entry(id)).expect("appends");
        let ops = since(&disk, before);
        let syncs: Vec<_> = ops.iter().filter(|op| is_sync(op.kind)).collect();
        assert_eq!(syncs.len(), 1, "append {id}: {syncs:?}");
        assert_eq!(syncs[0].kind, OpKind::SyncData);
        let frames = ops
            .iter()
            .filter(|op| op.kind == OpKind::Write && op.index < syncs[0].index);
        assert_eq!(frames.count(), 1, "append {id}: one write before the sync");
        assert_eq!(ops.last().map(|op| op.kind), Some(OpKind::Write), "a slot");
    }
}

#[test]
fn no_append_syncs_that_does_not_have_to() {
    for (mode, batches) in [(SyncMode::Async, 50), (SyncMode::BatchOnly, 0)] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |o| o.max_segment_size = 4096);
        let before = disk.op_count();
        for id in 0..200 {
            wal.append("s", &entry(id)).expect("appends");
        }
        for _ in 0..batches {
            wal.append_batch("s", &[b"a", b"b"]).expect("appends");
        }
        let ops = since(&disk, before);
        assert!(!ops.iter().any(|op| is_sync(op.kind)), "{mode:?}");
    }
}

#[test]
fn what_an_append_returned_survives_the_death_of_the_process_at_once_in_any_mode() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |o| o.max_segment_size = 700);
        let mut ids = 0;
        for round in 0..30 {
            if round % 4 == 0 {
                let (a, b) = (entry(ids), entry(ids + 1));
                let got = wal.append_batch("s", &[&a, &b]).expect("appends");
                assert_eq!(got, ids..ids + 2);
                ids += 2;
            } else {
                assert_eq!(wal.append("s", &entry(ids)).expect("appends"), ids);
                ids += 1;
            }
            // Seed 1 keeps everything that is in the kernel: what the next process sees.
            let next = disk.crash(1, DirectoryModel::Strict);
            let wal = open(&next, mode, |o| o.max_segment_size = 700);
            let expected: Vec<_> = (0..ids).map(|id| (id, entry(id))).collect();
            assert_eq!(all_entries(&wal, "s"), expected, "{mode:?}, round {round}");
        }
        let next = disk.kill();
        let wal = open(&next, mode, |_| ());
        assert_eq!(wal.append("s", b"next").expect("appends"), ids);
    }
}

#[test]
fn deletion_and_truncation_are_durable_when_they_return() {
    for seed in 0..8 {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Async, |o| o.max_entries_per_segment = 5);
        for id in 0..23 {
            wal.append("kept", &entry(id)).expect("appends");
            wal.append("gone", &entry(id)).expect("appends");
        }
        assert_eq!(wal.truncate("kept", 12).expect("truncates"), 2);
        wal.delete_stream("gone").expect("deletes");
        let after = disk.crash(seed, DirectoryModel::Strict);
        let wal = open(&after, SyncMode::Async, |_| ());
        assert_eq!(wal.streams().expect("lists"), ["kept"], "seed {seed}");
        let expected: Vec<_> = (10..23).map(|id| (id, entry(id))).collect();
        assert_eq!(all_entries(&wal, "kept"), expected, "seed {seed}");
        assert_eq!(wal.append("gone", b"new").expect("appends"), 0);
    }
}

#[test]
fn a_log_without_an_append_is_closed_without_a_write_or_a_sync() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    for id in 0..5 {
        wal.append("s", &entry(id)).expect("appends");
    }
    wal.close().expect("closes");
    let before = disk.op_count();
    let wal = open(&disk, SyncMode::Async, |_| ());
    assert_eq!(all_entries(&wal, "s").len(), 5);
    wal.close().expect("closes");
    let changed: Vec<_> = since(&disk, before)
        .into_iter()
        .filter(|op| op.changed() || is_sync(op.kind))
        .map(|op| (op.kind, op.path.clone()))
        .collect();
    assert_eq!(changed, []);
}

#[test]
fn no_segment_ever_has_both_frontier_slots_unsynced() {
    // Sealing stored both with one sync: a crash could tear both.
    let disk = SimulatedDisk::new();
    let mut options = options(Path::new("/"), SyncMode::Strict);
    options.max_segment_size = 500;
    for _ in 0..3 {
        let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
        for id in 0..20 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.close().expect("closes");
    }
    let mut unsynced: BTreeMap<PathBuf, u64> = BTreeMap::new();
    let mut stored = [0, 0];
    for op in disk.ops() {
        match op.kind {
            OpKind::Write if [512, 1024].contains(&op.offset) => {
                let slot = unsynced.entry(op.path.to_path_buf()).or_insert(op.offset);
                assert_eq!(*slot, op.offset, "both slots of {}", op.path.display());
                stored[(op.offset / 1024) as usize] += 1;
            }
            OpKind::SyncData | OpKind::SyncAll => drop(unsynced.remove(&*op.path)),
            _ => {}
        }
    }
    assert!(stored[0] > 20 && stored[1] > 20, "{stored:?}");
}
