//! Snapshots that a reader takes beside a writer in another process, which appends, rotates, truncates, cuts,
//! deletes, closes and recovers: each opens without recovery, each stream is a prefix of its entries, and
//! what is said of one moment holds.
//!
//! `IRONWAL_SNAPSHOTS=n` takes n of them (default 20).

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::follow::Writer;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::temp_dir;

fn small(place: &Path) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.max_entries_per_segment = 40;
    options
}

/// Each entry of `a` and `z` names the end of the other stream when it was appended. Each entry of `c` is
/// a number of the call that gave it.
fn append_in_turn(place: &Path, pause: Duration) {
    let mut wal = Wal::new(small(place)).expect("opens");
    // A reader that looks at one after the other takes some time from `z` to `a`.
    for number in 0..30 {
        let key = format!("m{number}");
        wal.append(&key, b"only one").expect("appends");
    }
    let mut z_end = 0_u64;
    let mut changes = 0;
    let mut changed_at = Instant::now();
    // Ended by the reader.
    for number in 0_u64.. {
        let a_end = wal.append("a", &z_end.to_le_bytes()).expect("appends") + 1;
        z_end = wal.append("z", &a_end.to_le_bytes()).expect("appends") + 1;
        wal.append("c", &entry(number % 100)).expect("appends");
        if number == 0 {
            println!("said begun");
        }
        match number % 200 {
            50 => drop(wal.truncate("a", a_end.saturating_sub(100))),
            100 => drop(wal.truncate("z", z_end.saturating_sub(200))),
            150 => wal.sync_all().expect("syncs"),
            _ => {}
        }
        if number % 25 == 0 {
            std::thread::sleep(pause);
        }
        // A snapshot begins again where these come within the time that copying takes.
        if changed_at.elapsed() < Duration::from_millis(150) {
            continue;
        }
        changed_at = Instant::now();
        changes += 1;
        let end = wal.stream("c").and_then(|s| s.next_id()).expect("known");
        match changes % 4 {
            0 => drop(wal.truncate_suffix("c", end - end.min(30))),
            1 => drop(wal.reset("c", end + 3, &Append::default())),
            2 => wal.delete_stream("c").expect("deletes"),
            _ => {
                wal.close().expect("closes");
                wal = Wal::new(small(place)).expect("opens");
            }
        }
    }
}

pub fn append_with_pauses(place: &Path) {
    append_in_turn(place, Duration::from_millis(5));
}

pub fn append_without_pause(place: &Path) {
    append_in_turn(place, Duration::ZERO);
}

/// Two streams that grow all the time, and stay short.
pub fn append_on_two_threads(place: &Path) {
    let wal = Wal::new(small(place)).expect("opens");
    wal.append("z", &[0; 8]).expect("appends");
    println!("said begun");
    let append_for_ever = |wal: Wal, key: &'static str| {
        move || loop {
            let id = wal.append(key, &[0; 8]).expect("appends");
            if id % 100 == 99 {
                wal.truncate(key, id - 99).expect("truncates");
                wal.sync(key).expect("syncs");
            }
        }
    };
    std::thread::spawn(append_for_ever(wal.clone(), "a"));
    append_for_ever(wal, "z")()
}

