//! What is believed on disk and may be in the page cache only?

use crate::format::SlotState;
use crate::recovery::decide::table::DecisionBuilder;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;

impl DecisionBuilder<'_> {
    /// What the last truncation or restoration said is proven once it stands in two places: the
    /// second is stored after the first was synced. A single one may be in the page cache only; it
    /// is made durable before files are removed because of it, and before it is shown.
    pub(in crate::recovery) fn confirm_truncation(&mut self) {
        let epoch = self.verdict.first_kept.1;
        if epoch == 0 {
            return;
        }
        let mut told = Vec::new();
        for (i, segment) in self.facts.segments.iter().enumerate() {
            if segment
                .head
                .header()
                .is_some_and(|h| h.truncation_epoch == epoch)
            {
                return;
            }
            for (place, slot) in segment.slots.iter().enumerate() {
                if matches!(slot, SlotState::Valid(slot) if slot.truncation_epoch == epoch) {
                    told.push((i, place));
                }
            }
        }
        if let [(i, slot)] = told[..] {
            self.verdict.actions.push(Action::RewriteSlot(i, slot));
        }
    }

    /// A seal is proven by a slot in a later segment: those are stored after it was synced. The
    /// last one may be in the page cache only, after the death of a process or a failed sync; it
    /// is written again, before anything is stored that takes it for durable.
    pub(in crate::recovery) fn reseal_last(&mut self) {
        let is_tail = |kept: &KeptSegment| matches!(kept.state, KeptState::Tail { .. });
        let Some(tail) = self.verdict.kept.iter().position(is_tail) else {
            return;
        };
        let slots = &self.segment(self.verdict.kept[tail].facts).slots;
        if slots.iter().any(|slot| matches!(slot, SlotState::Valid(_))) {
            return;
        }
        let Some(last) = tail.checked_sub(1).map(|i| &mut self.verdict.kept[i]) else {
            return;
        };
        if last.state == KeptState::Sealed {
            last.state = KeptState::Tail {
                from: (last.end.offset, last.end.next_id),
                new_name: false,
            };
        }
    }
}
