//! Stores into a mapped segment meet rounds, rotations and the end of the mapping: every entry is
//! read as it was appended, and what a round makes durable includes what was stored.

use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;
use crate::recorder::Recorder;

const STREAMS: [&str; 2] = ["s", "t"];

/// A stream, and how long an entry of it is.
type Wanted = (&'static str, usize);

const SMALL: &[Wanted] = &[("s", 60), ("t", 80), ("s", 4000)];

/// Two are too large to be stored, so they are written behind what is.
const LARGE: &[Wanted] = &[("s", 70_000), ("t", 50), ("s", 66_000)];

/// Come to the end of what is ready, where the next are written until more is.
const MANY: &[Wanted] = &[("s", 5000), ("s", 5000), ("s", 60), ("s", 5000), ("s", 60)];

fn append(wal: &Wal, recorder: &Recorder, author: u32, wanted: &[Wanted], durable: bool) {
    for (number, &(stream, len)) in (0..).zip(wanted) {
        let bytes = entry(stream, author, number, len);
        let id = wal.append(stream, &bytes).expect("appends");
        recorder.appended(stream, id, &bytes);
        if durable {
            recorder.durable(stream, id);
        }
    }
}

fn sync(wal: &Wal, recorder: &Recorder) {
    for stream in STREAMS {
        let ids = recorder.ids(stream);
        wal.sync(stream).expect("syncs");
        ids.into_iter().for_each(|id| recorder.durable(stream, id));
    }
}

fn read(wal: &Wal, recorder: &Recorder) {
    for stream in STREAMS {
        let entries = wal.iter_with_ids(stream, 0).expect("iterates");
        for (next, found) in (0..).zip(entries) {
            let (id, bytes) = found.expect("a good entry");
            assert_eq!(id, next, "a gap, or an id twice");
            recorder.read(stream, id, &bytes);
        }
        for id in [1, 0] {
            if let Some(bytes) = wal.get(stream, id).expect("reads") {
                recorder.read(stream, id, &bytes);
            }
        }
    }
}

#[test]
fn what_is_stored_is_read_and_synced_whole_whatever_becomes_of_the_mapping() {
    explore("what_is_stored_is", Time::PassesOrNot, 1200, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::Async, SyncMode::Async]);
        let mut options = options(mode, any_of(&[2, 100]));
        options.write_strategy = WriteStrategy::Mmap;
        options.max_segment_size = any_of(&[10 << 10, 1 << 20]);
        // With one, each stream's file and mapping gives way to the other's.
        options.max_open_segments = any_of(&[1, 8]);
        options.background_sync =
            any_of(&[None, Some(Duration::from_secs(1))]).map(|interval| BackgroundSync {
                interval,
                bytes: 1 << 30,
            });
        let durable = mode == SyncMode::Strict;
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        append(&wal, &recorder, 9, &[("s", 10), ("t", 10)], durable);
        disk.lose_what_is_closed();
        let wanted = [any_of(&[SMALL, MANY]), any_of(&[SMALL, LARGE, MANY])];
        thread::scope(|scope| {
            for (author, wanted) in (0..).zip(wanted) {
                let (wal, recorder) = (&wal, &recorder);
                scope.spawn(move || append(wal, recorder, author, wanted, durable));
            }
            scope.spawn(|| sync(&wal, &recorder));
            scope.spawn(|| read(&wal, &recorder));
        });
        sync(&wal, &recorder);
        for stream in STREAMS {
            recorder.check_whole(&wal, stream);
        }
        wal.close().expect("closes");
        recorder.check(&options);
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        for stream in STREAMS {
            recorder.check_whole(&wal, stream);
        }
    });
}
