//! An iteration backwards shows what one forward shows, in the other order, also around damage, cuts and
//! truncations.

use std::collections::BTreeSet;
use std::path::Path;

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::segments_in;

/// Singles, batches, properties, frames larger than the buffer, rotations.
fn filled(change: impl FnOnce(&mut WalOptions)) -> (LogBuilder, Wal, Stream) {
    let log = LogBuilder::new(SyncMode::Async).with(|options| {
        options.max_segment_size = 6_000;
        options.compression = CompressionType::Lz4;
        options.min_compression_size = 200;
        options.read_buffer_size = 512;
        options.on_corruption = CorruptionPolicy::Truncate;
        change(options);
    });
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    for step in 0..60_u64 {
        let at = stream.next_id().expect("an id");
        match step % 6 {
            0 => {
                let entries: Vec<Vec<u8>> = (at..at + 7).map(entry).collect();
                let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
                stream.append_batch(&entries).expect("appends");
            }
            1 => {
                let zeros = [step as u8; 400];
                stream
                    .append_batch(&[&zeros, b"", &zeros])
                    .expect("appends");
            }
            2 => {
                let value = step.to_le_bytes();
                let changes: [(&[u8], Option<&[u8]>); 1] = [(b"cursor", Some(&value))];
                for _ in 0..2 {
                    let set = stream.set_properties(&changes, Durability::Written);
                    assert!(set.is_ok());
                }
            }
            3 if step % 12 == 3 => assert!(stream.append(&vec![step as u8; 3_000]).is_ok()),
            _ => assert!(stream.append(&entry(at)).is_ok()),
        }
    }
    (log, wal, stream)
}

fn backwards(stream: &Stream, from: Option<u64>) -> Vec<(u64, Vec<u8>)> {
    let entries = stream.iter_rev(from).expect("iterates");
    entries.map(|entry| entry.expect("a good entry")).collect()
}

fn reversed(mut entries: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
    entries.reverse();
    entries
}

#[test]
fn an_iteration_backwards_shows_all_entries_in_the_other_order() {
    type Change = fn(&mut WalOptions);
    let changes: [Change; 5] = [
        |_| (),
        |options| options.read_strategy = ReadStrategy::Mmap,
        |options| options.read_buffer_size = 1,
        |options| options.block_cache_size = Some(1 << 20),
        |options| options.sync_mode = SyncMode::Strict,
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let (log, wal, stream) = filled(change);
        let forward = all_entries(&wal, "s");
        assert!(segments_in(&log.path().join("log/s")).len() > 3);
        assert_eq!(
            backwards(&stream, None),
            reversed(forward.clone()),
            "case {case}"
        );
        let reader_wal = log.open_read_only();
        let reader = reader_wal.stream("s").expect("a handle");
        assert_eq!(
            backwards(&reader, None),
            reversed(forward.clone()),
            "case {case}"
        );
        for from in 0..forward.len() as u64 + 3 {
            let mut expected = forward.clone();
            expected.retain(|(id, _)| *id <= from);
            let found = stream.iter_rev(Some(from)).expect("iterates").take(20);
            let found: Vec<_> = found.map(|entry| entry.expect("a good entry")).collect();
            let expected: Vec<_> = reversed(expected).into_iter().take(20).collect();
            assert_eq!(found, expected, "case {case}, from {from}");
        }
        assert_eq!(backwards(&stream, Some(u64::MAX)).len(), forward.len());
        drop(stream);
        wal.close().expect("closes");
        // From the index of a log that was opened again.
        let wal = log.open();
        let entries = wal.iter_rev("s", None).expect("iterates");
        let entries: Vec<_> = entries.map(|entry| entry.expect("good")).collect();
        assert_eq!(entries, reversed(forward), "case {case}");
        assert_eq!(wal.iter_rev("unknown", None).expect("iterates").count(), 0);
    }
}

type Seen = (BTreeSet<(u64, Vec<u8>)>, BTreeSet<u64>, usize);

/// The good entries, the ids in errors, and how many errors: as seen forwards or backwards.
fn seen(entries: impl Iterator<Item = Result<(u64, Vec<u8>)>>) -> Seen {
    let (mut good, mut bad, mut errors) = (BTreeSet::new(), BTreeSet::new(), 0);
    for found in entries {
        match found {
            Ok(entry) => assert!(good.insert(entry), "once"),
            Err(error) => {
                let ids = error.context().ids.expect("the ids");
                assert!(!ids.is_empty());
                for id in ids {
                    assert!(bad.insert(id), "{id} is in one error only");
                }
                errors += 1;
            }
        }
    }
    (good, bad, errors)
}

