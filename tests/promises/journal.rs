//! Does what is durable in the commit journal only survive, and nothing come back that is gone (D4, D7, D12)?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use parking_lot::Mutex;

/// The messages of a log.
type Messages = Arc<Mutex<Vec<String>>>;

fn options(commit_path: CommitPath) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.commit_path = commit_path;
    options.background_sync = None;
    options
}

/// With files of 16 KiB.
fn small() -> WalOptions {
    let mut options = options(CommitPath::Journal);
    options.journal_size = 32 << 10;
    options
}

/// The offset of the last sector of the first file with anything in it.
fn last_sector(bytes: &[u8]) -> usize {
    let used = bytes.iter().rposition(|byte| *byte != 0);
    used.expect("is not empty") / 512 * 512
}

fn open_with(disk: &SimulatedDisk, options: WalOptions) -> Result<(Wal, Messages)> {
    let messages = Messages::default();
    let kept = Arc::clone(&messages);
    let sink: LogSink = Arc::new(move |_, message| kept.lock().push(message.to_owned()));
    Ok((Wal::open_simulated_stepped(disk, options, sink)?, messages))
}

fn open(disk: &SimulatedDisk) -> Wal {
    open_with(disk, options(CommitPath::Journal))
        .expect("opens")
        .0
}

/// A log with a journal that takes records.
fn with_journal(disk: &SimulatedDisk) -> Wal {
    let wal = open(disk);
    wal.append("first", b"in place").expect("appends");
    wal.step_helpers();
    wal
}

/// The disk after a power failure that takes all that was not synced.
fn after_power_failure(disk: &SimulatedDisk) -> SimulatedDisk {
    disk.crash(0, DirectoryModel::Strict)
}

fn entries(wal: &Wal, key: &str) -> Vec<Vec<u8>> {
    let entries = wal.iter(key, 0).expect("iterates");
    entries
        .map(|entry| entry.expect("an entry").to_vec())
        .collect()
}

fn journal_files(disk: &SimulatedDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = disk.files();
    files.retain(|path, _| path.starts_with("/log/commit-journal"));
    files
}

#[test]
fn an_append_writes_one_record_and_syncs_no_file_of_its_stream() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("first", b"one").expect("appends");
    let before = [
        disk.count_on(OpKind::SyncData, "/log/first"),
        disk.count_on(OpKind::SyncData, "commit-journal"),
        disk.count(OpKind::SyncAll) + disk.count(OpKind::SyncDir),
    ];
    wal.append("first", b"two").expect("appends");
    let after = [
        disk.count_on(OpKind::SyncData, "/log/first"),
        disk.count_on(OpKind::SyncData, "commit-journal"),
        disk.count(OpKind::SyncAll) + disk.count(OpKind::SyncDir),
    ];
    assert_eq!(after, [before[0], before[1] + 1, before[2]]);
    // A new stream neither.
    wal.append("second", b"one").expect("appends");
    assert_eq!(disk.count_on(OpKind::SyncData, "/log/second"), 0);
    assert_eq!(disk.count_on(OpKind::SyncDir, "/log/second"), 0);
}

#[test]
fn what_only_the_journal_made_durable_is_there_after_a_power_failure() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    for number in 0..20u8 {
        wal.append("first", &[number; 40]).expect("appends");
        wal.append("new", &[number; 30]).expect("appends");
    }
    let lost = after_power_failure(&disk);
    assert!(lost.contents("/log/new/00000000000000000000.wal").is_err());
    for policy in [CorruptionPolicy::Truncate, CorruptionPolicy::Error] {
        let lost = after_power_failure(&disk);
        let mut options = options(CommitPath::InPlace);
        options.on_corruption = policy;
        let (wal, messages) = open_with(&lost, options).expect("opens");
        assert_eq!(messages.lock().as_slice(), [""; 0], "{policy:?}");
        assert_eq!(entries(&wal, "first").len(), 21);
        let expected: Vec<_> = (0..20u8).map(|number| vec![number; 30]).collect();
        assert_eq!(entries(&wal, "new"), expected);
        assert!(journal_files(&lost).is_empty());
        // It is all durable in place by now.
        let again = after_power_failure(&lost);
        let wal = open(&again);
        assert_eq!(entries(&wal, "new"), expected);
    }
}

