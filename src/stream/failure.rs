//! How a failure latches: a poisoned stream takes no appends until the log is opened again.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;

impl StreamInner {
    /// Latches a failure: the stream takes no appends until it is opened anew. Takes the tail's
    /// lock, to wake the threads that wait for a write.
    pub(super) fn poison(&self, error: Arc<Error>) {
        self.latch(error);
        // A thread that checked before the latch was set and now waits has released the lock, so
        // this wakes it. The map is not used any more: every append is refused from here on.
        self.unmap();
        self.tail_changed.notify_all();
    }

    /// Latches because a helper panicked while it worked for this stream.
    pub fn poison_after_panic(&self) {
        self.poison(Arc::new(panicked("worked for the stream unasked")));
    }

    /// Latches a failure and queues a message; does not wake the threads that wait for
    /// `tail_changed`.
    pub(super) fn latch(&self, error: Arc<Error>) {
        self.blocked.store(false, Ordering::Release);
        if self.poisoned.swap(true, Ordering::AcqRel) {
            return;
        }
        let message = format!("stream {:?} is poisoned: {error}", self.key);
        self.group_commit.poison(error);
        self.context.note(log::Level::Error, message);
    }

    /// Latches where an error says that the log's root is detached, so that all threads that
    /// wait for the stream wake.
    pub(super) fn latch_if_detached(&self, error: &Error) {
        if matches!(error, Error::Detached(_)) && !self.is_poisoned() {
            self.poison(Arc::new(error.duplicate()));
        }
    }

    /// Whether it takes no appends although nothing has failed: see [`StreamInner::recovered`].
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    /// Why it takes no appends, if it is poisoned.
    pub fn poison_cause(&self) -> Option<Arc<Error>> {
        self.group_commit.poisoned()
    }

    pub(super) fn check_poisoned(&self) -> Result<()> {
        if !self.is_poisoned() {
            return Ok(());
        }
        match self.group_commit.poisoned() {
            Some(cause) => Err(Error::Poisoned {
                stream: self.key.to_string(),
                cause,
            }),
            None => Ok(()),
        }
    }
}

/// What latches when a thread panics in the middle of something.
pub(super) fn panicked(while_it: &str) -> Error {
    let what = format!("a thread panicked while it {while_it}");
    Error::Io(std::io::Error::other(what))
}
