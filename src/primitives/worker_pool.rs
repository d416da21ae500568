//! How is one function run over many items on several threads?
//!
//! The caller works on the items too. So a call completes even where no thread can be started, or
//! where all threads are busy with the jobs of other callers. Threads start when a job first needs
//! them and end when the pool is dropped. They do not exist in a forked child: dropping the pool
//! there joins nothing.

use std::collections::VecDeque;
use std::iter::Enumerate;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::platform::fork_generation;
use crate::platform::join;
use crate::platform::processor_count;
use crate::platform::spawn;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::MutexGuard;
use crate::primitives::thread;
use crate::primitives::thread::JoinHandle;

/// Threads of a pool besides the caller's.
const MAX_THREADS: usize = 8;

/// For cheap items: with fewer per thread, starting a thread costs more than it saves.
const MIN_ITEMS_PER_THREAD: usize = 8;
/// For cheap items: a thread claims at most this many at once.
const MAX_CLAIMED_ITEMS: usize = 16;
/// For cheap items: a thread claims about this often, so that all threads end at about the same
/// time.
const MIN_CLAIMS_PER_THREAD: usize = 8;

/// Threads that several callers share.
pub struct WorkerPool {
    jobs: Arc<JobQueue>,
    sharing: Sharing,
    fork_generation: u64,
}

/// How the items of a job are distributed.
#[derive(Debug, Clone, Copy)]
enum Sharing {
    /// The caller works on all of them, in order.
    #[cfg(feature = "sharded")]
    Inline,
    /// Items that wait for the disk: one thread for each, whatever the number of cores.
    #[cfg(feature = "sharded")]
    SlowItems,
    /// Many cheap items: few threads, which claim several items at a time.
    CheapItems,
}

#[derive(Default)]
struct JobQueue {
    state: Mutex<QueueState>,
    /// A job was submitted, or the pool is shut down.
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Arc<dyn Job>>,
    threads: Vec<JoinHandle<()>>,
    is_shut_down: bool,
}

/// Work that several threads do in parts.
trait Job: Send + Sync {
    /// Claims some items and works on them. False: all items are claimed.
    fn step(&self) -> bool;
}

struct JobItems<T, R, F> {
    unclaimed: Mutex<Enumerate<IntoIter<T>>>,
    count: usize,
    /// How many items a thread claims at once.
    claim_len: usize,
    work: F,
    finished: Mutex<Finished<R>>,
    all_finished: Condvar,
}

struct Finished<R> {
    /// Results of consecutive items, with the index of the first.
    chunks: Vec<(usize, Vec<thread::Result<R>>)>,
    count: usize,
}

impl WorkerPool {
    /// A pool for items that wait for the disk. No thread runs yet.
    #[cfg(feature = "sharded")]
    pub fn for_slow_items() -> Self {
        Self::with_sharing(Sharing::SlowItems)
    }

    /// A pool for many cheap items. No thread runs yet.
    pub fn for_cheap_items() -> Self {
        Self::with_sharing(Sharing::CheapItems)
    }

    /// A pool without threads: the caller works on all items, in order.
    #[cfg(feature = "sharded")]
    pub fn inline() -> Self {
        Self::with_sharing(Sharing::Inline)
    }

    fn with_sharing(sharing: Sharing) -> Self {
        WorkerPool {
            jobs: Arc::default(),
            sharing,
            fork_generation: fork_generation(),
        }
    }

    /// Calls `work` on every item, on several threads at once, and returns the results in the order
    /// of the items. A panic is the error of its item; `work` still runs on the others.
    pub fn for_each<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Vec<thread::Result<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let count = items.len();
        let helpers = self.sharing.helpers(count);
        if helpers == 0 {
            let results = items.into_iter().map(|item| run_item(&work, item));
            return results.collect();
        }
        let items = Arc::new(JobItems {
            unclaimed: Mutex::new(items.into_iter().enumerate()),
            count,
            claim_len: self.sharing.claim_len(count, helpers),
            work,
            finished: Mutex::new(Finished {
                chunks: Vec::new(),
                count: 0,
            }),
            all_finished: Condvar::new(),
        });
        let job = Arc::clone(&items) as Arc<dyn Job>;
        self.submit(Arc::clone(&job), helpers);
        while items.step() {}
        // All items are claimed: idle threads must not pick the job up.
        self.jobs.state.lock().cancel(&job);
        items.wait()
    }

    fn submit(&self, job: Arc<dyn Job>, helpers: usize) {
        let mut state = self.jobs.state.lock();
        while state.threads.len() < helpers {
            let jobs = Arc::clone(&self.jobs);
            match spawn("ironwal-pool", move || jobs.run()) {
                Ok(thread) => state.threads.push(thread),
                // The caller works on the items that no thread claims.
                Err(_) => break,
            }
        }
        state.jobs.push_back(job);
        self.jobs.changed.notify_all();
    }
}

/// The results, or the first panic, which continues on the calling thread.
pub fn resume_first_panic<R>(results: Vec<thread::Result<R>>) -> Vec<R> {
    let results = results.into_iter();
    results
        .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
        .collect()
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        if self.fork_generation != fork_generation() {
            // A thread of the parent may have held the lock when it forked.
            if let Some(mut state) = self.jobs.state.try_lock() {
                std::mem::forget(std::mem::take(&mut state.threads));
            }
            return;
        }
        let threads = {
            let mut state = self.jobs.state.lock();
            state.is_shut_down = true;
            self.jobs.changed.notify_all();
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            // A panic was caught and is the result of its item.
            let _ = join(thread);
        }
    }
}

