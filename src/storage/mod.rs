//! The contract between the engine and a file system. No format is known here.
//!
//! [`Storage`] and [`StorageFile`] are the seam. The real disk ([`RealDisk`]) implements it with
//! system calls; the simulated disk (feature `simulation`) separates volatile from durable state
//! and can lose power after any call. Only `storage` uses `std::fs` and maps files.
//!
//! Contract of every method: an error means the operation may have happened in part or not at
//! all; success says nothing about durability unless the method is a sync (`sync_data`, `sync_all`,
//! `sync_range`, `sync_dir`). The real disk repeats interrupted calls and never returns EINTR.
//! Paths are absolute.

pub mod copy;
mod followed;
mod overlay;
#[cfg(unix)]
mod posix;
#[cfg(feature = "sharded")]
pub mod replace;
mod shared_bytes;
#[cfg(feature = "simulation")]
pub mod simulated;
#[cfg(windows)]
mod windows;

pub use followed::FollowedDisk;
pub use overlay::OverlaidFile;
pub use overlay::Overlay;
pub use overlay::OverlayCondition;
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
use std::time::SystemTime;

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
    /// The name, without the path. `list_dir` skips names that are not UTF-8: the engine makes
    /// none.
    pub name: String,
    /// Its kind.
    pub kind: EntryKind,
    /// The name is a symbolic link; `kind` is what it leads to.
    pub is_link: bool,
}

/// A file that was opened, and its first bytes.
#[derive(Clone, Debug)]
pub struct FileHead {
    /// The file, open for reading.
    pub file: Arc<dyn StorageFile>,
    /// The number of bytes read; fewer than asked for only where the file ended.
    pub read: usize,
    /// Length in bytes, taken after the read.
    pub len: u64,
}

/// Distinguishes a directory from one that takes its name later. File systems reuse the numbers of
/// removed directories soon; the creation time differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirIdentity {
    /// Which device.
    pub device: u64,
    /// Which directory on it.
    pub number: u64,
    /// Creation time in nanoseconds since 1970; 0 where the file system has none.
    pub made_ns: u128,
}

/// A disk. No method follows a symbolic link in the last component of the path of a file; a
/// directory may be a link to one.
pub trait Storage: Send + Sync + fmt::Debug {
    /// The same disk for a caller that stays in the directory `root`, absolute and without links: it reaches
    /// what is below that directory through the directory itself, and never through another one
    /// that took its name. `None`: this disk already does, or has no such notion.
    fn rooted(&self, root: &Path) -> io::Result<Option<Arc<dyn Storage>>> {
        let _ = root;
        Ok(None)
    }

    /// Opens a file that exists.
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>>;

    /// Opens an existing file for reading, reads its first bytes, and then takes its length. The
    /// same as [`Storage::open_file`], [`StorageFile::read_at`] and [`StorageFile::len`] in this
    /// order; an implementation may need fewer system calls.
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

    /// Whether a directory can be renamed while files in it are open. Where not, the caller closes them first; one
    /// that another caller holds open makes the renaming fail.
    fn renames_directories_in_use(&self) -> bool {
        true
    }

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

    /// The kind of `path`, following links; `None` where it does not exist.
    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>>;

    /// Whether `path` is a symbolic link, wherever it leads.
    fn is_link(&self, path: &Path) -> io::Result<bool> {
        let _ = path;
        Ok(false)
    }

    /// When the file at `path` was last changed, by the clock of [`Storage::wall_clock`].
    fn modified(&self, path: &Path) -> io::Result<SystemTime>;

    /// The time of day, as the files get it.
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Makes the directory's entries durable: all creations, renames and removals in it that
    /// returned before this call began.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that an ordinary user can still allocate on the file system holding `dir`.
    fn available_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// The identity of the directory of this name, which differs from one created there later;
    /// `None` where there is none. Disks without identities return the same for every directory.
    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let is_dir = self.kind(path)? == Some(EntryKind::Directory);
        Ok(is_dir.then(DirIdentity::default))
    }

    /// The absolute path of an existing directory, links resolved.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// Whether a store into pages populated by [`WriteMapping::populate`] cannot raise a signal
    /// on the file system holding `dir`, not even once its disk has failed or is full.
    /// After an error the caller may ask again later.
    fn map_stores_cannot_fault(&self, dir: &Path) -> io::Result<bool> {
        let _ = dir;
        Ok(false)
    }

    /// Takes the writer lock on the file `path` (created when missing) and on its directory, without
    /// waiting. `ErrorKind::WouldBlock`: this process or another one holds it. The lock ends when
    /// the returned value is dropped or the process dies; a forked child does not inherit it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>>;

    /// Whether the holder of the lock on the file `path`, in this process or another one, has announced itself
    /// with [`StorageLock::announce`]. Takes nothing, and is in the way of no writer. False where the file is missing.
    fn is_announced(&self, path: &Path) -> io::Result<bool>;
}

