//! What does sharding cost? Prints one line per figure; `cargo bench --features sharded --bench
//! sharded [directory]`.
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

fn main() {
    let asked = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = match asked {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let dir = dir.expect("a directory");
    routing(dir.path());
    batches(dir.path());
    creating(dir.path());
    loading(dir.path());
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

fn routing(dir: &Path) {
    let entry = [7u8; 100];
    let plain = Wal::new(options(dir, "plain", SyncMode::Async)).expect("opens");
    let by_name = best_of(7, 100_000, |_| {
        plain.append("shard_00", &entry).expect("appends");
    });
    let sharded = open(dir, "routing-1", SyncMode::Async, 1);
    let one = best_of(7, 100_000, |n| {
        sharded.append(&key(n), &entry).expect("appends");
    });
    let sharded = open(dir, "routing-16", SyncMode::Async, 16);
    let sixteen = best_of(7, 100_000, |n| {
        sharded.append(&key(n), &entry).expect("appends");
    });
    println!("append 100 B, Async: Wal {by_name:?}, 1 shard {one:?}, 16 shards {sixteen:?}");
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
