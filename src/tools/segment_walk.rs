//! Which frames and entries does a segment hold, good and bad?

use std::io;
use std::ops::Range;

use crate::error::Result;
use crate::format::Codec;
use crate::format::PayloadFault;
use crate::format::Properties;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::FrameWalk;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffers;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SegmentReader;
use crate::segment::WalkItem;
use crate::segment::check_entry;
use crate::segment::check_frame;
use crate::segment::entry_in_block;
use crate::segment::header_at;
use crate::segment::locate;
use crate::segment::read_block;
use crate::segment::read_properties;
use crate::storage::Access;
use crate::storage::Storage;

/// Walks one segment from frame to frame.
pub(crate) struct SegmentWalk<'a> {
    segment: &'a Segment,
    pub(super) file: SegmentReader,
    buffers: ReadBuffers,
    pub(super) read_ahead: usize,
    /// The stream keeps no id below; a truncation hid those.
    first_kept: EntryId,
    limit: (FileOffset, EntryId),
    walk: FrameWalk,
    /// Where the walk ends, if it goes on behind the last entry.
    last_frame: Option<FileOffset>,
    /// The frame decompressed last.
    block: Option<(FileOffset, Vec<u8>)>,
}

impl<'a> SegmentWalk<'a> {
    /// A walk through a segment that ends at `end`, from its start on. The stream keeps no id below
    /// `first_kept`.
    pub(crate) fn open(
        storage: &dyn Storage,
        segment: &'a Segment,
        end: &SegmentEnd,
        first_kept: EntryId,
        read_ahead: usize,
    ) -> io::Result<Self> {
        let file = storage.open_file(&segment.path(), Access::Read)?;
        let start = SegmentEnd::empty(segment.first_id());
        let limit = (end.offset, end.next_id);
        Ok(SegmentWalk {
            segment,
            file: SegmentReader {
                source: SegmentBytes::File(file),
                index: segment.index(),
            },
            buffers: ReadBuffers::new(),
            read_ahead,
            first_kept,
            limit,
            walk: FrameWalk::new((start.offset, start.next_id), limit, read_ahead),
            last_frame: None,
            block: None,
        })
    }

    /// Goes on at the frame that holds `id`, unless it is damaged.
    #[cfg(feature = "inspection")]
    pub(crate) fn skip_to(&mut self, id: EntryId) -> io::Result<()> {
        if id <= self.segment.first_id() || id >= self.limit.1 {
            return Ok(());
        }
        let window = &mut self.buffers.frames;
        let found = locate(self.segment, &self.file, window, id, 4096, self.limit)?;
        // Where it is damaged, the walk from the start reports it.
        if let Ok(frame) = found {
            let start = (frame.offset, frame.header.first_id);
            self.walk = FrameWalk::new(start, self.limit, self.read_ahead);
        }
        Ok(())
    }

    /// Also walks over the frames without entries behind the last entry, to the last frame, which starts
    /// here. What stands behind that is void: a cut may have left it before the footer.
    pub(crate) fn go_to_last_frame(&mut self, last_frame: FileOffset) {
        self.walk = self.walk.clone().through_last_frame();
        self.last_frame = Some(last_frame);
    }

    /// The checked properties that a frame holds.
    pub(crate) fn properties(&mut self, frame: &LocatedFrame) -> Result<Properties> {
        let source = &self.file.source;
        read_properties(self.segment, source, &mut self.buffers, frame)
    }

    /// How many frames stand from here on: behind the one at which the next segment cut this one. They
    /// are no part of the stream, and their payloads are not read.
    pub(crate) fn void_frames(&mut self, mut at: FileOffset) -> io::Result<u64> {
        let limit = FileOffset(self.file_len()?);
        let window = &mut self.buffers.frames;
        let (source, ahead) = (&self.file.source, self.read_ahead);
        let mut count = 0;
        while let Ok(header) = header_at(self.segment, source, window, at, ahead, limit)? {
            at += header.len();
            count += 1;
        }
        Ok(count)
    }

    /// The next frame.
    pub(crate) fn advance(&mut self) -> io::Result<WalkItem> {
        let next = self.walk.next_offset();
        if self.last_frame.is_some_and(|last| next > Some(last)) {
            return Ok(WalkItem::End);
        }
        let window = &mut self.buffers.frames;
        self.walk.advance(self.segment, &self.file, window)
    }

    /// The ids of a frame that the stream keeps: those behind the truncated ones, and before the cut
    /// if a suffix was cut in the frame.
    pub(crate) fn ids(&self, frame: &LocatedFrame) -> Range<u64> {
        self.kept(&frame.header.ids())
    }

    /// Those of the ids that the stream keeps; an empty range, if it keeps none.
    pub(crate) fn kept(&self, ids: &Range<u64>) -> Range<u64> {
        let end = ids.end.min(self.limit.1.0);
        ids.start.max(self.first_kept.0).min(end)..end
    }

    /// Checks the whole payload of a frame.
    pub(crate) fn check(
        &mut self,
        frame: &LocatedFrame,
    ) -> io::Result<std::result::Result<(), PayloadFault>> {
        let window = &mut self.buffers.frames;
        let source = &self.file.source;
        check_frame(self.segment, source, window, frame, self.read_ahead)
    }

    /// The checked bytes of an entry that `frame` holds.
    pub(crate) fn entry(&mut self, frame: &LocatedFrame, id: EntryId) -> Result<&[u8]> {
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
            // Any look-up loads the index first, whatever it finds.
            let _ = locate(self.segment, &self.file, window, first_id, 4096, self.limit)?;
        }
        Ok(())
    }

    pub(super) fn segment(&self) -> &Segment {
        self.segment
    }

    /// A second handle on the open file.
    pub(super) fn source(&self) -> SegmentBytes {
        self.file.source.clone()
    }
}
