"""The daemon's log is one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys

from gatepost.service.logs import JsonLines


def fail() -> None:
    """Fail with a message that tries to break the line."""
    raise RuntimeError("first\nsecond \u2028")


def test_a_traceback_is_part_of_its_event():
    """An exception with its traceback makes one line, whatever its message holds."""
    try:
        fail()
    except RuntimeError:
        record = logging.LogRecord("gatepost", logging.ERROR, "", 1, "failed at %s", ("eom",), sys.exc_info())
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    found = json.loads(line)
    assert (found["level"], found["event"]) == ("error", "failed at eom")
    assert "Traceback" in found["exception"]
    assert "RuntimeError: first\nsecond" in found["exception"]
