//! How are bytes of a file copied to a name of their own, whole or not at all?
//!
//! 1. They are copied under a temporary name and synced: a crash leaves the temporary file, which
//!    the next open removes.
//! 2. The temporary file gets its final name: a crash leaves the copy. The caller syncs the
//!    directory.
//!
//! A copy of the same bytes that exists already counts as made, so a step that every open repeats
//! leaves one copy and needs its space once. Failure: the temporary file is removed, and nothing
//! else was changed.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::memory;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;
use crate::storage::remove_file_if_there;

/// The most that is copied or compared at once.
const CHUNK_LEN: usize = 128 << 10;

/// Where a copy goes.
pub enum CopyTarget {
    /// A name that no file has.
    Free(PathBuf),
    /// A file that holds the same bytes already.
    Same(PathBuf, Arc<dyn StorageFile>),
}

/// The first of the names `name(0)`, `name(1)`, … that is free or has the same bytes.
pub fn find_target(
    storage: &dyn Storage,
    source: &dyn StorageFile,
    bytes: Range<u64>,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<CopyTarget> {
    let mut number = 0;
    loop {
        let path = name(number);
        match storage.kind(&path)? {
            None => return Ok(CopyTarget::Free(path)),
            Some(EntryKind::File) => {
                let copy = storage.open_file(&path, Access::ReadWrite)?;
                if holds_bytes(&*copy, source, bytes.clone())? {
                    return Ok(CopyTarget::Same(path, copy));
                }
            }
            Some(_) => {}
        }
        number += 1;
    }
}

/// Copies bytes of a file to the first free one of the names `name(0)`, `name(1)`, …, by way of
/// the name `unfinished`. Returns the copy's name, which may be one that has the same bytes.
pub fn copy_aside(
    storage: &dyn Storage,
    path: &Path,
    bytes: Range<u64>,
    unfinished: &Path,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<PathBuf> {
    let source = storage.open_file(path, Access::Read)?;
    let target = match find_target(storage, &*source, bytes.clone(), name)? {
        CopyTarget::Same(target, copy) => return copy.sync_all().map(|()| target),
        CopyTarget::Free(target) => target,
    };
    remove_file_if_there(storage, unfinished)?;
    let copied = copy_durably(storage, &*source, bytes, unfinished);
    let saved = copied.and_then(|()| storage.rename(unfinished, &target));
    if saved.is_err() {
        // It would take space that others need. What remains, the next open removes.
        let _ = storage.remove_file(unfinished);
    }
    saved.map(|()| target)
}

/// The name for a copy of a whole file: the first one that is free, or that has the same bytes,
/// which are then durable but for the name. True: the copy exists already.
#[cfg(feature = "sharded")]
pub fn name_aside(
    storage: &dyn Storage,
    path: &Path,
    name: impl Fn(u64) -> PathBuf,
) -> io::Result<(PathBuf, bool)> {
    let source = storage.open_file(path, Access::Read)?;
    let bytes = 0..source.len()?;
    match find_target(storage, &*source, bytes, name)? {
        CopyTarget::Free(target) => Ok((target, false)),
        CopyTarget::Same(target, copy) => copy.sync_all().map(|()| (target, true)),
    }
}

/// Whether `copy` holds exactly these bytes of `source`.
fn holds_bytes(
    copy: &dyn StorageFile,
    source: &dyn StorageFile,
    bytes: Range<u64>,
) -> io::Result<bool> {
    if copy.len()? != bytes.end - bytes.start {
        return Ok(false);
    }
    let mut chunks = [memory::zeroed(CHUNK_LEN)?, memory::zeroed(CHUNK_LEN)?];
    let mut at = bytes.start;
    while at < bytes.end {
        let len = chunk_len(bytes.end - at);
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

/// Copies bytes of a file into a new file and syncs it.
fn copy_durably(
    storage: &dyn Storage,
    source: &dyn StorageFile,
    bytes: Range<u64>,
    to: &Path,
) -> io::Result<()> {
    let target = storage.create_file(to)?;
    copy_range(source, bytes, &*target)?;
    target.sync_all()
}

/// Copies bytes of a file to the start of another one.
pub fn copy_range(
    source: &dyn StorageFile,
    bytes: Range<u64>,
    target: &dyn StorageFile,
) -> io::Result<()> {
    let start = bytes.start;
    for_each_chunk(source, bytes, |at, chunk| {
        target.write_at(at - start, &[IoSlice::new(chunk)])
    })
}

/// Reads bytes of a file chunk by chunk.
pub fn for_each_chunk(
    source: &dyn StorageFile,
    bytes: Range<u64>,
    mut each: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = memory::zeroed(CHUNK_LEN)?;
    let mut at = bytes.start;
    while at < bytes.end {
        let len = chunk_len(bytes.end - at);
        // A short read must fail: the caller would discard bytes that were not copied.
        read_exact_at(source, at, &mut chunk[..len])?;
        each(at, &chunk[..len])?;
        at += len as u64;
    }
    Ok(())
}

fn chunk_len(left: u64) -> usize {
    CHUNK_LEN.min(usize::try_from(left).unwrap_or(CHUNK_LEN))
}
