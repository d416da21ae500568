//! The rows of the table that a crash, and no damage, leaves behind.

use crate::format::SlotState;
use crate::ids::EntryId;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::ScanStop;
use crate::recovery::tests::facts::*;
use crate::recovery::tests::table::Row;
use crate::recovery::tests::table::check;

const BAD: ScanStop = ScanStop::BadFrame {
    later_frame_seen: false,
};
const BAD_THEN_GOOD: ScanStop = ScanStop::BadFrame {
    later_frame_seen: true,
};

#[test]
fn what_a_crash_leaves_is_cut_or_finished_under_both_policies() {
    check(vec![
        Row {
            name: "nothing at all",
            facts: stream(vec![]),
            truncate: "keep nothing; next first",
            error: "",
        },
        Row {
            name: "closed cleanly",
            facts: stream(vec![sealed(0, 10), open_segment(10, 15).durable_to(15)]),
            truncate: "keep 0..10 sealed, 10..15 rewrite from 15; next on",
            error: "",
        },
        Row {
            name: "zeros behind the frontier",
            facts: stream(vec![
                open_segment(0, 5)
                    .durable_to(5)
                    .then(4096, ScanStop::EndOfData),
            ]),
            truncate: "keep 0..5 rewrite from 5; cut 0 at 2036; next on",
            error: "",
        },
        Row {
            name: "good frames above the frontier",
            facts: stream(vec![open_segment(0, 9).durable_to(5)]),
            truncate: "keep 0..9 rewrite from 5; next on",
            error: "",
        },
        Row {
            name: "no slot stored yet",
            facts: stream(vec![open_segment(0, 9)]),
            truncate: "keep 0..9 rewrite from 0 and name; next on",
            error: "",
        },
        Row {
            name: "bad frame above the frontier, nothing good behind",
            facts: stream(vec![open_segment(0, 9).durable_to(5).then(70, BAD)]),
            truncate: "keep 0..9 rewrite from 5; cut 0 at 2436; next on",
            error: "",
        },
        Row {
            name: "bad frame at the frontier",
            facts: stream(vec![open_segment(0, 5).durable_to(5).then(70, BAD)]),
            truncate: "keep 0..5 rewrite from 5; cut 0 at 2036; next on",
            error: "",
        },
        Row {
            name: "bad frame above the frontier, good ones behind",
            facts: stream(vec![
                open_segment(0, 9).durable_to(5).then(700, BAD_THEN_GOOD),
            ]),
            truncate: "keep 0..9 rewrite from 5; save 0 from 2436, cut 0 at 2436; next on",
            error: "",
        },
        Row {
            name: "bad frame above the frontier, segments behind",
            facts: stream(vec![
                open_segment(0, 9).durable_to(5).then(70, BAD),
                open_segment(10, 12),
                unborn(12),
            ]),
            truncate: "keep 0..9 rewrite from 5; save 1, remove 2, cut 0 at 2436; next on",
            error: "",
        },
        Row {
            name: "successor without footer before it",
            facts: stream(vec![
                sealed(0, 10).without_footer().durable_to(8),
                open_segment(10, 12),
            ]),
            truncate: "keep 0..10 rewrite from 8, 10..12 rewrite from 10 and name; next on",
            error: "",
        },
        Row {
            name: "successor of an unsealed segment starts too late",
            facts: stream(vec![open_segment(0, 9).durable_to(5), open_segment(10, 12)]),
            truncate: "keep 0..9 rewrite from 5; save 1; next on",
            error: "",
        },
        Row {
            name: "successor of an unsealed segment has another link",
            facts: stream(vec![
                open_segment(0, 10).durable_to(5),
                open_segment(10, 12).with_header(|header| {
                    header.predecessor = header.predecessor.map(|mut p| {
                        p.link ^= 1;
                        p
                    });
                }),
            ]),
            truncate: "keep 0..10 rewrite from 5; save 1; next on",
            error: "",
        },
        Row {
            name: "link missing above the frontier",
            facts: stream(vec![
                open_segment(0, 10).durable_to(5),
                open_segment(20, 22),
            ]),
            truncate: "keep 0..10 rewrite from 5; save 1; next on",
            error: "",
        },
        Row {
            name: "successor without a frame",
            facts: stream(vec![
                open_segment(0, 10).durable_to(10),
                open_segment(10, 10),
            ]),
            truncate: "keep 0..10 rewrite from 10; remove 1; next on",
            error: "",
        },
        Row {
            name: "interrupted creation behind an unsealed segment",
            facts: stream(vec![open_segment(0, 10).durable_to(10), unborn(10)]),
            truncate: "keep 0..10 rewrite from 10; remove 1; next on",
            error: "",
        },
        Row {
            name: "interrupted creation of the first segment",
            facts: stream(vec![unborn(0)]),
            truncate: "keep nothing; remove 0; next first",
            error: "",
        },
        Row {
            name: "first segment with a header and no frame",
            facts: stream(vec![open_segment(0, 0)]),
            truncate: "keep nothing; remove 0; next first",
            error: "",
        },
        Row {
            name: "temporary file",
            facts: {
                let mut facts = stream(vec![open_segment(0, 5).durable_to(5)]);
                facts.temporary = true;
                facts
            },
            truncate: "keep 0..5 rewrite from 5; remove temporary; next on",
            error: "",
        },
        Row {
            name: "sealed, the successor has no slot yet",
            facts: stream(vec![sealed(0, 10), open_segment(10, 12)]),
            truncate: "keep 0..10 rewrite from 10, 10..12 rewrite from 10 and name; next on",
            error: "",
        },
        Row {
            name: "truncation recorded, files still there",
            facts: stream(vec![
                sealed(0, 10),
                sealed(10, 20),
                open_segment(20, 25).with_slots([slot(20, 25), kept_from(20, 25, 20)]),
            ]),
            truncate: "keep 20..25 rewrite from 25; store slot 1 of 2 again, remove 0, remove 1; next on; first kept 20",
            error: "",
        },
        Row {
            name: "truncation recorded twice",
            facts: stream(vec![
                open_segment(20, 25).with_slots([kept_from(20, 25, 20), kept_from(20, 25, 20)]),
            ]),
            truncate: "keep 20..25 rewrite from 25; next on; first kept 20",
            error: "",
        },
        Row {
            name: "segments without a slot, and none before the first",
            facts: stream(vec![open_segment(20, 25), open_segment(25, 27)]),
            truncate: "keep nothing; save 1, save 0; next first",
            error: "",
        },
        Row {
            name: "segment header torn above the frontier",
            facts: stream(vec![
                open_segment(0, 10).durable_to(8),
                open_segment(10, 12).rotten(),
            ]),
            truncate: "keep 0..10 rewrite from 8; save 1; next on",
            error: "",
        },
        Row {
            name: "only file left empty or zeroed",
            facts: stream(vec![unborn(20)]),
            truncate: "keep nothing; remove 0; next first",
            error: "",
        },
        Row {
            name: "truncation recorded, files gone",
            facts: stream(vec![
                open_segment(20, 25).with_slots([slot(20, 25), kept_from(20, 25, 20)]),
            ]),
            truncate: "keep 20..25 rewrite from 25; store slot 1 of 0 again; next on; first kept 20",
            error: "",
        },
        Row {
            name: "all entries hidden, the next segment without a frame",
            facts: stream(vec![
                open_segment(10, 20).with_slots([slot(10, 20), kept_from(10, 20, 20)]),
                open_segment(20, 20).with_header(|header| {
                    header.first_kept_id = EntryId(20);
                    header.truncation_epoch = 1;
                }),
            ]),
            truncate: "keep 10..20 rewrite from 20; remove 1; next on; first kept 20",
            error: "",
        },
        Row {
            name: "all entries hidden, the next segment not known to be durable",
            facts: stream(vec![
                open_segment(10, 20).with_slots([slot(10, 20), kept_from(10, 20, 20)]),
                open_segment(20, 22).with_header(|header| {
                    header.first_kept_id = EntryId(20);
                    header.truncation_epoch = 1;
                }),
            ]),
            truncate: "keep 10..20 rewrite from 20, 20..22 rewrite from 20 and name; next on; first kept 20",
            error: "",
        },
        Row {
            name: "all entries hidden, the next segment with one slot",
            facts: stream(vec![
                sealed(10, 20),
                open_segment(20, 22)
                    .with_header(|header| {
                        header.first_kept_id = EntryId(20);
                        header.truncation_epoch = 1;
                    })
                    .with_slots([kept_from(20, 22, 20), SlotState::Never]),
            ]),
            truncate: "keep 20..22 rewrite from 22; store slot 0 of 1 again, remove 0; next on; first kept 20",
            error: "",
        },
        Row {
            name: "all entries hidden, the next segment's header torn",
            facts: stream(vec![
                open_segment(10, 20).with_slots([kept_from(10, 20, 20), kept_from(10, 20, 20)]),
                open_segment(20, 22).rotten(),
            ]),
            truncate: "keep 10..20 rewrite from 20; save 1; next on; first kept 20",
            error: "",
        },
        Row {
            name: "some entries of a segment hidden",
            facts: stream(vec![
                sealed(0, 10),
                open_segment(10, 20).with_slots([slot(10, 20), kept_from(10, 20, 15)]),
            ]),
            truncate: "keep 10..20 rewrite from 20; store slot 1 of 1 again, remove 0; next on; \
                       first kept 15",
            error: "",
        },
        Row {
            name: "segment of an older generation behind a truncated suffix",
            facts: stream(vec![
                open_segment(0, 9)
                    .with_header(|header| header.generation = 1)
                    .durable_to(9),
                open_segment(12, 14),
            ]),
            truncate: "keep 0..9 rewrite from 9; sync names, remove 1; next on",
            error: "",
        },
    ]);
}

/// A slot as a truncation at `first_kept` stores it.
fn kept_from(first: u64, end_id: u64, first_kept: u64) -> SlotState {
    match slot(first, end_id) {
        SlotState::Valid(mut slot) => {
            slot.first_kept_id = EntryId(first_kept);
            slot.truncation_epoch = 1;
            SlotState::Valid(slot)
        }
        other => other,
    }
}

#[test]
fn an_unborn_file_has_no_header_to_go_by() {
    assert!(unborn(3).head.header().is_none());
    assert!(matches!(
        open_segment(3, 3).rotten().head,
        HeaderState::Reconstructed(_)
    ));
}
