//! After a rollback to a checkpoint a log is as it was at that checkpoint, for readers and appenders, and
//! goes on from there; what cannot be rolled back is refused and stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SnapshotMode;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::SimulatedDisk;

const SHARDS: u16 = 4;
/// Where the records of `checkpoints.log` begin.
const RECORDS_AT: usize = 1536;

fn options(dir: &Path) -> WalOptions {
    let mut options = WalOptions::new(dir.join("log"));
    options.sync_mode = SyncMode::Async;
    options.max_entries_per_segment = 10;
    options.on_corruption = CorruptionPolicy::Error;
    options
}

fn open(dir: &Path) -> ShardedWal {
    ShardedWal::new(options(dir), SHARDS).expect("opens")
}

fn append(wal: &ShardedWal, from: u32, count: u32) {
    for n in from..from + count {
        wal.append(&n.to_le_bytes(), &n.to_le_bytes())
            .expect("appends");
    }
}

fn ids(wal: &ShardedWal) -> Vec<Vec<u8>> {
    let listed = wal.list_checkpoints().into_iter();
    listed.map(|(id, _)| id).collect()
}

fn entries(wal: &ShardedWal) -> Vec<Vec<(u64, Vec<u8>)>> {
    let of = |shard| {
        let entries = wal.iter_shard_with_ids(shard, 0).expect("iterates");
        entries.map(|entry| entry.expect("good")).collect()
    };
    (0..SHARDS).map(of).collect()
}

#[test]
fn all_shards_are_as_they_were_at_the_checkpoint_and_go_on_from_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut wal = open(dir.path());
    append(&wal, 0, 37);
    wal.create_checkpoint(b"a").expect("creates");
    append(&wal, 37, 50);
    wal.create_checkpoint(b"b").expect("creates");
    let at_b = (entries(&wal), wal.load_checkpoint(b"b").expect("loads"));
    append(&wal, 87, 60);
    wal.create_checkpoint(b"c").expect("creates");
    append(&wal, 147, 5);
    for again in [false, true] {
        wal.rollback_to_checkpoint(b"b").expect("rolls back");
        assert_eq!(entries(&wal), at_b.0, "again: {again}");
        assert_eq!(ids(&wal), [b"a", b"b"]);
        let latest = wal.load_latest_checkpoint().expect("loads");
        assert_eq!(latest, (b"b".to_vec(), at_b.1.clone()));
        let gone = wal.load_checkpoint(b"c");
        assert!(
            matches!(gone, Err(Error::CheckpointNotFound(_))),
            "{gone:?}"
        );
        wal.close().expect("closes");
        wal = open(dir.path());
        assert_eq!(entries(&wal), at_b.0, "opened again");
        assert_eq!(ids(&wal), [b"a", b"b"]);
        // Other entries with the ids that were given before; the ids of checkpoints are free too.
        append(&wal, 500, 40);
        wal.create_checkpoint(b"c").expect("creates");
        let behind: u64 = wal
            .load_checkpoint(b"c")
            .expect("loads")
            .offsets
            .iter()
            .sum();
        assert_eq!(behind, 87 + 40);
    }
    assert_eq!(
        wal.compact_checkpoints(9)
            .expect("compacts")
            .checkpoints_after,
        3
    );
    wal.rollback_to_checkpoint(b"a").expect("rolls back");
    assert_eq!(ids(&wal), [b"a"]);
    // Without an entry in any shard.
    let empty = tempfile::tempdir().expect("a directory");
    let wal = open(empty.path());
    wal.create_checkpoint(b"start").expect("creates");
    append(&wal, 0, 30);
    wal.rollback_to_checkpoint(b"start").expect("rolls back");
    assert!(entries(&wal).iter().all(Vec::is_empty));
    wal.rollback_to_checkpoint(b"start")
        .expect("nothing is left to cut");
    append(&wal, 0, 30);
    let count: usize = entries(&wal).iter().map(Vec::len).sum();
    assert_eq!(count, 30);
    wal.snapshot_to(&empty.path().join("copy"), SnapshotMode::Copy)
        .expect("a snapshot");
}

