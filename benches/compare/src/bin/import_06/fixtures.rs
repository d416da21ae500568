//! Which small roots are checked in as `tests/data/from_06`?

use std::path::Path;

use ironwal_06::CompressionType;
use ironwal_06::SyncMode;
use ironwal_06::Wal;
use ironwal_06::WalOptions;
use ironwal_06::sharded::ShardedWal;

use super::Failure;
use super::facts;

/// Writes each root into a directory of its name, and what the crate reads there beside it.
pub fn write_all(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)?;
    for (name, shards, fill) in FIXTURES {
        let root = dir.join(name);
        if root.exists() {
            std::fs::remove_dir_all(&root)?;
        }
        fill(&root)?;
        // Reading creates the checkpoint log that a plain root lacks: only a sharded one is opened as such.
        let facts = facts::read(&root, *shards)?;
        std::fs::write(dir.join(format!("{name}.txt")), facts.to_text())?;
    }
    Ok(())
}

type Fill = fn(&Path) -> Result<(), Failure>;

const FIXTURES: &[(&str, Option<u16>, Fill)] = &[
    ("plain", None, plain),
    ("small", None, small),
    ("sharded", Some(4), sharded),
];

fn text(stream: &str, id: u64) -> Vec<u8> {
    let word = format!("{stream}-{id} ");
    word.repeat((id % 5) as usize).into_bytes()
}

/// Three streams: a truncated prefix and rotation; LZ4 and batches; a key that is no directory name.
fn plain(root: &Path) -> Result<(), Failure> {
    let mut options = WalOptions::new(root);
    options.max_segment_size = 700;
    options.compression = CompressionType::Lz4;
    options.min_compression_size = 100;
    options.sync_mode = SyncMode::Async;
    let wal = Wal::new(options)?;
    for id in 0..60 {
        wal.append("orders", &text("orders", id))?;
    }
    wal.truncate("orders", 30)?;
    for batch in 0..6 {
        let entries: Vec<Vec<u8>> = (0..8).map(|n| text("events", batch * 8 + n)).collect();
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        wal.append_batch("events", &slices)?;
    }
    wal.append("user/123", b"")?;
    wal.append("user/123", &[0xff; 40])?;
    Ok(())
}

/// One stream of a few hundred bytes, for tests that damage each byte: plain and LZ4 frames, a batch,
/// three segments.
fn small(root: &Path) -> Result<(), Failure> {
    let mut options = WalOptions::new(root);
    options.max_entries_per_segment = 4;
    options.compression = CompressionType::Lz4;
    options.min_compression_size = 60;
    let wal = Wal::new(options)?;
    wal.append("s", b"zero")?;
    wal.append_batch("s", &[b"one", b"", b"three"])?;
    wal.append("s", &b"four ".repeat(20))?;
    wal.append("s", b"five")?;
    wal.append("s", b"six")?;
    wal.append("s", b"seven")?;
    wal.append("s", b"eight")?;
    wal.append("s", b"nine")?;
    Ok(())
}

/// Four shards, a superseded checkpoint, segments removed before another.
fn sharded(root: &Path) -> Result<(), Failure> {
    let mut options = WalOptions::new(root);
    options.max_segment_size = 300;
    options.sync_mode = SyncMode::BatchOnly;
    let log = ShardedWal::new(options, 4)?;
    for round in 0..4u64 {
        for key in 0..12u64 {
            log.append(
                format!("key-{key}").as_bytes(),
                &text("entry", round * 12 + key),
            )?;
        }
        log.flush_all()?;
        log.create_checkpoint(format!("round-{}", round % 3).as_bytes())?;
    }
    log.prune_before_checkpoint(b"round-1")?;
    log.append(b"key-1", b"behind the last checkpoint")?;
    log.flush_all()?;
    Ok(())
}
