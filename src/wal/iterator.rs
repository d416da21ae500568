//! How does a caller iterate over entries?

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::platform::fork_generation;
use crate::stream::Cursor;
use crate::stream::StreamInner;

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
#[derive(Debug)]
pub struct WalIdIterator {
    cursor: Cursor,
    fork_generation: u64,
    told_forked: bool,
}

impl WalIterator {
    pub(super) fn new(stream: Arc<StreamInner>, start: u64) -> Self {
        WalIterator {
            entries: WalIdIterator::new(stream, start),
        }
    }
}

impl WalIdIterator {
    pub(super) fn new(stream: Arc<StreamInner>, start: u64) -> Self {
        WalIdIterator {
            cursor: Cursor::new(stream, start),
            fork_generation: fork_generation(),
            told_forked: false,
        }
    }

    /// The next entry, borrowed until the next call: nothing is copied or allocated for it.
    pub fn next_entry(&mut self) -> Option<Result<(u64, &[u8])>> {
        if self.fork_generation != fork_generation() {
            // Locks of the stream may be held by threads that do not exist in the child. Returned
            // once: a caller that skips errors must reach an end.
            let told = std::mem::replace(&mut self.told_forked, true);
            return (!told).then_some(Err(Error::Forked));
        }
        match self.cursor.advance()? {
            Ok(id) => Some(Ok((id, self.cursor.bytes()))),
            Err(error) => Some(Err(error)),
        }
    }

    /// The next entry, if it is in memory and valid: no system call. `None`: nothing was done.
    #[cfg(feature = "capi")]
    pub(crate) fn try_cached_next(&mut self) -> Option<(u64, &[u8])> {
        if self.fork_generation != fork_generation() {
            return None;
        }
        let id = self.cursor.try_cached_advance()?;
        Some((id, self.cursor.bytes()))
    }
}

impl Iterator for WalIdIterator {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let copy = match self.next_entry()? {
            Ok((id, bytes)) => memory::copied(bytes).map(|bytes| (id, bytes)),
            Err(error) => return Some(Err(error)),
        };
        Some(copy.map_err(|error| self.cursor.fail(error)))
    }
}

impl Iterator for WalIterator {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.entries.next()?;
        Some(next.map(|(_, bytes)| bytes))
    }
}
