//! At every moment between two storage calls of a writer, and after a power cut or a death there: a
//! snapshot that a reader takes opens without recovery and holds what recovery of the log would leave.
//! Power fails, and calls fail, while it is taken.
//!
//! `IRONWAL_READ_SEEDS=n` tries n workloads (default 4).

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::random::Random;
use crate::support::entry;

fn options(seed: u64) -> WalOptions {
    let mut random = Random::new(seed);
    let mut options = WalOptions::new("/log");
    let modes = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];
    options.sync_mode = modes[random.below(3) as usize];
    options.max_segment_size = [1, 300, 1500, 6000][random.below(4) as usize];
    options.background_sync = None;
    options
}

/// Some calls on a fresh disk: appends, cuts, resets, properties, truncation, deletion.
fn run(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let mut random = Random::new(seed ^ 0x5eed);
    let mut wal = Wal::open_simulated(&disk, options(seed)).expect("opens");
    let mut next = [0_u64; 2];
    for _ in 0..30 {
        let which = random.below(2) as usize;
        let key = ["s", "t"][which];
        let end = next[which];
        let entries: Vec<_> = (0..1 + random.below(4)).map(entry).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        match random.below(16) {
            0..5 => next[which] = wal.append(key, &entry(end)).expect("appends") + 1,
            5..8 => next[which] = wal.append_batch(key, &entries).expect("appends").end,
            8 if end > 0 => drop(wal.truncate(key, random.below(end + 1)).expect("truncates")),
            9 if end > 0 => {
                let first = wal.stream(key).and_then(|s| s.first_id()).expect("known");
                let from = first + random.below(end - first + 1);
                let append = Append::new(&entries[..random.below(2) as usize]);
                next[which] = wal
                    .replace_suffix(key, from, &append)
                    .expect("cuts")
                    .ids
                    .end;
            }
            10 if random.below(3) == 0 => {
                let append = Append::new(&entries[..random.below(2) as usize]);
                let to = random.below(end + 5);
                next[which] = wal.reset(key, to, &append).expect("resets").ids.end;
            }
            11 if random.below(3) == 0 => {
                wal.delete_stream(key).expect("deletes");
                next[which] = 0;
            }
            12 => {
                wal.close().expect("closes");
                wal = Wal::open_simulated(&disk, options(seed)).expect("opens");
            }
            13 => {
                let value = entry(random.below(9));
                let change = [(&b"colour"[..], Some(&value[..]))];
                let set = wal.set_properties(key, &change, Durability::Written);
                set.expect("sets");
            }
            _ => wal.sync_all().expect("syncs"),
        }
    }
    wal.close().expect("closes");
    disk
}

/// By stream: the first id, the entries, the properties.
type Shown = BTreeMap<String, (u64, Vec<(u64, Vec<u8>)>, Vec<(Vec<u8>, Vec<u8>)>)>;

/// Everything that a log shows, which must be good. Without streams that have no entry and no property.
fn shown(wal: &Wal) -> Shown {
    let keys = wal.streams().expect("lists");
    let of = |key: String| {
        let stream = wal.stream(&key).expect("a handle");
        let entries = stream.iter_with_ids(0).expect("iterates");
        let entries: Vec<_> = entries.map(|entry| entry.expect("a good entry")).collect();
        let properties = stream.properties().expect("readable");
        let properties = properties.into_iter().collect();
        (
            key,
            (stream.first_id().expect("known"), entries, properties),
        )
    };
    keys.into_iter().map(of).collect()
}

fn open_at(disk: &SimulatedDisk, seed: u64, root: &str) -> Result<Wal> {
    let mut how = options(seed);
    how.root_path = root.into();
    how.sync_mode = SyncMode::Async;
    how.on_corruption = CorruptionPolicy::Error;
    Wal::open_simulated(disk, how)
}

fn reader_of(disk: &SimulatedDisk, seed: u64) -> Option<Wal> {
    let mut how = options(seed);
    how.sync_mode = SyncMode::Async;
    Wal::open_read_only_simulated(disk, how).ok()
}

fn files_below(disk: &SimulatedDisk, dir: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = disk.files();
    files.retain(|path, _| path.starts_with(dir));
    files
}

fn check(disk: &SimulatedDisk, seed: u64, mode: SnapshotMode, what: &str) {
    let Some(reader) = reader_of(disk, seed) else {
        // Before the root was made, there is nothing to read.
        return;
    };
    let before = files_below(disk, "/log");
    let report = reader
        .snapshot_to(Path::new("/snap"), mode)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(report.is_one_moment, "{what}: no writer is there");
    assert_eq!(
        files_below(disk, "/log"),
        before,
        "{what}: the log was changed"
    );
    // Nothing of it is in the page cache only.
    let lost = disk.crash(0, DirectoryModel::Strict);
    let made = files_below(disk, "/snap");
    let is_same = files_below(&lost, "/snap") == made;
    assert!(is_same, "{what}: power was lost, and the snapshot changed");
    let copy = open_at(disk, seed, "/snap").unwrap_or_else(|error| panic!("{what}: {error}"));
    let recovery = copy.recovery();
    assert!(recovery.streams.is_empty(), "{what}: {recovery:?}");
    let ends: Vec<(String, u64)> = report.streams;
    for (key, end) in &ends {
        let found = copy.stream(key).and_then(|s| s.next_id()).expect("known");
        assert_eq!(found, *end, "{what}: {key}");
    }
    let in_copy = shown(&copy);
    // The copy goes its own way, and the log does not notice.
    for (key, end) in &ends {
        assert_eq!(copy.append(key, b"more").expect("appends"), *end, "{what}");
    }
    copy.close().expect("closes");
    assert_eq!(
        files_below(disk, "/log"),
        before,
        "{what}: the log was changed later"
    );
    let recovered = open_at(disk, seed, "/log").unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(in_copy, shown(&recovered), "{what}");
}

