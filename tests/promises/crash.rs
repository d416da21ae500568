//! D3, D4, D6 and D13 in small: what a power cut at every moment of one append leaves. The large
//! exploration is in `tests/crash`.

use std::path::Path;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn open(disk: &SimulatedDisk, policy: CorruptionPolicy) -> Wal {
    let mut options = options(Path::new("/"), SyncMode::Async);
    options.max_entries_per_segment = 8;
    options.on_corruption = policy;
    Wal::open_simulated(disk, options).expect("opens")
}

/// Every moment from the call `from` on, in sixteen ways to lose power.
fn each_crash(disk: &SimulatedDisk, from: u64, mut check: impl FnMut(&SimulatedDisk, u64, &str)) {
    for at in from..=disk.op_count() {
        for seed in 0..16 {
            let after = disk.crash_at(at, seed, DirectoryModel::Strict);
            check(&after, at, &format!("call {at}, seed {seed}"));
        }
    }
}

#[test]
fn a_batch_is_there_whole_or_not_at_all_after_any_crash() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, CorruptionPolicy::Error);
    wal.append("s", &entry(0)).expect("appends");
    wal.sync("s").expect("syncs");
    let before = disk.op_count();
    // Of many sectors, so that some can be there without the others.
    let batch: Vec<Vec<u8>> = (0..20).map(|i| vec![i as u8; 700]).collect();
    let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    assert_eq!(wal.append_batch("s", &slices).expect("appends"), 1..21);
    wal.sync("s").expect("syncs");
    let (mut without, mut with) = (0, 0);
    each_crash(&disk, before, |after, _, case| {
        let found = all_entries(&open(after, CorruptionPolicy::Error), "s");
        match found.len() {
            1 => without += 1,
            21 => with += 1,
            count => panic!("{case}: {count} entries"),
        }
        for (id, bytes) in found.into_iter().skip(1) {
            assert_eq!(bytes, batch[id as usize - 1], "{case}");
        }
    });
    assert!(without > 0 && with > 0, "both were seen");
}

#[test]
fn what_survives_is_a_prefix_across_segments_and_no_torn_tail_is_called_damage() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, CorruptionPolicy::Error);
    let mut durable = Vec::new();
    for id in 0..40 {
        wal.append("s", &entry(id)).expect("appends");
        if id % 15 == 14 {
            wal.sync("s").expect("syncs");
            durable.push((disk.op_count(), id + 1));
        }
    }
    let mut lengths = std::collections::BTreeSet::new();
    each_crash(&disk, 0, |after, at, case| {
        // Under the policy Error any damage would refuse the open.
        let found = all_entries(&open(after, CorruptionPolicy::Error), "s");
        let kept = found.len() as u64;
        let least = durable.iter().rfind(|(synced, _)| *synced <= at);
        assert!(kept >= least.map_or(0, |(_, end)| *end), "{case}: {kept}");
        for (place, (id, bytes)) in found.into_iter().enumerate() {
            assert_eq!((place as u64, entry(id)), (id, bytes), "{case}");
        }
        lengths.insert(kept);
    });
    assert!(lengths.len() > 10, "many different tails: {lengths:?}");
}

#[test]
fn what_recovery_shows_is_durable_even_after_a_sync_that_dropped_it() {
    for process_dies in [false, true] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, CorruptionPolicy::Error);
        for id in 0..5 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.sync("s").expect("syncs");
        for id in 5..20 {
            wal.append("s", &entry(id)).expect("appends");
        }
        // The page cache goes on showing what the disk lacks.
        disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
        wal.sync("s").expect_err("fails");
        let disk = match process_dies {
            true => disk.kill(),
            false => {
                drop(wal);
                disk
            }
        };
        let wal = open(&disk, CorruptionPolicy::Error);
        let shown = all_entries(&wal, "s");
        assert!(shown.len() >= 5);
        let stream = wal.stream("s").expect("a handle");
        assert_eq!(stream.durable_end().expect("is known"), shown.len() as u64);
        for seed in 0..16 {
            let after = disk.crash(seed, DirectoryModel::Strict);
            let found = all_entries(&open(&after, CorruptionPolicy::Error), "s");
            assert_eq!(found, shown, "seed {seed}");
        }
        disk.evict_cache(7);
        assert_eq!(all_entries(&wal, "s"), shown, "short memory");
    }
}

/// Frames that are larger than the buffer are read, checked and written once more by pieces.
#[test]
fn what_recovery_shows_of_frames_larger_than_its_buffer_is_durable() {
    let large = |id: u64| vec![id as u8 + 1; 9000 + id as usize];
    let batch: Vec<Vec<u8>> = (0..2000).map(|id| vec![id as u8; id % 9]).collect();
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    let open = |disk: &SimulatedDisk| {
        let mut options = options(Path::new("/"), SyncMode::Async);
        options.on_corruption = CorruptionPolicy::Error;
        options.read_buffer_size = 1;
        options.write_strategy = WriteStrategy::StandardIo;
        Wal::open_simulated(disk, options).expect("opens")
    };
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    wal.append("s", &large(0)).expect("appends");
    wal.sync("s").expect("syncs");
    wal.append("s", &large(1)).expect("appends");
    wal.append_batch("s", &batch).expect("appends");
    wal.append("s", b"last").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    wal.sync("s").expect_err("fails");
    let disk = disk.kill();
    let wal = open(&disk);
    let shown = all_entries(&wal, "s");
    assert_eq!(shown.len(), 2003);
    for seed in 0..16 {
        let after = disk.crash(seed, DirectoryModel::Strict);
        assert!(all_entries(&open(&after), "s") == shown, "seed {seed}");
    }
}
