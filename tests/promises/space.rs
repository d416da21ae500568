//! D8: running out of space fails an append and nothing else: no id, no byte, no signal.

use std::path::Path;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

#[cfg(feature = "simulation")]
mod on_a_small_disk {
    use super::*;
    use ironwal::simulation::FaultPlan;
    use ironwal::simulation::OpKind;
    use ironwal::simulation::SimulatedDisk;

    fn open(disk: &SimulatedDisk, mode: SyncMode, segment: u64) -> Wal {
        let mut options = options(Path::new("/"), mode);
        options.max_segment_size = segment;
        Wal::open_simulated(disk, options).expect("opens")
    }

    fn is_full(error: &Error) -> bool {
        matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull)
    }

    #[test]
    fn a_full_disk_takes_no_id_harms_nothing_and_lets_the_next_append_go_on() {
        for mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
            for segment in [3000, 64 << 20] {
                let case = format!("{mode:?}, segments of {segment}");
                let disk = SimulatedDisk::new();
                let wal = open(&disk, mode, segment);
                wal.append("s", &entry(0)).expect("appends");
                disk.set_capacity(disk.used_bytes() + (64 << 10));
                let mut ids = 1;
                let error = loop {
                    match wal.append("s", &entry(ids)) {
                        Ok(id) => assert_eq!(id, ids, "{case}"),
                        Err(error) => break error,
                    }
                    ids += 1;
                };
                assert!(is_full(&error), "{case}: {error}");
                assert!(ids > 50, "{case}: the room was used: {ids}");
                let expected: Vec<_> = (0..ids).map(|id| (id, entry(id))).collect();
                assert_eq!(all_entries(&wal, "s"), expected, "{case}");
                assert!(is_full(
                    &wal.append_batch("s", &[&[1; 5000]]).expect_err("full")
                ));
                let stream = wal.stream("s").expect("a handle");
                assert_eq!(stream.next_id().expect("is known"), ids, "{case}");

                wal.sync("s").expect("syncing needs no room");
                disk.set_capacity(disk.used_bytes() + (256 << 10));
                assert_eq!(stream.append(&entry(ids)).expect("appends"), ids, "{case}");
                ids += 1;
                drop(stream);

                disk.set_capacity(disk.used_bytes());
                wal.close().expect("closing needs no room");
                let wal = open(&disk, mode, segment);
                let expected: Vec<_> = (0..ids).map(|id| (id, entry(id))).collect();
                assert_eq!(all_entries(&wal, "s"), expected, "{case}");
                disk.set_capacity(None);
                assert_eq!(wal.append("s", b"x").expect("appends"), ids, "{case}");
            }
        }
    }

    #[test]
    fn segments_whose_frames_end_with_a_block_are_sealed_on_a_full_disk() {
        // Two frames a segment, which fill the first block to its end: a footer needs another.
        const BLOCK: usize = 4096;
        const HEADER_AREA: usize = 3 * 512;
        const FRAME_HEADER: usize = 36;
        let payload = [7; (BLOCK - HEADER_AREA) / 2 - FRAME_HEADER];
        for strategy in [WriteStrategy::StandardIo, WriteStrategy::Mmap] {
            let disk = SimulatedDisk::new();
            let mut options = options(Path::new("/"), SyncMode::Async);
            options.max_segment_size = (BLOCK - HEADER_AREA) as u64;
            options.write_strategy = strategy;
            let wal = Wal::open_simulated(&disk, options.clone()).expect("opens");
            wal.append("s", &payload).expect("appends");
            disk.set_capacity(disk.used_bytes() + 9 * BLOCK as u64);
            let mut ids = 1;
            let error = loop {
                match wal.append("s", &payload) {
                    Ok(_) => ids += 1,
                    Err(error) => break error,
                }
            };
            assert!(is_full(&error), "{strategy:?}: {error}");
            assert!(ids > 3, "{strategy:?}: {ids}");
            wal.sync("s").expect("seals all but the newest");
            wal.close().expect("closes");
            disk.set_capacity(None);
            let wal = Wal::open_simulated(&disk, options).expect("opens");
            assert_eq!(all_entries(&wal, "s").len(), ids, "{strategy:?}");
        }
    }

    #[test]
    fn a_stream_that_found_no_room_to_begin_does_not_exist_and_begins_later() {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict, 64 << 20);
        disk.set_capacity(disk.used_bytes());
        assert!(is_full(&wal.append("s", b"x").expect_err("full")));
        assert_eq!(wal.streams().expect("lists"), Vec::<String>::new());
        assert_eq!(wal.current_segment_start_id("s"), None);
        assert_eq!(wal.get("s", 0).expect("is known"), None);
        disk.set_capacity(None);
        assert_eq!(wal.append("s", b"x").expect("appends"), 0);
    }

    #[test]
    fn every_code_that_means_no_room_is_reported_as_it_is() {
        for code in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, SyncMode::Strict, 64 << 20);
            wal.append("s", &entry(0)).expect("appends");
            disk.inject(FaultPlan::nth(OpKind::Allocate, 1).forever().code(code));
            let error = wal.append("s", &[1; 100_000]).expect_err("no room");
            assert_eq!(error.os_error(), Some(code));
            disk.clear_faults();
            disk.inject(FaultPlan::nth(OpKind::Write, 1).code(code).short_write(9));
            let error = wal.append("s", &[1; 100]).expect_err("no room");
            assert_eq!(error.os_error(), Some(code));
            assert_eq!(wal.append("s", &entry(1)).expect("appends"), 1);
        }
    }

    #[test]
    fn no_room_reported_by_a_sync_latches() {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict, 64 << 20);
        wal.append("s", &entry(0)).expect("appends");
        disk.inject(FaultPlan::nth(OpKind::SyncData, 1).code(libc::ENOSPC));
        assert!(is_full(&wal.append("s", b"x").expect_err("the sync fails")));
        let next = wal.append("s", b"y");
        assert!(matches!(next, Err(Error::Poisoned { .. })));
    }
}

