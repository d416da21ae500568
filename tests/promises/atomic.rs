//! Is a batch over several streams there whole or not at all, whatever happens (D3 over streams)?

use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

const KEYS: [&str; 3] = ["alice", "bob", "carol"];

fn options(commit_path: CommitPath, mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.commit_path = commit_path;
    options.sync_mode = mode;
    options.background_sync = None;
    options.max_entries_per_segment = 5;
    options.journal_size = 256 << 10;
    options
}

fn open(disk: &SimulatedDisk, options: &WalOptions) -> Wal {
    let sink: LogSink = Arc::new(|_, _| ());
    Wal::open_simulated_stepped(disk, options.clone(), sink).expect("opens")
}

fn entries(wal: &Wal, key: &str) -> Vec<Vec<u8>> {
    let entries = wal.iter(key, 0).expect("iterates");
    entries
        .map(|entry| entry.expect("an entry").to_vec())
        .collect()
}

/// Appends `number` to all streams, as one batch.
fn append_to_all(wal: &Wal, number: u8) -> Result<()> {
    let streams = KEYS.map(|key| wal.stream(key).expect("a handle"));
    let entry: [&[u8]; 1] = [&[number]];
    let parts = streams.iter().map(|stream| (stream, Append::new(&entry)));
    wal.append_atomic(&parts.collect::<Vec<_>>()).map(drop)
}

/// How many batches the log has: the same number in each stream, and their numbers without a gap.
fn batches(wal: &Wal) -> usize {
    let all = KEYS.map(|key| entries(wal, key));
    let numbers: Vec<Vec<u8>> = (0..all[0].len() as u8).map(|number| vec![number]).collect();
    for entries in &all {
        assert_eq!(*entries, numbers);
    }
    numbers.len()
}

const MODES: [(CommitPath, SyncMode); 4] = [
    (CommitPath::InPlace, SyncMode::Strict),
    (CommitPath::Journal, SyncMode::Strict),
    (CommitPath::Auto, SyncMode::BatchOnly),
    (CommitPath::Journal, SyncMode::Async),
];

#[test]
fn all_parts_are_there_or_none_after_every_crash() {
    for (path, mode) in MODES {
        let options = options(path, mode);
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &options);
        let mut acknowledged = Vec::new();
        for number in 0..8 {
            append_to_all(&wal, number).expect("appends");
            acknowledged.push(disk.op_count());
            if number % 4 == 3 {
                wal.step_helpers();
            }
        }
        disk.kill();
        drop(wal);
        let mut replay = disk.replay();
        let mut moment = 0;
        while replay.step_to_change() {
            moment += 1;
            // Each mode has other moments; all are tried by `IRONWAL_LONG=1`.
            if moment % 3 != mode as u64 % 3 && std::env::var_os("IRONWAL_LONG").is_none() {
                continue;
            }
            let at = replay.op_index();
            let least = acknowledged.iter().filter(|end| **end <= at).count();
            let crashed = [
                replay.crash(at % 8, DirectoryModel::Strict),
                replay.crash(at % 7, DirectoryModel::Ordered),
                replay.kill(),
            ];
            for disk in crashed {
                let wal = open(&disk, &options);
                let found = batches(&wal);
                assert!(
                    (least..=least + 1).contains(&found),
                    "{path:?}, {mode:?}, call {at}: {found} batches of {least}"
                );
                // It goes on.
                append_to_all(&wal, found as u8).expect("appends");
                assert_eq!(batches(&wal), found + 1);
            }
        }
    }
}

