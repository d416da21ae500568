//! Which checkpoints does a sharded log have, and what does each say of the shards?
//!
//! Read through a read-only sharded log, beside its writer. Each checkpoint is compared with the ends of its shards: the
//! library leaves that to whatever reads a shard. Failure: no shard count is recorded, so it is no sharded log; a
//! checkpoint that was asked for is not there.

use std::path::Path;

use ironwal::CheckpointData;
use ironwal::Error;
use ironwal::ShardedWal;
use ironwal::WalOptions;
use ironwal::sharded::shard_stream_name;

use super::failure::Failure;

/// The checkpoints that were asked for.
pub struct Listed {
    pub shards: u16,
    /// Ids with what each of them says, or why it is unusable.
    pub checkpoints: Vec<(Vec<u8>, Result<CheckpointData, String>)>,
}

impl Listed {
    /// Whether one is unusable.
    pub fn is_damaged(&self) -> bool {
        let mut results = self.checkpoints.iter().map(|(_, checkpoint)| checkpoint);
        results.any(Result::is_err)
    }
}

/// Loads all checkpoints, or the one of this id.
pub fn read(directory: &Path, id: Option<&[u8]>) -> Result<Listed, Failure> {
    let log = ShardedWal::open_read_only(WalOptions::new(directory), None)?;
    log.refresh()?;
    let ids = match id {
        None => log
            .list_checkpoints()
            .into_iter()
            .map(|(id, _)| id)
            .collect(),
        Some(id) => vec![id.to_vec()],
    };
    let mut checkpoints = Vec::new();
    for found in ids {
        match usable(&log, &found) {
            Err(error) if is_gone(&error) && id.is_some() => {
                return Err(Failure::said(
                    error.to_string(),
                    "ironwalctl checkpoints lists those that there are",
                ));
            }
            // Pruned, or rolled back, since it was listed.
            Err(error) if is_gone(&error) => {}
            checkpoint => {
                let checkpoint = checkpoint.unwrap_or_else(|error| Err(error.to_string()));
                checkpoints.push((found, checkpoint));
            }
        }
    }
    Ok(Listed {
        shards: log.shard_count(),
        checkpoints,
    })
}

fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::CheckpointPruned { .. } | Error::CheckpointNotFound(_)
    )
}

/// The checkpoint, if its shards hold all ids below it; otherwise what they lack.
fn usable(log: &ShardedWal, id: &[u8]) -> Result<Result<CheckpointData, String>, Error> {
    let checkpoint = log.load_checkpoint(id)?;
    let Some(what) = shard_before(log, &checkpoint) else {
        return Ok(Ok(checkpoint));
    };
    // A rollback removes checkpoints before it cuts shards, so this one may be gone by now.
    log.load_checkpoint(id)?;
    Ok(Err(what))
}

/// What is wrong with a shard that ends before the checkpoint, or cannot be read.
fn shard_before(log: &ShardedWal, checkpoint: &CheckpointData) -> Option<String> {
    checkpoint
        .offsets
        .iter()
        .zip(0..)
        .find_map(|(offset, shard)| {
            let name = shard_stream_name(shard);
            let end = log
                .inner()
                .stream(&name)
                .and_then(|stream| stream.next_id());
            match end {
                Ok(end) if end >= *offset => None,
                Ok(end) => Some(format!(
                    "the checkpoint needs all ids below {offset} of {name}, which ends at {end}"
                )),
                // A shard without an entry has no stream yet.
                Err(Error::StreamNotFound(_)) if *offset == 0 => None,
                Err(error) => Some(format!("{name} cannot be read: {error}")),
            }
        })
}
