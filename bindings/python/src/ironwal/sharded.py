"""A sharded log: entries routed by key, and checkpoints that are consistent cuts."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Optional

from ._native import ffi, lib
from .errors import closed, failure
from .handles import Bytes, Guard, Slices, copied, taken
from .iterator import Entries
from .log import fields
from .options import OptionsHandle, Path, SnapshotMode, SyncMode, nanoseconds
from .stream import Stream


class Checkpoint(NamedTuple):
    """A checkpoint that was loaded: a consistent cut through all shards."""

    id: bytes
    timestamp_ns: int  #: since 1970; the order of checkpoints does not follow it
    offsets: tuple[int, ...]  #: for each shard the id from which replay starts


class AutomaticStatus(NamedTuple):
    """How automatic checkpoints went."""

    created: int
    failed: int
    last_error: Optional[str]  #: of the last attempt, if that failed


def route(key: Bytes, shard_count: int) -> int:
    """The shard of a key among `shard_count` shards."""
    borrowed = ffi.from_buffer(key)
    out, error = ffi.new("uint32_t *"), ffi.new("ironwal_error **")
    status = lib.ironwal_sharded_route(borrowed, len(borrowed), shard_count, out, error)
    if status:
        raise failure(status, error[0])
    return out[0]  # type: ignore[no-any-return]


def open_sharded(
    path: Path,
    shard_count: int,
    *,
    checkpoint_every_entries: Optional[int] = None,
    checkpoint_interval: Optional[float] = None,
    checkpoint_prefix: Optional[bytes] = None,
    retention: Optional[int] = None,
    **options: Any,
) -> ShardedLog:
    """Opens a sharded log, creating or recovering it. The number of shards is fixed when it is made.

    With `checkpoint_every_entries` or `checkpoint_interval` (seconds) the log makes checkpoints by itself;
    after each, `retention` keeps so many and prunes what lies before them. `options` are those of
    ironwal.open(), but for `read_only`.
    """
    made = OptionsHandle(path)
    made.set_all(**options)
    out, error = ffi.new("ironwal_sharded_options **"), ffi.new("ironwal_error **")
    status = lib.ironwal_sharded_options_new(shard_count, out, error)
    if status:
        raise failure(status, error[0])
    shards = ffi.gc(out[0], lib.ironwal_sharded_options_free)
    interval = None if checkpoint_interval is None else nanoseconds(checkpoint_interval)
    for setter, value in (
        (lib.ironwal_sharded_options_set_checkpoint_every_entries, checkpoint_every_entries),
        (lib.ironwal_sharded_options_set_checkpoint_interval, interval),
        (lib.ironwal_sharded_options_set_retention, retention),
    ):
        if value is not None and (status := setter(shards, value, error)):
            raise failure(status, error[0])
    if checkpoint_prefix is not None:
        status = lib.ironwal_sharded_options_set_checkpoint_prefix(
            shards, ffi.from_buffer(checkpoint_prefix), len(checkpoint_prefix), error
        )
        if status:
            raise failure(status, error[0])
    opened = ffi.new("ironwal_sharded **")
    status = lib.ironwal_sharded_open(made.handle, shards, opened, error)
    if status:
        raise failure(status, error[0])
    return ShardedLog(opened[0], os.fsdecode(path), shard_count, options.get("sync_mode") or SyncMode.STRICT)


def _abandon(guard: Guard, handle: Any) -> None:
    if guard.abandon():
        lib.ironwal_sharded_close(handle, ffi.NULL)


class ShardedLog:
    """An open log of many shards. Made by open_sharded(). Any thread may use it; a context manager."""

    def __init__(self, handle: Any, path: str, shard_count: int, sync_mode: SyncMode) -> None:
        self._handle = handle
        self._guard = Guard("the sharded log")
        #: The path that was given to open_sharded().
        self.path = path
        self.shard_count = shard_count
        #: The sync mode that was given to open_sharded().
        self.sync_mode = sync_mode
        self._finalizer = weakref.finalize(self, _abandon, self._guard, handle)

    def __enter__(self) -> ShardedLog:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if not self._guard.is_closed:
            self.close()

    def __del__(self) -> None:
        if hasattr(self, "_finalizer") and self._finalizer.alive:
            try:
                warnings.warn(f"the sharded log {self.path} was not closed", ResourceWarning, source=self, stacklevel=2)
            finally:
                self._finalizer()

    def close(self) -> None:
        """Ends automatic checkpoints, makes everything durable and closes the log.

        Waits for calls on this object. The log is closed even if an exception is raised.
        """
        if not self._guard.close():
            raise closed("the sharded log")
        error = ffi.new("ironwal_error **")
        status = lib.ironwal_sharded_close(self._handle, error)
        self._finalizer.detach()
        self._handle = None
        if status:
            raise failure(status, error[0])

    def append(self, key: Bytes, data: Bytes) -> tuple[int, int]:
        """Appends one entry to the shard of its key, as durable as the sync mode says; returns shard and id.

        The key is not stored.
        """
        borrowed_key, borrowed = ffi.from_buffer(key), ffi.from_buffer(data)
        shard, id_ = ffi.new("uint32_t *"), ffi.new("uint64_t *")
        self._call(
            lib.ironwal_sharded_append, borrowed_key, len(borrowed_key), borrowed, len(borrowed), shard, id_
        )
        return shard[0], id_[0]

    def append_batch(self, entries: Iterable[tuple[Bytes, Bytes]]) -> list[tuple[int, int]]:
        """Appends (key, data) pairs to the shards of their keys; returns shard and id of each.

        Atomic within a shard, but not over several: BatchIncomplete lists in `committed` which hold their part.
        """
        return self._append_batch(lib.ironwal_sharded_append_batch, entries)

    def append_batch_atomic(self, entries: Iterable[tuple[Bytes, Bytes]]) -> list[tuple[int, int]]:
        """As append_batch(), but all or nothing over all shards, and durable on return in every sync mode.

        A batch takes at most 256 KiB; TooLarge otherwise.
        """
        return self._append_batch(lib.ironwal_sharded_append_batch_atomic, entries)

    def _append_batch(self, function: Any, entries: Iterable[tuple[Bytes, Bytes]]) -> list[tuple[int, int]]:
        pairs = [(ffi.from_buffer(key), ffi.from_buffer(data)) for key, data in entries]
        array = ffi.new("ironwal_keyed_slice[]", [((k, len(k)), (d, len(d))) for k, d in pairs])
        shards, ids = ffi.new("uint32_t[]", len(pairs)), ffi.new("uint64_t[]", len(pairs))
        self._call(function, array, len(pairs), shards, ids)
        return list(zip(shards, ids))

    def append_batch_for_key(self, key: Bytes, entries: Iterable[Bytes]) -> tuple[int, int, int]:
        """Appends several entries to the shard of one key as one; returns the shard, the first id and the end."""
        borrowed_key, slices = ffi.from_buffer(key), Slices(entries)
        shard, ids = ffi.new("uint32_t *"), ffi.new("uint64_t[2]")
        self._call(
            lib.ironwal_sharded_append_batch_for_key,
            borrowed_key,
            len(borrowed_key),
            slices.array,
            slices.count,
            shard,
            ids,
            ids + 1,
        )
        return shard[0], ids[0], ids[1]

    def iter_shard(self, shard: int, start: int = 0) -> Entries:
        """Reads a shard from an id on, or from the first one kept, to its present end."""
        out = ffi.new("ironwal_iter **")
        self._call(lib.ironwal_sharded_iter_shard, shard, start, out)
        return Entries(out[0], self)

    def shard(self, shard: int) -> Stream:
        """The stream of a shard: to follow it, to wait for its durability, for its statistics.

        Entries that are appended or removed through it bypass routing and checkpoints.
        """
        if not 0 <= shard < self.shard_count:
            raise failure(lib.IRONWAL_E_CONFIG, ffi.NULL, f"there is no shard {shard} of {self.shard_count}")
        wal, out, error = ffi.new("ironwal_wal **"), ffi.new("ironwal_stream **"), ffi.new("ironwal_error **")
        self._call(lib.ironwal_sharded_wal, wal)
        below = ffi.gc(wal[0], lib.ironwal_wal_free)
        name = f"shard_{shard:02}"
        status = lib.ironwal_stream_open(below, name.encode(), len(name), out, error)
        if status:
            raise failure(status, error[0])
        return Stream(out[0], name, self)

    def flush_shard(self, shard: int) -> None:
        """Makes everything appended to a shard so far durable."""
        self._call(lib.ironwal_sharded_flush_shard, shard)

    def flush_all(self) -> None:
        """Makes everything appended so far durable, in all shards at once."""
        self._call(lib.ironwal_sharded_flush_all)

    # Checkpoints

    def create_checkpoint(self, id: Bytes) -> None:  # noqa: A002
        """Makes a durable checkpoint, a consistent cut. An older one of the same id is superseded."""
        borrowed = ffi.from_buffer(id)
        self._call(lib.ironwal_sharded_create_checkpoint, borrowed, len(borrowed))

    def load_checkpoint(self, id: Bytes) -> Checkpoint:  # noqa: A002
        """Loads a checkpoint: CheckpointNotFound, CheckpointPruned or CheckpointCorrupted where it cannot."""
        borrowed, out = ffi.from_buffer(id), ffi.new("ironwal_checkpoint **")
        self._call(lib.ironwal_sharded_load_checkpoint, borrowed, len(borrowed), out)
        return _loaded(out[0])

    def load_latest_checkpoint(self) -> Checkpoint:
        """Loads the newest checkpoint. NoCheckpoints where there is none."""
        out = ffi.new("ironwal_checkpoint **")
        self._call(lib.ironwal_sharded_load_latest_checkpoint, out)
        return _loaded(out[0])

    def checkpoints(self) -> list[tuple[bytes, int]]:
        """Id and time (nanoseconds since 1970) of the checkpoints that can be loaded, oldest first."""
        out, error = ffi.new("ironwal_checkpoint_list **"), ffi.new("ironwal_error **")
        self._call(lib.ironwal_sharded_list_checkpoints, out)
        listed = ffi.gc(out[0], lib.ironwal_checkpoint_list_free)
        view, time = ffi.new("ironwal_view *"), ffi.new("uint64_t *")
        found = []
        for index in range(lib.ironwal_checkpoint_list_count(listed)):
            status = lib.ironwal_checkpoint_list_get(listed, index, view, time, error)
            if status:
                raise failure(status, error[0])
            found.append((copied(view), time[0]))
        return found

    def prune_before_checkpoint(self, id: Bytes) -> dict[str, int]:  # noqa: A002
        """Removes the segments whose entries all lie below the checkpoint: ironwal_prune_stats of the header."""
        borrowed, out = ffi.from_buffer(id), ffi.new("ironwal_prune_stats *")
        self._call(lib.ironwal_sharded_prune_before_checkpoint, borrowed, len(borrowed), out, ffi.sizeof(out[0]))
        return fields(out)

    def compact_checkpoints(self, keep_latest: int) -> dict[str, int]:
        """Removes all checkpoints but the newest: ironwal_compaction_stats of the header. Removes no entries."""
        out = ffi.new("ironwal_compaction_stats *")
        self._call(lib.ironwal_sharded_compact_checkpoints, keep_latest, out, ffi.sizeof(out[0]))
        return fields(out)

    def automatic_status(self) -> Optional[AutomaticStatus]:
        """How automatic checkpoints went since the log was opened; None where it makes none."""
        out, last = ffi.new("ironwal_automatic_status *"), ffi.new("ironwal_buffer *")
        error = ffi.new("ironwal_error **")
        with self._guard:
            status = lib.ironwal_sharded_automatic_status(self._handle, out, ffi.sizeof(out[0]), last, error)
        if status == lib.IRONWAL_E_NOT_FOUND:
            return None
        if status:
            raise failure(status, error[0])
        return AutomaticStatus(out.created, out.failed, taken(last).decode() or None)

    def snapshot_to(self, path: Path, *, mode: SnapshotMode = SnapshotMode.LINK) -> dict[str, int]:
        """Puts a durable copy of the log with its checkpoints into a new directory."""
        name, out = os.fsencode(path), ffi.new("ironwal_snapshot_stats *")
        self._call(lib.ironwal_sharded_snapshot_to, name, len(name), mode, out, ffi.sizeof(out[0]))
        return fields(out)

    def _call(self, function: Any, *arguments: Any) -> None:
        error = ffi.new("ironwal_error **")
        with self._guard:
            status = function(self._handle, *arguments, error)
        if status:
            raise failure(status, error[0])


def _loaded(handle: Any) -> Checkpoint:
    loaded = ffi.gc(handle, lib.ironwal_checkpoint_free)
    out, error = ffi.new("uint64_t *"), ffi.new("ironwal_error **")
    offsets = []
    for shard in range(lib.ironwal_checkpoint_shard_count(loaded)):
        status = lib.ironwal_checkpoint_offset(loaded, shard, out, error)
        if status:
            raise failure(status, error[0])
        offsets.append(out[0])
    return Checkpoint(
        copied(lib.ironwal_checkpoint_id(loaded)), lib.ironwal_checkpoint_timestamp_ns(loaded), tuple(offsets)
    )
