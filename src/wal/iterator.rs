//! How does a caller iterate over entries?

use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::notification::View;
use crate::platform::fork_generation;
use crate::stream::Cursor;
use crate::stream::StreamInner;
use crate::wal::follow::Canceller;
use crate::wal::follow::Waiting;

/// Yields entries in order; see [`WalIdIterator`] for what it sees and when it ends.
#[derive(Debug)]
pub struct WalIterator {
    entries: WalIdIterator,
}

/// Yields entries with their ids, in order.
///
/// It sees entries that become visible while it runs: `None` means that there is nothing more
/// *now*, and a later call may return more. A run of damaged ids is one `Err`, after which the
/// iterator continues. An I/O error, a lack of memory included, and the deletion of the stream
/// (`StreamNotFound`) end it. When a truncation overtakes it, it finishes the current segment file,
/// returns one `SegmentNotFound` whose context names the missing ids, and continues with the first
/// kept id. When a suffix is cut of which it has returned an id, it returns `SuffixCut` and ends. It keeps its file readable, but does not keep the log open or locked. In a forked child
/// it returns [`Error::Forked`] once and ends.
///
/// It can also wait for what is appended: [`WalIdIterator::wait`], [`WalIdIterator::poll_wait`].
pub struct WalIdIterator {
    cursor: Cursor,
    fork_generation: u64,
    reported_fork: bool,
    /// Once it has waited.
    waiting: Option<Box<Waiting>>,
}

impl WalIterator {
    pub(super) fn new(stream: Arc<StreamInner>, start: u64) -> Self {
        WalIterator {
            entries: WalIdIterator::new(stream, start, View::ByMode),
        }
    }
}

impl WalIdIterator {
    pub(super) fn new(stream: Arc<StreamInner>, start: u64, view: View) -> Self {
        WalIdIterator {
            cursor: Cursor::new(stream, start, view),
            fork_generation: fork_generation(),
            reported_fork: false,
            waiting: None,
        }
    }

    fn is_forked(&self) -> bool {
        self.fork_generation != fork_generation()
    }

    /// Waits until the iterator has something to show, at most `timeout`. True: the next call of
    /// `next` returns an entry, or an error in its place. False: the timeout passed; zero only
    /// checks. Entries that are there are shown first, whatever has become of the stream.
    ///
    /// If the iterator shows durable entries only (`Strict`, [`View::Durable`]), what is appended
    /// while it lives is synced as soon as a helper is free, so nothing else needs to.
    ///
    /// An iterator of [`Wal::iter_with_ids`](crate::Wal::iter_with_ids) on a key that did not exist waits
    /// in vain, also beyond the close; one of [`Stream::follow`](crate::Stream::follow) sees the stream
    /// begin.
    ///
    /// In a log that another process writes the calling thread looks, at first after 100 µs, then
    /// less often, every 10 ms at last.
    ///
    /// Errors: `Cancelled`, once for each cancellation ([`WalIdIterator::canceller`]); if there
    /// is nothing to show and will not be: `Closed`, `StreamNotFound`, `Poisoned`, `Detached`;
    /// `Forked`; `Config` if an error has ended the iteration.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        let waited = self
            .waiting
            .get_or_insert_default()
            .wait(&self.cursor, timeout);
        self.cursor.stream().deliver();
        waited
    }

    /// What ends a wait from another thread. It may be cloned and sent to any number of threads; the
    /// iterator itself belongs to one thread at a time.
    pub fn canceller(&mut self) -> Canceller {
        self.waiting.get_or_insert_default().canceller()
    }

    /// As [`WalIdIterator::wait`], for a task: ready when the iterator has something to show. Until
    /// then a thread of the library wakes the task when that may have changed.
    ///
    /// Errors: those of `wait`; `Io` if the system cannot start the thread; `ReadOnly` in a log
    /// that another process writes, where nothing would wake the task.
    pub fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.is_forked() {
            return Poll::Ready(Err(Error::Forked));
        }
        let polled = self
            .waiting
            .get_or_insert_default()
            .poll(&self.cursor, context);
        self.cursor.stream().deliver();
        polled
    }

    /// The next entry, borrowed until the next call: nothing is copied or allocated for it.
    #[inline]
    pub fn next_entry(&mut self) -> Option<Result<(u64, &[u8])>> {
        if self.is_forked() {
            // Locks of the stream may be held by threads that do not exist in the child. Returned
            // once: a caller that skips errors must reach an end.
            let reported = std::mem::replace(&mut self.reported_fork, true);
            return (!reported).then_some(Err(Error::Forked));
        }
        match self.cursor.advance()? {
            Ok(id) => Some(Ok((id, self.cursor.bytes()))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Drop for WalIdIterator {
    fn drop(&mut self) {
        if self.waiting.is_some() && !self.is_forked() {
            if let Some(mut waiting) = self.waiting.take() {
                waiting.end(self.cursor.stream());
            }
        }
    }
}

impl std::fmt::Debug for WalIdIterator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalIdIterator")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl Iterator for WalIdIterator {
    type Item = Result<(u64, Vec<u8>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_entry()? {
            Ok((id, bytes)) => match memory::copied(bytes) {
                Ok(copy) => Some(Ok((id, copy))),
                Err(error) => Some(Err(self.cursor.fail(error))),
            },
            Err(error) => Some(Err(error)),
        }
    }
}

impl Iterator for WalIterator {
    type Item = Result<Vec<u8>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.entries.next()?;
        Some(next.map(|(_, bytes)| bytes))
    }
}
