"""What did opening a log find, and what does a verification find?"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple, Optional

from ._native import ffi, lib
from .errors import failure, text


class Severity(enum.IntEnum):
    """How bad a finding is."""

    NOTE = lib.IRONWAL_SEVERITY_NOTE  #: no damage
    DAMAGE = lib.IRONWAL_SEVERITY_DAMAGE  #: durable data is damaged or missing
    UNREADABLE = lib.IRONWAL_SEVERITY_UNREADABLE  #: a file could not be checked

    @classmethod
    def _missing_(cls, value: object) -> Severity:
        return cls.UNREADABLE  # a worse one, of a later version of the library


class Finding(NamedTuple):
    """One thing that was found."""

    severity: Severity
    what: str
    path: Optional[str]  #: the file or directory
    stream: Optional[str]  #: None where it concerns none
    offset: Optional[int]  #: the place in the file, in bytes
    first_id: int  #: the ids concerned
    end_id: int  #: exclusive; equal to first_id where none are known


class RecoveredStream(NamedTuple):
    """What opening found and did in one stream."""

    stream: str
    complete: bool  #: nothing that was durable is missing or unreadable, as far as opening can know
    message: Optional[str]  #: why the stream is not served, or takes no appends
    durable_end_before: int  #: one past the last id that was known to be durable before
    next_id: int
    findings: list[Finding]


class Recovery(NamedTuple):
    """What opening a log found and did."""

    complete: bool  #: of all streams
    streams: int  #: how many the log had, damaged ones included
    duration_ns: int
    reported: list[RecoveredStream]  #: those with damage, with remains of a crash, or not opened


class Verification(NamedTuple):
    """What a verification read and found."""

    clean: bool  #: no finding is worse than a note
    totals: dict[str, int]  #: ironwal_verify_report_totals of the header
    findings: list[Finding]


def _struct(kind: str, function: Any, *arguments: Any) -> Any:
    """The struct that a call fills; None where the library answers that there is none."""
    out, error = ffi.new(kind), ffi.new("ironwal_error **")
    status = function(*arguments, out, ffi.sizeof(out[0]), error)
    if status == lib.IRONWAL_E_NOT_FOUND:
        return None
    if status:
        raise failure(status, error[0])
    return out


def _findings(function: Any, *arguments: Any) -> list[Finding]:
    found: list[Finding] = []
    while one := _struct("ironwal_finding *", function, *arguments, len(found)):
        offset = None if one.offset == 2**64 - 1 else one.offset
        found.append(
            Finding(
                Severity(one.severity),
                text(one.what) or "",
                text(one.path),
                text(one.stream),
                offset,
                one.first_id,
                one.end_id,
            )
        )
    return found


def recovery(report: Any) -> Recovery:
    """Copies a report of the library."""
    totals = _struct("ironwal_recovery_report_totals *", lib.ironwal_recovery_report_get_totals, report)
    streams: list[RecoveredStream] = []
    while one := _struct(
        "ironwal_recovered_stream *", lib.ironwal_recovery_report_get_stream, report, len(streams)
    ):
        streams.append(
            RecoveredStream(
                text(one.stream) or "",
                one.complete == 1,
                text(one.message),
                one.durable_end_before,
                one.next_id,
                _findings(lib.ironwal_recovery_report_get_finding, report, len(streams)),
            )
        )
    return Recovery(totals.complete == 1, totals.streams, totals.duration_ns, streams)


def verification(report: Any) -> Verification:
    """Copies a report of the library."""
    totals = _struct("ironwal_verify_report_totals *", lib.ironwal_verify_report_get_totals, report)
    counts = {name: getattr(totals, name) for name, _ in ffi.typeof(totals).item.fields}
    return Verification(totals.clean == 1, counts, _findings(lib.ironwal_verify_report_get_finding, report))
