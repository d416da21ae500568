//! D15: what a cut, a reset and an exact truncation leave, at once and after the log is opened again.

use std::path::Path;

use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;
use crate::support::temp_dir;

/// A log whose segments hold ten entries each.
fn open(place: &Path, sync_mode: SyncMode) -> Wal {
    let mut options = options(place, sync_mode);
    options.max_entries_per_segment = 10;
    options.on_corruption = CorruptionPolicy::Error;
    Wal::new(options).expect("opens")
}

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

fn append(wal: &Wal, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
    }
}

/// The entry that a cut has put at an id.
fn other(id: u64) -> Vec<u8> {
    format!("the other {id}").into_bytes()
}

fn replace(wal: &Wal, from: u64, count: u64) -> Result<Appended> {
    let entries: Vec<Vec<u8>> = (from..from + count).map(other).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    wal.replace_suffix("s", from, &Append::new(&entries))
}

/// The stream holds `first..end`, those from `cut` on the other ones.
fn check(wal: &Wal, first: u64, cut: u64, end: u64) {
    let stream = wal.stream("s").expect("a handle");
    let report = wal.verify().expect("verifies");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.entries, end - first, "{report:?}");
    assert_eq!(stream.first_id().expect("is known"), first);
    assert_eq!(stream.next_id().expect("is known"), end);
    let due = |id| if id < cut { entry(id) } else { other(id) };
    let expected: Vec<_> = (first..end).map(|id| (id, due(id))).collect();
    assert_eq!(all_entries(wal, "s"), expected);
    for id in first.saturating_sub(2)..end + 30 {
        let found = stream.get(id).expect("reads");
        let is_there = (first..end).contains(&id);
        assert_eq!(found, is_there.then(|| due(id)), "id {id}");
    }
}

#[test]
fn a_cut_anywhere_leaves_what_is_before_it_and_what_it_brings() {
    for mode in MODES {
        for from in [1, 9, 10, 15, 20, 22, 24, 25] {
            for count in [0, 1, 3, 12] {
                let place = temp_dir();
                let wal = open(place.path(), mode);
                append(&wal, 0..25);
                let ids = replace(&wal, from, count).expect("replaces").ids;
                assert_eq!(ids, from..from + count, "{mode:?} {from} {count}");
                check(&wal, 0, from, from + count);
                assert_eq!(
                    wal.stream("s")
                        .expect("a handle")
                        .durable_end()
                        .expect("is known"),
                    from + count
                );
                wal.close().expect("closes");
                let wal = open(place.path(), mode);
                check(&wal, 0, from, from + count);
                for id in from + count..from + count + 15 {
                    assert_eq!(wal.append("s", &other(id)).expect("appends"), id);
                }
                check(&wal, 0, from, from + count + 15);
                wal.close().expect("closes");
                check(&open(place.path(), mode), 0, from, from + count + 15);
            }
        }
    }
}

#[test]
fn a_log_that_dies_right_after_a_cut_holds_what_it_left() {
    for from in [5, 10, 20, 22] {
        let place = temp_dir();
        let wal = open(place.path(), SyncMode::Async);
        append(&wal, 0..25);
        replace(&wal, from, 2).expect("replaces");
        let copy = place.path().join("copy");
        crate::support::copy_dir(&place.path().join("log"), &copy.join("log"));
        check(&open(&copy, SyncMode::Async), 0, from, from + 2);
    }
}

#[test]
fn cuts_follow_one_another_at_lower_and_at_higher_ids() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Async);
    append(&wal, 0..25);
    for (from, count) in [
        (22, 1),
        (21, 5),
        (26, 0),
        (14, 20),
        (31, 2),
        (33, 1),
        (12, 0),
        (12, 3),
    ] {
        replace(&wal, from, count).expect("replaces");
        let lowest = from.min(21).min(if from <= 14 || count == 2 || from == 33 {
            14
        } else {
            21
        });
        let lowest = if from == 12 { 12 } else { lowest.min(22) };
        check(&wal, 0, if from == 22 { 22 } else { lowest }, from + count);
    }
    wal.close().expect("closes");
    check(&open(place.path(), SyncMode::Async), 0, 12, 15);
}

