//! Group commit holds its promises however its threads interleave.
//!
//! This compiles the sources of `src/commit` against the locks and atomics of a model checker
//! (shuttle), which runs one thread at a time and decides at every step which. Each test runs
//! thousands of schedules, half of them random, half by probabilistic concurrency testing
//! (Burckhardt et al., ASPLOS 2010: few forced switches at random places). A schedule in which
//! no thread can go on fails as a deadlock: so every lost wake-up is found. The checker knows only
//! sequentially consistent atomics; weaker orderings are argued for where they stand.
//!
//! The schedules are the same in every run. To search longer, and elsewhere:
//! `COMMIT_MODEL_SCHEDULES=200000 SHUTTLE_RANDOM_SEED=$RANDOM cargo test --test commit_model`.
//! A failure prints its schedule, which `shuttle::replay` takes.

#[path = "../../src/commit/answer.rs"]
mod answer;
#[path = "../../src/commit/batching_delay.rs"]
mod batching_delay;
mod cuts;
// The sources are not ours to use up: what no test calls here is used by the crate.
#[allow(dead_code)]
#[path = "../../src/commit/group.rs"]
mod group;
// As above.
#[allow(dead_code)]
#[path = "../../src/commit/listeners.rs"]
mod listeners;
mod listening;
mod log;
// As above.
#[allow(dead_code)]
#[path = "../../src/commit/notify.rs"]
mod notify;
#[path = "../../src/commit/position.rs"]
mod position;
mod primitives;
#[path = "../../src/commit/queue.rs"]
mod queue;
#[path = "../../src/commit/waiter.rs"]
mod waiter;

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::time::Instant;

use shuttle::Config;
use shuttle::Runner;
use shuttle::rand::Rng;
use shuttle::rand::thread_rng;
use shuttle::scheduler::PctScheduler;
use shuttle::scheduler::RandomScheduler;
use shuttle::thread;

use answer::CommitError;
use group::LeaderFault;
use log::Failure;
use log::Log;
use log::at;
use primitives::AtomicBool;
use primitives::AtomicU64;
use primitives::Ordering::SeqCst;

fn explore(scenario: impl Fn() + Clone + Send + Sync + 'static) {
    let schedules = std::env::var("COMMIT_MODEL_SCHEDULES").map_or(6_000, |count| {
        count.parse().expect("COMMIT_MODEL_SCHEDULES is a number")
    });
    let config = || {
        let mut config = Config::new();
        config.silence_warnings = true;
        config
    };
    let seed = 20_240_817;
    let random = RandomScheduler::new_from_seed(seed, schedules);
    Runner::new(random, config()).run(scenario.clone());
    let few_switches = PctScheduler::new_from_seed(seed, 4, schedules);
    Runner::new(few_switches, config()).run(scenario);
}

#[test]
fn every_commit_returns_and_was_synced_by_a_round_that_began_later() {
    explore(|| {
        let log = Log::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        assert_eq!(log.commit(log.publish()), Ok(()));
                    }
                });
            }
        });
        assert!(log.syncs.load(SeqCst) <= 8, "more rounds than commits");
        log.check_at_rest();
    });
}

#[test]
fn the_point_never_covers_what_was_published_after_the_round_began() {
    explore(|| {
        let log = Log::new();
        thread::scope(|scope| {
            scope.spawn(|| log.commit(log.publish()));
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..4 {
                    log.publish();
                    let committed = log.check_point();
                    assert!(committed >= last, "the point moved back");
                    last = committed;
                }
            });
            scope.spawn(|| log.commit(log.publish()));
        });
        log.check_at_rest();
    });
}

#[test]
fn watchers_return_when_others_lead_and_never_lead_themselves() {
    explore(|| {
        let log = Log::new();
        let (first, second) = (log.publish(), log.publish());
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(log.wait(first, None), Ok(())));
            scope.spawn(|| assert_eq!(log.wait(second, None), Ok(())));
            scope.spawn(|| assert_eq!(log.commit(first), Ok(())));
            scope.spawn(|| assert_eq!(log.commit(log.publish()), Ok(())));
        });
        log.check_at_rest();
    });
}

