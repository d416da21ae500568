"""Does a log open, close and open again as documented?"""

import errno
import gc
import os
import signal
import threading
import time
import warnings
from pathlib import Path
from typing import Callable

import pytest

import ironwal


def test_entries_are_there_after_the_log_is_opened_again(path: Path) -> None:
    long = b"x" * 100_000
    with ironwal.open(path) as log:
        stream = log.stream("orders")
        assert [stream.append(entry) for entry in (b"a", b"", long)] == [0, 1, 2]
        assert log.closed is False
    assert log.closed is True
    with ironwal.open(str(path)) as log:
        assert log.streams() == ["orders"]
        stream = log.stream("orders")
        assert [stream.get(id) for id in range(3)] == [b"a", b"", long]
        assert stream.last() == (2, long)
        assert (stream.first_id, stream.next_id, stream.durable_end) == (0, 3, 3)


def test_a_second_writer_is_refused_and_a_reader_is_not(path: Path, log: ironwal.Log) -> None:
    stream = log.stream("s")
    stream.append(b"a")
    with pytest.raises(ironwal.Locked):
        ironwal.open(path)
    with ironwal.open(path, read_only=True) as reader:
        assert reader.read_only and not log.read_only
        seen = reader.stream("s")
        assert seen.get(0) == b"a"
        stream.append(b"b")
        reader.refresh()
        assert list(seen.iter()) == [(0, b"a"), (1, b"b")]
        with pytest.raises(ironwal.ReadOnly):
            seen.append(b"c")
        with pytest.raises(ironwal.ReadOnly):
            seen.mark()


def test_an_error_of_the_system_has_its_code_and_path(tmp_path: Path) -> None:
    with pytest.raises(ironwal.Io) as failed:
        ironwal.open(tmp_path / "no" / "such" / "parent")
    assert isinstance(failed.value, OSError)
    assert failed.value.errno == failed.value.os_error == errno.ENOENT
    assert failed.value.path is not None and failed.value.path.startswith(str(tmp_path))
    assert failed.value.filename == failed.value.path
    assert failed.value.message and str(failed.value) == failed.value.message


