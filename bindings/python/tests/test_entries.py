"""Do appends and reads do what they say?"""

import array
import gc
import mmap
from pathlib import Path
from typing import Any

import pytest

import ironwal
from ironwal import Durability


@pytest.fixture
def stream(log: ironwal.Log) -> ironwal.Stream:
    return log.stream("s")


def test_a_batch_gets_consecutive_ids_and_a_mark(stream: ironwal.Stream) -> None:
    appended = stream.append_batch([b"a", b"b"])
    assert (appended.first_id, appended.end_id) == (0, 2)
    assert stream.is_durable(appended.mark)
    assert stream.append_batch([])[:2] == (2, 2)
    assert stream.append_batch(bytes([n]) for n in range(3))[:2] == (2, 5), "any iterable"
    assert [entry for _, entry in stream] == [b"a", b"b", b"\0", b"\1", b"\2"]


def test_a_batch_over_several_streams_is_appended_whole_or_not_at_all(log: ironwal.Log) -> None:
    alice, bob = log.stream("alice"), log.stream("bob")
    assert log.append_atomic([]) == []
    parts = [ironwal.Part(alice, [b"-30"], 0), ironwal.Part(bob, [b"+30", b"note"], properties={b"balance": b"30"})]
    assert log.append_atomic(parts) == [(0, 1), (0, 2)]
    assert (alice.get(0), bob.get(1), bob.properties[b"balance"]) == (b"-30", b"note", b"30")
    with pytest.raises(ironwal.SequenceMismatch) as failed:
        log.append_atomic([ironwal.Part(alice, [b"x"]), ironwal.Part(bob, [b"x"], 7)])
    assert (failed.value.stream, failed.value.expected_id, failed.value.found_id) == ("bob", 7, 2)
    with pytest.raises(ironwal.Config, match="comes twice"):
        log.append_atomic([ironwal.Part(alice, [b"x"]), ironwal.Part(alice, [b"y"])])
    with pytest.raises(ironwal.TooLarge, match="262144"):
        log.append_atomic([ironwal.Part(alice, [bytes(1 << 18)])])
    assert (alice.next_id, bob.next_id) == (1, 2)


def test_an_append_at_another_id_is_refused_with_both_ids(stream: ironwal.Stream) -> None:
    assert stream.append(b"a", expected_id=0) == 0
    assert stream.append_batch([b"b"], expected_id=1).end_id == 2
    for call in (
        lambda: stream.append(b"c", expected_id=5),
        lambda: stream.append_batch([b"c"], expected_id=5),
        lambda: stream.append_batch([], expected_id=5),
    ):
        with pytest.raises(ironwal.SequenceMismatch) as failed:
            call()
        assert (failed.value.expected_id, failed.value.found_id) == (5, 2)
        assert failed.value.stream == "s"
    with pytest.raises(ironwal.InvalidArg):
        stream.append(b"c", expected_id=2**64 - 1)
    with pytest.raises(ironwal.InvalidArg):
        stream.append(b"c", durability=999)  # type: ignore[arg-type]
    with pytest.raises(ironwal.InvalidArg):
        stream.append(b"c", durability=ironwal.View.DURABLE)  # type: ignore[arg-type]
    assert stream.next_id == 2


def test_durability_is_chosen_for_each_append(log: ironwal.Log, lazy: ironwal.Log) -> None:
    stream = log.stream("s")
    stream.append(b"a", durability=Durability.WRITTEN)
    assert (stream.next_id, stream.durable_end) == (1, 0), "in a log that syncs each append"
    stream = lazy.stream("s")
    stream.append(b"a")
    assert stream.durable_end == 0
    stream.append(b"b", durability=Durability.DURABLE)
    assert stream.durable_end == 2
    stream.append(b"c")
    assert stream.durable_end == 2
    stream.sync()
    assert stream.durable_end == 3
    stream.append(b"d")
    lazy.sync_all()
    assert stream.durable_end == 4


