//! The rows of the table where what was durable is damaged, or is not ours.

use crate::format::Predecessor;
use crate::format::SlotState;
use crate::ids::EntryId;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::ScanStop;
use crate::recovery::tests::facts::*;
use crate::recovery::tests::table::Row;
use crate::recovery::tests::table::check;

const BAD: ScanStop = ScanStop::BadFrame {
    later_frame_seen: false,
};
const DAMAGED: SlotState = SlotState::Damaged;

#[test]
fn damage_below_the_frontier_is_reported_and_refused_under_error() {
    check(vec![
        Row {
            name: "bad header of the last frame below the frontier",
            facts: stream_broken_at(vec![open_segment(0, 10).durable_to(10)], 9),
            truncate: "keep 0..9 closed; next new at 10, lost from 9; \
                       damage: entries that were durable are missing at the end of a segment 9..10",
            error: "refuse: entries that were durable are missing at the end of a segment 9..10",
        },
        Row {
            name: "newest file shorter than the frontier",
            facts: stream_broken_at(vec![sealed(0, 10), open_segment(10, 15).durable_to(20)], 14),
            truncate: "keep 0..10 sealed, 10..14 closed; next new at 20, lost from 14; \
                       damage: entries that were durable are missing at the end of a segment 14..20",
            error: "refuse: entries that were durable are missing at the end of a segment 14..20",
        },
        Row {
            name: "damaged end recorded by the next segment",
            facts: stream(vec![
                open_segment(0, 9).durable_to(10),
                lost_before(open_segment(10, 12).durable_to(12), 9),
            ]),
            truncate: "keep 0..9 closed, 10..12 rewrite from 12; next on",
            error: "",
        },
        Row {
            name: "damaged end recorded by the next segment, which has no slot yet",
            facts: stream_broken_at(
                vec![
                    open_segment(0, 9).durable_to(10),
                    lost_before(open_segment(10, 12), 9),
                ],
                9,
            ),
            truncate: "keep 0..9 closed, 10..12 rewrite from 10 and name; next on",
            error: "",
        },
        Row {
            name: "damaged end, a torn segment behind",
            facts: stream_broken_at(
                vec![open_segment(0, 9).durable_to(10), open_segment(11, 14)],
                9,
            ),
            truncate: "keep 0..9 closed; save 1; next new at 11, lost from 9; \
                       damage: entries that were durable are missing at the end of a segment 9..11",
            error: "refuse: entries that were durable are missing at the end of a segment 9..11",
        },
        Row {
            name: "segment header damaged, frames good",
            facts: stream(vec![
                sealed(0, 10).rotten(),
                open_segment(10, 12).durable_to(12),
            ]),
            truncate: "keep 0..10 sealed, 10..12 rewrite from 12; next on; \
                       damage: the segment header is damaged",
            error: "refuse: the segment header is damaged",
        },
        Row {
            name: "newest segment header damaged, frames good",
            facts: stream(vec![
                sealed(0, 10),
                open_segment(10, 12).durable_to(12).rotten(),
            ]),
            truncate: "keep 0..10 sealed, 10..12 rewrite from 12; next on; \
                       damage: the segment header is damaged",
            error: "refuse: the segment header is damaged",
        },
        Row {
            name: "one slot damaged",
            facts: stream(vec![open_segment(0, 9).with_slots([DAMAGED, slot(0, 5)])]),
            truncate: "keep 0..9 rewrite from 5; next on; damage: a frontier slot is damaged",
            error: "refuse: a frontier slot is damaged",
        },
        Row {
            name: "both slots damaged",
            facts: stream(vec![
                open_segment(0, 9).with_slots([DAMAGED; 2]).then(70, BAD),
            ]),
            truncate: "keep 0..9 rewrite from 0 and name; save 0 from 2436, cut 0 at 2436; next on; \
                       damage: a frontier slot is damaged, \
                       no frontier is readable; the end of the last good frame counts",
            error: "refuse: a frontier slot is damaged, \
                    no frontier is readable; the end of the last good frame counts",
        },
        Row {
            name: "footer damaged, successor there",
            facts: stream(vec![
                sealed(0, 10)
                    .without_footer()
                    .with_slots([slot(0, 10), slot(0, 10)]),
                open_segment(10, 12).durable_to(12),
            ]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing",
            error: "refuse: the footer of a sealed segment is damaged or missing",
        },
        Row {
            name: "segment missing in the middle",
            facts: stream(vec![sealed(0, 10), open_segment(20, 22).durable_to(22)]),
            truncate: "keep 0..10 sealed, 20..22 rewrite from 22; next on; \
                       damage: segments are missing before this one 10..20",
            error: "refuse: segments are missing before this one 10..20",
        },
        Row {
            name: "sealed segment empty or zeroed",
            facts: stream(vec![
                sealed(0, 10),
                unborn(10),
                open_segment(20, 22).durable_to(22),
            ]),
            truncate: "keep 0..10 sealed, 20..22 rewrite from 22; next on; \
                       damage: a segment that was durable is empty, \
                       segments are missing before this one 10..20",
            error: "refuse: a segment that was durable is empty, \
                    segments are missing before this one 10..20",
        },
        Row {
            name: "first segment missing without a record",
            facts: stream(vec![sealed(10, 20), open_segment(20, 22).durable_to(22)]),
            truncate: "keep 10..20 sealed, 20..22 rewrite from 22; next on; \
                       damage: the first segments are missing 0..10",
            error: "refuse: the first segments are missing 0..10",
        },
        Row {
            name: "two segments claim the same ids",
            facts: stream(vec![sealed(0, 10), open_segment(8, 12).durable_to(12)]),
            truncate: "keep 0..10 sealed, 8..12 rewrite from 12; next on; \
                       damage: two segments claim the same ids 8..10",
            error: "refuse: two segments claim the same ids 8..10",
        },
        Row {
            name: "successor of a sealed segment has another link",
            facts: stream(vec![
                sealed(0, 10),
                open_segment(10, 12).durable_to(12).with_header(|header| {
                    header.predecessor = Some(Predecessor {
                        end_id: EntryId(10),
                        link: 1,
                    });
                }),
            ]),
            truncate: "keep 0..10 sealed, 10..12 rewrite from 12; next on; \
                       damage: the segment does not follow the one before it",
            error: "refuse: the segment does not follow the one before it",
        },
    ]);
}

const LOST: &str = "keep 0..10 sealed; next new at 1099511627786, lost from 10; \
    damage: the newest segment is lost: a sealed one has no successor, \
    as in a copy made while the log was written \
    (close it before copying, or copy a snapshot) 10..1099511627786";
const LOST_UNBORN: &str = "keep 0..10 sealed; remove 1; next new at 1099511627786, lost from 10; \
    damage: the newest segment is lost: a sealed one has no successor, \
    as in a copy made while the log was written \
    (close it before copying, or copy a snapshot) 10..1099511627786";
const LOST_REFUSED: &str = "refuse: the newest segment is lost: a sealed one has no successor, \
    as in a copy made while the log was written \
    (close it before copying, or copy a snapshot) 10..1099511627786";

#[test]
fn a_footer_proves_that_a_newest_segment_was_lost() {
    check(vec![
        Row {
            name: "newest segment missing",
            facts: stream(vec![sealed(0, 10)]),
            truncate: LOST,
            error: LOST_REFUSED,
        },
        Row {
            name: "newest segment empty or zeroed",
            facts: stream(vec![sealed(0, 10), unborn(10)]),
            truncate: LOST_UNBORN,
            error: LOST_REFUSED,
        },
        Row {
            name: "newest segment without a good frame",
            facts: stream(vec![sealed(0, 10), open_segment(10, 10)]),
            truncate: LOST_UNBORN,
            error: LOST_REFUSED,
        },
        Row {
            name: "newest segment missing, footer header damaged",
            facts: stream(vec![sealed(0, 10).then(0, BAD)]),
            truncate: LOST,
            error: LOST_REFUSED,
        },
        Row {
            name: "newest segment missing, trailer damaged",
            facts: {
                let mut segment = sealed(0, 10);
                segment.trailer = None;
                stream(vec![segment])
            },
            truncate: LOST,
            error: LOST_REFUSED,
        },
        Row {
            name: "newest segment missing, last frame damaged",
            facts: stream_broken_at(vec![sealed(0, 10)], 9),
            truncate: LOST,
            error: LOST_REFUSED,
        },
        Row {
            name: "only segment left without a good frame",
            facts: stream(vec![open_segment(20, 20).with_header(|header| {
                header.first_kept_id = EntryId(20);
                header.truncation_epoch = 1;
            })]),
            truncate: "keep 20..20 closed; next new at 1099511627796, lost from 20; first kept 20; \
                       damage: the only segment holds nothing 20..1099511627796",
            error: "refuse: the only segment holds nothing 20..1099511627796",
        },
        Row {
            name: "only segment left without a frame, a slot says so",
            facts: stream(vec![emptied(20)]),
            truncate: "keep 20..20 rewrite from 20; store slot 0 of 0 again; next on; first kept 20",
            error: "",
        },
        Row {
            name: "the same, its first frame torn",
            facts: stream(vec![emptied(20).then(50, BAD)]),
            truncate: "keep 20..20 rewrite from 20; store slot 0 of 0 again, cut 0 at 1536; \
                       next on; first kept 20",
            error: "",
        },
        Row {
            name: "the same, its predecessor not removed yet",
            facts: stream(vec![open_segment(0, 20).durable_to(20), emptied(20)]),
            truncate: "keep 20..20 rewrite from 20; store slot 0 of 1 again, remove 0; \
                       next on; first kept 20",
            error: "",
        },
        Row {
            name: "empty file recorded as lost",
            facts: stream(vec![
                unborn(20),
                lost_before(open_segment(1099511627796, 1099511627797), 0),
            ]),
            truncate: "keep 1099511627796..1099511627797 rewrite from 1099511627796 and name; remove 0; next on",
            error: "",
        },
        Row {
            name: "empty file recorded as lost, with a slot behind",
            facts: stream(vec![
                unborn(20),
                lost_before(
                    open_segment(1099511627796, 1099511627797).durable_to(1099511627797),
                    0,
                ),
            ]),
            truncate: "keep 1099511627796..1099511627797 rewrite from 1099511627797; remove 0; next on",
            error: "",
        },
        Row {
            name: "lost newest segment recorded by the next one",
            facts: stream(vec![
                sealed(0, 10),
                lost_before(
                    open_segment(1099511627786, 1099511627790).durable_to(1099511627790),
                    10,
                ),
            ]),
            truncate: "keep 0..10 sealed, 1099511627786..1099511627790 rewrite from 1099511627790; next on",
            error: "",
        },
        Row {
            name: "recorded loss at the first id kept",
            facts: stream(vec![
                lost_before(open_segment(30, 33).durable_to(33), 10).with_first_kept(10),
            ]),
            truncate: "keep 30..33 rewrite from 33; store slot 0 of 0 again; next on; first kept 10",
            error: "",
        },
    ]);
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let with = |what| stream(vec![sealed(0, 10), foreign(10, what), open_segment(20, 22)]);
    check(vec![
        Row {
            name: "segment of another stream",
            facts: with(Foreign::OtherStream("t".to_owned())),
            truncate: "refuse: file 1 is OtherStream(\"t\")",
            error: "",
        },
        Row {
            name: "segment of another incarnation",
            facts: with(Foreign::OtherIncarnation(2)),
            truncate: "refuse: file 1 is OtherIncarnation(2)",
            error: "",
        },
        Row {
            name: "name and header disagree",
            facts: with(Foreign::OtherName(EntryId(11))),
            truncate: "refuse: file 1 is OtherName(EntryId(11))",
            error: "",
        },
        Row {
            name: "newer format version",
            facts: with(Foreign::Newer(2)),
            truncate: "refuse: file 1 is Newer(2)",
            error: "",
        },
        Row {
            name: "file of the 0.6 crate",
            facts: with(Foreign::Version06),
            truncate: "refuse: file 1 is Version06",
            error: "",
        },
        Row {
            name: "an unrecognised file under a segment's name",
            facts: with(Foreign::Unrecognized),
            truncate: "refuse: file 1 is Unrecognized",
            error: "",
        },
        Row {
            name: "no header names the key",
            facts: {
                let mut file = unborn(0);
                file.file_len = 3000;
                let mut facts = stream(vec![file]);
                facts.key = None;
                facts
            },
            truncate: "refuse: no key",
            error: "",
        },
    ]);
}

fn lost_before(
    segment: crate::recovery::facts::SegmentFacts,
    lost_from: u64,
) -> crate::recovery::facts::SegmentFacts {
    segment.with_header(|header| {
        header.lost_from = EntryId(lost_from);
        header.predecessor = Some(Predecessor {
            end_id: EntryId(lost_from),
            link: link(lost_from),
        });
    })
}

impl crate::recovery::facts::SegmentFacts {
    fn with_first_kept(mut self, first_kept: u64) -> Self {
        for slot in &mut self.slots {
            if let SlotState::Valid(slot) = slot {
                slot.first_kept_id = EntryId(first_kept);
                slot.truncation_epoch = 1;
            }
        }
        self
    }
}
