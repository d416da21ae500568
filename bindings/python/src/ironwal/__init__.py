"""An embedded, durable, segmented write-ahead log: a binding of the C library.

    with ironwal.open("orders") as log:
        trades = log.stream("trades")
        id = trades.append(b"100@42")  # durable
        for id, entry in trades.iter(0):
            ...

Each failure is an exception below ironwal.Error, one class for each status of the library. Objects with
bytes (bytes, bytearray, memoryview, ...) go in without a copy, bytes come out as one copy. The GIL is
released in every call. Logs, streams and iterators may be used by any thread.
"""

from . import errors
from ._native import ffi, lib
from .errors import *  # noqa: F403
from .errors import CommittedPart, Error
from .iterator import Entries, Follower
from .log import Log, open
from .notify import Ticket
from .options import (
    CommitPath,
    Compression,
    Durability,
    Match,
    OnCorruption,
    ReadStrategy,
    Retention,
    SnapshotMode,
    SyncMode,
    View,
    WriteStrategy,
)
from .properties import Properties
from .reports import Finding, RecoveredStream, Recovery, Severity, Verification
from .sharded import AutomaticStatus, Checkpoint, ShardedLog, open_sharded, route
from .stream import Appended, Mark, Part, Stream

#: The version of the library.
__version__: str = ffi.string(lib.ironwal_version_string()).decode()

# Before 1.0 a minor version may change the interface.
if lib.ironwal_version_number() // 1000 != lib.IRONWAL_VERSION_NUMBER // 1000:
    raise ImportError(f"the shared library is ironwal {__version__}, this package was built for another version")

__all__ = [
    "Appended",
    "AutomaticStatus",
    "Checkpoint",
    "CommitPath",
    "CommittedPart",
    "Compression",
    "Durability",
    "Entries",
    "Error",
    "Finding",
    "Follower",
    "Log",
    "Mark",
    "Match",
    "OnCorruption",
    "Part",
    "Properties",
    "ReadStrategy",
    "RecoveredStream",
    "Recovery",
    "Retention",
    "Severity",
    "ShardedLog",
    "SnapshotMode",
    "Stream",
    "SyncMode",
    "Ticket",
    "Verification",
    "View",
    "WriteStrategy",
    "open",
    "open_sharded",
    "route",
]
__all__ += errors.__all__
