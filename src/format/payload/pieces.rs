//! Is a payload whole whose bytes come piece by piece?
//!
//! For frames that are larger than a reader's buffer. The result is that of
//! [`check_payload`](super::check_payload). [`PieceCheck::wants`] returns what to read next: every
//! byte of the payload once and in order. Of a frame of many, the rows of its table are read a
//! second time, just before their entries. These rows are checked against the payload CRC as well,
//! so that they are the rows of the first read.

use std::ops::Range;

use crc32fast::Hasher;

use crate::format::frame::Codec;
use crate::format::frame::FrameHeader;
use crate::format::frame::TABLE_ROW_LEN;
use crate::format::payload::check::EntryRow;
use crate::format::payload::check::PayloadFault;
use crate::format::payload::check::TableCheck;
use crate::format::payload::check::entry_row;
use crate::format::payload::check::table_len;
use crate::format::payload::check::table_rows_range;
use crate::format::seed::Masks;
use crate::format::segment_header::SegmentSeed;

/// Which bytes a check needs next; offsets are within the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The next bytes, for [`PieceCheck::take`].
    Bytes(Range<usize>),
    /// Rows of the table once more, for [`PieceCheck::take_rows`].
    Rows(Range<usize>),
    /// Nothing more: [`PieceCheck::finish`] returns the result.
    Nothing,
}

/// The check of one payload.
pub struct PieceCheck {
    header: FrameHeader,
    seed: SegmentSeed,
    /// The next byte to take.
    at: usize,
    stage: Stage,
    fault: Option<PayloadFault>,
}

enum Stage {
    /// One checksum covers all bytes as they are stored.
    Stored(Hasher),
    /// The table comes first.
    Table(TableCheck),
    Entries(Entries),
}

/// The entries behind a table that was good.
struct Entries {
    /// Of the rows that were read again.
    table: TableCheck,
    /// Buffered rows: those from `first_row` to `rows_end`, and the one before them if there is one.
    rows: Vec<u8>,
    first_row: u32,
    rows_end: u32,
    /// Where the last entry ends that has its row buffered.
    covered_to: usize,
    /// The entry that is being checked.
    index: u32,
    running: Hasher,
    masks: Masks,
}

impl PieceCheck {
    /// The check of the payload behind a header that was decoded.
    pub fn new(header: &FrameHeader, seed: SegmentSeed) -> Self {
        let is_table = header.row_count() > 0 && header.codec == Codec::None;
        let stage = match is_table {
            true => Stage::Table(TableCheck::new(header, seed)),
            false => Stage::Stored(Hasher::new()),
        };
        let fits = !is_table || table_len(header) <= header.stored_len as usize;
        PieceCheck {
            header: *header,
            seed,
            at: 0,
            stage,
            fault: (!fits).then_some(PayloadFault::Table),
        }
    }

    /// What to read next, at most so many bytes; of a table at least a row.
    pub fn wants(&self, most: usize) -> Wants {
        if self.fault.is_some() {
            return Wants::Nothing;
        }
        let whole_rows = (most / TABLE_ROW_LEN).max(1) * TABLE_ROW_LEN;
        let (end, most) = match &self.stage {
            Stage::Stored(_) => (self.header.stored_len as usize, most.max(1)),
            Stage::Table(_) => (table_len(&self.header), whole_rows),
            Stage::Entries(entries) if entries.index == entries.rows_end => {
                let start = entries.rows_end as usize * TABLE_ROW_LEN;
                let end = table_len(&self.header).min(start + whole_rows);
                return match start < end {
                    true => Wants::Rows(start..end),
                    false => Wants::Nothing,
                };
            }
            Stage::Entries(entries) => (entries.covered_to, most.max(1)),
        };
        match end.saturating_sub(self.at) {
            0 => Wants::Nothing,
            left => Wants::Bytes(self.at..self.at + left.min(most)),
        }
    }

