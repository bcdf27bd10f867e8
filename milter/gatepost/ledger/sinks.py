"""Where records go. A sink never raises: a full disk must not stop mail, it must be said."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Protocol

from gatepost.ledger.record import Record, entry


class Sink(Protocol):
    """Takes one record."""

    def write(self, record: Record) -> None:
        """Keep or pass on a record; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class LogSink:
    """One JSON line per message on a file descriptor, standard error by default."""

    descriptor: int = 2

    def write(self, record: Record) -> None:
        """Write the record as one line in one system call, so that lines of several workers do not mix."""
        line = json.dumps(entry(record), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            os.write(self.descriptor, line.encode())
        except OSError:
            # Whoever reads the log is gone or its disk is full; the verdict stands in the headers all the same.
            return


@dataclass(frozen=True, slots=True)
class NullSink:
    """Keeps nothing: for `gatepost scan`, which prints what it finds itself."""

    def write(self, record: Record) -> None:
        """Drop the record."""
