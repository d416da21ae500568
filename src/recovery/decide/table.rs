//! Which segments are kept, trimmed, quarantined or lost? Facts and policy in, verdict out.
//!
//! Pure: no disk, no clock. The table is in `docs/FORMAT.md`, and the tests beside this file cover
//! its rows. `tail` decides on the tail, `lost_ids` on losses, `newest_properties` on the properties,
//! `page_cache` on what must be made durable first.

use std::cmp::Ordering;
use std::ops::Range;

use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::ids::EntryId;
use crate::options::CorruptionPolicy;
use crate::recovery::decide::segment_ends::end_at_cut;
use crate::recovery::decide::segment_ends::end_with_footer;
use crate::recovery::decide::segment_ends::end_without_footer;
use crate::recovery::decide::segment_ends::records_loss_of;
use crate::recovery::facts::ClipState;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::first_kept;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Decision;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::Refusal;
use crate::recovery::verdict::Verdict;
use crate::segment::SegmentEnd;
use crate::segment::older_slot;

/// Decides. The same facts always give the same decision.
pub fn decide(facts: &StreamFacts, policy: CorruptionPolicy) -> Decision {
    for (i, segment) in facts.segments.iter().enumerate() {
        if let HeaderState::Foreign(foreign) = &segment.head {
            return Decision::Refuse(Refusal::Foreign(i, foreign.clone()));
        }
    }
    if facts.key.is_none() && facts.segments.iter().any(|s| s.file_len > 0) {
        return Decision::Refuse(Refusal::NoKey);
    }
    let mut builder = DecisionBuilder {
        facts,
        verdict: Verdict::default(),
        drops_durable: false,
        keeps_slot_properties: false,
    };
    builder.verdict.first_kept = first_kept(&facts.segments);
    if facts.temporary {
        builder.verdict.actions.push(Action::RemoveTemporary);
    }
    let alive = builder.drop_void_and_truncated();
    builder.decide_below_frontier(&alive);
    builder.decide_tail(&alive);
    builder.compare_with_claim();
    builder.check_chain();
    builder.end_before_cuts();
    builder.reseal_last();
    builder.confirm_truncation();
    builder.decide_properties();
    // Quarantine comes before removal, and both come before the trim. The slot that removals rely
    // on comes first: where a quarantine fails, removals are left to later truncations.
    builder.verdict.actions.sort_by_key(|action| match action {
        Action::SyncNames => 0,
        Action::RewriteSlot(..) => 1,
        Action::BackupRange(..) | Action::BackupFile(_) => 2,
        Action::RemoveTemporary => 3,
        Action::Remove(_) => 4,
        Action::Trim(..) => 5,
    });
    let verdict = builder.verdict;
    if policy == CorruptionPolicy::Error && !verdict.findings.is_empty() {
        return Decision::Refuse(Refusal::Damaged(verdict.findings));
    }
    Decision::Serve(verdict)
}

/// Why a segment does not follow the one before it, which has no footer, according to that
/// segment's last good frame.
fn does_not_follow(
    segment: &SegmentFacts,
    next: &SegmentHeader,
) -> Option<(Option<Range<u64>>, &'static str)> {
    let (recorded, ending) = (next.predecessor?, segment.ending?);
    let end = ending.end;
    match end.next_id.cmp(&recorded.end_id) {
        Ordering::Equal if end.last_frame.is_none() || end.link == recorded.link => None,
        Ordering::Equal => Some((None, "the segment does not follow the one before it")),
        Ordering::Greater => Some((
            Some(recorded.end_id.0..end.next_id.0),
            "the segment does not follow the one before it",
        )),
        // More frames may follow behind the damage.
        Ordering::Less if matches!(ending.stop, ScanStop::BadFrame { .. }) => None,
        Ordering::Less => Some((
            Some(end.next_id.0..recorded.end_id.0),
            "the segment does not follow the one before it, which ends too early",
        )),
    }
}

/// The facts, and the verdict as far as it is built.
pub(in crate::recovery) struct DecisionBuilder<'a> {
    pub(in crate::recovery) facts: &'a StreamFacts,
    pub(in crate::recovery) verdict: Verdict,
    /// A segment is dropped of which a slot says that it was durable.
    pub(in crate::recovery) drops_durable: bool,
    /// Only frames below the frontier are lost, and its slot says which properties there were.
    pub(in crate::recovery) keeps_slot_properties: bool,
}

