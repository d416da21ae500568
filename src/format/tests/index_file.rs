//! Must hold: the derived index is whole or it is nothing.

use proptest::prelude::*;

use crate::format::footer::IndexPoint;
use crate::format::index_file::IndexFile;
use crate::format::index_file::IndexedSegment;
use crate::format::tests::KEY;
use crate::format::tests::assert_golden;
use crate::format::tests::for_each_flip;
use crate::ids::EntryId;
use crate::ids::FileOffset;

fn segment(first_id: u64, end_id: u64, frames_end: u64, sealed: bool) -> IndexedSegment {
    IndexedSegment {
        first_id: EntryId(first_id),
        end_id: EntryId(end_id),
        frames_end,
        sealed,
    }
}

fn sample() -> IndexFile {
    IndexFile {
        key: KEY.to_owned(),
        segments: vec![
            segment(500, 990, 70_000, true),
            segment(1000, 1004, 0x664, false),
        ],
        active_points: vec![IndexPoint {
            id: EntryId(1000),
            offset: FileOffset(0x600),
        }],
    }
}

/// The sample with some bytes replaced and the CRC made good again.
fn forged(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = sample().encode();
    bytes[at..at + value.len()].copy_from_slice(value);
    let covered = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[..covered]);
    bytes[covered..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn an_index_file_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 49 58 0d 0a 1a 01 00 0a 00 00 00 00 00"),
        (0x10, "02 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00"),
        (0x20, "f4 01 00 00 00 00 00 00 de 03 00 00 00 00 00 00"),
        (0x30, "70 11 01 00 00 00 00 00 01 00 00 00 00 00 00 00"),
        (0x40, "e8 03 00 00 00 00 00 00 ec 03 00 00 00 00 00 00"),
        (0x50, "64 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x60, "e8 03 00 00 00 00 00 00 00 06 00 00 00 00 00 00"),
        (0x70, "74 72 61 64 65 73 2f 45 55 52 ae d9 9c 74"),
    ];
    assert_golden(&sample().encode(), 126, &rows);
    assert_eq!(IndexFile::decode(&sample().encode()), Some(sample()));
}

#[test]
fn every_single_bit_flip_of_an_index_file_is_rejected() {
    for_each_flip(&sample().encode(), |bit, flipped| {
        assert_eq!(IndexFile::decode(flipped), None, "bit {bit}");
    });
}

#[test]
fn an_index_file_that_is_cut_short_is_rejected() {
    let bytes = sample().encode();
    for len in 0..bytes.len() {
        assert_eq!(IndexFile::decode(&bytes[..len]), None, "{len} bytes");
    }
}

/// A count that lies must neither allocate nor lead out of the file.
#[test]
fn a_field_that_no_writer_stores_is_rejected_even_under_a_good_crc() {
    let rows: [(&str, usize, &[u8]); 9] = [
        ("another magic", 3, b"Z"),
        ("version 2", 8, &[2]),
        ("a shorter key", 10, &[9]),
        ("a reserved byte", 12, &[1]),
        ("one segment too many", 16, &[3]),
        ("2^63 segments", 23, &[0x80]),
        ("all the points there can be", 24, &[0xFF; 8]),
        ("an unknown flag", 0x38, &[2]),
        ("a segment that ends before it starts", 0x29, &[1]),
    ];
    for (name, at, value) in rows {
        assert_eq!(IndexFile::decode(&forged(at, value)), None, "{name}");
    }
}

proptest! {
    #[test]
    fn an_index_file_survives_the_round_trip(
        key in "[^\u{0}]{1,63}",
        segments: Vec<(u64, u64, u64, bool)>,
        points: Vec<(u64, u64)>,
    ) {
        let index = IndexFile {
            key,
            segments: segments
                .into_iter()
                .map(|(id, other, len, sealed)| segment(id.min(other), id.max(other), len, sealed))
                .collect(),
            active_points: points
                .into_iter()
                .map(|(id, offset)| IndexPoint { id: EntryId(id), offset: FileOffset(offset) })
                .collect(),
        };
        prop_assert_eq!(IndexFile::decode(&index.encode()), Some(index));
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes: Vec<u8>) {
        prop_assert_eq!(IndexFile::decode(&bytes), None);
    }
}
