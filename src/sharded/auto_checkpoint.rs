//! Who creates checkpoints behind the caller's back?
//!
//! One thread per log. It sleeps until so many entries were appended or so much time has passed,
//! then creates a checkpoint and removes what retention lets go. It ends when the log does. Ids are
//! made without any lock, so the caller's function may use the log, and may even drop it.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::platform::fork_generation;
use crate::platform::join;
use crate::platform::spawn;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::now;
use crate::primitives::thread;
use crate::primitives::thread::JoinHandle;
use crate::sharded::options::AutomaticCheckpoints;
use crate::sharded::sharded_wal::ShardedInner;

/// ItemKind the automatic checkpoints came to, since the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AutomaticStatus {
    /// How many were created.
    pub created: u64,
    /// How often creating one, or removing what was to be removed after it, failed.
    pub failed: u64,
    /// The last failure, if the last attempt failed.
    pub last_error: Option<String>,
}

/// The thread, and how to reach it.
pub struct AutoCheckpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    fork_generation: u64,
    every_entries: Option<u64>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something is due, or the thread is to end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    due: bool,
    ending: bool,
    status: AutomaticStatus,
}

impl AutoCheckpointer {
    /// Starts the thread.
    pub fn start(log: &Arc<ShardedInner>, wanted: AutomaticCheckpoints) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let every_entries = wanted.every_entries;
        shared.state.lock().due = every_entries.is_some_and(|every| log.appended() >= every);
        let worker = Worker {
            log: Arc::clone(log),
            shared: Arc::clone(&shared),
            wanted,
        };
        let thread = spawn("ironwal-checkpoints", move || worker.run())?;
        Ok(AutoCheckpointer {
            shared,
            thread: Some(thread),
            fork_generation: fork_generation(),
            every_entries,
        })
    }

    /// Entries were appended: `count` after `before`.
    pub fn appended(&self, before: u64, count: u64) {
        let Some(every) = self.every_entries else {
            return;
        };
        if before / every != before.wrapping_add(count) / every {
            self.shared.state.lock().due = true;
            self.shared.changed.notify_one();
        }
    }

    /// ItemKind came of it so far.
    pub fn status(&self) -> AutomaticStatus {
        self.shared.state.lock().status.clone()
    }
}

impl Drop for AutoCheckpointer {
    fn drop(&mut self) {
        let thread = self.thread.take();
        if self.fork_generation != fork_generation() {
            // It runs in the parent only.
            std::mem::forget(thread);
            return;
        }
        self.shared.state.lock().ending = true;
        self.shared.changed.notify_one();
        // The caller's function, which runs there, may drop the log; then it ends by itself.
        let this = thread::current().id();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != this) {
            // Panics were caught and counted there.
            let _ = join(thread);
        }
    }
}

struct Worker {
    log: Arc<ShardedInner>,
    shared: Arc<Shared>,
    wanted: AutomaticCheckpoints,
}

impl Worker {
    fn run(&self) {
        let mut covered = 0;
        while let Some(appended) = self.wait(covered) {
            let worked = catch_unwind(AssertUnwindSafe(|| self.work()));
            let worked = worked.unwrap_or_else(|_| {
                let what = "a panic while a checkpoint was made";
                Err(Error::Io(std::io::Error::other(what)))
            });
            self.log.telling(|_| ());
            match &worked {
                Ok(()) => covered = appended,
                Err(Error::Closed) => return,
                Err(error) => {
                    let message = format!("automatic checkpoint: {error}");
                    self.log.wal.context().log(log::Level::Error, &message);
                }
            }
            let status = &mut self.shared.state.lock().status;
            status.created += u64::from(worked.is_ok());
            status.failed += u64::from(worked.is_err());
            status.last_error = worked.err().map(|error| error.to_string());
        }
    }

    /// Waits until a checkpoint is due, and tells how many entries had been appended then; the last
    /// one that was made holds `covered` of them. `None`: the log ends.
    fn wait(&self, covered: u64) -> Option<u64> {
        let deadline = |every: Duration| now().checked_add(every);
        let mut state = self.shared.state.lock();
        let mut time_due = self.wanted.every.and_then(deadline);
        loop {
            if state.ending {
                return None;
            }
            let appended = self.log.appended();
            if state.due {
                state.due = false;
                return Some(appended);
            }
            match time_due {
                None => self.shared.changed.wait(&mut state),
                Some(due) if due > now() => {
                    self.shared.changed.wait_until(&mut state, due);
                }
                Some(_) if appended != covered => return Some(appended),
                Some(_) => time_due = self.wanted.every.and_then(deadline),
            }
        }
    }

    fn work(&self) -> Result<()> {
        let number = self.log.next_checkpoint_number()?;
        let id = self.wanted.ids.make(number);
        self.log.create_checkpoint(&id)?;
        match self.wanted.keep_latest {
            Some(keep) => self.log.retain(keep),
            None => Ok(()),
        }
    }
}
