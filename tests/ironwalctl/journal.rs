//! What must hold: the tools show a log that was not closed as the next open for writing does, though entries are in its
//! commit journal only, and say what is damaged in that journal.

use super::*;

/// A log with 20 entries of each of two streams that no stream's file has: as after a power failure.
pub fn unrecovered_log(place: &Path) -> PathBuf {
    let (live, copy) = (place.join("live"), place.join("unrecovered"));
    let mut how = WalOptions::new(&live);
    how.commit_path = CommitPath::Journal;
    let wal = Wal::new(how).expect("opens");
    wal.append("old", b"in place").expect("appends");
    // A helper makes the files.
    while !live.join("commit-journal/01.jnl").exists() {
        std::thread::yield_now();
    }
    let segment = segments_in(&live.join("old")).pop().expect("a segment");
    let before = std::fs::read(&segment).expect("reads");
    for id in 0..20 {
        wal.append("old", &entry(id)).expect("appends");
        wal.append("new", &entry(id)).expect("appends");
    }
    copy_dir(&live, &copy);
    drop(wal);
    let name = segment.file_name().expect("a name");
    std::fs::write(copy.join("old").join(name), before).expect("writes");
    std::fs::remove_dir_all(copy.join("new")).expect("removes");
    copy
}

fn journal_file(log: &Path) -> PathBuf {
    let used = |file: &PathBuf| {
        let bytes = std::fs::read(file).expect("reads");
        bytes[512..].iter().any(|byte| *byte != 0)
    };
    let names = ["00.jnl", "01.jnl"];
    let mut files = names
        .map(|name| log.join("commit-journal").join(name))
        .into_iter();
    files.find(used).expect("a file with records")
}

fn next_ids(log: &Path) -> Vec<(String, u64)> {
    let (_, counted) = json(&["stat", path(log), "--json"]);
    let streams = counted["streams"].as_array().expect("a list").iter();
    let ends = streams.map(|stream| {
        let key = stream["key"].as_str().expect("a key");
        (key.to_owned(), number(stream, "next_id"))
    });
    ends.collect()
}

fn both() -> Vec<(String, u64)> {
    vec![("new".to_owned(), 20), ("old".to_owned(), 21)]
}

#[test]
fn entries_that_only_the_journal_holds_are_shown_and_nothing_is_changed() {
    let place = temp_dir();
    let log = unrecovered_log(place.path());
    let before = everything(&log);
    let (code, verified) = json(&["verify", path(&log), "--json"]);
    assert_eq!(
        (code, &verified["clean"]),
        (0, &Value::Bool(true)),
        "{verified}"
    );
    assert_eq!(number(&verified, "entries"), 41);
    let records = number(&verified, "journal_records");
    assert!(records >= 40, "{verified}");
    let findings = verified["findings"].as_array().expect("a list");
    let is_on_journal = |finding: &&Value| {
        let path = finding["path"].as_str().expect("a path");
        path.ends_with("commit-journal") && finding["severity"] == "note"
    };
    assert_eq!(
        findings.iter().filter(is_on_journal).count(),
        1,
        "{verified}"
    );
    assert_eq!(next_ids(&log), both());
    let (_, counted) = json(&["stat", path(&log), "--json"]);
    assert_eq!(counted["journal"]["in_use"], false);
    assert_eq!(number(&counted["journal"], "records"), records);
    assert_eq!(number(&counted["journal"], "streams"), 2);
    let (_, text, _) = tool(&["stat", path(&log)]);
    assert!(text.contains("commit journal: "), "{text}");
    assert!(text.contains("of 2 streams, not written back"), "{text}");
    for key in ["new", "old"] {
        let (code, text, errors) = tool(&["dump", path(&log), "--stream", key]);
        assert_eq!((code, errors.as_str()), (0, ""));
        let expected = if key == "new" { 20 } else { 21 };
        assert_eq!(text.lines().count(), expected);
    }
    let (code, text, _) = tool(&["export", path(&log)]);
    // A line in front of each stream and one behind it.
    assert_eq!((code, text.lines().count()), (0, 41 + 4));
    let (code, text, _) = tool(&["tail", path(&log), "-n100"]);
    assert_eq!((code, text.lines().count()), (0, 41));
    assert_eq!(everything(&log), before);
    for (command, to) in [("repair", Some("--to")), ("snapshot", None)] {
        let copy = place.path().join(command);
        let mut arguments = vec![command, path(&log)];
        arguments.extend(to);
        arguments.push(path(&copy));
        let (code, text, errors) = tool(&arguments);
        assert_eq!((code, errors.as_str()), (0, ""), "{text}");
        assert_eq!(next_ids(&copy), both(), "{command}");
        let (_, counted) = json(&["stat", path(&copy), "--json"]);
        assert_eq!(counted["journal"], Value::Null);
        let wal = Wal::new(WalOptions::new(&copy)).expect("opens");
        assert_eq!(all_entries(&wal, "new").len(), 20, "{command}");
        assert_eq!(all_entries(&wal, "old").len(), 21, "{command}");
    }
    assert_eq!(everything(&log), before);
    // The same as opening makes of it.
    let wal = Wal::new(WalOptions::new(&log)).expect("opens");
    assert_eq!(all_entries(&wal, "new").len(), 20);
    wal.close().expect("closes");
    assert_eq!(next_ids(&log), both());
}

