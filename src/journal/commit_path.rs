//! How does a stream's round hand its range over, and what comes back?

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::Weak;

use crate::commit::CommitError;
use crate::commit::Reached;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::format::JournalItem;
use crate::format::SECTOR_LEN;
use crate::format::finish_journal_record;
use crate::journal::Journal;
use crate::journal::ring::Retired;
use crate::journal::ring::StreamNumber;
use crate::journal::ring::WriteBack;
use crate::stats::JournalRetired;

impl Journal {
    /// Adds items of a stream to the record that gathers, with those of the others that wait: its number.
    /// `None`: they are not taken, and the stream is to be synced in place. The caller leads the stream's rounds.
    pub fn add(
        &self,
        items: &[JournalItem<'_>],
        owner: (StreamNumber, &Weak<dyn WriteBack>),
    ) -> Option<u64> {
        self.ring.lock().add(items, Some(owner))
    }

    /// Makes it durable that the stream of this key and incarnation is deleted, so that no item of it counts
    /// any more. Nothing to do, where no file holds one. The caller leads the stream's rounds, and has made
    /// the stream durable in place.
    pub fn make_void(
        &self,
        item: &JournalItem<'_>,
        number: StreamNumber,
    ) -> Result<(), Arc<Error>> {
        let record = {
            let mut ring = self.ring.lock();
            if !ring.holds(number) {
                return Ok(());
            }
            match (ring.add(&[*item], None), ring.retired()) {
                (Some(record), _) => Ok(record),
                (None, Some(retired)) => Err(Arc::clone(&retired.error)),
                (None, None) => Err(self.is_full()),
            }
        };
        record.and_then(|record| self.make_durable(record))
    }

    /// Before the stream of this number is made void: makes room for that, where a file holds a range of it. As
    /// [`Journal::keep_up`].
    pub fn make_room_for_void(&self, number: StreamNumber) -> Option<Arc<Error>> {
        let has_room = {
            let mut ring = self.ring.lock();
            ring.retired().is_some() || !ring.holds(number) || ring.has_room_for_void()
        };
        match has_room {
            true => None,
            false => self.keep_up(),
        }
    }

    fn is_full(&self) -> Arc<Error> {
        let busy = std::io::Error::new(
            std::io::ErrorKind::WouldBlock,
            "the commit journal is full, and is being written back; try again",
        );
        Arc::new(Error::io(busy, ErrorContext::at(&self.dir)))
    }

    /// Returns once the record with this number is durable, and so are all before it. An error: it failed, and
    /// the streams in it are to be synced in place. A record that may be there all the same does no harm, for it
    /// holds what the streams' files hold.
    pub fn make_durable(&self, record: u64) -> Result<(), Arc<Error>> {
        let done = self.group.commit(record + 1, || false, || self.round());
        done.map_err(|failed| {
            let mut ring = self.ring.lock();
            // A thread panicked in a round: no record is written any more.
            if let (None, CommitError::Poisoned(error)) = (ring.retired(), failed) {
                ring.retire(Retired {
                    error,
                    reason: JournalRetired::NotWritten,
                    record: None,
                    is_void: false,
                });
            }
            match ring.retired() {
                Some(retired) => Arc::clone(&retired.error),
                None => self.is_full(),
            }
        })
    }

    /// Writes the record that gathers. A failure retires the journal.
    fn round(&self) -> Result<Reached<u64, u64>, Arc<Error>> {
        let Some(mut taken) = self.ring.lock().take() else {
            return Ok(self.group.reached());
        };
        let head = (taken.item_count, taken.number);
        finish_journal_record(&mut taken.bytes, head, taken.seed, taken.at);
        let written = taken
            .file
            .write_durably_at(taken.at.0, &[IoSlice::new(&taken.bytes)]);
        let error = match written {
            Ok(()) => None,
            Err(error) => {
                // Part of a batch may be in it, whose places are given back: so it is to be none.
                let zeros = [0; SECTOR_LEN];
                let void = taken
                    .file
                    .write_durably_at(taken.at.0, &[IoSlice::new(&zeros)]);
                let error = Error::io(error, ErrorContext::at(&self.dir));
                Some(Retired {
                    error: Arc::new(error),
                    reason: JournalRetired::NotWritten,
                    record: Some(taken.number),
                    is_void: void.is_ok(),
                })
            }
        };
        let mut ring = self.ring.lock();
        if let Some(retired) = error {
            let error = Arc::clone(&retired.error);
            ring.retire(retired);
            return Err(error);
        }
        ring.count_record(taken.item_count, taken.bytes.len());
        ring.keep_buffer(taken.bytes);
        let end = taken.number + 1;
        Ok(Reached {
            point: end,
            end_id: end,
        })
    }
}
