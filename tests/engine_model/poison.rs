//! A sync fails, and drops what it was to write: which caller gets which answer? Every caller that waits for something
//! it did not make durable gets an error, no other does, and no later sync cures it.

use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::allow;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;
use crate::recorder::Recorder;

const FAILED: &[&str] = &["poisoned", "io"];

/// True: all were acknowledged.
fn append(wal: &Wal, recorder: &Recorder, author: u32) -> bool {
    for number in 0..2 {
        let bytes = entry("s", author, number, 30);
        let Some(id) = allow(wal.append("s", &bytes), FAILED, "append") else {
            let again = allow(wal.append("s", &bytes), &["poisoned"], "append");
            assert_eq!(again, None, "an append after a failed one");
            return false;
        };
        recorder.appended("s", id, &bytes);
        recorder.durable("s", id);
    }
    true
}

/// For the entry after those that are there; it is appended, or the stream fails.
fn wait(wal: &Wal, recorder: &Recorder) {
    let stream = wal.stream("s").expect("a handle");
    let waited = stream.wait_durable(1, Duration::from_secs(3600));
    if allow(waited, FAILED, "wait_durable").is_some() {
        recorder.durable("s", 1);
    }
}

fn sync(wal: &Wal, recorder: &Recorder) {
    let ids = recorder.ids("s");
    if allow(wal.sync("s"), FAILED, "sync").is_some() {
        ids.into_iter().for_each(|id| recorder.durable("s", id));
    }
}

/// Under `Strict` only what is acknowledged, now or soon, is shown.
fn read(wal: &Wal, recorder: &Recorder) {
    for id in [0, 1, 3, 2] {
        if let Some(bytes) = wal.get("s", id).expect("reads") {
            recorder.read("s", id, &bytes);
            recorder.durable("s", id);
        }
    }
}

#[test]
fn a_failed_sync_is_reported_to_all_it_concerns_and_to_no_other_caller() {
    explore("a_failed_sync_is", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let options = options(SyncMode::Strict, any_of(&[1, 2, 100]));
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        let first = entry("s", 9, 0, 30);
        assert_eq!(wal.append("s", &first).expect("appends"), 0);
        recorder.appended("s", 0, &first);
        let nth = any_of(&[1, 2, 3, 5]);
        let kind = any_of(&[OpKind::SyncData, OpKind::SyncData, OpKind::SyncDir]);
        disk.inject(FaultPlan::nth(kind, nth).dropping_dirty());
        let all_acknowledged = thread::scope(|scope| {
            let appenders = [0, 1].map(|author| {
                let (wal, recorder) = (&wal, &recorder);
                scope.spawn(move || append(wal, recorder, author))
            });
            scope.spawn(|| wait(&wal, &recorder));
            scope.spawn(|| sync(&wal, &recorder));
            scope.spawn(|| read(&wal, &recorder));
            appenders.map(|one| one.join().expect("returns")) == [true; 2]
        });
        let failed = disk.faults_fired() > 0;
        disk.clear_faults();
        let late = allow(wal.append("s", b"late"), &["poisoned"], "append");
        // A directory may also be synced by what no caller waits for; a file's sync always counts.
        if failed && kind == OpKind::SyncData {
            assert_eq!(late, None, "a failed sync did not latch");
        }
        if late.is_some() {
            assert!(all_acknowledged, "an error, and appends go on");
        }
        let shown = wal.iter_with_ids("s", 0).expect("iterates");
        for found in shown {
            let (id, bytes) = found.expect("a good entry");
            assert!(late == Some(id) || recorder.entry("s", id) == Some(bytes));
        }
        recorder.check(&options);
        drop(wal);
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        for id in recorder.ids("s") {
            let kept = wal.get("s", id).expect("reads");
            assert!(kept == recorder.entry("s", id), "{id} was acknowledged");
        }
    });
}
