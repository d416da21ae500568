//! What checkpoints ask the disk for: no more than their promises need.
#![cfg(all(feature = "sharded", feature = "simulation", unix))]

use ironwal::CorruptionPolicy;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

const SHARDS: u16 = 16;

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
fn what_was_made_or_loaded_is_loaded_again_without_the_disk() {
    let disk = SimulatedDisk::new();
    let wal = with_first(&disk);
    let first = wal.load_checkpoint(b"c00").expect("loads");
    let load = |wal: &ShardedWal| {
        calls(&disk, || {
            assert_eq!(wal.load_checkpoint(b"c00").expect("loads"), first);
            let latest = wal.load_latest_checkpoint().expect("loads");
            assert_eq!(latest, (b"c00".to_vec(), first.clone()));
        })
    };
    assert_eq!(load(&wal), []);
    drop(wal);
    let wal = open(&disk);
    // From the disk, checked, once.
    let read = [(OpKind::Read, "checkpoints.log".to_owned())];
    assert_eq!(load(&wal), read);
    assert_eq!(load(&wal), []);
    // One of the same id is another one.
    wal.append(b"key", b"entry").expect("appends");
    wal.create_checkpoint(b"c00").expect("creates");
    assert_ne!(wal.load_checkpoint(b"c00").expect("loads"), first);
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
