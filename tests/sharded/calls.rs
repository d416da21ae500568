//! What checkpoints ask the disk for: no more than their promises need. And what stands there
//! twice is there once more: a checkpoint survives damage to its record, or to its slot.

use ironwal::CheckpointData;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

const SHARDS: u16 = 16;
const LOG: &str = "/log/checkpoints.log";
const HEADER_AREA_LEN: usize = 1536;

fn open_with(disk: &SimulatedDisk, policy: CorruptionPolicy) -> ironwal::Result<ShardedWal> {
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.on_corruption = policy;
    ShardedWal::open_simulated(disk, options, ShardedOptions::new(SHARDS))
}

fn open(disk: &SimulatedDisk) -> ShardedWal {
    open_with(disk, CorruptionPolicy::Error).expect("opens")
}

/// The calls that `work` makes, with the file's name.
fn calls(disk: &SimulatedDisk, work: impl FnOnce()) -> Vec<(OpKind, String)> {
    let before = disk.op_count() as usize;
    work();
    let name = |path: &std::path::Path| path.to_string_lossy().replace("/log/", "");
    let ops = disk.ops();
    let ops = ops[before..].iter();
    ops.map(|op| (op.kind, name(&op.path))).collect()
}

/// A log with entries in many shards and one checkpoint.
fn with_first(disk: &SimulatedDisk) -> ShardedWal {
    let wal = open(disk);
    for key in 0..100u32 {
        wal.append(&key.to_le_bytes(), b"entry").expect("appends");
    }
    wal.create_checkpoint(b"c00").expect("creates");
    wal
}

#[test]
fn a_checkpoint_of_shards_at_rest_costs_one_sync_and_makes_no_name() {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let made = calls(&disk, || wal.create_checkpoint(b"c01").expect("creates"));
    let log = || "checkpoints.log".to_owned();
    let hint = || "HEAD".to_owned();
    let expected = [
        (OpKind::Write, log()),
        (OpKind::Write, log()),
        (OpKind::SyncData, log()),
        (OpKind::Kind, hint()),
        (OpKind::Write, hint()),
    ];
    assert_eq!(made, expected);
    // Too long for a slot: the frontier may be stored only once the record is durable.
    let made = calls(&disk, || {
        wal.create_checkpoint(&[b'c'; 400]).expect("creates");
    });
    let expected = [OpKind::Write, OpKind::SyncData].map(|kind| (kind, log()));
    assert_eq!(made[..4], [&expected[..], &expected[..]].concat());
}

#[test]
fn what_was_made_or_loaded_is_loaded_again_without_the_disk() {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let oldest = wal.load_checkpoint(b"c00").expect("loads");
    wal.create_checkpoint(b"c01").expect("creates");
    let newest = wal.load_checkpoint(b"c01").expect("loads");
    let load = |wal: &ShardedWal| {
        calls(&disk, || {
            assert_eq!(wal.load_checkpoint(b"c01").expect("loads"), newest);
            let latest = wal.load_latest_checkpoint().expect("loads");
            assert_eq!(latest, (b"c01".to_vec(), newest.clone()));
        })
    };
    assert_eq!(load(&wal), []);
    drop(wal);
    let wal = open(&disk);
    // From the disk, checked, once.
    let read = [(OpKind::Read, "checkpoints.log".to_owned())];
    assert_eq!(load(&wal), read);
    assert_eq!(load(&wal), []);
    // The opening has read the oldest, up to which retention may remove.
    let load_oldest = calls(&disk, || {
        assert_eq!(wal.load_checkpoint(b"c00").expect("loads"), oldest);
    });
    assert_eq!(load_oldest, []);
    // One of the same id is another one.
    wal.append(b"key", b"entry").expect("appends");
    wal.create_checkpoint(b"c01").expect("creates");
    assert_ne!(wal.load_checkpoint(b"c01").expect("loads"), newest);
}

#[test]
fn the_hint_names_the_newest_checkpoint_whatever_becomes_of_its_file() {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let hint = || disk.contents("/log/HEAD").expect("a hint");
    let long = [b'c'; 600];
    for id in [&b"c01"[..], b"c02", b"longer", b"c03", &long, &long, b"c04"] {
        wal.create_checkpoint(id).expect("creates");
        assert_eq!(hint(), id);
    }
    assert!(disk.lose("/log/HEAD"));
    wal.create_checkpoint(b"c05").expect("creates");
    assert_eq!(hint(), b"c05");
    // Half of one that failed does not last.
    let half = FaultPlan::nth(OpKind::Write, 1).on_path("HEAD");
    disk.inject(half.code(libc::EIO).short_write(1));
    wal.create_checkpoint(b"d06").expect("a hint stops nothing");
    assert!(disk.faults_fired() > 0);
    wal.create_checkpoint(b"d07").expect("creates");
    assert_eq!(hint(), b"d07");
}

