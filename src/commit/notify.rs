//! How does a caller learn of durability without a thread of its own that waits?
//!
//! - **Happy path.** A caller registers a callback or a waker for a position. The thread that moves
//!   the point past it marks it due, and asks for a thread that serves ([`GroupCommit::serve`]). One
//!   thread at a time serves: the wakers first, then callbacks in the order of positions, without
//!   any lock.
//! - **Failure and close** make all listeners due, with that answer. So each is run exactly once,
//!   unless it was cancelled. A closed group takes no listeners: no thread would serve them.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::task::Poll;
use std::task::Waker;

use super::answer::CommitError;
use super::group::GroupCommit;
use super::group::State;
use super::listeners::Callback;
use super::listeners::Cancelled;
use super::listeners::ListenerId;
use super::listeners::Listeners;
use super::listeners::Signal;
use super::listeners::Standing;
use super::position::Position;
use super::waiter::Waiter;
use super::waiter::Wakeup;

/// What a panicking callback or waker leaves.
pub type Panic = Box<dyn Any + Send>;

impl<P: Position, I: Position, E: Clone> GroupCommit<P, I, E> {
    /// Registers a callback that is run once, when everything below `target` is durable, or the group
    /// has failed or is closed. `Closed`: it is not registered, and dropped. `on_due` makes what asks
    /// for a thread that serves; it is called for the first listener.
    pub fn listen(
        &self,
        target: P,
        callback: Callback<E>,
        on_due: impl FnOnce() -> Signal,
    ) -> Result<ListenerId, CommitError<E>> {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            drop(callback);
            return Err(CommitError::Closed);
        }
        let answer = self.answer_locked(&state, target);
        let listeners = listeners_of(&mut state, on_due);
        let Some(answer) = answer else {
            return Ok(listeners.add_callback(target, callback));
        };
        let id = listeners.add_due(callback, answer);
        let ask = listeners.on_due();
        drop(state);
        ask();
        Ok(id)
    }

    /// Whether everything below `target` is durable. If that is not known yet, the waker is woken
    /// when it is; one waker per `id`, which the first call sets.
    pub fn poll_listen(
        &self,
        target: P,
        id: &mut Option<ListenerId>,
        waker: &Waker,
        on_due: impl FnOnce() -> Signal,
    ) -> Poll<Result<(), CommitError<E>>> {
        if self.committed() >= target {
            return Poll::Ready(Ok(()));
        }
        // Cloned and dropped without the lock: a waker is code of the host.
        let waker = waker.clone();
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return Poll::Ready(answer);
        }
        let listeners = listeners_of(&mut state, on_due);
        let id = *id.get_or_insert_with(|| listeners.take_id());
        let before = listeners.set_waker((target, id), waker);
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Forgets the waker of [`GroupCommit::poll_listen`].
    pub fn forget_waker(&self, target: P, id: ListenerId) {
        let mut state = self.lock();
        let listeners = state.listeners.as_mut();
        let waker = listeners.and_then(|listeners| listeners.remove_waker((target, id)));
        drop(state);
        drop(waker);
    }

    /// Removes a callback. True: it will not run. False: it has run, and has returned, unless the
    /// calling thread runs it. Waits for that where another thread does.
    pub fn cancel(&self, target: P, id: ListenerId) -> bool {
        loop {
            let mut state = self.lock();
            let Some(listeners) = &mut state.listeners else {
                return false;
            };
            let cancelled = listeners.cancel((target, id));
            drop(state);
            match cancelled {
                Cancelled::Removed(callback) => {
                    drop(callback);
                    return true;
                }
                Cancelled::Ran => return false,
                Cancelled::Running(waiter) => drop(waiter.park()),
            }
        }
    }

    /// Has `signal` called whenever the point or the durable ids move, and when the group fails or
    /// is closed. The result removes it.
    pub fn watch(&self, signal: Signal, on_due: impl FnOnce() -> Signal) -> ListenerId {
        let mut state = self.lock();
        let now = self.standing(&state);
        listeners_of(&mut state, on_due).watch(signal, now)
    }

    /// Removes a signal of [`GroupCommit::watch`]. A call of it may still be under way.
    pub fn unwatch(&self, id: ListenerId) {
        let mut state = self.lock();
        let listeners = state.listeners.as_mut();
        let signal = listeners.and_then(|listeners| listeners.unwatch(id));
        drop(state);
        drop(signal);
    }

    /// Wakes the wakers that are due and runs the callbacks, on the calling thread, which holds no
    /// lock. Nothing is done where another thread serves: that one sees all. A callback that
    /// registers itself again does not keep this from returning. Panics are handed to `panicked`.
    pub fn serve(&self, mut panicked: impl FnMut(Panic)) {
        let mut state = self.lock();
        let begun = state.listeners.as_mut().and_then(|l| l.begin_serving());
        let Some((wakers, count)) = begun else {
            return;
        };
        drop(state);
        for waker in wakers {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                panicked(panic);
            }
        }
        let mut served = 0;
        loop {
            let mut state = self.lock();
            // Once closed it takes no more: all is served by this call.
            let goes_on = served < count || state.closed;
            let Some(listeners) = &mut state.listeners else {
                return;
            };
            let (due, cancelling) = match goes_on {
                true => listeners.next_due(),
                false => (None, Vec::new()),
            };
            let Some(due) = due else {
                let (more, waiting) = listeners.end_serving();
                let ask = listeners.on_due();
                drop(state);
                wake(cancelling.into_iter().chain(waiting));
                if more {
                    ask();
                }
                return;
            };
            drop(state);
            wake(cancelling);
            served += 1;
            let run = AssertUnwindSafe(|| (due.callback)(due.answer));
            if let Err(panic) = catch_unwind(run) {
                panicked(panic);
            }
        }
    }

    /// Has a waker woken by the thread that serves, from a [`Signal`]: no lock of the group is held.
    pub fn wake_soon(&self, waker: Waker) {
        let mut state = self.lock();
        let Some(listeners) = &mut state.listeners else {
            return;
        };
        listeners.add_due_waker(waker);
        let ask = listeners.on_due();
        drop(state);
        ask();
    }

    /// Whether the group was closed: neither the point nor the durable ids move any more, but for a
    /// round that was under way.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// What the signals report changes of.
    pub(super) fn standing(&self, state: &State<P, E>) -> Standing {
        Standing {
            point: self.committed().to_u64(),
            end_id: self.durable_end().to_u64(),
            is_failed: state.failure.is_some(),
            is_closed: state.closed,
        }
    }

    /// Makes due the listeners that have an answer now: what to call without the lock.
    #[cold]
    pub(super) fn settle_listeners(&self, state: &mut State<P, E>) -> Vec<Signal> {
        let (committed, now) = (self.committed(), self.standing(state));
        let others = match &state.failure {
            Some(error) => Some(CommitError::Poisoned(error.clone())),
            None => state.closed.then_some(CommitError::Closed),
        };
        let Some(listeners) = &mut state.listeners else {
            return Vec::new();
        };
        let any_due = listeners.settle(committed, others);
        let mut signals = listeners.signals(now);
        if any_due {
            signals.push(listeners.on_due());
        }
        signals
    }
}

/// The listeners, made if there are none.
fn listeners_of<P: Position, E: Clone>(
    state: &mut State<P, E>,
    on_due: impl FnOnce() -> Signal,
) -> &mut Listeners<P, E> {
    let listeners = &mut state.listeners;
    listeners.get_or_insert_with(|| Box::new(Listeners::new(on_due())))
}

fn wake(waiters: impl IntoIterator<Item = Arc<Waiter>>) {
    for waiter in waiters {
        waiter.wake(Wakeup::Settled);
    }
}
