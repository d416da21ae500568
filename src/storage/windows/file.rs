//! One open file on Windows: how is it opened, read, written, synced and mapped?
//!
//! A sync is `FlushFileBuffers`, which needs a handle that may write; it covers what any handle has written into the file.
//! Preallocation writes zeros. A map for reading is a copy: a file with a mapped view can be neither removed nor shortened,
//! but truncation removes segments that readers still hold. Failure: the system's error, unchanged. On close nothing is
//! written: what was not synced is in the system's cache.

#![allow(unsafe_code)]

use crate::error::memory;
use crate::storage::Access;
use crate::storage::MappedBytes;
use crate::storage::StorageFile;
use crate::storage::copy::copy_range;
use crate::storage::read_exact_at;
use crate::storage::windows::calls;
use crate::storage::windows::linked;
#[cfg(debug_assertions)]
use crate::storage::windows::open_paths::OpenPath;
use std::fs;
use std::io;
use std::io::IoSlice;
use std::os::windows::fs::FileExt;
use std::os::windows::fs::MetadataExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
const ZERO_WRITE_BYTES: usize = 4096;
static ZEROS: [u8; ZERO_WRITE_BYTES] = [0; ZERO_WRITE_BYTES];

#[derive(Debug)]
pub(super) struct WindowsFile {
    file: fs::File,
    #[cfg(debug_assertions)]
    _path: OpenPath,
}

impl WindowsFile {
    /// Opens a file that exists, and no link to one.
    pub(super) fn open(path: &Path, access: Access) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        options
            .read(true)
            .write(access == Access::ReadWrite)
            .share_mode(calls::SHARE_ALL);
        let mut itself = options.clone();
        // With the second flag a directory opens too, and is distinguished from a file that is refused.
        itself
            .custom_flags(calls::FILE_FLAG_OPEN_REPARSE_POINT | calls::FILE_FLAG_BACKUP_SEMANTICS);
        let mut file = itself.open(path)?;
        let found = file.metadata()?;
        if found.is_symlink() {
            return Err(linked());
        }
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            // Compressed, deduplicated or kept elsewhere: the file system finds the content.
            file = options.open(path)?;
        }
        Ok(Self::of(file, path))
    }

    /// Creates a file that must not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .share_mode(calls::SHARE_ALL)
            .open(path)?;
        Ok(Self::of(file, path))
    }

    #[cfg_attr(not(debug_assertions), allow(unused_variables))]
    fn of(file: fs::File, path: &Path) -> Self {
        Self {
            file,
            #[cfg(debug_assertions)]
            _path: OpenPath::of(path),
        }
    }

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
        let len = parts.iter().map(|part| part.len() as u64).sum();
        end_of(offset, len)?;
        let mut at = offset;
        for part in parts {
            self.write_all(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = end_of(offset, len)?;
        let start = offset.max(self.len()?);
        self.write_zeros(start, end.saturating_sub(start))
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = end_of(offset, len)?;
        let mut at = offset;
        while at < end {
            let count = (ZERO_WRITE_BYTES as u64).min(end - at);
            self.write_all(at, &ZEROS[..count as usize])?;
            at += count;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(end_of(0, len)?)
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
        read_exact_at(self, 0, &mut bytes)?;
        Ok(Arc::new(CopiedBytes { bytes }))
    }
}

/// The end of a range; `FileTooLarge` where no file has that offset.
fn end_of(offset: u64, len: u64) -> io::Result<u64> {
    let end = offset.checked_add(len);
    end.filter(|end| i64::try_from(*end).is_ok())
        .ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

/// Copies into a new file and syncs it. A copy that fails is removed.
pub(super) fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let source = WindowsFile::open(from, Access::Read)?;
    let len = source.len()?;
    let target = WindowsFile::create(to)?;
    let copied = copy_range(&source, 0..len, &target).and_then(|()| target.sync_all());
    if copied.is_err() {
        // The first error is the cause. A copy that cannot be removed stays as after a crash.
        let _ = calls::remove_file(to);
    }
    copied
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
