//! What stands in `checkpoints.log`? RecordLogFacts only: nothing is changed here.
//!
//! The rules are those of segments (`docs/FORMAT.md`): everything below the frontier was durable
//! once, so what is bad there is damage, and is passed only along back links from the last frame
//! that the frontier names, never by searching bytes. ItemKind stands above the frontier is the tail:
//! a record whose creation was never acknowledged, or one that a slot carries, which may have been.
//! ItemKind a slot carries is taken from there, whatever stands in its place.

use std::io;

use crate::error::memory;
use crate::format::CheckpointRecord;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::RecordFault;
use crate::format::RecordKind;
use crate::format::RecordSlot;
use crate::format::SegmentSeed;
use crate::format::ShardCountFault;
use crate::format::ShardCountSector;
use crate::format::SlotState;
use crate::format::checkpoint_record::checkpoint_seed;
use crate::format::checkpoint_record::is_record_header;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::ReadBuffer;
use crate::segment::SegmentBytes;

/// Where the records begin.
pub const RECORDS_AT: FileOffset = FileOffset(HEADER_AREA_LEN);

/// ItemKind the file turned out to be.
pub enum RecordLogState {
    /// A log of checkpoints.
    Log(Box<RecordLogFacts>),
    /// Nothing in it can be trusted, so it is no log of ours any more; why.
    Garbage(String),
    /// Somebody else's, or of another version or shard count: never to be touched.
    Foreign(Foreign),
}

/// Whose the file is.
pub enum Foreign {
    /// Of a version to come.
    Newer(u16),
    /// The 0.6 crate's.
    Version06,
    /// Of a log with so many shards.
    OtherCount(u16),
}

/// ItemKind a log of checkpoints holds.
pub struct RecordLogFacts {
    /// ItemKind was durable, in order.
    pub items: Vec<RecordLogItem>,
    /// The frontier, and the slot it stands in. `None`: both slots are unreadable, and the end of
    /// the last good record stands for it.
    pub slot: Option<usize>,
    /// The durable end.
    pub frontier: FrontierSlot,
    /// Whole records above the frontier.
    pub tail: Vec<RecordLogItem>,
    /// Their bytes, as they were checked.
    pub tail_bytes: Vec<u8>,
    /// Where they end.
    pub tail_end: FrontierSlot,
    /// The first of them is carried by the slot: it may have been acknowledged.
    pub is_carried: bool,
    /// The first sector is damaged.
    pub sector_damaged: bool,
    /// A slot is damaged.
    pub slot_damaged: bool,
    /// The length of the file.
    pub file_len: u64,
}

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLogItem {
    /// Its first id, which orders it. Of a stretch without a good header: that of the first record
    /// lost there.
    pub number: EntryId,
    /// Where it starts.
    pub offset: FileOffset,
    /// How long it is.
    pub len: u64,
    /// ItemKind it is.
    pub what: ItemKind,
}

/// ItemKind a stretch of the log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A whole record.
    Record(RecordKind, Vec<u8>, u64),
    /// A record of which only this is known.
    DamagedBody(RecordKind, Vec<u8>),
    /// Any number of records of which nothing is known; why.
    Damaged(&'static str),
}

/// ItemKind a slot says.
struct ReadSlot {
    /// All before is durable, or carried.
    end: FrontierSlot,
    carried: Option<EmbeddedRecord>,
}

/// The record that a slot carries.
struct EmbeddedRecord {
    /// Everything before it is durable.
    before: FrontierSlot,
    item: RecordLogItem,
    bytes: Vec<u8>,
}

/// Reads records of one file.
pub struct Scanner {
    source: SegmentBytes,
    window: ReadBuffer,
    seed: SegmentSeed,
    shard_count: u16,
    file_len: u64,
    read_ahead: usize,
}

impl Scanner {
    /// A scanner of an open file.
    pub fn new(source: SegmentBytes, file_len: u64, shard_count: u16, read_ahead: usize) -> Self {
        Scanner {
            source,
            window: ReadBuffer::new(),
            seed: checkpoint_seed(shard_count),
            shard_count,
            file_len,
            read_ahead,
        }
    }

