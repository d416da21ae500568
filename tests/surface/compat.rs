//! What must hold: code written for the 0.6 crate compiles without a change, and does what it did.
//!
//! Every public signature of 0.6.9 but those of `sharded` is used here as its users wrote it.

// The 0.6 crate had compression on by default.
// Signatures are spelled out as they were.
#![allow(clippy::type_complexity)]

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use ironwal::CompressionType;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::ReadStrategy;
use ironwal::Result;
use ironwal::SyncMode;
use ironwal::TxnWriter;
use ironwal::Wal;
use ironwal::WalIdIterator;
use ironwal::WalIterator;
use ironwal::WalOptions;

// The signatures, as types: a changed one does not compile.
const NEW: fn(WalOptions) -> Result<Wal> = Wal::new;
const APPEND: fn(&Wal, &str, &[u8]) -> Result<u64> = Wal::append;
const APPEND_BATCH: fn(&Wal, &str, &[&[u8]]) -> Result<Range<u64>> = Wal::append_batch;
const WRITER: fn(&Wal, &str) -> TxnWriter = Wal::writer;
const GET: fn(&Wal, &str, u64) -> Result<Option<Vec<u8>>> = Wal::get;
const GET_BATCH: fn(&Wal, &str, &[u64]) -> Result<Vec<Option<Vec<u8>>>> = Wal::get_batch;
const ITER: fn(&Wal, &str, u64) -> Result<WalIterator> = Wal::iter;
const ITER_WITH_IDS: fn(&Wal, &str, u64) -> Result<WalIdIterator> = Wal::iter_with_ids;
const TRUNCATE: fn(&Wal, &str, u64) -> Result<usize> = Wal::truncate;
const RESTORE_ARCHIVED: fn(&Wal, &str) -> Result<usize> = Wal::restore_archived;
const DELETE_STREAM: fn(&Wal, &str) -> Result<()> = Wal::delete_stream;
const CURRENT: fn(&Wal, &str) -> Option<u64> = Wal::current_segment_start_id;
const COMMIT: fn(TxnWriter) -> Result<Range<u64>> = TxnWriter::commit;

fn is_plain<T: std::fmt::Debug + Clone + Copy + PartialEq + Eq>() {}
fn is_shared<T: Clone + Send + Sync + 'static>() {}
fn yields_entries<T: Iterator<Item = Result<Vec<u8>>>>() {}
fn yields_pairs<T: Iterator<Item = Result<(u64, Vec<u8>)>>>() {}
fn is_error<T: std::error::Error + Send + Sync + 'static + From<io::Error>>() {}

#[test]
fn the_types_are_what_they_were() {
    is_plain::<SyncMode>();
    is_plain::<ReadStrategy>();
    is_plain::<CompressionType>();
    is_plain::<CorruptionPolicy>();
    is_shared::<Wal>();
    is_shared::<WalOptions>();
    yields_entries::<WalIterator>();
    yields_pairs::<WalIdIterator>();
    is_error::<Error>();
    assert!(format!("{:?}", WalOptions::default()).contains("max_segment_size"));
}

#[test]
fn the_defaults_are_what_they_were() {
    let options = WalOptions::default();
    assert_eq!(options.root_path, PathBuf::from("./wal_data"));
    assert_eq!(options.max_segment_size, 64 * 1024 * 1024);
    assert_eq!(options.max_entries_per_segment, u64::MAX);
    assert_eq!(options.max_open_segments, 128);
    assert_eq!(options.max_open_read_segments, 128);
    assert_eq!(options.write_buffer_size, 64 * 1024);
    assert_eq!(options.read_buffer_size, 128 * 1024);
    assert_eq!(options.block_cache_size, None);
    assert_eq!(options.sync_mode, SyncMode::Strict);
    assert_eq!(options.compression, CompressionType::None);
    assert_eq!(options.read_strategy, ReadStrategy::StandardIo);
    assert_eq!(options.on_corruption, CorruptionPolicy::Truncate);
    assert_eq!(options.min_compression_size, 1024);
    assert_eq!(options.archive_path, None);
    for path in ["text", "other"] {
        assert_eq!(WalOptions::new(path).root_path, PathBuf::from(path));
    }
    assert_eq!(
        WalOptions::new(PathBuf::from("p")).root_path,
        PathBuf::from("p")
    );
}

fn every_option(dir: &std::path::Path) -> WalOptions {
    WalOptions {
        root_path: dir.join("log"),
        max_segment_size: 256,
        max_entries_per_segment: 5,
        max_open_segments: 2,
        max_open_read_segments: 2,
        write_buffer_size: 1024,
        read_buffer_size: 1024,
        block_cache_size: Some(1 << 16),
        sync_mode: SyncMode::BatchOnly,
        compression: CompressionType::Lz4,
        read_strategy: ReadStrategy::Mmap,
        on_corruption: CorruptionPolicy::Error,
        min_compression_size: 64,
        archive_path: Some(dir.join("archive")),
        ..Default::default()
    }
}

