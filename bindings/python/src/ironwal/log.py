"""A log: open, streams, snapshot, close."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Optional, Union

from . import reports
from ._native import ffi, lib
from .errors import closed, failure, text
from .handles import Guard
from .options import (
    CommitPath,
    Compression,
    Match,
    OnCorruption,
    OptionsHandle,
    Path,
    ReadStrategy,
    Retention,
    SnapshotMode,
    SyncMode,
    WriteStrategy,
)
from .reports import Recovery, Verification
from .stream import Part, Stream, append_atomic


def open(  # noqa: A001 (as gzip.open and the like)
    path: Path,
    *,
    read_only: bool = False,
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
) -> Log:
    """Opens the log in a directory, creating or recovering it; the parent must exist.

    None is the default of the library, which include/ironwal.h names. Sizes are in bytes.
    `background_sync` is (seconds, bytes): a stream is synced in the background no later than so long
    after its oldest unsynced append, and once so many bytes are unsynced; False syncs nothing. `retention` is applied to all streams once a minute.
    Streams of one log may have options of their own: each item of `stream` is a Match, a name and text, such as
    (Match.PREFIX, "chat/", "sync_mode=async; max_segment_size=256M"). No option is stored.

    With `read_only` another process, or this one, may have the log open for writing: nothing on disk is
    changed or locked.

    Everything that can be read afterwards is durable, unless the log is opened read-only.
    """
    options = OptionsHandle(path)
    options.set_all(
        sync_mode=sync_mode,
        compression=compression,
        read_strategy=read_strategy,
        write_strategy=write_strategy,
        commit_path=commit_path,
        journal_size=journal_size,
        on_corruption=on_corruption,
        max_segment_size=max_segment_size,
        max_entries_per_segment=max_entries_per_segment,
        max_open_segments=max_open_segments,
        max_open_read_segments=max_open_read_segments,
        write_buffer_size=write_buffer_size,
        read_buffer_size=read_buffer_size,
        block_cache_size=block_cache_size,
        min_compression_size=min_compression_size,
        background_sync=background_sync,
        sync_threads=sync_threads,
        latencies=latencies,
        archive_path=archive_path,
        retention=retention,
        stream=stream,
    )
    out, error = ffi.new("ironwal_wal **"), ffi.new("ironwal_error **")
    opener = lib.ironwal_wal_open_read_only if read_only else lib.ironwal_wal_open
    status = opener(options.handle, out, error)
    if status:
        raise failure(status, error[0])
    return Log(out[0], os.fsdecode(path), SyncMode(sync_mode or SyncMode.STRICT))


def _abandon(guard: Guard, handle: Any) -> None:
    """Closes a log that nothing refers to any more, or that is open when the interpreter ends."""
    if guard.abandon() and lib.ironwal_wal_close(handle, ffi.NULL) == lib.IRONWAL_E_INVALID_ARG:
        lib.ironwal_wal_free(handle)  # from within a durability callback: closed by its last handle


class Log:
    """An open log: the only writer of its directory. Made by open(). Any thread may use it.

    A context manager: leaving it closes the log. A log that is forgotten is closed when the garbage
    collector finds it, or when the interpreter ends; a failure to reach the disk is not reported then.
    """

    def __init__(self, handle: Any, path: str, sync_mode: SyncMode) -> None:
        self._handle = handle
        self._guard = Guard("the log")
        #: The path that was given to open().
        self.path = path
        #: The sync mode that was given to open().
        self.sync_mode = sync_mode
        self._finalizer = weakref.finalize(self, _abandon, self._guard, handle)

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if not self._guard.is_closed:
            self.close()

    def __del__(self) -> None:
        if hasattr(self, "_finalizer") and self._finalizer.alive:
            try:
                warnings.warn(f"the log {self.path} was not closed", ResourceWarning, source=self, stacklevel=2)
            finally:
                self._finalizer()

    def __repr__(self) -> str:
        return f"<ironwal.Log {self.path!r}{' closed' if self._guard.is_closed else ''}>"

    def close(self) -> None:
        """Makes everything durable and closes the log, also for its streams and iterators.

        Waits for calls on this object, and completes every callback of on_durable(). The log is closed
        even if an exception is raised, except for InvalidArg: such a callback called close(), and nothing
        was done. A second close() raises Closed.
        """
        if not self._guard.close():
            raise closed("the log")
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_wal_close(self._handle, error)
        if status == lib.IRONWAL_E_INVALID_ARG:
            self._guard.reopen()
        else:
            self._finalizer.detach()
            self._handle = None
        if status:
            raise failure(status, error[0])

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._guard.is_closed

    def stream(self, name: str) -> Stream:
        """A handle of the stream, which its first append creates.

        Names are 1 to 255 bytes of UTF-8. The handle keeps the log open as long as nothing closes it.
        """
        encoded = name.encode()
        out, error = ffi.new("ironwal_stream **"), ffi.new("ironwal_error **")
        with self._guard:
            status = lib.ironwal_stream_open(self._handle, encoded, len(encoded), out, error)
        if status:
            raise failure(status, error[0])
        return Stream(out[0], name, self)

    def streams(self) -> list[str]:
        """The names of the streams, sorted."""
        out, error = ffi.new("ironwal_name_list **"), ffi.new("ironwal_error **")
        with self._guard:
            status = lib.ironwal_wal_streams(self._handle, out, error)
        if status:
            raise failure(status, error[0])
        names = ffi.gc(out[0], lib.ironwal_name_list_free)
        count = lib.ironwal_name_list_count(names)
        return [text(lib.ironwal_name_list_get(names, index)) or "" for index in range(count)]

    def delete_stream(self, name: str) -> None:
        """Deletes a stream with all its entries, durably. Deleting what is not there succeeds."""
        encoded = name.encode()
        self._call(lib.ironwal_delete_stream, encoded, len(encoded))

    def sync_all(self) -> None:
        """Makes every stream durable."""
        self._call(lib.ironwal_wal_sync_all)

    def refresh(self) -> None:
        """Looks at everything again in a log that is open read-only. Reading does so where it has to."""
        self._call(lib.ironwal_wal_refresh)

    @property
    def read_only(self) -> bool:
        """Whether the log was opened with read_only."""
        out = ffi.new("bool *")
        self._call(lib.ironwal_wal_is_read_only, out)
        return bool(out[0])

    def stats(self) -> dict[str, int]:
        """What has happened since the log was opened, and where it is now: ironwal_wal_stats_t of the header."""
        out = ffi.new("ironwal_wal_stats_t *")
        self._call(lib.ironwal_wal_stats, out, ffi.sizeof(out[0]))
        return fields(out)

    def snapshot_to(
        self, path: Path, *, mode: SnapshotMode = SnapshotMode.LINK, one_moment: bool = True
    ) -> dict[str, int]:
        """Puts a durable copy of the log into a new directory: ironwal_snapshot_stats of the header.

        Also from a log that is open read-only, beside its writer. `one_moment=False` accepts there that
        each stream is as it was at a moment of its own; `is_one_moment` of the result says so then.
        """
        name = os.fsencode(path)
        out = ffi.new("ironwal_snapshot_stats *")
        function = lib.ironwal_wal_snapshot_to if one_moment else lib.ironwal_wal_snapshot_streams_to
        self._call(function, name, len(name), mode, out, ffi.sizeof(out[0]))
        return fields(out)

    def append_atomic(self, parts: Iterable[Part]) -> list[tuple[int, int]]:
        """Appends a part to each of several streams: after any crash all are there or none.

        Durable on return, in every sync mode, by one sync. Returns the first id and the end of each part. A batch
        takes at most 256 KiB; TooLarge otherwise. After SequenceMismatch, whose `stream` is the one that has another
        id, and after every other exception but Io, nothing is appended anywhere.
        """
        with self._guard:
            return append_atomic(self._handle, parts)

    def recovery(self) -> Recovery:
        """What opening the log found and did. It does not change while the log is open."""
        out = ffi.new("ironwal_recovery_report **")
        self._call(lib.ironwal_wal_recovery, out)
        return reports.recovery(ffi.gc(out[0], lib.ironwal_recovery_report_free))

    def verify(self) -> Verification:
        """Reads everything that is stored and checks it, beside appends and other processes. Changes nothing."""
        out = ffi.new("ironwal_verify_report **")
        self._call(lib.ironwal_wal_verify, out)
        return reports.verification(ffi.gc(out[0], lib.ironwal_verify_report_free))

    def _call(self, function: Any, *arguments: Any) -> None:
        error = ffi.new("ironwal_error **")
        with self._guard:
            status = function(self._handle, *arguments, error)
        if status:
            raise failure(status, error[0])


def fields(struct: Any) -> dict[str, int]:
    """The numbers of a struct of the library, by name."""
    return {name: getattr(struct, name) for name, _ in ffi.typeof(struct).item.fields}
