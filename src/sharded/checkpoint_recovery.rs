//! ItemKind of `checkpoints.log` is kept, and how is it made durable?
//!
//! Damage below the frontier is reported and kept as it is: only a compaction removes it. A record
//! above the frontier is whole and becomes durable, or is torn and is cut off. The page cache may
//! show what the disk lacks, so a kept tail is written again from the checked bytes and synced
//! before it is served. So is a record that a slot carries, whatever stands in its place. If that
//! fails, what lies below the frontier is served and nothing more can be written.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CUT_SUFFIX;
use crate::format::checkpoint_record::checkpoint_seed;
use crate::format::names::NEW_SUFFIX;
use crate::options::CorruptionPolicy;
use crate::recovery::checkpoints::Foreign;
use crate::recovery::checkpoints::ItemKind;
use crate::recovery::checkpoints::RecordLogFacts;
use crate::recovery::checkpoints::RecordLogState;
use crate::recovery::checkpoints::Scanner;
use crate::recovery::copy_aside;
use crate::segment::SegmentBytes;
use crate::segment::store_slot;
use crate::sharded::checkpoint_file::CheckpointFile;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::replace::numbered_name;
use crate::storage::replace::with_suffix;
use crate::stream::LogContext;

/// A checkpoint log as it came up.
pub struct Recovered {
    /// For its writer.
    pub file: CheckpointFile,
    /// ItemKind it holds.
    pub index: CheckpointIndex,
    /// Why it cannot be used at all; nothing was touched.
    pub refused: Option<Error>,
}

/// Brings the checkpoint log up. An error only under [`CorruptionPolicy::Error`].
pub fn recover(context: &LogContext, shard_count: u16) -> Result<Recovered> {
    let storage = &context.storage;
    let path = context.root.join(CHECKPOINTS_FILE);
    let mut recovered = Recovered {
        file: CheckpointFile::absent(storage, path.clone(), shard_count),
        index: CheckpointIndex::default(),
        refused: None,
    };
    let is_strict = context.options.on_corruption == CorruptionPolicy::Error;
    let read_ahead = context.options.read_buffer_size;
    let (file, found) = match look(&**storage, &path, shard_count, read_ahead) {
        Ok(Some(looked_at)) => looked_at,
        Ok(None) => return Ok(recovered),
        Err(error) if is_strict => return Err(error),
        Err(error) => {
            context.log(log::Level::Error, &error.to_string());
            recovered.refused = Some(error);
            return Ok(recovered);
        }
    };
    match found {
        RecordLogState::Log(facts) => {
            let damage = describe(&facts, &path);
            if is_strict && !damage.is_empty() {
                return Err(Error::Corruption(damage.join("; ")));
            }
            for what in &damage {
                context.log(log::Level::Error, what);
            }
            keep(context, &mut recovered, &facts, file);
        }
        RecordLogState::Garbage(reason) => {
            let error = Error::corruption(&reason, ErrorContext::at(&path));
            if is_strict {
                return Err(error);
            }
            context.log(log::Level::Error, &error.to_string());
            recovered.file.is_garbage = true;
            recovered.index = CheckpointIndex::of_garbage(&reason);
        }
        RecordLogState::Foreign(foreign) => {
            let error = foreign_error(&foreign, &path, shard_count);
            if is_strict {
                return Err(error);
            }
            context.log(log::Level::Error, &error.to_string());
            recovered.refused = Some(error);
        }
    }
    Ok(recovered)
}

type LookedAt = (Arc<dyn StorageFile>, RecordLogState);

fn look(
    storage: &dyn Storage,
    path: &Path,
    shard_count: u16,
    read_ahead: usize,
) -> Result<Option<LookedAt>> {
    let io = |error| Error::io(error, ErrorContext::at(path));
    if storage.kind(path).map_err(io)?.is_none() {
        return Ok(None);
    }
    let file = storage.open_file(path, Access::ReadWrite).map_err(io)?;
    let len = file.len().map_err(io)?;
    let source = SegmentBytes::File(Arc::clone(&file));
    let found = Scanner::new(source, len, shard_count, read_ahead).scan();
    Ok(Some((file, found.map_err(io)?)))
}

fn foreign_error(foreign: &Foreign, path: &Path, shard_count: u16) -> Error {
    let place = path.display();
    match foreign {
        Foreign::Newer(version) => Error::UnsupportedVersion(format!(
            "{place} has format version {version}, newer than this library reads"
        )),
        Foreign::Version06 => {
            Error::UnsupportedVersion(format!("{place} was written by ironwal 0.6"))
        }
        Foreign::OtherCount(found) => Error::ShardCountMismatch {
            expected: shard_count,
            found: *found,
        },
    }
}

