//! What is cut off is kept aside first. There is no room for that, or the step behind it fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

/// Durable, checked above that, behind a torn frame.
const SYNCED: u64 = 10;
const GOOD: u64 = 14;
const ALL: u64 = 16;

fn options() -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_entries_per_segment = 8;
    options
}

fn entry(id: u64) -> Vec<u8> {
    // Large, so that a copy takes several blocks.
    vec![id as u8 + 1; 5000]
}

fn newest(disk: &SimulatedDisk) -> (PathBuf, Vec<u8>) {
    let files = disk.files();
    let mut segments = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "wal"));
    let (path, bytes) = segments.next_back().expect("a segment");
    (path.clone(), bytes.clone())
}

/// A killed log of two segments and a third whose tail is torn, with good frames behind.
fn torn() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    for id in 0..ALL {
        if id == SYNCED {
            wal.sync("s").expect("syncs");
        }
        wal.append("s", &entry(id)).expect("appends");
    }
    let killed = disk.kill();
    drop(wal);
    let (path, mut bytes) = newest(&killed);
    let frame_len = 36 + entry(0).len();
    let torn = 1536 + frame_len * (GOOD - 8) as usize;
    bytes[torn + 100] ^= 1;
    killed.put(path, &bytes);
    // Whose history begins here.
    killed.kill()
}

fn copies(disk: &SimulatedDisk) -> Vec<(PathBuf, Vec<u8>)> {
    let files = disk.files().into_iter();
    files
        .filter(|(path, _)| path.to_string_lossy().contains("cut"))
        .collect()
}

type Messages = Arc<Mutex<Vec<String>>>;

fn open_and_listen(disk: &SimulatedDisk) -> (Wal, Vec<String>) {
    let messages = Messages::default();
    let sink = Arc::clone(&messages);
    let sink =
        Arc::new(move |_, message: &str| sink.lock().expect("whole").push(message.to_owned()));
    let wal = Wal::open_simulated_logging(disk, options(), sink).expect("opens");
    let messages = messages.lock().expect("whole").clone();
    (wal, messages)
}

fn check(wal: &Wal, ids: std::ops::Range<u64>, case: &str) {
    let entries = wal.iter_with_ids("s", 0).expect("iterates");
    let shown: Vec<(u64, Vec<u8>)> = entries.map(|entry| entry.expect("is read")).collect();
    let shown_ids: Vec<u64> = shown.iter().map(|(id, _)| *id).collect();
    assert_eq!(shown_ids, ids.collect::<Vec<_>>(), "{case}");
    assert!(
        shown.iter().all(|(id, bytes)| *bytes == entry(*id)),
        "{case}"
    );
}

#[test]
fn a_full_disk_leaves_no_copy_in_part_however_often_the_log_is_opened() {
    // Each opening left another file, never removed, and reported that a torn tail was cut.
    let disk = torn();
    for room in [0, 4096, 2 * 4096] {
        for _ in 0..10 {
            disk.set_capacity(disk.used_bytes() + room);
            let before = newest(&disk).1.len();
            let (wal, messages) = open_and_listen(&disk);
            assert_eq!(copies(&disk), [], "with room for {room} bytes");
            assert_eq!(newest(&disk).1.len(), before, "nothing was cut");
            assert!(
                !messages.iter().any(|what| what.contains("took away")),
                "{messages:?}"
            );
            assert!(
                messages.iter().any(|what| what.contains("poisoned")),
                "{messages:?}"
            );
            drop(wal);
        }
    }
    disk.set_capacity(None);
    let (wal, messages) = open_and_listen(&disk);
    assert!(
        messages
            .iter()
            .any(|what| what.contains("took away a torn tail")),
        "{messages:?}"
    );
    assert_eq!(copies(&disk).len(), 1);
    check(&wal, 0..GOOD, "on the full disk or behind it");
    assert_eq!(wal.append("s", &entry(GOOD)).expect("appends"), GOOD);
}

