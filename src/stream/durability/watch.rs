//! How is a caller signalled that a stream has grown, in the kernel or on disk, or has ended?

use std::sync::Arc;
use std::task::Waker;

use crate::commit::ListenerId;
use crate::commit::Signal;
use crate::error::Result;
use crate::ids::EntryId;
use crate::notification::View;
use crate::options::SyncMode;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;

/// A signal that is in place; see [`StreamInner::unwatch`].
#[derive(Clone, Copy)]
pub struct Watch {
    group: ListenerId,
    tail: u64,
}

impl StreamInner {
    /// Whether a view shows an entry only once it is durable.
    pub fn waits_for_syncs(&self, view: View) -> bool {
        match view {
            View::Durable => true,
            View::Written => false,
            View::ByMode => self.settings.sync_mode == SyncMode::Strict,
        }
    }

    /// Has `signal` called when more entries are to be seen in the view, and when the stream ends:
    /// poisoned, deleted, closed. If the view waits for syncs, what is written is synced as soon as a
    /// helper is free. Signals are called under locks, and block nowhere.
    pub fn watch(&self, view: View, signal: Signal) -> Watch {
        let group = self
            .group_commit
            .watch(Arc::clone(&signal), || self.ask_to_be_served());
        let wants_sync = self.waits_for_syncs(view);
        let on_write = (!wants_sync).then_some(signal);
        let (tail, written) = {
            let mut tail = self.tail.lock();
            let id = tail.add_watcher(wants_sync, on_write);
            (id, tail.written_place())
        };
        if wants_sync {
            self.ask_for_sync(written);
        }
        Watch { group, tail }
    }

    /// Removes the signal. A call of it may still be under way.
    pub fn unwatch(&self, watch: Watch) {
        self.group_commit.unwatch(watch.group);
        let signal = self.tail.lock().remove_watcher(watch.tail);
        drop(signal);
    }

    /// Has a waker woken by a thread of the library. For signals.
    pub fn wake_soon(&self, waker: Waker) {
        self.group_commit.wake_soon(waker);
    }

    /// Refuses where nothing more will be seen: what is to be seen now is all that ever will be.
    pub fn check_goes_on(&self) -> Result<()> {
        if self.follower.is_none() {
            let tail = self.tail.lock();
            return match tail.life() {
                // Appends that have ids, and the last round, end before the group is closed. That
                // signals; and a deletion that fails ends nothing.
                StreamState::Closed | StreamState::Deleted if !self.group_commit.is_closed() => {
                    Ok(())
                }
                _ => self.check_writable(&tail),
            };
        }
        if self.state() == StreamState::Deleted {
            return Err(self.deleted_error());
        }
        match self.is_unwatched() {
            true => Err(crate::error::Error::Closed),
            false => Ok(()),
        }
    }

    /// Makes durable, on this thread, what the view waits for: for a thread that the syncing helper
    /// may be waiting for.
    pub fn sync_for(&self, view: View) {
        if self.waits_for_syncs(view) && self.end_in(View::Written) > EntryId(self.durable_end()) {
            let written = self.tail.lock().written_place();
            // A failure has latched, and the caller finds it.
            let _ = self.make_place_durable(written);
        }
    }
}
