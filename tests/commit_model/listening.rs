//! Callbacks and wakers: each is served exactly once, with the truth, in the order of positions,
//! against rounds, failure, close and cancellation; and a cancellation waits for one that runs.

use std::sync::Arc;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;

use shuttle::rand::Rng;
use shuttle::rand::thread_rng;
use shuttle::thread;

use crate::answer::CommitError;
use crate::explore;
use crate::listeners::Signal;
use crate::log::Answer;
use crate::log::Failure;
use crate::log::Log;
use crate::primitives::AtomicBool;
use crate::primitives::AtomicU64;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::Ordering::SeqCst;

/// What asks for a thread that serves, and where that thread waits.
#[derive(Default)]
struct Bell {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Bell {
    fn signal(self: &Arc<Self>) -> Signal {
        let bell = Arc::clone(self);
        Arc::new(move || {
            bell.state.lock().unwrap().0 = true;
            bell.changed.notify_all();
        })
    }

    /// No more is asked for once the present request is served.
    fn end(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    /// Serves until the end, and then once more.
    fn serve(&self, log: &Log) {
        loop {
            let mut state = self.state.lock().unwrap();
            while !state.0 && !state.1 {
                state = self.changed.wait(state).unwrap();
            }
            let is_over = !std::mem::replace(&mut state.0, false) && state.1;
            drop(state);
            log.group.serve(|_| panic!("no callback panics"));
            if is_over {
                return;
            }
        }
    }
}

/// What was served: positions with their answers, in that order.
#[derive(Clone, Default)]
struct Served(Arc<Mutex<Vec<(u64, Answer)>>>);

impl Served {
    fn callback(&self, target: u64) -> Box<dyn FnOnce(Answer) + Send> {
        let served = self.clone();
        Box::new(move |answer| {
            thread::yield_now();
            served.0.lock().unwrap().push((target, answer));
        })
    }