#[test]
fn a_process_that_dies_leaves_what_the_disk_lacks_to_be_written_again() {
    // The page cache shows the frames and a slot that says that they are durable: nothing but the journal
    // has them (D13).
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("first", b"one").expect("appends");
    let killed = disk.kill();
    drop(wal);
    let wal = open(&killed);
    assert_eq!(entries(&wal, "first").len(), 2);
    let lost = after_power_failure(&killed);
    // The names may be there again: the files hold nothing.
    let holds_nothing = |bytes: &Vec<u8>| bytes[..512] == [0; 512];
    assert!(journal_files(&lost).values().all(holds_nothing));
    assert_eq!(entries(&open(&lost), "first").len(), 2);
}

#[test]
fn files_are_written_back_and_used_again() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_with(&disk, small()).expect("opens");
    for number in 0..400u32 {
        let key = ["a", "b", "c"][number as usize % 3];
        wal.append(key, &number.to_le_bytes()).expect("appends");
        if number % 7 == 0 {
            wal.step_helpers();
        }
    }
    let files = journal_files(&disk);
    assert_eq!(files.len(), 2);
    assert!(files.values().all(|bytes| bytes.len() <= 16 << 10));
    // More records than both files take.
    assert!(disk.count_on(OpKind::SyncData, "commit-journal") > 100);
    let wal = open(&after_power_failure(&disk));
    let all: usize = ["a", "b", "c"]
        .iter()
        .map(|key| entries(&wal, key).len())
        .sum();
    assert_eq!(all, 400);
}

#[test]
fn closing_leaves_no_journal_and_the_bytes_that_it_leaves_without_one() {
    let write = |commit_path| {
        let disk = SimulatedDisk::new();
        let (wal, _) = open_with(&disk, options(commit_path)).expect("opens");
        for number in 0..60u8 {
            wal.append("a", &[number; 50]).expect("appends");
            wal.append_batch("b", &[&[number], b"x"]).expect("appends");
            wal.step_helpers();
        }
        wal.truncate_prefix("a", 7).expect("truncates");
        wal.append("a", b"last").expect("appends");
        wal.close().expect("closes");
        let mut files = disk.files();
        // It has a random name.
        files.remove(&PathBuf::from("/log/IDENTITY"));
        files
    };
    let journaled = write(CommitPath::Journal);
    assert!(
        !journaled
            .keys()
            .any(|path| path.starts_with("/log/commit-journal"))
    );
    assert!(journaled == write(CommitPath::InPlace));
}

#[test]
fn a_deleted_stream_does_not_come_back() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("gone", b"one").expect("appends");
    wal.append("again", b"old").expect("appends");
    wal.delete_stream("gone").expect("deletes");
    wal.delete_stream("again").expect("deletes");
    wal.append("again", b"new").expect("appends");
    for disk in [after_power_failure(&disk), disk.kill()] {
        let wal = open(&disk);
        assert_eq!(wal.streams().expect("lists"), ["again", "first"]);
        assert_eq!(entries(&wal, "again"), [b"new"]);
    }
}

#[test]
fn what_was_cut_or_truncated_does_not_come_back() {
    let disk = SimulatedDisk::new();
    let (wal, _) = {
        let mut options = options(CommitPath::Journal);
        options.max_entries_per_segment = 4;
        open_with(&disk, options).expect("opens")
    };
    wal.append("cut", b"0").expect("appends");
    wal.step_helpers();
    for key in ["cut", "cut at a segment", "reset", "truncated"] {
        for number in 0..10u8 {
            wal.append(key, &[number; 20]).expect("appends");
        }
    }
    wal.truncate_suffix("cut", 3).expect("cuts");
    wal.append("cut", b"behind").expect("appends");
    // The new segment has the name of an old one, of which the journal holds frames.
    let entries_of_cut: [&[u8]; 3] = [&[100; 20], &[101; 20], &[102; 20]];
    wal.replace_suffix("cut at a segment", 4, &Append::new(&entries_of_cut))
        .expect("cuts");
    wal.reset("reset", 100, &Append::new(&[b"reset"]))
        .expect("resets");
    wal.truncate_prefix("truncated", 9).expect("truncates");
    for disk in [after_power_failure(&disk), disk.kill()] {
        let wal = open(&disk);
        let cut = entries(&wal, "cut");
        assert_eq!(
            (cut.len(), cut.last().map(Vec::as_slice)),
            (4, Some(&b"behind"[..]))
        );
        let cut = entries(&wal, "cut at a segment");
        assert_eq!(
            (cut.len(), cut.last().map(Vec::as_slice)),
            (7, Some(&[102; 20][..]))
        );
        assert_eq!(entries(&wal, "reset"), [b"reset"]);
        let first = wal.stream("truncated").and_then(|stream| stream.first_id());
        assert_eq!(first.expect("is known"), 9);
        assert_eq!(entries(&wal, "truncated"), [[9; 20]]);
    }
}

