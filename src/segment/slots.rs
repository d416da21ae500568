//! Which of a segment's two frontier slots is the newer, and how is a slot read and written?
//!
//! A write may tear the sector it goes to. So it goes to the older slot, and the newer statement
//! survives a crash. Failure: a torn slot reads as damaged, and the other one counts.

use std::io;
use std::io::IoSlice;

use crate::format::FrontierSlot;
use crate::format::SECTOR_LEN;
use crate::format::SLOT_COUNT;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::slot_offset;
use crate::storage::StorageFile;

/// Writes a frontier slot. The next sync of the file makes it durable.
///
/// The caller promises that the statement is true now, and that the other slot is durable.
pub fn store_slot(
    file: &dyn StorageFile,
    seed: SegmentSeed,
    slot: usize,
    frontier: &FrontierSlot,
) -> io::Result<()> {
    let sector = frontier.encode(seed, slot);
    file.write_at(slot_offset(slot).0, &[IoSlice::new(&sector)])
}

/// Reads both slots of a file.
pub fn read_slots(
    file: &dyn StorageFile,
    seed: SegmentSeed,
) -> io::Result<[SlotState; SLOT_COUNT]> {
    let mut sectors = [0; SECTOR_LEN * SLOT_COUNT];
    let read = file.read_at(slot_offset(0).0, &mut sectors)?;
    Ok([0, 1].map(|slot| {
        let start = read.min(SECTOR_LEN * slot);
        FrontierSlot::decode(&sectors[start..read], seed, slot)
    }))
}

/// The newer of the valid statements; `None`: neither slot is valid.
pub fn newer_slot(slots: &[SlotState; SLOT_COUNT]) -> Option<&FrontierSlot> {
    let valid = slots.iter().filter_map(SlotState::valid);
    valid.max_by_key(|slot| slot.order())
}

/// The slot that the next write may tear: not the one with the newer statement.
pub fn older_slot(slots: &[SlotState; SLOT_COUNT]) -> usize {
    let order = |slot: usize| slots[slot].valid().map(FrontierSlot::order);
    usize::from(order(0).is_some() && order(0) >= order(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::SlotProperties;
    use crate::ids::EntryId;
    use crate::ids::FileOffset;

    #[test]
    fn the_next_slot_to_write_is_never_the_newer_valid_one() {
        let valid = |next_id| {
            SlotState::Valid(FrontierSlot {
                end: FileOffset(crate::format::HEADER_AREA_LEN),
                next_id: EntryId(next_id),
                last_frame: None,
                first_kept_id: EntryId(0),
                truncation_epoch: 0,
                properties: SlotProperties::None,
            })
        };
        let never = || SlotState::Never;
        let damaged = || SlotState::Damaged;
        for (slots, older, newer) in [
            ([never(), never()], 0, None),
            ([damaged(), damaged()], 0, None),
            ([never(), valid(7)], 0, Some(7)),
            ([valid(7), damaged()], 1, Some(7)),
            ([valid(7), valid(8)], 0, Some(8)),
            ([valid(8), valid(7)], 1, Some(8)),
            ([valid(7), valid(7)], 1, Some(7)),
        ] {
            assert_eq!(older_slot(&slots), older, "{slots:?}");
            let newest = newer_slot(&slots).map(|slot| slot.next_id.0);
            assert_eq!(newest, newer, "{slots:?}");
        }
    }
}
