"""Where do the logs of the tests live?"""

from pathlib import Path
from typing import Iterator

import pytest

import ironwal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory that does not exist yet."""
    return tmp_path / "log"


@pytest.fixture
def log(path: Path) -> Iterator[ironwal.Log]:
    with ironwal.open(path) as opened:
        yield opened


@pytest.fixture
def lazy(tmp_path: Path) -> Iterator[ironwal.Log]:
    """A log that syncs only when it is asked to."""
    with ironwal.open(tmp_path / "lazy", sync_mode=ironwal.SyncMode.ASYNC, background_sync=False) as opened:
        yield opened
