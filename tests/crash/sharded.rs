//! Power may be lost, or a call fail, at any moment of creating, compacting and pruning, and again
//! while the log recovers from that: no acknowledged checkpoint is lost, none is half seen, none
//! points past what is there, and the next one is found again.
//!
//! `IRONWAL_LONG=1` sees every moment with 64 seeds, and lets every call fail.
//! `IRONWAL_CRASH_SEEDS=64..128` takes other seeds, so that long runs can be made in slices. With
//! `--nocapture` they print how far they are.

mod worlds;

use std::ops::Range;
use std::time::Duration;
use std::time::Instant;

use ironwal::CheckpointData;
use ironwal::CorruptionPolicy;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
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
    ShardedWal::open_simulated(disk, options(policy), ShardedOptions::new(SHARDS))
}

fn options(policy: CorruptionPolicy) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_segment_size = 400;
    // No crash is damage.
    options.on_corruption = policy;
    options
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
        // Two that no slot can carry.
        create(&"long".repeat(150)),
        create(&"longer".repeat(100)),
        create("d"),
        Deed::Compact(2),
        create("e"),
        Deed::Prune(id("e")),
        Deed::Compact(0),
        create("f"),
    ]
}

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

/// How thorough to be.
fn is_long() -> bool {
    std::env::var_os("IRONWAL_LONG").is_some()
}

/// The ways of choosing what a crash leaves.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("IRONWAL_CRASH_SEEDS") else {
        return 0..if is_long() { 64 } else { 8 };
    };
    let ends = asked.split_once("..").map(|(a, b)| (a.parse(), b.parse()));
    match ends {
        Some((Ok(first), Ok(end))) if first < end => first..end,
        _ => panic!("IRONWAL_CRASH_SEEDS={asked}: a range like 64..128 is wanted"),
    }
}

/// Says now and then how far a long run is.
struct Progress {
    what: &'static str,
    of: usize,
    begun: Instant,
    printed: Instant,
}

impl Progress {
    fn new(what: &'static str, of: usize) -> Self {
        let now = Instant::now();
        Progress {
            what,
            of,
            begun: now,
            printed: now,
        }
    }

    fn at(&mut self, done: usize, cases: u64) {
        if self.printed.elapsed() > Duration::from_secs(10) {
            self.printed = Instant::now();
            let seconds = self.begun.elapsed().as_secs();
            println!(
                "{} {done} of {}: {cases} cases, {seconds} s",
                self.what, self.of
            );
        }
    }
}

/// How many moments there are.
fn moments_of(disk: &SimulatedDisk) -> usize {
    let mut replay = disk.replay();
    std::iter::from_fn(|| replay.step_to_change().then_some(())).count()
}

#[test]
fn power_may_be_lost_at_every_call_of_create_compact_and_prune() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk).expect("opens");
    let run = run(&disk, &wal);
    assert!(run.events.iter().all(|event| event.acknowledged.is_some()));
    wal.close().expect("closes");
    let seeds = seeds();
    let mut progress = Progress::new("power lost at moment", moments_of(&disk));
    let mut moments = 0;
    let mut crashes = 0u64;
    let mut replay = disk.replay();
    while replay.step_to_change() {
        moments += 1;
        let now = replay.op_index();
        for model in MODELS {
            // The short run sees all ways of choosing, but not all at each moment.
            let step = if is_long() { 1 } else { 4 };
            for seed in (seeds.start + moments % step..seeds.end).step_by(step as usize) {
                let case = format!("call {now} {:?}, seed {seed}, {model:?}", replay.op());
                let disk = replay.crash(seed, model);
                check_survivor(&disk, CorruptionPolicy::Error, (&run, now), seed, &case);
                crashes += 1;
            }
        }
        progress.at(moments as usize, crashes);
    }
    println!("{moments} moments, seeds {seeds:?}, {crashes} crashes");
    assert!(moments > 100);
}

#[test]
fn power_may_be_lost_again_at_every_call_of_the_recovery() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk).expect("opens");
    let run = run(&disk, &wal);
    wal.close().expect("closes");
    let seeds = seeds();
    let mut progress = Progress::new("recovery from moment", moments_of(&disk));
    let mut crashes = 0u64;
    let mut moment = 0u64;
    let mut replay = disk.replay();
    while replay.step_to_change() {
        moment += 1;
        let step = if is_long() { 1 } else { 5 };
        if moment % step != 0 {
            continue;
        }
        let now = replay.op_index();
        for seed in [3, 1, 4].map(|seed| seeds.start + seed) {
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
        progress.at(moment as usize, crashes);
    }
    println!("{moment} moments, {crashes} crashes of recoveries");
    assert!(crashes > 100);
}