/// All damage to what was durable.
fn describe(facts: &RecordLogFacts, path: &Path) -> Vec<String> {
    let at = |offset: u64| ErrorContext::at(path).offset(offset);
    let mut damage = Vec::new();
    if facts.sector_damaged {
        damage.push(format!("the header is damaged ({})", at(0)));
    }
    if facts.slot.is_none() {
        damage.push(format!("both frontier slots are damaged ({})", at(0)));
    }
    for item in &facts.items {
        let what = match &item.what {
            ItemKind::Record(..) => continue,
            ItemKind::DamagedBody(..) => "the record of a checkpoint does not match its checksum",
            ItemKind::Damaged(what) => what,
        };
        damage.push(format!("{what} ({})", at(item.offset.0)));
    }
    damage
}

fn keep(
    context: &LogContext,
    recovered: &mut Recovered,
    facts: &RecordLogFacts,
    file: Arc<dyn StorageFile>,
) {
    let seed_slot = facts.slot.map_or(0, |slot| slot ^ 1);
    let log = &mut recovered.file;
    log.end = facts.frontier;
    log.next_slot = seed_slot;
    log.file = Some(Arc::clone(&file));
    recovered.index = CheckpointIndex::of(&facts.items);
    let has_rest = facts.file_len > facts.tail_end.end.0;
    if !has_rest && facts.tail.is_empty() && facts.slot.is_some() {
        return;
    }
    match checkpoint_slot_clean(context, log, facts, &*file, has_rest) {
        Ok(()) => {
            let items = [&facts.items[..], &facts.tail[..]].concat();
            recovered.index = CheckpointIndex::of(&items);
            if has_rest && facts.slot_damaged {
                let end = facts.tail_end;
                let what = "what followed the last whole record was cut off and kept aside";
                recovered.index.lost_behind(end.next_id, end.end, what);
            }
        }
        Err(error) => {
            context.log(
                log::Level::Error,
                &format!("the checkpoint log takes no more records: {error}"),
            );
            let end = facts.frontier;
            if facts.is_carried {
                // It may have been acknowledged, and nothing older passes for the newest.
                let what = "the record that followed could not be made durable";
                recovered.index.lost_behind(end.next_id, end.end, what);
            }
            log.latched = Some(Arc::new(error));
        }
    }
}

/// Cuts what is torn, makes the rest durable and stores the frontier behind it.
fn checkpoint_slot_clean(
    context: &LogContext,
    log: &mut CheckpointFile,
    facts: &RecordLogFacts,
    file: &dyn StorageFile,
    has_rest: bool,
) -> Result<()> {
    let io = |error| Error::io(error, ErrorContext::at(&log.path));
    let seed = checkpoint_seed(log.shard_count());
    let end = facts.tail_end;
    if has_rest {
        // With both slots good, the rest is a record that nobody was told of.
        if facts.slot_damaged {
            save_aside(context, log, facts)?;
        }
        file.set_len(end.end.0).map_err(io)?;
    }
    file.write_at(facts.frontier.end.0, &[IoSlice::new(&facts.tail_bytes)])
        .map_err(io)?;
    file.sync_data().map_err(io)?;
    if end != facts.frontier || facts.slot.is_none() {
        store_slot(file, seed, log.next_slot, &end).map_err(io)?;
        file.sync_data().map_err(io)?;
        log.next_slot ^= 1;
        log.end = end;
    }
    Ok(())
}

/// Keeps the bytes that are about to be cut: durable ones may be among them.
fn save_aside(context: &LogContext, log: &CheckpointFile, facts: &RecordLogFacts) -> Result<()> {
    let storage = &context.storage;
    let io = |error| Error::io(error, ErrorContext::at(&log.path));
    let bytes = facts.tail_end.end.0..facts.file_len;
    let unfinished = with_suffix(&log.path, NEW_SUFFIX);
    let name = |number| numbered_name(&log.path, CUT_SUFFIX, number);
    let aside = copy_aside(&**storage, &log.path, bytes, &unfinished, name).map_err(io)?;
    storage.sync_dir(&context.root).map_err(io)?;
    context.log(
        log::Level::Warn,
        &format!(
            "what is cut off the checkpoint log is kept in {}",
            aside.display()
        ),
    );
    Ok(())
}
