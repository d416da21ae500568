//! Is there memory for a length that the disk or the caller decides?
//!
//! Such a length may be large, and a host must not end because of it: where there is no memory the
//! call answers an error of the kind [`io::ErrorKind::OutOfMemory`] that names the size. What is
//! small whatever comes in (a path, a name, a node of a map) is allocated as everywhere in Rust.

use std::fmt;
use std::io;
use std::mem::size_of;

/// What stands inside the error.
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

/// The error for so many bytes that cannot be had.
pub fn out_of_memory(bytes: usize) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, NoMemory { bytes })
}

/// Makes room for so many more items, and not for more than these.
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> io::Result<()> {
    let all = items.len().saturating_add(more);
    let reserved = items.try_reserve_exact(more);
    reserved.map_err(|_| out_of_memory(all.saturating_mul(size_of::<T>())))
}

/// So many zeros.
pub fn zeroed(len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// So many bytes, whatever they are: for a buffer that is read into. What does not fit into the
/// memory that the buffer has is allocated anew, so that old and new are not held both.
pub fn resize(buffer: &mut Vec<u8>, len: usize) -> io::Result<()> {
    if len > buffer.capacity() {
        *buffer = Vec::new();
        reserve(buffer, len)?;
    }
    buffer.resize(len, 0);
    Ok(())
}

/// A copy of its own.
pub fn copied(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut copy = Vec::new();
    reserve(&mut copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Adds an item to those whose number is not known before.
#[cfg(any(feature = "capi", feature = "cli"))]
pub fn push<T>(items: &mut Vec<T>, item: T) -> io::Result<()> {
    let all = items.len().saturating_add(1).saturating_mul(size_of::<T>());
    items.try_reserve(1).map_err(|_| out_of_memory(all))?;
    items.push(item);
    Ok(())
}

/// All items, whose number is known before.
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
