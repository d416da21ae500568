"""What can a log be opened with?"""

from __future__ import annotations

import dataclasses
import enum
import math
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from ._native import ffi, lib
from .errors import failure

#: A path: str, bytes or os.PathLike. The library demands UTF-8.
Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


class SyncMode(enum.IntEnum):
    """When appends are made durable."""

    STRICT = lib.IRONWAL_SYNC_STRICT  #: each append, when it returns
    BATCH_ONLY = lib.IRONWAL_SYNC_BATCH_ONLY  #: batches, when they return
    ASYNC = lib.IRONWAL_SYNC_ASYNC  #: by a later sync


class Match(enum.IntEnum):
    """Which streams options of their own are for."""

    EXACT = lib.IRONWAL_MATCH_EXACT  #: the stream with this name
    PREFIX = lib.IRONWAL_MATCH_PREFIX  #: all whose names begin with this


class Compression(enum.IntEnum):
    """How frames are stored."""

    NONE = lib.IRONWAL_COMPRESSION_NONE
    LZ4 = lib.IRONWAL_COMPRESSION_LZ4


class ReadStrategy(enum.IntEnum):
    """How segments are read."""

    STANDARD_IO = lib.IRONWAL_READ_STANDARD_IO
    MMAP = lib.IRONWAL_READ_MMAP


class WriteStrategy(enum.IntEnum):
    """How the active segment is written."""

    AUTO = lib.IRONWAL_WRITE_AUTO
    STANDARD_IO = lib.IRONWAL_WRITE_STANDARD_IO
    MMAP = lib.IRONWAL_WRITE_MMAP


class CommitPath(enum.IntEnum):
    """Where what a sync makes durable is written first."""

    AUTO = lib.IRONWAL_COMMIT_AUTO  #: the library chooses for each sync
    IN_PLACE = lib.IRONWAL_COMMIT_IN_PLACE  #: the stream's own file
    JOURNAL = lib.IRONWAL_COMMIT_JOURNAL  #: one file that all streams share


class OnCorruption(enum.IntEnum):
    """What opening does about damage to what was durable."""

    TRUNCATE = lib.IRONWAL_CORRUPTION_TRUNCATE  #: keeps what is good and reports what is not
    ERROR = lib.IRONWAL_CORRUPTION_ERROR  #: refuses to open


class Durability(enum.IntEnum):
    """How durable one append is when it returns."""

    BY_MODE = lib.IRONWAL_DURABILITY_BY_MODE  #: as the sync mode of the log makes it
    WRITTEN = lib.IRONWAL_DURABILITY_WRITTEN  #: in the kernel, in every sync mode
    DURABLE = lib.IRONWAL_DURABILITY_DURABLE  #: on the disk, in every sync mode


class View(enum.IntEnum):
    """Which entries an iterator shows."""

    BY_MODE = lib.IRONWAL_VIEW_BY_MODE  #: those that reads show in the sync mode of the log
    WRITTEN = lib.IRONWAL_VIEW_WRITTEN  #: all in the kernel; a power loss may take some back
    DURABLE = lib.IRONWAL_VIEW_DURABLE  #: durable ones only


class SnapshotMode(enum.IntEnum):
    """How a snapshot gets sealed segments."""

    LINK = lib.IRONWAL_SNAPSHOT_LINK  #: by a second name, where the file system can
    COPY = lib.IRONWAL_SNAPSHOT_COPY  #: by a copy


@dataclasses.dataclass(frozen=True)
class Retention:
    """Which old segments are removed: whole ones, oldest first, never the newest.

    None sets no such limit. With `keep_cursors` nothing goes that a cursor has not read: a property
    `cursor/NAME`, the next id to read as 8 bytes, the lowest first.
    """

    max_bytes: Optional[int] = None  #: as long as the stream has more bytes of segments
    max_age: Optional[float] = None  #: seconds since the last change of the oldest
    keep_cursors: bool = False

    def arguments(self) -> tuple[int, int, bool]:
        no_limit = int(lib.IRONWAL_NO_LIMIT)
        size = no_limit if self.max_bytes is None else self.max_bytes
        if self.max_age is not None and not self.max_age >= 0:
            raise ValueError(f"max_age must be a number of seconds, 0 or more, not {self.max_age}")
        age = no_limit if self.max_age is None else nanoseconds(self.max_age)
        return size, age, self.keep_cursors


