"""The clock door: how checks, state and records read time.

What waits on the machine itself (sockets, processes) reads the machine's own clock: a clock that stands still must not make
it wait for ever.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Two clocks: `now()` is Unix time in seconds, `monotonic()` measures durations."""

    def now(self) -> float:
        """Give Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go backwards."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Give Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds that never go backwards."""
        return time.monotonic()


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is told to move."""

    at: float = 1_700_000_000.0

    def now(self) -> float:
        """Give the set time."""
        return self.at

    def monotonic(self) -> float:
        """Give the set time."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self.at += seconds
