//! What stands between C and the engine: pointers are checked, panics stop, cancellation waits.

#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::c_char;
use std::ffi::c_void;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::Error;
use crate::error::memory;
use crate::storage::CancellationGuard;
use crate::storage::fork_generation;
use crate::stream::free_buffers_at_thread_end;

use super::buffer::ironwal_slice;
use super::error::ErrorReport;
use super::error::Failure;
use super::error::ironwal_error;
use super::status::IRONWAL_E_CONFIG;
use super::status::IRONWAL_E_PANIC;
use super::status::IRONWAL_E_POISONED;
use super::status::IRONWAL_OK;
use super::status::ironwal_status;

/// How a call goes on the Rust side of the boundary.
pub(super) type Outcome = Result<(), Failure>;

/// Whether calls on a log and its children are let in. Shared by all handles of one log.
pub(super) struct Gate {
    fork_generation: u64,
    closed: AtomicBool,
    panicked: AtomicBool,
}

impl Gate {
    pub(super) fn new() -> Arc<Gate> {
        Arc::new(Gate {
            fork_generation: fork_generation(),
            closed: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        })
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    #[inline]
    fn enter(&self) -> Outcome {
        // Before all else: in a forked child a lock of the parent's may be held for ever.
        if self.fork_generation != fork_generation() {
            return Err(Failure::Engine(Error::Forked));
        }
        if self.panicked.load(Ordering::Acquire) {
            return Err(Failure::Refused(
                IRONWAL_E_POISONED,
                "an earlier call ended in a defect of the library; close the log and open it again"
                    .into(),
            ));
        }
        match self.closed.load(Ordering::Acquire) {
            true => Err(Failure::Engine(Error::Closed)),
            false => Ok(()),
        }
    }
}

/// Held by every handle that keeps its log open, before what it holds of the engine: the gate
/// shuts just before the last of them gives the log up, which closes it.
pub(super) struct Keeper {
    pub(super) gate: Arc<Gate>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.gate.close();
    }
}

/// A Rust value that C holds by an opaque pointer.
pub(super) trait Handle: Sized {
    /// The type C sees.
    type Opaque;
    /// Tells live handles of this kind from other memory.
    const MAGIC: u64;
    /// What the handle is called in messages.
    const NAME: &'static str;
    /// The gate of its log; options have none.
    fn gate(&self) -> Option<&Arc<Gate>>;
}

/// A handle as it lies in memory. `repr(C)`: the magic comes first for every kind, so that a
/// handle of another kind is told apart without reading beyond it.
#[repr(C)]
pub(super) struct Tagged<H> {
    magic: u64,
    /// The value's, so that calls that change the value have it at hand.
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) value: H,
}

/// What the magic of a freed handle is overwritten with.
const FREED: u64 = 0xDEAD_DEAD_DEAD_DEAD;

/// Hands a value to C.
pub(super) fn into_handle<H: Handle>(value: H) -> *mut H::Opaque {
    Box::into_raw(Box::new(Tagged {
        magic: H::MAGIC,
        gate: value.gate().cloned(),
        value,
    }))
    .cast()
}

/// Takes a handle back from C; the memory is freed.
///
/// # Safety
/// `handle` is NULL or came from `into_handle`, is not yet taken back, and nobody else uses it.
pub(super) unsafe fn take<H: Handle>(handle: *mut H::Opaque) -> Result<H, Failure> {
    // SAFETY: as demanded of the caller; `tagged` has checked the kind.
    unsafe {
        tagged::<H>(handle)?;
        let tagged = handle.cast::<Tagged<H>>();
        // Volatile: a later use after free finds it as long as the memory is not reused.
        ptr::write_volatile(&raw mut (*tagged).magic, FREED);
        Ok(Box::from_raw(tagged).value)
    }
}

/// # Safety
/// `handle` is NULL or points to a live handle of any kind.
#[inline]
pub(super) unsafe fn tagged<H: Handle>(
    handle: *const H::Opaque,
) -> Result<*const Tagged<H>, Failure> {
    if handle.is_null() {
        return Err(Failure::argument(format!("{} is NULL", H::NAME)));
    }
    let tagged = handle.cast::<Tagged<H>>();
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

/// Marks the log when a call on it unwinds.
struct PoisonOnUnwind<'a>(Option<&'a Gate>);

