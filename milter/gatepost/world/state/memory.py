"""State in this process's memory: for tests, for the command line, and for the minutes when the shared store is away.

Each kind of record has a table of its own, least recently written first out and bounded, so that a flood of invented senders
costs a fixed amount of memory and never pushes out what another check needs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gatepost.world.clock import Clock
from gatepost.world.state import records
from gatepost.world.state.door import Answer, Ask, Asking, Changes, Entry
from gatepost.world.state.journal import MemoryJournal, checked

ENTRIES: Final = 50_000
"""Records kept of each kind (about 15 MB for each kind that is full; of values up to 60 MB). Past it the least recently
written one is forgotten."""


class MemoryState(Asking):
    """The state door over dictionaries; safe between threads, never away. `half_life` is in seconds."""

    def __init__(self, clock: Clock, *, half_life: float = 30 * 86_400.0, entries: int = ENTRIES) -> None:
        self._clock = clock
        self._half_life = half_life
        self._entries = entries
        self._lock = threading.Lock()
        # By kind and place: the bytes, and the time when they expire.
        self._tables: dict[str, OrderedDict[str, tuple[bytes, float]]] = {kind: OrderedDict() for kind in records.KINDS}
        self._journals: dict[str, MemoryJournal] = {}  # their names are the program's own and few

    @property
    def backend(self) -> str:
        """The word `memory`."""
        return "memory"

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks, all at one moment; see the door."""
        now = self._clock.now()
        with self._lock:
            return [self._answer(ask, now) for ask in asks]

    def _answer(self, ask: Ask, now: float) -> Answer:
        place = ask.place
        table = self._tables[place[0]]
        found, expires = table.get(place, (None, 0.0))
        if expires <= now:
            found = None
        if not ask.writes:
            return records.look(ask, found, now, self._half_life)
        answer, data, seconds = records.step(ask, found, now, self._half_life)
        if data is not None:
            table.pop(place, None)
            if seconds:
                table[place] = (data, now + seconds)
                if len(table) > self._entries:
                    table.popitem(last=False)
        return answer

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
