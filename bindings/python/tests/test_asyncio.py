"""Does an event loop learn of durability and of entries, without a blocked thread?"""

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest

import ironwal
from ironwal import Durability, View


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/dev/fd"))


def test_a_task_waits_until_a_mark_is_durable(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")

    async def main() -> None:
        async def append(n: int) -> None:
            mark = stream.append_batch([b"%d" % n], durability=Durability.WRITTEN).mark
            await stream.durable(mark)
            assert stream.is_durable(mark)

        await asyncio.gather(*(append(n) for n in range(100)))
        stream.properties.change({b"p": b"v"}, durability=Durability.WRITTEN)
        await stream.durable(stream.mark())  # properties alone have a mark, and no id
        await stream.durable(stream.mark())

    asyncio.run(asyncio.wait_for(main(), 30))
    stats = stream.stats()
    assert stats["durable_end"] == 100
    assert stats["syncs"] < 100, "tasks share syncs"


def test_a_cancelled_wait_for_a_mark_leaves_nothing_behind(lazy: ironwal.Log) -> None:
    from ironwal import notify

    stream = lazy.stream("s")

    async def main() -> None:
        for _ in range(50):
            mark = stream.append_batch([b"a"], durability=Durability.WRITTEN).mark
            task = asyncio.ensure_future(stream.durable(mark))
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            assert notify._waiting == {}
        with pytest.raises(ironwal.Config):
            await stream.durable(ironwal.Mark(0, 0))

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("view", list(View))
def test_async_for_shows_each_entry_once(tmp_path: Path, view: View) -> None:
    before = descriptors()
    count = 500

    async def follow(stream: ironwal.Stream) -> list[tuple[int, bytes]]:
        found = []
        async with stream.follow(0, view=view) as follower:
            async for id, entry in follower:
                assert view == View.WRITTEN or stream.durable_end > id
                found.append((id, entry))
                if len(found) == count:
                    return found
        raise AssertionError("ended")

    def write(stream: ironwal.Stream) -> None:
        for n in range(count):
            stream.append(b"%d" % n, durability=Durability.WRITTEN)

    async def main() -> None:
        with ironwal.open(tmp_path / "log") as log:
            stream = log.stream("s")
            followers = [asyncio.ensure_future(follow(stream)) for _ in range(3)]
            await asyncio.sleep(0)
            writer = threading.Thread(target=write, args=[stream])
            writer.start()
            if view == View.BY_MODE:
                # Entries that only WRITTEN appends brought become durable by the descriptors alone.
                assert log.sync_mode == ironwal.SyncMode.STRICT
            for found in await asyncio.gather(*followers):
                assert found == [(n, b"%d" % n) for n in range(count)]
            writer.join()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert descriptors() == before


def test_a_follower_sleeps_while_nothing_comes(lazy: ironwal.Log, monkeypatch: pytest.MonkeyPatch) -> None:
    from ironwal import notify

    stream = lazy.stream("s")
    waits = []
    wait = notify.Readable.wait

    async def counted(self: notify.Readable) -> None:
        waits.append(1)
        await wait(self)

    monkeypatch.setattr(notify.Readable, "wait", counted)

    async def main() -> None:
        async with stream.follow(0) as follower:
            for n in range(5):
                waiting = asyncio.ensure_future(follower.__anext__())
                await asyncio.sleep(0.02)
                stream.append(b"entry")
                assert (await waiting)[0] == n
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert 5 <= len(waits) <= 20, "not again and again"


def test_an_entry_that_comes_before_the_descriptor_is_drained_is_shown(
    lazy: ironwal.Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ironwal import notify

    stream = lazy.stream("s")
    drain = notify.Readable.drain

    def after_an_append(self: notify.Readable) -> int:
        stream.append(b"between")
        return drain(self)

    monkeypatch.setattr(notify.Readable, "drain", after_an_append)

    async def main() -> None:
        async with stream.follow(0) as follower:
            assert await asyncio.wait_for(follower.__anext__(), 10) == (0, b"between")

    asyncio.run(main())


def test_a_time_out_of_the_loop_loses_no_entry(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")

    async def main() -> None:
        async with stream.follow(0) as follower:
            for n in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(follower.__anext__(), 0.001)
                stream.append(b"%d" % n)
                assert await asyncio.wait_for(follower.__anext__(), 10) == (n, b"%d" % n)

    asyncio.run(main())


def test_async_for_ends_after_the_entries_that_are_left(path: Path) -> None:
    async def main() -> None:
        log = ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC, background_sync=False)
        stream = log.stream("s")
        found = []

        async def follow(what: ironwal.Stream) -> None:
            async for id, _ in what.follow(0, view=View.WRITTEN):
                found.append(id)

        task = asyncio.ensure_future(follow(stream))
        await asyncio.sleep(0.02)
        stream.append_batch([b"0", b"1"])
        await asyncio.sleep(0.05)
        deleted = log.stream("deleted")
        other = asyncio.ensure_future(follow(deleted))
        await asyncio.sleep(0.02)
        log.delete_stream("deleted")
        await asyncio.sleep(0.02)
        log.close()
        with pytest.raises(ironwal.Closed):
            await asyncio.wait_for(task, 10)
        with pytest.raises((ironwal.StreamNotFound, ironwal.Closed)):
            await asyncio.wait_for(other, 10)
        assert found == [0, 1]

    asyncio.run(main())


def test_a_closed_follower_ends_its_task(lazy: ironwal.Log) -> None:
    async def main() -> None:
        before = descriptors()
        follower = lazy.stream("s").follow(0)
        task = asyncio.ensure_future(follower.__anext__())
        await asyncio.sleep(0.02)
        follower.close()
        with pytest.raises(ironwal.Closed):
            await task
        del task
        assert descriptors() == before

    asyncio.run(asyncio.wait_for(main(), 30))


def test_async_for_follows_another_writer(path: Path, log: ironwal.Log) -> None:
    stream = log.stream("s")

    async def main() -> None:
        with ironwal.open(path, read_only=True) as reader:
            async with reader.stream("s").follow(0) as follower:
                for n in range(3):
                    waiting = asyncio.ensure_future(follower.__anext__())
                    await asyncio.sleep(0.02)
                    stream.append(b"%d" % n)
                    assert await asyncio.wait_for(waiting, 10) == (n, b"%d" % n)

    stream.append_batch([])
    asyncio.run(main())
