//! The only segment of a stream is lost, or replaced by an older copy: `segments.idx` is no proof
//! for reading, but it shows that there were entries, so the loss is reported and no id is given
//! again.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::format_twin::*;

const ENTRIES: u64 = 20;
const LOST_IDS: u64 = 1 << 40;

fn strict(root: &Path, policy: CorruptionPolicy) -> WalOptions {
    WalOptions {
        root_path: root.to_path_buf(),
        on_corruption: policy,
        background_sync: None,
        ..Default::default()
    }
}

fn open(root: &Path) -> Wal {
    Wal::new(strict(root, CorruptionPolicy::Truncate)).expect("opens")
}

fn append(wal: &Wal, key: &str, count: u64) {
    for n in 0..count {
        let entry = format!("{key} {n}");
        wal.append(key, entry.as_bytes()).expect("appends");
    }
}

fn only_segment(root: &Path, key: &str) -> PathBuf {
    let [only] = &segments(&root.join(key))[..] else {
        panic!("one segment");
    };
    only.clone()
}

/// What happens to a file.
type Harm = fn(&Path);

const HARMS: [(&str, Harm); 5] = [
    ("emptied", |file| fs::write(file, []).expect("writes")),
    ("zeroed", |file| {
        let len = fs::metadata(file).expect("looks").len() as usize;
        fs::write(file, vec![0; len]).expect("writes");
    }),
    ("its first page zeroed", |file| {
        let mut bytes = fs::read(file).expect("reads");
        let end = bytes.len().min(1536 + 200);
        bytes[..end].fill(0);
        fs::write(file, bytes).expect("writes");
    }),
    ("cut to 1,000 bytes", |file| {
        let bytes = fs::read(file).expect("reads");
        fs::write(file, &bytes[..1000]).expect("writes");
    }),
    ("removed", |file| fs::remove_file(file).expect("removes")),
];

#[test]
fn a_lost_only_segment_is_reported_refused_under_error_and_none_of_its_ids_is_given_again() {
    // Each was called clean, and the next append got id 0.
    for (harm, harmed) in HARMS {
        let dir = workplace();
        let root = dir.path().join("log");
        let wal = open(&root);
        append(&wal, "s", ENTRIES);
        append(&wal, "other", 3);
        wal.close().expect("closes");
        harmed(&only_segment(&root, "s"));

        let report = Wal::open_read_only(strict(&root, CorruptionPolicy::Truncate))
            .expect("opens")
            .verify()
            .expect("verifies");
        let reported = report
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::Damage)
            .unwrap_or_else(|| panic!("{harm}: verify calls it clean"));
        assert_eq!(reported.stream.as_deref(), Some("s"), "{harm}");
        assert_eq!(reported.ids, Some(0..ENTRIES + LOST_IDS), "{harm}");

        let before = snapshot(&root);
        match Wal::new(strict(&root, CorruptionPolicy::Error)) {
            Err(Error::Corruption(what)) => assert!(what.contains("\"s\""), "{harm}: {what}"),
            other => panic!("{harm}: {other:?}"),
        }
        assert!(snapshot(&root) == before, "{harm}: something changed");

        let wal = open(&root);
        let is_lost = |wal: &Wal, id| matches!(wal.get("s", id), Err(Error::SegmentNotFound(_)));
        assert!((0..ENTRIES).all(|id| is_lost(&wal, id)), "{harm}");
        assert_eq!(wal.streams().expect("lists"), ["other", "s"], "{harm}");
        let id = wal.append("s", b"new").expect("appends");
        assert_eq!(id, ENTRIES + LOST_IDS, "{harm}");
        wal.close().expect("closes");

        // On record now.
        let wal = Wal::new(strict(&root, CorruptionPolicy::Error));
        let wal = wal.unwrap_or_else(|error| panic!("{harm}: {error}"));
        assert!((0..ENTRIES).all(|id| is_lost(&wal, id)), "{harm}");
        assert_eq!(
            wal.get("s", id).expect("reads").as_deref(),
            Some(&b"new"[..])
        );
        let shown: Vec<_> = wal.iter_with_ids("s", 0).expect("iterates").collect();
        assert!(
            matches!(&shown[..], [Err(_), Ok((at, _))] if *at == id),
            "{harm}: {shown:?}"
        );
        assert!(wal.verify().expect("verifies").is_clean(), "{harm}");
        assert_eq!(
            wal.get("other", 2).expect("reads").as_deref(),
            Some(&b"other 2"[..])
        );
    }
}

#[test]
fn what_follows_a_lost_only_segment_survives_the_death_of_the_process() {
    for (harm, harmed) in HARMS {
        let dir = workplace();
        let root = dir.path().join("log");
        let wal = open(&root);
        append(&wal, "s", ENTRIES);
        wal.close().expect("closes");
        harmed(&only_segment(&root, "s"));
        let options = WalOptions {
            sync_mode: SyncMode::Async,
            ..strict(&root, CorruptionPolicy::Truncate)
        };
        let wal = Wal::new(options).expect("opens");
        let id = wal.append("s", b"new").expect("appends");
        // As the process leaves it that dies: no slot is stored yet.
        let copy = dir.path().join("copy");
        copy_log(&root, &copy);
        drop(wal);
        let wal = Wal::new(strict(&copy, CorruptionPolicy::Error));
        let wal = wal.unwrap_or_else(|error| panic!("{harm}: {error}"));
        assert_eq!(
            wal.get("s", id).expect("reads").as_deref(),
            Some(&b"new"[..]),
            "{harm}"
        );
        assert_eq!(
            wal.append("s", b"newer").expect("appends"),
            id + 1,
            "{harm}"
        );
    }
}

