//! Must hold: a segment is sealed only if its last bytes prove it, for this file and this length.

use proptest::prelude::*;

use crate::format::footer::IndexPoint;
use crate::format::footer::TRAILER_LEN;
use crate::format::footer::Trailer;
use crate::format::footer::decode_points;
use crate::format::footer::decode_trailer;
use crate::format::footer::encode_footer;
use crate::format::footer::footer_len;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::payload::check_payload;
use crate::format::tests::assert_golden;
use crate::format::tests::for_each_flip;
use crate::format::tests::other_seeds;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const FOOTER_AT: u64 = 0x668;
const FILE_LEN: u64 = FOOTER_AT + 108;

fn point(id: u64, offset: u64) -> IndexPoint {
    IndexPoint {
        id: EntryId(id),
        offset: FileOffset(offset),
    }
}

fn sample_points() -> [IndexPoint; 2] {
    [point(1000, 0x600), point(1001, 0x629)]
}

/// The footer of the worked example, with other points.
fn footer_with(points: &[IndexPoint]) -> Vec<u8> {
    let (end_id, last_frame) = (EntryId(1004), FileOffset(0x629));
    encode_footer(
        seed(),
        FileOffset(FOOTER_AT),
        end_id,
        last_frame,
        0x3C5B_871F,
        63,
        points,
    )
}

fn trailer_of(footer: &[u8]) -> Option<Trailer> {
    let file_len = FOOTER_AT + footer.len() as u64;
    decode_trailer(&footer[footer.len() - TRAILER_LEN..], seed(), file_len)
}

#[test]
fn a_footer_has_its_golden_bytes() {
    let rows = [
        (0x00, "d0 52 55 f2 22 f6 d7 20 ec 03 00 00 00 00 00 00"),
        (0x10, "02 00 00 00 48 00 00 00 48 00 00 00 3f 00 00 00"),
        (0x20, "03 00 00 00 e8 03 00 00 00 00 00 00 00 06 00 00"),
        (0x30, "00 00 00 00 e9 03 00 00 00 00 00 00 29 06 00 00"),
        (0x40, "00 00 00 00 49 57 74 72 02 00 00 00 68 06 00 00"),
        (0x50, "00 00 00 00 ec 03 00 00 00 00 00 00 29 06 00 00"),
        (0x60, "00 00 00 00 1f 87 5b 3c 08 a4 54 28"),
    ];
    assert_golden(&footer_with(&sample_points()), 108, &rows);
}

#[test]
fn the_trailer_says_what_the_footer_was_made_of() {
    let footer = footer_with(&sample_points());
    let expected = Trailer {
        footer_offset: FileOffset(FOOTER_AT),
        end_id: EntryId(1004),
        last_frame: FileOffset(0x629),
        link: 0x3C5B_871F,
        point_count: 2,
    };
    assert_eq!(trailer_of(&footer), Some(expected));
    assert_eq!(
        decode_points(&footer, &expected, seed()),
        Some(sample_points().to_vec())
    );
    assert_eq!(footer_len(2), footer.len() as u64);
}

#[test]
fn a_footer_is_a_frame_like_any_other() {
    let footer = footer_with(&sample_points());
    let header = FrameHeader::decode(&footer, seed(), FileOffset(FOOTER_AT)).unwrap();
    assert_eq!(header.kind, FrameKind::Footer);
    assert_eq!(header.end_id(), EntryId(1004));
    assert_eq!(header.len(), footer.len() as u64);
    assert_eq!(check_payload(&header, seed(), &footer[36..]), Ok(()));
}

/// The trailer is believed without the rest of the footer, so it is proven without it.
#[test]
fn every_single_bit_flip_of_a_footer_is_rejected_by_its_reader() {
    let footer = footer_with(&sample_points());
    let trailer = trailer_of(&footer).unwrap();
    let trailer_at = footer.len() - TRAILER_LEN;
    for_each_flip(&footer, |bit, flipped| {
        let expected = (bit / 8 < trailer_at).then_some(trailer);
        assert_eq!(trailer_of(flipped), expected, "bit {bit}");
        assert_eq!(decode_points(flipped, &trailer, seed()), None, "bit {bit}");
    });
}

