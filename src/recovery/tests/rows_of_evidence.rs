//! The rows of the table where something beside a segment's own frames shows a loss:
//! `segments.idx`, the header of the next segment, a slot behind a gap.

use crate::format::Predecessor;
use crate::ids::EntryId;
use crate::recovery::facts::Claim;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::tests::facts::*;
use crate::recovery::tests::table::Row;
use crate::recovery::tests::table::check;

/// With a good `segments.idx` that lists the ids `first..end`.
fn claiming(mut facts: StreamFacts, first: u64, end: u64) -> StreamFacts {
    facts.index_file = true;
    facts.claim = Some(Claim {
        first_id: EntryId(first),
        end_id: EntryId(end),
    });
    facts
}

fn zeroed(name_id: u64) -> SegmentFacts {
    SegmentFacts {
        file_len: 3000,
        ..unborn(name_id)
    }
}

const LOST: &str =
    "refuse: the only segment is lost: segments.idx lists its entries 0..1099511627796";

#[test]
fn the_index_file_shows_that_the_only_segment_is_lost() {
    check(vec![
        Row {
            name: "no segment left, `segments.idx` lists entries",
            facts: claiming(stream(vec![]), 0, 20),
            truncate: "keep nothing; next new at 1099511627796, lost from 0; damage: the only segment is \
                       lost: segments.idx lists its entries 0..1099511627796",
            error: LOST,
        },
        Row {
            name: "only file left empty, `segments.idx` lists entries",
            facts: claiming(stream(vec![unborn(0)]), 0, 20),
            truncate: "keep nothing; remove 0; next new at 1099511627796, lost from 0; damage: the only \
                       segment is lost: segments.idx lists its entries 0..1099511627796",
            error: LOST,
        },
        Row {
            name: "only file left zeroed, `segments.idx` lists entries",
            facts: claiming(stream(vec![zeroed(0)]), 0, 20),
            truncate: "keep nothing; save 0; next new at 1099511627796, lost from 0; damage: the only \
                       segment is lost: segments.idx lists its entries 0..1099511627796",
            error: LOST,
        },
        Row {
            name: "first segment with a header and no frame, `segments.idx` lists entries",
            facts: claiming(stream(vec![open_segment(0, 0)]), 0, 20),
            truncate: "keep nothing; save 0; next new at 1099511627796, lost from 0; damage: the only \
                       segment is lost: segments.idx lists its entries 0..1099511627796",
            error: LOST,
        },
        Row {
            name: "only file left of a truncated stream zeroed, `segments.idx` lists entries",
            facts: claiming(stream(vec![zeroed(10)]), 10, 20),
            truncate: "keep nothing; save 0; next new at 1099511627796, lost from 0; damage: the only \
                       segment is lost: segments.idx lists its entries 10..1099511627796",
            error: "refuse: the only segment is lost: segments.idx lists its entries 10..1099511627796",
        },
        Row {
            name: "segments without a slot, and none before the first, `segments.idx` lists entries",
            facts: claiming(stream(vec![open_segment(10, 12)]), 0, 20),
            truncate: "keep nothing; save 0; next new at 1099511627796, lost from 0; damage: the only \
                       segment is lost: segments.idx lists its entries 0..1099511627796",
            error: LOST,
        },
    ]);
}

#[test]
fn the_index_file_shows_that_the_newest_entries_are_lost() {
    check(vec![
        Row {
            name: "newest entries missing, `segments.idx` lists them",
            facts: claiming(stream(vec![open_segment(0, 10).durable_to(10)]), 0, 15),
            truncate: "keep 0..10 rewrite from 10; next new at 1099511627791, lost from 10; \
                       damage: segments.idx lists entries behind the last one 10..1099511627791",
            error: "refuse: segments.idx lists entries behind the last one 10..1099511627791",
        },
        Row {
            name: "newest segment missing, `segments.idx` lists its ids",
            facts: claiming(stream(vec![sealed(0, 10)]), 0, 2_000_000),
            truncate: "keep 0..10 sealed; next new at 1099513627776, lost from 10; damage: the newest \
                       segment is lost: a sealed one has no successor, as in a copy made while \
                       the log was written (close it before copying, or copy a snapshot) \
                       10..1099513627776",
            error: "refuse: the newest segment is lost: a sealed one has no successor, as in a \
                    copy made while the log was written (close it before copying, or copy a \
                    snapshot) 10..1099513627776",
        },
        Row {
            name: "damaged end, `segments.idx` lists ids behind it",
            facts: claiming(
                stream_broken_at(vec![open_segment(0, 10).durable_to(10)], 9),
                0,
                15,
            ),
            truncate: "keep 0..9 closed; next new at 1099511627791, lost from 9; damage: entries that \
                       were durable are missing at the end of a segment 9..1099511627791",
            error: "refuse: entries that were durable are missing at the end of a segment 9..1099511627791",
        },
    ]);
}

