//! In a forked child every door of a sharded log answers `Forked`, or nothing where it has no error
//! to give, and never waits for a lock that a thread of the parent held; nothing is asked of the
//! disk, and the parent goes on.
//! Old bug: listing, counting and asking for the status of automatic checkpoints took such locks.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ironwal::Error;
use ironwal::Result;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalIdIterator;
use ironwal::WalOptions;
use ironwal::sharded::AutomaticCheckpoints;
use ironwal::sharded::CheckpointIds;

use crate::alone;

const SHARDS: u16 = 3;

/// Runs `work` in a forked process; returns whether it came to its end there in a minute.
fn in_a_fork(work: impl FnOnce()) -> bool {
    // SAFETY: the forked process runs `work` and ends without unwinding into the caller.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "forks");
    if pid == 0 {
        // SAFETY: the alarm ends a child that waits for a lock.
        unsafe { libc::alarm(60) };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // SAFETY: _exit ends the process at once.
        unsafe { libc::_exit(i32::from(ended.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waitpid writes the status only.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    status == 0
}

fn is_forked<T>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Forked))
}

fn all_answer_forked(wal: &ShardedWal, mut entries: WalIdIterator) {
    let batch = [(b"k".to_vec(), b"v".to_vec())];
    assert!(is_forked(wal.append(b"k", b"v")));
    assert!(is_forked(wal.append_batch(&batch)));
    assert!(is_forked(wal.append_batch(&[])));
    assert!(is_forked(wal.append_batch_for_key(b"k", &[b"v"])));
    assert!(is_forked(wal.append_batch_for_key(b"k", &[])));
    assert!(is_forked(wal.append_batch_single_key(b"k", &[b"v"])));
    for shard in [0, SHARDS - 1, SHARDS, u16::MAX] {
        assert!(is_forked(wal.iter_shard(shard, 0)));
        assert!(is_forked(wal.iter_shard_with_ids(shard, 0)));
        assert!(is_forked(wal.flush_shard(shard)));
    }
    assert!(is_forked(wal.flush_all()));
    for id in [&b"by hand"[..], b"unknown", b""] {
        assert!(is_forked(wal.create_checkpoint(id)));
        assert!(is_forked(wal.load_checkpoint(id)));
        assert!(is_forked(wal.prune_before_checkpoint(id)));
    }
    assert!(is_forked(wal.load_latest_checkpoint()));
    assert!(is_forked(wal.compact_checkpoints(0)));
    assert!(is_forked(wal.inner().append("shard_00", b"v")));
    assert!(entries.next().is_some_and(is_forked));
    assert_eq!(wal.list_checkpoints(), []);
    assert_eq!(wal.checkpoint_count(), 0);
    assert_eq!(wal.automatic_status(), None);
    assert_eq!(
        (wal.shard_count(), wal.shard_of(b"k") < SHARDS),
        (SHARDS, true)
    );
}

fn open(dir: &Path) -> ShardedWal {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::BatchOnly;
    let automatic = AutomaticCheckpoints {
        every_entries: Some(50),
        every: None,
        ids: CheckpointIds::Counter(b"auto-".to_vec()),
        keep_latest: Some(3),
    };
    let sharded = ShardedOptions {
        automatic: Some(automatic),
        ..ShardedOptions::new(SHARDS)
    };
    ShardedWal::with_options(options, sharded).expect("opens")
}

/// Keeps the locks busy that the child must not wait for.
fn append_and_look(wal: &ShardedWal, ended: &AtomicBool) {
    let mut n = 0u32;
    while !ended.load(Ordering::Relaxed) {
        let entry = |k: u32| ((n + k).to_le_bytes().to_vec(), b"entry".to_vec());
        wal.append_batch(&[0, 1, 2, 3].map(entry)).expect("appends");
        wal.create_checkpoint(b"by hand").expect("creates");
        wal.list_checkpoints();
        wal.automatic_status();
        n += 4;
    }
}

#[test]
fn every_door_answers_forked_in_a_forked_child_and_the_parent_goes_on() {
    let _alone = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    wal.append(b"k", b"v").expect("appends");
    wal.create_checkpoint(b"by hand").expect("creates");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = [(); 2].map(|()| scope.spawn(|| append_and_look(&wal, &ended)));
        for round in 0..40 {
            let shard = wal.shard_of(b"k");
            let entries = wal.iter_shard_with_ids(shard, 0).expect("iterates");
            let good = in_a_fork(|| {
                all_answer_forked(&wal, entries);
                // SAFETY: a second owner in this process only, which ends right after; its end is
                // what a host's exit handlers would do.
                let copy: ShardedWal = unsafe { std::ptr::read(&wal) };
                match round % 2 {
                    0 => drop(copy),
                    _ => assert!(is_forked(copy.close())),
                }
            });
            assert!(
                good,
                "round {round}: the fork failed a check, or waited for ever"
            );
        }
        ended.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().expect("appends");
        }
    });
    let count = wal.checkpoint_count();
    assert!((1..=4).contains(&count), "{count}");
    wal.append(b"k", b"goes on").expect("appends");
    wal.create_checkpoint(b"after").expect("creates");
    wal.close().expect("closes");
}