#[test]
fn a_stream_that_could_not_be_deleted_stays_out_of_the_journal() {
    // A void record says that nothing of it counts, and it goes on all the same.
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("kept", b"one").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).on_path("/log/kept"));
    wal.delete_stream("kept").expect_err("fails");
    disk.clear_faults();
    wal.append("kept", b"two").expect("appends");
    let wal = open(&after_power_failure(&disk));
    assert_eq!(entries(&wal, "kept"), [b"one", b"two"]);
}

#[test]
fn a_deletion_that_fails_takes_nothing_that_only_the_journal_holds() {
    // The sync in place failed, the void record was written, and the renaming failed: what was acknowledged through
    // the journal was gone.
    for renaming_fails in [true, false] {
        let disk = SimulatedDisk::new();
        let wal = with_journal(&disk);
        wal.append("kept", b"one").expect("appends");
        wal.append("kept", b"two").expect("appends");
        let sync = FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/kept");
        disk.inject(sync.dropping_dirty());
        if renaming_fails {
            disk.inject(FaultPlan::nth(OpKind::Rename, 1).on_path("/log/kept"));
        }
        let refused = wal.delete_stream("kept").expect_err("fails");
        assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
        // Again, now that it is poisoned.
        let refused = wal.delete_stream("kept").expect_err("fails");
        assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
        disk.clear_faults();
        assert_eq!(entries(&wal, "kept"), [b"one", b"two"]);
        for disk in [after_power_failure(&disk), disk.kill()] {
            let wal = open(&disk);
            assert_eq!(entries(&wal, "kept"), [b"one", b"two"]);
            wal.delete_stream("kept").expect("deletes");
            let wal = open(&after_power_failure(&disk));
            assert_eq!(wal.streams().expect("lists"), ["first"]);
        }
    }
}

#[test]
fn a_poisoned_stream_is_deleted_where_the_journal_alone_holds_nothing_of_it() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("gone", b"one").expect("appends");
    // All is durable in place by that.
    wal.truncate_prefix("gone", 1).expect("truncates");
    // Too long for the journal.
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/gone"));
    wal.append("gone", &[2; 100 << 10]).expect_err("fails");
    let poisoned = wal.append("gone", b"two").expect_err("is refused");
    assert!(matches!(poisoned, Error::Poisoned { .. }), "{poisoned}");
    disk.clear_faults();
    wal.delete_stream("gone").expect("deletes");
    let wal = open(&after_power_failure(&disk));
    assert_eq!(wal.streams().expect("lists"), ["first"]);
}

#[test]
fn a_journal_that_cannot_be_written_costs_nothing() {
    let disk = SimulatedDisk::new();
    let (wal, messages) = open_with(&disk, options(CommitPath::Journal)).expect("opens");
    wal.append("a", b"one").expect("appends");
    wal.step_helpers();
    wal.append("a", b"two").expect("appends");
    for kind in [OpKind::Write, OpKind::SyncData] {
        disk.inject(FaultPlan::nth(kind, 1).on_path("commit-journal").forever());
    }
    wal.append("a", b"three").expect("appends");
    wal.append("b", b"one").expect("appends");
    wal.step_helpers();
    assert!(messages.lock()[0].contains("synced in place from now on"));
    assert_eq!(messages.lock().len(), 1, "said once");
    let lost = after_power_failure(&disk);
    assert_eq!(entries(&open(&lost), "a").len(), 3);
    disk.clear_faults();
    wal.close().expect("closes");
    assert!(journal_files(&disk).is_empty());
}

