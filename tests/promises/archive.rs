//! Archives: no segment that was archived is ever overwritten or lost, and an archive belongs to one
//! log.
//!
//! Truncation replaced whatever had the name of the segment it archived, whosever it was.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use ironwal::*;

use crate::support;
use crate::support::copy_dir;
use crate::support::options;
use crate::support::segments_in;

/// One segment for each entry.
fn archiving(place: &Path, log: &str, archive: &str) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.root_path = place.join(log);
    options.max_entries_per_segment = 1;
    options.archive_path = Some(place.join(archive));
    options
}

fn append(wal: &Wal, what: &str, count: u64) {
    for id in 0..count {
        wal.append("s", format!("{what} {id}").as_bytes())
            .expect("appends");
    }
}

/// Whether any file below `dir` holds these bytes.
fn holds(dir: &Path, what: &str) -> bool {
    let found = |bytes: &Vec<u8>| bytes.windows(what.len()).any(|w| w == what.as_bytes());
    support::files_in(dir).values().any(found)
}

type Messages = Arc<Mutex<Vec<String>>>;

fn open_listening(options: WalOptions) -> (Wal, Messages) {
    let messages: Messages = Arc::default();
    let sink = Arc::clone(&messages);
    let log = move |_, message: &str| sink.lock().expect("no panic").push(message.to_owned());
    (
        Wal::open_logging(options, Arc::new(log)).expect("opens"),
        messages,
    )
}

#[test]
fn what_was_archived_of_a_deleted_stream_is_kept_beside_that_of_its_successor() {
    let place = support::temp_dir();
    let (wal, messages) = open_listening(archiving(place.path(), "log", "archive"));
    append(&wal, "old", 5);
    assert_eq!(wal.truncate("s", 4).expect("truncates"), 4);
    wal.delete_stream("s").expect("deletes");
    append(&wal, "new", 5);
    assert_eq!(wal.truncate("s", 4).expect("truncates"), 4);
    let archive = place.path().join("archive");
    for what in ["old", "new"] {
        for id in 0..4 {
            assert!(holds(&archive, &format!("{what} {id}")), "{what} {id}");
        }
    }
    let messages = messages.lock().expect("no panic").join("\n");
    assert!(messages.contains("kept"), "{messages}");
    assert_eq!(wal.restore_archived("s").expect("restores"), 4);
    for (id, entry) in wal.iter("s", 0).expect("iterates").enumerate() {
        assert_eq!(entry.expect("is read"), format!("new {id}").as_bytes());
    }
    for id in 0..4 {
        assert!(holds(&archive, &format!("old {id}")), "old {id}");
    }
}

#[test]
fn what_was_archived_is_kept_when_an_older_copy_of_the_log_archives_other_entries() {
    let place = support::temp_dir();
    let options = archiving(place.path(), "log", "archive");
    let wal = Wal::new(options.clone()).expect("opens");
    wal.append("s", b"first").expect("appends");
    wal.close().expect("closes");
    let (log, copy) = (place.path().join("log"), place.path().join("copy"));
    copy_dir(&log, &copy);
    for what in ["one", "two"] {
        std::fs::remove_dir_all(&log).expect("removes");
        copy_dir(&copy, &log);
        let wal = Wal::new(options.clone()).expect("opens");
        append(&wal, what, 4);
        wal.truncate("s", 4).expect("truncates");
        wal.close().expect("closes");
    }
    let archive = place.path().join("archive");
    for what in ["one 0", "one 1", "two 0", "two 1"] {
        assert!(holds(&archive, what), "{what}");
    }
}

#[test]
fn a_segment_that_is_in_the_archive_already_is_not_kept_twice() {
    let place = support::temp_dir();
    let options = archiving(place.path(), "log", "archive");
    let (wal, messages) = open_listening(options);
    append(&wal, "entry", 5);
    // All but the last are sealed by this.
    wal.sync("s").expect("syncs");
    let copy = place.path().join("copy");
    copy_dir(&place.path().join("log/s"), &copy);
    wal.truncate("s", 3).expect("truncates");
    // As a restoration leaves it that was cut short before it removed what it had restored.
    wal.restore_archived("s").expect("restores");
    for first in segments_in(&copy).into_iter().take(3) {
        let name = first.file_name().expect("a name");
        let target = place.path().join("archive/s").join(name);
        std::fs::copy(&first, target).expect("copies");
    }
    wal.truncate("s", 3).expect("truncates");
    let files = std::fs::read_dir(place.path().join("archive/s")).expect("lists");
    assert_eq!(files.count(), 3);
    let messages = messages.lock().expect("no panic").join("\n");
    assert!(!messages.contains("kept"), "{messages}");
}

