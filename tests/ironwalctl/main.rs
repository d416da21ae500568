//! The command line tool: what it prints, for people and for programs, its exit codes, and that it
//! changes nothing but makes copies.

mod changed_streams;
mod checkpoints;
mod colors;
mod exit_codes;
mod export_and_load;
mod generated_files;
mod import;
mod journal;
mod json_schemas;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod tail_and_grep;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use ironwal::*;
use serde_json::Value;

use support::all_entries;
use support::copy_dir;
use support::entry;
use support::everything;
use support::options;
use support::segments_in;
use support::temp_dir;

/// Exit code, standard output, standard error.
type Answer = (i32, String, String);

fn tool(arguments: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
        .args(arguments)
        .output()
        .expect("the tool runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("not killed");
    (code, text(output.stdout), text(output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, text, errors) = tool(arguments);
    let value = serde_json::from_str(&text);
    (
        code,
        value.unwrap_or_else(|error| panic!("{error}: {text}{errors}")),
    )
}

fn number(value: &Value, field: &str) -> u64 {
    value[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} in {value}"))
}

/// A log with two streams: single entries and batches, sealed segments, truncated, closed.
fn closed_log(place: &Path) -> PathBuf {
    let mut how = options(place, SyncMode::Async);
    how.max_segment_size = 4096;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    for id in 0..200 {
        wal.append("s", &entry(id)).expect("appends");
    }
    for _ in 0..30 {
        wal.append_batch("odd \"key\"", &[b"a", b"", b"\x00\xff\n"])
            .expect("appends");
    }
    wal.truncate("s", 60).expect("cuts");
    wal.close().expect("closes");
    root
}

fn harm(file: &Path, harm: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).expect("reads");
    harm(&mut bytes);
    std::fs::write(file, bytes).expect("writes");
}

#[test]
fn a_whole_log_is_verified_counted_and_dumped_and_not_changed() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let before = everything(&root);
    let (code, verified) = json(&["verify", path(&root), "--json"]);
    assert_eq!(
        (code, verified["clean"].as_bool()),
        (0, Some(true)),
        "{verified}"
    );
    assert_eq!(number(&verified, "streams"), 2);
    assert_eq!(verified["findings"], serde_json::json!([]));
    let (code, counted) = json(&["stat", path(&root), "--json"]);
    assert_eq!(code, 0);
    let streams = counted["streams"].as_array().expect("a list");
    assert_eq!(streams[0]["key"], "odd \"key\"");
    assert_eq!(streams[1]["key"], "s");
    let first = number(&streams[1], "first_id");
    assert!(first > 0 && first <= 60);
    assert_eq!(number(&streams[1], "next_id"), 200);
    assert_eq!(number(&streams[1], "durable_end"), 200);
    let segments = segments_in(&root.join("s")).len() as u64;
    assert_eq!(number(&streams[1], "segments"), segments);
    assert_eq!(number(&streams[1], "sealed_segments"), segments - 1);
    assert_eq!(number(&verified, "entries"), 200 - first + 90);
    assert_eq!(streams[1]["error"], Value::Null);
    let (code, text, _) = tool(&["dump", path(&root), "--stream", "s", "--json"]);
    assert_eq!(code, 0);
    let mut next = first;
    for line in text.lines() {
        let dumped: Value = serde_json::from_str(line).expect("an object a line");
        assert_eq!(number(&dumped, "id"), next);
        assert_eq!(dumped["data_base64"], base64(&entry(next)));
        assert_eq!(number(&dumped, "length"), entry(next).len() as u64);
        next += 1;
    }
    assert_eq!(next, 200);
    let range = [
        "dump",
        path(&root),
        "--stream=s",
        "--from",
        "100",
        "--to=103",
    ];
    let (code, text, _) = tool(&range);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((code, lines.len()), (0, 3));
    for (line, id) in lines.iter().zip(100..) {
        let bytes = entry(id);
        let expected = format!("\"s\" {id} {} {}", bytes.len(), bytes.escape_ascii());
        assert_eq!(*line, expected);
    }
    for plain in ["verify", "stat", "dump"] {
        let (code, text, errors) = tool(&[plain, path(&root)]);
        assert!(
            code == 0 && !text.is_empty() && errors.is_empty(),
            "{plain}: {errors}"
        );
    }
    assert!(everything(&root) == before, "the directory was changed");
}

fn base64(bytes: &[u8]) -> String {
    // As RFC 4648 says it, bit by bit.
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let mut text: String = bits
        .chunks(6)
        .map(|chunk| {
            let value = chunk.iter().fold(0, |value, bit| value << 1 | bit);
            char::from(DIGITS[usize::from(value << (6 - chunk.len()))])
        })
        .collect();
    while text.len() % 4 != 0 {
        text.push('=');
    }
    text
}

