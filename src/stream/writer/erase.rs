//! What happens where a failed write left bytes that could not be zeroed for lack of space.
//!
//! A copy-on-write file system (btrfs) may refuse even zeros over bytes that it took before. No write
//! that was acknowledged has failed, so the stream is not poisoned: the place is recorded, its ids stay
//! free, and appends are refused until it is erased. Each append tries that first: by zeros, or by
//! truncating the file behind the written end, which takes no data blocks. Blocks that were allocated
//! there are released and allocated again.
//!
//! Failure: the error of erasing refuses the append; one that is not lack of space poisons. A crash
//! leaves a tail that recovery scans: frames that are whole there may appear, as with any append
//! that did not return; their ids were not given again. Close trims the file there.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::stream::StreamInner;

/// What stands where a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) enum FrameLocation {
    /// Zeros, or nothing.
    Clean,
    /// Perhaps bytes of the failed write, up to here: there was no space to zero them.
    Dirty(FileOffset),
    /// Anything.
    Unknown,
}

/// Zeros over bytes that may have been written in part, so that nothing of them is ever taken for
/// a frame. The file does not grow by it: what lies beyond its end was not written.
pub(in crate::stream) fn erase_range(
    file: &dyn StorageFile,
    at: FileOffset,
    len: u64,
) -> FrameLocation {
    let Ok(file_len) = file.len() else {
        return FrameLocation::Unknown;
    };
    let end = (at.0 + len).min(file_len);
    if end <= at.0 {
        return FrameLocation::Clean;
    }
    match file.write_zeros(at.0, end - at.0) {
        Ok(()) => FrameLocation::Clean,
        Err(error) if is_out_of_space(&error) => FrameLocation::Dirty(FileOffset(end)),
        Err(_) => FrameLocation::Unknown,
    }
}

impl StreamInner {
    /// Erases what a failed append left, if its own try found no space: readers in other processes
    /// look there, so it is not left to the next append.
    pub(in crate::stream) fn erase_after_failure(&self) {
        if self.tail.lock().dirty_to.is_some() {
            // Where this fails the next append tries again and returns the error.
            let _ = self.erase_dirty();
        }
    }

    /// Erases what a failed write left behind the written end.
    pub(in crate::stream) fn erase_dirty(&self) -> Result<()> {
        // No thread allocates or maps space there meanwhile.
        let alloc = self.alloc.lock();
        let (active, from, to) = {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            // Invariant: nothing is reserved while the place is dirty, so the end stays.
            let (Some(active), Some(to)) = (tail.active.clone(), tail.dirty_to) else {
                return Ok(());
            };
            (active, tail.written.offset, to)
        };
        let (file, _) = self.write_file(&active)?;
        let erased = match erase_range(&*file, from, to - from) {
            FrameLocation::Clean => Ok(()),
            FrameLocation::Dirty(_) => self.cut_room(&*file, from),
            FrameLocation::Unknown => Err(io::Error::other(
                "the place of a failed write is not erased",
            )),
        };
        let Err(error) = erased else {
            self.tail.lock().dirty_to = None;
            return Ok(());
        };
        // The log callback may read the log when it gets the message of the poisoning.
        drop(alloc);
        let is_full = is_out_of_space(&error);
        let error = Arc::new(Error::io(error, active.segment.context().offset(from.0)));
        if !is_full {
            self.poison(Arc::clone(&error));
        }
        Err(error.duplicate())
    }

    /// Truncates the file behind the written end. The map covers pages there, so it is dropped first.
    fn cut_room(&self, file: &dyn StorageFile, end: FileOffset) -> io::Result<()> {
        self.unmap();
        self.tail.lock().allocated_end = end;
        file.set_len(end.0)
    }
}
