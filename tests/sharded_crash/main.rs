//! Power may be lost, or a call fail, at any moment of creating, compacting and pruning, and again
//! while the log recovers from that: no acknowledged checkpoint is lost, none is half seen, none
//! points past what is there, and the next one is found again.
#![cfg(all(feature = "sharded", feature = "simulation", unix))]

mod worlds;

use ironwal::CheckpointData;
use ironwal::CorruptionPolicy;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::SimulatedDisk;

use worlds::Deed;
use worlds::Event;
use worlds::check;
use worlds::worlds;

const SHARDS: u16 = 3;
const MODELS: [DirectoryModel; 2] = [DirectoryModel::Strict, DirectoryModel::Ordered];

/// The entry of a shard with this id; long enough to fill segments soon.
fn entry(shard: u16, id: u64) -> Vec<u8> {
    format!("{shard}/{id}/").repeat(20).into_bytes()
}

/// No crash is damage, so the strictest policy opens what any leaves.
fn open(disk: &SimulatedDisk) -> ironwal::Result<ShardedWal> {
    open_with(disk, CorruptionPolicy::Error)
}

fn open_with(disk: &SimulatedDisk, policy: CorruptionPolicy) -> ironwal::Result<ShardedWal> {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_segment_size = 400;
    // No crash is damage.
    options.on_corruption = policy;
    ShardedWal::open_simulated(disk, options, ShardedOptions::new(SHARDS))
}

fn append(wal: &ShardedWal, count: u64) {
    for shard in 0..SHARDS {
        let key = (0u32..)
            .map(u32::to_le_bytes)
            .find(|key| wal.shard_of(key) == shard);
        let key = key.expect("a key of the shard");
        for _ in 0..count {
            let stream = wal
                .inner()
                .stream(&ironwal::sharded::shard_stream_name(shard));
            let next = stream.and_then(|stream| stream.next_id());
            let Ok(next) = next else { continue };
            // A failure is what the test is about; ids then stay as they are.
            let _ = wal.append(&key, &entry(shard, next));
        }
    }
}

fn id(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}

fn deeds() -> Vec<Deed> {
    let create = |name: &str| Deed::Create(id(name));
    vec![
        create("a"),
        create("b"),
        create("a"),
        create("c"),
        Deed::Prune(id("a")),
        create("d"),
        Deed::Compact(2),
        create("e"),
        Deed::Prune(id("e")),
        Deed::Compact(0),
        create("f"),
    ]
}

/// Makes a plan to fail a call a certain way of failing.
type Refine = fn(FaultPlan) -> FaultPlan;

struct Run {
    events: Vec<Event>,
    made: Vec<Option<CheckpointData>>,
}

/// Does all deeds, with entries in between, noting what was acknowledged when.
fn run(disk: &SimulatedDisk, wal: &ShardedWal) -> Run {
    let mut run = Run {
        events: Vec::new(),
        made: Vec::new(),
    };
    for deed in deeds() {
        append(wal, 2);
        let begun = disk.op_count();
        let done = match &deed {
            Deed::Create(id) => wal.create_checkpoint(id),
            Deed::Prune(id) => wal.prune_before_checkpoint(id).map(drop),
            Deed::Compact(keep) => wal.compact_checkpoints(*keep).map(drop),
        };
        let acknowledged = done.is_ok().then(|| disk.op_count());
        let made = match (&deed, &done) {
            (Deed::Create(id), Ok(())) => wal.load_checkpoint(id).ok(),
            _ => None,
        };
        run.made.push(made);
        run.events.push(Event {
            deed,
            begun,
            acknowledged,
        });
    }
    run
}

/// Opens what a crash left and looks at it; then makes another checkpoint, loses power once more,
/// and looks for that.
fn check_survivor(
    disk: &SimulatedDisk,
    policy: CorruptionPolicy,
    (run, now): (&Run, u64),
    seed: u64,
    case: &str,
) {
    let possible = worlds(&run.events, now);
    let wal = open_with(disk, policy).unwrap_or_else(|error| panic!("{case}: {error}"));
    check(&wal, &possible, &run.made, case);
    append(&wal, 1);
    let created = wal.create_checkpoint(b"after");
    created.unwrap_or_else(|error| panic!("{case}: {error}"));
    let data = wal.load_checkpoint(b"after").expect("loads");
    let again = disk.crash(seed, DirectoryModel::Strict);
    drop(wal);
    let wal = open_with(&again, policy).unwrap_or_else(|error| panic!("{case}, again: {error}"));
    let latest = wal.load_latest_checkpoint().expect("loads");
    assert_eq!(latest, (b"after".to_vec(), data), "{case}");
}

