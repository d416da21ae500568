//! The disk is full.

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
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
    let case = format!("{sync_mode:?} {max_segment_size} {entry_len} {capacity}");
    let disk = SimulatedDisk::new();
    disk.set_capacity(capacity);
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.max_segment_size = max_segment_size;
    let open = |disk: &SimulatedDisk| Wal::open_simulated(disk, options.clone()).expect(&case);
    let mut entries = Vec::new();
    let wal = open(&disk);
    fill(&wal, &mut entries, entry_len);
    // A smaller one may fit.
    fill(&wal, &mut entries, 0);
    check(&wal, &entries);
    wal.sync_all().expect(&case);
    // The process dies on the full disk.
    let killed = disk.kill();
    drop(wal);
    let wal = open(&killed);
    check(&wal, &entries);
    fill(&wal, &mut entries, entry_len);
    wal.close().expect(&case);
    // Opening and closing need no room.
    let wal = open(&killed);
    check(&wal, &entries);
    fill(&wal, &mut entries, entry_len);
    // With room again, the next append succeeds.
    killed.set_capacity(capacity + (64 << 10) + 4 * entry_len as u64);
    let entry = vec![7; entry_len];
    assert_eq!(wal.append("s", &entry).expect(&case), entries.len() as u64);
    entries.push(entry);
    wal.sync("s").expect(&case);
    check(&wal, &entries);
    wal.close().expect(&case);
    check(&open(&killed), &entries);
}

/// The code of an append that found no room; anything else is a failure of the test.
fn refused(appended: ironwal::Result<u64>) {
    let error = appended.expect_err("there is no room");
    assert_eq!(error.os_error(), Some(libc::ENOSPC), "{error}");
}

fn opened(disk: &SimulatedDisk, sync_mode: SyncMode, max_segment_size: u64) -> Wal {
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.background_sync = None;
    options.max_segment_size = max_segment_size;
    options.on_corruption = ironwal::CorruptionPolicy::Error;
    Wal::open_simulated(disk, options).expect("opens")
}

fn entry(id: usize) -> Vec<u8> {
    vec![id as u8; 100 + id]
}

/// After a loss of power now, however it is survived, what was acknowledged is there; beyond that
/// an append may be that failed, as it was.
fn check_crashes(disk: &SimulatedDisk, sync_mode: SyncMode, entries: &[Vec<u8>], failed: &[u8]) {
    for seed in 0..8 {
        let disk = disk.crash(seed, DirectoryModel::Strict);
        let wal = opened(&disk, sync_mode, u64::MAX);
        let shown = wal.iter("s", 0).expect("iterates");
        let shown: Vec<Vec<u8>> = shown.map(|entry| entry.expect("is read")).collect();
        assert!(shown.len() >= entries.len(), "{} entries", shown.len());
        for (place, found) in shown.iter().enumerate() {
            let expected = entries.get(place).map_or(failed, |entry| entry);
            assert!(found == expected, "entry {place} of {}", shown.len());
        }
    }
}

#[test]
fn a_write_whose_place_cannot_be_zeroed_for_lack_of_room_poisons_nothing() {
    // A file system that writes each block to a new place refuses the zeros too: the stream was
    // poisoned, though nothing had failed to reach the disk.
    for sync_mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        // What the failing write leaves: nothing, a torn frame, a whole one.
        for written in [0, 50, 10_000] {
            for can_cut in [true, false] {
                let disk = SimulatedDisk::new();
                let wal = opened(&disk, sync_mode, u64::MAX);
                let mut entries = vec![entry(0), entry(1)];
                for entry in &entries {
                    wal.append("s", entry).expect("appends");
                }
                wal.sync("s").expect("syncs");
                let mut full = FaultPlan::nth(OpKind::Write, 1).or(OpKind::WriteZeros);
                if !can_cut {
                    full = full.or(OpKind::SetLen);
                }
                let full = full.on_path(".wal").short_write(written);
                disk.inject(full.forever().code(libc::ENOSPC));
                let failed = [9; 150];
                for _ in 0..3 {
                    refused(wal.append("s", &failed));
                    check(&wal, &entries);
                    check_crashes(&disk, sync_mode, &entries, &failed);
                }
                disk.clear_faults();
                for id in 2..5 {
                    let appended = wal.append("s", &entry(id)).expect("there is room");
                    assert_eq!(appended, id as u64, "the ids were free");
                    entries.push(entry(id));
                }
                wal.sync("s").expect("syncs");
                check(&wal, &entries);
                check_crashes(&disk, sync_mode, &entries, &[]);
                wal.close().expect("closes");
                check(&opened(&disk, sync_mode, u64::MAX), &entries);
            }
        }
    }
}

#[test]
fn a_log_closed_with_a_place_that_was_never_erased_shows_nothing_of_it() {
    let disk = SimulatedDisk::new();
    let wal = opened(&disk, SyncMode::Async, u64::MAX);
    let entries = vec![entry(0)];
    wal.append("s", &entries[0]).expect("appends");
    let full = FaultPlan::nth(OpKind::Write, 1)
        .or(OpKind::WriteZeros)
        .or(OpKind::SetLen);
    let full = full.on_path(".wal").short_write(10_000);
    disk.inject(full.forever().code(libc::ENOSPC));
    refused(wal.append("s", &[9; 150]));
    disk.clear_faults();
    wal.close().expect("closes");
    let wal = opened(&disk, SyncMode::Async, u64::MAX);
    check(&wal, &entries);
    assert_eq!(wal.append("s", b"next").expect("appends"), 1);
}

