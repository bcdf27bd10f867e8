"""Keeping the write-ahead log of the SQLite file short.

What is written goes to the end of the log, until a *checkpoint* moves it into the file and the log begins anew
(sqlite.org/wal.html, 3.2 to 3.4). SQLite would begin one at each commit as long as the log is long. Where several processes write, the
others have always written more before it is done, so that nearly every commit moved a little and waited for the disk: for
two busy workers that was a quarter of their work (tests/bench/bench_state.py). So each process does it after so many rows of
its own, which costs it the same however many there are.

A log cannot begin anew while somebody reads from it or goes on writing. Between messages there are moments enough when nobody
does. Where there are none, and the log has grown past its bound, the others are held up for once and it is cut to nothing.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Final

ROWS: Final = 6_000
"""Rows that a process writes between two checkpoints: about 8 MB of the log. It waits for the disk then, some 10 ms."""

PAGES: Final = 32_000
"""Pages (32 MB) of the log past which the others are held up so that it can be cut."""

_PATIENCE: Final = 50
"""Milliseconds that the one who cuts it waits for the others; what fails is tried again after as many rows."""


class LogKeeper:
    """Begins a checkpoint when it is due. One for each process; its owner sees to it that one thread calls at a time."""

    def __init__(self) -> None:
        self._moved_at = 0

    def opened(self) -> None:
        """Take note of a new connection."""
        self._moved_at = 0

    def written(self, connection: sqlite3.Connection) -> None:
        """Move what the log holds into the file, if this process has written enough; to be called after a commit.

        Raises nothing: what was committed is in the log, and stays there until a later checkpoint.
        """
        rows = connection.total_changes
        if rows - self._moved_at < ROWS:
            return
        self._moved_at = rows
        with suppress(sqlite3.Error):
            (_, pages, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > PAGES:
                _cut(connection)


def _cut(connection: sqlite3.Connection) -> None:
    """Move the rest with the other writers held up, and cut the log once no reader needs it any more."""
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute("PRAGMA busy_timeout = 0")
