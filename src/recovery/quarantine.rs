//! How are bytes quarantined that recovery is about to trim or remove?
//!
//! A range is copied and a whole file is renamed, each to a `#cut-` name beside its segment. The
//! caller makes the names durable. For what a crash or a failure leaves see `storage::copy`.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::format::UNFINISHED_COPY_FILE;
use crate::format::quarantine_file_name;
use crate::ids::FileOffset;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::copy::CopyTarget;
use crate::storage::copy::copy_aside;
use crate::storage::copy::find_target;
use crate::storage::remove_file_if_there;

/// Copies the bytes of a segment from `from` to `file_len`, where its file ends. Returns the copy's path.
pub(super) fn backup_range(
    storage: &dyn Storage,
    segment: &Path,
    from: FileOffset,
    file_len: u64,
) -> io::Result<PathBuf> {
    let unfinished = segment.with_file_name(UNFINISHED_COPY_FILE);
    let name = |number| quarantine_path(segment, from, number);
    copy_aside(storage, segment, from.0..file_len, &unfinished, name)
}

/// Renames a whole segment file. Returns the new path.
pub(super) fn backup_file(storage: &dyn Storage, segment: &Path) -> io::Result<PathBuf> {
    let source = storage.open_file(segment, Access::Read)?;
    let bytes = 0..source.len()?;
    let name = |number| quarantine_path(segment, FileOffset(0), number);
    match find_target(storage, &*source, bytes, name)? {
        CopyTarget::Free(target) => {
            storage.rename(segment, &target)?;
            Ok(target)
        }
        // A crash did the renaming by half, or an operator put a copy back.
        CopyTarget::Same(target, copy) => {
            copy.sync_all()?;
            remove_file_if_there(storage, segment)?;
            Ok(target)
        }
    }
}

fn quarantine_path(segment: &Path, from: FileOffset, number: u64) -> PathBuf {
    let name = segment.file_name().unwrap_or_default().to_string_lossy();
    segment.with_file_name(quarantine_file_name(&name, from, number))
}
