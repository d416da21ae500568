//! Must hold: the newest properties are served, or none. An older map never takes their place.

use crate::format::HEADER_AREA_LEN;
use crate::format::Properties;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::options::CorruptionPolicy;
use crate::recovery::decide::table::decide;
use crate::recovery::facts::FoundProperties;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::tests::facts::end;
use crate::recovery::tests::facts::open_segment;
use crate::recovery::tests::facts::sealed;
use crate::recovery::tests::facts::slot;
use crate::recovery::tests::facts::stream;
use crate::recovery::tests::facts::stream_broken_at;
use crate::recovery::tests::table::decision_text;
use crate::recovery::verdict::Decision;

struct Row {
    name: &'static str,
    facts: StreamFacts,
    /// The verdict under `Truncate`, and the properties.
    truncate: &'static str,
    /// Whether `Error` refuses.
    is_refused: bool,
}

const TORN: ScanStop = ScanStop::BadFrame {
    later_frame_seen: false,
};

fn vote(value: &str) -> Properties {
    Properties::of(&[(b"vote", value.as_bytes())]).expect("short")
}

const FRAME: FileOffset = FileOffset(HEADER_AREA_LEN);

fn with_properties(slot: SlotState, properties: SlotProperties) -> SlotState {
    match slot {
        SlotState::Valid(mut slot) => {
            slot.properties = properties;
            SlotState::Valid(slot)
        }
        other => other,
    }
}

/// A slot that repeats a map.
fn voted(first: u64, end_id: u64, value: &str) -> SlotState {
    let held = SlotProperties::held(FRAME, &vote(value));
    with_properties(slot(first, end_id), held)
}

fn lost(first: u64, end_id: u64) -> SlotState {
    with_properties(slot(first, end_id), SlotProperties::Lost)
}

impl SegmentFacts {
    /// Its scan met this map.
    fn holding(mut self, value: &str) -> Self {
        self.properties = Some(FoundProperties {
            map: Some(vote(value)),
            frame: FRAME,
        });
        self
    }

    fn with_slot(self, slot: SlotState) -> Self {
        self.with_slots([slot, SlotState::Never])
    }

    fn behind_a_loss(self) -> Self {
        let first = self.name_id.0;
        self.with_header(|header| header.lost_from = EntryId(first - 5))
    }
}

/// A segment with one frame, which holds properties and no entry.
fn without_entries(value: &str) -> SegmentFacts {
    let mut segment = open_segment(0, 0).holding(value);
    let tail = segment.tail.as_mut().expect("scanned");
    tail.end = end(0, 1);
    tail.end.next_id = EntryId(0);
    segment.file_len = tail.end.offset.0;
    segment
}

/// The facts with the frame that the slot names, which is damaged.
fn unreadable(mut facts: StreamFacts) -> StreamFacts {
    facts.properties = FrontierProperties::Held(FoundProperties {
        map: None,
        frame: FRAME,
    });
    facts
}

