//! What must hold: `load` makes of what `export` wrote a log with the same streams, ids, entries and properties, byte for
//! byte, in each format; and of nothing else a log at all.

use std::io::Write;
use std::process::Stdio;

use super::*;

/// The tool, with this as its standard input; its output as bytes.
fn fed(arguments: &[&str], input: &[u8]) -> (i32, Vec<u8>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    let written = std::thread::scope(|scope| {
        // A tool that refuses the input does not read all of it.
        scope.spawn(move || drop(pipe.write_all(input)));
        child.wait_with_output().expect("ends")
    });
    let code = written.status.code().expect("not killed");
    let errors = String::from_utf8(written.stderr).expect("UTF-8");
    (code, written.stdout, errors)
}

/// Each stream with its first id, its next id, its properties and its entries.
type Held = Vec<(
    String,
    u64,
    u64,
    Vec<(Vec<u8>, Vec<u8>)>,
    Vec<(u64, Vec<u8>)>,
)>;

fn held(root: &Path) -> Held {
    let mut how = WalOptions::new(root);
    how.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::open_read_only(how).expect("opens");
    let keys = wal.streams().expect("lists");
    keys.into_iter()
        .map(|key| {
            let stream = wal.stream(&key).expect("a handle");
            let entries = stream.iter_with_ids(0).expect("iterates");
            let entries = entries.filter_map(|entry| entry.ok()).collect();
            let (first, next) = (stream.first_id(), stream.next_id());
            let properties = stream.properties().expect("reads");
            (
                key,
                first.expect("an id"),
                next.expect("an id"),
                properties,
                entries,
            )
        })
        .collect()
}

/// A log with everything that an export has to hold.
fn varied_log(place: &Path) -> PathBuf {
    let root = closed_log(place);
    let mut how = options(place, SyncMode::Async);
    how.max_segment_size = 4096;
    let wal = Wal::new(how).expect("opens");
    wal.truncate_prefix("s", 75).expect("truncates");
    wal.stream("s")
        .and_then(|s| s.set_properties(&[(b"vote\xff", Some(b"t7\n"))], Durability::Written))
        .expect("sets");
    wal.append("empty", b"").expect("appends");
    for id in 0..300 {
        wal.append("text", format!("line {id}").as_bytes())
            .expect("appends");
    }
    wal.reset_to("emptied", 40).expect("resets");
    let all: Vec<u8> = (0..=255).collect();
    wal.append("bytes \u{202e}\n", &all).expect("appends");
    wal.append("bytes \u{202e}\n", "{\"text\": \"ü\u{2028}\\\"}".as_bytes())
        .expect("appends");
    wal.append("large", &vec![7; 3 << 20]).expect("appends");
    wal.close().expect("closes");
    root
}

#[test]
fn a_log_that_is_exported_and_loaded_is_the_same_log() {
    let place = temp_dir();
    let root = varied_log(place.path());
    let before = everything(&root);
    let expected = held(&root);
    assert_eq!(
        expected.len(),
        7,
        "{:?}",
        expected.iter().map(|s| &s.0).collect::<Vec<_>>()
    );
    for (number_of_copy, more) in [&[][..], &["--text"], &["--format", "json"]]
        .iter()
        .enumerate()
    {
        let exported = [&["export", path(&root)], *more].concat();
        let (code, export, errors) = fed(&exported, b"");
        assert_eq!((code, &*errors), (0, ""));
        is_harmless("export", std::str::from_utf8(&export).expect("UTF-8"));
        let copy = place.path().join(format!("copy {number_of_copy}"));
        let (code, _, errors) = fed(&["load", path(&copy), "--compress"], &export);
        assert_eq!((code, &*errors), (0, ""));
        assert!(held(&copy) == expected, "{more:?}: the copy differs");
        assert_eq!(tool(&["verify", path(&copy)]).0, 0);
        let again = [&["export", path(&copy)], *more].concat();
        assert!(
            fed(&again, b"").1 == export,
            "{more:?}: the export of the copy differs"
        );
        // The copy goes on where the log does.
        let wal = open_whole(&copy);
        assert_eq!(wal.append("s", b"next").expect("appends"), 200);
        assert_eq!(wal.append("emptied", b"next").expect("appends"), 40);
        wal.close().expect("closes");
    }
    assert!(everything(&root) == before, "the directory was changed");
}