def nanoseconds(seconds: float) -> int:
    """For a time-out: more than the library can count waits for ever."""
    return 2**64 - 1 if seconds == math.inf else min(max(0, int(seconds * 1e9)), 2**64 - 1)


class OptionsHandle:
    """The options of the library, for the time of one opening."""

    def __init__(self, path: Path) -> None:
        name = os.fsencode(path)
        out, error = ffi.new("ironwal_options **"), ffi.new("ironwal_error **")
        status = lib.ironwal_options_new(name, len(name), out, error)
        if status:
            raise failure(status, error[0])
        self.handle = ffi.gc(out[0], lib.ironwal_options_free)

    def set(self, setter: Any, *values: Any) -> None:
        error = ffi.new("ironwal_error **")
        status = setter(self.handle, *values, error)
        if status:
            raise failure(status, error[0])

    def set_all(
        self,
        *,
        sync_mode: Optional[SyncMode] = None,
        compression: Optional[Compression] = None,
        read_strategy: Optional[ReadStrategy] = None,
        write_strategy: Optional[WriteStrategy] = None,
        commit_path: Optional[CommitPath] = None,
        journal_size: Optional[int] = None,
        on_corruption: Optional[OnCorruption] = None,
        max_segment_size: Optional[int] = None,
        max_entries_per_segment: Optional[int] = None,
        max_open_segments: Optional[int] = None,
        max_open_read_segments: Optional[int] = None,
        write_buffer_size: Optional[int] = None,
        read_buffer_size: Optional[int] = None,
        block_cache_size: Optional[int] = None,
        min_compression_size: Optional[int] = None,
        background_sync: Union[None, bool, tuple[float, int]] = None,
        sync_threads: Optional[int] = None,
        latencies: Optional[bool] = None,
        archive_path: Optional[Path] = None,
        retention: Optional[Retention] = None,
        stream: Sequence[tuple[Match, str, str]] = (),
    ) -> None:
        plain = {
            "sync_mode": sync_mode,
            "compression": compression,
            "read_strategy": read_strategy,
            "write_strategy": write_strategy,
            "commit_path": commit_path,
            "journal_size": journal_size,
            "on_corruption": on_corruption,
            "max_segment_size": max_segment_size,
            "max_entries_per_segment": max_entries_per_segment,
            "max_open_segments": max_open_segments,
            "max_open_read_segments": max_open_read_segments,
            "write_buffer_size": write_buffer_size,
            "read_buffer_size": read_buffer_size,
            "block_cache_size": block_cache_size,
            "min_compression_size": min_compression_size,
            "sync_threads": sync_threads,
            "latencies": latencies,
        }
        for name, value in plain.items():
            if value is not None:
                self.set(getattr(lib, f"ironwal_options_set_{name}"), value)
        if background_sync is False:
            self.set(lib.ironwal_options_set_no_background_sync)
        elif isinstance(background_sync, tuple):
            interval, size = background_sync
            self.set(lib.ironwal_options_set_background_sync, nanoseconds(interval), size)
        for match, name, text in stream:
            key, given = name.encode(), text.encode()
            self.set(lib.ironwal_options_set_stream, match, key, len(key), given, len(given))
        if retention is not None:
            self.set(lib.ironwal_options_set_retention, *retention.arguments())
        if archive_path is not None:
            name_bytes = os.fsencode(archive_path)
            self.set(lib.ironwal_options_set_archive_path, name_bytes, len(name_bytes))
