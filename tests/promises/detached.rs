//! D10, when the root is moved, removed or replaced under a log that has it open: from its next change
//! of names on the log refuses with `Detached`, and nothing at that path changes.
//!
//! Before: the log went on by path, in whatever stood there, and acknowledged it; two histories lay in
//! one directory and read without an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::copy_dir;
use crate::support::entry;
use crate::support::options;

/// A log of some streams with several segments each, in segments of 10 entries.
fn fill(place: &Path, what: u64, sync_mode: SyncMode) -> Wal {
    let wal = Wal::new(small(place, sync_mode)).expect("opens");
    for id in 0..35 {
        wal.append("s", &entry(what + id)).expect("appends");
        wal.append("t", &entry(what + id)).expect("appends");
    }
    wal
}

fn small(place: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = options(place, sync_mode);
    options.max_entries_per_segment = 10;
    options.archive_path = Some(place.join("archive"));
    options
}

/// How the directory `D` of an open log comes to be another one.
type Mishap = (&'static str, fn(&Path));

const MISHAPS: [Mishap; 5] = [
    ("moved away", |place| {
        fs::rename(place.join("log"), place.join("moved")).expect("moves");
    }),
    ("removed", |place| {
        fs::remove_dir_all(place.join("log")).expect("removes");
    }),
    ("moved away, and another log put there", |place| {
        fs::rename(place.join("log"), place.join("moved")).expect("moves");
        put_another_log(place);
    }),
    ("removed, and another log put there", |place| {
        fs::remove_dir_all(place.join("log")).expect("removes");
        put_another_log(place);
    }),
    ("moved away, and a copy put there", |place| {
        fs::rename(place.join("log"), place.join("moved")).expect("moves");
        copy_dir(&place.join("moved"), &place.join("log"));
    }),
];

fn put_another_log(place: &Path) {
    let other = fill(place, 1000, SyncMode::Async);
    other.close().expect("closes");
}

/// What stands at the root and in the archive: every name, and every file's bytes.
fn at_the_path(place: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut seen = BTreeMap::new();
    for dir in [place.join("log"), place.join("archive")] {
        if dir.exists() {
            for (name, bytes) in support::files_in(&dir) {
                seen.insert(dir.join(name), bytes);
            }
        }
    }
    seen
}

fn is_detached<T: std::fmt::Debug>(place: &Path, answer: Result<T>) {
    match answer {
        Err(error @ Error::Detached(_)) => {
            let context = error.context();
            assert_eq!(context.path.as_deref(), Some(&*place.join("log")));
            assert!(context.advice.contains("open"), "{}", context.advice);
        }
        other => panic!("{other:?}"),
    }
}

/// A change of names, and its answer.
type Change = (&'static str, fn(&Wal) -> Result<()>);

const CHANGES: [Change; 8] = [
    ("rotation", |wal| {
        for id in 0..10 {
            wal.append("s", &entry(id))?;
        }
        Ok(())
    }),
    ("a new stream", |wal| wal.append("new", b"x").map(drop)),
    ("truncation", |wal| wal.truncate("s", 25).map(drop)),
    ("restoration", |wal| wal.restore_archived("s").map(drop)),
    ("deletion", |wal| wal.delete_stream("s")),
    ("deletion of an unknown stream", |wal| {
        wal.delete_stream("unknown")
    }),
    ("a sync", |wal| wal.sync("s")),
    ("a sync of all", |wal| wal.sync_all()),
];

#[test]
fn a_log_whose_directory_was_replaced_refuses_every_change_of_names_and_changes_nothing_there() {
    for (how, mishap) in MISHAPS {
        for (what, change) in CHANGES {
            let place = support::temp_dir();
            let wal = fill(place.path(), 0, SyncMode::Async);
            mishap(place.path());
            let before = at_the_path(place.path());
            println!("{how}: {what}");
            is_detached(place.path(), change(&wal));
            // Once it knows, it does not ask again.
            is_detached(place.path(), wal.append("s", b"x"));
            is_detached(place.path(), wal.close());
            assert_eq!(at_the_path(place.path()), before, "{how}: {what}");
        }
    }
}

#[test]
fn closing_says_that_the_directory_was_replaced_and_changes_nothing_there() {
    for (how, mishap) in MISHAPS {
        let place = support::temp_dir();
        let wal = fill(place.path(), 0, SyncMode::Async);
        mishap(place.path());
        let before = at_the_path(place.path());
        is_detached(place.path(), wal.close());
        assert_eq!(at_the_path(place.path()), before, "{how}");
    }
    // Also one without a stream, and one that is only dropped.
    let place = support::temp_dir();
    let wal = Wal::new(small(place.path(), SyncMode::Async)).expect("opens");
    fs::rename(place.path().join("log"), place.path().join("moved")).expect("moves");
    is_detached(place.path(), wal.close());
    let place = support::temp_dir();
    let wal = fill(place.path(), 0, SyncMode::Async);
    MISHAPS[2].1(place.path());
    let before = at_the_path(place.path());
    drop(wal);
    assert_eq!(at_the_path(place.path()), before);
}

#[test]
fn what_was_acknowledged_is_where_the_directory_is_now_and_reading_goes_on() {
    let place = support::temp_dir();
    let wal = fill(place.path(), 0, SyncMode::Strict);
    let kept = all_entries(&wal, "s");
    MISHAPS[2].1(place.path());
    is_detached(place.path(), wal.sync("s"));
    assert_eq!(all_entries(&wal, "s"), kept, "read from the old directory");
    assert_eq!(wal.get("t", 3).expect("reads"), Some(entry(3)));
    is_detached(place.path(), wal.close());
    let mut moved = small(place.path(), SyncMode::Strict);
    moved.on_corruption = CorruptionPolicy::Error;
    let other = Wal::new(moved.clone()).expect("the other log is whole");
    assert_eq!(other.get("s", 0).expect("reads"), Some(entry(1000)));
    moved.root_path = place.path().join("moved");
    let wal = Wal::new(moved).expect("the moved log is whole");
    assert_eq!(all_entries(&wal, "s"), kept);
    assert_eq!(wal.append("s", b"on").expect("appends"), 35);
}

#[test]
fn nothing_is_acknowledged_as_durable_in_a_directory_that_is_gone_for_longer_than_a_second() {
    // 30 years of entries went into a directory that was removed.
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Strict)).expect("opens");
    wal.append("s", b"x").expect("appends");
    fs::remove_dir_all(place.path().join("log")).expect("removes");
    let begun = Instant::now();
    let refused = loop {
        let asked = begun.elapsed();
        if let Err(error) = wal.append("s", b"x") {
            break error;
        }
        assert!(asked < Duration::from_secs(5), "still acknowledged");
    };
    is_detached::<()>(place.path(), Err(refused));
    is_detached(place.path(), wal.append("other", b"x"));
    let waited = wal
        .stream("s")
        .and_then(|stream| stream.wait_durable(1 << 40, Duration::from_secs(60)));
    is_detached(place.path(), waited);
}

