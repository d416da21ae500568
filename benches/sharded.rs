//! What does sharding cost? Prints one line per figure; `cargo bench --features sharded --bench
//! sharded -- [part]... [directory]`, where the parts are those of `PARTS`; all without any.
#![cfg(feature = "sharded")]

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

type Part = (&'static str, fn(&Path));

const PARTS: [Part; 5] = [
    ("routing", routing),
    ("batches", batches),
    ("creating", creating),
    ("waiting", waiting),
    ("loading", loading),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| args.iter().any(|arg| arg == name);
    let is_part = |arg: &str| PARTS.iter().any(|(name, _)| *name == arg);
    let dir = args
        .iter()
        .find(|arg| !arg.starts_with('-') && !is_part(arg));
    let dir = match dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let dir = dir.expect("a directory");
    let all = !args.iter().any(|arg| is_part(arg));
    for (name, part) in PARTS {
        if all || is_asked(name) {
            part(dir.path());
        }
    }
}

fn options(dir: &Path, name: &str, sync_mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new(dir.join(name));
    options.sync_mode = sync_mode;
    options.max_open_segments = 1024;
    options
}

fn open(dir: &Path, name: &str, mode: SyncMode, shards: u16) -> ShardedWal {
    ShardedWal::new(options(dir, name, mode), shards).expect("opens")
}

fn key(n: u64) -> [u8; 8] {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()
}

/// The time of one call, as the best of several rounds.
fn best_of(rounds: u32, calls: u32, mut call: impl FnMut(u64)) -> Duration {
    let mut best = Duration::MAX;
    let mut n = 0;
    for _ in 0..rounds {
        let started = Instant::now();
        for _ in 0..calls {
            call(n);
            n += 1;
        }
        best = best.min(started.elapsed() / calls);
    }
    best
}

/// In turns, so that what the machine does meanwhile meets all alike; medians of short rounds, which
/// no stream runs out of room in.
fn routing(dir: &Path) {
    const ROUNDS: usize = 4001;
    const CALLS: u64 = 100;
    let entry = [7u8; 100];
    let plain = Wal::new(options(dir, "plain", SyncMode::Async)).expect("opens");
    let one = open(dir, "routing-1", SyncMode::Async, 1);
    let sixteen = open(dir, "routing-16", SyncMode::Async, 16);
    let by_name = |_| {
        plain.append("shard_00", &entry).expect("appends");
    };
    let by_one = |n| {
        one.append(&key(n), &entry).expect("appends");
    };
    let by_sixteen = |n| {
        sixteen.append(&key(n), &entry).expect("appends");
    };
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(best_of(1, CALLS as u32, by_name));
        times[1].push(best_of(1, CALLS as u32, by_one));
        times[2].push(best_of(1, CALLS as u32, by_sixteen));
    }
    let [by_name, one, sixteen] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    });
    let over = |time: Duration| (time.as_secs_f64() / by_name.as_secs_f64() - 1.0) * 100.0;
    println!(
        "append 100 B, Async: Wal {by_name:?}, 1 shard {one:?} ({:+.1} %), 16 shards {sixteen:?} \
         ({:+.1} %)",
        over(one),
        over(sixteen)
    );
}

fn batches(dir: &Path) {
    for shards in [4, 16, 64] {
        let wal = open(dir, &format!("batch-{shards}"), SyncMode::BatchOnly, shards);
        let entry = |n: u64| (key(n).to_vec(), vec![7; 100]);
        let batch = |n: u64| -> Vec<_> { (n * 100..n * 100 + 100).map(entry).collect() };
        wal.append_batch(&batch(0)).expect("appends");
        let time = best_of(5, 20, |n| {
            wal.append_batch(&batch(n)).expect("appends");
        });
        println!("batch of 100 over {shards} shards, BatchOnly: {time:?}");
    }
}

fn creating(dir: &Path) {
    for shards in [4, 16, 64, 256] {
        let wal = open(dir, &format!("create-{shards}"), SyncMode::Async, shards);
        for n in 0..u64::from(shards) * 20 {
            wal.append(&key(n), &[7; 100]).expect("appends");
        }
        wal.create_checkpoint(b"warm").expect("creates");
        let idle = best_of(3, 30, |n| {
            wal.create_checkpoint(&key(n)).expect("creates");
        });
        let (began, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let (load, longest) = std::thread::scope(|scope| {
            let appender = scope.spawn(|| {
                let (mut longest, mut n) = (Duration::ZERO, 0);
                while !ended.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    wal.append(&key(n), &[7; 100]).expect("appends");
                    longest = longest.max(started.elapsed());
                    began.store(true, Ordering::Relaxed);
                    n += 1;
                }
                longest
            });
            while !began.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let load = best_of(3, 300, |n| {
                wal.create_checkpoint(&key(n)).expect("creates");
            });
            ended.store(true, Ordering::Relaxed);
            (load, appender.join().expect("appends"))
        });
        println!(
            "create_checkpoint of {shards} shards: idle {idle:?}, under load {load:?}; longest \
             append meanwhile {longest:?}"
        );
    }
}

