//! What fails is reported, leaves nothing half done, and does not stop what it has nothing to do with.
//! Old bug (0.6): a batch of which one shard failed said nothing of those that had succeeded.

use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

const SHARDS: u16 = 4;

fn open(disk: &SimulatedDisk, sync_mode: SyncMode) -> ShardedWal {
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.background_sync = None;
    ShardedWal::open_simulated(disk, options, ShardedOptions::new(SHARDS)).expect("opens")
}

/// One entry for each shard.
fn one_each(wal: &ShardedWal) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |shard| {
        let key = (0u32..)
            .map(u32::to_le_bytes)
            .find(|key| wal.shard_of(key) == shard);
        key.expect("a key of the shard").to_vec()
    };
    (0..SHARDS)
        .map(|shard| (key(shard), vec![shard as u8]))
        .collect()
}

fn count(wal: &ShardedWal, shard: u16) -> usize {
    wal.iter_shard(shard, 0).expect("iterates").count()
}

#[test]
fn a_batch_that_fails_in_one_shard_says_which_hold_their_part() {
    for mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode);
        let batch = one_each(&wal);
        wal.append_batch(&batch).expect("appends");
        disk.inject(
            FaultPlan::nth(OpKind::Write, 1)
                .on_path("shard_02")
                .code(libc::ENOSPC),
        );
        let error = wal.append_batch(&batch).expect_err("no space in one shard");
        assert_eq!(error.os_error(), Some(libc::ENOSPC));
        match error {
            Error::BatchIncomplete {
                committed, failed, ..
            } => {
                assert_eq!(committed, [(0, 1..2), (1, 1..2)], "{mode:?}");
                assert_eq!(failed, [2, 3], "shard 3 was not tried");
            }
            other => panic!("{other:?}"),
        }
        let counts = [0, 1, 2, 3].map(|shard| count(&wal, shard));
        assert_eq!(counts, [2, 2, 1, 1], "{mode:?}");
        if mode != SyncMode::Async {
            let after = open(&disk.crash(0, DirectoryModel::Strict), mode);
            assert_eq!([0, 1, 2, 3].map(|shard| count(&after, shard)), counts);
        }
        // Space again: what failed is appended once more, and nothing is poisoned.
        wal.append_batch(&batch[2..]).expect("appends");
        assert_eq!([0, 1, 2, 3].map(|shard| count(&wal, shard)), [2; 4]);
    }
}

#[test]
fn a_failed_sync_of_one_shard_poisons_that_shard_only() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let batch = one_each(&wal);
    wal.append_batch(&batch).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("shard_01"));
    match wal.append_batch(&batch) {
        Err(Error::BatchIncomplete {
            committed, failed, ..
        }) => {
            assert_eq!(committed, [(0, 1..2), (2, 1..2), (3, 1..2)]);
            assert_eq!(failed, [1]);
        }
        other => panic!("{other:?}"),
    }
    for (shard, (key, value)) in batch.iter().enumerate() {
        let appended = wal.append(key, value);
        assert_eq!(appended.is_ok(), shard != 1, "{appended:?}");
    }
    // No cut goes through a poisoned shard.
    assert!(matches!(
        wal.create_checkpoint(b"c"),
        Err(Error::Poisoned { .. })
    ));
    assert_eq!(wal.checkpoint_count(), 0);
    assert!(wal.flush_all().is_err() && wal.flush_shard(0).is_ok());
}

/// Old bug: under `BatchOnly` the part counted as acknowledged before it was durable.
#[test]
fn what_a_batch_could_not_make_durable_is_not_served() {
    for mode in [SyncMode::Strict, SyncMode::BatchOnly] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode);
        let batch = one_each(&wal);
        wal.append_batch(&batch).expect("appends");
        disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("shard_01"));
        wal.append_batch(&batch).expect_err("one shard fails");
        let counts = [0, 1, 2, 3].map(|shard| count(&wal, shard));
        assert_eq!(counts, [2, 1, 2, 2], "{mode:?}");
    }
}

