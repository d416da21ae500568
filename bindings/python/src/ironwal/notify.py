"""How does a program learn that a place of a stream is durable, and that a stream has grown?"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._native import ffi, lib
from .errors import Error, closed, failure

if TYPE_CHECKING:
    from .stream import Mark, Stream

# Python runs signal handlers on the main thread, between its own instructions only: a wait there returns
# this often, in seconds, so that Ctrl-C ends it.
_SLICE = 0.1
_FOR_EVER = float(2**63) / 1e9


def in_slices(timeout: Optional[float], wait: Callable[[float], bool]) -> bool:
    """Calls `wait` with seconds until it is True, or `timeout` has passed; None waits for ever."""
    slice_ = _SLICE if threading.current_thread() is threading.main_thread() else _FOR_EVER
    if timeout is None:
        while not wait(slice_):
            pass
        return True
    deadline = time.monotonic() + timeout
    while True:
        left = max(0.0, deadline - time.monotonic())
        if wait(min(left, slice_)):
            return True
        if left <= slice_:
            return False


# The callbacks that were registered and have not run, by the context that the library gives back.
_waiting: dict[int, Callable[[Optional[Error]], Any]] = {}
_contexts = itertools.count(1)


@ffi.def_extern()  # type: ignore[misc, untyped-decorator, unused-ignore]
def ironwal_python_durable(context: int, _mark: Any, status: int) -> None:
    # On a thread of the library. An exception of the callback is printed by cffi, and harms nothing else.
    callback = _waiting.pop(context, None)
    if callback is not None:
        callback(failure(status, ffi.NULL) if status else None)


class Ticket:
    """Names a callback that was registered, to cancel it."""

    def __init__(self, stream: Stream, ticket: Any, context: int) -> None:
        self._stream = stream
        self._ticket = ticket
        self._context = context

    def cancel(self) -> bool:
        """True: the callback was not called and will not be. False: it has been called and has returned,
        unless it is what calls this. Waits for a callback that runs on another thread."""
        out, error = ffi.new("bool *"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_cancel_durable(self._stream._open(), self._ticket, out, error)
        if status:
            raise failure(status, error[0])
        if out[0]:
            _waiting.pop(self._context, None)
        return bool(out[0])


def register(stream: Stream, mark: Mark, callback: Callable[[Optional[Error]], Any]) -> Ticket:
    if not callable(callback):
        raise TypeError("the callback is not callable")
    handle, context = stream._open(), next(_contexts)
    ticket, error = ffi.new("ironwal_ticket *"), ffi.new("ironwal_error **")
    _waiting[context] = callback
    status = -1
    try:
        status = lib.ironwal_stream_on_durable(
            handle, tuple(mark), lib.ironwal_python_durable, context, ticket, error
        )
    finally:
        if status:
            del _waiting[context]  # nothing was registered
    if status:
        raise failure(status, error[0])
    return Ticket(stream, ticket, context)


async def durable(stream: Stream, mark: Mark) -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[None] = loop.create_future()

    def settle(error: Optional[Error]) -> None:
        if answer.done():
            return  # the wait was cancelled
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    def called(error: Optional[Error]) -> None:
        try:
            loop.call_soon_threadsafe(settle, error)
        except RuntimeError:
            pass  # the loop is closed: nothing waits

    if stream.is_durable(mark):
        return
    ticket = register(stream, mark, called)
    try:
        await answer
    except asyncio.CancelledError:
        # Takes no time to speak of: the callback only hands over.
        try:
            ticket.cancel()
        except Error:
            pass  # closed: every callback has returned
        raise


def _settle(came: asyncio.Future[None]) -> None:
    if not came.done():
        came.set_result(None)


class Readable:
    """A descriptor that is readable when a stream has grown, for the loop that runs."""

    def __init__(self, stream: Stream, event: int) -> None:
        out, error = ffi.new("ironwal_events **"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_events(stream._open(), event, out, error)
        if status:
            raise failure(status, error[0])
        self._events = ffi.gc(out[0], lib.ironwal_events_free)
        fd = ffi.new("int32_t *")
        status = lib.ironwal_events_fd(self._events, fd, error)
        if status:
            raise failure(status, error[0])
        self._fd: int = fd[0]
        self._waits: Optional[asyncio.Future[None]] = None

    def drain(self) -> int:
        """Makes the descriptor not readable, and returns one past the last id."""
        out, error = ffi.new("uint64_t *"), ffi.new("ironwal_error **")
        status = lib.ironwal_events_drain(self._events, out, error)
        if status:
            raise failure(status, error[0])
        return out[0]  # type: ignore[no-any-return]

    async def wait(self) -> None:
        """Waits until the descriptor is readable."""
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()
        self._waits = came
        events = self._events  # the descriptor is open until the loop has forgotten it
        loop.add_reader(self._fd, _settle, came)
        try:
            await came
        finally:
            loop.remove_reader(self._fd)
            del events
            self._waits = None

    def close(self) -> None:
        """Closes the descriptor, once a wait under way, which raises Closed, has left the loop."""
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(closed("the iterator"))
        self._events = None
