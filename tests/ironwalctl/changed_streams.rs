//! What the tool makes of streams that were cut, reset or truncated exactly, and of properties.

use std::path::Path;
use std::path::PathBuf;

use ironwal::*;
use serde_json::Value;
use serde_json::json;

use crate::base64;
use crate::harm;
use crate::json;
use crate::number;
use crate::path;
use crate::tool;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;
use crate::support::temp_dir;

/// What a test does with the stream `s` of a new log.
type Change = fn(&Wal);

/// A closed log, with ten entries a segment.
fn log(place: &Path, change: Change) -> PathBuf {
    let mut how = options(place, SyncMode::Async);
    how.max_entries_per_segment = 10;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    change(&wal);
    wal.close().expect("closes");
    root
}

fn append(wal: &Wal, ids: std::ops::Range<u64>) {
    for id in ids {
        wal.append("s", &entry(id)).expect("appends");
    }
}

fn vote(wal: &Wal, value: &[u8]) {
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(value))];
    let set = wal.set_properties("s", &changes, Durability::Written);
    set.expect("sets");
}

fn verified(root: &Path) -> Value {
    let (code, verified) = json(&["verify", path(root), "--json"]);
    let clean = verified["clean"].as_bool() == Some(true);
    assert!(code == 0 && clean, "{verified}");
    verified
}

/// All lines of a dump, as objects.
fn dumped(root: &Path, more: &[&str]) -> Vec<Value> {
    let (code, text, errors) = tool(&[&["dump", path(root), "--json"], more].concat());
    assert_eq!(code, 0, "{text}{errors}");
    let lines = text.lines().map(serde_json::from_str);
    let lines: std::result::Result<_, serde_json::Error> = lines.collect();
    lines.expect("an object a line")
}

#[test]
fn a_copy_keeps_exactly_what_the_stream_kept_and_goes_on_at_its_next_id() {
    let rows: [(&str, Change, u64, u64); 9] = [
        (
            "a truncated prefix ends inside a segment",
            |wal| {
                append(wal, 0..25);
                wal.truncate_prefix("s", 13).expect("truncates");
            },
            13,
            25,
        ),
        (
            "inside a batch",
            |wal| {
                let entries: Vec<Vec<u8>> = (0..8).map(entry).collect();
                let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
                wal.append_batch("s", &entries).expect("appends");
                append(wal, 8..12);
                wal.truncate_prefix("s", 3).expect("truncates");
            },
            3,
            12,
        ),
        (
            "everything is truncated",
            |wal| {
                append(wal, 0..25);
                wal.truncate_prefix("s", 25).expect("truncates");
            },
            25,
            25,
        ),
        (
            "reset to an id",
            |wal| {
                append(wal, 0..25);
                wal.reset_to("s", 7000).expect("resets");
            },
            7000,
            7000,
        ),
        (
            "reset, then appended",
            |wal| {
                append(wal, 0..5);
                wal.reset_to("s", 100).expect("resets");
                append(wal, 100..103);
            },
            100,
            103,
        ),
        (
            "a suffix is cut",
            |wal| {
                append(wal, 0..25);
                wal.truncate_suffix("s", 17).expect("cuts");
            },
            0,
            17,
        ),
        (
            "a suffix is cut and appended again",
            |wal| {
                append(wal, 0..25);
                wal.truncate_suffix("s", 4).expect("cuts");
                append(wal, 4..9);
            },
            0,
            9,
        ),
        (
            "all kept entries are cut",
            |wal| {
                append(wal, 0..25);
                wal.truncate_prefix("s", 13).expect("truncates");
                wal.truncate_suffix("s", 13).expect("cuts");
            },
            13,
            13,
        ),
        ("nothing was ever appended", |_| {}, 0, 0),
    ];
    for (what, change, first, next) in rows {
        for with_properties in [false, true] {
            let what = format!("{what}, properties: {with_properties}");
            let place = temp_dir();
            let change_both = match with_properties {
                false => change,
                true => |wal: &Wal| vote(wal, b"first"),
            };
            let root = log(place.path(), change_both);
            if with_properties {
                let mut how = options(place.path(), SyncMode::Async);
                how.max_entries_per_segment = 10;
                let wal = Wal::new(how).expect("opens");
                change(&wal);
                vote(&wal, b"t7 n2");
                wal.close().expect("closes");
            }
            let copy = place.path().join("copy");
            let (code, repaired) = json(&["repair", path(&root), "--to", path(&copy), "--json"]);
            assert_eq!(code, 0, "{what}: {repaired}");
            if first + next > 0 {
                let stream = &repaired["streams"][0];
                let ids = ["entries", "first_id", "next_id", "old_next_id"];
                let ids = ids.map(|field| number(stream, field));
                assert_eq!(ids, [next - first, first, next, next], "{what}");
                assert_eq!(stream["lost"], json!([]), "{what}");
            }
            verified(&copy);
            let mut how = WalOptions::new(&copy);
            how.on_corruption = CorruptionPolicy::Error;
            let wal = Wal::new(how).expect("a healthy log");
            let stream = wal.stream("s").expect("a handle");
            assert_eq!(stream.first_id().expect("reads"), first, "{what}");
            let expected: Vec<_> = (first..next).map(|id| (id, entry(id))).collect();
            assert_eq!(all_entries(&wal, "s"), expected, "{what}");
            let hidden = first.checked_sub(1).map(|id| wal.get("s", id));
            assert!(
                matches!(hidden, None | Some(Ok(None))),
                "{what}: {hidden:?}"
            );
            let vote = with_properties.then(|| b"t7 n2".to_vec());
            assert_eq!(wal.property("s", b"vote").expect("reads"), vote, "{what}");
            assert_eq!(wal.append("s", b"more").expect("goes on"), next, "{what}");
        }
    }
}

