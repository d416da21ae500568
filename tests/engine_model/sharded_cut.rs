//! Is a checkpoint one moment of all shards? A caller that appends to one shard after another finds both
//! in it, or the first alone, or neither; and what it counts on is durable.

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::options;

const SHARDS: u16 = 2;

fn sharded(disk: &SimulatedDisk, options: &WalOptions) -> ShardedWal {
    let shards = ShardedOptions::new(SHARDS);
    ShardedWal::open_simulated(disk, options.clone(), shards).expect("opens")
}

fn key_of_each_shard(log: &ShardedWal) -> Vec<[u8; 1]> {
    let leads_to = |shard| (0..).map(|b| [b]).find(|key| log.shard_of(key) == shard);
    (0..SHARDS)
        .map(|shard| leads_to(shard).expect("a key"))
        .collect()
}

#[test]
fn a_checkpoint_is_one_moment_of_all_shards_and_durable() {
    explore("a_checkpoint_is_one", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 2);
        let log = sharded(&disk, &options);
        let keys = key_of_each_shard(&log);
        let (given, calls) = thread::scope(|scope| {
            let appenders = [[0, 1], [1, 0]].map(|order| {
                let (log, keys) = (&log, &keys);
                scope.spawn(move || {
                    let shards = order.iter().cycle().take(3);
                    let given =
                        shards.map(|&shard| log.append(&keys[shard], b"x").expect("appends"));
                    given.collect::<Vec<(u16, u64)>>()
                })
            });
            let calls = scope.spawn(|| {
                log.create_checkpoint(b"c").expect("creates");
                disk.op_count()
            });
            let given = appenders.map(|one| one.join().expect("returns"));
            (given, calls.join().expect("returns"))
        });
        let offsets = log.load_checkpoint(b"c").expect("loads").offsets;
        for order in given {
            let held: Vec<bool> = order
                .iter()
                .map(|(shard, id)| *id < offsets[*shard as usize])
                .collect();
            let until = held.iter().take_while(|held| **held).count();
            let later = held[until..].iter().any(|held| *held);
            assert!(!later, "{offsets:?} cut {order:?} into {held:?}");
        }
        drop(log);
        let after = disk.crash_at(calls, 0, DirectoryModel::Strict);
        let log = sharded(&after, &options);
        assert_eq!(
            log.load_checkpoint(b"c").expect("survives").offsets,
            offsets
        );
        for (shard, offset) in (0..).zip(&offsets) {
            let kept = log.iter_shard(shard, 0).expect("iterates").count() as u64;
            assert!(
                kept >= *offset,
                "shard {shard} has lost what the checkpoint counts on"
            );
        }
    });
}
