"""What a virus scanner is asked and what it may answer.

The answers are told apart as far as a site may want to treat them differently: malware, a suspicion, what cannot be read
because it is encrypted, what is over a limit, and five kinds of trouble. Only `Clean` says that all of it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gatepost.mail import limits


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
class Encrypted:
    """The scanner met something that it cannot read without a password; whatever is inside was not scanned."""

    signature: str


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A limit kept some of it from being scanned; `what` names the limit in one line."""

    what: str


@dataclass(frozen=True, slots=True)
class Reloading:
    """The scanner is there and takes no question because it reads its database; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The scanner is there and did not come to an end in time; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScanFailed:
    """The scanner answered with an error; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody there: refused, silent or broken off; `reason` is one line."""

    reason: str


Trouble = Reloading | TimedOut | ScanFailed | Unreachable
Scan = Clean | Infected | Heuristic | Encrypted | OverLimit | Trouble


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine behind a scanner, as it answers now.

    `place` is where it is, `version` what it says of itself ("" when it does not answer), `database` what identifies its
    signatures ("" where it does not say), `made` when those were made, in Unix time, or None.
    """

    place: str
    version: str = ""
    database: str = ""
    made: float | None = None


class Stream(Protocol):
    """A scan that began while its bytes still come. Belongs to one thread; never raises, never blocks before `finish`."""

    def feed(self, piece: bytes) -> bool:
        """Take the next bytes; False when it broke and needs no more."""
        ...

    def finish(self, data: bytes, seconds: float) -> Scan | None:
        """Give the answer on `data` within so many seconds; None unless the stream carried exactly that and was answered."""
        ...

    def abandon(self) -> None:
        """Let go of it without an answer; may be called again, and from any thread."""
        ...


class Scanner(Protocol):
    """Scans one stretch of bytes within the current message's budget; never raises."""

    @property
    def name(self) -> str:
        """A word for people: `clamd`, `icap`, `command`."""
        ...

    @property
    def max_bytes(self) -> int:
        """Bytes beyond which it is not asked: the answer is OverLimit."""
        ...

    def scan(self, data: bytes) -> Scan:
        """Give the scanner's answer."""
        ...

    def engines(self) -> tuple[Engine, ...]:
        """Ask each engine behind it, one after the other, what it is now; one that is away has no version."""
        ...

    def heard(self) -> tuple[Engine, ...]:
        """Give the same as it was heard within the last minute, asking anew when that is over."""
        ...

    def begin(self) -> Stream | None:
        """Begin a scan of bytes that are still to come, at once; None where that is not possible now."""
        ...


def one_line(error: Exception) -> str:
    """Give an error's reason in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[: limits.VIRUS_SIGNATURE_CHARACTERS] or type(error).__name__
