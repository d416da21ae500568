//! How does a call from C enter the engine?
//!
//! Pointers and handles are checked (`args`, `handle`), the log's gate admits or refuses the call, and
//! a panic is stopped. `pthread_cancel` is not dealt with here: the engine reaches each cancellation
//! point under a guard (`platform/cancellation.rs`).

#![allow(unsafe_code)]

mod args;
mod handle;

use std::any::Any;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::Error;
use crate::platform::fork_generation;
use crate::stream::free_buffers_at_thread_end;
use crate::stream::is_in_callback;

use crate::ffi::error::ErrorReport;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_INVALID_ARG;
use crate::ffi::status::IRONWAL_E_PANIC;
use crate::ffi::status::IRONWAL_E_POISONED;
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;

pub(super) use args::array;
pub(super) use args::array_mut;
pub(super) use args::buffer;
pub(super) use args::bytes;
pub(super) use args::non_null;
pub(super) use args::slices;
pub(super) use args::utf8;
pub(super) use args::write_out;
pub(super) use handle::Handle;
use handle::HandleBox;
pub(super) use handle::into_handle;
pub(super) use handle::tagged;
pub(super) use handle::take;

/// The outcome of a call on the Rust side of the boundary.
pub(super) type Outcome = Result<(), Failure>;

/// Whether calls on a log and its children are let in. Shared by all handles of one log.
pub(super) struct LogGate {
    fork_generation: u64,
    closed: AtomicBool,
    panicked: AtomicBool,
}

impl LogGate {
    pub(super) fn new() -> Arc<LogGate> {
        Arc::new(LogGate {
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
pub(super) struct OpenRef {
    pub(super) gate: Arc<LogGate>,
}

impl Drop for OpenRef {
    fn drop(&mut self) {
        self.gate.close();
    }
}

/// Refuses to close a log on a thread that runs a callback, before the handle is consumed: closing waits
/// for callbacks.
pub(super) fn outside_of_callback() -> Outcome {
    match is_in_callback() {
        false => Ok(()),
        true => Err(Failure::Refused(
            IRONWAL_E_INVALID_ARG,
            "called from within a callback of a stream; close the log from another thread".into(),
        )),
    }
}

/// Marks the log when a call on it unwinds.
struct PoisonOnUnwind<'a>(Option<&'a LogGate>);

impl Drop for PoisonOnUnwind<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.panicked.store(true, Ordering::Release);
        }
    }
}

/// Runs `body` behind the boundary and returns its status. `*out_error` becomes the error object
/// of a failure and NULL otherwise.
///
/// # Safety
/// `out_error` is NULL or writable.
#[inline]
pub(super) unsafe fn call(
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce() -> Outcome,
) -> ironwal_status {
    free_buffers_at_thread_end();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => {
            // SAFETY: as demanded of the caller.
            unsafe { write_out(out_error, ptr::null_mut()) };
            IRONWAL_OK
        }
        // SAFETY: as demanded of the caller.
        Ok(Err(failure)) => unsafe { fail(out_error, || failure.into_report()) },
        // SAFETY: as demanded of the caller.
        Err(payload) => unsafe { fail(out_error, || panic_report(payload)) },
    }
}

/// The status of a call that did not succeed. A panic while the report is made becomes the report.
///
/// # Safety
/// `out_error` is NULL or writable.
#[cold]
unsafe fn fail(
    out_error: *mut *mut ironwal_error,
    report: impl FnOnce() -> (ironwal_status, Option<ErrorReport>),
) -> ironwal_status {
    let report = catch_unwind(AssertUnwindSafe(report));
    let (status, report) = report.unwrap_or_else(panic_report);
    if !out_error.is_null() {
        let error = report.map_or(ptr::null_mut(), ErrorReport::into_raw);
        // SAFETY: not NULL, and the caller says it is writable.
        unsafe { out_error.write(error) };
    }
    status
}

fn panic_report(payload: Box<dyn Any + Send>) -> (ironwal_status, Option<ErrorReport>) {
    (IRONWAL_E_PANIC, Some(ErrorReport::of_panic(&leak(payload))))
}

/// The same on a handle: refused when it is NULL, of another kind, or its log is closed or had a
/// panic. A panic in `body` closes the log's gate to all but close and free.
///
/// # Safety
/// `handle` is NULL or a live handle, `out_error` is NULL or writable.
#[inline]
pub(super) unsafe fn call_on<H: Handle>(
    handle: *const H::Opaque,
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce(&H) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller; a live handle is only borrowed for the call.
    unsafe {
        call(out_error, || {
            let tagged = &*tagged::<H>(handle)?;
            enter(tagged.gate.as_deref(), || body(&tagged.value))
        })
    }
}

/// The same on a handle that one thread at a time may use.
///
/// # Safety
/// As `call_on`, and no other thread uses the handle meanwhile.
#[inline]
pub(super) unsafe fn call_on_mut<H: Handle>(
    handle: *mut H::Opaque,
    out_error: *mut *mut ironwal_error,
    body: impl FnOnce(&mut H) -> Outcome,
) -> ironwal_status {
    // SAFETY: as demanded of the caller: the borrow is the only one.
    unsafe {
        call(out_error, || {
            tagged::<H>(handle)?;
            let tagged = &mut *handle.cast::<HandleBox<H>>();
            enter(tagged.gate.as_deref(), || body(&mut tagged.value))
        })
    }
}

/// Another handle of a call: refused as `call_on` refuses.
///
/// # Safety
/// `handle` is NULL or a handle that stays live for `'a`.
pub(super) unsafe fn borrow<'a, H: Handle + 'a>(
    handle: *const H::Opaque,
) -> Result<&'a H, Failure> {
    // SAFETY: as demanded of the caller; it is borrowed only.
    let tagged = unsafe { &*tagged::<H>(handle)? };
    if let Some(gate) = &tagged.gate {
        gate.enter()?;
    }
    Ok(&tagged.value)
}

/// Runs `body` if the gate lets it in; an unwind shuts the gate.
#[inline]
pub(super) fn enter(gate: Option<&LogGate>, body: impl FnOnce() -> Outcome) -> Outcome {
    if let Some(gate) = gate {
        gate.enter()?;
    }
    let mut poison = PoisonOnUnwind(gate);
    let outcome = body();
    poison.0 = None;
    outcome
}

/// Runs a call that has no status, such as a free, behind the boundary.
#[inline]
pub(super) fn call_void(body: impl FnOnce()) {
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
