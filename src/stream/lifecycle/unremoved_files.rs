//! What becomes of a file that left the stream and cannot be removed.
//!
//! Nothing depends on its removal but space: a slot says already that its entries are truncated,
//! and open removes what lies below the first id kept. So a failure stops nothing. All other files
//! are removed, the path is remembered, each later truncation or restoration tries again, and
//! reports the failure as long as there is one. A file that is gone already is no failure.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::storage::remove_file_if_there;
use crate::stream::StreamInner;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::Leftovers;

impl AllocState {
    /// The path is about to be used again: what is there from then on is no leftover.
    pub fn reuse(&mut self, path: &Path) {
        if let Some(leftovers) = &mut self.leftovers {
            leftovers.remove(path);
        }
    }
}

impl StreamInner {
    /// Removes these files and those that earlier calls could not remove, and syncs their
    /// directories. All are tried; reports the first failure.
    pub(in crate::stream) fn remove_files(
        &self,
        alloc: &mut AllocState,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Result<()> {
        let mut files: Leftovers = files.into_iter().collect();
        if let Some(mut leftovers) = alloc.leftovers.take() {
            files.append(&mut leftovers);
        }
        let storage = &*self.context.storage;
        let mut first_failure = None;
        let mut dirs = BTreeSet::new();
        for path in files {
            match remove_file_if_there(storage, &path) {
                Ok(()) => dirs.extend(path.parent().map(Path::to_path_buf)),
                Err(error) => {
                    let context = ErrorContext::at(&path).stream(&self.key);
                    first_failure.get_or_insert(Error::io(error, context));
                    alloc.leftovers.get_or_insert_default().insert(path);
                }
            }
        }
        for dir in dirs {
            if let Err(error) = storage.sync_dir(&dir) {
                let context = ErrorContext::at(&dir).stream(&self.key);
                first_failure.get_or_insert(Error::io(error, context));
            }
        }
        first_failure.map_or(Ok(()), Err)
    }
}
