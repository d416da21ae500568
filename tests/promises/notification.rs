//! Callbacks, futures and descriptors that report durability: each exactly once, never too early, in
//! order, on threads of the library; against close, failure, deletion and cancellation.

use std::collections::HashMap;
use std::collections::HashSet;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::options;

const LONG: Duration = Duration::from_secs(60);
const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

fn open(disk: &SimulatedDisk, mode: SyncMode) -> Wal {
    Wal::open_simulated(disk, options(Path::new("/"), mode)).expect("opens")
}

/// A log whose helpers run only when stepped, and what it logs.
fn open_stepped(disk: &SimulatedDisk) -> (Wal, Arc<Mutex<Vec<String>>>) {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&messages);
    let sink = Arc::new(move |_, text: &str| sink.lock().expect("works").push(text.to_owned()));
    let options = options(Path::new("/"), SyncMode::Async);
    let wal = Wal::open_simulated_stepped(disk, options, sink).expect("opens");
    (wal, messages)
}

fn append(stream: &Stream, entry: &[u8]) -> Appended {
    let entries = [entry];
    let appended = stream.append_with(&Append::new(&entries).written());
    appended.expect("appends")
}

/// What callbacks report: a number, the answer, the thread.
type Report = (usize, Result<()>, Option<String>);

fn reporting(
    sender: &mpsc::Sender<Report>,
    number: usize,
) -> impl FnOnce(Result<()>) + Send + 'static {
    let sender = sender.clone();
    move |answer| {
        let name = thread::current().name().map(str::to_owned);
        sender.send((number, answer, name)).expect("is received");
    }
}

#[test]
fn a_callback_runs_when_its_mark_is_durable_and_on_a_thread_of_the_library() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode);
        let stream = wal.stream("s").expect("a handle");
        let appended = append(&stream, b"kept");
        let (sender, reports) = mpsc::channel();
        let (crashed, seen) = (disk.clone(), stream.clone());
        let report = reporting(&sender, 0);
        stream
            .on_durable(appended.mark, move |answer| {
                assert!(seen.is_durable(appended.mark).expect("asks"));
                // A power failure at this moment.
                let after = open(&crashed.crash(0, DirectoryModel::Strict), mode);
                assert_eq!(
                    after.get("s", 0).expect("reads").as_deref(),
                    Some(&b"kept"[..])
                );
                report(answer);
            })
            .expect("registers");
        let (_, answer, thread) = reports.recv_timeout(LONG).expect("it runs");
        answer.expect("durable");
        let name = thread.expect("a named thread");
        assert!(
            ["ironwal-sync", "ironwal-notify"].contains(&&*name),
            "{name}"
        );
    }
}

#[test]
fn as_many_threads_sync_as_the_option_says_and_each_stream_has_one() {
    for (threads, at_least) in [(1, 1), (4, 2)] {
        let disk = SimulatedDisk::new();
        let mut options = options(Path::new("/"), SyncMode::Async);
        options.sync_threads = threads;
        let wal = Wal::open_simulated(&disk, options).expect("opens");
        let (sender, reports) = mpsc::channel();
        for _ in 0..3 {
            for number in 0..32 {
                let stream = wal.stream(&format!("s{number}")).expect("a handle");
                let mark = append(&stream, b"x").mark;
                let sender = sender.clone();
                let report = move |answer: Result<()>| {
                    answer.expect("durable");
                    sender
                        .send((number, thread::current()))
                        .expect("is received");
                };
                stream.on_durable(mark, report).expect("registers");
            }
        }
        let mut syncers: HashMap<usize, HashSet<thread::ThreadId>> = HashMap::new();
        for _ in 0..3 * 32 {
            let (number, thread) = reports.recv_timeout(LONG).expect("it runs");
            // Others run on the thread that serves marks which were durable already.
            if thread.name() == Some("ironwal-sync") {
                syncers.entry(number).or_default().insert(thread.id());
            }
        }
        assert!(syncers.values().all(|threads| threads.len() == 1));
        let all: HashSet<_> = syncers.values().flatten().collect();
        assert!((at_least..=threads).contains(&all.len()), "{}", all.len());
    }
}

