//! What is left in a reader of streams that its writer deletes? Nothing.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ironwal::*;

use crate::support::entry;
use crate::support::options;
use crate::support::temp_dir;

/// The files of the log that this process has open.
fn open_files(place: &Path) -> Vec<PathBuf> {
    let log = place.join("log");
    std::fs::read_dir("/proc/self/fd")
        .expect("lists")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.starts_with(&log))
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn deleted_streams_are_not_listed_and_nothing_of_them_stays_open() {
    // 500 of them were listed as there, and 128 of their files were open, until `refresh`.
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    let mut keys: Vec<String> = (0..300).map(|number| format!("s{number}")).collect();
    keys.sort_unstable();
    for key in &keys {
        wal.append(key, &entry(0)).expect("appends");
    }
    let reader = Wal::open_read_only(how).expect("opens");
    assert_eq!(reader.streams().expect("lists"), keys);
    let handles: Vec<Stream> = keys
        .iter()
        .map(|key| reader.stream(key).expect("a handle"))
        .collect();
    for handle in &handles {
        assert_eq!(handle.get(0).expect("reads"), Some(entry(0)));
    }
    assert!(open_files(place.path()).len() > 100);
    for key in &keys {
        wal.delete_stream(key).expect("deletes");
    }
    assert_eq!(reader.streams().expect("lists"), [""; 0]);
    // The writer's own: the root and the lock.
    let mut open = open_files(place.path());
    open.sort_unstable();
    let root = place.path().join("log");
    assert_eq!(open, [root.clone(), root.join("LOCK")]);
    for handle in &handles {
        assert!(matches!(handle.get(0), Err(Error::StreamNotFound(_))));
        assert!(matches!(handle.next_id(), Err(Error::StreamNotFound(_))));
    }
    assert_eq!(reader.get("s7", 0).expect("reads"), None);
}

#[test]
fn a_stream_begun_again_is_listed_and_old_handles_know_that_theirs_is_gone() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    wal.append("s", b"old").expect("appends");
    let reader = Wal::open_read_only(how).expect("opens");
    let old = reader.stream("s").expect("a handle");
    assert_eq!(old.get(0).expect("reads").as_deref(), Some(&b"old"[..]));
    wal.delete_stream("s").expect("deletes");
    wal.append("s", b"new").expect("appends");
    assert_eq!(reader.streams().expect("lists"), ["s"]);
    assert!(matches!(old.get(0), Err(Error::StreamNotFound(_))));
    let new = reader.stream("s").expect("a handle");
    assert_eq!(new.get(0).expect("reads").as_deref(), Some(&b"new"[..]));
}

#[test]
fn a_stream_that_was_asked_for_before_it_began_is_listed_once_it_is_there() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    let reader = Wal::open_read_only(how).expect("opens");
    let _handle = reader.stream("later").expect("a handle");
    assert_eq!(reader.streams().expect("lists"), [""; 0]);
    wal.append("later", b"entry").expect("appends");
    assert_eq!(reader.streams().expect("lists"), ["later"]);
}

#[test]
fn a_stream_that_cannot_be_read_is_listed_as_long_as_its_directory_is_there() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    wal.append("s", b"entry").expect("appends");
    let foreign = place.path().join("log/foreign");
    std::fs::create_dir(&foreign).expect("a directory");
    // Of a version to come.
    let segment = place.path().join("log/s/00000000000000000000.wal");
    let mut bytes = std::fs::read(segment).expect("reads");
    bytes.truncate(1536);
    std::fs::write(foreign.join("00000000000000000000.wal"), bytes).expect("writes");
    let reader = Wal::open_read_only(how).expect("opens");
    assert_eq!(reader.streams().expect("lists"), ["foreign", "s"]);
    std::fs::remove_dir_all(&foreign).expect("removes");
    assert_eq!(reader.streams().expect("lists"), ["s"]);
}

#[test]
fn a_waiter_without_a_limit_is_woken_when_the_reader_is_closed() {
    // It waited for ever.
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    wal.append("s", b"entry").expect("appends");
    let reader = Wal::open_read_only(how).expect("opens");
    let (sender, receiver) = std::sync::mpsc::channel();
    for key in ["s", "not there"] {
        let (stream, sender) = (reader.stream(key).expect("a handle"), sender.clone());
        std::thread::spawn(move || {
            sender
                .send(stream.wait_durable(7, Duration::MAX))
                .expect("is heard");
        });
    }
    // They are waiting by then, most likely; if not they find the log closed.
    let other = reader.stream("s").expect("a handle");
    let waited = other.wait_durable(7, Duration::from_millis(50));
    assert!(matches!(waited, Err(Error::Timeout)), "{waited:?}");
    reader.close().expect("closes");
    for _ in 0..2 {
        let answer = receiver.recv_timeout(Duration::from_secs(20));
        let answer = answer.expect("waits for ever");
        assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
    }
    let late = other.wait_durable(7, Duration::MAX);
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
}
