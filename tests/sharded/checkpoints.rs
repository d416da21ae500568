//! Checkpoints are found again by id and in the order they were made, superseded, compacted and
//! pruned as said, and every one that can be loaded can be replayed from.
//! Old bug (0.6): the newest was the one with the greatest timestamp, so a clock set back hid it.

use std::path::Path;

use ironwal::Error;
use ironwal::PruneStats;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;

fn options(dir: &Path) -> WalOptions {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::Async;
    options.max_entries_per_segment = 10;
    options
}

fn open(dir: &Path) -> ShardedWal {
    ShardedWal::new(options(dir), 4).expect("opens")
}

fn append(wal: &ShardedWal, count: u32) {
    for n in 0..count {
        wal.append(&n.to_le_bytes(), b"entry").expect("appends");
    }
}

fn ids(wal: &ShardedWal) -> Vec<Vec<u8>> {
    wal.list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect()
}

#[test]
fn a_checkpoint_holds_what_was_appended_before_and_makes_it_durable_in_every_mode() {
    for mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut options = options(dir.path());
        options.sync_mode = mode;
        options.background_sync = None;
        let wal = ShardedWal::new(options, 4).expect("opens");
        append(&wal, 35);
        wal.create_checkpoint(b"c").expect("creates");
        let data = wal.load_checkpoint(b"c").expect("loads");
        assert_eq!(data.offsets.iter().sum::<u64>(), 35);
        assert_eq!(data.shard_count, 4);
        assert!(data.timestamp > 1_600_000_000_000_000_000);
        for (shard, offset) in (0..).zip(&data.offsets) {
            let stream = wal
                .inner()
                .stream(&ironwal::sharded::shard_stream_name(shard));
            assert!(stream.expect("a handle").durable_end().expect("a number") >= *offset);
        }
        append(&wal, 10);
        assert_eq!(
            wal.load_latest_checkpoint().expect("loads"),
            (b"c".to_vec(), data)
        );
    }
}

#[test]
fn any_bytes_may_be_an_id() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    let every_byte: Vec<u8> = (0..=255).collect();
    let ids_given = [
        b"\0".to_vec(),
        every_byte,
        vec![0xff; 65_535],
        b"a/b\n".to_vec(),
    ];
    for id in &ids_given {
        wal.create_checkpoint(id).expect("creates");
    }
    let check = |wal: &ShardedWal| {
        assert_eq!(ids(wal), ids_given);
        for id in &ids_given {
            wal.load_checkpoint(id).expect("loads");
        }
    };
    check(&wal);
    drop(wal);
    check(&open(dir.path()));
}

#[test]
fn reusing_an_id_supersedes_and_moves_it_to_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    for (n, id) in [b"a", b"b", b"a", b"c", b"a"].into_iter().enumerate() {
        append(&wal, 1);
        wal.create_checkpoint(id).expect("creates");
        let data = wal.load_checkpoint(id).expect("loads");
        assert_eq!(data.offsets.iter().sum::<u64>(), n as u64 + 1);
    }
    let check = |wal: &ShardedWal| {
        assert_eq!(ids(wal), [b"b", b"c", b"a"]);
        assert_eq!(wal.checkpoint_count(), 3);
        let (latest, data) = wal.load_latest_checkpoint().expect("loads");
        assert_eq!((&latest[..], data.offsets.iter().sum()), (&b"a"[..], 5u64));
    };
    check(&wal);
    drop(wal);
    check(&open(dir.path()));
}

#[test]
fn compaction_keeps_the_newest_and_says_what_it_gained() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    let none = wal.compact_checkpoints(3).expect("nothing to do");
    assert_eq!(
        (
            none.checkpoints_before,
            none.checkpoints_after,
            none.bytes_reclaimed
        ),
        (0, 0, 0)
    );
    for n in 0..10u8 {
        append(&wal, 3);
        wal.create_checkpoint(&[n]).expect("creates");
    }
    let log = dir.path().join("checkpoints.log");
    let len = || std::fs::metadata(&log).expect("a file").len();
    let (before, data) = (len(), wal.load_checkpoint(&[8]).expect("loads"));
    let stats = wal.compact_checkpoints(3).expect("compacts");
    assert_eq!((stats.checkpoints_before, stats.checkpoints_after), (10, 3));
    assert_eq!(stats.bytes_reclaimed, before - len());
    let check = |wal: &ShardedWal, expected: &[u8]| {
        assert_eq!(ids(wal).concat(), expected);
        assert_eq!(wal.checkpoint_count(), expected.len());
        assert!(matches!(
            wal.load_checkpoint(&[2]),
            Err(Error::CheckpointNotFound(_))
        ));
    };
    check(&wal, &[7, 8, 9]);
    assert_eq!(wal.load_checkpoint(&[8]).expect("loads"), data);
    wal.create_checkpoint(&[10]).expect("creates");
    check(&wal, &[7, 8, 9, 10]);
    drop(wal);
    let wal = open(dir.path());
    check(&wal, &[7, 8, 9, 10]);
    assert_eq!(wal.load_checkpoint(&[8]).expect("loads"), data);
    let stats = wal.compact_checkpoints(0).expect("compacts");
    assert_eq!((stats.checkpoints_before, stats.checkpoints_after), (4, 0));
    assert!(matches!(
        wal.load_latest_checkpoint(),
        Err(Error::NoCheckpoints)
    ));
    drop(wal);
    let wal = open(dir.path());
    check(&wal, &[]);
    wal.create_checkpoint(&[11]).expect("creates");
    drop(wal);
    check(&open(dir.path()), &[11]);
}

