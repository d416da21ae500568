//! A stream's directory may be a symbolic link: what that means for each operation, and that no two
//! logs write where it leads.
//!
//! Deletion removed the files in the link's target, failed, and left the link; and two logs whose
//! links led to one directory wrote into it at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::options;
use crate::support::segments_in;

/// A log `name` in `place`, one segment for each entry.
fn log(place: &Path, name: &str) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.root_path = place.join(name);
    options.max_entries_per_segment = 1;
    options
}

/// A log `name` whose stream `s` leads to the directory `disk`, which is made.
fn log_with_link(place: &Path, name: &str) -> WalOptions {
    let options = log(place, name);
    drop(Wal::new(options.clone()).expect("opens"));
    let _ = fs::create_dir(place.join("disk"));
    symlink(place.join("disk"), place.join(name).join("s")).expect("a link");
    options
}

fn append(wal: &Wal, what: &str, count: u64) {
    for id in 0..count {
        let entry = format!("{what} {id}");
        wal.append("s", entry.as_bytes()).expect("appends");
    }
}

fn names_in(dir: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(dir).expect("lists");
    let mut names: Vec<PathBuf> = listed
        .map(|entry| entry.expect("an entry").file_name().into())
        .collect();
    names.sort();
    names
}

#[test]
fn a_linked_stream_is_written_read_truncated_archived_and_restored_like_any_other() {
    let place = support::temp_dir();
    let mut options = log_with_link(place.path(), "log");
    options.archive_path = Some(place.path().join("archive"));
    let disk = place.path().join("disk");
    let wal = Wal::new(options.clone()).expect("opens");
    append(&wal, "entry", 5);
    assert_eq!(segments_in(&disk).len(), 5);
    wal.close().expect("closes");
    let wal = Wal::new(options.clone()).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 5);
    assert_eq!(wal.truncate("s", 3).expect("truncates"), 3);
    assert_eq!(segments_in(&disk).len(), 2);
    assert_eq!(wal.restore_archived("s").expect("restores"), 3);
    assert_eq!(all_entries(&wal, "s").len(), 5);
    let reader = Wal::open_read_only(options).expect("opens");
    assert_eq!(reader.iter("s", 0).expect("iterates").count(), 5);
    assert!(
        wal.verify()
            .expect("verifies")
            .findings
            .iter()
            .all(|f| { f.severity == Severity::Note })
    );
}

#[test]
fn deleting_a_linked_stream_removes_its_files_and_the_link_and_leaves_the_target_empty() {
    let place = support::temp_dir();
    let options = log_with_link(place.path(), "log");
    let wal = Wal::new(options.clone()).expect("opens");
    append(&wal, "old", 5);
    wal.delete_stream("s").expect("deletes");
    let disk = place.path().join("disk");
    assert_eq!(names_in(&disk), Vec::<PathBuf>::new());
    assert!(fs::symlink_metadata(place.path().join("log/s")).is_err());
    let left = names_in(&place.path().join("log"));
    let left: Vec<_> = left.iter().filter_map(|name| name.to_str()).collect();
    assert_eq!(left, ["IDENTITY", "LOCK"]);
    append(&wal, "new", 3);
    assert_eq!(
        wal.get("s", 0).expect("reads").as_deref(),
        Some(&b"new 0"[..])
    );
    assert_eq!(
        names_in(&disk),
        Vec::<PathBuf>::new(),
        "a directory of its own by now"
    );
    wal.close().expect("closes");
    // The target is free for another log.
    let options = log_with_link(place.path(), "other");
    append(&Wal::new(options).expect("opens"), "other", 2);
}

#[test]
fn a_deletion_of_a_linked_stream_that_was_cut_short_is_finished_at_open() {
    // After the renaming; after some files are gone; after all but the owner's are; after that too.
    for cut in 0..4 {
        let place = support::temp_dir();
        let options = log_with_link(place.path(), "log");
        let wal = Wal::new(options.clone()).expect("opens");
        append(&wal, "old", 5);
        wal.close().expect("closes");
        let (root, disk) = (place.path().join("log"), place.path().join("disk"));
        fs::write(disk.join("a stranger's"), "file").expect("writes");
        fs::rename(root.join("s"), root.join("s#deleted")).expect("renames");
        let segments = segments_in(&disk);
        for segment in &segments[..[0, 3, 5, 5][cut]] {
            fs::remove_file(segment).expect("removes");
        }
        if cut >= 2 {
            fs::remove_file(disk.join("segments.idx")).expect("removes");
        }
        if cut == 3 {
            fs::remove_file(disk.join("OWNER")).expect("removes");
        }
        let wal = Wal::new(options).expect("opens");
        assert_eq!(
            wal.streams().expect("is known"),
            Vec::<String>::new(),
            "{cut}"
        );
        assert_eq!(names_in(&disk), [PathBuf::from("a stranger's")], "{cut}");
        assert!(
            fs::symlink_metadata(root.join("s#deleted")).is_err(),
            "{cut}"
        );
    }
}

