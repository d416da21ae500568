//! Which work of streams runs in the background, and on which threads?
//!
//! Threads sync streams that are due: one, or as many as `WalOptions::sync_threads` says, each for its
//! share of the streams. One preallocates space ahead of tails. Each starts when
//! first needed, holds streams weakly, and ends when the log is closed. One applies a retention once a
//! minute, if the log was opened with one. One keeps the commit journal up, if the log has one. Another serves callbacks and
//! wakers (`stream/durability/listen`); it starts with the first of them, holds streams until they
//! are served, and is the last to end. A syncing thread serves those of the rounds that it led. In stepped mode, for
//! deterministic tests, there are no threads: queued work runs when the test asks for it.
//!
//! Failure: if a thread cannot be started, later appends try again, every 100 ms at most. Until
//! one succeeds, an append that finds a due sync does it itself, at its end; appends allocate their
//! own space. The log's sink receives one warning for each thread.

use std::cell::Cell;
use std::hash::Hash;
use std::hash::Hasher;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;

use crate::primitives::DueQueue;
use crate::primitives::Next;
use crate::primitives::OnceLock;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::Ordering;
use crate::primitives::now;
use crate::primitives::thread_local;
use crate::stream::Attended;
use crate::stream::BackgroundTasks;
use crate::stream::StreamInner;

/// The background threads of one log.
pub struct BackgroundThreads {
    /// At least one. A stream is always synced by the same, so no two threads wait for its round.
    sync: Box<[Task]>,
    preallocation: Task,
    notification: Arc<DueQueue<HeldStream>>,
    /// Set once, where the log has a commit journal.
    journal: OnceLock<JournalTask>,
    /// Set once, where a retention is applied by itself.
    retention: OnceLock<RetentionTask>,
    is_stepped: bool,
}

/// How often a retention is applied.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// The work that applies a retention to all streams, and its queue, which has one key. The work asks whether
/// it goes on before each stream: not once the log is closed.
struct RetentionTask {
    queue: Arc<DueQueue<()>>,
    has_ended: Arc<AtomicBool>,
    #[cfg_attr(not(feature = "simulation"), allow(dead_code))]
    work: Arc<RetentionWork>,
}

/// The work for the commit journal, and its queue, which has one key.
struct JournalTask {
    queue: Arc<DueQueue<()>>,
    #[cfg_attr(not(feature = "simulation"), allow(dead_code))]
    work: Arc<dyn Fn() + Send + Sync>,
}

type RetentionWork = dyn Fn(&dyn Fn() -> bool) + Send + Sync;

/// One kind of background work, and the streams that wait for it.
struct Task {
    queue: Arc<DueQueue<WeakStream>>,
    // Called by the thread, and where a test steps.
    #[cfg_attr(not(feature = "simulation"), allow(dead_code))]
    work: fn(&StreamInner),
    /// For the warning: what happens while the thread cannot be started.
    without_thread: &'static str,
}

/// A queued stream. Queueing does not keep it alive.
#[derive(Clone)]
struct WeakStream(Weak<StreamInner>);

impl WeakStream {
    // Invariant: the weak pointer keeps the address from being reused.
    fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }
}

impl PartialEq for WeakStream {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for WeakStream {}

impl Hash for WeakStream {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

/// A stream whose listeners are due. It stays until they are served: nothing else may hold a stream
/// that was deleted.
#[derive(Clone)]
struct HeldStream(Arc<StreamInner>);

impl PartialEq for HeldStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HeldStream {}

impl Hash for HeldStream {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).addr().hash(state);
    }
}

impl HeldStream {
    fn serve(&self) -> Next {
        self.0.serve_listeners();
        // The log's sink may panic. That is the host's fault; the thread continues.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.deliver()));
        Next::WhenInserted
    }
}

thread_local! {
    /// The stream, by address, whose listeners this thread serves once the round is over.
    static SERVES_LATER: Cell<usize> = const { Cell::new(0) };
}