#[test]
fn a_durable_mark_is_answered_at_once_without_another_sync() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let stream = wal.stream("s").expect("a handle");
    stream.append(b"x").expect("appends");
    let syncs = |disk: &SimulatedDisk| {
        let ops = disk.ops();
        ops.iter().filter(|op| op.kind == OpKind::SyncData).count()
    };
    let before = syncs(&disk);
    let (sender, reports) = mpsc::channel();
    let mark = stream.mark().expect("a mark");
    let held = Mutex::new(());
    let locked = held.lock().expect("works");
    stream
        .on_durable(mark, reporting(&sender, 0))
        .expect("registers");
    drop(locked);
    let (_, answer, thread) = reports.recv_timeout(LONG).expect("it runs");
    answer.expect("durable");
    assert_eq!(thread.as_deref(), Some("ironwal-notify"));
    assert_eq!(syncs(&disk), before);
}

#[test]
fn callbacks_run_in_the_order_of_their_marks_whichever_thread_syncs() {
    for by_a_caller in [false, true] {
        let disk = SimulatedDisk::new();
        let (wal, _) = open_stepped(&disk);
        let stream = wal.stream("s").expect("a handle");
        let marks: Vec<Mark> = (0..20).map(|_| append(&stream, b"x").mark).collect();
        let (sender, reports) = mpsc::channel();
        for (number, mark) in marks.iter().enumerate().rev() {
            stream
                .on_durable(*mark, reporting(&sender, number))
                .expect("registers");
        }
        if by_a_caller {
            stream.sync().expect("syncs");
            assert!(reports.try_recv().is_err(), "run on the caller's thread");
        }
        wal.step_helpers();
        let order: Vec<usize> = reports.try_iter().map(|(number, ..)| number).collect();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn close_completes_every_callback_before_it_returns() {
    for stepped in [false, true] {
        let disk = SimulatedDisk::new();
        let wal = match stepped {
            true => open_stepped(&disk).0,
            false => open(&disk, SyncMode::Async),
        };
        let (sender, reports) = mpsc::channel();
        let mut count = 0;
        for key in ["a", "b"] {
            let stream = wal.stream(key).expect("a handle");
            for number in 0..50 {
                let mark = append(&stream, b"x").mark;
                let report = reporting(&sender, number);
                stream
                    .on_durable(mark, move |answer| {
                        thread::yield_now();
                        report(answer);
                    })
                    .expect("registers");
                count += 1;
            }
        }
        let stream = wal.stream("a").expect("a handle");
        wal.close().expect("closes");
        drop(sender);
        let answers: Vec<Report> = reports.try_iter().collect();
        assert_eq!(answers.len(), count);
        answers
            .into_iter()
            .for_each(|(_, answer, _)| answer.expect("durable"));
        // Afterwards nothing is registered: no thread would run it.
        let ran = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&ran);
        let mark = stream.mark();
        assert!(matches!(mark, Err(Error::Closed)));
        drop(runs);
        assert!(!ran.load(SeqCst));
    }
}

#[test]
fn a_failed_sync_reaches_every_callback_once_as_poisoned() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    append(&stream, b"durable");
    stream.sync().expect("syncs");
    let durable = stream.mark().expect("a mark");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    let (sender, reports) = mpsc::channel();
    let lost = append(&stream, b"lost").mark;
    for number in 0..3 {
        stream
            .on_durable(lost, reporting(&sender, number))
            .expect("registers");
    }
    for _ in 0..3 {
        let (_, answer, _) = reports.recv_timeout(LONG).expect("it runs");
        assert!(matches!(answer, Err(Error::Poisoned { .. })), "{answer:?}");
    }
    // Registered after the failure: the same, and a mark that was durable still is.
    stream
        .on_durable(lost, reporting(&sender, 3))
        .expect("registers");
    let (_, answer, _) = reports.recv_timeout(LONG).expect("it runs");
    assert!(matches!(answer, Err(Error::Poisoned { .. })));
    stream
        .on_durable(durable, reporting(&sender, 4))
        .expect("registers");
    let (_, answer, _) = reports.recv_timeout(LONG).expect("it runs");
    answer.expect("durable since long ago");
    drop(sender);
    let _ = wal.close();
    assert!(reports.try_recv().is_err(), "one ran twice");
}

#[test]
fn a_panicking_callback_is_logged_and_keeps_no_other_from_running() {
    let disk = SimulatedDisk::new();
    let (wal, messages) = open_stepped(&disk);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let (sender, reports) = mpsc::channel();
    stream
        .on_durable(mark, |_| panic!("on purpose"))
        .expect("registers");
    stream
        .on_durable(mark, reporting(&sender, 1))
        .expect("registers");
    wal.step_helpers();
    assert_eq!(reports.try_iter().count(), 1);
    let text = messages.lock().expect("works").join("\n");
    assert!(
        text.contains("on purpose") && text.contains("\"s\""),
        "{text}"
    );
    stream.append(b"goes on").expect("is not poisoned");
}

