//! Which callers does a leader wait for before its round?

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use super::HeldRound;
use super::group;
use super::never;
use super::until_waiting;

#[test]
fn a_target_that_became_void_is_waited_for_no_longer_and_the_others_are_made_durable() {
    // A frame that was staged and rolled back: no round would ever publish its target.
    let group = group();
    let taken_back = AtomicBool::new(false);
    let is_void = || taken_back.load(SeqCst);
    thread::scope(|scope| {
        let (held, leader) = HeldRound::start(scope, &group, 1);
        let void = scope.spawn(|| group.commit(9, is_void, || unreachable!()));
        let other = scope.spawn(|| group.commit(2, never, || Ok(2)));
        until_waiting(&group, 2);
        taken_back.store(true, SeqCst);
        group.wake_to_recheck();
        assert_eq!(void.join().expect("returns"), Ok(()));
        until_waiting(&group, 1);
        held.finish(Ok(1));
        assert_eq!(leader.join().expect("returns"), Ok(()));
        assert_eq!(other.join().expect("returns"), Ok(()));
    });
    assert_eq!(group.committed(), 2);
    assert_eq!(group.commit(9, is_void, || unreachable!()), Ok(()));
    assert_eq!(group.poisoned(), None);
}

#[test]
fn a_leader_whose_own_target_becomes_void_in_its_round_fails_no_other() {
    let group = group();
    let taken_back = AtomicBool::new(false);
    let outcome = group.commit(
        5,
        || taken_back.load(SeqCst),
        || {
            taken_back.store(true, SeqCst);
            Ok(0)
        },
    );
    assert_eq!((outcome, group.committed()), (Ok(()), 0));
    assert_eq!(group.commit(1, never, || Ok(1)), Ok(()));
}

#[test]
fn a_leader_waits_for_the_callers_that_the_round_before_released() {
    let group = group();
    let published = AtomicU64::new(0);
    let rounds = AtomicU64::new(0);
    let (threads, each) = (4, 50);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..each {
                    let target = published.fetch_add(1, SeqCst) + 1;
                    let round = || {
                        rounds.fetch_add(1, SeqCst);
                        let end = published.load(SeqCst);
                        thread::sleep(Duration::from_millis(2));
                        Ok(end)
                    };
                    assert_eq!(group.commit(target, never, round), Ok(()));
                }
            });
        }
    });
    // Without the delay two groups alternate, each with half of the threads: 2 rounds an entry
    // each.
    let rounds = rounds.load(SeqCst);
    assert!(
        rounds < each * 7 / 4,
        "{rounds} rounds for {threads} times {each} entries"
    );
}