/// Syncs a stream on the thread that syncs, and serves the listeners that this makes due.
fn sync_and_serve(stream: &StreamInner) {
    SERVES_LATER.with(|serves| serves.set(std::ptr::from_ref(stream).addr()));
    let synced = catch_unwind(AssertUnwindSafe(|| stream.background_sync()));
    SERVES_LATER.with(|serves| serves.set(0));
    if synced.is_err() {
        stream.poison_after_panic();
    }
    stream.serve_listeners();
}

const WITHOUT_SYNC: &str = "until it can be, appends do the syncs that are due; what is appended \
    last is durable only after the next append, a sync or the close";
const WITHOUT_JOURNAL: &str = "until it can be, streams are synced in place";
const WITHOUT_RETENTION: &str = "until it can be, no retention is applied by itself";
const WITHOUT_PREALLOCATION: &str = "until it can be, appends allocate their own space";

impl BackgroundThreads {
    /// No thread runs yet; at most `sync_threads` will sync. Stepped: none ever will.
    pub fn new(is_stepped: bool, sync_threads: usize) -> Arc<Self> {
        // Stepped work has one order.
        let sync_threads = if is_stepped { 1 } else { sync_threads.max(1) };
        let task = |name, without, work| Task::new(name, without, work, is_stepped);
        Arc::new(BackgroundThreads {
            sync: (0..sync_threads)
                .map(|_| task("ironwal-sync", WITHOUT_SYNC, sync_and_serve))
                .collect(),
            preallocation: task(
                "ironwal-alloc",
                WITHOUT_PREALLOCATION,
                StreamInner::preallocate,
            ),
            notification: DueQueue::new("ironwal-notify", is_stepped, HeldStream::serve),
            journal: OnceLock::new(),
            retention: OnceLock::new(),
            is_stepped,
        })
    }

    /// Has `work` done whenever the commit journal needs it, by a thread of its own. Called once at most.
    pub fn keep_journal_with(&self, work: impl Fn() + Send + Sync + 'static) {
        let work: Arc<dyn Fn() + Send + Sync> = Arc::new(work);
        let done = Arc::clone(&work);
        let queue = DueQueue::new("ironwal-journal", self.is_stepped, move |()| {
            // A panic is caught here, so that the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| done()));
            Next::WhenInserted
        });
        // Set only here.
        let _ = self.journal.set(JournalTask { queue, work });
    }

