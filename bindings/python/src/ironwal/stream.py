"""One stream: append, read, durability, cuts."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union

from . import notify
from ._native import ffi, lib
from .errors import BufferTooSmall, Error, closed, failure
from .handles import Bytes, Slices, taken
from .iterator import Entries, Follower
from .options import Durability, Retention, SyncMode, View, nanoseconds
from .properties import Changes, Properties

if TYPE_CHECKING:
    from .log import Log
    from .sharded import ShardedLog


class Mark(NamedTuple):
    """A place in one stream while its log is open: behind everything that was appended before.

    Marks of one stream are ordered. Other streams and later openings refuse it with Config.
    """

    place: int
    opening: int


class Appended(NamedTuple):
    """What an append did."""

    first_id: int
    end_id: int  #: exclusive
    mark: Mark  #: the place behind the append


class Part(NamedTuple):
    """What Log.append_atomic() appends to one stream: entries, changes of properties, or both."""

    stream: Stream
    entries: Iterable[Bytes] = ()
    #: The id that the first entry must get.
    expected_id: Optional[int] = None
    properties: Optional[Changes] = None


def append_atomic(wal: Any, parts: Iterable[Part]) -> list[tuple[int, int]]:
    """Log.append_atomic(), on the handle of a log."""
    given = [
        (part, Slices(part.entries), Properties.changes(part.properties), part.stream._open()) for part in parts
    ]
    array = ffi.new("ironwal_atomic_part[]", len(given))
    for raw, (part, slices, changes, handle) in zip(array, given):
        raw.stream = handle
        raw.entries, raw.entry_count = slices.array, slices.count
        raw.properties, raw.property_count = changes.array, changes.count
        if part.expected_id is not None:
            raw.expected_id, raw.expects_id = part.expected_id, 1
    firsts, ends = ffi.new("uint64_t[]", len(given)), ffi.new("uint64_t[]", len(given))
    error = ffi.new("ironwal_error **")
    status = lib.ironwal_append_atomic(wal, array, len(given), firsts, ends, error)
    if status:
        raise failure(status, error[0])
    return list(zip(firsts, ends))


class Stream:
    """One stream of an open log. Made by Log.stream() and ShardedLog.shard(). Any thread may use it.

    Bytes that go in are objects with the buffer protocol. They are read during the call, without a copy
    by this package, and must not change meanwhile. Bytes that come out are copies.

    The GIL is released in every call of the library.
    """

    def __init__(self, handle: Any, name: str, log: Union[Log, ShardedLog]) -> None:
        self._handle: Any = ffi.gc(handle, lib.ironwal_stream_free)
        self._log = log
        mode = ffi.new("int32_t *")
        lib.ironwal_stream_sync_mode(self._handle, mode, ffi.NULL)
        #: When appends are made durable: the mode of the log, or that of the stream's own options.
        self.sync_mode = SyncMode(mode[0])
        #: The name of the stream.
        self.name = name

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ironwal.Stream {self.name!r} of {self._log!r}>"

    def close(self) -> None:
        """Releases the handle, once the calls under way return. The stream and its entries stay."""
        self._handle = None

    def _open(self) -> Any:
        handle = self._handle
        if handle is None:
            raise closed(f"the handle of the stream {self.name!r}")
        return handle

    # Append

    def append(
        self,
        data: Bytes,
        *,
        expected_id: Optional[int] = None,
        properties: Optional[Changes] = None,
        durability: Durability = Durability.BY_MODE,
    ) -> int:
        """Appends one entry and returns its id.

        With `expected_id` it is appended only if it gets this id; SequenceMismatch otherwise. `properties`
        change with it as one: after any crash both are there or neither; None as a value removes one.
        Blocks until the entry is as durable as `durability` says.

        NoSpace: nothing was appended, try again. After Io it may exist once the log is opened again.
        """
        if expected_id is None and properties is None and durability is Durability.BY_MODE:
            buffer = ffi.from_buffer(data)
            out, error = ffi.new("uint64_t *"), ffi.new("ironwal_error **")
            status = lib.ironwal_stream_append(self._open(), buffer, len(buffer), out, error)
            if status:
                raise failure(status, error[0])
            return out[0]  # type: ignore[no-any-return]
        return self._append_with([data], expected_id, properties, durability).first_id

    def append_batch(
        self,
        entries: Iterable[Bytes],
        *,
        expected_id: Optional[int] = None,
        properties: Optional[Changes] = None,
        durability: Durability = Durability.BY_MODE,
    ) -> Appended:
        """Appends several entries as one: after any crash all are there or none.

        `expected_id`, `properties` and `durability` as for append(). Without entries `expected_id` is
        compared all the same, and properties change.
        """
        if durability == Durability.BY_MODE and self.sync_mode == SyncMode.BATCH_ONLY:
            durability = Durability.DURABLE  # also a batch of one entry
        return self._append_with(entries, expected_id, properties, durability)

    def _append_with(
        self, entries: Iterable[Bytes], expected_id: Optional[int], properties: Optional[Changes], durability: int
    ) -> Appended:
        slices, changes = Slices(entries), Properties.changes(properties)
        if expected_id is None:
            expected_id = lib.IRONWAL_ANY_ID
        elif expected_id == lib.IRONWAL_ANY_ID:
            raise failure(lib.IRONWAL_E_INVALID_ARG, ffi.NULL, "expected_id must be below 2**64 - 1")
        out, mark = ffi.new("uint64_t[2]"), ffi.new("ironwal_mark *")
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_stream_append_with(
            self._open(),
            expected_id,
            slices.array,
            slices.count,
            changes.array,
            changes.count,
            durability,
            out,
            out + 1,
            mark,
            error,
        )
        if status:
            raise failure(status, error[0])
        return Appended(out[0], out[1], Mark(mark.place, mark.opening))

    # Read

    def get(self, id: int) -> bytes:  # noqa: A002 (the word of the library)
        """One entry. NotFound where there is none: truncated, not yet appended, or not yet visible."""
        out, error = ffi.new("ironwal_buffer *"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_get(self._open(), id, out, error)
        if status:
            raise failure(status, error[0], f"the stream {self.name!r} has no entry {id}")
        return taken(out)

    def view(self, id: int) -> memoryview:  # noqa: A002
        """One entry without a copy, read-only. NotFound as for get().

        The bytes stay where they are, in a mapping or a block of memory, as long as the result lives, whatever
        happens to the stream and the log; a file that was removed keeps its space until then.
        """
        view, pin = ffi.new("ironwal_view *"), ffi.new("ironwal_view_pin **")
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_stream_view(self._open(), id, view, pin, error)
        if status:
            raise failure(status, error[0], f"the stream {self.name!r} has no entry {id}")
        pinned = ffi.gc(pin[0], lib.ironwal_view_pin_free)
        if view.len == 0:
            return memoryview(b"")
        # The buffer keeps `data` alive, and that the pin, which its destructor refers to.
        data = ffi.gc(view.data, lambda _, pinned=pinned: None)
        return memoryview(ffi.buffer(data, view.len)).toreadonly()

    def get_into(self, id: int, buffer: Bytes) -> int:  # noqa: A002
        """Reads one entry into a writable buffer, such as a bytearray, and returns its length.

        BufferTooSmall says in `needed` how long an entry is that does not fit; nothing is copied then.
        """
        into = ffi.from_buffer(buffer, require_writable=True)
        out, error = ffi.new("size_t *"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_get_into(self._open(), id, into, len(into), out, error)
        if status == lib.IRONWAL_E_BUFFER_TOO_SMALL:
            small = BufferTooSmall(f"entry {id} of the stream {self.name!r} has {out[0]} bytes, the buffer {len(into)}")
            small.needed = out[0]
            raise small
        if status:
            raise failure(status, error[0], f"the stream {self.name!r} has no entry {id}")
        return out[0]  # type: ignore[no-any-return]

    def last(self) -> tuple[int, bytes]:
        """The id and the bytes of the last visible entry. NotFound where there is none."""
        out, buffer = ffi.new("uint64_t *"), ffi.new("ironwal_buffer *")
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_stream_last(self._open(), out, buffer, error)
        if status:
            raise failure(status, error[0], f"the stream {self.name!r} has no entry")
        return out[0], taken(buffer)

    def iter(self, start: int = 0) -> Entries:
        """Reads from an id on, or from the first one kept, to the present end: `for id, entry in stream.iter(0)`."""
        out = self._pointer("ironwal_iter **", lib.ironwal_stream_iter, start)
        return Entries(out, self)

    def iter_rev(self, start: int = 2**64 - 1) -> Entries:
        """Reads from an id, or from the last entry, back to the first one kept. It shows nothing appended later."""
        out = self._pointer("ironwal_iter **", lib.ironwal_stream_iter_rev, start)
        return Entries(out, self)

    def __iter__(self) -> Entries:
        return self.iter(0)

    def __reversed__(self) -> Entries:
        return self.iter_rev()

    def follow(self, start: int = 0, *, view: View = View.BY_MODE, timeout: Optional[float] = None) -> Follower:
        """Reads from an id on, and waits at the end for more: with `for`, or with `async for`.

        `view` says which entries are shown. `for` ends where nothing comes for `timeout` seconds, or after
        cancel() by another thread; `async for` has neither: use those of asyncio.
        """
        out = self._pointer("ironwal_iter **", lib.ironwal_stream_follow, start, view)
        return Follower(out, self, view, timeout)

    @property
    def first_id(self) -> int:
        """The first id that is kept."""
        return self._number(lib.ironwal_stream_first_id)

    @property
    def next_id(self) -> int:
        """The id that the next append gets."""
        return self._number(lib.ironwal_stream_next_id)

    @property
    def durable_end(self) -> int:
        """The end of what is durable: every entry below this id is."""
        return self._number(lib.ironwal_stream_durable_end)

    def digest(self, first_id: int, end_id: int) -> bytes:
        """16 bytes that two streams share if they have the same entries from `first_id` to `end_id` (exclusive)."""
        out = ffi.new("uint8_t[16]")
        self._call(lib.ironwal_stream_digest, first_id, end_id, out)
        return bytes(ffi.buffer(out))

    def stats(self) -> dict[str, int]:
        """What has happened since the log was opened, and where it is now: ironwal_stream_stats_t of the header."""
        out = ffi.new("ironwal_stream_stats_t *")
        self._call(lib.ironwal_stream_stats, out, ffi.sizeof(out[0]))
        return {name: getattr(out, name) for name, _ in ffi.typeof(out).item.fields}

    # Properties

    @property
    def properties(self) -> Properties:
        """The properties of the stream, as a mapping of bytes to bytes."""
        return Properties(self)

    # Durability

    def sync(self) -> None:
        """Makes everything durable that was appended before the call."""
        self._call(lib.ironwal_stream_sync)

    def wait_durable(self, id: int, timeout: Optional[float] = None) -> bool:  # noqa: A002
        """Waits until the entry, which need not be appended yet, is durable. False: `timeout` seconds passed."""
        return notify.in_slices(
            timeout, lambda part: self._answer(lib.ironwal_stream_wait_durable, id, nanoseconds(part))
        )

    def mark(self) -> Mark:
        """The mark behind everything appended so far."""
        out = ffi.new("ironwal_mark *")
        self._call(lib.ironwal_stream_mark, out)
        return Mark(out.place, out.opening)

    def is_durable(self, mark: Mark) -> bool:
        """Whether everything in front of the mark is durable. Once true it stays true."""
        out = ffi.new("bool *")
        self._call(lib.ironwal_stream_is_durable, tuple(mark), out)
        return bool(out[0])

    def on_durable(self, mark: Mark, callback: Callable[[Optional[Error]], Any]) -> notify.Ticket:
        """Has `callback` called once: with None when everything in front of the mark is durable, otherwise
        with the exception that says why it cannot become so. Returns at once, and asks for a sync.

        It is called on a thread of the library, or on one that closes the log. It may append, read and
        register, and must return soon; it cannot close the log. Log.close() completes all of them.
        """
        return notify.register(self, mark, callback)

    async def durable(self, mark: Mark) -> None:
        """Returns when everything in front of the mark is durable: `await stream.durable(appended.mark)`.

        Raises why it cannot become so. Cancelling it cancels nothing but the wait.
        """
        await notify.durable(self, mark)

    # Cuts

    def truncate_suffix(self, from_id: int) -> int:
        """Removes the ids from `from_id` on, durably, and returns how many there were."""
        return self._number(lib.ironwal_stream_truncate_suffix, from_id)

    def replace_suffix(
        self, from_id: int, entries: Iterable[Bytes], *, properties: Optional[Changes] = None
    ) -> tuple[int, int]:
        """Replaces the ids from `from_id` on, in one durable step with the properties.

        Returns the first id of the entries and their end. Properties that are not named stay.
        """
        return self._replace(lib.ironwal_stream_replace_suffix, from_id, entries, properties)

    def reset(
        self, next_id: int, entries: Iterable[Bytes] = (), *, properties: Optional[Changes] = None
    ) -> tuple[int, int]:
        """Removes all entries and appends these from `next_id` on, in one durable step with the properties."""
        return self._replace(lib.ironwal_stream_reset, next_id, entries, properties)

    def truncate_prefix(self, first_id: int) -> int:
        """Hides the ids below `first_id`, exactly and durably, and returns how many segments it removed."""
        return self._number(lib.ironwal_stream_truncate_prefix, first_id, kind="size_t *")

    def truncate(self, safe_id: int) -> int:
        """Removes the segments that lie entirely below `safe_id`, durably, and returns how many."""
        return self._number(lib.ironwal_stream_truncate, safe_id, kind="size_t *")

    def apply_retention(self, retention: Retention) -> int:
        """Removes old segments, durably, and returns how many."""
        limits = retention.arguments()
        return self._number(lib.ironwal_stream_apply_retention, *limits, kind="size_t *")

    def delete(self) -> None:
        """Deletes the stream with all its entries, durably. Its handles raise StreamNotFound afterwards."""
        self._call(lib.ironwal_stream_delete)

    # How the library is called

    def _replace(
        self, function: Any, at: int, entries: Iterable[Bytes], properties: Optional[Changes]
    ) -> tuple[int, int]:
        slices, changes = Slices(entries), Properties.changes(properties)
        out = ffi.new("uint64_t[2]")
        self._call(function, at, slices.array, slices.count, changes.array, changes.count, out, out + 1)
        return out[0], out[1]

    def _call(self, function: Any, *arguments: Any) -> None:
        error = ffi.new("ironwal_error **")
        status = function(self._open(), *arguments, error)
        if status:
            raise failure(status, error[0])

    def _answer(self, function: Any, *arguments: Any) -> bool:
        """False for the answer Timeout."""
        error = ffi.new("ironwal_error **")
        status = function(self._open(), *arguments, error)
        if status and status != lib.IRONWAL_E_TIMEOUT:
            raise failure(status, error[0])
        return bool(status == 0)

    def _number(self, function: Any, *arguments: Any, kind: str = "uint64_t *") -> int:
        out = ffi.new(kind)
        self._call(function, *arguments, out)
        return out[0]  # type: ignore[no-any-return]

    def _pointer(self, kind: str, function: Any, *arguments: Any) -> Any:
        out = ffi.new(kind)
        self._call(function, *arguments, out)
        return out[0]


