//! Files cut short, emptied, zeroed and missing.

use std::fs;
use std::ops::Range;
use std::path::Path;

use ironwal::*;

use crate::format_twin::*;
use crate::sample::*;

const LOST_IDS: u64 = 1 << 40;

/// Lengths to cut a file to: around every border, and some between.
fn lengths(file: &[u8], random: &mut Random) -> Vec<usize> {
    let mut lengths = vec![0, 1, 7, 100, 511, 512, 513, 1000, 1024, 1100, 1535, 1536];
    for frame in frames(file) {
        let Range { start, end } = frame.bytes;
        lengths.extend([
            start,
            start + 1,
            start + HEADER_LEN - 1,
            start + HEADER_LEN,
            end - 1,
        ]);
        lengths.push(start + random.below(end - start));
    }
    lengths.sort_unstable();
    lengths.dedup();
    lengths.retain(|&len| len < file.len());
    lengths
}

/// The id behind the last frame that lies wholly in the first `len` bytes.
fn whole_below(file: &[u8], len: usize, first: u64) -> u64 {
    let whole = frames(file)
        .into_iter()
        .filter(|f| f.bytes.end <= len && !f.is_footer);
    whole
        .max_by_key(|frame| frame.ids.end)
        .map_or(first, |frame| frame.ids.end)
}

fn refused(root: &Path, what: &dyn Fn() -> String) {
    let before = snapshot(root);
    let options = WalOptions {
        on_corruption: CorruptionPolicy::Error,
        ..options(root)
    };
    match Wal::new(options) {
        Err(Error::Corruption(_)) => {}
        other => panic!("{}: {other:?}", what()),
    }
    assert!(snapshot(root) == before, "{}: something changed", what());
}

/// Opens under `Truncate`, checks what is readable, appends, and checks once more.
fn check(root: &Path, sample: &Sample, may_fail: Range<u64>, what: &dyn Fn() -> String) -> u64 {
    let wal = Wal::new(options(root)).unwrap_or_else(|e| panic!("{}: {e}", what()));
    let failed = read_all(&wal, &sample.entries, may_fail.clone(), what);
    assert_eq!(failed, may_fail.clone().collect::<Vec<_>>(), "{}", what());
    other_is_whole(&wal, &sample.other, what);
    let id = wal.append(STREAM, b"after").expect("appends");
    assert!(
        id >= sample.entries.len() as u64,
        "{}: id {id} given twice",
        what()
    );
    drop(wal);
    // What is recorded as lost now is no reason to refuse any more.
    let wal = Wal::new(options(root)).expect("opens");
    for lost in may_fail {
        assert!(wal.get(STREAM, lost).is_err(), "{}: id {lost}", what());
    }
    assert_eq!(
        wal.get(STREAM, id).expect("reads").as_deref(),
        Some(&b"after"[..]),
        "{}",
        what()
    );
    assert_eq!(
        wal.append(STREAM, b"and on").expect("appends"),
        id + 1,
        "{}",
        what()
    );
    id
}

#[test]
fn the_newest_segment_cut_below_the_frontier_keeps_its_whole_frames_and_gives_no_id_twice() {
    for killed in [false, true] {
        let sample = build(killed, SyncMode::Strict);
        let dir = workplace();
        let root = dir.path().join("log");
        let mut random = Random(11);
        let newest = *sample.segments().last().expect("some");
        let whole = &sample.files[newest].1;
        let written = frames(whole).last().expect("frames").bytes.end;
        let (first, end) = (frames(whole)[0].ids.start, sample.entries.len() as u64);
        for len in lengths(whole, &mut random)
            .into_iter()
            .filter(|&len| len < written)
        {
            let what = || format!("killed {killed}, cut to {len}");
            let kept = whole_below(whole, len, first);
            sample.put(&root, newest, |bytes| bytes.truncate(len));
            refused(&root, &what);
            let id = check(&root, &sample, kept..end, &what);
            // Below 1024 no slot is left to say where the ids ended.
            let expected = if len < 1024 { first + LOST_IDS } else { end };
            assert_eq!(id, expected, "{}", what());
            let strict = WalOptions {
                on_corruption: CorruptionPolicy::Error,
                ..options(&root)
            };
            drop(Wal::new(strict).unwrap_or_else(|e| panic!("{}: on record: {e}", what())));
        }
    }
}