#[test]
fn damage_is_reported_with_file_place_and_ids_and_by_the_exit_code() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let segment = &segments_in(&root.join("s"))[1];
    // The payload of the first frame of a sealed segment.
    harm(segment, |bytes| bytes[1536 + 36] ^= 1);
    let before = everything(&root);
    let name = segment
        .file_stem()
        .expect("a name")
        .to_str()
        .expect("UTF-8");
    let id: u64 = name.parse().expect("digits");
    let (code, verified) = json(&["verify", path(&root), "--json", "--stream", "s"]);
    assert_eq!((code, verified["clean"].as_bool()), (1, Some(false)));
    let findings = verified["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["severity"], "damage");
    assert_eq!(findings[0]["stream"], "s");
    let reported = PathBuf::from(findings[0]["path"].as_str().expect("a path"));
    assert!(reported.ends_with(segment.file_name().expect("a name")));
    assert_eq!(number(&findings[0], "offset"), 1536);
    let ids = (
        number(&findings[0], "first_id"),
        number(&findings[0], "end_id"),
    );
    assert_eq!(ids, (id, id + 1));
    let (code, text, _) = tool(&["verify", path(&root)]);
    assert!(code == 1 && text.contains("damage stream \"s\"") && text.contains("NOT CLEAN"));
    let (code, text, _) = tool(&["dump", path(&root), "--stream", "s"]);
    assert_eq!(code, 1);
    assert!(text.contains(&format!("\"s\" {id}..{} unreadable", id + 1)));
    assert!(text.contains("\"s\" 199 "));
    // Headers do not describe a payload.
    assert_eq!(tool(&["stat", path(&root)]).0, 0);
    assert!(everything(&root) == before, "the directory was changed");
    harm(segment, |bytes| bytes[600] ^= 1);
    assert_eq!(tool(&["stat", path(&root)]).0, 1);
}

#[test]
fn a_log_in_use_is_looked_at_without_disturbing_the_writer() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Strict);
    how.max_segment_size = 4096;
    let wal = Wal::new(how.clone()).expect("opens");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (wal, stop) = (wal.clone(), std::sync::Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut id = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                wal.append("s", &entry(id)).expect("appends");
                id += 1;
                if id % 200 == 0 {
                    wal.truncate("s", id - 100).expect("cuts");
                    wal.append("t", b"x").expect("appends");
                    wal.delete_stream("t").expect("deletes");
                }
            }
            id
        })
    };
    let root = path(&how.root_path);
    for round in 0..15 {
        let (code, text, errors) = tool(&["verify", root]);
        assert_eq!(code, 0, "round {round}: {text}{errors}");
        let (code, text, errors) = tool(&["stat", root]);
        assert_eq!(code, 0, "round {round}: {text}{errors}");
        let report = wal.verify().expect("verifies");
        assert!(report.is_clean(), "round {round}: {report:?}");
    }
    let copy = place.path().join("copy");
    let (code, _, errors) = tool(&["repair", root, "--to", path(&copy)]);
    assert!(code == 3 && errors.contains("locked"), "{errors}");
    assert!(!copy.exists());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let count = writer.join().expect("no append failed");
    assert_eq!(
        wal.stream("s").and_then(|s| s.next_id()).expect("is known"),
        count
    );
}

#[test]
fn a_repair_makes_a_healthy_copy_of_what_is_readable_and_leaves_the_log_alone() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let segments = segments_in(&root.join("s"));
    let first_of = |segment: &PathBuf| -> u64 {
        let name = segment
            .file_stem()
            .expect("a name")
            .to_str()
            .expect("UTF-8");
        name.parse().expect("digits")
    };
    // A payload, a frame header, and a whole segment.
    harm(&segments[0], |bytes| bytes[1536 + 36] ^= 1);
    harm(&segments[1], |bytes| bytes[1536] ^= 1);
    std::fs::remove_file(&segments[3]).expect("removes");
    let before = everything(&root);
    let copy = place.path().join("copy");
    let (code, repaired) = json(&["repair", path(&root), "--to", path(&copy), "--json"]);
    assert_eq!(code, 1, "{repaired}");
    assert!(everything(&root) == before, "the log was changed");
    let stream = repaired["streams"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|stream| stream["key"] == "s")
        .expect("the stream");
    assert_eq!(number(stream, "next_id"), 200);
    assert_eq!(number(stream, "old_next_id"), 200);
    let mut lost = std::collections::BTreeSet::new();
    for run in stream["lost"].as_array().expect("a list") {
        lost.extend(number(run, "first_id")..number(run, "end_id"));
    }
    assert!(lost.contains(&first_of(&segments[0])) && lost.contains(&first_of(&segments[1])));
    assert!((first_of(&segments[3])..first_of(&segments[4])).all(|id| lost.contains(&id)));
    let (code, verified) = json(&["verify", path(&copy), "--json"]);
    assert_eq!(
        (code, verified["clean"].as_bool()),
        (0, Some(true)),
        "{verified}"
    );
    {
        let mut how = WalOptions::new(&copy);
        how.on_corruption = CorruptionPolicy::Error;
        let wal = Wal::new(how).expect("a healthy log");
        let first = wal
            .stream("s")
            .and_then(|s| s.first_id())
            .expect("is known");
        assert_eq!(first, first_of(&segments[0]) + 1, "the first is lost");
        for id in first_of(&segments[0])..200 {
            match wal.get("s", id) {
                Ok(Some(bytes)) => assert!(bytes == entry(id) && !lost.contains(&id)),
                Err(Error::SegmentNotFound(_)) => assert!(lost.contains(&id), "{id}"),
                other => panic!("{id}: {other:?}"),
            }
        }
        assert_eq!(all_entries(&wal, "odd \"key\"").len(), 90);
        wal.append("s", b"more").expect("goes on");
        wal.truncate("s", 190).expect("is usable");
    }
    let (code, _, errors) = tool(&["repair", path(&root), "--to", path(&copy)]);
    assert!(code == 3 && errors.contains("exists"), "{errors}");
    let inside = root.join("inside");
    let (code, ..) = tool(&["repair", path(&root), "--to", path(&inside)]);
    assert!(code == 3 && !inside.exists());
}

