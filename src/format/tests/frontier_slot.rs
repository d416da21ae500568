//! Must hold: a slot is believed only where it was stored, whole, and as a writer stores it.

use proptest::prelude::*;

use crate::format::frontier_slot::FrontierSlot;
use crate::format::frontier_slot::SlotProperties;
use crate::format::frontier_slot::SlotState;
use crate::format::frontier_slot::slot_offset;
use crate::format::tests::assert_golden;
use crate::format::tests::for_each_flip;
use crate::format::tests::other_seeds;
use crate::format::tests::seed;
use crate::ids::EntryId;
use crate::ids::FileOffset;

fn sample() -> FrontierSlot {
    FrontierSlot {
        end: FileOffset(0x629),
        next_id: EntryId(1001),
        last_frame: Some(FileOffset(0x600)),
        first_kept_id: EntryId(500),
        truncation_epoch: 3,
        properties: SlotProperties::None,
    }
}

#[test]
fn a_slot_has_its_golden_bytes() {
    let rows = [
        (0x00, "49 57 66 72 00 00 00 00 29 06 00 00 00 00 00 00"),
        (0x10, "e9 03 00 00 00 00 00 00 00 06 00 00 00 00 00 00"),
        (0x20, "f4 01 00 00 00 00 00 00 03 00 00 00 00 00 00 00"),
        (0x1f0, "00 00 00 00 00 00 00 00 00 00 00 00 d9 c6 3a d8"),
    ];
    assert_golden(&sample().encode(seed(), 0), 512, &rows);
    let mut second = rows;
    second[3].1 = "00 00 00 00 00 00 00 00 00 00 00 00 32 95 ff ca";
    assert_golden(&sample().encode(seed(), 1), 512, &second);
}

#[test]
fn the_slots_are_the_second_and_the_third_sector() {
    assert_eq!(slot_offset(0), FileOffset(512));
    assert_eq!(slot_offset(1), FileOffset(1024));
}

#[test]
fn every_single_bit_flip_of_a_slot_is_rejected() {
    for_each_flip(&sample().encode(seed(), 1), |bit, flipped| {
        assert_eq!(
            FrontierSlot::decode(flipped, seed(), 1),
            SlotState::Damaged,
            "bit {bit}"
        );
    });
}

#[test]
fn a_slot_of_another_place_is_rejected() {
    let bytes = sample().encode(seed(), 0);
    assert_eq!(FrontierSlot::decode(&bytes, seed(), 1), SlotState::Damaged);
    for (name, other) in other_seeds() {
        assert_eq!(
            FrontierSlot::decode(&bytes, other, 0),
            SlotState::Damaged,
            "{name}"
        );
    }
}

#[test]
fn zeros_and_the_end_of_the_file_mean_never_stored() {
    for len in [0, 1, 511, 512] {
        let state = FrontierSlot::decode(&vec![0; len], seed(), 0);
        assert_eq!(state, SlotState::Never, "{len} zeros");
    }
}

#[test]
fn a_slot_that_is_cut_short_or_torn_is_damaged() {
    let newer = sample().encode(seed(), 0);
    let older = FrontierSlot {
        next_id: EntryId(1000),
        ..sample()
    }
    .encode(seed(), 0);
    for cut in [20, 300, 510] {
        let torn = [&newer[..cut], &older[cut..]].concat();
        assert_eq!(
            FrontierSlot::decode(&newer[..cut], seed(), 0),
            SlotState::Damaged,
            "{cut}"
        );
        assert_eq!(
            FrontierSlot::decode(&torn, seed(), 0),
            SlotState::Damaged,
            "{cut}"
        );
    }
}

#[test]
fn offsets_that_no_writer_stores_are_damage_even_under_a_good_crc() {
    let rows = [
        ("an end within the header area", 1535, None),
        ("a last frame within the header area", 4000, Some(1535)),
        ("a last frame behind the end", 4000, Some(4001)),
        (
            "a last frame without room for its header",
            4000,
            Some(4000 - 35),
        ),
        ("a last frame at the greatest offset", 4000, Some(u64::MAX)),
    ];
    for (name, end, last_frame) in rows {
        let last_frame = last_frame.map(FileOffset);
        let slot = FrontierSlot {
            end: FileOffset(end),
            last_frame,
            ..sample()
        };
        let bytes = slot.encode(seed(), 0);
        assert_eq!(
            FrontierSlot::decode(&bytes, seed(), 0),
            SlotState::Damaged,
            "{name}"
        );
    }
}

#[test]
fn the_newer_slot_is_the_one_of_the_later_cut_then_id_then_offset() {
    let later_end = FrontierSlot {
        end: FileOffset(0x700),
        ..sample()
    };
    let later_id = FrontierSlot {
        next_id: EntryId(1002),
        ..sample()
    };
    let later_cut = FrontierSlot {
        truncation_epoch: 4,
        next_id: EntryId(0),
        ..sample()
    };
    assert!(later_end.order() > sample().order());
    assert!(later_id.order() > later_end.order());
    assert!(later_cut.order() > later_id.order());
}

proptest! {
    #[test]
    fn a_slot_survives_the_round_trip(
        frames_len in 36..u64::MAX - 1536,
        last_frame in proptest::option::of(any::<u64>()),
        (next_id, first_kept_id, truncation_epoch) in any::<(u64, u64, u64)>(),
        slot in 0..2usize,
    ) {
        let end = 1536 + frames_len;
        let frontier = FrontierSlot {
            end: FileOffset(end),
            next_id: EntryId(next_id),
            last_frame: last_frame.map(|at| FileOffset(1536 + at % (frames_len - 35))),
            first_kept_id: EntryId(first_kept_id),
            truncation_epoch,
            properties: SlotProperties::None,
        };
        let bytes = frontier.encode(seed(), slot);
        prop_assert_eq!(FrontierSlot::decode(&bytes, seed(), slot), SlotState::Valid(frontier));
    }
}