#[test]
fn a_call_that_fails_leaves_all_parts_or_none() {
    for (path, mode) in MODES {
        let options = options(path, mode);
        // How many calls a batch takes, once the log is warm.
        let plans = (1..).flat_map(|nth| {
            let plan = FaultPlan::nth_call(nth);
            [(nth, plan.clone()), (nth, plan.after_the_effect())]
        });
        for (nth, plan) in plans {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, &options);
            for number in 0..7 {
                append_to_all(&wal, number).expect("appends");
            }
            disk.inject(plan);
            let appended = append_to_all(&wal, 7);
            let has_failed = disk.faults_fired() > 0;
            disk.clear_faults();
            match &appended {
                Ok(()) => {}
                Err(error) => {
                    assert!(
                        matches!(error, Error::Io(_) | Error::Poisoned { .. }),
                        "{error}"
                    );
                    if append_to_all(&wal, 7).is_ok() {
                        assert_eq!(batches(&wal), 8, "{path:?}, {mode:?}, call {nth}");
                    }
                }
            }
            for disk in [disk.crash(0, DirectoryModel::Strict), disk.kill()] {
                let wal = open(&disk, &options);
                let found = batches(&wal);
                let least = if appended.is_ok() { 8 } else { 7 };
                assert!(
                    (least..=8).contains(&found),
                    "{path:?}, {mode:?}, call {nth}"
                );
                append_to_all(&wal, found as u8).expect("appends");
            }
            if !has_failed {
                assert!(nth > 4, "the batch makes calls");
                break;
            }
        }
    }
}

#[test]
fn one_sync_makes_all_parts_durable() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &options(CommitPath::InPlace, SyncMode::Async));
    append_to_all(&wal, 0).expect("appends");
    let syncs = |disk: &SimulatedDisk| {
        let kinds = [OpKind::SyncData, OpKind::SyncAll, OpKind::SyncDir];
        kinds.map(|kind| disk.count(kind)).iter().sum::<u64>()
    };
    let before = syncs(&disk);
    append_to_all(&wal, 1).expect("appends");
    assert_eq!(syncs(&disk), before + 1);
}

#[test]
fn parts_get_ids_properties_and_their_order() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &options(CommitPath::Journal, SyncMode::Strict));
    let [a, b] = ["b", "a"].map(|key| wal.stream(key).expect("a handle"));
    a.append(b"0").expect("appends");
    let ids = wal
        .batch()
        .add(&a, Append::new(&[b"1", b"2"]).expecting(1))
        .add(&b, Append::new(&[]).with_properties(&[(b"k", Some(b"v"))]))
        .commit();
    assert_eq!(ids.expect("appends"), [1..3, 0..0]);
    let wal = open(
        &disk.crash(0, DirectoryModel::Strict),
        &options(CommitPath::InPlace, SyncMode::Strict),
    );
    assert_eq!(entries(&wal, "b"), [b"0", b"1", b"2"]);
    let stream = wal.stream("a").expect("a handle");
    assert_eq!(
        stream.property(b"k").expect("reads").as_deref(),
        Some(&b"v"[..])
    );
}

