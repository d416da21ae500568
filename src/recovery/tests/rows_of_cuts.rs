//! The rows of the table that cuts and resets add.

use crate::format::SlotState;
use crate::recovery::facts::ScanStop;
use crate::recovery::tests::facts::*;
use crate::recovery::tests::table::Row;
use crate::recovery::tests::table::check;

#[test]
fn what_a_crash_leaves_of_a_cut_is_the_old_stream_or_the_new_one() {
    check(vec![
        Row {
            name: "cut, void segments still there",
            facts: stream(vec![
                sealed(0, 10),
                sealed(10, 20),
                cut(10, 15, 17, 1),
                open_segment(20, 25).durable_to(25),
            ]),
            truncate: "keep 0..10 sealed, 10..15 closed, 15..17 rewrite from 17; \
                       sync names, remove 3; next on",
            error: "",
        },
        Row {
            name: "cut segment of which one slot was never stored",
            facts: stream(vec![sealed(0, 10), sealed(10, 20), cut(10, 15, 17, 1)]),
            truncate: "keep 0..10 sealed, 10..15 closed, 15..17 rewrite from 17; sync names; next on",
            error: "",
        },
        Row {
            name: "cut in a segment without a footer",
            facts: stream(vec![
                sealed(0, 10),
                open_segment(10, 20).durable_to(20),
                cut(10, 15, 17, 1).settled(),
            ]),
            truncate: "keep 0..10 sealed, 10..15 closed, 15..17 rewrite from 17; next on",
            error: "",
        },
        Row {
            name: "cut in a sealed segment",
            facts: stream(vec![sealed(0, 20), cut(0, 15, 17, 1).settled()]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 17; next on",
            error: "",
        },
        Row {
            name: "cut in a segment that the cut sealed",
            facts: stream(vec![
                sealed(0, 10),
                sealed_at_cut(10, 20, 15),
                cut(10, 15, 17, 1).settled(),
            ]),
            truncate: "keep 0..10 sealed, 10..15 sealed, 15..17 rewrite from 17; next on",
            error: "",
        },
        Row {
            name: "cut over a segment of the same first id",
            facts: stream(vec![sealed(0, 10), cut(0, 10, 12, 1).settled()]),
            truncate: "keep 0..10 sealed, 10..12 rewrite from 12; next on",
            error: "",
        },
        Row {
            name: "cut twice, at a lower id the second time",
            facts: stream(vec![
                sealed(0, 10),
                cut(0, 5, 7, 2).settled(),
                cut(0, 8, 9, 1).settled(),
            ]),
            truncate: "keep 0..5 closed, 5..7 rewrite from 7; sync names, remove 2; next on",
            error: "",
        },
        Row {
            name: "cut twice, at a higher id the second time",
            facts: stream(vec![
                sealed(0, 10),
                cut(0, 5, 9, 1).settled(),
                cut(5, 7, 8, 2).settled(),
            ]),
            truncate: "keep 0..5 closed, 5..7 closed, 7..8 rewrite from 8; next on",
            error: "",
        },
        Row {
            name: "cut to nothing behind a frame",
            facts: stream(vec![sealed(0, 20), cut(0, 15, 15, 1)]),
            truncate: "keep 0..15 closed, 15..15 rewrite from 15; sync names; next on",
            error: "",
        },
        Row {
            name: "cut to nothing in a segment that the cut sealed",
            facts: stream(vec![sealed_at_cut(0, 20, 15), cut(0, 15, 15, 1)]),
            truncate: "keep 0..15 sealed, 15..15 rewrite from 15; sync names; next on",
            error: "",
        },
        Row {
            name: "frames above the frontier in a cut segment",
            facts: stream(vec![sealed(0, 20), {
                let mut segment = open_segment(15, 19);
                let cut = cut(0, 15, 17, 1).settled();
                segment.clip = cut.clip;
                segment.slots = cut.slots;
                segment.head = cut.head;
                segment
            }]),
            truncate: "keep 0..15 closed, 15..19 rewrite from 17; next on",
            error: "",
        },
        Row {
            name: "reset, segments below and above still there",
            facts: stream(vec![
                sealed(0, 10),
                sealed(10, 20),
                reset(15, 17, 1),
                open_segment(20, 25).durable_to(25),
            ]),
            truncate: "keep 15..17 rewrite from 17; sync names, remove 3, remove 0, remove 1; \
                       next on; first kept 15",
            error: "",
        },
        Row {
            name: "reset, an empty file below it",
            facts: stream(vec![sealed(0, 10), unborn(10), reset(15, 17, 1)]),
            truncate: "keep 15..17 rewrite from 17; sync names, remove 0, remove 1; \
                       next on; first kept 15",
            error: "",
        },
        Row {
            name: "reset, cut segment alone",
            facts: stream(vec![reset(40, 40, 1)]),
            truncate: "keep 40..40 rewrite from 40; sync names; next on; first kept 40",
            error: "",
        },
        Row {
            name: "void segment with a damaged header",
            facts: stream(vec![
                sealed(0, 20),
                cut(0, 15, 17, 1).settled(),
                open_segment(20, 25).durable_to(25).rotten(),
            ]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 17; sync names, remove 2; next on",
            error: "",
        },
        Row {
            name: "void segment empty or zeroed",
            facts: stream(vec![sealed(0, 20), cut(0, 15, 17, 1), unborn(20)]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 17; sync names, remove 2; next on",
            error: "",
        },
    ]);
}

#[test]
fn damage_beside_a_cut_is_reported_and_refused_under_error() {
    check(vec![
        Row {
            name: "frame behind which was cut is missing or another",
            facts: stream(vec![
                sealed(0, 20),
                cut(0, 15, 17, 1).settled().with_another_clip(),
            ]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 17; next on; \
                       damage: the last frame before a cut is missing, or another stands there",
            error: "refuse: the last frame before a cut is missing, or another stands there",
        },
        Row {
            name: "header of a cut segment damaged, frames good",
            facts: stream(vec![sealed(0, 20), cut(0, 15, 17, 1).settled().rotten()]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 17; next on; \
                       damage: the segment header is damaged",
            error: "refuse: the segment header is damaged",
        },
        Row {
            name: "cut segment lost, the one before was sealed as clipped",
            facts: stream(vec![sealed(0, 10), sealed_at_cut(10, 20, 15)]),
            truncate: "keep 0..10 sealed, 10..15 sealed; next new at 1099511627791, lost from 15; \
                       damage: the newest segment is lost: a sealed one has no successor, \
                       as in a copy made while the log was written \
                       (close it before copying, or copy a snapshot) 15..1099511627791",
            error: "refuse: the newest segment is lost: a sealed one has no successor, \
                    as in a copy made while the log was written \
                    (close it before copying, or copy a snapshot) 15..1099511627791",
        },
        Row {
            name: "cut segment lost, its successor there",
            facts: stream(vec![
                sealed(0, 20),
                open_segment(17, 19)
                    .with_header(|header| header.generation = 1)
                    .durable_to(19)
                    .settled(),
            ]),
            truncate: "keep 0..17 closed, 17..19 rewrite from 19; next on; \
                       damage: the segment that cut the stream before this one is missing",
            error: "refuse: the segment that cut the stream before this one is missing",
        },
        Row {
            name: "cut segment without a readable slot or frame",
            facts: stream(vec![
                sealed(0, 20),
                cut(0, 15, 15, 1)
                    .with_slots([SlotState::Damaged, SlotState::Never])
                    .then(
                        0,
                        ScanStop::BadFrame {
                            later_frame_seen: false,
                        },
                    ),
            ]),
            truncate: "keep 0..15 closed, 15..15 closed; sync names; \
                       next new at 1099511627791, lost from 15; \
                       damage: a frontier slot is damaged, \
                       no frontier is readable and no frame is good, \
                       the segment behind a cut holds nothing 15..1099511627791",
            error: "refuse: a frontier slot is damaged, \
                    no frontier is readable and no frame is good, \
                    the segment behind a cut holds nothing 15..1099511627791",
        },
        Row {
            name: "one slot of a cut segment damaged, the other never stored",
            facts: stream(vec![
                sealed(0, 20),
                cut(0, 15, 17, 1).with_slots([SlotState::Damaged, SlotState::Never]),
            ]),
            truncate: "keep 0..15 closed, 15..17 rewrite from 15 and name; sync names; next on; \
                       damage: a frontier slot is damaged",
            error: "refuse: a frontier slot is damaged",
        },
    ]);
}