const LIMIT_BYTES: u64 = 200 << 10;

/// Under `RLIMIT_FSIZE`, whose signal SIGXFSZ ends a process by default.
#[allow(unsafe_code)]
pub fn meet_the_size_limit(place: &Path) {
    let set = |soft: u64| {
        let limit = libc::rlimit {
            rlim_cur: soft,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: setrlimit reads the limit only.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    };
    for mode in [SyncMode::Strict, SyncMode::Async] {
        let place = place.join(format!("{mode:?}"));
        std::fs::create_dir(&place).expect("a directory");
        let wal = Wal::new(options(&place, mode)).expect("opens");
        set(LIMIT_BYTES);
        let mut ids = 0;
        let error = loop {
            match wal.append("s", &[ids as u8; 1000]) {
                Ok(id) => assert_eq!(id, ids),
                Err(error) => break error,
            }
            ids += 1;
        };
        assert_eq!(error.os_error(), Some(libc::EFBIG), "{error}");
        assert!(ids > LIMIT_BYTES / 1100, "the room was used: {ids}");
        let large = wal.append_batch("s", &[&[1; 300_000]]);
        assert_eq!(large.expect_err("limit").os_error(), Some(libc::EFBIG));
        assert_eq!(all_entries(&wal, "s").len() as u64, ids);
        set(libc::RLIM_INFINITY);
        assert_eq!(wal.append("s", &entry(ids)).expect("appends"), ids);
        set(LIMIT_BYTES);
        wal.close().expect("closing needs no room");
        let wal = Wal::new(options(&place, mode)).expect("opens");
        assert_eq!(all_entries(&wal, "s").len() as u64, ids + 1);
        drop(wal);
        set(libc::RLIM_INFINITY);
    }
}

#[test]
fn the_process_size_limit_is_an_error_and_never_a_signal() {
    let place = support::temp_dir();
    support::run_child("meet the size limit", place.path());
}
