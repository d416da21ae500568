//! Is a frame whole, and how is it written once more? Memory holds one buffer of it at a time,
//! however large it is.

use std::io;
use std::io::IoSlice;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::FRAME_HEADER_LEN;
use crate::format::PayloadFault;
use crate::format::PieceCheck;
use crate::format::SegmentSeed;
use crate::format::Wants;
use crate::format::check_payload;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::walk::frame_in;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;

/// A buffer is never shorter than this.
const MIN_BUFFER: usize = 4096;

/// Checks the whole payload of a frame. A frame of more than `most` bytes is read in pieces, unless
/// it is mapped or buffered already.
pub fn check_frame(
    segment: &Segment,
    source: &SegmentBytes,
    window: &mut ReadBuffer,
    frame: &LocatedFrame,
    most: usize,
) -> io::Result<std::result::Result<(), PayloadFault>> {
    let most = most.max(MIN_BUFFER);
    let at = frame.offset + FRAME_HEADER_LEN as u64;
    let len = frame.header.stored_len as usize;
    let is_large = frame.header.len() > most as u64 && window.held(source, at, len).is_empty();
    if let (true, Some(file)) = (is_large, source.file()) {
        return by_pieces(&**file, segment.seed, frame, most, &mut |_, _| Ok(()));
    }
    match window.bytes(source, at, len, len, frame.end())? {
        Some(payload) => Ok(check_payload(&frame.header, segment.seed, payload)),
        None => Ok(Err(PayloadFault::Table)),
    }
}

/// Checks a payload piece by piece. Each piece goes to `each`, with its offset, before the check of
/// the whole payload is done.
fn by_pieces(
    file: &dyn StorageFile,
    seed: SegmentSeed,
    frame: &LocatedFrame,
    most: usize,
    each: &mut dyn FnMut(FileOffset, &[u8]) -> io::Result<()>,
) -> io::Result<std::result::Result<(), PayloadFault>> {
    let payload_at = frame.offset + FRAME_HEADER_LEN as u64;
    let mut check = PieceCheck::new(&frame.header, seed);
    let mut buffer = memory::zeroed(most)?;
    loop {
        let wanted = check.wants(most);
        let (Wants::Bytes(range) | Wants::Rows(range)) = &wanted else {
            return Ok(check.finish());
        };
        let at = payload_at + range.start as u64;
        let piece = &mut buffer[..range.len()];
        if file.read_at(at.0, piece)? < piece.len() {
            return Ok(Err(PayloadFault::Table));
        }
        match &wanted {
            Wants::Rows(_) => check.take_rows(piece),
            _ => {
                each(at, piece)?;
                check.take(piece);
            }
        }
    }
}

/// Reads the frames of `[from, end)` back, checks each, and writes the same bytes again.
///
/// After a failed sync, or a process death, the page cache may show bytes that the disk lacks and
/// that no later sync would write: they are clean to the kernel. Written again they are dirty, so
/// the sync that follows makes them durable. The buffer that is written is the one that was
/// checked. A frame larger than a buffer is written piece by piece as it was read; if its check
/// fails at the end, that is an error.
pub fn rewrite_verified(
    segment: &Segment,
    file: &dyn StorageFile,
    (from, first): (FileOffset, EntryId),
    end: &SegmentEnd,
    chunk_len: usize,
) -> Result<()> {
    let context = || segment.context().offset(from.0);
    let mut place = (from, first);
    let most = chunk_len.max(MIN_BUFFER);
    let mut chunk = Vec::new();
    while place.0 < end.offset {
        let left = end.offset - place.0;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        memory::resize(&mut chunk, len).in_context(context)?;
        read_exact_at(file, place.0.0, &mut chunk).in_context(context)?;
        let next = match whole_frames(segment, &chunk, place, end.offset) {
            Frames::Whole { next } if next.0 > place.0 => {
                let checked = (next.0 - place.0) as usize;
                file.write_at(place.0.0, &[IoSlice::new(&chunk[..checked])])
                    .in_context(context)?;
                Some(next)
            }
            Frames::Large(frame) => {
                rewrite_large(segment, file, &frame, &chunk, most).in_context(context)?
            }
            _ => None,
        };
        let Some(next) = next else {
            let context = segment.context().offset(place.0.0);
            return Err(Error::corruption(
                "a frame changed while it was recovered",
                context,
            ));
        };
        place = next;
    }
    Ok(())
}

/// Writes the frame once more whose header begins `chunk`. `None`: it is no longer good.
fn rewrite_large(
    segment: &Segment,
    file: &dyn StorageFile,
    frame: &LocatedFrame,
    chunk: &[u8],
    most: usize,
) -> io::Result<Option<(FileOffset, EntryId)>> {
    let header = IoSlice::new(&chunk[..FRAME_HEADER_LEN]);
    file.write_at(frame.offset.0, &[header])?;
    let mut write = |at: FileOffset, piece: &[u8]| file.write_at(at.0, &[IoSlice::new(piece)]);
    let checked = by_pieces(file, segment.seed, frame, most, &mut write)?;
    let next = (frame.end(), frame.header.end_id());
    Ok(checked.is_ok().then_some(next))
}

enum Frames {
    /// All frames up to `next` are whole and good.
    Whole { next: (FileOffset, EntryId) },
    /// The first frame does not fit; of it only the header was checked.
    Large(LocatedFrame),
    /// The first frame is bad.
    Bad,
}

fn whole_frames(
    segment: &Segment,
    chunk: &[u8],
    start: (FileOffset, EntryId),
    limit: FileOffset,
) -> Frames {
    let mut place = start;
    loop {
        let rest = &chunk[(place.0 - start.0) as usize..];
        let is_first = place.0 == start.0;
        if rest.len() < FRAME_HEADER_LEN && !is_first {
            // The next chunk has this header whole.
            return Frames::Whole { next: place };
        }
        let Ok(frame) = frame_in(segment.seed, rest, place, limit) else {
            return Frames::Bad;
        };
        let Some(bytes) = rest.get(..frame.header.len() as usize) else {
            return match is_first {
                true => Frames::Large(frame),
                false => Frames::Whole { next: place },
            };
        };
        let payload = &bytes[FRAME_HEADER_LEN..];
        if check_payload(&frame.header, segment.seed, payload).is_err() {
            return Frames::Bad;
        }
        place = (frame.end(), frame.header.end_id());
        if place.0 - start.0 == chunk.len() as u64 {
            return Frames::Whole { next: place };
        }
    }
}
