//! What do the main calls cost, beside the system calls and memory copies that bound them?
//!
//! `cargo bench --bench core`. Every row runs ours and its bound in turn, several rounds, and
//! prints medians and their ratio: on a shared machine only ratios of one run mean anything.

use std::fs::File;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ironwal::ReadStrategy;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 7;
const ENTRY_LEN: usize = 256;
const FRAME_LEN: usize = ENTRY_LEN + 36;

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    println!("{ENTRY_LEN}-byte entries, medians of {ROUNDS} interleaved rounds, ns per entry");
    println!("{:<38}{:>12}{:>12}{:>8}", "", "bound", "ironwal", "ratio");
    async_appends(dir.path());
    async_batches(dir.path());
    strict_appends(dir.path());
    strict_threads(dir.path());
    reads(dir.path());
    opening(dir.path());
}

fn async_appends(dir: &Path) {
    let count = 200_000;
    compare("append, Async | write(2)", count, |ours, round| {
        let path = dir.join(format!("async-{ours}-{round}"));
        match ours {
            false => write_frames(&path, count, false),
            true => append(&path, count, SyncMode::Async, 1),
        }
    });
}

fn async_batches(dir: &Path) {
    let batches = 2_000;
    compare(
        "batch of 100, Async | write(2) of it",
        batches * 100,
        |ours, round| {
            let path = dir.join(format!("batch-{ours}-{round}"));
            let entry = entry();
            if ours {
                let wal = open(&path, SyncMode::Async);
                let stream = wal.stream("s").expect("a handle");
                let entries = vec![&entry[..]; 100];
                let start = Instant::now();
                for _ in 0..batches {
                    stream.append_batch(&entries).expect("appends");
                }
                return start.elapsed();
            }
            let file = File::create(&path).expect("creates");
            let batch = vec![7; FRAME_LEN * 100];
            let start = Instant::now();
            for i in 0..batches {
                file.write_all_at(&batch, i * batch.len() as u64)
                    .expect("writes");
            }
            start.elapsed()
        },
    );
}

fn strict_appends(dir: &Path) {
    let count = 1_000;
    compare(
        "append, Strict | write + fdatasync",
        count,
        |ours, round| {
            let path = dir.join(format!("strict-{ours}-{round}"));
            match ours {
                false => write_frames(&path, count, true),
                true => append(&path, count, SyncMode::Strict, 1),
            }
        },
    );
}

fn strict_threads(dir: &Path) {
    let count = 4_000;
    compare(
        "append, Strict, 16 threads | 1 thread",
        count,
        |ours, round| {
            let path = dir.join(format!("threads-{ours}-{round}"));
            match ours {
                false => append(&path, count / 4, SyncMode::Strict, 1) * 4,
                true => append(&path, count, SyncMode::Strict, 16),
            }
        },
    );
}

fn reads(dir: &Path) {
    let count = 400_000;
    let path = dir.join("reads");
    append(&path, count, SyncMode::Async, 1);
    let mut options = WalOptions::new(&path);
    options.read_strategy = ReadStrategy::Mmap;
    options.max_segment_size = 16 << 20;
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let raw = dir.join("raw");
    write_frames(&raw, count, false);
    let file = File::open(&raw).expect("opens");
    compare("scan, checked | read + CRC", count, |ours, _| {
        let start = Instant::now();
        if ours {
            let mut entries = stream.iter_with_ids(0).expect("iterates");
            while let Some(entry) = entries.next_entry() {
                black_box(entry.expect("good"));
            }
        } else {
            let mut chunk = vec![0; 128 << 10];
            let mut at = 0;
            loop {
                let read = file.read_at(&mut chunk, at).expect("reads");
                if read == 0 {
                    break;
                }
                for frame in chunk[..read].chunks(FRAME_LEN) {
                    black_box(crc32fast::hash(frame));
                }
                at += read as u64;
            }
        }
        start.elapsed()
    });
    let gets = 100_000;
    compare("get_into, random | one pread(2)", gets, |ours, _| {
        let mut target = [0; FRAME_LEN];
        let mut random = 88_172_645_463_325_252_u64;
        let start = Instant::now();
        for _ in 0..gets {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let id = random % count;
            if ours {
                black_box(stream.get_into(id, &mut target).expect("reads"));
            } else {
                file.read_exact_at(&mut target, id * FRAME_LEN as u64)
                    .expect("reads");
            }
        }
        start.elapsed()
    });
}

fn opening(dir: &Path) {
    let path = dir.join("opening");
    append(&path, 1_000_000, SyncMode::Async, 1);
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let wal = open(&path, SyncMode::Async);
            let opened = start.elapsed();
            wal.close().expect("closes");
            opened
        })
        .collect();
    times.sort_unstable();
    println!(
        "open after a clean close, 1,000,000 entries: {:?}",
        times[ROUNDS / 2]
    );
}

fn compare(name: &str, count: u64, mut run: impl FnMut(bool, usize) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for ours in [false, true] {
            times[usize::from(ours)].push(run(ours, round));
        }
    }
    let [bound, ours] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_nanos() as f64 / count as f64
    });
    println!("{name:<38}{bound:>12.0}{ours:>12.0}{:>8.2}", bound / ours);
}

fn entry() -> Vec<u8> {
    (0..ENTRY_LEN as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn open(path: &Path, mode: SyncMode) -> Wal {
    let mut options = WalOptions::new(path);
    options.sync_mode = mode;
    Wal::new(options).expect("opens")
}

/// The least that any log must do: write the same bytes, and sync them where they must be durable,
/// in a file that was filled with zeros before.
fn write_frames(path: &Path, count: u64, sync: bool) -> Duration {
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(path)
        .expect("creates");
    let frame = [7; FRAME_LEN];
    if sync {
        for block in 0..(count * FRAME_LEN as u64).div_ceil(4096) {
            file.write_all_at(&[0; 4096], block * 4096).expect("writes");
        }
        file.sync_all().expect("syncs");
    }
    let start = Instant::now();
    for i in 0..count {
        file.write_all_at(&frame, i * FRAME_LEN as u64)
            .expect("writes");
        if sync {
            file.sync_data().expect("syncs");
        }
    }
    start.elapsed()
}

fn append(path: &Path, count: u64, mode: SyncMode, threads: u64) -> Duration {
    let wal = open(path, mode);
    let stream = wal.stream("s").expect("a handle");
    let entry = entry();
    stream.append(&entry).expect("appends");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..count / threads {
                    stream.append(&entry).expect("appends");
                }
            });
        }
    });
    start.elapsed()
}
