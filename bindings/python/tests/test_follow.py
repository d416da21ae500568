"""Does a follower wait for entries, and end when it should?"""

import threading
import time
from pathlib import Path

import pytest

import ironwal
from ironwal import Durability, View


def test_a_follower_waits_for_entries_and_ends_after_its_timeout(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    stream.append(b"0")
    began = time.monotonic()
    assert list(stream.follow(0, view=View.WRITTEN, timeout=0.3)) == [(0, b"0")]
    assert time.monotonic() - began >= 0.3
    writer = threading.Timer(0.15, lambda: stream.append(b"1"))
    writer.start()
    for found in stream.follow(1, view=View.WRITTEN):
        assert found == (1, b"1")
        break
    writer.join()
    with stream.follow(2, view=View.WRITTEN) as follower:
        assert follower.wait(0) is False
        stream.append(b"2")
        assert follower.wait(10) is True
        assert next(follower) == (2, b"2")


def test_a_durable_view_shows_nothing_that_is_only_written(log: ironwal.Log) -> None:
    stream = log.stream("s")
    written, durable = stream.follow(0, view=View.WRITTEN), stream.follow(0, view=View.DURABLE)
    by_mode = stream.follow(0)
    with pytest.raises(ironwal.InvalidArg):
        stream.follow(0, view=Durability.DURABLE)  # type: ignore[arg-type]
    stream.append(b"a", durability=Durability.WRITTEN)
    assert written.wait(0) is True and next(written) == (0, b"a")
    assert (stream.durable_end, list(stream.iter())) == (0, [])
    stream.sync()
    for follower in (durable, by_mode):
        assert follower.wait(0) is True and next(follower) == (0, b"a")
        follower.close()
    written.close()


def test_a_wait_without_end_can_be_cancelled(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    follower = stream.follow(0)
    canceller = threading.Timer(0.15, follower.cancel)
    canceller.start()
    assert list(follower) == [], "a loop ends"
    canceller.join()
    follower.cancel()
    with pytest.raises(ironwal.Cancelled):
        follower.wait(10)
    assert follower.wait(0) is False, "once for each cancellation"
    stream.append(b"a")
    assert next(follower) == (0, b"a")
    follower.close()


def test_a_wait_ends_when_the_iterator_or_the_log_is_closed(path: Path) -> None:
    log = ironwal.open(path)
    stream = log.stream("s")
    ended: list[object] = []

    def follow(follower: ironwal.Follower) -> None:
        try:
            ended.append(list(follower))
        except ironwal.Error as error:
            ended.append(type(error))

    closed_iterator, closed_log = stream.follow(0), stream.follow(0)
    threads = [threading.Thread(target=follow, args=[each]) for each in (closed_iterator, closed_log)]
    for thread in threads:
        thread.start()
    closed_iterator.close()
    threads[0].join(20)
    assert ended in ([[]], [ironwal.Closed]), "cancelled within the wait, or closed before it"
    log.close()
    threads[1].join(20)
    assert ended[1:] == [ironwal.Closed]


def test_a_follower_learns_of_a_cut(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    stream.append(b"a")
    follower = stream.follow(0)
    assert next(follower) == (0, b"a")
    stream.truncate_suffix(0)
    with pytest.raises(ironwal.SuffixCut):
        next(follower)


def test_a_reader_follows_another_writer(path: Path, log: ironwal.Log) -> None:
    stream = log.stream("s")
    stream.append(b"a")
    with ironwal.open(path, read_only=True) as reader, reader.stream("s").follow(0) as follower:
        assert next(follower) == (0, b"a")
        writer = threading.Timer(0.05, lambda: stream.append(b"b"))
        writer.start()
        assert next(follower) == (1, b"b")
        writer.join()
