//! Which file takes the next record, and which streams need which file? Plain data under one lock.
//!
//! There are two files at most that take records. One takes them. When it is full, the other one takes its place,
//! if that is ready, and the full one is written back: each stream with a range in it is synced in place. Then
//! it begins another turn, and is ready. While none is ready, no range is taken: the streams are synced in
//! place. What poisoned streams need stands in files aside.

use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use crate::error::Error;
use crate::format::JOURNAL_RECORD_HEADER_LEN;
use crate::format::JournalItem;
use crate::format::JournalSeed;
use crate::format::journal_record_len;
use crate::ids::FileOffset;
use crate::platform::HashMap;
use crate::primitives::now;
use crate::stats::JournalRetired;
use crate::stats::JournalStats;
use crate::storage::StorageFile;

/// The most that one record holds.
const MAX_RECORD_LEN: usize = 1 << 20;

/// The end of a file is kept for items that make a stream void: these cannot go in place.
const KEPT_FOR_VOIDS: u64 = 8 << 10;

/// What of an empty file no batch over streams gets: that, the header of the file, that of its record, and zeros
/// behind.
pub const NOT_FOR_BATCHES: u64 = KEPT_FOR_VOIDS + 1024 + JOURNAL_RECORD_HEADER_LEN as u64;

/// After there was no space for a file, none is made for so long.
const PAUSE_WITHOUT_SPACE: Duration = Duration::from_secs(1);

/// What a record takes that makes a stream void, at most.
const MAX_VOID_LEN: u64 = 512;

/// The number of the first record of a file aside.
pub const FIRST_ASIDE_RECORD: u64 = 1;

/// A name has two digits.
const MAX_FILES: usize = 100;

/// A stream with ranges in the journal.
pub trait WriteBack: Send + Sync {
    /// Makes durable in the stream's own files all of it that is durable in the journal only. The caller holds
    /// no lock.
    fn write_back(&self) -> WrittenBack;

    /// The stream's key.
    fn key(&self) -> &Arc<str>;
}

/// What became of a stream that was to be written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenBack {
    /// It needs the journal no more.
    InPlace,
    /// It is poisoned: it needs what the journal holds of it until the log is opened again, and is not deleted
    /// before.
    IsPoisoned,
    /// It failed.
    Failed,
}

/// What distinguishes a stream from all others of the log.
pub type StreamNumber = u64;

/// Items of a stream, and the stream.
pub type OwnedItems<'a> = (Vec<JournalItem<'a>>, (StreamNumber, Weak<dyn WriteBack>));

/// The streams with ranges in a file.
pub type Owners = HashMap<StreamNumber, Weak<dyn WriteBack>>;

/// A file in its turn.
pub struct JournalFile {
    pub file: Arc<dyn StorageFile>,
    /// It has zeros, or records of earlier turns, up to here.
    pub len: u64,
    /// Records end here.
    pub used: u64,
    pub seed: JournalSeed,
    pub owners: Owners,
}

/// The record that gathers.
struct Gathering {
    /// Room for the header, then the items.
    bytes: Vec<u8>,
    item_count: u32,
    number: u64,
}

/// A record to be written.
pub struct Taken {
    pub bytes: Vec<u8>,
    pub item_count: u32,
    pub number: u64,
    pub file: Arc<dyn StorageFile>,
    pub seed: JournalSeed,
    pub at: FileOffset,
}

/// Why a journal takes no more.
#[derive(Clone)]
pub struct Retired {
    pub error: Arc<Error>,
    pub reason: JournalRetired,
    /// The record that could not be written, if it was one.
    pub record: Option<u64>,
    /// That record is none: zeros stand in its place, durably.
    pub is_void: bool,
}

/// What a helper has to do.
pub enum Chore {
    /// A file is to be made.
    Make,
    /// These streams are to be written back, so that the file can begin another turn.
    Empty(Owners),
}

