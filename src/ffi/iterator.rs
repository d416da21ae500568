//! How C walks over a stream, entry by entry.

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use crate::Error;
use crate::WalIdIterator;
use crate::WalRevIterator;
use crate::error::memory;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::Outcome;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::error::ErrorReport;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_END;
use crate::ffi::status::IRONWAL_E_STALE_VIEW;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// A place in a stream that moves forward, or backward if ironwal_stream_iter_rev() or
/// ironwal_wal_iter_rev() made it. Freed with ironwal_iter_free(), before or after its log is closed. It
/// keeps the files that it reads, not the log, open.
pub enum ironwal_iter {}

/// One entry of several that ironwal_iter_next_many() returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_entry {
    /// Its id.
    pub id: u64,
    /// Its bytes.
    pub view: ironwal_view,
}

/// What stands behind an `ironwal_iter`.
pub(super) struct IterHandle {
    gate: Arc<LogGate>,
    entries: Entries,
    /// The entry given out last; it lies in `entries` until that moves.
    current: Option<(u64, ironwal_view)>,
    /// The entry that `entries` has moved to and no call has returned, since there was no memory for its copy. It
    /// lies in `entries` until that moves, and the next call returns it.
    unreturned: Option<(u64, ironwal_view)>,
    /// The bytes of the entries that `ironwal_iter_next_many` returned.
    many: Vec<u8>,
    /// The failure that ended its last round, for the next call.
    failed: Option<Box<ErrorReport>>,
}

impl IterHandle {
    fn new(gate: &Arc<LogGate>, entries: Entries) -> IterHandle {
        IterHandle {
            gate: Arc::clone(gate),
            entries,
            current: None,
            unreturned: None,
            many: Vec::new(),
            failed: None,
        }
    }

    /// Whether the next step has something to return without a move: an entry, or a failure that was met before.
    pub(super) fn is_ready(&self) -> bool {
        self.unreturned.is_some() || self.failed.is_some()
    }

    /// Moves to the next entry, unless one is left that no call has returned.
    fn advance(&mut self) -> Option<Result<(u64, ironwal_view), Error>> {
        if let Some(unreturned) = self.unreturned.take() {
            return Some(Ok(unreturned));
        }
        let next = self.entries.next_entry()?;
        Some(next.map(|(id, entry)| (id, ironwal_view::of(entry))))
    }

    /// Gives up what earlier steps returned; an error if one of them left one.
    fn step(&mut self) -> Outcome {
        self.current = None;
        match self.failed.take() {
            Some(report) => Err(Failure::Reported(report)),
            None => Ok(()),
        }
    }

    /// Copies entries until `out` is full, or they have `max_bytes` or more; returns how many.
    fn fill(&mut self, out: &mut [ironwal_entry], max_bytes: usize) -> Result<usize, Failure> {
        self.many.clear();
        let mut count = 0;
        while count < out.len() && (count == 0 || self.many.len() < max_bytes) {
            let (id, view) = match self.advance() {
                None => break,
                Some(Ok(entry)) => entry,
                Some(Err(error)) if count == 0 => return Err(error.into()),
                Some(Err(error)) => {
                    if let (_, Some(report)) = Failure::from(error).into_report() {
                        self.failed = Some(Box::new(report));
                    }
                    break;
                }
            };
            // SAFETY: the entry lies in `entries`, which has not moved since.
            let added = add(&mut self.many, unsafe { view.bytes() });
            if let Err(error) = added {
                self.unreturned = Some((id, view));
                match count {
                    0 => return Err(error.into()),
                    _ => break,
                }
            }
            out[count] = ironwal_entry { id, view };
            count += 1;
        }
        // The bytes have moved while the buffer grew: only now is their place known.
        let mut rest = self.many.as_slice();
        for entry in &mut out[..count] {
            let (bytes, behind) = rest.split_at(entry.view.len);
            entry.view = ironwal_view::of(bytes);
            rest = behind;
        }
        Ok(count)
    }
}

/// Appends to bytes that grow by doubling.
fn add(bytes: &mut Vec<u8>, more: &[u8]) -> Result<(), Error> {
    if bytes.capacity() - bytes.len() < more.len() {
        memory::reserve(bytes, more.len().max(bytes.len())).map_err(Error::Io)?;
    }
    bytes.extend_from_slice(more);
    Ok(())
}

