//! How do the parts of a batch over streams get into one record?
//!
//! Their bytes are in no file yet. So, other than a range of one stream, a batch cannot go in place where the record
//! fails: its places are given back, and then the record must be none, whatever the disk did with it.

use std::sync::Arc;

use crate::error::Error;
use crate::journal::Journal;
use crate::journal::ring::NOT_FOR_BATCHES;
use crate::journal::ring::OwnedItems;
use crate::journal::turn::FIRST_FILE_LEN;

/// The most that a batch takes, where files are long enough.
const MAX_BATCH: u64 = 256 << 10;

/// Room for a batch. Given back when it is dropped.
pub struct Room<'a> {
    journal: &'a Journal,
    len: u64,
}

/// What became of a batch whose record failed.
pub enum WriteFault {
    /// No record holds it, durably.
    IsVoid(Arc<Error>),
    /// A record may hold it, once the log is opened again.
    Unknown(Arc<Error>),
}

impl Journal {
    /// The most that a batch takes: half of the shortest file, where that leaves the place for void records.
    pub fn max_batch(&self) -> u64 {
        let shortest = FIRST_FILE_LEN.min(self.max_file_len);
        MAX_BATCH
            .min(shortest / 2)
            .min(shortest.saturating_sub(NOT_FOR_BATCHES))
    }

    /// Reserves room. `None`: there is none before the journal was kept up. An error: it is retired, or the disk is
    /// full.
    pub fn reserve(&self, len: u64) -> Result<Option<Room<'_>>, Arc<Error>> {
        let mut ring = self.ring.lock();
        if let Some(retired) = ring.retired() {
            return Err(Arc::clone(&retired.error));
        }
        let is_reserved = ring.reserve(len);
        if let (false, Some(error)) = (is_reserved, ring.no_space()) {
            return Err(Arc::clone(error));
        }
        Ok(is_reserved.then(|| Room { journal: self, len }))
    }

    /// Returns once the record with this number, which holds a batch, is durable.
    pub fn make_durable_or_void(&self, record: u64) -> Result<(), WriteFault> {
        self.make_durable(record).map_err(|error| {
            let ring = self.ring.lock();
            let failed = ring.retired().and_then(|retired| {
                let failed = retired.record?;
                // Records behind the one that failed are never written.
                Some(failed < record || (failed == record && retired.is_void))
            });
            match failed {
                Some(true) => WriteFault::IsVoid(error),
                Some(false) | None => WriteFault::Unknown(error),
            }
        })
    }
}

impl Room<'_> {
    /// Adds the parts, all to one record: its number. `None`: the journal was retired meanwhile.
    pub fn add_all(self, parts: &[OwnedItems<'_>]) -> Option<u64> {
        let mut ring = self.journal.ring.lock();
        let record = ring.add_all(parts);
        drop(ring);
        record
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.journal.ring.lock().release(self.len);
    }
}
