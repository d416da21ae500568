//! How is a file copied where the file system cannot give it a second name?
//!
//! Failure: the copy is removed and the first error returned. A crash in between leaves a short
//! copy under the new name. The bytes go through memory: `copy_file_range` does not exist on every
//! system and between all file systems, and raises SIGXFSZ where the copy would pass
//! `RLIMIT_FSIZE`; [`StorageFile::write_at`] checks the limit first.

use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::copy::copy_range;
use crate::storage::posix::Place;
use crate::storage::posix::file::PosixFile;
use crate::storage::posix::open_without_waiting;
use std::io;

/// Copies into a new file and syncs it.
pub(super) fn copy_durably(from: &Place<'_>, to: &Place<'_>) -> io::Result<()> {
    let source = PosixFile::new(open_without_waiting(from, Access::Read)?);
    let len = source.len()?;
    let target = PosixFile::new(to.create_file()?);
    let copied = copy_range(&source, 0..len, &target).and_then(|()| target.sync_all());
    if copied.is_err() {
        // The first error is the cause. A copy that cannot be removed stays as after a crash.
        let _ = to.remove_file();
    }
    copied
}
