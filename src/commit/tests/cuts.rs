//! What becomes of callers when a cut gives ids again?

use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Answer;
use super::CommitError;
use super::HeldRound;
use super::Reached;
use super::Waited;
use super::group;
use super::never;
use super::until_waiting;

fn reached(point: u64, end_id: u64) -> Reached<u64, u64> {
    Reached { point, end_id }
}

#[test]
fn a_cut_moves_the_ids_back_and_the_point_never() {
    let group = group();
    group.advance(9);
    assert!(group.exclusive(|| group.set_in_turn(reached(10, 4))));
    assert_eq!((group.committed(), group.durable_end()), (10, 4));
    // A round that ends below the point, as one that began before the cut, changes neither.
    group.advance(10);
    assert_eq!((group.committed(), group.durable_end()), (10, 4));
    let committed = group.0.commit(11, never, || Ok(reached(11, 5)));
    assert_eq!(committed, Ok(()));
    assert_eq!((group.committed(), group.durable_end()), (11, 5));
}

#[test]
fn a_cut_wakes_every_watcher_to_look_again_and_answers_those_up_to_the_point() {
    let group = group();
    group.advance(3);
    let far = Instant::now() + Duration::from_secs(60);
    thread::scope(|scope| {
        let covered = scope.spawn(|| group.0.wait(4, None));
        let waiting = scope.spawn(|| group.0.wait(9, None));
        let with_deadline = scope.spawn(|| group.0.wait(9, Some(far)));
        until_waiting(&group, 3);
        assert!(group.exclusive(|| group.set_in_turn(reached(4, 1))));
        assert_eq!(covered.join().expect("returns"), Ok(Waited::Committed));
        assert_eq!(waiting.join().expect("returns"), Ok(Waited::LookAgain));
        assert_eq!(
            with_deadline.join().expect("returns"),
            Ok(Waited::LookAgain)
        );
    });
    assert_eq!(group.waiting_count(), 0);
}

#[test]
fn a_cut_waits_for_the_round_under_way_and_leaves_later_committers_waiting() {
    let group = group();
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let cut = scope.spawn(|| group.exclusive(|| group.set_in_turn(reached(2, 0))));
        until_waiting(&group, 1);
        let committer = scope.spawn(|| group.0.commit(3, never, || Ok(reached(3, 1))));
        until_waiting(&group, 2);
        held.finish(Ok(2));
        assert_eq!(leader.join().expect("returns"), Ok(()));
        assert!(cut.join().expect("returns"));
        assert_eq!(committer.join().expect("returns"), Ok(()));
    });
    assert_eq!((group.committed(), group.durable_end()), (3, 1));
}

#[test]
fn a_group_that_has_failed_takes_no_cut() {
    let group = group();
    group.advance(5);
    group.poison("EIO".to_owned());
    assert!(!group.exclusive(|| group.set_in_turn(reached(6, 2))));
    assert_eq!((group.committed(), group.durable_end()), (5, 5));
    let answer: Answer = group.wait(6, None);
    assert_eq!(answer, Err(CommitError::Poisoned("EIO".to_owned())));
}
