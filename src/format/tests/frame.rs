//! Must hold: a frame header is believed at its own place only, and its lengths are bounded.

use proptest::prelude::*;

use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameFault;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frame::MAX_FRAME_LEN;
use crate::format::frame::MAX_PAYLOAD_LEN;
use crate::format::frame::header_crc_of;
use crate::format::tests::assert_golden;
use crate::format::tests::for_each_flip;
use crate::format::tests::other_seeds;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const AT: FileOffset = FileOffset(0x629);

/// What the header of the batch in the worked example says.
fn sample() -> FrameHeader {
    FrameHeader {
        payload_crc: 0xBB09_51B7,
        first_id: EntryId(1001),
        entry_count: 3,
        stored_len: 27,
        uncompressed_len: 27,
        previous_len: 41,
        kind: FrameKind::Many,
        codec: Codec::None,
    }
}

/// The sample with some bytes replaced and the CRC made good again, by way of what is public:
/// CRC-32 goes on from a known value.
fn forged(at: usize, bytes: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    let mut encoded = sample().encode(seed(), AT);
    encoded[at..at + bytes.len()].copy_from_slice(bytes);
    let Err(FrameFault::Crc { actual, .. }) = FrameHeader::decode(&encoded, seed(), AT) else {
        panic!("the bytes were meant to differ");
    };
    encoded[..4].copy_from_slice(&actual.to_le_bytes());
    encoded
}

#[test]
fn a_frame_header_has_its_golden_bytes() {
    let rows = [
        (0x00, "1f 87 5b 3c b7 51 09 bb e9 03 00 00 00 00 00 00"),
        (0x10, "03 00 00 00 1b 00 00 00 1b 00 00 00 29 00 00 00"),
        (0x20, "02 00 00 00"),
    ];
    let bytes = sample().encode(seed(), AT);
    assert_golden(&bytes, 36, &rows);
    assert_eq!(FrameHeader::decode(&bytes, seed(), AT), Ok(sample()));
    assert_eq!(header_crc_of(&bytes), 0x3C5B_871F);
}

#[test]
fn every_single_bit_flip_of_a_frame_header_is_rejected() {
    for_each_flip(&sample().encode(seed(), AT), |bit, flipped| {
        let fault = FrameHeader::decode(flipped, seed(), AT);
        assert!(
            matches!(fault, Err(FrameFault::Crc { .. })),
            "bit {bit}: {fault:?}"
        );
    });
}

/// Old bug of many logs: a copy of a frame, stale or within a payload, is taken for the frame.
#[test]
fn a_frame_that_stands_elsewhere_is_rejected() {
    let bytes = sample().encode(seed(), AT);
    for at in [0, 1536, 0x628, 0x62A, 0x629 + (1 << 32), u64::MAX] {
        let fault = FrameHeader::decode(&bytes, seed(), FileOffset(at));
        assert!(
            matches!(fault, Err(FrameFault::Crc { .. })),
            "at {at}: {fault:?}"
        );
    }
    for (name, other) in other_seeds() {
        let fault = FrameHeader::decode(&bytes, other, AT);
        assert!(
            matches!(fault, Err(FrameFault::Crc { .. })),
            "{name}: {fault:?}"
        );
    }
}

#[test]
fn zeros_and_too_few_bytes_are_distinguished() {
    assert_eq!(
        FrameHeader::decode(&[0; 36], seed(), AT),
        Err(FrameFault::Zeros)
    );
    assert_eq!(
        FrameHeader::decode(&[0; 64], seed(), AT),
        Err(FrameFault::Zeros)
    );
    assert_eq!(
        FrameHeader::decode(&[0; 35], seed(), AT),
        Err(FrameFault::Short)
    );
    assert_eq!(FrameHeader::decode(&[], seed(), AT), Err(FrameFault::Short));
}

#[test]
fn a_byte_that_no_writer_stores_is_named_even_under_a_good_crc() {
    let rows: [(&str, usize, &[u8], &str); 5] = [
        ("kind 0", 32, &[0], "kind"),
        ("kind 5", 32, &[5], "kind"),
        ("codec 2", 33, &[2], "codec"),
        ("the first reserved byte", 34, &[1], "reserved"),
        ("the last reserved byte", 35, &[0x80], "reserved"),
    ];
    for (name, at, bytes, field) in rows {
        let fault = FrameHeader::decode(&forged(at, bytes), seed(), AT);
        assert_eq!(fault, Err(FrameFault::Field(field)), "{name}");
    }
}

