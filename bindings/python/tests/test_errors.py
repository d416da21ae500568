"""Is each status an exception of its own, with what the library knows?"""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import ironwal
from ironwal import errors
from ironwal._native import ffi, lib


def statuses() -> list[str]:
    return sorted(name for name in dir(lib) if name.startswith("IRONWAL_E_") or name == "IRONWAL_OK")


def test_every_status_of_the_header_has_a_class() -> None:
    names = [name for name in statuses() if name != "IRONWAL_OK"]
    assert len(names) >= 35
    for name in names:
        kind = errors.CLASSES[getattr(lib, name)]
        assert "IRONWAL_E_" + "".join(f"_{c}" if c.isupper() else c for c in kind.__name__).upper()[1:] == name
        assert getattr(ironwal, kind.__name__) is kind and issubclass(kind, ironwal.Error) and kind.__doc__
    assert len(errors.CLASSES) == len(names)


@pytest.mark.parametrize("name", [name for name in statuses() if name != "IRONWAL_OK"])
def test_a_status_becomes_its_exception(name: str) -> None:
    status = getattr(lib, name)
    error = errors.failure(status, ffi.NULL)
    assert type(error) is errors.CLASSES[status] and error.status == type(error).status == status
    assert str(error) == name
    assert str(errors.failure(status, ffi.NULL, "why")) == "why"
    with pytest.raises(ironwal.Error):
        raise error


def test_a_status_of_a_later_version_is_other() -> None:
    error = errors.failure(-999, ffi.NULL)
    assert type(error) is ironwal.Other and error.status == -999


def test_details_survive_pickling(log: ironwal.Log) -> None:
    with pytest.raises(ironwal.SequenceMismatch) as failed:
        log.stream("s").append(b"", expected_id=3)
    again = pickle.loads(pickle.dumps(failed.value))
    assert type(again) is ironwal.SequenceMismatch
    assert vars(again) == vars(failed.value) and str(again) == str(failed.value)
    assert (again.stream, again.expected_id, again.found_id, again.path, again.offset) == ("s", 3, 0, None, None)


def test_exceptions_are_also_those_of_the_language() -> None:
    for kind, base in (
        (ironwal.Io, OSError),
        (ironwal.NoSpace, OSError),
        (ironwal.Timeout, TimeoutError),
        (ironwal.NotFound, LookupError),
        (ironwal.Closed, ValueError),
        (ironwal.InvalidArg, ValueError),
        (ironwal.Config, ValueError),
    ):
        assert issubclass(kind, base)


def test_a_full_disk_is_no_space_and_loses_nothing(path: Path) -> None:
    # A limit on the size of files stands for a full disk; it belongs to the whole process.
    child = """
import errno, resource, signal, sys, ironwal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with ironwal.open(sys.argv[1], max_segment_size=1 << 30) as log:
    stream = log.stream("s")
    stream.append(b"kept")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        stream.append(bytes(4 << 20))
    except ironwal.NoSpace as error:
        assert error.os_error == error.errno == errno.EFBIG, error.os_error
        assert error.path.startswith(sys.argv[1])
    else:
        raise SystemExit("no exception")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert stream.append(b"again") == 1
    assert [entry for _, entry in stream] == [b"kept", b"again"]
"""
    subprocess.run([sys.executable, "-c", child, str(path)], check=True, timeout=60)