impl DecisionBuilder<'_> {
    pub(in crate::recovery) fn segment(&self, i: usize) -> &SegmentFacts {
        &self.facts.segments[i]
    }

    pub(in crate::recovery) fn find(
        &mut self,
        i: usize,
        ids: Option<Range<u64>>,
        what: &'static str,
    ) {
        self.verdict.findings.push(Finding {
            segment: Some(i),
            offset: None,
            ids,
            what,
        });
    }

    /// Removes segments that a cut has made void and those that a truncation or a reset left
    /// behind. What says that they go is made durable before.
    fn drop_void_and_truncated(&mut self) -> Vec<usize> {
        let all = 0..self.facts.segments.len();
        let (void, mut alive): (Vec<usize>, Vec<usize>) =
            all.partition(|&i| self.segment(i).is_void());
        let relies_on_name = !void.is_empty() || self.may_have_an_unsynced_name();
        if relies_on_name {
            self.verdict.actions.push(Action::SyncNames);
        }
        self.verdict
            .actions
            .extend(void.into_iter().map(Action::Remove));
        let first_kept = self.verdict.first_kept.0;
        let is_truncated = |two: &&[usize]| {
            let next = self.segment(two[1]).head.header().map(|h| h.first_id);
            next.is_some_and(|next| next <= first_kept) && self.was_durable(two[1])
        };
        let truncated = alive.windows(2).take_while(is_truncated).count();
        let reset = alive.iter().rposition(|&i| self.segment(i).is_reset());
        let gone = truncated.max(reset.unwrap_or(0));
        let next = alive.get(gone).filter(|_| gone > 0);
        if let Some((i, slot)) = next.and_then(|&i| Some((i, self.lone_slot(i)?))) {
            self.verdict.actions.push(Action::RewriteSlot(i, slot));
        }
        let gone = alive.drain(..gone).map(Action::Remove);
        self.verdict.actions.extend(gone);
        alive
    }

    /// The slot of a segment that has one only: after the death of a process it may be in the page cache
    /// only, because a second one is stored after the first was synced. The name of the segment is
    /// durable by then. A cut segment is synced with its first slot before it gets its name.
    fn lone_slot(&self, i: usize) -> Option<usize> {
        let slots = &self.segment(i).slots;
        let valid = |slot: &usize| slots[*slot].valid().is_some();
        let mut all = (0..slots.len()).filter(valid);
        match (all.next(), all.next()) {
            (Some(lone), None) if !self.segment(i).is_cut() => Some(lone),
            _ => None,
        }
    }

    /// Whether a segment is known to have been durable, and says what the properties were. Otherwise it
    /// may be torn, and the one before it, though all its ids are hidden, the newest one still.
    fn was_durable(&self, i: usize) -> bool {
        let slots = &self.segment(i).slots;
        slots.iter().any(|slot| slot.valid().is_some())
    }

    /// Whether the process may have died between giving the last cut segment its name and making
    /// that durable: the first round after that stores its second slot.
    fn may_have_an_unsynced_name(&self) -> bool {
        let frontier = self.facts.segments.get(self.facts.frontier.segment);
        frontier.is_some_and(|cut| cut.is_cut() && cut.slots.contains(&SlotState::Never))
    }

    /// Segments before the frontier's are kept as they are, damaged or not.
    fn decide_below_frontier(&mut self, alive: &[usize]) {
        for (place, &i) in alive.iter().enumerate() {
            if i >= self.facts.frontier.segment {
                break;
            }
            let next = alive.get(place + 1).copied();
            let Some(header) = self.segment(i).head.header().cloned() else {
                let next = next.and_then(|n| self.segment(n).head.header());
                if next.is_some_and(|next| records_loss_of(next, self.segment(i).name_id)) {
                    self.verdict.actions.push(Action::Remove(i));
                } else {
                    self.find(i, None, "a segment that was durable is empty");
                }
                continue;
            };
            self.report_header_damage(i);
            let has_header = |n: &&usize| self.segment(**n).head.header().is_some();
            let cut = alive[place + 1..].iter().find(has_header);
            let cut = cut.filter(|n| self.segment(**n).is_cut()).copied();
            let (end, state) = match (cut, &self.segment(i).trailer) {
                (Some(cut), _) => self.end_at_cut(i, cut),
                (_, Some(trailer)) => (end_with_footer(trailer), KeptState::Sealed),
                (None, None) => self.end_without_footer(i, &header, next),
            };
            let next_slot = older_slot(&self.segment(i).slots);
            self.verdict.kept.push(KeptSegment {
                facts: i,
                header,
                end,
                state,
                next_slot,
                properties: SlotProperties::None,
            });
        }
    }

    /// The end of a segment of which a suffix was cut: whatever its footer says, it is read up to
    /// the cut and never written again.
    fn end_at_cut(&mut self, i: usize, next: usize) -> (SegmentEnd, KeptState) {
        let (end, is_sealed_there) = end_at_cut(self.segment(i), self.segment(next));
        if self.segment(next).clip == Some(ClipState::Bad) {
            let what = "the last frame before a cut is missing, or another stands there";
            self.find(next, None, what);
        }
        let next_head = &self.segment(next).head;
        if matches!(next_head, HeaderState::Valid(header) if !header.is_cut()) {
            let what = "the segment that cut the stream before this one is missing";
            self.find(next, None, what);
        }
        match is_sealed_there {
            true => (end, KeptState::Sealed),
            false => (end, KeptState::ReadOnlyPrefix),
        }
    }

    /// The end of a sealed segment whose footer cannot be read.
    fn end_without_footer(
        &mut self,
        i: usize,
        header: &SegmentHeader,
        next: Option<usize>,
    ) -> (SegmentEnd, KeptState) {
        let segment = self.segment(i);
        let successor = next.and_then(|n| self.segment(n).head.header());
        let end = end_without_footer(segment, header, successor);
        let foreign = successor.and_then(|next| does_not_follow(segment, next));
        // A segment that a recorded loss follows is known to have no good end.
        if successor.is_none_or(|next| next.lost_from >= next.first_id) {
            let what = "the footer of a sealed segment is damaged or missing";
            self.find(i, None, what);
        }
        if let (Some((ids, what)), Some(next)) = (foreign, next) {
            self.find(next, ids, what);
        }
        (end, KeptState::ReadOnlyPrefix)
    }

    pub(in crate::recovery) fn report_header_damage(&mut self, i: usize) {
        if matches!(self.segment(i).head, HeaderState::Reconstructed(_)) {
            self.find(i, None, "the segment header is damaged");
        }
        if self.segment(i).slots.contains(&SlotState::Damaged) {
            self.find(i, None, "a frontier slot is damaged");
        }
    }

    /// Whatever a segment says of its own end, it holds no id that a segment of a greater generation
    /// replaces: no id is served in two generations.
    fn end_before_cuts(&mut self) {
        let in_line = self.facts.segments.iter().filter(|s| !s.is_void());
        let cuts = in_line.filter(|segment| segment.is_cut());
        let cuts: Vec<_> = cuts
            .filter_map(|cut| Some((cut.head.header()?.generation, cut.name_id)))
            .collect();
        for kept in &mut self.verdict.kept {
            let later = cuts
                .iter()
                .filter(|(generation, _)| *generation > kept.header.generation);
            let ends = later.map(|(_, first_id)| *first_id);
            if let Some(end) = ends.min() {
                kept.end.next_id = kept.end.next_id.min(end.max(kept.header.first_id));
            }
        }
    }

    /// The kept segments must follow one another, from the first id the stream keeps.
    fn check_chain(&mut self) {
        let first_kept = self.verdict.first_kept.0;
        let mut expected: Option<(EntryId, u32)> = None;
        let mut findings = Vec::new();
        for kept in &self.verdict.kept {
            let first_id = kept.header.first_id;
            let mut find = |ids, what| {
                findings.push(Finding {
                    segment: Some(kept.facts),
                    offset: None,
                    ids,
                    what,
                });
            };
            match expected {
                // Ids recorded as lost are not missing.
                None if kept.header.lost_from > first_kept => {
                    find(
                        Some(first_kept.0..first_id.0),
                        "the first segments are missing",
                    );
                }
                None => {}
                Some((end_id, _)) if first_id > end_id => {
                    let recorded = kept.header.lost_from <= end_id;
                    if !recorded {
                        find(
                            Some(end_id.0..first_id.0),
                            "segments are missing before this one",
                        );
                    }
                }
                Some((end_id, _)) if first_id < end_id => {
                    find(
                        Some(first_id.0..end_id.0),
                        "two segments claim the same ids",
                    );
                }
                Some((end_id, link)) => {
                    let recorded = kept.header.predecessor;
                    let differs = recorded.is_some_and(|p| p.end_id != end_id || p.link != link);
                    let certain = kept.state != KeptState::ReadOnlyPrefix && link != 0;
                    if differs && certain {
                        find(None, "the segment does not follow the one before it");
                    }
                }
            }
            expected = Some((kept.end.next_id, kept.end.link));
        }
        self.verdict.findings.append(&mut findings);
    }
}
