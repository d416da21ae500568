//! How does C wait for the next entry of an iteration, and cancel that wait?

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::Canceller;
use crate::View;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::iterator::IterHandle;
use crate::ffi::iterator::handle_of;
use crate::ffi::iterator::ironwal_iter;
use crate::ffi::status::IRONWAL_E_TIMEOUT;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// The entries that reads show in the sync mode of the log.
pub const IRONWAL_VIEW_BY_MODE: i32 = 901;
/// All entries in the kernel. A power loss may take back what no sync has covered, and its ids are given
/// again.
pub const IRONWAL_VIEW_WRITTEN: i32 = 902;
/// Durable entries only.
pub const IRONWAL_VIEW_DURABLE: i32 = 903;

/// Begins to read the stream at `start_id`, or at the first id kept where that is later, as far as `view`
/// shows it: one of the IRONWAL_VIEW constants. At the end ironwal_iter_next() returns ::IRONWAL_E_END;
/// ironwal_iter_wait() waits for more.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_follow(
    stream: *const ironwal_stream,
    start_id: u64,
    view: i32,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let view = match view {
                IRONWAL_VIEW_BY_MODE => View::ByMode,
                IRONWAL_VIEW_WRITTEN => View::Written,
                IRONWAL_VIEW_DURABLE => View::Durable,
                other => {
                    return Err(Failure::argument(format!(
                        "view is {other}, which is no IRONWAL_VIEW constant"
                    )));
                }
            };
            let iterator = handle.stream.follow(start_id, view)?;
            boundary::write_out(out_iter, handle_of(&handle.keeper.gate, iterator));
            Ok(())
        })
    }
}

/// Waits until the iterator has something to show, an entry or an error, at most `timeout_ns` nanoseconds;
/// 0 only asks. Durable entries are waited for without another sync: a thread of the library syncs.
///
/// - Blocks: at most as long as given, for the sync of that thread too (fsync).
/// - Errors: ::IRONWAL_E_TIMEOUT (an answer); ::IRONWAL_E_CANCELLED, once for each cancellation; where
///   nothing will come: ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_POISONED,
///   ::IRONWAL_E_DETACHED; ::IRONWAL_E_CONFIG where an error has ended the iteration;
///   ::IRONWAL_E_INVALID_ARG for an iterator that moves backward.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_wait(
    iter: *mut ironwal_iter,
    timeout_ns: u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on_mut::<IterHandle>(iter, out_error, |handle| {
            if handle.is_ready() {
                return Ok(());
            }
            match handle.forward()?.wait(Duration::from_nanos(timeout_ns))? {
                true => Ok(()),
                false => Err(Failure::Answer(IRONWAL_E_TIMEOUT)),
            }
        })
    }
}

/// Cancels the waits of one iterator, from any thread. Freed with ironwal_canceller_free(), before or
/// after its iterator.
pub enum ironwal_canceller {}

/// What stands behind an `ironwal_canceller`.
struct CancellerHandle(Canceller);

impl Handle for CancellerHandle {
    type Opaque = ironwal_canceller;
    const MAGIC: u64 = 0x6972_6F6E_6361_6E31;
    const NAME: &'static str = "canceller";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// Makes what cancels the waits of the iterator. The iterator itself is for one thread at a time; the
/// canceller is for any number of them.
///
/// - Owns: free `*out_canceller` with ironwal_canceller_free().
/// - Errors: ::IRONWAL_E_INVALID_ARG for an iterator that moves backward.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_canceller(
    iter: *mut ironwal_iter,
    out_canceller: *mut *mut ironwal_canceller,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_canceller, ptr::null_mut());
        boundary::call_on_mut::<IterHandle>(iter, out_error, |handle| {
            let out_canceller = boundary::non_null(out_canceller, "out_canceller")?;
            let canceller = CancellerHandle(handle.forward()?.canceller());
            boundary::write_out(out_canceller, boundary::into_handle(canceller));
            Ok(())
        })
    }
}

/// Ends the wait that is under way with ::IRONWAL_E_CANCELLED, or the next one if none is; the wait after
/// that one waits. Does nothing in a forked child, and once the iterator is freed.
///
/// - Errors: none but for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_canceller_cancel(
    canceller: *const ironwal_canceller,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<CancellerHandle>(canceller, out_error, |handle| {
            handle.0.cancel();
            Ok(())
        })
    }
}

/// Frees a canceller; it cancels nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_canceller_free(canceller: *mut ironwal_canceller) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the canceller up.
    boundary::call_void(|| drop(unsafe { boundary::take::<CancellerHandle>(canceller) }));
}
