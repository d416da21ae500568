//! What does an append cost, beside the system calls that bound it? Interleaved, medians.
//! `cargo bench --bench append`

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 7;

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    let entry: Vec<u8> = (0..256u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    println!("256-byte entries, median of {ROUNDS} interleaved rounds");
    compare("Async, one thread", 100_000, |work, round| match work {
        0 => raw_writes(
            &dir.path().join(format!("w{round}")),
            &entry,
            100_000,
            false,
        ),
        _ => appends(
            &dir.path().join(format!("a{round}")),
            &entry,
            100_000,
            SyncMode::Async,
        ),
    });
    compare("Strict, one thread", 2_000, |work, round| match work {
        0 => raw_writes(&dir.path().join(format!("s{round}")), &entry, 2_000, true),
        _ => appends(
            &dir.path().join(format!("t{round}")),
            &entry,
            2_000,
            SyncMode::Strict,
        ),
    });
}

fn compare(name: &str, count: u32, mut run: impl FnMut(usize, usize) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (work, times) in times.iter_mut().enumerate() {
            times.push(run(work, round));
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64 / f64::from(count)
    };
    let [raw, ours] = &mut times;
    let (raw, ours) = (median(raw), median(ours));
    println!(
        "{name}: system calls {raw:.0} ns, ironwal {ours:.0} ns, ratio {:.2}",
        raw / ours
    );
}

/// The least any log must do: one write of the same bytes, and fdatasync when durable. The file
/// has been filled with zeros before, as ours is.
fn raw_writes(path: &Path, entry: &[u8], count: u64, sync: bool) -> Duration {
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(path)
        .expect("creates");
    let frame = [entry, &[7; 36]].concat();
    let zeros = vec![0; 4096];
    if sync {
        for block in 0..(count * frame.len() as u64).div_ceil(4096) {
            file.write_all_at(&zeros, block * 4096).expect("writes");
        }
        file.sync_all().expect("syncs");
    }
    let start = Instant::now();
    for i in 0..count {
        file.write_all_at(&frame, i * frame.len() as u64)
            .expect("writes");
        if sync {
            file.sync_data().expect("syncs");
        }
    }
    let _ = file.as_raw_fd();
    start.elapsed()
}

fn appends(path: &Path, entry: &[u8], count: u64, mode: SyncMode) -> Duration {
    let mut options = WalOptions::new(path);
    options.sync_mode = mode;
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    stream.append(entry).expect("appends");
    let start = Instant::now();
    for _ in 0..count {
        stream.append(entry).expect("appends");
    }
    start.elapsed()
}