/// braft PR 119: removed from front to back, a suffix left a hole. Nothing of it is left here.
#[test]
fn no_file_of_what_was_cut_is_left() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Strict);
    append(&wal, 0..95);
    assert_eq!(wal.truncate_suffix("s", 15).expect("cuts"), 80);
    let names: Vec<_> = segments_in(&place.path().join("log/s"))
        .into_iter()
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let ids = [0, 10, 15].map(|id| format!("{id:020}.wal"));
    assert_eq!(names, ids);
}

/// tidwall/wal #20: a log that is emptied keeps its next index.
#[test]
fn a_stream_that_is_reset_has_the_next_id_it_was_given() {
    for mode in MODES {
        for next in [0, 1, 7, 25, 40, u64::MAX - 1] {
            let place = temp_dir();
            let wal = open(place.path(), mode);
            append(&wal, 0..25);
            wal.reset_to("s", next).expect("resets");
            let stream = wal.stream("s").expect("a handle");
            assert_eq!(stream.first_id().expect("is known"), next);
            assert_eq!(stream.next_id().expect("is known"), next);
            assert_eq!(all_entries(&wal, "s"), []);
            wal.close().expect("closes");
            let wal = open(place.path(), mode);
            let stream = wal.stream("s").expect("a handle");
            assert_eq!(stream.next_id().expect("is known"), next, "{mode:?}");
            assert_eq!(stream.append(&other(next)).expect("appends"), next);
            assert_eq!(all_entries(&wal, "s"), [(next, other(next))]);
            assert_eq!(segments_in(&place.path().join("log/s")).len(), 1);
        }
    }
}

#[test]
fn a_stream_may_begin_with_a_reset() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Strict);
    let entries: [&[u8]; 2] = [b"a", b"b"];
    let ids = wal
        .reset("s", 100, &Append::new(&entries))
        .expect("resets")
        .ids;
    assert_eq!(ids, 100..102);
    wal.reset_to("t", 5).expect("resets");
    assert_eq!(wal.streams().expect("lists"), ["s", "t"]);
    wal.close().expect("closes");
    let wal = open(place.path(), SyncMode::Strict);
    let entries = all_entries(&wal, "s");
    assert_eq!(entries, [(100, b"a".to_vec()), (101, b"b".to_vec())]);
    assert_eq!(wal.append("t", b"c").expect("appends"), 5);
}

#[test]
fn a_cut_out_of_range_changes_nothing_and_says_why() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Strict);
    append(&wal, 0..25);
    assert_eq!(wal.truncate_prefix("s", 5).expect("truncates"), 0);
    for (from, found) in [(26, 25), (u64::MAX, 25), (4, 5), (0, 5)] {
        for cut in [
            wal.truncate_suffix("s", from).map(drop),
            replace(&wal, from.min(u64::MAX - 1), 1).map(drop),
        ] {
            match cut {
                Err(Error::SequenceMismatch {
                    expected,
                    found: is,
                }) => {
                    assert!(expected >= from.min(u64::MAX - 1) && is == found, "{from}");
                }
                other => panic!("{from}: {other:?}"),
            }
        }
    }
    let expecting = Append::default().expecting(7);
    let mismatch = wal.replace_suffix("s", 8, &expecting);
    assert!(matches!(
        mismatch,
        Err(Error::SequenceMismatch {
            expected: 7,
            found: 8
        })
    ));
    let entries: [&[u8]; 1] = [b"x"];
    let beyond = wal.reset("s", u64::MAX, &Append::new(&entries));
    assert!(matches!(
        beyond,
        Err(Error::TooLarge { limit_bytes: 0, .. })
    ));
    let unknown = wal.truncate_suffix("t", 0);
    assert!(matches!(unknown, Err(Error::StreamNotFound(_))));
    check(&wal, 5, 25, 25);
    wal.reset_to("s", u64::MAX).expect("resets");
    assert!(matches!(wal.append("s", b"x"), Err(Error::TooLarge { .. })));
}