#[test]
fn where_no_journal_can_be_made_streams_are_synced_in_place() {
    let disk = SimulatedDisk::new();
    disk.put("/log/commit-journal", b"a file");
    let (wal, messages) = open_with(&disk, options(CommitPath::Journal)).expect("opens");
    wal.append("a", b"one").expect("appends");
    wal.step_helpers();
    wal.append("a", b"two").expect("appends");
    assert!(messages.lock()[0].contains("commit-journal"));
    assert_eq!(entries(&open(&after_power_failure(&disk)), "a").len(), 2);
    wal.close().expect("closes");
    assert_eq!(
        disk.contents("/log/commit-journal").expect("reads"),
        b"a file"
    );
}

#[test]
fn a_full_disk_makes_no_journal_and_refuses_nothing() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_with(&disk, options(CommitPath::Journal)).expect("opens");
    wal.append("a", b"one").expect("appends");
    disk.set_capacity(disk.used_bytes() + 4096);
    wal.step_helpers();
    wal.append("a", b"two").expect("appends");
    assert!(
        journal_files(&disk).is_empty(),
        "nothing is left of the try"
    );
    assert_eq!(entries(&open(&after_power_failure(&disk)), "a").len(), 2);
    // A batch over streams needs it.
    let stream = wal.stream("a").expect("a handle");
    let batch = || wal.batch().add(&stream, Append::new(&[b"three"])).commit();
    let refused = batch().expect_err("there is no space");
    assert!(refused.to_string().contains("space"), "{refused}");
    assert_eq!(entries(&wal, "a").len(), 2);
    disk.set_capacity(None);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    batch().expect("appends");
    assert_eq!(entries(&open(&after_power_failure(&disk)), "a").len(), 3);
}

#[test]
fn a_journal_of_another_log_or_of_a_later_version_is_refused_and_left_alone() {
    let other = SimulatedDisk::new();
    let _wal = with_journal(&other);
    let disk = SimulatedDisk::new();
    open(&disk).close().expect("closes");
    for (path, bytes) in journal_files(&other) {
        disk.put(path, &bytes);
    }
    let before = journal_files(&disk);
    let refused = open_with(&disk, options(CommitPath::Journal)).map(drop);
    let refused = refused.expect_err("is refused");
    assert!(matches!(refused, Error::Config(_)), "{refused}");
    assert!(journal_files(&disk) == before);

    let disk = SimulatedDisk::new();
    let _wal = with_journal(&disk);
    let killed = disk.kill();
    for (path, mut bytes) in journal_files(&killed) {
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..508]);
        bytes[508..512].copy_from_slice(&crc.to_le_bytes());
        killed.put(path, &bytes);
    }
    let refused = open_with(&killed, options(CommitPath::Journal)).map(drop);
    let refused = refused.expect_err("is refused");
    assert!(matches!(refused, Error::UnsupportedVersion(_)), "{refused}");
}

#[test]
fn damage_of_the_journal_is_reported_and_refused_by_the_policy_error() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    for number in 0..6u8 {
        wal.append("first", &[number; 40]).expect("appends");
    }
    let damaged = || {
        let lost = after_power_failure(&disk);
        let path = "/log/commit-journal/00.jnl";
        let mut bytes = lost.contents(path).expect("reads");
        // Good records stand behind the second.
        assert!(last_sector(&bytes) > 512 * 4);
        bytes[512 * 2 + 100] ^= 1;
        lost.put(path, &bytes);
        lost
    };
    let lost = damaged();
    let before = lost.files();
    let mut strict = options(CommitPath::Journal);
    strict.on_corruption = CorruptionPolicy::Error;
    let refused = open_with(&lost, strict).map(drop).expect_err("is refused");
    assert!(matches!(refused, Error::Corruption(_)), "{refused}");
    assert!(refused.to_string().contains("commit journal"), "{refused}");
    let mut after = lost.files();
    after.retain(|path, _| before.contains_key(path));
    assert!(after == before, "nothing is changed");
    let (wal, messages) = open_with(&damaged(), options(CommitPath::Journal)).expect("opens");
    assert!(messages.lock()[0].contains("record of the commit journal is damaged"));
    // What that record held is lost, and reported; the others count.
    let found = wal.iter("first", 0).expect("iterates");
    let found: Vec<bool> = found.map(|entry| entry.is_ok()).collect();
    assert_eq!(found, [true, true, false, true, true, true, true]);
}

