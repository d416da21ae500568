//! Is a stream distinguished from an earlier one of its key where the file system says nothing: directories
//! without a time of making, and with the same number again?
//!
//! The simulated disk answers the same identity for every directory. A reader's handle of the stream
//! that was deleted showed the entries of the one begun after it.

use ironwal::simulation::SimulatedDisk;
use ironwal::*;

fn options(most_entries: u64, sync_mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.max_entries_per_segment = most_entries;
    options.sync_mode = sync_mode;
    options.background_sync = None;
    options
}

fn append(wal: &Wal, count: u64) {
    for id in 0..count {
        // The same bytes in both streams: nothing but the headers distinguishes them.
        wal.append("s", format!("entry {id}").as_bytes())
            .expect("appends");
    }
}

#[test]
fn an_old_handle_never_shows_the_stream_that_was_begun_in_a_directory_of_the_same_number() {
    for (most_entries, mode) in [
        (100, SyncMode::Async),
        (2, SyncMode::Strict),
        (3, SyncMode::Async),
    ] {
        for most_open in [1, 100] {
            for old in [3, 5, 6] {
                for new in 1..8 {
                    let disk = SimulatedDisk::new();
                    let mut options = options(most_entries, mode);
                    options.max_open_read_segments = most_open;
                    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
                    append(&wal, old);
                    wal.append("other", b"x").expect("appends");
                    let reader = Wal::open_read_only_simulated(&disk, options).expect("opens");
                    let handle = reader.stream("s").expect("a handle");
                    let mut followed = handle.iter(0).expect("iterates");
                    assert_eq!(followed.by_ref().count() as u64, old);
                    // With room for one open file, that of another stream is open now.
                    assert_eq!(reader.iter("other", 0).expect("iterates").count(), 1);
                    wal.delete_stream("s").expect("deletes");
                    append(&wal, new);
                    let case = format!("{most_entries} {most_open} {old} {new}");
                    let next = followed.next().expect("an item");
                    assert!(
                        matches!(next, Err(Error::StreamNotFound(_))),
                        "{case}: {next:?}"
                    );
                    for id in 0..8 {
                        let found = handle.get(id);
                        assert!(
                            matches!(found, Err(Error::StreamNotFound(_))),
                            "{case}: {found:?}"
                        );
                    }
                    let found = reader.iter("s", 0).expect("iterates");
                    let found: Result<Vec<_>> = found.collect();
                    assert_eq!(found.expect("reads").len() as u64, new, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_stream_of_a_log_that_deleted_nothing_has_the_bytes_it_had_before() {
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options(100, SyncMode::Strict)).expect("opens");
    append(&wal, 1);
    wal.delete_stream("never there").expect("nothing to delete");
    wal.append("t", b"entry").expect("appends");
    wal.delete_stream("s").expect("deletes");
    wal.append("u", b"entry").expect("appends");
    append(&wal, 1);
    wal.close().expect("closes");
    for (stream, incarnation) in [("t", 0), ("u", 1), ("s", 1)] {
        let path = format!("/log/{stream}/00000000000000000000.wal");
        let header = disk.contents(&path).expect("the segment");
        assert_eq!(header[488..496], u64::to_le_bytes(incarnation), "{stream}");
    }
}

/// Before, while both were new: the segment that takes the place of all others stated no incarnation.
#[test]
fn a_stream_begun_after_a_deletion_is_the_same_one_after_it_was_emptied() {
    let disk = SimulatedDisk::new();
    let options = options(100, SyncMode::Async);
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    append(&wal, 1);
    wal.delete_stream("s").expect("deletes");
    wal.append("s", &[7; 100_000]).expect("appends");
    let reader = Wal::open_read_only_simulated(&disk, options.clone()).expect("opens");
    let handle = reader.stream("s").expect("a handle");
    assert!(handle.get(0).expect("reads").is_some());
    assert_eq!(wal.truncate("s", 1).expect("truncates"), 1);
    wal.append("s", b"new").expect("appends");
    assert_eq!(
        handle.get(1).expect("reads").as_deref(),
        Some(&b"new"[..]),
        "the stream goes on"
    );
    wal.close().expect("closes");
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    assert_eq!(wal.append("s", b"newer").expect("appends"), 2);
    let header = disk
        .contents("/log/s/00000000000000000001.wal")
        .expect("the segment");
    assert_eq!(header[488..496], u64::to_le_bytes(1));
}

#[test]
fn the_list_of_a_reader_shows_the_stream_that_was_begun_in_a_directory_of_the_same_number() {
    let disk = SimulatedDisk::new();
    let options = options(2, SyncMode::Async);
    let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
    append(&wal, 5);
    let reader = Wal::open_read_only_simulated(&disk, options).expect("opens");
    let handle = reader.stream("s").expect("a handle");
    wal.delete_stream("s").expect("deletes");
    append(&wal, 3);
    assert_eq!(reader.streams().expect("lists"), ["s"]);
    assert_eq!(reader.iter("s", 0).expect("iterates").count(), 3);
    assert!(matches!(handle.get(0), Err(Error::StreamNotFound(_))));
}
