//! Which log is this directory: the log itself, its archive, or a stream's directory that the log
//! reaches through a link?
//!
//! One sector answers, in a file of its own. Three kinds of files have it; only the magic differs,
//! and which fields may be other than zero.
//!
//! ```text
//!   0       8         10           12     16       32              40     72         508
//!   ┌───────┬─────────┬────────────┬──────┬────────┬───────────────┬──────┬──────────┬─────┐
//!   │ magic │ version │ key length │ zero │ log id │ incarnations  │ zero │ key, zero│ CRC │
//!   └───────┴─────────┴────────────┴──────┴────────┴───────────────┴──────┴──────────┴─────┘
//! ```

use std::fmt;

use crate::format::fields::put_u16;
use crate::format::fields::put_u32;
use crate::format::fields::put_u64;
use crate::format::fields::u16_at;
use crate::format::fields::u32_at;
use crate::format::fields::u64_at;
use crate::format::names::MAX_KEY_LEN;
use crate::format::names::check_key;
use crate::format::segment_header::SECTOR_LEN;

/// The version that is written.
pub const IDENTITY_VERSION: u16 = 1;

const MAGIC_AT: usize = 0;
const MAGIC_LEN: usize = 8;
const VERSION_AT: usize = MAGIC_AT + MAGIC_LEN;
const KEY_LEN_AT: usize = VERSION_AT + 2;
const RESERVED_AT: usize = KEY_LEN_AT + 2;
const LOG_ID_AT: usize = RESERVED_AT + 4;
const INCARNATIONS_AT: usize = LOG_ID_AT + LOG_ID_LEN;
const KEY_AT: usize = INCARNATIONS_AT + 40;
const CRC_AT: usize = SECTOR_LEN - 4;
const _: () = assert!(KEY_AT + MAX_KEY_LEN <= CRC_AT);

/// How many random bytes name a log.
pub const LOG_ID_LEN: usize = 16;

/// The random bytes that name a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LogId(pub [u8; LOG_ID_LEN]);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

/// The log that a directory belongs to, as a file in it records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// `IDENTITY` in the root of a log.
    Log {
        /// Its name.
        id: LogId,
        /// The greatest incarnation that was given to a stream, or may be by now.
        incarnations: u64,
    },
    /// `IDENTITY` in the root of an archive.
    Archive {
        /// The log whose segments it holds.
        id: LogId,
    },
    /// `OWNER` in a stream's directory that a log reaches through a link.
    Linked {
        /// The log.
        id: LogId,
        /// The stream's key, as `check_key` admits it.
        key: String,
    },
}

/// Why bytes are no such sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityFault {
    /// Zeros only, or less than a sector: it was never stored whole. A write to a full disk may
    /// leave such a file.
    Never,
    /// Torn, rotten, or of something else.
    Damaged,
    /// Of a later version.
    Newer(u16),
}

impl Identity {
    /// Which log.
    pub fn log(&self) -> LogId {
        match self {
            Identity::Log { id, .. } | Identity::Archive { id } | Identity::Linked { id, .. } => {
                *id
            }
        }
    }

    fn magic(&self) -> [u8; MAGIC_LEN] {
        match self {
            Identity::Log { .. } => *b"\x89IWID\r\n\x1a",
            Identity::Archive { .. } => *b"\x89IWAR\r\n\x1a",
            Identity::Linked { .. } => *b"\x89IWOW\r\n\x1a",
        }
    }

    /// The sector to store. A key must have passed `check_key`.
    pub fn encode(&self) -> [u8; SECTOR_LEN] {
        self.encode_version(IDENTITY_VERSION)
    }

    fn encode_version(&self, version: u16) -> [u8; SECTOR_LEN] {
        let mut sector = [0; SECTOR_LEN];
        sector[MAGIC_AT..VERSION_AT].copy_from_slice(&self.magic());
        put_u16(&mut sector, VERSION_AT, version);
        sector[LOG_ID_AT..INCARNATIONS_AT].copy_from_slice(&self.log().0);
        match self {
            Identity::Log { incarnations, .. } => {
                put_u64(&mut sector, INCARNATIONS_AT, *incarnations);
            }
            Identity::Archive { .. } => {}
            Identity::Linked { key, .. } => {
                let key = &key.as_bytes()[..key.len().min(MAX_KEY_LEN)];
                put_u16(&mut sector, KEY_LEN_AT, key.len() as u16);
                sector[KEY_AT..KEY_AT + key.len()].copy_from_slice(key);
            }
        }
        let crc = crc32fast::hash(&sector[..CRC_AT]);
        put_u32(&mut sector, CRC_AT, crc);
        sector
    }

