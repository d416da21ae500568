//! Which segments make up a stream right now, and which one holds an id?

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cache::OpenSlot;
use crate::ids::EntryId;
use crate::segment::Readable;
use crate::segment::Segment;
use crate::storage::StorageFile;

/// A segment with its open files.
#[derive(Debug)]
pub struct Part {
    /// The segment.
    pub segment: Segment,
    /// Its file, open for writing.
    pub write_slot: Arc<OpenSlot<Arc<dyn StorageFile>>>,
    /// Its file, open for reading.
    pub read_slot: Arc<OpenSlot<Readable>>,
    /// Its header and its name in the stream's directory are durable.
    pub name_durable: AtomicBool,
}

impl Part {
    /// A part whose files are closed.
    pub fn new(segment: Segment, name_durable: bool) -> Arc<Self> {
        Arc::new(Part {
            segment,
            write_slot: Arc::default(),
            read_slot: Arc::default(),
            name_durable: AtomicBool::new(name_durable),
        })
    }
}

/// The segments of a stream, in order. Never changed: replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The first id that the stream keeps.
    pub first_kept: EntryId,
    /// The number of the truncation or restoration that said so.
    pub cut_epoch: u64,
    /// The parts, by first id.
    pub parts: Vec<Arc<Part>>,
}

/// What a catalogue says about an id.
#[derive(Clone, Debug)]
pub enum Holder {
    /// This part holds it.
    Part(Arc<Part>),
    /// It was lost; the stream goes on at this id.
    Lost {
        /// The first id behind the hole.
        resumes: EntryId,
    },
    /// It lies below the first id kept.
    Truncated,
}

impl Catalogue {
    /// Who holds `id`, which lies below the visible end.
    pub fn holder(&self, id: EntryId) -> Holder {
        if id < self.first_kept {
            return Holder::Truncated;
        }
        let behind = self
            .parts
            .partition_point(|part| part.segment.first_id() <= id);
        if let Some(part) = behind.checked_sub(1).map(|place| &self.parts[place])
            && id < part.segment.end_id()
        {
            return Holder::Part(Arc::clone(part));
        }
        let next = self.parts.get(behind).map(|part| part.segment.first_id());
        Holder::Lost {
            resumes: next.unwrap_or(EntryId(u64::MAX)),
        }
    }
}
