//! How does C hold a Rust value, and how is a pointer from C checked to be one?

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::ffi::boundary::LogGate;
use crate::ffi::error::Failure;

/// A Rust value that C holds by an opaque pointer.
pub(in crate::ffi) trait Handle: Sized {
    /// The type C sees.
    type Opaque;
    /// Distinguishes live handles of this kind from other memory.
    const MAGIC: u64;
    /// What the handle is called in messages.
    const NAME: &'static str;
    /// The gate of its log; options have none.
    fn gate(&self) -> Option<&Arc<LogGate>>;
}

/// A handle as it lies in memory. `repr(C)`: the magic comes first for every kind, so that a
/// handle of another kind is recognised without reading beyond it.
#[repr(C)]
pub(in crate::ffi) struct HandleBox<H> {
    magic: u64,
    /// The value's, so that calls that change the value can borrow both.
    pub(in crate::ffi) gate: Option<Arc<LogGate>>,
    pub(in crate::ffi) value: H,
}

/// What the magic of a freed handle is overwritten with.
const FREED: u64 = 0xDEAD_DEAD_DEAD_DEAD;

/// Hands a value to C.
#[inline]
pub(in crate::ffi) fn into_handle<H: Handle>(value: H) -> *mut H::Opaque {
    Box::into_raw(Box::new(HandleBox {
        magic: H::MAGIC,
        gate: value.gate().cloned(),
        value,
    }))
    .cast()
}

/// Takes a handle back from C; the memory is freed.
///
/// # Safety
/// `handle` is NULL or came from `into_handle`, is not yet taken back, and no other thread uses it.
#[inline]
pub(in crate::ffi) unsafe fn take<H: Handle>(handle: *mut H::Opaque) -> Result<H, Failure> {
    // SAFETY: as demanded of the caller; `tagged` has checked the kind.
    unsafe {
        tagged::<H>(handle)?;
        let tagged = handle.cast::<HandleBox<H>>();
        // Volatile: a later use after free finds it as long as the memory is not reused.
        ptr::write_volatile(&raw mut (*tagged).magic, FREED);
        Ok(Box::from_raw(tagged).value)
    }
}

/// # Safety
/// `handle` is NULL or points to a live handle of any kind.
#[inline]
pub(in crate::ffi) unsafe fn tagged<H: Handle>(
    handle: *const H::Opaque,
) -> Result<*const HandleBox<H>, Failure> {
    if handle.is_null() {
        return Err(Failure::argument(format!(
            "{} is NULL (from C++: it was closed, moved from, or never opened)",
            H::NAME
        )));
    }
    let tagged = handle.cast::<HandleBox<H>>();
    if !tagged.is_aligned() {
        return Err(Failure::argument(format!("{} is no handle", H::NAME)));
    }
    // SAFETY: every handle begins with its magic (`repr(C)`); the caller says it is live.
    match unsafe { ptr::read(&raw const (*tagged).magic) } == H::MAGIC {
        true => Ok(tagged),
        false => Err(Failure::argument(format!(
            "{} is not a live handle of its kind",
            H::NAME
        ))),
    }
}
