//! How is ironwal called from C?

use std::ffi::c_char;
use std::hint::black_box;
use std::path::Path;
use std::ptr;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;
use crate::ours::c_calls as c;
use crate::ours::c_calls::Handle;
use crate::ours::c_calls::Slice;
use crate::ours::c_calls::check;

pub const C_CONTENDERS: &[Contender] = &[
    row("ironwal C", APPENDS, |setup| {
        open(setup, READ_STANDARD_IO, true)
    }),
    row("ironwal C get_into", READS, |setup| {
        open(setup, READ_STANDARD_IO, false)
    }),
    row("ironwal C view, mapped", READS, |setup| {
        open(setup, READ_MMAP, true)
    }),
];

const APPENDS: &[&str] = &["W1", "W2", "W3", "W11", "W12", "C"];
const READS: &[&str] = &["W7", "W8"];
const READ_STANDARD_IO: i32 = 101;
const READ_MMAP: i32 = 102;
const SYNC_STRICT: i32 = 1;
const SYNC_ASYNC: i32 = 3;

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Ours,
        works,
        async_means: "page cache",
        strict_means: "disk",
        open,
    }
}

struct CLog {
    wal: Handle,
    streams: Vec<Handle>,
    views: bool,
}

// SAFETY: the header says that a log and its streams may be used by any number of threads.
unsafe impl Send for CLog {}
// SAFETY: as above.
unsafe impl Sync for CLog {}

fn open(setup: &Setup, read_strategy: i32, views: bool) -> Result<Box<dyn Log>, Failure> {
    let options = options(&setup.dir.join("log"), setup.mode)?;
    let mut error: Handle = ptr::null_mut();
    let (mut wal, mut streams) = (ptr::null_mut(), Vec::new());
    // SAFETY: handles come from the library and are used as the header says.
    unsafe {
        check(
            c::ironwal_options_set_read_strategy(options, read_strategy, &mut error),
            error,
        )?;
        if let Some(bytes) = setup.segment_bytes {
            check(
                c::ironwal_options_set_max_segment_size(options, bytes, &mut error),
                error,
            )?;
        }
        check(c::ironwal_wal_open(options, &mut wal, &mut error), error)?;
        c::ironwal_options_free(options);
        for n in 0..setup.streams {
            let name = super::rust::name(n);
            let mut stream = ptr::null_mut();
            let text = name.as_ptr().cast::<c_char>();
            check(
                c::ironwal_stream_open(wal, text, name.len(), &mut stream, &mut error),
                error,
            )?;
            streams.push(stream);
        }
    }
    Ok(Box::new(CLog {
        wal,
        streams,
        views,
    }))
}

/// Options for the log at `path`, to be freed by the caller.
pub fn options(path: &Path, mode: Mode) -> Result<Handle, Failure> {
    let path = path.to_str().ok_or("a path that is not UTF-8")?;
    let mode = match mode {
        Mode::Strict => SYNC_STRICT,
        Mode::Async => SYNC_ASYNC,
    };
    let (mut options, mut error) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the path is read during the call; the outputs are live.
    unsafe {
        let text = path.as_ptr().cast();
        check(
            c::ironwal_options_new(text, path.len(), &mut options, &mut error),
            error,
        )?;
        check(
            c::ironwal_options_set_sync_mode(options, mode, &mut error),
            error,
        )?;
    }
    Ok(options)
}

impl Log for CLog {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(CStream {
            stream: self.streams[stream],
            views: self.views,
            slices: Vec::new(),
            buffer: Vec::new(),
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(CStream {
            stream: self.streams[stream],
            views: self.views,
            slices: Vec::new(),
            buffer: vec![0; 64 << 10],
        }))
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let mut error = ptr::null_mut();
        // SAFETY: all handles are ours and given up here.
        unsafe {
            for stream in self.streams {
                c::ironwal_stream_free(stream);
            }
            check(c::ironwal_wal_close(self.wal, &mut error), error)
        }
    }
}

struct CStream {
    stream: Handle,
    views: bool,
    slices: Vec<Slice>,
    buffer: Vec<u8>,
}

impl Appender for CStream {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        let (mut id, mut error) = (0, ptr::null_mut());
        // SAFETY: the stream is open, the entry is read during the call.
        let status = unsafe {
            let data = entry.as_ptr().cast();
            c::ironwal_stream_append(self.stream, data, entry.len(), &mut id, &mut error)
        };
        black_box(id);
        check(status, error)
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.slices.clear();
        self.slices
            .extend(entries.iter().map(|entry| Slice::of(entry)));
        let (mut first, mut end, mut error) = (0, 0, ptr::null_mut());
        // SAFETY: the stream is open, the slices and entries are read during the call.
        let status = unsafe {
            c::ironwal_stream_append_batch(
                self.stream,
                self.slices.as_ptr(),
                self.slices.len(),
                &mut first,
                &mut end,
                &mut error,
            )
        };
        check(status, error)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let mut error = ptr::null_mut();
        // SAFETY: the stream is open.
        check(
            unsafe { c::ironwal_stream_sync(self.stream, &mut error) },
            error,
        )
    }
}

impl Reader for CStream {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let mut error = ptr::null_mut();
        if self.views {
            let (mut view, mut pin) = (EMPTY, ptr::null_mut());
            // SAFETY: the stream is open; the view is not used after its pin is freed.
            unsafe {
                let status =
                    c::ironwal_stream_view(self.stream, n, &mut view, &mut pin, &mut error);
                check(status, error)?;
                black_box(view.data);
                c::ironwal_view_pin_free(pin);
            }
            return Ok(view.len);
        }
        let mut len = 0;
        // SAFETY: the stream is open, the buffer has room for what is told.
        let status = unsafe {
            let buffer = self.buffer.as_mut_ptr().cast();
            let capacity = self.buffer.len();
            c::ironwal_stream_get_into(self.stream, n, buffer, capacity, &mut len, &mut error)
        };
        check(status, error)?;
        Ok(len)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let (mut iter, mut error) = (ptr::null_mut(), ptr::null_mut());
        let (mut id, mut view, mut count) = (0, EMPTY, 0);
        // SAFETY: the stream is open; each view is used before the next call on the iterator.
        unsafe {
            check(
                c::ironwal_stream_iter(self.stream, 0, &mut iter, &mut error),
                error,
            )?;
            loop {
                match c::ironwal_iter_next(iter, &mut id, &mut view, &mut error) {
                    c::E_END => break,
                    status => check(status, error)?,
                }
                visit(std::slice::from_raw_parts(view.data, view.len));
                count += 1;
            }
            c::ironwal_iter_free(iter);
        }
        Ok(count)
    }
}

const EMPTY: c::View = c::View {
    data: ptr::null(),
    len: 0,
};
