//! What does it cost to store bytes into a mapped file that was filled with zeros?

use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::limits::durable::zero_filled;
use crate::limits::row;
use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row("limit: mapped store", WORKS, "page cache", |setup| {
        open(setup, false)
    }),
    row(
        "limit: mapped store, pages there",
        WORKS,
        "page cache",
        |setup| open(setup, true),
    ),
];

const WORKS: &[&str] = &["W1", "W2", "W6", "W12"];

/// A file mapped for reading and writing; unmapped when dropped.
pub struct Map {
    start: *mut u8,
    len: usize,
}

// SAFETY: the mapping is plain memory; who writes where is settled by `Mapped::next`.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps all of a file. With `populate` its pages are brought in, ready to be written.
    pub fn of(file: &File, populate: bool) -> Result<Self, Failure> {
        let len = usize::try_from(file.metadata()?.len())?;
        let (read_write, fd) = (libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd());
        // SAFETY: a new mapping at a place of the kernel's choice; the file stays as it is.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), len, read_write, libc::MAP_SHARED, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        if populate {
            // SAFETY: the range is the mapping just made.
            let status = unsafe { libc::madvise(start, len, libc::MADV_POPULATE_WRITE) };
            if status != 0 {
                return Err(std::io::Error::last_os_error().into());
            }
        }
        Ok(Map {
            start: start.cast(),
            len,
        })
    }

    /// The bytes, for reading.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is live as long as `self`, and nobody writes while it is read.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours; borrows of it ended.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

struct Mapped {
    map: Map,
    file: File,
    next: AtomicUsize,
}

struct MappedLog(Vec<Mapped>);

fn open(setup: &Setup, populate: bool) -> Result<Box<dyn Log>, Failure> {
    let mut files = Vec::new();
    for n in 0..setup.streams {
        let len = setup.volume_bytes / setup.streams as u64 + (1 << 20);
        let file = zero_filled(&setup.dir.join(format!("f{n}")), len)?;
        files.push(Mapped {
            map: Map::of(&file, populate)?,
            file,
            next: AtomicUsize::new(0),
        });
    }
    Ok(Box::new(MappedLog(files)))
}

impl Log for MappedLog {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Store(&self.0[stream])))
    }
}

struct Store<'a>(&'a Mapped);

impl Appender for Store<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        let at = self.0.next.fetch_add(entry.len(), Ordering::Relaxed);
        if at + entry.len() > self.0.map.len {
            return Err("the mapped file is full".into());
        }
        // SAFETY: the range lies in the mapping, and the counter gave it to nobody else.
        unsafe { ptr::copy_nonoverlapping(entry.as_ptr(), self.0.map.start.add(at), entry.len()) };
        Ok(())
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        entries.iter().try_for_each(|entry| self.append(entry))
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.0.file.sync_data()?)
    }
}
