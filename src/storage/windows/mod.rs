//! The real disk on Windows: names, directories and locks.
//!
//! Happy path: `std::fs`, and calls of the system where it lacks one (`calls.rs`). Failure: the system's error, unchanged. What
//! Windows promises about names, syncs, locks and open files, and what it does not, is argued in
//! docs/CRASH_SAFETY.md ("Windows"). In short: a rename is written through, a directory is flushed like a file where its file
//! system can do that, and files and names are shared in every way, so that open files can be renamed and removed.
//! A directory with open files in it cannot be renamed: see [`Storage::renames_directories_in_use`].

#![allow(unsafe_code)]

mod calls;
mod file;
mod lock;
#[cfg(debug_assertions)]
mod open_paths;

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use file::WindowsFile;
use file::copy_durably;
use std::fs;
use std::io;
use std::os::windows::fs::FileTypeExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Storage for RealDisk {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(WindowsFile::open(path, access)?))
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(WindowsFile::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(debug_assertions)]
        open_paths::refuse_to_move_open_files(from)?;
        calls::rename(from, to)?;
        #[cfg(debug_assertions)]
        open_paths::renamed(from, to);
        Ok(())
    }

    fn renames_directories_in_use(&self) -> bool {
        false
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.is_link(from)? {
            return Err(linked());
        }
        match fs::hard_link(from, to) {
            Err(error) if calls::is_unsupported(&error) => copy_durably(from, to),
            linked => linked,
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?.file_type();
        if found.is_symlink_dir() {
            return fs::remove_dir(path);
        }
        calls::remove_file(path)?;
        #[cfg(debug_assertions)]
        open_paths::removed(path);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        if self.is_link(path)? {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        fs::remove_dir(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // The listing itself has the kind: a file that is being removed can be opened no more.
            let found = entry.file_type()?;
            let kind = match found.is_symlink() {
                true => self.kind(&entry.path())?,
                false => Some(kind_of(found)),
            };
            entries.extend(kind.map(|kind| DirEntry {
                name,
                kind,
                is_link: found.is_symlink(),
            }));
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !found.is_symlink() {
            return Ok(Some(kind_of(found)));
        }
        // Of links only those to directories are followed; this one may lead nowhere.
        let leads_to = fs::metadata(path);
        let is_dir = leads_to.is_ok_and(|found| found.is_dir());
        Ok(Some(match is_dir {
            true => EntryKind::Directory,
            false => EntryKind::Link,
        }))
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(found.is_symlink()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        fs::symlink_metadata(path)?.modified()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let opened = fs::OpenOptions::new()
            .access_mode(calls::GENERIC_WRITE)
            .share_mode(calls::SHARE_ALL)
            .custom_flags(calls::FILE_FLAG_BACKUP_SEMANTICS)
            .open(dir);
        // FlushFileBuffers. File systems without a flush of directories say that they have none, and
        // there is nothing else to call then.
        let opened = opened?;
        if !opened.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        match opened.sync_all() {
            Err(error) if calls::is_unsupported(&error) => Ok(()),
            flushed => flushed,
        }
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        calls::available_bytes(dir)
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let opened = fs::OpenOptions::new()
            .access_mode(0)
            .share_mode(calls::SHARE_ALL)
            .custom_flags(calls::FILE_FLAG_BACKUP_SEMANTICS)
            .open(path);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !opened.metadata()?.is_dir() {
            return Ok(None);
        }
        // The number counts its reuse. The time of creation would add nothing: Windows gives a name that is taken
        // again within seconds the time of its predecessor ("file system tunneling"), and programs may set it.
        let (device, number) = calls::identity(&opened)?;
        Ok(Some(DirIdentity {
            device,
            number,
            made_ns: 0,
        }))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let canonical = fs::canonicalize(path)?;
        if !fs::metadata(&canonical)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(canonical)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        lock::lock(path)
    }

    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        lock::is_held(path)
    }
}

fn kind_of(found: fs::FileType) -> EntryKind {
    match () {
        () if found.is_file() => EntryKind::File,
        () if found.is_dir() => EntryKind::Directory,
        () => EntryKind::Other,
    }
}

/// Whether there is no such directory.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The answer to a caller that would read or write through a link.
fn linked() -> io::Error {
    let what = "a symbolic link stands here, and links to files are not followed";
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests;
