//! Does a group survive power cuts at every call to the disk, also during its recovery?
//!
//! Steps run on ironwal's simulated disk, which records every call. Then the power is cut after each of
//! them, with different choices of what had reached the disk, and the group is opened on what is left.
//! `POWER_CUT_ROUNDS` sets how many runs there are.

mod support;

use ironwal::Wal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal_raft_rs::Group;
use support::Model;
use support::Random;
use support::Step;
use support::group;
use support::rounds;
use support::take;

const STEPS: u64 = 24;

fn open(disk: &SimulatedDisk) -> raft::Result<(Wal, Group)> {
    let mut options = ironwal_raft_rs::options("/raft");
    options.max_segment_size = 1_000;
    let wal = Wal::open_simulated(disk, options).map_err(ironwal_raft_rs::to_raft)?;
    let group = group(&wal, "group")?;
    Ok((wal, group))
}

/// A run: the steps, the model after each number of them, and the disk that has recorded it.
struct Run {
    seed: u64,
    disk: SimulatedDisk,
    steps: Vec<Step>,
    models: Vec<Model>,
}

/// Marks in the record of the disk: step `n` was begun, was acknowledged.
fn begun(step: usize) -> u64 {
    2 * step as u64
}

fn acknowledged(step: usize) -> u64 {
    2 * step as u64 + 1
}

impl Run {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        let (wal, group) = open(&disk).unwrap();
        let mut random = Random::new(seed);
        let mut models = vec![Model::default()];
        let mut steps = Vec::new();
        for number in 0..STEPS {
            let mut model = models.last().unwrap().clone();
            let step = model.random_step(number, &mut random);
            disk.mark(begun(steps.len()));
            take(&group, &step, number).unwrap();
            disk.mark(acknowledged(steps.len()));
            model.apply(&step);
            steps.push(step);
            models.push(model);
        }
        drop(group);
        wal.close().unwrap();
        Run {
            seed,
            disk,
            steps,
            models,
        }
    }

    /// The numbers of steps that may be found after a power cut behind call `op`.
    fn allowed(&self, op: u64) -> std::ops::RangeInclusive<usize> {
        let (mut least, mut most) = (0, 0);
        for (at, mark) in self.disk.marks() {
            let step = (mark / 2) as usize;
            if at <= op && mark == begun(step) {
                most = step + 1;
            }
            if at <= op && mark == acknowledged(step) && self.steps[step].is_durable() {
                least = step + 1;
            }
        }
        least..=most
    }

    fn check(&self, op: u64, disk: &SimulatedDisk, what: &str) {
        let opened = open(disk);
        let (_wal, group) =
            opened.unwrap_or_else(|error| panic!("seed {}, call {op}, {what}: {error}", self.seed));
        let found = Model::of(&group).unwrap();
        let allowed = self.allowed(op);
        assert!(
            self.models[allowed.clone()].contains(&found),
            "seed {}, call {op}, {what}: none of the states after {allowed:?} steps\n\
             steps {:#?}\nfound {found:#?}",
            self.seed,
            &self.steps[..*allowed.end()],
        );
    }
}

#[test]
fn a_power_cut_at_any_call_leaves_the_group_as_it_was_after_some_step() {
    let mut states = 0;
    for seed in 0..rounds("POWER_CUT_ROUNDS", 3) {
        let run = Run::new(seed);
        let mut replay = run.disk.replay();
        loop {
            let op = replay.op_index();
            for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                for crash in 0..8 {
                    let disk = replay.crash(op * 8 + crash, model);
                    run.check(op, &disk, &format!("{model:?}, choice {}", op * 8 + crash));
                    states += 1;
                }
            }
            if !replay.step_to_change() {
                break;
            }
        }
    }
    println!("{states} states");
    assert!(states > 1_000);
}

#[test]
fn a_second_power_cut_at_any_call_of_a_recovery_changes_nothing() {
    let mut states = 0;
    for seed in 0..rounds("POWER_CUT_ROUNDS", 1) {
        let run = Run::new(100 + seed);
        let mut replay = run.disk.replay();
        let mut random = Random::new(seed);
        loop {
            // Some of the first cuts; all of the second.
            if random.below(6) == 0 {
                let op = replay.op_index();
                let first = replay.crash(random.below(1 << 20), DirectoryModel::Strict);
                let (wal, group) = open(&first).unwrap();
                drop(group);
                wal.close().unwrap();
                let mut recovery = first.replay();
                while recovery.step_to_change() {
                    let disk = recovery.crash(random.below(1 << 20), DirectoryModel::Strict);
                    run.check(op, &disk, "twice");
                    states += 1;
                }
            }
            if !replay.step_to_change() {
                break;
            }
        }
    }
    println!("{states} states");
    assert!(states > 50);
}
