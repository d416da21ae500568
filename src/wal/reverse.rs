//! How does a caller iterate over entries backwards?

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::platform::fork_generation;
use crate::stream::ReverseCursor;
use crate::stream::StreamInner;
use crate::wal::Stream;

/// Yields entries with their ids, from a place down to the first kept id.
///
/// It begins with the last entry that is visible at its first step, and shows nothing that is appended
/// later. A run of damaged ids is one `Err`, after which the iterator continues below it; its context names
/// the ids. An I/O error, a lack of memory included, and the deletion of the stream (`StreamNotFound`)
/// end it. When a truncation overtakes it, it finishes the current segment file and ends. When a suffix
/// is cut of which it has returned an id, it returns `SuffixCut` and ends. It keeps its file readable,
/// but does not keep the log open or locked. In a forked child it returns [`Error::Forked`] once and ends.
#[derive(Debug)]
pub struct WalRevIterator {
    cursor: ReverseCursor,
    fork_generation: u64,
    reported_fork: bool,
}

impl WalRevIterator {
    pub(super) fn new(stream: Arc<StreamInner>, from: Option<u64>) -> Self {
        let end = from.map_or(u64::MAX, |from| from.saturating_add(1));
        WalRevIterator {
            cursor: ReverseCursor::new(stream, end),
            fork_generation: fork_generation(),
            reported_fork: false,
        }
    }

    /// The entry before, borrowed until the next call: nothing is copied or allocated for it.
    pub fn next_entry(&mut self) -> Option<Result<(u64, &[u8])>> {
        if self.fork_generation != fork_generation() {
            // Locks of the stream may be held by threads that do not exist in the child.
            let reported = std::mem::replace(&mut self.reported_fork, true);
            return (!reported).then_some(Err(Error::Forked));
        }
        match self.cursor.retreat()? {
            Ok(id) => Some(Ok((id, self.cursor.bytes()))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Iterator for WalRevIterator {
    type Item = Result<(u64, Vec<u8>)>;

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

impl Stream {
    /// Entries backwards, with their ids, from the entry `from` on, or from the last visible one if that
    /// is before, down to the first kept id. `None`: from the last visible one. See [`WalRevIterator`].
    ///
    /// A step takes a back link, and reads one buffer where the bytes are not in memory: about what a step
    /// forward costs.
    pub fn iter_rev(&self, from: Option<u64>) -> Result<WalRevIterator> {
        let core = self.current_core()?;
        Ok(WalRevIterator::new(core, from))
    }
}
