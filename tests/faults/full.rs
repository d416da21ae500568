//! The disk is full.

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::SimulatedDisk;

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull)
        || error.to_string().contains("No space left")
}

fn check(wal: &Wal, entries: &[Vec<u8>]) {
    let shown: Vec<Vec<u8>> = wal
        .iter("s", 0)
        .expect("iterates")
        .map(|entry| entry.expect("is read"))
        .collect();
    assert!(shown == entries, "{} of {}", shown.len(), entries.len());
}

/// Appends until the disk is full.
fn fill(wal: &Wal, entries: &mut Vec<Vec<u8>>, entry_len: usize) {
    loop {
        let entry = vec![entries.len() as u8; entry_len + entries.len() % 7];
        match wal.append("s", &entry) {
            Ok(id) => assert_eq!(id, entries.len() as u64, "no id is consumed by a failure"),
            Err(error) => {
                assert!(is_full(&error), "{error}");
                return;
            }
        }
        entries.push(entry);
    }
}

#[test]
fn a_full_disk_fails_appends_and_harms_nothing() {
    for sync_mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        for max_segment_size in [1, 1000, 20_000, u64::MAX] {
            for entry_len in [10, 900, 9000] {
                for blocks in [2, 3, 5, 6, 9, 17, 30, 61] {
                    let capacity = blocks * 4096;
                    run(sync_mode, max_segment_size, entry_len, capacity);
                }
            }
        }
    }
}

fn run(sync_mode: SyncMode, max_segment_size: u64, entry_len: usize, capacity: u64) {
    let told = format!("{sync_mode:?} {max_segment_size} {entry_len} {capacity}");
    let disk = SimulatedDisk::new();
    disk.set_capacity(capacity);
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.max_segment_size = max_segment_size;
    let open = |disk: &SimulatedDisk| Wal::open_simulated(disk, options.clone()).expect(&told);
    let mut entries = Vec::new();
    let wal = open(&disk);
    fill(&wal, &mut entries, entry_len);
    // A smaller one may fit.
    fill(&wal, &mut entries, 0);
    check(&wal, &entries);
    wal.sync_all().expect(&told);
    // The process dies on the full disk.
    let killed = disk.kill();
    drop(wal);
    let wal = open(&killed);
    check(&wal, &entries);
    fill(&wal, &mut entries, entry_len);
    wal.close().expect(&told);
    // Opening and closing need no room.
    let wal = open(&killed);
    check(&wal, &entries);
    fill(&wal, &mut entries, entry_len);
    // With room again, the next append succeeds.
    killed.set_capacity(capacity + (64 << 10) + 4 * entry_len as u64);
    let entry = vec![7; entry_len];
    assert_eq!(wal.append("s", &entry).expect(&told), entries.len() as u64);
    entries.push(entry);
    wal.sync("s").expect(&told);
    check(&wal, &entries);
    wal.close().expect(&told);
    check(&open(&killed), &entries);
}
