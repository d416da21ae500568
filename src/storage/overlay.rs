//! A disk as it would be if some bytes were written: for reading only.
//!
//! Recovery judges streams as they are with what the commit journal holds, before it changes anything. Bytes of
//! files and names of files and directories are laid over those of another disk. Whatever would change the disk is
//! refused.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::MappedBytes;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use crate::storage::shared_bytes::read_into_memory;

/// What is laid over a file.
#[derive(Clone, Debug, Default)]
pub struct OverlaidFile {
    /// The file is not there.
    pub is_new: bool,
    /// Offsets and bytes; later ones lie over earlier ones.
    pub writes: Vec<(u64, Vec<u8>)>,
}

impl OverlaidFile {
    fn end(&self) -> u64 {
        let ends = self.writes.iter();
        let ends = ends.map(|(offset, bytes)| offset + bytes.len() as u64);
        ends.max().unwrap_or(0)
    }
}

/// A disk with bytes laid over it.
#[derive(Debug)]
pub struct Overlay {
    below: Arc<dyn Storage>,
    files: BTreeMap<PathBuf, Arc<OverlaidFile>>,
    new_dirs: BTreeSet<PathBuf>,
}

impl Overlay {
    /// These files and directories, laid over a disk.
    pub fn new(
        below: Arc<dyn Storage>,
        files: impl IntoIterator<Item = (PathBuf, OverlaidFile)>,
        new_dirs: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let files = files.into_iter();
        Overlay {
            below,
            files: files.map(|(path, file)| (path, Arc::new(file))).collect(),
            new_dirs: new_dirs.into_iter().collect(),
        }
    }

    fn new_file(&self, path: &Path) -> bool {
        self.files.get(path).is_some_and(|file| file.is_new)
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Storage for Overlay {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        if access != Access::Read {
            return refused();
        }
        let Some(over) = self.files.get(path) else {
            return self.below.open_file(path, access);
        };
        let below = match over.is_new {
            true => None,
            false => Some(self.below.open_file(path, access)?),
        };
        let over = Arc::clone(over);
        Ok(Arc::new(Overlaid { below, over }))
    }

    fn create_file(&self, _: &Path) -> io::Result<Arc<dyn StorageFile>> {
        refused()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn link_or_copy(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_file(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = match self.new_dirs.contains(dir) {
            true => Vec::new(),
            false => self.below.list_dir(dir)?,
        };
        let files = self.files.iter().filter(|(_, file)| file.is_new);
        let files = files.map(|(path, _)| (path, EntryKind::File));
        let dirs = self.new_dirs.iter().map(|dir| (dir, EntryKind::Directory));
        for (path, kind) in files.chain(dirs) {
            let name = path.file_name().and_then(|name| name.to_str());
            if let (Some(name), true) = (name, path.parent() == Some(dir)) {
                entries.push(DirEntry {
                    name: name.to_owned(),
                    kind,
                    is_link: false,
                });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        if self.new_dirs.contains(path) {
            return Ok(Some(EntryKind::Directory));
        }
        match self.new_file(path) {
            true => Ok(Some(EntryKind::File)),
            false => self.below.kind(path),
        }
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        self.below.is_link(path)
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        match self.new_file(path) {
            true => Ok(self.below.wall_clock()),
            false => self.below.modified(path),
        }
    }

    fn wall_clock(&self) -> SystemTime {
        self.below.wall_clock()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.below.available_bytes(dir)
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        match self.new_dirs.contains(path) {
            true => Ok(Some(DirIdentity::default())),
            false => self.below.dir_identity(path),
        }
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        match self.new_dirs.contains(path) {
            true => Ok(path.to_path_buf()),
            false => self.below.canonical(path),
        }
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn StorageLock>> {
        refused()
    }
}

/// A file with bytes laid over it.
#[derive(Debug)]
struct Overlaid {
    below: Option<Arc<dyn StorageFile>>,
    over: Arc<OverlaidFile>,
}

impl StorageFile for Overlaid {
    fn len(&self) -> io::Result<u64> {
        let below = self.below.as_ref().map_or(Ok(0), |file| file.len())?;
        Ok(below.max(self.over.end()))
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.len()?.saturating_sub(offset);
        let count = usize::try_from(rest).map_or(buf.len(), |rest| rest.min(buf.len()));
        let buf = &mut buf[..count];
        let read = match &self.below {
            Some(file) => file.read_at(offset, buf)?,
            None => 0,
        };
        buf[read..].fill(0);
        let end = offset + count as u64;
        for (at, bytes) in &self.over.writes {
            let (from, to) = (offset.max(*at), end.min(at + bytes.len() as u64));
            if from < to {
                let source = &bytes[(from - at) as usize..(to - at) as usize];
                buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(count)
    }

    fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> io::Result<()> {
        refused()
    }

    fn allocate(&self, _: u64, _: u64) -> io::Result<()> {
        refused()
    }

    fn write_zeros(&self, _: u64, _: u64) -> io::Result<()> {
        refused()
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        refused()
    }

    fn sync_data(&self) -> io::Result<()> {
        refused()
    }

    fn sync_all(&self) -> io::Result<()> {
        refused()
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len)?;
        bytes.resize(len, 0);
        crate::storage::read_exact_at(self, 0, &mut bytes)?;
        Ok(read_into_memory(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::RealDisk;

    #[test]
    fn what_is_laid_over_is_read_and_nothing_is_changed() {
        let place = tempfile::tempdir().expect("a directory");
        let (dir, file) = (place.path().to_path_buf(), place.path().join("a"));
        std::fs::write(&file, b"0123456789").expect("writes");
        let over = OverlaidFile {
            is_new: false,
            writes: vec![(2, b"ab".to_vec()), (3, b"c".to_vec()), (12, b"x".to_vec())],
        };
        let new = OverlaidFile {
            is_new: true,
            writes: vec![(1, b"z".to_vec())],
        };
        let sub = dir.join("sub");
        let files = [(file.clone(), over), (sub.join("b"), new)];
        let disk = Overlay::new(Arc::new(RealDisk), files, [sub.clone()]);
        let read = |path: &Path| {
            let file = disk.open_file(path, Access::Read).expect("opens");
            let mut bytes = vec![7; 20];
            let count = file.read_at(0, &mut bytes).expect("reads");
            assert_eq!(count as u64, file.len().expect("has a length"));
            bytes.truncate(count);
            bytes
        };
        assert_eq!(read(&file), b"01ac456789\0\0x");
        assert_eq!(read(&sub.join("b")), b"\0z");
        let opened = disk.open_file(&file, Access::Read).expect("opens");
        let mut part = [0; 3];
        assert_eq!(opened.read_at(11, &mut part).expect("reads"), 2);
        assert_eq!(part, *b"\0x\0");
        assert_eq!(opened.map(4).expect("maps").bytes(), b"01ac");
        let names = |dir: &Path| {
            let listed = disk.list_dir(dir).expect("lists").into_iter();
            listed.map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&dir), ["a", "sub"]);
        assert_eq!(names(&sub), ["b"]);
        assert!(disk.open_file(&file, Access::ReadWrite).is_err());
        assert!(disk.remove_file(&file).is_err());
        assert_eq!(std::fs::read(&file).expect("reads"), b"0123456789");
        assert!(!sub.exists());
    }
}
