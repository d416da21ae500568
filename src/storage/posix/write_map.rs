//! A range of a file mapped for writing, and the file systems where a store into it is safe.
//!
//! Happy path: a helper populates pages with `madvise(MADV_POPULATE_WRITE)` (madvise(2), Linux
//! 5.14), which returns as an error what a store would raise as SIGBUS. Stores are copies then.
//!
//! Failure: a store into a populated page can fault again after the kernel has written the page
//! out. ext4 answers such a fault from memory: for a page whose blocks are mapped it starts no
//! transaction (`ext4_page_mkwrite`), so neither a full nor a shut-down file system makes it fail.
//! tmpfs writes nothing out. On other file systems the fault can fail: on XFS once it is shut down,
//! on btrfs when there is no space for a copy of the block. Close: unmapped on drop, without a sync.

#![allow(unsafe_code)]

use crate::platform::retry::retry;
use crate::platform::retry::retry_call;
use crate::storage::WriteMapping;
use crate::storage::posix::file::is_without_ranges;
use memmap2::Advice;
use memmap2::MmapOptions;
use memmap2::MmapRaw;
use memmap2::UncheckedAdvice;
use std::fs;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// linux/magic.h
const EXT4: u64 = 0xEF53;
const TMPFS: u64 = 0x0102_1994;

const PAGE: u64 = 4096;

/// Pages behind the stores are released in pieces of at least this size: each release interrupts
/// the processors that store.
const MIN_RELEASE_BYTES: u64 = 8 << 20;

/// A shared mapping for reading and writing; unmapped on drop.
#[derive(Debug)]
pub(super) struct PosixWriteMapping {
    map: MmapRaw,
    /// The file offset of the first mapped byte.
    from: u64,
    /// Invariant: both lie in the map, and all pages between them were populated.
    populated_start: AtomicU64,
    populated_end: AtomicU64,
    syncs_ranges: bool,
}