#[test]
fn a_trailer_of_another_file_or_length_is_rejected() {
    let footer = footer_with(&sample_points());
    let bytes = &footer[footer.len() - TRAILER_LEN..];
    for file_len in [0, TRAILER_LEN as u64, FILE_LEN - 1, FILE_LEN + 1, u64::MAX] {
        assert_eq!(decode_trailer(bytes, seed(), file_len), None, "{file_len}");
    }
    for (name, other) in other_seeds() {
        assert_eq!(decode_trailer(bytes, other, FILE_LEN), None, "{name}");
        let trailer = trailer_of(&footer).unwrap();
        assert_eq!(decode_points(&footer, &trailer, other), None, "{name}");
    }
    for wrong in [&[][..], &bytes[1..], &footer[..], &[0; TRAILER_LEN]] {
        assert_eq!(
            decode_trailer(wrong, seed(), FILE_LEN),
            None,
            "{} bytes",
            wrong.len()
        );
    }
}

#[test]
fn a_last_frame_that_no_writer_stores_is_rejected_even_under_a_good_crc() {
    let rows = [
        ("within the header area", 1535),
        ("no room for its header", FOOTER_AT - 35),
        ("the footer itself", FOOTER_AT),
        ("behind the footer", FOOTER_AT + 1),
    ];
    for (name, last_frame) in rows {
        let (end_id, last_frame) = (EntryId(1004), FileOffset(last_frame));
        let footer = encode_footer(
            seed(),
            FileOffset(FOOTER_AT),
            end_id,
            last_frame,
            0,
            63,
            &[],
        );
        assert_eq!(trailer_of(&footer), None, "{name}");
    }
}

#[test]
fn points_that_no_writer_stores_are_rejected_even_under_a_good_crc() {
    let rows = [
        (
            "descending ids",
            vec![point(1002, 0x600), point(1001, 0x629)],
        ),
        (
            "the same id twice",
            vec![point(1001, 0x600), point(1001, 0x629)],
        ),
        (
            "descending offsets",
            vec![point(1000, 0x629), point(1001, 0x600)],
        ),
        ("an offset in the header area", vec![point(1000, 0x5FF)]),
        ("an offset behind the last frame", vec![point(1000, 0x62A)]),
        ("an id past the end", vec![point(1004, 0x629)]),
    ];
    for (name, points) in rows {
        let footer = footer_with(&points);
        let trailer = trailer_of(&footer).unwrap();
        assert_eq!(decode_points(&footer, &trailer, seed()), None, "{name}");
    }
}

#[test]
fn a_footer_that_is_cut_short_or_too_long_gives_no_points() {
    let footer = footer_with(&sample_points());
    let trailer = trailer_of(&footer).unwrap();
    for len in [0, 35, 36, footer.len() - 1] {
        assert_eq!(
            decode_points(&footer[..len], &trailer, seed()),
            None,
            "{len} bytes"
        );
    }
    let longer = [&footer[..], &[0]].concat();
    assert_eq!(decode_points(&longer, &trailer, seed()), None);
    let other = Trailer {
        point_count: 1,
        ..trailer
    };
    assert_eq!(decode_points(&footer, &other, seed()), None);
}

/// A segment may be larger than its index may be: the footer is a frame, with a frame's limit.
#[test]
fn a_footer_never_passes_the_frame_limit() {
    let most = ((1u64 << 30) - 36 - 40) / 16;
    assert!(footer_len(most as usize) <= 1 << 30);
    assert_eq!(
        footer_len(most as usize + 1),
        36 + 40 + 16 * (most + 1).div_ceil(2)
    );
    for count in [10 * most, 1000 * most + 1] {
        assert!(footer_len(count as usize) <= 1 << 30, "{count}");
    }
}

proptest! {
    #[test]
    fn a_footer_survives_the_round_trip(
        steps in proptest::collection::vec((1..1000u64, 36..1_000_000u64), 0..50),
        (link, last_len) in any::<(u32, u32)>(),
    ) {
        let (mut id, mut offset) = (1000, 1536);
        let mut points = Vec::new();
        for (ids, bytes) in steps {
            points.push(point(id, offset));
            id += ids;
            offset += bytes;
        }
        let (end_id, last_frame) = (EntryId(id + 1), FileOffset(offset));
        let previous_len = last_len.clamp(36, 1 << 30);
        let at = last_frame + u64::from(previous_len);
        let footer = encode_footer(seed(), at, end_id, last_frame, link, previous_len, &points);
        prop_assert_eq!(footer.len() as u64, footer_len(points.len()));
        let file_len = at.0 + footer.len() as u64;
        let trailer = decode_trailer(&footer[footer.len() - TRAILER_LEN..], seed(), file_len);
        let expected =
            Trailer { footer_offset: at, end_id, last_frame, link, point_count: points.len() as u32 };
        prop_assert_eq!(trailer, Some(expected));
        prop_assert_eq!(decode_points(&footer, &expected, seed()), Some(points));
    }
}
