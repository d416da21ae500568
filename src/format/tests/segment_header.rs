//! Must hold: a header says what was stored, or why it cannot be believed; nothing in between.

use proptest::prelude::*;

use crate::format::segment_header::HeaderFault;
use crate::format::segment_header::Predecessor;
use crate::format::segment_header::Replaces;
use crate::format::segment_header::SegmentHeader;
use crate::format::segment_header::SegmentSeed;
use crate::format::tests::KEY;
use crate::format::tests::assert_golden;
use crate::format::tests::for_each_flip;
use crate::ids::EntryId;
use crate::ids::FileOffset;

fn sample() -> SegmentHeader {
    SegmentHeader {
        key: KEY.into(),
        first_id: EntryId(1000),
        generation: 2,
        predecessor: Some(Predecessor {
            end_id: EntryId(990),
            link: 0xCAFE_F00D,
        }),
        lost_from: EntryId(990),
        first_kept_id: EntryId(500),
        truncation_epoch: 3,
        incarnation: 0,
        replaces: Replaces::Nothing,
    }
}

fn first_of_stream() -> SegmentHeader {
    SegmentHeader {
        key: "a".into(),
        first_id: EntryId(0),
        generation: 0,
        predecessor: None,
        lost_from: EntryId(0),
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
        incarnation: 0,
        replaces: Replaces::Nothing,
    }
}

/// The sample with some bytes replaced and the CRC made good again.
fn forged(at: usize, bytes: &[u8]) -> [u8; 512] {
    let mut sector = sample().encode();
    sector[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32fast::hash(&sector[..508]);
    sector[508..].copy_from_slice(&crc.to_le_bytes());
    sector
}

#[test]
fn a_header_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 41 4c 0d 0a 1a 01 00 0a 00 00 00 00 00"),
        (0x10, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
        (0x20, "de 03 00 00 00 00 00 00 0d f0 fe ca 01 00 00 00"),
        (0x30, "de 03 00 00 00 00 00 00 f4 01 00 00 00 00 00 00"),
        (0x40, "03 00 00 00 00 00 00 00 74 72 61 64 65 73 2f 45"),
        (0x50, "55 52 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 85 10 02 e4"),
    ];
    assert_golden(&sample().encode(), 512, &rows);
}

#[test]
fn the_header_of_a_stream_begun_after_deletions_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 41 4c 0d 0a 1a 01 00 0a 00 00 00 00 00"),
        (0x10, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
        (0x20, "de 03 00 00 00 00 00 00 0d f0 fe ca 01 00 00 00"),
        (0x30, "de 03 00 00 00 00 00 00 f4 01 00 00 00 00 00 00"),
        (0x40, "03 00 00 00 00 00 00 00 74 72 61 64 65 73 2f 45"),
        (0x50, "55 52 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x1e0, "00 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 16 b6 46 05"),
    ];
    let header = SegmentHeader {
        incarnation: 7,
        ..sample()
    };
    assert_golden(&header.encode(), 512, &rows);
}

#[test]
fn the_header_of_the_first_segment_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 41 4c 0d 0a 1a 01 00 01 00 00 00 00 00"),
        (0x40, "00 00 00 00 00 00 00 00 61 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 c2 62 00 5f"),
    ];
    assert_golden(&first_of_stream().encode(), 512, &rows);
}

/// The segment that replaces the stream from id 1000 on.
fn cut() -> SegmentHeader {
    SegmentHeader {
        predecessor: Some(Predecessor {
            end_id: EntryId(1000),
            link: 0xCAFE_F00D,
        }),
        lost_from: EntryId(1000),
        replaces: Replaces::Suffix {
            clip_frame: FileOffset(0x1234),
        },
        ..sample()
    }
}

/// The segment that replaces all of the stream.
fn reset() -> SegmentHeader {
    SegmentHeader {
        predecessor: None,
        lost_from: EntryId(1000),
        first_kept_id: EntryId(1000),
        replaces: Replaces::All,
        ..sample()
    }
}