    /// Takes the bytes that it wanted.
    pub fn take(&mut self, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Stored(running) => running.update(bytes),
            Stage::Table(table) => table.update(bytes),
            Stage::Entries(entries) => {
                let taken = entries.take(&self.header, self.at, bytes);
                self.fault = taken.err();
            }
        }
        self.at += bytes.len();
        let table_ends = self.at == table_len(&self.header);
        if let (Stage::Table(table), true) = (&self.stage, table_ends) {
            self.fault = crc_fault(&self.header, table.crc());
            self.stage = Stage::Entries(Entries::new(&self.header, self.seed));
        }
    }

    /// Takes the rows that it wanted once more.
    pub fn take_rows(&mut self, rows: &[u8]) {
        if let Stage::Entries(entries) = &mut self.stage {
            let taken = entries.take_rows(&self.header, self.at, rows);
            self.fault = taken.err();
        }
    }

    /// The result, once nothing more is wanted.
    pub fn finish(self) -> Result<(), PayloadFault> {
        let crc = match self.stage {
            Stage::Stored(running) => running.finalize(),
            Stage::Table(table) => table.crc(),
            Stage::Entries(entries) => entries.table.crc(),
        };
        match self.fault.or(crc_fault(&self.header, crc)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}

fn crc_fault(header: &FrameHeader, actual: u32) -> Option<PayloadFault> {
    let expected = header.payload_crc;
    (expected != actual).then_some(PayloadFault::Crc { expected, actual })
}

impl Entries {
    fn new(header: &FrameHeader, seed: SegmentSeed) -> Self {
        Entries {
            table: TableCheck::new(header, seed),
            rows: Vec::new(),
            first_row: 0,
            rows_end: 0,
            covered_to: 0,
            index: 0,
            running: Hasher::new(),
            masks: seed.masks(header.payload_crc, header.first_id),
        }
    }

    /// The table's row of an entry, from the buffered rows.
    fn row(&self, header: &FrameHeader, index: u32) -> Option<EntryRow> {
        let start = table_rows_range(self.first_row).start;
        let range = table_rows_range(index);
        let end = range.end.checked_sub(start)?;
        entry_row(header, self.rows.get(range.start - start..end)?, index)
    }

    fn take_rows(
        &mut self,
        header: &FrameHeader,
        at: usize,
        rows: &[u8],
    ) -> Result<(), PayloadFault> {
        self.table.update(rows);
        let before = self.rows.len().saturating_sub(TABLE_ROW_LEN);
        self.rows.drain(..before);
        self.rows.extend_from_slice(rows);
        self.first_row = self.rows_end;
        self.rows_end += (rows.len() / TABLE_ROW_LEN) as u32;
        for index in self.first_row..self.rows_end {
            let row = self.row(header, index).ok_or(PayloadFault::Table)?;
            self.covered_to = row.range.end;
        }
        self.end_entries(header, at)
    }

    /// Goes on with the bytes at `at`, all of which the rows cover.
    fn take(
        &mut self,
        header: &FrameHeader,
        mut at: usize,
        bytes: &[u8],
    ) -> Result<(), PayloadFault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let row = self.row(header, self.index).ok_or(PayloadFault::Table)?;
            let left = row.range.end.saturating_sub(at).min(rest.len());
            let (now, later) = rest.split_at(left);
            self.running.update(now);
            at += left;
            rest = later;
            self.end_entries(header, at)?;
        }
        Ok(())
    }

    /// Compares the checks of the entries that end at `at`: one, and empty ones behind it.
    fn end_entries(&mut self, header: &FrameHeader, at: usize) -> Result<(), PayloadFault> {
        while self.index < self.rows_end {
            let index = self.index;
            let row = self.row(header, index).ok_or(PayloadFault::Table)?;
            if row.range.end != at {
                break;
            }
            let running = std::mem::replace(&mut self.running, Hasher::new());
            let (expected, actual) = (row.check, running.finalize() ^ self.masks.next_mask());
            if expected != actual {
                return Err(PayloadFault::Entry {
                    index,
                    expected,
                    actual,
                });
            }
            self.index += 1;
        }
        Ok(())
    }
}
