//! Whatever stands in `checkpoints.log` and `HEAD`, no checkpoint is ever answered wrongly, a
//! damaged newest one is not passed over in silence, and the next one made is found again.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ironwal::CheckpointData;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;

const SHARDS: u16 = 2;
const HEADER_AREA_LEN: usize = 1536;

struct Log {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<usize>,
    made: Vec<CheckpointData>,
}

fn open(dir: &Path, on_corruption: CorruptionPolicy) -> ironwal::Result<ShardedWal> {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::Async;
    options.on_corruption = on_corruption;
    ShardedWal::new(options, SHARDS)
}

fn lenient(dir: &Path) -> ShardedWal {
    open(dir, CorruptionPolicy::Truncate).expect("opens whatever the checkpoint log holds")
}

fn id(n: usize) -> Vec<u8> {
    format!("c{n}").into_bytes()
}

impl Log {
    /// A closed log with so many checkpoints.
    fn with(count: usize) -> Log {
        let dir = match Path::new("/dev/shm").is_dir() {
            true => tempfile::tempdir_in("/dev/shm"),
            false => tempfile::tempdir(),
        };
        let dir = dir.expect("a directory");
        let wal = lenient(dir.path());
        let mut log = Log {
            dir,
            bytes: Vec::new(),
            ends: Vec::new(),
            made: Vec::new(),
        };
        for n in 0..count {
            wal.append(&[n as u8], b"entry").expect("appends");
            wal.create_checkpoint(&id(n)).expect("creates");
            log.made.push(wal.load_checkpoint(&id(n)).expect("loads"));
            log.ends.push(fs::read(log.path()).expect("reads").len());
        }
        wal.append(&[count as u8], b"entry").expect("appends");
        drop(wal);
        log.bytes = fs::read(log.path()).expect("reads");
        log
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("checkpoints.log")
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).expect("writes");
    }

    /// Removes what earlier rounds put aside.
    fn tidy(&self) {
        for entry in fs::read_dir(self.dir.path()).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().contains("checkpoints.log#") {
                fs::remove_file(path).expect("removes");
            }
        }
    }

    /// Which checkpoints load, when each is right or says that it is damaged.
    fn loaded(&self, wal: &ShardedWal, case: &str) -> Vec<bool> {
        let load = |(n, data): (usize, &CheckpointData)| match wal.load_checkpoint(&id(n)) {
            Ok(loaded) => {
                assert_eq!(loaded, *data, "{case}, checkpoint {n}");
                true
            }
            Err(Error::CheckpointCorrupted { offset, .. }) => {
                assert!(offset <= self.bytes.len() as u64, "{case}");
                false
            }
            Err(other) => panic!("{case}, checkpoint {n}: {other:?}"),
        };
        self.made.iter().enumerate().map(load).collect()
    }

    /// The newest one or damage, never an older one.
    fn check_latest(&self, wal: &ShardedWal, loads: bool, case: &str) {
        let newest = self.made.len() - 1;
        match wal.load_latest_checkpoint() {
            Ok((found, data)) => {
                assert!(loads, "{case}: the newest is damaged");
                assert_eq!((found, &data), (id(newest), &self.made[newest]), "{case}");
            }
            Err(Error::CheckpointCorrupted { .. }) => assert!(!loads, "{case}"),
            Err(other) => panic!("{case}: {other:?}"),
        }
    }

    /// The next acknowledged checkpoint is found again; what could be loaded still can.
    fn check_next(&self, wal: ShardedWal, loaded: &[bool], is_garbage: bool, case: &str) {
        wal.create_checkpoint(b"next").expect("creates");
        let next = wal.load_checkpoint(b"next").expect("loads");
        let check = |wal: &ShardedWal| {
            let latest = wal.load_latest_checkpoint();
            let latest = latest.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(latest, (b"next".to_vec(), next.clone()), "{case}");
            if !is_garbage {
                // Zeros that were cut off come back when the file grows again.
                let still = self.loaded(wal, case);
                let pairs = loaded.iter().zip(&still);
                assert!(pairs.clone().all(|(was, is)| *is || !was), "{case}");
            }
        };
        check(&wal);
        drop(wal);
        let wal = lenient(self.dir.path());
        check(&wal);
        wal.compact_checkpoints(100).expect("compacts");
        drop(wal);
        let least = 1 + loaded.iter().filter(|loads| **loads).count();
        let strict = open(self.dir.path(), CorruptionPolicy::Error).expect("all is mended");
        assert!(is_garbage || strict.checkpoint_count() >= least, "{case}");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_is_reported_and_spoils_one_checkpoint_at_most() {
    let log = Log::with(4);
    for at in 0..log.bytes.len() {
        let case = format!("byte {at}");
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        log.put(&bytes);
        let is_slot = (512..HEADER_AREA_LEN).contains(&at);
        let strict = open(log.dir.path(), CorruptionPolicy::Error).map(drop);
        // One slot of two may be torn by a crash; all else is damage.
        match strict {
            Ok(_) => assert!(is_slot, "{case}"),
            Err(Error::Corruption(_)) => assert!(!is_slot, "{case}"),
            Err(other) => panic!("{case}: {other:?}"),
        }
        let wal = lenient(log.dir.path());
        let loaded = log.loaded(&wal, &case);
        let damaged = log.ends.iter().position(|end| at < *end).expect("inside");
        for (n, loads) in loaded.iter().enumerate() {
            let spoilt = at >= HEADER_AREA_LEN && n == damaged;
            assert_eq!(*loads, !spoilt, "{case}, checkpoint {n}");
        }
        log.check_latest(&wal, loaded[3], &case);
        log.check_next(wal, &loaded, false, &case);
    }
}

#[test]
fn a_log_cut_short_at_any_byte_says_what_is_missing() {
    let log = Log::with(4);
    for len in 0..log.bytes.len() {
        log.tidy();
        let case = format!("length {len}");
        log.put(&log.bytes[..len]);
        let strict = open(log.dir.path(), CorruptionPolicy::Error);
        assert!(
            matches!(strict, Err(Error::Corruption(_))),
            "{case}: {strict:?}"
        );
        let wal = lenient(log.dir.path());
        let loaded = log.loaded(&wal, &case);
        let expected: Vec<bool> = log.ends.iter().map(|end| *end <= len).collect();
        assert_eq!(loaded, expected, "{case}");
        log.check_latest(&wal, false, &case);
        let refused = wal.compact_checkpoints(2);
        assert!(
            matches!(refused, Err(Error::CheckpointCorrupted { .. })),
            "{case}"
        );
        log.check_next(wal, &loaded, len < 1024, &case);
    }
}

#[test]
fn a_record_torn_at_any_byte_was_never_acknowledged_and_goes_in_silence() {
    let log = Log::with(4);
    // The log as it was before the last checkpoint, by compaction to the first three.
    let three = Log::with(3);
    let record = &log.bytes[log.ends[2]..];
    assert_eq!(three.bytes.len(), log.ends[2]);
    for torn in 0..=record.len() {
        for behind in [&[][..], &[0; 600][..]] {
            let case = format!("{torn} bytes of the record and {} zeros", behind.len());
            three.tidy();
            let tail = [&record[..torn], behind].concat();
            three.put(&[&three.bytes[..], &tail].concat());
            let wal = open(three.dir.path(), CorruptionPolicy::Error).expect("no damage");
            // It ends in zeros.
            let whole = tail.starts_with(record);
            let is_there = |wal: &ShardedWal| {
                assert_eq!(three.loaded(wal, &case), [true; 3], "{case}");
                match wal.load_checkpoint(b"c3") {
                    Ok(data) => assert!(whole && data == log.made[3], "{case}"),
                    Err(error) => {
                        assert!(matches!(error, Error::CheckpointNotFound(_)), "{case}");
                        assert!(!whole, "{case}");
                    }
                }
                assert_eq!(wal.checkpoint_count(), 3 + usize::from(whole), "{case}");
            };
            is_there(&wal);
            wal.create_checkpoint(b"c3b").expect("creates");
            drop(wal);
            let wal = open(three.dir.path(), CorruptionPolicy::Error).expect("no damage");
            assert_eq!(
                wal.load_latest_checkpoint().expect("loads").0,
                b"c3b",
                "{case}"
            );
            assert_eq!(
                fs::read_dir(three.dir.path()).expect("lists").count(),
                names(&three)
            );
        }
    }
}

/// How many names a log has in its root when nothing was put aside.
fn names(log: &Log) -> usize {
    let names = [
        "LOCK",
        "IDENTITY",
        "HEAD",
        "checkpoints.log",
        "shards.meta",
        "shard_00",
        "shard_01",
    ];
    names
        .iter()
        .filter(|name| log.dir.path().join(name).exists())
        .count()
}

#[test]
fn missing_empty_and_foreign_logs_are_distinguished() {
    let log = Log::with(2);
    fs::remove_file(log.path()).expect("removes");
    let wal = lenient(log.dir.path());
    assert!(matches!(
        wal.load_latest_checkpoint(),
        Err(Error::NoCheckpoints)
    ));
    assert!(matches!(
        wal.load_checkpoint(b"c0"),
        Err(Error::CheckpointNotFound(_))
    ));
    drop(wal);
    let garbage: [&[u8]; 4] = [b"", &[0; 5000], &[0xa5; 5000], b"\x89IWCK"];
    for (n, bytes) in garbage.into_iter().enumerate() {
        let case = format!("garbage {n}");
        log.tidy();
        log.put(bytes);
        let wal = lenient(log.dir.path());
        assert_eq!(log.loaded(&wal, &case), [false, false]);
        log.check_latest(&wal, false, &case);
        wal.append(b"k", b"v").expect("appending goes on");
        wal.create_checkpoint(b"next").expect("creates");
        assert_eq!(wal.load_latest_checkpoint().expect("loads").0, b"next");
        let aside = fs::read(log.dir.path().join("checkpoints.log#damaged"));
        assert_eq!(aside.expect("is kept aside"), bytes);
        drop(wal);
        let wal = lenient(log.dir.path());
        assert_eq!(wal.load_latest_checkpoint().expect("loads").0, b"next");
        wal.compact_checkpoints(0).expect("compacts");
    }
    // Another format is no damage and is never touched.
    let mut newer = log.bytes.clone();
    newer[8] = 2;
    let crc = crc32fast::hash(&newer[..508]).to_le_bytes();
    newer[508..512].copy_from_slice(&crc);
    for (name, bytes) in [("0.6", &b"CKPT0000"[..]), ("newer", &newer)] {
        log.put(bytes);
        let wal = lenient(log.dir.path());
        for refused in [
            wal.load_latest_checkpoint().map(drop),
            wal.create_checkpoint(b"c"),
            wal.compact_checkpoints(0).map(drop),
        ] {
            assert!(
                matches!(refused, Err(Error::UnsupportedVersion(_))),
                "{name}: {refused:?}"
            );
        }
        wal.append(b"k", b"v").expect("appending goes on");
        drop(wal);
        assert_eq!(fs::read(log.path()).expect("reads"), bytes, "{name}");
    }
}

#[test]
fn garbage_behind_the_end_is_cut_and_nothing_else_changes() {
    let log = Log::with(3);
    for garbage in [
        &[0u8; 3000][..],
        &[0xff; 3000],
        &log.bytes[HEADER_AREA_LEN..],
        b"x",
    ] {
        log.put(&[&log.bytes[..], garbage].concat());
        let wal = open(log.dir.path(), CorruptionPolicy::Error).expect("no damage");
        assert_eq!(log.loaded(&wal, "garbage"), [true; 3]);
        log.check_latest(&wal, true, "garbage");
        drop(wal);
        assert_eq!(fs::read(log.path()).expect("reads"), log.bytes);
    }
}

#[test]
fn the_head_file_is_never_believed() {
    let log = Log::with(3);
    let head = log.dir.path().join("HEAD");
    assert_eq!(fs::read(&head).expect("a hint"), b"c2");
    let heads: [Option<&[u8]>; 5] = [
        None,
        Some(b""),
        Some(b"\xff\0garbage"),
        Some(b"c0"),
        Some(b"unknown"),
    ];
    for bytes in heads {
        match bytes {
            None => fs::remove_file(&head).expect("removes"),
            Some(bytes) => fs::write(&head, bytes).expect("writes"),
        }
        let wal = open(log.dir.path(), CorruptionPolicy::Error).expect("opens");
        assert_eq!(log.loaded(&wal, "HEAD"), [true; 3]);
        log.check_latest(&wal, true, "HEAD");
    }
}

/// Of those not made or loaded since the log was opened: what those say is in memory.
#[test]
fn damage_that_begins_while_the_log_is_open_is_reported_on_loading() {
    let log = Log::with(3);
    let wal = lenient(log.dir.path());
    let mut bytes = log.bytes.clone();
    bytes[log.ends[1] - 1] ^= 1;
    log.put(&bytes);
    assert_eq!(log.loaded(&wal, "while open"), [true, false, true]);
}
