//! What checkpoints ask the disk for: no more than their promises need.
#![cfg(all(feature = "sharded", feature = "simulation", unix))]

use ironwal::CorruptionPolicy;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
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
