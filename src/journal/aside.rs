//! How does a file become empty that holds what a poisoned stream needs?
//!
//! What the journal alone holds of a poisoned stream must stay until the log is opened again, and the file is needed
//! for the others. So the ranges of poisoned streams are copied into a file of their own, which takes nothing
//! else. Steps, and what a crash right after each leaves:
//!
//! 1. the file is made, full of zeros, and its name is durable: a file without a header, which holds nothing;
//! 2. its records are written durably: the same;
//! 3. its header is written durably: both files hold the ranges, which are laid over the streams' files twice;
//! 4. the full file begins another turn (`turn`): this file holds them.
//!
//! Invariant: no void record follows for these streams, so it does not matter that the file is behind all others.
//! A stream of which the journal alone holds something is not deleted, and one that is poisoned stays so.

use std::collections::HashSet;
use std::io;
use std::io::IoSlice;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::format::JOURNAL_RECORD_HEADER_LEN;
use crate::format::JOURNAL_RECORDS_AT;
use crate::format::JournalItemKind;
use crate::format::JournalSeed;
use crate::format::finish_journal_record;
use crate::format::journal_record_len;
use crate::ids::FileOffset;
use crate::journal::Journal;
use crate::journal::ring::FIRST_ASIDE_RECORD;
use crate::journal::ring::JournalFile;
use crate::journal::ring::Owners;
use crate::journal::scan::OwnedItem;
use crate::journal::scan::for_each_item;
use crate::storage::StorageFile;

/// A record is begun anew before it is longer than that, where one item is not.
const MAX_RECORD_LEN: usize = 1 << 20;

/// A record that is not finished: how many items are in it, and room for its header, then the items.
struct Unfinished {
    item_count: u32,
    bytes: Vec<u8>,
}

impl Unfinished {
    fn new() -> Self {
        Unfinished {
            item_count: 0,
            bytes: vec![0; JOURNAL_RECORD_HEADER_LEN],
        }
    }

    fn len(&self) -> u64 {
        journal_record_len(self.bytes.len() - JOURNAL_RECORD_HEADER_LEN) as u64
    }
}

impl Journal {
    /// Copies what the full file holds of these poisoned streams into a file of their own.
    pub(super) fn keep_aside(&self, poisoned: Owners) -> Result<(), Error> {
        let at_dir = |error| Error::io(error, ErrorContext::at(&self.dir));
        let keys = poisoned.values().filter_map(|owner| owner.upgrade());
        let keys: HashSet<Arc<str>> = keys.map(|owner| Arc::clone(owner.key())).collect();
        let (full, place) = {
            let mut ring = self.ring.lock();
            let Some(full) = ring.full() else {
                return Ok(());
            };
            let full = (Arc::clone(&full.file), full.used, full.seed);
            (full, ring.next_aside())
        };
        let (file, used, seed) = full;
        let mut items: Vec<OwnedItem> = Vec::new();
        for_each_item(&*file, used, seed, |item| {
            if !keys.contains(item.key) {
                return;
            }
            match item.kind {
                // What stands before it is of an earlier stream of that key.
                JournalItemKind::Void => items.retain(|before| *before.key != *item.key),
                _ => items.push(OwnedItem::of(item)),
            }
        })
        .map_err(at_dir)?;
        if items.is_empty() {
            return Ok(());
        }
        let records = into_records(items);
        let len = JOURNAL_RECORDS_AT + records.iter().map(Unfinished::len).sum::<u64>();
        let Some((number, turn)) = place.filter(|_| self.may_keep_aside(len)) else {
            let what =
                "poisoned streams need more of the commit journal than may be kept beside it";
            return Err(at_dir(io::Error::other(what)));
        };
        let (file, seed) = self
            .write_aside(records, (number, turn, len))
            .map_err(at_dir)?;
        self.ring.lock().add_aside(JournalFile {
            file,
            len,
            used: len,
            seed,
            owners: poisoned,
        });
        Ok(())
    }

    /// The files aside take no more than the others may.
    fn may_keep_aside(&self, len: u64) -> bool {
        self.ring.lock().aside_len() + len <= 2 * self.max_file_len
    }

    fn write_aside(
        &self,
        records: Vec<Unfinished>,
        (number, turn, len): (usize, u64, u64),
    ) -> io::Result<(Arc<dyn StorageFile>, JournalSeed)> {
        let file = self.make_zeros(number, len)?;
        let header = self.draw_header(turn, true);
        let seed = header.seed();
        let mut at = FileOffset(JOURNAL_RECORDS_AT);
        for (number, mut record) in (FIRST_ASIDE_RECORD..).zip(records) {
            finish_journal_record(&mut record.bytes, (record.item_count, number), seed, at);
            file.write_durably_at(at.0, &[IoSlice::new(&record.bytes)])?;
            at = FileOffset(at.0 + record.bytes.len() as u64);
        }
        file.write_durably_at(0, &[IoSlice::new(&header.encode())])?;
        Ok((file, seed))
    }
}

fn into_records(items: Vec<OwnedItem>) -> Vec<Unfinished> {
    let mut records = Vec::new();
    let mut last = Unfinished::new();
    for item in &items {
        let item = item.as_item();
        if last.item_count > 0 && last.bytes.len() + item.len() > MAX_RECORD_LEN {
            records.push(std::mem::replace(&mut last, Unfinished::new()));
        }
        item.put(&mut last.bytes);
        last.item_count += 1;
    }
    if last.item_count > 0 {
        records.push(last);
    }
    records
}