/// The iterator, by the direction in which it moves.
pub(super) enum Entries {
    Forward(WalIdIterator),
    Backward(WalRevIterator),
}

impl Entries {
    fn next_entry(&mut self) -> Option<Result<(u64, &[u8]), Error>> {
        match self {
            Entries::Forward(iterator) => iterator.next_entry(),
            Entries::Backward(iterator) => iterator.next_entry(),
        }
    }
}

impl IterHandle {
    /// The iterator, to wait for what will be appended: only one that moves forward gets to see it.
    pub(super) fn forward(&mut self) -> Result<&mut WalIdIterator, Failure> {
        match &mut self.entries {
            Entries::Forward(iterator) => Ok(iterator),
            Entries::Backward(_) => {
                let message = "iter moves backward, and there is nothing to wait for";
                Err(Failure::argument(message.to_owned()))
            }
        }
    }
}

// SAFETY: `current` and `unreturned` point into `entries`, which may go to another thread, and with it.
unsafe impl Send for IterHandle {}

impl Handle for IterHandle {
    type Opaque = ironwal_iter;
    const MAGIC: u64 = 0x6972_6F6E_6974_6531;
    const NAME: &'static str = "iter";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.gate)
    }
}

/// Hands an iterator to C.
pub(super) fn handle_of(gate: &Arc<LogGate>, iterator: WalIdIterator) -> *mut ironwal_iter {
    boundary::into_handle(IterHandle::new(gate, Entries::Forward(iterator)))
}

/// Hands an iterator that moves backward to C.
fn backward_handle_of(gate: &Arc<LogGate>, iterator: WalRevIterator) -> *mut ironwal_iter {
    boundary::into_handle(IterHandle::new(gate, Entries::Backward(iterator)))
}

/// Begins to read a stream at `start_id`, or at the first id kept where that is later. An unknown
/// stream and a start past the end have no entries for now.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_CONFIG for a bad name; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_iter(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    start_id: u64,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let iterator = handle.wal.iter_with_ids(key, start_id)?;
            boundary::write_out(out_iter, handle_of(&handle.keeper.gate, iterator));
            Ok(())
        })
    }
}

/// Begins to read the stream at `start_id`, or at the first id kept where that is later.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_iter(
    stream: *const ironwal_stream,
    start_id: u64,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let iterator = handle.stream.iter_with_ids(start_id)?;
            boundary::write_out(out_iter, handle_of(&handle.keeper.gate, iterator));
            Ok(())
        })
    }
}

/// Begins to read a stream backward; as ironwal_stream_iter_rev(). An unknown stream has no entries.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_CONFIG for a bad name; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_iter_rev(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    from_id: u64,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            let iterator = handle.wal.iter_rev(key, Some(from_id))?;
            let iterator = backward_handle_of(&handle.keeper.gate, iterator);
            boundary::write_out(out_iter, iterator);
            Ok(())
        })
    }
}

/// Begins to read the stream backward: from the entry `from_id`, or from the last entry that reads show
/// where that is earlier, to the first one kept. UINT64_MAX: from the last entry.
///
/// The last entry is that of the first ironwal_iter_next(); what is appended later is not shown. After the
/// first entry kept ironwal_iter_next() returns ::IRONWAL_E_END, now and later. A run of damaged ids is one
/// error, after which the next call continues below it. A truncation ends the iteration, at the latest
/// where the file that it reads begins. A cut of ids that it has returned ends it with
/// ::IRONWAL_E_SUFFIX_CUT. ironwal_iter_wait() and ironwal_iter_canceller() refuse such an iterator.
///
/// - Owns: free `*out_iter` with ironwal_iter_free().
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_iter_rev(
    stream: *const ironwal_stream,
    from_id: u64,
    out_iter: *mut *mut ironwal_iter,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_iter, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_iter = boundary::non_null(out_iter, "out_iter")?;
            let iterator = handle.stream.iter_rev(Some(from_id))?;
            let iterator = backward_handle_of(&handle.keeper.gate, iterator);
            boundary::write_out(out_iter, iterator);
            Ok(())
        })
    }
}

