//! What holds where the system gives the log no thread, and when it does again? And may the log's
//! receiver read from the log, whatever it is called for?
//!
//! Alone in its process, one test at a time: threads are found by their names.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use ironwal::simulation::FaultPlan;
use ironwal::simulation::SimulatedDisk;
use ironwal::simulation::refuse_threads;
use ironwal::simulation::threads_refused;
use ironwal::*;

use crate::alone;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs it on a thread of its own, alone among these tests; it must end in time.
fn alone_and_in_time(work: impl FnOnce() + Send + 'static) {
    let _alone = alone();
    let (ended, ends) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        work();
        ended.send(()).expect("is heard");
    });
    match ends.recv_timeout(PATIENCE * 3) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        _ => worker.join().expect("no failure"),
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Whether this process has a thread of that name.
fn has_thread(name: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").expect("lists");
    let comm = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    let mut names = tasks.filter_map(|task| comm(task.ok()?));
    names.any(|found| found.trim_end() == name)
}

fn options(sync_mode: SyncMode, interval: Duration) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.max_segment_size = 1 << 20;
    options.background_sync = Some(BackgroundSync {
        interval,
        bytes: 1 << 40,
    });
    options
}

type Messages = Arc<Mutex<Vec<String>>>;

fn listening(disk: &SimulatedDisk, options: WalOptions) -> (Wal, Messages) {
    let messages = Messages::default();
    let heard = Arc::clone(&messages);
    let sink: LogSink =
        Arc::new(move |_, message| heard.lock().expect("no panic").push(message.to_owned()));
    let wal = Wal::open_simulated_logging(disk, options, sink).expect("opens");
    (wal, messages)
}

#[test]
fn a_thread_that_could_not_be_started_is_started_by_a_later_append() {
    // One failure was for ever: no stream that had asked meanwhile asked again.
    alone_and_in_time(|| {
        let disk = SimulatedDisk::new();
        let (wal, _) = listening(&disk, options(SyncMode::Async, Duration::from_secs(3600)));
        refuse_threads(true);
        // More than a segment: room ahead is asked for, too.
        for _ in 0..300 {
            wal.append("s", &[7; 4096]).expect("appends");
        }
        assert!(!has_thread("ironwal-sync") && !has_thread("ironwal-alloc"));
        refuse_threads(false);
        until("no thread is started", || {
            wal.append("s", b"entry").expect("appends");
            has_thread("ironwal-sync") && has_thread("ironwal-alloc")
        });
        wal.close().expect("closes");
    });
}

#[test]
fn a_thread_that_cannot_be_started_is_not_tried_with_every_append() {
    alone_and_in_time(|| {
        let disk = SimulatedDisk::new();
        let (wal, messages) = listening(&disk, options(SyncMode::Async, Duration::from_secs(3600)));
        refuse_threads(true);
        let (before, begun) = (threads_refused(), Instant::now());
        for _ in 0..5000 {
            wal.append("s", b"entry").expect("appends");
        }
        let tried = (threads_refused() - before) as u128;
        // Two threads are wanted, each every 100 ms at most.
        let most = 2 * (begun.elapsed().as_millis() / 100 + 1);
        assert!((1..=most).contains(&tried), "{tried} of {most}");
        let messages = messages.lock().expect("no panic");
        let warnings = messages.iter().filter(|m| m.contains("ironwal-sync"));
        assert_eq!(warnings.count(), 1, "{messages:?}");
        drop(messages);
        wal.close().expect("closes");
    });
}

#[test]
fn while_no_thread_can_be_had_appends_do_the_syncs_that_are_due() {
    // Of another stream, too: `durable_end` stayed 0 until 16 MiB were unsynced.
    for mode in [SyncMode::Async, SyncMode::BatchOnly] {
        alone_and_in_time(move || {
            let disk = SimulatedDisk::new();
            let (wal, _) = listening(&disk, options(mode, Duration::from_millis(1)));
            refuse_threads(true);
            let first = wal.stream("first").expect("a handle");
            let other = wal.stream("other").expect("a handle");
            first.append(b"entry").expect("appends");
            until("no helper syncs", || {
                other.append(b"entry").expect("appends");
                first.durable_end().expect("asks") == 1 && other.durable_end().expect("asks") > 0
            });
            wal.close().expect("closes");
        });
    }
}

#[test]
fn waiting_without_a_limit_ends_though_no_thread_can_be_had() {
    alone_and_in_time(|| {
        let disk = SimulatedDisk::new();
        let (wal, _) = listening(&disk, options(SyncMode::Async, Duration::from_secs(3600)));
        refuse_threads(true);
        let stream = wal.stream("s").expect("a handle");
        stream.append(b"entry").expect("appends");
        stream.wait_durable(0, Duration::MAX).expect("is durable");
        assert_eq!(stream.durable_end().expect("asks"), 1);
        // Also for what is appended while it waits.
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                refuse_threads(true);
                stream.wait_durable(1, Duration::MAX)
            });
            let short = Duration::from_millis(20);
            assert!(matches!(stream.wait_durable(1, short), Err(Error::Timeout)));
            stream.append(b"entry").expect("appends");
            waiter.join().expect("no panic").expect("is durable");
        });
        // A failed sync is reported as to callers that wait for others.
        let failing = wal.stream("failing").expect("a handle");
        failing.append(b"entry").expect("appends");
        disk.inject(FaultPlan::nth_call(1).forever());
        let result = failing.wait_durable(0, Duration::MAX);
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
    });
}

