//! A sharded log is read while another process appends, makes, prunes, compacts and rolls back checkpoints,
//! closes, is killed and recovers: each checkpoint shown is a consistent cut, and the shards hold what it
//! refers to.

use std::path::Path;

use ironwal::*;

use crate::follow::Writer;
use crate::support::copy_dir;
use crate::support::everything;
use crate::support::options;
use crate::support::temp_dir;

const SHARDS: u16 = 4;

fn small(place: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = options(place, sync_mode);
    options.max_entries_per_segment = 30;
    options
}

fn keys(wal: &ShardedWal) -> Vec<[u8; 4]> {
    let of = |shard| {
        let mut keys = (0u32..).map(u32::to_le_bytes);
        keys.find(|key| wal.shard_of(key) == shard).expect("a key")
    };
    (0..SHARDS).map(of).collect()
}

/// The shards take turns, so the number of an entry says where it is, however often it is appended.
fn entry_of(shard: u16, id: u64) -> Vec<u8> {
    (id * u64::from(SHARDS) + u64::from(shard))
        .to_le_bytes()
        .to_vec()
}

/// The offsets of a consistent cut after so many entries.
fn cut_after(count: u64) -> Vec<u64> {
    let of = |shard| (count + u64::from(SHARDS) - 1 - shard) / u64::from(SHARDS);
    (0..u64::from(SHARDS)).map(of).collect()
}

/// Says the number of each checkpoint once it is acknowledged. With `and_removes`, removes and rolls back others.
fn make_checkpoints(place: &Path, sync_mode: SyncMode, and_removes: bool) {
    let open = || ShardedWal::new(small(place, sync_mode), SHARDS).expect("opens");
    let mut wal = open();
    let keys = keys(&wal);
    let latest = wal.load_latest_checkpoint().ok();
    let mut made = latest.map_or(0, |(id, _)| number_of(&id) + 1);
    let end_of = |wal: &ShardedWal, shard: u16| {
        let stream = wal
            .inner()
            .stream(&ironwal::sharded::shard_stream_name(shard));
        stream.and_then(|stream| stream.next_id()).expect("known")
    };
    let mut left = 100;
    let mut count: u64 = (0..SHARDS).map(|shard| end_of(&wal, shard)).sum();
    loop {
        for _ in 0..made % 23 {
            let shard = count % u64::from(SHARDS);
            let (key, value) = (keys[shard as usize], count.to_le_bytes());
            wal.append(&key, &value).expect("appends");
            count += 1;
        }
        let id = format!("c{made}").into_bytes();
        wal.create_checkpoint(&id).expect("creates");
        println!("said {made}");
        made += 1;
        if !and_removes {
            left -= 1;
            // A reader that is behind would read thousands of records at each look. Until it is killed:
            if left == 0 {
                loop {
                    std::thread::park();
                }
            }
            continue;
        }
        let before = |back: u64| format!("c{}", made.saturating_sub(back)).into_bytes();
        match made % 60 {
            10 | 40 => drop(wal.prune_before_checkpoint(&before(5)).expect("prunes")),
            20 => drop(wal.compact_checkpoints(3).expect("compacts")),
            30 | 50 => {
                wal.rollback_to_checkpoint(&before(2)).expect("rolls back");
                count = wal
                    .load_checkpoint(&before(2))
                    .expect("loads")
                    .offsets
                    .iter()
                    .sum();
            }
            0 => {
                wal.close().expect("closes");
                wal = open();
            }
            _ => {}
        }
    }
}

pub fn make_and_remove_strictly(place: &Path) {
    make_checkpoints(place, SyncMode::Strict, true);
}

pub fn make_and_remove_loosely(place: &Path) {
    make_checkpoints(place, SyncMode::Async, true);
}

pub fn make_only(place: &Path) {
    make_checkpoints(place, SyncMode::Async, false);
}

fn number_of(id: &[u8]) -> u64 {
    let text = std::str::from_utf8(id).expect("text");
    text[1..].parse().expect("a number")
}

fn check_cut(data: &CheckpointData) {
    assert_eq!(data.offsets, cut_after(data.offsets.iter().sum()));
}

/// Reads all shards, from some entries below the checkpoint on. False: the writer has removed some of it meanwhile.
fn is_there(reader: &ShardedWal, data: &CheckpointData) -> bool {
    for (shard, offset) in (0..).zip(&data.offsets) {
        let mut next = None;
        let start = offset.saturating_sub(40);
        for found in reader.iter_shard_with_ids(shard, start).expect("iterates") {
            match found {
                Ok((id, bytes)) => {
                    assert!(next.is_none_or(|next| next == id), "a hole before {id}");
                    assert_eq!(bytes, entry_of(shard, id));
                    next = Some(id + 1);
                }
                Err(Error::SuffixCut { .. } | Error::SegmentNotFound(_)) => return false,
                Err(error) => panic!("shard {shard}: {error}"),
            }
        }
        if next.unwrap_or(0) < *offset {
            return false;
        }
    }
    true
}

