//! A sharded log that is open read-only shows what its writer makes, prunes, rolls back and removes, says what
//! recovery would say of damage, refuses everything that changes something, and changes nothing.
//!
//! Writers in other processes are in `tests/read_only`, crashed ones in `tests/crash`.

use std::fs;
use std::path::Path;

use ironwal::Append;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::Result;
use ironwal::ShardedWal;
use ironwal::SnapshotMode;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

use crate::support::copy_dir;
use crate::support::everything;
use crate::support::options;
use crate::support::temp_dir;

const SHARDS: u16 = 3;

fn small(place: &Path) -> WalOptions {
    let mut options = options(place, SyncMode::Strict);
    options.max_entries_per_segment = 2;
    options
}

fn writer_in(place: &Path) -> ShardedWal {
    ShardedWal::new(small(place), SHARDS).expect("opens")
}

fn reader_in(place: &Path) -> ShardedWal {
    ShardedWal::open_read_only(small(place), Some(SHARDS)).expect("opens beside the writer")
}

/// Appends to every shard.
fn append(wal: &ShardedWal, count: u64) {
    for shard in 0..SHARDS {
        let mut keys = (0u32..).map(u32::to_le_bytes);
        let key = keys.find(|key| wal.shard_of(key) == shard).expect("a key");
        for _ in 0..count {
            wal.append(&key, b"an entry").expect("appends");
        }
    }
}

fn ids(wal: &ShardedWal) -> Vec<Vec<u8>> {
    let listed = wal.list_checkpoints();
    assert_eq!(listed.len(), wal.checkpoint_count());
    listed.into_iter().map(|(id, _)| id).collect()
}

fn ends(wal: &ShardedWal) -> [u64; SHARDS as usize] {
    [0, 1, 2].map(|shard| {
        let last = wal.iter_shard_with_ids(shard, 0).expect("iterates").last();
        last.map_or(0, |found| found.expect("good").0 + 1)
    })
}

#[test]
fn what_a_writer_does_to_checkpoints_and_shards_is_seen_at_once() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    let reader = reader_in(place.path());
    assert_eq!(reader.shard_count(), SHARDS);
    assert_eq!(reader.shard_of(b"k"), writer.shard_of(b"k"));
    let agree = |case: &str| {
        assert_eq!(
            reader.list_checkpoints(),
            writer.list_checkpoints(),
            "{case}"
        );
        assert_eq!(
            reader.checkpoint_count(),
            writer.checkpoint_count(),
            "{case}"
        );
        assert_eq!(ends(&reader), ends(&writer), "{case}");
        for id in [&b"a"[..], b"b", b"c", b"d", b"long"] {
            match (reader.load_checkpoint(id), writer.load_checkpoint(id)) {
                (Ok(shown), Ok(made)) => assert_eq!(shown, made, "{case}"),
                (Err(shown), Err(made)) => {
                    assert_eq!(shown.to_string(), made.to_string(), "{case}")
                }
                other => panic!("{case}: {other:?}"),
            }
        }
        match (
            reader.load_latest_checkpoint(),
            writer.load_latest_checkpoint(),
        ) {
            (Ok(shown), Ok(made)) => assert_eq!(shown, made, "{case}"),
            (Err(Error::NoCheckpoints), Err(Error::NoCheckpoints)) => {}
            other => panic!("{case}: {other:?}"),
        }
    };
    agree("before anything");
    for (id, count) in [(&b"a"[..], 3), (b"b", 4), (b"c", 2)] {
        append(&writer, count);
        writer.create_checkpoint(id).expect("creates");
        agree("created");
    }
    append(&writer, 5);
    agree("behind it");
    writer.rollback_to_checkpoint(b"b").expect("rolls back");
    assert_eq!(
        (ids(&reader), ends(&reader)),
        (vec![b"a".to_vec(), b"b".to_vec()], [7; 3])
    );
    agree("rolled back");
    append(&writer, 1);
    // One that no slot can carry, and one that supersedes another.
    writer
        .create_checkpoint(&b"long".repeat(150))
        .expect("creates");
    writer.create_checkpoint(b"a").expect("creates");
    agree("superseded");
    writer.prune_before_checkpoint(b"a").expect("prunes");
    assert!(matches!(
        reader.load_checkpoint(b"b"),
        Err(Error::CheckpointPruned { .. })
    ));
    agree("pruned");
    writer.compact_checkpoints(1).expect("compacts");
    assert!(matches!(
        reader.load_checkpoint(b"b"),
        Err(Error::CheckpointNotFound(_))
    ));
    agree("compacted");
    writer.close().expect("closes");
    let writer = writer_in(place.path());
    append(&writer, 1);
    writer.create_checkpoint(b"d").expect("creates");
    assert_eq!(ids(&reader), [b"a", b"d"]);
    writer.compact_checkpoints(0).expect("compacts");
    assert!(ids(&reader).is_empty());
    reader.refresh().expect("looks");
    // Entries by key and in order, and waiting for the next one.
    let shard = writer.shard_of(b"k");
    let (_, id) = writer.append(b"k", b"by key").expect("appends");
    let name = ironwal::sharded::shard_stream_name(shard);
    assert_eq!(
        reader.inner().get(&name, id).expect("reads").as_deref(),
        Some(&b"by key"[..])
    );
    let stream = reader.inner().stream(&name).expect("a handle");
    let mut follower = stream
        .follow(id + 1, ironwal::View::Durable)
        .expect("follows");
    writer.append(b"k", b"the next").expect("appends");
    assert!(
        follower
            .wait(std::time::Duration::from_secs(60))
            .expect("waits")
    );
    let (_, entry) = follower.next().expect("is there").expect("good");
    assert_eq!(entry, b"the next");
}

