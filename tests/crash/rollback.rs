//! Power may be lost, or a call fail, at any moment of a rollback to a checkpoint, and again while opening
//! finishes it: all shards are rolled back or none, and nothing acknowledged later is lost.
//!
//! `IRONWAL_LONG=1` sees every moment with 64 seeds, and lets every call fail in every way.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::SimulatedDisk;

const SHARDS: u16 = 3;
/// Entries of each shard below checkpoint `a`.
const KEPT: u64 = 5;
/// Entries of each shard behind it.
const GONE: u64 = 6;

fn options(policy: CorruptionPolicy) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_segment_size = 400;
    options.on_corruption = policy;
    options
}

fn open_with(disk: &SimulatedDisk, policy: CorruptionPolicy) -> ironwal::Result<ShardedWal> {
    ShardedWal::open_simulated(disk, options(policy), ShardedOptions::new(SHARDS))
}

/// No crash is damage, so the strictest policy opens what any leaves.
fn open(disk: &SimulatedDisk) -> ironwal::Result<ShardedWal> {
    open_with(disk, CorruptionPolicy::Error)
}

/// Without threads, so that calls have the same numbers every time.
fn open_stepped(disk: &SimulatedDisk) -> ShardedWal {
    let options = options(CorruptionPolicy::Truncate);
    let wal = Wal::open_simulated_stepped(disk, options, std::sync::Arc::new(|_, _| ()));
    ShardedWal::on(wal.expect("opens"), ShardedOptions::new(SHARDS)).expect("opens")
}

/// An entry says how many rollbacks came before it.
fn entry(age: u8, shard: u16, id: u64) -> Vec<u8> {
    format!("{age}/{shard}/{id}/").repeat(15).into_bytes()
}

fn key_of(wal: &ShardedWal, shard: u16) -> [u8; 4] {
    let mut keys = (0u32..).map(u32::to_le_bytes);
    let key = keys.find(|key| wal.shard_of(key) == shard);
    key.expect("a key of the shard")
}

fn append(wal: &ShardedWal, age: u8, count: u64) -> ironwal::Result<()> {
    for shard in 0..SHARDS {
        let key = key_of(wal, shard);
        for _ in 0..count {
            let name = ironwal::sharded::shard_stream_name(shard);
            let next = wal.inner().stream(&name)?.next_id()?;
            wal.append(&key, &entry(age, shard, next))?;
        }
    }
    Ok(())
}

/// What is there: checkpoint `a`, entries behind it, checkpoint `b`, entries behind that one.
fn filled(disk: &SimulatedDisk, wal: &ShardedWal) {
    append(wal, 0, KEPT).expect("appends");
    wal.create_checkpoint(b"a").expect("a checkpoint");
    append(wal, 0, GONE).expect("appends");
    wal.create_checkpoint(b"b").expect("a checkpoint");
    append(wal, 0, 1).expect("appends");
    wal.flush_all().expect("syncs");
    assert_eq!(disk.faults_fired(), 0);
}

/// What was acknowledged of the rollback when power was lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// It had not begun.
    Before,
    /// It was under way, or has failed.
    Unknown,
    /// It had returned.
    Done,
}

fn ids(wal: &ShardedWal) -> Vec<Vec<u8>> {
    wal.list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect()
}

/// Whether the log is rolled back: all of it or nothing, and as the answer has it.
fn is_rolled_back(wal: &ShardedWal, answer: Answer, case: &str) -> bool {
    let ages: Vec<Vec<u8>> = (0..SHARDS)
        .map(|shard| {
            let mut ages = Vec::new();
            for (at, found) in (0..).zip(wal.iter_shard_with_ids(shard, 0).expect("iterates")) {
                let (id, bytes) = found.unwrap_or_else(|error| panic!("{case}: {error}"));
                assert_eq!(id, at, "{case}: a hole");
                let age = bytes[0] - b'0';
                assert_eq!(bytes, entry(age, shard, id), "{case}");
                ages.push(age);
            }
            ages
        })
        .collect();
    let is_back = ids(wal) == [b"a"];
    assert!(
        is_back || ids(wal) == [b"a", b"b"],
        "{case}: {:?}",
        ids(wal)
    );
    for ages in &ages {
        let (kept, behind) = ages.split_at(KEPT as usize);
        assert!(kept.iter().all(|age| *age == 0), "{case}: {ages:?}");
        match is_back {
            true => assert!(behind.iter().all(|age| *age == 1), "{case}: {ages:?}"),
            false => {
                assert!(behind.iter().all(|age| *age == 0), "{case}: {ages:?}");
                assert_eq!(behind.len() as u64, GONE + 1, "{case}: {ages:?}");
            }
        }
    }
    match answer {
        Answer::Before => assert!(!is_back, "{case}: it had not begun"),
        Answer::Unknown => {}
        Answer::Done => assert!(is_back, "{case}: it had returned"),
    }
    let a = wal.load_checkpoint(b"a").expect("loads");
    assert_eq!(a.offsets, [KEPT; SHARDS as usize], "{case}");
    is_back
}

