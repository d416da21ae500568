//! ItemKind can be chosen beyond the options of the log?

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;

/// Everything that a sharded log is opened with beside its `WalOptions`.
#[derive(Debug, Clone)]
pub struct ShardedOptions {
    /// How many shards there are, 1 to 65,535. Fixed when the log is made. Default 16.
    pub shard_count: u16,
    /// Checkpoints made behind the caller's back. Default `None`.
    pub automatic: Option<AutomaticCheckpoints>,
}

/// When checkpoints are made by the log itself, and how many of them are kept. They are made by a
/// thread of the log; a failure is told through the log and by `ShardedWal::automatic_status`, and
/// tried again when the next one is due.
#[derive(Debug, Clone)]
pub struct AutomaticCheckpoints {
    /// After so many entries, over all shards, those included that no checkpoint held when the log
    /// was opened. `None`: their number does not matter.
    pub every_entries: Option<u64>,
    /// After so much time, if there are entries that the last one does not hold. `None`: time does
    /// not matter.
    pub every: Option<Duration>,
    /// ItemKind they are called.
    pub ids: CheckpointIds,
    /// After each, where there are so many checkpoints, those made by hand included: entries before
    /// the oldest of the newest so many are pruned, and older checkpoints with them. ItemKind these took
    /// of `checkpoints.log` is given back now and then. `None`: nothing is removed.
    pub keep_latest: Option<usize>,
}

/// How automatic checkpoints are called.
#[derive(Clone)]
pub enum CheckpointIds {
    /// The prefix and twenty digits, which grow and are never used twice.
    Counter(Vec<u8>),
    /// ItemKind the function makes of such a number; one whose checkpoint failed may come again. Called
    /// by the thread that makes the checkpoint, without locks: it may use the log. A panic of it, or
    /// an id that is not 1 to 65,535 bytes long, fails that checkpoint.
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
    /// The defaults, with so many shards.
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
            return refuse("shard_count is 0, the least is 1");
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
            } => refuse("automatic.every_entries is 0, the least is 1"),
            AutomaticCheckpoints {
                every: Some(Duration::ZERO),
                ..
            } => refuse("automatic.every is 0"),
            AutomaticCheckpoints {
                keep_latest: Some(0),
                ..
            } => refuse("automatic.keep_latest is 0, the least is 1"),
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
