//! The real disk on Windows, on top of `std::fs`.
//!
//! Durability: `FlushFileBuffers` for files. Directories cannot be synced on Windows; NTFS journals
//! names in order with the metadata that `FlushFileBuffers` writes out. Preallocation writes zeros.
//! A map for reading is a copy: a file with a mapped view can be neither removed nor shortened, but
//! truncation removes segments that readers still hold.

#![allow(unsafe_code)]

use crate::error::memory;
use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::DirIdentity;
use crate::storage::EntryKind;
use crate::storage::MappedBytes;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use std::fs;
use std::io;
use std::io::IoSlice;
use std::os::windows::fs::FileExt;
use std::os::windows::fs::MetadataExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE`: renaming and removing open files
/// works as it does on Unix.
const SHARE_ALL: u32 = 1 | 2 | 4;
const ERROR_SHARING_VIOLATION: i32 = 32;
const ZERO_WRITE_BYTES: usize = 4096;
static ZEROS: [u8; ZERO_WRITE_BYTES] = [0; ZERO_WRITE_BYTES];

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// Windows has no `fork`.
pub fn fork_generation() -> u64 {
    0
}

impl Storage for RealDisk {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(access == Access::ReadWrite)
            .share_mode(SHARE_ALL)
            .open(path)?;
        Ok(Arc::new(WindowsFile { file }))
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .share_mode(SHARE_ALL)
            .open(path)?;
        Ok(Arc::new(WindowsFile { file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) => {
                let mut source = fs::File::open(from)?;
                let mut target = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(to)?;
                io::copy(&mut source, &mut target)?;
                target.sync_all()
            }
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if let Some(kind) = self.kind(&entry.path())? {
                let is_link = self.is_link(&entry.path())?;
                entries.push(DirEntry {
                    name,
                    kind,
                    is_link,
                });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(EntryKind::File)),
            Ok(found) if found.is_dir() => Ok(Some(EntryKind::Directory)),
            Ok(_) => Ok(Some(EntryKind::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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
        // There is nothing to call; a missing directory is an error.
        fs::metadata(dir).map(|_| ())
    }

    fn available_bytes(&self, _: &Path) -> io::Result<u64> {
        // `std` has no such call. Preallocation keeps to its other bounds.
        Ok(u64::MAX)
    }

    fn dir_identity(&self, path: &Path) -> io::Result<Option<DirIdentity>> {
        let found = match fs::metadata(path) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(DirIdentity {
            made_ns: u128::from(found.creation_time()) * 100,
            ..DirIdentity::default()
        }))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        // A file that is opened without sharing cannot be opened again by any process; the handle
        // is closed when its process dies.
        let opened = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .share_mode(0)
            .open(path);
        match opened {
            Ok(file) => Ok(Box::new(WindowsLock { _file: file })),
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    }

    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        match fs::File::open(path) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

#[derive(Debug)]
struct WindowsLock {
    _file: fs::File,
}

impl StorageLock for WindowsLock {
    fn announce(&self) -> io::Result<()> {
        // Whoever opens the file finds that it is held.
        Ok(())
    }
}

#[derive(Debug)]
struct WindowsFile {
    file: fs::File,
}

impl WindowsFile {
    fn write_all(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.seek_write(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl StorageFile for WindowsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < buf.len() {
            match self.file.seek_read(&mut buf[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut at = offset;
        for part in parts {
            self.write_all(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let start = offset.max(self.len()?);
        self.write_zeros(start, (offset + len).saturating_sub(start))
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset + len;
        let mut at = offset;
        while at < end {
            let count = (ZERO_WRITE_BYTES as u64).min(end - at);
            self.write_all(at, &ZEROS[..count as usize])?;
            at += count;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>> {
        // A copy: see the head of this file.
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let mut bytes = memory::zeroed(usize::try_from(len).map_err(too_large)?)?;
        super::read_exact_at(self, 0, &mut bytes)?;
        Ok(Arc::new(CopiedBytes { bytes }))
    }
}

#[derive(Debug)]
struct CopiedBytes {
    bytes: Vec<u8>,
}

// SAFETY: the bytes are on the heap and nothing changes them.
unsafe impl MappedBytes for CopiedBytes {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