/// Moves to the next entry, in the direction of the iterator. At the end of the log, ::IRONWAL_E_END; a
/// later call finds what was appended since, unless the iterator moves backward.
///
/// - Owns: `*out_view` stays the library's, until the next call on `iter`.
/// - NULL: `out_id` may be NULL.
/// - Errors: ::IRONWAL_E_END (an answer); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
///   ::IRONWAL_E_SEGMENT_NOT_FOUND once per run of damaged ids, after which the next call continues
///   past it; forward, ::IRONWAL_E_SEGMENT_NOT_FOUND also once where a truncation took the entries
///   that come next (the error object names their ids), after which the next call gives the first
///   entry kept; ::IRONWAL_E_SUFFIX_CUT where ids that it had returned were cut, which ends it;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_next(
    iter: *mut ironwal_iter,
    out_id: *mut u64,
    out_view: *mut ironwal_view,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_view, ironwal_view::EMPTY);
        boundary::call_on_mut::<IterHandle>(iter, out_error, |handle| {
            let out_view = boundary::non_null(out_view, "out_view")?;
            handle.step()?;
            let Some(next) = handle.advance() else {
                return Err(Failure::Answer(IRONWAL_E_END));
            };
            let (id, view) = next?;
            handle.current = Some((id, view));
            boundary::write_out(out_id, id);
            boundary::write_out(out_view, view);
            Ok(())
        })
    }
}

/// Moves over several entries in one call, for callers to whom a call is expensive (other languages): up to
/// `capacity` of them, ending with the one that brings their bytes to `max_bytes` or more. There are fewer
/// where the end of the log, or damage, comes first; the error of that damage is returned by the next call.
/// The entries are copied once, which ironwal_iter_next() does not do. There are also fewer where memory runs
/// out: no entry is passed over, the next call begins with the first one that was not returned.
///
/// - Owns: `out_entries` is the caller's array; the bytes stay the library's, until the next call on `iter`.
/// - Errors: as ironwal_iter_next(), where there is not even one entry; ::IRONWAL_E_IO without memory for
///   the copy of the first one, which ironwal_iter_next() returns without a copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_next_many(
    iter: *mut ironwal_iter,
    out_entries: *mut ironwal_entry,
    capacity: usize,
    max_bytes: usize,
    out_count: *mut usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_count, 0);
        boundary::call_on_mut::<IterHandle>(iter, out_error, |handle| {
            let out_count = boundary::non_null(out_count, "out_count")?;
            let out_entries = boundary::array_mut(out_entries, capacity, "out_entries")?;
            if out_entries.is_empty() {
                return Err(Failure::argument("capacity is 0"));
            }
            handle.step()?;
            match handle.fill(out_entries, max_bytes)? {
                0 => Err(Failure::Answer(IRONWAL_E_END)),
                count => {
                    boundary::write_out(out_count, count);
                    Ok(())
                }
            }
        })
    }
}

/// The view of entry `id` once more, if it is still the iterator's current one: use it to
/// detect that another caller has advanced the iterator.
///
/// - Owns: `*out_view` stays the library's, until the next ironwal_iter_next().
/// - Errors: ::IRONWAL_E_STALE_VIEW where the iterator moved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_current(
    iter: *mut ironwal_iter,
    id: u64,
    out_view: *mut ironwal_view,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_view, ironwal_view::EMPTY);
        boundary::call_on_mut::<IterHandle>(iter, out_error, |handle| {
            let out_view = boundary::non_null(out_view, "out_view")?;
            match handle.current {
                Some((current_id, view)) if current_id == id => boundary::write_out(out_view, view),
                _ => {
                    let message =
                        format!("the iterator does not stand on entry {id}; read it again");
                    return Err(Failure::Refused(IRONWAL_E_STALE_VIEW, message));
                }
            }
            Ok(())
        })
    }
}

/// Frees an iterator, and with it the view it gave out last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_iter_free(iter: *mut ironwal_iter) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the iterator up.
    boundary::call_void(|| drop(unsafe { boundary::take::<IterHandle>(iter) }));
}
