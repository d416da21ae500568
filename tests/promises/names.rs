//! D11: distinct names are distinct streams, whatever bytes they have.

use std::collections::BTreeSet;
use std::path::Path;

use ironwal::*;

use crate::support;
use crate::support::LogBuilder;
use crate::support::options;

/// Names that a careless mapping would confuse with each other, with files of ours, or with what
/// a file system means by them.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "a/b",
        "a_b",
        "a%2Fb",
        "a%2fb",
        "A",
        "a",
        "ü",
        "u\u{308}",
        "..",
        ".",
        "...",
        ".a",
        "a.",
        "a.b",
        "CON",
        "con",
        "NUL.txt",
        "com1",
        "HEAD",
        "LOCK",
        "lock",
        "segments.idx",
        "checkpoints.log",
        "shards.meta",
        "x#deleted",
        "x",
        "x%23deleted",
        "#deleted",
        "~",
        "%",
        "%25",
        "\\",
        "a\\b",
        "C:",
        "a b",
        " ",
        "a ",
        "\n",
        "\u{1}",
        "\u{7f}",
        "-",
        "--help",
        "00000000000000000000.wal",
        "next#new",
        "\u{10ffff}",
        "🦀",
        "*",
        "?",
        "\"",
        "'",
    ]
    .map(str::to_owned)
    .to_vec();
    // Of 255 bytes: plain, all encoded, of many bytes a character, and with late differences only.
    let long = ["a", "/", " ", "%", "A", "\u{1}", "."];
    names.extend(long.map(|c| c.repeat(255)));
    names.push("ü".repeat(127) + "u");
    names.push("🦀".repeat(63) + "abc");
    names.push("/".repeat(254) + "a");
    names.push("/".repeat(254) + "b");
    names.push("a".repeat(254) + "b");
    for len in [198, 199, 200, 201, 239, 240, 241, 254] {
        names.push("a".repeat(len));
        names.push("a".repeat(len - 1) + "/");
    }
    // What the hashed name of another looks like.
    names.push("a".repeat(200) + "~" + &"0".repeat(32));
    names
}

fn check(wal: &Wal, names: &[String]) {
    let listed: BTreeSet<String> = wal.streams().expect("lists").into_iter().collect();
    let expected: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(listed, expected);
    for (number, name) in names.iter().enumerate() {
        let read = wal.get(name, 0).expect("reads").expect("an entry");
        assert_eq!(read, format!("{number} {name}").into_bytes(), "{name:?}");
        assert_eq!(wal.get(name, 1).expect("reads"), None, "{name:?}");
    }
}

#[test]
fn all_names_are_distinct_streams_and_are_found_again() {
    let place = support::temp_dir();
    let names = names();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    for (number, name) in names.iter().enumerate() {
        let entry = format!("{number} {name}");
        let id = wal.append(name, entry.as_bytes()).expect("appends");
        assert_eq!(id, 0, "{name:?} is a stream of its own");
    }
    check(&wal, &names);
    drop(wal);
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    check(&wal, &names);
    // Deleting every other one harms none of the rest.
    let (kept, gone): (Vec<_>, Vec<_>) = names.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    for (_, name) in &gone {
        wal.delete_stream(name).expect("deletes");
    }
    drop(wal);
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    for (number, name) in kept {
        let read = wal.get(name, 0).expect("reads").expect("an entry");
        assert_eq!(read, format!("{number} {name}").into_bytes(), "{name:?}");
    }
    for (_, name) in gone {
        assert_eq!(wal.get(name, 0).expect("reads"), None, "{name:?}");
    }
}

#[test]
fn directories_can_be_distinguished_without_regard_to_case_or_not_at_all_shared() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    wal.append("Mixed", b"upper").expect("appends");
    wal.close().expect("closes");
    // What a disk that ignores case would do: the directory of one name holds the other's data.
    let root = place.path().join("log");
    std::fs::rename(root.join("Mixed"), root.join("mixed")).expect("renames");
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    let refused = wal.get("mixed", 0).expect_err("never shared");
    assert!(matches!(refused, Error::InvalidFilename(_)), "{refused}");
    assert!(refused.to_string().contains("Mixed"), "{refused}");
    wal.append("mixed", b"x").expect_err("never overwritten");
    drop(wal);
    let segment = root.join("mixed/00000000000000000000.wal");
    assert!(std::fs::metadata(&segment).is_ok(), "nothing is removed");
}

#[test]
fn what_is_no_name_is_refused_and_creates_nothing() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    for name in ["", "\0", "a\0b", &"a".repeat(256), &"ü".repeat(128)] {
        let refused = wal.append(name, b"x").expect_err("no name");
        assert!(matches!(refused, Error::Config(_)), "{name:?}: {refused}");
        assert!(matches!(wal.get(name, 0), Err(Error::Config(_))));
        assert!(matches!(wal.stream(name), Err(Error::Config(_))));
        assert!(matches!(wal.delete_stream(name), Err(Error::Config(_))));
        assert!(matches!(wal.truncate(name, 1), Err(Error::Config(_))));
        assert!(matches!(wal.append_batch(name, &[]), Err(Error::Config(_))));
        let mut transaction = wal.writer(name);
        transaction.add("x");
        assert!(matches!(transaction.commit(), Err(Error::Config(_))));
    }
    assert_eq!(wal.streams().expect("lists"), Vec::<String>::new());
    let left: Vec<_> = support::files_in(&log.path().join("log"))
        .into_keys()
        .collect();
    assert_eq!(left, [Path::new("IDENTITY"), Path::new("LOCK")]);
}