#[test]
fn advancing_from_outside_a_round_wakes_watchers_and_committers() {
    explore(|| {
        let log = Log::new();
        let target = log.publish();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(log.wait(target, None), Ok(())));
            scope.spawn(|| assert_eq!(log.commit(log.publish()), Ok(())));
            scope.spawn(|| assert_eq!(log.commit(target), Ok(())));
            scope.spawn(|| log.exclusive_sync());
        });
        log.check_at_rest();
    });
}

#[test]
fn advance_failure_and_close_wake_watchers_when_no_caller_leads() {
    let causes: [fn(&Log); 3] = [
        |log| log.sync_and_advance(),
        |log| log.group.poison(Failure::Write),
        |log| log.group.close(),
    ];
    for cause in causes {
        explore(move || {
            let log = Log::new();
            let target = log.publish();
            thread::scope(|scope| {
                scope.spawn(|| log.wait(target, None));
                scope.spawn(|| log.wait(target, None));
                scope.spawn(|| cause(&log));
            });
            log.check_at_rest();
        });
    }
}

#[test]
fn a_failure_reaches_every_waiter_above_the_point_and_no_acknowledged_one() {
    for failing_sync in [1, 2] {
        explore(move || {
            let log = Log::with_failing_sync(failing_sync);
            let answers = thread::scope(|scope| {
                let caller = || {
                    let target = log.publish();
                    (target, log.commit(target))
                };
                let watched = log.publish();
                let watcher = scope.spawn({
                    let log = &log;
                    move || (watched, log.wait(watched, None))
                });
                let callers = [
                    scope.spawn(caller),
                    scope.spawn(caller),
                    scope.spawn(caller),
                ];
                let answers = callers.map(|caller| caller.join().unwrap());
                [&answers[..], &[watcher.join().unwrap()]].concat()
            });
            let committed = log.group.committed();
            for (target, answer) in answers {
                if target <= committed {
                    assert_eq!(answer, Ok(()));
                } else {
                    assert_eq!(answer, Err(CommitError::Poisoned(Failure::Sync)));
                }
            }
            log.check_at_rest();
        });
    }
}

#[test]
fn the_first_error_is_kept_and_the_point_stands_still_after_it() {
    explore(|| {
        let log = Log::with_failing_sync(2);
        let written = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                log.group.poison(Failure::Write);
                written.store(true, SeqCst);
                let (committed, failure) = (log.group.committed(), log.group.poisoned());
                assert_ne!(log.commit(log.publish()), Ok(()));
                log.group.advance(at(committed + 1));
                assert_eq!(log.group.committed(), committed);
                assert_eq!(log.group.poisoned(), failure);
            });
            scope.spawn(|| {
                let is_second = written.load(SeqCst);
                log.group.poison(Failure::OtherWrite);
                assert!(!is_second || log.group.poisoned() != Some(Failure::OtherWrite));
            });
            for _ in 0..2 {
                scope.spawn(|| log.commit(log.publish()));
            }
        });
        log.check_at_rest();
    });
}

#[test]
fn a_panicking_leader_hands_over_and_the_others_get_the_error() {
    explore(|| {
        let log = Log::new();
        let panics = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let target = log.publish();
                    let answer = catch_unwind(AssertUnwindSafe(|| {
                        log.group.commit(
                            target,
                            || false,
                            || {
                                assert_eq!(panics.fetch_add(1, SeqCst), 0, "led after a panic");
                                resume_unwind(Box::new("bang"))
                            },
                        )
                    }));
                    let fault = Failure::LeaderFault(LeaderFault::LeaderPanicked);
                    match answer {
                        Ok(answer) => assert_eq!(answer, Err(CommitError::Poisoned(fault))),
                        Err(panic) => assert_eq!(*panic.downcast::<&str>().unwrap(), "bang"),
                    }
                });
            }
            scope.spawn(|| log.group.exclusive(|| ()));
        });
        assert_eq!(panics.load(SeqCst), 1);
        log.check_at_rest();
    });
}

#[test]
fn close_races_with_leaders_and_waiters_and_no_caller_is_left_behind() {
    explore(|| {
        let log = Log::new();
        let target = log.publish();
        let allowed = |answer| matches!(answer, Ok(()) | Err(CommitError::Closed));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert!(allowed(log.commit(log.publish()))));
            }
            scope.spawn(|| assert!(allowed(log.wait(target, None))));
            scope.spawn(|| {
                log.group.close();
                log.group.exclusive(|| ());
                // A caller that asks from here on is turned away, and all leaders have gone.
                log.shut.store(true, SeqCst);
                log.exclusive_sync();
                assert_eq!(log.commit(target), Ok(()), "the last sync covers it");
            });
        });
        log.check_at_rest();
    });
}