    /// Decodes the first bytes of a file. Bytes behind the sector are not read.
    pub fn decode(bytes: &[u8]) -> Result<Identity, IdentityFault> {
        let sector = bytes.first_chunk::<SECTOR_LEN>();
        let sector = sector.ok_or(IdentityFault::Never)?;
        if sector.iter().all(|byte| *byte == 0) {
            return Err(IdentityFault::Never);
        }
        let mut id = [0; LOG_ID_LEN];
        id.copy_from_slice(&sector[LOG_ID_AT..INCARNATIONS_AT]);
        let id = LogId(id);
        let key_len = usize::from(u16_at(sector, KEY_LEN_AT)).min(MAX_KEY_LEN);
        let key = std::str::from_utf8(&sector[KEY_AT..KEY_AT + key_len]).unwrap_or_default();
        let kinds = [
            Identity::Log {
                id,
                incarnations: u64_at(sector, INCARNATIONS_AT),
            },
            Identity::Archive { id },
            Identity::Linked {
                id,
                key: key.to_owned(),
            },
        ];
        let found = kinds
            .into_iter()
            .find(|kind| sector.starts_with(&kind.magic()))
            .ok_or(IdentityFault::Damaged)?;
        if u32_at(sector, CRC_AT) != crc32fast::hash(&sector[..CRC_AT]) {
            return Err(IdentityFault::Damaged);
        }
        let version = u16_at(sector, VERSION_AT);
        if version > IDENTITY_VERSION {
            return Err(IdentityFault::Newer(version));
        }
        let is_possible = match &found {
            Identity::Linked { key, .. } => check_key(key).is_ok(),
            _ => true,
        };
        // Encoding it again checks that all else is zero.
        match is_possible && found.encode() == *sector {
            true => Ok(found),
            false => Err(IdentityFault::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::assert_golden;
    use crate::format::tests::for_each_flip;

    const ID: LogId = LogId(*b"0123456789abcdef");

    fn kinds() -> [Identity; 3] {
        [
            Identity::Log {
                id: ID,
                incarnations: 0x0102_0304,
            },
            Identity::Archive { id: ID },
            Identity::Linked {
                id: ID,
                key: "trades/EUR".to_owned(),
            },
        ]
    }

    #[test]
    fn the_sectors_have_their_golden_bytes() {
        let [log, archive, linked] = kinds();
        let id = (0x10, "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66");
        let rows = [
            (0x00, "89 49 57 49 44 0d 0a 1a 01 00 00 00 00 00 00 00"),
            id,
            (0x20, "04 03 02 01 00 00 00 00"),
            (0x1fc, LOG_CRC),
        ];
        assert_golden(&log.encode(), SECTOR_LEN, &rows);
        let rows = [
            (0x00, "89 49 57 41 52 0d 0a 1a 01 00 00 00 00 00 00 00"),
            id,
            (0x1fc, ARCHIVE_CRC),
        ];
        assert_golden(&archive.encode(), SECTOR_LEN, &rows);
        let rows = [
            (0x00, "89 49 57 4f 57 0d 0a 1a 01 00 0a 00 00 00 00 00"),
            id,
            (0x48, "74 72 61 64 65 73 2f 45 55 52"),
            (0x1fc, LINKED_CRC),
        ];
        assert_golden(&linked.encode(), SECTOR_LEN, &rows);
    }

    /// Computed with zlib.
    const LOG_CRC: &str = "62 be b7 86";
    const ARCHIVE_CRC: &str = "50 7b 27 12";
    const LINKED_CRC: &str = "86 6d 36 41";

    #[test]
    fn each_comes_back_and_no_other_byte_string_is_taken_for_one() {
        for kind in kinds() {
            let sector = kind.encode();
            assert_eq!(Identity::decode(&sector), Ok(kind));
            for_each_flip(&sector, |bit, flipped| {
                assert!(Identity::decode(flipped).is_err(), "bit {bit}");
            });
            for len in 1..SECTOR_LEN {
                let decoded = Identity::decode(&sector[..len]);
                assert_eq!(decoded, Err(IdentityFault::Never));
            }
        }
        for zeros in [0, 1, SECTOR_LEN] {
            let decoded = Identity::decode(&vec![0; zeros]);
            assert_eq!(decoded, Err(IdentityFault::Never));
        }
        let no_key = Identity::Linked {
            id: ID,
            key: String::new(),
        };
        assert_eq!(
            Identity::decode(&no_key.encode()),
            Err(IdentityFault::Damaged)
        );
    }

    #[test]
    fn a_newer_version_is_distinguished_from_damage() {
        for kind in kinds() {
            let newer = kind.encode_version(2);
            assert_eq!(Identity::decode(&newer), Err(IdentityFault::Newer(2)));
        }
    }
}
