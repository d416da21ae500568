//! How do people and scripts learn which checkpoint was made last?
//!
//! `HEAD` holds its id. Nothing of it is made durable, and we never read it. A new file takes the
//! place of the old one, which costs the file system an allocation, a removal, and on ext4 a write
//! to the disk at once. So the file that this process made is written over in place where a crash
//! cannot tell the difference: an id of the same length, in one sector, is there as it was or as it
//! is (docs/CRASH_SAFETY.md, assumption 1).
//!
//! A failure leaves an older hint, or half a new one, or none; the next one makes a new file.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::format::SECTOR_LEN;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::replace::replace_hint;

/// The hint, for its writer.
#[derive(Debug, Default)]
pub struct Hint {
    /// The file that we made, and the length of the id in it.
    made: Option<(Arc<dyn StorageFile>, usize)>,
}

impl Hint {
    /// Leaves this id in the file at `path`.
    pub fn write(&mut self, storage: &dyn Storage, path: &Path, id: &[u8]) -> io::Result<()> {
        // Dropped before its name is taken from it, and for good after a failure.
        let made = self.made.take();
        let made = made.filter(|(_, len)| *len == id.len() && id.len() <= SECTOR_LEN);
        let file = match made {
            // Who removed the name gets a new file.
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
