//! Collects the facts of one stream, changing nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::HeaderFault;
use crate::format::INDEX_FILE;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::TRAILER_LEN;
use crate::format::decode_trailer;
use crate::format::header_crc_of;
use crate::format::key_from_dir_name;
use crate::format::parse_segment_file_name;
use crate::format::segment_file_name;
use crate::format::stream_dir_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::Head;
use crate::recovery::facts::Scan;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::Stop;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::FIRST_FRAME;
use crate::recovery::frontier::frontier;
use crate::recovery::scan::Depth;
use crate::recovery::scan::scan;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::Source;
use crate::segment::SparseIndex;
use crate::segment::TEMPORARY_NAME;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// So much of each file is read at once: the header area and the first frame's header at least.
const FIRST_READ: usize = 4096;
const _: () = assert!(FIRST_READ >= HEADER_AREA_LEN as usize + FRAME_HEADER_LEN);

/// Looks at a stream's directory. Reading errors are `Io`: nothing can be judged then.
pub fn survey(storage: &dyn Storage, dir: &Path, read_ahead: usize) -> Result<StreamFacts> {
    let dir_name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
        .to_owned();
    let listing = storage
        .list_dir(dir)
        .map_err(|e| Error::io(e, ErrorContext::at(dir)))?;
    let mut key = key_from_dir_name(&dir_name);
    let mut raw = Vec::new();
    let mut newest = None;
    for entry in &listing {
        let Some(name_id) = parse_segment_file_name(&entry.name) else {
            continue;
        };
        let path = dir.join(&entry.name);
        if entry.kind != EntryKind::File {
            let what = format!("{} is not a regular file", path.display());
            return Err(Error::InvalidFilename(what));
        }
        let io = |error| Error::io(error, ErrorContext::at(&path));
        let (head, file) = RawHead::read(storage, &path).map_err(io)?;
        // The one whose frames are read next, mostly.
        newest = Some((raw.len(), file));
        if key.is_none()
            && let Ok(header) = &head.header
            && stream_dir_name(&header.key) == dir_name
        {
            key = Some(header.key.clone());
        }
        raw.push((name_id, head));
    }
    let mut segments: Vec<SegmentFacts> = Vec::with_capacity(raw.len());
    for (name_id, head) in raw {
        let generation = segments
            .iter()
            .filter_map(|s| s.head.header())
            .map(|h| h.generation);
        let expected = Identity {
            key: key.as_deref(),
            name_id,
            generation: generation.max().unwrap_or(0),
        };
        segments.push(head.judge(&expected));
    }
    disbelieve_lone_trailers(&mut segments);
    let temporary = listing
        .iter()
        .any(|e| e.name == TEMPORARY_NAME && e.kind == EntryKind::File);
    let index_file = listing.iter().any(|e| e.name == INDEX_FILE);
    let frontier = frontier(&segments);
    let mut facts = StreamFacts {
        key,
        dir: dir.to_path_buf(),
        segments,
        temporary,
        index_file,
        frontier,
    };
    if facts
        .segments
        .iter()
        .all(|s| !matches!(s.head, Head::Foreign(_)))
    {
        scan_tail(storage, &mut facts, newest, read_ahead)?;
    }
    Ok(facts)
}

/// An entry that ends a file may end like a footer does, checksum included: whoever appends it
/// knows key, ids and offsets. So a trailer counts only if a place agrees that no entry can reach:
/// a slot of the same file, stored when it was sealed, or the header of the next segment.
fn disbelieve_lone_trailers(segments: &mut [SegmentFacts]) {
    for i in 0..segments.len() {
        let Some(trailer) = segments[i].trailer else {
            continue;
        };
        let slot_agrees = segments[i].slots.iter().any(|slot| {
            matches!(slot, SlotState::Valid(slot)
                if slot.end == trailer.footer_offset && slot.next_id == trailer.end_id)
        });
        let next = segments.get(i + 1).and_then(|next| next.head.header());
        let told = next.and_then(|header| header.predecessor);
        let successor_agrees =
            told.is_some_and(|told| told.end_id == trailer.end_id && told.link == trailer.link);
        if !slot_agrees && !successor_agrees {
            segments[i].trailer = None;
        }
    }
}

