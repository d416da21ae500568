//! Which callbacks and wakers wait for which position, and which of them are due?
//!
//! Plain data under the group's lock, beside the queue of waiting threads. A listener waits until
//! the point reaches its position, or until the group fails or is closed. Then it is due: it keeps
//! the answer, and waits for the one thread that serves due listeners, in the order of positions.
//! Nothing here runs code of the host: a callback leaves as a [`Due`], and is run without the lock.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::answer::CommitError;
use super::primitives;
use super::waiter::Waiter;

/// Identifies a listener of its group, in the order in which they were registered.
pub type ListenerId = u64;

/// Run once with the answer.
pub type Callback<E> = Box<dyn FnOnce(Result<(), CommitError<E>>) + Send>;

/// Called without the group's lock when something has changed. Code of the engine, which blocks
/// nowhere: the caller may hold other locks.
pub type Signal = Arc<dyn Fn() + Send + Sync>;

/// A callback with its answer.
pub(super) struct Due<E> {
    pub(super) id: ListenerId,
    pub(super) callback: Callback<E>,
    pub(super) answer: Result<(), CommitError<E>>,
}

/// The listeners of a group.
pub(super) struct Listeners<P, E> {
    next_id: ListenerId,
    /// By position, then in the order in which they came.
    callbacks: BTreeMap<(P, ListenerId), Callback<E>>,
    wakers: BTreeMap<(P, ListenerId), Waker>,
    /// Callbacks with an answer, in the order in which they are run.
    due: VecDeque<Due<E>>,
    /// Wakers to wake.
    due_wakers: Vec<Waker>,
    /// The thread that serves what is due, if one does; and the callback that it runs.
    serving: Option<(primitives::ThreadId, Option<ListenerId>)>,
    /// Callers of `cancel` that wait until the running callback has returned.
    cancelling: Vec<Arc<Waiter>>,
    /// Signalled whenever the point, the durable ids or the state of the group change.
    watching: Vec<(ListenerId, Signal)>,
    /// The group at the last signal.
    signalled: Option<Standing>,
    /// Asks a thread to serve what is due.
    on_due: Signal,
}

/// What the watching signals report changes of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) point: u64,
    pub(super) end_id: u64,
    pub(super) is_failed: bool,
    pub(super) is_closed: bool,
}

/// What became of a callback that is to be cancelled.
pub(super) enum Cancelled<E> {
    /// It will not run. To be dropped without the lock.
    Removed(Callback<E>),
    /// It ran, or runs on this very thread, or there was none.
    Ran,
    /// Another thread runs it: park here, then ask again.
    Running(Arc<Waiter>),
}

impl<P: Copy + Ord, E: Clone> Listeners<P, E> {
    pub(super) fn new(on_due: Signal) -> Self {
        Listeners {
            next_id: 0,
            callbacks: BTreeMap::new(),
            wakers: BTreeMap::new(),
            due: VecDeque::new(),
            due_wakers: Vec::new(),
            serving: None,
            cancelling: Vec::new(),
            watching: Vec::new(),
            signalled: None,
            on_due,
        }
    }

