//! With how many shards was the log created?
//!
//! Another count would route keys to other shards. So the count is recorded in `shards.meta`,
//! durably, before the first append, and compared at every open. A lost record is not written again
//! beside existing shards: the requested count may be wrong, and nothing could detect it.
//!
//! A log that is open read-only only compares ([`compare`]).

use std::io;
use std::io::IoSlice;
use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::SECTOR_LEN;
use crate::format::SHARDS_FILE;
use crate::format::ShardCountFault;
use crate::format::ShardCountSector;
use crate::storage::Access;
use crate::storage::replace::ReplaceOutcome;
use crate::storage::replace::replace_durably;
use crate::stream::LogContext;
use crate::wal::Wal;

/// Compares the count with the recorded one, or records it in a log without shards.
pub fn record_or_compare(wal: &Wal, shard_count: u16) -> Result<()> {
    let context = wal.context();
    let Some(found) = recorded_count(context)? else {
        let path = context.root.join(SHARDS_FILE);
        refuse_lost_record(wal, &path)?;
        return record(wal, &path, shard_count);
    };
    if found != shard_count {
        return Err(mismatch(shard_count, found));
    }
    // The process that renamed it, or the checkpoint log beside it, may have died before the
    // root was synced. Without this sync a power failure could remove the record of existing
    // shards, and checkpoints that are acknowledged from now on.
    let root = &context.root;
    context.storage.sync_dir(root).at(root)
}

/// The recorded count, which is the expected one. Changes nothing. `Io` with the kind `NotFound`:
/// the log has no shards.
pub fn compare(wal: &Wal, expected: Option<u16>) -> Result<u16> {
    let context = wal.context();
    let Some(found) = recorded_count(context)? else {
        let path = context.root.join(SHARDS_FILE);
        refuse_lost_record(wal, &path)?;
        let what = "no shard count is recorded, so this is not a sharded log";
        let missing = io::Error::new(io::ErrorKind::NotFound, what);
        return Err(Error::io(missing, ErrorContext::at(&path)));
    };
    match expected {
        Some(expected) if expected != found => Err(mismatch(expected, found)),
        _ => Ok(found),
    }
}

/// The recorded count. `None`: there is no record.
pub fn recorded_count(context: &LogContext) -> Result<Option<u16>> {
    let path = context.root.join(SHARDS_FILE);
    if context.storage.kind(&path).at(&path)?.is_none() {
        return Ok(None);
    }
    let mut bytes = [0; SECTOR_LEN + 1];
    let open = || context.storage.open_file(&path, Access::Read);
    let file = context.with_fd_retry(open).at(&path)?;
    let read = file.read_at(0, &mut bytes).at(&path)?;
    match ShardCountSector::Shards.decode(&bytes[..read]) {
        Ok(_) if read > SECTOR_LEN => Err(damaged(&path)),
        Ok(found) => Ok(Some(found)),
        Err(ShardCountFault::Newer(version)) => Err(Error::UnsupportedVersion(format!(
            "{} has format version {version}, newer than this library reads",
            path.display()
        ))),
        Err(ShardCountFault::Damaged | ShardCountFault::Version06) => Err(damaged(&path)),
    }
}

fn mismatch(expected: u16, found: u16) -> Error {
    Error::ShardCountMismatch { expected, found }
}

fn damaged(path: &Path) -> Error {
    let what = "the record of the shard count is damaged; restore it from a copy, or take that of \
                an empty log made with the same count";
    Error::corruption(what, ErrorContext::at(path))
}

fn refuse_lost_record(wal: &Wal, path: &Path) -> Result<()> {
    let context = wal.context();
    let checkpoints = context.root.join(CHECKPOINTS_FILE);
    let kind = context.storage.kind(&checkpoints).at(&checkpoints)?;
    let has_checkpoints = kind.is_some();
    let has_shards = wal.streams()?.iter().any(|key| is_shard(key));
    if !has_checkpoints && !has_shards {
        return Ok(());
    }
    let what = "there are shards, but the record of their count is missing; restore it from a \
                copy, or take that of an empty log made with the same count";
    Err(Error::corruption(what, ErrorContext::at(path)))
}

fn is_shard(key: &str) -> bool {
    let digits = key.strip_prefix("shard_").unwrap_or_default();
    digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn record(wal: &Wal, path: &Path, shard_count: u16) -> Result<()> {
    wal.context().check_root()?;
    let sector = ShardCountSector::Shards.encode(shard_count);
    let written = replace_durably(&*wal.context().storage, path, |file| {
        file.write_at(0, &[IoSlice::new(&sector)]).at(path)
    });
    match written {
        ReplaceOutcome::Durable(_) => Ok(()),
        // Nothing was appended: the next open finds a recorded count, or none.
        ReplaceOutcome::Unchanged(error) | ReplaceOutcome::Uncertain(_, error) => Err(error),
    }
}
