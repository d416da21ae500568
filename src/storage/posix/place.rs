//! How is a name reached: from a directory that is held open, or from `/`?
//!
//! A [`Place`] is a path and the directory that it starts from. Whatever took the name of a directory
//! that is held open is out of its reach. The last component of a file's path is never followed where it
//! is a symbolic link: what a link leads to is not ours to read, cut or remove. Directories may be links.
//!
//! Failure: the system's error, unchanged; interrupted calls are made again.

#![allow(unsafe_code)]

use crate::platform::retry::retry_call;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::posix::above_stdio;
use crate::storage::posix::open_file::OpenFile;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

// Names of their own where a file's offsets have 32 bits otherwise, as in `std`.
#[cfg(not(all(target_os = "linux", not(target_env = "musl"))))]
use libc::{fstatat as fstatat64, openat as openat64, stat as stat64};
#[cfg(all(target_os = "linux", not(target_env = "musl")))]
use libc::{fstatat64, openat64, stat64};

/// Permissions of what is made, before the process's mask.
const FILE_MODE: libc::mode_t = 0o666;
const DIR_MODE: libc::mode_t = 0o777;

/// Opens without waiting for another process, and without becoming a terminal's process.
const WITHOUT_WAITING: libc::c_int = libc::O_NONBLOCK | libc::O_NOCTTY;

/// For a directory that is named, not read.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NAMED_ONLY: libc::c_int = libc::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NAMED_ONLY: libc::c_int = libc::O_RDONLY;

/// Device and inode.
pub(in super::super) type FileIdentity = (u64, u64);

/// A path, and the directory it starts from.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Place<'a> {
    from: RawFd,
    path: &'a Path,
    /// The path from `/`, for systems that list directories by path only.
    #[cfg_attr(
        all(not(miri), any(target_os = "linux", target_os = "android")),
        allow(dead_code)
    )]
    whole: &'a Path,
}

/// What stands under a name.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Found {
    mode: libc::mode_t,
    /// Which it is.
    pub identity: FileIdentity,
    /// When its content was last changed, in seconds since 1970 and nanoseconds of the second.
    modified: (i64, u32),
}

impl Found {
    fn is(&self, format: libc::mode_t) -> bool {
        self.mode & libc::S_IFMT == format
    }

    /// When its content was last changed.
    pub(super) fn modified(&self) -> SystemTime {
        let (seconds, nanoseconds) = self.modified;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let at = match seconds < 0 {
            true => UNIX_EPOCH.checked_sub(whole),
            false => UNIX_EPOCH.checked_add(whole),
        };
        // A time that the system cannot hold is one of the far past: nothing is young because of it.
        at.unwrap_or(UNIX_EPOCH) + Duration::from_nanos(u64::from(nanoseconds))
    }

    /// What it is; a link is not followed.
    fn kind(&self) -> EntryKind {
        match () {
            () if self.is(libc::S_IFREG) => EntryKind::File,
            () if self.is(libc::S_IFDIR) => EntryKind::Directory,
            () if self.is(libc::S_IFLNK) => EntryKind::Link,
            () => EntryKind::Other,
        }
    }
}

impl<'a> Place<'a> {
    /// An absolute path.
    pub(in super::super) fn anywhere(path: &'a Path) -> Self {
        Place {
            from: libc::AT_FDCWD,
            path,
            whole: path,
        }
    }

    /// A path that starts from an open directory; `whole`, where that directory was found.
    pub(in super::super) fn below(from: RawFd, path: &'a Path, whole: &'a Path) -> Self {
        Place { from, path, whole }
    }

    /// Whether the path starts from `/`.
    pub(super) fn is_anywhere(&self) -> bool {
        self.from == libc::AT_FDCWD
    }