#[test]
fn damage_is_one_error_for_each_run_backwards_too() {
    let (log, wal, stream) = filled(|_| ());
    let count = stream.next_id().expect("an id");
    drop(stream);
    wal.close().expect("closes");
    let segments = segments_in(&log.path().join("log/s"));
    let harm = |path: &Path, at: usize| {
        let mut bytes = std::fs::read(path).expect("reads");
        bytes[at] ^= 0x40;
        std::fs::write(path, bytes).expect("writes");
    };
    let mut with_errors = 0;
    for at in (1540..4_000).step_by(97) {
        harm(&segments[1], at);
        let wal = log.open();
        let stream = wal.stream("s").expect("a handle");
        let forward = seen(stream.iter_with_ids(0).expect("iterates"));
        let back = seen(stream.iter_rev(None).expect("iterates"));
        assert_eq!(forward.0, back.0, "byte {at}");
        assert_eq!(forward.1, back.1, "byte {at}");
        assert_eq!(forward.2, back.2, "byte {at}");
        assert_eq!(back.0.len() + back.1.len(), count as usize, "byte {at}");
        with_errors += usize::from(back.2 > 0);
        drop(stream);
        drop(wal);
        harm(&segments[1], at);
    }
    assert!(with_errors > 10, "{with_errors}");
    // A whole segment is gone.
    std::fs::remove_file(&segments[2]).expect("removes");
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    let forward = seen(stream.iter_with_ids(0).expect("iterates"));
    let back = seen(stream.iter_rev(None).expect("iterates"));
    assert_eq!(forward, back);
    assert_eq!(back.2, 1);
}

#[test]
fn an_iteration_backwards_meets_cuts_and_truncations() {
    let (_log, wal, stream) = filled(|_| ());
    let count = stream.next_id().expect("an id");
    let next = |iterator: &mut WalRevIterator| iterator.next().map(|entry| entry.map(|(id, _)| id));
    let id = |found: Option<Result<u64>>| found.expect("one").expect("a good one");
    // Appended later: not shown. Cut before its first step: it begins at the new end.
    let mut begun = stream.iter_rev(None).expect("iterates");
    let mut fresh = stream.iter_rev(None).expect("iterates");
    assert_eq!(id(next(&mut begun)), count - 1);
    stream.append(b"later").expect("appends");
    assert_eq!(id(next(&mut begun)), count - 2);
    stream.truncate_suffix(count - 10).expect("cuts");
    assert_eq!(id(next(&mut fresh)), count - 11);
    match next(&mut begun) {
        Some(Err(Error::SuffixCut { from_id })) => assert_eq!(from_id, count - 10),
        other => panic!("{other:?}"),
    }
    assert!(next(&mut begun).is_none());
    // A cut above what it has shown is none of its business.
    let mut low = stream.iter_rev(Some(30)).expect("iterates");
    assert_eq!(id(next(&mut low)), 30);
    stream
        .replace_suffix(40, &Append::new(&[b"new"]))
        .expect("cuts");
    assert_eq!(id(next(&mut low)), 29);
    // A truncation overtakes it: it ends, at the latest where its segment begins.
    stream.truncate_prefix(25).expect("truncates");
    let rest: Vec<u64> = low.map(|entry| entry.expect("good").0).collect();
    assert!(rest.windows(2).all(|two| two[0] == two[1] + 1), "{rest:?}");
    assert_eq!(rest.first(), Some(&28));
    assert_eq!(backwards(&stream, None), reversed(all_entries(&wal, "s")));
    let mut gone = stream.iter_rev(None).expect("iterates");
    assert_eq!(id(next(&mut gone)), 40);
    stream.delete().expect("deletes");
    let left: Vec<_> = gone.by_ref().map(|found| found.map(|(id, _)| id)).collect();
    let ends = left
        .last()
        .is_none_or(|last| last.is_ok() || matches!(last, Err(Error::StreamNotFound(_))));
    assert!(ends && next(&mut gone).is_none(), "{left:?}");
}
