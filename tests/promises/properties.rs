//! Properties of a stream: atomic with the entries of their frame, whole, never older than
//! acknowledged, and never served in an older state than damage has taken.

use std::path::Path;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(expected: &[(&str, &str)]) -> Pairs {
    let pairs = expected.iter();
    pairs
        .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

fn vote(wal: &Wal, value: &str, durability: Durability) -> Mark {
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(value.as_bytes()))];
    wal.set_properties("s", &changes, durability).expect("sets")
}

fn voted(wal: &Wal) -> Option<String> {
    let value = wal.property("s", b"vote").expect("reads");
    value.map(|value| String::from_utf8(value).expect("text"))
}

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

#[test]
fn properties_are_set_removed_replaced_and_kept_over_a_close() {
    for mode in MODES {
        let place = support::temp_dir();
        let options = options(place.path(), mode);
        let wal = Wal::new(options.clone()).expect("opens");
        assert_eq!(wal.property("s", b"vote").expect("reads"), None);
        assert_eq!(wal.properties("s").expect("reads"), pairs(&[]));
        vote(&wal, "t1", Durability::ByMode);
        assert_eq!(wal.append("s", b"x").expect("appends"), 0, "no id is taken");
        let changes: [(&[u8], Option<&[u8]>); 3] =
            [(b"b", Some(b"2")), (b"a", Some(b"")), (b"b", Some(b"3"))];
        wal.set_properties("s", &changes, Durability::Written)
            .expect("sets");
        let all = pairs(&[("a", ""), ("b", "3"), ("vote", "t1")]);
        assert_eq!(wal.properties("s").expect("reads"), all);
        wal.close().expect("closes");
        let wal = Wal::new(options.clone()).expect("opens");
        assert_eq!(wal.properties("s").expect("reads"), all);
        let removed: [(&[u8], Option<&[u8]>); 2] = [(b"a", None), (b"absent", None)];
        let stream = wal.stream("s").expect("a handle");
        stream
            .set_properties(&removed, Durability::Durable)
            .expect("removes");
        assert_eq!(stream.property(b"a").expect("reads"), None);
        stream
            .replace_properties(&[(b"only", b"1")], Durability::Durable)
            .expect("replaces");
        assert_eq!(stream.properties().expect("reads"), pairs(&[("only", "1")]));
        stream
            .replace_properties(&[], Durability::Durable)
            .expect("replaces");
        drop(stream);
        wal.close().expect("closes");
        let wal = Wal::new(options).expect("opens");
        assert_eq!(wal.properties("s").expect("reads"), pairs(&[]));
        assert_eq!(all_entries(&wal, "s"), [(0, b"x".to_vec())]);
    }
}

#[test]
fn a_map_of_every_length_comes_back() {
    // Short enough for a slot, and too long for it.
    for len in [0, 1, 443, 444, 1000, 4000] {
        let place = support::temp_dir();
        let options = options(place.path(), SyncMode::Async);
        let value = vec![7; len];
        for killed in [false, true] {
            let wal = Wal::new(options.clone()).expect("opens");
            wal.replace_properties("s", &[(b"k", &value)], Durability::Durable)
                .expect("sets");
            if !killed {
                wal.close().expect("closes");
                let wal = Wal::new(options.clone()).expect("opens");
                assert_eq!(wal.property("s", b"k").expect("reads"), Some(value.clone()));
            } else {
                assert_eq!(wal.property("s", b"k").expect("reads"), Some(value.clone()));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    vote(&wal, "t1", Durability::Durable);
    let set = |key: &[u8], value: &[u8]| {
        let changes = [(key, Some(value))];
        wal.set_properties("s", &changes, Durability::ByMode)
    };
    assert!(matches!(set(b"", b"x"), Err(Error::Config(_))));
    assert!(matches!(set(&[1; 256], b"x"), Err(Error::Config(_))));
    let too_large = |error| match error {
        Err(Error::TooLarge {
            size_bytes,
            limit_bytes,
        }) => (size_bytes, limit_bytes),
        other => panic!("{other:?}"),
    };
    assert_eq!(too_large(set(b"k", &[1; 4001])), (4001, 4000));
    let set_twice = |value: &[u8]| {
        let changes: [(&[u8], Option<&[u8]>); 2] = [(b"k", Some(value)), (b"l", Some(&[1; 100]))];
        wal.set_properties("s", &changes, Durability::ByMode)
    };
    // 10 bytes of the vote, 5 more than its value for each of the others.
    assert_eq!(too_large(set_twice(&[1; 4000])), (4120, 4096));
    assert_eq!(
        wal.properties("s").expect("reads"),
        pairs(&[("vote", "t1")])
    );
}

#[test]
fn the_map_ends_at_4096_bytes_exactly() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    let fits = [1; 4000];
    wal.replace_properties("s", &[(b"k", &fits)], Durability::ByMode)
        .expect("4,005 bytes");
    let rest = vec![2; 4096 - 4005 - 5];
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"l", Some(&rest))];
    wal.set_properties("s", &changes, Durability::ByMode)
        .expect("4,096 bytes");
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"m", Some(b""))];
    let refused = wal.set_properties("s", &changes, Durability::ByMode);
    assert!(matches!(
        refused,
        Err(Error::TooLarge {
            size_bytes: 4101,
            limit_bytes: 4096
        })
    ));
    assert_eq!(wal.properties("s").expect("reads").len(), 2);
}