#[test]
fn the_header_of_a_cut_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 41 4c 0d 0a 1a 01 00 0a 00 00 00 00 00"),
        (0x10, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
        (0x20, "e8 03 00 00 00 00 00 00 0d f0 fe ca 03 00 00 00"),
        (0x30, "e8 03 00 00 00 00 00 00 f4 01 00 00 00 00 00 00"),
        (0x40, "03 00 00 00 00 00 00 00 74 72 61 64 65 73 2f 45"),
        (0x50, "55 52 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x1f0, "34 12 00 00 00 00 00 00 00 00 00 00 9d 48 11 67"),
    ];
    assert_golden(&cut().encode(), 512, &rows);
    assert_eq!(SegmentHeader::decode(&cut().encode()), Ok(cut()));
}

#[test]
fn the_header_of_a_reset_has_its_golden_bytes() {
    let rows = [
        (0x00, "89 49 57 41 4c 0d 0a 1a 01 00 0a 00 00 00 00 00"),
        (0x10, "e8 03 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
        (0x20, "00 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00"),
        (0x30, "e8 03 00 00 00 00 00 00 e8 03 00 00 00 00 00 00"),
        (0x40, "03 00 00 00 00 00 00 00 74 72 61 64 65 73 2f 45"),
        (0x50, "55 52 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 b0 c0 f0 9b"),
    ];
    assert_golden(&reset().encode(), 512, &rows);
    assert_eq!(SegmentHeader::decode(&reset().encode()), Ok(reset()));
}

/// Ids are given again under a greater generation only, and what is cut is not lost.
#[test]
fn a_cut_that_no_writer_makes_is_damage_even_under_a_good_crc() {
    let (cut, reset) = (cut(), reset());
    let rows: [(&str, SegmentHeader); 7] = [
        (
            "generation 0",
            SegmentHeader {
                generation: 0,
                ..cut.clone()
            },
        ),
        (
            "a reset of generation 0",
            SegmentHeader {
                generation: 0,
                ..reset.clone()
            },
        ),
        (
            "lost ids",
            SegmentHeader {
                lost_from: EntryId(999),
                ..cut.clone()
            },
        ),
        (
            "lost ids before a reset",
            SegmentHeader {
                lost_from: EntryId(999),
                ..reset.clone()
            },
        ),
        (
            "an end before the cut",
            SegmentHeader {
                predecessor: Some(Predecessor {
                    end_id: EntryId(999),
                    link: 1,
                }),
                ..cut.clone()
            },
        ),
        (
            "a clip among the slots",
            SegmentHeader {
                replaces: Replaces::Suffix {
                    clip_frame: FileOffset(1535),
                },
                ..cut.clone()
            },
        ),
        (
            "a reset behind a predecessor",
            SegmentHeader {
                replaces: Replaces::All,
                ..cut.clone()
            },
        ),
    ];
    for (name, header) in rows {
        let decoded = SegmentHeader::decode(&header.encode());
        assert!(decoded != Ok(header), "{name}");
    }
    let mut sector = reset.encode();
    sector[496] = 1;
    let crc = crc32fast::hash(&sector[..508]);
    sector[508..].copy_from_slice(&crc.to_le_bytes());
    assert!(
        SegmentHeader::decode(&sector).is_err(),
        "a clip frame of a reset"
    );
}

#[test]
fn every_single_bit_flip_of_a_header_is_rejected() {
    for header in [sample(), cut(), reset()] {
        for_each_flip(&header.encode(), |bit, flipped| {
            assert!(SegmentHeader::decode(flipped).is_err(), "bit {bit}");
        });
    }
}

/// The version is covered by the CRC: one flipped bit in it is damage, not a newer format.
#[test]
fn a_flipped_version_is_damage_and_not_a_newer_format() {
    let mut sector = sample().encode();
    sector[8] ^= 2;
    assert!(matches!(
        SegmentHeader::decode(&sector),
        Err(HeaderFault::Damaged { .. })
    ));
}

#[test]
fn each_fault_of_a_header_has_its_name() {
    let ours = sample().encode();
    let with = |at: usize, byte: u8| {
        let mut sector = ours;
        sector[at] = byte;
        sector.to_vec()
    };
    let mut torn_06 = vec![0; 4096];
    torn_06[..4].copy_from_slice(b"LAWL");
    let rows: [(&str, Vec<u8>, HeaderFault); 14] = [
        ("an empty file", vec![], HeaderFault::Short),
        ("a few zeros", vec![0; 511], HeaderFault::Short),
        ("one byte of ours", ours[..1].to_vec(), HeaderFault::Short),
        (
            "ours but for one byte",
            ours[..511].to_vec(),
            HeaderFault::Short,
        ),
        ("one byte of another", vec![b'x'], HeaderFault::Unrecognized),
        (
            "zeros, then something",
            [&[0; 9][..], b"x"].concat(),
            HeaderFault::Unrecognized,
        ),
        ("a text", vec![b'x'; 511], HeaderFault::Unrecognized),
        ("a long text", vec![b'x'; 4096], HeaderFault::Unrecognized),
        ("another magic", with(1, b'J'), HeaderFault::Unrecognized),
        ("a sector of zeros", vec![0; 512], HeaderFault::Zeros),
        (
            "a sector of zeros, then frames",
            [[0; 512], ours].concat(),
            HeaderFault::Zeros,
        ),
        (
            "four bytes of 0.6",
            b"LAWL".to_vec(),
            HeaderFault::Version06,
        ),
        ("a file of 0.6", torn_06, HeaderFault::Version06),
        (
            "a newer version",
            forged(8, &[2, 0]).to_vec(),
            HeaderFault::Newer(2),
        ),
    ];
    for (name, bytes, fault) in rows {
        assert_eq!(SegmentHeader::decode(&bytes), Err(fault), "{name}");
    }
}

#[test]
fn a_field_that_no_writer_stores_is_damage_even_under_a_good_crc() {
    let rows: [(&str, usize, &[u8]); 9] = [
        ("version 0", 8, &[0, 0]),
        ("an empty key", 10, &[0, 0]),
        ("a key of 256 bytes", 10, &[0, 1]),
        ("a key with NUL", 10, &[11, 0]),
        ("a reserved byte", 12, &[1]),
        ("an unknown flag", 44, &[5]),
        ("a predecessor without the flag", 44, &[0]),
        ("more lost than before the first id", 48, &[0xE9, 3]),
        ("a key that is no UTF-8", 72, &[0xFF]),
    ];
    for (name, at, bytes) in rows {
        match SegmentHeader::decode(&forged(at, bytes)) {
            Err(HeaderFault::Damaged { expected, actual }) => {
                assert_eq!(expected, actual, "{name}")
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let padding = forged(400, &[1]);
    assert!(matches!(
        SegmentHeader::decode(&padding),
        Err(HeaderFault::Damaged { .. })
    ));
}

#[test]
fn a_damaged_header_names_both_checksums() {
    let mut sector = sample().encode();
    sector[16] ^= 1;
    let actual = crc32fast::hash(&sector[..508]);
    let fault = HeaderFault::Damaged {
        expected: 0xE402_1085,
        actual,
    };
    assert_eq!(SegmentHeader::decode(&sector), Err(fault));
}

#[test]
fn the_seed_depends_on_key_first_id_and_generation() {
    assert_eq!(sample().seed(), super::seed());
    for (name, other) in super::other_seeds() {
        assert_ne!(other, super::seed(), "{name}");
    }
    // The key's end is not marked, but what follows it has a fixed length.
    let longer = SegmentSeed::new("a\u{1}", EntryId(0), 0);
    assert_ne!(longer, SegmentSeed::new("a", EntryId(1), 0));
}

proptest! {
    #[test]
    fn a_header_survives_the_round_trip(
        key in "[^\u{0}]{1,63}",
        first_id: u64,
        lost: u64,
        (generation, first_kept_id, truncation_epoch) in any::<(u64, u64, u64)>(),
        incarnation: u64,
        predecessor: Option<(u64, u32)>,
        behind: Vec<u8>,
    ) {
        let header = SegmentHeader {
            key: key.into(),
            first_id: EntryId(first_id),
            generation,
            predecessor: predecessor
                .map(|(end_id, link)| Predecessor { end_id: EntryId(end_id), link }),
            lost_from: EntryId(first_id.saturating_sub(lost)),
            first_kept_id: EntryId(first_kept_id),
            truncation_epoch,
            incarnation,
            replaces: Replaces::Nothing,
        };
        let mut file = header.encode().to_vec();
        file.extend(behind);
        prop_assert_eq!(SegmentHeader::decode(&file), Ok(header));
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes: Vec<u8>, filler: u8) {
        let _ = SegmentHeader::decode(&bytes);
        let mut sector = bytes;
        sector.resize(512, filler);
        let _ = SegmentHeader::decode(&sector);
    }
}
