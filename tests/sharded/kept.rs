//! A retention keeps what a live checkpoint needs.

use ironwal::simulation::SimulatedDisk;
use ironwal::*;

const ALL: u64 = 0;

fn options() -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_entries_per_segment = 4;
    options
}

fn open(disk: &SimulatedDisk) -> ShardedWal {
    ShardedWal::open_simulated(disk, options(), ShardedOptions::new(1)).expect("opens")
}

fn append(log: &ShardedWal, count: usize) {
    for _ in 0..count {
        log.append(b"k", &[7; 64]).expect("appends");
    }
}

/// The first id of the only shard once a retention was applied that keeps as little as it can.
fn first_kept(log: &ShardedWal) -> u64 {
    let retention = Retention::new().with_max_bytes(ALL);
    log.inner().apply_retention(&retention).expect("applies");
    let shard = log.inner().stream("shard_00").expect("a handle");
    shard.stats().expect("reports").first_id
}

#[test]
fn no_entry_goes_that_a_live_checkpoint_needs() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    append(&log, 10);
    assert_eq!(first_kept(&log), 8, "without a checkpoint");
    append(&log, 4);
    log.create_checkpoint(b"old").expect("creates");
    append(&log, 10);
    log.create_checkpoint(b"new").expect("creates");
    append(&log, 10);
    assert_eq!(first_kept(&log), 12, "old lies at 14");
    log.load_checkpoint(b"old").expect("can be loaded");
    // Also after the log was opened again.
    log.close().expect("closes");
    let log = open(&disk);
    append(&log, 5);
    assert_eq!(first_kept(&log), 12);
    log.prune_before_checkpoint(b"new").expect("prunes");
    assert_eq!(first_kept(&log), 24, "new lies at 24");
    log.compact_checkpoints(0).expect("removes all");
    assert_eq!(first_kept(&log), 36);
}

#[test]
fn a_checkpoint_that_takes_the_place_of_the_oldest_frees_what_that_one_needed() {
    // One id over and over is the usual way of a program that needs the latest only.
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    for round in 1..=5 {
        append(&log, 8);
        log.create_checkpoint(b"latest").expect("creates");
        append(&log, 1);
        let end = 9 * round - 1;
        assert_eq!(first_kept(&log), end / 4 * 4);
    }
}

#[test]
fn a_log_with_checkpoints_that_is_not_open_as_a_sharded_log_is_refused() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    append(&log, 10);
    log.create_checkpoint(b"only").expect("creates");
    append(&log, 10);
    log.close().expect("closes");
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    let all = Retention::new().with_max_bytes(ALL);
    let refused = wal.apply_retention(&all).expect_err("is refused");
    assert!(
        matches!(&refused, Error::Config(what) if what.contains("checkpoints.log")),
        "{refused}"
    );
    assert_eq!(wal.iter("shard_00", 0).expect("iterates").count(), 20);
    let log = ShardedWal::on(wal, ShardedOptions::new(1)).expect("opens");
    assert_eq!(first_kept(&log), 8);
    log.load_checkpoint(b"only").expect("can be loaded");
    // Once it is gone, its checkpoints are unknown again.
    let wal = log.inner().clone();
    drop(log);
    assert!(wal.apply_retention(&all).is_err());
}

#[test]
fn a_checkpoint_that_cannot_be_read_keeps_everything() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    append(&log, 10);
    log.create_checkpoint(b"only").expect("creates");
    append(&log, 10);
    log.close().expect("closes");
    let mut bytes = disk.contents("/log/checkpoints.log").expect("reads");
    let len = bytes.len();
    bytes[1536..len].fill(0xAA);
    disk.put("/log/checkpoints.log", &bytes);
    let log = open(&disk);
    assert_eq!(first_kept(&log), 0);
    log.compact_checkpoints(0).expect("removes all");
    assert_eq!(first_kept(&log), 16);
}
