//! On real threads, which callers does group commit let lead, and which does it wake?
//! `tests/commit_model` explores the interleavings.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

mod cuts;
mod together;

use super::CommitError;
use super::GroupCommit;
use super::Position;
use super::Reached;
use super::Waited;
use crate::ids::EntryId;
use crate::ids::Place;

type Answer = Result<(), CommitError<String>>;

/// A group whose positions are numbers that stand for themselves as ids, but for what a test sets.
struct Group(GroupCommit<u64, u64, String>);

impl Deref for Group {
    type Target = GroupCommit<u64, u64, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Group {
    fn starting_at(point: u64) -> Group {
        Group(GroupCommit::new(at(point), |fault| format!("{fault:?}")))
    }

    fn commit(
        &self,
        target: u64,
        is_void: impl Fn() -> bool,
        mut round: impl FnMut() -> Result<u64, String>,
    ) -> Answer {
        self.0.commit(target, is_void, || round().map(at))
    }

    fn wait(&self, target: u64, deadline: Option<Instant>) -> Answer {
        let waited = self.0.wait(target, deadline)?;
        assert_eq!(waited, Waited::Committed, "no ids were cut");
        Ok(())
    }

    fn advance(&self, to: u64) {
        self.0.advance(at(to));
    }
}

fn at(point: u64) -> Reached<u64, u64> {
    let end_id = point;
    Reached { point, end_id }
}

fn group() -> Group {
    Group::starting_at(0)
}

/// No target is void.
fn never() -> bool {
    false
}

fn poisoned(error: &str) -> Answer {
    Err(CommitError::Poisoned(error.to_owned()))
}

/// Spins until `count` callers wait. Threads cannot be seen falling asleep in any other way.
fn until_waiting(group: &Group, count: usize) {
    let patience_ends = Instant::now() + Duration::from_secs(10);
    while group.waiting_count() != count {
        assert!(Instant::now() < patience_ends, "{count} should wait");
        thread::yield_now();
    }
}

/// A leader that is held in its round, so that other callers have to queue.
struct HeldRound {
    finish: mpsc::Sender<Result<u64, String>>,
}

impl HeldRound {
    /// Starts a leader for `target` in `scope`; returns once its round runs.
    fn start<'scope>(
        scope: &'scope thread::Scope<'scope, '_>,
        group: &'scope Group,
        target: u64,
    ) -> (Self, thread::ScopedJoinHandle<'scope, Answer>) {
        let (begun, has_begun) = mpsc::channel();
        let (finish, outcome) = mpsc::channel();
        let leader = scope.spawn(move || {
            group.commit(target, never, || {
                begun.send(()).expect("the test listens");
                outcome.recv().expect("the test finishes the round")
            })
        });
        has_begun.recv().expect("the round runs");
        (HeldRound { finish }, leader)
    }

    fn finish(self, outcome: Result<u64, &str>) {
        self.finish
            .send(outcome.map_err(str::to_owned))
            .expect("the round waits");
    }
}

#[test]
fn a_lone_caller_leads_one_round_and_wakes_no_other() {
    let group = group();
    let mut rounds = 0;
    let outcome = group.commit(3, never, || {
        rounds += 1;
        Ok(5)
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!((rounds, group.committed()), (1, 5));
    assert_eq!(group.woken.load(SeqCst), 0);
}

#[test]
fn a_committed_position_needs_no_round() {
    let group = Group::starting_at(7);
    assert_eq!(group.commit(7, never, || panic!("nothing to lead")), Ok(()));
    assert_eq!(group.wait(7, None), Ok(()));
}

#[test]
fn rounds_that_fall_short_are_led_again_until_the_target() {
    let group = group();
    let mut reached = 0;
    let outcome = group.commit(3, never, || {
        reached += 1;
        Ok(reached)
    });
    assert_eq!((outcome, reached), (Ok(()), 3));
}

#[test]
fn the_point_never_moves_back() {
    let group = group();
    group.advance(9);
    group.advance(4);
    assert_eq!(group.committed(), 9);
    assert_eq!(group.commit(10, never, || Ok(12)), Ok(()));
    group.exclusive(|| group.advance(11));
    assert_eq!(group.committed(), 12);
}

#[test]
fn positions_other_than_numbers_are_committed_too() {
    let reached = |place, id| Reached {
        point: Place(place),
        end_id: EntryId(id),
    };
    let group = GroupCommit::<_, _, String>::new(reached(0, 7), |_| unreachable!());
    assert_eq!(group.durable_end(), EntryId(7));
    assert_eq!(group.commit(Place(3), never, || Ok(reached(3, 9))), Ok(()));
    assert_eq!(
        (group.committed(), group.durable_end()),
        (Place(3), EntryId(9))
    );
    assert_eq!(EntryId::from_u64(5).to_u64(), 5);
    assert_eq!(Place::from_u64(5).to_u64(), 5);
}

#[test]
fn sixty_four_waiters_share_one_round() {
    let group = group();
    let rounds = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let waiters: Vec<_> = (2..66)
            .map(|target| {
                let (group, rounds) = (&group, &rounds);
                scope.spawn(move || {
                    group.commit(target, never, || {
                        rounds.fetch_add(1, SeqCst);
                        Ok(65)
                    })
                })
            })
            .collect();
        until_waiting(&group, 64);
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), Ok(()));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(rounds.load(SeqCst), 1);
    // One to lead, and that round wakes the 63 others.
    assert_eq!(group.woken.load(SeqCst), 64);
}

