//! A background sync that meets an append: whichever comes first, the append is synced without
//! another call. An append that finds a sync scheduled relies on it, so a sync that has begun must
//! not count as scheduled.

use std::sync::Arc;
use std::time::Duration;

use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::options;

#[test]
fn an_append_that_meets_a_background_sync_is_synced_by_it_or_by_the_next() {
    explore("an_append_that_meets", Time::Stands, 600, || {
        let disk = SimulatedDisk::new();
        let mut options = options(any_of(&[SyncMode::Async, SyncMode::BatchOnly]), 100);
        options.write_strategy = any_of(&[WriteStrategy::Mmap, WriteStrategy::StandardIo]);
        options.max_segment_size = 1 << 20;
        options.background_sync = Some(BackgroundSync {
            interval: Duration::from_secs(1),
            bytes: 1 << 30,
        });
        let sink: LogSink = Arc::new(|_, _: &str| ());
        let wal = Wal::open_simulated_stepped(&disk, options, sink).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        stream.append(b"first").expect("appends");
        // Durable, and a sync is scheduled: to take back what the stream holds once it is idle.
        wal.step_helpers();
        thread::scope(|scope| {
            let wal = wal.clone();
            scope.spawn(move || wal.step_helpers());
            stream.append(b"second").expect("appends");
        });
        (0..3).for_each(|_| wal.step_helpers());
        assert_eq!(
            stream.durable_end().expect("open"),
            2,
            "no sync is scheduled"
        );
    });
}