#[test]
fn a_copy_of_a_whole_log_holds_the_same_entries_in_the_same_frames() {
    let place = temp_dir();
    let root = closed_log(place.path());
    for (number, extra) in [None, Some("--compress")].into_iter().enumerate() {
        let copy = place.path().join(format!("copy {number}"));
        let mut arguments = vec!["repair", path(&root), "--to", path(&copy)];
        arguments.extend(extra);
        let (code, text, errors) = tool(&arguments);
        assert_eq!(code, 0, "{text}{errors}");
        let dump_of = |root: &Path| {
            let (code, text, _) = tool(&["dump", path(root), "--json"]);
            assert_eq!(code, 0);
            let lines = text.lines().map(|line| {
                let value: Value = serde_json::from_str(line).expect("an object");
                let fields = [
                    "stream",
                    "id",
                    "frame_first_id",
                    "frame_end_id",
                    "data_base64",
                ];
                fields.map(|field| value[field].clone())
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(dump_of(&root), dump_of(&copy));
        assert_eq!(tool(&["verify", path(&copy)]).0, 0);
    }
}

#[test]
fn damage_to_checkpoints_of_a_sharded_log_is_found() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Strict);
    let root = how.root_path.clone();
    let sharded = ShardedWal::new(how, 3).expect("opens");
    for key in 0..20_u8 {
        sharded.append(&[key], b"x").expect("appends");
    }
    sharded.create_checkpoint(b"one").expect("creates");
    sharded.create_checkpoint(b"two").expect("creates");
    drop(sharded);
    let (code, verified) = json(&["verify", path(&root), "--json"]);
    assert_eq!(
        (code, number(&verified, "checkpoints")),
        (0, 2),
        "{verified}"
    );
    for (name, at) in [
        ("checkpoints.log", 1600),
        ("checkpoints.log", 700),
        ("shards.meta", 9),
    ] {
        let copy = place.path().join(format!("{name} {at}"));
        copy_dir(&root, &copy);
        harm(&copy.join(name), |bytes| bytes[at] ^= 4);
        let (code, verified) = json(&["verify", path(&copy), "--json"]);
        assert_eq!(code, 1, "{name} {at}: {verified}");
        let found = verified["findings"][0]["path"].as_str().expect("a path");
        assert!(found.ends_with(name), "{verified}");
    }
}

#[test]
fn what_a_crash_leaves_is_a_note_and_no_damage() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let newest = segments_in(&root.join("s")).pop().expect("a segment");
    harm(&newest, |bytes| bytes.extend([1; 99]));
    std::fs::write(root.join("s/next#new"), b"").expect("writes");
    std::fs::create_dir(root.join("old#deleted")).expect("a directory");
    let (code, verified) = json(&["verify", path(&root), "--json"]);
    assert_eq!(
        (code, verified["clean"].as_bool()),
        (0, Some(true)),
        "{verified}"
    );
    let findings = verified["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(findings.iter().all(|found| found["severity"] == "note"));
}

#[test]
fn a_strangers_file_cannot_be_judged_and_stops_nothing_else() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let newest = segments_in(&root.join("s")).pop().expect("a segment");
    harm(&newest, |bytes| bytes.fill(7));
    let (code, verified) = json(&["verify", path(&root), "--json"]);
    assert_eq!(code, 3, "{verified}");
    assert_eq!(verified["findings"][0]["severity"], "unreadable");
    assert_eq!(
        number(&verified, "entries"),
        90,
        "the other stream was read"
    );
    assert_eq!(tool(&["stat", path(&root)]).0, 3);
    assert_eq!(tool(&["dump", path(&root)]).0, 3);
}

