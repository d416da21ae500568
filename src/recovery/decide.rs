//! Facts and policy in, verdict out: what is kept, what is cut, what is saved first, what is lost.
//!
//! Pure: no disk, no clock. `docs/FORMAT.md` holds the table this follows; `tests.rs` beside this
//! file goes over its rows.

use std::ops::Range;

use crate::format::Predecessor;
use crate::format::SegmentHeader;
use crate::format::SlotState;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::options::CorruptionPolicy;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::Head;
use crate::recovery::facts::Scan;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::Stop;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::first_kept;
use crate::segment::SegmentEnd;

/// How many ids are given up when a newest segment is lost and nobody can know how many it held.
pub const LOST_SEGMENT_IDS: u64 = 1 << 20;

/// What becomes of the stream.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It answers with an error; nothing on disk is touched.
    Refuse(Refusal),
    /// It is served.
    Serve(Verdict),
}

/// Why a stream is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The file of this index is not ours to judge.
    Foreign(usize, Foreign),
    /// No header tells whose directory this is.
    NoKey,
    /// Damage, under the policy `Error`.
    Damaged(Vec<Finding>),
}

/// A stream that is served: everything the acting part and the stream need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The segments that are kept, in order.
    pub kept: Vec<Kept>,
    /// What is done to files, in this order.
    pub actions: Vec<Action>,
    /// Where the next entry goes.
    pub next: Next,
    /// The first id that the stream keeps, and the number of the cut that said so.
    pub first_kept: (EntryId, u64),
    /// One past the last id that was known durable before this recovery.
    pub durable_end: EntryId,
    /// Damage to what was durable.
    pub findings: Vec<Finding>,
    /// What a crash left behind, told to the log only.
    pub notes: Vec<Finding>,
}

/// A segment that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its index in the facts.
    pub facts: usize,
    /// Its header, good or reconstructed.
    pub header: SegmentHeader,
    /// Where its frames end.
    pub end: SegmentEnd,
    /// How far it is complete.
    pub state: KeptState,
    /// Which frontier slot is the older one.
    pub next_slot: usize,
}

/// How complete a kept segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// It has its footer.
    Sealed,
    /// Below the frontier, without a good end: read as far as it goes, never written again.
    Closed,
    /// At or above the frontier: rewritten from there on, then sealed if another follows.
    Tail {
        /// Where the rewriting starts.
        from: (FileOffset, EntryId),
        /// Its name and header are not known to be durable.
        new_name: bool,
    },
}

/// A change to the files of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes a frontier slot again as it is, and syncs it.
    StoreAgain(usize, usize),
    /// Copies the bytes from here to the end of the file aside.
    SaveRange(usize, FileOffset),
    /// Renames the whole file aside.
    SaveWhole(usize),
    /// Removes a file that holds nothing the stream keeps.
    Remove(usize),
    /// Removes what a creation cut short left.
    RemoveTemporary,
    /// Cuts the file.
    Cut(usize, FileOffset),
}

/// Where the next entry goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Nothing was ever appended: id 0, in a first segment.
    #[default]
    First,
    /// Behind the last kept segment's last frame.
    Continue,
    /// Into a new segment, which records what was lost before it.
    Fresh {
        /// Its first id.
        first_id: EntryId,
        /// The ids from here to the first id are lost.
        lost_from: EntryId,
        /// The segment before.
        predecessor: Option<Predecessor>,
    },
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which segment, as an index into the facts; `None`: the stream.
    pub segment: Option<usize>,
    /// Where in it.
    pub offset: Option<u64>,
    /// Which ids are concerned, if known.
    pub ids: Option<Range<u64>>,
    /// What.
    pub what: &'static str,
}