#[test]
fn an_archive_belongs_to_the_log_that_used_it_first() {
    let place = support::temp_dir();
    let one = Wal::new(archiving(place.path(), "one", "archive")).expect("opens");
    // Open before the archive has an owner.
    let early = Wal::new(archiving(place.path(), "early", "archive")).expect("opens");
    append(&one, "one", 5);
    one.truncate("s", 4).expect("truncates");
    append(&early, "early", 5);
    let refused = early.truncate("s", 4).expect_err("another log's archive");
    assert!(
        matches!(&refused, Error::Config(what) if what.contains("archive")),
        "{refused}"
    );
    assert!(matches!(early.restore_archived("s"), Err(Error::Config(_))));
    assert_eq!(
        early.iter("s", 0).expect("iterates").count(),
        5,
        "nothing is taken out"
    );
    let refused = Wal::new(archiving(place.path(), "late", "archive")).expect_err("is refused");
    let message = refused.to_string();
    assert!(matches!(refused, Error::Config(_)), "{message}");
    assert!(message.contains("another log"), "{message}");
    assert_eq!(one.restore_archived("s").expect("restores"), 4);
    for (id, entry) in one.iter("s", 0).expect("iterates").enumerate() {
        assert_eq!(entry.expect("is read"), format!("one {id}").as_bytes());
    }
}

#[cfg(unix)]
#[test]
fn an_archive_in_a_log_is_refused_by_whatever_path_it_is_named() {
    use std::os::unix::fs::symlink;
    let place = support::temp_dir();
    drop(Wal::new(archiving(place.path(), "other", "elsewhere")).expect("opens"));
    drop(Wal::new(archiving(place.path(), "log", "elsewhere")).expect("opens"));
    symlink(place.path().join("log"), place.path().join("own")).expect("a link");
    symlink(place.path().join("other"), place.path().join("foreign")).expect("a link");
    std::fs::create_dir(place.path().join("dir")).expect("a directory");
    for archive in [
        "log",
        "log/archive",
        "own",
        "own/archive",
        "dir/../log/archive",
        "log/sub/../archive",
        "absent/../log/archive",
        "other",
        "other/archive",
        "foreign",
        "foreign/a/b",
        "other/s/deep",
    ] {
        let opened = Wal::new(archiving(place.path(), "log", archive));
        assert!(
            matches!(opened, Err(Error::Config(_))),
            "{archive}: {opened:?}"
        );
    }
    for archive in ["dir/../beside", "absent", "other.archive"] {
        let opened = Wal::new(archiving(place.path(), "log", archive));
        assert!(opened.is_ok(), "{archive}: {opened:?}");
    }
}

#[test]
fn an_archived_stream_whose_directory_is_a_log_by_then_is_refused_and_nothing_changes() {
    let place = support::temp_dir();
    // The archive's directory of the stream is the root of another log.
    let other = Wal::new(archiving(place.path(), "all/s", "elsewhere")).expect_err("no parent");
    assert!(matches!(other, Error::Io(_)));
    std::fs::create_dir(place.path().join("all")).expect("a directory");
    let other = Wal::new(archiving(place.path(), "all/s", "elsewhere")).expect("opens");
    append(&other, "other", 3);
    other.close().expect("closes");
    let before = support::files_in(&place.path().join("all"));
    let wal = Wal::new(archiving(place.path(), "log", "all")).expect("opens");
    append(&wal, "entry", 5);
    assert!(matches!(wal.truncate("s", 4), Err(Error::Config(_))));
    assert_eq!(wal.iter("s", 0).expect("iterates").count(), 5);
    let after = support::files_in(&place.path().join("all/s"));
    for (name, bytes) in after {
        assert_eq!(
            before.get(&Path::new("s").join(&name)),
            Some(&bytes),
            "{}",
            name.display()
        );
    }
}

#[test]
fn streams_that_are_truncated_at_once_into_an_archive_that_is_missing_all_succeed() {
    for round in 0..20 {
        let place = support::temp_dir();
        let wal = Wal::new(archiving(place.path(), "log", "archive")).expect("opens");
        let streams: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
        for stream in &streams {
            for id in 0..3u8 {
                wal.append(stream, &[id]).expect("appends");
            }
        }
        let start = std::sync::Barrier::new(streams.len());
        std::thread::scope(|scope| {
            for stream in &streams {
                scope.spawn(|| {
                    start.wait();
                    let truncated = wal.truncate(stream, 2);
                    assert_eq!(truncated.expect("truncates"), 2, "round {round}");
                });
            }
        });
    }
}
