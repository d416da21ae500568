//! Roots of the crate ironwal 0.6 become logs with the same entries, ids and checkpoints; damage to them is
//! reported, passed over, and never read as something else.
//!
//! The roots in `tests/data/from_06` were written by that crate (`benches/compare`, program `import_06`), and
//! so were the texts beside them: what it read there.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ironwal::import::ImportOptions;
use ironwal::import::ImportReport;
use ironwal::import::import_06;
use ironwal::sharded::ShardedWal;
use ironwal::*;

use super::json;
use super::number;
use super::path;
use super::support::copy_dir;
use super::support::everything;
use super::support::temp_dir;
use super::tool;

type Entries = BTreeMap<u64, Vec<u8>>;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/from_06")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("ASCII"), 16).expect("hex"))
        .collect()
}

/// What the crate read from a root: entries by directory and id, checkpoints, and the newest of them.
#[derive(Default)]
struct Expected {
    streams: BTreeMap<String, Entries>,
    checkpoints: BTreeMap<Vec<u8>, (u64, Vec<u64>)>,
    latest: Vec<u8>,
}

fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(data().join(format!("{name}.txt"))).expect("reads");
    let mut expected = Expected::default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[..] {
            ["entry", stream, id, bytes] => {
                let entries = expected.streams.entry(stream.to_owned()).or_default();
                entries.insert(id.parse().expect("an id"), unhex(bytes));
            }
            ["checkpoint", id, time, offsets] => {
                let offsets = offsets.split(',').map(|n| n.parse().expect("an id"));
                let body = (time.parse().expect("a time"), offsets.collect());
                expected.checkpoints.insert(unhex(id), body);
            }
            ["latest", id] => expected.latest = unhex(id),
            _ => panic!("{line}"),
        }
    }
    expected
}

fn entries(wal: &Wal, key: &str) -> Entries {
    let read = wal.iter_with_ids(key, 0).expect("iterates");
    read.filter_map(Result::ok).collect()
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let listed = std::fs::read_dir(dir).expect("lists");
    let paths = listed.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| (path.clone(), std::fs::read(path).expect("reads")))
        .collect()
}

/// Opens a log that was imported, as strictly as there is.
fn open(root: &Path) -> Wal {
    let mut how = WalOptions::new(root);
    how.on_corruption = CorruptionPolicy::Error;
    Wal::new(how).expect("the new log opens without recovery")
}

fn import(from: &Path, to: &Path, options: &ImportOptions) -> Result<ImportReport> {
    import_06(from, to, options, &mut |_| ())
}

#[test]
fn streams_keep_their_entries_and_ids_and_get_the_keys_that_are_asked_for() {
    let place = temp_dir();
    let (from, to) = (data().join("plain"), place.path().join("new"));
    let before = everything(&from);
    let (code, report) = json(&[
        "import",
        path(&from),
        path(&to),
        "--key",
        "user_123=user/123",
        "--json",
    ]);
    assert_eq!(
        (code, report["complete"].as_bool()),
        (0, Some(true)),
        "{report}"
    );
    assert_eq!(report["shards"], serde_json::Value::Null);
    assert_eq!(report["findings"], serde_json::json!([]));
    assert_eq!(everything(&from), before, "the old root is not changed");
    let wal = open(&to);
    let expected = expected("plain");
    for stream in report["streams"].as_array().expect("a list") {
        let directory = stream["directory"].as_str().expect("text");
        let key = stream["key"].as_str().expect("text");
        let entries = entries(&wal, key);
        assert_eq!(Some(&entries), expected.streams.get(directory), "{key}");
        let first = *entries.keys().next().expect("entries");
        let next = *entries.keys().last().expect("entries") + 1;
        assert_eq!(number(stream, "entries"), entries.len() as u64);
        assert_eq!(number(stream, "first_id"), first);
        assert_eq!(number(stream, "next_id"), next);
        assert_eq!(number(stream, "old_next_id"), next);
        assert_eq!(
            wal.stream(key).and_then(|s| s.first_id()).expect("an id"),
            first
        );
        assert_eq!(wal.append(key, b"more").expect("appends"), next);
    }
    assert_eq!(
        wal.streams().expect("lists"),
        ["events", "orders", "user/123"]
    );
    assert!(
        expected.streams["orders"].keys().all(|id| *id >= 25),
        "a truncated prefix"
    );
    assert_eq!(wal.get("orders", 24).expect("below the first"), None);
}

