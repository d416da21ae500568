//! How are pointers, lengths and outputs from C checked?

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ffi::c_void;
use std::mem;
use std::slice;

use crate::Error;
use crate::error::memory;

use crate::ffi::bytes::ironwal_slice;
use crate::ffi::error::Failure;
use crate::ffi::status::IRONWAL_E_CONFIG;

/// The bytes of a (pointer, length) pair.
///
/// # Safety
/// Unless refused here, `data` points to `len` readable bytes that live and stay the same for `'a`.
pub(in crate::ffi) unsafe fn bytes<'a>(
    data: *const c_void,
    len: usize,
    name: &str,
) -> Result<&'a [u8], Failure> {
    // SAFETY: as demanded of the caller.
    unsafe { array(data.cast::<u8>(), len, name) }
}

/// The elements of a (pointer, count) pair.
///
/// # Safety
/// Unless refused here, `first` points to `count` valid elements that live and stay the same for
/// `'a`.
pub(in crate::ffi) unsafe fn array<'a, T>(
    first: *const T,
    count: usize,
    name: &str,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        // Also with NULL, which `from_raw_parts` must never see.
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Failure::argument(format!(
            "{name} is NULL and its length is {count} (from C++ also: a char array that is no text)"
        )));
    }
    if !first.is_aligned() {
        return Err(Failure::argument(format!("{name} is not aligned")));
    }
    if count > isize::MAX as usize / mem::size_of::<T>() {
        return Err(Failure::argument(format!(
            "{name} has the impossible length {count}"
        )));
    }
    // SAFETY: neither NULL nor unaligned nor longer than an object can be; the rest is the
    // caller's word.
    Ok(unsafe { slice::from_raw_parts(first, count) })
}

/// A caller's array to fill. Only written to: its elements need not be initialised.
///
/// # Safety
/// Unless refused here, `first` points to `count` writable elements that no other code uses for `'a`, of a
/// type for which every pattern of bits is a value.
pub(in crate::ffi) unsafe fn array_mut<'a, T>(
    first: *mut T,
    count: usize,
    name: &str,
) -> Result<&'a mut [T], Failure> {
    // SAFETY: the same checks as for input; the caller says it is writable and only ours.
    unsafe {
        array(first.cast_const(), count, name)?;
        match count {
            0 => Ok(&mut []),
            _ => Ok(slice::from_raw_parts_mut(first, count)),
        }
    }
}

/// A caller's buffer to fill. Only written to: its bytes need not be initialised.
///
/// # Safety
/// Unless refused here, `data` points to `capacity` writable bytes no other code uses for `'a`.
pub(in crate::ffi) unsafe fn buffer<'a>(
    data: *mut c_void,
    capacity: usize,
    name: &str,
) -> Result<&'a mut [u8], Failure> {
    // SAFETY: the same checks as for input; the caller says it is writable and only ours.
    unsafe {
        array(data.cast::<u8>().cast_const(), capacity, name)?;
        match capacity {
            0 => Ok(&mut []),
            _ => Ok(slice::from_raw_parts_mut(data.cast(), capacity)),
        }
    }
}

/// The parts of an array of slices.
///
/// # Safety
/// As `array`, for the slices and for the bytes of each.
pub(in crate::ffi) unsafe fn slices<'a>(
    slices: *const ironwal_slice,
    count: usize,
    name: &str,
) -> Result<Vec<&'a [u8]>, Failure> {
    // SAFETY: as demanded of the caller.
    unsafe {
        let slices = array(slices, count, name)?;
        let mut parts = Vec::new();
        memory::reserve(&mut parts, count).map_err(Error::Io)?;
        for slice in slices {
            parts.push(bytes(slice.data, slice.len, name)?);
        }
        Ok(parts)
    }
}

/// A stream name or a path.
///
/// # Safety
/// As `bytes`.
pub(in crate::ffi) unsafe fn utf8<'a>(
    data: *const c_char,
    len: usize,
    name: &str,
) -> Result<&'a str, Failure> {
    // SAFETY: as demanded of the caller.
    let bytes = unsafe { bytes(data.cast(), len, name)? };
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::Refused(
            IRONWAL_E_CONFIG,
            format!("{name} is not UTF-8 from byte {at} on"),
        )
    })
}

/// A required output.
pub(in crate::ffi) fn non_null<T>(out: *mut T, name: &str) -> Result<*mut T, Failure> {
    match out.is_null() {
        true => Err(Failure::argument(format!("{name} is NULL"))),
        false => Ok(out),
    }
}

/// Writes an output unless it is NULL.
///
/// # Safety
/// `out` is NULL or writable.
pub(in crate::ffi) unsafe fn write_out<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller says it is writable.
        unsafe { out.write(value) };
    }
}
