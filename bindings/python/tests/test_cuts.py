"""Do cuts, replacements, resets and truncations leave what they say?"""

from pathlib import Path

import pytest

import ironwal


def test_cuts_replacements_and_resets_leave_what_they_say(path: Path) -> None:
    with ironwal.open(path) as log:
        stream = log.stream("s")
        stream.append_batch([b"%d" % n for n in range(20)])
        assert stream.truncate_prefix(14) == 0, "one segment"
        assert stream.truncate_suffix(18) == 2
        assert stream.replace_suffix(16, [b"new"], properties={b"p": b"v"}) == (16, 17)
        assert list(stream) == [(14, b"14"), (15, b"15"), (16, b"new")]
        for call in (lambda: stream.truncate_suffix(3), lambda: stream.replace_suffix(30, [b"x"])):
            with pytest.raises(ironwal.SequenceMismatch):
                call()
        assert stream.properties == {b"p": b"v"}
    with ironwal.open(path) as log:
        stream = log.stream("s")
        assert list(stream) == [(14, b"14"), (15, b"15"), (16, b"new")]
        assert stream.reset(100, [b"far"], properties={b"p": None}) == (100, 101)
        assert list(stream) == [(100, b"far")]
        assert not stream.properties
        assert (stream.first_id, stream.next_id, stream.durable_end) == (100, 101, 101)
        assert stream.reset(7) == (7, 7)
        assert stream.append(b"seven") == 7


def test_truncation_removes_whole_segments(path: Path) -> None:
    with ironwal.open(path, max_entries_per_segment=10, sync_mode=ironwal.SyncMode.ASYNC) as log:
        stream = log.stream("s")
        for n in range(35):
            stream.append(b"%d" % n)
        assert stream.truncate(25) == 2
        assert stream.first_id == 20
        assert stream.truncate_prefix(31) == 1
        assert stream.first_id == 31
        with pytest.raises(ironwal.NotFound):
            stream.get(30)