#[test]
fn a_sharded_log_keeps_its_shards_its_routing_and_its_checkpoints() {
    let place = temp_dir();
    let (from, to) = (data().join("sharded"), place.path().join("new"));
    let report = import(&from, &to, &ImportOptions::default()).expect("imports");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.shards, report.checkpoints), (Some(4), 3));
    let mut how = WalOptions::new(&to);
    how.on_corruption = CorruptionPolicy::Error;
    let log = ShardedWal::new(how, 4).expect("opens");
    let expected = expected("sharded");
    for (name, entries) in &expected.streams {
        assert_eq!(&self::entries(log.inner(), name), entries, "{name}");
    }
    for (id, (time, offsets)) in &expected.checkpoints {
        let data = log.load_checkpoint(id).expect("a checkpoint");
        assert_eq!((data.timestamp, &data.offsets), (*time, offsets));
    }
    assert_eq!(
        log.load_latest_checkpoint().expect("one").0,
        expected.latest
    );
    // The last entry that the crate appended, in the shard that its key has here.
    let (shard, id) = log.append(b"key-1", b"new").expect("appends");
    let name = format!("shard_{shard:02}");
    let last = expected.streams[&name].last_key_value().expect("entries");
    assert_eq!(
        (id, &last.1[..]),
        (last.0 + 1, &b"behind the last checkpoint"[..])
    );
    log.create_checkpoint(b"new").expect("another");
    assert_eq!(log.checkpoint_count(), 4);
}

/// What a flip or a cut of a file may lead to: each entry as it was, or gone and reported.
fn check_damaged(root: &Path, to: &Path, what: &str) {
    let expected = expected("small");
    let report = import(root, to, &ImportOptions::default());
    let report = report.unwrap_or_else(|error| panic!("{what}: {error}"));
    let reported = !report.findings.is_empty();
    assert!(reported, "{what}: nothing is reported");
    for finding in &report.findings {
        assert!(finding.path.starts_with(root), "{what}: {finding:?}");
    }
    let wal = open(to);
    let found = entries(&wal, "s");
    let stream = &report.streams[0];
    for (id, bytes) in &expected.streams["s"] {
        let is_lost = stream.lost.iter().any(|lost| lost.ids.contains(id));
        match found.get(id) {
            Some(read) => assert_eq!((read, is_lost), (bytes, false), "{what}: {id}"),
            None if *id < stream.next_id => {
                assert!(is_lost, "{what}: {id} is missing: {report:?}");
                let got = wal.get("s", *id);
                assert!(
                    matches!(got, Err(Error::SegmentNotFound(_))),
                    "{what}: {got:?}"
                );
            }
            // Behind the end: lost, or what looks like an append that was not finished.
            None => {
                let mut ids = report
                    .findings
                    .iter()
                    .filter_map(|finding| finding.ids.clone());
                let is_named = is_lost || ids.any(|ids| ids.contains(id)) || what.contains("cut");
                assert!(is_named, "{what}: {id} is not named: {report:?}");
            }
        }
    }
    assert!(
        found.len() + 3 >= 10 || what.contains("cut"),
        "{what}: {report:?}"
    );
    let next = wal.append("s", b"goes on").expect("appends");
    assert_eq!(next, stream.next_id, "{what}");
}

#[test]
fn every_byte_flipped_costs_at_most_its_frame_and_is_reported() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("small"), &root);
    let (mut flips, mut complete) = (0, 0);
    for (file, bytes) in files(&root.join("s")) {
        for at in 0..bytes.len() {
            for mask in [0x01, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= mask;
                std::fs::write(&file, &damaged).expect("writes");
                let to = place.path().join("new");
                check_damaged(&root, &to, &format!("{} {at} {mask:#x}", file.display()));
                std::fs::remove_dir_all(&to).expect("removes");
                flips += 1;
            }
        }
        std::fs::write(&file, &bytes).expect("writes");
    }
    assert!(flips > 800);
    let report = import(&root, &place.path().join("new"), &ImportOptions::default());
    complete += usize::from(report.expect("imports").is_complete());
    assert_eq!(complete, 1, "the root itself is whole");
}