def test_a_batch_of_one_entry_is_a_batch(path: Path) -> None:
    with ironwal.open(path, sync_mode=ironwal.SyncMode.BATCH_ONLY, background_sync=False) as log:
        stream = log.stream("s")
        stream.append(b"a")
        assert stream.durable_end == 0
        stream.append_batch([b"b"])
        assert stream.durable_end == 2
        stream.append_batch([b"c"], durability=Durability.WRITTEN)
        assert stream.durable_end == 2


def test_all_that_has_bytes_can_be_appended(stream: ironwal.Stream, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mapped")
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        several: list[Any] = [
            b"bytes",
            bytearray(b"bytearray"),
            memoryview(b"a memoryview")[2:],
            array.array("H", [258, 772]),
            mapped,
        ]
        for data in several:
            stream.append(data)
        stream.append_batch(several)
    wanted = [b"bytes", b"bytearray", b"memoryview", array.array("H", [258, 772]).tobytes(), b"mapped"]
    assert [entry for _, entry in stream] == wanted * 2


@pytest.mark.parametrize("data", ["text", None, 12, [b"a"], memoryview(b"abcdef")[::2]])
def test_what_has_no_bytes_is_refused_and_nothing_is_appended(stream: ironwal.Stream, data: Any) -> None:
    for call in (
        lambda: stream.append(data),
        lambda: stream.append(data, expected_id=0),
        lambda: stream.append_batch([b"good", data]),
        lambda: stream.append(b"good", properties={b"p": data} if data is not None else {"p": b""}),
        lambda: stream.properties.__setitem__(b"p", data),
        lambda: stream.replace_suffix(0, [data]),
        lambda: stream.reset(7, [data]),
    ):
        with pytest.raises((TypeError, BufferError, ValueError)) as failed:
            call()
        assert not isinstance(failed.value, ironwal.Error)
    assert stream.next_id == 0 and not stream.properties


def test_one_entry_is_no_batch(stream: ironwal.Stream) -> None:
    for data in (b"ab", b"", bytearray(b"ab"), "ab"):
        with pytest.raises(TypeError):
            stream.append_batch(data)
    for id in (-1, 2**64):
        with pytest.raises(OverflowError):
            stream.get(id)
    with pytest.raises(TypeError):
        stream.get("0")  # type: ignore[arg-type]
    assert stream.next_id == 0


def test_an_entry_that_is_not_there_is_not_found(stream: ironwal.Stream) -> None:
    with pytest.raises(ironwal.NotFound, match="'s' has no entry 0"):
        stream.get(0)
    with pytest.raises(LookupError):
        stream.last()
    stream.append(b"a")
    assert stream.get(0) == b"a"
    with pytest.raises(ironwal.NotFound):
        stream.get(1)


def test_get_into_fills_the_front_of_a_buffer(stream: ironwal.Stream) -> None:
    stream.append(b"entry")
    buffer = bytearray(b"........")
    assert stream.get_into(0, buffer) == 5
    assert buffer == b"entry..."
    assert stream.get_into(0, memoryview(buffer)[3:]) == 5
    assert buffer == b"ententry"
    small = bytearray(b"....")
    with pytest.raises(ironwal.BufferTooSmall) as failed:
        stream.get_into(0, small)
    assert failed.value.needed == 5 and small == b"...."
    with pytest.raises(ironwal.NotFound):
        stream.get_into(1, buffer)
    with pytest.raises((TypeError, BufferError, ValueError)):
        stream.get_into(0, b"read-only")


@pytest.mark.parametrize("strategy", list(ironwal.ReadStrategy))
def test_a_view_keeps_its_bytes_whatever_happens_to_the_log(path: Path, strategy: ironwal.ReadStrategy) -> None:
    with ironwal.open(path, read_strategy=strategy) as log:
        stream = log.stream("s")
        stream.append_batch([b"x" * 5000, b""])
        view, empty = stream.view(0), stream.view(1)
        with pytest.raises(ironwal.NotFound):
            stream.view(2)
        stream.delete()
    for _ in range(3):
        gc.collect()
        assert view == b"x" * 5000 and view.readonly and len(empty) == 0
    with pytest.raises(TypeError):
        view[0] = 1


def test_iteration_begins_at_an_id_and_finds_what_comes_later(stream: ironwal.Stream) -> None:
    stream.append_batch([b"0", b"1", b"2"])
    assert list(stream.iter(1)) == [(1, b"1"), (2, b"2")]
    assert list(stream.iter(3)) == []
    with stream.iter(2) as entries:
        assert next(entries) == (2, b"2")
        assert list(entries) == []
        stream.append(b"3")
        assert list(entries) == [(3, b"3")]
    with pytest.raises(ironwal.Closed):
        next(entries)


def test_iteration_backward_begins_at_an_id_and_shows_nothing_appended_later(stream: ironwal.Stream) -> None:
    stream.append_batch([b"0", b"1", b"2"])
    assert list(reversed(stream)) == [(2, b"2"), (1, b"1"), (0, b"0")]
    assert list(stream.iter_rev(1)) == [(1, b"1"), (0, b"0")]
    with stream.iter_rev() as entries:
        assert next(entries) == (2, b"2")
        stream.append(b"3")
        assert list(entries) == [(1, b"1"), (0, b"0")]
        assert list(entries) == []
        stream.truncate_suffix(2)
    entries = stream.iter_rev()
    assert next(entries) == (1, b"1")
    stream.truncate_suffix(1)
    with pytest.raises(ironwal.SuffixCut):
        next(entries)


def test_an_iterator_learns_of_cuts_and_truncations(stream: ironwal.Stream) -> None:
    stream.append_batch([b"0", b"1", b"2", b"3"])
    entries = stream.iter()
    assert [next(entries)[0] for _ in range(3)] == [0, 1, 2]
    stream.truncate_suffix(1)
    with pytest.raises(ironwal.SuffixCut) as cut:
        next(entries)
    assert cut.value.first_id == 1
    stream.append_batch([b"one", b"two", b"three"])
    entries = stream.iter()
    assert next(entries) == (0, b"0")
    stream.truncate_prefix(2)
    with pytest.raises(ironwal.SegmentNotFound) as gone:
        next(entries)
    assert (gone.value.first_id, gone.value.end_id) == (1, 2)
    assert list(entries) == [(2, b"two"), (3, b"three")]


def test_streams_with_the_same_entries_have_the_same_digest(log: ironwal.Log) -> None:
    a, b = log.stream("a"), log.stream("b")
    a.append_batch([b"x", b"y"])
    for entry in (b"x", b"y", b"z"):
        b.append(entry)
    assert a.digest(0, 2) == b.digest(0, 2) != b.digest(1, 3)
    assert len(a.digest(0, 2)) == 16
    with pytest.raises(ironwal.SegmentNotFound):
        a.digest(0, 3)


def test_a_retention_without_a_sensible_age_is_refused_and_removes_nothing(path: Path) -> None:
    # A negative age was taken for 0, which keeps the newest segment only.
    with ironwal.open(path, max_entries_per_segment=1) as log:
        stream = log.stream("s")
        stream.append_batch([b"1"])
        stream.append_batch([b"2"])
        for age in (-1.0, -0.001, float("nan")):
            with pytest.raises(ValueError):
                stream.apply_retention(ironwal.Retention(max_age=age))
        assert stream.apply_retention(ironwal.Retention(max_age=float("inf"))) == 0
        assert stream.apply_retention(ironwal.Retention(max_age=1e30)) == 0
        assert stream.first_id == 0


def test_a_retention_removes_old_segments_and_keeps_what_a_cursor_has_not_read(path: Path) -> None:
    with ironwal.open(path, max_entries_per_segment=10) as log:
        stream = log.stream("s")
        for _ in range(35):
            stream.append(b"x")
        stream.properties[b"cursor/reader"] = (15).to_bytes(8, "little")
        smallest = ironwal.Retention(max_bytes=0, keep_cursors=True)
        assert stream.apply_retention(smallest) == 1
        assert stream.first_id == 10
        assert stream.apply_retention(ironwal.Retention()) == 0
        assert stream.apply_retention(ironwal.Retention(max_bytes=0)) == 2
        assert stream.first_id == 30
        stream.properties[b"cursor/reader"] = b"15"
        with pytest.raises(ironwal.Config, match="cursor/reader"):
            stream.apply_retention(smallest)
