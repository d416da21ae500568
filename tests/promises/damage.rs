//! D5, D14 and D16: whatever is on disk, no wrong byte is read, nothing panics, and one damaged
//! stream is one damaged stream.

use std::path::Path;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;

const STREAMS: [&str; 3] = ["a", "b", "c"];

fn options_of(place: &Path, policy: CorruptionPolicy) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.on_corruption = policy;
    options.max_segment_size = 2000;
    options
}

fn filled(place: &Path) {
    let wal = Wal::new(options_of(place, CorruptionPolicy::Error)).expect("opens");
    for id in 0..60 {
        for stream in STREAMS {
            wal.append(stream, &entry(id)).expect("appends");
        }
    }
    wal.close().expect("closes");
}

/// Writes over a byte of a stream's segment.
fn harm(place: &Path, stream: &str, segment: usize, offset: u64) {
    let segments = segments_in(&place.join("log").join(stream));
    let mut bytes = std::fs::read(&segments[segment]).expect("reads");
    bytes[offset as usize] ^= 0x55;
    std::fs::write(&segments[segment], bytes).expect("writes");
}

#[test]
fn one_damaged_stream_or_side_file_does_not_stop_the_others() {
    let place = support::temp_dir();
    filled(place.path());
    // The header of its first segment, garbage instead of its index, a stranger's file.
    harm(place.path(), "a", 0, 20);
    std::fs::write(place.path().join("log/b/segments.idx"), "garbage").expect("writes");
    std::fs::write(place.path().join("log/b/notes.txt"), "a stranger's").expect("writes");
    std::fs::write(place.path().join("log/stranger"), "a stranger's").expect("writes");
    let wal = Wal::new(options_of(place.path(), CorruptionPolicy::Truncate)).expect("opens");
    for stream in ["b", "c"] {
        assert_eq!(all_entries(&wal, stream).len(), 60, "{stream}");
        assert_eq!(wal.append(stream, &entry(60)).expect("appends"), 60);
    }
    assert_eq!(wal.streams().expect("lists"), STREAMS);
    wal.sync_all().expect("syncs the good ones");
    drop(wal);
    let stranger = std::fs::read(place.path().join("log/b/notes.txt")).expect("reads");
    assert_eq!(stranger, b"a stranger's");
}

#[test]
fn a_garbage_segment_breaks_its_stream_only_and_is_not_touched() {
    let place = support::temp_dir();
    filled(place.path());
    let garbage = place.path().join("log/a/00000000000000000000.wal");
    std::fs::write(&garbage, [7; 5000]).expect("writes");
    let before = support::files_in(&place.path().join("log/a"));
    let wal = Wal::new(options_of(place.path(), CorruptionPolicy::Truncate)).expect("opens");
    assert_eq!(all_entries(&wal, "b").len(), 60);
    let refused = wal.get("a", 0).expect_err("not ours");
    assert!(!refused.to_string().is_empty());
    drop(wal);
    assert_eq!(std::fs::read(&garbage).expect("reads"), [7; 5000]);
    assert_eq!(
        support::files_in(&place.path().join("log/a")).len(),
        before.len()
    );
}

#[test]
fn the_policy_error_looks_at_all_streams_and_reports_all_damage_at_once() {
    let place = support::temp_dir();
    filled(place.path());
    harm(place.path(), "a", 0, 20);
    let cut_short = segments_in(&place.path().join("log/c")).swap_remove(1);
    let bytes = std::fs::read(&cut_short).expect("reads");
    std::fs::write(&cut_short, &bytes[..bytes.len() / 2]).expect("writes");
    let before = support::files_in(place.path());
    let refused = Wal::new(options_of(place.path(), CorruptionPolicy::Error));
    let Err(Error::Corruption(reported)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        reported.contains("\"a\"") && reported.contains("\"c\""),
        "{reported}"
    );
    assert!(!reported.contains("\"b\""), "{reported}");
    assert!(
        support::files_in(place.path()) == before,
        "nothing is changed"
    );
    let wal = Wal::new(options_of(place.path(), CorruptionPolicy::Truncate)).expect("opens");
    assert_eq!(all_entries(&wal, "b").len(), 60, "the lock was given back");
}

/// What reading everything gives: every entry that is shown must be the right one. `lost` says
/// that ids may have been lost without a trace and given again.
fn read_all(wal: &Wal, lost: bool, case: &str) -> usize {
    let is_right = |id, bytes: &[u8]| bytes == entry(id) || (lost && bytes.starts_with(b"new"));
    let mut good = 0;
    for stream in STREAMS {
        let Ok(entries) = wal.iter_with_ids(stream, 0) else {
            continue;
        };
        let mut expected = 0;
        for (id, bytes) in entries.flatten() {
            assert!(id >= expected, "{case}: ids only grow");
            expected = id + 1;
            if id < 60 {
                assert!(is_right(id, &bytes), "{case}: {stream} {id}");
            }
            good += 1;
        }
        for id in 0..60 {
            if let Ok(Some(bytes)) = wal.get(stream, id) {
                assert!(is_right(id, &bytes), "{case}: {stream} {id}");
            }
        }
    }
    good
}

#[test]
fn whatever_is_on_disk_nothing_panics_and_no_wrong_byte_is_read() {
    let original = support::temp_dir();
    filled(original.path());
    let files = support::files_in(original.path());
    let names: Vec<_> = files
        .keys()
        .filter(|p| p.to_string_lossy().contains("/a/"))
        .collect();
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((state >> 33) as usize) % below.max(1)
    };
    for case in 0..150 {
        let place = support::temp_dir();
        for (path, bytes) in &files {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
            std::fs::write(path, bytes).expect("writes");
        }
        let mut reported = String::new();
        // Two losses at once can hide each other: a lost newest segment, and the footer before it
        // that proves it. One alone never does.
        let harms = 1 + usize::from(case >= 100) * (1 + random(3));
        for _ in 0..harms {
            let name = names[random(names.len())];
            let path = place.path().join(name);
            let mut bytes = std::fs::read(&path).unwrap_or_default();
            let at = random(bytes.len());
            let how = random(6);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.extend(std::iter::repeat_n(0, 5000)),
                2 => bytes.clear(),
                3 => {
                    let end = (at + random(600)).min(bytes.len());
                    bytes[at.min(end)..end].fill(0xff);
                }
                4 => {
                    let end = (at + random(600)).min(bytes.len());
                    bytes[at.min(end)..end].fill(0);
                }
                _ => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|b| *b ^= 1 << (case % 8)),
            }
            reported += &format!("{} {how} at {at}; ", name.display());
            std::fs::write(&path, bytes).expect("writes");
        }
        let case = format!("case {case}: {reported}");
        // Refused or not: it must not panic.
        drop(Wal::new(options_of(place.path(), CorruptionPolicy::Error)));
        let opened = Wal::new(options_of(place.path(), CorruptionPolicy::Truncate));
        let wal = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        let good = read_all(&wal, harms > 1, &case);
        assert!(good >= 120, "{case}: the other streams are whole");
        if wal.append("a", b"new").is_ok() {
            wal.append("a", b"newer").expect("goes on");
        }
        drop(wal);
        let opened = Wal::new(options_of(place.path(), CorruptionPolicy::Truncate));
        let wal = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        let again = read_all(&wal, harms > 1, &case);
        assert!(again >= good, "{case}: what was readable stays so");
    }
}