#[test]
fn what_cannot_be_appended_leaves_nothing_anywhere() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &options(CommitPath::Auto, SyncMode::Strict));
    append_to_all(&wal, 0).expect("appends");
    let [a, b, c] = KEYS.map(|key| wal.stream(key).expect("a handle"));
    let one = Append::new(&[b"x"]);
    let large = vec![0; 300 << 10];
    let large = [&large[..]];
    let other_disk = SimulatedDisk::new();
    let other = open(&other_disk, &options(CommitPath::Auto, SyncMode::Strict));
    let foreign = other.stream("alice").expect("a handle");
    let gone = wal.stream("gone").expect("a handle");
    gone.append(b"x").expect("appends");
    wal.delete_stream("gone").expect("deletes");
    let refused: [(&str, Vec<(&Stream, Append<'_>)>); 7] = [
        (
            "expects",
            vec![(&a, one), (&b, one.expecting(7)), (&c, one)],
        ),
        ("twice", vec![(&a, one), (&a, one)]),
        ("another log", vec![(&a, one), (&foreign, one)]),
        ("neither", vec![(&a, one), (&b, Append::new(&[]))]),
        ("limit", vec![(&a, one), (&b, Append::new(&large))]),
        ("gone", vec![(&a, one), (&gone, one)]),
        (
            "property key",
            vec![(&a, one), (&b, one.with_properties(&[(b"", None)]))],
        ),
    ];
    for (what, parts) in refused {
        let error = wal.append_atomic(&parts).expect_err(what);
        match what {
            "expects" => assert!(matches!(
                error,
                Error::SequenceMismatch {
                    expected: 7,
                    found: 1
                }
            )),
            "limit" => assert!(matches!(error, Error::TooLarge { .. }), "{error}"),
            "gone" => assert!(matches!(error, Error::StreamNotFound(_)), "{error}"),
            _ => assert!(
                matches!(error, Error::Config(_)) && error.to_string().contains(what),
                "{error}"
            ),
        }
        assert_eq!(batches(&wal), 1, "{what}");
    }
    assert_eq!(wal.append_atomic(&[]).expect("does nothing"), []);
    append_to_all(&wal, 1).expect("appends");
    assert_eq!(batches(&wal), 2);
}

#[test]
fn threads_share_streams_and_no_batch_is_seen_in_part() {
    // Each moves one from a stream to another: the sum of both stays. Beside them others append.
    let disk = SimulatedDisk::new();
    let sink: LogSink = Arc::new(|_, _| ());
    let mut options = options(CommitPath::Journal, SyncMode::Strict);
    options.journal_size = 4 << 20;
    let wal = Wal::open_simulated_logging(&disk, options.clone(), sink).expect("opens");
    std::thread::scope(|scope| {
        for thread in 0..3usize {
            let wal = &wal;
            scope.spawn(move || {
                let (from, to) = (KEYS[thread], KEYS[(thread + 1) % 3]);
                let from = wal.stream(from).expect("a handle");
                let to = wal.stream(to).expect("a handle");
                for _ in 0..40 {
                    let batch = wal.batch();
                    let batch = batch
                        .add(&from, Append::new(&[b"-"]))
                        .add(&to, Append::new(&[b"+"]));
                    batch.commit().expect("appends");
                    from.append(b"0").expect("appends");
                }
            });
        }
    });
    disk.kill();
    drop(wal);
    let ends = disk.op_count();
    for at in (0..=ends).step_by((ends / 60) as usize + 1).chain([ends]) {
        let lost = disk.crash_at(at, at, DirectoryModel::Ordered);
        let wal = open(&lost, &options);
        let count = |sign: u8| -> usize {
            let all = KEYS.iter().flat_map(|key| entries(&wal, key));
            all.filter(|entry| **entry == [sign]).count()
        };
        assert_eq!(count(b'-'), count(b'+'), "at {at}");
        if at == ends {
            assert_eq!(count(b'+'), 120);
        }
    }
}

#[test]
#[cfg(feature = "sharded")]
fn a_batch_over_shards_is_atomic_and_a_shard_is_no_stream_of_a_batch() {
    let disk = SimulatedDisk::new();
    let options = options(CommitPath::InPlace, SyncMode::Async);
    let wal = open(&disk, &options);
    let sharded = ShardedWal::on(wal.clone(), ShardedOptions::new(4)).expect("opens");
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..40u32)
        .map(|n| (n.to_le_bytes().to_vec(), vec![n as u8; 20]))
        .collect();
    let placed = sharded.append_batch_atomic(&pairs).expect("appends");
    assert_eq!(placed.len(), 40);
    let shard = wal.stream("shard_00").expect("a handle");
    let refused = wal.append_atomic(&[(&shard, Append::new(&[b"x"]))]);
    assert!(
        refused
            .expect_err("is refused")
            .to_string()
            .contains("is a shard")
    );
    let lost = disk.crash(0, DirectoryModel::Strict);
    let wal = open(&lost, &options);
    for ((shard, id), (_, value)) in placed.iter().zip(&pairs) {
        let key = sharded::shard_stream_name(*shard);
        let found = wal.get(&key, *id).expect("reads");
        assert_eq!(found.as_deref(), Some(&value[..]));
    }
}

