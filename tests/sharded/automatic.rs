//! Automatic checkpoints come when they are due, are called as asked, and keep what retention says.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
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
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
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
fn ids_come_from_the_callers_function_and_its_failures_are_reported() {
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

/// Old bug: the function was called with the lock held that these wait for.
#[test]
fn the_function_that_makes_ids_may_itself_make_and_remove_checkpoints() {
    let dir = tempfile::tempdir().expect("a directory");
    let log: Arc<OnceLock<Weak<ShardedWal>>> = Arc::default();
    let known = Arc::clone(&log);
    let automatic = AutomaticCheckpoints {
        ids: CheckpointIds::Function(Arc::new(move |number| {
            let wal = known.get().and_then(Weak::upgrade).expect("the log");
            wal.create_checkpoint(b"from within").expect("creates");
            wal.prune_before_checkpoint(b"from within").expect("prunes");
            wal.compact_checkpoints(5).expect("compacts");
            format!("{number}").into_bytes()
        })),
        ..every_entries(10)
    };
    let wal = Arc::new(open(dir.path(), automatic).expect("opens"));
    log.set(Arc::downgrade(&wal)).expect("set once");
    for round in 1..=3 {
        append(&wal, 10);
        wait_until("a checkpoint", || created(&wal) == round);
    }
    let ids: Vec<_> = wal
        .list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[0], b"from within");
}

/// Old bug: the thread waited for itself to end.
#[test]
fn the_last_owner_of_the_log_may_be_its_own_thread() {
    let dir = tempfile::tempdir().expect("a directory");
    let held: Arc<Mutex<Option<Arc<ShardedWal>>>> = Arc::default();
    let holder = Arc::clone(&held);
    let was_dropped = Arc::<AtomicBool>::default();
    let reported = Arc::clone(&was_dropped);
    let automatic = AutomaticCheckpoints {
        ids: CheckpointIds::Function(Arc::new(move |_| {
            let wal = holder.lock().expect("a lock").take();
            wait_until("the last owner", || {
                wal.as_ref().is_none_or(|wal| Arc::strong_count(wal) == 1)
            });
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(wal)));
            assert!(dropped.is_ok());
            reported.store(true, Ordering::Relaxed);
            b"never made, or the last".to_vec()
        })),
        ..every_entries(10)
    };
    let wal = Arc::new(open(dir.path(), automatic).expect("opens"));
    *held.lock().expect("a lock") = Some(Arc::clone(&wal));
    append(&wal, 10);
    drop(wal);
    // Closed means that it can be opened again.
    let mut again = None;
    wait_until("the log is closed", || {
        again = ShardedWal::new(WalOptions::new(dir.path()), 3).ok();
        again.is_some()
    });
    let entries = |shard| {
        let again = again.as_ref().expect("opened");
        again.iter_shard(shard, 0).expect("iterates").count()
    };
    assert_eq!((0..3).map(entries).sum::<usize>(), 10);
    assert!(was_dropped.load(Ordering::Relaxed), "without a panic");
}

/// Old bug: entries of earlier processes were not counted, so one that died often made none.
#[test]
fn entries_that_no_checkpoint_holds_yet_count_after_reopening() {
    let dir = tempfile::tempdir().expect("a directory");
    for count in [60, 30] {
        let wal = open(dir.path(), every_entries(100)).expect("opens");
        append(&wal, count);
        wal.close().expect("closes");
    }
    let by_time = AutomaticCheckpoints {
        every: Some(Duration::from_millis(20)),
        ..every_entries(1_000_000)
    };
    let wal = open(dir.path(), every_entries(100)).expect("opens");
    append(&wal, 9);
    assert_eq!(created(&wal), 0);
    append(&wal, 1);
    wait_until("the hundredth", || created(&wal) == 1);
    append(&wal, 1);
    wal.close().expect("closes");
    let wal = open(dir.path(), by_time).expect("opens");
    wait_until("one for what is left", || created(&wal) == 1);
    let (_, data) = wal.load_latest_checkpoint().expect("loads");
    assert_eq!(data.offsets.iter().sum::<u64>(), 101);
}

/// Old bug: it was tried again only when more had been appended.
#[test]
fn a_checkpoint_that_failed_is_tried_again_when_the_next_is_due_by_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let calls = AtomicU64::new(0);
    let automatic = AutomaticCheckpoints {
        every_entries: None,
        every: Some(Duration::from_millis(5)),
        ids: CheckpointIds::Function(Arc::new(move |_| {
            match calls.fetch_add(1, Ordering::Relaxed) {
                0 => Vec::new(),
                _ => b"good".to_vec(),
            }
        })),
        keep_latest: None,
    };
    let wal = open(dir.path(), automatic).expect("opens");
    append(&wal, 1);
    wait_until("a good one", || created(&wal) == 1);
    let status = wal.automatic_status().expect("automatic");
    assert_eq!((status.failed, status.last_error), (1, None));
}

/// Old bug: with one id for all there were never more checkpoints than to be kept, so nothing was
/// ever pruned and the file grew for ever.
#[test]
fn retention_works_when_all_checkpoints_have_the_same_id() {
    let dir = tempfile::tempdir().expect("a directory");
    let automatic = AutomaticCheckpoints {
        ids: CheckpointIds::Function(Arc::new(|_| b"latest".to_vec())),
        keep_latest: Some(1),
        ..every_entries(20)
    };
    let wal = open(dir.path(), automatic).expect("opens");
    for round in 1..=40 {
        append(&wal, 20);
        wait_until("a checkpoint", || created(&wal) == round);
    }
    assert_eq!(wal.automatic_status().expect("automatic").last_error, None);
    assert_eq!(wal.checkpoint_count(), 1);
    let len = std::fs::metadata(dir.path().join("checkpoints.log"));
    assert!(len.expect("a file").len() < 4096);
    for shard in 0..3 {
        let stream = ironwal::sharded::shard_stream_name(shard);
        let stream = wal.inner().stream(&stream).expect("a handle");
        assert!(stream.first_id().expect("a number") > 0, "shard {shard}");
    }
}

#[test]
fn a_log_that_was_closed_makes_no_more_checkpoints_and_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let automatic = AutomaticCheckpoints {
        every_entries: None,
        every: Some(Duration::from_millis(1)),
        ..every_entries(1)
    };
    let wal = open(dir.path(), automatic).expect("opens");
    append(&wal, 5);
    wal.inner().clone().close().expect("closes");
    let failed = || wal.automatic_status().expect("automatic").failed;
    let before = failed();
    let quiet = Instant::now();
    wait_until("some time", || quiet.elapsed() > Duration::from_millis(100));
    assert!(failed() <= before + 1, "it is not tried for ever");
    drop(wal);
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