/// The bytes that identify a segment file, before they are judged.
struct RawHead {
    file_len: u64,
    header: std::result::Result<SegmentHeader, HeaderFault>,
    area: Vec<u8>,
    last: Vec<u8>,
}

impl RawHead {
    fn read(storage: &dyn Storage, path: &Path) -> io::Result<(RawHead, Arc<dyn StorageFile>)> {
        let file = storage.open_file(path, Access::Read)?;
        let file_len = file.len()?;
        // Header area and first frames in one read: of a short file, all.
        let mut area = vec![0; file_len.min(FIRST_READ as u64) as usize];
        let read = file.read_at(0, &mut area)?;
        area.truncate(read);
        let start = file_len.saturating_sub(TRAILER_LEN as u64);
        let last = match area.get(start as usize..) {
            // All of it was read already.
            Some(last) if read as u64 == file_len => last.to_vec(),
            _ => {
                let mut last = vec![0; TRAILER_LEN];
                let read = file.read_at(start, &mut last)?;
                last.truncate(read);
                last
            }
        };
        let sector = &area[..area.len().min(SECTOR_LEN)];
        let head = RawHead {
            file_len,
            header: SegmentHeader::decode(sector),
            area,
            last,
        };
        Ok((head, file))
    }

    fn judge(self, expected: &Identity<'_>) -> SegmentFacts {
        let head = self.head(expected);
        let (slots, trailer) = match head.header() {
            Some(header) => {
                let seed = header.seed();
                let slots = [0, 1].map(|slot| self.slot(seed, slot));
                (slots, decode_trailer(&self.last, seed, self.file_len))
            }
            None => ([SlotState::Never, SlotState::Never], None),
        };
        SegmentFacts {
            name_id: expected.name_id,
            file_len: self.file_len,
            head,
            slots,
            trailer,
            tail: None,
        }
    }

    fn head(&self, expected: &Identity<'_>) -> Head {
        let foreign = match &self.header {
            Ok(header) if expected.key.is_none_or(|key| key != header.key) => {
                Foreign::OtherStream(header.key.clone())
            }
            Ok(header) if header.first_id != expected.name_id => {
                Foreign::OtherName(header.first_id)
            }
            Ok(header) => return Head::Good(header.clone()),
            Err(HeaderFault::Version06) => return Head::Foreign(Foreign::Version06),
            // Its checksum is good: not a damaged header, whatever seems to validate below it.
            Err(HeaderFault::Newer(version)) => return Head::Foreign(Foreign::Newer(*version)),
            Err(HeaderFault::Short) => return Head::Unborn,
            Err(HeaderFault::Zeros | HeaderFault::Stranger | HeaderFault::Damaged { .. }) => {
                Foreign::Stranger
            }
        };
        if self.header.is_err()
            && let Some(header) = self.proven_under(expected)
        {
            return Head::Rotten(header);
        }
        match &self.header {
            Err(HeaderFault::Zeros) => Head::Unborn,
            _ => Head::Foreign(foreign),
        }
    }

    /// The identity that name and directory tell, if a slot or the first frame validates under it.
    fn proven_under(&self, expected: &Identity<'_>) -> Option<SegmentHeader> {
        let seed = SegmentSeed::new(expected.key?, expected.name_id, expected.generation);
        let slot_proves = [0, 1]
            .into_iter()
            .any(|slot| matches!(self.slot(seed, slot), SlotState::Valid(_)));
        let first = self
            .area
            .get(HEADER_AREA_LEN as usize..)
            .unwrap_or_default();
        let frame_proves = FrameHeader::decode(first, seed, FIRST_FRAME)
            .is_ok_and(|frame| frame.first_id == expected.name_id);
        (slot_proves || frame_proves).then(|| SegmentHeader {
            key: expected.key.unwrap_or_default().to_owned(),
            first_id: expected.name_id,
            generation: expected.generation,
            predecessor: None,
            lost_from: expected.name_id,
            first_kept_id: EntryId(0),
            cut_epoch: 0,
        })
    }

