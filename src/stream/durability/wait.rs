//! How a caller learns that an entry is durable without syncing itself.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::commit::CommitError;
use crate::commit::Waited;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::platform::sleep;
use crate::primitives::now;
use crate::stream::StreamInner;
use crate::stream::durability::is_in_callback;
use crate::stream::state::StreamState;

impl StreamInner {
    /// Whether `id` is durable, now or after waiting at most `timeout`. Zero asks only. Waiting
    /// makes a helper sync. Only where no helper can be started it syncs on this thread, however
    /// long that takes. The caller holds no lock.
    pub fn wait_durable(&self, id: u64, timeout: Duration) -> Result<()> {
        let end = EntryId(id.saturating_add(1));
        if self.group_commit.durable_end() >= end {
            return Ok(());
        }
        let deadline = now().checked_add(timeout);
        if self.follower.is_some() {
            return self.poll_until_durable(end, deadline);
        }
        // Each time round, a cut may have moved the ids.
        loop {
            let place = {
                let mut tail = self.tail.lock();
                if self.group_commit.durable_end() >= end {
                    return Ok(());
                }
                self.check_writable(&tail)?;
                if timeout.is_zero() {
                    return Err(Error::Timeout);
                }
                if tail.written().next_id < end {
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
                    if timed_out && tail.written().next_id < end {
                        return Err(Error::Timeout);
                    }
                    continue;
                }
                tail.written_place_of(end)
            };
            // A callback may run on the helper that syncs: then it syncs itself.
            if is_in_callback() || !self.is_synced_by_a_helper() {
                let synced = self.make_place_durable(place);
                return synced.or_else(|error| self.check_poisoned().and(Err(error)));
            }
            match self.group_commit.wait(place, deadline) {
                Ok(Waited::Committed) => return Ok(()),
                Ok(Waited::LookAgain) => {}
                Err(error) => return Err(self.wait_error(error)),
            }
        }
    }

    /// Why a wait ended without success.
    pub(super) fn wait_error(&self, error: CommitError<Arc<Error>>) -> Error {
        match error {
            CommitError::Poisoned(cause) if matches!(*cause, Error::Detached(_)) => {
                cause.duplicate()
            }
            CommitError::Poisoned(cause) => Error::Poisoned {
                stream: self.key.to_string(),
                cause,
            },
            CommitError::Closed => Error::Closed,
            CommitError::Timeout => Error::Timeout,
        }
    }

    /// Asks a helper to sync the stream soon. False: there is none, and none can be started.
    pub(super) fn is_synced_by_a_helper(&self) -> bool {
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
        background_tasks.has_thread_for_syncs(&stream)
    }

    /// The same where another process writes the stream: no thread wakes this one, so it polls.
    fn poll_until_durable(&self, end: EntryId, deadline: Option<Instant>) -> Result<()> {
        loop {
            self.refresh()?;
            if self.group_commit.durable_end() >= end {
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