#[test]
fn beside_a_live_writer_the_journal_is_in_use_and_nothing_of_it_is_laid_over() {
    let place = temp_dir();
    let mut how = WalOptions::new(place.path().join("log"));
    how.commit_path = CommitPath::Journal;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    wal.append("s", b"in place").expect("appends");
    while !root.join("commit-journal/01.jnl").exists() {
        std::thread::yield_now();
    }
    for id in 0..50 {
        wal.append("s", &entry(id)).expect("appends");
    }
    wal.delete_stream("s").expect("deletes");
    wal.append("s", b"again").expect("appends");
    let (code, counted) = json(&["stat", path(&root), "--json"]);
    assert_eq!(
        (code, &counted["journal"]["in_use"]),
        (0, &Value::Bool(true))
    );
    assert!(number(&counted["journal"], "records") > 0);
    assert_eq!(next_ids(&root), [("s".to_owned(), 1)]);
    let (code, verified) = json(&["verify", path(&root), "--json"]);
    assert_eq!((code, number(&verified, "entries")), (0, 1), "{verified}");
    assert_eq!(verified["findings"], serde_json::json!([]));
    let own = wal.verify().expect("verifies");
    assert!(own.is_clean() && own.journal_records > 0, "{own:?}");
    wal.close().expect("closes");
    let (_, counted) = json(&["stat", path(&root), "--json"]);
    assert_eq!(counted["journal"], Value::Null);
}

