//! How a segment file is opened for reading, and how much of it is mapped.
//!
//! Under `ReadStrategy::StandardIo` nothing is. Under `Mmap` a sealed file is mapped whole. Of a
//! file that is still written to, what is durable is mapped: no recovery trims it or rewrites it
//! with other bytes, so a view into it is as safe as one into a sealed file. What lies behind is
//! read by position until enough of it is durable too.
//!
//! Where a file that is still written to cannot be mapped it is read by position.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::options::ReadStrategy;
use crate::segment::SegmentBytes;
use crate::segment::SegmentReader;
use crate::storage::Access;
use crate::storage::SharedBytes;
use crate::stream::reader::side::ReaderSide;
use crate::stream::reader::slots::CachedSegment;
use crate::stream::segment_list::StreamSegment;

/// Less than this is not worth a mapping, or a larger one.
const MIN_MAPPED_BYTES: u64 = 64 << 10;

/// A mapping grows by at least this share of it, so that growing costs little on the whole.
const MAPPED_GROWTH: u64 = 8;

impl ReaderSide {
    /// The part's file, open for reading.
    pub(in crate::stream) fn open_reader(
        &self,
        part: &Arc<StreamSegment>,
    ) -> Result<SegmentReader> {
        self.context.read_files.get(&part.read_slot, || {
            self.open_segment_file(part)
                .map_err(|error| Error::io(error, part.segment.context()))
        })
    }

    fn open_segment_file(&self, part: &Arc<StreamSegment>) -> io::Result<SegmentReader> {
        // A cut may give the name to another file.
        let _names = self.cuts.hold_names();
        if self.cuts.number() > 0 && !self.is_listed(part) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let sealed = part.segment.is_sealed();
        let path = part.segment.path();
        let storage = &self.context.storage;
        let file = self
            .context
            .with_fd_retry(|| storage.open_file(&path, Access::Read))?;
        if !self.is_same_directory(part, &*file)? {
            // Another stream has the name by now, with segments of the same ids perhaps.
            return Err(io::ErrorKind::NotFound.into());
        }
        let index = part.segment.index();
        if !sealed && index.write().needs_saved_index() {
            self.load_saved_index(part, &file, &index)?;
        }
        let maps = self.context.options.read_strategy == ReadStrategy::Mmap;
        let source = match (maps, sealed) {
            (false, _) => SegmentBytes::File(file),
            // Where it cannot be mapped (no such call, no memory) it is read.
            (true, true) => match file.map(file.len()?) {
                Ok(map) => SegmentBytes::FullyMapped(SharedBytes::new(map)),
                Err(_) => SegmentBytes::File(file),
            },
            // Another process writes it, and only that process knows what is durable.
            (true, false) if self.follower.is_some() => SegmentBytes::File(file),
            (true, false) => return Ok(self.remap(SegmentReader::of_file(file, index))),
        };
        Ok(SegmentReader { source, index })
    }

    fn is_listed(&self, part: &Arc<StreamSegment>) -> bool {
        let listed = self.segments().part_at(part.segment.first_id());
        listed.is_some_and(|listed| Arc::ptr_eq(&listed, part))
    }

    /// Maps more of a file that is still written to, where much more of it is durable by now.
    pub(in crate::stream) fn extend_read_map(&self, held: &mut CachedSegment) {
        let durable_end = self.durable_end();
        let maps = self.context.options.read_strategy == ReadStrategy::Mmap;
        if !maps
            || self.follower.is_some()
            || held.part.segment.is_sealed()
            || held.mapped_at_durable_end == durable_end
        {
            return;
        }
        held.mapped_at_durable_end = durable_end;
        let before = held.file.source.mapped().len();
        let file = self.remap(held.file.clone());
        if file.source.mapped().len() > before {
            held.part.read_slot.replace(file.clone(), held.close_count);
            held.file = CachedSegment::own(file);
        }
    }

    fn remap(&self, readable: SegmentReader) -> SegmentReader {
        let Some(file) = readable.source.file() else {
            return readable;
        };
        // Invariant: everything in front of the point is durable, because the ids in front of it
        // are. Its offset lies below the published end, so the file is that long.
        let durable_end = EntryId(self.durable_end());
        let point = readable.index.read().at_or_before(durable_end);
        let durable_len = point.map_or(0, |point| point.offset.0);
        let mapped_len = readable.source.mapped().len() as u64;
        if durable_len < mapped_len + MIN_MAPPED_BYTES.max(mapped_len / MAPPED_GROWTH) {
            return readable;
        }
        match file.map(durable_len) {
            Ok(map) => SegmentReader {
                source: SegmentBytes::PrefixMapped {
                    map: SharedBytes::new(map),
                    file: Arc::clone(file),
                },
                index: readable.index,
            },
            Err(_) => readable,
        }
    }
}
