//! Calls of the C interface: handles are valid or null, everything else is anything.

use std::ffi::c_char;
use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;

use super::format_twin::workplace;
use super::input::Input;

type Handle = *mut c_void;

#[repr(C)]
struct Slice {
    data: *const u8,
    len: usize,
}

/// A buffer, or a view: both are an address and a length.
#[repr(C)]
struct Bytes {
    data: *mut u8,
    len: usize,
}

macro_rules! c {
    ($($name:ident($($argument:ty),*) $(-> $returns:ty)?;)*) => {
        unsafe extern "C" { $(fn $name($(_: $argument),*) $(-> $returns)?;)* }
    };
}

c! {
    ironwal_error_free(Handle);
    ironwal_error_status(Handle) -> i32;
    ironwal_status_name(i32) -> *const c_char;
    ironwal_options_new(*const u8, usize, *mut Handle, *mut Handle) -> i32;
    ironwal_options_free(Handle);
    ironwal_options_set_sync_mode(Handle, i32, *mut Handle) -> i32;
    ironwal_options_set_compression(Handle, i32, *mut Handle) -> i32;
    ironwal_options_set_read_strategy(Handle, i32, *mut Handle) -> i32;
    ironwal_options_set_write_strategy(Handle, i32, *mut Handle) -> i32;
    ironwal_options_set_on_corruption(Handle, i32, *mut Handle) -> i32;
    ironwal_options_set_max_segment_size(Handle, u64, *mut Handle) -> i32;
    ironwal_options_set_max_entries_per_segment(Handle, u64, *mut Handle) -> i32;
    ironwal_options_set_max_open_segments(Handle, usize, *mut Handle) -> i32;
    ironwal_options_set_max_open_read_segments(Handle, usize, *mut Handle) -> i32;
    ironwal_options_set_write_buffer_size(Handle, usize, *mut Handle) -> i32;
    ironwal_options_set_read_buffer_size(Handle, usize, *mut Handle) -> i32;
    ironwal_options_set_block_cache_size(Handle, u64, *mut Handle) -> i32;
    ironwal_options_set_min_compression_size(Handle, usize, *mut Handle) -> i32;
    ironwal_options_set_background_sync(Handle, u64, u64, *mut Handle) -> i32;
    ironwal_wal_open(Handle, *mut Handle, *mut Handle) -> i32;
    ironwal_wal_close(Handle, *mut Handle) -> i32;
    ironwal_wal_free(Handle);
    ironwal_buffer_free(*mut Bytes);
    ironwal_append(Handle, *const u8, usize, *const u8, usize, *mut u64, *mut Handle) -> i32;
    ironwal_append_batch(Handle, *const u8, usize, *const Slice, usize, *mut u64, *mut u64, *mut Handle) -> i32;
    ironwal_get(Handle, *const u8, usize, u64, *mut Bytes, *mut Handle) -> i32;
    ironwal_get_into(Handle, *const u8, usize, u64, *mut u8, usize, *mut usize, *mut Handle) -> i32;
    ironwal_get_batch(Handle, *const u8, usize, *const u64, usize, *mut Handle, *mut Handle) -> i32;
    ironwal_entry_list_count(Handle) -> usize;
    ironwal_entry_list_get(Handle, usize, *mut Bytes, *mut Handle) -> i32;
    ironwal_entry_list_free(Handle);
    ironwal_sync(Handle, *const u8, usize, *mut Handle) -> i32;
    ironwal_truncate(Handle, *const u8, usize, u64, *mut usize, *mut Handle) -> i32;
    ironwal_restore_archived(Handle, *const u8, usize, *mut usize, *mut Handle) -> i32;
    ironwal_delete_stream(Handle, *const u8, usize, *mut Handle) -> i32;
    ironwal_txn_begin(Handle, *const u8, usize, *mut Handle, *mut Handle) -> i32;
    ironwal_txn_add(Handle, *const u8, usize, *mut Handle) -> i32;
    ironwal_txn_commit(Handle, *mut u64, *mut u64, *mut Handle) -> i32;
    ironwal_txn_abort(Handle);
    ironwal_wal_iter(Handle, *const u8, usize, u64, *mut Handle, *mut Handle) -> i32;
    ironwal_iter_next(Handle, *mut u64, *mut Bytes, *mut Handle) -> i32;
    ironwal_iter_current(Handle, u64, *mut Bytes, *mut Handle) -> i32;
    ironwal_iter_free(Handle);
    ironwal_sharded_route(*const u8, usize, u32, *mut u32, *mut Handle) -> i32;
}

