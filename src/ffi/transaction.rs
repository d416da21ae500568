//! How C gathers entries that become visible together or not at all.

#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::TxnWriter;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// A transaction on one stream: entries gathered in memory. Ended by ironwal_txn_commit() or
/// ironwal_txn_abort().
pub enum ironwal_txn {}

/// What stands behind an `ironwal_txn`.
struct TxnHandle {
    keeper: Arc<OpenRef>,
    writer: TxnWriter,
}

impl Handle for TxnHandle {
    type Opaque = ironwal_txn;
    const MAGIC: u64 = 0x6972_6F6E_7478_6E31;
    const NAME: &'static str = "txn";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.keeper.gate)
    }
}

/// Begins a transaction on a stream, which its first append creates.
///
/// - Owns: end `*out_txn` with ironwal_txn_commit() or ironwal_txn_abort(); it keeps the log open
///   until then, unless that is closed.
/// - Errors: ::IRONWAL_E_CONFIG for a bad name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_txn_begin(
    wal: *const ironwal_wal,
    stream: *const c_char,
    stream_len: usize,
    out_txn: *mut *mut ironwal_txn,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_txn, ptr::null_mut());
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let out_txn = boundary::non_null(out_txn, "out_txn")?;
            let key = boundary::utf8(stream, stream_len, "stream")?;
            // The engine's writer returns no error: a bad name is reported here, not at the end.
            handle.wal.stream(key)?;
            let writer = handle.wal.writer(key);
            let txn = TxnHandle {
                keeper: Arc::clone(&handle.keeper),
                writer,
            };
            boundary::write_out(out_txn, boundary::into_handle(txn));
            Ok(())
        })
    }
}

/// Begins a transaction on the stream.
///
/// - Owns: as ironwal_txn_begin().
/// - Errors: none of its own; the commit returns ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_begin(
    stream: *const ironwal_stream,
    out_txn: *mut *mut ironwal_txn,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_txn, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_txn = boundary::non_null(out_txn, "out_txn")?;
            let txn = TxnHandle {
                keeper: Arc::clone(&handle.keeper),
                writer: handle.stream.writer(),
            };
            boundary::write_out(out_txn, boundary::into_handle(txn));
            Ok(())
        })
    }
}

/// Adds an entry to a transaction.
///
/// - Durable: nothing is written before the commit.
/// - Errors: ::IRONWAL_E_IO without memory for it (the transaction stays as it was).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_txn_add(
    txn: *mut ironwal_txn,
    data: *const c_void,
    len: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on_mut::<TxnHandle>(txn, out_error, |handle| {
            handle.writer.try_add(boundary::bytes(data, len, "data")?)?;
            Ok(())
        })
    }
}

/// Appends all entries of the transaction as one: their ids go from `out_first_id` up to and
/// without `out_end_id`; both are 0 where it has none.
///
/// - Owns: takes `txn`, also when it fails; the entries of a failed commit are gone.
/// - NULL: the outputs may be NULL.
/// - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
/// - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
///   not at all.
/// - Errors: as ironwal_append_batch().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_txn_commit(
    txn: *mut ironwal_txn,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header and gives the handle up.
    unsafe {
        boundary::call(out_error, || {
            let TxnHandle { keeper, writer } = boundary::take::<TxnHandle>(txn)?;
            boundary::enter(Some(&keeper.gate), || {
                let ids = writer.commit()?;
                boundary::write_out(out_first_id, ids.start);
                boundary::write_out(out_end_id, ids.end);
                Ok(())
            })
        })
    }
}

/// Discards the transaction.
///
/// - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
/// - Durable: nothing of it is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_txn_abort(txn: *mut ironwal_txn) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the handle up.
    boundary::call_void(|| drop(unsafe { boundary::take::<TxnHandle>(txn) }));
}
