//! How does a caller wait for the next entry of an iteration, and how is the wait cancelled?

use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;
use std::time::Instant;

use crate::commit::Signal;
use crate::error::Error;
use crate::error::Result;
use crate::notification::View;
use crate::platform::fork_generation;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::now;
use crate::stream::Cursor;
use crate::stream::StreamInner;
use crate::stream::Watch;
use crate::stream::is_in_callback;

/// How long a wait in a log that another process writes sleeps between two looks, at first and at
/// most.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Cancels the waits of one iterator, from any thread: see
/// [`WalIdIterator::canceller`](crate::WalIdIterator::canceller).
#[derive(Clone)]
pub struct Canceller {
    shared: Arc<Shared>,
    fork_generation: u64,
}

/// What the iterator shares with its cancellers and with the stream.
#[derive(Default)]
struct Shared {
    state: Mutex<WaitState>,
    changed: Condvar,
}

#[derive(Default)]
struct WaitState {
    is_signalled: bool,
    is_cancelled: bool,
    waker: Option<Waker>,
}

impl Shared {
    /// Ends the present wait, and has `wake_soon` arrange for the waker to be woken. That is done under
    /// the lock: a close, which signals too, then waits until a waker that another thread took is
    /// among those that the close serves. `wake_soon` runs no code of the host.
    fn signal(&self, wake_soon: impl FnOnce(Waker)) {
        let mut state = self.state.lock();
        state.is_signalled = true;
        self.changed.notify_all();
        if let Some(waker) = state.waker.take() {
            wake_soon(waker);
        }
    }

    /// A new look begins. `Cancelled` if that was asked for since the last time.
    fn begin_look(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.is_signalled = false;
        match std::mem::take(&mut state.is_cancelled) {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// Sleeps until signalled, cancelled, or the deadline; `None`: none.
    fn park(&self, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        while !state.is_signalled && !state.is_cancelled {
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }

    /// Sets the waker; the one before is dropped without the lock.
    fn set_waker(&self, waker: Option<Waker>) {
        let before = std::mem::replace(&mut self.state.lock().waker, waker);
        drop(before);
    }
}

impl Canceller {
    /// Ends the wait that is under way with [`Error::Cancelled`], or the next one if none is. Once:
    /// the wait after that one waits. Never blocks.
    pub fn cancel(&self) {
        if self.fork_generation != fork_generation() {
            // A lock may be held by a thread that does not exist in a forked child.
            return;
        }
        let waker = {
            let mut state = self.shared.state.lock();
            state.is_cancelled = true;
            self.shared.changed.notify_all();
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}

/// The waiting side of an iterator; made when it first waits.
#[derive(Default)]
pub(super) struct Waiting {
    shared: Arc<Shared>,
    watch: Option<Watch>,
}

impl Waiting {
    pub(super) fn canceller(&self) -> Canceller {
        Canceller {
            shared: Arc::clone(&self.shared),
            fork_generation: fork_generation(),
        }
    }

    /// Registers with the stream, once.
    fn begin(&mut self, stream: &Arc<StreamInner>, view: View) {
        if self.watch.is_some() || stream.follower_is_polled() {
            return;
        }
        let (shared, weak) = (Arc::clone(&self.shared), Arc::downgrade(stream));
        let signal: Signal = Arc::new(move || {
            // Without the stream there is no iterator, and no task to wake.
            if let Some(stream) = weak.upgrade() {
                // The waker is code of the host, and this thread may hold locks.
                shared.signal(|waker| stream.wake_soon(waker));
            }
        });
        self.watch = Some(stream.watch(view, signal));
    }

    /// Whether the cursor has something to show; an error: it will have nothing any more.
    fn look(&self, cursor: &Cursor) -> Result<bool> {
        self.shared.begin_look()?;
        let stream = cursor.stream();
        if cursor.has_ended() {
            let what = "the iteration has ended with an error";
            return Err(Error::Config(what.to_owned()));
        }
        // First: what was to be seen before the end is seen after it.
        let goes_on = stream.check_goes_on();
        if cursor.is_ready() {
            return Ok(true);
        }
        if stream.follower_is_polled() {
            stream.refresh()?;
            if cursor.is_ready() {
                return Ok(true);
            }
        }
        goes_on.map(|()| false)
    }

    pub(super) fn wait(&mut self, cursor: &Cursor, timeout: Duration) -> Result<bool> {
        let (stream, view) = (cursor.stream(), cursor.view());
        let deadline = now().checked_add(timeout);
        let mut pause = FIRST_PAUSE;
        self.begin(stream, view);
        loop {
            if self.look(cursor)? {
                return Ok(true);
            }
            if timeout.is_zero() || deadline.is_some_and(|deadline| now() >= deadline) {
                return Ok(false);
            }
            if stream.follower_is_polled() {
                let look_again = now().checked_add(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
                let until = [deadline, look_again].into_iter().flatten().min();
                self.shared.park(until);
                continue;
            }
            if is_in_callback() {
                stream.sync_for(view);
            }
            self.shared.park(deadline);
        }
    }

    pub(super) fn poll(&mut self, cursor: &Cursor, context: &mut Context<'_>) -> Poll<Result<()>> {
        let stream = cursor.stream();
        let waker = context.waker().clone();
        if !stream.follower_is_polled() {
            if let Err(error) = stream.ensure_notifier() {
                return Poll::Ready(Err(error));
            }
        }
        self.begin(stream, cursor.view());
        self.shared.set_waker(Some(waker));
        let answer = match self.look(cursor) {
            // No thread is started for a log that another process writes: nothing would wake.
            Ok(false) if stream.follower_is_polled() => Err(Error::ReadOnly),
            Ok(false) => return Poll::Pending,
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        self.shared.set_waker(None);
        Poll::Ready(answer)
    }

    /// Leaves the stream. Not to be called in a forked child.
    pub(super) fn end(&mut self, stream: &StreamInner) {
        if let Some(watch) = self.watch.take() {
            stream.unwatch(watch);
        }
        self.shared.set_waker(None);
    }
}
