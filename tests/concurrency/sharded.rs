//! Checkpoints, batches, pruning and compaction go on while the log is closed, a shard is deleted or
//! poisoned, or entries are removed under a reader: every call ends, with success or with the error
//! that belongs to it, and what was acknowledged is there afterwards.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ironwal::CheckpointData;
use ironwal::Error;
use ironwal::Result;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;

const SHARDS: u16 = 4;

fn open(dir: &Path) -> ShardedWal {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::BatchOnly;
    options.max_entries_per_segment = 50;
    ShardedWal::new(options, SHARDS).expect("opens")
}

/// In memory where possible: the races are what counts, not the disk.
fn directory() -> tempfile::TempDir {
    match Path::new("/dev/shm").is_dir() {
        true => tempfile::tempdir_in("/dev/shm"),
        false => tempfile::tempdir(),
    }
    .expect("a directory")
}

fn key_of(wal: &ShardedWal, shard: u16) -> Vec<u8> {
    let mut keys = (0u32..).map(|n| n.to_le_bytes().to_vec());
    let key = keys.find(|key| wal.shard_of(key) == shard);
    key.expect("a key of the shard")
}

fn batch(wal: &ShardedWal) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entry = |shard| (key_of(wal, shard), vec![7; 50]);
    (0..SHARDS).map(entry).collect()
}

/// Calls until the first failure, and returns it.
fn until_it_fails(mut call: impl FnMut() -> Result<()>) -> Error {
    loop {
        if let Err(error) = call() {
            return error;
        }
    }
}

#[test]
fn closing_ends_all_that_is_under_way_and_loses_no_checkpoint() {
    for round in 0..20u64 {
        let dir = directory();
        let wal = open(dir.path());
        // The newest that was acknowledged: nothing removes that one.
        let acknowledged: Mutex<Option<(Vec<u8>, Option<CheckpointData>)>> = Mutex::default();
        let appended = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let create = || {
                let mut number = 0u64;
                until_it_fails(|| {
                    let id = number.to_le_bytes().to_vec();
                    number += 1;
                    wal.create_checkpoint(&id)?;
                    let data = wal.load_checkpoint(&id);
                    *acknowledged.lock().expect("a lock") = Some((id, data.as_ref().ok().cloned()));
                    data.map(drop)
                })
            };
            let append = || {
                let batch = batch(&wal);
                until_it_fails(|| {
                    wal.append_batch(&batch)?;
                    appended.fetch_add(u64::from(SHARDS), Ordering::Relaxed);
                    Ok(())
                })
            };
            let remove = || {
                until_it_fails(|| match wal.load_latest_checkpoint() {
                    Ok((id, _)) => match wal.prune_before_checkpoint(&id) {
                        // A newer one may have been pruned to, or this one compacted away.
                        Ok(_) | Err(Error::CheckpointPruned { .. }) => {
                            wal.compact_checkpoints(3).map(drop)
                        }
                        Err(Error::CheckpointNotFound(_)) => Ok(()),
                        Err(other) => Err(other),
                    },
                    Err(Error::NoCheckpoints) => Ok(()),
                    Err(other) => Err(other),
                })
            };
            let flush = || until_it_fails(|| wal.flush_all());
            let threads = [
                scope.spawn(create),
                scope.spawn(append),
                scope.spawn(remove),
                scope.spawn(flush),
            ];
            while appended.load(Ordering::Relaxed) < 20 + 10 * round {
                std::thread::yield_now();
            }
            wal.inner().clone().close().expect("closes");
            for thread in threads {
                let error = thread.join().expect("no panic");
                let is_closed = match &error {
                    Error::Closed => true,
                    Error::BatchIncomplete { cause, .. } => matches!(**cause, Error::Closed),
                    _ => false,
                };
                assert!(is_closed, "round {round}: {error:?}");
            }
        });
        drop(wal);
        let wal = open(dir.path());
        let held = |shard: u16| {
            let stream = ironwal::sharded::shard_stream_name(shard);
            let stream = wal.inner().stream(&stream).expect("a handle");
            stream.next_id().expect("a number")
        };
        if let Some((id, data)) = acknowledged.into_inner().expect("a lock") {
            let loaded = wal.load_checkpoint(&id).expect("was acknowledged");
            assert!(data.is_none_or(|data| data == loaded), "round {round}");
        }
        if let Ok((_, data)) = wal.load_latest_checkpoint() {
            assert!((0..SHARDS).all(|n| held(n) >= data.offsets[usize::from(n)]));
        }
        let total: u64 = (0..SHARDS).map(held).sum();
        assert!(total >= appended.load(Ordering::Relaxed), "round {round}");
    }
}

#[test]
fn deleting_a_shard_between_checkpoints_fails_those_that_come_later_and_no_other() {
    for round in 0..20 {
        let dir = directory();
        let wal = open(dir.path());
        let deleted = AtomicBool::new(false);
        wal.append_batch(&batch(&wal)).expect("appends");
        std::thread::scope(|scope| {
            let create = scope.spawn(|| {
                let mut made = 0u64;
                let error = until_it_fails(|| {
                    let was_deleted = deleted.load(Ordering::SeqCst);
                    wal.create_checkpoint(&made.to_le_bytes())?;
                    assert!(!was_deleted, "round {round}");
                    made += 1;
                    Ok(())
                });
                (made, error)
            });
            let others = scope.spawn(|| {
                let (key, mut count) = (key_of(&wal, 0), 0);
                while !deleted.load(Ordering::SeqCst) || count < 10 {
                    wal.append(&key, b"x").expect("other shards go on");
                    count += 1;
                    std::thread::yield_now();
                }
            });
            while wal.checkpoint_count() < round {
                std::thread::yield_now();
            }
            wal.inner().delete_stream("shard_02").expect("deletes");
            deleted.store(true, Ordering::SeqCst);
            let (made, error) = create.join().expect("no panic");
            others.join().expect("no panic");
            assert!(
                matches!(&error, Error::StreamNotFound(key) if key == "shard_02"),
                "{error:?}"
            );
            assert_eq!(wal.checkpoint_count() as u64, made);
        });
    }
}

