"""Do threads, forks, signals and the end of a process harm nothing?"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import ironwal
from ironwal import SyncMode


def test_many_threads_append_read_and_close_at_once(tmp_path: Path) -> None:
    for turn in range(20):
        log = ironwal.open(tmp_path / str(turn), sync_mode=SyncMode.ASYNC)
        stream = log.stream("s")
        shared = stream.iter()
        problems: list[BaseException] = []

        def work() -> None:
            try:
                while True:
                    id = stream.append(b"%d" % turn)
                    assert stream.get(id) == b"%d" % turn
                    next(shared, None)
                    log.streams()
            except ironwal.Closed:
                pass
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(turn * 0.0005)
        if turn % 2:
            stream.close()
            shared.close()
            log.close()
        else:
            log.close()
            shared.close()
            stream.close()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert problems == []


def test_threads_that_share_a_stream_get_each_id_once(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    given: list[list[int]] = [[] for _ in range(8)]

    def work(ids: list[int]) -> None:
        for _ in range(200):
            ids.append(stream.append(b"entry"))

    threads = [threading.Thread(target=work, args=[ids]) for ids in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(id for ids in given for id in ids) == list(range(1600))


def test_calls_leave_no_memory_behind(path: Path) -> None:
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the size of a process is read from /proc")
    child = """
import gc, os, sys, ironwal
def size():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
with ironwal.open(sys.argv[1], sync_mode=ironwal.SyncMode.ASYNC) as log:
    log.stream("s").append(bytes(500), properties={b"p": bytes(500)})
    def work(turns):
        for _ in range(turns):
            stream = [log.stream("s") for _ in range(10)][-1]
            with stream.follow(0) as follower:
                next(follower)
            stream.get(0), stream.last(), stream.view(0), stream.properties.copy(), stream.properties[b"p"]
            log.streams()
            mark = stream.mark()
            stream.sync()
            stream.on_durable(mark, lambda error: None).cancel()
            for call in (lambda: stream.get(9), lambda: stream.append(b"", expected_id=9), stream.close):
                try:
                    call()
                except ironwal.Error as error:
                    str(error)
    work(1000)
    before = size()
    work(8000)
    grown = size() - before
    sys.exit(grown > 150_000)
"""
    subprocess.run([sys.executable, "-c", child, str(path)], check=True, timeout=120)


def test_a_call_that_waits_does_not_hold_up_other_threads(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    waits = threading.Thread(target=lambda: stream.wait_durable(0, timeout=5))
    waits.start()
    began = time.monotonic()
    stream.append(b"a")
    stream.sync()
    waits.join()
    assert time.monotonic() - began < 4


def test_a_signal_ends_a_wait_of_the_main_thread(path: Path) -> None:
    child = """
import sys, ironwal
with ironwal.open(sys.argv[1]) as log:
    print("waits", flush=True)
    for _ in log.stream("s").follow(0):
        pass
"""
    process = subprocess.Popen([sys.executable, "-c", child, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"waits\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors


def test_a_forked_child_is_refused_and_its_parent_is_not_harmed(path: Path) -> None:
    # In a process without other threads, as Python demands of one that forks.
    child = """
import os, sys, ironwal
log = ironwal.open(sys.argv[1])
stream = log.stream("s")
stream.append(b"a")
entries = stream.iter()
pid = os.fork()
if pid == 0:
    refused = 0
    for call in (lambda: stream.append(b"b"), lambda: stream.get(0), lambda: next(entries), log.streams,
                 lambda: stream.is_durable((0, 0)), lambda: stream.properties[b"p"], log.close):
        try:
            call()
        except ironwal.Forked:
            refused += 1
    try:
        ironwal.open(sys.argv[1])
    except ironwal.Locked:
        refused += 1
    with ironwal.open(sys.argv[1], read_only=True) as reader:
        assert reader.stream("s").get(0) == b"a"
    del stream, entries, log
    os._exit(0 if refused == 8 else refused + 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert stream.append(b"b") == 1
assert list(entries) == [(0, b"a"), (1, b"b")]
log.close()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", child, str(path)], check=True, timeout=60)


def test_a_log_that_is_open_when_the_interpreter_ends_is_closed(path: Path) -> None:
    child = """
import sys, threading, ironwal
log = ironwal.open(sys.argv[1], sync_mode=ironwal.SyncMode.ASYNC, background_sync=False)
stream = log.stream("s")
mark = stream.append_batch([b"a"] * 10).mark
for _ in range(10):
    stream.on_durable(mark, lambda error: print("called", error, flush=True))
def wait():
    try:
        stream.follow(10).wait()
    except ironwal.Closed:
        pass
threading.Thread(target=wait, daemon=True).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", child, str(path)], check=True, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout == b"called None\n" * 10 and done.stderr == b""
    with ironwal.open(path) as log:
        assert log.stream("s").next_id == 10


WRITER = """
import os, sys, threading, ironwal
log = ironwal.open(sys.argv[1], sync_mode=ironwal.SyncMode(int(sys.argv[2])), max_segment_size=1 << 16)
def write(name):
    stream = log.stream(name)
    n = stream.next_id
    while True:
        if n % 4 == 0:
            n = stream.append_batch([b"%s %d" % (name.encode(), n + i) for i in range(3)], expected_id=n).end_id
        else:
            n = stream.append(b"%s %d" % (name.encode(), n), properties={b"at": b"%d" % n}) + 1
        os.write(1, f"{name} {n}\\n".encode())  # whole lines, of both threads
for name in ("a", "b"):
    threading.Thread(target=write, args=[name]).start()
"""


@pytest.mark.parametrize("mode", list(SyncMode))
def test_a_killed_process_loses_nothing_acknowledged(path: Path, mode: SyncMode) -> None:
    rounds = int(os.environ.get("IRONWAL_ROUNDS", "4"))
    acknowledged = {"a": 0, "b": 0}
    for turn in range(rounds):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(int(mode))], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if len(lines) > 40 + turn * 17:
                break
        process.send_signal(signal.SIGKILL)
        # A last line may lack its end. What it says is not acknowledged.
        for words in b"".join([*lines, process.stdout.read()]).decode().split("\n")[:-1]:
            name, number = words.split()
            acknowledged[name] = max(acknowledged[name], int(number))
        process.stdout.close()
        assert process.wait(20) == -signal.SIGKILL
        assert sum(acknowledged.values()) > 0
        with ironwal.open(path, sync_mode=mode) as log:
            for name, end in acknowledged.items():
                stream = log.stream(name)
                assert stream.next_id >= end
                found = list(stream)
                assert found == [(n, b"%s %d" % (name.encode(), n)) for n in range(stream.next_id)]
                # Batches are whole, and an entry and its property were one append.
                assert stream.next_id % 4 in (0, 3)
                singles = [n for n in range(stream.next_id) if n % 4 == 3]
                assert stream.properties.get(b"at") == (b"%d" % singles[-1] if singles else None)
