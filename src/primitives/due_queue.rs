//! How does one background thread work on keys at the times they are due?
//!
//! A key waits in the queue once, at the earliest time that was asked for. The thread takes keys in
//! the order of their times. It starts when [`DueQueue::start_if_needed`] first finds a key, and
//! ends when the queue is stopped. A stepped queue, for deterministic tests, has no thread: the
//! test takes the keys with `take_all`.
//!
//! Failure: if the thread cannot be started, keys stay queued. The next start is attempted after
//! [`RETRY_AFTER`] at the earliest; meanwhile callers may work on due keys themselves
//! ([`DueQueue::take_due_without_thread`]). A panic does not end the thread; [`DueQueue::stop`] reports it.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::platform::HashMap;
use crate::platform::join;
use crate::platform::spawn;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::MutexGuard;
use crate::primitives::now;
use crate::primitives::thread::JoinHandle;

/// The minimum time between two attempts to start the thread: every append may ask for one.
pub const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Keys that wait for a background thread, by the time they are due.
pub struct DueQueue<K> {
    thread_name: &'static str,
    is_stepped: bool,
    work: Box<Work<K>>,
    state: Mutex<QueueState<K>>,
    /// A key is due earlier than all others, or the queue is shut down.
    changed: Condvar,
}

/// What the thread does with a key that is due.
type Work<K> = dyn Fn(&K) -> Next + Send + Sync;

/// When a key is due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// When it is inserted again.
    WhenInserted,
    /// At this time, or earlier if it is inserted for an earlier time.
    At(Instant),
    /// Never: the queue shuts down. Only automatic checkpoints end by themselves.
    #[cfg_attr(not(feature = "sharded"), allow(dead_code))]
    ShutDown,
}

/// The thread cannot be started now.
#[derive(Debug)]
pub struct NoThread {
    /// The reason. Set for the first failure since the last start.
    pub first_error: Option<io::Error>,
}

/// When a key is due; the number orders keys due at the same time.
type DueTime = (Instant, u64);

struct QueueState<K> {
    // Invariant: a key is in both maps or in neither.
    due: BTreeMap<DueTime, K>,
    times: HashMap<K, DueTime>,
    insert_count: u64,
    thread: Option<JoinHandle<()>>,
    /// When the thread could not be started; `None` after a start.
    failed_at: Option<Instant>,
    is_shut_down: bool,
    /// The thread ends when no key is due.
    is_finishing: bool,
    /// The thread has been started and has not ended.
    is_running: bool,
    has_panicked: bool,
}

impl<K> Default for QueueState<K> {
    fn default() -> Self {
        QueueState {
            due: BTreeMap::new(),
            times: HashMap::default(),
            insert_count: 0,
            thread: None,
            failed_at: None,
            is_shut_down: false,
            is_finishing: false,
            is_running: false,
            has_panicked: false,
        }
    }
}

impl<K: Clone + Eq + Hash> QueueState<K> {
    /// Queues a key, or moves it forward. `None`: it is queued for that time or an earlier one.
    fn insert(&mut self, key: K, due: Instant) -> Option<DueTime> {
        match self.times.get(&key) {
            Some(queued) if queued.0 <= due => return None,
            Some(queued) => drop(self.due.remove(queued)),
            None => {}
        }
        self.insert_count += 1;
        let time = (due, self.insert_count);
        self.due.insert(time, key.clone());
        self.times.insert(key, time);
        Some(time)
    }

