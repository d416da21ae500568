//! What do the files on disk hold? Collects the facts and changes nothing.
//!
//! Files are read in the order of their turns, records in the order of their numbers. Bytes that are no good
//! record end a file. Where a good record follows, in this file or a later one, they are damage: a record is
//! written only once those before it are durable. Otherwise they are the torn end, or nothing. A file aside has
//! records of its own, in front of which and behind which none is missing.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::format::JOURNAL_RECORDS_AT;
use crate::format::JournalHeader;
use crate::format::JournalHeaderFault;
use crate::format::JournalItem;
use crate::format::JournalItemKind;
use crate::format::JournalRecord;
use crate::format::JournalSeed;
use crate::format::LogId;
use crate::format::SECTOR_LEN;
use crate::format::parse_journal_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::OverlayCondition;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;

/// What the journal of a log holds.
#[derive(Debug, Default)]
pub struct JournalFacts {
    /// Its files are there.
    pub is_there: bool,
    /// How many files it has.
    pub files: u64,
    /// Of these, files aside.
    pub files_aside: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Good records.
    pub records: u64,
    /// The items of all good records, oldest first.
    pub items: Vec<OwnedItem>,
    /// Damage.
    pub findings: Vec<JournalFinding>,
    /// What the files began with.
    pub headers: JournalHeaders,
}

/// The headers of a journal's files, as they were read. A log that is opened for writing overwrites them once
/// all that the journal holds is durable in the streams' files, before anything else is changed. None ever
/// comes back: each turn draws a number.
#[derive(Clone, Debug, Default)]
pub struct JournalHeaders(Vec<(Arc<dyn StorageFile>, [u8; SECTOR_LEN])>);

impl JournalHeaders {
    /// Whether these are the same.
    pub fn are(&self, others: &JournalHeaders) -> bool {
        let sectors = |headers: &JournalHeaders| {
            let sectors = headers.0.iter();
            sectors.map(|(_, sector)| *sector).collect::<Vec<_>>()
        };
        sectors(self) == sectors(others)
    }
}

