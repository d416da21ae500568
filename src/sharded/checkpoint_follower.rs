//! How does a log that is open read-only notice what its writer does to the checkpoints?
//!
//! Each call about checkpoints looks at the file first: its header area, its length, the directory. Only where one
//! of them has changed are the records read again (`live_checkpoints`), and index and file are replaced together.
//!
//! **What is shown** is what recovery would serve: every whole record, also one that is not durable yet. Its
//! checkpoint may disappear again, where the writer's sync fails or power does; what it refers to is durable in any
//! case, because shards are synced before the record is written. A rollback counts from its first record on, as it
//! does for recovery.
//!
//! Failure: an error of the disk is returned to the caller, and the last state stays. Close: the same.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::primitives::Mutex;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::checkpoint_recovery::foreign_error;
use crate::sharded::checkpoint_view::Published;
use crate::sharded::live_checkpoints::LiveState;
use crate::sharded::live_checkpoints::Stamp;
use crate::sharded::live_checkpoints::damage_error;
use crate::sharded::live_checkpoints::read_live;
use crate::sharded::live_checkpoints::stamp_of;
use crate::stream::LogContext;

/// Looks at the checkpoints of another process.
pub struct CheckpointFollower {
    context: Arc<LogContext>,
    format: CheckpointFormat,
    /// Locked during a look, so that an older one never replaces what a newer one found.
    seen: Mutex<Seen>,
}

/// What the last look found.
struct Seen {
    state: SeenState,
    /// Damage that was logged.
    reported: Vec<String>,
}

enum SeenState {
    /// There was none.
    Nothing,
    NoFile,
    File(Stamp),
}

/// What a look found, if anything has changed.
#[derive(Default)]
pub struct Look {
    /// What readers are to see.
    pub published: Published,
    /// All damage.
    pub damage: Vec<Error>,
}

impl CheckpointFollower {
    /// For a log that was not looked at yet.
    pub fn new(context: &Arc<LogContext>, format: CheckpointFormat) -> Self {
        CheckpointFollower {
            context: Arc::clone(context),
            format,
            seen: Mutex::new(Seen {
                state: SeenState::Nothing,
                reported: Vec::new(),
            }),
        }
    }

    /// Looks, and passes what has changed to `publish`, one thread at a time.
    pub fn look(&self, publish: impl FnOnce(Look)) -> Result<()> {
        let mut seen = self.seen.lock();
        if let SeenState::File(known) = &seen.state {
            if stamp_of(&self.context)?.as_ref() == Some(known) {
                return Ok(());
            }
        }
        let found = read_live(&self.context, &self.format)?;
        if matches!((&seen.state, &found), (SeenState::NoFile, None)) {
            return Ok(());
        }
        let (state, look) = match found {
            None => (SeenState::NoFile, Look::default()),
            Some((stamp, live)) => (SeenState::File(stamp), self.look_of(live)),
        };
        let damage = look.damage.iter().map(Error::to_string);
        let damage: Vec<String> = damage.collect();
        for what in &damage {
            if !seen.reported.contains(what) {
                self.context.note(log::Level::Error, what.clone());
            }
        }
        seen.reported = damage;
        seen.state = state;
        publish(look);
        Ok(())
    }

    fn look_of(&self, live: LiveState) -> Look {
        let path = self.context.root.join(CHECKPOINTS_FILE);
        match live {
            LiveState::Log(log) => {
                let damage = log.damage.iter();
                Look {
                    damage: damage
                        .map(|damage| damage_error(&self.context, *damage))
                        .collect(),
                    published: Published {
                        index: log.index,
                        file: Some(log.file),
                        tail: log.tail,
                        refused: None,
                    },
                }
            }
            LiveState::Unreadable(reason) => Look {
                published: Published {
                    index: CheckpointIndex::of_unreadable(reason),
                    ..Published::default()
                },
                damage: vec![Error::corruption(reason, ErrorContext::at(&path))],
            },
            LiveState::Foreign(foreign) => {
                let error = foreign_error(foreign, &path, self.format.shard_count);
                Look {
                    published: Published {
                        refused: Some(error.duplicate()),
                        ..Published::default()
                    },
                    damage: vec![error],
                }
            }
        }
    }
}
