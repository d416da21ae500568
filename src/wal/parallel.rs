//! How is work on many streams shared out over a few threads?

use std::sync::Arc;

use crate::storage::spawn;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering;

/// Below so many items a thread of its own costs more than it saves.
const ITEMS_PER_THREAD: usize = 8;
const MOST_THREADS: usize = 8;

/// Runs `work` on every item, on this thread and a few more, and returns the results in order.
pub fn for_each<T, R>(items: Vec<T>, work: impl Fn(&T) -> R + Send + Sync + 'static) -> Vec<R>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let count = items.len();
    let shared = Arc::new(Shared {
        items,
        next: AtomicUsize::new(0),
        results: Mutex::new((0..count).map(|_| None).collect()),
        work,
    });
    let threads = match count / ITEMS_PER_THREAD {
        // Counting cores reads a few files: it took longer than opening a small log.
        0 | 1 => 1,
        wanted => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            wanted.min(MOST_THREADS).min(cores * 2)
        }
    };
    let mut others = Vec::new();
    for _ in 1..threads {
        let shared = Arc::clone(&shared);
        // Without another thread this one does it all.
        if let Ok(other) = spawn("ironwal-open", move || shared.run()) {
            others.push(other);
        }
    }
    shared.run();
    for other in others {
        if let Err(panic) = other.join() {
            std::panic::resume_unwind(panic);
        }
    }
    let results = std::mem::take(&mut *shared.results.lock());
    results.into_iter().flatten().collect()
}

struct Shared<T, R, F> {
    items: Vec<T>,
    next: AtomicUsize,
    results: Mutex<Vec<Option<R>>>,
    work: F,
}

impl<T, R, F: Fn(&T) -> R> Shared<T, R, F> {
    fn run(&self) {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(place) else {
                return;
            };
            let result = (self.work)(item);
            if let Some(slot) = self.results.lock().get_mut(place) {
                *slot = Some(result);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        for count in [0, 1, 7, 1000] {
            let doubled = for_each((0..count).collect(), |i: &usize| i * 2);
            assert_eq!(doubled, (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }
}