/// The files, and the record that gathers.
pub struct Ring {
    /// Takes records.
    active: Option<JournalFile>,
    /// Takes them next.
    ready: Option<JournalFile>,
    /// Is to be written back.
    full: Option<JournalFile>,
    /// Hold what poisoned streams need, until the log is opened again.
    aside: Vec<JournalFile>,
    /// Those of a file that begins another turn: on disk it holds their ranges until that has begun.
    leaving: Owners,
    gathering: Gathering,
    /// The buffer of the last record, to be used again.
    spare: Vec<u8>,
    /// So many bytes of the active file are kept for batches over streams.
    reserved: u64,
    /// Why it takes no more.
    retired: Option<Retired>,
    /// Why no file could be made: there was no space. It is tried again from then on.
    no_space: Option<(Arc<Error>, Instant)>,
    is_reported: bool,
    last_turn: u64,
    counts: Counts,
}

/// What has happened.
#[derive(Default)]
struct Counts {
    records: u64,
    items: u64,
    bytes: u64,
    write_backs: u64,
    refused: u64,
}

impl Ring {
    pub fn new(first_record: u64) -> Self {
        Ring {
            active: None,
            ready: None,
            full: None,
            aside: Vec::new(),
            leaving: Owners::default(),
            gathering: Gathering {
                bytes: vec![0; JOURNAL_RECORD_HEADER_LEN],
                item_count: 0,
                number: first_record,
            },
            spare: Vec::new(),
            reserved: 0,
            retired: None,
            no_space: None,
            is_reported: false,
            last_turn: 0,
            counts: Counts::default(),
        }
    }

