"""How are entries read one after the other, and followed as they come?"""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from . import notify
from ._native import ffi, lib
from .errors import Cancelled, Error, ReadOnly, closed, failure
from .handles import copied
from .options import SyncMode, View, nanoseconds

if TYPE_CHECKING:
    from .stream import Stream


class Entries:
    """A place in a stream: yields (id, bytes). Made by Stream.iter(), or to move backward by Stream.iter_rev().

    At the end iteration stops; a later `next` finds what was appended since, if it moves forward. Damage raises once per run of
    damaged ids, and SegmentNotFound once where a truncation took what comes next; the next step goes on
    behind it. SuffixCut ends the iteration.

    Several threads may use it; each entry goes to one of them.
    """

    def __init__(self, handle: Any, owner: Any) -> None:
        self._handle: Any = ffi.gc(handle, lib.ironwal_iter_free)
        self._owner = owner  # the stream, or the log: not closed by the collector as long as this is used
        self._one_at_a_time = threading.Lock()
        self._id, self._view = ffi.new("uint64_t *"), ffi.new("ironwal_view *")
        self._error = ffi.new("ironwal_error **")

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration and releases the files that it reads, once a call under way returns."""
        self._handle = None

    def _open(self) -> Any:
        handle = self._handle
        if handle is None:
            raise closed("the iterator")
        return handle

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> tuple[int, bytes]:
        found = self._step()
        if found is None:
            raise StopIteration
        return found

    def _step(self) -> Optional[tuple[int, bytes]]:
        """The next entry that is there; None: none is, for now."""
        with self._one_at_a_time:
            # A reference of its own: the view is valid as long as the handle.
            handle = self._open()
            status = lib.ironwal_iter_next(handle, self._id, self._view, self._error)
            if status == 0:
                return self._id[0], copied(self._view)
            if status == lib.IRONWAL_E_END:
                return None
            raise failure(status, self._error[0])


class Follower(Entries):
    """An iterator that waits for more entries at the end: with `for`, or with `async for`. Made by Stream.follow().

    When the log is closed, the stream deleted or poisoned, the entries that are left come first, and then
    the exception.
    """

    def __init__(self, handle: Any, stream: Stream, view: View, timeout: Optional[float]) -> None:
        super().__init__(handle, stream)
        self._stream = stream
        self._timeout = timeout
        out, error = ffi.new("ironwal_canceller **"), ffi.new("ironwal_error **")
        status = lib.ironwal_iter_canceller(self._handle, out, error)
        if status:
            raise failure(status, error[0])
        self._canceller = ffi.gc(out[0], lib.ironwal_canceller_free)
        if view == View.BY_MODE:
            view = View.DURABLE if stream.sync_mode == SyncMode.STRICT else View.WRITTEN
        self._event = lib.IRONWAL_EVENT_DURABLE if view == View.DURABLE else lib.IRONWAL_EVENT_WRITTEN
        self._readable: Optional[notify.Readable] = None
        self._polls = False
        self._ended: Optional[Error] = None

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until there is an entry, or an exception to raise. False: `timeout` seconds passed; 0 only asks.

        Cancelled: another thread called cancel().
        """
        return notify.in_slices(timeout, self._wait)

    def _wait(self, seconds: float) -> bool:
        with self._one_at_a_time:
            status = lib.ironwal_iter_wait(self._open(), nanoseconds(seconds), self._error)
            if status == lib.IRONWAL_E_TIMEOUT:
                return False
            if status:
                raise failure(status, self._error[0])
            return True

    def cancel(self) -> None:
        """Ends the wait that is under way, or the next one: wait() raises Cancelled, a `for` ends. Any thread may call it."""
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_canceller_cancel(self._canceller, error)
        if status:
            raise failure(status, error[0])

    def close(self) -> None:
        """Ends the iteration, and with it a wait of another thread, which raises Closed or Cancelled."""
        if self._handle is not None:
            super().close()
            self.cancel()
        if self._readable is not None:
            self._readable.close()
            self._readable = None

    def __next__(self) -> tuple[int, bytes]:
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            found = self._step()
            if found is not None:
                return found
            try:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not self.wait(left):
                    raise StopIteration
            except Cancelled:
                raise StopIteration from None

    def __aiter__(self) -> Follower:
        return self

    async def __aenter__(self) -> Follower:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    async def __anext__(self) -> tuple[int, bytes]:
        while True:
            found = self._step()
            if found is not None:
                return found
            if self._ended is not None:
                raise self._ended
            if self._polls:
                await asyncio.sleep(0.01)
                continue
            try:
                if self._readable is None:
                    self._readable = notify.Readable(self._stream, self._event)
                # What comes after this makes the descriptor readable again; what came before is found by a step.
                self._readable.drain()
            except ReadOnly:
                self._polls = True  # nothing signals what another process writes
                continue
            except Error as error:
                self._ended = error  # after the entries that are left
                continue
            found = self._step()
            if found is not None:
                return found
            await self._readable.wait()
