//! How a segment's file is opened for writing.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;

impl StreamInner {
    /// The part's file, open for writing, and which opening of it that is.
    pub(super) fn write_file(
        &self,
        part: &Arc<StreamSegment>,
    ) -> Result<(Arc<dyn StorageFile>, u64)> {
        loop {
            let opening = part.write_slot.open_count_of_file();
            let file = self.context.write_files.get(&part.write_slot, || {
                let path = part.segment.path();
                let storage = &self.context.storage;
                self.context
                    .with_fd_retry(|| storage.open_file(&path, Access::ReadWrite))
                    .map_err(|error| Error::io(error, part.segment.context()))
            })?;
            let now = part.write_slot.open_count_of_file();
            // Opened just now by this thread, or open since before: nothing happened in between.
            if now == opening || (opening == 0 && now == 1) {
                return Ok((file, now));
            }
        }
    }

    /// A descriptor of its own, for zeros: the kernel reports a lost write once per descriptor, and a
    /// round that syncs at this moment must not miss it because it was reported here.
    pub(in crate::stream) fn file_for_zeros(
        &self,
        part: &Arc<StreamSegment>,
    ) -> Result<Arc<dyn StorageFile>> {
        let (storage, path) = (&self.context.storage, part.segment.path());
        self.context
            .with_fd_retry(|| storage.open_file(&path, Access::ReadWrite))
            .map_err(|error| Error::io(error, part.segment.context()))
    }
}