#[test]
fn truncated_entries_are_not_dumped_nor_counted_and_damage_to_them_is_a_note() {
    let place = temp_dir();
    let root = log(place.path(), |wal| {
        append(wal, 0..18);
        wal.truncate_prefix("s", 13).expect("truncates");
    });
    let ids = |lines: Vec<Value>| -> Vec<u64> {
        let lines = lines.iter();
        lines.map(|line| number(line, "id")).collect()
    };
    assert_eq!(ids(dumped(&root, &[])), [13, 14, 15, 16, 17]);
    assert_eq!(
        ids(dumped(&root, &["--from", "11", "--to", "15"])),
        [13, 14]
    );
    let report = verified(&root);
    let counts = ["frames", "entries"].map(|field| number(&report, field));
    assert_eq!(
        counts,
        [8, 5],
        "the frames of 10 to 12 are there, and hidden"
    );
    // The payload, then the header of the frame of entry 10.
    let segment = segments_in(&root.join("s")).remove(0);
    for at in [1536 + 36, 1536] {
        harm(&segment, |bytes| bytes[at] ^= 1);
        let report = verified(&root);
        let finding = &report["findings"][0];
        assert_eq!(finding["severity"], "note", "{report}");
        assert!(number(finding, "end_id") <= 13, "{report}");
        assert_eq!(number(&report, "entries"), 5);
        assert_eq!(dumped(&root, &[]).len(), 5);
    }
    let copy = place.path().join("copy");
    let (code, text, _) = tool(&["repair", path(&root), "--to", path(&copy)]);
    assert_eq!(code, 0, "nothing that was kept is lost: {text}");
}

#[test]
fn frames_with_properties_and_frames_behind_a_cut_are_counted() {
    let place = temp_dir();
    let root = log(place.path(), |wal| {
        append(wal, 0..5);
        vote(wal, b"t1");
        append(wal, 5..8);
        // Void: five frames, of which one holds properties.
        vote(wal, b"t2");
        append(wal, 8..10);
        wal.truncate_suffix("s", 6).expect("cuts");
        append(wal, 6..7);
    });
    let report = verified(&root);
    assert_eq!(number(&report, "entries"), 7);
    assert_eq!(number(&report, "void_frames"), 5);
    // That of the first vote, and that with which the segment of the cut begins.
    assert_eq!(number(&report, "property_frames"), 2);
    assert_eq!(number(&report, "frames"), 9);
    let (_, text, _) = tool(&["verify", path(&root)]);
    assert!(text.contains("2 frames with properties"), "{text}");
    assert!(text.contains("5 void frames"), "{text}");
    assert_eq!(dumped(&root, &[]).len(), 7, "no void entry is dumped");
    // Damage to what is void concerns no one.
    let segment = segments_in(&root.join("s")).remove(0);
    let found = std::fs::read(&segment).expect("reads");
    let void = found.windows(entry(9).len()).rposition(|w| w == entry(9));
    harm(&segment, |bytes| bytes[void.expect("still there")] ^= 1);
    assert_eq!(number(&verified(&root), "void_frames"), 5);
}

