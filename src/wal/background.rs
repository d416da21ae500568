//! Who syncs and makes room behind the caller's back?
//!
//! Two threads, started when first needed: one syncs streams whose time has come, one makes room
//! ahead of tails. They hold streams weakly and end when the log is closed. Stepped (for tests that
//! must go the same way every time) there are no threads: what is queued is done when asked for.
//!
//! Failure: a thread that cannot be started is tried again by later appends, every 100 ms at most.
//! Until one can be had, an append that finds a sync due does it itself, at its end. Room needs
//! nobody: appends make their own. The receiver of the log's messages is warned once.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use crate::platform::HashMap;
use crate::platform::join;
use crate::platform::spawn;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::now;
use crate::primitives::thread::JoinHandle;
use crate::stream::Attended;
use crate::stream::BackgroundTasks;
use crate::stream::StreamInner;

/// The background_threads of one log.
pub struct BackgroundThreads {
    sync: Arc<DueQueue>,
    room: Arc<DueQueue>,
    is_stepped: bool,
}

/// How long no thread is started after one could not be: an append must not try each time.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Streams that wait for a helper, by the time they are due.
struct DueQueue {
    name: &'static str,
    /// What becomes of the work while the thread cannot be started.
    without: &'static str,
    work: fn(&StreamInner),
    state: Mutex<QueueState>,
    changed: Condvar,
}

/// When, and which of those due then.
type DueKey = (Instant, u64);

#[derive(Default)]
struct QueueState {
    // Invariant: a stream is in both or in neither, and once at most, however often it asks.
    due: BTreeMap<DueKey, Weak<StreamInner>>,
    places: HashMap<usize, DueKey>,
    queued: u64,
    thread: Option<JoinHandle<()>>,
    /// When the thread could not be started; `None` since it could.
    refused_at: Option<Instant>,
    stopped: bool,
}

impl BackgroundThreads {
    /// BackgroundThreads at rest. Stepped: without threads.
    pub fn new(is_stepped: bool) -> Arc<Self> {
        let queue = |name, without, work| {
            let state = Mutex::default();
            Arc::new(DueQueue {
                name,
                without,
                work,
                state,
                changed: Condvar::new(),
            })
        };
        Arc::new(BackgroundThreads {
            sync: queue("ironwal-sync", WITHOUT_SYNC, StreamInner::background_sync),
            room: queue("ironwal-prealloc", WITHOUT_ROOM, StreamInner::preallocate),
            is_stepped,
        })
    }

    /// Does what is queued, due or not, on this thread.
    #[cfg(feature = "simulation")]
    pub fn step(&self) {
        for queue in [&self.sync, &self.room] {
            let mut state = queue.state.lock();
            let queued: Vec<DueKey> = state.due.keys().copied().collect();
            let streams: Vec<_> = queued.iter().filter_map(|at| state.take(*at)).collect();
            drop(state);
            for stream in streams {
                (queue.work)(&stream);
                stream.deliver();
            }
        }
    }

    /// Ends the threads, after what they are doing; what is queued is dropped. False: one panicked.
    #[must_use]
    pub fn stop(&self) -> bool {
        let mut all_well = true;
        for queue in [&self.sync, &self.room] {
            let thread = {
                let mut state = queue.state.lock();
                state.stopped = true;
                state.due.clear();
                state.places.clear();
                queue.changed.notify_all();
                state.thread.take()
            };
            all_well &= thread.is_none_or(|thread| join(thread).is_ok());
        }
        all_well
    }

    /// In a forked child there are no such threads: nothing may be joined.
    pub fn leak_after_fork(&self) {
        for queue in [&self.sync, &self.room] {
            // A thread of the parent may have held the lock when it forked.
            if let Some(mut state) = queue.state.try_lock() {
                std::mem::forget(state.thread.take());
            }
        }
    }

    /// Queues a stream. False: no thread is there to take it out.
    fn queue(&self, queue: &DueQueue, stream: &Arc<StreamInner>, delay: Duration) -> bool {
        let mut state = queue.state.lock();
        if state.stopped {
            // Closing makes all durable, and answers all who wait.
            return true;
        }
        // A delay beyond what the clock can count is never due.
        let Some(due) = now().checked_add(delay) else {
            return true;
        };
        let place = state.put(stream, due);
        if place.is_some() && state.due.keys().next() == place.as_ref() {
            queue.changed.notify_one();
        }
        state.thread.is_some() || self.is_stepped
    }

    fn has_thread(&self, queue: &DueQueue) -> bool {
        let state = queue.state.lock();
        state.thread.is_some() || state.stopped || self.is_stepped
    }
}

const WITHOUT_SYNC: &str = "until it can be, appends do the syncs that are due; what is appended \
    last is durable only after the next append, a sync or the close";
const WITHOUT_ROOM: &str = "until it can be, appends make room themselves";

impl QueueState {
    /// Queues a stream, or moves it forward. `None`: its turn comes before that anyway.
    fn put(&mut self, stream: &Arc<StreamInner>, due: Instant) -> Option<DueKey> {
        // The weak pointer kept beside it keeps the address from being used anew.
        let address = Arc::as_ptr(stream).addr();
        match self.places.get(&address) {
            Some(earlier) if earlier.0 <= due => return None,
            Some(later) => drop(self.due.remove(later)),
            None => {}
        }
        self.queued += 1;
        let place = (due, self.queued);
        self.due.insert(place, Arc::downgrade(stream));
        self.places.insert(address, place);
        Some(place)
    }