#[test]
fn exclusive_work_excludes_leaders_and_gets_its_turn() {
    explore(|| {
        let log = Log::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        assert_eq!(log.commit(log.publish()), Ok(()));
                    }
                });
                scope.spawn(|| log.group.exclusive(|| log.occupied(thread::yield_now)));
            }
        });
        log.check_at_rest();
    });
}

#[test]
fn a_wait_that_times_out_takes_no_hand_over_with_it() {
    explore(|| {
        let log = Log::new();
        let allowed = |answer| matches!(answer, Ok(()) | Err(CommitError::Timeout));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert!(allowed(log.wait(log.publish(), Some(Instant::now())))));
                scope.spawn(|| {
                    for _ in 0..2 {
                        assert_eq!(log.commit(log.publish()), Ok(()));
                    }
                });
            }
        });
        log.check_at_rest();
    });
}

#[test]
fn close_and_failure_at_once_leave_no_caller_behind() {
    explore(|| {
        let log = Log::with_failing_sync(2);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| log.commit(log.publish()));
            }
            scope.spawn(|| log.wait(log.publish(), Some(Instant::now())));
            scope.spawn(|| log.group.close());
            scope.spawn(|| log.exclusive_sync());
        });
        log.check_at_rest();
    });
}

/// Targets that are published by rounds only, as staged frames are: a write that fails takes all
/// back that is not published, and their numbers are given again.
struct StagedLog {
    log: Log,
    staged: primitives::Mutex<Staged>,
    rollback_count: AtomicU64,
    failing_write: u64,
}

#[derive(Default)]
struct Staged {
    reserved: u64,
    written: u64,
    writes: u64,
    /// Whose each number is.
    owners: Vec<u64>,
    next_owner: u64,
    taken_back: Vec<u64>,
}

impl StagedLog {
    fn append(&self) -> Result<(), Failure> {
        let (target, owner, failed_before) = {
            let mut staged = self.staged.lock().unwrap();
            staged.reserved += 1;
            staged.next_owner += 1;
            let owner = staged.next_owner;
            staged.owners.push(owner);
            (staged.reserved, owner, self.rollback_count.load(SeqCst))
        };
        let is_void = || {
            self.rollback_count.load(SeqCst) != failed_before
                && self.staged.lock().unwrap().taken_back.contains(&owner)
        };
        let answer = self.log.group.commit(target, is_void, || {
            self.write_out();
            let end = self.staged.lock().unwrap().written;
            self.log.occupied(thread::yield_now);
            Ok(at(end))
        });
        assert_eq!(answer, Ok(()));
        if is_void() {
            return Err(Failure::Write);
        }
        let staged = self.staged.lock().unwrap();
        assert!(self.log.group.committed() >= target);
        assert_eq!(staged.owners[target as usize - 1], owner, "another's entry");
        Ok(())
    }

    fn write_out(&self) {
        let mut staged = self.staged.lock().unwrap();
        if staged.written == staged.reserved {
            return;
        }
        staged.writes += 1;
        if staged.writes == self.failing_write {
            let written = staged.written;
            let back = staged.owners.split_off(written as usize);
            staged.taken_back.extend(back);
            staged.reserved = written;
            self.rollback_count.fetch_add(1, SeqCst);
            self.log.group.wake_to_recheck();
        } else {
            staged.written = staged.reserved;
        }
    }
}

#[test]
fn staged_targets_are_committed_by_their_owners_round_or_return_that_they_were_taken_back() {
    // Numbers that are given again must not make a caller take its entry for durable.
    explore(|| {
        let log = StagedLog {
            log: Log::new(),
            staged: primitives::Mutex::new(Staged::default()),
            rollback_count: AtomicU64::new(0),
            failing_write: thread_rng().gen_range(0..4),
        };
        let failed = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        failed.fetch_add(u64::from(log.append().is_err()), SeqCst);
                    }
                });
            }
        });
        let staged = log.staged.lock().unwrap();
        assert_eq!(staged.written + failed.load(SeqCst), 6);
        assert_eq!(staged.taken_back.len() as u64, failed.load(SeqCst));
        assert_eq!(log.log.group.waiting_count(), 0);
    });
}
