//! The log's own name: made once, refused or replaced where it is damaged, never believed where it is
//! newer.

use std::fs;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::options;

#[test]
fn a_log_is_named_when_it_is_first_opened_for_writing_and_keeps_the_name() {
    let place = support::temp_dir();
    let options = options(place.path(), SyncMode::Async);
    let path = place.path().join("log/IDENTITY");
    drop(Wal::new(options.clone()).expect("opens"));
    let named = fs::read(&path).expect("is there");
    assert_eq!(named.len(), 512);
    let wal = Wal::new(options.clone()).expect("opens");
    wal.append("IDENTITY", b"a stream").expect("appends");
    wal.append("identity", b"another").expect("appends");
    wal.close().expect("closes");
    drop(Wal::open_read_only(options.clone()).expect("opens"));
    assert_eq!(fs::read(&path).expect("is there"), named);
    let other = support::temp_dir();
    drop(Wal::new(support::options(other.path(), SyncMode::Async)).expect("opens"));
    let another = fs::read(other.path().join("log/IDENTITY")).expect("is there");
    assert_ne!(named[16..32], another[16..32]);
}

#[test]
fn a_damaged_identity_is_refused_under_error_and_reported_and_replaced_under_truncate() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    let path = place.path().join("log/IDENTITY");
    let wal = Wal::new(options.clone()).expect("opens");
    wal.append("s", b"entry").expect("appends");
    wal.close().expect("closes");
    let good = fs::read(&path).expect("is there");
    let mut flipped = good.clone();
    flipped[20] ^= 1;
    for bad in [flipped, good[..100].to_vec(), vec![], vec![0; 512]] {
        fs::write(&path, &bad).expect("writes");
        options.on_corruption = CorruptionPolicy::Error;
        let found = Wal::open_read_only(options.clone())
            .expect("opens")
            .verify();
        let found = found.expect("verifies").findings;
        assert!(
            found
                .iter()
                .any(|f| f.path == path && f.severity == Severity::Damage)
        );
        let refused = Wal::new(options.clone()).expect_err("is refused");
        assert!(refused.to_string().contains("IDENTITY"), "{refused}");
        assert_eq!(
            fs::read(&path).expect("is there"),
            bad,
            "nothing is changed"
        );
        options.on_corruption = CorruptionPolicy::Truncate;
        let messages = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let sink = std::sync::Arc::clone(&messages);
        let log = move |_, message: &str| sink.lock().expect("no panic").push_str(message);
        let wal = Wal::open_logging(options.clone(), std::sync::Arc::new(log)).expect("opens");
        assert!(messages.lock().expect("no panic").contains("IDENTITY"));
        assert_eq!(all_entries(&wal, "s").len(), 1);
        wal.close().expect("closes");
        let replaced = fs::read(&path).expect("is there");
        assert_eq!(replaced.len(), 512);
        assert_ne!(replaced[16..32], good[16..32], "another name");
        options.on_corruption = CorruptionPolicy::Error;
        drop(Wal::new(options.clone()).expect("opens"));
    }
}

#[test]
fn an_identity_of_a_newer_format_is_refused_and_not_touched() {
    let place = support::temp_dir();
    let options = options(place.path(), SyncMode::Async);
    let path = place.path().join("log/IDENTITY");
    drop(Wal::new(options.clone()).expect("opens"));
    let mut newer = fs::read(&path).expect("is there");
    newer[8] = 2;
    let crc = crc32fast::hash(&newer[..508]);
    newer[508..].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &newer).expect("writes");
    let refused = Wal::new(options).expect_err("is refused");
    assert!(matches!(refused, Error::UnsupportedVersion(_)), "{refused}");
    assert_eq!(fs::read(&path).expect("is there"), newer);
}

#[test]
fn a_segment_of_an_earlier_stream_of_the_key_is_not_taken_for_one_of_this() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 1;
    let dir = place.path().join("log/s");
    let wal = Wal::new(options.clone()).expect("opens");
    for id in 0..4u8 {
        wal.append("s", &[1, id]).expect("appends");
    }
    let old = fs::read(dir.join("00000000000000000001.wal")).expect("is there");
    wal.delete_stream("s").expect("deletes");
    for id in 0..4u8 {
        wal.append("s", &[2, id]).expect("appends");
    }
    wal.close().expect("closes");
    fs::write(dir.join("00000000000000000001.wal"), &old).expect("writes");
    let wal = Wal::new(options).expect("opens");
    let refused = wal.get("s", 0).expect_err("is refused");
    assert!(matches!(refused, Error::InvalidFilename(_)), "{refused}");
    let kept = fs::read(dir.join("00000000000000000001.wal")).expect("is there");
    assert_eq!(kept, old, "nothing is touched");
}

#[test]
fn a_log_that_lost_its_name_is_served_and_its_archive_waits_for_a_decision() {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 1;
    options.archive_path = Some(place.path().join("archive"));
    let wal = Wal::new(options.clone()).expect("opens");
    for id in 0..5u8 {
        wal.append("s", &[id]).expect("appends");
    }
    assert_eq!(wal.truncate("s", 2).expect("truncates"), 2);
    wal.close().expect("closes");
    fs::remove_file(place.path().join("log/IDENTITY")).expect("removes");
    let wal = Wal::new(options).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 3);
    let refused = wal.truncate("s", 4).expect_err("whose archive is it?");
    assert!(refused.to_string().contains("remove"), "{refused}");
    assert_eq!(all_entries(&wal, "s").len(), 3);
    fs::remove_file(place.path().join("archive/IDENTITY")).expect("removes");
    assert_eq!(wal.truncate("s", 4).expect("truncates"), 2);
    assert_eq!(wal.restore_archived("s").expect("restores"), 4);
    assert_eq!(all_entries(&wal, "s").len(), 5);
}
