//! What a reader sees of a writer in another process that cuts the stream with every second call: one
//! of the histories there were, never a mix of two, and no damage.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::follow::Writer;
use crate::support::entry;
use crate::support::options;
use crate::support::temp_dir;

/// Calls of the writer: every second one cuts. `IRONWAL_CUT_CALLS` sets how many.
fn calls() -> u32 {
    let set = std::env::var("IRONWAL_CUT_CALLS");
    set.map_or(1500, |calls| calls.parse().expect("a number"))
}

fn small(place: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = options(place, sync_mode);
    options.max_entries_per_segment = 4;
    options
}

/// What a call does, as the number of the call has it: the first id that it gives, and how many.
fn call(number: u32, next_id: u64) -> (u64, u64) {
    let mixed = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let count = 1 + mixed % 3;
    match number {
        _ if number % 2 == 0 => (next_id, count + 2),
        // All of it, now and then: a reset.
        _ if number % 101 == 0 => (0, count),
        _ => (next_id.saturating_sub(mixed / 7 % 11), mixed / 3 % 3),
    }
}

/// By id, the call that gave it, after each call.
fn histories() -> Vec<Vec<u32>> {
    let mut now: Vec<u32> = Vec::new();
    let mut all = Vec::new();
    for number in 0..calls() {
        let (from, count) = call(number, now.len() as u64);
        now.truncate(from as usize);
        now.extend((0..count).map(|_| number));
        all.push(now.clone());
    }
    all
}

fn named(number: u32, id: u64) -> Vec<u8> {
    let mut bytes = format!("{number} {id} ").into_bytes();
    bytes.resize(20 + (id as usize * 7) % 50, b'.');
    bytes
}

/// The call that gave this entry its id.
fn author(id: u64, bytes: &[u8]) -> u32 {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    let number = words.next().and_then(|number| number.parse().ok());
    let number = number.unwrap_or_else(|| panic!("entry {id} is {text:?}"));
    assert_eq!(bytes, named(number, id), "entry {id}");
    number
}

fn cut_for_ever(place: &Path, sync_mode: SyncMode) {
    let wal = Wal::new(small(place, sync_mode)).expect("opens");
    let mut next_id = 0;
    for number in 0..calls() {
        let (from, count) = call(number, next_id);
        let entries: Vec<Vec<u8>> = (from..from + count).map(|id| named(number, id)).collect();
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let append = Append::new(&slices);
        let ids = match number {
            _ if number % 2 == 0 => wal.append_batch("s", &slices).expect("appends"),
            _ if number % 101 == 0 => wal.reset("s", from, &append).expect("resets").ids,
            _ => wal.replace_suffix("s", from, &append).expect("cuts").ids,
        };
        next_id = ids.end;
        assert_eq!(ids, from..next_id);
        if number == 0 {
            println!("said begun");
        }
    }
    wal.close().expect("closes");
}

pub fn cut_strictly(place: &Path) {
    cut_for_ever(place, SyncMode::Strict);
}

pub fn cut_loosely(place: &Path) {
    cut_for_ever(place, SyncMode::Async);
}

/// The entries shown are the beginning of the history after the last call that gave one of them.
fn check(histories: &[Vec<u32>], shown: &[u32]) {
    let Some(last) = shown.iter().max() else {
        return;
    };
    let history = &histories[*last as usize];
    assert!(
        history.starts_with(shown),
        "a mix: {shown:?} of {history:?}"
    );
}

/// Asks an iterator for what it has; false: it has ended because what it showed was cut.
fn follow(iterator: &mut WalIdIterator, shown: &mut Vec<u32>) -> bool {
    for found in iterator {
        match found {
            Ok((id, bytes)) => {
                assert_eq!(id, shown.len() as u64, "a jump");
                shown.push(author(id, &bytes));
            }
            Err(Error::SuffixCut { from_id }) => {
                assert!(from_id < shown.len() as u64, "it has not shown {from_id}");
                return false;
            }
            Err(error) => panic!("behind {shown:?}: {error}"),
        }
    }
    true
}