@pytest.mark.parametrize(
    "options",
    [
        {"sync_mode": 77},
        {"sync_mode": ironwal.Compression.LZ4},
        {"compression": ironwal.SyncMode.ASYNC},
        {"read_strategy": ironwal.WriteStrategy.MMAP},
        {"write_strategy": ironwal.ReadStrategy.MMAP},
        {"commit_path": ironwal.WriteStrategy.AUTO},
        {"on_corruption": 1},
    ],
)
def test_a_constant_of_another_kind_is_refused(path: Path, options: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(ironwal.InvalidArg):
        ironwal.open(path, **options)
    assert not path.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"max_segment_size": 0},
        {"max_open_segments": 0},
        {"read_buffer_size": 0},
        {"sync_threads": 65},
        {"journal_size": (256 << 10) - 1},
        {"journal_size": (1 << 30) + 1},
        {"background_sync": (0.0, 1)},
        {"archive_path": "a\0b"},
    ],
)
def test_an_option_out_of_bounds_is_refused(path: Path, options: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(ironwal.Config):
        ironwal.open(path, **options)
    assert not path.exists()


def test_options_of_a_wrong_type_and_bad_paths_are_refused(path: Path) -> None:
    with pytest.raises(TypeError):
        ironwal.open(path, sync_mode="async")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ironwal.open(12)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        ironwal.open(path, max_segment_size=-1)
    for bad in ("", "a\0b", b"\xff"):
        with pytest.raises(ironwal.Config):
            ironwal.open(bad)
    assert not path.exists()


def test_every_option_reaches_the_library(path: Path, tmp_path: Path) -> None:
    with ironwal.open(
        path,
        sync_mode=ironwal.SyncMode.BATCH_ONLY,
        compression=ironwal.Compression.LZ4,
        read_strategy=ironwal.ReadStrategy.MMAP,
        write_strategy=ironwal.WriteStrategy.STANDARD_IO,
        commit_path=ironwal.CommitPath.JOURNAL,
        journal_size=1 << 20,
        on_corruption=ironwal.OnCorruption.ERROR,
        max_segment_size=1 << 20,
        max_entries_per_segment=10,
        max_open_segments=4,
        max_open_read_segments=4,
        write_buffer_size=0,
        read_buffer_size=4096,
        block_cache_size=1 << 16,
        min_compression_size=64,
        background_sync=(0.5, 1 << 20),
        sync_threads=2,
        latencies=True,
        archive_path=tmp_path / "archive",
        retention=ironwal.Retention(max_bytes=1 << 30, max_age=3600.0, keep_cursors=True),
        stream=[
            (ironwal.Match.PREFIX, "chat/", "sync_mode=async"),
            (ironwal.Match.EXACT, "chat/ledger", "sync_mode=strict"),
        ],
    ) as log:
        modes = [log.stream(name).sync_mode for name in ("s", "chat/1", "chat/ledger")]
        assert modes == [ironwal.SyncMode.BATCH_ONLY, ironwal.SyncMode.ASYNC, ironwal.SyncMode.STRICT], "stream"
        stream = log.stream("s")
        for _ in range(25):
            stream.append(bytes(1000))
        stats = stream.stats()
        assert stats["segments"] == 3, "max_entries_per_segment"
        assert stats["bytes"] < 25 * 1000, "compression"
        assert stats["measured_appends"] == 25, "latencies"
        assert stream.truncate(20) == 2
        assert (tmp_path / "archive").is_dir(), "archive_path"


def test_entries_that_went_through_the_journal_are_there_again(path: Path) -> None:
    names, journal = ("bids", "asks"), path / "commit-journal"
    with ironwal.open(path, commit_path=ironwal.CommitPath.JOURNAL, journal_size=256 << 10) as log:
        streams = [log.stream(name) for name in names]
        # A helper makes the journal during the first syncs, which go in place.
        count, deadline = 0, time.monotonic() + 30
        while count < 20 or not (journal.exists() and list(journal.iterdir())):
            assert time.monotonic() < deadline, "no journal is made"
            for stream in streams:
                assert stream.append(stream.name.encode()) == count
            count += 1
    assert not journal.exists(), "the close leaves none"
    with ironwal.open(path) as log:
        for name in names:
            stream = log.stream(name)
            assert stream.durable_end == count
            assert list(stream.iter()) == [(id, name.encode()) for id in range(count)]


def test_use_after_close_raises_closed(path: Path) -> None:
    log = ironwal.open(path)
    stream, other = log.stream("s"), log.stream("s")
    stream.append(b"a")
    entries, follower = stream.iter(), stream.follow()
    properties, mark = stream.properties, stream.mark()
    other.close()
    other.close()
    calls: list[Callable[[], object]]
    calls = [lambda: other.append(b"b"), lambda: other.get(0), lambda: other.properties[b"p"], other.iter]
    for call in calls:
        with pytest.raises(ironwal.Closed):
            call()
    assert stream.get(0) == b"a", "another handle of the same stream"
    log.close()
    calls = [
        log.close,
        log.streams,
        log.sync_all,
        log.stats,
        lambda: log.stream("s"),
        lambda: log.snapshot_to("x"),
        lambda: stream.append(b"b"),
        lambda: stream.append_batch([b"b"]),
        lambda: stream.get(0),
        lambda: stream.is_durable(mark),
        lambda: stream.on_durable(mark, print),
        lambda: stream.truncate_suffix(0),
        lambda: properties.copy(),
        lambda: next(entries),
    ]
    for call in calls:
        with pytest.raises(ironwal.Closed):
            call()
    follower.close()
    calls = [lambda: next(follower), follower.wait]
    for call in calls:
        with pytest.raises(ironwal.Closed):
            call()
    assert issubclass(ironwal.Closed, ValueError), "as for a closed file"


def test_a_with_block_closes_once_and_keeps_its_exception(path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        with ironwal.open(path) as log:
            log.stream("s").append(b"a")
            raise RuntimeError("mine")
    assert log.closed
    with ironwal.open(path) as log:
        log.close()
    assert log.closed


def test_a_forgotten_log_is_closed_and_says_so(path: Path) -> None:
    def forget() -> None:
        log = ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC)
        log.stream("s").append(b"a")
        next(log.stream("s").iter())

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        forget()
        gc.collect()
    assert [warning.category for warning in seen] == [ResourceWarning]
    with ironwal.open(path) as log:
        assert log.stream("s").get(0) == b"a"


def test_a_stream_keeps_its_log_open(path: Path) -> None:
    stream = ironwal.open(path).stream("s")
    gc.collect()
    assert stream.append(b"a") == 0
    log = stream._log
    assert isinstance(log, ironwal.Log)
    log.close()


def test_streams_are_listed_and_deleted(log: ironwal.Log) -> None:
    for name in ("b", "a", "ä/ö"):
        log.stream(name).append(name.encode())
    assert log.streams() == ["a", "b", "ä/ö"]
    log.delete_stream("b")
    log.delete_stream("b")
    stream = log.stream("a")
    stream.delete()
    with pytest.raises(ironwal.StreamNotFound):
        stream.append(b"x")
    assert log.streams() == ["ä/ö"]
    for bad in ("", "a\0", "x" * 256):
        with pytest.raises(ironwal.Config):
            log.stream(bad)
    assert os.fspath(log.path)


def test_ctrl_c_in_a_close_that_waits_for_a_call_leaves_the_log_open(path: Path) -> None:
    # It counted as closed, though nothing had closed it: its directory stayed locked.
    # A shell starts what it runs in the background with the signal ignored, and the test waited for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = ironwal.open(path)
    inside, may_end = threading.Event(), threading.Event()

    def call() -> None:
        with log._guard:
            inside.set()
            may_end.wait()

    thread = threading.Thread(target=call)
    thread.start()
    inside.wait()
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        log.close()
    may_end.set()
    thread.join()
    assert log.streams() == []
    log.close()
    ironwal.open(path).close()
