"""Are the properties of a stream a mapping, and do they change as one?"""

from pathlib import Path

import pytest

import ironwal
from ironwal import Durability


def test_properties_and_entries_change_together(path: Path) -> None:
    with ironwal.open(path) as log:
        stream = log.stream("s")
        stream.append(b"a", properties={b"vote": b"1", b"gone": b"x"})
        stream.append_batch([], expected_id=1, properties={b"gone": None, **{b"key %d" % n: b"%d" % n for n in range(20)}})
        with pytest.raises(ironwal.SequenceMismatch):
            stream.append(b"b", expected_id=7, properties={b"vote": b"2"})
    with ironwal.open(path) as log:
        stream = log.stream("s")
        assert stream.properties[b"vote"] == b"1"
        assert b"gone" not in stream.properties
        assert len(stream.properties) == 21 and stream.properties[b"key 19"] == b"19"
        assert stream.next_id == 1


def test_properties_are_a_mapping(log: ironwal.Log) -> None:
    properties = log.stream("s").properties
    assert dict(properties) == {}
    properties[b"a"] = b"1"
    properties[b"b"] = memoryview(b"")
    assert properties == {b"a": b"1", b"b": b""}
    assert properties.get(b"c", b"default") == b"default"
    assert sorted(properties) == [b"a", b"b"]
    del properties[b"a"]
    with pytest.raises(KeyError):
        del properties[b"a"]
    with pytest.raises(KeyError):
        properties[b"a"]
    properties.update({b"c": b"3", b"d": b"4"})
    assert properties.pop(b"c") == b"3"
    assert properties.copy() == {b"b": b"", b"d": b"4"}
    properties.replace({b"only": b""})
    assert properties == {b"only": b""}
    properties.clear()
    assert not properties
    with pytest.raises(TypeError):
        properties["text"] = b""
    with pytest.raises(TypeError):
        properties.update(text=b"")


def test_properties_beyond_their_limits_are_refused_and_nothing_changes(log: ironwal.Log) -> None:
    properties = log.stream("s").properties
    properties[b"kept"] = b"1"
    for key in (b"", b"k" * 256):
        with pytest.raises(ironwal.Config):
            properties.change({b"kept": b"2", key: b""})
    with pytest.raises(ironwal.TooLarge):
        properties.change({b"kept": b"2", b"big": bytes(4001)})
    with pytest.raises(ironwal.TooLarge):
        properties.update({b"kept": b"2", b"a": bytes(3000), b"b": bytes(3000)})
    with pytest.raises(ironwal.InvalidArg):
        properties.replace({b"kept": None})
    assert properties == {b"kept": b"1"}


def test_the_durability_of_a_change_is_chosen(lazy: ironwal.Log) -> None:
    stream = lazy.stream("s")
    stream.properties.change({b"a": b"1"})
    assert not stream.is_durable(stream.mark())
    stream.properties.change({b"b": b"2"}, durability=Durability.DURABLE)
    assert stream.is_durable(stream.mark())
    stream.properties.replace({b"c": b"3"}, durability=Durability.WRITTEN)
    assert not stream.is_durable(stream.mark())
    assert stream.properties == {b"c": b"3"}
