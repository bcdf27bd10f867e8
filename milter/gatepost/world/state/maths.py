"""The arithmetic of memory: rates over a sliding window, and tallies that fade.

A *rate* is kept in two buckets, each as long as the window: the events in the current one and in the one before it, and when the
first and the last event of each came. Those of the older bucket are taken to lie evenly between its first and its last; as many
of them count as still lie within the last `window` seconds. It needs no list of events, and it is exact for a steady sender and for a
burst. (The usual "sliding window counter" of HTTP rate limiters spreads a burst over its whole bucket: a limit of one then lets
through one in two windows.)

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


Slot = tuple[float, float, float, float, float, float, float]
"""A stored rate: the bucket's number (Unix time // window), its count, the count of the bucket before it; then when the first and the
last event of the bucket came, and of the one before: as shares of the window (0 to 1) from the beginning of each one's own bucket."""

ROUNDING: Final = 1e-6
"""Share of a window by which a stored time may be off: it is kept as a short number. What is a window old, to that, is over."""


def bucket_at(now: float, window: int) -> float:
    """Give the number of the bucket that a time falls into."""
    return now // window


def roll(slot: Slot | None, now: float, window: int, amount: int) -> Slot:
    """Give the slot as of now, with an amount added.

    A clock that went back a little (or a host whose clock lags) counts into the newest bucket there is. One that lies more
    than one ahead was written by a clock that was wrong: taken for the bucket before this one, it is over after a window.
    """
    bucket = now // window
    newest, current, previous, first, last, first_before, last_before = slot or (bucket, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if not newest - 1 <= bucket <= newest:
        previous = 0.0 if bucket > newest + 1 else current
        newest, current, first_before, last_before = bucket, 0.0, first, last
    if amount:
        at = min(1.0, max(0.0, now / window - newest))
        if current:
            first, last = min(first, at), max(last, at)
        else:
            first = last = at
    return newest, current + amount, previous, first, last, first_before, last_before


def estimate(slot: Slot, now: float, window: int) -> float:
    """Give the events within the last `window` seconds, of a slot that was rolled to `now`."""
    bucket, current, previous, _, _, first, last = slot
    if not previous:
        return current
    # How far the bucket before lies outside of the window already. A clock that went back makes no more of it than there was.
    passed = now / window - bucket + ROUNDING
    left = 0.0 if passed >= last else (last - passed) / (last - first) if passed > first else 1.0
    return current + previous * left


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
