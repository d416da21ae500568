//! D15: an id is for ever: never given twice, and lost for ever when it is lost.

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;

fn with_five_segments(place: &std::path::Path) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.max_entries_per_segment = 10;
    let wal = Wal::new(options.clone()).expect("opens");
    for id in 0..45 {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
    }
    wal.close().expect("closes");
    options
}

#[test]
fn ids_go_on_after_close_and_after_everything_was_truncated() {
    let place = support::temp_dir();
    let options = with_five_segments(place.path());
    for next in 45..50 {
        let wal = Wal::new(options.clone()).expect("opens");
        wal.truncate("s", u64::MAX).expect("truncates");
        assert_eq!(wal.append("s", &entry(next)).expect("appends"), next);
    }
    let wal = Wal::new(options).expect("opens");
    assert_eq!(wal.append("s", &entry(50)).expect("appends"), 50);
    assert_eq!(wal.truncate("s", u64::MAX).expect("truncates"), 1);
    assert_eq!(all_entries(&wal, "s"), [(50, entry(50))]);
}

#[test]
fn ids_lost_in_the_middle_stay_lost_and_the_rest_reads_on() {
    let place = support::temp_dir();
    let options = with_five_segments(place.path());
    let segments = segments_in(&place.path().join("log/s"));
    std::fs::remove_file(&segments[2]).expect("removes");
    for reopening in 0..3 {
        let wal = Wal::new(options.clone()).expect("opens");
        for id in 0..45 {
            match wal.get("s", id) {
                Ok(read) => {
                    assert!(!(20..30).contains(&id), "{id}");
                    assert_eq!(read, Some(entry(id)), "{id}");
                }
                Err(Error::SegmentNotFound(lost)) => {
                    assert!((20..30).contains(&id), "{id}");
                    assert_eq!(lost, id);
                }
                Err(error) => panic!("{id}: {error}"),
            }
        }
        let read: Vec<_> = wal.iter_with_ids("s", 0).expect("iterates").collect();
        let damaged: Vec<_> = read.iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(damaged.len(), 1, "one error for the whole run: {damaged:?}");
        assert_eq!(damaged[0].context().ids, Some(20..30));
        let good = read.iter().filter(|r| r.is_ok()).count() as u64;
        assert_eq!(good, 35 + reopening);
        let next = 45 + reopening;
        assert_eq!(wal.append("s", &entry(next)).expect("appends"), next);
    }
}

#[test]
fn ids_of_a_lost_newest_segment_are_never_given_again() {
    let place = support::temp_dir();
    let options = with_five_segments(place.path());
    let segments = segments_in(&place.path().join("log/s"));
    std::fs::remove_file(segments.last().expect("five")).expect("removes");
    let wal = Wal::new(options.clone()).expect("opens");
    let given = wal.append("s", b"after the loss").expect("appends");
    assert!(given >= 45, "{given} may have been given before");
    assert!(matches!(wal.get("s", 40), Err(Error::SegmentNotFound(40))));
    assert!(matches!(wal.get("s", 44), Err(Error::SegmentNotFound(44))));
    wal.close().expect("closes");
    let wal = Wal::new(options).expect("opens");
    assert!(matches!(wal.get("s", 44), Err(Error::SegmentNotFound(44))));
    assert!(wal.get("s", given - 1).is_err());
    let read = wal.get("s", given).expect("reads");
    assert_eq!(read.as_deref(), Some(&b"after the loss"[..]));
    assert_eq!(wal.append("s", b"x").expect("appends"), given + 1);
}

#[test]
#[cfg(feature = "simulation")]
fn acknowledged_ids_outlive_the_process_and_durable_ones_the_power() {
    use ironwal::simulation::DirectoryModel;
    use ironwal::simulation::SimulatedDisk;
    let disk = SimulatedDisk::new();
    let mut options = options(std::path::Path::new("/"), SyncMode::Async);
    options.max_entries_per_segment = 4;
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    for id in 0..11 {
        wal.append("s", &entry(id)).expect("appends");
    }
    wal.sync("s").expect("syncs");
    for id in 11..15 {
        wal.append("s", &entry(id)).expect("appends");
    }
    for seed in 0..16 {
        let after = disk.crash(seed, DirectoryModel::Strict);
        let wal = Wal::open_simulated(&after, options.clone()).expect("opens");
        let next = wal.append("s", b"x").expect("appends");
        assert!((11..=15).contains(&next), "seed {seed}: {next}");
        for id in 0..next {
            assert_eq!(wal.get("s", id).expect("reads"), Some(entry(id)));
        }
    }
    let next = disk.kill();
    let wal = Wal::open_simulated(&next, options).expect("opens");
    assert_eq!(wal.append("s", b"x").expect("appends"), 15);
}