#[test]
fn a_program_of_the_0_6_crate_runs_as_it_did() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut options = every_option(dir.path());
    options.sync_mode = SyncMode::Async;
    let wal = NEW(options.clone())?;
    assert_eq!(CURRENT(&wal, "ledger"), None);
    assert_eq!(APPEND(&wal, "ledger", b"transaction_data")?, 0);
    let range = APPEND_BATCH(&wal, "ledger", &[b"tx_1", b"tx_2"])?;
    assert_eq!(range, 1..3);
    assert_eq!(APPEND_BATCH(&wal, "ledger", &[])?, 3..3);

    let mut txn = WRITER(&wal, "ledger");
    txn.add(b"bytes".to_vec());
    txn.add("text");
    txn.add(String::from("string"));
    txn.add(&b"slice"[..]);
    assert_eq!(COMMIT(txn)?, 3..7);
    assert_eq!(COMMIT(WRITER(&wal, "ledger"))?, 0..0);
    let mut dropped = wal.writer("ledger");
    dropped.add("never");
    drop(dropped);

    for id in 7..40u64 {
        assert_eq!(wal.append("ledger", &[id as u8; 100])?, id);
    }
    assert_eq!(GET(&wal, "ledger", 2)?, Some(b"tx_2".to_vec()));
    assert_eq!(GET(&wal, "ledger", 40)?, None);
    assert_eq!(GET(&wal, "unknown", 0)?, None);
    let batch = GET_BATCH(&wal, "ledger", &[4, 0, 99, 4])?;
    let text = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(
        batch,
        [text("text"), text("transaction_data"), None, text("text")]
    );
    assert_eq!(GET_BATCH(&wal, "unknown", &[1])?, [None]);

    let mut count = 0;
    for entry in ITER(&wal, "ledger", 7)? {
        assert_eq!(entry?, [7 + count as u8; 100]);
        count += 1;
    }
    assert_eq!(count, 33);
    let pairs: Result<Vec<(u64, Vec<u8>)>> = ITER_WITH_IDS(&wal, "ledger", 38)?.collect();
    assert_eq!(pairs?, [(38, vec![38; 100]), (39, vec![39; 100])]);
    assert!(wal.iter("unknown", 0)?.next().is_none());

    let gone = TRUNCATE(&wal, "ledger", 20)?;
    assert!(gone > 0);
    assert_eq!(wal.get("ledger", 0)?, None);
    assert_eq!(RESTORE_ARCHIVED(&wal, "ledger")?, gone);
    assert_eq!(wal.get("ledger", 0)?, Some(b"transaction_data".to_vec()));
    assert!(
        matches!(TRUNCATE(&wal, "unknown", 1), Err(Error::StreamNotFound(key)) if key == "unknown")
    );
    assert!(CURRENT(&wal, "ledger") > Some(0));

    let clone = wal.clone();
    let thread = std::thread::spawn(move || clone.append("other", b"from a thread"));
    assert_eq!(thread.join().expect("runs")?, 0);
    DELETE_STREAM(&wal, "other")?;
    DELETE_STREAM(&wal, "other")?;
    assert_eq!(wal.append("other", b"anew")?, 0);
    drop(wal);
    let wal = Wal::new(options)?;
    assert_eq!(wal.iter("ledger", 0)?.count(), 40);
    Ok(())
}

/// The shapes of the variants, as patterns and as constructors.
fn message_of(error: &Error) -> String {
    match error {
        Error::Io(error) => format!("io {:?}", error.kind()),
        Error::Corruption(what) => format!("corruption {what}"),
        Error::CrcMismatch {
            expected,
            actual,
            offset,
        } => {
            let (expected, actual, offset): (u32, u32, u64) = (*expected, *actual, *offset);
            format!("crc {expected} {actual} {offset}")
        }
        Error::Config(what) => format!("config {what}"),
        Error::SegmentNotFound(id) => format!("segment {}", u64::to_string(id)),
        Error::StreamNotFound(key) => format!("stream {key}"),
        Error::InvalidFilename(name) => format!("name {name}"),
        Error::Serialization(what) => format!("serialization {what}"),
        other => format!("new {other}"),
    }
}