#[test]
fn an_index_file_that_lists_nothing_new_changes_nothing() {
    let kept = "keep 0..10 rewrite from 10; next on";
    let mut rows = vec![
        Row {
            name: "interrupted creation beside `segments.idx`",
            facts: claiming(stream(vec![unborn(0)]), 0, 0),
            truncate: "keep nothing; remove 0; next first",
            error: "",
        },
        Row {
            name: "`segments.idx` beside a truncated suffix",
            facts: {
                let newer = open_segment(0, 10).durable_to(10);
                let newer = newer.with_header(|header| header.generation = 1);
                claiming(stream(vec![newer]), 0, 20)
            },
            truncate: kept,
            error: "",
        },
        Row {
            name: "recorded loss at the first id kept, which has no slot yet",
            facts: claiming(
                stream(vec![
                    open_segment(1099511627796, 1099511627797).with_header(|header| {
                        header.lost_from = EntryId(0);
                        header.predecessor = None;
                    }),
                ]),
                0,
                20,
            ),
            truncate: "keep 1099511627796..1099511627797 rewrite from 1099511627796 and name; next on",
            error: "",
        },
    ];
    for end in [0, 3, 10] {
        rows.push(Row {
            name: "`segments.idx` is outdated",
            facts: claiming(stream(vec![open_segment(0, 10).durable_to(10)]), 0, end),
            truncate: kept,
            error: "",
        });
    }
    check(rows);
}

/// A segment below the frontier without a footer, whose good frames end there.
fn ending_at(end_id: u64, stop: ScanStop) -> SegmentFacts {
    let segment = sealed(0, end_id).without_footer();
    SegmentFacts {
        ending: segment.tail.map(|tail| Scan {
            end: end(0, end_id),
            stop,
            ..tail
        }),
        ..segment
    }
}

#[test]
fn a_successor_that_does_not_follow_the_last_frame_is_reported_without_a_footer_too() {
    let successor = || open_segment(10, 12).durable_to(12);
    let foreign = || {
        successor().with_header(|header| {
            header.predecessor = Some(Predecessor {
                end_id: EntryId(10),
                link: 1,
            });
        })
    };
    check(vec![
        Row {
            name: "footer damaged, successor there",
            facts: stream(vec![ending_at(10, ScanStop::EndOfData), successor()]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing",
            error: "refuse: the footer of a sealed segment is damaged or missing",
        },
        Row {
            name: "footer missing, the successor has another link",
            facts: stream(vec![ending_at(10, ScanStop::EndOfData), foreign()]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing, \
                       the segment does not follow the one before it",
            error: "refuse: the footer of a sealed segment is damaged or missing, \
                    the segment does not follow the one before it",
        },
        Row {
            name: "footer missing, the frames continue behind the successor's start",
            facts: stream(vec![ending_at(11, ScanStop::EndOfData), successor()]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing, \
                       the segment does not follow the one before it 10..11",
            error: "refuse: the footer of a sealed segment is damaged or missing, \
                    the segment does not follow the one before it 10..11",
        },
        Row {
            name: "footer missing, the frames end before the successor's start",
            facts: stream(vec![ending_at(8, ScanStop::EndOfData), successor()]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing, \
                       the segment does not follow the one before it, which ends too early 8..10",
            error: "refuse: the footer of a sealed segment is damaged or missing, \
                    the segment does not follow the one before it, which ends too early 8..10",
        },
        Row {
            name: "footer and a frame damaged",
            facts: stream(vec![
                ending_at(
                    8,
                    ScanStop::BadFrame {
                        later_frame_seen: true,
                    },
                ),
                successor(),
            ]),
            truncate: "keep 0..10 closed, 10..12 rewrite from 12; next on; \
                       damage: the footer of a sealed segment is damaged or missing",
            error: "refuse: the footer of a sealed segment is damaged or missing",
        },
        Row {
            name: "a segment with a slot that nothing leads to",
            facts: stream(vec![
                open_segment(0, 15).durable_to(15),
                open_segment(10, 12).durable_to(12),
            ]),
            truncate: "keep 0..15 rewrite from 15; save 1; next on; \
                       damage: a segment that was durable does not follow the one before it 10..12",
            error: "refuse: a segment that was durable does not follow the one before it 10..12",
        },
    ]);
}
