//! What a log reports about itself is what was done: no more, no less, and never a smaller sum than before.

use std::path::Path;
use std::sync::Arc;

use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;
use crate::support::options;

const FRAME_HEADER: u64 = 36;

fn counts(wal: &Wal) -> StreamCounts {
    wal.stats().expect("reports").counts
}

#[test]
fn each_append_counts_once_with_its_entries_and_bytes_however_it_reaches_the_kernel() {
    for (sync_mode, write_strategy) in [
        (SyncMode::Async, WriteStrategy::Auto),
        (SyncMode::Async, WriteStrategy::Mmap),
        (SyncMode::Async, WriteStrategy::StandardIo),
        (SyncMode::Strict, WriteStrategy::StandardIo),
    ] {
        let log =
            LogBuilder::new(sync_mode).with(|options| options.write_strategy = write_strategy);
        let wal = log.open();
        let stream = wal.stream("s").expect("a handle");
        let what = (sync_mode, write_strategy);
        assert_eq!(stream.stats().expect("reports").counts.appends, 0);
        for _ in 0..100 {
            stream.append(&[7; 64]).expect("appends");
        }
        // Larger than the buffer: written from the caller's memory.
        stream.append(&vec![7; 100_000]).expect("appends");
        let counts = stream.stats().expect("reports").counts;
        assert_eq!((counts.appends, counts.entries), (101, 101), "{what:?}");
        let bytes = 100 * (FRAME_HEADER + 64) + FRAME_HEADER + 100_000;
        assert_eq!(counts.bytes, bytes, "{what:?}");
        stream.append_batch(&[b"a", b"b", b"c"]).expect("appends");
        let none: [&[u8]; 0] = [];
        stream.append_batch(&none).expect("appends nothing");
        stream
            .set_properties(&[(b"vote", Some(b"1"))], Durability::Written)
            .expect("sets");
        let counts = stream.stats().expect("reports").counts;
        assert_eq!((counts.appends, counts.entries), (103, 104), "{what:?}");
        assert!(counts.bytes > bytes + 3 + FRAME_HEADER, "{what:?}");
        wal.close().expect("closes");
        // Counted since the log was opened.
        let wal = log.open();
        assert_eq!(self::counts(&wal), StreamCounts::default(), "{what:?}");
        let stats = wal.stream("s").expect("a handle").stats();
        let stats = stats.expect("reports");
        assert_eq!((stats.next_id, stats.durable_end), (104, 104), "{what:?}");
    }
}

#[test]
fn a_write_that_is_rolled_back_is_no_append() {
    let disk = SimulatedDisk::new();
    let options = options(Path::new("/"), SyncMode::Strict);
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    wal.append("s", b"first").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Write, 1));
    wal.append("s", b"fails").expect_err("the write fails");
    let counts = counts(&wal);
    assert_eq!((counts.appends, counts.entries), (1, 1));
    assert_eq!((counts.bytes, counts.roll_backs), (FRAME_HEADER + 5, 1));
    wal.append("s", b"second").expect("appends");
    assert_eq!(self::counts(&wal).appends, 2);
}

