//! How is a record log read without changing it?
//!
//! The rules are those of segments (`docs/FORMAT.md`). Everything below the frontier was durable
//! once, so anything bad there is damage. The scan passes damage only along back links from the last
//! frame that the frontier names; it never searches bytes for a frame. Above the frontier is the
//! tail: a record whose append was never acknowledged, or the record that a slot embeds, which may
//! have been. An embedded record is read from the slot, whatever stands at its own offset.

use std::io;
use std::sync::Arc;

use crate::error::memory;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::RecordFault;
use crate::format::RecordFormat;
use crate::format::RecordSlot;
use crate::format::SectorFault;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::slot_offset;
use crate::ids::FileOffset;
use crate::record_log::ItemKind;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLogFacts;
use crate::record_log::RecordLogItem;
use crate::record_log::RecordLogState;
use crate::record_log::items::empty_log;
use crate::record_log::items::end_after;
use crate::record_log::items::previous_len;
use crate::segment::ReadBuffer;
use crate::segment::SegmentBytes;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;

/// Reads the whole file.
pub fn scan<F: RecordFormat>(
    format: &F,
    file: &Arc<dyn StorageFile>,
    read_ahead: usize,
) -> io::Result<RecordLogState<F>> {
    let mut scanner = Scanner::new(format, file, file.len()?, read_ahead);
    let start = scanner.start_of_file()?;
    scanner.scan(&start)
}

/// The same of a file that its writer may be changing: what counts is the header area that was read, and the
/// length that was taken after it. What the slots say is in the file by then.
pub fn scan_behind<F: RecordFormat>(
    format: &F,
    file: &Arc<dyn StorageFile>,
    (header_area, file_len): (&[u8], u64),
    read_ahead: usize,
) -> io::Result<RecordLogState<F>> {
    Scanner::new(format, file, file_len, read_ahead).scan(header_area)
}

/// Reads one record again. `None`: it does not match its checksum any more. `UnexpectedEof`: the
/// file ends before.
pub fn read_record<F: RecordFormat>(
    format: &F,
    file: &dyn StorageFile,
    location: &RecordLocation,
) -> io::Result<Option<F::Record>> {
    // The length was bounded when the record was scanned or appended.
    let mut bytes = memory::zeroed(location.len as usize)?;
    read_exact_at(file, location.offset.0, &mut bytes)?;
    Ok(decode_record(format, &bytes, location))
}

/// The record at the location, from its bytes. `None`: they do not match its checksum.
pub fn decode_record<F: RecordFormat>(
    format: &F,
    bytes: &[u8],
    location: &RecordLocation,
) -> Option<F::Record> {
    let header = FrameHeader::decode(bytes, format.seed(), location.offset).ok()?;
    if !format.is_record_header(&header) || header.first_id != location.first_id {
        return None;
    }
    format.decode(&header, bytes.get(FRAME_HEADER_LEN..)?).ok()
}

/// The statement of one slot.
struct ReadSlot<F: RecordFormat> {
    /// Everything before it is durable, or embedded.
    end: FrontierSlot,
    embedded: Option<EmbeddedRecord<F>>,
}

/// The record that a slot embeds.
struct EmbeddedRecord<F: RecordFormat> {
    /// Everything before it is durable.
    before: FrontierSlot,
    item: RecordLogItem<F>,
    bytes: Vec<u8>,
}

/// Reads records of one file.
struct Scanner<'a, F: RecordFormat> {
    source: SegmentBytes,
    window: ReadBuffer,
    format: &'a F,
    seed: SegmentSeed,
    file_len: u64,
    read_ahead: usize,
}

