//! Who works on several shards at once?
//!
//! A few threads, started when first needed, and always the caller too: so a call goes on even if
//! no thread could be started, or all of them are busy. They end when the log does; in a forked
//! child they do not exist and nothing is joined.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::platform::fork_generation;
use crate::platform::join;
use crate::platform::spawn;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::primitives::thread::JoinHandle;

/// Syncs wait for the disk, not for a core, so there may be more of them than cores.
const MAX_THREADS: usize = 8;

/// The threads of one sharded log.
pub struct WorkerPool {
    shared: Arc<Shared>,
    most_threads: usize,
    fork_generation: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is work, or the crew was shut_down.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Arc<dyn Job>>,
    threads: Vec<JoinHandle<()>>,
    shut_down: bool,
}

/// Work in pieces.
trait Job: Send + Sync {
    /// Does one piece. False: none is left to begin.
    fn step(&self) -> bool;
}

struct JobItems<T, R, F> {
    items: Vec<T>,
    next: AtomicUsize,
    work: F,
    results: Mutex<(Vec<Option<Result<R>>>, usize)>,
    /// The last piece is done.
    done: Condvar,
}

impl WorkerPool {
    /// A crew without threads yet.
    pub fn new() -> Self {
        WorkerPool {
            shared: Arc::default(),
            most_threads: MAX_THREADS,
            fork_generation: fork_generation(),
        }
    }

    /// A crew that never has any: the caller does everything, in order.
    pub fn inline() -> Self {
        let mut crew = WorkerPool::new();
        crew.most_threads = 0;
        crew
    }

    /// Does `work` on every item, on several threads at once, and returns the results in order.
    pub fn for_each<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(&T) -> Result<R> + Send + Sync + 'static,
    ) -> Vec<Result<R>>
    where
        T: Send + Sync + 'static,
        R: Send + 'static,
    {
        if items.len() <= 1 {
            return items.iter().map(work).collect();
        }
        let count = items.len();
        let pieces = Arc::new(JobItems {
            items,
            next: AtomicUsize::new(0),
            work,
            results: Mutex::new(((0..count).map(|_| None).collect(), 0)),
            done: Condvar::new(),
        });
        let task = Arc::clone(&pieces) as Arc<dyn Job>;
        self.submit(Arc::clone(&task), count - 1);
        while pieces.step() {}
        self.cancel(&task);
        let mut results = pieces.results.lock();
        while results.1 < count {
            pieces.done.wait(&mut results);
        }
        std::mem::take(&mut results.0)
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(panicked())))
            .collect()
    }

    fn submit(&self, task: Arc<dyn Job>, useful_threads: usize) {
        let mut state = self.shared.state.lock();
        if state.shut_down {
            return;
        }
        while state.threads.len() < useful_threads.min(self.most_threads) {
            let shared = Arc::clone(&self.shared);
            match spawn("ironwal-pool", move || shared.run()) {
                Ok(thread) => state.threads.push(thread),
                // The caller does the work that no thread takes.
                Err(_) => break,
            }
        }
        state.tasks.push_back(task);
        self.shared.changed.notify_all();
    }

    /// Every piece was begun. Perhaps no thread has seen the task, and none ever will.
    fn cancel(&self, task: &Arc<dyn Job>) {
        self.shared.state.lock().cancel(task);
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        if self.fork_generation != fork_generation() {
            // A thread of the parent may have held the lock when it forked.
            if let Some(mut state) = self.shared.state.try_lock() {
                std::mem::forget(std::mem::take(&mut state.threads));
            }
            return;
        }
        let threads = {
            let mut state = self.shared.state.lock();
            state.shut_down = true;
            self.shared.changed.notify_all();
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            // A panic in a piece was caught and told there.
            let _ = join(thread);
        }
    }
}

impl State {
    fn cancel(&mut self, task: &Arc<dyn Job>) {
        self.tasks.retain(|other| !Arc::ptr_eq(other, task));
    }
}

impl Shared {
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.shut_down {
            let Some(task) = state.tasks.front().cloned() else {
                self.changed.wait(&mut state);
                continue;
            };
            let left = crate::primitives::MutexGuard::unlocked(&mut state, || task.step());
            if !left {
                state.cancel(&task);
            }
        }
    }
}

impl<T, R, F> Job for JobItems<T, R, F>
where
    T: Send + Sync,
    R: Send,
    F: Fn(&T) -> Result<R> + Send + Sync,
{
    fn step(&self) -> bool {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = self.items.get(place) else {
            return false;
        };
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(item)));
        let mut results = self.results.lock();
        if let Some(slot) = results.0.get_mut(place) {
            *slot = Some(result.unwrap_or_else(|_| Err(panicked())));
        }
        results.1 += 1;
        if results.1 == self.items.len() {
            self.done.notify_all();
        }
        true
    }
}

fn panicked() -> Error {
    Error::Io(std::io::Error::other(
        "a thread panicked while it worked on a shard",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        let crew = WorkerPool::new();
        for count in [0, 1, 2, 7, 500] {
            let doubled = crew.for_each((0..count).collect(), |i: &usize| Ok(i * 2));
            let doubled: Vec<usize> = doubled
                .into_iter()
                .map(|r| r.expect("no failure"))
                .collect();
            assert_eq!(doubled, (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_an_error_of_its_item_and_the_crew_works_on() {
        let crew = WorkerPool::new();
        let work = |i: &usize| match i {
            3 => panic!("as planned"),
            i => Ok(*i),
        };
        for _ in 0..3 {
            let results = crew.for_each((0..9).collect(), work);
            let failed: Vec<usize> = (0..9).filter(|i| results[*i].is_err()).collect();
            assert_eq!(failed, [3]);
        }
    }

    #[test]
    fn several_callers_share_one_crew() {
        let crew = Arc::new(WorkerPool::new());
        let caller = |crew: Arc<WorkerPool>| {
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let results = crew.for_each((0..20).collect(), |i: &usize| Ok(i + 1));
                    assert!(
                        results
                            .iter()
                            .enumerate()
                            .all(|(i, r)| matches!(r, Ok(n) if *n == i + 1))
                    );
                }
            })
        };
        let callers: Vec<_> = (0..4).map(|_| caller(Arc::clone(&crew))).collect();
        callers
            .into_iter()
            .for_each(|c| c.join().expect("a caller"));
    }
}
