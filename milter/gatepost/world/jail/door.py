"""What a jail is: bytes in, bytes out, and four ways in which that may end.

Libraries that unpack archives or read documents crash, hang and swell on hostile input. So they run in a process of their own
that holds no socket, no secret and little memory, and that is killed when its time is up. The caller learns which of the ends
it was, because a site may treat them differently: none of them is "clean".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """The program came to its end and gave this."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Crashed:
    """The program's process ended without an answer, or its answer broke the rules; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """No answer within so many seconds; the process was killed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No process could be had: it does not start, or all of them were busy; `reason` is one line."""

    reason: str


Ending = Answered | Crashed | Overdue | Unavailable


class Jail(Protocol):
    """Runs one program on requests, each apart from the caller; safe between threads and across a fork; never raises."""

    def call(self, request: Sequence[bytes], seconds: float) -> Ending:
        """Give the program these pieces, one after another, and its answer back within so many seconds."""
        ...

    def keep_for(self, uid: int, gid: int) -> None:
        """Prepare, as root, for an account that cannot start the program."""
        ...

    def close(self) -> None:
        """End the processes that wait for work."""
        ...


@dataclass(slots=True)
class FakeJail:
    """A jail for tests without a process: runs `program` in place.

    `endings` are given instead, one per call, while there are any. `requests` keeps what came in.
    """

    program: Callable[[memoryview, float], bytes]
    endings: list[Ending] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)

    def call(self, request: Sequence[bytes], seconds: float) -> Ending:
        """Give the next prepared ending, or the program's answer."""
        data = b"".join(request)
        self.requests.append(data)
        return self.endings.pop(0) if self.endings else Answered(self.program(memoryview(data), seconds))

    def keep_for(self, uid: int, gid: int) -> None:
        """Prepare nothing: there is no process."""

    def close(self) -> None:
        """Forget nothing: there is no process."""
