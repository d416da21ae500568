//! Space comes back: what is truncated or deleted leaves the disk, whatever hinders a single file.
#![cfg(feature = "simulation")]

mod support;

use std::path::Path;
use std::path::PathBuf;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use support::all_entries;
use support::entry;
use support::options;
use support::place;
use support::segments_in;

fn simulated(disk: &SimulatedDisk, sync_mode: SyncMode, per_segment: u64) -> Wal {
    let mut options = options(Path::new("/"), sync_mode);
    options.max_entries_per_segment = per_segment;
    options.on_corruption = CorruptionPolicy::Error;
    Wal::open_simulated(disk, options).expect("opens")
}

fn fill(wal: &Wal, count: u64) {
    for id in 0..count {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
    }
}

/// The names of the segments in a directory of the simulated disk.
fn names_in(disk: &SimulatedDisk, dir: &str) -> Vec<u64> {
    let in_dir = |path: &&PathBuf| path.parent() == Some(Path::new(dir));
    let files = disk.files();
    let names = files
        .keys()
        .filter(in_dir)
        .filter_map(|path| path.file_stem());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

#[test]
fn a_segment_removed_by_hand_stops_no_truncation() {
    // The call failed, and what lay behind the file stayed until the log was opened anew.
    let place = place();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 10;
    let wal = Wal::new(options).expect("opens");
    fill(&wal, 50);
    let dir = place.path().join("log/s");
    std::fs::remove_file(&segments_in(&dir)[1]).expect("removes");
    assert_eq!(wal.truncate("s", 40).expect("truncates"), 4);
    assert_eq!(segments_in(&dir).len(), 1);
    assert_eq!(all_entries(&wal, "s").len(), 10);
}

#[test]
fn a_file_that_cannot_be_removed_keeps_no_other_and_goes_with_a_later_truncation() {
    let place = place();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 10;
    let wal = Wal::new(options).expect("opens");
    fill(&wal, 60);
    let dir = place.path().join("log/s");
    let stuck = segments_in(&dir)[1].clone();
    // As root, too, a directory is not removed like a file.
    std::fs::remove_file(&stuck).expect("removes");
    std::fs::create_dir(&stuck).expect("makes a directory");
    let error = wal.truncate("s", 40).expect_err("one file is left");
    assert_eq!(error.context().path, Some(stuck.clone()));
    assert_eq!(segments_in(&dir).len(), 3, "that one and two that are kept");
    assert_eq!(
        wal.stream("s")
            .expect("a handle")
            .first_id()
            .expect("is known"),
        40
    );
    wal.truncate("s", 40).expect_err("it is still there");
    std::fs::remove_dir(&stuck).expect("removes");
    std::fs::write(&stuck, b"now it can be removed").expect("writes");
    assert_eq!(wal.truncate("s", 50).expect("truncates"), 1);
    assert_eq!(segments_in(&dir).len(), 1);
}

#[test]
fn whichever_removal_fails_the_others_are_made_and_the_next_call_makes_it() {
    for nth in 1..=4 {
        let disk = SimulatedDisk::new();
        let wal = simulated(&disk, SyncMode::Strict, 10);
        fill(&wal, 50);
        disk.inject(FaultPlan::nth(OpKind::Remove, nth));
        wal.truncate("s", 40).expect_err("a file is left");
        assert_eq!(names_in(&disk, "/log/s"), [(nth - 1) * 10, 40], "{nth}");
        // Nothing but the file is left: the cut itself is durable.
        let after = simulated(&disk.crash(0, DirectoryModel::Strict), SyncMode::Strict, 10);
        assert_eq!(all_entries(&after, "s").len(), 10, "{nth}");
        assert_eq!(wal.truncate("s", 40).expect("finishes"), 0, "{nth}");
        assert_eq!(names_in(&disk, "/log/s"), [40], "{nth}");
    }
}

#[test]
fn whichever_archived_name_cannot_be_removed_a_restored_stream_is_whole_and_stays_so() {
    for nth in 1..=4 {
        let disk = SimulatedDisk::new();
        let mut options = options(Path::new("/"), SyncMode::Strict);
        options.max_entries_per_segment = 10;
        options.archive_path = Some("/archive".into());
        let wal = Wal::open_simulated(&disk, options).expect("opens");
        fill(&wal, 50);
        assert_eq!(wal.truncate("s", 40).expect("truncates"), 4);
        disk.inject(FaultPlan::nth(OpKind::Remove, nth).on_path("/archive/"));
        wal.restore_archived("s").expect_err("a name is left");
        assert_eq!(names_in(&disk, "/archive/s"), [(nth - 1) * 10], "{nth}");
        assert_eq!(all_entries(&wal, "s").len(), 50, "{nth}");
        // What goes to the archive under that name is no leftover.
        assert_eq!(wal.truncate("s", 40).expect("truncates"), 4, "{nth}");
        assert_eq!(wal.truncate("s", 40).expect("nothing to do"), 0, "{nth}");
        assert_eq!(names_in(&disk, "/archive/s"), [0, 10, 20, 30], "{nth}");
        assert_eq!(wal.restore_archived("s").expect("restores"), 4, "{nth}");
        assert_eq!(wal.truncate("s", 0).expect("nothing to do"), 0, "{nth}");
        assert_eq!(all_entries(&wal, "s").len(), 50, "{nth}");
        assert_eq!(names_in(&disk, "/archive/s"), [0; 0], "{nth}");
    }
}

#[test]
fn a_restoration_that_fails_half_way_leaves_no_file_behind() {
    // The names it had made stayed in the stream's directory until the log was opened anew.
    for nth in 1..=4 {
        let disk = SimulatedDisk::new();
        let mut options = options(Path::new("/"), SyncMode::Strict);
        options.max_entries_per_segment = 10;
        options.archive_path = Some("/archive".into());
        let wal = Wal::open_simulated(&disk, options).expect("opens");
        fill(&wal, 50);
        assert_eq!(wal.truncate("s", 40).expect("truncates"), 4);
        disk.inject(FaultPlan::nth(OpKind::Link, nth));
        wal.restore_archived("s")
            .expect_err("a name cannot be made");
        assert_eq!(names_in(&disk, "/log/s"), [40], "{nth}");
        assert_eq!(wal.restore_archived("s").expect("restores"), 4, "{nth}");
        assert_eq!(all_entries(&wal, "s").len(), 50, "{nth}");
    }
}

#[test]
fn whichever_removal_fails_in_a_deletion_the_others_are_made_and_the_next_call_makes_it() {
    for nth in 1..=6 {
        let disk = SimulatedDisk::new();
        let wal = simulated(&disk, SyncMode::Strict, 10);
        fill(&wal, 50);
        disk.inject(FaultPlan::nth(OpKind::Remove, nth));
        wal.delete_stream("s").expect_err("a file is left");
        let left = |path: &&PathBuf| path.starts_with("/log/s#deleted");
        assert_eq!(disk.files().keys().filter(left).count(), 1, "{nth}");
        wal.delete_stream("s").expect("finishes");
        assert_eq!(disk.files().keys().filter(left).count(), 0, "{nth}");
        assert_eq!(wal.append("s", b"anew").expect("appends"), 0, "{nth}");
    }
}

#[test]
fn remains_of_a_deletion_that_cannot_be_removed_keep_no_later_stream_of_that_name() {
    let disk = SimulatedDisk::new();
    let wal = simulated(&disk, SyncMode::Strict, 10);
    disk.inject(
        FaultPlan::nth(OpKind::Remove, 1)
            .on_path("20.wal")
            .forever(),
    );
    for entries in [50, 15] {
        fill(&wal, entries);
        wal.delete_stream("s").expect_err("a file is left");
        assert!(all_entries(&wal, "s").is_empty());
    }
    disk.clear_faults();
    wal.delete_stream("s").expect("removes the remains");
    assert!(
        disk.files()
            .keys()
            .all(|path| !path.starts_with("/log/s#deleted"))
    );
}

#[test]
fn a_truncated_segment_that_cannot_be_removed_at_open_harms_nothing() {
    // The stream was poisoned: it took no appends as long as the file was there.
    let disk = SimulatedDisk::new();
    let wal = simulated(&disk, SyncMode::Strict, 10);
    fill(&wal, 50);
    let stuck = FaultPlan::nth(OpKind::Remove, 1)
        .on_path("10.wal")
        .forever();
    disk.inject(stuck.clone());
    wal.truncate("s", 40).expect_err("a file is left");
    drop(wal);
    let wal = simulated(&disk, SyncMode::Strict, 10);
    assert_eq!(wal.append("s", b"goes on").expect("appends"), 50);
    wal.truncate("s", 40).expect_err("it is still there");
    disk.clear_faults();
    assert_eq!(wal.truncate("s", 40).expect("finishes"), 0);
    assert_eq!(names_in(&disk, "/log/s"), [40, 50]);
}
