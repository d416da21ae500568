//! Iterations that wait: for what is written or durable, in every mode, across segments; against
//! cancellation, close, deletion and failure; beside a writer of another process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;
use crate::support::options;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);
const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];
const VIEWS: [View; 3] = [View::ByMode, View::Written, View::Durable];

fn open(disk: &SimulatedDisk, mode: SyncMode) -> Wal {
    let mut options = options(Path::new("/"), mode);
    options.max_entries_per_segment = 7;
    Wal::open_simulated(disk, options).expect("opens")
}

fn append(stream: &Stream, id: u64) {
    let bytes = entry(id);
    let entries = [&bytes[..]];
    let appended = stream.append_with(&Append::new(&entries).written());
    assert_eq!(appended.expect("appends").ids, id..id + 1);
}

#[test]
fn a_follower_sees_every_entry_once_and_needs_no_other_caller_to_sync() {
    for mode in MODES {
        for view in VIEWS {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, mode);
            let stream = wal.stream("s").expect("a handle");
            let mut follower = stream.follow(0, view).expect("follows");
            thread::scope(|scope| {
                scope.spawn(|| (0..40).for_each(|id| append(&stream, id)));
                for id in 0..40 {
                    assert!(
                        follower.wait(LONG).expect("waits"),
                        "{mode:?} {view:?} {id}"
                    );
                    let (found, bytes) = follower.next().expect("is there").expect("good");
                    assert_eq!((found, bytes), (id, entry(id)));
                    if view == View::Durable {
                        assert!(stream.durable_end().expect("answers") > id);
                    }
                }
            });
            assert!(!follower.wait(SHORT).expect("waits"), "nothing more");
            assert!(follower.next().is_none());
        }
    }
}

#[test]
fn each_view_ends_where_it_says() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode);
        let stream = wal.stream("s").expect("a handle");
        (0..3).for_each(|id| append(&stream, id));
        let count = |view| {
            let follower = stream.follow(1, view).expect("follows");
            let entries: Vec<u64> = follower.map(|entry| entry.expect("good").0).collect();
            entries.len()
        };
        let by_mode = if mode == SyncMode::Strict { 0 } else { 2 };
        assert_eq!(count(View::ByMode), by_mode);
        assert_eq!(count(View::Written), 2);
        assert_eq!(count(View::Durable), 0);
        stream.sync().expect("syncs");
        assert_eq!(VIEWS.map(count), [2, 2, 2]);
    }
}

#[test]
fn a_timeout_of_zero_only_checks() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mut follower = stream.follow(0, View::Written).expect("follows");
    assert!(!follower.wait(Duration::ZERO).expect("checks"));
    append(&stream, 0);
    assert!(follower.wait(Duration::ZERO).expect("checks"));
    assert!(
        follower.wait(Duration::ZERO).expect("checks"),
        "still there"
    );
}

#[test]
fn where_all_is_truncated_a_follower_waits_for_the_first_kept_id() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    (0..14).for_each(|id| append(&stream, id));
    wal.truncate("s", 7).expect("truncates");
    let mut follower = stream.follow(0, View::Written).expect("follows");
    assert!(follower.wait(Duration::ZERO).expect("checks"));
    assert_eq!(follower.next().expect("an entry").expect("good").0, 7);
}

#[test]
fn a_cancellation_ends_one_wait_and_the_iteration_goes_on() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mut follower = stream.follow(0, View::Written).expect("follows");
    let canceller = follower.canceller();
    // Before the wait: it is not lost.
    canceller.cancel();
    canceller.cancel();
    assert!(matches!(follower.wait(LONG), Err(Error::Cancelled)));
    assert!(!follower.wait(Duration::ZERO).expect("reported once"));
    let other = canceller.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(SHORT);
            other.cancel();
        });
        assert!(matches!(follower.wait(LONG), Err(Error::Cancelled)));
    });
    append(&stream, 0);
    assert!(follower.wait(LONG).expect("waits"));
    assert_eq!(follower.next().expect("an entry").expect("good").0, 0);
}

/// Runs `work` while a follower waits, and returns how the wait ends.
fn waited(wal: &Wal, view: View, work: impl FnOnce() + Send) -> Result<bool> {
    let stream = wal.stream("s").expect("a handle");
    let mut follower = stream.follow(0, view).expect("follows");
    while follower.wait(Duration::ZERO)? {
        follower.next().expect("an entry").expect("good");
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            work();
        });
        follower.wait(LONG)
    })
}

#[test]
fn the_end_of_a_stream_ends_the_wait_with_the_reason() {
    for view in VIEWS {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Async);
        wal.append("s", b"x").expect("appends");
        wal.sync("s").expect("syncs");
        let deleted = waited(&wal, view, || wal.delete_stream("s").expect("deletes"));
        assert!(
            matches!(deleted, Err(Error::StreamNotFound(_))),
            "{deleted:?}"
        );
        wal.append("s", b"x").expect("appends");
        wal.sync("s").expect("syncs");
        let closed = waited(&wal, view, || wal.clone().close().expect("closes"));
        assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
        let wal = open(&disk, SyncMode::Async);
        let failed = waited(&wal, View::Durable, || {
            disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
            wal.append("s", b"lost").expect("appends");
        });
        assert!(matches!(failed, Err(Error::Poisoned { .. })), "{failed:?}");
    }
}

