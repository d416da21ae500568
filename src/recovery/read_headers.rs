//! What identifies each segment file of a stream? Its header, slots and trailer.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::HeaderFault;
use crate::format::Replaces;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::TRAILER_LEN;
use crate::format::decode_trailer;
use crate::format::parse_segment_file_name;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Rank;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::frontier::FIRST_FRAME;
use crate::storage::DirEntry;
use crate::storage::EntryKind;
use crate::storage::FileHead;
use crate::storage::SharedBytes;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// The first read of each file: the header area and the first frame's header at least.
const FIRST_READ: usize = 4096;
const _: () = assert!(FIRST_READ >= HEADER_AREA_LEN as usize + FRAME_HEADER_LEN);

/// Facts of sealed segments from an earlier survey: a sealed segment never changes.
pub type SealedCache = BTreeMap<EntryId, SegmentFacts>;

/// Headers, oldest first, and the newest segment's file.
pub(super) type Heads = (Vec<(EntryId, HeaderRead)>, Option<OpenedSegment>);

/// A segment's file, and its first bytes.
#[derive(Debug)]
pub(super) struct OpenedSegment {
    pub(super) file: Arc<dyn StorageFile>,
    pub(super) area: SharedBytes,
}

/// Reads what identifies each segment file, the newest first. Returns it oldest first.
pub(super) fn heads(
    storage: &dyn Storage,
    dir: &Path,
    listing: &[DirEntry],
    known: &SealedCache,
) -> Result<Heads> {
    let mut raw = Vec::new();
    // Usually the file whose frames are read next.
    let mut newest = None;
    for entry in listing.iter().rev() {
        let Some(name_id) = parse_segment_file_name(&entry.name) else {
            continue;
        };
        let path = dir.join(&entry.name);
        if entry.kind != EntryKind::File {
            let kind = match entry.kind {
                EntryKind::Link => "a symbolic link, and not followed",
                _ => "not a regular file",
            };
            let what = format!("{} is {kind}", path.display());
            return Err(Error::InvalidFilename(what));
        }
        // The newest header is read again: it proves that this still is the stream of the earlier
        // survey.
        if let Some(known) = known.get(&name_id).filter(|_| !raw.is_empty()) {
            raw.push((name_id, HeaderRead::Cached(known.clone())));
            continue;
        }
        let (head, file) = RawHeader::read(storage, &path).at(&path)?;
        let is_newest = raw.is_empty();
        let successor = head.successor().filter(|_| is_newest);
        raw.push((name_id, HeaderRead::Fresh(head)));
        if is_newest {
            newest = Some(file);
        }
        if let Some(successor) = successor {
            // Sealed, so it has a successor, created since the listing.
            let (newer, file) = newer_heads(storage, dir, successor)?;
            raw.splice(0..0, newer);
            newest = file.or(newest);
        }
    }
    raw.reverse();
    Ok((raw, newest))
}

/// The segments from this one on as far as each is sealed and the next is there, newest first.
fn newer_heads(storage: &dyn Storage, dir: &Path, first: EntryId) -> Result<Heads> {
    let mut newer = Vec::new();
    let mut newest = None;
    let mut next = Some(first);
    while let Some(name_id) = next {
        let path = dir.join(segment_file_name(name_id));
        let (head, file) = match RawHeader::read(storage, &path) {
            Ok(read) => read,
            // The usual case: no writer is active.
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(Error::io(error, ErrorContext::at(&path))),
        };
        next = head.successor().filter(|next| *next > name_id);
        newer.push((name_id, HeaderRead::Fresh(head)));
        newest = Some(file);
    }
    newer.reverse();
    Ok((newer, newest))
}

/// When a segment file was read.
// One per segment, moved once: a box would cost an allocation for each.
#[allow(clippy::large_enum_variant)]
pub(super) enum HeaderRead {
    Cached(SegmentFacts),
    Fresh(RawHeader),
}

impl HeaderRead {
    /// Whether the file holds no byte.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            HeaderRead::Cached(facts) => facts.file_len == 0,
            HeaderRead::Fresh(head) => head.file_len == 0,
        }
    }

    /// The generation in its header, if that is good.
    pub(super) fn generation(&self) -> Option<u64> {
        match self {
            HeaderRead::Cached(facts) => facts.head.header().map(|header| header.generation),
            HeaderRead::Fresh(head) => head.header.as_ref().ok().map(|header| header.generation),
        }
    }

    /// The key in its header.
    pub(super) fn key(&self) -> Option<&Arc<str>> {
        match self {
            HeaderRead::Cached(facts) => facts.head.header().map(|header| &header.key),
            HeaderRead::Fresh(head) => head.header.as_ref().ok().map(|header| &header.key),
        }
    }
}

/// The bytes that identify a segment file, before they are judged.
pub(super) struct RawHeader {
    file_len: u64,
    header: std::result::Result<SegmentHeader, HeaderFault>,
    area: SharedBytes,
    last: Vec<u8>,
}

