//! How many appends a second does one thread get confirmed as durable, over many streams, without
//! waiting for any?
//!
//! `cargo bench --bench listeners`. One thread appends to the streams in turn and has each append
//! confirmed by a callback; at most `OUTSTANDING` of a stream are under way. By the number of threads
//! that sync; beside it as many threads as streams, each of which waits for its own append.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ironwal::Append;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(700);
const OUTSTANDING: usize = 4;
const ENTRY: [u8; 256] = [7; 256];

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    println!("256 B, confirmed appends per second, medians of {ROUNDS} interleaved rounds\n");
    println!(
        "{:>8}{:>12}{:>12}{:>12}{:>12}{:>16}",
        "streams", 1, 2, 4, 8, "waiting threads"
    );
    for streams in [1, 4, 16, 64] {
        let mut rates = vec![Vec::new(); 5];
        for _ in 0..ROUNDS {
            for (place, threads) in [1, 2, 4, 8].into_iter().enumerate() {
                rates[place].push(by_callbacks(dir.path(), streams, threads));
            }
            rates[4].push(by_waiting(dir.path(), streams));
        }
        print!("{streams:>8}");
        for (place, mut rates) in rates.into_iter().enumerate() {
            rates.sort_by(f64::total_cmp);
            let width = if place == 4 { 16 } else { 12 };
            print!("{:>width$.0}", rates[ROUNDS / 2]);
        }
        println!();
    }
}

fn open(path: &Path, mode: SyncMode, threads: usize) -> Wal {
    let mut options = WalOptions::new(path.join("log"));
    options.sync_mode = mode;
    options.sync_threads = threads;
    Wal::new(options).expect("opens")
}

fn close(path: &Path, wal: Wal) {
    wal.close().expect("closes");
    std::fs::remove_dir_all(path.join("log")).expect("removes");
}

fn handles(wal: &Wal, count: usize) -> Vec<Stream> {
    let keys = (0..count).map(|number| format!("s{number}"));
    keys.map(|key| wal.stream(&key).expect("a handle"))
        .collect()
}

fn by_callbacks(path: &Path, count: usize, threads: usize) -> f64 {
    let wal = open(path, SyncMode::Async, threads);
    let streams = handles(&wal, count);
    let (sender, confirmed) = mpsc::channel();
    let append = |number: usize| {
        let entries: [&[u8]; 1] = [&ENTRY];
        let stream = &streams[number];
        let appended = stream.append_with(&Append::new(&entries).written());
        let mark = appended.expect("appends").mark;
        let sender = sender.clone();
        let registered = stream.on_durable(mark, move |answer| {
            answer.expect("is durable");
            // The receiver has gone once the time is over.
            let _ = sender.send(number);
        });
        registered.expect("registers");
    };
    for number in 0..count * OUTSTANDING {
        append(number % count);
    }
    let started = Instant::now();
    let mut total = 0;
    while started.elapsed() < TIME {
        append(confirmed.recv().expect("one is confirmed"));
        total += 1;
    }
    let rate = total as f64 / started.elapsed().as_secs_f64();
    drop(confirmed);
    drop(streams);
    close(path, wal);
    rate
}

fn by_waiting(path: &Path, count: usize) -> f64 {
    let wal = open(path, SyncMode::Strict, 1);
    let streams = handles(&wal, count);
    let started = Instant::now();
    let total: usize = thread::scope(|scope| {
        let writers = streams.iter().map(|stream| {
            scope.spawn(move || {
                let mut count = 0;
                while started.elapsed() < TIME {
                    stream.append(&ENTRY).expect("appends");
                    count += 1;
                }
                count
            })
        });
        let writers: Vec<_> = writers.collect();
        let counts = writers.into_iter().map(|writer| writer.join());
        counts.map(|count| count.expect("ends")).sum()
    });
    let rate = total as f64 / started.elapsed().as_secs_f64();
    drop(streams);
    close(path, wal);
    rate
}