fn seeds() -> u64 {
    let seeds = std::env::var("IRONWAL_READ_SEEDS").ok();
    seeds.and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[test]
fn at_every_moment_a_snapshot_by_a_reader_holds_what_recovery_would_leave() {
    let (seeds, mut states) = (seeds(), 0);
    for seed in 0..seeds {
        let disk = run(seed);
        let mut replay = disk.replay();
        while replay.step_to_change() {
            let at = replay.op_index();
            let mode = [SnapshotMode::Link, SnapshotMode::Copy][at as usize / 2 % 2];
            let what = format!("seed {seed}, {mode:?}, death after call {at}");
            check(&replay.kill(), seed, mode, &what);
            let (chance, model) = match at % 2 {
                0 => (at, DirectoryModel::Strict),
                _ => (at, DirectoryModel::Ordered),
            };
            let what = format!("seed {seed}, {mode:?}, power cut {model:?} after call {at}");
            check(&replay.crash(chance, model), seed, mode, &what);
            states += 2;
        }
    }
    println!("{states} states");
    assert!(states > seeds * 50, "{states} states");
}

/// A disk whose writer died in the middle, with unsynced entries and segments without footers.
fn after_death(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let mut how = options(seed);
    how.sync_mode = SyncMode::Async;
    how.max_segment_size = 600;
    let wal = Wal::open_simulated(&disk, how).expect("opens");
    for id in 0..24 {
        for key in ["s", "t"] {
            wal.append(key, &entry(id)).expect("appends");
        }
        if id == 12 {
            wal.sync_all().expect("syncs");
        }
    }
    disk.kill()
}

fn is_there(disk: &SimulatedDisk) -> bool {
    disk.files().keys().any(|path| path.starts_with("/snap/"))
}

fn check_copy(disk: &SimulatedDisk, expected: &Shown, what: &str) {
    let copy = open_at(disk, 0, "/snap").unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(copy.recovery().streams.is_empty(), "{what}");
    assert_eq!(shown(&copy), *expected, "{what}");
}

#[test]
fn after_power_loss_at_any_call_a_snapshot_by_a_reader_is_whole_or_not_there() {
    for mode in [SnapshotMode::Link, SnapshotMode::Copy] {
        let disk = after_death(0);
        let reader = reader_of(&disk, 0).expect("opens");
        let expected = shown(&reader);
        let from = disk.op_count();
        reader
            .snapshot_to(Path::new("/snap"), mode)
            .expect("a snapshot");
        let end = disk.op_count();
        let (mut absent, mut whole) = (0, 0);
        for at in from..=end {
            for seed in 0..8 {
                for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                    let after = disk.crash_at(at, seed, model);
                    let what = format!("{mode:?}, call {at} of {from}..{end}, seed {seed}");
                    assert!(at < end || is_there(&after), "{what}: it was acknowledged");
                    match is_there(&after) {
                        true => check_copy(&after, &expected, &what),
                        false => absent += 1,
                    }
                    whole += usize::from(is_there(&after));
                }
            }
        }
        assert!(absent > 0 && whole > 0, "both were seen");
    }
}

#[test]
fn a_snapshot_by_a_reader_whose_calls_fail_is_whole_or_not_there() {
    let count = |disk: &SimulatedDisk| {
        let reader = reader_of(disk, 0).expect("opens");
        let from = disk.op_count();
        let made = reader.snapshot_to(Path::new("/snap"), SnapshotMode::Link);
        made.expect("a snapshot");
        disk.op_count() - from
    };
    let calls = count(&after_death(0));
    let mut failed = 0;
    for nth in 1..=calls {
        let disk = after_death(0);
        let reader = reader_of(&disk, 0).expect("opens");
        let expected = shown(&reader);
        let before = files_below(&disk, "/log");
        disk.inject(FaultPlan::nth_call(nth));
        let made = reader.snapshot_to(Path::new("/snap"), SnapshotMode::Link);
        disk.clear_faults();
        failed += usize::from(made.is_err());
        let what = format!("call {nth} of {calls}: {made:?}");
        match (is_there(&disk), &made) {
            (true, _) => check_copy(&disk, &expected, &what),
            (false, Ok(_)) => panic!("{what}: not there"),
            (false, Err(_)) => {}
        }
        assert_eq!(
            files_below(&disk, "/log"),
            before,
            "{what}: the log was changed"
        );
        if !is_there(&disk) {
            let again = reader.snapshot_to(Path::new("/snap"), SnapshotMode::Link);
            again.unwrap_or_else(|error| panic!("{what}, again: {error}"));
            check_copy(&disk, &expected, &what);
        }
    }
    assert!(failed > 10, "{failed} of {calls} failed");
}
