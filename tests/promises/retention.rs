//! Space comes back: what is truncated or deleted leaves the disk, whatever hinders a single file,
//! and a stream that holds nothing, or that gets no appends, keeps next to no room.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;
#[cfg(feature = "cli")]
use crate::support::temp_dir;

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

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
    let log = LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 10);
    let wal = log.open();
    fill(&wal, 50);
    let dir = log.path().join("log/s");
    std::fs::remove_file(&segments_in(&dir)[1]).expect("removes");
    assert_eq!(wal.truncate("s", 40).expect("truncates"), 4);
    assert_eq!(segments_in(&dir).len(), 1);
    assert_eq!(all_entries(&wal, "s").len(), 10);
}

#[test]
fn a_handle_truncates_restores_and_deletes_its_stream_durably() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let mut options = options(Path::new("/"), mode);
        options.max_entries_per_segment = 10;
        options.archive_path = Some("/archive".into());
        let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
        let after_a_crash = || {
            let after = disk.crash(0, DirectoryModel::Strict);
            let wal = Wal::open_simulated(&after, options.clone()).expect("opens");
            all_entries(&wal, "s").len()
        };
        let stream = wal.stream("s").expect("a handle");
        assert_eq!(stream.current_segment_start_id().expect("is open"), None);
        let early = stream.truncate(5).expect_err("there is no stream yet");
        assert!(matches!(early, Error::StreamNotFound(_)), "{early:?}");
        fill(&wal, 45);
        let newest = stream.current_segment_start_id().expect("is open");
        assert_eq!(newest, Some(40));
        assert_eq!(stream.truncate(20).expect("truncates"), 2);
        assert_eq!(stream.first_id().expect("is open"), 20);
        assert_eq!(after_a_crash(), 25, "{mode:?}: also makes durable");
        assert_eq!(stream.restore_archived().expect("restores"), 2);
        assert_eq!(stream.first_id().expect("is open"), 0);
        assert_eq!(after_a_crash(), 45, "{mode:?}");
        stream.delete().expect("deletes");
        assert_eq!(after_a_crash(), 0, "{mode:?}");
        assert!(wal.streams().expect("lists").is_empty());
        fill(&wal, 1);
        let again = stream.delete().expect_err("the new stream is another");
        assert!(matches!(again, Error::StreamNotFound(_)), "{again:?}");
        assert_eq!(all_entries(&wal, "s").len(), 1);
    }
}

#[test]
fn a_file_that_cannot_be_removed_keeps_no_other_and_goes_with_a_later_truncation() {
    let log = LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 10);
    let wal = log.open();
    fill(&wal, 60);
    let dir = log.path().join("log/s");
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

/// What the stream's directory takes on the disk.
#[cfg(unix)]
fn blocks_of(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = std::fs::read_dir(dir).expect("lists");
    let sizes = files.map(|file| file.expect("an entry").metadata().expect("a file").blocks());
    sizes.sum::<u64>() * 512
}

#[cfg(unix)]
#[test]
fn a_stream_truncated_to_its_end_keeps_next_to_nothing_and_its_ids_go_on() {
    // The active segment stayed, with blocks for 16 MiB more: 50 streams kept 1.9 GB.
    for mode in MODES {
        let log = LogBuilder::new(mode);
        let wal = log.open();
        let big = vec![7; 256 << 10];
        for _ in 0..5 {
            let entries: Vec<&[u8]> = (0..16).map(|_| big.as_slice()).collect();
            wal.append_batch("s", &entries).expect("appends");
        }
        let dir = log.path().join("log/s");
        assert!(blocks_of(&dir) > 20 << 20, "{mode:?}");
        assert_eq!(wal.truncate("s", 80).expect("truncates"), 1, "{mode:?}");
        let floor = blocks_of(&dir);
        assert!(floor <= 64 << 10, "{mode:?}: {floor} bytes are kept");
        let stream = wal.stream("s").expect("a handle");
        let ids = || {
            (
                stream.first_id().expect("known"),
                stream.next_id().expect("known"),
            )
        };
        assert_eq!(ids(), (80, 80), "{mode:?}");
        assert_eq!(wal.truncate("s", 80).expect("nothing to do"), 0, "{mode:?}");
        drop(stream);
        wal.close().expect("closes");
        // Twice: nothing was appended, and no id is given again for that.
        for _ in 0..2 {
            let wal = Wal::new(log.options()).expect("opens again");
            assert_eq!(
                wal.stream("s").expect("a handle").next_id().expect("known"),
                80
            );
            wal.close().expect("closes");
        }
        let wal = Wal::new(log.options()).expect("opens again");
        assert_eq!(
            wal.append("s", b"goes on").expect("appends"),
            80,
            "{mode:?}"
        );
        wal.sync("s").expect("syncs");
        assert_eq!(
            all_entries(&wal, "s"),
            [(80, b"goes on".to_vec())],
            "{mode:?}"
        );
    }
}