#[test]
fn a_round_wakes_those_it_covers_and_one_other_to_lead() {
    let group = group();
    let (begun, has_begun) = mpsc::channel();
    let (finish, outcome) = mpsc::channel();
    let outcome = Mutex::new(outcome);
    thread::scope(|scope| {
        // Dropped if the test fails, which frees the leader.
        let finish = finish;
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let waiters: Vec<_> = (1..=10)
            .map(|target| {
                let (group, begun, outcome) = (&group, begun.clone(), &outcome);
                scope.spawn(move || {
                    group.commit(target, never, || {
                        begun.send(()).unwrap();
                        outcome.lock().unwrap().recv().unwrap()
                    })
                })
            })
            .collect();
        until_waiting(&group, 10);

        held.finish(Ok(4));
        assert_eq!(leader.join().unwrap(), Ok(()));
        has_begun.recv().unwrap();
        // Targets 1 to 4 are covered, the one at 5 leads, five sleep on.
        assert_eq!(
            (group.woken.load(SeqCst), group.waiting_count()),
            (4 + 1, 5)
        );

        finish.send(Ok(10)).unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(group.woken.load(SeqCst), 10);
    assert_eq!(group.waiting_count(), 0);
}

#[test]
fn a_failed_round_is_final_and_its_error_reaches_all() {
    let group = group();
    group.advance(2);
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 3);
        let committer = scope.spawn(|| group.commit(4, never, || unreachable!()));
        let watcher = scope.spawn(|| group.wait(9, None));
        until_waiting(&group, 2);
        held.finish(Err("EIO"));
        assert_eq!(leader.join().unwrap(), poisoned("EIO"));
        assert_eq!(committer.join().unwrap(), poisoned("EIO"));
        assert_eq!(watcher.join().unwrap(), poisoned("EIO"));
    });
    group.poison("a later one".to_owned());
    group.advance(100);
    assert_eq!(group.poisoned().as_deref(), Some("EIO"));
    assert_eq!(group.committed(), 2);
    assert_eq!(group.commit(3, never, || Ok(3)), poisoned("EIO"));
    assert_eq!(
        group.commit(2, never, || unreachable!()),
        Ok(()),
        "what is durable stays durable"
    );
}

#[test]
fn a_round_that_succeeds_after_the_group_failed_is_not_believed() {
    let group = group();
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        group.poison("a write was lost".to_owned());
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), poisoned("a write was lost"));
    });
    assert_eq!(group.committed(), 0);
}

#[test]
fn a_panicking_leader_fails_the_group_and_panics_in_its_own_thread() {
    let group = group();
    thread::scope(|scope| {
        let (begun, has_begun) = mpsc::channel();
        let (finish, may_finish) = mpsc::channel::<()>();
        let group = &group;
        let leader = scope.spawn(move || {
            group.commit(1, never, || {
                begun.send(()).unwrap();
                may_finish.recv().unwrap();
                std::panic::resume_unwind(Box::new("bang"))
            })
        });
        has_begun.recv().unwrap();
        let waiter = scope.spawn(|| group.commit(2, never, || unreachable!()));
        until_waiting(group, 1);
        finish.send(()).unwrap();
        assert_eq!(
            *leader.join().unwrap_err().downcast::<&str>().unwrap(),
            "bang"
        );
        assert_eq!(waiter.join().unwrap(), poisoned("LeaderPanicked"));
    });
    group.exclusive(|| ());
}

#[test]
fn a_round_without_progress_fails_the_group_instead_of_looping() {
    let group = group();
    let mut rounds = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        group.commit(1, never, || {
            rounds += 1;
            assert_eq!(rounds, 1, "it is not led again");
            Ok(0)
        })
    }));
    if cfg!(debug_assertions) {
        outcome.expect_err("it is a bug, and asserted");
    } else {
        assert_eq!(outcome.unwrap(), poisoned("NoProgress"));
    }
    assert_eq!(group.poisoned().as_deref(), Some("NoProgress"));
    group.exclusive(|| ());
}