/// Three checkpoints, the process killed, the power lost: the newest slot carries the last record.
fn killed() -> (SimulatedDisk, Vec<CheckpointData>) {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let mut made = vec![wal.load_checkpoint(b"c00").expect("loads")];
    for id in [b"c01", b"c02"] {
        wal.append(b"key", b"entry").expect("appends");
        wal.create_checkpoint(id).expect("creates");
        made.push(wal.load_checkpoint(id).expect("loads"));
    }
    let killed = disk.crash(1, DirectoryModel::Strict);
    (killed, made)
}

/// Where the records end.
fn ends(bytes: &[u8]) -> [usize; 3] {
    let len = (bytes.len() - HEADER_AREA_LEN) / 3;
    [1, 2, 3].map(|count| HEADER_AREA_LEN + count * len)
}

#[test]
fn damage_to_the_last_record_before_a_kill_is_mended_and_all_else_is_reported() {
    let (disk, made) = killed();
    let bytes = disk.contents(LOG).expect("a file");
    let [_, second, third] = ends(&bytes);
    assert_eq!(third, bytes.len());
    // Every byte of the last record, some of all else.
    let bytes_to_flip = (0..bytes.len()).filter(|at| at % 7 == 0 || *at > second);
    for at in bytes_to_flip {
        let case = format!("byte {at}");
        let copy = disk.crash(1, DirectoryModel::Strict);
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        copy.put(LOG, &damaged);
        let is_slot = (512..HEADER_AREA_LEN).contains(&at);
        let strict = open_with(&copy, CorruptionPolicy::Error);
        assert_eq!(strict.is_ok(), is_slot || at >= second, "{case}");
        drop(strict);
        let wal = open_with(&copy, CorruptionPolicy::Truncate).expect("opens");
        for (number, data) in made.iter().enumerate() {
            let id = format!("c{number:02}");
            let loaded = wal.load_checkpoint(id.as_bytes());
            match ends(&bytes).iter().position(|end| at < *end) {
                Some(spoilt) if spoilt == number && at >= HEADER_AREA_LEN && spoilt < 2 => {
                    let reported = matches!(loaded, Err(Error::CheckpointCorrupted { .. }));
                    assert!(reported, "{case}, {id}: {loaded:?}");
                }
                _ => assert_eq!(loaded.as_ref().ok(), Some(data), "{case}, {id}: {loaded:?}"),
            }
        }
        let latest = wal.load_latest_checkpoint().expect("the newest is there");
        assert_eq!(latest, (b"c02".to_vec(), made[2].clone()), "{case}");
    }
}

/// The two slots are stored in turn: what one says is at most one record older than the other.
#[test]
fn damage_to_a_slot_hides_no_damage_to_a_record_before_the_last_two() {
    let (disk, made) = killed();
    let bytes = disk.contents(LOG).expect("a file");
    for slot in [512, 1024] {
        let mut damaged = bytes.clone();
        damaged[slot + 100] ^= 1;
        damaged[HEADER_AREA_LEN + 1] ^= 1;
        let copy = disk.crash(1, DirectoryModel::Strict);
        copy.put(LOG, &damaged);
        assert!(open_with(&copy, CorruptionPolicy::Error).is_err());
        let wal = open_with(&copy, CorruptionPolicy::Truncate).expect("opens");
        let first = wal.load_checkpoint(b"c00");
        let reported = matches!(first, Err(Error::CheckpointCorrupted { .. }));
        assert!(reported, "slot at {slot}: {first:?}");
        for (id, data) in [(b"c01", &made[1]), (b"c02", &made[2])] {
            assert_eq!(wal.load_checkpoint(id).expect("loads"), *data);
        }
    }
}

/// A write that fails, of the slot or of the record, leaves nothing that a crash could bring back.
#[test]
fn a_checkpoint_that_could_not_be_written_is_none_after_a_crash_either() {
    for nth in [1, 2] {
        for written in [7, 100, 300] {
            let disk = SimulatedDisk::new();
            let wal = with_first(&disk);
            let fails = FaultPlan::nth(OpKind::Write, nth).on_path("checkpoints.log");
            disk.inject(fails.code(libc::ENOSPC).short_write(written));
            let error = wal.create_checkpoint(b"c01").expect_err("no space");
            assert_eq!(error.os_error(), Some(libc::ENOSPC));
            for seed in 0..8 {
                let after = open(&disk.crash(seed, DirectoryModel::Strict));
                assert_eq!(after.checkpoint_count(), 1, "write {nth}, {written} bytes");
            }
            wal.create_checkpoint(b"c02").expect("the next one works");
        }
    }
}