#[test]
fn a_batch_that_failed_does_not_come_back_in_part() {
    // The record is on the disk, though the call failed. The places are given back, and one stream goes on.
    for kind in [OpKind::Write, OpKind::SyncData] {
        let options = options(CommitPath::InPlace, SyncMode::Strict);
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &options);
        for number in 0..3 {
            append_to_all(&wal, number).expect("appends");
        }
        let fault = FaultPlan::nth(kind, 1).on_path("commit-journal");
        disk.inject(fault.after_the_effect());
        append_to_all(&wal, 3).expect_err("fails");
        disk.clear_faults();
        wal.append("alice", &[77]).expect("goes on");
        for disk in [disk.crash(1, DirectoryModel::Strict), disk.kill()] {
            let wal = open(&disk, &options);
            let ends = KEYS.map(|key| entries(&wal, key).len());
            assert_eq!(ends, [4, 3, 3], "{kind:?}");
            assert_eq!(entries(&wal, "alice")[3], [77]);
        }
    }
}

/// Ends the process if a test hangs.
struct Watchdog(std::sync::mpsc::Sender<()>);

impl Watchdog {
    fn start(what: &'static str) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            use std::sync::mpsc::RecvTimeoutError;
            let limit = std::time::Duration::from_secs(300);
            if stopped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{what}");
                std::process::abort();
            }
        });
        Watchdog(stop)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_snapshot_holds_all_of_a_batch_or_nothing_and_waits_for_no_one_who_waits_for_it() {
    // A batch took "b" first and a snapshot "aa", so each waited for the other; and parts were published one by
    // one. Where a file of the journal was full, batches gave up at once.
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    const THREADS: usize = 3;
    let _watchdog = Watchdog::start("batches and snapshots wait for each other");
    let log = crate::support::LogBuilder::new(SyncMode::Strict).with(|options| {
        options.commit_path = CommitPath::Journal;
        options.journal_size = 256 << 10;
    });
    let wal = log.open();
    let at_work = AtomicUsize::new(THREADS);
    let count = |wal: &Wal, key: &str, what: &[u8]| {
        let entries = entries(wal, key);
        entries.iter().filter(|entry| *entry == what).count()
    };
    let dir = log.path().join("snapshot");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (wal, at_work) = (&wal, &at_work);
            scope.spawn(move || {
                let from = wal.stream("b").expect("a handle");
                let to = wal.stream("aa").expect("a handle");
                for _ in 0..150 {
                    let batch = wal.batch().add(&from, Append::new(&[b"-"]));
                    let done = batch.add(&to, Append::new(&[b"+"])).commit();
                    if done.is_err() {
                        at_work.fetch_sub(1, Ordering::AcqRel);
                    }
                    done.expect("appends");
                    // More than a part has room beside it.
                    let beside = Append::new(&[&[0; 3000]]).written();
                    to.append_with(&beside).expect("appends");
                }
                at_work.fetch_sub(1, Ordering::AcqRel);
            });
        }
        while at_work.load(Ordering::Acquire) > 0 {
            if wal.streams().expect("lists").len() < 2 {
                continue;
            }
            wal.snapshot_to(&dir, SnapshotMode::Copy)
                .expect("a snapshot");
            let copy = Wal::new(WalOptions::new(&dir)).expect("opens");
            assert_eq!(count(&copy, "b", b"-"), count(&copy, "aa", b"+"));
            copy.close().expect("closes");
            std::fs::remove_dir_all(&dir).expect("removes");
        }
    });
    assert_eq!(count(&wal, "b", b"-"), THREADS * 150);
}

#[test]
fn a_part_that_cannot_be_written_into_its_file_is_kept_by_the_journal() {
    // The stream had nothing else in the journal, so its file was used again. Then batches failed once the journal
    // needed that file.
    let disk = SimulatedDisk::new();
    let options = options(CommitPath::InPlace, SyncMode::Strict);
    let wal = open(&disk, &options);
    append_to_all(&wal, 0).expect("appends");
    let alice = wal.stream("alice").expect("a handle");
    alice.append(&[1]).expect("appends in place");
    let [bob, carol] = ["bob", "carol"].map(|key| wal.stream(key).expect("a handle"));
    disk.inject(FaultPlan::nth(ironwal::simulation::OpKind::Write, 1).on_path("/log/alice"));
    let both = [(&alice, Append::new(&[b"x"])), (&bob, Append::new(&[b"x"]))];
    wal.append_atomic(&both).expect("is durable");
    assert_eq!(disk.faults_fired(), 1);
    disk.clear_faults();
    for _ in 0..600 {
        let entry: [&[u8]; 1] = [&[0; 1000]];
        let both = [(&bob, Append::new(&entry)), (&carol, Append::new(&entry))];
        wal.append_atomic(&both).expect("appends");
        wal.step_helpers();
    }
    let wal = open(&disk.crash(0, DirectoryModel::Strict), &options);
    assert_eq!(entries(&wal, "alice").last(), Some(&b"x".to_vec()));
    assert!(entries(&wal, "bob").contains(&b"x".to_vec()));
}

