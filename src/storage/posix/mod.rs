//! The real disk: names, directories and locks of a Unix file system.
//!
//! Two disks that differ in where paths start from: `RealDisk` from `/`, `RootedDisk` from a directory
//! that it holds open. Happy path: one system call per method. Failure: the system's error, unchanged, so that its
//! code reaches the caller. All descriptors are close-on-exec and never 0, 1 or 2: a host that
//! has closed its standard streams must not print into a log.

#![allow(unsafe_code)]

#[cfg(all(not(miri), any(target_os = "linux", target_os = "android")))]
mod dir_entries;
mod durable_copy;
mod file;
pub mod lock;
mod open_file;
mod place;
mod preallocate;
mod read_map;
mod rooted;
#[cfg(target_os = "linux")]
mod write_map;

use crate::platform::retry::is_missing;
use crate::platform::retry::retry;
use crate::platform::retry::retry_call;
use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::FileHead;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
#[cfg(all(not(miri), any(target_os = "linux", target_os = "android")))]
use dir_entries::list_names;
use durable_copy::copy_durably;
use file::PosixFile;
use lock::is_announced;
use open_file::OpenFile;
pub(super) use place::FileIdentity;
pub(super) use place::Found;
pub(super) use place::Place;
pub(super) use rooted::RootDirectory;
use rooted::RootedDisk;
use rooted::lock_with_directory;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Resolves for RealDisk {
    fn place<'a>(&'a self, path: &'a Path) -> io::Result<Place<'a>> {
        Ok(Place::anywhere(path))
    }

    fn lock_root(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        lock_with_directory(path)
    }
}

/// Where paths start from: the only thing in which real disks differ.
trait Resolves: Send + Sync + std::fmt::Debug {
    /// How this path is reached.
    fn place<'a>(&'a self, path: &'a Path) -> io::Result<Place<'a>>;

    /// See [`Storage::lock`].
    fn lock_root(&self, path: &Path) -> io::Result<Box<dyn StorageLock>>;
}

impl<D: Resolves> Storage for D {
    fn rooted(&self, root: &Path) -> io::Result<Option<Arc<dyn Storage>>> {
        Ok(Some(Arc::new(RootedDisk::open(root)?)))
    }

    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = open_without_waiting(&self.place(path)?, access)?;
        Ok(Arc::new(PosixFile::new(above_stdio(file)?)))
    }

    fn open_head(&self, path: &Path, head: &mut [u8]) -> io::Result<FileHead> {
        let (file, read, len) = open_with_head(&self.place(path)?, head)?;
        let file = Arc::new(PosixFile::new(above_stdio(file)?));
        Ok(FileHead { file, read, len })
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.place(path)?.create_file()?;
        Ok(Arc::new(PosixFile::new(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.place(from)?.rename(&self.place(to)?)
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        match from.link(&to) {
            Err(error) if is_without_links(&error) => copy_durably(&from, &to),
            result => result,
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.place(path)?.remove_file()
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.place(path)?.create_dir()
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.place(path)?.remove_dir()
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        list_names(&self.place(dir)?, &mut |name, known_kind| {
            // Where a link leads the directory does not say.
            let (kind, is_link) = match known_kind {
                Some(kind) => (Some(kind), false),
                None => {
                    let path = dir.join(name);
                    let place = self.place(&path)?;
                    (place.kind()?, place.is_link()?)
                }
            };
            // Gone since it was listed: not in the directory any more.
            if let Some(kind) = kind {
                entries.push(DirEntry {
                    name: name.to_owned(),
                    kind,
                    is_link,
                });
            }
            Ok(())
        })?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.place(path)?.kind()
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        self.place(path)?.is_link()
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        let found = self.place(path)?.look()?;
        found
            .map(|found| found.modified())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let place = self.place(dir)?;
        match place.open_dir() {
            Ok(opened) => sync_open_dir(&opened),
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                sync_unreadable_dir(&place, error)
            }
            Err(error) => Err(error),
        }
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        let opened = self.place(dir)?.open_named_dir()?;
        // SAFETY: statvfs is plain data for which zeros are a valid value.
        let mut facts: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open and `facts` is writable.
        retry_call(|| unsafe { libc::fstatvfs(opened.as_raw_fd(), &mut facts) })?;
        // The types differ between systems.
        #[allow(clippy::unnecessary_cast)]
        Ok((facts.f_bavail as u64).saturating_mul(facts.f_frsize as u64))
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let place = self.place(path)?;
        let found = match place.is_anywhere() {
            true => retry(|| fs::metadata(path)),
            false => place
                .open_named_dir()
                .and_then(|dir| retry(|| dir.metadata())),
        };
        let found = match found {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
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
        let dir = self.place(dir)?.open_named_dir()?;
        write_map::map_stores_cannot_fault(&dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        self.lock_root(path)
    }

    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        is_announced(&self.place(path)?)
    }
}

/// Whether there is no such directory.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Opens a regular file, and refuses anything else without waiting for it: opening a FIFO would
/// wait for its other end.
fn open_without_waiting(place: &Place<'_>, access: Access) -> io::Result<OpenFile> {
    let file = place.open_nonblocking(access)?;
    check_regular(&retry(|| file.metadata())?)?;
    Ok(file)
}

/// The same, with the first bytes of the file and then its length. One read is all it takes where
/// the length shows that it reached the end.
fn open_with_head(place: &Place<'_>, head: &mut [u8]) -> io::Result<(OpenFile, usize, u64)> {
    let file = place.open_nonblocking(Access::Read)?;
    // What is no regular file has no such place (pread(2), ESPIPE), or is no file (EISDIR); what
    // was read of anything else is not returned.
    let first = retry(|| file.read_at(head, 0));
    let found = retry(|| file.metadata())?;
    check_regular(&found)?;
    let read = first?;
    if read == head.len() || read as u64 == found.len() {
        return Ok((file, read, found.len()));
    }
    // The file has grown or was cut since: what is returned must be read one after the other.
    let read = file::read_all_with(0, head, |at, rest| file.read_at(rest, at))?;
    let len = retry(|| file.metadata())?.len();
    Ok((file, read, len))
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

/// Calls `note` with each name in a directory that is UTF-8, and what the directory itself says of
/// it (readdir(3), `d_type`); `None`: a link, or not said. In no order.
#[cfg(any(miri, not(any(target_os = "linux", target_os = "android"))))]
fn list_names(
    dir: &Place<'_>,
    note: &mut dyn FnMut(&str, Option<EntryKind>) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(dir.whole())? {
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

/// The same file on a descriptor above 2.
fn above_stdio(file: OpenFile) -> io::Result<OpenFile> {
    const FIRST: libc::c_int = 3;
    if file.as_raw_fd() >= FIRST {
        return Ok(file);
    }
    // SAFETY: duplicates an open descriptor, touches no memory.
    let duplicate = || unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) };
    let higher = retry_call(duplicate)?;
    // SAFETY: fcntl gave us this descriptor; no other owner has it.
    Ok(unsafe { OpenFile::owning(higher) })
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
fn sync_unreadable_dir(dir: &Place<'_>, refusal: io::Error) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        match dir.open_unnamed() {
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
            // `sync` reports no failure, and so promises nothing.
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