impl<'a, F: RecordFormat> Scanner<'a, F> {
    fn new(
        format: &'a F,
        file: &Arc<dyn StorageFile>,
        file_len: u64,
        read_ahead: usize,
    ) -> Scanner<'a, F> {
        Scanner {
            file_len,
            source: SegmentBytes::File(Arc::clone(file)),
            window: ReadBuffer::new(),
            format,
            seed: format.seed(),
            read_ahead,
        }
    }

    fn scan(mut self, start: &[u8]) -> io::Result<RecordLogState<F>> {
        let sector_damaged = match self.format.check_header_sector(start) {
            Ok(()) => false,
            Err(SectorFault::Damaged) => true,
            Err(SectorFault::Foreign(foreign)) => return Ok(RecordLogState::Foreign(foreign)),
        };
        let slots = [0, 1].map(|slot| {
            let at = start.len().min(slot_offset(slot).0 as usize);
            self.read_slot(&start[at..], slot)
        });
        let slot_damaged = slots.iter().any(Option::is_none);
        let newer = slots
            .into_iter()
            .enumerate()
            .filter_map(|(slot, read)| Some((slot, read?)))
            // Of two with the same end, the one that embeds nothing was written later.
            .max_by_key(|(_, read)| (read.end.order(), read.embedded.is_none()));
        let (slot, end, embedded) = match newer {
            Some((slot, read)) => (Some(slot), read.end, read.embedded),
            None => (None, self.end_of_good_records()?, None),
        };
        let before = embedded.as_ref().map(|embedded| &embedded.before);
        let frontier = before.unwrap_or(&end).clone();
        if slot.is_none() && frontier.last_frame.is_none() {
            return Ok(RecordLogState::Unreadable(match self.file_len {
                0 => "the file is empty",
                _ => "neither a frontier nor a record in it is whole",
            }));
        }
        let items = self.items_below(&frontier)?;
        let mut facts = RecordLogFacts {
            items,
            slot,
            tail: Vec::new(),
            tail_bytes: Vec::new(),
            tail_end: frontier.clone(),
            frontier,
            slot_embeds_record: embedded.is_some(),
            sector_damaged,
            slot_damaged,
            file_len: self.file_len,
        };
        if let Some(embedded) = embedded {
            facts.tail.push(embedded.item);
            facts.tail_bytes = embedded.bytes;
            facts.tail_end = end;
        }
        if slot.is_some() {
            self.read_tail(&mut facts)?;
        }
        Ok(RecordLogState::Log(Box::new(facts)))
    }

    /// The statement of a slot; `None` if it cannot be believed.
    fn read_slot(&self, bytes: &[u8], slot: usize) -> Option<ReadSlot<F>> {
        let read = RecordSlot::decode(bytes, self.seed, slot);
        let SlotState::Valid(end) = read.state else {
            return None;
        };
        let embedded = match read.embedded {
            None => None,
            Some(bytes) => Some(self.read_embedded(&end, bytes)?),
        };
        Some(ReadSlot { end, embedded })
    }

    /// The record that a slot embeds. `None`: the bytes are no record, so the slot is damaged.
    fn read_embedded(&self, end: &FrontierSlot, bytes: Vec<u8>) -> Option<EmbeddedRecord<F>> {
        let at = end.last_frame?;
        let header = FrameHeader::decode(&bytes, self.seed, at).ok()?;
        if !self.format.is_record_header(&header) || header.len() != bytes.len() as u64 {
            return None;
        }
        let payload = bytes.get(FRAME_HEADER_LEN..)?;
        let record = self.format.decode(&header, payload).ok()?;
        let previous_len = u64::from(header.previous_len);
        Some(EmbeddedRecord {
            before: FrontierSlot {
                end: at,
                next_id: header.first_id,
                // Bounded by the offset when the header was decoded; 0 only for the first record.
                last_frame: (previous_len > 0).then(|| FileOffset(at.0 - previous_len)),
                ..end.clone()
            },
            item: RecordLogItem {
                location: location(at, &header),
                what: ItemKind::Record(self.format.summary(record)),
            },
            bytes,
        })
    }

    fn start_of_file(&mut self) -> io::Result<Vec<u8>> {
        let len = self.file_len.min(HEADER_AREA_LEN) as usize;
        let limit = FileOffset(self.file_len);
        let bytes = self
            .window
            .bytes(&self.source, FileOffset(0), len, self.read_ahead, limit)?;
        memory::copied(bytes.unwrap_or_default())
    }

    /// The header of the record at `at`, if the record ends at or before `limit`.
    fn header_at(&mut self, at: FileOffset, limit: FileOffset) -> io::Result<Option<FrameHeader>> {
        let bytes =
            self.window
                .bytes(&self.source, at, FRAME_HEADER_LEN, self.read_ahead, limit)?;
        let header = bytes.and_then(|bytes| FrameHeader::decode(bytes, self.seed, at).ok());
        Ok(header
            .filter(|header| self.format.is_record_header(header) && at + header.len() <= limit))
    }

    /// The header of the record at this end, if it links back to the record before.
    fn header_after(
        &mut self,
        before: &FrontierSlot,
        limit: FileOffset,
    ) -> io::Result<Option<FrameHeader>> {
        let header = self.header_at(before.end, limit)?;
        Ok(header.filter(|header| {
            header.first_id >= before.next_id
                && u64::from(header.previous_len) == previous_len(before)
        }))
    }

    /// The payload of a record, shorter if the file ends before.
    fn payload(&mut self, at: FileOffset, header: &FrameHeader) -> io::Result<Vec<u8>> {
        let start = at + FRAME_HEADER_LEN as u64;
        let limit = start + u64::from(header.stored_len);
        let len = header.stored_len as usize;
        let bytes = self
            .window
            .bytes(&self.source, start, len, self.read_ahead, limit)?;
        memory::copied(bytes.unwrap_or_default())
    }

    fn item(&mut self, at: FileOffset, header: &FrameHeader) -> io::Result<RecordLogItem<F>> {
        let payload = self.payload(at, header)?;
        let what = match self.format.decode(header, &payload) {
            Ok(record) => ItemKind::Record(self.format.summary(record)),
            Err(RecordFault::Partial(remains)) => ItemKind::Partial(remains),
            Err(RecordFault::Unreadable) => {
                ItemKind::Damaged("the record does not match its checksum")
            }
        };
        Ok(RecordLogItem {
            location: location(at, header),
            what,
        })
    }

    /// Without a readable slot: the end of the last whole record that can be reached from the start.
    fn end_of_good_records(&mut self) -> io::Result<FrontierSlot> {
        let limit = FileOffset(self.file_len.max(HEADER_AREA_LEN));
        let mut good = empty_log();
        let mut reached = good.clone();
        while let Some(header) = self.header_after(&reached, limit)? {
            let payload = self.payload(reached.end, &header)?;
            let is_good = self.format.decode(&header, &payload).is_ok();
            reached = end_after(&reached, header.len(), header.end_id());
            if is_good {
                good = reached.clone();
            }
        }
        Ok(good)
    }

    fn items_below(&mut self, frontier: &FrontierSlot) -> io::Result<Vec<RecordLogItem<F>>> {
        let mut items = Vec::new();
        let mut reached = empty_log();
        while reached.end < frontier.end {
            if let Some(header) = self.header_after(&reached, frontier.end)? {
                items.push(self.item(reached.end, &header)?);
                reached = end_after(&reached, header.len(), header.end_id());
                continue;
            }
            let behind = self.records_behind(reached.end, frontier)?;
            let damage_end = behind.first().map_or(frontier.end, |(at, _)| *at);
            items.push(RecordLogItem {
                location: RecordLocation {
                    first_id: reached.next_id,
                    offset: reached.end,
                    len: damage_end - reached.end,
                },
                what: ItemKind::Damaged("the header of a record is damaged"),
            });
            for (at, header) in &behind {
                items.push(self.item(*at, header)?);
            }
            break;
        }
        Ok(items)
    }

    /// The records behind the damage at `damaged`, reached from the frontier along back links.
    fn records_behind(
        &mut self,
        damaged: FileOffset,
        frontier: &FrontierSlot,
    ) -> io::Result<Vec<(FileOffset, FrameHeader)>> {
        let mut behind = Vec::new();
        let mut at = frontier.last_frame.unwrap_or_default();
        let mut end = frontier.end;
        while at > damaged {
            let Some(header) = self.header_at(at, end)? else {
                break;
            };
            if at + header.len() != end {
                break;
            }
            behind.push((at, header));
            end = at;
            // Bounded by the offset when the header was decoded; 0 only for the first record.
            at = FileOffset(at.0 - u64::from(header.previous_len));
            if at == end {
                break;
            }
        }
        behind.reverse();
        Ok(behind)
    }

    fn read_tail(&mut self, facts: &mut RecordLogFacts<F>) -> io::Result<()> {
        let limit = FileOffset(self.file_len);
        while let Some(header) = self.header_after(&facts.tail_end, limit)? {
            let at = facts.tail_end.end;
            let item = self.item(at, &header)?;
            if !matches!(item.what, ItemKind::Record(_)) {
                break;
            }
            facts
                .tail_bytes
                .extend_from_slice(&header.encode(self.seed, at));
            facts.tail_bytes.extend(self.payload(at, &header)?);
            facts.tail_end = end_after(&facts.tail_end, header.len(), header.end_id());
            facts.tail.push(item);
        }
        Ok(())
    }
}

fn location(at: FileOffset, header: &FrameHeader) -> RecordLocation {
    RecordLocation {
        first_id: header.first_id,
        offset: at,
        len: header.len(),
    }
}
