//! How many durable appends a second do many threads get over many streams, by the path that commits take?
//!
//! `cargo bench --bench many_streams`. Each thread appends under `Strict` to the streams in turn, 256 bytes at
//! a time. Beside it one write and one sync at a time into a file of zeros, and how long `sync_all` takes where
//! many streams have one entry each that is not durable.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ironwal::CommitPath;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_millis(1500);
const ENTRY: [u8; 256] = [7; 256];
const PATHS: [CommitPath; 3] = [CommitPath::InPlace, CommitPath::Journal, CommitPath::Auto];
const LOADS: [(usize, usize); 7] = [
    (1, 1),
    (1, 16),
    (16, 1),
    (16, 16),
    (16, 64),
    (64, 1),
    (64, 1000),
];

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    println!("256 B, durable appends per second, medians of {ROUNDS} interleaved rounds\n");
    println!(
        "{:>8}{:>9}{:>12}{:>12}{:>12}{:>12}",
        "threads", "streams", "in place", "journal", "auto", "write, sync"
    );
    for (threads, streams) in LOADS {
        let mut rates = vec![Vec::new(); PATHS.len() + 1];
        for _ in 0..ROUNDS {
            for (place, path) in PATHS.into_iter().enumerate() {
                rates[place].push(appends(dir.path(), path, threads, streams));
            }
            rates[PATHS.len()].push(writes(dir.path()));
        }
        print!("{threads:>8}{streams:>9}");
        rates
            .into_iter()
            .for_each(|rates| print!("{:>12.0}", median(rates)));
        println!();
    }
    println!("\nsync_all, one entry in each stream, ms");
    for streams in [1, 100, 2000] {
        let mut times = vec![Vec::new(); PATHS.len()];
        for _ in 0..ROUNDS {
            for (place, path) in PATHS.into_iter().enumerate() {
                times[place].push(sync_all(dir.path(), path, streams));
            }
        }
        print!("{:>8}{streams:>9}", "");
        times
            .into_iter()
            .for_each(|times| print!("{:>12.2}", median(times)));
        println!();
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn open(path: &Path, commit_path: CommitPath, mode: SyncMode) -> Wal {
    let mut options = WalOptions::new(path.join("log"));
    options.commit_path = commit_path;
    options.sync_mode = mode;
    options.max_open_segments = 2048;
    Wal::new(options).expect("opens")
}

fn close(path: &Path, wal: Wal) {
    wal.close().expect("closes");
    std::fs::remove_dir_all(path.join("log")).expect("removes");
}

fn appends(path: &Path, commit_path: CommitPath, threads: usize, streams: usize) -> f64 {
    let wal = open(path, commit_path, SyncMode::Strict);
    let keys = (0..streams).map(|number| format!("s{number}"));
    let handles: Vec<_> = keys
        .map(|key| wal.stream(&key).expect("a handle"))
        .collect();
    // Every stream exists, and a helper has made the journal's files.
    thread::scope(|scope| {
        for first in 0..threads.min(streams) {
            let own = handles.iter().skip(first).step_by(threads);
            scope.spawn(move || {
                own.for_each(|stream| {
                    stream.append(&ENTRY).expect("appends");
                })
            });
        }
    });
    thread::sleep(Duration::from_millis(100));
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let (handles, is_over, count) = (&handles, &is_over, &count);
            scope.spawn(move || {
                let mut own = 0;
                let mut at = thread;
                while !is_over.load(Ordering::Relaxed) {
                    handles[at % handles.len()].append(&ENTRY).expect("appends");
                    at += threads;
                    own += 1;
                }
                count.fetch_add(own, Ordering::Relaxed);
            });
        }
        thread::sleep(TIME);
        is_over.store(true, Ordering::Relaxed);
    });
    let rate = count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    drop(handles);
    close(path, wal);
    rate
}

fn writes(path: &Path) -> f64 {
    const LEN: u64 = 64 << 20;
    let path = path.join("raw");
    let file = File::create(&path).expect("creates");
    file.write_all_at(&vec![0; LEN as usize], 0)
        .expect("writes");
    file.sync_all().expect("syncs");
    let (began, mut count, mut at) = (Instant::now(), 0, 0);
    while began.elapsed() < TIME / 3 {
        file.write_all_at(&ENTRY, at).expect("writes");
        file.sync_data().expect("syncs");
        at = (at + 512) % (LEN - 512);
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path).expect("removes");
    rate
}

fn sync_all(path: &Path, commit_path: CommitPath, streams: usize) -> f64 {
    let wal = open(path, commit_path, SyncMode::Async);
    let keys: Vec<_> = (0..streams).map(|number| format!("s{number}")).collect();
    // The first time the directories are made, and the journal's files.
    for key in &keys {
        wal.append(key, &ENTRY).expect("appends");
    }
    wal.sync_all().expect("syncs");
    thread::sleep(Duration::from_millis(100));
    for key in &keys {
        wal.append(key, &ENTRY).expect("appends");
    }
    let began = Instant::now();
    wal.sync_all().expect("syncs");
    let took = began.elapsed().as_secs_f64() * 1e3;
    close(path, wal);
    took
}
