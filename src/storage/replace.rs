//! How is a file in the root replaced so that a crash leaves the old or the new?
//!
//! 1. The content is written under a temporary name and synced: a crash leaves the old file, and
//!    a stranger that the next attempt removes.
//! 2. It is renamed: the old or the new file, each whole.
//! 3. The directory is synced: the new file.

use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// Ends the name of a file that is not finished.
const UNFINISHED_SUFFIX: &str = "#new";

/// How far a replacement came.
pub enum ReplaceOutcome {
    /// It did not happen; the old file stands.
    Unchanged(Error),
    /// It was renamed, or may have been; which file a crash leaves is unknown.
    Uncertain(Option<Arc<dyn StorageFile>>, Error),
    /// It is durable.
    Durable(Arc<dyn StorageFile>),
}

/// Replaces `path`, or makes it. `write` fills the new file.
pub fn replace_durably(
    storage: &dyn Storage,
    path: &Path,
    write: impl FnOnce(&dyn StorageFile) -> Result<()>,
) -> ReplaceOutcome {
    let unfinished = with_suffix(path, UNFINISHED_SUFFIX);
    let file = match write_unfinished(storage, &unfinished, write) {
        Ok(file) => file,
        Err(error) => {
            // What is left of it is removed by the next attempt.
            let _ = storage.remove_file(&unfinished);
            return ReplaceOutcome::Unchanged(error);
        }
    };
    let io = |error| Error::io(error, ErrorContext::at(path));
    if let Err(error) = storage.rename(&unfinished, path) {
        return ReplaceOutcome::Uncertain(None, io(error));
    }
    let Some(dir) = path.parent() else {
        return ReplaceOutcome::Durable(file);
    };
    match storage.sync_dir(dir) {
        Ok(()) => ReplaceOutcome::Durable(file),
        Err(error) => ReplaceOutcome::Uncertain(Some(file), io(error)),
    }
}

fn write_unfinished(
    storage: &dyn Storage,
    unfinished: &Path,
    write: impl FnOnce(&dyn StorageFile) -> Result<()>,
) -> Result<Arc<dyn StorageFile>> {
    let io = |error| Error::io(error, ErrorContext::at(unfinished));
    if storage.kind(unfinished).map_err(io)?.is_some() {
        storage.remove_file(unfinished).map_err(io)?;
    }
    let file = storage.create_file(unfinished).map_err(io)?;
    write(&*file)?;
    file.sync_all().map_err(io)?;
    Ok(file)
}

/// Replaces `path` without making anything durable: for hints. Gives the new file.
pub fn replace_hint(
    storage: &dyn Storage,
    path: &Path,
    content: &[u8],
) -> std::io::Result<Arc<dyn StorageFile>> {
    let unfinished = with_suffix(path, UNFINISHED_SUFFIX);
    if storage.kind(&unfinished)?.is_some() {
        storage.remove_file(&unfinished)?;
    }
    let file = storage.create_file(&unfinished)?;
    file.write_at(0, &[IoSlice::new(content)])?;
    storage.rename(&unfinished, path)?;
    Ok(file)
}

/// The names in the same directory that end in `suffix`: without a number, then with one.
pub fn numbered_name(path: &Path, suffix: &str, number: u64) -> PathBuf {
    match number {
        0 => with_suffix(path, suffix),
        _ => with_suffix(path, &format!("{suffix}-{number}")),
    }
}

/// The path with its name made longer.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}
