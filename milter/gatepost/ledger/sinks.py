"""Where records go. A sink never raises: a full disk or a reader that stalls must not stop mail, it must be said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

from gatepost.ledger.outlet import Outlet, standard_error
from gatepost.ledger.record import Record, entry


class Sink(Protocol):
    """Takes one record."""

    def write(self, record: Record) -> None:
        """Keep or pass on a record; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class LogSink:
    """One JSON line per message in the log, standard error by default."""

    outlet: Outlet = field(default_factory=standard_error)

    def write(self, record: Record) -> None:
        """Write the record as one line. Where the log takes nothing the verdict stands in the headers all the same."""
        self.outlet.write(json.dumps(entry(record), ensure_ascii=False, separators=(",", ":")))


@dataclass(frozen=True, slots=True)
class NullSink:
    """Keeps nothing: for `gatepost scan`, which prints what it finds itself."""

    def write(self, record: Record) -> None:
        """Drop the record."""