    pub(super) fn take_id(&mut self) -> ListenerId {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn on_due(&self) -> Signal {
        Arc::clone(&self.on_due)
    }

    pub(super) fn add_callback(&mut self, target: P, callback: Callback<E>) -> ListenerId {
        let id = self.take_id();
        self.callbacks.insert((target, id), callback);
        id
    }

    /// Adds a callback whose answer is known.
    pub(super) fn add_due(
        &mut self,
        callback: Callback<E>,
        answer: Result<(), CommitError<E>>,
    ) -> ListenerId {
        let id = self.take_id();
        self.due.push_back(Due {
            id,
            callback,
            answer,
        });
        id
    }

    /// Adds a waker that is due.
    pub(super) fn add_due_waker(&mut self, waker: Waker) {
        self.due_wakers.push(waker);
    }

    /// Sets the waker of a listener; returns the one before, to be dropped without the lock.
    pub(super) fn set_waker(&mut self, at: (P, ListenerId), waker: Waker) -> Option<Waker> {
        self.wakers.insert(at, waker)
    }

    /// Forgets a waker; returns it, to be dropped without the lock.
    pub(super) fn remove_waker(&mut self, at: (P, ListenerId)) -> Option<Waker> {
        self.wakers.remove(&at)
    }

    /// Adds a signal, from now on.
    pub(super) fn watch(&mut self, signal: Signal, now: Standing) -> ListenerId {
        let id = self.take_id();
        self.signalled.get_or_insert(now);
        self.watching.push((id, signal));
        id
    }

    /// Removes a signal; returns it, to be dropped without the lock.
    pub(super) fn unwatch(&mut self, id: ListenerId) -> Option<Signal> {
        let place = self.watching.iter().position(|(known, _)| *known == id)?;
        let (_, signal) = self.watching.swap_remove(place);
        if self.watching.is_empty() {
            self.signalled = None;
        }
        Some(signal)
    }

    /// The listeners up to `point` are due. If `others` says why the point will not move, so are
    /// all others, with that error. Returns whether to ask for a thread that serves: any became due,
    /// or the point will not move and one is due from before. The thread that made that one due asks
    /// after it has released the lock, which may be after the close has served all it was asked for.
    pub(super) fn settle(&mut self, point: P, others: Option<CommitError<E>>) -> bool {
        let is_due = !self.due.is_empty() || !self.due_wakers.is_empty();
        let is_left = is_due && others.is_some();
        let is_waiting = !self.callbacks.is_empty() || !self.wakers.is_empty();
        if !is_waiting {
            return is_left;
        }
        let above = (point, ListenerId::MAX);
        let rest = self.callbacks.split_off(&above);
        let reached = std::mem::replace(&mut self.callbacks, rest);
        let sleeping = self.wakers.split_off(&above);
        let woken = std::mem::replace(&mut self.wakers, sleeping);
        let mut any = is_left || !reached.is_empty() || !woken.is_empty();
        self.push_due(reached, &Ok(()));
        self.due_wakers.extend(woken.into_values());
        if let Some(error) = others {
            let failed = std::mem::take(&mut self.callbacks);
            let woken = std::mem::take(&mut self.wakers);
            any |= !failed.is_empty() || !woken.is_empty();
            self.push_due(failed, &Err(error));
            self.due_wakers.extend(woken.into_values());
        }
        any
    }

    fn push_due(
        &mut self,
        callbacks: BTreeMap<(P, ListenerId), Callback<E>>,
        answer: &Result<(), CommitError<E>>,
    ) {
        let due = callbacks.into_iter().map(|((_, id), callback)| Due {
            id,
            callback,
            answer: answer.clone(),
        });
        self.due.extend(due);
    }

    /// The signals to send, if the group has changed since the last time.
    pub(super) fn signals(&mut self, now: Standing) -> Vec<Signal> {
        match &mut self.signalled {
            Some(before) if *before != now => *before = now,
            _ => return Vec::new(),
        }
        let signals = self.watching.iter();
        signals.map(|(_, signal)| Arc::clone(signal)).collect()
    }

    /// Makes the calling thread the one that serves. `None`: another does, and will see all that is
    /// due. Otherwise the wakers to wake, and how many callbacks are due.
    pub(super) fn begin_serving(&mut self) -> Option<(Vec<Waker>, usize)> {
        if self.serving.is_some() {
            return None;
        }
        self.serving = Some((primitives::thread_id(), None));
        Some((std::mem::take(&mut self.due_wakers), self.due.len()))
    }

    /// The next callback to run. The one before has returned; callers that wait for that are to be
    /// woken.
    pub(super) fn next_due(&mut self) -> (Option<Due<E>>, Vec<Arc<Waiter>>) {
        let due = self.due.pop_front();
        if let Some((_, running)) = &mut self.serving {
            *running = due.as_ref().map(|due| due.id);
        }
        (due, std::mem::take(&mut self.cancelling))
    }

    /// The calling thread serves no longer. Whether more is due, and the waiters for the callback that
    /// ran last.
    pub(super) fn end_serving(&mut self) -> (bool, Vec<Arc<Waiter>>) {
        self.serving = None;
        let more = !self.due.is_empty() || !self.due_wakers.is_empty();
        (more, std::mem::take(&mut self.cancelling))
    }

    pub(super) fn cancel(&mut self, at: (P, ListenerId)) -> Cancelled<E> {
        if let Some(callback) = self.callbacks.remove(&at) {
            return Cancelled::Removed(callback);
        }
        if let Some(place) = self.due.iter().position(|due| due.id == at.1) {
            return match self.due.remove(place) {
                Some(due) => Cancelled::Removed(due.callback),
                None => Cancelled::Ran,
            };
        }
        match self.serving {
            Some((thread, Some(running)))
                if running == at.1 && thread != primitives::thread_id() =>
            {
                let waiter = Waiter::new();
                self.cancelling.push(Arc::clone(&waiter));
                Cancelled::Running(waiter)
            }
            _ => Cancelled::Ran,
        }
    }

    /// How many listeners wait or are due.
    pub(super) fn count(&self) -> usize {
        let waiting = self.callbacks.len() + self.wakers.len();
        waiting + self.due.len() + self.due_wakers.len()
    }

    /// How many signals are in place.
    pub(super) fn watching_count(&self) -> usize {
        self.watching.len()
    }
}
