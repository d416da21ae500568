//! What does a record of `checkpoints.log` say?
//!
//! A record is a frame of two entries, uncompressed, under the rules of `frame` and `payload`:
//!
//! ```text
//!   name   0      1            body   0         2             4      8           16
//!          ┌──────┬─────────┐         ┌─────────┬─────────────┬──────┬───────────┬──────────┬───┐
//!          │ kind │ user id │         │ version │ shard count │ zero │ timestamp │ offset 0 │ … │
//!          └──────┴─────────┘         └─────────┴─────────────┴──────┴───────────┴──────────┴───┘
//! ```
//!
//! They are two so that each has a check of its own: when the body rots, it is still known whose
//! it was. A record takes two ids, so its first id orders it among all records there ever were.

use std::io;

use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::PreparedFrame;
use crate::format::SegmentSeed;
use crate::format::Unprepared;
use crate::format::check_payload;
use crate::format::entry_check;
use crate::format::entry_range;
use crate::format::fields::put_u16;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::frame::Codec;
use crate::format::frame::TABLE_ROW_LEN;
use crate::format::names::CHECKPOINTS_FILE;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// The version of the body that is written.
const RECORD_VERSION: u16 = 1;
/// The longest id of a checkpoint, in bytes.
pub const MAX_CHECKPOINT_ID_LEN: usize = u16::MAX as usize;

const KIND_LEN: usize = 1;
const VERSION_AT: usize = 0;
const COUNT_AT: usize = VERSION_AT + 2;
const RESERVED_AT: usize = COUNT_AT + 2;
const TIMESTAMP_AT: usize = RESERVED_AT + 4;
const OFFSETS_AT: usize = TIMESTAMP_AT + 8;
const OFFSET_LEN: usize = 8;

/// Entries of a record: its name and its body.
const ENTRY_COUNT: u32 = 2;
/// No payload is longer: two rows, the longest name, the most offsets.
const MAX_PAYLOAD_LEN: usize = ENTRY_COUNT as usize * TABLE_ROW_LEN
    + KIND_LEN
    + MAX_CHECKPOINT_ID_LEN
    + OFFSETS_AT
    + u16::MAX as usize * OFFSET_LEN;

/// What a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Adds a checkpoint; an older one of the same id is superseded.
    Created,
    /// Says that all checkpoints older than the one named were pruned.
    PrunedBefore,
}

/// A record of `checkpoints.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// What it does.
    pub kind: RecordKind,
    /// The checkpoint's id, as the user gave it.
    pub user_id: Vec<u8>,
    /// When it was made, in nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// The next id of each shard, in the order of shards. Of `PrunedBefore`: of the named one.
    pub offsets: Vec<u64>,
}

/// Why a frame that has a good header holds no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFault {
    /// The name is good, the rest is not.
    Body {
        /// What the record did.
        kind: RecordKind,
        /// Whose it was.
        user_id: Vec<u8>,
    },
    /// Nothing is known of it.
    Name,
}

impl RecordKind {
    fn to_byte(self) -> u8 {
        match self {
            RecordKind::Created => 1,
            RecordKind::PrunedBefore => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [RecordKind::Created, RecordKind::PrunedBefore]
            .into_iter()
            .find(|kind| kind.to_byte() == byte)
    }
}

/// What binds the checksums of a checkpoint log: its name and the shard count.
pub fn checkpoint_seed(shard_count: u16) -> SegmentSeed {
    SegmentSeed::new(CHECKPOINTS_FILE, EntryId(0), u64::from(shard_count))
}

/// Whether a frame header is one that a record can have. Its length may then be allocated.
pub fn is_record_header(header: &FrameHeader) -> bool {
    header.kind == FrameKind::Many
        && header.codec == Codec::None
        && header.entry_count == ENTRY_COUNT
        && header.stored_len as usize <= MAX_PAYLOAD_LEN
}

impl CheckpointRecord {
    /// The frame to store at `at`; an error where there is no memory for it.
    pub fn encode(
        &self,
        seed: SegmentSeed,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
    ) -> io::Result<Vec<u8>> {
        let mut name = Vec::with_capacity(KIND_LEN + self.user_id.len());
        name.push(self.kind.to_byte());
        name.extend_from_slice(&self.user_id);
        let body = self.encode_body();
        let mut bytes = Vec::new();
        let entries: [&[u8]; ENTRY_COUNT as usize] = [&name, &body];
        match PreparedFrame::many(&entries, None) {
            Ok(frame) => frame.encode_into(&mut bytes, seed, at, first_id, previous_len)?,
            Err(Unprepared::NoMemory(error)) => return Err(error),
            // A record is far below the limit of frames.
            Err(Unprepared::TooLarge { .. }) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(bytes)
    }

    fn encode_body(&self) -> Vec<u8> {
        let mut body = vec![0; OFFSETS_AT + self.offsets.len() * OFFSET_LEN];
        put_u16(&mut body, VERSION_AT, RECORD_VERSION);
        put_u16(&mut body, COUNT_AT, self.offsets.len() as u16);
        put_u64(&mut body, TIMESTAMP_AT, self.timestamp_ns);
        for (shard, offset) in self.offsets.iter().enumerate() {
            put_u64(&mut body, OFFSETS_AT + shard * OFFSET_LEN, *offset);
        }
        body
    }

    /// The record in a payload whose header is good and a record's.
    pub fn decode(
        header: &FrameHeader,
        seed: SegmentSeed,
        payload: &[u8],
        shard_count: u16,
    ) -> Result<CheckpointRecord, RecordFault> {
        let name = checked_entry(header, seed, payload, 0);
        let Some((kind, user_id)) = name.and_then(decode_name) else {
            return Err(RecordFault::Name);
        };
        let body = checked_entry(header, seed, payload, 1);
        let whole = check_payload(header, seed, payload).is_ok();
        match body.and_then(|body| decode_body(body, shard_count)) {
            Some((timestamp_ns, offsets)) if whole => Ok(CheckpointRecord {
                kind,
                user_id,
                timestamp_ns,
                offsets,
            }),
            _ => Err(RecordFault::Body { kind, user_id }),
        }
    }
}

/// An entry, if its own check holds.
fn checked_entry<'a>(
    header: &FrameHeader,
    seed: SegmentSeed,
    payload: &'a [u8],
    index: u32,
) -> Option<&'a [u8]> {
    let row = entry_range(header, payload, index)?;
    let entry = payload.get(row.range)?;
    (entry_check(header, seed, index, entry) == row.check).then_some(entry)
}