#[test]
fn a_cut_that_fails_again_and_again_leaves_one_whole_copy() {
    let disk = torn();
    let cut_off = newest(&disk).1[1536 + (36 + 5000) * (GOOD - 8) as usize..].to_vec();
    for _ in 0..10 {
        disk.inject(FaultPlan::nth(OpKind::SetLen, 1).on_path(".wal"));
        let (wal, messages) = open_and_listen(&disk);
        disk.clear_faults();
        assert!(
            !messages.iter().any(|what| what.contains("took away")),
            "{messages:?}"
        );
        drop(wal);
        let copies = copies(&disk);
        assert_eq!(
            copies.len(),
            1,
            "{:?}",
            copies.iter().map(|(p, _)| p).collect::<Vec<_>>()
        );
        assert!(copies[0].1 == cut_off, "whole");
    }
    let (wal, _) = open_and_listen(&disk);
    check(&wal, 0..GOOD, "on the full disk or behind it");
    assert_eq!(copies(&disk).len(), 1);
}

#[test]
fn whatever_step_of_a_copy_fails_or_is_cut_by_a_crash_the_copy_is_whole_or_not_there() {
    let cut_off = newest(&torn()).1[1536 + (36 + 5000) * (GOOD - 8) as usize..].to_vec();
    let whole_or_none = |disk: &SimulatedDisk, case: &str| {
        let copies = copies(disk);
        let named = copies
            .iter()
            .filter(|(path, _)| path.to_string_lossy().contains("#cut-"));
        for (path, bytes) in named {
            assert!(*bytes == cut_off, "{case}: {}", path.display());
        }
        copies.len()
    };
    let disk = torn();
    drop(Wal::open_simulated(&disk, options()).expect("opens"));
    let calls = disk.op_count();
    for call in 1..=calls {
        let disk = torn();
        disk.inject(FaultPlan::nth_call(call));
        let opened = Wal::open_simulated(&disk, options());
        let case = format!("call {call} fails");
        whole_or_none(&disk, &case);
        disk.clear_faults();
        drop(opened);
        let wal = Wal::open_simulated(&disk, options()).expect("opens");
        check(&wal, 0..GOOD, &case);
        assert!(whole_or_none(&disk, &case) <= 1, "{case}");
    }
    let disk = torn();
    drop(Wal::open_simulated(&disk, options()).expect("opens"));
    let mut replay = disk.replay();
    while replay.step() {
        for seed in 0..4 {
            let crashed = replay.crash(seed, DirectoryModel::Strict);
            let case = format!("crash behind call {}, seed {seed}", replay.op_index());
            let wal = Wal::open_simulated(&crashed, options()).expect("opens");
            check(&wal, 0..GOOD, &case);
            assert!(whole_or_none(&crashed, &case) <= 1, "{case}");
        }
    }
}

#[test]
fn on_a_full_disk_what_was_checked_is_served_durably_and_a_truncation_makes_room() {
    // What lay above the frontier was not served, and a truncation answered `Poisoned`.
    let disk = torn();
    disk.set_capacity(disk.used_bytes());
    let (wal, _) = open_and_listen(&disk);
    check(&wal, 0..GOOD, "on the full disk or behind it");
    assert_eq!(
        wal.stream("s")
            .expect("a handle")
            .durable_end()
            .expect("is known"),
        GOOD
    );
    let refused = wal
        .append("s", b"no")
        .expect_err("nothing may overwrite what is to be kept");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
    assert!(wal.restore_archived("s").is_ok());
    for seed in 0..8 {
        let crashed = disk.crash(seed, DirectoryModel::Strict);
        let again = Wal::open_simulated(&crashed, options()).expect("opens");
        check(&again, 0..GOOD, &format!("seed {seed}"));
    }

    let before = disk.used_bytes();
    assert_eq!(wal.truncate("s", 8).expect("needs no room"), 1);
    assert!(disk.used_bytes() < before, "there is room now");
    check(&wal, 8..GOOD, "on the full disk or behind it");
    assert_eq!(
        wal.truncate("s", 100).expect("truncates"),
        0,
        "never the newest one"
    );
    for seed in 0..8 {
        let crashed = disk.crash(seed, DirectoryModel::Strict);
        let again = Wal::open_simulated(&crashed, options()).expect("opens");
        check(&again, 8..GOOD, &format!("seed {seed}"));
    }
    assert!(matches!(wal.close(), Err(Error::Poisoned { .. })));

    let (wal, messages) = open_and_listen(&disk);
    assert!(
        messages
            .iter()
            .any(|what| what.contains("took away a torn tail")),
        "{messages:?}"
    );
    check(&wal, 8..GOOD, "on the full disk or behind it");
    assert_eq!(wal.append("s", b"on").expect("appends"), GOOD);
    wal.close().expect("closes");
}

