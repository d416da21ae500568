//! What must hold on a real disk where appends are stored into a mapped segment: the same bytes as
//! without, also across the ends of what is mapped; few maps, none for idle streams; and nothing
//! acknowledged is in our memory only.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::files_in;
use crate::support::options;

/// What this program does as a child for the tests of this file.
pub const ROLES: &[support::Role] = &[("store and be killed", store_and_be_killed)];

fn mapped(place: &Path) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.write_strategy = WriteStrategy::Mmap;
    options
}

/// How many stretches of files in `place` this process has mapped for storing.
fn maps_of(place: &Path) -> usize {
    let place = place.to_str().expect("a readable path");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
    let shared = |line: &&str| line.contains(" rw-s ") && line.contains(place);
    maps.lines().filter(shared).count()
}

/// Waits for what a helper does unasked.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        std::thread::yield_now();
    }
}

/// Entries of many sizes; some larger than is stored, one larger than a map.
fn large_entry(id: u64) -> Vec<u8> {
    let len = match id % 97 {
        13 => 65_536 - 36,
        14 => 65_536 - 35,
        40 if id > 1000 => 200_000,
        60 if id == 1612 => 65 << 20,
        _ => id as usize * 7919 % 9000,
    };
    let mut bytes = entry(id);
    bytes.resize(len, id as u8);
    bytes
}

#[test]
fn the_files_are_the_same_bytes_however_appends_reach_them() {
    let session = |strategy: WriteStrategy, max_segment_size: u64| {
        let place = support::temp_dir();
        let mut options = mapped(place.path());
        options.write_strategy = strategy;
        options.max_segment_size = max_segment_size;
        let (mut id, mut most_maps) = (0, 0);
        for part in 0..3 {
            let wal = Wal::new(options.clone()).expect("opens");
            for _ in 0..700 {
                let bytes = large_entry(id);
                if id % 5 == 0 {
                    wal.append_batch("s", &[&bytes, b"", &bytes])
                        .expect("appends");
                } else {
                    wal.append("s", &bytes).expect("appends");
                }
                if id % 400 == 0 {
                    wal.sync("s").expect("syncs");
                    most_maps = most_maps.max(maps_of(place.path()));
                }
                id += 1;
            }
            wal.truncate("s", part * 300).expect("truncates");
            wal.close().expect("closes");
        }
        assert_eq!(maps_of(place.path()), 0, "nothing stays mapped");
        assert_eq!(most_maps > 0, strategy == WriteStrategy::Mmap);
        let mut files = files_in(&place.path().join("log"));
        // The log's name is random.
        files.remove(std::path::Path::new("IDENTITY"));
        files
    };
    for max_segment_size in [10_000, 1 << 20, 256 << 20] {
        let written = session(WriteStrategy::StandardIo, max_segment_size);
        let stored = session(WriteStrategy::Mmap, max_segment_size);
        let names = |files: &std::collections::BTreeMap<_, _>| -> Vec<std::path::PathBuf> {
            files.keys().cloned().collect()
        };
        assert_eq!(names(&written), names(&stored), "{max_segment_size}");
        for (path, bytes) in &written {
            assert!(
                stored[path] == *bytes,
                "{max_segment_size}: {}",
                path.display()
            );
        }
    }
}

#[test]
fn small_entries_go_on_across_the_end_of_a_map() {
    let entry_of = |id: u64| [id as u8; 1000];
    let place = support::temp_dir();
    let mut options = mapped(place.path());
    options.max_segment_size = 256 << 20;
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    // Where the maps begin that are there, by /proc/self/maps.
    let place = place.path().to_str().expect("a readable path");
    let begin = || -> Vec<u64> {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
        let ours = maps
            .lines()
            .filter(|line| line.contains(" rw-s ") && line.contains(place));
        let offset = |line: &str| line.split(' ').nth(2).map(|at| u64::from_str_radix(at, 16));
        ours.filter_map(offset)
            .map(|at| at.expect("a number"))
            .collect()
    };
    let mut begun = std::collections::BTreeSet::new();
    let count = 75_000;
    for id in 0..count {
        assert_eq!(stream.append(&entry_of(id)).expect("appends"), id);
        if id % 1000 == 0 {
            begun.extend(begin());
        }
    }
    assert!(
        begun.last() > Some(&(50 << 20)),
        "a map behind the first: {begun:?}"
    );
    stream.sync().expect("syncs");
    let mut buffer = [0; 1000];
    for id in 0..count {
        let len = stream.get_into(id, &mut buffer).expect("reads");
        assert_eq!((len, buffer), (Some(1000), entry_of(id)));
    }
}

