//! Which waiting callers learn of every write?
//!
//! Iterations that wait and event descriptors. Plain data under the tail's lock. A stream without
//! them pays one comparison an append.

use crate::commit::Signal;

/// Those that watch the tail of a stream.
#[derive(Default)]
pub struct Watchers {
    last_id: u64,
    all: Vec<Watcher>,
}

struct Watcher {
    id: u64,
    /// What is written is synced as soon as a helper is free.
    wants_sync: bool,
    /// Called under the tail's lock, after each write.
    on_write: Option<Signal>,
}

impl Watchers {
    /// Adds a watcher: the number by which it is removed.
    pub fn add(&mut self, wants_sync: bool, on_write: Option<Signal>) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.all.push(Watcher {
            id,
            wants_sync,
            on_write,
        });
        id
    }

    /// Removes a watcher; returns its signal, to be dropped without the lock.
    pub fn remove(&mut self, id: u64) -> Option<Signal> {
        let place = self.all.iter().position(|watcher| watcher.id == id)?;
        self.all.swap_remove(place).on_write
    }

    /// Whether none is left. The numbers of those that were removed are not given again.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Signals that there is more in the kernel. No signal blocks.
    pub fn signal(&self) {
        for signal in self.all.iter().filter_map(|w| w.on_write.as_ref()) {
            signal();
        }
    }

    /// Whether what is written is to be synced soon.
    pub fn want_sync(&self) -> bool {
        self.all.iter().any(|watcher| watcher.wants_sync)
    }
}