impl Drop for PoisonOnUnwind<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.panicked.store(true, Ordering::Release);
        }
    }
}

/// Runs `body` behind the boundary and tells its outcome. `*out_error` becomes the error object
/// of a failure and NULL otherwise.
///
/// # Safety
/// `out_error` is NULL or writable.
pub(super) unsafe fn call(
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce() -> Outcome,
) -> ironwal_status {
    let no_cancel = CancellationGuard::enter();
    free_buffers_at_thread_end();
    let outcome = catch_unwind(AssertUnwindSafe(|| match body() {
        Ok(()) => (IRONWAL_OK, None),
        Err(failure) => failure.into_report(),
    }));
    let (status, report) = match outcome {
        Ok(told) => told,
        Err(payload) => (IRONWAL_E_PANIC, Some(ErrorReport::of_panic(&leak(payload)))),
    };
    drop(no_cancel);
    if !out_error.is_null() {
        let error = report.map_or(ptr::null_mut(), ErrorReport::into_raw);
        // SAFETY: not NULL, and the caller says it is writable.
        unsafe { out_error.write(error) };
    }
    status
}

/// The same on a handle: refused when it is NULL, of another kind, or its log is closed or had a
/// panic. A panic in `body` closes the log's gate to all but close and free.
///
/// # Safety
/// `handle` is NULL or a live handle, `out_error` is NULL or writable.
pub(super) unsafe fn on<H: Handle>(
    handle: *const H::Opaque,
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce(&H) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller; a live handle is only borrowed for the call.
    unsafe {
        call(out_error, || {
            let tagged = &*tagged::<H>(handle)?;
            through(tagged.gate.as_deref(), || body(&tagged.value))
        })
    }
}

/// The same on a handle that one thread at a time may use.
///
/// # Safety
/// As `on`, and no other thread uses the handle meanwhile.
pub(super) unsafe fn on_mut<H: Handle>(
    handle: *mut H::Opaque,
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce(&mut H) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller: the borrow is the only one.
    unsafe {
        call(out_error, || {
            tagged::<H>(handle)?;
            let tagged = &mut *handle.cast::<Tagged<H>>();
            through(tagged.gate.as_deref(), || body(&mut tagged.value))
        })
    }
}

/// Runs `body` if the gate lets it in; an unwind shuts the gate.
#[inline]
pub(super) fn through(gate: Option<&Gate>, body: impl FnOnce() -> Outcome) -> Outcome {
    if let Some(gate) = gate {
        gate.enter()?;
    }
    let mut poison = PoisonOnUnwind(gate);
    let outcome = body();
    poison.0 = None;
    outcome
}

/// Runs something that tells nothing, such as a free, behind the boundary.
pub(super) fn quietly(body: impl FnOnce()) {
    let _no_cancel = CancellationGuard::enter();
    quietly_at_once(body);
}

/// The same for something that calls no point of cancellation.
pub(super) fn quietly_at_once(body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        leak(payload);
    }
}

/// The text of a panic. The payload is leaked: dropping it could panic again.
fn leak(payload: Box<dyn Any + Send>) -> String {
    let text = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "no message".to_owned(),
    };
    mem::forget(payload);
    text
}

/// The bytes of a (pointer, length) pair.
///
/// # Safety
/// Unless refused here, `data` points to `len` readable bytes that live and stay the same for `'a`.
pub(super) unsafe fn bytes<'a>(
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
pub(super) unsafe fn array<'a, T>(
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

/// A caller's buffer to fill. Only written to: its bytes need not be initialised.
///
/// # Safety
/// Unless refused here, `data` points to `capacity` writable bytes nobody else uses for `'a`.
pub(super) unsafe fn buffer<'a>(
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
pub(super) unsafe fn parts<'a>(
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
pub(super) unsafe fn text<'a>(
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
pub(super) fn required<T>(out: *mut T, name: &str) -> Result<*mut T, Failure> {
    match out.is_null() {
        true => Err(Failure::argument(format!("{name} is NULL"))),
        false => Ok(out),
    }
}

/// Writes an output unless it is NULL.
///
/// # Safety
/// `out` is NULL or writable.
pub(super) unsafe fn give<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller says it is writable.
        unsafe { out.write(value) };
    }
}
