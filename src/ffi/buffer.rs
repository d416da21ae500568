//! How bytes go in and come out: slices in, owned buffers out.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use crate::ffi::boundary;

/// Bytes that go in: `len` bytes from `data` on. {NULL, 0} is empty. Read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_slice {
    /// The first byte, or NULL where `len` is 0.
    pub data: *const c_void,
    /// Length in bytes.
    pub len: usize,
}

/// Bytes owned by the caller, released with ironwal_buffer_free().
/// Empty is {NULL, 0}.
#[repr(C)]
pub struct ironwal_buffer {
    /// The first byte, or NULL where `len` is 0.
    pub data: *mut u8,
    /// Length in bytes. Never change it: the library frees by it.
    pub len: usize,
}

impl ironwal_buffer {
    pub(super) const EMPTY: ironwal_buffer = ironwal_buffer {
        data: ptr::null_mut(),
        len: 0,
    };

    /// Hands bytes to C.
    pub(super) fn owning(bytes: Vec<u8>) -> ironwal_buffer {
        if bytes.is_empty() {
            return ironwal_buffer::EMPTY;
        }
        // A boxed slice has no capacity beyond its length, so (data, len) frees it exactly.
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        ironwal_buffer {
            data: bytes.cast(),
            len: bytes.len(),
        }
    }
}

/// Frees the bytes of a buffer and resets it to {NULL, 0}, so that a second call does nothing.
///
/// - Owns: takes the bytes; the struct itself stays the caller's.
/// - NULL: a NULL buffer and an empty one are left alone.
/// - Threads: any; one at a time per buffer.
/// - Blocks: never.
/// - Durable: nothing is written.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_buffer_free(buffer: *mut ironwal_buffer) {
    if buffer.is_null() {
        return;
    }
    boundary::call_void(|| {
        // SAFETY: not NULL; the caller passes a buffer that this library filled, or an empty one.
        let taken = unsafe { buffer.replace(ironwal_buffer::EMPTY) };
        if !taken.data.is_null() {
            let bytes = ptr::slice_from_raw_parts_mut(taken.data, taken.len);
            // SAFETY: `owning` made it from a boxed slice of exactly this length.
            drop(unsafe { Box::from_raw(bytes) });
        }
    });
}
