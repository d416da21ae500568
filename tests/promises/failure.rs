//! D7: a failure latches. What was visible stays readable, what failed is not served, nothing is
//! retried and acknowledged, and opening the log anew cures it.

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn open(disk: &SimulatedDisk, sync_mode: SyncMode) -> Wal {
    Wal::open_simulated(disk, options(Path::new("/"), sync_mode)).expect("opens")
}

fn is_poisoned<T: std::fmt::Debug>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Poisoned { .. }))
}

#[test]
fn a_failing_sync_latches_while_reads_and_other_streams_go_on_and_reopening_cures() {
    let syncs: [(&str, FaultPlan, u64); 4] = [
        (
            "of the frames",
            FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/s/"),
            3,
        ),
        (
            "of the frames, pages dropped",
            FaultPlan::nth(OpKind::SyncData, 1)
                .on_path("/log/s/")
                .dropping_dirty(),
            3,
        ),
        (
            "of the stream's directory",
            FaultPlan::nth(OpKind::SyncDir, 1).on_path("/log/s"),
            0,
        ),
        ("of the root", FaultPlan::nth(OpKind::SyncDir, 1), 0),
    ];
    for (name, plan, before) in syncs {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict);
        wal.append("other", b"o").expect("appends");
        for id in 0..before {
            wal.append("s", &entry(id)).expect("appends");
        }
        disk.inject(plan);
        let failed = wal.append("s", b"failed").expect_err("the sync fails");
        assert_eq!(failed.os_error(), Some(libc::EIO), "{name}: {failed}");
        assert_eq!(disk.faults_fired(), 1, "{name}");
        disk.clear_faults();

        let writes = disk.count_on(OpKind::Write, "/log/s/");
        assert!(is_poisoned(wal.append("s", b"x")), "{name}");
        assert!(is_poisoned(wal.append_batch("s", &[b"x"])), "{name}");
        assert!(is_poisoned(wal.sync("s")), "{name}");
        assert_eq!(disk.count_on(OpKind::Write, "/log/s/"), writes, "{name}");
        let stream = wal.stream("s").expect("a handle");
        assert_eq!(stream.durable_end().expect("is known"), before, "{name}");
        assert!(is_poisoned(stream.wait_durable(before, Duration::ZERO)));
        assert_eq!(wal.get("s", before).expect("is known"), None, "{name}");
        assert_eq!(all_entries(&wal, "s").len() as u64, before, "{name}");
        wal.append("other", b"p").expect("other streams go on");

        drop(stream);
        assert!(is_poisoned(wal.close()), "{name}: closing reports it");
        let wal = open(&disk, SyncMode::Strict);
        let mut kept = all_entries(&wal, "s");
        // It may exist now, or not; what was acknowledged does.
        if kept.len() as u64 > before {
            assert_eq!(kept.pop(), Some((before, b"failed".to_vec())), "{name}");
        }
        let expected: Vec<_> = (0..before).map(|id| (id, entry(id))).collect();
        assert_eq!(kept, expected, "{name}");
        wal.append("s", b"goes on").expect("appends");
        assert_eq!(all_entries(&wal, "other").len(), 2);
    }
}

#[test]
fn a_failing_write_that_is_taken_back_costs_no_id_and_nothing_else() {
    for short_by in [0, 1, 36, 70] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict);
        wal.append("s", &entry(0)).expect("appends");
        disk.inject(FaultPlan::nth(OpKind::Write, 1).short_write(short_by));
        let failed = wal.append("s", &[7; 100]).expect_err("the write fails");
        assert_eq!(failed.os_error(), Some(libc::EIO));
        assert_eq!(wal.append("s", &entry(1)).expect("appends"), 1);
        let expected = vec![(0, entry(0)), (1, entry(1))];
        assert_eq!(all_entries(&wal, "s"), expected, "{short_by}");
        drop(wal);
        let wal = open(&disk, SyncMode::Strict);
        assert_eq!(all_entries(&wal, "s"), expected, "{short_by}");
    }
}

#[test]
fn a_failing_write_that_cannot_be_taken_back_latches() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.append("s", &entry(0)).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Write, 1).short_write(50));
    disk.inject(FaultPlan::nth(OpKind::WriteZeros, 1));
    wal.append("s", &[7; 100]).expect_err("the write fails");
    assert_eq!(disk.faults_fired(), 2);
    assert!(is_poisoned(wal.append("s", b"x")));
    assert_eq!(all_entries(&wal, "s"), [(0, entry(0))]);
    drop(wal);
    let wal = open(&disk, SyncMode::Async);
    assert_eq!(all_entries(&wal, "s"), [(0, entry(0))]);
    assert_eq!(wal.append("s", &entry(1)).expect("appends"), 1);
}