/// How long calls of one thread took, in nanoseconds.
#[derive(Default)]
struct Waits {
    all: Vec<u64>,
    /// Without the time in which the thread could have run, but other threads had all cores.
    longest_on_core: u64,
}

impl Waits {
    fn note(&mut self, took: Duration, kept_from_core: u64) {
        let took = took.as_nanos() as u64;
        self.all.push(took);
        let on_core = took.saturating_sub(kept_from_core);
        self.longest_on_core = self.longest_on_core.max(on_core);
    }

    fn told(mut self) -> String {
        self.all.sort_unstable();
        let last = self.all.len() - 1;
        let at = |part: f64| self.all[(last as f64 * part) as usize] as f64 / 1e3;
        format!(
            "{} calls, p50 {:.1} µs, p99.99 {:.0} µs, longest {:.0} µs, longest apart from waiting \
             for a core {:.0} µs",
            self.all.len(),
            at(0.5),
            at(0.9999),
            at(1.0),
            self.longest_on_core as f64 / 1e3
        )
    }
}

/// How long this thread has waited for a core so far, in nanoseconds; 0 where nobody tells.
fn kept_from_core() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut fields = told.split_whitespace();
    fields.nth(1).and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Calls again and again until told to end, and notes how long each call took.
fn waits_of(ended: &AtomicBool, mut call: impl FnMut(u64)) -> Waits {
    let mut waits = Waits::default();
    let mut n = 0;
    let mut kept = kept_from_core();
    while !ended.load(Ordering::Relaxed) {
        let started = Instant::now();
        call(n);
        let waited = started.elapsed();
        let kept_now = kept_from_core();
        waits.note(waited, kept_now - kept);
        kept = kept_now;
        n += 1;
    }
    waits
}

/// How long do appends take, without checkpoints and while they are made all the time? A thread that
/// sleeps runs beside them: how much too long it sleeps is the machine's.
fn waiting(dir: &Path) {
    for with_checkpoints in [false, true, false, true] {
        let name = format!("waiting-{with_checkpoints}-{}", kept_from_core());
        let wal = open(dir, &name, SyncMode::Async, 16);
        let ended = AtomicBool::new(false);
        let (appends, machine, made) = std::thread::scope(|scope| {
            let appends = scope.spawn(|| {
                waits_of(&ended, |n| {
                    wal.append(&key(n), &[7; 100]).expect("appends");
                })
            });
            let machine = scope.spawn(|| {
                waits_of(&ended, |_| {
                    std::thread::sleep(Duration::from_micros(20));
                })
            });
            let (begun, mut made) = (Instant::now(), 0u32);
            while begun.elapsed() < Duration::from_secs(10) {
                match with_checkpoints {
                    true => wal.create_checkpoint(b"c").expect("creates"),
                    false => std::thread::sleep(Duration::from_millis(1)),
                }
                made += u32::from(with_checkpoints);
            }
            ended.store(true, Ordering::Relaxed);
            let [appends, machine] = [appends, machine].map(|thread| thread.join().expect("waits"));
            (appends.told(), machine.told(), made)
        });
        println!("with {made} checkpoints, appends: {appends}");
        println!("  beside them, sleeping 20 µs: {machine}");
    }
}

fn loading(dir: &Path) {
    for count in [10u64, 1_000, 100_000] {
        let name = format!("load-{count}");
        let wal = open(dir, &name, SyncMode::Async, 16);
        for n in 0..count {
            wal.create_checkpoint(&key(n)).expect("creates");
        }
        let load = best_of(5, 1_000, |n| {
            wal.load_checkpoint(&key(n % count)).expect("loads");
        });
        let latest = best_of(5, 1_000, |_| {
            drop(wal.load_latest_checkpoint().expect("loads"));
        });
        drop(wal);
        let started = Instant::now();
        let wal = open(dir, &name, SyncMode::Async, 16);
        let opened = started.elapsed();
        assert_eq!(wal.checkpoint_count() as u64, count);
        println!("{count} checkpoints: load {load:?}, load latest {latest:?}, open {opened:?}");
    }
}
