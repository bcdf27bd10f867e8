"""A clock that breaks off whatever runs, library code included: for a process that does one thing at a time."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_AGAIN_SECONDS: Final = 0.1


class OutOfTime(BaseException):
    """The time is up; no Exception, so that it passes through those who handle whatever goes wrong."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the main thread after so many seconds, and again while somebody holds on to it.

    A call into C is broken off when it returns; whoever started the process watches over that. An alarm within an alarm must be
    the shorter one; the other goes on after it.
    """
    done = False

    def ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the form of a signal handler
        if not done:
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    begin = time.monotonic()
    left, again = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN_SECONDS)
    try:
        yield
    finally:
        done = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begin), 0.001), again)