/// Opens what is left, looks at it, appends, and loses power again.
fn check(disk: &SimulatedDisk, policy: CorruptionPolicy, answer: Answer, case: &str) -> bool {
    let shown = shown_to_reader(disk, policy, case);
    let wal = open_with(disk, policy).unwrap_or_else(|error| panic!("{case}: {error}"));
    let is_back = is_rolled_back(&wal, answer, case);
    assert_eq!(shown, ids(&wal), "{case}, read-only");
    append(&wal, u8::from(is_back), 1).unwrap_or_else(|error| panic!("{case}: {error}"));
    wal.flush_all().expect("syncs");
    let ends = |wal: &ShardedWal| -> Vec<u64> {
        let of = |shard| wal.iter_shard(shard, 0).expect("iterates").count() as u64;
        (0..SHARDS).map(of).collect()
    };
    let expected = ends(&wal);
    let again = disk.crash(0, DirectoryModel::Strict);
    drop(wal);
    let wal = open_with(&again, policy).unwrap_or_else(|error| panic!("{case}, again: {error}"));
    assert_eq!(
        ends(&wal),
        expected,
        "{case}: acknowledged entries are lost"
    );
    is_back
}

/// The checkpoints that a log shows that is open read-only, also in the middle of a rollback. Its shards are cut
/// from the end on, or not yet.
fn shown_to_reader(disk: &SimulatedDisk, policy: CorruptionPolicy, case: &str) -> Vec<Vec<u8>> {
    let before = disk.files();
    let reader = ShardedWal::open_read_only_simulated(disk, options(policy), None)
        .unwrap_or_else(|error| panic!("{case}, read-only: {error}"));
    let shown = ids(&reader);
    let (latest, data) = reader.load_latest_checkpoint().expect("loads");
    assert_eq!(Some(&latest), shown.last(), "{case}, read-only");
    for shard in 0..SHARDS {
        let entries = reader.iter_shard_with_ids(shard, 0).expect("iterates");
        let entries: Vec<_> = entries.map(|entry| entry.expect("good")).collect();
        assert!(
            entries.len() as u64 >= data.offsets[usize::from(shard)],
            "{case}, read-only"
        );
        for (at, (id, bytes)) in (0..).zip(entries) {
            let age = bytes[0] - b'0';
            assert_eq!(
                (id, bytes),
                (at, entry(age, shard, at)),
                "{case}, read-only"
            );
        }
    }
    assert!(disk.files() == before, "{case}, read-only: changed");
    shown
}

fn is_long() -> bool {
    std::env::var_os("IRONWAL_LONG").is_some()
}

/// A log that was rolled back and appended to, and the numbers of the calls before and behind the rollback.
fn run(disk: &SimulatedDisk) -> (u64, u64) {
    let wal = open(disk).expect("opens");
    filled(disk, &wal);
    let begun = disk.op_count();
    wal.rollback_to_checkpoint(b"a").expect("rolls back");
    let done = disk.op_count();
    append(&wal, 1, 2).expect("appends");
    wal.close().expect("closes");
    (begun, done)
}

fn answer(now: u64, begun: u64, done: u64) -> Answer {
    match now {
        _ if now <= begun => Answer::Before,
        _ if now < done => Answer::Unknown,
        _ => Answer::Done,
    }
}

