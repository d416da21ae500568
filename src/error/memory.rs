//! How is memory allocated whose size the disk or the caller decides?
//!
//! Such a size may be large, and a shortage must not end the host. So these functions return an
//! error of kind [`io::ErrorKind::OutOfMemory`] that names the size. Allocations of bounded size (a
//! path, a name, a map node) use Rust's usual allocator calls.

use std::fmt;
use std::io;
use std::mem::size_of;

/// The source of the error.
#[derive(Debug)]
struct NoMemory {
    bytes: usize,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory for {} bytes", self.bytes)
    }
}

impl std::error::Error for NoMemory {}

/// The error for an allocation of `bytes` bytes that failed.
pub fn out_of_memory(bytes: usize) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, NoMemory { bytes })
}

/// Reserves capacity for exactly `more` more items.
#[inline]
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> io::Result<()> {
    let all = items.len().saturating_add(more);
    let reserved = items.try_reserve_exact(more);
    reserved.map_err(|_| out_of_memory(all.saturating_mul(size_of::<T>())))
}

/// `len` zero bytes.
pub fn zeroed(len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// Sets the length of a buffer that is about to be filled; its contents are undefined. A buffer
/// that is too small is freed before the new one is allocated, so that only one exists at a time.
pub fn resize(buffer: &mut Vec<u8>, len: usize) -> io::Result<()> {
    if len > buffer.capacity() {
        *buffer = Vec::new();
        reserve(buffer, len)?;
    }
    buffer.resize(len, 0);
    Ok(())
}

/// An owned copy.
#[inline]
pub fn copied(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut copy = Vec::new();
    reserve(&mut copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Appends an item to a list whose final length is unknown.
#[cfg(any(feature = "capi", feature = "inspection"))]
pub fn push<T>(items: &mut Vec<T>, item: T) -> io::Result<()> {
    let all = items.len().saturating_add(1).saturating_mul(size_of::<T>());
    items.try_reserve(1).map_err(|_| out_of_memory(all))?;
    items.push(item);
    Ok(())
}

/// Collects an iterator of known length.
pub fn collected<T>(items: impl ExactSizeIterator<Item = T>) -> io::Result<Vec<T>> {
    let mut all = Vec::new();
    reserve(&mut all, items.len())?;
    all.extend(items);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_no_memory_has_is_an_error_that_names_it() {
        let most = isize::MAX as usize;
        for result in [zeroed(most).map(|_| ()), reserve(&mut vec![0u8; 3], most)] {
            let error = result.expect_err("there is no such memory");
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
            assert!(error.to_string().starts_with("no memory for 92233720"));
        }
        let words = reserve(&mut Vec::<u64>::new(), usize::MAX);
        assert!(words.is_err(), "no overflow");
        assert_eq!(zeroed(3).expect("small"), [0; 3]);
        assert_eq!(copied(b"abc").expect("small"), b"abc");
        assert_eq!(collected(0..3).expect("small"), [0, 1, 2]);
    }
}
