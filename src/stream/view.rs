//! The bytes of one entry, borrowed from where they are.

use std::fmt;
use std::ops::Deref;
use std::ops::Range;

use crate::cache::Block;
use crate::storage::Mapping;

/// One entry, checked. Dereferences to its bytes.
///
/// It pins what it shows: truncation, deletion, rotation, eviction and close do not touch the
/// bytes while it lives, and the space returns when it goes. It does not keep the log locked. May
/// be sent to and used from any thread.
pub struct EntryView(Bytes);

enum Bytes {
    Owned(Vec<u8>),
    Mapped { map: Mapping, range: Range<usize> },
    Block { block: Block, range: Range<usize> },
}

impl EntryView {
    /// A view that owns its bytes.
    pub(crate) fn owned(bytes: Vec<u8>) -> Self {
        EntryView(Bytes::Owned(bytes))
    }

    /// A view into a mapped file.
    #[inline]
    pub(crate) fn mapped(map: Mapping, range: Range<usize>) -> Self {
        debug_assert!(map.bytes().get(range.clone()).is_some());
        EntryView(Bytes::Mapped { map, range })
    }

    /// A view into a decompressed frame.
    pub(crate) fn in_block(block: Block, range: Range<usize>) -> Self {
        debug_assert!(block.get(range.clone()).is_some());
        EntryView(Bytes::Block { block, range })
    }
}

impl Deref for EntryView {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Owned(bytes) => bytes,
            Bytes::Mapped { map, range } => &map.bytes()[range.clone()],
            Bytes::Block { block, range } => &block[range.clone()],
        }
    }
}

impl AsRef<[u8]> for EntryView {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for EntryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryView({} bytes)", self.len())
    }
}
