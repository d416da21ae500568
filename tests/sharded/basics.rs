//! A sharded log keeps what it is given, routes alike for ever, and refuses what it must refuse.
//! Old bug (0.6): `flush` made nothing durable; a batch was synced shard after shard.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use ironwal::CheckpointData;
use ironwal::Error;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

fn options(dir: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new(dir);
    options.sync_mode = sync_mode;
    options
}

fn open(dir: &Path, shard_count: u16) -> ShardedWal {
    ShardedWal::new(options(dir, SyncMode::Async), shard_count).expect("opens")
}

fn key(n: u32) -> Vec<u8> {
    format!("account-{n}").into_bytes()
}

fn contents(wal: &ShardedWal, shard: u16, start: u64) -> Vec<Vec<u8>> {
    let entries = wal.iter_shard(shard, start).expect("iterates");
    entries.map(|entry| entry.expect("good")).collect()
}

#[test]
fn entries_land_in_the_shard_of_their_key_and_survive_reopening() {
    for mode in MODES {
        let dir = tempfile::tempdir().expect("a directory");
        let wal = ShardedWal::new(options(dir.path(), mode), 5).expect("opens");
        let mut expected = vec![Vec::new(); 5];
        for n in 0..100 {
            let value = format!("value {n}").into_bytes();
            let (shard, id) = wal.append(&key(n), &value).expect("appends");
            assert_eq!(shard, ironwal::sharded::route(&key(n), 5));
            assert_eq!(id, expected[usize::from(shard)].len() as u64);
            expected[usize::from(shard)].push(value);
        }
        drop(wal);
        let wal = ShardedWal::new(options(dir.path(), mode), 5).expect("opens");
        for shard in 0..5 {
            assert_eq!(contents(&wal, shard, 0), expected[usize::from(shard)]);
            let stream = ironwal::sharded::shard_stream_name(shard);
            let first = wal.inner().get(&stream, 0).expect("reads");
            assert_eq!(first.as_ref(), expected[usize::from(shard)].first());
        }
    }
}

#[test]
fn a_batch_answers_in_the_order_given_and_keeps_it_within_a_shard() {
    for mode in MODES {
        let dir = tempfile::tempdir().expect("a directory");
        let wal = ShardedWal::new(options(dir.path(), mode), 7).expect("opens");
        for round in 0..3 {
            let entry = |n: u32| (key(n % 23), format!("{round}/{n}").into_bytes());
            let entries: Vec<_> = (0..100).map(entry).collect();
            let places = wal.append_batch(&entries).expect("appends");
            for ((key, value), (shard, id)) in entries.iter().zip(&places) {
                assert_eq!(*shard, wal.shard_of(key));
                let stream = ironwal::sharded::shard_stream_name(*shard);
                let stored = wal.inner().get(&stream, *id).expect("reads");
                assert_eq!(stored.as_ref(), Some(value));
            }
            for pair in places.windows(2) {
                let same_shard: Vec<_> = places.iter().filter(|p| p.0 == pair[0].0).collect();
                assert!(same_shard.windows(2).all(|two| two[0].1 + 1 == two[1].1));
            }
        }
        assert_eq!(wal.append_batch(&[]).expect("nothing"), []);
        let durable = mode != SyncMode::Async;
        for shard in 0..7 {
            let stream = wal
                .inner()
                .stream(&ironwal::sharded::shard_stream_name(shard));
            let stream = stream.expect("a handle");
            if durable {
                assert_eq!(stream.durable_end().ok(), stream.next_id().ok(), "{mode:?}");
            }
        }
    }
}

#[test]
fn a_batch_for_one_key_is_one_frame_under_either_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path(), 3);
    let first = wal.append_batch_for_key(b"k", &[b"a", b"", b"c"]);
    let shard = wal.shard_of(b"k");
    assert_eq!(
        first.expect("appends"),
        [(shard, 0), (shard, 1), (shard, 2)]
    );
    let second = wal.append_batch_single_key(b"k", &[b"d"]);
    assert_eq!(second.expect("appends"), [(shard, 3)]);
    assert_eq!(wal.append_batch_for_key(b"k", &[]).expect("nothing"), []);
    assert_eq!(contents(&wal, shard, 1), [&b""[..], b"c", b"d"]);
}

#[test]
fn flushing_makes_durable_in_every_mode() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut quiet = options(dir.path(), SyncMode::Async);
    quiet.background_sync = None;
    let wal = ShardedWal::new(quiet, 4).expect("opens");
    let durable = |wal: &ShardedWal, shard: u16| {
        let stream = wal
            .inner()
            .stream(&ironwal::sharded::shard_stream_name(shard));
        let stream = stream.expect("a handle");
        stream.durable_end().ok() == stream.next_id().ok()
    };
    for n in 0..40 {
        wal.append(&key(n), b"x").expect("appends");
    }
    assert!((0..4).all(|shard| !durable(&wal, shard)));
    wal.flush_shard(2).expect("flushes");
    assert_eq!(
        [0, 1, 2, 3].map(|shard| durable(&wal, shard)),
        [false, false, true, false]
    );
    wal.flush_all().expect("flushes");
    assert!((0..4).all(|shard| durable(&wal, shard)));
}

