"""A scanner for tests, which takes its answers and its failures as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatepost.world.scanner.door import Clean, Engine, Scan, Stream, Unreachable


@dataclass(slots=True)
class FakeScanner:
    """A scanner for tests: `answers` maps a byte string to the answer for whatever contains it; the first match counts.

    `scanned` keeps what it was given. `down` makes every answer Unreachable. `database` is its database's identity.
    """

    answers: dict[bytes, Scan] = field(default_factory=dict)
    down: bool = False
    scanned: list[bytes] = field(default_factory=list)
    database: str = ""
    name: str = "fake"
    max_bytes: int = 32 * 1024 * 1024

    def scan(self, data: bytes) -> Scan:
        """Give the prepared answer, or Clean."""
        self.scanned.append(data)
        if self.down:
            return Unreachable("the fake scanner is down")
        return next((answer for needle, answer in self.answers.items() if needle in data), Clean())

    def engines(self) -> tuple[Engine, ...]:
        """Give the fake engine, without a version when down."""
        return (Engine("nowhere", "" if self.down else "fake scanner", self.database),)

    def heard(self) -> tuple[Engine, ...]:
        """Give the same."""
        return self.engines()

    def begin(self) -> Stream | None:
        """Give None: it scans when all is there."""
        return None