/// A data argument: bytes of the input, nothing, or no address at all with any length that says so.
fn data<'a>(input: &mut Input<'a>) -> (*const u8, usize) {
    match input.byte() {
        0 => (std::ptr::null(), 0),
        1 => (std::ptr::null(), 1 + usize::from(input.byte())),
        2 => (input.0.as_ptr(), usize::MAX),
        len => {
            let bytes = input.bytes(usize::from(len));
            (bytes.as_ptr(), bytes.len())
        }
    }
}

fn key<'a>(input: &mut Input<'a>) -> (*const u8, usize) {
    match input.byte() % 4 {
        0 => (b"s".as_ptr(), 1),
        1 => ("t/ü".as_ptr(), 4),
        _ => data(input),
    }
}

/// A value for the setter of this number: mostly one of its constants, each family of which has a
/// hundred of its own, or one near them.
fn mode(choice: u8, byte: u8) -> i32 {
    const FAMILIES: [i32; 5] = [0, 300, 100, 200, 400];
    let family = FAMILIES.get(usize::from(choice)).copied().unwrap_or(0);
    match byte < 224 {
        true => family + i32::from(byte % 5),
        false => i32::from(byte as i8) * 100 + 1,
    }
}

/// A new log with arbitrary options, and calls on it.
pub fn c_calls(bytes: &[u8]) {
    let mut input = Input(bytes);
    let place = workplace();
    let root = place.path().join("log");
    let path = root.as_os_str().as_bytes();
    let mut error = null_mut();
    let mut options = null_mut();
    // SAFETY: handles are null or live and used by this thread alone, out parameters are writable,
    // and an address with a length that is not its own comes only as null, or with a length that no
    // object can have, which the interface promises to refuse.
    unsafe {
        ironwal_options_new(path.as_ptr(), path.len(), &mut options, &mut error);
        for _ in 0..input.byte() % 12 {
            let choice = input.byte() % 14;
            let (mode, n) = (mode(choice, input.byte()), input.number());
            let e = &mut error;
            match choice {
                0 => ironwal_options_set_sync_mode(options, mode, e),
                1 => ironwal_options_set_compression(options, mode, e),
                2 => ironwal_options_set_read_strategy(options, mode, e),
                3 => ironwal_options_set_write_strategy(options, mode, e),
                4 => ironwal_options_set_on_corruption(options, mode, e),
                5 => ironwal_options_set_max_segment_size(options, n, e),
                6 => ironwal_options_set_max_entries_per_segment(options, n, e),
                7 => ironwal_options_set_max_open_segments(options, n as usize, e),
                8 => ironwal_options_set_max_open_read_segments(options, n as usize, e),
                9 => ironwal_options_set_write_buffer_size(options, n as usize, e),
                10 => ironwal_options_set_read_buffer_size(options, n as usize, e),
                11 => ironwal_options_set_block_cache_size(options, n, e),
                12 => ironwal_options_set_min_compression_size(options, n as usize, e),
                _ => ironwal_options_set_background_sync(options, n, input.number(), e),
            };
            free(&mut error);
        }
        let mut wal = null_mut();
        ironwal_wal_open(options, &mut wal, &mut error);
        free(&mut error);
        let (mut txn, mut iter, mut id, mut end, mut count) = (null_mut(), null_mut(), 0, 0, 0);
        for _ in 0..60 {
            if input.is_empty() {
                break;
            }
            let choice = input.byte();
            let (k, k_len) = key(&mut input);
            let handle = if choice > 250 { null_mut() } else { wal };
            let e = &mut error;
            match choice % 16 {
                0..3 => {
                    let (d, len) = data(&mut input);
                    ironwal_append(handle, k, k_len, d, len, &mut id, e);
                }
                3 => {
                    let slices: Vec<_> = (0..input.byte() % 6)
                        .map(|_| data(&mut input))
                        .map(|(data, len)| Slice { data, len })
                        .collect();
                    let count = slices.len();
                    let slices = slices.as_ptr();
                    ironwal_append_batch(handle, k, k_len, slices, count, &mut id, &mut end, e);
                }
                4 => {
                    let mut found = Bytes {
                        data: null_mut(),
                        len: 0,
                    };
                    ironwal_get(handle, k, k_len, input.number(), &mut found, e);
                    ironwal_buffer_free(&mut found);
                }
                5 => {
                    let mut into = [0; 64];
                    let room = usize::from(input.byte()) % 65;
                    let n = input.number();
                    ironwal_get_into(handle, k, k_len, n, into.as_mut_ptr(), room, &mut count, e);
                }
                6 => {
                    let ids: Vec<u64> = (0..input.byte() % 9).map(|_| input.number()).collect();
                    let mut found = null_mut();
                    ironwal_get_batch(handle, k, k_len, ids.as_ptr(), ids.len(), &mut found, e);
                    let mut view = Bytes {
                        data: null_mut(),
                        len: 0,
                    };
                    free(&mut error);
                    if !found.is_null() {
                        assert_eq!(ironwal_entry_list_count(found), ids.len());
                    }
                    ironwal_entry_list_get(found, input.number() as usize, &mut view, &mut error);
                    ironwal_entry_list_free(found);
                }
                7 => drop(ironwal_sync(handle, k, k_len, e)),
                8 => drop(ironwal_truncate(
                    handle,
                    k,
                    k_len,
                    input.number(),
                    &mut count,
                    e,
                )),
                9 => drop(ironwal_restore_archived(handle, k, k_len, &mut count, e)),
                10 => drop(ironwal_delete_stream(handle, k, k_len, e)),
                11 => {
                    ironwal_txn_abort(txn);
                    txn = null_mut();
                    ironwal_txn_begin(handle, k, k_len, &mut txn, e);
                }
                12 => {
                    let (d, len) = data(&mut input);
                    ironwal_txn_add(txn, d, len, e);
                }
                13 => {
                    ironwal_txn_commit(txn, &mut id, &mut end, e);
                    txn = null_mut();
                }
                14 => {
                    ironwal_iter_free(iter);
                    iter = null_mut();
                    ironwal_wal_iter(handle, k, k_len, input.number(), &mut iter, e);
                }
                _ => {
                    let mut view = Bytes {
                        data: null_mut(),
                        len: 0,
                    };
                    ironwal_iter_next(iter, &mut id, &mut view, e);
                    free(&mut error);
                    ironwal_iter_current(iter, input.number(), &mut view, &mut error);
                    free(&mut error);
                    let mut shard = 0;
                    let shards = input.number() as u32;
                    ironwal_sharded_route(k, k_len, shards, &mut shard, &mut error);
                }
            }
            free(&mut error);
        }
        ironwal_txn_abort(txn);
        ironwal_iter_free(iter);
        if input.byte() % 2 == 0 {
            // Takes the log, even where it fails.
            ironwal_wal_close(wal, &mut error);
            free(&mut error);
        } else {
            ironwal_wal_free(wal);
        }
        ironwal_options_free(options);
    }
}

/// Frees the error of a call, if there was one.
unsafe fn free(error: &mut Handle) {
    // SAFETY: null, or an error that the last call gave to this caller.
    unsafe {
        assert!(!ironwal_status_name(ironwal_error_status(*error)).is_null());
        ironwal_error_free(*error);
    }
    *error = null_mut();
}
