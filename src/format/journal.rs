//! What stands in a file of the commit journal?
//!
//! A header sector, then records, each at a multiple of 512 bytes. A file is used many times, and each
//! use is a *turn* with a number of its own, drawn at random, in the header. No record of an earlier turn
//! is ever good again.
//!
//! ```text
//! header   0       8         10      12     16     24       40      48     508
//!          ┌───────┬─────────┬───────┬──────┬──────┬────────┬───────┬──────┬─────┐
//!          │ magic │ version │ aside │ zero │ turn │ log id │ nonce │ zero │ CRC │
//!          └───────┴─────────┴───────┴──────┴──────┴────────┴───────┴──────┴─────┘
//! record   0       4     8          12           16       24     32
//!          ┌───────┬─────┬──────────┬────────────┬────────┬──────┬───────┐
//!          │ magic │ CRC │ item len │ item count │ number │ zero │ items │  zeros to the next sector
//!          └───────┴─────┴──────────┴────────────┴────────┴──────┴───────┘
//! item     0      1         2      4          8             16         24           32       40
//!          ┌──────┬─────────┬──────┬──────────┬─────────────┬──────────┬────────────┬────────┬─────┬───────┐
//!          │ kind │ key len │ zero │ byte len │ incarnation │ first id │ generation │ offset │ key │ bytes │
//!          └──────┴─────────┴──────┴──────────┴─────────────┴──────────┴────────────┴────────┴─────┴───────┘
//! ```
//!
//! The CRC of a record is over all of it behind the CRC. It starts from the CRC of nonce and turn, and from
//! the offset in the file. Numbers of records go on from file to file: so a good record proves that all
//! before it were durable. A file *aside* is written once, whole; its records are numbered from 1.

use crate::checksum::crc32_parts;
use crate::checksum::crc32_seeded;
use crate::format::fields::all_zeros;
use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::identity::LOG_ID_LEN;
use crate::format::identity::LogId;
use crate::format::names::check_key;
use crate::format::segment_header::SECTOR_LEN;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// The version that is written.
pub const JOURNAL_VERSION: u16 = 1;

/// Where the first record of a file stands.
pub const JOURNAL_RECORDS_AT: u64 = SECTOR_LEN as u64;

/// The bytes of a record before its items.
pub const JOURNAL_RECORD_HEADER_LEN: usize = 32;

const MAGIC: [u8; 8] = *b"\x89IWJL\r\n\x1a";
const VERSION_AT: usize = MAGIC.len();
const ASIDE_AT: usize = VERSION_AT + 2;
const TURN_AT: usize = 16;
const _: () = assert!(ASIDE_AT + 2 <= TURN_AT);
const LOG_ID_AT: usize = TURN_AT + 8;
const NONCE_AT: usize = LOG_ID_AT + LOG_ID_LEN;
const HEADER_CRC_AT: usize = SECTOR_LEN - 4;
const _: () = assert!(NONCE_AT + 8 <= HEADER_CRC_AT);

const RECORD_MAGIC: [u8; 4] = *b"IWjr";
const RECORD_CRC_AT: usize = RECORD_MAGIC.len();
const ITEMS_LEN_AT: usize = RECORD_CRC_AT + 4;
const ITEM_COUNT_AT: usize = ITEMS_LEN_AT + 4;
const NUMBER_AT: usize = ITEM_COUNT_AT + 4;
const CHECKED_FROM: usize = ITEMS_LEN_AT;
const _: () = assert!(NUMBER_AT + 16 == JOURNAL_RECORD_HEADER_LEN);

const KIND_AT: usize = 0;
const KEY_LEN_AT: usize = 1;
const BYTES_LEN_AT: usize = 4;
const INCARNATION_AT: usize = 8;
const FIRST_ID_AT: usize = 16;
const GENERATION_AT: usize = 24;
const OFFSET_AT: usize = 32;
const ITEM_HEADER_LEN: usize = 40;

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHeader {
    /// It holds what poisoned streams need, and takes no records in turns.
    pub is_aside: bool,
    /// Files are in the order of their turns.
    pub turn: u64,
    /// The log that it belongs to.
    pub log: LogId,
    /// Drawn at random for each turn.
    pub nonce: u64,
}

