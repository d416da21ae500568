//! How is work on many streams shared out over a few threads?

use std::iter::Enumerate;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::platform::join;
use crate::platform::processor_count;
use crate::platform::spawn;
use crate::primitives::Mutex;

/// Below so many items a thread of its own costs more than it saves.
const ITEMS_PER_THREAD: usize = 8;
const MAX_THREADS: usize = 8;

/// At most so many items are taken at a time, and fewer where that would leave one thread at work
/// long after the others have ended.
const MAX_TAKEN: usize = 16;
const TURNS_PER_THREAD: usize = 8;

/// Runs `work` on every item, on this thread and a few more, and returns the results in order.
pub fn for_each<T, R>(items: Vec<T>, work: impl Fn(T) -> R + Send + Sync + 'static) -> Vec<R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let count = items.len();
    let threads = match count / ITEMS_PER_THREAD {
        // Counting cores reads a few files: it took longer than opening a small log.
        0 | 1 => 1,
        wanted => {
            let cores = processor_count();
            wanted.min(MAX_THREADS).min(cores * 2)
        }
    };
    if threads == 1 {
        return items.into_iter().map(work).collect();
    }
    let shared = Arc::new(Shared {
        items: Mutex::new(items.into_iter().enumerate()),
        taken: (count / threads / TURNS_PER_THREAD).clamp(1, MAX_TAKEN),
        done: Mutex::new(Vec::new()),
        work,
    });
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
        if let Err(panic) = join(other) {
            std::panic::resume_unwind(panic);
        }
    }
    let mut chunks = std::mem::take(&mut *shared.done.lock());
    chunks.sort_unstable_by_key(|(place, _)| *place);
    let mut results = Vec::with_capacity(count);
    for (_, chunk) in chunks {
        results.extend(chunk);
    }
    results
}

struct Shared<T, R, F> {
    items: Mutex<Enumerate<IntoIter<T>>>,
    /// How many are taken at a time.
    taken: usize,
    done: Mutex<Vec<Chunk<R>>>,
    work: F,
}

/// Results that lie side by side, and the place of the first.
type Chunk<R> = (usize, Vec<R>);

impl<T, R, F: Fn(T) -> R> Shared<T, R, F> {
    fn run(&self) {
        loop {
            let taken: Vec<(usize, T)> = self.items.lock().by_ref().take(self.taken).collect();
            let Some(&(first, _)) = taken.first() else {
                return;
            };
            let results = taken.into_iter().map(|(_, item)| (self.work)(item));
            let chunk = (first, results.collect());
            self.done.lock().push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        for count in [0, 1, 7, 1000] {
            let doubled = for_each((0..count).collect(), |i: usize| i * 2);
            assert_eq!(doubled, (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }
}
