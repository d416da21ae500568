//! A disk as it would be if some bytes were written: for reading only.
//!
//! Recovery judges streams as they are with what the commit journal holds, before it changes anything. Bytes of
//! files and names of files and directories are laid over those of another disk. Whatever would change the disk is
//! refused.
//!
//! Beside others who may change the disk, the overlay has a condition. Whatever is read from it is read first
//! and judged then: where the condition no longer holds, the disk alone is read once more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::FileHead;
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

/// As long as it holds, what is laid over a disk is right.
pub trait OverlayCondition: Send + Sync + std::fmt::Debug {
    /// Whether it holds. Once it does not, it never does again.
    fn holds(&self) -> io::Result<bool>;
}

/// A disk with bytes laid over it.
#[derive(Clone, Debug)]
pub struct Overlay {
    below: Arc<dyn Storage>,
    files: Arc<BTreeMap<PathBuf, Arc<OverlaidFile>>>,
    new_dirs: Arc<BTreeSet<PathBuf>>,
    /// `None`: no other process changes the disk.
    condition: Option<Arc<dyn OverlayCondition>>,
}

impl Overlay {
    /// These files and directories, laid over a disk that no process changes meanwhile.
    pub fn new(
        below: Arc<dyn Storage>,
        files: impl IntoIterator<Item = (PathBuf, OverlaidFile)>,
        new_dirs: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let files = files.into_iter();
        let files = files.map(|(path, file)| (path, Arc::new(file)));
        Overlay {
            below,
            files: Arc::new(files.collect()),
            new_dirs: Arc::new(new_dirs.into_iter().collect()),
            condition: None,
        }
    }

    /// The same, laid over the disk only as long as a condition holds. Until then others write nothing but what is
    /// laid over.
    pub fn while_it_holds(mut self, condition: Arc<dyn OverlayCondition>) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Whether it is still laid over the disk.
    pub fn holds(&self) -> io::Result<bool> {
        self.condition.as_ref().map_or(Ok(true), |it| it.holds())
    }

    /// Whether something is laid over this file.
    pub fn changes(&self, path: &Path) -> io::Result<bool> {
        Ok(self.files.contains_key(path) && self.holds()?)
    }

    fn has_new_file(&self, path: &Path) -> io::Result<bool> {
        let is_new = self.files.get(path).is_some_and(|file| file.is_new);
        Ok(is_new && self.holds()?)
    }

