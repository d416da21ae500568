//! Does a group hold what raft-rs wrote, at the edges too, and after it is opened again?

mod support;

use std::sync::mpsc;

use ironwal::SyncMode;
use ironwal::Wal;
use ironwal_raft_rs::Group;
use ironwal_raft_rs::Update;
use raft::GetEntriesContext;
use raft::Storage;
use raft::StorageError;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use support::Model;
use support::Random;
use support::entry;
use support::group;
use support::hard_state;
use support::rounds;
use support::snapshot;
use support::take;

fn open(dir: &std::path::Path) -> (Wal, Group) {
    let mut options = ironwal_raft_rs::options(dir);
    // Removals and appends cross segments.
    options.max_segment_size = 1_000;
    let wal = Wal::new(options).expect("opens");
    let group = group(&wal, "group").expect("opens");
    (wal, group)
}

fn write(group: &Group, entries: &[Entry]) -> raft::Result<()> {
    group.write_update(&Update {
        entries,
        must_sync: true,
        ..Update::default()
    })
}

fn entries(terms: &[(u64, u64)]) -> Vec<Entry> {
    let text = |index: u64, term: u64| format!("{index} of term {term}");
    terms
        .iter()
        .map(|&(index, term)| entry(index, term, &text(index, term)))
        .collect()
}

#[test]
fn a_group_that_is_closed_and_opened_after_each_step_holds_what_was_written() {
    for seed in 0..rounds("REOPEN_ROUNDS", 8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raft");
        let mut random = Random::new(seed);
        let mut model = Model::default();
        for number in 0..60 {
            let step = model.random_step(number, &mut random);
            let (wal, group) = open(&path);
            model.apply(&step);
            take(&group, &step, number).unwrap();
            assert_eq!(Model::of(&group).unwrap(), model, "{seed}: {step:?}");
            drop(group);
            wal.close().unwrap();
            let (_wal, group) = open(&path);
            let found = Model::of(&group).unwrap();
            assert_eq!(found, model, "seed {seed}, opened again after {step:?}");
        }
    }
}

#[test]
fn a_new_group_is_empty_and_begins_at_index_1() {
    let dir = tempfile::tempdir().unwrap();
    let (_wal, group) = open(&dir.path().join("raft"));
    assert!(group.is_new().unwrap());
    assert_eq!(group.first_index().unwrap(), 1);
    assert_eq!(group.last_index().unwrap(), 0);
    assert_eq!(group.term(0).unwrap(), 0);
    assert!(!group.initial_state().unwrap().initialized());
    write(&group, &entries(&[(1, 1)])).unwrap();
    assert!(!group.is_new().unwrap());
    let conf = ConfState::from((vec![1], vec![]));
    assert!(group.bootstrap(&conf).is_err());
}

#[test]
fn a_bootstrapped_group_counts_as_initialized() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("raft");
    let (wal, group) = open(&path);
    let conf = ConfState::from((vec![1, 2, 3], vec![4]));
    group.bootstrap(&conf).unwrap();
    drop(group);
    wal.close().unwrap();
    let (_wal, group) = open(&path);
    let state = group.initial_state().unwrap();
    assert_eq!(state.conf_state, conf);
    assert_eq!(state.hard_state, hard_state((1, 0, 1)));
    assert_eq!(group.last_index().unwrap(), 1);
    assert_eq!(group.term(1).unwrap(), 1);
    assert!(group.bootstrap(&conf).is_err());
}

#[test]
fn entries_that_overlap_take_the_place_of_all_from_their_first_index_on() {
    let dir = tempfile::tempdir().unwrap();
    let (_wal, group) = open(&dir.path().join("raft"));
    write(&group, &entries(&[(1, 1), (2, 1), (3, 2), (4, 2)])).unwrap();
    for (from, last) in [(4, 4), (2, 3), (1, 2)] {
        let new: Vec<_> = (from..=last).map(|index| (index, 10 - from)).collect();
        write(&group, &entries(&new)).unwrap();
        assert_eq!(group.last_index().unwrap(), last);
        assert_eq!(group.term(last).unwrap(), 10 - from);
        let context = GetEntriesContext::empty(false);
        let found = group.entries(from, last + 1, None, context).unwrap();
        assert_eq!(found, entries(&new));
    }
}

#[test]
fn holes_and_entries_that_were_compacted_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_wal, group) = open(&dir.path().join("raft"));
    write(&group, &entries(&[(1, 1), (2, 1), (3, 1)])).unwrap();
    group.compact(2).unwrap();
    group.compact(1).unwrap(); // done already
    let before = Model::of(&group).unwrap();
    for refused in [
        &[(5, 1)][..],
        &[(2, 1), (3, 1)],
        &[(4, 1), (6, 1)],
        &[(4, 1), (4, 1)],
    ] {
        assert!(write(&group, &entries(refused)).is_err(), "{refused:?}");
        assert_eq!(Model::of(&group).unwrap(), before);
    }
    assert_eq!(group.compact(4), Err(StorageError::Unavailable.into()));
    assert_eq!(Model::of(&group).unwrap(), before);
}

