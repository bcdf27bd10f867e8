"""The virus scanner door: bytes in, a typed answer out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Clean:
    """The scanner read all of it and found nothing."""


@dataclass(frozen=True, slots=True)
class Infected:
    """The scanner names a virus."""

    signature: str


@dataclass(frozen=True, slots=True)
class Heuristic:
    """The scanner suspects: a `Heuristics.*` or `PUA.*` name is not a virus."""

    signature: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """More than the scanner takes; it was not scanned to its end. `limit` is our own in bytes, 0 for clamd's StreamMaxLength."""

    limit: int


@dataclass(frozen=True, slots=True)
class ScanFailed:
    """The scanner answered with an error; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: refused, timed out or broken off; `reason` is one line."""

    reason: str


Scan = Clean | Infected | Heuristic | TooLarge | ScanFailed | Unreachable


class Scanner(Protocol):
    """Scans one stretch of bytes within the current message's budget; never raises."""

    def scan(self, data: bytes) -> Scan:
        """Give the scanner's answer."""
        ...

    def ping(self) -> str | None:
        """Give the scanner's version line, or None when it does not answer."""
        ...


@dataclass(slots=True)
class FakeScanner:
    """A scanner for tests: `answers` maps a byte string to the answer for whatever contains it; the first match counts.

    `scanned` keeps what it was given. `down` makes every answer Unreachable.
    """

    answers: dict[bytes, Scan] = field(default_factory=dict)
    down: bool = False
    scanned: list[bytes] = field(default_factory=list)

    def scan(self, data: bytes) -> Scan:
        """Give the prepared answer, or Clean."""
        self.scanned.append(data)
        if self.down:
            return Unreachable("the fake scanner is down")
        return next((answer for needle, answer in self.answers.items() if needle in data), Clean())

    def ping(self) -> str | None:
        """Give a version line, or None when down."""
        return None if self.down else "fake scanner"
