//! The disk, without any format: what the engine asks of a file system, and nothing more.
//!
//! [`Storage`] and [`StorageFile`] are the seam. The real disk ([`RealDisk`]) implements it with
//! system calls; the simulated disk (feature `simulation`) keeps volatile and durable state apart
//! and can lose power after any call. `std::fs`, `libc` and mapping appear below this line only.
//!
//! Contract of every method: an error means the operation may have happened in part or not at
//! all; success says nothing about durability unless the method is one of `sync_data`,
//! `sync_all` and `sync_dir`. The real disk makes interrupted calls again and answers no EINTR.
//! Paths are absolute.

#[cfg(unix)]
mod posix;
#[cfg(feature = "sharded")]
pub mod replace;
mod shared_bytes;
#[cfg(all(unix, feature = "simulation"))]
pub mod simulated;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use posix::RealDisk;
pub use shared_bytes::SharedBytes;
#[cfg(windows)]
pub use windows::RealDisk;

use std::fmt;
use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing; the file must exist.
    ReadWrite,
}

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory (or a link to one).
    Directory,
    /// A symbolic link that leads to no directory: it is never followed.
    Link,
    /// Anything else: socket, device.
    Other,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without the path. Names that are not UTF-8 are left out by `list_dir`: they are
    /// never ours.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The name is a symbolic link; `kind` is what it leads to.
    pub is_link: bool,
}

/// A file that was opened, and how it begins.
#[derive(Clone, Debug)]
pub struct FileHead {
    /// The file, open for reading.
    pub file: Arc<dyn StorageFile>,
    /// So many bytes were read; fewer than asked for only where the file ended.
    pub read: usize,
    /// Length in bytes, as it was once those had been read.
    pub len: u64,
}

/// Tells a directory from another one that took its name later. Numbers of directories are given
/// again soon after one is removed; the time of its making tells the two apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirIdentity {
    /// Which device.
    pub device: u64,
    /// Which directory on it.
    pub number: u64,
    /// When it was made, in nanoseconds since 1970; 0 where the file system does not tell.
    pub made_ns: u128,
}

/// A disk. No method follows a symbolic link in the last component of the path of a file; a
/// directory may be a link to one.
pub trait Storage: Send + Sync + fmt::Debug {
    /// The same disk for one who stays in the directory `root`, absolute and without links: it reaches
    /// what is below that directory through the directory itself, and never through another one
    /// that took its name. `None`: this disk already does, or has no such notion.
    fn rooted(&self, root: &Path) -> io::Result<Option<Arc<dyn Storage>>> {
        let _ = root;
        Ok(None)
    }

    /// Opens a file that exists.
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>>;

    /// Opens a file that exists for reading, reads its first bytes, and then asks how long it is:
    /// what [`Storage::open_file`], [`StorageFile::read_at`] and [`StorageFile::len`] do in this
    /// order, with fewer calls to the system where it can be had so.
    fn open_head(&self, path: &Path, head: &mut [u8]) -> io::Result<FileHead> {
        let file = self.open_file(path, Access::Read)?;
        let read = file.read_at(0, head)?;
        let len = file.len()?;
        Ok(FileHead { file, read, len })
    }

    /// Creates a file that must not exist, for reading and writing. Its name is not durable
    /// before the directory is synced.
    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>>;

    /// Renames a file or a directory; an existing file at `to` is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives the file at `from` a second name `to`, which must not exist: a hard link where
    /// possible, otherwise a copy whose content is synced. The name is not durable before the
    /// directory of `to` is synced.
    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory; its parent must exist, itself must not.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// All entries of a directory, sorted by name.
    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// What `path` is; `None` where nothing is.
    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>>;

    /// Whether `path` is a symbolic link, wherever it leads.
    fn is_link(&self, path: &Path) -> io::Result<bool> {
        let _ = path;
        Ok(false)
    }

    /// Makes the directory's entries durable: all creations, renames and removals in it that
    /// returned before this call began.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that an ordinary user can still allocate on the file system holding `dir`.
    fn available_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// Which directory stands under this name, as opposed to another one made there later; `None`
    /// where there is none. Disks that cannot tell answer the same for every directory.
    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let is_dir = self.kind(path)? == Some(EntryKind::Directory);
        Ok(is_dir.then(DirIdentity::default))
    }

    /// The absolute path of an existing directory, links resolved.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// Whether a store into pages made ready by [`WriteMapping::populate`] cannot raise a signal
    /// on the file system holding `dir`, not even once its disk has failed or is full.
    /// An error is no answer: it may be another one later.
    fn map_stores_cannot_fault(&self, dir: &Path) -> io::Result<bool> {
        let _ = dir;
        Ok(false)
    }

    /// Takes the writer lock on the file `path` (created when missing) and on its directory, without
    /// waiting. `ErrorKind::WouldBlock`: somebody holds it, in this process or another. The lock ends when
    /// the returned value is dropped or the process dies; a forked child does not inherit it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>>;
}

