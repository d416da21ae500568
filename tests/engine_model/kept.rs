//! Does a retention keep what is needed, whatever happens beside it? A cursor that a power failure may bring back
//! has all its entries, and a checkpoint that is made meanwhile can be loaded.

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::explore;
use crate::fixture::open;
use crate::fixture::options;

const PER_SEGMENT: u64 = 2;

/// Keeps as little as it can.
fn few() -> Retention {
    Retention::new().with_max_bytes(0).keeping_cursors()
}

fn set_cursor(stream: &Stream, next_id: u64) {
    let value = next_id.to_le_bytes();
    stream
        .set_properties(&[(b"cursor/a", Some(&value))], Durability::Written)
        .expect("sets");
}

#[test]
fn a_cursor_that_moves_beside_a_retention_never_points_at_what_is_gone() {
    explore("a_cursor_that_moves", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let options = options(SyncMode::Async, PER_SEGMENT);
        let wal = open(&disk, &options);
        let stream = wal.stream("s").expect("a handle");
        for _ in 0..7 {
            stream.append(b"x").expect("appends");
        }
        set_cursor(&stream, 2);
        stream.sync().expect("syncs");
        let calls = thread::scope(|scope| {
            scope.spawn(|| {
                // Into a new segment, which no sync of the one before reaches.
                stream.append(b"x").expect("appends");
                stream.append(b"x").expect("appends");
                set_cursor(&stream, 6);
            });
            let retaining = scope.spawn(|| {
                stream.apply_retention(&few()).expect("applies");
                disk.op_count()
            });
            retaining.join().expect("returns")
        });
        let after = disk.crash_at(calls, 0, DirectoryModel::Strict);
        let wal = open(&after, &options);
        let stream = wal.stream("s").expect("a handle");
        let value = stream
            .property(b"cursor/a")
            .expect("reads")
            .expect("is there");
        let cursor = u64::from_le_bytes(value.try_into().expect("8 bytes"));
        let first = stream.first_id().expect("an id");
        assert!(
            first <= cursor,
            "{first} is the first id, {cursor} is to be read"
        );
    });
}

#[cfg(feature = "sharded")]
#[test]
fn the_first_checkpoint_made_beside_a_retention_can_be_loaded() {
    explore("the_first_checkpoint", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let options = options(SyncMode::Async, PER_SEGMENT);
        let log = ShardedWal::open_simulated(&disk, options, ShardedOptions::new(1));
        let log = log.expect("opens");
        let append = |count| {
            for _ in 0..count {
                log.append(b"k", b"x").expect("appends");
            }
        };
        append(3);
        thread::scope(|scope| {
            scope.spawn(|| log.create_checkpoint(b"c").expect("creates"));
            scope.spawn(|| {
                append(4);
                log.inner().apply_retention(&few()).expect("applies");
            });
        });
        log.load_checkpoint(b"c").expect("can be loaded");
    });
}