#[test]
fn the_exit_code_distinguishes_wrong_usage_from_what_cannot_be_done() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let here = path(&root);
    let empty = path(place.path());
    let rows: [(i32, &[&str]); 18] = [
        (2, &[]),
        (2, &["frobnicate"]),
        (2, &["verify"]),
        (2, &["verify", here, here]),
        (2, &["verify", here, "--to", "3"]),
        (2, &["verify", here, "--json=yes"]),
        (2, &["dump", here, "--from", "x"]),
        (2, &["dump", here, "--from"]),
        (2, &["repair", here]),
        (2, &["help", "frobnicate"]),
        (3, &["verify", "/nonexistent"]),
        (3, &["verify", empty]),
        (3, &["stat", empty]),
        (3, &["dump", here, "--stream", "unknown"]),
        (0, &["help"]),
        (0, &["verify", "--help"]),
        (0, &["--version"]),
        (0, &["verify", "--", here]),
    ];
    for (expected, arguments) in rows {
        let (code, text, errors) = tool(arguments);
        assert_eq!(code, expected, "{arguments:?}: {text}{errors}");
        assert_eq!(errors.is_empty(), code == 0, "{arguments:?}: {errors}");
    }
    let (_, _, errors) = tool(&["verify", here, "--progress"]);
    assert!(errors.contains("100 %"), "{errors}");
}

/// What is printed holds nothing that could steer a terminal, and no line that the tool did not mean.
fn is_harmless(what: &str, printed: &str) {
    let steers = |letter: char| {
        letter.is_control() && letter != '\n' || matches!(letter, '\u{202a}'..='\u{202e}')
    };
    assert!(!printed.contains(steers), "{what}: {printed:?}");
    let forged = printed.lines().any(|line| line.starts_with("forged"));
    assert!(!forged, "{what}: {printed}");
}

#[cfg(unix)]
#[test]
fn nothing_that_comes_from_outside_reaches_a_terminal_raw() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    const EVIL: &str = "\x1b]0;owned\x07\u{9b}2J\r\nforged\x7f\u{202e}";
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    how.root_path = place.path().join(format!("log{EVIL}"));
    how.max_segment_size = 4096;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    for stream in ["a\x1b[2J\u{9b}\u{202e}", "b"] {
        for id in 0..200 {
            wal.append(stream, &entry(id)).expect("appends");
        }
    }
    wal.append("b", EVIL.as_bytes()).expect("appends");
    wal.close().expect("closes");
    // A damaged payload, a segment of another's, a file and a link that are none of the log's.
    let b = segments_in(&root.join("b"));
    harm(&b[0], |bytes| bytes[1536 + 40] ^= 1);
    std::fs::write(root.join(format!("file{EVIL}")), b"x").expect("writes");
    std::fs::write(root.join("b").join(format!("file{EVIL}")), b"x").expect("writes");
    std::fs::create_dir(root.join(format!("directory{EVIL}"))).expect("makes");
    let strange = root.join(format!("stranger{EVIL}"));
    std::fs::create_dir(&strange).expect("makes");
    std::fs::write(strange.join(b[0].file_name().expect("a name")), [7; 4096]).expect("writes");
    let no_text = place.path().join(OsStr::from_bytes(b"none\xff\xfe\x1b"));

    let copy = |name: &str| place.path().join(format!("{name}{EVIL}"));
    let [first, second] = [copy("first"), copy("second")];
    let evil = OsStr::new(EVIL);
    let to = |path: &Path| [OsStr::new("--to"), path.as_os_str()].map(OsStr::to_owned);
    let rows: [(&str, &Path, Vec<std::ffi::OsString>); 19] = [
        ("tail", &root, vec![]),
        ("tail", &root, vec!["--json".into()]),
        ("grep", &root, vec![evil.to_owned()]),
        ("grep", &root, vec![evil.to_owned(), "--json".into()]),
        ("export", &root, vec!["--text".into()]),
        ("export", &root, vec!["--format".into(), evil.to_owned()]),
        ("load", &root, vec![evil.to_owned()]),
        ("verify", &root, vec![]),
        ("verify", &root, vec!["--json".into()]),
        ("stat", &root, vec![]),
        ("stat", &root, vec!["--json".into()]),
        ("dump", &root, vec![]),
        ("dump", &root, vec!["--json".into()]),
        ("dump", &root, vec!["--stream".into(), evil.to_owned()]),
        ("dump", &root, vec!["--from".into(), evil.to_owned()]),
        ("repair", &root, to(&first).to_vec()),
        (
            "repair",
            &root,
            [to(&second).to_vec(), vec!["--json".into()]].concat(),
        ),
        ("repair", &root, to(&first).to_vec()),
        ("verify", &no_text, vec![]),
    ];
    let mut seen = String::new();
    let mut run = |arguments: Vec<&OsStr>| {
        let output = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
            .args(&arguments)
            .output()
            .expect("the tool runs");
        for printed in [output.stdout, output.stderr] {
            let printed = String::from_utf8(printed).expect("UTF-8");
            is_harmless(&format!("{arguments:?}"), &printed);
            seen += &printed;
        }
    };
    for (command, directory, more) in &rows {
        let mut arguments = vec![OsStr::new(command), directory.as_os_str()];
        arguments.extend(more.iter().map(|more| more.as_os_str()));
        run(arguments);
    }
    for arguments in [
        vec![evil],
        vec![OsStr::new("help"), evil],
        vec![OsStr::new("verify"), OsStr::new("x"), evil, evil],
        vec![OsStr::new("verify"), OsStr::new("--\x1b[2J")],
        vec![OsStr::new("verify"), evil],
        vec![
            OsStr::new("repair"),
            root.as_os_str(),
            OsStr::new("--to"),
            evil,
            OsStr::new("--x=\x1b"),
        ],
    ] {
        run(arguments);
    }
    for escaped in [
        "log\\u{1b}]0;owned\\u{7}\\u{9b}2J\\r\\nforged",
        "none",
        "\\u001b]0;owned\\u0007\\u009b2J",
    ] {
        assert!(seen.contains(escaped), "{escaped} in {seen}");
    }
}