    /// The path from `/`: another directory may have taken a name in it.
    #[cfg(any(miri, not(any(target_os = "linux", target_os = "android"))))]
    pub(super) fn whole(&self) -> &'a Path {
        self.whole
    }

    fn c_path(&self) -> io::Result<CString> {
        Ok(CString::new(self.path.as_os_str().as_bytes())?)
    }

    fn open(&self, flags: libc::c_int) -> io::Result<OpenFile> {
        let path = self.c_path()?;
        let opened = retry_call(|| {
            // SAFETY: a live C string, a directory that is open as long as `self`, and a mode, which
            // is read where the flags say that a file is made.
            unsafe {
                openat64(
                    self.from,
                    path.as_ptr(),
                    flags | libc::O_CLOEXEC,
                    libc::c_uint::from(FILE_MODE as u16),
                )
            }
        })?;
        // SAFETY: the call gave us this descriptor; no other owner has it.
        Ok(unsafe { OpenFile::owning(opened) })
    }

    /// Opens a file, or a directory for reading, without following a link in the last component.
    fn open_itself(&self, flags: libc::c_int) -> io::Result<OpenFile> {
        self.open(flags | libc::O_NOFOLLOW).map_err(|error| {
            // ELOOP on Linux, and other codes elsewhere.
            match self.is_link() {
                Ok(true) => linked(),
                _ => error,
            }
        })
    }

    /// Opens without waiting whatever stands under this name; a directory for reading only.
    pub(super) fn open_nonblocking(&self, access: Access) -> io::Result<OpenFile> {
        let access = match access {
            Access::Read => libc::O_RDONLY,
            Access::ReadWrite => libc::O_RDWR,
        };
        let mut opened = self.open_itself(access | WITHOUT_WAITING);
        // A regular file under a lease (fcntl(2), F_SETLEASE) answers EWOULDBLOCK once; the holder
        // is asked to give it up, and opening again waits for that, for a bounded time.
        let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        if opened.as_ref().is_err_and(would_block) && self.kind()? == Some(EntryKind::File) {
            opened = self.open_itself(access | libc::O_NOCTTY);
        }
        opened
    }

    /// Creates a file that must not exist.
    pub(super) fn create_file(&self) -> io::Result<OpenFile> {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        above_stdio(self.open(flags)?)
    }

    /// Opens a lock file, created when missing.
    pub(in super::super) fn open_lock(&self) -> io::Result<OwnedFd> {
        let flags = libc::O_RDWR | libc::O_CREAT | WITHOUT_WAITING;
        let file = above_stdio(self.open_itself(flags)?)?;
        Ok(file.into_descriptor())
    }

    /// Opens a directory for reading, or a link to one.
    pub(super) fn open_dir(&self) -> io::Result<OpenFile> {
        self.open(libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NONBLOCK)
    }

    /// Opens a directory, or a link to one, to ask about it or to reach what is below.
    pub(super) fn open_named_dir(&self) -> io::Result<OpenFile> {
        self.open(NAMED_ONLY | libc::O_DIRECTORY)
    }

    /// Opens a file without a name in a directory.
    #[cfg(target_os = "linux")]
    pub(super) fn open_unnamed(&self) -> io::Result<OpenFile> {
        self.open(libc::O_WRONLY | libc::O_TMPFILE)
    }

    fn stat(&self, flags: libc::c_int) -> io::Result<Option<Found>> {
        let path = self.c_path()?;
        // SAFETY: stat is plain data for which zeros are a valid value.
        let mut stat: stat64 = unsafe { std::mem::zeroed() };
        let asked = retry_call(|| {
            // SAFETY: a live C string, an open directory, and `stat` is writable.
            unsafe { fstatat64(self.from, path.as_ptr(), &mut stat, flags) }
        });
        match asked {
            // The types differ between systems.
            #[allow(clippy::unnecessary_cast)]
            Ok(_) => Ok(Some(Found {
                mode: stat.st_mode as libc::mode_t,
                identity: (stat.st_dev as u64, stat.st_ino as u64),
                modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What stands under this name, a link itself.
    pub(in super::super) fn look(&self) -> io::Result<Option<Found>> {
        self.stat(libc::AT_SYMLINK_NOFOLLOW)
    }

    /// What stands under this name, or where it leads.
    pub(in super::super) fn look_through(&self) -> io::Result<Option<Found>> {
        self.stat(0)
    }

    /// Whether a symbolic link stands under this name.
    pub(super) fn is_link(&self) -> io::Result<bool> {
        Ok(self.look()?.is_some_and(|found| found.is(libc::S_IFLNK)))
    }

    /// What it is; of links only those to directories are followed.
    pub(super) fn kind(&self) -> io::Result<Option<EntryKind>> {
        // Most often there is no link, and nothing more to ask.
        let kind = self.look()?.map(|found| found.kind());
        if kind != Some(EntryKind::Link) {
            return Ok(kind);
        }
        match self.look_through() {
            Ok(Some(found)) if found.is(libc::S_IFDIR) => Ok(Some(EntryKind::Directory)),
            Err(error) if !leads_nowhere(&error) => Err(error),
            // It leads to something else, or nowhere.
            _ => Ok(kind),
        }
    }

    /// Renames; what stands there is replaced, a link itself.
    pub(super) fn rename(&self, to: &Place<'_>) -> io::Result<()> {
        let (old, new) = (self.c_path()?, to.c_path()?);
        // SAFETY: live C strings and open directories.
        done(|| unsafe { libc::renameat(self.from, old.as_ptr(), to.from, new.as_ptr()) })
    }

    /// Makes a hard link; of a file, not of a link to one.
    pub(super) fn link(&self, to: &Place<'_>) -> io::Result<()> {
        if self.is_link()? {
            return Err(linked());
        }
        let (old, new) = (self.c_path()?, to.c_path()?);
        // SAFETY: live C strings and open directories.
        done(|| unsafe { libc::linkat(self.from, old.as_ptr(), to.from, new.as_ptr(), 0) })
    }

    /// Removes a file, or a link itself.
    pub(super) fn remove_file(&self) -> io::Result<()> {
        let path = self.c_path()?;
        // SAFETY: a live C string and an open directory.
        done(|| unsafe { libc::unlinkat(self.from, path.as_ptr(), 0) })
    }

    /// Removes an empty directory.
    pub(super) fn remove_dir(&self) -> io::Result<()> {
        let path = self.c_path()?;
        // SAFETY: a live C string and an open directory.
        done(|| unsafe { libc::unlinkat(self.from, path.as_ptr(), libc::AT_REMOVEDIR) })
    }

    /// Creates a directory.
    pub(super) fn create_dir(&self) -> io::Result<()> {
        let path = self.c_path()?;
        // SAFETY: a live C string and an open directory.
        done(|| unsafe { libc::mkdirat(self.from, path.as_ptr(), DIR_MODE) })
    }
}

/// Whether no directory can stand where a link leads: in a circle, through a file, or to a name that is too long.
fn leads_nowhere(error: &io::Error) -> bool {
    let codes = [libc::ELOOP, libc::ENOTDIR, libc::ENAMETOOLONG];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

/// The answer to a caller that would read or write through a link.
fn linked() -> io::Error {
    let what = "a symbolic link stands here, and links to files are not followed";
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// A call of which only failure counts.
fn done(call: impl FnMut() -> libc::c_int) -> io::Result<()> {
    retry_call(call).map(drop)
}