fn decode_name(name: &[u8]) -> Option<(RecordKind, Vec<u8>)> {
    let (kind, user_id) = name.split_first()?;
    let fits = (1..=MAX_CHECKPOINT_ID_LEN).contains(&user_id.len());
    fits.then_some((RecordKind::from_byte(*kind)?, user_id.to_vec()))
}

fn decode_body(body: &[u8], shard_count: u16) -> Option<(u64, Vec<u64>)> {
    let offsets = body.get(OFFSETS_AT..)?;
    let is_possible = u16_at(body, VERSION_AT) == RECORD_VERSION
        && u16_at(body, COUNT_AT) == shard_count
        && u32_at(body, RESERVED_AT) == 0
        && offsets.len() == usize::from(shard_count) * OFFSET_LEN;
    let offsets = offsets.chunks_exact(OFFSET_LEN);
    is_possible.then(|| {
        (
            u64_at(body, TIMESTAMP_AT),
            offsets.map(|offset| u64_at(offset, 0)).collect(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FRAME_HEADER_LEN;
    use crate::format::HEADER_AREA_LEN;
    use crate::format::tests::for_each_flip;
    use crate::format::tests::hex;

    const AT: FileOffset = FileOffset(HEADER_AREA_LEN);

    fn example() -> CheckpointRecord {
        CheckpointRecord {
            kind: RecordKind::Created,
            user_id: b"daily-1".to_vec(),
            timestamp_ns: 1_700_000_000_000_000_000,
            offsets: vec![5, 7],
        }
    }

    fn decoded(bytes: &[u8]) -> Option<Result<CheckpointRecord, RecordFault>> {
        let seed = checkpoint_seed(2);
        let header = FrameHeader::decode(bytes, seed, AT).ok()?;
        let payload = &bytes[FRAME_HEADER_LEN..];
        is_record_header(&header).then(|| CheckpointRecord::decode(&header, seed, payload, 2))
    }

    /// Computed by an independent program from docs/FORMAT.md.
    const GOLDEN: &str = "79216c5807b8a5d50000000000000000020000003800000038000000000000000200000008000000 \
        23998b5a28000000c4e2ca07016461696c792d31010002000000000000002a36fe9c971705000000 \
        000000000700000000000000";

    #[test]
    fn a_record_has_its_golden_bytes() {
        let bytes = example()
            .encode(checkpoint_seed(2), AT, EntryId(0), 0)
            .expect("memory");
        assert_eq!(bytes, hex(GOLDEN));
        assert_eq!(decoded(&bytes), Some(Ok(example())));
    }

    #[test]
    fn a_flipped_bit_never_gives_another_record_and_mostly_leaves_the_name() {
        let bytes = hex(GOLDEN);
        let body_at = bytes.len() - (OFFSETS_AT + 2 * OFFSET_LEN);
        for_each_flip(&bytes, |bit, flipped| match decoded(flipped) {
            None => assert!(bit / 8 < FRAME_HEADER_LEN, "bit {bit}"),
            Some(Ok(record)) => panic!("bit {bit}: {record:?}"),
            Some(Err(RecordFault::Name)) => assert!(bit / 8 < body_at, "bit {bit}"),
            Some(Err(RecordFault::Body { kind, user_id })) => {
                let name = (kind, &user_id[..]);
                assert_eq!(name, (RecordKind::Created, &b"daily-1"[..]), "bit {bit}");
            }
        });
    }

    #[test]
    fn the_longest_id_and_the_most_shards_fit_into_a_record() {
        let record = CheckpointRecord {
            kind: RecordKind::PrunedBefore,
            user_id: vec![0; MAX_CHECKPOINT_ID_LEN],
            timestamp_ns: u64::MAX,
            offsets: vec![u64::MAX; usize::from(u16::MAX)],
        };
        let seed = checkpoint_seed(u16::MAX);
        let bytes = record.encode(seed, AT, EntryId(8), 0).expect("memory");
        let header = FrameHeader::decode(&bytes, seed, AT).expect("a good header");
        assert!(is_record_header(&header));
        assert_eq!(header.stored_len as usize, MAX_PAYLOAD_LEN);
        let payload = &bytes[FRAME_HEADER_LEN..];
        let decoded = CheckpointRecord::decode(&header, seed, payload, u16::MAX);
        assert_eq!(decoded, Ok(record));
    }

    #[test]
    fn a_record_of_another_shard_count_or_place_is_none() {
        let bytes = example()
            .encode(checkpoint_seed(2), AT, EntryId(0), 0)
            .expect("memory");
        assert!(FrameHeader::decode(&bytes, checkpoint_seed(3), AT).is_err());
        assert!(FrameHeader::decode(&bytes, checkpoint_seed(2), AT + 1).is_err());
    }
}