/// Old bug: such a shard was reported lost and to be restored from a copy.
#[test]
fn a_shard_whose_tail_cannot_be_proven_at_open_is_poisoned_and_not_lost() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.append_batch(&one_each(&wal)).expect("appends");
    wal.create_checkpoint(b"c").expect("creates");
    let mut unproven = 0;
    for seed in 0..32 {
        // The frontier lags behind what the checkpoint counts on: that is written again.
        let disk = disk.crash(seed, DirectoryModel::Strict);
        disk.inject(FaultPlan::nth(OpKind::Write, 1).on_path("shard_01/0"));
        let wal = open(&disk, SyncMode::Async);
        if disk.faults_fired() == 0 {
            continue;
        }
        unproven += 1;
        let (key, value) = one_each(&wal).swap_remove(1);
        let refused = wal.append(&key, &value);
        assert!(
            matches!(refused, Err(Error::Poisoned { .. })),
            "{refused:?}"
        );
        wal.iter_shard(1, 0).expect("what is proven is served");
        drop(wal);
        assert_eq!(count(&open(&disk, SyncMode::Async), 1), 1);
    }
    assert!(unproven > 0);
}

#[test]
fn a_batch_that_fails_everywhere_is_an_ordinary_failure() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let batch = one_each(&wal);
    wal.append_batch(&batch).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Write, 1).forever());
    let error = wal
        .append_batch(&batch)
        .expect_err("nothing can be written");
    assert!(matches!(error, Error::Io(_)), "{error:?}");
}

#[test]
fn a_checkpoint_that_finds_no_space_is_none_and_the_next_one_works() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.append_batch(&one_each(&wal)).expect("appends");
    wal.create_checkpoint(b"first").expect("creates");
    let full = FaultPlan::nth(OpKind::Write, 1).on_path("checkpoints.log");
    disk.inject(full.code(libc::ENOSPC).short_write(20));
    let error = wal.create_checkpoint(b"second").expect_err("no space");
    assert_eq!(error.os_error(), Some(libc::ENOSPC));
    assert_eq!(wal.checkpoint_count(), 1);
    assert!(matches!(
        wal.load_checkpoint(b"second"),
        Err(Error::CheckpointNotFound(_))
    ));
    wal.create_checkpoint(b"third").expect("creates");
    let after = open(&disk.crash(0, DirectoryModel::Strict), SyncMode::Async);
    let ids: Vec<_> = after
        .list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [b"first", b"third"]);
}

/// Half a write leaves half a record, or half a slot: neither is damage to what was acknowledged.
#[test]
fn half_a_write_to_the_checkpoint_log_is_no_damage_even_under_the_strict_policy() {
    let mut failed = 0;
    for nth in 1..=12 {
        for written in [1, 7, 20, 300] {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, SyncMode::Async);
            wal.append_batch(&one_each(&wal)).expect("appends");
            let half = FaultPlan::nth(OpKind::Write, nth).on_path("checkpoints.log");
            disk.inject(half.code(libc::ENOSPC).short_write(written));
            let mut acknowledged = Vec::new();
            for id in [b"a", b"b", b"c", b"d"] {
                match wal.create_checkpoint(id) {
                    Ok(()) => acknowledged.push(id.to_vec()),
                    Err(_) => failed += 1,
                }
            }
            for disk in [disk.crash(1, DirectoryModel::Strict), disk.kill()] {
                let mut options = WalOptions::new("/log");
                options.on_corruption = CorruptionPolicy::Error;
                let sharded = ShardedOptions::new(SHARDS);
                let wal = ShardedWal::open_simulated(&disk, options, sharded);
                let wal = wal.unwrap_or_else(|error| panic!("write {nth}: {error}"));
                for id in &acknowledged {
                    wal.load_checkpoint(id).expect("was acknowledged");
                }
                wal.create_checkpoint(b"next").expect("creates");
            }
        }
    }
    assert!(failed > 20, "{failed}");
}

