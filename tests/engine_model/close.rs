//! What becomes of calls that a close meets? Each returns, with a good answer or `Closed`; what was
//! acknowledged is there when the log is opened again; nothing touches the disk after the close,
//! and the lock is free.

use std::time::Duration;

use ironwal::simulation::DirectoryModel;
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

/// Entries of `s` that are there before, each in a segment of its own, and one of `d`.
const BEFORE: u32 = 3;

/// Below this one they may be truncated.
const TRUNCATED: u64 = 2;

const CLOSED: &[&str] = &["closed"];

/// The caller that is under way when the log is closed, with a number that distinguishes its entries. What a rival
/// found out about `d`, or how much of `s` it took away, comes back.
type Rival = fn(&Wal, &Recorder, u32) -> Option<Outcome>;

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Deleted,
    Truncated(u64),
}

const RIVALS: [Rival; 12] = [
    appends, appends, batches, syncs, syncs_all, waits, gets, iterates, truncates, deletes,
    creates, closes,
];

fn appends(wal: &Wal, recorder: &Recorder, me: u32) -> Option<Outcome> {
    for number in 0..2 {
        let bytes = entry("s", me, number, 40);
        let id = allow(wal.append("s", &bytes), CLOSED, "append")?;
        recorder.appended("s", id, &bytes);
    }
    None
}

fn batches(wal: &Wal, recorder: &Recorder, me: u32) -> Option<Outcome> {
    let stream = allow(wal.stream("s"), CLOSED, "stream")?;
    let (a, b) = (entry("s", me, 0, 40), entry("s", me, 1, 40));
    let ids = allow(stream.append_batch(&[&a, &b]), CLOSED, "append_batch")?;
    recorder.appended("s", ids.start, &a);
    recorder.appended("s", ids.start + 1, &b);
    None
}

fn syncs(wal: &Wal, recorder: &Recorder, _: u32) -> Option<Outcome> {
    let ids = recorder.ids("s");
    allow(wal.sync("s"), CLOSED, "sync")?;
    let ids = ids.into_iter().filter(|id| *id >= TRUNCATED);
    ids.for_each(|id| recorder.durable("s", id));
    None
}

fn syncs_all(wal: &Wal, _: &Recorder, _: u32) -> Option<Outcome> {
    allow(wal.sync_all(), CLOSED, "sync_all")?;
    None
}

/// For an entry that is there, and for one that may never come.
fn waits(wal: &Wal, recorder: &Recorder, _: u32) -> Option<Outcome> {
    let stream = allow(wal.stream("s"), CLOSED, "stream")?;
    for id in [u64::from(BEFORE) - 1, u64::from(BEFORE)] {
        let waited = stream.wait_durable(id, Duration::from_secs(3600));
        allow(waited, CLOSED, "wait_durable")?;
        recorder.durable("s", id);
    }
    None
}

fn gets(wal: &Wal, recorder: &Recorder, _: u32) -> Option<Outcome> {
    for id in [2, 0, 1, 3] {
        let found = allow(wal.get("s", id), CLOSED, "get")?;
        if let Some(bytes) = found {
            recorder.read("s", id, &bytes);
        }
    }
    None
}

fn iterates(wal: &Wal, recorder: &Recorder, _: u32) -> Option<Outcome> {
    let entries = allow(wal.iter_with_ids("s", 0), CLOSED, "iter_with_ids")?;
    let mut next = None;
    for found in entries {
        let (id, bytes) = allow(found, &["closed", "no segment"], "a scan")?;
        assert!(next.is_none_or(|next| next == id), "a jump to {id}");
        recorder.read("s", id, &bytes);
        next = Some(id + 1);
    }
    None
}

fn truncates(wal: &Wal, _: &Recorder, _: u32) -> Option<Outcome> {
    let removed = allow(wal.truncate("s", TRUNCATED), CLOSED, "truncate")?;
    Some(Outcome::Truncated(removed as u64))
}

fn deletes(wal: &Wal, _: &Recorder, _: u32) -> Option<Outcome> {
    allow(wal.delete_stream("d"), CLOSED, "delete_stream")?;
    Some(Outcome::Deleted)
}

fn creates(wal: &Wal, recorder: &Recorder, me: u32) -> Option<Outcome> {
    let stream = format!("n{me}");
    let bytes = entry(&stream, me, 0, 40);
    let id = allow(wal.append(&stream, &bytes), CLOSED, "append")?;
    assert_eq!(id, 0);
    recorder.appended(&stream, id, &bytes);
    None
}

fn closes(wal: &Wal, _: &Recorder, _: u32) -> Option<Outcome> {
    wal.clone().close().expect("closes");
    None
}

/// No call behind this one may change anything.
pub fn check_silence(disk: &SimulatedDisk, from: u64) {
    let reads = [
        OpKind::Read,
        OpKind::Len,
        OpKind::Open,
        OpKind::Kind,
        OpKind::Map,
    ];
    for op in disk.ops().iter().filter(|op| op.index > from) {
        assert!(reads.contains(&op.kind), "after the close: {op:?}");
    }
}

#[test]
fn a_call_that_meets_a_close_returns_and_nothing_acknowledged_is_lost() {
    explore("a_call_that_meets", Time::Stands, 2000, || {
        let disk = SimulatedDisk::new();
        let options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 1);
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        for number in 0..BEFORE {
            let bytes = entry("s", 9, number, 40);
            let id = wal.append("s", &bytes).expect("appends");
            recorder.appended("s", id, &bytes);
        }
        wal.append("d", b"to be deleted").expect("appends");
        let rivals = [any_of(&RIVALS), any_of(&RIVALS), any_of(&RIVALS)];
        let opens_anew = any_of(&[true, false]);
        let outcomes = thread::scope(|scope| {
            let numbered = (0..).zip(rivals);
            let rivals: Vec<_> = numbered
                .map(|(me, rival)| {
                    let (wal, recorder) = (&wal, &recorder);
                    scope.spawn(move || rival(wal, recorder, me))
                })
                .collect();
            scope.spawn(|| {
                wal.clone().close().expect("closes");
                if opens_anew {
                    drop(open(&disk, &options));
                } else {
                    // The rivals change nothing from here on.
                    let calls = disk.op_count();
                    (0..8).for_each(|_| thread::yield_now());
                    check_silence(&disk, calls);
                }
            });
            let joined = rivals
                .into_iter()
                .map(|rival| rival.join().expect("returns"));
            joined.flatten().collect::<Vec<_>>()
        });
        let calls = disk.op_count();
        drop(wal);
        check_silence(&disk, calls);
        recorder.check(&options);
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        let truncated = outcomes.iter().map(|outcome| match outcome {
            Outcome::Truncated(count) => *count,
            Outcome::Deleted => 0,
        });
        recorder.check_from(&wal, "s", truncated.sum());
        for me in 0..3 {
            recorder.check_whole(&wal, &format!("n{me}"));
        }
        let kept = wal.get("d", 0).expect("reads");
        assert_eq!(kept.is_none(), outcomes.contains(&Outcome::Deleted));
    });
}