#[test]
fn rounds_and_their_callers_and_syncs_are_counted() {
    let log = LogBuilder::new(SyncMode::Strict);
    let wal = log.open();
    for id in 0..10 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let stats = wal.stats().expect("reports");
    let counts = stats.counts;
    assert_eq!((counts.rounds, counts.callers, counts.syncs), (10, 10, 10));
    assert_eq!(stats.sync_times.count(), 10);
    assert_eq!(
        stats.sync_times.sum().as_nanos(),
        u128::from(counts.sync_ns)
    );
    assert!(stats.sync_times.max() >= stats.sync_times.percentile(50.0));
    let stream = wal.stream("s").expect("a handle");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let stream = stream.clone();
            std::thread::spawn(move || {
                for id in 0..50 {
                    stream.append(&entry(id)).expect("appends");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("ends well");
    }
    let counts = self::counts(&wal);
    assert_eq!(counts.appends, 410);
    // An append that finds itself durable already is no caller of a round.
    assert!(counts.callers <= 410 && counts.rounds <= counts.callers);
    assert_eq!(counts.syncs, counts.rounds);
}

#[test]
fn what_is_not_durable_is_reported_until_a_sync() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    wal.append("t", b"x").expect("appends");
    for _ in 0..4 {
        stream.append(&[1; 14]).expect("appends");
    }
    let before = stream.stats().expect("reports");
    assert_eq!(
        (before.first_id, before.next_id, before.durable_end),
        (0, 4, 0)
    );
    assert_eq!((before.unsynced_bytes, before.segments), (200, 1));
    let all = wal.stats().expect("reports");
    assert_eq!((all.undurable_entries, all.unsynced_bytes), (5, 237));
    assert_eq!((all.streams, all.segments), (2, 2));
    assert!(all.open_write_files >= 2 && all.write_files_opened >= 2);
    wal.sync_all().expect("syncs");
    let all = wal.stats().expect("reports");
    assert_eq!((all.undurable_entries, all.unsynced_bytes), (0, 0));
}

#[test]
fn rotations_and_cuts_are_counted_and_a_cut_counts_what_it_brings() {
    let log = LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 4);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    for _ in 0..9 {
        stream.append(&[0; 10]).expect("appends");
    }
    let counts = stream.stats().expect("reports").counts;
    assert_eq!((counts.rotations, counts.cuts), (2, 0));
    stream.truncate_suffix(6).expect("cuts");
    let entries: [&[u8]; 2] = [b"x", b"y"];
    stream
        .replace_suffix(5, &Append::new(&entries))
        .expect("cuts");
    let stats = stream.stats().expect("reports");
    assert_eq!((stats.counts.rotations, stats.counts.cuts), (2, 2));
    assert_eq!((stats.counts.appends, stats.counts.entries), (10, 11));
    assert_eq!((stats.next_id, stats.unsynced_bytes), (7, 0));
    stream.reset_to(100).expect("resets");
    let stats = stream.stats().expect("reports");
    assert_eq!((stats.counts.cuts, stats.counts.entries), (3, 11));
    assert_eq!((stats.first_id, stats.next_id), (100, 100));
}

#[test]
fn the_sums_of_a_log_include_streams_that_were_deleted() {
    let log = LogBuilder::new(SyncMode::Strict);
    let wal = log.open();
    wal.append("gone", b"1234").expect("appends");
    wal.append("stays", b"1234").expect("appends");
    let before = counts(&wal);
    wal.delete_stream("gone").expect("deletes");
    let after = counts(&wal);
    assert_eq!((after.appends, after.entries), (2, 2));
    assert!(after.rounds >= before.rounds && after.bytes == before.bytes);
    assert_eq!(wal.stats().expect("reports").streams, 1);
    wal.append("gone", b"again").expect("appends");
    assert_eq!(counts(&wal).appends, 3);
}

#[test]
fn listeners_are_reported_as_long_as_they_wait() {
    let disk = SimulatedDisk::new();
    let options = options(Path::new("/"), SyncMode::Async);
    let sink: LogSink = Arc::new(|_, _| ());
    let wal = Wal::open_simulated_stepped(&disk, options, sink).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    stream.append(b"x").expect("appends");
    let mark = stream.mark().expect("a mark");
    stream.on_durable(mark, |_| ()).expect("registers");
    assert_eq!(stream.stats().expect("reports").listeners, 1);
    assert_eq!(wal.stats().expect("reports").listeners, 1);
    assert_eq!(wal.stats().expect("reports").background_syncs, 0);
    wal.step_helpers();
    assert_eq!(stream.stats().expect("reports").listeners, 0);
    assert_eq!(wal.stats().expect("reports").background_syncs, 1);
}

#[cfg(feature = "compression")]
#[test]
fn the_caches_report_what_they_found_and_what_they_did_not() {
    let log = LogBuilder::new(SyncMode::Async).with(|options| {
        options.compression = CompressionType::Lz4;
        options.min_compression_size = 0;
        options.block_cache_size = Some(1 << 20);
    });
    let wal = log.open();
    let entries = [[3; 1000].as_slice(); 10];
    wal.append_batch("s", &entries).expect("appends");
    for id in 0..10 {
        wal.get("s", id).expect("reads").expect("is there");
    }
    let stats = wal.stats().expect("reports");
    assert_eq!((stats.block_cache_misses, stats.block_cache_hits), (1, 9));
    assert!((10_000..20_000).contains(&stats.block_cache_bytes));
    assert_eq!((stats.read_files_opened, stats.open_read_files), (1, 1));
}

