//! How long does one append keep a hot thread waiting, and how many does it do in a second?
//!
//! `cargo bench --bench latency`. The first table: `Async` appends through the stream handle, as
//! fast as they go, mapped and written, beside `write(2)` of the same bytes; "measured" is `Auto` with
//! `WalOptions::latencies`, which looks at the clock twice more. The second: a thread
//! that appends 100,000 entries a second while another syncs every millisecond, and in the same
//! run a control thread that does nothing but read the clock: what it misses, the machine took.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::WriteStrategy;

const ROUNDS: usize = 5;
const FRAME_HEADER: usize = 36;

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    println!("Async appends, medians of {ROUNDS} interleaved rounds; latencies in ns\n");
    println!(
        "{:>6} {:<12}{:>14}{:>8}{:>8}{:>8}{:>9}{:>11}",
        "bytes", "", "appends/s", "p50", "p90", "p99", "p99.9", "max"
    );
    for len in [64, 256, 1024, 4096] {
        fastest(dir.path(), len);
    }
    println!("\n256 B, 100,000 a second, synced every 1 ms\n");
    for _ in 0..3 {
        paced(dir.path(), WriteStrategy::Auto);
        paced(dir.path(), WriteStrategy::StandardIo);
    }
}

fn open(path: &Path, strategy: WriteStrategy) -> Wal {
    open_with(path, strategy, false)
}

fn open_with(path: &Path, strategy: WriteStrategy, latencies: bool) -> Wal {
    let mut options = WalOptions::new(path);
    options.sync_mode = SyncMode::Async;
    options.latencies = latencies;
    options.write_strategy = strategy;
    Wal::new(options).expect("opens")
}

/// Nanoseconds, sorted.
struct Latencies(Vec<u32>);

impl Latencies {
    fn of(mut all: Vec<u32>) -> Self {
        all.sort_unstable();
        Latencies(all)
    }

    fn at(&self, share: f64) -> u32 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }

    fn row(&self) -> String {
        let [p50, p90, p99, p999, max] = [0.5, 0.9, 0.99, 0.999, 1.0].map(|share| self.at(share));
        format!("{p50:>8}{p90:>8}{p99:>8}{p999:>9}{max:>11}")
    }
}

fn fastest(dir: &Path, len: usize) {
    let count = (64 << 20) / (len + FRAME_HEADER).max(256);
    let ways = ["Auto", "measured", "StandardIo", "write(2)"];
    let mut rates = [const { Vec::new() }; 4];
    let mut latencies = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        for (way, name) in ways.iter().enumerate() {
            let path = dir.join(format!("{len}-{round}-{way}"));
            let entry = vec![0x5A; len];
            let (elapsed, each) = match *name {
                "write(2)" => {
                    let mut file = File::create(&path).expect("creates");
                    let frame = vec![0x5A; len + FRAME_HEADER];
                    timed(count, || file.write_all(&frame).expect("writes"))
                }
                name => {
                    let strategy = match name {
                        "Auto" | "measured" => WriteStrategy::Auto,
                        _ => WriteStrategy::StandardIo,
                    };
                    let wal = open_with(&path, strategy, name == "measured");
                    let stream = wal.stream("s").expect("a handle");
                    timed(count, || {
                        stream.append(&entry).expect("appends");
                    })
                }
            };
            rates[way].push(count as f64 / elapsed.as_secs_f64());
            latencies[way].push(Latencies::of(each));
            remove(&path);
        }
    }
    for (way, name) in ways.iter().enumerate() {
        rates[way].sort_by(f64::total_cmp);
        latencies[way].sort_by_key(|each| each.at(0.99));
        let (rate, each) = (rates[way][ROUNDS / 2], &latencies[way][ROUNDS / 2]);
        println!("{len:>6} {name:<12}{rate:>14.0}{}", each.row());
    }
}

fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    removed.expect("removes");
}

fn timed(count: usize, mut work: impl FnMut()) -> (Duration, Vec<u32>) {
    let mut each = Vec::with_capacity(count);
    let start = Instant::now();
    let mut before = start;
    for _ in 0..count {
        work();
        let now = Instant::now();
        each.push(nanos(now - before));
        before = now;
    }
    (start.elapsed(), each)
}

fn nanos(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

fn paced(dir: &Path, strategy: WriteStrategy) {
    const COUNT: u32 = 500_000;
    const PACE: Duration = Duration::from_micros(10);
    let path = dir.join("paced");
    let wal = open(&path, strategy);
    let stream = wal.stream("s").expect("a handle");
    let stop = AtomicBool::new(false);
    let (hot, control, syncs) = std::thread::scope(|scope| {
        let syncing = scope.spawn(|| {
            let mut syncs = 0;
            while !stop.load(Ordering::Relaxed) {
                stream.sync().expect("syncs");
                syncs += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            syncs
        });
        let control = scope.spawn(|| {
            let mut longest = Vec::new();
            let mut before = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                let now = Instant::now();
                let gap = nanos(now - before);
                if gap > 100_000 {
                    longest.push(gap);
                }
                before = now;
            }
            longest
        });
        let entry = [0x5A; 256];
        let mut each = Vec::with_capacity(COUNT as usize);
        let start = Instant::now();
        for i in 0..COUNT {
            let due = start + PACE * i;
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            let before = Instant::now();
            stream.append(&entry).expect("appends");
            each.push(nanos(before.elapsed()));
        }
        stop.store(true, Ordering::Relaxed);
        let control = control.join().expect("the control");
        (Latencies::of(each), control, syncing.join().expect("syncs"))
    });
    println!("{strategy:<12?}{syncs:>7} syncs {}", hot.row());
    let over = |gaps: &[u32]| gaps.iter().filter(|&&gap| gap > 1_000_000).count();
    println!(
        "    over 1 ms: {} appends; the control missed {} times more than 1 ms, at most {} ns",
        over(&hot.0),
        over(&control),
        control.iter().max().unwrap_or(&0)
    );
    drop((stream, wal));
    remove(&path);
}