/// Why bytes are no header of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalHeaderFault {
    /// Zeros, or less than a sector: the file holds nothing.
    Empty,
    /// Torn, rotten, or of something else.
    Damaged,
    /// Of a later version.
    Newer(u16),
}

impl JournalHeader {
    /// The sector to store.
    pub fn encode(&self) -> [u8; SECTOR_LEN] {
        self.encode_version(JOURNAL_VERSION)
    }

    fn encode_version(&self, version: u16) -> [u8; SECTOR_LEN] {
        let mut sector = [0; SECTOR_LEN];
        sector[..VERSION_AT].copy_from_slice(&MAGIC);
        put_u16(&mut sector, VERSION_AT, version);
        put_u16(&mut sector, ASIDE_AT, u16::from(self.is_aside));
        put_u64(&mut sector, TURN_AT, self.turn);
        sector[LOG_ID_AT..NONCE_AT].copy_from_slice(&self.log.0);
        put_u64(&mut sector, NONCE_AT, self.nonce);
        let crc = crc32_parts(&[&sector[..HEADER_CRC_AT]]);
        put_u32(&mut sector, HEADER_CRC_AT, crc);
        sector
    }

    /// Decodes the first bytes of a file. Bytes behind the sector are not read.
    pub fn decode(bytes: &[u8]) -> Result<JournalHeader, JournalHeaderFault> {
        let Some(sector) = bytes.first_chunk::<SECTOR_LEN>() else {
            return Err(JournalHeaderFault::Empty);
        };
        if all_zeros(sector) {
            return Err(JournalHeaderFault::Empty);
        }
        let crc = crc32_parts(&[&sector[..HEADER_CRC_AT]]);
        if !sector.starts_with(&MAGIC) || u32_at(sector, HEADER_CRC_AT) != crc {
            return Err(JournalHeaderFault::Damaged);
        }
        let version = u16_at(sector, VERSION_AT);
        if version > JOURNAL_VERSION {
            return Err(JournalHeaderFault::Newer(version));
        }
        let mut log = [0; LOG_ID_LEN];
        log.copy_from_slice(&sector[LOG_ID_AT..NONCE_AT]);
        let header = JournalHeader {
            is_aside: u16_at(sector, ASIDE_AT) != 0,
            turn: u64_at(sector, TURN_AT),
            log: LogId(log),
            nonce: u64_at(sector, NONCE_AT),
        };
        // Encoding it again checks that all else is zero.
        match header.encode() == *sector {
            true => Ok(header),
            false => Err(JournalHeaderFault::Damaged),
        }
    }

    /// What the checksums of this turn's records start from.
    pub fn seed(&self) -> JournalSeed {
        let nonce = self.nonce.to_le_bytes();
        JournalSeed(crc32_parts(&[&nonce, &self.turn.to_le_bytes()]))
    }
}

/// Binds records to one turn of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSeed(u32);

/// What an item says of the segment that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalItemKind {
    /// These bytes stand at this offset of the segment's file.
    Bytes,
    /// These bytes begin the frontier slot at this offset: zeros stand behind them, and the checksum.
    Slot,
    /// The stream of this incarnation is deleted: no item of it counts that stands before this one, in any record.
    Void,
}

impl JournalItemKind {
    fn to_byte(self) -> u8 {
        match self {
            JournalItemKind::Bytes => 1,
            JournalItemKind::Slot => 2,
            JournalItemKind::Void => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let kinds = [Self::Bytes, Self::Slot, Self::Void];
        kinds.into_iter().find(|kind| kind.to_byte() == byte)
    }
}

/// One item of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalItem<'a> {
    /// What it says.
    pub kind: JournalItemKind,
    /// The stream's key, as `check_key` admits it.
    pub key: &'a str,
    /// The stream's incarnation.
    pub incarnation: u64,
    /// The first id of the segment.
    pub first_id: EntryId,
    /// The generation of the segment.
    pub generation: u64,
    /// Where the bytes stand in the segment's file.
    pub offset: FileOffset,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> JournalItem<'a> {
    /// How many bytes of a record it takes.
    pub fn len(&self) -> usize {
        ITEM_HEADER_LEN + self.key.len() + self.bytes.len()
    }

