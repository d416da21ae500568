//! D10: one writer, by whatever path and in whatever process; the lock dies with its holder.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use ironwal::*;

use crate::support;
use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn is_locked(place: &Path) -> bool {
    match Wal::new(options(place, SyncMode::Async)) {
        Ok(_) => false,
        Err(Error::Locked(_)) => true,
        Err(error) => panic!("{error}"),
    }
}

#[cfg(unix)]
#[test]
fn a_second_open_by_the_same_process_is_refused_by_any_path_until_the_last_clone_goes() {
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    let clone = wal.clone();
    let stream = wal.stream("s").expect("a handle");
    let transaction = wal.writer("s");
    assert!(is_locked(place.path()));
    std::os::unix::fs::symlink(place.path().join("log"), place.path().join("link"))
        .expect("a link");
    let mut by_link = options(place.path(), SyncMode::Async);
    by_link.root_path = place.path().join("link");
    assert!(matches!(Wal::new(by_link.clone()), Err(Error::Locked(_))));
    let mut by_detour = by_link.clone();
    by_detour.root_path = place.path().join("log/../link/.");
    assert!(matches!(Wal::new(by_detour), Err(Error::Locked(_))));
    drop(wal);
    assert!(is_locked(place.path()), "a clone lives");
    drop(clone);
    assert!(is_locked(place.path()), "a stream counts as a clone");
    drop(stream);
    assert!(is_locked(place.path()), "a transaction counts as a clone");
    drop(transaction);
    assert!(!is_locked(place.path()));
    let wal = Wal::new(by_link).expect("opens through the link");
    assert!(is_locked(place.path()));
    let kept = wal.clone();
    wal.close().expect("closes");
    assert!(!is_locked(place.path()), "closing releases, clones or not");
    assert!(matches!(kept.append("s", b"x"), Err(Error::Closed)));
}

#[test]
fn iterators_and_views_do_not_hold_the_lock() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    wal.append("s", b"entry").expect("appends");
    let mut entries = wal.iter("s", 0).expect("iterates");
    let view = wal.stream("s").expect("a handle").view(0).expect("reads");
    drop(wal);
    assert!(!is_locked(log.path()));
    assert_eq!(&view.expect("an entry")[..], b"entry");
    let first = entries.next().expect("an entry");
    assert_eq!(first.expect("good"), b"entry");
}

pub fn find_it_locked(place: &Path) {
    assert!(is_locked(place));
}

#[test]
fn another_process_is_refused_while_this_one_writes() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    support::run_child("find it locked", log.path());
    drop(wal);
}

/// Appends, prints each id, and goes on until it is killed.
pub fn hold_the_lock(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Async)).expect("opens");
    for id in 0.. {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {id}").expect("prints");
    }
}

#[test]
fn the_lock_dies_with_a_killed_holder_and_all_it_acknowledged_is_there() {
    let place = support::temp_dir();
    let mut holder = support::child("hold the lock", place.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut reported = BufReader::new(holder.stdout.take().expect("piped")).lines();
    let acknowledged =
        |line: String| -> Option<u64> { line.strip_prefix("acknowledged ")?.parse().ok() };
    let mut last = None;
    while last < Some(2000) {
        let line = reported.next().expect("more to come").expect("reads");
        last = acknowledged(line).or(last);
    }
    assert!(is_locked(place.path()), "the holder lives");
    holder.kill().expect("kills");
    holder.wait().expect("ends");
    for line in reported {
        last = acknowledged(line.expect("reads")).or(last);
    }
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens at once");
    let entries = all_entries(&wal, "s");
    assert!(
        entries.len() as u64 > last.expect("some"),
        "nothing is lost"
    );
    for (id, bytes) in entries {
        assert_eq!(bytes, entry(id));
    }
}