fn never_a_mix(role: &str, sync_mode: SyncMode, strategy: ReadStrategy) {
    let histories = histories();
    let place = temp_dir();
    let mut writer = Writer::start(role, place.path());
    assert_eq!(writer.said().as_deref(), Some("begun"));
    let mut how = small(place.path(), sync_mode);
    how.read_strategy = strategy;
    let reader = Wal::open_read_only(how).expect("opens");
    let stream = reader.stream("s").expect("a handle");
    let (mut followed, mut shown) = (reader.iter_with_ids("s", 0).expect("iterates"), Vec::new());
    let (mut scans, mut ended, mut found) = (0, 0, 0);
    let deadline = Instant::now() + Duration::from_secs(120) + Duration::from_millis(20) * calls();
    let mut has_ended = false;
    while !has_ended {
        has_ended = writer.has_ended();
        assert!(Instant::now() < deadline, "the writer is not done");
        let mut scanned = Vec::new();
        let mut iterator = reader.iter_with_ids("s", 0).expect("iterates");
        follow(&mut iterator, &mut scanned);
        check(&histories, &scanned);
        scans += 1;
        if !follow(&mut followed, &mut shown) {
            ended += 1;
            followed = reader.iter_with_ids("s", 0).expect("iterates");
            shown.clear();
        }
        check(&histories, &shown);
        for id in [0, scanned.len() as u64 / 2, scanned.len() as u64] {
            if let Some(bytes) = stream.get(id).expect("reads") {
                let number = author(id, &bytes);
                assert_eq!(histories[number as usize].get(id as usize), Some(&number));
                found += 1;
            }
        }
    }
    writer.end();
    let mut scanned = Vec::new();
    reader
        .stream("s")
        .and_then(|s| s.next_id())
        .expect("is known");
    follow(
        &mut reader.iter_with_ids("s", 0).expect("iterates"),
        &mut scanned,
    );
    assert_eq!(Some(&scanned), histories.last(), "what is there at the end");
    println!("{role}: {scans} scans, {ended} iterators cut, {found} entries");
    assert!(
        ended > 0 && found > 0,
        "{scans} scans, {ended} cut, {found} found"
    );
}

#[test]
fn a_writer_that_cuts_with_every_second_call_is_never_seen_mixed_or_damaged() {
    never_a_mix("cut loosely", SyncMode::Async, ReadStrategy::StandardIo);
    never_a_mix("cut loosely", SyncMode::Async, ReadStrategy::Mmap);
}

#[test]
fn a_strict_writer_that_cuts_with_every_second_call_is_never_seen_mixed_or_damaged() {
    never_a_mix("cut strictly", SyncMode::Strict, ReadStrategy::StandardIo);
    never_a_mix("cut strictly", SyncMode::Strict, ReadStrategy::Mmap);
}

#[test]
fn a_cut_above_all_that_was_known_durable_hides_nothing_for_ever() {
    // The durable end of the reader fell to 0, and stayed there: it showed nothing under Strict.
    let place = temp_dir();
    let mut how = small(place.path(), SyncMode::Async);
    how.max_entries_per_segment = 2;
    how.background_sync = None;
    let wal = Wal::new(how.clone()).expect("opens");
    let writer = wal.stream("s").expect("a handle");
    writer.append(b"0").expect("appends");
    writer.sync().expect("syncs");
    let reader = Wal::open_read_only(how).expect("opens");
    let stream = reader.stream("s").expect("a handle");
    let ends = || {
        reader.refresh().expect("looks");
        let written = stream.next_id().expect("answers");
        (stream.durable_end().expect("answers"), written)
    };
    assert_eq!(ends(), (1, 1));
    for entry in [b"1", b"x"] {
        writer.append(entry).expect("appends");
    }
    let entries: [&[u8]; 2] = [b"2", b"3"];
    let ids = writer
        .replace_suffix(2, &Append::new(&entries))
        .expect("cuts")
        .ids;
    assert_eq!(ids, 2..4);
    // Into a segment that no slot says anything of yet.
    writer.append(b"4").expect("appends");
    assert_eq!(ends(), (4, 5));
    assert_eq!(ends(), (4, 5));
    writer.sync().expect("syncs");
    assert_eq!(ends(), (5, 5));
}

