"""Why did a call fail, and how does a program decide by it?"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from ._native import ffi, lib


__all__ = [
    "Other",
    "InvalidArg",
    "NotFound",
    "End",
    "BufferTooSmall",
    "Timeout",
    "Io",
    "NoSpace",
    "Corrupt",
    "CrcMismatch",
    "Config",
    "SegmentNotFound",
    "StreamNotFound",
    "InvalidFilename",
    "Serialization",
    "Locked",
    "Poisoned",
    "TooLarge",
    "SequenceMismatch",
    "Closed",
    "Forked",
    "UnsupportedVersion",
    "Panic",
    "StaleView",
    "CheckpointNotFound",
    "CheckpointCorrupted",
    "ShardCountMismatch",
    "InvalidCheckpointId",
    "NoCheckpoints",
    "CheckpointPruned",
    "BatchIncomplete",
    "ReadOnly",
    "Detached",
    "SuffixCut",
    "Cancelled",
]


class CommittedPart(NamedTuple):
    """The part of an incomplete batch that a shard holds."""

    shard: int
    first_id: int
    end_id: int  # exclusive


class Error(Exception):
    """A failed call of the library. Each status has a class of its own below this one.

    What the library does not know is None.
    """

    #: The number of the status, one of IRONWAL_E_... in the header; 0 for Error itself.
    status: int = 0

    def __init__(self, message: str) -> None:
        super().__init__(message)
        #: What happened, where, and what to do about it, for people.
        self.message = message
        #: The name of the stream.
        self.stream: Optional[str] = None
        #: The file or directory.
        self.path: Optional[str] = None
        #: The place in the file, in bytes.
        self.offset: Optional[int] = None
        #: The ids concerned, from first_id to end_id (exclusive).
        self.first_id: Optional[int] = None
        self.end_id: Optional[int] = None
        #: Of SequenceMismatch: the id that the caller expected, and the next id of the stream.
        self.expected_id: Optional[int] = None
        self.found_id: Optional[int] = None
        #: The operating system's code (errno).
        self.os_error: Optional[int] = None
        #: Of BatchIncomplete: the shards that hold their part of the batch.
        self.committed: list[CommittedPart] = []
        #: Of BufferTooSmall: the size that the entry takes.
        self.needed: Optional[int] = None

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__


class Other(Error):
    """A failure that fits no other class."""


class InvalidArg(Error, ValueError):
    """An argument that the library refuses: an unknown constant, a wrong handle. Nothing was done."""


class NotFound(Error, LookupError):
    """There is no such entry (unknown stream, truncated, or not yet appended), or no such property."""


class End(Error):
    """The iterator is at the current end. Iterators of this package end instead."""


class BufferTooSmall(Error):
    """The entry does not fit into the buffer; `needed` says how long it is."""


class Timeout(Error, TimeoutError):
    """The time expired. Waits of this package return False instead."""


class Io(Error, OSError):
    """The operating system refused, or there was no memory; `errno` holds its code."""


class NoSpace(Error, OSError):
    """No space, quota or file size left. Nothing was lost; try again once there is space."""


class Corrupt(Error):
    """The structure on disk is broken."""


class CrcMismatch(Error):
    """A stored payload does not match its checksum."""


class Config(Error, ValueError):
    """An option, a path or a stream name is out of its documented bounds."""


class SegmentNotFound(Error, LookupError):
    """The entry was there once and its segment is gone."""


class StreamNotFound(Error, LookupError):
    """There is no such stream."""


class InvalidFilename(Error):
    """A file stands where one of the log belongs and is not the log's."""


class Serialization(Error):
    """A value cannot be stored in the format."""


class Locked(Error):
    """Another writer, in this process or another, has the log open."""


class Poisoned(Error):
    """An earlier failure latched: no appends until the log is closed and opened again."""


class TooLarge(Error, ValueError):
    """The frame would exceed the limit of 1 GiB, or properties theirs."""


