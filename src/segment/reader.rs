//! Where do the bytes of a segment come from: positional reads, or a mapping?

use std::io;
use std::sync::Arc;

use crate::error::memory;
use crate::ids::FileOffset;
use crate::segment::SharedIndex;
use crate::storage::SharedBytes;
use crate::storage::StorageFile;

/// An open segment file, for reading.
#[derive(Clone, Debug)]
pub enum SegmentBytes {
    /// Read by position.
    File(Arc<dyn StorageFile>),
    /// Mapped as a whole: a sealed file.
    FullyMapped(SharedBytes),
    /// Mapped as far as it is durable, read by position behind that: a file still written to.
    PrefixMapped {
        /// The first bytes. Of these, those in front of the frames may change and are not read.
        map: SharedBytes,
        /// For the rest.
        file: Arc<dyn StorageFile>,
    },
}

impl SegmentBytes {
    /// The bytes that are mapped, from the start of the file.
    #[inline]
    pub fn mapped(&self) -> &[u8] {
        match self {
            SegmentBytes::FullyMapped(map) | SegmentBytes::PrefixMapped { map, .. } => map.bytes(),
            SegmentBytes::File(_) => &[],
        }
    }

    /// The mapping, if there is one.
    #[inline]
    pub fn map(&self) -> Option<&SharedBytes> {
        match self {
            SegmentBytes::FullyMapped(map) | SegmentBytes::PrefixMapped { map, .. } => Some(map),
            SegmentBytes::File(_) => None,
        }
    }

    /// The file, where some of it has to be read by position.
    pub fn file(&self) -> Option<&Arc<dyn StorageFile>> {
        match self {
            SegmentBytes::File(file) | SegmentBytes::PrefixMapped { file, .. } => Some(file),
            SegmentBytes::FullyMapped(_) => None,
        }
    }
}

/// An open segment: its bytes, and the index over them, which lives as long as the file is open.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    /// The open file.
    pub source: SegmentBytes,
    /// Where some of its frames are.
    pub index: SharedIndex,
}

impl SegmentReader {
    /// A file that is read by position.
    pub fn of_file(file: Arc<dyn StorageFile>, index: SharedIndex) -> Self {
        let source = SegmentBytes::File(file);
        SegmentReader { source, index }
    }
}

/// A reader's buffer over a stretch of one file. Mapped files are not copied into it.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    start: u64,
    bytes: Vec<u8>,
}

/// A buffer that grew beyond this for one large frame frees its memory.
const KEPT_BYTES: usize = 1 << 20;

impl ReadBuffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        ReadBuffer {
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Discards what was read: the next use may be of another file, or of a later state.
    pub fn reset(&mut self) {
        self.start = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// The `len` bytes at `offset`, none at or past `limit`. A read of the file fetches at least
    /// `read_ahead` bytes. `None`: the limit or the file ends before.
    ///
    /// Never allocates more than the file holds: the length is bounded before it sizes anything.
    pub fn bytes<'a>(
        &'a mut self,
        source: &'a SegmentBytes,
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
        if let Some(bytes) = within(source.mapped(), offset.0, end) {
            return Ok(Some(bytes));
        }
        let Some(file) = source.file() else {
            return Ok(None);
        };
        if !self.holds(offset.0, end) {
            self.fill(&**file, offset.0, len, read_ahead, limit.0)?;
        }
        if !self.holds(offset.0, end) {
            return Ok(None);
        }
        let from = (offset.0 - self.start) as usize;
        Ok(Some(&self.bytes[from..from + len]))
    }

    /// The `len` bytes at `offset` that the last [`ReadBuffer::bytes`] read; empty if it did not.
    #[inline]
    pub fn held<'a>(
        &'a self,
        source: &'a SegmentBytes,
        offset: FileOffset,
        len: usize,
    ) -> &'a [u8] {
        let Some(end) = offset.0.checked_add(len as u64) else {
            return &[];
        };
        let mapped = within(source.mapped(), offset.0, end);
        let held = || {
            within(
                &self.bytes,
                offset.0.checked_sub(self.start)?,
                end - self.start,
            )
        };
        mapped.or_else(held).unwrap_or_default()
    }

    /// All bytes from `offset` on that are mapped or buffered; may be none.
    #[inline]
    pub fn in_buffer<'a>(&'a self, source: &'a SegmentBytes, offset: FileOffset) -> &'a [u8] {
        let from = |bytes: &'a [u8], start: u64| {
            let from = usize::try_from(offset.0.checked_sub(start)?).ok()?;
            bytes.get(from..).filter(|rest| !rest.is_empty())
        };
        let mapped = from(source.mapped(), 0);
        mapped
            .or_else(|| from(&self.bytes, self.start))
            .unwrap_or_default()
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
            // A length this large is trusted only when the file is that long.
            let held = file.len()?.saturating_sub(offset);
            wanted = wanted.min(usize::try_from(held).unwrap_or(usize::MAX));
        }
        self.start = offset;
        if let Err(error) = memory::resize(&mut self.bytes, wanted) {
            self.bytes.clear();
            return Err(error);
        }
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

#[inline]
fn within(bytes: &[u8], start: u64, end: u64) -> Option<&[u8]> {
    let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
    bytes.get(range)
}