/// A receiver that reads all it can from the log that calls it.
struct Reader {
    wal: OnceLock<Wal>,
    sharded: OnceLock<Arc<ShardedWal>>,
    called: Mutex<usize>,
}

impl Reader {
    fn sink(self: &Arc<Self>) -> LogSink {
        let this = Arc::clone(self);
        Arc::new(move |_, _| this.read())
    }

    fn read(&self) {
        *self.called.lock().expect("no panic") += 1;
        if let Some(wal) = self.wal.get() {
            // What is answered is of no interest here.
            for key in ["s", "not there"] {
                let _ = wal.get(key, 0);
                let _ = wal.get_batch(key, &[0, 5]);
                let _ = wal.current_segment_start_id(key);
                if let Ok(stream) = wal.stream(key) {
                    let _ = (stream.first_id(), stream.next_id(), stream.durable_end());
                    let _ = (stream.get(1), stream.view(0));
                }
                if let Ok(entries) = wal.iter_with_ids(key, 0) {
                    let _ = entries.count();
                }
            }
            let _ = (wal.streams(), wal.verify(), wal.refresh());
        }
        if let Some(sharded) = self.sharded.get() {
            let _ = sharded.list_checkpoints();
            let _ = sharded.load_latest_checkpoint();
            let _ = sharded.iter_shard(0, 0).map(Iterator::count);
        }
    }
}

fn reader() -> Arc<Reader> {
    Arc::new(Reader {
        wal: OnceLock::new(),
        sharded: OnceLock::new(),
        called: Mutex::new(0),
    })
}

#[test]
fn a_receiver_may_read_when_it_learns_that_no_thread_can_be_started() {
    // The warning was sent under the tail's lock: a receiver that asked for `next_id` hung.
    alone_and_in_time(|| {
        let (disk, reader) = (SimulatedDisk::new(), reader());
        let how = options(SyncMode::Async, Duration::from_secs(3600));
        let wal = Wal::open_simulated_logging(&disk, how, reader.sink()).expect("opens");
        reader.wal.set(wal.clone()).expect("once");
        refuse_threads(true);
        wal.append("s", b"entry").expect("appends");
        assert_eq!(*reader.called.lock().expect("no panic"), 1);
        wal.close().expect("closes");
    });
}

/// All that writes; what fails is of no interest here.
fn write(wal: &Wal, sharded: Option<&ShardedWal>) {
    for number in 0..6_u8 {
        let _ = wal.append("s", &[number; 3000]);
        let _ = wal.append_batch("s", &[b"a", b"b"]);
        if let Some(sharded) = sharded {
            let _ = sharded.append(&[number], b"entry");
        }
    }
    let _ = wal.sync("s");
    if let Some(sharded) = sharded {
        let _ = sharded.create_checkpoint(b"first");
        let _ = sharded.append(b"k", b"entry");
        let _ = sharded.create_checkpoint(b"second");
        let _ = sharded.prune_before_checkpoint(b"second");
        let _ = sharded.compact_checkpoints(1);
        let _ = sharded.flush_all();
    }
    let _ = wal.truncate("s", 9);
    let _ = wal.delete_stream("s");
    let _ = wal.append("s", b"anew");
}

#[test]
fn a_receiver_may_read_whichever_call_of_the_disk_fails() {
    // Debug builds assert for each message that no lock is held.
    let called = Arc::new(Mutex::new(0));
    for mode in [SyncMode::Strict, SyncMode::Async] {
        let total = Arc::clone(&called);
        alone_and_in_time(move || {
            let mut how = options(mode, Duration::from_micros(100));
            how.max_segment_size = 5000;
            for call in (1..260).step_by(3) {
                for plan in [
                    FaultPlan::nth_call(call),
                    FaultPlan::nth_call(call).forever(),
                ] {
                    let (disk, reader) = (SimulatedDisk::new(), reader());
                    let opened = Wal::open_simulated_logging(&disk, how.clone(), reader.sink());
                    let wal = opened.expect("opens");
                    reader.wal.set(wal.clone()).expect("once");
                    disk.inject(plan);
                    let sharded = ShardedWal::on(wal.clone(), ShardedOptions::new(2));
                    let sharded = sharded.ok().map(Arc::new);
                    if let Some(sharded) = &sharded {
                        let _ = reader.sharded.set(Arc::clone(sharded));
                    }
                    write(&wal, sharded.as_deref());
                    let _ = wal.close();
                    *total.lock().expect("no panic") += *reader.called.lock().expect("no panic");
                }
            }
        });
    }
    let called = *called.lock().expect("no panic");
    assert!(called > 100, "only {called} messages");
}

#[test]
fn a_receiver_of_a_reader_may_read_when_it_learns_of_damage() {
    alone_and_in_time(|| {
        let (place, reader) = (tempfile::tempdir().expect("a directory"), reader());
        let mut how = options(SyncMode::Async, Duration::from_secs(3600));
        how.root_path = place.path().join("log");
        how.max_entries_per_segment = 2;
        let wal = Wal::new(how.clone()).expect("opens");
        for number in 0..8_u8 {
            wal.append("s", &[number]).expect("appends");
        }
        wal.sync("s").expect("syncs");
        let log = Wal::open_read_only_logging(how, reader.sink()).expect("opens");
        reader.wal.set(log.clone()).expect("once");
        let lost = place.path().join("log/s/00000000000000000002.wal");
        std::fs::remove_file(lost).expect("removes");
        // By a look-up, an iterator and a look at everything.
        let _ = log.get("s", 2);
        let _ = log.iter("s", 0).expect("iterates").count();
        let _ = log.refresh();
        assert!(*reader.called.lock().expect("no panic") > 0);
    });
}