#[test]
fn a_background_sync_finds_that_the_directory_is_gone_and_the_waiters_are_woken() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(1),
        bytes: 1 << 20,
    });
    let wal = Wal::new(options).expect("opens");
    wal.append("s", b"x").expect("appends");
    wal.sync("s").expect("syncs");
    let stream = wal.stream("s").expect("a handle");
    fs::rename(place.path().join("log"), place.path().join("moved")).expect("moves");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| stream.wait_durable(1 << 40, Duration::MAX));
        let begun = Instant::now();
        while wal.append("s", b"x").is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "never found");
            std::thread::yield_now();
        }
        is_detached(place.path(), waiter.join().expect("no panic"));
    });
}

#[test]
fn two_writers_are_kept_apart_also_when_lock_was_removed_by_hand() {
    let place = support::temp_dir();
    let wal = fill(place.path(), 0, SyncMode::Async);
    fs::remove_file(place.path().join("log/LOCK")).expect("removes");
    let second = Wal::new(small(place.path(), SyncMode::Async));
    assert!(matches!(second, Err(Error::Locked(_))), "{second:?}");
    support::run_child("find it locked", place.path());
    // The first cannot know that no other process has made another LOCK meanwhile.
    fs::write(place.path().join("log/LOCK"), b"").expect("writes");
    is_detached(place.path(), wal.truncate("s", 25));
    is_detached(place.path(), wal.close());
    let wal = Wal::new(small(place.path(), SyncMode::Async)).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 35);
}

