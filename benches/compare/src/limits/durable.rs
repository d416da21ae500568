//! What does it cost to make bytes durable, in a file that was filled with zeros before?

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::limits::row;
use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row(
        "limit: pwritev2(RWF_DSYNC)",
        &["W3", "W5"],
        "disk",
        |setup| open(setup, Way::Dsync),
    ),
    row(
        "limit: pwrite + fdatasync",
        &["W3", "W5"],
        "disk",
        |setup| open(setup, Way::Fdatasync),
    ),
    row(ONE_FOR_ALL, &["W4"], "disk", |setup| {
        open(setup, Way::Fdatasync)
    }),
];

/// Run by one thread that appends what all threads would, in one write: a group commit that costs
/// nothing but the disk.
pub const ONE_FOR_ALL: &str = "limit: one pwrite + fdatasync for all";

#[derive(Clone, Copy)]
enum Way {
    Dsync,
    Fdatasync,
}

struct Place {
    file: File,
    next: AtomicU64,
    len: u64,
}

struct Files {
    places: Vec<Place>,
    way: Way,
}

fn open(setup: &Setup, way: Way) -> Result<Box<dyn Log>, Failure> {
    if setup.streams > 64 {
        return Err("so many files of zeros do not fit".into());
    }
    let len = (setup.volume_bytes / setup.streams as u64).clamp(1 << 20, 64 << 20);
    let mut places = Vec::new();
    for n in 0..setup.streams {
        places.push(Place {
            file: zero_filled(&setup.dir.join(format!("f{n}")), len)?,
            next: AtomicU64::new(0),
            len,
        });
    }
    Ok(Box::new(Files { places, way }))
}

/// A file of zeros that are on the disk. Written in pages: after larger writes the kernel keeps
/// larger folios, which make small overwrites dear.
pub fn zero_filled(path: &Path, len: u64) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(path)?;
    for page in 0..len.div_ceil(4096) {
        file.write_all_at(&[0; 4096], page * 4096)?;
    }
    file.sync_all()?;
    Ok(file)
}

impl Log for Files {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Writer {
            place: &self.places[stream],
            way: self.way,
            gathered: Vec::new(),
        }))
    }
}

struct Writer<'a> {
    place: &'a Place,
    way: Way,
    gathered: Vec<u8>,
}

impl Writer<'_> {
    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let place = self.place;
        let mut at = place.next.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // At the end the file is written anew from its start: it stays as long as it is.
        at %= place.len - bytes.len() as u64;
        match self.way {
            Way::Dsync => write_dsync(&place.file, bytes, at)?,
            Way::Fdatasync => {
                place.file.write_all_at(bytes, at)?;
                place.file.sync_data()?;
            }
        }
        Ok(())
    }
}

impl Appender for Writer<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.write(entry)
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.gathered.clear();
        for entry in entries {
            self.gathered.extend_from_slice(entry);
        }
        self.write(&self.gathered)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.place.file.sync_data()?)
    }
}

fn write_dsync(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let (fd, at) = (file.as_raw_fd(), at as libc::off_t);
    // SAFETY: one part of live bytes, which the call only reads.
    let written = unsafe { libc::pwritev2(fd, &part, 1, at, libc::RWF_DSYNC) };
    match usize::try_from(written) {
        Ok(written) if written == bytes.len() => Ok(()),
        Ok(_) => Err(io::Error::other("a short write")),
        Err(_) => Err(io::Error::last_os_error()),
    }
}
