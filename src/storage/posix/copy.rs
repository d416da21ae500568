//! How is a file copied where the file system cannot give it a second name?
//!
//! Failure: the copy is removed, the first error is answered. A crash on the way leaves a short
//! copy under the new name. Piece by piece through memory: `copy_file_range` and its like are
//! not on every system and between all file systems, and end the process by SIGXFSZ where the
//! copy would pass `RLIMIT_FSIZE`; [`StorageFile::write_at`] asks for the limit first.

use crate::storage::Access;
use crate::storage::StorageFile;
use crate::storage::posix::Place;
use crate::storage::posix::file::PosixFile;
use crate::storage::posix::open_without_waiting;
use std::io;
use std::io::IoSlice;

const PIECE_BYTES: usize = 64 << 10;

/// Copies into a new file and syncs it.
pub(super) fn copy_durably(from: &Place<'_>, to: &Place<'_>) -> io::Result<()> {
    let source = PosixFile::new(open_without_waiting(from, Access::Read)?);
    let target = PosixFile::new(to.create_file()?);
    let copied = copy_all(&source, &target).and_then(|()| target.sync_all());
    if copied.is_err() {
        // The first error is the one that tells; what cannot be removed stays as after a crash.
        let _ = to.remove_file();
    }
    copied
}

fn copy_all(source: &PosixFile, target: &PosixFile) -> io::Result<()> {
    let mut piece = Vec::new();
    piece.try_reserve_exact(PIECE_BYTES)?;
    piece.resize(PIECE_BYTES, 0);
    let mut at = 0;
    loop {
        let read = source.read_at(at, &mut piece)?;
        target.write_at(at, &[IoSlice::new(&piece[..read])])?;
        at += read as u64;
        if read < PIECE_BYTES {
            return Ok(());
        }
    }
}