/// The places of group commit went below 0, which is far above all others, and the durable end stayed where it was.
#[test]
fn a_strict_reader_that_learns_of_a_cut_late_follows_what_is_durable_behind_it() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    how.max_entries_per_segment = 3;
    let writer = Wal::new(how).expect("opens");
    writer.append("s", &entry(0)).expect("appends");
    writer.sync("s").expect("syncs");
    let reader = Wal::open_read_only(options(place.path(), SyncMode::Strict)).expect("opens");
    let seen = reader.stream("s").expect("a handle");
    assert_eq!(seen.durable_end().expect("known"), 1);
    for id in 1..50 {
        writer.append("s", &entry(id)).expect("appends");
    }
    writer.truncate_suffix("s", 40).expect("cuts");
    assert_eq!(seen.durable_end().expect("known"), 40);
    for id in 40..60 {
        writer.append("s", &entry(id)).expect("appends");
        let end = seen.durable_end().expect("known");
        assert!((40..=id + 1).contains(&end), "{end} behind {id}");
    }
    writer.sync("s").expect("syncs");
    assert_eq!(seen.durable_end().expect("known"), 60);
    let shown = seen.iter_with_ids(0).expect("iterates");
    let shown: Vec<u64> = shown.map(|found| found.expect("good").0).collect();
    assert!(shown.into_iter().eq(0..60));
}

#[test]
fn void_segments_that_are_not_removed_yet_do_not_mix_two_histories() {
    // What the reader kept in memory of a sealed segment was that of a file that a cut had replaced since. The
    // newest segment, which it read again, was void and not removed yet. The two did not fit each other, and the
    // next survey found the same: so the reader showed a mix of two histories, or reported a loss.
    for sync_mode in [SyncMode::Strict, SyncMode::Async] {
        let place = temp_dir();
        let wal = Wal::new(small(place.path(), sync_mode)).expect("opens");
        let append = |ids: std::ops::Range<u64>, number: u32| {
            let entries: Vec<Vec<u8>> = ids.map(|id| named(number, id)).collect();
            let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            wal.append_batch("s", &slices).expect("appends");
        };
        for first in [0, 4, 8] {
            append(first..first + 4, 0);
        }
        append(12..14, 0);
        wal.sync_all().expect("syncs");
        let reader = Wal::open_read_only(small(place.path(), sync_mode)).expect("opens");
        let mut shown = Vec::new();
        let mut iterator = reader.iter_with_ids("s", 0).expect("iterates");
        assert!(follow(&mut iterator, &mut shown));
        assert_eq!(shown, vec![0; 14]);

        append(14..16, 1);
        append(16..18, 2);
        wal.sync_all().expect("syncs");
        let stream_dir = place.path().join("log").join("s");
        let aside = tempfile::tempdir_in(place.path()).expect("a directory");
        let (late, gone) = (["12", "16"], "8");
        let file_name = |id: &str| format!("{id:0>20}.wal");
        for id in late {
            let link = aside.path().join(id);
            std::fs::hard_link(stream_dir.join(file_name(id)), link).expect("links");
        }
        let new = named(3, 4);
        wal.replace_suffix("s", 4, &Append::new(&[&new]))
            .expect("cuts");
        // As it was when the cut had removed the oldest void segment, and not the others.
        assert!(!stream_dir.join(file_name(gone)).exists());
        for id in late {
            let link = aside.path().join(id);
            std::fs::hard_link(link, stream_dir.join(file_name(id))).expect("links");
        }

        assert!(!follow(&mut iterator, &mut shown), "the cut is noticed");
        let mut scanned = Vec::new();
        assert!(follow(
            &mut reader.iter_with_ids("s", 0).expect("iterates"),
            &mut scanned
        ));
        assert_eq!(scanned, [0, 0, 0, 0, 3]);
        for id in late {
            std::fs::remove_file(stream_dir.join(file_name(id))).expect("removes");
        }
        wal.close().expect("closes");
    }
}
