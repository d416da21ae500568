//! Does the archive of a deleted stream stay out of a new one of the same name, is nothing in it ever
//! overwritten, and does what both rest on, the identity of the log, survive?
//!
//! Restoring took the segment whose ids fitted, whosever it was, or stopped at one that did not.

use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

#[test]
fn segments_of_a_deleted_stream_are_not_restored_into_its_successor() {
    for (old_lengths, new_lengths) in [
        ([1, 5, 1, 1], [2, 1, 3, 1]),
        ([2, 4, 1, 1], [2, 3, 1, 1]),
        ([3, 2, 1, 1], [4, 1, 1, 1]),
        ([4, 2, 1, 1], [4, 2, 1, 1]),
    ] {
        let mut options = WalOptions::new("/log");
        options.max_segment_size = 1;
        options.archive_path = Some("/archive".into());
        let wal = Wal::open_simulated(&SimulatedDisk::new(), options).expect("opens");
        // One segment for each batch.
        let append = |what: &str, lengths: [u64; 4]| {
            for length in lengths {
                let next = wal.append_batch("s", &[]).expect("is known").start;
                let entries: Vec<String> = (next..next + length)
                    .map(|id| format!("{what} {id}"))
                    .collect();
                let entries: Vec<&[u8]> = entries.iter().map(|entry| entry.as_bytes()).collect();
                wal.append_batch("s", &entries).expect("appends");
            }
        };
        append("old", old_lengths);
        wal.truncate("s", 100).expect("truncates");
        wal.delete_stream("s").expect("deletes");
        append("new", new_lengths);
        assert_eq!(wal.truncate("s", 100).expect("truncates"), 3);
        assert_eq!(wal.restore_archived("s").expect("restores"), 3);
        for (id, entry) in wal.iter("s", 0).expect("iterates").enumerate() {
            let expected = format!("new {id}");
            assert_eq!(entry.expect("is read"), expected.as_bytes());
        }
    }
}

fn one_entry_a_segment() -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.max_segment_size = 1;
    options.archive_path = Some("/archive".into());
    options
}

fn append(wal: &Wal, what: &str, count: u64) {
    for id in 0..count {
        let entry = format!("{what} {id}");
        wal.append("s", entry.as_bytes()).expect("appends");
    }
}

fn is_anywhere(disk: &SimulatedDisk, what: &str) -> bool {
    let found = |bytes: &Vec<u8>| bytes.windows(what.len()).any(|w| w == what.as_bytes());
    disk.files().values().any(found)
}

#[test]
fn a_directory_of_the_archive_that_another_thread_makes_first_is_no_failure() {
    // The call does its work and answers as if another had done it in between.
    for dir in ["/archive", "/archive/s"] {
        let disk = SimulatedDisk::new();
        let wal = Wal::open_simulated(&disk, one_entry_a_segment()).expect("opens");
        append(&wal, "entry", 4);
        let made_by_another = FaultPlan::nth(OpKind::CreateDir, 1 + u64::from(dir != "/archive"));
        disk.inject(made_by_another.code(libc::EEXIST).after_the_effect());
        assert_eq!(wal.truncate("s", 3).expect("truncates"), 3, "{dir}");
        assert_eq!(disk.faults_fired(), 1);
        assert_eq!(wal.restore_archived("s").expect("restores"), 3);
    }
}

#[test]
fn whatever_is_archived_twice_under_one_name_survives_power_loss_at_every_call() {
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, one_entry_a_segment()).expect("opens");
    append(&wal, "old", 4);
    wal.truncate("s", 3).expect("truncates");
    wal.delete_stream("s").expect("deletes");
    append(&wal, "new", 4);
    let before = disk.op_count();
    assert_eq!(wal.truncate("s", 3).expect("truncates"), 3);
    let after = disk.op_count();
    let mut replay = disk.replay();
    while replay.op_index() < after && replay.step() {
        if replay.op_index() < before {
            continue;
        }
        for seed in 0..8 {
            for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                let crashed = replay.crash(seed, model);
                let wal = Wal::open_simulated(&crashed, one_entry_a_segment()).expect("opens");
                for id in 0..3 {
                    let case = format!("{} {seed} {model:?}", replay.op_index());
                    assert!(
                        is_anywhere(&crashed, &format!("old {id}")),
                        "old {id}: {case}"
                    );
                    assert!(
                        is_anywhere(&crashed, &format!("new {id}")),
                        "new {id}: {case}"
                    );
                }
                // And whatever was left half-way is no obstacle.
                wal.truncate("s", 3).expect("truncates");
                assert_eq!(wal.restore_archived("s").expect("restores"), 3);
                for (id, entry) in wal.iter("s", 0).expect("iterates").enumerate() {
                    assert_eq!(entry.expect("is read"), format!("new {id}").as_bytes());
                }
            }
        }
    }
}

#[test]
fn a_deletion_gives_the_next_stream_a_greater_number_whatever_a_power_cut_leaves() {
    let disk = SimulatedDisk::new();
    let options = one_entry_a_segment();
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    append(&wal, "old", 2);
    let before = disk.op_count();
    wal.delete_stream("s").expect("deletes");
    let after = disk.op_count();
    let incarnation = |disk: &SimulatedDisk| {
        let header = disk.contents("/log/s/00000000000000000000.wal");
        let header = header.expect("the first segment");
        u64::from_le_bytes(header[488..496].try_into().expect("eight bytes"))
    };
    let mut replay = disk.replay();
    while replay.op_index() < after && replay.step() {
        if replay.op_index() < before {
            continue;
        }
        for seed in 0..8 {
            let crashed = replay.crash(seed, DirectoryModel::Strict);
            let wal = Wal::open_simulated(&crashed, options.clone()).expect("opens");
            let case = format!("{} {seed}", replay.op_index());
            if wal.streams().expect("is known").is_empty() {
                append(&wal, "new", 1);
                assert!(incarnation(&crashed) >= 1, "{case}");
            } else {
                assert_eq!(incarnation(&crashed), 0, "{case}");
                wal.delete_stream("s").expect("deletes");
                append(&wal, "new", 1);
                assert!(incarnation(&crashed) >= 1, "{case}");
            }
        }
    }
}

#[test]
fn a_log_whose_identity_finds_no_room_opens_and_archives_and_deletes_once_there_is_some() {
    let disk = SimulatedDisk::new();
    let options = one_entry_a_segment();
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    append(&wal, "entry", 4);
    wal.close().expect("closes");
    assert!(disk.lose("/log/IDENTITY"));
    let full = FaultPlan::nth(OpKind::Create, 1).on_path("IDENTITY");
    disk.inject(full.code(libc::ENOSPC).forever());
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    append(&wal, "more", 2);
    for refused in [wal.truncate("s", 3).map(|_| ()), wal.delete_stream("s")] {
        let code = refused.expect_err("no identity").os_error();
        assert_eq!(code, Some(libc::ENOSPC));
    }
    assert_eq!(
        wal.iter("s", 0).expect("iterates").count(),
        6,
        "nothing happened"
    );
    append(&wal, "more", 1);
    disk.clear_faults();
    assert_eq!(wal.truncate("s", 3).expect("truncates"), 3);
    wal.delete_stream("s").expect("deletes");
    append(&wal, "new", 1);
    let header = disk.contents("/log/s/00000000000000000000.wal");
    let header = header.expect("the first segment");
    let incarnation = u64::from_le_bytes(header[488..496].try_into().expect("eight bytes"));
    assert_eq!(
        incarnation,
        (1 << 32) + 1,
        "above all that may have been given"
    );
}
