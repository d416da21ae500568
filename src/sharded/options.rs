//! Which options does a sharded log have beyond those of the log?

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;

/// The options of a sharded log, besides its `WalOptions`.
#[derive(Debug, Clone)]
pub struct ShardedOptions {
    /// The number of shards, 1 to 65,535. Fixed when the log is created. Default 16.
    pub shard_count: u16,
    /// Checkpoints created in the background. Default `None`.
    pub automatic: Option<AutomaticCheckpoints>,
}

/// When the log creates checkpoints itself, and how many it keeps. A thread of the log creates
/// them. A failure is logged and reported by `ShardedWal::automatic_status`; the next attempt
/// follows when the next checkpoint is due.
#[derive(Debug, Clone)]
pub struct AutomaticCheckpoints {
    /// A checkpoint after this many entries, over all shards. Entries that no checkpoint held when
    /// the log was opened count too. At least 1. `None`: the number of entries does not matter.
    pub every_entries: Option<u64>,
    /// A checkpoint after this time, if there are entries that the last one does not hold. Must not
    /// be zero. `None`: time does not matter.
    pub every: Option<Duration>,
    /// Their ids.
    pub ids: CheckpointIds,
    /// After each checkpoint, the newest `keep_latest` are kept, those created by the caller
    /// included: older ones are pruned, with the entries before the oldest kept one. The space of
    /// pruned checkpoints in `checkpoints.log` is reclaimed from time to time. At least 1. `None`:
    /// nothing is removed.
    pub keep_latest: Option<usize>,
}

/// How automatic checkpoints are named.
#[derive(Clone)]
pub enum CheckpointIds {
    /// The prefix and a number of twenty digits, which grows and is never reused.
    Counter(Vec<u8>),
    /// The result of the function for such a number. After a failed checkpoint the same number may
    /// be passed again. The thread that creates the checkpoint calls the function without locks, so
    /// it may use the log. If it panics, or if the id is not 1 to 65,535 bytes long, that
    /// checkpoint fails.
    Function(Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>),
}

impl Default for ShardedOptions {
    fn default() -> Self {
        ShardedOptions {
            shard_count: 16,
            automatic: None,
        }
    }
}

impl ShardedOptions {
    /// The defaults, with `shard_count` shards.
    pub fn new(shard_count: u16) -> Self {
        ShardedOptions {
            shard_count,
            ..Default::default()
        }
    }

    /// Checks every field against its documented bounds.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::Config(format!("{what}; see ShardedOptions")));
        if self.shard_count == 0 {
            return refuse("shard_count is 0, the minimum is 1");
        }
        let Some(automatic) = &self.automatic else {
            return Ok(());
        };
        match automatic {
            AutomaticCheckpoints {
                every_entries: None,
                every: None,
                ..
            } => refuse("automatic checkpoints need a number of entries, a time, or both"),
            AutomaticCheckpoints {
                every_entries: Some(0),
                ..
            } => refuse("automatic.every_entries is 0, the minimum is 1"),
            AutomaticCheckpoints {
                every: Some(Duration::ZERO),
                ..
            } => refuse("automatic.every is 0"),
            AutomaticCheckpoints {
                keep_latest: Some(0),
                ..
            } => refuse("automatic.keep_latest is 0, the minimum is 1"),
            _ => Ok(()),
        }
    }
}

impl CheckpointIds {
    /// The id with this number.
    pub(super) fn make(&self, number: u64) -> Vec<u8> {
        match self {
            CheckpointIds::Counter(prefix) => {
                let mut id = prefix.clone();
                id.extend_from_slice(format!("{number:020}").as_bytes());
                id
            }
            CheckpointIds::Function(make) => make(number),
        }
    }
}

impl fmt::Debug for CheckpointIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointIds::Counter(prefix) => f.debug_tuple("Counter").field(prefix).finish(),
            CheckpointIds::Function(_) => f.write_str("Function"),
        }
    }
}
