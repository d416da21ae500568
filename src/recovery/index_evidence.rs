//! What does `segments.idx` say that the stream held?
//!
//! It is no proof for reading, but evidence of a loss: everything it says was durable when it was
//! written, and only deletion, which takes the file along, and truncation, which never takes the
//! newest segment, take entries away again. It is not synced, so it may be outdated, absent or torn
//! after a power cut. Then it says less than it could, or its checksum fails: never too much.
//!
//! Failure: a file that cannot be read says nothing, as if it were absent.

use std::io;
use std::path::Path;

use crate::error::memory;
use crate::format::INDEX_FILE;
use crate::format::IndexFile;
use crate::ids::EntryId;
use crate::recovery::facts::Claim;
use crate::storage::DirEntry;
use crate::storage::EntryKind;
use crate::storage::FileHead;
use crate::storage::Storage;

/// So much is read at once: all of most of them.
const FIRST_READ: usize = 4096;

/// An index file larger than this is not ours.
const MAX_BYTES: u64 = 64 << 20;

/// The key in the index file of a directory, and what it says; `None` where there is no good one.
pub(super) fn claim(
    storage: &dyn Storage,
    dir: &Path,
    listing: &[DirEntry],
) -> Option<(String, Claim)> {
    let is_index = |entry: &DirEntry| entry.name == INDEX_FILE && entry.kind == EntryKind::File;
    if !listing.iter().any(is_index) {
        return None;
    }
    let index = read(storage, &dir.join(INDEX_FILE)).ok().flatten()?;
    let first = index.segments.first().map(|segment| segment.first_id);
    let ends = index.segments.iter().map(|segment| segment.end_id);
    let claim = Claim {
        first_id: first.unwrap_or_default(),
        end_id: ends.max().unwrap_or(EntryId(0)),
    };
    Some((index.key, claim))
}

fn read(storage: &dyn Storage, path: &Path) -> io::Result<Option<IndexFile>> {
    let mut first = [0; FIRST_READ];
    let FileHead { file, read, len } = storage.open_head(path, &mut first)?;
    if read as u64 == len {
        return Ok(IndexFile::decode(&first[..read]));
    }
    if len > MAX_BYTES {
        return Ok(None);
    }
    let mut bytes = memory::zeroed(len as usize)?;
    let read = file.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(IndexFile::decode(&bytes))
}