/// Decides. The same facts always give the same decision.
pub fn decide(facts: &StreamFacts, policy: CorruptionPolicy) -> Decision {
    for (i, segment) in facts.segments.iter().enumerate() {
        if let Head::Foreign(foreign) = &segment.head {
            return Decision::Refuse(Refusal::Foreign(i, foreign.clone()));
        }
    }
    if facts.key.is_none() && facts.segments.iter().any(|s| s.file_len > 0) {
        return Decision::Refuse(Refusal::NoKey);
    }
    let mut judge = Judge {
        facts,
        verdict: Verdict::default(),
    };
    judge.verdict.first_kept = first_kept(&facts.segments);
    if facts.temporary {
        judge.verdict.actions.push(Action::RemoveTemporary);
    }
    let alive = judge.drop_void_and_truncated();
    judge.durable_part(&alive);
    judge.tail_part(&alive);
    judge.check_chain();
    judge.seal_again();
    judge.prove_cut();
    // Files are saved before any is removed, and all of that comes before the cut.
    judge.verdict.actions.sort_by_key(|action| match action {
        Action::StoreAgain(..) => 0,
        Action::SaveRange(..) | Action::SaveWhole(_) => 0,
        Action::RemoveTemporary => 1,
        Action::Remove(_) => 2,
        Action::Cut(..) => 3,
    });
    let verdict = judge.verdict;
    if policy == CorruptionPolicy::Error && !verdict.findings.is_empty() {
        return Decision::Refuse(Refusal::Damaged(verdict.findings));
    }
    Decision::Serve(verdict)
}

struct Judge<'a> {
    facts: &'a StreamFacts,
    verdict: Verdict,
}