#[test]
fn a_poisoned_stream_and_one_that_could_not_be_opened_are_reported() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    wal.append("bad", b"x").expect("appends");
    wal.append("good", b"x").expect("appends");
    wal.close().expect("closes");
    let segments = crate::support::segments_in(&log.path().join("log/bad"));
    std::fs::write(&segments[0], "LAWL0.6").expect("writes");
    let stats = log.open().stats().expect("reports");
    assert_eq!((stats.streams, stats.failed_streams), (1, 1));
    assert_eq!((stats.recovered_streams, stats.incomplete_streams), (1, 1));

    let disk = SimulatedDisk::new();
    let options = options(Path::new("/"), SyncMode::Strict);
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    wal.append("s", b"x").expect("appends");
    assert_eq!(wal.stats().expect("reports").poisoned_streams, 0);
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1));
    wal.append("s", b"y").expect_err("the sync fails");
    let stats = wal.stats().expect("reports");
    assert_eq!(stats.poisoned_streams, 1);
    assert!(
        wal.stream("s")
            .expect("a handle")
            .stats()
            .expect("reports")
            .is_poisoned
    );
}

#[test]
fn a_reader_beside_the_writer_reports_where_the_stream_is_and_no_counts() {
    let log = LogBuilder::new(SyncMode::Strict);
    let wal = log.open();
    for id in 0..3 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let reader = log.open_read_only();
    let stream = reader.stream("s").expect("a handle");
    assert_eq!(stream.iter(0).expect("iterates").count(), 3);
    let stats = stream.stats().expect("reports");
    assert_eq!((stats.next_id, stats.durable_end), (3, 3));
    assert_eq!(stats.counts, StreamCounts::default());
    wal.close().expect("closes");
    let closed = log.open();
    let handle = closed.stream("s").expect("a handle");
    let clone = closed.clone();
    closed.close().expect("closes");
    assert!(matches!(clone.stats(), Err(Error::Closed)));
    assert!(matches!(handle.stats(), Err(Error::Closed)));
}

#[test]
fn appends_are_measured_one_by_one_when_asked_for_and_not_otherwise() {
    for sync_mode in [SyncMode::Async, SyncMode::BatchOnly, SyncMode::Strict] {
        for is_asked in [false, true] {
            let log = LogBuilder::new(sync_mode).with(|options| options.latencies = is_asked);
            let wal = log.open();
            let stream = wal.stream("s").expect("a handle");
            for _ in 0..20 {
                stream.append(&[1; 50]).expect("appends");
            }
            stream.append(&vec![7; 100_000]).expect("appends");
            stream.append_batch(&[b"a", b"b"]).expect("appends");
            stream
                .append_with(&Append::new(&[b"c"]).durable())
                .expect("appends");
            stream
                .set_properties(&[(b"k", Some(b"v"))], Durability::ByMode)
                .expect("sets");
            stream
                .replace_properties(&[(b"k", b"w")], Durability::ByMode)
                .expect("sets");
            stream.append_at(7, b"not this id").expect_err("a mismatch");
            let times = stream.stats().expect("reports").append_times;
            let expected = if is_asked { 25 } else { 0 };
            assert_eq!(times.count(), expected, "{sync_mode:?}");
            assert_eq!(times.max() > std::time::Duration::ZERO, is_asked);
            assert_eq!(wal.stats().expect("reports").append_times, times);
            wal.delete_stream("s").expect("deletes");
            assert_eq!(wal.stats().expect("reports").append_times, times);
        }
    }
}

#[test]
fn the_time_of_a_durable_append_includes_its_sync() {
    let log = LogBuilder::new(SyncMode::Strict).with(|options| options.latencies = true);
    let wal = log.open();
    for id in 0..10 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let stats = wal.stats().expect("reports");
    assert_eq!(stats.append_times.count(), 10);
    assert!(stats.append_times.sum() > stats.sync_times.sum());
}
