//! How `segments.idx` is written: which segments there are, and the sparse index of the active one.
//!
//! The file is derived. Nothing depends on it (`reader/saved_index` checks what it reads), so a
//! failure is only logged, and the file is not synced.

use std::path::Path;

use crate::format::INDEX_FILE;
use crate::format::IndexFile;
use crate::format::IndexPoint;
use crate::format::IndexedSegment;
use crate::storage::Access;
use crate::storage::Storage;
use crate::stream::StreamInner;

impl StreamInner {
    /// Writes down which segments there are. Derived: nothing depends on it, so a failure is only
    /// logged, and the file is not synced.
    pub fn write_index_file(&self, active_points: &[IndexPoint]) {
        let segments = self.segments();
        let segments = segments.parts.iter().map(|part| {
            let (end, end_id) = part.segment.limit();
            IndexedSegment {
                first_id: part.segment.first_id(),
                end_id,
                frames_end: end.0,
                sealed: part.segment.is_sealed(),
            }
        });
        let index = IndexFile {
            key: self.key.to_string(),
            segments: segments.collect(),
            active_points: active_points.to_vec(),
        };
        let bytes = index.encode();
        let path = self.dir.join(INDEX_FILE);
        if let Err(error) = replace_content(&*self.context.storage, &path, &bytes) {
            let message = format!("{} not written: {error}", path.display());
            self.context.note(log::Level::Debug, message);
        }
    }
}

fn replace_content(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let exists = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AlreadyExists;
    let mut created = storage.create_file(path);
    // Never written through: what a link leads to is not ours.
    if created.as_ref().is_err_and(exists) && storage.is_link(path)? {
        storage.remove_file(path)?;
        created = storage.create_file(path);
    }
    let file = match created {
        Err(error) if exists(&error) => storage.open_file(path, Access::ReadWrite)?,
        created => return created?.write_at(0, &[std::io::IoSlice::new(bytes)]),
    };
    file.write_at(0, &[std::io::IoSlice::new(bytes)])?;
    file.set_len(bytes.len() as u64)
}
