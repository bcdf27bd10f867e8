"""Keeping the SQLite file small: dropping what has expired, and what is past the bound of its kind.

The numbers of records are hashes, so those of one kind lie evenly over a range of 2^60, and any stretch of neighbours is a
fair sample of the kind: how close they lie says how many there are, and the ones of them that would expire first are as good to
drop as those of the whole table. So the table needs no index by age, which would double the pages that each write touches,
and no count: a sweep looks at one stretch, and the next one goes on behind it. The work follows the growth: a kind is
swept when GROWTH records were added to it, and can lose twice as many in one sweep.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from typing import Final

from gatepost.world.state.records import KINDS

GROWTH: Final = 512
"""Records that one process adds to a kind between two sweeps of it."""

STRETCH: Final = 2_048
"""Neighbours that a sweep looks at, about a millisecond; of these it drops at most half, beside those that have expired."""

EVERY: Final = 60.0
"""Seconds after which a process that writes sweeps one kind without any growth, so that what expired goes away."""

_BITS: Final = 60
_RANGE: Final = 1 << _BITS

_LOOK: Final = "SELECT id, expires FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_DROP: Final = "DELETE FROM records WHERE id = ?"


SPARE_BITS: Final = 4
"""Bits of a hash of 64 that are left out of a record's number."""


def beginning(kind: int) -> int:
    """Give where the numbers of a kind begin; 60 bits of a record's hash are added to it."""
    return kind << _BITS


class Sweeper:
    """Bounds each kind to so many `entries`, give or take what was added since the last sweep and 3 %.

    One for each process; its owner holds the transaction.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._added = [0] * len(KINDS)
        # Where the next sweep of each kind begins, within its range. Were it the same for all processes, workers that are
        # replaced often would never come to the end.
        self._next = [random.randrange(_RANGE) for _ in KINDS]
        self._turn = 0
        self._swept_at: float | None = None

    def grown(self, connection: sqlite3.Connection, added: Iterable[int], now: float) -> None:
        """Take note of new records, and sweep what is due."""
        for one in added:
            kind = one >> _BITS
            self._added[kind] += 1
            if self._added[kind] >= GROWTH:
                self._added[kind] = 0
                self._sweep(connection, kind, now)
        if self._swept_at is None:
            self._swept_at = now
        elif not 0.0 <= now - self._swept_at < EVERY:
            self._swept_at = now
            self._turn = (self._turn + 1) % len(KINDS)
            self._sweep(connection, self._turn, now)

    def _sweep(self, connection: sqlite3.Connection, kind: int, now: float) -> None:
        """Look at the next stretch of a kind, and drop from it what is to go."""
        begin, end = beginning(kind) + self._next[kind], beginning(kind + 1)
        rows = connection.execute(_LOOK, (begin, end, STRETCH)).fetchall()
        reached = rows[-1][0] + 1 if len(rows) == STRETCH else end
        self._next[kind] = reached & (_RANGE - 1)  # 0 after the last stretch
        gone = [row for row in rows if row[1] <= now]
        live = sorted((row for row in rows if row[1] > now), key=lambda row: row[1])
        estimate = len(live) * _RANGE // max(1, reached - begin)
        over = min(estimate - self._entries, len(live) // 2)
        if over > 0:
            gone += live[:over]
        connection.executemany(_DROP, [(row[0],) for row in gone])
