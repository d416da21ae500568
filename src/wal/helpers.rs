//! Who syncs and makes room behind the caller's back?
//!
//! Two threads, started when first needed: one syncs streams whose time has come, one makes room
//! ahead of tails. They hold streams weakly and end when the log is closed. Stepped (for tests that
//! must go the same way every time) there are no threads: what is queued is done when asked for.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use crate::options::LogSink;
use crate::storage::spawn;
use crate::stream::Attendant;
use crate::stream::StreamCore;
use crate::sync::Condvar;
use crate::sync::Mutex;
use crate::sync::now;
use crate::sync::thread::JoinHandle;

/// The helpers of one log.
pub struct Helpers {
    sync: Arc<Queue>,
    room: Arc<Queue>,
    log: LogSink,
    is_stepped: bool,
}

/// Streams that wait for a helper, by the time they are due.
struct Queue {
    name: &'static str,
    work: fn(&StreamCore),
    state: Mutex<QueueState>,
    changed: Condvar,
}

/// When, and which of those due then.
type Place = (Instant, u64);

#[derive(Default)]
struct QueueState {
    // Invariant: a stream is in both or in neither, and once at most, however often it asks.
    due: BTreeMap<Place, Weak<StreamCore>>,
    places: HashMap<usize, Place>,
    queued: u64,
    thread: Option<JoinHandle<()>>,
    started: bool,
    stopped: bool,
}

impl Helpers {
    /// Helpers at rest. Stepped: without threads.
    pub fn new(log: LogSink, is_stepped: bool) -> Arc<Self> {
        let queue = |name, work| {
            let state = Mutex::default();
            Arc::new(Queue {
                name,
                work,
                state,
                changed: Condvar::new(),
            })
        };
        Arc::new(Helpers {
            sync: queue("ironwal-sync", StreamCore::background_sync),
            room: queue("ironwal-room", StreamCore::prepare),
            log,
            is_stepped,
        })
    }

    /// Does what is queued, due or not, on this thread.
    #[cfg(feature = "simulation")]
    pub fn step(&self) {
        for queue in [&self.sync, &self.room] {
            let mut state = queue.state.lock();
            let queued: Vec<Place> = state.due.keys().copied().collect();
            let streams: Vec<_> = queued.iter().filter_map(|at| state.take(*at)).collect();
            drop(state);
            streams.iter().for_each(|stream| (queue.work)(stream));
        }
    }

    /// Ends the threads, after what they are doing; what is queued is dropped.
    pub fn stop(&self) {
        for queue in [&self.sync, &self.room] {
            let thread = {
                let mut state = queue.state.lock();
                state.stopped = true;
                state.due.clear();
                state.places.clear();
                queue.changed.notify_all();
                state.thread.take()
            };
            if thread.is_some_and(|thread| thread.join().is_err()) {
                (self.log)(log::Level::Error, "a helper thread panicked");
            }
        }
    }

    /// In a forked child there are no such threads: nothing may be joined.
    pub fn abandon(&self) {
        for queue in [&self.sync, &self.room] {
            // A thread of the parent may have held the lock when it forked.
            if let Some(mut state) = queue.state.try_lock() {
                std::mem::forget(state.thread.take());
            }
        }
    }

    fn queue(&self, queue: &Arc<Queue>, stream: &Arc<StreamCore>, delay: Duration) {
        // Who asks may not hold off cancellation, and the host's log may be told.
        #[cfg(feature = "capi")]
        let _whole = crate::storage::CancellationGuard::enter();
        let mut state = queue.state.lock();
        if state.stopped {
            return;
        }
        // A delay beyond what the clock can count is never due.
        let Some(due) = now().checked_add(delay) else {
            return;
        };
        let place = state.put(stream, due);
        if !state.started && !self.is_stepped {
            state.started = true;
            let worker = Arc::clone(queue);
            match spawn(queue.name, move || worker.run()) {
                Ok(thread) => state.thread = Some(thread),
                Err(error) => {
                    state.started = false;
                    drop(state);
                    (self.log)(
                        log::Level::Warn,
                        &format!("no thread {}: {error}", queue.name),
                    );
                    return;
                }
            }
        }
        if place.is_some() && state.due.keys().next() == place.as_ref() {
            queue.changed.notify_one();
        }
    }
}

impl QueueState {
    /// Queues a stream, or moves it forward. `None`: its turn comes before that anyway.
    fn put(&mut self, stream: &Arc<StreamCore>, due: Instant) -> Option<Place> {
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

    fn take(&mut self, place: Place) -> Option<Arc<StreamCore>> {
        let stream = self.due.remove(&place)?;
        self.places.remove(&stream.as_ptr().addr());
        stream.upgrade()
    }
}

impl Attendant for Helpers {
    fn sync_after(&self, stream: &Arc<StreamCore>, delay: Duration) {
        self.queue(&self.sync, stream, delay);
    }

    fn sync_now(&self, stream: &Arc<StreamCore>) {
        self.queue(&self.sync, stream, Duration::ZERO);
    }

    fn prepare(&self, stream: &Arc<StreamCore>) {
        self.queue(&self.room, stream, Duration::ZERO);
    }

    #[cfg(feature = "sharded")]
    fn is_stepped(&self) -> bool {
        self.is_stepped
    }
}

impl Queue {
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
            crate::sync::MutexGuard::unlocked(&mut state, || {
                // One stream that panics must not leave all others without a helper.
                let work = || (self.work)(&stream);
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    // It was the log's receiver that panicked, perhaps: this tells it once more.
                    let latch = || stream.poison_after_panic();
                    let _ = catch_unwind(AssertUnwindSafe(latch));
                }
                drop(stream);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::WalOptions;
    use crate::storage::RealDisk;
    use crate::stream::Environment;

    /// A stream that does not exist, on no disk in particular.
    fn stream(key: &str) -> Arc<StreamCore> {
        let options = WalOptions::default();
        let log: LogSink = Arc::new(|_, _| ());
        let environment = Environment::new(Arc::new(RealDisk), options, Default::default(), log);
        StreamCore::absent(&Arc::new(environment), key, Default::default())
    }

    #[test]
    fn a_stream_that_panics_is_poisoned_and_others_still_have_a_helper() {
        // The helper's thread ended: no stream of the log was synced behind its back any more.
        fn work(stream: &StreamCore) {
            assert!(&*stream.key != "bad", "panics on purpose");
            stream.poison_after_panic();
        }
        let queue = Arc::new(Queue {
            name: "test",
            work,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (bad, good) = (stream("bad"), stream("good"));
        let helpers = Helpers {
            sync: Arc::clone(&queue),
            room: Arc::clone(&queue),
            log: Arc::new(|_, _| ()),
            is_stepped: false,
        };
        helpers.sync_now(&bad);
        helpers.sync_now(&good);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !good.is_poisoned() {
            assert!(Instant::now() < deadline, "no helper works for the other");
            std::thread::yield_now();
        }
        assert!(bad.is_poisoned());
        helpers.stop();
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
