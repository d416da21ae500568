//! Which entries did the stream hold according to `segments.idx`?
//!
//! The file is no proof for reading, but evidence of a loss: all that it lists was durable when it
//! was written. Only two operations remove entries. Deletion removes the file as well, and
//! truncation never removes the newest segment. The file is not synced, so after a power failure it
//! may be outdated, absent or torn. Then it lists too little or its checksum fails, but it never
//! lists too much.
//!
//! Failure: a file that cannot be read counts as absent.

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

/// The first read: all of most index files.
const FIRST_READ: usize = 4096;

/// A larger file is not an index file.
const MAX_BYTES: u64 = 64 << 20;

/// The key in the index file of a directory, and its claim; `None`: there is no good file.
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
