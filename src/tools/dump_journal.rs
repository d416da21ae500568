//! Which records does a file of the commit journal hold?

use std::ops::ControlFlow;
use std::path::Path;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::JOURNAL_RECORDS_AT;
use crate::format::JournalHeader;
use crate::format::JournalHeaderFault;
use crate::format::JournalItem;
use crate::format::JournalItemKind;
use crate::format::JournalRecord;
use crate::format::SECTOR_LEN;
use crate::ids::FileOffset;
use crate::storage::Access;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::storage::read_exact_at;

/// A piece of a journal's file.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalPiece<'a> {
    /// The file holds nothing: it has no header.
    Empty,
    /// Its header.
    Header {
        /// The log that it belongs to, in hexadecimal.
        log: String,
        /// Files are in the order of their turns.
        turn: u64,
        /// The length of the file in bytes.
        bytes: u64,
    },
    /// A good record.
    Record {
        /// Goes on from record to record, over all files.
        number: u64,
        /// Where it stands, in bytes.
        offset: u64,
        /// Bytes that it takes.
        bytes: u64,
        /// What it holds.
        items: &'a [JournalPieceItem<'a>],
    },
    /// Bytes in front of a good record are none.
    Damaged {
        /// Where they begin.
        offset: u64,
    },
}

/// An item of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalPieceItem<'a> {
    /// `bytes`: they stand at `offset` of the segment's file; `slot`: a frontier slot does; `void`: the stream of this
    /// incarnation is deleted.
    pub kind: &'static str,
    /// The stream's key.
    pub stream: &'a str,
    /// The stream's incarnation.
    pub incarnation: u64,
    /// The first id of the segment.
    pub first_id: u64,
    /// The generation of the segment.
    pub generation: u64,
    /// The place in the segment's file.
    pub offset: u64,
    /// Bytes that the item holds.
    pub length: u64,
}

impl<'a> JournalPieceItem<'a> {
    fn of(item: &JournalItem<'a>) -> Self {
        JournalPieceItem {
            kind: match item.kind {
                JournalItemKind::Bytes => "bytes",
                JournalItemKind::Slot => "slot",
                JournalItemKind::Void => "void",
            },
            stream: item.key,
            incarnation: item.incarnation,
            first_id: item.first_id.0,
            generation: item.generation,
            offset: item.offset.0,
            length: item.bytes.len() as u64,
        }
    }
}

/// Passes the pieces of a journal's file to `visit`, until it returns `Break`. Beside a live writer, what it
/// writes meanwhile may be there or not.
///
/// Errors: `Io`; `Corruption` where the header is damaged, or the file is no journal's; `UnsupportedVersion`.
pub fn dump_journal(
    path: &Path,
    visit: &mut dyn FnMut(JournalPiece<'_>) -> ControlFlow<()>,
) -> Result<()> {
    let path = std::path::absolute(path).at(path)?;
    let file = RealDisk.open_file(&path, Access::Read).at(&path)?;
    let len = file.len().at(&path)?;
    let too_long = |_| std::io::Error::from(std::io::ErrorKind::OutOfMemory);
    let count = usize::try_from(len).map_err(too_long).at(&path)?;
    let mut bytes = memory::zeroed(count).at(&path)?;
    read_exact_at(&*file, 0, &mut bytes).at(&path)?;
    let header = match JournalHeader::decode(&bytes) {
        Ok(header) => header,
        Err(JournalHeaderFault::Empty) => {
            let _ = visit(JournalPiece::Empty);
            return Ok(());
        }
        Err(JournalHeaderFault::Damaged) => {
            let path = path.display();
            let what = format!("{path}: the header of the commit journal's file is damaged");
            return Err(Error::Corruption(what));
        }
        Err(JournalHeaderFault::Newer(version)) => {
            let path = path.display();
            return Err(Error::UnsupportedVersion(format!(
                "{path} has format version {version}, newer than this library reads"
            )));
        }
    };
    let shown = JournalPiece::Header {
        log: header.log.to_string(),
        turn: header.turn,
        bytes: len,
    };
    if visit(shown).is_break() {
        return Ok(());
    }
    let mut at = JOURNAL_RECORDS_AT as usize;
    let mut bad = None;
    while at < bytes.len() {
        let offset = FileOffset(at as u64);
        let Some(record) = JournalRecord::decode(&bytes[at..], header.seed(), offset) else {
            bad.get_or_insert(at as u64);
            at += SECTOR_LEN;
            continue;
        };
        let items: Vec<_> = record.items.iter().map(JournalPieceItem::of).collect();
        let damaged = bad.take().map(|offset| JournalPiece::Damaged { offset });
        let shown = JournalPiece::Record {
            number: record.number,
            offset: offset.0,
            bytes: record.len,
            items: &items,
        };
        for piece in damaged.into_iter().chain([shown]) {
            if visit(piece).is_break() {
                return Ok(());
            }
        }
        at += record.len as usize;
    }
    Ok(())
}