#[test]
fn a_deleted_link_that_leads_to_what_is_not_this_logs_is_not_followed() {
    let place = support::temp_dir();
    // What another log owns, what has the shape of a log's and no owner, and another log's own.
    let other = log_with_link(place.path(), "other");
    append(&Wal::new(other).expect("opens"), "other", 3);
    let foreign = place.path().join("disk");
    let plain = log(place.path(), "plain");
    append(&Wal::new(plain).expect("opens"), "plain", 3);
    let bare = place.path().join("bare");
    support::copy_dir(&place.path().join("plain/s"), &bare);
    let options = log(place.path(), "log");
    drop(Wal::new(options.clone()).expect("opens"));
    for target in [foreign, bare, place.path().join("plain/s")] {
        let before = support::files_in(&target);
        let link = place.path().join("log/s#deleted");
        symlink(&target, &link).expect("a link");
        let wal = Wal::new(options.clone()).expect("opens");
        append(&wal, "mine", 2);
        wal.delete_stream("s").expect("deletes");
        wal.close().expect("closes");
        assert_eq!(support::files_in(&target), before, "{}", target.display());
        fs::remove_file(&link).expect("it is left for people to look at");
    }
}

#[test]
fn deleting_a_linked_stream_follows_no_older_link_of_its_name_without_proof() {
    // The lock of the live stream's own target was taken as proof for whatever `s#deleted` led to.
    let place = support::temp_dir();
    let other = log_with_link(place.path(), "other");
    append(&Wal::new(other).expect("opens"), "other", 3);
    let foreign = place.path().join("disk");
    let target = place.path().join("target");
    fs::create_dir(&target).expect("a directory");
    let options = log(place.path(), "log");
    drop(Wal::new(options.clone()).expect("opens"));
    symlink(&target, place.path().join("log/s")).expect("a link");
    symlink(&foreign, place.path().join("log/s#deleted")).expect("a link");
    let before = support::files_in(&foreign);
    let wal = Wal::new(options).expect("opens");
    append(&wal, "mine", 2);
    wal.delete_stream("s").expect("deletes");
    wal.close().expect("closes");
    assert_eq!(support::files_in(&foreign), before);
    assert!(support::files_in(&target).is_empty(), "its own files went");
}

#[test]
fn a_directory_that_two_logs_link_to_belongs_to_the_first() {
    let place = support::temp_dir();
    let one = log_with_link(place.path(), "one");
    let two = log_with_link(place.path(), "two");
    let first = Wal::new(one.clone()).expect("opens");
    append(&first, "one", 3);
    let second = Wal::new(two.clone()).expect("opens");
    let refused = second.append("s", b"two").expect_err("is refused");
    assert!(
        matches!(refused, Error::Locked(_) | Error::InvalidFilename(_)),
        "{refused}"
    );
    assert!(second.get("s", 0).is_err());
    second.append("t", b"two").expect("other streams work");
    first.close().expect("closes");
    second.close().expect("closes");
    // Later, too.
    let second = Wal::new(two.clone()).expect("opens");
    let refused = second.append("s", b"two").expect_err("is refused");
    assert!(matches!(refused, Error::InvalidFilename(_)), "{refused}");
    assert!(refused.to_string().contains("another log"), "{refused}");
    second.close().expect("closes");
    let mut strict = two;
    strict.on_corruption = CorruptionPolicy::Error;
    assert!(Wal::new(strict).is_err());
    let first = Wal::new(one).expect("opens");
    assert_eq!(all_entries(&first, "s").len(), 3);
    append(&first, "one", 1);
}

#[test]
fn a_link_made_while_the_log_is_open_is_looked_at_by_the_first_append() {
    let place = support::temp_dir();
    let one = Wal::new(log_with_link(place.path(), "one")).expect("opens");
    append(&one, "one", 3);
    let two = Wal::new(log(place.path(), "two")).expect("opens");
    symlink(place.path().join("disk"), place.path().join("two/s")).expect("a link");
    let refused = two.append("s", b"two").expect_err("is refused");
    assert!(
        matches!(refused, Error::Locked(_) | Error::InvalidFilename(_)),
        "{refused}"
    );
    assert_eq!(all_entries(&one, "s").len(), 3);
    assert!(one.verify().expect("verifies").is_clean());
}

#[test]
fn two_links_of_one_log_to_one_directory_and_links_into_a_log_are_refused() {
    let place = support::temp_dir();
    let options = log_with_link(place.path(), "log");
    let wal = Wal::new(options.clone()).expect("opens");
    append(&wal, "s", 3);
    wal.append("plain", b"entry").expect("appends");
    let root = place.path().join("log");
    symlink(place.path().join("disk"), root.join("again")).expect("a link");
    symlink(root.join("plain"), root.join("inside")).expect("a link");
    let other = Wal::new(log(place.path(), "other")).expect("opens");
    other.append("theirs", b"entry").expect("appends");
    symlink(place.path().join("other/theirs"), root.join("foreign")).expect("a link");
    for round in 0..2 {
        let wal = match round {
            0 => wal.clone(),
            _ => Wal::new(options.clone()).expect("opens"),
        };
        for stream in ["again", "inside", "foreign"] {
            let refused = wal.append(stream, b"entry").expect_err(stream);
            let is_clear = matches!(refused, Error::Locked(_) | Error::InvalidFilename(_));
            assert!(is_clear, "{stream}: {refused}");
        }
        assert_eq!(all_entries(&wal, "s").len(), 3);
        assert_eq!(all_entries(&wal, "plain").len(), 1);
        wal.close().expect("closes");
    }
    assert_eq!(all_entries(&other, "theirs").len(), 1);
}
