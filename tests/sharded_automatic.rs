//! Automatic checkpoints come when they are due, are called as asked, and keep what retention says.
#![cfg(feature = "sharded")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::sharded::AutomaticCheckpoints;
use ironwal::sharded::CheckpointIds;

fn open(dir: &Path, automatic: AutomaticCheckpoints) -> ironwal::Result<ShardedWal> {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::Async;
    options.max_entries_per_segment = 5;
    let sharded = ShardedOptions {
        shard_count: 3,
        automatic: Some(automatic),
    };
    ShardedWal::with_options(options, sharded)
}

fn every_entries(count: u64) -> AutomaticCheckpoints {
    AutomaticCheckpoints {
        every_entries: Some(count),
        every: None,
        ids: CheckpointIds::Counter(b"auto-".to_vec()),
        keep_latest: None,
    }
}

fn append(wal: &ShardedWal, count: u32) {
    for n in 0..count {
        wal.append(&n.to_le_bytes(), b"entry").expect("appends");
    }
}

/// Waits until something holds, for at most a minute.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::yield_now();
    }
}

fn created(wal: &ShardedWal) -> u64 {
    wal.automatic_status().expect("automatic").created
}

#[test]
fn a_checkpoint_comes_after_so_many_entries_of_any_kind() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path(), every_entries(100)).expect("opens");
    append(&wal, 99);
    assert_eq!(created(&wal), 0);
    append(&wal, 1);
    wait_until("the first", || created(&wal) == 1);
    let batch: Vec<_> = (0..50u8).map(|n| (vec![n], vec![n])).collect();
    wal.append_batch(&batch).expect("appends");
    wal.append_batch_for_key(b"k", &[&b"x"[..]; 50])
        .expect("appends");
    wait_until("the second", || created(&wal) == 2);
    let (id, data) = wal.load_latest_checkpoint().expect("loads");
    assert!(id.starts_with(b"auto-") && id.len() == 25);
    assert_eq!(data.offsets.iter().sum::<u64>(), 200);
    assert_eq!(wal.automatic_status().expect("automatic").failed, 0);
}

#[test]
fn numbers_are_not_used_twice_across_opens() {
    let dir = tempfile::tempdir().expect("a directory");
    for opened in 1..=3 {
        let wal = open(dir.path(), every_entries(10)).expect("opens");
        append(&wal, 10);
        wait_until("a checkpoint", || created(&wal) == 1);
        assert_eq!(wal.checkpoint_count(), opened);
        wal.close().expect("closes");
    }
}

#[test]
fn a_checkpoint_comes_after_some_time_if_there_is_something_new() {
    let dir = tempfile::tempdir().expect("a directory");
    let automatic = AutomaticCheckpoints {
        every_entries: None,
        every: Some(Duration::from_millis(20)),
        ..every_entries(1)
    };
    let wal = open(dir.path(), automatic).expect("opens");
    append(&wal, 1);
    wait_until("the first", || created(&wal) == 1);
    // Nothing new: ten periods bring nothing.
    let quiet = Instant::now();
    wait_until("some time", || quiet.elapsed() > Duration::from_millis(200));
    assert_eq!(created(&wal), 1);
    append(&wal, 1);
    wait_until("the second", || created(&wal) == 2);
}

#[test]
fn ids_come_from_the_callers_function_and_its_failures_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let automatic = AutomaticCheckpoints {
        ids: CheckpointIds::Function(Arc::new(|number| match number {
            0 => b"first".to_vec(),
            2 => b"second".to_vec(),
            4 => Vec::new(),
            _ => panic!("as planned"),
        })),
        ..every_entries(10)
    };
    let wal = open(dir.path(), automatic).expect("opens");
    let status = || wal.automatic_status().expect("automatic");
    append(&wal, 10);
    wait_until("the first", || status().created == 1);
    append(&wal, 10);
    wait_until("the second", || status().created == 2);
    append(&wal, 10);
    wait_until("an empty id fails", || status().failed == 1);
    assert!(
        status()
            .last_error
            .expect("a failure")
            .contains("invalid checkpoint id")
    );
    wal.create_checkpoint(b"by hand").expect("creates");
    append(&wal, 10);
    wait_until("a panic fails", || status().failed == 2);
    wal.create_checkpoint(b"by hand, too")
        .expect("the log goes on");
    let ids: Vec<_> = wal
        .list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [&b"first"[..], b"second", b"by hand", b"by hand, too"]);
}

#[test]
fn retention_keeps_the_newest_and_prunes_before_the_oldest_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let automatic = AutomaticCheckpoints {
        keep_latest: Some(2),
        ..every_entries(50)
    };
    let wal = open(dir.path(), automatic).expect("opens");
    for round in 1..=6 {
        append(&wal, 50);
        wait_until("a checkpoint", || created(&wal) == round);
    }
    assert_eq!(wal.automatic_status().expect("automatic").last_error, None);
    let listed = wal.list_checkpoints();
    assert_eq!(listed.len(), 2);
    let oldest = wal.load_checkpoint(&listed[0].0).expect("loads");
    for (shard, offset) in (0..).zip(&oldest.offsets) {
        let stream = wal
            .inner()
            .stream(&ironwal::sharded::shard_stream_name(shard));
        let first_id = stream
            .and_then(|stream| stream.first_id())
            .expect("a number");
        assert!(first_id > 0 && first_id <= *offset, "{first_id} {offset}");
        assert!(
            offset - first_id <= 5,
            "no more than a segment below is kept"
        );
    }
}

#[test]
fn options_out_of_bounds_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let good = every_entries(1);
    let bad = [
        AutomaticCheckpoints {
            every_entries: None,
            ..good.clone()
        },
        AutomaticCheckpoints {
            every_entries: Some(0),
            ..good.clone()
        },
        AutomaticCheckpoints {
            every: Some(Duration::ZERO),
            ..good.clone()
        },
        AutomaticCheckpoints {
            keep_latest: Some(0),
            ..good
        },
    ];
    for automatic in bad {
        let refused = open(&dir.path().join("log"), automatic);
        assert!(matches!(refused, Err(Error::Config(_))), "{refused:?}");
    }
    assert!(!dir.path().join("log").exists());
}