    /// Appends it to the items of a record. The key is at most 255 bytes long, the bytes less than 4 GiB.
    pub fn put(&self, record: &mut Vec<u8>) {
        let mut header = [0; ITEM_HEADER_LEN];
        header[KIND_AT] = self.kind.to_byte();
        header[KEY_LEN_AT] = self.key.len() as u8;
        put_u32(&mut header, BYTES_LEN_AT, self.bytes.len() as u32);
        put_u64(&mut header, INCARNATION_AT, self.incarnation);
        put_u64(&mut header, FIRST_ID_AT, self.first_id.0);
        put_u64(&mut header, GENERATION_AT, self.generation);
        put_u64(&mut header, OFFSET_AT, self.offset.0);
        record.extend_from_slice(&header);
        record.extend_from_slice(self.key.as_bytes());
        record.extend_from_slice(self.bytes);
    }

    /// The item that these bytes begin with, and what follows it. `None`: no writer stores such bytes.
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let header = bytes.first_chunk::<ITEM_HEADER_LEN>()?;
        let key_end = ITEM_HEADER_LEN + usize::from(header[KEY_LEN_AT]);
        let end = key_end.checked_add(u32_at(header, BYTES_LEN_AT) as usize)?;
        let key = std::str::from_utf8(bytes.get(ITEM_HEADER_LEN..key_end)?).ok()?;
        let item = JournalItem {
            kind: JournalItemKind::from_byte(header[KIND_AT])?,
            key,
            incarnation: u64_at(header, INCARNATION_AT),
            first_id: EntryId(u64_at(header, FIRST_ID_AT)),
            generation: u64_at(header, GENERATION_AT),
            offset: FileOffset(u64_at(header, OFFSET_AT)),
            bytes: bytes.get(key_end..end)?,
        };
        let is_bounded = item.offset.0.checked_add(item.bytes.len() as u64).is_some();
        let fits = match item.kind {
            JournalItemKind::Bytes => is_bounded,
            JournalItemKind::Slot => is_bounded && item.bytes.len() <= SECTOR_LEN - 4,
            JournalItemKind::Void => item.bytes.is_empty(),
        };
        let is_possible = fits && check_key(key).is_ok() && header[2..BYTES_LEN_AT] == [0, 0];
        is_possible.then(|| (item, &bytes[end..]))
    }
}

/// The bytes that a record takes in the file, to the next sector, if its items take this many.
pub fn journal_record_len(items_len: usize) -> usize {
    (JOURNAL_RECORD_HEADER_LEN + items_len).next_multiple_of(SECTOR_LEN)
}

/// Finishes a record: `record` begins with 32 bytes for the header, and its items follow. Pads it with zeros
/// to the next sector.
pub fn finish_journal_record(
    record: &mut Vec<u8>,
    (item_count, number): (u32, u64),
    seed: JournalSeed,
    at: FileOffset,
) {
    let items_len = record.len().saturating_sub(JOURNAL_RECORD_HEADER_LEN);
    record.resize(journal_record_len(items_len), 0);
    record[..RECORD_CRC_AT].copy_from_slice(&RECORD_MAGIC);
    put_u32(record, ITEMS_LEN_AT, items_len as u32);
    put_u32(record, ITEM_COUNT_AT, item_count);
    put_u64(record, NUMBER_AT, number);
    put_u64(record, NUMBER_AT + 8, 0);
    let crc = crc32_seeded(seed.0, at.0, &record[CHECKED_FROM..]);
    put_u32(record, RECORD_CRC_AT, crc);
}

/// A good record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord<'a> {
    /// Goes on from record to record, over all files.
    pub number: u64,
    /// What it holds.
    pub items: Vec<JournalItem<'a>>,
    /// The bytes that it takes in the file.
    pub len: u64,
}

