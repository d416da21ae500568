//! A compressed frame once it is unpacked, and the block cache that may have it already.

use std::sync::Arc;

use crate::cache::Block;
use crate::cache::BlockKey;
use crate::error::Result;
use crate::ids::EntryId;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffers;
use crate::segment::SegmentBytes;
use crate::segment::entry_in_block;
use crate::segment::read_block;
use crate::stream::reader::side::ReaderSide;
use crate::stream::segment_list::StreamSegment;

/// A compressed frame, unpacked.
#[derive(Clone)]
pub(in crate::stream) struct Unpacked {
    pub part: Arc<StreamSegment>,
    pub frame: LocatedFrame,
    pub block: Block,
}

impl Unpacked {
    /// Whether the entry is in this frame, and its id was not given again after a roll-back.
    pub(in crate::stream) fn holds(&self, id: EntryId) -> bool {
        self.frame.header.ids().contains(&id.0) && id < self.part.segment.end_id()
    }

    /// An entry of the frame.
    pub(in crate::stream) fn entry(&self, id: EntryId) -> Result<&[u8]> {
        let range = entry_in_block(&self.part.segment, &self.frame, &self.block, id)?;
        Ok(&self.block[range])
    }
}

impl ReaderSide {
    /// Keeps no decompressed frame of a stream that is gone.
    pub(in crate::stream) fn forget_blocks(&self) {
        if let Some(cache) = &self.context.blocks {
            cache.forget(self.stream_id);
        }
    }

    /// The decompressed payload of a frame, from the cache if it is there.
    pub(in crate::stream) fn block(
        &self,
        buffers: &mut ReadBuffers,
        part: &Arc<StreamSegment>,
        source: &SegmentBytes,
        frame: &LocatedFrame,
    ) -> Result<Block> {
        let key = BlockKey {
            stream: self.stream_id,
            segment: part.segment.first_id().0,
            generation: part.segment.header.generation,
            offset: frame.offset.0,
        };
        let cache = self.context.blocks.as_ref();
        if let Some(block) = cache.and_then(|cache| cache.get(&key)) {
            return Ok(block);
        }
        let block = Arc::new(read_block(&part.segment, source, buffers, frame)?);
        // The process that writes the log may still roll back what is not durable.
        let lasts = self.follower.is_none() || frame.header.end_id().0 <= self.durable_end();
        if let Some(cache) = cache.filter(|_| lasts) {
            cache.put(key, Arc::clone(&block));
        }
        Ok(block)
    }
}
