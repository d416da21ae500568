//! Which segments make up a stream right now, and which one holds an id?

use std::ops::Deref;
use std::ops::DerefMut;
use std::ops::Range;
use std::sync::Arc;

use crate::cache::LazySlot;
use crate::ids::EntryId;
use crate::segment::Readable;
use crate::segment::Segment;
use crate::storage::StorageFile;
use crate::stream::shared_list::SharedList;
use crate::sync::RwLock;
use crate::sync::RwLockReadGuard;
use crate::sync::RwLockWriteGuard;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;

/// A segment with its open files.
#[derive(Debug)]
pub struct Part {
    /// The segment.
    pub segment: Segment,
    /// Its file, open for writing.
    pub write_slot: LazySlot<Arc<dyn StorageFile>>,
    /// Its file, open for reading.
    pub read_slot: LazySlot<Readable>,
    /// Its header and its name in the stream's directory are durable.
    pub name_durable: AtomicBool,
    /// A durable slot speaks for it though it may hold no entry: it stays (`emptied`).
    pub stays_empty: bool,
}

impl Part {
    /// A part whose files are closed.
    pub fn new(segment: Segment, name_durable: bool) -> Arc<Self> {
        Self::made(segment, name_durable, false)
    }

    /// A durable part without an entry, which a slot speaks for.
    pub fn without_entry(segment: Segment) -> Arc<Self> {
        Self::made(segment, true, true)
    }

    fn made(segment: Segment, name_durable: bool, stays_empty: bool) -> Arc<Self> {
        Arc::new(Part {
            segment,
            write_slot: LazySlot::default(),
            read_slot: LazySlot::default(),
            name_durable: AtomicBool::new(name_durable),
            stays_empty,
        })
    }
}

/// The segments of a stream, in order. One that readers hold is never changed: a changed copy takes
/// its place, which shares what did not change.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The first id that the stream keeps.
    pub first_kept: EntryId,
    /// The number of the truncation or restoration that said so.
    pub cut_epoch: u64,
    /// The parts, by first id.
    pub parts: SharedList<Arc<Part>>,
}

/// The catalogue that is valid now, and which one that is.
#[derive(Debug, Default)]
pub struct CurrentCatalogue {
    version: AtomicU64,
    current: RwLock<Arc<Catalogue>>,
}

/// The right to replace the catalogue.
pub struct CatalogueMut<'a> {
    version: &'a AtomicU64,
    current: RwLockWriteGuard<'a, Arc<Catalogue>>,
}

impl CurrentCatalogue {
    /// The first catalogue of a stream.
    pub fn new(catalogue: Catalogue) -> Self {
        CurrentCatalogue {
            version: AtomicU64::new(0),
            current: RwLock::new(Arc::new(catalogue)),
        }
    }

    /// A number that is another one after each change. Who loads it before [`Self::read`] and finds
    /// it the same later knows that what was read is still valid.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The catalogue, for a copy.
    pub fn read(&self) -> RwLockReadGuard<'_, Arc<Catalogue>> {
        self.current.read()
    }

    /// The catalogue, to replace it.
    pub fn write(&self) -> CatalogueMut<'_> {
        CatalogueMut {
            version: &self.version,
            current: self.current.write(),
        }
    }
}

impl Deref for CatalogueMut<'_> {
    type Target = Arc<Catalogue>;

    fn deref(&self) -> &Arc<Catalogue> {
        &self.current
    }
}

impl DerefMut for CatalogueMut<'_> {
    fn deref_mut(&mut self) -> &mut Arc<Catalogue> {
        &mut self.current
    }
}

impl Drop for CatalogueMut<'_> {
    fn drop(&mut self) {
        // Before the lock goes: who reads the new catalogue has a version that stays, or an older.
        self.version.fetch_add(1, Ordering::Release);
    }
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
    /// The ids that are looked for in the part that holds `id`, also those it does not hold yet.
    pub fn ids_of_holder(&self, id: EntryId) -> Range<u64> {
        let behind = self
            .parts
            .partition_point(|part| part.segment.first_id() <= id);
        let first_of = |place: usize| self.parts.get(place).map(|part| part.segment.first_id());
        let start = behind.checked_sub(1).and_then(first_of).unwrap_or(id);
        let end = first_of(behind).unwrap_or(EntryId(u64::MAX));
        start.max(self.first_kept).0..end.0
    }

    /// The part that begins with this id.
    pub fn part_at(&self, first_id: EntryId) -> Option<Arc<Part>> {
        let place = self
            .parts
            .partition_point(|part| part.segment.first_id() < first_id);
        let part = self.parts.get(place);
        part.filter(|part| part.segment.first_id() == first_id)
            .cloned()
    }

    /// Who holds `id`, which lies below the visible end.
    pub fn holder(&self, id: EntryId) -> Holder {
        if id < self.first_kept {
            return Holder::Truncated;
        }
        let behind = self
            .parts
            .partition_point(|part| part.segment.first_id() <= id);
        let before = behind
            .checked_sub(1)
            .and_then(|place| self.parts.get(place));
        if let Some(part) = before.filter(|part| id < part.segment.end_id()) {
            return Holder::Part(Arc::clone(part));
        }
        let next = self.parts.get(behind).map(|part| part.segment.first_id());
        Holder::Lost {
            resumes: next.unwrap_or(EntryId(u64::MAX)),
        }
    }
}
