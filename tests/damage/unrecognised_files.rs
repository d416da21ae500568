//! What must hold: a file that is not ours, or not this version's, gets an error of its own that
//! names it; it is never changed, nothing beside it is, and the other streams work.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::format_twin::*;

const STREAMS: [&str; 2] = ["victim", "bystander"];

fn options(root: &Path) -> WalOptions {
    WalOptions {
        max_segment_size: 300,
        background_sync: None,
        ..WalOptions::new(root)
    }
}

fn entry(key: &str, id: u64) -> Vec<u8> {
    format!("{key} {id}").into_bytes()
}

/// A log of two streams with several segments each, closed cleanly.
fn build(root: &Path) {
    let wal = Wal::new(options(root)).expect("opens");
    for key in STREAMS {
        for id in 0..30 {
            assert_eq!(wal.append(key, &entry(key, id)).expect("appends"), id);
        }
    }
    wal.close().expect("closes");
}

fn is_whole(wal: &Wal, key: &str) {
    let all: Result<Vec<_>> = wal.iter(key, 0).expect("iterates").collect();
    let expected: Vec<_> = (0..30).map(|id| entry(key, id)).collect();
    assert_eq!(all.expect("reads"), expected, "{key}");
}

/// One thing that does not belong, put at a path below the root.
struct Case {
    name: &'static str,
    put: fn(&Path) -> PathBuf,
    is_reported: fn(&Error) -> bool,
}

fn invalid_name(error: &Error) -> bool {
    matches!(error, Error::InvalidFilename(_))
}

fn unsupported(error: &Error) -> bool {
    matches!(error, Error::UnsupportedVersion(_))
}

fn victim(root: &Path, place: usize) -> PathBuf {
    segments(&root.join("victim")).remove(place)
}

fn newest(root: &Path) -> PathBuf {
    segments(&root.join("victim")).pop().expect("segments")
}

fn next_name(root: &Path) -> PathBuf {
    root.join("victim/00000000000000000030.wal")
}

/// The header of a segment says another version, under a good checksum.
fn newer(path: PathBuf) -> PathBuf {
    let mut bytes = fs::read(&path).expect("reads");
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..508]);
    bytes[508..512].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).expect("writes");
    path
}

fn put(path: PathBuf, bytes: &[u8]) -> PathBuf {
    fs::write(&path, bytes).expect("writes");
    path
}

/// What ironwal 0.6.9 wrote for the entry `hello` and the batch `a`, `bc`.
#[rustfmt::skip]
const WRITTEN_BY_06: &[u8] = &[
    0x4c, 0x41, 0x57, 0x4c, 0xef, 0x16, 0x8e, 0x7d, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x05, 0x00, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x4c, 0x41, 0x57, 0x4c, 0xdb, 0x5a, 0x08,
    0xb7, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x00,
    0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x61, 0x02, 0x00,
    0x00, 0x00, 0x62, 0x63,
];

const CASES: &[Case] = &[
    Case {
        name: "a first segment of another stream",
        put: |root| {
            let other = segments(&root.join("bystander")).remove(0);
            fs::copy(other, victim(root, 0)).expect("copies");
            victim(root, 0)
        },
        is_reported: invalid_name,
    },
    Case {
        name: "a segment of another stream under the next id",
        put: |root| {
            let other = segments(&root.join("bystander")).pop().expect("some");
            fs::copy(other, next_name(root)).expect("copies");
            next_name(root)
        },
        is_reported: invalid_name,
    },
    Case {
        name: "a segment of this stream under another id",
        put: |root| {
            fs::copy(newest(root), next_name(root)).expect("copies");
            next_name(root)
        },
        is_reported: invalid_name,
    },
    Case {
        name: "garbage named like a segment",
        put: |root| put(next_name(root), &[0xa5; 4000]),
        is_reported: invalid_name,
    },
    Case {
        name: "a short text named like a segment",
        put: |root| put(next_name(root), b"do not delete"),
        is_reported: invalid_name,
    },
    Case {
        name: "a directory named like a segment",
        put: |root| {
            fs::create_dir(next_name(root)).expect("creates");
            next_name(root)
        },
        is_reported: invalid_name,
    },
    Case {
        name: "a newer version of the format in a sealed segment",
        put: |root| newer(victim(root, 1)),
        is_reported: unsupported,
    },
    Case {
        name: "a newer version of the format in the newest segment",
        put: |root| newer(newest(root)),
        is_reported: unsupported,
    },
    Case {
        name: "a file of the 0.6 crate",
        put: |root| put(next_name(root), WRITTEN_BY_06),
        is_reported: unsupported,
    },
    Case {
        name: "a long file of the 0.6 crate",
        put: |root| put(next_name(root), &WRITTEN_BY_06.repeat(100)),
        is_reported: unsupported,
    },
    Case {
        name: "a file of the 0.6 crate of four bytes",
        put: |root| put(victim(root, 0), &WRITTEN_BY_06[..4]),
        is_reported: unsupported,
    },
];

