//! What holds for every decision, whatever the facts are?

use std::path::PathBuf;

use proptest::prelude::*;

use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::Predecessor;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::options::CorruptionPolicy;
use crate::recovery::decide::table::decide;
use crate::recovery::facts::Claim;
use crate::recovery::facts::ClipState;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Rank;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::frontier;
use crate::recovery::frontier::rank;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Decision;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::NextAppend;
use crate::recovery::verdict::Refusal;
use crate::recovery::verdict::Verdict;
use crate::segment::SegmentEnd;

/// Ids and counts from small ranges, so that they often meet.
fn id() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..40u64, 1 => Just(u64::MAX), 1 => u64::MAX - 5..u64::MAX]
}

fn slot() -> impl Strategy<Value = SlotState> {
    let valid = (id(), 0..20u64, 0..3u64, 0..30u64).prop_map(|(next, frames, epoch, kept)| {
        SlotState::Valid(FrontierSlot {
            end: FileOffset(HEADER_AREA_LEN + frames * 100),
            next_id: EntryId(next),
            last_frame: frames
                .checked_sub(1)
                .map(|f| FileOffset(HEADER_AREA_LEN + f * 100)),
            first_kept_id: EntryId(kept),
            truncation_epoch: epoch,
            properties: SlotProperties::None,
        })
    });
    prop_oneof![3 => valid, 2 => Just(SlotState::Never), 1 => Just(SlotState::Damaged)]
}

fn header(first: u64) -> impl Strategy<Value = SegmentHeader> {
    (
        0..3u64,
        prop::option::of((id(), 0..3u32)),
        0..=first,
        0..40u64,
        0..3u64,
        (0..3u32, 0..12u64),
    )
        .prop_map(
            move |(generation, predecessor, lost_from, kept, epoch, (cut, clip))| {
                let header = SegmentHeader {
                    key: "s".into(),
                    first_id: EntryId(first),
                    generation,
                    predecessor: predecessor.map(|(end, link)| Predecessor {
                        end_id: EntryId(end),
                        link,
                    }),
                    lost_from: EntryId(lost_from),
                    first_kept_id: EntryId(kept),
                    truncation_epoch: epoch,
                    incarnation: 0,
                    replaces: Replaces::Nothing,
                };
                let clip_frame = FileOffset(HEADER_AREA_LEN + clip * 100);
                match (cut, header.predecessor) {
                    (1.., Some(before)) if generation > 0 => SegmentHeader {
                        predecessor: Some(Predecessor {
                            end_id: header.first_id,
                            ..before
                        }),
                        lost_from: header.first_id,
                        replaces: Replaces::Suffix { clip_frame },
                        ..header
                    },
                    (1.., None) if generation > 0 => SegmentHeader {
                        lost_from: header.first_id,
                        replaces: Replaces::All,
                        ..header
                    },
                    _ => header,
                }
            },
        )
}

fn head(first: u64) -> impl Strategy<Value = HeaderState> {
    prop_oneof![
        8 => header(first).prop_map(HeaderState::Valid),
        2 => header(first).prop_map(HeaderState::Reconstructed),
        2 => Just(HeaderState::NeverWritten),
        1 => Just(HeaderState::Foreign(Foreign::Unrecognized)),
    ]
}

fn stop() -> impl Strategy<Value = ScanStop> {
    prop_oneof![
        3 => Just(ScanStop::EndOfData),
        2 => Just(ScanStop::Footer),
        2 => any::<bool>().prop_map(|later_frame_seen| ScanStop::BadFrame { later_frame_seen }),
    ]
}

/// How many frames a scan found, what stands behind them, and how much.
type Tail = (u64, ScanStop, u64, u32, bool);

fn segment(first: u64) -> impl Strategy<Value = (SegmentFacts, Tail)> {
    let trailer = prop::option::of((id(), 1..20u64, 0..3u32));
    let tail = (0..12u64, stop(), 0..300u64, 0..3u32, any::<bool>());
    (head(first), [slot(), slot()], trailer, tail).prop_map(move |(head, slots, trailer, tail)| {
        let trailer = trailer.map(|(end, frames, link)| Trailer {
            footer_offset: FileOffset(HEADER_AREA_LEN + frames * 100),
            end_id: EntryId(end),
            last_frame: FileOffset(HEADER_AREA_LEN + (frames - 1) * 100),
            link,
            point_count: 0,
        });
        let segment = SegmentFacts {
            name_id: EntryId(first),
            file_len: 0,
            head,
            slots,
            trailer,
            tail: None,
            ending: None,
            rank: Rank::InLine,
            clip: None,
            properties: None,
        };
        (segment, tail)
    })
}