#[test]
fn the_shard_count_is_fixed_by_the_first_open_even_without_an_append() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path(), 4));
    for wrong in [1, 3, 5, u16::MAX] {
        match ShardedWal::new(options(dir.path(), SyncMode::Async), wrong) {
            Err(Error::ShardCountMismatch { expected, found: 4 }) => assert_eq!(expected, wrong),
            other => panic!("{other:?}"),
        }
    }
    drop(open(dir.path(), 4));
}

#[test]
fn a_damaged_or_lost_record_of_the_count_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path(), 4);
    wal.append(b"k", b"v").expect("appends");
    drop(wal);
    let meta = dir.path().join("shards.meta");
    let good = std::fs::read(&meta).expect("reads");
    let reopened = || ShardedWal::new(options(dir.path(), SyncMode::Async), 4);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&meta, &bad).expect("writes");
        let result = reopened();
        assert!(
            matches!(result, Err(Error::Corruption(_))),
            "byte {at}: {result:?}"
        );
    }
    for bad in [&good[..0], &good[..511], &[&good[..], b"x"].concat()] {
        std::fs::write(&meta, bad).expect("writes");
        assert!(matches!(reopened(), Err(Error::Corruption(_))));
    }
    std::fs::remove_file(&meta).expect("removes");
    assert!(matches!(reopened(), Err(Error::Corruption(_))));
    std::fs::write(&meta, &good).expect("writes");
    assert_eq!(
        contents(
            &reopened().expect("opens"),
            ironwal::sharded::route(b"k", 4),
            0
        ),
        [b"v"]
    );
}

#[test]
fn counts_from_1_to_65535_work() {
    for count in [1, 100, 1000, u16::MAX] {
        let dir = tempfile::tempdir().expect("a directory");
        let wal = open(dir.path(), count);
        let (shard, _) = wal.append(b"k", b"v").expect("appends");
        wal.create_checkpoint(b"c").expect("creates");
        let data = wal.load_checkpoint(b"c").expect("loads");
        assert_eq!(
            (data.shard_count, data.offsets.len()),
            (count, usize::from(count))
        );
        assert_eq!(data.offsets[usize::from(shard)], 1);
        drop(wal);
        let latest = open(dir.path(), count).load_latest_checkpoint();
        assert_eq!(latest.expect("loads"), (b"c".to_vec(), data));
    }
}

#[test]
fn what_must_be_refused_is_refused_with_its_own_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let zero = ShardedWal::new(options(&dir.path().join("none"), SyncMode::Async), 0);
    assert!(matches!(zero, Err(Error::Config(_))));
    assert!(!dir.path().join("none").exists(), "nothing is made");
    let wal = open(dir.path(), 4);
    assert!(matches!(
        wal.iter_shard(4, 0).map(drop),
        Err(Error::Config(_))
    ));
    assert!(matches!(
        wal.iter_shard_with_ids(4, 0).map(drop),
        Err(Error::Config(_))
    ));
    assert!(matches!(wal.flush_shard(4), Err(Error::Config(_))));
    assert!(matches!(
        wal.load_latest_checkpoint(),
        Err(Error::NoCheckpoints)
    ));
    for bad in [vec![], vec![0; 65_536]] {
        assert!(matches!(
            wal.create_checkpoint(&bad),
            Err(Error::InvalidCheckpointId(_))
        ));
        assert!(matches!(
            wal.load_checkpoint(&bad),
            Err(Error::InvalidCheckpointId(_))
        ));
        assert!(matches!(
            wal.prune_before_checkpoint(&bad),
            Err(Error::InvalidCheckpointId(_))
        ));
    }
    match wal.load_checkpoint(b"unknown") {
        Err(Error::CheckpointNotFound(id)) => assert_eq!(id, "unknown"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        wal.prune_before_checkpoint(b"x"),
        Err(Error::CheckpointNotFound(_))
    ));
}