#[test]
fn a_sharded_log_open_read_only_refuses_everything_that_changes_something_and_changes_nothing() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    append(&writer, 5);
    writer.create_checkpoint(b"a").expect("creates");
    append(&writer, 1);
    writer.create_checkpoint(b"b").expect("creates");
    let before = everything(place.path());
    let reader = reader_in(place.path());
    assert!(reader.inner().is_read_only() && reader.automatic_status().is_none());
    let refused: [(&str, Result<()>); 12] = [
        ("append", reader.append(b"k", b"v").map(drop)),
        (
            "append_batch",
            reader
                .append_batch(&[(b"k".to_vec(), b"v".to_vec())])
                .map(drop),
        ),
        ("an empty batch", reader.append_batch(&[]).map(drop)),
        (
            "a batch for one key",
            reader.append_batch_for_key(b"k", &[b"v"]).map(drop),
        ),
        (
            "an empty one",
            reader.append_batch_for_key(b"k", &[]).map(drop),
        ),
        ("flush_shard", reader.flush_shard(0)),
        ("flush_all", reader.flush_all()),
        ("create_checkpoint", reader.create_checkpoint(b"c")),
        ("an id that is none", reader.create_checkpoint(b"")),
        ("prune", reader.prune_before_checkpoint(b"b").map(drop)),
        ("compact", reader.compact_checkpoints(0).map(drop)),
        ("rollback", reader.rollback_to_checkpoint(b"a")),
    ];
    for (call, answer) in refused {
        assert!(matches!(answer, Err(Error::ReadOnly)), "{call}: {answer:?}");
    }
    assert_eq!(ids(&reader), [b"a", b"b"]);
    assert_eq!(
        reader.load_latest_checkpoint().expect("loads").1.offsets,
        [6; 3]
    );
    assert_eq!(ends(&reader), [6; 3]);
    assert_eq!(reader.stats().expect("counts").counts.appends, 0);
    reader.refresh().expect("looks");
    assert!(matches!(
        reader.iter_shard(SHARDS, 0),
        Err(Error::Config(_))
    ));
    let second = reader_in(place.path());
    reader.close().expect("closes");
    drop(second);
    assert!(everything(place.path()) == before, "something was changed");
    writer
        .create_checkpoint(b"c")
        .expect("the writer is not disturbed");
}

#[test]
fn a_closed_reader_answers_closed() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    writer.create_checkpoint(b"a").expect("creates");
    let reader = reader_in(place.path());
    reader.inner().clone().close().expect("closes");
    assert!(matches!(reader.load_checkpoint(b"a"), Err(Error::Closed)));
    assert!(matches!(
        reader.load_latest_checkpoint(),
        Err(Error::Closed)
    ));
    assert!(matches!(reader.iter_shard(0, 0), Err(Error::Closed)));
    assert!(matches!(reader.create_checkpoint(b"b"), Err(Error::Closed)));
    assert!(matches!(reader.append(b"k", b"v"), Err(Error::Closed)));
    assert!(matches!(reader.refresh(), Err(Error::Closed)));
    reader.close().expect("closes once more");
}