#[test]
fn readers_behind_the_offsets_learn_of_the_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 0, 100);
    wal.create_checkpoint(b"a").expect("creates");
    append(&wal, 100, 100);
    let offset = wal.load_checkpoint(b"a").expect("loads").offsets[0];
    let mut behind = wal.iter_shard_with_ids(0, offset).expect("iterates");
    assert_eq!(behind.next().expect("one").expect("good").0, offset);
    let mut before = wal.iter_shard_with_ids(0, 0).expect("iterates");
    assert_eq!(before.next().expect("one").expect("good").0, 0);
    wal.rollback_to_checkpoint(b"a").expect("rolls back");
    let cut = behind.next().expect("an answer");
    assert!(matches!(cut, Err(Error::SuffixCut { .. })), "{cut:?}");
    let rest: Vec<u64> = before.map(|entry| entry.expect("good").0).collect();
    assert!(rest.into_iter().eq(1..offset));
}

#[test]
fn what_cannot_be_rolled_back_is_refused_before_anything_changes() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 0, 100);
    wal.create_checkpoint(b"old").expect("creates");
    append(&wal, 100, 200);
    wal.create_checkpoint(b"new").expect("creates");
    append(&wal, 300, 20);
    let before = entries(&wal);
    let unknown = wal.rollback_to_checkpoint(b"nix");
    assert!(
        matches!(unknown, Err(Error::CheckpointNotFound(_))),
        "{unknown:?}"
    );
    let bad = wal.rollback_to_checkpoint(b"");
    assert!(matches!(bad, Err(Error::InvalidCheckpointId(_))), "{bad:?}");
    wal.prune_before_checkpoint(b"new").expect("prunes");
    let pruned = wal.rollback_to_checkpoint(b"old");
    assert!(
        matches!(pruned, Err(Error::CheckpointPruned { .. })),
        "{pruned:?}"
    );
    // A shard was truncated beyond the checkpoint by a call that knows none.
    let shard = wal.inner().stream("shard_01").expect("a handle");
    let end = shard.next_id().expect("known");
    wal.create_checkpoint(b"newest").expect("creates");
    append(&wal, 320, 100);
    let first_of_segment = end / 10 * 10 + 10;
    assert!(
        wal.inner()
            .truncate("shard_01", first_of_segment)
            .expect("truncates")
            > 0
    );
    let truncated = wal.rollback_to_checkpoint(b"newest");
    assert!(
        matches!(truncated, Err(Error::CheckpointPruned { .. })),
        "{truncated:?}"
    );
    for (now, before) in entries(&wal).iter().zip(&before) {
        let last = before.last().expect("entries");
        assert!(now.last() > Some(last), "nothing was cut");
    }
    assert_eq!(ids(&wal).len(), 2);
    // A shard that is gone.
    let other = tempfile::tempdir().expect("a directory");
    let wal = open(other.path());
    append(&wal, 0, 100);
    wal.create_checkpoint(b"new").expect("creates");
    append(&wal, 100, 100);
    wal.inner().delete_stream("shard_02").expect("deletes");
    let gone = wal.rollback_to_checkpoint(b"new");
    assert!(matches!(gone, Err(Error::StreamNotFound(_))), "{gone:?}");
    let closed = wal.inner().clone();
    closed.close().expect("closes");
    let closed = wal.rollback_to_checkpoint(b"new");
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
}

/// Damage to `checkpoints.log` must not repeat a rollback that is finished, nor bring back a checkpoint that
/// one removed: entries appended since were cut, and shards were taken for lost.
#[test]
fn damage_to_the_records_of_a_rollback_costs_no_entry_and_no_shard() {
    for has_newer in [false, true] {
        let disk = SimulatedDisk::new();
        let options = || {
            let mut options = options(Path::new("/"));
            options.on_corruption = CorruptionPolicy::Truncate;
            options.background_sync = None;
            options
        };
        let open = |disk: &SimulatedDisk| {
            ShardedWal::open_simulated(disk, options(), ShardedOptions::new(SHARDS))
        };
        let wal = open(&disk).expect("opens");
        append(&wal, 0, 30);
        wal.create_checkpoint(b"a").expect("creates");
        append(&wal, 30, 40);
        wal.create_checkpoint(b"b").expect("creates");
        append(&wal, 70, 40);
        wal.rollback_to_checkpoint(b"a").expect("rolls back");
        append(&wal, 200, 9);
        if has_newer {
            wal.create_checkpoint(b"c").expect("creates");
            append(&wal, 300, 9);
        }
        let expected = entries(&wal);
        wal.close().expect("closes");
        let path = "/log/checkpoints.log";
        let good = disk.contents(path).expect("reads");
        let check = |bytes: &[u8], case: &str| {
            let disk = disk.kill();
            disk.put(path, bytes);
            let wal = open(&disk).unwrap_or_else(|error| panic!("{case}: {error}"));
            for shard in 0..SHARDS {
                let flushed = wal.flush_shard(shard);
                flushed.unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            assert_eq!(entries(&wal), expected, "{case}");
            let removed = wal.load_checkpoint(b"b");
            assert!(removed.is_err(), "{case}: {removed:?}");
        };
        for at in RECORDS_AT..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            check(&bytes, &format!("byte {at}, newer: {has_newer}"));
        }
        // A sector, or many, of which nothing can be believed.
        for from in (RECORDS_AT..good.len()).step_by(40) {
            for len in [80, 160, 512, 4096] {
                let mut bytes = good.clone();
                let end = good.len().min(from + len);
                bytes[from..end].fill(0xa5);
                check(&bytes, &format!("{from}..{end}, newer: {has_newer}"));
            }
        }
    }
}