#[test]
fn a_prefix_goes_exactly_and_all_of_it_may() {
    for mode in MODES {
        for first in [1, 9, 10, 11, 20, 24, 25] {
            let place = temp_dir();
            let wal = open(place.path(), mode);
            append(&wal, 0..25);
            let removed = wal.truncate_prefix("s", first).expect("truncates");
            assert_eq!(removed as u64, first / 10);
            check(&wal, first, 25, 25);
            assert_eq!(wal.truncate_prefix("s", first).expect("does nothing"), 0);
            assert_eq!(wal.truncate_prefix("s", 0).expect("does nothing"), 0);
            let behind = wal.truncate_prefix("s", 26);
            assert!(matches!(
                behind,
                Err(Error::SequenceMismatch {
                    expected: 26,
                    found: 25
                })
            ));
            wal.close().expect("closes");
            let wal = open(place.path(), mode);
            check(&wal, first, 25, 25);
            append(&wal, 25..40);
            check(&wal, first, 40, 40);
        }
    }
}

#[cfg(feature = "compression")]
#[test]
fn a_cut_inside_a_batch_takes_part_of_it() {
    for compression in [CompressionType::None, CompressionType::Lz4] {
        let place = temp_dir();
        let mut options = options(place.path(), SyncMode::Strict);
        options.compression = compression;
        options.min_compression_size = 0;
        let wal = Wal::new(options.clone()).expect("opens");
        let entries: Vec<Vec<u8>> = (0..20).map(|id| vec![id as u8; 50]).collect();
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        wal.append_batch("s", &slices).expect("appends");
        replace(&wal, 7, 5).expect("replaces");
        let expected: Vec<_> = (0..12)
            .map(|id| {
                (
                    id,
                    if id < 7 {
                        entries[id as usize].clone()
                    } else {
                        other(id)
                    },
                )
            })
            .collect();
        assert_eq!(all_entries(&wal, "s"), expected);
        wal.close().expect("closes");
        let wal = Wal::new(options).expect("opens");
        assert_eq!(all_entries(&wal, "s"), expected);
        assert_eq!(wal.get("s", 8).expect("reads"), Some(other(8)));
    }
}

#[test]
fn an_iterator_that_has_shown_what_is_cut_ends_and_any_other_goes_on() {
    for mode in MODES {
        for read_strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
            let place = temp_dir();
            let mut options = options(place.path(), mode);
            options.max_entries_per_segment = 10;
            options.read_strategy = read_strategy;
            let wal = Wal::new(options).expect("opens");
            append(&wal, 0..25);
            let at = |count: usize| {
                let mut iterator = wal.iter_with_ids("s", 0).expect("iterates");
                for _ in 0..count {
                    iterator.next().expect("an entry").expect("a good one");
                }
                iterator
            };
            let (not_begun, before, at_cut, behind) = (at(0), at(12), at(15), at(16));
            let (in_next, at_end) = (at(22), at(25));
            let held = wal
                .stream("s")
                .expect("a handle")
                .view(17)
                .expect("reads")
                .expect("is there");
            replace(&wal, 15, 30).expect("replaces");
            assert_eq!(held[..], entry(17)[..], "a view keeps its bytes");
            for (iterator, from) in [(not_begun, 0), (before, 12), (at_cut, 15)] {
                let rest: Vec<_> = iterator.map(|entry| entry.expect("a good one")).collect();
                let due = |id| (id, if id < 15 { entry(id) } else { other(id) });
                assert_eq!(rest, (from..45).map(due).collect::<Vec<_>>());
            }
            for mut iterator in [behind, in_next, at_end] {
                match iterator.next() {
                    Some(Err(Error::SuffixCut { from_id: 15 })) => {}
                    other => panic!("{other:?}"),
                }
                assert!(iterator.next().is_none(), "it has ended");
            }
        }
    }
}

