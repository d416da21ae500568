//! Do many groups share one log?

mod support;

use std::sync::mpsc;

use ironwal::Wal;
use ironwal_raft_rs::Group;
use raft::Config;
use raft::RawNode;
use raft::Storage;
use raft::eraftpb::ConfState;
use support::group;

const GROUPS: u64 = 64;
const PROPOSALS: u64 = 20;

/// Runs a group of one member until its proposals are applied, with several of them under way.
fn run(group: &Group, number: u64) {
    group
        .bootstrap(&ConfState::from((vec![1], vec![])))
        .unwrap();
    let config = Config {
        id: 1,
        applied: 1,
        ..Config::default()
    };
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let mut raft = RawNode::new(&config, group.clone(), &logger).unwrap();
    raft.campaign().unwrap();
    let (tx, rx) = mpsc::channel();
    let (mut proposed, mut applied) = (0, 0);
    while applied < PROPOSALS {
        if raft.raft.state == raft::StateRole::Leader && proposed < PROPOSALS {
            proposed += 1;
            let data = format!("{number}/{proposed}").into_bytes();
            raft.propose(vec![], data).unwrap();
        }
        if raft.has_ready() {
            let mut ready = raft.ready();
            let tx = tx.clone();
            let done = move |number, result: raft::Result<()>| {
                // The last ones come when the group's thread has ended.
                let _gone = tx.send((number, result));
            };
            group.write_then(&ready, done).unwrap();
            for entry in ready.take_committed_entries() {
                applied += u64::from(!entry.data.is_empty());
            }
            raft.advance_append_async(ready);
            raft.advance_apply();
        } else {
            let (number, result) = rx.recv().unwrap();
            result.unwrap();
            raft.on_persist_ready(number);
        }
        while let Ok((number, result)) = rx.try_recv() {
            result.unwrap();
            raft.on_persist_ready(number);
        }
    }
}

#[test]
fn sixty_four_groups_of_one_log_keep_their_own_entries_and_states() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("raft");
    let name = |number| format!("group-{number}");
    let wal = Wal::new(ironwal_raft_rs::options(&path)).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let wal = &wal;
            scope.spawn(move || {
                for number in (0..GROUPS).filter(|number| number % 8 == worker) {
                    run(&group(wal, &name(number)).unwrap(), number);
                }
            });
        }
    });
    wal.close().unwrap();
    let wal = Wal::new(ironwal_raft_rs::options(&path)).unwrap();
    for number in 0..GROUPS {
        let group = group(&wal, &name(number)).unwrap();
        let end = group.last_index().unwrap() + 1;
        let context = raft::GetEntriesContext::empty(false);
        let entries = group.entries(2, end, None, context).unwrap();
        let data: Vec<String> = entries
            .iter()
            .filter(|entry| !entry.data.is_empty())
            .map(|entry| String::from_utf8(entry.data.to_vec()).unwrap())
            .collect();
        let wanted: Vec<_> = (1..=PROPOSALS).map(|n| format!("{number}/{n}")).collect();
        assert_eq!(data, wanted);
        assert_eq!(group.initial_state().unwrap().hard_state.term, 2);
    }
}
