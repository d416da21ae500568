//! D8 on real disks: eight MiB that are filled and freed again, time after time.

use std::path::Path;

use ironwal::*;

use crate::STRATEGIES;
use crate::mount;
use crate::mount::Kind;
use crate::mount::mounted;
use crate::settings;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

pub fn fill_and_free(place: &Path) {
    let (mode, strategy) = settings();
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    options.max_segment_size = 200_000;
    options.on_corruption = CorruptionPolicy::Error;
    let opened = || Wal::new(options.clone()).expect("opens");
    let mut wal = opened();
    let (mut next, mut refused) = (0, 0);
    for round in 0..4 {
        // By others first, so that it is full at another place each time.
        mount::fill(&place.join("filler"));
        std::fs::File::options()
            .write(true)
            .open(place.join("filler"))
            .and_then(|file| file.set_len(round * 300_000))
            .expect("makes a little room");
        let error = loop {
            let bytes = entry(next).repeat(100);
            match wal.append("s", &bytes) {
                Ok(id) => assert_eq!(id, next),
                Err(error) => break error,
            }
            next += 1;
        };
        assert_eq!(error.os_error(), Some(libc::ENOSPC), "{error}");
        refused += 1;
        for _ in 0..50 {
            refused += u64::from(wal.append("s", &[1; 100_000]).is_err());
        }
        let stream = wal.stream("s").expect("a handle");
        next = stream.next_id().expect("is known");
        let synced = stream.sync();
        if let Err(error) = &synced {
            // The file system itself found no room for what it had promised: reported, and latched.
            println!("synced on a full disk: {error}");
        }
        drop(stream);
        let kept = all_entries(&wal, "s").len();
        match round % 2 {
            0 => drop(wal.truncate("s", next - 20)),
            _ => std::fs::remove_file(place.join("filler")).expect("removes"),
        }
        let closed = wal.close();
        if synced.is_ok() {
            closed.expect("closing needs no room");
        }
        wal = opened();
        let stream = wal.stream("s").expect("a handle");
        let after = stream.next_id().expect("is known");
        assert!(after == next || synced.is_err(), "{after} of {next}");
        next = after;
        println!("round {round}: {kept} entries, {refused} refused");
        assert!(refused > 0);
        let _ = std::fs::remove_file(place.join("filler"));
        assert_eq!(wal.append("s", b"there is room").expect("appends"), next);
        next += 1;
        wal.truncate("s", next).expect("truncates");
    }
}

/// Fills the disk and appends, time after time, until each way of refusing has been met; only a sync
/// may latch.
pub fn append_on_a_full_disk(place: &Path) {
    let (mode, strategy) = settings();
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    options.max_segment_size = 200_000;
    options.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::new(options.clone()).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let (mut next, mut refused, mut latched) = (0, 0, false);
    for round in 0..2 {
        for _ in 0..300 + 37 * round {
            assert_eq!(stream.append(&entry(next)).expect("there is room"), next);
            next += 1;
        }
        stream.sync().expect("there is room");
        mount::fill(&place.join("filler"));
        for len in [10, 5000, 100_000].into_iter().cycle().take(100) {
            let bytes = entry(next).repeat(len / 100 + 1);
            let appended = match next % 7 {
                0 => stream
                    .append(&bytes)
                    .and_then(|id| stream.sync().map(|()| id)),
                _ => stream.append(&bytes),
            };
            match appended {
                Ok(id) => {
                    assert_eq!(id, next, "no id is consumed by a failure");
                    next += 1;
                }
                Err(Error::Poisoned { cause, .. }) => {
                    println!("latched: {cause}");
                    latched = true;
                    break;
                }
                Err(error) => {
                    assert_eq!(error.os_error(), Some(libc::ENOSPC), "{error}");
                    refused += 1;
                    // A sync that failed on the way has consumed it.
                    next = stream.next_id().expect("is known");
                }
            }
        }
        std::fs::remove_file(place.join("filler")).expect("removes");
        mount::write_out(place);
        if latched {
            break;
        }
    }
    println!("{next} appended, {refused} refused, latched: {latched}");
    if !latched {
        let found = all_entries(&wal, "s");
        assert_eq!(found.len() as u64, next);
        drop(stream);
        wal.close().expect("closes");
        let wal = Wal::new(options).expect("opens");
        assert_eq!(all_entries(&wal, "s"), found);
    }
}

#[test]
fn a_full_disk_of_any_kind_refuses_and_poisons_nothing() {
    // A full btrfs has no room to write zeros over what it took, nor a slot or a footer.
    let small_btrfs = Kind {
        size_bytes: 32 << 20,
        make: &["-f", "-q", "-M"],
        ..mount::BTRFS
    };
    let small_ext4 = Kind {
        size_bytes: 16 << 20,
        ..mount::EXT4
    };
    for kind in [small_btrfs, small_ext4] {
        for mode in [SyncMode::Strict, SyncMode::Async] {
            let Some(disk) = mounted(kind) else {
                break;
            };
            // btrfs answers a store without room by a signal: see `stores_are_safe`.
            let strategy = WriteStrategy::Auto;
            let role = "append on a full disk";
            let output = crate::child(role, &disk.path(), mode, strategy).output();
            let output = output.expect("runs");
            let printed = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            let case = format!("{}, {mode:?}", kind.name);
            let last = printed.lines().find(|line| line.contains("refused"));
            println!("{case}: {last:?}");
            assert!(
                output.status.success(),
                "{case}: {}\n{printed}{complaint}",
                output.status
            );
            assert!(!printed.contains("latched: true"), "{case}: {printed}");
        }
    }
}

const SIZE: u64 = 8 << 20;

#[test]
fn a_disk_of_eight_mebibytes_is_filled_and_freed_again_and_again() {
    for kind in [mount::EXT4, mount::EXT4_SMALL_BLOCKS, mount::TMPFS] {
        let kind = Kind {
            size_bytes: SIZE,
            ..kind
        };
        for mode in [SyncMode::Strict, SyncMode::Async] {
            for strategy in STRATEGIES {
                let Some(disk) = mounted(kind) else {
                    return;
                };
                let output = crate::child("fill and free", &disk.path(), mode, strategy).output();
                let output = output.expect("runs");
                let case = format!("{}, {mode:?}, {strategy:?}", kind.name);
                let printed = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success(),
                    "{case}: {}\n{printed}{}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                );
                assert!(
                    !printed.contains("synced on a full disk"),
                    "{case}: {printed}"
                );
            }
        }
    }
}
