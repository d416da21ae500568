//! What must hold: a payload that is checked piece by piece is judged as one that is checked whole,
//! whatever the pieces are, and each of its bytes is asked for once and in order.

use proptest::prelude::*;

use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::payload::PayloadFault;
use crate::format::payload::PieceCheck;
use crate::format::payload::PreparedFrame;
use crate::format::payload::Wants;
use crate::format::payload::check_payload;
use crate::format::tests::encoded;
use crate::format::tests::for_each_flip;
use crate::format::tests::seed;
use crate::ids::FileOffset;

const AT: u64 = 1536;

fn frame_of(entries: &[&[u8]], compress_from: Option<usize>) -> (FrameHeader, Vec<u8>) {
    let frame = PreparedFrame::many(entries, compress_from).unwrap();
    let bytes = encoded(&frame, AT, 7, 0);
    let header = FrameHeader::decode(&bytes, seed(), FileOffset(AT)).unwrap();
    (header, bytes[FRAME_HEADER_LEN..].to_vec())
}

/// The result of the check, and how many bytes were taken. `again`: what stands in the payload when
/// rows are read a second time.
fn by_pieces(
    header: &FrameHeader,
    payload: &[u8],
    again: &[u8],
    most: usize,
) -> (Result<(), PayloadFault>, usize) {
    let mut check = PieceCheck::new(header, seed());
    let mut taken = 0;
    loop {
        match check.wants(most) {
            Wants::Bytes(range) => {
                assert_eq!(range.start, taken, "in order");
                assert!(range.len() <= most.max(8) && !range.is_empty());
                taken = range.end;
                check.take(&payload[range]);
            }
            Wants::Rows(range) => {
                assert!(range.len() <= most.max(8) && !range.is_empty());
                check.take_rows(&again[range]);
            }
            Wants::Nothing => return (check.finish(), taken),
        }
    }
}

const ENTRIES: [&[u8]; 7] = [b"", b"first", b"", b"", b"longer than others", b"x", b""];

#[test]
fn every_single_bit_flip_is_judged_as_by_the_check_of_the_whole() {
    for entries in [&ENTRIES[..], &ENTRIES[1..2], &[&[0; 30], &[0; 30]]] {
        let (header, payload) = frame_of(entries, None);
        for most in [1, 8, 13, 24, 1000] {
            let whole = by_pieces(&header, &payload, &payload, most);
            assert_eq!(whole, (Ok(()), payload.len()));
            for_each_flip(&payload, |bit, flipped| {
                let expected = check_payload(&header, seed(), flipped);
                let (found, _) = by_pieces(&header, flipped, flipped, most);
                assert!(found.is_err(), "bit {bit}, pieces of {most}");
                assert_eq!(found, expected, "bit {bit}, pieces of {most}");
            });
        }
    }
}

/// The checked entries are those of the table that was written.
#[test]
fn a_table_that_changed_before_it_was_read_again_is_noticed() {
    let (header, payload) = frame_of(&ENTRIES, None);
    let rows = &payload[..ENTRIES.len() * 8];
    for_each_flip(rows, |bit, flipped| {
        let again = [flipped, &payload[rows.len()..]].concat();
        for most in [8, 24, 1000] {
            let (found, _) = by_pieces(&header, &payload, &again, most);
            assert!(found.is_err(), "bit {bit}, pieces of {most}");
        }
    });
}

#[cfg(feature = "compression")]
#[test]
fn a_compressed_payload_is_checked_as_it_is_stored() {
    let entry = vec![7; 5000];
    let (header, payload) = frame_of(&[&entry, &entry], Some(0));
    assert!(payload.len() < 1000);
    assert_eq!(
        by_pieces(&header, &payload, &payload, 9),
        (Ok(()), payload.len())
    );
    for_each_flip(&payload, |bit, flipped| {
        let expected = check_payload(&header, seed(), flipped);
        let (found, _) = by_pieces(&header, flipped, flipped, 9);
        assert_eq!(found, expected, "bit {bit}");
    });
}

proptest! {
    #[test]
    fn every_batch_is_good_by_pieces_and_every_byte_of_it_is_asked_for(
        entries in proptest::collection::vec(proptest::collection::vec(0..4u8, 0..40), 1..300),
        most in 1..3000usize,
    ) {
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let (header, payload) = frame_of(&slices, None);
        let found = by_pieces(&header, &payload, &payload, most);
        prop_assert_eq!(found, (Ok(()), payload.len()));
    }

    #[test]
    fn any_table_is_judged_by_pieces_without_a_panic(
        payload in proptest::collection::vec(0..3u8, 0..200),
        entry_count in 1..30u32,
        most in 1..100usize,
    ) {
        let (header, _) = frame_of(&ENTRIES, None);
        let header = FrameHeader {
            entry_count,
            stored_len: payload.len() as u32,
            uncompressed_len: payload.len() as u32,
            ..header
        };
        let (found, _) = by_pieces(&header, &payload, &payload, most);
        prop_assert_eq!(found.is_ok(), check_payload(&header, seed(), &payload).is_ok());
    }
}
