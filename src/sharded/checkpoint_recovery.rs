//! Which checkpoints are served after open, and when is the open refused?
//!
//! `record_log` scans and repairs `checkpoints.log`; this file applies the corruption policy, words the
//! messages and builds the index. Under `CorruptionPolicy::Error` damage refuses the open, and the
//! file is not changed. Otherwise damage is logged, and the checkpoints that remain are served.
//!
//! Under both policies the open is refused where the next one could find a rollback that this one does not
//! finish, because the file cannot be read or repaired: the next one would cut what is appended meanwhile.

use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::ForeignCheckpoints;
use crate::options::CorruptionPolicy;
use crate::record_log::RecordLog;
use crate::record_log::RecordLogFacts;
use crate::record_log::RecordLogState;
use crate::record_log::Recovery;
use crate::record_log::find;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::stream::LogContext;

/// The checkpoint log after recovery.
pub struct Recovered {
    /// The log, for its writer.
    pub log: RecordLog<CheckpointFormat>,
    /// The checkpoints in it.
    pub index: CheckpointIndex,
    /// Why it cannot be used at all; the file is unchanged.
    pub refused: Option<Error>,
}

/// Recovers the checkpoint log. Errors: under [`CorruptionPolicy::Error`] damage; `Io` if the file cannot be
/// read, or a rollback in it not be made durable.
pub fn recover(context: &LogContext, shard_count: u16) -> Result<Recovered> {
    let storage = &context.storage;
    let path = context.root.join(CHECKPOINTS_FILE);
    let format = CheckpointFormat { shard_count };
    let mut recovered = Recovered {
        log: RecordLog::absent(storage, path.clone(), format),
        index: CheckpointIndex::default(),
        refused: None,
    };
    let is_strict = context.options.on_corruption == CorruptionPolicy::Error;
    let read_ahead = context.options.read_buffer_size;
    let found = match find(&**storage, &path, &format, read_ahead) {
        Ok(None) => return Ok(recovered),
        Ok(Some((file, RecordLogState::Log(facts)))) => {
            let damage = describe(&facts, &path);
            if is_strict && !damage.is_empty() {
                return Err(Error::Corruption(damage.join("; ")));
            }
            for what in &damage {
                context.log(log::Level::Error, what);
            }
            let recovery = crate::record_log::recover(&mut recovered.log, file, *facts);
            log_recovery(context, &recovery);
            if let Some(error) = &recovery.failure {
                if CheckpointIndex::unserved_rollback(&recovery).is_some() {
                    return Err(error.duplicate());
                }
            }
            recovered.index = CheckpointIndex::of(&recovery);
            return Ok(recovered);
        }
        Ok(Some((_, RecordLogState::Unreadable(reason)))) => {
            recovered.log = RecordLog::unreadable(storage, path.clone(), format);
            recovered.index = CheckpointIndex::of_unreadable(reason);
            Error::corruption(reason, ErrorContext::at(&path))
        }
        Ok(Some((_, RecordLogState::Foreign(foreign)))) => {
            let error = foreign_error(foreign, &path, shard_count);
            recovered.refused = Some(error.duplicate());
            error
        }
        Err(error) => return Err(error),
    };
    if is_strict {
        return Err(found);
    }
    context.log(log::Level::Error, &found.to_string());
    Ok(recovered)
}

/// Why a file of another log or version is not used.
pub fn foreign_error(foreign: ForeignCheckpoints, path: &Path, shard_count: u16) -> Error {
    let path = path.display();
    match foreign {
        ForeignCheckpoints::Newer(version) => Error::UnsupportedVersion(format!(
            "{path} has format version {version}, newer than this library reads"
        )),
        ForeignCheckpoints::Version06 => {
            Error::UnsupportedVersion(format!("{path} was written by ironwal 0.6"))
        }
        ForeignCheckpoints::OtherCount(found) => Error::ShardCountMismatch {
            expected: shard_count,
            found,
        },
    }
}

/// All damage to what was durable.
fn describe(facts: &RecordLogFacts<CheckpointFormat>, path: &Path) -> Vec<String> {
    let damage = facts.damage().into_iter();
    damage
        .map(|(offset, what)| format!("{what} ({})", ErrorContext::at(path).offset(offset.0)))
        .collect()
}

fn log_recovery(context: &LogContext, recovery: &Recovery<CheckpointFormat>) {
    if let Some(quarantine) = &recovery.quarantine {
        let message = format!(
            "the bytes trimmed from the checkpoint log are quarantined in {}",
            quarantine.display()
        );
        context.log(log::Level::Warn, &message);
    }
    if let Some(error) = &recovery.failure {
        let message = format!("the checkpoint log accepts no more records: {error}");
        context.log(log::Level::Error, &message);
    }
}
