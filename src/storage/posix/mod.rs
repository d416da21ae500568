//! The real disk: names, directories and locks of a Unix file system.
//!
//! Happy path: one system call per method. Failure: the system's error, unchanged, so that its
//! code reaches the caller. All descriptors are close-on-exec and never 0, 1 or 2: a host that
//! has closed its standard streams must not print into a log.

#![allow(unsafe_code)]

mod copy;
#[cfg(all(not(miri), any(target_os = "linux", target_os = "android")))]
mod dir_entries;
mod file;
pub mod lock;
mod open_file;
mod preallocate;
mod read_map;
pub(super) mod retry;
#[cfg(target_os = "linux")]
mod write_map;

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::FileHead;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use crate::storage::posix::lock::lock_file;
use copy::copy_durably;
#[cfg(all(not(miri), any(target_os = "linux", target_os = "android")))]
use dir_entries::list_names;
use file::PosixFile;
use open_file::OpenFile;
use retry::is_missing;
use retry::retry;
use retry::retry_call;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Storage for RealDisk {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = open_without_waiting(path, access)?;
        Ok(Arc::new(PosixFile::new(above_stdio(file)?)))
    }

    fn open_head(&self, path: &Path, head: &mut [u8]) -> io::Result<FileHead> {
        let (file, read, len) = open_with_head(path, head)?;
        let file = Arc::new(PosixFile::new(above_stdio(file)?));
        Ok(FileHead { file, read, len })
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(PosixFile::new(create_new(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        retry(|| fs::rename(from, to))
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        match retry(|| fs::hard_link(from, to)) {
            Err(error) if is_without_links(&error) => copy_durably(from, to),
            result => result,
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        retry(|| fs::remove_file(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        retry(|| fs::create_dir(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        retry(|| fs::remove_dir(path))
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        list_names(dir, &mut |name, told| {
            // Where a link leads the directory does not tell.
            let kind = match told {
                Some(kind) => Some(kind),
                None => self.kind(&dir.join(name))?,
            };
            // Gone since it was listed: not in the directory any more.
            if let Some(kind) = kind {
                let name = name.to_owned();
                entries.push(DirEntry { name, kind });
            }
            Ok(())
        })?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        let kind_of = |found: &fs::Metadata| match () {
            () if found.is_file() => EntryKind::File,
            () if found.is_dir() => EntryKind::Directory,
            () => EntryKind::Other,
        };
        // Most often there is no link, and nothing more to ask.
        match retry(|| fs::symlink_metadata(path)) {
            Ok(found) if found.is_symlink() => {}
            Ok(found) => return Ok(Some(kind_of(&found))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        match retry(|| fs::metadata(path)) {
            Ok(found) => Ok(Some(kind_of(&found))),
            // It leads nowhere.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    || error.raw_os_error() == Some(libc::ELOOP) =>
            {
                Ok(Some(EntryKind::Other))
            }
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.read(true).custom_flags(libc::O_DIRECTORY);
        match OpenFile::open(&options, dir) {
            Ok(opened) => sync_open_dir(&opened),
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                sync_unreadable_dir(dir, error)
            }
            Err(error) => Err(error),
        }
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        let path = CString::new(dir.as_os_str().as_bytes())?;
        // SAFETY: statvfs is plain data for which zeros are a valid value.
        let mut facts: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the path is a live C string and `facts` is writable.
        retry_call(|| unsafe { libc::statvfs(path.as_ptr(), &mut facts) })?;
        // The types differ between systems.
        #[allow(clippy::unnecessary_cast)]
        Ok((facts.f_bavail as u64).saturating_mul(facts.f_frsize as u64))
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let found = match retry(|| fs::metadata(path)) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let made = found.created().ok();
        let made = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        Ok(Some(DirIdentity {
            device: found.dev(),
            number: found.ino(),
            made_ns: made.map_or(0, |made| made.as_nanos()),
        }))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let canonical = retry(|| fs::canonicalize(path))?;
        if !retry(|| fs::metadata(&canonical))?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(canonical)
    }

    #[cfg(target_os = "linux")]
    fn map_stores_cannot_fault(&self, dir: &Path) -> io::Result<bool> {
        write_map::map_stores_cannot_fault(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        lock_file(path)
    }
}

/// Opens a regular file, and refuses anything else without waiting for it: opening a FIFO would
/// wait for its other end.
fn open_without_waiting(path: &Path, access: Access) -> io::Result<OpenFile> {
    let file = open_nonblocking(path, access)?;
    check_regular(&retry(|| file.metadata())?)?;
    Ok(file)
}

/// The same, with the first bytes of the file and then its length. One read is all it takes where
/// the length shows that it reached the end.
fn open_with_head(path: &Path, head: &mut [u8]) -> io::Result<(OpenFile, usize, u64)> {
    let file = open_nonblocking(path, Access::Read)?;
    // What is no regular file has no such place (pread(2), ESPIPE), or is no file (EISDIR); what
    // was read of anything else is not told.
    let first = retry(|| file.read_at(head, 0));
    let found = retry(|| file.metadata())?;
    check_regular(&found)?;
    let read = first?;
    if read == head.len() || read as u64 == found.len() {
        return Ok((file, read, found.len()));
    }
    // The file has grown or was cut since: what is told must be one after the other.
    let read = file::read_all_with(0, head, |at, rest| file.read_at(rest, at))?;
    let len = retry(|| file.metadata())?.len();
    Ok((file, read, len))
}

/// Opens without waiting whatever stands under this name; a directory for reading only.
fn open_nonblocking(path: &Path, access: Access) -> io::Result<OpenFile> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(access == Access::ReadWrite);
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let mut opened = OpenFile::open(&options, path);
    // A regular file under a lease (fcntl(2), F_SETLEASE) answers EWOULDBLOCK once; the holder is
    // asked to let go, and opening again waits for that, for a bounded time.
    let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    if opened.as_ref().is_err_and(would_block) && retry(|| fs::metadata(path))?.is_file() {
        options.custom_flags(libc::O_NOCTTY);
        opened = OpenFile::open(&options, path);
    }
    opened
}

fn check_regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    if !found.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(())
}

/// Calls `note` with each name in a directory that is UTF-8, and what the directory itself tells of
/// it (readdir(3), `d_type`); `None`: a link, or not told. In no order.
#[cfg(any(miri, not(any(target_os = "linux", target_os = "android"))))]
fn list_names(
    dir: &Path,
    note: &mut dyn FnMut(&str, Option<EntryKind>) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            let kind = match entry.file_type() {
                Ok(found) if found.is_file() => Some(EntryKind::File),
                Ok(found) if found.is_dir() => Some(EntryKind::Directory),
                Ok(found) if !found.is_symlink() => Some(EntryKind::Other),
                _ => None,
            };
            note(&name, kind)?;
        }
    }
    Ok(())
}

fn create_new(path: &Path) -> io::Result<OpenFile> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    above_stdio(OpenFile::open(&options, path)?)
}

/// The same file on a descriptor above 2.
fn above_stdio(file: OpenFile) -> io::Result<OpenFile> {
    const FIRST: libc::c_int = 3;
    if file.as_raw_fd() >= FIRST {
        return Ok(file);
    }
    // SAFETY: duplicates an open descriptor, touches no memory.
    let duplicate = || unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) };
    let higher = retry_call(duplicate)?;
    // SAFETY: fcntl gave us this descriptor; nobody else owns it.
    Ok(unsafe { fs::File::from_raw_fd(higher) }.into())
}

/// Whether the file system, and not the two names, is why there is no link.
fn is_without_links(error: &io::Error) -> bool {
    const REASONS: [i32; 5] = [
        libc::EXDEV,
        libc::EPERM,
        libc::EOPNOTSUPP,
        libc::ENOSYS,
        libc::EMLINK,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| REASONS.contains(&code))
}

fn sync_open_dir(dir: &fs::File) -> io::Result<()> {
    match file::sync_all(dir) {
        // EINVAL: this file system does not sync directories alone (some of FUSE, SMB).
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => sync_file_system(dir, error),
        result => result,
    }
}

/// A directory we may write but not read cannot be opened, and so not be synced. What contains
/// its entries can: an unnamed file made in the directory gives a descriptor on its file system,
/// and syncing all of that includes the directory. Slower, never less.
fn sync_unreadable_dir(dir: &Path, refusal: io::Error) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(libc::O_TMPFILE);
        match OpenFile::open(&options, dir) {
            Ok(unnamed) => sync_file_system(&unnamed, refusal),
            Err(_) => Err(refusal),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        Err(refusal)
    }
}

/// Syncs the whole file system that `file` is on. `refusal`: why nothing smaller would do, and
/// the answer where this cannot be done either.
fn sync_file_system(file: &fs::File, refusal: io::Error) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: syncs by an open descriptor, touches no memory.
        match retry_call(|| unsafe { libc::syncfs(file.as_raw_fd()) }) {
            // `sync` tells of no failure, and so promises nothing.
            Err(error) if is_missing(&error) => Err(refusal),
            result => result.map(drop),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        Err(refusal)
    }
}

#[cfg(test)]
mod tests;
