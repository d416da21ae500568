//! What must hold: once a stream is in use, an append under `Async` allocates nothing, at whatever
//! size up to the write buffer; though a stream that rests keeps no buffer of its own. Nor does
//! reading into the caller's memory, looking at a mapped entry, or borrowing one after the other.

use ironwal::*;

use crate::allocator::ALLOCATIONS;
use crate::alone;
use crate::support;
use crate::support::LogBuilder;

#[test]
fn appends_in_steady_state_allocate_nothing() {
    const APPENDS: u64 = 1000;
    let _alone = alone();
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let streams = ["a", "b"].map(|key| wal.stream(key).expect("a handle"));
    for len in [0, 10, 511, 513, 4000, 60_000] {
        let entry = vec![7; len];
        let append = |n: u64| streams[n as usize % 2].append(&entry).expect("appends");
        for n in 0..10 {
            append(n);
        }
        let before = ALLOCATIONS.get();
        assert!(before > 0, "the count works");
        for n in 0..APPENDS {
            append(n);
        }
        let made = ALLOCATIONS.get() - before;
        // Space and the index grow now and then, and a segment may end.
        assert!(
            made < APPENDS / 20,
            "{made} allocations of {len} bytes each"
        );
    }
}

#[test]
fn reads_in_steady_state_allocate_nothing() {
    const COUNT: u64 = 3000;
    let _alone = alone();
    let place = support::temp_dir();
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        let mut options = support::options(place.path(), SyncMode::Async);
        options.root_path = place.path().join(format!("{strategy:?}"));
        options.read_strategy = strategy;
        options.max_segment_size = 500_000;
        let wal = Wal::new(options).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        for id in 0..COUNT / 2 {
            stream.append(&support::entry(id)).expect("appends");
        }
        let batch = vec![&[1u8; 50][..]; 100];
        for _ in 0..COUNT / 200 {
            stream.append_batch(&batch).expect("appends");
        }
        stream.sync().expect("syncs");
        let mut target = [0; 300];
        let mut entries = stream.iter_with_ids(0).expect("iterates");
        let mut read_all = |mapped: bool| {
            for id in 0..COUNT {
                let id = id * 1009 % COUNT;
                let len = stream.get_into(id, &mut target).expect("reads");
                assert!(len.is_some());
                if mapped {
                    drop(stream.view(id).expect("reads").expect("is there"));
                }
            }
        };
        // What is not durable, or ends a little behind what is mapped, is copied by a view.
        let mapped = strategy == ReadStrategy::Mmap;
        read_all(false);
        read_all(mapped);
        let before = ALLOCATIONS.get();
        read_all(false);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{strategy:?}");
        read_all(mapped);
        let made = ALLOCATIONS.get() - before;
        assert!(made < 200, "{strategy:?}: {made} allocations by views");
        entries.next_entry().expect("an entry").expect("good");
        let before = ALLOCATIONS.get();
        for _ in 1..COUNT {
            entries.next_entry().expect("an entry").expect("good");
        }
        let made = ALLOCATIONS.get() - before;
        assert!(made < 30, "{strategy:?}: {made} allocations by a scan");
    }
}

#[test]
fn a_small_append_in_steady_state_allocates_nothing_stored_or_written() {
    const APPENDS: u64 = 20_000;
    let _alone = alone();
    let strategies = [
        WriteStrategy::Auto,
        WriteStrategy::StandardIo,
        WriteStrategy::Mmap,
    ];
    for strategy in strategies {
        for len in [64, 256] {
            let place = support::temp_dir();
            let mut options = WalOptions::new(place.path().join("log"));
            options.sync_mode = SyncMode::Async;
            options.write_strategy = strategy;
            let wal = Wal::new(options).expect("opens");
            let stream = wal.stream("s").expect("a handle");
            let entry = vec![7; len];
            for _ in 0..APPENDS {
                stream.append(&entry).expect("appends");
            }
            let before = ALLOCATIONS.get();
            assert!(before > 0, "the count works");
            for _ in 0..APPENDS {
                stream.append(&entry).expect("appends");
            }
            let made = ALLOCATIONS.get() - before;
            // The index grows now and then, and the room ahead where a helper is late.
            assert!(
                made < APPENDS / 200,
                "{strategy:?}: {made} allocations for {APPENDS} appends of {len} bytes"
            );
        }
    }
}
