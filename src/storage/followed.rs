//! The disk of a log that is open read-only: what its commit journal adds is laid over it while no writer has
//! recovered the log (`recovery/unrecovered`). Files of a snapshot are written to the disk itself.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::primitives::RwLock;
use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::FileHead;
use crate::storage::Overlay;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use crate::storage::copy::for_each_chunk;

/// A disk, and what is laid over it now.
#[derive(Debug)]
pub struct FollowedDisk {
    below: Arc<dyn Storage>,
    over: RwLock<Option<Overlay>>,
}

impl FollowedDisk {
    /// A disk with nothing laid over it.
    pub fn new(below: Arc<dyn Storage>) -> Self {
        FollowedDisk {
            below,
            over: RwLock::new(None),
        }
    }

    /// The disk alone.
    pub fn below(&self) -> &Arc<dyn Storage> {
        &self.below
    }

    /// Lays this over the disk from now on, and nothing else.
    pub fn lay_over(&self, over: Option<Overlay>) {
        *self.over.write() = over;
    }

    /// Whether something is laid over it, rightly so.
    pub fn is_laid_over(&self) -> io::Result<bool> {
        let over = self.over.read().clone();
        over.map_or(Ok(false), |over| over.holds())
    }

    fn read<T>(&self, call: impl FnOnce(&dyn Storage) -> T) -> T {
        // Not held during the call.
        let over = self.over.read().clone();
        match over {
            Some(over) => call(&over),
            None => call(&*self.below),
        }
    }
}

impl Storage for FollowedDisk {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        match access {
            Access::Read => self.read(|disk| disk.open_file(path, access)),
            Access::ReadWrite => self.below.open_file(path, access),
        }
    }

    fn open_head(&self, path: &Path, head: &mut [u8]) -> io::Result<FileHead> {
        self.read(|disk| disk.open_head(path, head))
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.below.create_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let over = self.over.read().clone();
        let Some(over) = over else {
            return self.below.link_or_copy(from, to);
        };
        if !over.changes(from)? {
            return self.below.link_or_copy(from, to);
        }
        // A second name would lack what is laid over the file.
        let source = over.open_file(from, Access::Read)?;
        let len = source.len()?;
        let copy = self.below.create_file(to)?;
        for_each_chunk(&*source, 0..len, |at, chunk| {
            copy.write_at(at, &[IoSlice::new(chunk)])
        })?;
        copy.sync_all()
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.below.remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.below.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.below.remove_dir(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.read(|disk| disk.list_dir(dir))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.read(|disk| disk.kind(path))
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        self.read(|disk| disk.is_link(path))
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.read(|disk| disk.modified(path))
    }

    fn wall_clock(&self) -> SystemTime {
        self.below.wall_clock()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.below.sync_dir(dir)
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.below.available_bytes(dir)
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        self.read(|disk| disk.dir_identity(path))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.read(|disk| disk.canonical(path))
    }

    fn map_stores_cannot_fault(&self, dir: &Path) -> io::Result<bool> {
        self.below.map_stores_cannot_fault(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        self.below.lock(path)
    }

    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        self.below.is_announced(path)
    }
}