#[test]
fn a_place_that_cannot_be_zeroed_for_another_reason_latches() {
    let disk = SimulatedDisk::new();
    let wal = opened(&disk, SyncMode::Async, u64::MAX);
    wal.append("s", &entry(0)).expect("appends");
    let full = FaultPlan::nth(OpKind::Write, 1)
        .or(OpKind::WriteZeros)
        .or(OpKind::SetLen)
        .short_write(50);
    disk.inject(full.forever().code(libc::ENOSPC));
    refused(wal.append("s", &[9; 150]));
    disk.clear_faults();
    disk.inject(FaultPlan::nth(OpKind::WriteZeros, 1));
    wal.append("s", &[9; 150]).expect_err("an I/O error");
    let refusal = wal.append("s", &[9; 150]).expect_err("latched");
    assert!(matches!(refusal, Error::Poisoned { .. }), "{refusal}");
}

#[test]
fn a_durable_point_that_finds_no_room_is_stored_later() {
    // The stream was poisoned, though what was appended is durable and the other slot stands.
    let disk = SimulatedDisk::new();
    let wal = opened(&disk, SyncMode::Strict, u64::MAX);
    let mut entries = vec![entry(0)];
    wal.append("s", &entries[0]).expect("appends");
    for id in 1..4 {
        // The frame is the first write, the slot the second. It is one sector: never there in part.
        let slot = FaultPlan::nth(OpKind::Write, 2).on_path(".wal");
        disk.inject(slot.code(libc::ENOSPC));
        assert_eq!(wal.append("s", &entry(id)).expect("is durable"), id as u64);
        assert_eq!(disk.faults_fired(), id as u64);
        entries.push(entry(id));
        check_crashes(&disk, SyncMode::Strict, &entries, &[]);
    }
    wal.append("s", &entry(4)).expect("appends");
    entries.push(entry(4));
    wal.close().expect("closes");
    check(&opened(&disk, SyncMode::Strict, u64::MAX), &entries);
}

#[test]
fn a_full_segment_that_finds_no_room_for_its_footer_is_sealed_later() {
    for sync_mode in [SyncMode::Strict, SyncMode::Async] {
        let disk = SimulatedDisk::new();
        let wal = opened(&disk, sync_mode, 1);
        let mut entries = vec![entry(0)];
        wal.append("s", &entries[0]).expect("appends");
        wal.sync("s").expect("syncs");
        let footer = FaultPlan::nth(OpKind::Write, 1).on_path("/00000000000000000000.wal");
        disk.inject(footer.short_write(30).forever().code(libc::ENOSPC));
        for id in 1..6 {
            assert_eq!(wal.append("s", &entry(id)).expect("appends"), id as u64);
            wal.sync("s").expect("is durable");
            entries.push(entry(id));
            check_crashes(&disk, sync_mode, &entries, &[]);
        }
        assert!(disk.faults_fired() > 0);
        let error = wal
            .truncate("s", 3)
            .expect_err("what is full is not sealed");
        assert_eq!(error.os_error(), Some(libc::ENOSPC), "{error}");
        let killed = disk.kill();
        drop(wal);
        check(&opened(&killed, sync_mode, 1), &entries);

        let wal = opened(&killed, sync_mode, 1);
        let footer = FaultPlan::nth(OpKind::Write, 1).on_path("/00000000000000000005.wal");
        killed.inject(footer.forever().code(libc::ENOSPC));
        for id in 6..9 {
            assert_eq!(wal.append("s", &entry(id)).expect("appends"), id as u64);
            wal.sync("s").expect("is durable");
            entries.push(entry(id));
        }
        killed.clear_faults();
        assert_eq!(wal.truncate("s", 3).expect("there is room"), 3);
        check_crashes_from(&killed, sync_mode, &entries, 3);
        wal.close().expect("closes");
        check_crashes_from(&killed, sync_mode, &entries, 3);
    }
}

/// The same where entries below `first` were truncated.
fn check_crashes_from(
    disk: &SimulatedDisk,
    sync_mode: SyncMode,
    entries: &[Vec<u8>],
    first: usize,
) {
    for seed in 0..8 {
        let disk = disk.crash(seed, DirectoryModel::Strict);
        let wal = opened(&disk, sync_mode, 1);
        let shown = wal.iter("s", first as u64).expect("iterates");
        let shown: Vec<Vec<u8>> = shown.map(|entry| entry.expect("is read")).collect();
        assert!(shown == entries[first..], "{} entries", shown.len());
    }
}

#[test]
fn a_truncation_that_finds_no_room_for_its_slot_changes_nothing_and_succeeds_later() {
    let disk = SimulatedDisk::new();
    let wal = opened(&disk, SyncMode::Strict, 1);
    for id in 0..4 {
        wal.append("s", &entry(id)).expect("appends");
    }
    disk.inject(FaultPlan::nth(OpKind::Write, 1).code(libc::ENOSPC));
    let error = wal.truncate("s", 2).expect_err("there is no room");
    assert_eq!(error.os_error(), Some(libc::ENOSPC), "{error}");
    assert_eq!(wal.append("s", &entry(4)).expect("appends"), 4);
    assert_eq!(wal.truncate("s", 2).expect("there is room"), 2);
    let entries: Vec<Vec<u8>> = (0..5).map(entry).collect();
    check_crashes_from(&disk, SyncMode::Strict, &entries, 2);
}
