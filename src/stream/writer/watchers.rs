//! Which waiting callers learn of every write?
//!
//! Iterations that wait and event descriptors. A stream without them pays one comparison an append.

use crate::commit::Signal;
use crate::stream::StreamInner;
use crate::stream::writer::tail::SyncRequest;
use crate::stream::writer::tail::Tail;

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

impl Tail {
    /// Adds a watcher: the number by which it is removed.
    pub fn add_watcher(&mut self, wants_sync: bool, on_write: Option<Signal>) -> u64 {
        let watchers = self.watchers.get_or_insert_default();
        watchers.last_id += 1;
        let id = watchers.last_id;
        watchers.all.push(Watcher {
            id,
            wants_sync,
            on_write,
        });
        id
    }

    /// Removes a watcher; returns its signal, to be dropped without the lock.
    pub fn remove_watcher(&mut self, id: u64) -> Option<Signal> {
        let watchers = self.watchers.as_mut()?;
        let place = watchers.all.iter().position(|watcher| watcher.id == id)?;
        let removed = watchers.all.swap_remove(place);
        if watchers.all.is_empty() {
            self.watchers = None;
        }
        removed.on_write
    }
}

impl StreamInner {
    /// Signals that there is more in the kernel, and asks for a sync where one is wanted. Called
    /// under the tail's lock: no signal blocks.
    #[cold]
    pub(in crate::stream) fn signal_written(&self, tail: &mut Tail) {
        let Some(watchers) = &tail.watchers else {
            return;
        };
        for signal in watchers.all.iter().filter_map(|w| w.on_write.as_ref()) {
            signal();
        }
        let wants_sync = watchers.all.iter().any(|watcher| watcher.wants_sync);
        if !wants_sync || tail.sync_request == SyncRequest::Now {
            return;
        }
        let background_tasks = self.context.background_tasks.get();
        if let (Some(background_tasks), Some(stream)) = (background_tasks, self.arc()) {
            tail.sync_request = SyncRequest::Now;
            if !background_tasks.sync_now(&stream) {
                self.context.note_unattended();
            }
        }
    }
}
