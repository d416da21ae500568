//! Where the bytes of a segment come from: positional reads, or a mapping.

use std::io;
use std::sync::Arc;

use crate::ids::FileOffset;
use crate::segment::SharedIndex;
use crate::storage::MappedBytes;
use crate::storage::StorageFile;

/// An open segment file, for reading.
#[derive(Clone, Debug)]
pub enum Source {
    /// Read by position.
    File(Arc<dyn StorageFile>),
    /// Mapped; only sealed files are.
    Mapped(Arc<dyn MappedBytes>),
}

/// What it takes to read a segment: its bytes, and the index over them, which lives as long as
/// somebody has the file open.
#[derive(Clone, Debug)]
pub struct Readable {
    /// The open file.
    pub source: Source,
    /// Where some of its frames are.
    pub index: SharedIndex,
}

/// A reader's buffer over a stretch of one file. Mapped files are not copied into it.
#[derive(Debug, Default)]
pub struct Window {
    start: u64,
    bytes: Vec<u8>,
}

/// A window that grew beyond this for one large frame gives its memory back.
const KEPT_BYTES: usize = 1 << 20;

impl Window {
    /// An empty window.
    pub const fn new() -> Self {
        Window {
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Forgets what was read: the next use may be of another file, or of a later state.
    pub fn reset(&mut self) {
        self.start = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// The `len` bytes at `offset`, none at or past `limit`. Where the file has to be read,
    /// `read_ahead` bytes are taken along. `None`: the limit or the file ends before.
    ///
    /// Never allocates more than the file holds: the length is bounded before it sizes anything.
    pub fn bytes<'a>(
        &'a mut self,
        source: &'a Source,
        offset: FileOffset,
        len: usize,
        read_ahead: usize,
        limit: FileOffset,
    ) -> io::Result<Option<&'a [u8]>> {
        let Some(end) = offset.0.checked_add(len as u64) else {
            return Ok(None);
        };
        if end > limit.0 {
            return Ok(None);
        }
        match source {
            Source::Mapped(map) => {
                let bytes = map.bytes();
                let range = usize::try_from(offset.0)
                    .ok()
                    .zip(usize::try_from(end).ok());
                Ok(range.and_then(|(start, end)| bytes.get(start..end)))
            }
            Source::File(file) => {
                if !self.holds(offset.0, end) {
                    self.fill(&**file, offset.0, len, read_ahead, limit.0)?;
                }
                if !self.holds(offset.0, end) {
                    return Ok(None);
                }
                let from = (offset.0 - self.start) as usize;
                Ok(Some(&self.bytes[from..from + len]))
            }
        }
    }

    /// The `len` bytes at `offset` that the last [`Window::bytes`] read; empty if it did not.
    pub fn held<'a>(&'a self, source: &'a Source, offset: FileOffset, len: usize) -> &'a [u8] {
        let (bytes, start) = match source {
            Source::Mapped(map) => (map.bytes(), 0),
            Source::File(_) => (&self.bytes[..], self.start),
        };
        let from = offset
            .0
            .checked_sub(start)
            .and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| bytes.get(from..from.checked_add(len)?))
            .unwrap_or_default()
    }

    /// All bytes from `offset` on that are at hand without reading; may be none.
    #[inline]
    pub fn at_hand<'a>(&'a self, source: &'a Source, offset: FileOffset) -> &'a [u8] {
        let (bytes, start) = match source {
            Source::Mapped(map) => (map.bytes(), 0),
            Source::File(_) => (&self.bytes[..], self.start),
        };
        let from = offset
            .0
            .checked_sub(start)
            .and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| bytes.get(from..)).unwrap_or_default()
    }

    fn holds(&self, offset: u64, end: u64) -> bool {
        offset >= self.start && end <= self.start + self.bytes.len() as u64
    }

    fn fill(
        &mut self,
        file: &dyn StorageFile,
        offset: u64,
        len: usize,
        read_ahead: usize,
        limit: u64,
    ) -> io::Result<()> {
        let most = usize::try_from(limit - offset).unwrap_or(usize::MAX);
        let mut wanted = len.max(read_ahead).min(most);
        if wanted > KEPT_BYTES {
            // A length this large is believed only when the file is that long.
            let held = file.len()?.saturating_sub(offset);
            wanted = wanted.min(usize::try_from(held).unwrap_or(usize::MAX));
        }
        self.start = offset;
        self.bytes.resize(wanted, 0);
        match file.read_at(offset, &mut self.bytes) {
            Ok(read) => self.bytes.truncate(read),
            Err(error) => {
                self.bytes.clear();
                return Err(error);
            }
        }
        Ok(())
    }
}
