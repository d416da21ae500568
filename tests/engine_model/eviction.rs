//! What becomes of files that are in use when others take their place? One file may be open for
//! writing and one for reading, and three streams want them: every byte is read from its own file,
//! and what is reported durable is, although the disk loses, without a word, what was not synced
//! when a file is closed.

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

const STREAMS: [&str; 3] = ["a", "b", "c"];

fn append(wal: &Wal, recorder: &Recorder, author: u32, streams: &[&str]) {
    for (number, stream) in (0..).zip(streams) {
        let bytes = entry(stream, author, number, 50);
        let id = wal.append(stream, &bytes).expect("appends");
        recorder.appended(stream, id, &bytes);
    }
}

/// Syncs, and holds the log to it.
fn sync(wal: &Wal, recorder: &Recorder, streams: &[&str]) {
    for stream in streams {
        let ids = recorder.ids(stream);
        wal.sync(stream).expect("syncs");
        for id in ids {
            recorder.durable(stream, id);
        }
    }
}

fn read(wal: &Wal, recorder: &Recorder, streams: &[&str]) {
    for stream in streams {
        for id in 0..3 {
            if let Some(bytes) = wal.get(stream, id).expect("reads") {
                let begins = bytes.starts_with(stream.as_bytes());
                assert!(begins, "{stream}: {id} is another stream's");
                recorder.read(stream, id, &bytes);
            }
        }
    }
}

#[test]
fn files_that_give_way_in_use_cost_no_entry_and_show_no_other() {
    explore("files_that_give", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mut options = options(SyncMode::Async, any_of(&[2, 100]));
        options.max_open_segments = 1;
        options.max_open_read_segments = 1;
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        // One entry of each, so that all exist.
        append(&wal, &recorder, 9, &STREAMS);
        sync(&wal, &recorder, &STREAMS);
        disk.lose_what_is_closed();
        thread::scope(|scope| {
            scope.spawn(|| append(&wal, &recorder, 0, &["a", "b", "a"]));
            scope.spawn(|| append(&wal, &recorder, 1, &["b", "c"]));
            scope.spawn(|| read(&wal, &recorder, &["b", "a"]));
            scope.spawn(|| sync(&wal, &recorder, &["a", "b"]));
        });
        sync(&wal, &recorder, &STREAMS);
        for stream in STREAMS {
            recorder.check_whole(&wal, stream);
        }
        recorder.check(&options);
        wal.close().expect("closes");
        let after = disk.crash(0, ironwal::simulation::DirectoryModel::Strict);
        let wal = open(&after, &options);
        for stream in STREAMS {
            recorder.check_whole(&wal, stream);
        }
    });
}
