//! The procedures of `docs/SHARDED_WAL.md` do what it says. Each test is named after its section.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ironwal::CheckpointData;
use ironwal::Error;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::sharded::shard_stream_name;

const SHARDS: u16 = 4;

fn options(dir: &Path) -> WalOptions {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::Async;
    options.max_entries_per_segment = 8;
    options
}

fn open(dir: &Path) -> ShardedWal {
    ShardedWal::new(options(dir), SHARDS).expect("opens")
}

/// Transfers of accounts; the entry holds the key, because the log does not.
fn transfer(n: u32) -> (Vec<u8>, Vec<u8>) {
    let account = format!("account-{}", n % 17);
    let entry = format!("{account}:{n}");
    (account.into_bytes(), entry.into_bytes())
}

fn key_of(entry: &[u8]) -> Vec<u8> {
    let end = entry.iter().position(|byte| *byte == b':').expect("a key");
    entry[..end].to_vec()
}

fn append(wal: &ShardedWal, transfers: std::ops::Range<u32>) {
    for n in transfers {
        let (key, entry) = transfer(n);
        wal.append(&key, &entry).expect("appends");
    }
}

type History = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// All entries by key, in order.
fn history(wal: &ShardedWal, from: Option<&CheckpointData>) -> History {
    let mut history = History::new();
    for shard in 0..wal.shard_count() {
        let start = from.map_or(0, |data| data.offsets[usize::from(shard)]);
        for entry in wal.iter_shard(shard, start).expect("iterates") {
            let entry = entry.expect("good");
            history.entry(key_of(&entry)).or_default().push(entry);
        }
    }
    history
}

fn expected(transfers: std::ops::Range<u32>) -> History {
    let mut history = History::new();
    for (key, entry) in transfers.map(transfer) {
        history.entry(key).or_default().push(entry);
    }
    history
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes");
    for entry in fs::read_dir(from).expect("lists") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_dir(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copies")),
        }
    }
}

#[test]
fn restart_restores_a_snapshot_and_replays_from_its_checkpoint() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 0..100);
    wal.create_checkpoint(b"snapshot-1").expect("creates");
    let snapshot = history(&wal, None);
    append(&wal, 100..150);
    drop(wal);
    let wal = open(dir.path());
    let (id, data) = wal.load_latest_checkpoint().expect("loads");
    assert_eq!(id, b"snapshot-1");
    let mut restored = snapshot;
    for (key, entries) in history(&wal, Some(&data)) {
        restored.entry(key).or_default().extend(entries);
    }
    assert_eq!(restored, expected(0..150));
}

#[test]
fn backup_of_a_closed_log_is_a_copy_of_its_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(&dir.path().join("log"));
    append(&wal, 0..100);
    wal.create_checkpoint(b"backup").expect("creates");
    wal.close().expect("closes");
    copy_dir(&dir.path().join("log"), &dir.path().join("copy"));
    let copy = open(&dir.path().join("copy"));
    assert_eq!(history(&copy, None), expected(0..100));
    copy.load_checkpoint(b"backup").expect("loads");
}

#[test]
fn backup_of_a_log_in_use_reads_each_shard_up_to_a_checkpoint() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(&dir.path().join("log"));
    append(&wal, 0..100);
    wal.create_checkpoint(b"backup").expect("creates");
    append(&wal, 100..150);
    let data = wal.load_checkpoint(b"backup").expect("loads");
    let copy = open(&dir.path().join("copy"));
    for (shard, offset) in (0..).zip(&data.offsets) {
        let stream = copy
            .inner()
            .stream(&shard_stream_name(shard))
            .expect("a handle");
        for entry in wal.iter_shard_with_ids(shard, 0).expect("iterates") {
            let (id, entry) = entry.expect("good");
            if id >= *offset {
                break;
            }
            assert_eq!(stream.append(&entry).expect("appends"), id);
        }
    }
    copy.create_checkpoint(b"backup").expect("creates");
    assert_eq!(
        copy.load_checkpoint(b"backup").expect("loads").offsets,
        data.offsets
    );
    assert_eq!(history(&copy, None), expected(0..100));
}

#[test]
fn a_lost_checkpoint_log_costs_a_replay_from_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 0..100);
    wal.create_checkpoint(b"c").expect("creates");
    drop(wal);
    fs::remove_file(dir.path().join("checkpoints.log")).expect("removes");
    let wal = open(dir.path());
    assert!(matches!(
        wal.load_latest_checkpoint(),
        Err(Error::NoCheckpoints)
    ));
    assert_eq!(history(&wal, None), expected(0..100));
    wal.create_checkpoint(b"anew").expect("creates");
    drop(wal);
    let latest = open(dir.path()).load_latest_checkpoint().expect("loads");
    assert_eq!(latest.0, b"anew");
}