#[test]
fn a_directory_that_is_moved_and_linked_back_is_the_same() {
    let place = support::temp_dir();
    let wal = fill(place.path(), 0, SyncMode::Async);
    let (root, moved) = (place.path().join("log"), place.path().join("moved"));
    fs::rename(&root, &moved).expect("moves");
    std::os::unix::fs::symlink(&moved, &root).expect("links");
    assert_eq!(wal.truncate("s", 25).expect("truncates"), 2);
    wal.append("new", b"x").expect("appends");
    wal.close().expect("closes");
    let wal = Wal::new(small(place.path(), SyncMode::Async)).expect("opens");
    assert_eq!(wal.streams().expect("lists"), ["new", "s", "t"]);
}

#[cfg(feature = "sharded")]
#[test]
fn checkpoints_of_a_log_whose_directory_was_replaced_are_refused() {
    type Call = fn(&sharded::ShardedWal) -> Result<()>;
    let calls: [(&str, Call); 5] = [
        ("create", |wal| wal.create_checkpoint(b"b")),
        ("prune", |wal| wal.prune_before_checkpoint(b"a").map(drop)),
        ("compact", |wal| wal.compact_checkpoints(0).map(drop)),
        ("flush all", |wal| wal.flush_all()),
        ("flush one", |wal| wal.flush_shard(0)),
    ];
    for (how, mishap) in MISHAPS {
        for (what, call) in calls {
            let place = support::temp_dir();
            let options = small(place.path(), SyncMode::Async);
            let wal = sharded::ShardedWal::new(options, 2).expect("opens");
            for id in 0..50u64 {
                wal.append(&id.to_le_bytes(), b"value").expect("appends");
            }
            wal.create_checkpoint(b"a").expect("a checkpoint");
            mishap(place.path());
            let before = at_the_path(place.path());
            println!("{how}: {what}");
            is_detached(place.path(), call(&wal));
            is_detached(place.path(), wal.append(b"k", b"v"));
            is_detached(place.path(), wal.close());
            assert_eq!(at_the_path(place.path()), before, "{how}: {what}");
        }
    }
}

#[cfg(feature = "simulation")]
fn is_change_in_log(op: &ironwal::simulation::Op) -> bool {
    op.changed() && (op.is_on("/log/") || op.is_on("/archive"))
}

/// The same question on a disk that knows no directories held open: the lock's answer alone keeps the
/// log from writing there.
#[cfg(feature = "simulation")]
#[test]
fn the_lock_alone_keeps_a_log_out_of_a_directory_that_was_replaced() {
    use ironwal::simulation::SimulatedDisk;

    for (what, change) in CHANGES {
        let disk = SimulatedDisk::new();
        let mut options = WalOptions::new("/log");
        options.sync_mode = SyncMode::Async;
        options.max_entries_per_segment = 10;
        options.archive_path = Some("/archive".into());
        let open = || Wal::open_simulated(&disk, options.clone()).expect("opens");
        let fill = |wal: &Wal, what: u64| {
            for id in 0..35 {
                wal.append("s", &entry(what + id)).expect("appends");
            }
        };
        let wal = open();
        fill(&wal, 0);
        disk.rename_by_hand("/log", "/moved").expect("moves");
        let other = open();
        fill(&other, 1000);
        other.close().expect("closes");
        let before = disk.op_count();
        let refused = change(&wal);
        assert!(
            matches!(refused, Err(Error::Detached(_))),
            "{what}: {refused:?}"
        );
        let refused = wal.close();
        assert!(
            matches!(refused, Err(Error::Detached(_))),
            "{what}: {refused:?}"
        );
        let ops = disk.ops();
        let there = |op: &&std::sync::Arc<_>| is_change_in_log(op);
        let changes = ops[before as usize..].iter().filter(there);
        assert_eq!(changes.count(), 0, "{what}");
    }
}