/// The files of a log that was killed between the two records of a rollback to `a`, at several moments, and
/// where the record of `a` ends in its `checkpoints.log`. Shard 3 has no entry below `a`.
fn unfinished_rollbacks() -> (Vec<BTreeMap<PathBuf, Vec<u8>>>, usize) {
    let disk = SimulatedDisk::new();
    let mut options = options(Path::new("/"));
    options.background_sync = None;
    let wal = ShardedWal::open_simulated(&disk, options, ShardedOptions::new(SHARDS));
    let wal = wal.expect("opens");
    let append = |shard, count| {
        let mut keys = (0u32..).map(u32::to_le_bytes);
        let key = keys.find(|key| wal.shard_of(key) == shard).expect("a key");
        for _ in 0..count {
            wal.append(&key, b"entry").expect("appends");
        }
    };
    (0..SHARDS - 1).for_each(|shard| append(shard, 12));
    wal.create_checkpoint(b"a").expect("creates");
    let end_of_a = disk.contents("/log/checkpoints.log").expect("reads").len();
    (0..SHARDS).for_each(|shard| append(shard, 12));
    wal.create_checkpoint(b"b").expect("creates");
    let begun = disk.op_count();
    wal.rollback_to_checkpoint(b"a").expect("rolls back");
    let done = disk.op_count();
    let mut replay = disk.replay();
    let mut left = Vec::new();
    while replay.step_to_change() {
        if replay.op_index() <= begun || replay.op_index() >= done {
            continue;
        }
        let killed = replay.kill();
        let reader = Wal::open_read_only_simulated(&killed, WalOptions::new("/log"));
        let reader = reader.expect("opens");
        let ends: Vec<u64> = (0..SHARDS)
            .map(|shard| {
                let shard = reader.stream(&format!("shard_{shard:02}"));
                let end = shard.and_then(|shard| shard.next_id());
                end.expect("known")
            })
            .collect();
        // Some are cut and others are not, so the first record is there, and the second is not.
        if ends[0] == 12 && ends[3] == 12 {
            left.push(killed.files());
        }
    }
    assert!(left.len() > 3, "{} moments", left.len());
    let last = left.len() - 1;
    (vec![left.swap_remove(last), left.swap_remove(0)], end_of_a)
}

/// What becomes of the directory of a shard.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Missing,
    Empty,
    LinkToNothing,
    /// Its newest entries are gone.
    Short,
}

impl Loss {
    fn inflict(self, dir: &Path) {
        let mut names: Vec<PathBuf> = fs::read_dir(dir)
            .expect("lists")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        names.sort();
        if let Loss::Short = self {
            // All but the first segment.
            for name in names.iter().skip(1) {
                fs::remove_file(name).expect("removes");
            }
            return;
        }
        fs::remove_dir_all(dir).expect("removes");
        match self {
            Loss::Empty => fs::create_dir(dir).expect("creates"),
            #[cfg(unix)]
            Loss::LinkToNothing => {
                std::os::unix::fs::symlink("/nowhere/at/all", dir).expect("links");
            }
            _ => {}
        }
    }
}

fn put_back(files: &BTreeMap<PathBuf, Vec<u8>>, root: &Path, shard: &str) {
    let dir = root.join("log").join(shard);
    if fs::symlink_metadata(&dir).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(&dir).expect("removes");
    }
    for (path, bytes) in files {
        if path.starts_with(Path::new("/log").join(shard)) {
            let path = root.join(path.strip_prefix("/").expect("absolute"));
            fs::create_dir_all(path.parent().expect("a directory")).expect("creates");
            fs::write(path, bytes).expect("writes");
        }
    }
}

