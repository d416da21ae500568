"""Does a snapshot open as the log was, and do statistics count?"""

from pathlib import Path

import pytest

import ironwal
from ironwal import SnapshotMode


@pytest.mark.parametrize("mode", list(SnapshotMode))
def test_a_snapshot_opens_as_the_log_was(path: Path, tmp_path: Path, mode: SnapshotMode) -> None:
    with ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC, max_entries_per_segment=4) as log:
        log.stream("a").append_batch([b"1", b"2"], properties={b"p": b"v"})
        for n in range(10):
            log.stream("b").append(b"%d" % n)
        stats = log.snapshot_to(tmp_path / "copy", mode=mode)
        assert stats["streams"] == 2 and stats["is_one_moment"] == 1
        assert (stats["segments_linked"] > 0) == (mode == SnapshotMode.LINK)
        log.stream("a").append(b"later")
        with pytest.raises(ironwal.Config):
            log.snapshot_to(tmp_path / "copy")
        with pytest.raises(ironwal.InvalidArg):
            log.snapshot_to(tmp_path / "other", mode=1)  # type: ignore[arg-type]
        with ironwal.open(path, read_only=True, sync_mode=ironwal.SyncMode.ASYNC) as reader:
            assert reader.snapshot_to(tmp_path / "by reader", one_moment=False)["streams"] == 2
    with ironwal.open(tmp_path / "copy") as copy:
        assert [entry for _, entry in copy.stream("a")] == [b"1", b"2"]
        assert copy.stream("a").properties == {b"p": b"v"}
        assert copy.stream("b").next_id == 10
    with ironwal.open(tmp_path / "by reader") as copy:
        assert copy.stream("a").get(2) == b"later"


def test_statistics_count_what_happened(log: ironwal.Log) -> None:
    stream = log.stream("s")
    stream.append_batch([b"a", b"b"])
    stream.append(b"c")
    stream.truncate_suffix(2)
    stats = stream.stats()
    assert (stats["appends"], stats["entries"], stats["cuts"], stats["next_id"]) == (2, 3, 1, 2)
    whole = log.stats()
    assert (whole["streams"], whole["appends"], whole["poisoned_streams"]) == (1, 2, 0)
