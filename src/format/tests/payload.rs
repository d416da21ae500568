//! Must hold: what is read is what was appended, whether whole or one entry of many.

use proptest::prelude::*;

use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::payload::PayloadFault;
use crate::format::payload::PreparedFrame;
use crate::format::payload::check_payload;
use crate::format::payload::decompress;
use crate::format::payload::entry_check;
use crate::format::payload::entry_range;
use crate::format::payload::entry_row;
use crate::format::payload::table_rows_range;
use crate::format::tests::encoded;
use crate::format::tests::for_each_flip;
use crate::format::tests::other_seeds;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const AT: u64 = 1536;
const FIRST_ID: u64 = 40;

/// The header and the stored payload of a batch that begins the segment.
fn batch(entries: &[&[u8]], compress_from: Option<usize>) -> (FrameHeader, Vec<u8>) {
    let frame = PreparedFrame::many(entries, compress_from).unwrap();
    let bytes = encoded(&frame, AT, FIRST_ID, 0);
    let header = FrameHeader::decode(&bytes, seed(), FileOffset(AT)).unwrap();
    (header, bytes[FRAME_HEADER_LEN..].to_vec())
}

/// Reads one entry as a look-up does: its rows, then its bytes, then the comparison.
fn read_entry(header: &FrameHeader, payload: &[u8], index: u32) -> Option<Vec<u8>> {
    let row = entry_row(header, &payload[table_rows_range(index)], index)?;
    let entry = &payload[row.range];
    (entry_check(header, seed(), index, entry) == row.check).then(|| entry.to_vec())
}

const ENTRIES: [&[u8]; 6] = [
    b"first",
    b"",
    b"",
    b"a longer entry than the others",
    b"x",
    b"",
];

#[test]
fn one_entry_of_many_is_read_through_two_rows() {
    let (header, payload) = batch(&ENTRIES, None);
    for (index, entry) in (0..).zip(ENTRIES) {
        assert!(table_rows_range(index).len() <= 16);
        assert_eq!(
            read_entry(&header, &payload, index).as_deref(),
            Some(entry),
            "entry {index}"
        );
    }
    assert_eq!(entry_row(&header, &payload[40..56], 6), None);
    assert_eq!(entry_row(&header, &payload[0..8], 1), None);
}

#[test]
fn every_single_bit_flip_of_a_batch_is_noticed_when_it_is_checked_whole() {
    let (header, payload) = batch(&ENTRIES, None);
    assert_eq!(check_payload(&header, seed(), &payload), Ok(()));
    for_each_flip(&payload, |bit, flipped| {
        let fault = check_payload(&header, seed(), flipped).unwrap_err();
        let in_table = bit / 8 < ENTRIES.len() * 8;
        assert_eq!(
            matches!(fault, PayloadFault::Crc { .. }),
            in_table,
            "bit {bit}: {fault:?}"
        );
    });
}

/// A flip that concerns an entry is noticed by its reader; one that does not leaves it readable.
#[test]
fn every_single_bit_flip_of_an_entry_or_its_row_is_noticed_by_its_reader() {
    let (header, payload) = batch(&ENTRIES, None);
    for (index, entry) in (0..).zip(ENTRIES) {
        let rows = table_rows_range(index);
        let start_field = if index == 0 {
            0..0
        } else {
            rows.start..rows.start + 4
        };
        let own_row = rows.end - 8..rows.end;
        let bytes = entry_range(&header, &payload, index).unwrap().range;
        for_each_flip(&payload, |bit, flipped| {
            let read = read_entry(&header, flipped, index);
            let at = bit / 8;
            let concerned =
                start_field.contains(&at) || own_row.contains(&at) || bytes.contains(&at);
            let expected = if concerned { None } else { Some(entry) };
            assert_eq!(read.as_deref(), expected, "entry {index}, bit {bit}");
        });
    }
}

#[test]
fn every_single_bit_flip_of_a_single_entry_is_noticed() {
    let parts: [&[u8]; 1] = [b"an entry"];
    let frame = PreparedFrame::single(&parts, None).unwrap();
    let bytes = encoded(&frame, AT, FIRST_ID, 0);
    let header = FrameHeader::decode(&bytes, seed(), FileOffset(AT)).unwrap();
    for_each_flip(&bytes[FRAME_HEADER_LEN..], |bit, flipped| {
        let fault = check_payload(&header, seed(), flipped);
        assert!(matches!(fault, Err(PayloadFault::Crc { .. })), "bit {bit}");
        let row = entry_range(&header, flipped, 0).unwrap();
        assert_ne!(
            entry_check(&header, seed(), 0, flipped),
            row.check,
            "bit {bit}"
        );
    });
}

/// A page that was lost in writing may show rows and entries of an append that failed at the same
/// place with the same ids. They belong together, so only the frame they were made for shows it.
#[test]
fn rows_and_entries_of_another_frame_at_the_same_place_and_ids_are_rejected() {
    let (_, stale) = batch(&[b"aaaa", b"bbbb", b"cccc"], None);
    let (header, payload) = batch(&[b"aaaa", b"BBBB", b"cccc"], None);
    assert_eq!(stale.len(), payload.len());
    for index in 0..3 {
        assert_eq!(read_entry(&header, &stale, index), None, "entry {index}");
    }
    assert!(check_payload(&header, seed(), &stale).is_err());
}

