//! One flipped bit anywhere.

use std::fs;

use ironwal::*;

use crate::format_twin::*;
use crate::sample::*;

/// Which bytes of a file get a bit flipped: all of what has fields, a sample of the padding.
fn places(file: &[u8], random: &mut Random) -> Vec<usize> {
    let mut places = Vec::new();
    for sector in [0, 512, 1024] {
        places.extend(sector..sector + 80);
        places.extend(sector + 500..sector + 512);
        places.extend((0..6).map(|_| sector + random.below(512)));
    }
    for frame in frames(file) {
        let header = frame.bytes.start..frame.bytes.start + HEADER_LEN;
        places.extend(header.clone().filter(|_| random.below(3) == 0));
        // Entry tables and the first bytes of entries; then a sample.
        let payload = header.end..frame.bytes.end;
        places.extend(payload.clone().take(24).filter(|_| random.below(3) == 0));
        places.extend(payload.rev().take(44).filter(|_| random.below(4) == 0));
    }
    places.retain(|&place| place < file.len());
    places
}

fn flip_everywhere(seed: u64, killed: bool, strategy: ReadStrategy, share: usize) {
    let sample = build(killed, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    let mut random = Random(seed);
    let mut unreadable = 0;
    for file in sample.segments() {
        let newest = Some(&file) == sample.segments().last();
        for place in places(&sample.files[file].1, &mut random) {
            if random.below(share) != 0 {
                continue;
            }
            let bit = 1 << random.below(8);
            let what = || {
                format!(
                    "seed {seed}, {:?}, byte {place}, bit {bit:#x}",
                    sample.files[file].0
                )
            };
            sample.put(&root, file, |bytes| bytes[place] ^= bit);
            let frame = sample
                .frame_at(file, place)
                .filter(|frame| !frame.is_footer);
            let may_fail = frame.map_or(0..0, |frame| frame.ids);
            let options = WalOptions {
                read_strategy: strategy,
                ..options(&root)
            };
            let wal = Wal::new(options.clone()).unwrap_or_else(|e| panic!("{}: {e}", what()));
            let failed = read_all(&wal, &sample.entries, may_fail.clone(), &what);
            unreadable += failed.len();
            other_is_whole(&wal, &sample.other, &what);
            if random.below(4) > 0 {
                continue;
            }
            // Appends go on, no id is given twice, and the damage stays what it was.
            let id = wal.append(STREAM, b"after").expect("appends");
            assert!(
                id >= sample.entries.len() as u64,
                "{}: id {id} given twice",
                what()
            );
            assert!(newest || id == sample.entries.len() as u64, "{}", what());
            drop(wal);
            let wal = Wal::new(options).expect("opens again");
            assert_eq!(
                wal.get(STREAM, id).expect("reads").as_deref(),
                Some(&b"after"[..])
            );
            for id in 0..sample.entries.len() as u64 {
                let got = wal.get(STREAM, id);
                assert_eq!(
                    got.is_err(),
                    failed.contains(&id),
                    "{}: id {id} later: {got:?}",
                    what()
                );
            }
        }
    }
    assert!(unreadable > 0, "some flips must hurt");
}

#[test]
fn a_flipped_bit_never_yields_a_wrong_byte_and_hides_no_other_entry() {
    flip_everywhere(1, false, ReadStrategy::StandardIo, 4);
}

#[test]
fn a_flipped_bit_never_yields_a_wrong_byte_from_mapped_segments() {
    flip_everywhere(2, false, ReadStrategy::Mmap, 6);
}

#[test]
fn a_flipped_bit_in_the_log_of_a_killed_process_is_treated_alike() {
    flip_everywhere(3, true, ReadStrategy::StandardIo, 6);
    flip_everywhere(4, true, ReadStrategy::Mmap, 9);
}

#[test]
fn under_error_damage_to_headers_slots_and_trailers_refuses_the_open_and_changes_nothing() {
    let sample = build(false, SyncMode::Strict);
    let dir = workplace();
    let root = dir.path().join("log");
    let mut random = Random(5);
    let segments = sample.segments();
    for &file in &segments {
        let len = sample.files[file].1.len();
        let sealed = Some(&file) != segments.last();
        for round in 0..40 {
            let place = match round % 4 {
                0..3 => 512 * (round % 4) + random.below(512),
                _ if sealed => len - 1 - random.below(40),
                _ => 512 + random.below(1024),
            };
            let what = || format!("{:?}, byte {place}", sample.files[file].0);
            let path = sample.put(&root, file, |bytes| bytes[place] ^= 1 << random.below(8));
            let before = snapshot(&root);
            let mut options = options(&root);
            options.on_corruption = CorruptionPolicy::Error;
            match Wal::new(options) {
                Err(Error::Corruption(reported)) => {
                    assert!(
                        reported.contains(&path.display().to_string()),
                        "{}: {reported}",
                        what()
                    );
                }
                other => panic!("{}: {other:?}", what()),
            }
            assert!(snapshot(&root) == before, "{}: something changed", what());
        }
    }
}

#[test]
fn under_error_one_error_lists_the_damage_of_all_streams() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = Wal::new(options(&root)).expect("opens");
    for key in ["a", "b", "c", "d"] {
        for id in 0..40u64 {
            wal.append(key, &id.to_le_bytes()).expect("appends");
        }
    }
    wal.close().expect("closes");
    let damaged: Vec<_> = ["a", "b", "d"]
        .map(|key| segments(&root.join(key)).remove(0))
        .into();
    for (path, place) in damaged.iter().zip([20, 600, 1030]) {
        let mut bytes = fs::read(path).expect("reads");
        bytes[place] ^= 4;
        fs::write(path, bytes).expect("writes");
    }
    let strict = WalOptions {
        on_corruption: CorruptionPolicy::Error,
        ..options(&root)
    };
    let error = Wal::new(strict).expect_err("refused").to_string();
    for path in &damaged {
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    assert!(
        !error.contains(&root.join("c").display().to_string()),
        "{error}"
    );
    // Under `Truncate` all four streams work.
    let wal = Wal::new(options(&root)).expect("opens");
    for key in ["a", "b", "c", "d"] {
        assert_eq!(
            wal.iter(key, 0)
                .expect("iterates")
                .filter_map(Result::ok)
                .count(),
            40,
            "{key}"
        );
        assert_eq!(wal.append(key, b"next").expect("appends"), 40);
    }
}