fn copy_log(from: &Path, to: &Path) {
    fs::create_dir(to).expect("makes");
    for entry in fs::read_dir(from).expect("lists") {
        let path = entry.expect("lists").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_log(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copies")),
        }
    }
}

#[test]
fn a_loss_that_is_not_on_record_yet_is_still_known_after_another_death() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = open(&root);
    append(&wal, "s", ENTRIES);
    wal.close().expect("closes");
    fs::write(only_segment(&root, "s"), []).expect("writes");
    for _ in 0..3 {
        // Opened and closed without an append, which would record it.
        open(&root).close().expect("closes");
    }
    let wal = open(&root);
    wal.append("s", b"new").expect("appends");
    let copy = dir.path().join("copy");
    copy_log(&root, &copy);
    // The new segment did not reach the disk.
    fs::write(only_segment(&copy, "s"), []).expect("writes");
    let id = open(&copy).append("s", b"again").expect("appends");
    assert!(id >= ENTRIES, "id {id} is given again");
}

#[test]
fn an_older_copy_of_the_only_segment_is_reported_and_the_ids_behind_it_are_not_given_again() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = open(&root);
    append(&wal, "s", ENTRIES);
    wal.close().expect("closes");
    let only = only_segment(&root, "s");
    let older = fs::read(&only).expect("reads");
    let wal = open(&root);
    append(&wal, "s", 5);
    wal.close().expect("closes");
    fs::write(&only, older).expect("writes");

    match Wal::new(strict(&root, CorruptionPolicy::Error)) {
        Err(Error::Corruption(_)) => {}
        other => panic!("{other:?}"),
    }
    let wal = open(&root);
    assert!(wal.get("s", ENTRIES - 1).expect("reads").is_some());
    assert!(wal.get("s", ENTRIES).is_err());
    let id = wal.append("s", b"new").expect("appends");
    assert_eq!(id, ENTRIES + 5 + LOST_IDS);
    wal.close().expect("closes");
    let wal = Wal::new(strict(&root, CorruptionPolicy::Error)).expect("on record");
    assert!(wal.get("s", ENTRIES - 1).expect("reads").is_some());
    assert!(wal.get("s", ENTRIES).is_err());
    assert_eq!(
        wal.get("s", id).expect("reads").as_deref(),
        Some(&b"new"[..])
    );
}

#[test]
fn an_index_file_of_another_stream_or_a_damaged_one_shows_no_loss() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = open(&root);
    append(&wal, "s", ENTRIES);
    append(&wal, "t", ENTRIES + 10);
    wal.close().expect("closes");
    let index = |key: &str| root.join(key).join("segments.idx");
    let own = fs::read(index("s")).expect("reads");
    fs::copy(index("t"), index("s")).expect("copies");
    drop(Wal::new(strict(&root, CorruptionPolicy::Error)).expect("opens"));
    for at in 0..own.len() {
        let mut bytes = own.clone();
        bytes[at] ^= 0x40;
        fs::write(index("s"), bytes).expect("writes");
        let wal = Wal::new(strict(&root, CorruptionPolicy::Error)).expect("opens");
        assert!(wal.get("s", ENTRIES - 1).expect("reads").is_some());
    }
}

#[test]
fn a_lost_only_segment_is_reported_where_the_name_of_the_directory_is_a_hash() {
    for (harm, harmed) in HARMS {
        let dir = workplace();
        let root = dir.path().join("log");
        let key = "ü".repeat(120);
        let wal = open(&root);
        append(&wal, &key, ENTRIES);
        wal.close().expect("closes");
        let hashed = fs::read_dir(&root)
            .expect("lists")
            .map(|e| e.expect("lists").path());
        let hashed = hashed
            .into_iter()
            .find(|path| path.is_dir())
            .expect("the stream's");
        let only = segments(&hashed).remove(0);
        harmed(&only);
        match Wal::new(strict(&root, CorruptionPolicy::Error)) {
            Err(Error::Corruption(_)) => {}
            other => panic!("{harm}: {other:?}"),
        }
        let wal = open(&root);
        // Where bytes are left whose stream nothing proves, it is refused.
        let is_safe = |appended: &Result<u64>| match appended {
            Ok(id) => *id == ENTRIES + LOST_IDS,
            Err(error) => matches!(error, Error::InvalidFilename(_)),
        };
        let appended = wal.append(&key, b"new");
        assert!(is_safe(&appended), "{harm}: {appended:?}");
    }
}

#[test]
fn a_lost_segment_of_an_emptied_stream_is_reported_and_none_of_its_ids_is_given_again() {
    for (harm, harmed) in HARMS {
        let dir = workplace();
        let root = dir.path().join("log");
        let wal = open(&root);
        for _ in 0..ENTRIES {
            wal.append("s", &[7; 2000]).expect("appends");
        }
        assert_eq!(wal.truncate("s", ENTRIES).expect("truncates"), 1, "{harm}");
        // No close that writes `segments.idx` again: the truncation has.
        let copy = dir.path().join("copy");
        copy_log(&root, &copy);
        drop(wal);
        harmed(&only_segment(&copy, "s"));
        match Wal::new(strict(&copy, CorruptionPolicy::Error)) {
            Err(Error::Corruption(what)) => assert!(what.contains("\"s\""), "{harm}: {what}"),
            other => panic!("{harm}: {other:?}"),
        }
        let id = open(&copy).append("s", b"new").expect("appends");
        assert_eq!(id, ENTRIES + LOST_IDS, "{harm}");
    }
}