#[test]
fn a_callback_may_append_read_wait_and_register_and_cannot_close() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"first").mark;
    let (sender, reports) = mpsc::channel();
    let (inner, log) = (stream.clone(), wal.clone());
    let report = reporting(&sender, 0);
    let again = reporting(&sender, 1);
    stream
        .on_durable(mark, move |answer| {
            assert_eq!(inner.append(b"second").expect("appends"), 1);
            assert!(inner.get(0).expect("reads").is_some());
            let third = append(&inner, b"third");
            inner.wait_durable(third.ids.start, LONG).expect("durable");
            inner.on_durable(third.mark, again).expect("registers");
            let closed = log.close();
            assert!(matches!(closed, Err(Error::Config(_))), "{closed:?}");
            report(answer);
        })
        .expect("registers");
    for expected in [0, 1] {
        let (number, answer, _) = reports.recv_timeout(LONG).expect("it runs");
        answer.expect("durable");
        assert_eq!(number, expected);
    }
    wal.close().expect("closes");
}

/// Registers itself again whenever it runs.
fn for_ever(stream: Stream, mark: Mark, runs: Arc<AtomicUsize>) {
    let (next, count) = (stream.clone(), Arc::clone(&runs));
    let registered = stream.on_durable(mark, move |_| {
        count.fetch_add(1, SeqCst);
        for_ever(next, mark, runs);
    });
    if let Err(error) = registered {
        assert!(matches!(error, Error::Closed), "{error}");
    }
}

#[test]
fn a_callback_that_registers_itself_for_ever_keeps_neither_others_nor_the_close_waiting() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let runs = Arc::new(AtomicUsize::new(0));
    for_ever(stream.clone(), mark, Arc::clone(&runs));
    let other = wal.stream("other").expect("a handle");
    let (sender, reports) = mpsc::channel();
    for _ in 0..5 {
        let mark = append(&other, b"y").mark;
        other
            .on_durable(mark, reporting(&sender, 0))
            .expect("registers");
        let (_, answer, _) = reports.recv_timeout(LONG).expect("it runs");
        answer.expect("durable");
    }
    wal.close().expect("closes");
    let after = runs.load(SeqCst);
    assert!(after > 0);
    thread::sleep(Duration::from_millis(10));
    assert_eq!(runs.load(SeqCst), after, "it ran behind the close");
}

#[test]
fn a_cancelled_callback_never_runs_and_one_that_ran_cannot_be_cancelled() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_stepped(&disk);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let (sender, reports) = mpsc::channel();
    let register = |number| {
        let registered = stream.on_durable(mark, reporting(&sender, number));
        registered.expect("registers")
    };
    let (waiting, due, ran) = (register(0), register(1), register(2));
    assert!(stream.cancel(waiting));
    assert!(!stream.cancel(waiting), "twice");
    stream.sync().expect("syncs");
    assert!(stream.cancel(due), "due, and not run yet");
    wal.step_helpers();
    let numbers: Vec<usize> = reports.try_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, [2]);
    assert!(!stream.cancel(ran));
    let other = wal.stream("t").expect("a handle");
    assert!(!other.cancel(register(3)), "a ticket of another stream");
    wal.close().expect("closes");
    assert_eq!(reports.try_iter().count(), 1);
}

#[test]
fn cancelling_waits_for_a_callback_that_runs_except_from_within() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let (begun, begins) = mpsc::channel();
    let (tickets, ticket) = mpsc::channel();
    let returns = Arc::new(AtomicBool::new(false));
    let (inner, returned) = (stream.clone(), Arc::clone(&returns));
    let registered = stream
        .on_durable(mark, move |_| {
            let own: Ticket = ticket.recv().expect("a ticket");
            assert!(!inner.cancel(own));
            begun.send(()).expect("is received");
            thread::sleep(Duration::from_millis(30));
            returned.store(true, SeqCst);
        })
        .expect("registers");
    tickets.send(registered).expect("is received");
    begins.recv_timeout(LONG).expect("it runs");
    assert!(!stream.cancel(registered));
    assert!(returns.load(SeqCst), "it still ran");
}

