//! How are entries collected and appended as one frame?

use std::ops::Range;

use crate::error::Result;
use crate::error::memory;
use crate::wal::Wal;

/// Collects entries in memory and appends them as one frame: after any crash all of them exist or
/// none. Dropped without [`TxnWriter::commit`] it leaves no trace.
///
/// Counts as a clone of the [`Wal`] it came from: the log stays open while it lives.
#[derive(Debug)]
pub struct TxnWriter {
    wal: Wal,
    stream: String,
    entries: Vec<Vec<u8>>,
}

impl TxnWriter {
    pub(super) fn new(wal: Wal, stream: &str) -> Self {
        TxnWriter {
            wal,
            stream: stream.to_owned(),
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
        self.wal.append_batch(&self.stream, &entries)
    }
}
