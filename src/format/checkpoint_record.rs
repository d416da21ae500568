//! What does a record of `checkpoints.log` say?
//!
//! A record is a frame of two entries, uncompressed, under the rules of `record_log`:
//!
//! ```text
//!   name   0      1            body   0         2             4      8           16
//!          ┌──────┬─────────┐         ┌─────────┬─────────────┬──────┬───────────┬──────────┬───┐
//!          │ kind │ user id │         │ version │ shard count │ zero │ timestamp │ offset 0 │ … │
//!          └──────┴─────────┘         └─────────┴─────────────┴──────┴───────────┴──────────┴───┘
//! ```
//!
//! Each of the two entries has its own check: if the body rots, the name still says which checkpoint
//! is lost.

use crate::format::FrameHeader;
use crate::format::SECTOR_LEN;
use crate::format::SegmentSeed;
use crate::format::ShardCountFault;
use crate::format::ShardCountSector;
use crate::format::check_payload;
use crate::format::entry_check;
use crate::format::entry_range;
use crate::format::fields::put_u16;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::frame::TABLE_ROW_LEN;
use crate::format::names::CHECKPOINTS_FILE;
use crate::format::record_log::RecordFault;
use crate::format::record_log::RecordFormat;
use crate::format::record_log::SectorFault;
use crate::ids::EntryId;

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
/// The longest payload: two rows, the longest name, the most offsets.
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
    /// All checkpoints older than the one named were pruned.
    PrunedBefore,
    /// All checkpoints later than the one named are gone, and all shards are cut to its offsets. As long as
    /// it is the last record, shards may not be cut yet.
    RollingBack,
    /// All shards were cut to the offsets of the one named.
    RolledBack,
}

/// A record of `checkpoints.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// What it does.
    pub kind: RecordKind,
    /// The checkpoint's id, as the user gave it.
    pub user_id: Vec<u8>,
    /// When the checkpoint was created, in nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// The next id of each shard, in the order of shards. Of all but `Created`: of the named one.
    pub offsets: Vec<u64>,
}

/// A record's name: what remains readable if only the body is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointName {
    /// What the record does.
    pub kind: RecordKind,
    /// The checkpoint's id.
    pub user_id: Vec<u8>,
}

/// A whole record without its offsets, which stay in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// The record's name.
    pub name: CheckpointName,
    /// When the checkpoint was created, in nanoseconds since 1970.
    pub timestamp_ns: u64,
}

/// Why a `checkpoints.log` cannot be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignCheckpoints {
    /// Written by a newer version of this library.
    Newer(u16),
    /// Written by the 0.6 crate.
    Version06,
    /// Of a log with another number of shards.
    OtherCount(u16),
}

/// The format of `checkpoints.log` in a log with this many shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointFormat {
    /// The number of shards.
    pub shard_count: u16,
}

impl RecordKind {
    fn to_byte(self) -> u8 {
        match self {
            RecordKind::Created => 1,
            RecordKind::PrunedBefore => 2,
            RecordKind::RollingBack => 3,
            RecordKind::RolledBack => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let all = [
            RecordKind::Created,
            RecordKind::PrunedBefore,
            RecordKind::RollingBack,
            RecordKind::RolledBack,
        ];
        all.into_iter().find(|kind| kind.to_byte() == byte)
    }
}

impl RecordFormat for CheckpointFormat {
    type Record = CheckpointRecord;
    type Summary = CheckpointSummary;
    type Remains = CheckpointName;
    type Foreign = ForeignCheckpoints;

    const ENTRY_COUNT: u32 = ENTRY_COUNT;
    const MAX_PAYLOAD_LEN: usize = MAX_PAYLOAD_LEN;
    const DAMAGED_RECORD: &'static str = "the record of a checkpoint does not match its checksum";

    fn name(&self) -> &str {
        CHECKPOINTS_FILE
    }

    fn seed(&self) -> SegmentSeed {
        let shard_count = u64::from(self.shard_count);
        SegmentSeed::new(CHECKPOINTS_FILE, EntryId(0), shard_count)
    }

    fn header_sector(&self) -> [u8; SECTOR_LEN] {
        ShardCountSector::Checkpoints.encode(self.shard_count)
    }

    fn check_header_sector(&self, start: &[u8]) -> Result<(), SectorFault<ForeignCheckpoints>> {
        let foreign = match ShardCountSector::Checkpoints.decode(start) {
            Ok(count) if count == self.shard_count => return Ok(()),
            Ok(count) => ForeignCheckpoints::OtherCount(count),
            Err(ShardCountFault::Newer(version)) => ForeignCheckpoints::Newer(version),
            Err(ShardCountFault::Version06) => ForeignCheckpoints::Version06,
            Err(ShardCountFault::Damaged) => return Err(SectorFault::Damaged),
        };
        Err(SectorFault::Foreign(foreign))
    }

    fn entries(&self, record: &CheckpointRecord) -> Vec<Vec<u8>> {
        vec![encode_name(record), encode_body(record)]
    }