impl RawHeader {
    fn read(storage: &dyn Storage, path: &Path) -> io::Result<(RawHeader, OpenedSegment)> {
        // One read fetches the header area and the first frames, or all of a short file. The length
        // is read after the slots: a file that grows is never shorter than they say.
        let mut area = vec![0; FIRST_READ];
        let FileHead {
            file,
            read,
            len: file_len,
        } = storage.open_head(path, &mut area)?;
        area.truncate(read);
        let start = file_len.saturating_sub(TRAILER_LEN as u64);
        let last = match area.get(start as usize..) {
            // The first read has it.
            Some(last) if read as u64 == file_len => last.to_vec(),
            _ => {
                let mut last = vec![0; TRAILER_LEN];
                let read = file.read_at(start, &mut last)?;
                last.truncate(read);
                last
            }
        };
        let sector = &area[..area.len().min(SECTOR_LEN)];
        let header = SegmentHeader::decode(sector);
        let area = SharedBytes::of_read(area);
        let head = RawHeader {
            file_len,
            header,
            area: area.clone(),
            last,
        };
        Ok((head, OpenedSegment { file, area }))
    }

    /// The first id of the next segment, if this one has a trailer.
    fn successor(&self) -> Option<EntryId> {
        let header = self.header.as_ref().ok()?;
        let trailer = decode_trailer(&self.last, header.seed(), self.file_len)?;
        Some(trailer.end_id)
    }

    pub(super) fn judge(self, expected: &Identity<'_>) -> SegmentFacts {
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
            ending: None,
            rank: Rank::InLine,
            clip: None,
            properties: None,
        }
    }

    fn head(&self, expected: &Identity<'_>) -> HeaderState {
        let foreign = match &self.header {
            Ok(header) if expected.key.is_none_or(|key| **key != *header.key) => {
                Foreign::OtherStream(header.key.to_string())
            }
            Ok(header) if header.first_id != expected.name_id => {
                Foreign::OtherName(header.first_id)
            }
            Ok(header) => {
                // One copy of the key in memory.
                let key = Arc::clone(expected.key.unwrap_or(&header.key));
                return HeaderState::Valid(SegmentHeader {
                    key,
                    ..header.clone()
                });
            }
            Err(HeaderFault::Version06) => return HeaderState::Foreign(Foreign::Version06),
            // Its checksum is good: the header is not damaged, whatever else validates in the file.
            Err(HeaderFault::Newer(version)) => {
                return HeaderState::Foreign(Foreign::Newer(*version));
            }
            Err(HeaderFault::Short) => return HeaderState::NeverWritten,
            Err(HeaderFault::Zeros | HeaderFault::Unrecognized | HeaderFault::Damaged { .. }) => {
                Foreign::Unrecognized
            }
        };
        if self.header.is_err() {
            if let Some(header) = self.proven_under(expected) {
                return HeaderState::Reconstructed(header);
            }
        }
        match &self.header {
            Err(HeaderFault::Zeros) => HeaderState::NeverWritten,
            _ => HeaderState::Foreign(foreign),
        }
    }

    /// The identity that name and directory give, if a slot or the first frame validates under it.
    /// Each checksum covers the generation, so no other one validates.
    fn proven_under(&self, expected: &Identity<'_>) -> Option<SegmentHeader> {
        let key = expected.key?;
        let is_proven = |generation: &&u64| {
            let seed = SegmentSeed::new(key, expected.name_id, **generation);
            let slot_proves = [0, 1]
                .into_iter()
                .any(|slot| matches!(self.slot(seed, slot), SlotState::Valid(_)));
            let first = self
                .area
                .bytes()
                .get(HEADER_AREA_LEN as usize..)
                .unwrap_or_default();
            let frame_proves = FrameHeader::decode(first, seed, FIRST_FRAME)
                .is_ok_and(|frame| frame.first_id == expected.name_id);
            slot_proves || frame_proves
        };
        let generation = expected.generations.iter().find(is_proven)?;
        Some(SegmentHeader {
            key: Arc::clone(key),
            first_id: expected.name_id,
            generation: *generation,
            predecessor: None,
            lost_from: expected.name_id,
            first_kept_id: EntryId(0),
            truncation_epoch: 0,
            // Taken from the neighbours once all are read.
            incarnation: 0,
            replaces: Replaces::Nothing,
        })
    }

    fn slot(&self, seed: SegmentSeed, slot: usize) -> SlotState {
        let from = SECTOR_LEN * (slot + 1);
        let bytes = self.area.bytes().get(from..).unwrap_or_default();
        match bytes.get(..SECTOR_LEN) {
            Some(bytes) => FrontierSlot::decode(bytes, seed, slot),
            None => SlotState::Never,
        }
    }
}

/// The identity of a file according to its directory, its name and its neighbours.
pub(super) struct Identity<'a> {
    pub(super) key: Option<&'a Arc<str>>,
    pub(super) name_id: EntryId,
    /// The generations that a file with a damaged header may have.
    pub(super) generations: &'a [u64],
}