#[test]
fn close_turns_waiters_away_and_lets_the_round_under_way_finish() {
    let group = group();
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let committer = scope.spawn(|| group.commit(2, never, || unreachable!()));
        let watcher = scope.spawn(|| group.wait(2, None));
        until_waiting(&group, 2);
        group.close();
        assert_eq!(committer.join().unwrap(), Err(CommitError::Closed));
        assert_eq!(watcher.join().unwrap(), Err(CommitError::Closed));
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), Ok(()));
    });
    group.exclusive(|| ());
    assert_eq!(group.commit(1, never, || unreachable!()), Ok(()));
    assert_eq!(
        group.commit(2, never, || unreachable!()),
        Err(CommitError::Closed)
    );
}

#[test]
fn a_wait_that_times_out_leaves_nothing_behind() {
    let group = group();
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let soon = Instant::now() + Duration::from_millis(2);
        assert_eq!(group.wait(1, Some(soon)), Err(CommitError::Timeout));
        assert_eq!(
            group.wait(1, Some(soon)),
            Err(CommitError::Timeout),
            "past: a question"
        );
        assert_eq!(group.waiting_count(), 0);
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), Ok(()));
    });
    assert_eq!(group.wait(1, Some(Instant::now())), Ok(()));
    assert_eq!(group.woken.load(SeqCst), 0);
}

#[test]
fn watchers_are_woken_even_when_no_caller_leads() {
    type Cause = fn(&Group);
    let causes: [(&str, Cause, Answer); 3] = [
        ("advance", |group| group.advance(1), Ok(())),
        (
            "poison",
            |group| group.poison("EIO".to_owned()),
            poisoned("EIO"),
        ),
        ("close", |group| group.close(), Err(CommitError::Closed)),
    ];
    for (name, cause, answer) in causes {
        let group = group();
        thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let patience_ends = Instant::now() + Duration::from_secs(10);
                group.wait(1, Some(patience_ends))
            });
            until_waiting(&group, 1);
            cause(&group);
            assert_eq!(watcher.join().unwrap(), answer, "{name}");
        });
    }
}

#[test]
fn a_watcher_is_never_made_to_lead_and_a_committer_behind_it_is() {
    let group = group();
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let watcher = scope.spawn(|| group.wait(2, None));
        until_waiting(&group, 1);
        let committer = scope.spawn(|| group.commit(3, never, || Ok(3)));
        until_waiting(&group, 2);
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), Ok(()));
        assert_eq!(committer.join().unwrap(), Ok(()));
        assert_eq!(watcher.join().unwrap(), Ok(()));
    });
}

#[test]
fn rounds_and_exclusive_work_take_turns() {
    let group = group();
    let order = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let (group, order) = (&group, &order);
        for (waiting, name) in ["first", "second"].into_iter().enumerate() {
            scope.spawn(move || group.exclusive(|| order.lock().unwrap().push(name)));
            until_waiting(group, waiting + 1);
        }
        scope.spawn(move || {
            group.commit(2, never, || {
                order.lock().unwrap().push("round");
                Ok(2)
            })
        });
        until_waiting(group, 3);
        held.finish(Ok(1));
        assert_eq!(leader.join().unwrap(), Ok(()));
    });
    assert_eq!(*order.lock().unwrap(), ["first", "round", "second"]);
}

#[test]
fn exclusive_work_that_panics_fails_the_group_and_frees_it() {
    let group = group();
    catch_unwind(AssertUnwindSafe(|| {
        group.exclusive(|| std::panic::resume_unwind(Box::new("bang")))
    }))
    .expect_err("the panic goes on");
    assert_eq!(group.poisoned().as_deref(), Some("LeaderPanicked"));
    assert_eq!(group.exclusive(|| "runs"), "runs");
}

#[test]
fn what_is_answered_ok_was_synced_by_a_round_that_began_later_under_load() {
    let group = group();
    let published = AtomicU64::new(0);
    let rounds = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let target = published.fetch_add(1, SeqCst) + 1;
                    let outcome = group.commit(target, never, || {
                        rounds.fetch_add(1, SeqCst);
                        let synced = published.load(SeqCst);
                        thread::yield_now();
                        Ok(synced)
                    });
                    assert_eq!(outcome, Ok(()));
                    assert!(group.committed() >= target);
                }
            });
        }
    });
    assert_eq!(group.committed(), 4000);
    assert_eq!(group.waiting_count(), 0);
    assert!(rounds.load(SeqCst) <= 4000);
}
