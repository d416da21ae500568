//! What do durable appends to many streams cost, by the path that commits take?
//!
//! `cargo bench --bench many_streams`, or with words behind `--`, of `appends open first sync_all atomic space`, those
//! alone; `16x64` are the appends of 16 threads to 64 streams. 256 bytes an entry; paths and rounds are interleaved,
//! and figures are medians.
//!
//! - *appends*: each thread appends under `Strict` to its streams in turn. Beside it stands one write and one sync at
//!   a time into a file of zeros. Written: bytes that reached the disk, per byte of the entries, with those of the
//!   file system; other programs that write to this disk falsify it.
//! - *open*: the same over more streams than `max_open_segments` allows to be open.
//! - *first*: one thread begins new streams.
//! - *sync_all*: each stream has one entry that is not durable.
//! - *atomic*: one batch over several streams beside one append.
//! - *space*: what a log of small streams takes on the disk while it is open, and when it is closed.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ironwal::Append;
use ironwal::CommitPath;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_millis(1500);
const ENTRY: [u8; 256] = [7; 256];
const PATHS: [(&str, CommitPath); 3] = [
    ("in place", CommitPath::InPlace),
    ("journal", CommitPath::Journal),
    ("auto", CommitPath::Auto),
];
const LOADS: [(usize, usize); 7] = [
    (1, 1),
    (1, 16),
    (16, 1),
    (16, 16),
    (16, 64),
    (64, 1),
    (64, 1000),
];
const NEW_STREAMS: usize = 2000;

fn main() {
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let wants = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    let dir = dir.path();
    println!("256 B, medians of {ROUNDS} interleaved rounds");
    if wants("first") {
        // First of all, and no log is removed: ext4 without a journal is slow to make files while others were removed
        // a moment before.
        let mut made = 0;
        title("first appends of one thread", "per second");
        by_path(&format!("{NEW_STREAMS} new streams"), |path| {
            made += 1;
            [first_appends(&dir.join(format!("first{made}")), path)]
        });
    }
    if wants("appends") {
        title("appends", "per second, p99.9 in us, bytes written per byte");
        for load in LOADS {
            all_appends(dir, load, 2048);
        }
        let raw = (0..ROUNDS).map(|_| writes(dir));
        println!("one write and one sync at a time: {:.0}", median(raw));
    }
    let load_of = |word: &str| {
        let (threads, streams) = word.split_once('x')?;
        Some((threads.parse().ok()?, streams.parse().ok()?))
    };
    for load in words.iter().filter_map(|word| load_of(word)) {
        all_appends(dir, load, 2048);
    }
    if wants("open") {
        title(
            "more streams than may be open (256)",
            "per second, p99.9 in us, bytes written per byte",
        );
        all_appends(dir, (64, 1000), 256);
    }
    if wants("sync_all") {
        title("sync_all", "ms");
        for streams in [1, 100, 2000] {
            by_path(&format!("{streams} streams"), |path| {
                [sync_all(dir, path, streams)]
            });
        }
    }
    if wants("atomic") {
        title("batches of one thread", "per second");
        by_path("1 stream, append", |path| [batches(dir, path, 1)]);
        for streams in [2, 16] {
            by_path(&format!("{streams} streams, atomic"), |path| {
                [batches(dir, path, streams)]
            });
        }
    }
    if wants("space") {
        title("space of small streams", "KiB open, KiB closed");
        for streams in [1, 100, 10_000] {
            by_path(&format!("{streams} streams"), |path| {
                space(dir, path, streams)
            });
        }
    }
}

fn title(what: &str, columns: &str) {
    println!("\n{what} ({columns})");
    print!("{:>28}", "");
    PATHS.iter().for_each(|(name, _)| print!("{name:>25}"));
    println!();
}

/// Measures a row: the paths in turn, round by round.
fn by_path<const N: usize>(name: &str, mut measure: impl FnMut(CommitPath) -> [f64; N]) {
    let mut rounds = vec![Vec::new(); PATHS.len()];
    for _ in 0..ROUNDS {
        for (place, (_, path)) in PATHS.into_iter().enumerate() {
            rounds[place].push(measure(path));
        }
    }
    print!("{name:>28}");
    for figures in &rounds {
        let medians = (0..N).map(|at| median(figures.iter().map(|round| round[at])));
        let shown: Vec<_> = medians
            .map(|figure| match figure {
                large if large >= 100.0 => format!("{large:.0}"),
                small => format!("{small:.1}"),
            })
            .collect();
        print!("{:>25}", shown.join("  "));
    }
    println!();
}