#[test]
fn a_slot_alone_proves_its_record_however_much_of_it_is_missing() {
    let (disk, made) = killed();
    let bytes = disk.contents(LOG).expect("a file");
    let [_, second, third] = ends(&bytes);
    for len in (second..=third).filter(|len| len % 4 == 0 || *len > third - 10) {
        for rest in [vec![], vec![0; third - len], vec![0xa5; third - len]] {
            let copy = disk.crash(1, DirectoryModel::Strict);
            copy.put(LOG, &[&bytes[..len], &rest[..]].concat());
            let wal = open(&copy);
            let latest = wal.load_latest_checkpoint().expect("the newest is there");
            assert_eq!(latest, (b"c02".to_vec(), made[2].clone()), "length {len}");
            // And is durable by now.
            let after = open(&copy.crash(1, DirectoryModel::Strict));
            let latest = after.load_latest_checkpoint().expect("loads");
            assert_eq!(latest.1, made[2], "length {len}");
        }
    }
}

#[test]
fn a_record_and_its_slot_both_damaged_are_not_passed_over() {
    let (disk, made) = killed();
    let bytes = disk.contents(LOG).expect("a file");
    let [_, second, third] = ends(&bytes);
    for slot in [512, 1024] {
        let mut damaged = bytes.clone();
        damaged[slot + 100] ^= 1;
        damaged[third - 1] ^= 1;
        let copy = disk.crash(1, DirectoryModel::Strict);
        copy.put(LOG, &damaged);
        let wal = open_with(&copy, CorruptionPolicy::Truncate).expect("opens");
        assert_eq!(wal.load_checkpoint(b"c01").expect("loads"), made[1]);
        match wal.load_latest_checkpoint() {
            // The other slot was the damaged one: mended.
            Ok(latest) => assert_eq!(latest, (b"c02".to_vec(), made[2].clone())),
            Err(Error::CheckpointCorrupted { offset, .. }) => assert_eq!(offset, second as u64),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_carried_record_that_cannot_be_made_durable_is_not_passed_over() {
    for kind in [OpKind::Write, OpKind::SyncData] {
        let (disk, made) = killed();
        disk.inject(FaultPlan::nth(kind, 1).on_path("checkpoints.log"));
        let wal = open_with(&disk, CorruptionPolicy::Truncate).expect("opens");
        assert!(disk.faults_fired() > 0);
        assert_eq!(wal.load_checkpoint(b"c01").expect("loads"), made[1]);
        for reported in [
            wal.load_latest_checkpoint().map(drop),
            wal.load_checkpoint(b"c02").map(drop),
        ] {
            assert!(
                matches!(reported, Err(Error::CheckpointCorrupted { .. })),
                "{reported:?}"
            );
        }
        let refused = wal.create_checkpoint(b"c03");
        assert!(
            matches!(refused, Err(Error::Poisoned { .. })),
            "{refused:?}"
        );
        drop(wal);
        let wal = open(&disk);
        let latest = wal.load_latest_checkpoint().expect("loads");
        assert_eq!(latest, (b"c02".to_vec(), made[2].clone()));
    }
}

#[test]
fn a_closed_log_of_checkpoints_is_opened_without_a_write() {
    for by_drop in [false, true] {
        let disk = SimulatedDisk::new();
        let wal = with_first(&disk);
        match by_drop {
            true => drop(wal),
            false => wal.close().expect("closes"),
        }
        let opening = calls(&disk, || drop(open(&disk)));
        let changes = |(kind, path): &&(OpKind, String)| {
            let changes = [OpKind::Write, OpKind::SyncData, OpKind::SetLen];
            path == "checkpoints.log" && changes.contains(kind)
        };
        let changes: Vec<_> = opening.iter().filter(changes).collect();
        assert!(changes.is_empty(), "{changes:?}");
    }
}

#[test]
fn a_log_of_checkpoints_that_cannot_be_settled_says_so_and_loses_nothing() {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let first = wal.load_checkpoint(b"c00").expect("loads");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("checkpoints.log"));
    assert!(matches!(wal.close(), Err(Error::Io(_))));
    let wal = open(&disk);
    assert_eq!(wal.load_checkpoint(b"c00").expect("loads"), first);
}