impl Judge<'_> {
    fn segment(&self, i: usize) -> &SegmentFacts {
        &self.facts.segments[i]
    }

    fn find(&mut self, i: usize, ids: Option<Range<u64>>, what: &'static str) {
        self.verdict.findings.push(Finding {
            segment: Some(i),
            offset: None,
            ids,
            what,
        });
    }

    /// What a suffix cut made void and what a truncation left behind is removed.
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
        while let [first, second, ..] = alive[..] {
            let next = self.segment(second).head.header().map(|h| h.first_id);
            if next.is_none_or(|next| next > first_kept) {
                break;
            }
            self.verdict.actions.push(Action::Remove(first));
            alive.remove(0);
        }
        alive
    }

    /// Everything before the frontier's segment: kept as it is, whatever it looks like.
    fn durable_part(&mut self, alive: &[usize]) {
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
            self.note_rot(i);
            let segment = self.segment(i);
            let (end, state) = match &segment.trailer {
                Some(trailer) => (end_with_footer(trailer), KeptState::Sealed),
                None => {
                    let next = alive
                        .get(place + 1)
                        .and_then(|&n| self.segment(n).head.header());
                    let end = end_without_footer(segment, &header, next);
                    // A segment that a recorded loss follows is known to have no good end.
                    if next.is_none_or(|next| next.lost_from >= next.first_id) {
                        self.find(
                            i,
                            None,
                            "the footer of a sealed segment is damaged or missing",
                        );
                    }
                    (end, KeptState::Closed)
                }
            };
            let next_slot = older_slot(self.segment(i));
            self.verdict.kept.push(Kept {
                facts: i,
                header,
                end,
                state,
                next_slot,
            });
        }
    }

    fn note_rot(&mut self, i: usize) {
        if matches!(self.segment(i).head, Head::Rotten(_)) {
            self.find(i, None, "the segment header is damaged");
        }
        if self.segment(i).slots.contains(&SlotState::Damaged) {
            self.find(i, None, "a frontier slot is damaged");
        }
    }

    /// The frontier's segment and all behind it: what a crash may have torn.
    fn tail_part(&mut self, alive: &[usize]) {
        let frontier = self.facts.frontier;
        self.verdict.durable_end = frontier.end.next_id;
        let start = alive.partition_point(|&i| i < frontier.segment);
        let tail = &alive[start..];
        let Some((&first, rest)) = tail.split_first() else {
            return self.go_on_behind_kept();
        };
        let Some((header, scan)) = self.readable(first) else {
            return self.empty_first(first, rest);
        };
        let starts_late = header.first_id > self.verdict.first_kept.0;
        if self.verdict.kept.is_empty() && starts_late && !frontier.name_durable {
            // Nothing proves that those before it were ever durable: a torn chain.
            self.drop_tail(tail);
            return self.go_on_behind_kept();
        }
        self.note_rot(first);
        if first != frontier.segment {
            // The frontier's own segment went with a truncation or a cut.
            let tail = (start_of(&header), true);
            return self.follow_tail((first, header, scan), tail, rest);
        }
        if let Some(trailer) = &self.segment(first).trailer {
            // Sealed, and nothing readable follows. The trailer is proof whatever became of the
            // frames and of the rest of the footer: a successor with entries durably existed.
            let end = end_with_footer(trailer);
            self.drop_tail(rest);
            self.keep_tail((first, header, Scan { end, ..scan }), None);
            return self.newest_lost(first, end);
        }
        if !frontier.intact {
            return self.broken_end(first, header, scan.end, rest);
        }
        let from = (frontier.end.offset, frontier.end.next_id);
        let new_name = !frontier.name_durable || frontier.end.last_frame.is_none();
        self.follow_tail((first, header, scan), (from, new_name), rest);
    }

    /// `current` is good up to where its scan ended; `rest` may go on behind it.
    fn follow_tail(
        &mut self,
        mut current: (usize, SegmentHeader, Scan),
        (mut from, mut new_name): ((FileOffset, EntryId), bool),
        rest: &[usize],
    ) {
        for (place, &next) in rest.iter().enumerate() {
            let follower = self
                .readable(next)
                .filter(|(header, _)| follows(header, &current.2.end));
            let Some((header, scan)) = follower else {
                return self.end_tail(current, (from, new_name), &rest[place..]);
            };
            // Where the successor says how the frames before it end, what stands behind them is
            // a footer that was written in part; it is written again.
            let torn = current.2.stop_is_bad() && header.predecessor.is_none();
            if torn || scan.end.last_frame.is_none() {
                return self.end_tail(current, (from, new_name), &rest[place..]);
            }
            self.note_rot(next);
            let sealed = self.segment(current.0).trailer.is_some();
            self.keep_tail(current, if sealed { None } else { Some((from, new_name)) });
            (from, new_name) = (start_of(&header), true);
            current = (next, header, scan);
        }
        self.end_tail(current, (from, new_name), &[]);
    }

    /// The header and the good frames. A damaged header is rot where the header was durable;
    /// where it may not have been, a crash has torn it, and nothing tells what it said.
    fn readable(&self, i: usize) -> Option<(SegmentHeader, Scan)> {
        let segment = self.segment(i);
        let frontier = &self.facts.frontier;
        let durable = i == frontier.segment && frontier.name_durable;
        match &segment.head {
            Head::Rotten(_) if !durable => None,
            head => Some((head.header()?.clone(), segment.tail?)),
        }
    }

    fn keep_tail(
        &mut self,
        (facts, header, scan): (usize, SegmentHeader, Scan),
        tail: Option<((FileOffset, EntryId), bool)>,
    ) {
        let state = match tail {
            Some((from, new_name)) => KeptState::Tail { from, new_name },
            None => KeptState::Sealed,
        };
        let next_slot = older_slot(self.segment(facts));
        self.verdict.kept.push(Kept {
            facts,
            header,
            end: scan.end,
            state,
            next_slot,
        });
    }

    /// `current` is the last segment with good frames; `dropped` are those behind it.
    fn end_tail(
        &mut self,
        current: (usize, SegmentHeader, Scan),
        tail: ((FileOffset, EntryId), bool),
        dropped: &[usize],
    ) {
        let (i, _, scan) = &current;
        let (i, end, stop) = (*i, scan.end, scan.stop);
        self.drop_tail(dropped);
        if end.last_frame.is_none() {
            return self.empty_newest(i, stop, &current.1);
        }
        let sealed_here = self
            .segment(i)
            .trailer
            .is_some_and(|t| t.end_id == end.next_id);
        if stop == Stop::Footer || sealed_here {
            // The footer proves that a successor with entries durably existed.
            self.keep_tail(current, None);
            return self.newest_lost(i, end);
        }
        self.cut_behind(i, end.offset, stop);
        self.keep_tail(current, Some(tail));
        self.verdict.next = Next::Continue;
    }

    fn cut_behind(&mut self, i: usize, at: FileOffset, stop: Stop) {
        if let Stop::Bad { good_follows } = stop {
            if !self.facts.frontier.known {
                let what = "no frontier is readable; what follows the last good frame was cut";
                self.find(i, None, what);
            }
            if good_follows || !self.facts.frontier.known {
                self.verdict.actions.push(Action::SaveRange(i, at));
            }
            let offset = Some(at.0);
            let what = "a torn tail was cut";
            self.verdict.notes.push(Finding {
                segment: Some(i),
                offset,
                ids: None,
                what,
            });
        }
        if self.segment(i).file_len > at.0 {
            self.verdict.actions.push(Action::Cut(i, at));
        }
    }

    /// The frontier's segment has no header: its creation was cut short, unless the next segment
    /// records what it held as lost. Its name alone proves nothing.
    fn empty_first(&mut self, first: usize, rest: &[usize]) {
        let name_id = self.segment(first).name_id;
        let follower = rest.first().and_then(|&n| Some((n, self.readable(n)?)));
        if let Some((next, (header, scan))) = follower
            && records_loss_of(&header, name_id)
        {
            self.drop_tail(&[first]);
            let tail = (start_of(&header), true);
            return self.follow_tail((next, header, scan), tail, &rest[1..]);
        }
        self.drop_tail(rest);
        self.drop_tail(&[first]);
        self.go_on_behind_kept();
    }

    /// The newest segment holds no frame.
    fn empty_newest(&mut self, i: usize, stop: Stop, header: &SegmentHeader) {
        if matches!(stop, Stop::Bad { .. }) && !self.facts.frontier.known {
            self.find(i, None, "no frontier is readable and no frame is good");
        }
        if !self.verdict.kept.is_empty() || header.first_id == EntryId(0) {
            self.drop_tail(&[i]);
            return self.go_on_behind_kept();
        }
        if (stop == Stop::Bad { good_follows: true }) {
            let start = SegmentEnd::empty(header.first_id).offset;
            self.verdict.actions.push(Action::SaveRange(i, start));
        }
        // The file stays until the next segment records the loss: it is the only trace.
        let predecessor = Predecessor {
            end_id: header.first_id,
            link: 0,
        };
        self.verdict.kept.push(Kept {
            facts: i,
            header: header.clone(),
            end: SegmentEnd::empty(header.first_id),
            state: KeptState::Closed,
            next_slot: 0,
        });
        self.all_lost(i, header.first_id, header.first_id, Some(predecessor));
    }

    /// Nothing is left of a stream whose newest segment began at `first_id`, or later.
    fn all_lost(
        &mut self,
        i: usize,
        lost_from: EntryId,
        first_id: EntryId,
        predecessor: Option<Predecessor>,
    ) {
        let first_id = self.behind_lost(first_id);
        let ids = Some(lost_from.0..first_id.0);
        self.find(i, ids, "the only segment holds nothing");
        self.verdict.next = Next::Fresh {
            first_id,
            lost_from,
            predecessor,
        };
    }

    /// Where ids go on when nobody can know how many a lost segment held that began at `end_id`.
    fn behind_lost(&self, end_id: EntryId) -> EntryId {
        let guess = EntryId(end_id.0.saturating_add(LOST_SEGMENT_IDS));
        guess.max(self.greatest_proven())
    }

    /// The greatest id that valid headers, footers and slots prove to have been given.
    fn greatest_proven(&self) -> EntryId {
        let proven = self.facts.segments.iter().flat_map(|segment| {
            let slots = segment.slots.iter().filter_map(|slot| match slot {
                SlotState::Valid(slot) => Some(slot.next_id),
                SlotState::Never | SlotState::Damaged => None,
            });
            let first_id = segment.head.header().map(|header| header.first_id);
            let end_id = segment.trailer.map(|trailer| trailer.end_id);
            slots.chain(first_id).chain(end_id)
        });
        proven.max().unwrap_or_default()
    }

    fn newest_lost(&mut self, i: usize, end: SegmentEnd) {
        let first_id = self.behind_lost(end.next_id);
        let ids = end.next_id.0..first_id.0;
        self.find(
            i,
            Some(ids),
            "the newest segment is lost: a sealed one has no successor",
        );
        self.verdict.next = Next::Fresh {
            first_id,
            lost_from: end.next_id,
            predecessor: Some(Predecessor {
                end_id: end.next_id,
                link: end.link,
            }),
        };
    }

    /// What was durable is damaged at its end: appends go on in a new segment.
    fn broken_end(&mut self, i: usize, header: SegmentHeader, end: SegmentEnd, rest: &[usize]) {
        let durable_end = self.facts.frontier.end.next_id;
        let kept = Kept {
            facts: i,
            header,
            end,
            state: KeptState::Closed,
            next_slot: 0,
        };
        let follower = rest.first().and_then(|&n| Some((n, self.readable(n)?)));
        if let Some((next, (header, scan))) = follower
            && records_loss_of(&header, EntryId(durable_end.0.saturating_sub(1)))
        {
            self.verdict.kept.push(kept);
            let tail = (start_of(&header), true);
            return self.follow_tail((next, header, scan), tail, &rest[1..]);
        }
        let first_id = durable_end.max(end.next_id).max(self.greatest_proven());
        let ids = end.next_id.0..first_id.0;
        self.verdict.findings.push(Finding {
            segment: Some(i),
            offset: Some(end.offset.0),
            ids: Some(ids),
            what: "entries that were durable are missing at the end of a segment",
        });
        self.drop_tail(rest);
        self.verdict.kept.push(kept);
        self.verdict.next = Next::Fresh {
            first_id,
            lost_from: end.next_id,
            predecessor: Some(Predecessor {
                end_id: end.next_id,
                link: end.link,
            }),
        };
    }

    /// Segments above the frontier that nothing good leads to, newest first.
    fn drop_tail(&mut self, dropped: &[usize]) {
        for &i in dropped.iter().rev() {
            let worth_keeping = self.segment(i).tail.is_some_and(|tail| {
                tail.end.last_frame.is_some() || tail.stop == (Stop::Bad { good_follows: true })
            });
            self.verdict.actions.push(match worth_keeping {
                true => Action::SaveWhole(i),
                false => Action::Remove(i),
            });
            let what = "a segment above the frontier was dropped";
            let note = Finding {
                segment: Some(i),
                offset: None,
                ids: None,
                what,
            };
            self.verdict.notes.push(note);
        }
    }

    /// Nothing of the tail is left. What was before it had a successor once.
    fn go_on_behind_kept(&mut self) {
        match self.verdict.kept.last().map(|kept| (kept.facts, kept.end)) {
            Some((i, end)) => self.newest_lost(i, end),
            None => self.verdict.next = Next::First,
        }
    }

    /// What the last truncation or restoration said is proven once it stands in two places: the
    /// second is stored after the first was synced. A single one may be in the page cache only; it
    /// is made durable before files are removed because of it, and before it is shown.
    fn prove_cut(&mut self) {
        let epoch = self.verdict.first_kept.1;
        if epoch == 0 {
            return;
        }
        let mut told = Vec::new();
        for (i, segment) in self.facts.segments.iter().enumerate() {
            if segment.head.header().is_some_and(|h| h.cut_epoch == epoch) {
                return;
            }
            for (place, slot) in segment.slots.iter().enumerate() {
                if matches!(slot, SlotState::Valid(slot) if slot.cut_epoch == epoch) {
                    told.push((i, place));
                }
            }
        }
        if let [(i, slot)] = told[..] {
            self.verdict.actions.push(Action::StoreAgain(i, slot));
        }
    }

    /// A seal is proven by a slot in a later segment: those are stored after it was synced. The
    /// last one may be in the page cache only, after the death of a process or a failed sync; it
    /// is written again, before anything is stored that takes it for durable.
    fn seal_again(&mut self) {
        let is_tail = |kept: &Kept| matches!(kept.state, KeptState::Tail { .. });
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
                    let told = kept.header.predecessor;
                    let differs = told.is_some_and(|p| p.end_id != end_id || p.link != link);
                    let certain = kept.state != KeptState::Closed && link != 0;
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

impl Scan {
    fn stop_is_bad(&self) -> bool {
        matches!(self.stop, Stop::Bad { .. })
    }
}

/// The slot that a new frontier may overwrite.
fn older_slot(segment: &SegmentFacts) -> usize {
    match &segment.slots {
        [SlotState::Valid(first), SlotState::Valid(second)] => {
            usize::from(first.order() >= second.order())
        }
        [SlotState::Valid(_), _] => 1,
        _ => 0,
    }
}

/// Whether a segment was made to go on behind a loss that `id` is part of.
fn records_loss_of(header: &SegmentHeader, id: EntryId) -> bool {
    header.lost_from <= id && id < header.first_id
}

/// Where the frames of a segment start.
fn start_of(header: &SegmentHeader) -> (FileOffset, EntryId) {
    (SegmentEnd::empty(header.first_id).offset, header.first_id)
}

/// Whether a segment was made right behind frames that end like this.
fn follows(header: &SegmentHeader, end: &SegmentEnd) -> bool {
    match header.predecessor {
        Some(told) => told.end_id == end.next_id && told.link == end.link,
        // A reconstructed header does not tell.
        None => header.first_id == end.next_id,
    }
}

fn end_with_footer(trailer: &Trailer) -> SegmentEnd {
    SegmentEnd {
        offset: trailer.footer_offset,
        next_id: trailer.end_id,
        last_frame: Some(trailer.last_frame),
        last_frame_len: (trailer.footer_offset - trailer.last_frame) as u32,
        link: trailer.link,
    }
}

/// The best that is known of where a sealed segment ends whose footer cannot be read.
fn end_without_footer(
    segment: &SegmentFacts,
    header: &SegmentHeader,
    next: Option<&SegmentHeader>,
) -> SegmentEnd {
    let slots = segment.slots.iter().filter_map(|slot| match slot {
        SlotState::Valid(slot) => Some(slot),
        _ => None,
    });
    let slot = slots.max_by_key(|slot| slot.order());
    let told = next.map(|next| match next.predecessor {
        Some(predecessor) => (predecessor.end_id, predecessor.link),
        None => (next.first_id, 0),
    });
    let (next_id, link) = told
        .or(slot.map(|slot| (slot.next_id, 0)))
        .unwrap_or((header.first_id, 0));
    match slot.filter(|slot| slot.next_id == next_id) {
        Some(slot) => SegmentEnd {
            offset: FileOffset(slot.end.0.min(segment.file_len)),
            next_id,
            last_frame: slot.last_frame,
            last_frame_len: 0,
            link,
        },
        None => SegmentEnd {
            offset: FileOffset(segment.file_len),
            next_id,
            last_frame: None,
            last_frame_len: 0,
            link,
        },
    }
}