#[test]
fn power_lost_at_any_call_of_a_rollback_leaves_all_of_it_or_nothing() {
    let disk = SimulatedDisk::new();
    let (begun, done) = run(&disk);
    let (mut back, mut not) = (0, 0);
    let mut replay = disk.replay();
    while replay.step_to_change() {
        let now = replay.op_index();
        if now < begun {
            continue;
        }
        for seed in 0..if is_long() { 64 } else { 8 } {
            for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                let case = format!("call {now} of {begun}..{done}, seed {seed}, {model:?}");
                let after = replay.crash(seed, model);
                let policy = CorruptionPolicy::Error;
                match check(&after, policy, answer(now, begun, done), &case) {
                    true => back += 1,
                    false => not += 1,
                }
            }
        }
        let case = format!("call {now} of {begun}..{done}, killed");
        let answer = answer(now, begun, done);
        check(&replay.kill(), CorruptionPolicy::Error, answer, &case);
    }
    println!("{back} rolled back, {not} not");
    assert!(back > 100 && not > 20);
}

#[test]
fn power_lost_again_while_a_rollback_is_finished_leaves_it_to_the_next_open() {
    let disk = SimulatedDisk::new();
    let (begun, done) = run(&disk);
    let mut crashes = 0;
    let mut replay = disk.replay();
    while replay.step_to_change() {
        let now = replay.op_index();
        if now < begun || now > done || (!is_long() && now % 3 != 0) {
            continue;
        }
        for seed in [0, 1, 3, 4] {
            let first = replay.crash(seed, DirectoryModel::Strict);
            let from = first.op_count();
            drop(open(&first).expect("opens"));
            let mut recovery = first.replay();
            while recovery.step_to_change() {
                let op = recovery.op_index();
                if op <= from || (!is_long() && op % 2 != 0) {
                    continue;
                }
                let case = format!("call {now}, seed {seed}, then call {op} of the recovery");
                let second = recovery.crash(seed + op, DirectoryModel::Strict);
                let answer = answer(now, begun, done);
                check(&second, CorruptionPolicy::Error, answer, &case);
                crashes += 1;
            }
        }
    }
    println!("{crashes} crashes of recoveries");
    assert!(crashes > 100);
}

#[test]
fn any_call_of_a_rollback_may_fail_and_all_of_it_or_nothing_is_there() {
    let calls = {
        let disk = SimulatedDisk::new();
        let wal = open_stepped(&disk);
        filled(&disk, &wal);
        let before = disk.op_count();
        wal.rollback_to_checkpoint(b"a").expect("rolls back");
        disk.op_count() - before
    };
    let (mut failed, mut poisoned) = (0, 0);
    for nth in 1..=calls {
        let eio = || FaultPlan::at_op(0).code(libc::EIO);
        let mut plans = vec![
            ("fails", eio()),
            ("fails for ever", eio().forever()),
            ("works and fails", eio().after_the_effect()),
            ("finds no space", FaultPlan::at_op(0).code(libc::ENOSPC)),
            ("panics", eio().panicking()),
        ];
        if is_long() {
            plans.push(("is short", eio().short_write(7)));
            plans.push(("drops what was dirty", eio().dropping_dirty()));
        }
        for (what, plan) in plans {
            let case = format!("call {nth} of {calls} {what}");
            let disk = SimulatedDisk::new();
            let wal = open_stepped(&disk);
            filled(&disk, &wal);
            disk.inject(plan.moved_to_op(disk.op_count() + nth));
            let result = catch_unwind(AssertUnwindSafe(|| wal.rollback_to_checkpoint(b"a")));
            let result = result.unwrap_or_else(|_| Err(Error::Config("it panicked".to_owned())));
            disk.clear_faults();
            let answer = match &result {
                Ok(()) => Answer::Done,
                Err(_) => Answer::Unknown,
            };
            failed += usize::from(result.is_err());
            // What is acknowledged from now on stays.
            let age = u8::from(result.is_ok());
            match append(&wal, age, 1).and_then(|()| wal.flush_all()) {
                Ok(()) => {}
                Err(Error::Poisoned { .. }) => {
                    poisoned += 1;
                    let refused = wal.create_checkpoint(b"no");
                    assert!(refused.is_err(), "{case}: {result:?}, then {refused:?}");
                    let refused = wal.compact_checkpoints(0);
                    assert!(refused.is_err(), "{case}: {result:?}, then {refused:?}");
                    for seed in [0, 1, 3] {
                        let after = disk.crash(seed, DirectoryModel::Strict);
                        let case = format!("{case}, {result:?}, seed {seed}");
                        check(&after, CorruptionPolicy::Truncate, answer, &case);
                    }
                    drop(wal);
                    check(&disk, CorruptionPolicy::Truncate, answer, &case);
                    continue;
                }
                Err(error) => panic!("{case}: {result:?}, then {error}"),
            }
            let count = |wal: &ShardedWal| wal.iter_shard(0, 0).expect("iterates").count();
            let expected = count(&wal);
            let is_done = ids(&wal) == [b"a"];
            for seed in [0, 1, 3] {
                let after = disk.crash(seed, DirectoryModel::Strict);
                let case = format!("{case}, {result:?}, seed {seed}");
                let wal = open_with(&after, CorruptionPolicy::Truncate);
                let wal = wal.unwrap_or_else(|error| panic!("{case}: {error}"));
                assert_eq!(count(&wal), expected, "{case}");
                assert_eq!(ids(&wal).len(), 2 - usize::from(is_done), "{case}");
            }
            // Behind the last step HEAD is written: an error there is none of the rollback's, and a panic continues.
            assert!(
                result.is_ok() == is_done || is_done && what == "panics",
                "{case}"
            );
        }
    }
    println!("{failed} of {calls} calls made it fail, {poisoned} poisoned the log");
    assert!(failed > 20 && poisoned > 10);
}