/// A held writer lock. Dropping it releases.
pub trait StorageLock: Send + Sync + fmt::Debug {
    /// Whether the names that were locked still stand for what was locked: the directory, and the lock
    /// file in it. An error where that cannot be found out.
    fn is_attached(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// An open file. All methods may be called from several threads at once.
pub trait StorageFile: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes all parts one after the other at `offset`, growing the file if need be. Goes on
    /// after short writes and interruptions. On an error any part of the bytes may be written.
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// Secures blocks for `[offset, offset + len)` so that later writes there do not run out of
    /// space; what was unwritten reads as zeros; the file grows to `offset + len` if shorter.
    /// Existing content stays. `StorageFull`, `QuotaExceeded` or `FileTooLarge` when there is no
    /// room (`RLIMIT_FSIZE` is checked first, so no signal is raised).
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Writes zeros over `[offset, offset + len)`, in writes of at most 4 KiB, growing the file.
    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Sets the length: cuts, or grows with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the content durable, with the metadata needed to read it back (length included).
    fn sync_data(&self) -> io::Result<()>;

    /// Makes content and all metadata durable.
    fn sync_all(&self) -> io::Result<()>;

    /// Maps the first `len` bytes for reading. The mapping stays valid after the file is closed,
    /// renamed or unlinked; the bytes must never be cut while it lives.
    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>>;

    /// Maps `[from, from + len)` for storing; `from` is a multiple of 4096. The range may reach
    /// beyond the end of the file. `Unsupported` where there is no such thing.
    fn map_writable(&self, from: u64, len: u64) -> io::Result<Arc<dyn WriteMapping>> {
        let _ = (from, len);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Hands a range to the disk, without waiting and without a promise: a hint that it will be
    /// synced soon. What fails is told by that sync, through this opening of the file.
    fn start_writeback(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Hands ranges (offset and length) to the disk, all at once, and waits until it took them.
    /// Durable only once a sync of this file, or of a range of it, returned success afterwards.
    fn writeback_and_wait(&self, ranges: &[(u64, u64)]) -> io::Result<()> {
        let _ = ranges;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A stretch of a file mapped for storing. What is stored is in the kernel at once: reads see it,
/// and it survives the death of the process.
pub trait WriteMapping: Send + Sync + fmt::Debug {
    /// Makes all pages of `[from, to)` present and writable, so that stores there wait for nothing
    /// and raise no signal; an error where that cannot be had. What was made ready before goes on
    /// at `from`, or lies around it. `to` must not lie beyond the end of the file, which must not
    /// be cut below it while stores go on. Changes no content. One call at a time until something is
    /// ready; then calls may overlap.
    fn populate(&self, from: u64, to: u64) -> io::Result<()>;

    /// Stores bytes at `offset`. False, and nothing done, where the range was not made ready.
    /// Bytes of one file offset are stored by one thread at a time.
    fn store(&self, offset: u64, bytes: &[u8]) -> bool;

    /// Nothing below `offset` is stored any more: pages that lie there may leave the process. Where
    /// it is worth a call. What was stored in them stays in the kernel. One call at a time.
    fn release_before(&self, offset: u64) {
        let _ = offset;
    }

    /// The end of what was made ready.
    fn populated_end(&self) -> u64;

    /// The file offsets that are mapped.
    fn range(&self) -> Range<u64>;

    /// Whether [`WriteMapping::sync_range`] is enough on this file system.
    fn syncs_ranges(&self) -> bool;

    /// Makes `[from, to)`, which lies in the map, durable, with the metadata needed to read it
    /// back, whether it was stored or written. What else of the file is dirty stays so.
    fn sync_range(&self, from: u64, to: u64) -> io::Result<()>;
}

/// A read-only mapping of a file.
///
/// # Safety
/// As long as a value lives, wherever it is moved, `bytes` gives the same memory each time, and what
/// stands there is not changed or taken away.
#[allow(unsafe_code)]
pub unsafe trait MappedBytes: Send + Sync + fmt::Debug {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// Whether the process or the system has no descriptor left: closing a file helps.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE];
    // ERROR_TOO_MANY_OPEN_FILES.
    #[cfg(windows)]
    let codes = [4];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

/// Whether there is no room: on the disk, within a quota, below the limit of the process.
pub fn is_out_of_space(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Removes a file; one that is gone already is no failure.
pub fn remove_file_if_there(storage: &dyn Storage, path: &Path) -> io::Result<()> {
    match storage.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Reads exactly `buf.len()` bytes; `UnexpectedEof` when the file ends before.
pub fn read_exact_at(file: &dyn StorageFile, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let read = file.read_at(offset, buf)?;
    if read < buf.len() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!(
                "the file ends at {}, {} bytes were expected at {offset}",
                offset + read as u64,
                buf.len()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
