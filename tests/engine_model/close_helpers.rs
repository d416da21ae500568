//! What becomes of helpers that a close meets? They end before it returns: what they were at is
//! done or left, and nothing of it is seen on the disk afterwards.

use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::close::check_silence;
use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::allow;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;
use crate::recorder::Recorder;

/// From about here on helpers make room ahead, and map it.
const LARGE: usize = 9 << 10;

fn append(wal: &Wal, recorder: &Recorder, stream: &str, author: u32) {
    for number in 0..4 {
        let bytes = entry(stream, author, number, LARGE);
        let Some(id) = allow(wal.append(stream, &bytes), &["closed"], "append") else {
            return;
        };
        recorder.appended(stream, id, &bytes);
    }
}

#[test]
fn helpers_that_sync_and_make_room_end_with_the_log() {
    explore("helpers_that_sync", Time::PassesOrNot, 800, || {
        let disk = SimulatedDisk::new();
        let mut options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 100);
        options.max_segment_size = any_of(&[40 << 10, 1 << 20]);
        options.write_strategy = any_of(&[WriteStrategy::Mmap, WriteStrategy::StandardIo]);
        options.background_sync = Some(BackgroundSync {
            interval: Duration::from_secs(1),
            bytes: any_of(&[1, 20 << 10, 1 << 30]),
        });
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        let by_dropping = any_of(&[true, false]);
        let closed_at = thread::scope(|scope| {
            for (author, stream) in [(0, "s"), (1, "t")] {
                let (wal, recorder) = (wal.clone(), recorder.clone());
                scope.spawn(move || append(&wal, &recorder, stream, author));
            }
            if by_dropping {
                return None;
            }
            // On a thread of its own: the checker's scope wakes the thread that opened it when the
            // last of its threads ends, whatever that thread waits for, also the join in `close`.
            let closer = scope.spawn(|| {
                wal.clone().close().expect("closes");
                disk.op_count()
            });
            Some(closer.join().expect("closes"))
        });
        drop(wal);
        let calls = disk.op_count();
        (0..8).for_each(|_| thread::yield_now());
        assert_eq!(disk.op_count(), calls, "a helper is still at work");
        check_silence(&disk, closed_at.unwrap_or(calls));
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        for stream in ["s", "t"] {
            recorder.check_whole(&wal, stream);
        }
    });
}

#[test]
fn what_a_helper_syncs_unasked_wakes_the_callers_that_wait_for_it() {
    explore("what_a_helper", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let mut options = options(SyncMode::Async, 2);
        options.background_sync = Some(BackgroundSync {
            interval: Duration::from_secs(1),
            bytes: any_of(&[1, 1 << 30]),
        });
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        let stream = wal.stream("s").expect("a handle");
        thread::scope(|scope| {
            for id in 0..2 {
                let (stream, recorder) = (&stream, &recorder);
                scope.spawn(move || {
                    let hour = Duration::from_secs(3600);
                    stream.wait_durable(id, hour).expect("becomes durable");
                    recorder.durable("s", id);
                });
            }
            scope.spawn(|| {
                for number in 0..3 {
                    let bytes = entry("s", 0, number, 30);
                    let id = stream.append(&bytes).expect("appends");
                    recorder.appended("s", id, &bytes);
                }
            });
        });
        drop(stream);
        drop(wal);
        recorder.check(&options);
    });
}
