//! How many shards were there when the log was made?
//!
//! Another count would send keys to other shards, so the count is recorded in `shards.meta`,
//! durably, before the first append, and compared at every open. A lost record is not made anew
//! beside shards that exist: the count asked for may be wrong, and nobody could tell.

use std::io::IoSlice;
use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::SECTOR_LEN;
use crate::format::SHARDS_FILE;
use crate::format::ShardCountFault;
use crate::format::ShardCountSector;
use crate::storage::Access;
use crate::storage::replace::ReplaceOutcome;
use crate::storage::replace::replace_durably;
use crate::wal::Wal;

/// Compares the count with the recorded one, or records it in a log without shards.
pub fn record_or_compare(wal: &Wal, shard_count: u16) -> Result<()> {
    let context = wal.context();
    let path = context.root.join(SHARDS_FILE);
    let io = |error| Error::io(error, ErrorContext::at(&path));
    if context.storage.kind(&path).map_err(io)?.is_none() {
        refuse_lost_record(wal, &path)?;
        return record(wal, &path, shard_count);
    }
    let mut bytes = [0; SECTOR_LEN + 1];
    let file = context.storage.open_file(&path, Access::Read);
    let read = file.and_then(|file| file.read_at(0, &mut bytes));
    let bytes = &bytes[..read.map_err(io)?];
    match ShardCountSector::Shards.decode(bytes) {
        Ok(_) if bytes.len() > SECTOR_LEN => Err(damaged(&path)),
        // Whoever renamed it, or the checkpoint log beside it, may have died before the root was
        // synced. Were the names not durable, a power cut would take the record from beside its
        // shards, and checkpoints acknowledged from now on.
        Ok(found) if found == shard_count => {
            let root = &context.root;
            let synced = context.storage.sync_dir(root);
            synced.map_err(|error| Error::io(error, ErrorContext::at(root)))
        }
        Ok(found) => Err(Error::ShardCountMismatch {
            expected: shard_count,
            found,
        }),
        Err(ShardCountFault::Newer(version)) => Err(Error::UnsupportedVersion(format!(
            "{} has format version {version}, newer than this library reads",
            path.display()
        ))),
        Err(ShardCountFault::Damaged | ShardCountFault::Version06) => Err(damaged(&path)),
    }
}

fn damaged(path: &Path) -> Error {
    let what = "the record of the shard count is damaged; restore it from a copy, or take that of \
                an empty log made with the same count";
    Error::corruption(what, ErrorContext::at(path))
}

fn refuse_lost_record(wal: &Wal, path: &Path) -> Result<()> {
    let context = wal.context();
    let checkpoints = context.root.join(CHECKPOINTS_FILE);
    let kind = context.storage.kind(&checkpoints);
    let has_checkpoints = kind
        .map_err(|error| Error::io(error, ErrorContext::at(&checkpoints)))?
        .is_some();
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
        file.write_at(0, &[IoSlice::new(&sector)])
            .map_err(|error| Error::io(error, ErrorContext::at(path)))
    });
    match written {
        ReplaceOutcome::Durable(_) => Ok(()),
        // Nothing was appended: the next open finds a count, or none.
        ReplaceOutcome::Unchanged(error) | ReplaceOutcome::Uncertain(_, error) => Err(error),
    }
}
