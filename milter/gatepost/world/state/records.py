"""What lies in a store under a key: a few bytes, the same in every form, and what each ask makes of them.

| kind | ask | bytes |
| --- | --- | --- |
| r | Hit | three doubles: number of the bucket, events in it, events in the bucket before; four floats: maths.Slot says of what |
| l | Rate | one double: the theoretical arrival time, when the last event allowed so far would have come at the even rate |
| t | Recall, Mark | three doubles: wanted, unwanted, Unix time of writing |
| s | Distinct | for each member eight bytes of its BLAKE2b hash and four of the Unix time it was last seen |
| d | Get, Put | the value as it was given |

All numbers are little-endian. Bytes of another length than these are somebody else's and count as nothing. `look()` and `step()` are the
whole behaviour in memory and in SQLite; Redis does the same in Lua (redis_script), and one contract suite holds all to it.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from gatepost.world.state import maths
from gatepost.world.state.door import Answer, Ask, Distinct, Forget, Get, Hit, Leave, Mark, Put, Rate, Recall, Tally

KINDS: Final = "rltsd"
"""The letters of the kinds of record; a place begins with one."""

THREE: Final = struct.Struct("<ddd")
"""A tally."""

SLOT: Final = struct.Struct("<dddffff")
"""A rate: maths.Slot."""

ONE: Final = struct.Struct("<d")
"""A theoretical arrival time."""

MEMBER: Final = struct.Struct("<8sI")
"""One member of a set."""

_UNKNOWN: Final = Tally()

Step = tuple[Answer, bytes | None, int]
"""What an ask comes to: its answer, the bytes to store (None: leave what is there), and for how many seconds (0: drop it)."""

Reading = Callable[[Any, Any, float, float], Answer]
"""Gives an ask's answer by the ask, what was found for it, Unix time, and the half-life of tallies in seconds."""


def look(ask: Ask, found: bytes | None, now: float, half_life: float) -> Answer:
    """Read what lies at an ask's place, and has not expired, as the ask's answer; `now` is Unix time, `half_life` seconds."""
    return LOOKS[type(ask)](ask, found, now, half_life)


def step(ask: Ask, found: bytes | None, now: float, half_life: float) -> Step:
    """Work out an ask, whether it writes or only looks; takes what look() takes."""
    if not ask.writes:
        return look(ask, found, now, half_life), None, 0
    match ask:
        case Hit():
            return _hit(ask, found, now)
        case Mark():
            tally = maths.judged(_recall(ask, found, now, half_life), ask)
            return None, THREE.pack(tally.wanted, tally.unwanted, now), maths.tally_seconds(half_life)
        case Put():
            return (False, None, 0) if ask.absent_only and found is not None else (True, ask.data, ask.seconds)
        case Distinct():
            return _distinct(ask, found, now)
        case Rate():
            return _rate(ask, found, now)
        case Forget():
            return None, b"", 0
        case Recall() | Get():
            return look(ask, found, now, half_life), None, 0


def _recall(_ask: Recall | Mark, found: bytes | None, now: float, half_life: float) -> Tally:
    if not found or len(found) != THREE.size:
        return _UNKNOWN
    wanted, unwanted, written = THREE.unpack(found)
    return maths.faded(wanted, unwanted, now - written, half_life)


def _estimate(hit: Hit, found: bytes | None, now: float, _half_life: float) -> float:
    window = hit.window
    return maths.estimate(maths.roll(_slot(found), now, window, 0), now, window)


def _value(_get: Get, found: bytes | None, _now: float, _half_life: float) -> bytes | None:
    return found


def _count(ask: Distinct, found: bytes | None, now: float, _half_life: float) -> int:
    return min(len(_kept(ask, found, now)), ask.most)


def _standing(rate: Rate, found: bytes | None, now: float, _half_life: float) -> Leave:
    return leave(rate, _arrival(rate, found, now), now, allowed=True)


def _nothing(_ask: Ask, _found: bytes | None, _now: float, _half_life: float) -> None:
    return None


