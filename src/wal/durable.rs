//! How does a task wait until a mark is durable?

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use crate::append::Mark;
use crate::error::Error;
use crate::error::Result;
use crate::wal::Stream;

/// Ready once everything in front of a mark is durable: see [`Stream::durable`].
///
/// Counts as a handle of the stream: the log stays open while it lives. Dropping it takes it off
/// the list; nothing is woken for it any more.
#[must_use = "a future does nothing unless it is polled"]
pub struct Durable {
    stream: Stream,
    mark: Mark,
    /// Names its waker, once it has one.
    listener: Option<u64>,
}

impl Durable {
    pub(super) fn new(stream: Stream, mark: Mark) -> Self {
        Durable {
            stream,
            mark,
            listener: None,
        }
    }
}

impl Future for Durable {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.stream.log().is_forked() {
            return Poll::Ready(Err(Error::Forked));
        }
        let core = this.stream.core();
        let (mark, waker) = (this.mark, context.waker());
        let polled = core.poll_durable(mark, &mut this.listener, waker);
        core.deliver();
        polled
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        // In a forked child a lock may be held by a thread that does not exist there.
        if let (Some(listener), false) = (self.listener, self.stream.log().is_forked()) {
            self.stream.core().forget_waker(self.mark, listener);
        }
    }
}

impl std::fmt::Debug for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Durable")
            .field("stream", &self.stream.key())
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}
