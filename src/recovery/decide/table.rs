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
use crate::recovery::decide::segment_ends::end_with_footer;
use crate::recovery::decide::segment_ends::end_without_footer;
use crate::recovery::decide::segment_ends::records_loss_of;
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
    builder.reseal_last();
    builder.confirm_truncation();
    builder.decide_properties();
    // Quarantine comes before removal, and both come before the trim. The slot that removals rely
    // on comes first: where a quarantine fails, removals are left to later truncations.
    builder.verdict.actions.sort_by_key(|action| match action {
        Action::RewriteSlot(..) => 0,
        Action::BackupRange(..) | Action::BackupFile(_) => 1,
        Action::RemoveTemporary => 2,
        Action::Remove(_) => 3,
        Action::Trim(..) => 4,
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

    /// Removes segments of an older generation and segments that a truncation left behind.
    fn drop_void_and_truncated(&mut self) -> Vec<usize> {
        let mut generation = 0;
        let mut alive: Vec<usize> = Vec::new();
        for (i, segment) in self.facts.segments.iter().enumerate() {
            match segment.head.header() {
                Some(header) if header.generation < generation => {
                    self.verdict.actions.push(Action::Remove(i));
                }
                header => {
                    generation = header.map_or(generation, |h| h.generation.max(generation));
                    alive.push(i);
                }
            }
        }
        let first_kept = self.verdict.first_kept.0;
        let is_truncated = |two: &&[usize]| {
            let next = self.segment(two[1]).head.header().map(|h| h.first_id);
            next.is_some_and(|next| next <= first_kept)
        };
        let truncated = alive.windows(2).take_while(is_truncated).count();
        let truncated = alive.drain(..truncated).map(Action::Remove);
        self.verdict.actions.extend(truncated);
        alive
    }

    /// Segments before the frontier's are kept as they are, damaged or not.
    fn decide_below_frontier(&mut self, alive: &[usize]) {
        for (place, &i) in alive.iter().enumerate() {
            if i >= self.facts.frontier.segment {
                break;
            }
            let Some(header) = self.segment(i).head.header().cloned() else {
                let next = alive
                    .get(place + 1)
                    .and_then(|&n| self.segment(n).head.header());
                if next.is_some_and(|next| records_loss_of(next, self.segment(i).name_id)) {
                    self.verdict.actions.push(Action::Remove(i));
                } else {
                    self.find(i, None, "a segment that was durable is empty");
                }
                continue;
            };
            self.report_header_damage(i);
            let segment = self.segment(i);
            let (end, state) = match &segment.trailer {
                Some(trailer) => (end_with_footer(trailer), KeptState::Sealed),
                None => {
                    let next = alive
                        .get(place + 1)
                        .and_then(|&n| self.segment(n).head.header());
                    let end = end_without_footer(segment, &header, next);
                    let foreign = next.and_then(|next| does_not_follow(segment, next));
                    // A segment that a recorded loss follows is known to have no good end.
                    if next.is_none_or(|next| next.lost_from >= next.first_id) {
                        self.find(
                            i,
                            None,
                            "the footer of a sealed segment is damaged or missing",
                        );
                    }
                    if let (Some((ids, what)), Some(&next)) = (foreign, alive.get(place + 1)) {
                        self.find(next, ids, what);
                    }
                    (end, KeptState::ReadOnlyPrefix)
                }
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

    pub(in crate::recovery) fn report_header_damage(&mut self, i: usize) {
        if matches!(self.segment(i).head, HeaderState::Reconstructed(_)) {
            self.find(i, None, "the segment header is damaged");
        }
        if self.segment(i).slots.contains(&SlotState::Damaged) {
            self.find(i, None, "a frontier slot is damaged");
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
