"""The head start of one message's scan: begun while the message arrives, ended where the message is judged.

Stage 1 hands the bytes to a `HeadStart` as they come. Whoever judges the message puts it `at_hand`, and the scanner asks
for it; a context variable carries it, as it does the budget, so that checks need not know. It can be used once, for exactly
the bytes that it was given: anything else is scanned in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gatepost.world.scanner.door import Scan, Stream


@dataclass(slots=True)
class HeadStart:
    """A scan of one message under way, or nothing at all; never raises."""

    stream: Stream | None = None

    def hear(self, piece: bytes) -> None:
        """Take the next bytes of the message; returns at once."""
        if self.stream is not None and not self.stream.feed(piece):
            self.stop()

    def stop(self) -> None:
        """Let go of it: the message ended without being judged, or nobody wants the answer."""
        if self.stream is not None:
            self.stream.abandon()
            self.stream = None

    def finish(self, data: bytes, seconds: float) -> Scan | None:
        """Give the answer on `data` if the scan was one of exactly that, once; None where it has to be scanned."""
        stream, self.stream = self.stream, None
        return stream.finish(data, seconds) if stream is not None else None


_current: ContextVar[HeadStart | None] = ContextVar("head_start", default=None)


def head_start() -> HeadStart:
    """Give the head start of the message at hand; one that holds nothing where there is none."""
    return _current.get() or HeadStart()


@contextmanager
def at_hand(start: HeadStart) -> Iterator[None]:
    """Let the scanner use a head start for the message this thread judges; what was not used is let go at the end."""
    token = _current.set(start)
    try:
        yield
    finally:
        _current.reset(token)
        start.stop()