#[test]
fn reads_stop_at_a_size_and_outside_the_log_say_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (_wal, group) = open(&dir.path().join("raft"));
    write(&group, &entries(&[(1, 1), (2, 1), (3, 2), (4, 2)])).unwrap();
    group.compact(1).unwrap();
    let read = |low, high, max: Option<u64>| {
        group.entries(low, high, max, GetEntriesContext::empty(false))
    };
    assert_eq!(read(2, 5, None).unwrap().len(), 3);
    assert_eq!(read(2, 5, Some(0)).unwrap().len(), 1);
    assert_eq!(read(2, 5, Some(60)).unwrap().len(), 2);
    assert_eq!(read(3, 3, None).unwrap().len(), 0);
    assert_eq!(read(1, 3, None), Err(StorageError::Compacted.into()));
    assert_eq!(read(2, 6, None), Err(StorageError::Unavailable.into()));
    assert_eq!(group.term(1).unwrap(), 1);
    assert_eq!(group.term(0), Err(StorageError::Compacted.into()));
    assert_eq!(group.term(5), Err(StorageError::Unavailable.into()));
}

#[test]
fn a_snapshot_takes_the_place_of_all_entries_with_its_configuration_and_the_hard_state() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("raft");
    let (wal, group) = open(&path);
    write(&group, &entries(&[(1, 1), (2, 1), (3, 1)])).unwrap();
    group
        .write_update(&Update {
            snapshot: Some(&snapshot(100, 7, &[4, 5, 6])),
            entries: &entries(&[(101, 7), (102, 8)]),
            hard_state: Some(&hard_state((8, 5, 100))),
            must_sync: true,
        })
        .unwrap();
    let before = Model::of(&group).unwrap();
    assert_eq!(before.start, (100, 7));
    assert_eq!(before.hard, (8, 5, 100));
    assert_eq!(before.voters, [4, 5, 6]);
    assert_eq!(before.entries.len(), 2);
    drop(group);
    wal.close().unwrap();
    let (_wal, group) = open(&path);
    assert_eq!(Model::of(&group).unwrap(), before);
}

#[test]
fn callbacks_come_in_the_order_of_the_writes_and_a_commit_waits_for_those_in_front_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, group) = open(&dir.path().join("raft"));
    let (tx, rx) = mpsc::channel();
    let mut sent = 0;
    let mut send = |update: &Update| {
        let tx = tx.clone();
        sent += 1;
        let number = sent;
        let done = move |result: raft::Result<()>| tx.send((number, result.is_ok())).unwrap();
        group.write_update_then(update, done).unwrap();
    };
    // Nothing was written that must be durable: persisted at once.
    send(&Update::default());
    assert_eq!(rx.try_recv().unwrap(), (1, true));
    for index in 1..=50 {
        send(&Update {
            entries: &entries(&[(index, 1)]),
            must_sync: true,
            ..Update::default()
        });
        send(&Update {
            hard_state: Some(&hard_state((1, 1, index))),
            ..Update::default()
        });
    }
    for _ in 0..100 {
        let (number, ok) = rx.recv().unwrap();
        assert!(ok);
        if number % 2 == 1 {
            let entry = (number - 1) / 2;
            assert!(wal.stream("group").unwrap().durable_end().unwrap() > entry);
        }
    }
    assert!(rx.try_recv().is_err());
}

#[test]
fn another_sync_mode_is_noticed_with_the_first_entries() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = ironwal_raft_rs::options(dir.path().join("raft"));
    options.sync_mode = SyncMode::Strict;
    let wal = Wal::new(options).unwrap();
    let group = group(&wal, "group").unwrap();
    let update = Update {
        entries: &entries(&[(1, 1)]),
        must_sync: true,
        ..Update::default()
    };
    let refused = group.write_update_then(&update, |_| ());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("SyncMode::Async"), "{error}");
}

#[test]
fn entries_compacted_on_another_thread_meanwhile_are_compacted_and_never_missing() {
    // raft-rs takes any other answer for a broken storage, and panics.
    const COUNT: u64 = 1_500;
    let dir = tempfile::tempdir().unwrap();
    let (_wal, group) = open(&dir.path().join("raft"));
    let all: Vec<_> = (1..=COUNT).map(|index| (index, 1)).collect();
    write(&group, &entries(&all)).unwrap();
    let mut compacted = 0;
    std::thread::scope(|scope| {
        let compacting = scope.spawn(|| {
            for index in (10..COUNT).step_by(10) {
                group.compact(index).unwrap();
            }
        });
        while !compacting.is_finished() {
            let first = group.first_index().unwrap();
            let context = GetEntriesContext::empty(false);
            match group.entries(first, first + 1, None, context) {
                Ok(found) => assert_eq!(found[0].index, first),
                Err(raft::Error::Store(StorageError::Compacted)) => compacted += 1,
                Err(other) => panic!("{first}: {other}"),
            }
        }
    });
    println!("{compacted} times");
    assert_eq!(group.last_index().unwrap(), COUNT);
}