class SequenceMismatch(Error):
    """The next id of the stream, `found_id`, is not the expected one, `expected_id`."""


class Closed(Error, ValueError):
    """The log, or the object that was called, is closed."""


class Forked(Error):
    """This process is a fork of the one that opened the log."""


class UnsupportedVersion(Error):
    """The file is of a format that this version does not read."""


class Panic(Error):
    """A defect inside the library was caught; the log accepts no further calls but close."""


class StaleView(Error):
    """The iterator has moved since this view was given out."""


class CheckpointNotFound(Error, LookupError):
    """There is no checkpoint of this id."""


class CheckpointCorrupted(Error):
    """The checkpoint, or the file that holds it, is damaged."""


class ShardCountMismatch(Error):
    """The log was made with another number of shards."""


class InvalidCheckpointId(Error, ValueError):
    """An id of a checkpoint that is not 1 to 65,535 bytes long."""


class NoCheckpoints(Error, LookupError):
    """The log has no checkpoint."""


class CheckpointPruned(Error, LookupError):
    """The checkpoint counts on entries that were removed."""


class BatchIncomplete(Error):
    """A batch over several shards is whole in some, which `committed` lists, and absent from others."""


class ReadOnly(Error):
    """The log was opened read-only."""


class Detached(Error):
    """The log's directory, or LOCK in it, is not what this log locked any more."""


class SuffixCut(Error):
    """Ids that the iterator had returned, from `first_id` on, were cut, and may be other entries by now."""


class Cancelled(Error):
    """The wait was cancelled."""


def _status_of(kind: type[Error]) -> int:
    """IRONWAL_E_NOT_FOUND is NotFound, and so on."""
    words = "".join("_" + letter if letter.isupper() else letter for letter in kind.__name__)
    status: int = getattr(lib, "IRONWAL_E" + words.upper())
    return status


#: The class of each status.
CLASSES: dict[int, type[Error]] = {}
for _kind in Error.__subclasses__():
    _kind.status = _status_of(_kind)
    CLASSES[_kind.status] = _kind


def text(owned: Any) -> Optional[str]:
    """Copies a text of the library; None where it has none."""
    if owned.len == 0:
        return None
    return bytes(ffi.buffer(owned.data, owned.len)).decode("utf-8", "replace")


def failure(status: int, details: Any, answer: str = "") -> Error:
    """The exception for a status. Frees the error object `details`, which may be NULL.

    `answer` is the message where the library makes no error object.
    """
    kind = CLASSES.get(status, Other)
    if details == ffi.NULL:
        name = ffi.string(lib.ironwal_status_name(status)).decode()
        error = kind(answer or name)
    else:
        try:
            error = _with_details(kind(text(lib.ironwal_error_message(details)) or ""), details)
        finally:
            lib.ironwal_error_free(details)
    error.status = status
    return error


def _with_details(error: Error, details: Any) -> Error:
    error.stream = text(lib.ironwal_error_stream(details))
    error.path = text(lib.ironwal_error_path(details))
    one, two = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    if lib.ironwal_error_offset(details, one):
        error.offset = one[0]
    if lib.ironwal_error_ids(details, one, two):
        error.first_id, error.end_id = one[0], two[0]
    if lib.ironwal_error_sequence(details, one, two):
        error.expected_id, error.found_id = one[0], two[0]
    error.os_error = lib.ironwal_error_os_error(details) or None
    if isinstance(error, OSError):
        error.errno = error.os_error
        error.filename = error.path
    shard = ffi.new("uint32_t *")
    for index in range(lib.ironwal_error_committed_count(details)):
        if lib.ironwal_error_committed_part(details, index, shard, one, two):
            error.committed.append(CommittedPart(shard[0], one[0], two[0]))
    return error


def closed(what: str) -> Closed:
    """For calls on an object that this package has closed."""
    return Closed(f"{what} was closed")
