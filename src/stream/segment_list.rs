//! Which segments make up a stream right now, and which one holds an id.

use std::ops::Deref;
use std::ops::DerefMut;
use std::ops::Range;
use std::sync::Arc;

use crate::cache::LazyFileSlot;
use crate::ids::EntryId;
use crate::primitives::RwLock;
use crate::primitives::RwLockReadGuard;
use crate::primitives::RwLockWriteGuard;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::segment::Segment;
use crate::segment::SegmentReader;
use crate::storage::StorageFile;
use crate::stream::shared_list::SharedList;

/// A segment with its open files.
#[derive(Debug)]
pub struct StreamSegment {
    /// The segment.
    pub segment: Segment,
    /// Its file, open for writing.
    pub write_slot: LazyFileSlot<Arc<dyn StorageFile>>,
    /// Its file, open for reading.
    pub read_slot: LazyFileSlot<SegmentReader>,
    /// Its header and its name in the stream's directory are durable.
    pub name_synced: AtomicBool,
    /// A durable slot speaks for it though it may hold no entry: it stays (`empty_stream`).
    pub stays_empty: bool,
}

impl StreamSegment {
    /// A part whose files are closed.
    pub fn new(segment: Segment, name_synced: bool) -> Arc<Self> {
        Self::made(segment, name_synced, false)
    }

    /// A durable part without an entry, which a slot speaks for.
    pub fn without_entry(segment: Segment) -> Arc<Self> {
        Self::made(segment, true, true)
    }

    fn made(segment: Segment, name_synced: bool, stays_empty: bool) -> Arc<Self> {
        Arc::new(StreamSegment {
            segment,
            write_slot: LazyFileSlot::default(),
            read_slot: LazyFileSlot::default(),
            name_synced: AtomicBool::new(name_synced),
            stays_empty,
        })
    }
}

/// The segments of a stream, in order. One that readers hold is never changed: a changed copy takes
/// its place, which shares what did not change.
#[derive(Clone, Debug, Default)]
pub struct SegmentList {
    /// The first id that the stream keeps.
    pub first_kept: EntryId,
    /// The number of the truncation or restoration that said so.
    pub truncation_epoch: u64,
    /// The parts, by first id.
    pub parts: SharedList<Arc<StreamSegment>>,
}

/// The list that is valid now, and its version.
#[derive(Debug, Default)]
pub struct SegmentListCell {
    version: AtomicU64,
    current: RwLock<Arc<SegmentList>>,
}

/// The right to replace the segments.
pub struct SegmentListGuard<'a> {
    version: &'a AtomicU64,
    current: RwLockWriteGuard<'a, Arc<SegmentList>>,
}

impl SegmentListCell {
    /// The first segments of a stream.
    pub fn new(segments: SegmentList) -> Self {
        SegmentListCell {
            version: AtomicU64::new(0),
            current: RwLock::new(Arc::new(segments)),
        }
    }

    /// A number that is another one after each change. A thread that loads it before [`Self::read`] and finds
    /// it the same later knows that what it read is still valid.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The segments, for a copy.
    pub fn read(&self) -> RwLockReadGuard<'_, Arc<SegmentList>> {
        self.current.read()
    }

    /// The segments, to replace it.
    pub fn write(&self) -> SegmentListGuard<'_> {
        SegmentListGuard {
            version: &self.version,
            current: self.current.write(),
        }
    }
}

impl Deref for SegmentListGuard<'_> {
    type Target = Arc<SegmentList>;

    fn deref(&self) -> &Arc<SegmentList> {
        &self.current
    }
}

impl DerefMut for SegmentListGuard<'_> {
    fn deref_mut(&mut self) -> &mut Arc<SegmentList> {
        &mut self.current
    }
}

impl Drop for SegmentListGuard<'_> {
    fn drop(&mut self) {
        // Bumped before unlocking, so a version loaded earlier is never newer than the list read
        // with it.
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// What a list of segments says about an id.
#[derive(Clone, Debug)]
pub enum SegmentFor {
    /// This part holds it.
    Segment(Arc<StreamSegment>),
    /// It was lost; the stream goes on at this id.
    Lost {
        /// The first id behind the hole.
        resumes: EntryId,
    },
    /// It lies below the first id kept.
    Truncated,
}

impl SegmentList {
    /// The ids routed to the segment that holds `id`, including ids it may receive later.
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
    pub fn part_at(&self, first_id: EntryId) -> Option<Arc<StreamSegment>> {
        let place = self
            .parts
            .partition_point(|part| part.segment.first_id() < first_id);
        let part = self.parts.get(place);
        part.filter(|part| part.segment.first_id() == first_id)
            .cloned()
    }

    /// Which segment holds `id`, which lies below the visible end.
    pub fn holder(&self, id: EntryId) -> SegmentFor {
        if id < self.first_kept {
            return SegmentFor::Truncated;
        }
        let behind = self
            .parts
            .partition_point(|part| part.segment.first_id() <= id);
        let before = behind
            .checked_sub(1)
            .and_then(|place| self.parts.get(place));
        if let Some(part) = before.filter(|part| id < part.segment.end_id()) {
            return SegmentFor::Segment(Arc::clone(part));
        }
        let next = self.parts.get(behind).map(|part| part.segment.first_id());
        SegmentFor::Lost {
            resumes: next.unwrap_or(EntryId(u64::MAX)),
        }
    }
}