#[test]
fn deleting_a_shard_behind_the_logs_back_is_reported_now_and_after_reopening() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path(), 2);
    for n in 0..10 {
        wal.append(&key(n), b"x").expect("appends");
    }
    wal.create_checkpoint(b"before").expect("creates");
    wal.inner().delete_stream("shard_00").expect("deletes");
    let in_0 = (0..)
        .map(key)
        .find(|key| wal.shard_of(key) == 0)
        .expect("a key");
    let in_1 = (0..)
        .map(key)
        .find(|key| wal.shard_of(key) == 1)
        .expect("a key");
    let is_gone = |error: Error| matches!(error, Error::StreamNotFound(key) if key == "shard_00");
    assert!(is_gone(wal.append(&in_0, b"x").expect_err("deleted")));
    assert!(is_gone(
        wal.create_checkpoint(b"after").expect_err("deleted")
    ));
    wal.append(&in_1, b"x").expect("the other shard is served");
    drop(wal);
    let wal = open(dir.path(), 2);
    assert!(matches!(wal.append(&in_0, b"x"), Err(Error::Corruption(_))));
    assert!(matches!(
        wal.iter_shard(0, 0).map(drop),
        Err(Error::Corruption(_))
    ));
    assert!(matches!(
        wal.create_checkpoint(b"c"),
        Err(Error::Corruption(_))
    ));
    assert!(matches!(wal.flush_all(), Err(Error::Corruption(_))));
    wal.append(&in_1, b"x").expect("the other shard is served");
    wal.load_checkpoint(b"before")
        .expect("what it counted on is reported");
    drop(wal);
    let mut strict = options(dir.path(), SyncMode::Async);
    strict.on_corruption = ironwal::CorruptionPolicy::Error;
    assert!(matches!(
        ShardedWal::new(strict, 2),
        Err(Error::Corruption(_))
    ));
}

#[test]
fn a_small_file_cache_is_warned_of_through_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    for (most, expected) in [(3, 1), (4, 0)] {
        let messages = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&messages);
        let mut options = options(dir.path(), SyncMode::Async);
        options.max_open_segments = most;
        let wal = Wal::open_logging(
            options,
            Arc::new(move |level, message: &str| {
                if level == log::Level::Warn {
                    sink.lock().expect("a sink").push(message.to_owned());
                }
            }),
        );
        let wal = ShardedWal::on(wal.expect("opens"), ShardedOptions::new(4)).expect("opens");
        assert_eq!(messages.lock().expect("a sink").len(), expected);
        drop(wal);
    }
}

#[test]
fn only_one_sharded_log_at_a_time_writes_the_checkpoints_of_a_log() {
    // Two would write their records to the same place.
    let dir = tempfile::tempdir().expect("a directory");
    let wal = Wal::new(options(dir.path(), SyncMode::Async)).expect("opens");
    let on = || ShardedWal::on(wal.clone(), ShardedOptions::new(2));
    let first = on().expect("opens");
    assert!(matches!(on(), Err(Error::Config(_))));
    first.create_checkpoint(b"c").expect("creates");
    drop(first);
    let again = on().expect("opens once the other is gone");
    again.load_checkpoint(b"c").expect("is there");
    again.create_checkpoint(b"d").expect("creates");
}

#[test]
fn a_closed_log_answers_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let wal = open(dir.path(), 2);
    wal.create_checkpoint(b"c").expect("creates");
    wal.inner().clone().close().expect("closes");
    assert!(matches!(wal.append(b"k", b"v"), Err(Error::Closed)));
    assert!(matches!(wal.append_batch(&[]), Err(Error::Closed)));
    assert!(matches!(wal.create_checkpoint(b"d"), Err(Error::Closed)));
    assert!(matches!(wal.load_checkpoint(b"c"), Err(Error::Closed)));
    assert!(matches!(wal.compact_checkpoints(1), Err(Error::Closed)));
    assert!(matches!(
        wal.prune_before_checkpoint(b"c"),
        Err(Error::Closed)
    ));
    assert!(matches!(wal.flush_all(), Err(Error::Closed)));
    let again = open(dir.path(), 2);
    assert_eq!(again.checkpoint_count(), 1);
    again.close().expect("closes");
}

#[test]
fn a_sharded_log_is_shared_by_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<ShardedWal>();
    is_shared::<CheckpointData>();
}

#[test]
fn checkpoints_of_a_live_writer_are_not_recovered_through_a_log_that_is_open_read_only() {
    // Recovery wrote the tail and a slot of the file again, beneath the process that writes it.
    let place = tempfile::tempdir().expect("a directory");
    let options = ironwal::WalOptions::new(place.path());
    let writer = ironwal::ShardedWal::new(options.clone(), 2).expect("opens");
    writer.append(b"key", b"value").expect("appends");
    writer.create_checkpoint(b"one").expect("creates");
    let file = place.path().join("checkpoints.log");
    let before = std::fs::read(&file).expect("reads");
    let reader = ironwal::Wal::open_read_only(options).expect("opens");
    let opened = ironwal::ShardedWal::on(reader, ironwal::ShardedOptions::new(2));
    assert_eq!(std::fs::read(&file).expect("reads"), before);
    assert!(matches!(opened, Err(ironwal::Error::ReadOnly)));
    writer.create_checkpoint(b"two").expect("creates");
    assert_eq!(writer.checkpoint_count(), 2);
}
