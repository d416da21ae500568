"""Is damage reported, with its place, and is what is good kept?"""

from pathlib import Path

import pytest

import ironwal
from ironwal import OnCorruption, Severity


def fill(path: Path) -> None:
    with ironwal.open(path, sync_mode=ironwal.SyncMode.ASYNC, max_entries_per_segment=4) as log:
        for n in range(12):
            log.stream("s").append(b"entry %d " % n * 100)
        assert log.recovery() == (True, 0, log.recovery().duration_ns, [])


def test_a_damaged_entry_is_reported_and_the_others_are_read(path: Path) -> None:
    fill(path)
    (damaged,) = [file for file in path.rglob("*") if file.is_file() and b"entry 5 entry 5" in file.read_bytes()]
    data = bytearray(damaged.read_bytes())
    at = data.index(b"entry 5 entry 5")
    data[at] ^= 1
    damaged.write_bytes(data)
    with ironwal.open(path) as log:
        stream = log.stream("s")
        with pytest.raises(ironwal.CrcMismatch) as failed:
            stream.get(5)
        assert failed.value.path == str(damaged) and failed.value.first_id == 5
        assert stream.get(4) == b"entry 4 " * 100
        entries, found, problems = stream.iter(), [], []
        while True:
            try:
                found.append(next(entries)[0])
            except StopIteration:
                break
            except ironwal.CrcMismatch as problem:
                problems.append(problem.first_id)
        assert found == [n for n in range(12) if n != 5] and problems == [5]
        report = log.verify()
        assert not report.clean and report.totals["entries"] == 11
        (finding,) = [finding for finding in report.findings if finding.severity == Severity.DAMAGE]
        assert (finding.stream, finding.path, finding.first_id, finding.end_id) == ("s", str(damaged), 5, 6)
        assert finding.offset is not None and finding.offset < at and finding.what


def test_what_opening_found_is_reported(path: Path) -> None:
    fill(path)
    with ironwal.open(path) as log:
        assert log.recovery().complete and log.verify().clean
    (lost,) = [file for file in path.rglob("*") if file.is_file() and b"entry 5 entry 5" in file.read_bytes()]
    lost.unlink()
    with pytest.raises(ironwal.Corrupt):
        ironwal.open(path, on_corruption=OnCorruption.ERROR)
    with ironwal.open(path) as log:
        report = log.recovery()
        assert not report.complete and report.streams == 1
        (stream,) = report.reported
        assert (stream.stream, stream.complete, stream.next_id, stream.durable_end_before) == ("s", False, 12, 12)
        (finding,) = [finding for finding in stream.findings if finding.severity == Severity.DAMAGE]
        assert (finding.first_id, finding.end_id) == (4, 8)
        with pytest.raises(ironwal.SegmentNotFound):
            log.stream("s").get(5)
        assert log.stream("s").append(b"goes on") == 12


def test_a_severity_of_a_later_version_is_unreadable() -> None:
    assert Severity(699) is Severity.UNREADABLE