#[test]
fn the_torn_end_of_the_journal_is_no_damage() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("first", b"one").expect("appends");
    wal.append("first", b"two").expect("appends");
    let lost = after_power_failure(&disk);
    let path = "/log/commit-journal/00.jnl";
    let mut bytes = lost.contents(path).expect("reads");
    let at = last_sector(&bytes);
    bytes[at + 100] ^= 1;
    lost.put(path, &bytes);
    let mut strict = options(CommitPath::Journal);
    strict.on_corruption = CorruptionPolicy::Error;
    let (wal, messages) = open_with(&lost, strict).expect("opens");
    assert_eq!(messages.lock().as_slice(), [""; 0]);
    assert_eq!(entries(&wal, "first").len(), 2);
}

#[test]
fn records_of_earlier_turns_are_none() {
    // Streams that were deleted since have no void record in the file by then.
    let disk = SimulatedDisk::new();
    let (wal, _) = open_with(&disk, small()).expect("opens");
    wal.append("first", b"in place").expect("appends");
    wal.step_helpers();
    wal.append("gone", b"one").expect("appends");
    wal.delete_stream("gone").expect("deletes");
    for number in 0..200u8 {
        wal.append("first", &[number; 40]).expect("appends");
        wal.step_helpers();
    }
    let wal = open(&after_power_failure(&disk));
    assert_eq!(wal.streams().expect("lists"), ["first"]);
    assert_eq!(entries(&wal, "first").len(), 201);
}

#[test]
fn a_record_that_only_the_page_cache_has_proves_nothing() {
    // The process dies between the write of a record and its sync, and power fails while the next one recovers: a
    // slot that was written with the frames, and survived without them, was taken for a loss.
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("first", b"one").expect("appends");
    wal.append("first", &[7; 3000]).expect("appends");
    let ops = disk.ops();
    let record = ops
        .iter()
        .rfind(|op| op.kind == OpKind::Write && op.is_on("commit-journal"));
    let at = record.expect("a record").index;
    let mut replay = disk.replay();
    while replay.op_index() < at && replay.step() {}
    let killed = replay.kill();
    drop(open(&killed));
    let mut recovery = killed.replay();
    while recovery.step_to_change() {
        for seed in 0..64 {
            let lost = recovery.crash(seed, DirectoryModel::Ordered);
            let mut strict = options(CommitPath::InPlace);
            strict.on_corruption = CorruptionPolicy::Error;
            let (wal, _) = open_with(&lost, strict).expect("opens");
            assert!(entries(&wal, "first").len() >= 2);
        }
    }
}

#[test]
fn what_the_page_cache_shows_and_the_disk_lacks_is_written_from_the_journal() {
    // A sync of the stream's file failed, and the kernel calls its pages clean. They are durable in the journal.
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("first", b"one").expect("appends");
    wal.append("new", b"one").expect("appends");
    for key in ["first", "new"] {
        let fault = FaultPlan::nth(OpKind::SyncData, 1).on_path(&format!("/log/{key}"));
        disk.inject(fault.dropping_dirty());
        wal.truncate_prefix(key, 1).expect_err("fails");
    }
    let killed = disk.kill();
    drop(wal);
    drop(open(&killed));
    let wal = open(&after_power_failure(&killed));
    assert_eq!(entries(&wal, "first").len(), 2);
    assert_eq!(entries(&wal, "new"), [b"one"]);
}

#[test]
fn a_replica_that_is_begun_anew_is_not_void() {
    // It has the incarnation of the one that was deleted: all that was durable in the journal only was lost.
    let primary = open(&SimulatedDisk::new());
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    let ship = || {
        let (from, to) = (primary.stream("s"), wal.stream("s"));
        let (from, to) = (from.expect("a handle"), to.expect("a handle"));
        loop {
            let position = to.frame_position().expect("is known");
            let packet = from.export_frames(&position, 1 << 20).expect("exports");
            if packet.is_empty() {
                break;
            }
            to.apply_frames(&packet).expect("applies");
        }
    };
    for round in 0..2 {
        for number in 0..4u8 {
            primary.append("s", &[round, number]).expect("appends");
            ship();
        }
        if round == 0 {
            wal.delete_stream("s").expect("deletes");
        }
    }
    let expected = entries(&wal, "s");
    assert_eq!(expected.len(), 8);
    for disk in [after_power_failure(&disk), disk.kill()] {
        assert_eq!(entries(&open(&disk), "s"), expected);
    }
}

