//! A digest depends on ids and bytes only, and never covers an entry that is not there.

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;

/// The same entries, framed in another way each time.
fn stream_with(
    batch: usize,
    segment: u64,
    compression: CompressionType,
) -> (LogBuilder, Wal, Stream) {
    let log = LogBuilder::new(SyncMode::Async).with(|options| {
        options.max_entries_per_segment = segment;
        options.compression = compression;
        options.min_compression_size = 16;
    });
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    let entries: Vec<Vec<u8>> = (0..60).map(entry).collect();
    for batch in entries.chunks(batch) {
        let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        stream.append_batch(&batch).expect("appends");
    }
    (log, wal, stream)
}

#[test]
fn equal_entries_have_equal_digests_however_they_are_stored() {
    let (_log, _, plain) = stream_with(1, 1_000, CompressionType::None);
    let (_other, _, framed) = stream_with(7, 20, CompressionType::None);
    let (_third, _, packed) = stream_with(20, 25, CompressionType::Lz4);
    let mut seen = std::collections::HashSet::new();
    for ids in [0..60, 0..59, 1..60, 17..43, 20..20] {
        let digest = plain.digest(ids.clone()).expect("a digest");
        assert_eq!(
            framed.digest(ids.clone()).expect("a digest"),
            digest,
            "{ids:?}"
        );
        assert_eq!(
            packed.digest(ids.clone()).expect("a digest"),
            digest,
            "{ids:?}"
        );
        assert!(seen.insert(digest), "{ids:?} differs from the others");
    }
    assert_eq!(plain.last().expect("reads"), Some((59, entry(59))));
}

#[test]
fn ids_that_are_not_there_are_an_error_and_never_left_out() {
    let (_log, wal, stream) = stream_with(1, 20, CompressionType::None);
    let missing = |ids: std::ops::Range<u64>| match stream.digest(ids.clone()) {
        Err(error @ Error::SegmentNotFound(_)) => error.context().ids.expect("ids"),
        other => panic!("{ids:?}: {other:?}"),
    };
    assert_eq!(missing(50..70), 60..70);
    assert_eq!(missing(60..61), 60..61);
    let backwards = std::ops::Range { start: 3, end: 2 };
    assert!(matches!(stream.digest(backwards), Err(Error::Config(_))));
    wal.truncate("s", 20).expect("truncates");
    assert_eq!(missing(10..30), 10..20);
    stream.digest(20..60).expect("what is kept");
}

#[test]
fn a_stream_without_entries_has_no_last_one() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    assert_eq!(stream.last().expect("reads"), None);
    wal.append("s", &vec![1; 100_000]).expect("appends");
    assert_eq!(stream.last().expect("reads").expect("one").0, 0);
    wal.truncate("s", 1).expect("empties the stream");
    assert_eq!(stream.last().expect("reads"), None);
}
