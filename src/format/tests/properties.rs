//! Must hold: a map of properties is read as it was stored, from a frame and from a slot, or not at all.

use proptest::prelude::*;

use crate::format::frame::Codec;
use crate::format::frame::FRAME_HEADER_LEN;
use crate::format::frame::FrameFault;
use crate::format::frame::FrameHeader;
use crate::format::frame::FrameKind;
use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::MAX_COPY_LEN;
use crate::format::frontier_slot::SlotProperties;
use crate::format::frontier_slot::SlotState;
use crate::format::payload::PayloadFault;
use crate::format::payload::PieceCheck;
use crate::format::payload::PreparedFrame;
use crate::format::payload::Wants;
use crate::format::payload::check_payload;
#[cfg(feature = "compression")]
use crate::format::payload::decompress;
use crate::format::payload::entry_check;
use crate::format::payload::entry_range;
use crate::format::payload::properties_index;
use crate::format::properties::MAX_PROPERTIES_LEN;
use crate::format::properties::Properties;
use crate::format::properties::PropertyFault;
use crate::format::tests::assert_golden;
use crate::format::tests::encoded;
use crate::format::tests::for_each_flip;
use crate::format::tests::other_seeds;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// No entry, one, and several.
const ENTRIES: [&[&[u8]]; 3] = [&[], &[b"x"], &[b"a", b"", b"bc"]];

fn map(pairs: &[(&str, &str)]) -> Properties {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| (key.as_bytes(), value.as_bytes()))
        .collect();
    Properties::of(&pairs).expect("a map within the limits")
}

/// The header and the stored payload of a frame at offset 1536, whose first id is 1000.
fn frame_of(
    entries: &[&[u8]],
    map: &Properties,
    compress_from: Option<usize>,
) -> (FrameHeader, Vec<u8>) {
    let frame = PreparedFrame::with_properties(entries, map.clone(), compress_from).unwrap();
    let bytes = encoded(&frame, 1536, 1000, 0);
    let header = FrameHeader::decode(&bytes, seed(), FileOffset(1536)).unwrap();
    (header, bytes[FRAME_HEADER_LEN..].to_vec())
}

/// Reads the map as recovery does: its row, then its bytes, then the comparison.
fn read_map(header: &FrameHeader, payload: &[u8]) -> Option<Properties> {
    let index = properties_index(header)?;
    let row = entry_range(header, payload, index)?;
    let bytes = payload.get(row.range)?;
    (entry_check(header, seed(), index, bytes) == row.check)
        .then(|| Properties::decode(bytes))
        .flatten()
}

#[test]
fn a_frame_with_an_entry_and_properties_has_its_golden_bytes() {
    let rows = [
        (0x00, "fe a0 19 4e 1f 53 c6 bc e8 03 00 00 00 00 00 00"),
        (0x10, "01 00 00 00 2b 00 00 00 2b 00 00 00 00 00 00 00"),
        (0x20, "04 00 00 00 05 00 00 00 0c 81 b0 2e 1b 00 00 00"),
        (0x30, "2d 3b 5b 4f 68 65 6c 6c 6f 08 00 00 00 63 75 72"),
        (0x40, "73 6f 72 2f 61 04 00 02 00 76 6f 74 65 74 37"),
    ];
    let map = map(&[("vote", "t7"), ("cursor/a", "")]);
    let frame = PreparedFrame::with_properties(&[b"hello"], map, None).unwrap();
    assert_golden(&encoded(&frame, 1536, 1000, 0), 79, &rows);
}

#[test]
fn a_frame_without_an_entry_has_its_golden_bytes() {
    let rows = [
        (0x00, "4c 2f 26 e2 ec 8f 71 79 e9 03 00 00 00 00 00 00"),
        (0x10, "00 00 00 00 12 00 00 00 12 00 00 00 4f 00 00 00"),
        (0x20, "04 00 00 00 0a 00 00 00 bc 07 23 cd 04 00 02 00"),
        (0x30, "76 6f 74 65 74 38"),
    ];
    let frame = PreparedFrame::with_properties(&[], map(&[("vote", "t8")]), None).unwrap();
    assert_golden(&encoded(&frame, 1536 + 79, 1001, 79), 54, &rows);
    let empty = [
        (0x00, "d2 ea ae da 69 df 22 65 e8 03 00 00 00 00 00 00"),
        (0x10, "00 00 00 00 08 00 00 00 08 00 00 00 00 00 00 00"),
        (0x20, "04 00 00 00 00 00 00 00 31 e8 2d 6f"),
    ];
    let frame = PreparedFrame::with_properties(&[], Properties::default(), None).unwrap();
    assert_golden(&encoded(&frame, 1536, 1000, 0), 44, &empty);
}