    fn count(&self, target: u64) -> usize {
        let served = self.0.lock().unwrap();
        served.iter().filter(|(at, _)| *at == target).count()
    }
}

fn is_true(log: &Log, target: u64, answer: Answer) {
    match answer {
        Ok(()) => assert!(log.check_point() >= target, "reported before it is durable"),
        Err(CommitError::Poisoned(failure)) => assert_eq!(log.group.poisoned(), Some(failure)),
        Err(CommitError::Closed) => {}
        Err(CommitError::Timeout) => panic!("there is no deadline"),
    }
}

#[test]
fn every_callback_runs_once_with_the_truth_whatever_ends_the_group() {
    explore(|| {
        let log = Log::with_failing_sync(thread_rng().gen_range(0..4));
        let (bell, served) = (Arc::new(Bell::default()), Served::default());
        let cancelled = Mutex::new(Vec::new());
        let refused = Mutex::new(Vec::new());
        let closes = thread_rng().gen_bool(0.5);
        thread::scope(|scope| {
            // Two threads serve: one at a time does.
            let servers = [
                scope.spawn(|| bell.serve(&log)),
                scope.spawn(|| bell.serve(&log)),
            ];
            let listener = |cancels: bool| {
                let (log, bell, served) = (&log, &bell, &served);
                let (cancelled, refused) = (&cancelled, &refused);
                move || {
                    let target = log.publish();
                    let callback = served.callback(target);
                    match log.group.listen(target, callback, || bell.signal()) {
                        Ok(id) if cancels => {
                            let before = served.count(target);
                            if log.group.cancel(target, id) {
                                assert_eq!(before, 0);
                                cancelled.lock().unwrap().push(target);
                            } else {
                                assert_eq!(served.count(target), 1, "it has returned");
                            }
                        }
                        Ok(_) => {}
                        Err(error) => {
                            assert_eq!(error, CommitError::Closed);
                            refused.lock().unwrap().push(target);
                        }
                    }
                    let _ = log.commit(target);
                }
            };
            let callers = [
                scope.spawn(listener(false)),
                scope.spawn(listener(true)),
                scope.spawn(move || {}),
            ];
            if closes {
                log.exclusive_sync();
                log.group.close();
            }
            callers.into_iter().for_each(|c| c.join().unwrap());
            if !closes {
                log.group.close();
            }
            bell.end();
            servers.into_iter().for_each(|s| s.join().unwrap());
        });
        let served = served.0.lock().unwrap();
        let (cancelled, refused) = (cancelled.lock().unwrap(), refused.lock().unwrap());
        for target in 1..=2 {
            let times = served.iter().filter(|(at, _)| *at == target).count();
            let not = [&cancelled, &refused].iter().any(|l| l.contains(&target));
            assert_eq!(times, usize::from(!not), "listener {target}");
        }
        served
            .iter()
            .for_each(|(at, answer)| is_true(&log, *at, *answer));
        log.check_at_rest();
    });
}

#[test]
fn callbacks_run_in_the_order_of_positions_and_never_two_at_once() {
    explore(|| {
        let log = Log::new();
        let (bell, served) = (Arc::new(Bell::default()), Served::default());
        let targets: Vec<u64> = (0..3).map(|_| log.publish()).collect();
        // Registered from the last position to the first.
        for target in targets.iter().rev() {
            let registered = log
                .group
                .listen(*target, served.callback(*target), || bell.signal());
            assert!(registered.is_ok());
        }
        thread::scope(|scope| {
            let servers = [
                scope.spawn(|| bell.serve(&log)),
                scope.spawn(|| bell.serve(&log)),
            ];
            scope
                .spawn(|| log.commit(targets[0]))
                .join()
                .unwrap()
                .unwrap();
            let callers = [targets[2], targets[1]].map(|at| {
                let log = &log;
                scope.spawn(move || assert_eq!(log.commit(at), Ok(())))
            });
            callers.into_iter().for_each(|c| c.join().unwrap());
            bell.end();
            servers.into_iter().for_each(|s| s.join().unwrap());
        });
        let served = served.0.lock().unwrap();
        let order: Vec<u64> = served.iter().map(|(at, _)| *at).collect();
        assert_eq!(order, targets);
        log.check_at_rest();
    });
}

#[test]
fn a_cancellation_from_within_the_callback_returns_and_one_from_outside_waits() {
    explore(|| {
        let log = Arc::new(Log::new());
        let bell = Arc::new(Bell::default());
        let target = log.publish();
        let id = Arc::new(Mutex::new(None));
        let (runs, returned) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let callback = {
            let (log, id) = (Arc::clone(&log), Arc::clone(&id));
            let (runs, returned) = (Arc::clone(&runs), Arc::clone(&returned));
            move |_| {
                runs.store(true, SeqCst);
                let id = *id.lock().unwrap();
                if let Some(id) = id {
                    assert!(!log.group.cancel(target, id), "it runs");
                }
                returned.store(true, SeqCst);
            }
        };
        let registered = log
            .group
            .listen(target, Box::new(callback), || bell.signal())
            .unwrap();
        *id.lock().unwrap() = Some(registered);
        thread::scope(|scope| {
            let server = scope.spawn(|| bell.serve(&log));
            let committer = scope.spawn(|| log.commit(target).unwrap());
            let cancelled = log.group.cancel(target, registered);
            assert_eq!(cancelled, !runs.load(SeqCst));
            assert!(cancelled || returned.load(SeqCst), "it still runs");
            committer.join().unwrap();
            bell.end();
            server.join().unwrap();
            assert_eq!(
                cancelled,
                !runs.load(SeqCst),
                "cancelled, and run all the same"
            );
        });
    });
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter {
    woken: AtomicU64,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        let _locked = self.lock.lock().unwrap();
        self.woken.fetch_add(1, SeqCst);
        self.changed.notify_all();
    }
}

#[test]
fn a_future_that_is_polled_again_when_woken_gets_its_answer() {
    let ends: [fn(&Log, u64); 4] = [
        |log, target| assert_eq!(log.commit(target), Ok(())),
        |log, _| log.exclusive_sync(),
        |log, _| log.group.poison(Failure::Write),
        |log, _| log.group.close(),
    ];
    for end in ends {
        explore(move || {
            let log = Log::new();
            let bell = Arc::new(Bell::default());
            let target = log.publish();
            thread::scope(|scope| {
                let server = scope.spawn(|| bell.serve(&log));
                let future = scope.spawn(|| {
                    let counter = Arc::new(Counter::default());
                    let waker = Waker::from(Arc::clone(&counter));
                    let (mut id, mut seen) = (None, 0);
                    loop {
                        let polled = log
                            .group
                            .poll_listen(target, &mut id, &waker, || bell.signal());
                        if let Poll::Ready(answer) = polled {
                            is_true(&log, target, answer);
                            return;
                        }
                        let mut locked = counter.lock.lock().unwrap();
                        while counter.woken.load(SeqCst) == seen {
                            locked = counter.changed.wait(locked).unwrap();
                        }
                        seen = counter.woken.load(SeqCst);
                    }
                });
                end(&log, target);
                future.join().unwrap();
                bell.end();
                server.join().unwrap();
            });
            log.check_at_rest();
        });
    }
}

#[test]
fn a_signal_comes_for_every_change_of_the_group_and_for_nothing_else() {
    explore(|| {
        let log = Log::new();
        let bell = Arc::new(Bell::default());
        let seen = Arc::new(AtomicU64::new(0));
        let signal: Signal = {
            let seen = Arc::clone(&seen);
            Arc::new(move || {
                seen.fetch_add(1, SeqCst);
            })
        };
        let id = log.group.watch(signal, || bell.signal());
        let target = log.publish();
        thread::scope(|scope| {
            scope.spawn(|| log.group.exclusive(|| ()));
            scope.spawn(|| assert_eq!(log.commit(target), Ok(())));
        });
        assert_eq!(seen.load(SeqCst), 1, "one change, two turns");
        log.group.poison(Failure::Write);
        log.group.close();
        assert_eq!(seen.load(SeqCst), 3);
        log.group.unwatch(id);
    });
}