    fn take(&mut self, time: DueTime) -> Option<K> {
        let key = self.due.remove(&time)?;
        self.times.remove(&key);
        Some(key)
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> DueQueue<K> {
    /// An empty queue without a thread. Stepped: it never has one.
    pub fn new(
        thread_name: &'static str,
        is_stepped: bool,
        work: impl Fn(&K) -> Next + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(DueQueue {
            thread_name,
            is_stepped,
            work: Box::new(work),
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The name of the thread.
    pub fn thread_name(&self) -> &'static str {
        self.thread_name
    }

    /// Queues a key that is due after `delay`. Returns whether a thread will take it. A queue that
    /// is shut down ignores the key and returns true. A delay past the end of the clock is never
    /// due.
    pub fn insert_after(&self, key: K, delay: Duration) -> bool {
        match now().checked_add(delay) {
            Some(due) => self.insert_at(key, due),
            None => true,
        }
    }

    /// [`DueQueue::insert_after`], with a time instead of a delay.
    pub fn insert_at(&self, key: K, due: Instant) -> bool {
        let mut state = self.state.lock();
        if state.is_shut_down {
            return true;
        }
        let time = state.insert(key, due);
        if time.is_some() && state.due.keys().next() == time.as_ref() {
            self.changed.notify_one();
        }
        state.thread.is_some() || self.is_stepped
    }

    /// Whether a thread takes the keys that are due, or none has to.
    pub fn has_thread(&self) -> bool {
        let state = self.state.lock();
        state.thread.is_some() || state.is_shut_down || self.is_stepped
    }

    /// Starts the thread if a key waits for one.
    pub fn start_if_needed(self: &Arc<Self>) -> Result<(), NoThread> {
        let mut state = self.state.lock();
        let is_needed = !self.is_stepped && !state.is_shut_down && !state.due.is_empty();
        if !is_needed || state.thread.is_some() {
            return Ok(());
        }
        let asked_at = now();
        if state
            .failed_at
            .is_some_and(|failed_at| asked_at < failed_at + RETRY_AFTER)
        {
            return Err(NoThread { first_error: None });
        }
        self.start_locked(&mut state).map_err(|error| {
            let is_first = state.failed_at.replace(asked_at).is_none();
            NoThread {
                first_error: is_first.then_some(error),
            }
        })
    }

    /// Starts the thread, whether or not a key waits for it. Called once at most.
    #[cfg(feature = "sharded")]
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        self.start_locked(&mut self.state.lock())
    }

    /// Starts the thread if there is none and the queue is to have one, whether or not a key waits.
    pub fn ensure_thread(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.state.lock();
        if self.is_stepped || state.is_shut_down || state.is_finishing || state.thread.is_some() {
            return Ok(());
        }
        self.start_locked(&mut state)
    }

    /// Ends the thread once it has worked on all keys that are due, and waits for that, unless this
    /// is called on it. Returns the keys that no thread took: the caller works on them. Keys inserted
    /// from then on are dropped. A second call waits as the first does.
    pub fn finish(&self) -> Vec<K> {
        let this = crate::primitives::thread::current().id();
        let mut state = self.state.lock();
        state.is_finishing = true;
        self.changed.notify_all();
        let thread = state.thread.take();
        if thread.as_ref().is_some_and(|t| t.thread().id() == this) {
            return Vec::new();
        }
        while state.is_running {
            self.changed.wait(&mut state);
        }
        drop(state);
        if let Some(thread) = thread {
            // A panic has been caught and recorded.
            let _ = join(thread);
        }
        let left = self.take_all();
        self.shut_down();
        left
    }

    fn start_locked(self: &Arc<Self>, state: &mut QueueState<K>) -> io::Result<()> {
        let queue = Arc::clone(self);
        state.thread = Some(spawn(self.thread_name, move || queue.run())?);
        state.failed_at = None;
        state.is_running = true;
        Ok(())
    }

    /// Takes the first key that is due, if no thread will. The caller works on it.
    pub fn take_due_without_thread(&self) -> Option<K> {
        let mut state = self.state.lock();
        let (&time, _) = state.due.first_key_value()?;
        let is_left = state.thread.is_none() && !state.is_shut_down && time.0 <= now();
        is_left.then(|| state.take(time)).flatten()
    }

    /// Takes all keys, due or not, earliest first.
    pub fn take_all(&self) -> Vec<K> {
        let mut state = self.state.lock();
        state.times.clear();
        std::mem::take(&mut state.due).into_values().collect()
    }

    /// Stops the thread after the key it works on and joins it. Drops the keys that wait. Called on
    /// the queue's own thread it joins nothing: the thread ends when its key is done. False: a panic
    /// has been caught.
    #[must_use]
    pub fn stop(&self) -> bool {
        let this = crate::primitives::thread::current().id();
        let thread = self.shut_down();
        let thread = thread.filter(|thread| thread.thread().id() != this);
        let has_joined = thread.is_none_or(|thread| join(thread).is_ok());
        has_joined && !self.state.lock().has_panicked
    }

    /// [`DueQueue::stop`], also on the queue's own thread: that one ends when its key is done.
    #[cfg(feature = "sharded")]
    pub fn stop_or_detach(&self) {
        let this = crate::primitives::thread::current().id();
        let thread = self.shut_down();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != this) {
            // A panic has been caught and recorded.
            let _ = join(thread);
        }
    }

    fn shut_down(&self) -> Option<JoinHandle<()>> {
        let mut state = self.state.lock();
        self.shut_down_locked(&mut state);
        state.thread.take()
    }

    fn shut_down_locked(&self, state: &mut QueueState<K>) {
        state.is_shut_down = true;
        state.due.clear();
        state.times.clear();
        self.changed.notify_all();
    }

    /// Forgets the thread's handle in a forked child, where the thread does not exist.
    pub fn leak_after_fork(&self) {
        // A thread of the parent may have held the lock when it forked.
        if let Some(mut state) = self.state.try_lock() {
            std::mem::forget(state.thread.take());
        }
    }

    /// The body of the thread.
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.is_shut_down {
            let Some((&time, _)) = state.due.first_key_value() else {
                if state.is_finishing {
                    break;
                }
                self.changed.wait(&mut state);
                continue;
            };
            if time.0 > now() {
                self.changed.wait_until(&mut state, time.0);
                continue;
            }
            let Some(key) = state.take(time) else {
                continue;
            };
            let next = MutexGuard::unlocked(&mut state, || {
                catch_unwind(AssertUnwindSafe(|| (self.work)(&key)))
            });
            match next {
                Err(_) => state.has_panicked = true,
                Ok(Next::WhenInserted) => {}
                Ok(Next::At(due)) if !state.is_shut_down => drop(state.insert(key, due)),
                Ok(Next::At(_)) => {}
                Ok(Next::ShutDown) => self.shut_down_locked(&mut state),
            }
        }
        state.is_running = false;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_queued_once_for_the_earliest_time_it_asked_for() {
        // Every append after a sync added one more entry, due in an hour if that was the interval:
        // memory grew with the number of syncs.
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        let mut state = QueueState::default();
        let late = state.insert("s", now + hour).expect("queued");
        assert!(state.insert("s", now + hour * 2).is_none());
        let soon = state.insert("s", now).expect("moved forward");
        assert!(state.take(late).is_none());
        assert_eq!(state.take(soon), Some("s"));
        assert!(state.due.is_empty() && state.times.is_empty());
        assert!(state.insert("s", now + hour).is_some(), "asked for again");
    }

    /// A queue that sends the keys it works on, and a receiver of them.
    fn sending(
        next: impl Fn(u32) -> Next + Send + Sync + 'static,
    ) -> (Arc<DueQueue<u32>>, std::sync::mpsc::Receiver<u32>) {
        let (sender, receiver) = std::sync::mpsc::channel();
        let queue = DueQueue::new("test", false, move |key: &u32| {
            sender.send(*key).expect("the receiver is there");
            next(*key)
        });
        (queue, receiver)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn keys_are_taken_earliest_first_and_one_that_asks_for_it_comes_again() {
        let (queue, keys) = sending(|key| match key {
            3 => Next::At(Instant::now()),
            _ => Next::WhenInserted,
        });
        let due = Instant::now();
        for (key, delay) in [(3, 3), (1, 1), (2, 2)] {
            // No thread yet.
            assert!(!queue.insert_at(key, due + Duration::from_nanos(delay)));
        }
        queue.start_if_needed().expect("starts");
        let taken: Vec<u32> = (0..5)
            .map(|_| keys.recv_timeout(LONG).expect("a key"))
            .collect();
        assert_eq!(taken, [1, 2, 3, 3, 3]);
        assert!(queue.stop());
    }

    #[test]
    fn a_panic_is_reported_at_the_stop_and_the_thread_works_on() {
        let (queue, keys) = sending(|key| match key {
            1 => panic!("on purpose"),
            _ => Next::WhenInserted,
        });
        queue.insert_after(1, Duration::ZERO);
        queue.start_if_needed().expect("starts");
        assert_eq!(keys.recv_timeout(LONG), Ok(1));
        assert!(queue.insert_after(2, Duration::ZERO));
        assert_eq!(keys.recv_timeout(LONG), Ok(2));
        assert!(!queue.stop());
    }

    #[test]
    fn a_queue_that_is_shut_down_ignores_keys_and_starts_no_thread() {
        let (queue, keys) = sending(|_| Next::ShutDown);
        queue.insert_after(1, Duration::ZERO);
        queue.insert_after(2, Duration::from_secs(3600));
        queue.start_if_needed().expect("starts");
        assert_eq!(keys.recv_timeout(LONG), Ok(1));
        assert!(queue.stop());
        assert!(queue.insert_after(3, Duration::ZERO));
        queue.start_if_needed().expect("not needed");
        let state = queue.state.lock();
        assert!(state.due.is_empty() && state.times.is_empty() && state.thread.is_none());
    }

    #[cfg(feature = "sharded")]
    #[test]
    fn the_thread_itself_may_stop_the_queue() {
        let itself = Arc::new(std::sync::OnceLock::<Arc<DueQueue<u32>>>::new());
        let (sender, stopped) = std::sync::mpsc::channel();
        let inner = Arc::clone(&itself);
        let queue = DueQueue::new("test", false, move |_: &u32| {
            let queue = inner.get().expect("is set");
            queue.stop_or_detach();
            sender.send(()).expect("the receiver is there");
            Next::WhenInserted
        });
        assert!(itself.set(Arc::clone(&queue)).is_ok());
        queue.insert_after(1, Duration::ZERO);
        queue.start_if_needed().expect("starts");
        assert_eq!(stopped.recv_timeout(LONG), Ok(()));
        assert!(queue.state.lock().thread.is_none());
    }

    #[cfg(feature = "simulation")]
    #[test]
    fn without_a_thread_the_caller_takes_what_is_due_and_hears_the_reason_once() {
        use crate::platform::refuse_threads;
        let (queue, keys) = sending(|_| Next::WhenInserted);
        refuse_threads(true);
        queue.insert_after(1, Duration::ZERO);
        queue.insert_after(2, Duration::from_secs(3600));
        let refused = queue.start_if_needed().expect_err("no thread");
        assert!(refused.first_error.is_some() && !queue.has_thread());
        let refused = queue.start_if_needed().expect_err("no thread");
        assert!(refused.first_error.is_none());
        assert_eq!(queue.take_due_without_thread(), Some(1));
        assert_eq!(queue.take_due_without_thread(), None);
        refuse_threads(false);
        queue.insert_after(3, Duration::ZERO);
        let deadline = Instant::now() + LONG;
        while queue.start_if_needed().is_err() {
            assert!(Instant::now() < deadline, "no thread is started");
            std::thread::yield_now();
        }
        assert_eq!(keys.recv_timeout(LONG), Ok(3));
        assert!(queue.stop());
    }

    #[cfg(feature = "simulation")]
    #[test]
    fn a_stepped_queue_has_no_thread_and_gives_all_keys_in_order() {
        let queue = DueQueue::new("test", true, |_: &u32| Next::WhenInserted);
        for (key, seconds) in [(1, 50), (2, 20), (3, 0), (1, 10)] {
            assert!(queue.insert_after(key, Duration::from_secs(seconds)));
        }
        queue.start_if_needed().expect("not needed");
        assert!(queue.state.lock().thread.is_none());
        assert_eq!(queue.take_all(), [3, 1, 2]);
        assert!(queue.take_all().is_empty());
    }
}
