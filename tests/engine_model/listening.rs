//! Callbacks meet rounds of others, failing writes and syncs, rotations, cancellation and the close:
//! each runs exactly once or is cancelled, with the truth, and close returns after the last.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::time::Duration;

use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::sync::Condvar;
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
        // Every entry that a callback reported durable survives a crash.
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

/// Follows until the end, and returns what it has seen.
fn follow(wal: &Wal, recorder: &Recorder, view: View, canceller: &Mutex<Option<Canceller>>) -> u64 {
    let stream = wal.stream("s").expect("a handle");
    let mut follower = stream.follow(0, view).expect("follows");
    drop(stream);
    *canceller.lock().unwrap() = Some(follower.canceller());
    let (mut next, mut cancelled) = (0, 0);
    loop {
        match follower.wait(Duration::from_secs(3600)) {
            Ok(true) => {
                let (id, bytes) = follower.next().expect("it said so").expect("good");
                assert_eq!(id, next);
                recorder.read("s", id, &bytes);
                if view == View::Durable {
                    recorder.durable("s", id);
                }
                next += 1;
            }
            Ok(false) => panic!("time stands"),
            Err(Error::Cancelled) => {
                cancelled += 1;
                assert_eq!(cancelled, 1, "reported once");
            }
            Err(Error::Closed) => return next,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_follower_sees_everything_before_the_end_and_sleeps_through_nothing() {
    explore("a_follower_sees", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::Async]);
        let mut options = options(mode, any_of(&[1, 2, 100]));
        options.write_strategy = any_of(&[WriteStrategy::StandardIo, WriteStrategy::Mmap]);
        let wal = open(&disk, &options);
        let recorder = Recorder::new(&disk);
        let view = any_of(&[View::ByMode, View::Written, View::Durable]);
        let canceller = Mutex::new(None::<Canceller>);
        let closes_early = any_of(&[true, false]);
        thread::scope(|scope| {
            let follower = scope.spawn(|| follow(&wal, &recorder, view, &canceller));
            let mut appender = Some(scope.spawn(|| {
                let Some(stream) = allow(wal.stream("s"), &["closed"], "stream") else {
                    return;
                };
                for number in 0..3 {
                    let bytes = entry("s", 0, number, 40);
                    let entries = [&bytes[..]];
                    let append = Append::new(&entries).written();
                    let Some(done) = allow(stream.append_with(&append), &["closed"], "append")
                    else {
                        return;
                    };
                    recorder.appended("s", done.ids.start, &bytes);
                    if number == 1 {
                        if let Some(canceller) = &*canceller.lock().unwrap() {
                            canceller.cancel();
                        }
                    }
                }
                if !closes_early && view != View::Written {
                    // Nothing else asks for it but the follower.
                    let waits = mode == SyncMode::Strict || view == View::Durable;
                    while waits && stream.durable_end().expect("answers") < 3 {
                        thread::yield_now();
                    }
                }
            }));
            if !closes_early {
                if let Some(appender) = appender.take() {
                    appender.join().expect("returns");
                }
            }
            // The follower is there before the close.
            while canceller.lock().unwrap().is_none() {
                thread::yield_now();
            }
            wal.clone().close().expect("closes");
            let seen = follower.join().expect("returns");
            if let Some(appender) = appender.take() {
                appender.join().expect("returns");
            }
            let all = recorder.ids("s").len() as u64;
            assert_eq!(
                seen, all,
                "all before the end: {mode:?} {view:?} {closes_early}"
            );
        });
        recorder.check(&options);
    });
}

#[test]
fn a_cancellation_ends_a_wait_whenever_it_comes() {
    explore("a_cancellation_ends", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &options(SyncMode::Async, 100));
        let stream = wal.stream("s").expect("a handle");
        let view = any_of(&[View::Written, View::Durable]);
        let mut follower = stream.follow(0, view).expect("follows");
        let canceller = follower.canceller();
        thread::scope(|scope| {
            scope.spawn(|| {
                let waited = follower.wait(Duration::from_secs(3600));
                assert!(matches!(waited, Err(Error::Cancelled)), "{waited:?}");
                drop(follower);
            });
            scope.spawn(move || canceller.cancel());
        });
        wal.close().expect("closes");
    });
}

/// Wakes the thread that polls. A waker that is lost is a deadlock.
#[derive(Default)]
struct Alarm {
    rings: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        *self.rings.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

impl Alarm {
    /// Polls until the answer is there; between two polls it sleeps until woken.
    fn block_on<T>(self: Arc<Self>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let waker = Waker::from(Arc::clone(&self));
        loop {
            if let Poll::Ready(answer) = poll(&mut Context::from_waker(&waker)) {
                return answer;
            }
            let mut rings = self.rings.lock().unwrap();
            while !*rings {
                rings = self.changed.wait(rings).unwrap();
            }
            *rings = false;
        }
    }
}

#[test]
fn a_task_that_waits_is_woken_by_the_last_round_or_by_the_close() {
    explore("a_task_that_waits", Time::Stands, 24_000, || {
        let disk = SimulatedDisk::new();
        let mode = any_of(&[SyncMode::Strict, SyncMode::Async]);
        let wal = open(&disk, &options(mode, 100));
        if any_of(&[true, false, false]) {
            disk.inject(FaultPlan::nth(OpKind::SyncData, any_of(&[1, 2])).dropping_dirty());
        }
        let stream = wal.stream("s").expect("a handle");
        let view = any_of(&[View::Written, View::Durable]);
        let follower = stream.follow(0, view).expect("follows");
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut follower = follower;
                loop {
                    let alarm = Arc::new(Alarm::default());
                    let ready = alarm.block_on(|context| follower.poll_wait(context));
                    let ended = &["closed", "poisoned", "io"];
                    if allow(ready, ended, "poll_wait").is_none() {
                        return;
                    }
                    follower.next().expect("it is ready").expect("good");
                }
            });
            scope.spawn(move || {
                let entries = [&b"x"[..]];
                let append = Append::new(&entries).written();
                let refused = &["closed", "poisoned", "io"];
                for _ in 0..2 {
                    let appended = stream.append_with(&append);
                    let Some(appended) = allow(appended, refused, "append") else {
                        return;
                    };
                    let mut durable = pin!(stream.durable(appended.mark));
                    let alarm = Arc::new(Alarm::default());
                    let answer = alarm.block_on(|context| durable.as_mut().poll(context));
                    allow(answer, refused, "durable");
                }
            });
            let wal = &wal;
            // Leads a round, and is perhaps still about to report it when the close has ended.
            scope.spawn(move || drop(wal.sync("s")));
            scope.spawn(move || drop(wal.clone().close()));
        });
    });
}
