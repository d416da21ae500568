//! At every moment between two storage calls of a writer, and after a power cut or a death there:
//! a reader shows what recovery would leave, and verification finds no damage.
//!
//! `IRONWAL_READ_SEEDS=n` tries n workloads (default 8).

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::entry;

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

fn options(seed: u64) -> WalOptions {
    let mut random = Random(seed);
    let mut options = WalOptions::new("/log");
    options.sync_mode =
        [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async][random.below(3) as usize];
    options.max_segment_size = [1, 300, 1500, 6000][random.below(4) as usize];
    options.background_sync = None;
    if random.below(2) == 0 {
        options.archive_path = Some("/archive".into());
    }
    options
}

/// Some calls on a fresh disk.
fn run(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let mut random = Random(seed ^ 0x5eed);
    let mut wal = Wal::open_simulated(&disk, options(seed)).expect("opens");
    let mut next = [0_u64; 2];
    for _ in 0..30 {
        let which = random.below(2) as usize;
        let key = ["s", "t"][which];
        match random.below(12) {
            0..5 => {
                let id = wal.append(key, &entry(next[which])).expect("appends");
                next[which] = id + 1;
            }
            5..8 => {
                let count = 1 + random.below(5);
                let batch: Vec<_> = (next[which]..next[which] + count).map(entry).collect();
                let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
                next[which] = wal.append_batch(key, &batch).expect("appends").end;
            }
            8 if next[which] > 0 => {
                let below = random.below(next[which] + 1);
                wal.truncate(key, below).expect("cuts");
            }
            9 if next[which] > 0 => drop(wal.restore_archived(key).expect("restores")),
            10 if random.below(3) == 0 => {
                wal.delete_stream(key).expect("deletes");
                next[which] = 0;
            }
            11 => {
                wal.close().expect("closes");
                wal = Wal::open_simulated(&disk, options(seed)).expect("opens");
            }
            _ => wal.sync_all().expect("syncs"),
        }
    }
    wal.close().expect("closes");
    disk
}

type Shown = Vec<(String, u64, Vec<(u64, Vec<u8>)>)>;

/// Everything that a log shows, which must be good.
fn shown(wal: &Wal) -> Shown {
    let keys = wal.streams().expect("lists");
    let of = |key: String| {
        let first = wal
            .stream(&key)
            .and_then(|s| s.first_id())
            .expect("is known");
        let entries = wal.iter_with_ids(&key, 0).expect("iterates");
        let entries: Vec<_> = entries.map(|entry| entry.expect("a good entry")).collect();
        for (id, bytes) in &entries {
            assert!(*bytes == entry(*id), "stream {key}, entry {id}");
        }
        (key, first, entries)
    };
    keys.into_iter().map(of).collect()
}

fn look(disk: &SimulatedDisk, seed: u64, what: &str) {
    let mut how = options(seed);
    how.archive_path = None;
    how.sync_mode = SyncMode::Async;
    let Ok(reader) = Wal::open_read_only_simulated(disk, how.clone()) else {
        // Before the root was made, there is nothing to read.
        return;
    };
    let calls = disk.ops().len();
    let read = shown(&reader);
    let report = reader.verify().expect("verifies");
    assert!(report.is_clean(), "{what}: {report:#?}");
    let mut strict = how.clone();
    strict.sync_mode = SyncMode::Strict;
    let reader = Wal::open_read_only_simulated(disk, strict).expect("opens");
    for (key, _, durable) in shown(&reader) {
        let all = read.iter().find(|(other, ..)| *other == key);
        let all = &all.expect("the same streams").2;
        assert!(all.starts_with(&durable), "{what}: durable is not a prefix");
    }
    let changed = disk.ops()[calls..].iter().any(|op| op.changed());
    assert!(!changed, "{what}: a reader changed the disk");
    how.on_corruption = CorruptionPolicy::Error;
    let recovered = shown(&Wal::open_simulated(disk, how).expect("recovers"));
    assert!(
        read == recovered,
        "{what}: {:?} were read, {:?} came back",
        ranges(&read),
        ranges(&recovered)
    );
}

fn ranges(shown: &Shown) -> Vec<(&str, u64, usize)> {
    let ranges = shown.iter();
    ranges
        .map(|(key, first, all)| (&key[..], *first, all.len()))
        .collect()
}

#[test]
fn at_every_moment_a_reader_shows_what_recovery_would_leave_and_no_damage() {
    let seeds = std::env::var("IRONWAL_READ_SEEDS").ok();
    let seeds = seeds.and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut states = 0;
    for seed in 0..seeds {
        let disk = run(seed);
        let mut replay = disk.replay();
        while replay.step_to_change() {
            let at = replay.op_index();
            look(
                &replay.kill(),
                seed,
                &format!("seed {seed}, death after call {at}"),
            );
            let (chance, model) = match at % 2 {
                0 => (at, DirectoryModel::Strict),
                _ => (at, DirectoryModel::Ordered),
            };
            let what = format!("seed {seed}, power cut {chance} {model:?} after call {at}");
            look(&replay.crash(chance, model), seed, &what);
            states += 2;
        }
    }
    println!("{states} states");
    assert!(states > seeds * 50, "{states} states");
}