/// How thorough to be: `IRONWAL_LONG=1` asks for the long run.
fn is_long() -> bool {
    std::env::var_os("IRONWAL_LONG").is_some()
}

#[test]
fn power_may_be_lost_at_every_call_of_create_compact_and_prune() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk).expect("opens");
    let run = run(&disk, &wal);
    assert!(run.events.iter().all(|event| event.acknowledged.is_some()));
    wal.close().expect("closes");
    let seeds = if is_long() { 64 } else { 8 };
    let mut moments = 0;
    let mut crashes = 0u64;
    let mut replay = disk.replay();
    while replay.step_to_change() {
        moments += 1;
        let now = replay.op_index();
        for model in MODELS {
            // The short run sees all ways of choosing, but not all at each moment.
            let step = if is_long() { 1 } else { 4 };
            for seed in (moments % step..seeds).step_by(step as usize) {
                let case = format!("call {now} {:?}, seed {seed}, {model:?}", replay.op());
                let disk = replay.crash(seed, model);
                check_survivor(&disk, CorruptionPolicy::Error, (&run, now), seed, &case);
                crashes += 1;
            }
        }
    }
    println!("{moments} moments, {crashes} crashes");
    assert!(moments > 100);
}

#[test]
fn power_may_be_lost_again_at_every_call_of_the_recovery() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk).expect("opens");
    let run = run(&disk, &wal);
    wal.close().expect("closes");
    let mut crashes = 0u64;
    let mut moment = 0u64;
    let mut replay = disk.replay();
    while replay.step_to_change() {
        moment += 1;
        let step = if is_long() { 1 } else { 5 };
        if !moment.is_multiple_of(step) {
            continue;
        }
        let now = replay.op_index();
        for seed in [3, 1, 4] {
            let first = replay.crash(seed, DirectoryModel::Strict);
            let before = first.op_count();
            drop(open(&first).expect("opens"));
            let mut recovery = first.replay();
            while recovery.step_to_change() {
                if recovery.op_index() <= before {
                    continue;
                }
                let op = recovery.op_index();
                let case = format!("call {now}, seed {seed}, then call {op} of the recovery");
                let second = recovery.crash(seed + moment, DirectoryModel::Strict);
                let possible = worlds(&run.events, now);
                let wal = open(&second).unwrap_or_else(|error| panic!("{case}: {error}"));
                check(&wal, &possible, &run.made, &case);
                crashes += 1;
            }
        }
    }
    println!("{crashes} crashes of recoveries");
    assert!(crashes > 100);
}

#[test]
fn any_call_may_fail_and_what_was_acknowledged_stays() {
    let calls = {
        let disk = SimulatedDisk::new();
        let wal = open(&disk).expect("opens");
        let before = disk.op_count();
        run(&disk, &wal);
        disk.op_count() - before
    };
    let kinds: [(&str, Refine); 4] = [
        ("fails", |plan| plan),
        ("loses what was dirty", FaultPlan::dropping_dirty),
        ("works and says it failed", FaultPlan::after_the_effect),
        ("has no space", |plan| {
            plan.code(libc::ENOSPC).short_write(7)
        }),
    ];
    let step = if is_long() { 1 } else { 7 };
    // A write that fails half way may leave a torn slot, which the strict policy refuses.
    let lenient = CorruptionPolicy::Truncate;
    let mut failures = 0u64;
    for nth in (1..=calls).step_by(step) {
        for (what, refine) in kinds {
            let case = format!("call {nth} {what}");
            let disk = SimulatedDisk::new();
            let wal = open(&disk).expect("opens");
            disk.inject(refine(FaultPlan::nth_call(nth)));
            let run = run(&disk, &wal);
            failures += disk.faults_fired();
            let now = disk.op_count() + 1;
            let killed = disk.kill();
            for seed in [0, 1, 3] {
                let crashed = killed.crash(seed, DirectoryModel::Strict);
                let case = format!("{case}, seed {seed}");
                check_survivor(&crashed, lenient, (&run, now), seed, &case);
            }
            check_survivor(&killed, lenient, (&run, now), 1, &format!("{case}, killed"));
        }
    }
    println!("{failures} failed calls");
    assert!(failures > 20);
}
