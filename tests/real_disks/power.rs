//! D1 on real file systems: one that is cut off by its shutdown call keeps what was acknowledged as
//! durable to a process outside, in every mode, stored or written.
//!
//! Other than after a power cut the writer goes on. A sync that overlaps the shutdown may return
//! success by ext4 without being durable: where the journal was aborted before the extents of a
//! finished write were marked as written, `fdatasync` does not hear of it. So what counts is what
//! arrived outside before the shutdown began; what arrived later is counted only.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::MODES;
use crate::mount;
use crate::mount::Kind;
use crate::mount::mounted;
use crate::rounds;
use crate::settings;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn opened(place: &Path, mode: SyncMode, strategy: WriteStrategy) -> Wal {
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    options.on_corruption = CorruptionPolicy::Error;
    options.max_segment_size = 300_000;
    Wal::new(options).expect("opens, whatever a power cut left")
}

/// Appends until an error, and says on a pipe what is durable.
pub fn acknowledge(place: &Path) {
    let (mode, strategy) = settings();
    let wal = opened(place, mode, strategy);
    let stream = wal.stream("s").expect("a handle");
    let mut pipe = std::io::stdout();
    let mut next = stream.next_id().expect("is known");
    loop {
        let durable = match (mode, next % 17) {
            (SyncMode::Strict, _) => stream.append(&entry(next)).map(|id| id + 1),
            (SyncMode::BatchOnly, 0..4) => {
                let (a, b) = (entry(next), entry(next + 1));
                stream.append_batch(&[&a, &b]).map(|ids| ids.end)
            }
            (SyncMode::Async, 0) => {
                let synced = stream.append(&entry(next)).and_then(|_| stream.sync());
                synced.map(|()| next + 1)
            }
            _ => match stream.append(&entry(next)) {
                Ok(id) => {
                    next = id + 1;
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        // Once the disk has gone every call fails; nothing may be acknowledged that is lost.
        let Ok(durable) = durable else {
            std::process::exit(0);
        };
        next = durable;
        if writeln!(pipe, "durable {durable}").is_err() {
            std::process::exit(0);
        }
    }
}

/// One round: a writer, cut off after `delay`. The ends acknowledged before that, and at all.
fn round(
    disk: &mount::Mounted,
    mode: SyncMode,
    strategy: WriteStrategy,
    delay: Duration,
) -> (u64, u64) {
    let mut writer = crate::child("acknowledge what is durable", &disk.path(), mode, strategy)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the writer runs");
    let pipe = BufReader::new(writer.stdout.take().expect("a pipe"));
    let (mut acknowledged, mut before, mut cut_at) = (0, None, None);
    let mut count = 0u64;
    for line in pipe.lines() {
        let line = line.expect("reads");
        let Some(durable) = line.strip_prefix("durable ") else {
            continue;
        };
        acknowledged = durable.parse().expect("a number");
        count += 1;
        let cut_at = *cut_at.get_or_insert_with(|| Instant::now() + delay);
        if Instant::now() >= cut_at && count >= 3 && before.is_none() {
            before = Some(acknowledged);
            assert!(disk.cut_off());
        }
    }
    let status = writer.wait().expect("ended");
    // Mapped where that is not safe, by the user's choice: the store says that the disk has gone.
    let may_fault = strategy == WriteStrategy::Mmap && disk.kind.file_system != "ext4";
    let faulted = status.signal() == Some(libc::SIGBUS);
    assert!(status.success() || (may_fault && faulted), "{status}");
    (before.expect("it was cut off"), acknowledged)
}

fn run(kind: Kind) {
    let (mut total, mut wrong_reports) = (0, 0);
    for mode in MODES {
        for strategy in [WriteStrategy::Mmap, WriteStrategy::StandardIo] {
            let Some(disk) = mounted(kind) else {
                return;
            };
            if !disk.cut_off() {
                return;
            }
            disk.mount_again();
            for number in 0..rounds(2) {
                let case = format!("{}, {mode:?}, {strategy:?}, round {number}", kind.name);
                let delay = Duration::from_micros(number * 7919 % 60_000);
                let (acknowledged, at_all) = round(&disk, mode, strategy, delay);
                disk.mount_again();
                let wal = opened(&disk.path(), mode, strategy);
                let found = all_entries(&wal, "s");
                let next = wal
                    .stream("s")
                    .expect("a handle")
                    .next_id()
                    .expect("is known");
                assert!(next >= acknowledged, "{case}: {next} of {acknowledged}");
                wrong_reports += u64::from(next < at_all);
                let first = next - found.len() as u64;
                for (place, (id, bytes)) in found.into_iter().enumerate() {
                    assert_eq!((id, bytes), (first + place as u64, entry(id)), "{case}");
                }
                wal.truncate("s", next).expect("truncates");
                wal.close().expect("closes");
                total += 1;
            }
        }
    }
    println!(
        "{}: {total} power cuts, nothing acknowledged lost; {wrong_reports} times a sync that \
         overlapped the shutdown returned success wrongly",
        kind.name
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_ext4_is_cut_off() {
    run(mount::EXT4);
}

#[test]
fn nothing_acknowledged_is_lost_when_ext4_with_small_blocks_is_cut_off() {
    run(mount::EXT4_SMALL_BLOCKS);
}

#[test]
fn nothing_acknowledged_is_lost_when_xfs_is_cut_off() {
    run(mount::XFS);
}
