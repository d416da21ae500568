//! Would NTFS refuse to rename this directory, because a file in it is open? Debug builds only.
//!
//! NTFS and SMB do ([MS-FSA], rename of a directory that contains open files: STATUS_ACCESS_DENIED); Wine, on which the tests
//! run, does not. So that the tests notice what would fail on Windows, debug builds refuse it themselves.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

const ERROR_ACCESS_DENIED: i32 = 5;

/// The files that this process has open, by number.
static OPEN: Mutex<Open> = Mutex::new(Open {
    next: 0,
    paths: BTreeMap::new(),
});

struct Open {
    next: u64,
    paths: BTreeMap<u64, PathBuf>,
}

/// An open file, until dropped.
#[derive(Debug)]
pub(super) struct OpenPath(u64);

impl OpenPath {
    pub(super) fn of(path: &Path) -> Self {
        let mut open = OPEN.lock();
        let number = open.next;
        open.next += 1;
        open.paths.insert(number, path.to_path_buf());
        OpenPath(number)
    }
}

impl Drop for OpenPath {
    fn drop(&mut self) {
        OPEN.lock().paths.remove(&self.0);
    }
}

/// An error where a file below `dir` is open.
pub(super) fn refuse_to_move_open_files(dir: &Path) -> io::Result<()> {
    let open = OPEN.lock();
    let is_below = |path: &&PathBuf| path.as_path() != dir && path.starts_with(dir);
    match open.paths.values().find(is_below) {
        Some(_) => Err(io::Error::from_raw_os_error(ERROR_ACCESS_DENIED)),
        None => Ok(()),
    }
}

/// A file that is open has another name, and the one that it replaced none.
pub(super) fn renamed(from: &Path, to: &Path) {
    let mut open = OPEN.lock();
    open.paths.retain(|_, path| path != to);
    for path in open.paths.values_mut().filter(|path| *path == from) {
        *path = to.to_path_buf();
    }
}

/// A file that is open has no name.
pub(super) fn removed(path: &Path) {
    OPEN.lock().paths.retain(|_, open| open != path);
}
