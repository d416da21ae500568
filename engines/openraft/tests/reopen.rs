//! Does a log hold the same after each call, whether it was closed and opened since or not?
//!
//! The suites of openraft never open a log a second time.

mod support;

use ironwal::Wal;
use support::Log;
use support::Model;
use support::Random;
use support::block_on;
use support::rounds;
use support::take;

fn open(dir: &std::path::Path) -> (Wal, Log) {
    let mut options = ironwal_openraft::options(dir);
    // Removals and appends cross segments.
    options.max_segment_size = 1_000;
    let wal = Wal::new(options).expect("opens");
    let log = Log::open(&wal, "group").expect("opens");
    (wal, log)
}

#[test]
fn a_log_that_is_closed_and_opened_after_each_call_holds_what_openraft_wrote() {
    for seed in 0..rounds("REOPEN_ROUNDS", 8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raft");
        let mut random = Random::new(seed);
        let mut model = Model::default();
        for number in 0..60 {
            let step = model.random_step(number, &mut random);
            let (wal, mut log) = open(&path);
            model.apply(&step);
            block_on(async {
                take(&mut log, &step).await.unwrap();
                assert_eq!(
                    Model::of(&mut log).await.unwrap(),
                    model,
                    "{seed}: {step:?}"
                );
            });
            drop(log);
            wal.close().unwrap();
            let (_wal, mut log) = open(&path);
            let found = block_on(Model::of(&mut log)).unwrap();
            assert_eq!(found, model, "seed {seed}, opened again after {step:?}");
        }
    }
}

#[test]
fn groups_of_one_log_are_separate() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::new(ironwal_openraft::options(dir.path().join("raft"))).unwrap();
    let mut models: Vec<(Log, Model)> = (0..3)
        .map(|group| Log::open(&wal, &format!("group-{group}")).unwrap())
        .map(|log| (log, Model::default()))
        .collect();
    let mut random = Random::new(7);
    for number in 0..90 {
        let (log, model) = &mut models[(number % 3) as usize];
        let step = model.random_step(number, &mut random);
        model.apply(&step);
        block_on(take(log, &step)).unwrap();
    }
    for (log, model) in &mut models {
        assert_eq!(block_on(Model::of(log)).unwrap(), *model);
    }
}
