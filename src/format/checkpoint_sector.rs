//! How many shards does a sharded log have, and is this its record?
//!
//! `shards.meta` consists of this sector; `checkpoints.log` begins with it. Only the magic differs.
//!
//! ```text
//!   0       8         10            12     508
//!   ┌───────┬─────────┬─────────────┬──────┬─────┐
//!   │ magic │ version │ shard count │ zero │ CRC │
//!   └───────┴─────────┴─────────────┴──────┴─────┘
//! ```

use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::segment_header::SECTOR_LEN;

/// The version that is written.
pub const SHARDED_VERSION: u16 = 1;

const MAGIC_AT: usize = 0;
const MAGIC_LEN: usize = 8;
const VERSION_AT: usize = MAGIC_AT + MAGIC_LEN;
const COUNT_AT: usize = VERSION_AT + 2;
const CRC_AT: usize = SECTOR_LEN - 4;
const _: () = assert!(COUNT_AT + 2 <= CRC_AT);

/// What a checkpoint log of the 0.6 crate begins with.
const MAGIC_06: &[u8; 4] = b"CKPT";

/// Which file begins with the sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardCountSector {
    /// `shards.meta`.
    Shards,
    /// `checkpoints.log`.
    Checkpoints,
}

/// Why bytes are not the sector of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardCountFault {
    /// Torn, rotten, short, or of another file.
    Damaged,
    /// Written by a newer version.
    Newer(u16),
    /// A checkpoint log of the 0.6 crate.
    Version06,
}

impl ShardCountSector {
    fn magic(self) -> [u8; MAGIC_LEN] {
        match self {
            ShardCountSector::Shards => *b"\x89IWSH\r\n\x1a",
            ShardCountSector::Checkpoints => *b"\x89IWCK\r\n\x1a",
        }
    }

    /// The sector that records `shard_count`.
    pub fn encode(self, shard_count: u16) -> [u8; SECTOR_LEN] {
        self.encode_version(SHARDED_VERSION, shard_count)
    }

    fn encode_version(self, version: u16, shard_count: u16) -> [u8; SECTOR_LEN] {
        let mut sector = [0; SECTOR_LEN];
        sector[MAGIC_AT..VERSION_AT].copy_from_slice(&self.magic());
        put_u16(&mut sector, VERSION_AT, version);
        put_u16(&mut sector, COUNT_AT, shard_count);
        let crc = crc32fast::hash(&sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        sector
    }

    /// The shard count that the first bytes of the file record.
    pub fn decode(self, bytes: &[u8]) -> Result<u16, ShardCountFault> {
        if self == ShardCountSector::Checkpoints && bytes.starts_with(MAGIC_06) {
            return Err(ShardCountFault::Version06);
        }
        let Some(sector) = bytes.first_chunk::<SECTOR_LEN>() else {
            return Err(ShardCountFault::Damaged);
        };
        let version = u16_at(sector, VERSION_AT);
        let proven = sector.starts_with(&self.magic())
            && u32_at(sector, CRC_AT) == crc32fast::hash(&sector[..CRC_AT]);
        if proven && version > SHARDED_VERSION {
            return Err(ShardCountFault::Newer(version));
        }
        let shard_count = u16_at(sector, COUNT_AT);
        // Comparing with a fresh encoding checks that all other bytes are zero.
        match shard_count > 0 && *sector == self.encode(shard_count) {
            true => Ok(shard_count),
            false => Err(ShardCountFault::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::assert_golden;
    use crate::format::tests::for_each_flip;

    const FILES: [ShardCountSector; 2] = [ShardCountSector::Shards, ShardCountSector::Checkpoints];

    #[test]
    fn the_sectors_have_their_golden_bytes() {
        let rows = [
            (0, "89 49 57 53 48 0d 0a 1a 01 00 10 00"),
            (0x1fc, SHARDS_CRC),
        ];
        assert_golden(&ShardCountSector::Shards.encode(16), SECTOR_LEN, &rows);
        let rows = [
            (0, "89 49 57 43 4b 0d 0a 1a 01 00 02 00"),
            (0x1fc, CHECKPOINTS_CRC),
        ];
        assert_golden(&ShardCountSector::Checkpoints.encode(2), SECTOR_LEN, &rows);
    }

    /// Computed with zlib.
    const SHARDS_CRC: &str = "48 e8 06 0a";
    const CHECKPOINTS_CRC: &str = "b6 70 04 e1";

    #[test]
    fn every_count_comes_back_and_no_other_byte_string_is_taken_for_one() {
        for file in FILES {
            for count in [1, 2, 255, 256, u16::MAX] {
                let sector = file.encode(count);
                assert_eq!(file.decode(&sector), Ok(count));
                for_each_flip(&sector, |bit, flipped| {
                    assert!(file.decode(flipped).is_err(), "bit {bit}");
                });
            }
            let sector = file.encode(7);
            for len in 0..SECTOR_LEN {
                assert_eq!(file.decode(&sector[..len]), Err(ShardCountFault::Damaged));
            }
            assert_eq!(file.decode(&file.encode(0)), Err(ShardCountFault::Damaged));
        }
        let other = ShardCountSector::Shards.encode(7);
        assert_eq!(
            ShardCountSector::Checkpoints.decode(&other),
            Err(ShardCountFault::Damaged)
        );
    }

    #[test]
    fn newer_and_older_formats_are_distinguished_from_damage() {
        for file in FILES {
            let newer = file.encode_version(2, 7);
            assert_eq!(file.decode(&newer), Err(ShardCountFault::Newer(2)));
        }
        let file = ShardCountSector::Checkpoints;
        assert_eq!(file.decode(b"CKPT...."), Err(ShardCountFault::Version06));
    }
}