/// A held writer lock. Dropping it releases.
pub trait StorageLock: Send + Sync + fmt::Debug {
    /// Whether the names that were locked still stand for what was locked: the directory, and the lock
    /// file in it. An error where that cannot be found out.
    fn is_attached(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// From now on, until the lock ends, [`Storage::is_announced`] is true in every process. On systems where that
    /// cannot be had apart from the lock, it is true as long as the lock is held. `Unsupported` where no other process can
    /// find out.
    fn announce(&self) -> io::Result<()>;
}

/// An open file. All methods may be called from several threads at once.
pub trait StorageFile: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes all parts one after the other at `offset`, growing the file if needed. Continues
    /// after short writes and interruptions. On an error any part of the bytes may be written.
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// Writes all parts one after the other at `offset`, and makes them durable: as
    /// [`StorageFile::write_at`] and [`StorageFile::sync_data`] in this order, but that other dirty ranges of
    /// the file may stay dirty. An implementation may need one system call.
    fn write_durably_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        self.write_at(offset, parts)?;
        self.sync_data()
    }

    /// Allocates blocks for `[offset, offset + len)` so that later writes there do not run out of
    /// space. Unwritten bytes read as zeros; the file grows to `offset + len` if shorter.
    /// Existing content stays. `StorageFull`, `QuotaExceeded` or `FileTooLarge` when there is no
    /// space (`RLIMIT_FSIZE` is checked first, so no signal is raised).
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Writes zeros over `[offset, offset + len)`, in writes of at most 4 KiB, growing the file.
    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Sets the length: shortens the file, or grows it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the content durable, with the metadata needed to read it back (length included).
    fn sync_data(&self) -> io::Result<()>;

    /// Makes content and all metadata durable.
    fn sync_all(&self) -> io::Result<()>;

    /// Maps the first `len` bytes for reading. The mapping stays valid after the file is closed,
    /// renamed or unlinked; the file must not be shortened below `len` while it lives.
    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>>;

    /// Maps `[from, from + len)` for writing; `from` is a multiple of 4096. The range may reach
    /// beyond the end of the file. `Unsupported` where the system or the file has no such maps.
    fn map_writable(&self, from: u64, len: u64) -> io::Result<Arc<dyn WriteMapping>> {
        let _ = (from, len);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts to write a range back, without waiting and without a promise: a hint that it will be
    /// synced soon. That sync reports a failure, through this opening of the file.
    fn start_writeback(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Writes ranges (offset and length) back, all at once, and waits for the writes.
    /// Durable only once a sync of this file, or of a range of it, returned success afterwards.
    fn writeback_and_wait(&self, ranges: &[(u64, u64)]) -> io::Result<()> {
        let _ = ranges;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A range of a file mapped for writing. A store is in the kernel at once: reads see it, and it
/// survives the death of the process.
pub trait WriteMapping: Send + Sync + fmt::Debug {
    /// Makes all pages of `[from, to)` present and writable, so that stores there wait for nothing
    /// and raise no signal; an error where that fails. A range that was populated before contains
    /// `from` or ends there. `to` must not lie beyond the end of the file, and the file must not be
    /// shortened below it while stores go on. Changes no content. The first successful call must
    /// not overlap another one; later calls may overlap.
    fn populate(&self, from: u64, to: u64) -> io::Result<()>;

    /// Copies bytes to `offset`. False, and nothing done, where the range is not populated.
    /// One thread at a time stores the bytes of a file offset.
    fn store(&self, offset: u64, bytes: &[u8]) -> bool;

    /// A hint that no store below `offset` follows: the map may release the pages there once there
    /// are enough of them. Their content stays in the kernel. One call at a time.
    fn release_before(&self, offset: u64) {
        let _ = offset;
    }

    /// The end of the populated range.
    fn populated_end(&self) -> u64;

    /// The file offsets that are mapped.
    fn range(&self) -> Range<u64>;

    /// Whether [`WriteMapping::sync_range`] is enough on this file system.
    fn syncs_ranges(&self) -> bool;

    /// Makes `[from, to)`, which lies in the map, durable, with the metadata needed to read it
    /// back, whether it was stored or written. Other dirty ranges of the file stay dirty.
    fn sync_range(&self, from: u64, to: u64) -> io::Result<()>;
}

/// A read-only mapping of a file.
///
/// # Safety
/// As long as a value lives, also where it is moved, `bytes` returns the same memory each time, and
/// that memory is neither changed nor unmapped.
#[allow(unsafe_code)]
pub unsafe trait MappedBytes: Send + Sync + fmt::Debug {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// The codes of a process or a system that has no descriptor left.
#[cfg(unix)]
pub const OUT_OF_DESCRIPTORS: [i32; 2] = [libc::EMFILE, libc::ENFILE];
/// The same: ERROR_TOO_MANY_OPEN_FILES.
#[cfg(windows)]
pub const OUT_OF_DESCRIPTORS: [i32; 1] = [4];

/// Whether the process or the system has no descriptor left: closing a file helps.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code.is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code))
}

/// Whether there is no space: on the disk, within a quota, below the limit of the process.
pub fn is_out_of_space(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Removes a file; a missing file is no failure.
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
