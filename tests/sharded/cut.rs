//! A checkpoint is a consistent cut: if append A returned before append B was called, none holds B
//! without A. Shown by a checker over the real-time order of appends, which a deliberately wrong
//! cut (ids read one shard after the other) must fail. `IRONWAL_LONG=1` makes 10,000 checkpoints.
//! Old bug (0.6): the cut was a copy of numbers that were updated one by one.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;

const SHARDS: u16 = 8;
const APPENDERS: u64 = 4;

/// One entry, and when its append was called and returned, by a clock that all threads share.
#[derive(Clone, Copy, Debug)]
struct Appended {
    shard: u16,
    id: u64,
    called: u64,
    returned: u64,
}

/// The clock, and when the last cut was made by it.
struct Clock {
    ticks: AtomicU64,
    last_cut: AtomicU64,
}

impl Clock {
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Before a cut: a busy machine may keep the appenders waiting for longer than all cuts take.
    fn wait_for_appends(&self) {
        let seen = self.ticks.load(Ordering::SeqCst);
        self.last_cut.store(seen, Ordering::SeqCst);
        while self.ticks.load(Ordering::SeqCst) < seen + 2 * APPENDERS {
            std::thread::yield_now();
        }
    }

    /// Before an append: or keep the caller that cuts waiting, while there are more and more entries.
    fn wait_for_cut(&self, ended: &AtomicBool) {
        let is_far = || {
            let last_cut = self.last_cut.load(Ordering::SeqCst);
            self.ticks.load(Ordering::SeqCst) > last_cut + 500
        };
        while is_far() && !ended.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
}

/// What the checker knows of a shard, by id.
struct Shard {
    /// The latest call among the entries below an id.
    latest_call_below: Vec<u64>,
    /// The earliest return among the entries from an id on.
    earliest_return_from: Vec<u64>,
}

struct Checker {
    shards: Vec<Shard>,
}

impl Checker {
    fn new(appended: &[Appended]) -> Self {
        let mut shards = Vec::new();
        for shard in 0..SHARDS {
            let mut entries: Vec<&Appended> = appended
                .iter()
                .filter(|entry| entry.shard == shard)
                .collect();
            entries.sort_by_key(|entry| entry.id);
            assert!(entries.iter().zip(0..).all(|(entry, id)| entry.id == id));
            let mut latest_call_below = vec![0];
            for entry in &entries {
                let before = latest_call_below.last().copied().unwrap_or(0);
                latest_call_below.push(before.max(entry.called));
            }
            let mut earliest_return_from = vec![u64::MAX];
            for entry in entries.iter().rev() {
                let behind = earliest_return_from.last().copied().unwrap_or(u64::MAX);
                earliest_return_from.push(behind.min(entry.returned));
            }
            earliest_return_from.reverse();
            shards.push(Shard {
                latest_call_below,
                earliest_return_from,
            });
        }
        Checker { shards }
    }

    /// Whether no entry outside the cut returned before one inside was called.
    fn is_consistent(&self, cut: &[u64]) -> bool {
        let shards = self.shards.iter().zip(cut);
        let latest_inside = shards
            .clone()
            .map(|(shard, offset)| shard.latest_call_below[*offset as usize])
            .max();
        let earliest_outside = shards
            .map(|(shard, offset)| shard.earliest_return_from[*offset as usize])
            .min();
        earliest_outside > latest_inside
    }
}

fn open(dir: &Path, sync_mode: SyncMode) -> ShardedWal {
    let mut options = WalOptions::new(dir);
    options.sync_mode = sync_mode;
    ShardedWal::new(options, SHARDS).expect("opens")
}

fn fast_directory() -> tempfile::TempDir {
    match Path::new("/dev/shm").is_dir() {
        true => tempfile::tempdir_in("/dev/shm"),
        false => tempfile::tempdir(),
    }
    .expect("a directory")
}

/// Appends on several threads while `cuts` runs; gives all that was appended and the cuts.
fn under_load(
    wal: &ShardedWal,
    cuts: impl FnOnce(&ShardedWal, &Clock) -> Vec<Vec<u64>>,
) -> (Vec<Appended>, Vec<Vec<u64>>) {
    let ended = AtomicBool::new(false);
    let clock = Clock {
        ticks: AtomicU64::new(1),
        last_cut: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        let append = |seed: u64| {
            let (clock, ended) = (&clock, &ended);
            scope.spawn(move || {
                let mut appended = Vec::new();
                let mut random = seed;
                while !ended.load(Ordering::Relaxed) {
                    random = random
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    clock.wait_for_cut(ended);
                    append_some(wal, random, clock, &mut appended);
                }
                appended
            })
        };
        let appenders: Vec<_> = (1..=APPENDERS).map(append).collect();
        let cuts = cuts(wal, &clock);
        ended.store(true, Ordering::Relaxed);
        let appended = appenders
            .into_iter()
            .map(|thread| thread.join().expect("appends"));
        (appended.collect::<Vec<_>>().concat(), cuts)
    })
}

