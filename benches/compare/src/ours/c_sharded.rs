//! How is our sharded log called from C?

use std::path::Path;
use std::ptr;

use crate::log::Failure;
use crate::log::Mode;
use crate::ours::c;
use crate::ours::c_calls as calls;
use crate::ours::c_calls::Handle;
use crate::ours::c_calls::KeyedSlice;
use crate::ours::c_calls::Slice;
use crate::ours::c_calls::check;
use crate::ours::sharded::Sharded;

struct CSharded(Handle);

pub fn open(dir: &Path, shards: u16) -> Result<Box<dyn Sharded>, Failure> {
    let options = c::options(&dir.join("log"), Mode::Async)?;
    let (mut sharded_options, mut sharded) = (ptr::null_mut(), ptr::null_mut());
    let mut error = ptr::null_mut();
    // SAFETY: the outputs are live, the options are freed once and not used after that.
    unsafe {
        let shards = u32::from(shards);
        let status = calls::ironwal_sharded_options_new(shards, &mut sharded_options, &mut error);
        check(status, error)?;
        let status =
            calls::ironwal_sharded_open(options, sharded_options, &mut sharded, &mut error);
        calls::ironwal_options_free(options);
        calls::ironwal_sharded_options_free(sharded_options);
        check(status, error)?;
    }
    Ok(Box::new(CSharded(sharded)))
}

impl Sharded for CSharded {
    fn append(&self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let (mut shard, mut id, mut error) = (0, 0, ptr::null_mut());
        // SAFETY: the log is open, key and value are read during the call.
        let status = unsafe {
            calls::ironwal_sharded_append(
                self.0,
                key.as_ptr().cast(),
                key.len(),
                value.as_ptr().cast(),
                value.len(),
                &mut shard,
                &mut id,
                &mut error,
            )
        };
        check(status, error)
    }

    fn append_batch(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Failure> {
        let slices = entries.iter().map(|(key, value)| KeyedSlice {
            key: Slice::of(key),
            value: Slice::of(value),
        });
        let slices: Vec<KeyedSlice> = slices.collect();
        let mut error = ptr::null_mut();
        // SAFETY: the log is open, the slices are read during the call; NULL outputs are allowed.
        let status = unsafe {
            calls::ironwal_sharded_append_batch(
                self.0,
                slices.as_ptr(),
                slices.len(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut error,
            )
        };
        check(status, error)
    }

    fn create_checkpoint(&self, id: &[u8]) -> Result<(), Failure> {
        let mut error = ptr::null_mut();
        let data = id.as_ptr().cast();
        // SAFETY: the log is open, the id is read during the call.
        check(
            unsafe { calls::ironwal_sharded_create_checkpoint(self.0, data, id.len(), &mut error) },
            error,
        )
    }

    fn load_checkpoint(&self, id: &[u8]) -> Result<(), Failure> {
        let (mut found, mut error) = (ptr::null_mut(), ptr::null_mut());
        let data = id.as_ptr().cast();
        // SAFETY: the log is open, the id is read during the call; what is found is freed.
        unsafe {
            let status = calls::ironwal_sharded_load_checkpoint(
                self.0,
                data,
                id.len(),
                &mut found,
                &mut error,
            );
            calls::ironwal_checkpoint_free(found);
            check(status, error)
        }
    }
}

impl Drop for CSharded {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and given up here.
        unsafe { calls::ironwal_sharded_close(self.0, ptr::null_mut()) };
    }
}