#[test]
fn an_iterator_meets_a_reset_as_a_truncation_or_as_a_cut() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Async);
    append(&wal, 0..25);
    let mut below = wal.iter_with_ids("s", 0).expect("iterates");
    let mut above = wal.iter_with_ids("s", 0).expect("iterates");
    (0..5).for_each(|_| drop(below.next()));
    (0..20).for_each(|_| drop(above.next()));
    let entries: [&[u8]; 1] = [b"new"];
    wal.reset("s", 10, &Append::new(&entries)).expect("resets");
    assert!(matches!(below.next(), Some(Err(Error::SegmentNotFound(5)))));
    assert_eq!(
        below.next().expect("an entry").expect("a good one"),
        (10, b"new".to_vec())
    );
    assert!(matches!(
        above.next(),
        Some(Err(Error::SuffixCut { from_id: 10 }))
    ));
}

/// The change of one property.
fn set<'a>(key: &'a str, to: &'a str) -> [(&'a [u8], Option<&'a [u8]>); 1] {
    [(key.as_bytes(), Some(to.as_bytes()))]
}

#[test]
fn a_cut_keeps_the_properties_and_changes_those_it_names() {
    let value = |wal: &Wal, key: &[u8]| wal.property("s", key).expect("reads");
    for mode in MODES {
        let place = temp_dir();
        let wal = open(place.path(), mode);
        append(&wal, 0..15);
        wal.set_properties("s", &set("term", "1"), Durability::ByMode)
            .expect("sets");
        // These came with an entry that is cut.
        let entries: [&[u8]; 1] = [&entry(15)];
        let changes = set("vote", "7");
        wal.append_with("s", &Append::new(&entries).with_properties(&changes))
            .expect("appends");
        append(&wal, 16..25);

        let entries: Vec<Vec<u8>> = (12..14).map(other).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let changes = set("term", "2");
        wal.replace_suffix("s", 12, &Append::new(&entries).with_properties(&changes))
            .expect("replaces");
        let held = |wal: &Wal, term: &[u8], at: &str| {
            assert_eq!(value(wal, b"term"), Some(term.to_vec()), "{mode:?} {at}");
            assert_eq!(value(wal, b"vote"), Some(b"7".to_vec()), "{mode:?} {at}");
        };
        held(&wal, b"2", "after a cut");
        wal.close().expect("closes");
        let wal = open(place.path(), mode);
        check(&wal, 0, 12, 14);
        held(&wal, b"2", "after a cut and an open");

        assert_eq!(wal.truncate_suffix("s", 3).expect("cuts"), 11);
        held(&wal, b"2", "after a cut without entries");
        wal.close().expect("closes");
        let wal = open(place.path(), mode);
        held(&wal, b"2", "after a cut without entries and an open");

        let changes = set("term", "3");
        wal.reset("s", 100, &Append::default().with_properties(&changes))
            .expect("resets");
        held(&wal, b"3", "after a reset");
        wal.close().expect("closes");
        let wal = open(place.path(), mode);
        check(&wal, 100, 100, 100);
        held(&wal, b"3", "after a reset and an open");
        wal.close().expect("closes");
    }
}

#[test]
fn a_cut_whose_properties_are_refused_changes_nothing() {
    let place = temp_dir();
    let wal = open(place.path(), SyncMode::Strict);
    append(&wal, 0..25);
    let long = vec![0; 5_000];
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"k", Some(&long))];
    let entries: [&[u8]; 1] = [b"new"];
    let append = Append::new(&entries).with_properties(&changes);
    let refused = |result: Result<Appended>| {
        assert!(
            matches!(result, Err(Error::TooLarge { .. } | Error::Config(_))),
            "{result:?}"
        );
    };
    refused(wal.replace_suffix("s", 12, &append));
    refused(wal.reset("s", 12, &append));
    check(&wal, 0, 25, 25);
    wal.close().expect("closes");
    check(&open(place.path(), SyncMode::Strict), 0, 25, 25);
}