impl<'a> JournalRecord<'a> {
    /// The record that stands at `at`, with which these bytes begin. `None`: none, or a bad one.
    pub fn decode(bytes: &'a [u8], seed: JournalSeed, at: FileOffset) -> Option<Self> {
        let header = bytes.first_chunk::<JOURNAL_RECORD_HEADER_LEN>()?;
        if !header.starts_with(&RECORD_MAGIC) {
            return None;
        }
        let items_len = u32_at(header, ITEMS_LEN_AT) as usize;
        let end = JOURNAL_RECORD_HEADER_LEN.checked_add(items_len)?;
        let len = end.checked_next_multiple_of(SECTOR_LEN)?;
        let record = bytes.get(..len)?;
        let crc = crc32_seeded(seed.0, at.0, &record[CHECKED_FROM..]);
        if u32_at(header, RECORD_CRC_AT) != crc
            || u64_at(header, NUMBER_AT + 8) != 0
            || !all_zeros(&record[end..])
        {
            return None;
        }
        let mut items = Vec::new();
        let mut rest = &record[JOURNAL_RECORD_HEADER_LEN..end];
        while !rest.is_empty() {
            let (item, behind) = JournalItem::take(rest)?;
            items.push(item);
            rest = behind;
        }
        let is_whole = items.len() == u32_at(header, ITEM_COUNT_AT) as usize && !items.is_empty();
        is_whole.then_some(JournalRecord {
            number: u64_at(header, NUMBER_AT),
            items,
            len: len as u64,
        })
    }

    /// How many bytes of the file a record takes that begins with these bytes. `None`: they begin none.
    pub fn stated_len(bytes: &[u8]) -> Option<u64> {
        let header = bytes.first_chunk::<JOURNAL_RECORD_HEADER_LEN>()?;
        let end = JOURNAL_RECORD_HEADER_LEN as u64 + u64::from(u32_at(header, ITEMS_LEN_AT));
        let len = end.next_multiple_of(SECTOR_LEN as u64);
        header.starts_with(&RECORD_MAGIC).then_some(len)
    }