/// One entry, or now and then a batch over several shards.
fn append_some(wal: &ShardedWal, random: u64, clock: &Clock, appended: &mut Vec<Appended>) {
    let key = (random >> 33).to_le_bytes();
    let called = clock.tick();
    let places = match random >> 60 {
        0 => {
            let entry = |n: u8| (vec![n, key[0]], key.to_vec());
            wal.append_batch(&(0..5).map(entry).collect::<Vec<_>>())
        }
        _ => wal.append(&key, &key).map(|place| vec![place]),
    };
    let returned = clock.tick();
    appended.extend(
        places
            .expect("appends")
            .into_iter()
            .map(|(shard, id)| Appended {
                shard,
                id,
                called,
                returned,
            }),
    );
}

fn checkpoints(wal: &ShardedWal, clock: &Clock, count: u32) -> Vec<Vec<u64>> {
    let mut cuts = Vec::new();
    for n in 0..count {
        clock.wait_for_appends();
        wal.create_checkpoint(&n.to_be_bytes()).expect("creates");
        cuts.push(wal.load_latest_checkpoint().expect("loads").1.offsets);
    }
    cuts
}

#[test]
fn no_checkpoint_under_load_holds_an_effect_without_its_cause() {
    let is_long = std::env::var_os("IRONWAL_LONG").is_some();
    for (mode, count) in [
        (SyncMode::Async, if is_long { 10_000 } else { 500 }),
        (SyncMode::BatchOnly, if is_long { 2_000 } else { 100 }),
        (SyncMode::Strict, if is_long { 2_000 } else { 100 }),
    ] {
        let dir = fast_directory();
        let wal = open(dir.path(), mode);
        let (appended, cuts) = under_load(&wal, |wal, clock| checkpoints(wal, clock, count));
        let checker = Checker::new(&appended);
        let wrong = cuts
            .iter()
            .filter(|cut| !checker.is_consistent(cut))
            .count();
        println!(
            "{mode:?}: {} entries, {} cuts, {wrong} wrong",
            appended.len(),
            cuts.len()
        );
        assert_eq!((wrong, cuts.len()), (0, count as usize));
        let pairs = cuts.windows(2);
        let grows = |pair: &[Vec<u64>]| pair[0].iter().zip(&pair[1]).all(|(a, b)| a <= b);
        assert!(pairs.clone().all(grows), "cuts follow each other");
        assert!(cuts.first() != cuts.last(), "there was load");
    }
}

#[test]
fn a_cut_that_reads_one_shard_after_the_other_is_found_out() {
    let dir = fast_directory();
    let wal = open(dir.path(), SyncMode::Async);
    let (appended, cuts) = under_load(&wal, |wal, clock| {
        let streams: Vec<_> = (0..SHARDS)
            .map(|shard| {
                let stream = wal
                    .inner()
                    .stream(&ironwal::sharded::shard_stream_name(shard));
                stream.expect("a handle")
            })
            .collect();
        let one_after_the_other = |_| {
            clock.wait_for_appends();
            let read = |stream: &ironwal::Stream| {
                std::thread::yield_now();
                stream.next_id().expect("a number")
            };
            streams.iter().map(read).collect()
        };
        (0..5_000).map(one_after_the_other).collect()
    });
    let checker = Checker::new(&appended);
    let wrong = cuts
        .iter()
        .filter(|cut| !checker.is_consistent(cut))
        .count();
    println!("{wrong} of {} wrong cuts found out", cuts.len());
    assert!(wrong > 0, "the checker finds nothing");
}

#[test]
fn the_checker_knows_right_from_wrong() {
    let entry = |shard, id, called, returned| Appended {
        shard,
        id,
        called,
        returned,
    };
    // A returned before B was called; C overlaps both.
    let (a, b, c) = (entry(0, 0, 1, 2), entry(1, 0, 3, 5), entry(2, 0, 1, 6));
    let checker = Checker::new(&[a, b, c]);
    let cut = |offsets: [u64; 3]| {
        let mut cut = offsets.to_vec();
        cut.resize(usize::from(SHARDS), 0);
        checker.is_consistent(&cut)
    };
    assert!(cut([0, 0, 0]) && cut([1, 0, 0]) && cut([0, 0, 1]) && cut([1, 1, 0]) && cut([1, 1, 1]));
    assert!(!cut([0, 1, 0]) && !cut([0, 1, 1]), "B without A");
}