fn stream() -> impl Strategy<Value = StreamFacts> {
    let names = prop::collection::btree_set(id(), 0..5);
    let segments = names.prop_flat_map(|names| names.into_iter().map(segment).collect::<Vec<_>>());
    let claim = prop::option::of((id(), id())).prop_map(|claim| {
        claim.map(|(a, b)| Claim {
            first_id: EntryId(a.min(b)),
            end_id: EntryId(a.max(b)),
        })
    });
    let rest = (
        prop::bool::weighted(0.95),
        any::<bool>(),
        any::<bool>(),
        claim,
    );
    (segments, rest).prop_map(|(segments, (has_key, temporary, intact, claim))| {
        surveyed(segments, has_key, temporary, intact, claim)
    })
}

/// What `survey` guarantees about facts; all else is arbitrary.
fn surveyed(
    found: Vec<(SegmentFacts, Tail)>,
    has_key: bool,
    temporary: bool,
    intact: bool,
    claim: Option<Claim>,
) -> StreamFacts {
    let (mut segments, tails): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    rank(&mut segments);
    let mut frontier = frontier(&segments);
    frontier.intact |= intact;
    for (i, (segment, (frames, stop, behind, link, is_clip_good))) in
        segments.iter_mut().zip(tails).enumerate()
    {
        let start = match i == frontier.segment && frontier.intact {
            true => frontier.end,
            false => SegmentEnd::empty(segment.name_id),
        };
        let mut end = start;
        if frames > 0 {
            end = SegmentEnd {
                offset: start.offset + frames * 100,
                next_id: EntryId(start.next_id.0.saturating_add(frames)),
                last_frame: Some(start.offset + (frames - 1) * 100),
                last_frame_len: 100,
                link,
            };
        }
        segment.file_len = end.offset.0 + behind;
        segment.clip = match &segment.head {
            HeaderState::Valid(header) if segment.is_cut() => match header.replaces {
                Replaces::Suffix { clip_frame } if is_clip_good => Some(ClipState::Good {
                    end: clip_frame + 100,
                }),
                Replaces::Suffix { .. } => Some(ClipState::Bad),
                _ => None,
            },
            _ => None,
        };
        if i >= frontier.segment && segment.head.header().is_some() && !segment.is_void() {
            let from = (start.offset, start.next_id);
            segment.tail = Some(Scan { from, end, stop });
        }
    }
    StreamFacts {
        key: has_key.then(|| "s".into()),
        dir: PathBuf::from("/log/s").into(),
        segments,
        temporary,
        index_file: claim.is_some(),
        claim,
        properties: FrontierProperties::Unstated,
        frontier,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_decision_never_panics_and_never_contradicts_itself(facts in stream()) {
        let truncate = decide(&facts, CorruptionPolicy::Truncate);
        let error = decide(&facts, CorruptionPolicy::Error);
        match (&truncate, &error) {
            (Decision::Serve(verdict), Decision::Serve(same)) => {
                prop_assert_eq!(verdict, same);
                prop_assert!(verdict.findings.is_empty());
                consistent(&facts, verdict)?;
            }
            (Decision::Serve(verdict), Decision::Refuse(Refusal::Damaged(findings))) => {
                prop_assert!(!findings.is_empty());
                prop_assert_eq!(&verdict.findings, findings);
                consistent(&facts, verdict)?;
            }
            (Decision::Refuse(refusal), Decision::Refuse(same)) => {
                prop_assert_eq!(refusal, same);
                prop_assert!(!matches!(refusal, Refusal::Damaged(_)), "Truncate serves what it can");
            }
            _ => prop_assert!(false, "{truncate:?} but {error:?}"),
        }
    }
}

/// A greater generation gives ids again: what is served of an older one ends before them, and what
/// is void is removed, after the name is durable that makes it so.
fn one_generation_of_each_id(facts: &StreamFacts, verdict: &Verdict) -> Result<(), TestCaseError> {
    for (place, kept) in verdict.kept.iter().enumerate() {
        for later in &verdict.kept[place + 1..] {
            let (old, new) = (kept.header.generation, later.header.generation);
            prop_assert!(old <= new, "a void segment is served");
            prop_assert!(
                old == new || kept.end.next_id <= later.header.first_id,
                "{old} and {new} of the same ids: {:?}, {:?}",
                kept,
                later
            );
        }
    }
    let void: Vec<usize> = (0..facts.segments.len())
        .filter(|i| facts.segments[*i].is_void())
        .collect();
    let is_removed = |i: &usize| verdict.actions.contains(&Action::Remove(*i));
    prop_assert!(void.iter().all(is_removed));
    let names_first = verdict.actions.first() == Some(&Action::SyncNames);
    prop_assert!(void.is_empty() || names_first);
    let in_line = || facts.segments.iter().filter(|segment| !segment.is_void());
    let last_cut = in_line().rfind(|segment| segment.is_cut());
    // A reset leaves nothing of what was before it.
    if let Some(cut) = last_cut.filter(|cut| cut.is_reset()) {
        let first = verdict.kept.first();
        prop_assert!(first.is_none_or(|kept| kept.header.first_id >= cut.name_id));
    }
    // Whatever becomes of a cut segment, what it replaced does not come back.
    if let Some(cut) = last_cut {
        let generation = cut.head.header().map(|header| header.generation);
        for kept in &verdict.kept {
            let is_older = Some(kept.header.generation) < generation;
            prop_assert!(!is_older || kept.end.next_id <= cut.name_id);
        }
    }
    Ok(())
}

fn consistent(facts: &StreamFacts, verdict: &Verdict) -> Result<(), TestCaseError> {
    let kept: Vec<usize> = verdict.kept.iter().map(|kept| kept.facts).collect();
    prop_assert!(
        kept.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, each once: {:?}",
        kept
    );
    for kept in &verdict.kept {
        prop_assert!(facts.segments[kept.facts].head.header() == Some(&kept.header));
        prop_assert!(kept.next_slot < 2);
    }
    one_generation_of_each_id(facts, verdict)?;
    let frontier = &facts.frontier;
    let mut order = 0;
    for action in &verdict.actions {
        let (rank, file) = match *action {
            Action::BackupRange(i, _) | Action::BackupFile(i) => (0, Some(i)),
            Action::RewriteSlot(i, slot) => {
                prop_assert!(matches!(facts.segments[i].slots[slot], SlotState::Valid(_)));
                (0, None)
            }
            Action::SyncNames => {
                prop_assert!(
                    action == &verdict.actions[0],
                    "before all that relies on names"
                );
                (0, None)
            }
            Action::RemoveTemporary => (1, None),
            Action::Remove(i) => (2, Some(i)),
            Action::Trim(i, _) => (3, Some(i)),
        };
        prop_assert!(order <= rank, "saved before removed before cut");
        order = rank;
        let Some(i) = file else { continue };
        let segment = &facts.segments[i];
        match *action {
            Action::Trim(_, at) | Action::BackupRange(_, at) => {
                prop_assert!(kept.contains(&i));
                prop_assert!(i >= frontier.segment, "nothing durable is ever cut");
                prop_assert!(i > frontier.segment || at >= frontier.end.offset);
                prop_assert!(at.0 <= segment.file_len);
            }
            Action::Remove(_) => {
                prop_assert!(!kept.contains(&i));
                let holds_frames = segment.tail.is_some_and(|t| t.end.last_frame.is_some());
                let is_truncated = |h: &SegmentHeader| h.first_id < verdict.first_kept.0;
                let void = segment.is_void()
                    || segment.head.header().is_some_and(is_truncated)
                    || facts.segments[i..].iter().any(SegmentFacts::is_reset);
                prop_assert!(
                    void || !holds_frames || segment.head.header().is_none(),
                    "good frames are saved before they go"
                );
            }
            Action::BackupFile(_)
            | Action::RemoveTemporary
            | Action::RewriteSlot(..)
            | Action::SyncNames => {
                prop_assert!(!kept.contains(&i))
            }
        }
    }
    let touched = |i: usize| {
        verdict
            .actions
            .iter()
            .filter(|action| matches!(action, Action::Remove(j) | Action::BackupFile(j) if *j == i))
            .count()
    };
    prop_assert!(
        (0..facts.segments.len()).all(|i| touched(i) <= 1),
        "no file goes twice"
    );

    let last = verdict.kept.last();
    let last_end = last.map_or(EntryId(0), |kept| kept.end.next_id);
    match &verdict.next {
        NextAppend::Empty => prop_assert!(verdict.kept.is_empty()),
        NextAppend::Continue => {
            let is_tail = matches!(last.map(|k| k.state), Some(KeptState::Tail { .. }));
            prop_assert!(is_tail);
            // A suffix cut may void the frontier's own segment; ids behind the cut are free.
            let cut = !kept.contains(&frontier.segment);
            prop_assert!(
                cut || last_end >= frontier.end.next_id,
                "no durable id is given again"
            );
        }
        NextAppend::AfterLoss {
            first_id,
            lost_from,
            ..
        } => {
            prop_assert!(lost_from <= first_id);
            prop_assert!(
                *first_id >= last_end && *first_id >= frontier.end.next_id,
                "no durable id is given again"
            );
        }
    }
    for (place, kept) in verdict.kept.iter().enumerate() {
        if let KeptState::Tail { from, .. } = kept.state {
            prop_assert!(
                kept.facts >= frontier.segment || from.0 == kept.end.offset,
                "nothing durable is written again but the last seal"
            );
            prop_assert!(from.0 <= kept.end.offset);
        } else if matches!(verdict.next, NextAppend::Continue) {
            prop_assert!(place + 1 < verdict.kept.len());
        }
    }
    Ok(())
}