#[test]
fn a_part_that_only_the_journal_holds_survives_a_deletion_that_fails() {
    let disk = SimulatedDisk::new();
    let options = options(CommitPath::InPlace, SyncMode::Strict);
    let wal = open(&disk, &options);
    append_to_all(&wal, 0).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Write, 1).on_path("/log/alice"));
    append_to_all(&wal, 1).expect("is durable");
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).on_path("/log/alice"));
    let refused = wal.delete_stream("alice").expect_err("fails");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
    disk.clear_faults();
    for disk in [disk.crash(0, DirectoryModel::Strict), disk.kill()] {
        assert_eq!(batches(&open(&disk, &options)), 2);
    }
}

#[test]
fn the_largest_batch_is_a_quarter_of_the_journal_and_256_kib_at_most() {
    // A journal of 32 KiB took no batch at all.
    let place = tempfile::tempdir().expect("a directory");
    for (journal_size, limit) in [
        (256 << 10, 64 << 10),
        (512 << 10, 128 << 10),
        (1 << 20, 256 << 10),
        (64 << 20, 256 << 10),
    ] {
        let mut options = WalOptions::new(place.path().join(journal_size.to_string()));
        options.journal_size = journal_size;
        let wal = Wal::new(options).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        let append = |len: u64| {
            let entry = vec![7; len as usize];
            let entries = [&entry[..]];
            wal.append_atomic(&[(&stream, Append::new(&entries))])
        };
        let refused = append(limit).expect_err("is refused");
        let Error::TooLarge {
            size_bytes,
            limit_bytes,
        } = refused
        else {
            panic!("{refused}");
        };
        assert_eq!(limit_bytes, limit, "{journal_size}");
        let beside_entry = size_bytes - limit;
        assert!(beside_entry * 10 <= 62 << 10, "{beside_entry}");
        let largest = limit - beside_entry;
        // More often than files have room.
        for _ in 0..6 {
            append(largest).expect("appends");
        }
        append(largest + 1).expect_err("is refused");
        assert_eq!(stream.next_id().expect("is known"), 6);
        wal.close().expect("closes");
    }
}

#[test]
fn the_least_journal_takes_a_batch_over_ten_streams() {
    let place = tempfile::tempdir().expect("a directory");
    let mut options = WalOptions::new(place.path());
    for (size, is_taken) in [
        ((256 << 10) - 1, false),
        (256 << 10, true),
        (1 << 30, true),
        ((1 << 30) + 1, false),
    ] {
        options.journal_size = size;
        match Wal::new(options.clone()) {
            Ok(wal) => {
                assert!(is_taken, "{size}");
                wal.close().expect("closes");
            }
            Err(Error::Config(why)) => {
                assert!(
                    !is_taken && why.contains("256 KiB..=1 GiB"),
                    "{size}: {why}"
                );
            }
            Err(error) => panic!("{error}"),
        }
    }
    options.journal_size = 256 << 10;
    let wal = Wal::new(options).expect("opens");
    let keys = (0..10).map(|number| wal.stream(&number.to_string()).expect("a handle"));
    let streams: Vec<_> = keys.collect();
    for _ in 0..30 {
        let mut batch = wal.batch();
        for stream in &streams {
            batch = batch.add(stream, Append::new(&[b"entry"]));
        }
        batch.commit().expect("appends");
    }
    wal.close().expect("closes");
}