#[test]
fn one_stream_is_exported_raw_and_as_lines_and_loaded_from_a_file() {
    let place = temp_dir();
    let root = varied_log(place.path());
    let expected = held(&root);
    let of = |key: &str| {
        expected
            .iter()
            .find(|stream| stream.0 == key)
            .expect("is there")
            .clone()
    };
    let file = place.path().join("export");
    for key in ["s", "bytes \u{202e}\n", "large", "odd \"key\""] {
        let (code, raw, _) = fed(
            &["export", path(&root), "--format=raw", "--stream", key],
            b"",
        );
        assert_eq!(code, 0);
        let records = of(key).4.into_iter().flat_map(|(id, bytes)| {
            let len = (bytes.len() as u32).to_le_bytes();
            [&id.to_le_bytes()[..], &len, &bytes].concat()
        });
        assert!(raw == records.collect::<Vec<u8>>());
        std::fs::write(&file, &raw).expect("writes");
        let copy = place.path().join(format!("raw {}", key.len()));
        let arguments = [
            "load",
            path(&copy),
            path(&file),
            "--format=raw",
            "--stream",
            key,
            "--json",
        ];
        let (code, loaded) = json(&arguments);
        assert_eq!((code, &loaded["complete"]), (0, &Value::Bool(true)));
        let (_, first, next, _, entries) = of(key);
        assert_eq!(number(&loaded["streams"][0], "first_id"), first);
        assert_eq!(number(&loaded["streams"][0], "next_id"), next);
        assert!(held(&copy)[0].4 == entries, "the entries of {key:?}");
        // Without its last byte it is not loaded.
        let (code, _, errors) = fed(
            &[
                "load",
                path(&place.path().join("none")),
                "-",
                "--format=raw",
                "--stream",
                key,
            ],
            &raw[..raw.len() - 1],
        );
        assert!(
            code == 3 && errors.contains("ends within an entry"),
            "{errors}"
        );
    }
    let (code, lines, _) = fed(
        &["export", path(&root), "--format=lines", "--stream=text"],
        b"",
    );
    assert_eq!(code, 0);
    let entries: Vec<Vec<u8>> = of("text").4.into_iter().map(|(_, bytes)| bytes).collect();
    assert!(
        lines
            == entries
                .iter()
                .flat_map(|bytes| [&bytes[..], b"\n"].concat())
                .collect::<Vec<u8>>()
    );
    let copy = place.path().join("lines");
    let (code, _, _) = fed(
        &["load", path(&copy), "--format=lines", "--stream=t"],
        &lines,
    );
    let loaded: Vec<Vec<u8>> = held(&copy)[0]
        .4
        .iter()
        .map(|(_, bytes)| bytes.clone())
        .collect();
    assert!(code == 0 && loaded == entries);
    // An entry with a newline would become two.
    let arguments = [
        "export",
        path(&root),
        "--format=lines",
        "--stream",
        "odd \"key\"",
    ];
    let (code, _, errors) = fed(&arguments, b"");
    assert!(
        code == 3 && errors.contains("entry 2 of stream") && errors.contains("raw"),
        "{errors}"
    );
}

#[test]
fn a_part_of_a_log_is_exported_and_keeps_its_ids() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let (code, export, _) = fed(
        &[
            "export",
            path(&root),
            "--stream=s",
            "--from=100",
            "--to=103",
        ],
        b"",
    );
    let copy = place.path().join("copy");
    assert_eq!((code, fed(&["load", path(&copy)], &export).0), (0, 0));
    let entries: Vec<(u64, Vec<u8>)> = (100..103).map(|id| (id, entry(id))).collect();
    assert_eq!(held(&copy), [("s".to_owned(), 100, 103, vec![], entries)]);
}

#[test]
fn what_is_unreadable_is_named_and_stays_lost_in_the_copy() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let segment = &segments_in(&root.join("s"))[1];
    let id: u64 = segment
        .file_stem()
        .and_then(|name| name.to_str()?.parse().ok())
        .expect("an id");
    harm(segment, |bytes| bytes[1536 + 36] ^= 1);
    let (code, export, errors) = fed(&["export", path(&root)], b"");
    assert_eq!((code, &*errors), (1, ""));
    let lines = String::from_utf8(export.clone()).expect("UTF-8");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let lost = lines
        .iter()
        .find(|line| line["record"] == "unreadable")
        .expect("a record");
    assert_eq!((number(lost, "id"), number(lost, "end_id")), (id, id + 1));
    let end = lines.last().expect("an end");
    assert_eq!(
        (&end["record"], &end["complete"]),
        (&"end".into(), &Value::Bool(false))
    );
    let copy = place.path().join("copy");
    let (code, text, _) = fed(&["load", path(&copy)], &export);
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(
        code == 1 && text.contains("1 id recorded as lost"),
        "{text}"
    );
    assert!(text.contains("what was readable"), "{text}");
    let wal = open_whole(&copy);
    assert_eq!(wal.get("s", id + 1).expect("reads"), Some(entry(id + 1)));
    assert!(matches!(wal.get("s", id), Err(Error::SegmentNotFound(_))));
    wal.close().expect("closes");
    // In the other formats it is said beside the output.
    let (code, raw, errors) = fed(&["export", path(&root), "--stream=s", "--format=raw"], b"");
    assert!(
        code == 1 && errors.contains(&format!("ids {id}..{}", id + 1)),
        "{errors}"
    );
    let copy = place.path().join("raw");
    assert_eq!(
        fed(&["load", path(&copy), "--stream=s", "--format=raw"], &raw).0,
        1
    );
}

