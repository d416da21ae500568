//! What happens where a failed write left bytes that could not be zeroed for lack of room?
//!
//! A file system that writes every block to a new place (btrfs) may refuse even zeros over bytes
//! that it took before. Nothing has failed to reach the disk, so the stream is not poisoned:
//! the place is noted, its ids stay free, and appends are refused until it is erased. Each append
//! tries that first: by zeros, or by cutting the file behind the written end, which takes no data
//! blocks. Room that was secured there is given up and secured anew.
//!
//! Failure: the error of erasing refuses the append; one that is not lack of room poisons. A crash
//! leaves a tail that recovery scans: frames that are whole there may appear, as with any append
//! that did not return; their ids were given to nobody else. Close cuts the file there.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::stream::StreamCore;

/// What stands where a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Zeros, or nothing.
    Clean,
    /// Perhaps bytes of the failed write, up to here: there was no room to zero them.
    Dirty(FileOffset),
    /// Anything.
    Unknown,
}

/// Zeros over bytes that may have been written in part, so that nothing of them is ever taken for
/// a frame. The file does not grow by it: what lies beyond its end was not written.
pub(super) fn zero_again(file: &dyn StorageFile, at: FileOffset, len: u64) -> Place {
    let Ok(file_len) = file.len() else {
        return Place::Unknown;
    };
    let end = (at.0 + len).min(file_len);
    if end <= at.0 {
        return Place::Clean;
    }
    match file.write_zeros(at.0, end - at.0) {
        Ok(()) => Place::Clean,
        Err(error) if is_out_of_space(&error) => Place::Dirty(FileOffset(end)),
        Err(_) => Place::Unknown,
    }
}

impl StreamCore {
    /// Erases what a failed append left, if its own try found no room: readers in other processes
    /// look there, so it is not left to the next append.
    pub(super) fn erase_after_failure(&self) {
        if self.tail.lock().dirty_to.is_some() {
            // Where this fails the next append tries again, and tells.
            let _ = self.erase_dirty();
        }
    }

    /// Erases what a failed write left behind the written end.
    pub(super) fn erase_dirty(&self) -> Result<()> {
        // Nobody secures or maps room there meanwhile.
        let upkeep = self.upkeep.lock();
        let (active, from, to) = {
            let tail = self.tail.lock();
            self.admit(&tail)?;
            // Invariant: nothing is reserved while the place is dirty, so the end stays.
            let (Some(active), Some(to)) = (tail.active.clone(), tail.dirty_to) else {
                return Ok(());
            };
            (active, tail.written.offset, to)
        };
        let (file, _) = self.write_file(&active)?;
        let erased = match zero_again(&*file, from, to - from) {
            Place::Clean => Ok(()),
            Place::Dirty(_) => self.cut_room(&*file, from),
            Place::Unknown => Err(io::Error::other(
                "the place of a failed write is not erased",
            )),
        };
        let Err(error) = erased else {
            self.tail.lock().dirty_to = None;
            return Ok(());
        };
        // The host may look at the log when it is told that the stream is poisoned.
        drop(upkeep);
        let is_full = is_out_of_space(&error);
        let error = Arc::new(Error::io(error, active.segment.context().offset(from.0)));
        if !is_full {
            self.poison(Arc::clone(&error));
        }
        Err(error.duplicate())
    }

    /// Cuts everything behind the written end. Pages of the map lie there: first it is given up.
    fn cut_room(&self, file: &dyn StorageFile, end: FileOffset) -> io::Result<()> {
        self.unmap();
        self.tail.lock().secured = end;
        file.set_len(end.0)
    }
}