    /// Has `work` done once a minute from now on, by a thread of its own. Called once at most. False: the
    /// thread cannot be started now ([`BackgroundTasks::attend`]).
    pub fn keep_retaining(&self, work: impl Fn(&dyn Fn() -> bool) + Send + Sync + 'static) -> bool {
        let work: Arc<RetentionWork> = Arc::new(work);
        let has_ended = Arc::new(AtomicBool::new(false));
        let (done, ended) = (Arc::clone(&work), Arc::clone(&has_ended));
        let queue = DueQueue::new("ironwal-retain", self.is_stepped, move |()| {
            // A panic is caught here, so that the next minute has another try.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                done(&|| !ended.load(Ordering::Acquire))
            }));
            now()
                .checked_add(RETENTION_INTERVAL)
                .map_or(Next::WhenInserted, Next::At)
        });
        queue.insert_after((), RETENTION_INTERVAL);
        let has_thread = queue.start_if_needed().is_ok();
        let task = RetentionTask {
            queue,
            has_ended,
            work,
        };
        // Set only here.
        let _ = self.retention.set(task);
        has_thread
    }

    /// Does all queued work, due or not, on the calling thread.
    #[cfg(feature = "simulation")]
    pub fn step(&self) {
        for task in self.tasks() {
            let streams = task.queue.take_all();
            let streams: Vec<_> = streams.iter().filter_map(|key| key.0.upgrade()).collect();
            for stream in streams {
                (task.work)(&stream);
                stream.deliver();
            }
        }
        if let Some(journal) = self.journal.get() {
            if !journal.queue.take_all().is_empty() {
                (journal.work)();
            }
        }
        if let Some(retention) = self.retention.get() {
            (retention.work)(&|| true);
        }
        for stream in self.notification.take_all() {
            stream.serve();
        }
    }

    /// Serves all listeners that are due and ends the thread that does, after everything is
    /// synced: returns once all of them have run, unless called from within one. The caller holds no
    /// lock.
    pub fn finish_notifying(&self) {
        loop {
            let left = self.notification.finish();
            if left.is_empty() {
                return;
            }
            for stream in left {
                stream.serve();
            }
        }
    }

    /// Ends the threads, each after the stream it works on, and drops what is queued. False: one
    /// has panicked.
    #[must_use]
    pub fn stop(&self) -> bool {
        // All are stopped, whatever the outcome of the first.
        let stopped: Vec<bool> = self.tasks().map(|task| task.queue.stop()).collect();
        let journal_has_stopped = self.journal.get().is_none_or(|task| task.queue.stop());
        let has_stopped = self.retention.get().is_none_or(|retention| {
            retention.has_ended.store(true, Ordering::Release);
            retention.queue.stop()
        });
        journal_has_stopped && has_stopped && stopped.iter().all(|is_well| *is_well)
    }

    /// Forgets the threads in a forked child: they do not exist there, so nothing may be joined.
    pub fn leak_after_fork(&self) {
        for task in self.tasks() {
            task.queue.leak_after_fork();
        }
        if let Some(journal) = self.journal.get() {
            journal.queue.leak_after_fork();
        }
        if let Some(retention) = self.retention.get() {
            retention.queue.leak_after_fork();
        }
        self.notification.leak_after_fork();
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.sync.iter().chain([&self.preallocation])
    }

    /// What syncs this stream.
    fn sync_of(&self, stream: &Arc<StreamInner>) -> &Task {
        // By address: its high bits are mixed into the low ones, of which the lowest are equal.
        let address = Arc::as_ptr(stream).addr() as u64;
        let mixed = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        &self.sync[mixed as usize % self.sync.len()]
    }
}

impl BackgroundTasks for BackgroundThreads {
    fn sync_after(&self, stream: &Arc<StreamInner>, delay: Duration) -> bool {
        self.sync_of(stream).insert(stream, delay)
    }

    fn sync_now(&self, stream: &Arc<StreamInner>) -> bool {
        self.sync_of(stream).insert(stream, Duration::ZERO)
    }

    fn has_thread_for_syncs(&self, stream: &Arc<StreamInner>) -> bool {
        self.sync_of(stream).queue.has_thread()
    }

    fn preallocate(&self, stream: &Arc<StreamInner>) -> bool {
        self.preallocation.insert(stream, Duration::ZERO)
    }

    fn keep_journal(&self) -> bool {
        let task = self.journal.get();
        task.is_none_or(|task| task.queue.insert_after((), Duration::ZERO))
    }

    fn ensure_notifier(&self) -> io::Result<()> {
        self.notification.ensure_thread()
    }

    fn serve_listeners(&self, stream: &Arc<StreamInner>) {
        let serves_later = SERVES_LATER.with(Cell::get);
        if serves_later != Arc::as_ptr(stream).addr() {
            let held = HeldStream(Arc::clone(stream));
            self.notification.insert_after(held, Duration::ZERO);
        }
    }

    fn attend(&self) -> Attended {
        let mut attended = Attended::default();
        if self.is_stepped {
            return attended;
        }
        for task in self.tasks() {
            if let Err(warning) = task.start_if_needed() {
                attended.is_short_of_threads = true;
                attended.warnings.extend(warning);
            }
        }
        // Whatever becomes of the thread that retains, syncs are done here only without one that syncs.
        let is_short_for_streams = attended.is_short_of_threads;
        if let Some(journal) = self.journal.get() {
            if let Err(warning) = start_if_needed(&journal.queue, WITHOUT_JOURNAL) {
                attended.is_short_of_threads = true;
                attended.warnings.extend(warning);
            }
        }
        if let Some(retention) = self.retention.get() {
            if let Err(warning) = start_if_needed(&retention.queue, WITHOUT_RETENTION) {
                attended.is_short_of_threads = true;
                attended.warnings.extend(warning);
            }
        }
        let due = match is_short_for_streams {
            true => {
                let mut queues = self.sync.iter().map(|task| &task.queue);
                queues.find_map(|queue| queue.take_due_without_thread())
            }
            false => None,
        };
        if let Some(stream) = due.and_then(|key| key.0.upgrade()) {
            // On a thread of the caller's: it serves no listeners.
            run_or_poison(StreamInner::background_sync, &stream);
        }
        attended
    }

