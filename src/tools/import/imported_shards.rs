//! How do the shard count and the checkpoints of a sharded root get into the new log?
//!
//! Keys are routed as the 0.6 crate routes them on 64-bit little-endian machines (`docs/FORMAT.md`), and ids
//! stay what they are. So the number of shards and the checkpoints hold in the new log as they are: their
//! ids, offsets and times are kept, and their order.

use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::RecordFormat;
use crate::format::SHARDS_FILE;
use crate::format::ShardCountSector;
use crate::ids::EntryId;
use crate::record_log::RecordLog;
use crate::storage::Storage;
use crate::tools::Severity;
use crate::tools::VerifyFinding;
use crate::tools::import::checkpoints_06::read_checkpoints;
use crate::tools::import::import_report::ImportOptions;
use crate::tools::import::import_report::ImportedStream;
use crate::tools::import::root_06::Root06;
use crate::tools::import::root_06::SHARD_PREFIX;
use crate::tools::import::root_06::shard_number;

/// What makes a log a sharded one.
#[derive(Debug)]
pub struct Shards {
    /// How many shards.
    pub count: u16,
    /// Oldest first.
    checkpoints: Vec<CheckpointRecord>,
    /// The file in the old root.
    log_path: PathBuf,
}

impl Shards {
    /// What a root holds; `None`: it is not sharded. `Config` where the number of shards is unknown, or is too
    /// small for the shards there are.
    pub fn read(
        storage: &dyn Storage,
        old: &Root06,
        options: &ImportOptions,
        findings: &mut Vec<VerifyFinding>,
    ) -> Result<Option<Shards>> {
        let mut checkpoints = match old.has_checkpoints {
            true => read_checkpoints(storage, &old.path, findings)?,
            false => None,
        };
        if checkpoints.is_none() && options.shards.is_none() {
            return Ok(None);
        }
        let mut checkpoints = checkpoints.take().unwrap_or_default();
        let recorded = checkpoints.last().map(|newest| newest.offsets.len() as u16);
        let Some(count) = options.shards.or(recorded).filter(|count| *count > 0) else {
            let what = "the log is sharded, and no checkpoint says how many shards it has: give the \
                        number with which it was opened (ironwalctl: --shards N)";
            return Err(Error::Config(what.to_owned()));
        };
        if let Some(recorded) = recorded.filter(|recorded| *recorded != count) {
            let what =
                format!("{count} shards were asked for, the newest checkpoint has {recorded}");
            return Err(Error::Config(what));
        }
        let shards = Shards {
            count,
            checkpoints: Vec::new(),
            log_path: old.path.join(CHECKPOINTS_FILE),
        };
        let is_beyond = |name: &str| shard_number(name).is_some() && !shards.is_shard(name);
        if let Some(stream) = old.streams.iter().find(|s| is_beyond(&s.directory)) {
            let what = format!("there is {}, and {count} shards only", stream.directory);
            return Err(Error::Config(what));
        }
        checkpoints.retain(|checkpoint| {
            let fits = checkpoint.offsets.len() == usize::from(count);
            if !fits {
                let what = format!(
                    "checkpoint {} is of {} shards: left out",
                    checkpoint.user_id.escape_ascii(),
                    checkpoint.offsets.len()
                );
                let path = shards.log_path.clone();
                findings.push(VerifyFinding::new(Severity::Damage, path, what));
            }
            fits
        });
        Ok(Some(Shards {
            checkpoints,
            ..shards
        }))
    }

    /// Whether a stream of this name is one of the shards.
    pub fn is_shard(&self, name: &str) -> bool {
        shard_number(name).is_some_and(|number| number < u32::from(self.count))
    }

    /// Writes the shard count and the checkpoints into the new log, durably but for the names of the files.
    /// Returns how many checkpoints.
    pub fn write(
        self,
        storage: &Arc<dyn Storage>,
        root: &Path,
        streams: &[ImportedStream],
        findings: &mut Vec<VerifyFinding>,
    ) -> Result<u64> {
        let path = root.join(SHARDS_FILE);
        let file = storage.create_file(&path).at(&path)?;
        let sector = ShardCountSector::Shards.encode(self.count);
        file.write_at(0, &[IoSlice::new(&sector)]).at(&path)?;
        file.sync_all().at(&path)?;
        self.note_lost_offsets(streams, findings);
        let Some(first) = self.checkpoints.first() else {
            return Ok(0);
        };
        let format = CheckpointFormat {
            shard_count: self.count,
        };
        let mut log = RecordLog::absent(storage, root.join(CHECKPOINTS_FILE), format);
        // The first append makes the file, and the rewriting takes two syncs for all records.
        log.append(first)?;
        let ids = (0..)
            .step_by(CheckpointFormat::ENTRY_COUNT as usize)
            .map(EntryId);
        let count = self.checkpoints.len() as u64;
        let records: Vec<_> = ids.zip(self.checkpoints).collect();
        log.rewrite(&records).reclaimed_bytes?;
        log.close()?;
        Ok(count)
    }

    /// A checkpoint that reaches behind the end of its shard: entries were lost there.
    fn note_lost_offsets(&self, streams: &[ImportedStream], findings: &mut Vec<VerifyFinding>) {
        for checkpoint in &self.checkpoints {
            for (shard, offset) in checkpoint.offsets.iter().enumerate() {
                let name = format!("{SHARD_PREFIX}{shard:02}");
                let stream = streams.iter().find(|stream| stream.key == name);
                let next_id = stream.map_or(0, |stream| stream.next_id);
                if *offset > next_id {
                    let id = checkpoint.user_id.escape_ascii();
                    let what = format!(
                        "checkpoint {id} has offset {offset} in {name}, which goes on at {next_id}"
                    );
                    let path = self.log_path.clone();
                    findings.push(VerifyFinding::new(Severity::Damage, path, what).of(&name));
                }
            }
        }
    }
}
