"""The arithmetic of memory: rates over a sliding window, and tallies that fade.

A *rate* is kept in two numbers: events in the current window-long bucket and in the one before it. The estimate weighs
the older bucket by how much of it still lies within the last `window` seconds. It needs no list of events, and for a
steady sender it is exact (the "sliding window counter" used by HTTP rate limiters).

A *tally* is how much wanted and unwanted mail an identity sent. It fades by half every half-life, and holds at most
TALLY_CAP messages' worth: past it old and new shrink together, so that a domain with a hundred thousand good messages
which is taken over tonight is judged by its last hundred, not by its fame.

Memory and SQLite call these functions; Redis runs the same steps in Lua, and one contract test suite holds all three to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gatepost.world.state.door import Mark, Tally

TALLY_CAP: Final = 100.0
"""Messages' worth that one tally remembers."""

KEPT_HALF_LIVES: Final = 8
"""Half-lives after which an untouched tally (0.4 % is left of it) is forgotten."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A stored rate: the bucket's number (Unix time // window), its count, and the count of the bucket before it."""

    bucket: int
    current: int
    previous: int


def bucket_at(now: float, window: int) -> int:
    """Give the number of the bucket that a time falls into."""
    return int(now // window)


def roll(slot: Slot | None, bucket: int, amount: int) -> Slot:
    """Give the slot as of a bucket, with an amount added.

    A clock that went back (or a host whose clock lags) counts into the newest bucket there is.
    """
    if slot is None or bucket > slot.bucket + 1:
        return Slot(bucket, amount, 0)
    if bucket == slot.bucket + 1:
        return Slot(bucket, amount, slot.current)
    return Slot(slot.bucket, slot.current + amount, slot.previous)


def estimate(slot: Slot, now: float, window: int) -> float:
    """Give the events within the last `window` seconds, of a slot that was rolled to `now`."""
    passed = min(1.0, max(0.0, now / window - slot.bucket))
    return slot.current + slot.previous * (1.0 - passed)


def faded(wanted: float, unwanted: float, age: float, half_life: float) -> Tally:
    """Give what a tally has become `age` seconds after it was written; a negative age counts as none."""
    factor = 0.5 ** (age / half_life) if age > 0.0 else 1.0
    return Tally(wanted * factor, unwanted * factor)


def judged(tally: Tally, mark: Mark) -> Tally:
    """Give a faded tally with one more judgement, held to TALLY_CAP."""
    wanted, unwanted = tally.wanted + mark.wanted, tally.unwanted + mark.unwanted
    shrink = min(1.0, TALLY_CAP / (wanted + unwanted)) if wanted + unwanted > 0 else 1.0
    return Tally(wanted * shrink, unwanted * shrink)


def tally_seconds(half_life: float) -> int:
    """Give how long an untouched tally is kept."""
    return int(half_life * KEPT_HALF_LIVES) + 1


def slot_seconds(window: int) -> int:
    """Give how long an untouched rate can still matter: its own bucket and the one after it."""
    return 2 * window + 1