/// Opening repairs `checkpoints.log` and finishes the rollback. Where it fails at that and opens the log all
/// the same, the next open must not finish the rollback either: it would cut what was acknowledged meanwhile.
#[test]
fn nothing_acknowledged_is_lost_where_opening_fails_to_finish_a_rollback() {
    let disk = SimulatedDisk::new();
    let (begun, done) = run(&disk);
    let (mut refused, mut opened) = (0, 0);
    let mut replay = disk.replay();
    while replay.step_to_change() {
        let now = replay.op_index();
        if now < begun || now > done {
            continue;
        }
        let left = [
            replay.kill(),
            replay.crash(0, DirectoryModel::Strict),
            replay.crash(1, DirectoryModel::Strict),
            replay.crash(3, DirectoryModel::Ordered),
        ];
        for (nth_left, left) in left.iter().enumerate() {
            let calls = {
                let disk = left.kill();
                let before = disk.op_count();
                drop(open_stepped(&disk));
                disk.op_count() - before
            };
            for nth in 1..=calls {
                if !is_long() && (now * 5 + nth) % 23 != 0 {
                    continue;
                }
                for code in [libc::EIO, libc::ENOSPC] {
                    let case = format!("call {now}, left {nth_left}, call {nth} gives {code}");
                    let disk = left.kill();
                    disk.inject(FaultPlan::at_op(disk.op_count() + nth).code(code));
                    let Ok(wal) = open_with(&disk, CorruptionPolicy::Truncate) else {
                        refused += 1;
                        disk.clear_faults();
                        check(&disk, CorruptionPolicy::Truncate, Answer::Unknown, &case);
                        continue;
                    };
                    disk.clear_faults();
                    opened += 1;
                    let shards = 0..SHARDS;
                    // A shard that refuses appends loses none.
                    let appended = |shard| {
                        let id = wal.append(&key_of(&wal, shard), b"acknowledged").ok()?.1;
                        wal.flush_shard(shard).ok().map(|()| (shard, id))
                    };
                    let appended: Vec<_> = shards.filter_map(appended).collect();
                    drop(wal);
                    let wal = open_with(&disk, CorruptionPolicy::Truncate);
                    let wal = wal.unwrap_or_else(|error| panic!("{case}: {error}"));
                    for (shard, id) in appended {
                        let mut found = wal.iter_shard(shard, id).expect("iterates");
                        let found = found.next().transpose().expect("good");
                        let expected = Some(&b"acknowledged"[..]);
                        assert_eq!(found.as_deref(), expected, "{case}, shard {shard}");
                    }
                }
            }
        }
    }
    println!("{refused} refused, {opened} opened");
    assert!(refused > 100 && opened > 100);
}