    #[cfg(feature = "sharded")]
    fn is_stepped(&self) -> bool {
        self.is_stepped
    }
}

impl Task {
    fn new(
        thread_name: &'static str,
        without_thread: &'static str,
        work: fn(&StreamInner),
        is_stepped: bool,
    ) -> Self {
        let queue = DueQueue::new(thread_name, is_stepped, move |key: &WeakStream| {
            if let Some(stream) = key.0.upgrade() {
                run_or_poison(work, &stream);
                // The log's sink may panic. That is the host's fault; the thread continues.
                let _ = catch_unwind(AssertUnwindSafe(|| stream.deliver()));
            }
            Next::WhenInserted
        });
        Task {
            queue,
            work,
            without_thread,
        }
    }

    /// Queues a stream. False: no thread will take it. After the stop it is ignored: closing makes
    /// everything durable and wakes all waiters.
    fn insert(&self, stream: &Arc<StreamInner>, delay: Duration) -> bool {
        let key = WeakStream(Arc::downgrade(stream));
        self.queue.insert_after(key, delay)
    }

    /// See [`start_if_needed`].
    fn start_if_needed(&self) -> Result<(), Option<String>> {
        start_if_needed(&self.queue, self.without_thread)
    }
}

/// Starts the thread if a key waits for it. An error: the start failed; the first failure carries a
/// warning for the sink.
fn start_if_needed<K: Clone + Eq + Hash + Send + 'static>(
    queue: &Arc<DueQueue<K>>,
    without: &str,
) -> Result<(), Option<String>> {
    queue.start_if_needed().map_err(|failed| {
        let name = queue.thread_name();
        let warning = |error| format!("no thread {name} could be started: {error}; {without}");
        failed.first_error.map(warning)
    })
}

/// A stream whose work panics is poisoned; the other streams still have a helper.
fn run_or_poison(work: fn(&StreamInner), stream: &StreamInner) {
    if catch_unwind(AssertUnwindSafe(|| work(stream))).is_err() {
        stream.poison_after_panic();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use crate::options::LogSink;
    use crate::options::WalOptions;
    use crate::storage::RealDisk;
    use crate::stream::LogContext;

    /// A stream that does not exist, on no disk in particular.
    fn stream(key: &str) -> Arc<StreamInner> {
        let options = WalOptions::default();
        let log: LogSink = Arc::new(|_, _| ());
        let context = LogContext::new(Arc::new(RealDisk), options, Default::default(), log);
        StreamInner::absent(&Arc::new(context), key, Default::default())
    }

    #[test]
    fn a_stream_that_panics_is_poisoned_and_others_still_have_a_helper() {
        // The helper's thread ended: no stream of the log was synced in the background any more.
        fn work(stream: &StreamInner) {
            assert!(&*stream.key != "bad", "panics on purpose");
            stream.poison_after_panic();
        }
        let task = || Task::new("test", "", work, false);
        let (bad, good) = (stream("bad"), stream("good"));
        let background_threads = BackgroundThreads {
            sync: Box::new([task()]),
            preallocation: task(),
            notification: DueQueue::new("test", false, HeldStream::serve),
            journal: OnceLock::new(),
            retention: OnceLock::new(),
            is_stepped: false,
        };
        background_threads.sync_now(&bad);
        background_threads.sync_now(&good);
        assert!(!background_threads.attend().is_short_of_threads);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !good.is_poisoned() {
            assert!(Instant::now() < deadline, "no helper works for the other");
            std::thread::yield_now();
        }
        assert!(bad.is_poisoned());
        assert!(background_threads.stop());
    }
}