#[test]
fn the_advice_of_the_tool_fits_what_is_wrong() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let file = place.path().join("file");
    std::fs::write(&file, b"x").expect("writes");
    let below_a_file = file.join("log");
    let writer = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    let (copy, nowhere) = (place.path().join("copy"), place.path().join("no/copy"));
    let rows: [(&[&str], &str); 7] = [
        (&["verify", "/nonexistent/log"], "check the path"),
        (&["stat", "/nonexistent"], "check the path"),
        (&["dump", path(&below_a_file)], "no directory"),
        (&["verify", path(&file)], "no directory"),
        (&["verify", path(place.path())], "the writing program opens"),
        (
            &["repair", path(&root), "--to", path(&copy)],
            "close the other writer",
        ),
        (
            &["repair", path(&root), "--to", path(&nowhere)],
            "check the path",
        ),
    ];
    for (arguments, advised) in rows {
        let (code, _, errors) = tool(arguments);
        assert_eq!(code, 3, "{arguments:?}: {errors}");
        let advice = errors.lines().last().expect("advice");
        assert!(advice.contains(advised), "{arguments:?}: {errors}");
        assert!(!errors.contains("disk"), "{arguments:?}: {errors}");
    }
    writer.close().expect("closes");
}

#[test]
fn every_flipped_bit_of_a_closed_log_is_found() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Strict);
    how.max_segment_size = 700;
    let wal = Wal::new(how.clone()).expect("opens");
    for id in 0..8 {
        wal.append("s", &entry(id)).expect("appends");
        wal.append_batch("s", &[b"a", b"", b"bcd"])
            .expect("appends");
    }
    wal.close().expect("closes");
    let reader = Wal::open_read_only(how.clone()).expect("opens");
    let report = reader.verify().expect("verifies");
    assert!(report.findings.is_empty(), "{report:?}");
    let segments = segments_in(&how.root_path.join("s"));
    assert!(segments.len() > 2);
    let mut flips = 0;
    for segment in &segments {
        let whole = std::fs::read(segment).expect("reads");
        for at in (0..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(segment, &bytes).expect("writes");
            let report = reader.verify().expect("verifies");
            assert!(!report.is_clean(), "{} at {at}", segment.display());
            flips += 1;
        }
        std::fs::write(segment, &whole).expect("writes");
    }
    assert!(flips > 500, "{flips} bits were flipped");
    assert!(reader.verify().expect("verifies").findings.is_empty());
}

/// One sample of the text exposition format.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    stream: Option<String>,
    value: u64,
}

/// Parses the text exposition format of Prometheus, 0.0.4, as strictly as its description allows, for gauges
/// with whole numbers and the label `stream`: HELP, then TYPE, then the samples of that name, each series once.
fn parse_exposition(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "the last line ends with a line feed");
    let is_name = |name: &str| {
        let mut letters = name.chars();
        let first = letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        first && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut samples: Vec<Sample> = Vec::new();
    let mut described: Vec<String> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, what) = help.split_once(' ').expect("a text");
            assert!(
                is_name(name) && !what.is_empty() && !what.contains('\\'),
                "{line}"
            );
            assert!(!described.iter().any(|known| known == name), "{name} twice");
            assert_eq!(lines.next(), Some(&*format!("# TYPE {name} gauge")));
            described.push(name.to_owned());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        let (name, stream) = match series.split_once('{') {
            None => (series, None),
            Some((name, labels)) => {
                let quoted = labels.strip_prefix("stream=\"").expect("the label");
                let quoted = quoted.strip_suffix("\"}").expect("an end");
                (name, Some(unescaped(quoted)))
            }
        };
        assert_eq!(Some(name), described.last().map(|name| &**name), "{line}");
        let sample = Sample {
            name: name.to_owned(),
            stream,
            value,
        };
        let is_twice = |s: &&Sample| s.name == sample.name && s.stream == sample.stream;
        assert!(samples.iter().find(is_twice).is_none(), "{line}");
        samples.push(sample);
    }
    samples
}