#[test]
fn what_is_not_ours_stops_its_stream_with_its_own_error_and_is_left_alone() {
    for case in CASES {
        let dir = workplace();
        let root = dir.path().join("log");
        build(&root);
        let path = (case.put)(&root);
        let before = snapshot(&root.join("victim"));
        let named = |error: &Error| {
            let reported = error.to_string();
            assert!(
                reported.contains(&path.display().to_string()),
                "{}: {reported}",
                case.name
            );
            assert!((case.is_reported)(error), "{}: {error:?}", case.name);
        };
        for round in 0..2 {
            let wal = Wal::new(options(&root)).expect("opens");
            named(&wal.get("victim", 3).expect_err(case.name));
            named(&wal.append("victim", b"x").expect_err(case.name));
            named(
                &wal.append_batch("victim", &[b"x", b"y"])
                    .expect_err(case.name),
            );
            named(&wal.truncate("victim", 10).expect_err(case.name));
            named(&wal.delete_stream("victim").expect_err(case.name));
            named(&wal.stream("victim").expect_err(case.name));
            assert!(wal.iter("victim", 0).is_err(), "{}", case.name);
            assert_eq!(wal.streams().expect("lists"), ["bystander", "victim"]);
            for id in 0..30 {
                let got = wal.get("bystander", id).expect("reads");
                assert_eq!(got, Some(entry("bystander", id)), "{}", case.name);
            }
            assert_eq!(wal.append("bystander", b"on").expect("appends"), 30 + round);
            wal.close().expect("closes");
            assert!(
                snapshot(&root.join("victim")) == before,
                "{}: changed",
                case.name
            );
        }
        let strict = WalOptions {
            on_corruption: CorruptionPolicy::Error,
            ..options(&root)
        };
        let error = Wal::new(strict).expect_err(case.name).to_string();
        assert!(
            error.contains(&path.display().to_string()),
            "{}: {error}",
            case.name
        );
        assert!(
            snapshot(&root.join("victim")) == before,
            "{}: changed",
            case.name
        );
    }
}

#[test]
fn strangers_files_and_directories_are_neither_streams_nor_touched() {
    let dir = workplace();
    let root = dir.path().join("log");
    build(&root);
    let strange = [
        "notes.txt",
        "lost+found/journal",
        "a%2Fb/00000000000000000000.wal",
        "%61/00000000000000000000.wal",
        "with space/x",
        "victim/README",
        "victim/7.wal",
        "victim/00000000000000000000.wal.bak",
        "victim/0000000000000000000a.wal",
        "victim/00000000000000000000.wal#cut-1536",
        "victim/sub/00000000000000000000.wal",
    ];
    for name in strange {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("creates");
        fs::write(path, name.as_bytes()).expect("writes");
    }
    for policy in [CorruptionPolicy::Error, CorruptionPolicy::Truncate] {
        let wal = Wal::new(WalOptions {
            on_corruption: policy,
            ..options(&root)
        })
        .expect("opens");
        for key in STREAMS {
            is_whole(&wal, key);
        }
        assert_eq!(wal.streams().expect("lists"), ["bystander", "victim"]);
        // Not even where truncation removes segments.
        if policy == CorruptionPolicy::Truncate {
            assert!(wal.truncate("victim", 20).expect("truncates") > 0);
        }
    }
    for name in strange {
        assert_eq!(
            fs::read(root.join(name)).expect("still there"),
            name.as_bytes(),
            "{name}"
        );
    }
}

#[test]
fn a_file_where_a_stream_belongs_refuses_the_append_and_stays() {
    let dir = workplace();
    let root = dir.path().join("log");
    build(&root);
    fs::write(root.join("taken"), b"mine").expect("writes");
    let wal = Wal::new(options(&root)).expect("opens");
    for _ in 0..2 {
        let error = wal.append("taken", b"x").expect_err("refused");
        assert!(matches!(error, Error::InvalidFilename(_)), "{error:?}");
        assert!(
            error
                .to_string()
                .contains(&root.join("taken").display().to_string())
        );
    }
    assert_eq!(wal.append("bystander", b"on").expect("appends"), 30);
    wal.close().expect("closes");
    assert_eq!(fs::read(root.join("taken")).expect("reads"), b"mine");
}