#[test]
fn a_failed_sync_of_the_checkpoint_log_latches_and_appends_go_on() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let batch = one_each(&wal);
    wal.append_batch(&batch).expect("appends");
    wal.create_checkpoint(b"first").expect("creates");
    let data = wal.load_checkpoint(b"first").expect("loads");
    disk.inject(
        FaultPlan::nth(OpKind::SyncData, 1)
            .on_path("checkpoints.log")
            .dropping_dirty(),
    );
    assert!(matches!(
        wal.create_checkpoint(b"second"),
        Err(Error::Io(_))
    ));
    for refused in [
        wal.create_checkpoint(b"third"),
        wal.prune_before_checkpoint(b"first").map(drop),
        wal.compact_checkpoints(1).map(drop),
    ] {
        match refused {
            Err(Error::Poisoned { stream, .. }) => assert_eq!(stream, "checkpoints.log"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        wal.load_latest_checkpoint().expect("loads"),
        (b"first".to_vec(), data.clone())
    );
    wal.append_batch(&batch).expect("appending goes on");
    // The page cache shows a record that the disk lacks: what is served is made durable first.
    let next = open(&disk.kill(), SyncMode::Async);
    let shown: Vec<_> = next.list_checkpoints();
    next.create_checkpoint(b"fourth").expect("works again");
    assert_eq!(next.load_checkpoint(b"first").expect("loads"), data);
    assert!(shown.len() == 1 || shown.len() == 2);
}

#[test]
fn what_a_killed_process_left_unsynced_is_durable_before_it_is_served() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.append_batch(&one_each(&wal)).expect("appends");
    wal.create_checkpoint(b"first").expect("creates");
    disk.inject(
        FaultPlan::nth(OpKind::SyncData, 1)
            .on_path("checkpoints.log")
            .dropping_dirty(),
    );
    wal.create_checkpoint(b"second")
        .expect_err("the sync fails");
    let killed = disk.kill();
    let next = open(&killed, SyncMode::Async);
    let shown = next.list_checkpoints();
    assert_eq!(shown.len(), 2, "the page cache shows it");
    let after = open(&killed.crash(0, DirectoryModel::Strict), SyncMode::Async);
    assert_eq!(after.list_checkpoints(), shown);
}

#[test]
fn a_hint_that_cannot_be_written_stops_nothing() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    disk.inject(FaultPlan::nth_call(1).on_path("HEAD").forever());
    wal.create_checkpoint(b"c").expect("creates");
    assert!(disk.faults_fired() > 0);
    wal.load_checkpoint(b"c").expect("loads");
}

#[test]
fn a_checkpoint_log_that_cannot_be_read_is_no_damage_and_is_not_touched() {
    // The open succeeded. Had a rollback been interrupted, the next one would have cut what was appended.
    for policy in [CorruptionPolicy::Truncate, CorruptionPolicy::Error] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Async);
        wal.create_checkpoint(b"c").expect("creates");
        drop(wal);
        let before = disk.contents("/log/checkpoints.log").expect("a file");
        disk.inject(FaultPlan::nth(OpKind::Read, 1).on_path("checkpoints.log"));
        let mut options = WalOptions::new("/log");
        options.on_corruption = policy;
        let sharded = ShardedOptions::new(SHARDS);
        let refused = ShardedWal::open_simulated(&disk, options, sharded).map(drop);
        assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
        let after = disk.contents("/log/checkpoints.log").expect("a file");
        assert_eq!(after, before);
        open(&disk, SyncMode::Async)
            .load_checkpoint(b"c")
            .expect("loads");
    }
}

#[test]
fn the_shard_count_is_durable_before_anything_can_be_appended() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let after = disk.crash(0, DirectoryModel::Strict);
    drop(wal);
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Strict;
    let other = ShardedWal::open_simulated(&after, options, ShardedOptions::new(SHARDS + 1));
    assert!(
        matches!(other, Err(Error::ShardCountMismatch { .. })),
        "{other:?}"
    );
}