#[test]
fn the_shard_count_is_compared_or_taken_from_the_record() {
    let place = temp_dir();
    let open = |count| ShardedWal::open_read_only(small(place.path()), count);
    let is_missing = |opened: Result<ShardedWal>| match opened {
        Err(Error::Io(error)) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    };
    assert!(is_missing(open(None)), "there is no directory");
    let root = place.path().join("log");
    fs::create_dir(&root).expect("a directory");
    assert!(
        is_missing(open(None)) && is_missing(open(Some(3))),
        "and no record"
    );
    assert_eq!(fs::read_dir(&root).expect("lists").count(), 0);
    let plain = Wal::new(small(place.path())).expect("opens");
    plain.append("s", b"x").expect("appends");
    plain.close().expect("closes");
    assert!(is_missing(open(None)), "a log without shards");
    let writer = writer_in(place.path());
    writer.append(b"k", b"v").expect("appends");
    assert_eq!(open(None).expect("opens").shard_count(), SHARDS);
    assert!(matches!(open(Some(0)), Err(Error::Config(_))));
    for wrong in [1, SHARDS + 1, u16::MAX] {
        match open(Some(wrong)) {
            Err(Error::ShardCountMismatch {
                expected,
                found: SHARDS,
            }) => assert_eq!(expected, wrong),
            other => panic!("{other:?}"),
        }
    }
    let meta = root.join("shards.meta");
    let good = fs::read(&meta).expect("reads");
    let reader = reader_in(place.path());
    for bad in [
        &good[..0],
        &good[..511],
        &[&good[..], b"x"].concat(),
        &[7; 512],
    ] {
        fs::write(&meta, bad).expect("writes");
        assert!(matches!(open(None), Err(Error::Corruption(_))));
        assert!(matches!(reader.refresh(), Err(Error::Corruption(_))));
    }
    fs::remove_file(&meta).expect("removes");
    assert!(
        matches!(open(None), Err(Error::Corruption(_))),
        "there are shards"
    );
    // Another log has taken the place.
    writer.close().expect("closes");
    fs::remove_dir_all(&root).expect("removes");
    drop(ShardedWal::new(small(place.path()), 5).expect("opens"));
    assert!(matches!(
        reader.refresh(),
        Err(Error::ShardCountMismatch {
            expected: SHARDS,
            found: 5
        })
    ));
}

/// An answer without the words of an error, which name what recovery did.
fn kind_of<T: std::fmt::Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(found) => format!("{found:?}"),
        Err(Error::CheckpointCorrupted { .. }) => "damaged".to_owned(),
        Err(Error::Corruption(_)) => "corruption".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn said_of_checkpoints(opened: Result<ShardedWal>) -> Vec<String> {
    let wal = match opened {
        Ok(wal) => wal,
        Err(error) => return vec![kind_of::<()>(Err(error))],
    };
    let mut said = vec![format!("{:?}", wal.list_checkpoints())];
    said.push(kind_of(wal.load_latest_checkpoint()));
    for id in [&b"a"[..], b"b", b"c", b"unknown"] {
        said.push(kind_of(wal.load_checkpoint(id)));
    }
    said.push(format!("{:?}", ends(&wal)));
    said
}

