//! Where does an append by name land that a deletion meets? Before it, and it is gone; or after
//! it, from id 0 on. Never in between, and never with an error.

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::allow;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;

const EACH: u32 = 3;

/// Returns the ids in order. They grow, but for one new beginning a deletion.
fn append(wal: &Wal, author: u32, deletions: usize) -> Vec<(u64, Vec<u8>)> {
    let mut given: Vec<(u64, Vec<u8>)> = Vec::new();
    for number in 0..EACH {
        let bytes = entry("s", author, number, 20);
        let id = match number % 2 {
            0 => wal.append("s", &bytes).expect("an append by name"),
            _ => {
                wal.append_batch("s", &[&bytes])
                    .expect("a batch by name")
                    .start
            }
        };
        given.push((id, bytes));
    }
    let begins_anew = given.windows(2).filter(|two| two[1].0 <= two[0].0).count();
    assert!(begins_anew <= deletions, "{given:?}");
    given
}

#[test]
fn an_append_by_name_lands_before_a_deletion_or_after_it_from_id_zero_on() {
    explore("an_append_by_name", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 2);
        let wal = open(&disk, &options);
        wal.append("s", b"before").expect("appends");
        let handle = wal.stream("s").expect("a handle");
        let deletions = any_of(&[1, 2]);
        let (mut given, read) = thread::scope(|scope| {
            let one = scope.spawn(|| append(&wal, 0, deletions));
            let other = scope.spawn(|| append(&wal, 1, deletions));
            scope.spawn(|| {
                for _ in 0..deletions {
                    wal.delete_stream("s").expect("deletes");
                    // An old handle never leads to the new stream.
                    let late = allow(handle.append(b"late"), &["no stream"], "append");
                    assert_eq!(late, None, "a handle outlived its stream");
                }
            });
            let read = scope.spawn(|| {
                let mut read = Vec::new();
                for id in [0, 1, 0] {
                    read.extend(wal.get("s", id).expect("a get by name").map(|e| (id, e)));
                }
                for found in wal.iter_with_ids("s", 0).expect("a scan by name") {
                    read.extend(allow(found, &["no stream"], "a scan"));
                }
                read
            });
            let mut given = one.join().expect("returns");
            given.extend(other.join().expect("returns"));
            (given, read.join().expect("returns"))
        });
        // What was read was appended under that id, by whichever stream had the name.
        given.push((0, b"before".to_vec()));
        for found in &read {
            assert!(given.contains(found), "{found:?} was read");
        }
        wal.sync_all().expect("syncs");
        let left: Vec<(u64, Vec<u8>)> = wal
            .iter_with_ids("s", 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry"))
            .collect();
        let mut ids = (0..).zip(&left);
        assert!(ids.all(|(place, (id, _))| *id == place), "{left:?}");
        assert!(left.iter().all(|found| given.contains(found)), "{left:?}");
        assert!(
            !left.iter().any(|(_, bytes)| bytes == b"before"),
            "not gone"
        );
        check_order(&left);
        drop((handle, wal));
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        let kept: Vec<(u64, Vec<u8>)> = wal
            .iter_with_ids("s", 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry"))
            .collect();
        assert!(kept == left, "{kept:?} instead of {left:?}");
    });
}

/// A reader that had looked where an entry is, and then opened the file, found the successor's of the same
/// name: its entry, under a seed that is the same, or damage.
#[test]
fn a_handle_shows_its_own_stream_or_none_never_the_successor() {
    explore("a_handle_shows_its", Time::Stands, 2000, || {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &options(SyncMode::Async, 1));
        wal.append("s", b"before").expect("appends");
        let handle = wal.stream("s").expect("a handle");
        let scans = any_of(&[true, false]);
        thread::scope(|scope| {
            scope.spawn(|| {
                let found = match scans {
                    true => handle.iter(0).map(|mut entries| entries.next()),
                    false => handle.get(0).map(|found| found.map(Ok)),
                };
                let found = allow(found, &["no stream"], "a look-up").flatten();
                let found = found.and_then(|found| allow(found, &["no stream"], "a scan"));
                assert!(found.is_none_or(|found| found == b"before"));
            });
            scope.spawn(|| {
                wal.delete_stream("s").expect("deletes");
                wal.append("s", b"after!").expect("appends");
            });
        });
    });
}

/// Of each author, the last ones are left: those that were deleted came before.
fn check_order(left: &[(u64, Vec<u8>)]) {
    for author in 0..2 {
        let all = (0..EACH).map(|number| entry("s", author, number, 20));
        let places = all.map(|entry| left.iter().position(|(_, bytes)| *bytes == entry));
        let places: Vec<_> = places.skip_while(Option::is_none).collect();
        assert!(places.iter().all(Option::is_some), "a hole: {left:?}");
        assert!(places.is_sorted(), "out of order: {left:?}");
    }
}
