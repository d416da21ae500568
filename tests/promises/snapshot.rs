//! A snapshot is the log at one moment, whole or not there, and opens without recovery.

use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::files_in;

/// A log with small segments and two streams, the first over several segments.
fn log_with_entries() -> (LogBuilder, Wal) {
    let log = LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 8);
    let wal = log.open();
    for id in 0..20 {
        wal.append("a", &entry(id)).expect("appends");
    }
    wal.append("b/with a slash", b"only one").expect("appends");
    (log, wal)
}

fn options_at(dir: &Path) -> WalOptions {
    let mut options = WalOptions::new(dir.to_path_buf());
    options.on_corruption = CorruptionPolicy::Error;
    options
}

/// Opens a snapshot, which must need no recovery.
fn open_whole(dir: &Path) -> Wal {
    let wal = Wal::new(options_at(dir)).expect("opens under Error");
    assert!(wal.recovery().streams.is_empty(), "{:?}", wal.recovery());
    wal
}

#[test]
fn a_snapshot_holds_what_was_appended_before_and_the_log_goes_on() {
    for mode in [SnapshotMode::Link, SnapshotMode::Copy] {
        let (log, wal) = log_with_entries();
        let dir = log.path().join("snapshot");
        let report = wal.snapshot_to(&dir, mode).expect("a snapshot");
        assert_eq!(
            report.streams,
            [("a".to_owned(), 20), ("b/with a slash".to_owned(), 1)]
        );
        let linked = if mode == SnapshotMode::Link { 2 } else { 0 };
        assert_eq!(report.segments_linked, linked, "{mode:?}");
        assert_eq!(report.segments_copied, 4 - linked, "{mode:?}");
        let before = files_in(&dir);
        // Over the segment that held the end, and over the one behind it.
        for id in 20..40 {
            wal.append("a", &entry(id)).expect("appends");
        }
        wal.append("c", b"later").expect("appends");
        wal.sync_all().expect("syncs");
        assert_eq!(wal.truncate("a", 16).expect("truncates"), 2);
        assert_eq!(files_in(&dir), before, "{mode:?}: the snapshot stays");
        let copy = open_whole(&dir);
        let entries: Vec<_> = (0..20).map(|id| (id, entry(id))).collect();
        assert_eq!(all_entries(&copy, "a"), entries);
        assert_eq!(copy.streams().expect("lists"), ["a", "b/with a slash"]);
        // The copy goes its own way.
        assert_eq!(copy.append("a", b"other").expect("appends"), 20);
        for id in 21..40 {
            copy.append("a", &entry(id)).expect("appends");
        }
        copy.close().expect("closes");
        assert_eq!(all_entries(&wal, "a").len(), 24, "16 to 39");
        assert_eq!(wal.get("a", 20).expect("reads"), Some(entry(20)));
        wal.close().expect("closes");
        let reopened = Wal::new(WalOptions {
            on_corruption: CorruptionPolicy::Error,
            ..log.options()
        });
        assert_eq!(all_entries(&reopened.expect("opens"), "a").len(), 24);
    }
}

#[test]
fn a_snapshot_of_an_emptied_stream_continues_its_ids() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    wal.append("s", &vec![7; 100_000]).expect("appends");
    wal.truncate("s", 1).expect("empties the stream");
    assert_eq!(wal.iter("s", 0).expect("iterates").count(), 0);
    let dir = log.path().join("snapshot");
    wal.snapshot_to(&dir, SnapshotMode::Link)
        .expect("a snapshot");
    let copy = open_whole(&dir);
    assert_eq!(copy.append("s", b"next").expect("appends"), 1);
}