#[test]
fn nothing_is_written_without_changes_and_no_stream_begins() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Strict)).expect("opens");
    wal.set_properties("s", &[], Durability::Durable)
        .expect("does nothing");
    assert_eq!(wal.streams().expect("lists"), Vec::<String>::new());
    vote(&wal, "t1", Durability::ByMode);
    assert_eq!(wal.streams().expect("lists"), ["s"]);
    wal.delete_stream("s").expect("deletes");
    assert_eq!(voted(&wal), None);
    wal.append("s", b"anew").expect("appends");
    assert_eq!(wal.properties("s").expect("reads"), pairs(&[]));
}

#[test]
fn entries_and_properties_of_one_append_are_one_frame() {
    let place = support::temp_dir();
    let options = options(place.path(), SyncMode::Async);
    let wal = Wal::new(options.clone()).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"commit", Some(b"2"))];
    for entries in [&[&b"a"[..]][..], &[b"b", b"", b"c"]] {
        let append = Append::new(entries).with_properties(&changes).durable();
        let done = stream.append_with(&append).expect("appends");
        assert_eq!(done.ids.end - done.ids.start, entries.len() as u64);
        assert!(stream.is_durable(done.mark).expect("is known"));
    }
    let refused = Append::new(&[b"x"]).with_properties(&changes).expecting(9);
    let refused = stream.append_with(&refused);
    assert!(matches!(
        refused,
        Err(Error::SequenceMismatch {
            expected: 9,
            found: 4
        })
    ));
    let bytes: Vec<_> = all_entries(&wal, "s").into_iter().map(|(_, b)| b).collect();
    assert_eq!(bytes, [&b"a"[..], b"b", b"", b"c"]);
    let ids: Vec<u64> = (0..4).rev().collect();
    let read = wal.get_batch("s", &ids).expect("reads");
    assert_eq!(read[0].as_deref(), Some(&b"c"[..]));
    drop(stream);
    wal.close().expect("closes");
    let wal = Wal::new(options).expect("opens");
    assert_eq!(
        wal.property("s", b"commit").expect("reads"),
        Some(b"2".to_vec())
    );
    assert_eq!(all_entries(&wal, "s").len(), 4);
}

