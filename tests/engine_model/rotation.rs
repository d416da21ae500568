//! What do readers see while appenders rotate? Every entry once, in order, with its bytes, and
//! under `Strict` only what a power cut would leave.

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

const APPENDERS: u32 = 2;

/// Appends one, then two as a batch. All are acknowledged.
fn append(wal: &Wal, recorder: &Recorder, author: u32, durable: bool) {
    let entries: Vec<_> = (0..3).map(|n| entry("s", author, n, 40)).collect();
    let id = wal.append("s", &entries[0]).expect("appends");
    recorder.appended("s", id, &entries[0]);
    if durable {
        recorder.durable("s", id);
    }
    let batch = wal.append_batch("s", &[&entries[1], &entries[2]]);
    let batch = batch.expect("appends");
    for (id, entry) in batch.clone().zip(&entries[1..]) {
        recorder.appended("s", id, entry);
    }
    if durable {
        recorder.durable("s", batch.start + 1);
    }
}

/// Reads from the start, some turns long, and expects each id after the one before.
fn scan(wal: &Wal, recorder: &Recorder, durable: bool) {
    let mut entries = wal.iter_with_ids("s", 0).expect("iterates");
    let mut next = 0;
    for _ in 0..4 {
        for found in entries.by_ref() {
            let (id, bytes) = found.expect("a good entry");
            assert_eq!(id, next, "a gap, or an id twice");
            if durable {
                recorder.durable("s", id);
            }
            recorder.read("s", id, &bytes);
            next += 1;
        }
        thread::yield_now();
        // A stream that did not exist yet is empty for good.
        if next == 0 {
            entries = wal.iter_with_ids("s", 0).expect("iterates");
        }
    }
}

/// Looks single entries up. What was there stays.
fn look_up(wal: &Wal, recorder: &Recorder, durable: bool) {
    let stream = wal.stream("s").expect("a handle");
    let mut seen = 0;
    for turn in 0..6 {
        let id = (turn * 5) % 6;
        let found = match turn % 3 {
            0 => stream.view(id).expect("reads").map(|view| view.to_vec()),
            1 => stream.get(id).expect("reads"),
            _ => {
                let mut bytes = vec![0; 100];
                let len = stream.get_into(id, &mut bytes).expect("reads");
                len.map(|len| bytes[..len].to_vec())
            }
        };
        if let Some(bytes) = found {
            if durable {
                recorder.durable("s", id);
            }
            recorder.read("s", id, &bytes);
            seen = seen.max(id + 1);
        }
        let (visible, again) = (stream.next_id().expect("asks"), seen.checked_sub(1));
        assert!(visible >= seen, "an entry was shown that has no id");
        if let Some(id) = again {
            assert!(stream.get(id).expect("reads").is_some(), "{id} is gone");
        }
    }
}

#[test]
fn readers_see_every_entry_once_and_only_durable_ones_while_segments_rotate() {
    explore("readers_see_every", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::Strict, SyncMode::Async]);
        let mut options = options(mode, any_of(&[1, 2, 3]));
        options.compression = any_of(&[CompressionType::None, CompressionType::Lz4]);
        options.min_compression_size = 0;
        // Staged, or too large for the buffer and written directly.
        options.write_buffer_size = any_of(&[0, 300, 4096]);
        let durable = mode == SyncMode::Strict;
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        thread::scope(|scope| {
            for author in 0..APPENDERS {
                let (wal, recorder) = (&wal, &recorder);
                scope.spawn(move || append(wal, recorder, author, durable));
            }
            scope.spawn(|| scan(&wal, &recorder, durable));
            scope.spawn(|| look_up(&wal, &recorder, durable));
        });
        assert_eq!(recorder.ids("s").len(), 3 * APPENDERS as usize);
        recorder.check_whole(&wal, "s");
        wal.close().expect("closes");
        recorder.check(&options);
        let wal = open(&disk, &options);
        recorder.check_whole(&wal, "s");
    });
}