#[test]
fn every_file_cut_at_every_length_is_reported_and_the_rest_is_imported() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("small"), &root);
    for (file, bytes) in files(&root.join("s")) {
        for len in 0..bytes.len() {
            std::fs::write(&file, &bytes[..len]).expect("writes");
            let to = place.path().join("new");
            // Where a frame ends, the end of a stream is as good as any other.
            let is_end_of_stream =
                file.ends_with("00000000000000000008.wal") && [0, 41].contains(&len);
            if !is_end_of_stream {
                check_damaged(&root, &to, &format!("{} cut at {len}", file.display()));
                std::fs::remove_dir_all(&to).expect("removes");
            }
        }
        std::fs::write(&file, &bytes).expect("writes");
    }
}

/// Version 0.6 gives ids again when it opens a log in which a key is no directory name (`a/b`), and where two
/// processes write at once.
#[test]
fn of_ids_that_were_given_twice_the_first_entry_stays_and_the_other_is_reported() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("small"), &root);
    let first = std::fs::read(root.join("s/00000000000000000000.wal")).expect("reads");
    let newest = root.join("s/00000000000000000008.wal");
    let mut bytes = std::fs::read(&newest).expect("reads");
    let len = bytes.len() as u64;
    bytes.extend_from_slice(&first);
    std::fs::write(&newest, &bytes).expect("writes");
    let to = place.path().join("new");
    let (code, report) = json(&["import", path(&root), path(&to), "--json"]);
    assert_eq!((code, report["complete"].as_bool()), (1, Some(false)));
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 1, "{report}");
    assert_eq!(findings[0]["severity"], "damage");
    let ids = (
        number(&findings[0], "first_id"),
        number(&findings[0], "end_id"),
    );
    assert_eq!(
        (number(&findings[0], "offset"), ids),
        (len, (0, 4)),
        "{report}"
    );
    assert_eq!(entries(&open(&to), "s"), expected("small").streams["s"]);
    let (_, text, _) = tool(&["import", path(&root), path(&place.path().join("again"))]);
    assert!(
        text.contains("ids 0..4: a second frame has ids that were given before"),
        "{text}"
    );
    assert!(
        text.contains("the new log holds what was readable"),
        "{text}"
    );
}

#[test]
fn a_header_that_is_gone_costs_its_frame_only_where_the_next_segment_proves_the_rest() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("small"), &root);
    let whole = &expected("small").streams["s"];
    // The second frame of each: with the ids 1..4, 5 and 9.
    for (first, second_at, lost, rest_is_proved) in [
        (0, 40, 1..4, true),
        (4, 67, 5..6, true),
        (8, 41, 9..10, false),
    ] {
        let file = root.join(format!("s/{first:020}.wal"));
        let bytes = std::fs::read(&file).expect("reads");
        let mut damaged = bytes.clone();
        damaged[second_at..second_at + 32].fill(0xee);
        std::fs::write(&file, &damaged).expect("writes");
        let to = place.path().join("new");
        let report = import(&root, &to, &ImportOptions::default()).expect("imports");
        std::fs::write(&file, &bytes).expect("writes");
        let mut left = whole.clone();
        left.retain(|id, _| !lost.contains(id));
        assert_eq!(entries(&open(&to), "s"), left, "{report:?}");
        let [found] = &report.streams[0].lost[..] else {
            panic!("{report:?}");
        };
        assert_eq!(found.ids, lost, "{report:?}");
        let next_id = if rest_is_proved { 10 } else { 9 };
        assert_eq!(report.streams[0].next_id, next_id);
        assert_eq!(report.streams[0].old_next_id, 10);
        std::fs::remove_dir_all(&to).expect("removes");
    }
}

/// A payload may hold an image of a segment: nothing in it is taken for a frame of the log.
#[test]
fn an_image_of_a_segment_in_a_damaged_entry_is_not_taken_for_frames() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("small"), &root);
    let newest = root.join("s/00000000000000000008.wal");
    // The image has the ids that would follow.
    let image = frame(9, b"forged")
        .into_iter()
        .chain(frame(10, b"forged too"));
    let image: Vec<u8> = image.collect();
    let mut bytes = frame(8, &image);
    // The length of the frame is damaged, and so is a byte of the payload.
    bytes[22] ^= 0x10;
    bytes[37] ^= 0x01;
    std::fs::write(&newest, &bytes).expect("writes");
    let to = place.path().join("new");
    let report = import(&root, &to, &ImportOptions::default()).expect("imports");
    let mut expected = expected("small").streams["s"].clone();
    expected.retain(|id, _| *id < 8);
    assert_eq!(entries(&open(&to), "s"), expected, "{report:?}");
    let named = report
        .findings
        .iter()
        .find(|finding| finding.path == newest);
    assert_eq!(
        named.and_then(|finding| finding.offset),
        Some(0),
        "{report:?}"
    );
}

