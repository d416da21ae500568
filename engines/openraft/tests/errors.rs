//! Does every failure of the disk reach openraft, once, and is nothing acknowledged lost by it?
//!
//! Steps run on ironwal's simulated disk; one call to it fails, each in turn, in several ways. A
//! callback is a value that is used up when it is called, so "at most once" is a matter of types; that
//! it is called at all, `take` checks. After the first error the power is cut, as openraft stops then.

mod support;

use ironwal::Wal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use openraft_0_10::EntryPayload;
use openraft_0_10::alias::EntryOf;
use openraft_0_10::entry::RaftEntry;
use openraft_0_10::storage::IOFlushed;
use openraft_0_10::storage::RaftLogStorage;
use openraft_0_10::type_config::TypeConfigExt;
use support::Log;
use support::LogId;
use support::Model;
use support::Random;
use support::Types;
use support::block_on;
use support::rounds;
use support::take;

const STEPS: u64 = 12;

fn open(disk: &SimulatedDisk) -> std::io::Result<(Wal, Log)> {
    let mut options = ironwal_openraft::options("/raft");
    options.max_segment_size = 1_000;
    let wal = Wal::open_simulated(disk, options).map_err(std::io::Error::other)?;
    let log = Log::open(&wal, "group")?;
    Ok((wal, log))
}

/// Takes steps until one fails or all are taken. Returns the models that may be found afterwards,
/// and whether a step failed.
fn run(disk: &SimulatedDisk, log: &mut Log, seed: u64) -> (Vec<Model>, bool) {
    let mut random = Random::new(seed);
    let mut allowed = vec![Model::default()];
    for number in 0..STEPS {
        let before = allowed.last().unwrap().clone();
        let step = before.random_step(number, &mut random);
        let mut after = before;
        after.apply(&step);
        let taken = block_on(take(log, &step));
        match taken {
            Ok(()) if step.is_durable() => allowed = vec![after],
            Ok(()) => allowed.push(after),
            Err(_) => {
                assert!(disk.faults_fired() > 0, "step {number} failed by itself");
                allowed.push(after);
                return (allowed, true);
            }
        }
    }
    (allowed, false)
}

#[test]
fn an_error_of_any_call_to_the_disk_is_reported_and_costs_nothing_acknowledged() {
    let (mut failed, mut survived) = (0, 0);
    for seed in 0..rounds("ERROR_ROUNDS", 2) {
        let whole = SimulatedDisk::new();
        let (_wal, mut log) = open(&whole).unwrap();
        let opened = whole.op_count();
        run(&whole, &mut log, seed);
        for call in 1..=whole.op_count() - opened {
            let plans = [
                FaultPlan::nth_call(call),
                FaultPlan::nth_call(call).forever().code(libc::ENOSPC),
                FaultPlan::nth_call(call).after_the_effect(),
            ];
            for (plan, number) in plans.into_iter().zip(0..) {
                let disk = SimulatedDisk::new();
                let (_wal, mut log) = open(&disk).unwrap();
                disk.inject(plan);
                let (allowed, has_failed) = run(&disk, &mut log, seed);
                match has_failed {
                    true => failed += 1,
                    false => survived += 1,
                }
                let left = disk.crash(call, DirectoryModel::Ordered);
                left.clear_faults();
                let (_wal, mut log) = open(&left)
                    .unwrap_or_else(|error| panic!("seed {seed}, call {call}, {number}: {error}"));
                let found = block_on(Model::of(&mut log)).unwrap();
                assert!(
                    allowed.contains(&found),
                    "seed {seed}, call {call}, plan {number}: {found:#?}\nnone of {allowed:#?}"
                );
            }
        }
    }
    println!("{failed} runs failed, {survived} went on");
    assert!(failed > 50);
}

#[test]
fn a_failing_sync_reaches_the_callbacks_of_all_appends_that_wait_for_it() {
    let disk = SimulatedDisk::new();
    let (_wal, mut log) = open(&disk).unwrap();
    block_on(async {
        let first = entry(0);
        let (tx, rx) = Types::oneshot();
        log.append([first], IOFlushed::signal(tx)).await.unwrap();
        rx.await.unwrap().unwrap();
        disk.inject(
            FaultPlan::nth(OpKind::SyncData, 1)
                .or(OpKind::SyncAll)
                .forever()
                .dropping_dirty(),
        );
        let mut waiting = Vec::new();
        for index in 1..20 {
            let (tx, rx) = Types::oneshot();
            // An append behind the failure may be refused at once; its callback gets the error too.
            let _refused = log.append([entry(index)], IOFlushed::signal(tx)).await;
            waiting.push(rx);
        }
        for rx in waiting {
            rx.await.expect("called").expect_err("not durable");
        }
    });
}

fn entry(index: u64) -> EntryOf<Types> {
    let leader = openraft_0_10::impls::leader_id_adv::LeaderId {
        term: 1,
        node_id: 1,
    };
    let data = EntryPayload::Normal(format!("entry {index}"));
    EntryOf::<Types>::new(LogId::new(leader, index), data)
}
