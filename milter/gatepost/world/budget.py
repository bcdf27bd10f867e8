"""One message's allowance of time and look-ups.

The pipeline opens a budget for a message, and in it a share for each check; the doors (DNS, scanner, state) ask it how long
they may wait. Checks stay plain functions that know nothing of it. A context variable carries it, so concurrent messages in
other threads do not meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from gatepost.mail import limits
from gatepost.world.clock import Clock, SystemClock


@dataclass(slots=True)
class Budget:
    """What is left for one message, or for one check of it.

    `deadline` on the monotonic clock, `lookups` DNS questions beyond the cache; `seconds` is what the message had at first.
    """

    clock: Clock
    deadline: float
    lookups: int = limits.DNS_LOOKUPS
    seconds: float = 0.0

    def remaining(self) -> float:
        """Give the seconds left, never below zero."""
        return max(0.0, self.deadline - self.clock.monotonic())

    def take_lookup(self) -> bool:
        """Spend one DNS question; False when none is left."""
        if self.lookups <= 0:
            return False
        self.lookups -= 1
        return True


@dataclass(frozen=True, slots=True)
class Share:
    """What one check may use of a message's budget: DNS questions of its own, and the time until this part of it is over."""

    lookups: int = limits.DNS_LOOKUPS
    until: float = 1.0


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
    with _opened(Budget(clock, clock.monotonic() + seconds, seconds=seconds)) as budget:
        yield budget


@contextmanager
def share(part: Share) -> Iterator[Budget]:
    """Open a share of the message's budget for one check; what it leaves or lacks changes nothing for the others."""
    whole = current()
    deadline = whole.deadline - (1 - part.until) * whole.seconds
    with _opened(replace(whole, deadline=deadline, lookups=part.lookups)) as budget:
        yield budget


@contextmanager
def _opened(budget: Budget) -> Iterator[Budget]:
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)