#[test]
fn streams_are_deleted_while_the_journal_is_full() {
    // A call asked to be tried again, and nothing made room.
    let disk = SimulatedDisk::new();
    let mut options = options(CommitPath::Journal);
    options.journal_size = 128 << 10;
    let (wal, _) = open_with(&disk, options).expect("opens");
    wal.append("first", b"in place").expect("appends");
    wal.step_helpers();
    for number in 0..100 {
        wal.append(&format!("stream {number}"), b"x")
            .expect("appends");
    }
    for number in 0..100 {
        wal.delete_stream(&format!("stream {number}"))
            .expect("deletes");
    }
    let wal = open(&after_power_failure(&disk));
    assert_eq!(wal.streams().expect("lists"), ["first"]);
}

#[test]
fn a_deleted_stream_does_not_come_back_when_the_journal_is_made_empty() {
    // The file with the void record was emptied first, and the stream's header stood in the other one.
    let disk = SimulatedDisk::new();
    let (wal, _) = open_with(&disk, small()).expect("opens");
    wal.append("first", b"in place").expect("appends");
    wal.step_helpers();
    let until_written = |path: &str| {
        let before = disk.count_on(OpKind::Write, path);
        while disk.count_on(OpKind::Write, path) == before {
            wal.append("first", &[1; 100]).expect("appends");
        }
    };
    until_written("commit-journal/01.jnl");
    wal.step_helpers();
    wal.append("gone", b"x").expect("appends");
    until_written("commit-journal/00.jnl");
    wal.delete_stream("gone").expect("deletes");
    let from = disk.op_count();
    wal.close().expect("closes");
    for at in from..=disk.op_count() {
        let wal = open(&disk.crash_at(at, 0, DirectoryModel::Strict));
        assert_eq!(wal.streams().expect("lists"), ["first"], "at {at}");
    }
}

#[test]
fn a_stream_is_deleted_after_the_journal_could_not_be_written() {
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    wal.append("gone", b"one").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Write, 1).on_path("commit-journal"));
    wal.append("gone", b"two").expect("appends in place");
    disk.clear_faults();
    wal.step_helpers();
    wal.delete_stream("gone").expect("deletes");
    let wal = open(&after_power_failure(&disk));
    assert_eq!(wal.streams().expect("lists"), ["first"]);
}

#[test]
fn entries_of_a_deleted_stream_stay_gone_though_the_record_of_its_deletion_is_damaged() {
    // The frames of the deleted stream were written behind those of the new one, and passed for its next entries.
    let disk = SimulatedDisk::new();
    let wal = with_journal(&disk);
    for number in 0..5u8 {
        wal.append("s", &[number; 40]).expect("appends");
    }
    wal.delete_stream("s").expect("deletes");
    wal.append("s", &[0; 40]).expect("appends");
    let lost = after_power_failure(&disk);
    assert!(lost.contents("/log/s/00000000000000000000.wal").is_err());
    let is_void = |bytes: &[u8], at: usize| bytes[at..].starts_with(b"IWjr") && bytes[at + 32] == 3;
    let (path, mut bytes, at) = journal_files(&lost)
        .into_iter()
        .find_map(|(path, bytes)| {
            let at = (512..bytes.len()).step_by(512);
            let at = at.into_iter().find(|at| is_void(&bytes, *at))?;
            Some((path, bytes, at))
        })
        .expect("a record of the deletion");
    bytes[at + 40] ^= 1;
    lost.put(path, &bytes);
    let (wal, messages) = open_with(&lost, options(CommitPath::Journal)).expect("opens");
    assert_eq!(entries(&wal, "s"), [vec![0; 40]]);
    assert!(!messages.lock().is_empty());
}

