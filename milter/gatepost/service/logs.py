"""The daemon's log: one JSON object a line on standard error, a traceback included, so that events never mix."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gatepost.ledger.outlet import Outlet, event, standard_error

_FORMATTER: Final = logging.Formatter()


class JsonLines(logging.Formatter):
    """Formats a log event as one line of JSON: time (Unix seconds), level, logger, pid, event, and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        more: dict[str, object] = {}
        if record.exc_info:
            more["exception"] = _FORMATTER.formatException(record.exc_info)
        return event(
            record.created, record.levelname.lower(), record.name, record.process or 0, record.getMessage(), **more
        )


class Out(logging.Handler):
    """Hands the log to an outlet, which never keeps anybody waiting for long."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event."""
        try:
            self._outlet.write(self.format(record))
        except Exception:  # noqa: BLE001  as all handlers do: an event that cannot be put into words
            self.handleError(record)

    def flush(self) -> None:
        """Say what was dropped, if that can be said now."""
        self._outlet.flush()


def to_stderr() -> None:
    """Send the log of this process, and of those it forks, to standard error."""
    handler = Out(standard_error())
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
