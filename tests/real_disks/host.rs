//! D14: no store of ours raises a signal on a disk that is full or was shut down, where `Auto`
//! decides; with `StandardIo` nothing that happens to a file does.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use ironwal::*;

use crate::MODES;
use crate::STRATEGIES;
use crate::is_mapped;
use crate::mount;
use crate::mount::Kind;
use crate::mount::mounted;
use crate::settings;
use crate::support;
use crate::support::options;

const ENTRY: [u8; 300] = [7; 300];

/// A log with an active segment of some MiB, mapped if it ever is; and whether it is.
fn opened(place: &Path) -> (Stream, bool) {
    let (mode, strategy) = settings();
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let appends = if mode == SyncMode::Strict {
        300
    } else {
        12_000
    };
    for _ in 0..appends {
        stream.append(&ENTRY).expect("appends");
    }
    // A helper may be behind.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let expected = expects_map(place, mode, strategy);
    while expected && !is_mapped(place) && std::time::Instant::now() < until {
        stream.append(&ENTRY).expect("appends");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let is_mapped = is_mapped(place);
    assert_eq!(is_mapped, expected, "mapped");
    (stream, is_mapped)
}

fn expects_map(place: &Path, mode: SyncMode, strategy: WriteStrategy) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("reads");
    let mount = mounts
        .lines()
        .find(|line| line.split(' ').nth(1) == place.to_str())
        .expect("mounted");
    let small_blocks = place.join("small blocks").exists();
    let safe = (mount.contains(" ext4 ") && !mount.contains("data=journal") && !small_blocks)
        || mount.contains(" tmpfs ");
    match strategy {
        WriteStrategy::StandardIo => false,
        WriteStrategy::Mmap => !small_blocks,
        _ => safe && mode == SyncMode::Async,
    }
}

/// Appends on, whatever comes.
fn append_on(stream: &Stream) -> (u64, u64) {
    let (mut done, mut failed) = (0, 0);
    for round in 0..40 {
        for _ in 0..200 {
            match stream.append(&ENTRY) {
                Ok(_) => done += 1,
                Err(_) => failed += 1,
            }
        }
        if round % 10 == 9 {
            let _ = stream.sync();
        }
    }
    (done, failed)
}

pub fn store_on_a_full_disk(place: &Path) {
    let (stream, _) = opened(place);
    mount::fill(&place.join("filler"));
    for _ in 0..3 {
        mount::write_out(place);
        let (done, failed) = append_on(&stream);
        println!("{done} appended, {failed} refused on a full disk");
    }
}

pub fn store_on_a_shut_down_disk(place: &Path) {
    let (stream, _) = opened(place);
    mount::write_out(place);
    mount::cut_off(place).expect("shuts down");
    let (done, failed) = append_on(&stream);
    println!("{done} appended, {failed} refused on a shut-down disk");
    // What is visible may be read, or not; neither ends the process.
    let _ = stream.get(0);
    let last = stream.append(&ENTRY);
    assert!(last.is_err(), "a sync must have failed by now");
}

pub fn store_into_a_shortened_file(place: &Path) {
    let (stream, _) = opened(place);
    let segments = support::segments_in(&place.join("log/s"));
    let file = std::fs::File::options().write(true).open(&segments[0]);
    file.expect("opens").set_len(0).expect("a stranger cuts it");
    append_on(&stream);
}

/// Plays a part on the file system with every strategy (and in every mode, in long runs); no child
/// may end by a signal, unless its user chose to map where that is not safe.
fn play(role: &str, kind: Kind, prepare: impl Fn(&mount::Mounted) -> bool) {
    let modes = if crate::rounds(1) > 1 {
        &MODES[..]
    } else {
        &MODES[2..]
    };
    for &mode in modes {
        for strategy in STRATEGIES {
            let Some(disk) = mounted(kind) else {
                return;
            };
            if !prepare(&disk) {
                return;
            }
            if kind.name == mount::EXT4_SMALL_BLOCKS.name {
                std::fs::write(disk.path().join("small blocks"), "").expect("writes");
            }
            let child = crate::child(role, &disk.path(), mode, strategy).output();
            let output = child.expect("runs");
            let case = format!("{role}, {}, {mode:?}, {strategy:?}", kind.name);
            let printed = String::from_utf8_lossy(&output.stdout);
            let printed = printed.lines().find(|line| line.contains("appended"));
            println!("{case}: {:?}, {}", printed, output.status);
            let auto_maps = ["ext4", "tmpfs"].contains(&kind.file_system)
                && kind.name != mount::EXT4_WITH_JOURNALED_DATA.name;
            let may_fault = strategy == WriteStrategy::Mmap && !auto_maps;
            assert!(
                is_good(output.status, may_fault),
                "{case}: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

fn is_good(status: ExitStatus, may_fault: bool) -> bool {
    status.success() || (may_fault && status.signal() == Some(libc::SIGBUS))
}

#[test]
fn no_store_raises_a_signal_on_a_full_disk() {
    for kind in [
        mount::EXT4,
        mount::EXT4_SMALL_BLOCKS,
        mount::EXT4_WITHOUT_DELAYED_ALLOCATION,
        mount::EXT4_WITHOUT_JOURNAL,
        mount::EXT4_WITH_JOURNALED_DATA,
        mount::XFS,
        mount::BTRFS,
        mount::TMPFS,
    ] {
        play("store on a full disk", kind, |_| true);
    }
}

#[test]
fn no_store_raises_a_signal_on_a_shut_down_disk() {
    for kind in [
        mount::EXT4,
        mount::EXT4_SMALL_BLOCKS,
        mount::EXT4_WITHOUT_DELAYED_ALLOCATION,
        mount::EXT4_WITHOUT_JOURNAL,
        mount::EXT4_WITH_JOURNALED_DATA,
        mount::XFS,
        mount::BTRFS,
    ] {
        let can_be = |disk: &mount::Mounted| {
            let can_be = disk.cut_off();
            if can_be {
                disk.mount_again();
            }
            can_be
        };
        play("store on a shut-down disk", kind, can_be);
    }
}

#[test]
fn a_file_that_a_stranger_shortens_ends_the_process_only_where_it_is_mapped() {
    for (strategy, may_fault) in [
        (WriteStrategy::StandardIo, false),
        (WriteStrategy::Auto, true),
        (WriteStrategy::Mmap, true),
    ] {
        let Some(disk) = mounted(mount::EXT4) else {
            return;
        };
        let role = "store into a shortened file";
        let status = crate::child(role, &disk.path(), SyncMode::Async, strategy)
            .stdout(std::process::Stdio::null())
            .status()
            .expect("runs");
        println!("{strategy:?}: {status}");
        assert!(is_good(status, may_fault), "{strategy:?}: {status}");
    }
}