    fn has_new_dir(&self, path: &Path) -> io::Result<bool> {
        Ok(self.new_dirs.contains(path) && self.holds()?)
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

// The disk is asked first, and then whether the condition still holds: what was laid over before the answer
// came belongs to that state.
impl Storage for Overlay {
    fn open_head(&self, path: &Path, head: &mut [u8]) -> io::Result<FileHead> {
        if !self.files.contains_key(path) {
            return self.below.open_head(path, head);
        }
        let file = self.open_file(path, Access::Read)?;
        let read = file.read_at(0, head)?;
        let len = file.len()?;
        Ok(FileHead { file, read, len })
    }

    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        if access != Access::Read {
            return refused();
        }
        let Some(over) = self.files.get(path) else {
            return self.below.open_file(path, access);
        };
        let below = match self.below.open_file(path, access) {
            Ok(file) => OnceLock::from(file),
            Err(error) if over.is_new && is_missing(&error) && self.holds()? => OnceLock::new(),
            // It may have been made meanwhile.
            Err(error) if over.is_new && is_missing(&error) => {
                return self.below.open_file(path, access);
            }
            Err(error) => return Err(error),
        };
        Ok(Arc::new(Overlaid {
            below,
            over: Arc::clone(over),
            path: path.to_path_buf(),
            disk: self.clone(),
        }))
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
        let mut entries = match self.below.list_dir(dir) {
            Err(error) if is_missing(&error) && self.has_new_dir(dir)? => Vec::new(),
            listed => listed?,
        };
        if !self.holds()? {
            return self.below.list_dir(dir);
        }
        let files = self.files.iter().filter(|(_, file)| file.is_new);
        let files = files.map(|(path, _)| (path, EntryKind::File));
        let dirs = self.new_dirs.iter().map(|dir| (dir, EntryKind::Directory));
        for (path, kind) in files.chain(dirs) {
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|_| path.parent() == Some(dir)) else {
                continue;
            };
            if !entries.iter().any(|entry| entry.name == name) {
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
        match self.below.kind(path)? {
            None if self.has_new_dir(path)? => Ok(Some(EntryKind::Directory)),
            None if self.has_new_file(path)? => Ok(Some(EntryKind::File)),
            None => self.below.kind(path),
            kind => Ok(kind),
        }
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        self.below.is_link(path)
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        match self.below.modified(path) {
            Err(error) if is_missing(&error) && self.has_new_file(path)? => {
                Ok(self.below.wall_clock())
            }
            modified => modified,
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
        match self.below.dir_identity(path)? {
            None if self.has_new_dir(path)? => Ok(Some(DirIdentity::default())),
            None => self.below.dir_identity(path),
            identity => Ok(identity),
        }
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        match self.below.canonical(path) {
            Err(error) if is_missing(&error) && self.has_new_dir(path)? => Ok(path.to_path_buf()),
            canonical => canonical,
        }
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn StorageLock>> {
        refused()
    }

    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        self.below.is_announced(path)
    }
}

/// A file with bytes laid over it.
#[derive(Debug)]
struct Overlaid {
    /// Not set: the file is not there, or was not when it was opened.
    below: OnceLock<Arc<dyn StorageFile>>,
    over: Arc<OverlaidFile>,
    path: PathBuf,
    disk: Overlay,
}

impl Overlaid {
    /// The file without what was laid over it: that is in the file by now.
    fn plain(&self) -> io::Result<&Arc<dyn StorageFile>> {
        if let Some(file) = self.below.get() {
            return Ok(file);
        }
        let file = self.disk.below.open_file(&self.path, Access::Read)?;
        Ok(self.below.get_or_init(|| file))
    }

    fn len_with_over(&self) -> io::Result<u64> {
        let below = self.below.get().map_or(Ok(0), |file| file.len())?;
        Ok(below.max(self.over.end()))
    }

    fn read_with_over(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.len_with_over()?.saturating_sub(offset);
        let count = usize::try_from(rest).map_or(buf.len(), |rest| rest.min(buf.len()));
        let buf = &mut buf[..count];
        let read = match self.below.get() {
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
}

impl StorageFile for Overlaid {
    fn len(&self) -> io::Result<u64> {
        let len = self.len_with_over()?;
        match self.disk.holds()? {
            true => Ok(len),
            false => self.plain()?.len(),
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.read_with_over(offset, buf)?;
        match self.disk.holds()? {
            true => Ok(count),
            false => self.plain()?.read_at(offset, buf),
        }
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

    #[derive(Debug, Default)]
    struct Flag(std::sync::atomic::AtomicBool);

    impl OverlayCondition for Flag {
        fn holds(&self) -> io::Result<bool> {
            Ok(!self.0.load(std::sync::atomic::Ordering::Relaxed))
        }
    }

    #[test]
    fn once_the_condition_is_gone_the_disk_alone_is_read_also_from_open_files() {
        let place = tempfile::tempdir().expect("a directory");
        let (dir, file) = (place.path().to_path_buf(), place.path().join("a"));
        std::fs::write(&file, b"0123").expect("writes");
        let over = |is_new, bytes: &[u8]| OverlaidFile {
            is_new,
            writes: vec![(2, bytes.to_vec())],
        };
        let sub = dir.join("sub");
        let new = sub.join("b");
        let files = [
            (file.clone(), over(false, b"abc")),
            (new.clone(), over(true, b"z")),
        ];
        let flag = Arc::new(Flag::default());
        let disk =
            Overlay::new(Arc::new(RealDisk), files, [sub.clone()]).while_it_holds(flag.clone());
        let open = |path: &Path| disk.open_file(path, Access::Read).expect("opens");
        let (old_file, new_file) = (open(&file), open(&new));
        let read = |file: &dyn StorageFile| {
            let mut bytes = [7; 9];
            let count = file.read_at(0, &mut bytes).expect("reads");
            assert_eq!(count as u64, file.len().expect("has a length"));
            bytes[..count].to_vec()
        };
        assert_eq!(read(&*old_file), b"01abc");
        assert_eq!(read(&*new_file), b"\0\0z");
        // A writer makes the same, and goes on.
        std::fs::create_dir(&sub).expect("makes");
        std::fs::write(&new, b"\0\0z").expect("writes");
        let listed = disk.list_dir(&dir).expect("lists");
        assert_eq!(listed.len(), 2, "{listed:?}");
        std::fs::write(&file, b"xyz").expect("writes");
        std::fs::write(&new, b"new").expect("writes");
        flag.0.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(read(&*old_file), b"xyz");
        assert_eq!(read(&*new_file), b"new");
        assert_eq!(read(&*open(&file)), b"xyz");
        assert!(!disk.changes(&file).expect("knows"));
        std::fs::remove_file(&new).expect("removes");
        std::fs::remove_dir(&sub).expect("removes");
        assert_eq!(disk.kind(&sub).expect("looks"), None);
        assert_eq!(disk.dir_identity(&sub).expect("looks"), None);
        assert!(disk.open_file(&new, Access::Read).is_err());
        assert!(disk.list_dir(&sub).is_err());
    }
}
