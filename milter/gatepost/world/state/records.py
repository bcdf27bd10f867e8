"""What lies in a store under a key: a few bytes, the same in every form, and what each ask makes of them.

| kind | ask | bytes |
| --- | --- | --- |
| r | Hit | three doubles: number of the bucket, events in it, events in the bucket before |
| l | Rate | one double: the theoretical arrival time, when the last event allowed so far would have come at the even rate |
| t | Recall, Mark | three doubles: wanted, unwanted, Unix time of writing |
| s | Distinct | for each member eight bytes of its BLAKE2b hash and four of the Unix time it was last seen |
| d | Get, Put | the value as it was given |

All numbers are little-endian. Bytes of another length than these are somebody else's and count as nothing. `step()` is the
whole behaviour in memory and in SQLite; Redis does the same in Lua (redis_script), and one contract suite holds all to it.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Final, NamedTuple

from gatepost.mail import limits
from gatepost.world.state import maths
from gatepost.world.state.door import Answer, Ask, Distinct, Forget, Get, Hit, Leave, Mark, Put, Rate, Recall, Tally

KINDS: Final = "rltsd"
"""The letters of the kinds of record; a place begins with one."""

THREE: Final = struct.Struct("<ddd")
"""A rate's bucket or a tally."""

ONE: Final = struct.Struct("<d")
"""A theoretical arrival time."""

MEMBER: Final = struct.Struct("<8sI")
"""One member of a set."""


class Step(NamedTuple):
    """What an ask comes to: its answer, the bytes to store (None: leave what is there), and for how many seconds (0: drop it)."""

    answer: Answer
    data: bytes | None = None
    seconds: int = 0


def place(ask: Ask) -> str:
    """Give the name under which an ask's record lies: its kind, its key in braces (a Redis hash tag), and a hit's window."""
    match ask:
        case Hit(key=key, window=window):
            return f"r:{{{key}}}:{window}"
        case Recall(key=key) | Mark(key=key) | Forget(key=key):
            return f"t:{{{key}}}"
        case Get(key=key) | Put(key=key):
            return f"d:{{{key}}}"
        case Rate(key=key):
            return f"l:{{{key}}}"
        case Distinct(key=key):
            return f"s:{{{key}}}"


def checked(ask: Ask) -> Ask:
    """Give an ask as it is; raises ValueError for one that no store takes: too long a value, no time, too many members."""
    match ask:
        case Put(data=data, seconds=seconds) if len(data) > limits.STATE_VALUE_BYTES or seconds < 1:
            raise ValueError(f"{len(data)} bytes for {seconds} s: at most {limits.STATE_VALUE_BYTES}, at least 1 s")
        case Distinct(most=most) if not 1 <= most <= limits.STATE_MEMBERS:
            raise ValueError(f"{most} members: from 1 to {limits.STATE_MEMBERS}")
        case Rate(limit=limit, window=window, burst=burst) if min(limit, window, burst) <= 0:
            raise ValueError("a limit, its window and its burst are above 0")
        case _:
            return ask


def step(ask: Ask, found: bytes | None, now: float, half_life: float) -> Step:
    """Work one ask out. `found` is what lies at its place and has not expired; `now` is Unix time, `half_life` seconds."""
    match ask:
        case Hit():
            return _hit(ask, found, now)
        case Recall():
            return Step(_tally(found, now, half_life))
        case Mark():
            tally = maths.judged(_tally(found, now, half_life), ask)
            return Step(None, THREE.pack(tally.wanted, tally.unwanted, now), maths.tally_seconds(half_life))
        case Forget():
            return Step(None, b"")
        case Get():
            return Step(found)
        case Put():
            return Step(False) if ask.absent_only and found is not None else Step(True, ask.data, ask.seconds)
        case Rate():
            return _rate(ask, found, now)
        case Distinct():
            return _distinct(ask, found, now)


def _hit(hit: Hit, found: bytes | None, now: float) -> Step:
    old = maths.Slot(*map(int, THREE.unpack(found))) if found and len(found) == THREE.size else None
    slot = maths.roll(old, maths.bucket_at(now, hit.window), hit.amount)
    answer = maths.estimate(slot, now, hit.window)
    if not hit.amount:
        return Step(answer)
    # Kept by its bucket, not by the clock of whoever counts: a host that lags must not cut it short.
    return Step(
        answer, THREE.pack(slot.bucket, slot.current, slot.previous), int((slot.bucket + 2) * hit.window - now) + 1
    )


def _tally(found: bytes | None, now: float, half_life: float) -> Tally:
    if not found or len(found) != THREE.size:
        return Tally()
    wanted, unwanted, written = THREE.unpack(found)
    return maths.faded(Tally(wanted, unwanted), now - written, half_life)


def _rate(rate: Rate, found: bytes | None, now: float) -> Step:
    """Ask for leave by the generic cell rate algorithm (ITU-T I.371, A.1.1: the virtual scheduling algorithm)."""
    interval = rate.window / rate.limit
    tolerance = interval * rate.burst
    arrival = arrival_of(found, now, tolerance)
    after = arrival + rate.amount * interval
    if rate.amount and after - tolerance <= now + SLACK * interval:
        return Step(leave(rate, after, now, allowed=True), ONE.pack(after), lasting(after - now))
    return Step(leave(rate, arrival, now, allowed=not rate.amount))


SLACK: Final = 1e-6
"""Share of one event that rounding of Unix time in a double may take from a limit."""


def arrival_of(found: bytes | None, now: float, tolerance: float) -> float:
    """Give a stored theoretical arrival time, never before now, and never so far ahead as no clock like ours wrote it.

    A host whose clock was an hour ahead must not lock everybody out for an hour: what it left counts as a full bucket.
    """
    stored = ONE.unpack(found)[0] if found and len(found) == ONE.size else now
    return min(max(stored, now), now + tolerance)


def leave(rate: Rate, arrival: float, now: float, *, allowed: bool) -> Leave:
    """Put into words where a limit stands, given its theoretical arrival time as it is now."""
    interval = rate.window / rate.limit
    wait = 0.0 if allowed else arrival + (rate.amount - rate.burst) * interval - now
    return Leave(allowed, max(0.0, wait), max(0.0, (arrival - now) / interval))


def lasting(seconds: float) -> int:
    """Give how long a limit that is used for so many seconds more must be kept."""
    return math.ceil(seconds) + 1


def _distinct(ask: Distinct, found: bytes | None, now: float) -> Step:
    second = int(now)
    kept = [item for item in members(found) if item[1] > second - ask.window]
    if not ask.member:
        return Step(min(len(kept), ask.most))
    name = digest(ask.member)
    kept = [item for item in kept if item[0] != name]
    kept.append((name, second))
    # Latest last: the one that makes room is the first.
    kept.sort(key=lambda item: item[1])
    del kept[: -ask.most]
    return Step(len(kept), b"".join(MEMBER.pack(*item) for item in kept), kept[-1][1] - second + ask.window + 1)


def members(found: bytes | None) -> list[tuple[bytes, int]]:
    """Give the members of a stored set, each as its hash and the second it was last seen."""
    if not found or len(found) % MEMBER.size:
        return []
    return list(MEMBER.iter_unpack(found))


def digest(member: str) -> bytes:
    """Give the eight bytes under which a set knows a member: enough that two of a few hundred never meet by chance."""
    return hashlib.blake2b(member.encode("utf-8", "surrogatepass"), digest_size=8).digest()