/// A frame of the 0.6 crate with one entry, from its description.
fn frame(id: u64, entry: &[u8]) -> Vec<u8> {
    let mut payload = (entry.len() as u32).to_le_bytes().to_vec();
    payload.extend_from_slice(entry);
    let len = (payload.len() as u32).to_le_bytes();
    let mut covered = id.to_le_bytes().to_vec();
    covered.extend_from_slice(&1u32.to_le_bytes());
    covered.push(0);
    covered.extend_from_slice(&len);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&covered);
    crc.update(&payload);
    let mut frame = b"LAWL".to_vec();
    frame.extend_from_slice(&crc.finalize().to_le_bytes());
    frame.extend_from_slice(&covered);
    frame.extend_from_slice(&len);
    frame.extend_from_slice(&[0; 3]);
    frame.extend_from_slice(&payload);
    frame
}

#[test]
fn lengths_and_ids_of_any_size_end_no_process_and_give_no_wrong_entry() {
    let place = temp_dir();
    let root = place.path().join("old");
    let dir = root.join("s");
    std::fs::create_dir_all(&dir).expect("makes");
    let file = dir.join("00000000000000000000.wal");
    let good = frame(0, b"good");
    for (at, len) in [(8, 8), (16, 4), (20, 1), (21, 4), (25, 4), (29, 3), (32, 4)] {
        for byte in [0x00, 0x3f, 0x7f, 0xff] {
            let mut bytes = frame(0, b"good");
            let start = bytes.len();
            bytes.extend_from_slice(&frame(1, b"damaged"));
            bytes[start + at..start + at + len].fill(byte);
            bytes.extend_from_slice(&frame(2, b"behind it"));
            std::fs::write(&file, &bytes).expect("writes");
            let to = place.path().join("new");
            let report = import(&root, &to, &ImportOptions::default()).expect("imports");
            let read = entries(&open(&to), "s");
            assert_eq!(
                read.get(&0).map(Vec::as_slice),
                Some(&b"good"[..]),
                "{at} {byte}"
            );
            let as_written = [&b"damaged"[..], b"behind it"];
            for (id, bytes) in read.range(1..) {
                assert_eq!(
                    bytes,
                    as_written[*id as usize - 1],
                    "{at} {byte}: {report:?}"
                );
            }
            std::fs::remove_dir_all(&to).expect("removes");
        }
    }
    // Names of segments with ids that no log reaches, and files that hold no frame.
    for name in ["18446744073709551615.wal", "09999999999999999999.wal"] {
        std::fs::write(&file, &good).expect("writes");
        std::fs::write(dir.join(name), &good).expect("writes");
        let to = place.path().join("new");
        let report = import(&root, &to, &ImportOptions::default()).expect("imports");
        assert!(!report.is_complete(), "{report:?}");
        assert_eq!(entries(&open(&to), "s").len(), 1);
        std::fs::remove_dir_all(&to).expect("removes");
        std::fs::remove_file(dir.join(name)).expect("removes");
    }
}

#[test]
fn a_damaged_checkpoint_costs_no_other_and_no_entry() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("sharded"), &root);
    let expected = expected("sharded");
    let file = root.join("checkpoints.log");
    let bytes = std::fs::read(&file).expect("reads");
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        std::fs::write(&file, &damaged).expect("writes");
        let to = place.path().join("new");
        let report = import(&root, &to, &ImportOptions::default()).expect("imports");
        assert!(!report.findings.is_empty(), "{at}");
        assert!(report.checkpoints >= 2, "{at}: {report:?}");
        let log = ShardedWal::new(WalOptions::new(&to), 4).expect("opens");
        for (id, time) in log.list_checkpoints() {
            let data = match log.load_checkpoint(&id) {
                Ok(data) => data,
                // An older one of the same id stays if a newer one is lost.
                Err(Error::CheckpointPruned { .. }) if !report.is_complete() => continue,
                Err(error) => panic!("{at}: {error}"),
            };
            if time == expected.checkpoints[&id].0 {
                assert_eq!(data.offsets, expected.checkpoints[&id].1, "{at}");
            } else {
                assert!(!report.is_complete(), "{at}");
            }
        }
        drop(log);
        std::fs::remove_dir_all(&to).expect("removes");
    }
}