/// A label's value without the escapes of the format.
fn unescaped(quoted: &str) -> String {
    let mut letters = quoted.chars();
    let mut value = String::new();
    while let Some(letter) = letters.next() {
        assert!(letter != '"' && letter != '\n', "{quoted}");
        match letter {
            '\\' => match letters.next() {
                Some('n') => value.push('\n'),
                Some(escaped @ ('\\' | '"')) => value.push(escaped),
                other => panic!("no such escape: {other:?} in {quoted}"),
            },
            letter => value.push(letter),
        }
    }
    value
}

#[test]
fn figures_for_prometheus_are_in_its_format_whatever_the_keys() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let wal = Wal::new(options(place.path(), SyncMode::Strict)).expect("opens");
    for key in [
        "back\\slash",
        "two\nlines",
        "\x1b[31m",
        "\\u{1b}[31m",
        "é}\",x=\"",
    ] {
        wal.append(key, b"x").expect("appends");
    }
    wal.close().expect("closes");
    let (code, text, errors) = tool(&["stat", path(&root), "--prometheus"]);
    assert_eq!((code, &*errors), (0, ""));
    is_harmless("prometheus", &text);
    let samples = parse_exposition(&text);
    let of = |name: &str, stream: Option<&str>| {
        let is_it = |s: &&Sample| s.name == name && s.stream.as_deref() == stream;
        samples.iter().find(is_it).map(|sample| sample.value)
    };
    assert_eq!(of("ironwal_streams", None), Some(7));
    assert_eq!(of("ironwal_stream_next_id", Some("s")), Some(200));
    assert_eq!(of("ironwal_stream_durable_end", Some("s")), Some(200));
    assert_eq!(of("ironwal_stream_unreadable", Some("s")), Some(0));
    let odd = [
        "odd \"key\"",
        "back\\\\slash",
        "two\\nlines",
        "\\u{1b}[31m",
        "\\\\u{1b}[31m",
        "é}\",x=\"",
    ];
    for key in odd {
        assert!(
            of("ironwal_stream_next_id", Some(key)).is_some(),
            "{key}: {text}"
        );
    }
    // Of a stream that cannot be opened there are no ids.
    let segments = segments_in(&root.join("s"));
    std::fs::write(&segments[0], "LAWL0.6").expect("writes");
    let (code, text, _) = tool(&["stat", path(&root), "--prometheus", "--stream", "s"]);
    assert_eq!(code, 3);
    let samples = parse_exposition(&text);
    let names: Vec<(&str, u64)> = samples.iter().map(|s| (&*s.name, s.value)).collect();
    assert_eq!(
        names[..2],
        [("ironwal_streams", 1), ("ironwal_stream_unreadable", 1)]
    );
    assert!(!text.contains("ironwal_stream_next_id{"), "{text}");
}

#[test]
fn a_watched_log_shows_what_changes_beside_its_writer() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let wal = Wal::new(options(place.path(), SyncMode::Strict)).expect("opens");
    let done = std::sync::atomic::AtomicBool::new(false);
    let (code, text, errors) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                wal.append("s", &entry(1)).expect("appends");
            }
        });
        let arguments = [
            "stat",
            path(&root),
            "--watch",
            "--interval",
            "0.05",
            "--count=4",
            "--json",
        ];
        let answer = tool(&arguments);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        answer
    });
    assert_eq!((code, &*errors), (0, ""));
    let looks: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(looks.len(), 4);
    let mut next = 0;
    for (number_of_look, look) in looks.iter().enumerate() {
        let of = |key| {
            let streams = look["streams"].as_array().expect("a list");
            streams
                .iter()
                .find(|stream| stream["key"] == key)
                .expect("is there")
        };
        let rate = &of("s")["ids_per_second"];
        assert_eq!(rate.is_null(), number_of_look == 0, "{look}");
        if number_of_look > 0 {
            let grown = number(of("s"), "next_id") > next;
            assert_eq!(rate.as_i64().expect("a number") > 0, grown, "{look}");
            assert_eq!(of("odd \"key\"")["ids_per_second"], 0);
        }
        next = number(of("s"), "next_id");
    }
    assert!(next > 200, "the writer went on");
    wal.close().expect("closes");
    let (code, text, _) = tool(&[
        "stat",
        path(&root),
        "--watch",
        "--count",
        "2",
        "--interval=0.001",
    ]);
    assert_eq!(code, 0);
    assert_eq!(text.matches(" ids/s, ").count(), 2, "{text}");
    assert_eq!(text.matches("2 streams, ").count(), 2, "{text}");
}