#[test]
fn the_properties_are_shown_as_they_are_and_at_each_change() {
    let place = temp_dir();
    let root = log(place.path(), |wal| {
        vote(wal, b"t1");
        append(wal, 0..25);
        vote(wal, b"t\x002");
        wal.replace_properties("s", &[], Durability::Written)
            .expect("removes");
        wal.replace_properties("s", &[(b"k\xff", b"")], Durability::Written)
            .expect("sets");
        wal.append("other", b"without any").expect("appends");
    });
    let property = |key: &str, bytes: &[u8], value: &[u8]| json!({"key": key, "key_base64": base64(bytes), "value_base64": base64(value)});
    let lines = dumped(&root, &["--properties"]);
    let changes: Vec<_> = lines
        .iter()
        .map(|line| (number(line, "next_id"), line["properties"].clone()))
        .collect();
    // The second and the third segment begin with the map of the first, which is no change.
    let expected = [
        (0, json!([property("vote", b"vote", b"t1")])),
        (25, json!([property("vote", b"vote", b"t\x002")])),
        (25, json!([])),
        (25, json!([property("k\u{fffd}", b"k\xff", b"")])),
    ];
    assert_eq!(changes, expected);
    let (code, text, _) = tool(&["dump", path(&root), "--properties", "--stream", "s"]);
    let expected = "\"s\" before id 0: 1 property\n  vote = t1\n\"s\" before id 25: 1 property\n  \
                    vote = t\\x002\n\"s\" before id 25: 0 properties\n\"s\" before id 25: 1 property\n  \
                    k\\xff = \n";
    assert_eq!((code, text.as_str()), (0, expected));
    let (code, stat) = json(&["stat", path(&root), "--stream", "s", "--json"]);
    let stat = &stat["streams"][0];
    assert_eq!((code, number(stat, "properties")), (0, 1));
    assert_eq!(
        stat["property_map"],
        json!([property("k\u{fffd}", b"k\xff", b"")])
    );
    let (_, text, _) = tool(&["stat", path(&root), "--stream", "s"]);
    assert!(text.contains(", 1 property\n  k\\xff = \n"), "{text}");
    let (code, ..) = tool(&["dump", path(&root), "--properties", "--from", "3"]);
    assert_eq!(code, 2);
    let (code, ..) = tool(&["verify", path(&root), "--properties"]);
    assert_eq!(code, 2);
}

#[test]
fn a_damaged_map_is_a_finding_and_lost_properties_stay_lost_in_the_copy() {
    let place = temp_dir();
    let value = vec![b'v'; 1000];
    let root = log(place.path(), |wal| {
        append(wal, 0..3);
        vote(wal, &[b'v'; 1000]);
    });
    let segment = segments_in(&root.join("s")).remove(0);
    let bytes = std::fs::read(&segment).expect("reads");
    let at = bytes.windows(value.len()).position(|w| w == value);
    let at = at.expect("the map is stored");
    harm(&segment, |bytes| bytes[at + 500] ^= 1);
    let (code, report) = json(&["verify", path(&root), "--json"]);
    assert_eq!(code, 1, "{report}");
    let findings = report["findings"].as_array().expect("a list").iter();
    let mut of_map = findings.filter(|found| {
        let what = found["what"].as_str().expect("text");
        what.contains("properties") && found["severity"] == "damage" && !found["offset"].is_null()
    });
    let offset = of_map.next().map(|found| number(found, "offset"));
    assert!(offset.is_some_and(|offset| offset < at as u64), "{report}");
    assert_eq!(number(&report, "property_frames"), 0);
    assert_eq!(number(&report, "entries"), 3, "the entries are whole");
    let (code, text, _) = tool(&["dump", path(&root), "--properties"]);
    assert!(
        code == 1 && text.contains("\"s\" before id 3 unreadable"),
        "{text}"
    );
    let copy = place.path().join("copy");
    let (code, repaired) = json(&["repair", path(&root), "--to", path(&copy), "--json"]);
    let stream = &repaired["streams"][0];
    assert_eq!((code, &stream["properties_lost"]), (1, &json!(true)));
    assert_eq!(number(stream, "entries"), 3);
    // In the copy the loss is on record: a note.
    let report = verified(&copy);
    let what = report["findings"][0]["what"].as_str().expect("a note");
    assert!(what.contains("properties are lost"), "{report}");
    let wal = Wal::new(WalOptions::new(&copy)).expect("opens");
    let read = wal.properties("s");
    assert!(matches!(read, Err(Error::Corruption(_))), "{read:?}");
}