#[test]
fn an_export_that_is_not_whole_or_not_valid_gives_no_log() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let new = place.path().join("new");
    let (_, export, _) = fed(&["export", path(&root), "--stream=s", "--to=64"], b"");
    let export = String::from_utf8(export).expect("UTF-8");
    let lines: Vec<&str> = export.split_inclusive('\n').collect();
    // Cut at any line: the end is missing.
    for count in 0..lines.len() {
        let (code, _, errors) = fed(&["load", path(&new)], lines[..count].concat().as_bytes());
        assert!(code == 3 && !new.exists(), "{count} lines: {errors}");
        assert!(errors.contains("is not valid at line"), "{errors}");
    }
    let log = r#"{"record":"log","format":1}"#;
    let stream = r#"{"record":"stream","stream":"a","first_id":5}"#;
    let entry = |id: u64| format!(r#"{{"record":"entry","id":{id},"text":"x"}}"#);
    let end = r#"{"record":"end","streams":1,"entries":1}"#;
    let rows: [(&[&str], &str); 15] = [
        (&["nonsense"], "line 1"),
        (&[stream], "\"log\""),
        (&[log, log], "\"log\""),
        (&[r#"{"record":"log","format":2}"#], "format 2"),
        (&[log, &entry(5), end], "before the first stream"),
        (&[log, stream, &entry(4), end], "5 is the least"),
        (&[log, stream, &entry(6), &entry(6), end], "7 is the least"),
        (
            &[log, stream, &entry(u64::MAX), end],
            "beyond what a log can hold",
        ),
        (&[log, stream, stream, end], "twice"),
        (&[log, stream, &entry(5), end, end], "behind the end"),
        (&[log, stream, end], "as many"),
        (
            &[
                log,
                stream,
                r#"{"record":"entry","id":5,"data_base64":"x"}"#,
            ],
            "line 3",
        ),
        (
            &[
                log,
                stream,
                r#"{"record":"entry","id":5,"stream":"b","text":""}"#,
            ],
            "another stream",
        ),
        (
            &[log, stream, r#"{"record":"entry","id":5}"#],
            "either text or data_base64",
        ),
        (&[log, r#"{"record":"stream","stream":""}"#, end], "the key"),
    ];
    for (lines, why) in rows {
        let (code, output, errors) = fed(&["load", path(&new)], lines.join("\n").as_bytes());
        assert!(
            code == 3 && output.is_empty() && errors.contains(why),
            "{lines:?}: {errors}"
        );
        assert!(!new.exists(), "{lines:?}");
    }
    let good = [log, stream, &entry(5), end].join("\n");
    assert_eq!(fed(&["load", path(&new)], good.as_bytes()).0, 0);
    assert_eq!(held(&new)[0].4, [(5, b"x".to_vec())]);
    // An existing directory, and a file that is missing.
    assert_eq!(fed(&["load", path(&new)], good.as_bytes()).0, 3);
    let missing = place.path().join("missing");
    let (code, _, errors) = tool(&["load", path(&place.path().join("other")), path(&missing)]);
    assert!(code == 3 && errors.contains("missing"), "{errors}");
    for arguments in [
        &["export", path(&root), "--format=raw"][..],
        &["export", path(&root), "--format=csv"],
        &[
            "export",
            path(&root),
            "--format=raw",
            "--stream=s",
            "--text",
        ],
        &["load", path(&new), "--format=lines"],
        &["load", path(&new), "--stream=s"],
        &["dump", path(&root), "--from=10", "--to=5"],
    ] {
        assert_eq!(tool(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn an_export_ends_quietly_when_nothing_reads_it_and_shows_its_progress_on_request() {
    let place = temp_dir();
    let root = varied_log(place.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
        .args(["export", path(&root)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    // More than a pipe holds is left.
    let mut output = child.stdout.take().expect("a pipe");
    std::io::Read::read_exact(&mut output, &mut [0; 1]).expect("reads");
    drop(output);
    let ended = child.wait_with_output().expect("ends");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]));
    let (code, export, errors) = fed(&["export", path(&root), "--progress"], b"");
    assert!(code == 0 && errors.contains("100 % of "), "{errors}");
    let file = place.path().join("export");
    std::fs::write(&file, &export).expect("writes");
    let (copies, more) = (place.path().join("file"), place.path().join("input"));
    let (_, _, errors) = tool(&["load", path(&copies), path(&file), "--progress"]);
    assert!(
        errors.contains(&format!("100 % of {} bytes", export.len())),
        "{errors}"
    );
    let (_, _, errors) = fed(&["load", path(&more), "--progress"], &export);
    assert!(
        errors.contains(&format!("{} bytes, ", export.len())),
        "{errors}"
    );
}