/// A log with a small journal whose stream "bad" is poisoned: "one" and "two" are in the journal only.
fn with_a_poisoned_stream(disk: &SimulatedDisk) -> (Wal, Messages) {
    let (wal, messages) = open_with(disk, small()).expect("opens");
    for key in ["first", "gone"] {
        wal.append(key, b"in place").expect("appends");
    }
    wal.step_helpers();
    wal.append("bad", b"one").expect("appends");
    wal.append("gone", b"one").expect("appends");
    wal.append("bad", b"two").expect("appends");
    let fault = FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/bad");
    disk.inject(fault.dropping_dirty());
    wal.truncate_prefix("bad", 1).expect_err("fails");
    disk.clear_faults();
    (wal, messages)
}

#[test]
fn a_poisoned_stream_leaves_the_journal_to_the_others_and_loses_nothing() {
    // Its file could not be emptied, so the journal took no more: all others were synced in place, and batches failed.
    let disk = SimulatedDisk::new();
    let (wal, messages) = with_a_poisoned_stream(&disk);
    wal.delete_stream("gone").expect("deletes");
    let mut acknowledged = vec![(disk.op_count(), 1)];
    for number in 0..200u8 {
        let before = [
            disk.count_on(OpKind::SyncData, "/log/first"),
            disk.count_on(OpKind::SyncData, "commit-journal"),
        ];
        wal.append("first", &[number; 40]).expect("appends");
        let after = [
            disk.count_on(OpKind::SyncData, "/log/first"),
            disk.count_on(OpKind::SyncData, "commit-journal"),
        ];
        assert_eq!(after, [before[0], before[1] + 1], "{number}");
        acknowledged.push((disk.op_count(), usize::from(number) + 2));
        wal.step_helpers();
    }
    let other = wal.stream("other").expect("a handle");
    let batch = wal.batch().add(&other, Append::new(&[b"x"]));
    batch.commit().expect("appends");
    let refused = wal.append("bad", b"three").expect_err("is poisoned");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
    assert!(
        !messages.lock().iter().any(|said| said.contains("in place")),
        "{:?}",
        messages.lock()
    );
    assert_eq!(journal_files(&disk).len(), 3);
    wal.close().expect_err("a stream is poisoned");
    assert_eq!(journal_files(&disk).len(), 3, "the next open needs them");
    let end = disk.op_count();
    let step = if std::env::var_os("IRONWAL_LONG").is_some() {
        1
    } else {
        5
    };
    for at in (acknowledged[0].0..=end).step_by(step).chain([end]) {
        let least = acknowledged.iter().rev().find(|(op, _)| *op <= at);
        for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
            let lost = disk.crash_at(at, at, model);
            let mut strict = options(CommitPath::Journal);
            strict.on_corruption = CorruptionPolicy::Error;
            let (wal, _) = open_with(&lost, strict).expect("opens");
            assert_eq!(entries(&wal, "bad"), [b"one", b"two"], "at {at}");
            let found = entries(&wal, "first").len();
            assert!(least.is_some_and(|(_, least)| found >= *least), "at {at}");
            assert!(!wal.streams().expect("lists").contains(&"gone".to_owned()));
            wal.append("bad", b"three").expect("appends");
            assert_eq!(entries(&open(&after_power_failure(&lost)), "bad").len(), 3);
        }
    }
}

#[test]
fn what_poisoned_streams_need_is_bounded_and_kept() {
    // Beside the files that take records there is room for as much again. Then the journal takes no more.
    let disk = SimulatedDisk::new();
    let (wal, messages) = open_with(&disk, small()).expect("opens");
    wal.append("first", b"in place").expect("appends");
    wal.step_helpers();
    let mut poisoned = Vec::new();
    let retired = |messages: &Messages| {
        let messages = messages.lock();
        let said = messages.iter().find(|said| said.contains("from now on"));
        said.cloned()
    };
    while retired(&messages).is_none() {
        let key = format!("bad{:02}", poisoned.len());
        for number in 0..8u8 {
            wal.append(&key, &[number; 500]).expect("appends");
        }
        let fault = FaultPlan::nth(OpKind::SyncData, 1).on_path(&format!("/log/{key}"));
        disk.inject(fault.dropping_dirty());
        wal.truncate_prefix(&key, 1).expect_err("fails");
        disk.clear_faults();
        poisoned.push(key);
        wal.step_helpers();
        assert!(poisoned.len() < 100, "the journal grows without end");
    }
    let said = retired(&messages).unwrap_or_default();
    assert!(said.contains("poisoned streams need more"), "{said}");
    assert!(poisoned.len() > 4, "{}", poisoned.len());
    let bytes: usize = journal_files(&disk).values().map(Vec::len).sum();
    assert!(bytes <= 64 << 10, "{bytes}");
    wal.append("first", b"in place").expect("appends");
    let wal = open(&after_power_failure(&disk));
    for key in &poisoned {
        assert_eq!(entries(&wal, key).len(), 8, "{key}");
    }
    assert_eq!(entries(&wal, "first").len(), 2);
}

