//! How are the names in a directory read, without memory of the heap?
//!
//! A log of many streams lists as many directories of two or three names each when it is opened;
//! `readdir` would allocate 32 KiB for each, and ask for the directory's status besides.
//!
//! Failure: the error of opening or reading, unchanged. A directory that was removed since it was
//! opened has no more names, as with `readdir`.

#![allow(unsafe_code)]

use crate::storage::posix::EntryKind;
use crate::storage::posix::open_file::OpenFile;
use crate::storage::posix::retry::retry_call;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// One call fills at most this much.
const BUFFER_WORDS: usize = 1024;

/// Where the parts of a `linux_dirent64` are (getdents64(2)).
const RECORD_LEN_AT: usize = 16;
const TYPE_AT: usize = RECORD_LEN_AT + 2;
const NAME_AT: usize = TYPE_AT + 1;

/// Calls `note` with each name in a directory that is UTF-8, and what the directory itself tells of
/// it (`d_type`); `None`: a link, or not told. In no order.
pub(super) fn list_names(
    dir: &Path,
    note: &mut dyn FnMut(&str, Option<EntryKind>) -> io::Result<()>,
) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NONBLOCK);
    let opened = OpenFile::open(&options, dir)?;
    // Of words, so that records are aligned; nothing relies on it.
    let mut buffer = [0; BUFFER_WORDS];
    loop {
        let mut records = read_records(&opened, &mut buffer)?;
        if records.is_empty() {
            return Ok(());
        }
        while let Some((name, kind, rest)) = first_record(records)? {
            records = rest;
            let is_listed = name != b"." && name != b"..";
            if let (true, Ok(name)) = (is_listed, std::str::from_utf8(name)) {
                note(name, kind)?;
            }
        }
    }
}

/// The next records of an open directory; none at its end.
fn read_records<'a>(dir: &fs::File, buffer: &'a mut [u64; BUFFER_WORDS]) -> io::Result<&'a [u8]> {
    let len = size_of_val(buffer);
    let start = buffer.as_mut_ptr();
    // SAFETY: the descriptor is open, and the buffer is writable for `len` bytes.
    let call = || unsafe { libc::syscall(libc::SYS_getdents64, dir.as_raw_fd(), start, len) };
    let filled = match retry_call(call) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(&[]),
        filled => usize::try_from(filled?).unwrap_or(0),
    };
    // SAFETY: `filled` bytes at most lie in the buffer, all of which has a value: the kernel leaves out
    // the padding of records.
    Ok(unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), filled.min(len)) })
}

/// Name and kind of the first record, and the records behind it.
type Record<'a> = (&'a [u8], Option<EntryKind>, &'a [u8]);

fn first_record(records: &[u8]) -> io::Result<Option<Record<'_>>> {
    if records.is_empty() {
        return Ok(None);
    }
    let record_len = match records.get(RECORD_LEN_AT..TYPE_AT) {
        Some(&[low, high]) => usize::from(u16::from_ne_bytes([low, high])),
        _ => 0,
    };
    let (Some(record), true) = (records.get(..record_len), record_len > NAME_AT) else {
        return Err(io::Error::other("the system told names in an unknown form"));
    };
    let name = &record[NAME_AT..];
    let name_len = name.iter().position(|&byte| byte == 0);
    let kind = match record[TYPE_AT] {
        libc::DT_REG => Some(EntryKind::File),
        libc::DT_DIR => Some(EntryKind::Directory),
        libc::DT_LNK | libc::DT_UNKNOWN => None,
        _ => Some(EntryKind::Other),
    };
    let name = &name[..name_len.unwrap_or(name.len())];
    Ok(Some((name, kind, &records[record_len..])))
}
