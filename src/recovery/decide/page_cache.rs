//! Which facts that recovery has read may be in the page cache only, and not on disk?

use crate::format::SlotState;
use crate::recovery::decide::table::DecisionBuilder;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;

impl DecisionBuilder<'_> {
    /// The record of the last truncation or restoration is durable once two places hold it: the
    /// second is stored after the first was synced. A single one may be in the page cache only. It
    /// is made durable before files are removed because of it, and before readers see its effect.
    pub(in crate::recovery) fn confirm_truncation(&mut self) {
        let epoch = self.verdict.first_kept.1;
        if epoch == 0 {
            return;
        }
        let mut holders = Vec::new();
        for (i, segment) in self.facts.segments.iter().enumerate() {
            if segment.is_void() {
                continue;
            }
            if segment
                .head
                .header()
                .is_some_and(|h| h.truncation_epoch == epoch)
            {
                return;
            }
            for (place, slot) in segment.slots.iter().enumerate() {
                if matches!(slot, SlotState::Valid(slot) if slot.truncation_epoch == epoch) {
                    holders.push((i, place));
                }
            }
        }
        if let [(i, slot)] = holders[..] {
            let action = Action::RewriteSlot(i, slot);
            if !self.verdict.actions.contains(&action) {
                self.verdict.actions.push(action);
            }
        }
    }

    /// A slot in a later segment proves a seal: such slots are stored after the seal was synced.
    /// After a process death or a failed sync, the last seal may be in the page cache only. It is
    /// written again before anything is stored that relies on it.
    pub(in crate::recovery) fn reseal_last(&mut self) {
        let is_tail = |kept: &KeptSegment| matches!(kept.state, KeptState::Tail { .. });
        let Some(tail) = self.verdict.kept.iter().position(is_tail) else {
            return;
        };
        let tail_facts = self.segment(self.verdict.kept[tail].facts);
        let slots = &tail_facts.slots;
        // A cut relies on no seal before it, and what lies behind the cut is never written again.
        if tail_facts.is_cut() || slots.iter().any(|slot| matches!(slot, SlotState::Valid(_))) {
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