fn slot(properties: SlotProperties) -> FrontierSlot {
    FrontierSlot {
        end: FileOffset(1536 + 79 + 54),
        next_id: EntryId(1001),
        last_frame: Some(FileOffset(1536 + 79)),
        first_kept_id: EntryId(500),
        truncation_epoch: 3,
        properties,
    }
}

#[test]
fn a_slot_with_a_copy_of_the_map_has_its_golden_bytes() {
    let rows = [
        (0x00, "49 57 66 72 00 00 00 00 85 06 00 00 00 00 00 00"),
        (0x10, "e9 03 00 00 00 00 00 00 4f 06 00 00 00 00 00 00"),
        (0x20, "f4 01 00 00 00 00 00 00 03 00 00 00 00 00 00 00"),
        (0x30, "4f 06 00 00 00 00 00 00 0a 00 00 00 04 00 02 00"),
        (0x40, "76 6f 74 65 74 38"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 3c 85 4a ae"),
    ];
    let held = SlotProperties::held(FileOffset(1536 + 79), &map(&[("vote", "t8")]));
    assert_golden(&slot(held).encode(seed(), 0), 512, &rows);
}

#[test]
fn a_slot_without_a_copy_has_its_golden_bytes() {
    let end = |properties| FrontierSlot {
        end: FileOffset(0x629),
        last_frame: Some(FileOffset(0x600)),
        ..slot(properties)
    };
    let mut rows = [
        (0x00, "49 57 66 72 00 00 00 00 29 06 00 00 00 00 00 00"),
        (0x10, "e9 03 00 00 00 00 00 00 00 06 00 00 00 00 00 00"),
        (0x20, "f4 01 00 00 00 00 00 00 03 00 00 00 00 00 00 00"),
        (0x30, "01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 d1 b4 82 17"),
    ];
    let lost = end(SlotProperties::Lost);
    assert_golden(&lost.encode(seed(), 1), 512, &rows);
    rows[3].1 = "00 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00";
    rows[4].1 = "00 00 00 00 00 00 00 00 00 00 00 00 11 6e 40 30";
    let long = "v".repeat(MAX_COPY_LEN);
    let held = SlotProperties::held(FileOffset(0x600), &map(&[("vote", &long)]));
    assert_golden(&end(held).encode(seed(), 1), 512, &rows);
}

#[test]
fn a_slot_repeats_a_map_of_448_bytes_and_none_of_449() {
    for (len, repeats) in [(448, true), (449, false)] {
        let value = "v".repeat(len - 4 - 1);
        let map = map(&[("k", &value)]);
        assert_eq!(map.encoded().len(), len);
        let held = slot(SlotProperties::held(FileOffset(1536), &map));
        let decoded = FrontierSlot::decode(&held.encode(seed(), 0), seed(), 0);
        assert_eq!(decoded, SlotState::Valid(held.clone()));
        let copy = repeats.then(|| map.clone());
        let frame = FileOffset(1536);
        assert_eq!(held.properties, SlotProperties::Held { frame, copy });
    }
}

#[test]
fn every_single_bit_flip_of_a_slot_with_a_copy_is_rejected() {
    let held = SlotProperties::held(FileOffset(1536), &map(&[("vote", "t8"), ("term", "8")]));
    for_each_flip(&slot(held).encode(seed(), 1), |bit, flipped| {
        let state = FrontierSlot::decode(flipped, seed(), 1);
        assert_eq!(state, SlotState::Damaged, "bit {bit}");
    });
}

#[test]
fn statements_on_properties_that_no_writer_stores_are_damage_even_under_a_good_crc() {
    let frame = |frame: u64| SlotProperties::Held {
        frame: FileOffset(frame),
        copy: Some(map(&[("vote", "t8")])),
    };
    let last = 1536 + 79;
    for (name, properties) in [
        ("a frame within the header area", frame(1535)),
        ("a frame behind the last one", frame(last + 1)),
    ] {
        let bytes = slot(properties).encode(seed(), 0);
        let state = FrontierSlot::decode(&bytes, seed(), 0);
        assert_eq!(state, SlotState::Damaged, "{name}");
    }
    let no_frame = FrontierSlot {
        last_frame: None,
        ..slot(frame(1536))
    };
    let state = FrontierSlot::decode(&no_frame.encode(seed(), 0), seed(), 0);
    assert_eq!(state, SlotState::Damaged, "a segment without a frame");
}

#[test]
fn ids_and_the_map_come_back_out_of_a_frame() {
    let map = map(&[("vote", "t7"), ("cursor/a", "")]);
    for entries in ENTRIES {
        for map in [Properties::default(), map.clone()] {
            let (header, payload) = frame_of(entries, &map, None);
            let end = 1000 + entries.len() as u64;
            assert_eq!(header.ids(), 1000..end);
            assert_eq!(header.may_be_point(), !entries.is_empty());
            assert_eq!(check_payload(&header, seed(), &payload), Ok(()));
            assert_eq!(read_map(&header, &payload), Some(map));
            for (index, entry) in (0..).zip(entries) {
                let row = entry_range(&header, &payload, index).unwrap();
                assert_eq!(&payload[row.range.clone()], *entry);
                assert_eq!(entry_check(&header, seed(), index, entry), row.check);
            }
            let behind = entries.len() as u32 + 1;
            assert_eq!(entry_range(&header, &payload, behind), None);
        }
    }
}

#[test]
fn every_single_bit_flip_of_a_frame_with_properties_is_noticed() {
    let map = map(&[("vote", "t7"), ("term", "7")]);
    for entries in ENTRIES {
        let (header, payload) = frame_of(entries, &map, None);
        let range = entry_range(&header, &payload, entries.len() as u32);
        let range = range.unwrap().range;
        for_each_flip(&payload, |bit, flipped| {
            let whole = check_payload(&header, seed(), flipped);
            assert!(whole.is_err(), "bit {bit}");
            assert_eq!(by_pieces(&header, flipped), whole, "bit {bit}");
            if range.contains(&(bit / 8)) {
                assert_eq!(read_map(&header, flipped), None, "bit {bit}");
            }
        });
        assert_eq!(by_pieces(&header, &payload), Ok(()));
    }
}

fn by_pieces(header: &FrameHeader, payload: &[u8]) -> Result<(), PayloadFault> {
    let mut check = PieceCheck::new(header, seed());
    loop {
        match check.wants(8) {
            Wants::Bytes(range) => check.take(&payload[range]),
            Wants::Rows(range) => check.take_rows(&payload[range]),
            Wants::Nothing => return check.finish(),
        }
    }
}

#[test]
fn a_map_is_bound_to_its_frame() {
    let (header, payload) = frame_of(&[], &map(&[("vote", "t7")]), None);
    let (_, stale) = frame_of(&[], &map(&[("vote", "t6")]), None);
    assert_eq!(read_map(&header, &stale), None, "of an append that failed");
    for (name, other) in other_seeds() {
        assert!(check_payload(&header, other, &payload).is_err(), "{name}");
    }
}

#[test]
fn a_count_whose_table_does_not_fit_is_refused() {
    let header = FrameHeader {
        payload_crc: 0,
        first_id: EntryId(0),
        entry_count: 2,
        stored_len: 24,
        uncompressed_len: 24,
        previous_len: 0,
        kind: FrameKind::ManyWithProperties,
        codec: Codec::None,
    };
    let at = FileOffset(1536);
    let decode = |header: FrameHeader| {
        let bytes = header.encode(seed(), at);
        FrameHeader::decode(&bytes, seed(), at)
    };
    assert_eq!(decode(header), Ok(header));
    for entry_count in [3, u32::MAX] {
        let wrong = FrameHeader {
            entry_count,
            ..header
        };
        let fault = Err(FrameFault::Field("entry_count"));
        assert_eq!(decode(wrong), fault, "{entry_count} entries");
    }
    let last = FrameHeader {
        first_id: EntryId(u64::MAX),
        entry_count: 0,
        ..header
    };
    assert_eq!(
        decode(last).map(|header| header.end_id()),
        Ok(EntryId(u64::MAX))
    );
}

#[cfg(feature = "compression")]
#[test]
fn entries_and_the_map_come_back_out_of_a_compressed_frame() {
    let value = "v".repeat(900);
    let map = map(&[("vote", &value)]);
    let zeros = [0; 700];
    for entries in [&[][..], &[&zeros[..], b"x"]] {
        let (header, stored) = frame_of(entries, &map, Some(0));
        assert_eq!(header.codec, Codec::Lz4);
        assert_eq!(check_payload(&header, seed(), &stored), Ok(()));
        let payload = decompress(&header, &stored).unwrap();
        assert_eq!(read_map(&header, &payload), Some(map.clone()));
        for (index, entry) in (0..).zip(entries) {
            let row = entry_range(&header, &payload, index).unwrap();
            assert_eq!(&payload[row.range], *entry);
        }
    }
}

#[test]
fn the_limits_of_a_map_are_kept_to_the_byte() {
    let set = |key: &[u8], value: &[u8]| Properties::default().with(&[(key, Some(value))]);
    assert_eq!(set(b"", b"x"), Err(PropertyFault::Key(0)));
    assert_eq!(set(&[1; 256], b"x"), Err(PropertyFault::Key(256)));
    assert!(set(&[1; 255], b"").is_ok());
    assert_eq!(set(b"k", &[1; 4001]), Err(PropertyFault::Value(4001)));
    let long = set(b"k", &[1; 4000]).unwrap();
    let fits = [0; MAX_PROPERTIES_LEN - 4005 - 4 - 1];
    let full = long.with(&[(b"l", Some(&fits))]).unwrap();
    assert_eq!(full.encoded().len(), MAX_PROPERTIES_LEN);
    assert_eq!(Properties::decode(full.encoded()), Some(full));
    let over = [0; MAX_PROPERTIES_LEN - 4005 - 4];
    let over = long.with(&[(b"l", Some(&over))]);
    assert_eq!(over, Err(PropertyFault::Map(MAX_PROPERTIES_LEN + 1)));
    assert_eq!(long.with(&[(b"", None)]), Err(PropertyFault::Key(0)));
}

#[test]
fn bytes_that_no_writer_stores_are_no_map() {
    let one = |key: &[u8], value: &[u8]| {
        let mut bytes = (key.len() as u16).to_le_bytes().to_vec();
        bytes.extend((value.len() as u16).to_le_bytes());
        [&bytes, key, value].concat()
    };
    for (name, bytes) in [
        ("a key without bytes", one(b"", b"x")),
        ("a key of 256 bytes", one(&[1; 256], b"")),
        ("a value of 4,001 bytes", one(b"k", &[1; 4001])),
        (
            "keys in the wrong order",
            [one(b"b", b""), one(b"a", b"")].concat(),
        ),
        ("a key twice", [one(b"a", b"1"), one(b"a", b"2")].concat()),
        ("half a length", vec![1, 0, 1]),
        ("a key that is cut short", one(b"abc", b"")[..6].to_vec()),
        ("a value that is cut short", one(b"a", b"xyz")[..6].to_vec()),
        (
            "4,097 bytes",
            [one(b"a", &[1; 4000]), one(b"b", &[1; 87])].concat(),
        ),
    ] {
        assert_eq!(Properties::decode(&bytes), None, "{name}");
    }
}

proptest! {
    #[test]
    fn a_map_is_what_its_changes_say_in_their_order(
        changes in proptest::collection::vec(
            (proptest::collection::vec(0..3u8, 1..3), proptest::option::of(any::<[u8; 2]>())), 0..20),
    ) {
        let mut expected = std::collections::BTreeMap::new();
        let mut map = Properties::default();
        for (key, value) in &changes {
            map = map.with(&[(key, value.as_ref().map(|value| &value[..]))]).unwrap();
            match value {
                Some(value) => { expected.insert(key.clone(), value.to_vec()); }
                None => { expected.remove(key); }
            }
        }
        let slices: Vec<_> = changes
            .iter()
            .map(|(key, value)| (&key[..], value.as_ref().map(|value| &value[..])))
            .collect();
        prop_assert_eq!(&Properties::default().with(&slices).unwrap(), &map);
        let pairs: Vec<_> = map.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(&pairs, &expected.clone().into_iter().collect::<Vec<_>>());
        for key in expected.keys() {
            prop_assert_eq!(map.get(key), expected.get(key).map(|value| &value[..]));
        }
        prop_assert_eq!(Properties::decode(map.encoded()), Some(map));
    }

    #[test]
    fn any_bytes_are_a_map_or_none_without_a_panic(bytes: Vec<u8>) {
        if let Some(map) = Properties::decode(&bytes) {
            prop_assert_eq!(map.encoded(), &bytes[..]);
        }
    }
}
