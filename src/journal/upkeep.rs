//! What do the log's helper and its close do for the journal?

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::journal::Journal;
use crate::journal::make_empty;
use crate::journal::ring::Chore;
use crate::journal::ring::Owners;
use crate::journal::ring::WrittenBack;
use crate::journal::turn::FIRST_FILE_LEN;
use crate::stats::JournalRetired;
use crate::storage::is_out_of_space;

impl Journal {
    /// Whether [`Journal::keep_up`] has something to do.
    pub fn has_chore(&self) -> bool {
        self.ring.lock().has_chore()
    }

    /// Makes files that are missing, and writes back those that are full. What failed, once: from then on
    /// all streams are synced in place. The caller holds no lock, and leads no stream.
    pub fn keep_up(&self) -> Option<Arc<Error>> {
        let _alone = self.upkeep.lock();
        loop {
            let chore = self.ring.lock().chore();
            match chore {
                Some(Chore::Make) => self.make_next(),
                Some(Chore::Empty(owners)) => self.empty_full(owners),
                None => break,
            }
        }
        let report = self.ring.lock().take_report();
        if report.is_some() {
            self.leave();
        }
        report
    }

    /// Once it takes no more: makes its files hold nothing, if all that they hold is durable in place. Otherwise no
    /// stream in them can be deleted before the log is opened again, for it would come back.
    fn leave(&self) {
        // A record that was added before may be on its way.
        self.group.exclusive(|| ());
        let (has_files, owners) = {
            let ring = self.ring.lock();
            (ring.files().next().is_some(), ring.all_owners())
        };
        let needs_none =
            |owners: Owners| write_back(owners).is_some_and(|poisoned| poisoned.is_empty());
        if has_files && needs_none(owners) && make_empty(&*self.storage, &self.dir).is_ok() {
            self.ring.lock().take_files();
        }
    }

    fn make_next(&self) {
        let (number, turn, longest) = self.ring.lock().next_file();
        let len = self.next_len(longest);
        let made = self.make_file(number, turn, len);
        let mut ring = self.ring.lock();
        match made {
            Ok(file) => ring.add_ready(file),
            Err(error) if is_out_of_space(&error) => {
                ring.note_no_space(Error::io(error, ErrorContext::at(&self.dir)));
            }
            Err(error) => {
                let error = Error::io(error, ErrorContext::at(&self.dir));
                ring.retire_because(JournalRetired::NoFile, error);
            }
        }
    }

    fn empty_full(&self, owners: Owners) {
        // A record of that file may still be on its way: the round of the last one.
        self.group.exclusive(|| ());
        let kept = match write_back(owners) {
            Some(poisoned) if poisoned.is_empty() => Ok(()),
            Some(poisoned) => self.keep_aside(poisoned),
            None => {
                let what = "a stream could not be written back";
                let error = std::io::Error::other(what);
                Err(Error::io(error, ErrorContext::at(&self.dir)))
            }
        };
        let mut ring = self.ring.lock();
        if let Err(error) = kept {
            ring.retire_because(JournalRetired::NotWrittenBack, error);
            return;
        }
        let (_, turn, longest) = ring.next_file();
        let Some(full) = ring.take_full() else { return };
        drop(ring);
        let begun = self.begin_turn(full, turn, self.next_len(longest));
        let mut ring = self.ring.lock();
        match begun {
            Ok(file) => ring.add_ready(file),
            Err((file, error)) => {
                ring.put_back(file);
                let error = Error::io(error, ErrorContext::at(&self.dir));
                ring.retire_because(JournalRetired::NoFile, error);
            }
        }
    }

    fn next_len(&self, longest: u64) -> u64 {
        longest
            .saturating_mul(2)
            .max(FIRST_FILE_LEN)
            .min(self.max_file_len)
    }

    /// Ends the journal, when all streams are closed. `all_durable`: they are durable in place, so its files are
    /// made to hold nothing, and removed; otherwise the next open needs them. A call that is still under way makes
    /// no file from here on: by then the directory may be another process's.
    pub fn finish(&self, all_durable: bool) -> std::io::Result<()> {
        let _alone = self.upkeep.lock();
        let files = {
            let mut ring = self.ring.lock();
            // No caller asks a closed log for its reason.
            ring.retire_because(JournalRetired::NotWritten, Error::Closed);
            ring.take_report();
            ring.take_files()
        };
        if files.is_empty() || !all_durable {
            return Ok(());
        }
        drop(files);
        make_empty(&*self.storage, &self.dir)
    }
}

/// Writes all streams back that are still there: those that are poisoned, and need the journal. `None`: another
/// one failed.
fn write_back(owners: Owners) -> Option<Owners> {
    let mut poisoned = Owners::default();
    let mut has_failed = false;
    for (number, owner) in owners {
        // One that is gone was deleted, and is void.
        let done = owner.upgrade().map(|stream| stream.write_back());
        match done {
            None | Some(WrittenBack::InPlace) => {}
            Some(WrittenBack::IsPoisoned) => {
                poisoned.insert(number, owner);
            }
            Some(WrittenBack::Failed) => has_failed = true,
        }
    }
    (!has_failed).then_some(poisoned)
}