#[test]
fn a_reader_sees_each_acknowledged_checkpoint_of_another_process_and_what_it_refers_to() {
    for (role, mode) in [
        ("checkpoints strictly", SyncMode::Strict),
        ("checkpoints loosely", SyncMode::Strict),
        ("checkpoints loosely", SyncMode::Async),
    ] {
        let place = temp_dir();
        let mut writer = Writer::start(role, place.path());
        assert_eq!(writer.said().as_deref(), Some("0"));
        let reader = ShardedWal::open_read_only(small(place.path(), mode), None).expect("opens");
        let (mut loaded, mut whole, mut overtaken) = (0, 0, 0);
        for _ in 0..300 {
            let number: u64 = writer.said().expect("goes on").parse().expect("a number");
            match reader.load_checkpoint(format!("c{number}").as_bytes()) {
                Ok(data) => {
                    check_cut(&data);
                    loaded += 1;
                    whole += u32::from(is_there(&reader, &data));
                }
                // The writer is ahead by now.
                Err(Error::CheckpointNotFound(_) | Error::CheckpointPruned { .. }) => {
                    overtaken += 1
                }
                Err(error) => panic!("{number}: {error}"),
            }
            match reader.load_latest_checkpoint() {
                Ok((id, data)) => {
                    // It takes back two at most, and makes others at once.
                    assert!(
                        number_of(&id) + 2 >= number,
                        "{number}, but {:?}",
                        number_of(&id)
                    );
                    check_cut(&data);
                }
                // Between the look and the answer a shard was truncated for a later one.
                Err(Error::CheckpointPruned { .. }) => overtaken += 1,
                Err(error) => panic!("{number}: {error}"),
            }
            for (id, _) in reader.list_checkpoints() {
                number_of(&id);
            }
        }
        println!("{role}: {loaded} loaded, {whole} whole, {overtaken} overtaken");
        assert!(loaded > 20 && whole > 20, "{loaded} loaded, {whole} whole");
        assert!(!writer.has_ended());
        writer.kill();
    }
}

#[test]
fn without_removals_every_acknowledged_checkpoint_is_shown_whole() {
    let place = temp_dir();
    let mut writer = Writer::start("checkpoints only", place.path());
    assert_eq!(writer.said().as_deref(), Some("0"));
    let mut how = small(place.path(), SyncMode::Strict);
    // No state of a live writer is damage.
    how.on_corruption = CorruptionPolicy::Error;
    let reader = ShardedWal::open_read_only(how.clone(), Some(SHARDS)).expect("opens");
    let mut known = 0;
    for _ in 1..100 {
        let number: u64 = writer.said().expect("goes on").parse().expect("a number");
        let data = reader.load_checkpoint(format!("c{number}").as_bytes());
        let data = data.expect("an acknowledged checkpoint is there");
        check_cut(&data);
        assert!(is_there(&reader, &data), "c{number}");
        let listed = reader.list_checkpoints();
        assert!(listed.len() as u64 > number && listed.len() as u64 >= known);
        known = listed.len() as u64;
        let numbers = listed.iter().map(|(id, _)| number_of(id));
        assert!(numbers.eq(0..known));
        if number % 20 == 0 {
            let late = ShardedWal::open_read_only(how.clone(), None).expect("opens");
            assert!(late.checkpoint_count() as u64 >= known);
        }
    }
    writer.kill();
}

#[test]
fn a_log_whose_writer_was_killed_is_shown_as_recovery_leaves_it_and_is_not_changed() {
    for round in 0..4_u64 {
        let place = temp_dir();
        let mut writer = Writer::start("checkpoints loosely", place.path());
        let early = loop {
            let said = writer.said().expect("goes on");
            if said.parse::<u64>().expect("a number") >= 100 + round * 7 {
                break ShardedWal::open_read_only(small(place.path(), SyncMode::Async), None);
            }
        };
        let early = early.expect("opens");
        writer.kill();
        let before = everything(place.path());
        let late = ShardedWal::open_read_only(small(place.path(), SyncMode::Async), None);
        let late = late.expect("opens");
        let strict = ShardedWal::open_read_only(small(place.path(), SyncMode::Strict), None);
        let strict = strict.expect("opens");
        let copy = temp_dir();
        copy_dir(&place.path().join("log"), &copy.path().join("log"));
        let recovered = ShardedWal::new(small(copy.path(), SyncMode::Async), SHARDS);
        let recovered = recovered.expect("opens");
        let (id, data) = recovered.load_latest_checkpoint().expect("loads");
        for reader in [&early, &late, &strict] {
            assert_eq!(reader.list_checkpoints(), recovered.list_checkpoints());
            let latest = reader.load_latest_checkpoint().expect("loads");
            assert_eq!(latest, (id.clone(), data.clone()));
            assert!(is_there(reader, &data));
            assert!(matches!(reader.append(b"k", b"v"), Err(Error::ReadOnly)));
            reader.refresh().expect("looks");
        }
        drop((late, strict));
        assert!(everything(place.path()) == before, "something was changed");
        // The same reader goes on beside the next writer.
        let mut writer = Writer::start("checkpoints only", place.path());
        for _ in 0..10 {
            let number = writer.said().expect("goes on");
            let data = early.load_checkpoint(format!("c{number}").as_bytes());
            check_cut(&data.expect("is there"));
        }
        writer.kill();
    }
}