#[test]
fn a_table_is_bound_to_its_segment_and_ids() {
    let (header, payload) = batch(&ENTRIES, None);
    for (name, other) in other_seeds() {
        assert!(check_payload(&header, other, &payload).is_err(), "{name}");
    }
    let moved = FrameHeader {
        first_id: EntryId(FIRST_ID + 1),
        ..header
    };
    assert!(check_payload(&moved, seed(), &payload).is_err());
    assert_eq!(read_entry(&moved, &payload, 0), None);
}

#[test]
fn an_entry_that_rotted_is_named() {
    let (header, mut payload) = batch(&ENTRIES, None);
    let range = entry_range(&header, &payload, 3).unwrap().range;
    payload[range.start] ^= 1;
    let fault = check_payload(&header, seed(), &payload);
    assert!(
        matches!(fault, Err(PayloadFault::Entry { index: 3, .. })),
        "{fault:?}"
    );
}

#[test]
fn a_payload_of_another_length_is_rejected() {
    let (header, payload) = batch(&ENTRIES, None);
    let longer = [&payload[..], &[0]].concat();
    for wrong in [
        &[][..],
        &payload[..payload.len() - 1],
        &payload[..9],
        &longer,
    ] {
        let fault = check_payload(&header, seed(), wrong);
        assert!(
            matches!(fault, Err(PayloadFault::Crc { .. })),
            "{} bytes",
            wrong.len()
        );
        assert_eq!(
            entry_range(&header, wrong, 0),
            None,
            "{} bytes",
            wrong.len()
        );
    }
}