#[test]
fn marks_of_other_streams_and_openings_are_refused_and_their_callbacks_dropped() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let (a, b) = (
        wal.stream("a").expect("a handle"),
        wal.stream("b").expect("a handle"),
    );
    let mark = append(&a, b"x").mark;
    let kept = Arc::new(());
    let held = Arc::clone(&kept);
    let refused = b.on_durable(mark, move |_| drop(held));
    assert!(matches!(refused, Err(Error::Config(_))));
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(matches!(block_on(b.durable(mark)), Err(Error::Config(_))));
    wal.close().expect("closes");
    let wal = open(&disk, SyncMode::Async);
    let again = wal.stream("a").expect("a handle");
    assert!(matches!(
        again.on_durable(mark, |_| ()),
        Err(Error::Config(_))
    ));
}

#[test]
fn a_deleted_stream_answers_its_callbacks_although_no_handle_is_left() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_stepped(&disk);
    let (sender, reports) = mpsc::channel();
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    stream
        .on_durable(mark, reporting(&sender, 0))
        .expect("registers");
    drop(stream);
    wal.delete_stream("s").expect("deletes");
    wal.close().expect("closes");
    let answers: Vec<Report> = reports.try_iter().collect();
    assert_eq!(answers.len(), 1, "served exactly once");
}

#[test]
fn a_callback_may_drop_the_last_handle() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let inner = stream.clone();
    let (dropped, drops) = mpsc::channel();
    let (sender, ran) = mpsc::channel();
    stream
        .on_durable(mark, move |answer| {
            drops.recv().expect("the others are gone");
            drop(inner);
            sender.send(answer).expect("is received");
        })
        .expect("registers");
    drop((stream, wal));
    dropped.send(()).expect("is received");
    ran.recv_timeout(LONG).expect("it runs").expect("durable");
    // The log was closed: another may open it.
    open(&disk, SyncMode::Async).close().expect("closes");
}

#[test]
fn where_no_thread_can_be_started_nothing_is_registered() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    simulation::refuse_threads(true);
    let refused = stream.on_durable(mark, |_| panic!("is not registered"));
    simulation::refuse_threads(false);
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
    wal.close().expect("closes");
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_future_is_ready_once_the_mark_is_durable_and_asks_for_the_sync_itself() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode);
        let stream = wal.stream("s").expect("a handle");
        for _ in 0..20 {
            let mark = append(&stream, b"x").mark;
            block_on(stream.durable(mark)).expect("durable");
            assert!(stream.is_durable(mark).expect("asks"));
        }
        wal.close().expect("closes");
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_future_that_is_dropped_is_woken_no_more_and_a_panicking_waker_harms_nothing() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker, on purpose");
        }
    }
    let disk = SimulatedDisk::new();
    let (wal, messages) = open_stepped(&disk);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let woken = [Arc::new(Woken::default()), Arc::new(Woken::default())];
    let mut kept = Box::pin(stream.durable(mark));
    let mut dropped = Box::pin(stream.durable(mark));
    let mut panics = Box::pin(stream.durable(mark));
    let waker = |woken: &Arc<Woken>| Waker::from(Arc::clone(woken));
    let bad = Waker::from(Arc::new(Panics));
    let poll = |future: &mut std::pin::Pin<Box<Durable>>, waker: &Waker| {
        let polled = future.as_mut().poll(&mut Context::from_waker(waker));
        polled.is_ready()
    };
    assert!(!poll(&mut panics, &bad));
    assert!(!poll(&mut kept, &waker(&woken[0])));
    assert!(!poll(&mut dropped, &waker(&woken[1])));
    drop(dropped);
    stream.sync().expect("syncs");
    wal.step_helpers();
    assert_eq!(woken[0].0.load(SeqCst), 1);
    assert_eq!(woken[1].0.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&woken[1]), 1);
    assert!(poll(&mut kept, &waker(&woken[0])));
    let text = messages.lock().expect("works").join("\n");
    assert!(text.contains("a waker, on purpose"), "{text}");
}

#[test]
fn a_close_answers_futures_and_wakes_them() {
    let disk = SimulatedDisk::new();
    let (wal, _) = open_stepped(&disk);
    let stream = wal.stream("s").expect("a handle");
    let mark = append(&stream, b"x").mark;
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = Box::pin(stream.durable(mark));
    let mut context = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut context).is_pending());
    wal.close().expect("closes");
    assert_eq!(woken.0.load(SeqCst), 1);
    let answer = future.as_mut().poll(&mut context);
    assert!(
        matches!(answer, Poll::Ready(Ok(()))),
        "the last sync covers it: {answer:?}"
    );
}
