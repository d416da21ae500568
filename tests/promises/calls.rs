//! The calls of the API, one by one, on a real disk.

use ironwal::*;

fn open(dir: &std::path::Path) -> Wal {
    Wal::new(WalOptions::new(dir.join("log"))).expect("opens")
}

#[test]
fn entries_come_back_after_a_reopen() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    for i in 0..100u64 {
        assert_eq!(wal.append("s", &i.to_le_bytes()).expect("appends"), i);
    }
    assert_eq!(
        wal.append_batch("s", &[b"a", b"", b"ccc"])
            .expect("appends"),
        100..103
    );
    let mut txn = wal.writer("s");
    txn.add("x");
    txn.add(vec![1, 2, 3]);
    assert_eq!(txn.commit().expect("commits"), 103..105);
    let check = |wal: &Wal| {
        for i in 0..100u64 {
            assert_eq!(
                wal.get("s", i).expect("reads").as_deref(),
                Some(&i.to_le_bytes()[..])
            );
        }
        assert_eq!(wal.get("s", 101).expect("reads").as_deref(), Some(&b""[..]));
        assert_eq!(
            wal.get("s", 102).expect("reads").as_deref(),
            Some(&b"ccc"[..])
        );
        assert_eq!(
            wal.get("s", 104).expect("reads").as_deref(),
            Some(&[1, 2, 3][..])
        );
        assert_eq!(wal.get("s", 105).expect("reads"), None);
        assert_eq!(
            wal.iter("s", 0)
                .expect("iterates")
                .filter(|entry| entry.is_ok())
                .count(),
            105
        );
        let last = wal
            .iter_with_ids("s", 103)
            .expect("iterates")
            .last()
            .expect("some");
        assert_eq!(last.expect("good"), (104, vec![1, 2, 3]));
    };
    check(&wal);
    wal.close().expect("closes");
    let wal = open(dir.path());
    check(&wal);
    assert_eq!(wal.append("s", b"next").expect("appends"), 105);
    drop(wal);
    let wal = open(dir.path());
    assert_eq!(
        wal.get("s", 105).expect("reads").as_deref(),
        Some(&b"next"[..])
    );
    assert_eq!(wal.streams().expect("lists"), ["s"]);
}

#[test]
fn small_segments_rotate_truncate_and_come_back_from_the_archive() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = WalOptions::new(dir.path().join("log"));
    options.max_segment_size = 64;
    options.archive_path = Some(dir.path().join("archive"));
    let wal = Wal::new(options.clone()).expect("opens");
    for i in 0..50u64 {
        assert_eq!(wal.append("s", &[i as u8; 20]).expect("appends"), i);
    }
    let all = |wal: &Wal| -> Vec<u64> {
        let entries = wal.iter_with_ids("s", 0).expect("iterates");
        entries
            .map(|e| e.expect("good"))
            .map(|(id, bytes)| {
                assert_eq!(bytes, [id as u8; 20]);
                id
            })
            .collect()
    };
    assert_eq!(all(&wal), (0..50).collect::<Vec<_>>());
    assert_eq!(wal.truncate("s", 20).expect("truncates"), 20);
    assert_eq!(all(&wal), (20..50).collect::<Vec<_>>());
    assert_eq!(wal.get("s", 19).expect("reads"), None);
    drop(wal);
    let wal = Wal::new(options.clone()).expect("opens");
    assert_eq!(all(&wal), (20..50).collect::<Vec<_>>());
    assert_eq!(wal.restore_archived("s").expect("restores"), 20);
    assert_eq!(all(&wal), (0..50).collect::<Vec<_>>());
    drop(wal);
    let wal = Wal::new(options).expect("opens");
    assert_eq!(all(&wal), (0..50).collect::<Vec<_>>());
    wal.delete_stream("s").expect("deletes");
    assert_eq!(wal.get("s", 3).expect("reads"), None);
    assert_eq!(wal.append("s", b"new").expect("appends"), 0);
}

#[test]
fn the_index_noted_at_a_clean_close_is_used_and_a_false_one_is_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = WalOptions::new(dir.path().join("log"));
    options.sync_mode = SyncMode::Async;
    let wal = Wal::new(options.clone()).expect("opens");
    for i in 0..2000u64 {
        wal.append("s", &[i as u8; 100]).expect("appends");
    }
    wal.close().expect("closes");
    let check = || {
        let wal = Wal::new(options.clone()).expect("opens");
        for i in (0..2000u64).step_by(37) {
            assert_eq!(wal.get("s", i).expect("reads"), Some(vec![i as u8; 100]));
        }
    };
    check();
    let index = dir.path().join("log/s/segments.idx");
    let noted = std::fs::read(&index).expect("is there");
    assert!(noted.len() > 200, "points were noted");
    // The index of a stream with other entries, under the same key.
    let other = tempfile::tempdir().expect("a directory");
    let mut other_options = options.clone();
    other_options.root_path = other.path().join("log");
    let wal = Wal::new(other_options).expect("opens");
    for _ in 0..1000u64 {
        wal.append("s", &[1; 150]).expect("appends");
    }
    wal.close().expect("closes");
    std::fs::copy(other.path().join("log/s/segments.idx"), &index).expect("copies");
    check();
    std::fs::write(&index, b"garbage").expect("writes");
    check();
    std::fs::remove_file(&index).expect("removes");
    check();
}

#[test]
fn a_missing_index_file_is_made_at_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    wal.append("s", b"entry").expect("appends");
    let index = dir.path().join("log/s/segments.idx");
    assert!(index.exists(), "present after the first append");
    wal.close().expect("closes");
    std::fs::remove_file(&index).expect("removes");
    drop(open(dir.path()));
    assert!(index.exists());
}