    fn slot(&self, seed: SegmentSeed, slot: usize) -> SlotState {
        let from = SECTOR_LEN * (slot + 1);
        let bytes = self.area.get(from..).unwrap_or_default();
        match bytes.get(..SECTOR_LEN) {
            Some(bytes) => FrontierSlot::decode(bytes, seed, slot),
            None => SlotState::Never,
        }
    }
}

/// Who a file is according to its directory, its name and its neighbours.
struct Identity<'a> {
    key: Option<&'a str>,
    name_id: EntryId,
    generation: u64,
}

/// Reads the frames from the frontier on, and judges whether the frontier itself is in place.
/// `newest`: the last file, open, and its place.
fn scan_tail(
    storage: &dyn Storage,
    facts: &mut StreamFacts,
    mut newest: Option<(usize, Arc<dyn StorageFile>)>,
    read_ahead: usize,
) -> Result<()> {
    let StreamFacts {
        dir,
        segments,
        frontier,
        ..
    } = facts;
    for (i, facts) in segments.iter_mut().enumerate().skip(frontier.segment) {
        let Some(header) = facts.head.header().cloned() else {
            continue;
        };
        let path = dir.join(segment_file_name(facts.name_id));
        let io = |error| Error::io(error, ErrorContext::at(&path));
        let start = if i == frontier.segment {
            frontier.end
        } else {
            SegmentEnd::empty(header.first_id)
        };
        // Nothing to read: the common case after a clean close.
        if start.offset.0 == facts.file_len && start.last_frame.is_none() {
            let end = start;
            let from = (end.offset, end.next_id);
            facts.tail = Some(Scan {
                from,
                end,
                stop: Stop::Clean,
            });
            continue;
        }
        let file = match newest.take_if(|(place, _)| *place == i) {
            Some((_, file)) => file,
            None => storage.open_file(&path, Access::Read).map_err(io)?,
        };
        let source = Source::File(file);
        let dir: Arc<Path> = Arc::from(dir.as_path());
        let segment = Segment::new(header, dir, &start, false, SparseIndex::empty());
        let limit = FileOffset(facts.file_len);
        let mut from = start;
        if i == frontier.segment {
            frontier.intact = complete_end(&segment, &source, &mut from, limit).map_err(io)?;
            if !frontier.intact {
                // What was durable is damaged at its end: find the last good frame before it.
                let first = SegmentEnd::empty(segment.first_id());
                let durable = limit.min(start.offset);
                let found = scan(
                    &segment,
                    &source,
                    &first,
                    durable,
                    read_ahead,
                    Depth::Headers,
                );
                facts.tail = Some(found.map_err(io)?);
                continue;
            }
            frontier.end = from;
        }
        let found = scan(&segment, &source, &from, limit, read_ahead, Depth::Payloads);
        facts.tail = Some(found.map_err(io)?);
    }
    Ok(())
}

/// Fills in what the last frame before `end` tells. False: it is not there.
fn complete_end(
    segment: &Segment,
    source: &Source,
    end: &mut SegmentEnd,
    limit: FileOffset,
) -> io::Result<bool> {
    let Some(offset) = end.last_frame else {
        // Nothing is promised to be there, not even the rest of the header area.
        return Ok(end.offset == FIRST_FRAME);
    };
    let mut window = crate::segment::Window::new();
    let bytes = window.bytes(source, offset, FRAME_HEADER_LEN, FRAME_HEADER_LEN, limit)?;
    let Some(bytes) = bytes else { return Ok(false) };
    let Ok(header) = FrameHeader::decode(bytes, segment.seed, offset) else {
        return Ok(false);
    };
    end.last_frame_len = header.len() as u32;
    end.link = bytes.first_chunk().map_or(0, header_crc_of);
    Ok(
        offset + header.len() == end.offset
            && header.end_id() == end.next_id
            && end.offset <= limit,
    )
}