#[test]
fn pruning_removes_entries_below_and_reports_checkpoints_before() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    wal.create_checkpoint(b"empty").expect("creates");
    let nothing = wal.prune_before_checkpoint(b"empty").expect("prunes");
    assert_eq!(nothing, PruneStats::default());
    for n in 0..5u8 {
        append(&wal, 200);
        wal.create_checkpoint(&[n]).expect("creates");
    }
    let before = wal.load_checkpoint(&[2]).expect("loads");
    let stats = wal.prune_before_checkpoint(&[2]).expect("prunes");
    let expected: u64 = before.offsets.iter().map(|offset| (offset - 1) / 10).sum();
    assert_eq!(stats.shards_pruned, 4);
    assert!(
        stats.segments_deleted as u64 >= expected,
        "{stats:?}, {expected}"
    );
    let check = |wal: &ShardedWal| {
        for old in [&b"empty"[..], &[0], &[1]] {
            for refused in [
                wal.load_checkpoint(old).map(drop),
                wal.prune_before_checkpoint(old).map(drop),
            ] {
                assert!(
                    matches!(refused, Err(Error::CheckpointPruned { .. })),
                    "{refused:?}"
                );
            }
        }
        assert_eq!(ids(wal).concat(), [2, 3, 4]);
        assert_eq!(wal.checkpoint_count(), 3);
        let data = wal.load_checkpoint(&[2]).expect("loads");
        assert_eq!(data, before);
        for (shard, offset) in (0..).zip(&data.offsets) {
            let first = wal
                .iter_shard_with_ids(shard, *offset)
                .expect("iterates")
                .next();
            assert_eq!(first.expect("an entry").expect("good").0, *offset);
        }
    };
    check(&wal);
    assert_eq!(
        wal.prune_before_checkpoint(&[2]).expect("again"),
        PruneStats::default()
    );
    drop(wal);
    let wal = open(dir.path());
    check(&wal);
    // A pruned id that is used again is a new checkpoint.
    wal.create_checkpoint(b"empty").expect("creates");
    wal.load_checkpoint(b"empty").expect("loads");
    let stats = wal.compact_checkpoints(2).expect("compacts");
    assert_eq!((stats.checkpoints_before, stats.checkpoints_after), (4, 2));
    assert_eq!(ids(&wal), [&b"\x04"[..], b"empty"]);
}

#[test]
fn a_checkpoint_past_which_a_shard_was_truncated_directly_is_pruned_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 50);
    wal.create_checkpoint(b"c").expect("creates");
    append(&wal, 500);
    wal.inner()
        .truncate("shard_01", u64::MAX)
        .expect("truncates");
    match wal.load_checkpoint(b"c") {
        Err(Error::CheckpointPruned { id, .. }) => assert_eq!(id, "c"),
        other => panic!("{other:?}"),
    }
}

/// Old bug: entries that were lost were reported as pruned.
#[test]
fn a_checkpoint_whose_entries_were_lost_loads_and_reading_reports_the_loss() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    wal.create_checkpoint(b"c").expect("creates");
    append(&wal, 500);
    wal.close().expect("closes");
    let first = dir.path().join("shard_01").join(format!("{:020}.wal", 0));
    std::fs::remove_file(first).expect("removes");
    let wal = open(dir.path());
    let data = wal.load_checkpoint(b"c").expect("nothing was pruned");
    let read = wal.iter_shard(1, data.offsets[1]).expect("iterates").next();
    assert!(
        matches!(read, Some(Err(Error::SegmentNotFound(0)))),
        "{read:?}"
    );
}

#[test]
fn the_order_of_checkpoints_is_that_of_the_log_and_not_of_the_clock() {
    // Made so fast that a coarse clock gives many of them the same time.
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    let expected: Vec<Vec<u8>> = (0..200u32).map(|n| n.to_be_bytes().to_vec()).collect();
    for id in &expected {
        wal.create_checkpoint(id).expect("creates");
    }
    drop(wal);
    let wal = open(dir.path());
    assert_eq!(ids(&wal), expected);
    assert_eq!(
        Some(&wal.load_latest_checkpoint().expect("loads").0),
        expected.last()
    );
}

#[test]
fn checkpoints_are_loaded_while_others_are_made_and_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 100);
    wal.create_checkpoint(b"first").expect("creates");
    std::thread::scope(|scope| {
        let maker = scope.spawn(|| {
            for n in 0..100u32 {
                append(&wal, 1);
                wal.create_checkpoint(&n.to_le_bytes()).expect("creates");
                wal.create_checkpoint(b"first").expect("creates");
                if n % 10 == 9 {
                    wal.compact_checkpoints(5).expect("compacts");
                }
            }
        });
        while !maker.is_finished() {
            wal.load_checkpoint(b"first").expect("never missing");
            wal.load_latest_checkpoint().expect("never missing");
            assert!(wal.list_checkpoints().len() <= 30);
        }
    });
}