    /// How many of these bytes a checksum takes, if they begin like a record. `None`: they do not.
    pub fn checked_len(bytes: &[u8]) -> Option<usize> {
        let header = bytes.first_chunk::<JOURNAL_RECORD_HEADER_LEN>()?;
        let items_len = u32_at(header, ITEMS_LEN_AT) as usize;
        let len = JOURNAL_RECORD_HEADER_LEN.saturating_add(items_len);
        header
            .starts_with(&RECORD_MAGIC)
            .then_some(len.min(bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::assert_golden;
    use crate::format::tests::for_each_flip;

    const HEADER: JournalHeader = JournalHeader {
        is_aside: false,
        turn: 3,
        log: LogId(*b"0123456789abcdef"),
        nonce: 0x1122_3344_5566_7788,
    };
    const AT: FileOffset = FileOffset(1024);

    fn items() -> [JournalItem<'static>; 3] {
        let bytes = JournalItem {
            kind: JournalItemKind::Bytes,
            key: "trades/EUR",
            incarnation: 5,
            first_id: EntryId(1000),
            generation: 2,
            offset: FileOffset(1536),
            bytes: b"frames",
        };
        let sector = JournalItem {
            kind: JournalItemKind::Slot,
            offset: FileOffset(512),
            bytes: b"slot",
            ..bytes
        };
        let void = JournalItem {
            kind: JournalItemKind::Void,
            key: "gone",
            first_id: EntryId(0),
            generation: 0,
            offset: FileOffset(0),
            bytes: b"",
            ..bytes
        };
        [bytes, sector, void]
    }

    fn record() -> Vec<u8> {
        let mut record = vec![0; JOURNAL_RECORD_HEADER_LEN];
        items().iter().for_each(|item| item.put(&mut record));
        finish_journal_record(&mut record, (3, 7), HEADER.seed(), AT);
        record
    }

    #[test]
    fn header_and_record_have_their_golden_bytes() {
        let rows = [
            (0x00, "89 49 57 4a 4c 0d 0a 1a 01 00 00 00 00 00 00 00"),
            (0x10, "03 00 00 00 00 00 00 00"),
            (0x18, "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"),
            (0x28, "88 77 66 55 44 33 22 11"),
            (0x1fc, HEADER_CRC),
        ];
        assert_golden(&HEADER.encode(), SECTOR_LEN, &rows);
        let rows = [
            (0x00, "49 57 6a 72"),
            (0x04, RECORD_CRC),
            (0x08, "9a 00 00 00 03 00 00 00 07 00 00 00 00 00 00 00"),
            // The bytes.
            (0x20, "01 0a 00 00 06 00 00 00 05 00 00 00 00 00 00 00"),
            (0x30, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
            (0x40, "00 06 00 00 00 00 00 00"),
            (0x48, "74 72 61 64 65 73 2f 45 55 52 66 72 61 6d 65 73"),
            // The sector.
            (0x58, "02 0a 00 00 04 00 00 00 05 00 00 00 00 00 00 00"),
            (0x68, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
            (0x78, "00 02 00 00 00 00 00 00"),
            (0x80, "74 72 61 64 65 73 2f 45 55 52 73 6c 6f 74"),
            // The void.
            (0x8e, "03 04 00 00 00 00 00 00 05 00 00 00 00 00 00 00"),
            (0xb6, "67 6f 6e 65"),
        ];
        assert_golden(&record(), SECTOR_LEN, &rows);
    }

    /// Computed with zlib.
    const HEADER_CRC: &str = "22 da bc a5";
    const RECORD_CRC: &str = "b4 b5 ce dd";

    #[test]
    fn each_comes_back_and_no_other_byte_string_is_taken_for_one() {
        let sector = HEADER.encode();
        assert_eq!(JournalHeader::decode(&sector), Ok(HEADER));
        for_each_flip(&sector, |bit, flipped| {
            assert!(JournalHeader::decode(flipped).is_err(), "bit {bit}");
        });
        let aside = JournalHeader {
            is_aside: true,
            ..HEADER
        };
        assert_eq!(JournalHeader::decode(&aside.encode()), Ok(aside));
        assert_eq!(aside.encode()[10..12], [1, 0]);
        let newer = HEADER.encode_version(2);
        let decoded = JournalHeader::decode(&newer);
        assert_eq!(decoded, Err(JournalHeaderFault::Newer(2)));
        for len in 0..SECTOR_LEN {
            let decoded = JournalHeader::decode(&sector[..len]);
            assert_eq!(decoded, Err(JournalHeaderFault::Empty));
        }
        let record = record();
        let decoded = JournalRecord::decode(&record, HEADER.seed(), AT).expect("is good");
        assert_eq!(decoded.items, items());
        assert_eq!((decoded.number, decoded.len), (7, SECTOR_LEN as u64));
        for_each_flip(&record, |bit, flipped| {
            let decoded = JournalRecord::decode(flipped, HEADER.seed(), AT);
            assert_eq!(decoded, None, "bit {bit}");
        });
        for len in 0..SECTOR_LEN {
            assert_eq!(
                JournalRecord::decode(&record[..len], HEADER.seed(), AT),
                None
            );
        }
    }

    #[test]
    fn a_record_is_good_in_its_turn_and_at_its_place_only() {
        let record = record();
        let other_turn = JournalHeader { turn: 4, ..HEADER };
        let other_nonce = JournalHeader { nonce: 1, ..HEADER };
        for other in [other_turn, other_nonce] {
            assert_eq!(JournalRecord::decode(&record, other.seed(), AT), None);
        }
        let elsewhere = FileOffset(AT.0 + 512);
        let decoded = JournalRecord::decode(&record, HEADER.seed(), elsewhere);
        assert_eq!(decoded, None);
    }

    #[test]
    fn a_good_checksum_makes_no_impossible_item_good() {
        let [bytes, sector, void] = items();
        let long = [0; SECTOR_LEN - 3];
        let wrong = [
            JournalItem { key: "", ..bytes },
            JournalItem {
                key: "a\0b",
                ..bytes
            },
            JournalItem {
                offset: FileOffset(u64::MAX),
                ..bytes
            },
            JournalItem {
                bytes: &long,
                ..sector
            },
            JournalItem {
                bytes: b"x",
                ..void
            },
        ];
        for item in wrong {
            let mut record = vec![0; JOURNAL_RECORD_HEADER_LEN];
            item.put(&mut record);
            finish_journal_record(&mut record, (1, 7), HEADER.seed(), AT);
            let decoded = JournalRecord::decode(&record, HEADER.seed(), AT);
            assert_eq!(decoded, None, "{item:?}");
        }
        let mut record = vec![0; JOURNAL_RECORD_HEADER_LEN];
        bytes.put(&mut record);
        finish_journal_record(&mut record, (2, 7), HEADER.seed(), AT);
        assert_eq!(JournalRecord::decode(&record, HEADER.seed(), AT), None);
    }
}
