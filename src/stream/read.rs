//! How is one entry found and checked?
//!
//! Nothing here takes a lock that an append or a sync holds for long: the catalogue is copied, the
//! segment's published end is read, and everything below that end never changes.

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use crate::cache::BlockKey;
use crate::error::Error;
use crate::error::Result;
use crate::format::Codec;
use crate::ids::EntryId;
use crate::segment::Buffers;
use crate::segment::FrameAt;
use crate::segment::Readable;
use crate::segment::Source;
use crate::segment::check_entry;
use crate::segment::damage_error;
use crate::segment::entry_in_block;
use crate::segment::locate;
use crate::segment::read_block;
use crate::stream::EntryView;
use crate::stream::StreamCore;
use crate::stream::catalogue::Holder;
use crate::stream::catalogue::Part;
use crate::stream::tail::Life;

/// How much a look-up reads at once: enough for some dozens of small frames.
const LOOKUP_READ_AHEAD: usize = 8 << 10;

thread_local! {
    /// One set of buffers a thread, so that a look-up allocates nothing but its answer.
    static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers::new()) };
}

impl StreamCore {
    /// The entry, in memory of its own. `None`: truncated, or not visible (yet).
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.with_found(id, |_, _, bytes| bytes.to_vec())
    }

    /// The entry's length; the entry is copied if it fits.
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.with_found(id, |_, _, bytes| {
            if let Some(target) = target.get_mut(..bytes.len()) {
                target.copy_from_slice(bytes);
            }
            bytes.len()
        })
    }

    /// The entry where it lies: in the mapped file or the cached block; otherwise a copy.
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        self.with_found(id, |source, block, bytes| match (source, block) {
            (_, Some(block)) => {
                let start = offset_within(block, bytes);
                EntryView::in_block(Arc::clone(block), start..start + bytes.len())
            }
            (Source::Mapped(map), None) => {
                let start = offset_within(map.bytes(), bytes);
                EntryView::mapped(Arc::clone(map), start..start + bytes.len())
            }
            (Source::File(_), None) => EntryView::owned(bytes.to_vec()),
        })
    }

    fn with_found<R>(
        &self,
        id: u64,
        then: impl FnOnce(&Source, Option<&Arc<[u8]>>, &[u8]) -> R,
    ) -> Result<Option<R>> {
        let id = EntryId(id);
        let Some((part, file)) = self.find_part(id)? else {
            return Ok(None);
        };
        // Taken out for the call and put back, where the thread still has them: a host may call
        // while the thread's locals are being torn down, from a destructor of its own.
        let kept = BUFFERS.try_with(|kept| kept.replace(Buffers::new()));
        let mut buffers = kept.unwrap_or_else(|_| Buffers::new());
        let read = self.read_entry(&mut buffers, &part, &file, id, then);
        let _ = BUFFERS.try_with(|kept| kept.set(buffers));
        read.map(Some)
    }

    /// The part that holds a visible id, open for reading.
    pub(super) fn find_part(&self, id: EntryId) -> Result<Option<(Arc<Part>, Readable)>> {
        // The visible end is read before the catalogue: what is visible is in it then.
        if id >= self.visible_end() {
            return Ok(None);
        }
        loop {
            let part = match self.catalogue().holder(id) {
                Holder::Truncated => return Ok(None),
                Holder::Lost { .. } if self.life() == Life::Deleted => return Err(self.gone()),
                Holder::Lost { resumes } => {
                    return Err(self.lost(id, resumes.min(self.visible_end())));
                }
                Holder::Part(part) => part,
            };
            match self.readable(&part) {
                Ok(file) => return Ok(Some((part, file))),
                // A truncation may have overtaken us.
                Err(error) if is_not_found(&error) && self.was_replaced(&part, id) => {}
                // The directory is renamed before the catalogue is emptied.
                Err(error) if is_not_found(&error) && self.life() == Life::Deleted => {
                    return Err(self.gone());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn was_replaced(&self, part: &Arc<Part>, id: EntryId) -> bool {
        match self.catalogue().holder(id) {
            Holder::Part(now) => !Arc::ptr_eq(&now, part),
            _ => true,
        }
    }

    /// The error for whatever is asked of a deleted stream.
    pub(super) fn gone(&self) -> Error {
        Error::StreamNotFound(self.key.to_string())
    }

    /// The error for an id that was lost with its segment.
    pub(super) fn lost(&self, id: EntryId, resumes: EntryId) -> Error {
        let context = crate::error::ErrorContext::at(&self.dir).stream(&self.key);
        Error::SegmentNotFound(id.0).remembering(context.ids(id.0..resumes.0))
    }

    fn read_entry<R>(
        &self,
        buffers: &mut Buffers,
        part: &Arc<Part>,
        file: &Readable,
        id: EntryId,
        then: impl FnOnce(&Source, Option<&Arc<[u8]>>, &[u8]) -> R,
    ) -> Result<R> {
        buffers.reset();
        let segment = &part.segment;
        let limit = segment.limit();
        let frame = locate(
            segment,
            file,
            &mut buffers.frames,
            id,
            LOOKUP_READ_AHEAD,
            limit,
        )
        .map_err(|error| Error::io(error, segment.context().ids(id.0..id.0 + 1)))?
        .map_err(|damage| damage_error(segment, &damage))?;
        let source = &file.source;
        if frame.header.codec == Codec::None {
            let place = check_entry(segment, source, buffers, (&frame, id), 0)?;
            return Ok(then(
                source,
                None,
                buffers.frames.held(source, place.offset, place.len),
            ));
        }
        let block = self.block(buffers, part, source, &frame)?;
        let range = entry_in_block(segment, &frame, &block, id)?;
        Ok(then(source, Some(&block), &block[range]))
    }

    /// The decompressed payload of a frame, from the cache if it is there.
    pub(super) fn block(
        &self,
        buffers: &mut Buffers,
        part: &Arc<Part>,
        source: &Source,
        frame: &FrameAt,
    ) -> Result<Arc<[u8]>> {
        let key = BlockKey {
            stream: self.number,
            segment: part.segment.first_id().0,
            generation: part.segment.header.generation,
            offset: frame.offset.0,
        };
        let cache = self.environment.blocks.as_ref();
        if let Some(block) = cache.and_then(|cache| cache.get(&key)) {
            return Ok(block);
        }
        let block: Arc<[u8]> = read_block(&part.segment, source, buffers, frame)?.into();
        if let Some(cache) = cache {
            cache.put(key, Arc::clone(&block));
        }
        Ok(block)
    }
}

pub(super) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

fn offset_within(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(whole.as_ptr() as usize)
        .min(whole.len() - part.len())
}
