//! How are entries collected and appended as one frame?

use std::fmt;
use std::ops::Range;

use crate::error::Result;
use crate::error::memory;
use crate::wal::Stream;
use crate::wal::Wal;

/// Collects entries in memory and appends them as one frame: after any crash all of them exist or
/// none. Dropped without [`TxnWriter::commit`] it leaves no trace.
///
/// Counts as a clone of the [`Wal`] it came from: the log stays open while it lives.
pub struct TxnWriter {
    target: Target,
    entries: Vec<Vec<u8>>,
}

/// Where the entries go.
enum Target {
    /// To the stream that has the key at the commit, a new one if it has none.
    Key(Wal, String),
    Stream(Stream),
}

impl fmt::Debug for TxnWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = match &self.target {
            Target::Key(_, key) => key,
            Target::Stream(stream) => stream.key(),
        };
        f.debug_struct("TxnWriter")
            .field("stream", &stream)
            .field("entries", &self.entries.len())
            .finish()
    }
}

impl TxnWriter {
    pub(super) fn new(wal: Wal, stream: &str) -> Self {
        Self::to(Target::Key(wal, stream.to_owned()))
    }

    fn to(target: Target) -> Self {
        TxnWriter {
            target,
            entries: Vec::new(),
        }
    }

    /// Adds an entry. Nothing is written before the commit.
    pub fn add(&mut self, data: impl Into<Vec<u8>>) {
        self.entries.push(data.into());
    }

    /// The same for a borrowed entry; an error if there is no memory to copy it.
    #[cfg(feature = "capi")]
    pub(crate) fn try_add(&mut self, data: &[u8]) -> Result<()> {
        let copy = memory::copied(data)?;
        Ok(memory::push(&mut self.entries, copy)?)
    }

    /// Appends all entries and returns their ids; `Ok(0..0)` without entries. Durable on return
    /// under `Strict` and `BatchOnly`.
    pub fn commit(self) -> Result<Range<u64>> {
        if self.entries.is_empty() {
            return Ok(0..0);
        }
        let entries = memory::collected(self.entries.iter().map(Vec::as_slice))?;
        match &self.target {
            Target::Key(wal, key) => wal.append_batch(key, &entries),
            Target::Stream(stream) => stream.append_batch(&entries),
        }
    }
}

impl Stream {
    /// A transaction on this stream: collects entries and appends them as one frame. Once the stream is
    /// deleted, its commit returns [`Error::StreamNotFound`](crate::Error::StreamNotFound).
    pub fn writer(&self) -> TxnWriter {
        TxnWriter::to(Target::Stream(self.clone()))
    }
}
