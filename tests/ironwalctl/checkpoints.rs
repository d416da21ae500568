//! What must hold: the checkpoints of a sharded log are listed and shown as the library loads them, and one that does not
//! fit to its shards is marked. A quiet verification is quiet where nothing is wrong.

use super::*;

/// A sharded log with two checkpoints, and a copy in which a shard is as it was before them: restored from an older backup.
pub fn sharded_logs(place: &Path) -> (PathBuf, PathBuf) {
    let mut how = options(place, SyncMode::Async);
    how.max_segment_size = 4096;
    let root = how.root_path.clone();
    let append = |numbers: std::ops::Range<u8>| {
        let log = ShardedWal::new(how.clone(), 2).expect("opens");
        for number in numbers {
            log.append(&[number], &entry(u64::from(number)))
                .expect("appends");
            match number {
                50 => log.create_checkpoint(b"one").expect("creates"),
                99 => log.create_checkpoint(b"two\xff").expect("creates"),
                _ => {}
            }
        }
        log.close().expect("closes");
    };
    append(0..20);
    let (backup, mixed) = (place.join("backup"), place.join("mixed"));
    copy_dir(&root, &backup);
    append(20..100);
    copy_dir(&root, &mixed);
    std::fs::remove_dir_all(mixed.join("shard_01")).expect("removes");
    copy_dir(&backup.join("shard_01"), &mixed.join("shard_01"));
    (root, mixed)
}

#[test]
fn the_checkpoints_of_a_sharded_log_are_listed_and_shown() {
    let place = temp_dir();
    let (root, _) = sharded_logs(place.path());
    let before = everything(&root);
    let (code, text, errors) = tool(&["checkpoints", path(&root)]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((code, lines.len(), &*errors), (0, 3, ""), "{text}");
    assert!(
        lines[0].starts_with("one 2") && lines[0].ends_with(" UTC, 51 ids below it"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("two\\xff 2") && lines[1].ends_with(", 100 ids below it"),
        "{text}"
    );
    assert_eq!(lines[2], "2 checkpoints, 2 shards");
    let log = ShardedWal::open_read_only(WalOptions::new(&root), None).expect("opens");
    let two = log.load_checkpoint(b"two\xff").expect("loads");
    for arguments in [["--show=two", ""], ["--show=74776fff", "--hex"]] {
        let mut all = vec!["checkpoints", path(&root)];
        all.extend(arguments.iter().filter(|word| !word.is_empty()));
        let (code, text, errors) = tool(&all);
        if arguments[1].is_empty() {
            assert_eq!(code, 3, "{text}");
            assert!(errors.contains("lists those that there are"), "{errors}");
            continue;
        }
        let expected = format!(
            "  shard_00: next id {}\n  shard_01: next id {}\n",
            two.offsets[0], two.offsets[1]
        );
        assert!(code == 0 && text.ends_with(&expected), "{text}");
    }
    let (code, listed) = json(&["checkpoints", path(&root), "--json"]);
    assert_eq!((code, number(&listed, "shards")), (0, 2));
    let second = &listed["checkpoints"][1];
    assert_eq!(second["id_base64"], base64(b"two\xff"));
    assert_eq!(number(second, "timestamp_ns"), two.timestamp);
    assert_eq!(second["next_ids"], serde_json::json!(two.offsets));
    assert!(everything(&root) == before, "the directory was changed");
    // A log without shards has none.
    let plain = place.path().join("plain");
    std::fs::create_dir(&plain).expect("makes");
    let (code, _, errors) = tool(&["checkpoints", path(&closed_log(&plain))]);
    assert!(
        code == 3 && errors.contains("not a sharded log"),
        "{errors}"
    );
}

#[test]
fn a_checkpoint_that_its_shards_do_not_reach_is_unusable() {
    let place = temp_dir();
    let (_, mixed) = sharded_logs(place.path());
    let (code, text, _) = tool(&["checkpoints", path(&mixed)]);
    assert_eq!(code, 1, "{text}");
    assert_eq!(text.matches(" unusable: ").count(), 2, "{text}");
    assert!(text.contains("of shard_01"), "{text}");
    let (code, listed) = json(&["checkpoints", path(&mixed), "--show=one", "--json"]);
    assert_eq!(code, 1);
    assert!(listed["checkpoints"][0]["error"].is_string(), "{listed}");
}

#[test]
fn a_quiet_verification_prints_damage_only() {
    let place = temp_dir();
    let root = closed_log(place.path());
    // A note.
    std::fs::create_dir(root.join("old#deleted")).expect("makes");
    assert!(tool(&["verify", path(&root)]).1.contains("note "));
    assert_eq!(
        tool(&["verify", path(&root), "-q"]),
        (0, String::new(), String::new())
    );
    harm(&segments_in(&root.join("s"))[1], |bytes| {
        bytes[1536 + 36] ^= 1
    });
    let (code, text, errors) = tool(&["verify", path(&root), "--quiet"]);
    assert!(
        code == 1 && text.starts_with("damage ") && errors.is_empty(),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(tool(&["verify", path(&root), "-q", "--json"]).0, 2);
}
