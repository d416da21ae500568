//! Which functions of `include/ironwal.h` are called, and how does a failure of theirs read?
//!
//! The functions are those of the shared library; here they are linked from the crate, built with
//! the feature `capi`, and called through their C names.

use std::ffi::c_char;
use std::ffi::c_void;

use crate::log::Failure;

pub const OK: i32 = 0;
pub const E_END: i32 = -4;

/// A handle of the library's; only its address is known here.
#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

pub type Handle = *mut Opaque;

/// `ironwal_slice`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    pub data: *const c_void,
    pub len: usize,
}

/// `ironwal_keyed_slice`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KeyedSlice {
    pub key: Slice,
    pub value: Slice,
}

/// `ironwal_view`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    pub data: *const u8,
    pub len: usize,
}

/// `ironwal_str`.
#[repr(C)]
pub struct Text {
    pub data: *const c_char,
    pub len: usize,
}

impl Slice {
    pub fn of(bytes: &[u8]) -> Self {
        Slice {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
        }
    }
}

unsafe extern "C" {
    pub fn ironwal_options_new(p: *const c_char, n: usize, out: *mut Handle, e: *mut Handle)
    -> i32;
    pub fn ironwal_options_free(options: Handle);
    pub fn ironwal_options_set_sync_mode(options: Handle, mode: i32, e: *mut Handle) -> i32;
    pub fn ironwal_options_set_read_strategy(options: Handle, mode: i32, e: *mut Handle) -> i32;
    pub fn ironwal_options_set_max_segment_size(options: Handle, n: u64, e: *mut Handle) -> i32;
    pub fn ironwal_wal_open(options: Handle, out: *mut Handle, e: *mut Handle) -> i32;
    pub fn ironwal_wal_close(wal: Handle, e: *mut Handle) -> i32;
    pub fn ironwal_stream_open(
        wal: Handle,
        name: *const c_char,
        len: usize,
        out: *mut Handle,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_stream_free(stream: Handle);
    pub fn ironwal_stream_append(
        stream: Handle,
        data: *const c_void,
        len: usize,
        out_id: *mut u64,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_stream_append_batch(
        stream: Handle,
        entries: *const Slice,
        count: usize,
        out_first: *mut u64,
        out_end: *mut u64,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_stream_sync(stream: Handle, e: *mut Handle) -> i32;
    pub fn ironwal_stream_get_into(
        stream: Handle,
        id: u64,
        buffer: *mut c_void,
        capacity: usize,
        out_len: *mut usize,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_stream_view(
        stream: Handle,
        id: u64,
        out_view: *mut View,
        out_pin: *mut Handle,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_view_pin_free(pin: Handle);
    pub fn ironwal_stream_iter(stream: Handle, start: u64, out: *mut Handle, e: *mut Handle)
    -> i32;
    pub fn ironwal_iter_next(
        iter: Handle,
        out_id: *mut u64,
        out_view: *mut View,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_iter_free(iter: Handle);
    pub fn ironwal_error_message(error: Handle) -> Text;
    pub fn ironwal_error_free(error: Handle);
    pub fn ironwal_sharded_options_new(shards: u32, out: *mut Handle, e: *mut Handle) -> i32;
    pub fn ironwal_sharded_options_free(options: Handle);
    pub fn ironwal_sharded_open(
        options: Handle,
        sharded: Handle,
        out: *mut Handle,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_sharded_close(sharded: Handle, e: *mut Handle) -> i32;
    pub fn ironwal_sharded_append(
        sharded: Handle,
        key: *const c_void,
        key_len: usize,
        data: *const c_void,
        len: usize,
        out_shard: *mut u32,
        out_id: *mut u64,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_sharded_append_batch(
        sharded: Handle,
        entries: *const KeyedSlice,
        count: usize,
        out_shards: *mut u32,
        out_ids: *mut u64,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_sharded_create_checkpoint(
        sharded: Handle,
        id: *const c_void,
        len: usize,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_sharded_load_checkpoint(
        sharded: Handle,
        id: *const c_void,
        len: usize,
        out: *mut Handle,
        e: *mut Handle,
    ) -> i32;
    pub fn ironwal_checkpoint_free(checkpoint: Handle);
}

/// Nothing for success, and what the library says otherwise. Frees the error.
#[inline]
pub fn check(status: i32, error: Handle) -> Result<(), Failure> {
    if status == OK {
        return Ok(());
    }
    Err(message(status, error).into())
}

#[cold]
fn message(status: i32, error: Handle) -> String {
    if error.is_null() {
        return format!("status {status}");
    }
    // SAFETY: the library made the error for this call; its text lives until it is freed here.
    unsafe {
        let text = ironwal_error_message(error);
        let bytes = std::slice::from_raw_parts(text.data.cast::<u8>(), text.len);
        let message = String::from_utf8_lossy(bytes).into_owned();
        ironwal_error_free(error);
        message
    }
}
