//! What do the files on disk hold? Collects the facts and changes nothing.
//!
//! Files are read in the order of their turns, records in the order of their numbers. Bytes that are no good
//! record end a file. Where a good record follows, in this file or a later one, they are damage: a record is
//! written only once those before it are durable. Otherwise they are the torn end, or nothing.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::format::JOURNAL_RECORDS_AT;
use crate::format::JournalHeader;
use crate::format::JournalHeaderFault;
use crate::format::JournalItem;
use crate::format::JournalItemKind;
use crate::format::JournalRecord;
use crate::format::LogId;
use crate::format::SECTOR_LEN;
use crate::format::parse_journal_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::read_exact_at;

/// What the journal of a log holds.
#[derive(Debug, Default)]
pub struct JournalFacts {
    /// Its files are there.
    pub is_there: bool,
    /// The items of all good records, oldest first.
    pub items: Vec<OwnedItem>,
    /// Damage.
    pub findings: Vec<JournalFinding>,
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
    fn of(item: &JournalItem<'_>) -> Self {
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

impl std::fmt::Display for JournalFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JournalFinding::Header(path) => {
                write!(
                    f,
                    "{}: the header of the commit journal's file is damaged",
                    path.display()
                )
            }
            JournalFinding::Record { path, at } => {
                write!(
                    f,
                    "{}: a record of the commit journal is damaged at {at}",
                    path.display()
                )
            }
            JournalFinding::Missing { path, from, to } => write!(
                f,
                "{}: the records {from} to {} of the commit journal are missing before it",
                path.display(),
                to - 1
            ),
        }
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
    if storage.kind(dir)? != Some(EntryKind::Directory) || storage.is_link(dir)? {
        return Ok(Ok(facts));
    }
    let mut files = Vec::new();
    for entry in storage.list_dir(dir)? {
        if entry.kind != EntryKind::File || parse_journal_file_name(&entry.name).is_none() {
            continue;
        }
        facts.is_there = true;
        let path = dir.join(&entry.name);
        let file = storage.open_file(&path, Access::Read)?;
        let len = file.len()?;
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
        read_records(found, &mut next, &mut suspect, &mut facts);
    }
    Ok(Ok(facts))
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
    while at < bytes.len() {
        let here = FileOffset(at as u64);
        let record = match JournalRecord::may_begin(&bytes[at..]) {
            true => JournalRecord::decode(&bytes[at..], seed, here),
            false => None,
        };
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
        facts.items.extend(record.items.iter().map(OwnedItem::of));
        *next = Some(record.number + 1);
        at += record.len as usize;
    }
}
