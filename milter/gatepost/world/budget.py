"""One message's allowance of time and look-ups.

The pipeline opens a budget for a message; the doors (DNS, scanner, state) ask it how long they may wait. Checks stay plain
functions that know nothing of it. A context variable carries it, so concurrent messages in other threads do not meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gatepost.mail import limits
from gatepost.world.clock import Clock, SystemClock


@dataclass(slots=True)
class Budget:
    """What is left for one message: `deadline` on the monotonic clock, and `lookups` DNS questions beyond the cache."""

    clock: Clock
    deadline: float
    lookups: int = limits.DNS_LOOKUPS

    def remaining(self) -> float:
        """Give the seconds left, never below zero."""
        return max(0.0, self.deadline - self.clock.monotonic())

    def take_lookup(self) -> bool:
        """Spend one DNS question; False when none is left."""
        if self.lookups <= 0:
            return False
        self.lookups -= 1
        return True


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


def current() -> Budget:
    """Give the budget of the message at hand; outside any message a fresh one of ten seconds."""
    budget = _current.get()
    if budget is None:
        clock = SystemClock()
        return Budget(clock, clock.monotonic() + 10.0)
    return budget


@contextmanager
def allowance(clock: Clock, seconds: float) -> Iterator[Budget]:
    """Open a budget of so many seconds for the message this thread works on."""
    budget = Budget(clock, clock.monotonic() + seconds)
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)