#[test]
fn the_receiver_of_a_failed_write_may_look_at_the_log() {
    // The receiver was called under a lock that looking takes: it waited for itself.
    let disk = SimulatedDisk::new();
    let stream: Arc<OnceLock<Stream>> = Arc::default();
    let (seen, reported) = mpsc::channel();
    let shown = Arc::clone(&stream);
    let sink = move |level, _: &str| {
        if let (log::Level::Error, Some(stream)) = (level, shown.get()) {
            let found = (stream.next_id().expect("is known"), stream.get(0));
            seen.send(found).expect("a receiver listens");
        }
    };
    let options = options(Path::new("/"), SyncMode::Async);
    let wal = Wal::open_simulated_logging(&disk, options, Arc::new(sink)).expect("opens");
    wal.append("s", &entry(0)).expect("appends");
    stream.set(wal.stream("s").expect("a handle")).expect("set");
    disk.inject(FaultPlan::nth(OpKind::Write, 1).short_write(50));
    disk.inject(FaultPlan::nth(OpKind::WriteZeros, 1));
    let appender = std::thread::spawn(move || wal.append("s", &[7; 100]));
    let (next_id, first) = reported
        .recv_timeout(Duration::from_secs(20))
        .expect("received, and not stuck");
    assert_eq!(next_id, 1);
    assert_eq!(first.expect("reads"), Some(entry(0)));
    let appended = appender.join().expect("no panic");
    appended.expect_err("the write failed");
}

#[test]
fn a_frontier_that_cannot_be_stored_latches_but_what_is_durable_was_acknowledged() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    wal.append("s", &entry(0)).expect("appends");
    // The frame is the first write, the slot the second.
    disk.inject(FaultPlan::nth(OpKind::Write, 2).on_path("/log/s/"));
    assert_eq!(wal.append("s", &entry(1)).expect("it is durable"), 1);
    assert!(is_poisoned(wal.append("s", b"x")));
    let expected = vec![(0, entry(0)), (1, entry(1))];
    assert_eq!(all_entries(&wal, "s"), expected);
    drop(wal);
    assert_eq!(all_entries(&open(&disk, SyncMode::Strict), "s"), expected);
}

#[test]
fn a_background_sync_that_fails_is_reported_to_the_next_caller() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    stream.append(&entry(0)).expect("appends");
    stream.sync().expect("syncs");
    stream.append(&entry(1)).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    // Waiting makes a helper sync.
    let waited = stream.wait_durable(1, Duration::from_secs(60));
    assert!(is_poisoned(waited));
    assert!(is_poisoned(stream.append(b"x")));
    assert_eq!(stream.durable_end().expect("is known"), 1);
    assert_eq!(all_entries(&wal, "s").len(), 2, "what was visible stays");
}

#[test]
fn a_failure_while_closing_is_reported_and_the_lock_is_released_all_the_same() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    wal.append("s", &entry(0)).expect("appends");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/s/"));
    let reported = wal.close().expect_err("the sync fails");
    assert_eq!(reported.os_error(), Some(libc::EIO));
    assert_eq!(all_entries(&open(&disk, SyncMode::Async), "s").len(), 1);
}

#[test]
fn after_a_deletion_that_could_not_be_made_durable_nothing_acknowledged_is_lost() {
    for (kind, starts_anew) in [(OpKind::SyncDir, true), (OpKind::Rename, false)] {
        for sync_mode in [SyncMode::Strict, SyncMode::Async] {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, sync_mode);
            let old = wal.stream("s").expect("a handle");
            for id in 0..3 {
                old.append(&entry(id)).expect("appends");
            }
            old.sync().expect("syncs");
            disk.inject(FaultPlan::nth(kind, 1));
            let reported = wal.delete_stream("s").expect_err("not durable");
            assert_eq!(reported.os_error(), Some(libc::EIO), "{kind:?}");
            let id = wal.append("s", b"after").expect("appends");
            assert_eq!(id, if starts_anew { 0 } else { 3 }, "{kind:?}");
            assert_eq!(old.append(b"x").is_err(), starts_anew, "{kind:?}");
            wal.sync("s").expect("syncs");
            for seed in 0..16 {
                let after = disk.crash(seed, DirectoryModel::Strict);
                let read = open(&after, sync_mode).get("s", id).expect("reads");
                assert_eq!(read.as_deref(), Some(&b"after"[..]), "{kind:?} {seed}");
            }
            wal.delete_stream("s").expect("deletes");
            for seed in 0..16 {
                let after = disk.crash(seed, DirectoryModel::Strict);
                let streams = open(&after, sync_mode).streams().expect("lists");
                assert_eq!(streams, Vec::<String>::new(), "{kind:?} {seed}");
            }
        }
    }
}

#[test]
fn a_deletion_reported_as_failed_leaves_all_of_the_stream_or_nothing() {
    for again in [false, true] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Async);
        for id in 0..3 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.sync("s").expect("syncs");
        disk.inject(FaultPlan::nth(OpKind::SyncDir, 1));
        wal.delete_stream("s").expect_err("not durable");
        wal.append("s", b"new").expect("appends");
        if again {
            disk.inject(FaultPlan::nth(OpKind::Remove, 1));
            wal.delete_stream("s").expect_err("not removed");
        }
        for seed in 0..32 {
            let after = disk.crash(seed, DirectoryModel::Strict);
            let left = all_entries(&open(&after, SyncMode::Async), "s");
            let old: Vec<_> = (0..3).map(|id| (id, entry(id))).collect();
            let new = [(0, b"new".to_vec())];
            let whole = left.is_empty() || left == old || left == new;
            assert!(whole, "{again} {seed}: {left:?}");
        }
    }
}