#[test]
fn a_damaged_newest_checkpoint_leaves_the_older_ones_by_id() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path());
    append(&wal, 0..50);
    wal.create_checkpoint(b"older").expect("creates");
    append(&wal, 50..100);
    wal.create_checkpoint(b"newest").expect("creates");
    drop(wal);
    let log = dir.path().join("checkpoints.log");
    let mut bytes = fs::read(&log).expect("reads");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(&log, bytes).expect("writes");
    let wal = open(dir.path());
    for damaged in [
        wal.load_latest_checkpoint().map(drop),
        wal.load_checkpoint(b"newest").map(drop),
    ] {
        assert!(matches!(damaged, Err(Error::CheckpointCorrupted { .. })));
    }
    let data = wal.load_checkpoint(b"older").expect("loads");
    assert_eq!(history(&wal, Some(&data)), expected(50..100));
    wal.create_checkpoint(b"anew").expect("creates");
    wal.compact_checkpoints(10).expect("compacts");
    let ids: Vec<_> = wal
        .list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [&b"older"[..], b"anew"]);
}

#[test]
fn a_lost_shard_is_restored_from_a_copy_or_given_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let wal = open(&log);
    append(&wal, 0..100);
    wal.create_checkpoint(b"c").expect("creates");
    wal.close().expect("closes");
    copy_dir(&log, &dir.path().join("copy"));
    fs::remove_dir_all(log.join("shard_01")).expect("removes");
    let wal = open(&log);
    let lost = wal.iter_shard(1, 0).map(drop);
    assert!(matches!(lost, Err(Error::Corruption(_))), "{lost:?}");
    wal.iter_shard(0, 0).expect("the others are served");
    drop(wal);
    copy_dir(&dir.path().join("copy/shard_01"), &log.join("shard_01"));
    assert_eq!(history(&open(&log), None), expected(0..100));
    // Given up.
    fs::remove_dir_all(log.join("shard_01")).expect("removes");
    open(&log)
        .compact_checkpoints(0)
        .expect("gives up all checkpoints");
    let wal = open(&log);
    assert_eq!(wal.iter_shard(1, 0).expect("starts anew").count(), 0);
    append(&wal, 100..150);
    wal.create_checkpoint(b"anew").expect("creates");
}

#[test]
fn a_lost_record_of_the_shard_count_is_taken_from_an_empty_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    append(&open(&log), 0..50);
    fs::remove_file(log.join("shards.meta")).expect("removes");
    let refused = ShardedWal::new(options(&log), SHARDS).map(drop);
    assert!(matches!(refused, Err(Error::Corruption(_))), "{refused:?}");
    drop(open(&dir.path().join("empty")));
    let record = dir.path().join("empty/shards.meta");
    fs::copy(record, log.join("shards.meta")).expect("copies");
    assert_eq!(history(&open(&log), None), expected(0..50));
}

#[test]
fn another_shard_count_is_reached_by_replay_into_a_new_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let old = open(&dir.path().join("old"));
    append(&old, 0..200);
    let new = ShardedWal::new(options(&dir.path().join("new")), 7).expect("opens");
    for shard in 0..old.shard_count() {
        for entry in old.iter_shard(shard, 0).expect("iterates") {
            let entry = entry.expect("good");
            new.append(&key_of(&entry), &entry).expect("appends");
        }
    }
    new.flush_all().expect("flushes");
    new.create_checkpoint(b"resharded").expect("creates");
    assert_eq!(history(&new, None), expected(0..200));
    assert_eq!(history(&new, None), history(&old, None));
}

#[test]
fn one_stream_is_migrated_by_replay() {
    let dir = tempfile::tempdir().expect("a directory");
    let single = Wal::new(options(&dir.path().join("single"))).expect("opens");
    for n in 0..100 {
        single.append("transfers", &transfer(n).1).expect("appends");
    }
    let sharded = open(&dir.path().join("sharded"));
    for entry in single.iter("transfers", 0).expect("iterates") {
        let entry = entry.expect("good");
        sharded.append(&key_of(&entry), &entry).expect("appends");
    }
    sharded.create_checkpoint(b"migrated").expect("creates");
    assert_eq!(history(&sharded, None), expected(0..100));
}

#[test]
fn dual_writing_lets_readers_move_when_both_logs_agree() {
    let dir = tempfile::tempdir().expect("a directory");
    let single = Wal::new(options(&dir.path().join("single"))).expect("opens");
    let write_single = |n| single.append("transfers", &transfer(n).1).expect("appends");
    for n in 0..50 {
        write_single(n);
    }
    // From here on both are written; what is older is replayed up to the first id written to both.
    let sharded = open(&dir.path().join("sharded"));
    let first_in_both = 50;
    for entry in single.iter_with_ids("transfers", 0).expect("iterates") {
        let (id, entry) = entry.expect("good");
        assert!(id < first_in_both);
        sharded.append(&key_of(&entry), &entry).expect("appends");
    }
    for n in 50..100 {
        write_single(n);
        append(&sharded, n..n + 1);
    }
    let mut from_single = History::new();
    for entry in single.iter("transfers", 0).expect("iterates") {
        let entry = entry.expect("good");
        from_single.entry(key_of(&entry)).or_default().push(entry);
    }
    assert_eq!(history(&sharded, None), from_single);
}

