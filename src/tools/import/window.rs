//! How are bytes of a file read whose lengths are unproven?
//!
//! One window of the file is in memory. A range that the file does not hold is `None`, whatever a length
//! field says; a range that does not fit into the window is read into memory of its own size, or checked by
//! pieces and not kept.

use std::io;
use std::sync::Arc;

use crate::error::memory;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;

/// The most that is read at once, in bytes.
pub const WINDOW_LEN: usize = 1 << 20;

/// A file as far as it was long when it was opened.
pub struct FileWindow {
    file: Arc<dyn StorageFile>,
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl FileWindow {
    /// A file that is open for reading.
    pub fn new(file: Arc<dyn StorageFile>) -> io::Result<Self> {
        Ok(FileWindow {
            len: file.len()?,
            file,
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// The length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file holds these bytes.
    pub fn holds(&self, at: u64, len: u64) -> bool {
        at.checked_add(len).is_some_and(|end| end <= self.len)
    }

    /// At most [`WINDOW_LEN`] bytes; `None` where the file does not hold them.
    pub fn get(&mut self, at: u64, len: usize) -> io::Result<Option<&[u8]>> {
        if len > WINDOW_LEN || !self.holds(at, len as u64) {
            return Ok(None);
        }
        let end = at + len as u64;
        if at < self.start || end > self.start + self.bytes.len() as u64 {
            let fill = (self.len - at).min(WINDOW_LEN as u64) as usize;
            memory::resize(&mut self.bytes, fill)?;
            if let Err(error) = read_exact_at(&*self.file, at, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
            self.start = at;
        }
        let from = (at - self.start) as usize;
        Ok(self.bytes.get(from..from + len))
    }

    /// Bytes that the file holds, in memory of their own.
    pub fn copy(&mut self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.get(at, len)? {
            return memory::copied(bytes);
        }
        let mut bytes = memory::zeroed(len)?;
        read_exact_at(&*self.file, at, &mut bytes)?;
        Ok(bytes)
    }

    /// Visits a range that the file holds, piece by piece.
    pub fn pieces(
        &mut self,
        mut at: u64,
        len: u64,
        mut visit: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let end = at + len;
        while at < end {
            let piece = (end - at).min(WINDOW_LEN as u64) as usize;
            let Some(bytes) = self.get(at, piece)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            visit(bytes);
            at += piece as u64;
        }
        Ok(())
    }

    /// Where these four bytes stand next, from `at` on.
    pub fn find(&mut self, mut at: u64, wanted: [u8; 4]) -> io::Result<Option<u64>> {
        while self.holds(at, wanted.len() as u64) {
            let fill = (self.len - at).min(WINDOW_LEN as u64) as usize;
            let Some(bytes) = self.get(at, fill)? else {
                return Ok(None);
            };
            let found = bytes.windows(wanted.len()).position(|four| four == wanted);
            if let Some(distance) = found {
                return Ok(Some(at + distance as u64));
            }
            at += (fill + 1 - wanted.len()) as u64;
        }
        Ok(None)
    }
}
