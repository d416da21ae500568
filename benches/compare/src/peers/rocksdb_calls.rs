//! Which functions of `rocksdb/c.h` are called?

use std::ffi::c_char;
use std::ffi::c_int;

use crate::log::Failure;

/// A handle of RocksDB's; only its address is known here.
#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

pub type Handle = *mut Opaque;

#[link(name = "rocksdb")]
unsafe extern "C" {
    pub fn rocksdb_options_create() -> Handle;
    pub fn rocksdb_options_set_create_if_missing(options: Handle, yes: u8);
    pub fn rocksdb_options_set_compression(options: Handle, kind: c_int);
    pub fn rocksdb_options_set_write_buffer_size(options: Handle, bytes: usize);
    pub fn rocksdb_options_set_wal_bytes_per_sync(options: Handle, bytes: u64);
    pub fn rocksdb_options_set_recycle_log_file_num(options: Handle, count: usize);
    pub fn rocksdb_open(options: Handle, path: *const c_char, error: *mut *mut c_char) -> Handle;
    pub fn rocksdb_close(db: Handle);
    pub fn rocksdb_writeoptions_create() -> Handle;
    pub fn rocksdb_writeoptions_set_sync(options: Handle, yes: u8);
    pub fn rocksdb_writeoptions_destroy(options: Handle);
    pub fn rocksdb_readoptions_create() -> Handle;
    pub fn rocksdb_readoptions_destroy(options: Handle);
    pub fn rocksdb_writebatch_create() -> Handle;
    pub fn rocksdb_writebatch_clear(batch: Handle);
    pub fn rocksdb_writebatch_destroy(batch: Handle);
    pub fn rocksdb_writebatch_put_log_data(batch: Handle, data: *const c_char, len: usize);
    pub fn rocksdb_writebatch_put(
        batch: Handle,
        key: *const c_char,
        key_len: usize,
        value: *const c_char,
        value_len: usize,
    );
    pub fn rocksdb_write(db: Handle, options: Handle, batch: Handle, error: *mut *mut c_char);
    pub fn rocksdb_flush_wal(db: Handle, sync: u8, error: *mut *mut c_char);
    pub fn rocksdb_get_pinned(
        db: Handle,
        options: Handle,
        key: *const c_char,
        key_len: usize,
        error: *mut *mut c_char,
    ) -> Handle;
    pub fn rocksdb_pinnableslice_value(slice: Handle, len: *mut usize) -> *const c_char;
    pub fn rocksdb_pinnableslice_destroy(slice: Handle);
    pub fn rocksdb_create_iterator(db: Handle, options: Handle) -> Handle;
    pub fn rocksdb_iter_seek_to_first(iter: Handle);
    pub fn rocksdb_iter_valid(iter: Handle) -> u8;
    pub fn rocksdb_iter_next(iter: Handle);
    pub fn rocksdb_iter_value(iter: Handle, len: *mut usize) -> *const c_char;
    pub fn rocksdb_iter_destroy(iter: Handle);
    fn rocksdb_free(memory: *mut c_char);
}

/// Nothing, or what RocksDB says went wrong. Frees the text.
#[inline]
pub fn check(error: *mut c_char) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: RocksDB gives a C string that is the caller's to free.
    unsafe {
        let text = std::ffi::CStr::from_ptr(error).to_string_lossy();
        let text = text.into_owned();
        rocksdb_free(error);
        Err(text.into())
    }
}