impl OverlayCondition for JournalHeaders {
    fn holds(&self) -> io::Result<bool> {
        for (file, expected) in &self.0 {
            let mut sector = [0; SECTOR_LEN];
            let read = file.read_at(0, &mut sector)?;
            if sector[..read] != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The good headers of the journal in `dir`.
pub fn read_headers(storage: &dyn Storage, dir: &Path) -> io::Result<JournalHeaders> {
    let mut headers = JournalHeaders::default();
    for (_, file) in open_files(storage, dir)? {
        let mut sector = [0; SECTOR_LEN];
        let read = file.read_at(0, &mut sector)?;
        if JournalHeader::decode(&sector[..read]).is_ok() {
            headers.0.push((file, sector));
        }
    }
    Ok(headers)
}

/// The files of the journal in `dir`.
fn open_files(
    storage: &dyn Storage,
    dir: &Path,
) -> io::Result<Vec<(PathBuf, Arc<dyn StorageFile>)>> {
    if storage.kind(dir)? != Some(EntryKind::Directory) || storage.is_link(dir)? {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in storage.list_dir(dir)? {
        if entry.kind == EntryKind::File && parse_journal_file_name(&entry.name).is_some() {
            let path = dir.join(&entry.name);
            match storage.open_file(&path, Access::Read) {
                // Removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => files.push((path, file?)),
            }
        }
    }
    Ok(files)
}

/// [`JournalItem`], with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedItem {
    /// What it says.
    pub kind: JournalItemKind,
    /// The stream's key.
    pub key: Arc<str>,
    /// The stream's incarnation.
    pub incarnation: u64,
    /// The first id of the segment.
    pub first_id: EntryId,
    /// The generation of the segment.
    pub generation: u64,
    /// Where the bytes stand in the segment's file.
    pub offset: FileOffset,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl OwnedItem {
    /// What a record holds.
    pub fn as_item(&self) -> JournalItem<'_> {
        JournalItem {
            kind: self.kind,
            key: &self.key,
            incarnation: self.incarnation,
            first_id: self.first_id,
            generation: self.generation,
            offset: self.offset,
            bytes: &self.bytes,
        }
    }

    pub(super) fn of(item: &JournalItem<'_>) -> Self {
        OwnedItem {
            kind: item.kind,
            key: Arc::from(item.key),
            incarnation: item.incarnation,
            first_id: item.first_id,
            generation: item.generation,
            offset: item.offset,
            bytes: item.bytes.to_vec(),
        }
    }
}

/// Damage of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalFinding {
    /// The header of a file is damaged: none of its records is known.
    Header(PathBuf),
    /// Bytes in front of a good record are none.
    Record {
        /// The file.
        path: PathBuf,
        /// Where they begin.
        at: FileOffset,
    },
    /// Records between two files are missing.
    Missing {
        /// The file behind the gap.
        path: PathBuf,
        /// The first number that is missing.
        from: u64,
        /// The number of its first record.
        to: u64,
    },
}

impl JournalFinding {
    /// The file, and the place in it.
    pub fn place(&self) -> (&Path, FileOffset) {
        match self {
            JournalFinding::Header(path) => (path, FileOffset(0)),
            JournalFinding::Record { path, at } => (path, *at),
            JournalFinding::Missing { path, .. } => (path, FileOffset(JOURNAL_RECORDS_AT)),
        }
    }

    /// What was found there.
    pub fn what(&self) -> String {
        match self {
            JournalFinding::Header(_) => {
                "the header of the commit journal's file is damaged".to_owned()
            }
            JournalFinding::Record { at, .. } => {
                format!("a record of the commit journal is damaged at {at}")
            }
            JournalFinding::Missing { from, to, .. } => format!(
                "the records {from} to {} of the commit journal are missing before it",
                to - 1
            ),
        }
    }
}

impl std::fmt::Display for JournalFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place().0.display(), self.what())
    }
}

/// Why a journal must not be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalRefusal {
    /// Of a later version.
    Newer(PathBuf, u16),
    /// Of another log.
    OtherLog(PathBuf, LogId),
}

impl From<JournalRefusal> for Error {
    fn from(refusal: JournalRefusal) -> Self {
        match refusal {
            JournalRefusal::Newer(path, version) => Error::UnsupportedVersion(format!(
                "{} has format version {version}, newer than this library reads",
                path.display()
            )),
            JournalRefusal::OtherLog(path, log) => Error::Config(format!(
                "{} belongs to the log {log}, not to this one; move it away, or restore the log it belongs to",
                path.display()
            )),
        }
    }
}

/// By so many times its length bytes of a file are checked that turn out to be no record. Records of earlier turns
/// take its length once.
const MOST_CHECKED: usize = 16;

/// One file with a good header.
struct Found {
    path: PathBuf,
    header: JournalHeader,
    bytes: Vec<u8>,
}

/// Reads the journal in `dir`. `log`: which log it has to belong to, where that is known.
pub fn scan_journal(
    storage: &dyn Storage,
    dir: &Path,
    log: Option<LogId>,
) -> io::Result<Result<JournalFacts, JournalRefusal>> {
    let mut facts = JournalFacts::default();
    let mut files = Vec::new();
    for (path, file) in open_files(storage, dir)? {
        facts.is_there = true;
        let len = file.len()?;
        facts.files += 1;
        facts.bytes += len;
        let mut sector = [0; SECTOR_LEN];
        let read = file.read_at(0, &mut sector)?;
        match JournalHeader::decode(&sector[..read]) {
            Ok(header) if log.is_some_and(|log| log != header.log) => {
                return Ok(Err(JournalRefusal::OtherLog(path, header.log)));
            }
            Ok(header) => {
                let mut bytes = Vec::new();
                let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
                bytes.try_reserve_exact(len)?;
                bytes.resize(len, 0);
                read_exact_at(&*file, 0, &mut bytes)?;
                facts.headers.0.push((file, sector));
                facts.files_aside += u64::from(header.is_aside);
                let found = Found {
                    path,
                    header,
                    bytes,
                };
                files.push(found);
            }
            Err(JournalHeaderFault::Empty) => {}
            Err(JournalHeaderFault::Damaged) => {
                facts.findings.push(JournalFinding::Header(path));
            }
            Err(JournalHeaderFault::Newer(version)) => {
                return Ok(Err(JournalRefusal::Newer(path, version)));
            }
        }
    }
    files.sort_by_key(|found| found.header.turn);
    let mut next = None;
    // Bytes that are no record, until a good one follows.
    let mut suspect = None;
    for found in &files {
        match found.header.is_aside {
            true => read_records(found, &mut None, &mut None, &mut facts),
            false => read_records(found, &mut next, &mut suspect, &mut facts),
        }
    }
    Ok(Ok(facts))
}