    /// Looks at the whole file.
    pub fn scan(mut self) -> io::Result<RecordLogState> {
        let start = self.start_of_file()?;
        let sector = ShardCountSector::Checkpoints.decode(&start);
        match sector {
            Ok(count) if count != self.shard_count => {
                return Ok(RecordLogState::Foreign(Foreign::OtherCount(count)));
            }
            Err(ShardCountFault::Newer(version)) => {
                return Ok(RecordLogState::Foreign(Foreign::Newer(version)));
            }
            Err(ShardCountFault::Version06) => {
                return Ok(RecordLogState::Foreign(Foreign::Version06));
            }
            Ok(_) | Err(ShardCountFault::Damaged) => {}
        }
        let slots = [0, 1].map(|slot| {
            let at = start.len().min(slot_offset(slot).0 as usize);
            self.read_slot(&start[at..], slot)
        });
        let slot_damaged = slots.iter().any(Option::is_none);
        let greatest = slots
            .into_iter()
            .enumerate()
            .filter_map(|(slot, read)| Some((slot, read?)))
            // Of two that say the same, the one that carries nothing was stored later.
            .max_by_key(|(_, read)| (read.end.order(), read.carried.is_none()));
        let (slot, end, carried) = match greatest {
            Some((slot, read)) => (Some(slot), read.end, read.carried),
            None => (None, self.end_of_good_records()?, None),
        };
        let frontier = carried.as_ref().map_or(end, |carried| carried.before);
        if slot.is_none() && frontier.last_frame.is_none() {
            let what = match self.file_len {
                0 => "the file is empty",
                _ => "neither a frontier nor a record in it is whole",
            };
            return Ok(RecordLogState::Garbage(what.to_owned()));
        }
        let items = self.items_below(&frontier)?;
        let mut facts = RecordLogFacts {
            items,
            slot,
            frontier,
            tail: Vec::new(),
            tail_bytes: Vec::new(),
            tail_end: frontier,
            is_carried: carried.is_some(),
            sector_damaged: sector.is_err(),
            slot_damaged,
            file_len: self.file_len,
        };
        if let Some(carried) = carried {
            facts.tail.push(carried.item);
            facts.tail_bytes = carried.bytes;
            facts.tail_end = end;
        }
        if slot.is_some() {
            self.read_tail(&mut facts)?;
        }
        Ok(RecordLogState::Log(Box::new(facts)))
    }

    /// ItemKind a slot says; `None` where it says nothing that can be believed.
    fn read_slot(&self, bytes: &[u8], slot: usize) -> Option<ReadSlot> {
        let read = RecordSlot::decode(bytes, self.seed, slot);
        let SlotState::Valid(end) = read.state else {
            return None;
        };
        let carried = match read.carried {
            None => None,
            Some(bytes) => Some(self.read_carried(&end, bytes)?),
        };
        Some(ReadSlot { end, carried })
    }

