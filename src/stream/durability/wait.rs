//! How a caller learns that an entry is durable without syncing itself.

use std::time::Duration;
use std::time::Instant;

use crate::commit::CommitError;
use crate::error::Error;
use crate::error::Result;
use crate::platform::sleep;
use crate::primitives::now;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;

impl StreamInner {
    /// Whether `id` is durable, now or after waiting at most `timeout`. Zero asks only. Waiting
    /// makes a helper sync. Only where no helper can be started it syncs on this thread, however
    /// long that takes. The caller holds no lock.
    pub fn wait_durable(&self, id: u64, timeout: Duration) -> Result<()> {
        let target = id.saturating_add(1);
        if self.group_commit.committed() >= target {
            return Ok(());
        }
        let deadline = now().checked_add(timeout);
        if self.follower.is_some() {
            return self.poll_until_durable(target, deadline);
        }
        loop {
            {
                let mut tail = self.tail.lock();
                if self.group_commit.committed() >= target {
                    return Ok(());
                }
                self.check_writable(&tail)?;
                if timeout.is_zero() {
                    return Err(Error::Timeout);
                }
                if tail.written().next_id.0 < target {
                    // Not appended yet: the thread that publishes it wakes this one.
                    let timed_out = match deadline {
                        Some(deadline) => self
                            .tail_changed
                            .wait_until(&mut tail, deadline)
                            .timed_out(),
                        None => {
                            self.tail_changed.wait(&mut tail);
                            false
                        }
                    };
                    if timed_out && tail.written().next_id.0 < target {
                        return Err(Error::Timeout);
                    }
                    continue;
                }
            }
            if !self.is_synced_by_a_helper() {
                let synced = self.make_durable(target);
                return synced.or_else(|error| self.check_poisoned().and(Err(error)));
            }
            return self
                .group_commit
                .wait(target, deadline)
                .map_err(|error| match error {
                    CommitError::Poisoned(cause) if matches!(*cause, Error::Detached(_)) => {
                        cause.duplicate()
                    }
                    CommitError::Poisoned(cause) => Error::Poisoned {
                        stream: self.key.to_string(),
                        cause,
                    },
                    CommitError::Closed => Error::Closed,
                    CommitError::Timeout => Error::Timeout,
                });
        }
    }

    /// Asks a helper to sync the stream soon. False: there is none, and none can be started.
    fn is_synced_by_a_helper(&self) -> bool {
        let (Some(background_tasks), Some(stream)) =
            (self.context.background_tasks.get(), self.arc())
        else {
            return false;
        };
        if background_tasks.sync_now(&stream) {
            return true;
        }
        self.context.note_unattended();
        self.context.attend();
        background_tasks.has_thread_for_syncs()
    }

    /// The same where another process writes the stream: no thread wakes this one, so it polls.
    fn poll_until_durable(&self, target: u64, deadline: Option<Instant>) -> Result<()> {
        loop {
            self.refresh()?;
            if self.group_commit.committed() >= target {
                return Ok(());
            }
            if self.state() == StreamState::Deleted {
                return Err(self.deleted_error());
            }
            if self.is_unwatched() {
                return Err(Error::Closed);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Error::Timeout);
            }
            sleep(left.unwrap_or(POLL_INTERVAL).min(POLL_INTERVAL));
        }
    }
}

/// How often a waiting caller polls what another process writes.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