#[test]
fn every_segment_begins_with_the_properties_whatever_is_truncated() {
    for mode in MODES {
        let place = support::temp_dir();
        let mut options = options(place.path(), mode);
        options.max_entries_per_segment = 5;
        let wal = Wal::new(options.clone()).expect("opens");
        vote(&wal, "t1", Durability::ByMode);
        for id in 0..23 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.truncate("s", 17).expect("truncates");
        assert_eq!(voted(&wal).as_deref(), Some("t1"));
        wal.close().expect("closes");
        let wal = Wal::new(options.clone()).expect("opens");
        assert_eq!(voted(&wal).as_deref(), Some("t1"));
        // The newest segment alone, under its own name.
        let segments = segments_in(&place.path().join("log/s"));
        assert_eq!(segments.len(), 2);
        let entries = all_entries(&wal, "s");
        let expected: Vec<_> = (15..23).map(|id| (id, entry(id))).collect();
        assert_eq!(entries, expected);
        wal.truncate("s", u64::MAX).expect("truncates");
        assert_eq!(voted(&wal).as_deref(), Some("t1"));
        assert_eq!(wal.append("s", &entry(23)).expect("appends"), 23);
        let report = wal.verify().expect("verifies");
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[test]
fn a_stream_that_is_emptied_keeps_its_properties_and_its_next_id() {
    for value in ["t1".to_owned(), "long".repeat(500)] {
        let place = support::temp_dir();
        let mut options = options(place.path(), SyncMode::Async);
        options.archive_path = None;
        let wal = Wal::new(options.clone()).expect("opens");
        vote(&wal, &value, Durability::Written);
        for id in 0..40 {
            wal.append("s", &[id; 1000]).expect("appends");
        }
        assert_eq!(wal.truncate("s", 40).expect("truncates"), 1);
        assert_eq!(voted(&wal).as_ref(), Some(&value));
        wal.close().expect("closes");
        let wal = Wal::new(options.clone()).expect("opens");
        assert_eq!(voted(&wal).as_ref(), Some(&value));
        assert_eq!(wal.append("s", b"x").expect("appends"), 40);
    }
}

#[test]
fn a_segment_without_entries_never_rotates_and_truncation_leaves_it() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_segment_size = 500;
    let wal = Wal::new(options.clone()).expect("opens");
    let value = "v".repeat(1000);
    for _ in 0..40 {
        vote(&wal, &value, Durability::ByMode);
    }
    assert_eq!(segments_in(&place.path().join("log/s")).len(), 1);
    assert_eq!(wal.truncate("s", u64::MAX).expect("truncates"), 0);
    assert_eq!(wal.append("s", b"x").expect("appends"), 0);
    assert_eq!(wal.append("s", b"y").expect("appends"), 1);
    wal.close().expect("closes");
    assert_eq!(segments_in(&place.path().join("log/s")).len(), 2);
    let wal = Wal::new(options).expect("opens");
    assert_eq!(voted(&wal), Some(value));
    assert_eq!(all_entries(&wal, "s").len(), 2);
}

#[test]
fn of_threads_that_change_different_properties_no_change_is_lost() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let wal = &wal;
            scope.spawn(move || {
                for n in 0..50u8 {
                    let value = [n];
                    let key = [b'k', thread];
                    let changes: [(&[u8], Option<&[u8]>); 1] = [(&key, Some(&value))];
                    wal.set_properties("s", &changes, Durability::Written)
                        .expect("sets");
                    wal.append("s", &[thread, n]).expect("appends");
                }
            });
        }
    });
    let expected: Pairs = (0..4)
        .map(|thread| (vec![b'k', thread], vec![49]))
        .collect();
    assert_eq!(wal.properties("s").expect("reads"), expected);
    assert_eq!(all_entries(&wal, "s").len(), 200);
}

#[test]
fn marks_show_when_properties_alone_are_durable() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.background_sync = None;
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let first = vote(&wal, "t1", Durability::Written);
    let second = vote(&wal, "t2", Durability::Written);
    assert!(first < second);
    assert!(!stream.is_durable(first).expect("is known"));
    let third = vote(&wal, "t3", Durability::Durable);
    for mark in [first, second, third] {
        assert!(stream.is_durable(mark).expect("is known"));
    }
    let written = vote(&wal, "t4", Durability::Written);
    assert!(!stream.is_durable(written).expect("is known"));
    stream.sync().expect("syncs");
    assert!(stream.is_durable(written).expect("is known"));
}

#[test]
fn a_reader_in_another_process_sees_changes_of_properties() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 3;
    let wal = Wal::new(options.clone()).expect("opens");
    vote(&wal, "t0", Durability::Written);
    let reader = Wal::open_read_only(options).expect("opens");
    for n in 1..12 {
        let value = format!("t{n}").repeat(1 + n * 20);
        assert!(voted(&reader).is_some());
        vote(&wal, &value, Durability::Written);
        assert_eq!(voted(&reader), Some(value.clone()));
        wal.append("s", b"x").expect("appends");
        assert_eq!(voted(&reader), Some(value.clone()));
        wal.sync("s").expect("syncs");
        assert_eq!(voted(&reader), Some(value));
    }
    wal.replace_properties("s", &[], Durability::Written)
        .expect("replaces");
    assert_eq!(voted(&reader), None);
    assert!(matches!(
        reader.set_properties("s", &[(b"k", None)], Durability::Written),
        Err(Error::ReadOnly)
    ));
    wal.truncate("s", u64::MAX).expect("truncates");
    assert_eq!(reader.properties("s").expect("reads"), pairs(&[]));
    wal.delete_stream("s").expect("deletes");
    assert_eq!(reader.property("s", b"vote").ok().flatten(), None);
}