#[test]
fn readers_see_every_entry_in_order_or_an_error_while_entries_are_pruned_under_them() {
    let dir = directory();
    let wal = open(dir.path());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let read = |shard: u16| {
            let (wal, ended) = (&wal, &ended);
            scope.spawn(move || {
                let (mut whole, mut overtaken) = (0u64, 0u64);
                while !ended.load(Ordering::Relaxed) {
                    let mut expected = None;
                    for entry in wal.iter_shard_with_ids(shard, 0).expect("iterates") {
                        match entry {
                            Ok((id, bytes)) => {
                                assert!(expected.is_none_or(|expected| expected == id), "a jump");
                                assert_eq!(bytes, id.to_le_bytes());
                                expected = Some(id + 1);
                            }
                            Err(error @ Error::SegmentNotFound(_)) => {
                                overtaken += 1;
                                expected = error.context().ids.map(|ids| ids.end);
                            }
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                    whole += 1;
                }
                (whole, overtaken)
            })
        };
        let readers = [0, 0, 1].map(read);
        let keys = [key_of(&wal, 0), key_of(&wal, 1)];
        for id in 0..3000u64 {
            for key in &keys {
                wal.append(key, &id.to_le_bytes()).expect("appends");
            }
            if id % 50 == 49 {
                wal.create_checkpoint(b"c").expect("creates");
                wal.prune_before_checkpoint(b"c").expect("prunes");
            }
        }
        ended.store(true, Ordering::Relaxed);
        for reader in readers {
            let (whole, overtaken) = reader.join().expect("no panic");
            println!("{whole} readings, {overtaken} overtaken");
            assert!(whole > 0);
        }
    });
}

#[cfg(all(feature = "simulation", unix))]
#[test]
fn a_shard_that_is_poisoned_between_checkpoints_is_in_none_that_comes_later() {
    use ironwal::ShardedOptions;
    use ironwal::WriteStrategy;
    use ironwal::simulation::DirectoryModel;
    use ironwal::simulation::FaultPlan;
    use ironwal::simulation::OpKind;
    use ironwal::simulation::SimulatedDisk;

    let mut poisoned = 0;
    let ways = [
        (WriteStrategy::StandardIo, OpKind::SyncData),
        (WriteStrategy::Mmap, OpKind::SyncRange),
    ];
    for (nth, (write_strategy, sync)) in (1..8).flat_map(|nth| ways.map(|way| (nth, way))) {
        let disk = SimulatedDisk::new();
        let mut options = WalOptions::new("/log");
        options.sync_mode = SyncMode::Async;
        options.background_sync = None;
        options.write_strategy = write_strategy;
        let open = |disk: &SimulatedDisk| {
            let sharded = ShardedOptions::new(SHARDS);
            ShardedWal::open_simulated(disk, options.clone(), sharded).expect("opens")
        };
        let wal = open(&disk);
        let batch = batch(&wal);
        wal.append_batch(&batch).expect("appends");
        let fails = FaultPlan::nth(sync, nth).on_path("shard_01");
        disk.inject(fails.dropping_dirty());
        let made = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            // Bounded, because the simulated disk remembers every call.
            let create = || {
                (0..200u64).try_for_each(|number| {
                    let id = number.to_le_bytes().to_vec();
                    wal.append(&batch[1].0, b"something to sync")?;
                    wal.create_checkpoint(&id)?;
                    let data = wal.load_checkpoint(&id)?;
                    made.lock().expect("a lock").push((id, data));
                    Ok(())
                })
            };
            let append = || (0..500).all(|_| wal.append_batch(&batch).is_ok());
            let create = scope.spawn(create);
            let append = scope.spawn(append);
            let created = create.join().expect("no panic");
            append.join().expect("no panic");
            // A helper's sync may be the one that failed: then nothing was promised by it.
            let later = wal.create_checkpoint(b"later");
            match created {
                Err(Error::Poisoned { .. } | Error::Io(_)) => {
                    poisoned += 1;
                    assert!(later.is_err());
                }
                other => assert!(other.is_ok() && later.is_ok(), "{other:?}, {later:?}"),
            }
        });
        assert!(disk.faults_fired() > 0);
        for seed in 0..2 {
            let wal = open(&disk.crash(seed, DirectoryModel::Strict));
            let whole = |shard: u16| {
                let entries = wal.iter_shard(shard, 0).expect("not lost");
                entries.take_while(|entry| entry.is_ok()).count() as u64
            };
            let whole: Vec<u64> = (0..SHARDS).map(whole).collect();
            for (id, data) in made.lock().expect("a lock").iter() {
                assert_eq!(wal.load_checkpoint(id).expect("was acknowledged"), *data);
                let mut reached = whole.iter().zip(&data.offsets);
                assert!(
                    reached.all(|(whole, offset)| whole >= offset),
                    "{nth}: {whole:?}"
                );
            }
        }
    }
    assert!(poisoned > 0);
}