impl Sharing {
    /// How many threads a job uses besides the caller's.
    fn helpers(self, count: usize) -> usize {
        match self {
            #[cfg(feature = "sharded")]
            Sharing::Inline => 0,
            #[cfg(feature = "sharded")]
            Sharing::SlowItems => count.saturating_sub(1).min(MAX_THREADS),
            Sharing::CheapItems => match count / MIN_ITEMS_PER_THREAD {
                // Counting the cores reads a few files, which took longer than opening a small log.
                0 | 1 => 0,
                wanted => {
                    let cores = processor_count();
                    wanted.min(MAX_THREADS).min(cores * 2) - 1
                }
            },
        }
    }

    fn claim_len(self, count: usize, helpers: usize) -> usize {
        match self {
            Sharing::CheapItems => {
                (count / (helpers + 1) / MIN_CLAIMS_PER_THREAD).clamp(1, MAX_CLAIMED_ITEMS)
            }
            #[cfg(feature = "sharded")]
            Sharing::SlowItems | Sharing::Inline => 1,
        }
    }
}

impl QueueState {
    fn cancel(&mut self, job: &Arc<dyn Job>) {
        self.jobs.retain(|other| !Arc::ptr_eq(other, job));
    }
}

impl JobQueue {
    /// The body of a pool thread.
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.is_shut_down {
            let Some(job) = state.jobs.front().cloned() else {
                self.changed.wait(&mut state);
                continue;
            };
            let has_more = MutexGuard::unlocked(&mut state, || job.step());
            if !has_more {
                state.cancel(&job);
            }
            // The last reference may drop the caller's closure, which must not run under the lock.
            MutexGuard::unlocked(&mut state, || drop(job));
        }
    }
}

impl<T, R, F> Job for JobItems<T, R, F>
where
    T: Send,
    R: Send,
    F: Fn(T) -> R + Send + Sync,
{
    fn step(&self) -> bool {
        let mut unclaimed = self.unclaimed.lock();
        let claimed: Vec<(usize, T)> = unclaimed.by_ref().take(self.claim_len).collect();
        drop(unclaimed);
        let Some(&(first, _)) = claimed.first() else {
            return false;
        };
        let results = claimed.into_iter();
        let results = results.map(|(_, item)| run_item(&self.work, item));
        let results: Vec<_> = results.collect();
        let mut finished = self.finished.lock();
        finished.count += results.len();
        finished.chunks.push((first, results));
        if finished.count == self.count {
            self.all_finished.notify_all();
        }
        true
    }
}

impl<T, R, F> JobItems<T, R, F> {
    /// Waits for the items that other threads have claimed, and takes all results in order.
    fn wait(&self) -> Vec<thread::Result<R>> {
        let mut finished = self.finished.lock();
        while finished.count < self.count {
            self.all_finished.wait(&mut finished);
        }
        let mut chunks = std::mem::take(&mut finished.chunks);
        drop(finished);
        chunks.sort_unstable_by_key(|(first, _)| *first);
        let mut results = Vec::with_capacity(self.count);
        for (_, chunk) in chunks {
            results.extend(chunk);
        }
        results
    }
}

fn run_item<T, R>(work: impl Fn(T) -> R, item: T) -> thread::Result<R> {
    catch_unwind(AssertUnwindSafe(|| work(item)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Vec<WorkerPool> {
        vec![
            WorkerPool::for_cheap_items(),
            #[cfg(feature = "sharded")]
            WorkerPool::for_slow_items(),
            #[cfg(feature = "sharded")]
            WorkerPool::inline(),
        ]
    }

    fn doubled(pool: &WorkerPool, count: usize) {
        let doubled = pool.for_each((0..count).collect(), |i: usize| i * 2);
        let doubled = resume_first_panic(doubled);
        assert_eq!(doubled, (0..count).map(|i| i * 2).collect::<Vec<_>>());
    }

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        for pool in pools() {
            for count in [0, 1, 2, 7, 500, 1000] {
                doubled(&pool, count);
            }
        }
    }

    #[test]
    fn a_panic_is_an_error_of_its_item_and_the_crew_works_on() {
        let work = |i: usize| match i {
            3 => panic!("as planned"),
            i => i,
        };
        for pool in pools() {
            for count in [9, 9, 90, 4] {
                let results = pool.for_each((0..count).collect(), work);
                let failed: Vec<usize> = (0..count).filter(|i| results[*i].is_err()).collect();
                assert_eq!(failed, [3]);
                let resumed = catch_unwind(AssertUnwindSafe(|| resume_first_panic(results)));
                let panic = resumed.expect_err("the panic is not lost");
                assert_eq!(panic.downcast_ref::<&str>(), Some(&"as planned"));
            }
            doubled(&pool, 90);
        }
    }

    #[cfg(feature = "simulation")]
    #[test]
    fn where_no_thread_can_be_started_the_caller_works_on_all_items() {
        for pool in pools() {
            crate::platform::refuse_threads(true);
            doubled(&pool, 500);
            assert!(pool.jobs.state.lock().threads.is_empty());
            crate::platform::refuse_threads(false);
            doubled(&pool, 500);
        }
    }

    #[test]
    fn several_callers_share_one_crew() {
        for pool in pools() {
            let pool = Arc::new(pool);
            let caller = |pool: Arc<WorkerPool>| {
                std::thread::spawn(move || (0..50).for_each(|_| doubled(&pool, 20)))
            };
            let callers: Vec<_> = (0..4).map(|_| caller(Arc::clone(&pool))).collect();
            callers
                .into_iter()
                .for_each(|c| c.join().expect("a caller"));
        }
    }
}