/// Codes that a system call may answer at any time.
const CODES: [i32; 6] = [
    libc::EIO,
    libc::ENOSPC,
    libc::EDQUOT,
    libc::EMFILE,
    libc::EROFS,
    libc::EINTR,
];

/// All ways in which a call of this kind may fail, with a name.
fn failures(kind: OpKind) -> Vec<(String, FaultPlan)> {
    let plain = CODES.map(|code| (format!("fails with {code}"), FaultPlan::at_op(0).code(code)));
    let eio = || FaultPlan::at_op(0).code(libc::EIO);
    let mut plans = plain.to_vec();
    match kind {
        OpKind::Write => plans.extend([
            ("is short".to_owned(), eio().short_write(7)),
            ("works and fails".to_owned(), eio().after_the_effect()),
        ]),
        OpKind::SyncData | OpKind::SyncAll => plans.extend([
            ("drops what was dirty".to_owned(), eio().dropping_dirty()),
            ("works and fails".to_owned(), eio().after_the_effect()),
        ]),
        OpKind::Create | OpKind::Rename | OpKind::Remove | OpKind::SetLen | OpKind::SyncDir => {
            plans.push(("works and fails".to_owned(), eio().after_the_effect()));
        }
        _ => {}
    }
    let lasting = plans.clone().into_iter();
    let lasting = lasting.map(|(what, plan)| (format!("{what} for ever"), plan.forever()));
    plans.into_iter().chain(lasting).collect()
}

/// Opens without threads, so that calls have the same numbers every time.
fn open_stepped(disk: &SimulatedDisk) -> ShardedWal {
    let options = options(CorruptionPolicy::Truncate);
    let wal = Wal::open_simulated_stepped(disk, options, std::sync::Arc::new(|_, _| ()));
    ShardedWal::on(wal.expect("opens"), ShardedOptions::new(SHARDS)).expect("opens")
}

#[test]
fn any_call_may_fail_and_what_was_acknowledged_stays() {
    let kinds: Vec<OpKind> = {
        let disk = SimulatedDisk::new();
        let wal = open_stepped(&disk);
        let before = disk.op_count() as usize;
        run(&disk, &wal);
        disk.ops()[before..].iter().map(|op| op.kind).collect()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let first = now.map_or(0, |now| now.subsec_nanos() as usize);
    let step = if is_long() { 1 } else { 41 };
    // A write that fails half way may leave a torn slot, which the strict policy refuses.
    let lenient = CorruptionPolicy::Truncate;
    let mut progress = Progress::new("failed call", kinds.len());
    let (mut runs, mut all) = (0u64, first % step);
    for (nth, kind) in (1..).zip(&kinds) {
        for (what, plan) in failures(*kind) {
            all += 1;
            if all % step != 0 {
                continue;
            }
            runs += 1;
            let case = format!("call {nth}, {kind:?}, {what}");
            let disk = SimulatedDisk::new();
            let wal = open_stepped(&disk);
            disk.inject(plan.moved_to_op(disk.op_count() + nth));
            let run = run(&disk, &wal);
            assert!(disk.faults_fired() > 0, "{case}: not made");
            let now = disk.op_count() + 1;
            disk.clear_faults();
            for seed in [0, 1, 3].map(|seed| seeds().start + seed) {
                let crashed = disk.crash(seed, DirectoryModel::Strict);
                let case = format!("{case}, seed {seed}");
                check_survivor(&crashed, lenient, (&run, now), seed, &case);
            }
            let mut replay = disk.replay();
            while replay.step() {}
            check_survivor(
                &replay.kill(),
                lenient,
                (&run, now),
                1,
                &format!("{case}, killed"),
            );
            drop(wal);
            assert_eq!(disk.held(), 0, "{case}: files or locks are held");
            check_survivor(
                &disk,
                lenient,
                (&run, now),
                1,
                &format!("{case}, opened again"),
            );
        }
        progress.at(nth as usize, runs);
    }
    println!("{runs} failures of {} calls", kinds.len());
    assert!(runs > 20);
}
