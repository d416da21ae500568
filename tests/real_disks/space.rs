//! D8 on real disks: eight MiB that are filled and freed again, time after time.

use std::path::Path;

use ironwal::*;

use crate::STRATEGIES;
use crate::mount;
use crate::mount::Kind;
use crate::mount::mounted;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::told;

pub fn fill_and_free(place: &Path) {
    let (mode, strategy) = told();
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
        next = stream.next_id().expect("told");
        let synced = stream.sync();
        if let Err(error) = &synced {
            // The file system itself found no room for what it had promised: told, and latched.
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
        let after = stream.next_id().expect("told");
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
                let told = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success(),
                    "{case}: {}\n{told}{}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                );
                assert!(!told.contains("synced on a full disk"), "{case}: {told}");
            }
        }
    }
}
