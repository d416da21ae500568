//! Which process may write: the lock on a log's `LOCK` file.
//!
//! One byte of the file is locked exclusively by `LockFileEx`, which keeps out other handles, of this process too, and ends
//! with the handle. The file stays open without `FILE_SHARE_DELETE`: as long as it does, its name can be neither renamed nor
//! removed, nor can the directory that holds it. Other programs may open and read it (backups, scanners), which takes no
//! lock from anyone.

use crate::storage::StorageLock;
use crate::storage::windows::calls;
use crate::storage::windows::is_absent;
use crate::storage::windows::linked;
use std::fs;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

/// Takes the lock on a file, created when missing, without waiting.
pub(super) fn lock(path: &Path) -> io::Result<Box<dyn StorageLock>> {
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(calls::SHARE_READ_WRITE)
        .custom_flags(calls::FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        // A holder of an earlier version shares nothing.
        Some(calls::ERROR_SHARING_VIOLATION) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })?;
    if file.metadata()?.is_symlink() {
        return Err(linked());
    }
    calls::lock(&file)?;
    Ok(Box::new(WindowsLock {
        identity: calls::identity(&file)?,
        _file: file,
        path: path.to_path_buf(),
    }))
}

/// Whether a process holds the lock. Asked by taking it for a moment: a writer that opens the log at that moment may be
/// refused.
pub(super) fn is_held(path: &Path) -> io::Result<bool> {
    let opened = fs::OpenOptions::new()
        .read(true)
        .share_mode(calls::SHARE_READ_WRITE)
        .custom_flags(calls::FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(false),
        Err(error) if error.raw_os_error() == Some(calls::ERROR_SHARING_VIOLATION) => {
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    match calls::lock(&file) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

/// A locked file; it is unlocked when the handle is closed.
#[derive(Debug)]
struct WindowsLock {
    _file: fs::File,
    identity: (u64, u64),
    path: PathBuf,
}

impl StorageLock for WindowsLock {
    fn announce(&self) -> io::Result<()> {
        // Others find that the file is locked.
        Ok(())
    }

    // NTFS keeps the names as they are; file systems of the network and compatible systems may not.
    fn is_attached(&self) -> io::Result<bool> {
        let now = fs::OpenOptions::new()
            .access_mode(0)
            .share_mode(calls::SHARE_ALL)
            .custom_flags(calls::FILE_FLAG_OPEN_REPARSE_POINT)
            .open(&self.path);
        match now {
            Ok(now) => Ok(calls::identity(&now)? == self.identity),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