    /// Adds items to the record that gathers: its number. `None`: there is no room now, or the journal is
    /// retired.
    pub fn add(
        &mut self,
        items: &[JournalItem<'_>],
        owner: Option<(StreamNumber, &Weak<dyn WriteBack>)>,
    ) -> Option<u64> {
        let record = self.try_add(items, owner);
        self.counts.refused += u64::from(record.is_none());
        record
    }

    fn try_add(
        &mut self,
        items: &[JournalItem<'_>],
        owner: Option<(StreamNumber, &Weak<dyn WriteBack>)>,
    ) -> Option<u64> {
        if self.retired.is_some() {
            return None;
        }
        let added: usize = items.iter().map(JournalItem::len).sum();
        let items_len = self.gathering.bytes.len() - JOURNAL_RECORD_HEADER_LEN + added;
        let record_len = journal_record_len(items_len);
        if record_len > MAX_RECORD_LEN {
            return None;
        }
        let kept = if owner.is_some() { KEPT_FOR_VOIDS } else { 0 };
        if !self.make_room(record_len as u64 + kept) {
            return None;
        }
        self.put(items, owner);
        Some(self.gathering.number)
    }

    /// Keeps so many bytes for a batch, as long as it takes to be made. False: there is no room now.
    pub fn reserve(&mut self, len: u64) -> bool {
        let gathered = self.gathering.bytes.len() as u64;
        let has_room = self.make_room(gathered + len + KEPT_FOR_VOIDS);
        if has_room {
            self.reserved += len;
        }
        has_room
    }

    /// Gives back what was reserved.
    pub fn release(&mut self, len: u64) {
        self.reserved -= len;
    }

    /// Adds the items of a batch, for which room was reserved, all to one record: its number.
    pub fn add_all(&mut self, parts: &[OwnedItems<'_>]) -> Option<u64> {
        if self.retired.is_some() || self.active.is_none() {
            return None;
        }
        for (items, (number, owner)) in parts {
            self.put(items, Some((*number, owner)));
        }
        Some(self.gathering.number)
    }

    fn put(
        &mut self,
        items: &[JournalItem<'_>],
        owner: Option<(StreamNumber, &Weak<dyn WriteBack>)>,
    ) {
        for item in items {
            item.put(&mut self.gathering.bytes);
        }
        self.gathering.item_count += items.len() as u32;
        if let (Some((number, owner)), Some(active)) = (owner, &mut self.active) {
            active.owners.entry(number).or_insert_with(|| owner.clone());
        }
    }

    /// Whether a record of this length fits, perhaps into the next file.
    fn make_room(&mut self, record_len: u64) -> bool {
        if !self.has_room(record_len) {
            self.change_file();
        }
        self.has_room(record_len)
    }

    fn has_room(&self, len: u64) -> bool {
        let active = self.active.as_ref();
        active.is_some_and(|active| active.used + self.reserved + len <= active.len)
    }

    /// The file that is ready takes the next record, where none gathers for the active one.
    fn change_file(&mut self) {
        let is_between = self.gathering.item_count == 0 && self.reserved == 0;
        if is_between && self.full.is_none() && self.ready.is_some() {
            self.full = std::mem::replace(&mut self.active, self.ready.take());
        }
    }

    /// Takes the record that gathers, to be written. `None`: it holds nothing.
    pub fn take(&mut self) -> Option<Taken> {
        let active = self.active.as_mut()?;
        let gathering = &mut self.gathering;
        if gathering.item_count == 0 {
            return None;
        }
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        next.resize(JOURNAL_RECORD_HEADER_LEN, 0);
        let at = FileOffset(active.used);
        let bytes = std::mem::replace(&mut gathering.bytes, next);
        active.used += journal_record_len(bytes.len() - JOURNAL_RECORD_HEADER_LEN) as u64;
        let number = gathering.number;
        gathering.number += 1;
        Some(Taken {
            bytes,
            item_count: std::mem::take(&mut gathering.item_count),
            number,
            file: Arc::clone(&active.file),
            seed: active.seed,
            at,
        })
    }

    /// A record of so many items is durable.
    pub fn count_record(&mut self, item_count: u32, len: usize) {
        self.counts.records += 1;
        self.counts.items += u64::from(item_count);
        self.counts.bytes += len as u64;
    }

    /// What it reports about itself.
    pub fn stats(&self) -> JournalStats {
        JournalStats {
            records: self.counts.records,
            items: self.counts.items,
            bytes: self.counts.bytes,
            write_backs: self.counts.write_backs,
            refused: self.counts.refused,
            files: self.files().count() as u64,
            file_bytes: self.files().map(|file| file.len).sum(),
            files_aside: self.aside.len() as u64,
            retired: self.retired.as_ref().map(|retired| retired.reason),
        }
    }

    /// A buffer that can be used again.
    pub fn keep_buffer(&mut self, buffer: Vec<u8>) {
        self.spare = buffer;
    }

    /// It takes no more.
    pub fn retire(&mut self, retired: Retired) {
        self.retired.get_or_insert(retired);
    }

    /// The same, for another reason than a record.
    pub fn retire_because(&mut self, reason: JournalRetired, error: Error) {
        self.retire(Retired {
            error: Arc::new(error),
            reason,
            record: None,
            is_void: false,
        });
    }

    /// Why it takes no more.
    pub fn retired(&self) -> Option<&Retired> {
        self.retired.as_ref()
    }

    /// The same, once.
    pub fn take_report(&mut self) -> Option<Arc<Error>> {
        let error = Arc::clone(&self.retired.as_ref()?.error);
        (!std::mem::replace(&mut self.is_reported, true)).then_some(error)
    }

    /// Whether a helper has something to do.
    pub fn has_chore(&self) -> bool {
        match self.retired {
            Some(_) => !self.is_reported,
            None => self.full.is_some() || (self.ready.is_none() && self.may_make()),
        }
    }

    /// Whether a file may be made: not right after there was no space for one.
    fn may_make(&self) -> bool {
        let no_space = self.no_space.as_ref();
        no_space.is_none_or(|(_, again_at)| now() >= *again_at)
    }

    /// There is no space for a file.
    pub fn note_no_space(&mut self, error: Error) {
        let again_at = now() + PAUSE_WITHOUT_SPACE;
        self.no_space = Some((Arc::new(error), again_at));
    }

    /// Why no file is made now, if that is for lack of space.
    pub fn no_space(&self) -> Option<&Arc<Error>> {
        let no_space = self.no_space.as_ref().filter(|_| !self.may_make());
        no_space.map(|(error, _)| error)
    }

    /// What a helper has to do next.
    pub fn chore(&self) -> Option<Chore> {
        if self.retired.is_some() {
            return None;
        }
        match &self.full {
            Some(full) => Some(Chore::Empty(full.owners.clone())),
            None if self.ready.is_none() && self.may_make() => Some(Chore::Make),
            None => None,
        }
    }

    /// The names that are free, the turn of the next file, and how long the longest one is.
    pub fn next_file(&mut self) -> (usize, u64, u64) {
        self.last_turn += 1;
        let longest = self.in_turns().map(|file| file.len).max().unwrap_or(0);
        (self.files().count(), self.last_turn, longest)
    }

    /// The file that is to be written back.
    pub fn full(&self) -> Option<&JournalFile> {
        self.full.as_ref()
    }

    /// A name that is free, and the turn of the next file aside. `None`: there is no such name.
    pub fn next_aside(&mut self) -> Option<(usize, u64)> {
        let (number, turn, _) = self.next_file();
        (number < MAX_FILES).then_some((number, turn))
    }

    /// A file holds what poisoned streams need.
    pub fn add_aside(&mut self, file: JournalFile) {
        self.aside.push(file);
    }

    /// The bytes of all files aside.
    pub fn aside_len(&self) -> u64 {
        self.aside.iter().map(|file| file.len).sum()
    }

    /// The file that is to be emptied: [`Ring::add_ready`] or [`Ring::put_back`] follows.
    pub fn take_full(&mut self) -> Option<JournalFile> {
        let mut full = self.full.take()?;
        self.leaving = std::mem::take(&mut full.owners);
        Some(full)
    }

    /// A file can take records.
    pub fn add_ready(&mut self, file: JournalFile) {
        self.no_space = None;
        self.counts.write_backs += u64::from(!self.leaving.is_empty());
        self.leaving = Owners::default();
        match self.active {
            None => self.active = Some(file),
            Some(_) => self.ready = Some(file),
        }
    }

    /// The file goes on being full: it could not be emptied.
    pub fn put_back(&mut self, mut file: JournalFile) {
        file.owners = std::mem::take(&mut self.leaving);
        self.full = Some(file);
    }

    /// Whether a file holds ranges of the stream.
    pub fn holds(&self, number: StreamNumber) -> bool {
        let mut owners = self.files().map(|file| &file.owners);
        self.leaving.contains_key(&number) || owners.any(|owners| owners.contains_key(&number))
    }

    /// Whether a void record fits. Otherwise the journal is to be kept up first.
    pub fn has_room_for_void(&mut self) -> bool {
        self.make_room(MAX_VOID_LEN)
    }

    /// The streams with ranges in any file.
    pub fn all_owners(&self) -> Owners {
        let owners = self.files().flat_map(|file| &file.owners);
        owners
            .map(|(number, owner)| (*number, owner.clone()))
            .collect()
    }

    /// All files, each with its owners.
    pub fn files(&self) -> impl Iterator<Item = &JournalFile> {
        self.in_turns().chain(&self.aside)
    }

    /// The files that take records.
    fn in_turns(&self) -> impl Iterator<Item = &JournalFile> {
        [&self.active, &self.ready, &self.full]
            .into_iter()
            .flatten()
    }

    /// Takes all files away: the log is closed, or nothing in them is needed.
    pub fn take_files(&mut self) -> Vec<JournalFile> {
        let files = [self.full.take(), self.active.take(), self.ready.take()];
        let aside = std::mem::take(&mut self.aside);
        files.into_iter().flatten().chain(aside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::JournalHeader;
    use crate::format::LogId;
    use crate::storage::RealDisk;
    use crate::storage::Storage;

    struct Nothing;

    impl WriteBack for Nothing {
        fn write_back(&self) -> WrittenBack {
            WrittenBack::InPlace
        }

        fn key(&self) -> &Arc<str> {
            unreachable!("is not poisoned")
        }
    }

    #[test]
    fn a_file_holds_its_ranges_until_another_turn_has_begun() {
        // A stream that was deleted meanwhile was not made void, and came back after a crash.
        let place = tempfile::tempdir().expect("a directory");
        let file = RealDisk
            .create_file(&place.path().join("a"))
            .expect("makes");
        let header = JournalHeader {
            is_aside: false,
            turn: 1,
            log: LogId([0; 16]),
            nonce: 1,
        };
        let owner: Arc<dyn WriteBack> = Arc::new(Nothing);
        let owners = Owners::from_iter([(7, Arc::downgrade(&owner))]);
        let mut ring = Ring::new(1);
        ring.full = Some(JournalFile {
            file,
            len: 1 << 20,
            used: 512,
            seed: header.seed(),
            owners,
        });
        let full = ring.take_full().expect("is full");
        assert!(ring.holds(7));
        ring.put_back(full);
        assert!(ring.holds(7));
        let full = ring.take_full().expect("is full");
        ring.add_ready(full);
        assert!(!ring.holds(7));
    }
}