#[test]
fn what_was_there_before_the_close_is_shown_first() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    append(&stream, 0);
    let mut follower = stream.follow(0, View::ByMode).expect("follows");
    drop(stream);
    wal.close().expect("closes");
    assert!(follower.wait(LONG).expect("an entry is left"));
    assert_eq!(follower.next().expect("an entry").expect("good").0, 0);
    assert!(matches!(follower.wait(LONG), Err(Error::Closed)));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never happens");
        thread::yield_now();
    }
}

#[test]
fn a_task_is_woken_by_an_append_a_cancellation_and_the_close() {
    for view in VIEWS {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Async);
        let stream = wal.stream("s").expect("a handle");
        let mut follower = stream.follow(0, view).expect("follows");
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(follower.poll_wait(&mut context).is_pending());
        append(&stream, 0);
        until(|| woken.0.load(SeqCst) > 0);
        // A durable entry may come a wake-up later.
        let mut polled = follower.poll_wait(&mut context);
        while polled.is_pending() {
            let before = woken.0.load(SeqCst);
            until(|| {
                woken.0.load(SeqCst) > before || stream.durable_end().is_ok_and(|end| end > 0)
            });
            polled = follower.poll_wait(&mut context);
        }
        assert!(matches!(polled, Poll::Ready(Ok(()))));
        assert_eq!(follower.next().expect("an entry").expect("good").0, 0);
        stream.sync().expect("syncs");
        assert!(follower.poll_wait(&mut context).is_pending());
        let before = woken.0.load(SeqCst);
        follower.canceller().cancel();
        until(|| woken.0.load(SeqCst) > before);
        let cancelled = follower.poll_wait(&mut context);
        assert!(matches!(cancelled, Poll::Ready(Err(Error::Cancelled))));
        assert!(follower.poll_wait(&mut context).is_pending());
        let before = woken.0.load(SeqCst);
        wal.close().expect("closes");
        assert!(
            woken.0.load(SeqCst) > before,
            "close wakes before it returns"
        );
        let closed = follower.poll_wait(&mut context);
        assert!(matches!(closed, Poll::Ready(Err(Error::Closed))));
        drop(follower);
        assert_eq!(Arc::strong_count(&woken), 2, "no waker is kept");
    }
}

#[test]
fn in_a_read_only_log_a_wait_looks_and_a_cancellation_ends_it() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    wal.append("s", b"first").expect("appends");
    let reader = log.open_read_only();
    let stream = reader.stream("s").expect("a handle");
    let mut follower = stream.follow(0, View::Written).expect("follows");
    assert!(follower.wait(LONG).expect("waits"));
    assert_eq!(
        follower.next().expect("an entry").expect("good").1,
        b"first"
    );
    assert!(!follower.wait(SHORT).expect("waits"));
    let canceller = follower.canceller();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            wal.append("s", b"second").expect("appends");
        });
        assert!(follower.wait(LONG).expect("waits"));
        assert_eq!(
            follower.next().expect("an entry").expect("good").1,
            b"second"
        );
        scope.spawn(|| {
            thread::sleep(SHORT);
            canceller.cancel();
        });
        assert!(matches!(follower.wait(LONG), Err(Error::Cancelled)));
    });
    let waker = Waker::from(Arc::new(Woken::default()));
    let polled = follower.poll_wait(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Ready(Err(Error::ReadOnly))));
    reader.close().expect("closes");
    assert!(matches!(follower.wait(LONG), Err(Error::Closed)));
}

#[test]
fn a_follower_whose_last_entry_was_cut_is_woken_and_ends_with_the_cut() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    for id in 0..3 {
        stream.append(&entry(id)).expect("appends");
    }
    for view in [View::ByMode, View::Written] {
        let mut follower = stream.follow(0, view).expect("follows");
        let shown = follower
            .by_ref()
            .take(3)
            .map(|entry| entry.expect("good").0);
        assert_eq!(shown.collect::<Vec<_>>(), [0, 1, 2]);
        let mut apart = stream.follow(0, view).expect("follows");
        assert_eq!(apart.next().expect("an entry").expect("good").0, 0);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(move || {
                assert!(follower.wait(LONG).expect("waits"));
                follower.next().expect("an answer").expect_err("cut")
            });
            assert_eq!(stream.truncate_suffix(1).expect("cuts"), 2);
            let error = waiter.join().expect("ends");
            assert!(
                matches!(error, Error::SuffixCut { from_id: 1 }),
                "{error:?}"
            );
        });
        assert_eq!(
            stream.append_batch(&[b"other", b"more"]).expect("appends"),
            1..3
        );
        let rest = apart.map(|entry| entry.expect("good").0);
        assert_eq!(
            rest.collect::<Vec<_>>(),
            [1, 2],
            "{view:?}: it had shown nothing of what was cut"
        );
    }
}
