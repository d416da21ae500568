//! Mapped bytes that readers share and reach without a call.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;

use crate::storage::MappedBytes;

/// A mapping that readers share. Its address is stored here, so that reads need no virtual call.
#[derive(Clone, Debug)]
pub struct SharedBytes {
    start: NonNull<u8>,
    len: usize,
    keeper: Arc<dyn MappedBytes>,
}

// SAFETY: the bytes are only read, and `keeper`, which is Send and Sync, keeps them in place.
unsafe impl Send for SharedBytes {}
// SAFETY: as above.
unsafe impl Sync for SharedBytes {}

impl SharedBytes {
    /// The bytes of `keeper`.
    pub fn new(keeper: Arc<dyn MappedBytes>) -> Self {
        let bytes = keeper.bytes();
        let (start, len) = (NonNull::from(bytes).cast(), bytes.len());
        SharedBytes { start, len, keeper }
    }

    /// Bytes that were read into memory, in place of a mapping.
    pub fn of_read(bytes: Vec<u8>) -> Self {
        SharedBytes::new(read_into_memory(bytes))
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the contract of `MappedBytes`: as long as the keeper lives, these bytes stay
        // where they are and as they are.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The same bytes with a reference count of their own, so that threads do not contend for one
    /// cache line.
    pub fn with_own_refcount(&self) -> Self {
        SharedBytes {
            keeper: Arc::new(OwnRefcount(Arc::clone(&self.keeper))),
            ..*self
        }
    }
}

/// Bytes that were read into memory, in place of a mapping.
pub fn read_into_memory(bytes: Vec<u8>) -> Arc<dyn MappedBytes> {
    Arc::new(Read(bytes))
}

#[derive(Debug)]
struct Read(Vec<u8>);

// SAFETY: the bytes lie in the heap, wherever the vector is moved, and nothing changes them.
unsafe impl MappedBytes for Read {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Debug)]
struct OwnRefcount(Arc<dyn MappedBytes>);

// SAFETY: the bytes are those of another value, which is kept as long as this one.
unsafe impl MappedBytes for OwnRefcount {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_share_a_mapping_keep_it_however_they_are_counted() {
        let keeper: Arc<dyn MappedBytes> = Arc::new(Read(vec![1, 2, 3]));
        let watched = Arc::downgrade(&keeper);
        let first = SharedBytes::new(keeper);
        let apart = first.with_own_refcount();
        let last = apart.clone();
        drop((first, apart));
        assert_eq!(last.bytes(), [1, 2, 3]);
        drop(last);
        assert!(watched.upgrade().is_none());
        let empty = SharedBytes::of_read(Vec::new());
        assert!(empty.bytes().is_empty());
    }
}
