"""State in this process's memory: for tests, for the command line, and for the minutes when the shared store is away.

Both tables are least-recently-used and bounded, so that a flood of invented senders costs a fixed amount of memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gatepost.world.clock import Clock
from gatepost.world.state import maths
from gatepost.world.state.door import Changes, Entry, Hit, Mark, Tally
from gatepost.world.state.journal import MemoryJournal, checked

ENTRIES: Final = 50_000
"""Rates and tallies kept, each (about 15 MB when full). Past it the least recently used one is forgotten."""


class MemoryState:
    """The state door over two dictionaries; safe between threads, never away. `half_life` is in seconds."""

    def __init__(self, clock: Clock, *, half_life: float = 30 * 86_400.0, entries: int = ENTRIES) -> None:
        self._clock = clock
        self._half_life = half_life
        self._entries = entries
        self._lock = threading.Lock()
        self._slots: OrderedDict[tuple[str, int], maths.Slot] = OrderedDict()
        self._tallies: OrderedDict[str, tuple[Tally, float]] = OrderedDict()
        self._journals: dict[str, MemoryJournal] = {}  # their names are the program's own and few

    @property
    def backend(self) -> str:
        """The word `memory`."""
        return "memory"

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events; see the door."""
        now = self._clock.now()
        with self._lock:
            return [self._count(hit, now) for hit in hits]

    def _count(self, hit: Hit, now: float) -> float:
        place = (hit.key, hit.window)
        slot = maths.roll(self._slots.get(place), maths.bucket_at(now, hit.window), hit.amount)
        if hit.amount:
            self._slots[place] = slot
            self._slots.move_to_end(place)
            if len(self._slots) > self._entries:
                self._slots.popitem(last=False)
        return maths.estimate(slot, now, hit.window)

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the faded tallies; see the door."""
        now = self._clock.now()
        with self._lock:
            return [self._faded(key, now) for key in keys]

    def _faded(self, key: str, now: float) -> Tally:
        tally, written = self._tallies.get(key, (Tally(), now))
        return maths.faded(tally, now - written, self._half_life)

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements; see the door."""
        now = self._clock.now()
        with self._lock:
            for mark in marks:
                self._tallies[mark.key] = (maths.judged(self._faded(mark.key, now), mark), now)
                self._tallies.move_to_end(mark.key)
                if len(self._tallies) > self._entries:
                    self._tallies.popitem(last=False)

    def forget(self, keys: Sequence[str]) -> None:
        """Drop tallies; see the door."""
        with self._lock:
            for key in keys:
                self._tallies.pop(key, None)

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back; see the door."""
        with self._lock:
            written = self._journals.setdefault(journal, MemoryJournal())
            return [written.note(entry) for entry in checked(entries)]

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        with self._lock:
            return self._journals.setdefault(journal, MemoryJournal()).changes(after)

    def degraded(self) -> bool:
        """Never: memory is all that was asked for."""
        return False

    def close(self) -> None:
        """Nothing to let go of."""
