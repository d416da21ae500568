//! What do readers see that a truncation overtakes? Iterators the rest of the segment they are in,
//! then one error for the ids that are gone, then all that is kept; never a silent jump. Look-ups an entry or nothing, never an error.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

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

const BEFORE: u64 = 6;
const PER_SEGMENT: u64 = 2;

/// How far truncations had begun to take things out, and had ended to. No steps of the checker.
#[derive(Default)]
struct Cuts {
    begun: AtomicU64,
    ended: AtomicU64,
}

fn append(wal: &Wal, recorder: &Recorder, number: u32) {
    let bytes = entry("s", 0, number, 30);
    let id = wal.append("s", &bytes).expect("appends");
    recorder.appended("s", id, &bytes);
}

fn truncate(wal: &Wal, cuts: &Cuts) {
    for safe_id in [2, 5] {
        cuts.begun
            .store(safe_id / PER_SEGMENT * PER_SEGMENT, SeqCst);
        let removed = wal.truncate("s", safe_id).expect("truncates");
        assert_eq!(removed, 1, "one segment lies below");
        cuts.ended
            .store(safe_id / PER_SEGMENT * PER_SEGMENT, SeqCst);
    }
}

/// Scans once. Only where nothing is read before may it begin late.
fn scan(wal: &Wal, recorder: &Recorder, cuts: &Cuts) {
    let ended = cuts.ended.load(SeqCst);
    let mut entries = wal.iter_with_ids("s", 0).expect("iterates");
    let mut next = None;
    loop {
        match entries.next() {
            Some(Ok((id, bytes))) => {
                match next {
                    Some(next) => assert_eq!(id, next, "a jump"),
                    None => {
                        let first = cuts.begun.load(SeqCst);
                        assert!((ended..=first).contains(&id), "began at {id}");
                        assert_eq!(id % PER_SEGMENT, 0, "began within a segment");
                    }
                }
                recorder.read("s", id, &bytes);
                next = Some(id + 1);
            }
            Some(Err(error @ Error::SegmentNotFound(id))) => {
                // Overtaken, and only between two segments: the file it held is read to its end.
                assert!(cuts.begun.load(SeqCst) > id, "{id} was not truncated");
                assert_eq!(id % PER_SEGMENT, 0, "a held segment was not finished");
                assert_eq!(next.unwrap_or(id), id, "an error for another id");
                // The next entry is the first kept, unless another truncation is named first.
                let ids = error.context().ids.expect("the ids that are gone");
                assert_eq!((ids.start, ids.end % PER_SEGMENT), (id, 0));
                assert!(ids.end > id && ids.end <= cuts.begun.load(SeqCst));
                next = Some(ids.end);
            }
            Some(Err(error)) => panic!("{error}"),
            None => break,
        }
    }
    assert!(next >= Some(BEFORE), "ended early, at {next:?}");
}

/// Looks all ids up, some twice. An entry is gone only if a truncation had begun to take it.
fn look_up(wal: &Wal, recorder: &Recorder, cuts: &Cuts) {
    let stream = wal.stream("s").expect("a handle");
    for id in [0, 3, 1, 4, 2, 5, 0] {
        let ended = cuts.ended.load(SeqCst);
        let found = match id % 2 {
            0 => stream.get(id).expect("no error but nothing"),
            _ => stream
                .view(id)
                .expect("no error but nothing")
                .map(|view| view.to_vec()),
        };
        match found {
            Some(bytes) => {
                assert!(id >= ended, "{id} is shown after its truncation");
                recorder.read("s", id, &bytes);
            }
            None => assert!(id < cuts.begun.load(SeqCst), "{id} is gone"),
        }
    }
}

#[test]
fn a_reader_that_a_truncation_overtakes_finishes_its_segment_and_never_jumps() {
    explore("a_reader_that_a_truncation", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mut options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), PER_SEGMENT);
        options.max_open_read_segments = any_of(&[1, 8]);
        // Each reading takes little more than an entry, so that a scan goes back to its file.
        options.read_buffer_size = 4096;
        let wal = open(&disk, &options);
        let (recorder, cuts) = (Recorder::new(&disk), Arc::new(Cuts::default()));
        (0..BEFORE).for_each(|n| append(&wal, &recorder, n as u32));
        thread::scope(|scope| {
            scope.spawn(|| scan(&wal, &recorder, &cuts));
            scope.spawn(|| look_up(&wal, &recorder, &cuts));
            scope.spawn(|| truncate(&wal, &cuts));
            scope.spawn(|| append(&wal, &recorder, BEFORE as u32));
        });
        assert_eq!(
            wal.stream("s").expect("a handle").first_id().expect("asks"),
            4
        );
        let left: Vec<u64> = wal
            .iter_with_ids("s", 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry").0)
            .collect();
        assert_eq!(left, [4, 5, 6]);
        wal.close().expect("closes");
        recorder.check(&options);
    });
}

#[test]
fn segments_that_go_to_the_archive_and_come_back_meanwhile_are_read_or_missing_never_wrong() {
    explore("segments_that_go", Time::Stands, 400, || {
        let disk = SimulatedDisk::new();
        let mut options = options(SyncMode::Async, PER_SEGMENT);
        options.archive_path = Some("/archive".into());
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        (0..BEFORE).for_each(|n| append(&wal, &recorder, n as u32));
        thread::scope(|scope| {
            scope.spawn(|| {
                wal.truncate("s", 4).expect("truncates");
                assert_eq!(wal.restore_archived("s").expect("restores"), 2);
            });
            scope.spawn(|| {
                let mut next = None;
                for found in wal.iter_with_ids("s", 0).expect("iterates") {
                    let Some((id, bytes)) = allow(found, &["no segment"], "a scan") else {
                        // It goes on behind what went to the archive.
                        next = None;
                        continue;
                    };
                    assert!(next.is_none_or(|next| next == id), "a jump to {id}");
                    next = Some(id + 1);
                    recorder.read("s", id, &bytes);
                }
            });
            scope.spawn(|| {
                for id in [1, 0, 3, 1] {
                    if let Some(bytes) = wal.get("s", id).expect("reads") {
                        recorder.read("s", id, &bytes);
                    }
                }
            });
        });
        recorder.check_whole(&wal, "s");
        wal.close().expect("closes");
        recorder.check(&options);
    });
}