#[test]
fn what_cannot_be_imported_is_refused_before_anything_is_written() {
    let place = temp_dir();
    let to = place.path().join("new");
    let plain = data().join("plain");
    let unknown_shards = place.path().join("unknown");
    copy_dir(&data().join("sharded"), &unknown_shards);
    std::fs::write(unknown_shards.join("checkpoints.log"), b"").expect("writes");
    let of_this_version = place.path().join("own");
    drop(Wal::new(WalOptions::new(&of_this_version)).expect("opens"));
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).expect("makes");
    let long = format!("events={}", "k".repeat(256));
    let rows: [(&Path, &[&str], &str); 8] = [
        (
            &plain,
            &["--key", "events=orders"],
            "would both get the key",
        ),
        (&plain, &["--key", "nothing=x"], "there is no such stream"),
        (&plain, &["--key", "events="], "must not be empty"),
        (&plain, &["--key", &long], "must not be longer than 255"),
        (&unknown_shards, &[], "--shards N"),
        (
            &unknown_shards,
            &["--shards", "3"],
            "there is shard_03, and 3 shards only",
        ),
        (&of_this_version, &[], "holds a log of this version"),
        (&empty, &[], "holds no log of the 0.6 crate"),
    ];
    for (from, options, message) in rows {
        let mut arguments = vec!["import", path(from), path(&to)];
        arguments.extend(options);
        let (code, out, errors) = tool(&arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{errors}");
        assert!(errors.contains(message), "{errors}");
        assert!(
            !to.exists() && !place.path().join("new#new").exists(),
            "{message}"
        );
    }
    let (code, ..) = tool(&["import", path(&unknown_shards), path(&to), "--shards=4"]);
    assert_eq!(code, 0, "with the number it works");
    let (code, _, errors) = tool(&["import", path(&plain), path(&to)]);
    assert!(code == 3 && errors.contains("exists"), "{errors}");
    for usage in [&["import", "a"][..], &["import", "a", "b", "--key", "x"]] {
        assert_eq!(tool(usage).0, 2);
    }
}

#[test]
fn a_root_that_changes_while_it_is_read_gives_no_log() {
    let place = temp_dir();
    let root = place.path().join("old");
    copy_dir(&data().join("plain"), &root);
    let file = root.join("user_123/00000000000000000000.wal");
    let to = place.path().join("new");
    let mut bytes = std::fs::read(&file).expect("reads");
    let answer = import_06(&root, &to, &ImportOptions::default(), &mut |_| {
        bytes.extend_from_slice(b"LAWL");
        std::fs::write(&file, &bytes).expect("writes");
    });
    let error = answer.expect_err("a program appends").to_string();
    assert!(error.contains("changed while it was read"), "{error}");
    assert!(!to.exists() && !place.path().join("new#new").exists());
}

#[test]
fn an_import_that_was_interrupted_is_named_and_not_touched() {
    let place = temp_dir();
    let (to, left) = (place.path().join("new"), place.path().join("new#new"));
    std::fs::create_dir(&left).expect("makes");
    std::fs::write(left.join("mine"), b"x").expect("writes");
    let error = import(&data().join("small"), &to, &ImportOptions::default());
    let error = error.expect_err("it is in the way").to_string();
    assert!(
        error.contains("new#new") && error.contains("remove it"),
        "{error}"
    );
    assert!(left.join("mine").exists() && !to.exists());
}

/// Names, kinds and contents of everything in a root; links are not followed.
#[cfg(unix)]
fn seen(dir: &Path) -> Vec<(PathBuf, String, Vec<u8>)> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(dir).expect("lists") {
        let path = entry.expect("an entry").path();
        let facts = std::fs::symlink_metadata(&path).expect("is there");
        let kind = format!("{:?} {:?}", facts.file_type(), facts.modified());
        let content = match facts.is_file() {
            true => std::fs::read(&path).expect("reads"),
            false => Vec::new(),
        };
        if facts.is_dir() {
            seen.extend(self::seen(&path));
        }
        seen.push((path, kind, content));
    }
    seen.sort();
    seen
}

