//! Streams without a log around them: what they keep in memory, and what opening them costs.

use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "simulation")]
use crate::options::CorruptionPolicy;
use crate::options::LogSink;
use crate::options::SyncMode;
use crate::options::WalOptions;
#[cfg(feature = "simulation")]
use crate::recovery::Decision;
#[cfg(feature = "simulation")]
use crate::recovery::HEADERS_LOOKED_AT;
#[cfg(feature = "simulation")]
use crate::recovery::decide;
#[cfg(feature = "simulation")]
use crate::recovery::survey;
use crate::storage::RealDisk;
use crate::storage::Storage;
#[cfg(feature = "simulation")]
use crate::storage::simulated::SimulatedDisk;
use crate::stream::LogContext;
use crate::stream::StreamInner;

/// A stream that does not exist yet, in a directory of its own.
pub(in crate::stream) fn absent(
    place: &Path,
    sync_mode: SyncMode,
    sink: LogSink,
) -> Arc<StreamInner> {
    absent_on(Arc::new(RealDisk), place, sync_mode, sink)
}

pub(in crate::stream) fn absent_on(
    disk: Arc<dyn Storage>,
    place: &Path,
    sync_mode: SyncMode,
    sink: LogSink,
) -> Arc<StreamInner> {
    let mut options = WalOptions::new(place);
    options.sync_mode = sync_mode;
    options.max_segment_size = 100_000;
    let context = LogContext::new(disk, options, place.to_path_buf(), sink);
    StreamInner::absent(&Arc::new(context), "s", place.join("s"))
}

pub(in crate::stream) fn quiet() -> LogSink {
    Arc::new(|_, _| ())
}

#[test]
fn the_index_of_a_sealed_segment_lives_no_longer_than_its_file_is_open() {
    // Gathered while writing or read from the footer, it stayed as long as the stream.
    let place = tempfile::tempdir().expect("a directory for the test");
    let mut options = WalOptions::new(place.path());
    options.sync_mode = SyncMode::Async;
    options.max_segment_size = 100_000;
    options.max_open_read_segments = 2;
    let root = place.path().to_path_buf();
    let context = LogContext::new(Arc::new(RealDisk), options, root, quiet());
    let stream = StreamInner::absent(&Arc::new(context), "s", place.path().join("s"));
    let entry = |id: u64| vec![id as u8; 10_000];
    let mut written = Vec::new();
    for id in 0..90 {
        stream.append(&[&entry(id)], false).expect("appends");
        if id == 0 {
            let first = Arc::clone(stream.segments().parts.first().expect("has a segment"));
            written.push(Arc::downgrade(&first.segment.index()));
        }
    }
    stream.sync().expect("syncs");
    assert!(written[0].upgrade().is_none(), "the footer has it");
    let segments = stream.segments();
    assert!(segments.parts.len() > 8);
    let mut opened = Vec::new();
    for id in 0..90 {
        assert_eq!(stream.get(id).expect("reads"), Some(entry(id)));
        for part in segments.parts.iter() {
            if part.segment.is_sealed()
                && part.segment.first_id().0 <= id
                && id < part.segment.end_id().0
            {
                let file = stream.open_reader(part).expect("is open");
                assert!(
                    !file.index.read().points().is_empty(),
                    "read from the footer"
                );
                opened.push(Arc::downgrade(&file.index));
            }
        }
    }
    let kept: std::collections::BTreeSet<_> = opened
        .iter()
        .filter_map(|index| index.upgrade().map(|index| Arc::as_ptr(&index) as usize))
        .collect();
    assert!(kept.len() <= 2, "{} indexes are kept", kept.len());
}

#[cfg(feature = "simulation")]
#[test]
fn opening_looks_at_each_segment_a_few_times_however_many_there_are() {
    // Each looked at all before it: 40,000 segments took 6.2 s.
    let looks_at = |count: u64| {
        let disk = Arc::new(SimulatedDisk::new());
        let mut options = WalOptions::new("/");
        options.sync_mode = SyncMode::Async;
        options.max_entries_per_segment = 1;
        let context = LogContext::new(disk.clone(), options, "/".into(), quiet());
        let stream = StreamInner::absent(&Arc::new(context), "s", "/s".into());
        for _ in 0..count {
            stream.append(&[b"entry"], false).expect("appends");
        }
        stream.close().expect("closes");
        HEADERS_LOOKED_AT.set(0);
        let facts = survey(&*disk, Path::new("/s"), 1 << 16).expect("reads");
        let Decision::Serve(verdict) = decide(&facts, CorruptionPolicy::Error) else {
            panic!("it is whole");
        };
        assert_eq!(verdict.kept.len() as u64, count);
        HEADERS_LOOKED_AT.get() as f64 / count as f64
    };
    let (few, many) = (looks_at(20), looks_at(400));
    assert!(few > 1.0 && many < few * 1.1, "{few} and {many} a segment");
}
