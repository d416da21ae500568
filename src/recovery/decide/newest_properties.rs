//! Which properties does the stream have after recovery?
//!
//! The newest map counts, or none: an older one could name a vote that was replaced since. So where
//! something newer may have been lost, the properties are lost, until the caller replaces them.
//!
//! The first frame of each segment holds the map if it is not empty. So a segment whose frames hold
//! none has none, or its properties were lost before it began. Its slots say which; in front of its
//! first slot, its header does, which records a loss, or the slots of the segment before it.

use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::recovery::decide::table::DecisionBuilder;
use crate::recovery::facts::FoundProperties;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::ScanStop;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::NextAppend;
use crate::segment::PropertyPoint;
use crate::segment::newer_slot;

impl DecisionBuilder<'_> {
    /// Decides once it is known which segments are kept, and where appends go on.
    pub(in crate::recovery) fn decide_properties(&mut self) {
        let at_frontier = self.properties_at_frontier();
        let mut newest = at_frontier.clone();
        for place in 0..self.verdict.kept.len() {
            let kept = &self.verdict.kept[place];
            let i = kept.facts;
            if i < self.facts.frontier.segment {
                let stated = newer_slot(&self.segment(i).slots).map(|slot| slot.properties.clone());
                self.verdict.kept[place].properties = stated.unwrap_or_default();
                continue;
            }
            let is_behind = i > self.facts.frontier.segment;
            if is_behind && kept.header.lost_from < kept.header.first_id {
                newest = PropertyPoint::lost();
            }
            match self.segment(i).properties.clone() {
                Some(found) => newest = self.held(i, &found),
                // The writer puts a map that is not empty into the first frame.
                None if is_behind && newest.to_carry().is_some() => {
                    self.find(
                        i,
                        None,
                        "the properties at the start of a segment are missing",
                    );
                    newest = PropertyPoint::lost();
                }
                None => {}
            }
            self.verdict.kept[place].properties = newest.slot();
        }
        if self.newer_may_be_lost() {
            newest = PropertyPoint::lost();
        }
        self.verdict.properties = newest;
        self.verdict.properties_at_frontier = at_frontier;
    }

    fn properties_at_frontier(&mut self) -> PropertyPoint {
        match self.facts.properties.clone() {
            FrontierProperties::Unstated => self.properties_at_start(),
            FrontierProperties::None => PropertyPoint::NONE,
            FrontierProperties::Lost => PropertyPoint::lost(),
            FrontierProperties::Held(found) => self.held(self.facts.frontier.segment, &found),
        }
    }

    fn held(&mut self, i: usize, found: &FoundProperties) -> PropertyPoint {
        match &found.map {
            Some(map) => PropertyPoint::held(map.clone(), found.frame),
            None => {
                self.verdict.findings.push(Finding {
                    segment: Some(i),
                    offset: Some(found.frame.0),
                    ids: None,
                    what: "the newest properties of the stream are damaged",
                });
                PropertyPoint::lost()
            }
        }
    }

    /// The properties in front of the first frame of the frontier's segment, whose slots say nothing.
    /// Lost or none; a map would be in that frame.
    fn properties_at_start(&self) -> PropertyPoint {
        let frontier = self.facts.frontier.segment;
        let header = self.facts.segments.get(frontier);
        let Some(header) = header.and_then(|segment| segment.head.header()) else {
            return PropertyPoint::NONE;
        };
        if header.lost_from < header.first_id {
            return PropertyPoint::lost();
        }
        // A cut has a slot from its first moment, which said whether they were lost.
        if self.facts.segments[frontier].is_cut() {
            return PropertyPoint::lost();
        }
        let before = self.verdict.kept.iter().rev();
        for kept in before.filter(|kept| kept.facts < frontier) {
            let slots = &self.segment(kept.facts).slots;
            return match newer_slot(slots).map(|slot| &slot.properties) {
                Some(SlotProperties::Lost) => PropertyPoint::lost(),
                // A loss begins with a segment that records it, so none was in between.
                Some(SlotProperties::None | SlotProperties::Held { .. }) => PropertyPoint::NONE,
                None if kept.header.lost_from < kept.header.first_id => PropertyPoint::lost(),
                None if slots.contains(&SlotState::Damaged) => PropertyPoint::lost(),
                // It was sealed by its first round, and a crash took its slots, not its footer.
                None => continue,
            };
        }
        let kept = self.verdict.kept.first();
        let first = kept.map_or(header, |kept| &kept.header);
        match first.predecessor {
            // The first segment of all.
            None => PropertyPoint::NONE,
            // Those before it were truncated, and then there is a slot.
            Some(_) => PropertyPoint::lost(),
        }
    }

    /// Whether a newer map than those that were found may have been durable.
    fn newer_may_be_lost(&self) -> bool {
        if self.drops_durable {
            return true;
        }
        match self.verdict.next {
            NextAppend::Empty => false,
            // Nothing but the frames below the frontier is lost where its slot repeats the map.
            NextAppend::AfterLoss { .. } => !self.keeps_slot_properties,
            // What was trimmed may have been durable where a newer slot cannot be read.
            NextAppend::Continue => self.verdict.kept.last().is_some_and(|last| {
                let segment = self.segment(last.facts);
                let stop = segment.tail.map(|tail| tail.stop);
                let is_torn = matches!(stop, Some(ScanStop::BadFrame { .. }));
                is_torn && segment.slots.contains(&SlotState::Damaged)
            }),
        }
    }
}
