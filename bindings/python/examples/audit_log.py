"""How does a program keep an audit trail that shows each loss and each change?

An audit trail in one stream. Each record holds the digest of all before it, so that no record can be
changed or removed unnoticed; the library sees to it that none is lost.

    python audit_log.py DIRECTORY add ACTOR ACTION     appends one record, durably
    python audit_log.py DIRECTORY show                 prints and checks all of them
    python audit_log.py DIRECTORY watch SECONDS        prints records as they come, by the event loop

Several processes may show and watch beside the one that adds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from typing import Any

import ironwal

STREAM = "audit"


def link(entry: bytes) -> str:
    return hashlib.sha256(entry).hexdigest()


def add(path: str, actor: str, action: str) -> int:
    with ironwal.open(path) as log:
        audit = log.stream(STREAM)
        while True:
            try:
                last, entry = audit.last()
            except ironwal.NotFound:
                last, entry = -1, b""
            record = {"at": time.time_ns(), "actor": actor, "action": action, "before": link(entry)}
            try:
                # Durable when it returns, and only if no other thread was faster.
                return audit.append(json.dumps(record).encode(), expected_id=last + 1)
            except ironwal.SequenceMismatch:
                continue


def show(path: str) -> None:
    before = b""
    with ironwal.open(path, read_only=True) as log:
        for id, entry in log.stream(STREAM).iter(0):
            record = json.loads(entry)
            if record["before"] != link(before):
                raise SystemExit(f"record {id} does not follow the one before it")
            print_record(id, record)
            before = entry


async def watch(path: str, seconds: float) -> None:
    async def follow() -> None:
        with ironwal.open(path, read_only=True) as log:
            async with log.stream(STREAM).follow(0) as entries:
                async for id, entry in entries:
                    print_record(id, json.loads(entry))

    try:
        await asyncio.wait_for(follow(), seconds)
    except asyncio.TimeoutError:
        pass


def print_record(id: int, record: dict[str, Any]) -> None:
    print(id, record["actor"], record["action"], flush=True)


def main(arguments: list[str]) -> None:
    try:
        path, command, *rest = arguments
        if command == "add":
            actor, action = rest
            print(add(path, actor, action))
        elif command == "show" and not rest:
            show(path)
        elif command == "watch":
            (seconds,) = rest
            asyncio.run(watch(path, float(seconds)))
        else:
            raise ValueError
    except ironwal.Error as error:
        raise SystemExit(f"{type(error).__name__}: {error}")
    except ValueError:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
