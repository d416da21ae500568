//! Mishaps between two steps: what must hold when something fails, or is asked for, just there.
#![allow(unsafe_code)]

use std::path::Path;
use std::thread;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::options;
use crate::support::temp_dir;

/// Lets this process have so many descriptors and no more.
fn limit_descriptors(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: setrlimit reads the limit only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// What this program does as a child: the limit and the working directory are the process's.
pub const ROLES: &[support::Role] = &[
    ("sync with few descriptors", sync_with_few_descriptors),
    ("move between directories", move_between_directories),
];

#[test]
fn thousands_of_unsealed_segments_are_synced_with_few_descriptors() {
    support::run_child("sync with few descriptors", temp_dir().path());
}

fn sync_with_few_descriptors(place: &Path) {
    // A round opened the files of all rotated segments at once: a stream of small segments that
    // had not been synced for a while ran out of descriptors, and was poisoned by it.
    // `max_open_segments` is 128 by default.
    limit_descriptors(400);
    let mut options = options(place, SyncMode::Async);
    options.max_entries_per_segment = 1;
    let wal = Wal::new(options.clone()).expect("opens");
    for id in 0..450u32 {
        wal.append("s", &id.to_le_bytes()).expect("appends");
    }
    wal.sync("s").expect("syncs");
    wal.append("s", b"goes on").expect("appends");
    wal.close().expect("closes");
    let wal = Wal::new(options).expect("opens again");
    assert_eq!(all_entries(&wal, "s").len(), 451);
}

#[test]
fn a_failure_is_reported_at_once_to_callers_that_wait_for_entries_to_come() {
    // They slept on until their time was up, for ever if they had set none.
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options(Path::new("/"), SyncMode::Strict)).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    stream.append(b"good").expect("appends");
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let stream = stream.clone();
            thread::spawn(move || stream.wait_durable(5, Duration::from_secs(60)))
        })
        .collect();
    // Most of them are asleep by the time the sync fails.
    (0..1000).for_each(|_| thread::yield_now());
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1));
    stream.append(b"bad").expect_err("the sync fails");
    for waiter in waiters {
        let result = waiter.join().expect("a good end");
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
    }
}

#[test]
fn a_closed_log_touches_nothing_any_more_not_even_to_finish_a_deletion() {
    // The lock was given back while a deletion was under way in another thread: it could rename
    // the stream that the next process had opened by then.
    let disk = SimulatedDisk::new();
    let mut options = options(Path::new("/"), SyncMode::Async);
    options.max_entries_per_segment = 1;
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    for _ in 0..100 {
        stream.append(b"entry").expect("appends");
    }
    let deleting = {
        let wal = wal.clone();
        thread::spawn(move || wal.delete_stream("s"))
    };
    while stream.append_batch(&[]).is_ok() {
        thread::yield_now();
    }
    wal.close().expect("closes");
    let calls = disk.op_count();
    deleting.join().expect("a good end").expect("deletes");
    assert_eq!(disk.op_count(), calls);
}

/// Options for a log of five entries to a segment, with an archive.
fn with_archive(place: &Path, archive: &Path) -> WalOptions {
    let mut options = options(place, SyncMode::Strict);
    options.max_entries_per_segment = 5;
    options.archive_path = Some(archive.to_path_buf());
    options
}

#[test]
fn an_archive_whose_name_was_not_made_durable_at_first_is_so_before_segments_move_to_it() {
    // Its name was synced only by the truncation that made it, even when that failed there.
    let disk = SimulatedDisk::new();
    let options = with_archive(Path::new("/"), Path::new("/archive"));
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    for id in 0..20u32 {
        wal.append("s", &id.to_le_bytes()).expect("appends");
    }
    disk.inject(FaultPlan::nth(OpKind::SyncDir, 1));
    wal.truncate("s", 10)
        .expect_err("the directory's sync fails");
    assert_eq!(wal.truncate("s", 10).expect("truncates"), 2);
    drop(wal);
    let disk = disk.crash(0, DirectoryModel::Strict);
    let wal = Wal::open_simulated(&disk, options).expect("opens again");
    assert_eq!(wal.restore_archived("s").expect("restores"), 2);
    assert_eq!(all_entries(&wal, "s").len(), 20);
}

#[test]
fn a_relative_archive_stays_where_it_was_when_the_log_was_opened() {
    support::run_child("move between directories", temp_dir().path());
}

fn move_between_directories(place: &Path) {
    // Of one component, it has the empty path for a parent, which cannot be synced; and the
    // archive moved about with the working directory, as the root does not.
    let (place, elsewhere) = (place.join("here"), place.join("elsewhere"));
    for dir in [&place, &elsewhere] {
        std::fs::create_dir(dir).expect("a directory");
    }
    std::env::set_current_dir(&place).expect("goes there");
    let options = with_archive(&place, Path::new("archive"));
    let wal = Wal::new(options).expect("opens");
    for id in 0..20u32 {
        wal.append("s", &id.to_le_bytes()).expect("appends");
    }
    std::env::set_current_dir(&elsewhere).expect("goes elsewhere");
    assert_eq!(wal.truncate("s", 10).expect("truncates"), 2);
    assert!(place.join("archive/s").is_dir());
    assert_eq!(wal.restore_archived("s").expect("restores"), 2);
}