impl PosixWriteMapping {
    pub(super) fn new(file: &File, from: u64, len: u64) -> io::Result<Self> {
        let length_bytes = usize::try_from(len)
            .ok()
            .filter(|&len| len > 0 && isize::try_from(len).is_ok())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        if from % PAGE != 0 || libc::off_t::try_from(from).is_err() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let (file_system, block) = statfs(|facts| {
            // SAFETY: an open descriptor and a writable statfs.
            unsafe { libc::fstatfs(file.as_raw_fd(), facts) }
        })?;
        // A page that holds the end of the file may be populated before its last blocks exist. Once
        // the file has grown, a store there needs the kernel to protect the page again, or is never
        // written out; not every way to grow does so in every kernel. With blocks as large as
        // pages there are no such pages. Nor may a release round to more than it was asked for.
        if block < PAGE || system_page_bytes() != PAGE {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let map = MmapOptions::new()
            .offset(from)
            .len(length_bytes)
            .map_raw(file)?;
        Ok(Self {
            map,
            from,
            populated_start: AtomicU64::new(from),
            populated_end: AtomicU64::new(from),
            // Both write in place, and neither keeps data of one range elsewhere.
            syncs_ranges: matches!(file_system, EXT4 | TMPFS),
        })
    }

    /// How far a file offset within the map (its end included) lies behind the start of the map.
    fn distance(&self, offset: u64) -> usize {
        debug_assert!(offset >= self.from && offset <= self.range().end);
        (offset - self.from) as usize
    }
}

impl WriteMapping for PosixWriteMapping {
    fn populate(&self, from: u64, to: u64) -> io::Result<()> {
        let populated = self.populated_start.load(Ordering::Acquire)..self.populated_end();
        let starts = populated.is_empty();
        if to <= populated.end && !starts {
            return Ok(());
        }
        let continues = starts || (populated.start..=populated.end).contains(&from);
        let map = self.range();
        if from < map.start || from >= to || to > map.end || !continues {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        // Pages are populated as a whole.
        let first = if starts { from } else { populated.end } / PAGE * PAGE;
        let last = to.next_multiple_of(PAGE).min(map.end);
        let (start, len) = (self.distance(first), (last - first) as usize);
        retry(|| self.map.advise_range(Advice::PopulateWrite, start, len))?;
        if starts {
            self.populated_start.store(from, Ordering::Release);
        }
        // An overlapping call may have populated more.
        self.populated_end.fetch_max(to, Ordering::AcqRel);
        Ok(())
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> bool {
        let end = offset.checked_add(bytes.len() as u64);
        // `populated_start` is set before the end, and later grows only behind the stores: a thread
        // that sees the end sees the start.
        let populated_end = self.populated_end();
        let populated_start = self.populated_start.load(Ordering::Acquire);
        if offset < populated_start || end.is_none_or(|end| end > populated_end) {
            return false;
        }
        let target = self.map.as_mut_ptr().wrapping_add(self.distance(offset));
        // SAFETY: the range is populated, so it lies within the mapping and, by the contract of
        // `populate`, within the file. No other thread stores there, by the contract of `store`.
        // No reference into the mapping exists, so `bytes` does not overlap it.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
        // A process that dies here leaves the stores before this one, not only later ones.
        std::sync::atomic::fence(Ordering::Release);
        true
    }

    fn release_before(&self, offset: u64) {
        let from = self.populated_start.load(Ordering::Acquire) / PAGE * PAGE;
        let to = offset / PAGE * PAGE;
        if to > self.populated_end() || to < from + MIN_RELEASE_BYTES {
            return;
        }
        // Before the release: a store below would find no page, and its fault might raise a signal.
        self.populated_start.store(to, Ordering::Release);
        let (start, len) = (self.distance(from), (to - from) as usize);
        // Where this fails the pages stay mapped.
        // SAFETY: the mapping is shared, so the pages stay in the page cache with their content,
        // dirty or not (madvise(2), MADV_DONTNEED). No reference to them exists, and by the contract
        // of `release_before` no thread stores there any more.
        let _ = unsafe {
            self.map
                .unchecked_advise_range(UncheckedAdvice::DontNeed, start, len)
        };
    }

    fn populated_end(&self) -> u64 {
        self.populated_end.load(Ordering::Acquire)
    }

    fn range(&self) -> Range<u64> {
        self.from..self.from + self.map.len() as u64
    }

    fn syncs_ranges(&self) -> bool {
        self.syncs_ranges
    }

    fn sync_range(&self, from: u64, to: u64) -> io::Result<()> {
        if from < self.from || from > to || to > self.range().end {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let (start, len) = (self.distance(from), (to - from) as usize);
        // msync is fdatasync of that range of the file (msync(2); mm/msync.c calls vfs_fsync_range).
        match retry(|| self.map.flush_range(start, len)) {
            Err(error) if is_without_ranges(&error) => Err(io::ErrorKind::Unsupported.into()),
            result => result,
        }
    }
}

/// Whether no fault of a store into a populated page can raise a signal: true for tmpfs, and for
/// ext4 that neither journals data nor maps memory of the device itself.
pub(super) fn map_stores_cannot_fault(dir: &fs::File) -> io::Result<bool> {
    let found = statfs(|facts| {
        // SAFETY: an open descriptor and a writable statfs.
        unsafe { libc::fstatfs(dir.as_raw_fd(), facts) }
    });
    match found? {
        (TMPFS, _) => Ok(true),
        (EXT4, block) if block >= PAGE => {
            let device = retry(|| dir.metadata())?.dev();
            match retry(|| fs::read_to_string("/proc/self/mountinfo")) {
                Ok(mounts) => Ok(is_safe_ext4(&mounts, device)),
                // Without procfs: the answer stays the same.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        }
        _ => Ok(false),
    }
}

/// Whether the mount table (proc(5), mountinfo) lists the device, always as ext4 and without
/// options that change how stores fault.
fn is_safe_ext4(mounts: &str, device: u64) -> bool {
    let number = format!("{}:{}", libc::major(device), libc::minor(device));
    let mut named = false;
    for mount in mounts.lines() {
        if mount.split(' ').nth(2) != Some(&number) {
            continue;
        }
        let Some((_, of_file_system)) = mount.split_once(" - ") else {
            return false;
        };
        let mut fields = of_file_system.split(' ');
        // "ext2" and "ext3" may be drivers of their own.
        if fields.next() != Some("ext4") {
            return false;
        }
        let options = fields.nth(1).unwrap_or_default();
        let changes = |option: &str| option == "data=journal" || option.starts_with("dax");
        if options.split(',').any(changes) {
            return false;
        }
        named = true;
    }
    named
}

fn system_page_bytes() -> u64 {
    // SAFETY: reads a constant of the system.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(0)
}

/// The magic number of the file system, and its block size.
fn statfs(ask: impl Fn(&mut libc::statfs) -> libc::c_int) -> io::Result<(u64, u64)> {
    // SAFETY: statfs is plain data for which zeros are a valid value.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    retry_call(|| ask(&mut facts))?;
    // The types differ between systems.
    #[allow(clippy::unnecessary_cast)]
    Ok((facts.f_type as u64 & 0xFFFF_FFFF, facts.f_bsize as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ext4_without_special_options_is_plain() {
        let device = libc::makedev(8, 3);
        let line = |id: &str, fs: &str, options: &str| {
            format!("29 1 {id} / /data rw,noatime shared:1 - {fs} /dev/sda3 {options}\n")
        };
        let cases = [
            (line("8:3", "ext4", "rw,errors=remount-ro"), true),
            (line("8:3", "ext4", "rw,data=ordered"), true),
            (line("8:3", "ext4", "rw,data=journal"), false),
            (line("8:3", "ext4", "rw,dax=always"), false),
            (line("8:3", "ext3", "rw"), false),
            (line("8:4", "ext4", "rw"), false),
            (line("8:3", "ext4", "rw") + &line("8:3", "xfs", "rw"), false),
            (String::new(), false),
            ("29 1 8:3 / / rw\n".to_owned(), false),
        ];
        for (mounts, expected) in cases {
            assert_eq!(is_safe_ext4(&mounts, device), expected, "{mounts}");
        }
    }

    #[test]
    fn stores_reach_the_file_and_only_where_it_was_made_ready() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        fs::write(&path, vec![0; 3 * 4096]).expect("written");
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .expect("opens");
        let map = PosixWriteMapping::new(&file, 4096, 1 << 20).expect("maps");
        assert!(!map.store(4096, b"x"), "nothing is populated");
        map.populate(4096 + 50, 4096 + 100).expect("populates");
        assert!(map.store(4096 + 90, b"0123456789"));
        assert!(
            !map.store(4096 + 91, b"0123456789"),
            "beyond the populated pages"
        );
        assert!(!map.store(4095, b"x"), "before the map");
        assert!(!map.store(4096 + 49, b"x"), "before the populated range");
        assert!(!map.store(u64::MAX, b"x"));
        map.populate(4096 + 100, 3 * 4096).expect("populates");
        assert!(map.store(3 * 4096 - 1, b"e"));
        map.sync_range(4096 + 90, 3 * 4096).expect("syncs");
        let content = fs::read(&path).expect("reads");
        assert_eq!(&content[4096 + 90..4096 + 100], b"0123456789");
        assert_eq!(content[3 * 4096 - 1], b'e');
        assert_eq!(content.iter().filter(|&&byte| byte != 0).count(), 11);
        assert!(
            map.populate(3 * 4096, 4 * 4096).is_err(),
            "beyond the end of the file: an error, no signal"
        );
        assert_eq!(map.populated_end(), 3 * 4096);
    }

    #[test]
    fn calls_that_make_pages_ready_may_overlap_and_what_is_ready_never_shrinks() {
        const PAGES: u64 = 256;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        fs::write(&path, vec![0; (PAGES * PAGE) as usize]).expect("written");
        let open = || File::options().read(true).write(true).open(&path);
        let file = open().expect("opens");
        for _ in 0..20 {
            let map = PosixWriteMapping::new(&file, 0, PAGES * PAGE).expect("maps");
            map.populate(0, 100).expect("populates");
            std::thread::scope(|scope| {
                for step in [1, 3, 16] {
                    let map = &map;
                    scope.spawn(move || {
                        loop {
                            let from = map.populated_end();
                            if from == PAGES * PAGE {
                                break;
                            }
                            let to = (from + step * PAGE).min(PAGES * PAGE);
                            map.populate(from, to).expect("populates");
                            assert!(map.populated_end() >= to);
                        }
                    });
                }
            });
            assert!(map.store(PAGES * PAGE - 2, b"ee"));
        }
    }

    #[test]
    fn pages_that_are_released_leave_the_process_and_keep_what_was_stored() {
        const LEN: u64 = 12 << 20;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .expect("opens");
        super::super::preallocate::write_zeros(&file, 0, LEN).expect("written");
        let map = PosixWriteMapping::new(&file, 0, LEN).expect("maps");
        map.populate(100, LEN).expect("populates");
        for offset in (100..LEN).step_by(1000) {
            assert!(map.store(offset, &[7]));
        }
        let resident_kib = || -> u64 {
            let maps = fs::read_to_string("/proc/self/smaps").expect("reads");
            let ours = maps.split_once(path.to_str().expect("a readable path"));
            let rss = ours.and_then(|(_, rest)| rest.split_once("Rss:"));
            let number = rss.and_then(|(_, rest)| rest.split_whitespace().next());
            number.expect("a field").parse().expect("a number")
        };
        assert_eq!(resident_kib(), LEN >> 10);
        map.release_before(MIN_RELEASE_BYTES - 1);
        assert_eq!(resident_kib(), LEN >> 10, "not worth it yet");
        map.release_before(9 << 20);
        assert_eq!(resident_kib(), 3 << 10);
        assert!(!map.store((9 << 20) - 1, &[8]), "no page is there");
        assert!(map.store(9 << 20, &[7]));
        map.release_before(LEN + PAGE);
        assert_eq!(
            resident_kib(),
            3 << 10,
            "nothing beyond the populated pages"
        );
        let content = fs::read(&path).expect("reads");
        for offset in (100..LEN as usize).step_by(1000) {
            assert_eq!(content[offset], 7);
        }
    }
}