#[test]
fn rows_of_properties() {
    const FORMAT: &str = include_str!("../../../docs/FORMAT.md");
    let mut wrong = Vec::new();
    for row in rows() {
        let decision = decide(&row.facts, CorruptionPolicy::Truncate);
        let Decision::Serve(verdict) = &decision else {
            panic!("{} is refused", row.name);
        };
        let properties = match verdict.properties.map() {
            None => "lost".to_owned(),
            Some(map) => match map.get(b"vote") {
                Some(value) => value.escape_ascii().to_string(),
                None => "none".to_owned(),
            },
        };
        let text = format!("{}; properties {properties}", decision_text(&decision));
        if text != row.truncate {
            wrong.push(format!(
                "{}\n  expected {}\n  decided  {text}",
                row.name, row.truncate
            ));
        }
        let strict = decide(&row.facts, CorruptionPolicy::Error);
        if matches!(strict, Decision::Refuse(_)) != row.is_refused {
            wrong.push(format!("{} under Error: {strict:?}", row.name));
        }
        if !FORMAT.contains(&format!("| {} |", row.name)) {
            wrong.push(format!("docs/FORMAT.md lacks the row {:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "segment with a property frame and no entry",
            facts: stream(vec![without_entries("a")]),
            truncate: "keep 0..0 rewrite from 0 and name; next on; properties a",
            is_refused: false,
        },
        Row {
            name: "property frame torn above the frontier",
            facts: stream(vec![
                open_segment(0, 10)
                    .with_slot(voted(0, 10, "a"))
                    .then(60, TORN),
            ]),
            truncate: "keep 0..10 rewrite from 10; cut 0 at 2536; next on; properties a",
            is_refused: false,
        },
        Row {
            name: "good property frames above the frontier",
            facts: stream(vec![
                open_segment(0, 10).with_slot(voted(0, 8, "a")).holding("b"),
            ]),
            truncate: "keep 0..10 rewrite from 8; next on; properties b",
            is_refused: false,
        },
        Row {
            name: "newest property frame damaged, copy in a slot good",
            facts: stream_broken_at(vec![open_segment(0, 10).with_slot(voted(0, 10, "a"))], 9),
            truncate: "keep 0..9 closed; next new at 10, lost from 9; damage: entries that were durable are missing at the end of a segment 9..10; properties a",
            is_refused: true,
        },
        Row {
            name: "newest property frame damaged, no copy",
            facts: unreadable(stream(vec![
                open_segment(0, 10).with_slot(voted(0, 10, "a")),
            ])),
            truncate: "keep 0..10 rewrite from 10; next on; damage: the newest properties of the stream are damaged; properties lost",
            is_refused: true,
        },
        Row {
            name: "newest segment missing, which may have held newer properties",
            facts: stream(vec![
                sealed(0, 10).with_slots([voted(0, 10, "a"), voted(0, 10, "a")]),
            ]),
            truncate: "keep 0..10 sealed; next new at 1099511627786, lost from 10; damage: the newest segment is lost: a sealed one has no successor, as in a copy made while the log was written (close it before copying, or copy a snapshot) 10..1099511627786; properties lost",
            is_refused: true,
        },
        Row {
            name: "one slot damaged, frames torn behind the other",
            facts: stream(vec![
                open_segment(0, 10)
                    .with_slots([voted(0, 10, "a"), SlotState::Damaged])
                    .then(60, TORN),
            ]),
            truncate: "keep 0..10 rewrite from 10; cut 0 at 2536; next on; damage: a frontier slot is damaged; properties lost",
            is_refused: true,
        },
        Row {
            name: "properties lost before, and not replaced",
            facts: stream(vec![open_segment(0, 10).with_slot(lost(0, 10))]),
            truncate: "keep 0..10 rewrite from 10; next on; properties lost",
            is_refused: false,
        },
        Row {
            name: "properties lost before, and replaced above the frontier",
            facts: stream(vec![open_segment(0, 10).with_slot(lost(0, 8)).holding("b")]),
            truncate: "keep 0..10 rewrite from 8; next on; properties b",
            is_refused: false,
        },
        Row {
            name: "properties lost before, the next segment has no slot yet",
            facts: stream(vec![
                sealed(0, 10).with_slots([lost(0, 10), lost(0, 10)]),
                open_segment(10, 12),
            ]),
            truncate: "keep 0..10 rewrite from 10, 10..12 rewrite from 10 and name; next on; properties lost",
            is_refused: false,
        },
        Row {
            name: "no properties, and no slot in two segments",
            facts: stream(vec![
                sealed(0, 10).with_slots([SlotState::Never, SlotState::Never]),
                open_segment(10, 12),
            ]),
            truncate: "keep 0..10 rewrite from 10, 10..12 rewrite from 10 and name; next on; properties none",
            is_refused: false,
        },
        Row {
            name: "segment behind a recorded loss, no properties in it",
            facts: stream(vec![
                sealed(0, 5).with_slots([voted(0, 5, "a"), voted(0, 5, "a")]),
                open_segment(10, 12).behind_a_loss(),
            ]),
            truncate: "keep 0..5 rewrite from 5, 10..12 rewrite from 10 and name; next on; properties lost",
            is_refused: false,
        },
        Row {
            name: "segment behind a recorded loss, properties in it",
            facts: stream(vec![
                sealed(0, 5).with_slots([voted(0, 5, "a"), voted(0, 5, "a")]),
                open_segment(10, 12).behind_a_loss().holding("b"),
            ]),
            truncate: "keep 0..5 rewrite from 5, 10..12 rewrite from 10 and name; next on; properties b",
            is_refused: false,
        },
        Row {
            name: "last property removed, the next segment has no slot yet",
            facts: stream(vec![
                sealed(0, 10).with_slots([voted(0, 10, "a"), slot(0, 10)]),
                open_segment(10, 12),
            ]),
            truncate: "keep 0..10 rewrite from 10, 10..12 rewrite from 10 and name; next on; properties none",
            is_refused: false,
        },
        Row {
            name: "properties missing at the start of a segment",
            facts: stream(vec![
                open_segment(0, 10).with_slot(voted(0, 8, "a")),
                open_segment(10, 12),
            ]),
            truncate: "keep 0..10 rewrite from 8, 10..12 rewrite from 10 and name; next on; damage: the properties at the start of a segment are missing; properties lost",
            is_refused: true,
        },
    ]
}
