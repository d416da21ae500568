//! Must hold: the packet and the position in `docs/FORMAT.md` are what this version writes; a packet with
//! any other bit, or of any other length, is refused.

use crate::checksum::crc32;
use crate::error::Error;
use crate::format::frame_position::FramePosition;
use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::SlotProperties;
use crate::format::packet::Kept;
use crate::format::packet::Packet;
use crate::format::packet::PacketBuilder;
use crate::format::packet::PacketFault;
use crate::format::segment_header::Predecessor;
use crate::format::segment_header::Replaces;
use crate::format::segment_header::SegmentHeader;
use crate::format::tests::KEY;
use crate::format::tests::hex;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const DOCUMENT: &str = include_str!("../../../docs/FORMAT.md");

/// The bytes of one of the dumps behind this sentence of the document, in which rows of zeros are left out.
fn documented(sentence: &str, len: usize) -> Vec<u8> {
    let (_, behind) = DOCUMENT.split_once(sentence).expect("the sentence");
    let dump = behind.split("```").nth(1).expect("a dump");
    let mut bytes = vec![0; len];
    for row in dump.lines().filter(|row| row.len() > 6 && row != &"text") {
        let at = usize::from_str_radix(&row[..4], 16).expect("an offset");
        let digits = row[6..].split("  ").next().expect("digits");
        let row = hex(digits);
        bytes[at..at + row.len()].copy_from_slice(&row);
    }
    bytes
}

/// The header of the worked example.
fn header() -> SegmentHeader {
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

const KEPT: Kept = Kept {
    first_kept_id: EntryId(500),
    epoch: 3,
};

fn frame() -> Vec<u8> {
    hex(
        "1f875b3c b75109bb e903000000000000 03000000 1b000000 1b000000 29000000 02000000 01000000
         982718e1 01000000 19d3f630 03000000 fa16d1b8 616263",
    )
}

fn packet() -> Vec<u8> {
    let place = (FileOffset(0x629), 0xC2D9_08AC);
    let mut builder = PacketBuilder::new(&header(), place, None).unwrap();
    let frame = frame();
    let (head, payload) = frame.split_at(36);
    builder.add(head, payload).unwrap();
    builder.set_kept(KEPT);
    builder.finish()
}

#[test]
fn the_packet_in_the_document_is_what_is_written() {
    let mut expected = documented("The second frame of the segment of the", 64 + 512 + 63 + 4);
    expected[64..576].copy_from_slice(&header().encode());
    assert_eq!(packet(), expected);
    let read = Packet::decode(&expected).unwrap();
    assert_eq!(read.header, header());
    assert_eq!((read.offset.0, read.link), (0x629, 0xC2D9_08AC));
    assert_eq!((read.kept, read.frames), (Some(KEPT), frame().as_slice()));
    assert!(!read.is_start() && !read.has_slot_before());
}

#[test]
fn the_position_in_the_document_is_what_is_written() {
    let position = FramePosition {
        segment: EntryId(1000),
        generation: 2,
        incarnation: 7,
        offset: FileOffset(0x668),
        next_id: EntryId(1004),
        last_frame: FileOffset(0x629),
        first_kept_id: EntryId(500),
        epoch: 3,
        link: 0x3C5B_871F,
        last_frame_len: 63,
    };
    let bytes = documented("The position behind it", FramePosition::LEN);
    assert_eq!(position.to_bytes().as_slice(), bytes);
    assert_eq!(FramePosition::from_bytes(&bytes).unwrap(), position);
    assert!(FramePosition::from_bytes(&[]).unwrap().is_start());
    let start = FramePosition::default().to_bytes();
    assert!(FramePosition::from_bytes(&start).unwrap().is_start());
    for len in 1..bytes.len() {
        assert!(FramePosition::from_bytes(&bytes[..len]).is_err(), "{len}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(FramePosition::from_bytes(&bytes).is_err(), "bit {bit}");
    }
    let mut newer = bytes;
    newer[4] = 2;
    let crc = crc32(&newer[..92]).to_le_bytes();
    newer[92..].copy_from_slice(&crc);
    let newer = FramePosition::from_bytes(&newer);
    assert!(matches!(newer, Err(Error::UnsupportedVersion(_))));
}

#[test]
fn a_packet_with_another_bit_or_of_another_length_is_refused() {
    let good = packet();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Packet::decode(&bytes).is_err(), "bit {bit}");
    }
    for len in 0..good.len() {
        assert!(Packet::decode(&good[..len]).is_err(), "length {len}");
    }
    let longer: Vec<u8> = good.iter().copied().chain([0]).collect();
    assert!(Packet::decode(&longer).is_err());
}

/// The packet with these bytes in place of others, under a good CRC.
fn with(at: usize, bytes: &[u8]) -> Result<Packet<'static>, PacketFault> {
    let mut packet = packet();
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    let body = packet.len() - 4;
    let crc = crc32(&packet[..body]).to_le_bytes();
    packet[body..].copy_from_slice(&crc);
    Packet::decode(packet.leak())
}

#[test]
fn what_no_writer_stores_is_refused_under_a_good_crc() {
    let field = |at, bytes: &[u8]| match with(at, bytes) {
        Err(PacketFault::Field(field)) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(with(8, &[2, 0]).unwrap_err(), PacketFault::Newer(2));
    assert_eq!(field(8, &[0, 0]), "version");
    assert_eq!(field(10, &[4, 0]), "flags");
    assert_eq!(field(10, &[0, 0]), "first kept id");
    assert_eq!(field(12, &[1]), "reserved");
    assert_eq!(field(60, &[1]), "reserved");
    assert_eq!(field(16, &[0, 5]), "offset");
    assert_eq!(field(16, &[0xFF; 8]), "offset");
    assert_eq!(field(16, &[0, 6]), "link");
    assert_eq!(field(64, &[0]), "segment header");
    for flags in [1, 3] {
        assert_eq!(with(10, &[flags, 0]).unwrap_err(), PacketFault::Length);
    }
    assert_eq!(with(24, &[0xFF; 8]).unwrap_err(), PacketFault::Length);
    assert_eq!(with(24, &[64]).unwrap_err(), PacketFault::Length);
}

#[test]
fn a_slot_counts_only_under_the_seed_of_its_segment() {
    let slot = FrontierSlot {
        end: FileOffset(0x668),
        next_id: EntryId(1004),
        last_frame: Some(FileOffset(0x629)),
        first_kept_id: EntryId(500),
        truncation_epoch: 3,
        properties: SlotProperties::None,
    };
    let start = (FileOffset(1536), 0);
    let builder = PacketBuilder::new(&header(), start, Some((&slot, seed()))).unwrap();
    let bytes = builder.finish();
    let packet = Packet::decode(&bytes).unwrap();
    assert!(packet.is_start() && packet.has_slot_before());
    assert_eq!(packet.slot_before(seed()), Some(slot));
    for (what, other) in crate::format::tests::other_seeds() {
        assert_eq!(packet.slot_before(other), None, "{what}");
    }
}