#[test]
fn impossible_rows_are_refused_before_they_are_followed() {
    let (header, payload) = batch(&[b"aaaa", b"bbbb", b"cccc"], None);
    let rows = [
        ("an end behind the payload", 1, 8, 13),
        ("an end at 4 GiB", 1, 8, u32::MAX),
        ("a start behind the end", 1, 0, 9),
        ("a last entry that ends early", 2, 16, 11),
    ];
    for (name, index, at, value) in rows {
        let mut wrong = payload.clone();
        wrong[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(entry_range(&header, &wrong, index), None, "{name}");
    }
    assert_eq!(entry_range(&header, &payload, 3), None);
    assert_eq!(entry_range(&header, &payload, u32::MAX), None);
}

/// A header that was not decoded may hold anything; nothing here relies on it for safety.
#[test]
fn a_table_whose_rows_lead_astray_under_a_good_checksum_is_rejected() {
    let mut table = Vec::new();
    for (end, check) in [(9, 0u32), (2, 0)] {
        table.extend_from_slice(&u32::to_le_bytes(end));
        table.extend_from_slice(&check.to_le_bytes());
    }
    let payload_crc = crc32fast::hash(&table);
    let header = FrameHeader {
        payload_crc,
        first_id: EntryId(FIRST_ID),
        entry_count: 2,
        stored_len: 18,
        uncompressed_len: 18,
        previous_len: 0,
        kind: FrameKind::Many,
        codec: Codec::None,
    };
    for (index, at) in [(0, 4), (1, 12)] {
        let mask = entry_check(&header, seed(), index, b"");
        table[at..at + 4].copy_from_slice(&mask.to_le_bytes());
    }
    let payload = [&table[..], b"ab"].concat();
    assert_eq!(
        check_payload(&header, seed(), &payload),
        Err(PayloadFault::Table)
    );
    let hostile = FrameHeader {
        entry_count: u32::MAX,
        ..header
    };
    assert!(check_payload(&hostile, seed(), &payload).is_err());
    assert_eq!(entry_range(&hostile, &payload, 0), None);
}

#[cfg(feature = "compression")]
mod compressed {
    use super::*;

    fn frame_of(entries: &[&[u8]], gathered: bool) -> (FrameHeader, Vec<u8>) {
        let frame = if gathered {
            PreparedFrame::single(entries, Some(0)).unwrap()
        } else {
            PreparedFrame::many(entries, Some(0)).unwrap()
        };
        let bytes = encoded(&frame, AT, FIRST_ID, 0);
        let header = FrameHeader::decode(&bytes, seed(), FileOffset(AT)).unwrap();
        assert_eq!(header.codec, Codec::Lz4);
        (header, bytes[FRAME_HEADER_LEN..].to_vec())
    }

    #[test]
    fn entries_come_back_out_of_a_compressed_frame() {
        let (long, zeros) = ([b'a'; 700], [0; 900]);
        let entries: [&[u8]; 3] = [&long, b"", &zeros];
        let (header, stored) = frame_of(&entries, false);
        assert_eq!(check_payload(&header, seed(), &stored), Ok(()));
        let payload = decompress(&header, &stored).unwrap();
        for (index, entry) in (0..).zip(entries) {
            let row = entry_range(&header, &payload, index).unwrap();
            assert_eq!(&payload[row.range.clone()], entry, "entry {index}");
            assert_eq!(
                entry_check(&header, seed(), index, entry),
                row.check,
                "entry {index}"
            );
            assert_ne!(
                entry_check(&header, seed(), index, b"other"),
                row.check,
                "entry {index}"
            );
        }
        let (header, stored) = frame_of(&entries, true);
        let payload = decompress(&header, &stored).unwrap();
        let row = entry_range(&header, &payload, 0).unwrap();
        assert_eq!(payload[row.range], entries.concat());
        assert_eq!(entry_check(&header, seed(), 0, &payload), row.check);
    }

    #[test]
    fn every_single_bit_flip_of_a_compressed_payload_is_noticed() {
        let long = [b'a'; 700];
        for gathered in [false, true] {
            let (header, stored) = frame_of(&[&long, &long], gathered);
            for_each_flip(&stored, |bit, flipped| {
                let whole = check_payload(&header, seed(), flipped);
                let unpacked = decompress(&header, flipped);
                assert!(matches!(whole, Err(PayloadFault::Crc { .. })), "bit {bit}");
                assert!(
                    matches!(unpacked, Err(PayloadFault::Crc { .. })),
                    "bit {bit}"
                );
            });
        }
    }

    /// The checksum may be good and the block a forgery: its length is what the header says, or
    /// it is refused. The output never grows past that.
    #[test]
    fn a_block_of_another_length_than_the_header_says_is_refused() {
        let long = [b'a'; 700];
        let (header, stored) = frame_of(&[&long], true);
        for uncompressed_len in [699, 701, 0, 2000] {
            let wrong = FrameHeader {
                uncompressed_len,
                ..header
            };
            let fault = decompress(&wrong, &stored);
            assert_eq!(fault, Err(PayloadFault::Decompress), "{uncompressed_len}");
        }
        let noise = b"\xFF\xFF\xFF\xFF\xFF";
        let crc = crc32fast::hash(noise);
        let forged = FrameHeader {
            payload_crc: crc,
            stored_len: 5,
            ..header
        };
        assert_eq!(decompress(&forged, noise), Err(PayloadFault::Decompress));
    }

    #[test]
    fn a_frame_that_is_not_compressed_is_not_decompressed() {
        let (header, payload) = batch(&ENTRIES, None);
        assert_eq!(decompress(&header, &payload), Err(PayloadFault::Decompress));
    }

    /// The bound that keeps a forged header from allocating must not refuse an honest frame.
    #[test]
    fn the_most_compressible_payload_stays_within_the_growth_that_is_allowed() {
        let zeros = vec![0; 20 << 20];
        let (header, stored) = frame_of(&[&zeros], true);
        assert!(header.uncompressed_len > header.stored_len * 200);
        assert_eq!(decompress(&header, &stored).unwrap(), zeros);
    }
}

#[cfg(not(feature = "compression"))]
#[test]
fn without_the_feature_a_compressed_frame_is_refused_by_name() {
    let stored = b"anything";
    let header = FrameHeader {
        payload_crc: crc32fast::hash(stored),
        first_id: EntryId(0),
        entry_count: 1,
        stored_len: 8,
        uncompressed_len: 20,
        previous_len: 0,
        kind: FrameKind::Single,
        codec: Codec::Lz4,
    };
    assert_eq!(decompress(&header, stored), Err(PayloadFault::NoCodec));
}

proptest! {
    #[test]
    fn every_entry_of_a_batch_comes_back(
        entries in proptest::collection::vec(proptest::collection::vec(0..4u8, 0..40), 2..300),
        compress: bool,
    ) {
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let (header, stored) = batch(&slices, compress.then_some(0));
        prop_assert_eq!(check_payload(&header, seed(), &stored), Ok(()));
        let payload = match header.codec {
            Codec::None => stored,
            Codec::Lz4 => decompress(&header, &stored).unwrap(),
        };
        for (index, entry) in (0..).zip(&entries) {
            let read = read_entry(&header, &payload, index);
            prop_assert_eq!(read.as_ref(), Some(entry), "entry {}", index);
        }
    }

    #[test]
    fn any_table_is_judged_without_a_panic(payload: Vec<u8>, index: u32, entry_count: u32) {
        let header = FrameHeader {
            payload_crc: 0,
            first_id: EntryId(u64::MAX),
            entry_count,
            stored_len: payload.len() as u32,
            uncompressed_len: payload.len() as u32,
            previous_len: 0,
            kind: FrameKind::Many,
            codec: Codec::None,
        };
        let _ = check_payload(&header, seed(), &payload);
        let _ = entry_range(&header, &payload, index);
        let few = FrameHeader { entry_count: entry_count % 4, ..header };
        let _ = check_payload(&few, seed(), &payload);
        if let Some(row) = entry_range(&few, &payload, index % 4) {
            prop_assert!(row.range.end <= payload.len());
        }
    }
}
