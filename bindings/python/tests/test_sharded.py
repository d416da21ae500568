"""Does a sharded log route, checkpoint and prune?"""

import time
from pathlib import Path

import pytest

import ironwal

SHARDS = 4


def test_entries_go_to_the_shard_of_their_key(path: Path) -> None:
    with ironwal.open_sharded(path, SHARDS) as log:
        placed = log.append_batch([(b"key %d" % n, b"%d" % n) for n in range(40)])
        assert [shard for shard, _ in placed] == [ironwal.route(b"key %d" % n, SHARDS) for n in range(40)]
        shard, id = log.append(b"key 0", b"again")
        assert shard == placed[0][0]
        assert log.append_batch_for_key(b"key 0", [b"x", b"y"]) == (shard, id + 1, id + 3)
        assert log.append_batch([]) == []
        assert log.append_batch_atomic([]) == []
        pairs = [(b"key %d" % n, b"atomic") for n in range(8)]
        for of, at in log.append_batch_atomic(pairs):
            assert next(log.iter_shard(of, at)) == (at, b"atomic")
        log.flush_shard(shard)
        log.flush_all()
        for index, (of, at) in enumerate(placed):
            assert next(log.iter_shard(of, at)) == (at, b"%d" % index)
        assert [entry for _, entry in log.iter_shard(shard, id)][:3] == [b"again", b"x", b"y"]
        with pytest.raises(ironwal.Config):
            log.iter_shard(SHARDS)
        with pytest.raises(TypeError):
            log.append("key", b"")
    with pytest.raises(ironwal.Closed):
        log.append(b"key", b"")
    with pytest.raises(ironwal.ShardCountMismatch):
        ironwal.open_sharded(path, SHARDS + 1)
    with pytest.raises(ironwal.Config):
        ironwal.route(b"", 0)


def test_a_shard_is_followed_as_a_stream(path: Path) -> None:
    with ironwal.open_sharded(path, SHARDS, sync_mode=ironwal.SyncMode.ASYNC) as log:
        shard, id = log.append(b"key", b"0")
        stream = log.shard(shard)
        with stream.follow(id, view=ironwal.View.DURABLE) as follower:
            assert next(follower) == (id, b"0")
            log.append(b"key", b"1")
            assert next(follower) == (id + 1, b"1")
        assert stream.stats()["entries"] == 2
        for bad in (-1, SHARDS):
            with pytest.raises(ironwal.Config):
                log.shard(bad)
    with pytest.raises(ironwal.Closed):
        stream.get(0)


def test_replay_starts_at_the_newest_checkpoint(path: Path, tmp_path: Path) -> None:
    with ironwal.open_sharded(path, SHARDS, sync_mode=ironwal.SyncMode.ASYNC, max_entries_per_segment=5) as log:
        with pytest.raises(ironwal.NoCheckpoints):
            log.load_latest_checkpoint()
        for n in range(100):
            log.append(b"key %d" % n, b"before")
        log.create_checkpoint(b"first")
        for n in range(10):
            log.append(b"key %d" % n, b"after")
        log.create_checkpoint(b"second")
        for n in range(3):
            log.append(b"key %d" % n, b"tail %d" % n)
        with pytest.raises(ironwal.InvalidCheckpointId):
            log.create_checkpoint(b"")
    with ironwal.open_sharded(path, SHARDS, max_entries_per_segment=5) as log:
        latest = log.load_latest_checkpoint()
        assert latest.id == b"second" and len(latest.offsets) == SHARDS
        tail = [entry for shard, at in enumerate(latest.offsets) for _, entry in log.iter_shard(shard, at)]
        assert sorted(tail) == [b"tail 0", b"tail 1", b"tail 2"]
        first = log.load_checkpoint(b"first")
        assert sum(first.offsets) == 100 and sum(latest.offsets) == 110
        assert [id for id, _ in log.checkpoints()] == [b"first", b"second"]
        assert log.checkpoints()[0][1] == first.timestamp_ns > 0
        snapshot = log.snapshot_to(tmp_path / "snapshot")
        assert snapshot["streams"] == SHARDS and snapshot["is_one_moment"] == 1
        assert log.prune_before_checkpoint(b"second")["segments_deleted"] > 0
        with pytest.raises(ironwal.CheckpointPruned):
            log.load_checkpoint(b"first")
        with pytest.raises(ironwal.CheckpointNotFound):
            log.load_checkpoint(b"third")
        log.create_checkpoint(b"third")
        assert log.compact_checkpoints(1)["checkpoints_after"] == 1
        assert [id for id, _ in log.checkpoints()] == [b"third"]
    with ironwal.open_sharded(tmp_path / "snapshot", SHARDS) as log:
        assert log.load_checkpoint(b"first") == first


def test_checkpoints_are_made_by_themselves(path: Path) -> None:
    with ironwal.open_sharded(
        path, SHARDS, checkpoint_every_entries=10, checkpoint_prefix=b"mine-", retention=2
    ) as log:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            log.append(b"key", b"entry")
            # A checkpoint is counted last, when the retention after it has been applied.
            status = log.automatic_status()
            if status is None or status.created:
                break
        assert status is not None and status.created >= 1 and status[1:] == (0, None)
        assert log.checkpoints()[0][0].startswith(b"mine-")
    with ironwal.open_sharded(path, SHARDS) as log:
        assert log.automatic_status() is None
    for options in ({"checkpoint_every_entries": 0}, {"retention": 0}, {"checkpoint_interval": 0.0}, {"retention": 1}):
        with pytest.raises(ironwal.Config):
            ironwal.open_sharded(path, SHARDS, **options)