    fn decode(
        &self,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<CheckpointRecord, RecordFault<CheckpointName>> {
        let seed = self.seed();
        let name = checked_entry(header, seed, payload, 0);
        let Some((kind, user_id)) = name.and_then(decode_name) else {
            return Err(RecordFault::Unreadable);
        };
        let body = checked_entry(header, seed, payload, 1);
        let is_whole = check_payload(header, seed, payload).is_ok();
        match body.and_then(|body| decode_body(body, self.shard_count)) {
            Some((timestamp_ns, offsets)) if is_whole => Ok(CheckpointRecord {
                kind,
                user_id,
                timestamp_ns,
                offsets,
            }),
            _ => Err(RecordFault::Partial(CheckpointName { kind, user_id })),
        }
    }

    fn summary(&self, record: CheckpointRecord) -> CheckpointSummary {
        CheckpointSummary {
            name: CheckpointName {
                kind: record.kind,
                user_id: record.user_id,
            },
            timestamp_ns: record.timestamp_ns,
        }
    }
}

fn encode_name(record: &CheckpointRecord) -> Vec<u8> {
    let mut name = Vec::with_capacity(KIND_LEN + record.user_id.len());
    name.push(record.kind.to_byte());
    name.extend_from_slice(&record.user_id);
    name
}

fn encode_body(record: &CheckpointRecord) -> Vec<u8> {
    let mut body = vec![0; OFFSETS_AT + record.offsets.len() * OFFSET_LEN];
    put_u16(&mut body, VERSION_AT, RECORD_VERSION);
    put_u16(&mut body, COUNT_AT, record.offsets.len() as u16);
    put_u64(&mut body, TIMESTAMP_AT, record.timestamp_ns);
    for (shard, offset) in record.offsets.iter().enumerate() {
        put_u64(&mut body, OFFSETS_AT + shard * OFFSET_LEN, *offset);
    }
    body
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
    use crate::ids::FileOffset;

    const AT: FileOffset = FileOffset(HEADER_AREA_LEN);
    const FORMAT: CheckpointFormat = CheckpointFormat { shard_count: 2 };

    fn example() -> CheckpointRecord {
        CheckpointRecord {
            kind: RecordKind::Created,
            user_id: b"daily-1".to_vec(),
            timestamp_ns: 1_700_000_000_000_000_000,
            offsets: vec![5, 7],
        }
    }

    fn decoded(bytes: &[u8]) -> Option<Result<CheckpointRecord, RecordFault<CheckpointName>>> {
        let header = FrameHeader::decode(bytes, FORMAT.seed(), AT).ok()?;
        let payload = &bytes[FRAME_HEADER_LEN..];
        FORMAT
            .is_record_header(&header)
            .then(|| FORMAT.decode(&header, payload))
    }

    /// Computed by an independent program from docs/FORMAT.md.
    const GOLDEN: &str = "79216c5807b8a5d50000000000000000020000003800000038000000000000000200000008000000 \
        23998b5a28000000c4e2ca07016461696c792d31010002000000000000002a36fe9c971705000000 \
        000000000700000000000000";

    #[test]
    fn a_record_has_its_golden_bytes() {
        let bytes = FORMAT
            .encode(&example(), AT, EntryId(0), 0)
            .expect("memory");
        assert_eq!(bytes, hex(GOLDEN));
        assert_eq!(decoded(&bytes), Some(Ok(example())));
    }

    #[test]
    fn the_records_of_a_rollback_have_their_golden_bytes() {
        // By the same program.
        let rolling = "63d9f58b8bce6b1f00000000000000000200000038000000380000000000000002000000080000009f9b27bd\
            2800000096f7cb62036461696c792d31010002000000000000002a36fe9c9717050000000000000007000000\
            00000000";
        let rolled = "012be24d18682ffe0000000000000000020000003800000038000000000000000200000008000000e7217b50\
            28000000f3531a0a046461696c792d31010002000000000000002a36fe9c9717050000000000000007000000\
            00000000";
        for (kind, golden) in [
            (RecordKind::RollingBack, rolling),
            (RecordKind::RolledBack, rolled),
        ] {
            let record = CheckpointRecord { kind, ..example() };
            let bytes = FORMAT.encode(&record, AT, EntryId(0), 0).expect("memory");
            assert_eq!(bytes, hex(golden), "{kind:?}");
            assert_eq!(decoded(&bytes), Some(Ok(record)));
        }
    }

    #[test]
    fn a_flipped_bit_never_gives_another_record_and_mostly_leaves_the_name() {
        let bytes = hex(GOLDEN);
        let body_at = bytes.len() - (OFFSETS_AT + 2 * OFFSET_LEN);
        for_each_flip(&bytes, |bit, flipped| match decoded(flipped) {
            None => assert!(bit / 8 < FRAME_HEADER_LEN, "bit {bit}"),
            Some(Ok(record)) => panic!("bit {bit}: {record:?}"),
            Some(Err(RecordFault::Unreadable)) => assert!(bit / 8 < body_at, "bit {bit}"),
            Some(Err(RecordFault::Partial(name))) => {
                let name = (name.kind, &name.user_id[..]);
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
        let format = CheckpointFormat {
            shard_count: u16::MAX,
        };
        let bytes = format.encode(&record, AT, EntryId(8), 0).expect("memory");
        let header = FrameHeader::decode(&bytes, format.seed(), AT).expect("a good header");
        assert!(format.is_record_header(&header));
        assert_eq!(header.stored_len as usize, MAX_PAYLOAD_LEN);
        let payload = &bytes[FRAME_HEADER_LEN..];
        let decoded = format.decode(&header, payload);
        assert_eq!(decoded, Ok(record));
    }

    #[test]
    fn a_record_of_another_shard_count_or_place_is_none() {
        let bytes = FORMAT
            .encode(&example(), AT, EntryId(0), 0)
            .expect("memory");
        let other = CheckpointFormat { shard_count: 3 };
        assert!(FrameHeader::decode(&bytes, other.seed(), AT).is_err());
        assert!(FrameHeader::decode(&bytes, FORMAT.seed(), AT + 1).is_err());
    }
}