    fn take(&mut self, place: DueKey) -> Option<Arc<StreamInner>> {
        let stream = self.due.remove(&place)?;
        self.places.remove(&stream.as_ptr().addr());
        stream.upgrade()
    }
}

impl BackgroundTasks for BackgroundThreads {
    fn sync_after(&self, stream: &Arc<StreamInner>, delay: Duration) -> bool {
        self.queue(&self.sync, stream, delay)
    }

    fn sync_now(&self, stream: &Arc<StreamInner>) -> bool {
        self.queue(&self.sync, stream, Duration::ZERO)
    }

    fn has_thread_for_syncs(&self) -> bool {
        self.has_thread(&self.sync)
    }

    fn preallocate(&self, stream: &Arc<StreamInner>) -> bool {
        self.queue(&self.room, stream, Duration::ZERO)
    }

    fn attend(&self) -> Attended {
        let mut attended = Attended::default();
        if self.is_stepped {
            return attended;
        }
        for queue in [&self.sync, &self.room] {
            if let Err(warning) = queue.start() {
                attended.is_short_of_threads = true;
                attended.warnings.extend(warning);
            }
        }
        let due = match attended.is_short_of_threads {
            true => self.sync.take_due_without_thread(),
            false => None,
        };
        if let Some(stream) = due {
            self.sync.work_for(&stream);
        }
        attended
    }

    #[cfg(feature = "sharded")]
    fn is_stepped(&self) -> bool {
        self.is_stepped
    }
}

impl DueQueue {
    /// Starts the thread, if it is needed and not there. An error: it cannot be had now; with a
    /// warning, the first time.
    fn start(self: &Arc<Self>) -> Result<(), Option<String>> {
        let mut state = self.state.lock();
        if state.stopped || state.thread.is_some() || state.due.is_empty() {
            return Ok(());
        }
        let asked_at = now();
        if state
            .refused_at
            .is_some_and(|before| asked_at < before + RETRY_AFTER)
        {
            return Err(None);
        }
        let worker = Arc::clone(self);
        match spawn(self.name, move || worker.run()) {
            Ok(thread) => {
                state.thread = Some(thread);
                state.refused_at = None;
                Ok(())
            }
            Err(error) => {
                let is_first = state.refused_at.replace(asked_at).is_none();
                let (name, without) = (self.name, self.without);
                let warning = || format!("no thread {name} could be started: {error}; {without}");
                Err(is_first.then(warning))
            }
        }
    }

    /// A stream that is due, where no thread is there to take it.
    fn take_due_without_thread(&self) -> Option<Arc<StreamInner>> {
        let mut state = self.state.lock();
        let (&place, _) = state.due.first_key_value()?;
        let is_left = state.thread.is_none() && !state.stopped && place.0 <= now();
        is_left.then(|| state.take(place)).flatten()
    }

    /// One stream that panics must not leave all others without a helper.
    fn work_for(&self, stream: &StreamInner) {
        if catch_unwind(AssertUnwindSafe(|| (self.work)(stream))).is_err() {
            stream.poison_after_panic();
        }
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.stopped {
            let Some((&place, _)) = state.due.first_key_value() else {
                self.changed.wait(&mut state);
                continue;
            };
            if place.0 > now() {
                self.changed.wait_until(&mut state, place.0);
                continue;
            }
            let Some(stream) = state.take(place) else {
                continue;
            };
            crate::primitives::MutexGuard::unlocked(&mut state, || {
                self.work_for(&stream);
                // The log's receiver may panic: that is the host's, and ends no helper.
                let _ = catch_unwind(AssertUnwindSafe(|| stream.deliver()));
                drop(stream);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        // The helper's thread ended: no stream of the log was synced behind its back any more.
        fn work(stream: &StreamInner) {
            assert!(&*stream.key != "bad", "panics on purpose");
            stream.poison_after_panic();
        }
        let queue = Arc::new(DueQueue {
            name: "test",
            without: "",
            work,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (bad, good) = (stream("bad"), stream("good"));
        let background_threads = BackgroundThreads {
            sync: Arc::clone(&queue),
            room: Arc::clone(&queue),
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

    #[test]
    fn a_stream_is_queued_once_for_the_earliest_time_it_asked_for() {
        // Every append behind a sync left one more place behind, for an hour if that was the
        // interval: memory grew with the number of syncs.
        let stream = stream("s");
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        let mut state = QueueState::default();
        let late = state.put(&stream, now + hour).expect("queued");
        assert!(state.put(&stream, now + hour * 2).is_none());
        let soon = state.put(&stream, now).expect("moved forward");
        assert!(state.take(late).is_none());
        assert!(Arc::ptr_eq(&state.take(soon).expect("is there"), &stream));
        assert!(state.due.is_empty() && state.places.is_empty());
        assert!(state.put(&stream, now + hour).is_some(), "asked for anew");
    }
}