#[test]
fn of_damaged_checkpoints_a_reader_says_what_recovery_says() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    for id in [&b"a"[..], b"b", b"c"] {
        append(&writer, 2);
        writer.create_checkpoint(id).expect("creates");
    }
    // As a killed process leaves it, and as a close does.
    let (killed, closed) = (place.path().join("killed"), place.path().join("closed"));
    copy_dir(&place.path().join("log"), &killed);
    writer.close().expect("closes");
    copy_dir(&place.path().join("log"), &closed);
    let mut harms = 0;
    for (which, source) in [("killed", &killed), ("closed", &closed)] {
        let whole = fs::read(source.join("checkpoints.log")).expect("reads");
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for at in (0..whole.len()).step_by(61) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            files.push((format!("byte {at}"), bytes));
            files.push((format!("length {at}"), whole[..at].to_vec()));
        }
        let mut both = whole.clone();
        both[600] ^= 1;
        both[1100] ^= 1;
        files.push(("both slots".to_owned(), both.clone()));
        files.push(("and a rest".to_owned(), [&both[..], &[7; 90]].concat()));
        files.push(("a rest".to_owned(), [&whole[..], &[7; 90]].concat()));
        files.push(("of 0.6".to_owned(), b"CKPT and more".to_vec()));
        files.push(("zeros".to_owned(), vec![0; 4000]));
        for (harm, bytes) in files {
            harms += 1;
            for policy in [CorruptionPolicy::Truncate, CorruptionPolicy::Error] {
                let case = format!("{which}, {harm}, {policy:?}");
                let work = place.path().join("work/log");
                copy_dir(source, &work);
                fs::write(work.join("checkpoints.log"), &bytes).expect("writes");
                let mut how = small(&place.path().join("work"));
                how.on_corruption = policy;
                let before = everything(&work);
                let reader = ShardedWal::open_read_only(how.clone(), None);
                let shown = said_of_checkpoints(reader);
                assert!(everything(&work) == before, "{case}: changed");
                let recovered = said_of_checkpoints(ShardedWal::new(how, SHARDS));
                assert_eq!(shown, recovered, "{case}");
                fs::remove_dir_all(&work).expect("removes");
            }
        }
    }
    assert!(harms > 100, "{harms}");
}

#[test]
fn damage_that_comes_later_is_reported_and_what_is_put_back_is_shown() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    for id in [b"a", b"b"] {
        append(&writer, 1);
        writer.create_checkpoint(id).expect("creates");
    }
    writer.close().expect("closes");
    let reader = reader_in(place.path());
    let file = place.path().join("log/checkpoints.log");
    let whole = fs::read(&file).expect("reads");
    fs::write(&file, [9; 3000]).expect("writes");
    let latest = reader.load_latest_checkpoint();
    assert!(
        matches!(latest, Err(Error::CheckpointCorrupted { .. })),
        "{latest:?}"
    );
    assert!(ids(&reader).is_empty());
    assert_eq!(ends(&reader), [2; 3], "shards are read without checkpoints");
    fs::remove_file(&file).expect("removes");
    assert!(matches!(
        reader.load_latest_checkpoint(),
        Err(Error::NoCheckpoints)
    ));
    fs::write(&file, &whole).expect("writes");
    assert_eq!(ids(&reader), [b"a", b"b"]);
}

/// What takes the place of a file, by name.
#[cfg(unix)]
type Obstacle = (&'static str, fn(&Path));

#[cfg(unix)]
const OBSTACLES: [Obstacle; 4] = [
    ("fifo", |path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("runs").success());
    }),
    ("directory", |path| {
        fs::create_dir(path).expect("a directory");
    }),
    ("link", |path| {
        std::os::unix::fs::symlink("/etc/hostname", path).expect("a link");
    }),
    ("cycle", |path| {
        std::os::unix::fs::symlink(path, path).expect("a link");
    }),
];

#[cfg(unix)]
#[test]
fn names_that_are_no_files_are_reported_without_waiting_for_them() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    append(&writer, 1);
    writer.create_checkpoint(b"a").expect("creates");
    writer.close().expect("closes");
    let root = place.path().join("log");
    for name in ["checkpoints.log", "shards.meta"] {
        for (kind, make) in OBSTACLES {
            let case = format!("{name} is a {kind}");
            let path = root.join(name);
            let kept = place.path().join("kept");
            let reader = reader_in(place.path());
            fs::rename(&path, &kept).expect("moves");
            make(&path);
            let opened = ShardedWal::open_read_only(small(place.path()), None);
            if name == "checkpoints.log" {
                let opened = opened.expect("shards are read without checkpoints");
                assert_eq!(ends(&opened), [1; 3], "{case}");
                for wal in [&opened, &reader] {
                    let loaded = wal.load_checkpoint(b"a");
                    assert!(matches!(loaded, Err(Error::Io(_))), "{case}: {loaded:?}");
                    assert!(matches!(wal.refresh(), Err(Error::Io(_))), "{case}");
                }
                // The last state stays.
                assert_eq!((ids(&opened).len(), ids(&reader).len()), (0, 1), "{case}");
                let mut strict = small(place.path());
                strict.on_corruption = CorruptionPolicy::Error;
                let strict = ShardedWal::open_read_only(strict, None);
                assert!(matches!(strict, Err(Error::Io(_))), "{case}: {strict:?}");
                remove(&path);
                fs::rename(&kept, &path).expect("moves");
                assert_eq!((ids(&opened).len(), ids(&reader).len()), (1, 1), "{case}");
                opened.load_checkpoint(b"a").expect("loads");
                continue;
            }
            assert!(matches!(opened, Err(Error::Io(_))), "{case}: {opened:?}");
            assert!(matches!(reader.refresh(), Err(Error::Io(_))), "{case}");
            remove(&path);
            fs::rename(&kept, &path).expect("moves");
            reader.refresh().expect("looks");
        }
    }
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path).expect("is there").is_dir() {
        true => fs::remove_dir(path).expect("removes"),
        false => fs::remove_file(path).expect("removes"),
    }
}