#[test]
fn watching_ends_without_a_word_when_its_output_is_closed() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
        .args(["stat", path(&root), "--watch", "--interval", "0.01"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the tool runs");
    // After the first bytes nothing reads any more.
    let mut first = [0; 1];
    let mut output = child.stdout.take().expect("a pipe");
    std::io::Read::read_exact(&mut output, &mut first).expect("reads");
    drop(output);
    let ended = child.wait_with_output().expect("ends");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(ended.stderr, b"");
}

#[test]
fn options_of_stat_that_do_not_go_together_are_refused() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let root = path(&root);
    for arguments in [
        &["stat", root, "--count", "1"][..],
        &["stat", root, "--interval", "1"],
        &["stat", root, "--json", "--prometheus"],
        &["stat", root, "--watch", "--prometheus"],
        &["stat", root, "--watch", "--interval", "0"],
        &["stat", root, "--watch", "--interval", "nan"],
        &["stat", root, "--watch", "--interval", "-1"],
        &["stat", root, "--watch", "--count", "0"],
        &["verify", root, "--watch"],
        &["dump", root, "--prometheus"],
    ] {
        let (code, text, errors) = tool(arguments);
        assert_eq!((code, &*text), (2, ""), "{arguments:?}: {errors}");
    }
}

/// Opens a copy, which must need no recovery.
fn open_whole(dir: &Path) -> Wal {
    let mut how = WalOptions::new(dir);
    how.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::new(how).expect("opens");
    assert!(wal.recovery().streams.is_empty(), "{:?}", wal.recovery());
    wal
}

#[test]
fn a_snapshot_of_a_log_in_use_opens_as_that_log() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    wal.append("s", b"newest").expect("appends");
    let end = wal.stream("s").and_then(|s| s.next_id()).expect("known");
    for (name, copies) in [("linked", false), ("copied", true)] {
        let copy = place.path().join(name);
        let mut arguments = vec!["snapshot", path(&root), path(&copy), "--json"];
        if copies {
            arguments.push("--copy");
        }
        let (code, answer) = json(&arguments);
        assert_eq!(code, 0, "{answer}");
        assert_eq!(answer["one_moment"], true, "{answer}");
        assert_eq!(copies, number(&answer, "segments_linked") == 0, "{answer}");
        let of_s = answer["streams"].as_array().expect("streams");
        let of_s = of_s.iter().find(|stream| stream["key"] == "s");
        assert_eq!(number(of_s.expect("it is there"), "next_id"), end);
        let (code, text, errors) = tool(&arguments[..3]);
        assert_eq!(code, 3, "it exists: {text}{errors}");
        for key in wal.streams().expect("lists") {
            let copy = Wal::open_read_only(WalOptions::new(&copy)).expect("opens");
            assert_eq!(all_entries(&copy, &key), all_entries(&wal, &key), "{key}");
        }
        open_whole(&copy).close().expect("closes");
    }
    let text = place.path().join("text");
    let (code, said, errors) = tool(&["snapshot", path(&root), path(&text)]);
    assert_eq!(code, 0, "{errors}");
    assert!(said.contains("at one moment"), "{said}");
    wal.close().expect("closes");
    // No log, no second directory, too many.
    let nothing = place.path().join("nothing");
    let inside = root.join("inside");
    let rows: [(&[&str], i32); 4] = [
        (&["snapshot", "/nonexistent/log", path(&nothing)], 3),
        (&["snapshot", path(&root), path(&inside)], 3),
        (&["snapshot", path(&root)], 2),
        (&["snapshot", path(&root), path(&nothing), "third"], 2),
    ];
    for (arguments, expected) in rows {
        assert_eq!(tool(arguments).0, expected, "{arguments:?}");
    }
    assert!(!nothing.exists());
}

#[test]
fn a_snapshot_shows_its_progress_on_request() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let arguments = |copy: &str| ["snapshot", path(&root), copy].map(str::to_owned);
    let quiet = arguments(path(&place.path().join("quiet")));
    let quiet: Vec<&str> = quiet.iter().map(String::as_str).collect();
    // The standard error of a test is no terminal.
    let (code, said, errors) = tool(&quiet);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    for option in ["--json", "--copy"] {
        let with = arguments(path(&place.path().join(option)));
        let mut with: Vec<&str> = with.iter().map(String::as_str).collect();
        with.extend([option, "--progress"]);
        let (code, said, errors) = tool(&with);
        assert_eq!(code, 0, "{said}{errors}");
        assert!(!said.contains('%'), "{said}");
        let percents: Vec<u64> = errors
            .lines()
            .map(|line| {
                let (percent, rest) = line.split_once(" % of ").expect("a line of progress");
                assert!(rest.contains(" bytes, "), "{line}");
                percent.trim().parse().expect("a number")
            })
            .collect();
        assert!(percents.is_sorted(), "{percents:?}");
        assert_eq!(percents.first(), Some(&0));
        assert_eq!(percents.last(), Some(&100));
    }
}