/// Puts something that is no regular file under a name.
#[cfg(unix)]
fn put_odd(kind: &str, path: &Path) {
    use std::os::unix::fs::symlink;
    let _ = std::fs::remove_file(path);
    match kind {
        "a directory" => std::fs::create_dir(path).expect("makes"),
        "a full directory" => {
            std::fs::create_dir(path).expect("makes");
            std::fs::write(path.join("x"), b"x").expect("writes");
        }
        "a pipe" => {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo runs").success());
        }
        "a link to itself" => symlink(path, path).expect("links"),
        "a link to nothing" => symlink("/nowhere/at/all", path).expect("links"),
        "a link to a device" => symlink("/dev/zero", path).expect("links"),
        "a link through a file" => symlink("/dev/null/x", path).expect("links"),
        _ => panic!("{kind}"),
    }
}

/// An import ended with "Is a directory" where a name that the crate gives to a derived file was that of a directory, and
/// left out all checkpoints with a note where that of their file was.
#[cfg(unix)]
#[test]
fn what_stands_under_the_name_of_a_file_and_is_none_is_named_and_passed_over() {
    let kinds = [
        "a directory",
        "a full directory",
        "a pipe",
        "a link to itself",
        "a link to nothing",
        "a link to a device",
        "a link through a file",
    ];
    // The root, the name in it, the options, the exit code, and how bad the finding is.
    let rows: [(&str, &str, &[&str], i32, &str); 10] = [
        ("small", "s/segments.idx", &[], 0, "note"),
        ("small", "s/head.state", &[], 0, "note"),
        ("small", "s/segments.idx.tmp", &[], 0, ""),
        ("small", "s/00000000000000000008.wal", &[], 1, "damage"),
        ("sharded", "HEAD", &[], 0, "note"),
        ("sharded", "shards.meta", &[], 0, "note"),
        ("sharded", "LOCK", &[], 0, "note"),
        ("sharded", "checkpoints.log.tmp", &[], 0, "note"),
        ("sharded", "checkpoints.log", &["--shards=4"], 1, "damage"),
        ("sharded", "checkpoints.log", &[], 3, ""),
    ];
    for (root, name, options, code, severity) in rows {
        for kind in kinds {
            let case = format!("{root}, {name} is {kind}");
            let place = temp_dir();
            let (from, to) = (place.path().join("old"), place.path().join("new"));
            copy_dir(&data().join(root), &from);
            put_odd(kind, &from.join(name));
            let before = seen(&from);
            let mut arguments = vec!["import", path(&from), path(&to), "--json"];
            arguments.extend(options);
            let (answer, out, errors) = tool(&arguments);
            assert_eq!(answer, code, "{case}: {out}{errors}");
            assert!(seen(&from) == before, "{case}: the old root has changed");
            if code == 3 {
                assert!(out.contains("--shards N"), "{case}: {out}{errors}");
                assert!(!to.exists(), "{case}");
                continue;
            }
            let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            let findings = report["findings"].as_array().expect("a list");
            let file = from.join(name);
            let mut of_file = findings.iter().filter(|found| found["path"] == path(&file));
            match severity {
                "" => assert!(of_file.next().is_none(), "{case}: {report}"),
                _ => assert!(
                    of_file.any(|found| found["severity"] == severity),
                    "{case}: {report}"
                ),
            }
            let wal = open(&to);
            for (stream, mut entries) in expected(root).streams {
                if name.ends_with("8.wal") {
                    entries.retain(|id, _| *id < 8);
                }
                assert_eq!(self::entries(&wal, &stream), entries, "{case}: {stream}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn an_old_root_that_is_no_directory_is_refused_with_its_name() {
    for kind in ["a pipe", "a link to itself", "a link to nothing", "a file"] {
        let place = temp_dir();
        let (from, to) = (place.path().join("old"), place.path().join("new"));
        match kind {
            "a file" => std::fs::write(&from, b"x").expect("writes"),
            _ => put_odd(kind, &from),
        }
        let (code, out, errors) = tool(&["import", path(&from), path(&to)]);
        assert_eq!((code, out.as_str()), (3, ""), "{kind}: {errors}");
        assert!(errors.contains(path(&from)), "{kind}: {errors}");
        assert!(!to.exists(), "{kind}");
    }
}
