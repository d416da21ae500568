//! What does an iterator see when a truncation overtakes it? The rest of the segment that it is in,
//! one error for the ids that are gone, and then all that is kept and appended.
//!
//! The old bug: after the error it was at its end for ever, whatever was kept or appended.

use crate::support::options;
use crate::support::temp_dir;
use ironwal::*;

/// Ten entries a segment, `count` appended.
fn log_of(place: &std::path::Path, sync_mode: SyncMode, count: u64) -> Wal {
    let mut options = options(place, sync_mode);
    options.max_entries_per_segment = 10;
    let wal = Wal::new(options).expect("opens");
    append(&wal, 0..count);
    wal
}

fn append(wal: &Wal, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(wal.append("s", &id.to_le_bytes()).expect("appends"), id);
    }
}

/// The id of an entry, or the ids that an error says are gone.
type Seen = std::result::Result<u64, std::ops::Range<u64>>;

/// What the iterator yields until its end for now.
fn rest(entries: &mut WalIdIterator) -> Vec<Seen> {
    let mut seen = Vec::new();
    for item in &mut *entries {
        seen.push(match item {
            Ok((id, bytes)) => {
                assert_eq!(bytes, id.to_le_bytes());
                Ok(id)
            }
            Err(error) => {
                let ids = error.context().ids.clone().expect("the ids that are gone");
                assert!(matches!(error, Error::SegmentNotFound(id) if id == ids.start));
                Err(ids)
            }
        });
        assert!(seen.len() < 1000, "comes to no end");
    }
    seen
}

fn take(entries: &mut WalIdIterator, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(entries.next().expect("an entry").expect("a good one").0, id);
    }
}

fn ids(range: std::ops::Range<u64>) -> impl Iterator<Item = Seen> {
    range.map(Ok)
}

fn open_reader(place: &std::path::Path, sync_mode: SyncMode) -> Wal {
    Wal::open_read_only(options(place, sync_mode)).expect("opens")
}

#[test]
fn an_iterator_that_was_overtaken_goes_on_behind_one_error_with_what_is_kept_and_appended() {
    for mode in [SyncMode::Strict, SyncMode::Async] {
        for read_only in [false, true] {
            let place = temp_dir();
            let wal = log_of(place.path(), mode, 100);
            let reader = match read_only {
                true => open_reader(place.path(), mode),
                false => wal.clone(),
            };
            let mut entries = reader.iter_with_ids("s", 0).expect("iterates");
            take(&mut entries, 0..5);
            assert_eq!(wal.truncate("s", 70).expect("cuts"), 7);
            let expected: Vec<_> = ids(5..10)
                .chain([Err(10..70)])
                .chain(ids(70..100))
                .collect();
            assert_eq!(rest(&mut entries), expected, "{mode:?}, {read_only}");
            append(&wal, 100..125);
            assert_eq!(rest(&mut entries), ids(100..125).collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_iterator_that_is_overtaken_twice_names_each_gap_once() {
    for read_only in [false, true] {
        let place = temp_dir();
        let wal = log_of(place.path(), SyncMode::Strict, 100);
        let reader = match read_only {
            true => open_reader(place.path(), SyncMode::Strict),
            false => wal.clone(),
        };
        let mut entries = reader.iter_with_ids("s", 0).expect("iterates");
        take(&mut entries, 0..5);
        wal.truncate("s", 30).expect("cuts");
        take(&mut entries, 5..10);
        let error = entries.next().expect("a gap").expect_err("a gap");
        assert!(matches!(error, Error::SegmentNotFound(10)), "{error}");
        take(&mut entries, 30..33);
        wal.truncate("s", 80).expect("cuts");
        let expected: Vec<_> = ids(33..40)
            .chain([Err(40..80)])
            .chain(ids(80..100))
            .collect();
        assert_eq!(rest(&mut entries), expected, "{read_only}");
    }
}

#[test]
fn an_iterator_that_waited_at_the_end_is_overtaken_there_too() {
    // Nothing was open any more, and nothing is kept of what came between.
    for read_only in [false, true] {
        let place = temp_dir();
        let wal = log_of(place.path(), SyncMode::Strict, 20);
        let reader = match read_only {
            true => open_reader(place.path(), SyncMode::Strict),
            false => wal.clone(),
        };
        let mut entries = reader.iter_with_ids("s", 0).expect("iterates");
        assert_eq!(rest(&mut entries), ids(0..20).collect::<Vec<_>>());
        append(&wal, 20..60);
        wal.truncate("s", 60).expect("cuts");
        let first = wal
            .stream("s")
            .and_then(|s| s.first_id())
            .expect("is known");
        assert!(first >= 50);
        let expected: Vec<_> = [Err(20..first)].into_iter().chain(ids(first..60)).collect();
        assert_eq!(rest(&mut entries), expected, "{read_only}");
        append(&wal, 60..65);
        assert_eq!(rest(&mut entries), ids(60..65).collect::<Vec<_>>());
    }
}

#[test]
fn an_iterator_passes_a_segment_whose_file_was_removed_with_one_error() {
    // It ended there: entries behind the damage were not shown.
    for read_only in [false, true] {
        let place = temp_dir();
        let wal = log_of(place.path(), SyncMode::Strict, 50);
        let reader = match read_only {
            true => open_reader(place.path(), SyncMode::Strict),
            false => wal.clone(),
        };
        let mut entries = reader.iter_with_ids("s", 0).expect("iterates");
        take(&mut entries, 0..5);
        let file = place.path().join("log/s/00000000000000000020.wal");
        std::fs::remove_file(file).expect("removes");
        let expected: Vec<_> = ids(5..20).chain([Err(20..30)]).chain(ids(30..50)).collect();
        assert_eq!(rest(&mut entries), expected, "{read_only}");
    }
}

#[test]
#[cfg(feature = "sharded")]
fn the_iterator_of_a_shard_goes_on_behind_a_prune() {
    let place = temp_dir();
    let mut options = options(place.path(), SyncMode::Strict);
    options.max_entries_per_segment = 10;
    let wal = ShardedWal::new(options, 1).expect("opens");
    for id in 0..100_u64 {
        wal.append(b"k", &id.to_le_bytes()).expect("appends");
        if id == 69 {
            wal.create_checkpoint(b"c").expect("makes one");
        }
    }
    let mut entries = wal.iter_shard_with_ids(0, 0).expect("iterates");
    take(&mut entries, 0..5);
    wal.prune_before_checkpoint(b"c").expect("prunes");
    let expected: Vec<_> = ids(5..10)
        .chain([Err(10..70)])
        .chain(ids(70..100))
        .collect();
    assert_eq!(rest(&mut entries), expected);
    wal.append(b"k", &100_u64.to_le_bytes()).expect("appends");
    assert_eq!(rest(&mut entries), [Ok(100)]);
}