#[test]
fn the_variants_have_the_shapes_they_had() {
    let text = || "x".to_owned();
    let table: [(Error, &str); 8] = [
        (
            Error::from(io::Error::from(io::ErrorKind::NotFound)),
            "io NotFound",
        ),
        (Error::Corruption(text()), "corruption x"),
        (
            Error::CrcMismatch {
                expected: 1,
                actual: 2,
                offset: 3,
            },
            "crc 1 2 3",
        ),
        (Error::Config(text()), "config x"),
        (Error::SegmentNotFound(7), "segment 7"),
        (Error::StreamNotFound(text()), "stream x"),
        (Error::InvalidFilename(text()), "name x"),
        (Error::Serialization(text()), "serialization x"),
    ];
    for (error, expected) in table {
        assert_eq!(message_of(&error), expected);
    }
    fn asks() -> Result<()> {
        Err(io::Error::other("passed on by the question mark"))?;
        Ok(())
    }
    assert!(matches!(asks(), Err(Error::Io(_))));
}

#[test]
fn bad_options_and_keys_are_config_errors() {
    let dir = tempfile::tempdir().expect("a directory");
    let zero = WalOptions {
        max_segment_size: 0,
        ..WalOptions::new(dir.path().join("a"))
    };
    assert!(matches!(Wal::new(zero), Err(Error::Config(_))));
    let wal = Wal::new(WalOptions::new(dir.path().join("b"))).expect("opens");
    assert!(matches!(wal.append("", b"x"), Err(Error::Config(_))));
    assert!(matches!(wal.append("a\0b", b"x"), Err(Error::Config(_))));
}

/// What CHANGELOG and docs/GUIDE.md say differs from 0.6.9, where both were run.
#[test]
fn what_differs_from_the_0_6_crate_is_what_the_changelog_says() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // 0.6 made all missing directories above the root.
    let missing = Wal::new(WalOptions::new(dir.path().join("no/parent"))).map(drop);
    assert!(matches!(missing, Err(Error::Io(error)) if error.kind() == io::ErrorKind::NotFound));

    // 0.6 answered `None` for what a removed file or a damaged frame header had taken.
    let mut options = WalOptions::new(dir.path().join("log"));
    options.max_entries_per_segment = 10;
    let wal = Wal::new(options.clone())?;
    for id in 0..35u8 {
        wal.append("s", &[id; 100])?;
    }
    // 0.6 opened a log a second time while it was open, and both wrote.
    assert!(matches!(
        Wal::new(options.clone()).map(drop),
        Err(Error::Locked(_))
    ));
    drop(wal);
    let segment = |first: u64| dir.path().join(format!("log/s/{first:020}.wal"));
    std::fs::remove_file(segment(10))?;
    let mut bytes = std::fs::read(segment(20))?;
    // The header of the first frame: behind the segment's header and the durable point's slots.
    bytes[1536..1540].fill(0xff);
    std::fs::write(segment(20), bytes)?;
    let wal = Wal::new(options.clone())?;
    assert!(matches!(wal.get("s", 11), Err(Error::SegmentNotFound(11))));
    let answers: Vec<_> = (20..30).map(|id| wal.get("s", id)).collect();
    assert!(answers.iter().any(|answer| answer.is_err()), "{answers:?}");
    assert!(answers.iter().all(|answer| !matches!(answer, Ok(None))));
    assert_eq!(wal.get("s", 34)?, Some(vec![34; 100]));
    assert_eq!(wal.append("s", b"next")?, 35);
    assert_eq!(wal.get("s", 36)?, None, "not yet appended");
    wal.truncate("s", 30)?;
    assert_eq!(wal.get("s", 5)?, None, "truncated");

    // A batch compressed as an LZ4 block: 0.6 wrote LZ4 frames, which begin with this number.
    options.root_path = dir.path().join("packed");
    options.compression = CompressionType::Lz4;
    let wal = Wal::new(options)?;
    wal.append("s", &[7; 4096])?;
    assert_eq!(wal.get("s", 0)?, Some(vec![7; 4096]));
    drop(wal);
    let bytes = std::fs::read(dir.path().join("packed/s/00000000000000000000.wal"))?;
    let frame_of_lz4 = 0x184D_2204_u32.to_le_bytes();
    assert!(!bytes.windows(4).any(|four| four == frame_of_lz4));
    Ok(())
}

#[cfg(feature = "sharded")]
#[test]
fn the_directory_of_a_shard_comes_with_its_first_append() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let wal = ironwal::sharded::ShardedWal::new(WalOptions::new(dir.path().join("log")), 4)?;
    let shards = || -> io::Result<usize> {
        let names = std::fs::read_dir(dir.path().join("log"))?;
        let names = names.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: Vec<String> = names.collect::<io::Result<_>>()?;
        Ok(names
            .iter()
            .filter(|name| name.starts_with("shard_"))
            .count())
    };
    assert_eq!(shards()?, 0);
    wal.append(b"key", b"value")?;
    assert_eq!(shards()?, 1);
    Ok(())
}
