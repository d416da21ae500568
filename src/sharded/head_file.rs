//! How is the id of the newest checkpoint written to `HEAD`?
//!
//! `HEAD` is a hint for people and scripts. It is not made durable, and the engine never reads it.
//! Replacing the file costs the file system an allocation, a removal, and on ext4 an immediate
//! write to the disk. So a file that this process created is overwritten in place where that is
//! atomic: after a crash an id of the same length, in one sector, is the old one or the new one
//! (docs/CRASH_SAFETY.md, assumption 1).
//!
//! A failure leaves an older hint, a torn one, or none; the next write creates a new file.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::format::SECTOR_LEN;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::replace::replace_hint;

/// The file `HEAD`, as its writer sees it.
#[derive(Debug, Default)]
pub struct Hint {
    /// The file that this process created, and the length of the id in it.
    made: Option<(Arc<dyn StorageFile>, usize)>,
}

impl Hint {
    /// Writes this id to the file at `path`.
    pub fn write(&mut self, storage: &dyn Storage, path: &Path, id: &[u8]) -> io::Result<()> {
        // Dropped before the file is replaced, and not kept after a failure.
        let made = self.made.take();
        let made = made.filter(|(_, len)| *len == id.len() && id.len() <= SECTOR_LEN);
        let file = match made {
            // If the name was removed, a new file is created.
            Some((file, _)) if storage.kind(path)? == Some(EntryKind::File) => {
                file.write_at(0, &[IoSlice::new(id)])?;
                file
            }
            made => {
                drop(made);
                replace_hint(storage, path, id)?
            }
        };
        self.made = Some((file, id.len()));
        Ok(())
    }
}
