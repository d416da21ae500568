//! Callbacks meet rounds of others, failing writes and syncs, rotations, cancellation and the close:
//! each runs exactly once or is cancelled, with the truth, and close returns after the last.

use std::sync::Arc;

use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::AtomicBool;
use shuttle::sync::atomic::Ordering::SeqCst;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::allow;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;
use crate::recorder::Recorder;

/// What became of callbacks.
#[derive(Default)]
struct Outcomes {
    /// By author and number: how often each ran.
    ran: Mutex<Vec<(u32, u32)>>,
    registered: Mutex<Vec<(u32, u32)>>,
    cancelled: Mutex<Vec<(u32, u32)>>,
    closed: AtomicBool,
}

/// Appends, registers, and perhaps cancels.
fn listen(wal: &Wal, recorder: &Arc<Recorder>, outcomes: &Arc<Outcomes>, author: u32) {
    let refused = &["closed", "io", "poisoned"];
    let Some(stream) = allow(wal.stream("s"), refused, "stream") else {
        return;
    };
    for number in 0..2 {
        let bytes = entry("s", author, number, 40);
        let entries = [&bytes[..]];
        let append = Append::new(&entries).written();
        let Some(appended) = allow(stream.append_with(&append), refused, "append") else {
            continue;
        };
        let id = appended.ids.start;
        recorder.appended("s", id, &bytes);
        let (ran, truth) = (Arc::clone(outcomes), Arc::clone(recorder));
        let registered = stream.on_durable(appended.mark, move |answer| {
            assert!(!ran.closed.load(SeqCst), "it runs behind the close");
            if allow(answer, refused, "a callback").is_some() {
                truth.durable("s", id);
            }
            ran.ran.lock().unwrap().push((author, number));
        });
        let Some(ticket) = allow(registered, refused, "on_durable") else {
            continue;
        };
        outcomes.registered.lock().unwrap().push((author, number));
        if author == 1 && number == 1 && stream.cancel(ticket) {
            outcomes.cancelled.lock().unwrap().push((author, number));
        }
    }
}

#[test]
fn every_callback_runs_once_whatever_fails_and_none_behind_the_close() {
    explore("every_callback_runs", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::Async]);
        let options = options(mode, any_of(&[1, 2, 100]));
        let wal = open(&disk, &options);
        let recorder = Arc::new(Recorder::new(&disk));
        let outcomes = Arc::new(Outcomes::default());
        match any_of(&[0, 0, 1, 2]) {
            1 => disk.inject(FaultPlan::nth(OpKind::SyncData, any_of(&[1, 2, 3])).dropping_dirty()),
            // A frame that is rolled back, perhaps behind one that is listened for.
            2 => {
                let plan = FaultPlan::nth(OpKind::Write, any_of(&[1, 2])).on_path("/log/s/");
                disk.inject(plan.short_write(any_of(&[0, 20])));
            }
            _ => {}
        }
        thread::scope(|scope| {
            for author in 0..2 {
                let (wal, recorder, outcomes) = (&wal, &recorder, &outcomes);
                scope.spawn(move || listen(wal, recorder, outcomes, author));
            }
            let (wal, outcomes) = (&wal, &outcomes);
            let syncs = any_of(&[true, false]);
            scope.spawn(move || {
                if syncs {
                    let _ = wal.sync("s");
                }
                let _ = wal.clone().close();
                outcomes.closed.store(true, SeqCst);
            });
        });
        let mut ran = outcomes.ran.lock().unwrap().clone();
        ran.extend(outcomes.cancelled.lock().unwrap().iter());
        ran.sort_unstable();
        let mut registered = outcomes.registered.lock().unwrap().clone();
        registered.sort_unstable();
        assert_eq!(ran, registered);
        drop(wal);
        // Every entry that a callback was told to be durable survives a crash.
        disk.clear_faults();
        recorder.check(&options);
    });
}

#[test]
fn callbacks_of_a_stream_that_is_deleted_run_once() {
    explore("callbacks_of_a_stream", Time::Stands, 600, || {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &options(SyncMode::Async, 2));
        let ran = Arc::new(Mutex::new(0));
        let registered = thread::scope(|scope| {
            let listener = scope.spawn(|| {
                let stream = wal.stream("d").expect("a handle");
                let entries = [&b"x"[..]];
                let append = Append::new(&entries).written();
                let appended = allow(stream.append_with(&append), &["no stream"], "append")?;
                let ran = Arc::clone(&ran);
                let registered = stream.on_durable(appended.mark, move |answer| {
                    allow(answer, &["no stream"], "a callback");
                    *ran.lock().unwrap() += 1;
                });
                allow(registered, &["no stream", "closed"], "on_durable")
            });
            scope.spawn(|| wal.delete_stream("d").expect("deletes"));
            listener.join().expect("returns")
        });
        wal.close().expect("closes");
        assert_eq!(*ran.lock().unwrap(), u32::from(registered.is_some()));
    });
}
