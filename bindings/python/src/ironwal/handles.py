"""How does a handle of the library live as long as its calls, and end with them?

Two ways. A handle that only has to be freed (stream, iterator, descriptor) is a cdata object with a
destructor. Each call holds a reference to it, also while the GIL is released. close() drops the object's
own reference, so the last call under way frees the handle. A log is consumed by its close, which no other
call may overlap: `Guard` counts those.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Optional

from ._native import ffi, lib
from .errors import closed

#: What goes in: bytes, bytearray, memoryview, array, mmap; anything with the buffer protocol.
Bytes = Any


def taken(buffer: Any) -> bytes:
    """The bytes of an ironwal_buffer, which is freed."""
    try:
        return copied(buffer)
    finally:
        lib.ironwal_buffer_free(buffer)


def copied(view: Any) -> bytes:
    """The bytes of a buffer or view of the library."""
    return bytes(ffi.buffer(view.data, view.len)) if view.len else b""


class Slices:
    """An array of ironwal_slice over objects, which it keeps alive."""

    def __init__(self, entries: Any) -> None:
        if isinstance(entries, (bytes, bytearray, memoryview, str)):
            raise TypeError("several entries are expected, each an object with bytes; got a single one")
        self.borrowed = [ffi.from_buffer(entry) for entry in entries]
        self.count = len(self.borrowed)
        self.array = ffi.new("ironwal_slice[]", [(data, len(data)) for data in self.borrowed])


class Guard:
    """Counts the calls on a handle. The one that closes waits for those under way, and no more begin."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._changed = threading.Condition()
        self._calls = 0
        self._closed = False

    def __enter__(self) -> None:
        with self._changed:
            if self._closed:
                raise closed(self._what)
            self._calls += 1

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        with self._changed:
            self._calls -= 1
            self._changed.notify_all()

    def close(self) -> bool:
        """Refuses new calls and waits for those under way. False: it is closed already."""
        with self._changed:
            if self._closed:
                return False
            self._closed = True
            try:
                while self._calls:
                    self._changed.wait()
            except BaseException:  # Ctrl-C: it can be used, and closed, again
                self._closed = False
                raise
            return True

    def abandon(self) -> bool:
        """Refuses new calls. False: it is closed already, or a call is under way, which is not waited for."""
        with self._changed:
            idle = not self._closed and self._calls == 0
            self._closed = True
            return idle

    def reopen(self) -> None:
        """Allows calls again, by the caller for which close() was True."""
        with self._changed:
            self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed
