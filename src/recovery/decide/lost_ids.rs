//! Which ids are lost, and at which id does the stream go on?

use crate::format::Predecessor;
use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::ids::EntryId;
use crate::recovery::decide::segment_ends::records_loss_of;
use crate::recovery::decide::segment_ends::start_of;
use crate::recovery::decide::table::DecisionBuilder;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::ScanStop;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::LOST_SEGMENT_IDS;
use crate::recovery::verdict::NextAppend;
use crate::segment::SegmentEnd;
use crate::segment::older_slot;

/// Names the common cause that is no damage: in a copy made file by file, the newest segment may be
/// missing although the sealed one before it proves that it existed.
const NEWEST_LOST: &str = "the newest segment is lost: a sealed one has no successor, as in a copy made while the log was written (close it before copying, or copy a snapshot)";

impl DecisionBuilder<'_> {
    /// The frontier's segment has no header: its creation was interrupted, unless the next segment
    /// records its ids as lost. Its name alone proves nothing.
    pub(in crate::recovery) fn case_first_has_no_entry(&mut self, first: usize, rest: &[usize]) {
        let name_id = self.segment(first).name_id;
        let follower = rest.first().and_then(|&n| Some((n, self.readable(n)?)));
        let follower = follower.filter(|(_, (header, _))| records_loss_of(header, name_id));
        if let Some((next, (header, scan))) = follower {
            self.discard_tail(&[first]);
            let tail = (start_of(&header), true);
            return self.follow_tail((next, header, scan), tail, &rest[1..]);
        }
        self.discard_tail(rest);
        self.discard_tail(&[first]);
        self.continue_after_kept();
    }

    /// The newest segment holds no frame.
    pub(in crate::recovery) fn case_newest_is_empty(
        &mut self,
        i: usize,
        stop: ScanStop,
        header: &SegmentHeader,
    ) {
        if self.stays_empty(i, header) {
            return self.go_on_in_empty(i, stop, header);
        }
        if matches!(stop, ScanStop::BadFrame { .. }) && !self.facts.frontier.known {
            self.find(i, None, "no frontier is readable and no frame is good");
        }
        // A cut segment had a frame or a slot before it got its name.
        let had_something = self.segment(i).is_cut();
        let follows_some = !self.verdict.kept.is_empty() || header.first_id == EntryId(0);
        if follows_some && !had_something {
            self.discard_tail(&[i]);
            return self.continue_after_kept();
        }
        if (stop
            == ScanStop::BadFrame {
                later_frame_seen: true,
            })
        {
            let start = SegmentEnd::empty(header.first_id).offset;
            self.verdict.actions.push(Action::BackupRange(i, start));
        }
        // The file stays until the next segment records the loss: it is the only trace, or makes the
        // segments void that it replaced.
        let predecessor = Predecessor {
            end_id: header.first_id,
            link: 0,
        };
        self.verdict.kept.push(KeptSegment {
            facts: i,
            header: header.clone(),
            end: SegmentEnd::empty(header.first_id),
            state: KeptState::ReadOnlyPrefix,
            next_slot: 0,
            properties: SlotProperties::None,
        });
        self.case_all_lost(i, header.first_id, header.first_id, Some(predecessor));
    }

    /// A slot of a segment without a frame says that it has none: everything before it was
    /// truncated, or all from its first id on was cut, and nothing in it was ever known to be
    /// durable.
    fn stays_empty(&self, i: usize, header: &SegmentHeader) -> bool {
        let is_first_kept = self.verdict.first_kept.0 == header.first_id;
        let speaks_for_it = |slot: &SlotState| {
            matches!(slot, SlotState::Valid(slot)
                if slot.last_frame.is_none() && slot.next_id == header.first_id)
        };
        (is_first_kept || self.segment(i).is_cut())
            && self.facts.frontier.segment == i
            && self.facts.frontier.end.next_id == header.first_id
            && self.segment(i).slots.iter().any(speaks_for_it)
    }

    fn go_on_in_empty(&mut self, i: usize, stop: ScanStop, header: &SegmentHeader) {
        let end = SegmentEnd::empty(header.first_id);
        self.trim_behind(i, end.offset, stop);
        self.verdict.kept.push(KeptSegment {
            facts: i,
            header: header.clone(),
            end,
            state: KeptState::Tail {
                from: start_of(header),
                new_name: false,
            },
            next_slot: older_slot(&self.segment(i).slots),
            properties: SlotProperties::None,
        });
        self.verdict.next = NextAppend::Continue;
    }

    /// Nothing is left of a stream whose newest segment began at `first_id`, or later.
    pub(in crate::recovery) fn case_all_lost(
        &mut self,
        i: usize,
        lost_from: EntryId,
        first_id: EntryId,
        predecessor: Option<Predecessor>,
    ) {
        let first_id = self.case_rest_after_loss(first_id);
        let ids = Some(lost_from.0..first_id.0);
        let what = match self.segment(i).is_cut() {
            true => "the segment behind a cut holds nothing",
            false => "the only segment holds nothing",
        };
        self.find(i, ids, what);
        self.verdict.next = NextAppend::AfterLoss {
            first_id,
            lost_from,
            predecessor,
        };
    }

    /// Where ids go on behind a lost segment that began at `end_id`: its number of entries is
    /// unknown.
    pub(in crate::recovery) fn case_rest_after_loss(&self, end_id: EntryId) -> EntryId {
        let end_id = end_id.max(self.claimed_end());
        let guess = EntryId(end_id.0.saturating_add(LOST_SEGMENT_IDS));
        guess.max(self.greatest_proven())
    }

    /// One past the last id that `segments.idx` lists; 0 after a suffix was truncated, as the file
    /// does not record its generation.
    pub(in crate::recovery) fn claimed_end(&self) -> EntryId {
        let mut headers = self.facts.segments.iter().filter_map(|s| s.head.header());
        match self.facts.claim {
            Some(claim) if headers.all(|header| header.generation == 0) => claim.end_id,
            _ => EntryId(0),
        }
    }

    /// If the stream would go on below the end that `segments.idx` lists, its newest entries are
    /// lost, whatever the remaining segments look like. How many were appended since that file was
    /// written is unknown.
    pub(in crate::recovery) fn compare_with_claim(&mut self) {
        let last = self.verdict.kept.last();
        let last = last.map(|last| (last.facts, last.end));
        let (next_id, last) = match (&self.verdict.next, last) {
            (NextAppend::AfterLoss { .. }, _) => return,
            (NextAppend::Continue, Some(last)) => (last.1.next_id, Some(last)),
            (NextAppend::Empty | NextAppend::Continue, _) => (EntryId(0), None),
        };
        if next_id >= self.claimed_end() {
            return;
        }
        // Names prove nothing, but now that something is lost they count.
        let names = self.facts.segments.iter().map(|segment| segment.name_id);
        let first_id = self.case_rest_after_loss(names.fold(next_id, EntryId::max));
        let (lost_from, reported_from, what) = match last {
            Some(_) => (
                next_id,
                next_id,
                "segments.idx lists entries behind the last one",
            ),
            None => {
                let first_kept = self.verdict.first_kept.0.min(first_id);
                let claimed = self.facts.claim.map(|claim| claim.first_id);
                let reported_from = first_kept.max(claimed.unwrap_or_default());
                let what = "the only segment is lost: segments.idx lists its entries";
                (first_kept, reported_from, what)
            }
        };
        self.verdict.findings.push(Finding {
            segment: last.map(|(i, _)| i),
            offset: last.map(|(_, end)| end.offset.0),
            ids: Some(reported_from.0..first_id.0),
            what,
        });
        self.verdict.next = NextAppend::AfterLoss {
            first_id,
            lost_from,
            predecessor: last.map(|(_, end)| Predecessor {
                end_id: end.next_id,
                link: end.link,
            }),
        };
    }

    /// The greatest id that valid headers, footers and slots prove to have been given.
    pub(in crate::recovery) fn greatest_proven(&self) -> EntryId {
        let in_line = self.facts.segments.iter().filter(|s| !s.is_void());
        let proven = in_line.flat_map(|segment| {
            let slots = segment.slots.iter().filter_map(SlotState::valid);
            let slots = slots.map(|slot| slot.next_id);
            let first_id = segment.head.header().map(|header| header.first_id);
            let end_id = segment.trailer.map(|trailer| trailer.end_id);
            slots.chain(first_id).chain(end_id)
        });
        proven.max().unwrap_or_default()
    }

    pub(in crate::recovery) fn case_newest_lost(&mut self, i: usize, end: SegmentEnd) {
        let first_id = self.case_rest_after_loss(end.next_id);
        let ids = end.next_id.0..first_id.0;
        self.find(i, Some(ids), NEWEST_LOST);
        self.verdict.next = NextAppend::AfterLoss {
            first_id,
            lost_from: end.next_id,
            predecessor: Some(Predecessor {
                end_id: end.next_id,
                link: end.link,
            }),
        };
    }

    /// The durable end is damaged: appends go on in a new segment.
    pub(in crate::recovery) fn case_durable_end_damaged(
        &mut self,
        i: usize,
        header: SegmentHeader,
        end: SegmentEnd,
        rest: &[usize],
    ) {
        let durable_end = self.facts.frontier.end.next_id;
        let kept = KeptSegment {
            facts: i,
            header,
            end,
            state: KeptState::ReadOnlyPrefix,
            next_slot: 0,
            properties: SlotProperties::None,
        };
        let follower = rest.first().and_then(|&n| Some((n, self.readable(n)?)));
        let last_durable = EntryId(durable_end.0.saturating_sub(1));
        let follower = follower.filter(|(_, (header, _))| records_loss_of(header, last_durable));
        if let Some((next, (header, scan))) = follower {
            self.verdict.kept.push(kept);
            let tail = (start_of(&header), true);
            return self.follow_tail((next, header, scan), tail, &rest[1..]);
        }
        let mut first_id = durable_end.max(end.next_id).max(self.greatest_proven());
        if first_id < self.claimed_end() {
            first_id = self.case_rest_after_loss(first_id);
        }
        let states_properties = matches!(self.facts.properties, FrontierProperties::Held(_));
        self.keeps_slot_properties = states_properties && first_id == durable_end;
        let ids = end.next_id.0..first_id.0;
        self.verdict.findings.push(Finding {
            segment: Some(i),
            offset: Some(end.offset.0),
            ids: Some(ids),
            what: "entries that were durable are missing at the end of a segment",
        });
        self.discard_tail(rest);
        self.verdict.kept.push(kept);
        self.verdict.next = NextAppend::AfterLoss {
            first_id,
            lost_from: end.next_id,
            predecessor: Some(Predecessor {
                end_id: end.next_id,
                link: end.link,
            }),
        };
    }

    /// Nothing of the tail is left. The segment before it once had a successor.
    pub(in crate::recovery) fn continue_after_kept(&mut self) {
        match self.verdict.kept.last().map(|kept| (kept.facts, kept.end)) {
            Some((i, end)) => self.case_newest_lost(i, end),
            None => self.verdict.next = NextAppend::Empty,
        }
    }
}
