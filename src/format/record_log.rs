//! What does one kind of record log write into its file, and what do its records say?
//!
//! All record logs share one layout. A [`RecordFormat`] names the log, binds its checksums, encodes
//! the header sector and gives records their meaning:
//!
//! ```text
//!   0        512      1024     1536
//!   ┌────────┬────────┬────────┬──────────┬──────────┬───┐
//!   │ header │ slot 0 │ slot 1 │ record 0 │ record 1 │ … │
//!   └────────┴────────┴────────┴──────────┴──────────┴───┘
//! ```
//!
//! A record is an uncompressed frame (`frame`, `payload`) with a fixed number of entries. It takes as
//! many ids. Its first id orders it among all records that the log has ever held.

use std::io;

use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::HEADER_AREA_LEN;
use crate::format::PreparedFrame;
use crate::format::SECTOR_LEN;
use crate::format::SegmentSeed;
use crate::format::Unprepared;
use crate::format::frame::Codec;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// Offset of the first record.
pub const RECORDS_AT: FileOffset = FileOffset(HEADER_AREA_LEN);

/// The format of one kind of record log.
pub trait RecordFormat {
    /// A record.
    type Record;
    /// What a scan retains of a whole record.
    type Summary;
    /// What can still be read of a record that fails its checksum.
    type Remains;
    /// Why a file is another log's, or another version's.
    type Foreign;

    /// Entries per record, and ids per record.
    const ENTRY_COUNT: u32;
    /// The longest payload of a record, in bytes.
    const MAX_PAYLOAD_LEN: usize;
    /// The finding for a record whose remains are readable.
    const DAMAGED_RECORD: &'static str;

    /// The log's name in errors.
    fn name(&self) -> &str;

    /// What binds the log's checksums.
    fn seed(&self) -> SegmentSeed;

    /// The first sector of the file.
    fn header_sector(&self) -> [u8; SECTOR_LEN];

    /// Checks the start of a file; fewer than 512 bytes if the file ends there.
    fn check_header_sector(&self, start: &[u8]) -> Result<(), SectorFault<Self::Foreign>>;

    /// The entries of a record: [`Self::ENTRY_COUNT`] of them.
    fn entries(&self, record: &Self::Record) -> Vec<Vec<u8>>;

    /// Decodes the payload of a frame whose header passed [`Self::is_record_header`].
    fn decode(
        &self,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<Self::Record, RecordFault<Self::Remains>>;

    /// What a scan retains of this record.
    fn summary(&self, record: Self::Record) -> Self::Summary;

    /// Whether a record can have this frame header. If so, its length may be allocated.
    fn is_record_header(&self, header: &FrameHeader) -> bool {
        let kind = match Self::ENTRY_COUNT {
            1 => FrameKind::Single,
            _ => FrameKind::Many,
        };
        header.kind == kind
            && header.codec == Codec::None
            && header.entry_count == Self::ENTRY_COUNT
            && header.stored_len as usize <= Self::MAX_PAYLOAD_LEN
    }

    /// The frame to write at `at`; an error if there is no memory for it.
    fn encode(
        &self,
        record: &Self::Record,
        at: FileOffset,
        first_id: EntryId,
        previous_len: u32,
    ) -> io::Result<Vec<u8>> {
        let entries = self.entries(record);
        debug_assert_eq!(entries.len(), Self::ENTRY_COUNT as usize);
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        match PreparedFrame::many(&entries, None) {
            Ok(frame) => {
                frame.encode_into(&mut bytes, self.seed(), at, first_id, previous_len)?;
            }
            Err(Unprepared::NoMemory(error)) => return Err(error),
            // MAX_PAYLOAD_LEN is far below the limit of frames.
            Err(Unprepared::TooLarge { .. }) => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(bytes)
    }
}

/// Why the first sector of a file is not the header sector of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorFault<Foreign> {
    /// Torn, rotten, short, or of no known kind.
    Damaged,
    /// The file must not be touched.
    Foreign(Foreign),
}

/// Why a frame with a good header is not a whole record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFault<Remains> {
    /// Part of it is good.
    Partial(Remains),
    /// None of it can be believed.
    Unreadable,
}