fn median(all: impl IntoIterator<Item = f64>) -> f64 {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn open(path: &Path, commit_path: CommitPath, mode: SyncMode, max_open: usize) -> Wal {
    let mut options = WalOptions::new(path.join("log"));
    options.commit_path = commit_path;
    options.sync_mode = mode;
    options.max_open_segments = max_open;
    Wal::new(options).expect("opens")
}

fn close(path: &Path, wal: Wal) {
    wal.close().expect("closes");
    std::fs::remove_dir_all(path.join("log")).expect("removes");
}

fn handles_of(wal: &Wal, streams: usize) -> Vec<Stream> {
    let keys = (0..streams).map(|number| format!("s{number}"));
    keys.map(|key| wal.stream(&key).expect("a handle"))
        .collect()
}

/// Every stream exists afterwards, and a helper has made the journal's files.
fn begin(handles: &[Stream], threads: usize) {
    thread::scope(|scope| {
        for first in 0..threads.min(handles.len()) {
            let own = handles.iter().skip(first).step_by(threads);
            scope.spawn(move || {
                own.for_each(|stream| {
                    stream.append(&ENTRY).expect("appends");
                })
            });
        }
    });
    thread::sleep(Duration::from_millis(100));
}

fn all_appends(dir: &Path, (threads, streams): (usize, usize), max_open: usize) {
    by_path(&format!("{threads} threads, {streams} streams"), |path| {
        appends(dir, path, (threads, streams), max_open)
    });
}

fn appends(
    path: &Path,
    commit_path: CommitPath,
    (threads, streams): (usize, usize),
    max_open: usize,
) -> [f64; 3] {
    let wal = open(path, commit_path, SyncMode::Strict, max_open);
    let handles = handles_of(&wal, streams);
    begin(&handles, threads);
    let is_over = AtomicBool::new(false);
    let (written_before, began) = (written_to_disk(path), Instant::now());
    let mut times: Vec<u64> = thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| {
                let (handles, is_over) = (&handles, &is_over);
                scope.spawn(move || {
                    let (mut at, mut times) = (thread, Vec::new());
                    while !is_over.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        handles[at % handles.len()].append(&ENTRY).expect("appends");
                        times.push(began.elapsed().as_nanos() as u64);
                        at += threads;
                    }
                    times
                })
            })
            .collect();
        thread::sleep(TIME);
        is_over.store(true, Ordering::Relaxed);
        let times = all.into_iter().map(|thread| thread.join().expect("ends"));
        times.flatten().collect()
    });
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    // What was not written back yet is written by closing, and counts.
    let appended = (times.len() * ENTRY.len()) as f64;
    drop(handles);
    wal.close().expect("closes");
    let written = (written_to_disk(path) - written_before) as f64 / appended;
    std::fs::remove_dir_all(path.join("log")).expect("removes");
    times.sort_unstable();
    let slowest = times[times.len() * 999 / 1000] as f64 / 1e3;
    [rate, slowest, written]
}

/// Bytes that were written to the disk of this directory since the machine started. Source: the kernel's
/// Documentation/block/stat.rst: the seventh figure, in sectors of 512 bytes.
fn written_to_disk(path: &Path) -> u64 {
    let device = path.metadata().expect("is there").dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    let stat = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat"));
    let sectors = stat.ok().and_then(|stat| {
        let figure = stat.split_whitespace().nth(6)?;
        figure.parse::<u64>().ok()
    });
    sectors.map_or(0, |sectors| sectors * 512)
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

fn first_appends(path: &Path, commit_path: CommitPath) -> f64 {
    std::fs::create_dir(path).expect("makes");
    let wal = open(path, commit_path, SyncMode::Strict, 2048);
    wal.append("before", &ENTRY).expect("appends");
    thread::sleep(Duration::from_millis(100));
    let keys: Vec<_> = (0..NEW_STREAMS)
        .map(|number| format!("s{number}"))
        .collect();
    let began = Instant::now();
    for key in &keys {
        wal.append(key, &ENTRY).expect("appends");
    }
    let rate = NEW_STREAMS as f64 / began.elapsed().as_secs_f64();
    wal.close().expect("closes");
    rate
}

/// The median of some calls, when directories and the journal's files have been made by two before.
fn sync_all(path: &Path, commit_path: CommitPath, streams: usize) -> f64 {
    let wal = open(path, commit_path, SyncMode::Async, 2048);
    let handles = handles_of(&wal, streams);
    let mut times = Vec::new();
    for _ in 0..7 {
        for stream in &handles {
            stream.append(&ENTRY).expect("appends");
        }
        let began = Instant::now();
        wal.sync_all().expect("syncs");
        times.push(began.elapsed().as_secs_f64() * 1e3);
        thread::sleep(Duration::from_millis(100));
    }
    drop(handles);
    close(path, wal);
    median(times.split_off(2))
}

/// One entry in each stream: one append, or batches over all of them.
fn batches(path: &Path, commit_path: CommitPath, streams: usize) -> f64 {
    let wal = open(path, commit_path, SyncMode::Strict, 2048);
    let handles = handles_of(&wal, streams);
    begin(&handles, 1);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < TIME / 3 {
        if let [alone] = &handles[..] {
            black_box(alone.append(&ENTRY).expect("appends"));
        } else {
            let entries: [&[u8]; 1] = [&ENTRY];
            let parts: Vec<_> = handles
                .iter()
                .map(|stream| (stream, Append::new(&entries)))
                .collect();
            black_box(wal.append_atomic(&parts).expect("appends"));
        }
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    drop(handles);
    close(path, wal);
    rate
}

fn space(path: &Path, commit_path: CommitPath, streams: usize) -> [f64; 2] {
    let wal = open(path, commit_path, SyncMode::Async, 2048);
    for number in 0..streams {
        wal.append(&format!("s{number}"), &ENTRY).expect("appends");
    }
    wal.sync_all().expect("syncs");
    thread::sleep(Duration::from_millis(100));
    let open = allocated(&path.join("log"));
    wal.close().expect("closes");
    let closed = allocated(&path.join("log"));
    std::fs::remove_dir_all(path.join("log")).expect("removes");
    [open / 1024.0, closed / 1024.0]
}

/// Bytes of the disk that a file or directory takes.
fn allocated(path: &Path) -> f64 {
    let metadata = path.symlink_metadata().expect("is there");
    let own = metadata.blocks() as f64 * 512.0;
    if !metadata.is_dir() {
        return own;
    }
    let entries = std::fs::read_dir(path).expect("lists");
    own + entries
        .map(|entry| allocated(&entry.expect("an entry").path()))
        .sum::<f64>()
}
