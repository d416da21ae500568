//! When are checkpoints created in the background?
//!
//! One thread per log, `ironwal-ckpt`. It creates a checkpoint each time a number of entries
//! has been appended or a period has passed, then applies the retention. It ends before the log
//! does. It holds no lock while the caller's function makes an id, so that function may use the log
//! and may even drop it.
//!
//! Failure: a failed attempt, or a panic in it, is counted and logged; the next one follows when it
//! is due. On a closed log the thread ends.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::error::Error;
use crate::error::Result;
use crate::platform::fork_generation;
use crate::primitives::DueQueue;
use crate::primitives::Mutex;
use crate::primitives::Next;
use crate::primitives::now;
use crate::sharded::options::AutomaticCheckpoints;
use crate::sharded::sharded_wal::ShardedInner;

/// What the automatic checkpoints have done since the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AutomaticStatus {
    /// Checkpoints created. One is counted when the retention after it has been applied too, so a
    /// new checkpoint may be listed a moment before.
    pub created: u64,
    /// Attempts that failed, to create a checkpoint or to apply the retention after it.
    pub failed: u64,
    /// The error of the last attempt; `None` if it succeeded or there was none.
    pub last_error: Option<String>,
}

/// The thread of one log. Dropping this ends it.
pub struct AutoCheckpointer {
    /// Its one key: a checkpoint may be due.
    queue: Arc<DueQueue<()>>,
    state: Arc<Mutex<State>>,
    every_entries: Option<u64>,
    fork_generation: u64,
}

#[derive(Default)]
struct State {
    /// Enough entries were appended to make a checkpoint due.
    is_due_by_entries: bool,
    due_by_time: Option<Instant>,
    /// Entries that the last checkpoint holds, counted as [`ShardedInner::appended`] does.
    covered: u64,
    status: AutomaticStatus,
}

impl AutoCheckpointer {
    /// Starts the thread. Errors: `Io` if the system has none left.
    pub fn start(log: &Arc<ShardedInner>, wanted: AutomaticCheckpoints) -> Result<Self> {
        let every_entries = wanted.every_entries;
        let due_by_time = wanted.every.and_then(deadline);
        let is_due_by_entries = every_entries.is_some_and(|every| log.appended() >= every);
        let state = Arc::new(Mutex::new(State {
            is_due_by_entries,
            due_by_time,
            ..State::default()
        }));
        let worker = Worker {
            log: Arc::clone(log),
            state: Arc::clone(&state),
            wanted,
        };
        let queue = DueQueue::new("ironwal-ckpt", false, move |()| worker.run());
        if is_due_by_entries {
            queue.insert_after((), Duration::ZERO);
        }
        if let Some(due) = due_by_time {
            queue.insert_at((), due);
        }
        queue.start()?;
        Ok(AutoCheckpointer {
            queue,
            state,
            every_entries,
            fork_generation: fork_generation(),
        })
    }

    /// Notes an append of `count` entries, after `before` others.
    pub fn appended(&self, before: u64, count: u64) {
        let Some(every) = self.every_entries else {
            return;
        };
        if before / every != before.wrapping_add(count) / every {
            self.state.lock().is_due_by_entries = true;
            self.queue.insert_after((), Duration::ZERO);
        }
    }

    /// What has been done so far.
    pub fn status(&self) -> AutomaticStatus {
        self.state.lock().status.clone()
    }
}

impl Drop for AutoCheckpointer {
    fn drop(&mut self) {
        if self.fork_generation != fork_generation() {
            // The thread runs in the parent only.
            self.queue.leak_after_fork();
            return;
        }
        // The caller's function, which runs on that thread, may drop the log.
        self.queue.stop_or_detach();
    }
}

/// The end of a period that begins now; `None` past the end of the clock.
fn deadline(every: Duration) -> Option<Instant> {
    now().checked_add(every)
}

struct Worker {
    log: Arc<ShardedInner>,
    state: Arc<Mutex<State>>,
    wanted: AutomaticCheckpoints,
}

impl Worker {
    /// Makes a checkpoint if one is due, and returns when the next one may be.
    fn run(&self) -> Next {
        let appended = match self.due() {
            Ok(appended) => appended,
            Err(next) => return next,
        };
        let made = catch_unwind(AssertUnwindSafe(|| self.make_checkpoint()));
        let made = made.unwrap_or_else(|_| {
            let what = "a panic while a checkpoint was made";
            Err(Error::Io(std::io::Error::other(what)))
        });
        // The log's sink may panic. That is the host's fault; the thread continues.
        let _ = catch_unwind(AssertUnwindSafe(|| self.log_outcome(&made)));
        if matches!(made, Err(Error::Closed)) {
            return Next::ShutDown;
        }
        let mut state = self.state.lock();
        if made.is_ok() {
            state.covered = appended;
        }
        let status = &mut state.status;
        status.created += u64::from(made.is_ok());
        status.failed += u64::from(made.is_err());
        status.last_error = made.err().map(|error| error.to_string());
        self.wait_for_period(&mut state)
    }

    /// The number of appended entries, if a checkpoint is due; otherwise when one may be. A period
    /// without appends makes none due.
    fn due(&self) -> std::result::Result<u64, Next> {
        let mut state = self.state.lock();
        let appended = self.log.appended();
        if std::mem::take(&mut state.is_due_by_entries) {
            return Ok(appended);
        }
        match state.due_by_time {
            None => Err(Next::WhenInserted),
            Some(due) if due > now() => Err(Next::At(due)),
            Some(_) if appended != state.covered => Ok(appended),
            Some(_) => Err(self.wait_for_period(&mut state)),
        }
    }

    /// Begins a new period.
    fn wait_for_period(&self, state: &mut State) -> Next {
        state.due_by_time = self.wanted.every.and_then(deadline);
        state.due_by_time.map_or(Next::WhenInserted, Next::At)
    }

    fn make_checkpoint(&self) -> Result<()> {
        let number = self.log.next_checkpoint_number()?;
        let id = self.wanted.ids.make(number);
        self.log.create_checkpoint(&id)?;
        match self.wanted.keep_latest {
            Some(keep) => self.log.retain(keep),
            None => Ok(()),
        }
    }

    fn log_outcome(&self, made: &Result<()>) {
        self.log.delivering(|_| ());
        match made {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => {
                let message = format!("automatic checkpoint: {error}");
                self.log.wal.context().log(log::Level::Error, &message);
            }
        }
    }
}