#[test]
fn a_shard_directory_may_be_a_link_to_another_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, other_disk) = (dir.path().join("log"), dir.path().join("disk2"));
    let wal = open(&log);
    append(&wal, 0..60);
    wal.close().expect("closes");
    fs::create_dir(&other_disk).expect("makes");
    fs::rename(log.join("shard_02"), other_disk.join("shard_02")).expect("moves");
    std::os::unix::fs::symlink(other_disk.join("shard_02"), log.join("shard_02")).expect("links");
    let wal = open(&log);
    append(&wal, 60..200);
    wal.create_checkpoint(b"c").expect("creates");
    assert_eq!(history(&wal, None), expected(0..200));
    let stats = wal.prune_before_checkpoint(b"c").expect("prunes");
    assert_eq!(stats.shards_pruned, SHARDS);
    append(&wal, 200..220);
    drop(wal);
    let wal = open(&log);
    let data = wal.load_checkpoint(b"c").expect("loads");
    assert_eq!(history(&wal, Some(&data)), expected(200..220));
    let there = fs::read_dir(other_disk.join("shard_02"))
        .expect("lists")
        .count();
    assert!(there > 0);
}

#[test]
fn shards_on_several_disks_belong_to_one_log_and_are_deleted_as_a_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, other) = (dir.path().join("log"), dir.path().join("other"));
    let disk = dir.path().join("disk");
    for root in [&log, &other] {
        let wal = open(root);
        append(&wal, 0..60);
        drop(wal);
        fs::create_dir_all(&disk).expect("makes");
        let shard = disk.join("shard_02");
        if !shard.exists() {
            fs::rename(root.join("shard_02"), &shard).expect("moves");
        } else {
            fs::remove_dir_all(root.join("shard_02")).expect("removes");
        }
        std::os::unix::fs::symlink(shard, root.join("shard_02")).expect("links");
    }
    let wal = open(&log);
    let in_2 = (0..)
        .map(|n| transfer(n).0)
        .find(|key| wal.shard_of(key) == 2);
    let in_2 = in_2.expect("a key");
    let before = history(&wal, None);
    let refused_to_other = || {
        let opened = ShardedWal::new(options(&other), SHARDS);
        let refused = opened.and_then(|second| second.append(&in_2, b"other").map(|_| ()));
        let refused = refused.expect_err("the shard is another log's");
        let is_clear = matches!(refused, Error::Locked(_) | Error::InvalidFilename(_));
        assert!(is_clear, "{refused}");
    };
    // While the first has it open, and later.
    refused_to_other();
    assert_eq!(history(&wal, None), before);
    drop(wal);
    refused_to_other();
    let wal = open(&log);
    assert_eq!(history(&wal, None), before);
    wal.inner().delete_stream("shard_02").expect("deletes");
    assert_eq!(
        fs::read_dir(disk.join("shard_02")).expect("lists").count(),
        0
    );
    assert!(fs::symlink_metadata(log.join("shard_02")).is_err());
}

#[test]
fn two_sharded_logs_never_mix_their_archives_and_shards_are_pruned_at_once_into_a_missing_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let archiving = |log: &str| {
        let mut options = options(&dir.path().join(log));
        options.archive_path = Some(dir.path().join("archive"));
        options
    };
    let one = ShardedWal::new(archiving("one"), SHARDS).expect("opens");
    let two = ShardedWal::new(archiving("two"), SHARDS).expect("opens");
    for wal in [&one, &two] {
        append(wal, 0..300);
        wal.create_checkpoint(b"c").expect("creates");
    }
    let stats = one
        .prune_before_checkpoint(b"c")
        .expect("prunes all at once");
    assert_eq!(stats.shards_pruned, SHARDS);
    let archived = |shard: u16| {
        let dir = dir.path().join("archive").join(shard_stream_name(shard));
        let files = fs::read_dir(dir).expect("lists");
        let read = |entry: std::io::Result<fs::DirEntry>| {
            let path = entry.expect("an entry").path();
            (path.clone(), fs::read(path).expect("reads"))
        };
        files.map(read).collect::<BTreeMap<_, _>>()
    };
    let before: Vec<_> = (0..SHARDS).map(archived).collect();
    let refused = two
        .prune_before_checkpoint(b"c")
        .expect_err("another log's archive");
    assert!(matches!(refused, Error::Config(_)), "{refused}");
    assert_eq!((0..SHARDS).map(archived).collect::<Vec<_>>(), before);
    drop(two);
    let refused = ShardedWal::new(archiving("two"), SHARDS).expect_err("another log's archive");
    assert!(matches!(refused, Error::Config(_)), "{refused}");
}