/// A shard whose directory was lost while a rollback was unfinished passed for one that is cut, where damage
/// hid the offsets in the checkpoint itself: the open succeeded, and the shard began at id 0 beside shards that were at the checkpoint.
#[test]
fn a_shard_lost_in_an_unfinished_rollback_refuses_the_open_until_it_is_back() {
    let (moments, end_of_a) = unfinished_rollbacks();
    let losses = [Loss::Missing, Loss::Empty, Loss::LinkToNothing, Loss::Short];
    let mut refused = 0;
    for (nth, files) in moments.iter().enumerate() {
        let flips = (RECORDS_AT..end_of_a).step_by(9).map(Some);
        for flip in std::iter::once(None).chain(flips) {
            for loss in losses {
                if cfg!(not(unix)) && matches!(loss, Loss::LinkToNothing) {
                    continue;
                }
                for shard in [0, 2, 3] {
                    let case = format!("moment {nth}, byte {flip:?}, shard {shard}, {loss:?}");
                    if shard == 3 && matches!(loss, Loss::LinkToNothing) {
                        continue;
                    }
                    // The records of `a` and the shard's: both may be hit.
                    if flip.is_some() && !matches!(loss, Loss::Missing | Loss::Short) {
                        continue;
                    }
                    let root = tempfile::tempdir().expect("a directory");
                    put_back(files, root.path(), "");
                    let name = format!("shard_{shard:02}");
                    let lost = root.path().join("log").join(&name);
                    let checkpoints = root.path().join("log/checkpoints.log");
                    if let Some(at) = flip {
                        let mut bytes = fs::read(&checkpoints).expect("reads");
                        bytes[at] ^= 1;
                        fs::write(&checkpoints, bytes).expect("writes");
                    }
                    loss.inflict(&lost);
                    let open = |policy| {
                        let mut options = options(root.path());
                        options.on_corruption = policy;
                        ShardedWal::new(options, SHARDS)
                    };
                    // Nothing of shard 3 belongs to the checkpoint. Behind a link to nothing it takes no appends.
                    let is_needed = shard != 3;
                    for policy in [CorruptionPolicy::Error, CorruptionPolicy::Truncate] {
                        if !is_needed {
                            continue;
                        }
                        let error = match open(policy) {
                            Ok(_) => panic!("{case}, {policy:?}: opened"),
                            Err(error) => error.to_string(),
                        };
                        let is_strict = matches!(policy, CorruptionPolicy::Error);
                        assert!(
                            error.contains(&name) || flip.is_some() && is_strict,
                            "{case}: {error}"
                        );
                        refused += 1;
                    }
                    if is_needed {
                        // In place of what is left: recovery has recorded there what is lost.
                        if lost.is_dir() {
                            fs::remove_dir_all(&lost).expect("removes");
                        }
                        put_back(files, root.path(), &name);
                    }
                    let wal = open(CorruptionPolicy::Truncate);
                    let wal = wal.unwrap_or_else(|error| panic!("{case}: {error}"));
                    let ends: Vec<usize> = entries(&wal).iter().map(Vec::len).collect();
                    assert_eq!(ends, [12, 12, 12, 0], "{case}");
                    append(&wal, 0, 20);
                    wal.flush_all()
                        .unwrap_or_else(|error| panic!("{case}: {error}"));
                }
            }
        }
    }
    println!("{refused} refused");
}

/// It was committed, and could not be carried out: the log was poisoned, and no later open succeeded.
#[test]
fn a_shard_truncated_beyond_the_checkpoint_meanwhile_refuses_the_rollback_and_harms_nothing() {
    let mut refused = 0;
    for round in 0..150 {
        let disk = SimulatedDisk::new();
        let open = || {
            let mut options = options(Path::new("/"));
            options.background_sync = None;
            ShardedWal::open_simulated(&disk, options, ShardedOptions::new(1))
        };
        let wal = open().expect("opens");
        append(&wal, 0, 10);
        wal.create_checkpoint(b"a").expect("creates");
        append(&wal, 10, 30);
        let start = std::sync::Barrier::new(2);
        let rolled_back = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for _ in 0..round % 50 {
                    std::hint::spin_loop();
                }
                // Nothing lies below 30, if the shard was cut before.
                wal.inner().truncate("shard_00", 30).expect("truncates");
            });
            start.wait();
            wal.rollback_to_checkpoint(b"a")
        });
        match rolled_back {
            Ok(()) => {}
            Err(Error::CheckpointPruned { .. }) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
        append(&wal, 100, 1);
        wal.close().expect("closes");
        open().unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    println!("{refused} refused");
}

