//! How is a segment file opened for reading, and how much of it is mapped?
//!
//! Under `ReadStrategy::StandardIo` nothing is. Under `Mmap` a sealed file is mapped whole. Of a
//! file that is still written to, what is durable is mapped: no recovery cuts it or writes it again
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
use crate::segment::Readable;
use crate::segment::Source;
use crate::storage::Access;
use crate::storage::Mapping;
use crate::stream::StreamCore;
use crate::stream::catalogue::Part;
use crate::stream::rooms::Held;

/// Less than this is not worth a mapping, or a larger one.
const LEAST_MAPPED_BYTES: u64 = 64 << 10;

/// A mapping grows by at least this share of it, so that growing costs little on the whole.
const MAPPED_GROWTH: u64 = 8;

impl StreamCore {
    /// The part's file, open for reading.
    pub(super) fn readable(&self, part: &Arc<Part>) -> Result<Readable> {
        self.environment.read_files.get(&part.read_slot, || {
            self.open_to_read(part)
                .map_err(|error| Error::io(error, part.segment.context()))
        })
    }

    fn open_to_read(&self, part: &Arc<Part>) -> io::Result<Readable> {
        let sealed = part.segment.is_sealed();
        let path = part.segment.path();
        let storage = &self.environment.storage;
        let file = self
            .environment
            .opening(|| storage.open_file(&path, Access::Read))?;
        if !self.is_in_place(part, &*file)? {
            // Another stream has the name by now, with segments of the same ids perhaps.
            return Err(io::ErrorKind::NotFound.into());
        }
        let index = part.segment.index();
        if !sealed && index.write().wants_hints() {
            self.take_hints(part, &file, &index)?;
        }
        let maps = self.environment.options.read_strategy == ReadStrategy::Mmap;
        let source = match (maps, sealed) {
            (false, _) => Source::File(file),
            // Where it cannot be mapped (no such call, no memory) it is read.
            (true, true) => match file.map(file.len()?) {
                Ok(map) => Source::Mapped(Mapping::new(map)),
                Err(_) => Source::File(file),
            },
            // Somebody else's: what is durable of it is for them to know.
            (true, false) if self.watched.is_some() => Source::File(file),
            (true, false) => return Ok(self.mapped_further(Readable::of_file(file, index))),
        };
        Ok(Readable { source, index })
    }

    /// Maps more of a file that is still written to, where much more of it is durable by now.
    pub(super) fn map_more(&self, held: &mut Held) {
        let durable_end = self.durable_end();
        let maps = self.environment.options.read_strategy == ReadStrategy::Mmap;
        if !maps
            || self.watched.is_some()
            || held.part.segment.is_sealed()
            || held.mapped_when == durable_end
        {
            return;
        }
        held.mapped_when = durable_end;
        let before = held.file.source.mapped().len();
        let file = self.mapped_further(held.file.clone());
        if file.source.mapped().len() > before {
            held.part.read_slot.replace(file.clone(), held.closings);
            held.file = Held::own(file);
        }
    }

    fn mapped_further(&self, readable: Readable) -> Readable {
        let Some(file) = readable.source.file() else {
            return readable;
        };
        // Invariant: everything in front of the point is durable, because the ids in front of it
        // are. Its offset lies below the published end, so the file is that long.
        let durable_end = EntryId(self.durable_end());
        let point = readable.index.read().at_or_before(durable_end);
        let durable_len = point.map_or(0, |point| point.offset.0);
        let mapped_len = readable.source.mapped().len() as u64;
        if durable_len < mapped_len + LEAST_MAPPED_BYTES.max(mapped_len / MAPPED_GROWTH) {
            return readable;
        }
        match file.map(durable_len) {
            Ok(map) => Readable {
                source: Source::Partly {
                    map: Mapping::new(map),
                    file: Arc::clone(file),
                },
                index: readable.index,
            },
            Err(_) => readable,
        }
    }
}
