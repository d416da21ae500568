//! How are bytes that are about to be cut kept aside?
//!
//! Whole or not at all: they are copied under a temporary name, synced, and given their name
//! only then. A copy of the same bytes that is there already is as good as a new one, so a step
//! that is tried at each open leaves one copy, and needs room once.
//!
//! A crash leaves the temporary file, which open removes, or the copy. Failure: the temporary file
//! is removed, and nothing was changed. Names are made durable by the caller.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::format::CUT_SUFFIX;
use crate::ids::FileOffset;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;
use crate::storage::remove_file_if_there;

/// The name of a copy that is not finished, in the stream's directory.
pub const UNFINISHED_COPY: &str = "cut#new";

/// So much is copied or compared at once.
const CHUNK_LEN: usize = 128 << 10;

/// Copies the bytes of a segment from `from` to `len`, where its file ends, aside.
pub(super) fn save_range(
    storage: &dyn Storage,
    segment: &Path,
    from: FileOffset,
    len: u64,
) -> io::Result<()> {
    let unfinished = segment.with_file_name(UNFINISHED_COPY);
    let name = |number| cut_name(segment, from, number);
    copy_aside(storage, segment, from.0..len, &unfinished, name).map(drop)
}

/// Renames a whole segment file aside.
pub(super) fn save_whole(storage: &dyn Storage, segment: &Path) -> io::Result<()> {
    let source = storage.open_file(segment, Access::Read)?;
    let bytes = 0..source.len()?;
    let name = |number| cut_name(segment, FileOffset(0), number);
    match place_for(storage, &*source, bytes, name)? {
        Place::Free(target) => storage.rename(segment, &target),
        // A renaming that a crash did half, or a copy that was put back by hand.
        Place::Taken(_, copy) => {
            copy.sync_all()?;
            remove_file_if_there(storage, segment)
        }
    }
}

fn cut_name(segment: &Path, from: FileOffset, number: u64) -> PathBuf {
    let name = segment.file_name().unwrap_or_default().to_string_lossy();
    let suffix = match number {
        0 => String::new(),
        _ => format!("-{}", number + 1),
    };
    segment.with_file_name(format!("{name}{CUT_SUFFIX}-{from}{suffix}"))
}

/// Copies bytes of a file to the first of the names `name(0)`, `name(1)`, … that nothing has, by
/// way of the name `unfinished`; or finds that one of them holds the same bytes. The copy's name.
pub fn copy_aside(
    storage: &dyn Storage,
    path: &Path,
    bytes: Range<u64>,
    unfinished: &Path,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<PathBuf> {
    let source = storage.open_file(path, Access::Read)?;
    let target = match place_for(storage, &*source, bytes.clone(), name)? {
        Place::Taken(target, copy) => return copy.sync_all().map(|()| target),
        Place::Free(target) => target,
    };
    remove_file_if_there(storage, unfinished)?;
    let copied = copy(storage, &*source, bytes, unfinished);
    let saved = copied.and_then(|()| storage.rename(unfinished, &target));
    if saved.is_err() {
        // It would take room that others need. What cannot be removed now, the next open removes.
        let _ = storage.remove_file(unfinished);
    }
    saved.map(|()| target)
}

/// Where a whole file is kept aside: the first of the names that nothing has, or one that holds
/// the same bytes, which is then durable but for its name. True: it is there already.
#[cfg(feature = "sharded")]
pub fn name_aside(
    storage: &dyn Storage,
    path: &Path,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<(PathBuf, bool)> {
    let source = storage.open_file(path, Access::Read)?;
    let bytes = 0..source.len()?;
    match place_for(storage, &*source, bytes, name)? {
        Place::Free(target) => Ok((target, false)),
        Place::Taken(target, copy) => copy.sync_all().map(|()| (target, true)),
    }
}

/// Where a copy goes.
enum Place {
    /// A name that nothing has.
    Free(PathBuf),
    /// The same bytes are there already.
    Taken(PathBuf, Arc<dyn StorageFile>),
}

fn place_for(
    storage: &dyn Storage,
    source: &dyn StorageFile,
    bytes: Range<u64>,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<Place> {
    let mut number = 0;
    loop {
        let path = name(number);
        match storage.kind(&path)? {
            None => return Ok(Place::Free(path)),
            Some(EntryKind::File) => {
                let copy = storage.open_file(&path, Access::ReadWrite)?;
                if holds_the_same(&*copy, source, bytes.clone())? {
                    return Ok(Place::Taken(path, copy));
                }
            }
            Some(_) => {}
        }
        number += 1;
    }
}

fn holds_the_same(
    copy: &dyn StorageFile,
    source: &dyn StorageFile,
    bytes: Range<u64>,
) -> io::Result<bool> {
    if copy.len()? != bytes.end - bytes.start {
        return Ok(false);
    }
    let mut chunks = [vec![0; CHUNK_LEN], vec![0; CHUNK_LEN]];
    let mut at = bytes.start;
    while at < bytes.end {
        let len = CHUNK_LEN.min(usize::try_from(bytes.end - at).unwrap_or(CHUNK_LEN));
        let [ours, theirs] = &mut chunks;
        read_exact_at(source, at, &mut ours[..len])?;
        read_exact_at(copy, at - bytes.start, &mut theirs[..len])?;
        if ours[..len] != theirs[..len] {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}

fn copy(
    storage: &dyn Storage,
    source: &dyn StorageFile,
    bytes: Range<u64>,
    to: &Path,
) -> io::Result<()> {
    let target = storage.create_file(to)?;
    let mut chunk = vec![0; CHUNK_LEN];
    let mut at = bytes.start;
    while at < bytes.end {
        let len = CHUNK_LEN.min(usize::try_from(bytes.end - at).unwrap_or(CHUNK_LEN));
        // Anything less than all would be cut without a copy.
        read_exact_at(source, at, &mut chunk[..len])?;
        target.write_at(at - bytes.start, &[IoSlice::new(&chunk[..len])])?;
        at += len as u64;
    }
    target.sync_all()
}
