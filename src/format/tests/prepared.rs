//! Must hold: a prepared frame is the same bytes however it is written, small if it can be.

use proptest::prelude::*;

use super::assert_golden;
use super::encoded;
use super::seed;
#[cfg(feature = "compression")]
use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frame::MAX_FRAME_LEN;
use crate::format::frame::MAX_PAYLOAD_LEN;
use crate::format::payload::PreparedFrame;
use crate::format::payload::Unprepared;
use crate::format::payload::check_payload;
use crate::ids::EntryId;
use crate::ids::FileOffset;

#[test]
fn a_frame_of_one_entry_has_its_golden_bytes() {
    let rows = [
        (0x00, "ac 08 d9 c2 86 a6 10 36 e8 03 00 00 00 00 00 00"),
        (0x10, "01 00 00 00 05 00 00 00 05 00 00 00 00 00 00 00"),
        (0x20, "01 00 00 00 68 65 6c 6c 6f"),
    ];
    let parts: [&[u8]; 3] = [b"he", b"", b"llo"];
    let frame = PreparedFrame::single(&parts, None).unwrap();
    assert_golden(&encoded(&frame, 0x600, 1000, 0), 41, &rows);
}

#[test]
fn a_frame_of_many_has_its_golden_bytes() {
    let rows = [
        (0x00, "1f 87 5b 3c b7 51 09 bb e9 03 00 00 00 00 00 00"),
        (0x10, "03 00 00 00 1b 00 00 00 1b 00 00 00 29 00 00 00"),
        (0x20, "02 00 00 00 01 00 00 00 98 27 18 e1 01 00 00 00"),
        (0x30, "19 d3 f6 30 03 00 00 00 fa 16 d1 b8 61 62 63"),
    ];
    let entries: [&[u8]; 3] = [b"a", b"", b"bc"];
    let frame = PreparedFrame::many(&entries, None).unwrap();
    assert_golden(&encoded(&frame, 0x629, 1001, 41), 63, &rows);
}

#[test]
fn one_entry_makes_the_same_frame_as_a_batch_of_one() {
    let entry: [&[u8]; 1] = [b"hello"];
    let single = PreparedFrame::single(&entry, None).unwrap();
    let many = PreparedFrame::many(&entry, None).unwrap();
    assert_eq!(encoded(&single, 1536, 7, 0), encoded(&many, 1536, 7, 0));
}

#[test]
fn an_entry_of_no_bytes_is_a_frame_of_a_header_alone() {
    let nothing: [&[&[u8]]; 3] = [&[], &[b""], &[b"", b""]];
    for parts in nothing {
        let frame = PreparedFrame::single(parts, Some(0)).unwrap();
        let bytes = encoded(&frame, 1536, 0, 0);
        assert_eq!(bytes.len(), FRAME_HEADER_LEN);
        let header = FrameHeader::decode(&bytes, seed(), FileOffset(1536)).unwrap();
        assert_eq!(check_payload(&header, seed(), &[]), Ok(()));
    }
}

/// The lengths are summed before anything is copied: slices may overlap and so add up to more
/// than there is memory.
#[test]
fn a_frame_over_the_limit_is_refused_with_its_size() {
    let mebibyte = vec![7; 1 << 20];
    let rest = &mebibyte[..(MAX_PAYLOAD_LEN % (1 << 20)) as usize];
    let mut parts: Vec<&[u8]> = vec![&mebibyte; (MAX_PAYLOAD_LEN >> 20) as usize];
    parts.push(rest);
    let fits = PreparedFrame::single(&parts, None).unwrap();
    assert_eq!(fits.frame_len(), MAX_FRAME_LEN);
    parts.push(b"x");
    let size_bytes = MAX_FRAME_LEN + 1;
    assert_eq!(
        refused_size(PreparedFrame::single(&parts, None)),
        size_bytes
    );
    let size_bytes = size_bytes + 8 * parts.len() as u64;
    assert_eq!(refused_size(PreparedFrame::many(&parts, None)), size_bytes);
    assert_eq!(
        refused_size(PreparedFrame::many(&parts, Some(0))),
        size_bytes
    );
}

fn refused_size(made: Result<PreparedFrame<'_>, Unprepared>) -> u64 {
    match made.err() {
        Some(Unprepared::TooLarge { size_bytes }) => size_bytes,
        other => panic!("{other:?}"),
    }
}

#[cfg(feature = "compression")]
#[test]
fn only_what_gets_smaller_and_is_long_enough_is_compressed() {
    let repeated = vec![b'a'; 1000];
    let noise: Vec<u8> = (0..1000u32)
        .map(|n| crc32fast::hash(&n.to_le_bytes()) as u8)
        .collect();
    let rows: [(&str, &[u8], Option<usize>, bool); 6] = [
        ("never", &repeated, None, false),
        ("too short by one", &repeated, Some(1001), false),
        ("long enough", &repeated, Some(1000), true),
        ("any length", &repeated, Some(0), true),
        ("grows", &noise, Some(0), false),
        ("too short to win", b"abc", Some(0), false),
    ];
    for (name, entry, compress_from, compressed) in rows {
        let parts = [entry];
        let frame = PreparedFrame::single(&parts, compress_from).unwrap();
        let bytes = encoded(&frame, 1536, 0, 0);
        let header = FrameHeader::decode(&bytes, seed(), FileOffset(1536)).unwrap();
        assert_eq!(header.codec == Codec::Lz4, compressed, "{name}");
        assert_eq!(
            u64::from(header.uncompressed_len),
            entry.len() as u64,
            "{name}"
        );
        assert_eq!(
            frame.frame_len() < 1036,
            compressed || entry.len() < 1000,
            "{name}"
        );
    }
}

#[cfg(not(feature = "compression"))]
#[test]
fn without_the_feature_nothing_is_compressed() {
    let parts: [&[u8]; 1] = [&[b'a'; 1000]];
    let frame = PreparedFrame::single(&parts, Some(0)).unwrap();
    assert_eq!(frame.frame_len(), 1036);
}

proptest! {
    #[test]
    fn both_ways_to_write_a_frame_give_the_same_bytes(
        entries in proptest::collection::vec(proptest::collection::vec(0..4u8, 0..60), 1..20),
        first_id in 0..u64::MAX - 20,
        gathered: bool,
        compress: bool,
    ) {
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let compress_from = compress.then_some(0);
        let frame = if gathered {
            PreparedFrame::single(&slices, compress_from).unwrap()
        } else {
            PreparedFrame::many(&slices, compress_from).unwrap()
        };
        let (at, first_id) = (FileOffset(5000), EntryId(first_id));
        let mut copied = b"before".to_vec();
        let header = frame.encode_into(&mut copied, seed(), at, first_id, 99).unwrap();
        let (same_header, prefix, rest) = frame.parts(seed(), at, first_id, 99).unwrap();
        prop_assert_eq!(header, same_header);
        prop_assert_eq!([prefix, rest.concat()].concat(), &copied[6..]);
        prop_assert_eq!(FrameHeader::decode(&copied[6..], seed(), at), Ok(header));
        prop_assert_eq!(frame.frame_len(), header.len());
        prop_assert_eq!(frame.frame_len(), copied.len() as u64 - 6);
        prop_assert_eq!(header.entry_count, frame.entry_count());
        let one_entry = gathered || entries.len() == 1;
        prop_assert_eq!(header.kind == FrameKind::Single, one_entry);
    }
}
