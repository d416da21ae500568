//! Which frames and entries does a segment hold, good and bad?

use std::io;

use crate::error::Result;
use crate::format::Codec;
use crate::format::PayloadFault;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::Buffers;
use crate::segment::Damage;
use crate::segment::FrameAt;
use crate::segment::Readable;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::Source;
use crate::segment::Step;
use crate::segment::check_entry;
use crate::segment::check_frame;
use crate::segment::entry_in_block;
use crate::segment::locate;
use crate::segment::read_block;
use crate::segment::step;
use crate::storage::Access;
use crate::storage::Storage;

/// Walks one segment from frame to frame.
pub(crate) struct SegmentWalk<'a> {
    segment: &'a Segment,
    pub(super) file: Readable,
    buffers: Buffers,
    pub(super) read_ahead: usize,
    limit: (FileOffset, EntryId),
    /// Where the next frame is expected, and which id it begins with. `None`: nothing follows.
    next: Option<(FileOffset, EntryId)>,
    /// The frame decompressed last.
    block: Option<(FileOffset, Vec<u8>)>,
}

/// What stands where a frame is expected.
pub(crate) enum Found {
    /// A frame; its payload is not checked.
    Frame(FrameAt),
    /// A run of ids that cannot be read.
    Damaged(Damage),
    /// The end.
    End,
}

impl<'a> SegmentWalk<'a> {
    /// A walk through a segment that ends at `end`, from its start on.
    pub(crate) fn open(
        storage: &dyn Storage,
        segment: &'a Segment,
        end: &SegmentEnd,
        read_ahead: usize,
    ) -> io::Result<Self> {
        let file = storage.open_file(&segment.path(), Access::Read)?;
        let start = SegmentEnd::empty(segment.first_id());
        Ok(SegmentWalk {
            segment,
            file: Readable {
                source: Source::File(file),
                index: segment.index(),
            },
            buffers: Buffers::new(),
            read_ahead,
            limit: (end.offset, end.next_id),
            next: Some((start.offset, start.next_id)),
            block: None,
        })
    }

    /// Goes on at the frame that holds `id`, or behind damage that does.
    #[cfg(feature = "cli")]
    pub(crate) fn skip_to(&mut self, id: EntryId) -> io::Result<()> {
        if id <= self.segment.first_id() || id >= self.limit.1 {
            return Ok(());
        }
        let window = &mut self.buffers.frames;
        let found = locate(self.segment, &self.file, window, id, 4096, self.limit)?;
        // Where it is damaged the walk from the start tells how.
        if let Ok(frame) = found {
            self.next = Some((frame.offset, frame.header.first_id));
        }
        Ok(())
    }

    /// The next frame.
    pub(crate) fn advance(&mut self) -> io::Result<Found> {
        let Some(place) = self.next.filter(|next| next.1 < self.limit.1) else {
            return Ok(Found::End);
        };
        let window = &mut self.buffers.frames;
        let found = step(
            self.segment,
            &self.file,
            window,
            place,
            self.read_ahead,
            self.limit,
        )?;
        Ok(match found {
            Step::Frame(frame) => {
                self.next = Some((frame.end(), frame.header.end_id()));
                Found::Frame(frame)
            }
            Step::Damaged { damage, resume } => {
                self.next = resume;
                Found::Damaged(damage)
            }
        })
    }

    /// Checks the whole payload of a frame.
    pub(crate) fn check(
        &mut self,
        frame: &FrameAt,
    ) -> io::Result<std::result::Result<(), PayloadFault>> {
        let window = &mut self.buffers.frames;
        let source = &self.file.source;
        check_frame(self.segment, source, window, frame, self.read_ahead)
    }

    /// The checked bytes of an entry that `frame` holds.
    pub(crate) fn entry(&mut self, frame: &FrameAt, id: EntryId) -> Result<&[u8]> {
        let source = &self.file.source;
        if frame.header.codec == Codec::None {
            let ahead = self.read_ahead;
            let place = check_entry(self.segment, source, &mut self.buffers, (frame, id), ahead)?;
            return Ok(self.buffers.frames.held(source, place.offset, place.len));
        }
        if self
            .block
            .as_ref()
            .is_none_or(|(at, _)| *at != frame.offset)
        {
            self.block = None;
            let block = read_block(self.segment, source, &mut self.buffers, frame)?;
            self.block = Some((frame.offset, block));
        }
        let block = self.block.as_ref().map_or(&[][..], |(_, block)| block);
        let range = entry_in_block(self.segment, frame, block, id)?;
        Ok(&block[range])
    }

    /// The file's length.
    pub(super) fn file_len(&self) -> io::Result<u64> {
        match self.file.source.file() {
            Some(file) => file.len(),
            None => Ok(self.file.source.mapped().len() as u64),
        }
    }

    /// Reads the index out of the footer, if that is where it is.
    pub(super) fn load_index(&mut self) -> io::Result<()> {
        let first_id = self.segment.first_id();
        if self.limit.1 > first_id {
            let window = &mut self.buffers.frames;
            // Whatever stands there, it asks the index first.
            let _ = locate(self.segment, &self.file, window, first_id, 4096, self.limit)?;
        }
        Ok(())
    }

    pub(super) fn segment(&self) -> &Segment {
        self.segment
    }

    /// A second handle on the open file.
    pub(super) fn source(&self) -> Source {
        self.file.source.clone()
    }
}