#[test]
fn a_lost_shard_is_reported_until_it_is_put_back_and_the_others_are_read() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    append(&writer, 4);
    writer.create_checkpoint(b"a").expect("creates");
    writer.close().expect("closes");
    let early = reader_in(place.path());
    let (dir, kept) = (place.path().join("log/shard_01"), place.path().join("kept"));
    fs::rename(&dir, &kept).expect("moves");
    let late = reader_in(place.path());
    let mut strict = small(place.path());
    strict.on_corruption = CorruptionPolicy::Error;
    let refused = ShardedWal::open_read_only(strict.clone(), None);
    match refused {
        Err(Error::Corruption(what)) => assert!(what.contains("shard_01 ends at 0"), "{what}"),
        other => panic!("{other:?}"),
    }
    for reader in [&early, &late] {
        let lost = reader.iter_shard(1, 0).map(drop);
        assert!(
            matches!(&lost, Err(Error::Corruption(what)) if what.contains("checkpoint a")),
            "{lost:?}"
        );
        assert_eq!(reader.iter_shard(2, 0).expect("iterates").count(), 4);
        reader
            .load_checkpoint(b"a")
            .expect("what it counts on is reported by reading");
    }
    fs::rename(&kept, &dir).expect("moves back");
    for reader in [&early, &late] {
        assert_eq!(ends(reader), [4; 3]);
    }
    ShardedWal::open_read_only(strict, None).expect("opens");
}

#[test]
fn a_checkpoint_is_pruned_where_a_shard_was_truncated_beyond_it_and_only_there() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    append(&writer, 4);
    writer.create_checkpoint(b"a").expect("creates");
    append(&writer, 4);
    writer.create_checkpoint(b"b").expect("creates");
    let reader = reader_in(place.path());
    reader.load_checkpoint(b"a").expect("loads");
    // By a call that does not know checkpoints.
    writer
        .inner()
        .truncate_prefix("shard_01", 6)
        .expect("truncates");
    match reader.load_checkpoint(b"a") {
        Err(Error::CheckpointPruned { pruned_before, .. }) => {
            assert_eq!(pruned_before, "id 6 of shard_01");
        }
        other => panic!("{other:?}"),
    }
    reader.load_checkpoint(b"b").expect("loads");
    // The ids begin again: what was known of the shard must not prune what is new.
    writer.compact_checkpoints(0).expect("compacts");
    writer.close().expect("closes");
    let writer = writer_in(place.path());
    writer
        .inner()
        .reset("shard_01", 0, &Append::new(&[b"first"]))
        .expect("resets");
    writer.inner().delete_stream("shard_02").expect("deletes");
    writer.close().expect("closes");
    let writer = writer_in(place.path());
    append(&writer, 1);
    writer.create_checkpoint(b"a").expect("creates");
    let data = reader.load_checkpoint(b"a").expect("loads");
    assert_eq!(data.offsets, [9, 2, 1]);
    assert_eq!(ends(&reader), [9, 2, 1]);
}

#[test]
fn a_reader_s_snapshot_has_the_checkpoints() {
    let place = temp_dir();
    let writer = writer_in(place.path());
    append(&writer, 3);
    writer.create_checkpoint(b"a").expect("creates");
    let reader = reader_in(place.path());
    let dir = place.path().join("snapshot");
    let report = reader
        .snapshot_to(&dir, SnapshotMode::Copy)
        .expect("copies");
    assert_eq!(report.streams.len(), usize::from(SHARDS));
    let mut how = WalOptions::new(&dir);
    how.on_corruption = CorruptionPolicy::Error;
    let copy = ShardedWal::new(how, SHARDS).expect("opens");
    assert_eq!(copy.list_checkpoints(), writer.list_checkpoints());
    assert_eq!(ends(&copy), [3; 3]);
}
