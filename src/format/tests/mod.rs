//! Do bytes and values mean each other, and is every other byte noticed?
//!
//! The golden bytes were computed by an independent program from `docs/FORMAT.md`, not by ours:
//! if one of these tests fails, files in the field have become unreadable.

mod footer;
mod frame;
mod frontier_slot;
mod index_file;
mod names;
mod packet;
mod payload;
mod pieces;
mod prepared;
mod properties;
mod segment_header;
mod worked_example;

use crate::format::payload::PreparedFrame;
use crate::format::segment_header::SegmentSeed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const KEY: &str = "trades/EUR";

/// The seed of the segment in all golden bytes: `KEY`, first id 1000, generation 2.
fn seed() -> SegmentSeed {
    SegmentSeed::new(KEY, EntryId(1000), 2)
}

/// Seeds that differ from `seed` in one of the three things it is made from.
fn other_seeds() -> [(&'static str, SegmentSeed); 4] {
    [
        (
            "another stream",
            SegmentSeed::new("trades/USD", EntryId(1000), 2),
        ),
        (
            "another case",
            SegmentSeed::new("trades/eur", EntryId(1000), 2),
        ),
        ("another segment", SegmentSeed::new(KEY, EntryId(1001), 2)),
        (
            "another generation",
            SegmentSeed::new(KEY, EntryId(1000), 3),
        ),
    ]
}

/// The bytes of lines of hexadecimal digits.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// Asserts that the bytes are these rows of 16, and zero everywhere else.
pub(super) fn assert_golden(bytes: &[u8], len: usize, rows: &[(usize, &str)]) {
    let mut expected = vec![0; len];
    for (at, digits) in rows {
        let row = hex(digits);
        expected[*at..*at + row.len()].copy_from_slice(&row);
    }
    assert_eq!(to_rows(bytes), to_rows(&expected));
}

/// Rows of hexadecimal digits, each with its offset: a failed comparison should be readable.
fn to_rows(bytes: &[u8]) -> Vec<String> {
    let row = |(number, row): (usize, &[u8])| format!("{:04x} {row:02x?}", number * 16);
    bytes.chunks(16).enumerate().map(row).collect()
}

/// Calls `check` with every copy of `bytes` in which one bit is flipped.
pub(super) fn for_each_flip(bytes: &[u8], mut check: impl FnMut(usize, &[u8])) {
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(bit, &flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(flipped, bytes);
}

/// The frame as it would stand at `at`.
fn encoded(frame: &PreparedFrame<'_>, at: u64, first_id: u64, previous_len: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (at, first_id) = (FileOffset(at), EntryId(first_id));
    let encoded = frame.encode_into(&mut bytes, seed(), at, first_id, previous_len);
    encoded.expect("memory");
    bytes
}
