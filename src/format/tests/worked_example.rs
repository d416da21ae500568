//! Must hold: the worked example in `docs/FORMAT.md` is what this version writes.

use std::fmt::Write;

use crate::format::footer::IndexPoint;
use crate::format::footer::encode_footer;
use crate::format::frame::FrameHeader;
use crate::format::frame::header_crc_of;
use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::SlotProperties;
use crate::format::payload::PreparedFrame;
use crate::format::segment_header::Predecessor;
use crate::format::segment_header::Replaces;
use crate::format::segment_header::SegmentHeader;
use crate::format::tests::KEY;
use crate::ids::EntryId;
use crate::ids::FileOffset;

const DOCUMENT: &str = include_str!("../../../docs/FORMAT.md");

/// A whole sealed segment: one entry, one batch of three, and the footer.
fn segment() -> Vec<u8> {
    let header = SegmentHeader {
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
    };
    let seed = header.seed();
    let first = FileOffset(1536);
    let slot = |end: FileOffset, next_id: u64, last_frame: FileOffset| FrontierSlot {
        end,
        next_id: EntryId(next_id),
        last_frame: Some(last_frame),
        first_kept_id: EntryId(500),
        truncation_epoch: 3,
        properties: SlotProperties::None,
    };

    let mut frames = Vec::new();
    let parts: [&[u8]; 1] = [b"hello"];
    let single = PreparedFrame::single(&parts, None).unwrap();
    let single = single.encode_into(&mut frames, seed, first, EntryId(1000), 0);
    let single = single.unwrap();
    let second = first + single.len();
    let entries: [&[u8]; 3] = [b"a", b"", b"bc"];
    let many = PreparedFrame::many(&entries, None).unwrap();
    let len = single.len() as u32;
    let many = many.encode_into(&mut frames, seed, second, EntryId(1001), len);
    let many: FrameHeader = many.unwrap();
    let end = second + many.len();

    let link = header_crc_of(&many.encode(seed, second));
    let points = [IndexPoint {
        id: EntryId(1000),
        offset: first,
    }];
    let footer = encode_footer(
        seed,
        end,
        many.end_id(),
        second,
        link,
        many.len() as u32,
        &points,
    );
    let slots = [slot(second, 1001, first), slot(end, 1004, second)];
    let sectors = [
        header.encode(),
        slots[0].encode(seed, 0),
        slots[1].encode(seed, 1),
    ];
    [sectors.concat(), frames, footer].concat()
}

/// Rows of 16 bytes with their offset and their text; rows of zeros are left out.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, row) in bytes.chunks(16).enumerate() {
        if row.iter().all(|&byte| byte == 0) {
            continue;
        }
        let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String = row
            .iter()
            .map(|&byte| {
                if byte.is_ascii_graphic() {
                    char::from(byte)
                } else {
                    '.'
                }
            })
            .collect();
        writeln!(
            text,
            "{:04x}  {:47}  {shown}",
            number * 16,
            digits.join(" ")
        )
        .unwrap();
    }
    text
}

#[test]
fn the_worked_example_is_what_is_written() {
    let dump = dump(&segment());
    assert!(
        DOCUMENT.contains(&dump),
        "docs/FORMAT.md must contain:\n{dump}"
    );
}

/// The tables of names in the document hold for the code.
#[test]
fn the_names_in_the_document_are_what_the_mapping_gives() {
    let rows = [
        ("trades/EUR", "trades%2fEUR"),
        ("ü", "%c3%bc"),
        ("..", "%2e%2e"),
        ("con.txt", "%63on.txt"),
        ("HEAD", "%48EAD"),
        ("x#deleted", "x%23deleted"),
    ];
    for (key, name) in rows {
        assert_eq!(crate::format::names::stream_dir_name(key), name);
        let row = format!("| `{key}` | `{name}` |");
        assert!(
            DOCUMENT.contains(&row),
            "docs/FORMAT.md must contain: {row}"
        );
    }
}