/// A log with one stream of 30 entries in one segment, large enough to be emptied.
fn to_be_emptied(disk: &SimulatedDisk, mode: SyncMode) -> Wal {
    let wal = simulated(disk, mode, u64::MAX);
    for id in 0..30 {
        assert_eq!(wal.append("s", &[id as u8; 1000]).expect("appends"), id);
    }
    wal.sync("s").expect("syncs");
    wal
}

/// What a crash while such a stream is emptied may leave: all of it, or nothing but its next id.
fn check_emptied_or_whole(disk: &SimulatedDisk, case: &str) {
    let wal = simulated(disk, SyncMode::Strict, u64::MAX);
    let entries = all_entries(&wal, "s");
    assert!(
        entries.is_empty() || entries.len() == 30,
        "{case}: {}",
        entries.len()
    );
    let stream = wal.stream("s").expect("a handle");
    assert_eq!(stream.next_id().expect("known"), 30, "{case}");
    assert_eq!(stream.append(b"goes on").expect("appends"), 30, "{case}");
    // What was shown before that is durable now.
    let wal = simulated(
        &disk.crash(0, DirectoryModel::Strict),
        SyncMode::Strict,
        u64::MAX,
    );
    assert_eq!(all_entries(&wal, "s").len(), entries.len() + 1, "{case}");
}

#[test]
fn power_may_be_lost_at_every_call_while_a_stream_is_emptied() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = to_be_emptied(&disk, mode);
        let before = disk.op_count();
        assert_eq!(wal.truncate("s", 30).expect("truncates"), 1);
        for op in before..=disk.op_count() {
            for (seed, model) in [(0, DirectoryModel::Strict), (3, DirectoryModel::Ordered)] {
                for seed in seed..seed + 8 {
                    let case = format!("{mode:?}, call {op}, seed {seed}");
                    let after = disk.crash_at(op, seed, model);
                    check_emptied_or_whole(&after, &case);
                    // And once more while it is recovered.
                    let after = disk.crash_at(op, seed, model);
                    let recovered = simulated(&after, mode, u64::MAX);
                    check_emptied_or_whole(&after.crash(seed, model), &case);
                    drop(recovered);
                }
            }
        }
        let mut replay = disk.replay();
        while replay.step() {
            if replay.op_index() >= before {
                let case = format!("{mode:?}, killed at {}", replay.op_index());
                check_emptied_or_whole(&replay.kill(), &case);
            }
        }
    }
}

#[test]
fn whichever_call_fails_while_a_stream_is_emptied_no_id_is_given_again() {
    for mode in MODES {
        for nth in 1.. {
            let disk = SimulatedDisk::new();
            let wal = to_be_emptied(&disk, mode);
            disk.inject(FaultPlan::nth_call(nth));
            let truncated = wal.truncate("s", 30);
            if disk.faults_fired() == 0 {
                assert_eq!(truncated.expect("nothing failed"), 1);
                break;
            }
            disk.clear_faults();
            let case = format!("{mode:?}, call {nth}: {truncated:?}");
            match wal.append("s", b"goes on") {
                Ok(id) => assert_eq!(id, 30, "{case}"),
                Err(Error::Poisoned { .. }) => {
                    drop(wal);
                    check_emptied_or_whole(&disk, &case);
                    continue;
                }
                Err(error) => panic!("{case}: {error}"),
            }
            // It goes on, and a later truncation does what this one could not.
            let big = [1; 20_000];
            assert_eq!(wal.append("s", &big).expect("appends"), 31, "{case}");
            wal.truncate("s", 32).expect("truncates");
            assert_eq!(names_in(&disk, "/log/s"), [32], "{case}");
            wal.close().expect("closes");
            let wal = simulated(&disk, mode, u64::MAX);
            assert_eq!(wal.append("s", b"goes on").expect("appends"), 32, "{case}");
        }
    }
}