/// The disk after the process died right after it renamed the file, and a new one opened the log.
fn reopened_after_renaming(disk: &SimulatedDisk, file: &str) -> SimulatedDisk {
    let ops = disk.ops();
    let renamed = ops
        .iter()
        .find(|op| op.kind == OpKind::Rename && op.is_on(file));
    let renamed = renamed.expect("it is renamed").index;
    let mut replay = disk.replay();
    while replay.op_index() < renamed && replay.step() {}
    replay.kill()
}

#[test]
fn a_checkpoint_log_that_a_killed_process_named_is_durable_before_it_is_relied_on() {
    // Its name was not synced at open: a power cut took a checkpoint acknowledged meanwhile.
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    wal.append(b"k", b"v").expect("appends");
    wal.create_checkpoint(b"first").expect("creates");
    let disk = reopened_after_renaming(&disk, "checkpoints.log");
    let wal = open(&disk, SyncMode::Strict);
    wal.create_checkpoint(b"second").expect("creates");
    for seed in 0..64 {
        let crashed = disk.crash(seed, DirectoryModel::Strict);
        let (id, _) = open(&crashed, SyncMode::Strict)
            .load_latest_checkpoint()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(id, b"second");
    }
}

#[test]
fn a_shard_count_that_a_killed_process_named_is_durable_before_anything_can_be_appended() {
    // Its name was not synced at open: a power cut could take it from beside the shards, and the
    // log was refused.
    let disk = SimulatedDisk::new();
    drop(open(&disk, SyncMode::Async));
    let disk = reopened_after_renaming(&disk, "shards.meta");
    let wal = open(&disk, SyncMode::Async);
    wal.append_batch(&one_each(&wal)).expect("appends");
    for seed in 0..256 {
        drop(open(
            &disk.crash(seed, DirectoryModel::Strict),
            SyncMode::Async,
        ));
    }
}

#[test]
fn on_a_full_disk_the_checkpoint_log_leaves_no_copy_in_part_and_with_room_one() {
    // Each opening left another file, as the copy was given its name before it was whole.
    let path = "/log/checkpoints.log";
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.create_checkpoint(b"c").expect("creates");
    wal.close().expect("closes");
    let disk = disk.kill();
    let mut bytes = disk.contents(path).expect("reads");
    let torn = vec![7; 9000];
    bytes.extend(&torn);
    bytes[512 + 50] ^= 1;
    disk.put(path, &bytes);
    let copies = || {
        let files = disk.files().into_iter();
        let beside = |path: &str| path.starts_with("/log/checkpoints.log#");
        let copies = files.filter(|(path, _)| beside(&path.to_string_lossy()));
        copies.map(|(_, bytes)| bytes).collect::<Vec<_>>()
    };
    for room in [0, 4096, 2 * 4096] {
        for _ in 0..10 {
            disk.set_capacity(disk.used_bytes() + room);
            let wal = open(&disk, SyncMode::Async);
            assert!(wal.load_checkpoint(b"c").is_ok(), "it is durable");
            assert!(
                wal.create_checkpoint(b"d").is_err(),
                "nothing may overwrite the rest"
            );
            drop(wal);
            assert!(
                copies().is_empty(),
                "{} with room for {room} bytes",
                copies().len()
            );
        }
    }
    disk.set_capacity(None);
    for _ in 0..10 {
        disk.inject(FaultPlan::nth(OpKind::SetLen, 1).on_path("checkpoints.log"));
        drop(open(&disk, SyncMode::Async));
        disk.clear_faults();
        assert!(copies() == [torn.clone()], "{} copies", copies().len());
    }
    let wal = open(&disk, SyncMode::Async);
    wal.create_checkpoint(b"d").expect("creates");
    assert!(copies() == [torn], "{} copies", copies().len());
}
