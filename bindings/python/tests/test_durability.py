"""Does a program learn what is durable, by marks, waits and callbacks?"""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Optional

import pytest

import ironwal
from ironwal import Durability


def test_marks_are_ordered_and_belong_to_one_stream_and_opening(path: Path) -> None:
    with ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC, background_sync=False) as log:
        stream = log.stream("s")
        first = stream.append_batch([b"a"]).mark
        second = stream.append_batch([b"b"]).mark
        assert first < second == stream.mark()
        assert not stream.is_durable(first)
        stream.sync()
        assert stream.is_durable(first) and stream.is_durable(second)
        with pytest.raises(ironwal.Config):
            log.stream("other").is_durable(first)
        with pytest.raises(ironwal.Config):
            stream.is_durable(ironwal.Mark(0, 0))
        with pytest.raises(TypeError):
            stream.is_durable(1)  # type: ignore[arg-type]
    with ironwal.open(path) as log:
        with pytest.raises(ironwal.Config):
            log.stream("s").is_durable(second)


def test_a_wait_for_an_id_ends_with_it_or_with_its_timeout(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    stream.append(b"a")
    assert stream.wait_durable(1, timeout=0) is False
    began = time.monotonic()
    assert stream.wait_durable(1, timeout=0.25) is False, "longer than a slice of the main thread"
    assert 0.25 <= time.monotonic() - began < 5
    other = threading.Thread(target=lambda: stream.append(b"b", durability=Durability.DURABLE))
    other.start()
    assert stream.wait_durable(1) is True
    other.join()
    assert stream.wait_durable(0, timeout=0) is True


def test_each_callback_is_called_once(path: Path) -> None:
    log = ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC, background_sync=False)
    stream = log.stream("s")
    calls: list[int] = []
    problems: list[str] = []
    answers: list[object] = []
    all_called = threading.Event()

    def at(id: int, error: Optional[ironwal.Error]) -> None:
        if error is not None or stream.durable_end <= id:
            problems.append(f"{id}: {error}, durable up to {stream.durable_end}")
        try:
            log.close()
            problems.append("closed the log within its callback")
        except (ironwal.InvalidArg, ironwal.Closed):
            pass
        calls.append(id)
        if id == 99:
            all_called.set()

    for id in range(100):
        mark = stream.append_batch([b"entry"], durability=Durability.WRITTEN).mark
        stream.on_durable(mark, lambda error, id=id: at(id, error))  # type: ignore[misc]
    assert all_called.wait(30)
    late = stream.append_batch([b"entry"], durability=Durability.WRITTEN).mark
    stream.on_durable(late, answers.append)
    log.close()
    assert answers == [None], "closing completes what waits"
    assert problems == []
    assert calls == list(range(100))
    with pytest.raises(ironwal.Closed):
        stream.on_durable(mark, print)


def test_a_cancelled_callback_is_never_called(path: Path) -> None:
    called: list[object] = []
    cancelled = 0
    with ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC) as log:
        stream = log.stream("s")
        for _ in range(100):
            mark = stream.append_batch([b"entry"], durability=Durability.WRITTEN).mark
            ticket = stream.on_durable(mark, called.append)
            cancelled += ticket.cancel()
            assert ticket.cancel() is False
    assert cancelled + len(called) == 100


def test_a_callback_learns_that_its_stream_was_deleted(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    answers: list[Optional[ironwal.Error]] = []
    come = threading.Event()
    done = threading.Event()
    mark = stream.append_batch([b"a"]).mark

    def hold(_: Optional[ironwal.Error]) -> None:
        come.wait(10)

    def answer(error: Optional[ironwal.Error]) -> None:
        answers.append(error)
        done.set()

    stream.on_durable(mark, hold)  # so that the next one is still waiting when the stream goes
    stream.on_durable(stream.append_batch([b"b"]).mark, answer)
    deleter = threading.Thread(target=stream.delete)
    deleter.start()
    come.set()
    deleter.join()
    assert done.wait(10)
    assert answers[0] is None or isinstance(answers[0], ironwal.StreamNotFound)


def test_a_callback_that_raises_is_reported_and_harms_no_other(path: Path) -> None:
    child = """
import sys, ironwal
def fails(error):
    raise RuntimeError("mine")
with ironwal.open(sys.argv[1], sync_mode=ironwal.SyncMode.ASYNC) as log:
    stream = log.stream("s")
    mark = stream.append_batch([b"a"]).mark
    for callback in (fails, lambda error: print("called", error)):
        stream.on_durable(mark, callback)
with ironwal.open(sys.argv[1]) as log:
    log.stream("s").append(b"b")
"""
    done = subprocess.run([sys.executable, "-c", child, str(path)], check=True, timeout=60, capture_output=True)
    assert done.stdout == b"called None\n" and b"RuntimeError: mine" in done.stderr


def test_a_callback_that_cannot_be_registered_is_forgotten(lazy: ironwal.Log) -> None:
    from ironwal import notify

    before = dict(notify._waiting)
    stream = lazy.stream("s")
    with pytest.raises(ironwal.Config):
        stream.on_durable(ironwal.Mark(0, 0), print)
    with pytest.raises(TypeError):
        stream.on_durable(stream.mark(), None)  # type: ignore[arg-type]
    assert notify._waiting == before