fn count() -> usize {
    let count = std::env::var("IRONWAL_SNAPSHOTS").ok();
    count.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// Opens a snapshot, which must need no recovery, and returns it with the ends of its streams.
fn open_whole(dir: &Path, report: &SnapshotReport) -> Wal {
    let mut how = WalOptions::new(dir);
    how.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::new(how).expect("opens under Error");
    assert!(wal.recovery().streams.is_empty(), "{:?}", wal.recovery());
    for (key, next_id) in &report.streams {
        let stream = wal.stream(key).expect("a handle");
        assert_eq!(stream.next_id().expect("known"), *next_id, "{key}");
        let entries = all_entries(&wal, key);
        let first = stream.first_id().expect("known");
        let ids: Vec<u64> = entries.iter().map(|(id, _)| *id).collect();
        assert!(ids.iter().copied().eq(first..*next_id), "{key}");
    }
    wal
}

/// The greatest end of the other stream that an entry of this one names, and the end of this one.
fn seen_by(wal: &Wal, key: &str) -> (u64, u64) {
    let entries = all_entries(wal, key);
    let named = entries.iter().map(|(_, bytes)| {
        let bytes = bytes[..].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    });
    let next_id = wal.stream(key).and_then(|s| s.next_id());
    (named.max().unwrap_or(0), next_id.unwrap_or(0))
}

fn take_snapshots(role: &str, moment_is_needed: bool) -> usize {
    let place = temp_dir();
    let mut writer = Writer::start(role, place.path());
    assert_eq!(writer.said().as_deref(), Some("begun"));
    let reader = Wal::open_read_only(small(place.path())).expect("opens");
    let mut of_one_moment = 0;
    for round in 0..count() {
        let dir = place.path().join(format!("snapshot-{round}"));
        let mode = [SnapshotMode::Link, SnapshotMode::Copy][round % 2];
        let report = match moment_is_needed {
            true => reader.snapshot_to(&dir, mode),
            false => reader.snapshot_streams_to(&dir, mode),
        };
        let report = report.unwrap_or_else(|error| panic!("{role}, {round}: {error}"));
        let copy = open_whole(&dir, &report);
        let ((z_named, a_end), (a_named, z_end)) = (seen_by(&copy, "a"), seen_by(&copy, "z"));
        // The ends are read in the reverse order of the keys: a cause in `a` is there in any case.
        assert!(
            a_named <= a_end,
            "{a_named} of a are known to z, {a_end} there"
        );
        if report.is_one_moment {
            of_one_moment += 1;
            assert!(
                z_named <= z_end,
                "{z_named} of z are known to a, {z_end} there"
            );
        }
        assert!(!moment_is_needed || report.is_one_moment);
        copy.close().expect("closes");
        std::fs::remove_dir_all(&dir).expect("removes");
        assert!(!writer.has_ended(), "the writer goes on");
    }
    writer.kill();
    // What the writer left opens as ever.
    let wal = Wal::new(WalOptions {
        on_corruption: CorruptionPolicy::Error,
        ..small(place.path())
    });
    wal.expect("opens").close().expect("closes");
    of_one_moment
}

#[test]
fn a_reader_s_snapshots_beside_a_writer_that_pauses_are_of_one_moment_each() {
    take_snapshots("in turn with pauses", true);
}

#[test]
fn a_reader_s_snapshots_beside_a_writer_that_never_pauses_are_whole_and_say_what_they_are() {
    let of_one_moment = take_snapshots("in turn without pause", false);
    println!("{of_one_moment} of {} are of one moment", count());
}

#[test]
fn a_reader_s_snapshot_beside_two_streams_that_grow_all_the_time_is_a_prefix_of_each() {
    let of_one_moment = take_snapshots("on two threads", false);
    println!("{of_one_moment} of {} are of one moment", count());
}

#[test]
fn a_reader_s_snapshot_is_refused_where_the_writer_s_would_be() {
    let place = temp_dir();
    let wal = Wal::new(small(place.path())).expect("opens");
    for id in 0..100 {
        wal.append("a", &entry(id)).expect("appends");
    }
    let reader = Wal::open_read_only(small(place.path())).expect("opens");
    let config = |dir: &Path| match reader.snapshot_to(dir, SnapshotMode::Link) {
        Err(Error::Config(what)) => what,
        other => panic!("{}: {other:?}", dir.display()),
    };
    config(&place.path().join("log/inside"));
    let taken = place.path().join("taken");
    std::fs::create_dir(&taken).expect("a directory");
    config(&taken);
    let foreign = place.path().join("foreign#new");
    std::fs::create_dir(&foreign).expect("a directory");
    std::fs::write(foreign.join("letter.txt"), "dear").expect("writes");
    config(&place.path().join("foreign"));
    assert!(foreign.join("letter.txt").exists());
    // Damage: a snapshot is whole or is not.
    wal.close().expect("closes");
    let dir = place.path().join("snapshot");
    let mut segments = crate::support::segments_in(&place.path().join("log/a"));
    let middle = segments.remove(1);
    std::fs::remove_file(middle).expect("removes");
    let damaged = Wal::open_read_only(small(place.path())).expect("opens");
    for reader in [&damaged, &reader] {
        reader.refresh().expect("reads");
        let refused = reader.snapshot_to(&dir, SnapshotMode::Copy);
        assert!(matches!(refused, Err(Error::Corruption(_))), "{refused:?}");
        assert!(!dir.exists() && !place.path().join("snapshot#new").exists());
    }
    let closed = reader.clone();
    reader.close().expect("closes");
    let closed = closed.snapshot_to(&dir, SnapshotMode::Copy);
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
}

/// A stream that was deleted and begun again while the reader looked at one stream after the other was left out.
#[test]
fn a_stream_that_is_deleted_and_begun_again_between_two_looks_is_in_a_reader_s_snapshot() {
    let place = temp_dir();
    let wal = Wal::new(small(place.path())).expect("opens");
    for number in 0..40 {
        let key = format!("m{number}");
        wal.append(&key, b"only one").expect("appends");
    }
    wal.append("s", b"s").expect("appends");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut begun = 0;
            while !ended.load(Ordering::Acquire) {
                // With an odd end of `a`, the stream `s` may not be there.
                wal.append("a", b"deleted from now on").expect("appends");
                wal.delete_stream("s").expect("deletes");
                wal.append("s", b"s").expect("appends");
                wal.append("a", b"there again").expect("appends");
                begun += 1;
                std::thread::sleep(Duration::from_millis(4));
            }
            begun
        });
        let mut ends = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            let dir = place.path().join("snapshot");
            let reader = Wal::open_read_only(small(place.path())).expect("opens");
            let Ok(report) = reader.snapshot_to(&dir, SnapshotMode::Copy) else {
                continue;
            };
            let end_of = |key: &str| {
                let found = report.streams.iter().find(|(other, _)| other == key);
                found.map(|(_, end)| *end)
            };
            ends.push((end_of("a").unwrap_or(0), end_of("s")));
            std::fs::remove_dir_all(&dir).expect("removes");
        }
        ended.store(true, Ordering::Release);
        let begun = writer.join().expect("no panic");
        println!("{} snapshots, begun again {begun} times", ends.len());
        assert!(!ends.is_empty());
        for (number, (a, s)) in ends.into_iter().enumerate() {
            assert!(a % 2 == 1 || s == Some(1), "snapshot {number}: {a} {s:?}");
        }
    });
}