LOOKS: Final[Mapping[type[Ask], Reading]] = {
    Recall: _recall,
    Get: _value,
    Hit: _estimate,
    Distinct: _count,
    Rate: _standing,
    Mark: _nothing,
    Put: _nothing,
    Forget: _nothing,
}
"""How each ask reads its record. A table: to try one `case` after the other for thirty asks a message costs as much as their answers."""


def _slot(found: bytes | None) -> maths.Slot | None:
    return SLOT.unpack(found) if found and len(found) == SLOT.size else None


def _hit(hit: Hit, found: bytes | None, now: float) -> Step:
    slot = maths.roll(_slot(found), now, hit.window, hit.amount)
    answer = maths.estimate(slot, now, hit.window)
    if answer > hit.limit:
        return answer, None, 0
    # Kept by its bucket, not by the clock of whoever counts: a host that lags must not cut it short.
    seconds = int((slot[0] + 2) * hit.window - now) + 1
    return answer, SLOT.pack(*slot), seconds


def _rate(rate: Rate, found: bytes | None, now: float) -> Step:
    """Ask for leave by the generic cell rate algorithm (ITU-T I.371, A.1.1: the virtual scheduling algorithm)."""
    interval = rate.window / rate.limit
    arrival = _arrival(rate, found, now)
    # More than the burst passes where all of the burst would, and is owed for, up to what one may owe.
    allowed = arrival + (min(rate.amount, rate.burst) - rate.burst) * interval <= now + SLACK * interval
    if allowed:
        arrival = min(arrival + rate.amount * interval, now + longest(rate))
    answer, data = leave(rate, arrival, now, allowed=allowed), ONE.pack(arrival)
    # A refusal changes nothing, but for a time that no clock like ours wrote: it would stand still there instead of draining.
    return (answer, None, 0) if data == found else (answer, data, math.ceil(arrival - now) + 1)


SLACK: Final = 1e-6
"""Share of one event that rounding of Unix time in a double may take from a limit."""


def _arrival(rate: Rate, found: bytes | None, now: float) -> float:
    """Give the theoretical arrival time, never before now, and never so far ahead as no clock like ours wrote it.

    A host whose clock was a day ahead must not lock everybody out for a day: what it left counts as a full bucket.
    """
    stored = ONE.unpack(found)[0] if found and len(found) == ONE.size else now
    if stored > now + longest(rate):
        return now + rate.window / rate.limit * rate.burst
    return float(max(stored, now))


def longest(rate: Rate) -> float:
    """Give the seconds by which the theoretical arrival time may be ahead: a full bucket, or a window of even traffic."""
    return max(rate.window, rate.window / rate.limit * rate.burst)


def leave(rate: Rate, arrival: float, now: float, *, allowed: bool) -> Leave:
    """Put into words where a limit stands, given its theoretical arrival time as it is now."""
    interval = rate.window / rate.limit
    wait = 0.0 if allowed else arrival + (min(rate.amount, rate.burst) - rate.burst) * interval - now
    return Leave(allowed, max(0.0, wait), max(0.0, (arrival - now) / interval))


def _kept(ask: Distinct, found: bytes | None, now: float) -> list[tuple[bytes, int]]:
    """Give the members within the window, each as its hash and the second it was last seen.

    A second further ahead than a window was written by a clock that was wrong: such members would fill a set for ever.
    """
    if not found or len(found) % MEMBER.size:
        return []
    since, until = int(now) - ask.window, int(now) + ask.window
    return [item for item in MEMBER.iter_unpack(found) if since < item[1] <= until]


def _distinct(ask: Distinct, found: bytes | None, now: float) -> Step:
    second, name = int(now), digest(ask.member)
    kept = [item for item in _kept(ask, found, now) if item[0] != name]
    kept.append((name, second))
    # Latest last: the one that makes room is the first.
    kept.sort(key=lambda item: item[1])
    del kept[: -ask.most]
    seconds = kept[-1][1] - second + ask.window + 1
    return len(kept), b"".join(MEMBER.pack(*item) for item in kept), seconds


def digest(member: str) -> bytes:
    """Give the eight bytes under which a set knows a member: enough that two of a few hundred never meet by chance."""
    return hashlib.blake2b(member.encode("utf-8", "surrogatepass"), digest_size=8).digest()
