"""The daemon's log: one JSON object a line on standard error, a traceback included, so that events never mix."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FORMATTER: Final = logging.Formatter()


class JsonLines(logging.Formatter):
    """Formats a log event as one line of JSON: time (Unix seconds), level, logger, pid, event, and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        event: dict[str, object] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "event": record.getMessage(),
        }
        if record.exc_info:
            event["exception"] = _FORMATTER.formatException(record.exc_info)
        return json.dumps(event, separators=(",", ":"))


def to_stderr() -> None:
    """Send the log of this process, and of those it forks, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the doors from warning about what a command's own answer says: no worker goes on with anything there."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
