//! What does one more segment cost in a stream that has many, and how long does opening it take?
//!
//! `cargo bench --bench segments`. One stream under `Async`, one entry a segment, so every append
//! makes a segment. The first column is the mean of 500 appends once the stream has so many
//! segments, the second the time that opening the log takes then.

use std::time::Duration;
use std::time::Instant;

use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const MEASURED: u32 = 500;

fn main() {
    let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
    let options = || {
        let mut options = WalOptions::new(dir.path().join("log"));
        options.sync_mode = SyncMode::Async;
        options.max_entries_per_segment = 1;
        options
    };
    let mut wal = Wal::new(options()).expect("opens");
    let mut count = 0;
    println!("{:>9}{:>14}{:>14}", "segments", "append", "open");
    for segments in [1, 1_000, 4_000, 16_000, 40_000, 64_000] {
        while count < segments {
            wal.append("s", b"entry").expect("appended");
            count += 1;
        }
        let append = timed(&wal, &mut count);
        wal.close().expect("closes");
        let began = Instant::now();
        wal = Wal::new(options()).expect("opens");
        let open = began.elapsed();
        println!("{segments:>9}{append:>14.1?}{open:>14.1?}");
    }
}

fn timed(wal: &Wal, count: &mut u64) -> Duration {
    let began = Instant::now();
    for _ in 0..MEASURED {
        wal.append("s", b"entry").expect("appended");
    }
    *count += u64::from(MEASURED);
    began.elapsed() / MEASURED
}