#[test]
fn the_progress_of_a_snapshot_ends_with_all_bytes() {
    use ironwal::sharded::snapshot_beside_writer_with_progress;
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    how.max_segment_size = 300_000;
    let wal = Wal::new(how.clone()).expect("opens");
    for key in ["a", "b", "c"] {
        for _ in 0..10 {
            wal.append(key, &[7; 100_000]).expect("appends");
        }
    }
    let reader = Wal::open_read_only(how).expect("opens");
    for (name, mode) in [
        ("linked", SnapshotMode::Link),
        ("copied", SnapshotMode::Copy),
    ] {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&seen);
        let copy = place.path().join(name);
        let report = snapshot_beside_writer_with_progress(&reader, &copy, mode, move |progress| {
            sink.lock().expect("no panic").push(progress);
        });
        assert_eq!(report.expect("copies").streams.len(), 3);
        let seen = seen.lock().expect("no panic");
        let (first, last) = (seen[0], seen[seen.len() - 1]);
        assert_eq!(first.bytes_done, 0);
        assert!(last.bytes_total > 3_000_000, "{last:?}");
        assert_eq!(last.bytes_done, last.bytes_total, "{name}");
        assert!(seen.iter().all(|one| one.bytes_total == last.bytes_total));
        assert!(seen.is_sorted_by_key(|one| one.bytes_done));
        let steps = seen
            .windows(2)
            .map(|two| two[1].bytes_done - two[0].bytes_done);
        // Piece by piece where bytes are copied.
        let most = steps.max().expect("steps");
        assert!(name == "linked" || most <= 200_000, "{name}: {most}");
    }
    // One that cannot be made reports nothing, or not all.
    let exists = place.path().join("linked");
    let refused =
        snapshot_beside_writer_with_progress(&reader, &exists, SnapshotMode::Link, |_| {
            panic!("nothing is copied")
        });
    assert!(matches!(refused, Err(Error::Config(_))), "{refused:?}");
}

#[test]
fn a_snapshot_of_a_sharded_log_in_use_has_its_checkpoints() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    how.max_entries_per_segment = 20;
    let root = how.root_path.clone();
    let sharded = ShardedWal::new(how, 3).expect("opens");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0_u64.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                sharded.append(&n.to_le_bytes(), b"x").expect("appends");
                let id = (n / 50 % 4).to_le_bytes();
                match n % 200 {
                    0 | 50 | 100 | 150 => sharded.create_checkpoint(&id).expect("creates"),
                    // What is left is unknown here: it may be superseded.
                    120 => drop(sharded.rollback_to_checkpoint(&1_u64.to_le_bytes())),
                    180 => drop(sharded.compact_checkpoints(2)),
                    _ => {}
                }
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        let taken: Vec<(i32, String)> = (0..8)
            .map(|round| {
                let copy = place.path().join(format!("copy-{round}"));
                let (code, _, errors) = tool(&["snapshot", path(&root), path(&copy)]);
                (code, errors)
            })
            .collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(taken.iter().all(|(code, _)| *code == 0), "{taken:?}");
    });
    for round in 0..8 {
        let copy = place.path().join(format!("copy-{round}"));
        let copy = ShardedWal::on(open_whole(&copy), ShardedOptions::new(3)).expect("opens");
        let checkpoints = copy.list_checkpoints();
        for (id, _) in &checkpoints {
            let data = copy.load_checkpoint(id).expect("loads");
            for (shard, offset) in (0..).zip(&data.offsets) {
                let there = copy.iter_shard(shard, 0).expect("iterates").count() as u64;
                assert!(there >= *offset, "round {round}: shard {shard}");
            }
        }
        if let Some((newest, _)) = checkpoints.last() {
            copy.rollback_to_checkpoint(newest).expect("rolls back");
        }
        copy.close().expect("closes");
    }
}

/// It said "a torn tail" and no more. Nothing is cut by a command that changes nothing.
#[test]
fn verify_says_what_a_torn_tail_is_and_changes_nothing() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let newest = segments_in(&root.join("s")).pop().expect("a segment");
    let mut bytes = std::fs::read(&newest).expect("reads");
    let end = bytes.len();
    bytes.extend([0xAB; 77]);
    std::fs::write(&newest, bytes).expect("writes");
    let before = everything(&root);
    let (code, text, errors) = tool(&["verify", path(&root)]);
    assert_eq!(code, 0, "{text}{errors}");
    let place = format!("note stream \"s\" {} offset {end}: ", path(&newest));
    let what = "left by a crash and removed at the next open, or being written: a torn tail (no whole frame from here on; \
                never acknowledged as durable)";
    assert!(text.contains(&format!("{place}{what}\n")), "{text}");
    assert!(!text.contains("was cut"), "{text}");
    assert!(everything(&root) == before, "verify has changed something");
}
