//! Appends at an expected id meet each other, failing writes, rotations and rounds: of all that try
//! an id one succeeds, and none stands on an append that failed.

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
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

const IDS: u64 = 3;

/// Tries each id a few times, and notes what succeeds.
fn append(wal: &Wal, recorder: &Recorder, author: u32, durability: Durability) {
    let stream = wal.stream("s").expect("a handle");
    let mut number = 0;
    for id in 0..IDS {
        let bytes = entry("s", author, number, 40);
        let entries = [&bytes[..]];
        let mut append = Append::new(&entries).expecting(id);
        append.durability = durability;
        match stream.append_with(&append) {
            Ok(appended) => {
                assert_eq!(appended.ids, id..id + 1);
                recorder.appended("s", id, &bytes);
                if stream.is_durable(appended.mark).expect("asks") {
                    recorder.durable("s", id);
                } else {
                    assert_ne!(durability, Durability::Durable, "not durable on return");
                }
                number += 1;
            }
            Err(Error::SequenceMismatch { expected, found }) => {
                assert_eq!(expected, id);
                assert_ne!(found, id);
            }
            // The one write that fails, for all whose frames were in it or behind it.
            Err(Error::Io(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn of_all_that_try_an_id_one_succeeds_and_none_stands_on_a_failed_append() {
    explore("of_all_that_try", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async]);
        let mut options = options(mode, any_of(&[1, 2, 100]));
        options.write_strategy = any_of(&[WriteStrategy::StandardIo, WriteStrategy::Mmap]);
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        let failing = any_of(&[0, 0, 1, 2]);
        if failing > 0 {
            // A frame, never a slot: those are stored by rounds, at the front.
            let plan = FaultPlan::nth(OpKind::Write, failing).on_path("/log/s/");
            disk.inject(plan.short_write(any_of(&[0, 20])));
        }
        let durable = match failing {
            0 => any_of(&[Durability::ByMode, Durability::Durable]),
            // Without rounds no slot is stored that the fault could meet.
            _ => Durability::Written,
        };
        thread::scope(|scope| {
            for author in 0..3 {
                let (wal, recorder) = (&wal, &recorder);
                let durability = any_of(&[durable, Durability::Written]);
                scope.spawn(move || append(wal, recorder, author, durability));
            }
        });
        disk.clear_faults();
        // All is shown from here on, under `Strict` too.
        if !recorder.ids("s").is_empty() {
            wal.sync("s").expect("syncs");
        }
        recorder.check_whole(&wal, "s");
        wal.close().expect("closes");
        recorder.check(&options);
        let after = disk.crash(0, DirectoryModel::Strict);
        recorder.check_whole(&open(&after, &options), "s");
    });
}