#[test]
fn where_no_file_aside_can_be_made_the_journal_takes_no_more_and_loses_nothing() {
    for kind in [
        OpKind::Create,
        OpKind::Write,
        OpKind::SyncData,
        OpKind::SyncAll,
        OpKind::Read,
    ] {
        let disk = SimulatedDisk::new();
        let (wal, messages) = with_a_poisoned_stream(&disk);
        // What is full is written back by a later step.
        while disk.count_on(OpKind::Write, "commit-journal/01.jnl") < 2 {
            wal.append("first", &[1; 40]).expect("appends");
        }
        let path = match kind {
            OpKind::Read => "commit-journal/00.jnl",
            _ => "commit-journal/02.jnl",
        };
        let fired = disk.faults_fired();
        disk.inject(FaultPlan::nth(kind, 1).on_path(path));
        wal.step_helpers();
        assert_eq!(disk.faults_fired(), fired + 1, "{kind:?}");
        disk.clear_faults();
        let said = messages.lock().join("; ");
        assert!(said.contains("in place from now on"), "{kind:?}: {said}");
        wal.append("first", b"last").expect("appends");
        for disk in [after_power_failure(&disk), disk.kill()] {
            let wal = open(&disk);
            assert_eq!(entries(&wal, "bad"), [b"one", b"two"], "{kind:?}");
            assert_eq!(entries(&wal, "first").last(), Some(&b"last".to_vec()));
        }
    }
}

#[test]
fn figures_say_what_the_journal_did_and_why_it_takes_no_more() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_with(&disk, small()).expect("opens");
    let figures = || wal.stats().expect("reports").journal;
    assert_eq!(figures(), JournalStats::default());
    wal.append("first", b"in place").expect("appends");
    let before = figures();
    assert_eq!((before.refused, before.records, before.files), (1, 0, 0));
    wal.step_helpers();
    wal.append("first", b"one").expect("appends");
    let after = figures();
    assert_eq!((after.refused, after.records, after.items), (1, 1, 2));
    assert_eq!((after.bytes, after.write_backs), (512, 0));
    assert_eq!((after.files, after.file_bytes), (2, 32 << 10));
    for _ in 0..100 {
        wal.append("first", b"more").expect("appends");
        wal.step_helpers();
    }
    let after = figures();
    assert!(after.write_backs > 1, "{after:?}");
    assert_eq!(
        (after.records, after.refused, after.retired),
        (101, 1, None)
    );
    disk.inject(FaultPlan::nth(OpKind::Write, 1).on_path("commit-journal"));
    wal.append("first", b"in place").expect("appends");
    disk.clear_faults();
    wal.append("first", b"in place").expect("appends");
    let after = figures();
    assert_eq!(after.retired, Some(JournalRetired::NotWritten));
    assert_eq!((after.records, after.refused), (101, 2));
}

#[test]
fn a_sync_alone_has_the_journal_made() {
    // The helper was started by the next append only, so a second sync_all found no journal either.
    let place = tempfile::tempdir().expect("a directory");
    let mut options = WalOptions::new(place.path().join("log"));
    options.sync_mode = SyncMode::Async;
    options.commit_path = CommitPath::Journal;
    for sync in [
        |wal: &Wal| wal.sync_all(),
        |wal: &Wal| wal.sync("first"),
        |wal: &Wal| wal.stream("first")?.sync(),
    ] {
        let wal = Wal::new(options.clone()).expect("opens");
        wal.append("first", b"entry").expect("appends");
        sync(&wal).expect("syncs");
        let file = place.path().join("log/commit-journal/00.jnl");
        let began = std::time::Instant::now();
        while !file.exists() {
            assert!(began.elapsed().as_secs() < 60, "the journal was not made");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        wal.close().expect("closes");
        assert!(!file.exists());
    }
}