/// Appends go to "first" and then to "second", by two threads, with rotations and truncations.
#[test]
fn snapshots_under_load_are_of_one_moment_each() {
    let log = LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 50);
    let wal = log.open();
    let stop = AtomicBool::new(false);
    let rounds = std::env::var("IRONWAL_SNAPSHOTS").ok();
    let rounds: usize = rounds.and_then(|text| text.parse().ok()).unwrap_or(6);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Bounded, for a machine on which snapshots are slow.
                for _ in 0..20_000 * rounds.div_ceil(6) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = wal.append("first", b"cause").expect("appends");
                    wal.append("second", &id.to_le_bytes()).expect("appends");
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let end = wal
                    .stream("first")
                    .and_then(|s| s.next_id())
                    .expect("a stream");
                // None of the stream may be there yet.
                let _ = wal.truncate("first", end.saturating_sub(1_000));
            }
        });
        for round in 0..rounds {
            let dir = log.path().join(format!("snapshot-{round}"));
            let report = wal
                .snapshot_to(&dir, SnapshotMode::Link)
                .expect("a snapshot");
            let copy = open_whole(&dir);
            for (stream, next_id) in &report.streams {
                let stream = copy.stream(stream).expect("a handle");
                assert_eq!(stream.next_id().expect("is known"), *next_id);
                let first = stream.first_id().expect("is known");
                stream.digest(first..*next_id).expect("every entry is good");
            }
            let Ok(first) = copy.stream("first").and_then(|s| s.next_id()) else {
                continue;
            };
            for effect in copy.iter("second", 0).expect("iterates") {
                let cause = effect.expect("good").try_into().map(u64::from_le_bytes);
                assert!(
                    cause.expect("eight bytes") < first,
                    "an effect without its cause"
                );
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_stands_in_the_way_of_a_snapshot_is_refused_and_stays() {
    let (log, wal) = log_with_entries();
    let config = |dir: &Path| match wal.snapshot_to(dir, SnapshotMode::Link) {
        Err(Error::Config(what)) => what,
        other => panic!("{}: {other:?}", dir.display()),
    };
    let taken = log.path().join("taken");
    std::fs::create_dir(&taken).expect("a directory");
    config(&taken);
    std::fs::write(log.path().join("file"), "x").expect("writes");
    config(&log.path().join("file"));
    std::os::unix::fs::symlink("nowhere", log.path().join("link")).expect("a link");
    config(&log.path().join("link"));
    config(&log.path().join("log/inside"));
    config(&log.path().join("log/a"));
    config(Path::new("/"));
    // A directory that is no unfinished snapshot.
    let foreign = log.path().join("foreign#new");
    std::fs::create_dir(&foreign).expect("a directory");
    std::fs::write(foreign.join("letter.txt"), "dear").expect("writes");
    config(&log.path().join("foreign"));
    assert_eq!(
        std::fs::read(foreign.join("letter.txt")).expect("stays"),
        b"dear"
    );
    let missing = log.path().join("missing/snapshot");
    match wal.snapshot_to(&missing, SnapshotMode::Link) {
        Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
    // An unfinished one gives way.
    let dir = log.path().join("snapshot");
    let remains: PathBuf = log.path().join("snapshot#new/a");
    std::fs::create_dir_all(&remains).expect("a directory");
    std::fs::write(remains.join("00000000000000000000.wal"), "torn").expect("writes");
    wal.snapshot_to(&dir, SnapshotMode::Link)
        .expect("a snapshot");
    assert!(!log.path().join("snapshot#new").exists());
    let closed = wal.clone();
    wal.close().expect("closes");
    let closed = closed.snapshot_to(&log.path().join("other"), SnapshotMode::Link);
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
}

#[test]
fn a_damaged_stream_refuses_the_snapshot_and_leaves_nothing_behind() {
    let (log, wal) = log_with_entries();
    wal.close().expect("closes");
    // Foreign: the stream cannot be opened at all.
    std::fs::write(log.path().join("log/a/00000000000000000000.wal"), "LAWL0.6").expect("writes");
    let wal = log.open();
    let dir = log.path().join("snapshot");
    let refused = wal.snapshot_to(&dir, SnapshotMode::Copy);
    assert!(
        matches!(refused, Err(Error::UnsupportedVersion(_))),
        "{refused:?}"
    );
    assert!(!dir.exists() && !log.path().join("snapshot#new").exists());
}

#[cfg(feature = "sharded")]
#[test]
fn a_sharded_snapshot_has_the_checkpoints_that_lie_below_its_ends() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let sharded = ShardedWal::on(wal.clone(), ShardedOptions::new(4)).expect("opens");
    for id in 0..100_u64 {
        sharded
            .append(&id.to_le_bytes(), &entry(id))
            .expect("appends");
        if id % 10 == 9 {
            let name = format!("after {id}");
            sharded
                .create_checkpoint(name.as_bytes())
                .expect("a checkpoint");
        }
    }
    let dir = log.path().join("snapshot");
    let plain = wal.snapshot_to(&dir, SnapshotMode::Link);
    assert!(matches!(plain, Err(Error::Config(_))), "{plain:?}");
    let report = sharded
        .snapshot_to(&dir, SnapshotMode::Link)
        .expect("a snapshot");
    let entries: u64 = report.streams.iter().map(|(_, next_id)| next_id).sum();
    assert_eq!(entries, 100);
    let copy = ShardedWal::new(options_at(&dir), 4).expect("opens");
    assert_eq!(copy.list_checkpoints(), sharded.list_checkpoints());
    let loaded = copy.load_checkpoint(b"after 59").expect("loads");
    assert_eq!(loaded.offsets.iter().sum::<u64>(), 60);
}

#[cfg(feature = "simulation")]
mod crashes {
    use super::*;
    use ironwal::simulation::DirectoryModel;
    use ironwal::simulation::FaultPlan;
    use ironwal::simulation::SimulatedDisk;

    fn open(disk: &SimulatedDisk, dir: &str) -> Result<Wal> {
        let mut options = options_at(Path::new(dir));
        options.sync_mode = SyncMode::Async;
        options.background_sync = None;
        options.max_entries_per_segment = 8;
        Wal::open_simulated(disk, options)
    }

    fn filled(disk: &SimulatedDisk) -> Wal {
        let wal = open(disk, "/log").expect("opens");
        for id in 0..20 {
            wal.append("a", &entry(id)).expect("appends");
        }
        wal.append("b", &entry(0)).expect("appends");
        wal
    }

    fn is_there(disk: &SimulatedDisk) -> bool {
        disk.files().keys().any(|path| path.starts_with("/snap"))
    }

    fn check(disk: &SimulatedDisk, case: &str) {
        let copy = open(disk, "/snap").expect(case);
        assert!(
            copy.recovery().streams.is_empty(),
            "{case}: {:?}",
            copy.recovery()
        );
        assert_eq!(all_entries(&copy, "a").len(), 20, "{case}");
        assert_eq!(all_entries(&copy, "b"), [(0, entry(0))], "{case}");
    }

    #[test]
    fn after_power_loss_at_any_call_a_snapshot_is_whole_or_not_there() {
        for mode in [SnapshotMode::Link, SnapshotMode::Copy] {
            let disk = SimulatedDisk::new();
            let wal = filled(&disk);
            let from = disk.op_count();
            wal.snapshot_to(Path::new("/snap"), mode)
                .expect("a snapshot");
            let end = disk.op_count();
            let (mut absent, mut whole) = (0, 0);
            for at in from..=end {
                for seed in 0..12 {
                    for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                        let after = disk.crash_at(at, seed, model);
                        let case = format!("{mode:?}, call {at} of {from}..{end}, seed {seed}");
                        match is_there(&after) {
                            true => check(&after, &case),
                            false => absent += 1,
                        }
                        whole += usize::from(is_there(&after));
                        assert!(at < end || is_there(&after), "{case}: it was acknowledged");
                        // The log itself, and another try over what is left.
                        let wal = open(&after, "/log").expect("opens");
                        if !is_there(&after) {
                            let again = wal.snapshot_to(Path::new("/snap"), mode);
                            again.unwrap_or_else(|error| panic!("{case}: {error}"));
                        }
                    }
                }
            }
            assert!(absent > 0 && whole > 0, "both were seen");
        }
    }

    #[test]
    fn a_snapshot_whose_calls_fail_is_whole_or_not_there_and_the_log_goes_on() {
        let disk = SimulatedDisk::new();
        let wal = filled(&disk);
        let from = disk.op_count();
        wal.snapshot_to(Path::new("/snap"), SnapshotMode::Link)
            .expect("a snapshot");
        let calls = disk.op_count() - from;
        let mut failed = 0;
        for nth in 1..=calls {
            let disk = SimulatedDisk::new();
            let wal = filled(&disk);
            disk.inject(FaultPlan::nth_call(nth));
            let made = wal.snapshot_to(Path::new("/snap"), SnapshotMode::Link);
            disk.clear_faults();
            failed += usize::from(made.is_err());
            let case = format!("call {nth} of {calls}: {made:?}");
            match (is_there(&disk), &made) {
                (true, _) => check(&disk, &case),
                (false, Ok(_)) => panic!("{case}: not there"),
                (false, Err(_)) => {}
            }
            assert_eq!(all_entries(&wal, "b").len(), 1, "{case}");
        }
        assert!(failed > 10, "{failed} of {calls} failed");
    }
}
