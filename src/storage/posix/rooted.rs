//! What keeps a log out of a directory that took its root's name?
//!
//! The root is opened once. From then on every path at or below it is resolved from that descriptor, so
//! that a log whose directory was moved, removed or replaced goes on in the directory that it opened and
//! in no other. Paths elsewhere (an archive, the root's parent) stay what they are.
//!
//! Failure: the system's error. A forked child does not keep the descriptor, and reaches nothing.

use crate::platform::fork::GuardedDescriptor;
use crate::platform::retry::retry;
use crate::storage::StorageLock;
use crate::storage::posix::Place;
use crate::storage::posix::Resolves;
use crate::storage::posix::above_stdio;
use crate::storage::posix::lock::lock_root;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// A directory that is held open, and where it was found.
#[derive(Debug)]
pub(in super::super) struct RootDirectory {
    path: PathBuf,
    held: GuardedDescriptor,
}

impl RootDirectory {
    /// Opens the directory at `path`, which is absolute and without links.
    pub(in super::super) fn open(path: &Path) -> io::Result<Arc<Self>> {
        Self::open_at(path, Place::anywhere(path))
    }

    /// Opens the directory at `path`, which is reached as `place`; it may be a link to one.
    fn open_at(path: &Path, place: Place<'_>) -> io::Result<Arc<Self>> {
        let open = || -> io::Result<OwnedFd> {
            let opened = match place.open_dir() {
                // One that may not be read can be reached through all the same, but not locked.
                Err(error) if error.raw_os_error() == Some(libc::EACCES) => place.open_named_dir(),
                opened => opened,
            };
            Ok(above_stdio(opened?)?.into_descriptor())
        };
        Ok(Arc::new(RootDirectory {
            path: path.to_path_buf(),
            held: GuardedDescriptor::open(open)?,
        }))
    }

    /// Where it was found.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// The descriptor; `None` in a forked child.
    pub(in super::super) fn descriptor(&self) -> Option<RawFd> {
        self.held.descriptor()
    }

    /// A path, from here where it lies below.
    pub(in super::super) fn place<'a>(&self, path: &'a Path) -> io::Result<Place<'a>> {
        let Ok(below) = path.strip_prefix(&self.path) else {
            return Ok(Place::anywhere(path));
        };
        let from = self
            .descriptor()
            .ok_or_else(|| io::Error::other("the directory was opened before fork"))?;
        match below.as_os_str().is_empty() {
            true => Ok(Place::below(from, Path::new("."), path)),
            false => Ok(Place::below(from, below, path)),
        }
    }
}

/// The file systems of this machine, with one directory held.
#[derive(Debug)]
pub(super) struct RootedDisk {
    root: Arc<RootDirectory>,
}

impl RootedDisk {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = RootDirectory::open(root)?;
        Ok(RootedDisk { root })
    }
}

impl Resolves for RootedDisk {
    fn place<'a>(&'a self, path: &'a Path) -> io::Result<Place<'a>> {
        self.root.place(path)
    }

    fn lock_root(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        let parent = path.parent().unwrap_or(path);
        if parent == self.root.path() {
            return lock_root(&self.root, path);
        }
        // Not the root's: of an archive, or of a stream's directory that is a link.
        let directory = RootDirectory::open_at(parent, self.place(parent)?)?;
        lock_root(&directory, path)
    }
}

/// Locks a file and its directory on a disk that holds no directory.
pub(super) fn lock_with_directory(path: &Path) -> io::Result<Box<dyn StorageLock>> {
    let parent = path.parent().unwrap_or(path);
    let root = RootDirectory::open(&retry(|| fs::canonicalize(parent))?)?;
    let name = path.file_name().unwrap_or_default();
    lock_root(&root, &root.path().join(name))
}

#[cfg(test)]
mod tests;
