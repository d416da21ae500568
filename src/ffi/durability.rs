//! How does C say how durable one call is, and learn what is durable?

#![allow(unsafe_code)]

use crate::Durability;
use crate::Mark;
use crate::ids::Place;

use crate::ffi::boundary;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// As durable on return as the sync mode of the log makes it: one entry without properties as
/// ironwal_stream_append(), all else as ironwal_stream_append_batch().
pub const IRONWAL_DURABILITY_BY_MODE: i32 = 701;
/// In the kernel on return, in every sync mode: it survives the end of the process, not a power loss.
/// Under ::IRONWAL_SYNC_STRICT reads show the entries once they are durable.
pub const IRONWAL_DURABILITY_WRITTEN: i32 = 702;
/// Durable on return, in every sync mode.
pub const IRONWAL_DURABILITY_DURABLE: i32 = 703;

/// What an append is durable by.
pub(super) fn of_constant(constant: i32) -> Result<Durability, Failure> {
    match constant {
        IRONWAL_DURABILITY_BY_MODE => Ok(Durability::ByMode),
        IRONWAL_DURABILITY_WRITTEN => Ok(Durability::Written),
        IRONWAL_DURABILITY_DURABLE => Ok(Durability::Durable),
        other => Err(Failure::argument(format!(
            "durability is {other}, which is no IRONWAL_DURABILITY constant"
        ))),
    }
}

/// A place in one stream, while its log is open: behind everything that was appended before. Passed by
/// value. Calls on another stream, or on a later opening of the log, refuse it with ::IRONWAL_E_CONFIG,
/// and so they do {0, 0}.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_mark {
    /// Grows as the stream is appended to, also with properties alone, which have no id. Says nothing
    /// about another stream.
    pub place: u64,
    /// Which opening of which stream: for the library.
    pub opening: u64,
}

/// A mark from C, as the engine knows it.
pub(super) fn mark_of(mark: ironwal_mark) -> Mark {
    Mark {
        opening: mark.opening,
        place: Place(mark.place),
    }
}

/// A mark on its way to C.
pub(super) fn mark_to_c(mark: Mark) -> ironwal_mark {
    ironwal_mark {
        place: mark.place.0,
        opening: mark.opening,
    }
}

/// The mark behind everything appended so far.
///
/// - Errors: ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_mark(
    stream: *const ironwal_stream,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_mark = boundary::non_null(out_mark, "out_mark")?;
            boundary::write_out(out_mark, mark_to_c(handle.stream.mark()?));
            Ok(())
        })
    }
}

/// Whether everything in front of the mark is durable: the append that returned it, and all before.
/// Once true it stays true.
///
/// - Errors: ::IRONWAL_E_CONFIG for a mark of another stream or opening; ::IRONWAL_E_POISONED or
///   ::IRONWAL_E_DETACHED where it is not durable and cannot become so;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_is_durable(
    stream: *const ironwal_stream,
    mark: ironwal_mark,
    out_durable: *mut bool,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_durable = boundary::non_null(out_durable, "out_durable")?;
            let is_durable = handle.stream.is_durable(mark_of(mark))?;
            boundary::write_out(out_durable, is_durable);
            Ok(())
        })
    }
}