/// On a disk that ignores case, `A` would find the directory of `a`: here it is a copy.
#[test]
fn two_keys_never_share_a_directory() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = Wal::new(options(&root)).expect("opens");
    wal.append("a", b"of a").expect("appends");
    wal.close().expect("closes");
    let files = snapshot(&root.join("a"));
    restore(&root.join("A"), &files);
    let wal = Wal::new(options(&root)).expect("opens");
    for error in [
        wal.get("A", 0).expect_err("not of A"),
        wal.append("A", b"x").expect_err("not of A"),
        wal.delete_stream("A").expect_err("not of A"),
    ] {
        assert!(matches!(error, Error::InvalidFilename(_)), "{error:?}");
        assert!(error.to_string().contains("\"a\""), "{error}");
    }
    assert_eq!(
        wal.get("a", 0).expect("reads").as_deref(),
        Some(&b"of a"[..])
    );
    assert_eq!(wal.append("a", b"more").expect("appends"), 1);
    drop(wal);
    assert!(snapshot(&root.join("A")) == files);
}

/// A file that comes to stand where the next segment goes while the log is open.
#[test]
fn a_file_under_the_name_of_the_next_segment_is_never_overwritten() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = Wal::new(options(&root)).expect("opens");
    let next = root.join("a/00000000000000000000.wal");
    fs::create_dir(root.join("a")).expect("creates");
    fs::write(&next, b"mine").expect("writes");
    for _ in 0..2 {
        let error = wal.append("a", b"x").expect_err("refused");
        assert!(matches!(error, Error::InvalidFilename(_)), "{error:?}");
        assert!(
            error.to_string().contains(&next.display().to_string()),
            "{error}"
        );
        assert_eq!(fs::read(&next).expect("reads"), b"mine");
    }
    fs::remove_file(&next).expect("removes");
    assert_eq!(wal.append("a", b"x").expect("appends"), 0);
}

/// A directory whose name is a hash says its key by its headers alone.
#[test]
fn a_directory_that_no_header_names_is_refused_and_left_alone() {
    let dir = workplace();
    let root = dir.path().join("log");
    let key = "ü".repeat(120);
    let wal = Wal::new(options(&root)).expect("opens");
    wal.append(&key, b"entry").expect("appends");
    wal.append("bystander", b"entry").expect("appends");
    wal.close().expect("closes");
    let hashed = fs::read_dir(&root)
        .expect("lists")
        .map(|entry| entry.expect("lists").path());
    let hashed = hashed
        .into_iter()
        .find(|p| p.display().to_string().contains('~'))
        .expect("hashed");
    let path = segments(&hashed).remove(0);
    let mut bytes = fs::read(&path).expect("reads");
    bytes[..512].fill(0x11);
    fs::write(&path, bytes).expect("writes");
    let before = snapshot(&hashed);
    let wal = Wal::new(options(&root)).expect("opens");
    assert_eq!(
        wal.get("bystander", 0).expect("reads").as_deref(),
        Some(&b"entry"[..])
    );
    let error = wal
        .append(&key, b"x")
        .expect_err("the directory names no owner");
    assert!(matches!(error, Error::InvalidFilename(_)), "{error:?}");
    drop(wal);
    assert!(snapshot(&hashed) == before);
}

#[test]
fn what_a_stranger_put_into_a_deleted_stream_stays_and_stops_nothing() {
    // A subdirectory made the deletion fail, and every later one of that key, and a file of
    // another's was removed.
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path();
    build(root);
    let wal = Wal::new(options(root)).expect("opens");
    for name in ["victim#deleted", "victim#deleted.1"] {
        let dir = root.join("victim");
        std::fs::create_dir_all(dir.join("theirs")).expect("makes");
        std::fs::write(dir.join("notes.txt"), b"theirs").expect("writes");
        let cut = "00000000000000000000.wal#cut-1536-1";
        std::fs::write(dir.join(cut), b"ours").expect("writes");
        wal.delete_stream("victim").expect("deletes");
        assert!(!dir.exists());
        let left = |name: &str| {
            let listed = std::fs::read_dir(root.join(name)).expect("lists");
            let mut left: Vec<_> = listed.map(|e| e.expect("reads").file_name()).collect();
            left.sort();
            left
        };
        assert_eq!(left(name), ["notes.txt", "theirs"], "{name}");
        assert_eq!(wal.append("victim", b"new").expect("appends"), 0);
    }
    drop(wal);
    let wal = Wal::new(options(root)).expect("opens again");
    assert_eq!(
        wal.get("victim", 0).expect("reads").as_deref(),
        Some(&b"new"[..])
    );
    std::fs::remove_dir_all(root.join("victim#deleted/theirs")).expect("removes");
    std::fs::remove_file(root.join("victim#deleted/notes.txt")).expect("removes");
    drop(wal);
    drop(Wal::new(options(root)).expect("opens once more"));
    assert!(
        !root.join("victim#deleted").exists(),
        "nothing but ours was left"
    );
    assert!(root.join("victim#deleted.1").exists());
}