#[test]
fn a_truncation_that_fails_on_a_full_disk_is_not_tried_again_before_the_log_is_opened_anew() {
    let disk = torn();
    disk.set_capacity(disk.used_bytes());
    let (wal, _) = open_and_listen(&disk);
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1));
    wal.truncate("s", 8)
        .expect_err("the sync of the slot failed");
    disk.clear_faults();
    let refused = wal.truncate("s", 8).expect_err("poisoned");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
    check(&wal, 0..GOOD, "on the full disk or behind it");
}

/// Entries that no longer fit into the room that a small segment keeps.
const LARGE: u64 = 30_000;

/// A log of two segments, both larger than what a truncation leaves; the tail of the second one is
/// torn, with good frames behind.
fn torn_and_large() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    for id in 0..ALL {
        if id == SYNCED {
            wal.sync("s").expect("syncs");
        }
        wal.append("s", &vec![id as u8 + 1; LARGE as usize])
            .expect("appends");
    }
    let killed = disk.kill();
    drop(wal);
    let (path, mut bytes) = newest(&killed);
    let torn = 1536 + (36 + LARGE as usize) * (GOOD - 8) as usize;
    bytes[torn + 100] ^= 1;
    killed.put(path, &bytes);
    killed.kill()
}

#[test]
fn a_truncation_of_all_entries_on_a_full_disk_leaves_the_segment_that_is_to_be_cut() {
    // Giving its room back would make a segment behind bytes that are not kept aside yet.
    let disk = torn_and_large();
    disk.set_capacity(disk.used_bytes());
    let (wal, _) = open_and_listen(&disk);
    let next_id = wal
        .stream("s")
        .expect("a handle")
        .next_id()
        .expect("is known");
    assert_eq!(next_id, GOOD);
    let before = newest(&disk);
    assert_eq!(wal.truncate("s", next_id).expect("needs no room"), 1);
    assert!(newest(&disk).0 == before.0, "the same segment");
    assert_eq!(newest(&disk).1.len(), before.1.len(), "nothing was cut");
    assert!(wal.get("s", GOOD - 1).expect("reads").is_some());
    drop(wal);

    let (wal, messages) = open_and_listen(&disk);
    let is_cut = |what: &String| what.contains("took away a torn tail");
    assert!(messages.iter().any(is_cut), "{messages:?}");
    assert_eq!(copies(&disk).len(), 1);
    assert_eq!(wal.append("s", b"on").expect("appends"), GOOD);
}

#[test]
fn segments_truncated_before_a_crash_are_removed_on_a_full_disk_where_nothing_can_be_saved() {
    // The first segment is truncated, but its file could not be removed; then the tail is torn.
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    for id in 0..SYNCED {
        wal.append("s", &entry(id)).expect("appends");
    }
    disk.inject(FaultPlan::nth(OpKind::Remove, 1).on_path(".wal"));
    wal.truncate("s", 8).expect_err("the file is left");
    disk.clear_faults();
    for id in SYNCED..ALL {
        wal.append("s", &entry(id)).expect("appends");
    }
    let disk = disk.kill();
    drop(wal);
    let segments = |disk: &SimulatedDisk| {
        let files = disk.files().into_iter();
        files
            .filter(|(path, _)| path.extension().is_some_and(|e| e == "wal"))
            .count()
    };
    assert_eq!(segments(&disk), 2);
    let (path, mut bytes) = newest(&disk);
    bytes[1536 + (36 + 5000) * (GOOD - 8) as usize + 100] ^= 1;
    disk.put(path, &bytes);
    let disk = disk.kill();

    disk.set_capacity(disk.used_bytes());
    let (wal, _) = open_and_listen(&disk);
    check(&wal, 8..GOOD, "on the full disk");
    assert_eq!(segments(&disk), 2, "nothing is removed before the copy");
    assert_eq!(wal.truncate("s", 8).expect("needs no room"), 0);
    assert_eq!(segments(&disk), 1);
    drop(wal);
    for seed in 0..8 {
        let crashed = disk.crash(seed, DirectoryModel::Strict);
        crashed.set_capacity(None);
        let again = Wal::open_simulated(&crashed, options()).expect("opens");
        check(&again, 8..GOOD, &format!("seed {seed}"));
    }
    let (wal, messages) = open_and_listen(&disk);
    let is_cut = |what: &String| what.contains("took away a torn tail");
    assert!(messages.iter().any(is_cut), "{messages:?}");
    assert_eq!(wal.append("s", b"on").expect("appends"), GOOD);
}