    /// The record that a slot carries. `None`: it is none, so the slot was not written by us.
    fn read_carried(&self, end: &FrontierSlot, bytes: Vec<u8>) -> Option<EmbeddedRecord> {
        let at = end.last_frame?;
        let header = FrameHeader::decode(&bytes, self.seed, at).ok()?;
        if !is_record_header(&header) || header.len() != bytes.len() as u64 {
            return None;
        }
        let payload = bytes.get(FRAME_HEADER_LEN..)?;
        let record = CheckpointRecord::decode(&header, self.seed, payload, self.shard_count);
        let record = record.ok()?;
        let previous_len = u64::from(header.previous_len);
        Some(EmbeddedRecord {
            before: FrontierSlot {
                end: at,
                next_id: header.first_id,
                // Bounded by the offset when the header was decoded; 0 only for the first record.
                last_frame: (previous_len > 0).then(|| FileOffset(at.0 - previous_len)),
                ..*end
            },
            item: RecordLogItem {
                number: header.first_id,
                offset: at,
                len: header.len(),
                what: ItemKind::Record(record.kind, record.user_id, record.timestamp_ns),
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

    /// The header of the record at `at`, if there is one that ends at or before `limit`.
    fn header_at(&mut self, at: FileOffset, limit: FileOffset) -> io::Result<Option<FrameHeader>> {
        let bytes =
            self.window
                .bytes(&self.source, at, FRAME_HEADER_LEN, self.read_ahead, limit)?;
        let header = bytes.and_then(|bytes| FrameHeader::decode(bytes, self.seed, at).ok());
        Ok(header.filter(|header| is_record_header(header) && at + header.len() <= limit))
    }

    /// The same, if it also follows a frame that has this end.
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

    /// The payload of a record, as far as the file goes.
    fn payload(&mut self, at: FileOffset, header: &FrameHeader) -> io::Result<Vec<u8>> {
        let start = at + FRAME_HEADER_LEN as u64;
        let limit = start + u64::from(header.stored_len);
        let len = header.stored_len as usize;
        let bytes = self
            .window
            .bytes(&self.source, start, len, self.read_ahead, limit)?;
        memory::copied(bytes.unwrap_or_default())
    }

    fn record(
        &mut self,
        at: FileOffset,
        header: &FrameHeader,
    ) -> io::Result<std::result::Result<CheckpointRecord, RecordFault>> {
        let payload = self.payload(at, header)?;
        Ok(CheckpointRecord::decode(
            header,
            self.seed,
            &payload,
            self.shard_count,
        ))
    }

    fn item(&mut self, at: FileOffset, header: &FrameHeader) -> io::Result<RecordLogItem> {
        let what = match self.record(at, header)? {
            Ok(record) => ItemKind::Record(record.kind, record.user_id, record.timestamp_ns),
            Err(RecordFault::Body { kind, user_id }) => ItemKind::DamagedBody(kind, user_id),
            Err(RecordFault::Name) => ItemKind::Damaged("the record does not match its checksum"),
        };
        Ok(RecordLogItem {
            number: header.first_id,
            offset: at,
            len: header.len(),
            what,
        })
    }

    /// Without a slot: how far records follow each other, up to the last whole one.
    fn end_of_good_records(&mut self) -> io::Result<FrontierSlot> {
        let limit = FileOffset(self.file_len.max(HEADER_AREA_LEN));
        let mut good = empty_log();
        let mut reached = good;
        while let Some(header) = self.header_after(&reached, limit)? {
            let is_good = self.record(reached.end, &header)?.is_ok();
            reached = end_after(&reached, &header);
            if is_good {
                good = reached;
            }
        }
        Ok(good)
    }

    fn items_below(&mut self, frontier: &FrontierSlot) -> io::Result<Vec<RecordLogItem>> {
        let mut items = Vec::new();
        let mut reached = empty_log();
        while reached.end < frontier.end {
            if let Some(header) = self.header_after(&reached, frontier.end)? {
                items.push(self.item(reached.end, &header)?);
                reached = end_after(&reached, &header);
                continue;
            }
            let behind = self.records_behind(reached.end, frontier)?;
            let damage_end = behind.first().map_or(frontier.end, |(at, _)| *at);
            items.push(RecordLogItem {
                number: reached.next_id,
                offset: reached.end,
                len: damage_end - reached.end,
                what: ItemKind::Damaged("the header of a record is damaged"),
            });
            for (at, header) in &behind {
                items.push(self.item(*at, header)?);
            }
            break;
        }
        Ok(items)
    }

    /// The records behind the damage at `damaged`, found from the frontier along back links.
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

    fn read_tail(&mut self, facts: &mut RecordLogFacts) -> io::Result<()> {
        let limit = FileOffset(self.file_len);
        while let Some(header) = self.header_after(&facts.tail_end, limit)? {
            let at = facts.tail_end.end;
            let item = self.item(at, &header)?;
            if !matches!(item.what, ItemKind::Record(..)) {
                break;
            }
            facts
                .tail_bytes
                .extend_from_slice(&header.encode(self.seed, at));
            facts.tail_bytes.extend(self.payload(at, &header)?);
            facts.tail_end = end_after(&facts.tail_end, &header);
            facts.tail.push(item);
        }
        Ok(())
    }
}

/// The end of a log without a record.
pub fn empty_log() -> FrontierSlot {
    FrontierSlot {
        end: RECORDS_AT,
        next_id: EntryId(0),
        last_frame: None,
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
    }
}

/// The length of the frame before the end; 0 when there is none.
pub fn previous_len(end: &FrontierSlot) -> u64 {
    end.last_frame.map_or(0, |last| end.end - last)
}

/// The end once a frame follows.
pub fn end_after(before: &FrontierSlot, header: &FrameHeader) -> FrontierSlot {
    FrontierSlot {
        end: before.end + header.len(),
        next_id: header.end_id(),
        last_frame: Some(before.end),
        ..*before
    }
}
