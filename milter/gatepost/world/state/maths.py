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

from typing import Final

from gatepost.world.state.door import Mark, Tally

TALLY_CAP: Final = 100.0
"""Messages' worth that one tally remembers."""

KEPT_HALF_LIVES: Final = 8
"""Half-lives after which an untouched tally (0.4 % is left of it) is forgotten."""


Slot = tuple[float, float, float]
"""A stored rate, in whole numbers: the bucket's (Unix time // window), its count, and the count of the bucket before it."""


def bucket_at(now: float, window: int) -> float:
    """Give the number of the bucket that a time falls into."""
    return now // window


def roll(slot: Slot | None, bucket: float, amount: int) -> Slot:
    """Give the slot as of a bucket, with an amount added.

    A clock that went back a little (or a host whose clock lags) counts into the newest bucket there is. One that lies more
    than one ahead was written by a clock that was wrong: taken for the bucket before this one, it is over after a window.
    """
    if slot is None:
        return bucket, amount, 0.0
    newest, current, previous = slot
    if newest - 1 <= bucket <= newest:
        return newest, current + amount, previous
    return bucket, amount, 0.0 if bucket > newest + 1 else current


def estimate(slot: Slot, now: float, window: int) -> float:
    """Give the events within the last `window` seconds, of a slot that was rolled to `now`."""
    bucket, current, previous = slot
    passed = now / window - bucket
    # A clock that went back would make more of the older bucket than there was.
    return current + previous * (1.0 - passed) if passed > 0.0 else current + previous


def faded(wanted: float, unwanted: float, age: float, half_life: float) -> Tally:
    """Give what a tally has become `age` seconds after it was written; a negative age counts as none."""
    factor = 0.5 ** (age / half_life) if age > 0.0 else 1.0
    return Tally(wanted * factor, unwanted * factor)


def judged(tally: Tally, mark: Mark) -> Tally:
    """Give a faded tally with one more judgement, held to TALLY_CAP. What is taken back can leave nothing, never less."""
    wanted, unwanted = max(0.0, tally.wanted + mark.wanted), max(0.0, tally.unwanted + mark.unwanted)
    worth = wanted + unwanted
    shrink = TALLY_CAP / worth if worth > TALLY_CAP else 1.0
    return Tally(wanted * shrink, unwanted * shrink)


def tally_seconds(half_life: float) -> int:
    """Give how long an untouched tally is kept."""
    return int(half_life * KEPT_HALF_LIVES) + 1


def slot_seconds(window: int) -> int:
    """Give how long an untouched rate can still matter: its own bucket and the one after it."""
    return 2 * window + 1