/// The deletion of a shard counts as one before the rollback, which is refused, or as one behind it.
#[test]
fn a_shard_deleted_meanwhile_leaves_no_rollback_that_cannot_be_finished() {
    let mut refused = 0;
    for round in 0..150 {
        let disk = SimulatedDisk::new();
        let open = || {
            let mut options = options(Path::new("/"));
            options.on_corruption = CorruptionPolicy::Truncate;
            options.background_sync = None;
            ShardedWal::open_simulated(&disk, options, ShardedOptions::new(2))
        };
        let wal = open().expect("opens");
        append(&wal, 0, 10);
        wal.create_checkpoint(b"a").expect("creates");
        append(&wal, 10, 30);
        let start = std::sync::Barrier::new(2);
        let rolled_back = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for _ in 0..round * 20 {
                    std::hint::spin_loop();
                }
                wal.inner().delete_stream("shard_00").expect("deletes");
            });
            start.wait();
            wal.rollback_to_checkpoint(b"a")
        });
        match rolled_back {
            Ok(()) => {}
            Err(Error::StreamNotFound(_)) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
        wal.flush_shard(1)
            .unwrap_or_else(|error| panic!("round {round}: {rolled_back:?}, {error}"));
        drop(wal);
        let wal = open().unwrap_or_else(|error| panic!("round {round}: {error}"));
        wal.flush_shard(1).expect("the other shard is served");
    }
    println!("{refused} refused");
}

/// Ends the threads of a test, also where it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two threads append causes and effects; rollbacks, checkpoints, cuts and snapshots run beside them.
#[test]
fn under_load_no_effect_stays_without_its_cause_and_nothing_waits_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(dir.path());
    options.max_entries_per_segment = 500;
    let wal = ShardedWal::new(options, SHARDS).expect("opens");
    wal.create_checkpoint(b"start").expect("creates");
    let stop = AtomicBool::new(false);
    // A key of each shard.
    let keys: Vec<[u8; 4]> = (0..SHARDS)
        .map(|shard| {
            let mut keys = (0u32..).map(u32::to_le_bytes);
            keys.find(|key| wal.shard_of(key) == shard).expect("a key")
        })
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0u64;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                wal.append(&keys[0], &number.to_le_bytes())
                    .expect("appends");
                wal.append(&keys[1], &number.to_le_bytes())
                    .expect("appends");
                // A log that grows faster than it is copied makes no more of the test.
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        });
        scope.spawn(|| {
            // Takes the locks of one shard in the order of a cut.
            while !stop.load(Ordering::Relaxed) {
                let shard = wal.inner().stream("shard_03").expect("a handle");
                let _ = wal.append(&keys[3], b"value");
                // Refused below the newest checkpoint.
                let _ = shard.truncate_suffix(shard.next_id().expect("known").saturating_sub(1));
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
        scope.spawn(|| {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let copy = dir.path().join(format!("copy-{number}"));
                wal.snapshot_to(&copy, SnapshotMode::Link)
                    .expect("a snapshot");
                std::fs::remove_dir_all(copy).expect("removes");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        let _stop = Stop(&stop);
        for round in 0..8u32 {
            let id = round.to_le_bytes();
            // Refused while a suffix of a shard is being cut.
            while let Err(error) = wal.create_checkpoint(&id) {
                assert!(matches!(error, Error::Config(_)), "{error}");
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
            wal.rollback_to_checkpoint(&id).expect("rolls back");
            let mut newest = [0u64; 2];
            // First what may be an effect.
            for shard in [1, 0] {
                let last = wal.iter_shard(shard, 0).expect("iterates").last();
                let Some(last) = last.transpose().unwrap_or_default() else {
                    continue;
                };
                newest[usize::from(shard)] =
                    u64::from_le_bytes(last.try_into().expect("eight bytes"));
            }
            assert!(newest[1] <= newest[0], "{newest:?}");
        }
    });
    wal.rollback_to_checkpoint(b"start").expect("rolls back");
    assert!(entries(&wal).iter().all(Vec::is_empty));
}