#[test]
fn a_reader_beside_the_writer_follows_a_stream_that_is_emptied() {
    let disk = SimulatedDisk::new();
    let wal = to_be_emptied(&disk, SyncMode::Strict);
    let options = options(Path::new("/"), SyncMode::Strict);
    let reader = Wal::open_read_only_simulated(&disk, options).expect("opens");
    assert_eq!(all_entries(&reader, "s").len(), 30);
    wal.truncate("s", 30).expect("truncates");
    reader.refresh().expect("looks");
    assert!(all_entries(&reader, "s").is_empty());
    assert_eq!(
        reader
            .stream("s")
            .expect("a handle")
            .next_id()
            .expect("known"),
        30
    );
    wal.append("s", b"goes on").expect("appends");
    assert_eq!(all_entries(&reader, "s"), [(30, b"goes on".to_vec())]);
}

#[test]
fn an_idle_stream_gives_back_the_room_ahead_of_it() {
    // Up to 16 MiB of blocks, or 4 MiB of zeros, stayed until the log was closed.
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let mut options = WalOptions::new("/log");
        options.sync_mode = mode;
        options.max_segment_size = 2 << 20;
        let wal = Wal::open_simulated_stepped(&disk, options, Arc::new(|_, _| ()));
        let wal = wal.expect("opens");
        let mut id = 0;
        // The last 300 KiB of a segment: its successor is made ahead.
        while id < 17 {
            wal.append("s", &[7; 100 << 10]).expect("appends");
            wal.step_helpers();
            id += 1;
        }
        let name = Path::new("/log/s/00000000000000000000.wal");
        let used = 1536 + 17 * (36 + (100 << 10));
        let len = |disk: &SimulatedDisk| disk.files().get(name).expect("is there").len();
        assert!(
            len(&disk) > used + (100 << 10),
            "{mode:?}: there is room ahead"
        );
        for _ in 0..3 {
            wal.step_helpers();
        }
        assert!(
            len(&disk) < used + 4096,
            "{mode:?}: {} of {used}",
            len(&disk)
        );
        let others = disk
            .files()
            .keys()
            .filter(|path| path.ends_with("next#new"))
            .count();
        assert_eq!(others, 0, "{mode:?}: the next segment's file is gone");
        // Nothing is left to do, and appends go on.
        let before = disk.op_count();
        wal.step_helpers();
        wal.step_helpers();
        assert_eq!(disk.op_count(), before, "{mode:?}: it rests");
        for _ in 0..6 {
            assert_eq!(wal.append("s", &[7; 100 << 10]).expect("appends"), id);
            id += 1;
        }
        wal.sync("s").expect("syncs");
        let after = disk.crash(5, DirectoryModel::Strict);
        let wal = simulated(&after, mode, u64::MAX);
        assert_eq!(all_entries(&wal, "s").len(), 23, "{mode:?}");
    }
}

#[test]
fn a_stream_with_an_entry_now_and_then_has_no_megabytes_of_zeros_written_each_time() {
    let disk = SimulatedDisk::new();
    let options = WalOptions::new("/log");
    let wal = Wal::open_simulated_stepped(&disk, options, Arc::new(|_, _| ())).expect("opens");
    for _ in 0..40 {
        wal.append("s", &[7; 100 << 10]).expect("appends");
        wal.step_helpers();
    }
    for _ in 0..3 {
        for _ in 0..3 {
            wal.step_helpers();
        }
        let before = disk.op_count();
        wal.append("s", b"now and then").expect("appends");
        wal.step_helpers();
        let ops = disk.ops().into_iter().filter(|op| op.index > before);
        let zeros = ops.filter(|op| op.kind == OpKind::WriteZeros).count();
        assert!(zeros <= 1, "{zeros} pieces of zeros for one entry");
    }
}

#[cfg(feature = "cli")]
#[test]
fn an_emptied_stream_is_clean_and_a_repaired_copy_of_it_goes_on_at_its_next_id() {
    let place = temp_dir();
    let options = options(place.path(), SyncMode::Async);
    let wal = Wal::new(options.clone()).expect("opens");
    wal.append_batch("s", &[&[7; 10_000], &[8; 10_000]])
        .expect("appends");
    assert_eq!(wal.truncate("s", 2).expect("truncates"), 1);
    for _ in 0..2 {
        let report = wal.verify().expect("verifies");
        assert!(report.is_clean(), "{report:?}");
    }
    wal.close().expect("closes");
    let copy = place.path().join("copy");
    let report = repair::repair(
        &options.root_path,
        &copy,
        CompressionType::None,
        &mut |_| (),
    );
    let report = report.expect("copies");
    assert!(
        report.streams.iter().all(|stream| stream.next_id == 2),
        "{report:?}"
    );
    for root in [copy, options.root_path] {
        let wal = Wal::new(WalOptions::new(root)).expect("opens");
        assert!(wal.verify().expect("verifies").is_clean());
        assert_eq!(wal.append("s", b"goes on").expect("appends"), 2);
    }
}
