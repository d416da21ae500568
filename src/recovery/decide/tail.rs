//! Which part of the tail may a crash have torn, and where is it trimmed?

use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::decide::segment_ends::end_with_footer;
use crate::recovery::decide::segment_ends::follows;
use crate::recovery::decide::segment_ends::start_of;
use crate::recovery::decide::table::DecisionBuilder;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::NextAppend;
use crate::segment::older_slot;

impl DecisionBuilder<'_> {
    /// Decides on the frontier's segment and all behind it: a crash may have torn them.
    pub(in crate::recovery) fn decide_tail(&mut self, alive: &[usize]) {
        let frontier = self.facts.frontier;
        self.verdict.durable_end = frontier.end.next_id;
        let start = alive.partition_point(|&i| i < frontier.segment);
        let tail = &alive[start..];
        let Some((&first, rest)) = tail.split_first() else {
            return self.continue_after_kept();
        };
        let Some((header, scan)) = self.readable(first) else {
            return self.case_first_has_no_entry(first, rest);
        };
        // Ids recorded as lost need no segment.
        let starts_late = header.lost_from > self.verdict.first_kept.0;
        if self.verdict.kept.is_empty() && starts_late && !frontier.name_synced {
            // Nothing proves that those before it were ever durable: a torn chain.
            self.discard_tail(tail);
            return self.continue_after_kept();
        }
        self.report_header_damage(first);
        if first != frontier.segment {
            // A truncation removed the frontier's own segment.
            let tail = (start_of(&header), true);
            return self.follow_tail((first, header, scan), tail, rest);
        }
        if let Some(trailer) = &self.segment(first).trailer {
            // Sealed, and no readable segment follows. The trailer alone proves that a successor with
            // entries durably existed, even if frames and the rest of the footer are damaged.
            let end = end_with_footer(trailer);
            self.discard_tail(rest);
            self.keep_tail((first, header, Scan { end, ..scan }), None);
            return self.case_newest_lost(first, end);
        }
        if !frontier.intact {
            return self.case_durable_end_damaged(first, header, scan.end, rest);
        }
        let from = (frontier.end.offset, frontier.end.next_id);
        let new_name = !frontier.name_synced || frontier.end.last_frame.is_none();
        self.follow_tail((first, header, scan), (from, new_name), rest);
    }

    /// `current` is good up to where its scan ended; `rest` may go on behind it.
    pub(in crate::recovery) fn follow_tail(
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
                return self.finish_tail(current, (from, new_name), &rest[place..]);
            };
            // Where the successor records how the frames before it end, the bytes behind them are a
            // footer that was written in part; it is written again.
            let torn = current.2.stop_is_bad() && header.predecessor.is_none();
            if torn || scan.end.last_frame.is_none() {
                return self.finish_tail(current, (from, new_name), &rest[place..]);
            }
            self.report_header_damage(next);
            let sealed = self.segment(current.0).trailer.is_some();
            self.keep_tail(current, if sealed { None } else { Some((from, new_name)) });
            (from, new_name) = (start_of(&header), true);
            current = (next, header, scan);
        }
        self.finish_tail(current, (from, new_name), &[]);
    }

    /// The header and the good frames. A damaged header that was durable has rotted, and is
    /// reconstructed. One that may not have been durable is torn, and its content is unknown.
    pub(in crate::recovery) fn readable(&self, i: usize) -> Option<(SegmentHeader, Scan)> {
        let segment = self.segment(i);
        let frontier = &self.facts.frontier;
        let durable = i == frontier.segment && frontier.name_synced;
        match &segment.head {
            HeaderState::Reconstructed(_) if !durable => None,
            head => Some((head.header()?.clone(), segment.tail?)),
        }
    }

    pub(in crate::recovery) fn keep_tail(
        &mut self,
        (facts, header, scan): (usize, SegmentHeader, Scan),
        tail: Option<((FileOffset, EntryId), bool)>,
    ) {
        let state = match tail {
            Some((from, new_name)) => KeptState::Tail { from, new_name },
            None => KeptState::Sealed,
        };
        let next_slot = older_slot(&self.segment(facts).slots);
        self.verdict.kept.push(KeptSegment {
            facts,
            header,
            end: scan.end,
            state,
            next_slot,
            properties: SlotProperties::None,
        });
    }

    /// `current` is the last segment with good frames; `dropped` are those behind it.
    pub(in crate::recovery) fn finish_tail(
        &mut self,
        current: (usize, SegmentHeader, Scan),
        tail: ((FileOffset, EntryId), bool),
        dropped: &[usize],
    ) {
        let (i, _, scan) = &current;
        let (i, end, stop) = (*i, scan.end, scan.stop);
        self.discard_tail(dropped);
        if end.last_frame.is_none() {
            return self.case_newest_is_empty(i, stop, &current.1);
        }
        let sealed_here = self
            .segment(i)
            .trailer
            .is_some_and(|t| t.end_id == end.next_id);
        if stop == ScanStop::Footer || sealed_here {
            // The footer proves that a successor with entries durably existed.
            self.keep_tail(current, None);
            return self.case_newest_lost(i, end);
        }
        self.trim_behind(i, end.offset, stop);
        self.keep_tail(current, Some(tail));
        self.verdict.next = NextAppend::Continue;
    }

    /// Trims what stands behind the last good frame.
    pub(in crate::recovery) fn trim_behind(&mut self, i: usize, at: FileOffset, stop: ScanStop) {
        if let ScanStop::BadFrame { later_frame_seen } = stop {
            if !self.facts.frontier.known {
                let what = "no frontier is readable; the end of the last good frame counts";
                self.find(i, None, what);
            }
            if later_frame_seen || !self.facts.frontier.known {
                self.verdict.actions.push(Action::BackupRange(i, at));
            }
            let offset = Some(at.0);
            // A damaged slot may have said more.
            let says_all = !self.segment(i).slots.contains(&SlotState::Damaged);
            let what = match self.facts.frontier.known && says_all {
                true => "a torn tail (no whole frame from here on; never acknowledged as durable)",
                false => "a torn tail (no whole frame from here on)",
            };
            self.verdict.notes.push(Finding {
                segment: Some(i),
                offset,
                ids: None,
                what,
            });
        }
        if self.segment(i).file_len > at.0 {
            self.verdict.actions.push(Action::Trim(i, at));
        }
    }

    /// A round stores a slot only after it made durable what the slot names, and after all slots of
    /// the segments before. So no crash leaves a slot in a segment that does not follow.
    fn note_durable_dropped(&mut self, i: usize) {
        let first_id = self.segment(i).name_id;
        let slots = self.segment(i).slots.iter().filter_map(SlotState::valid);
        // A segment may hold properties and no entry.
        let slots = slots.filter(|slot| slot.last_frame.is_some());
        let slots = slots.map(|slot| slot.next_id);
        if let Some(end_id) = slots.max().filter(|end_id| *end_id >= first_id) {
            self.drops_durable = true;
            let ids = (end_id > first_id).then_some(first_id.0..end_id.0);
            self.find(
                i,
                ids,
                "a segment that was durable does not follow the one before it",
            );
        }
    }

    /// Drops segments above the frontier that do not follow a good one, newest first.
    pub(in crate::recovery) fn discard_tail(&mut self, dropped: &[usize]) {
        for &i in dropped.iter().rev() {
            let worth_keeping = self.segment(i).tail.is_some_and(|tail| {
                tail.end.last_frame.is_some()
                    || tail.stop
                        == (ScanStop::BadFrame {
                            later_frame_seen: true,
                        })
            });
            // It held entries, so its remains are quarantined.
            let segment = self.segment(i);
            let held_some = segment.file_len > 0 && segment.name_id < self.claimed_end();
            self.note_durable_dropped(i);
            self.verdict.actions.push(match worth_keeping || held_some {
                true => Action::BackupFile(i),
                false => Action::Remove(i),
            });
            let what = "a segment that no frame before it leads to";
            let note = Finding {
                segment: Some(i),
                offset: None,
                ids: None,
                what,
            };
            self.verdict.notes.push(note);
        }
    }
}

impl Scan {
    fn stop_is_bad(&self) -> bool {
        matches!(self.stop, ScanStop::BadFrame { .. })
    }
}
