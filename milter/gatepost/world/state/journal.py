"""Journals: what all forms of state agree on, and the form in memory.

Every change of a journal gets the next number. A record lies under the number of its last change; one that was taken back
leaves its id behind, without its bytes, so that readers hear of it. Of those only limits.JOURNAL_RETRACTED are kept; the
number of the last one that was dropped is the *floor*: a reader that stopped before it may have missed something.

A position is `epoch:floor:number`. The epoch is made up when a journal begins, so that a reader notices an emptied or
replaced store. The floor is the one that was seen when the reading began: what was dropped before is no news to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.mail import limits
from gatepost.world.state.door import Changes, Entry

_EPOCH_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader came; see above."""

    epoch: str = ""
    floor: int = 0
    number: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}:{self.floor}:{self.number}"


def position(text: str) -> Position:
    """Read a position; anything that is none is the beginning."""
    epoch, _, rest = text.partition(":")
    floor, _, number = rest.partition(":")
    if not (floor.isdecimal() and number.isdecimal()):
        return Position()
    return Position(epoch, int(floor), int(number))


def begin(after: Position, epoch: str, floor: int) -> tuple[Position, bool]:
    """Give from where a reader is to go on in a journal as it stands, and whether it must begin anew."""
    if after.epoch == epoch and floor <= max(after.floor, after.number):
        return after, not after.number
    return Position(epoch, floor, 0), True


def new_epoch() -> str:
    """Make up a name for a journal's beginning."""
    return secrets.token_hex(_EPOCH_BYTES)


def checked(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Give records as they are; raises ValueError for one that no journal takes."""
    for entry in entries:
        if not (0 < len(entry.id) <= 64 and entry.id.isascii() and entry.id.isprintable()):
            raise ValueError("the id of a record is not 1 to 64 printable ASCII characters")
        if entry.data is not None and len(entry.data) > limits.JOURNAL_ENTRY_BYTES:
            raise ValueError(f"a record holds {len(entry.data)} bytes, more than {limits.JOURNAL_ENTRY_BYTES}")
    return entries


class MemoryJournal:
    """One journal in memory. Not safe between threads by itself: its owner holds a lock."""

    def __init__(self) -> None:
        self._epoch = new_epoch()
        self._last = 0
        self._floor = 0
        self._live: dict[str, tuple[int, bytes]] = {}  # in order of their numbers, as the next one
        self._dead: dict[str, int] = {}
        self._bytes = 0

    def note(self, entry: Entry) -> bool:
        """Write one record or take it back; says whether one of its id was there."""
        there = self._take(entry.id)
        if entry.data is None:
            if there:
                self._bury(entry.id)
            return there
        self._dead.pop(entry.id, None)
        self._last += 1
        self._live[entry.id] = (self._last, entry.data)
        self._bytes += len(entry.data)
        while len(self._live) > limits.JOURNAL_ENTRIES or self._bytes > limits.JOURNAL_BYTES:
            oldest = next(iter(self._live))
            self._take(oldest)
            self._bury(oldest)
        return there

    def _take(self, name: str) -> bool:
        """Remove a record that is there."""
        old = self._live.pop(name, None)
        self._bytes -= len(old[1]) if old else 0
        return old is not None

    def _bury(self, name: str) -> None:
        """Keep the id of a record that was taken back."""
        self._last += 1
        self._dead[name] = self._last
        if len(self._dead) > limits.JOURNAL_RETRACTED:
            self._floor = self._dead.pop(next(iter(self._dead)))

    def changes(self, after: str) -> Changes:
        """Give a page of what changed; see the door."""
        if not self._last:
            return Changes((), "", anew=True, more=False)
        start, anew = begin(position(after), self._epoch, self._floor)
        numbered = [(number, Entry(name, data)) for name, (number, data) in self._live.items() if number > start.number]
        numbered += [(number, Entry(name, None)) for name, number in self._dead.items() if number > start.number]
        numbered.sort(key=lambda pair: pair[0])
        page = numbered[: limits.JOURNAL_PAGE]
        reached = page[-1][0] if page else start.number
        return Changes(
            tuple(entry for _, entry in page),
            str(Position(start.epoch, start.floor, reached)),
            anew=anew,
            more=len(numbered) > len(page),
        )