#[test]
fn damage_of_the_journal_is_reported_with_file_and_offset() {
    let place = temp_dir();
    let log = unrecovered_log(place.path());
    let file = journal_file(&log);
    let good = std::fs::read(&file).expect("reads");
    let verified = || json(&["verify", path(&log), "--json"]);
    let found = |severity: &str, what: &str| {
        let (code, verified) = verified();
        let findings = verified["findings"].as_array().expect("a list");
        let found = findings.iter().find(|finding| {
            let said = finding["what"].as_str().expect("a text");
            finding["severity"] == severity && said.contains(what)
        });
        (code, found.unwrap_or_else(|| panic!("{verified}")).clone())
    };
    // A record with others behind it.
    harm(&file, |bytes| bytes[512 + 40] ^= 1);
    let (code, finding) = found("damage", "a record of the commit journal is damaged");
    assert_eq!((code, number(&finding, "offset")), (1, 512));
    assert_eq!(finding["path"], path(&file));
    let (code, counted) = json(&["stat", path(&log), "--json"]);
    assert_eq!((code, number(&counted["journal"], "damage")), (1, 1));
    let copy = place.path().join("copy");
    let (code, repaired) = json(&["repair", path(&log), "--to", path(&copy), "--json"]);
    assert_eq!((code, &repaired["complete"]), (1, &Value::Bool(false)));
    assert_eq!(
        repaired["journal_damage"].as_array().expect("a list").len(),
        1
    );
    let (code, text, _) = tool(&["dump", path(&file)]);
    assert!(code == 1 && text.contains("damaged offset 512"), "{text}");
    let refused = tool(&["snapshot", path(&log), path(&place.path().join("snapshot"))]);
    assert_eq!(refused.0, 3, "{refused:?}");
    assert!(refused.2.contains("damaged at 512"), "{refused:?}");
    // The header.
    std::fs::write(&file, &good).expect("writes");
    harm(&file, |bytes| bytes[20] ^= 1);
    let (code, finding) = found(
        "damage",
        "the header of the commit journal's file is damaged",
    );
    assert_eq!((code, number(&finding, "offset")), (1, 0));
    assert_ne!(tool(&["dump", path(&file)]).0, 0);
    // Of another log.
    let other = tempfile::tempdir_in(place.path()).expect("a directory");
    let foreign = journal_file(&unrecovered_log(other.path()));
    std::fs::copy(&foreign, &file).expect("copies");
    let (code, finding) = found("unreadable", "belongs to the log");
    assert_eq!(code, 3);
    assert!(
        finding["path"]
            .as_str()
            .expect("a path")
            .contains("commit-journal")
    );
    for command in ["stat", "dump", "export"] {
        let (code, _, errors) = tool(&[command, path(&log)]);
        assert!(
            code != 0 && errors.contains("belongs to the log"),
            "{command}: {errors}"
        );
    }
    // Whole again.
    std::fs::write(&file, &good).expect("writes");
    assert_eq!(verified().0, 0);
}

#[test]
fn a_file_of_the_journal_is_dumped_record_by_record() {
    let place = temp_dir();
    let log = unrecovered_log(place.path());
    let (code, text, errors) = tool(&["dump", path(&journal_file(&log)), "--json"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["event"], "header");
    let records = &lines[1..];
    assert!(records.len() >= 40, "{text}");
    let mut expected = (number(&records[0], "number"), 512);
    let mut bytes_of_new = 0;
    for record in records {
        assert_eq!(record["event"], "record");
        assert_eq!(
            (number(record, "number"), number(record, "offset")),
            expected
        );
        expected = (expected.0 + 1, expected.1 + number(record, "bytes"));
        for item in record["items"].as_array().expect("a list") {
            if item["stream"] == "new" && item["kind"] == "bytes" {
                bytes_of_new += number(item, "length");
            }
        }
    }
    let entries: u64 = (0..20).map(|id| entry(id).len() as u64).sum();
    assert!(bytes_of_new > entries, "{bytes_of_new}");
    let (code, text, _) = tool(&["dump", path(&journal_file(&log))]);
    assert_eq!(code, 0);
    assert!(text.starts_with("commit journal of the log "), "{text}");
    assert!(
        text.contains("bytes \"new\" incarnation 0 first id 0"),
        "{text}"
    );
}

#[test]
fn the_journal_has_figures_of_its_own() {
    let place = temp_dir();
    let log = unrecovered_log(place.path());
    let (_, counted) = json(&["stat", path(&log), "--json"]);
    let journal = &counted["journal"];
    assert_eq!(
        (number(journal, "files"), number(journal, "files_aside")),
        (2, 0)
    );
    assert!(number(journal, "items") >= 2 * number(journal, "records"));
    let (code, text, _) = tool(&["stat", path(&log), "--prometheus"]);
    assert_eq!(code, 0);
    for name in [
        "files",
        "files_aside",
        "bytes",
        "records",
        "items",
        "streams",
        "damage",
    ] {
        let line = format!("\nironwal_journal_{name} {}\n", number(journal, name));
        assert!(format!("{text}\n").contains(&line), "{name}: {text}");
    }
    assert!(text.contains("\nironwal_journal_in_use 0\n"), "{text}");
}