/// A byte of the newest map in the newest file is flipped, wherever it stands.
fn flip_all(path: &Path, needle: &[u8]) -> usize {
    let mut bytes = std::fs::read(path).expect("reads");
    let mut flipped = 0;
    for at in 0..bytes.len().saturating_sub(needle.len()) {
        if bytes[at..].starts_with(needle) {
            bytes[at] ^= 1;
            flipped += 1;
        }
    }
    std::fs::write(path, bytes).expect("writes");
    flipped
}

#[test]
fn damaged_properties_are_an_error_and_never_an_older_map_until_they_are_replaced() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    let wal = Wal::new(options.clone()).expect("opens");
    let (old, new) = ("old".repeat(300), "new".repeat(300));
    vote(&wal, &old, Durability::Durable);
    wal.append("s", b"x").expect("appends");
    vote(&wal, &new, Durability::Durable);
    wal.append("s", b"y").expect("appends");
    wal.close().expect("closes");
    let segment = segments_in(&place.path().join("log/s")).remove(0);
    assert_eq!(flip_all(&segment, new.as_bytes()), 1);
    options.on_corruption = CorruptionPolicy::Error;
    let refused = Wal::new(options.clone()).expect_err("is refused");
    assert!(matches!(refused, Error::Corruption(_)), "{refused}");
    options.on_corruption = CorruptionPolicy::Truncate;
    let lost = |result: Result<Option<Vec<u8>>>| {
        assert!(matches!(result, Err(Error::Corruption(_))), "{result:?}");
    };
    for _ in 0..2 {
        let wal = Wal::new(options.clone()).expect("opens");
        lost(wal.property("s", b"vote"));
        assert!(wal.properties("s").is_err());
        let changes: [(&[u8], Option<&[u8]>); 1] = [(b"a", Some(b"b"))];
        let set = wal.set_properties("s", &changes, Durability::ByMode);
        assert!(matches!(set, Err(Error::Corruption(_))), "{set:?}");
        wal.append("s", b"more").expect("appends go on");
        wal.close().expect("closes");
    }
    let wal = Wal::new(options.clone()).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 4);
    wal.replace_properties("s", &[(b"vote", b"t9")], Durability::Durable)
        .expect("replaces");
    assert_eq!(voted(&wal).as_deref(), Some("t9"));
    wal.close().expect("closes");
    options.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::new(options).expect("opens without a finding");
    assert_eq!(voted(&wal).as_deref(), Some("t9"));
}

#[test]
fn a_lost_newest_segment_takes_the_properties_until_they_are_replaced() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 2;
    let wal = Wal::new(options.clone()).expect("opens");
    vote(&wal, "t1", Durability::Durable);
    for id in 0..5 {
        wal.append("s", &entry(id)).expect("appends");
    }
    vote(&wal, "t2", Durability::Durable);
    wal.close().expect("closes");
    let newest = segments_in(&place.path().join("log/s"))
        .pop()
        .expect("three");
    std::fs::remove_file(newest).expect("removes");
    let lost = |wal: &Wal| {
        let read = wal.property("s", b"vote");
        assert!(matches!(read, Err(Error::Corruption(_))), "{read:?}");
    };
    // Also once a segment behind the loss, and one behind that, has been written.
    for _ in 0..6 {
        let wal = Wal::new(options.clone()).expect("opens");
        lost(&wal);
        wal.append("s", b"on").expect("appends");
        lost(&wal);
        wal.close().expect("closes");
    }
    let wal = Wal::new(options.clone()).expect("opens");
    wal.replace_properties("s", &[], Durability::Durable)
        .expect("replaces");
    assert_eq!(voted(&wal), None);
    wal.close().expect("closes");
    let wal = Wal::new(options).expect("opens");
    assert_eq!(voted(&wal), None);
}

#[test]
fn a_damaged_end_leaves_the_properties_that_a_slot_repeats() {
    let place = support::temp_dir();
    let options = options(place.path(), SyncMode::Async);
    let wal = Wal::new(options.clone()).expect("opens");
    wal.append("s", b"x").expect("appends");
    vote(&wal, "t1", Durability::Durable);
    wal.close().expect("closes");
    let segment = segments_in(&place.path().join("log/s")).remove(0);
    let mut bytes = std::fs::read(&segment).expect("reads");
    let last = bytes.len() - 60;
    bytes[last + 20] ^= 1;
    std::fs::write(&segment, bytes).expect("writes");
    for _ in 0..2 {
        let wal = Wal::new(options.clone()).expect("opens");
        assert_eq!(voted(&wal).as_deref(), Some("t1"));
        wal.append("s", b"on").expect("appends");
        wal.close().expect("closes");
    }
}