/// Reads the items of a file that is in use, oldest first. Its records end at `used`. An error, also
/// `InvalidData`, after which some may have been passed: a record is not good.
pub fn for_each_item(
    file: &dyn StorageFile,
    used: u64,
    seed: JournalSeed,
    mut take: impl FnMut(&JournalItem<'_>),
) -> io::Result<()> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "a record is damaged");
    let mut at = FileOffset(JOURNAL_RECORDS_AT);
    let mut bytes = Vec::new();
    while at.0 < used {
        bytes.resize(SECTOR_LEN, 0);
        read_exact_at(file, at.0, &mut bytes)?;
        let len = JournalRecord::stated_len(&bytes).filter(|len| *len <= used - at.0);
        let len = usize::try_from(len.ok_or_else(bad)?).map_err(|_| bad())?;
        bytes.resize(len, 0);
        read_exact_at(file, at.0, &mut bytes)?;
        let record = JournalRecord::decode(&bytes, seed, at).ok_or_else(bad)?;
        record.items.iter().for_each(&mut take);
        at = FileOffset(at.0 + record.len);
    }
    Ok(())
}

/// Adds the good records of a file. `next`: the number that the next one has, once one is known. `suspect`:
/// where bytes stand in front that are no record.
fn read_records(
    found: &Found,
    next: &mut Option<u64>,
    suspect: &mut Option<(PathBuf, FileOffset)>,
    facts: &mut JournalFacts,
) {
    let seed = found.header.seed();
    let (bytes, path) = (&found.bytes, &found.path);
    let start = JOURNAL_RECORDS_AT as usize;
    let mut at = start;
    // In a forged file each sector may begin like a record that reaches to its end.
    let mut most_checked = bytes.len().saturating_mul(MOST_CHECKED);
    while at < bytes.len() {
        let here = FileOffset(at as u64);
        let checked = JournalRecord::checked_len(&bytes[at..]);
        let checked = checked.filter(|checked| *checked <= most_checked);
        let record = checked.and_then(|_| JournalRecord::decode(&bytes[at..], seed, here));
        if record.is_none() {
            most_checked -= checked.unwrap_or(0);
        }
        // A number that was there before: no writer stores it.
        let record = record.filter(|record| next.is_none_or(|next| record.number >= next));
        let Some(record) = record else {
            if suspect.is_none() {
                *suspect = Some((path.clone(), here));
            }
            at += SECTOR_LEN;
            continue;
        };
        let expected = next.unwrap_or(record.number);
        match suspect.take() {
            // The rest of a file that was left for the next one, as it should be.
            Some((before, _)) if at == start && before != *path && record.number == expected => {}
            Some((path, at)) => facts.findings.push(JournalFinding::Record { path, at }),
            None if record.number != expected => facts.findings.push(JournalFinding::Missing {
                path: path.clone(),
                from: expected,
                to: record.number,
            }),
            None => {}
        }
        facts.records += 1;
        facts.items.extend(record.items.iter().map(OwnedItem::of));
        *next = Some(record.number + 1);
        at += record.len as usize;
    }
}