#[test]
fn a_value_that_no_writer_stores_is_named_even_under_a_good_crc() {
    let single = FrameHeader {
        entry_count: 1,
        kind: FrameKind::Single,
        ..sample()
    };
    let packed = FrameHeader {
        stored_len: 9,
        codec: Codec::Lz4,
        ..single
    };
    let footer = FrameHeader {
        kind: FrameKind::Footer,
        ..sample()
    };
    let over = MAX_PAYLOAD_LEN as u32 + 1;
    let rows = [
        (
            "a frame over the limit",
            "stored_len",
            FrameHeader {
                stored_len: over,
                ..single
            },
        ),
        (
            "4 GiB stored",
            "stored_len",
            FrameHeader {
                stored_len: u32::MAX,
                ..packed
            },
        ),
        (
            "unequal lengths",
            "uncompressed_len",
            FrameHeader {
                uncompressed_len: 28,
                ..single
            },
        ),
        (
            "4 GiB unpacked",
            "uncompressed_len",
            FrameHeader {
                uncompressed_len: over,
                ..packed
            },
        ),
        (
            "a bomb",
            "uncompressed_len",
            FrameHeader {
                uncompressed_len: 9 * 255 + 1,
                ..packed
            },
        ),
        (
            "grown by packing",
            "uncompressed_len",
            FrameHeader {
                uncompressed_len: 9,
                ..packed
            },
        ),
        (
            "nothing packed",
            "uncompressed_len",
            FrameHeader {
                stored_len: 0,
                ..packed
            },
        ),
        (
            "a packed footer",
            "codec",
            FrameHeader {
                codec: Codec::Lz4,
                stored_len: 9,
                ..footer
            },
        ),
        (
            "no entry",
            "entry_count",
            FrameHeader {
                entry_count: 0,
                ..single
            },
        ),
        (
            "two in one",
            "entry_count",
            FrameHeader {
                entry_count: 2,
                ..single
            },
        ),
        (
            "an empty batch",
            "entry_count",
            FrameHeader {
                entry_count: 0,
                ..sample()
            },
        ),
        (
            "no room for the table",
            "entry_count",
            FrameHeader {
                entry_count: 4,
                ..sample()
            },
        ),
        (
            "4 Gi entries",
            "entry_count",
            FrameHeader {
                entry_count: u32::MAX,
                ..sample()
            },
        ),
        (
            "ids that overflow",
            "first_id",
            FrameHeader {
                first_id: EntryId(u64::MAX - 2),
                ..sample()
            },
        ),
        (
            "no frame before",
            "previous_len",
            FrameHeader {
                previous_len: 0,
                ..sample()
            },
        ),
        (
            "half a header before",
            "previous_len",
            FrameHeader {
                previous_len: 35,
                ..sample()
            },
        ),
        (
            "a frame before all frames",
            "previous_len",
            FrameHeader {
                previous_len: 42,
                ..sample()
            },
        ),
    ];
    for (name, field, header) in rows {
        let bytes = header.encode(seed(), AT);
        let fault = FrameHeader::decode(&bytes, seed(), AT);
        assert_eq!(fault, Err(FrameFault::Field(field)), "{name}");
    }
}

#[test]
fn back_links_stay_within_the_frames_of_the_segment() {
    let rows = [
        ("the first frame", 1536, 0, true),
        ("a link out of the first frame", 1536, 36, false),
        ("a frame in the header area", 1535, 0, false),
        ("the second frame", 1536 + 36, 36, true),
        (
            "a link past the limit",
            1536 + (1 << 40),
            MAX_FRAME_LEN as u32 + 1,
            false,
        ),
        (
            "the longest link",
            1536 + (1 << 40),
            MAX_FRAME_LEN as u32,
            true,
        ),
    ];
    for (name, at, previous_len, possible) in rows {
        let header = FrameHeader {
            previous_len,
            ..sample()
        };
        let bytes = header.encode(seed(), FileOffset(at));
        let decoded = FrameHeader::decode(&bytes, seed(), FileOffset(at));
        let expected = if possible {
            Ok(header)
        } else {
            Err(FrameFault::Field("previous_len"))
        };
        assert_eq!(decoded, expected, "{name}");
    }
}

#[test]
fn a_frame_knows_its_length_and_its_ids() {
    assert_eq!(sample().len(), 36 + 27);
    assert_eq!(sample().ids(), 1001..1004);
    assert_eq!(sample().end_id(), EntryId(1004));
    let footer = FrameHeader {
        kind: FrameKind::Footer,
        ..sample()
    };
    assert_eq!(footer.ids(), 1001..1001);
    assert_eq!(footer.end_id(), EntryId(1001));
}

/// Its index points are counted where other frames count ids, and were once added to the end id.
#[test]
fn a_footer_at_the_end_of_all_ids_is_good() {
    let footer = FrameHeader {
        kind: FrameKind::Footer,
        first_id: EntryId(u64::MAX),
        ..sample()
    };
    let bytes = footer.encode(seed(), AT);
    assert_eq!(FrameHeader::decode(&bytes, seed(), AT), Ok(footer));
    assert_eq!(footer.end_id(), EntryId(u64::MAX));
}

proptest! {
    #[test]
    fn a_frame_header_survives_the_round_trip(
        (payload_crc, first_id) in any::<(u32, u64)>(),
        entry_count in 1..=1_000_000u32,
        entries_len in 0..=1_000_000u32,
        previous_len in 36..=MAX_FRAME_LEN as u32,
        before in MAX_FRAME_LEN..u64::MAX - 1536,
    ) {
        let len = entry_count * 8 + entries_len;
        let header = FrameHeader {
            payload_crc,
            first_id: EntryId(first_id.min(u64::MAX - u64::from(entry_count))),
            entry_count,
            stored_len: len,
            uncompressed_len: len,
            previous_len,
            kind: FrameKind::Many,
            codec: Codec::None,
        };
        let at = FileOffset(1536 + before);
        prop_assert_eq!(FrameHeader::decode(&header.encode(seed(), at), seed(), at), Ok(header));
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes: [u8; 36], at: u64) {
        let fault = FrameHeader::decode(&bytes, seed(), FileOffset(at));
        prop_assert!(fault.is_err());
    }
}
