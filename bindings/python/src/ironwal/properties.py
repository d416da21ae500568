"""The properties of a stream, as a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Optional

from ._native import ffi, lib
from .errors import failure
from .handles import Bytes, copied, taken
from .options import Durability

if TYPE_CHECKING:
    from .stream import Stream

#: Changes of properties: keys and values with bytes; None as a value removes the property.
Changes = Mapping[Any, Optional[Bytes]]


class _Changes:
    """An array of ironwal_property over the objects of a mapping, which it keeps alive."""

    count = 0
    array = ffi.NULL

    def __init__(self, changes: Optional[Changes]) -> None:
        if not changes:
            return
        self.borrowed = [
            (ffi.from_buffer(key), None if value is None else ffi.from_buffer(value))
            for key, value in changes.items()
        ]
        self.count = len(self.borrowed)
        self.array = ffi.new("ironwal_property[]", self.count)
        for entry, (key, value) in zip(self.array, self.borrowed):
            entry.key = (key, len(key))
            entry.op = lib.IRONWAL_PROPERTY_REMOVE
            if value is not None:
                entry.op = lib.IRONWAL_PROPERTY_SET
                entry.value = (value, len(value))


class Properties(MutableMapping[bytes, bytes]):
    """The properties of a stream: a small map beside its entries, such as a vote or a cursor.

    Keys have 1 to 255 bytes, values up to 4,000; all together take at most 4,096 bytes, with 4 more for
    each. Reading shows what was written last, durable or not. Assigning, `del` and update() are one
    step each, as durable on return as the sync mode makes a batch; change() and replace() choose.
    Corrupt: damage took the newest properties; replace() is the way out.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    changes = _Changes

    def __getitem__(self, key: Bytes) -> bytes:
        borrowed = ffi.from_buffer(key)
        out, error = ffi.new("ironwal_buffer *"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_property(self._stream._open(), borrowed, len(borrowed), out, error)
        if status == lib.IRONWAL_E_NOT_FOUND:
            raise KeyError(bytes(key))
        if status:
            raise failure(status, error[0])
        return taken(out)

    def __setitem__(self, key: Bytes, value: Bytes) -> None:
        if value is None:
            raise TypeError("a value has bytes; del removes a property")
        self.change({key: value})

    def __delitem__(self, key: Bytes) -> None:
        self[key]  # raises KeyError
        self.change({key: None})

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def __repr__(self) -> str:
        return f"<properties of {self._stream!r}>"

    def copy(self) -> dict[bytes, bytes]:
        """All properties, as they are at one moment."""
        out, error = ffi.new("ironwal_property_list **"), ffi.new("ironwal_error **")
        status = lib.ironwal_stream_properties(self._stream._open(), out, error)
        if status:
            raise failure(status, error[0])
        listed = ffi.gc(out[0], lib.ironwal_property_list_free)
        key, value = ffi.new("ironwal_view *"), ffi.new("ironwal_view *")
        found = {}
        for index in range(lib.ironwal_property_list_count(listed)):
            status = lib.ironwal_property_list_get(listed, index, key, value, error)
            if status:
                raise failure(status, error[0])
            found[copied(key)] = copied(value)
        return found

    def update(self, *changes: Any, **no_keys: Any) -> None:
        """Sets several properties as one step."""
        if no_keys:
            raise TypeError("keys are bytes")
        self.change(dict(*changes))

    def clear(self) -> None:
        """Removes all properties as one step."""
        self.replace({})

    def change(self, changes: Changes, *, durability: Durability = Durability.BY_MODE) -> None:
        """Sets and removes (None as a value) several properties: after any crash all changes are there or none."""
        self._write(lib.ironwal_stream_set_properties, changes, durability)

    def replace(self, properties: Mapping[Any, Bytes], *, durability: Durability = Durability.BY_MODE) -> None:
        """Replaces all properties by these: after any crash the old ones are there or the new ones."""
        self._write(lib.ironwal_stream_replace_properties, properties, durability)

    def _write(self, function: Any, changes: Changes, durability: int) -> None:
        made = _Changes(changes)
        error = ffi.new("ironwal_error **")
        status = function(self._stream._open(), made.array, made.count, durability, ffi.NULL, error)
        if status:
            raise failure(status, error[0])