#[test]
fn a_stream_that_rests_for_an_interval_loses_its_map_and_gets_it_back() {
    let place = support::temp_dir();
    let mut options = mapped(place.path());
    options.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(2),
        bytes: u64::MAX,
    });
    let wal = Wal::new(options).expect("opens");
    let mut ids = 0;
    for round in 0..3 {
        for _ in 0..200 {
            assert_eq!(wal.append("s", &entry(ids)).expect("appends"), ids);
            ids += 1;
        }
        wait_until("the map goes", || maps_of(place.path()) == 0);
        if round > 0 {
            // Each append asks for it; a rest in between may take it away again.
            wait_until("the map is there again", || {
                wal.append("s", &entry(ids)).expect("appends");
                ids += 1;
                maps_of(place.path()) > 0
            });
        }
    }
    for (id, bytes) in all_entries(&wal, "s") {
        assert_eq!(bytes, entry(id));
    }
}

#[test]
fn a_stream_with_one_entry_rests_in_every_mode() {
    // Where nothing was to be synced, no check ran; and none did after a late mapping.
    for sync_mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        let place = support::temp_dir();
        let mut options = mapped(place.path());
        options.sync_mode = sync_mode;
        options.background_sync = Some(BackgroundSync {
            interval: Duration::from_millis(50),
            bytes: u64::MAX,
        });
        let wal = Wal::new(options).expect("opens");
        wal.append("s", b"x").expect("appends");
        wait_until("the map goes", || maps_of(place.path()) == 0);
    }
}

#[test]
fn no_more_segments_are_mapped_than_files_may_be_open_for_writing() {
    let place = support::temp_dir();
    let mut options = mapped(place.path());
    options.max_open_segments = 3;
    options.max_segment_size = 20_000;
    let wal = Wal::new(options).expect("opens");
    let mut most = 0;
    for id in 0..600 {
        let key = format!("stream {}", id % 12);
        wal.append(&key, &entry(id)).expect("appends");
        most = most.max(maps_of(place.path()));
    }
    assert!((1..=3).contains(&most), "{most} maps at once");
    for stream in 0..12 {
        let found = all_entries(&wal, &format!("stream {stream}"));
        assert_eq!(found.len(), 50);
        for (place, bytes) in found {
            assert_eq!(bytes, entry(place * 12 + stream));
        }
    }
    wal.close().expect("closes");
    assert_eq!(maps_of(place.path()), 0);
}

#[test]
fn a_stream_that_was_deleted_or_closed_has_no_map() {
    let place = support::temp_dir();
    let wal = Wal::new(mapped(place.path())).expect("opens");
    for key in ["gone", "kept"] {
        wal.append(key, b"x").expect("appends");
    }
    assert_eq!(maps_of(place.path()), 2);
    let handle = wal.stream("gone").expect("a handle");
    wal.delete_stream("gone").expect("deletes");
    assert_eq!(maps_of(place.path()), 1);
    handle.append(b"x").expect_err("it is gone");
    drop(handle);
    let kept = wal.stream("kept").expect("a handle");
    drop(wal);
    kept.append(b"x").expect("the log is open");
    drop(kept);
    assert_eq!(maps_of(place.path()), 0);
}

const STORED_BEFORE_THE_END: u64 = 6000;

/// Shows, by its exit alone, that so many appends returned.
fn store_and_be_killed(place: &Path) {
    let wal = Wal::new(mapped(place)).expect("opens");
    for id in 0..STORED_BEFORE_THE_END {
        wal.append("s", &entry(id)).expect("appends");
    }
    assert!(maps_of(place) > 0);
    let itself = std::process::id().to_string();
    // No destructor runs.
    let _ = Command::new("kill").args(["-KILL", &itself]).status();
    unreachable!("killed");
}

#[test]
fn what_was_stored_is_in_the_kernel_when_the_append_returns() {
    let place = support::temp_dir();
    let status = support::child("store and be killed", place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the child runs");
    assert!(!status.success());
    let wal = Wal::new(mapped(place.path())).expect("opens");
    let found = all_entries(&wal, "s");
    assert_eq!(found.len() as u64, STORED_BEFORE_THE_END, "{status}");
    for (id, bytes) in found {
        assert_eq!(bytes, entry(id));
    }
}
