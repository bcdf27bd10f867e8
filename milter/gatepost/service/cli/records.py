"""Records read back from a log: the daemon's JSON lines, or those of `gatepost scan --json`, among whatever else is there.

Lines are read one at a time and what is kept of one is bounded, so a year's log is no trouble.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gatepost.arrival.replay import ReplayError
from gatepost.mail import limits


def records(path: Path, holding: bytes = b"") -> Iterator[Mapping[str, Any]]:
    """Give the records of a log (`-`: standard input) whose line holds some bytes; raises ReplayError where it cannot be read."""
    try:
        if str(path) == "-":
            yield from read_records(sys.stdin.buffer, holding)
        else:
            with path.open("rb") as stream:
                yield from read_records(stream, holding)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from None


def read_records(stream: BinaryIO, holding: bytes = b"") -> Iterator[Mapping[str, Any]]:
    """Give the JSON objects among the lines of a stream; a line beyond limits.RECORD_BYTES or of something else is none."""
    whole = True
    while line := stream.readline(limits.RECORD_BYTES):
        begins, whole = whole, line.endswith(b"\n")
        # What stands before the object is the log's own: a date, a host, a unit.
        start = line.find(b"{")
        if not begins or start < 0 or holding not in line:
            continue
        try:
            record = json.loads(line[start:])
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record
