//! How a caller learns that a mark is durable without a thread of its own that waits.
//!
//! Callbacks and wakers are kept by group commit, which makes them due. They are served by a thread
//! of the library that holds no lock: the syncing helper after a round that it led, otherwise the
//! notifying helper. Which one is the business of `wal/background`.

use std::cell::Cell;
use std::sync::Arc;
use std::task::Poll;
use std::task::Waker;

use crate::append::Mark;
use crate::commit::CommitError;
use crate::commit::ListenerId;
use crate::commit::Panic;
use crate::commit::Signal;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::ids::Place;
use crate::notification::Ticket;
use crate::primitives::thread_local;
use crate::stream::StreamInner;
use crate::stream::context::assert_no_lock_is_held;

thread_local! {
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread runs a callback, of any stream.
pub fn is_in_callback() -> bool {
    SERVES.with(Cell::get)
}

/// Marks the calling thread as one that runs callbacks, until dropped.
struct Serving {
    before: bool,
}

impl Serving {
    fn begin() -> Self {
        let before = SERVES.with(|serves| serves.replace(true));
        Serving { before }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        SERVES.with(|serves| serves.set(self.before));
    }
}

impl StreamInner {
    /// Has `callback` run once on a thread of the library, when the mark is durable or cannot become
    /// so. Asks for a sync. An error: it is not registered. The caller holds no lock.
    pub fn on_durable(
        &self,
        mark: Mark,
        callback: Box<dyn FnOnce(Result<()>) + Send>,
    ) -> Result<Ticket> {
        self.check_mark(mark)?;
        self.ensure_notifier()?;
        let weak = self.weak_self.clone();
        let answering = move |answer: std::result::Result<(), CommitError<Arc<Error>>>| {
            callback(answer.map_err(|error| match weak.upgrade() {
                Some(stream) => stream.listener_error(error),
                None => Error::Closed,
            }));
        };
        let place = mark.place;
        let listener = self
            .group_commit
            .listen(place, Box::new(answering), || self.ask_to_be_served())
            .map_err(|error| self.listener_error(error))?;
        self.ask_for_sync(place);
        Ok(Ticket {
            opening: self.opening,
            place,
            listener,
        })
    }

    /// Keeps a callback from running. True: it will not run. False: it has run, and has returned,
    /// unless this is called from within it.
    pub fn cancel(&self, ticket: Ticket) -> bool {
        let is_ours = ticket.opening == self.opening;
        is_ours && self.group_commit.cancel(ticket.place, ticket.listener)
    }

    /// Whether the mark is durable. If that is not known yet the waker is woken when it is, by a
    /// thread of the library. `listener` belongs to one future and one mark.
    pub fn poll_durable(
        &self,
        mark: Mark,
        listener: &mut Option<ListenerId>,
        waker: &Waker,
    ) -> Poll<Result<()>> {
        let is_first = listener.is_none();
        if is_first {
            if let Err(error) = self.check_mark(mark).and_then(|()| self.ensure_notifier()) {
                return Poll::Ready(Err(error));
            }
        }
        let polled = self
            .group_commit
            .poll_listen(mark.place, listener, waker, || self.ask_to_be_served());
        if is_first && polled.is_pending() {
            self.ask_for_sync(mark.place);
        }
        polled.map_err(|error| self.listener_error(error))
    }

    /// The future of these is dropped.
    pub fn forget_waker(&self, mark: Mark, listener: ListenerId) {
        self.group_commit.forget_waker(mark.place, listener);
    }

    /// Wakes what is due and runs the callbacks that are, on this thread, which is one of the
    /// library's, or closes the log. No lock is held.
    pub fn serve_listeners(&self) {
        assert_no_lock_is_held();
        let _serving = Serving::begin();
        self.group_commit.serve(|panic| {
            let message = format!(
                "a callback or a waker of stream {:?} panicked: {}",
                self.key,
                text_of(&panic)
            );
            self.context.note(log::Level::Error, message);
        });
    }

    /// What group commit calls when listeners are due: from any thread, which may hold locks.
    fn ask_to_be_served(&self) -> Signal {
        let weak = self.weak_self.clone();
        Arc::new(move || {
            let Some(stream) = weak.upgrade() else { return };
            if let Some(background_tasks) = stream.context.background_tasks.get() {
                background_tasks.serve_listeners(&stream);
            }
        })
    }

    /// Starts the thread that serves listeners, if there is none.
    fn ensure_notifier(&self) -> Result<()> {
        let Some(background_tasks) = self.context.background_tasks.get() else {
            return Ok(());
        };
        background_tasks.ensure_notifier().map_err(|error| {
            let context = ErrorContext::default().stream(&self.key);
            Error::io(error, context)
        })
    }

    /// Asks a helper to make the place durable soon. Only where there is none and none can be
    /// started, this thread does.
    fn ask_for_sync(&self, place: Place) {
        if self.group_commit.committed() < place && !self.is_synced_by_a_helper() {
            // A failure has latched, and the listeners get it.
            let _ = self.make_place_durable(place);
        }
    }

    /// Why a mark is not durable and will not be.
    fn listener_error(&self, error: CommitError<Arc<Error>>) -> Error {
        match error {
            CommitError::Closed if self.is_deleted() => self.deleted_error(),
            error => self.wait_error(error),
        }
    }

    /// Refuses a mark that is not one of this opening of this stream.
    pub(super) fn check_mark(&self, mark: Mark) -> Result<()> {
        if mark.opening != self.opening {
            let what = "a mark of another stream, or of an earlier opening of the log";
            return Err(Error::Config(what.to_owned()));
        }
        if self.group_commit.committed() >= mark.place {
            return Ok(());
        }
        if mark.place > self.tail.lock().reserved_place() {
            let what = "a mark behind everything that was appended to the stream";
            return Err(Error::Config(what.to_owned()));
        }
        Ok(())
    }
}

/// What a panic says.
fn text_of(panic: &Panic) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
