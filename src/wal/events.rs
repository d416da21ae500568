//! How does a program that polls descriptors learn that a stream has grown?

use std::sync::Arc;

use crate::commit::Signal;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::notification::Event;
use crate::notification::View;
use crate::platform::AsFd;
use crate::platform::BorrowedFd;
use crate::platform::EventDescriptor;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::Ordering;
use crate::stream::Watch;
use crate::wal::Stream;

/// A descriptor that becomes readable when a stream grows: see [`Stream::events`].
///
/// Counts as a handle of the stream. Dropping it closes the descriptor. It may be shared between
/// threads. In a forked child the descriptor is a copy that shares its state with the parent's: close
/// it there, do not read from it.
pub struct Events {
    stream: Stream,
    event: Event,
    shared: Arc<Shared>,
    watch: Watch,
}

struct Shared {
    descriptor: EventDescriptor,
    /// It was signalled since the last drain: one system call for any number of appends.
    is_signalled: AtomicBool,
}

impl Shared {
    fn signal(&self) {
        if !self.is_signalled.swap(true, Ordering::SeqCst) {
            self.descriptor.signal();
        }
    }
}

impl Events {
    pub(super) fn open(stream: &Stream, event: Event) -> Result<Self> {
        let io = |error| Error::io(error, ErrorContext::default().stream(stream.key()));
        let context = &stream.log().context;
        let descriptor = context.with_fd_retry(EventDescriptor::open).map_err(io)?;
        let shared = Arc::new(Shared {
            descriptor,
            is_signalled: AtomicBool::new(false),
        });
        let signalled = Arc::clone(&shared);
        let signal: Signal = Arc::new(move || signalled.signal());
        let watch = stream.core().watch(view_of(event), signal);
        let stream = stream.clone();
        Ok(Events {
            stream,
            event,
            shared,
            watch,
        })
    }

    /// Makes the descriptor not readable and returns one past the last id that is durable
    /// ([`Event::Durable`]) or in the kernel ([`Event::Written`]). What comes after this makes the
    /// descriptor readable again, so nothing is missed. Never blocks.
    ///
    /// Errors: why the stream will not grow any more: `Closed`, `StreamNotFound`, `Poisoned`,
    /// `Detached`. Each of them makes the descriptor readable once. Entries that were durable before
    /// stay so; [`Stream::durable_end`] answers in a poisoned stream too. `Forked`.
    pub fn drain(&self) -> Result<u64> {
        if self.stream.log().is_forked() {
            return Err(Error::Forked);
        }
        self.shared.descriptor.clear();
        // Before the ends are read: an append that comes between finds this, and signals again; one
        // that came before is in what is read now.
        self.shared.is_signalled.store(false, Ordering::SeqCst);
        let core = self.stream.core();
        let goes_on = core.check_goes_on();
        let end = core.end_in(view_of(self.event)).0;
        goes_on.map(|()| end)
    }
}

/// The entries that an event is about.
fn view_of(event: Event) -> View {
    match event {
        Event::Durable => View::Durable,
        Event::Written => View::Written,
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.descriptor.as_fd()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // In a forked child a lock may be held by a thread that does not exist there.
        if !self.stream.log().is_forked() {
            self.stream.core().unwatch(self.watch);
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("stream", &self.stream.key())
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