#[test]
fn a_sealed_segment_cut_anywhere_keeps_what_lies_before_the_cut_and_all_other_segments() {
    let sample = build(false, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    let mut random = Random(12);
    for &file in &sample.segments()[..2] {
        let whole = &sample.files[file].1;
        let ids = frames(whole)[0].ids.start..frames(whole).last().expect("footer").ids.start;
        for len in lengths(whole, &mut random) {
            let what = || format!("{:?} cut to {len}", sample.files[file].0);
            let kept = if len < 512 {
                ids.start
            } else {
                whole_below(whole, len, ids.start)
            };
            sample.put(&root, file, |bytes| bytes.truncate(len));
            refused(&root, &what);
            let id = check(&root, &sample, kept..ids.end, &what);
            assert_eq!(id, sample.entries.len() as u64, "{}", what());
        }
    }
}

#[test]
fn the_tail_of_a_killed_process_cut_anywhere_leaves_a_prefix_without_a_word() {
    let sample = build(true, SyncMode::Async);
    let dir = workplace();
    let root = dir.path().join("log");
    let mut random = Random(13);
    for file in sample.segments() {
        let whole = &sample.files[file].1;
        let first = frames(whole)[0].ids.start;
        for len in lengths(whole, &mut random) {
            let what = || format!("{:?} cut to {len}", sample.files[file].0);
            sample.put(&root, file, |bytes| bytes.truncate(len));
            let strict = WalOptions {
                on_corruption: CorruptionPolicy::Error,
                ..options(&root)
            };
            let wal = Wal::new(strict).unwrap_or_else(|e| panic!("{}: {e}", what()));
            let all: Result<Vec<_>> = wal.iter(STREAM, 0).expect("iterates").collect();
            let all = all.unwrap_or_else(|e| panic!("{}: {e}", what()));
            let mut kept = whole_below(whole, len, first);
            if whole_below(whole, len, first) == whole_below(whole, whole.len(), first) {
                // Only zeros were cut off.
                kept = sample.entries.len() as u64;
            }
            assert_eq!(all, sample.entries[..kept as usize], "{}", what());
            other_is_whole(&wal, &sample.other, &what);
            assert_eq!(
                wal.append(STREAM, b"after").expect("appends"),
                kept,
                "{}",
                what()
            );
        }
    }
}

/// Something done to the files of the stream, and the ids it may take.
struct Case {
    name: &'static str,
    harm: fn(&[std::path::PathBuf]),
    /// Which segments' ids are gone, as indices into the segments.
    gone: fn(usize) -> Range<usize>,
    /// Whether the newest segment is lost, so that ids go on far behind.
    newest_lost: bool,
}

fn zero(path: &Path, range: Range<usize>) {
    let mut bytes = fs::read(path).expect("reads");
    let range = range.start..range.end.min(bytes.len());
    bytes[range].fill(0);
    fs::write(path, bytes).expect("writes");
}

fn nothing(_: usize) -> Range<usize> {
    0..0
}

const CASES: &[Case] = &[
    Case {
        name: "the first segment is missing",
        harm: |files| fs::remove_file(&files[0]).expect("removes"),
        gone: |_| 0..1,
        newest_lost: false,
    },
    Case {
        name: "a middle segment is missing",
        harm: |files| fs::remove_file(&files[1]).expect("removes"),
        gone: |_| 1..2,
        newest_lost: false,
    },
    Case {
        name: "the newest segment is missing",
        harm: |files| fs::remove_file(&files[files.len() - 1]).expect("removes"),
        gone: |count| count - 1..count,
        newest_lost: true,
    },
    Case {
        name: "the two newest segments are missing",
        harm: |files| {
            fs::remove_file(&files[files.len() - 1]).expect("removes");
            fs::remove_file(&files[files.len() - 2]).expect("removes");
        },
        gone: |count| count - 2..count,
        newest_lost: true,
    },
    Case {
        name: "the first segment is empty",
        harm: |files| fs::write(&files[0], b"").expect("writes"),
        gone: |_| 0..1,
        newest_lost: false,
    },
    Case {
        name: "a middle segment is zeroed",
        harm: |files| zero(&files[1], 0..usize::MAX),
        gone: |_| 1..2,
        newest_lost: false,
    },
    Case {
        name: "the newest segment is zeroed",
        harm: |files| zero(&files[files.len() - 1], 0..usize::MAX),
        gone: |count| count - 1..count,
        newest_lost: true,
    },
    Case {
        name: "the newest segment is an empty file",
        harm: |files| fs::write(&files[files.len() - 1], b"").expect("writes"),
        gone: |count| count - 1..count,
        newest_lost: true,
    },
    Case {
        name: "the newest segment is missing, and the footer before it is damaged in its header",
        harm: |files| {
            let before = &files[files.len() - 2];
            let mut bytes = fs::read(before).expect("reads");
            let footer = frames(&bytes).pop().expect("a footer").bytes.start;
            bytes[footer + 5] ^= 1;
            fs::write(before, bytes).expect("writes");
            fs::remove_file(&files[files.len() - 1]).expect("removes");
        },
        gone: |count| count - 1..count,
        newest_lost: true,
    },
    Case {
        name: "the newest segment is missing, and the trailer before it is damaged",
        harm: |files| {
            let before = &files[files.len() - 2];
            let mut bytes = fs::read(before).expect("reads");
            let len = bytes.len();
            bytes[len - 9] ^= 1;
            fs::write(before, bytes).expect("writes");
            fs::remove_file(&files[files.len() - 1]).expect("removes");
        },
        gone: |count| count - 1..count,
        newest_lost: true,
    },
    Case {
        name: "a footer is cut off",
        harm: |files| {
            let bytes = fs::read(&files[0]).expect("reads");
            let footer = frames(&bytes).pop().expect("a footer").bytes.start;
            fs::write(&files[0], &bytes[..footer]).expect("writes");
        },
        gone: nothing,
        newest_lost: false,
    },
    Case {
        name: "both slots of the newest segment are damaged",
        harm: |files| {
            let newest = &files[files.len() - 1];
            let mut bytes = fs::read(newest).expect("reads");
            bytes[600] ^= 1;
            bytes[1200] ^= 1;
            fs::write(newest, bytes).expect("writes");
        },
        gone: nothing,
        newest_lost: false,
    },
    Case {
        name: "both slots and the header of a sealed segment are zeroed",
        harm: |files| zero(&files[1], 0..FIRST_FRAME),
        gone: nothing,
        newest_lost: false,
    },
];

#[test]
fn missing_emptied_and_zeroed_segments_cost_their_own_ids_only() {
    let sample = build(false, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    let indices = sample.segments();
    let starts: Vec<u64> = indices
        .iter()
        .map(|&file| frames(&sample.files[file].1)[0].ids.start)
        .collect();
    let start_of = |i: usize| {
        starts
            .get(i)
            .copied()
            .unwrap_or(sample.entries.len() as u64)
    };
    for case in CASES {
        let what = || case.name.to_owned();
        restore(&root, &sample.files);
        (case.harm)(&segments(&root.join(STREAM)));
        refused(&root, &what);
        let gone = (case.gone)(starts.len());
        let may_fail = start_of(gone.start)..start_of(gone.end);
        let may_fail = if gone.is_empty() { 0..0 } else { may_fail };
        let id = check(&root, &sample, may_fail.clone(), &what);
        let expected = match case.newest_lost {
            true => may_fail.start + LOST_IDS,
            false => sample.entries.len() as u64,
        };
        assert_eq!(id, expected, "{}", what());
        let strict = WalOptions {
            on_corruption: CorruptionPolicy::Error,
            ..options(&root)
        };
        let on_record = case.newest_lost || case.name.starts_with("both slots of the newest");
        assert_eq!(Wal::new(strict).is_ok(), on_record, "{}", what());
    }
}

#[test]
fn a_lost_newest_segment_is_refused_until_the_loss_is_recorded_and_its_ids_never_come_back() {
    let sample = build(false, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    restore(&root, &sample.files);
    let newest = segments(&root.join(STREAM)).pop().expect("some");
    let lost_from = frames(&fs::read(&newest).expect("reads"))[0].ids.start;
    fs::remove_file(&newest).expect("removes");
    let strict = WalOptions {
        on_corruption: CorruptionPolicy::Error,
        ..options(&root)
    };
    for _ in 0..2 {
        let error = Wal::new(strict.clone()).expect_err("refused").to_string();
        assert!(
            error.contains(&format!("ids {lost_from}..{}", lost_from + LOST_IDS)),
            "{error}"
        );
        // Opened under `Truncate`, with nothing appended, the evidence stays.
        let wal = Wal::new(options(&root)).expect("opens");
        let error = wal.get(STREAM, lost_from).expect_err("lost");
        assert_eq!(error.context().ids, Some(lost_from..lost_from + LOST_IDS));
        assert!(
            matches!(wal.get(STREAM, lost_from), Err(Error::SegmentNotFound(id)) if id == lost_from)
        );
        assert_eq!(
            wal.stream(STREAM)
                .expect("known")
                .next_id()
                .expect("is known"),
            lost_from + LOST_IDS
        );
    }
    let wal = Wal::new(options(&root)).expect("opens");
    assert_eq!(
        wal.append(STREAM, b"new").expect("appends"),
        lost_from + LOST_IDS
    );
    drop(wal);
    for policy in [CorruptionPolicy::Error, CorruptionPolicy::Truncate] {
        let wal = Wal::new(WalOptions {
            on_corruption: policy,
            ..options(&root)
        })
        .expect("opens");
        for id in [lost_from, lost_from + 1, lost_from + LOST_IDS - 1] {
            let error = wal.get(STREAM, id).expect_err("lost");
            assert!(
                matches!(error, Error::SegmentNotFound(lost) if lost == id),
                "{error}"
            );
            assert_eq!(
                error.context().ids.map(|ids| ids.end),
                Some(lost_from + LOST_IDS)
            );
        }
        let items: Vec<_> = wal
            .iter_with_ids(STREAM, lost_from)
            .expect("iterates")
            .collect();
        assert_eq!(
            items.len(),
            2,
            "one error, then the entry behind: {items:?}"
        );
        assert!(matches!(items[0], Err(Error::SegmentNotFound(id)) if id == lost_from));
        assert!(matches!(&items[1], Ok((_, entry)) if entry == b"new"));
    }
}

/// The slot of the first round in a new segment is not durable before the second one; the entry
/// is. The bug it is for: recovery then found the damage again, and dropped the new segment.
#[test]
fn an_entry_appended_behind_damage_survives_a_power_cut_that_takes_the_first_slot() {
    let sample = build(false, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    let newest = *sample.segments().last().expect("some");
    let whole = &sample.files[newest].1;
    let last = frames(whole).last().expect("frames").bytes.start;
    for cut in [last + 1, FIRST_FRAME + 10, 1100, 600, 100] {
        sample.put(&root, newest, |bytes| bytes.truncate(cut));
        let wal = Wal::new(options(&root)).expect("opens");
        let id = wal.append(STREAM, b"acknowledged").expect("appends");
        let mut files = snapshot(&root);
        drop(wal);
        let name = format!("{id:020}.wal");
        let file = files
            .iter_mut()
            .find(|(path, _)| path.ends_with(&name))
            .expect("made");
        file.1[512..FIRST_FRAME].fill(0);
        restore(&root, &files);
        let strict = WalOptions {
            on_corruption: CorruptionPolicy::Error,
            ..options(&root)
        };
        let wal = Wal::new(strict).unwrap_or_else(|e| panic!("cut to {cut}: on record: {e}"));
        let got = wal.get(STREAM, id).expect("reads");
        assert_eq!(got.as_deref(), Some(&b"acknowledged"[..]), "cut to {cut}");
        assert_eq!(
            wal.append(STREAM, b"on").expect("appends"),
            id + 1,
            "cut to {cut}"
        );
    }
}
