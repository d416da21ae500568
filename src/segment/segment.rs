//! What is in memory of one segment, and how far do readers see it?

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::ErrorContext;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::SegmentHeader;
use crate::format::SegmentSeed;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::RwLock;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::segment::SharedIndex;
use crate::segment::SparseIndex;

/// Where the frames of a segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentEnd {
    /// One past the last byte of the last frame.
    pub offset: FileOffset,
    /// One past the last id.
    pub next_id: EntryId,
    /// Where the last frame starts; `None` when there is no frame.
    pub last_frame: Option<FileOffset>,
    /// The whole length of the last frame; 0 when there is none.
    pub last_frame_len: u32,
    /// The header checksum of the last frame; 0 when there is none.
    pub link: u32,
}

impl SegmentEnd {
    /// The end that a frontier slot names. The slot does not record the last frame's length and
    /// link.
    pub fn of_slot(slot: &FrontierSlot) -> Self {
        SegmentEnd {
            offset: slot.end,
            next_id: slot.next_id,
            last_frame: slot.last_frame,
            last_frame_len: 0,
            link: 0,
        }
    }

    /// The end of a segment that holds no frame yet.
    pub fn empty(first_id: EntryId) -> Self {
        SegmentEnd {
            offset: FileOffset(HEADER_AREA_LEN),
            next_id: first_id,
            last_frame: None,
            last_frame_len: 0,
            link: 0,
        }
    }
}

/// One segment.
///
/// Invariant: readers never look past the published end; bytes below it never change.
#[derive(Debug)]
pub struct Segment {
    /// The header sector.
    pub header: SegmentHeader,
    /// The seed of all checksums of this file.
    pub seed: SegmentSeed,
    dir: Arc<Path>,
    end_offset: AtomicU64,
    end_id: AtomicU64,
    last_frame: AtomicU64,
    sealed: AtomicBool,
    /// Positions of some frames: look-ups start there, and walks resume there behind damage.
    index: RwLock<IndexState>,
}

/// Where the index of a segment is.
#[derive(Debug)]
enum IndexState {
    /// In the footer, and in memory while the file is open.
    InFooter,
    /// Not built: no walk has met the frames up to here, and no reader has asked for the index.
    /// The usual state of a stream in a log of many that was just opened.
    Unread(FileOffset),
    /// In memory: of a segment that is not sealed.
    Own(SharedIndex),
}

impl Segment {
    /// A segment in `dir` whose frames end at `end`.
    pub fn new(
        header: SegmentHeader,
        dir: Arc<Path>,
        end: &SegmentEnd,
        sealed: bool,
        index: SparseIndex,
    ) -> Self {
        let seed = header.seed();
        let index = match index.unread_to() {
            Some(to) => IndexState::Unread(to),
            None if index.is_in_footer() => IndexState::InFooter,
            None => IndexState::Own(Arc::new(RwLock::new(index))),
        };
        Segment {
            header,
            seed,
            dir,
            end_offset: AtomicU64::new(end.offset.0),
            end_id: AtomicU64::new(end.next_id.0),
            last_frame: AtomicU64::new(end.last_frame.unwrap_or_default().0),
            sealed: AtomicBool::new(sealed),
            index: RwLock::new(index),
        }
    }

    /// The first id that this segment holds.
    pub fn first_id(&self) -> EntryId {
        self.header.first_id
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.dir.join(segment_file_name(self.header.first_id))
    }

    /// Lets readers see everything up to `end`, whose bytes are in the kernel.
    #[inline]
    pub fn publish(&self, end: &SegmentEnd) {
        self.last_frame
            .store(end.last_frame.unwrap_or_default().0, Ordering::Relaxed);
        // The offset is stored before the id, and `limit` loads the id before the offset: a reader
        // that sees an id also sees the bytes that hold it.
        self.end_offset.store(end.offset.0, Ordering::Release);
        self.end_id.store(end.next_id.0, Ordering::Release);
    }

    /// Hides the ids from `end_id` on: a cut has replaced them. `last_frame` holds the one before.
    ///
    /// The offset stays, for the bytes do: a reader that loaded the id before this may still read
    /// them.
    pub fn clip(&self, end_id: EntryId, last_frame: Option<FileOffset>) {
        self.last_frame
            .store(last_frame.unwrap_or_default().0, Ordering::Relaxed);
        self.end_id.store(end_id.0, Ordering::Release);
    }

    /// How far readers may look: the offset and the id behind the last visible frame.
    #[inline]
    pub fn limit(&self) -> (FileOffset, EntryId) {
        let id = self.end_id.load(Ordering::Acquire);
        let offset = self.end_offset.load(Ordering::Acquire);
        (FileOffset(offset), EntryId(id))
    }

    /// One past the last id readers may see.
    #[inline]
    pub fn end_id(&self) -> EntryId {
        EntryId(self.end_id.load(Ordering::Acquire))
    }

    /// Where the last frame starts, if one is known.
    pub fn last_frame(&self) -> Option<FileOffset> {
        match self.last_frame.load(Ordering::Relaxed) {
            0 => None,
            offset => Some(FileOffset(offset)),
        }
    }

    /// Nothing will be written to this file any more and it has its exact length.
    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// The index for a reader that opens the file: the writer's, or one that is read from the
    /// footer when needed. The latter lives with the open file, so the number of open files bounds
    /// memory.
    pub fn index(&self) -> SharedIndex {
        match &*self.index.read() {
            IndexState::Own(index) => return Arc::clone(index),
            IndexState::InFooter => return Arc::new(RwLock::new(SparseIndex::in_footer())),
            IndexState::Unread(_) => {}
        }
        let mut place = self.index.write();
        if let IndexState::Unread(to) = *place {
            let index = SparseIndex::unread(to);
            *place = IndexState::Own(Arc::new(RwLock::new(index)));
        }
        drop(place);
        // The state is `Own` or `InFooter` now: this thread or another has changed it.
        self.index()
    }

    /// Marks the file as complete. New readers take the index from the footer; readers that have
    /// the file open keep theirs.
    pub fn set_sealed(&self) {
        *self.index.write() = IndexState::InFooter;
        self.sealed.store(true, Ordering::Release);
    }

    /// The place of this segment, for an error.
    pub fn context(&self) -> ErrorContext {
        ErrorContext::at(&self.path()).stream(&self.header.key)
    }
}
