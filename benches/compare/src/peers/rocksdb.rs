//! How does RocksDB (the system's librocksdb) take part?
//!
//! To append it writes batches that hold log data only (`WriteBatch::PutLogData`): they go to its
//! write-ahead log and to no memtable, so only the log is measured. Such data cannot be read back,
//! so the reading works put keys, into a memtable of 64 MiB and then into tables, uncompressed.
//! Streams share the one log.

use std::ffi::CString;
use std::ffi::c_char;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;
use crate::peers::rocksdb_calls as c;
use crate::peers::rocksdb_calls::Handle;
use crate::peers::rocksdb_calls::check;

pub const CONTENDERS: &[Contender] = &[
    row("RocksDB, log only", APPENDS, |setup| open(setup, false)),
    row("RocksDB, put", &["W7", "W8"], |setup| open(setup, true)),
];

const APPENDS: &[&str] = &["W1", "W2", "W3", "W4", "W5", "W6", "W12"];

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Peer,
        works,
        async_means: "page cache",
        strict_means: "disk",
        open,
    }
}

struct Rocks {
    db: Handle,
    write_options: Handle,
    read_options: Handle,
    keyed: bool,
    next_key: AtomicU64,
}

// SAFETY: a database may be used by any number of threads; the options do not change.
unsafe impl Send for Rocks {}
// SAFETY: as above.
unsafe impl Sync for Rocks {}

fn open(setup: &Setup, keyed: bool) -> Result<Box<dyn Log>, Failure> {
    let path = setup.dir.join("log");
    let path = CString::new(path.to_str().ok_or("a path that is not UTF-8")?)?;
    let mut error = ptr::null_mut();
    // SAFETY: the calls are those of rocksdb/c.h; the path ends with a NUL.
    unsafe {
        let options = c::rocksdb_options_create();
        c::rocksdb_options_set_create_if_missing(options, 1);
        c::rocksdb_options_set_compression(options, 0);
        c::rocksdb_options_set_write_buffer_size(options, 64 << 20);
        c::rocksdb_options_set_wal_bytes_per_sync(options, 0);
        c::rocksdb_options_set_recycle_log_file_num(options, 0);
        let db = c::rocksdb_open(options, path.as_ptr(), &mut error);
        check(error)?;
        let write_options = c::rocksdb_writeoptions_create();
        c::rocksdb_writeoptions_set_sync(write_options, u8::from(setup.mode == Mode::Strict));
        Ok(Box::new(Rocks {
            db,
            write_options,
            read_options: c::rocksdb_readoptions_create(),
            keyed,
            next_key: AtomicU64::new(0),
        }))
    }
}

impl Drop for Rocks {
    fn drop(&mut self) {
        // SAFETY: the handles are ours; what borrowed them is gone.
        unsafe {
            c::rocksdb_writeoptions_destroy(self.write_options);
            c::rocksdb_readoptions_destroy(self.read_options);
            c::rocksdb_close(self.db);
        }
    }
}

impl Log for Rocks {
    fn appender(&self, _stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(BatchWriter {
            rocks: self,
            // SAFETY: a new batch, destroyed when the writer is dropped.
            batch: unsafe { c::rocksdb_writebatch_create() },
        }))
    }

    fn reader(&self, _stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        if !self.keyed {
            return Err("log data cannot be read back".into());
        }
        Ok(Box::new(TableReader(self)))
    }
}

struct BatchWriter<'a> {
    rocks: &'a Rocks,
    batch: Handle,
}

impl Drop for BatchWriter<'_> {
    fn drop(&mut self) {
        // SAFETY: the batch is ours.
        unsafe { c::rocksdb_writebatch_destroy(self.batch) };
    }
}

impl Appender for BatchWriter<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        let (rocks, mut error) = (self.rocks, ptr::null_mut());
        // SAFETY: the batch is ours, it copies keys and entries, and the database is open.
        unsafe {
            c::rocksdb_writebatch_clear(self.batch);
            for entry in entries {
                let (data, len) = (entry.as_ptr().cast::<c_char>(), entry.len());
                if rocks.keyed {
                    let key = rocks.next_key.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                    c::rocksdb_writebatch_put(self.batch, key.as_ptr().cast(), 8, data, len);
                } else {
                    c::rocksdb_writebatch_put_log_data(self.batch, data, len);
                }
            }
            c::rocksdb_write(rocks.db, rocks.write_options, self.batch, &mut error);
        }
        check(error)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let mut error = ptr::null_mut();
        // SAFETY: the database is open.
        unsafe { c::rocksdb_flush_wal(self.rocks.db, 1, &mut error) };
        check(error)
    }
}

struct TableReader<'a>(&'a Rocks);

impl Reader for TableReader<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let (key, mut error, mut len) = (n.to_be_bytes(), ptr::null_mut(), 0);
        // SAFETY: the database is open, the key is read during the call; the slice is destroyed
        // after its last use.
        unsafe {
            let options = self.0.read_options;
            let key = key.as_ptr().cast();
            let slice = c::rocksdb_get_pinned(self.0.db, options, key, 8, &mut error);
            check(error)?;
            if slice.is_null() {
                return Err(format!("no entry {n}").into());
            }
            black_box(c::rocksdb_pinnableslice_value(slice, &mut len));
            c::rocksdb_pinnableslice_destroy(slice);
        }
        Ok(len)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        // SAFETY: the iterator is ours; a value lives until the iterator moves.
        unsafe {
            let iter = c::rocksdb_create_iterator(self.0.db, self.0.read_options);
            c::rocksdb_iter_seek_to_first(iter);
            while c::rocksdb_iter_valid(iter) != 0 {
                let mut len = 0;
                let data = c::rocksdb_iter_value(iter, &mut len);
                visit(std::slice::from_raw_parts(data.cast(), len));
                count += 1;
                c::rocksdb_iter_next(iter);
            }
            c::rocksdb_iter_destroy(iter);
        }
        Ok(count)
    }
}
